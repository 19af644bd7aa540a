/*
 * One picture, whatever its format (see picture_decode.h).
 */
#include "media/decode/picture_decode.h"

#include <stdio.h>
#include <string.h>

merx_status mx_check_size(size_t height, size_t width, const mx_decode_limits *limits, merx_error *err)
{
    if (height == 0 || width == 0)
        MX_FAIL(err, MERX_E_CORRUPT, "", "has no pixels: %zu x %zu (width x height)", width, height);
    if (height > limits->max_side || width > limits->max_side)
        MX_FAIL(err, MERX_E_LIMIT, "", "is %zu x %zu pixels (width x height); a side may have %zu", width, height,
                limits->max_side);
    if ((uint64_t)height * width > limits->max_pixels)
        MX_FAIL(err, MERX_E_LIMIT, "", "is %zu x %zu pixels (width x height); %llu are allowed", width, height,
                (unsigned long long)limits->max_pixels);
    return MERX_OK;
}

merx_status mx_raw_make(mx_raw_picture *raw, size_t height, size_t width, const mx_decode_limits *limits,
                        merx_error *err)
{
    MX_TRY(mx_check_size(height, width, limits, err));
    raw->height = height;
    raw->width = width;
    MX_TRY(mx_alloc_array_raw(raw->alloc, height * width, 3, "picture", &raw->pixels, err));
    memset(raw->pixels, 128, height * width * 3);
    return MERX_OK;
}

void mx_raw_release(mx_raw_picture *raw)
{
    if (raw->pixels != NULL)
        mx_free_array(raw->alloc, raw->pixels, raw->height * raw->width, 3);
    raw->pixels = NULL;
}

void mx_over_background(const unsigned char *rgba, size_t n, const unsigned char *background, unsigned char *rgb)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned a = rgba[4 * i + 3];
        for (size_t c = 0; c < 3; c++)
            rgb[3 * i + c] = (unsigned char)((rgba[4 * i + c] * a + background[c] * (255 - a) + 127) / 255);
    }
}

/* ---- orientation ---- */

static uint32_t number(const unsigned char *at, size_t bytes, bool big)
{
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint32_t)at[i] << 8 * (big ? bytes - 1 - i : i);
    return value;
}

