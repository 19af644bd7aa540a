/*
 * shop.json: what the owner says of the shop and of foreign columns. Every key is known or refused with the nearest.
 */
#include <fnmatch.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "io/file.h"
#include "shop/import_parts.h"

struct mx_mapping {
    const merx_allocator *alloc;
    json_t *root;
    char path[256];
};

static const char *const top_keys[] = {"currency", "decimals", "time_zone", "week_start", "services", "files"};
static const char *const file_keys[] = {"role", "separator", "date_format", "decimal_comma", "columns"};
static const char *const date_names[] = {"iso", "dmy", "mdy", "ymd", "unix", "unix_ms"};
static const mx_date_format date_formats[] = {MX_DATE_ISO,       MX_DATE_DMY,    MX_DATE_MDY,
                                              MX_DATE_YMD_SLASH, MX_DATE_UNIX_S, MX_DATE_UNIX_MS};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static merx_status unknown(const mx_mapping *m, const char *what, const char *key, const char *const *known, size_t n,
                           merx_error *err)
{
    const char *nearest = mx_nearest_word(key, known, n);
    char list[300] = "";
    for (size_t i = 0; i < n; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", known[i]);
    if (nearest)
        MX_FAIL(err, MERX_E_NOT_FOUND, m->path, "%s \"%.80s\" is unknown; did you mean \"%s\"?", what, key, nearest);
    MX_FAIL(err, MERX_E_NOT_FOUND, m->path, "%s \"%.80s\" is unknown (expected one of %s)", what, key, list);
}

static merx_status known_key(const mx_mapping *m, const char *what, const char *key, const char *const *known, size_t n,
                             merx_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(key, known[i]) == 0)
            return MERX_OK;
    return unknown(m, what, key, known, n, err);
}

static merx_status check_columns(const mx_mapping *m, const char *file, mx_role role, json_t *columns, merx_error *err)
{
    const char *key;
    json_t *value;
    const char *known[MX_MEANINGS];
    size_t n = 0;

    if (!json_is_object(columns))
        MX_FAIL(err, MERX_E_TYPE, m->path, "\"columns\" of file \"%.80s\" is no object of names", file);
    for (int i = 0; i < MX_MEANINGS; i++)
        if (role == MX_ROLE_NONE || mx_role_has(role, (mx_meaning)i))
            known[n++] = mx_meaning_name((mx_meaning)i);
    json_object_foreach(columns, key, value)
    {
        MX_TRY(known_key(m, "column", key, known, n, err));
        if (!json_is_string(value))
            MX_FAIL(err, MERX_E_TYPE, m->path, "column \"%s\" of file \"%.80s\" is not given by its name in the file",
                    key, file);
    }
    return MERX_OK;
}

static merx_status check_file(const mx_mapping *m, const char *file, json_t *entry, merx_error *err)
{
    const char *key;
    json_t *value;
    const char *role = json_string_value(json_object_get(entry, "role"));
    const char *roles[MX_ROLES + 2];

    if (!json_is_object(entry))
        MX_FAIL(err, MERX_E_TYPE, m->path, "what is said of file \"%.80s\" is no object", file);
    for (int i = 0; i < MX_ROLES; i++)
        roles[i] = mx_role_name((mx_role)i);
    roles[MX_ROLES] = "order_lines";
    roles[MX_ROLES + 1] = "ignore";
    json_object_foreach(entry, key, value) MX_TRY(known_key(m, "key", key, file_keys, COUNT(file_keys), err));
    if (json_object_get(entry, "role")) {
        if (!role)
            MX_FAIL(err, MERX_E_TYPE, m->path, "\"role\" of file \"%.80s\" is no text", file);
        MX_TRY(known_key(m, "role", role, roles, COUNT(roles), err));
    }
    value = json_object_get(entry, "separator");
    if (value && (!json_is_string(value) || json_string_length(value) != 1))
        MX_FAIL(err, MERX_E_TYPE, m->path, "\"separator\" of file \"%.80s\" is not one character", file);
    value = json_object_get(entry, "decimal_comma");
    if (value && !json_is_boolean(value))
        MX_FAIL(err, MERX_E_TYPE, m->path, "\"decimal_comma\" of file \"%.80s\" is not true or false", file);
    value = json_object_get(entry, "date_format");
    if (value && !json_is_string(value))
        MX_FAIL(err, MERX_E_TYPE, m->path, "\"date_format\" of file \"%.80s\" is no text", file);
    if (value)
        MX_TRY(known_key(m, "date format", json_string_value(value), date_names, COUNT(date_names), err));
    value = json_object_get(entry, "columns");
    return value ? check_columns(m, file, role ? mx_role_find(role) : MX_ROLE_NONE, value, err) : MERX_OK;
}

