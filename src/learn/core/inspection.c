/*
 * The rows looked at, their truth, and a dataset with one column of its own.
 *
 * A shuffled or constant column is an overlay: a dataset struct that borrows everything of the one it stands on but that column (a matrix,
 * being row-major, is copied whole). So nothing of the pipeline or the families knows about inspection.
 */
#include "learn/core/inspection.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "learn/core/metrics.h"
#include "numeric/statistics.h"

#define SAMPLE_TAG UINT64_C(0x696e7370) /* "insp" */

typedef struct drawn_row {
    uint64_t key;
    size_t row;
} drawn_row;

static int compare_drawn(const void *a, const void *b)
{
    const drawn_row *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int compare_rows(const void *a, const void *b)
{
    const size_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

merx_status mx_draw_rows(size_t n, size_t count, uint64_t seed, uint64_t purpose, const merx_allocator *alloc,
                         size_t **rows, merx_error *err)
{
    drawn_row *drawn = NULL;
    merx_status status;
    *rows = NULL;
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, n, &drawn, "rows drawn", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, count, rows, "rows drawn", err));
    for (size_t i = 0; i < n; i++)
        drawn[i] = (drawn_row){mx_random_key(seed, purpose, i), i};
    qsort(drawn, n, sizeof *drawn, compare_drawn);
    for (size_t i = 0; i < count; i++)
        (*rows)[i] = drawn[i].row;
    qsort(*rows, count, sizeof **rows, compare_rows);
out:
    MX_FREE_ARRAY(alloc, drawn, n);
    return status;
}

merx_status mx_inspected_init(mx_inspected *s, const merx_model *model, const merx_dataset *data, size_t max_rows,
                              merx_task *task, merx_error *err)
{
    memset(s, 0, sizeof *s);
    s->alloc = merx_task_allocator(task);
    MX_TRY(mx_model_require_fitted(model, err));
    s->model = model;
    s->fitted = model->fitted;
    s->data = data;
    MX_TRY(mx_fitted_check(s->fitted, data, err));
    if (data->shape != MERX_SHAPE_TABLE && data->shape != MERX_SHAPE_MATRIX)
        MX_FAIL(err, MERX_E_UNSUPPORTED, data->name,
                "columns of a %s dataset can't be looked at one by one (expected a table or a matrix)",
                merx_dataset_shape_name(data->shape));
    if (data->rows == 0)
        MX_FAIL(err, MERX_E_INVALID, data->name, "there are no rows to look at");
    if (max_rows == 0 || max_rows >= data->rows)
        return MERX_OK;
    s->n_rows = max_rows;
    MX_TRY(mx_draw_rows(data->rows, max_rows, merx_task_seed(task), SAMPLE_TAG, s->alloc, &s->rows, err));
    MX_TRY(merx_dataset_take(data, s->rows, max_rows, &s->sample, err));
    s->data = s->sample;
    return MERX_OK;
}

merx_status mx_inspected_truth(mx_inspected *s, merx_error *err)
{
    const mx_fitted *f = s->fitted;
    if (f->target_kind == MX_TARGET_NONE) {
        if ((f->family->info.tags & MERX_CLUSTERS) != 0)
            return MERX_OK;
        MX_FAIL(err, MERX_E_UNSUPPORTED, f->family->info.name, "%s has no truth in its data to be measured against",
                f->family->info.name);
    }
    size_t target;
    MX_TRY(mx_dataset_need_column(s->data, f->target, "target", &target, err));
    if (f->target_kind == MX_TARGET_VALUE) {
        MX_TRY(MX_NEW_ARRAY(s->alloc, s->data->rows, &s->y, "target", err));
        return mx_target_values(s->data, target, false, s->y, err);
    }
    MX_TRY(MX_NEW_ARRAY(s->alloc, s->data->rows, &s->labels, "labels", err));
    return mx_target_labels(s->data, target, f->class_names, f->classes, s->labels, err);
}

void mx_inspected_release(mx_inspected *s)
{
    if (s->data != NULL) {
        MX_FREE_ARRAY(s->alloc, s->y, s->data->rows);
        MX_FREE_ARRAY(s->alloc, s->labels, s->data->rows);
    }
    MX_FREE_ARRAY(s->alloc, s->rows, s->n_rows);
    merx_dataset_free(s->sample);
    memset(s, 0, sizeof *s);
}

