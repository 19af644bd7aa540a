/*
 * Looking into models: scikit-learn's partial dependence, permutation importance and calibration, closed forms, the same from a table and a matrix,
 * samples, bad input, pictures. What every family keeps: contract/test_models_inspect.c.
 */
#include "merx/inspect.h"

#include "numeric/statistics.h"
#include "support/check.h"

typedef struct fixture {
    json_t *golden;
    double *x, *y;
    int32_t *labels;
    size_t n;
    merx_dataset *values, *classes, *table; /* matrices with a target beside, and a table of the same numbers */
    merx_model *linear, *logistic, *tabled;
} fixture;

static merx_model *fitted(const char *family, const merx_dataset *data, const char *target, const char *option,
                          const char *value, const char *also, const char *too)
{
    merx_error err = {0};
    merx_model *model;
    check_ok(merx_model_new(NULL, family, &model, &err), err);
    if (option != NULL)
        check_ok(merx_model_set(model, option, value, &err), err);
    if (also != NULL)
        check_ok(merx_model_set(model, also, too, &err), err);
    check_ok(merx_model_fit(model, data, &(merx_fit_columns){.target = target}, NULL, &err), err);
    return model;
}

static void set_up(fixture *f)
{
    static const char *const names[] = {"x0", "x1", "x2"}, *const kinds[] = {"no", "yes"};
    merx_error err = {0};
    size_t cells;
    f->golden = check_golden("inspect");
    f->x = check_doubles(f->golden, "x", &cells);
    f->y = check_doubles(f->golden, "y", &f->n);
    assert_int_equal(cells, 3 * f->n);
    double *codes = check_doubles(f->golden, "labels", NULL);
    f->labels = malloc(f->n * sizeof *f->labels);
    for (size_t i = 0; i < f->n; i++)
        f->labels[i] = (int32_t)codes[i];
    free(codes);
    check_ok(merx_dataset_view_matrix(NULL, f->x, f->n, 3, names, &f->values, &err), err);
    check_ok(merx_dataset_add_numeric(f->values, "y", f->y, &err), err);
    check_ok(merx_dataset_view_matrix(NULL, f->x, f->n, 3, names, &f->classes, &err), err);
    check_ok(merx_dataset_add_categorical(f->classes, "kind", f->labels, kinds, 2, &err), err);
    check_ok(merx_dataset_from_matrix(NULL, f->x, f->n, 3, names, &f->table, &err), err);
    check_ok(merx_dataset_add_numeric(f->table, "y", f->y, &err), err);
    f->linear = fitted("linear", f->values, "y", NULL, NULL, NULL, NULL);
    f->tabled = fitted("linear", f->table, "y", NULL, NULL, NULL, NULL);
    f->logistic = fitted("logistic", f->classes, "kind", "l2", "0", "tolerance", "1e-10");
}

static void tear_down(fixture *f)
{
    merx_model_free(f->linear), merx_model_free(f->tabled), merx_model_free(f->logistic);
    merx_dataset_free(f->values), merx_dataset_free(f->classes), merx_dataset_free(f->table);
    free(f->x), free(f->y), free(f->labels);
    json_decref(f->golden);
}

