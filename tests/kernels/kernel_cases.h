/*
 * One list of cases for a level of kernels beside an oracle: all lengths around its widths, misaligned blocks of exactly the size
 * that may be touched (AddressSanitizer sees one element more), NaN and infinities at every place.
 */
#ifndef TEST_KERNEL_CASES_H
#define TEST_KERNEL_CASES_H

#include "base/random.h"
#include "kernels/kernels.h"
#include "support/check.h"

static const mx_kernels *level, *oracle;

/* n values that end where the block ends and begin `offset` values after its start. Freed by its base. */
typedef struct block {
    double *base, *at;
    float *float_base, *float_at;
} block;

static block block_of(size_t n, size_t offset, uint64_t seed)
{
    block b = {.base = malloc((n + offset) * sizeof(double) + (n + offset == 0)),
               .float_base = malloc((n + offset) * sizeof(float) + (n + offset == 0))};
    b.at = b.base + offset;
    b.float_at = b.float_base + offset;
    mx_random random;
    mx_random_init(&random, seed, n);
    for (size_t i = 0; i < n; i++) {
        b.at[i] = mx_random_normal(&random);
        b.float_at[i] = (float)b.at[i];
    }
    return b;
}

static void block_free(block b)
{
    free(b.base);
    free(b.float_base);
}

/* Equal up to rounding, NaN equal to NaN, infinities by sign. */
static void check_like(double got, double want, double tolerance, const char *what, size_t n, size_t at)
{
    bool like = isfinite(want) ? fabs(got - want) <= tolerance * (1 + fabs(want))
                : isnan(want)  ? isnan(got)
                               : got == want;
    if (!like)
        check_die(__FILE__, __LINE__, "%s of size %zu, element %zu: %.17g, the oracle has %.17g", what, n, at, got,
                  want);
}

static const double strange[] = {0, (double)NAN, (double)INFINITY, -(double)INFINITY, -0.0};

/* ---- vectors ---- */

static void compare_vectors(size_t n, size_t offset, size_t place, double value)
{
    block x = block_of(n, offset, 1), y = block_of(n, (offset + 1) % 4, 2), z = block_of(n, offset, 2);
    if (place < n) {
        x.at[place] = value;
        x.float_at[place] = (float)value;
    }
    check_like(level->dot(x.at, y.at, n), oracle->dot(x.at, y.at, n), 1e-13, "dot", n, 0);
    check_like(level->dot_float(y.at, x.float_at, n), oracle->dot_float(y.at, x.float_at, n), 1e-13, "dot_float", n, 0);
    level->axpy(-0.7, x.at, y.at, n);
    oracle->axpy(-0.7, x.at, z.at, n);
    for (size_t i = 0; i < n; i++)
        check_like(y.at[i], z.at[i], 1e-15, "axpy", n, i);
    level->axpy_float(1.3, x.float_at, y.at, n);
    oracle->axpy_float(1.3, x.float_at, z.at, n);
    for (size_t i = 0; i < n; i++)
        check_like(y.at[i], z.at[i], 2e-15, "axpy_float", n, i);
    level->scale_float(0.3, x.float_at, y.at, n);
    oracle->scale_float(0.3, x.float_at, z.at, n);
    for (size_t i = 0; i < n; i++) {
        check_like(y.at[i], z.at[i], 0, "scale_float", n, i);
        check_like(y.at[i], 0.3 * (double)x.float_at[i], 0, "scale_float", n, i);
    }
    block_free(x);
    block_free(y);
    block_free(z);
}

static void test_vectors(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 70; n++)
        for (size_t offset = 0; offset < 4; offset++)
            compare_vectors(n, offset, n, 0);
    for (size_t n = 1; n <= 37; n++)
        for (size_t place = 0; place < n; place++)
            for (size_t s = 0; s < sizeof strange / sizeof *strange; s++)
                compare_vectors(n, n % 4, place, strange[s]);
    compare_vectors(100003, 1, 100003, 0);
}

