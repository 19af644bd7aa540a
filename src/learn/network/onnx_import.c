/*
 * A network out of an ONNX file.
 *
 * ONNX has channels, or steps, first; merx has them last. So each value is known by the node that makes it and by how the file lays it out; a Transpose changes what is known and
 * makes nothing. Weights are brought into merx's order; the rows of a dense layer behind a flattened picture too.
 *
 *   PLAIN    (N, …)            as merx has it            STEPS_Y  (T, 1, N, u)  a recurrent operator's Y
 *   FIRST    (N, C, …)         merx: (…, C)              LAST_H   (1, N, u)     its Y_h
 *   STEPS    (T, N, F)         merx: (T, F)              ONES     (N, C, 1, 1)  a global pooling's; merx: (C)
 *   FLAT     (N, C H W)        flattened FIRST; merx: (H W C)
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "learn/network/network_state.h"
#include "learn/network/onnx_file.h"

typedef enum layout { PLAIN, FIRST, STEPS, STEPS_Y, LAST_H, ONES, FLAT } layout;

typedef struct value {
    int node; /* -1: not made */
    layout laid;
    size_t uses, user; /* how many operators read it, the last one's number */
    size_t h, w, c;    /* FLAT */
} value;

/* Numbers for a weight, until the network is compiled. */
typedef struct pending {
    int node;
    const char *word;
    float *numbers;
    size_t size;
} pending;

typedef struct importer {
    mx_onnx_file file;
    merx_network *net;
    value *values; /* by name */
    bool *done;    /* by operator */
    pending *weights;
    size_t n_weights, room;
    size_t at; /* operator */
} importer;

static const mx_onnx_op *op_now(const importer *m)
{
    return &m->file.ops[m->at];
}

/* "model.onnx: Conv (conv1)": for messages. */
static const char *where(const importer *m, char text[220])
{
    const mx_onnx_op *op = op_now(m);
    (void)snprintf(text, 220, "%.100s: %.*s %zu (%.*s)", m->file.path, (int)(op->op.size < 40 ? op->op.size : 40),
                   op->op.data, m->at, (int)(op->name.size < 60 ? op->name.size : 60),
                   op->name.size > 0 ? op->name.data : "");
    return text;
}

#define UNSUPPORTED(m, err, ...)                                                                                       \
    do {                                                                                                               \
        char place_[220];                                                                                              \
        MX_FAIL(err, MERX_E_UNSUPPORTED, where(m, place_), __VA_ARGS__);                                               \
    } while (0)

static bool is_op(const mx_onnx_op *op, const char *word)
{
    return mx_str_equal(op->op, mx_str_of(word));
}

/* The constant that is the operator's input i; NULL: none. */
static const mx_onnx_tensor *constant(const importer *m, const mx_onnx_op *op, size_t i)
{
    return i < op->n_inputs && op->inputs[i] >= 0 ? m->file.constants[op->inputs[i]] : NULL;
}

static merx_status need_floats(const importer *m, size_t i, size_t rank, const char *what, const mx_onnx_tensor **out,
                               merx_error *err)
{
    *out = constant(m, op_now(m), i);
    if (*out == NULL || (*out)->floats == NULL || (*out)->rank != rank)
        UNSUPPORTED(m, err, "its input %zu (%s) is no constant of %zu dimensions in float32", i, what, rank);
    return MERX_OK;
}

static merx_status need_value(const importer *m, size_t i, const value **out, merx_error *err)
{
    const mx_onnx_op *op = op_now(m);
    if (i >= op->n_inputs || op->inputs[i] < 0 || m->values[op->inputs[i]].node < 0)
        UNSUPPORTED(m, err, "its input %zu is made by no operator that was read before it", i);
    *out = &m->values[op->inputs[i]];
    return MERX_OK;
}

static const merx_dims *dims_of(const importer *m, const value *v)
{
    return &m->net->node[v->node].out;
}

static void set_output(importer *m, int32_t name, int node, layout laid)
{
    if (name < 0)
        return;
    m->values[name].node = node;
    m->values[name].laid = laid;
}

/* Output 0 is what v is, laid out so. */
static void same_as(importer *m, const value *v, layout laid)
{
    value from = *v;
    int32_t name = op_now(m)->outputs[0];
    set_output(m, name, from.node, laid);
    if (name >= 0) {
        m->values[name].h = from.h;
        m->values[name].w = from.w;
        m->values[name].c = from.c;
    }
}

/* ---- layers and their weights ---- */

/* Adds the layer and works out its shape. */
static merx_status add_layer(importer *m, merx_layer layer, size_t n, const int *inputs, int *node, merx_error *err)
{
    char place[220];
    *node = merx_network_connect(m->net, layer, n, inputs);
    if (*node < 0)
        MX_FAIL(err, m->net->failure.code, where(m, place), "%.100s: %s", m->net->failure.where,
                m->net->failure.message);
    mx_node *made = &m->net->node[*node];
    made->mask_node = -1;
    for (size_t i = 0; i < n; i++) {
        made->in[i] = m->net->node[inputs[i]].out;
        made->in_size[i] = mx_dims_size(made->in[i]);
    }
    merx_error inner = {0};
    merx_status status = made->kind->shape(made, &inner);
    made->n_weights = 0;
    if (status != MERX_OK)
        MX_FAIL(err, status, where(m, place), "%s", inner.message);
    return MERX_OK;
}

static merx_status new_weight(importer *m, int node, const char *word, size_t size, float **numbers, merx_error *err)
{
    if (m->n_weights == m->room)
        MX_FAIL(err, MERX_E_LIMIT, m->file.path, "has too many weights");
    *numbers = mx_arena_array(&m->file.arena, size + 1, sizeof **numbers, err);
    if (*numbers == NULL)
        return MERX_E_MEMORY;
    m->weights[m->n_weights++] = (pending){node, word, *numbers, size};
    return MERX_OK;
}

static merx_status copy_weight(importer *m, int node, const char *word, const mx_onnx_tensor *t, merx_error *err)
{
    float *numbers;
    MX_TRY(new_weight(m, node, word, t->count, &numbers, err));
    if (t->count > 0)
        memcpy(numbers, t->floats, t->count * sizeof *numbers);
    return MERX_OK;
}

