/*
 * The model contract: every family of the registry keeps the same promises. A family is tried on each shape of data it takes.
 *
 * Every option changes something; save and load give the same bits; reasons add up; bad input is refused with a message and keeps the old
 * model; cancel works; a damaged or newer file is refused; each allocation may fail. The same bits from any number of threads and any
 * subset of rows: test_models_bits.c.
 */
#include "contract/model_subjects.h"
#include "io/tensor_file.h"

static void test_not_fitted(const subject *s)
{
    merx_error err = {0};
    merx_model *model;
    merx_dataset *data;
    merx_prediction p;
    merx_explanation e;
    merx_metrics m;
    char *text;
    check_ok(make_data(s, 200, NULL, &data, &err), err);
    check_ok(new_model(s, NULL, &model, &err), err);
    assert_false(merx_model_is_fitted(model));
    assert_ptr_equal(merx_model_family(model), merx_family_find(s->family->info.name));
    check_fails(merx_model_predict(model, data, NULL, &p, &err), MERX_E_NOT_FITTED, err);
    check_fails(merx_model_explain(model, data, 0, -1, &e, &err), MERX_E_NOT_FITTED, err);
    check_fails(merx_model_save(model, "/nowhere/x", &err), MERX_E_NOT_FITTED, err);
    check_fails(merx_model_evaluate(model, data, NULL, &m, &err), MERX_E_NOT_FITTED, err);
    check_ok(merx_model_describe(model, &text, &err), err);
    check_contains(text, "not fitted");
    merx_text_free(text);
    check_fails(merx_model_set(model, "no_such_option", "1", &err), MERX_E_NOT_FOUND, err);
    merx_model_free(model);
    merx_dataset_free(data);
}

/* Whether two models differ in a tensor (metadata hold the options themselves, so they don't count) or in how they describe themselves. */
static bool differ(const merx_model *a, const merx_model *b)
{
    merx_error err = {0};
    size_t n, m;
    char *x = saved_bytes(a, &n), *y = saved_bytes(b, &m), *p, *q;
    check_ok(merx_model_describe(a, &p, &err), err);
    check_ok(merx_model_describe(b, &q, &err), err);
    bool different = strcmp(p, q) != 0;
    merx_text_free(p), merx_text_free(q);
    mx_tensor_file *f, *g;
    check_ok(mx_tensor_file_memory(x, n, "a", NULL, true, &f, &err), err);
    check_ok(mx_tensor_file_memory(y, m, "b", NULL, true, &g, &err), err);
    different |= mx_tensor_file_count(f) != mx_tensor_file_count(g);
    for (size_t i = 0; !different && i < mx_tensor_file_count(f); i++) {
        const mx_tensor *t = mx_tensor_file_at(f, i), *u = mx_tensor_file_at(g, i);
        different = strcmp(t->name, u->name) != 0 || t->size_bytes != u->size_bytes ||
                    memcmp(t->data, u->data, t->size_bytes) != 0;
    }
    mx_tensor_file_close(f), mx_tensor_file_close(g);
    free(x), free(y);
    return different;
}

static size_t other_values(const merx_option *o, char values[][64])
{
    size_t count = 0;
    double standard = o->value != NULL ? atof(o->value) : 1;
    static const double factors[] = {2, 0.5, 10, 0.01, 0};
    switch (o->type) {
    case MERX_OPTION_BOOL:
        snprintf(values[count++], 64, "%s", o->value != NULL && strcmp(o->value, "true") == 0 ? "false" : "true");
        break;
    case MERX_OPTION_CHOICE:
        for (const char *at = o->choices; *at != '\0' && count < 6;) {
            size_t size = strcspn(at, "|");
            snprintf(values[count++], 64, "%.*s", (int)size, at);
            at += size + (at[size] == '|');
        }
        break;
    case MERX_OPTION_INT:
        for (size_t k = 0; k < 5; k++)
            snprintf(values[count++], 64, "%lld", (long long)(k < 4 ? standard * factors[k] + (k == 0) : o->min));
        break;
    case MERX_OPTION_REAL:
        for (size_t k = 0; k < 5; k++)
            snprintf(values[count++], 64, "%.6g", standard * factors[k] + (k < 2 ? 0.25 : 0));
        break;
    default:
        snprintf(values[count++], 64, "b");
        snprintf(values[count++], 64, "balanced");
    }
    return count;
}

