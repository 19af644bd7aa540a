/*
 * Every family of this build through merx_model on a small data set: fit twice is fit once, 1 thread is 8 threads, reasons sum to the
 * score, save and load give the same bits, a failed fit keeps the old model, every allocation fails in turn.
 */
#include "base/random.h"
#include "merx/model.h"
#include "support/check.h"

enum { ROWS = 160, ITEMS = 20 };

static merx_dataset *table(const merx_allocator *alloc, merx_error *err)
{
    merx_dataset *t = NULL;
    static double size[ROWS], price[ROWS], weight[ROWS], y[ROWS];
    static int32_t color[ROWS], kind[ROWS];
    static const char *const colors[] = {"red", "green", "blue"}, *const kinds[] = {"cheap", "middling", "dear"};
    mx_random random;
    mx_random_init(&random, 77, 0);
    for (size_t i = 0; i < ROWS; i++) {
        color[i] = (int32_t)mx_random_below(&random, 3);
        size[i] = i % 37 == 5 ? (double)NAN : mx_random_normal(&random) * 3 + 10;
        price[i] = mx_random_normal(&random) + color[i];
        weight[i] = 1 + (double)mx_random_below(&random, 3);
        y[i] = 2 * price[i] + (isnan(size[i]) ? 0 : size[i]) + mx_random_normal(&random);
        kind[i] = y[i] + mx_random_normal(&random) < 10 ? 0 : y[i] + mx_random_normal(&random) < 14 ? 1 : 2;
    }
    if (merx_dataset_new_table(alloc, ROWS, &t, err) != MERX_OK ||
        merx_dataset_add_numeric(t, "size", size, err) != MERX_OK ||
        merx_dataset_add_numeric(t, "price", price, err) != MERX_OK ||
        merx_dataset_add_numeric(t, "weight", weight, err) != MERX_OK ||
        merx_dataset_add_categorical(t, "color", color, colors, 3, err) != MERX_OK ||
        merx_dataset_add_numeric(t, "y", y, err) != MERX_OK ||
        merx_dataset_add_categorical(t, "kind", kind, kinds, 3, err) != MERX_OK) {
        merx_dataset_free(t);
        return NULL;
    }
    return t;
}

static merx_dataset *matrix(const merx_allocator *alloc, merx_error *err)
{
    static int64_t starts[ROWS + 1];
    static int32_t indices[ROWS * ITEMS];
    mx_random random;
    mx_random_init(&random, 78, 0);
    int64_t at = 0;
    for (size_t u = 0; u < ROWS; u++) {
        for (int32_t i = 0; i < ITEMS; i++)
            if (mx_random_uniform(&random) < ((int32_t)u % 3 == i % 3 ? 0.4 : 0.05))
                indices[at++] = i;
        starts[u + 1] = at;
    }
    merx_dataset *m = NULL;
    return merx_dataset_from_csr(alloc, ROWS, ITEMS, starts, indices, NULL, &m, err) == MERX_OK ? m : NULL;
}

static merx_dataset *data_for(const merx_family_info *info, const merx_allocator *alloc, merx_error *err)
{
    return info->tags & MERX_TAKES_TABLE ? table(alloc, err) : matrix(alloc, err);
}

static merx_fit_columns columns_for(const merx_family_info *info)
{
    static const char *const not_kind[] = {"kind"}, *const not_y[] = {"y"}, *const neither[] = {"y", "kind"};
    if (!(info->tags & MERX_TAKES_TABLE))
        return (merx_fit_columns){0};
    const char *weight = info->tags & MERX_SUPPORTS_WEIGHTS ? "weight" : NULL;
    if (info->tags & MERX_REGRESSES)
        return (merx_fit_columns){.target = "y", .weight = weight, .ignore = not_kind, .n_ignore = 1};
    if (info->tags & MERX_CLASSIFIES)
        return (merx_fit_columns){.target = "kind", .weight = weight, .ignore = not_y, .n_ignore = 1};
    return (merx_fit_columns){.weight = weight, .ignore = neither, .n_ignore = 2};
}

