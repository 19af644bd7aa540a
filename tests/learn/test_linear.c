/*
 * Linear and ridge regression: scikit-learn's values, closed forms, rank deficiency, bad input, threads, allocation failures.
 */
#include "base/random.h"
#include "learn/linear/linear.h"
#include "support/check.h"

static void check_golden_case(json_t *c)
{
    merx_error err = {0};
    size_t n = (size_t)check_number(c, "n"), d = (size_t)check_number(c, "d"), count;
    double *x = check_doubles(c, "x", NULL), *y = check_doubles(c, "y", NULL),
           *want = check_doubles(c, "coefficients", NULL);
    double *w = json_object_get(c, "weights") ? check_doubles(c, "weights", NULL) : NULL;
    double *per_column = json_object_get(c, "l2_per_column") ? check_doubles(c, "l2_per_column", NULL) : NULL;
    double *errors = check_doubles(c, "standard_errors", &count);
    bool intercept = json_is_true(check_member(c, "intercept"));
    mx_linear_options o = {
        .l2 = check_number(c, "l2"), .l2_per_column = per_column, .no_intercept = !intercept, .standard_errors = true};
    mx_linear model;
    print_message("  %s\n", json_string_value(check_member(c, "name")));
    check_ok(mx_linear_fit(x, y, w, n, d, &o, NULL, NULL, &model, &err), err);
    for (size_t j = 0; j < d; j++)
        check_relative(model.coefficients[j], want[j], 1e-9);
    check_relative(model.intercept, check_number(c, "b0"), 1e-9);
    check_relative(model.r2, check_number(c, "r2"), 1e-9);
    check_relative(model.residual_variance, check_number(c, "residual_variance"), 1e-8);
    assert_int_equal(count, d + (intercept ? 1 : 0));
    for (size_t j = 0; j < count; j++)
        check_relative(model.standard_errors[j], errors[j], 1e-8);
    if (!intercept)
        assert_true(isnan(model.standard_errors[d]));
    for (size_t j = 0; j < d; j++)
        check_relative(sqrt(model.covariance[j * d + j]), errors[j], 1e-8);
    assert_int_equal(model.rank, d);
    mx_linear_release(&model);
    free(x), free(y), free(want), free(w), free(per_column), free(errors);
}

static void test_golden(void **state)
{
    (void)state;
    json_t *golden = check_golden("linear"), *c;
    size_t i;
    json_array_foreach(check_member(golden, "cases"), i, c) check_golden_case(c);
    assert_int_equal(i, 8);
    json_decref(golden);
}

/* y = 2 + 3 a: through two points, in closed form; then with a twin column the minimum norm shares the slope. */
static void test_closed_form(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_linear model;
    const double x[] = {1, 2}, y[] = {5, 8};
    check_ok(mx_linear_fit(x, y, NULL, 2, 1, &(mx_linear_options){.standard_errors = true}, NULL, NULL, &model, &err),
             err);
    check_close(model.coefficients[0], 3, 1e-12);
    check_close(model.intercept, 2, 1e-12);
    check_close(model.r2, 1, 1e-12);
    assert_true(isnan(model.residual_variance)); /* no row left to tell noise by */
    check_close(mx_linear_predict_row(&model, (double[]){10}), 32, 1e-11);
    mx_linear_release(&model);

    const double twins[] = {1, 1, 2, 2, 3, 3, 5, 5}, t[] = {5, 8, 11, 17};
    check_ok(
        mx_linear_fit(twins, t, NULL, 4, 2, &(mx_linear_options){.standard_errors = true}, NULL, NULL, &model, &err),
        err);
    assert_int_equal(model.rank, 1);
    check_close(model.coefficients[0], 1.5, 1e-9);
    check_close(model.coefficients[1], 1.5, 1e-9);
    check_close(model.intercept, 2, 1e-9);
    assert_true(isnan(model.standard_errors[0]) && isnan(model.standard_errors[1]));
    mx_linear_release(&model);

    /* A constant column takes nothing; the others are as without it. */
    const double constant[] = {1, 7, 2, 7, 3, 7, 5, 7};
    check_ok(mx_linear_fit(constant, t, NULL, 4, 2, &(mx_linear_options){0}, NULL, NULL, &model, &err), err);
    assert_int_equal(model.rank, 1);
    check_same_double(model.coefficients[1], 0);
    check_close(model.coefficients[0], 3, 1e-9);
    mx_linear_release(&model);

    /* No columns: the mean. */
    check_ok(mx_linear_fit(x, y, (double[]){1, 3}, 2, 0, &(mx_linear_options){0}, NULL, NULL, &model, &err), err);
    check_close(model.intercept, 7.25, 1e-12);
    mx_linear_release(&model);
}

/* Weight 2 is the row twice; weight 0 is no row, also for the degrees of freedom. */
static void test_weights(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_linear a, b;
    const double x[] = {1, 2, 3, 5, 9}, y[] = {2, 3, 5, 4, 100}, w[] = {1, 2, 1, 1, 0};
    const double x2[] = {1, 2, 2, 3, 5}, y2[] = {2, 3, 3, 5, 4};
    mx_linear_options o = {.standard_errors = true};
    check_ok(mx_linear_fit(x, y, w, 5, 1, &o, NULL, NULL, &a, &err), err);
    check_ok(mx_linear_fit(x2, y2, NULL, 5, 1, &o, NULL, NULL, &b, &err), err);
    check_close(a.coefficients[0], b.coefficients[0], 1e-12);
    check_close(a.intercept, b.intercept, 1e-12);
    check_close(a.residual_variance * 2, b.residual_variance * 3, 1e-12); /* 4 rows against 5 */
    mx_linear_release(&a);
    mx_linear_release(&b);
}