/* Options that show only together with another. */
static const struct {
    const char *family, *option, *with, *value;
} together[] = {
    {"additive", "loss", "log_columns", "y"},
    {"kmeans", "choose", "clusters", "0"},
    {"kmeans", "least_clusters", "clusters", "0"},
    {"kmeans", "most_clusters", "clusters", "0"},
    {"minibatch_kmeans", "choose", "clusters", "0"},
    {"minibatch_kmeans", "least_clusters", "clusters", "0"},
    {"minibatch_kmeans", "most_clusters", "clusters", "0"},
    {"minibatch_kmeans", "patience", "batch_size", "50"},
    {"network", "patience", "epochs", "100"},
    {"network_regressor", "patience", "epochs", "100"},
};

/* Sets what the option needs beside it; whether there is such a thing. */
static bool set_together(merx_model *model, const char *option)
{
    merx_error err = {0};
    for (size_t i = 0; i < sizeof together / sizeof *together; i++)
        if (strcmp(together[i].family, merx_model_family(model)->name) == 0 &&
            strcmp(together[i].option, option) == 0) {
            check_ok(merx_model_set(model, together[i].with, together[i].value, &err), err);
            return true;
        }
    return false;
}

/* Whether some other value of the option changes what is fitted. */
static bool option_changes(const subject *s, const merx_model *model, const merx_option *o, const merx_dataset *data)
{
    merx_error err = {0};
    merx_model *base, *other;
    char values[8][64];
    size_t count = other_values(o, values);
    bool changed = false;
    check_ok(new_model(s, NULL, &base, &err), err);
    bool beside = set_together(base, o->name);
    if (beside)
        check_ok(fit(s, base, data, NULL, &err), err);
    for (size_t k = 0; k < count && !changed; k++) {
        check_ok(new_model(s, NULL, &other, &err), err);
        (void)set_together(other, o->name);
        if (merx_model_set(other, o->name, values[k], &err) == MERX_OK) {
            merx_status status = fit(s, other, data, NULL, &err);
            /* A bound that refuses the data is heard, too. */
            changed = status == MERX_E_LIMIT || (status == MERX_OK && differ(beside ? base : model, other));
        }
        merx_error_clear(&err);
        merx_model_free(other);
    }
    merx_model_free(base);
    return changed;
}

static void test_every_option(const subject *s)
{
    merx_error err = {0};
    merx_dataset *data;
    merx_model *model;
    if (s->shape != MERX_SHAPE_TABLE && has_tag(s, MERX_TAKES_TABLE))
        return; /* tried on the table; the pipeline's options are for tables alone */
    check_ok(make_data(s, 300, NULL, &data, &err), err);
    new_fitted(s, data, NULL, &model);
    for (const merx_option *o = merx_options_table(merx_model_options(model)); o->name != NULL; o++) {
        assert_non_null(o->text);
        for (const merx_option *before = merx_options_table(merx_model_options(model)); before < o; before++)
            assert_string_not_equal(before->name, o->name);
        /* What stands in a file is tested with the family that reads it. */
        if (strstr(o->name, "_file") == NULL && strcmp(o->name, "spec") != 0 && !option_changes(s, model, o, data))
            check_die(__FILE__, __LINE__, "%s: option %s changes nothing", s->family->info.name, o->name);
    }
    merx_model_free(model);
    merx_dataset_free(data);
}

