/*
 * Batch and layer normalisation: y = gamma (x - mean) / sqrt(variance + epsilon) + beta.
 *
 * Batch: mean and variance per channel (last dimension), in training over all examples and pixels of the batch (Ioffe & Szegedy 2015), otherwise the moving ones, which
 * training moves: moving = momentum moving + (1 - momentum) batch's, with the biased variance as Keras. The sums of the whole batch come from
 * two sweeps (forward_sums, backward_sums), in double, added up in order of the blocks. Backward, with z the normalised x, m rows in the batch:
 *
 *     dx = gamma / sqrt(var + eps) (dy - sum dy / m - z sum(dy z) / m),   dgamma = sum dy z,   dbeta = sum dy
 *
 * Layer: the same per row over the last dimension (Ba, Kiros & Hinton 2016).
 */
#include <math.h>
#include <string.h>

#include "learn/network/layer.h"

static const mx_field batch_fields[] = {
    MX_FIELD("momentum", REAL, batch_norm.momentum, 0, 1, "0.99", "What stays of the moving statistics at each step."),
    MX_FIELD("epsilon", REAL, batch_norm.epsilon, 1e-12, 1, "0.001", "Added to the variance."),
    MX_FIELD("scale", NOT, batch_norm.no_scale, 0, 0, "true", "Whether gamma is there."),
    MX_FIELD("center", NOT, batch_norm.no_center, 0, 0, "true", "Whether beta is there."),
    {0},
};
static const mx_field layer_fields[] = {
    MX_FIELD("epsilon", REAL, layer_norm.epsilon, 1e-12, 1, "0.001", "Added to the variance."),
    MX_FIELD("scale", NOT, layer_norm.no_scale, 0, 0, "true", "Whether gamma is there."),
    MX_FIELD("center", NOT, layer_norm.no_center, 0, 0, "true", "Whether beta is there."),
    {0},
};

/* Numbers of weights: gamma, beta, moving mean, moving variance; -1: not there. */
typedef struct places {
    int gamma, beta, mean, variance;
} places;

static places places_of(const mx_node *node)
{
    bool batch = node->kind->id == MERX_LAYER_BATCH_NORM;
    bool scale = batch ? !node->layer.batch_norm.no_scale : !node->layer.layer_norm.no_scale;
    bool center = batch ? !node->layer.batch_norm.no_center : !node->layer.layer_norm.no_center;
    int count = scale + center;
    return (places){scale ? 0 : -1, center ? scale : -1, batch ? count : -1, batch ? count + 1 : -1};
}

static size_t channels(const mx_node *node)
{
    return node->out.dim[node->out.rank - 1];
}

static const float *weight_or_null(const mx_node *node, const mx_pass *pass, int which)
{
    return which >= 0 ? mx_pass_weight(node, pass, (size_t)which) : NULL;
}

static void declare(mx_node *node, bool scale, bool center)
{
    size_t c = channels(node);
    if (scale)
        mx_node_weight(node, "gamma", MERX_INPUT(c), MX_INITIAL_ONES, 0, 0);
    if (center)
        mx_node_weight(node, "beta", MERX_INPUT(c), MX_INITIAL_ZEROS, 0, 0);
}

static merx_status need_dimension(const mx_node *node, merx_error *err)
{
    if (node->in[0].rank == 0)
        MX_FAIL(err, MERX_E_SHAPE, node->name, "%s needs at least one dimension", node->kind->word);
    return MERX_OK;
}

/* ---- batch ---- */

static merx_status batch_shape(mx_node *node, merx_error *err)
{
    MX_TRY(need_dimension(node, err));
    node->out = node->in[0];
    declare(node, !node->layer.batch_norm.no_scale, !node->layer.batch_norm.no_center);
    size_t c = channels(node);
    mx_node_weight(node, "moving_mean", MERX_INPUT(c), MX_INITIAL_ZEROS, 0, 0)->trainable = false;
    mx_node_weight(node, "moving_variance", MERX_INPUT(c), MX_INITIAL_ONES, 0, 0)->trainable = false;
    /* Sums of x - shift and its squares, then of dy and dy z; the shift is the moving mean, so that squares don't cancel. */
    node->sums = 4 * c;
    node->scratch = 5 * c;
    node->passes_mask = true;
    return MERX_OK;
}

