/*
 * An activation as a layer of its own, and dropout: element by element.
 *
 * Dropout (Srivastava et al. 2014): in training each number is set to 0 with probability `rate` and divided by 1 - rate otherwise. Which ones is a function of (seed,
 * step, layer, example of the batch, element) alone.
 */
#include "learn/network/layer.h"

#include <string.h>

#include "base/random.h"

static const mx_field activation_fields[] = {
    MX_FIELD("activation", ACTIVATION, activate.activation, 0, 0, NULL, "f."),
    {0},
};
static const mx_field dropout_fields[] = {
    MX_FIELD("rate", REAL, dropout.rate, 0, 0.999, NULL, "Share of the numbers that is set to 0 in training."),
    {0},
};

static merx_status activation_shape(mx_node *node, merx_error *err)
{
    node->activation = mx_activation_of(node->layer.activate.activation, MERX_LINEAR, &node->softmax);
    node->out = node->in[0];
    node->passes_mask = true;
    if (node->softmax && node->out.rank == 0)
        MX_FAIL(err, MERX_E_SHAPE, node->name, "softmax needs at least one dimension");
    return MERX_OK;
}

static size_t last_dim(const mx_node *node)
{
    return node->out.dim[node->out.rank - 1];
}

static void activation_forward(const mx_node *node, const mx_pass *pass)
{
    const mx_tensor_kernels *kernels = mx_tensor_kernel();
    size_t size = pass->n * node->out_size;
    if (node->at_loss && pass->logits)
        memcpy(pass->y, pass->x[0], size * sizeof(float));
    else if (node->softmax)
        kernels->softmax_loss(pass->x[0], size / last_dim(node), last_dim(node), NULL, NULL, NULL, pass->y, NULL, NULL);
    else
        kernels->activate(node->activation, pass->x[0], size, pass->y);
}

static void activation_backward(const mx_node *node, const mx_pass *pass)
{
    const mx_tensor_kernels *kernels = mx_tensor_kernel();
    size_t size = pass->n * node->out_size;
    if (pass->dx[0] == NULL)
        return;
    if (node->softmax && !node->at_loss)
        mx_softmax_back(pass->y, pass->dy, size / last_dim(node), last_dim(node));
    else if (!node->at_loss)
        kernels->activate_back(node->activation,
                               node->activation == MX_GELU || node->activation == MX_SILU ? pass->x[0] : NULL, pass->y,
                               pass->dy, size, pass->dy);
    if (pass->dx_add[0])
        kernels->add_to(pass->dy, size, pass->dx[0]);
    else
        memcpy(pass->dx[0], pass->dy, size * sizeof(float));
}

static void activation_twin(const mx_node *node, const mx_twin_pass *pass)
{
    bool logits = node->at_loss && pass->logits;
    for (size_t i = 0; i < pass->n * node->out_size; i++)
        pass->y[i] = logits ? pass->x[0][i] : mx_twin_activate(node->activation, pass->x[0][i]);
    if (node->softmax && !logits)
        mx_twin_softmax(pass->y, pass->n * node->out_size / last_dim(node), last_dim(node));
}

const mx_layer_kind mx_layer_activation = {
    .id = MERX_LAYER_ACTIVATION,
    .word = "activation",
    .title = "Activation",
    .text = "A function of each number; softmax: of the last dimension.",
    .formula = "y = f(x)",
    .fields = activation_fields,
    .least_inputs = 1,
    .most_inputs = 1,
    .shape = activation_shape,
    .forward = activation_forward,
    .backward = activation_backward,
    .twin = activation_twin,
};

static merx_status dropout_shape(mx_node *node, merx_error *err)
{
    (void)err;
    node->out = node->in[0];
    node->passes_mask = true;
    return MERX_OK;
}

/* keep[i]: the factor of element i: 0 or 1 / (1 - rate). */
static float keep_factor(const mx_node *node, uint64_t seed, uint64_t step, size_t example, size_t element)
{
    uint64_t key = mx_random_key(step, (uint64_t)node->number, example);
    uint32_t counter[4] = {(uint32_t)(element / 4), (uint32_t)(element / 4 >> 32), (uint32_t)key,
                           (uint32_t)(key >> 32)},
             out[4];
    const uint32_t words[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    mx_philox4x32(counter, words, out);
    double rate = node->layer.dropout.rate;
    return (double)out[element % 4] * 0x1p-32 < rate ? 0 : (float)(1 / (1 - rate));
}

static void scale_kept(const mx_node *node, const mx_pass *pass, const float *from, float *to, bool add)
{
    double rate = node->layer.dropout.rate;
    float kept = (float)(1 / (1 - rate));
    uint64_t below = (uint64_t)(rate * 0x1p32);
    const uint32_t words[2] = {(uint32_t)pass->seed, (uint32_t)(pass->seed >> 32)};
    for (size_t i = 0; i < pass->n; i++) {
        uint64_t key = mx_random_key(pass->step, (uint64_t)node->number, pass->first + i);
        const float *x = from + i * node->out_size;
        float *y = to + i * node->out_size;
        for (size_t j = 0; j < node->out_size; j += 4) {
            uint32_t counter[4] = {(uint32_t)(j / 4), (uint32_t)((uint64_t)j / 4 >> 32), (uint32_t)key,
                                   (uint32_t)(key >> 32)},
                     out[4];
            mx_philox4x32(counter, words, out);
            for (size_t l = 0; l < 4 && j + l < node->out_size; l++) {
                float v = out[l] < below ? 0 : x[j + l] * kept;
                y[j + l] = add ? y[j + l] + v : v;
            }
        }
    }
}

static void dropout_forward(const mx_node *node, const mx_pass *pass)
{
    if (!pass->training || node->layer.dropout.rate == 0)
        memcpy(pass->y, pass->x[0], pass->n * node->out_size * sizeof(float));
    else
        scale_kept(node, pass, pass->x[0], pass->y, false);
}

static void dropout_backward(const mx_node *node, const mx_pass *pass)
{
    if (pass->dx[0] != NULL)
        scale_kept(node, pass, pass->dy, pass->dx[0], pass->dx_add[0]);
}

static void dropout_twin(const mx_node *node, const mx_twin_pass *pass)
{
    for (size_t i = 0; i < pass->n; i++)
        for (size_t j = 0; j < node->out_size; j++) {
            double v = pass->x[0][i * node->out_size + j];
            pass->y[i * node->out_size + j] =
                pass->training ? v * (double)keep_factor(node, pass->seed, pass->step, i, j) : v;
        }
}

const mx_layer_kind mx_layer_dropout = {
    .id = MERX_LAYER_DROPOUT,
    .word = "dropout",
    .title = "Dropout",
    .text = "Sets a share of the numbers to 0 while training.",
    .formula = "y = x keep / (1 - rate)",
    .fields = dropout_fields,
    .least_inputs = 1,
    .most_inputs = 1,
    .shape = dropout_shape,
    .forward = dropout_forward,
    .backward = dropout_backward,
    .twin = dropout_twin,
};
