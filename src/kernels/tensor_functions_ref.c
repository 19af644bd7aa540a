/*
 * Activations, losses, recurrent steps and optimisers over float tensors in plain C: the specification, the fallback, the oracle. Functions are computed in
 * double and rounded once.
 */
#include <math.h>
#include <string.h>

#include "kernels/tensors.h"

static inline double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static inline double normal_cdf(double x)
{
    return 0.5 * erfc(-x * M_SQRT1_2);
}

/* gelu and silu, and their slopes, have their limit there already; infinity times 0 is not meant. NaN stays. */
static double near(float x)
{
    return x > 1000 ? 1000 : x < -1000 ? -1000 : x;
}

static float value(mx_activation f, float x)
{
    double v = x;
    switch (f) {
    case MX_RELU:
        return x > 0 ? x : 0;
    case MX_TANH:
        return (float)tanh(v);
    case MX_SIGMOID:
        return (float)sigmoid(v);
    case MX_SOFTPLUS:
        return (float)(v > 0 ? v + log1p(exp(-v)) : log1p(exp(v)));
    case MX_ELU:
        return x > 0 ? x : (float)expm1(v);
    case MX_LEAKY_RELU:
        return x > 0 ? x : 0.2F * x;
    case MX_GELU:
        return x > 1000 ? x : (float)(near(x) * normal_cdf(v));
    case MX_SILU:
        return x > 1000 ? x : (float)(near(x) * sigmoid(v));
    case MX_HARD_SIGMOID:
        return x < -3 ? 0 : x > 3 ? 1 : (float)((v + 3) / 6);
    case MX_EXPONENTIAL:
        return (float)exp(v);
    case MX_LINEAR:
    case MX_ACTIVATIONS:
    default:
        return x;
    }
}

/* f', of y = f(x); of x alone for gelu and silu. */
static float slope(mx_activation f, float x, float y)
{
    double v = near(x), w = y;
    switch (f) {
    case MX_RELU:
        return y > 0 ? 1 : 0;
    case MX_TANH:
        return (float)(1 - w * w);
    case MX_SIGMOID:
        return (float)(w * (1 - w));
    case MX_SOFTPLUS:
        return (float)-expm1(-w);
    case MX_ELU:
        return y > 0 ? 1 : y + 1;
    case MX_LEAKY_RELU:
        return y > 0 ? 1 : 0.2F;
    case MX_GELU:
        return (float)(normal_cdf(v) + v * exp(-0.5 * v * v) * (M_SQRT1_2 * M_2_SQRTPI / 2));
    case MX_SILU:
        return (float)(sigmoid(v) * (1 + v * sigmoid(-v)));
    case MX_HARD_SIGMOID:
        return y > 0 && y < 1 ? 1.0F / 6 : 0;
    case MX_EXPONENTIAL:
        return y;
    case MX_LINEAR:
    case MX_ACTIVATIONS:
    default:
        return 1;
    }
}

void mx_activate_ref(mx_activation f, const float *x, size_t n, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = value(f, x[i]);
}

void mx_activate_back_ref(mx_activation f, const float *x, const float *y, const float *dy, size_t n, float *dx)
{
    for (size_t i = 0; i < n; i++)
        dx[i] = dy[i] * slope(f, x != NULL ? x[i] : 0, y[i]);
}

void mx_softmax_loss_ref(const float *x, size_t m, size_t u, const int32_t *labels, const float *targets,
                         const float *weights, float *p, double *loss, float *dx)
{
    for (size_t i = 0; i < m; i++, x += u, p += u) {
        double top = -(double)INFINITY, sum = 0, of_row = 0;
        for (size_t j = 0; j < u; j++)
            top = x[j] > top ? x[j] : top;
        for (size_t j = 0; j < u; j++)
            sum += exp(x[j] - top);
        double log_sum = top + log(sum);
        for (size_t j = 0; j < u; j++) {
            float t = targets != NULL ? targets[i * u + j] : labels != NULL && (size_t)labels[i] == j ? 1 : 0;
            if (t != 0)
                of_row += t * (log_sum - x[j]);
            p[j] = (float)(exp(x[j] - top) / sum);
            if (dx != NULL)
                dx[i * u + j] = (p[j] - t) * (weights != NULL ? weights[i] : 1);
        }
        if (loss != NULL)
            loss[i] = of_row;
    }
}

/* Whose slope can't be had from y: their place in the gates keeps x. */
static bool keeps_input(mx_activation f)
{
    return f == MX_GELU || f == MX_SILU;
}

/* The activated gate of what its place keeps. */
static float opened(mx_activation f, float kept)
{
    return keeps_input(f) ? value(f, kept) : kept;
}

static float slope_at(mx_activation f, float kept)
{
    return slope(f, kept, kept); /* x or y, whichever f needs */
}

/* Activates *kept, or keeps it; returns its value. */
static float open_gate(mx_activation f, float *kept)
{
    float y = value(f, *kept);
    if (!keeps_input(f))
        *kept = y;
    return y;
}

