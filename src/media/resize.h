/*
 * Bringing pixels to another size: separable antialiased bilinear, in plain C that compilers vectorise. Floor 3; used by the library and by merx-decode.
 *
 * An axis of n pixels in the interval [begin, end) becomes m pixels. Pixel i of the result has its centre at begin + (i + 1/2) s, s = (end - begin) / m, and is the mean
 * of the input's pixels weighted by a triangle of half width max(1, s) around it, cut at the border and scaled to sum 1 (Pillow's BILINEAR with `box`).
 * Rows are summed in float first, then columns, in a fixed order: the same bits everywhere. Within 1 of Pillow, which rounds between the passes.
 */
#ifndef MX_MEDIA_RESIZE_H
#define MX_MEDIA_RESIZE_H

#include "base/memory.h"
#include "merx/media.h"

/* How a picture of (h, w) is brought to what the options ask: a part of it, scaled to a part of the result. */
typedef struct mx_fit_plan {
    double top, left, bottom, right; /* the part of the picture */
    size_t height, width;            /* the result */
    size_t y, x, rows, columns;      /* the part of the result that it fills */
} mx_fit_plan;

/* h, w > 0. With options->height 0: as it is. */
mx_fit_plan mx_fit(size_t h, size_t w, const merx_picture_options *options);
/* in (h, w, 3); out (plan->height, plan->width, 3) written, the rest of it in the background (3). Cost of memory: one row of floats. */
merx_status mx_resize(const unsigned char *in, size_t h, size_t w, const mx_fit_plan *plan,
                      const unsigned char *background, const merx_allocator *alloc, unsigned char *out,
                      merx_error *err) MERX_MUST_CHECK;

#endif
