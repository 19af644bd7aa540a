/*
 * Calibrated probabilities for logistic regression. The calibrator of an output sees the score that reasons speak of (two classes: the log-odds of the second;
 * more: the class's logit less the mean logit), so contributions still add up to it, and the calibrated probability stands beside.
 *
 * Scores for learning come from models fitted without the row's fold: a fold's rows have weight 0 there. With several classes each has its own
 * calibrator and the chances are divided by their sum, as scikit-learn's CalibratedClassifierCV(ensemble=False).
 */
#include <string.h>

#include "learn/core/split.h"
#include "learn/linear/logistic_state.h"

enum { FOLDS = 5 };

/* Logits (outputs) less their mean, for more than two classes. */
static void centre(const mx_logistic *m, double *logits)
{
    double mean = 0;
    for (size_t c = 0; m->outputs > 1 && c < m->outputs; c++)
        mean += logits[c] / (double)m->outputs;
    for (size_t c = 0; m->outputs > 1 && c < m->outputs; c++)
        logits[c] -= mean;
}

void mx_logistic_state_chances(const mx_logistic_state *s, double *values)
{
    const mx_logistic *m = &s->model;
    if (s->calibration == MX_CALIBRATION_NONE) {
        mx_logistic_of_logits(m, values);
        return;
    }
    if (m->outputs == 1) {
        values[1] = mx_calibrator_apply(&s->calibrators[0], values[0]);
        values[0] = 1 - values[1];
        return;
    }
    double sum = 0;
    centre(m, values);
    for (size_t c = 0; c < m->outputs; c++) {
        values[c] = mx_calibrator_apply(&s->calibrators[c], values[c]);
        sum += values[c];
    }
    for (size_t c = 0; c < m->outputs; c++)
        values[c] = sum > 0 ? values[c] / sum : 1 / (double)m->outputs;
}

typedef struct held_out {
    double *weights, *scores; /* (n), (outputs, n) */
    int32_t *folds;           /* (n) */
    size_t n, q;
    const merx_allocator *work;
} held_out;

/* Scores of the rows of one fold, by a model of the others. */
static merx_status score_fold(held_out *h, int32_t fold, const mx_design *design, const mx_logistic_options *options,
                              merx_task *task, merx_error *err)
{
    mx_design others = *design;
    mx_logistic m;
    double *logits = NULL;
    for (size_t i = 0; i < h->n; i++)
        h->weights[i] = h->folds[i] == fold ? 0 : design->weights != NULL ? design->weights[i] : 1;
    others.weights = h->weights;
    MX_TRY(mx_logistic_fit_design(&others, options, h->work, task, &m, err));
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array(h->work, h->q, sizeof *logits, "logits", &logits, err));
    for (size_t i = 0; i < h->n; i++) {
        if (h->folds[i] != fold)
            continue;
        mx_logistic_logits(&m, design, i, logits);
        centre(&m, logits);
        for (size_t c = 0; c < h->q; c++)
            h->scores[c * h->n + i] = logits[c];
    }
out:
    mx_free_array(h->work, logits, h->q, sizeof *logits);
    mx_logistic_release(&m);
    return status;
}

/* starts and steps out of the calibrators. */
static merx_status pack(mx_logistic_state *s, const merx_allocator *alloc, merx_error *err)
{
    size_t q = s->model.outputs, rows = 0;
    for (size_t k = 0; k < q; k++)
        rows += s->calibration == MX_CALIBRATION_SIGMOID ? 1 : s->calibrators[k].steps;
    MX_TRY(mx_alloc_array(alloc, q + 1, sizeof *s->starts, "calibration", &s->starts, err));
    MX_TRY(mx_alloc_array(alloc, 2 * rows, sizeof *s->steps, "calibration", &s->steps, err));
    s->starts[q] = (int64_t)rows; /* the last one frees the steps */
    size_t at = 0;
    for (size_t k = 0; k < q; k++) {
        const mx_calibrator *c = &s->calibrators[k];
        s->starts[k] = (int64_t)at;
        for (size_t i = 0; i < (c->kind == MX_CALIBRATION_SIGMOID ? 1 : c->steps); i++, at++) {
            s->steps[2 * at] = c->kind == MX_CALIBRATION_SIGMOID ? c->a : c->scores[i];
            s->steps[2 * at + 1] = c->kind == MX_CALIBRATION_SIGMOID ? c->b : c->chances[i];
        }
    }
    return MERX_OK;
}

merx_status mx_logistic_calibrate(mx_logistic_state *s, mx_calibration kind, const mx_design *design,
                                  const mx_logistic_options *options, const merx_allocator *alloc, merx_task *task,
                                  merx_error *err)
{
    mx_logistic_options fold_options = *options;
    held_out h = {.n = design->n, .q = s->model.outputs, .work = merx_task_allocator(task)};
    size_t cells;
    merx_status status;
    fold_options.no_errors = true;
    if (!mx_mul_size(h.n, h.q, &cells))
        MX_FAIL(err, MERX_E_LIMIT, "logistic", "%zu rows are more than this machine can address", h.n);
    MX_TRY_GOTO(mx_alloc_array(h.work, h.n, sizeof *h.weights, "weights of a fold", &h.weights, err));
    MX_TRY_GOTO(mx_alloc_array(h.work, cells, sizeof *h.scores, "held-out scores", &h.scores, err));
    MX_TRY_GOTO(mx_alloc_array(h.work, h.n, sizeof *h.folds, "folds", &h.folds, err));
    if (h.n < FOLDS)
        MX_FAIL_GOTO(err, MERX_E_INVALID, "logistic", "calibration needs at least %d rows; there are %zu", FOLDS, h.n);
    MX_TRY_GOTO(mx_folds_stratified(design->labels, h.n, design->classes, FOLDS, NULL, merx_task_seed(task), h.work,
                                    h.folds, err));
    for (int32_t fold = 0; fold < FOLDS; fold++) {
        merx_error inner = {0};
        status = score_fold(&h, fold, design, &fold_options, task, &inner);
        if (status == MERX_E_INVALID || status == MERX_E_NUMERIC)
            MX_FAIL_GOTO(err, status, "logistic", "calibration, without fold %d of %d: %s", (int)fold + 1, FOLDS,
                         inner.message);
        if (status != MERX_OK) {
            status = mx_error_set(err, status, inner.where, "%s", inner.message);
            goto out;
        }
    }
    MX_TRY_GOTO(mx_alloc_array(alloc, h.q, sizeof *s->calibrators, "calibrators", &s->calibrators, err));
    s->calibration = kind;
    for (size_t c = 0; c < h.q; c++) {
        int32_t positive = h.q == 1 ? 1 : (int32_t)c;
        MX_TRY_GOTO(mx_calibrator_fit(kind, h.scores + c * h.n, design->labels, positive, design->weights, h.n, alloc,
                                      &s->calibrators[c], err));
    }
    status = pack(s, alloc, err);
out:
    mx_free_array(h.work, h.folds, h.n, sizeof *h.folds);
    mx_free_array(h.work, h.scores, cells, sizeof *h.scores);
    mx_free_array(h.work, h.weights, h.n, sizeof *h.weights);
    return status;
}
