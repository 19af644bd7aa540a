/*
 * A network as an ONNX file (opset 17, IR 8): inputs and outputs keep merx's shapes, (N, height, width, channels) and (N, steps, features); operators that want channels
 * first, or steps first, stand between two Transposes, which runtimes take out where they meet.
 *
 *   dense       MatMul, Add                        batch_norm  BatchNormalization (channels first)
 *   conv2d      Conv (channels first)              layer_norm  LayerNormalization
 *   pooling     MaxPool, AveragePool               embedding   Cast, Gather
 *   global      ReduceMax, ReduceMean              recurrent   RNN, LSTM, GRU (steps first; gates in ONNX's order: i o f c; z r h)
 *   flatten, reshape, dropout, add, concatenate    Flatten, Reshape, Dropout, Sum, Concat
 */
#include <stdio.h>
#include <string.h>

#include "io/file.h"
#include "learn/network/network_state.h"
#include "learn/network/onnx_wire.h"

enum { OPSET = 17, IR = 8, WORD = MX_NODE_NAME + 40 };
#define MOST_BYTES (((size_t)1 << 31) - 1) /* protobuf's own limit of a message */

typedef struct writer {
    const merx_network *net;
    mx_text graph, part, inner;
    size_t made;    /* names drawn so far */
    float *numbers; /* room for one weight in another order */
    size_t room;
} writer;

/* ---- parts of the graph ---- */

static void begin_op(writer *w, const char *op, const char *const *inputs, size_t n, const char *const *outputs,
                     size_t m)
{
    char name[32];
    mx_text_clear(&w->part);
    for (size_t i = 0; i < n; i++)
        mx_wire_put_word(&w->part, MX_NODE_INPUT, inputs[i]);
    for (size_t i = 0; i < m; i++)
        mx_wire_put_word(&w->part, MX_NODE_OUTPUT, outputs[i]);
    (void)snprintf(name, sizeof name, "%s_%zu", op, w->made++);
    mx_wire_put_word(&w->part, MX_NODE_NAME_FIELD, name);
    mx_wire_put_word(&w->part, MX_NODE_OP, op);
}

static void put_ints(writer *w, const char *name, const int64_t *v, size_t n)
{
    mx_text_clear(&w->inner);
    mx_wire_put_word(&w->inner, MX_ATTRIBUTE_NAME, name);
    for (size_t i = 0; i < n; i++)
        mx_wire_put_varint(&w->inner, MX_ATTRIBUTE_INTS, (uint64_t)v[i]);
    mx_wire_put_varint(&w->inner, MX_ATTRIBUTE_TYPE, MX_ONNX_KIND_INTS);
    mx_wire_put_bytes(&w->part, MX_NODE_ATTRIBUTE, w->inner.data, w->inner.size);
}

static void put_int(writer *w, const char *name, int64_t v)
{
    mx_text_clear(&w->inner);
    mx_wire_put_word(&w->inner, MX_ATTRIBUTE_NAME, name);
    mx_wire_put_varint(&w->inner, MX_ATTRIBUTE_I, (uint64_t)v);
    mx_wire_put_varint(&w->inner, MX_ATTRIBUTE_TYPE, MX_ONNX_KIND_INT);
    mx_wire_put_bytes(&w->part, MX_NODE_ATTRIBUTE, w->inner.data, w->inner.size);
}

static void put_float(writer *w, const char *name, float v)
{
    mx_text_clear(&w->inner);
    mx_wire_put_word(&w->inner, MX_ATTRIBUTE_NAME, name);
    mx_wire_put_float(&w->inner, MX_ATTRIBUTE_F, v);
    mx_wire_put_varint(&w->inner, MX_ATTRIBUTE_TYPE, MX_ONNX_KIND_FLOAT);
    mx_wire_put_bytes(&w->part, MX_NODE_ATTRIBUTE, w->inner.data, w->inner.size);
}

