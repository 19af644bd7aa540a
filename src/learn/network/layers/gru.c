/*
 * GRU: Cho et al. 2014, the reset gate applied after the product (Keras's reset_after, cuDNN's form), gates in Keras 3's order z, r, h, bias (2, 3 u): of the
 * inputs, and of the state.
 *
 *   p = x_t W + b_0, q = h_{t-1} U + b_1      (3 u each)
 *   z = g(p_z + q_z), r = g(p_r + q_r), c = a(p_h + r q_h), h_t = z h_{t-1} + (1 - z) c
 *
 * Training keeps, step by step (recurrent.h): the activated gates (t, n, 3 u) and q (t, n, 3 u), which the way back turns into dp and dq in place, h (t + 1, n, u) with
 * what was before the first step, and the inputs (t, n, k).
 */
#include <string.h>

#include "learn/network/layers/recurrent.h"

static merx_status shape(mx_node *node, merx_error *err)
{
    MX_TRY(mx_recurrent_shape(node, 3, 2, 1, MX_INITIAL_ZEROS, err));
    size_t t = node->in[0].dim[0], k = node->in[0].dim[1], u = (size_t)node->layer.recurrent.units;
    size_t chunk = t < MX_STEP_CHUNK ? t : MX_STEP_CHUNK;
    node->saved_floats = t * 6 * u + (t + 1) * u + t * k;
    /* Running: p and inputs of a chunk, q, h; back: dh twice; the mask of a step. */
    node->scratch_per_example = chunk * (3 * u + k) + 4 * u + 1;
    node->twin_scratch = 7 * u;
    return MERX_OK;
}

static void forward(const mx_node *node, const mx_pass *pass)
{
    mx_steps s = mx_steps_of(node, pass);
    const float *bias = node->n_weights > 2 ? mx_pass_weight(node, pass, 2) : NULL;
    size_t rows = s.n * s.u, chunk = s.t < MX_STEP_CHUNK ? s.t : MX_STEP_CHUNK, wide = s.n * s.g;
    bool keeps = pass->training, in_place = mx_steps_in_place(&s);
    float *p = keeps ? pass->saved : pass->scratch, *q, *h, *x;
    uint8_t *mask_room = (uint8_t *)(pass->scratch + s.n * (chunk * (s.g + s.k) + 4 * s.u));
    if (keeps) {
        q = p + s.t * wide;
        h = q + s.t * wide;
        x = h + (s.t + 1) * rows;
    } else {
        q = p + chunk * wide;
        x = q + wide;
        h = in_place ? pass->state : x + chunk * s.n * s.k;
    }
    if (!in_place)
        mx_steps_load(&s, 0, h);
    for (size_t from = 0; from < s.t; from += chunk) {
        size_t count = s.t - from < chunk ? s.t - from : chunk;
        float *ps = keeps ? p + from * wide : p;
        const float *inputs = mx_steps_inputs(&s, from, count, keeps ? x + from * s.n * s.k : x);
        mx_steps_input_product(&s, inputs, count, bias, ps);
        for (size_t step = from; step < from + count; step++, ps += wide) {
            float *h_next = keeps ? h + rows : h, *qs = keeps ? q + step * wide : q;
            mx_steps_state_product(&s, h, bias != NULL ? bias + s.g : NULL, false, qs);
            mx_tensor_kernel()->gru_step(ps, qs, h, s.n, s.u, node->activation, node->recurrent_activation,
                                         mx_steps_mask(&s, step, mask_room), h_next);
            h = h_next;
            mx_steps_output(&s, step, h);
        }
    }
    if (!in_place)
        mx_steps_store(&s, 0, h);
}

static void backward(const mx_node *node, const mx_pass *pass)
{
    const mx_tensor_kernels *kernels = mx_tensor_kernel();
    mx_steps s = mx_steps_of(node, pass);
    size_t rows = s.n * s.u, wide = s.n * s.g;
    float *p = pass->saved, *q = p + s.t * wide, *h = q + s.t * wide, *x = h + (s.t + 1) * rows;
    float *dh = pass->scratch, *dh_before = dh + rows,
          *bias = node->n_weights > 2 ? mx_pass_gradient(node, pass, 2) : NULL;
    uint8_t *mask_room = (uint8_t *)(dh_before + rows);
    for (size_t until = s.t; until > 0;) {
        size_t count = (until - 1) % MX_STEP_CHUNK + 1, from = until - count;
        for (size_t step = until; step-- > from;) {
            float *dp = p + step * wide, *dq = q + step * wide;
            mx_steps_output_back(&s, step, dh);
            kernels->gru_step_back(dp, dq, h + step * rows, dh, s.n, s.u, node->activation, node->recurrent_activation,
                                   mx_steps_mask(&s, step, mask_room), dp, dq, dh_before);
            if (step > 0)
                mx_steps_state_back(&s, NULL, dq, true, dh_before);
            float *swap = dh;
            dh = dh_before;
            dh_before = swap;
        }
        mx_steps_state_outer(&s, count, h + from * rows, q + from * wide);
        if (bias != NULL)
            kernels->add_columns(q + from * wide, s.g, count * s.n, s.g, bias + s.g);
        mx_steps_input_back(&s, from, count, x, p + from * wide, bias);
        until = from;
    }
}

static void twin(const mx_node *node, const mx_twin_pass *pass)
{
    size_t t = node->in[0].dim[0], k = node->in[0].dim[1], u = (size_t)node->layer.recurrent.units;
    const double *w = pass->weights + node->weight[0].offset, *r = pass->weights + node->weight[1].offset;
    const double *bias = node->n_weights > 2 ? pass->weights + node->weight[2].offset : NULL;
    double *p = pass->scratch, *q = p + 3 * u, *h = q + 3 * u;
    for (size_t i = 0; i < pass->n; i++) {
        double *state = pass->state != NULL ? pass->state + i * u : NULL;
        for (size_t j = 0; j < u; j++)
            h[j] = state != NULL ? state[j] : 0;
        for (size_t step = 0; step < t; step++) {
            if (!mx_twin_skips(node, pass, i, step)) {
                mx_twin_product(pass->x[0] + (i * t + mx_twin_step(node, step)) * k, k, w, 3 * u, bias, p);
                mx_twin_product(h, u, r, 3 * u, bias != NULL ? bias + 3 * u : NULL, q);
                for (size_t j = 0; j < u; j++) {
                    double update = mx_twin_activate(node->recurrent_activation, p[j] + q[j]);
                    double reset = mx_twin_activate(node->recurrent_activation, p[u + j] + q[u + j]);
                    double candidate = mx_twin_activate(node->activation, p[2 * u + j] + reset * q[2 * u + j]);
                    h[j] = update * h[j] + (1 - update) * candidate;
                }
            }
            mx_twin_output(node, pass, i, step, h);
        }
        if (state != NULL)
            memcpy(state, h, u * sizeof *h);
    }
}

const mx_layer_kind mx_layer_gru = {
    .id = MERX_LAYER_GRU,
    .word = "gru",
    .title = "GRU",
    .text = "A memory of the steps so far, with one gate for what stays and one for what is forgotten.",
    .formula = "h_t = z h_{t-1} + (1 - z) a(p_h + r q_h)",
    .fields = mx_recurrent_fields,
    .least_inputs = 1,
    .most_inputs = 1,
    .shape = shape,
    .pack = mx_recurrent_pack,
    .forward = forward,
    .backward = backward,
    .whole_sequence = mx_recurrent_whole_sequence,
    .twin = twin,
};