static void batch_forward_sums(const mx_node *node, const mx_pass *pass)
{
    size_t c = channels(node), m = pass->n * node->out_size / c;
    const float *shift = mx_pass_weight(node, pass, (size_t)places_of(node).mean);
    double *sum = pass->own_sums, *square = sum + c;
    memset(sum, 0, 2 * c * sizeof *sum);
    for (size_t i = 0; i < m; i++) {
        const float *x = pass->x[0] + i * c;
        for (size_t j = 0; j < c; j++) {
            double v = (double)(x[j] - shift[j]);
            sum[j] += v;
            square[j] += v * v;
        }
    }
}

/* What the batch's sums say of a channel. */
static double batch_mean(const double *sums, size_t j, double m, double shift)
{
    return shift + sums[j] / m;
}

static double batch_variance(const double *sums, size_t j, size_t c, double m)
{
    double mean = sums[j] / m, variance = sums[c + j] / m - mean * mean;
    return variance > 0 ? variance : 0;
}

static void batch_forward(const mx_node *node, const mx_pass *pass)
{
    size_t c = channels(node), m = pass->n * node->out_size / c;
    places at = places_of(node);
    const float *gamma = weight_or_null(node, pass, at.gamma), *beta = weight_or_null(node, pass, at.beta);
    const float *mean = mx_pass_weight(node, pass, (size_t)at.mean),
                *variance = mx_pass_weight(node, pass, (size_t)at.variance);
    double all = (double)pass->batch * (double)node->out_size / (double)c, epsilon = node->layer.batch_norm.epsilon;
    float *factor = pass->scratch, *add = factor + c;
    for (size_t j = 0; j < c; j++) {
        double middle = pass->training ? batch_mean(pass->sums, j, all, (double)mean[j]) : (double)mean[j];
        double spread = pass->training ? batch_variance(pass->sums, j, c, all) : (double)variance[j];
        double f = (gamma != NULL ? (double)gamma[j] : 1) / sqrt(spread + epsilon);
        factor[j] = (float)f;
        add[j] = (float)((beta != NULL ? (double)beta[j] : 0) - middle * f);
    }
    for (size_t i = 0; i < m; i++) {
        const float *x = pass->x[0] + i * c;
        float *y = pass->y + i * c;
        for (size_t j = 0; j < c; j++)
            y[j] = x[j] * factor[j] + add[j];
    }
}

static void batch_settle(const mx_node *node, const double *sums, size_t batch, float *weights)
{
    size_t c = channels(node);
    places at = places_of(node);
    double all = (double)batch * (double)node->out_size / (double)c, momentum = node->layer.batch_norm.momentum;
    float *mean = weights + node->weight[at.mean].offset, *variance = weights + node->weight[at.variance].offset;
    for (size_t j = 0; j < c; j++) {
        double middle = batch_mean(sums, j, all, (double)mean[j]), spread = batch_variance(sums, j, c, all);
        mean[j] = (float)(momentum * (double)mean[j] + (1 - momentum) * middle);
        variance[j] = (float)(momentum * (double)variance[j] + (1 - momentum) * spread);
    }
}

/* z_j of a row = (x_j - middle_j) inverse_j. */
static void batch_middle(const mx_node *node, const mx_pass *pass, float *middle, float *inverse)
{
    size_t c = channels(node);
    const float *shift = mx_pass_weight(node, pass, (size_t)places_of(node).mean);
    double all = (double)pass->batch * (double)node->out_size / (double)c;
    for (size_t j = 0; j < c; j++) {
        middle[j] = (float)batch_mean(pass->sums, j, all, (double)shift[j]);
        inverse[j] = (float)(1 / sqrt(batch_variance(pass->sums, j, c, all) + node->layer.batch_norm.epsilon));
    }
}

static void batch_backward_sums(const mx_node *node, const mx_pass *pass)
{
    size_t c = channels(node), m = pass->n * node->out_size / c;
    float *middle = pass->scratch, *inverse = middle + c;
    batch_middle(node, pass, middle, inverse);
    double *sum = pass->own_sums + 2 * c, *along = sum + c;
    memset(sum, 0, 2 * c * sizeof *sum);
    for (size_t i = 0; i < m; i++) {
        const float *x = pass->x[0] + i * c, *dy = pass->dy + i * c;
        for (size_t j = 0; j < c; j++) {
            sum[j] += (double)dy[j];
            along[j] += (double)(dy[j] * ((x[j] - middle[j]) * inverse[j]));
        }
    }
}

