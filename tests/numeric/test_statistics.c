/*
 * Statistics: SciPy's values, closed forms; the bootstrap against the normal approximation, its coverage, threads, bad input.
 */
#include "base/random.h"
#include "numeric/statistics.h"
#include "support/check.h"

/* Relative to the value itself: tails count. */
static void close_tail(double got, double want, double tolerance, const char *what, double at)
{
    if (got == want)
        return;
    if (!(fabs(got - want) <= tolerance * fabs(want)))
        check_die(__FILE__, __LINE__, "%s at %.17g is %.17g, not %.17g", what, at, got, want);
}

static void test_distributions(void **state)
{
    (void)state;
    json_t *golden = check_golden("statistics"), *row;
    size_t i;
    json_array_foreach(check_member(golden, "normal_cdf"), i, row)
    {
        double z = json_number_value(json_array_get(row, 0));
        close_tail(mx_normal_cdf(z), json_number_value(json_array_get(row, 1)), 1e-12, "normal cdf", z);
    }
    json_array_foreach(check_member(golden, "normal_quantile"), i, row)
    {
        double p = json_number_value(json_array_get(row, 0));
        double want = json_number_value(json_array_get(row, 1));
        check_close(mx_normal_quantile(p), want, 4e-15 * fmax(1, fabs(want)));
    }
    json_array_foreach(check_member(golden, "student_cdf"), i, row)
    {
        double t = json_number_value(json_array_get(row, 0)), v = json_number_value(json_array_get(row, 1));
        close_tail(mx_student_t_cdf(t, v), json_number_value(json_array_get(row, 2)), 1e-11, "t cdf", t);
    }
    json_array_foreach(check_member(golden, "student_quantile"), i, row)
    {
        double p = json_number_value(json_array_get(row, 0)), v = json_number_value(json_array_get(row, 1));
        close_tail(mx_student_t_quantile(p, v), json_number_value(json_array_get(row, 2)), 1e-9, "t quantile", p);
    }
    json_decref(golden);
    assert_true(isnan(mx_normal_quantile(-0.1)) && isnan(mx_normal_quantile(NAN)) && isinf(mx_normal_quantile(1)));
    assert_true(isnan(mx_student_t_cdf(1, 0)) && isnan(mx_student_t_quantile(2, 3)));
    check_close(mx_student_t_cdf(1.5, INFINITY), mx_normal_cdf(1.5), 0);
    check_close(mx_student_t_cdf(INFINITY, 3), 1, 0);
}

static void test_tests_and_moments(void **state)
{
    (void)state;
    merx_error err = {0};
    json_t *golden = check_golden("statistics"), *c;
    size_t i;
    json_array_foreach(check_member(golden, "pairs"), i, c)
    {
        size_t n;
        double *a = check_doubles(c, "a", &n), *b = check_doubles(c, "b", NULL), p;
        close_tail(mx_paired_t_test(a, b, n), check_number(c, "t"), 1e-10, "paired t", (double)i);
        check_ok(mx_wilcoxon_test(a, b, n, NULL, &p, &err), err);
        close_tail(p, check_number(c, "wilcoxon"), 1e-11, "Wilcoxon", (double)i);
        check_ok(mx_wilcoxon_test(b, a, n, NULL, &p, &err), err);
        close_tail(p, check_number(c, "wilcoxon"), 1e-11, "Wilcoxon the other way", (double)i);
        check_ok(mx_wilcoxon_test(a, a, n, NULL, &p, &err), err);
        check_close(p, 1, 0);
        check_close(mx_paired_t_test(a, a, n), 1, 0);
        free(a), free(b);
    }
    assert_int_equal(i, 4);
    size_t n;
    double *sample = check_doubles(golden, "sample", &n);
    check_close(mx_mean(sample, n), check_number(golden, "mean"), 1e-15);
    check_close(mx_variance(sample, n), check_number(golden, "variance"), 1e-14);
    for (size_t j = 1; j < n; j++) /* insertion sort */
        for (size_t k = j; k > 0 && sample[k - 1] > sample[k]; k--) {
            double t = sample[k];
            sample[k] = sample[k - 1];
            sample[k - 1] = t;
        }
    json_t *row;
    json_array_foreach(check_member(golden, "quantiles"), i, row)
        check_close(mx_quantile_sorted(sample, n, json_number_value(json_array_get(row, 0))),
                    json_number_value(json_array_get(row, 1)), 1e-14);
    free(sample);
    json_decref(golden);
    assert_true(isnan(mx_mean(NULL, 0)) && isnan(mx_variance((double[]){1}, 1)) &&
                isnan(mx_quantile_sorted(NULL, 0, 0.5)));
    assert_true(isnan(mx_paired_t_test((double[]){1}, (double[]){2}, 1)));
}

/* Ten million times 0.1: naive addition is off by 1.6e-4. */
static void test_sum(void **state)
{
    (void)state;
    size_t n = 1000000;
    double *x = malloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = 0.1;
    check_close(mx_sum(x, n), 100000, 1e-9);
    check_close(mx_variance(x, n), 0, 1e-20);
    for (size_t i = 0; i < n; i++)
        x[i] = 1e9 + (double)(i % 2);
    check_close(mx_variance(x, n), 0.25 * (double)n / (double)(n - 1), 1e-12);
    free(x);
}

