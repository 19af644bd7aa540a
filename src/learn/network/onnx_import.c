/*
 * A network out of an ONNX file: operators one after the other (onnx_import.h).
 */
#include "learn/network/onnx_import.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const mx_onnx_op *mx_onnx_op_now(const mx_onnx_importer *m)
{
    return &m->file.ops[m->at];
}

/* "model.onnx: Conv (conv1)": for messages. */
const char *mx_onnx_where(const mx_onnx_importer *m, char text[220])
{
    const mx_onnx_op *op = mx_onnx_op_now(m);
    (void)snprintf(text, 220, "%.100s: %.*s %zu (%.*s)", m->file.path, (int)(op->op.size < 40 ? op->op.size : 40),
                   op->op.data, m->at, (int)(op->name.size < 60 ? op->name.size : 60),
                   op->name.size > 0 ? op->name.data : "");
    return text;
}

bool mx_onnx_is(const mx_onnx_op *op, const char *word)
{
    return mx_str_equal(op->op, mx_str_of(word));
}

/* The constant that is the operator's input i; NULL: none. */
const mx_onnx_tensor *mx_onnx_constant(const mx_onnx_importer *m, const mx_onnx_op *op, size_t i)
{
    return i < op->n_inputs && op->inputs[i] >= 0 ? m->file.constants[op->inputs[i]] : NULL;
}

merx_status mx_onnx_need_floats(const mx_onnx_importer *m, size_t i, size_t rank, const char *what,
                                const mx_onnx_tensor **out, merx_error *err)
{
    *out = mx_onnx_constant(m, mx_onnx_op_now(m), i);
    if (*out == NULL || (*out)->floats == NULL || (*out)->rank != rank)
        UNSUPPORTED(m, err, "its input %zu (%s) is no constant of %zu dimensions in float32", i, what, rank);
    return MERX_OK;
}

merx_status mx_onnx_need_value(const mx_onnx_importer *m, size_t i, const mx_onnx_value **out, merx_error *err)
{
    const mx_onnx_op *op = mx_onnx_op_now(m);
    if (i >= op->n_inputs || op->inputs[i] < 0 || m->values[op->inputs[i]].node < 0)
        UNSUPPORTED(m, err, "its input %zu is made by no operator that was read before it", i);
    *out = &m->values[op->inputs[i]];
    return MERX_OK;
}

const merx_dims *mx_onnx_dims(const mx_onnx_importer *m, const mx_onnx_value *v)
{
    return &m->net->node[v->node].out;
}

void mx_onnx_set_output(mx_onnx_importer *m, int32_t name, int node, mx_onnx_layout laid)
{
    if (name < 0)
        return;
    m->values[name].node = node;
    m->values[name].laid = laid;
}

/* Output 0 is what v is, laid out so. */
void mx_onnx_same_as(mx_onnx_importer *m, const mx_onnx_value *v, mx_onnx_layout laid)
{
    mx_onnx_value from = *v;
    int32_t name = mx_onnx_op_now(m)->outputs[0];
    mx_onnx_set_output(m, name, from.node, laid);
    if (name >= 0) {
        m->values[name].h = from.h;
        m->values[name].w = from.w;
        m->values[name].c = from.c;
    }
}

/* ---- layers and their weights ---- */

/* Adds the layer and works out its shape. */
merx_status mx_onnx_add_layer(mx_onnx_importer *m, merx_layer layer, size_t n, const int *inputs, int *node,
                              merx_error *err)
{
    char place[220];
    *node = merx_network_connect(m->net, layer, n, inputs);
    if (*node < 0)
        MX_FAIL(err, m->net->failure.code, mx_onnx_where(m, place), "%.100s: %s", m->net->failure.where,
                m->net->failure.message);
    merx_error inner = {0};
    merx_status status = mx_network_shape_last(m->net, &inner);
    if (status != MERX_OK)
        MX_FAIL(err, status, mx_onnx_where(m, place), "%s", inner.message);
    return MERX_OK;
}

merx_status mx_onnx_new_weight(mx_onnx_importer *m, int node, const char *word, size_t size, float **numbers,
                               merx_error *err)
{
    if (m->n_weights == m->room)
        MX_FAIL(err, MERX_E_LIMIT, m->file.path, "has too many weights");
    *numbers = mx_arena_array(&m->file.arena, size + 1, sizeof **numbers, err);
    if (*numbers == NULL)
        return MERX_E_MEMORY;
    m->weights[m->n_weights++] = (mx_onnx_pending){node, word, *numbers, size};
    return MERX_OK;
}

