/*
 * One batch: gathered, run forward and back in groups, gradients summed in order of the groups, a step of the optimizer.
 *
 * How a batch is cut depends on its size and the network alone: groups of consecutive examples (2 for batches below 64, then 4, then 8), in blocks of at most MX_BLOCK
 * examples. A layer with batch statistics makes a group one block, and is a place where all groups wait for one another.
 */
#include "learn/network/head.h"

#include <math.h>
#include <string.h>

typedef struct group {
    mx_block block;
    size_t first, n; /* examples of the batch at hand */
    int32_t *labels; /* (n rows) */
    float *weights;
    float *targets; /* (n rows u) once a batch had them */
    float *picture; /* scratch of augmentation */
    double loss, metric, counted;
    int broken; /* the first node with a number that is not finite; -1 */
    merx_status status;
} group;

struct mx_trainer {
    merx_network *net;
    mx_plan plan;
    size_t groups, block;
    size_t most; /* examples of a group */
    group group[MX_MOST_GROUPS];
    double *sums; /* of the batch, like the plan's */
    /* Ranges of weights for a step: cut at tensors, so that each decays as a whole or not. */
    size_t ranges;
    struct range {
        size_t at, n;
        bool decays;
    } * range;
    double *squares; /* (ranges) */
    bool dirty;      /* the groups' gradients are not zeros */
    /* Of the batch at hand. */
    const mx_batch *from;
    double scale, rate, clip;
    float *out;
    size_t running; /* groups */
    size_t node;    /* with batch statistics, at hand */
    size_t until;
    size_t nodes; /* that run by themselves: all but a head */
    mx_run run;
    mx_popularity popularity; /* sampled softmax */
    bool counted;             /* it is that of all examples */
};

static size_t group_count(size_t batch, const merx_network *net)
{
    size_t count = batch < 2 ? 1 : batch < 64 || net->trainable > 1 << 20 ? 2 : batch < 256 ? 4 : MX_MOST_GROUPS;
    return count;
}

/* Examples that a group has room for: a smaller batch, as the last one of an epoch, is cut into fewer groups, which may then be larger ones. */
static size_t group_room(size_t batch, const merx_network *net)
{
    const size_t sizes[] = {batch, 63, 255};
    size_t most = 1;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i] < batch ? sizes[i] : batch, groups = group_count(n, net);
        most = (n + groups - 1) / groups > most ? (n + groups - 1) / groups : most;
    }
    return most;
}

static merx_status make_ranges(mx_trainer *t, merx_error *err)
{
    const merx_network *net = t->net;
    for (int pass = 0; pass < 2; pass++) {
        size_t count = 0;
        for (size_t i = 0; i < net->nodes; i++)
            for (size_t j = 0; j < net->node[i].n_weights; j++) {
                const mx_weight *w = &net->node[i].weight[j];
                for (size_t at = 0; w->trainable && at < w->size; at += MX_RANGE, count++)
                    if (pass == 1)
                        t->range[count] = (struct range){w->offset + at,
                                                         w->size - at < MX_RANGE ? w->size - at : MX_RANGE, w->decays};
            }
        t->ranges = count;
        if (pass == 0)
            MX_TRY(MX_NEW_ARRAY(net->alloc, count, &t->range, "ranges of weights", err));
    }
    return MX_NEW_ARRAY(net->alloc, t->ranges, &t->squares, "ranges of weights", err);
}

merx_status mx_trainer_new(merx_network *net, size_t batch, mx_trainer **out, merx_error *err)
{
    mx_trainer *t;
    merx_status status;
    MX_TRY(MX_NEW_ARRAY(net->alloc, 1, &t, "trainer", err));
    t->net = net;
    t->groups = group_count(batch, net);
    t->most = group_room(batch, net);
    size_t most = t->most, rows = mx_output_rows(net);
    bool head = net->node[net->nodes - 1].head;
    t->nodes = net->nodes - head;
    /* A head is better off with many rows: its weights are read for each block. */
    size_t block = !head ? MX_BLOCK : MX_HEAD_BLOCK * rows < MX_HEAD_ROWS ? MX_HEAD_ROWS / rows : MX_HEAD_BLOCK;
    t->block = net->has_sums || most < block ? most : block;
    MX_TRY_GOTO(mx_plan_make(net, t->block, MX_PLAN_TRAIN, &t->plan, err));
    for (size_t g = 0; g < t->groups; g++) {
        MX_TRY_GOTO(mx_block_make(net, &t->plan, true, &t->group[g].block, err));
        MX_TRY_GOTO(MX_NEW_ARRAY(net->alloc, most * rows, &t->group[g].labels, "labels", err));
        MX_TRY_GOTO(MX_NEW_ARRAY(net->alloc, most * rows, &t->group[g].weights, "weights of examples", err));
        MX_TRY_GOTO(MX_NEW_ARRAY(net->alloc, mx_input_size(net), &t->group[g].picture, "picture", err));
    }
    MX_TRY_GOTO(mx_alloc_array(net->alloc, t->plan.sums, sizeof(double), "batch statistics", &t->sums, err));
    MX_TRY_GOTO(make_ranges(t, err));
    if (net->loss == MERX_SAMPLED_SOFTMAX)
        MX_TRY_GOTO(mx_popularity_new(net, &t->popularity, err));
    *out = t;
    return MERX_OK;
out:
    mx_trainer_free(t);
    return status;
}

