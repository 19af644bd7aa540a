/*
 * merx_model: life, options, fit. Predictions: model_predict.c. A fit builds a whole new mx_fitted beside the old one and swaps at the end: a failed fit keeps
 * the old state.
 */
#include "merx/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "learn/core/fit_choice.h"
#include "learn/core/model_state.h"
#include "learn/core/stream_fit.h"

#define MAX_FAMILIES 64

const merx_family_info *merx_family_at(size_t i)
{
    const mx_family *family = mx_family_at(i);
    return family != NULL ? &family->info : NULL;
}

const merx_family_info *merx_family_find(const char *name)
{
    for (size_t i = 0; mx_family_at(i) != NULL; i++)
        if (strcmp(mx_family_at(i)->info.name, name) == 0)
            return &mx_family_at(i)->info;
    return NULL;
}

static size_t count_options(const merx_option *table)
{
    size_t count = 0;
    while (table != NULL && table[count].name != NULL)
        count++;
    return count;
}

static bool takes_table(const mx_family *family)
{
    return (family->info.tags & MERX_TAKES_TABLE) != 0;
}

static bool as_is(const mx_family *family)
{
    return (family->info.tags & MERX_TAKES_LEVELS) != 0;
}

merx_status merx_model_new(const merx_allocator *alloc, const char *name, merx_model **out, merx_error *err)
{
    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    const mx_family *family = NULL;
    const char *names[MAX_FAMILIES];
    size_t known = 0;
    for (; mx_family_at(known) != NULL && known < MAX_FAMILIES; known++) {
        names[known] = mx_family_at(known)->info.name;
        if (strcmp(names[known], name) == 0)
            family = mx_family_at(known);
    }
    if (family == NULL) {
        const char *nearest = mx_nearest_word(name, names, known);
        if (nearest != NULL)
            MX_FAIL(err, MERX_E_NOT_FOUND, name, "there is no model family \"%s\" (did you mean \"%s\"?)", name,
                    nearest);
        char list[256] = "";
        for (size_t i = 0, used = 0; i < known && used < sizeof list; i++)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i > 0 ? ", " : "", names[i]);
        MX_FAIL(err, MERX_E_NOT_FOUND, name, "there is no model family \"%s\" (there are: %s)", name, list);
    }
    merx_model *model = NULL;
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, 1, &model, "model", err));
    model->alloc = alloc;
    model->family = family;
    size_t own = count_options(family->info.options),
           shared = takes_table(family) ? count_options(mx_pipeline_option_table) : 0;
    model->table_count = own + shared + 1;
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, model->table_count, &model->table, "options of the model", err));
    if (own > 0)
        memcpy(model->table, family->info.options, own * sizeof *model->table);
    for (size_t i = 0, at = own; i < shared; i++)
        if (mx_pipeline_option_for(mx_pipeline_option_table[i].name, family->info.tags))
            model->table[at++] = mx_pipeline_option_table[i];
    MX_TRY_GOTO(merx_options_new(alloc, model->table, &model->options, err));
    *out = model;
    return MERX_OK;
out:
    merx_model_free(model);
    return status;
}

void merx_model_free(merx_model *model)
{
    if (model == NULL)
        return;
    mx_fitted_free(model->fitted);
    merx_options_free(model->options);
    const merx_allocator *alloc = model->alloc;
    mx_free_array(alloc, model->start, model->start_rows, model->start_d * sizeof *model->start);
    MX_FREE_ARRAY(alloc, model->table, model->table_count);
    MX_FREE_ARRAY(alloc, model, 1);
}

const merx_family_info *merx_model_family(const merx_model *model)
{
    return &model->family->info;
}

merx_status merx_model_set(merx_model *model, const char *name, const char *value, merx_error *err)
{
    return merx_options_set(model->options, name, value, err);
}

const merx_options *merx_model_options(const merx_model *model)
{
    return model->options;
}