static void check_dependence(const fixture *f, const char *family, const merx_model *model, const merx_dataset *data,
                             double tolerance)
{
    merx_error err = {0};
    size_t i;
    json_t *one;
    json_array_foreach(check_member(check_member(f->golden, family), "dependence"), i, one)
    {
        static const char *const names[] = {"x0", "x1", "x2"};
        size_t points, cells;
        double *grid = check_doubles(one, "grid", &points), *average = check_doubles(one, "average", NULL);
        double *individual = check_doubles(one, "individual", &cells);
        merx_dependence_options options = {.column = names[(size_t)check_number(one, "column")],
                                           .spacing = MERX_GRID_UNIFORM,
                                           .points = (size_t)check_number(one, "points"),
                                           .low = check_number(one, "low"),
                                           .high = check_number(one, "high"),
                                           .individuals = f->n};
        merx_dependence d;
        check_ok(merx_model_partial_dependence(model, data, &options, NULL, &d, &err), err);
        assert_int_equal(d.points, points);
        assert_int_equal(d.rows, f->n);
        assert_int_equal(d.individuals, f->n);
        assert_int_equal(cells, 5 * points);
        for (size_t k = 0; k < points; k++) {
            check_relative(d.value[k], grid[k], 1e-13);
            check_relative(d.average[k], average[k], tolerance);
            assert_true(d.low[k] <= d.high[k]);
            for (size_t r = 0; r < 5; r++) {
                assert_int_equal(d.row[r], r);
                check_relative(d.individual[r * points + k], individual[r * points + k], tolerance);
            }
        }
        merx_dependence_release(&d);
        free(grid), free(average), free(individual);
    }
}

static void test_dependence(void **state)
{
    const fixture *f = *state;
    check_dependence(f, "linear", f->linear, f->values, 1e-9);
    check_dependence(f, "linear", f->tabled, f->table, 1e-9);
    check_dependence(f, "logistic", f->logistic, f->classes, 1e-6);
}

/* Within four standard errors of two means over `repeats` shuffles. */
static void check_importance(const fixture *f, const char *family, const merx_model *model, const merx_dataset *data,
                             const char *metric, const char *key)
{
    enum { REPEATS = 1000 };
    merx_error err = {0};
    json_t *golden = check_member(check_member(f->golden, family), key);
    double *mean = check_doubles(golden, "mean", NULL), *deviation = check_doubles(golden, "deviation", NULL);
    merx_importances m;
    check_ok(merx_model_permutation_importance(
                 model, data, &(merx_importance_options){.metric = metric, .repeats = REPEATS}, NULL, &m, &err),
             err);
    assert_int_equal(m.count, 3);
    assert_int_equal(m.repeats, REPEATS);
    assert_string_equal(m.metric, metric);
    for (size_t i = 0; i < m.count; i++) {
        size_t j = (size_t)(m.column[i].name[1] - '0');
        double error = deviation[j] / sqrt(REPEATS);
        check_close(m.column[i].value, mean[j], 4 * 1.42 * error);
        check_close(m.column[i].deviation, deviation[j], 0.15 * deviation[j]);
        check_close(m.column[i].high - m.column[i].low, 2 * 1.962 * m.column[i].deviation / sqrt(REPEATS),
                    0.01 * error);
        check_close(mx_mean(m.drops + i * REPEATS, REPEATS), m.column[i].value, 1e-12);
        assert_true(i == 0 || m.column[i].value <= m.column[i - 1].value);
    }
    merx_importances_release(&m);
    free(mean), free(deviation);
}

static void test_importance(void **state)
{
    const fixture *f = *state;
    check_importance(f, "linear", f->linear, f->values, "r2", "r2");
    check_importance(f, "linear", f->linear, f->values, "mae", "mae");
    check_importance(f, "logistic", f->logistic, f->classes, "auc", "auc");
    check_importance(f, "logistic", f->logistic, f->classes, "brier", "brier");
}

/*
 * Least squares on its own rows: shuffling x_j adds b_j^2 * 2 var(x_j) to the mean squared error, on average over shuffles (residuals are
 * orthogonal to x_j). So r2 drops by 2 b_j^2 var(x_j) / var(y).
 */
