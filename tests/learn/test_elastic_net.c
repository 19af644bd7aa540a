/*
 * Elastic net: scikit-learn's values, the conditions of a minimum, cross-validation against a naive twin, wide and sparse designs, threads, bad input,
 * allocation failures.
 */
#include "base/random.h"
#include "learn/linear/elastic_net.h"
#include "support/check.h"

static const mx_elastic_net_options usual = {.alpha = 0.1,
                                             .l1_ratio = 0.5,
                                             .tolerance = 1e-14,
                                             .most_sweeps = 1000000,
                                             .alphas = 20,
                                             .path_end = 1e-3,
                                             .folds = 4};

static mx_csr sparse_of(const double *x, size_t n, size_t d)
{
    size_t count = 0, at = 0;
    for (size_t i = 0; i < n * d; i++)
        count += x[i] != 0;
    int64_t *starts = malloc((n + 1) * sizeof *starts);
    int32_t *indices = malloc((count + 1) * sizeof *indices);
    float *values = malloc((count + 1) * sizeof *values);
    for (size_t i = 0; i < n; i++) {
        starts[i] = (int64_t)at;
        for (size_t j = 0; j < d; j++)
            if (x[i * d + j] != 0) {
                indices[at] = (int32_t)j;
                values[at++] = (float)x[i * d + j];
            }
    }
    starts[n] = (int64_t)at;
    return (mx_csr){.rows = n, .columns = d, .starts = starts, .indices = indices, .values = values};
}

static void free_sparse(mx_csr *csr)
{
    free((void *)(uintptr_t)csr->starts), free((void *)(uintptr_t)csr->indices), free((void *)(uintptr_t)csr->values);
}

/* The conditions of a minimum: with r the residuals, x_j' W r / W - alpha (1 - l1_ratio) b_j = alpha l1_ratio sign(b_j), or within it where b_j = 0. */
static void check_minimum(const mx_elastic_net *net, const double *x, const double *y, const double *w, size_t n,
                          const mx_elastic_net_options *o, double tolerance)
{
    size_t d = net->linear.d;
    double total = 0, sum = 0, *slope = calloc(d, sizeof *slope);
    for (size_t i = 0; i < n; i++) {
        double weight = w != NULL ? w[i] : 1, r = y[i] - mx_linear_predict_row(&net->linear, x + i * d);
        total += weight;
        sum += weight * r;
        for (size_t j = 0; j < d; j++)
            slope[j] += weight * r * x[i * d + j];
    }
    if (!o->no_intercept)
        check_close(sum / total, 0, tolerance);
    for (size_t j = 0; j < d; j++) {
        double b = net->linear.coefficients[j], l1 = net->alpha * o->l1_ratio;
        double pull = slope[j] / total - net->alpha * (1 - o->l1_ratio) * b;
        if (o->positive)
            assert_true(b >= 0);
        if (b != 0)
            check_close(pull, b > 0 ? l1 : -l1, tolerance);
        else if (!(pull <= l1 + tolerance) || (!o->positive && !(pull >= -l1 - tolerance)))
            check_die(__FILE__, __LINE__, "column %zu is 0, its slope %g, the penalty %g", j, pull, l1);
    }
    free(slope);
}