merx_status merx_model_set_start(merx_model *model, const double *values, size_t rows, size_t d, merx_error *err)
{
    double *copy = NULL;
    size_t row_bytes = 0;
    if (values != NULL) {
        if (model->family->start == MX_START_NONE)
            MX_FAIL(err, MERX_E_UNSUPPORTED, model->family->info.name, "its fit does not begin at a given place");
        if (rows == 0 || d == 0 || !mx_mul_size(d, sizeof *copy, &row_bytes))
            MX_FAIL(err, MERX_E_SHAPE, model->family->info.name,
                    "a start of %zu rows and %zu columns (expected one or more of each)", rows, d);
        MX_TRY(mx_alloc_array_raw(model->alloc, rows, row_bytes, "start", &copy, err));
        memcpy(copy, values, rows * row_bytes);
    }
    mx_free_array(model->alloc, model->start, model->start_rows, model->start_d * sizeof *model->start);
    model->start = copy;
    model->start_rows = copy != NULL ? rows : 0;
    model->start_d = copy != NULL ? d : 0;
    return MERX_OK;
}

size_t merx_model_outputs(const merx_model *model)
{
    return model->fitted != NULL ? model->fitted->n_outputs : 0;
}

const char *merx_model_output(const merx_model *model, size_t output)
{
    return output < merx_model_outputs(model) ? model->fitted->output_names[output] : NULL;
}

bool merx_model_is_fitted(const merx_model *model)
{
    return model->fitted != NULL;
}

merx_status mx_model_require_fitted(const merx_model *model, merx_error *err)
{
    if (model->fitted == NULL)
        MX_FAIL(err, MERX_E_NOT_FITTED, model->family->info.name, "the model is not fitted yet");
    return MERX_OK;
}

merx_status mx_fitted_new(const merx_allocator *alloc, const mx_family *family, mx_fitted **out, merx_error *err)
{
    *out = NULL;
    MX_TRY(MX_NEW_ARRAY(alloc, 1, out, "fitted model", err));
    (*out)->alloc = alloc;
    (*out)->family = family;
    (*out)->target_min = (*out)->target_max = NAN;
    mx_arena_init(&(*out)->arena, alloc);
    return MERX_OK;
}

void mx_fitted_free(mx_fitted *fitted)
{
    if (fitted == NULL)
        return;
    if (fitted->state != NULL)
        fitted->family->free_state(fitted->state, fitted->alloc);
    mx_pipeline_free(fitted->pipeline);
    mx_arena_release(&fitted->arena);
    const merx_allocator *alloc = fitted->alloc;
    MX_FREE_ARRAY(alloc, fitted, 1);
}

merx_status mx_fitted_name_outputs(mx_fitted *fitted, merx_error *err)
{
    const mx_family *family = fitted->family;
    fitted->n_outputs = family->outputs(fitted->state);
    fitted->output_names = mx_arena_array(&fitted->arena, fitted->n_outputs + 1, sizeof *fitted->output_names, err);
    if (fitted->output_names == NULL)
        return MERX_E_MEMORY;
    for (size_t k = 0; k < fitted->n_outputs; k++) {
        const char *name = family->output_name != NULL ? family->output_name(fitted->state, k) : NULL;
        if (name == NULL && fitted->target_kind == MX_TARGET_CLASS && k < fitted->classes)
            name = fitted->class_names[k];
        else if (name == NULL && fitted->target_kind == MX_TARGET_VALUE)
            name = fitted->target;
        fitted->output_names[k] =
            name != NULL ? mx_arena_strdup(&fitted->arena, name, err) : mx_arena_printf(&fitted->arena, err, "%zu", k);
        if (fitted->output_names[k] == NULL)
            return MERX_E_MEMORY;
    }
    return MERX_OK;
}

/* ---- fit ---- */

typedef struct fit_work {
    const merx_dataset *data;
    const merx_allocator *scratch;
    mx_fit_choice choice;
    mx_binding binding;
    double *x, *y, *weights;
    const double *targets; /* y, or a column as it is */
    int32_t *labels;
    size_t x_count;
    const mx_fitted *fitted;
} fit_work;

