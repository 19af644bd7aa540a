/*
 * Pictures in memory: their size, floats out of them, heat maps over them.
 */
#include <math.h>
#include <string.h>

#include "media/picture.h"

#define MAX_SIDE ((size_t)32768)

const unsigned char mx_white[3] = {255, 255, 255};

const char *merx_picture_format_name(merx_picture_format format)
{
    static const char *const names[MERX_PICTURE_FORMATS] = {"unknown", "JPEG", "PNG", "WebP"};
    return (unsigned)format < MERX_PICTURE_FORMATS ? names[format] : names[0];
}

void merx_picture_release(merx_picture *picture)
{
    if (picture->pixels != NULL)
        mx_free_array(picture->alloc, picture->pixels, picture->height * picture->width, 3);
    *picture = (merx_picture){.height = 0};
}

merx_status mx_picture_make(size_t height, size_t width, const merx_allocator *alloc, merx_picture *out,
                            merx_error *err)
{
    size_t n;
    *out = (merx_picture){.height = height, .width = width, .alloc = mx_allocator_or_default(alloc)};
    if (!mx_mul_size(height, width, &n) || n == 0)
        MX_FAIL(err, MERX_E_LIMIT, "picture", "%zu x %zu pixels can't be held", height, width);
    return mx_alloc_array_raw(out->alloc, n, 3, "picture", &out->pixels, err);
}

merx_status mx_picture_check_options(const merx_picture_options *options, size_t max_side, merx_error *err)
{
    if ((options->height == 0) != (options->width == 0) || options->height > max_side || options->width > max_side)
        MX_FAIL(err, MERX_E_RANGE, "picture", "size %zu x %zu is asked (expected 1 to %zu a side, or both 0)",
                options->height, options->width, max_side);
    if ((unsigned)options->fit >= MERX_PICTURE_FITS)
        MX_FAIL(err, MERX_E_INVALID, "picture", "fit is %d (expected one of merx_picture_fit)", (int)options->fit);
    return MERX_OK;
}

merx_status merx_picture_resize(const unsigned char *in, size_t height, size_t width,
                                const merx_picture_options *options, const merx_allocator *alloc, merx_picture *out,
                                merx_error *err)
{
    *out = (merx_picture){.height = 0};
    if (height == 0 || width == 0 || height > MAX_SIDE || width > MAX_SIDE)
        MX_FAIL(err, MERX_E_RANGE, "picture", "%zu x %zu can't be resized (expected 1 to %zu a side)", height, width,
                MAX_SIDE);
    MX_TRY(mx_picture_check_options(options, MAX_SIDE, err));
    const mx_fit_plan plan = mx_fit(height, width, options);
    MX_TRY(mx_picture_make(plan.height, plan.width, alloc, out, err));
    out->source_height = height;
    out->source_width = width;
    const merx_status status =
        mx_resize(in, height, width, &plan, options->background != NULL ? options->background : mx_white, out->alloc,
                  out->pixels, err);
    if (status != MERX_OK)
        merx_picture_release(out);
    return status;
}

void merx_picture_floats(const unsigned char *pixels, size_t n, const float *mean, const float *deviation, float *out)
{
    float scale[3], shift[3];
    for (int c = 0; c < 3; c++) {
        const float by = deviation != NULL ? deviation[c] : 1;
        scale[c] = 1 / (255 * by);
        shift[c] = mean != NULL ? mean[c] / by : 0;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++)
            out[3 * i + c] = (float)pixels[3 * i + c] * scale[c] - shift[c];
}

/* ---- heat maps ---- */

/* values (h, w) at (y, x) of (out_h, out_w): bilinear between the centres, the border continued. */
static double value_at(const float *values, size_t h, size_t w, size_t y, size_t x, size_t out_h, size_t out_w)
{
    double at_y = ((double)y + 0.5) * (double)h / (double)out_h - 0.5;
    double at_x = ((double)x + 0.5) * (double)w / (double)out_w - 0.5;
    at_y = at_y < 0 ? 0 : at_y > (double)(h - 1) ? (double)(h - 1) : at_y;
    at_x = at_x < 0 ? 0 : at_x > (double)(w - 1) ? (double)(w - 1) : at_x;
    const size_t y0 = (size_t)at_y, x0 = (size_t)at_x, y1 = y0 + 1 < h ? y0 + 1 : y0, x1 = x0 + 1 < w ? x0 + 1 : x0;
    const double fy = at_y - (double)y0, fx = at_x - (double)x0;
    const double top = (double)values[y0 * w + x0] * (1 - fx) + (double)values[y0 * w + x1] * fx;
    const double bottom = (double)values[y1 * w + x0] * (1 - fx) + (double)values[y1 * w + x1] * fx;
    return top * (1 - fy) + bottom * fy;
}

merx_status merx_heat_map(const float *values, size_t height, size_t width, const merx_picture *under,
                          size_t out_height, size_t out_width, const merx_allocator *alloc, merx_picture *out,
                          merx_error *err)
{
    static const double red[3] = {214, 39, 24}, blue[3] = {31, 90, 214};
    double most = 0;
    *out = (merx_picture){.height = 0};
    if (under != NULL) {
        out_height = under->height;
        out_width = under->width;
    }
    if (height == 0 || width == 0 || out_height == 0 || out_width == 0 || out_height > MAX_SIDE || out_width > MAX_SIDE)
        MX_FAIL(err, MERX_E_SHAPE, "heat map", "%zu x %zu values over %zu x %zu pixels can't be drawn", height, width,
                out_height, out_width);
    for (size_t i = 0; i < height * width; i++) {
        if (!isfinite(values[i]))
            MX_FAIL(err, MERX_E_NUMERIC, "heat map", "value %zu is not finite", i);
        most = fabs((double)values[i]) > most ? fabs((double)values[i]) : most;
    }
    MX_TRY(mx_picture_make(out_height, out_width, alloc, out, err));
    for (size_t y = 0; y < out_height; y++)
        for (size_t x = 0; x < out_width; x++) {
            const size_t at = (y * out_width + x) * 3;
            const double value = most > 0 ? value_at(values, height, width, y, x, out_height, out_width) / most : 0;
            const double *colour = value > 0 ? red : blue, share = 0.75 * fabs(value);
            for (size_t c = 0; c < 3; c++) {
                const double below = under != NULL ? under->pixels[at + c] : 235;
                out->pixels[at + c] = (unsigned char)(below + (colour[c] - below) * share + 0.5);
            }
        }
    return MERX_OK;
}
