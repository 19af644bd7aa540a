/*
 * The same numbers under another shape: nothing is computed. Flatten is the reshape to one dimension.
 */
#include "learn/network/layer.h"

#include <string.h>

static const mx_field none[] = {{0}};
static const mx_field fields[] = {
    MX_FIELD("target_shape", DIMS, reshape.shape, 1, 1 << 30, NULL, "The shape, with as many numbers as come in."),
    {0},
};

static merx_status shape(mx_node *node, merx_error *err)
{
    size_t size = mx_dims_size(node->in[0]);
    node->out = MERX_INPUT(size);
    if (node->kind->id == MERX_LAYER_RESHAPE) {
        char in[96], out[96];
        node->out.rank = 0;
        for (size_t i = 0; i < MERX_DIMS && node->layer.reshape.shape[i] > 0; i++)
            node->out.dim[node->out.rank++] = (size_t)node->layer.reshape.shape[i];
        if (mx_dims_size(node->out) != size)
            MX_FAIL(err, MERX_E_SHAPE, node->name, "reshape is given %s; that can't become %s",
                    mx_dims_text(node->in[0], in), mx_dims_text(node->out, out));
    }
    node->in_place = true;
    return MERX_OK;
}

static void forward(const mx_node *node, const mx_pass *pass)
{
    if (pass->y != pass->x[0])
        memcpy(pass->y, pass->x[0], pass->n * node->out_size * sizeof(float));
}

static void backward(const mx_node *node, const mx_pass *pass)
{
    if (pass->dx[0] == NULL || pass->dx[0] == pass->dy)
        return;
    if (pass->dx_add[0])
        mx_tensor_kernel()->add_to(pass->dy, pass->n * node->out_size, pass->dx[0]);
    else
        memcpy(pass->dx[0], pass->dy, pass->n * node->out_size * sizeof(float));
}

static void twin(const mx_node *node, const mx_twin_pass *pass)
{
    memcpy(pass->y, pass->x[0], pass->n * node->out_size * sizeof(double));
}

const mx_layer_kind mx_layer_flatten = {
    .id = MERX_LAYER_FLATTEN,
    .word = "flatten",
    .title = "Flatten",
    .text = "All numbers of an example in one row.",
    .formula = "y = x",
    .fields = none,
    .least_inputs = 1,
    .most_inputs = 1,
    .shape = shape,
    .forward = forward,
    .backward = backward,
    .twin = twin,
};

const mx_layer_kind mx_layer_reshape = {
    .id = MERX_LAYER_RESHAPE,
    .word = "reshape",
    .title = "Reshape",
    .text = "The same numbers under another shape.",
    .formula = "y = x",
    .fields = fields,
    .least_inputs = 1,
    .most_inputs = 1,
    .shape = shape,
    .forward = forward,
    .backward = backward,
    .twin = twin,
};
