/*
 * Inner loops of nearest-neighbour search among float32 vectors, one form per instruction set, picked at start together with kernels.h. Floor 1.
 *
 * Letters: n rows, d floats of a row: a multiple of MX_SIMILARITY_LANES, filled up with zeros; q a query.
 *
 * Two kinds. Those that give a number to somebody (`dot`, `squared_distance` in double; `minus_dots`, `squared_distances` in float) round every product and sum apart and in
 * an order that d alone fixes, so that every level gives the same bits. `screen` only says which rows may matter: its numbers are bounded, not fixed, and levels may
 * differ. u is 2^-53 in double, 2^-24 in float.
 */
#ifndef MX_KERNELS_SIMILARITY_H
#define MX_KERNELS_SIMILARITY_H

#include "kernels/kernels.h"

enum { MX_SIMILARITY_LANES = 8, MX_SCREEN_LANES = 16 };

typedef struct mx_similarity_kernels {
    /* a.b: products are exact in double, so |error| <= (d / 8 + 4) u sum |a_j b_j|. */
    double (*dot)(const float *a, const float *b, size_t d);
    /* |a - b|^2: every term >= 0, relative error <= (d / 8 + 7) u. */
    double (*squared_distance)(const float *a, const float *b, size_t d);
    /*
     * out_j = -(q . row_j) and |q - row_j|^2 for the m rows listed in index (NULL: the first m) of rows (.., d), in float: |error| <= (d / 8 + 5) u sum |terms|, of the second
     * (d / 8 + 8) u relative. A row's bits do not depend on the others of the list.
     */
    void (*minus_dots)(const float *q, const float *rows, size_t d, const uint32_t *index, size_t m, float *out);
    void (*squared_distances)(const float *q, const float *rows, size_t d, const uint32_t *index, size_t m, float *out);
    /*
     * For each of n rows: which of 16 queries it passes, lane l's bit in masks_i when bias_i - q_l . row_i <= limit_l, in float, sums over j in order:
     * |error| <= (d + 1) u |q_l| |row_i| + u |bias_i|. queries (d, 16): coordinate by coordinate. NaN does not pass.
     */
    void (*screen)(const float *rows, size_t n, size_t d, const float *bias, const float *queries, const float *limit,
                   uint16_t *masks);
} mx_similarity_kernels;

/* The level that mx_kernel() runs at. */
const mx_similarity_kernels *mx_similarity_kernel(void);
/* One level; NULL as mx_kernels_of. For tests. */
const mx_similarity_kernels *mx_similarity_kernels_of(mx_isa isa);

#define MX_SIMILARITY_FUNCTIONS(level)                                                                                 \
    double mx_float_dot_##level(const float *a, const float *b, size_t d);                                             \
    double mx_float_squared_distance_##level(const float *a, const float *b, size_t d);                                \
    void mx_minus_dots_##level(const float *q, const float *rows, size_t d, const uint32_t *index, size_t m,           \
                               float *out);                                                                            \
    void mx_listed_distances_##level(const float *q, const float *rows, size_t d, const uint32_t *index, size_t m,     \
                                     float *out);                                                                      \
    void mx_screen_##level(const float *rows, size_t n, size_t d, const float *bias, const float *queries,             \
                           const float *limit, uint16_t *masks);
MX_SIMILARITY_FUNCTIONS(ref)
MX_SIMILARITY_FUNCTIONS(avx2)

#endif
