/*
 * Sums over rows: beside a naive twin in long double, the same bits however the rows come and for any number of threads, columns far from zero, weights,
 * bad values named by row and column, failing memory.
 */
#include "base/random.h"
#include "numeric/gram.h"
#include "support/check.h"

typedef struct sample {
    size_t n, d;
    double *x, *y, *w;
} sample;

static sample sample_of(size_t n, size_t d, double offset, uint64_t seed)
{
    sample s = {.n = n,
                .d = d,
                .x = malloc((n * d + 1) * sizeof(double)),
                .y = malloc((n + 1) * sizeof(double)),
                .w = malloc((n + 1) * sizeof(double))};
    mx_random random;
    mx_random_init(&random, seed, n);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < d; j++)
            s.x[i * d + j] = offset * (double)(j + 1) + mx_random_normal(&random);
        s.y[i] = 3 * offset + mx_random_normal(&random);
        s.w[i] = i % 5 == 2 ? 0 : mx_random_uniform(&random) * 3;
    }
    return s;
}

static void sample_free(sample *s)
{
    free(s->x);
    free(s->y);
    free(s->w);
}

typedef struct totals {
    mx_gram_totals t;
    double *means, *gram;
    size_t e;
} totals;

static totals totals_of(size_t d)
{
    size_t e = d + 1;
    totals t = {.means = malloc(e * sizeof(double)), .gram = malloc(e * e * sizeof(double)), .e = e};
    t.t.means = t.means;
    t.t.gram = t.gram;
    return t;
}

static void totals_free(totals *t)
{
    free(t->means);
    free(t->gram);
}

/* Sums of the sample handed over in pieces of `step` rows. */
static void sum(const sample *s, bool target, bool weighted, bool raw, size_t step, int threads, totals *out)
{
    merx_error err = {0};
    merx_task *task = NULL;
    merx_task_options options = {.threads = threads};
    check_ok(merx_task_new(NULL, &options, &task, &err), err);
    mx_gram_sums *sums = NULL;
    mx_gram_options how = {.raw = raw, .where = "test"};
    check_ok(mx_gram_sums_new(s->d, &how, NULL, &sums, &err), err);
    for (size_t i = 0; i < s->n; i += step) {
        size_t rows = s->n - i < step ? s->n - i : step;
        check_ok(mx_gram_sums_add(sums, s->x + i * s->d, target ? s->y + i : NULL, weighted ? s->w + i : NULL, rows,
                                  task, &err),
                 err);
    }
    check_ok(mx_gram_sums_finish(sums, task, &out->t, &err), err);
    mx_gram_sums_free(sums);
    merx_task_free(task);
}

static void check_near(double got, long double want, double scale, const char *what, size_t at)
{
    if (!(fabsl((long double)got - want) <= 1e-12L * (long double)scale))
        check_die(__FILE__, __LINE__, "%s, cell %zu: %.17g, naive %.20Lg (scale %g)", what, at, got, want, scale);
}