static void put_words(writer *w, const char *name, const char *const *words, size_t n)
{
    mx_text_clear(&w->inner);
    mx_wire_put_word(&w->inner, MX_ATTRIBUTE_NAME, name);
    for (size_t i = 0; i < n; i++)
        mx_wire_put_word(&w->inner, MX_ATTRIBUTE_STRINGS, words[i]);
    mx_wire_put_varint(&w->inner, MX_ATTRIBUTE_TYPE, MX_ONNX_KIND_STRINGS);
    mx_wire_put_bytes(&w->part, MX_NODE_ATTRIBUTE, w->inner.data, w->inner.size);
}

static void end_op(writer *w)
{
    mx_wire_put_bytes(&w->graph, MX_GRAPH_NODE, w->part.data, w->part.size);
}

/* y = op(x), without attributes. */
static void op1(writer *w, const char *op, const char *x, const char *y)
{
    begin_op(w, op, (const char *const[]){x}, 1, (const char *const[]){y}, 1);
    end_op(w);
}

static void op2(writer *w, const char *op, const char *a, const char *b, const char *y)
{
    begin_op(w, op, (const char *const[]){a, b}, 2, (const char *const[]){y}, 1);
    end_op(w);
}

static void transpose(writer *w, const char *x, const char *y, const int64_t *order, size_t n)
{
    begin_op(w, "Transpose", (const char *const[]){x}, 1, (const char *const[]){y}, 1);
    put_ints(w, "perm", order, n);
    end_op(w);
}

static void put_tensor(writer *w, const char *name, int type, const uint64_t *dims, size_t n, const void *data,
                       size_t size)
{
    mx_text_clear(&w->part);
    for (size_t i = 0; i < n; i++)
        mx_wire_put_varint(&w->part, MX_TENSOR_DIMS, dims[i]);
    mx_wire_put_varint(&w->part, MX_TENSOR_TYPE, (uint64_t)type);
    mx_wire_put_word(&w->part, MX_TENSOR_NAME_FIELD, name);
    mx_wire_put_bytes(&w->part, MX_TENSOR_RAW, data, size);
    mx_wire_put_bytes(&w->graph, MX_GRAPH_INITIALIZER, w->part.data, w->part.size);
}

static void put_floats(writer *w, const char *name, const uint64_t *dims, size_t n, const float *values)
{
    size_t size = sizeof *values;
    for (size_t i = 0; i < n; i++)
        size *= (size_t)dims[i];
    put_tensor(w, name, MX_ONNX_FLOAT, dims, n, values, size);
}

static void put_whole(writer *w, const char *name, const int64_t *values, size_t n)
{
    put_tensor(w, name, MX_ONNX_INT64, (uint64_t[]){n}, 1, values, n * sizeof *values);
}

/* The node's weight i as it is, by its name. */
static void put_weight(writer *w, const mx_node *node, size_t i)
{
    const mx_weight *weight = &node->weight[i];
    uint64_t dims[MERX_DIMS];
    for (size_t k = 0; k < weight->dims.rank; k++)
        dims[k] = weight->dims.dim[k];
    put_floats(w, weight->name, dims, weight->dims.rank, w->net->weights + weight->offset);
}

static void put_value(writer *w, uint32_t field, const char *name, merx_dims dims)
{
    mx_text shape, tensor;
    mx_text_init(&shape, w->net->alloc, 4096);
    mx_text_init(&tensor, w->net->alloc, 4096);
    for (size_t i = 0; i <= dims.rank; i++) {
        mx_text_clear(&w->inner);
        if (i == 0)
            mx_wire_put_word(&w->inner, MX_DIM_NAME, "N");
        else
            mx_wire_put_varint(&w->inner, MX_DIM_VALUE, dims.dim[i - 1]);
        mx_wire_put_bytes(&shape, MX_SHAPE_DIM, w->inner.data, w->inner.size);
    }
    mx_wire_put_varint(&tensor, MX_TENSOR_TYPE_ELEMENT, MX_ONNX_FLOAT);
    mx_wire_put_bytes(&tensor, MX_TENSOR_TYPE_SHAPE, shape.data, shape.size);
    mx_text_clear(&w->inner);
    mx_wire_put_bytes(&w->inner, MX_TYPE_TENSOR, tensor.data, tensor.size);
    mx_text_clear(&w->part);
    mx_wire_put_word(&w->part, MX_VALUE_NAME, name);
    mx_wire_put_bytes(&w->part, MX_VALUE_TYPE, w->inner.data, w->inner.size);
    mx_wire_put_bytes(&w->graph, field, w->part.data, w->part.size);
    w->graph.failed |= shape.failed || tensor.failed;
    mx_text_release(&shape);
    mx_text_release(&tensor);
}