static void check_golden_case(json_t *c)
{
    merx_error err = {0};
    size_t n = (size_t)check_number(c, "n"), d = (size_t)check_number(c, "d");
    double *x = check_doubles(c, "x", NULL), *y = check_doubles(c, "y", NULL);
    double *want = check_doubles(c, "coefficients", NULL);
    double *w = json_object_get(c, "weights") ? check_doubles(c, "weights", NULL) : NULL;
    mx_elastic_net_options o = usual;
    o.alpha = check_number(c, "alpha");
    o.l1_ratio = check_number(c, "l1_ratio");
    o.no_intercept = !json_is_true(check_member(c, "intercept"));
    o.positive = json_is_true(check_member(c, "positive"));
    mx_design design = {.n = n, .d = d, .x = x, .y = y, .weights = w};
    mx_csr csr = {0};
    if (json_is_true(check_member(c, "sparse"))) {
        csr = sparse_of(x, n, d);
        design.csr = csr;
        design.x = NULL;
    }
    mx_elastic_net net;
    print_message("  %s\n", json_string_value(check_member(c, "name")));
    check_ok(mx_elastic_net_fit(&design, NULL, &o, NULL, NULL, &net, &err), err);
    assert_true(net.converged > 0);
    for (size_t j = 0; j < d; j++) {
        check_relative(net.linear.coefficients[j], want[j], 1e-6);
        assert_true((want[j] == 0) == (net.linear.coefficients[j] == 0));
    }
    check_relative(net.linear.intercept, check_number(c, "b0"), 1e-6);
    check_minimum(&net, x, y, w, n, &o, 1e-6);
    mx_elastic_net_release(&net);
    free_sparse(&csr);
    free(x), free(y), free(want), free(w);
}

static void test_golden(void **state)
{
    (void)state;
    merx_error err = {0};
    json_t *golden = check_golden("elastic_net"), *c;
    size_t i;
    json_array_foreach(check_member(golden, "cases"), i, c) check_golden_case(c);
    assert_int_equal(i, 11);
    /* The path's alphas, of the first case's rows. */
    c = json_array_get(check_member(golden, "cases"), 0);
    double *x = check_doubles(c, "x", NULL), *y = check_doubles(c, "y", NULL);
    double *want = check_doubles(check_member(golden, "path"), "alphas", &i);
    mx_design design = {.n = 60, .d = 8, .x = x, .y = y};
    mx_elastic_net_options o = usual;
    o.alpha = NAN;
    mx_elastic_net net;
    check_ok(mx_elastic_net_fit(&design, NULL, &o, NULL, NULL, &net, &err), err);
    assert_int_equal(net.path, i);
    for (size_t a = 0; a < i; a++)
        check_relative(net.alphas[a] / want[a], 1, 1e-10);
    mx_elastic_net_release(&net);
    json_decref(golden);
    free(x), free(y), free(want);
}

enum { N = 2600, D = 12, WIDE_N = 50, WIDE_D = MX_LINEAR_MOST_GRAM + 30 };
static double big_x[N * D], big_y[N], big_w[N], wide_x[WIDE_N * WIDE_D], wide_y[WIDE_N], wide_w[WIDE_N];

static void fill(void)
{
    mx_random r;
    mx_random_init(&r, 31, 0);
    for (size_t i = 0; i < N; i++) {
        big_y[i] = 2 + 2 * mx_random_normal(&r);
        big_w[i] = (double)mx_random_below(&r, 3);
        for (size_t j = 0; j < D; j++) {
            double v = mx_random_normal(&r);
            big_x[i * D + j] = j % 3 == 2 ? (v > 0.5 ? 1 : 0) : v + (double)j;
            big_y[i] += j < 5 ? 0.2 * big_x[i * D + j] : 0;
        }
    }
    for (size_t i = 0; i < WIDE_N; i++) {
        wide_w[i] = (double)mx_random_below(&r, 3);
        wide_y[i] = 1 + 0.1 * mx_random_normal(&r);
        for (size_t j = 0; j < WIDE_D; j++) {
            double v = mx_random_normal(&r);
            wide_x[i * WIDE_D + j] = v > 0.8 ? floor(8 * v) / 8 : 0;
            wide_y[i] += j < 3 ? wide_x[i * WIDE_D + j] : 0;
        }
    }
}

