/*
 * What an import refuses: the first rows for the report, all of them for refused.csv; and the customers whose rows may not come back.
 */
#include <stdio.h>
#include <string.h>

#include "io/file.h"
#include "io/stream.h"
#include "shop/import_parts.h"

/* Longer values are cut, at a character. */
#define VALUE_SHOWN 200

void mx_refused_init(mx_refused *refused, const char *path, mx_arena *arena, const merx_allocator *alloc)
{
    memset(refused, 0, sizeof *refused);
    refused->alloc = alloc;
    refused->arena = arena;
    refused->path = path;
    refused->kept = mx_vec_init(alloc, sizeof(merx_refusal), MERX_REFUSALS_KEPT, "refusals");
}

/* A field with quotes, doubled inside. */
static void put_field(mx_text *line, mx_str value)
{
    mx_text_puts(line, "\"");
    for (size_t i = 0; i < value.size; i++) {
        mx_text_append(line, value.data + i, 1);
        if (value.data[i] == '"')
            mx_text_puts(line, "\"");
    }
    mx_text_puts(line, "\"");
}

static merx_status write_line(mx_refused *r, const char *file, uint64_t line, const char *column, mx_str value,
                              const char *message, merx_error *err)
{
    mx_text text;
    if (!r->sink) {
        static const char header[] = "file,line,column,value,expected\n";
        MX_TRY(mx_sink_open(r->path, MX_PLAIN, r->alloc, &r->sink, err));
        MX_TRY(mx_sink_write(r->sink, header, sizeof header - 1, err));
    }
    mx_text_init(&text, r->alloc, 1u << 20);
    put_field(&text, mx_str_of(file));
    mx_text_printf(&text, ",%llu,", (unsigned long long)line);
    put_field(&text, mx_str_of(column));
    mx_text_puts(&text, ",");
    put_field(&text, value);
    mx_text_puts(&text, ",");
    put_field(&text, mx_str_of(message));
    mx_text_puts(&text, "\n");
    merx_status status = mx_text_ok(&text, err);
    if (status == MERX_OK)
        status = mx_sink_write(r->sink, text.data, text.size, err);
    mx_text_release(&text);
    return status;
}

merx_status mx_refused_add(mx_refused *refused, const char *file, uint64_t line, const char *column, mx_str value,
                           const char *message, merx_error *err)
{
    if (value.size > VALUE_SHOWN) {
        size_t size = VALUE_SHOWN;
        while (size > 0 && ((unsigned char)value.data[size] & 0xc0) == 0x80)
            size--;
        value.size = size;
    }
    if (!mx_utf8_valid(value, NULL))
        value = MX_STR("(not UTF-8)");
    /* A list that can't be written must not lose the import: it is said at the end. */
    if (refused->failed == MERX_OK)
        refused->failed = write_line(refused, file, line, column, value, message, &refused->failure);
    if (refused->kept.count < MERX_REFUSALS_KEPT) {
        merx_refusal *kept;
        MX_TRY(mx_vec_push(&refused->kept, 1, &kept, err));
        kept->file = file;
        kept->line = line;
        kept->column = mx_arena_strdup(refused->arena, column, err);
        kept->value = mx_arena_strndup(refused->arena, value.data ? value.data : "", value.size, err);
        kept->message = mx_arena_strdup(refused->arena, message, err);
        if (!kept->column || !kept->value || !kept->message)
            return MERX_E_MEMORY;
    }
    return MERX_OK;
}

merx_status mx_refused_finish(mx_refused *refused, bool read, merx_error *err)
{
    if (refused->sink) {
        mx_sink *sink = refused->sink;
        refused->sink = NULL;
        if (refused->failed != MERX_OK) {
            mx_sink_abandon(sink);
            MX_FAIL(err, refused->failed, refused->path, "the refused rows can't be listed: %s",
                    refused->failure.message);
        }
        return mx_sink_finish(sink, err);
    }
    if (refused->failed != MERX_OK)
        MX_FAIL(err, refused->failed, refused->path, "the refused rows can't be listed: %s", refused->failure.message);
    return read ? mx_remove_file(refused->path, err) : MERX_OK;
}

