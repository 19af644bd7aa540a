/*
 * k-means: scikit-learn's values from given starts, a naive twin, keyed starts, bad input, threads, allocation failures.
 */
#include "base/random.h"
#include "learn/cluster/kmeans.h"
#include "support/check.h"

static void test_golden(void **state)
{
    (void)state;
    merx_error err = {0};
    json_t *golden = check_golden("kmeans"), *c;
    size_t index;
    json_array_foreach(check_member(golden, "cases"), index, c)
    {
        size_t n = (size_t)check_number(c, "n"), d = (size_t)check_number(c, "d"), k = (size_t)check_number(c, "k");
        double *x = check_doubles(c, "x", NULL), *start = check_doubles(c, "start", NULL);
        double *w = json_object_get(c, "weights") ? check_doubles(c, "weights", NULL) : NULL;
        double *centroids = check_doubles(c, "centroids", NULL), *labels = check_doubles(c, "labels", NULL),
               tol = check_number(c, "tolerance");
        print_message("  %s\n", json_string_value(check_member(c, "name")));
        mx_kmeans_options o = {.k = k,
                               .start = start,
                               .tolerance = tol > 0 ? tol : -1,
                               .max_iterations = (int)check_number(c, "max_iterations")};
        mx_kmeans model;
        int32_t *got = malloc(n * sizeof *got);
        check_ok(mx_kmeans_fit(x, w, n, d, &o, NULL, NULL, &model, got, &err), err);
        for (size_t e = 0; e < k * d; e++)
            check_close(model.centroids[e], centroids[e], 1e-10);
        double total = 0, size = 0;
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(got[i], (int)labels[i]);
            assert_int_equal(mx_kmeans_nearest(&model, x + i * d, NULL), got[i]);
            total += w ? w[i] : 1;
        }
        for (size_t e = 0; e < k; e++)
            size += model.sizes[e];
        check_close(size, total, 1e-9);
        check_relative(model.inertia, check_number(c, "inertia"), 1e-10);
        mx_kmeans_release(&model);
        free(x), free(start), free(w), free(centroids), free(labels), free(got);
    }
    assert_int_equal(index, 10);
    json_decref(golden);
}

enum { N = 3000, D = 3, K = 4 };
static double x[N * D], weights[N];
static uint64_t keys[N];
static const double truth[K][D] = {{0, 0, 0}, {8, 0, 0}, {0, 9, 0}, {0, 0, 10}};

/* Shares 4 : 3 : 2 : 1. */
static void fill(void)
{
    mx_random random;
    mx_random_init(&random, 8, 0);
    for (size_t i = 0; i < N; i++) {
        size_t c = i % 10 < 4 ? 0 : i % 10 < 7 ? 1 : i % 10 < 9 ? 2 : 3;
        weights[i] = 1 + (double)(i % 3);
        keys[i] = i * 7919 + 3;
        for (size_t j = 0; j < D; j++)
            x[i * D + j] = truth[c][j] + mx_random_normal(&random);
    }
}

static void test_finds_clusters(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_kmeans model;
    static int32_t labels[N];
    check_ok(mx_kmeans_fit(x, NULL, N, D, &(mx_kmeans_options){.k = K}, NULL, NULL, &model, labels, &err), err);
    for (size_t c = 0; c < K; c++)
        for (size_t j = 0; j < D; j++)
            check_close(model.centroids[c * D + j], truth[c][j], 0.25); /* numbered by descending size */
    double inertia = 0;
    for (size_t i = 0; i < N; i++) {
        /* the twin: the nearest of four, by hand */
        double least = INFINITY, d2;
        int32_t nearest = -1;
        for (int32_t c = 0; c < K; c++) {
            double sum = 0;
            for (size_t j = 0; j < D; j++)
                sum += pow(x[i * D + j] - model.centroids[(size_t)c * D + j], 2);
            if (sum < least) {
                least = sum;
                nearest = c;
            }
        }
        assert_int_equal(labels[i], nearest);
        assert_int_equal(mx_kmeans_nearest(&model, x + i * D, &d2), nearest);
        check_close(d2, least, 1e-9);
        inertia += least;
        double parts[D], score, sum = 0;
        int32_t own, other;
        score = mx_kmeans_explain_row(&model, x + i * D, parts, &own, &other);
        for (size_t j = 0; j < D; j++)
            sum += parts[j];
        check_close(sum, score, 1e-12);
        assert_int_equal(own, nearest);
        assert_int_not_equal(other, own);
        assert_true(score >= 0);
        check_close(mx_kmeans_explain_cluster(&model, x + i * D, other, parts, NULL), -score, 1e-9);
    }
    check_relative(model.inertia, inertia, 1e-10);
    mx_kmeans_release(&model);
    mx_kmeans_release(&model);
}

/* The same rows in reverse order, with their keys: the same model up to the order of sums. */
static void test_keys(void **state)
{
    (void)state;
    merx_error err = {0};
    static double reversed[N * D];
    static uint64_t reversed_keys[N];
    for (size_t i = 0; i < N; i++) {
        memcpy(reversed + i * D, x + (N - 1 - i) * D, D * sizeof *x);
        reversed_keys[i] = keys[N - 1 - i];
    }
    mx_kmeans a, b, c;
    mx_kmeans_options o = {.k = 7, .n_init = 1, .max_iterations = 2, .keys = keys, .seed = 3};
    check_ok(mx_kmeans_fit(x, NULL, N, D, &o, NULL, NULL, &a, NULL, &err), err);
    o.keys = reversed_keys;
    check_ok(mx_kmeans_fit(reversed, NULL, N, D, &o, NULL, NULL, &b, NULL, &err), err);
    o.seed = 4;
    check_ok(mx_kmeans_fit(reversed, NULL, N, D, &o, NULL, NULL, &c, NULL, &err), err);
    double same = 0, seeded = 0;
    for (size_t e = 0; e < 7 * D; e++) {
        same = fmax(same, fabs(a.centroids[e] - b.centroids[e]));
        seeded = fmax(seeded, fabs(c.centroids[e] - b.centroids[e]));
    }
    if (!(same < 1e-9) || !(seeded > 1e-3))
        check_die(__FILE__, __LINE__, "reversed rows move centroids by %g, another seed by %g", same, seeded);
    mx_kmeans_release(&a);
    mx_kmeans_release(&b);
    mx_kmeans_release(&c);
}

