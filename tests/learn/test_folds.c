/*
 * Cross-validation over the folds of a column, predictions limited to the training range, and columns taken as they are.
 */
#include "base/random.h"
#include "merx/model.h"
#include "support/check.h"

enum { N = 240 };

static merx_dataset *make_table(bool hole)
{
    double x[N], y[N];
    int32_t fold[N], colour[N];
    static const char *const folds[] = {"c", "a", "b"}, *const colours[] = {"red", "green", "blue"};
    merx_dataset *t;
    merx_error err = {0};
    for (size_t i = 0; i < N; i++) {
        mx_random r;
        mx_random_init(&r, 21, i);
        x[i] = (double)i / N;
        fold[i] = hole && i == 7 ? -1 : (int32_t)(i % 7 % 3);
        colour[i] = (int32_t)mx_random_below(&r, 3);
        y[i] = exp(3 * x[i] + 0.3 * colour[i] + 0.1 * mx_random_normal(&r));
    }
    check_ok(merx_dataset_new_table(NULL, N, &t, &err), err);
    check_ok(merx_dataset_add_numeric(t, "x", x, &err), err);
    check_ok(merx_dataset_add_categorical(t, "colour", colour, colours, 3, &err), err);
    check_ok(merx_dataset_add_categorical(t, "fold", fold, folds, 3, &err), err);
    check_ok(merx_dataset_add_numeric(t, "y", y, &err), err);
    return t;
}

/* Each fold by hand: fit on the other rows, predict its own. */
static void test_folds_of_a_column(void **state)
{
    (void)state;
    merx_dataset *t = make_table(false), *train, *held;
    merx_error err = {0};
    merx_model *model;
    merx_held_out out;
    merx_prediction p;
    merx_fit_columns columns = {.target = "y"};
    check_ok(merx_model_new(NULL, "ridge", &model, &err), err);
    check_ok(merx_model_cross_validate_folds(model, t, &columns, &(merx_folds){.column = "fold"}, NULL, &out, &err),
             err);
    assert_int_equal(out.folds, 3);
    assert_int_equal(out.rows, N);
    assert_string_equal(out.names[0], "y");
    assert_null(out.labels);
    columns.ignore = (const char *const[]){"fold"};
    columns.n_ignore = 1;
    const int32_t *code = merx_dataset_codes(t, 2);
    for (int32_t f = 0; f < 3; f++) {
        size_t in[N], own[N], n = 0, m = 0;
        for (size_t i = 0; i < N; i++)
            *(code[i] == f ? &own[m++] : &in[n++]) = i;
        check_ok(merx_dataset_take(t, in, n, &train, &err), err);
        check_ok(merx_dataset_take(t, own, m, &held, &err), err);
        check_ok(merx_model_fit(model, train, &columns, NULL, &err), err);
        check_ok(merx_model_predict(model, held, NULL, &p, &err), err);
        for (size_t i = 0; i < m; i++) {
            check_same_double(out.values[own[i]], p.values[i]);
            assert_int_equal(out.fold[own[i]], f);
        }
        merx_prediction_release(&p);
        merx_dataset_free(train), merx_dataset_free(held);
    }
    merx_held_out_release(&out);
    merx_model_free(model);
    merx_dataset_free(t);
}

static void test_bad_folds(void **state)
{
    (void)state;
    merx_dataset *t = make_table(false), *hole = make_table(true);
    merx_error err = {0};
    merx_model *model;
    merx_held_out out;
    merx_fit_columns columns = {.target = "y"};
    check_ok(merx_model_new(NULL, "ridge", &model, &err), err);
    const merx_folds fold = {.column = "fold"}, wrong = {.column = "folds"}, many = {.column = "y"},
                     x = {.column = "x"};
    check_fails(merx_model_cross_validate_folds(model, hole, &columns, &fold, NULL, &out, &err), MERX_E_INVALID, err);
    assert_int_equal(merx_model_cross_validate_folds(model, t, &columns, &wrong, NULL, &out, &err), MERX_E_NOT_FOUND);
    check_contains(err.message, "fold");
    merx_error_clear(&err);
    check_fails(merx_model_cross_validate_folds(model, t, &columns, &many, NULL, &out, &err), MERX_E_INVALID, err);
    columns.features = (const char *const[]){"x"};
    columns.n_features = 1;
    check_fails(merx_model_cross_validate_folds(model, t, &columns, &x, NULL, &out, &err), MERX_E_INVALID, err);
    assert_null(out.values);
    merx_model_free(model);
    merx_dataset_free(t), merx_dataset_free(hole);
}

