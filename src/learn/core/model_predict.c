/*
 * Predictions: designs of a model's rows, of whole datasets and of one row of plain numbers.
 */
#include <math.h>
#include <string.h>

#include "learn/core/model_state.h"

const char *const *mx_fitted_names(const mx_fitted *fitted)
{
    return fitted->pipeline != NULL ? fitted->pipeline->names : fitted->features;
}

double mx_fitted_value(const mx_fitted *fitted, double value)
{
    if (fitted->target_log)
        value = exp(value);
    if (fitted->target_limit && value < fitted->target_min)
        return fitted->target_min;
    return fitted->target_limit && value > fitted->target_max ? fitted->target_max : value;
}

void mx_fitted_settle(mx_fitted *fitted)
{
    fitted->plain = fitted->shape == MERX_SHAPE_MATRIX;
    const mx_pipeline *p = fitted->pipeline;
    if (p == NULL)
        return;
    fitted->plain = true;
    for (size_t s = 0; s < p->n_sources; s++)
        fitted->plain &= p->sources[s].type == MERX_COLUMN_NUMERIC || p->sources[s].type == MERX_COLUMN_BOOLEAN;
}

merx_status mx_fitted_check(const mx_fitted *fitted, const merx_dataset *data, merx_error *err)
{
    if (data->shape != fitted->shape)
        MX_FAIL(err, MERX_E_SHAPE, data->name, "the model was fitted on data of the shape \"%s\"; this is \"%s\"",
                merx_dataset_shape_name(fitted->shape), merx_dataset_shape_name(data->shape));
    if (fitted->shape != MERX_SHAPE_TABLE && merx_dataset_columns(data) != fitted->width)
        MX_FAIL(err, MERX_E_SHAPE, data->name, "the matrix has %zu columns; the model was fitted with %zu",
                merx_dataset_columns(data), fitted->width);
    return MERX_OK;
}

bool mx_fitted_makes_rows(const mx_fitted *fitted, const merx_dataset *data)
{
    return fitted->shape == MERX_SHAPE_TABLE ||
           (data->dense.x_float != NULL && (fitted->family->info.tags & MERX_TAKES_FLOAT) == 0);
}

merx_status mx_fitted_design(const mx_fitted *fitted, const merx_dataset *data, const mx_binding *binding, size_t begin,
                             size_t count, double *x, mx_design *out, merx_error *err)
{
    *out = (mx_design){.n = count,
                       .d = fitted->width,
                       .classes = fitted->classes,
                       .names = mx_fitted_names(fitted),
                       .outputs = fitted->output_names};
    if (fitted->pipeline != NULL) {
        out->levels = fitted->pipeline->levels;
        out->level_names = fitted->pipeline->level_names;
    }
    if (fitted->shape == MERX_SHAPE_SPARSE) {
        out->csr = data->csr;
        out->csr.rows = count;
        out->csr.starts += begin;
        return MERX_OK;
    }
    if (!mx_fitted_makes_rows(fitted, data)) {
        out->x = data->dense.x != NULL ? data->dense.x + begin * fitted->width : NULL;
        out->x_float = data->dense.x_float != NULL ? data->dense.x_float + begin * fitted->width : NULL;
        return MERX_OK;
    }
    out->x = x;
    if (fitted->shape == MERX_SHAPE_TABLE)
        return mx_pipeline_transform(fitted->pipeline, binding, begin, count, x, err);
    for (size_t i = 0; i < count * fitted->width; i++)
        x[i] = (double)data->dense.x_float[begin * fitted->width + i];
    return MERX_OK;
}

typedef struct predict_work {
    const mx_fitted *fitted;
    const merx_dataset *data;
    const mx_binding *binding;
    merx_prediction *out;
    const merx_allocator *scratch;
} predict_work;

static merx_status predict_block(void *context, size_t block, merx_error *err)
{
    predict_work *w = context;
    const mx_fitted *fitted = w->fitted;
    size_t begin = block * MX_PREDICT_BLOCK, rows = w->data->rows;
    size_t count = rows - begin < MX_PREDICT_BLOCK ? rows - begin : MX_PREDICT_BLOCK, room = 0;
    double *x = NULL;
    if (mx_fitted_makes_rows(fitted, w->data)) {
        room = count * fitted->width;
        MX_TRY(mx_alloc_array_raw(w->scratch, room, sizeof *x, "design rows", &x, err));
    }
    mx_design design;
    merx_status status;
    MX_TRY_GOTO(mx_fitted_design(fitted, w->data, w->binding, begin, count, x, &design, err));
    double *values = w->out->values + begin * fitted->n_outputs;
    /* Blocks are spread over the task's threads; inside one the family works alone. */
    MX_TRY_GOTO(fitted->family->predict(fitted->state, &design, NULL, values,
                                        w->out->labels != NULL ? w->out->labels + begin : NULL, err));
    if (fitted->target_kind == MX_TARGET_VALUE)
        for (size_t i = 0; i < count * fitted->n_outputs; i++)
            values[i] = mx_fitted_value(fitted, values[i]);
out:
    mx_free_array(w->scratch, x, room, sizeof *x);
    return status;
}