static void check_adds_up(const merx_explanation *e)
{
    double sum = e->base, size = fabs(e->base);
    for (size_t i = 0; i < e->count; i++) {
        sum += e->contributions[i].contribution;
        size = fmax(size, fabs(e->contributions[i].contribution));
        if (i > 0)
            assert_true(fabs(e->contributions[i - 1].contribution) >= fabs(e->contributions[i].contribution));
        assert_true(e->contributions[i].name[0] != '\0' && e->contributions[i].value != NULL);
    }
    check_close(sum, e->score, 1e-6 * fmax(size, fabs(e->score)));
}

static void test_reasons(const subject *s)
{
    merx_error err = {0};
    merx_dataset *data;
    merx_model *model;
    merx_prediction p;
    merx_explanation e;
    check_ok(make_data(s, 300, NULL, &data, &err), err);
    new_fitted(s, data, NULL, &model);
    check_ok(merx_model_predict(model, data, NULL, &p, &err), err);
    double largest = 0;
    for (size_t row = 0; row < 300; row += 7) {
        check_ok(merx_model_explain(model, data, row, -1, &e, &err), err);
        check_adds_up(&e);
        for (size_t i = 0; i < e.count; i++)
            largest = fmax(largest, fabs(e.contributions[i].contribution));
        if (p.labels != NULL)
            assert_string_equal(e.output, p.names[p.labels[row]]);
        merx_explanation_release(&e);
        for (size_t k = 0; k < p.outputs && k < 5; k++) {
            check_ok(merx_model_explain(model, data, row, (int)k, &e, &err), err);
            check_adds_up(&e);
            assert_string_equal(e.output, p.names[k]);
            check_same_double(e.prediction, p.values[row * p.outputs + k]);
            if (has_tag(s, MERX_REGRESSES))
                check_relative(e.score, p.values[row * p.outputs + k], 1e-9);
            merx_explanation_release(&e);
        }
    }
    assert_true(largest > 0);
    check_fails(merx_model_explain(model, data, 300, -1, &e, &err), MERX_E_RANGE, err);
    check_fails(merx_model_explain(model, data, 0, (int)p.outputs, &e, &err), MERX_E_RANGE, err);
    check_fails(merx_model_explain(model, data, 0, -2, &e, &err), MERX_E_RANGE, err);
    merx_prediction_release(&p);
    merx_model_free(model);
    merx_dataset_free(data);
}

typedef struct tensors_seen {
    const mx_tensor_file *file;
    size_t count;
    bool stop;
} tensors_seen;

/* The next tensor of the file, to the bit. */
static merx_status see_tensor(void *context, const merx_tensor *tensor, merx_error *err)
{
    tensors_seen *seen = context;
    if (seen->stop)
        MX_FAIL(err, MERX_E_CANCELLED, "", "enough");
    const mx_tensor *kept = mx_tensor_file_at(seen->file, seen->count++);
    assert_string_equal(tensor->name, kept->name);
    assert_string_equal(tensor->dtype, mx_dtype_name(kept->dtype));
    assert_int_equal(tensor->dims, kept->dims);
    for (int k = 0; k < kept->dims; k++)
        assert_int_equal(tensor->shape[k], kept->shape[k]);
    assert_int_equal(tensor->size_bytes, kept->size_bytes);
    if (kept->size_bytes > 0)
        assert_memory_equal(tensor->data, kept->data, kept->size_bytes);
    return MERX_OK;
}

