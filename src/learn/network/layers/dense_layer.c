/*
 * y = f(x W + b) over the last dimension: one matrix product per block of examples.
 *
 * y (m, u), x (m, k), m = n times the leading dimensions. Backward, g = dy f'(y): dW += x' g, db += sum g, dx = g W'.
 */
#include "learn/network/head.h"

#include <string.h>

static const mx_field fields[] = {
    MX_FIELD("units", INT, dense.units, 1, 1 << 24, NULL, "Outputs."),
    MX_FIELD("activation", ACTIVATION, dense.activation, 0, 0, "linear", "f."),
    MX_FIELD("use_bias", NOT, dense.no_bias, 0, 0, "true", "Whether b is there."),
    {0},
};

static merx_status shape(mx_node *node, merx_error *err)
{
    const merx_dims in = node->in[0];
    if (in.rank == 0)
        MX_FAIL(err, MERX_E_SHAPE, node->name, "dense is given one number; it needs at least one dimension");
    size_t k = in.dim[in.rank - 1], u = (size_t)node->layer.dense.units;
    node->out = in;
    node->out.dim[in.rank - 1] = u;
    node->activation = mx_activation_of(node->layer.dense.activation, MERX_LINEAR, &node->softmax);
    mx_node_weight(node, "kernel", MERX_INPUT(k, u), MX_INITIAL_GLOROT, k, u);
    if (!node->layer.dense.no_bias)
        mx_node_weight(node, "bias", MERX_INPUT(u), MX_INITIAL_ZEROS, 0, 0);
    node->packed = mx_panels_size(k, u);
    node->packed_back = mx_panels_size(u, k);
    /* These activations' slopes are functions of x, not of y. */
    if (node->activation == MX_GELU || node->activation == MX_SILU)
        node->saved_floats = mx_dims_size(node->out);
    node->passes_mask = true;
    return MERX_OK;
}

static void pack(const mx_node *node, const float *weights, float *packed, bool training)
{
    size_t k = node->weight[0].dims.dim[0], u = node->weight[0].dims.dim[1];
    const float *w = weights + node->weight[0].offset;
    mx_tensor_kernel()->pack(w, u, k, u, packed);
    if (training && node->head)
        mx_head_pack(node, w, packed + node->packed);
    else if (training)
        mx_tensor_kernel()->pack_transposed(w, u, u, k, packed + node->packed);
}

static void forward(const mx_node *node, const mx_pass *pass)
{
    const mx_tensor_kernels *kernels = mx_tensor_kernel();
    size_t k = node->weight[0].dims.dim[0], u = node->weight[0].dims.dim[1], m = pass->n * node->out_size / u;
    float *before = node->saved_floats > 0 && pass->training ? pass->saved : pass->y;
    mx_gemm g = {.m = m,
                 .k = k,
                 .u = u,
                 .a = pass->x[0],
                 .a_stride = k,
                 .panels = pass->packed,
                 .bias = node->n_weights > 1 ? mx_pass_weight(node, pass, 1) : NULL,
                 .c = before,
                 .c_stride = u,
                 .relu = node->activation == MX_RELU};
    kernels->gemm(&g);
    if (node->softmax && !(node->at_loss && pass->logits))
        kernels->softmax_loss(pass->y, m, u, NULL, NULL, NULL, pass->y, NULL, NULL);
    else if (node->activation != MX_LINEAR && node->activation != MX_RELU && !(node->at_loss && pass->logits))
        kernels->activate(node->activation, before, m * u, pass->y);
}

static void backward(const mx_node *node, const mx_pass *pass)
{
    const mx_tensor_kernels *kernels = mx_tensor_kernel();
    size_t k = node->weight[0].dims.dim[0], u = node->weight[0].dims.dim[1], m = pass->n * node->out_size / u;
    if (node->softmax && !node->at_loss) {
        mx_softmax_back(pass->y, pass->dy, m, u);
    } else if (node->activation != MX_LINEAR && !node->at_loss) {
        kernels->activate_back(node->activation, node->saved_floats > 0 ? pass->saved : NULL, pass->y, pass->dy, m * u,
                               pass->dy);
    }
    kernels->gemm_outer(pass->x[0], k, pass->dy, u, m, k, u, mx_pass_gradient(node, pass, 0), u);
    if (node->n_weights > 1)
        kernels->add_columns(pass->dy, u, m, u, mx_pass_gradient(node, pass, 1));
    if (pass->dx[0] != NULL) {
        mx_gemm g = {.m = m,
                     .k = u,
                     .u = k,
                     .a = pass->dy,
                     .a_stride = u,
                     .panels = pass->packed + node->packed,
                     .c = pass->dx[0],
                     .c_stride = k,
                     .add = pass->dx_add[0]};
        kernels->gemm(&g);
    }
}

static void twin(const mx_node *node, const mx_twin_pass *pass)
{
    size_t k = node->weight[0].dims.dim[0], u = node->weight[0].dims.dim[1], m = pass->n * node->out_size / u;
    const double *w = pass->weights + node->weight[0].offset;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < u; j++) {
            double sum = node->n_weights > 1 ? pass->weights[node->weight[1].offset + j] : 0;
            for (size_t l = 0; l < k; l++)
                sum += pass->x[0][i * k + l] * w[l * u + j];
            pass->y[i * u + j] = node->at_loss && pass->logits ? sum : mx_twin_activate(node->activation, sum);
        }
    if (node->softmax && !(node->at_loss && pass->logits))
        mx_twin_softmax(pass->y, m, u);
}

const mx_layer_kind mx_layer_dense = {
    .id = MERX_LAYER_DENSE,
    .word = "dense",
    .title = "Dense",
    .text = "Every output from every input of the last dimension.",
    .formula = "y = f(x W + b)",
    .fields = fields,
    .least_inputs = 1,
    .most_inputs = 1,
    .shape = shape,
    .pack = pack,
    .forward = forward,
    .backward = backward,
    .twin = twin,
};
