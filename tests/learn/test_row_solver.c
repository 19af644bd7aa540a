/*
 * A row of implicit ALS solved by its items is the row solved by its factors, at every length around the switch; near-singular
 * equations are left to the factors.
 */
#include "base/random.h"
#include "learn/factor/row_solver.h"
#include "support/check.h"

enum { N = 300, MOST = 160 };
static float y[N * MOST], values[N];
static double gram[MOST * MOST], basis[N * MOST], inverse[MOST * MOST], scratch[MOST * MOST * 4 + 128 * MOST];
static int32_t items[N];

static mx_row_solver solver_of(size_t f, double l2, double alpha)
{
    for (size_t j = 0; j < f; j++)
        for (size_t k = 0; k < f; k++) {
            gram[j * f + k] = 0;
            for (size_t i = 0; i < N; i++)
                gram[j * f + k] += (double)y[i * f + j] * (double)y[i * f + k];
        }
    return (mx_row_solver){
        .y = y, .n = N, .f = f, .gram = gram, .l2 = l2, .alpha = alpha, .basis = basis, .inverse = inverse};
}

static void test_two_ways(void **state)
{
    (void)state;
    merx_error err = {0};
    const size_t sizes[] = {1, 2, 3, 4, 5, 8, 13, 31, 64, 160};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t f = sizes[s], by_items = 0;
        assert_true(mx_row_solver_scratch(f) <= sizeof scratch / sizeof *scratch);
        mx_row_solver solver = solver_of(f, 0.5, 12), plain = solver;
        check_ok(mx_row_solver_prepare(&solver, scratch, NULL, &err), err);
        assert_true(solver.by_items && !plain.by_items);
        double largest = 0;
        for (size_t m = 1; m <= f + 3; m++) {
            mx_rated row = {items, m % 3 ? values : NULL, m};
            double a[MOST], b[MOST];
            check_ok(mx_row_solve(&solver, row, scratch, a, &err), err);
            check_ok(mx_row_solve(&plain, row, scratch, b, &err), err);
            for (size_t k = 0; k < f; k++) {
                check_close(a[k], b[k], 1e-11);
                largest = fmax(largest, fabs(b[k]));
            }
            by_items += memcmp(a, b, f * sizeof *a) != 0;
        }
        assert_true(largest > 0.01);
        assert_true(f < 8 || by_items > f / 2); /* rounding tells that the other way was gone */
    }
}

static void test_singular(void **state)
{
    (void)state;
    merx_error err = {0};
    double x[8];
    for (size_t i = 0; i < N; i++) /* the last of 8 factors repeats the first */
        y[i * 8 + 7] = y[i * 8];
    mx_row_solver solver = solver_of(8, 0, 1);
    check_ok(mx_row_solver_prepare(&solver, scratch, NULL, &err), err);
    assert_false(solver.by_items);
    memset(y, 0, sizeof y);
    solver = solver_of(8, 0, 1);
    check_ok(mx_row_solver_prepare(&solver, scratch, NULL, &err), err);
    assert_false(solver.by_items);
    check_fails(mx_row_solve(&solver, (mx_rated){items, NULL, 2}, scratch, x, &err), MERX_E_NUMERIC, err);
    assert_int_equal(mx_row_solver_basis(10, 4), 40);
    assert_int_equal(mx_row_solver_basis((size_t)1 << 40, 64), 0);
    solver = solver_of(8, 1, 1);
    solver.basis = NULL; /* too large */
    check_ok(mx_row_solver_prepare(&solver, scratch, NULL, &err), err);
    assert_false(solver.by_items);
}

int main(void)
{
    mx_random random;
    mx_random_init(&random, 1, 0);
    for (size_t e = 0; e < (size_t)N * MOST; e++)
        y[e] = (float)mx_random_normal(&random);
    for (size_t i = 0; i < N; i++) {
        items[i] = (int32_t)(i * 7 % N);
        values[i] = (float)(0.01 + 3 * mx_random_uniform(&random));
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two_ways), cmocka_unit_test(test_singular)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
