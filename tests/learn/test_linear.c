/*
 * Linear and ridge regression: scikit-learn's values, closed forms, rank deficiency, bad input, threads, allocation failures.
 */
#include "base/random.h"
#include "learn/linear/linear.h"
#include "support/check.h"

typedef struct golden_case {
    size_t n, d;
    double *x, *y, *w, *want, *per_column, *errors;
    bool intercept, deficient;
} golden_case;

static void check_quality(const mx_linear *model, json_t *want)
{
    const mx_linear_quality *q = &model->quality;
    check_relative(q->f, check_number(want, "f"), 1e-9);
    check_relative(q->f_p / check_number(want, "f_p"), 1, 1e-7);
    check_relative(q->log_likelihood, check_number(want, "log_likelihood"), 1e-10);
    check_relative(q->aic, check_number(want, "aic"), 1e-10);
    check_relative(q->bic, check_number(want, "bic"), 1e-10);
    check_relative(q->adjusted_r2, check_number(want, "adjusted_r2"), 1e-10);
}

static void check_golden_case(json_t *c)
{
    merx_error err = {0};
    golden_case g = {.n = (size_t)check_number(c, "n"), .d = (size_t)check_number(c, "d")};
    size_t count = 0, d = g.d;
    g.x = check_doubles(c, "x", NULL), g.y = check_doubles(c, "y", NULL);
    g.want = check_doubles(c, "coefficients", NULL);
    g.w = json_object_get(c, "weights") ? check_doubles(c, "weights", NULL) : NULL;
    g.per_column = json_object_get(c, "l2_per_column") ? check_doubles(c, "l2_per_column", NULL) : NULL;
    g.intercept = json_is_true(check_member(c, "intercept"));
    g.deficient = json_is_true(check_member(c, "deficient"));
    mx_linear_options o = {.l2 = check_number(c, "l2"),
                           .l2_per_column = g.per_column,
                           .no_intercept = !g.intercept,
                           .standard_errors = true};
    bool near = strncmp(json_string_value(check_member(c, "name")), "nearly", 6) == 0;
    mx_linear model;
    print_message("  %s\n", json_string_value(check_member(c, "name")));
    check_ok(mx_linear_fit(g.x, g.y, g.w, g.n, d, &o, NULL, NULL, &model, &err), err);
    for (size_t j = 0; j < d; j++)
        check_relative(model.coefficients[j], g.want[j], near ? 1e-8 : 1e-9);
    check_relative(model.intercept, check_number(c, "b0"), 1e-9);
    check_relative(model.r2, check_number(c, "r2"), 1e-9);
    if (g.deficient) {
        assert_int_equal(model.method, MX_LINEAR_SVD);
        assert_true((size_t)model.rank < d);
        for (size_t j = 0; j <= d; j++)
            assert_true(isnan(model.standard_errors[j]));
    } else {
        assert_int_equal(model.method, near ? MX_LINEAR_QR : MX_LINEAR_CHOLESKY);
        g.errors = check_doubles(c, "standard_errors", &count);
        check_relative(model.residual_variance, check_number(c, "residual_variance"), 1e-8);
        assert_int_equal(count, d + (g.intercept ? 1 : 0));
        for (size_t j = 0; j < count; j++)
            check_relative(model.standard_errors[j], g.errors[j], near ? 1e-4 : 1e-8);
        if (!g.intercept)
            assert_true(isnan(model.standard_errors[d]));
        for (size_t j = 0; j < d; j++)
            check_relative(sqrt(model.covariance[j * d + j]), g.errors[j], near ? 1e-4 : 1e-8);
        assert_int_equal(model.rank, d);
        if (json_object_get(c, "quality"))
            check_quality(&model, check_member(c, "quality"));
    }
    mx_linear_release(&model);
    free(g.x), free(g.y), free(g.want), free(g.w), free(g.per_column), free(g.errors);
}

static void test_golden(void **state)
{
    (void)state;
    json_t *golden = check_golden("linear"), *c;
    size_t i;
    json_array_foreach(check_member(golden, "cases"), i, c) check_golden_case(c);
    assert_int_equal(i, 18);
    json_decref(golden);
}

