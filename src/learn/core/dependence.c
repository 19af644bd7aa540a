/*
 * Partial dependence and individual conditional expectation: the prediction with one column set to each value of a grid in every row.
 *
 * Grids: each value that occurs where they are few (always for levels and booleans); else quantiles (linear between order statistics), or evenly
 * spaced values between two quantiles found as SciPy's mquantiles finds them (alphap = betap = 0.4), which is scikit-learn's grid.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "learn/core/inspection.h"
#include "numeric/statistics.h"

#define POINTS 40
#define POINTS_MAX 10000
#define INDIVIDUAL_TAG UINT64_C(0x69636520) /* "ice " */

typedef struct dependence_work {
    mx_inspected seen;
    const merx_dependence_options *options;
    size_t column, output, most;
    const mx_column *values; /* of a table */
    double low, high;
    double *sorted; /* (rows) the values that are there */
    size_t n_sorted;
    double *row_values; /* (rows) of one point */
    const merx_allocator *alloc;
} dependence_work;

static int compare_values(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static bool value_at(const dependence_work *w, size_t row, double *value)
{
    const mx_dense *dense = &w->seen.data->dense;
    if (w->values == NULL) {
        size_t at = row * dense->d + w->column;
        *value = dense->x != NULL ? dense->x[at] : (double)dense->x_float[at];
        return true;
    }
    switch (w->values->type) {
    case MERX_COLUMN_CATEGORICAL:
        *value = w->values->as.codes[row];
        return w->values->as.codes[row] >= 0;
    case MERX_COLUMN_BOOLEAN:
        *value = w->values->as.boolean[row];
        return w->values->as.boolean[row] >= 0;
    case MERX_COLUMN_DATE:
        *value = (double)w->values->as.date_ms[row];
        return w->values->as.date_ms[row] != INT64_MIN;
    default:
        *value = w->values->as.numeric[row];
        return !isnan(*value);
    }
}

static double scipy_quantile(const double *sorted, size_t n, double p)
{
    double at = (double)n * p + 0.4 + p * 0.2;
    double k = floor(fmin(fmax(at, 1), (double)n - 1));
    double between = fmin(fmax(at - k, 0), 1);
    size_t i = k >= 1 ? (size_t)k : 1;
    return n == 1 ? sorted[0] : (1 - between) * sorted[i - 1] + between * sorted[i];
}

/* The grid out of the sorted values: every distinct one where they are few, else quantiles or even steps. Returns how many points. */
static size_t make_grid(const dependence_work *w, bool levels, double *grid)
{
    size_t distinct = 0, most = w->most;
    for (size_t i = 0; i < w->n_sorted; i++)
        distinct += i == 0 || w->sorted[i] != w->sorted[i - 1];
    size_t n = 0;
    if (levels || distinct < most) {
        for (size_t i = 0; i < w->n_sorted; i++)
            if (i == 0 || w->sorted[i] != w->sorted[i - 1])
                grid[n++] = w->sorted[i];
        return n;
    }
    double low = scipy_quantile(w->sorted, w->n_sorted, w->low);
    double high = scipy_quantile(w->sorted, w->n_sorted, w->high);
    for (size_t k = 0; k < most; k++) {
        double share = (double)k / (double)(most - 1);
        double value = w->options->spacing == MERX_GRID_UNIFORM
                           ? (k == most - 1 ? high : low + (double)k * ((high - low) / (double)(most - 1)))
                           : mx_quantile_sorted(w->sorted, w->n_sorted, w->low + share * (w->high - w->low));
        if (n == 0 || value > grid[n - 1])
            grid[n++] = value;
    }
    return n;
}

static merx_status check_own_grid(const dependence_work *w, merx_error *err)
{
    const merx_dependence_options *o = w->options;
    merx_column_type type = w->values != NULL ? w->values->type : MERX_COLUMN_NUMERIC;
    if (o->n_values == 0)
        return MERX_OK;
    if (type != MERX_COLUMN_NUMERIC && type != MERX_COLUMN_DATE)
        MX_FAIL(err, MERX_E_TYPE, o->column, "a grid of its own needs a numeric or date column; this one is %s",
                merx_column_type_name(type));
    for (size_t k = 0; k < o->n_values; k++)
        if (!isfinite(o->values[k]) || (k > 0 && !(o->values[k] > o->values[k - 1])))
            MX_FAIL(err, MERX_E_INVALID, o->column, "value %zu of the grid is not a number above the one before",
                    k + 1);
    return MERX_OK;
}

static merx_status prepare(dependence_work *w, merx_error *err)
{
    const merx_dependence_options *o = w->options;
    w->most = o->points > 0 ? o->points : POINTS;
    if (w->most < 2 || w->most > POINTS_MAX)
        MX_FAIL(err, MERX_E_RANGE, "points", "a grid of %zu points (expected 2 to %d)", w->most, POINTS_MAX);
    if (o->n_values > POINTS_MAX)
        MX_FAIL(err, MERX_E_RANGE, "values", "a grid of %zu points (expected 1 to %d)", o->n_values, POINTS_MAX);
    bool given = o->low != 0 || o->high != 0;
    w->low = given ? o->low : 0.05;
    w->high = given ? o->high : 0.95;
    if (!(w->low >= 0 && w->low < w->high && w->high <= 1))
        MX_FAIL(err, MERX_E_RANGE, "low", "quantiles %g and %g (expected 0 <= low < high <= 1)", w->low, w->high);
    if (o->column == NULL)
        MX_FAIL(err, MERX_E_INVALID, "column", "no column is named");
    MX_TRY(mx_inspected_find(&w->seen, o->column, &w->column, err));
    if (w->seen.data->shape == MERX_SHAPE_TABLE) {
        size_t at;
        MX_TRY(mx_dataset_need_column(w->seen.data, o->column, "feature", &at, err));
        w->values = mx_dataset_column(w->seen.data, at);
    }
    MX_TRY(mx_inspected_output(&w->seen, o->output, &w->output, err));
    return check_own_grid(w, err);
}

static merx_status label_points(const dependence_work *w, mx_arena *arena, merx_dependence *out, merx_error *err)
{
    out->label = mx_arena_array(arena, out->points, sizeof *out->label, err);
    if (out->label == NULL)
        return MERX_E_MEMORY;
    for (size_t k = 0; k < out->points; k++) {
        char buffer[40];
        const char *text = buffer;
        if (out->type == MERX_COLUMN_CATEGORICAL)
            text = w->values->levels[(size_t)out->value[k]];
        else if (out->type == MERX_COLUMN_BOOLEAN)
            text = out->value[k] != 0 ? "true" : "false";
        else if (out->type == MERX_COLUMN_DATE) {
            int64_t ms = (int64_t)out->value[k];
            mx_column one = {.type = MERX_COLUMN_DATE, .as.date_ms = &ms};
            text = mx_dataset_cell(&one, 0, buffer);
        } else if (mx_format_double(out->value[k], buffer) > 8)
            (void)snprintf(buffer, sizeof buffer, "%.6g", out->value[k]); /* between two values of the data */
        if ((out->label[k] = mx_arena_strdup(arena, text, err)) == NULL)
            return MERX_E_MEMORY;
    }
    return MERX_OK;
}

/* The share of rows with each value, where every value is a point. */
static void count_shares(const dependence_work *w, merx_dependence *out)
{
    for (size_t k = 0, i = 0; k < out->points; k++) {
        size_t begin = i;
        while (i < w->n_sorted && w->sorted[i] == out->value[k])
            i++;
        out->share[k] = (double)(i - begin) / (double)out->rows;
    }
}

static merx_status choose_grid(dependence_work *w, merx_dependence *out, merx_error *err)
{
    const merx_dependence_options *o = w->options;
    mx_arena *arena = out->memory;
    size_t n = w->seen.data->rows;
    MX_TRY(mx_alloc_array_raw(w->alloc, n, sizeof *w->sorted, "the column's values", &w->sorted, err));
    for (size_t i = 0; i < n; i++)
        if (value_at(w, i, &w->sorted[w->n_sorted]))
            w->n_sorted++;
    if (w->n_sorted == 0)
        MX_FAIL(err, MERX_E_INVALID, w->seen.data->name, "column \"%s\" has no value in these rows", o->column);
    qsort(w->sorted, w->n_sorted, sizeof *w->sorted, compare_values);
    bool levels = out->type == MERX_COLUMN_CATEGORICAL || out->type == MERX_COLUMN_BOOLEAN;
    size_t room = o->n_values > 0 ? o->n_values : levels ? w->n_sorted : w->most, distinct = 0;
    for (size_t i = 0; i < w->n_sorted; i++)
        distinct += i == 0 || w->sorted[i] != w->sorted[i - 1];
    room = levels ? distinct : room;
    out->value = mx_arena_array(arena, room, sizeof *out->value, err);
    if (out->value == NULL)
        return MERX_E_MEMORY;
    if (o->n_values > 0) {
        memcpy(out->value, o->values, o->n_values * sizeof *o->values);
        out->points = o->n_values;
        return MERX_OK;
    }
    out->points = make_grid(w, levels, out->value);
    if (levels || distinct < w->most) {
        out->share = mx_arena_array(arena, out->points, sizeof *out->share, err);
        if (out->share == NULL)
            return MERX_E_MEMORY;
        count_shares(w, out);
    }
    return MERX_OK;
}

static merx_status choose_individuals(dependence_work *w, merx_task *task, merx_dependence *out, merx_error *err)
{
    mx_arena *arena = out->memory;
    size_t wanted = w->options->individuals < out->rows ? w->options->individuals : out->rows, cells;
    size_t *rows = NULL;
    if (!mx_mul_size(wanted, out->points, &cells))
        MX_FAIL(err, MERX_E_MEMORY, w->seen.data->name, "%zu curves of %zu points are too many", wanted, out->points);
    out->average = mx_arena_array(arena, out->points, sizeof *out->average, err);
    out->low = mx_arena_array(arena, out->points, sizeof *out->low, err);
    out->high = mx_arena_array(arena, out->points, sizeof *out->high, err);
    if (out->average == NULL || out->low == NULL || out->high == NULL)
        return MERX_E_MEMORY;
    if (wanted == 0)
        return MERX_OK;
    out->individual = mx_arena_array(arena, cells, sizeof *out->individual, err);
    out->row = mx_arena_array(arena, wanted, sizeof *out->row, err);
    if (out->individual == NULL || out->row == NULL)
        return MERX_E_MEMORY;
    MX_TRY(mx_draw_rows(out->rows, wanted, merx_task_seed(task), INDIVIDUAL_TAG, w->alloc, &rows, err));
    memcpy(out->row, rows, wanted * sizeof *rows);
    MX_FREE_ARRAY(w->alloc, rows, wanted);
    out->individuals = wanted;
    return MERX_OK;
}

static merx_status predict_points(dependence_work *w, merx_task *task, merx_dependence *out, merx_error *err)
{
    mx_overlay overlay = {0};
    merx_prediction p = {0};
    size_t n = w->seen.data->rows;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array_raw(w->alloc, n, sizeof *w->row_values, "predictions of a point", &w->row_values, err));
    MX_TRY_GOTO(mx_overlay_init(&overlay, &w->seen, w->column, err));
    for (size_t k = 0; k < out->points; k++) {
        MX_TRY_GOTO(mx_task_step(task, k, err));
        mx_overlay_set(&overlay, out->value[k]);
        MX_TRY_GOTO(merx_model_predict(w->seen.model, &overlay.data, task, &p, err));
        for (size_t i = 0; i < n; i++)
            w->row_values[i] = p.values[i * p.outputs + w->output];
        merx_prediction_release(&p);
        out->average[k] = mx_mean(w->row_values, n);
        for (size_t i = 0; i < out->individuals; i++)
            out->individual[i * out->points + k] = w->row_values[out->row[i]];
        qsort(w->row_values, n, sizeof *w->row_values, compare_values);
        out->low[k] = mx_quantile_sorted(w->row_values, n, 0.1);
        out->high[k] = mx_quantile_sorted(w->row_values, n, 0.9);
    }
out:
    mx_overlay_release(&overlay);
    return status;
}