/* ---- functions, and looking ahead ---- */

static bool activation_of(const importer *m, const mx_onnx_op *op, merx_activation *out)
{
    static const struct {
        const char *op;
        merx_activation is;
    } words[] = {{"Relu", MERX_RELU},         {"Tanh", MERX_TANH},       {"Sigmoid", MERX_SIGMOID},
                 {"Softplus", MERX_SOFTPLUS}, {"Exp", MERX_EXPONENTIAL}, {"Gelu", MERX_GELU}};
    (void)m;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is_op(op, words[i].op)) {
            *out = words[i].is;
            return true;
        }
    if (is_op(op, "Elu") && mx_onnx_real(op, "alpha", 1) == 1)
        *out = MERX_ELU;
    else if (is_op(op, "LeakyRelu") && fabs(mx_onnx_real(op, "alpha", 0.01) - 0.2) < 1e-7)
        *out = MERX_LEAKY_RELU;
    else if (is_op(op, "HardSigmoid") && fabs(mx_onnx_real(op, "alpha", 0.2) - 1.0 / 6) < 1e-7 &&
             mx_onnx_real(op, "beta", 0.5) == 0.5)
        *out = MERX_HARD_SIGMOID;
    else
        return false;
    return true;
}

/* The operator that alone reads this name, and nothing else does; NULL: none. */
static const mx_onnx_op *only_user(const importer *m, int32_t name)
{
    return name >= 0 && name != m->file.output && m->values[name].uses == 1 ? &m->file.ops[m->values[name].user] : NULL;
}

/* The function behind *name, if that is all that reads it: *name becomes the function's output. Softmax over the last dimension of what has `rank` with N. */
static merx_activation function_behind(importer *m, int32_t *name, size_t rank)
{
    const mx_onnx_op *next = only_user(m, *name);
    merx_activation f;
    if (next == NULL || next->n_outputs != 1)
        return MERX_LINEAR;
    int64_t axis = mx_onnx_int(next, "axis", -1);
    if (is_op(next, "Softmax") && (axis == -1 || axis == (int64_t)rank - 1))
        f = MERX_SOFTMAX;
    else if (!activation_of(m, next, &f) ||
             is_op(next, "Sigmoid")) { /* a sigmoid may be half of a silu: seen to on its own, unless at the end */
        if (!is_op(next, "Sigmoid") || next->outputs[0] != m->file.output)
            return MERX_LINEAR;
        f = MERX_SIGMOID;
    }
    m->done[m->values[*name].user] = true;
    *name = next->outputs[0];
    return f;
}

/* ---- windows ---- */

typedef struct window {
    int kernel[2], strides[2];
    merx_padding padding;
} window;

static merx_status read_pair(const importer *m, const char *name, int64_t standard, int out[2], merx_error *err)
{
    const mx_onnx_attribute *a = mx_onnx_find(op_now(m), name);
    if (a != NULL && a->n_ints != 2)
        UNSUPPORTED(m, err, "%s has %zu numbers; pictures have 2", name, a->n_ints);
    for (size_t i = 0; i < 2; i++) {
        int64_t v = a != NULL ? a->ints[i] : standard;
        if (v < 1 || v > 1024)
            UNSUPPORTED(m, err, "%s is %lld; expected 1 to 1024", name, (long long)v);
        out[i] = (int)v;
    }
    return MERX_OK;
}

static merx_status read_window(const importer *m, const value *x, const int *kernel, window *out, merx_error *err)
{
    const mx_onnx_op *op = op_now(m);
    const mx_onnx_attribute *pads = mx_onnx_find(op, "pads"), *automatic = mx_onnx_find(op, "auto_pad");
    const merx_dims *in = dims_of(m, x);
    int dilations[2];
    *out = (window){.padding = MERX_VALID};
    if (x->laid != FIRST || in->rank != 3)
        UNSUPPORTED(m, err, "it is not given pictures with channels first");
    MX_TRY(read_pair(m, "strides", 1, out->strides, err));
    MX_TRY(read_pair(m, "dilations", 1, dilations, err));
    if (dilations[0] != 1 || dilations[1] != 1)
        UNSUPPORTED(m, err, "dilations %d, %d; merx has windows without holes", dilations[0], dilations[1]);
    MX_TRY(read_pair(m, "kernel_shape", kernel != NULL ? kernel[0] : 0, out->kernel, err));
    if (kernel != NULL) {
        if (mx_onnx_find(op, "kernel_shape") == NULL)
            out->kernel[1] = kernel[1];
        if (kernel[0] != out->kernel[0] || kernel[1] != out->kernel[1])
            UNSUPPORTED(m, err, "kernel_shape is not that of its weights");
    }
    if (automatic != NULL && mx_str_equal(automatic->s, MX_STR("SAME_UPPER"))) {
        out->padding = MERX_SAME;
        return MERX_OK;
    }
    if (automatic != NULL && automatic->s.size > 0 && !mx_str_equal(automatic->s, MX_STR("NOTSET")) &&
        !mx_str_equal(automatic->s, MX_STR("VALID")))
        UNSUPPORTED(m, err, "auto_pad is %.*s", (int)(automatic->s.size < 30 ? automatic->s.size : 30),
                    automatic->s.data);
    if (pads == NULL ||
        (pads->n_ints == 4 && pads->ints[0] == 0 && pads->ints[1] == 0 && pads->ints[2] == 0 && pads->ints[3] == 0))
        return MERX_OK;
    out->padding = MERX_SAME;
    for (size_t i = 0; i < 2 && pads->n_ints == 4; i++) {
        int64_t size = (int64_t)in->dim[i], stride = out->strides[i], windows = (size + stride - 1) / stride;
        int64_t all = (windows - 1) * stride + out->kernel[i] - size;
        all = all > 0 ? all : 0;
        if (pads->ints[i] != all / 2 || pads->ints[i + 2] != all - all / 2)
            UNSUPPORTED(m, err, "pads %lld and %lld are neither none nor those of padding same (%lld and %lld)",
                        (long long)pads->ints[i], (long long)pads->ints[i + 2], (long long)(all / 2),
                        (long long)(all - all / 2));
    }
    if (pads->n_ints != 4)
        UNSUPPORTED(m, err, "pads has %zu numbers; pictures have 4", pads->n_ints);
    return MERX_OK;
}

