/*
 * C += A' B over steps (rows of A and B, or pixels of a convolution), in lanes; and the packing of transposed matrices. Included after float_lanes_<level>.h.
 *
 * Tiles as in tensor_tiles.h, A's numbers now side by side and B a row of one panel. Rows of A and B are brought close together first where many tiles will
 * read them: rows that lie a power of two apart would share few places of the first-level cache.
 */
#ifndef MX_KERNELS_TENSOR_OUTER_H
#define MX_KERNELS_TENSOR_OUTER_H

#include <string.h>

#include "kernels/tensor_tiles.h"

enum {
    OUTER_STEPS = 128,  /* of one call of outer_add, at most */
    OUTER_COLUMNS = 96, /* of A packed at a time */
    WORTH_A = 3,        /* panels of B from which on A is packed */
    WORTH_B = 4         /* tiles of A from which on B is packed */
};

/* Steps that lie evenly spaced. */
typedef struct stretch {
    const float *a, *b;
    size_t count;
} stretch;

INLINE void outer_tile(size_t rows, size_t vectors, const stretch *from, size_t stretches, size_t a_step, size_t b_step,
                       float *const *to, const finish *f)
{
    vec s[TILE_ROWS][VECTORS];
    for (size_t i = 0; i < rows; i++)
        for (size_t q = 0; q < vectors; q++)
            s[i][q] = vec_set(0);
    for (size_t t = 0; t < stretches; t++) {
        const float *a = from[t].a, *b = from[t].b;
#pragma GCC unroll 2
        for (size_t l = 0; l < from[t].count; l++, a += a_step, b += b_step) {
            vec x[VECTORS];
            for (size_t q = 0; q < vectors; q++)
                x[q] = q + 1 < vectors ? vec_load(b + q * LANES) : vec_load_part(b + q * LANES, f->last);
            for (size_t i = 0; i < rows; i++) {
                vec v = vec_set(a[i]);
                for (size_t q = 0; q < vectors; q++)
                    s[i][q] = vec_fma(v, x[q], s[i][q]);
            }
        }
    }
    tile_end(rows, vectors, s, to, f);
}

/* B's rows have all MX_PANEL columns, there or not. */
INLINE void outer_tile_whole(size_t rows, size_t vectors, const stretch *from, size_t stretches, size_t a_step,
                             size_t b_step, float *const *to, const finish *f)
{
    vec s[TILE_ROWS][VECTORS];
    for (size_t i = 0; i < rows; i++)
        for (size_t q = 0; q < vectors; q++)
            s[i][q] = vec_set(0);
    for (size_t t = 0; t < stretches; t++) {
        const float *a = from[t].a, *b = from[t].b;
#pragma GCC unroll 2
        for (size_t l = 0; l < from[t].count; l++, a += a_step, b += b_step) {
            vec x[VECTORS];
            for (size_t q = 0; q < vectors; q++)
                x[q] = vec_load(b + q * LANES);
            for (size_t i = 0; i < rows; i++) {
                vec v = vec_set(a[i]);
                for (size_t q = 0; q < vectors; q++)
                    s[i][q] = vec_fma(v, x[q], s[i][q]);
            }
        }
    }
    tile_end(rows, vectors, s, to, f);
}

static void any_outer_tile(size_t rows, const stretch *from, size_t stretches, size_t a_step, size_t b_step,
                           bool padded, float *const *to, const finish *f)
{
    bool full = padded || f->width == MX_PANEL, whole = VECTORS == 1 || f->width > LANES;
    switch (rows) {
#define TILE(count)                                                                                                    \
    case count:                                                                                                        \
        if (full && whole)                                                                                             \
            outer_tile_whole(count, VECTORS, from, stretches, a_step, b_step, to, f);                                  \
        else if (full)                                                                                                 \
            outer_tile_whole(count, 1, from, stretches, a_step, b_step, to, f);                                        \
        else if (whole)                                                                                                \
            outer_tile(count, VECTORS, from, stretches, a_step, b_step, to, f);                                        \
        else                                                                                                           \
            outer_tile(count, 1, from, stretches, a_step, b_step, to, f);                                              \
        break;
        TILE_CASES(TILE)
#undef TILE
    default:
        break;
    }
}

/* Rows of one panel, `width` columns that there are; zeros beyond. */
static void pack_panel(const float *b, size_t stride, size_t k, size_t width, float *panel)
{
    size_t whole = width / LANES * LANES;
    part some = part_of(width % LANES);
    for (size_t l = 0; l < k; l++, b += stride, panel += MX_PANEL) {
        for (size_t q = 0; q < whole; q += LANES)
            vec_store(panel + q, vec_load(b + q));
        if (whole < MX_PANEL)
            vec_store(panel + whole, whole < width ? vec_load_part(b + whole, some) : vec_set(0));
        for (size_t q = whole + LANES; q < MX_PANEL; q += LANES)
            vec_store(panel + q, vec_set(0));
    }
}

static inline void pack_panels(const float *b, size_t stride, size_t k, size_t u, float *panels)
{
    for (size_t j = 0; j < u; j += MX_PANEL)
        pack_panel(b + j, stride, k, u - j < MX_PANEL ? u - j : MX_PANEL, panels + j * k);
}

