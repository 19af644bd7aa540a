/*
 * Tar files (see tar.h): blocks of 512 bytes; a header, then the entry's bytes filled up to a whole block.
 */
#include "io/tar.h"

#include <string.h>

enum { BLOCK = 512, MAX_EXTRA = 1 << 20 }; /* of a pax header or a long name */

/* Where things stand in a header. */
enum { AT_NAME = 0, AT_SIZE = 124, AT_CHECKSUM = 148, AT_TYPE = 156, AT_MAGIC = 257, AT_PREFIX = 345 };
enum { NAME_BYTES = 100, SIZE_BYTES = 12, CHECKSUM_BYTES = 8, PREFIX_BYTES = 155 };

struct mx_tar {
    const merx_allocator *alloc;
    mx_source *source;
    size_t entries, max_entries;
    uint64_t at;      /* in the stream */
    uint64_t left;    /* bytes of the entry not yet read */
    uint64_t padding; /* after them */
    bool ended;
    char name[MX_TAR_NAME_BYTES];
    bool has_name, has_size; /* of the entry to come, by a pax header or a long name */
    uint64_t next_size;
    unsigned char block[1 << 16];
};

merx_status mx_tar_open(mx_source *source, size_t max_entries, const merx_allocator *alloc, mx_tar **out,
                        merx_error *err)
{
    alloc = mx_allocator_or_default(alloc);
    MX_TRY(MX_NEW_ARRAY(alloc, 1, out, "tar file", err));
    (*out)->alloc = alloc;
    (*out)->source = source;
    (*out)->max_entries = max_entries;
    return MERX_OK;
}

void mx_tar_close(mx_tar *tar)
{
    if (tar != NULL)
        MX_FREE_ARRAY(tar->alloc, tar, 1);
}

static merx_status read_full(mx_tar *tar, void *out, size_t size, size_t *got, merx_error *err)
{
    *got = 0;
    while (*got < size) {
        size_t step;
        MX_TRY(mx_source_read(tar->source, (unsigned char *)out + *got, size - *got, &step, err));
        if (step == 0)
            break;
        *got += step;
    }
    tar->at += *got;
    return MERX_OK;
}

static merx_status cut_short(const mx_tar *tar, merx_error *err)
{
    if (tar->name[0] != '\0')
        MX_FAIL(err, MERX_E_CORRUPT, mx_source_name(tar->source), "is cut short, in or after %.200s (byte %llu)",
                tar->name, (unsigned long long)tar->at);
    MX_FAIL(err, MERX_E_CORRUPT, mx_source_name(tar->source), "is cut short (byte %llu)", (unsigned long long)tar->at);
}

static merx_status skip(mx_tar *tar, uint64_t bytes, merx_error *err)
{
    while (bytes > 0) {
        const size_t step = bytes < sizeof tar->block ? (size_t)bytes : sizeof tar->block;
        size_t got;
        MX_TRY(read_full(tar, tar->block, step, &got, err));
        if (got < step)
            return cut_short(tar, err);
        bytes -= got;
    }
    return MERX_OK;
}

/* Octal digits among spaces and zeros, or GNU's base 256 with the first bit set. */
static bool number(const unsigned char *field, size_t size, uint64_t *out)
{
    uint64_t value = 0;
    size_t i = 0;
    if (field[0] & 0x80) {
        if (field[0] != 0x80) /* negative, or beyond 64 bits */
            return false;
        for (i = 1; i < size; i++) {
            if (value >> 55)
                return false;
            value = value << 8 | field[i];
        }
        *out = value;
        return true;
    }
    while (i < size && field[i] == ' ')
        i++;
    for (; i < size && field[i] >= '0' && field[i] <= '7'; i++) {
        if (value >> 60)
            return false;
        value = value << 3 | (uint64_t)(field[i] - '0');
    }
    for (; i < size; i++)
        if (field[i] != ' ' && field[i] != '\0')
            return false;
    *out = value;
    return true;
}

/* The sum of the header's bytes, its own field as spaces; some old archives took them as signed. */
static bool checksum_holds(const unsigned char *header)
{
    uint64_t want;
    int64_t sum = 0, signed_sum = 0;
    for (size_t i = 0; i < BLOCK; i++) {
        const unsigned char byte = i >= AT_CHECKSUM && i < AT_CHECKSUM + CHECKSUM_BYTES ? ' ' : header[i];
        sum += byte;
        signed_sum += (signed char)byte;
    }
    return number(header + AT_CHECKSUM, CHECKSUM_BYTES, &want) && ((int64_t)want == sum || (int64_t)want == signed_sum);
}

