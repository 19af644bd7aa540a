/*
 * Inner loops per instruction set, and the table that picks them once. Floor 1.
 *
 * A level is one struct of functions. `*_ref.c` is plain C: the specification, the fallback and the oracle of the tests; `*_avx2.c`
 * is compiled for AVX2 and FMA (cmake/library.cmake reads the suffix) and called where mx_isa_usable says so, which honours
 * MERX_MAX_ISA. MERX_VERBOSE=dispatch says which level runs.
 *
 * All functions: no state, no memory, any number of threads, any alignment, any length including 0. Sums run in an order that depends
 * on the sizes alone: the same bits for the same level; levels differ by rounding. u is 2^-53 (double). Inputs that are NaN or
 * infinite come out as IEEE 754 arithmetic has them: no level hides one. Row-major throughout.
 */
#ifndef MX_KERNELS_H
#define MX_KERNELS_H

#include <stddef.h>

#include "base/system.h"
#include "kernels/nearest.h"

enum { MX_PANEL = 16 }; /* columns of a panel of multiply_panels */

/*
 * A few numbers among many, to be found in lists of numbers. bits (borrowed) say which; digits are a first sieve: bit b of digits[i][v]: of the numbers put into group b some have v as their i-th
 * hexadecimal digit, counted from the last. A number passes when one group has all four of its digits.
 */
typedef struct mx_few {
    uint64_t *bits; /* number x: bit x % 64 of word x / 64 */
    size_t count;   /* put in so far: they go to eight groups in turn */
    uint8_t digits[4][16];
} mx_few;
static inline void mx_few_put(mx_few *few, uint32_t x)
{
    few->bits[x / 64] |= UINT64_C(1) << x % 64;
    for (int i = 0; i < 4; i++)
        few->digits[i][x >> 4 * i & 15] |= (uint8_t)(1u << few->count % 8);
    few->count++;
}

/* What gram_add multiplies: rows z_i = root(w_i) [x_i - shift, y_i - shift_d, 1]. */
typedef struct mx_gram_rows {
    const double *x, *y, *w; /* (n, d), (n) or NULL: zeros, (n) or NULL: ones */
    const double *shift;     /* (d + 1) or NULL: zeros */
    size_t n, d;
    bool beside; /* the target and the one are there; otherwise the columns of x alone */
} mx_gram_rows;
/* Rows at a time, at most; width of the matrix (columns and what stands beside them); doubles of scratch for a width. */
#define MX_GRAM_STRIP 256
#define MX_GRAM_WIDTH(rows) ((rows)->d + ((rows)->beside ? 2 : 0))
#define MX_GRAM_SCRATCH(width) (((width) + 8) * (MX_GRAM_STRIP + 2))