/* The error of rows held out, with each fold's rows copied, fitted and predicted one by one. */
static void naive_errors(const mx_design *design, const mx_elastic_net_options *o, const double *alphas, double *out)
{
    merx_error err = {0};
    size_t n = design->n, d = design->d;
    int32_t *fold = malloc(n * sizeof *fold);
    double *x = malloc(n * d * sizeof *x), *y = malloc(n * sizeof *y), *w = malloc(n * sizeof *w), total = 0;
    mx_elastic_net_folds(o->seed, o->folds, 0, n, fold);
    for (size_t a = 0; a < o->alphas; a++) {
        out[a] = 0;
        total = 0;
        for (int k = 0; k < o->folds; k++) {
            size_t m = 0;
            for (size_t i = 0; i < n; i++)
                if (fold[i] != k) {
                    memcpy(x + m * d, design->x + i * d, d * sizeof *x);
                    y[m] = design->y[i];
                    w[m++] = design->weights != NULL ? design->weights[i] : 1;
                }
            mx_design train = {.n = m, .d = d, .x = x, .y = y, .weights = w};
            mx_elastic_net_options one = *o;
            one.alpha = alphas[a];
            mx_elastic_net net;
            check_ok(mx_elastic_net_fit(&train, NULL, &one, NULL, NULL, &net, &err), err);
            for (size_t i = 0; i < n; i++)
                if (fold[i] == k) {
                    double e = design->y[i] - mx_linear_predict_row(&net.linear, design->x + i * d);
                    double weight = design->weights != NULL ? design->weights[i] : 1;
                    out[a] += weight * e * e;
                    total += weight;
                }
            mx_elastic_net_release(&net);
        }
        out[a] /= total;
    }
    free(fold), free(x), free(y), free(w);
}

static void test_choice(void **state)
{
    (void)state;
    merx_error err = {0};
    for (int kind = 0; kind < 4; kind++) {
        bool wide = kind == 3;
        mx_design design = {.n = wide ? WIDE_N : 300,
                            .d = wide ? WIDE_D : D,
                            .x = wide ? wide_x : big_x,
                            .y = wide ? wide_y : big_y,
                            .weights = kind == 1 ? big_w
                                       : wide    ? wide_w
                                                 : NULL};
        mx_elastic_net_options o = usual;
        o.alpha = NAN;
        o.tolerance = 1e-12;
        o.seed = 5;
        o.alphas = wide ? 4 : 12;
        o.path_end = wide ? 0.1 : 1e-3;
        o.no_intercept = kind == 2;
        double want[12];
        mx_elastic_net net;
        check_ok(mx_elastic_net_fit(&design, NULL, &o, NULL, NULL, &net, &err), err);
        naive_errors(&design, &o, net.alphas, want);
        size_t best = 0;
        for (size_t a = 0; a < o.alphas; a++) {
            check_relative(net.errors[a] / want[a], 1, 1e-5);
            assert_true(net.spreads[a] > 0);
            best = want[a] < want[best] ? a : best;
        }
        check_same_double(net.alpha, net.alphas[best]);
        assert_true(best > 0 || wide);
        check_minimum(&net, design.x, design.y, design.weights, design.n, &o, 1e-5);
        mx_elastic_net_release(&net);
    }
}

/* Folds: each has its share of every run of rows, whatever row one starts from. */
static void test_folds(void **state)
{
    (void)state;
    int32_t all[100], part[100], other[100];
    mx_elastic_net_folds(1, 7, 0, 100, all);
    mx_elastic_net_folds(1, 7, 33, 67, part);
    mx_elastic_net_folds(2, 7, 0, 100, other);
    assert_memory_equal(all + 33, part, 67 * sizeof *all);
    assert_memory_not_equal(all, other, sizeof all);
    for (size_t run = 0; run + 7 <= 100; run += 7) {
        int seen = 0;
        for (size_t i = run; i < run + 7; i++)
            seen |= 1 << all[i];
        assert_int_equal(seen, 127);
    }
    assert_memory_not_equal(all, all + 7, 7 * sizeof *all);
}

