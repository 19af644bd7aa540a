/*
 * Evaluation: metrics of a model on a table with the truth in it, each with a 95 % bootstrap interval over rows, and cross-validation.
 *
 * Rows are resampled with mx_bootstrap's draws. Curves (AUC, average precision) are computed in a resample from the rows' order by
 * score, found once: counts of each row, then one pass.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn/core/metrics.h"
#include "learn/core/model_state.h"
#include "learn/core/silhouette.h"
#include "learn/core/split.h"
#include "numeric/statistics.h"

#define MANY_ROWS 20000
#define SILHOUETTE_SAMPLE 2000
/* Metrics do not depend on the task's seed: the same model and rows always give the same figures. */
#define EVALUATION_SEED UINT64_C(0x6d657278)

static int replicates(size_t rows)
{
    return rows > MANY_ROWS ? 200 : 1000;
}

typedef struct truth {
    size_t n, classes;
    const double *y, *predicted;    /* regression */
    const int32_t *labels, *chosen; /* classification */
    const double *probabilities;    /* (n, classes) */
    const uint32_t *order;          /* rows by descending score, ties by row */
    uint32_t *counts;               /* (n) scratch of one resample */
} truth;

typedef double (*figure_fn)(const truth *t, const uint32_t *units, size_t n);

static double figure_mae(const truth *t, const uint32_t *u, size_t n)
{
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += fabs(t->y[u[i]] - t->predicted[u[i]]);
    return total / (double)n;
}

static double figure_rmse(const truth *t, const uint32_t *u, size_t n)
{
    double total = 0;
    for (size_t i = 0; i < n; i++) {
        double e = t->y[u[i]] - t->predicted[u[i]];
        total += e * e;
    }
    return sqrt(total / (double)n);
}

static double figure_r2(const truth *t, const uint32_t *u, size_t n)
{
    double mean = 0, error = 0, spread = 0;
    for (size_t i = 0; i < n; i++)
        mean += t->y[u[i]];
    mean /= (double)n;
    for (size_t i = 0; i < n; i++) {
        double y = t->y[u[i]], e = y - t->predicted[u[i]];
        error += e * e;
        spread += (y - mean) * (y - mean);
    }
    return spread > 0 ? 1 - error / spread : NAN;
}

/* As scikit-learn: a target of 0 counts as the smallest positive epsilon. */
static double figure_mape(const truth *t, const uint32_t *u, size_t n)
{
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += fabs(t->y[u[i]] - t->predicted[u[i]]) / fmax(fabs(t->y[u[i]]), DBL_EPSILON);
    return total / (double)n;
}

static double figure_accuracy(const truth *t, const uint32_t *u, size_t n)
{
    size_t hits = 0;
    for (size_t i = 0; i < n; i++)
        hits += t->labels[u[i]] == t->chosen[u[i]];
    return (double)hits / (double)n;
}

static double figure_log_loss(const truth *t, const uint32_t *u, size_t n)
{
    double total = 0;
    for (size_t i = 0; i < n; i++) {
        double p = t->probabilities[(size_t)u[i] * t->classes + (size_t)t->labels[u[i]]];
        total -= log(fmin(fmax(p, DBL_EPSILON), 1 - DBL_EPSILON));
    }
    return total / (double)n;
}

/* Two classes: of the second one. More: the mean over classes that occur (macro). */
static double figure_f1(const truth *t, const uint32_t *u, size_t n)
{
    double total = 0;
    size_t present = 0, first = t->classes == 2 ? 1 : 0;
    for (size_t c = first; c < t->classes; c++) {
        size_t both = 0, either = 0;
        for (size_t i = 0; i < n; i++) {
            bool is = (size_t)t->labels[u[i]] == c, said = (size_t)t->chosen[u[i]] == c;
            both += is && said;
            either += (size_t)is + (size_t)said;
        }
        if (either == 0)
            continue;
        total += 2 * (double)both / (double)either;
        present++;
    }
    return present > 0 ? total / (double)present : 0;
}