static void batch_backward(const mx_node *node, const mx_pass *pass)
{
    size_t c = channels(node), m = pass->n * node->out_size / c;
    places at = places_of(node);
    const float *gamma = weight_or_null(node, pass, at.gamma);
    float *middle = pass->scratch, *inverse = middle + c;
    double all = (double)pass->batch * (double)node->out_size / (double)c;
    const double *sum = pass->sums + 2 * c, *along = sum + c;
    batch_middle(node, pass, middle, inverse);
    /* The sums are the batch's: added once. */
    if (pass->first == 0)
        for (size_t j = 0; j < c; j++) {
            if (at.gamma >= 0)
                mx_pass_gradient(node, pass, (size_t)at.gamma)[j] += (float)along[j];
            if (at.beta >= 0)
                mx_pass_gradient(node, pass, (size_t)at.beta)[j] += (float)sum[j];
        }
    if (pass->dx[0] == NULL)
        return;
    float *factor = inverse + c, *mean = factor + c, *slope = mean + c;
    for (size_t j = 0; j < c; j++) {
        factor[j] = inverse[j] * (gamma != NULL ? gamma[j] : 1);
        mean[j] = (float)(sum[j] / all);
        slope[j] = (float)(along[j] / all);
    }
    for (size_t i = 0; i < m; i++) {
        const float *x = pass->x[0] + i * c, *dy = pass->dy + i * c;
        float *dx = pass->dx[0] + i * c;
        if (pass->dx_add[0])
            for (size_t j = 0; j < c; j++)
                dx[j] += factor[j] * (dy[j] - mean[j] - (x[j] - middle[j]) * inverse[j] * slope[j]);
        else
            for (size_t j = 0; j < c; j++)
                dx[j] = factor[j] * (dy[j] - mean[j] - (x[j] - middle[j]) * inverse[j] * slope[j]);
    }
}

static void batch_twin(const mx_node *node, const mx_twin_pass *pass)
{
    size_t c = channels(node), m = pass->n * node->out_size / c;
    places at = places_of(node);
    for (size_t j = 0; j < c; j++) {
        double mean = 0, variance = 0;
        for (size_t i = 0; i < m; i++)
            mean += pass->x[0][i * c + j] / (double)m;
        for (size_t i = 0; i < m; i++)
            variance += (pass->x[0][i * c + j] - mean) * (pass->x[0][i * c + j] - mean) / (double)m;
        if (!pass->training) {
            mean = pass->weights[node->weight[at.mean].offset + j];
            variance = pass->weights[node->weight[at.variance].offset + j];
        }
        for (size_t i = 0; i < m; i++) {
            double z = (pass->x[0][i * c + j] - mean) / sqrt(variance + node->layer.batch_norm.epsilon);
            pass->y[i * c + j] = (at.gamma >= 0 ? pass->weights[node->weight[at.gamma].offset + j] : 1) * z +
                                 (at.beta >= 0 ? pass->weights[node->weight[at.beta].offset + j] : 0);
        }
    }
}

const mx_layer_kind mx_layer_batch_norm = {
    .id = MERX_LAYER_BATCH_NORM,
    .word = "batch_norm",
    .title = "Batch normalisation",
    .text = "Each channel at mean 0 and variance 1 over the batch, then scaled and shifted; moving statistics when it "
            "is run.",
    .formula = "y = gamma (x - mean) / sqrt(variance + epsilon) + beta",
    .fields = batch_fields,
    .least_inputs = 1,
    .most_inputs = 1,
    .shape = batch_shape,
    .forward = batch_forward,
    .backward = batch_backward,
    .forward_sums = batch_forward_sums,
    .backward_sums = batch_backward_sums,
    .settle = batch_settle,
    .twin = batch_twin,
};

/* ---- layer ---- */

static merx_status layer_shape(mx_node *node, merx_error *err)
{
    MX_TRY(need_dimension(node, err));
    node->out = node->in[0];
    declare(node, !node->layer.layer_norm.no_scale, !node->layer.layer_norm.no_center);
    /* Mean and 1 / deviation of each row. */
    node->saved_floats = 2 * (mx_dims_size(node->out) / channels(node));
    node->passes_mask = true;
    return MERX_OK;
}

