/*
 * Tar files written (see tar.h): ustar, with a pax header before an entry whose name or size it has no room for.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/tar.h"

enum { BLOCK = 512, NAME_BYTES = 100, PREFIX_BYTES = 155 };
#define SIZE_MOST (UINT64_C(1) << 33) /* eleven octal digits */

/* Where the name can be split into prefix and name, 0: it needs no prefix; false: it does not fit. */
static bool split_name(const char *name, size_t size, size_t *prefix)
{
    *prefix = 0;
    if (size <= NAME_BYTES)
        return true;
    for (size_t at = size > NAME_BYTES + 1 ? size - NAME_BYTES - 1 : 0; at < size && at <= PREFIX_BYTES; at++)
        if (name[at] == '/' && at > 0 && at + 1 < size) {
            *prefix = at;
            return true;
        }
    return false;
}

static void put_octal(unsigned char *field, size_t digits, uint64_t value)
{
    for (size_t i = digits; i-- > 0; value >>= 3)
        field[i] = (unsigned char)('0' + (value & 7));
}

static merx_status write_block(mx_sink *sink, const char *name, size_t size, size_t prefix, uint64_t bytes,
                               int64_t time_s, char type, merx_error *err)
{
    unsigned char h[BLOCK] = {0};
    unsigned sum = 0;

    memcpy(h, name + (prefix > 0 ? prefix + 1 : 0), size - (prefix > 0 ? prefix + 1 : 0));
    memcpy(h + 345, name, prefix);
    put_octal(h + 100, 7, 0600);
    put_octal(h + 108, 7, 0);
    put_octal(h + 116, 7, 0);
    put_octal(h + 124, 11, bytes);
    put_octal(h + 136, 11, time_s > 0 ? (uint64_t)time_s : 0);
    h[156] = (unsigned char)type;
    memcpy(h + 257, "ustar\00000", 8);
    memset(h + 148, ' ', 8);
    for (size_t i = 0; i < BLOCK; i++)
        sum += h[i];
    put_octal(h + 148, 6, sum);
    h[154] = '\0';
    return mx_sink_write(sink, h, BLOCK, err);
}

/* One record of a pax header: its length counts itself. */
static size_t put_record(char *out, size_t room, const char *key, const char *value)
{
    size_t rest = strlen(key) + strlen(value) + 3, length = rest + 1;
    char digits[24];

    while (rest + (size_t)snprintf(digits, sizeof digits, "%zu", length) != length)
        length++;
    return (size_t)snprintf(out, room, "%zu %s=%s\n", length, key, value);
}

merx_status mx_tar_write_header(mx_sink *sink, const char *name, uint64_t size, int64_t time_s, merx_error *err)
{
    char records[MX_TAR_NAME_BYTES + 128], number[24];
    size_t length = strlen(name), prefix, used = 0;
    const bool fits = split_name(name, length, &prefix);

    if (length == 0 || length >= MX_TAR_NAME_BYTES)
        MX_FAIL(err, MERX_E_LIMIT, name, "is no name for an entry of a tar file (1 to %zu bytes)",
                MX_TAR_NAME_BYTES - 1);
    if (!fits)
        used = put_record(records, sizeof records, "path", name);
    if (size >= SIZE_MOST) {
        snprintf(number, sizeof number, "%" PRIu64, size);
        used += put_record(records + used, sizeof records - used, "size", number);
    }
    if (used > 0) {
        MX_TRY(write_block(sink, "pax", 3, 0, used, time_s, 'x', err));
        MX_TRY(mx_sink_write(sink, records, used, err));
        MX_TRY(mx_tar_write_padding(sink, used, err));
    }
    return write_block(sink, name, fits ? length : NAME_BYTES, fits ? prefix : 0, size < SIZE_MOST ? size : 0, time_s,
                       '0', err);
}

merx_status mx_tar_write_padding(mx_sink *sink, uint64_t size, merx_error *err)
{
    static const unsigned char zeros[BLOCK];
    return mx_sink_write(sink, zeros, (size_t)((BLOCK - size % BLOCK) % BLOCK), err);
}

merx_status mx_tar_write_end(mx_sink *sink, merx_error *err)
{
    static const unsigned char zeros[2 * BLOCK];
    return mx_sink_write(sink, zeros, sizeof zeros, err);
}