static double score_of(const truth *t, uint32_t row)
{
    return t->probabilities[(size_t)row * 2 + 1];
}

static void count_units(const truth *t, const uint32_t *u, size_t n)
{
    memset(t->counts, 0, t->n * sizeof *t->counts);
    for (size_t i = 0; i < n; i++)
        t->counts[u[i]]++;
}

static double figure_auc(const truth *t, const uint32_t *u, size_t n)
{
    count_units(t, u, n);
    double positives = 0, negatives = 0, pairs = 0;
    for (size_t i = 0; i < t->n;) {
        double p = 0, q = 0, score = score_of(t, t->order[i]);
        for (; i < t->n && score_of(t, t->order[i]) == score; i++)
            *(t->labels[t->order[i]] == 1 ? &p : &q) += t->counts[t->order[i]];
        pairs += q * (positives + 0.5 * p);
        positives += p;
        negatives += q;
    }
    return pairs / (positives * negatives);
}

static double figure_average_precision(const truth *t, const uint32_t *u, size_t n)
{
    count_units(t, u, n);
    double positives = 0, all = 0, total = 0;
    for (size_t i = 0; i < t->n;) {
        double p = 0, score = score_of(t, t->order[i]);
        for (; i < t->n && score_of(t, t->order[i]) == score; i++) {
            p += t->labels[t->order[i]] == 1 ? t->counts[t->order[i]] : 0;
            all += t->counts[t->order[i]];
        }
        positives += p;
        total += p > 0 ? p * positives / all : 0;
    }
    return total / positives;
}

typedef struct figure_call {
    const truth *t;
    figure_fn fn;
} figure_call;

static double call_figure(void *context, const uint32_t *units, size_t n)
{
    const figure_call *call = context;
    return call->fn(call->t, units, n);
}

/* serial: the figure uses t->counts, so resamples go one after another. */
static merx_status add_metric(const truth *t, figure_fn fn, const char *name, bool higher, bool serial, merx_task *task,
                              merx_metrics *out, merx_error *err)
{
    figure_call call = {t, fn};
    mx_interval interval;
    MX_TRY(mx_task_step(task, out->count, err));
    MX_TRY(mx_bootstrap(t->n, call_figure, &call, replicates(t->n), EVALUATION_SEED, serial ? NULL : task, &interval,
                        err));
    out->metric[out->count++] = (merx_metric){name, interval.value, interval.low, interval.high, higher};
    return MERX_OK;
}

typedef struct ranked_row {
    double score;
    uint32_t row;
} ranked_row;