static merx_status check_shop(const mx_mapping *m, merx_error *err)
{
    json_t *value = json_object_get(m->root, "currency");
    int64_t zone;

    if (value && (!json_is_string(value) || json_string_length(value) > 8))
        MX_FAIL(err, MERX_E_TYPE, m->path, "\"currency\" is no short text (expected e.g. \"GBP\")");
    value = json_object_get(m->root, "decimals");
    if (value && !json_is_null(value) &&
        (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > MX_DECIMALS_MOST))
        MX_FAIL(err, MERX_E_RANGE, m->path, "\"decimals\" is not a whole number from 0 to %d (or null: found)",
                MX_DECIMALS_MOST);
    value = json_object_get(m->root, "time_zone");
    if (value && (!json_is_string(value) || !mx_parse_zone(json_string_value(value), &zone)))
        MX_FAIL(err, MERX_E_TYPE, m->path, "\"time_zone\" is not an offset (expected e.g. \"+08:00\")");
    value = json_object_get(m->root, "week_start");
    if (value && (!json_is_string(value) || mx_parse_weekday(json_string_value(value)) < 0))
        MX_FAIL(err, MERX_E_TYPE, m->path, "\"week_start\" is not a day (expected e.g. \"monday\")");
    value = json_object_get(m->root, "services");
    if (value && !json_is_array(value))
        MX_FAIL(err, MERX_E_TYPE, m->path, "\"services\" is no list of product ids");
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!json_is_string(json_array_get(value, i)) || strchr(json_string_value(json_array_get(value, i)), '|'))
            MX_FAIL(err, MERX_E_TYPE, m->path, "entry %zu of \"services\" is no product id", i + 1);
    return MERX_OK;
}

merx_status mx_mapping_read(const char *path, const merx_allocator *alloc, mx_mapping **out, merx_error *err)
{
    mx_mapping *m;
    mx_map map = {0};
    json_error_t where;
    const char *key;
    json_t *value;

    *out = NULL;
    MX_TRY(mx_map_open(path, &map, err));
    merx_status status = MX_NEW_ARRAY(alloc, 1, &m, "mapping", err);
    if (status != MERX_OK) {
        mx_map_close(&map);
        return status;
    }
    m->alloc = alloc;
    snprintf(m->path, sizeof m->path, "%s", path);
    m->root = json_loadb((const char *)(map.data ? map.data : (const unsigned char *)""), map.size,
                         JSON_REJECT_DUPLICATES, &where);
    mx_map_close(&map);
    if (!m->root)
        MX_FAIL_GOTO(err, MERX_E_PARSE, path, "line %d: %s", where.line, where.text);
    if (!json_is_object(m->root))
        MX_FAIL_GOTO(err, MERX_E_TYPE, path, "is no JSON object");
    json_object_foreach(m->root, key, value) MX_TRY_GOTO(known_key(m, "key", key, top_keys, COUNT(top_keys), err));
    MX_TRY_GOTO(check_shop(m, err));
    value = json_object_get(m->root, "files");
    if (value && !json_is_object(value))
        MX_FAIL_GOTO(err, MERX_E_TYPE, path, "\"files\" is no object of file names");
    json_t *entry;
    json_object_foreach(value, key, entry) MX_TRY_GOTO(check_file(m, key, entry, err));
out:
    if (status == MERX_OK)
        *out = m;
    else
        mx_mapping_free(m);
    return status;
}

void mx_mapping_free(mx_mapping *mapping)
{
    if (!mapping)
        return;
    json_decref(mapping->root);
    MX_FREE_ARRAY(mapping->alloc, mapping, 1);
}

/* ---- the shop's settings ---- */

static merx_status set_if_new(mx_records *records, const char *key, const char *value, bool *changed, merx_error *err)
{
    mx_arena arena;
    const char *now = "";
    mx_arena_init(&arena, NULL);
    merx_status status = mx_records_setting(records, key, &arena, &now, err);
    if (status == MERX_OK && strcmp(now, value) != 0) {
        status = mx_records_set_setting(records, key, value, err);
        *changed = true;
    }
    mx_arena_release(&arena);
    return status;
}

static merx_status apply_decimals(const mx_mapping *m, mx_records *records, const mx_shop_settings *now, int decimals,
                                  bool *changed, merx_error *err)
{
    uint64_t events = 0;
    uint64_t products = 0;
    char text[16];

    snprintf(text, sizeof text, "%d", decimals);
    MX_TRY(mx_records_count(records, MX_EVENT, &events, err));
    MX_TRY(mx_records_count(records, MX_PRODUCT, &products, err));
    if (decimals > now->decimals)
        MX_TRY(mx_records_rescale_money(records, decimals - now->decimals, err));
    else if (decimals < now->decimals && events + products > 0)
        MX_FAIL(err, MERX_E_CHANGED, m->path,
                "\"decimals\" is %d, but amounts with %d are stored; import into a new shop", decimals, now->decimals);
    MX_TRY(set_if_new(records, MX_SETTING_DECIMALS, text, changed, err));
    MX_TRY(set_if_new(records, MX_SETTING_DECIMALS_LEAST, text, changed, err));
    return set_if_new(records, MX_SETTING_DECIMALS_FIXED, "1", changed, err);
}