merx_status merx_model_partial_dependence(const merx_model *model, const merx_dataset *data,
                                          const merx_dependence_options *options, merx_task *task, merx_dependence *out,
                                          merx_error *err)
{
    static const merx_dependence_options none = {0};
    memset(out, 0, sizeof *out);
    dependence_work w = {.options = options != NULL ? options : &none, .alloc = merx_task_allocator(task)};
    merx_status status;
    size_t n = 0;
    MX_TRY_GOTO(mx_inspected_init(&w.seen, model, data, w.options->max_rows, task, err));
    n = w.seen.data->rows;
    MX_TRY_GOTO(prepare(&w, err));
    MX_TRY_GOTO(mx_inspection_memory(&out->memory, &out->alloc, model, err));
    out->rows = n;
    out->type = w.values != NULL ? w.values->type : MERX_COLUMN_NUMERIC;
    out->column = mx_arena_strdup(out->memory, w.options->column, err);
    out->output = mx_arena_strdup(out->memory, w.seen.fitted->output_names[w.output], err);
    if (out->column == NULL || out->output == NULL) {
        status = MERX_E_MEMORY;
        goto out;
    }
    MX_TRY_GOTO(choose_grid(&w, out, err));
    MX_TRY_GOTO(label_points(&w, out->memory, out, err));
    if (out->type == MERX_COLUMN_CATEGORICAL)
        mx_task_stage(task, "set the column to each level", out->points, "levels");
    else
        mx_task_stage(task, "set the column to each value", out->points, "values");
    MX_TRY_GOTO(choose_individuals(&w, task, out, err));
    MX_TRY_GOTO(predict_points(&w, task, out, err));
    if (out->type == MERX_COLUMN_CATEGORICAL)
        for (size_t k = 0; k < out->points; k++)
            out->value[k] = (double)k;
    for (size_t i = 0; w.seen.rows != NULL && i < out->individuals; i++)
        out->row[i] = w.seen.rows[out->row[i]];
    mx_task_done(task);
out:
    mx_free_array(w.alloc, w.sorted, n, sizeof *w.sorted);
    mx_free_array(w.alloc, w.row_values, n, sizeof *w.row_values);
    mx_inspected_release(&w.seen);
    if (status != MERX_OK)
        merx_dependence_release(out);
    return status;
}

void merx_dependence_release(merx_dependence *dependence)
{
    if (dependence == NULL)
        return;
    mx_inspection_forget(dependence->memory, dependence->alloc);
    memset(dependence, 0, sizeof *dependence);
}
