/*
 * Looking into models of every family: importance, dependence and calibration give the same bits on any number of threads, bound by the family's
 * tags; they leave the data as it was; cancel works; each allocation may fail.
 */
#include "contract/model_subjects.h"
#include "merx/inspect.h"

enum { ROWS = 200 };

static bool looked_at(const subject *s)
{
    return s->shape != MERX_SHAPE_SPARSE && !has_tag(s, MERX_RANKS);
}

static const char *usual_metric(const subject *s)
{
    return has_tag(s, MERX_CLUSTERS) ? "inertia" : has_tag(s, MERX_CLASSIFIES) ? "accuracy" : "r2";
}

static void test_results(const subject *s)
{
    merx_error err = {0};
    merx_dataset *data;
    merx_model *model;
    merx_importances m, again;
    merx_dependence d, same;
    merx_calibration c;
    check_ok(make_data(s, ROWS, NULL, &data, &err), err);
    new_fitted(s, data, NULL, &model);
    if (!looked_at(s)) {
        assert_int_not_equal(merx_model_permutation_importance(model, data, NULL, NULL, &m, &err), MERX_OK);
        assert_true(err.message[0] != '\0');
        merx_error_clear(&err);
        assert_null(m.memory);
        assert_int_not_equal(
            merx_model_partial_dependence(model, data, &(merx_dependence_options){.column = "a"}, NULL, &d, &err),
            MERX_OK);
        merx_error_clear(&err);
        check_fails(merx_model_calibration(model, data, NULL, NULL, &c, &err), MERX_E_UNSUPPORTED, err);
        merx_model_free(model);
        merx_dataset_free(data);
        return;
    }
    merx_task *one, *two;
    check_ok(merx_task_new(NULL, &(merx_task_options){.threads = 1, .seed = 4}, &one, &err), err);
    check_ok(merx_task_new(NULL, &(merx_task_options){.threads = 3, .seed = 4}, &two, &err), err);
    const merx_importance_options options = {.metric = usual_metric(s), .repeats = 3};
    check_ok(merx_model_permutation_importance(model, data, &options, one, &m, &err), err);
    check_ok(merx_model_permutation_importance(model, data, &options, two, &again, &err), err);
    assert_true(m.count >= 2 && m.count == again.count && m.rows == ROWS);
    double most = 0;
    for (size_t i = 0; i < m.count; i++) {
        assert_string_equal(m.column[i].name, again.column[i].name);
        check_same_double(m.column[i].value, again.column[i].value);
        assert_true(m.column[i].low <= m.column[i].value && m.column[i].value <= m.column[i].high);
        assert_string_not_equal(m.column[i].name, "words");
        most = fmax(most, m.column[i].value);
    }
    assert_true(most > 0);
    merx_metrics metrics;
    check_ok(merx_model_evaluate(model, data, NULL, &metrics, &err), err);
    bool found = false;
    for (size_t i = 0; i < metrics.count; i++)
        if (strcmp(metrics.metric[i].name, usual_metric(s)) == 0) {
            check_relative(m.score, metrics.metric[i].value, 1e-12);
            found = true;
        }
    assert_true(found);
    static const char *const tabled[] = {"a", "b", "colour", "flag", "day"}, *const plain[] = {"a", "b"};
    bool table = s->shape == MERX_SHAPE_TABLE;
    const char *const *columns = table ? tabled : plain;
    for (size_t i = 0; i < (table ? 5 : 2); i++) {
        const merx_dependence_options grid = {.column = columns[i], .points = 6, .individuals = 4};
        check_ok(merx_model_partial_dependence(model, data, &grid, one, &d, &err), err);
        check_ok(merx_model_partial_dependence(model, data, &grid, two, &same, &err), err);
        assert_true(d.points >= 2 && d.points == same.points && d.individuals == 4);
        for (size_t k = 0; k < d.points; k++) {
            check_same_double(d.average[k], same.average[k]);
            assert_true(isfinite(d.average[k]) && d.low[k] <= d.high[k]);
        }
        char *svg, *text;
        check_ok(merx_dependence_svg(&d, &svg, &err), err);
        check_ok(merx_dependence_text(&d, 80, &text, &err), err);
        check_contains(svg, "</svg>");
        check_contains(text, columns[i]);
        merx_text_free(svg), merx_text_free(text);
        merx_dependence_release(&d), merx_dependence_release(&same);
    }
    if (has_tag(s, MERX_CLASSIFIES)) {
        check_ok(merx_model_calibration(model, data, NULL, one, &c, &err), err);
        assert_true(c.bins >= 2 && c.rows == ROWS && c.output[0] == '\0');
        char *svg, *text;
        check_ok(merx_calibration_svg(&c, &svg, &err), err);
        check_ok(merx_calibration_text(&c, 80, &text, &err), err);
        check_contains(svg, "the most probable class");
        check_contains(text, "Brier");
        merx_text_free(svg), merx_text_free(text);
        merx_calibration_release(&c);
    } else
        check_fails(merx_model_calibration(model, data, NULL, NULL, &c, &err), MERX_E_UNSUPPORTED, err);
    /* Cancelled before it began. */
    merx_importances none;
    merx_task_cancel(two);
    check_fails(merx_model_permutation_importance(model, data, &options, two, &none, &err), MERX_E_CANCELLED, err);
    assert_null(none.memory);
    check_fails(
        merx_model_partial_dependence(model, data, &(merx_dependence_options){.column = columns[0]}, two, &d, &err),
        MERX_E_CANCELLED, err);
    /* The data are as they were. */
    check_ok(merx_model_permutation_importance(model, data, &options, one, &none, &err), err);
    check_same_double(none.score, m.score);
    check_same_double(none.column[0].value, m.column[0].value);
    merx_importances_release(&none);
    merx_importances_release(&m), merx_importances_release(&again);
    merx_task_free(one), merx_task_free(two);
    merx_model_free(model);
    merx_dataset_free(data);
}