enum { BIG_N = 5000, BIG_D = 7 };

static void fill(double *x, double *y, double *w)
{
    mx_random random;
    mx_random_init(&random, 5, 0);
    for (size_t i = 0; i < BIG_N; i++) {
        y[i] = mx_random_normal(&random);
        w[i] = (double)mx_random_below(&random, 3);
        for (size_t j = 0; j < BIG_D; j++) {
            x[i * BIG_D + j] = mx_random_normal(&random) + (double)j;
            y[i] += (double)j * x[i * BIG_D + j];
        }
    }
}

static double big_x[BIG_N * BIG_D], big_y[BIG_N], big_w[BIG_N];

static void test_threads(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_linear first, other;
    mx_linear_options o = {.l2 = 1, .standard_errors = true};
    check_ok(mx_linear_fit(big_x, big_y, big_w, BIG_N, BIG_D, &o, NULL, NULL, &first, &err), err);
    for (int threads = 2; threads <= 8; threads *= 4) {
        merx_task *task = NULL;
        check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads}, &task, &err), err);
        check_ok(mx_linear_fit(big_x, big_y, big_w, BIG_N, BIG_D, &o, NULL, task, &other, &err), err);
        assert_memory_equal(first.coefficients, other.coefficients, BIG_D * sizeof(double));
        assert_memory_equal(first.covariance, other.covariance, BIG_D * BIG_D * sizeof(double));
        check_same_double(other.intercept, first.intercept);
        check_same_double(other.r2, first.r2);
        mx_linear_release(&other);
        merx_task_free(task);
    }
    mx_linear_release(&first);
}

static void test_bad_input(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_linear model;
    mx_linear_options o = {0};
    const double x[] = {1, 2, 3, 4}, y[] = {1, 2, 3, 5};
    const double nan_x[] = {1, 2, NAN, 4}, inf_y[] = {1, 2, INFINITY, 5}, minus[] = {1, -1, 1, 1},
                 zero[] = {0, 0, 0, 0};
    check_fails(mx_linear_fit(x, y, NULL, 0, 1, &o, NULL, NULL, &model, &err), MERX_E_INVALID, err);
    check_fails(mx_linear_fit(nan_x, y, NULL, 4, 1, &o, NULL, NULL, &model, &err), MERX_E_INVALID, err);
    assert_int_not_equal(mx_linear_fit(nan_x, y, NULL, 4, 1, &o, NULL, NULL, &model, &err), MERX_OK);
    check_contains(err.message, "row 2, column 0");
    merx_error_clear(&err);
    check_fails(mx_linear_fit(x, inf_y, NULL, 4, 1, &o, NULL, NULL, &model, &err), MERX_E_INVALID, err);
    check_fails(mx_linear_fit(x, y, minus, 4, 1, &o, NULL, NULL, &model, &err), MERX_E_INVALID, err);
    check_fails(mx_linear_fit(x, y, zero, 4, 1, &o, NULL, NULL, &model, &err), MERX_E_INVALID, err);
    check_fails(mx_linear_fit(x, y, NULL, 4, 1, &(mx_linear_options){.l2 = -1}, NULL, NULL, &model, &err), MERX_E_RANGE,
                err);
    check_fails(mx_linear_fit(x, y, NULL, 4, 1, &(mx_linear_options){.l2 = NAN}, NULL, NULL, &model, &err),
                MERX_E_RANGE, err);
    const double huge[] = {1e300, -1e300, 1e300, 1};
    check_fails(mx_linear_fit(huge, y, NULL, 4, 1, &o, NULL, NULL, &model, &err), MERX_E_NUMERIC, err);
    assert_null(model.coefficients);
    mx_linear_release(&model); /* zeroed: nothing to do */
    merx_task *task = NULL;
    check_ok(merx_task_new(NULL, NULL, &task, &err), err);
    merx_task_cancel(task);
    check_fails(mx_linear_fit(x, y, NULL, 4, 1, &o, NULL, task, &model, &err), MERX_E_CANCELLED, err);
    merx_task_free(task);
}

static merx_status scenario(const merx_allocator *alloc, void *context, merx_error *err)
{
    (void)context;
    merx_task *task = NULL;
    MX_TRY(merx_task_new(alloc, &(merx_task_options){.threads = 1}, &task, err));
    mx_linear model;
    merx_status status = mx_linear_fit(big_x, big_y, big_w, 2000, BIG_D, &(mx_linear_options){.standard_errors = true},
                                       alloc, task, &model, err);
    mx_linear_release(&model);
    merx_task_free(task);
    return status;
}

static void test_every_allocation(void **state)
{
    (void)state;
    check_every_allocation(scenario, NULL);
}

int main(void)
{
    fill(big_x, big_y, big_w);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),  cmocka_unit_test(test_closed_form), cmocka_unit_test(test_weights),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_bad_input),   cmocka_unit_test(test_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
