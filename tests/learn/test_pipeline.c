/*
 * The pipeline's numbers, in closed form, and models seen from outside that depend on them: logarithms, new levels, missing values,
 * other types at prediction. The registry here holds a toy family.
 */
#include "learn/core/pipeline.h"
#include "merx/model.h"
#include "support/check.h"
#include "support/toy_family.h"

#define N 8

static merx_dataset *make_table(void)
{
    merx_error err = {0};
    merx_dataset *t;
    const char *levels[] = {"red", "blue", "rare", "never"};
    check_ok(merx_dataset_new_table(NULL, N, &t, &err), err);
    check_ok(merx_dataset_add_numeric(t, "x", (double[]){1, 2, 3, 10, NAN, NAN, 2, 2}, &err), err);
    check_ok(merx_dataset_add_numeric(t, "price", (double[]){1, 10, 100, 1000, 1, 10, 100, 1000}, &err), err);
    check_ok(merx_dataset_add_categorical(t, "colour", (int32_t[]){0, 1, 0, 1, 0, 2, -1, 1}, levels, 4, &err), err);
    check_ok(merx_dataset_add_boolean(t, "flag", (signed char[]){1, 0, 1, 0, 0, 0, 1, 1}, &err), err);
    check_ok(merx_dataset_add_numeric(t, "y", (double[]){1, 4, 2, 8, 5, 7, 3, 9}, &err), err);
    return t;
}

static mx_pipeline *fit_pipeline(const merx_dataset *t, const char *const *settings, bool drop_first,
                                 mx_binding *binding, double **x)
{
    merx_error err = {0};
    merx_options *options;
    mx_pipeline *p;
    check_ok(merx_options_new(NULL, mx_pipeline_option_table, &options, &err), err);
    for (; settings != NULL && *settings != NULL; settings++)
        check_ok(merx_options_parse(options, *settings, &err), err);
    check_ok(mx_pipeline_fit(t, (size_t[]){0, 1, 2, 3}, 4, options, drop_first, NULL, NULL, &p, &err), err);
    merx_options_free(options);
    check_ok(mx_pipeline_bind(p, t, NULL, binding, &err), err);
    *x = calloc(N * p->width, sizeof **x);
    check_ok(mx_pipeline_transform(p, binding, 0, N, *x, &err), err);
    return p;
}

static size_t slot(const mx_pipeline *p, const char *name)
{
    for (size_t j = 0; j < p->width; j++)
        if (strcmp(p->names[j], name) == 0)
            return j;
    check_die(__FILE__, __LINE__, "there is no slot \"%s\"", name);
    return 0;
}