/* The least and the largest of n >= 1 numbers; eight at a time, since each waits for the one before. */
static void find_range(const double *y, size_t n, double *least, double *most)
{
    enum { AT_ONCE = 8 };
    double low[AT_ONCE], high[AT_ONCE];
    for (size_t k = 0; k < AT_ONCE; k++)
        low[k] = high[k] = y[0];
    size_t i = 0;
    for (; i + AT_ONCE <= n; i += AT_ONCE)
        for (size_t k = 0; k < AT_ONCE; k++) {
            low[k] = y[i + k] < low[k] ? y[i + k] : low[k];
            high[k] = y[i + k] > high[k] ? y[i + k] : high[k];
        }
    for (; i < n; i++) {
        low[0] = y[i] < low[0] ? y[i] : low[0];
        high[0] = y[i] > high[0] ? y[i] : high[0];
    }
    for (size_t k = 1; k < AT_ONCE; k++) {
        low[0] = low[k] < low[0] ? low[k] : low[0];
        high[0] = high[k] > high[0] ? high[k] : high[0];
    }
    *least = low[0];
    *most = high[0];
}

static merx_status read_targets(fit_work *w, mx_fitted *fitted, const merx_options *options,
                                const merx_fit_columns *columns, merx_error *err)
{
    size_t rows = w->data->rows;
    if (w->choice.has_target) {
        const mx_column *column = mx_dataset_column(w->data, w->choice.target);
        fitted->target = mx_arena_strdup(&fitted->arena, columns->target, err);
        if (fitted->target == NULL)
            return MERX_E_MEMORY;
        fitted->target_type = column->type;
        fitted->target_log =
            takes_table(fitted->family) && mx_list_has(merx_options_text(options, "log_columns"), columns->target);
        if ((fitted->family->info.tags & MERX_CLASSIFIES) != 0) {
            if (fitted->target_log)
                MX_FAIL(err, MERX_E_INVALID, w->data->name,
                        "log_columns names the target \"%s\", whose values are classes here", columns->target);
            fitted->target_kind = MX_TARGET_CLASS;
            MX_TRY(MX_NEW_ARRAY(w->scratch, rows, &w->labels, "labels", err));
            MX_TRY(mx_target_classes(w->data, w->choice.target, &fitted->arena, &fitted->class_names, &fitted->classes,
                                     err));
            MX_TRY(mx_target_labels(w->data, w->choice.target, fitted->class_names, fitted->classes, w->labels, err));
        } else {
            fitted->target_kind = MX_TARGET_VALUE;
            if (column->type == MERX_COLUMN_NUMERIC && column->missing == 0 && !fitted->target_log) {
                w->targets = column->as.numeric;
            } else {
                MX_TRY(MX_NEW_ARRAY(w->scratch, rows, &w->y, "target", err));
                MX_TRY(mx_target_values(w->data, w->choice.target, fitted->target_log, w->y, err));
                w->targets = w->y;
            }
            if (rows > 0)
                find_range(w->targets, rows, &fitted->target_min, &fitted->target_max);
            if (fitted->target_log && rows > 0) {
                fitted->target_min = exp(fitted->target_min);
                fitted->target_max = exp(fitted->target_max);
            }
        }
    }
    if (w->choice.has_weight) {
        fitted->weight = mx_arena_strdup(&fitted->arena, columns->weight, err);
        if (fitted->weight == NULL)
            return MERX_E_MEMORY;
        MX_TRY(MX_NEW_ARRAY(w->scratch, rows, &w->weights, "weights", err));
        MX_TRY(mx_weight_values(w->data, w->choice.weight, w->weights, err));
    }
    return MERX_OK;
}

