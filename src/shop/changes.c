/*
 * The notes of changed things, as settings.
 *
 * A value is one entry after the other: 'p' (product) or 'c' (customer), the bytes of the id in decimal, ':', the id.
 */
#include "shop/changes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "changed/"
enum { KEY_SIZE = sizeof PREFIX + 20, VALUE_MOST = MX_CHANGES_MOST * (MX_ID_MAX + 8), PAGE = 512 };
_Static_assert((unsigned)VALUE_MOST <= MX_TEXT_MAX, "a version's things fit a setting");

/* Ascending as texts, so that pages of settings are ranges of versions. */
static void key_of(int64_t version, char key[KEY_SIZE])
{
    snprintf(key, KEY_SIZE, PREFIX "%019" PRId64, version);
}

static bool is_noted(mx_record_kind kind)
{
    return kind == MX_PRODUCT || kind == MX_CUSTOMER;
}

merx_status mx_changes_note(mx_records *records, int64_t version, const mx_change *changes, size_t n, merx_error *err)
{
    char key[KEY_SIZE];
    char *value = NULL;
    mx_text text;

    if (version > MX_CHANGES_KEPT) {
        key_of(version - MX_CHANGES_KEPT, key);
        MX_TRY(mx_records_remove(records, MX_SETTING, mx_str_of(key), err));
    }
    if (n > MX_CHANGES_MOST)
        return MERX_OK;
    mx_text_init(&text, NULL, VALUE_MOST + 1);
    for (size_t i = 0; i < n; i++)
        if (is_noted(changes[i].kind))
            mx_text_printf(&text, "%c%zu:%.*s", changes[i].kind == MX_PRODUCT ? 'p' : 'c', changes[i].id.size,
                           (int)changes[i].id.size, changes[i].id.data);
    merx_status status = mx_text_give(&text, &value, err);
    key_of(version, key);
    if (status == MERX_OK)
        status = mx_records_set_setting(records, key, value, err);
    merx_text_free(value);
    mx_text_release(&text);
    return status;
}

/* ---- reading ---- */

typedef struct reading {
    mx_arena *arena;
    mx_vec changes;      /* mx_change */
    int64_t next, until; /* the version that comes next, the last that is wanted */
    size_t most;
    bool known;
} reading;

/* One entry off the front; false: it is none of ours. */
static bool take_entry(mx_str *text, mx_change *out)
{
    int64_t size = 0;
    const char *colon = text->size > 0 ? memchr(text->data, ':', text->size) : NULL;
    if (!colon || (text->data[0] != 'p' && text->data[0] != 'c') ||
        !mx_parse_int64((mx_str){text->data + 1, (size_t)(colon - text->data) - 1}, &size))
        return false;
    size_t left = text->size - (size_t)(colon + 1 - text->data);
    if (size < 1 || (uint64_t)size > left)
        return false;
    *out = (mx_change){text->data[0] == 'p' ? MX_PRODUCT : MX_CUSTOMER, {colon + 1, (size_t)size}};
    *text = (mx_str){colon + 1 + size, left - (size_t)size};
    return true;
}

static merx_status take_version(void *context, const mx_record *record, merx_error *err)
{
    reading *r = context;
    char key[KEY_SIZE];
    mx_str text = record->setting.value;
    key_of(r->next, key);
    if (!r->known || r->next > r->until)
        return MERX_OK;
    r->known = mx_str_equal(record->setting.key, mx_str_of(key));
    while (r->known && text.size > 0) {
        mx_change change = {0};
        r->known = take_entry(&text, &change) && r->changes.count < r->most;
        if (!r->known)
            break;
        change.id.data = mx_arena_strndup(r->arena, change.id.data, change.id.size, err);
        if (!change.id.data)
            return MERX_E_MEMORY;
        MX_TRY(mx_vec_append(&r->changes, &change, 1, err));
    }
    r->next++;
    return MERX_OK;
}

merx_status mx_changes_since(mx_records *records, int64_t after, int64_t until, size_t most, mx_arena *arena,
                             mx_change **out, size_t *n, bool *known, merx_error *err)
{
    char key[KEY_SIZE];
    reading r = {.arena = arena,
                 .changes = mx_vec_init(NULL, sizeof(mx_change), INT32_MAX, "changed things"),
                 .next = after + 1,
                 .until = until,
                 .most = most,
                 .known = after <= until && until - after <= MX_CHANGES_KEPT};
    merx_status status = MERX_OK;

    *out = NULL;
    *n = 0;
    key_of(after, key);
    mx_record_page page = {.after = mx_str_of(key), .limit = r.known ? (size_t)(until - after) : 0};
    MX_TRY_GOTO(mx_records_scan_page(records, MX_SETTING, &page, take_version, &r, err));
    *known = r.known && r.next == until + 1;
    if (!*known || r.changes.count == 0)
        goto out;
    *out = mx_arena_array(arena, r.changes.count, sizeof **out, err);
    if (!*out) {
        status = MERX_E_MEMORY;
        goto out;
    }
    memcpy(*out, r.changes.data, r.changes.count * sizeof **out);
    *n = r.changes.count;
out:
    mx_vec_release(&r.changes);
    return status;
}

/* ---- removing ---- */

typedef struct noted_keys {
    char key[PAGE][KEY_SIZE];
    size_t n;
} noted_keys;

static merx_status take_key(void *context, const mx_record *record, merx_error *err)
{
    noted_keys *keys = context;
    mx_str key = record->setting.key;
    (void)err;
    if (mx_str_starts(key, PREFIX) && key.size < KEY_SIZE) {
        memcpy(keys->key[keys->n], key.data, key.size);
        keys->key[keys->n++][key.size] = '\0';
    }
    return MERX_OK;
}

merx_status mx_changes_clear(mx_records *records, merx_error *err)
{
    const mx_record_page page = {.after = MX_STR(PREFIX), .limit = PAGE};
    noted_keys *keys;
    merx_status status = MX_NEW_ARRAY(NULL, 1, &keys, "changed things", err);
    MX_TRY(status);
    do {
        keys->n = 0;
        status = mx_records_scan_page(records, MX_SETTING, &page, take_key, keys, err);
        for (size_t i = 0; status == MERX_OK && i < keys->n; i++)
            status = mx_records_remove(records, MX_SETTING, mx_str_of(keys->key[i]), err);
    } while (status == MERX_OK && keys->n == PAGE);
    MX_FREE_ARRAY(NULL, keys, 1);
    return status;
}