/* ---- functions ---- */

static const char *simple_op(mx_activation f)
{
    switch (f) {
    case MX_RELU:
        return "Relu";
    case MX_TANH:
        return "Tanh";
    case MX_SIGMOID:
        return "Sigmoid";
    case MX_SOFTPLUS:
        return "Softplus";
    case MX_ELU:
        return "Elu";
    case MX_LEAKY_RELU:
        return "LeakyRelu";
    case MX_HARD_SIGMOID:
        return "HardSigmoid";
    case MX_EXPONENTIAL:
        return "Exp";
    default:
        return "Identity";
    }
}

/* x 0.5 (1 + erf(x / sqrt 2)) */
static void put_gelu(writer *w, const char *x, const char *y)
{
    enum { ROOT, HALF, ONE, SCALED, CURVE, RAISED, HALVED, NAMES };
    static const char *const words[NAMES] = {"root", "half", "one", "scaled", "curve", "raised", "halved"};
    char name[NAMES][WORD + 8];
    for (size_t i = 0; i < NAMES; i++)
        (void)snprintf(name[i], sizeof name[i], "%s/%s", y, words[i]);
    put_floats(w, name[ROOT], NULL, 0, &(float){0.70710678118654752440F});
    put_floats(w, name[HALF], NULL, 0, &(float){0.5F});
    put_floats(w, name[ONE], NULL, 0, &(float){1});
    op2(w, "Mul", x, name[ROOT], name[SCALED]);
    op1(w, "Erf", name[SCALED], name[CURVE]);
    op2(w, "Add", name[CURVE], name[ONE], name[RAISED]);
    op2(w, "Mul", x, name[HALF], name[HALVED]);
    op2(w, "Mul", name[HALVED], name[RAISED], y);
}

static void put_activation(writer *w, mx_activation f, bool softmax, const char *x, const char *y)
{
    char gate[WORD + 8];
    if (f == MX_GELU) {
        put_gelu(w, x, y);
        return;
    }
    if (f == MX_SILU) {
        (void)snprintf(gate, sizeof gate, "%s/gate", y);
        op1(w, "Sigmoid", x, gate);
        op2(w, "Mul", x, gate, y);
        return;
    }
    begin_op(w, softmax ? "Softmax" : simple_op(f), (const char *const[]){x}, 1, (const char *const[]){y}, 1);
    if (softmax)
        put_int(w, "axis", -1);
    else if (f == MX_LEAKY_RELU)
        put_float(w, "alpha", 0.2F);
    else if (f == MX_HARD_SIGMOID)
        put_float(w, "alpha", 1.0F / 6), put_float(w, "beta", 0.5F);
    end_op(w);
}

static bool has_activation(const mx_node *node)
{
    return node->softmax || node->activation != MX_LINEAR;
}

/* ---- layers ---- */

static void put_dense(writer *w, const mx_node *node, const char *x, const char *y)
{
    char product[WORD], sum[WORD];
    bool bias = node->n_weights > 1, active = has_activation(node);
    (void)snprintf(product, sizeof product, "%s/product", node->name);
    (void)snprintf(sum, sizeof sum, "%s/sum", node->name);
    put_weight(w, node, 0);
    op2(w, "MatMul", x, node->weight[0].name, bias ? product : active ? sum : y);
    if (bias) {
        put_weight(w, node, 1);
        op2(w, "Add", product, node->weight[1].name, active ? sum : y);
    }
    if (active)
        put_activation(w, node->activation, node->softmax, sum, y);
}

