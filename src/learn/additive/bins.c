/*
 * Bins of columns, and the coarser sides of grids.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/sort.h"
#include "learn/additive/additive_parts.h"

#define ROW_BLOCK 1024

/* ---- cuts ---- */

typedef struct cutter {
    const mx_additive_data *data;
    size_t max_bins;
    const merx_allocator *alloc;
    double *cuts; /* (d, max_bins - 1) */
    size_t *counts;
} cutter;

/* Above a, at most b, and as near the middle as a double comes: a is left of it, b right. */
static double between(double a, double b)
{
    double middle = a / 2 + b / 2;
    return middle >= a && middle < b ? middle : a;
}

/* Distinct values, ascending, with how often each occurs; then cuts wherever the run of values has its share of the rows that are left. */
static merx_status cut_column(void *context, size_t j, merx_error *err)
{
    cutter *c = context;
    const mx_additive_data *data = c->data;
    size_t n = data->n, d = data->d, present = 0, distinct = 0, cuts = 0;
    mx_keyed *keys = NULL, *spare = NULL;
    merx_status status = MERX_OK;
    if (data->levels[j] > 0)
        return MERX_OK;
    MX_TRY_GOTO(mx_alloc_array_raw(c->alloc, n, sizeof *keys, "values of a column", &keys, err));
    MX_TRY_GOTO(mx_alloc_array_raw(c->alloc, n, sizeof *spare, "values of a column", &spare, err));
    for (size_t i = 0; i < n; i++) {
        double value = data->x[i * d + j] + 0.0;
        if (!isnan(value) && (data->weights == NULL || data->weights[i] > 0))
            keys[present++] = (mx_keyed){mx_key_of_double(value), (uint32_t)i};
    }
    mx_keyed *sorted = mx_sort_keyed(keys, spare, present);
    for (size_t i = 0; i < present; i++)
        distinct += i == 0 || sorted[i].key != sorted[i - 1].key;
    size_t room = c->max_bins < distinct ? c->max_bins : distinct, left = room, begin = 0;
    double *out = c->cuts + j * (c->max_bins - 1);
    for (size_t i = 0; i < present;) {
        size_t next = i + 1;
        while (next < present && sorted[next].key == sorted[i].key)
            next++;
        /* A bin ends here when it holds its share, or when every value can have a bin of its own. */
        bool full = room == distinct || (double)(next - begin) >= (double)(present - begin) / (double)left;
        if (next < present && full && left > 1) {
            out[cuts++] = between(data->x[(size_t)sorted[i].row * d + j], data->x[(size_t)sorted[next].row * d + j]);
            left--;
            begin = next;
        }
        i = next;
    }
    c->counts[j] = cuts;
out:
    MX_FREE_ARRAY(c->alloc, keys, n);
    MX_FREE_ARRAY(c->alloc, spare, n);
    return status;
}

