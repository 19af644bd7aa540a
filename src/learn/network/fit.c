/*
 * Training: epochs of shuffled batches, validation, what happens after each epoch, and going on where a fit ended.
 *
 * The order of an epoch is a shuffle keyed by (seed, epoch). State that a fit needs to go on with is in the network (weights, moments, steps, epochs), so a checkpoint is
 * the network's file.
 */
#include "learn/network/network_state.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "learn/network/head.h"
#include "learn/network/history.h"

typedef struct fit {
    merx_network *net;
    const merx_fit_options *o;
    merx_task *task;
    mx_trainer *trainer;
    size_t n, batch;
    size_t *order;
    int64_t *shuffled;
    const merx_examples *validation;
    merx_examples held_out;
    size_t held_from;
    float *best, *good; /* weights of the best and of the last whole epoch */
    double best_loss;
    int waited;
    size_t steps; /* of this fit so far */
    merx_history history;
} fit;

void merx_history_release(merx_history *history)
{
    if (history == NULL)
        return;
    MX_FREE_ARRAY(history->alloc, history->epoch, history->epochs);
    *history = (merx_history){0};
}

static merx_status check_options(const merx_network *net, const merx_examples *e, const merx_fit_options *o,
                                 merx_error *err)
{
    if (!net->compiled)
        MX_FAIL(err, MERX_E_INVALID, "network", "compile the network before it is fitted");
    if (o->epochs < 0 || o->epochs > 1000000)
        MX_FAIL(err, MERX_E_RANGE, "fit", "epochs is %d; expected 1 to 1000000", o->epochs);
    if (o->batch_size < 0 || o->batch_size > 1 << 20)
        MX_FAIL(err, MERX_E_RANGE, "fit", "batch_size is %d; expected 1 to %d", o->batch_size, 1 << 20);
    if (!(o->validation_split >= 0 && o->validation_split < 1))
        MX_FAIL(err, MERX_E_RANGE, "fit", "validation_split is %g; expected 0 to below 1", o->validation_split);
    if (!(o->label_smoothing >= 0 && o->label_smoothing < 1))
        MX_FAIL(err, MERX_E_RANGE, "fit", "label_smoothing is %g; expected 0 to below 1", o->label_smoothing);
    if (o->label_smoothing > 0 &&
        (net->loss != MERX_CATEGORICAL_CROSSENTROPY || mx_loss_targeted(net, e) || net->node[net->nodes - 1].head))
        MX_FAIL(err, MERX_E_INVALID, "fit",
                "label_smoothing is for categorical_crossentropy with labels of at most %d classes", MX_HEAD_UNITS);
    if (o->patience < 0)
        MX_FAIL(err, MERX_E_RANGE, "fit", "patience is %d; expected 0 or more", o->patience);
    for (size_t c = 0; o->class_weights != NULL && c < mx_output_units(net); c++)
        if (!(o->class_weights[c] >= 0) || isinf(o->class_weights[c]))
            MX_FAIL(err, MERX_E_RANGE, "fit", "the weight of class %zu is %g; expected a number of 0 or more", c,
                    o->class_weights[c]);
    MX_TRY(mx_augment_check(&o->augmentation, &net->input, err));
    MX_TRY(mx_loss_check(net, e, err));
    return o->validation != NULL ? mx_loss_check(net, o->validation, err) : MERX_OK;
}

/* The order of one epoch: Fisher-Yates keyed by the epoch. */
static void draw_order(fit *f, uint64_t epoch)
{
    for (size_t i = 0; i < f->n; i++)
        f->shuffled[i] = (int64_t)i;
    if (!f->o->in_order) {
        mx_random random;
        mx_random_init(&random, f->net->seed, mx_random_key(epoch, 0x6f72646572, 0));
        mx_random_shuffle_i64(&random, f->shuffled, f->n);
    }
    for (size_t i = 0; i < f->n; i++)
        f->order[i] = (size_t)f->shuffled[i];
}