/* to (8, 8) = the transpose of from (8, 8). */
INLINE void transpose_8(const float *from, size_t stride, float *to, size_t to_stride)
{
    __m256 r[8], s[8];
    for (size_t i = 0; i < 8; i++)
        r[i] = _mm256_loadu_ps(from + i * stride);
    for (size_t i = 0; i < 8; i += 2) { /* pairs of rows, then fours, then eights */
        s[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        s[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (size_t i = 0; i < 8; i += 4)
        for (size_t t = 0; t < 2; t++) {
            r[i + 2 * t] = _mm256_shuffle_ps(s[i + t], s[i + t + 2], 0x44);
            r[i + 2 * t + 1] = _mm256_shuffle_ps(s[i + t], s[i + t + 2], 0xee);
        }
    for (size_t i = 0; i < 4; i++) {
        _mm256_storeu_ps(to + i * to_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(to + (i + 4) * to_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}

/* to (columns, rows) = the transpose of from (rows, columns): in blocks of 8 x 8, the last ones over part of those before. */
static void transpose(const float *from, size_t stride, size_t rows, size_t columns, float *to, size_t to_stride)
{
    if (rows < 8 || columns < 8) {
        for (size_t j = 0; j < columns; j++)
            for (size_t i = 0; i < rows; i++)
                to[j * to_stride + i] = from[i * stride + j];
        return;
    }
    for (size_t j = 0;; j = j + 16 <= columns ? j + 8 : columns - 8) {
        for (size_t i = 0;; i = i + 16 <= rows ? i + 8 : rows - 8) {
            transpose_8(from + i * stride + j, stride, to + j * to_stride + i, to_stride);
            if (i + 8 == rows)
                break;
        }
        if (j + 8 == columns)
            break;
    }
}

/* (u, k) as it lies in memory to rows of panels, `panel` floats from panel to panel; zeros beyond u. */
static inline void pack_transposed_to(const float *b, size_t stride, size_t k, size_t u, float *panels, size_t panel)
{
    for (size_t j = 0; j < u; j += MX_PANEL, panels += panel) {
        size_t width = u - j < MX_PANEL ? u - j : MX_PANEL;
        if (width < MX_PANEL)
            memset(panels, 0, k * MX_PANEL * sizeof *panels);
        transpose(b + j * stride, stride, width, k, panels, MX_PANEL);
    }
}

INLINE void pack_columns(size_t columns, const stretch *from, size_t stretches, size_t step, size_t first, float *to)
{
    for (size_t t = 0; t < stretches; t++) {
        const float *a = from[t].a + first;
        for (size_t l = 0; l < from[t].count; l++, a += step, to += columns)
            memcpy(to, a, columns * sizeof *to);
    }
}

/* A's columns first .. first + columns, a tile's wide each, one after another. */
static void pack_a(const stretch *from, size_t stretches, size_t step, size_t first, size_t columns, float *to)
{
    size_t steps = 0;
    for (size_t t = 0; t < stretches; t++)
        steps += from[t].count;
    for (size_t l = 0; l < columns;) {
        size_t rows = tile_rows(columns - l);
        switch (rows) {
#define PACK(count)                                                                                                    \
    case count:                                                                                                        \
        pack_columns(count, from, stretches, step, first + l, to + l * steps);                                         \
        break;
            TILE_CASES(PACK)
#undef PACK
        default:
            break;
        }
        l += rows;
    }
}

static void pack_b(const stretch *from, size_t stretches, size_t step, size_t first, const finish *f, float *to)
{
    for (size_t t = 0; t < stretches; t++)
        pack_panel(from[t].b + first, step, from[t].count, f->width, to), to += from[t].count * MX_PANEL;
}

/* C (k, u) += A' B over the steps of all stretches, OUTER_STEPS at most. */
static void outer_add(const stretch *from, size_t stretches, size_t a_step, size_t b_step, size_t k, size_t u, float *c,
                      size_t c_stride)
{
    _Alignas(64) float a_near[OUTER_STEPS * OUTER_COLUMNS], b_near[OUTER_STEPS * MX_PANEL];
    stretch moved[OUTER_STEPS];
    size_t steps = 0;
    for (size_t t = 0; t < stretches; t++)
        steps += from[t].count;
    bool near_a = u > (WORTH_A - 1) * MX_PANEL;
    for (size_t first = 0; first < k; first += OUTER_COLUMNS) {
        size_t columns = k - first < OUTER_COLUMNS ? k - first : OUTER_COLUMNS;
        bool near_b = columns > (WORTH_B - 1) * TILE_ROWS && b_step != MX_PANEL;
        if (near_a)
            pack_a(from, stretches, a_step, first, columns, a_near);
        for (size_t j = 0; j < u; j += MX_PANEL) {
            finish f = finish_of(NULL, true, false, u - j < MX_PANEL ? u - j : MX_PANEL);
            if (near_b)
                pack_b(from, stretches, b_step, j, &f, b_near);
            for (size_t l = 0; l < columns;) {
                size_t rows = tile_rows(columns - l), parts = stretches;
                float *to[TILE_ROWS];
                for (size_t r = 0; r < rows; r++)
                    to[r] = c + (first + l + r) * c_stride + j;
                if (near_a && near_b) {
                    moved[0] = (stretch){a_near + l * steps, b_near, steps};
                    parts = 1;
                } else {
                    const float *a = a_near + l * steps, *b = b_near;
                    for (size_t t = 0; t < stretches; t++) {
                        moved[t].a = near_a ? a : from[t].a + first + l;
                        moved[t].b = near_b ? b : from[t].b + j;
                        moved[t].count = from[t].count;
                        a += from[t].count * rows;
                        b += from[t].count * MX_PANEL;
                    }
                }
                any_outer_tile(rows, moved, parts, near_a ? rows : a_step, near_b ? MX_PANEL : b_step, near_b, to, &f);
                l += rows;
            }
        }
    }
}

#endif