merx_status mx_onnx_copy_weight(mx_onnx_importer *m, int node, const char *word, const mx_onnx_tensor *t,
                                merx_error *err)
{
    float *numbers;
    MX_TRY(mx_onnx_new_weight(m, node, word, t->count, &numbers, err));
    if (t->count > 0)
        memcpy(numbers, t->floats, t->count * sizeof *numbers);
    return MERX_OK;
}

/* ---- functions, and looking ahead ---- */

/* The operator that alone reads this name, and nothing else does; NULL: none. */
const mx_onnx_op *mx_onnx_only_user(const mx_onnx_importer *m, int32_t name)
{
    return name >= 0 && name != m->file.output && m->values[name].uses == 1 ? &m->file.ops[m->values[name].user] : NULL;
}

/* The function behind *name, if that is all that reads it: *name becomes the function's output. Softmax over the last dimension of what has `rank` with N. */
merx_activation mx_onnx_function_behind(mx_onnx_importer *m, int32_t *name, size_t rank)
{
    const mx_onnx_op *next = mx_onnx_only_user(m, *name);
    merx_activation f;
    if (next == NULL || next->n_outputs != 1)
        return MERX_LINEAR;
    int64_t axis = mx_onnx_int(next, "axis", -1);
    if (mx_onnx_is(next, "Softmax") && (axis == -1 || axis == (int64_t)rank - 1))
        f = MERX_SOFTMAX;
    else if (!mx_onnx_activation(next, &f) ||
             mx_onnx_is(next, "Sigmoid")) { /* a sigmoid may be half of a silu: seen to on its own, unless at the end */
        if (!mx_onnx_is(next, "Sigmoid") || next->outputs[0] != m->file.output)
            return MERX_LINEAR;
        f = MERX_SIGMOID;
    }
    m->done[m->values[*name].user] = true;
    *name = next->outputs[0];
    return f;
}

/* ---- shapes ---- */

static merx_status flatten(mx_onnx_importer *m, const mx_onnx_value *x, merx_error *err)
{
    mx_onnx_value from = *x;
    merx_dims in = *mx_onnx_dims(m, x);
    int node;
    if (from.laid == MX_ONNX_ONES || (from.laid == MX_ONNX_PLAIN && in.rank == 1) || from.laid == MX_ONNX_FLAT) {
        mx_onnx_same_as(m, x, from.laid == MX_ONNX_FLAT ? MX_ONNX_FLAT : MX_ONNX_PLAIN);
        return MERX_OK;
    }
    if (from.laid != MX_ONNX_PLAIN && from.laid != MX_ONNX_FIRST)
        UNSUPPORTED(m, err, "it flattens what does not begin with the examples");
    MX_TRY(mx_onnx_add_layer(m, (merx_layer){.kind = MERX_LAYER_FLATTEN}, 1, &from.node, &node, err));
    size_t c = in.dim[in.rank - 1], pixels = mx_dims_size(in) / c;
    bool turned = from.laid == MX_ONNX_FIRST && c > 1 && pixels > 1;
    int32_t name = mx_onnx_op_now(m)->outputs[0];
    mx_onnx_set_output(m, name, node, turned ? MX_ONNX_FLAT : MX_ONNX_PLAIN);
    m->values[name].h = pixels;
    m->values[name].w = 1;
    m->values[name].c = c;
    return MERX_OK;
}