static bool all_zero(const unsigned char *block)
{
    for (size_t i = 0; i < BLOCK; i++)
        if (block[i] != 0)
            return false;
    return true;
}

static bool set_name(mx_tar *tar, const char *name, size_t size)
{
    if (size == 0 || size >= sizeof tar->name || memchr(name, '\0', size) != NULL)
        return false;
    memcpy(tar->name, name, size);
    tar->name[size] = '\0';
    return true;
}

/* Records "LENGTH KEY=VALUE\n"; LENGTH counts itself. */
static bool take_pax(mx_tar *tar, const char *text, size_t size)
{
    while (size > 0) {
        size_t length = 0, i = 0;
        for (; i < size && i < 8 && text[i] >= '0' && text[i] <= '9'; i++)
            length = length * 10 + (size_t)(text[i] - '0');
        if (i == 0 || i >= size || text[i] != ' ' || length <= i + 1 || length > size || text[length - 1] != '\n')
            return false;
        const mx_str record = {text + i + 1, length - i - 2};
        const char *equals = record.size > 0 ? memchr(record.data, '=', record.size) : NULL;
        if (equals == NULL)
            return false;
        const mx_str key = {record.data, (size_t)(equals - record.data)};
        const mx_str value = {equals + 1, record.size - key.size - 1};
        int64_t bytes;
        if (mx_str_equal(key, MX_STR("path"))) {
            if (!set_name(tar, value.data, value.size))
                return false;
            tar->has_name = true;
        } else if (mx_str_equal(key, MX_STR("size"))) {
            if (!mx_parse_int64(value, &bytes) || bytes < 0)
                return false;
            tar->next_size = (uint64_t)bytes;
            tar->has_size = true;
        }
        text += length;
        size -= length;
    }
    return true;
}

/* A header that speaks of the next entry: pax ('x'), global pax ('g', not used), a long name ('L'), a long link ('K', not used). */
static merx_status take_extra(mx_tar *tar, char type, uint64_t size, merx_error *err)
{
    char *text = NULL;
    size_t got;
    if (size > MAX_EXTRA)
        MX_FAIL(err, MERX_E_LIMIT, mx_source_name(tar->source), "has an extended header of %llu bytes (at most %d)",
                (unsigned long long)size, MAX_EXTRA);
    const uint64_t padding = (BLOCK - size % BLOCK) % BLOCK;
    if (type == 'g' || type == 'K')
        return skip(tar, size + padding, err);
    MX_TRY(mx_alloc_array_raw(tar->alloc, size + 1, 1, "extended header of a tar file", &text, err));
    merx_status status;
    MX_TRY_GOTO(read_full(tar, text, size, &got, err));
    if (got < size) {
        status = cut_short(tar, err);
        goto out;
    }
    text[size] = '\0';
    const bool fine = type == 'x' ? take_pax(tar, text, size) : set_name(tar, text, strnlen(text, size));
    if (!fine)
        MX_FAIL_GOTO(err, MERX_E_CORRUPT, mx_source_name(tar->source), "has a damaged extended header (byte %llu)",
                     (unsigned long long)(tar->at - size));
    tar->has_name |= type == 'L';
    status = skip(tar, padding, err);
out:
    mx_free_array(tar->alloc, text, size + 1, 1);
    return status;
}

static merx_status name_of_header(mx_tar *tar, const unsigned char *header, merx_error *err)
{
    const char *name = (const char *)header + AT_NAME, *prefix = (const char *)header + AT_PREFIX;
    char whole[PREFIX_BYTES + 1 + NAME_BYTES];
    size_t size = 0;
    if (memcmp(header + AT_MAGIC, "ustar\0", 6) == 0 &&
        prefix[0] != '\0') { /* GNU's "ustar  " has other things there */
        size = strnlen(prefix, PREFIX_BYTES);
        memcpy(whole, prefix, size);
        whole[size++] = '/';
    }
    const size_t rest = strnlen(name, NAME_BYTES);
    memcpy(whole + size, name, rest);
    if (!set_name(tar, whole, size + rest))
        MX_FAIL(err, MERX_E_CORRUPT, mx_source_name(tar->source), "has an entry without a name (byte %llu)",
                (unsigned long long)(tar->at - BLOCK));
    return MERX_OK;
}