static const int64_t channels_first[] = {0, 3, 1, 2}, channels_last[] = {0, 2, 3, 1};

static void put_window(writer *w, size_t kh, size_t kw, size_t sh, size_t sw, size_t top, size_t left, size_t h,
                       size_t wide, size_t out_h, size_t out_w)
{
    size_t below = (out_h - 1) * sh + kh, right = (out_w - 1) * sw + kw;
    below = below > h + top ? below - h - top : 0;
    right = right > wide + left ? right - wide - left : 0;
    put_ints(w, "kernel_shape", (int64_t[]){(int64_t)kh, (int64_t)kw}, 2);
    put_ints(w, "strides", (int64_t[]){(int64_t)sh, (int64_t)sw}, 2);
    put_ints(w, "pads", (int64_t[]){(int64_t)top, (int64_t)left, (int64_t)below, (int64_t)right}, 4);
}

static void put_conv(writer *w, const mx_node *node, const char *x, const char *y)
{
    const mx_conv *s = &node->conv;
    char first[WORD], made[WORD], active[WORD], last[WORD];
    size_t c = s->c / s->groups, window = s->kh * s->kw;
    const float *from = w->net->weights + node->weight[0].offset;
    bool inside = node->activation != MX_LINEAR && !node->softmax;
    (void)snprintf(first, sizeof first, "%s/first", node->name);
    (void)snprintf(made, sizeof made, "%s/made", node->name);
    (void)snprintf(active, sizeof active, "%s/active", node->name);
    (void)snprintf(last, sizeof last, "%s/last", node->name);
    for (size_t k = 0; k < window; k++) /* (kh, kw, c, u) to (u, c, kh, kw) */
        for (size_t i = 0; i < c; i++)
            for (size_t o = 0; o < s->u; o++)
                w->numbers[(o * c + i) * window + k] = from[(k * c + i) * s->u + o];
    put_floats(w, node->weight[0].name, (uint64_t[]){s->u, c, s->kh, s->kw}, 4, w->numbers);
    if (node->n_weights > 1)
        put_weight(w, node, 1);
    transpose(w, x, first, channels_first, 4);
    begin_op(w, "Conv", (const char *const[]){first, node->weight[0].name, node->weight[1].name},
             node->n_weights > 1 ? 3 : 2, (const char *const[]){made}, 1);
    put_window(w, s->kh, s->kw, s->stride_h, s->stride_w, s->pad_top, s->pad_left, s->h, s->w, s->out_h, s->out_w);
    put_int(w, "group", (int64_t)s->groups);
    end_op(w);
    if (inside)
        put_activation(w, node->activation, false, made, active);
    transpose(w, inside ? active : made, node->softmax ? last : y, channels_last, 4);
    if (node->softmax)
        put_activation(w, MX_LINEAR, true, last, y);
}

static void put_pool(writer *w, const mx_node *node, const char *x, const char *y)
{
    const mx_pool *s = &node->pool;
    char first[WORD], made[WORD];
    (void)snprintf(first, sizeof first, "%s/first", node->name);
    (void)snprintf(made, sizeof made, "%s/made", node->name);
    transpose(w, x, first, channels_first, 4);
    begin_op(w, node->kind->id == MERX_LAYER_MAX_POOL2D ? "MaxPool" : "AveragePool", (const char *const[]){first}, 1,
             (const char *const[]){made}, 1);
    put_window(w, s->ph, s->pw, s->stride_h, s->stride_w, s->pad_top, s->pad_left, s->h, s->w, s->out_h, s->out_w);
    end_op(w);
    transpose(w, made, y, channels_last, 4);
}

/* Over all pixels: axes 1 and 2 go. */
static void put_global(writer *w, const mx_node *node, const char *x, const char *y)
{
    begin_op(w, node->kind->id == MERX_LAYER_GLOBAL_MAX_POOL2D ? "ReduceMax" : "ReduceMean", (const char *const[]){x},
             1, (const char *const[]){y}, 1);
    put_ints(w, "axes", (int64_t[]){1, 2}, 2);
    put_int(w, "keepdims", 0);
    end_op(w);
}

