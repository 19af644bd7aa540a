/*
 * Losses over rows of the output, their gradients and metrics. y (m, u), one row i per example or step.
 *
 *   categorical_crossentropy   -sum_c t_ic log p_ic       p = softmax(logits); taken from the logits: dy = p - t
 *   binary_crossentropy        mean_j -(t log p + (1 - t) log(1 - p))    p = sigmoid(logits): dy = (p - t) / u
 *   mean_squared_error         mean_j (y - t)^2
 *   mean_absolute_error        mean_j |y - t|
 *   sampled_softmax, bpr       in head.h
 *   huber                      mean_j  (y - t)^2 / 2 within 1, |y - t| - 1 / 2 beyond
 *
 * The batch's loss is the sum of weight_i loss_i over the rows that count, divided by how many they are (Keras's sum_over_batch_size).
 */
#include "learn/network/network_state.h"

#include <math.h>
#include <string.h>

const char *mx_loss_word(merx_loss loss)
{
    static const char *const words[] = {
#define WORD(name, word) #word,
        MERX_LOSS_TABLE(WORD)
#undef WORD
    };
    return (size_t)loss < MERX_LOSSES ? words[loss] : "unknown";
}

const char *mx_loss_metric(merx_loss loss)
{
    switch (loss) {
    case MERX_CATEGORICAL_CROSSENTROPY:
    case MERX_BINARY_CROSSENTROPY:
        return "accuracy";
    case MERX_SAMPLED_SOFTMAX:
        return "accuracy (while training: among the samples)";
    case MERX_BPR:
        return "pairs in order";
    default:
        return "mean absolute error";
    }
}

bool mx_loss_takes_logits(merx_loss loss, const mx_node *output)
{
    return (loss == MERX_CATEGORICAL_CROSSENTROPY && output->softmax) ||
           (loss == MERX_BINARY_CROSSENTROPY && output->activation == MX_SIGMOID &&
            (output->kind->id == MERX_LAYER_DENSE || output->kind->id == MERX_LAYER_ACTIVATION));
}

merx_loss mx_loss_standard(const merx_network *net)
{
    const mx_node *output = &net->node[net->nodes - 1];
    if (mx_output_units(net) > 1 && mx_loss_takes_logits(MERX_CATEGORICAL_CROSSENTROPY, output))
        return MERX_CATEGORICAL_CROSSENTROPY;
    return mx_loss_takes_logits(MERX_BINARY_CROSSENTROPY, output) ? MERX_BINARY_CROSSENTROPY : MERX_MEAN_SQUARED_ERROR;
}

merx_status mx_loss_fits(const merx_network *net, merx_loss loss, merx_error *err)
{
    const mx_node *output = &net->node[net->nodes - 1];
    if (loss == MERX_CATEGORICAL_CROSSENTROPY && !(output->softmax && mx_loss_takes_logits(loss, output)))
        MX_FAIL(err, MERX_E_SHAPE, output->name,
                "categorical_crossentropy needs softmax at the output (activation softmax of the last layer)");
    if (loss == MERX_CATEGORICAL_CROSSENTROPY && mx_output_units(net) < 2)
        MX_FAIL(err, MERX_E_SHAPE, output->name,
                "categorical_crossentropy needs at least 2 outputs; there is 1 (binary_crossentropy behind a sigmoid)");
    if (loss == MERX_BINARY_CROSSENTROPY && !mx_loss_takes_logits(loss, output))
        MX_FAIL(err, MERX_E_SHAPE, output->name,
                "binary_crossentropy needs sigmoid at the output (activation sigmoid of the last layer)");
    if ((loss == MERX_SAMPLED_SOFTMAX || loss == MERX_BPR) &&
        (output->kind->id != MERX_LAYER_DENSE || output->softmax || output->activation != MX_LINEAR ||
         mx_output_units(net) < 2))
        MX_FAIL(err, MERX_E_SHAPE, output->name,
                "%s needs a dense layer of at least 2 units without activation at the output", mx_loss_word(loss));
    if ((size_t)loss >= MERX_LOSSES)
        MX_FAIL(err, MERX_E_INVALID, "network", "loss %d is unknown", (int)loss);
    return MERX_OK;
}