static void compare_naive(size_t n, size_t d, double offset, bool target, bool weighted, bool raw)
{
    sample s = sample_of(n, d, offset, 1 + d);
    totals t = totals_of(d);
    sum(&s, target, weighted, raw, n + 1, 2, &t);
    size_t e = d + 1, used = 0;
    long double weight = 0, *means = calloc(e, sizeof *means), *at = calloc(e, sizeof *at);
    for (size_t i = 0; i < n; i++) {
        long double w = weighted ? (long double)s.w[i] : 1;
        weight += w;
        used += w > 0;
        for (size_t j = 0; j < e; j++)
            means[j] += w * (j < d ? (long double)s.x[i * d + j] : target ? (long double)s.y[i] : 0);
    }
    for (size_t j = 0; j < e; j++) {
        means[j] /= weight;
        check_near(t.means[j], means[j], 1 + fabs(offset) * (double)(d + 3), "mean", j);
    }
    check_near(t.t.weight, weight, (double)weight, "weight", 0);
    assert_int_equal(t.t.rows, n);
    assert_int_equal(t.t.used_rows, used);
    for (size_t j = 0; j < e; j++)
        for (size_t k = 0; k < e; k++) {
            long double sum_jk = 0, sum_jj = 0, sum_kk = 0;
            for (size_t i = 0; i < n; i++) {
                for (size_t c = 0; c < e; c++)
                    at[c] = (c < d    ? (long double)s.x[i * d + c]
                             : target ? (long double)s.y[i]
                                      : 0) -
                            (raw ? 0 : means[c]);
                long double w = weighted ? (long double)s.w[i] : 1;
                sum_jk += w * at[j] * at[k];
                sum_jj += w * at[j] * at[j];
                sum_kk += w * at[k] * at[k];
            }
            /* Relative to the centred columns, though they are far from zero: nothing was lost. */
            check_near(t.gram[j * e + k], sum_jk, (double)sqrtl(sum_jj * sum_kk) + 1e-3, "gram", j * e + k);
        }
    free(means);
    free(at);
    totals_free(&t);
    sample_free(&s);
}

static void test_naive(void **state)
{
    (void)state;
    for (int kind = 0; kind < 8; kind++)
        for (size_t n = 1; n <= 40; n += 13)
            compare_naive(n, (size_t)kind, 0, kind & 1, kind & 2, kind & 4);
    compare_naive(2500, 9, 0, true, false, false);
    compare_naive(1500, 5, 1000, true, true, false);
    compare_naive(1024, 6, 1e6, true, false, false);
    compare_naive(3, 0, 5, true, true, false);
}

/* One call or many, of any sizes, on any number of threads: the same bits. Wide: more than one group of rows of the matrix. */
static void test_same_bits(void **state)
{
    (void)state;
    const size_t shapes[][2] = {{7000, 11}, {1024, 3}, {2048, 50}, {1, 4}, {1500, 600}};
    const size_t steps[] = {1000, 1024, 333, 4096, 1023, 1025, 100000, 7};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int weighted = 0; weighted < 2; weighted++) {
            sample a = sample_of(shapes[s][0], shapes[s][1], 4, 9);
            totals one = totals_of(a.d), other = totals_of(a.d);
            sum(&a, true, weighted, false, a.n, 1, &one);
            for (size_t step = 0; step < sizeof steps / sizeof *steps; step++)
                for (int threads = 1; threads <= 8; threads += threads == 1 ? 1 : 6) {
                    if (a.d > 100 && (step > 2 || threads == 8))
                        continue;
                    sum(&a, true, weighted, false, steps[step], threads, &other);
                    assert_memory_equal(one.gram, other.gram, one.e * one.e * sizeof(double));
                    assert_memory_equal(one.means, other.means, one.e * sizeof(double));
                    assert_int_equal(one.t.used_rows, other.t.used_rows);
                }
            totals_free(&one);
            totals_free(&other);
            sample_free(&a);
        }
}

static merx_status sum_quietly(const sample *s, size_t step, const merx_allocator *alloc, totals *out, merx_error *err)
{
    mx_gram_sums *sums = NULL;
    mx_gram_options how = {.where = "test"};
    merx_status status = mx_gram_sums_new(s->d, &how, alloc, &sums, err);
    for (size_t i = 0; i < s->n && status == MERX_OK; i += step)
        status =
            mx_gram_sums_add(sums, s->x + i * s->d, s->y + i, s->w + i, s->n - i < step ? s->n - i : step, NULL, err);
    if (status == MERX_OK)
        status = mx_gram_sums_finish(sums, NULL, &out->t, err);
    mx_gram_sums_free(sums);
    return status;
}

