/*
 * A simple recurrent layer: h_t = f(x_t W + h_{t-1} U + b). Elman 1990.
 *
 * Training keeps, step by step (recurrent.h): what f is given (t, n, u), which the way back turns into dz, h (t + 1, n, u) with what was before the first step, and the
 * inputs (t, n, k).
 */
#include <string.h>

#include "learn/network/layers/recurrent.h"

static merx_status shape(mx_node *node, merx_error *err)
{
    MX_TRY(mx_recurrent_shape(node, 1, 1, 1, MX_INITIAL_ZEROS, err));
    size_t t = node->in[0].dim[0], k = node->in[0].dim[1], u = (size_t)node->layer.recurrent.units;
    size_t chunk = t < MX_STEP_CHUNK ? t : MX_STEP_CHUNK;
    node->saved_floats = t * u + (t + 1) * u + t * k;
    /* Running: z and inputs of a chunk, h; back: dh; the mask of a step. */
    node->scratch_per_example = chunk * (u + k) + u + 1;
    node->twin_scratch = 2 * u;
    return MERX_OK;
}

static void forward(const mx_node *node, const mx_pass *pass)
{
    mx_steps s = mx_steps_of(node, pass);
    const float *bias = node->n_weights > 2 ? mx_pass_weight(node, pass, 2) : NULL;
    size_t rows = s.n * s.u, chunk = s.t < MX_STEP_CHUNK ? s.t : MX_STEP_CHUNK;
    bool keeps = pass->training, in_place = mx_steps_in_place(&s);
    float *z = keeps ? pass->saved : pass->scratch, *h, *x;
    uint8_t *mask_room = (uint8_t *)(pass->scratch + s.n * (chunk * (s.g + s.k) + s.u));
    if (keeps) {
        h = z + s.t * rows;
        x = h + (s.t + 1) * rows;
    } else {
        x = z + chunk * rows;
        h = in_place ? pass->state : x + chunk * s.n * s.k;
    }
    if (!in_place)
        mx_steps_load(&s, 0, h);
    for (size_t from = 0; from < s.t; from += chunk) {
        size_t count = s.t - from < chunk ? s.t - from : chunk;
        float *zs = keeps ? z + from * rows : z;
        const float *inputs = mx_steps_inputs(&s, from, count, keeps ? x + from * s.n * s.k : x);
        mx_steps_input_product(&s, inputs, count, bias, zs);
        for (size_t step = from; step < from + count; step++, zs += rows) {
            float *h_next = keeps ? h + rows : h;
            const uint8_t *mask = mx_steps_mask(&s, step, mask_room);
            mx_steps_state_product(&s, h, NULL, true, zs);
            if (mask == NULL) {
                mx_tensor_kernel()->activate(node->activation, zs, rows, h_next);
            } else {
                for (size_t i = 0; i < s.n; i++)
                    if (mask[i] != 0)
                        mx_tensor_kernel()->activate(node->activation, zs + i * s.u, s.u, h_next + i * s.u);
                    else if (h_next != h)
                        memcpy(h_next + i * s.u, h + i * s.u, s.u * sizeof *h);
            }
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
    size_t rows = s.n * s.u;
    float *z = pass->saved, *h = z + s.t * rows, *x = h + (s.t + 1) * rows, *dh = pass->scratch;
    uint8_t *mask_room = (uint8_t *)(dh + rows);
    bool from_x = node->activation == MX_GELU || node->activation == MX_SILU;
    float *bias = node->n_weights > 2 ? mx_pass_gradient(node, pass, 2) : NULL;
    for (size_t until = s.t; until > 0;) {
        size_t count = (until - 1) % MX_STEP_CHUNK + 1, from = until - count;
        for (size_t step = until; step-- > from;) {
            const uint8_t *mask = mx_steps_mask(&s, step, mask_room);
            float *dz = z + step * rows;
            mx_steps_output_back(&s, step, dh);
            kernels->activate_back(node->activation, from_x ? dz : NULL, h + (step + 1) * rows, dh, rows, dz);
            for (size_t i = 0; mask != NULL && i < s.n; i++)
                if (mask[i] == 0)
                    memset(dz + i * s.u, 0, s.u * sizeof *dz);
            if (step > 0)
                mx_steps_state_back(&s, mask, dz, false, dh);
        }
        mx_steps_state_outer(&s, count, h + from * rows, z + from * rows);
        mx_steps_input_back(&s, from, count, x, z + from * rows, bias);
        until = from;
    }
}

static void twin(const mx_node *node, const mx_twin_pass *pass)
{
    size_t t = node->in[0].dim[0], k = node->in[0].dim[1], u = (size_t)node->layer.recurrent.units;
    const double *w = pass->weights + node->weight[0].offset, *r = pass->weights + node->weight[1].offset;
    const double *bias = node->n_weights > 2 ? pass->weights + node->weight[2].offset : NULL;
    double *z = pass->scratch, *h = z + u;
    for (size_t i = 0; i < pass->n; i++) {
        double *state = pass->state != NULL ? pass->state + i * u : NULL;
        for (size_t j = 0; j < u; j++)
            h[j] = state != NULL ? state[j] : 0;
        for (size_t step = 0; step < t; step++) {
            if (!mx_twin_skips(node, pass, i, step)) {
                mx_twin_product(pass->x[0] + (i * t + mx_twin_step(node, step)) * k, k, w, u, bias, z);
                for (size_t l = 0; l < u; l++)
                    for (size_t j = 0; j < u; j++)
                        z[j] += h[l] * r[l * u + j];
                for (size_t j = 0; j < u; j++)
                    h[j] = mx_twin_activate(node->activation, z[j]);
            }
            mx_twin_output(node, pass, i, step, h);
        }
        if (state != NULL)
            memcpy(state, h, u * sizeof *h);
    }
}

const mx_layer_kind mx_layer_simple_rnn = {
    .id = MERX_LAYER_SIMPLE_RNN,
    .word = "simple_rnn",
    .title = "Simple recurrent layer",
    .text = "What was before and what comes in, mixed anew at every step.",
    .formula = "h_t = f(x_t W + h_{t-1} U + b)",
    .fields = mx_recurrent_plain_fields,
    .least_inputs = 1,
    .most_inputs = 1,
    .shape = shape,
    .pack = mx_recurrent_pack,
    .forward = forward,
    .backward = backward,
    .whole_sequence = mx_recurrent_whole_sequence,
    .twin = twin,
};