/* {"name": "value", …} in the order of the table. */
static merx_status options_json(const merx_options *options, mx_fitted *fitted, merx_error *err)
{
    mx_text text;
    mx_text_init(&text, fitted->alloc, (size_t)1 << 20);
    mx_text_puts(&text, "{");
    const char *comma = "";
    for (const merx_option *o = merx_options_table(options); o->name != NULL; o++) {
        if (!merx_options_is_set(options, o->name))
            continue;
        mx_text_printf(&text, "%s\"%s\": \"", comma, o->name);
        mx_text_json(&text, mx_str_of(merx_options_text(options, o->name)));
        mx_text_puts(&text, "\"");
        comma = ", ";
    }
    mx_text_puts(&text, "}");
    merx_status status = mx_text_ok(&text, err);
    if (status == MERX_OK && (fitted->options = mx_arena_strdup(&fitted->arena, text.data, err)) == NULL)
        status = MERX_E_MEMORY;
    mx_text_release(&text);
    return status;
}

static merx_status transform_block(void *context, size_t block, merx_error *err)
{
    fit_work *w = context;
    const mx_pipeline *p = w->fitted->pipeline;
    size_t begin = block * MX_PREDICT_BLOCK, rows = w->data->rows;
    size_t count = rows - begin < MX_PREDICT_BLOCK ? rows - begin : MX_PREDICT_BLOCK;
    return mx_pipeline_transform(p, &w->binding, begin, count, w->x + begin * p->width, err);
}

/* Names of a matrix's columns; those of a sparse one get numbers where somebody will read them. */
static merx_status name_features(const merx_dataset *data, mx_fitted *fitted, merx_error *err)
{
    bool matrix = data->shape == MERX_SHAPE_MATRIX;
    if (!matrix && (fitted->family->info.tags & MERX_NEEDS_TARGET) == 0)
        return MERX_OK;
    fitted->features = mx_arena_array(&fitted->arena, fitted->width, sizeof *fitted->features, err);
    if (fitted->features == NULL)
        return MERX_E_MEMORY;
    for (size_t j = 0; j < fitted->width; j++) {
        fitted->features[j] = matrix ? mx_arena_strdup(&fitted->arena, data->dense.names[j], err)
                                     : mx_arena_printf(&fitted->arena, err, "x%zu", j);
        if (fitted->features[j] == NULL)
            return MERX_E_MEMORY;
    }
    return MERX_OK;
}

static merx_status widen_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    fit_work *w = context;
    size_t d = w->data->dense.d, begin = block * MX_PREDICT_BLOCK * d,
           end = begin + MX_PREDICT_BLOCK * d < w->x_count ? begin + MX_PREDICT_BLOCK * d : w->x_count;
    for (size_t i = begin; i < end; i++)
        w->x[i] = (double)w->data->dense.x_float[i];
    return MERX_OK;
}

/* The design's numbers: the caller's own where the family takes them as they are, else made here. */
static merx_status fill_design(fit_work *w, const mx_fitted *fitted, merx_task *task, mx_design *design,
                               merx_error *err)
{
    const merx_dataset *data = w->data;
    size_t blocks = (data->rows + MX_PREDICT_BLOCK - 1) / MX_PREDICT_BLOCK;
    if (w->x_count > 0)
        MX_TRY(mx_alloc_array_raw(w->scratch, w->x_count, sizeof *w->x, "design matrix", &w->x, err));
    if (data->shape == MERX_SHAPE_SPARSE) {
        design->csr = data->csr;
    } else if (data->shape == MERX_SHAPE_TABLE) {
        MX_TRY(mx_pipeline_bind(fitted->pipeline, data, w->scratch, &w->binding, err));
        w->fitted = fitted;
        MX_TRY(mx_parallel(task, blocks, transform_block, w, err));
        design->x = w->x;
    } else if (w->x_count > 0) {
        MX_TRY(mx_parallel(task, blocks, widen_block, w, err));
        design->x = w->x;
    } else {
        design->x = data->dense.x;
        design->x_float = data->dense.x_float;
    }
    return MERX_OK;
}