static void test_files(const subject *s)
{
    merx_error err = {0};
    merx_dataset *data;
    merx_model *model, *loaded;
    merx_prediction p, q;
    merx_explanation e, f;
    merx_metrics m = {.count = 1, .rows = 9, .metric = {{"figure", 0.5, 0.25, NAN, true}}};
    char path[300], cut[300], *text, *other;
    size_t size;
    check_ok(make_data(s, 200, NULL, &data, &err), err);
    merx_task *task;
    check_ok(merx_task_new(NULL, &(merx_task_options){.threads = 1, .seed = 77}, &task, &err), err);
    new_fitted(s, data, task, &model);
    merx_task_free(task);
    snprintf(path, sizeof path, "%s/model.merx", folder);
    snprintf(cut, sizeof cut, "%s/cut.merx", folder);
    check_ok(merx_model_note_metrics(model, &m, &err), err);
    check_ok(merx_model_save(model, path, &err), err);
    check_ok(merx_model_load(NULL, path, &loaded, &err), err);
    check_same_bytes(loaded, model, "loaded");
    check_ok(merx_model_predict(model, data, NULL, &p, &err), err);
    check_ok(merx_model_predict(loaded, data, NULL, &q, &err), err);
    check_same_predictions(&q, &p, "loaded");
    for (size_t row = 0; row < 200; row += 17) {
        check_ok(merx_model_explain(model, data, row, -1, &e, &err), err);
        check_ok(merx_model_explain(loaded, data, row, -1, &f, &err), err);
        assert_int_equal(e.count, f.count);
        check_same_double(e.score, f.score);
        for (size_t i = 0; i < e.count; i++)
            check_same_double(e.contributions[i].contribution, f.contributions[i].contribution);
        merx_explanation_release(&e), merx_explanation_release(&f);
    }
    check_ok(merx_model_describe(model, &text, &err), err);
    check_ok(merx_model_describe(loaded, &other, &err), err);
    assert_string_equal(text, other);
    check_contains(text, "seed: 77");
    check_contains(text, "figure: 0.5");
    merx_text_free(text), merx_text_free(other);
    /* The loaded model can be fitted again and gives the same but for metrics and seed. */
    check_ok(fit(s, loaded, data, NULL, &err), err);
    merx_prediction_release(&p), merx_prediction_release(&q);
    merx_model_free(loaded);

    mx_tensor_file *file;
    check_ok(mx_tensor_file_open(path, NULL, true, &file, &err), err);
    /* The same in memory, and tensor by tensor. */
    void *in_memory;
    check_ok(merx_model_to_bytes(model, &in_memory, &size, &err), err);
    char *on_disk = check_read_file(path, &(size_t){0});
    assert_memory_equal(in_memory, on_disk, size);
    free(on_disk);
    check_ok(merx_model_from_bytes(NULL, in_memory, size, &loaded, &err), err);
    check_same_bytes(loaded, model, "from bytes");
    merx_model_free(loaded);
    check_fails(merx_model_from_bytes(NULL, in_memory, size / 2, &loaded, &err), MERX_E_CORRUPT, err);
    assert_null(loaded);
    merx_bytes_free(in_memory, size);
    tensors_seen seen = {.file = file};
    check_ok(merx_model_each_tensor(model, see_tensor, &seen, &err), err);
    assert_int_equal(seen.count, mx_tensor_file_count(file));
    seen = (tensors_seen){.file = file, .stop = true};
    check_fails(merx_model_each_tensor(model, see_tensor, &seen, &err), MERX_E_CANCELLED, err);
    size_t outputs = merx_model_outputs(model);
    assert_true(outputs > 0 && merx_model_output(model, outputs - 1) != NULL);
    assert_null(merx_model_output(model, outputs));

    assert_string_equal(mx_tensor_file_meta(file, "family"), s->family->info.name);
    assert_string_equal(mx_tensor_file_meta(file, "merx_version"), merx_version());
    assert_string_equal(mx_tensor_file_meta(file, "seed"), "77");
    assert_string_equal(mx_tensor_file_meta(file, "rows"), "200");
    static const char *const json[] = {"options", "data", "metrics"};
    for (size_t i = 0; i < 3; i++) {
        json_t *value = json_loads(mx_tensor_file_meta(file, json[i]), 0, NULL);
        assert_true(json_is_object(value));
        json_decref(value);
    }
    mx_tensor_file_close(file);

    char *bytes = check_read_file(path, &size);
    for (size_t k = 0; k < 40; k++) {
        check_write_file(cut, bytes, size * k / 40);
        check_fails(merx_model_load(NULL, cut, &loaded, &err), MERX_E_CORRUPT, err);
        assert_null(loaded);
    }
    for (size_t k = 0; k < 60; k++) { /* one bit flipped: refused, or (in the header's text) still a sane model */
        size_t at = size * k / 60;
        bytes[at] ^= 4;
        check_write_file(cut, bytes, size);
        if (merx_model_load(NULL, cut, &loaded, &err) == MERX_OK) {
            if (merx_model_predict(loaded, data, NULL, &p, &err) == MERX_OK)
                merx_prediction_release(&p);
            merx_model_free(loaded);
        }
        merx_error_clear(&err);
        bytes[at] ^= 4;
    }
    char *format = memmem(bytes, size, "\"model_format\"", 14);
    assert_non_null(format);
    char *digit = strchr(format + 14, '1');
    *digit = '9';
    check_write_file(cut, bytes, size);
    assert_int_equal(merx_model_load(NULL, cut, &loaded, &err), MERX_E_VERSION);
    check_contains(err.message, merx_version());
    merx_error_clear(&err);
    *digit = '1';
    check_fails(merx_model_load(NULL, "/no/such/model.merx", &loaded, &err), MERX_E_NOT_FOUND, err);
    free(bytes);
    merx_model_free(model);
    merx_dataset_free(data);
}