static void test_slots(void **state)
{
    (void)state;
    merx_dataset *t = make_table();
    mx_binding binding;
    double *x;
    mx_pipeline *p = fit_pipeline(t, (const char *[]){"rare_level=2", "log_columns=price", NULL}, false, &binding, &x);
    static const char *const names[] = {"x",           "x is missing",   "log price",         "colour=red",
                                        "colour=blue", "colour=(other)", "colour is missing", "flag"};
    assert_int_equal(p->width, 8);
    for (size_t j = 0; j < 8; j++)
        assert_string_equal(p->names[j], names[j]);
    /* A new level, and one that training knows by name alone, go to "other". */
    merx_error err = {0};
    merx_dataset *u;
    mx_binding other;
    double y[16];
    check_ok(merx_dataset_new_table(NULL, 2, &u, &err), err);
    check_ok(merx_dataset_add_numeric(u, "x", (double[]){1, 1}, &err), err);
    check_ok(merx_dataset_add_numeric(u, "price", (double[]){1, 1}, &err), err);
    check_ok(merx_dataset_add_categorical(u, "colour", (int32_t[]){0, 1}, (const char *[]){"new", "never"}, 2, &err),
             err);
    check_ok(merx_dataset_add_boolean(u, "flag", (signed char[]){0, 0}, &err), err);
    check_ok(mx_pipeline_bind(p, u, NULL, &other, &err), err);
    check_ok(mx_pipeline_transform(p, &other, 0, 2, y, &err), err);
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 3; k < 7; k++)
            check_close(y[i * 8 + k], k == 5, 0);
    mx_binding_release(&other);
    merx_dataset_free(u);
    /* x: mean 20/6 stands for the two missing ones; scaled by the standard deviation over all eight rows. */
    double mean = 20.0 / 6, squares = 0;
    const double filled[N] = {1, 2, 3, 10, mean, mean, 2, 2};
    for (size_t i = 0; i < N; i++)
        squares += (filled[i] - mean) * (filled[i] - mean);
    for (size_t i = 0; i < N; i++) {
        check_close(x[i * 8], (filled[i] - mean) / sqrt(squares / N), 1e-13);
        check_close(x[i * 8 + 1], i == 4 || i == 5, 0);
        check_close(x[i * 8 + 2], ((double)(i % 4) - 1.5) / sqrt(1.25),
                    1e-12); /* logarithms of 1, 10, 100, 1000 are evenly spaced */
    }
    const double colour[N][4] = {{1}, {0, 1}, {1}, {0, 1}, {1}, {0, 0, 1}, {0, 0, 0, 1}, {0, 1}};
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < 4; k++)
            check_close(x[i * 8 + 3 + k], colour[i][k], 0);
    check_close(x[7], 1, 0);
    free(x), mx_binding_release(&binding), mx_pipeline_free(p);

    p = fit_pipeline(t, (const char *[]){"impute=median", "standardise=no", "rare_level=1", NULL}, true, &binding, &x);
    check_close(x[4 * p->width + slot(p, "x")], 2, 0); /* the median of 1 2 2 2 3 10 */
    check_close(x[3 * p->width + slot(p, "x")], 10, 0);
    for (size_t j = 0; j < p->width; j++)
        assert_string_not_equal(p->names[j], "colour=red"); /* the base */
    check_close(x[5 * p->width + slot(p, "colour=rare")], 1, 0);
    free(x), mx_binding_release(&binding), mx_pipeline_free(p);

    p = fit_pipeline(t, (const char *[]){"max_levels=1", "rare_level=1", NULL}, false, &binding, &x);
    check_close(x[0 * p->width + slot(p, "colour=red")], 1, 0); /* red and blue occur equally often: the first stays */
    check_close(x[1 * p->width + slot(p, "colour=(other)")], 1, 0);
    check_close(x[5 * p->width + slot(p, "colour=(other)")], 1, 0);
    free(x), mx_binding_release(&binding), mx_pipeline_free(p);
    merx_dataset_free(t);
}

static void test_dates(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_dataset *t;
    const int64_t day = 86400000, start = INT64_C(15341) * day; /* 2012-01-02, a Monday */
    check_ok(merx_dataset_new_table(NULL, 4, &t, &err), err);
    check_ok(merx_dataset_add_date(t, "when", (int64_t[]){start, start + 31 * day, start + 62 * day, INT64_MIN}, &err),
             err);
    mx_pipeline *p;
    mx_binding binding;
    merx_options *options;
    check_ok(merx_options_new(NULL, mx_pipeline_option_table, &options, &err), err);
    check_ok(merx_options_set(options, "standardise", "no", &err), err);
    check_ok(mx_pipeline_fit(t, (size_t[]){0}, 1, options, false, NULL, NULL, &p, &err), err);
    check_ok(mx_pipeline_bind(p, t, NULL, &binding, &err), err);
    double x[64];
    assert_true(p->width <= 16);
    check_ok(mx_pipeline_transform(p, &binding, 0, 4, x, &err), err);
    check_close(x[0 * p->width + slot(p, "when Monday")], 1, 0);
    check_close(x[1 * p->width + slot(p, "when Thursday")], 1, 0);
    check_close(x[1 * p->width + slot(p, "when month=2")], 1, 0);
    check_close(x[2 * p->width + slot(p, "when month=3")], 1, 0);
    check_close(x[0 * p->width + slot(p, "when month=3")], 0, 0);
    check_close(x[1 * p->width + slot(p, "when year")] - x[slot(p, "when year")], 31 / 365.25, 1e-9);
    check_close(x[3 * p->width + slot(p, "when year")], x[1 * p->width + slot(p, "when year")], 1e-9); /* the mean */
    check_close(x[3 * p->width + slot(p, "when is missing")], 1, 0);
    mx_binding_release(&binding), mx_pipeline_free(p), merx_options_free(options), merx_dataset_free(t);
}

static double predict_one(const merx_model *model, const merx_dataset *t, size_t row)
{
    merx_error err = {0};
    merx_prediction p;
    check_ok(merx_model_predict(model, t, NULL, &p, &err), err);
    double value = p.values[row];
    merx_prediction_release(&p);
    return value;
}

