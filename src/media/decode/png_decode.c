/*
 * PNG by libpng: every colour type and depth, interlaced or not; transparency over the background. Gamma and colour profiles are left alone.
 */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

#include "media/decode/picture_decode.h"

#define CHUNK_BYTES ((png_alloc_size_t)8 << 20) /* of one text or profile */

typedef struct decoder {
    const unsigned char *bytes;
    size_t size, at;
    png_structp png;
    png_infop info;
    bool ended_early, pixels_begun;
    size_t rows;
    char message[160];
    unsigned char *rgba; /* a row; with interlacing all of them */
    size_t rgba_bytes;
} decoder;

static void on_error(png_structp png, png_const_charp message)
{
    decoder *d = png_get_error_ptr(png);
    (void)snprintf(d->message, sizeof d->message, "%s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void on_read(png_structp png, png_bytep out, size_t n)
{
    decoder *d = png_get_io_ptr(png);
    if (n > d->size - d->at) {
        d->ended_early = true;
        d->at = d->size;
        png_error(png, "it ends early");
    }
    memcpy(out, d->bytes + d->at, n);
    d->at += n;
}

static void set_up(decoder *d)
{
    png_set_read_fn(d->png, d, on_read);
    png_set_user_limits(d->png, PNG_UINT_31_MAX,
                        PNG_UINT_31_MAX); /* mx_check_size says it better, before a row is read */
    png_set_chunk_malloc_max(d->png, CHUNK_BYTES);
    png_set_chunk_cache_max(d->png, 128);
    png_set_compression_buffer_size(d->png, 1024); /* what a cut file may lose before the cut */
}

/* Rows as they come: RGB, or RGBA and over the background. */
static void read_plain(decoder *d, mx_raw_picture *raw, bool alpha, const unsigned char *background)
{
    for (d->rows = 0; d->rows < raw->height; d->rows++) {
        unsigned char *to = raw->pixels + d->rows * raw->width * 3;
        png_read_row(d->png, alpha ? d->rgba : to, NULL);
        if (alpha)
            mx_over_background(d->rgba, raw->width, background, to);
    }
}

static void read_interlaced(decoder *d, mx_raw_picture *raw, bool alpha, int passes)
{
    for (int pass = 0; pass < passes; pass++)
        for (size_t y = 0; y < raw->height; y++)
            png_read_row(d->png, alpha ? d->rgba + y * raw->width * 4 : raw->pixels + y * raw->width * 3, NULL);
    d->rows = raw->height;
}

/* Everything that may jump back to mx_png_decode. */
static merx_status decode(decoder *d, const merx_picture_options *options, const mx_decode_limits *limits,
                          mx_raw_picture *raw, merx_error *err)
{
    png_read_info(d->png, d->info);
    raw->full_height = png_get_image_height(d->png, d->info);
    raw->full_width = png_get_image_width(d->png, d->info);
    MX_TRY(mx_check_size(raw->full_height, raw->full_width, limits, err));
    const int type = png_get_color_type(d->png, d->info);
    const bool alpha = (type & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(d->png, d->info, PNG_INFO_tRNS) != 0;
    png_set_scale_16(d->png);
    png_set_expand(d->png);
    png_set_gray_to_rgb(d->png);
    const int passes = png_set_interlace_handling(d->png);
    png_read_update_info(d->png, d->info);
    if (png_get_rowbytes(d->png, d->info) != raw->full_width * (alpha ? 4 : 3))
        MX_FAIL(err, MERX_E_UNSUPPORTED, "", "has pixels of a kind that can't be read (colour type %d)", type);
    MX_TRY(mx_raw_make(raw, raw->full_height, raw->full_width, limits, err));
    if (alpha) {
        const size_t rows = passes > 1 ? raw->height : 1;
        MX_TRY(mx_alloc_array_raw(raw->alloc, rows * raw->width, 4, "pixels with alpha", &d->rgba, err));
        d->rgba_bytes = rows * raw->width * 4;
        memset(d->rgba, 128, d->rgba_bytes);
        if (passes > 1)
            for (size_t i = 3; i < d->rgba_bytes; i += 4)
                d->rgba[i] = 255;
    }
    d->pixels_begun = true;
    if (passes > 1)
        read_interlaced(d, raw, alpha, passes);
    else
        read_plain(d, raw, alpha, options->background);
    png_read_end(d->png, d->info);
    return MERX_OK;
}

static int orientation_of(const decoder *d)
{
    png_uint_32 size = 0;
    png_bytep exif = NULL;
    if (d->info == NULL || png_get_eXIf_1(d->png, d->info, &size, &exif) == 0 || exif == NULL)
        return 1;
    return mx_exif_orientation(exif, size);
}

merx_status mx_png_decode(const unsigned char *bytes, size_t size, const merx_picture_options *options,
                          const mx_decode_limits *limits, mx_raw_picture *raw, merx_error *err)
{
    decoder d = {.bytes = bytes, .size = size};
    decoder *volatile kept = &d; /* what changes after setjmp lives in it, not in registers */
    merx_status status;
    d.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &d, on_error, on_warning);
    if (d.png == NULL)
        return MERX_E_MEMORY;
    d.info = png_create_info_struct(d.png);
    if (d.info == NULL) {
        png_destroy_read_struct(&d.png, NULL, NULL);
        return MERX_E_MEMORY;
    }
    if (setjmp(png_jmpbuf(d.png)) == 0) {
        set_up(&d);
        status = decode(&d, options, limits, raw, err);
    } else if (kept->ended_early && kept->pixels_begun) {
        raw->truncated = kept->rows < raw->height;
        raw->rows_read = kept->rows;
        status = MERX_OK;
    } else if (strstr(kept->message, "emory") != NULL) {
        status = MERX_E_MEMORY;
    } else {
        status = mx_error_set(err, MERX_E_CORRUPT, "", "is damaged (%s)", kept->message);
    }
    if (status == MERX_OK)
        raw->orientation = orientation_of(kept);
    if (kept->rgba != NULL) {
        /* An interlaced picture: all of it, also what a cut left. */
        if (status == MERX_OK && kept->rgba_bytes == raw->height * raw->width * 4)
            mx_over_background(kept->rgba, raw->height * raw->width, options->background, raw->pixels);
        mx_free_array(raw->alloc, kept->rgba, kept->rgba_bytes, 1);
    }
    png_destroy_read_struct(&d.png, &d.info, NULL);
    return status;
}