static void test_bootstrap(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_random random;
    mx_random_init(&random, 1, 2);
    enum { N = 400 };
    double a[N], b[N], one[N];
    for (size_t i = 0; i < N; i++) {
        a[i] = mx_random_normal(&random) * 2 + 5;
        b[i] = a[i] - 0.5 + 0.1 * mx_random_normal(&random);
        one[i] = 1;
    }
    mx_interval mean, paired, ratio, again;
    check_ok(mx_bootstrap_mean(a, N, 4000, 7, NULL, &mean, &err), err);
    double half = 1.959963985 * sqrt(mx_variance(a, N) / N);
    check_close(mean.value, mx_mean(a, N), 1e-12);
    check_close(mean.low, mean.value - half, 0.06 * half);
    check_close(mean.high, mean.value + half, 0.06 * half);
    check_ok(mx_bootstrap_paired(a, b, N, 1000, 7, NULL, &paired, &err), err);
    check_close(paired.value, mx_mean(a, N) - mx_mean(b, N), 1e-12);
    assert_true(paired.low > 0.48 && paired.high < 0.52);
    check_ok(mx_bootstrap_ratio(a, one, N, 4000, 7, NULL, &ratio, &err), err);
    check_close(ratio.low, mean.low, 1e-12);
    check_close(ratio.high, mean.high, 1e-12);
    check_ok(mx_bootstrap_mean(a, N, 4000, 8, NULL, &again, &err), err);
    assert_true(again.low != mean.low);
    check_ok(mx_bootstrap_mean(a, 1, 200, 7, NULL, &again, &err), err);
    check_same_double(again.low, a[0]);
    check_same_double(again.high, a[0]);
    check_fails(mx_bootstrap_mean(a, 0, 1000, 7, NULL, &again, &err), MERX_E_INVALID, err);
    check_fails(mx_bootstrap_mean(a, N, 199, 7, NULL, &again, &err), MERX_E_RANGE, err);
    for (int threads = 2; threads <= 8; threads *= 4) {
        merx_task *task;
        check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads}, &task, &err), err);
        check_ok(mx_bootstrap_mean(a, N, 4000, 7, task, &again, &err), err);
        check_same_double(again.low, mean.low);
        check_same_double(again.high, mean.high);
        merx_task_cancel(task);
        check_fails(mx_bootstrap_mean(a, N, 4000, 7, task, &again, &err), MERX_E_CANCELLED, err);
        merx_task_free(task);
    }
}

static double mean_of_units(void *context, const uint32_t *units, size_t n)
{
    const double *x = context;
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += x[units[i]];
    return s / (double)n;
}

/* A 95 % interval of the mean holds the true mean about 95 times in 100. */
static void test_coverage(void **state)
{
    (void)state;
    merx_error err = {0};
    int held = 0, trials = 400;
    for (int trial = 0; trial < trials; trial++) {
        mx_random random;
        mx_random_init(&random, 99, (uint64_t)trial);
        double x[60];
        for (size_t i = 0; i < 60; i++)
            x[i] = mx_random_normal(&random) + 3;
        mx_interval interval, general;
        check_ok(mx_bootstrap_mean(x, 60, 400, (uint64_t)trial, NULL, &interval, &err), err);
        check_ok(mx_bootstrap(60, mean_of_units, x, 400, (uint64_t)trial, NULL, &general, &err), err);
        check_close(general.low, interval.low, 1e-12); /* the same draws */
        check_close(general.high, interval.high, 1e-12);
        held += interval.low <= 3 && 3 <= interval.high;
    }
    if (!(held >= 0.90 * trials && held <= 0.985 * trials))
        check_die(__FILE__, __LINE__, "%d of %d intervals hold the mean", held, trials);
}

static merx_status all_of_it(const merx_allocator *alloc, void *context, merx_error *err)
{
    double *x = context, p;
    mx_interval interval;
    merx_task *task = NULL;
    MX_TRY(merx_task_new(alloc, NULL, &task, err));
    merx_status status;
    MX_TRY_GOTO(mx_bootstrap(20, mean_of_units, x, 200, 1, task, &interval, err));
    MX_TRY_GOTO(mx_bootstrap_mean(x, 20, 200, 1, task, &interval, err));
    MX_TRY_GOTO(mx_wilcoxon_test(x, x + 10, 10, alloc, &p, err));
out:
    merx_task_free(task);
    return status;
}

static void test_allocations(void **state)
{
    (void)state;
    double x[20];
    for (int i = 0; i < 20; i++)
        x[i] = i * i;
    check_every_allocation(all_of_it, x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distributions), cmocka_unit_test(test_tests_and_moments),
        cmocka_unit_test(test_sum),           cmocka_unit_test(test_bootstrap),
        cmocka_unit_test(test_coverage),      cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