typedef struct mx_kernels {
    mx_isa isa;

    /* sum_i a_i b_i. Accumulates in double; |error| <= n u sum |a_i b_i|. */
    double (*dot)(const double *a, const double *b, size_t n);
    /* The same with b in float, widened first: the products are exact but for one rounding. */
    double (*dot_float)(const double *a, const float *b, size_t n);
    /* y (n) += v x (n). |error| <= 2 u (|y_i| + |v x_i|) each. x and y do not overlap. */
    void (*axpy)(double v, const double *x, double *y, size_t n);
    void (*axpy_float)(double v, const float *x, double *y, size_t n);
    /* y (n) = v x (n): one rounding. */
    void (*scale_float)(double v, const float *x, double *y, size_t n);

    /* out (d, stride): row k, column j = scale_j x[index_j, k] for j < m <= stride, x (.., d): one rounding. Other columns are left alone. */
    void (*gather_transposed)(const double *x, size_t d, const int32_t *index, const double *scale, size_t m,
                              double *out, size_t stride);

    /*
     * out_c = sum_j (x_j - centres[j, c])^2 for x (d), centres (d, k): in order of j, product and sum rounded apart, so that every level gives the bits of
     * the plain loop.
     */
    void (*squared_distances)(const double *x, const double *centres, size_t d, size_t k, double *out);

    /*
     * tile (d, MX_NEAREST_ROWS) = (x - shift) scale of the rows listed, coordinate by coordinate; scale is a power of two. Of float rows shift is rounded to
     * float first. Columns from m (1 or more) on repeat the last row.
     */
    void (*gather_tile)(const double *x, size_t d, const uint32_t *rows, size_t m, const double *shift, double scale,
                        float *tile);
    void (*gather_tile_float)(const float *x, size_t d, const uint32_t *rows, size_t m, const double *shift,
                              double scale, float *tile);
    /*
     * For each of the first m rows of a tile: a centre, at least as far from it as the row is an upper bound, and every other is at least as far as the lower
     * bound; so where upper < lower it is the nearest, and the only one (kernels/nearest.h has the proof). Room for MX_NEAREST_ROWS each is written to.
     * Coordinates of rows that are not finite: upper < lower does not hold for them. Cost: m k d.
     */
    void (*nearest_bounds)(const mx_nearest_centres *centres, const float *tile, size_t m, float *upper, float *lower,
                           int32_t *index);
    /*
     * (high + low) += v x, rounded to multiples of ulp(fine): high takes the multiple of ulp(coarse), low what is left. While every sum stays below 2^52
     * such units both are exact, so the order of additions does not matter and what was added can be taken off (v negative). Demmel & Nguyen 2015,
     * "Parallel reproducible summation". Every level gives the same bits. No arrays overlap.
     */
    void (*exact_add)(double v, const double *x, const double *coarse, const double *fine, double *high, double *low,
                      size_t n);

    /*
     * Floats to nearest bfloat16 (the upper half of a float's bits; ties to even), and rows listed gathered together: out (m, d) = v[index_j] of v (.., d), in floats again.
     * d a multiple of 8 for the gathers. The same bits on every level.
     */
    void (*to_bf16)(const float *x, size_t n, uint16_t *out);
    void (*gather_rows)(const float *v, size_t d, const int32_t *index, size_t m, float *out);
    void (*gather_bf16)(const uint16_t *v, size_t d, const int32_t *index, size_t m, float *out);
    /*
     * Over rows v_j of (m, d), d a multiple of 8, in float throughout: |error| <= (m + d) 2^-24 sum |terms|; call it for some hundred rows at a time.
     *   sum_rows     out (d) += sum_j weight_j v_j
     *   normal_rows  out (d) += sum_j weight_j (v_j . p) v_j
     */
    void (*sum_rows)(const float *rows, size_t d, const float *weight, size_t m, float *out);
    void (*normal_rows)(const float *rows, size_t d, const float *weight, size_t m, const float *p, float *out);
    /*
     * c (m, d) = a (m, d) B in float, B (d, d) packed in panels of MX_PANEL columns: (ceil(d / MX_PANEL), d, MX_PANEL), zeros beyond d. d a multiple of 8; a and c do not
     * overlap. |error| <= d 2^-24 |a| |B|.
     */
    void (*multiply_panels)(const float *a, const float *panels, float *c, size_t m, size_t d);
    /*
     * products (MX_PANEL): x . c_j of the columns c_j of a panel (d, MX_PANEL); returns which of them are >= least: bit j. In float: |error| <= (d + 1) 2^-24 sum_k |x_k c_kj|. Any d.
     * A product that is NaN is not.
     */
    uint32_t (*panel_above)(const float *x, const float *panel, size_t d, float least, float *products);
    /* Places of those of n numbers (0 <= x, within few's bits) that are among the few: ascending, into places (n); returns how many. */
    size_t (*find_few)(const mx_few *few, const int32_t *numbers, size_t n, uint32_t *places);

    /*
     * a (d, d), upper triangle, += x' x of x (m, d). Below the diagonal only cells of 4 x 4 tiles on it are written. Accumulates in double over strips of
     * rows that fit the first-level cache; |error| <= (m + 1) u (|a_ij| + sum_r |x_ri x_rj|). Cost m d^2.
     */
    void (*syrk_add)(const double *x, size_t m, size_t d, double *a);
    /*
     * a (width, width), rows first .. end of its upper triangle, += z' z over rows begin .. begin + m of z, m <= MX_GRAM_STRIP. Cells below the diagonal and beside
     * the named rows are written only within (rows, columns) of tiles of 4 x 8. first: a multiple of 8. A cell's sum runs in order of the rows. What follows
     * the rows is brought into the cache meanwhile. scratch: MX_GRAM_SCRATCH(width) doubles, faster when aligned to 64 bytes.
     */
    void (*gram_add)(const mx_gram_rows *rows, size_t begin, size_t m, size_t first, size_t end, double *a,
                     double *scratch);
    /* c (m, n) += a (m, k) b (k, n), and c (k, n) += a' b of a (m, k), b (m, n). In double; |error| <= (sum's length + 1) u (|c| + |a| |b|). */
    void (*multiply_add)(const double *a, const double *b, double *c, size_t m, size_t k, size_t n);
    void (*transposed_multiply_add)(const double *a, const double *b, double *c, size_t m, size_t k, size_t n);
    /*
     * A = R' R for symmetric A (d, d): reads and overwrites the upper triangle with R; what is below it afterwards is not defined. False when A is not
     * positive definite or not finite. Backward error |R'R - A| <= 4 d u |R'| |R| (Higham 2002, theorem 10.3). Cost d^3 / 3.
     */
    bool (*cholesky)(double *a, size_t d);
    /* Solves R' R X = B in place, B (d, m). Backward error as above. Cost 2 d^2 m. */
    void (*cholesky_solve)(const double *r, size_t d, double *b, size_t m);

    /*
     * Functions of each of n numbers; out may be x. Errors in units of the last place of the exact result, tested against long double; a result that is
     * subnormal: + 1. NaN gives NaN. An element's bits do not depend on its place in the array.
     *
     * exp      e^x                    1 ulp    0 below -745.13, infinity above 709.78
     * log      log x                  1 ulp    -infinity of 0, NaN below it, infinity of infinity
     * sigmoid  1 / (1 + e^-x)         2.5 ulp
     * softplus log(1 + e^x)           2.5 ulp  the logistic loss of margin -x
     * logistic sigmoid and softplus of the same x with one e^x; p may be x
     */
    void (*exp)(const double *x, size_t n, double *out);
    void (*log)(const double *x, size_t n, double *out);
    void (*sigmoid)(const double *x, size_t n, double *out);
    void (*softplus)(const double *x, size_t n, double *out);
    void (*logistic)(const double *x, size_t n, double *p, double *softplus);
    /*
     * Row by row of x (n, k): out_c = e^(x_c - l), log_sums = l = log sum_c e^x_c, the largest x_c taken out first. out may be x; log_sums (n) may be NULL.
     * |error of out_c| <= (|x_c - max x| + k + 4) 2u out_c; |error of l| <= 2u (|l| + |max x| + k + 2). A row with NaN, with infinity or of nothing but
     * -infinity gives NaN.
     */
    void (*softmax)(const double *x, size_t n, size_t k, double *out, double *log_sums);

    /* out_i = shift + sum_j x_ij b_j, x (m, d). A row's bits do not depend on its neighbours. |error| <= (d + 1) u (|shift| + sum |x_ij b_j|). */
    void (*margins)(const double *x, size_t m, size_t d, const double *b, double shift, double *out);
    /* y (d) += sum_i v_i x_i, x (m, d). |error| <= (m + 1) u (|y_j| + sum |v_i x_ij|). */
    void (*add_rows)(const double *x, const double *v, size_t m, size_t d, double *y);
    /* sums_j += sum_i w_i (x_ij - shift_j), squares_j += sum_i w_i (x_ij - shift_j)^2. |error| <= (m + 3) u of the sum of absolute values. */
    void (*add_moments)(const double *x, const double *w, size_t m, size_t d, const double *shift, double *sums,
                        double *squares);
} mx_kernels;