static int compare_ranked(const void *a, const void *b)
{
    const ranked_row *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static merx_status classification(truth *t, merx_task *task, merx_metrics *out, merx_error *err)
{
    const merx_allocator *alloc = merx_task_allocator(task);
    uint32_t *order = NULL;
    ranked_row *ranked = NULL;
    merx_status status = MERX_OK;
    size_t positives = 0;
    for (size_t i = 0; i < t->n; i++)
        positives += t->labels[i] == 1;
    if (t->classes == 2 && positives > 0 && positives < t->n) {
        MX_TRY_GOTO(MX_NEW_ARRAY(alloc, t->n, &order, "rows by score", err));
        MX_TRY_GOTO(MX_NEW_ARRAY(alloc, t->n, &t->counts, "rows by score", err));
        MX_TRY_GOTO(MX_NEW_ARRAY(alloc, t->n, &ranked, "rows by score", err));
        for (size_t i = 0; i < t->n; i++)
            ranked[i] = (ranked_row){score_of(t, (uint32_t)i), (uint32_t)i};
        qsort(ranked, t->n, sizeof *ranked, compare_ranked);
        for (size_t i = 0; i < t->n; i++)
            order[i] = ranked[i].row;
        t->order = order;
        MX_TRY_GOTO(add_metric(t, figure_auc, "auc", true, true, task, out, err));
        MX_TRY_GOTO(add_metric(t, figure_average_precision, "average_precision", true, true, task, out, err));
    }
    MX_TRY_GOTO(add_metric(t, figure_accuracy, "accuracy", true, false, task, out, err));
    MX_TRY_GOTO(add_metric(t, figure_log_loss, "log_loss", false, false, task, out, err));
    MX_TRY_GOTO(add_metric(t, figure_f1, "f1", true, false, task, out, err));
out:
    MX_FREE_ARRAY(alloc, order, t->n);
    MX_FREE_ARRAY(alloc, t->counts, t->n);
    MX_FREE_ARRAY(alloc, ranked, t->n);
    return status;
}

static merx_status regression(const truth *t, merx_task *task, merx_metrics *out, merx_error *err)
{
    MX_TRY(add_metric(t, figure_mae, "mae", false, false, task, out, err));
    MX_TRY(add_metric(t, figure_rmse, "rmse", false, false, task, out, err));
    MX_TRY(add_metric(t, figure_r2, "r2", true, false, task, out, err));
    return add_metric(t, figure_mape, "mape", false, false, task, out, err);
}

/* Inertia (sum of squared distances to the own centroid) and the mean silhouette of a fixed sample. */
static merx_status clustering(const mx_fitted *f, const merx_dataset *data, const merx_prediction *p, merx_task *task,
                              merx_metrics *out, merx_error *err)
{
    const merx_allocator *alloc = merx_task_allocator(task);
    size_t n = data->rows, cells = 0, count = 0;
    double *squared = NULL, *x = NULL, *widths = NULL;
    mx_binding binding = {0};
    mx_design design;
    mx_interval interval;
    merx_status status;
    if (!mx_mul_size(n, f->width, &cells))
        MX_FAIL(err, MERX_E_MEMORY, data->name, "%zu rows of %zu columns are too many", n, f->width);
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, n, &squared, "distances", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, n, &widths, "silhouette widths", err));
    for (size_t i = 0; i < n; i++) {
        double distance = p->values[i * p->outputs + (size_t)p->labels[i]];
        squared[i] = distance * distance;
    }
    MX_TRY_GOTO(mx_bootstrap_mean(squared, n, replicates(n), EVALUATION_SEED, task, &interval, err));
    out->metric[out->count++] =
        (merx_metric){"inertia", mx_sum(squared, n), interval.low * (double)n, interval.high * (double)n, false};
    if (f->shape == MERX_SHAPE_SPARSE)
        goto out;
    if (f->shape == MERX_SHAPE_TABLE)
        MX_TRY_GOTO(mx_pipeline_bind(f->pipeline, data, alloc, &binding, err));
    if (mx_fitted_makes_rows(f, data))
        MX_TRY_GOTO(mx_alloc_array_raw(alloc, cells, sizeof *x, "design matrix", &x, err));
    MX_TRY_GOTO(mx_fitted_design(f, data, &binding, 0, n, x, &design, err));
    if (design.x == NULL) /* silhouettes are measured in double */
        goto out;
    MX_TRY_GOTO(mx_silhouette_widths(design.x, p->labels, n, f->width, p->outputs, SILHOUETTE_SAMPLE, EVALUATION_SEED,
                                     task, widths, &count, err));
    if (count > 0) {
        MX_TRY_GOTO(mx_bootstrap_mean(widths, count, replicates(count), EVALUATION_SEED, task, &interval, err));
        out->metric[out->count++] = (merx_metric){"silhouette", interval.value, interval.low, interval.high, true};
    }
out:
    mx_binding_release(&binding);
    MX_FREE_ARRAY(alloc, squared, n);
    MX_FREE_ARRAY(alloc, widths, n);
    mx_free_array(alloc, x, cells, sizeof *x);
    return status;
}

