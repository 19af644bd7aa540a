/*
 * Logistic regression: scikit-learn's values, the gradient at the end by finite differences, separation, bad input, threads,
 * allocation failures.
 */
#include "base/random.h"
#include "learn/core/calibrator.h"
#include "learn/linear/logistic.h"
#include "support/check.h"

/* A golden case as a design. */
typedef struct golden_case {
    mx_design design;
    double *numbers[6];
    int32_t *labels, *indices;
    int64_t *starts;
    float *values;
    mx_logistic_options options;
} golden_case;

static void read_case(json_t *c, golden_case *g)
{
    size_t n = (size_t)check_number(c, "n"), count = 0;
    *g = (golden_case){
        .design = {.n = n, .d = (size_t)check_number(c, "d"), .classes = (size_t)check_number(c, "classes")}};
    g->labels = malloc(n * sizeof *g->labels);
    g->numbers[0] = check_doubles(c, "labels", NULL);
    for (size_t i = 0; i < n; i++)
        g->labels[i] = (int32_t)g->numbers[0][i];
    g->design.labels = g->labels;
    if (json_object_get(c, "weights"))
        g->design.weights = g->numbers[1] = check_doubles(c, "weights", NULL);
    if (json_object_get(c, "class_weights"))
        g->options.class_weights = g->numbers[2] = check_doubles(c, "class_weights", NULL);
    g->options.balanced = json_object_get(c, "balanced") != NULL;
    g->options.l2 = check_number(c, "l2");
    g->options.l1 = check_number(c, "l1");
    if (json_object_get(c, "x")) {
        g->design.x = g->numbers[3] = check_doubles(c, "x", NULL);
        return;
    }
    g->numbers[3] = check_doubles(c, "starts", NULL);
    g->numbers[4] = check_doubles(c, "indices", &count);
    g->numbers[5] = check_doubles(c, "values", NULL);
    g->starts = malloc((n + 1) * sizeof *g->starts);
    g->indices = malloc(count * sizeof *g->indices);
    g->values = malloc(count * sizeof *g->values);
    for (size_t i = 0; i <= n; i++)
        g->starts[i] = (int64_t)g->numbers[3][i];
    for (size_t i = 0; i < count; i++) {
        g->indices[i] = (int32_t)g->numbers[4][i];
        g->values[i] = (float)g->numbers[5][i];
    }
    g->design.csr = (mx_csr){n, g->design.d, g->starts, g->indices, g->values};
}

static void free_case(golden_case *g)
{
    for (size_t i = 0; i < 6; i++)
        free(g->numbers[i]);
    free(g->labels), free(g->indices), free(g->starts), free(g->values);
}

static void check_case(json_t *c, const golden_case *g)
{
    merx_error err = {0};
    mx_logistic m;
    size_t count, d = g->design.d, classes = g->design.classes;
    mx_logistic_options o = g->options;
    bool wide = d > 600;
    o.tolerance = wide ? 1e-9 : 1e-8;
    o.max_iterations = 20000;
    check_ok(mx_logistic_fit_design(&g->design, &o, NULL, NULL, &m, &err), err);
    assert_true(m.converged);
    check_relative(m.loss, check_number(c, "loss"), 1e-10);
    double *want = check_doubles(c, "coefficients", &count), *intercepts = check_doubles(c, "intercepts", NULL);
    assert_int_equal(count, m.outputs * d);
    double tolerance = g->options.l1 > 0 || wide ? 1e-5 : 1e-6;
    size_t zeros = 0;
    for (size_t e = 0; e < count; e++) {
        check_close(m.coefficients[e], want[e], tolerance);
        zeros += want[e] == 0;
        if (g->options.l1 > 0 && want[e] == 0)
            check_same_double(fabs(m.coefficients[e]), 0); /* exactly */
    }
    if (g->options.l1 > 0)
        assert_true(zeros > 0 && zeros < count);
    for (size_t q = 0; q < m.outputs; q++)
        check_close(m.intercepts[q], intercepts[q], tolerance);
    double *p = check_doubles(c, "probabilities", &count), got[8];
    for (size_t i = 0; i < 5; i++) {
        mx_logistic_logits(&m, &g->design, i, got);
        mx_logistic_of_logits(&m, got);
        for (size_t k = 0; k < classes; k++)
            check_close(got[k], p[i * classes + k], tolerance);
    }
    if (json_object_get(c, "standard_errors")) {
        double *errors = check_doubles(c, "standard_errors", &count);
        assert_int_equal(count, m.outputs * (d + 1));
        for (size_t e = 0; e < count; e++)
            check_relative(m.standard_errors[e], errors[e], 1e-6);
        free(errors);
    } else if (wide || g->options.l1 > 0) {
        assert_true(isnan(m.standard_errors[0]));
    }
    mx_logistic_release(&m);
    free(want), free(intercepts), free(p);
}