size_t mx_inspected_columns(const mx_inspected *s)
{
    return s->data->shape == MERX_SHAPE_TABLE ? s->fitted->pipeline->n_sources : s->data->dense.d;
}

const char *mx_inspected_column(const mx_inspected *s, size_t i)
{
    return s->data->shape == MERX_SHAPE_TABLE ? s->fitted->pipeline->sources[i].name : s->data->dense.names[i];
}

/* Which of the names it is, with the nearest one in the error. */
static merx_status find_name(const char *name, const char *const *names, size_t n, const char *where, const char *what,
                             size_t *found, merx_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0) {
            *found = i;
            return MERX_OK;
        }
    const char *nearest = mx_nearest_word(name, names, n);
    if (nearest != NULL)
        MX_FAIL(err, MERX_E_NOT_FOUND, where, "there is no %s \"%s\" (did you mean \"%s\"?)", what, name, nearest);
    MX_FAIL(err, MERX_E_NOT_FOUND, where, "there is no %s \"%s\"", what, name);
}

merx_status mx_inspected_find(const mx_inspected *s, const char *name, size_t *i, merx_error *err)
{
    const char **names = NULL;
    size_t n = mx_inspected_columns(s);
    MX_TRY(MX_NEW_ARRAY(s->alloc, n, &names, "column names", err));
    for (size_t j = 0; j < n; j++)
        names[j] = mx_inspected_column(s, j);
    merx_status status = find_name(name, names, n, s->data->name, "column the model reads called", i, err);
    MX_FREE_ARRAY(s->alloc, names, n);
    return status;
}

merx_status mx_inspected_output(const mx_inspected *s, const char *name, size_t *output, merx_error *err)
{
    const mx_fitted *f = s->fitted;
    *output = name == NULL && f->target_kind == MX_TARGET_CLASS && f->classes == 2;
    if (name == NULL)
        return MERX_OK;
    return find_name(name, f->output_names, f->n_outputs, f->family->info.name, "output", output, err);
}

/* ---- a dataset with one column of its own ---- */

static size_t value_size(merx_column_type type)
{
    switch (type) {
    case MERX_COLUMN_NUMERIC:
        return sizeof(double);
    case MERX_COLUMN_CATEGORICAL:
        return sizeof(int32_t);
    case MERX_COLUMN_BOOLEAN:
        return sizeof(signed char);
    case MERX_COLUMN_DATE:
        return sizeof(int64_t);
    default:
        return sizeof(char *);
    }
}

merx_status mx_overlay_init(mx_overlay *o, const mx_inspected *s, size_t column, merx_error *err)
{
    const merx_dataset *of = s->data;
    *o = (mx_overlay){.data = *of, .of = of, .alloc = s->alloc, .at = column};
    size_t cells = 0;
    if (of->shape == MERX_SHAPE_MATRIX) {
        size_t each = of->dense.x != NULL ? sizeof(double) : sizeof(float);
        if (!mx_mul_size(of->rows, of->dense.d, &cells) || !mx_mul_size(cells, each, &o->value_bytes))
            MX_FAIL(err, MERX_E_MEMORY, of->name, "%zu rows of %zu columns are too many", of->rows, of->dense.d);
        MX_TRY(mx_alloc_array_raw(s->alloc, o->value_bytes, 1, "copy of the matrix", &o->values, err));
        memcpy(o->values, of->dense.x != NULL ? (const void *)of->dense.x : (const void *)of->dense.x_float,
               o->value_bytes);
        o->data.dense.x = of->dense.x != NULL ? o->values : NULL;
        o->data.dense.x_float = of->dense.x != NULL ? NULL : o->values;
        return MERX_OK;
    }
    MX_TRY(mx_dataset_need_column(of, mx_inspected_column(s, column), "feature", &o->at, err));
    MX_TRY(MX_NEW_ARRAY(s->alloc, of->columns.count, &o->columns, "columns", err));
    memcpy(o->columns, of->columns.data, of->columns.count * sizeof *o->columns);
    o->data.columns.data = o->columns;
    mx_column *mine = &o->columns[o->at];
    if (!mx_mul_size(of->rows, value_size(mine->type), &o->value_bytes))
        MX_FAIL(err, MERX_E_MEMORY, of->name, "%zu rows are too many", of->rows);
    MX_TRY(mx_alloc_array_raw(s->alloc, o->value_bytes, 1, "a column", &o->values, err));
    mine->as.numeric = o->values; /* every member of the union is a pointer */
    return MERX_OK;
}