static merx_status check_evaluable(const mx_family *family, const merx_dataset *data, merx_error *err)
{
    if ((family->info.tags & (MERX_REGRESSES | MERX_CLASSIFIES | MERX_CLUSTERS)) == 0)
        MX_FAIL(err, MERX_E_UNSUPPORTED, family->info.name,
                "%s has no truth in its data to be measured against (rankings are evaluated on held-out events)",
                family->info.name);
    if (data->rows == 0)
        MX_FAIL(err, MERX_E_INVALID, data->name, "there are no rows to evaluate on");
    return MERX_OK;
}

merx_status merx_model_evaluate(const merx_model *model, const merx_dataset *data, merx_task *task, merx_metrics *out,
                                merx_error *err)
{
    memset(out, 0, sizeof *out);
    MX_TRY(mx_model_require_fitted(model, err));
    MX_TRY(check_evaluable(model->family, data, err));
    const mx_fitted *f = model->fitted;
    MX_TRY(mx_fitted_check(f, data, err));
    const merx_allocator *alloc = merx_task_allocator(task);
    merx_prediction p = {0};
    double *y = NULL;
    int32_t *labels = NULL;
    size_t target = 0;
    merx_status status = MERX_OK;
    if (f->target != NULL)
        MX_TRY_GOTO(mx_dataset_need_column(data, f->target, "target", &target, err));
    if (f->target_kind == MX_TARGET_VALUE) {
        MX_TRY_GOTO(MX_NEW_ARRAY(alloc, data->rows, &y, "target", err));
        MX_TRY_GOTO(mx_target_values(data, target, false, y, err));
    } else if (f->target_kind == MX_TARGET_CLASS) {
        MX_TRY_GOTO(MX_NEW_ARRAY(alloc, data->rows, &labels, "labels", err));
        MX_TRY_GOTO(mx_target_labels(data, target, f->class_names, f->classes, labels, err));
    }
    mx_task_stage(task, "evaluate", 0, "metrics");
    MX_TRY_GOTO(merx_model_predict(model, data, task, &p, err));
    out->rows = data->rows;
    truth t = {.n = data->rows,
               .classes = f->classes,
               .y = y,
               .predicted = p.values,
               .labels = labels,
               .chosen = p.labels,
               .probabilities = p.values};
    if (f->target_kind == MX_TARGET_VALUE)
        MX_TRY_GOTO(regression(&t, task, out, err));
    else if (f->target_kind == MX_TARGET_CLASS)
        MX_TRY_GOTO(classification(&t, task, out, err));
    else
        MX_TRY_GOTO(clustering(f, data, &p, task, out, err));
    mx_task_done(task);
out:
    merx_prediction_release(&p);
    MX_FREE_ARRAY(alloc, y, data->rows);
    MX_FREE_ARRAY(alloc, labels, data->rows);
    if (status != MERX_OK)
        memset(out, 0, sizeof *out);
    return status;
}

merx_status merx_model_note_metrics(merx_model *model, const merx_metrics *metrics, merx_error *err)
{
    MX_TRY(mx_model_require_fitted(model, err));
    mx_fitted *f = model->fitted;
    if (metrics->count > MERX_METRICS_MAX)
        MX_FAIL(err, MERX_E_RANGE, "metrics", "%zu metrics are more than %d", metrics->count, MERX_METRICS_MAX);
    f->metrics = *metrics;
    for (size_t i = 0; i < metrics->count; i++) {
        (void)snprintf(f->metric_names[i], sizeof f->metric_names[i], "%s", metrics->metric[i].name);
        f->metrics.metric[i].name = f->metric_names[i];
    }
    return MERX_OK;
}

/* ---- cross-validation ---- */

typedef struct crossing {
    const merx_model *unfitted;
    const merx_dataset *data;
    const merx_fit_columns *columns;
    const merx_allocator *alloc;
    size_t n, target, classes;
    bool classes_wanted;
    const char **class_names;
    double *y, *values; /* (n), (n, classes or 1) */
    int32_t *labels, *chosen, *folds;
    size_t *rows;
} crossing;