/* Solutions found in rational arithmetic: what double allows. */
static void test_exact(void **state)
{
    (void)state;
    merx_error err = {0};
    json_t *golden = check_golden("linear_exact"), *c;
    size_t i;
    json_array_foreach(check_member(golden, "cases"), i, c)
    {
        size_t n = (size_t)check_number(c, "n"), d = (size_t)check_number(c, "d");
        double *x = check_doubles(c, "x", NULL), *y = check_doubles(c, "y", NULL);
        double *want = check_doubles(c, "coefficients", NULL), *errors = check_doubles(c, "standard_errors", NULL);
        double tolerance = pow(10, -check_number(c, "digits")), worst = 0;
        double spread = sqrt(check_number(c, "residual_sum"));
        mx_linear model;
        check_ok(
            mx_linear_fit(x, y, NULL, n, d, &(mx_linear_options){.standard_errors = true}, NULL, NULL, &model, &err),
            err);
        for (size_t j = 0; j < d; j++)
            worst = fmax(worst, fabs(model.coefficients[j] / want[j] - 1));
        worst = fmax(worst, fabs(model.intercept / check_number(c, "b0") - 1));
        print_message("  %s: %s, %.1f digits\n", json_string_value(check_member(c, "name")),
                      mx_linear_method_name(model.method), -log10(worst));
        check_close(worst, 0, tolerance);
        check_close(model.r2, check_number(c, "r2"), 1e-10);
        if (spread > 1e-6) { /* less is rounding of the data themselves */
            check_relative(sqrt(model.quality.residual_sum) / spread, 1, 1e-8);
            for (size_t j = 0; j <= d; j++)
                check_relative(model.standard_errors[j] / errors[j], 1, 1e-6);
        }
        assert_int_equal(model.rank, d);
        mx_linear_release(&model);
        free(x), free(y), free(want), free(errors);
    }
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

/* Rows cut anyhow. */
typedef struct cut {
    mx_design_rows rows;
    const mx_design *whole;
    size_t size, at;
} cut;

static merx_status cut_next(mx_design_rows *rows, mx_design *block, merx_error *err)
{
    (void)err;
    cut *c = (cut *)(void *)rows;
    const mx_design *w = c->whole;
    *block = *w;
    block->n = w->n - c->at < c->size ? w->n - c->at : c->size;
    block->x += c->at * w->d;
    block->y += c->at;
    block->weights = w->weights != NULL ? w->weights + c->at : NULL;
    c->at += block->n;
    return MERX_OK;
}

static merx_status cut_rewind(mx_design_rows *rows, merx_error *err)
{
    (void)err;
    ((cut *)(void *)rows)->at = 0;
    return MERX_OK;
}

/* The same bits however rows are cut: by Cholesky, by QR (a near twin), by SVD (a twin), and with residuals summed anew (an exact line). */
static void test_blocks(void **state)
{
    (void)state;
    merx_error err = {0};
    static const size_t sizes[] = {1, 7, 1000, 1024, 4096, BIG_N};
    static double x[BIG_N * BIG_D], y[BIG_N];
    for (int kind = 0; kind < 4; kind++) {
        memcpy(x, big_x, sizeof x);
        memcpy(y, big_y, sizeof y);
        for (size_t i = 0; i < BIG_N; i++) {
            if (kind == 1 || kind == 2)
                x[i * BIG_D + 2] = x[i * BIG_D + 1] + (kind == 1 ? 1e-6 * x[i * BIG_D + 2] : 0);
            if (kind == 3)
                y[i] = 1 + x[i * BIG_D];
        }
        mx_design whole = {.n = BIG_N, .d = BIG_D, .x = x, .y = y, .weights = kind == 0 ? NULL : big_w};
        mx_linear first, other;
        mx_linear_options o = {.standard_errors = true};
        check_ok(mx_linear_fit_design(&whole, &o, NULL, NULL, &first, &err), err);
        static const mx_linear_method methods[] = {MX_LINEAR_CHOLESKY, MX_LINEAR_QR, MX_LINEAR_SVD, MX_LINEAR_CHOLESKY};
        assert_int_equal(first.method, methods[kind]);
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            cut c = {.rows = mx_design_rows_of(&whole), .whole = &whole, .size = sizes[k]};
            c.rows.next = cut_next;
            c.rows.rewind = cut_rewind;
            merx_task *task = NULL;
            check_ok(merx_task_new(NULL, &(merx_task_options){.threads = k % 2 == 0 ? 8 : 1}, &task, &err), err);
            check_ok(mx_linear_fit_rows(&c.rows, &o, NULL, task, &other, &err), err);
            assert_memory_equal(first.coefficients, other.coefficients, BIG_D * sizeof(double));
            assert_memory_equal(first.covariance, other.covariance, BIG_D * BIG_D * sizeof(double));
            assert_memory_equal(&first.quality, &other.quality, sizeof first.quality);
            check_same_double(other.intercept, first.intercept);
            mx_linear_release(&other);
            merx_task_free(task);
        }
        mx_linear_release(&first);
    }
}