static merx_status take_conv(importer *m, merx_error *err)
{
    const value *x;
    const mx_onnx_tensor *w, *b = constant(m, op_now(m), 2);
    window win;
    int32_t name = op_now(m)->outputs[0];
    int node;
    float *numbers;
    int64_t group = mx_onnx_int(op_now(m), "group", 1);
    MX_TRY(need_value(m, 0, &x, err));
    MX_TRY(need_floats(m, 1, 4, "W", &w, err));
    size_t u = w->dim[0], c = w->dim[1], kh = w->dim[2], kw = w->dim[3];
    if (u == 0 || u > 1 << 20 || kh == 0 || kw == 0 || kh > 1024 || kw > 1024 || group < 1 || group > 1 << 20 ||
        (uint64_t)group * c != dims_of(m, x)->dim[2])
        UNSUPPORTED(m, err, "its weights %zu x %zu x %zu x %zu in %lld groups don't fit %zu channels", u, c, kh, kw,
                    (long long)group, dims_of(m, x)->dim[2]);
    MX_TRY(read_window(m, x, (const int[]){(int)kh, (int)kw}, &win, err));
    if (op_now(m)->n_inputs > 2 && op_now(m)->inputs[2] >= 0)
        MX_TRY(need_floats(m, 2, 1, "B", &b, err));
    merx_activation f = function_behind(m, &name, 0);
    MX_TRY(add_layer(m,
                     (merx_layer){.kind = MERX_LAYER_CONV2D,
                                  .conv2d = {.filters = (int)u,
                                             .kernel = {win.kernel[0], win.kernel[1]},
                                             .strides = {win.strides[0], win.strides[1]},
                                             .padding = win.padding,
                                             .groups = (int)group,
                                             .activation = f,
                                             .no_bias = b == NULL}},
                     1, &x->node, &node, err));
    MX_TRY(new_weight(m, node, "kernel", w->count, &numbers, err));
    for (size_t o = 0; o < u; o++)
        for (size_t i = 0; i < c; i++)
            for (size_t k = 0; k < kh * kw; k++)
                numbers[(k * c + i) * u + o] = w->floats[(o * c + i) * kh * kw + k];
    if (b != NULL)
        MX_TRY(copy_weight(m, node, "bias", b, err));
    set_output(m, name, node, FIRST);
    return MERX_OK;
}

static merx_status take_pool(importer *m, merx_error *err)
{
    const value *x;
    window win;
    int node;
    const mx_onnx_op *op = op_now(m);
    MX_TRY(need_value(m, 0, &x, err));
    MX_TRY(read_window(m, x, NULL, &win, err));
    if (mx_onnx_int(op, "ceil_mode", 0) != 0)
        UNSUPPORTED(m, err, "ceil_mode: merx has whole windows alone");
    if (win.padding == MERX_SAME && mx_onnx_int(op, "count_include_pad", 0) != 0)
        UNSUPPORTED(m, err, "count_include_pad: merx averages what is there");
    MX_TRY(add_layer(m,
                     (merx_layer){.kind = is_op(op, "MaxPool") ? MERX_LAYER_MAX_POOL2D : MERX_LAYER_AVERAGE_POOL2D,
                                  .pool2d = {.pool = {win.kernel[0], win.kernel[1]},
                                             .strides = {win.strides[0], win.strides[1]},
                                             .padding = win.padding}},
                     1, &x->node, &node, err));
    set_output(m, op->outputs[0], node, FIRST);
    return MERX_OK;
}

/* GlobalAveragePool, GlobalMaxPool; ReduceMean and ReduceMax over the pixels. */
static merx_status take_global(importer *m, merx_error *err)
{
    const value *x;
    int node;
    const mx_onnx_op *op = op_now(m);
    bool reduces = mx_str_starts(op->op, "Reduce"), keeps = !reduces || mx_onnx_int(op, "keepdims", 1) != 0;
    MX_TRY(need_value(m, 0, &x, err));
    if (dims_of(m, x)->rank != 3 || (x->laid != FIRST && !(reduces && x->laid == PLAIN)))
        UNSUPPORTED(m, err, "it is not given pictures");
    if (reduces) {
        const mx_onnx_attribute *a = mx_onnx_find(op, "axes");
        const mx_onnx_tensor *t = constant(m, op, 1);
        const int64_t *axes = a != NULL ? a->ints : t != NULL ? t->whole : NULL;
        size_t n = a != NULL ? a->n_ints : t != NULL ? t->count : 0;
        int64_t first = x->laid == FIRST ? 2 : 1;
        if (axes == NULL || n != 2 || (axes[0] + 4) % 4 != first || (axes[1] + 4) % 4 != first + 1 ||
            (keeps && x->laid == PLAIN))
            UNSUPPORTED(m, err, "merx reduces over height and width alone");
    }
    bool most = is_op(op, "ReduceMax") || is_op(op, "GlobalMaxPool");
    MX_TRY(add_layer(m, (merx_layer){.kind = most ? MERX_LAYER_GLOBAL_MAX_POOL2D : MERX_LAYER_GLOBAL_AVERAGE_POOL2D}, 1,
                     &x->node, &node, err));
    set_output(m, op->outputs[0], node, keeps ? ONES : PLAIN);
    return MERX_OK;
}

/* ---- dense ---- */