/* x.view(x.size(0), -1): a shape worked out in the file, of two parts of which the second is -1, or as many numbers as an example has. */
static bool is_examples_by_rest(const mx_onnx_importer *m, const mx_onnx_op *op, size_t size)
{
    int32_t shape = op->n_inputs > 1 ? op->inputs[1] : -1;
    if (shape < 0 || m->values[shape].node != MX_ONNX_SHAPE)
        return false;
    for (size_t i = m->at; i-- > 0;) { /* from behind, through casts */
        const mx_onnx_op *by = &m->file.ops[i];
        if (by->n_outputs != 1 || by->outputs[0] != shape)
            continue;
        if (mx_onnx_is(by, "Cast") && by->n_inputs == 1 && by->inputs[0] >= 0) {
            shape = by->inputs[0];
            continue;
        }
        const mx_onnx_tensor *t = mx_onnx_constant(m, by, 1);
        return mx_onnx_is(by, "Concat") && by->n_inputs == 2 && t != NULL && t->whole != NULL && t->count == 1 &&
               (t->whole[0] == -1 || (t->whole[0] > 0 && (size_t)t->whole[0] == size)) && by->inputs[0] >= 0 &&
               m->values[by->inputs[0]].node == MX_ONNX_SHAPE;
    }
    return false;
}

static merx_status take_reshape(mx_onnx_importer *m, merx_error *err)
{
    const mx_onnx_value *x;
    const mx_onnx_tensor *t = mx_onnx_constant(m, mx_onnx_op_now(m), 1);
    merx_layer layer = {.kind = MERX_LAYER_RESHAPE};
    int node;
    MX_TRY(mx_onnx_need_value(m, 0, &x, err));
    if (t == NULL && is_examples_by_rest(m, mx_onnx_op_now(m), mx_dims_size(*mx_onnx_dims(m, x))))
        return flatten(m, x, err);
    if (t == NULL || t->whole == NULL || t->rank != 1 || t->count < 2 || t->count > MERX_DIMS + 1)
        UNSUPPORTED(m, err, "its shape is no constant of 2 to %d numbers", MERX_DIMS + 1);
    if (t->count == 2)
        return flatten(m, x, err);
    size_t size = mx_dims_size(*mx_onnx_dims(m, x)), known = 1, open = 0;
    if (x->laid != MX_ONNX_PLAIN || t->whole[0] > 1 || t->whole[0] < -1)
        UNSUPPORTED(m, err, "it reshapes what has channels or steps first, or the examples themselves");
    for (size_t i = 1; i < t->count; i++) {
        int64_t v =
            t->whole[i] == 0 && i <= mx_onnx_dims(m, x)->rank ? (int64_t)mx_onnx_dims(m, x)->dim[i - 1] : t->whole[i];
        if (v < -1 || v == 0 || v > 1 << 30)
            UNSUPPORTED(m, err, "a dimension is %lld", (long long)v);
        open = v == -1 ? i : open;
        layer.reshape.shape[i - 1] = v == -1 ? 1 : (int)v;
        if (v > 0 && !mx_mul_size(known, (size_t)v, &known))
            UNSUPPORTED(m, err, "the shape is too large");
    }
    if (open > 0 && size % known == 0 && size / known <= 1 << 30 && size >= known)
        layer.reshape.shape[open - 1] = (int)(size / known);
    MX_TRY(mx_onnx_add_layer(m, layer, 1, &x->node, &node, err));
    mx_onnx_set_output(m, mx_onnx_op_now(m)->outputs[0], node, MX_ONNX_PLAIN);
    return MERX_OK;
}

static merx_status take_transpose(mx_onnx_importer *m, merx_error *err)
{
    static const struct {
        size_t n;
        int64_t order[4];
        mx_onnx_layout from, to;
    } known[] = {{4, {0, 3, 1, 2}, MX_ONNX_PLAIN, MX_ONNX_FIRST}, {4, {0, 2, 3, 1}, MX_ONNX_FIRST, MX_ONNX_PLAIN},
                 {3, {0, 2, 1}, MX_ONNX_PLAIN, MX_ONNX_FIRST},    {3, {0, 2, 1}, MX_ONNX_FIRST, MX_ONNX_PLAIN},
                 {3, {1, 0, 2}, MX_ONNX_PLAIN, MX_ONNX_STEPS},    {3, {1, 0, 2}, MX_ONNX_STEPS, MX_ONNX_PLAIN}};
    const mx_onnx_attribute *a = mx_onnx_find(mx_onnx_op_now(m), "perm");
    const mx_onnx_value *x;
    MX_TRY(mx_onnx_need_value(m, 0, &x, err));
    for (size_t i = 0; a != NULL && i < sizeof known / sizeof *known; i++)
        if (x->laid == known[i].from && a->n_ints == known[i].n && mx_onnx_dims(m, x)->rank + 1 == known[i].n &&
            memcmp(a->ints, known[i].order, known[i].n * sizeof(int64_t)) == 0) {
            mx_onnx_same_as(m, x, known[i].to);
            return MERX_OK;
        }
    UNSUPPORTED(m, err, "merx moves channels and steps to the front and back alone");
}

