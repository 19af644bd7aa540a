/*
 * What a network holds, and how it runs. Floor 4, for the files of this folder.
 *
 * Weights lie in one block, trainable ones first; gradients and moments lie alike. Memory of a block of examples is planned at compile (plan.c): one allocation,
 * places shared by what is not alive at the same time.
 *
 * A batch is cut into groups by its size alone (mx_groups), each with its own gradients; groups run on any thread, their gradients are summed in order. Within a group
 * examples run in blocks of at most MX_BLOCK, one after the other, in the same memory, unless a layer needs statistics of the whole batch: then a group is one block.
 */
#ifndef MX_LEARN_NETWORK_STATE_H
#define MX_LEARN_NETWORK_STATE_H

#include <stdatomic.h>

#include "base/run.h"
#include "learn/network/layer.h"

enum { MX_BLOCK = 16, MX_MOST_GROUPS = 8, MX_MOST_NODES = 4096, MX_RANGE = 8192 };

/* Bytes that may stay with a network between two calls. */
enum { MX_SHELF_BYTES = 1 << 26 };

/* Places of one block of examples, in floats (bytes for the last two) from its start. MX_NOWHERE: has none. */
#define MX_NOWHERE SIZE_MAX
typedef struct mx_places {
    size_t y, dy, saved;
    size_t saved_bytes, mask;
} mx_places;
typedef enum mx_plan_for {
    MX_PLAN_RUN,
    MX_PLAN_JUDGE, /* the loss alone: a head's output is not kept */
    MX_PLAN_KEEP,  /* every output stays until the end */
    MX_PLAN_TRAIN
} mx_plan_for;
typedef struct mx_plan {
    size_t most; /* examples */
    mx_plan_for what;
    size_t nodes;
    mx_places *place;              /* (nodes) */
    size_t floats, bytes, scratch; /* of a block; scratch: the place of it */
    size_t sums;                   /* doubles, of all nodes */
    size_t *sums_at;               /* (nodes) */
} mx_plan;
merx_status mx_plan_make(const merx_network *net, size_t most, mx_plan_for what, mx_plan *plan,
                         merx_error *err) MERX_MUST_CHECK;
void mx_plan_release(const merx_network *net, mx_plan *plan);

/* The memory of one block, and what came of it. */
typedef struct mx_block {
    float *floats;
    uint8_t *bytes;
    float *gradients;             /* like the weights; NULL */
    double *sums;                 /* this block's */
    double loss, metric, counted; /* sums over its rows */
} mx_block;
merx_status mx_block_make(const merx_network *net, const mx_plan *plan, bool gradients, mx_block *block,
                          merx_error *err) MERX_MUST_CHECK;
void mx_block_release(const merx_network *net, const mx_plan *plan, mx_block *block);

/* What merx_network_predict works in: made by one call, left for the next. */
typedef struct mx_workshop {
    mx_plan plan;
    mx_block *block; /* (threads) */
    size_t threads;
} mx_workshop;
/* One call at most has it; who finds it gone makes one of its own. Any number of threads may predict. */
typedef struct mx_shelf {
    _Atomic(mx_workshop *) workshop;
} mx_shelf;
void mx_workshop_free(const merx_network *net, mx_workshop *workshop);

struct merx_network {
    const merx_allocator *alloc;
    merx_error failure; /* the first of building */
    merx_dims input;
    mx_node *node;
    size_t nodes, node_room;
    bool compiled;
    merx_optimizer optimizer;
    merx_loss loss;
    size_t trainable, size;             /* floats */
    float *weights, *moment1, *moment2; /* moments: what the optimizer keeps; NULL: nothing */
    float *packed;                      /* of all nodes: for running, and behind it for training */
    size_t packed_size, *packed_at;     /* (nodes) */
    float *gradients;                   /* of merx_network_gradients; NULL */
    float *state;                       /* of stateful layers, for state_batch examples */
    size_t state_batch, state_size, *state_at;
    mx_shelf *shelf; /* made by compile */
    bool has_sums, has_state;
    uint64_t seed, steps; /* optimizer steps done */
    uint64_t epochs;      /* whole epochs done */
    bool resumes;         /* loaded: the next fit counts its epochs from the first */
};