static merx_status take_dense(importer *m, merx_error *err)
{
    const mx_onnx_op *op = op_now(m);
    bool gemm = is_op(op, "Gemm"), turned = gemm && mx_onnx_int(op, "transB", 0) != 0;
    const value *x;
    const mx_onnx_tensor *w, *b = NULL;
    int32_t name = op->outputs[0];
    int node;
    float *numbers;
    MX_TRY(need_value(m, 0, &x, err));
    MX_TRY(need_floats(m, 1, 2, "B", &w, err));
    if (gemm &&
        (mx_onnx_real(op, "alpha", 1) != 1 || mx_onnx_real(op, "beta", 1) != 1 || mx_onnx_int(op, "transA", 0) != 0))
        UNSUPPORTED(m, err, "alpha, beta or transA other than 1, 1 and 0");
    const merx_dims *in = dims_of(m, x);
    size_t k = turned ? w->dim[1] : w->dim[0], u = turned ? w->dim[0] : w->dim[1];
    if ((x->laid != PLAIN && x->laid != FLAT && x->laid != STEPS) || in->dim[in->rank - 1] != k || u == 0 ||
        u > 1 << 24)
        UNSUPPORTED(m, err, "its weights take %zu numbers; they are given to it in another layout, or %zu", k,
                    in->dim[in->rank - 1]);
    if (gemm && op->n_inputs > 2 && op->inputs[2] >= 0) {
        b = constant(m, op, 2);
        if (b == NULL || b->floats == NULL || b->count != u)
            UNSUPPORTED(m, err, "its bias C is no constant of %zu numbers", u);
    }
    const mx_onnx_op *next = only_user(m, name);
    if (!gemm && next != NULL && is_op(next, "Add") && next->n_inputs == 2 && next->n_outputs == 1) {
        const mx_onnx_tensor *t = constant(m, next, next->inputs[0] == name ? 1 : 0);
        if (t != NULL && t->floats != NULL && t->count == u && t->rank >= 1 && t->dim[t->rank - 1] == u) {
            b = t;
            m->done[m->values[name].user] = true;
            name = next->outputs[0];
        }
    }
    value from = *x;
    merx_activation f = function_behind(m, &name, in->rank + 1);
    MX_TRY(add_layer(
        m, (merx_layer){.kind = MERX_LAYER_DENSE, .dense = {.units = (int)u, .activation = f, .no_bias = b == NULL}}, 1,
        &from.node, &node, err));
    MX_TRY(new_weight(m, node, "kernel", w->count, &numbers, err));
    for (size_t i = 0; i < k; i++) {
        size_t row = i;
        if (from.laid == FLAT) /* (c, h, w) to (h, w, c) */
            row = i % (from.h * from.w) * from.c + i / (from.h * from.w);
        for (size_t j = 0; j < u; j++)
            numbers[row * u + j] = turned ? w->floats[j * k + i] : w->floats[i * u + j];
    }
    if (b != NULL)
        MX_TRY(copy_weight(m, node, "bias", b, err));
    set_output(m, name, node, from.laid == FLAT ? PLAIN : from.laid);
    return MERX_OK;
}

/* ---- shapes ---- */

static merx_status flatten(importer *m, const value *x, merx_error *err)
{
    value from = *x;
    merx_dims in = *dims_of(m, x);
    int node;
    if (from.laid == ONES || (from.laid == PLAIN && in.rank == 1) || from.laid == FLAT) {
        same_as(m, x, from.laid == FLAT ? FLAT : PLAIN);
        return MERX_OK;
    }
    if (from.laid != PLAIN && from.laid != FIRST)
        UNSUPPORTED(m, err, "it flattens what does not begin with the examples");
    MX_TRY(add_layer(m, (merx_layer){.kind = MERX_LAYER_FLATTEN}, 1, &from.node, &node, err));
    size_t c = in.dim[in.rank - 1], pixels = mx_dims_size(in) / c;
    bool turned = from.laid == FIRST && c > 1 && pixels > 1;
    int32_t name = op_now(m)->outputs[0];
    set_output(m, name, node, turned ? FLAT : PLAIN);
    m->values[name].h = pixels;
    m->values[name].w = 1;
    m->values[name].c = c;
    return MERX_OK;
}

static merx_status take_reshape(importer *m, merx_error *err)
{
    const value *x;
    const mx_onnx_tensor *t = constant(m, op_now(m), 1);
    merx_layer layer = {.kind = MERX_LAYER_RESHAPE};
    int node;
    MX_TRY(need_value(m, 0, &x, err));
    if (t == NULL || t->whole == NULL || t->rank != 1 || t->count < 2 || t->count > MERX_DIMS + 1)
        UNSUPPORTED(m, err, "its shape is no constant of 2 to %d numbers", MERX_DIMS + 1);
    if (t->count == 2)
        return flatten(m, x, err);
    size_t size = mx_dims_size(*dims_of(m, x)), known = 1, open = 0;
    if (x->laid != PLAIN || t->whole[0] > 1 || t->whole[0] < -1)
        UNSUPPORTED(m, err, "it reshapes what has channels or steps first, or the examples themselves");
    for (size_t i = 1; i < t->count; i++) {
        int64_t v = t->whole[i] == 0 && i <= dims_of(m, x)->rank ? (int64_t)dims_of(m, x)->dim[i - 1] : t->whole[i];
        if (v < -1 || v == 0 || v > 1 << 30)
            UNSUPPORTED(m, err, "a dimension is %lld", (long long)v);
        open = v == -1 ? i : open;
        layer.reshape.shape[i - 1] = v == -1 ? 1 : (int)v;
        if (v > 0 && !mx_mul_size(known, (size_t)v, &known))
            UNSUPPORTED(m, err, "the shape is too large");
    }
    if (open > 0 && size % known == 0 && size / known <= 1 << 30 && size >= known)
        layer.reshape.shape[open - 1] = (int)(size / known);
    MX_TRY(add_layer(m, layer, 1, &x->node, &node, err));
    set_output(m, op_now(m)->outputs[0], node, PLAIN);
    return MERX_OK;
}