merx_status merx_model_predict(const merx_model *model, const merx_dataset *data, merx_task *task, merx_prediction *out,
                               merx_error *err)
{
    memset(out, 0, sizeof *out);
    MX_TRY(mx_model_require_fitted(model, err));
    const mx_fitted *fitted = model->fitted;
    MX_TRY(mx_fitted_check(fitted, data, err));
    mx_binding binding = {0};
    merx_status status;
    size_t count;
    out->alloc = model->alloc;
    out->rows = data->rows;
    out->outputs = fitted->n_outputs;
    out->names = fitted->output_names;
    if (!mx_mul_size(data->rows, fitted->n_outputs, &count) || count > SIZE_MAX / sizeof(double))
        MX_FAIL_GOTO(err, MERX_E_MEMORY, data->name, "%zu rows of %zu outputs are too many", data->rows,
                     fitted->n_outputs);
    MX_TRY_GOTO(mx_task_require_memory(task, (uint64_t)count * sizeof(double), "the prediction", err));
    MX_TRY_GOTO(mx_alloc_array(model->alloc, count, sizeof(double), "prediction", &out->values, err));
    if ((model->family->info.tags & (MERX_CLASSIFIES | MERX_CLUSTERS)) != 0)
        MX_TRY_GOTO(MX_NEW_ARRAY(model->alloc, data->rows, &out->labels, "prediction", err));
    if (fitted->shape == MERX_SHAPE_TABLE)
        MX_TRY_GOTO(mx_pipeline_bind(fitted->pipeline, data, merx_task_allocator(task), &binding, err));
    predict_work w = {fitted, data, &binding, out, merx_task_allocator(task)};
    MX_TRY_GOTO(mx_parallel(task, (data->rows + MX_PREDICT_BLOCK - 1) / MX_PREDICT_BLOCK, predict_block, &w, err));
    for (size_t i = 0; i < count; i++)
        if (!isfinite(out->values[i]))
            MX_FAIL_GOTO(err, MERX_E_NUMERIC, data->name,
                         "row %zu: its prediction is too large for a number (expected values like those fitted)",
                         i / fitted->n_outputs + 1);
out:
    mx_binding_release(&binding);
    if (status != MERX_OK)
        merx_prediction_release(out);
    return status;
}

void merx_prediction_release(merx_prediction *prediction)
{
    if (prediction == NULL || prediction->alloc == NULL)
        return;
    MX_FREE_ARRAY(prediction->alloc, prediction->values, prediction->rows * prediction->outputs);
    MX_FREE_ARRAY(prediction->alloc, prediction->labels, prediction->rows);
    memset(prediction, 0, sizeof *prediction);
}

enum { ROW_ON_STACK = 512 };

/* The design row of plain numbers: as given, or through the pipeline. */
static void plain_row(const mx_pipeline *p, const double *x, double *row)
{
    for (size_t s = 0; s < p->n_sources; s++) {
        const mx_source_column *source = &p->sources[s];
        bool present = !isnan(x[s]);
        double value = !present ? source->fill : source->log ? log(x[s]) : x[s];
        for (size_t j = source->first; j < source->first + source->count; j++)
            row[j] = p->slots[j].kind == MX_SLOT_MISSING             ? !present
                     : p->slots[j].kind == MX_SLOT_PLAIN && !present ? NAN
                                                                     : (value - p->slots[j].center) / p->slots[j].scale;
    }
}

merx_status merx_model_predict_row(const merx_model *model, const double *x, size_t d, double *values, int32_t *label,
                                   merx_error *err)
{
    MX_TRY(mx_model_require_fitted(model, err));
    const mx_fitted *f = model->fitted;
    const mx_family *family = f->family;
    if (!f->plain)
        MX_FAIL(err, MERX_E_UNSUPPORTED, family->info.name,
                "the model has columns that are no plain numbers; predict a table of one row instead");
    size_t wanted = f->pipeline != NULL ? f->pipeline->n_sources : f->width;
    if (d != wanted)
        MX_FAIL(err, MERX_E_SHAPE, family->info.name, "the row has %zu numbers; the model was fitted with %zu columns",
                d, wanted);
    double on_stack[ROW_ON_STACK], *made = NULL;
    merx_status status = MERX_OK;
    if (f->pipeline != NULL) {
        if (f->width > ROW_ON_STACK)
            MX_TRY(mx_alloc_array_raw(model->alloc, f->width, sizeof *made, "design row", &made, err));
        double *row = made != NULL ? made : on_stack;
        plain_row(f->pipeline, x, row);
        x = row;
    }
    if (family->predict_row != NULL) {
        family->predict_row(f->state, x, values, label);
    } else {
        mx_design design = {.n = 1, .d = f->width, .x = x, .classes = f->classes, .names = mx_fitted_names(f)};
        int32_t unasked;
        bool labelled = (family->info.tags & (MERX_CLASSIFIES | MERX_CLUSTERS)) != 0;
        MX_TRY_GOTO(family->predict(f->state, &design, NULL, values,
                                    label != NULL ? label
                                    : labelled    ? &unasked
                                                  : NULL,
                                    err));
    }
    for (size_t k = 0; k < f->n_outputs; k++) {
        if (f->target_kind == MX_TARGET_VALUE)
            values[k] = mx_fitted_value(f, values[k]);
        if (!isfinite(values[k]))
            MX_FAIL_GOTO(err, MERX_E_NUMERIC, family->info.name,
                         "the prediction is no finite number (expected values like those fitted)");
    }
out:
    mx_free_array(model->alloc, made, f->width, sizeof *made);
    return status;
}