void mx_lstm_step_ref(float *z, const float *c_before, const float *h_before, size_t m, size_t u, mx_activation f,
                      mx_activation g, const uint8_t *mask, float *c, float *h)
{
    for (size_t r = 0; r < m; r++, z += 4 * u)
        for (size_t j = 0; j < u; j++) {
            size_t at = r * u + j;
            if (mask != NULL && mask[r] == 0) {
                c[at] = c_before[at];
                h[at] = h_before[at];
                continue;
            }
            float in = open_gate(g, &z[j]), forget = open_gate(g, &z[u + j]), candidate = open_gate(f, &z[2 * u + j]),
                  out = open_gate(g, &z[3 * u + j]), now = forget * c_before[at] + in * candidate;
            c[at] = now;
            h[at] = out * value(f, now);
        }
}

void mx_lstm_step_back_ref(const float *gates, const float *c_before, const float *c, const float *dh, float *dc,
                           size_t m, size_t u, mx_activation f, mx_activation g, const uint8_t *mask, float *dz)
{
    for (size_t r = 0; r < m; r++, gates += 4 * u, dz += 4 * u)
        for (size_t j = 0; j < u; j++) {
            size_t at = r * u + j;
            if (mask != NULL && mask[r] == 0) {
                dz[j] = dz[u + j] = dz[2 * u + j] = dz[3 * u + j] = 0;
                continue;
            }
            float in = gates[j], forget = gates[u + j], candidate = gates[2 * u + j], out = gates[3 * u + j],
                  shown = value(f, c[at]), d = dc[at] + dh[at] * opened(g, out) * slope(f, c[at], shown);
            dz[j] = d * opened(f, candidate) * slope_at(g, in);
            dz[u + j] = d * c_before[at] * slope_at(g, forget);
            dz[2 * u + j] = d * opened(g, in) * slope_at(f, candidate);
            dz[3 * u + j] = dh[at] * shown * slope_at(g, out);
            dc[at] = d * opened(g, forget);
        }
}

void mx_gru_step_ref(float *zx, const float *zh, const float *h_before, size_t m, size_t u, mx_activation f,
                     mx_activation g, const uint8_t *mask, float *h)
{
    for (size_t r = 0; r < m; r++, zx += 3 * u, zh += 3 * u)
        for (size_t j = 0; j < u; j++) {
            float before = h_before[r * u + j];
            if (mask != NULL && mask[r] == 0) {
                h[r * u + j] = before;
                continue;
            }
            zx[j] += zh[j];
            zx[u + j] += zh[u + j];
            float update = open_gate(g, &zx[j]), reset = open_gate(g, &zx[u + j]);
            zx[2 * u + j] += reset * zh[2 * u + j];
            float candidate = open_gate(f, &zx[2 * u + j]);
            h[r * u + j] = update * before + (1 - update) * candidate;
        }
}

void mx_gru_step_back_ref(const float *gates, const float *zh, const float *h_before, const float *dh, size_t m,
                          size_t u, mx_activation f, mx_activation g, const uint8_t *mask, float *dzx, float *dzh,
                          float *dh_before)
{
    for (size_t r = 0; r < m; r++, gates += 3 * u, zh += 3 * u, dzx += 3 * u, dzh += 3 * u)
        for (size_t j = 0; j < u; j++) {
            size_t at = r * u + j;
            float d = dh[at];
            if (mask != NULL && mask[r] == 0) {
                dzx[j] = dzx[u + j] = dzx[2 * u + j] = dzh[j] = dzh[u + j] = dzh[2 * u + j] = 0;
                dh_before[at] = d;
                continue;
            }
            float update = opened(g, gates[j]), reset = opened(g, gates[u + j]),
                  candidate = opened(f, gates[2 * u + j]),
                  d_candidate = d * (1 - update) * slope_at(f, gates[2 * u + j]),
                  d_update = d * (h_before[at] - candidate) * slope_at(g, gates[j]),
                  d_reset = d_candidate * zh[2 * u + j] * slope_at(g, gates[u + j]);
            dzx[j] = dzh[j] = d_update;
            dzx[u + j] = dzh[u + j] = d_reset;
            dzx[2 * u + j] = d_candidate;
            dzh[2 * u + j] = d_candidate * reset;
            dh_before[at] = d * update;
        }
}

void mx_adam_ref(const mx_adam *o, size_t n, const float *g, float *m, float *v, float *w)
{
    for (size_t i = 0; i < n; i++) {
        float d = g[i] * o->scale;
        m[i] += (d - m[i]) * (float)(1 - o->beta1);
        v[i] += (d * d - v[i]) * (float)(1 - o->beta2);
        w[i] -= w[i] * o->decay;
        w[i] -= o->rate * m[i] / (sqrtf(v[i]) + o->epsilon);
    }
}

void mx_sgd_ref(float rate, float momentum, bool nesterov, float scale, size_t n, const float *g, float *velocity,
                float *w)
{
    for (size_t i = 0; i < n; i++) {
        float step = rate * (g[i] * scale);
        if (momentum == 0 || velocity == NULL) {
            w[i] -= step;
            continue;
        }
        velocity[i] = momentum * velocity[i] - step;
        w[i] += nesterov ? momentum * velocity[i] - step : velocity[i];
    }
}

void mx_adagrad_ref(float rate, float epsilon, float scale, size_t n, const float *g, float *sums, float *w)
{
    for (size_t i = 0; i < n; i++) {
        float d = g[i] * scale;
        sums[i] += d * d;
        w[i] -= rate * d / sqrtf(sums[i] + epsilon);
    }
}

double mx_sum_squares_ref(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sum;
}
