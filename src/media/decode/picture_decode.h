/*
 * Decoding one picture, inside merx-decode (and the fuzz targets): JPEG by libjpeg-turbo, PNG by libpng, WebP by libwebp. Floor 3.
 *
 * Every format gives upright RGB. What a file claims is checked against the limits before memory is taken for it.
 */
#ifndef MX_MEDIA_DECODE_PICTURE_DECODE_H
#define MX_MEDIA_DECODE_PICTURE_DECODE_H

#include "media/protocol.h"
#include "media/resize.h"

typedef struct mx_decode_limits {
    size_t max_side;
    uint64_t max_pixels;
} mx_decode_limits;

/* A picture as it was decoded: perhaps at a part of its size, not yet upright. */
typedef struct mx_raw_picture {
    const merx_allocator *alloc;
    merx_picture_format format;
    size_t height, width;
    unsigned char *pixels;          /* (height, width, 3) */
    size_t full_height, full_width; /* as the file has them */
    int orientation;                /* of EXIF: 1 … 8 */
    bool truncated;
    size_t rows_read; /* of height, when truncated; 0: not known */
} mx_raw_picture;

/* Room for the pixels, once the sizes are known; grey. Checks the limits. */
merx_status mx_raw_make(mx_raw_picture *raw, size_t height, size_t width, const mx_decode_limits *limits,
                        merx_error *err) MERX_MUST_CHECK;
void mx_raw_release(mx_raw_picture *raw);
merx_status mx_check_size(size_t height, size_t width, const mx_decode_limits *limits, merx_error *err) MERX_MUST_CHECK;

/* raw is zero but for alloc; after a failure mx_raw_release is still due. options say how far a JPEG may be scaled down at once, and the background. */
merx_status mx_jpeg_decode(const unsigned char *bytes, size_t size, const merx_picture_options *options,
                           const mx_decode_limits *limits, mx_raw_picture *raw, merx_error *err) MERX_MUST_CHECK;
merx_status mx_png_decode(const unsigned char *bytes, size_t size, const merx_picture_options *options,
                          const mx_decode_limits *limits, mx_raw_picture *raw, merx_error *err) MERX_MUST_CHECK;
merx_status mx_webp_decode(const unsigned char *bytes, size_t size, const merx_picture_options *options,
                           const mx_decode_limits *limits, mx_raw_picture *raw, merx_error *err) MERX_MUST_CHECK;

/* The orientation (1 … 8) out of an EXIF block that begins with its TIFF header; 1 when there is none. */
int mx_exif_orientation(const unsigned char *bytes, size_t size);
/* Turns and mirrors the pixels so that they are upright; source sizes too. */
merx_status mx_raw_upright(mx_raw_picture *raw, merx_error *err) MERX_MUST_CHECK;
/* rgb (n, 3) = rgba (n, 4) over the background. */
void mx_over_background(const unsigned char *rgba, size_t n, const unsigned char *background, unsigned char *rgb);

/*
 * The whole way: which format, decode, upright, fit. out has room for capacity bytes.
 * reply: status, message, format, sizes are written. Memory is what alloc gives.
 */
void mx_decode_picture(const unsigned char *bytes, size_t size, const mx_decode_wish *wish,
                       const mx_decode_limits *limits, const merx_allocator *alloc, unsigned char *out, size_t capacity,
                       mx_decode_reply *reply);

#endif