void mx_trainer_free(mx_trainer *t)
{
    if (t == NULL)
        return;
    const merx_allocator *alloc = t->net->alloc;
    size_t most = t->most, rows = mx_output_rows(t->net), u = mx_output_units(t->net);
    for (size_t g = 0; g < t->groups; g++) {
        mx_block_release(t->net, &t->plan, &t->group[g].block);
        MX_FREE_ARRAY(alloc, t->group[g].labels, most * rows);
        MX_FREE_ARRAY(alloc, t->group[g].weights, most * rows);
        MX_FREE_ARRAY(alloc, t->group[g].targets, most * rows * u);
        MX_FREE_ARRAY(alloc, t->group[g].picture, mx_input_size(t->net));
    }
    mx_popularity_release(t->net, &t->popularity);
    mx_free_array(alloc, t->sums, t->plan.sums, sizeof(double));
    MX_FREE_ARRAY(alloc, t->squares, t->ranges);
    MX_FREE_ARRAY(alloc, t->range, t->ranges);
    mx_plan_release(t->net, &t->plan);
    MX_FREE_ARRAY(alloc, t, 1);
}

/* ---- examples ---- */

merx_status mx_examples_gather(const merx_network *net, const mx_batch *b, size_t first, size_t m, float *x,
                               int32_t *labels, float *targets, float *weights, merx_error *err)
{
    const merx_examples *e = b->from;
    size_t size = mx_input_size(net), rows = mx_output_rows(net), wide = net->node[net->nodes - 1].out_size;
    float scale = e->scale != 0 ? e->scale : 1.0F / 255;
    if (e->gather != NULL) {
        size_t some[MX_BLOCK];
        for (size_t i = 0; i < m; i += MX_BLOCK) {
            size_t n = m - i < MX_BLOCK ? m - i : MX_BLOCK;
            for (size_t j = 0; j < n; j++)
                some[j] = b->rows != NULL ? b->rows[first + i + j] : first + i + j;
            MX_TRY(e->gather(e->context, some, n, x != NULL ? x + i * size : NULL,
                             labels != NULL ? labels + i * rows : NULL, targets != NULL ? targets + i * wide : NULL,
                             err));
        }
    }
    for (size_t i = 0; i < m; i++) {
        size_t row = b->rows != NULL ? b->rows[first + i] : first + i;
        float *to = x != NULL ? x + i * size : NULL;
        if (to != NULL && e->x != NULL)
            memcpy(to, e->x + row * size, size * sizeof *to);
        else if (to != NULL && e->bytes != NULL)
            for (size_t j = 0; j < size; j++)
                to[j] = (float)e->bytes[row * size + j] * scale;
        if (labels != NULL && e->labels != NULL)
            memcpy(labels + i * rows, e->labels + row * rows, rows * sizeof *labels);
        if (targets != NULL && e->targets != NULL)
            memcpy(targets + i * wide, e->targets + row * wide, wide * sizeof *targets);
        if (weights != NULL)
            for (size_t j = 0; j < rows; j++)
                weights[i * rows + j] = e->weights != NULL ? e->weights[row] : 1;
    }
    return MERX_OK;
}

/* ---- a batch ---- */