static void put_reshape(writer *w, const mx_node *node, const char *x, const char *y)
{
    int64_t shape[MERX_DIMS + 1] = {0}; /* 0: as it comes in */
    char name[WORD];
    if (node->kind->id == MERX_LAYER_FLATTEN) {
        begin_op(w, "Flatten", (const char *const[]){x}, 1, (const char *const[]){y}, 1);
        put_int(w, "axis", 1);
        end_op(w);
        return;
    }
    (void)snprintf(name, sizeof name, "%s/shape", node->name);
    for (size_t i = 0; i < node->out.rank; i++)
        shape[i + 1] = (int64_t)node->out.dim[i];
    put_whole(w, name, shape, node->out.rank + 1);
    op2(w, "Reshape", x, name, y);
}

static void put_dropout(writer *w, const mx_node *node, const char *x, const char *y)
{
    char name[WORD];
    (void)snprintf(name, sizeof name, "%s/rate", node->name);
    put_floats(w, name, NULL, 0, &(float){(float)node->layer.dropout.rate});
    op2(w, "Dropout", x, name, y);
}

/* The weight with that word; `fill` in each of c numbers where there is none. Its name. */
static const char *norm_weight(writer *w, const mx_node *node, const char *word, float fill, size_t c, char name[WORD])
{
    for (size_t i = 0; i < node->n_weights; i++)
        if (strcmp(node->weight[i].word, word) == 0) {
            put_weight(w, node, i);
            return node->weight[i].name;
        }
    (void)snprintf(name, WORD, "%s/%s", node->name, word);
    for (size_t i = 0; i < c; i++)
        w->numbers[i] = fill;
    put_floats(w, name, &(uint64_t){c}, 1, w->numbers);
    return name;
}

static void put_norm(writer *w, const mx_node *node, const char *x, const char *y)
{
    static const int64_t forward[3][4] = {{0, 1}, {0, 2, 1}, {0, 3, 1, 2}},
                         back[3][4] = {{0, 1}, {0, 2, 1}, {0, 2, 3, 1}};
    size_t rank = node->out.rank, c = node->out.dim[rank - 1];
    char names[4][WORD], first[WORD], made[WORD];
    const char *inputs[5] = {x};
    bool batch = node->kind->id == MERX_LAYER_BATCH_NORM, turned = batch && rank > 1;
    (void)snprintf(first, sizeof first, "%s/first", node->name);
    (void)snprintf(made, sizeof made, "%s/made", node->name);
    inputs[1] = norm_weight(w, node, "gamma", 1, c, names[0]);
    inputs[2] = norm_weight(w, node, "beta", 0, c, names[1]);
    if (batch) {
        inputs[3] = norm_weight(w, node, "moving_mean", 0, c, names[2]);
        inputs[4] = norm_weight(w, node, "moving_variance", 1, c, names[3]);
    }
    if (turned) {
        transpose(w, x, first, forward[rank - 1], rank + 1);
        inputs[0] = first;
    }
    begin_op(w, batch ? "BatchNormalization" : "LayerNormalization", inputs, batch ? 5 : 3,
             (const char *const[]){turned ? made : y}, 1);
    put_float(w, "epsilon", (float)(batch ? node->layer.batch_norm.epsilon : node->layer.layer_norm.epsilon));
    if (!batch)
        put_int(w, "axis", -1);
    end_op(w);
    if (turned)
        transpose(w, made, y, back[rank - 1], rank + 1);
}

static void put_embedding(writer *w, const mx_node *node, const char *x, const char *y)
{
    char whole[WORD];
    (void)snprintf(whole, sizeof whole, "%s/whole", node->name);
    put_weight(w, node, 0);
    begin_op(w, "Cast", (const char *const[]){x}, 1, (const char *const[]){whole}, 1);
    put_int(w, "to", MX_ONNX_INT64);
    end_op(w);
    op2(w, "Gather", node->weight[0].name, whole, y);
}