/* Fits, predicts, explains, describes; the prediction is returned. */
static merx_status run(const merx_family_info *info, const merx_allocator *alloc, int threads, const char *save_to,
                       merx_prediction *p, merx_error *err)
{
    merx_status status = MERX_OK;
    merx_task *task = NULL;
    merx_model *model = NULL;
    merx_dataset *data = NULL;
    char *text = NULL;
    merx_fit_columns columns = columns_for(info);
    MX_TRY_GOTO(merx_task_new(alloc, &(merx_task_options){.threads = threads, .seed = 6}, &task, err));
    MX_TRY_GOTO(merx_model_new(alloc, info->name, &model, err));
    data = data_for(info, alloc, err);
    if (data == NULL)
        MX_FAIL_GOTO(err, MERX_E_MEMORY, "", "no memory");
    if (strcmp(info->name, "als") == 0)
        MX_TRY_GOTO(merx_model_set(model, "factors", "7", err));
    MX_TRY_GOTO(merx_model_fit(model, data, &columns, task, err));
    MX_TRY_GOTO(merx_model_predict(model, data, task, p, err));
    MX_TRY_GOTO(merx_model_describe(model, &text, err));
    if (save_to != NULL)
        MX_TRY_GOTO(merx_model_save(model, save_to, err));
    for (size_t row = 0; row < ROWS && status == MERX_OK; row += 83)
        for (int output = -1; output < (int)p->outputs && output < 4; output++) {
            merx_explanation e = {0};
            MX_TRY_GOTO(merx_model_explain(model, data, row, output, &e, err));
            double sum = e.base;
            for (size_t j = 0; j < e.count; j++)
                sum += e.contributions[j].contribution;
            check_relative(sum, e.score, 1e-9);
            if (info->tags & MERX_REGRESSES)
                check_relative(e.score, p->values[row], 1e-9);
            if (info->tags & MERX_RANKS && output >= 0)
                check_close(e.score, p->values[row * p->outputs + (size_t)output], 1e-12);
            if (info->tags & MERX_CLASSIFIES && output >= 0) {
                /* centred logit: log p less the mean of log p */
                const double *q = p->values + row * p->outputs;
                double mean = 0;
                for (size_t c = 0; c < p->outputs; c++)
                    mean += log(q[c]) / (double)p->outputs;
                check_close(e.score, log(q[output]) - mean, 1e-9);
            }
            merx_explanation_release(&e);
        }
out:
    merx_text_free(text);
    merx_dataset_free(data);
    merx_model_free(model);
    merx_task_free(task);
    return status;
}

static void test_same_bits(void **state)
{
    (void)state;
    merx_error err = {0};
    char folder[256], a[300], b[300];
    check_make_folder(folder);
    snprintf(a, sizeof a, "%s/a", folder);
    snprintf(b, sizeof b, "%s/b", folder);
    size_t families = 0;
    const merx_family_info *info;
    for (; (info = merx_family_at(families)) != NULL; families++) {
        print_message("  %s\n", info->name);
        merx_prediction one = {0}, eight = {0}, loaded = {0};
        check_ok(run(info, NULL, 1, a, &one, &err), err);
        check_ok(run(info, NULL, 8, b, &eight, &err), err);
        assert_int_equal(one.outputs, eight.outputs);
        assert_memory_equal(one.values, eight.values, ROWS * one.outputs * sizeof(double));
        size_t size_a, size_b;
        char *bytes_a = check_read_file(a, &size_a), *bytes_b = check_read_file(b, &size_b);
        assert_int_equal(size_a, size_b);
        assert_memory_equal(bytes_a, bytes_b, size_a);
        free(bytes_a), free(bytes_b);
        merx_model *model = NULL;
        check_ok(merx_model_load(NULL, a, &model, &err), err);
        merx_dataset *data = data_for(info, NULL, &err);
        check_ok(merx_model_predict(model, data, NULL, &loaded, &err), err);
        assert_memory_equal(one.values, loaded.values, ROWS * one.outputs * sizeof(double));
        if (one.labels != NULL)
            assert_memory_equal(one.labels, loaded.labels, ROWS * sizeof(int32_t));
        /* A cancelled fit keeps what was there. */
        merx_task *task = NULL;
        check_ok(merx_task_new(NULL, NULL, &task, &err), err);
        merx_task_cancel(task);
        merx_fit_columns columns = columns_for(info);
        check_fails(merx_model_fit(model, data, &columns, task, &err), MERX_E_CANCELLED, err);
        assert_true(merx_model_is_fitted(model));
        merx_task_free(task);
        merx_dataset_free(data);
        merx_model_free(model);
        merx_prediction_release(&one);
        merx_prediction_release(&eight);
        merx_prediction_release(&loaded);
    }
    assert_true(families >= 5);
    check_remove_folder(folder);
}

static merx_status scenario(const merx_allocator *alloc, void *context, merx_error *err)
{
    merx_prediction p = {0};
    merx_status status = run(context, alloc, 1, NULL, &p, err);
    merx_prediction_release(&p);
    return status;
}

static void test_every_allocation(void **state)
{
    (void)state;
    static const char *const names[] = {"linear",           "ridge", "elastic_net", "logistic", "kmeans",
                                        "minibatch_kmeans", "als"};
    for (size_t i = 0; i < 6; i++) {
        merx_family_info info = *merx_family_find(names[i]);
        check_every_allocation(scenario, &info);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
