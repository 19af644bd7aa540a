/*
 * Loops over the rows of a matrix (margins, sums of rows, moments), each level beside sums in long double: all widths around the
 * vectors', rows around the batches', blocks of exactly the size that may be touched, NaN and infinities at every place.
 */
#ifndef TEST_ROW_CASES_H
#define TEST_ROW_CASES_H

#include "base/random.h"
#include "kernels/kernels.h"
#include "support/check.h"

static const mx_kernels *row_level;

/* n numbers that end where the block ends; the caller frees it. */
static double *numbers(size_t n, uint64_t seed)
{
    double *a = malloc(n * sizeof *a + (n == 0));
    mx_random random;
    mx_random_init(&random, seed, n);
    for (size_t i = 0; i < n; i++)
        a[i] = mx_random_normal(&random);
    return a;
}

static void check_sum(double got, long double want, long double size, size_t terms, const char *what, size_t m,
                      size_t d)
{
    bool like = isnan(want)   ? isnan(got)
                : isinf(want) ? (long double)got == want
                              : fabsl((long double)got - want) <= (long double)(terms + 4) * 0x1p-53L * size;
    if (!like)
        check_die(__FILE__, __LINE__, "%s (%zu, %zu): %.17g, expected %.17Lg", what, m, d, got, want);
}

static void compare(size_t m, size_t d, size_t place, double value)
{
    double *x = numbers(m * d, 1), *b = numbers(d, 2), *v = numbers(m, 3), *shift = numbers(d, 4);
    double *out = malloc((m + 1) * sizeof *out), *y = numbers(d, 5), *sums = numbers(d, 6), *squares = numbers(d, 7);
    if (place < m * d)
        x[place] = value;
    row_level->margins(x, m, d, b, 0.25, out);
    for (size_t i = 0; i < m; i++) {
        long double sum = 0.25L, size = 0.25L;
        for (size_t j = 0; j < d; j++) {
            sum += (long double)x[i * d + j] * b[j];
            size += fabsl((long double)x[i * d + j] * b[j]);
        }
        check_sum(out[i], sum, size, d, "margins", m, d);
        double alone;
        row_level->margins(x + i * d, 1, d, b, 0.25, &alone); /* bit by bit, wherever the row stands */
        if (!isnan(alone) || !isnan(out[i]))
            check_same_double(alone, out[i]);
    }
    double *y0 = numbers(d, 5), *sums0 = numbers(d, 6), *squares0 = numbers(d, 7);
    row_level->add_rows(x, v, m, d, y);
    row_level->add_moments(x, v, m, d, shift, sums, squares);
    for (size_t j = 0; j < d; j++) {
        long double r = y0[j], s = sums0[j], q = squares0[j], r_size = fabsl(r), s_size = fabsl(s), q_size = fabsl(q);
        for (size_t i = 0; i < m; i++) {
            long double rx = (long double)v[i] * x[i * d + j], t = (long double)x[i * d + j] - shift[j];
            r += rx;
            s += v[i] * t;
            q += v[i] * t * t;
            r_size += fabsl(rx);
            s_size += fabsl(v[i] * t);
            q_size += fabsl(v[i] * t * t);
        }
        check_sum(y[j], r, r_size, m, "add_rows", m, d);
        check_sum(sums[j], s, s_size, m, "add_moments' sums", m, d);
        check_sum(squares[j], q, q_size, m, "add_moments' squares", m, d);
    }
    free(x), free(b), free(v), free(shift), free(out), free(y), free(sums), free(squares);
    free(y0), free(sums0), free(squares0);
}

static void compare_rows(const mx_kernels *level)
{
    const double strange[] = {0, (double)NAN, (double)INFINITY, -(double)INFINITY, -0.0, 1e150};
    const size_t rows[] = {0, 1, 2, 7, 8, 9, 16, 17, 64};
    row_level = level;
    for (size_t d = 0; d <= 120; d++)
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
            compare(rows[k], d, SIZE_MAX, 0);
    for (size_t s = 0; s < sizeof strange / sizeof *strange; s++) {
        for (size_t place = 0; place < 9 * 14; place++)
            compare(9, 14, place, strange[s]);
        for (size_t place = 0; place < 3 * 53; place++)
            compare(3, 53, place, strange[s]);
    }
    compare(1000, 50, SIZE_MAX, 0);
}

#endif