static void test_distances(void **state)
{
    (void)state;
    for (size_t d = 0; d <= 11; d++)
        for (size_t k = 0; k <= 35; k++)
            for (size_t s = 0; s < sizeof strange / sizeof *strange; s++) {
                block x = block_of(d, k % 4, 3), centres = block_of(d * k, d % 4, 4), got = block_of(k, 1, 5),
                      want = block_of(k, 0, 5);
                if (d > 0 && s > 0)
                    x.at[s % d] = strange[s];
                if (d * k > 0 && s > 1)
                    centres.at[(s * 7) % (d * k)] = strange[s];
                level->squared_distances(x.at, centres.at, d, k, got.at);
                oracle->squared_distances(x.at, centres.at, d, k, want.at);
                for (size_t c = 0; c < k; c++)
                    check_like(got.at[c], want.at[c], 0, "squared_distances", k, c); /* the same bits */
                block_free(x);
                block_free(centres);
                block_free(got);
                block_free(want);
            }
}

/* ---- products ---- */

static bool may_change(size_t i, size_t j)
{
    return j >= i || i / 4 == j / 4;
}

static void compare_syrk(size_t m, size_t d, size_t place, double value)
{
    block x = block_of(m * d, (m + d) % 4, 6), got = block_of(d * d, 1, 7), want = block_of(d * d, 2, 7);
    if (place < m * d)
        x.at[place] = value;
    level->syrk_add(x.at, m, d, got.at);
    oracle->syrk_add(x.at, m, d, want.at);
    block before = block_of(d * d, 0, 7);
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++) {
            size_t e = i * d + j;
            if (j >= i)
                check_like(got.at[e], want.at[e], 1e-14 * (double)(m + 10), "syrk_add", d, e);
            else if (!may_change(i, j))
                check_same_double(got.at[e], before.at[e]);
        }
    block_free(x);
    block_free(got);
    block_free(want);
    block_free(before);
}

static void test_syrk(void **state)
{
    (void)state;
    for (size_t d = 0; d <= 41; d++)
        for (size_t m = 0; m <= 12; m += 1 + m / 4)
            compare_syrk(m, d, m * d, 0);
    for (size_t d = 1; d <= 300; d += 1 + d / 2) /* more than one strip */
        compare_syrk(2100 / d + 35, d, SIZE_MAX, 0);
    compare_syrk(130, 64, SIZE_MAX, 0);
    for (size_t d = 1; d <= 18; d++)
        for (size_t place = 0; place < d; place++)
            for (size_t s = 0; s < sizeof strange / sizeof *strange; s++)
                compare_syrk(3, d, d + place, strange[s]);
}

static void compare_gram(size_t m, size_t d, int kind, size_t place, double value)
{
    /* kind: bits for the target and the one, a target, weights, a shift */
    mx_gram_rows rows = {.n = m + 5, .d = d, .beside = kind & 1};
    size_t width = MX_GRAM_WIDTH(&rows), begin = 2;
    block x = block_of(rows.n * d, (m + d) % 4, 31), y = block_of(rows.n, m % 4, 32), w = block_of(rows.n, d % 4, 33),
          shift = block_of(d + 1, 1, 34), got = block_of(width * width, 1, 35), want = block_of(width * width, 2, 35),
          before = block_of(width * width, 0, 35), scratch = block_of(MX_GRAM_SCRATCH(width), m % 4, 36);
    for (size_t i = 0; i < rows.n; i++)
        w.at[i] = i % 7 == 3 ? 0 : fabs(w.at[i]);
    rows.x = x.at;
    rows.y = kind & 2 ? y.at : NULL;
    rows.w = kind & 4 ? w.at : NULL;
    rows.shift = kind & 8 ? shift.at : NULL;
    if (place < rows.n * d)
        x.at[place] = value;
    size_t middle = width / 2 / 8 * 8; /* in two groups of rows, then compared with one */
    level->gram_add(&rows, begin, m, 0, middle, got.at, scratch.at);
    for (size_t e = middle * width; e < width * width; e++)
        check_same_double(got.at[e], before.at[e]);
    level->gram_add(&rows, begin, m, middle, width, got.at, scratch.at);
    oracle->gram_add(&rows, begin, m, 0, width, want.at, scratch.at);
    for (size_t i = 0; i < width; i++)
        for (size_t j = 0; j < width; j++) {
            size_t e = i * width + j;
            if (j >= i)
                check_like(got.at[e], want.at[e], 2e-14 * (double)(m + 10), "gram_add", width, e);
            else if (i / 4 != j / 4 && i / 8 != j / 8)
                check_same_double(got.at[e], before.at[e]);
        }
    block_free(x);
    block_free(y);
    block_free(w);
    block_free(shift);
    block_free(got);
    block_free(want);
    block_free(before);
    block_free(scratch);
}

