/*
 * Convolutions with a kernel of 3 x 3 and stride 1 by Winograd's minimal form F(2 x 2, 3 x 3), in lanes: included by tensor_convolutions_lanes.h.
 *
 * The picture falls into patches of 2 x 2 output pixels; each sees 4 x 4 input pixels d. With the kernel g of a pair of channel and filter
 *
 *     y = A' [(G g G') o (B' d B)] A,   B' = 1  0 -1  0   G = 1    0    0     A' = 1  1  1  0
 *                                            0  1  1  0       1/2  1/2  1/2        0  1 -1 -1
 *                                            0 -1  1  0       1/2 -1/2  1/2
 *                                            0  1  0 -1       0    0    1
 *
 * (Winograd 1980; Lavin & Gray 2016, "Fast algorithms for convolutional neural networks", 4.1). The sum over channels goes inside the brackets, so each of the 16 spots of a patch is one
 * product of matrices (patches, c) (c, u): 16 products of numbers for four pixels where the plain sum has 36. As many patches are at work as a second-level cache
 * holds. The gradients are the same form's: by input a convolution with the kernel turned round, by weights its adjoint,
 *
 *     dg = G' [sum of (B' d B) o (A dy A')] G.
 *
 * |error of y| <= (c + 16) 2^-24 |A'| [sum of (|G| |g| |G'|) o (|B'| |d| |B|)] |A|, some times that of the plain sum; the gradients' likewise.
 */
#ifndef MX_KERNELS_TENSOR_WINOGRAD_H
#define MX_KERNELS_TENSOR_WINOGRAD_H

#include <stdint.h>
#include <string.h>

#include "kernels/float_parts.h"
#include "kernels/tensor_outer.h"
#include "kernels/tensor_tiles.h"

enum { SPOTS = MX_WINOGRAD_SPOTS, PATCH = 4 };

static const float no_pixel[MX_WINOGRAD_MOST];

/* A convolution cut into patches. */
typedef struct patches {
    size_t h, w, c, out_h, out_w, u;
    size_t top, left;    /* padding */
    size_t across, each; /* patches in a row, in a picture */
} patches;

static patches patches_of(size_t h, size_t w, size_t c, size_t out_h, size_t out_w, size_t u, size_t top, size_t left)
{
    size_t across = (out_w + 1) / 2;
    return (patches){h, w, c, out_h, out_w, u, top, left, across, (out_h + 1) / 2 * across};
}

/* Patch `at`, counted over all pictures. */
typedef struct patch {
    size_t example, y, x; /* of its first output pixel */
} patch;

static patch patch_at(const patches *p, size_t at)
{
    size_t of = at % p->each;
    return (patch){at / p->each, of / p->across * 2, of % p->across * 2};
}

/* Where its output pixels lie, in floats; SIZE_MAX: outside. */
static void pixels_at(const patches *p, patch at, size_t place[PATCH])
{
    for (size_t i = 0; i < PATCH; i++) {
        size_t y = at.y + i / 2, x = at.x + i % 2;
        place[i] = y < p->out_h && x < p->out_w ? ((at.example * p->out_h + y) * p->out_w + x) * p->u : SIZE_MAX;
    }
}

/* ---- small transforms: of one vector of channels ---- */

/* v = B' d B. */
INLINE void input_spots(const float *const *d, size_t at, bool whole, part some, float *v, size_t spot)
{
    vec t[SPOTS];
    for (size_t x = 0; x < PATCH; x++) {
        vec a = load(d[x] + at, whole, some), b = load(d[4 + x] + at, whole, some),
            c = load(d[8 + x] + at, whole, some), e = load(d[12 + x] + at, whole, some);
        t[x] = vec_sub(a, c);
        t[4 + x] = vec_add(b, c);
        t[8 + x] = vec_sub(c, b);
        t[12 + x] = vec_sub(b, e);
    }
    for (size_t y = 0; y < PATCH; y++, v += 4 * spot) {
        const vec *r = t + 4 * y;
        store(v, whole, some, vec_sub(r[0], r[2]));
        store(v + spot, whole, some, vec_add(r[1], r[2]));
        store(v + 2 * spot, whole, some, vec_sub(r[2], r[1]));
        store(v + 3 * spot, whole, some, vec_sub(r[1], r[3]));
    }
}