/* The node that the pass reads input i of a node from (the convolution's own input for a fused pooling). */
int mx_node_source(const mx_node *node, size_t i);

/* Shapes of every node from the input's; what each needs; fused steps (network.c). */
merx_status mx_network_shapes(merx_network *net, merx_error *err) MERX_MUST_CHECK;
/* The shape of the last node's output, while a network is being built out of a file that does not say it. */
merx_status mx_network_shape_last(merx_network *net, merx_error *err) MERX_MUST_CHECK;
/* Packs every node's weights; training: for backward too. */
merx_status mx_network_pack(merx_network *net, bool training, merx_task *task, merx_error *err) MERX_MUST_CHECK;
size_t mx_network_align(size_t floats); /* to 64 bytes */

typedef struct mx_popularity mx_popularity;

/* What all blocks of one batch share. */
typedef struct mx_run {
    const merx_network *net;
    const mx_plan *plan;
    size_t batch;
    bool training, logits;
    uint64_t step;
    const double *sums; /* of the batch, like the plan's; NULL */
    float *state;       /* like net->state; NULL */
    size_t state_batch;
    const mx_popularity *popularity; /* of a training by sampled softmax */
} mx_run;
/* Nodes from … until - 1 of one block that begins with example `first` of the batch. The input is in the place of node 0. sums_of: the block's own sums of that node are made too (0: none). */
void mx_forward(const mx_run *run, mx_block *block, size_t n, size_t first, size_t from, size_t until);
void mx_forward_sums(const mx_run *run, mx_block *block, size_t n, size_t first, size_t i);
/* Backward of nodes from down to until; dy of the output is in its place. */
void mx_backward(const mx_run *run, mx_block *block, size_t n, size_t first, size_t from, size_t until);
void mx_backward_sums(const mx_run *run, mx_block *block, size_t n, size_t first, size_t i);
/* The first node whose output holds a number that is not finite; -1: none. */
int mx_first_not_finite(const mx_run *run, const mx_block *block, size_t n);

/*
 * Losses (loss.c): of m rows (examples, or their steps) of the output y (m, u). dy written unless NULL: the gradient of scale x sum_i weight_i loss_i. Sums go to block->loss (weighted), metric, counted.
 */
typedef struct mx_loss_rows {
    size_t m, u;
    const int32_t *labels;       /* (m); below 0: does not count */
    const float *targets;        /* (m, u) */
    const float *weights;        /* (m); NULL: ones */
    const double *class_weights; /* (u); NULL: ones */
    double smoothing;            /* of labels; categorical_crossentropy */
    double scale;
    bool logits;
    uint64_t seed, step;
    size_t first; /* number of the first row in the batch */
} mx_loss_rows;
void mx_loss(merx_loss loss, const mx_loss_rows *rows, float *y, float *dy, mx_block *block);
/* The same sums in double, for y (m, u) of the twin; returns the sum of weight_i loss_i. */
double mx_loss_twin(merx_loss loss, const mx_loss_rows *rows, const double *y);
/* Whether the loss takes the output before its softmax or sigmoid. */
bool mx_loss_takes_logits(merx_loss loss, const mx_node *output);
/* Whether what is to be learnt of the examples are rows of targets; labels otherwise. */
bool mx_loss_targeted(const merx_network *net, const merx_examples *examples);
const char *mx_loss_word(merx_loss loss);
const char *mx_loss_metric(merx_loss loss); /* "accuracy", "mean absolute error" */
/* What fits the output of a network that came without a loss: a cross-entropy behind softmax or sigmoid, else squares. */
merx_loss mx_loss_standard(const merx_network *net);
/* MERX_E_SHAPE when the output isn't one the loss can learn. */
merx_status mx_loss_fits(const merx_network *net, merx_loss loss, merx_error *err) MERX_MUST_CHECK;
/* MERX_E_SHAPE, MERX_E_RANGE: labels and targets that the output can't learn from. */
merx_status mx_loss_check(const merx_network *net, const merx_examples *examples, merx_error *err) MERX_MUST_CHECK;