/* A matrix with NaN or an infinity is refused; the model stays. */
static void check_not_finite(const subject *s, merx_model *model)
{
    static const double wrong[] = {NAN, INFINITY, -INFINITY};
    for (size_t k = 0; s->shape == MERX_SHAPE_MATRIX && !has_tag(s, MERX_ALLOWS_MISSING) && k < 3; k++) {
        merx_error err = {0};
        merx_dataset *bad;
        double x[200 * 7];
        for (size_t i = 0; i < 200 * 7; i++)
            x[i] = (double)((i * 7919) % 1009) / 1009;
        x[143 * 7 + 4] = wrong[k];
        check_ok(merx_dataset_view_matrix(NULL, x, 200, 7, NULL, &bad, &err), err);
        check_ok(add_beside(bad, 200, s, &err), err);
        merx_status status = fit(s, model, bad, NULL, &err);
        if (status != MERX_E_INVALID && status != MERX_E_NUMERIC)
            check_die(__FILE__, __LINE__, "%s: a matrix with %g gave %s", s->family->info.name, wrong[k],
                      merx_status_name(status));
        check_contains(err.message, "143");
        merx_error_clear(&err);
        merx_dataset_free(bad);
    }
}

static void test_bad_fits(const subject *s)
{
    merx_error err = {0};
    merx_dataset *data, *bad;
    merx_model *model;
    merx_prediction before, after;
    merx_task *task;
    merx_fit_columns columns = {.target = target_of(s)};
    check_ok(make_data(s, 200, NULL, &data, &err), err);
    new_fitted(s, data, NULL, &model);
    check_ok(merx_model_predict(model, data, NULL, &before, &err), err);

    check_ok(merx_task_new(NULL, NULL, &task, &err), err);
    merx_task_cancel(task);
    check_fails(fit(s, model, data, task, &err), MERX_E_CANCELLED, err);
    check_fails(merx_model_predict(model, data, task, &after, &err), MERX_E_CANCELLED, err);
    merx_task_free(task);
    check_ok(merx_task_new(NULL, &(merx_task_options){.max_memory_bytes = 4096}, &task, &err), err);
    merx_status refused = fit(s, model, data, task, &err);
    if (refused != MERX_E_LIMIT && refused != MERX_E_MEMORY)
        check_die(__FILE__, __LINE__, "a fit in 4 KB gave %s", merx_status_name(refused));
    merx_error_clear(&err);
    merx_task_free(task);

    /* One row: an error or a model, never a crash. */
    size_t first = 0;
    check_ok(merx_dataset_take(data, &first, 1, &bad, &err), err);
    merx_model *single;
    check_ok(new_model(s, NULL, &single, &err), err);
    if (fit(s, single, bad, NULL, &err) != MERX_OK)
        assert_true(err.message[0] != '\0');
    merx_error_clear(&err);
    merx_model_free(single);
    merx_dataset_free(bad);

    if (s->shape == MERX_SHAPE_TABLE) {
        char *text;
        check_ok(merx_model_describe(model, &text, &err), err);
        check_contains(text, "column \"same\" is left out: it is the same in every row");
        check_contains(text, "column \"words\" is left out: it is free text");
        merx_text_free(text);
        const char *only_same[] = {"same"}, *wrong[] = {"colors"};
        columns.features = only_same;
        columns.n_features = 1;
        check_fails(merx_model_fit(model, data, &columns, NULL, &err), MERX_E_INVALID, err);
        columns.features = wrong;
        assert_int_equal(merx_model_fit(model, data, &columns, NULL, &err), MERX_E_NOT_FOUND);
        check_contains(err.message, "colour");
        merx_error_clear(&err);
        columns.features = NULL;
        columns.n_features = 0;
        columns.target = target_of(s) == NULL ? "a" : NULL;
        check_fails(merx_model_fit(model, data, &columns, NULL, &err), MERX_E_INVALID, err);
        columns.target = target_of(s);
        columns.weight = has_tag(s, MERX_SUPPORTS_WEIGHTS) ? "a" : "b";
        check_fails(merx_model_fit(model, data, &columns, NULL, &err),
                    has_tag(s, MERX_SUPPORTS_WEIGHTS) ? MERX_E_RANGE : MERX_E_UNSUPPORTED, err);
        columns.weight = NULL;
        if (columns.target != NULL) {
            double x[3] = {1, 2, 3}, y[3] = {1, NAN, 2}, one[3] = {1, 1, 1};
            merx_dataset *tiny;
            check_ok(merx_dataset_new_table(NULL, 3, &tiny, &err), err);
            check_ok(merx_dataset_add_numeric(tiny, "x", x, &err), err);
            check_ok(merx_dataset_add_numeric(tiny, "y", y, &err), err);
            check_ok(merx_dataset_add_numeric(tiny, "one", one, &err), err);
            columns.target = "y";
            assert_int_equal(merx_model_fit(model, tiny, &columns, NULL, &err), MERX_E_INVALID);
            check_contains(err.where, "row 1");
            check_contains(err.message, "missing");
            merx_error_clear(&err);
            columns.target = "one";
            if (has_tag(s, MERX_CLASSIFIES)) {
                assert_int_equal(merx_model_fit(model, tiny, &columns, NULL, &err), MERX_E_INVALID);
                check_contains(err.message, "1 class");
                merx_error_clear(&err);
            }
            merx_dataset_free(tiny);
        }
        /* At prediction: a column that is not there, or of another type. */
        check_ok(merx_dataset_new_table(NULL, 2, &bad, &err), err);
        check_fails(merx_model_predict(model, bad, NULL, &after, &err), MERX_E_NOT_FOUND, err);
        check_ok(merx_dataset_add_text(bad, "a", (const char *[]){"x", "y"}, &err), err);
        check_fails(merx_model_predict(model, bad, NULL, &after, &err), MERX_E_TYPE, err);
        merx_dataset_free(bad);
    } else {
        check_ok(merx_dataset_from_csr(NULL, 1, 2, (int64_t[]){0, 1}, (int32_t[]){0}, NULL, &bad, &err), err);
        check_fails(merx_model_predict(model, bad, NULL, &after, &err), MERX_E_SHAPE, err);
        merx_dataset_free(bad);
        columns.target = target_of(s) == NULL ? "flag" : NULL;
        check_fails(merx_model_fit(model, data, &columns, NULL, &err), MERX_E_INVALID, err);
        columns.target = has_tag(s, MERX_NEEDS_TARGET) ? "flog" : NULL;
        columns.features = (const char *[]){"a"};
        columns.n_features = 1;
        check_fails(merx_model_fit(model, data, &columns, NULL, &err), MERX_E_INVALID, err);
        columns.features = NULL;
        columns.n_features = 0;
        if (columns.target != NULL) {
            assert_int_equal(merx_model_fit(model, data, &columns, NULL, &err), MERX_E_NOT_FOUND);
            check_contains(err.message, "flag");
            merx_error_clear(&err);
        }
        check_not_finite(s, model);
    }
    check_ok(merx_dataset_from_sequences(NULL, 1, (int64_t[]){0, 1}, (int32_t[]){0}, NULL, 2, &bad, &err), err);
    if (!has_tag(s, MERX_TAKES_SEQUENCES))
        check_fails(fit(s, model, bad, NULL, &err), MERX_E_SHAPE, err);
    check_fails(merx_model_predict(model, bad, NULL, &after, &err), MERX_E_SHAPE, err);
    merx_dataset_free(bad);

    /* After all these failures the old model is as it was. */
    check_ok(merx_model_predict(model, data, NULL, &after, &err), err);
    check_same_predictions(&after, &before, "after failed fits");
    merx_prediction_release(&before), merx_prediction_release(&after);
    merx_model_free(model);
    merx_dataset_free(data);
}