static void test_unknown_values(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_dataset *t = make_table(), *u;
    merx_model *model;
    merx_explanation e;
    check_ok(merx_model_new(NULL, "toy", &model, &err), err);
    check_ok(merx_model_set(model, "rare_level", "1", &err), err);
    const char *features[] = {"colour", "flag"};
    check_ok(
        merx_model_fit(model, t, &(merx_fit_columns){.target = "y", .features = features, .n_features = 2}, NULL, &err),
        err);
    /* A level nobody has seen, and a missing flag where none was missing, speak neither for nor against. */
    check_ok(merx_dataset_new_table(NULL, 1, &u, &err), err);
    check_ok(merx_dataset_add_categorical(u, "colour", (int32_t[]){0}, (const char *[]){"green"}, 1, &err), err);
    check_ok(merx_dataset_add_boolean(u, "flag", (signed char[]){-1}, &err), err);
    check_ok(merx_model_explain(model, u, 0, -1, &e, &err), err);
    assert_int_equal(e.count, 2);
    for (size_t i = 0; i < 2; i++)
        check_close(e.contributions[i].contribution, 0, 1e-12);
    check_close(e.score, 39.0 / 8, 1e-12);
    merx_explanation_release(&e);
    merx_dataset_free(u);
    /* The same values in other types: flags as 0 and 1, a column without any value as numbers. */
    check_ok(merx_dataset_new_table(NULL, N, &u, &err), err);
    check_ok(merx_dataset_add_categorical(u, "colour", (int32_t[]){1, 0, 1, 0, 1, 2, -1, 0},
                                          (const char *[]){"blue", "red", "rare"}, 3, &err),
             err);
    check_ok(merx_dataset_add_numeric(u, "flag", (double[]){1, 0, 1, 0, 0, 0, 1, 1}, &err), err);
    for (size_t i = 0; i < N; i++)
        check_same_double(predict_one(model, u, i), predict_one(model, t, i));
    merx_dataset_free(u);
    check_ok(merx_dataset_new_table(NULL, 1, &u, &err), err);
    check_ok(merx_dataset_add_numeric(u, "colour", (double[]){NAN}, &err), err);
    check_ok(merx_dataset_add_numeric(u, "flag", (double[]){0.5}, &err), err);
    merx_prediction p;
    check_fails(merx_model_predict(model, u, NULL, &p, &err), MERX_E_TYPE, err);
    merx_dataset_free(u);
    merx_model_free(model);
    merx_dataset_free(t);
}

/* A target whose logarithm is learnt: the score is a log price, the prediction a price. */
static void test_log_target(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_dataset *t = make_table(), *u;
    merx_model *model;
    merx_explanation e;
    const char *features[] = {"x", "colour"};
    merx_fit_columns columns = {.target = "price", .features = features, .n_features = 2};
    check_ok(merx_model_new(NULL, "toy", &model, &err), err);
    check_ok(merx_model_set(model, "log_columns", " price ", &err), err);
    check_ok(merx_model_fit(model, t, &columns, NULL, &err), err);
    check_ok(merx_model_explain(model, t, 1, -1, &e, &err), err);
    check_relative(exp(e.score), e.prediction, 1e-12);
    check_same_double(e.prediction, predict_one(model, t, 1));
    merx_explanation_release(&e);
    check_ok(merx_model_set(model, "log_columns", "price,colour", &err), err);
    check_fails(merx_model_fit(model, t, &columns, NULL, &err), MERX_E_TYPE, err);
    check_ok(merx_model_set(model, "log_columns", "prise", &err), err);
    assert_int_equal(merx_model_fit(model, t, &columns, NULL, &err), MERX_E_NOT_FOUND);
    check_contains(err.message, "\"price\"");
    merx_error_clear(&err);
    check_ok(merx_dataset_from_matrix(NULL, (double[]){1, 5, 0, 6, 2, 7}, 3, 2, (const char *[]){"a", "b"}, &u, &err),
             err);
    check_ok(merx_model_set(model, "log_columns", "a", &err), err);
    assert_int_equal(merx_model_fit(model, u, &(merx_fit_columns){.target = "b"}, NULL, &err), MERX_E_NUMERIC);
    check_contains(err.where, "row 1");
    check_contains(err.message, "column \"a\": 0 has no logarithm");
    merx_error_clear(&err);
    merx_dataset_free(u);
    merx_model_free(model);
    merx_dataset_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_unknown_values),
        cmocka_unit_test(test_log_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
