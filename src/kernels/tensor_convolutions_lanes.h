/*
 * Convolutions of pictures (n, h, w, c), in lanes: included by tensor_convolutions_<level>.c after the level's float_lanes_<level>.h.
 *
 * No matrix of patches is made. The window of a pixel is kh runs of kw c numbers that lie side by side in the picture, as they do in the packed weights; so a tile of
 * tensor_tiles.h takes the windows of six pixels where a matrix product takes six rows. At the border the runs are shorter: output pixels fall into a few
 * rectangles whose windows are cut alike, and tiles are made of the pixels of one rectangle, over rows and over examples.
 *
 * The gradient by input is a convolution of dy again: input pixels of the same place modulo the stride see the same weights, so for each of those (stride_h stride_w)
 * phases there is one convolution of stride 1 with a part of the kernel, turned round (Dumoulin & Visin 2016, "A guide to convolution arithmetic"). The gradient by weights is
 * outer_add (tensor_outer.h) for each row of the kernel.
 */
#ifndef MX_KERNELS_TENSOR_CONVOLUTIONS_LANES_H
#define MX_KERNELS_TENSOR_CONVOLUTIONS_LANES_H

#include <string.h>

#include "kernels/tensor_outer.h"
#include "kernels/tensor_tiles.h"
#include "kernels/tensor_winograd.h"

enum { CHUNK_FLOATS = 1 << 16 }; /* of pictures that pass by a panel together: half of a second-level cache */

/* One convolution over the pictures of a group of channels; floats between neighbours where not said otherwise. */
typedef struct grid {
    size_t h, w, in_pixel, in_example, c; /* input */
    size_t kh, kw, stride_h, stride_w;
    ptrdiff_t top, left;                                     /* where the window of output pixel (0, 0) begins */
    size_t out_h, out_w, out_pixel, out_row, out_example, u; /* output */
} grid;

/* Output rows (or columns) whose windows are cut alike: begin .. end, of the kernel from .. to (from == to: nothing is inside). */
typedef struct band {
    size_t begin, end, from, to;
} band;

static void cut(ptrdiff_t at, size_t kernel, size_t size, size_t *from, size_t *to)
{
    ptrdiff_t left = (ptrdiff_t)size - at;
    *from = at < 0 ? (size_t)-at : 0;
    *to = left < 0 ? 0 : (size_t)left < kernel ? (size_t)left : kernel;
    if (*from >= *to)
        *from = *to = 0;
}

static band band_at(size_t begin, size_t out, size_t stride, ptrdiff_t origin, size_t kernel, size_t size)
{
    band b = {.begin = begin, .end = begin + 1};
    cut(origin + (ptrdiff_t)(begin * stride), kernel, size, &b.from, &b.to);
    for (; b.end < out; b.end++) {
        size_t from, to;
        cut(origin + (ptrdiff_t)(b.end * stride), kernel, size, &from, &to);
        if (from != b.from || to != b.to)
            break;
    }
    return b;
}

/* Place of what a window's first number that is inside is, of output pixel (y, x). */
INLINE size_t window_at(const grid *g, size_t y, size_t x, size_t from_h, size_t from_w)
{
    size_t row = (size_t)((ptrdiff_t)(y * g->stride_h + from_h) + g->top),
           column = (size_t)((ptrdiff_t)(x * g->stride_w + from_w) + g->left);
    return (row * g->w + column) * g->in_pixel;
}

/* Next pixel of a rectangle, row by row, example by example. */
typedef struct place {
    size_t example, y, x;
} place;

INLINE void next_place(place *p, const band *rows, const band *columns)
{
    if (++p->x < columns->end)
        return;
    p->x = columns->begin;
    if (++p->y < rows->end)
        return;
    p->y = rows->begin;
    p->example++;
}