merx_status mx_additive_make_axes(const mx_additive_data *data, size_t max_bins, mx_additive *model, merx_task *task,
                                  merx_error *err)
{
    size_t d = data->d, room = 0;
    cutter c = {.data = data, .max_bins = max_bins, .alloc = merx_task_allocator(task)};
    merx_status status;
    if (!mx_mul_size(d, max_bins - 1, &room))
        MX_FAIL(err, MERX_E_MEMORY, "additive", "%zu columns of %zu bins are too many", d, max_bins);
    MX_TRY_GOTO(mx_alloc_array_raw(c.alloc, room, sizeof *c.cuts, "cuts", &c.cuts, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(c.alloc, d, &c.counts, "cuts", err));
    MX_TRY_GOTO(mx_parallel(task, d, cut_column, &c, err));
    model->n_cuts = model->n_bins = 0;
    MX_TRY_GOTO(MX_NEW_ARRAY(model->alloc, d, &model->axes, "columns", err));
    for (size_t j = 0; j < d; j++) {
        mx_additive_axis *axis = &model->axes[j];
        axis->levels = data->levels[j];
        axis->n_cuts = c.counts[j];
        axis->cuts = model->n_cuts;
        axis->bins = (axis->levels > 0 ? axis->levels : axis->n_cuts + 1) + 2;
        axis->first = model->n_bins;
        if (axis->bins > UINT16_MAX)
            MX_FAIL_GOTO(err, MERX_E_LIMIT, "additive", "%zu levels of a column are too many (expected at most %d)",
                         axis->levels, UINT16_MAX - 2);
        model->n_cuts += axis->n_cuts;
        model->n_bins += axis->bins;
    }
    MX_TRY_GOTO(mx_alloc_array_raw(model->alloc, model->n_cuts, sizeof *model->cuts, "cuts", &model->cuts, err));
    for (size_t j = 0; j < d; j++)
        if (c.counts[j] > 0)
            memcpy(model->cuts + model->axes[j].cuts, c.cuts + j * (max_bins - 1), c.counts[j] * sizeof *c.cuts);
out:
    mx_free_array(c.alloc, c.cuts, room, sizeof *c.cuts);
    MX_FREE_ARRAY(c.alloc, c.counts, d);
    return status;
}

size_t mx_additive_bin(const mx_additive *model, size_t j, double value)
{
    const mx_additive_axis *axis = &model->axes[j];
    if (isnan(value))
        return 0;
    if (axis->levels > 0)
        return value >= 0 && value < (double)axis->levels ? (size_t)value + 1 : axis->bins - 1;
    const double *cuts = model->cuts + axis->cuts;
    size_t low = 0, high = axis->n_cuts;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cuts[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low + 1;
}

typedef struct binner {
    const mx_additive *model;
    const double *x;
    const uint32_t *order;
    size_t n;
    uint16_t *bins;
} binner;

static merx_status bin_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    const binner *b = context;
    size_t n = b->n, d = b->model->d, end = (block + 1) * ROW_BLOCK;
    for (size_t i = block * ROW_BLOCK; i < n && i < end; i++) {
        const double *x = b->x + (size_t)b->order[i] * d;
        for (size_t j = 0; j < d; j++)
            b->bins[j * n + i] = (uint16_t)mx_additive_bin(b->model, j, x[j]);
    }
    return MERX_OK;
}

merx_status mx_additive_bin_rows(const mx_additive *model, const double *x, const uint32_t *order, size_t n,
                                 uint16_t *bins, merx_task *task, merx_error *err)
{
    binner b = {model, x, order, n, bins};
    return mx_parallel(task, (n + ROW_BLOCK - 1) / ROW_BLOCK, bin_block, &b, err);
}

/* ---- sides ---- */

typedef struct ranked_bin {
    double value;
    size_t bin;
} ranked_bin;

static int compare_bins(const void *a, const void *b)
{
    const ranked_bin *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->bin < y->bin ? -1 : x->bin > y->bin;
}

/* The output in which the shape of column j differs most between rows. */
static size_t widest_output(const mx_additive *model, size_t j)
{
    const mx_additive_axis *axis = &model->axes[j];
    size_t best = 0;
    double most = -1;
    for (size_t k = 0; k < model->outputs; k++) {
        double sum = 0, squares = 0, mass = 0;
        for (size_t c = axis->first; c < axis->first + axis->bins; c++) {
            double f = model->shapes[c * model->outputs + k], w = model->masses[c];
            mass += w;
            sum += w * f;
            squares += w * f * f;
        }
        double spread = mass > 0 ? squares - sum * sum / mass : 0;
        if (spread > most) {
            most = spread;
            best = k;
        }
    }
    return best;
}

merx_status mx_additive_make_sides(mx_additive *model, size_t pair_bins, merx_error *err)
{
    size_t most = 0;
    ranked_bin *order = NULL;
    for (size_t j = 0; j < model->d; j++)
        most = most < model->axes[j].bins ? model->axes[j].bins : most;
    MX_TRY(MX_NEW_ARRAY(model->alloc, most, &order, "bins", err));
    for (size_t j = 0; j < model->d; j++) {
        mx_additive_axis *axis = &model->axes[j];
        size_t m = axis->bins - 2, output = axis->levels > 0 ? widest_output(model, j) : 0;
        double mass = 0, run = 0;
        int32_t *side = model->side_of + axis->first;
        for (size_t c = 1; c <= m; c++) {
            double value = axis->levels > 0 ? model->shapes[(axis->first + c) * model->outputs + output] : (double)c;
            order[c - 1] = (ranked_bin){value, c};
            mass += model->masses[axis->first + c];
        }
        qsort(order, m, sizeof *order, compare_bins);
        size_t cells = m < pair_bins ? m : pair_bins, at = 1;
        for (size_t q = 0; q < m; q++) {
            double own = model->masses[axis->first + order[q].bin];
            side[order[q].bin] = (int32_t)at;
            run += own;
            /* A cell ends when it holds its share of the mass, or when every bin can have its own. */
            if (q + 1 < m && at < cells && (cells == m || run >= mass / (double)(cells - at + 1))) {
                at++;
                mass -= run;
                run = 0;
            }
        }
        side[0] = 0;
        side[axis->bins - 1] = (int32_t)at + 1;
        axis->side = at + 2;
    }
    MX_FREE_ARRAY(model->alloc, order, most);
    return MERX_OK;
}