static void test_evaluation(const subject *s)
{
    merx_error err = {0};
    merx_dataset *data;
    merx_model *model;
    merx_metrics m, again;
    check_ok(make_data(s, 300, NULL, &data, &err), err);
    new_fitted(s, data, NULL, &model);
    merx_status status = merx_model_evaluate(model, data, NULL, &m, &err);
    if (!has_tag(s, MERX_REGRESSES | MERX_CLASSIFIES | MERX_CLUSTERS)) {
        assert_int_equal(status, MERX_E_UNSUPPORTED);
    } else {
        check_ok(status, err);
        assert_true(m.count >= 1 && m.rows == 300);
        merx_task *task;
        check_ok(merx_task_new(NULL, &(merx_task_options){.threads = 3, .seed = 5}, &task, &err), err);
        check_ok(merx_model_evaluate(model, data, task, &again, &err), err);
        merx_task_free(task);
        for (size_t i = 0; i < m.count; i++) {
            const merx_metric *one = &m.metric[i];
            if (!(one->low <= one->value && one->value <= one->high && one->low < one->high))
                check_die(__FILE__, __LINE__, "%s: %g is not in (%g, %g)", one->name, one->value, one->low, one->high);
            check_same_double(again.metric[i].low, one->low);
            check_same_double(again.metric[i].high, one->high);
        }
        if (target_of(s) != NULL) {
            merx_fit_columns columns = {.target = target_of(s)};
            check_ok(merx_model_cross_validate(model, data, &columns, 4, NULL, NULL, &again, &err), err);
            assert_int_equal(again.count, m.count);
            assert_int_equal(again.rows, 300);
            /* Held-out rows can't be told much better than those learnt from. */
            assert_string_equal(again.metric[0].name, m.metric[0].name);
            check_ok(merx_model_cross_validate(model, data, &columns, 2, "flag", NULL, &again, &err), err);
            check_fails(merx_model_cross_validate(model, data, &columns, 3, "flag", NULL, &again, &err), MERX_E_RANGE,
                        err);
            /* Some rows have no colour. */
            check_fails(merx_model_cross_validate(model, data, &columns, 3, "colour", NULL, &again, &err),
                        MERX_E_INVALID, err);
            check_fails(merx_model_cross_validate(model, data, &columns, 1, NULL, NULL, &again, &err), MERX_E_RANGE,
                        err);
        }
    }
    merx_error_clear(&err);
    merx_model_free(model);
    merx_dataset_free(data);
}

