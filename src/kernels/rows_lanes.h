/*
 * Loops over the rows of a matrix, in lanes: included by rows_<level>.c after the level's lanes_<level>.h.
 *
 * Margins take eight rows at a time: eight chains hide the latency of the product, and a vector of b is loaded once for all. Sums of rows
 * keep up to thirteen vectors of columns in registers while all rows go by.
 */
#ifndef MX_KERNELS_ROWS_LANES_H
#define MX_KERNELS_ROWS_LANES_H

#include "kernels/kernels.h"

enum { MARGIN_ROWS = 8, MOST_VECTORS = 13, MOMENT_VECTORS = 3 };

INLINE void margins_of(const double *x, size_t d, const double *b, double shift, double *out, size_t rows)
{
    vec s[MARGIN_ROWS];
    size_t j = 0;
    for (size_t r = 0; r < rows; r++)
        s[r] = vec_set(0);
    for (; j + LANES <= d; j += LANES) {
        vec v = vec_load(b + j);
        for (size_t r = 0; r < rows; r++)
            s[r] = vec_fma(vec_load(x + r * d + j), v, s[r]);
    }
    if (j < d) {
        part some = part_of(d - j);
        vec v = vec_load_part(b + j, some);
        for (size_t r = 0; r < rows; r++)
            s[r] = vec_fma(vec_load_part(x + r * d + j, some), v, s[r]);
    }
    double sums[MARGIN_ROWS];
    vec_sums(s[0], s[1 % rows], s[2 % rows], s[3 % rows], sums);
    if (rows > 4)
        vec_sums(s[4 % rows], s[5 % rows], s[6 % rows], s[7 % rows], sums + 4);
    for (size_t r = 0; r < rows; r++)
        out[r] = shift + sums[r];
}

void MX_LEVEL(margins)(const double *x, size_t m, size_t d, const double *b, double shift, double *out)
{
    size_t i = 0;
    for (; i + MARGIN_ROWS <= m; i += MARGIN_ROWS)
        margins_of(x + i * d, d, b, shift, out + i, MARGIN_ROWS);
    for (; i < m; i++)
        margins_of(x + i * d, d, b, shift, out + i, 1);
}

/* y += the rows' sums in `vectors` vectors of columns, of the last one `some` lanes. */
INLINE void add_tile(const double *x, const double *v, size_t m, size_t d, double *y, size_t vectors, part some)
{
    vec s[MOST_VECTORS];
    size_t last = vectors - 1;
    for (size_t k = 0; k < vectors; k++)
        s[k] = vec_set(0);
    for (size_t i = 0; i < m; i++, x += d) {
        vec factor = vec_set(v[i]);
        for (size_t k = 0; k < last; k++)
            s[k] = vec_fma(factor, vec_load(x + LANES * k), s[k]);
        s[last] = vec_fma(factor, vec_load_part(x + LANES * last, some), s[last]);
    }
    for (size_t k = 0; k < last; k++)
        vec_store(y + LANES * k, vec_add(vec_load(y + LANES * k), s[k]));
    vec_store_part(y + LANES * last, some, vec_add(vec_load_part(y + LANES * last, some), s[last]));
}

void MX_LEVEL(add_rows)(const double *x, const double *v, size_t m, size_t d, double *y)
{
    for (size_t first = 0; first < d;) {
        size_t left = (d - first + LANES - 1) / LANES, tiles = (left + MOST_VECTORS - 1) / MOST_VECTORS,
               vectors = left / tiles, width = vectors * LANES;
        width = width < d - first ? width : d - first;
        part some = part_of(width - (vectors - 1) * LANES);
        switch (vectors) { /* the count as a constant keeps the sums in registers */
#define TILE(count)                                                                                                    \
    case count:                                                                                                        \
        add_tile(x + first, v, m, d, y + first, count, some);                                                          \
        break;
            /* clang-format off */
            TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6) TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12) TILE(13)
        default:
            break;
            /* clang-format on */
#undef TILE
        }
        first += width;
    }
}

void MX_LEVEL(add_moments)(const double *x, const double *w, size_t m, size_t d, const double *shift, double *sums,
                           double *squares)
{
    for (size_t j = 0; j < d; j += MOMENT_VECTORS * LANES) {
        part some[MOMENT_VECTORS];
        vec s[MOMENT_VECTORS], q[MOMENT_VECTORS], c[MOMENT_VECTORS];
        for (size_t k = 0; k < MOMENT_VECTORS; k++) {
            size_t left = d - j > k * LANES ? d - j - k * LANES : 0;
            some[k] = part_of(left < LANES ? left : LANES);
            s[k] = q[k] = vec_set(0);
            c[k] = vec_load_part(shift + j + k * LANES, some[k]);
        }
        for (size_t i = 0; i < m; i++) {
            vec factor = vec_set(w[i]);
            for (size_t k = 0; k < MOMENT_VECTORS; k++) {
                vec t = vec_sub(vec_load_part(x + i * d + j + k * LANES, some[k]), c[k]), wt = vec_mul(factor, t);
                s[k] = vec_add(s[k], wt);
                q[k] = vec_fma(wt, t, q[k]);
            }
        }
        for (size_t k = 0; k < MOMENT_VECTORS; k++) {
            double *sum = sums + j + k * LANES, *square = squares + j + k * LANES;
            vec_store_part(sum, some[k], vec_add(vec_load_part(sum, some[k]), s[k]));
            vec_store_part(square, some[k], vec_add(vec_load_part(square, some[k]), q[k]));
        }
    }
}

#endif
