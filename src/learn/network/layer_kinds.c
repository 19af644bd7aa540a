/*
 * The kinds of layers, and what they share.
 */
#include "learn/network/layer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

extern const mx_layer_kind mx_layer_dense, mx_layer_conv2d, mx_layer_max_pool2d, mx_layer_average_pool2d,
    mx_layer_global_max_pool2d, mx_layer_global_average_pool2d, mx_layer_flatten, mx_layer_reshape, mx_layer_activation,
    mx_layer_dropout, mx_layer_batch_norm, mx_layer_layer_norm, mx_layer_add, mx_layer_concatenate;
extern const mx_layer_kind mx_layer_embedding, mx_layer_masking, mx_layer_simple_rnn, mx_layer_lstm, mx_layer_gru;

/* In the order of MERX_LAYER_TABLE. */
static const mx_layer_kind *const kinds[] = {
    &mx_layer_dense,
    &mx_layer_conv2d,
    &mx_layer_max_pool2d,
    &mx_layer_average_pool2d,
    &mx_layer_global_max_pool2d,
    &mx_layer_global_average_pool2d,
    &mx_layer_flatten,
    &mx_layer_reshape,
    &mx_layer_activation,
    &mx_layer_dropout,
    &mx_layer_batch_norm,
    &mx_layer_layer_norm,
    &mx_layer_embedding,
    &mx_layer_masking,
    &mx_layer_simple_rnn,
    &mx_layer_lstm,
    &mx_layer_gru,
    &mx_layer_add,
    &mx_layer_concatenate,
};

const mx_layer_kind *mx_layer_kind_at(size_t i)
{
    return i < sizeof kinds / sizeof *kinds ? kinds[i] : NULL;
}

const mx_layer_kind *mx_layer_kind_of(merx_layer_kind id)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i]->id == id)
            return kinds[i];
    return NULL;
}

const mx_layer_kind *mx_layer_kind_find(const char *word)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i]->word, word) == 0)
            return kinds[i];
    return NULL;
}

size_t mx_dims_size(merx_dims dims)
{
    size_t size = 1;
    for (size_t i = 0; i < dims.rank; i++)
        if (!mx_mul_size(size, dims.dim[i], &size))
            return SIZE_MAX;
    return size;
}

const char *mx_dims_text(merx_dims dims, char text[96])
{
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < dims.rank && at < 95; i++)
        at += (size_t)snprintf(text + at, 96 - at, "%s%zu", i > 0 ? " x " : "", dims.dim[i]);
    if (dims.rank == 0)
        (void)snprintf(text, 96, "one number");
    return text;
}

mx_weight *mx_node_weight(mx_node *node, const char *word, merx_dims dims, mx_initial initial, size_t fan_in,
                          size_t fan_out)
{
    mx_weight *w = &node->weight[node->n_weights++];
    *w = (mx_weight){.word = word,
                     .dims = dims,
                     .size = mx_dims_size(dims),
                     .fan_in = fan_in,
                     .fan_out = fan_out,
                     .initial = initial,
                     .trainable = true,
                     .decays =
                         initial != MX_INITIAL_ZEROS && initial != MX_INITIAL_ONES && initial != MX_INITIAL_FORGET};
    (void)snprintf(w->name, sizeof w->name, "%s/%s", node->name, word);
    return w;
}

merx_status mx_node_need_rank(const mx_node *node, size_t which, size_t rank, const char *what, merx_error *err)
{
    char text[96];
    if (node->in[which].rank != rank)
        MX_FAIL(err, MERX_E_SHAPE, node->name, "%s is given %s; it needs %s", node->kind->word,
                mx_dims_text(node->in[which], text), what);
    return MERX_OK;
}

merx_status mx_window(const mx_node *node, size_t size, size_t window, size_t stride, merx_padding padding,
                      const char *side, size_t *out, size_t *before, merx_error *err)
{
    *before = 0;
    if (padding == MERX_SAME) {
        *out = (size + stride - 1) / stride;
        size_t covered = (*out - 1) * stride + window;
        *before = covered > size ? (covered - size) / 2 : 0;
        return MERX_OK;
    }
    if (window > size)
        MX_FAIL(err, MERX_E_SHAPE, node->name,
                "%s is given pictures %zu %s, but its window is %zu %s (a smaller window, or padding same)",
                node->kind->word, size, side, window, side);
    *out = (size - window) / stride + 1;
    return MERX_OK;
}

void mx_softmax_back(const float *y, float *dy, size_t m, size_t u)
{
    for (size_t i = 0; i < m; i++, y += u, dy += u) {
        double along = 0;
        for (size_t j = 0; j < u; j++)
            along += (double)dy[j] * (double)y[j];
        for (size_t j = 0; j < u; j++)
            dy[j] = y[j] * (dy[j] - (float)along);
    }
}

mx_activation mx_activation_of(merx_activation given, merx_activation standard, bool *softmax)
{
    static const mx_activation kernels[] = {[MERX_LINEAR] = MX_LINEAR,
                                            [MERX_RELU] = MX_RELU,
                                            [MERX_TANH] = MX_TANH,
                                            [MERX_SIGMOID] = MX_SIGMOID,
                                            [MERX_SOFTPLUS] = MX_SOFTPLUS,
                                            [MERX_ELU] = MX_ELU,
                                            [MERX_LEAKY_RELU] = MX_LEAKY_RELU,
                                            [MERX_GELU] = MX_GELU,
                                            [MERX_SILU] = MX_SILU,
                                            [MERX_HARD_SIGMOID] = MX_HARD_SIGMOID,
                                            [MERX_EXPONENTIAL] = MX_EXPONENTIAL,
                                            [MERX_SOFTMAX] = MX_LINEAR};
    if (given == MERX_ACTIVATION_DEFAULT)
        given = standard;
    *softmax = given == MERX_SOFTMAX;
    return kernels[given];
}

const char *mx_activation_word(merx_activation activation)
{
    static const char *const words[] = {"",
#define WORD(name, word) #word,
                                        MERX_ACTIVATION_TABLE(WORD)
#undef WORD
    };
    return words[activation];
}

double mx_twin_activate(mx_activation f, double x)
{
    switch (f) {
    case MX_RELU:
        return x > 0 ? x : 0;
    case MX_TANH:
        return tanh(x);
    case MX_SIGMOID:
        return 1 / (1 + exp(-x));
    case MX_SOFTPLUS:
        return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
    case MX_ELU:
        return x > 0 ? x : expm1(x);
    case MX_LEAKY_RELU:
        return x > 0 ? x : 0.2 * x;
    case MX_GELU:
        return 0.5 * x * (1 + erf(x * 0.70710678118654752440));
    case MX_SILU:
        return x / (1 + exp(-x));
    case MX_HARD_SIGMOID:
        return x <= -3 ? 0 : x >= 3 ? 1 : x / 6 + 0.5;
    case MX_EXPONENTIAL:
        return exp(x);
    default:
        return x;
    }
}

void mx_twin_softmax(double *x, size_t rows, size_t u)
{
    for (size_t i = 0; i < rows; i++, x += u) {
        double most = x[0], sum = 0;
        for (size_t j = 1; j < u; j++)
            most = x[j] > most ? x[j] : most;
        for (size_t j = 0; j < u; j++)
            sum += x[j] = exp(x[j] - most);
        for (size_t j = 0; j < u; j++)
            x[j] /= sum;
    }
}