/* MERX_E_RANGE: numbers of x that an embedding has no row for (inputs.c). */
merx_status mx_inputs_check(const merx_network *net, const merx_examples *examples, merx_error *err) MERX_MUST_CHECK;

/* Optimisers (optimizer.c): weights begin … begin + n after step number `step` (from 1) with this learning rate; g: gradients there. */
void mx_optimizer_step(merx_network *net, double rate, uint64_t step, double scale, const float *g, size_t begin,
                       size_t n, bool decays);
double mx_optimizer_rate(const merx_optimizer *o, double epoch, double epochs); /* epoch: with its fraction */
merx_optimizer mx_optimizer_defaults(merx_optimizer o);
merx_status mx_optimizer_check(const merx_optimizer *o, merx_error *err) MERX_MUST_CHECK;
size_t mx_optimizer_moments(const merx_optimizer *o);

/*
 * A trainer: the memory of batches of up to `batch` examples.
 */
typedef struct mx_trainer mx_trainer;
typedef struct mx_batch {
    const merx_examples *from;
    const size_t *rows; /* (n); NULL: 0, 1, … */
    size_t n;
    const double *class_weights;
    double smoothing;
    const merx_augmentation *augmentation; /* NULL: none */
    uint64_t epoch;
} mx_batch;
merx_status mx_trainer_new(merx_network *net, size_t batch, mx_trainer **out, merx_error *err) MERX_MUST_CHECK;
void mx_trainer_free(mx_trainer *trainer);
/* Gradients of one batch, in the groups' memory; the sums of loss and metric divided by what counts. */
merx_status mx_trainer_gradients(mx_trainer *trainer, const mx_batch *batch, merx_task *task, double *loss,
                                 double *metric, merx_error *err) MERX_MUST_CHECK;
/* How often each item is a label of the examples that will be trained on (sampled softmax); without, those of each batch count. */
merx_status mx_trainer_count(mx_trainer *trainer, const merx_examples *examples, size_t n,
                             merx_error *err) MERX_MUST_CHECK;
/* Sums the groups' gradients: into out (like the weights), or, with out NULL, into a step of the optimizer. Clears them. */
merx_status mx_trainer_step(mx_trainer *trainer, double rate, float *out, merx_task *task,
                            merx_error *err) MERX_MUST_CHECK;

/* Inputs of m examples as floats: x (m, input); labels, targets, weights per row of the loss, where the examples have them; each may be NULL. */
merx_status mx_examples_gather(const merx_network *net, const mx_batch *batch, size_t first, size_t m, float *x,
                               int32_t *labels, float *targets, float *weights, merx_error *err) MERX_MUST_CHECK;
/* Zeros the groups' gradients after a batch that failed. */
void mx_trainer_clear(mx_trainer *trainer);
size_t mx_output_rows(const merx_network *net); /* rows of the loss per example: 1, or the steps */
size_t mx_output_units(const merx_network *net);
size_t mx_input_size(const merx_network *net);
/* One picture x (h, w, c), changed as `a` says; scratch like it. What is drawn is a function of (seed, epoch, row) (augment.c). */
void mx_augment(const merx_augmentation *a, const merx_dims *dims, uint64_t seed, uint64_t epoch, uint64_t row,
                float *x, float *scratch);
bool mx_augments(const merx_augmentation *a);
merx_status mx_augment_check(const merx_augmentation *a, const merx_dims *dims, merx_error *err) MERX_MUST_CHECK;

#endif