/* Entries of a dense matrix that are not 0. */
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

enum { SPARSE_N = 700, SPARSE_D = 40, WIDE_D = MX_LINEAR_MOST_GRAM + 50 };

/* Sparse rows give what the same rows give dense: by the Gram matrix, and by conjugate gradients when columns are many. */
static void test_sparse(void **state)
{
    (void)state;
    merx_error err = {0};
    static double x[SPARSE_N * SPARSE_D], y[SPARSE_N], w[SPARSE_N];
    double *wide = calloc((size_t)SPARSE_N * WIDE_D, sizeof *wide);
    mx_random r;
    mx_random_init(&r, 9, 1);
    for (size_t i = 0; i < SPARSE_N; i++) {
        y[i] = mx_random_normal(&r) + 5;
        w[i] = (double)mx_random_below(&r, 3);
        for (size_t j = 0; j < SPARSE_D; j++) {
            x[i * SPARSE_D + j] = mx_random_uniform(&r) < 0.1 ? (double)mx_random_below(&r, 16) / 8 - 0.5 : 0;
            y[i] += x[i * SPARSE_D + j] * (double)(j % 5);
            wide[i * WIDE_D + j * 50] = x[i * SPARSE_D + j];
        }
    }
    mx_csr narrow = sparse_of(x, SPARSE_N, SPARSE_D), many = sparse_of(wide, SPARSE_N, WIDE_D);
    for (int kind = 0; kind < 8; kind++) {
        mx_linear_options o = {
            .l2 = (kind & 1) != 0 ? 2.5 : 0, .no_intercept = (kind & 2) != 0, .standard_errors = true};
        mx_design dense = {.n = SPARSE_N, .d = SPARSE_D, .x = x, .y = y, .weights = (kind & 4) != 0 ? w : NULL};
        mx_design sparse = dense, gradients = dense;
        sparse.x = gradients.x = NULL;
        sparse.csr = narrow;
        gradients.csr = many;
        gradients.d = WIDE_D;
        mx_linear a, b, c, again;
        check_ok(mx_linear_fit_design(&dense, &o, NULL, NULL, &a, &err), err);
        check_ok(mx_linear_fit_design(&sparse, &o, NULL, NULL, &b, &err), err);
        check_ok(mx_linear_fit_design(&gradients, &o, NULL, NULL, &c, &err), err);
        assert_int_equal(c.method, MX_LINEAR_GRADIENTS);
        for (size_t j = 0; j < SPARSE_D; j++) {
            check_relative(b.coefficients[j], a.coefficients[j], 1e-10);
            check_relative(b.standard_errors[j], a.standard_errors[j], 1e-9);
            check_relative(c.coefficients[j * 50], a.coefficients[j], 1e-9);
            check_same_double(c.coefficients[j * 50 + 1], 0);
        }
        check_relative(b.intercept, a.intercept, 1e-10);
        check_relative(c.intercept, a.intercept, 1e-9);
        check_relative(b.r2, a.r2, 1e-10);
        check_relative(c.r2, a.r2, 1e-9);
        check_relative(b.quality.residual_sum, a.quality.residual_sum, 1e-9);
        check_relative(c.quality.residual_sum, a.quality.residual_sum, 1e-9);
        check_relative(mx_linear_predict_sparse(&b, &narrow, 3), mx_linear_predict_row(&a, x + 3 * SPARSE_D), 1e-10);
        merx_task *task = NULL;
        check_ok(merx_task_new(NULL, &(merx_task_options){.threads = 8}, &task, &err), err);
        check_ok(mx_linear_fit_design(&sparse, &o, NULL, task, &again, &err), err);
        assert_memory_equal(again.covariance, b.covariance, SPARSE_D * SPARSE_D * sizeof(double));
        mx_linear_release(&again);
        check_ok(mx_linear_fit_design(&gradients, &o, NULL, task, &again, &err), err);
        assert_memory_equal(again.coefficients, c.coefficients, WIDE_D * sizeof(double));
        mx_linear_release(&again);
        merx_task_free(task);
        mx_linear_release(&a), mx_linear_release(&b), mx_linear_release(&c);
    }
    free_sparse(&narrow), free_sparse(&many);
    free(wide);
}