static merx_status whole_life(const merx_allocator *alloc, void *context, merx_error *err)
{
    const subject *s = context;
    merx_dataset *data = NULL;
    merx_model *model = NULL, *loaded = NULL, *again = NULL;
    merx_prediction p = {0};
    merx_explanation e = {0};
    merx_task *task = NULL;
    void *bytes = NULL;
    size_t size = 0;
    char path[300];
    merx_status status;
    snprintf(path, sizeof path, "%s/alloc.merx", folder);
    MX_TRY_GOTO(merx_task_new(alloc, &(merx_task_options){.threads = 1}, &task, err));
    MX_TRY_GOTO(make_data(s, 40, alloc, &data, err));
    MX_TRY_GOTO(new_model(s, alloc, &model, err));
    /* Fewer of what makes the same allocations many times. */
    static const char *const fewer[][2] = {{"epochs", "2"},       {"max_rounds", "8"}, {"alphas", "4"},
                                           {"folds", "2"},        {"starts", "2"},     {"iterations", "2"},
                                           {"hidden_units", "8"}, {"max_passes", "2"}, {"max_bins", "8"}};
    for (const merx_option *o = s->family->info.options; o->name != NULL; o++)
        for (size_t i = 0; i < sizeof fewer / sizeof *fewer; i++)
            if (strcmp(o->name, fewer[i][0]) == 0)
                MX_TRY_GOTO(merx_model_set(model, o->name, fewer[i][1], err));
    MX_TRY_GOTO(fit(s, model, data, task, err));
    MX_TRY_GOTO(merx_model_predict(model, data, task, &p, err));
    MX_TRY_GOTO(merx_model_explain(model, data, 3, -1, &e, err));
    MX_TRY_GOTO(merx_model_save(model, path, err));
    MX_TRY_GOTO(merx_model_load(alloc, path, &loaded, err));
    MX_TRY_GOTO(merx_model_to_bytes(model, &bytes, &size, err));
    MX_TRY_GOTO(merx_model_from_bytes(alloc, bytes, size, &again, err));
out:
    merx_bytes_free(bytes, size);
    merx_model_free(again);
    merx_explanation_release(&e);
    merx_prediction_release(&p);
    merx_model_free(model);
    merx_model_free(loaded);
    merx_dataset_free(data);
    merx_task_free(task);
    return status;
}

