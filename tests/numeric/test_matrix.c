/*
 * Matrices and L-BFGS: NumPy's and SciPy's values, many blocks against a plain loop, threads, bad input, allocation failures.
 */
#include "base/random.h"
#include "numeric/matrix.h"
#include "numeric/optimise.h"
#include "support/check.h"

static void close_arrays(const double *got, const double *want, size_t n, double tolerance)
{
    for (size_t i = 0; i < n; i++)
        check_relative(got[i], want[i], tolerance);
}

static void test_golden(void **state)
{
    (void)state;
    merx_error err = {0};
    json_t *golden = check_golden("statistics"), *g = check_member(golden, "gram"), *s = check_member(golden, "spd"),
           *l = check_member(golden, "lstsq");
    double *x = check_doubles(g, "x", NULL), *w = check_doubles(g, "w", NULL), *plain = check_doubles(g, "plain", NULL),
           *weighted = check_doubles(g, "weighted", NULL), gram[25];
    check_ok(mx_gram(x, NULL, 23, 5, gram, NULL, &err), err);
    close_arrays(gram, plain, 25, 1e-13);
    check_ok(mx_gram(x, w, 23, 5, gram, NULL, &err), err);
    close_arrays(gram, weighted, 25, 1e-13);
    free(x), free(w), free(plain), free(weighted);

    double *a = check_doubles(s, "a", NULL), *b = check_doubles(s, "b", NULL), *solution = check_doubles(s, "x", NULL),
           *inverse = check_doubles(s, "inverse", NULL), copy[25];
    memcpy(copy, a, sizeof copy);
    check_ok(mx_solve_spd(copy, 5, b, 3, &err), err);
    close_arrays(b, solution, 15, 1e-12);
    check_ok(mx_invert_spd(a, 5, &err), err);
    close_arrays(a, inverse, 25, 1e-12);
    free(a), free(b), free(solution), free(inverse);

    double *wide = check_doubles(l, "x", NULL), *y = check_doubles(l, "y", NULL),
           *least = check_doubles(l, "solution", NULL), *singular = check_doubles(l, "singular", NULL), found[4];
    int rank;
    check_ok(mx_least_squares(wide, 12, 4, y, 1e-10, &rank, found, &err), err);
    close_arrays(y, least, 4, 1e-12);
    close_arrays(found, singular, 4, 1e-12);
    assert_int_equal(rank, (int)check_number(l, "rank"));
    free(wide), free(y), free(least), free(singular);
    json_decref(golden);
}

static void test_bad_matrices(void **state)
{
    (void)state;
    merx_error err = {0};
    double b[2] = {1, 1}, singular[2];
    double indefinite[4] = {1, 2, 2, 1}, nan[4] = {1, 0, 0, NAN}, zero[4] = {0}, infinite[4] = {INFINITY, 0, 0, 1};
    check_fails(mx_solve_spd(indefinite, 2, b, 1, &err), MERX_E_NUMERIC, err);
    check_fails(mx_solve_spd(nan, 2, b, 1, &err), MERX_E_NUMERIC, err);
    check_fails(mx_solve_spd(zero, 2, b, 1, &err), MERX_E_NUMERIC, err);
    check_fails(mx_invert_spd(infinite, 2, &err), MERX_E_NUMERIC, err);
    int rank;
    double bad[4] = {1, NAN, 2, 3};
    check_fails(mx_least_squares(bad, 2, 2, b, 1e-10, &rank, singular, &err), MERX_E_NUMERIC, err);
    check_ok(mx_solve_spd(NULL, 0, NULL, 1, &err), err);
    check_ok(mx_gram(NULL, NULL, 0, 2, indefinite, NULL, &err), err);
    check_close(indefinite[3], 0, 0);
}

/* 5,000 rows are five blocks. */
static void test_gram_blocks(void **state)
{
    (void)state;
    merx_error err = {0};
    enum { N = 5000, D = 7 };
    double *x = malloc(N * D * sizeof *x), *w = malloc(N * sizeof *w), gram[D * D], again[D * D];
    mx_random random;
    mx_random_init(&random, 3, 4);
    for (size_t i = 0; i < N * D; i++)
        x[i] = mx_random_normal(&random);
    for (size_t i = 0; i < N; i++)
        w[i] = mx_random_uniform(&random);
    check_ok(mx_gram(x, w, N, D, gram, NULL, &err), err);
    for (size_t j = 0; j < D; j++)
        for (size_t k = 0; k < D; k++) {
            double sum = 0;
            for (size_t i = 0; i < N; i++)
                sum += w[i] * x[i * D + j] * x[i * D + k];
            check_close(gram[j * D + k], sum, 1e-9);
            check_same_double(gram[j * D + k], gram[k * D + j]);
        }
    for (int threads = 2; threads <= 8; threads *= 4) {
        merx_task *task;
        check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads}, &task, &err), err);
        check_ok(mx_gram(x, w, N, D, again, task, &err), err);
        assert_memory_equal(gram, again, sizeof gram);
        merx_task_free(task);
    }
    double dot = 0;
    for (size_t i = 0; i < 1003; i++)
        dot += x[i] * x[i + 2000];
    check_close(mx_dot(x, x + 2000, 1003), dot, 1e-11);
    check_close(mx_dot(x, x, 0), 0, 0);
    free(x), free(w);
}