typedef struct story {
    const subject *s;
    const char *file;
} story;

static merx_status look(const story *st, const merx_model *model, const merx_dataset *data, merx_task *task,
                        merx_error *err)
{
    merx_importances m;
    merx_dependence d;
    merx_calibration c;
    char *svg;
    merx_status status;
    bool table = st->s->shape == MERX_SHAPE_TABLE;
    const char *const columns[] = {"a"};
    MX_TRY(merx_model_permutation_importance(
        model, data, &(merx_importance_options){.repeats = 1, .max_rows = 40, .columns = columns, .n_columns = 1}, task,
        &m, err));
    status = merx_importances_svg(&m, &svg, err);
    merx_text_free(svg);
    merx_importances_release(&m);
    MX_TRY(status);
    MX_TRY(merx_model_partial_dependence(
        model, data, &(merx_dependence_options){.column = table ? "colour" : "b", .max_rows = 40, .individuals = 2},
        task, &d, err));
    status = merx_dependence_svg(&d, &svg, err);
    merx_text_free(svg);
    merx_dependence_release(&d);
    MX_TRY(status);
    if (!has_tag(st->s, MERX_CLASSIFIES))
        return MERX_OK;
    MX_TRY(merx_model_calibration(model, data, &(merx_calibration_options){.bins = 2}, task, &c, err));
    status = merx_calibration_svg(&c, &svg, err);
    merx_text_free(svg);
    merx_calibration_release(&c);
    return status;
}

static merx_status whole(const merx_allocator *alloc, void *context, merx_error *err)
{
    const story *st = context;
    merx_dataset *data = NULL;
    merx_model *model = NULL;
    merx_task *task = NULL;
    merx_status status;
    MX_TRY_GOTO(merx_task_new(alloc, NULL, &task, err));
    MX_TRY_GOTO(make_data(st->s, 60, alloc, &data, err));
    MX_TRY_GOTO(merx_model_load(alloc, st->file, &model, err));
    MX_TRY_GOTO(look(st, model, data, task, err));
out:
    merx_model_free(model);
    merx_dataset_free(data);
    merx_task_free(task);
    return status;
}

static void test_allocations(const subject *s)
{
    if (!looked_at(s))
        return;
    merx_error err = {0};
    merx_dataset *data;
    merx_model *model;
    char path[300];
    snprintf(path, sizeof path, "%s/inspected.merx", folder);
    check_ok(make_data(s, 60, NULL, &data, &err), err);
    new_fitted(s, data, NULL, &model);
    check_ok(merx_model_save(model, path, &err), err);
    merx_model_free(model);
    merx_dataset_free(data);
    story st = {s, path};
    check_every_allocation(whole, &st);
}

EACH(test_results)
EACH(test_allocations)

int main(void)
{
    check_make_folder(folder);
    const struct CMUnitTest tests[] = {cmocka_unit_test(run_test_results), cmocka_unit_test(run_test_allocations)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    check_remove_folder(folder);
    return failed;
}
