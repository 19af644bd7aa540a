/*
 * Records out of JSON and into it, field by field of the table.
 */
#include "server/record_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/fields.h"

enum { VALUE_SHOWN = 100, FIELDS_MAX = 16 };

void mx_row_error(mx_row_errors *errors, size_t index, const char *field, const json_t *value, const char *format, ...)
{
    char expected[256];
    va_list arguments;

    errors->count++;
    if (errors->count > MX_ROW_ERRORS_SHOWN)
        return;
    va_start(arguments, format);
    vsnprintf(expected, sizeof expected, format, arguments);
    va_end(arguments);
    if (!errors->list)
        errors->list = json_array();
    char *dump = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    size_t size = dump ? strlen(dump) : 0;
    if (size > VALUE_SHOWN)
        for (size = VALUE_SHOWN; size > 0 && ((unsigned char)dump[size] & 0xc0) == 0x80;)
            size--;
    json_array_append_new(errors->list,
                          json_pack("{s:I, s:s, s:o, s:s}", "index", (json_int_t)index, "field", field, "value",
                                    dump ? json_stringn(dump, size) : json_null(), "expected", expected));
    free(dump); /* allocated by jansson */
}

/* ---- names ---- */

/* The name in JSON; false: the field is the store's own. */
static bool json_name(mx_record_kind kind, const mx_field *field, char out[32])
{
    if (kind == MX_EVENT && (strcmp(field->name, "source") == 0 || strcmp(field->name, "row") == 0))
        return false;
    snprintf(out, 32, "%s", field->name);
    mx_str name = mx_str_of(out);
    if (mx_str_ends(name, MX_MONEY_SUFFIX))
        out[name.size - strlen(MX_MONEY_SUFFIX)] = '\0';
    else if (mx_str_ends(name, "_ms"))
        out[name.size - 3] = '\0';
    return true;
}

static bool is_money(const mx_field *field)
{
    return mx_str_ends(mx_str_of(field->name), MX_MONEY_SUFFIX);
}

static bool is_time(const mx_field *field)
{
    return mx_str_ends(mx_str_of(field->name), "_ms");
}

static bool is_object(const mx_field *field)
{
    return strcmp(field->name, "attributes") == 0;
}

/* Whether the field must be there beyond what the store needs: as import asks for it. */
static bool is_needed(mx_record_kind kind, const mx_field *field)
{
    return field->required || (kind == MX_EVENT && (field->type == MX_FIELD_KIND || strcmp(field->name, "id") == 0)) ||
           (kind == MX_MESSAGE && strcmp(field->name, "text") == 0);
}

/* What replies tell beside a record's own fields, and what is left out when it comes back: it is counted, not said. */
static bool is_told(mx_record_kind kind, const char *name)
{
    if (kind == MX_EVENT)
        return strcmp(name, "offset") == 0;
    return kind == MX_CUSTOMER &&
           (strcmp(name, "events") == 0 || strcmp(name, "first_event") == 0 || strcmp(name, "last_event") == 0);
}

/* ---- values ---- */

typedef struct taking {
    mx_json_reader *reader;
    const mx_field *field;
    const char *name; /* in JSON */
    const json_t *value;
    mx_record *record;
} taking;

#define REFUSE(...)                                                                                                    \
    do {                                                                                                               \
        mx_row_error(t->reader->errors, t->reader->index, t->name, t->value, __VA_ARGS__);                             \
        return MERX_OK;                                                                                                \
    } while (0)

