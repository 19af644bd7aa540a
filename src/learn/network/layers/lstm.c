/*
 * LSTM: Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000, in Keras 3's order i, f, c, o.
 *
 *   z = x_t W + h_{t-1} U + b       (4 u)
 *   i = g(z_i), f = g(z_f), o = g(z_o), c_t = f c_{t-1} + i a(z_c), h_t = o a(c_t)
 *
 * Training keeps, step by step (recurrent.h): the activated gates (t, n, 4 u), which the way back turns into dz in place, c and h (t + 1, n, u) with what was before the
 * first step, and the inputs (t, n, k).
 */
#include <string.h>

#include "learn/network/layers/recurrent.h"

static merx_status shape(mx_node *node, merx_error *err)
{
    MX_TRY(mx_recurrent_shape(node, 4, 1, 2, MX_INITIAL_FORGET, err));
    size_t t = node->in[0].dim[0], k = node->in[0].dim[1], u = (size_t)node->layer.recurrent.units;
    size_t chunk = t < MX_STEP_CHUNK ? t : MX_STEP_CHUNK;
    node->saved_floats = t * 4 * u + 2 * (t + 1) * u + t * k;
    /* Running: gates and inputs of a chunk, h, c; back: dh, dc; the mask of a step. */
    node->scratch_per_example = chunk * (4 * u + k) + 2 * u + 1;
    node->twin_scratch = 6 * u;
    return MERX_OK;
}

static void forward(const mx_node *node, const mx_pass *pass)
{
    mx_steps s = mx_steps_of(node, pass);
    const float *bias = node->n_weights > 2 ? mx_pass_weight(node, pass, 2) : NULL;
    size_t rows = s.n * s.u, chunk = s.t < MX_STEP_CHUNK ? s.t : MX_STEP_CHUNK;
    bool keeps = pass->training, in_place = mx_steps_in_place(&s);
    float *z = keeps ? pass->saved : pass->scratch, *h, *c, *x;
    uint8_t *mask_room = (uint8_t *)(pass->scratch + s.n * (chunk * (s.g + s.k) + 2 * s.u));
    if (keeps) {
        c = z + s.t * s.n * s.g;
        h = c + (s.t + 1) * rows;
        x = h + (s.t + 1) * rows;
    } else {
        x = z + chunk * s.n * s.g;
        h = in_place ? pass->state : x + chunk * s.n * s.k;
        c = h + rows;
    }
    if (!in_place) {
        mx_steps_load(&s, 0, h);
        mx_steps_load(&s, 1, c);
    }
    for (size_t from = 0; from < s.t; from += chunk) {
        size_t count = s.t - from < chunk ? s.t - from : chunk;
        float *zs = keeps ? z + from * s.n * s.g : z;
        const float *inputs = mx_steps_inputs(&s, from, count, keeps ? x + from * s.n * s.k : x);
        mx_steps_input_product(&s, inputs, count, bias, zs);
        for (size_t step = from; step < from + count; step++, zs += s.n * s.g) {
            float *h_next = keeps ? h + rows : h, *c_next = keeps ? c + rows : c;
            mx_steps_state_product(&s, h, NULL, true, zs);
            mx_tensor_kernel()->lstm_step(zs, c, h, s.n, s.u, node->activation, node->recurrent_activation,
                                          mx_steps_mask(&s, step, mask_room), c_next, h_next);
            h = h_next;
            c = c_next;
            mx_steps_output(&s, step, h);
        }
    }
    if (!in_place) {
        mx_steps_store(&s, 0, h);
        mx_steps_store(&s, 1, c);
    }
}

static void backward(const mx_node *node, const mx_pass *pass)
{
    const mx_tensor_kernels *kernels = mx_tensor_kernel();
    mx_steps s = mx_steps_of(node, pass);
    size_t rows = s.n * s.u;
    float *z = pass->saved, *c = z + s.t * s.n * s.g, *h = c + (s.t + 1) * rows, *x = h + (s.t + 1) * rows;
    float *dh = pass->scratch, *dc = dh + rows;
    uint8_t *mask_room = (uint8_t *)(dc + rows);
    float *bias = node->n_weights > 2 ? mx_pass_gradient(node, pass, 2) : NULL;
    memset(dc, 0, rows * sizeof *dc);
    for (size_t until = s.t; until > 0;) {
        size_t count = (until - 1) % MX_STEP_CHUNK + 1, from = until - count;
        for (size_t step = until; step-- > from;) {
            const uint8_t *mask = mx_steps_mask(&s, step, mask_room);
            float *dz = z + step * s.n * s.g;
            mx_steps_output_back(&s, step, dh);
            kernels->lstm_step_back(dz, c + step * rows, c + (step + 1) * rows, dh, dc, s.n, s.u, node->activation,
                                    node->recurrent_activation, mask, dz);
            if (step > 0)
                mx_steps_state_back(&s, mask, dz, false, dh);
        }
        mx_steps_state_outer(&s, count, h + from * rows, z + from * s.n * s.g);
        mx_steps_input_back(&s, from, count, x, z + from * s.n * s.g, bias);
        until = from;
    }
}

static void twin(const mx_node *node, const mx_twin_pass *pass)
{
    size_t t = node->in[0].dim[0], k = node->in[0].dim[1], u = (size_t)node->layer.recurrent.units;
    const double *w = pass->weights + node->weight[0].offset, *r = pass->weights + node->weight[1].offset;
    const double *bias = node->n_weights > 2 ? pass->weights + node->weight[2].offset : NULL;
    double *z = pass->scratch, *h = z + 4 * u, *c = h + u;
    for (size_t i = 0; i < pass->n; i++) {
        double *state = pass->state != NULL ? pass->state + i * 2 * u : NULL;
        for (size_t j = 0; j < 2 * u; j++)
            h[j] = state != NULL ? state[j] : 0;
        for (size_t step = 0; step < t; step++) {
            if (!mx_twin_skips(node, pass, i, step)) {
                mx_twin_product(pass->x[0] + (i * t + mx_twin_step(node, step)) * k, k, w, 4 * u, bias, z);
                for (size_t l = 0; l < u; l++)
                    for (size_t j = 0; j < 4 * u; j++)
                        z[j] += h[l] * r[l * 4 * u + j];
                for (size_t j = 0; j < u; j++) {
                    double in = mx_twin_activate(node->recurrent_activation, z[j]);
                    double forget = mx_twin_activate(node->recurrent_activation, z[u + j]);
                    double out = mx_twin_activate(node->recurrent_activation, z[3 * u + j]);
                    c[j] = forget * c[j] + in * mx_twin_activate(node->activation, z[2 * u + j]);
                    h[j] = out * mx_twin_activate(node->activation, c[j]);
                }
            }
            mx_twin_output(node, pass, i, step, h);
        }
        if (state != NULL)
            memcpy(state, h, 2 * u * sizeof *h);
    }
}

const mx_layer_kind mx_layer_lstm = {
    .id = MERX_LAYER_LSTM,
    .word = "lstm",
    .title = "LSTM",
    .text = "A memory of the steps so far, with gates for what comes in, what stays and what shows.",
    .formula = "c_t = f c_{t-1} + i a(z_c), h_t = o a(c_t)",
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