void mx_overlay_release(mx_overlay *o)
{
    if (o->of == NULL)
        return;
    mx_free_array(o->alloc, o->values, o->value_bytes, 1);
    MX_FREE_ARRAY(o->alloc, o->columns, o->of->columns.count);
    memset(o, 0, sizeof *o);
}

void mx_overlay_permute(mx_overlay *o, const int64_t *order)
{
    size_t n = o->of->rows, d = o->of->dense.d;
    if (o->columns == NULL) {
        for (size_t i = 0; i < n; i++) {
            size_t to = i * d + o->at, from = (size_t)order[i] * d + o->at;
            if (o->of->dense.x != NULL)
                ((double *)o->values)[to] = o->of->dense.x[from];
            else
                ((float *)o->values)[to] = o->of->dense.x_float[from];
        }
        return;
    }
    const mx_column *from = mx_dataset_column(o->of, o->at);
    size_t size = value_size(from->type);
    const unsigned char *values = (const unsigned char *)from->as.numeric;
    for (size_t i = 0; i < n; i++)
        memcpy((unsigned char *)o->values + i * size, values + (size_t)order[i] * size, size);
}

void mx_overlay_set(mx_overlay *o, double value)
{
    size_t n = o->of->rows, d = o->of->dense.d;
    if (o->columns == NULL) {
        for (size_t i = 0; i < n; i++)
            if (o->of->dense.x != NULL)
                ((double *)o->values)[i * d + o->at] = value;
            else
                ((float *)o->values)[i * d + o->at] = (float)value;
        return;
    }
    mx_column *mine = &o->columns[o->at];
    mine->missing = 0;
    for (size_t i = 0; i < n; i++)
        switch (mine->type) {
        case MERX_COLUMN_CATEGORICAL:
            mine->as.codes[i] = (int32_t)value;
            break;
        case MERX_COLUMN_BOOLEAN:
            mine->as.boolean[i] = value != 0;
            break;
        case MERX_COLUMN_DATE:
            mine->as.date_ms[i] = (int64_t)value;
            break;
        default:
            mine->as.numeric[i] = value;
        }
}

merx_status mx_inspection_memory(void **memory, const merx_allocator **alloc, const merx_model *model, merx_error *err)
{
    mx_arena *arena = NULL;
    MX_TRY(MX_NEW_ARRAY(model->alloc, 1, &arena, "the result", err));
    mx_arena_init(arena, model->alloc);
    *memory = arena;
    *alloc = model->alloc;
    return MERX_OK;
}

void mx_inspection_forget(void *memory, const merx_allocator *alloc)
{
    mx_arena *arena = memory;
    if (arena == NULL)
        return;
    mx_arena_release(arena);
    MX_FREE_ARRAY(alloc, arena, 1);
}

/* ---- metrics by name ---- */

static merx_status of_mae(const mx_inspected *t, const merx_prediction *p, double *out, merx_error *err)
{
    (void)err;
    *out = mx_mean_absolute_error(t->y, p->values, p->rows);
    return MERX_OK;
}

static merx_status of_rmse(const mx_inspected *t, const merx_prediction *p, double *out, merx_error *err)
{
    (void)err;
    *out = mx_root_mean_squared_error(t->y, p->values, p->rows);
    return MERX_OK;
}

static merx_status of_r2(const mx_inspected *t, const merx_prediction *p, double *out, merx_error *err)
{
    (void)err;
    *out = mx_r2(t->y, p->values, p->rows);
    return MERX_OK;
}

static merx_status of_mape(const mx_inspected *t, const merx_prediction *p, double *out, merx_error *err)
{
    (void)err;
    *out = mx_mape(t->y, p->values, p->rows);
    return MERX_OK;
}

static merx_status of_wape(const mx_inspected *t, const merx_prediction *p, double *out, merx_error *err)
{
    (void)err;
    *out = mx_wape(t->y, p->values, p->rows);
    return MERX_OK;
}