static merx_status read_header(mx_tar *tar, unsigned char *header, merx_error *err)
{
    size_t got;
    MX_TRY(read_full(tar, header, BLOCK, &got, err));
    if (got < BLOCK)
        return cut_short(tar, err);
    if (all_zero(header)) {
        tar->ended = true;
        return MERX_OK;
    }
    if (!checksum_holds(header))
        MX_FAIL(err, tar->at == BLOCK ? MERX_E_PARSE : MERX_E_CORRUPT, mx_source_name(tar->source),
                tar->at == BLOCK ? "is no tar file (the checksum at byte %llu is wrong)"
                                 : "is damaged: the checksum of the header at byte %llu is wrong",
                (unsigned long long)(tar->at - BLOCK));
    return MERX_OK;
}

merx_status mx_tar_next(mx_tar *tar, mx_tar_entry *out, merx_error *err)
{
    unsigned char header[BLOCK];
    *out = (mx_tar_entry){.name = NULL};
    if (tar->ended)
        return MERX_OK;
    MX_TRY(skip(tar, tar->left, err));
    MX_TRY(skip(tar, tar->padding, err));
    tar->left = tar->padding = 0;
    tar->has_name = tar->has_size = false;
    for (;;) {
        uint64_t size;
        MX_TRY(read_header(tar, header, err));
        if (tar->ended)
            return MERX_OK;
        const char type = (char)header[AT_TYPE];
        if (!number(header + AT_SIZE, SIZE_BYTES, &size))
            MX_FAIL(err, MERX_E_CORRUPT, mx_source_name(tar->source), "is damaged: the size at byte %llu is no number",
                    (unsigned long long)(tar->at - BLOCK + AT_SIZE));
        if (tar->entries++ >= tar->max_entries)
            MX_FAIL(err, MERX_E_LIMIT, mx_source_name(tar->source), "has more than %zu entries", tar->max_entries);
        if (type == 'x' || type == 'g' || type == 'L' || type == 'K') {
            MX_TRY(take_extra(tar, type, size, err));
            continue;
        }
        if (!tar->has_name)
            MX_TRY(name_of_header(tar, header, err));
        if (tar->has_size)
            size = tar->next_size;
        const bool bodiless = type >= '1' && type <= '6'; /* links, devices, folders, pipes */
        out->type = type == '5'                                  ? MX_TAR_FOLDER
                    : type == '0' || type == '\0' || type == '7' ? MX_TAR_FILE
                                                                 : MX_TAR_OTHER;
        out->name = tar->name;
        if (out->type == MX_TAR_FILE && tar->name[strlen(tar->name) - 1] == '/')
            out->type = MX_TAR_FOLDER; /* of the old form */
        out->offset = tar->at;
        out->size = bodiless ? 0 : size;
        if (out->size > INT64_MAX - tar->at - BLOCK)
            MX_FAIL(err, MERX_E_CORRUPT, mx_source_name(tar->source), "has an entry of %llu bytes",
                    (unsigned long long)out->size);
        tar->left = out->size;
        tar->padding = (BLOCK - out->size % BLOCK) % BLOCK;
        return MERX_OK;
    }
}

merx_status mx_tar_read(mx_tar *tar, void *buffer, size_t size, size_t *got, merx_error *err)
{
    const size_t want = size < tar->left ? size : (size_t)tar->left;
    *got = 0;
    if (want == 0)
        return MERX_OK;
    MX_TRY(read_full(tar, buffer, want, got, err));
    tar->left -= *got;
    return *got < want ? cut_short(tar, err) : MERX_OK;
}

bool mx_tar_safe_name(const char *name)
{
    if (name[0] == '\0' || name[0] == '/')
        return false;
    for (const char *part = name;;) {
        const char *end = strchr(part, '/');
        const size_t size = end != NULL ? (size_t)(end - part) : strlen(part);
        if (size == 2 && memcmp(part, "..", 2) == 0)
            return false;
        if (end == NULL)
            break;
        part = end + 1;
    }
    for (const char *at = name; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return false;
    return true;
}