/* Sparse columns far from zero beside their spread lose digits in the sums; QR of the rows takes over. And twins share as dense ones do. */
static void test_sparse_hard(void **state)
{
    (void)state;
    merx_error err = {0};
    double x[200 * 3], y[200];
    mx_random r;
    mx_random_init(&r, 4, 2);
    for (int kind = 0; kind < 2; kind++) {
        for (size_t i = 0; i < 200; i++) {
            x[i * 3] = kind == 0 ? 16384 + (double)mx_random_below(&r, 16) / 4 : (double)mx_random_below(&r, 3);
            x[i * 3 + 1] = (double)mx_random_below(&r, 5);
            x[i * 3 + 2] = kind == 0 ? (double)mx_random_below(&r, 2) : 4 * x[i * 3];
            y[i] = x[i * 3] + 2 * x[i * 3 + 1] + mx_random_normal(&r);
        }
        mx_design dense = {.n = 200, .d = 3, .x = x, .y = y}, sparse = {.n = 200, .d = 3, .y = y};
        mx_csr csr = sparse_of(x, 200, 3);
        sparse.csr = csr;
        mx_linear a, b;
        check_ok(mx_linear_fit_design(&dense, &(mx_linear_options){0}, NULL, NULL, &a, &err), err);
        check_ok(mx_linear_fit_design(&sparse, &(mx_linear_options){0}, NULL, NULL, &b, &err), err);
        assert_int_equal(b.method, kind == 0 ? MX_LINEAR_QR : MX_LINEAR_SVD);
        for (size_t j = 0; j < 3; j++)
            check_relative(b.coefficients[j], a.coefficients[j], 1e-9);
        check_relative(b.r2, a.r2, 1e-9);
        if (kind == 1)
            check_relative(a.coefficients[2], 4 * a.coefficients[0], 1e-9); /* of minimum norm: in proportion */
        mx_linear_release(&a), mx_linear_release(&b);
        free_sparse(&csr);
    }
}

