/*
 * Nearest neighbours beside scikit-learn's NearestNeighbors (tests/golden/make_nearest.py): both methods, all similarities.
 */
#include "merx/neighbour.h"
#include "support/check.h"

static void compare(json_t *c, merx_similarity similarity, merx_nearest_method method)
{
    json_t *want = json_object_get(c, merx_similarity_name(similarity));
    if (want == NULL)
        return;
    size_t n, m, d = (size_t)check_number(c, "d"), k = (size_t)check_number(c, "k");
    double *x = check_doubles(c, "x", &n), *q = check_doubles(c, "queries", &m),
           *ids = check_doubles(want, "ids", NULL), *scores = check_doubles(want, "scores", NULL);
    float *rows = malloc(n * sizeof *rows), *queries = malloc(m * sizeof *queries);
    for (size_t i = 0; i < n; i++)
        rows[i] = (float)x[i];
    for (size_t i = 0; i < m; i++)
        queries[i] = (float)q[i];
    merx_error err = {0};
    merx_nearest *index = NULL;
    merx_nearest_options options = {.similarity = similarity, .method = method, .ef = 200};
    check_ok(merx_nearest_build(NULL, &options, rows, NULL, n / d, d, NULL, &index, &err), err);
    merx_neighbour *got = malloc(m / d * k * sizeof *got);
    check_ok(merx_nearest_search(index, queries, m / d, k, NULL, got, &err), err);
    for (size_t i = 0; i < m / d * k; i++) {
        if (got[i].id != (int64_t)ids[i])
            check_die(__FILE__, __LINE__, "%s, %s, %s: neighbour %zu of query %zu is %lld at %.9g, not %lld at %.9g",
                      json_string_value(check_member(c, "name")), merx_similarity_name(similarity),
                      merx_nearest_method_name(method), i % k, i / k, (long long)got[i].id, got[i].score,
                      (long long)ids[i], scores[i]);
        /* Cosine: unit vectors are rounded to float once. */
        check_relative(got[i].score, scores[i], similarity == MERX_COSINE ? 2e-7 : 1e-12);
    }
    merx_nearest_free(index);
    free(x), free(q), free(ids), free(scores), free(rows), free(queries), free(got);
}

static void test_golden(void **state)
{
    (void)state;
    json_t *golden = check_golden("nearest"), *cases = check_member(golden, "cases");
    assert_true(json_array_size(cases) >= 4);
    for (size_t i = 0; i < json_array_size(cases); i++)
        for (int similarity = 0; similarity < MERX_SIMILARITIES; similarity++)
            for (int method = MERX_NEAREST_EXACT; method < MERX_NEAREST_METHODS; method++)
                compare(json_array_get(cases, i), (merx_similarity)similarity, (merx_nearest_method)method);
    json_decref(golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
