/*
 * Functions out of an ONNX file (onnx_import.h): operators that are one, and those that exporters write as several.
 *
 *   gelu          s = x / sqrt 2 (or x times 1 / sqrt 2);  r = Erf(s) + 1;  then x r 0.5, x (r 0.5) or (x 0.5) r
 *   hard_sigmoid  Clip(x + 3, 0, 6), divided by 6 or times 1 / 6
 *
 * A number a channel times x, and one added (what exporters make of a batch normalisation that they could not put into the layer before it), is a batch_norm of mean 0 and variance 1.
 */
#include <math.h>
#include <string.h>

#include "learn/network/onnx_import.h"

enum { WINDOW = 12 };           /* a chain's operators stand near each other */
enum { MOST_SPREAD = 1 << 16 }; /* channels that one number of the file becomes the weights of */

bool mx_onnx_activation(const mx_onnx_op *op, merx_activation *out)
{
    static const struct {
        const char *op;
        merx_activation is;
    } words[] = {{"Relu", MERX_RELU},
                 {"Tanh", MERX_TANH},
                 {"Sigmoid", MERX_SIGMOID},
                 {"Softplus", MERX_SOFTPLUS},
                 {"Exp", MERX_EXPONENTIAL}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (mx_onnx_is(op, words[i].op)) {
            *out = words[i].is;
            return true;
        }
    const mx_onnx_attribute *way = mx_onnx_find(op, "approximate");
    if (mx_onnx_is(op, "Elu") && mx_onnx_real(op, "alpha", 1) == 1)
        *out = MERX_ELU;
    else if (mx_onnx_is(op, "Gelu") && (way == NULL || mx_str_equal(way->s, MX_STR("none"))))
        *out = MERX_GELU;
    else if (mx_onnx_is(op, "LeakyRelu") && fabs(mx_onnx_real(op, "alpha", 0.01) - 0.2) < 1e-7)
        *out = MERX_LEAKY_RELU;
    else if (mx_onnx_is(op, "HardSigmoid") && fabs(mx_onnx_real(op, "alpha", 0.2) - 1.0 / 6) < 1e-7 &&
             mx_onnx_real(op, "beta", 0.5) == 0.5)
        *out = MERX_HARD_SIGMOID;
    else
        return false;
    return true;
}

/* What is wrong with it, where more is known than that there is no layer. */
const char *mx_onnx_advice(const mx_onnx_op *op)
{
    static const char *const known[][2] = {
        {"Gelu", ": gelu by tanh (approximate); merx's is by erf"},
        {"LeakyRelu", ": its alpha is not 0.2"},
        {"Elu", ": its alpha is not 1"},
        {"HardSigmoid", ": its alpha and beta are not 1/6 and 0.5"},
        {"Clip", ": bounds on numbers (relu6 is Clip from 0 to 6)"},
        {"Pow", " (part of gelu by tanh? merx's is by erf)"},
        {"Erf", ": it is no part of gelu"},
        {"Pad", ": a layer's padding is none or same"},
        {"LogSoftmax", ": end the network with Softmax"},
        {"Mul", ": merx multiplies in silu, gelu and hard_sigmoid, and by a number a channel"},
        {"Div", ": merx divides in gelu and hard_sigmoid, and by a number a channel"},
        {"Sub", ": merx subtracts a number a channel alone"},
        {"Loop", ": a recurrent layer that the exporter wrote out; export it as LSTM, GRU or RNN, or give merx Keras's "
                 "own file"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (mx_onnx_is(op, known[i][0]))
            return known[i][1];
    return "";
}

/* ---- chains ---- */

static bool is_binary(const mx_onnx_op *op, const char *word)
{
    return op != NULL && mx_onnx_is(op, word) && op->n_inputs == 2 && op->n_outputs == 1 && op->inputs[0] >= 0 &&
           op->inputs[1] >= 0;
}

/* The operator's other input, beside name. */
static int32_t other_of(const mx_onnx_op *op, int32_t name)
{
    return op->inputs[0] == name ? op->inputs[1] : op->inputs[0];
}

static bool is_number(const mx_onnx_importer *m, int32_t name, double value)
{
    const mx_onnx_tensor *t = name >= 0 ? m->file.constants[name] : NULL;
    return t != NULL && t->floats != NULL && t->count == 1 && fabs((double)t->floats[0] - value) <= 1e-5 * fabs(value);
}

/* name times value (or, divides, divided by it). */
static bool is_scaled(const mx_onnx_importer *m, const mx_onnx_op *op, int32_t name, double value, bool divides)
{
    if (divides)
        return is_binary(op, "Div") && op->inputs[0] == name && is_number(m, op->inputs[1], value);
    return is_binary(op, "Mul") && (op->inputs[0] == name || op->inputs[1] == name) &&
           is_number(m, other_of(op, name), value);
}

static void finish(mx_onnx_importer *m, const mx_onnx_op *op)
{
    m->done[op - m->file.ops] = true;
}

/* The operator near the one that is read which makes this; NULL: none. */
static const mx_onnx_op *maker(const mx_onnx_importer *m, int32_t name)
{
    for (size_t i = m->at; i < m->file.n_ops && i < m->at + WINDOW; i++)
        if (m->file.ops[i].n_outputs == 1 && m->file.ops[i].outputs[0] == name)
            return &m->file.ops[i];
    return NULL;
}

/* What is behind r = Erf(s) + 1: the operators from there to the function's end. */
static bool ends_gelu(mx_onnx_importer *m, int32_t x, int32_t r, int32_t *end)
{
    const mx_onnx_op *times = mx_onnx_only_user(m, r), *half;
    if (!is_binary(times, "Mul"))
        return false;
    int32_t other = other_of(times, r), product = times->outputs[0];
    if (other == x || is_number(m, other, 0.5)) {
        half = mx_onnx_only_user(m, product);
        if (other == x ? !is_scaled(m, half, product, 0.5, false)
                       : !is_binary(half, "Mul") || other_of(half, product) != x)
            return false;
        *end = half->outputs[0];
    } else {
        half = maker(m, other);
        if (half == NULL || mx_onnx_only_user(m, other) != times || !is_scaled(m, half, x, 0.5, false))
            return false;
        *end = product;
    }
    finish(m, times);
    finish(m, half);
    return *end >= 0;
}

bool mx_onnx_starts_gelu(mx_onnx_importer *m, int32_t *end)
{
    const mx_onnx_op *op = mx_onnx_op_now(m);
    if (!is_binary(op, "Mul") && !is_binary(op, "Div"))
        return false;
    int32_t x = m->file.constants[op->inputs[0]] == NULL ? op->inputs[0] : op->inputs[1];
    if (m->values[x].node < 0)
        return false;
    for (size_t i = m->at; i < m->file.n_ops && i < m->at + WINDOW; i++) {
        const mx_onnx_op *scale = &m->file.ops[i];
        if (!is_scaled(m, scale, x, 0.70710678, false) && !is_scaled(m, scale, x, 1.41421356, true))
            continue;
        const mx_onnx_op *curve = mx_onnx_only_user(m, scale->outputs[0]);
        if (curve == NULL || !mx_onnx_is(curve, "Erf") || curve->n_outputs != 1)
            continue;
        const mx_onnx_op *raise = mx_onnx_only_user(m, curve->outputs[0]);
        if (!is_binary(raise, "Add") || !is_number(m, other_of(raise, curve->outputs[0]), 1) ||
            !ends_gelu(m, x, raise->outputs[0], end))
            continue;
        finish(m, scale);
        finish(m, curve);
        finish(m, raise);
        return true;
    }
    return false;
}

bool mx_onnx_starts_hard_sigmoid(mx_onnx_importer *m, int32_t *end)
{
    const mx_onnx_op *op = mx_onnx_op_now(m);
    if (!is_binary(op, "Add"))
        return false;
    int32_t x = m->file.constants[op->inputs[0]] == NULL ? op->inputs[0] : op->inputs[1];
    if (m->values[x].node < 0 || !is_number(m, other_of(op, x), 3))
        return false;
    const mx_onnx_op *clip = mx_onnx_only_user(m, op->outputs[0]);
    const mx_onnx_tensor *most = clip != NULL ? mx_onnx_constant(m, clip, 2) : NULL,
                         *least = clip != NULL ? mx_onnx_constant(m, clip, 1) : NULL;
    if (clip == NULL || !mx_onnx_is(clip, "Clip") || clip->n_outputs != 1 || clip->n_inputs != 3 || most == NULL ||
        least == NULL || least->floats == NULL || least->count != 1 || least->floats[0] != 0 ||
        !is_number(m, clip->inputs[2], 6))
        return false;
    const mx_onnx_op *scale = mx_onnx_only_user(m, clip->outputs[0]);
    if (scale == NULL ||
        (!is_scaled(m, scale, clip->outputs[0], 1.0 / 6, false) && !is_scaled(m, scale, clip->outputs[0], 6, true)))
        return false;
    finish(m, clip);
    finish(m, scale);
    *end = scale->outputs[0];
    return *end >= 0;
}

/* ---- a number a channel ---- */

/* Which of the operator's inputs is such a constant for v: (c), (1, c) … behind, or (c, 1, 1) where channels come first; or one number. -1: none. */
static int channel_constant(const mx_onnx_importer *m, const mx_onnx_op *op, const mx_onnx_value *v)
{
    const merx_dims *dims = mx_onnx_dims(m, v);
    size_t c = dims->rank > 0 ? dims->dim[dims->rank - 1] : 0;
    bool first = v->laid == MX_ONNX_FIRST || v->laid == MX_ONNX_ONES;
    for (int i = 1; i >= 0; i--) {
        const mx_onnx_tensor *t = mx_onnx_constant(m, op, (size_t)i);
        if (t == NULL || t->floats == NULL || t->rank > dims->rank + (v->laid == MX_ONNX_ONES ? 3 : 1))
            continue;
        if (t->count == 1 && c <= MOST_SPREAD)
            return i;
        size_t behind = first ? (v->laid == MX_ONNX_ONES ? 2 : dims->rank - 1) : 0;
        if (v->laid != MX_ONNX_FLAT && t->count == c && t->rank > behind && t->dim[t->rank - 1 - behind] == c)
            return i;
    }
    return -1;
}

/* Multiplies and adds what the operator does into scale and shift (c); whether it is one that can be. */
static bool add_step(const mx_onnx_op *op, int which, const mx_onnx_tensor *t, size_t c, float *scale, float *shift)
{
    bool times = mx_onnx_is(op, "Mul"), over = mx_onnx_is(op, "Div"), plus = mx_onnx_is(op, "Add"),
         less = mx_onnx_is(op, "Sub");
    if ((!times && !over && !plus && !less) || ((over || less) && which != 1))
        return false;
    for (size_t j = 0; j < c; j++) {
        float v = t->floats[t->count == 1 ? 0 : j];
        if (times || over) {
            v = over ? 1 / v : v;
            scale[j] *= v;
            shift[j] *= v;
        } else {
            shift[j] += plus ? v : -v;
        }
    }
    return true;
}

merx_status mx_onnx_affine(mx_onnx_importer *m, bool *taken, merx_error *err)
{
    const mx_onnx_op *op = mx_onnx_op_now(m);
    *taken = false;
    if (op->n_inputs != 2 || op->n_outputs != 1 || op->inputs[0] < 0 || op->inputs[1] < 0 || op->outputs[0] < 0 ||
        (!mx_onnx_is(op, "Mul") && !mx_onnx_is(op, "Add") && !mx_onnx_is(op, "Sub") && !mx_onnx_is(op, "Div")))
        return MERX_OK;
    int32_t x = m->file.constants[op->inputs[0]] == NULL ? op->inputs[0] : op->inputs[1], name = op->outputs[0];
    if (m->values[x].node < 0)
        return MERX_OK;
    const mx_onnx_value from = m->values[x];
    const merx_dims dims = *mx_onnx_dims(m, &from);
    int which = channel_constant(m, op, &from), node;
    float *scale, *shift, *zeros, *ones;
    if (which < 0 || dims.rank == 0 || ((mx_onnx_is(op, "Sub") || mx_onnx_is(op, "Div")) && which != 1))
        return MERX_OK;
    size_t c = dims.dim[dims.rank - 1];
    const double epsilon = 0.001;
    MX_TRY(mx_onnx_add_layer(m, MERX_BATCH_NORM(.epsilon = epsilon), 1, &from.node, &node, err));
    MX_TRY(mx_onnx_new_weight(m, node, "gamma", c, &scale, err));
    MX_TRY(mx_onnx_new_weight(m, node, "beta", c, &shift, err));
    MX_TRY(mx_onnx_new_weight(m, node, "moving_mean", c, &zeros, err));
    MX_TRY(mx_onnx_new_weight(m, node, "moving_variance", c, &ones, err));
    for (size_t j = 0; j < c; j++) {
        scale[j] = 1;
        ones[j] = (float)(1 - epsilon);
    }
    *taken = add_step(op, which, mx_onnx_constant(m, op, (size_t)which), c, scale, shift);
    for (const mx_onnx_op *next = mx_onnx_only_user(m, name);
         next != NULL && next->n_inputs == 2 && next->n_outputs == 1 && next->outputs[0] >= 0;
         next = mx_onnx_only_user(m, name)) {
        which = channel_constant(m, next, &from);
        /* x + 3 begins hard_sigmoid: left to it */
        const mx_onnx_op *behind = mx_onnx_only_user(m, next->outputs[0]);
        if (which < 0 || (behind != NULL && mx_onnx_is(behind, "Clip")) ||
            !add_step(next, which, mx_onnx_constant(m, next, (size_t)which), c, scale, shift))
            break;
        finish(m, next);
        name = next->outputs[0];
    }
    mx_onnx_set_output(m, name, node, from.laid);
    m->values[name].h = from.h, m->values[name].w = from.w, m->values[name].c = from.c;
    return MERX_OK;
}