/* Wide designs go by columns, dense and sparse: the same minimum. */
static void test_wide(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_csr csr = sparse_of(wide_x, WIDE_N, WIDE_D);
    for (int kind = 0; kind < 8; kind++) {
        mx_elastic_net_options o = usual;
        o.alpha = 0.05;
        o.l1_ratio = 0.9;
        o.tolerance = 1e-12;
        o.no_intercept = (kind & 1) != 0;
        o.positive = (kind & 4) != 0;
        mx_design dense = {
            .n = WIDE_N, .d = WIDE_D, .x = wide_x, .y = wide_y, .weights = (kind & 2) != 0 ? wide_w : NULL};
        mx_design sparse = dense;
        sparse.x = NULL;
        sparse.csr = csr;
        mx_elastic_net a, b;
        check_ok(mx_elastic_net_fit(&dense, NULL, &o, NULL, NULL, &a, &err), err);
        check_ok(mx_elastic_net_fit(&sparse, NULL, &o, NULL, NULL, &b, &err), err);
        check_minimum(&a, wide_x, wide_y, dense.weights, WIDE_N, &o, 1e-6);
        check_minimum(&b, wide_x, wide_y, dense.weights, WIDE_N, &o, 1e-6);
        for (size_t j = 0; j < WIDE_D; j++)
            check_close(a.linear.coefficients[j], b.linear.coefficients[j], 1e-6);
        assert_true(a.linear.rank > 0 && a.linear.rank < WIDE_N);
        check_relative(a.linear.r2, b.linear.r2, 1e-6);
        mx_elastic_net_release(&a), mx_elastic_net_release(&b);
    }
    free_sparse(&csr);
}

static void test_threads(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_csr csr = sparse_of(big_x, N, D);
    for (int kind = 0; kind < 3; kind++) {
        mx_design design = {.n = N, .d = D, .x = big_x, .y = big_y, .weights = big_w};
        if (kind == 1) {
            design.x = NULL;
            design.csr = csr;
        } else if (kind == 2) {
            design = (mx_design){.n = WIDE_N, .d = WIDE_D, .x = wide_x, .y = wide_y};
        }
        mx_elastic_net_options o = usual;
        o.alpha = NAN;
        o.tolerance = 1e-6;
        o.alphas = 6;
        o.path_end = 0.05;
        mx_elastic_net first, other;
        check_ok(mx_elastic_net_fit(&design, NULL, &o, NULL, NULL, &first, &err), err);
        for (int threads = 2; threads <= 8; threads *= 4) {
            merx_task *task = NULL;
            check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads}, &task, &err), err);
            check_ok(mx_elastic_net_fit(&design, NULL, &o, NULL, task, &other, &err), err);
            assert_memory_equal(first.linear.coefficients, other.linear.coefficients, design.d * sizeof(double));
            assert_memory_equal(first.errors, other.errors, 6 * sizeof(double));
            check_same_double(other.gap, first.gap);
            mx_elastic_net_release(&other);
            merx_task_free(task);
        }
        mx_elastic_net_release(&first);
    }
    free_sparse(&csr);
}