static void test_golden(void **state)
{
    (void)state;
    json_t *golden = check_golden("logistic"), *c;
    size_t index;
    json_array_foreach(check_member(golden, "cases"), index, c)
    {
        golden_case g;
        print_message("  %s\n", json_string_value(check_member(c, "name")));
        read_case(c, &g);
        check_case(c, &g);
        free_case(&g);
    }
    assert_int_equal(index, 18);
    json_decref(golden);
}

static void test_calibrators(void **state)
{
    (void)state;
    merx_error err = {0};
    json_t *golden = check_golden("logistic"), *c;
    size_t index, n, count;
    json_array_foreach(check_member(golden, "calibrations"), index, c)
    {
        double *scores = check_doubles(c, "scores", &n), *numbers = check_doubles(c, "labels", NULL), *w = NULL;
        double *at = check_doubles(c, "at", &count), *chances = check_doubles(c, "chances", NULL);
        if (!json_is_null(check_member(c, "weights")))
            w = check_doubles(c, "weights", NULL);
        int32_t *happened = malloc(n * sizeof *happened);
        for (size_t i = 0; i < n; i++)
            happened[i] = (int32_t)numbers[i];
        bool sigmoid = strcmp(json_string_value(check_member(c, "kind")), "sigmoid") == 0;
        mx_calibrator calibrator;
        check_ok(mx_calibrator_fit(sigmoid ? MX_CALIBRATION_SIGMOID : MX_CALIBRATION_ISOTONIC, scores, happened, 1, w,
                                   n, NULL, &calibrator, &err),
                 err);
        double before = 0;
        for (size_t i = 0; i < count; i++) {
            double got = mx_calibrator_apply(&calibrator, at[i]);
            check_close(got, chances[i], sigmoid ? 1e-5 : 1e-12);
            assert_true(got >= before && got <= 1);
            before = got;
        }
        assert_true(isnan(mx_calibrator_apply(&calibrator, NAN)));
        mx_calibrator_release(&calibrator);
        double none[2] = {0, 0}, nan[2] = {1, (double)NAN};
        check_fails(mx_calibrator_fit(calibrator.kind + MX_CALIBRATION_SIGMOID, scores, happened, 1, none, 2, NULL,
                                      &calibrator, &err),
                    MERX_E_INVALID, err);
        check_fails(mx_calibrator_fit(MX_CALIBRATION_ISOTONIC, nan, happened, 1, NULL, 2, NULL, &calibrator, &err),
                    MERX_E_NUMERIC, err);
        free(scores), free(numbers), free(w), free(at), free(chances), free(happened);
    }
    assert_int_equal(index, 4);
    json_decref(golden);
}

enum { N = 2500, D = 4, K = 3 };
static double x[N * D], weights[N];
static int32_t labels[N], two[N];

static void fill(void)
{
    mx_random random;
    mx_random_init(&random, 12, 0);
    for (size_t i = 0; i < N; i++) {
        double best = -INFINITY;
        weights[i] = (double)mx_random_below(&random, 4);
        for (size_t j = 0; j < D; j++)
            x[i * D + j] = mx_random_normal(&random) * (j == 0 ? 1000 : 1) + (j == 1 ? 50 : 0);
        for (int32_t c = 0; c < K; c++) {
            double logit =
                (double)c * x[i * D] / 1000 - (double)(c == 1) * x[i * D + 2] - log(mx_random_exponential(&random));
            if (logit > best) {
                best = logit;
                labels[i] = c;
            }
        }
        two[i] = labels[i] == 2;
    }
}