/* v = A dy A'. */
INLINE void gradient_spots(const float *const *dy, size_t at, bool whole, part some, float *v, size_t spot)
{
    vec t[2 * PATCH];
    for (size_t x = 0; x < 2; x++) {
        vec a = load(dy[x] + at, whole, some), b = load(dy[2 + x] + at, whole, some);
        t[x] = a;
        t[2 + x] = vec_add(a, b);
        t[4 + x] = vec_sub(a, b);
        t[6 + x] = vec_sub(vec_set(0), b);
    }
    for (size_t y = 0; y < PATCH; y++, v += 4 * spot) {
        vec a = t[2 * y], b = t[2 * y + 1];
        store(v, whole, some, a);
        store(v + spot, whole, some, vec_add(a, b));
        store(v + 2 * spot, whole, some, vec_sub(a, b));
        store(v + 3 * spot, whole, some, vec_sub(vec_set(0), b));
    }
}

/* y = A' m A. */
INLINE void output_pixels(const float *m, size_t spot, bool whole, part some, vec y[PATCH])
{
    vec t[2 * PATCH];
    for (size_t x = 0; x < PATCH; x++) {
        vec a = load(m + x * spot, whole, some), b = load(m + (4 + x) * spot, whole, some),
            c = load(m + (8 + x) * spot, whole, some), e = load(m + (12 + x) * spot, whole, some);
        t[x] = vec_add(vec_add(a, b), c);
        t[4 + x] = vec_sub(vec_sub(b, c), e);
    }
    for (size_t r = 0; r < 2; r++) {
        const vec *s = t + 4 * r;
        y[2 * r] = vec_add(vec_add(s[0], s[1]), s[2]);
        y[2 * r + 1] = vec_sub(vec_sub(s[1], s[2]), s[3]);
    }
}

/* Numbers along a row of G, or along a column of G': what three become four, and back. */
INLINE vec kernel_spot(size_t i, vec a, vec b, vec c)
{
    vec half = vec_mul(vec_set(0.5f), vec_add(a, c)), middle = vec_mul(vec_set(0.5f), b);
    return i == 0 ? a : i == 1 ? vec_add(half, middle) : i == 2 ? vec_sub(half, middle) : c;
}

INLINE vec kernel_tap(size_t i, vec a, vec b, vec c, vec d)
{
    vec half = vec_set(0.5f);
    return i == 0   ? vec_add(a, vec_mul(half, vec_add(b, c)))
           : i == 1 ? vec_mul(half, vec_sub(b, c))
                    : vec_add(vec_mul(half, vec_add(b, c)), d);
}

/* ---- weights ---- */

/* Spot (i, j) of G g G' for one vector of filters; g: 9 vectors, `tap` floats apart. */
INLINE vec weight_spot(const float *g, size_t tap, bool whole, part some, size_t i, size_t j)
{
    vec r[3];
    for (size_t x = 0; x < 3; x++)
        r[x] = kernel_spot(i, load(g + x * tap, whole, some), load(g + (3 + x) * tap, whole, some),
                           load(g + (6 + x) * tap, whole, some));
    return kernel_spot(j, r[0], r[1], r[2]);
}

/* 16 matrices (c, u) in panels. */
static void winograd_pack(size_t c, size_t u, const float *w, float *panels)
{
    size_t spot = mx_panels_size(c, u);
    for (size_t j = 0; j < u; j += MX_PANEL)
        for (size_t l = 0; l < c; l++)
            for (size_t q = 0; q < MX_PANEL; q += LANES) {
                size_t left = j + q < u ? u - j - q : 0;
                part some = part_of(left < LANES ? left : LANES);
                float *to = panels + j * c + l * MX_PANEL + q;
                for (size_t s = 0; s < SPOTS; s++)
                    vec_store(to + s * spot, left == 0 ? vec_set(0)
                                                       : weight_spot(w + l * u + j + q, c * u, left >= LANES, some,
                                                                     s / PATCH, s % PATCH));
            }
}

/* Spot i when the kernel is turned round: G's first and last rows change places, its second and third stay what they are. */
static size_t turned(size_t i)
{
    return i == 0 ? 3 : i == 3 ? 0 : i;
}

