/*
 * What the recurrent layers share (recurrent.h).
 */
#include "learn/network/layers/recurrent.h"

#include <string.h>

#define RECURRENT_FIELDS_BEFORE                                                                                        \
    MX_FIELD("units", INT, recurrent.units, 1, 1 << 20, NULL, "Outputs of a step."),                                   \
        MX_FIELD("activation", ACTIVATION, recurrent.activation, 0, 0, "tanh", "f.")
#define RECURRENT_FIELDS_BEHIND                                                                                        \
    MX_FIELD("return_sequences", BOOL, recurrent.return_sequences, 0, 0, "false",                                      \
             "The output of every step, not of the last one alone."),                                                  \
        MX_FIELD("go_backwards", BOOL, recurrent.go_backwards, 0, 0, "false", "Begins with the last step."),           \
        MX_FIELD("stateful", BOOL, recurrent.stateful, 0, 0, "false",                                                  \
                 "Example i of a batch goes on where example i of the batch before ended."),                           \
        MX_FIELD("use_bias", NOT, recurrent.no_bias, 0, 0, "true", "Whether b is there.")

const mx_field mx_recurrent_fields[] = {
    RECURRENT_FIELDS_BEFORE,
    MX_FIELD("recurrent_activation", ACTIVATION, recurrent.recurrent_activation, 0, 0, "sigmoid", "g, of the gates."),
    RECURRENT_FIELDS_BEHIND,
    {0},
};
const mx_field mx_recurrent_plain_fields[] = {RECURRENT_FIELDS_BEFORE, RECURRENT_FIELDS_BEHIND, {0}};

static bool wants_dx(const mx_node *node)
{
    return node->inputs[0] > 0;
}

merx_status mx_recurrent_shape(mx_node *node, size_t gates, size_t biases, size_t states, mx_initial bias,
                               merx_error *err)
{
    const merx_recurrent *o = &node->layer.recurrent;
    bool softmax, recurrent_softmax;
    MX_TRY(mx_node_need_rank(node, 0, 2, "sequences (steps, features)", err));
    node->activation = mx_activation_of(o->activation, MERX_TANH, &softmax);
    node->recurrent_activation = mx_activation_of(o->recurrent_activation, MERX_SIGMOID, &recurrent_softmax);
    if (softmax || recurrent_softmax)
        MX_FAIL(err, MERX_E_UNSUPPORTED, node->name,
                "%s can't have %s softmax; it takes functions of one number (tanh, sigmoid, relu …)", node->kind->word,
                softmax ? "activation" : "recurrent_activation");
    size_t t = node->in[0].dim[0], k = node->in[0].dim[1], u = (size_t)o->units, g = gates * u;
    node->out = o->return_sequences ? MERX_INPUT(t, u) : MERX_INPUT(u);
    mx_node_weight(node, "kernel", MERX_INPUT(k, g), MX_INITIAL_GLOROT, k, g);
    mx_node_weight(node, "recurrent_kernel", MERX_INPUT(u, g), MX_INITIAL_ORTHOGONAL, u, g);
    if (!o->no_bias && biases > 1)
        mx_node_weight(node, "bias", MERX_INPUT(biases, g), bias, 0, 0);
    else if (!o->no_bias)
        mx_node_weight(node, "bias", MERX_INPUT(g), bias, 0, 0);
    node->packed = mx_panels_size(k, g) + mx_panels_size(u, g);
    node->packed_back = mx_panels_size(g, u) + (wants_dx(node) ? mx_panels_size(g, k) : 0);
    node->state = states * u;
    node->passes_mask = o->return_sequences;
    return MERX_OK;
}

void mx_recurrent_pack(const mx_node *node, const float *weights, float *packed, bool training)
{
    const mx_tensor_kernels *kernels = mx_tensor_kernel();
    const float *w = weights + node->weight[0].offset, *r = weights + node->weight[1].offset;
    size_t k = node->weight[0].dims.dim[0], g = node->weight[0].dims.dim[1], u = node->weight[1].dims.dim[0];
    kernels->pack(w, g, k, g, packed);
    packed += mx_panels_size(k, g);
    kernels->pack(r, g, u, g, packed);
    packed += mx_panels_size(u, g);
    if (!training)
        return;
    kernels->pack_transposed(r, g, g, u, packed);
    if (wants_dx(node))
        kernels->pack_transposed(w, g, g, k, packed + mx_panels_size(g, u));
}