static merx_status take_squeeze(mx_onnx_importer *m, merx_error *err)
{
    const mx_onnx_op *op = mx_onnx_op_now(m);
    const mx_onnx_attribute *a = mx_onnx_find(op, "axes");
    const mx_onnx_tensor *t = mx_onnx_constant(m, op, 1);
    const int64_t *axes = a != NULL ? a->ints : t != NULL ? t->whole : NULL;
    size_t n = a != NULL ? a->n_ints : t != NULL ? t->count : 0;
    const mx_onnx_value *x;
    MX_TRY(mx_onnx_need_value(m, 0, &x, err));
    if (x->laid == MX_ONNX_STEPS_Y && n == 1 && axes != NULL && axes[0] == 1)
        mx_onnx_same_as(m, x, MX_ONNX_STEPS);
    else if (x->laid == MX_ONNX_LAST_H && n == 1 && axes != NULL && axes[0] == 0)
        mx_onnx_same_as(m, x, MX_ONNX_PLAIN);
    else if (x->laid == MX_ONNX_ONES && n == 2 && axes != NULL && (axes[0] + 4) % 4 == 2 && (axes[1] + 4) % 4 == 3)
        mx_onnx_same_as(m, x, MX_ONNX_PLAIN);
    else
        UNSUPPORTED(m, err, "it takes away a dimension that merx has");
    return MERX_OK;
}

/* ---- what works number by number ---- */

static merx_status take_function(mx_onnx_importer *m, merx_activation f, merx_error *err)
{
    const mx_onnx_op *op = mx_onnx_op_now(m);
    int32_t name = op->outputs[0];
    const mx_onnx_value *x = NULL;
    int node;
    MX_TRY(mx_onnx_need_value(m, 0, &x, err));
    assert(x != NULL);
    const mx_onnx_op *next = mx_onnx_only_user(m, name);
    if (f == MERX_SIGMOID && next != NULL && mx_onnx_is(next, "Mul") && next->n_inputs == 2 && next->n_outputs == 1 &&
        (next->inputs[0] == op->inputs[0] || next->inputs[1] == op->inputs[0])) {
        f = MERX_SILU; /* x sigmoid(x) */
        m->done[m->values[name].user] = true;
        name = next->outputs[0];
    }
    mx_onnx_value from = *x;
    MX_TRY(mx_onnx_add_layer(m, MERX_ACTIVATION(f), 1, &from.node, &node, err));
    mx_onnx_set_output(m, name, node, from.laid);
    m->values[name].h = from.h, m->values[name].w = from.w, m->values[name].c = from.c;
    return MERX_OK;
}

/* A function that is several operators, of what the first one reads; `end`: what the last one makes. */
static merx_status take_chain(mx_onnx_importer *m, merx_activation f, int32_t end, merx_error *err)
{
    const mx_onnx_op *op = mx_onnx_op_now(m);
    int node;
    mx_onnx_value from = m->values[mx_onnx_constant(m, op, 0) == NULL ? op->inputs[0] : op->inputs[1]];
    MX_TRY(mx_onnx_add_layer(m, MERX_ACTIVATION(f), 1, &from.node, &node, err));
    mx_onnx_set_output(m, end, node, from.laid);
    m->values[end].h = from.h, m->values[end].w = from.w, m->values[end].c = from.c;
    return MERX_OK;
}

static merx_status take_softmax(mx_onnx_importer *m, merx_error *err)
{
    const mx_onnx_value *x;
    MX_TRY(mx_onnx_need_value(m, 0, &x, err));
    int64_t rank = (int64_t)mx_onnx_dims(m, x)->rank + 1, axis = mx_onnx_int(mx_onnx_op_now(m), "axis", -1);
    if (!((x->laid == MX_ONNX_PLAIN || x->laid == MX_ONNX_STEPS) && (axis == -1 || axis == rank - 1)) &&
        !(x->laid == MX_ONNX_FIRST && axis == 1))
        UNSUPPORTED(m, err, "its axis %lld is not that of the channels", (long long)axis);
    return take_function(m, MERX_SOFTMAX, err);
}

