/*
 * Metrics and splits: scikit-learn's values, closed forms, bad input, allocation failures.
 */
#include "learn/core/metrics.h"
#include "learn/core/split.h"
#include "support/check.h"

static int32_t *ints(json_t *object, const char *key, size_t *count)
{
    size_t n;
    double *values = check_doubles(object, key, &n);
    int32_t *out = malloc((n + 1) * sizeof *out);
    for (size_t i = 0; i < n; i++)
        out[i] = (int32_t)values[i];
    free(values);
    if (count != NULL)
        *count = n;
    return out;
}

static void test_golden(void **state)
{
    (void)state;
    merx_error err = {0};
    json_t *golden = check_golden("metrics"), *c = check_member(golden, "regression");
    size_t n;
    double got, *y = check_doubles(c, "y", &n), *p = check_doubles(c, "p", NULL);
    check_close(mx_mean_absolute_error(y, p, n), check_number(c, "mae"), 1e-13);
    check_close(mx_root_mean_squared_error(y, p, n), check_number(c, "rmse"), 1e-13);
    check_close(mx_r2(y, p, n), check_number(c, "r2"), 1e-13);
    check_close(mx_wape(y, p, n), check_number(c, "wape"), 1e-13);
    free(y), free(p);
    c = check_member(golden, "binary");
    int32_t *labels = ints(c, "labels", &n);
    double *scores = check_doubles(c, "scores", NULL);
    check_ok(mx_auc(labels, scores, n, NULL, &got, &err), err);
    check_close(got, check_number(c, "auc"), 1e-13);
    check_ok(mx_average_precision(labels, scores, n, NULL, &got, &err), err);
    check_close(got, check_number(c, "average_precision"), 1e-13);
    free(labels), free(scores);
    c = check_member(golden, "multi");
    labels = ints(c, "labels", &n);
    int32_t *chosen = ints(c, "chosen", NULL);
    double *probabilities = check_doubles(c, "probabilities", NULL);
    check_close(mx_log_loss(labels, probabilities, n, 4), check_number(c, "log_loss"), 1e-10);
    check_close(mx_accuracy(labels, chosen, n), check_number(c, "accuracy"), 1e-13);
    free(labels), free(chosen), free(probabilities);
    c = check_member(golden, "silhouette");
    double *x = check_doubles(c, "x", NULL);
    labels = ints(c, "labels", &n);
    check_ok(mx_silhouette(x, labels, n, 3, 3, 0, 1, NULL, &got, &err), err);
    check_close(got, check_number(c, "value"), 1e-12);
    double sampled;
    check_ok(mx_silhouette(x, labels, n, 3, 3, 50, 1, NULL, &sampled, &err), err);
    assert_true(sampled != got && fabs(sampled - got) < 0.2);
    free(x), free(labels);
    c = check_member(golden, "rand");
    int32_t *a = ints(c, "a", &n), *b = ints(c, "b", NULL);
    check_ok(mx_adjusted_rand(a, b, n, NULL, &got, &err), err);
    check_close(got, check_number(c, "value"), 1e-13);
    check_ok(mx_adjusted_rand(a, a, n, NULL, &got, &err), err);
    check_close(got, 1, 1e-13);
    free(a), free(b);
    c = check_member(golden, "groups");
    int32_t *groups = ints(c, "groups", &n), *folds = ints(c, "folds", NULL), mine[64], pairs[16] = {0};
    check_ok(mx_folds_group(groups, n, 9, 4, NULL, mine, &err), err);
    size_t size[4] = {0}, theirs[4] = {0};
    for (size_t i = 0; i < n; i++) {
        size[mine[i]]++, theirs[folds[i]]++;
        assert_int_equal(mine[i], pairs[groups[i]] > 0 ? pairs[groups[i]] - 1 : mine[i]);
        pairs[groups[i]] = mine[i] + 1;
    }
    for (size_t k = 0; k < 4; k++) /* ties between groups may go either way: the loads are the same */
        assert_int_equal(size[k], theirs[k]);
    free(groups), free(folds);
    json_decref(golden);
}

static void test_ranking(void **state)
{
    (void)state;
    const int32_t ranked[] = {3, 1, 7, 2, 9}, relevant[] = {1, 2, 4};
    double ideal = 1 + 1 / log2(3) + 0.5;
    check_close(mx_ndcg_at_k(ranked, 5, relevant, 3), (1 / log2(3) + 1 / log2(5)) / ideal, 1e-15);
    check_close(mx_ndcg_at_k(ranked, 2, relevant, 3), (1 / log2(3)) / (1 + 1 / log2(3)), 1e-15);
    check_close(mx_recall_at_k(ranked, 5, relevant, 3), 2.0 / 3, 1e-15);
    check_close(mx_recall_at_k(ranked, 1, relevant, 3), 0, 0);
    check_close(mx_hit_at_k(ranked, 2, relevant, 3), 1, 0);
    check_close(mx_hit_at_k(ranked, 1, relevant, 3), 0, 0);
    check_close(mx_reciprocal_rank(ranked, 5, relevant, 3), 0.5, 0);
    check_close(mx_reciprocal_rank(ranked, 1, relevant, 3), 0, 0);
    assert_true(isnan(mx_ndcg_at_k(ranked, 5, relevant, 0)) && isnan(mx_recall_at_k(ranked, 5, relevant, 0)));
}

