/*
 * LSTM: Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000, in Keras 3's order i, f, c, o.
 *
 *   z = x_t W + h_{t-1} U + b       (4 u)
 *   i = g(z_i), f = g(z_f), o = g(z_o), c_t = f c_{t-1} + i a(z_c), h_t = o a(c_t)
 *
 * A step is one product: rows [x_t h_{t-1}] (k + u) with [W; U], which lie one behind the other among the weights where k u is a multiple of 4 (else two products).
 *
 * Training keeps, step by step (recurrent.h): the activated gates (t, n, 4 u), which the way back turns into dz in place, c (t + 1, n, u) with what was before the first
 * step, and the rows (t, n, k + u).
 */
#include <string.h>

#include "learn/network/layers/recurrent.h"

static bool joined(const mx_node *node)
{
    return node->weight[0].size % 16 == 0;
}

static merx_status shape(mx_node *node, merx_error *err)
{
    MX_TRY(mx_recurrent_shape(node, 4, 1, 2, MX_INITIAL_FORGET, err));
    size_t t = node->in[0].dim[0], k = node->in[0].dim[1], u = (size_t)node->layer.recurrent.units;
    node->saved_floats = t * 4 * u + (t + 1) * u + t * (k + u);
    /* Running: rows, gates, h, c; back: dh, dc; the mask of a step. */
    node->scratch_per_example = k + u + 4 * u + 2 * u + 1;
    node->twin_scratch = 6 * u;
    return MERX_OK;
}

static void pack(const mx_node *node, const float *weights, float *packed, bool training)
{
    size_t k = node->weight[0].dims.dim[0], g = node->weight[0].dims.dim[1], u = node->weight[1].dims.dim[0];
    mx_recurrent_pack(node, weights, packed, training);
    if (joined(node))
        mx_tensor_kernel()->pack(weights + node->weight[0].offset, g, k + u, g, packed);
}

/* z (n, 4 u) of a step's rows (n, k + u). */
static void step_product(const mx_steps *s, const float *rows, const float *bias, float *z)
{
    const mx_tensor_kernels *kernels = mx_tensor_kernel();
    size_t wide = s->k + s->u;
    bool one = joined(s->node);
    mx_gemm g = {.m = s->n,
                 .k = one ? wide : s->k,
                 .u = s->g,
                 .a = rows,
                 .a_stride = wide,
                 .panels = s->w,
                 .bias = bias,
                 .c = z,
                 .c_stride = s->g};
    kernels->gemm(&g);
    if (one)
        return;
    mx_gemm more = {.m = s->n,
                    .k = s->u,
                    .u = s->g,
                    .a = rows + s->k,
                    .a_stride = wide,
                    .panels = s->r,
                    .c = z,
                    .c_stride = s->g,
                    .add = true};
    kernels->gemm(&more);
}

static void forward(const mx_node *node, const mx_pass *pass)
{
    mx_steps s = mx_steps_of(node, pass);
    const float *bias = node->n_weights > 2 ? mx_pass_weight(node, pass, 2) : NULL;
    size_t size = s.n * s.u, wide = s.k + s.u;
    bool keeps = pass->training, in_place = mx_steps_in_place(&s);
    float *h = in_place ? pass->state : pass->scratch, *c = h + size, *z = pass->scratch + 2 * size,
          *rows = z + s.n * s.g;
    uint8_t *mask_room = (uint8_t *)(rows + s.n * wide);
    if (keeps) {
        z = pass->saved;
        c = z + s.t * s.n * s.g;
        rows = c + (s.t + 1) * size;
    }
    if (!in_place) {
        mx_steps_load(&s, 0, h);
        mx_steps_load(&s, 1, c);
    }
    for (size_t step = 0; step < s.t; step++) {
        float *c_next = keeps ? c + size : c;
        mx_steps_rows(&s, step, h, rows);
        step_product(&s, rows, bias, z);
        mx_tensor_kernel()->lstm_step(z, c, h, s.n, s.u, node->activation, node->recurrent_activation,
                                      mx_steps_mask(&s, step, mask_room), c_next, h);
        mx_steps_output(&s, step, h);
        c = c_next;
        z += keeps ? s.n * s.g : 0;
        rows += keeps ? s.n * wide : 0;
    }
    if (!in_place) {
        mx_steps_store(&s, 0, h);
        mx_steps_store(&s, 1, c);
    }
}

/* Gradients of W, U and b, and dx, of a chunk of steps. */
static void chunk_back(const mx_steps *s, size_t from, size_t count, const float *rows, const float *dz)
{
    const mx_tensor_kernels *kernels = mx_tensor_kernel();
    const mx_node *node = s->node;
    size_t wide = s->k + s->u, m = count * s->n;
    bool one = joined(node);
    kernels->gemm_outer(rows, wide, dz, s->g, m, one ? wide : s->k, s->g, mx_pass_gradient(node, s->pass, 0), s->g);
    if (!one)
        kernels->gemm_outer(rows + s->k, wide, dz, s->g, m, s->u, s->g, mx_pass_gradient(node, s->pass, 1), s->g);
    if (node->n_weights > 2)
        kernels->add_columns(dz, s->g, m, s->g, mx_pass_gradient(node, s->pass, 2));
    mx_steps_dx(s, from, count, dz);
}

static void backward(const mx_node *node, const mx_pass *pass)
{
    const mx_tensor_kernels *kernels = mx_tensor_kernel();
    mx_steps s = mx_steps_of(node, pass);
    size_t size = s.n * s.u;
    float *z = pass->saved, *c = z + s.t * s.n * s.g, *rows = c + (s.t + 1) * size, *dh = pass->scratch,
          *dc = dh + size;
    uint8_t *mask_room = (uint8_t *)(dc + size);
    memset(dc, 0, size * sizeof *dc);
    for (size_t until = s.t; until > 0;) {
        size_t count = (until - 1) % MX_STEP_CHUNK + 1, from = until - count;
        for (size_t step = until; step-- > from;) {
            const uint8_t *mask = mx_steps_mask(&s, step, mask_room);
            float *dz = z + step * s.n * s.g;
            mx_steps_output_back(&s, step, dh);
            kernels->lstm_step_back(dz, c + step * size, c + (step + 1) * size, dh, dc, s.n, s.u, node->activation,
                                    node->recurrent_activation, mask, dz);
            if (step > 0)
                mx_steps_state_back(&s, mask, dz, false, dh);
        }
        chunk_back(&s, from, count, rows + from * s.n * (s.k + s.u), z + from * s.n * s.g);
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
    .pack = pack,
    .forward = forward,
    .backward = backward,
    .whole_sequence = mx_recurrent_whole_sequence,
    .twin = twin,
};