/* Labels and weights of a whole group, before any gradient: how many rows count is the divisor of the mean. */
static merx_status load_labels(void *context, size_t i, merx_error *err)
{
    mx_trainer *t = context;
    group *g = &t->group[i];
    size_t rows = mx_output_rows(t->net), u = mx_output_units(t->net);
    bool targets = mx_loss_targeted(t->net, t->from->from);
    MX_TRY(mx_examples_gather(t->net, t->from, g->first, g->n, NULL, targets ? NULL : g->labels,
                              targets ? g->targets : NULL, g->weights, err));
    for (size_t j = 0; j < g->n * rows; j++) {
        if (!targets && g->labels[j] >= 0 && (size_t)g->labels[j] >= (u > 1 ? u : 2))
            MX_FAIL(err, MERX_E_RANGE, "examples", "example %zu of the batch has label %d; the network has %zu classes",
                    g->first + j / rows, g->labels[j], u > 1 ? u : 2);
        g->counted += targets || g->labels[j] >= 0;
    }
    return MERX_OK;
}

static merx_status load_block(mx_trainer *t, group *g, size_t from, size_t n, merx_error *err)
{
    const merx_network *net = t->net;
    float *x = g->block.floats + t->plan.place[0].y;
    MX_TRY(mx_examples_gather(net, t->from, g->first + from, n, x, NULL, NULL, NULL, err));
    if (t->from->augmentation != NULL)
        for (size_t i = 0; i < n; i++) {
            size_t at = g->first + from + i, row = t->from->rows != NULL ? t->from->rows[at] : at;
            mx_augment(t->from->augmentation, &net->input, net->seed, t->from->epoch, row, x + i * mx_input_size(net),
                       g->picture);
        }
    return MERX_OK;
}

static void block_loss(mx_trainer *t, group *g, size_t from, size_t n)
{
    const merx_network *net = t->net;
    size_t rows = mx_output_rows(net);
    const mx_places *out = &t->plan.place[net->nodes - 1];
    mx_loss_rows r = {
        .m = n * rows,
        .u = mx_output_units(net),
        .labels = mx_loss_targeted(t->net, t->from->from) ? NULL : g->labels + from * rows,
        .targets = mx_loss_targeted(t->net, t->from->from) ? g->targets + from * rows * mx_output_units(net) : NULL,
        .weights = g->weights + from * rows,
        .class_weights = t->from->class_weights,
        .smoothing = t->from->smoothing,
        .scale = t->scale,
        .logits = true,
        .seed = net->seed,
        .step = t->run.step,
        .first = (g->first + from) * rows};
    g->block.loss = g->block.metric = g->block.counted = 0;
    if (t->nodes < net->nodes)
        mx_head(&t->run, &r, &g->block);
    else
        mx_loss(net->loss, &r, g->block.floats + out->y, g->block.floats + out->dy, &g->block);
    g->loss += g->block.loss;
    g->metric += g->block.metric;
    if (!isfinite(g->block.loss) && g->broken < 0)
        g->broken = mx_first_not_finite(&t->run, &g->block, n);
}

/* Without batch statistics: all of a group in one go. */
static merx_status run_group(void *context, size_t i, merx_error *err)
{
    mx_trainer *t = context;
    group *g = &t->group[i];
    size_t nodes = t->nodes;
    for (size_t from = 0; from < g->n; from += t->block) {
        size_t n = g->n - from < t->block ? g->n - from : t->block;
        MX_TRY(load_block(t, g, from, n, err));
        mx_forward(&t->run, &g->block, n, g->first + from, 1, nodes);
        block_loss(t, g, from, n);
        mx_backward(&t->run, &g->block, n, g->first + from, nodes - 1, 1);
    }
    return MERX_OK;
}

/* With them: from one such layer to the next. */
static merx_status group_forward(void *context, size_t i, merx_error *err)
{
    mx_trainer *t = context;
    group *g = &t->group[i];
    size_t nodes = t->nodes;
    if (t->node == 0)
        MX_TRY(load_block(t, g, 0, g->n, err));
    mx_forward(&t->run, &g->block, g->n, g->first, t->node == 0 ? 1 : t->node, t->until);
    if (t->until < nodes)
        mx_forward_sums(&t->run, &g->block, g->n, g->first, t->until);
    else
        block_loss(t, g, 0, g->n);
    return MERX_OK;
}

static merx_status group_backward(void *context, size_t i, merx_error *err)
{
    (void)err;
    mx_trainer *t = context;
    group *g = &t->group[i];
    size_t from =
        t->node < t->nodes ? t->node : t->nodes - 1; /* nothing at first, where the last layer has sums itself */
    mx_backward(&t->run, &g->block, g->n, g->first, from, t->until);
    if (t->until > 1)
        mx_backward_sums(&t->run, &g->block, g->n, g->first, t->until - 1);
    return MERX_OK;
}