static void test_edges(void **state)
{
    (void)state;
    merx_error err = {0};
    double got;
    assert_true(isnan(mx_mean_absolute_error(NULL, NULL, 0)) && isnan(mx_r2(NULL, NULL, 0)) &&
                isnan(mx_accuracy(NULL, NULL, 0)));
    check_ok(mx_auc((int32_t[]){1, 1}, (double[]){1, 2}, 2, NULL, &got, &err), err);
    assert_true(isnan(got));
    check_ok(mx_auc(NULL, NULL, 0, NULL, &got, &err), err);
    assert_true(isnan(got));
    check_ok(mx_auc((int32_t[]){1, 0}, (double[]){3, 3}, 2, NULL, &got, &err), err);
    check_close(got, 0.5, 0);
    check_fails(mx_auc((int32_t[]){1, 2}, (double[]){1, 2}, 2, NULL, &got, &err), MERX_E_RANGE, err);
    check_fails(mx_auc((int32_t[]){1, 0}, (double[]){1, NAN}, 2, NULL, &got, &err), MERX_E_NUMERIC, err);
    check_fails(mx_silhouette((double[]){1}, (int32_t[]){2}, 1, 1, 2, 0, 1, NULL, &got, &err), MERX_E_RANGE, err);
    check_ok(mx_silhouette((double[]){1, 2}, (int32_t[]){0, 0}, 2, 1, 2, 0, 1, NULL, &got, &err), err);
    assert_true(isnan(got));
}

static void test_folds(void **state)
{
    (void)state;
    merx_error err = {0};
    enum { N = 103 };
    int32_t folds[N], other[N], labels[N];
    uint64_t keys[N];
    for (size_t i = 0; i < N; i++) {
        labels[i] = i % 10 < 7 ? 0 : i % 10 < 9 ? 1 : 2;
        keys[i] = 1000 + i * 7;
    }
    check_ok(mx_folds_random(N, 5, keys, 3, NULL, folds, &err), err);
    size_t size[5] = {0}, per[5][3] = {{0}}, differ = 0;
    for (size_t i = 0; i < N; i++)
        size[folds[i]]++;
    for (size_t k = 0; k < 5; k++)
        assert_true(size[k] == 20 || size[k] == 21);
    /* Rows in another order keep their fold: it belongs to the key. */
    uint64_t turned[N];
    for (size_t i = 0; i < N; i++)
        turned[i] = keys[N - 1 - i];
    check_ok(mx_folds_random(N, 5, turned, 3, NULL, other, &err), err);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(other[i], folds[N - 1 - i]);
    check_ok(mx_folds_random(N, 5, keys, 4, NULL, other, &err), err);
    for (size_t i = 0; i < N; i++)
        differ += other[i] != folds[i];
    assert_true(differ > N / 2);
    check_ok(mx_folds_stratified(labels, N, 3, 5, NULL, 3, NULL, folds, &err), err);
    for (size_t i = 0; i < N; i++)
        per[folds[i]][labels[i]]++;
    for (size_t c = 0; c < 3; c++)
        for (size_t k = 1; k < 5; k++)
            assert_true(per[k][c] <= per[0][c] + 1 && per[0][c] <= per[k][c] + 1);
    check_fails(mx_folds_random(N, 1, NULL, 3, NULL, folds, &err), MERX_E_RANGE, err);
    check_fails(mx_folds_random(3, 4, NULL, 3, NULL, folds, &err), MERX_E_RANGE, err);
    check_fails(mx_folds_stratified(labels, N, 2, 5, NULL, 3, NULL, folds, &err), MERX_E_RANGE, err);
    check_fails(mx_folds_group(labels, N, 3, 4, NULL, folds, &err), MERX_E_RANGE, err);
    signed char test[N], again[N];
    size_t held = 0;
    mx_split_random(N, 0.3, keys, 1, test);
    mx_split_random(N - 1, 0.3, keys + 1, 1, again); /* leaving one out leaves the others */
    assert_memory_equal(test + 1, again, N - 1);
    for (size_t i = 0; i < N; i++)
        held += (size_t)test[i];
    assert_true(held > 15 && held < 50);
    mx_split_time((int64_t[]){5, 9, 10, 11}, 4, 10, test);
    assert_true(test[0] == 0 && test[1] == 0 && test[2] == 1 && test[3] == 1);
}

static merx_status all_of_it(const merx_allocator *alloc, void *context, merx_error *err)
{
    (void)context;
    const int32_t labels[] = {0, 1, 0, 1, 1, 0};
    const double scores[] = {1, 2, 3, 4, 5, 6};
    int32_t folds[6];
    double got;
    merx_task *task = NULL;
    merx_status status;
    MX_TRY_GOTO(merx_task_new(alloc, NULL, &task, err));
    MX_TRY_GOTO(mx_auc(labels, scores, 6, alloc, &got, err));
    MX_TRY_GOTO(mx_average_precision(labels, scores, 6, alloc, &got, err));
    MX_TRY_GOTO(mx_adjusted_rand(labels, labels, 6, alloc, &got, err));
    MX_TRY_GOTO(mx_silhouette(scores, labels, 6, 1, 2, 5, 1, task, &got, err));
    MX_TRY_GOTO(mx_folds_stratified(labels, 6, 2, 2, NULL, 1, alloc, folds, err));
    MX_TRY_GOTO(mx_folds_group(labels, 6, 2, 2, alloc, folds, err));
out:
    merx_task_free(task);
    return status;
}

static void test_allocations(void **state)
{
    (void)state;
    check_every_allocation(all_of_it, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden), cmocka_unit_test(test_ranking),     cmocka_unit_test(test_edges),
        cmocka_unit_test(test_folds),  cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