static void test_transpose(void **state)
{
    (void)state;
    merx_error err = {0};
    const int64_t starts[] = {0, 2, 2, 5};
    const int32_t indices[] = {1, 3, 0, 1, 4};
    const float values[] = {1, 2, 3, 4, 5};
    mx_csr a = {3, 5, starts, indices, values};
    mx_csr_own t, back;
    check_ok(mx_csr_transpose(&a, NULL, &t, &err), err);
    assert_int_equal(t.view.rows, 5);
    assert_int_equal(t.view.columns, 3);
    const int64_t want_starts[] = {0, 1, 3, 3, 4, 5};
    const int32_t want_indices[] = {2, 0, 2, 0, 2};
    const float want_values[] = {3, 1, 4, 2, 5};
    assert_memory_equal(t.view.starts, want_starts, sizeof want_starts);
    assert_memory_equal(t.view.indices, want_indices, sizeof want_indices);
    assert_memory_equal(t.view.values, want_values, sizeof want_values);
    check_ok(mx_csr_transpose(&t.view, NULL, &back, &err), err);
    assert_memory_equal(back.view.starts, starts, sizeof starts);
    assert_memory_equal(back.view.indices, indices, sizeof indices);
    mx_csr_release(&back);
    mx_csr_release(&t);
    a.values = NULL;
    check_ok(mx_csr_transpose(&a, NULL, &t, &err), err);
    assert_null(t.view.values);
    assert_memory_equal(t.view.indices, want_indices, sizeof want_indices);
    mx_csr_release(&t);
    mx_csr_release(&t);
}

static merx_status rosenbrock(void *context, const double *x, size_t n, double *value, double *g, merx_error *err)
{
    (void)err;
    int *calls = context;
    ++*calls;
    *value = 0;
    memset(g, 0, n * sizeof *g);
    for (size_t i = 0; i + 1 < n; i++) {
        double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];
        *value += 100 * a * a + b * b;
        g[i] += -400 * x[i] * a - 2 * b;
        g[i + 1] += 200 * a;
    }
    return MERX_OK;
}

/* log(x) + 1 / x has its minimum at 1 and none for x <= 0: trial points outside must not end it. */
static merx_status barrier(void *context, const double *x, size_t n, double *value, double *g, merx_error *err)
{
    (void)context;
    (void)n;
    (void)err;
    *value = x[0] > 0 ? log(x[0]) + 1 / x[0] : NAN;
    g[0] = 1 / x[0] - 1 / (x[0] * x[0]);
    return MERX_OK;
}

static merx_status failing(void *context, const double *x, size_t n, double *value, double *g, merx_error *err)
{
    int *calls = context;
    if (++*calls == 5)
        MX_FAIL(err, MERX_E_LIMIT, "objective", "enough");
    return rosenbrock(&(int){0}, x, n, value, g, err);
}

static void test_lbfgs(void **state)
{
    (void)state;
    merx_error err = {0};
    json_t *golden = check_golden("statistics"), *r = check_member(golden, "rosenbrock");
    double *x = check_doubles(r, "start", NULL), *want = check_doubles(r, "x", NULL);
    mx_lbfgs_result result;
    int calls = 0;
    check_ok(mx_lbfgs(rosenbrock, &calls, x, 5, &(mx_lbfgs_options){.gradient_tolerance = 1e-10}, NULL, &result, &err),
             err);
    assert_true(result.converged);
    assert_int_equal(calls, result.evaluations);
    if (result.iterations > 120)
        check_die(__FILE__, __LINE__, "%d iterations", result.iterations);
    close_arrays(x, want, 5, 1e-8);
    free(x), free(want);
    json_decref(golden);
    double one[1] = {6};
    check_ok(mx_lbfgs(barrier, NULL, one, 1, NULL, NULL, &result, &err), err);
    assert_true(result.converged);
    check_close(one[0], 1, 1e-5);
    one[0] = -1;
    check_fails(mx_lbfgs(barrier, NULL, one, 1, NULL, NULL, &result, &err), MERX_E_NUMERIC, err);
    double two[2] = {-1.2, 1};
    calls = 0;
    check_fails(mx_lbfgs(failing, &calls, two, 2, NULL, NULL, &result, &err), MERX_E_LIMIT, err);
    memcpy(two, (double[]){-1.2, 1}, sizeof two);
    check_ok(mx_lbfgs(rosenbrock, &calls, two, 2, &(mx_lbfgs_options){.max_iterations = 3}, NULL, &result, &err), err);
    assert_false(result.converged);
    assert_int_equal(result.iterations, 3);
    assert_true(result.value < 24.2);
    merx_task *task;
    check_ok(merx_task_new(NULL, NULL, &task, &err), err);
    merx_task_cancel(task);
    check_fails(mx_lbfgs(rosenbrock, &calls, (double[]){-1.2, 1}, 2, NULL, task, &result, &err), MERX_E_CANCELLED, err);
    merx_task_free(task);
}

static merx_status all_of_it(const merx_allocator *alloc, void *context, merx_error *err)
{
    double *x = context, gram[4];
    mx_lbfgs_result result;
    mx_csr_own t = {0};
    const int64_t starts[] = {0, 1};
    const int32_t indices[] = {0};
    merx_task *task = NULL;
    int calls = 0;
    MX_TRY(merx_task_new(alloc, NULL, &task, err));
    merx_status status;
    MX_TRY_GOTO(mx_gram(x, x, 5, 2, gram, task, err));
    MX_TRY_GOTO(mx_lbfgs(rosenbrock, &calls, (double[]){-1.2, 1}, 2, NULL, task, &result, err));
    MX_TRY_GOTO(mx_csr_transpose(&(mx_csr){1, 1, starts, indices, NULL}, alloc, &t, err));
    mx_csr_release(&t);
out:
    merx_task_free(task);
    return status;
}

static void test_allocations(void **state)
{
    (void)state;
    double x[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    check_every_allocation(all_of_it, x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),    cmocka_unit_test(test_bad_matrices), cmocka_unit_test(test_gram_blocks),
        cmocka_unit_test(test_transpose), cmocka_unit_test(test_lbfgs),        cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