/* 16 matrices (u, c) in panels, of the kernel turned round. */
static void winograd_pack_back(size_t c, size_t u, const float *w, float *panels)
{
    _Alignas(64) float rows[MX_PANEL * MX_WINOGRAD_MOST];
    size_t spot = mx_panels_size(u, c);
    for (size_t l = 0; l < c; l += MX_PANEL) {
        size_t width = c - l < MX_PANEL ? c - l : MX_PANEL;
        for (size_t s = 0; s < SPOTS; s++) {
            size_t i = turned(s / PATCH), j = turned(s % PATCH);
            for (size_t r = 0; r < width; r++)
                for (size_t q = 0; q < u; q += LANES) {
                    bool whole = u - q >= LANES;
                    part some = part_of(whole ? LANES : u - q);
                    store(rows + r * u + q, whole, some, weight_spot(w + (l + r) * u + q, c * u, whole, some, i, j));
                }
            pack_transposed_to(rows, u, u, width, panels + s * spot + l * u, 0);
        }
    }
}

/* dw += G' m G, m: 16 matrices (c, u). */
static void winograd_unpack(size_t c, size_t u, const float *m, float *dw)
{
    size_t size = c * u;
    for (size_t at = 0; at < size; at += LANES) {
        bool whole = size - at >= LANES;
        part some = part_of(whole ? LANES : size - at);
        vec t[3][PATCH];
        for (size_t x = 0; x < PATCH; x++) {
            vec a = load(m + x * size + at, whole, some), b = load(m + (4 + x) * size + at, whole, some),
                d = load(m + (8 + x) * size + at, whole, some), e = load(m + (12 + x) * size + at, whole, some);
            for (size_t y = 0; y < 3; y++)
                t[y][x] = kernel_tap(y, a, b, d, e);
        }
        for (size_t y = 0; y < 3; y++)
            for (size_t x = 0; x < 3; x++) {
                float *to = dw + (3 * y + x) * size + at;
                store(to, whole, some,
                      vec_add(load(to, whole, some), kernel_tap(x, t[y][0], t[y][1], t[y][2], t[y][3])));
            }
    }
}

/* ---- pictures ---- */

/* v: 16 matrices (count, c) of the patches first .. first + count, `spot` floats from one to the next. */
static void take_patches(const patches *p, const float *x, size_t first, size_t count, float *v, size_t spot)
{
    for (size_t i = 0; i < count; i++, v += p->c) {
        patch at = patch_at(p, first + i);
        const float *picture = x + at.example * p->h * p->w * p->c, *d[SPOTS];
        for (size_t r = 0; r < PATCH; r++)
            for (size_t q = 0; q < PATCH; q++) {
                size_t row = at.y + r - p->top, column = at.x + q - p->left;
                d[r * PATCH + q] = row < p->h && column < p->w ? picture + (row * p->w + column) * p->c : no_pixel;
            }
        size_t l = 0;
        for (; l + LANES <= p->c; l += LANES)
            input_spots(d, l, true, part_of(LANES), v + l, spot);
        if (l < p->c)
            input_spots(d, l, false, part_of(p->c - l), v + l, spot);
    }
}

/* The same of the gradient of their output pixels. */
static void take_gradients(const patches *p, const float *dy, size_t first, size_t count, float *v, size_t spot)
{
    for (size_t i = 0; i < count; i++, v += p->u) {
        size_t place[PATCH];
        const float *d[PATCH];
        pixels_at(p, patch_at(p, first + i), place);
        for (size_t r = 0; r < PATCH; r++)
            d[r] = place[r] == SIZE_MAX ? no_pixel : dy + place[r];
        size_t j = 0;
        for (; j + LANES <= p->u; j += LANES)
            gradient_spots(d, j, true, part_of(LANES), v + j, spot);
        if (j < p->u)
            gradient_spots(d, j, false, part_of(p->u - j), v + j, spot);
    }
}