static void test_gram(void **state)
{
    (void)state;
    for (size_t d = 0; d <= 41; d++)
        for (size_t m = 0; m <= 37; m += 1 + m / 4)
            compare_gram(m, d, (int)(d + m) % 16, SIZE_MAX, 0);
    for (int kind = 0; kind < 16; kind++) {
        compare_gram(MX_GRAM_STRIP, 50, kind, SIZE_MAX, 0);
        compare_gram(17, 9, kind, SIZE_MAX, 0);
    }
    compare_gram(100, 131, 15, SIZE_MAX, 0);
    for (size_t d = 1; d <= 18; d++)
        for (size_t place = 2 * d; place < 3 * d; place++)
            for (size_t s = 0; s < sizeof strange / sizeof *strange; s++)
                compare_gram(3, d, 9, place, strange[s]);
}

static void compare_multiply(size_t m, size_t k, size_t n, size_t place, double value)
{
    block a = block_of(m * k, k % 4, 11), b = block_of(k * n, n % 4, 12), got = block_of(m * n, 1, 13),
          want = block_of(m * n, 2, 13);
    if (place < m * k)
        a.at[place] = value;
    level->multiply_add(a.at, b.at, got.at, m, k, n);
    oracle->multiply_add(a.at, b.at, want.at, m, k, n);
    for (size_t e = 0; e < m * n; e++)
        check_like(got.at[e], want.at[e], 1e-14 * (double)(k + 10), "multiply_add", n, e);
    level->transposed_multiply_add(b.at, b.at, got.at, 0, m, n); /* no rows: nothing is added */
    for (size_t e = 0; e < m * n; e++)
        check_like(got.at[e], want.at[e], 1e-14 * (double)(k + 10), "multiply_add of nothing", n, e);
    block t = block_of(k * m, 3, 14);
    for (size_t i = 0; i < m; i++)
        for (size_t l = 0; l < k; l++)
            t.at[l * m + i] = a.at[i * k + l];
    level->transposed_multiply_add(t.at, b.at, got.at, k, m, n);
    oracle->transposed_multiply_add(t.at, b.at, want.at, k, m, n);
    for (size_t e = 0; e < m * n; e++)
        check_like(got.at[e], want.at[e], 2e-14 * (double)(k + 10), "transposed_multiply_add", n, e);
    block_free(a);
    block_free(b);
    block_free(t);
    block_free(got);
    block_free(want);
}

static void test_multiply(void **state)
{
    (void)state;
    for (size_t m = 0; m <= 9; m++)
        for (size_t n = 0; n <= 30; n++)
            for (size_t k = 0; k <= 7; k += 1 + k / 3)
                compare_multiply(m, k, n, SIZE_MAX, 0);
    compare_multiply(128, 64, 64, SIZE_MAX, 0);
    compare_multiply(5, 700, 13, SIZE_MAX, 0); /* more than one strip */
    for (size_t place = 0; place < 6 * 5; place++)
        for (size_t s = 0; s < sizeof strange / sizeof *strange; s++)
            compare_multiply(6, 5, 11, place, strange[s]);
}

static void test_gather(void **state)
{
    (void)state;
    for (size_t m = 0; m <= 13; m++)
        for (size_t d = 0; d <= 19; d++)
            for (size_t more = 0; more < 4; more++) {
                enum { ROWS_OF_X = 9 };
                size_t stride = m + more;
                block x = block_of(ROWS_OF_X * d, m % 4, 15), scale = block_of(m, d % 4, 16),
                      out = block_of(d * stride, 1, 17), before = block_of(d * stride, 0, 17);
                int32_t index[13];
                for (size_t j = 0; j < m; j++)
                    index[j] = (int32_t)((j * 5 + d) % ROWS_OF_X);
                if (d > 0)
                    x.at[(m * 3) % (ROWS_OF_X * d)] = strange[more];
                level->gather_transposed(x.at, d, index, scale.at, m, out.at, stride);
                for (size_t k = 0; k < d; k++)
                    for (size_t j = 0; j < stride; j++)
                        check_like(out.at[k * stride + j],
                                   j < m ? scale.at[j] * x.at[(size_t)index[j] * d + k] : before.at[k * stride + j], 0,
                                   "gather_transposed", d, k * stride + j);
                block_free(x);
                block_free(scale);
                block_free(out);
                block_free(before);
            }
}