/* A number as JSON writes it; "" when it is none. */
static const char *number_text(const json_t *value, char buffer[40])
{
    buffer[0] = '\0';
    if (json_is_integer(value))
        snprintf(buffer, 40, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        mx_format_double(json_real_value(value), buffer);
    return buffer;
}

static merx_status keep_text(const taking *t, const char *data, size_t size, merx_error *err)
{
    char *copy = mx_arena_strndup(t->reader->arena, data, size, err);
    if (!copy)
        return MERX_E_MEMORY;
    *mx_field_text(t->field, t->record) = (mx_str){copy, size};
    return MERX_OK;
}

static merx_status take_object(const taking *t, merx_error *err)
{
    if (!json_is_object(t->value))
        REFUSE("a JSON object");
    if (json_object_size(t->value) == 0)
        return MERX_OK;
    char *dump = json_dumps(t->value, JSON_COMPACT | JSON_SORT_KEYS);
    if (!dump)
        MX_FAIL(err, MERX_E_MEMORY, "", "no memory for attributes");
    size_t size = strlen(dump);
    bool fits = size <= t->field->max_size;
    merx_status status = fits ? keep_text(t, dump, size, err) : MERX_OK;
    free(dump); /* allocated by jansson */
    if (!fits)
        REFUSE("at most %" PRIu32 " bytes of JSON", t->field->max_size);
    return status;
}

static merx_status take_text(const taking *t, merx_error *err)
{
    char buffer[40];
    if (is_object(t->field))
        return take_object(t, err);
    /* Ids are often numbers in a shop's own database. */
    const char *text = json_is_integer(t->value) ? number_text(t->value, buffer) : json_string_value(t->value);
    if (!text)
        REFUSE("text of at most %" PRIu32 " bytes", t->field->max_size);
    size_t size = json_is_string(t->value) ? json_string_length(t->value) : strlen(text);
    if (size > t->field->max_size || (size == 0 && is_needed(t->record->kind, t->field)))
        REFUSE("text of 1 to %" PRIu32 " bytes", t->field->max_size);
    return keep_text(t, text, size, err);
}

static merx_status take_money(const taking *t)
{
    char buffer[40];
    int64_t minor;
    int decimals = 0;
    int most = t->reader->settings->decimals;
    const char *text = json_is_string(t->value) ? json_string_value(t->value) : number_text(t->value, buffer);

    if (!*text || !mx_parse_decimal(mx_str_of(text), &minor, &decimals))
        REFUSE("an amount such as 12.50");
    if (!mx_rescale_decimal(minor, decimals, most, &minor) || minor > MX_MONEY_MAX || minor < -MX_MONEY_MAX)
        REFUSE("an amount with at most %d decimals (those of the shop's money), not above %" PRId64, most,
               MX_MONEY_MAX);
    mx_field_set_int(t->field, t->record, true, minor);
    return MERX_OK;
}

static merx_status take_time(const taking *t)
{
    char buffer[40];
    int64_t ms;
    bool text = json_is_string(t->value);
    mx_str value = mx_str_of(text ? json_string_value(t->value) : number_text(t->value, buffer));

    if (!mx_parse_date(value, text ? MX_DATE_ISO : MX_DATE_UNIX_S, t->reader->settings->zone_ms, &ms))
        REFUSE("a time: ISO 8601 text, such as 2024-05-01T12:30:00Z, or a number of seconds since 1970");
    mx_field_set_int(t->field, t->record, true, ms);
    return MERX_OK;
}

static merx_status take_kind(const taking *t)
{
    const char *word = json_string_value(t->value);
    for (int i = 0; word && i < MX_EVENT_KINDS; i++)
        if (strcmp(word, mx_event_kind_name((mx_event_kind)i)) == 0) {
            mx_field_set_int(t->field, t->record, true, i);
            return MERX_OK;
        }
    REFUSE("view, cart, purchase or return");
}

static merx_status take_whole(const taking *t)
{
    json_int_t value = json_integer_value(t->value);
    if (!json_is_integer(t->value) || value < t->field->minimum || value > t->field->maximum)
        REFUSE("a whole number from %" PRId64 " to %" PRId64, t->field->minimum, t->field->maximum);
    mx_field_set_int(t->field, t->record, true, value);
    return MERX_OK;
}

static merx_status take_real(const taking *t)
{
    double value = json_number_value(t->value);
    if (!json_is_number(t->value) || !isfinite(value))
        REFUSE("a number");
    mx_field_set_real(t->field, t->record, value);
    return MERX_OK;
}

static merx_status take_value(const taking *t, merx_error *err)
{
    switch (t->field->type) {
    case MX_FIELD_TEXT:
        return take_text(t, err);
    case MX_FIELD_INT:
        return is_money(t->field) ? take_money(t) : is_time(t->field) ? take_time(t) : take_whole(t);
    case MX_FIELD_BOOL:
        if (!json_is_boolean(t->value))
            REFUSE("true or false");
        mx_field_set_int(t->field, t->record, true, json_is_true(t->value));
        return MERX_OK;
    case MX_FIELD_KIND:
        return take_kind(t);
    case MX_FIELD_REAL:
        return take_real(t);
    }
    MX_FAIL(err, MERX_E_INTERNAL, t->name, "has a type that does not come over HTTP");
}

/* ---- a record ---- */

static void refuse_unknown(const mx_json_reader *reader, mx_record_kind kind, const char *key, const json_t *value)
{
    const mx_fields *fields = mx_record_fields(kind);
    char names[FIELDS_MAX][32];
    const char *list[FIELDS_MAX];
    char all[256] = "";
    size_t n = 0;
    for (size_t i = 0; i < fields->count && n < FIELDS_MAX; i++)
        if (json_name(kind, &fields->fields[i], names[n])) {
            size_t used = strlen(all);
            snprintf(all + used, sizeof all - used, "%s%s", used ? ", " : "", names[n]);
            list[n] = names[n];
            n++;
        }
    const char *nearest = mx_nearest_word(key, list, n);
    char field[80];
    snprintf(field, sizeof field, "%.60s", key);
    if (!mx_utf8_valid(mx_str_of(field), NULL))
        field[0] = '\0';
    mx_row_error(reader->errors, reader->index, field, value, "no such field%s%s%s (of %ss: %s)",
                 nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "",
                 mx_record_kind_name(kind), all);
}

static merx_status take_fields(mx_json_reader *reader, mx_record_kind kind, json_t *json, mx_record *out,
                               merx_error *err)
{
    const mx_fields *fields = mx_record_fields(kind);
    size_t known = 0;
    char name[32];
    for (size_t i = 0; i < fields->count; i++) {
        if (!json_name(kind, &fields->fields[i], name))
            continue;
        const json_t *value = json_object_get(json, name);
        known += value != NULL;
        taking t = {reader, &fields->fields[i], name, value, out};
        if (value && !json_is_null(value))
            MX_TRY(take_value(&t, err));
        else if (is_needed(kind, t.field))
            mx_row_error(reader->errors, reader->index, name, NULL, "the %s", name);
    }
    if (known == json_object_size(json))
        return MERX_OK;
    const char *key;
    json_t *value;
    json_object_foreach(json, key, value)
    {
        bool found = is_told(kind, key);
        for (size_t i = 0; i < fields->count && !found; i++)
            found = json_name(kind, &fields->fields[i], name) && strcmp(name, key) == 0;
        if (!found)
            refuse_unknown(reader, kind, key, value);
    }
    return MERX_OK;
}

/* What import holds of events too: nothing is zero, what came back is negative. */
static void check_event(const mx_json_reader *reader, const json_t *json, mx_event *e)
{
    const json_t *quantity = json_object_get(json, "quantity");
    if (!quantity || json_is_null(quantity)) {
        e->quantity = 1;
    } else if (json_is_integer(quantity) && json_integer_value(quantity) == 0) {
        mx_row_error(reader->errors, reader->index, "quantity", quantity, "a whole number other than 0");
    }
    if (e->kind == MX_EVENT_RETURN && e->quantity > 0)
        e->quantity = -e->quantity;
    if (e->kind != MX_EVENT_RETURN && e->quantity < 0)
        mx_row_error(reader->errors, reader->index, "quantity", quantity,
                     "a positive number (negative ones are of returns: \"kind\": \"return\")");
}

/* What was not said, where absence is not what is meant. */
static void set_defaults(const mx_json_reader *reader, const json_t *json, mx_record *out)
{
    const json_t *time = json_object_get(json, "time");
    const json_t *rating = json_object_get(json, "rating");
    bool now = !time || json_is_null(time);
    if (out->kind == MX_EVENT) {
        check_event(reader, json, &out->event);
        out->event.time_ms = now ? reader->now_ms : out->event.time_ms;
    } else if (out->kind == MX_MESSAGE) {
        out->message.time_ms = now ? reader->now_ms : out->message.time_ms;
    } else if (out->kind == MX_REVIEW) {
        out->review.time_ms = now ? reader->now_ms : out->review.time_ms;
        out->review.rating = rating && !json_is_null(rating) ? out->review.rating : (double)NAN;
    }
}

merx_status mx_record_from_json(mx_json_reader *reader, mx_record_kind kind, json_t *json, const char *id,
                                mx_record *out, bool *good, merx_error *err)
{
    size_t before = reader->errors->count;
    json_t *whole = NULL;

    memset(out, 0, sizeof *out);
    out->kind = kind;
    *good = false;
    if (!json_is_object(json)) {
        mx_row_error(reader->errors, reader->index, "", json, "a JSON object");
        return MERX_OK;
    }
    if (id) {
        const json_t *said = json_object_get(json, "id");
        if (said && !(json_is_string(said) && strcmp(json_string_value(said), id) == 0))
            mx_row_error(reader->errors, reader->index, "id", said, "the id of the path, or none");
        whole = json_copy(json);
        if (!whole || json_object_set_new(whole, "id", json_string(id)) != 0) {
            json_decref(whole);
            MX_FAIL(err, MERX_E_MEMORY, "", "no memory for a record");
        }
        json = whole;
    }
    merx_status status = take_fields(reader, kind, json, out, err);
    if (status == MERX_OK)
        set_defaults(reader, json, out);
    json_decref(whole);
    *good = reader->errors->count == before;
    return status;
}

/* ---- writing ---- */

static json_t *field_json(const mx_field *field, const mx_record *record, const mx_shop_settings *settings)
{
    int64_t number;
    char text[40];
    if (field->type == MX_FIELD_TEXT) {
        mx_str value = *mx_field_text_of(field, record);
        if (value.size == 0)
            return NULL;
        return is_object(field) ? json_loadb(value.data, value.size, 0, NULL) : json_stringn(value.data, value.size);
    }
    if (field->type == MX_FIELD_REAL)
        return isfinite(mx_field_real(field, record)) ? json_real(mx_field_real(field, record)) : NULL;
    if (!mx_field_int(field, record, &number))
        return NULL;
    if (field->type == MX_FIELD_BOOL)
        return json_boolean(number != 0);
    if (field->type == MX_FIELD_KIND)
        return json_string(mx_event_kind_name((mx_event_kind)number));
    if (is_money(field)) {
        mx_format_decimal(number, settings->decimals, text, sizeof text);
        return json_string(text);
    }
    if (is_time(field)) {
        mx_format_date(number, true, text);
        return json_string(text);
    }
    return json_integer(number);
}

json_t *mx_record_to_json(const mx_record *record, const mx_shop_settings *settings)
{
    const mx_fields *fields = mx_record_fields(record->kind);
    json_t *out = json_object();
    char name[32];
    if (record->kind == MX_EVENT && record->event.offset > 0)
        json_object_set_new(out, "offset", json_integer((json_int_t)record->event.offset));
    for (size_t i = 0; i < fields->count; i++) {
        if (!json_name(record->kind, &fields->fields[i], name))
            continue;
        json_t *value = field_json(&fields->fields[i], record, settings);
        if (value)
            json_object_set_new(out, name, value);
    }
    /* Imported rows without an id are told apart so. */
    if (record->kind == MX_EVENT && record->event.id.size == 0) {
        json_object_set_new(out, "source", json_stringn(record->event.source.data, record->event.source.size));
        json_object_set_new(out, "row", json_integer((json_int_t)record->event.row));
    }
    return out;
}

/* ---- RFC 7396 ---- */

bool mx_json_merge(json_t *target, json_t *patch)
{
    const char *key;
    json_t *value;
    json_object_foreach(patch, key, value)
    {
        if (json_is_null(value)) {
            json_object_del(target, key);
        } else if (json_is_object(value)) {
            json_t *below = json_object_get(target, key);
            if (!json_is_object(below)) {
                if (json_object_set_new(target, key, json_object()) != 0)
                    return false;
                below = json_object_get(target, key);
            }
            if (!mx_json_merge(below, value))
                return false;
        } else if (json_object_set(target, key, value) != 0) {
            return false;
        }
    }
    return true;
}

/* ---- the schema ---- */

static json_t *field_schema(const mx_field *field)
{
    if (is_object(field))
        return json_pack("{s:s}", "type", "object");
    if (is_money(field))
        return json_pack("{s:[ss], s:s}", "type", "string", "number", "description", "a decimal amount, such as 12.50");
    if (is_time(field))
        return json_pack("{s:[ss], s:s}", "type", "string", "number", "description",
                         "ISO 8601 text, or seconds since 1970");
    switch (field->type) {
    case MX_FIELD_TEXT:
        return json_pack("{s:[ss], s:I, s:s}", "type", "string", "integer", "maxLength", (json_int_t)field->max_size,
                         "description", "bytes of UTF-8 are counted");
    case MX_FIELD_BOOL:
        return json_pack("{s:s}", "type", "boolean");
    case MX_FIELD_KIND: {
        json_t *words = json_array();
        for (int i = 0; i < MX_EVENT_KINDS; i++)
            json_array_append_new(words, json_string(mx_event_kind_name((mx_event_kind)i)));
        return json_pack("{s:s, s:o}", "type", "string", "enum", words);
    }
    case MX_FIELD_INT:
        return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)field->minimum, "maximum",
                         (json_int_t)field->maximum);
    case MX_FIELD_REAL:
        break;
    }
    return json_pack("{s:s}", "type", "number");
}

json_t *mx_record_schema(mx_record_kind kind)
{
    const mx_fields *fields = mx_record_fields(kind);
    json_t *properties = json_object();
    json_t *needed = json_array();
    char name[32];
    for (size_t i = 0; i < fields->count; i++) {
        const mx_field *field = &fields->fields[i];
        if (!json_name(kind, field, name))
            continue;
        json_object_set_new(properties, name, field_schema(field));
        /* The id of a thing is in the path. */
        if (is_needed(kind, field) && !(kind != MX_EVENT && strcmp(name, "id") == 0))
            json_array_append_new(needed, json_string(name));
    }
    json_t *schema =
        json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0, "properties", properties);
    if (json_array_size(needed) > 0)
        json_object_set(schema, "required", needed);
    json_decref(needed);
    return schema;
}
