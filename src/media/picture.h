/*
 * What the parts of media share about pictures. Floor 3.
 */
#ifndef MX_MEDIA_PICTURE_H
#define MX_MEDIA_PICTURE_H

#include "media/resize.h"

extern const unsigned char mx_white[3];

/* An empty picture with room for its pixels. */
merx_status mx_picture_make(size_t height, size_t width, const merx_allocator *alloc, merx_picture *out,
                            merx_error *err) MERX_MUST_CHECK;
merx_status mx_picture_check_options(const merx_picture_options *options, size_t max_side,
                                     merx_error *err) MERX_MUST_CHECK;
/* The bytes of a file into the arena (name is left NULL). One larger than max_bytes is not read: its size alone is given, for the decoder to refuse. */
merx_status mx_read_picture(const char *path, uint64_t max_bytes, mx_arena *arena, merx_picture_bytes *out,
                            merx_error *err) MERX_MUST_CHECK;

#endif
