/*
 * Permutation importance: a metric before and after the values of one column are shuffled over the rows.
 *
 * The shuffle of a column's r-th repeat is keyed by (seed, the column's name, r): leaving a column out, or reordering them, leaves the others'
 * shuffles as they were.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "learn/core/inspection.h"
#include "numeric/statistics.h"

#define REPEATS 5
#define REPEATS_MAX 10000
#define PERMUTE_TAG UINT64_C(0x7065726d) /* "perm" */

typedef struct importance_work {
    mx_inspected seen;
    const mx_named_metric *metric;
    double score;
    size_t count, repeats, done;
    size_t *columns; /* (count) of the model's columns */
    int64_t *order;  /* (rows) */
    const merx_allocator *alloc;
} importance_work;

static merx_status choose(importance_work *w, const merx_importance_options *options, merx_error *err)
{
    size_t all = mx_inspected_columns(&w->seen);
    w->count = options->n_columns > 0 ? options->n_columns : all;
    MX_TRY(MX_NEW_ARRAY(w->alloc, w->count, &w->columns, "columns", err));
    for (size_t i = 0; i < w->count; i++) {
        w->columns[i] = i;
        if (options->n_columns == 0)
            continue;
        MX_TRY(mx_inspected_find(&w->seen, options->columns[i], &w->columns[i], err));
        for (size_t k = 0; k < i; k++)
            if (w->columns[k] == w->columns[i])
                MX_FAIL(err, MERX_E_EXISTS, w->seen.data->name, "column \"%s\" is named twice", options->columns[i]);
    }
    return MERX_OK;
}

static merx_status score_of(importance_work *w, const merx_dataset *data, merx_task *task, double *score,
                            merx_error *err)
{
    merx_prediction p = {0};
    MX_TRY(merx_model_predict(w->seen.model, data, task, &p, err));
    merx_status status = w->metric->of(&w->seen, &p, score, err);
    merx_prediction_release(&p);
    if (status == MERX_OK && !isfinite(*score))
        MX_FAIL(err, MERX_E_NUMERIC, w->seen.data->name,
                "%s is not a number on these rows (the target is the same in all of them)", w->metric->name);
    return status;
}

/* One column's repeats into drops; the mean, its interval and the deviation into out. */
static merx_status measure(importance_work *w, size_t column, merx_task *task, double *drops, merx_importance *out,
                           merx_error *err)
{
    const char *name = mx_inspected_column(&w->seen, column);
    mx_overlay overlay = {0};
    size_t n = w->seen.data->rows;
    merx_status status;
    MX_TRY_GOTO(mx_overlay_init(&overlay, &w->seen, column, err));
    for (size_t r = 0; r < w->repeats; r++) {
        mx_random random;
        mx_random_init(&random, merx_task_seed(task), mx_random_key(PERMUTE_TAG, mx_hash64(name, strlen(name), 0), r));
        for (size_t i = 0; i < n; i++)
            w->order[i] = (int64_t)i;
        mx_random_shuffle_i64(&random, w->order, n);
        mx_overlay_permute(&overlay, w->order);
        double score = 0;
        MX_TRY_GOTO(score_of(w, &overlay.data, task, &score, err));
        drops[r] = w->metric->higher_is_better ? w->score - score : score - w->score;
        MX_TRY_GOTO(mx_task_step(task, ++w->done, err));
    }
    out->value = mx_mean(drops, w->repeats);
    out->deviation = w->repeats > 1 ? sqrt(mx_variance(drops, w->repeats)) : 0;
    double half = w->repeats > 1
                      ? mx_student_t_quantile(0.975, (double)w->repeats - 1) * out->deviation / sqrt((double)w->repeats)
                      : 0;
    out->low = out->value - half;
    out->high = out->value + half;
out:
    mx_overlay_release(&overlay);
    return status;
}

typedef struct placed {
    merx_importance importance;
    size_t at;
} placed;

static int compare_placed(const void *a, const void *b)
{
    const placed *x = a, *y = b;
    if (x->importance.value != y->importance.value)
        return x->importance.value > y->importance.value ? -1 : 1;
    return strcmp(x->importance.name, y->importance.name);
}