void mx_refused_release(mx_refused *refused)
{
    if (refused->sink)
        mx_sink_abandon(refused->sink);
    refused->sink = NULL;
    mx_vec_release(&refused->kept);
}

/* ---- erased customers ---- */

typedef struct erased_scan {
    const merx_allocator *alloc;
    mx_erased *erased;
} erased_scan;

static merx_status take_setting(void *context, const mx_record *record, merx_error *err)
{
    erased_scan *scan = context;
    mx_str key = record->setting.key;
    int32_t code;
    if (!mx_str_starts(key, MX_SETTING_ERASED))
        return MERX_OK;
    if (!scan->erased->hashes)
        MX_TRY(mx_dict_new(scan->alloc, INT32_MAX, &scan->erased->hashes, err));
    size_t prefix = strlen(MX_SETTING_ERASED);
    return mx_dict_add(scan->erased->hashes, (mx_str){key.data + prefix, key.size - prefix}, &code, NULL, err);
}

static merx_status read_salt(mx_records *records, char salt[65], merx_error *err)
{
    mx_arena arena;
    const char *text = "";
    mx_arena_init(&arena, NULL);
    merx_status status = mx_records_setting(records, MX_SETTING_ERASED_SALT, &arena, &text, err);
    if (status == MERX_OK)
        snprintf(salt, 65, "%s", text);
    mx_arena_release(&arena);
    return status;
}

/* "c" + 32 hex digits of the salted hash. */
static void erased_key(const char *salt, char what, mx_str id, char key[34])
{
    unsigned char bytes[64 + 1 + MX_ID_MAX];
    unsigned char hash[16];
    size_t salted = strlen(salt);
    size_t size = id.size < MX_ID_MAX ? id.size : MX_ID_MAX;
    memcpy(bytes, salt, salted);
    bytes[salted] = (unsigned char)what;
    memcpy(bytes + salted + 1, id.data, size);
    mx_hash128(bytes, salted + 1 + size, hash);
    key[0] = what;
    for (int i = 0; i < 16; i++)
        snprintf(key + 1 + 2 * i, 3, "%02x", hash[i]);
}

merx_status mx_erased_read(mx_records *records, const merx_allocator *alloc, mx_erased *out, merx_error *err)
{
    erased_scan scan = {alloc, out};
    const mx_record_page page = {.after = MX_STR(MX_SETTING_ERASED), .limit = INT32_MAX};
    memset(out, 0, sizeof *out);
    MX_TRY(read_salt(records, out->salt, err));
    merx_status status =
        out->salt[0] ? mx_records_scan_page(records, MX_SETTING, &page, take_setting, &scan, err) : MERX_OK;
    if (status != MERX_OK)
        mx_erased_release(out);
    return status;
}

bool mx_erased_has(const mx_erased *erased, char what, mx_str id)
{
    char key[34];
    if (!erased->hashes || id.size == 0)
        return false;
    erased_key(erased->salt, what, id, key);
    return mx_dict_find(erased->hashes, mx_str_of(key)) >= 0;
}

void mx_erased_release(mx_erased *erased)
{
    mx_dict_free(erased->hashes);
    erased->hashes = NULL;
}

merx_status mx_erased_add(mx_records *records, char what, mx_str id, merx_error *err)
{
    char salt[65];
    char key[sizeof MX_SETTING_ERASED + 34];
    MX_TRY(read_salt(records, salt, err));
    if (!salt[0]) {
        unsigned char bytes[32];
        mx_random_bytes(bytes, sizeof bytes);
        for (size_t i = 0; i < sizeof bytes; i++)
            snprintf(salt + 2 * i, 3, "%02x", bytes[i]);
        MX_TRY(mx_records_set_setting(records, MX_SETTING_ERASED_SALT, salt, err));
    }
    size_t prefix = strlen(MX_SETTING_ERASED);
    memcpy(key, MX_SETTING_ERASED, prefix);
    erased_key(salt, what, id, key + prefix);
    return mx_records_set_setting(records, key, "1", err);
}
