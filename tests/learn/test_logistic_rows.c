/*
 * Logistic regression where it starts from a sample of the rows: the same bits from windows of any size and any number of threads, stationary whatever the
 * columns look like (far from 0, constant in the sample, sorted, rare), bad rows named, separation noticed, allocation failures.
 */
#include "base/random.h"
#include "learn/linear/logistic.h"
#include "support/check.h"

enum { N = 40000, D = 6, K = 3 };
static double x[N * D], weights[N];
static int32_t two[N], three[N];

static void fill(void)
{
    for (size_t i = 0; i < N; i++) {
        mx_random r;
        mx_random_init(&r, 31, i);
        double *row = x + i * D;
        row[0] = mx_random_normal(&r);
        row[1] = 1e7 + 3 * mx_random_normal(&r);                  /* far from 0 */
        row[2] = i % 1024 >= 512 && mx_random_uniform(&r) < 0.01; /* constant in the first rows of each block */
        row[3] = (double)i / N;                                   /* sorted */
        row[4] = 0.8 * row[0] + 0.6 * mx_random_normal(&r);
        row[5] = 7; /* constant */
        double t = row[0] - 0.5 * (row[1] - 1e7) / 3 + 0.7 * row[2] + row[3] - 1 + 0.5 * row[4];
        two[i] = mx_random_uniform(&r) < 1 / (1 + exp(-t));
        three[i] = two[i] + (mx_random_uniform(&r) < 0.3 + 0.2 * tanh(row[4]));
        weights[i] = (double)mx_random_below(&r, 3);
    }
}

/* Windows of a given number of rows, a multiple of 1,024. */
typedef struct windows {
    mx_design_rows rows;
    const mx_design *whole;
    size_t at, window;
} windows;

static merx_status next_window(mx_design_rows *rows, mx_design *block, merx_error *err)
{
    (void)err;
    windows *w = (windows *)(void *)rows;
    size_t n = w->whole->n - w->at < w->window ? w->whole->n - w->at : w->window;
    *block = *w->whole;
    block->n = n;
    block->x += w->at * block->d;
    block->labels += w->at;
    if (block->weights)
        block->weights += w->at;
    w->at += n;
    return MERX_OK;
}

static merx_status rewind_windows(mx_design_rows *rows, merx_error *err)
{
    (void)err;
    ((windows *)(void *)rows)->at = 0;
    return MERX_OK;
}

static windows windows_of(const mx_design *whole, size_t window)
{
    return (windows){.rows = {.d = whole->d,
                              .classes = whole->classes,
                              .n = whole->n,
                              .weighted = whole->weights != NULL,
                              .next = next_window,
                              .rewind = rewind_windows},
                     .whole = whole,
                     .window = window};
}

static mx_design design_of(size_t classes, bool weighted)
{
    return (mx_design){.n = N,
                       .d = D,
                       .x = x,
                       .labels = classes == 2 ? two : three,
                       .classes = classes,
                       .weights = weighted ? weights : NULL};
}

/* Max norm of the gradient of the mean penalised loss in standardised columns, by plain loops in long double. */
static double gradient_of(const mx_logistic *m, const mx_design *design, double l2)
{
    static long double g[K * (D + 1)];
    long double total = 0, mean[D] = {0}, square[D] = {0};
    memset(g, 0, sizeof g);
    size_t q = m->outputs;
    for (size_t i = 0; i < design->n; i++) {
        double p[K], w = design->weights ? design->weights[i] : 1;
        mx_logistic_probabilities(m, design->x + i * D, p);
        total += w;
        for (size_t j = 0; j < D; j++) {
            mean[j] += w * design->x[i * D + j];
            square[j] += (long double)w * design->x[i * D + j] * design->x[i * D + j];
        }
        for (size_t c = 0; c < q; c++) {
            size_t class_index = q == 1 ? 1 : c;
            double r = w * (p[class_index] - (design->labels[i] == (int32_t)class_index));
            for (size_t j = 0; j < D; j++)
                g[c * (D + 1) + j] += (long double)r * design->x[i * D + j];
            g[c * (D + 1) + D] += r;
        }
    }
    double most = 0;
    for (size_t c = 0; c < q; c++) {
        const long double *own = g + c * (D + 1);
        most = fmax(most, fabs((double)(own[D] / total)));
        for (size_t j = 0; j < D; j++) {
            long double mu = mean[j] / total, variance = square[j] / total - mu * mu;
            if (!(variance > 1e-9L))
                continue;
            long double v = (own[j] - mu * own[D] + l2 * m->coefficients[c * D + j]) / total / sqrtl(variance);
            most = fmax(most, fabs((double)v));
        }
    }
    return most;
}