merx_status mx_loss_check(const merx_network *net, const merx_examples *examples, merx_error *err)
{
    size_t rows = mx_output_rows(net), u = mx_output_units(net);
    if ((examples->x != NULL) + (examples->bytes != NULL) + (examples->gather != NULL) != 1)
        MX_FAIL(err, MERX_E_INVALID, "examples", "exactly one of x, bytes and gather gives the inputs");
    if (examples->n == 0)
        MX_FAIL(err, MERX_E_INVALID, "examples", "there are no examples");
    if (examples->gather != NULL)
        return MERX_OK;
    MX_TRY(mx_inputs_check(net, examples, err));
    if (examples->labels == NULL && (net->loss == MERX_SAMPLED_SOFTMAX || net->loss == MERX_BPR))
        MX_FAIL(err, MERX_E_INVALID, "examples", "%s needs labels", mx_loss_word(net->loss));
    if (examples->labels == NULL && examples->targets == NULL)
        MX_FAIL(err, MERX_E_INVALID, "examples", "there are neither labels nor targets to learn from");
    if (examples->labels != NULL && net->loss != MERX_CATEGORICAL_CROSSENTROPY && u > 1 &&
        net->loss != MERX_SAMPLED_SOFTMAX && net->loss != MERX_BPR)
        MX_FAIL(err, MERX_E_SHAPE, "examples", "%s of %zu outputs needs targets, not labels", mx_loss_word(net->loss),
                u);
    size_t most = u > 1 ? u : 2;
    for (size_t i = 0; examples->labels != NULL && i < examples->n * rows; i++)
        if (examples->labels[i] >= 0 && (size_t)examples->labels[i] >= most)
            MX_FAIL(err, MERX_E_RANGE, "examples",
                    "example %zu has label %d; the network has %zu classes (expected 0 to %zu)", i / rows,
                    examples->labels[i], most, most - 1);
    for (size_t i = 0; examples->weights != NULL && i < examples->n; i++)
        if (!(examples->weights[i] >= 0) || isinf(examples->weights[i]))
            MX_FAIL(err, MERX_E_RANGE, "examples", "example %zu has weight %g; expected a number of 0 or more", i,
                    (double)examples->weights[i]);
    return MERX_OK;
}

bool mx_loss_targeted(const merx_network *net, const merx_examples *e)
{
    if (net->loss == MERX_SAMPLED_SOFTMAX || net->loss == MERX_BPR)
        return false;
    return e->gather != NULL ? net->loss != MERX_CATEGORICAL_CROSSENTROPY : e->targets != NULL;
}

static size_t largest(const float *y, size_t u)
{
    size_t best = 0;
    for (size_t j = 1; j < u; j++)
        best = y[j] > y[best] ? j : best;
    return best;
}

static double row_weight(const mx_loss_rows *r, size_t i)
{
    double w = r->weights != NULL ? (double)r->weights[i] : 1;
    if (r->class_weights != NULL && r->labels != NULL)
        w *= r->class_weights[r->labels[i]];
    else if (r->class_weights != NULL && r->targets != NULL)
        w *= r->class_weights[largest(r->targets + i * r->u, r->u)];
    return w;
}

static double target_of(const mx_loss_rows *r, size_t i, size_t j)
{
    if (r->targets != NULL)
        return (double)r->targets[i * r->u + j];
    return r->labels != NULL ? (double)r->labels[i] : NAN; /* mx_loss_check: one of them is there */
}

/* One number's loss and its slope by y, without the mean over the row. */
static double element(merx_loss loss, double y, double t, double *slope)
{
    double e = y - t;
    switch (loss) {
    case MERX_BINARY_CROSSENTROPY: { /* y: the logit */
        double p = 1 / (1 + exp(-y));
        *slope = p - t;
        return (y > 0 ? y : 0) - y * t + log1p(exp(-fabs(y)));
    }
    case MERX_MEAN_ABSOLUTE_ERROR:
        *slope = e > 0 ? 1 : e < 0 ? -1 : 0;
        return fabs(e);
    case MERX_HUBER:
        *slope = e > 1 ? 1 : e < -1 ? -1 : e;
        return fabs(e) <= 1 ? e * e / 2 : fabs(e) - 0.5;
    default:
        *slope = 2 * e;
        return e * e;
    }
}

/* What smoothed labels add to the loss of a row of logits, before they become p: s (log p_label - mean_c log p_c) = s (x_label - mean_c x_c). */
static double smoothed(const float *x, size_t u, int32_t label, double s)
{
    double sum = 0;
    for (size_t j = 0; j < u; j++)
        sum += (double)x[j];
    return s * ((double)x[label] - sum / (double)u);
}