/* The groups of a column's values, numbered by first sight; *n_groups how many. */
static merx_status number_values(const crossing *c, const char *column_name, const char *what, int32_t *groups,
                                 size_t *n_groups, merx_error *err)
{
    size_t at;
    MX_TRY(mx_dataset_need_column(c->data, column_name, what, &at, err));
    const mx_column *column = mx_dataset_column(c->data, at);
    mx_dict *dict = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_dict_new(c->alloc, c->n + 1, &dict, err));
    for (size_t i = 0; i < c->n; i++) {
        char buffer[40];
        const char *cell = mx_dataset_cell(column, i, buffer);
        if (cell[0] == '\0') {
            char where[224];
            mx_dataset_where(c->data, i, where);
            MX_FAIL_GOTO(err, MERX_E_INVALID, where, "the %s \"%s\" is missing (every row needs one)", what,
                         column_name);
        }
        MX_TRY_GOTO(mx_dict_add(dict, mx_str_of(cell), &groups[i], NULL, err));
    }
    *n_groups = mx_dict_count(dict);
out:
    mx_dict_free(dict);
    return status;
}

#define MOST_FOLDS 1000

static merx_status make_folds(crossing *c, const merx_folds *folds, uint64_t seed, mx_arena *arena, size_t *count,
                              merx_error *err)
{
    *count = (size_t)folds->count;
    if (folds->column != NULL) {
        MX_TRY(number_values(c, folds->column, "fold", c->folds, count, err));
        if (*count < 2 || *count > MOST_FOLDS)
            MX_FAIL(err, MERX_E_RANGE, c->data->name, "the fold column \"%s\" has %zu values (expected 2 to %d folds)",
                    folds->column, *count, MOST_FOLDS);
        return MERX_OK;
    }
    if (folds->group == NULL)
        return c->classes_wanted
                   ? mx_folds_stratified(c->labels, c->n, c->classes, folds->count, NULL, seed, c->alloc, c->folds, err)
                   : mx_folds_random(c->n, folds->count, NULL, seed, c->alloc, c->folds, err);
    size_t n_groups;
    int32_t *groups = mx_arena_array(arena, c->n + 1, sizeof *groups, err);
    if (groups == NULL)
        return MERX_E_MEMORY;
    MX_TRY(number_values(c, folds->group, "group", groups, &n_groups, err));
    return mx_folds_group(groups, c->n, n_groups, folds->count, c->alloc, c->folds, err);
}

/* The columns of a fit without the one that says the folds. */
static merx_status leave_folds_out(const merx_fit_columns *columns, const char *fold_column, bool is_table,
                                   mx_arena *arena, merx_fit_columns *out, merx_error *err)
{
    *out = *columns;
    if (fold_column == NULL)
        return MERX_OK;
    for (size_t i = 0; i < columns->n_features; i++)
        if (strcmp(columns->features[i], fold_column) == 0)
            MX_FAIL(err, MERX_E_INVALID, "folds", "column \"%s\" says the folds; it can't be a feature too",
                    fold_column);
    if (strcmp(columns->target, fold_column) == 0 ||
        (columns->weight != NULL && strcmp(columns->weight, fold_column) == 0))
        MX_FAIL(err, MERX_E_INVALID, "folds", "column \"%s\" says the folds; it can't be target or weight too",
                fold_column);
    if (!is_table) /* what lies beside a matrix is no feature */
        return MERX_OK;
    const char **ignore = mx_arena_array(arena, columns->n_ignore + 1, sizeof *ignore, err);
    if (ignore == NULL)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < columns->n_ignore; i++)
        ignore[i] = columns->ignore[i];
    ignore[columns->n_ignore] = fold_column;
    out->ignore = ignore;
    out->n_ignore = columns->n_ignore + 1;
    return MERX_OK;
}