static void refuses(sample *s, double *cell, double value, merx_status code, const char *text)
{
    double before = *cell;
    *cell = value;
    const size_t steps[] = {s->n, 1000, 1024, 1};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        merx_error err = {0};
        totals t = totals_of(s->d);
        merx_status status = sum_quietly(s, steps[i], NULL, &t, &err);
        if (status != code || strstr(err.message, text) == NULL)
            check_die(__FILE__, __LINE__, "in steps of %zu: status %d, \"%s\"; expected %d, \"%s\"", steps[i],
                      (int)status, err.message, (int)code, text);
        assert_string_equal(err.where, "test");
        totals_free(&t);
    }
    *cell = before;
}

static void test_bad_values(void **state)
{
    (void)state;
    sample s = sample_of(2600, 7, 2, 3);
    const size_t rows[] = {0, 1, 1023, 1024, 1500, 2047, 2048, 2599};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        char text[80];
        snprintf(text, sizeof text, "row %zu, column %zu is ", rows[r], r % 7);
        refuses(&s, &s.x[rows[r] * 7 + r % 7], (double)NAN, MERX_E_INVALID, text);
        refuses(&s, &s.x[rows[r] * 7 + r % 7], (double)INFINITY, MERX_E_INVALID, text);
        refuses(&s, &s.x[rows[r] * 7 + r % 7], -(double)INFINITY, MERX_E_INVALID, text);
        snprintf(text, sizeof text, "the target of row %zu is ", rows[r]);
        refuses(&s, &s.y[rows[r]], (double)NAN, MERX_E_INVALID, text);
        refuses(&s, &s.y[rows[r]], -(double)INFINITY, MERX_E_INVALID, text);
        snprintf(text, sizeof text, "the weight of row %zu is ", rows[r]);
        refuses(&s, &s.w[rows[r]], (double)NAN, MERX_E_INVALID, text);
        refuses(&s, &s.w[rows[r]], -1e-9, MERX_E_INVALID, text);
        refuses(&s, &s.w[rows[r]], (double)INFINITY, MERX_E_INVALID, text);
    }
    s.w[1100] = 1;
    refuses(&s, &s.x[1100 * 7 + 5], 1e200, MERX_E_NUMERIC, "the squares of column 5 overflow");
    s.w[1500] = 1;
    refuses(&s, &s.y[1500], -1e300, MERX_E_NUMERIC, "overflow");
    /* An infinite value in a row of weight 0 is still refused: 0 times it is NaN. */
    s.w[1200] = 0;
    refuses(&s, &s.x[1200 * 7], (double)INFINITY, MERX_E_INVALID, "row 1200, column 0");

    totals t = totals_of(7);
    merx_error err = {0};
    for (size_t i = 0; i < s.n; i++)
        s.w[i] = 0;
    assert_int_equal(sum_quietly(&s, s.n, NULL, &t, &err), MERX_E_INVALID);
    assert_non_null(strstr(err.message, "the weights sum to 0"));
    err = (merx_error){0};
    s.n = 0;
    assert_int_equal(sum_quietly(&s, 1, NULL, &t, &err), MERX_E_INVALID);
    assert_non_null(strstr(err.message, "no rows"));
    err = (merx_error){0};
    mx_gram_sums *sums = NULL;
    assert_int_equal(mx_gram_sums_new(MX_GRAM_MOST_COLUMNS + 1, &(mx_gram_options){0}, NULL, &sums, &err),
                     MERX_E_LIMIT);
    assert_null(sums);
    mx_gram_sums_free(NULL);
    totals_free(&t);
    sample_free(&s);
}

static void test_allocations(void **state)
{
    (void)state;
    sample s = sample_of(2100, 5, 1, 4);
    totals t = totals_of(5);
    int64_t fail_at = 0;
    for (;; fail_at++) {
        mx_failing_allocator failing;
        mx_failing_allocator_init(&failing, fail_at, false);
        merx_error err = {0};
        merx_status status = sum_quietly(&s, 1000, &failing.allocator, &t, &err);
        assert_int_equal(failing.live_blocks, 0);
        if (status == MERX_OK)
            break;
        assert_int_equal(status, MERX_E_MEMORY);
    }
    assert_true(fail_at > 8);
    totals_free(&t);
    sample_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_naive),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
