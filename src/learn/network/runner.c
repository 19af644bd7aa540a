/*
 * Running a network: many examples over all threads, a few without allocation, a sequence step by step.
 *
 * Predicting leaves its memory with the network for the next call (mx_shelf): a batch takes little longer than making that memory anew would.
 * A runner for steps is the same network planned for sequences of one step, with the recurrent layers' state kept between calls; the weights are the network's.
 */
#include "learn/network/head.h"

#include <math.h>
#include <string.h>

struct merx_runner {
    const merx_network *net; /* the caller's, or `own` */
    merx_network *own; /* steps: a copy of the nodes with shapes of one step; weights and packed weights are borrowed */
    mx_plan plan;
    mx_block block;
    float *state;
    size_t most;
};

static mx_run running(const merx_runner *r)
{
    return (mx_run){.net = r->net, .plan = &r->plan, .batch = r->most, .state = r->state, .state_batch = 1};
}

static merx_status new_runner(const merx_network *net, size_t most, bool keep, merx_runner **out, merx_error *err)
{
    merx_runner *r;
    merx_status status;
    MX_TRY(MX_NEW_ARRAY(net->alloc, 1, &r, "runner", err));
    r->net = net;
    r->most = most;
    MX_TRY_GOTO(mx_plan_make(net, most, keep ? MX_PLAN_KEEP : MX_PLAN_RUN, &r->plan, err));
    MX_TRY_GOTO(mx_block_make(net, &r->plan, false, &r->block, err));
    *out = r;
    return MERX_OK;
out:
    merx_runner_free(r);
    return status;
}

merx_status merx_runner_new(const merx_network *net, size_t most, bool keep, merx_runner **out, merx_error *err)
{
    if (!net->compiled)
        MX_FAIL(err, MERX_E_INVALID, "network", "compile the network before it is run");
    if (most == 0 || most > 1 << 20)
        MX_FAIL(err, MERX_E_RANGE, "runner", "most is %zu; expected 1 to %d", most, 1 << 20);
    return new_runner(net, most, keep, out, err);
}

void merx_runner_free(merx_runner *r)
{
    if (r == NULL)
        return;
    const merx_allocator *alloc = r->net->alloc;
    mx_block_release(r->net, &r->plan, &r->block);
    mx_plan_release(r->net, &r->plan);
    if (r->own != NULL) {
        MX_FREE_ARRAY(alloc, r->state, r->own->state_size);
        MX_FREE_ARRAY(alloc, r->own->node, r->own->nodes);
        MX_FREE_ARRAY(alloc, r->own, 1);
    }
    MX_FREE_ARRAY(alloc, r, 1);
}

const float *merx_runner_run(merx_runner *r, const float *x, size_t n)
{
    mx_run run = running(r);
    memcpy(r->block.floats + r->plan.place[0].y, x, n * mx_input_size(r->net) * sizeof *x);
    mx_forward(&run, &r->block, n, 0, 1, r->net->nodes);
    return r->block.floats + r->plan.place[r->net->nodes - 1].y;
}

const float *merx_runner_node(const merx_runner *r, int node)
{
    if (r->plan.what != MX_PLAN_KEEP || node < 0 || (size_t)node >= r->net->nodes || r->net->node[node].absorbed)
        return NULL;
    return r->block.floats + r->plan.place[node].y;
}

/* ---- steps ---- */