static merx_status run_epoch(fit *f, const merx_examples *e, uint64_t epoch, uint64_t last, merx_epoch *out,
                             merx_error *err)
{
    merx_network *net = f->net;
    double loss_sum = 0, metric_sum = 0, seen = 0;
    char stage[96];
    draw_order(f, epoch);
    merx_network_reset(net);
    (void)snprintf(stage, sizeof stage, "epoch %llu/%llu", (unsigned long long)epoch + 1, (unsigned long long)last);
    mx_task_stage(f->task, stage, f->n, "examples");
    for (size_t at = 0; at < f->n; at += f->batch) {
        size_t n = f->n - at < f->batch ? f->n - at : f->batch;
        double loss, metric,
            rate = f->o->learning_rates != NULL
                       ? f->o->learning_rates[f->steps++]
                       : mx_optimizer_rate(&net->optimizer, (double)epoch + (double)at / (double)f->n, (double)last);
        if (!(rate >= 0) || isinf(rate))
            MX_FAIL(err, MERX_E_RANGE, "fit", "the learning rate of step %zu is %g; expected a number of 0 or more",
                    f->steps, rate);
        mx_batch b = {.from = e,
                      .rows = f->order + at,
                      .n = n,
                      .class_weights = f->o->class_weights,
                      .smoothing = f->o->label_smoothing,
                      .augmentation = mx_augments(&f->o->augmentation) ? &f->o->augmentation : NULL,
                      .epoch = epoch};
        MX_TRY(mx_trainer_gradients(f->trainer, &b, f->task, &loss, &metric, err));
        MX_TRY(mx_trainer_step(f->trainer, rate, NULL, f->task, err));
        MX_TRY(mx_network_pack(net, true, f->task, err));
        loss_sum += loss * (double)n;
        metric_sum += metric * (double)n;
        seen += (double)n;
        out->learning_rate = rate;
        (void)snprintf(stage, sizeof stage, "epoch %llu/%llu  loss %.4f  %s %.4f", (unsigned long long)epoch + 1,
                       (unsigned long long)last, loss_sum / seen, mx_loss_metric(net->loss), metric_sum / seen);
        mx_task_rename(f->task, stage);
        MX_TRY(mx_task_step(f->task, at + n, err));
    }
    mx_task_done(f->task);
    out->loss = loss_sum / seen;
    out->metric = metric_sum / seen;
    return MERX_OK;
}

/* After an epoch: validation, history, the best one, files, the caller. *end: the fit is over. */
static merx_status end_epoch(fit *f, merx_epoch *e, bool *end, merx_error *err)
{
    merx_network *net = f->net;
    const merx_fit_options *o = f->o;
    e->validation_loss = e->validation_metric = NAN;
    if (f->validation != NULL)
        MX_TRY(merx_network_evaluate(net, f->validation, f->task, &e->validation_loss, &e->validation_metric, err));
    double judged = f->validation != NULL ? e->validation_loss : e->loss;
    bool best = judged < f->best_loss - (f->history.best > 0 ? o->min_delta : 0);
    f->history.epoch[f->history.epochs++] = *e;
    if (best) {
        f->best_loss = judged;
        f->history.best = e->epoch;
        f->waited = 0;
        if (f->best != NULL)
            memcpy(f->best, net->weights, net->size * sizeof *f->best);
    } else {
        f->waited++;
    }
    memcpy(f->good, net->weights, net->size * sizeof *f->good);
    *end = o->patience > 0 && f->waited >= o->patience;
    if (o->checkpoint != NULL && (best || !o->restore_best))
        MX_TRY(merx_network_save(net, o->checkpoint, err));
    MX_TRY(mx_history_write(&f->history, net, o->csv_log, o->curves, err));
    return o->on_epoch != NULL ? o->on_epoch(o->context, e, err) : MERX_OK;
}

static merx_status hold_out(fit *f, const merx_examples *e, merx_error *err)
{
    f->n = e->n;
    f->validation = f->o->validation;
    if (f->o->validation_split == 0 || f->o->validation != NULL)
        return MERX_OK;
    f->n = (size_t)((double)e->n * (1 - f->o->validation_split));
    if (f->n == 0 || f->n == e->n)
        MX_FAIL(err, MERX_E_RANGE, "fit",
                "validation_split %g of %zu examples leaves %zu to learn from and %zu to hold out",
                f->o->validation_split, e->n, f->n, e->n - f->n);
    size_t size = mx_input_size(f->net), rows = mx_output_rows(f->net), wide = f->net->node[f->net->nodes - 1].out_size;
    f->held_out = *e;
    f->held_out.n = e->n - f->n;
    if (e->gather != NULL)
        MX_FAIL(err, MERX_E_UNSUPPORTED, "fit",
                "validation_split is for examples in memory; give validation examples beside gathered ones");
    f->held_out.x = e->x != NULL ? e->x + f->n * size : NULL;
    f->held_out.bytes = e->bytes != NULL ? e->bytes + f->n * size : NULL;
    f->held_out.labels = e->labels != NULL ? e->labels + f->n * rows : NULL;
    f->held_out.targets = e->targets != NULL ? e->targets + f->n * wide : NULL;
    f->held_out.weights = e->weights != NULL ? e->weights + f->n : NULL;
    f->validation = &f->held_out;
    return MERX_OK;
}