bool mx_recurrent_whole_sequence(const mx_node *node)
{
    return node->layer.recurrent.go_backwards;
}

mx_steps mx_steps_of(const mx_node *node, const mx_pass *pass)
{
    size_t k = node->weight[0].dims.dim[0], g = node->weight[0].dims.dim[1], u = node->weight[1].dims.dim[0];
    mx_steps s = {.node = node,
                  .pass = pass,
                  .n = pass->n,
                  .t = node->in[0].dim[0],
                  .k = k,
                  .u = u,
                  .g = g,
                  .backwards = node->layer.recurrent.go_backwards,
                  .sequences = node->layer.recurrent.return_sequences,
                  .w = pass->packed};
    s.r = s.w + mx_panels_size(k, g);
    s.r_back = s.r + mx_panels_size(u, g);
    s.w_back = s.r_back + mx_panels_size(g, u);
    return s;
}

static size_t place_of(const mx_steps *s, size_t step)
{
    return s->backwards ? s->t - 1 - step : step;
}

/* Inputs are (t, n, k) where they lie. */
static bool lies_so(const mx_steps *s)
{
    return s->t == 1 || (s->n == 1 && !s->backwards);
}

const float *mx_steps_inputs(const mx_steps *s, size_t from, size_t count, float *room)
{
    const float *x = s->pass->x[0];
    if (lies_so(s))
        return x + from * s->k;
    for (size_t j = 0; j < count; j++)
        for (size_t i = 0; i < s->n; i++)
            memcpy(room + (j * s->n + i) * s->k, x + (i * s->t + place_of(s, from + j)) * s->k, s->k * sizeof *x);
    return room;
}

void mx_steps_rows(const mx_steps *s, size_t step, const float *h, float *rows)
{
    const float *x = s->pass->x[0] + place_of(s, step) * s->k;
    for (size_t i = 0; i < s->n; i++, rows += s->k + s->u) {
        memcpy(rows, x + i * s->t * s->k, s->k * sizeof *x);
        memcpy(rows + s->k, h + i * s->u, s->u * sizeof *h);
    }
}

void mx_steps_input_product(const mx_steps *s, const float *x, size_t count, const float *bias, float *z)
{
    mx_gemm g = {.m = count * s->n,
                 .k = s->k,
                 .u = s->g,
                 .a = x,
                 .a_stride = s->k,
                 .panels = s->w,
                 .bias = bias,
                 .c = z,
                 .c_stride = s->g};
    mx_tensor_kernel()->gemm(&g);
}

void mx_steps_state_product(const mx_steps *s, const float *h, const float *bias, bool add, float *z)
{
    mx_gemm g = {.m = s->n,
                 .k = s->u,
                 .u = s->g,
                 .a = h,
                 .a_stride = s->u,
                 .panels = s->r,
                 .bias = bias,
                 .c = z,
                 .c_stride = s->g,
                 .add = add};
    mx_tensor_kernel()->gemm(&g);
}

const uint8_t *mx_steps_mask(const mx_steps *s, size_t step, uint8_t *room)
{
    if (s->pass->mask == NULL)
        return NULL;
    bool all = true;
    for (size_t i = 0; i < s->n; i++) {
        room[i] = s->pass->mask[i * s->t + place_of(s, step)];
        all &= room[i] != 0;
    }
    return all ? NULL : room;
}

void mx_steps_output(const mx_steps *s, size_t step, const float *h)
{
    if (s->sequences)
        for (size_t i = 0; i < s->n; i++)
            memcpy(s->pass->y + (i * s->t + step) * s->u, h + i * s->u, s->u * sizeof *h);
    else if (step + 1 == s->t)
        memcpy(s->pass->y, h, s->n * s->u * sizeof *h);
}