/* The stated objective, as written. */
static double objective(const mx_logistic *m, const int32_t *y, double l2)
{
    double loss = 0, total = 0, p[K];
    for (size_t i = 0; i < N; i++) {
        mx_logistic_probabilities(m, x + i * D, p);
        loss -= weights[i] * log(p[y[i]]);
        total += weights[i];
    }
    for (size_t e = 0; e < m->outputs * D; e++)
        loss += 0.5 * l2 * m->coefficients[e] * m->coefficients[e];
    return loss / total;
}

static void test_stationary(void **state)
{
    (void)state;
    merx_error err = {0};
    for (size_t classes = 2; classes <= K; classes++) {
        mx_logistic m;
        const int32_t *y = classes == 2 ? two : labels;
        check_ok(mx_logistic_fit(x, y, weights, N, D, classes, &(mx_logistic_options){.l2 = 3}, NULL, NULL, &m, &err),
                 err);
        assert_true(m.converged && m.iterations < 60);
        check_close(objective(&m, y, 3), m.loss, 1e-12);
        for (size_t e = 0; e < m.outputs * (D + 1); e++) {
            double *at = e < m.outputs * D ? &m.coefficients[e] : &m.intercepts[e - m.outputs * D], here = *at;
            double h = e < m.outputs * D && e % D == 0 ? 1e-6 : 1e-4; /* column 0 counts in thousands */
            *at = here + h;
            double up = objective(&m, y, 3);
            *at = here - h;
            double down = objective(&m, y, 3);
            *at = here;
            double unit = e < m.outputs * D && e % D == 0 ? 1000 : e % D == 1 ? 50 : 1;
            check_close((up - down) / (2 * h) / unit, 0, 3e-6);
            if (!(up > m.loss - 1e-12 && down > m.loss - 1e-12))
                check_die(__FILE__, __LINE__, "a step of %zu lowers the loss", e);
        }
        double parts[D], base, p[K], odds[K];
        for (size_t i = 0; i < 50; i++) {
            mx_logistic_probabilities(&m, x + i * D, p);
            for (size_t c = 0; c < classes; c++) {
                odds[c] = mx_logistic_explain_row(&m, x + i * D, c, parts, &base);
                double sum = base;
                for (size_t j = 0; j < D; j++)
                    sum += parts[j];
                check_close(sum, odds[c], 1e-12);
            }
            if (classes == 2) {
                check_close(odds[1], log(p[1] / p[0]), 1e-9);
                check_close(odds[0], -odds[1], 1e-12);
            } else {
                check_close(odds[0] + odds[1] + odds[2], 0, 1e-12);
                check_close(odds[2] - odds[1], log(p[2] / p[1]), 1e-9);
            }
        }
        mx_logistic_release(&m);
    }
}