static merx_status make_design(fit_work *w, mx_fitted *fitted, const merx_options *options, merx_task *task,
                               mx_design *design, merx_error *err)
{
    const merx_dataset *data = w->data;
    const mx_family *family = fitted->family;
    bool targeted = (family->info.tags & MERX_NEEDS_TARGET) != 0, made = data->shape == MERX_SHAPE_TABLE;
    if (data->shape == MERX_SHAPE_TABLE) {
        MX_TRY(mx_pipeline_fit(data, w->choice.features, w->choice.n_features, options,
                               as_is(family) ? MX_PIPELINE_AS_IS
                               : targeted    ? MX_PIPELINE_DROP_FIRST
                                             : MX_PIPELINE_EVERY_LEVEL,
                               fitted->alloc, task, &fitted->pipeline, err));
        fitted->width = fitted->pipeline->width;
    } else {
        fitted->width = merx_dataset_columns(data);
        MX_TRY(name_features(data, fitted, err));
        made = data->dense.x_float != NULL && (family->info.tags & MERX_TAKES_FLOAT) == 0;
    }
    mx_fitted_settle(fitted);
    *design = (mx_design){.n = data->rows,
                          .d = fitted->width,
                          .names = mx_fitted_names(fitted),
                          .units = fitted->pipeline != NULL ? fitted->pipeline->units : NULL};
    if (fitted->pipeline != NULL) {
        design->levels = fitted->pipeline->levels;
        design->level_names = fitted->pipeline->level_names;
    }
    uint64_t need = family->memory != NULL ? family->memory(options, design->n, design->d, fitted->classes)
                                           : (uint64_t)design->d * design->d * 16 + (uint64_t)design->n * 16;
    if (made) {
        if (!mx_mul_size(data->rows, fitted->width, &w->x_count) || w->x_count > SIZE_MAX / sizeof(double))
            MX_FAIL(err, MERX_E_MEMORY, data->name, "%zu rows of %zu columns are too many", data->rows, fitted->width);
        need += (uint64_t)w->x_count * sizeof(double);
    }
    char what[96];
    (void)snprintf(what, sizeof what, "fitting %s", family->info.name);
    MX_TRY(mx_task_require_memory(task, need, what, err));
    MX_TRY(fill_design(w, fitted, task, design, err));
    design->y = w->targets;
    design->y_log = fitted->target_log;
    design->labels = w->labels;
    design->classes = fitted->classes;
    design->weights = w->weights;
    design->outputs = fitted->target_kind == MX_TARGET_CLASS ? fitted->class_names : &fitted->target;
    return MERX_OK;
}

static merx_status give_start(const merx_model *model, mx_design *design, merx_error *err)
{
    if (model->start == NULL)
        return MERX_OK;
    if (design->units != NULL || design->csr.rows > 0)
        MX_FAIL(err, MERX_E_UNSUPPORTED, model->family->info.name, "a start is for matrices; this is a table");
    size_t wanted = design->d + (model->family->start == MX_START_COEFFICIENTS);
    if (model->start_d != wanted)
        MX_FAIL(err, MERX_E_SHAPE, model->family->info.name,
                "the start has %zu columns; %zu are expected for a matrix of %zu", model->start_d, wanted, design->d);
    design->start = model->start;
    design->start_rows = model->start_rows;
    return MERX_OK;
}