static void add_up(mx_trainer *t, size_t node)
{
    size_t at = t->plan.sums_at[node];
    for (size_t s = at; s < at + t->net->node[node].sums; s++) {
        t->sums[s] = 0;
        for (size_t g = 0; g < t->running; g++)
            t->sums[s] += t->group[g].block.sums[s];
    }
}

static merx_status run_with_sums(mx_trainer *t, merx_task *task, merx_error *err)
{
    const merx_network *net = t->net;
    size_t nodes = t->nodes;
    for (t->node = 0; t->node < nodes; t->node = t->until) {
        for (t->until = t->node + 1; t->until < nodes && net->node[t->until].sums == 0;)
            t->until++;
        MX_TRY(mx_parallel(task, t->running, group_forward, t, err));
        if (t->until < nodes)
            add_up(t, t->until);
    }
    /* A layer's backward runs once its sums are known: node … until, then the sums of the one before until. */
    for (t->node = nodes; t->node > 0; t->node = t->until - 1) {
        for (t->until = t->node; t->until > 1 && net->node[t->until - 1].sums == 0;)
            t->until--;
        MX_TRY(mx_parallel(task, t->running, group_backward, t, err));
        if (t->until > 1)
            add_up(t, t->until - 1);
    }
    return MERX_OK;
}

static merx_status keep_state(mx_trainer *t, merx_error *err)
{
    merx_network *net = t->net;
    if (!net->has_state || net->state_batch >= t->from->n)
        return MERX_OK;
    MX_FREE_ARRAY(net->alloc, net->state, net->state_size * net->state_batch);
    net->state = NULL;
    net->state_batch = 0;
    MX_TRY(mx_alloc_array(net->alloc, net->state_size * t->from->n, sizeof(float), "states", &net->state, err));
    net->state_batch = t->from->n;
    return MERX_OK;
}

static merx_status make_targets(mx_trainer *t, merx_error *err)
{
    size_t most = t->most, rows = mx_output_rows(t->net), u = mx_output_units(t->net);
    for (size_t g = 0; mx_loss_targeted(t->net, t->from->from) && g < t->groups; g++)
        if (t->group[g].targets == NULL)
            MX_TRY(MX_NEW_ARRAY(t->net->alloc, most * rows * u, &t->group[g].targets, "targets", err));
    return MERX_OK;
}

/* ---- popularity ---- */

static void count_batch(mx_trainer *t)
{
    if (t->net->loss != MERX_SAMPLED_SOFTMAX || t->counted)
        return;
    mx_popularity_clear(&t->popularity);
    for (size_t g = 0; g < t->running; g++)
        mx_popularity_add(&t->popularity, t->group[g].labels, t->group[g].n * mx_output_rows(t->net));
    mx_popularity_close(&t->popularity);
}

merx_status mx_trainer_count(mx_trainer *t, const merx_examples *examples, size_t n, merx_error *err)
{
    size_t rows = mx_output_rows(t->net), most = t->most;
    if (t->net->loss != MERX_SAMPLED_SOFTMAX)
        return MERX_OK;
    mx_batch all = {.from = examples, .n = n};
    mx_popularity_clear(&t->popularity);
    for (size_t at = 0; at < n; at += most) {
        size_t m = n - at < most ? n - at : most;
        MX_TRY(mx_examples_gather(t->net, &all, at, m, NULL, t->group[0].labels, NULL, NULL, err));
        mx_popularity_add(&t->popularity, t->group[0].labels, m * rows);
    }
    mx_popularity_close(&t->popularity);
    t->counted = true;
    return MERX_OK;
}