static void rectangle(const grid *g, size_t n, const band *rows, const band *columns, const float *x,
                      const float *panel, const finish *f, float *y)
{
    bool merged = g->in_pixel == g->c;
    size_t kw = columns->to - columns->from;
    const walk w = {.outer = rows->to - rows->from,
                    .inner = merged ? 1 : kw,
                    .length = merged ? kw * g->c : g->c,
                    .a_outer = g->w * g->in_pixel,
                    .a_inner = g->in_pixel,
                    .b_outer = g->kw * g->c * MX_PANEL,
                    .b_inner = g->c * MX_PANEL};
    bool inside = rows->to > rows->from && kw > 0;
    const float *b = panel + (rows->from * g->kw + columns->from) * g->c * MX_PANEL;
    place at = {0, rows->begin, columns->begin};
    for (size_t left = n * (rows->end - rows->begin) * (columns->end - columns->begin); left > 0;) {
        size_t count = tile_rows(left);
        const float *a[TILE_ROWS];
        float *to[TILE_ROWS];
        for (size_t i = 0; i < count; i++) {
            a[i] = inside ? x + at.example * g->in_example + window_at(g, at.y, at.x, rows->from, columns->from) : x;
            to[i] = y + at.example * g->out_example + at.y * g->out_row + at.x * g->out_pixel;
            next_place(&at, rows, columns);
        }
        any_tile(count, a, &w, b, to, f);
        left -= count;
    }
}

/* Four pixels by one vector of channels: c weights for each place of the kernel. */
static void rectangle_depthwise(const grid *g, size_t n, const band *rows, const band *columns, const float *x,
                                const float *weights, const finish *whole, float *y)
{
    enum { PIXELS = 4 };
    bool inside = rows->to > rows->from && columns->to > columns->from;
    place at = {0, rows->begin, columns->begin};
    for (size_t left = n * (rows->end - rows->begin) * (columns->end - columns->begin); left > 0;) {
        size_t count = left < PIXELS ? left : PIXELS;
        const float *a[PIXELS];
        float *to[PIXELS];
        for (size_t i = 0; i < PIXELS; i++) { /* places not there repeat the last */
            a[i] = inside ? x + at.example * g->in_example + window_at(g, at.y, at.x, rows->from, columns->from) : x;
            to[i] = y + at.example * g->out_example + at.y * g->out_row + at.x * g->out_pixel;
            if (i + 1 < count)
                next_place(&at, rows, columns);
        }
        next_place(&at, rows, columns);
        for (size_t j = 0; j < g->u; j += LANES) {
            finish f = finish_of(whole->bias != NULL ? whole->bias + j : NULL, whole->add, whole->relu,
                                 g->u - j < LANES ? g->u - j : LANES);
            vec s[PIXELS];
            for (size_t i = 0; i < PIXELS; i++)
                s[i] = vec_set(0);
            for (size_t r = rows->from; r < rows->to; r++)
                for (size_t l = columns->from; l < columns->to; l++) {
                    size_t from = ((r - rows->from) * g->w + l - columns->from) * g->in_pixel + j;
                    vec v = vec_load_part(weights + (r * g->kw + l) * g->u + j, f.last);
                    for (size_t i = 0; i < PIXELS; i++)
                        s[i] = vec_fma(v, vec_load_part(a[i] + from, f.last), s[i]);
                }
            for (size_t i = 0; i < count; i++) {
                vec one[TILE_ROWS][VECTORS];
                one[0][0] = s[i];
                float *c = to[i] + j;
                tile_end(1, 1, one, &c, &f);
            }
        }
        left -= count;
    }
}