int mx_exif_orientation(const unsigned char *bytes, size_t size)
{
    enum { ORIENTATION = 0x0112, SHORT = 3, ENTRY = 12 };
    if (size < 8 || (memcmp(bytes, "II*\0", 4) != 0 && memcmp(bytes, "MM\0*", 4) != 0))
        return 1;
    const bool big = bytes[0] == 'M';
    const size_t directory = number(bytes + 4, 4, big);
    if (directory > size - 2 || size < 10)
        return 1;
    const size_t count = number(bytes + directory, 2, big);
    for (size_t i = 0; i < count && directory + 2 + (i + 1) * ENTRY <= size; i++) {
        const unsigned char *entry = bytes + directory + 2 + i * ENTRY;
        if (number(entry, 2, big) != ORIENTATION)
            continue;
        const uint32_t value = number(entry + 8, 2, big);
        return number(entry + 2, 2, big) == SHORT && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

merx_status mx_raw_upright(mx_raw_picture *raw, merx_error *err)
{
    const int o = raw->orientation;
    if (o <= 1 || o > 8)
        return MERX_OK;
    /* 2 mirrored left-right, 3 turned 180, 4 mirrored up-down, 5 … 8 the same after swapping rows and columns:
       5 transposed, 6 turned right, 7 transposed the other way, 8 turned left. */
    const bool swap = o >= 5;
    const bool flip_x = o == 2 || o == 3 || o == 6 || o == 7, flip_y = o == 3 || o == 4 || o == 7 || o == 8;
    const size_t h = raw->height, w = raw->width, out_h = swap ? w : h, out_w = swap ? h : w;
    unsigned char *out = NULL;
    MX_TRY(mx_alloc_array_raw(raw->alloc, h * w, 3, "picture", &out, err));
    for (size_t y = 0; y < out_h; y++)
        for (size_t x = 0; x < out_w; x++) {
            const size_t ty = flip_y ? out_h - 1 - y : y, tx = flip_x ? out_w - 1 - x : x;
            const size_t from = swap ? tx * w + ty : ty * w + tx;
            memcpy(out + (y * out_w + x) * 3, raw->pixels + from * 3, 3);
        }
    mx_raw_release(raw);
    raw->pixels = out;
    raw->height = out_h;
    raw->width = out_w;
    if (swap) {
        const size_t height = raw->full_height;
        raw->full_height = raw->full_width;
        raw->full_width = height;
    }
    return MERX_OK;
}

/* ---- the whole way ---- */

static merx_picture_format format_of(const unsigned char *bytes, size_t size)
{
    if (size >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0)
        return MERX_PICTURE_JPEG;
    if (size >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0)
        return MERX_PICTURE_PNG;
    if (size >= 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0)
        return MERX_PICTURE_WEBP;
    return MERX_PICTURE_UNKNOWN;
}

/* What else it might be, for the message. */
static const char *other_format(const unsigned char *bytes, size_t size)
{
    static const struct {
        size_t at;
        const char *bytes, *name;
    } known[] = {{0, "GIF8", "a GIF"},       {0, "BM", "a BMP"},         {0, "II*", "a TIFF"},
                 {0, "MM\0*", "a TIFF"},     {4, "ftypavif", "an AVIF"}, {4, "ftypheic", "a HEIC"},
                 {0, "<svg", "an SVG"},      {0, "<?xml", "XML"},        {0, "<!DOCTYPE", "a web page"},
                 {0, "<html", "a web page"}, {0, "%PDF", "a PDF"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const size_t length = i == 3 ? 4 : strlen(known[i].bytes);
        if (size >= known[i].at + length && memcmp(bytes + known[i].at, known[i].bytes, length) == 0)
            return known[i].name;
    }
    return size == 0 ? "empty" : "something else";
}

static merx_status decode(const unsigned char *bytes, size_t size, const merx_picture_options *options,
                          const mx_decode_limits *limits, mx_raw_picture *raw, merx_error *err)
{
    raw->orientation = 1;
    raw->format = format_of(bytes, size);
    switch (raw->format) {
    case MERX_PICTURE_JPEG:
        return mx_jpeg_decode(bytes, size, options, limits, raw, err);
    case MERX_PICTURE_PNG:
        return mx_png_decode(bytes, size, options, limits, raw, err);
    case MERX_PICTURE_WEBP:
        return mx_webp_decode(bytes, size, options, limits, raw, err);
    default:
        MX_FAIL(err, MERX_E_PARSE, "", "is no picture that can be read (expected JPEG, PNG or WebP; it is %s)",
                other_format(bytes, size));
    }
}

void mx_decode_picture(const unsigned char *bytes, size_t size, const mx_decode_wish *wish,
                       const mx_decode_limits *limits, const merx_allocator *alloc, unsigned char *out, size_t capacity,
                       mx_decode_reply *reply)
{
    const merx_picture_options options = {.height = wish->height,
                                          .width = wish->width,
                                          .fit = (merx_picture_fit)wish->fit,
                                          .background = wish->background};
    mx_raw_picture raw = {.alloc = mx_allocator_or_default(alloc)};
    merx_error err = {0};
    size_t need;
    merx_status status;
    MX_TRY_GOTO(decode(bytes, size, &options, limits, &raw, &err));
    const size_t rows = raw.height;
    MX_TRY_GOTO(mx_raw_upright(&raw, &err));
    const mx_fit_plan plan = mx_fit(raw.height, raw.width, &options);
    if (!mx_mul_size(plan.height * plan.width, 3, &need) || need > capacity)
        MX_FAIL_GOTO(&err, MERX_E_LIMIT, "", "needs %zu bytes of pixels; there is room for %zu", need, capacity);
    MX_TRY_GOTO(mx_resize(raw.pixels, raw.height, raw.width, &plan, wish->background, raw.alloc, out, &err));
    reply->height = plan.height;
    reply->width = plan.width;
    reply->source_height = raw.full_height;
    reply->source_width = raw.full_width;
    reply->truncated = raw.truncated;
    if (raw.truncated && raw.rows_read > 0)
        status =
            mx_error_set(&err, MERX_E_CORRUPT, "", "is cut short: %zu of %zu rows could be read", raw.rows_read, rows);
    else if (raw.truncated)
        status = mx_error_set(&err, MERX_E_CORRUPT, "", "is cut short");
out:
    reply->format = (uint32_t)raw.format;
    reply->status = (uint32_t)status;
    (void)snprintf(reply->message, sizeof reply->message, "%.239s",
                   status == MERX_E_MEMORY ? "needs more memory than a process that decodes may have" : err.message);
    if (status == MERX_E_MEMORY)
        reply->status = MERX_E_LIMIT;
    mx_raw_release(&raw);
}
