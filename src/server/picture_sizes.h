/*
 * Pictures brought to smaller sizes, and the last of them kept in memory. Floor 7.
 *
 * Decoding is done by merx-decode, a confined process that is started at the first need; what it made is a PNG file here. A picture is named by its blob, whose name says what
 * is in it, so nothing that is kept grows stale.
 */
#ifndef MX_SERVER_PICTURE_SIZES_H
#define MX_SERVER_PICTURE_SIZES_H

#include <stddef.h>

#include "base/memory.h"
#include "base/str.h"

/* Bytes of small pictures that are kept, of all shops. */
#define MX_PICTURE_SIZES_BYTES ((size_t)32 << 20)

typedef struct mx_picture_sizes mx_picture_sizes;
/* most_bytes: that are kept. Owns: mx_picture_sizes_free. */
merx_status mx_picture_sizes_new(size_t most_bytes, mx_picture_sizes **out, merx_error *err) MERX_MUST_CHECK;
void mx_picture_sizes_free(mx_picture_sizes *sizes);

/*
 * A picture within side x side pixels, its proportions kept.
 * owner   tells shops apart
 * out     written: a PNG file in the arena; size 0: the picture is no larger, so it serves as it is
 * Threads: any.
 * Errors: those of merx_decoder_new and of the picture.
 */
merx_status mx_picture_sizes_get(mx_picture_sizes *sizes, const void *owner, const char *blob, mx_str picture,
                                 size_t side, mx_arena *arena, mx_str *out, merx_error *err) MERX_MUST_CHECK;
/* Bytes that are kept now, for tests. */
size_t mx_picture_sizes_bytes(mx_picture_sizes *sizes);

#endif
