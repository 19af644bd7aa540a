/*
 * The unit of work of float products: a tile of up to TILE_ROWS rows by one panel (MX_PANEL columns) of the result stays in registers while the sum goes by;
 * a step of it is one row of the panel and one number of each row. In lanes: included after float_lanes_<level>.h.
 *
 * With AVX2 6 x 16 cells are twelve of the sixteen registers: 8 loads feed 12 products. Fewer than four rows can't hide the product's latency: rows are dealt
 * out to tiles so that as few as can be are so small.
 */
#ifndef MX_KERNELS_TENSOR_TILES_H
#define MX_KERNELS_TENSOR_TILES_H

#include "kernels/tensors.h"

enum { VECTORS = MX_PANEL / LANES, TILE_ROWS = LANES == 8 ? 6 : 12 };

/* Eight lanes: the upper half of a longer vector is added to the lower. */
INLINE __m256 vec_half(vec v)
{
#if LANES == 8
    return v;
#else
    return _mm256_add_ps(_mm512_castps512_ps256(v), _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1)));
#endif
}

/* Where a sum's terms lie: `outer` times `inner` runs of `length` steps; a_* and b_*: floats from run to run. */
typedef struct walk {
    size_t outer, inner, length, a_outer, a_inner, b_outer, b_inner;
} walk;

/* What is done with a tile's sums; bias: of the tile's columns. */
typedef struct finish {
    const float *bias;
    bool add, relu;
    size_t width; /* columns that there are */
    part last;    /* of their last vector */
} finish;

INLINE finish finish_of(const float *bias, bool add, bool relu, size_t width)
{
    return (finish){bias, add, relu, width, part_of((width - 1) % LANES + 1)};
}

/* How many of the rows left the next tile takes. */
INLINE size_t tile_rows(size_t left)
{
    return left >= 2 * TILE_ROWS || left == TILE_ROWS ? TILE_ROWS : left > TILE_ROWS ? (left + 1) / 2 : left;
}

INLINE void vec_part_add(vec *sum, const float *p, part some, bool whole)
{
    *sum = vec_add(*sum, whole ? vec_load(p) : vec_load_part(p, some));
}

INLINE void tile_end(size_t rows, size_t vectors, vec s[TILE_ROWS][VECTORS], float *const *to, const finish *f)
{
    bool whole = f->width == vectors * LANES;
    size_t last = vectors - 1;
    if (f->add)
        for (size_t i = 0; i < rows; i++) {
            for (size_t q = 0; q < last; q++)
                s[i][q] = vec_add(s[i][q], vec_load(to[i] + q * LANES));
            vec_part_add(&s[i][last], to[i] + last * LANES, f->last, whole);
        }
    if (f->bias != NULL)
        for (size_t i = 0; i < rows; i++) {
            for (size_t q = 0; q < last; q++)
                s[i][q] = vec_add(s[i][q], vec_load(f->bias + q * LANES));
            vec_part_add(&s[i][last], f->bias + last * LANES, f->last, whole);
        }
    if (f->relu)
        for (size_t i = 0; i < rows; i++)
            for (size_t q = 0; q < vectors; q++)
                s[i][q] = vec_max(s[i][q], vec_set(0));
    if (whole)
        for (size_t i = 0; i < rows; i++)
            for (size_t q = 0; q < vectors; q++)
                vec_store(to[i] + q * LANES, s[i][q]);
    else
        for (size_t i = 0; i < rows; i++) {
            for (size_t q = 0; q < last; q++)
                vec_store(to[i] + q * LANES, s[i][q]);
            vec_store_part(to[i] + last * LANES, f->last, s[i][last]);
        }
}

INLINE void tile(size_t rows, size_t vectors, const float *const *a, const walk *w, const float *b, float *const *to,
                 const finish *f)
{
    vec s[TILE_ROWS][VECTORS];
    const float *row[TILE_ROWS];
    for (size_t i = 0; i < rows; i++) {
        row[i] = a[i];
        for (size_t q = 0; q < vectors; q++)
            s[i][q] = vec_set(0);
    }
    size_t length = w->length;
    for (size_t o = 0; o < w->outer; o++)
        for (size_t j = 0; j < w->inner; j++) {
            const float *panel = b + o * w->b_outer + j * w->b_inner;
            size_t at = o * w->a_outer + j * w->a_inner;
#pragma GCC unroll 4
            for (size_t l = 0; l < length; l++) {
                vec x[VECTORS];
                for (size_t q = 0; q < vectors; q++)
                    x[q] = vec_load(panel + l * MX_PANEL + q * LANES);
                for (size_t i = 0; i < rows; i++) {
                    vec v = vec_set(row[i][at + l]);
                    for (size_t q = 0; q < vectors; q++)
                        s[i][q] = vec_fma(v, x[q], s[i][q]);
                }
            }
        }
    tile_end(rows, vectors, s, to, f);
}

/* Cases of a switch over 1 .. TILE_ROWS. */
#if LANES == 8
#define TILE_CASES(CASE) CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
#else
#define TILE_CASES(CASE)                                                                                               \
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
#endif

/* Rows and vectors as constants keep the sums in registers. */
static inline void any_tile(size_t rows, const float *const *a, const walk *w, const float *b, float *const *to,
                            const finish *f)
{
    bool whole = VECTORS == 1 || f->width > LANES;
    switch (rows) {
#define TILE(count)                                                                                                    \
    case count:                                                                                                        \
        if (whole)                                                                                                     \
            tile(count, VECTORS, a, w, b, to, f);                                                                      \
        else                                                                                                           \
            tile(count, 1, a, w, b, to, f);                                                                            \
        break;
        TILE_CASES(TILE)
#undef TILE
    default:
        break;
    }
}

#endif