/* The best level that this machine may use; the same for the whole life of the process. */
const mx_kernels *mx_kernel(void);
/* One level; NULL when this build has none of it or this machine can't run it (MERX_MAX_ISA is not asked). For tests. */
const mx_kernels *mx_kernels_of(mx_isa isa);

/* What the tables are made of, per level: loops over one or two vectors (vectors_*.c), products and solves (products_*.c), functions of each element (functions_*.c), rows of a matrix (rows_*.c). */
#define MX_KERNEL_FUNCTIONS(level)                                                                                     \
    double mx_dot_##level(const double *a, const double *b, size_t n);                                                 \
    double mx_dot_float_##level(const double *a, const float *b, size_t n);                                            \
    void mx_axpy_##level(double v, const double *x, double *y, size_t n);                                              \
    void mx_axpy_float_##level(double v, const float *x, double *y, size_t n);                                         \
    void mx_scale_float_##level(double v, const float *x, double *y, size_t n);                                        \
    void mx_squared_distances_##level(const double *x, const double *centres, size_t d, size_t k, double *out);        \
    void mx_gather_tile_##level(const double *x, size_t d, const uint32_t *rows, size_t m, const double *shift,        \
                                double scale, float *tile);                                                            \
    void mx_gather_tile_float_##level(const float *x, size_t d, const uint32_t *rows, size_t m, const double *shift,   \
                                      double scale, float *tile);                                                      \
    void mx_nearest_bounds_##level(const mx_nearest_centres *centres, const float *tile, size_t m, float *upper,       \
                                   float *lower, int32_t *index);                                                      \
    void mx_exact_add_##level(double v, const double *x, const double *coarse, const double *fine, double *high,       \
                              double *low, size_t n);                                                                  \
    void mx_to_bf16_##level(const float *x, size_t n, uint16_t *out);                                                  \
    void mx_gather_rows_##level(const float *v, size_t d, const int32_t *index, size_t m, float *out);                 \
    void mx_gather_bf16_##level(const uint16_t *v, size_t d, const int32_t *index, size_t m, float *out);              \
    void mx_sum_rows_##level(const float *rows, size_t d, const float *weight, size_t m, float *out);                  \
    void mx_normal_rows_##level(const float *rows, size_t d, const float *weight, size_t m, const float *p,            \
                                float *out);                                                                           \
    void mx_multiply_panels_##level(const float *a, const float *panels, float *c, size_t m, size_t d);                \
    uint32_t mx_panel_above_##level(const float *x, const float *panel, size_t d, float least, float *products);       \
    size_t mx_find_few_##level(const mx_few *few, const int32_t *numbers, size_t n, uint32_t *places);                 \
    void mx_syrk_add_##level(const double *x, size_t m, size_t d, double *a);                                          \
    void mx_gram_add_##level(const mx_gram_rows *rows, size_t begin, size_t m, size_t first, size_t end, double *a,    \
                             double *scratch);                                                                         \
    void mx_gather_transposed_##level(const double *x, size_t d, const int32_t *index, const double *scale, size_t m,  \
                                      double *out, size_t stride);                                                     \
    void mx_multiply_add_##level(const double *a, const double *b, double *c, size_t m, size_t k, size_t n);           \
    void mx_transposed_multiply_add_##level(const double *a, const double *b, double *c, size_t m, size_t k,           \
                                            size_t n);                                                                 \
    bool mx_cholesky_##level(double *a, size_t d);                                                                     \
    void mx_cholesky_solve_##level(const double *r, size_t d, double *b, size_t m);                                    \
    void mx_exp_##level(const double *x, size_t n, double *out);                                                       \
    void mx_log_##level(const double *x, size_t n, double *out);                                                       \
    void mx_sigmoid_##level(const double *x, size_t n, double *out);                                                   \
    void mx_softplus_##level(const double *x, size_t n, double *out);                                                  \
    void mx_logistic_##level(const double *x, size_t n, double *p, double *softplus);                                  \
    void mx_softmax_##level(const double *x, size_t n, size_t k, double *out, double *log_sums);                       \
    void mx_margins_##level(const double *x, size_t m, size_t d, const double *b, double shift, double *out);          \
    void mx_add_rows_##level(const double *x, const double *v, size_t m, size_t d, double *y);                         \
    void mx_add_moments_##level(const double *x, const double *w, size_t m, size_t d, const double *shift,             \
                                double *sums, double *squares);