/* a (d, d), upper triangle, positive definite; below it NaN: nobody may read that. */
static block positive(size_t d, size_t offset)
{
    block a = block_of(d * d, offset, 8), x = block_of((d + 3) * d, 0, 9);
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++) {
            double sum = i == j ? 0.5 : 0;
            for (size_t r = 0; r < d + 3; r++)
                sum += x.at[r * d + i] * x.at[r * d + j];
            a.at[i * d + j] = j >= i ? sum : (double)NAN;
        }
    block_free(x);
    return a;
}

static const size_t sizes[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,  16,  17,  18,
                               19, 20, 21, 22, 23, 24, 25, 31, 32, 33, 37, 47, 48, 63, 64, 100, 129, 256, 259};

static void test_cholesky(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t d = sizes[s];
        block a = positive(d, d % 4), got = positive(d, 1), want = positive(d, 2);
        assert_true(level->cholesky(got.at, d));
        assert_true(oracle->cholesky(want.at, d));
        for (size_t i = 0; i < d; i++)
            for (size_t j = i; j < d; j++) {
                check_like(got.at[i * d + j], want.at[i * d + j], 1e-10, "cholesky", d, i * d + j);
                double sum = 0;
                for (size_t k = 0; k <= i; k++)
                    sum += got.at[k * d + i] * got.at[k * d + j];
                check_like(sum, a.at[i * d + j], 1e-12, "R' R", d, i * d + j);
            }
        for (size_t m = 0; m <= 9; m++) {
            block b = block_of(d * m, m % 4, 10), x = block_of(d * m, (m + 1) % 4, 10);
            for (size_t i = 0; i < d; i++)
                for (size_t j = 0; j < i; j++)
                    got.at[i * d + j] = (double)NAN;
            level->cholesky_solve(got.at, d, x.at, m);
            for (size_t i = 0; i < d; i++)
                for (size_t c = 0; c < m; c++) {
                    double sum = 0;
                    for (size_t j = 0; j < d; j++)
                        sum += (j >= i ? a.at[i * d + j] : a.at[j * d + i]) * x.at[j * m + c];
                    check_like(sum, b.at[i * m + c], 1e-10, "A X", d, i * m + c);
                }
            block_free(b);
            block_free(x);
        }
        block_free(a);
        block_free(got);
        block_free(want);
    }
}

/* A pivot that is negative, zero, NaN or infinite, and a cell off the diagonal that is: refused wherever it stands. */
static void test_cholesky_refuses(void **state)
{
    (void)state;
    const double bad[] = {-1, 0, (double)NAN, (double)INFINITY, -(double)INFINITY};
    for (size_t d = 1; d <= 19; d++)
        for (size_t place = 0; place < d; place++)
            for (size_t s = 0; s < sizeof bad / sizeof *bad; s++) {
                block a = positive(d, 0), b = positive(d, 1);
                a.at[place * d + place] = bad[s];
                if (level->cholesky(a.at, d))
                    check_die(__FILE__, __LINE__, "pivot %zu of %zu is %g and was taken", place, d, bad[s]);
                if (s > 1 && place > 0) {
                    b.at[(place - 1) * d + place + (d - 1 - place) / 2] = bad[s];
                    if (level->cholesky(b.at, d))
                        check_die(__FILE__, __LINE__, "a cell of row %zu of %zu is %g and was taken", place - 1, d,
                                  bad[s]);
                }
                block_free(a);
                block_free(b);
            }
}

static int run_kernel_cases(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),  cmocka_unit_test(test_distances),        cmocka_unit_test(test_syrk),
        cmocka_unit_test(test_gram),     cmocka_unit_test(test_multiply),         cmocka_unit_test(test_gather),
        cmocka_unit_test(test_cholesky), cmocka_unit_test(test_cholesky_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