/* Fits on the other folds and writes the predictions of fold's own rows into their places. */
static merx_status run_fold(crossing *c, int fold, merx_task *task, merx_error *err)
{
    merx_dataset *train = NULL, *held = NULL;
    merx_model *model = NULL;
    merx_prediction p = {0};
    merx_status status;
    size_t n_train = 0, n_held = 0;
    for (size_t i = 0; i < c->n; i++)
        if (c->folds[i] != fold)
            c->rows[n_train++] = i;
    MX_TRY_GOTO(merx_dataset_take(c->data, c->rows, n_train, &train, err));
    MX_TRY_GOTO(merx_model_new(c->unfitted->alloc, c->unfitted->family->info.name, &model, err));
    for (const merx_option *o = c->unfitted->table; o->name != NULL; o++)
        if (merx_options_is_set(c->unfitted->options, o->name))
            MX_TRY_GOTO(merx_model_set(model, o->name, merx_options_text(c->unfitted->options, o->name), err));
    MX_TRY_GOTO(merx_model_fit(model, train, c->columns, task, err));
    for (size_t i = 0; i < c->n; i++)
        if (c->folds[i] == fold)
            c->rows[n_held++] = i;
    MX_TRY_GOTO(merx_dataset_take(c->data, c->rows, n_held, &held, err));
    MX_TRY_GOTO(merx_model_predict(model, held, task, &p, err));
    const mx_fitted *f = model->fitted;
    for (size_t i = 0; i < n_held; i++) {
        if (!c->classes_wanted) {
            c->values[c->rows[i]] = p.values[i];
            continue;
        }
        /* A class that these training rows lack keeps probability 0. */
        for (size_t k = 0; k < f->classes; k++)
            for (size_t q = 0; q < c->classes; q++)
                if (strcmp(f->class_names[k], c->class_names[q]) == 0) {
                    c->values[c->rows[i] * c->classes + q] = p.values[i * f->classes + k];
                    if (p.labels[i] == (int32_t)k)
                        c->chosen[c->rows[i]] = (int32_t)q;
                }
    }
out:
    merx_prediction_release(&p);
    merx_model_free(model);
    merx_dataset_free(train);
    merx_dataset_free(held);
    return status;
}

void merx_held_out_release(merx_held_out *h)
{
    if (h == NULL || h->alloc == NULL)
        return;
    MX_FREE_ARRAY(h->alloc, h->values, h->rows * h->outputs);
    MX_FREE_ARRAY(h->alloc, h->labels, h->rows);
    MX_FREE_ARRAY(h->alloc, h->fold, h->rows);
    if (h->memory != NULL) {
        mx_arena_release(h->memory);
        mx_free_array(h->alloc, h->memory, 1, sizeof(mx_arena));
    }
    memset(h, 0, sizeof *h);
}

static merx_status check_crossing(const mx_family *family, const merx_dataset *data, const merx_fit_columns *columns,
                                  merx_error *err)
{
    MX_TRY(check_evaluable(family, data, err));
    if ((family->info.tags & MERX_NEEDS_TARGET) == 0)
        MX_FAIL(err, MERX_E_UNSUPPORTED, family->info.name, "%s learns no target; cross-validation compares with one",
                family->info.name);
    if (data->shape != MERX_SHAPE_TABLE && data->shape != MERX_SHAPE_SPARSE && data->shape != MERX_SHAPE_MATRIX)
        MX_FAIL(err, MERX_E_SHAPE, data->name, "cross-validation needs a table or a matrix");
    if (columns == NULL || columns->target == NULL)
        MX_FAIL(err, MERX_E_INVALID, family->info.name, "%s needs a target: the column to learn", family->info.name);
    return MERX_OK;
}