MX_KERNEL_FUNCTIONS(ref)
MX_KERNEL_FUNCTIONS(avx2)
MX_KERNEL_FUNCTIONS(avx512) /* those that MX_KERNEL_LEVEL takes of another level have no form of their own */

/* A level as an mx_kernels; `other`: the level whose form runs where this one has none of its own. */
#define MX_KERNEL_LEVEL(level, set, other)                                                                             \
    {                                                                                                                  \
        .isa = set, .dot = mx_dot_##level, .dot_float = mx_dot_float_##level, .axpy = mx_axpy_##level,                 \
        .axpy_float = mx_axpy_float_##level, .scale_float = mx_scale_float_##level,                                    \
        .squared_distances = mx_squared_distances_##level, .gather_tile = mx_gather_tile_##other,                      \
        .gather_tile_float = mx_gather_tile_float_##other, .nearest_bounds = mx_nearest_bounds_##other,                \
        .exact_add = mx_exact_add_##level, .to_bf16 = mx_to_bf16_##other, .gather_rows = mx_gather_rows_##other,       \
        .gather_bf16 = mx_gather_bf16_##other, .sum_rows = mx_sum_rows_##other, .normal_rows = mx_normal_rows_##other, \
        .multiply_panels = mx_multiply_panels_##other, .panel_above = mx_panel_above_##other,                          \
        .find_few = mx_find_few_##other, .syrk_add = mx_syrk_add_##level, .gram_add = mx_gram_add_##level,             \
        .gather_transposed = mx_gather_transposed_##level, .multiply_add = mx_multiply_add_##level,                    \
        .transposed_multiply_add = mx_transposed_multiply_add_##level, .cholesky = mx_cholesky_##level,                \
        .cholesky_solve = mx_cholesky_solve_##level, .exp = mx_exp_##level, .log = mx_log_##level,                     \
        .sigmoid = mx_sigmoid_##level, .softplus = mx_softplus_##level, .logistic = mx_logistic_##level,               \
        .softmax = mx_softmax_##level, .margins = mx_margins_##level, .add_rows = mx_add_rows_##level,                 \
        .add_moments = mx_add_moments_##level                                                                          \
    }

#endif