/* Bad values in sparse rows, names in messages, rows on paper. */
static void test_bad_designs(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_linear model;
    mx_linear_options o = {0};
    const int64_t starts[] = {0, 1, 2};
    const int32_t indices[] = {0, 1};
    const float good[] = {1, 2}, bad[] = {1, INFINITY};
    const double y[] = {1, 2}, nan_y[] = {1, NAN}, minus[] = {-1, 1}, zero[] = {0, 0};
    mx_design design = {.n = 2, .d = 2, .y = y, .csr = {2, 2, starts, indices, bad}};
    assert_int_equal(mx_linear_fit_design(&design, &o, NULL, NULL, &model, &err), MERX_E_INVALID);
    check_contains(err.message, "row 1, column 1");
    merx_error_clear(&err);
    design.csr.values = good;
    design.y = nan_y;
    check_fails(mx_linear_fit_design(&design, &o, NULL, NULL, &model, &err), MERX_E_INVALID, err);
    design.y = y;
    design.weights = minus;
    check_fails(mx_linear_fit_design(&design, &o, NULL, NULL, &model, &err), MERX_E_INVALID, err);
    design.weights = zero;
    check_fails(mx_linear_fit_design(&design, &o, NULL, NULL, &model, &err), MERX_E_INVALID, err);
    const char *const names[] = {"price", "carat"};
    const double x[] = {1, 2, 3, NAN};
    mx_design named = {.n = 2, .d = 2, .x = x, .y = y, .names = names};
    assert_int_equal(mx_linear_fit_design(&named, &o, NULL, NULL, &model, &err), MERX_E_INVALID);
    check_contains(err.message, "\"carat\"");
    merx_error_clear(&err);
    /* More columns than any matrix can have. */
    named.d = (size_t)1 << 40;
    check_fails(mx_linear_fit_design(&named, &o, NULL, NULL, &model, &err), MERX_E_LIMIT, err);
    /* One row, one row of weight, a constant target. */
    const double few[] = {1, 2, 3}, same[] = {7, 7, 7}, one_weight[] = {0, 3, 0};
    check_ok(mx_linear_fit(few, y, NULL, 1, 1, &o, NULL, NULL, &model, &err), err);
    check_close(model.intercept, 1, 0);
    check_close(model.coefficients[0], 0, 0);
    mx_linear_release(&model);
    check_ok(mx_linear_fit(few, few, one_weight, 3, 1, &o, NULL, NULL, &model, &err), err);
    check_close(mx_linear_predict_row(&model, few + 1), 2, 1e-12);
    mx_linear_release(&model);
    check_ok(
        mx_linear_fit(few, same, NULL, 3, 1, &(mx_linear_options){.standard_errors = true}, NULL, NULL, &model, &err),
        err);
    check_close(model.intercept, 7, 1e-12);
    check_close(model.coefficients[0], 0, 1e-12);
    assert_true(isnan(model.r2));
    mx_linear_release(&model);
}

static merx_status scenario(const merx_allocator *alloc, void *context, merx_error *err)
{
    merx_task *task = NULL;
    MX_TRY(merx_task_new(alloc, &(merx_task_options){.threads = 1}, &task, err));
    mx_linear model;
    mx_design design = *(const mx_design *)context;
    merx_status status =
        mx_linear_fit_design(&design, &(mx_linear_options){.standard_errors = true}, alloc, task, &model, err);
    mx_linear_release(&model);
    merx_task_free(task);
    return status;
}

static void test_every_allocation(void **state)
{
    (void)state;
    mx_design dense = {.n = 1500, .d = BIG_D, .x = big_x, .y = big_y, .weights = big_w}, sparse = dense;
    check_every_allocation(scenario, &dense);
    static double twins[1500 * 2];
    for (size_t i = 0; i < 1500; i++)
        twins[2 * i] = big_x[i * BIG_D], twins[2 * i + 1] = 3 * twins[2 * i];
    dense.x = twins;
    dense.d = 2;
    check_every_allocation(scenario, &dense);
    mx_csr csr = sparse_of(big_x, 1500, BIG_D);
    sparse.x = NULL;
    sparse.csr = csr;
    check_every_allocation(scenario, &sparse);
    sparse.d = sparse.csr.columns = WIDE_D;
    check_every_allocation(scenario, &sparse);
    free_sparse(&csr);
}

int main(void)
{
    fill(big_x, big_y, big_w);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),           cmocka_unit_test(test_exact),
        cmocka_unit_test(test_blocks),           cmocka_unit_test(test_sparse),
        cmocka_unit_test(test_sparse_hard),      cmocka_unit_test(test_bad_designs),
        cmocka_unit_test(test_closed_form),      cmocka_unit_test(test_weights),
        cmocka_unit_test(test_threads),          cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
