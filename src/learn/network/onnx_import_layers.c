/*
 * Layers with weights, and windows over pictures, out of an ONNX file (onnx_import.h).
 */
#include "learn/network/onnx_import.h"

#include <string.h>

/* ---- windows ---- */

typedef struct window {
    int kernel[2], strides[2];
    merx_padding padding;
} window;

static merx_status read_pair(const mx_onnx_importer *m, const char *name, int64_t standard, int out[2], merx_error *err)
{
    const mx_onnx_attribute *a = mx_onnx_find(mx_onnx_op_now(m), name);
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

static merx_status read_window(const mx_onnx_importer *m, const mx_onnx_value *x, const int *kernel, window *out,
                               merx_error *err)
{
    const mx_onnx_op *op = mx_onnx_op_now(m);
    const mx_onnx_attribute *pads = mx_onnx_find(op, "pads"), *automatic = mx_onnx_find(op, "auto_pad");
    const merx_dims *in = mx_onnx_dims(m, x);
    int dilations[2];
    *out = (window){.padding = MERX_VALID};
    if (x->laid != MX_ONNX_FIRST || in->rank != 3)
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

/* A bias that is added by an operator of its own, (u, 1, 1) or (1, u, 1, 1), as TensorFlow's exporter has it. */
static const mx_onnx_tensor *bias_behind(mx_onnx_importer *m, int32_t *name, size_t u)
{
    const mx_onnx_op *next = mx_onnx_only_user(m, *name);
    if (next == NULL || !mx_onnx_is(next, "Add") || next->n_inputs != 2 || next->n_outputs != 1)
        return NULL;
    const mx_onnx_tensor *t = mx_onnx_constant(m, next, next->inputs[0] == *name ? 1 : 0);
    if (t == NULL || t->floats == NULL || t->count != u || t->rank < 3 || t->rank > 4 || t->dim[t->rank - 3] != u)
        return NULL;
    m->done[m->values[*name].user] = true;
    *name = next->outputs[0];
    return t;
}

merx_status mx_onnx_conv(mx_onnx_importer *m, merx_error *err)
{
    const mx_onnx_value *x;
    const mx_onnx_tensor *w, *b = mx_onnx_constant(m, mx_onnx_op_now(m), 2);
    window win;
    int32_t name = mx_onnx_op_now(m)->outputs[0];
    int node;
    float *numbers;
    int64_t group = mx_onnx_int(mx_onnx_op_now(m), "group", 1);
    MX_TRY(mx_onnx_need_value(m, 0, &x, err));
    MX_TRY(mx_onnx_need_floats(m, 1, 4, "W", &w, err));
    size_t u = w->dim[0], c = w->dim[1], kh = w->dim[2], kw = w->dim[3];
    if (u == 0 || u > 1 << 20 || kh == 0 || kw == 0 || kh > 1024 || kw > 1024 || group < 1 || group > 1 << 20 ||
        (uint64_t)group * c != mx_onnx_dims(m, x)->dim[2])
        UNSUPPORTED(m, err, "its weights %zu x %zu x %zu x %zu in %lld groups don't fit %zu channels", u, c, kh, kw,
                    (long long)group, mx_onnx_dims(m, x)->dim[2]);
    MX_TRY(read_window(m, x, (const int[]){(int)kh, (int)kw}, &win, err));
    if (mx_onnx_op_now(m)->n_inputs > 2 && mx_onnx_op_now(m)->inputs[2] >= 0)
        MX_TRY(mx_onnx_need_floats(m, 2, 1, "B", &b, err));
    if (b == NULL)
        b = bias_behind(m, &name, u);
    merx_activation f = mx_onnx_function_behind(m, &name, 0);
    MX_TRY(mx_onnx_add_layer(m,
                             (merx_layer){.kind = MERX_LAYER_CONV2D,
                                          .conv2d = {.filters = (int)u,
                                                     .kernel = {win.kernel[0], win.kernel[1]},
                                                     .strides = {win.strides[0], win.strides[1]},
                                                     .padding = win.padding,
                                                     .groups = (int)group,
                                                     .activation = f,
                                                     .no_bias = b == NULL}},
                             1, &x->node, &node, err));
    MX_TRY(mx_onnx_new_weight(m, node, "kernel", w->count, &numbers, err));
    for (size_t o = 0; o < u; o++)
        for (size_t i = 0; i < c; i++)
            for (size_t k = 0; k < kh * kw; k++)
                numbers[(k * c + i) * u + o] = w->floats[(o * c + i) * kh * kw + k];
    if (b != NULL)
        MX_TRY(mx_onnx_copy_weight(m, node, "bias", b, err));
    mx_onnx_set_output(m, name, node, MX_ONNX_FIRST);
    return MERX_OK;
}

merx_status mx_onnx_pool(mx_onnx_importer *m, merx_error *err)
{
    const mx_onnx_value *x;
    window win;
    int node;
    const mx_onnx_op *op = mx_onnx_op_now(m);
    MX_TRY(mx_onnx_need_value(m, 0, &x, err));
    MX_TRY(read_window(m, x, NULL, &win, err));
    if (mx_onnx_int(op, "ceil_mode", 0) != 0)
        UNSUPPORTED(m, err, "ceil_mode: merx has whole windows alone");
    if (win.padding == MERX_SAME && mx_onnx_int(op, "count_include_pad", 0) != 0)
        UNSUPPORTED(m, err, "count_include_pad: merx averages what is there");
    MX_TRY(mx_onnx_add_layer(
        m,
        (merx_layer){.kind = mx_onnx_is(op, "MaxPool") ? MERX_LAYER_MAX_POOL2D : MERX_LAYER_AVERAGE_POOL2D,
                     .pool2d = {.pool = {win.kernel[0], win.kernel[1]},
                                .strides = {win.strides[0], win.strides[1]},
                                .padding = win.padding}},
        1, &x->node, &node, err));
    mx_onnx_set_output(m, op->outputs[0], node, MX_ONNX_FIRST);
    return MERX_OK;
}

/* GlobalAveragePool, GlobalMaxPool; ReduceMean and ReduceMax over the pixels. */
merx_status mx_onnx_global(mx_onnx_importer *m, merx_error *err)
{
    const mx_onnx_value *x;
    int node;
    const mx_onnx_op *op = mx_onnx_op_now(m);
    bool reduces = mx_str_starts(op->op, "Reduce"), keeps = !reduces || mx_onnx_int(op, "keepdims", 1) != 0;
    MX_TRY(mx_onnx_need_value(m, 0, &x, err));
    if (mx_onnx_dims(m, x)->rank != 3 || (x->laid != MX_ONNX_FIRST && !(reduces && x->laid == MX_ONNX_PLAIN)))
        UNSUPPORTED(m, err, "it is not given pictures");
    if (reduces) {
        const mx_onnx_attribute *a = mx_onnx_find(op, "axes");
        const mx_onnx_tensor *t = mx_onnx_constant(m, op, 1);
        const int64_t *axes = a != NULL ? a->ints : t != NULL ? t->whole : NULL;
        size_t n = a != NULL ? a->n_ints : t != NULL ? t->count : 0;
        int64_t first = x->laid == MX_ONNX_FIRST ? 2 : 1;
        if (axes == NULL || n != 2 || (axes[0] + 4) % 4 != first || (axes[1] + 4) % 4 != first + 1 ||
            (keeps && x->laid == MX_ONNX_PLAIN))
            UNSUPPORTED(m, err, "merx reduces over height and width alone");
    }
    bool most = mx_onnx_is(op, "ReduceMax") || mx_onnx_is(op, "GlobalMaxPool");
    MX_TRY(mx_onnx_add_layer(
        m, (merx_layer){.kind = most ? MERX_LAYER_GLOBAL_MAX_POOL2D : MERX_LAYER_GLOBAL_AVERAGE_POOL2D}, 1, &x->node,
        &node, err));
    mx_onnx_set_output(m, op->outputs[0], node, keeps ? MX_ONNX_ONES : MX_ONNX_PLAIN);
    return MERX_OK;
}

/* ---- dense ---- */

merx_status mx_onnx_dense(mx_onnx_importer *m, merx_error *err)
{
    const mx_onnx_op *op = mx_onnx_op_now(m);
    bool gemm = mx_onnx_is(op, "Gemm"), turned = gemm && mx_onnx_int(op, "transB", 0) != 0;
    const mx_onnx_value *x;
    const mx_onnx_tensor *w, *b = NULL;
    int32_t name = op->outputs[0];
    int node;
    float *numbers;
    MX_TRY(mx_onnx_need_value(m, 0, &x, err));
    MX_TRY(mx_onnx_need_floats(m, 1, 2, "B", &w, err));
    if (gemm &&
        (mx_onnx_real(op, "alpha", 1) != 1 || mx_onnx_real(op, "beta", 1) != 1 || mx_onnx_int(op, "transA", 0) != 0))
        UNSUPPORTED(m, err, "alpha, beta or transA other than 1, 1 and 0");
    const merx_dims *in = mx_onnx_dims(m, x);
    size_t k = turned ? w->dim[1] : w->dim[0], u = turned ? w->dim[0] : w->dim[1];
    if ((x->laid != MX_ONNX_PLAIN && x->laid != MX_ONNX_FLAT && x->laid != MX_ONNX_STEPS) ||
        in->dim[in->rank - 1] != k || u == 0 || u > 1 << 24)
        UNSUPPORTED(m, err, "its weights take %zu numbers; they are given to it in another layout, or %zu", k,
                    in->dim[in->rank - 1]);
    if (gemm && op->n_inputs > 2 && op->inputs[2] >= 0) {
        b = mx_onnx_constant(m, op, 2);
        if (b == NULL || b->floats == NULL || b->count != u)
            UNSUPPORTED(m, err, "its bias C is no constant of %zu numbers", u);
    }
    const mx_onnx_op *next = mx_onnx_only_user(m, name);
    if (!gemm && next != NULL && mx_onnx_is(next, "Add") && next->n_inputs == 2 && next->n_outputs == 1) {
        const mx_onnx_tensor *t = mx_onnx_constant(m, next, next->inputs[0] == name ? 1 : 0);
        if (t != NULL && t->floats != NULL && t->count == u && t->rank >= 1 && t->dim[t->rank - 1] == u) {
            b = t;
            m->done[m->values[name].user] = true;
            name = next->outputs[0];
        }
    }
    mx_onnx_value from = *x;
    merx_activation f = mx_onnx_function_behind(m, &name, in->rank + 1);
    MX_TRY(mx_onnx_add_layer(
        m, (merx_layer){.kind = MERX_LAYER_DENSE, .dense = {.units = (int)u, .activation = f, .no_bias = b == NULL}}, 1,
        &from.node, &node, err));
    MX_TRY(mx_onnx_new_weight(m, node, "kernel", w->count, &numbers, err));
    for (size_t i = 0; i < k; i++) {
        size_t row = i;
        if (from.laid == MX_ONNX_FLAT) /* (c, h, w) to (h, w, c) */
            row = i % (from.h * from.w) * from.c + i / (from.h * from.w);
        for (size_t j = 0; j < u; j++)
            numbers[row * u + j] = turned ? w->floats[j * k + i] : w->floats[i * u + j];
    }
    if (b != NULL)
        MX_TRY(mx_onnx_copy_weight(m, node, "bias", b, err));
    mx_onnx_set_output(m, name, node, from.laid == MX_ONNX_FLAT ? MX_ONNX_PLAIN : from.laid);
    return MERX_OK;
}

/* ---- recurrent ---- */

static merx_status recurrent_function(const mx_onnx_importer *m, size_t i, merx_activation standard,
                                      merx_activation *out, merx_error *err)
{
    static const struct {
        const char *word;
        merx_activation is;
    } words[] = {{"Tanh", MERX_TANH}, {"Relu", MERX_RELU}, {"Sigmoid", MERX_SIGMOID}, {"Softplus", MERX_SOFTPLUS}};
    const mx_onnx_attribute *a = mx_onnx_find(mx_onnx_op_now(m), "activations");
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

merx_status mx_onnx_recurrent(mx_onnx_importer *m, merx_error *err)
{
    static const int orders[3][4] = {{0}, {0, 2, 3, 1}, {0, 1, 2}}; /* i f c o from i o f c */
    const mx_onnx_op *op = mx_onnx_op_now(m);
    size_t which = mx_onnx_is(op, "LSTM")  ? 1
                   : mx_onnx_is(op, "GRU") ? 2
                                           : 0,
           gates = which == 1   ? 4
                   : which == 2 ? 3
                                : 1;
    const mx_onnx_attribute *direction = mx_onnx_find(op, "direction");
    bool back = direction != NULL && mx_str_equal(direction->s, MX_STR("reverse"));
    int32_t y = op->n_outputs > 0 ? op->outputs[0] : -1, h = op->n_outputs > 1 ? op->outputs[1] : -1;
    bool whole = y >= 0 && (m->values[y].uses > 0 || y == m->file.output),
         last = h >= 0 && (m->values[h].uses > 0 || h == m->file.output);
    const mx_onnx_tensor *w, *r, *b = NULL;
    const mx_onnx_value *x;
    float *numbers;
    int node;
    MX_TRY(mx_onnx_need_value(m, 0, &x, err));
    MX_TRY(mx_onnx_need_floats(m, 1, 3, "W", &w, err));
    MX_TRY(mx_onnx_need_floats(m, 2, 3, "R", &r, err));
    size_t u = r->dim[2], k = w->dim[2], g = gates * u;
    if (x->laid != MX_ONNX_STEPS || w->dim[0] != 1 || r->dim[0] != 1 || u == 0 || u > 1 << 20 || w->dim[1] != g ||
        r->dim[1] != g || k != mx_onnx_dims(m, x)->dim[1])
        UNSUPPORTED(m, err, "its weights don't fit its input of steps of %zu numbers, or it goes both ways",
                    mx_onnx_dims(m, x)->dim[mx_onnx_dims(m, x)->rank - 1]);
    if (op->n_inputs > 3 && op->inputs[3] >= 0) {
        MX_TRY(mx_onnx_need_floats(m, 3, 2, "B", &b, err));
        if (b->count != 2 * g)
            UNSUPPORTED(m, err, "B has %zu numbers; expected %zu", b->count, 2 * g);
    }
    for (size_t i = 4; i < op->n_inputs; i++) {
        const mx_onnx_tensor *t = mx_onnx_constant(m, op, i);
        bool made = op->inputs[i] >= 0 && m->values[op->inputs[i]].node == MX_ONNX_ZEROS,
             zeros = t != NULL && t->floats != NULL;
        for (size_t j = 0; zeros && j < t->count; j++)
            zeros = t->floats[j] == 0;
        if (op->inputs[i] >= 0 && !zeros && !made)
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
    MX_TRY(mx_onnx_add_layer(m,
                             (merx_layer){.kind = which == 1   ? MERX_LAYER_LSTM
                                                  : which == 2 ? MERX_LAYER_GRU
                                                               : MERX_LAYER_SIMPLE_RNN,
                                          .recurrent = o},
                             1, &x->node, &node, err));
    MX_TRY(mx_onnx_new_weight(m, node, "kernel", w->count, &numbers, err));
    turn_gates(w->floats, k, u, orders[which], gates, numbers);
    MX_TRY(mx_onnx_new_weight(m, node, "recurrent_kernel", r->count, &numbers, err));
    turn_gates(r->floats, u, u, orders[which], gates, numbers);
    if (b != NULL) { /* two biases; but for the gru's they are added */
        MX_TRY(mx_onnx_new_weight(m, node, "bias", which == 2 ? 2 * g : g, &numbers, err));
        turn_gates(b->floats, 1, u, orders[which], gates, numbers);
        turn_gates(b->floats + g, 1, u, orders[which], gates, which == 2 ? numbers + g : numbers);
    }
    mx_onnx_set_output(m, whole ? y : h, node, whole ? MX_ONNX_STEPS_Y : MX_ONNX_LAST_H);
    return MERX_OK;
}