static merx_status take_transpose(importer *m, merx_error *err)
{
    static const struct {
        size_t n;
        int64_t order[4];
        layout from, to;
    } known[] = {{4, {0, 3, 1, 2}, PLAIN, FIRST}, {4, {0, 2, 3, 1}, FIRST, PLAIN}, {3, {0, 2, 1}, PLAIN, FIRST},
                 {3, {0, 2, 1}, FIRST, PLAIN},    {3, {1, 0, 2}, PLAIN, STEPS},    {3, {1, 0, 2}, STEPS, PLAIN}};
    const mx_onnx_attribute *a = mx_onnx_find(op_now(m), "perm");
    const value *x;
    MX_TRY(need_value(m, 0, &x, err));
    for (size_t i = 0; a != NULL && i < sizeof known / sizeof *known; i++)
        if (x->laid == known[i].from && a->n_ints == known[i].n && dims_of(m, x)->rank + 1 == known[i].n &&
            memcmp(a->ints, known[i].order, known[i].n * sizeof(int64_t)) == 0) {
            same_as(m, x, known[i].to);
            return MERX_OK;
        }
    UNSUPPORTED(m, err, "merx moves channels and steps to the front and back alone");
}

static merx_status take_squeeze(importer *m, merx_error *err)
{
    const mx_onnx_op *op = op_now(m);
    const mx_onnx_attribute *a = mx_onnx_find(op, "axes");
    const mx_onnx_tensor *t = constant(m, op, 1);
    const int64_t *axes = a != NULL ? a->ints : t != NULL ? t->whole : NULL;
    size_t n = a != NULL ? a->n_ints : t != NULL ? t->count : 0;
    const value *x;
    MX_TRY(need_value(m, 0, &x, err));
    if (x->laid == STEPS_Y && n == 1 && axes != NULL && axes[0] == 1)
        same_as(m, x, STEPS);
    else if (x->laid == LAST_H && n == 1 && axes != NULL && axes[0] == 0)
        same_as(m, x, PLAIN);
    else if (x->laid == ONES && n == 2 && axes != NULL && (axes[0] + 4) % 4 == 2 && (axes[1] + 4) % 4 == 3)
        same_as(m, x, PLAIN);
    else
        UNSUPPORTED(m, err, "it takes away a dimension that merx has");
    return MERX_OK;
}

/* ---- what works number by number ---- */

static merx_status take_function(importer *m, merx_activation f, merx_error *err)
{
    const mx_onnx_op *op = op_now(m);
    int32_t name = op->outputs[0];
    const value *x;
    int node;
    MX_TRY(need_value(m, 0, &x, err));
    const mx_onnx_op *next = only_user(m, name);
    if (f == MERX_SIGMOID && next != NULL && is_op(next, "Mul") && next->n_inputs == 2 && next->n_outputs == 1 &&
        (next->inputs[0] == op->inputs[0] || next->inputs[1] == op->inputs[0])) {
        f = MERX_SILU; /* x sigmoid(x) */
        m->done[m->values[name].user] = true;
        name = next->outputs[0];
    }
    value from = *x;
    MX_TRY(add_layer(m, MERX_ACTIVATION(f), 1, &from.node, &node, err));
    set_output(m, name, node, from.laid);
    m->values[name].h = from.h, m->values[name].w = from.w, m->values[name].c = from.c;
    return MERX_OK;
}

static merx_status take_softmax(importer *m, merx_error *err)
{
    const value *x;
    MX_TRY(need_value(m, 0, &x, err));
    int64_t rank = (int64_t)dims_of(m, x)->rank + 1, axis = mx_onnx_int(op_now(m), "axis", -1);
    if (!((x->laid == PLAIN || x->laid == STEPS) && (axis == -1 || axis == rank - 1)) &&
        !(x->laid == FIRST && axis == 1))
        UNSUPPORTED(m, err, "its axis %lld is not that of the channels", (long long)axis);
    return take_function(m, MERX_SOFTMAX, err);
}

static merx_status take_dropout(importer *m, merx_error *err)
{
    const mx_onnx_op *op = op_now(m);
    const mx_onnx_tensor *t = constant(m, op, 1);
    const value *x;
    int node;
    double rate =
        t != NULL && t->floats != NULL && t->count == 1 ? (double)t->floats[0] : mx_onnx_real(op, "ratio", 0.5);
    MX_TRY(need_value(m, 0, &x, err));
    if (!(rate >= 0 && rate <= 0.999))
        UNSUPPORTED(m, err, "its ratio is %g; expected 0 to 0.999", rate);
    value from = *x;
    MX_TRY(add_layer(m, MERX_DROPOUT(rate), 1, &from.node, &node, err));
    set_output(m, op->outputs[0], node, from.laid);
    if (op->outputs[0] >= 0)
        m->values[op->outputs[0]].h = from.h, m->values[op->outputs[0]].w = from.w,
        m->values[op->outputs[0]].c = from.c;
    return MERX_OK;
}

static merx_status take_norm(importer *m, merx_error *err)
{
    static const char *const words[] = {"gamma", "beta", "moving_mean", "moving_variance"};
    const mx_onnx_op *op = op_now(m);
    bool batch = is_op(op, "BatchNormalization"), center = batch || (op->n_inputs > 2 && op->inputs[2] >= 0);
    double epsilon = mx_onnx_real(op, "epsilon", 1e-5);
    merx_layer layer = {.kind = batch ? MERX_LAYER_BATCH_NORM : MERX_LAYER_LAYER_NORM};
    const mx_onnx_tensor *t;
    const value *x;
    int node;
    MX_TRY(need_value(m, 0, &x, err));
    value from = *x;
    merx_dims in = *dims_of(m, x);
    int64_t axis = mx_onnx_int(op, "axis", -1);
    if (batch ? from.laid != FIRST && !(from.laid == PLAIN && in.rank == 1) && from.laid != ONES
              : from.laid != PLAIN || (axis != -1 && axis != (int64_t)in.rank))
        UNSUPPORTED(m, err, "it does not normalise over the channels as merx has them");
    if (!(epsilon >= 1e-12 && epsilon <= 1))
        UNSUPPORTED(m, err, "its epsilon is %g; expected 1e-12 to 1", epsilon);
    if (batch)
        layer.batch_norm = (merx_batch_norm){.epsilon = epsilon};
    else
        layer.layer_norm = (merx_layer_norm){.epsilon = epsilon, .no_center = !center};
    MX_TRY(add_layer(m, layer, 1, &from.node, &node, err));
    for (size_t i = 0; i < (batch ? 4u : center ? 2u : 1u); i++) {
        MX_TRY(need_floats(m, i + 1, 1, words[i], &t, err));
        MX_TRY(copy_weight(m, node, words[i], t, err));
    }
    set_output(m, op->outputs[0], node, from.laid);
    return MERX_OK;
}