/* (rows, gates u) to (gates u, rows) with the gates in another order. */
static void turn_gates(const float *from, size_t rows, size_t u, const int *order, size_t gates, float *to)
{
    for (size_t g = 0; g < gates; g++)
        for (size_t j = 0; j < u; j++)
            for (size_t i = 0; i < rows; i++)
                to[(g * u + j) * rows + i] = from[i * gates * u + (size_t)order[g] * u + j];
}

/* As ONNX names functions of recurrent operators. */
static const char *recurrent_word(mx_activation f)
{
    return f == MX_TANH       ? "Tanh"
           : f == MX_RELU     ? "Relu"
           : f == MX_SIGMOID  ? "Sigmoid"
           : f == MX_SOFTPLUS ? "Softplus"
                              : NULL;
}

static void put_recurrent(writer *w, const mx_node *node, const char *x, const char *y)
{
    static const int orders[3][4] = {{0}, {0, 3, 1, 2}, {0, 1, 2}}; /* i f c o becomes i o f c */
    const merx_recurrent *o = &node->layer.recurrent;
    size_t which = node->kind->id == MERX_LAYER_LSTM  ? 1
                   : node->kind->id == MERX_LAYER_GRU ? 2
                                                      : 0,
           gates = which == 1   ? 4
                   : which == 2 ? 3
                                : 1;
    size_t k = node->weight[0].dims.dim[0], u = node->weight[1].dims.dim[0], g = gates * u;
    const float *weights = w->net->weights, *bias = node->n_weights > 2 ? weights + node->weight[2].offset : NULL;
    char first[WORD], made[WORD], axis[WORD], whole[WORD];
    (void)snprintf(first, sizeof first, "%s/first", node->name);
    (void)snprintf(made, sizeof made, "%s/made", node->name);
    (void)snprintf(axis, sizeof axis, "%s/axis", node->name);
    (void)snprintf(whole, sizeof whole, "%s/whole", node->name);
    turn_gates(weights + node->weight[0].offset, k, u, orders[which], gates, w->numbers);
    put_floats(w, node->weight[0].name, (uint64_t[]){1, g, k}, 3, w->numbers);
    turn_gates(weights + node->weight[1].offset, u, u, orders[which], gates, w->numbers);
    put_floats(w, node->weight[1].name, (uint64_t[]){1, g, u}, 3, w->numbers);
    if (bias != NULL) { /* of the input, then of the state: Keras's gru has both */
        memset(w->numbers, 0, 2 * g * sizeof *w->numbers);
        for (size_t part = 0; part < node->weight[2].size / g; part++)
            turn_gates(bias + part * g, 1, u, orders[which], gates, w->numbers + part * g);
        put_floats(w, node->weight[2].name, (uint64_t[]){1, 2 * g}, 2, w->numbers);
    }
    transpose(w, x, first, (int64_t[]){1, 0, 2}, 3);
    const char *outputs[2] = {o->return_sequences ? made : "", made}, *f = recurrent_word(node->activation),
               *gate = recurrent_word(node->recurrent_activation);
    begin_op(w,
             which == 1   ? "LSTM"
             : which == 2 ? "GRU"
                          : "RNN",
             (const char *const[]){first, node->weight[0].name, node->weight[1].name,
                                   bias != NULL ? node->weight[2].name : ""},
             bias != NULL ? 4 : 3, outputs, o->return_sequences ? 1 : 2);
    put_int(w, "hidden_size", (int64_t)u);
    put_words(w, "activations", which == 0 ? (const char *const[]){f} : (const char *const[]){gate, f, f},
              which == 1   ? 3
              : which == 2 ? 2
                           : 1);
    if (which == 2)
        put_int(w, "linear_before_reset", 1);
    if (o->go_backwards) {
        mx_text_clear(&w->inner);
        mx_wire_put_word(&w->inner, MX_ATTRIBUTE_NAME, "direction");
        mx_wire_put_word(&w->inner, MX_ATTRIBUTE_S, "reverse");
        mx_wire_put_varint(&w->inner, MX_ATTRIBUTE_TYPE, MX_ONNX_KIND_STRING);
        mx_wire_put_bytes(&w->part, MX_NODE_ATTRIBUTE, w->inner.data, w->inner.size);
    }
    end_op(w);
    put_whole(w, axis, &(int64_t){o->return_sequences ? 1 : 0}, 1);
    op2(w, "Squeeze", made, axis, o->return_sequences ? whole : y);
    if (o->return_sequences)
        transpose(w, whole, y, (int64_t[]){1, 0, 2}, 3);
}