static merx_status take_dropout(mx_onnx_importer *m, merx_error *err)
{
    const mx_onnx_op *op = mx_onnx_op_now(m);
    const mx_onnx_tensor *t = mx_onnx_constant(m, op, 1);
    const mx_onnx_value *x;
    int node;
    double rate =
        t != NULL && t->floats != NULL && t->count == 1 ? (double)t->floats[0] : mx_onnx_real(op, "ratio", 0.5);
    MX_TRY(mx_onnx_need_value(m, 0, &x, err));
    if (!(rate >= 0 && rate <= 0.999))
        UNSUPPORTED(m, err, "its ratio is %g; expected 0 to 0.999", rate);
    mx_onnx_value from = *x;
    MX_TRY(mx_onnx_add_layer(m, MERX_DROPOUT(rate), 1, &from.node, &node, err));
    mx_onnx_set_output(m, op->outputs[0], node, from.laid);
    if (op->outputs[0] >= 0)
        m->values[op->outputs[0]].h = from.h, m->values[op->outputs[0]].w = from.w,
        m->values[op->outputs[0]].c = from.c;
    return MERX_OK;
}

static merx_status take_norm(mx_onnx_importer *m, merx_error *err)
{
    static const char *const words[] = {"gamma", "beta", "moving_mean", "moving_variance"};
    const mx_onnx_op *op = mx_onnx_op_now(m);
    bool batch = mx_onnx_is(op, "BatchNormalization"), center = batch || (op->n_inputs > 2 && op->inputs[2] >= 0);
    double epsilon = mx_onnx_real(op, "epsilon", 1e-5);
    merx_layer layer = {.kind = batch ? MERX_LAYER_BATCH_NORM : MERX_LAYER_LAYER_NORM};
    const mx_onnx_tensor *t;
    const mx_onnx_value *x;
    int node;
    MX_TRY(mx_onnx_need_value(m, 0, &x, err));
    mx_onnx_value from = *x;
    merx_dims in = *mx_onnx_dims(m, x);
    int64_t axis = mx_onnx_int(op, "axis", -1);
    if (batch ? from.laid != MX_ONNX_FIRST && !(from.laid == MX_ONNX_PLAIN && in.rank == 1) && from.laid != MX_ONNX_ONES
              : from.laid != MX_ONNX_PLAIN || (axis != -1 && axis != (int64_t)in.rank))
        UNSUPPORTED(m, err, "it does not normalise over the channels as merx has them");
    if (!(epsilon >= 1e-12 && epsilon <= 1))
        UNSUPPORTED(m, err, "its epsilon is %g; expected 1e-12 to 1", epsilon);
    if (batch)
        layer.batch_norm = (merx_batch_norm){.epsilon = epsilon};
    else
        layer.layer_norm = (merx_layer_norm){.epsilon = epsilon, .no_center = !center};
    MX_TRY(mx_onnx_add_layer(m, layer, 1, &from.node, &node, err));
    for (size_t i = 0; i < (batch ? 4u : center ? 2u : 1u); i++) {
        MX_TRY(mx_onnx_need_floats(m, i + 1, 1, words[i], &t, err));
        MX_TRY(mx_onnx_copy_weight(m, node, words[i], t, err));
    }
    mx_onnx_set_output(m, op->outputs[0], node, from.laid);
    return MERX_OK;
}