static merx_status take_join(importer *m, merx_error *err)
{
    const mx_onnx_op *op = op_now(m);
    bool joins = is_op(op, "Concat");
    int inputs[MX_NODE_INPUTS], node;
    const value *x, *first = NULL;
    if (op->n_inputs < 2 || op->n_inputs > MX_NODE_INPUTS)
        UNSUPPORTED(m, err, "has %zu inputs; a layer takes 2 to %d", op->n_inputs, MX_NODE_INPUTS);
    for (size_t i = 0; i < op->n_inputs; i++) {
        MX_TRY(need_value(m, i, &x, err));
        first = first != NULL ? first : x;
        inputs[i] = x->node;
        if (x->laid != first->laid || (x->laid == FLAT && (joins || x->c != first->c)))
            UNSUPPORTED(m, err, "its inputs are not laid out alike");
    }
    value from = *first;
    int64_t axis = mx_onnx_int(op, "axis", 0), rank = (int64_t)dims_of(m, first)->rank + 1;
    bool last = from.laid == FIRST || from.laid == ONES ? axis == 1 : axis == -1 || axis == rank - 1;
    if (joins && !last)
        UNSUPPORTED(m, err, "its axis %lld is not that of the channels", (long long)axis);
    MX_TRY(add_layer(m, (merx_layer){.kind = joins ? MERX_LAYER_CONCATENATE : MERX_LAYER_ADD}, op->n_inputs, inputs,
                     &node, err));
    set_output(m, op->outputs[0], node, from.laid);
    m->values[op->outputs[0]].h = from.h, m->values[op->outputs[0]].w = from.w, m->values[op->outputs[0]].c = from.c;
    return MERX_OK;
}

static merx_status take_gather(importer *m, merx_error *err)
{
    const mx_onnx_tensor *w;
    const value *x;
    int node;
    MX_TRY(need_floats(m, 0, 2, "data", &w, err));
    MX_TRY(need_value(m, 1, &x, err));
    if (mx_onnx_int(op_now(m), "axis", 0) != 0 || x->laid != PLAIN || w->dim[0] == 0 || w->dim[0] > 1 << 24 ||
        w->dim[1] == 0 || w->dim[1] > 1 << 20)
        UNSUPPORTED(m, err, "it is no embedding: rows of a table by whole numbers");
    MX_TRY(
        add_layer(m, MERX_EMBEDDING(.vocabulary = (int)w->dim[0], .units = (int)w->dim[1]), 1, &x->node, &node, err));
    MX_TRY(copy_weight(m, node, "embeddings", w, err));
    set_output(m, op_now(m)->outputs[0], node, PLAIN);
    return MERX_OK;
}

/* ---- recurrent ---- */

static merx_status recurrent_function(const importer *m, size_t i, merx_activation standard, merx_activation *out,
                                      merx_error *err)
{
    static const struct {
        const char *word;
        merx_activation is;
    } words[] = {{"Tanh", MERX_TANH}, {"Relu", MERX_RELU}, {"Sigmoid", MERX_SIGMOID}, {"Softplus", MERX_SOFTPLUS}};
    const mx_onnx_attribute *a = mx_onnx_find(op_now(m), "activations");
    *out = standard;
    if (a == NULL || i >= a->n_strings)
        return MERX_OK;
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (mx_str_equal(a->strings[i], mx_str_of(words[k].word))) {
            *out = words[k].is;
            return MERX_OK;
        }
    UNSUPPORTED(m, err, "its function %.*s; merx takes Tanh, Relu, Sigmoid and Softplus there",
                (int)(a->strings[i].size < 30 ? a->strings[i].size : 30), a->strings[i].data);
}

/* (gates u, rows) to (rows, gates u), gate g of ours from gate order[g] of theirs. */
static void turn_gates(const float *from, size_t rows, size_t u, const int *order, size_t gates, float *to)
{
    for (size_t g = 0; g < gates; g++)
        for (size_t j = 0; j < u; j++)
            for (size_t i = 0; i < rows; i++)
                to[i * gates * u + g * u + j] += from[((size_t)order[g] * u + j) * rows + i];
}