static void put_join(writer *w, const mx_node *node, const char *y)
{
    const char *inputs[MX_NODE_INPUTS];
    bool sum = node->kind->id == MERX_LAYER_ADD;
    for (size_t i = 0; i < node->n_inputs; i++)
        inputs[i] = w->net->node[node->inputs[i]].name;
    begin_op(w, sum ? "Sum" : "Concat", inputs, node->n_inputs, (const char *const[]){y}, 1);
    if (!sum)
        put_int(w, "axis", -1);
    end_op(w);
}

/* What ONNX has no operator for, before anything is written. */
static merx_status check_node(const mx_node *node, merx_error *err)
{
    const merx_recurrent *o = &node->layer.recurrent;
    switch (node->kind->id) {
    case MERX_LAYER_MASKING:
        MX_FAIL(err, MERX_E_UNSUPPORTED, node->name, "ONNX has no masking; sequences that end early can't be exported");
    case MERX_LAYER_EMBEDDING:
        if (node->layer.embedding.mask_zero)
            MX_FAIL(err, MERX_E_UNSUPPORTED, node->name,
                    "ONNX has no masking; an embedding with mask_zero can't be exported");
        return MERX_OK;
    case MERX_LAYER_SIMPLE_RNN:
    case MERX_LAYER_LSTM:
    case MERX_LAYER_GRU:
        if (recurrent_word(node->activation) == NULL ||
            (node->kind->id != MERX_LAYER_SIMPLE_RNN && recurrent_word(node->recurrent_activation) == NULL))
            MX_FAIL(err, MERX_E_UNSUPPORTED, node->name, "%s is exported with tanh, relu, sigmoid and softplus alone",
                    node->kind->word);
        if (o->stateful)
            MX_FAIL(err, MERX_E_UNSUPPORTED, node->name,
                    "a stateful layer can't be exported: a file has no state between calls");
        if (o->go_backwards && o->return_sequences)
            MX_FAIL(err, MERX_E_UNSUPPORTED, node->name,
                    "go_backwards with return_sequences can't be exported: ONNX gives the steps in another order");
        return MERX_OK;
    default:
        return MERX_OK;
    }
}

static merx_status put_node(writer *w, const mx_node *node, merx_error *err)
{
    const char *x = w->net->node[node->inputs[0]].name, *y = node->name;
    switch (node->kind->id) {
    case MERX_LAYER_DENSE:
        put_dense(w, node, x, y);
        break;
    case MERX_LAYER_CONV2D:
        put_conv(w, node, x, y);
        break;
    case MERX_LAYER_MAX_POOL2D:
    case MERX_LAYER_AVERAGE_POOL2D:
        put_pool(w, node, x, y);
        break;
    case MERX_LAYER_GLOBAL_MAX_POOL2D:
    case MERX_LAYER_GLOBAL_AVERAGE_POOL2D:
        put_global(w, node, x, y);
        break;
    case MERX_LAYER_FLATTEN:
    case MERX_LAYER_RESHAPE:
        put_reshape(w, node, x, y);
        break;
    case MERX_LAYER_ACTIVATION:
        put_activation(w, node->activation, node->softmax, x, y);
        break;
    case MERX_LAYER_DROPOUT:
        put_dropout(w, node, x, y);
        break;
    case MERX_LAYER_BATCH_NORM:
    case MERX_LAYER_LAYER_NORM:
        put_norm(w, node, x, y);
        break;
    case MERX_LAYER_EMBEDDING:
        put_embedding(w, node, x, y);
        break;
    case MERX_LAYER_SIMPLE_RNN:
    case MERX_LAYER_LSTM:
    case MERX_LAYER_GRU:
        put_recurrent(w, node, x, y);
        break;
    case MERX_LAYER_ADD:
    case MERX_LAYER_CONCATENATE:
        put_join(w, node, y);
        break;
    default:
        MX_FAIL(err, MERX_E_UNSUPPORTED, node->name, "%s can't be exported to ONNX", node->kind->word);
    }
    return MERX_OK;
}