static merx_status take_join(mx_onnx_importer *m, merx_error *err)
{
    const mx_onnx_op *op = mx_onnx_op_now(m);
    bool joins = mx_onnx_is(op, "Concat");
    int inputs[MX_NODE_INPUTS], node;
    const mx_onnx_value *x, *first = NULL;
    if (op->n_inputs < 2 || op->n_inputs > MX_NODE_INPUTS)
        UNSUPPORTED(m, err, "has %zu inputs; a layer takes 2 to %d", op->n_inputs, MX_NODE_INPUTS);
    for (size_t i = 0; i < op->n_inputs; i++) {
        MX_TRY(mx_onnx_need_value(m, i, &x, err));
        first = first != NULL ? first : x;
        inputs[i] = x->node;
        if (x->laid != first->laid || (x->laid == MX_ONNX_FLAT && (joins || x->c != first->c)))
            UNSUPPORTED(m, err, "its inputs are not laid out alike");
    }
    mx_onnx_value from = *first;
    int64_t axis = mx_onnx_int(op, "axis", 0), rank = (int64_t)mx_onnx_dims(m, first)->rank + 1;
    bool last = from.laid == MX_ONNX_FIRST || from.laid == MX_ONNX_ONES ? axis == 1 : axis == -1 || axis == rank - 1;
    if (joins && !last)
        UNSUPPORTED(m, err, "its axis %lld is not that of the channels", (long long)axis);
    MX_TRY(mx_onnx_add_layer(m, (merx_layer){.kind = joins ? MERX_LAYER_CONCATENATE : MERX_LAYER_ADD}, op->n_inputs,
                             inputs, &node, err));
    mx_onnx_set_output(m, op->outputs[0], node, from.laid);
    m->values[op->outputs[0]].h = from.h, m->values[op->outputs[0]].w = from.w, m->values[op->outputs[0]].c = from.c;
    return MERX_OK;
}

static merx_status take_gather(mx_onnx_importer *m, merx_error *err)
{
    const mx_onnx_tensor *w;
    const mx_onnx_value *x;
    int node;
    MX_TRY(mx_onnx_need_floats(m, 0, 2, "data", &w, err));
    MX_TRY(mx_onnx_need_value(m, 1, &x, err));
    if (mx_onnx_int(mx_onnx_op_now(m), "axis", 0) != 0 || x->laid != MX_ONNX_PLAIN || w->dim[0] == 0 ||
        w->dim[0] > 1 << 24 || w->dim[1] == 0 || w->dim[1] > 1 << 20)
        UNSUPPORTED(m, err, "it is no embedding: rows of a table by whole numbers");
    MX_TRY(mx_onnx_add_layer(m, MERX_EMBEDDING(.vocabulary = (int)w->dim[0], .units = (int)w->dim[1]), 1, &x->node,
                             &node, err));
    MX_TRY(mx_onnx_copy_weight(m, node, "embeddings", w, err));
    mx_onnx_set_output(m, mx_onnx_op_now(m)->outputs[0], node, MX_ONNX_PLAIN);
    return MERX_OK;
}

/* ---- the whole ---- */