static void test_threads_and_weights(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_kmeans first, other;
    mx_kmeans_options o = {.k = 9, .n_init = 2, .seed = 5};
    static int32_t labels[2][N];
    check_ok(mx_kmeans_fit(x, weights, N, D, &o, NULL, NULL, &first, labels[0], &err), err);
    for (int threads = 2; threads <= 8; threads *= 4) {
        merx_task *task = NULL;
        check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads}, &task, &err), err);
        check_ok(mx_kmeans_fit(x, weights, N, D, &o, NULL, task, &other, labels[1], &err), err);
        assert_memory_equal(first.centroids, other.centroids, 9 * D * sizeof(double));
        assert_memory_equal(labels[0], labels[1], sizeof labels[0]);
        check_same_double(other.inertia, first.inertia);
        mx_kmeans_release(&other);
        merx_task_free(task);
    }
    for (size_t c = 1; c < 9; c++)
        assert_true(first.sizes[c - 1] >= first.sizes[c]);
    mx_kmeans_release(&first);
    /* Rows of weight 0 get a label and pull nothing. */
    const double line[] = {0, 1, 10, 11, 1000}, w[] = {1, 1, 1, 1, 0};
    check_ok(mx_kmeans_fit(line, w, 5, 1, &(mx_kmeans_options){.k = 2}, NULL, NULL, &first, labels[0], &err), err);
    check_close(first.centroids[0] + first.centroids[1], 11, 1e-12);
    check_close(first.inertia, 1, 1e-12);
    assert_int_equal(labels[0][4], labels[0][3]);
    mx_kmeans_release(&first);
}

static void test_bad_input(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_kmeans m;
    const double few[] = {1, 1, 1, 2, 2, 2}, nan[] = {1, NAN, 2}, zero[] = {0, 0, 0}, minus[] = {1, -1, 1},
                 start[] = {1, 2, 3};
    const double huge[] = {1e300, -1e300, 0};
#define REFUSED(x, w, n, d, code, ...)                                                                                 \
    check_fails(mx_kmeans_fit(x, w, n, d, &(mx_kmeans_options){__VA_ARGS__}, NULL, NULL, &m, NULL, &err), code, err)
    REFUSED(few, NULL, 6, 1, MERX_E_INVALID, .k = 0);
    REFUSED(few, NULL, 6, 1, MERX_E_INVALID, .k = 7);
    REFUSED(few, NULL, 6, 1, MERX_E_INVALID, .k = 3);
    REFUSED(few, NULL, 6, 1, MERX_E_INVALID, .k = 3, .start = start);
    REFUSED(few, NULL, 6, 0, MERX_E_INVALID, .k = 1);
    REFUSED(nan, NULL, 3, 1, MERX_E_INVALID, .k = 1);
    REFUSED(few, zero, 3, 1, MERX_E_INVALID, .k = 1);
    REFUSED(few, minus, 3, 1, MERX_E_INVALID, .k = 1);
    REFUSED(few, NULL, 6, 1, MERX_E_RANGE, .k = 1, .tolerance = NAN);
    REFUSED(few, NULL, 6, 1, MERX_E_RANGE, .k = 1, .n_init = -1);
    REFUSED(few, NULL, 3, 1, MERX_E_INVALID, .k = 1, .start = nan + 1);
    REFUSED(huge, NULL, 3, 1, MERX_E_NUMERIC, .k = 2);
#undef REFUSED
    assert_int_equal(mx_kmeans_fit(few, NULL, 6, 1, &(mx_kmeans_options){.k = 3}, NULL, NULL, &m, NULL, &err),
                     MERX_E_INVALID);
    check_contains(err.message, "k is 3");
    check_contains(err.message, "2 distinct rows");
    merx_error_clear(&err);
    check_ok(mx_kmeans_fit(few, NULL, 6, 1, &(mx_kmeans_options){.k = 2}, NULL, NULL, &m, NULL, &err), err);
    check_close(m.inertia, 0, 0);
    mx_kmeans_release(&m);
}

static merx_status scenario(const merx_allocator *alloc, void *context, merx_error *err)
{
    (void)context;
    merx_task *task = NULL;
    MX_TRY(merx_task_new(alloc, &(merx_task_options){.threads = 1}, &task, err));
    mx_kmeans m = {0};
    merx_status status =
        mx_kmeans_fit(x, weights, 200, D, &(mx_kmeans_options){.k = 3, .n_init = 1}, alloc, task, &m, NULL, err);
    mx_kmeans_release(&m);
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
        cmocka_unit_test(test_golden),    cmocka_unit_test(test_finds_clusters),
        cmocka_unit_test(test_keys),      cmocka_unit_test(test_threads_and_weights),
        cmocka_unit_test(test_bad_input), cmocka_unit_test(test_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