/* All pixels of n examples; panels: of the group, or the weights as they are when depthwise. */
static void sweep(const grid *g, bool depthwise, size_t n, const float *x, const float *panels, const float *bias,
                  bool add, bool relu, float *y)
{
    size_t k = g->kh * g->kw * g->c, chunk = CHUNK_FLOATS / (g->in_example + 1) + 1;
    for (size_t first = 0; first < n; first += chunk, x += chunk * g->in_example, y += chunk * g->out_example) {
        size_t count = n - first < chunk ? n - first : chunk;
        for (size_t j = 0; j < g->u; j += MX_PANEL) {
            finish f = finish_of(bias != NULL ? bias + j : NULL, add, relu, g->u - j < MX_PANEL ? g->u - j : MX_PANEL);
            band rows, columns;
            for (size_t top = 0; top < g->out_h; top = rows.end) {
                rows = band_at(top, g->out_h, g->stride_h, g->top, g->kh, g->h);
                for (size_t left = 0; left < g->out_w; left = columns.end) {
                    columns = band_at(left, g->out_w, g->stride_w, g->left, g->kw, g->w);
                    if (depthwise)
                        rectangle_depthwise(g, count, &rows, &columns, x, panels, &f, y);
                    else
                        rectangle(g, count, &rows, &columns, x, panels + j * k, &f, y + j);
                }
            }
            if (depthwise)
                break;
        }
    }
}

/* One filter for each channel: weights are not packed, vectors run over channels. */
static bool is_depthwise(const mx_conv *s)
{
    return s->groups > 1 && s->groups == s->c && s->groups == s->u;
}

void MX_LEVEL(conv_pack)(const mx_conv *s, const float *w, float *panels)
{
    size_t k = s->kh * s->kw * (s->c / s->groups), u = s->u / s->groups;
    if (s->winograd) {
        winograd_pack(s->c, s->u, w, panels);
        return;
    }
    if (is_depthwise(s)) {
        memcpy(panels, w, k * s->u * sizeof *panels);
        return;
    }
    for (size_t g = 0; g < s->groups; g++)
        pack_panels(w + g * u, s->u, k, u, panels + g * mx_panels_size(k, u));
}

void MX_LEVEL(conv)(const mx_conv *s, size_t n, const float *x, const float *panels, const float *bias, bool relu,
                    float *y, float *scratch)
{
    if (s->winograd) {
        patches p = patches_of(s->h, s->w, s->c, s->out_h, s->out_w, s->u, s->pad_top, s->pad_left);
        winograd_sweep(&p, n, x, panels, bias, false, relu, y, scratch);
        return;
    }
    size_t groups = is_depthwise(s) ? 1 : s->groups, u = s->u / groups;
    grid g = {.h = s->h,
              .w = s->w,
              .in_pixel = s->c,
              .in_example = s->h * s->w * s->c,
              .c = s->c / groups,
              .kh = s->kh,
              .kw = s->kw,
              .stride_h = s->stride_h,
              .stride_w = s->stride_w,
              .top = -(ptrdiff_t)s->pad_top,
              .left = -(ptrdiff_t)s->pad_left,
              .out_h = s->out_h,
              .out_w = s->out_w,
              .out_pixel = s->u,
              .out_row = s->out_w * s->u,
              .out_example = s->out_h * s->out_w * s->u,
              .u = u};
    for (size_t i = 0; i < groups; i++)
        sweep(&g, is_depthwise(s), n, x + i * g.c, panels + i * mx_panels_size(s->kh * s->kw * g.c, u),
              bias != NULL ? bias + i * u : NULL, false, relu, y + i * u);
}

/* Along one axis: input places first, first + stride, …: `count`; they see `kernel` places of it, from phase on, and outputs from origin on. */
typedef struct phase {
    size_t phase, kernel, first, count;
    ptrdiff_t origin;
} phase;

static phase phase_of(size_t r, size_t kernel, size_t stride, size_t pad, size_t size)
{
    phase p = {.phase = r, .kernel = r < kernel ? (kernel - r + stride - 1) / stride : 0};
    p.first = (r + stride - pad % stride) % stride;
    p.count = p.first < size ? (size - p.first + stride - 1) / stride : 0;
    p.origin = ((ptrdiff_t)(p.first + pad) - (ptrdiff_t)r) / (ptrdiff_t)stride - (ptrdiff_t)p.kernel + 1;
    return p;
}