/* Shapes worked out while the file runs, which exporters make the first, zero, states of recurrent layers with: no numbers are kept of them. */
static bool take_shape(mx_onnx_importer *m)
{
    static const char *const words[] = {"Gather", "Unsqueeze", "Squeeze", "Cast", "Concat", "Slice"};
    const mx_onnx_op *op = mx_onnx_op_now(m);
    bool shaped = false, known = false;
    int32_t last = op->n_inputs > 0 ? op->inputs[op->n_inputs - 1] : -1;
    if (mx_onnx_is(op, "Shape")) {
        mx_onnx_set_output(m, op->outputs[0], MX_ONNX_SHAPE, MX_ONNX_PLAIN);
        return true;
    }
    if (mx_onnx_is(op, "Expand") || mx_onnx_is(op, "ConstantOfShape")) {
        const mx_onnx_tensor *t = mx_onnx_constant(m, op, 0);
        bool zeros = last >= 0 && m->values[last].node == MX_ONNX_SHAPE &&
                     (mx_onnx_is(op, "Expand") ? t != NULL && t->floats != NULL : mx_onnx_find(op, "value") == NULL);
        for (size_t i = 0; zeros && t != NULL && i < t->count; i++)
            zeros = t->floats[i] == 0;
        if (zeros)
            mx_onnx_set_output(m, op->outputs[0], MX_ONNX_ZEROS, MX_ONNX_PLAIN);
        return zeros;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        known |= mx_onnx_is(op, words[i]);
    for (size_t i = 0; known && i < op->n_inputs; i++) {
        shaped |= op->inputs[i] >= 0 && m->values[op->inputs[i]].node == MX_ONNX_SHAPE;
        known = op->inputs[i] >= 0 &&
                (m->values[op->inputs[i]].node == MX_ONNX_SHAPE || m->file.constants[op->inputs[i]] != NULL);
    }
    if (known && shaped)
        mx_onnx_set_output(m, op->outputs[0], MX_ONNX_SHAPE, MX_ONNX_PLAIN);
    return known && shaped;
}

static merx_status take_op(mx_onnx_importer *m, merx_error *err)
{
    static const struct {
        const char *op;
        merx_status (*take)(mx_onnx_importer *m, merx_error *err);
    } takers[] = {{"Conv", mx_onnx_conv},
                  {"MaxPool", mx_onnx_pool},
                  {"AveragePool", mx_onnx_pool},
                  {"GlobalAveragePool", mx_onnx_global},
                  {"ReduceMax", mx_onnx_global},
                  {"ReduceMean", mx_onnx_global},
                  {"GlobalMaxPool", mx_onnx_global},
                  {"Gemm", mx_onnx_dense},
                  {"MatMul", mx_onnx_dense},
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
                  {"RNN", mx_onnx_recurrent},
                  {"LSTM", mx_onnx_recurrent},
                  {"GRU", mx_onnx_recurrent}};
    const mx_onnx_op *op = mx_onnx_op_now(m);
    const mx_onnx_value *x = NULL;
    merx_activation f;
    int32_t end;
    bool taken;
    if (op->n_outputs == 0 || (op->outputs[0] < 0 && op->n_outputs < 2))
        UNSUPPORTED(m, err, "it has no output");
    if (mx_onnx_is(op, "Constant") || (op->outputs[0] >= 0 && take_shape(m)))
        return MERX_OK;
    if (mx_onnx_is(op, "Identity") || mx_onnx_is(op, "Cast")) {
        MX_TRY(mx_onnx_need_value(m, 0, &x, err));
        assert(x != NULL);
        mx_onnx_same_as(m, x, x->laid);
        return MERX_OK;
    }
    if (mx_onnx_is(op, "Flatten")) {
        MX_TRY(mx_onnx_need_value(m, 0, &x, err));
        assert(x != NULL);
        if (mx_onnx_int(op, "axis", 1) != 1)
            UNSUPPORTED(m, err, "its axis is not 1");
        return flatten(m, x, err);
    }
    if (mx_onnx_activation(op, &f))
        return take_function(m, f, err);
    if (mx_onnx_starts_gelu(m, &end))
        return take_chain(m, MERX_GELU, end, err);
    if (mx_onnx_starts_hard_sigmoid(m, &end))
        return take_chain(m, MERX_HARD_SIGMOID, end, err);
    MX_TRY(mx_onnx_affine(m, &taken, err));
    if (taken)
        return MERX_OK;
    for (size_t i = 0; i < sizeof takers / sizeof *takers; i++)
        if (mx_onnx_is(op, takers[i].op)) {
            if (op->outputs[0] < 0 && takers[i].take != mx_onnx_recurrent)
                UNSUPPORTED(m, err, "it has no output");
            return takers[i].take(m, err);
        }
    UNSUPPORTED(m, err, "merx has no layer for this operator%s", mx_onnx_advice(op));
}

/* The shape of one example, and how the file lays it out. */
static merx_status take_input(mx_onnx_importer *m, const merx_allocator *alloc, merx_error *err)
{
    static const char *const pictures[] = {"Conv",          "MaxPool",           "AveragePool", "GlobalAveragePool",
                                           "GlobalMaxPool", "BatchNormalization"},
                             *const sequences[] = {"RNN", "LSTM", "GRU"};
    const mx_onnx_file *f = &m->file;
    mx_onnx_value *v = &m->values[f->input];
    merx_dims dims = {.rank = f->input_rank - 1};
    v->laid = MX_ONNX_PLAIN;
    if (f->input_rank < 2 || dims.rank > MERX_DIMS)
        MX_FAIL(err, MERX_E_UNSUPPORTED, f->path,
                "its input has %zu dimensions; expected 2 to %d with the examples first", f->input_rank, MERX_DIMS + 1);
    for (size_t k = 0; k < f->n_ops; k++) {
        const mx_onnx_op *op = &f->ops[k];
        if (op->n_inputs == 0 || op->inputs[0] != f->input)
            continue;
        for (size_t i = 0; i < 6 && f->input_rank == 4; i++)
            v->laid = mx_onnx_is(op, pictures[i]) ? MX_ONNX_FIRST : v->laid;
        for (size_t i = 0; i < 3 && f->input_rank == 3; i++)
            v->laid = mx_onnx_is(op, sequences[i]) ? MX_ONNX_STEPS : v->laid;
    }
    for (size_t i = 0; i < dims.rank; i++) {
        size_t from = v->laid == MX_ONNX_FIRST             ? (i + 1) % dims.rank + 1
                      : v->laid == MX_ONNX_STEPS && i == 0 ? 0
                                                           : i + 1;
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

/* The weight that the numbers are for; NULL: none. */
static const mx_weight *weight_of(const mx_onnx_importer *m, const mx_onnx_pending *p)
{
    const mx_node *node = &m->net->node[p->node];
    for (size_t j = 0; j < node->n_weights; j++)
        if (strcmp(node->weight[j].word, p->word) == 0)
            return &node->weight[j];
    return NULL;
}

/* That each weight has its numbers in the file, before memory is taken for weights. */
static merx_status check_weights(const mx_onnx_importer *m, merx_error *err)
{
    size_t needed = 0;
    for (size_t i = 0; i < m->net->nodes; i++)
        needed += m->net->node[i].n_weights;
    for (size_t i = 0; i < m->n_weights; i++) {
        const mx_onnx_pending *p = &m->weights[i];
        const mx_weight *w = weight_of(m, p);
        if (w == NULL || w->size != p->size)
            MX_FAIL(err, MERX_E_SHAPE, m->file.path, "%s/%s has %zu numbers in it; the layer needs %zu",
                    m->net->node[p->node].name, p->word, p->size, w != NULL ? w->size : 0);
    }
    if (needed != m->n_weights)
        MX_FAIL(err, MERX_E_CORRUPT, m->file.path, "has numbers for %zu tensors of weights; its layers need %zu",
                m->n_weights, needed);
    return MERX_OK;
}

static merx_status set_weights(const mx_onnx_importer *m, merx_error *err)
{
    for (size_t i = 0; i < m->n_weights; i++) {
        const mx_onnx_pending *p = &m->weights[i];
        const mx_node *node = &m->net->node[p->node];
        for (size_t k = 0; k < p->size; k++)
            if (!isfinite(p->numbers[k]))
                MX_FAIL(err, MERX_E_NUMERIC, m->file.path, "%s/%s holds a number that is not finite", node->name,
                        p->word);
        const mx_weight *w = weight_of(m, p);
        assert(w != NULL); /* check_weights */
        memcpy(m->net->weights + w->offset, p->numbers, p->size * sizeof *p->numbers);
    }
    return mx_network_pack(m->net, false, NULL, err);
}

static merx_status build(mx_onnx_importer *m, const merx_allocator *alloc, merx_error *err)
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
    const mx_onnx_value *out = &m->values[f->output];
    if (out->node < 1 || (size_t)out->node != m->net->nodes - 1)
        MX_FAIL(err, MERX_E_UNSUPPORTED, f->path, "its output is not what the last layer makes");
    if (out->laid != MX_ONNX_PLAIN && !(out->laid == MX_ONNX_ONES))
        MX_FAIL(err, MERX_E_UNSUPPORTED, f->path, "its output has channels or steps first; merx's come last");
    return MERX_OK;
}

merx_status mx_onnx_import(const merx_allocator *alloc, const void *data, size_t size, const char *path,
                           merx_network **out, merx_error *err)
{
    mx_onnx_importer m = {0};
    merx_error inner = {0};
    merx_status status;
    *out = NULL;
    MX_TRY_GOTO(mx_onnx_read(data, size, path, alloc, &m.file, err));
    MX_TRY_GOTO(build(&m, alloc, err));
    status = mx_network_shapes(m.net, &inner);
    if (status == MERX_OK)
        MX_TRY_GOTO(check_weights(&m, err));
    if (status == MERX_OK) {
        m.net->resumes = true; /* its weights need not be drawn */
        status = merx_network_compile(m.net, MERX_ADAM(), mx_loss_standard(m.net), NULL, &inner);
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
    return status;
}

merx_status merx_network_import_onnx(const merx_allocator *alloc, const char *path, merx_network **out, merx_error *err)
{
    mx_map map;
    *out = NULL;
    MX_TRY(mx_map_open(path, &map, err));
    merx_status status = mx_onnx_import(alloc, map.data, map.size, path, out, err);
    mx_map_close(&map);
    return status;
}