static void test_closed_form(void **state)
{
    const fixture *f = *state;
    merx_error err = {0};
    merx_importances m;
    merx_dependence d;
    check_ok(merx_model_permutation_importance(f->linear, f->values, &(merx_importance_options){.repeats = 2000}, NULL,
                                               &m, &err),
             err);
    assert_string_equal(m.metric, "r2");
    for (size_t i = 0; i < 3; i++) {
        size_t j = (size_t)(m.column[i].name[1] - '0');
        double xs[240], share = ((double)f->n - 1) / (double)f->n;
        for (size_t r = 0; r < f->n; r++)
            xs[r] = f->x[3 * r + j];
        /* The slope, out of the dependence on a grid of two values. */
        check_ok(merx_model_partial_dependence(
                     f->linear, f->values,
                     &(merx_dependence_options){.column = m.column[i].name, .values = (double[]){0, 1}, .n_values = 2},
                     NULL, &d, &err),
                 err);
        double b = d.average[1] - d.average[0];
        merx_dependence_release(&d);
        double wanted = 2 * b * b * mx_variance(xs, f->n) / mx_variance(f->y, f->n);
        check_close(m.column[i].value, wanted, 4 * m.column[i].deviation / sqrt(2000));
        check_close(share, 1, 0.01);
    }
    merx_importances_release(&m);
}

static void test_calibration(void **state)
{
    const fixture *f = *state;
    merx_error err = {0};
    size_t i;
    json_t *one, *golden = check_member(f->golden, "logistic");
    json_array_foreach(check_member(golden, "calibration"), i, one)
    {
        size_t bins, rows = 0;
        double *observed = check_doubles(one, "observed", &bins), *predicted = check_doubles(one, "predicted", NULL);
        double error = 0;
        merx_calibration c;
        merx_calibration_options options = {.bins = (size_t)check_number(one, "bins"),
                                            .uniform = json_is_true(check_member(one, "uniform"))};
        check_ok(merx_model_calibration(f->logistic, f->classes, &options, NULL, &c, &err), err);
        assert_int_equal(c.bins, bins);
        assert_string_equal(c.output, "yes");
        for (size_t b = 0; b < bins; b++) {
            check_close(c.bin[b].observed, observed[b], 1e-12);
            check_close(c.bin[b].predicted, predicted[b], 1e-6);
            assert_true(c.bin[b].low <= c.bin[b].observed && c.bin[b].observed <= c.bin[b].high);
            assert_true(c.bin[b].from <= c.bin[b].predicted && c.bin[b].predicted <= c.bin[b].to);
            rows += c.bin[b].rows;
            error += (double)c.bin[b].rows * fabs(observed[b] - predicted[b]);
        }
        assert_int_equal(rows, f->n);
        check_close(c.error.value, error / (double)f->n, 1e-6);
        check_close(c.brier.value, check_number(golden, "brier_score"), 1e-6);
        assert_true(c.brier.low < c.brier.value && c.brier.value < c.brier.high);
        /* The other class's curve is this one turned round. */
        merx_calibration other;
        options.output = "no";
        check_ok(merx_model_calibration(f->logistic, f->classes, &options, NULL, &other, &err), err);
        check_close(other.brier.value, c.brier.value, 1e-12);
        if (options.uniform)
            check_close(other.bin[0].observed, 1 - c.bin[c.bins - 1].observed, 1e-12);
        merx_calibration_release(&other);
        merx_calibration_release(&c);
        free(observed), free(predicted);
    }
}