merx_status mx_trainer_gradients(mx_trainer *t, const mx_batch *batch, merx_task *task, double *loss, double *metric,
                                 merx_error *err)
{
    merx_network *net = t->net;
    t->from = batch;
    MX_TRY(keep_state(t, err));
    t->running = group_count(batch->n, net) < t->groups ? group_count(batch->n, net) : t->groups;
    size_t most = (batch->n + t->running - 1) / t->running;
    t->running = (batch->n + most - 1) / most;
    for (size_t g = 0; g < t->running; g++) {
        t->group[g].first = g * most;
        t->group[g].n = batch->n - g * most < most ? batch->n - g * most : most;
        t->group[g].loss = t->group[g].metric = t->group[g].counted = 0;
        t->group[g].broken = -1;
    }
    MX_TRY(make_targets(t, err));
    MX_TRY(mx_parallel(batch->from->gather != NULL ? task : NULL, t->running, load_labels, t, err));
    count_batch(t);
    double seen = 0;
    for (size_t g = 0; g < t->running; g++)
        seen += t->group[g].counted;
    t->scale = seen > 0 ? 1 / seen : 0;
    t->run = (mx_run){.net = net,
                      .plan = &t->plan,
                      .batch = batch->n,
                      .training = true,
                      .logits = true,
                      .step = net->steps,
                      .sums = t->sums,
                      .state = net->state,
                      .state_batch = net->state_batch,
                      .popularity = net->loss == MERX_SAMPLED_SOFTMAX ? &t->popularity : NULL};
    t->dirty = true;
    MX_TRY(net->has_sums ? run_with_sums(t, task, err) : mx_parallel(task, t->running, run_group, t, err));
    double total = 0, right = 0;
    int broken = -1;
    for (size_t g = 0; g < t->running; g++) {
        total += t->group[g].loss;
        right += t->group[g].metric;
        if (t->group[g].broken >= 0 && (broken < 0 || t->group[g].broken < broken))
            broken = t->group[g].broken;
    }
    *loss = seen > 0 ? total / seen : 0;
    *metric = seen > 0 ? right / seen : 0;
    if (!isfinite(*loss))
        MX_FAIL(err, MERX_E_NUMERIC, broken >= 0 ? net->node[broken].name : "loss",
                "step %llu: the loss is %g%s%s; a smaller learning rate, clip_norm, or inputs of a smaller range help",
                (unsigned long long)net->steps + 1, *loss,
                broken >= 0 ? "; the first numbers that are not finite come out of layer " : "",
                broken >= 0 ? net->node[broken].name : "");
    return MERX_OK;
}

/* ---- a step ---- */

static float *sum_range(mx_trainer *t, size_t i)
{
    const struct range *r = &t->range[i];
    float *sum = t->group[0].block.gradients + r->at;
    for (size_t g = 1; g < t->running; g++) {
        float *more = t->group[g].block.gradients + r->at;
        mx_tensor_kernel()->add_to(more, r->n, sum);
        memset(more, 0, r->n * sizeof *more);
    }
    return sum;
}

static merx_status square_range(void *context, size_t i, merx_error *err)
{
    (void)err;
    mx_trainer *t = context;
    t->squares[i] = mx_tensor_kernel()->sum_squares(sum_range(t, i), t->range[i].n);
    return MERX_OK;
}

static merx_status step_range(void *context, size_t i, merx_error *err)
{
    (void)err;
    mx_trainer *t = context;
    const struct range *r = &t->range[i];
    /* Summed already when the squares were wanted. */
    float *sum = t->clip > 0 ? t->group[0].block.gradients + r->at : sum_range(t, i);
    if (t->out != NULL)
        memcpy(t->out + r->at, sum, r->n * sizeof *sum);
    else
        mx_optimizer_step(t->net, t->rate, t->net->steps, t->scale, sum, r->at, r->n, r->decays);
    memset(sum, 0, r->n * sizeof *sum);
    return MERX_OK;
}

merx_status mx_trainer_step(mx_trainer *t, double rate, float *out, merx_task *task, merx_error *err)
{
    t->rate = rate;
    t->out = out;
    t->scale = 1;
    t->clip = out == NULL ? t->net->optimizer.clip_norm : 0;
    if (t->clip > 0) {
        MX_TRY(mx_parallel(task, t->ranges, square_range, t, err));
        double squares = 0;
        for (size_t i = 0; i < t->ranges; i++)
            squares += t->squares[i];
        t->scale = squares > t->clip * t->clip ? t->clip / sqrt(squares) : 1;
    }
    for (size_t i = 0; out == NULL && i < t->net->nodes; i++)
        if (t->net->node[i].sums > 0)
            t->net->node[i].kind->settle(&t->net->node[i], t->sums + t->plan.sums_at[i], t->run.batch, t->net->weights);
    if (out == NULL)
        t->net->steps++;
    MX_TRY(mx_parallel(task, t->ranges, step_range, t, err));
    t->dirty = false;
    return MERX_OK;
}

void mx_trainer_clear(mx_trainer *t)
{
    for (size_t g = 0; g < t->groups && t->dirty; g++)
        memset(t->group[g].block.gradients, 0, t->net->trainable * sizeof(float));
    t->dirty = false;
}
