/*
 * Whole numbers to rows of a table, and which steps of a sequence are padding.
 *
 * A number outside [0, vocabulary), or that is not whole, gives a row of NaN: a pass can't fail. Examples in memory are looked through before (mx_inputs_check); of gathered
 * ones the loss is NaN, which names the layer.
 */
#include <math.h>
#include <string.h>

#include "learn/network/layer.h"

static const mx_field embedding_fields[] = {
    MX_FIELD("vocabulary", INT, embedding.vocabulary, 1, 1 << 24, NULL, "Numbers go from 0 to below it."),
    MX_FIELD("units", INT, embedding.units, 1, 1 << 20, NULL, "Numbers of a row."),
    MX_FIELD("mask_zero", BOOL, embedding.mask_zero, 0, 0, "false",
             "0 is padding: the steps that recurrent layers skip."),
    {0},
};
static const mx_field masking_fields[] = {
    MX_FIELD("value", REAL, masking.value, -1e30, 1e30, "0", "What every feature of a padding step equals."),
    {0},
};

static merx_status embedding_shape(mx_node *node, merx_error *err)
{
    const merx_embedding *o = &node->layer.embedding;
    char text[96];
    merx_dims in = node->in[0];
    if (in.rank == 0 || in.rank == MERX_DIMS)
        MX_FAIL(err, MERX_E_SHAPE, node->name,
                "embedding is given %s; it needs whole numbers in 1 to %d dimensions (steps)", mx_dims_text(in, text),
                MERX_DIMS - 1);
    if (o->mask_zero && in.rank != 1)
        MX_FAIL(err, MERX_E_SHAPE, node->name, "embedding with mask_zero is given %s; it needs a sequence (steps)",
                mx_dims_text(in, text));
    node->out = in;
    node->out.dim[node->out.rank++] = (size_t)o->units;
    node->makes_mask = o->mask_zero;
    mx_node_weight(node, "embeddings", MERX_INPUT((size_t)o->vocabulary, (size_t)o->units), MX_INITIAL_UNIFORM, 0, 0);
    return MERX_OK;
}

/* The row of a number; SIZE_MAX: there is none. */
static size_t row_of(const mx_node *node, double v)
{
    return v >= 0 && v < node->layer.embedding.vocabulary && v == floor(v) ? (size_t)v : SIZE_MAX;
}

static void embedding_forward(const mx_node *node, const mx_pass *pass)
{
    size_t m = pass->n * node->in_size[0], u = (size_t)node->layer.embedding.units;
    const float *table = mx_pass_weight(node, pass, 0);
    for (size_t i = 0; i < m; i++) {
        size_t row = row_of(node, (double)pass->x[0][i]);
        float *y = pass->y + i * u;
        if (row != SIZE_MAX)
            memcpy(y, table + row * u, u * sizeof *y);
        else
            for (size_t j = 0; j < u; j++)
                y[j] = NAN;
        if (node->makes_mask)
            pass->mask_out[i] = pass->x[0][i] != 0;
    }
}

static void embedding_backward(const mx_node *node, const mx_pass *pass)
{
    size_t m = pass->n * node->in_size[0], u = (size_t)node->layer.embedding.units;
    float *gradient = mx_pass_gradient(node, pass, 0);
    for (size_t i = 0; i < m; i++) {
        size_t row = row_of(node, (double)pass->x[0][i]);
        if (row != SIZE_MAX)
            mx_tensor_kernel()->add_to(pass->dy + i * u, u, gradient + row * u);
    }
    /* A whole number has no slope. */
    if (pass->dx[0] != NULL && !pass->dx_add[0])
        memset(pass->dx[0], 0, m * sizeof(float));
}

static void embedding_twin(const mx_node *node, const mx_twin_pass *pass)
{
    size_t m = pass->n * node->in_size[0], u = (size_t)node->layer.embedding.units;
    const double *table = pass->weights + node->weight[0].offset;
    for (size_t i = 0; i < m; i++) {
        size_t row = row_of(node, pass->x[0][i]);
        for (size_t j = 0; j < u; j++)
            pass->y[i * u + j] = row != SIZE_MAX ? table[row * u + j] : NAN;
        if (node->makes_mask && pass->mask_out != NULL)
            pass->mask_out[i] = pass->x[0][i] != 0;
    }
}

static merx_status masking_shape(mx_node *node, merx_error *err)
{
    MX_TRY(mx_node_need_rank(node, 0, 2, "sequences (steps, features)", err));
    node->out = node->in[0];
    node->makes_mask = true;
    return MERX_OK;
}

static void masking_forward(const mx_node *node, const mx_pass *pass)
{
    size_t m = pass->n * node->in[0].dim[0], k = node->in[0].dim[1];
    float value = (float)node->layer.masking.value;
    for (size_t i = 0; i < m; i++) {
        const float *x = pass->x[0] + i * k;
        bool padding = true;
        for (size_t j = 0; j < k; j++)
            padding &= x[j] == value;
        pass->mask_out[i] = !padding;
        if (padding)
            memset(pass->y + i * k, 0, k * sizeof *x);
        else
            memcpy(pass->y + i * k, x, k * sizeof *x);
    }
}

static void masking_backward(const mx_node *node, const mx_pass *pass)
{
    size_t m = pass->n * node->in[0].dim[0], k = node->in[0].dim[1];
    float *dx = pass->dx[0];
    for (size_t i = 0; dx != NULL && i < m; i++, dx += k) {
        const float *dy = pass->dy + i * k;
        if (pass->mask_out[i] != 0 && pass->dx_add[0])
            mx_tensor_kernel()->add_to(dy, k, dx);
        else if (pass->mask_out[i] != 0)
            memcpy(dx, dy, k * sizeof *dx);
        else if (!pass->dx_add[0])
            memset(dx, 0, k * sizeof *dx);
    }
}

static void masking_twin(const mx_node *node, const mx_twin_pass *pass)
{
    size_t m = pass->n * node->in[0].dim[0], k = node->in[0].dim[1];
    for (size_t i = 0; i < m; i++) {
        bool padding = true;
        for (size_t j = 0; j < k; j++)
            padding &= pass->x[0][i * k + j] == node->layer.masking.value;
        for (size_t j = 0; j < k; j++)
            pass->y[i * k + j] = padding ? 0 : pass->x[0][i * k + j];
        if (pass->mask_out != NULL)
            pass->mask_out[i] = !padding;
    }
}

const mx_layer_kind mx_layer_embedding = {
    .id = MERX_LAYER_EMBEDDING,
    .word = "embedding",
    .title = "Embedding",
    .text = "A row of numbers for each whole number: an article, a word.",
    .formula = "y = E[x]",
    .fields = embedding_fields,
    .least_inputs = 1,
    .most_inputs = 1,
    .shape = embedding_shape,
    .forward = embedding_forward,
    .backward = embedding_backward,
    .twin = embedding_twin,
};

const mx_layer_kind mx_layer_masking = {
    .id = MERX_LAYER_MASKING,
    .word = "masking",
    .title = "Masking",
    .text = "Marks the steps that are padding, which recurrent layers skip.",
    .formula = "y = x, 0 where all features equal value",
    .fields = masking_fields,
    .least_inputs = 1,
    .most_inputs = 1,
    .shape = masking_shape,
    .forward = masking_forward,
    .backward = masking_backward,
    .twin = masking_twin,
};