static merx_status apply_services(const mx_mapping *m, mx_records *records, json_t *list, bool *changed,
                                  merx_error *err)
{
    mx_text text;
    mx_text_init(&text, m->alloc, 1u << 16);
    for (size_t i = 0; i < json_array_size(list); i++)
        mx_text_printf(&text, "%s%s", i ? "|" : "", json_string_value(json_array_get(list, i)));
    merx_status status = mx_text_ok(&text, err);
    if (status == MERX_OK)
        status = set_if_new(records, MX_SETTING_SERVICES, text.data, changed, err);
    mx_text_release(&text);
    return status;
}

merx_status mx_mapping_apply(const mx_mapping *mapping, mx_records *records, const mx_shop_settings *now, bool *changed,
                             merx_error *err)
{
    json_t *value = json_object_get(mapping->root, "currency");
    int64_t zone = 0;
    uint64_t events = 0;

    *changed = false;
    if (value)
        MX_TRY(set_if_new(records, MX_SETTING_CURRENCY, json_string_value(value), changed, err));
    value = json_object_get(mapping->root, "week_start");
    if (value)
        MX_TRY(set_if_new(records, MX_SETTING_WEEK_START, json_string_value(value), changed, err));
    value = json_object_get(mapping->root, "time_zone");
    if (value && mx_parse_zone(json_string_value(value), &zone)) {
        MX_TRY(mx_records_count(records, MX_EVENT, &events, err));
        if (zone != now->zone_ms && events > 0)
            MX_FAIL(err, MERX_E_CHANGED, mapping->path,
                    "\"time_zone\" is another than that of the events already stored; import into a new shop");
        MX_TRY(set_if_new(records, MX_SETTING_TIME_ZONE, json_string_value(value), changed, err));
    }
    value = json_object_get(mapping->root, "decimals");
    if (json_is_integer(value))
        MX_TRY(apply_decimals(mapping, records, now, (int)json_integer_value(value), changed, err));
    value = json_object_get(mapping->root, "services");
    return value ? apply_services(mapping, records, value, changed, err) : MERX_OK;
}

/* ---- files ---- */

/* By its name, else by the first pattern ("orders_*.csv") that fits. */
static json_t *entry_of(const mx_mapping *mapping, const char *file_name)
{
    json_t *files = json_object_get(mapping->root, "files");
    json_t *entry = json_object_get(files, file_name);
    const char *key;
    json_t *value;
    if (entry)
        return entry;
    json_object_foreach(files, key, value) if (fnmatch(key, file_name, FNM_PATHNAME) == 0) return value;
    return NULL;
}

bool mx_mapping_file(const mx_mapping *mapping, const char *file_name, mx_layout *layout, bool *ignored)
{
    json_t *entry = mapping ? entry_of(mapping, file_name) : NULL;
    *ignored = false;
    if (!entry)
        return false;
    const char *role = json_string_value(json_object_get(entry, "role"));
    const char *separator = json_string_value(json_object_get(entry, "separator"));
    const char *date = json_string_value(json_object_get(entry, "date_format"));
    *ignored = role && strcmp(role, "ignore") == 0;
    layout->role = role && !*ignored ? mx_role_find(role) : MX_ROLE_NONE;
    layout->mapped = true;
    layout->separator = separator ? separator[0] : '\0';
    layout->decimal_comma = json_is_true(json_object_get(entry, "decimal_comma"));
    for (size_t i = 0; date && i < COUNT(date_names); i++)
        if (strcmp(date, date_names[i]) == 0) {
            layout->date_format_given = true;
            layout->date_format = date_formats[i];
        }
    return true;
}

merx_status mx_mapping_columns(const mx_mapping *mapping, const char *file_name, const mx_rows *rows, mx_layout *layout,
                               merx_error *err)
{
    json_t *columns = mapping ? json_object_get(entry_of(mapping, file_name), "columns") : NULL;
    const char *key;
    json_t *value;

    json_object_foreach(columns, key, value)
    {
        mx_meaning meaning = mx_meaning_find(key);
        int column = mx_rows_find(rows, json_string_value(value));
        if (!mx_role_has(layout->role, meaning))
            MX_FAIL(err, MERX_E_INVALID, mapping->path, "file \"%s\" holds %s, which have no \"%s\"", file_name,
                    mx_role_name(layout->role), key);
        if (column < 0)
            MX_FAIL(err, MERX_E_INVALID, mapping->path,
                    "column \"%s\" of file \"%s\" (for \"%s\") is not in it; its first is \"%s\"",
                    json_string_value(value), file_name, key, mx_rows_columns(rows) ? mx_rows_column(rows, 0) : "");
        for (int i = 0; i < MX_MEANINGS; i++)
            if (layout->column[i] == column)
                layout->column[i] = -1;
        layout->column[meaning] = column;
    }
    return MERX_OK;
}
