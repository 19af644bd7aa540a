/*
 * Dense products and Cholesky against loops too simple to be wrong, all small sizes; concurrent use.
 */
#include <pthread.h>

#include "base/random.h"
#include "numeric/dense.h"
#include "numeric/matrix.h"
#include "support/check.h"

enum { MOST = 40 };
static double x[200 * MOST], y[200 * MOST], got[MOST * MOST], want[MOST * MOST], other[MOST * MOST];

static void fill(double *to, size_t n, uint64_t seed)
{
    mx_random random;
    mx_random_init(&random, seed, 0);
    for (size_t i = 0; i < n; i++)
        to[i] = mx_random_normal(&random);
}

/* want (k, n) = start + a' b */
static void naive(const double *a, const double *b, size_t m, size_t k, size_t n, double start)
{
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < n; j++) {
            want[i * n + j] = start;
            for (size_t r = 0; r < m; r++)
                want[i * n + j] += a[r * k + i] * b[r * n + j];
        }
}

static void test_products(void **state)
{
    (void)state;
    for (size_t d = 0; d <= MOST; d++)
        for (size_t m = 0; m <= 200; m += d % 7 * 5 + 13) {
            naive(x, x, m, d, d, 1);
            for (size_t e = 0; e < d * d; e++)
                got[e] = 1;
            mx_syrk_add(x, m, d, got);
            for (size_t i = 0; i < d; i++)
                for (size_t j = i; j < d; j++)
                    check_close(got[i * d + j], want[i * d + j], 1e-11);
            size_t k = d % 5 + 1;
            naive(x, y, m, k, d, 2);
            for (size_t e = 0; e < k * d; e++)
                got[e] = 2;
            mx_transposed_multiply_add(x, y, got, m, k, d);
            for (size_t e = 0; e < k * d; e++)
                check_close(got[e], want[e], 1e-11);
        }
    for (size_t k = 1; k < 30; k++)
        for (size_t n = 1; n < 5; n++) {
            fill(got, 6 * n, 9);
            for (size_t i = 0; i < 6; i++)
                for (size_t j = 0; j < n; j++) {
                    want[i * n + j] = got[i * n + j];
                    for (size_t l = 0; l < k; l++)
                        want[i * n + j] += x[i * k + l] * y[l * n + j];
                }
            mx_multiply_add(x, y, got, 6, k, n);
            for (size_t e = 0; e < 6 * n; e++)
                check_close(got[e], want[e], 1e-12);
        }
}

/* a = x'x + I, both triangles */
static void positive(double *a, size_t d)
{
    naive(x, x, 60, d, d, 0);
    for (size_t i = 0; i < d; i++)
        want[i * d + i] += 1;
    memcpy(a, want, d * d * sizeof *a);
}

static void test_cholesky(void **state)
{
    (void)state;
    merx_error err = {0};
    double b[MOST * 3], values[MOST];
    for (size_t d = 1; d <= MOST; d++) {
        positive(got, d);
        assert_true(mx_cholesky(got, d));
        for (size_t i = 0; i < d; i++)
            for (size_t j = i; j < d; j++) {
                double sum = 0;
                for (size_t k = 0; k <= i; k++)
                    sum += got[k * d + i] * got[k * d + j];
                check_close(sum, want[i * d + j], 1e-11);
            }
        for (size_t m = 1; m <= 3; m++) {
            memset(b, 0, sizeof b);
            for (size_t i = 0; i < d; i++)
                for (size_t c = 0; c < m; c++)
                    for (size_t j = 0; j < d; j++)
                        b[i * m + c] += want[i * d + j] * y[j * m + c];
            mx_cholesky_solve(got, d, b, m);
            for (size_t e = 0; e < d * m; e++)
                check_close(b[e], y[e], 1e-10);
        }
        positive(got, d);
        check_ok(mx_invert_spd(got, d, &err), err);
        positive(other, d);
        for (size_t i = 0; i < d; i++)
            for (size_t j = 0; j < d; j++) {
                double sum = 0;
                for (size_t k = 0; k < d; k++)
                    sum += got[i * d + k] * other[k * d + j];
                check_close(sum, i == j, 1e-10);
                check_same_double(got[i * d + j], got[j * d + i]);
            }
        positive(got, d);
        check_ok(mx_eigen_symmetric(got, d, values, &err), err);
        for (size_t v = 0; v < d; v++) {
            assert_true(v == 0 || values[v] >= values[v - 1]);
            for (size_t i = 0; i < d; i++) {
                double sum = 0;
                for (size_t k = 0; k < d; k++)
                    sum += other[i * d + k] * got[v * d + k];
                check_close(sum, values[v] * got[v * d + i], 1e-10);
            }
        }
    }
    /* The pivot that fails: first, in the middle of a tile, last. */
    for (size_t at = 0; at < 9; at++)
        for (int kind = 0; kind < 3; kind++) {
            positive(got, 9);
            got[at * 9 + at] = kind == 0 ? -1 : kind == 1 ? (double)NAN : (double)INFINITY;
            assert_false(mx_cholesky(got, 9));
        }
    memset(got, 0, sizeof got);
    check_fails(mx_solve_spd(got, 4, b, 1, &err), MERX_E_NUMERIC, err);
    check_fails(mx_invert_spd(got, 4, &err), MERX_E_NUMERIC, err);
}

static double reference[MOST * MOST];

static void *solve_often(void *bad)
{
    double a[MOST * MOST], values[MOST];
    for (int i = 0; i < 300; i++) {
        memset(a, 0, sizeof a);
        mx_syrk_add(x, 90, MOST, a);
        bool right = mx_cholesky(a, MOST) && memcmp(a, reference, sizeof a) == 0;
        if (i % 50 == 0) {
            double e[16] = {4, 1, 0, 0, 1, 3, 1, 0, 0, 1, 2, 1, 0, 0, 1, 5};
            merx_error err = {0};
            right = right && mx_eigen_symmetric(e, 4, values, &err) == MERX_OK &&
                    fabs(values[0] + values[1] + values[2] + values[3] - 14) < 1e-12;
        }
        if (!right)
            ++*(int *)bad;
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    memset(reference, 0, sizeof reference);
    mx_syrk_add(x, 90, MOST, reference);
    assert_true(mx_cholesky(reference, MOST));
    pthread_t threads[4];
    int bad[4] = {0};
    for (int t = 0; t < 4; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, solve_often, &bad[t]), 0);
    for (int t = 0; t < 4; t++) {
        pthread_join(threads[t], NULL);
        assert_int_equal(bad[t], 0);
    }
}

int main(void)
{
    fill(x, 200 * MOST, 1);
    fill(y, 200 * MOST, 2);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_cholesky),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