/* A table and a matrix of the same numbers; columns alone or among others; samples. */
static void test_same(void **state)
{
    const fixture *f = *state;
    merx_error err = {0};
    merx_importances m, t, alone;
    merx_dependence d, e;
    merx_task *task, *other;
    check_ok(merx_task_new(NULL, &(merx_task_options){.threads = 2, .seed = 9}, &task, &err), err);
    check_ok(merx_task_new(NULL, &(merx_task_options){.threads = 1, .seed = 10}, &other, &err), err);
    check_ok(merx_model_permutation_importance(f->linear, f->values, NULL, task, &m, &err), err);
    check_ok(merx_model_permutation_importance(f->tabled, f->table, NULL, task, &t, &err), err);
    const char *const one[] = {"x1"};
    check_ok(merx_model_permutation_importance(
                 f->linear, f->values, &(merx_importance_options){.columns = one, .n_columns = 1}, task, &alone, &err),
             err);
    assert_int_equal(m.repeats, 5);
    assert_int_equal(alone.count, 1);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(m.column[i].name, t.column[i].name);
        check_close(m.column[i].value, t.column[i].value, 1e-9);
        if (strcmp(m.column[i].name, "x1") == 0)
            check_same_double(alone.column[0].value, m.column[i].value);
    }
    merx_importances_release(&alone), merx_importances_release(&t);
    check_ok(merx_model_permutation_importance(f->linear, f->values, NULL, other, &t, &err), err);
    assert_true(t.column[0].value != m.column[0].value);
    merx_importances_release(&t), merx_importances_release(&m);

    merx_dependence_options options = {.column = "x0", .points = 5, .max_rows = 50, .individuals = 7};
    check_ok(merx_model_partial_dependence(f->linear, f->values, &options, task, &d, &err), err);
    check_ok(merx_model_partial_dependence(f->tabled, f->table, &options, task, &e, &err), err);
    assert_int_equal(d.rows, 50);
    assert_int_equal(d.individuals, 7);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(d.row[i], e.row[i]);
        assert_true(d.row[i] < f->n && (i == 0 || d.row[i] > d.row[i - 1]));
        for (size_t k = 0; k < 5; k++)
            check_close(d.individual[i * 5 + k], e.individual[i * 5 + k], 1e-9);
    }
    merx_dependence_release(&e);
    check_ok(merx_model_partial_dependence(f->linear, f->values, &options, other, &e, &err), err);
    assert_true(memcmp(d.row, e.row, 7 * sizeof *d.row) != 0);
    merx_dependence_release(&d), merx_dependence_release(&e);
    merx_task_free(task), merx_task_free(other);
}