static void test_bad_input(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_elastic_net net;
    const double x[] = {1, 2, 3, 4}, y[] = {1, 2, 3, 5}, nan_x[] = {1, 2, NAN, 4}, inf_y[] = {1, INFINITY, 3, 4};
    const double zero[] = {0, 0, 0, 0}, minus[] = {1, -1, 1, 1}, same[] = {3, 3, 3, 3}, alone[] = {0, 1, 0, 0};
    const char *const names[] = {"carat"};
    for (int choose = 0; choose < 2; choose++) {
        mx_elastic_net_options o = usual;
        o.folds = 2;
        o.alpha = choose ? NAN : 0.1;
        mx_design good = {.n = 4, .d = 1, .x = x, .y = y, .names = names}, bad = good;
        bad.x = nan_x;
        assert_int_equal(mx_elastic_net_fit(&bad, NULL, &o, NULL, NULL, &net, &err), MERX_E_INVALID);
        check_contains(err.message, "\"carat\"");
        merx_error_clear(&err);
        bad = good, bad.y = inf_y;
        check_fails(mx_elastic_net_fit(&bad, NULL, &o, NULL, NULL, &net, &err), MERX_E_INVALID, err);
        bad = good, bad.weights = zero;
        check_fails(mx_elastic_net_fit(&bad, NULL, &o, NULL, NULL, &net, &err), MERX_E_INVALID, err);
        bad.weights = minus;
        check_fails(mx_elastic_net_fit(&bad, NULL, &o, NULL, NULL, &net, &err), MERX_E_INVALID, err);
        bad.n = 0;
        check_fails(mx_elastic_net_fit(&bad, NULL, &o, NULL, NULL, &net, &err), MERX_E_INVALID, err);
        bad = good, bad.y = same;
        check_ok(mx_elastic_net_fit(&bad, NULL, &o, NULL, NULL, &net, &err), err);
        check_close(net.linear.intercept, 3, 1e-12);
        check_same_double(net.linear.coefficients[0], 0);
        mx_elastic_net_release(&net);
        o.l1_ratio = 1.5;
        check_fails(mx_elastic_net_fit(&good, NULL, &o, NULL, NULL, &net, &err), MERX_E_RANGE, err);
        o.l1_ratio = NAN;
        check_fails(mx_elastic_net_fit(&good, NULL, &o, NULL, NULL, &net, &err), MERX_E_RANGE, err);
        assert_null(net.linear.coefficients);
    }
    mx_elastic_net_options o = usual;
    mx_design good = {.n = 4, .d = 1, .x = x, .y = y};
    o.alpha = -1;
    check_fails(mx_elastic_net_fit(&good, NULL, &o, NULL, NULL, &net, &err), MERX_E_RANGE, err);
    o.alpha = NAN;
    o.folds = 5;
    assert_int_equal(mx_elastic_net_fit(&good, NULL, &o, NULL, NULL, &net, &err), MERX_E_INVALID);
    check_contains(err.message, "folds");
    merx_error_clear(&err);
    o.folds = 2;
    good.weights = alone;
    check_fails(mx_elastic_net_fit(&good, NULL, &o, NULL, NULL, &net, &err), MERX_E_INVALID, err);
    /* Too few sweeps are told, not hidden. */
    o = usual;
    o.most_sweeps = 1;
    mx_design big = {.n = N, .d = D, .x = big_x, .y = big_y};
    check_ok(mx_elastic_net_fit(&big, NULL, &o, NULL, NULL, &net, &err), err);
    check_close(net.converged, 0, 0);
    mx_elastic_net_release(&net);
    merx_task *task = NULL;
    check_ok(merx_task_new(NULL, NULL, &task, &err), err);
    merx_task_cancel(task);
    check_fails(mx_elastic_net_fit(&big, NULL, &o, NULL, task, &net, &err), MERX_E_CANCELLED, err);
    merx_task_free(task);
}

static merx_status scenario(const merx_allocator *alloc, void *context, merx_error *err)
{
    merx_task *task = NULL;
    MX_TRY(merx_task_new(alloc, &(merx_task_options){.threads = 1}, &task, err));
    mx_elastic_net net;
    mx_elastic_net_options o = usual;
    o.alpha = NAN;
    o.tolerance = 1e-3;
    o.folds = 2;
    o.alphas = 2;
    merx_status status = mx_elastic_net_fit(context, NULL, &o, alloc, task, &net, err);
    mx_elastic_net_release(&net);
    merx_task_free(task);
    return status;
}

static void test_every_allocation(void **state)
{
    (void)state;
    mx_design dense = {.n = 200, .d = D, .x = big_x, .y = big_y, .weights = big_w}, sparse = dense;
    mx_design wide = {.n = 10, .d = WIDE_D, .x = wide_x, .y = wide_y}, wide_sparse = wide;
    mx_csr csr = sparse_of(big_x, 200, D), wide_csr = sparse_of(wide_x, 10, WIDE_D);
    sparse.x = wide_sparse.x = NULL;
    sparse.csr = csr;
    wide_sparse.csr = wide_csr;
    check_every_allocation(scenario, &dense);
    check_every_allocation(scenario, &sparse);
    check_every_allocation(scenario, &wide);
    check_every_allocation(scenario, &wide_sparse);
    free_sparse(&csr), free_sparse(&wide_csr);
}

int main(void)
{
    fill();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_folds),
        cmocka_unit_test(test_wide),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