static merx_status take_recurrent(importer *m, merx_error *err)
{
    static const int orders[3][4] = {{0}, {0, 2, 3, 1}, {0, 1, 2}}; /* i f c o from i o f c */
    const mx_onnx_op *op = op_now(m);
    size_t which = is_op(op, "LSTM") ? 1 : is_op(op, "GRU") ? 2 : 0, gates = which == 1 ? 4 : which == 2 ? 3 : 1;
    const mx_onnx_attribute *direction = mx_onnx_find(op, "direction");
    bool back = direction != NULL && mx_str_equal(direction->s, MX_STR("reverse"));
    int32_t y = op->n_outputs > 0 ? op->outputs[0] : -1, h = op->n_outputs > 1 ? op->outputs[1] : -1;
    bool whole = y >= 0 && (m->values[y].uses > 0 || y == m->file.output),
         last = h >= 0 && (m->values[h].uses > 0 || h == m->file.output);
    const mx_onnx_tensor *w, *r, *b = NULL;
    const value *x;
    float *numbers;
    int node;
    MX_TRY(need_value(m, 0, &x, err));
    MX_TRY(need_floats(m, 1, 3, "W", &w, err));
    MX_TRY(need_floats(m, 2, 3, "R", &r, err));
    size_t u = r->dim[2], k = w->dim[2], g = gates * u;
    if (x->laid != STEPS || w->dim[0] != 1 || r->dim[0] != 1 || u == 0 || u > 1 << 20 || w->dim[1] != g ||
        r->dim[1] != g || k != dims_of(m, x)->dim[1])
        UNSUPPORTED(m, err, "its weights don't fit its input of steps of %zu numbers, or it goes both ways",
                    dims_of(m, x)->dim[dims_of(m, x)->rank - 1]);
    if (op->n_inputs > 3 && op->inputs[3] >= 0) {
        MX_TRY(need_floats(m, 3, 2, "B", &b, err));
        if (b->count != 2 * g)
            UNSUPPORTED(m, err, "B has %zu numbers; expected %zu", b->count, 2 * g);
    }
    for (size_t i = 4; i < op->n_inputs; i++) {
        const mx_onnx_tensor *t = constant(m, op, i);
        bool zeros = t != NULL && t->floats != NULL;
        for (size_t j = 0; zeros && j < t->count; j++)
            zeros = t->floats[j] == 0;
        if (op->inputs[i] >= 0 && !zeros)
            UNSUPPORTED(m, err, "its input %zu (lengths, first state or peepholes) is not left out", i);
    }
    if (whole == last || (back && whole))
        UNSUPPORTED(m, err, "%s",
                    back ? "backwards, merx gives the last state alone"
                         : "either the steps or the last state are used");
    if (mx_onnx_int(op, "layout", 0) != 0 || mx_onnx_find(op, "clip") != NULL ||
        (which == 2 && mx_onnx_int(op, "linear_before_reset", 0) == 0) ||
        (which == 1 && mx_onnx_int(op, "input_forget", 0) != 0) ||
        (direction != NULL && !back && !mx_str_equal(direction->s, MX_STR("forward"))))
        UNSUPPORTED(m, err,
                    "layout, clip, input_forget, two directions, or a GRU that resets before the product "
                    "(linear_before_reset 0)");
    merx_recurrent o = {.units = (int)u, .return_sequences = whole, .go_backwards = back, .no_bias = b == NULL};
    merx_activation hidden;
    MX_TRY(recurrent_function(m, which == 0 ? 0 : 1, MERX_TANH, &o.activation, err));
    if (which > 0)
        MX_TRY(recurrent_function(m, 0, MERX_SIGMOID, &o.recurrent_activation, err));
    MX_TRY(recurrent_function(m, 2, MERX_TANH, &hidden, err));
    if (which == 1 && hidden != o.activation)
        UNSUPPORTED(m, err, "the functions of cell and output differ; merx has one");
    MX_TRY(add_layer(m,
                     (merx_layer){.kind = which == 1   ? MERX_LAYER_LSTM
                                          : which == 2 ? MERX_LAYER_GRU
                                                       : MERX_LAYER_SIMPLE_RNN,
                                  .recurrent = o},
                     1, &x->node, &node, err));
    MX_TRY(new_weight(m, node, "kernel", w->count, &numbers, err));
    turn_gates(w->floats, k, u, orders[which], gates, numbers);
    MX_TRY(new_weight(m, node, "recurrent_kernel", r->count, &numbers, err));
    turn_gates(r->floats, u, u, orders[which], gates, numbers);
    if (b != NULL) { /* two biases; but for the gru's they are added */
        MX_TRY(new_weight(m, node, "bias", which == 2 ? 2 * g : g, &numbers, err));
        turn_gates(b->floats, 1, u, orders[which], gates, numbers);
        turn_gates(b->floats + g, 1, u, orders[which], gates, which == 2 ? numbers + g : numbers);
    }
    set_output(m, whole ? y : h, node, whole ? STEPS_Y : LAST_H);
    return MERX_OK;
}

/* ---- the whole ---- */

static merx_status take_op(importer *m, merx_error *err)
{
    static const struct {
        const char *op;
        merx_status (*take)(importer *m, merx_error *err);
    } takers[] = {{"Conv", take_conv},
                  {"MaxPool", take_pool},
                  {"AveragePool", take_pool},
                  {"GlobalAveragePool", take_global},
                  {"ReduceMax", take_global},
                  {"ReduceMean", take_global},
                  {"GlobalMaxPool", take_global},
                  {"Gemm", take_dense},
                  {"MatMul", take_dense},
                  {"Reshape", take_reshape},
                  {"Transpose", take_transpose},
                  {"Squeeze", take_squeeze},
                  {"Softmax", take_softmax},
                  {"Dropout", take_dropout},
                  {"BatchNormalization", take_norm},
                  {"LayerNormalization", take_norm},
                  {"Add", take_join},
                  {"Sum", take_join},
                  {"Concat", take_join},
                  {"Gather", take_gather},
                  {"RNN", take_recurrent},
                  {"LSTM", take_recurrent},
                  {"GRU", take_recurrent}};
    const mx_onnx_op *op = op_now(m);
    const value *x;
    merx_activation f;
    if (op->n_outputs == 0 || (op->outputs[0] < 0 && op->n_outputs < 2))
        UNSUPPORTED(m, err, "it has no output");
    if (is_op(op, "Constant"))
        return MERX_OK;
    if (is_op(op, "Identity") || is_op(op, "Cast")) {
        MX_TRY(need_value(m, 0, &x, err));
        same_as(m, x, x->laid);
        return MERX_OK;
    }
    if (is_op(op, "Flatten")) {
        MX_TRY(need_value(m, 0, &x, err));
        if (mx_onnx_int(op, "axis", 1) != 1)
            UNSUPPORTED(m, err, "its axis is not 1");
        return flatten(m, x, err);
    }
    if (activation_of(m, op, &f))
        return take_function(m, f, err);
    for (size_t i = 0; i < sizeof takers / sizeof *takers; i++)
        if (is_op(op, takers[i].op)) {
            if (op->outputs[0] < 0 && takers[i].take != take_recurrent)
                UNSUPPORTED(m, err, "it has no output");
            return takers[i].take(m, err);
        }
    UNSUPPORTED(m, err, "merx has no layer for this operator");
}

