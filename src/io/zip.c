/*
 * Zip files (zip.h). The end record, found from the end, says where the directory is; the directory says where the members are.
 */
#include "io/zip.h"

#include <string.h>

#include "io/compress.h"

/* Sizes of records without their names (4.3.7, 4.3.12, 4.3.14, 4.3.15, 4.3.16). */
enum { LOCAL = 30, ENTRY = 46, END64 = 56, LOCATOR64 = 20, END = 22, COMMENT = 65535, MOST_MEMBERS = 1 << 20 };
enum { STORED = 0, DEFLATED = 8 };
#define MOST_RATIO 1032 /* of deflate */

static merx_status damaged(const mx_zip *z, const char *what, merx_error *err)
{
    MX_FAIL(err, MERX_E_CORRUPT, z->name, "this is no zip file, or a damaged one: %s", what);
}

static uint64_t number(const unsigned char *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static bool within(const mx_zip *z, uint64_t at, uint64_t size)
{
    return at <= z->size && size <= z->size - at;
}

/* The end record of large files, which a locator before the other points at (4.3.14). */
static merx_status read_end64(mx_zip *z, uint64_t end, merx_error *err)
{
    if (end < LOCATOR64 || number(z->data + end - LOCATOR64, 4) != 0x07064b50)
        return MERX_OK;
    uint64_t at = number(z->data + end - LOCATOR64 + 8, 8);
    if (!within(z, at, END64) || number(z->data + at, 4) != 0x06064b50)
        return damaged(z, "its end record", err);
    z->members = number(z->data + at + 32, 8);
    z->directory_size = number(z->data + at + 40, 8);
    z->directory = number(z->data + at + 48, 8);
    return MERX_OK;
}

merx_status mx_zip_open(const void *data, size_t size, const char *name, const merx_allocator *alloc, mx_zip *out,
                        merx_error *err)
{
    *out = (mx_zip){.data = data, .size = size, .name = name, .alloc = mx_allocator_or_default(alloc)};
    if (size < END)
        return damaged(out, "it is too short", err);
    size_t at = size - END, least = at > COMMENT ? at - COMMENT : 0;
    while (number(out->data + at, 4) != 0x06054b50 || number(out->data + at + 20, 2) != size - END - at)
        if (at-- == least)
            return damaged(out, "it has no end record (cut short?)", err);
    out->members = number(out->data + at + 10, 2);
    out->directory_size = number(out->data + at + 12, 4);
    out->directory = number(out->data + at + 16, 4);
    MX_TRY(read_end64(out, at, err));
    if (out->members > MOST_MEMBERS)
        MX_FAIL(err, MERX_E_LIMIT, name, "has %llu members; at most %d are read", (unsigned long long)out->members,
                MOST_MEMBERS);
    return within(out, out->directory, out->directory_size) ? MERX_OK : damaged(out, "its directory", err);
}

/* What the directory says of a member. */
typedef struct entry {
    uint64_t flags, method, crc, packed, size, local;
    const unsigned char *name, *extra;
    size_t name_size, extra_size, bytes;
} entry;

/* Sizes that did not fit four bytes stand in an extra field (4.5.3), those that are needed, in this order. */
static bool read_extra64(entry *e)
{
    const uint64_t full = UINT32_MAX;
    for (size_t at = 0; at + 4 <= e->extra_size;) {
        uint64_t id = number(e->extra + at, 2), size = number(e->extra + at + 2, 2);
        at += 4;
        if (size > e->extra_size - at)
            return false;
        uint64_t *values[] = {&e->size, &e->packed, &e->local};
        size_t next = at;
        for (size_t i = 0; id == 1 && i < 3; i++)
            if (*values[i] == full) {
                if (next + 8 > at + size)
                    return false;
                *values[i] = number(e->extra + next, 8);
                next += 8;
            }
        if (id == 1)
            return true;
        at += (size_t)size;
    }
    return e->size != full && e->packed != full && e->local != full;
}

static bool read_entry(const mx_zip *z, uint64_t at, entry *e)
{
    if (!within(z, at, ENTRY) || number(z->data + at, 4) != 0x02014b50)
        return false;
    const unsigned char *p = z->data + at;
    *e = (entry){.flags = number(p + 8, 2),
                 .method = number(p + 10, 2),
                 .crc = number(p + 16, 4),
                 .packed = number(p + 20, 4),
                 .size = number(p + 24, 4),
                 .name_size = (size_t)number(p + 28, 2),
                 .extra_size = (size_t)number(p + 30, 2),
                 .local = number(p + 42, 4)};
    e->bytes = ENTRY + e->name_size + e->extra_size + (size_t)number(p + 32, 2);
    if (!within(z, at, e->bytes))
        return false;
    e->name = p + ENTRY;
    e->extra = e->name + e->name_size;
    return read_extra64(e);
}

static merx_status inflate_member(const mx_zip *z, const char *member, const unsigned char *from, const entry *e,
                                  mx_zip_member *out, merx_error *err)
{
    enum { STEP = 1 << 30 };
    union {
        const unsigned char *kept;
        unsigned char *any;
    } next = {.kept = from}; /* zlib's next_in is not const */
    z_stream s = {.next_in = next.any};
    size_t left = (size_t)e->packed;
    int code = Z_OK;
    MX_TRY(mx_alloc_array_raw(z->alloc, (size_t)e->size + 1, 1, "member of a zip file", &out->owned, err));
    out->size = (size_t)e->size; /* now owned: the caller releases */
    mx_zlib_use(&s, z->alloc);
    if (inflateInit2(&s, -MAX_WBITS) != Z_OK)
        MX_FAIL(err, MERX_E_MEMORY, z->name, "no memory to inflate %.100s", member);
    s.next_out = out->owned;
    size_t room = out->size + 1; /* one more shows what is too long */
    while (code == Z_OK) {
        uInt in = left < STEP ? (uInt)left : STEP, some = room < STEP ? (uInt)room : STEP;
        s.avail_in = in;
        s.avail_out = some;
        code = inflate(&s, Z_NO_FLUSH);
        left -= in - s.avail_in;
        room -= some - s.avail_out;
    }
    (void)inflateEnd(&s);
    if (code == Z_MEM_ERROR)
        MX_FAIL(err, MERX_E_MEMORY, z->name, "no memory to inflate %.100s", member);
    if (code != Z_STREAM_END || room != 1)
        MX_FAIL(err, MERX_E_CORRUPT, z->name, "member %.100s: %s", member,
                code == Z_STREAM_END ? "does not have as many bytes as the directory says" : "its bytes are damaged");
    out->data = out->owned;
    return MERX_OK;
}

static uint64_t checksum(const unsigned char *data, size_t size)
{
    return crc32_z(crc32_z(0, NULL, 0), data, size);
}

static merx_status read_member(const mx_zip *z, const char *member, uint64_t most, const entry *e, mx_zip_member *out,
                               merx_error *err)
{
    if ((e->flags & 1) != 0 || (e->method != STORED && e->method != DEFLATED))
        MX_FAIL(err, MERX_E_UNSUPPORTED, z->name, "member %.100s is %s; merx reads stored and deflated ones", member,
                e->flags & 1 ? "encrypted" : "compressed by another method");
    if (e->size > most)
        MX_FAIL(err, MERX_E_LIMIT, z->name, "member %.100s has %llu bytes; at most %llu are read", member,
                (unsigned long long)e->size, (unsigned long long)most);
    if (!within(z, e->local, LOCAL) || number(z->data + e->local, 4) != 0x04034b50)
        return damaged(z, "the place of a member", err);
    const uint64_t at = e->local + LOCAL + number(z->data + e->local + 26, 2) + number(z->data + e->local + 28, 2);
    if (!within(z, at, e->packed) || (e->method == STORED && e->packed != e->size) || e->size / MOST_RATIO > e->packed)
        MX_FAIL(err, MERX_E_CORRUPT, z->name, "member %.100s does not lie whole within the file", member);
    if (e->method == STORED) {
        out->data = z->data + at;
        out->size = (size_t)e->size;
    } else {
        MX_TRY(inflate_member(z, member, z->data + at, e, out, err));
    }
    if (checksum(out->data, out->size) != e->crc)
        MX_FAIL(err, MERX_E_CORRUPT, z->name, "member %.100s is damaged: its checksum is another", member);
    return MERX_OK;
}

merx_status mx_zip_read(const mx_zip *zip, const char *member, uint64_t most, mx_zip_member *out, bool *found,
                        merx_error *err)
{
    uint64_t at = zip->directory, end = at + zip->directory_size;
    size_t length = strlen(member);
    *out = (mx_zip_member){0};
    *found = false;
    for (uint64_t i = 0; i < zip->members && !*found; i++) {
        entry e;
        if (at >= end || !read_entry(zip, at, &e))
            return damaged(zip, "its directory", err);
        at += e.bytes;
        if (e.name_size != length || memcmp(e.name, member, length) != 0)
            continue;
        *found = true;
        merx_status status = read_member(zip, member, most, &e, out, err);
        if (status != MERX_OK) {
            mx_zip_member_release(zip, out);
            return status;
        }
    }
    return MERX_OK;
}

void mx_zip_member_release(const mx_zip *zip, mx_zip_member *member)
{
    if (member->owned != NULL)
        mx_free_array(zip->alloc, member->owned, member->size + 1, 1);
    *member = (mx_zip_member){0};
}