static void test_grids(void **state)
{
    static const char *const levels[] = {"unused", "b", "a"};
    (void)state;
    merx_error err = {0};
    merx_dataset *t;
    double number[40], same[40], y[40], gone[40];
    int32_t code[40];
    signed char flag[40];
    int64_t day[40];
    for (size_t i = 0; i < 40; i++) {
        number[i] = i % 9 == 4 ? NAN : (double)(i % 5);
        same[i] = 3;
        gone[i] = i < 20 ? (double)i : NAN;
        code[i] = i % 7 == 0 ? -1 : 1 + (int32_t)(i % 2);
        flag[i] = i % 3 == 0;
        day[i] = INT64_C(86400000) * (int64_t)(i % 4);
        y[i] = (double)(i % 5) + 2 * (double)(code[i] == 2) + (double)flag[i] + 0.01 * (double)i;
    }
    check_ok(merx_dataset_new_table(NULL, 40, &t, &err), err);
    check_ok(merx_dataset_add_numeric(t, "number", number, &err), err);
    check_ok(merx_dataset_add_numeric(t, "same", same, &err), err);
    check_ok(merx_dataset_add_numeric(t, "gone", gone, &err), err);
    check_ok(merx_dataset_add_categorical(t, "letter", code, levels, 3, &err), err);
    check_ok(merx_dataset_add_boolean(t, "flag", flag, &err), err);
    check_ok(merx_dataset_add_date(t, "day", day, &err), err);
    check_ok(merx_dataset_add_numeric(t, "y", y, &err), err);
    merx_model *model = fitted("ridge", t, "y", NULL, NULL, NULL, NULL);
    static const struct {
        const char *column;
        size_t points;
        const char *first, *last;
        double share;
    } wanted[] = {{"number", 5, "0", "4", 0.2},

                  {"letter", 2, "b", "a", 0.425},
                  {"flag", 2, "false", "true", 0.65},
                  {"day", 4, "1970-01-01", "1970-01-04", 0.25}};
    for (size_t i = 0; i < 4; i++) {
        merx_dependence d;
        check_ok(merx_model_partial_dependence(model, t,
                                               &(merx_dependence_options){.column = wanted[i].column, .individuals = 3},
                                               NULL, &d, &err),
                 err);
        assert_int_equal(d.points, wanted[i].points);
        check_contains(d.label[0], wanted[i].first);
        check_contains(d.label[d.points - 1], wanted[i].last);
        assert_non_null(d.share);
        check_close(d.share[0], wanted[i].share, 1e-12);
        merx_dependence_release(&d);
    }
    /* A column that was the same in training is not read; one that is the same in these rows has one point, and shuffling it does nothing. */
    merx_dependence d;
    merx_importances m;
    merx_dataset *part;
    const size_t threes[] = {3, 8, 18, 23};
    check_fails(merx_model_partial_dependence(model, t, &(merx_dependence_options){.column = "same"}, NULL, &d, &err),
                MERX_E_NOT_FOUND, err);
    check_ok(merx_dataset_take(t, threes, 4, &part, &err), err);
    check_ok(merx_model_partial_dependence(model, part, &(merx_dependence_options){.column = "number"}, NULL, &d, &err),
             err);
    assert_int_equal(d.points, 1);
    check_same_double(d.value[0], 3);
    merx_dependence_release(&d);
    check_ok(
        merx_model_permutation_importance(model, part, &(merx_importance_options){.metric = "mae"}, NULL, &m, &err),
        err);
    for (size_t i = 0; i < m.count; i++)
        if (strcmp(m.column[i].name, "number") == 0)
            check_same_double(m.column[i].value, 0);
    merx_importances_release(&m);
    merx_dataset_free(part);
    const size_t gaps[] = {20, 21};
    check_ok(merx_dataset_take(t, gaps, 2, &part, &err), err);
    check_fails(
        merx_model_partial_dependence(model, part, &(merx_dependence_options){.column = "gone"}, NULL, &d, &err),
        MERX_E_INVALID, err);
    merx_dataset_free(part);
    /* Quantiles: between order statistics. */
    check_ok(
        merx_model_partial_dependence(
            model, t, &(merx_dependence_options){.column = "gone", .points = 3, .low = 0, .high = 1}, NULL, &d, &err),
        err);
    assert_int_equal(d.points, 3);
    check_close(d.value[1], 9.5, 1e-12);
    assert_null(d.share);
    merx_dependence_release(&d);
    check_ok(merx_model_permutation_importance(model, t, &(merx_importance_options){.metric = "wape"}, NULL, &m, &err),
             err);
    assert_string_equal(m.column[0].name, "number");
    char *svg, *text;
    check_ok(merx_importances_svg(&m, &svg, &err), err);
    check_ok(merx_importances_text(&m, 80, &text, &err), err);
    check_contains(svg, "wape is");
    check_contains(text, "letter");
    merx_text_free(svg), merx_text_free(text);
    merx_importances_release(&m);
    merx_model_free(model);
    merx_dataset_free(t);
}