static void test_allocations(const subject *s)
{
    subject copy = *s;
    check_every_allocation(whole_life, &copy);
}

EACH(test_not_fitted)
EACH(test_every_option)
EACH(test_reasons)
EACH(test_files)
EACH(test_bad_fits)
EACH(test_evaluation)
EACH(test_allocations)

static void test_registry(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_model *model;
    size_t count = 0;
    for (; mx_family_at(count) != NULL; count++) {
        const mx_family *family = mx_family_at(count);
        assert_int_equal(family->version, 1);
        assert_ptr_equal(merx_family_at(count), &family->info);
        assert_ptr_equal(merx_family_find(family->info.name), &family->info);
        assert_true(family->info.title[0] != '\0' && family->info.text[0] != '\0' && family->info.formula[0] != '\0');
        assert_true((family->info.tags &
                     (MERX_TAKES_TABLE | MERX_TAKES_SPARSE | MERX_TAKES_SEQUENCES | MERX_TAKES_BATCHES)) != 0);
        char wrong[64];
        snprintf(wrong, sizeof wrong, "%sx", family->info.name);
        assert_int_equal(merx_model_new(NULL, wrong, &model, &err), MERX_E_NOT_FOUND);
        check_contains(err.message, family->info.name);
        merx_error_clear(&err);
    }
    assert_true(count > 0);
    assert_null(merx_family_at(count));
    assert_null(merx_family_find("nothing"));
    check_fails(merx_model_new(NULL, "zzzzzzzzzzzz", &model, &err), MERX_E_NOT_FOUND, err);
}

int main(void)
{
    check_make_folder(folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registry),         cmocka_unit_test(run_test_not_fitted),
        cmocka_unit_test(run_test_every_option), cmocka_unit_test(run_test_reasons),
        cmocka_unit_test(run_test_files),        cmocka_unit_test(run_test_bad_fits),
        cmocka_unit_test(run_test_evaluation),   cmocka_unit_test(run_test_allocations),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    check_remove_folder(folder);
    return failed;
}