/* The second of two classes' probabilities in a row. */
static merx_status with_scores(const mx_inspected *t, const merx_prediction *p, double *out, merx_error *err,
                               merx_status (*of)(const int32_t *, const double *, size_t, const merx_allocator *,
                                                 double *, merx_error *))
{
    double *scores = NULL;
    MX_TRY(MX_NEW_ARRAY(t->alloc, p->rows, &scores, "scores", err));
    for (size_t i = 0; i < p->rows; i++)
        scores[i] = p->values[i * p->outputs + 1];
    merx_status status = of(t->labels, scores, p->rows, t->alloc, out, err);
    MX_FREE_ARRAY(t->alloc, scores, p->rows);
    return status;
}

static merx_status of_auc(const mx_inspected *t, const merx_prediction *p, double *out, merx_error *err)
{
    return with_scores(t, p, out, err, mx_auc);
}

static merx_status of_average_precision(const mx_inspected *t, const merx_prediction *p, double *out, merx_error *err)
{
    return with_scores(t, p, out, err, mx_average_precision);
}

static merx_status of_accuracy(const mx_inspected *t, const merx_prediction *p, double *out, merx_error *err)
{
    (void)err;
    *out = mx_accuracy(t->labels, p->labels, p->rows);
    return MERX_OK;
}

static merx_status of_log_loss(const mx_inspected *t, const merx_prediction *p, double *out, merx_error *err)
{
    (void)err;
    *out = mx_log_loss(t->labels, p->values, p->rows, p->outputs);
    return MERX_OK;
}

static merx_status of_f1(const mx_inspected *t, const merx_prediction *p, double *out, merx_error *err)
{
    (void)err;
    *out = mx_f1(t->labels, p->labels, p->rows, p->outputs);
    return MERX_OK;
}

static merx_status of_brier(const mx_inspected *t, const merx_prediction *p, double *out, merx_error *err)
{
    (void)err;
    *out = mx_brier(t->labels, p->values, p->rows, p->outputs);
    return MERX_OK;
}

static merx_status of_inertia(const mx_inspected *t, const merx_prediction *p, double *out, merx_error *err)
{
    double *squared = NULL;
    MX_TRY(MX_NEW_ARRAY(t->alloc, p->rows, &squared, "distances", err));
    for (size_t i = 0; i < p->rows; i++) {
        double distance = p->values[i * p->outputs + (size_t)p->labels[i]];
        squared[i] = distance * distance;
    }
    *out = mx_sum(squared, p->rows);
    MX_FREE_ARRAY(t->alloc, squared, p->rows);
    return MERX_OK;
}

/* The first of its kind is the usual one. */
static const mx_named_metric metrics[] = {
    {"r2", MX_TARGET_VALUE, true, false, of_r2},
    {"mae", MX_TARGET_VALUE, false, false, of_mae},
    {"rmse", MX_TARGET_VALUE, false, false, of_rmse},
    {"mape", MX_TARGET_VALUE, false, false, of_mape},
    {"wape", MX_TARGET_VALUE, false, false, of_wape},
    {"auc", MX_TARGET_CLASS, true, true, of_auc},
    {"accuracy", MX_TARGET_CLASS, true, false, of_accuracy},
    {"average_precision", MX_TARGET_CLASS, true, true, of_average_precision},
    {"log_loss", MX_TARGET_CLASS, false, false, of_log_loss},
    {"f1", MX_TARGET_CLASS, true, false, of_f1},
    {"brier", MX_TARGET_CLASS, false, false, of_brier},
    {"inertia", MX_TARGET_NONE, false, false, of_inertia},
};
#define METRICS (sizeof metrics / sizeof *metrics)

merx_status mx_metric_find(const mx_inspected *s, const char *name, const mx_named_metric **out, merx_error *err)
{
    const char *names[METRICS];
    const mx_named_metric *those[METRICS];
    size_t n = 0, found = 0;
    for (size_t i = 0; i < METRICS; i++)
        if (metrics[i].kind == s->fitted->target_kind && !(metrics[i].two_classes && s->fitted->classes != 2)) {
            names[n] = metrics[i].name;
            those[n++] = &metrics[i];
        }
    if (name != NULL) {
        char where[64];
        (void)snprintf(where, sizeof where, "%s", s->fitted->family->info.name);
        MX_TRY(find_name(name, names, n, where, "metric of this model called", &found, err));
    }
    *out = those[found];
    return MERX_OK;
}