/* The head of the model message: all but the graph's own bytes. */
static void put_head(writer *w, mx_text *head)
{
    mx_wire_put_varint(head, MX_MODEL_IR_VERSION, IR);
    mx_wire_put_word(head, MX_MODEL_PRODUCER, "merx");
    mx_wire_put_word(head, MX_MODEL_PRODUCER_VERSION, merx_version());
    mx_text_clear(&w->inner);
    mx_wire_put_word(&w->inner, MX_OPSET_DOMAIN, "");
    mx_wire_put_varint(&w->inner, MX_OPSET_VERSION, OPSET);
    mx_wire_put_bytes(head, MX_MODEL_OPSET, w->inner.data, w->inner.size);
}

merx_status merx_network_export_onnx(const merx_network *net, const char *path, merx_error *err)
{
    writer w = {.net = net};
    mx_text model;
    merx_status status;
    if (!net->compiled)
        MX_FAIL(err, MERX_E_INVALID, "network", "compile the network before it is exported");
    for (size_t i = 1; i < net->nodes; i++)
        MX_TRY(check_node(&net->node[i], err));
    for (size_t i = 1; i < net->nodes; i++) /* room for any weight in another order, and for two biases */
        for (size_t j = 0; j < net->node[i].n_weights; j++)
            w.room = 2 * net->node[i].weight[j].size > w.room ? 2 * net->node[i].weight[j].size : w.room;
    for (size_t i = 1; i < net->nodes; i++)
        w.room = net->node[i].out_size > w.room && net->node[i].kind->id >= MERX_LAYER_BATCH_NORM
                     ? net->node[i].out_size
                     : w.room;
    MX_TRY(mx_alloc_array_raw(net->alloc, w.room, sizeof *w.numbers, "weights in another order", &w.numbers, err));
    mx_text_init(&w.graph, net->alloc, MOST_BYTES);
    mx_text_init(&w.part, net->alloc, MOST_BYTES);
    mx_text_init(&w.inner, net->alloc, MOST_BYTES);
    mx_text_init(&model, net->alloc, MOST_BYTES);
    mx_wire_put_word(&w.graph, MX_GRAPH_NAME, "merx");
    put_value(&w, MX_GRAPH_INPUT, net->node[0].name, net->input);
    for (size_t i = 1; i < net->nodes; i++)
        MX_TRY_GOTO(put_node(&w, &net->node[i], err));
    put_value(&w, MX_GRAPH_OUTPUT, net->node[net->nodes - 1].name, net->node[net->nodes - 1].out);
    MX_TRY_GOTO(mx_text_ok(&w.part, err));
    MX_TRY_GOTO(mx_text_ok(&w.inner, err));
    MX_TRY_GOTO(mx_text_ok(&w.graph, err));
    put_head(&w, &model);
    mx_wire_put_bytes(&model, MX_MODEL_GRAPH, w.graph.data, w.graph.size);
    MX_TRY_GOTO(mx_text_ok(&model, err));
    MX_TRY_GOTO(mx_write_file(path, model.data, model.size, err));
out:
    mx_text_release(&model);
    mx_text_release(&w.graph);
    mx_text_release(&w.part);
    mx_text_release(&w.inner);
    MX_FREE_ARRAY(net->alloc, w.numbers, w.room);
    return status;
}