merx_status merx_runner_new_steps(const merx_network *net, merx_runner **out, merx_error *err)
{
    merx_network *own;
    merx_runner *r = NULL;
    merx_status status;
    if (!net->compiled)
        MX_FAIL(err, MERX_E_INVALID, "network", "compile the network before it is run");
    for (size_t i = 1; i < net->nodes; i++)
        if (net->node[i].kind->whole_sequence != NULL && net->node[i].kind->whole_sequence(&net->node[i]))
            MX_FAIL(err, MERX_E_UNSUPPORTED, net->node[i].name, "%s needs the whole sequence; it can't go step by step",
                    net->node[i].kind->word);
    MX_TRY(MX_NEW_ARRAY(net->alloc, 1, &own, "runner", err));
    *own = *net;
    own->node = NULL;
    own->state = NULL;
    MX_TRY_GOTO(MX_NEW_ARRAY(net->alloc, net->nodes, &own->node, "layers", err));
    memcpy(own->node, net->node, net->nodes * sizeof *own->node);
    own->node[0].out.dim[0] = 1;
    own->input.dim[0] = 1;
    MX_TRY_GOTO(mx_network_shapes(own, err));
    for (size_t i = 1; i < own->nodes; i++)
        if (own->node[i].state > 0)
            own->node[i].layer.recurrent.stateful = true;
    own->node[own->nodes - 1].at_loss = net->node[net->nodes - 1].at_loss;
    /* The same weights, in the same places; a layer that would have others saw all steps at once. */
    for (size_t i = 1; i < net->nodes; i++)
        for (size_t j = 0; j < net->node[i].n_weights; j++) {
            mx_weight *w = &own->node[i].weight[j];
            const mx_weight *whole = &net->node[i].weight[j];
            if (w->size != whole->size)
                MX_FAIL_GOTO(err, MERX_E_UNSUPPORTED, own->node[i].name,
                             "%s needs the whole sequence; it can't go step by step", own->node[i].kind->word);
            w->offset = whole->offset;
        }
    MX_TRY_GOTO(new_runner(own, 1, false, &r, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(net->alloc, own->state_size, &r->state, "state", err));
    r->own = own;
    *out = r;
    return MERX_OK;
out:
    merx_runner_free(r);
    if (own->node != NULL)
        MX_FREE_ARRAY(net->alloc, own->node, own->nodes);
    MX_FREE_ARRAY(net->alloc, own, 1);
    return status;
}

const float *merx_runner_step(merx_runner *r, const float *x)
{
    return merx_runner_run(r, x, 1);
}

void merx_runner_reset(merx_runner *r)
{
    if (r->state != NULL)
        memset(r->state, 0, r->net->state_size * sizeof *r->state);
}

size_t merx_runner_state_size(const merx_runner *r)
{
    return r->state != NULL ? r->net->state_size : 0;
}

void merx_runner_get_state(const merx_runner *r, float *state)
{
    if (r->state != NULL)
        memcpy(state, r->state, r->net->state_size * sizeof *state);
}

void merx_runner_set_state(merx_runner *r, const float *state)
{
    if (r->state != NULL)
        memcpy(r->state, state, r->net->state_size * sizeof *state);
}

/* ---- many ---- */

typedef struct many {
    const merx_network *net;
    const merx_examples *examples;
    const mx_plan *plan;
    mx_block *block; /* one per thread */
    size_t each;     /* examples of a block */
    float *out;      /* predict */
    /* evaluate */
    bool judge;
    int32_t *labels; /* per thread (each rows) */
    float *targets, *weights;
    double (*sums)[3]; /* per block: loss, metric, counted */
} many;

static merx_status run_many(void *context, size_t b, merx_error *err)
{
    const many *m = context;
    const merx_network *net = m->net;
    size_t worker = (size_t)mx_worker_index(), first = b * m->each, n = m->examples->n - first,
           rows = mx_output_rows(net), size = net->node[net->nodes - 1].out_size;
    n = n < m->each ? n : m->each;
    mx_block *block = &m->block[worker];
    mx_run run = {.net = net, .plan = m->plan, .batch = n, .logits = m->judge};
    mx_batch batch = {.from = m->examples, .n = m->examples->n};
    int32_t *labels = m->judge ? m->labels + worker * m->each * rows : NULL;
    float *targets = m->targets != NULL ? m->targets + worker * m->each * size : NULL;
    float *weights = m->judge ? m->weights + worker * m->each * rows : NULL;
    bool targeted = m->judge && mx_loss_targeted(net, m->examples);
    MX_TRY(mx_examples_gather(net, &batch, first, n, block->floats + m->plan->place[0].y, targeted ? NULL : labels,
                              targeted ? targets : NULL, weights, err));
    bool head = m->judge && net->node[net->nodes - 1].head;
    mx_forward(&run, block, n, 0, 1, net->nodes - head);
    float *y = head ? NULL : block->floats + m->plan->place[net->nodes - 1].y;
    if (!m->judge) {
        memcpy(m->out + first * size, y, n * size * sizeof *y);
        return MERX_OK;
    }
    mx_loss_rows r = {.m = n * rows,
                      .u = mx_output_units(net),
                      .labels = targeted ? NULL : labels,
                      .targets = targeted ? targets : NULL,
                      .weights = weights,
                      .scale = 1,
                      .logits = true,
                      .seed = net->seed,
                      .first = first * rows};
    block->loss = block->metric = block->counted = 0;
    if (head)
        mx_head(&run, &r, block);
    else
        mx_loss(net->loss, &r, y, NULL, block);
    m->sums[b][0] = block->loss;
    m->sums[b][1] = block->metric;
    m->sums[b][2] = block->counted;
    return MERX_OK;
}

/* ---- memory of many ---- */

void mx_workshop_free(const merx_network *net, mx_workshop *w)
{
    if (w == NULL)
        return;
    for (size_t t = 0; w->block != NULL && t < w->threads; t++)
        mx_block_release(net, &w->plan, &w->block[t]);
    MX_FREE_ARRAY(net->alloc, w->block, w->threads);
    mx_plan_release(net, &w->plan);
    MX_FREE_ARRAY(net->alloc, w, 1);
}

static merx_status new_workshop(const merx_network *net, mx_plan_for what, size_t threads, mx_workshop **out,
                                merx_error *err)
{
    mx_workshop *w;
    merx_status status;
    MX_TRY(MX_NEW_ARRAY(net->alloc, 1, &w, "blocks", err));
    w->threads = threads;
    MX_TRY_GOTO(mx_plan_make(net, MX_BLOCK, what, &w->plan, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(net->alloc, threads, &w->block, "blocks", err));
    for (size_t t = 0; t < threads; t++)
        MX_TRY_GOTO(mx_block_make(net, &w->plan, false, &w->block[t], err));
    *out = w;
    return MERX_OK;
out:
    mx_workshop_free(net, w);
    return status;
}

/* The one on the shelf where it is there and large enough, or a new one. */
static merx_status take_workshop(const merx_network *net, mx_plan_for what, size_t threads, mx_workshop **out,
                                 merx_error *err)
{
    mx_workshop *w = what == MX_PLAN_RUN ? atomic_exchange(&net->shelf->workshop, NULL) : NULL;
    if (w == NULL || w->threads < threads) {
        mx_workshop_free(net, w);
        return new_workshop(net, what, threads, out, err);
    }
    *out = w;
    return MERX_OK;
}

static void leave_workshop(const merx_network *net, mx_workshop *w)
{
    if (w != NULL && w->plan.what == MX_PLAN_RUN &&
        w->plan.floats * sizeof(float) + w->plan.bytes + w->plan.sums * sizeof(double) <= MX_SHELF_BYTES / w->threads)
        w = atomic_exchange(&net->shelf->workshop, w); /* another call may have left its own */
    mx_workshop_free(net, w);
}

static merx_status go_through(const merx_network *net, const merx_examples *e, merx_task *task, float *out,
                              double *loss, double *metric, merx_error *err)
{
    size_t threads = (size_t)merx_task_threads(task), rows = mx_output_rows(net),
           size = net->node[net->nodes - 1].out_size;
    many m = {.net = net, .examples = e, .each = MX_BLOCK, .out = out, .judge = out == NULL};
    mx_workshop *workshop = NULL;
    merx_status status;
    size_t blocks = (e->n + m.each - 1) / m.each;
    MX_TRY_GOTO(take_workshop(net, m.judge ? MX_PLAN_JUDGE : MX_PLAN_RUN, threads, &workshop, err));
    m.plan = &workshop->plan;
    m.block = workshop->block;
    if (m.judge) {
        MX_TRY_GOTO(MX_NEW_ARRAY(net->alloc, threads * m.each * rows, &m.labels, "labels", err));
        if (mx_loss_targeted(net, e))
            MX_TRY_GOTO(MX_NEW_ARRAY(net->alloc, threads * m.each * size, &m.targets, "targets", err));
        MX_TRY_GOTO(MX_NEW_ARRAY(net->alloc, threads * m.each * rows, &m.weights, "weights", err));
        MX_TRY_GOTO(MX_NEW_ARRAY(net->alloc, blocks, &m.sums, "sums", err));
    }
    MX_TRY_GOTO(mx_parallel(task, blocks, run_many, &m, err));
    if (m.judge) {
        double sums[3] = {0};
        for (size_t b = 0; b < blocks; b++)
            for (size_t s = 0; s < 3; s++)
                sums[s] += m.sums[b][s];
        *loss = sums[2] > 0 ? sums[0] / sums[2] : NAN;
        *metric = sums[2] > 0 ? sums[1] / sums[2] : NAN;
    }
out:
    MX_FREE_ARRAY(net->alloc, m.labels, threads * m.each * rows);
    MX_FREE_ARRAY(net->alloc, m.targets, threads * m.each * size);
    MX_FREE_ARRAY(net->alloc, m.weights, threads * m.each * rows);
    MX_FREE_ARRAY(net->alloc, m.sums, blocks);
    leave_workshop(net, workshop);
    return status;
}

merx_status merx_network_predict(const merx_network *net, const merx_examples *examples, merx_task *task, float *out,
                                 merx_error *err)
{
    if (!net->compiled)
        MX_FAIL(err, MERX_E_INVALID, "network", "compile the network before it is run");
    if ((examples->x != NULL) + (examples->bytes != NULL) + (examples->gather != NULL) != 1)
        MX_FAIL(err, MERX_E_INVALID, "examples", "exactly one of x, bytes and gather gives the inputs");
    MX_TRY(mx_inputs_check(net, examples, err));
    return examples->n == 0 ? MERX_OK : go_through(net, examples, task, out, NULL, NULL, err);
}

merx_status merx_network_evaluate(const merx_network *net, const merx_examples *examples, merx_task *task, double *loss,
                                  double *metric, merx_error *err)
{
    double values[2] = {NAN, NAN};
    if (!net->compiled)
        MX_FAIL(err, MERX_E_INVALID, "network", "compile the network before it is evaluated");
    MX_TRY(mx_loss_check(net, examples, err));
    MX_TRY(go_through(net, examples, task, NULL, &values[0], &values[1], err));
    if (loss != NULL)
        *loss = values[0];
    if (metric != NULL)
        *metric = values[1];
    return MERX_OK;
}