/* Without an intercept, and from a given start: the same end, in fewer steps. */
static void test_no_intercept_and_start(void **state)
{
    (void)state;
    merx_error err = {0};
    for (size_t classes = 2; classes <= K; classes++) {
        const int32_t *y = classes == 2 ? two : labels;
        for (int l1 = 0; l1 <= 2; l1 += 2) {
            mx_logistic m, again;
            mx_logistic_options o = {.l2 = 3, .l1 = l1, .no_intercept = true, .tolerance = 1e-9};
            check_ok(mx_logistic_fit(x, y, weights, N, D, classes, &o, NULL, NULL, &m, &err), err);
            assert_true(m.converged);
            double penalty = 0, total = 0;
            for (size_t i = 0; i < N; i++)
                total += weights[i];
            for (size_t c = 0; c < m.outputs; c++) {
                check_same_double(m.intercepts[c], 0);
                assert_true(isnan(m.standard_errors[c * (D + 1) + D]));
                assert_true(l1 > 0 || isfinite(m.standard_errors[c * (D + 1)]));
                for (size_t j = 0; j < D; j++)
                    penalty += l1 * fabs(m.coefficients[c * D + j]) / total;
            }
            check_close(objective(&m, y, 3) + penalty, m.loss, 1e-12);
            double h = 1e-4, start[K * (D + 1)];
            for (size_t e = 0; e < m.outputs * D; e++) { /* no step lowers it */
                double step = e % D == 0 ? h / 1000 : e % D == 1 ? h / 50 : h, here = m.coefficients[e], moved;
                for (int side = -1; side <= 1; side += 2) {
                    m.coefficients[e] = here + side * step;
                    moved = penalty + l1 * (fabs(m.coefficients[e]) - fabs(here)) / total;
                    assert_true(objective(&m, y, 3) + moved > m.loss - 1e-12);
                }
                m.coefficients[e] = here;
            }
            for (size_t c = 0; c < m.outputs; c++) {
                memcpy(start + c * (D + 1), m.coefficients + c * D, D * sizeof *start);
                start[c * (D + 1) + D] = 7; /* not read: there is none */
            }
            o.start = start;
            check_ok(mx_logistic_fit(x, y, weights, N, D, classes, &o, NULL, NULL, &again, &err), err);
            assert_true(again.converged && again.iterations <= 1 && m.iterations > 1);
            check_close(again.loss, m.loss, 1e-12);
            mx_logistic_release(&again);
            mx_logistic_release(&m);
        }
        mx_logistic m, again;
        double start[K * (D + 1)];
        mx_logistic_options o = {.l2 = 3, .tolerance = 1e-9};
        check_ok(mx_logistic_fit(x, y, weights, N, D, classes, &o, NULL, NULL, &m, &err), err);
        for (size_t c = 0; c < m.outputs; c++) {
            memcpy(start + c * (D + 1), m.coefficients + c * D, D * sizeof *start);
            start[c * (D + 1) + D] = m.intercepts[c];
        }
        o.start = start;
        check_ok(mx_logistic_fit(x, y, weights, N, D, classes, &o, NULL, NULL, &again, &err), err);
        assert_true(again.converged && again.iterations <= 1);
        for (size_t e = 0; e < m.outputs * D; e++)
            check_close(again.coefficients[e], m.coefficients[e], 1e-8);
        mx_logistic_release(&again);
        mx_logistic_release(&m);
    }
    /* A constant column counts when there is no intercept beside it. */
    const double constant[] = {1, 1, 1, 1};
    mx_logistic m;
    mx_logistic_options o = {.l2 = 1e-9, .no_intercept = true, .tolerance = 1e-12};
    check_ok(mx_logistic_fit(constant, (int32_t[]){0, 1, 1, 1}, NULL, 4, 1, 2, &o, NULL, NULL, &m, &err), err);
    check_close(m.coefficients[0], log(3), 1e-7);
    mx_logistic_release(&m);
}

static void test_threads(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_logistic a, b;
    check_ok(mx_logistic_fit(x, labels, weights, N, D, K, &(mx_logistic_options){.l2 = 1}, NULL, NULL, &a, &err), err);
    for (int threads = 2; threads <= 8; threads *= 4) {
        merx_task *task = NULL;
        check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads}, &task, &err), err);
        check_ok(mx_logistic_fit(x, labels, weights, N, D, K, &(mx_logistic_options){.l2 = 1}, NULL, task, &b, &err),
                 err);
        assert_memory_equal(a.coefficients, b.coefficients, K * D * sizeof(double));
        assert_memory_equal(a.intercepts, b.intercepts, K * sizeof(double));
        mx_logistic_release(&b);
        merx_task_free(task);
    }
    mx_logistic_release(&a);
}