static merx_status measure_all(importance_work *w, merx_task *task, merx_importances *out, merx_error *err)
{
    mx_arena *arena = out->memory;
    placed *all = NULL;
    double *drops = NULL;
    size_t cells;
    merx_status status;
    if (!mx_mul_size(w->count, w->repeats, &cells))
        MX_FAIL(err, MERX_E_MEMORY, w->seen.data->name, "%zu repeats of %zu columns are too many", w->repeats,
                w->count);
    MX_TRY_GOTO(MX_NEW_ARRAY(w->alloc, w->count, &all, "importances", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(w->alloc, cells, &drops, "importances", err));
    out->column = mx_arena_array(arena, w->count, sizeof *out->column, err);
    out->drops = mx_arena_array(arena, cells, sizeof *out->drops, err);
    if (out->column == NULL || out->drops == NULL) {
        status = MERX_E_MEMORY;
        goto out;
    }
    for (size_t i = 0; i < w->count; i++) {
        all[i].at = i;
        all[i].importance.name = mx_arena_strdup(arena, mx_inspected_column(&w->seen, w->columns[i]), err);
        if (all[i].importance.name == NULL) {
            status = MERX_E_MEMORY;
            goto out;
        }
        MX_TRY_GOTO(measure(w, w->columns[i], task, drops + i * w->repeats, &all[i].importance, err));
    }
    qsort(all, w->count, sizeof *all, compare_placed);
    for (size_t i = 0; i < w->count; i++) {
        out->column[i] = all[i].importance;
        memcpy(out->drops + i * w->repeats, drops + all[i].at * w->repeats, w->repeats * sizeof *drops);
    }
out:
    MX_FREE_ARRAY(w->alloc, all, w->count);
    MX_FREE_ARRAY(w->alloc, drops, cells);
    return status;
}

merx_status merx_model_permutation_importance(const merx_model *model, const merx_dataset *data,
                                              const merx_importance_options *options, merx_task *task,
                                              merx_importances *out, merx_error *err)
{
    static const merx_importance_options usual = {0};
    options = options != NULL ? options : &usual;
    memset(out, 0, sizeof *out);
    importance_work w = {.alloc = merx_task_allocator(task),
                         .repeats = options->repeats > 0 ? options->repeats : REPEATS};
    merx_status status;
    if (w.repeats > REPEATS_MAX)
        MX_FAIL(err, MERX_E_RANGE, "repeats", "%zu repeats are too many (expected 1 to %d)", w.repeats, REPEATS_MAX);
    MX_TRY_GOTO(mx_inspected_init(&w.seen, model, data, options->max_rows, task, err));
    MX_TRY_GOTO(mx_inspected_truth(&w.seen, err));
    MX_TRY_GOTO(mx_metric_find(&w.seen, options->metric, &w.metric, err));
    MX_TRY_GOTO(choose(&w, options, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(w.alloc, w.seen.data->rows, &w.order, "a shuffle", err));
    mx_task_stage(task, "shuffle the columns", (uint64_t)w.count * w.repeats, "shuffles");
    MX_TRY_GOTO(mx_task_step(task, 0, err));
    MX_TRY_GOTO(score_of(&w, w.seen.data, task, &w.score, err));
    *out = (merx_importances){.metric = w.metric->name,
                              .higher_is_better = w.metric->higher_is_better,
                              .score = w.score,
                              .rows = w.seen.data->rows,
                              .repeats = w.repeats,
                              .count = w.count};
    MX_TRY_GOTO(mx_inspection_memory(&out->memory, &out->alloc, model, err));
    MX_TRY_GOTO(measure_all(&w, task, out, err));
    mx_task_done(task);
out:
    if (w.seen.data != NULL)
        MX_FREE_ARRAY(w.alloc, w.order, w.seen.data->rows);
    MX_FREE_ARRAY(w.alloc, w.columns, w.count);
    mx_inspected_release(&w.seen);
    if (status != MERX_OK)
        merx_importances_release(out);
    return status;
}

void merx_importances_release(merx_importances *importances)
{
    if (importances == NULL)
        return;
    mx_inspection_forget(importances->memory, importances->alloc);
    memset(importances, 0, sizeof *importances);
}