/* The shape of one example, and how the file lays it out. */
static merx_status take_input(importer *m, const merx_allocator *alloc, merx_error *err)
{
    static const char *const pictures[] = {"Conv",          "MaxPool",           "AveragePool", "GlobalAveragePool",
                                           "GlobalMaxPool", "BatchNormalization"},
                             *const sequences[] = {"RNN", "LSTM", "GRU"};
    const mx_onnx_file *f = &m->file;
    value *v = &m->values[f->input];
    const mx_onnx_op *first = v->uses > 0 ? &f->ops[v->user] : NULL;
    merx_dims dims = {.rank = f->input_rank - 1};
    v->laid = PLAIN;
    if (f->input_rank < 2 || dims.rank > MERX_DIMS)
        MX_FAIL(err, MERX_E_UNSUPPORTED, f->path,
                "its input has %zu dimensions; expected 2 to %d with the examples first", f->input_rank, MERX_DIMS + 1);
    for (size_t i = 0; first != NULL && i < 6 && f->input_rank == 4; i++)
        v->laid = is_op(first, pictures[i]) ? FIRST : v->laid;
    for (size_t i = 0; first != NULL && i < 3 && f->input_rank == 3; i++)
        v->laid = is_op(first, sequences[i]) ? STEPS : v->laid;
    for (size_t i = 0; i < dims.rank; i++) {
        size_t from = v->laid == FIRST ? (i + 1) % dims.rank + 1 : v->laid == STEPS && i == 0 ? 0 : i + 1;
        if (f->input_dim[from] < 1)
            MX_FAIL(err, MERX_E_UNSUPPORTED, f->path,
                    "dimension %zu of its input is not fixed; a network has the shape of its examples", from);
        dims.dim[i] = (size_t)f->input_dim[from];
    }
    m->net = merx_network_new(alloc, dims);
    if (m->net == NULL)
        MX_FAIL(err, MERX_E_MEMORY, f->path, "no memory for a network");
    if (m->net->failure.code != MERX_OK)
        MX_FAIL(err, m->net->failure.code, f->path, "%s", m->net->failure.message);
    v->node = 0;
    return MERX_OK;
}

static merx_status set_weights(const importer *m, merx_error *err)
{
    for (size_t i = 0; i < m->n_weights; i++) {
        const pending *p = &m->weights[i];
        const mx_node *node = &m->net->node[p->node];
        size_t j = 0;
        while (j < node->n_weights && strcmp(node->weight[j].word, p->word) != 0)
            j++;
        if (j == node->n_weights || node->weight[j].size != p->size)
            MX_FAIL(err, MERX_E_SHAPE, m->file.path, "%s/%s has %zu numbers in it; the layer needs %zu", node->name,
                    p->word, p->size, j < node->n_weights ? node->weight[j].size : 0);
        for (size_t k = 0; k < p->size; k++)
            if (!isfinite(p->numbers[k]))
                MX_FAIL(err, MERX_E_NUMERIC, m->file.path, "%s/%s holds a number that is not finite", node->name,
                        p->word);
        memcpy(m->net->weights + node->weight[j].offset, p->numbers, p->size * sizeof *p->numbers);
    }
    return mx_network_pack(m->net, false, NULL, err);
}

static merx_status build(importer *m, const merx_allocator *alloc, merx_error *err)
{
    const mx_onnx_file *f = &m->file;
    m->values = mx_arena_array(&m->file.arena, f->room + 1, sizeof *m->values, err);
    m->done = mx_arena_array(&m->file.arena, f->n_ops + 1, sizeof *m->done, err);
    m->room = 4 * f->n_ops;
    m->weights = mx_arena_array(&m->file.arena, m->room + 1, sizeof *m->weights, err);
    if (m->values == NULL || m->done == NULL || m->weights == NULL)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < f->room; i++)
        m->values[i].node = -1;
    for (size_t i = 0; i < f->n_ops; i++)
        for (size_t j = 0; j < f->ops[i].n_inputs; j++)
            if (f->ops[i].inputs[j] >= 0) {
                m->values[f->ops[i].inputs[j]].uses++;
                m->values[f->ops[i].inputs[j]].user = i;
            }
    MX_TRY(take_input(m, alloc, err));
    for (m->at = 0; m->at < f->n_ops; m->at++)
        if (!m->done[m->at])
            MX_TRY(take_op(m, err));
    const value *out = &m->values[f->output];
    if (out->node < 1 || (size_t)out->node != m->net->nodes - 1)
        MX_FAIL(err, MERX_E_UNSUPPORTED, f->path, "its output is not what the last layer makes");
    if (out->laid != PLAIN && !(out->laid == ONES))
        MX_FAIL(err, MERX_E_UNSUPPORTED, f->path, "its output has channels or steps first; merx's come last");
    return MERX_OK;
}

merx_status merx_network_import_onnx(const merx_allocator *alloc, const char *path, merx_network **out, merx_error *err)
{
    importer m = {0};
    mx_map map = {0};
    merx_error inner = {0};
    merx_status status;
    *out = NULL;
    MX_TRY(mx_map_open(path, &map, err));
    MX_TRY_GOTO(mx_onnx_read(map.data, map.size, path, alloc, &m.file, err));
    MX_TRY_GOTO(build(&m, alloc, err));
    status = mx_network_shapes(m.net, &inner);
    if (status == MERX_OK) {
        const mx_node *last = &m.net->node[m.net->nodes - 1];
        merx_loss loss = mx_loss_takes_logits(MERX_CATEGORICAL_CROSSENTROPY, last) && mx_output_units(m.net) > 1
                             ? MERX_CATEGORICAL_CROSSENTROPY
                         : mx_loss_takes_logits(MERX_BINARY_CROSSENTROPY, last) ? MERX_BINARY_CROSSENTROPY
                                                                                : MERX_MEAN_SQUARED_ERROR;
        m.net->resumes = true; /* its weights need not be drawn */
        status = merx_network_compile(m.net, MERX_ADAM(), loss, NULL, &inner);
        m.net->resumes = false;
    }
    if (status != MERX_OK)
        MX_FAIL_GOTO(err, status, path, "%s: %.400s", inner.where, inner.message);
    MX_TRY_GOTO(set_weights(&m, err));
    *out = m.net;
    m.net = NULL;
out:
    merx_network_free(m.net);
    mx_onnx_release(&m.file);
    mx_map_close(&map);
    return status;
}