static void layer_forward(const mx_node *node, const mx_pass *pass)
{
    size_t c = channels(node), m = pass->n * node->out_size / c;
    places at = places_of(node);
    const float *gamma = weight_or_null(node, pass, at.gamma), *beta = weight_or_null(node, pass, at.beta);
    for (size_t i = 0; i < m; i++) {
        const float *x = pass->x[0] + i * c;
        float *y = pass->y + i * c;
        double sum = 0, square = 0;
        for (size_t j = 0; j < c; j++)
            sum += (double)x[j];
        double mean = sum / (double)c;
        for (size_t j = 0; j < c; j++)
            square += ((double)x[j] - mean) * ((double)x[j] - mean);
        float middle = (float)mean, inverse = (float)(1 / sqrt(square / (double)c + node->layer.layer_norm.epsilon));
        for (size_t j = 0; j < c; j++)
            y[j] = (x[j] - middle) * inverse * (gamma != NULL ? gamma[j] : 1) + (beta != NULL ? beta[j] : 0);
        if (pass->training) {
            pass->saved[2 * i] = middle;
            pass->saved[2 * i + 1] = inverse;
        }
    }
}

static void layer_backward(const mx_node *node, const mx_pass *pass)
{
    size_t c = channels(node), m = pass->n * node->out_size / c;
    places at = places_of(node);
    const float *gamma = weight_or_null(node, pass, at.gamma);
    float *dgamma = at.gamma >= 0 ? mx_pass_gradient(node, pass, (size_t)at.gamma) : NULL;
    float *dbeta = at.beta >= 0 ? mx_pass_gradient(node, pass, (size_t)at.beta) : NULL;
    for (size_t i = 0; i < m; i++) {
        const float *x = pass->x[0] + i * c, *dy = pass->dy + i * c;
        float middle = pass->saved[2 * i], inverse = pass->saved[2 * i + 1];
        double sum = 0, along = 0;
        for (size_t j = 0; j < c; j++) {
            float z = (x[j] - middle) * inverse, g = dy[j] * (gamma != NULL ? gamma[j] : 1);
            sum += (double)g;
            along += (double)(g * z);
            if (dgamma != NULL)
                dgamma[j] += dy[j] * z;
            if (dbeta != NULL)
                dbeta[j] += dy[j];
        }
        if (pass->dx[0] == NULL)
            continue;
        float *dx = pass->dx[0] + i * c;
        float mean = (float)(sum / (double)c), slope = (float)(along / (double)c);
        for (size_t j = 0; j < c; j++) {
            float z = (x[j] - middle) * inverse, g = dy[j] * (gamma != NULL ? gamma[j] : 1),
                  v = inverse * (g - mean - z * slope);
            dx[j] = pass->dx_add[0] ? dx[j] + v : v;
        }
    }
}

static void layer_twin(const mx_node *node, const mx_twin_pass *pass)
{
    size_t c = channels(node), m = pass->n * node->out_size / c;
    places at = places_of(node);
    for (size_t i = 0; i < m; i++) {
        const double *x = pass->x[0] + i * c;
        double mean = 0, variance = 0;
        for (size_t j = 0; j < c; j++)
            mean += x[j] / (double)c;
        for (size_t j = 0; j < c; j++)
            variance += (x[j] - mean) * (x[j] - mean) / (double)c;
        for (size_t j = 0; j < c; j++)
            pass->y[i * c + j] = (at.gamma >= 0 ? pass->weights[node->weight[at.gamma].offset + j] : 1) *
                                     (x[j] - mean) / sqrt(variance + node->layer.layer_norm.epsilon) +
                                 (at.beta >= 0 ? pass->weights[node->weight[at.beta].offset + j] : 0);
    }
}

const mx_layer_kind mx_layer_layer_norm = {
    .id = MERX_LAYER_LAYER_NORM,
    .word = "layer_norm",
    .title = "Layer normalisation",
    .text = "Each row at mean 0 and variance 1 over the last dimension, then scaled and shifted.",
    .formula = "y = gamma (x - mean) / sqrt(variance + epsilon) + beta",
    .fields = layer_fields,
    .least_inputs = 1,
    .most_inputs = 1,
    .shape = layer_shape,
    .forward = layer_forward,
    .backward = layer_backward,
    .twin = layer_twin,
};
