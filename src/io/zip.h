/*
 * Zip files, whole in memory: members by name, stored or deflated. Floor 1. PKWARE's APPNOTE.TXT 6.3; section numbers in zip.c are its.
 *
 * A reader of what may be hostile: every offset and length is checked against the bytes that are there, a member's declared size against a limit and against what deflate
 * can make of its bytes before memory is taken, its CRC-32 when it is read. Encrypted members and other methods are MERX_E_UNSUPPORTED; names are never used as paths.
 */
#ifndef MX_IO_ZIP_H
#define MX_IO_ZIP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"

typedef struct mx_zip {
    const unsigned char *data; /* kept */
    size_t size;
    const char *name;            /* kept; for messages */
    const merx_allocator *alloc; /* kept */
    uint64_t directory, directory_size, members;
} mx_zip;

typedef struct mx_zip_member {
    const unsigned char *data; /* (size) of the file when it is stored there as it is, else owned */
    size_t size;
    unsigned char *owned; /* released with mx_zip_member_release */
} mx_zip_member;

/* Errors: MERX_E_CORRUPT when it is no zip file, or a part of one. */
merx_status mx_zip_open(const void *data, size_t size, const char *name, const merx_allocator *alloc, mx_zip *out,
                        merx_error *err) MERX_MUST_CHECK;
/* The first member of that name; *found false when there is none. most: more bytes are MERX_E_LIMIT. */
merx_status mx_zip_read(const mx_zip *zip, const char *member, uint64_t most, mx_zip_member *out, bool *found,
                        merx_error *err) MERX_MUST_CHECK;
void mx_zip_member_release(const mx_zip *zip, mx_zip_member *member);

#endif