merx_status merx_model_cross_validate_folds(const merx_model *unfitted, const merx_dataset *data,
                                            const merx_fit_columns *columns, const merx_folds *folds, merx_task *task,
                                            merx_held_out *out, merx_error *err)
{
    memset(out, 0, sizeof *out);
    const mx_family *family = unfitted->family;
    MX_TRY(check_crossing(family, data, columns, err));
    crossing c = {.unfitted = unfitted, .data = data, .alloc = merx_task_allocator(task), .n = data->rows};
    c.classes_wanted = (family->info.tags & MERX_CLASSIFIES) != 0;
    merx_fit_columns fitted;
    mx_arena *arena = NULL;
    merx_status status;
    out->alloc = unfitted->alloc;
    MX_TRY_GOTO(mx_alloc_array(out->alloc, 1, sizeof *arena, "held-out predictions", &arena, err));
    mx_arena_init(arena, out->alloc);
    out->memory = arena;
    MX_TRY_GOTO(mx_dataset_need_column(data, columns->target, "target", &c.target, err));
    MX_TRY_GOTO(leave_folds_out(columns, folds->column, data->shape == MERX_SHAPE_TABLE, arena, &fitted, err));
    c.columns = &fitted;
    if (c.classes_wanted)
        MX_TRY_GOTO(mx_target_classes(data, c.target, arena, &c.class_names, &c.classes, err));
    size_t outputs = c.classes_wanted ? c.classes : 1, cells;
    if (!mx_mul_size(c.n, outputs, &cells))
        MX_FAIL_GOTO(err, MERX_E_MEMORY, data->name, "%zu rows are too many", c.n);
    out->rows = c.n;
    out->outputs = outputs;
    MX_TRY_GOTO(MX_NEW_ARRAY(out->alloc, cells, &out->values, "held-out predictions", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(out->alloc, c.n, &out->fold, "folds", err));
    if (c.classes_wanted)
        MX_TRY_GOTO(MX_NEW_ARRAY(out->alloc, c.n, &out->labels, "labels", err));
    c.values = out->values;
    c.folds = out->fold;
    c.chosen = out->labels;
    MX_TRY_GOTO(MX_NEW_ARRAY(c.alloc, c.n, &c.y, "target", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(c.alloc, c.n, &c.labels, "labels", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(c.alloc, c.n, &c.rows, "rows of a fold", err));
    if (c.classes_wanted)
        MX_TRY_GOTO(mx_target_labels(data, c.target, c.class_names, c.classes, c.labels, err));
    else
        MX_TRY_GOTO(mx_target_values(data, c.target, false, c.y, err));
    MX_TRY_GOTO(make_folds(&c, folds, merx_task_seed(task), arena, &out->folds, err));
    for (size_t fold = 0; fold < out->folds; fold++)
        MX_TRY_GOTO(run_fold(&c, (int)fold, task, err));
    const char **names = mx_arena_array(arena, outputs, sizeof *names, err);
    if (names == NULL) {
        status = MERX_E_MEMORY;
        goto out;
    }
    for (size_t k = 0; k < outputs; k++)
        if ((names[k] = c.classes_wanted ? c.class_names[k] : mx_arena_strdup(arena, columns->target, err)) == NULL) {
            status = MERX_E_MEMORY;
            goto out;
        }
    out->names = names;
    out->metrics.rows = c.n;
    truth t = {.n = c.n,
               .classes = c.classes,
               .y = c.y,
               .predicted = c.values,
               .labels = c.labels,
               .chosen = c.chosen,
               .probabilities = c.values};
    status = c.classes_wanted ? classification(&t, task, &out->metrics, err) : regression(&t, task, &out->metrics, err);
out:
    MX_FREE_ARRAY(c.alloc, c.y, c.n);
    MX_FREE_ARRAY(c.alloc, c.labels, c.n);
    MX_FREE_ARRAY(c.alloc, c.rows, c.n);
    if (status != MERX_OK)
        merx_held_out_release(out);
    return status;
}

merx_status merx_model_cross_validate(const merx_model *unfitted, const merx_dataset *data,
                                      const merx_fit_columns *columns, int folds, const char *group_column,
                                      merx_task *task, merx_metrics *out, merx_error *err)
{
    merx_held_out held;
    memset(out, 0, sizeof *out);
    MX_TRY(merx_model_cross_validate_folds(unfitted, data, columns, &(merx_folds){folds, group_column, NULL}, task,
                                           &held, err));
    *out = held.metrics;
    merx_held_out_release(&held);
    return MERX_OK;
}
