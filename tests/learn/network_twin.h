/*
 * A network beside its twin: every layer's plain forward in double, and gradients by central differences of it.
 *
 * check_network(net, batch, …) holds the float32 outputs to the twin's, and every gradient of the loss to the differences, and says which weight is off. The tolerance of a gradient is
 * relative to the largest of its tensor.
 */
#ifndef TESTS_LEARN_NETWORK_TWIN_H
#define TESTS_LEARN_NETWORK_TWIN_H

#include "base/random.h"
#include "learn/network/network_state.h"
#include "support/check.h"

typedef struct twin {
    const merx_network *net;
    size_t n;
    double *weights, **y; /* outputs per node */
    uint8_t **mask;
    double *scratch;
} twin;

CHECK_UNUSED static twin *twin_new(const merx_network *net, size_t n)
{
    twin *t = calloc(1, sizeof *t);
    size_t scratch = 1;
    t->net = net;
    t->n = n;
    t->weights = calloc(net->size + 1, sizeof(double));
    t->y = calloc(net->nodes, sizeof *t->y);
    t->mask = calloc(net->nodes, sizeof *t->mask);
    for (size_t i = 0; i < net->size; i++)
        t->weights[i] = (double)net->weights[i];
    for (size_t i = 0; i < net->nodes; i++) {
        t->y[i] = calloc(n * net->node[i].out_size, sizeof(double));
        if (net->node[i].makes_mask)
            t->mask[i] = calloc(n * net->node[i].out.dim[0], 1);
        scratch = net->node[i].twin_scratch * n > scratch ? net->node[i].twin_scratch * n : scratch;
    }
    t->scratch = calloc(scratch, sizeof(double));
    return t;
}

CHECK_UNUSED static void twin_free(twin *t)
{
    for (size_t i = 0; i < t->net->nodes; i++)
        free(t->y[i]), free(t->mask[i]);
    free(t->weights), free(t->y), free(t->mask), free(t->scratch), free(t);
}

/* Runs forward; the output's softmax or sigmoid left to the loss when logits. */
CHECK_UNUSED static const double *twin_run(twin *t, const float *x, bool training, bool logits)
{
    const merx_network *net = t->net;
    for (size_t i = 0; i < t->n * net->node[0].out_size; i++)
        t->y[0][i] = (double)x[i];
    for (size_t i = 1; i < net->nodes; i++) {
        const mx_node *node = &net->node[i];
        mx_twin_pass pass = {.n = t->n,
                             .training = training,
                             .logits = logits,
                             .seed = net->seed,
                             .step = net->steps,
                             .weights = t->weights,
                             .y = t->y[i],
                             .mask = node->mask_node >= 0 ? t->mask[node->mask_node] : NULL,
                             .mask_out = t->mask[i],
                             .scratch = t->scratch};
        for (size_t k = 0; k < node->n_inputs; k++)
            pass.x[k] = t->y[node->inputs[k]];
        node->kind->twin(node, &pass);
    }
    return t->y[net->nodes - 1];
}

CHECK_UNUSED static double twin_loss(twin *t, const merx_examples *e, bool training)
{
    size_t rows = mx_output_rows(t->net), counted = 0;
    float *weights = malloc(t->n * rows * sizeof *weights);
    for (size_t i = 0; i < t->n * rows; i++) {
        weights[i] = e->weights != NULL ? e->weights[i / rows] : 1;
        counted += e->labels == NULL || e->labels[i] >= 0;
    }
    mx_loss_rows r = {.m = t->n * rows,
                      .u = mx_output_units(t->net),
                      .labels = e->labels,
                      .targets = e->targets,
                      .weights = weights,
                      .scale = 1,
                      .logits = true,
                      .seed = t->net->seed,
                      .step = t->net->steps};
    double sum = mx_loss_twin(t->net->loss, &r, twin_run(t, e->x, training, true));
    free(weights);
    return sum / (double)counted;
}

CHECK_UNUSED static void random_fill(float *x, size_t n, uint64_t stream, double scale)
{
    mx_random r;
    mx_random_init(&r, 77, stream);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(scale * mx_random_normal(&r));
}

/* Every weight random, so that no gradient is zero by an initial value. */
CHECK_UNUSED static void random_weights(merx_network *net, double scale)
{
    merx_error err = {0};
    for (size_t i = 0; i < merx_network_weights(net); i++) {
        merx_weight w = merx_network_weight(net, i);
        float *values = malloc(w.size * sizeof *values);
        random_fill(values, w.size, 100 + i, scale);
        if (strstr(w.name, "variance") != NULL)
            for (size_t j = 0; j < w.size; j++)
                values[j] = 0.5F + fabsf(values[j]);
        check_ok(merx_network_set_weight(net, i, values, w.size, &err), err);
        free(values);
    }
}

/*
 * Outputs to the twin's within `tolerance` (relative to the largest), gradients to central differences within `slack` of the largest of the tensor. Checks up to `most` entries of each tensor.
 */
CHECK_UNUSED static void check_network(merx_network *net, const merx_examples *e, double tolerance, double slack,
                                       size_t most)
{
    merx_error err = {0};
    size_t n = e->n, size = net->node[net->nodes - 1].out_size;
    twin *t = twin_new(net, n);
    float *out = malloc(n * size * sizeof *out);
    check_ok(merx_network_predict(net, e, NULL, out, &err), err);
    const double *want = twin_run(t, e->x, false, false);
    double largest = 0;
    for (size_t i = 0; i < n * size; i++)
        largest = fmax(largest, fabs(want[i]));
    if (!(largest > 0))
        check_die(__FILE__, __LINE__, "all outputs are 0: nothing is compared");
    for (size_t i = 0; i < n * size; i++)
        if (!(fabs((double)out[i] - want[i]) <= tolerance * largest))
            check_die(__FILE__, __LINE__, "output %zu is %.9g, the twin's %.9g", i, (double)out[i], want[i]);
    double loss, twins = twin_loss(t, e, true);
    check_ok(merx_network_gradients(net, e, NULL, &loss, &err), err);
    if (!(fabs(loss - twins) <= 10 * tolerance * fmax(1, fabs(twins))))
        check_die(__FILE__, __LINE__, "the loss is %.9g, the twin's %.9g", loss, twins);
    for (size_t i = 0; i < merx_network_weights(net); i++) {
        merx_weight w = merx_network_weight(net, i);
        if (!w.trainable)
            continue;
        size_t at = (size_t)(w.values - net->weights), step = w.size > most ? w.size / most : 1;
        double top = 0;
        for (size_t j = 0; j < w.size; j++)
            top = fmax(top, fabs((double)w.gradient[j]));
        if (!(top > 0))
            check_die(__FILE__, __LINE__, "the gradient of %s is all zeros: nothing is compared", w.name);
        for (size_t j = 0; j < w.size; j += step) {
            double before = t->weights[at + j], h = 1e-5;
            t->weights[at + j] = before + h;
            double up = twin_loss(t, e, true);
            t->weights[at + j] = before - h;
            double down = twin_loss(t, e, true);
            t->weights[at + j] = before;
            double slope = (up - down) / (2 * h);
            if (!(fabs(slope - (double)w.gradient[j]) <= slack * top))
                check_die(__FILE__, __LINE__, "gradient of %s[%zu] is %.9g, by differences %.9g (largest %.3g)", w.name,
                          j, (double)w.gradient[j], slope, top);
        }
    }
    free(out);
    twin_free(t);
}

#endif