static void check_same_model(const mx_logistic *a, const mx_logistic *b)
{
    size_t q = a->outputs;
    assert_memory_equal(a->coefficients, b->coefficients, q * D * sizeof(double));
    assert_memory_equal(a->intercepts, b->intercepts, q * sizeof(double));
    assert_memory_equal(a->means, b->means, D * sizeof(double));
    assert_memory_equal(a->standard_errors, b->standard_errors, q * (D + 1) * sizeof(double));
    check_same_double(a->loss, b->loss);
}

static void test_stationary_and_same_bits(void **state)
{
    (void)state;
    merx_error err = {0};
    const mx_logistic_options options[] = {{.l2 = 1}, {.l2 = 0}, {.l1 = 20, .l2 = 5}, {.l2 = 1, .balanced = true}};
    for (size_t classes = 2; classes <= K; classes++)
        for (size_t o = 0; o < 4; o++)
            for (int weighted = 0; weighted < (o == 0 ? 2 : 1); weighted++) {
                mx_design design = design_of(classes, weighted);
                mx_logistic m, other;
                check_ok(mx_logistic_fit_design(&design, &options[o], NULL, NULL, &m, &err), err);
                assert_true(m.converged && m.iterations <= 12);
                check_same_double(fabs(m.coefficients[5]), 0);
                if (o < 2) {
                    check_close(gradient_of(&m, &design, options[o].l2), 0, 2e-6);
                    assert_true(m.standard_errors[1] > 0 && isnan(m.standard_errors[5]));
                    check_relative(m.means[1], 1e7, 1e-6);
                    assert_true(m.log_loss < m.null_loss);
                }
                const size_t sizes[] = {1024, 17 * 1024};
                for (size_t s = 0; s < 2 && o < 3; s++) {
                    windows w = windows_of(&design, sizes[s]);
                    merx_task *task = NULL;
                    check_ok(merx_task_new(NULL,
                                           &(merx_task_options){.threads = s == 0   ? 1
                                                                           : s == 1 ? 2
                                                                                    : 8},
                                           &task, &err),
                             err);
                    check_ok(mx_logistic_fit_rows(&w.rows, &options[o], NULL, task, &other, &err), err);
                    check_same_model(&other, &m);
                    mx_logistic_release(&other);
                    merx_task_free(task);
                }
                mx_logistic_release(&m);
            }
}

/* What separates is noticed where the fit starts from a sample, too: by one column, by two together, and where only some rows are separated. */
static void test_separation(void **state)
{
    (void)state;
    merx_error err = {0};
    static double s[N * 3];
    static int32_t y[N];
    static const char *const names[] = {"left", "right", "noise"}, *const outputs[] = {"no", "yes"};
    for (int kind = 0; kind < 4; kind++) {
        for (size_t i = 0; i < N; i++) {
            mx_random r;
            mx_random_init(&r, 77, i);
            double *row = s + i * 3;
            row[0] = mx_random_normal(&r);
            row[1] = mx_random_normal(&r);
            row[2] = mx_random_normal(&r);
            y[i] = kind == 0   ? row[0] + row[1] > 0
                   : kind == 1 ? mx_random_uniform(&r) < 0.5
                               : mx_random_uniform(&r) < 1 / (1 + exp(-row[2]));
            if (kind == 1) { /* an indicator of one class alone, out of two columns: their sum */
                bool special = y[i] == 1 && mx_random_uniform(&r) < 0.2;
                row[1] = (special ? 1 : 0) - row[0];
            }
            if (kind == 2) /* a rare word that only one class has */
                row[0] = y[i] == 1 && i % 1000 == 777;
        }
        mx_design design = {.n = N, .d = 3, .x = s, .labels = y, .classes = 2, .names = names, .outputs = outputs};
        mx_logistic m;
        merx_status status = mx_logistic_fit_design(&design, &(mx_logistic_options){0}, NULL, NULL, &m, &err);
        if (kind == 3) {
            check_ok(status, err);
            mx_logistic_release(&m);
            continue;
        }
        assert_int_equal(status, MERX_E_NUMERIC);
        check_contains(err.message, "separate");
        check_contains(err.message, "\"left\"");
        check_contains(err.message, "l2");
        if (kind < 2)
            check_contains(err.message, "\"right\"");
        if (kind == 2)
            check_contains(err.message, "alone");
        assert_null(strstr(err.message, "noise"));
        merx_error_clear(&err);
        check_ok(mx_logistic_fit_design(&design, &(mx_logistic_options){.l2 = 0.1}, NULL, NULL, &m, &err), err);
        mx_logistic_release(&m);
    }
}