/* The gradient's part of it: t moves from the label to all classes alike. */
static void smooth_back(float *dx, size_t u, int32_t label, double weight)
{
    for (size_t j = 0; j < u; j++)
        dx[j] -= (float)(weight / (double)u);
    dx[label] += (float)weight;
}

static void crossentropy(const mx_loss_rows *r, float *y, float *dy, mx_block *block)
{
    double losses[64], more[64] = {0};
    float weights[64];
    int32_t labels[64];
    for (size_t from = 0; from < r->m; from += 64) {
        size_t m = r->m - from < 64 ? r->m - from : 64;
        const float *targets = r->targets != NULL ? r->targets + from * r->u : NULL;
        float *rows = y + from * r->u;
        for (size_t i = 0; i < m; i++) {
            bool counts = r->labels == NULL || r->labels[from + i] >= 0;
            labels[i] = r->labels != NULL && counts ? r->labels[from + i] : 0;
            double w = counts ? row_weight(r, from + i) : 0;
            weights[i] = (float)(w * r->scale);
            size_t right = targets != NULL ? largest(targets + i * r->u, r->u) : (size_t)labels[i];
            block->counted += counts;
            block->metric += counts && largest(rows + i * r->u, r->u) == right;
            if (r->smoothing > 0 && targets == NULL)
                more[i] = smoothed(rows + i * r->u, r->u, labels[i], r->smoothing);
        }
        mx_tensor_kernel()->softmax_loss(rows, m, r->u, targets != NULL ? NULL : labels, targets, weights, rows, losses,
                                         dy != NULL ? dy + from * r->u : NULL);
        for (size_t i = 0; i < m; i++)
            if (r->labels == NULL || r->labels[from + i] >= 0)
                block->loss += (losses[i] + more[i]) * row_weight(r, from + i);
        for (size_t i = 0; r->smoothing > 0 && targets == NULL && dy != NULL && i < m; i++)
            smooth_back(dy + (from + i) * r->u, r->u, labels[i], r->smoothing * (double)weights[i]);
    }
}

void mx_loss(merx_loss loss, const mx_loss_rows *r, float *y, float *dy, mx_block *block)
{
    if (loss == MERX_CATEGORICAL_CROSSENTROPY) {
        crossentropy(r, y, dy, block);
        return;
    }
    for (size_t i = 0; i < r->m; i++) {
        bool counts = r->labels == NULL || r->labels[i] >= 0;
        double w = counts ? row_weight(r, i) : 0, sum = 0, metric = 0;
        for (size_t j = 0; j < r->u; j++) {
            double v = (double)y[i * r->u + j], t = counts ? target_of(r, i, j) : 0, slope;
            sum += element(loss, v, t, &slope);
            metric += loss == MERX_BINARY_CROSSENTROPY ? (v > 0) == (t > 0.5) : fabs(v - t);
            if (dy != NULL)
                dy[i * r->u + j] = (float)(counts ? w * r->scale * slope / (double)r->u : 0);
        }
        if (counts) {
            block->loss += w * sum / (double)r->u;
            block->metric += metric / (double)r->u;
            block->counted++;
        }
    }
}

double mx_loss_twin(merx_loss loss, const mx_loss_rows *r, const double *y)
{
    double total = 0;
    for (size_t i = 0; i < r->m; i++) {
        if (r->labels != NULL && r->labels[i] < 0)
            continue;
        double w = row_weight(r, i), sum = 0, slope;
        const double *row = y + i * r->u;
        if (loss == MERX_CATEGORICAL_CROSSENTROPY) {
            double most = row[0], parts = 0;
            for (size_t j = 1; j < r->u; j++)
                most = fmax(most, row[j]);
            for (size_t j = 0; j < r->u; j++)
                parts += exp(row[j] - most);
            for (size_t j = 0; j < r->u; j++) {
                double t = r->targets != NULL  ? (double)r->targets[i * r->u + j]
                           : r->labels != NULL ? (size_t)r->labels[i] == j
                                               : NAN;
                sum += t * (most + log(parts) - row[j]);
            }
            total += w * sum;
            continue;
        }
        for (size_t j = 0; j < r->u; j++)
            sum += element(loss, row[j], target_of(r, i, j), &slope);
        total += w * sum / (double)r->u;
    }
    return total;
}