static void test_separation_and_bad_input(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_logistic m;
#define FIT(l2_value, n, d, classes, ...)                                                                              \
    mx_logistic_fit(px, (int32_t[])__VA_ARGS__, pw, n, d, classes, &(mx_logistic_options){.l2 = l2_value}, NULL, NULL, \
                    &m, &err)
    const double *pw = NULL, line[] = {1, 2, 3, 4}, *px = line;
    check_fails(FIT(0, 4, 1, 2, {0, 0, 1, 1}), MERX_E_NUMERIC, err);
    check_ok(FIT(0.1, 4, 1, 2, {0, 0, 1, 1}), err); /* with a penalty there is a minimum */
    mx_logistic_release(&m);
    check_ok(FIT(0, 4, 1, 2, {0, 1, 0, 1}), err);
    mx_logistic_release(&m);
    /* An indicator which only occurs with class 1. */
    const double indicator[] = {1, 0, 2, 0, 3, 0, 4, 0, 2, 1, 3, 1};
    px = indicator;
    check_fails(FIT(0, 6, 2, 2, {0, 1, 0, 1, 1, 1}), MERX_E_NUMERIC, err);
    /* Of three classes one reaches as far down as the others reach up, and no further. */
    const double above[] = {0, -1, 0, -1, 0, 1};
    px = above;
    check_fails(FIT(0, 6, 1, 3, {0, 0, 1, 1, 2, 2}), MERX_E_NUMERIC, err);
    /* Only both columns together separate. */
    const double plane[] = {0, 1, 1, 2, 2, 3, 3, 4, 1, 0, 2, 1, 3, 2, 4, 3};
    px = plane;
    check_fails(FIT(0, 8, 2, 2, {0, 0, 0, 0, 1, 1, 1, 1}), MERX_E_NUMERIC, err);
    /* A constant column gets 0. */
    const double constant[] = {1, 5, 2, 5, 3, 5, 4, 5};
    px = constant;
    check_ok(FIT(0, 4, 2, 2, {0, 1, 0, 1}), err);
    check_same_double(m.coefficients[1], 0);
    assert_true(isnan(m.standard_errors[1]) && isfinite(m.standard_errors[0]) && isfinite(m.standard_errors[2]));
    mx_logistic_release(&m);
    px = line;
    check_fails(FIT(1, 0, 1, 2, {0}), MERX_E_INVALID, err);
    check_fails(FIT(1, 4, 1, 1, {0, 0, 0, 0}), MERX_E_INVALID, err);
    check_fails(FIT(1, 4, 1, 3, {0, 1, 0, 1}), MERX_E_INVALID, err); /* class 2 is never seen */
    check_fails(FIT(1, 4, 1, 2, {0, 1, 2, 1}), MERX_E_INVALID, err);
    check_fails(FIT(1, 4, 1, 2, {0, 1, -1, 1}), MERX_E_INVALID, err);
    check_fails(FIT(-1, 4, 1, 2, {0, 1, 0, 1}), MERX_E_RANGE, err);
    check_fails(FIT((double)NAN, 4, 1, 2, {0, 1, 0, 1}), MERX_E_RANGE, err);
    const double zero[] = {0, 0, 0, 0}, minus[] = {1, 1, -1, 1}, nan[] = {1, 2, NAN, 4}, huge[] = {1e300, -1e300, 1, 2};
    pw = zero;
    check_fails(FIT(1, 4, 1, 2, {0, 1, 0, 1}), MERX_E_INVALID, err);
    pw = minus;
    check_fails(FIT(1, 4, 1, 2, {0, 1, 0, 1}), MERX_E_INVALID, err);
    pw = NULL;
    px = nan;
    check_fails(FIT(1, 4, 1, 2, {0, 1, 0, 1}), MERX_E_INVALID, err);
    px = huge;
    check_fails(FIT(1, 4, 1, 2, {0, 1, 0, 1}), MERX_E_NUMERIC, err);
#undef FIT
}

static merx_status scenario(const merx_allocator *alloc, void *context, merx_error *err)
{
    (void)context;
    merx_task *task = NULL;
    MX_TRY(merx_task_new(alloc, &(merx_task_options){.threads = 1}, &task, err));
    mx_logistic m;
    merx_status status =
        mx_logistic_fit(x, two, weights, 1500, D, 2, &(mx_logistic_options){.max_iterations = 3}, alloc, task, &m, err);
    mx_logistic_release(&m);
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
    fill();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),           cmocka_unit_test(test_calibrators),
        cmocka_unit_test(test_stationary),       cmocka_unit_test(test_no_intercept_and_start),
        cmocka_unit_test(test_threads),          cmocka_unit_test(test_separation_and_bad_input),
        cmocka_unit_test(test_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
