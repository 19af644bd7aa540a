/*
 * Nearest neighbours beside scikit-learn's NearestNeighbors (tests/golden/make_nearest.py): both methods, all similarities; and the families nearest and nearest_classifier beside
 * KNeighborsRegressor and KNeighborsClassifier.
 */
#include "merx/model.h"
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

/* Predictions of one family as the golden file has them. */
static void compare_model(json_t *c, bool classes)
{
    merx_error err = {0};
    size_t n, m, d = (size_t)check_number(c, "d"), k;
    double *x = check_doubles(c, "x", &n), *rows = check_doubles(c, "rows", &m), *y = check_doubles(c, "y", NULL),
           *codes = check_doubles(c, "labels", NULL), *want = check_doubles(c, classes ? "shares" : "values", &k);
    const char *const names[] = {"low", "mid", "high"};
    int32_t labels[100];
    char number[32];
    merx_dataset *train, *test;
    merx_model *model;
    merx_prediction p;
    for (size_t i = 0; i < n / d; i++)
        labels[i] = (int32_t)codes[i];
    check_ok(merx_dataset_view_matrix(NULL, x, n / d, d, NULL, &train, &err), err);
    check_ok(merx_dataset_view_matrix(NULL, rows, m / d, d, NULL, &test, &err), err);
    check_ok(classes ? merx_dataset_add_categorical(train, "target", labels, names, 3, &err)
                     : merx_dataset_add_numeric(train, "target", y, &err),
             err);
    check_ok(merx_model_new(NULL, classes ? "nearest_classifier" : "nearest", &model, &err), err);
    snprintf(number, sizeof number, "%d", (int)check_number(c, "k"));
    check_ok(merx_model_set(model, "neighbours", number, &err), err);
    check_ok(merx_model_set(model, "votes", json_string_value(check_member(c, "votes")), &err), err);
    check_ok(merx_model_set(model, "similarity", json_string_value(check_member(c, "similarity")), &err), err);
    if (classes)
        check_ok(merx_model_set(model, "smoothing", "1e-9", &err), err);
    check_ok(merx_model_fit(model, train, &(merx_fit_columns){.target = "target"}, NULL, &err), err);
    check_ok(merx_model_predict(model, test, NULL, &p, &err), err);
    assert_int_equal(p.rows * p.outputs, k);
    for (size_t i = 0; i < k; i++)
        check_close(p.values[i], want[i], classes ? 2e-8 : 1e-7);
    merx_prediction_release(&p);
    merx_model_free(model);
    merx_dataset_free(train), merx_dataset_free(test);
    free(x), free(rows), free(y), free(codes), free(want);
}

static void test_models(void **state)
{
    (void)state;
    json_t *golden = check_golden("nearest"), *models = check_member(golden, "models");
    assert_true(json_array_size(models) >= 5);
    for (size_t i = 0; i < json_array_size(models); i++) {
        compare_model(json_array_get(models, i), false);
        compare_model(json_array_get(models, i), true);
    }
    json_decref(golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden), cmocka_unit_test(test_models)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