merx_status merx_network_fit(merx_network *net, const merx_examples *examples, const merx_fit_options *options,
                             merx_task *task, merx_history *history, merx_error *err)
{
    static const merx_fit_options standard = {0};
    fit f = {.net = net, .o = options != NULL ? options : &standard, .task = task, .best_loss = INFINITY};
    uint64_t epochs = f.o->epochs > 0 ? (uint64_t)f.o->epochs : 1, resumed = net->epochs;
    merx_status status;
    bool end = false;
    if (history != NULL)
        *history = (merx_history){0};
    MX_TRY(check_options(net, examples, f.o, err));
    MX_TRY(hold_out(&f, examples, err));
    /* A loaded checkpoint counts its epochs; a network that was fitted here goes on for as many again, as Keras does. */
    uint64_t begin = net->resumes ? resumed : 0, offset = net->resumes ? 0 : resumed;
    f.batch = f.o->batch_size > 0 ? (size_t)f.o->batch_size : 32;
    f.batch = f.batch < f.n ? f.batch : f.n;
    f.history.alloc = net->alloc;
    MX_TRY_GOTO(MX_NEW_ARRAY(net->alloc, f.n, &f.order, "order of examples", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(net->alloc, f.n, &f.shuffled, "order of examples", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(net->alloc, net->size, &f.good, "weights", err));
    if (f.o->restore_best)
        MX_TRY_GOTO(MX_NEW_ARRAY(net->alloc, net->size, &f.best, "best weights", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(net->alloc, epochs, &f.history.epoch, "history", err));
    MX_TRY_GOTO(mx_trainer_new(net, f.batch, &f.trainer, err));
    MX_TRY_GOTO(mx_trainer_count(f.trainer, examples, f.n, err));
    memcpy(f.good, net->weights, net->size * sizeof *f.good);
    MX_TRY_GOTO(mx_network_pack(net, true, task, err));
    for (uint64_t epoch = begin; epoch < epochs && !end; epoch++) {
        merx_epoch e = {.epoch = (int)(epoch + offset) + 1};
        double began = mx_monotonic_s();
        MX_TRY_GOTO(run_epoch(&f, examples, epoch + offset, epochs + offset, &e, err));
        net->epochs = epoch + offset + 1;
        e.seconds = mx_monotonic_s() - began;
        MX_TRY_GOTO(end_epoch(&f, &e, &end, err));
    }
    status = MERX_OK;
out:
    if (status == MERX_OK && f.best != NULL && f.history.best > 0)
        memcpy(net->weights, f.best, net->size * sizeof *f.best);
    else if (status != MERX_OK && f.good != NULL)
        memcpy(net->weights, f.good, net->size * sizeof *f.good);
    net->resumes = false;
    merx_status packed = mx_network_pack(net, false, NULL, NULL);
    status = status == MERX_OK ? packed : status;
    mx_trainer_free(f.trainer);
    MX_FREE_ARRAY(net->alloc, f.order, f.n);
    MX_FREE_ARRAY(net->alloc, f.shuffled, f.n);
    MX_FREE_ARRAY(net->alloc, f.good, net->size);
    MX_FREE_ARRAY(net->alloc, f.best, net->size);
    /* What is kept of the history has as many epochs as ran. */
    if (status == MERX_OK && history != NULL && f.history.epochs < epochs) {
        merx_epoch *fewer;
        size_t count = f.history.epochs > 0 ? f.history.epochs : 1;
        status = MX_NEW_ARRAY(net->alloc, count, &fewer, "history", err);
        if (status == MERX_OK) {
            memcpy(fewer, f.history.epoch, f.history.epochs * sizeof *fewer);
            MX_FREE_ARRAY(net->alloc, f.history.epoch, epochs);
            f.history.epoch = fewer;
            epochs = count;
        }
    }
    if (status == MERX_OK && history != NULL)
        *history = f.history;
    else
        MX_FREE_ARRAY(net->alloc, f.history.epoch, epochs);
    return status;
}

static merx_status one_batch(merx_network *net, const merx_examples *batch, merx_task *task, bool step, double *loss,
                             merx_error *err)
{
    mx_trainer *t;
    merx_status status;
    double value = 0, metric;
    if (!net->compiled)
        MX_FAIL(err, MERX_E_INVALID, "network", "compile the network before it is trained");
    MX_TRY(mx_loss_check(net, batch, err));
    MX_TRY(mx_trainer_new(net, batch->n, &t, err));
    MX_TRY_GOTO(mx_network_pack(net, true, task, err));
    mx_batch b = {.from = batch, .n = batch->n, .epoch = net->epochs};
    MX_TRY_GOTO(mx_trainer_gradients(t, &b, task, &value, &metric, err));
    if (step) {
        MX_TRY_GOTO(mx_trainer_step(t, mx_optimizer_rate(&net->optimizer, (double)net->epochs, (double)net->epochs + 1),
                                    NULL, task, err));
    } else {
        if (net->gradients == NULL)
            MX_TRY_GOTO(mx_alloc_array(net->alloc, net->size, sizeof(float), "gradients", &net->gradients, err));
        MX_TRY_GOTO(mx_trainer_step(t, 0, net->gradients, task, err));
    }
    if (loss != NULL)
        *loss = value;
    status = mx_network_pack(net, false, task, err);
out:
    mx_trainer_free(t);
    return status;
}

merx_status merx_network_train_batch(merx_network *net, const merx_examples *batch, merx_task *task, double *loss,
                                     merx_error *err)
{
    return one_batch(net, batch, task, true, loss, err);
}

merx_status merx_network_gradients(merx_network *net, const merx_examples *batch, merx_task *task, double *loss,
                                   merx_error *err)
{
    return one_batch(net, batch, task, false, loss, err);
}
