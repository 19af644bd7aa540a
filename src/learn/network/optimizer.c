/*
 * Optimisers and learning rates, as Keras 3 computes them.
 *
 *   sgd       v = momentum v - rate g; w += v (nesterov: w += momentum v - rate g)
 *   adam      m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, w -= rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon). Kingma & Ba 2015
 *   adamw     before it w -= rate weight_decay w. Loshchilov & Hutter 2019
 *   adagrad   s += g^2, w -= rate g / sqrt(s + epsilon). Duchi, Hazan & Singer 2011
 */
#include "learn/network/network_state.h"

#include <math.h>

merx_optimizer mx_optimizer_defaults(merx_optimizer o)
{
    o.learning_rate = o.learning_rate != 0 ? o.learning_rate : o.kind == MERX_OPTIMIZER_SGD ? 0.01 : 0.001;
    o.beta1 = o.beta1 != 0 ? o.beta1 : 0.9;
    o.beta2 = o.beta2 != 0 ? o.beta2 : 0.999;
    o.epsilon = o.epsilon != 0 ? o.epsilon : 1e-7;
    o.every = o.every != 0 ? o.every : 1;
    o.factor = o.factor != 0 ? o.factor : 0.1;
    return o;
}

merx_status mx_optimizer_check(const merx_optimizer *o, merx_error *err)
{
    const struct {
        const char *name;
        double value, least, most;
    } ranges[] = {{"learning_rate", o->learning_rate, 1e-12, 1e6},
                  {"momentum", o->momentum, 0, 1},
                  {"beta1", o->beta1, 0, 1 - 1e-9},
                  {"beta2", o->beta2, 0, 1 - 1e-9},
                  {"epsilon", o->epsilon, 1e-30, 1},
                  {"weight_decay", o->weight_decay, 0, 1e6},
                  {"clip_norm", o->clip_norm, 0, 1e30},
                  {"warmup_epochs", o->warmup_epochs, 0, 1e9},
                  {"every", o->every, 1e-9, 1e9},
                  {"factor", o->factor, 1e-12, 1e6},
                  {"final", o->final, 0, 1e6}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (!(ranges[i].value >= ranges[i].least && ranges[i].value <= ranges[i].most))
            MX_FAIL(err, MERX_E_RANGE, "optimizer", "%s is %g; expected %g to %g", ranges[i].name, ranges[i].value,
                    ranges[i].least, ranges[i].most);
    if ((unsigned)o->kind > MERX_OPTIMIZER_ADAGRAD)
        MX_FAIL(err, MERX_E_INVALID, "optimizer", "kind %d is unknown", (int)o->kind);
    return MERX_OK;
}

size_t mx_optimizer_moments(const merx_optimizer *o)
{
    return o->kind == MERX_OPTIMIZER_ADAM ? 2 : o->kind == MERX_OPTIMIZER_ADAGRAD || o->momentum > 0 ? 1 : 0;
}

double mx_optimizer_rate(const merx_optimizer *o, double epoch, double epochs)
{
    double rate = o->learning_rate, after = epoch - o->warmup_epochs, rest = epochs - o->warmup_epochs;
    if (after < 0)
        return rate * (epoch + 1e-9) / o->warmup_epochs;
    switch (o->schedule) {
    case MERX_COSINE_DECAY: {
        double part = rest > 0 ? after / rest : 1;
        part = part < 1 ? part : 1;
        return rate * (o->final + (1 - o->final) * 0.5 * (1 + cos(3.14159265358979323846 * part)));
    }
    case MERX_STEPS:
        return rate * pow(o->factor, floor(after / o->every));
    case MERX_EXPONENTIAL_DECAY:
        return rate * pow(o->factor, after / o->every);
    default:
        return rate;
    }
}

void mx_optimizer_step(merx_network *net, double rate, uint64_t step, double scale, const float *g, size_t begin,
                       size_t n, bool decays)
{
    const mx_tensor_kernels *kernels = mx_tensor_kernel();
    const merx_optimizer *o = &net->optimizer;
    float *w = net->weights + begin;
    switch (o->kind) {
    case MERX_OPTIMIZER_ADAM: {
        /* Keras corrects with the betas of float: 6e-6 of the rate, which ten steps show. */
        double t = (double)step, b1 = (double)(float)o->beta1, b2 = (double)(float)o->beta2;
        mx_adam a = {.rate = (float)(rate * sqrt(1 - pow(b2, t)) / (1 - pow(b1, t))),
                     .beta1 = o->beta1,
                     .beta2 = o->beta2,
                     .epsilon = (float)o->epsilon,
                     .decay = decays ? (float)(rate * o->weight_decay) : 0,
                     .scale = (float)scale};
        kernels->adam(&a, n, g, net->moment1 + begin, net->moment2 + begin, w);
        break;
    }
    case MERX_OPTIMIZER_ADAGRAD:
        kernels->adagrad((float)rate, (float)o->epsilon, (float)scale, n, g, net->moment1 + begin, w);
        break;
    default:
        kernels->sgd((float)rate, (float)o->momentum, o->nesterov, (float)scale, n, g,
                     o->momentum > 0 ? net->moment1 + begin : NULL, w);
    }
}
