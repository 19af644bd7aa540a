/*
 * What the recurrent layers share: options, shape, rows in order of the steps, masks, state. Floor 4.
 *
 * Within a block of n examples everything is kept step by step, (t, n, .): the rows of a step, and those of all steps, are one matrix without gaps, so
 *
 *   z = x W + b       of a chunk of steps at once, before they begin
 *   z += h U          a product per step, and the gates (a kernel)
 *   dh = dz U'        a product per step on the way back, dz of all steps is kept
 *   dW += x' dz, dU += h_before' dz, db += sum dz, dx = dz W'      of a chunk at once, behind it
 *
 * (An lstm does the two products of a step as one: lstm.c.)
 *
 * Step s sees input s, or t - 1 - s of a layer that goes backwards, whose outputs are in the order they came about (Keras gives them so). Where the mask is 0 the
 * state stays and the output repeats.
 *
 * The state of an example between steps: h (u), then c (u) of an lstm. Bits are the same whether a sequence runs at once or step by step.
 */
#ifndef MX_LEARN_NETWORK_RECURRENT_H
#define MX_LEARN_NETWORK_RECURRENT_H

#include "learn/network/layer.h"

/* Steps whose x W, and on the way back dW and dU, are computed at a time: what they hold stays in the second-level cache. */
enum { MX_STEP_CHUNK = 8 };

extern const mx_field mx_recurrent_fields[];       /* of lstm and gru */
extern const mx_field mx_recurrent_plain_fields[]; /* without recurrent_activation */

/* Output, activations, weights (gates x units columns; a bias of `biases` rows), packed and state (`states` x units) of a node. */
merx_status mx_recurrent_shape(mx_node *node, size_t gates, size_t biases, size_t states, mx_initial bias,
                               merx_error *err) MERX_MUST_CHECK;
void mx_recurrent_pack(const mx_node *node, const float *weights, float *packed, bool training);
bool mx_recurrent_whole_sequence(const mx_node *node);

typedef struct mx_steps {
    const mx_node *node;
    const mx_pass *pass;
    size_t n, t, k, u, g; /* g: columns of z, gates x units */
    bool backwards, sequences;
    const float *w, *r, *r_back, *w_back; /* packed W, U, U', W' */
} mx_steps;
mx_steps mx_steps_of(const mx_node *node, const mx_pass *pass);

/* Inputs of `count` steps from `from` on, (count, n, k): in `room`, or where they lie already. */
const float *mx_steps_inputs(const mx_steps *s, size_t from, size_t count, float *room);
/* The inputs of a step beside h (n, u): rows (n, k + u). */
void mx_steps_rows(const mx_steps *s, size_t step, const float *h, float *rows);
/* z (count n, g) = x W + bias of steps from … */
void mx_steps_input_product(const mx_steps *s, const float *x, size_t count, const float *bias, float *z);
/* z (n, columns) [+]= h (n, u) U [+ bias]. */
void mx_steps_state_product(const mx_steps *s, const float *h, const float *bias, bool add, float *z);
/* The mask of a step, (n) in `room`; NULL: none, or all ones. */
const uint8_t *mx_steps_mask(const mx_steps *s, size_t step, uint8_t *room);
/* The output of a step, h (n, u). */
void mx_steps_output(const mx_steps *s, size_t step, const float *h);
/* Adds the gradient of a step's output to dh (n, u); of the last step it is written. */
void mx_steps_output_back(const mx_steps *s, size_t step, float *dh);
/* dh (n, u) of the step before: dz U', and dh itself where the mask is 0. add: to what dh holds, else what it holds of rows that are not masked goes. */
void mx_steps_state_back(const mx_steps *s, const uint8_t *mask, const float *dz, bool add, float *dh);
/*
 * Gradients of a chunk of steps, dz (count, n, g): of W and of the bias at `bias` (NULL: none), and dx. x (t, n, k) is the room where forward gathered all inputs.
 * And that of U, from h (count, n, u) before each step.
 */
void mx_steps_input_back(const mx_steps *s, size_t from, size_t count, const float *x, const float *dz, float *bias);
/* dx alone. */
void mx_steps_dx(const mx_steps *s, size_t from, size_t count, const float *dz);
void mx_steps_state_outer(const mx_steps *s, size_t count, const float *h, const float *dz);
/* Part `which` of the state of all examples to or from (n, u); zeros when there is none. */
void mx_steps_load(const mx_steps *s, size_t which, float *to);
void mx_steps_store(const mx_steps *s, size_t which, const float *from);
/* One example, not training, that has a state: its steps work on it in place. */
static inline bool mx_steps_in_place(const mx_steps *s)
{
    return s->n == 1 && s->pass->state != NULL && !s->pass->training;
}

/* The twins: example i at step s, or what the mask says of it. */
static inline size_t mx_twin_step(const mx_node *node, size_t step)
{
    return node->layer.recurrent.go_backwards ? node->in[0].dim[0] - 1 - step : step;
}
static inline bool mx_twin_skips(const mx_node *node, const mx_twin_pass *pass, size_t i, size_t step)
{
    return pass->mask != NULL && pass->mask[i * node->in[0].dim[0] + mx_twin_step(node, step)] == 0;
}
/* z (columns) = bias (NULL: zeros) + x (rows) W (rows, columns). */
void mx_twin_product(const double *x, size_t rows, const double *w, size_t columns, const double *bias, double *z);
/* The output of a step. */
void mx_twin_output(const mx_node *node, const mx_twin_pass *pass, size_t i, size_t step, const double *h);

#endif