static void test_limited_predictions(void **state)
{
    (void)state;
    static const char *const families[] = {"linear", "additive"};
    double far[3] = {-5, 0.5, 9}, row = 9;
    static const char *const colours[] = {"red", "violet"};
    int32_t colour[3] = {0, 0, 1};
    merx_dataset *t = make_table(false), *more;
    merx_error err = {0};
    merx_prediction p, q;
    const double *y = merx_dataset_numeric(t, 3);
    double least = y[0], most = y[0];
    for (size_t i = 0; i < N; i++) {
        least = fmin(least, y[i]);
        most = fmax(most, y[i]);
    }
    check_ok(merx_dataset_new_table(NULL, 3, &more, &err), err);
    check_ok(merx_dataset_add_numeric(more, "x", far, &err), err);
    check_ok(merx_dataset_add_categorical(more, "colour", colour, colours, 2, &err), err);
    for (size_t f = 0; f < 2; f++) {
        merx_model *model;
        merx_fit_columns columns = {.target = "y", .features = (const char *const[]){"x", "colour"}, .n_features = 2};
        check_ok(merx_model_new(NULL, families[f], &model, &err), err);
        check_ok(merx_model_set(model, "log_columns", "y", &err), err);
        check_ok(merx_model_fit(model, t, &columns, NULL, &err), err);
        check_ok(merx_model_predict(model, more, NULL, &p, &err), err);
        check_ok(merx_model_set(model, "limit_predictions", "true", &err), err);
        check_ok(merx_model_fit(model, t, &columns, NULL, &err), err);
        check_ok(merx_model_predict(model, more, NULL, &q, &err), err);
        if (f == 0) {
            assert_true(p.values[0] < least && p.values[2] > most);
            check_relative(q.values[0], least, 1e-12);
            check_relative(q.values[2], most, 1e-12);
        }
        check_same_double(q.values[1], p.values[1]);
        char *text;
        check_ok(merx_model_describe(model, &text, &err), err);
        check_contains(text, "predictions stay within");
        merx_text_free(text);
        merx_prediction_release(&p), merx_prediction_release(&q);
        /* One row of plain numbers is limited too. */
        columns.n_features = 1;
        check_ok(merx_model_fit(model, t, &columns, NULL, &err), err);
        double value;
        check_ok(merx_model_predict_row(model, &row, 1, &value, NULL, &err), err);
        assert_true(value <= most * (1 + 1e-12));
        merx_model_free(model);
    }
    merx_dataset_free(more);
    merx_dataset_free(t);
}

/* Contributions of an additive model: pairs by name, an unseen level says nothing. */
static void test_additive_reasons(void **state)
{
    (void)state;
    merx_dataset *t = make_table(false), *more;
    merx_error err = {0};
    merx_model *model;
    merx_explanation e;
    double x[1] = {0.4};
    int32_t colour[1] = {0};
    static const char *const colours[] = {"violet"};
    merx_fit_columns columns = {.target = "y", .features = (const char *const[]){"x", "colour"}, .n_features = 2};
    check_ok(merx_model_new(NULL, "additive", &model, &err), err);
    check_ok(merx_model_fit(model, t, &columns, NULL, &err), err);
    check_ok(merx_model_explain(model, t, 5, -1, &e, &err), err);
    assert_int_equal(e.count, 3);
    bool pair = false;
    double sum = e.base;
    for (size_t i = 0; i < e.count; i++) {
        pair |= strcmp(e.contributions[i].name, "x x colour") == 0;
        sum += e.contributions[i].contribution;
    }
    assert_true(pair);
    check_relative(sum, e.score, 1e-12);
    merx_explanation_release(&e);
    check_ok(merx_dataset_new_table(NULL, 1, &more, &err), err);
    check_ok(merx_dataset_add_numeric(more, "x", x, &err), err);
    check_ok(merx_dataset_add_categorical(more, "colour", colour, colours, 1, &err), err);
    check_ok(merx_model_explain(model, more, 0, -1, &e, &err), err);
    for (size_t i = 0; i < e.count; i++)
        if (strcmp(e.contributions[i].name, "x") != 0)
            check_close(e.contributions[i].contribution, 0, 0);
    merx_explanation_release(&e);
    /* Bad constraints name what is wrong; the picture holds the columns. */
    check_ok(merx_model_set(model, "monotone", "coulor", &err), err);
    assert_int_equal(merx_model_fit(model, t, &columns, NULL, &err), MERX_E_NOT_FOUND);
    check_contains(err.message, "colour");
    merx_error_clear(&err);
    check_ok(merx_model_set(model, "monotone", "colour:-1", &err), err);
    check_fails(merx_model_fit(model, t, &columns, NULL, &err), MERX_E_TYPE, err);
    check_ok(merx_model_set(model, "monotone", "x:2", &err), err);
    check_fails(merx_model_fit(model, t, &columns, NULL, &err), MERX_E_INVALID, err);
    char *svg;
    check_ok(merx_model_shapes_svg(model, &svg, &err), err);
    check_contains(svg, ">colour</text>");
    check_contains(svg, "blue");
    merx_text_free(svg);
    merx_model_free(model);
    check_ok(merx_model_new(NULL, "ridge", &model, &err), err);
    check_fails(merx_model_shapes_svg(model, &svg, &err), MERX_E_NOT_FITTED, err);
    check_ok(merx_model_fit(model, t, &columns, NULL, &err), err);
    check_fails(merx_model_shapes_svg(model, &svg, &err), MERX_E_UNSUPPORTED, err);
    merx_model_free(model);
    merx_dataset_free(more);
    merx_dataset_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folds_of_a_column),
        cmocka_unit_test(test_bad_folds),
        cmocka_unit_test(test_limited_predictions),
        cmocka_unit_test(test_additive_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