static void test_bad_input(void **state)
{
    const fixture *f = *state;
    merx_error err = {0};
    merx_importances m;
    merx_dependence d;
    merx_calibration c;
    const char *const twice[] = {"x1", "x1"};
    merx_model *unfitted, *clusters;
    check_ok(merx_model_new(NULL, "linear", &unfitted, &err), err);
    check_fails(merx_model_permutation_importance(unfitted, f->values, NULL, NULL, &m, &err), MERX_E_NOT_FITTED, err);
    check_fails(merx_model_calibration(unfitted, f->values, NULL, NULL, &c, &err), MERX_E_NOT_FITTED, err);
    merx_model_free(unfitted);

    assert_int_equal(merx_model_permutation_importance(f->linear, f->values, &(merx_importance_options){.metric = "r3"},
                                                       NULL, &m, &err),
                     MERX_E_NOT_FOUND);
    check_contains(err.message, "did you mean \"r2\"");
    merx_error_clear(&err);
    check_fails(merx_model_permutation_importance(f->linear, f->values, &(merx_importance_options){.metric = "auc"},
                                                  NULL, &m, &err),
                MERX_E_NOT_FOUND, err);
    check_fails(merx_model_permutation_importance(
                    f->linear, f->values, &(merx_importance_options){.columns = twice, .n_columns = 2}, NULL, &m, &err),
                MERX_E_EXISTS, err);
    check_fails(merx_model_permutation_importance(f->linear, f->values, &(merx_importance_options){.repeats = 10001},
                                                  NULL, &m, &err),
                MERX_E_RANGE, err);
    assert_null(m.memory);
    /* The target is missing in this one. */
    check_fails(merx_model_permutation_importance(f->linear, f->classes, NULL, NULL, &m, &err), MERX_E_NOT_FOUND, err);
    check_fails(merx_model_permutation_importance(f->linear, f->table, NULL, NULL, &m, &err), MERX_E_SHAPE, err);

    const struct {
        merx_dependence_options options;
        merx_status status;
    } bad[] = {{{.column = NULL}, MERX_E_INVALID},
               {{.column = "x9"}, MERX_E_NOT_FOUND},
               {{.column = "x0", .points = 1}, MERX_E_RANGE},
               {{.column = "x0", .points = 10001}, MERX_E_RANGE},
               {{.column = "x0", .low = 0.9, .high = 0.1}, MERX_E_RANGE},
               {{.column = "x0", .low = 0.1, .high = 1.5}, MERX_E_RANGE},
               {{.column = "x0", .low = NAN, .high = 0.5}, MERX_E_RANGE},
               {{.column = "x0", .output = "z"}, MERX_E_NOT_FOUND},
               {{.column = "x0", .values = (const double[]){1, 1}, .n_values = 2}, MERX_E_INVALID},
               {{.column = "x0", .values = (const double[]){1, NAN}, .n_values = 2}, MERX_E_INVALID}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        check_fails(merx_model_partial_dependence(f->linear, f->values, &bad[i].options, NULL, &d, &err), bad[i].status,
                    err);
        assert_null(d.memory);
    }
    check_fails(merx_model_calibration(f->linear, f->values, NULL, NULL, &c, &err), MERX_E_UNSUPPORTED, err);
    check_fails(merx_model_calibration(f->logistic, f->classes, &(merx_calibration_options){.bins = 1}, NULL, &c, &err),
                MERX_E_RANGE, err);
    check_fails(
        merx_model_calibration(f->logistic, f->classes, &(merx_calibration_options){.output = "yess"}, NULL, &c, &err),
        MERX_E_NOT_FOUND, err);
    /* No rows; one class only, of which no curve can be drawn. */
    merx_dataset *none, *ones;
    size_t rows[240], count = 0;
    for (size_t i = 0; i < f->n; i++)
        if (f->labels[i] == 1)
            rows[count++] = i;
    check_ok(merx_dataset_take(f->classes, rows, 0, &none, &err), err);
    check_ok(merx_dataset_take(f->classes, rows, count, &ones, &err), err);
    check_fails(merx_model_permutation_importance(f->logistic, none, NULL, NULL, &m, &err), MERX_E_INVALID, err);
    check_fails(merx_model_calibration(f->logistic, none, NULL, NULL, &c, &err), MERX_E_INVALID, err);
    check_fails(merx_model_permutation_importance(f->logistic, ones, NULL, NULL, &m, &err), MERX_E_NUMERIC, err);
    merx_dataset_free(none), merx_dataset_free(ones);
    clusters = fitted("kmeans", f->table, NULL, "clusters", "3", NULL, NULL);
    check_fails(merx_model_calibration(clusters, f->table, NULL, NULL, &c, &err), MERX_E_UNSUPPORTED, err);
    merx_model_free(clusters);
}

static int group_set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    set_up(f);
    *state = f;
    return 0;
}

static int group_tear_down(void **state)
{
    tear_down(*state);
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dependence),  cmocka_unit_test(test_importance), cmocka_unit_test(test_closed_form),
        cmocka_unit_test(test_calibration), cmocka_unit_test(test_same),       cmocka_unit_test(test_grids),
        cmocka_unit_test(test_bad_input),
    };
    return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
