/*
 * Calibration: predicted probabilities beside what happened, in bins.
 *
 * Bins are as scikit-learn's calibration_curve cuts them: edges at even steps of [0, 1] or at the quantiles of the predictions (linear between order
 * statistics); a value on an inner edge belongs to the bin below it. Empty bins are left out.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/core/inspection.h"
#include "numeric/statistics.h"

#define BINS 10
#define BINS_MAX 1000
#define MANY_ROWS 20000
#define CALIBRATION_SEED UINT64_C(0x63616c69) /* as the metrics of evaluation: not the task's */

typedef struct calibration_work {
    mx_inspected seen;
    size_t n, bins;
    double *predicted, *truth, *edges; /* (n), (n), (bins + 1) */
    double *part;                      /* (n) scratch: squared errors, a bin's truths */
    uint32_t *bin_of;                  /* (n) */
    double *sums;                      /* (2 bins) scratch of the error's resamples */
    const merx_allocator *alloc;
} calibration_work;

static int compare_values(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Probabilities and truths of one class, or of each row's most probable class. */
static void take_class(calibration_work *w, const merx_prediction *p, int output)
{
    for (size_t i = 0; i < w->n; i++) {
        size_t k = output >= 0 ? (size_t)output : (size_t)p->labels[i];
        w->predicted[i] = p->values[i * p->outputs + k];
        w->truth[i] = (size_t)w->seen.labels[i] == k;
    }
}

static void cut(calibration_work *w, bool uniform)
{
    memcpy(w->part, w->predicted, w->n * sizeof *w->part);
    qsort(w->part, w->n, sizeof *w->part, compare_values);
    for (size_t b = 0; b <= w->bins; b++)
        w->edges[b] =
            uniform ? (double)b / (double)w->bins : mx_quantile_sorted(w->part, w->n, (double)b / (double)w->bins);
    for (size_t i = 0; i < w->n; i++) {
        uint32_t bin = 0;
        while (bin + 1 < w->bins && w->edges[bin + 1] < w->predicted[i])
            bin++;
        w->bin_of[i] = bin;
    }
}

/* sum over bins of |observed - predicted| / n, of a resample. */
static double expected_error(void *context, const uint32_t *units, size_t n)
{
    calibration_work *w = context;
    double total = 0;
    memset(w->sums, 0, w->bins * sizeof *w->sums);
    for (size_t i = 0; i < n; i++)
        w->sums[w->bin_of[units[i]]] += w->truth[units[i]] - w->predicted[units[i]];
    for (size_t b = 0; b < w->bins; b++)
        total += fabs(w->sums[b]);
    return total / (double)n;
}

static merx_status fill_bins(calibration_work *w, int replicates, merx_task *task, merx_calibration *out,
                             merx_error *err)
{
    out->bin = mx_arena_array(out->memory, w->bins, sizeof *out->bin, err);
    if (out->bin == NULL)
        return MERX_E_MEMORY;
    for (size_t b = 0; b < w->bins; b++) {
        size_t count = 0;
        double sum = 0;
        MX_TRY(mx_task_step(task, b, err));
        for (size_t i = 0; i < w->n; i++)
            if (w->bin_of[i] == b) {
                w->part[count++] = w->truth[i];
                sum += w->predicted[i];
            }
        if (count == 0)
            continue;
        mx_interval interval;
        MX_TRY(mx_bootstrap_mean(w->part, count, replicates, CALIBRATION_SEED, task, &interval, err));
        out->bin[out->bins++] = (merx_calibration_bin){.predicted = sum / (double)count,
                                                       .observed = interval.value,
                                                       .low = interval.low,
                                                       .high = interval.high,
                                                       .from = w->edges[b],
                                                       .to = w->edges[b + 1],
                                                       .rows = count};
    }
    return MERX_OK;
}

static merx_status measure(calibration_work *w, const merx_calibration_options *options, merx_task *task,
                           merx_calibration *out, merx_error *err)
{
    int replicates = w->n > MANY_ROWS ? 200 : 1000;
    mx_interval interval;
    cut(w, options->uniform);
    MX_TRY(fill_bins(w, replicates, task, out, err));
    for (size_t i = 0; i < w->n; i++)
        w->part[i] = (w->predicted[i] - w->truth[i]) * (w->predicted[i] - w->truth[i]);
    MX_TRY(mx_bootstrap_mean(w->part, w->n, replicates, CALIBRATION_SEED, task, &interval, err));
    out->brier = (merx_metric){"brier", interval.value, interval.low, interval.high, false};
    /* One after another: the resamples share the scratch sums. */
    MX_TRY(mx_bootstrap(w->n, expected_error, w, replicates, CALIBRATION_SEED, NULL, &interval, err));
    out->error = (merx_metric){"expected_calibration_error", interval.value, interval.low, interval.high, false};
    return MERX_OK;
}

static merx_status allocate(calibration_work *w, merx_error *err)
{
    MX_TRY(MX_NEW_ARRAY(w->alloc, w->n, &w->predicted, "probabilities", err));
    MX_TRY(MX_NEW_ARRAY(w->alloc, w->n, &w->truth, "probabilities", err));
    MX_TRY(MX_NEW_ARRAY(w->alloc, w->n, &w->part, "probabilities", err));
    MX_TRY(MX_NEW_ARRAY(w->alloc, w->n, &w->bin_of, "bins", err));
    MX_TRY(MX_NEW_ARRAY(w->alloc, w->bins + 1, &w->edges, "bins", err));
    return MX_NEW_ARRAY(w->alloc, w->bins, &w->sums, "bins", err);
}

merx_status merx_model_calibration(const merx_model *model, const merx_dataset *data,
                                   const merx_calibration_options *options, merx_task *task, merx_calibration *out,
                                   merx_error *err)
{
    static const merx_calibration_options usual = {0};
    options = options != NULL ? options : &usual;
    memset(out, 0, sizeof *out);
    calibration_work w = {.alloc = merx_task_allocator(task), .bins = options->bins > 0 ? options->bins : BINS};
    merx_prediction p = {0};
    merx_status status;
    if (w.bins < 2 || w.bins > BINS_MAX)
        MX_FAIL(err, MERX_E_RANGE, "bins", "%zu bins (expected 2 to %d)", w.bins, BINS_MAX);
    MX_TRY_GOTO(mx_model_require_fitted(model, err));
    if (model->fitted->target_kind != MX_TARGET_CLASS)
        MX_FAIL_GOTO(err, MERX_E_UNSUPPORTED, model->family->info.name,
                     "%s predicts no probabilities of classes, so there is nothing to calibrate",
                     model->family->info.name);
    MX_TRY_GOTO(mx_inspected_init(&w.seen, model, data, 0, task, err));
    size_t output = 0;
    bool top = options->output == NULL && model->fitted->classes != 2;
    MX_TRY_GOTO(mx_inspected_output(&w.seen, options->output, &output, err));
    w.n = w.seen.data->rows;
    MX_TRY_GOTO(mx_inspected_truth(&w.seen, err));
    MX_TRY_GOTO(allocate(&w, err));
    mx_task_stage(task, "calibration", w.bins, "bins");
    MX_TRY_GOTO(merx_model_predict(model, w.seen.data, task, &p, err));
    take_class(&w, &p, top ? -1 : (int)output);
    MX_TRY_GOTO(mx_inspection_memory(&out->memory, &out->alloc, model, err));
    out->rows = w.n;
    out->output = mx_arena_strdup(out->memory, top ? "" : model->fitted->output_names[output], err);
    if (out->output == NULL) {
        status = MERX_E_MEMORY;
        goto out;
    }
    MX_TRY_GOTO(measure(&w, options, task, out, err));
    mx_task_done(task);
out:
    merx_prediction_release(&p);
    MX_FREE_ARRAY(w.alloc, w.predicted, w.n);
    MX_FREE_ARRAY(w.alloc, w.truth, w.n);
    MX_FREE_ARRAY(w.alloc, w.part, w.n);
    MX_FREE_ARRAY(w.alloc, w.bin_of, w.n);
    MX_FREE_ARRAY(w.alloc, w.edges, w.bins + 1);
    MX_FREE_ARRAY(w.alloc, w.sums, w.bins);
    mx_inspected_release(&w.seen);
    if (status != MERX_OK)
        merx_calibration_release(out);
    return status;
}

void merx_calibration_release(merx_calibration *calibration)
{
    if (calibration == NULL)
        return;
    mx_inspection_forget(calibration->memory, calibration->alloc);
    memset(calibration, 0, sizeof *calibration);
}
