/*
 * Several inputs as one: their sum (residual connections, He et al. 2016), or one behind the other along the last dimension.
 */
#include <string.h>

#include "learn/network/layer.h"

static const mx_field none[] = {{0}};

static merx_status same_but_last(const mx_node *node, bool last_too, merx_error *err)
{
    char first[96], other[96];
    for (size_t k = 1; k < node->n_inputs; k++) {
        bool same = node->in[k].rank == node->in[0].rank && node->in[0].rank > 0;
        for (size_t i = 0; same && i < node->in[0].rank; i++)
            same = node->in[k].dim[i] == node->in[0].dim[i] || (!last_too && i + 1 == node->in[0].rank);
        if (!same)
            MX_FAIL(err, MERX_E_SHAPE, node->name, "%s is given %s and %s; it needs inputs %s", node->kind->word,
                    mx_dims_text(node->in[0], first), mx_dims_text(node->in[k], other),
                    last_too ? "of one shape" : "alike in all dimensions but the last");
    }
    return MERX_OK;
}

static merx_status add_shape(mx_node *node, merx_error *err)
{
    MX_TRY(same_but_last(node, true, err));
    node->out = node->in[0];
    node->passes_mask = true;
    return MERX_OK;
}

static void add_forward(const mx_node *node, const mx_pass *pass)
{
    size_t size = pass->n * node->out_size;
    mx_tensor_kernel()->add(pass->x[0], pass->x[1], size, pass->y);
    for (size_t k = 2; k < node->n_inputs; k++)
        mx_tensor_kernel()->add_to(pass->x[k], size, pass->y);
}

static void add_backward(const mx_node *node, const mx_pass *pass)
{
    size_t size = pass->n * node->out_size;
    for (size_t k = 0; k < node->n_inputs; k++)
        if (pass->dx[k] != NULL && pass->dx_add[k])
            mx_tensor_kernel()->add_to(pass->dy, size, pass->dx[k]);
        else if (pass->dx[k] != NULL)
            memcpy(pass->dx[k], pass->dy, size * sizeof(float));
}

static void add_twin(const mx_node *node, const mx_twin_pass *pass)
{
    for (size_t i = 0; i < pass->n * node->out_size; i++) {
        pass->y[i] = 0;
        for (size_t k = 0; k < node->n_inputs; k++)
            pass->y[i] += pass->x[k][i];
    }
}

const mx_layer_kind mx_layer_add = {
    .id = MERX_LAYER_ADD,
    .word = "add",
    .title = "Add",
    .text = "The sum of the inputs.",
    .formula = "y = x1 + x2 + ...",
    .fields = none,
    .least_inputs = 2,
    .most_inputs = MX_NODE_INPUTS,
    .shape = add_shape,
    .forward = add_forward,
    .backward = add_backward,
    .twin = add_twin,
};

static merx_status concatenate_shape(mx_node *node, merx_error *err)
{
    MX_TRY(same_but_last(node, false, err));
    node->out = node->in[0];
    size_t *last = &node->out.dim[node->out.rank - 1];
    for (size_t k = 1; k < node->n_inputs; k++)
        *last += node->in[k].dim[node->in[k].rank - 1];
    node->passes_mask = true;
    return MERX_OK;
}

static void concatenate_forward(const mx_node *node, const mx_pass *pass)
{
    size_t wide = node->out.dim[node->out.rank - 1], m = pass->n * node->out_size / wide, at = 0;
    for (size_t k = 0; k < node->n_inputs; k++) {
        size_t c = node->in[k].dim[node->in[k].rank - 1];
        for (size_t i = 0; i < m; i++)
            memcpy(pass->y + i * wide + at, pass->x[k] + i * c, c * sizeof(float));
        at += c;
    }
}

static void concatenate_backward(const mx_node *node, const mx_pass *pass)
{
    size_t wide = node->out.dim[node->out.rank - 1], m = pass->n * node->out_size / wide, at = 0;
    for (size_t k = 0; k < node->n_inputs; k++) {
        size_t c = node->in[k].dim[node->in[k].rank - 1];
        for (size_t i = 0; i < m && pass->dx[k] != NULL; i++)
            if (pass->dx_add[k])
                mx_tensor_kernel()->add_to(pass->dy + i * wide + at, c, pass->dx[k] + i * c);
            else
                memcpy(pass->dx[k] + i * c, pass->dy + i * wide + at, c * sizeof(float));
        at += c;
    }
}

static void concatenate_twin(const mx_node *node, const mx_twin_pass *pass)
{
    size_t wide = node->out.dim[node->out.rank - 1], m = pass->n * node->out_size / wide, at = 0;
    for (size_t k = 0; k < node->n_inputs; k++) {
        size_t c = node->in[k].dim[node->in[k].rank - 1];
        for (size_t i = 0; i < m; i++)
            memcpy(pass->y + i * wide + at, pass->x[k] + i * c, c * sizeof(double));
        at += c;
    }
}

const mx_layer_kind mx_layer_concatenate = {
    .id = MERX_LAYER_CONCATENATE,
    .word = "concatenate",
    .title = "Concatenate",
    .text = "The inputs one behind the other along the last dimension.",
    .formula = "y = [x1, x2, ...]",
    .fields = none,
    .least_inputs = 2,
    .most_inputs = MX_NODE_INPUTS,
    .shape = concatenate_shape,
    .forward = concatenate_forward,
    .backward = concatenate_backward,
    .twin = concatenate_twin,
};