/* Output pixels of one patch for one vector of filters. */
INLINE void finish_pixels(const float *m, size_t spot, bool whole, part some, const float *bias, bool add, bool relu,
                          float *const *to, size_t at)
{
    vec y[PATCH], b = bias != NULL ? load(bias + at, whole, some) : vec_set(0);
    output_pixels(m + at, spot, whole, some, y);
    for (size_t i = 0; i < PATCH; i++) {
        if (to[i] == NULL)
            continue;
        vec v = add ? vec_add(y[i], load(to[i] + at, whole, some)) : y[i];
        v = bias != NULL ? vec_add(v, b) : v;
        store(to[i] + at, whole, some, relu ? vec_max(v, vec_set(0)) : v);
    }
}

static void give_patches(const patches *p, const float *m, size_t spot, size_t first, size_t count, const float *bias,
                         bool add, bool relu, float *y)
{
    for (size_t i = 0; i < count; i++, m += p->u) {
        size_t place[PATCH];
        float *to[PATCH];
        pixels_at(p, patch_at(p, first + i), place);
        for (size_t r = 0; r < PATCH; r++)
            to[r] = place[r] == SIZE_MAX ? NULL : y + place[r];
        size_t j = 0;
        for (; j + LANES <= p->u; j += LANES)
            finish_pixels(m, spot, true, part_of(LANES), bias, add, relu, to, j);
        if (j < p->u)
            finish_pixels(m, spot, false, part_of(p->u - j), bias, add, relu, to, j);
    }
}

/* m (16, count, u) = v (16, count, c) by the packed weights. */
static void multiply_spots(const patches *p, const float *panels, size_t count, const float *v, float *m)
{
    const walk w = {.outer = 1, .inner = 1, .length = p->c};
    size_t spot = mx_panels_size(p->c, p->u);
    for (size_t s = 0; s < SPOTS; s++, panels += spot, v += count * p->c, m += count * p->u)
        for (size_t j = 0; j < p->u; j += MX_PANEL) {
            finish f = finish_of(NULL, false, false, p->u - j < MX_PANEL ? p->u - j : MX_PANEL);
            for (size_t i = 0; i < count;) {
                size_t rows = tile_rows(count - i);
                const float *a[TILE_ROWS];
                float *to[TILE_ROWS];
                for (size_t r = 0; r < rows; r++) {
                    a[r] = v + (i + r) * p->c;
                    to[r] = m + (i + r) * p->u + j;
                }
                any_tile(rows, a, &w, panels + j * p->c, to, &f);
                i += rows;
            }
        }
}

/* y = x * W [+ what it holds] [+ bias], then relu when asked; scratch: mx_winograd_patches (16 c + 16 u) floats. */
static void winograd_sweep(const patches *p, size_t n, const float *x, const float *panels, const float *bias, bool add,
                           bool relu, float *y, float *scratch)
{
    size_t most = mx_winograd_patches(p->c, p->u), all = n * p->each;
    for (size_t first = 0; first < all; first += most) {
        size_t count = all - first < most ? all - first : most;
        float *v = scratch, *m = scratch + SPOTS * count * p->c;
        take_patches(p, x, first, count, v, count * p->c);
        multiply_spots(p, panels, count, v, m);
        give_patches(p, m, count * p->u, first, count, bias, add, relu, y);
    }
}

/* dw += the gradient by weights; scratch: 16 c u floats more than for a sweep. */
static void winograd_outer(const patches *p, size_t n, const float *x, const float *dy, float *dw, float *scratch)
{
    size_t most = mx_winograd_patches(p->c, p->u), all = n * p->each, size = p->c * p->u;
    float *sums = scratch + SPOTS * most * (p->c + p->u);
    memset(sums, 0, SPOTS * size * sizeof *sums);
    for (size_t first = 0; first < all; first += most) {
        size_t count = all - first < most ? all - first : most;
        float *v = scratch, *m = scratch + SPOTS * count * p->c;
        take_patches(p, x, first, count, v, count * p->c);
        take_gradients(p, dy, first, count, m, count * p->u);
        for (size_t s = 0; s < SPOTS; s++) {
            stretch from = {v + s * count * p->c, m + s * count * p->u, count};
            outer_add(&from, 1, p->c, p->u, p->c, p->u, sums + s * size, p->u);
        }
    }
    winograd_unpack(p->c, p->u, sums, dw);
}

#endif