static void test_bad_rows(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_logistic m;
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    mx_design design = design_of(2, true);
    design.names = names;
    const double bad[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    const size_t rows[] = {3, 700, 20000, N - 1};
    for (size_t b = 0; b < 3; b++)
        for (size_t k = 0; k < 4; k++) {
            double was = x[rows[k] * D + 4], zero = weights[rows[k]];
            x[rows[k] * D + 4] = bad[b];
            weights[rows[k]] = k % 2 == 0 ? 0 : 2; /* a row without weight is looked at as well */
            assert_int_equal(mx_logistic_fit_design(&design, &(mx_logistic_options){.l2 = 1}, NULL, NULL, &m, &err),
                             MERX_E_INVALID);
            char where[40];
            snprintf(where, sizeof where, "row %zu, column \"e\"", rows[k]);
            check_contains(err.message, where);
            merx_error_clear(&err);
            x[rows[k] * D + 4] = was;
            weights[rows[k]] = zero;
        }
    double was = weights[30000];
    weights[30000] = -1;
    assert_int_equal(mx_logistic_fit_design(&design, &(mx_logistic_options){.l2 = 1}, NULL, NULL, &m, &err),
                     MERX_E_INVALID);
    check_contains(err.message, "row 30000");
    merx_error_clear(&err);
    weights[30000] = was;
    const double minus[] = {1, -2}, none[] = {1, 0};
    check_fails(
        mx_logistic_fit_design(&design, &(mx_logistic_options){.l2 = 1, .class_weights = minus}, NULL, NULL, &m, &err),
        MERX_E_RANGE, err);
    check_fails(
        mx_logistic_fit_design(&design, &(mx_logistic_options){.l2 = 1, .class_weights = none}, NULL, NULL, &m, &err),
        MERX_E_RANGE, err);
    check_fails(mx_logistic_fit_design(&design, &(mx_logistic_options){.l1 = -1}, NULL, NULL, &m, &err), MERX_E_RANGE,
                err);
}

/* Few rows of a class: none in the sample. */
static void test_rare_class(void **state)
{
    (void)state;
    merx_error err = {0};
    static int32_t rare[N];
    for (size_t i = 0; i < N; i++)
        rare[i] = i % 5000 == 900;
    mx_design design = design_of(2, false);
    design.labels = rare;
    mx_logistic m;
    check_ok(mx_logistic_fit_design(&design, &(mx_logistic_options){.l2 = 1, .tolerance = 1e-8}, NULL, NULL, &m, &err),
             err);
    assert_true(m.converged);
    check_close(gradient_of(&m, &design, 1), 0, 2e-8);
    mx_logistic_release(&m);
    /* A tolerance below rounding: ends, and says that it did not get there. */
    design = design_of(3, true);
    check_ok(mx_logistic_fit_design(&design, &(mx_logistic_options){.l2 = 1, .tolerance = 1e-30}, NULL, NULL, &m, &err),
             err);
    assert_true(!m.converged && m.iterations < 60);
    check_close(gradient_of(&m, &design, 1), 0, 1e-9);
    mx_logistic_release(&m);
}

static merx_status scenario(const merx_allocator *alloc, void *context, merx_error *err)
{
    mx_design design = design_of(2, true);
    windows w = windows_of(&design, 16 * 1024);
    merx_task *task = NULL;
    mx_logistic m;
    MX_TRY(merx_task_new(alloc, &(merx_task_options){.threads = 1}, &task, err));
    mx_logistic_options o = {.l2 = 1, .max_iterations = 1};
    merx_status status = context ? mx_logistic_fit_rows(&w.rows, &o, alloc, task, &m, err)
                                 : mx_logistic_fit_design(&design, &o, alloc, task, &m, err);
    mx_logistic_release(&m);
    merx_task_free(task);
    return status;
}

static void test_every_allocation(void **state)
{
    check_every_allocation(scenario, NULL);
    check_every_allocation(scenario, state);
}

int main(void)
{
    fill();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stationary_and_same_bits),
        cmocka_unit_test(test_separation),
        cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_rare_class),
        cmocka_unit_test(test_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