static merx_status check_shape(const merx_model *model, const merx_dataset *data, const merx_fit_columns *columns,
                               merx_error *err)
{
    static const unsigned tags[MERX_SHAPES] = {
        [MERX_SHAPE_TABLE] = MERX_TAKES_TABLE,         [MERX_SHAPE_SPARSE] = MERX_TAKES_SPARSE,
        [MERX_SHAPE_SEQUENCES] = MERX_TAKES_SEQUENCES, [MERX_SHAPE_BATCHES] = MERX_TAKES_BATCHES,
        [MERX_SHAPE_MATRIX] = MERX_TAKES_TABLE,        [MERX_SHAPE_STREAM] = MERX_TAKES_STREAM};
    static const char *const names[MERX_SHAPES] = {"tables",         "sparse matrices", "sequences",
                                                   "tensor batches", "matrices",        "streams"};
    const mx_family *family = model->family;
    if ((family->info.tags & tags[data->shape]) == 0 || data->shape == MERX_SHAPE_SEQUENCES ||
        data->shape == MERX_SHAPE_BATCHES)
        MX_FAIL(err, MERX_E_SHAPE, data->name, "%s does not learn from %s", family->info.name, names[data->shape]);
    if (data->shape == MERX_SHAPE_STREAM)
        return MERX_OK;
    if (data->rows == 0)
        MX_FAIL(err, MERX_E_INVALID, data->name, "there are no rows to learn from");
    if (data->shape == MERX_SHAPE_TABLE)
        return MERX_OK;
    if (columns->features != NULL || columns->n_ignore > 0)
        MX_FAIL(err, MERX_E_INVALID, data->name,
                "a matrix is taken whole: its columns can be named neither as features nor to be ignored");
    for (const merx_option *o = mx_pipeline_option_table; takes_table(family) && o->name != NULL; o++)
        if (strcmp(o->name, "log_columns") != 0 && strcmp(o->name, "limit_predictions") != 0 &&
            mx_pipeline_option_for(o->name, family->info.tags) &&
            strcmp(merx_options_text(model->options, o->name), o->value) != 0)
            MX_FAIL(err, MERX_E_UNSUPPORTED, data->name, "%s is for tables; a matrix is taken as it is", o->name);
    return MERX_OK;
}

merx_status merx_model_fit(merx_model *model, const merx_dataset *data, const merx_fit_columns *columns,
                           merx_task *task, merx_error *err)
{
    static const merx_fit_columns none = {0};
    columns = columns != NULL ? columns : &none;
    MX_TRY(check_shape(model, data, columns, err));
    fit_work w = {.data = data, .scratch = merx_task_allocator(task)};
    mx_design design = {0};
    mx_fitted *fitted = NULL;
    merx_status status;
    mx_task_stage(task, "prepare the columns", 0, "");
    MX_TRY_GOTO(mx_task_step(task, 0, err));
    MX_TRY_GOTO(mx_fitted_new(model->alloc, model->family, &fitted, err));
    fitted->shape = data->shape;
    fitted->rows = data->rows;
    fitted->seed = merx_task_seed(task);
    MX_TRY_GOTO(options_json(model->options, fitted, err));
    if (data->shape == MERX_SHAPE_STREAM) {
        MX_TRY_GOTO(mx_stream_fit(data, model->options, columns, task, fitted, err));
    } else {
        MX_TRY_GOTO(mx_fit_choose(data, model->family, model->options, columns, w.scratch, &w.choice, err));
        MX_TRY_GOTO(read_targets(&w, fitted, model->options, columns, err));
        MX_TRY_GOTO(make_design(&w, fitted, model->options, task, &design, err));
        MX_TRY_GOTO(give_start(model, &design, err));
        MX_TRY_GOTO(model->family->fit(model->options, &design, model->alloc, task, &fitted->state, err));
    }
    MX_TRY_GOTO(mx_fitted_name_outputs(fitted, err));
    fitted->target_limit = fitted->target_kind == MX_TARGET_VALUE && takes_table(fitted->family) &&
                           merx_options_bool(model->options, "limit_predictions");
    fitted->notes = mx_arena_strdup(&fitted->arena, fitted->pipeline != NULL ? fitted->pipeline->notes.data : "", err);
    if (fitted->notes == NULL) {
        status = MERX_E_MEMORY;
        goto out;
    }
    mx_fitted *old = model->fitted;
    model->fitted = fitted;
    fitted = old;
out:
    mx_fitted_free(fitted);
    mx_binding_release(&w.binding);
    mx_fit_choice_release(&w.choice);
    mx_free_array(w.scratch, w.x, w.x_count, sizeof *w.x);
    MX_FREE_ARRAY(w.scratch, w.y, data->rows);
    MX_FREE_ARRAY(w.scratch, w.labels, data->rows);
    MX_FREE_ARRAY(w.scratch, w.weights, data->rows);
    return status;
}