void MX_LEVEL(conv_pack_back)(const mx_conv *s, const float *w, float *back)
{
    if (s->winograd) {
        winograd_pack_back(s->c, s->u, w, back);
        return;
    }
    bool depthwise = is_depthwise(s);
    size_t groups = depthwise ? 1 : s->groups, c = s->c / s->groups, u = s->u / groups;
    for (size_t g = 0; g < groups; g++)
        for (size_t r = 0; r < s->stride_h; r++)
            for (size_t q = 0; q < s->stride_w; q++) {
                phase down = phase_of(r, s->kh, s->stride_h, s->pad_top, s->h),
                      across = phase_of(q, s->kw, s->stride_w, s->pad_left, s->w);
                size_t places = down.kernel * across.kernel, k = places * u;
                for (size_t t = 0; t < places; t++) { /* turned round */
                    size_t i = r + (down.kernel - 1 - t / across.kernel) * s->stride_h,
                           l = q + (across.kernel - 1 - t % across.kernel) * s->stride_w;
                    const float *from = w + (i * s->kw + l) * c * s->u + g * u;
                    if (depthwise)
                        memcpy(back + t * u, from, u * sizeof *back);
                    else
                        pack_transposed_to(from, s->u, u, c, back + t * u * MX_PANEL, k * MX_PANEL);
                }
                back += depthwise ? k : mx_panels_size(k, c);
            }
}

void MX_LEVEL(conv_back)(const mx_conv *s, size_t n, const float *dy, const float *back, float *dx, float *scratch)
{
    if (s->winograd) {
        patches p = patches_of(s->out_h, s->out_w, s->u, s->h, s->w, s->c, 2 - s->pad_top, 2 - s->pad_left);
        winograd_sweep(&p, n, dy, back, NULL, true, false, dx, scratch);
        return;
    }
    bool depthwise = is_depthwise(s);
    size_t groups = depthwise ? 1 : s->groups, c = s->c / groups, u = s->u / groups;
    for (size_t i = 0; i < groups; i++)
        for (size_t r = 0; r < s->stride_h; r++)
            for (size_t q = 0; q < s->stride_w; q++) {
                phase down = phase_of(r, s->kh, s->stride_h, s->pad_top, s->h),
                      across = phase_of(q, s->kw, s->stride_w, s->pad_left, s->w);
                size_t k = down.kernel * across.kernel * u;
                if (k == 0)
                    continue; /* no output sees these pixels */
                grid g = {.h = s->out_h,
                          .w = s->out_w,
                          .in_pixel = s->u,
                          .in_example = s->out_h * s->out_w * s->u,
                          .c = u,
                          .kh = down.kernel,
                          .kw = across.kernel,
                          .stride_h = 1,
                          .stride_w = 1,
                          .top = down.origin,
                          .left = across.origin,
                          .out_h = down.count,
                          .out_w = across.count,
                          .out_pixel = s->stride_w * s->c,
                          .out_row = s->stride_h * s->w * s->c,
                          .out_example = s->h * s->w * s->c,
                          .u = c};
                sweep(&g, depthwise, n, dy + i * u, back, NULL, true, false,
                      dx + (down.first * s->w + across.first) * s->c + i * c);
                back += depthwise ? k : mx_panels_size(k, c);
            }
}

/* Row r of the kernel: its places columns->from .. to, for the output pixels of a rectangle of all examples. */
static void outer_rectangle(const mx_conv *s, const grid *g, size_t n, size_t r, const band *rows, const band *columns,
                            const float *x, const float *dy, float *dw)
{
    bool merged = g->in_pixel == g->c;
    size_t runs = merged ? 1 : columns->to - columns->from,
           length = merged ? (columns->to - columns->from) * g->c : g->c;
    for (size_t run = 0; run < runs; run++) {
        stretch from[OUTER_STEPS];
        size_t parts = 0, steps = 0;
        float *c = dw + ((r * g->kw + columns->from + run) * g->c) * s->u;
        for (size_t e = 0; e < n; e++)
            for (size_t y = rows->begin; y < rows->end; y++)
                for (size_t at = columns->begin; at < columns->end;) {
                    size_t count = columns->end - at;
                    if (count > OUTER_STEPS - steps)
                        count = OUTER_STEPS - steps;
                    from[parts++] =
                        (stretch){x + e * g->in_example + window_at(g, y, at, r, columns->from) + run * g->in_pixel,
                                  dy + e * g->out_example + y * g->out_row + at * g->out_pixel, count};
                    steps += count;
                    at += count;
                    if (steps == OUTER_STEPS) {
                        outer_add(from, parts, g->stride_w * g->in_pixel, g->out_pixel, length, g->u, c, s->u);
                        parts = steps = 0;
                    }
                }
        if (steps > 0)
            outer_add(from, parts, g->stride_w * g->in_pixel, g->out_pixel, length, g->u, c, s->u);
    }
}