void mx_steps_output_back(const mx_steps *s, size_t step, float *dh)
{
    const float *dy = s->pass->dy;
    if (!s->sequences) {
        if (step + 1 == s->t)
            memcpy(dh, dy, s->n * s->u * sizeof *dh);
        return;
    }
    for (size_t i = 0; i < s->n; i++) {
        const float *from = dy + (i * s->t + step) * s->u;
        if (step + 1 == s->t)
            memcpy(dh + i * s->u, from, s->u * sizeof *dh);
        else
            mx_tensor_kernel()->add_to(from, s->u, dh + i * s->u);
    }
}

void mx_steps_state_back(const mx_steps *s, const uint8_t *mask, const float *dz, bool add, float *dh)
{
    for (size_t i = 0; mask != NULL && !add && i < s->n; i++)
        if (mask[i] != 0)
            memset(dh + i * s->u, 0, s->u * sizeof *dh);
    mx_gemm g = {.m = s->n,
                 .k = s->g,
                 .u = s->u,
                 .a = dz,
                 .a_stride = s->g,
                 .panels = s->r_back,
                 .c = dh,
                 .c_stride = s->u,
                 .add = add || mask != NULL};
    mx_tensor_kernel()->gemm(&g);
}

void mx_steps_dx(const mx_steps *s, size_t from, size_t count, const float *dz)
{
    const mx_pass *pass = s->pass;
    if (pass->dx[0] == NULL)
        return;
    /* A step's rows go back to where its inputs lie, t k apart. */
    for (size_t step = 0; step < count; step++) {
        mx_gemm g = {.m = s->n,
                     .k = s->g,
                     .u = s->k,
                     .a = dz + step * s->n * s->g,
                     .a_stride = s->g,
                     .panels = s->w_back,
                     .c = pass->dx[0] + place_of(s, from + step) * s->k,
                     .c_stride = s->t * s->k,
                     .add = pass->dx_add[0]};
        mx_tensor_kernel()->gemm(&g);
    }
}

void mx_steps_input_back(const mx_steps *s, size_t from, size_t count, const float *x, const float *dz, float *bias)
{
    const mx_tensor_kernels *kernels = mx_tensor_kernel();
    const mx_pass *pass = s->pass;
    size_t m = count * s->n;
    const float *inputs = lies_so(s) ? pass->x[0] : x;
    kernels->gemm_outer(inputs + from * s->n * s->k, s->k, dz, s->g, m, s->k, s->g, mx_pass_gradient(s->node, pass, 0),
                        s->g);
    if (bias != NULL)
        kernels->add_columns(dz, s->g, m, s->g, bias);
    mx_steps_dx(s, from, count, dz);
}

void mx_steps_state_outer(const mx_steps *s, size_t count, const float *h, const float *dz)
{
    mx_tensor_kernel()->gemm_outer(h, s->u, dz, s->g, count * s->n, s->u, s->g, mx_pass_gradient(s->node, s->pass, 1),
                                   s->g);
}

void mx_steps_load(const mx_steps *s, size_t which, float *to)
{
    const float *state = s->pass->state;
    if (state == NULL)
        memset(to, 0, s->n * s->u * sizeof *to);
    else
        for (size_t i = 0; i < s->n; i++)
            memcpy(to + i * s->u, state + i * s->node->state + which * s->u, s->u * sizeof *to);
}

void mx_steps_store(const mx_steps *s, size_t which, const float *from)
{
    float *state = s->pass->state;
    for (size_t i = 0; state != NULL && i < s->n; i++)
        memcpy(state + i * s->node->state + which * s->u, from + i * s->u, s->u * sizeof *from);
}

void mx_twin_product(const double *x, size_t rows, const double *w, size_t columns, const double *bias, double *z)
{
    for (size_t j = 0; j < columns; j++) {
        z[j] = bias != NULL ? bias[j] : 0;
        for (size_t l = 0; l < rows; l++)
            z[j] += x[l] * w[l * columns + j];
    }
}

void mx_twin_output(const mx_node *node, const mx_twin_pass *pass, size_t i, size_t step, const double *h)
{
    size_t u = (size_t)node->layer.recurrent.units, t = node->in[0].dim[0];
    bool sequences = node->layer.recurrent.return_sequences;
    if (sequences || step + 1 == t)
        memcpy(pass->y + (sequences ? i * t + step : i) * u, h, u * sizeof *h);
}