static void outer_depthwise(const grid *g, size_t n, size_t r, const band *rows, const band *columns, const float *x,
                            const float *dy, float *dw)
{
    for (size_t l = columns->from; l < columns->to; l++)
        for (size_t j = 0; j < g->u; j += LANES) {
            part some = part_of(g->u - j < LANES ? g->u - j : LANES);
            vec s = vec_set(0);
            place at = {0, rows->begin, columns->begin};
            for (size_t left = n * (rows->end - rows->begin) * (columns->end - columns->begin); left > 0; left--) {
                const float *a = x + at.example * g->in_example + window_at(g, at.y, at.x, r, l) + j;
                const float *b = dy + at.example * g->out_example + at.y * g->out_row + at.x * g->out_pixel + j;
                s = vec_fma(vec_load_part(a, some), vec_load_part(b, some), s);
                next_place(&at, rows, columns);
            }
            float *to = dw + (r * g->kw + l) * g->u + j;
            vec_store_part(to, some, vec_add(vec_load_part(to, some), s));
        }
}

void MX_LEVEL(conv_outer)(const mx_conv *s, size_t n, const float *x, const float *dy, float *dw, float *scratch)
{
    if (s->winograd) {
        patches p = patches_of(s->h, s->w, s->c, s->out_h, s->out_w, s->u, s->pad_top, s->pad_left);
        winograd_outer(&p, n, x, dy, dw, scratch);
        return;
    }
    bool depthwise = is_depthwise(s);
    size_t groups = depthwise ? 1 : s->groups, u = s->u / groups;
    grid g = {.h = s->h,
              .w = s->w,
              .in_pixel = s->c,
              .in_example = s->h * s->w * s->c,
              .c = s->c / groups,
              .kh = s->kh,
              .kw = s->kw,
              .stride_h = s->stride_h,
              .stride_w = s->stride_w,
              .top = -(ptrdiff_t)s->pad_top,
              .left = -(ptrdiff_t)s->pad_left,
              .out_h = s->out_h,
              .out_w = s->out_w,
              .out_pixel = s->u,
              .out_row = s->out_w * s->u,
              .out_example = s->out_h * s->out_w * s->u,
              .u = u};
    for (size_t i = 0; i < groups; i++)
        for (size_t r = 0; r < s->kh; r++) {
            band rows = {0, 0, 0, 0}, columns; /* the rows that see row r of the kernel inside */
            for (size_t top = 0; top < s->out_h; top++) {
                ptrdiff_t at = (ptrdiff_t)(top * s->stride_h + r) + g.top;
                if (at < 0 || (size_t)at >= s->h)
                    continue;
                rows.begin = rows.end == 0 ? top : rows.begin;
                rows.end = top + 1;
            }
            if (rows.end == 0)
                continue;
            for (size_t left = 0; left < s->out_w; left = columns.end) {
                columns = band_at(left, s->out_w, s->stride_w, g.left, s->kw, s->w);
                if (depthwise)
                    outer_depthwise(&g, n, r, &rows, &columns, x, dy, dw);
                else if (columns.to > columns.from)
                    outer_rectangle(s, &g, n, r, &rows, &columns, x + i * g.c, dy + i * u, dw + i * u);
            }
        }
}

#endif
