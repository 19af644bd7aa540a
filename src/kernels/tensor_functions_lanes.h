/*
 * Activations, losses, recurrent steps and optimisers over float tensors. Written once in the words of float_lanes_*.h; included by tensor_functions_*.c of each
 * level. The functions themselves: float_functions.h.
 *
 * Which activation it is is asked once, outside the loops: each has a loop of its own. Recurrent steps have one pass of their own for tanh and for relu with sigmoid
 * gates: a row of z, c and h is read and written while it lies in the first-level cache. Any other pair goes through pieces of PIECE units that stay in the first-level cache.
 *
 * An element's result does not depend on where it stands in the array: a rest is computed in masked vectors.
 */
#include <math.h>
#include <string.h>

#include "kernels/float_functions.h"
#include "kernels/float_parts.h"

enum { PIECE = 64 };

typedef vec (*function)(vec);

/* Runs the statements behind n for each vector of n elements: i the index of its first, `whole` and `some` for load and store. */
#define EACH_VECTOR(n, ...)                                                                                            \
    do {                                                                                                               \
        size_t i = 0;                                                                                                  \
        for (; i + LANES <= (n); i += LANES) {                                                                         \
            const bool whole = true;                                                                                   \
            const part some = part_of(LANES);                                                                          \
            __VA_ARGS__;                                                                                               \
        }                                                                                                              \
        if (i < (n)) {                                                                                                 \
            const bool whole = false;                                                                                  \
            const part some = part_of((n)-i);                                                                          \
            __VA_ARGS__;                                                                                               \
        }                                                                                                              \
    } while (0)

/* ---- activations ---- */

INLINE void map(const float *x, size_t n, float *y, function f)
{
    EACH_VECTOR(n, store(y + i, whole, some, f(load(x + i, whole, some))));
}

INLINE void map_back(const float *from, const float *dy, size_t n, float *dx, function slope)
{
    EACH_VECTOR(n, store(dx + i, whole, some, vec_mul(load(dy + i, whole, some), slope(load(from + i, whole, some)))));
}

void MX_LEVEL(activate)(mx_activation f, const float *x, size_t n, float *y)
{
    switch (f) {
    case MX_RELU:
        map(x, n, y, relu_of);
        return;
    case MX_TANH:
        map(x, n, y, tanh_of);
        return;
    case MX_SIGMOID:
        map(x, n, y, sigmoid_of);
        return;
    case MX_SOFTPLUS:
        map(x, n, y, softplus_of);
        return;
    case MX_ELU:
        map(x, n, y, elu_of);
        return;
    case MX_LEAKY_RELU:
        map(x, n, y, leaky_relu_of);
        return;
    case MX_GELU:
        map(x, n, y, gelu_of);
        return;
    case MX_SILU:
        map(x, n, y, silu_of);
        return;
    case MX_HARD_SIGMOID:
        map(x, n, y, hard_sigmoid_of);
        return;
    case MX_EXPONENTIAL:
        map(x, n, y, exp_of);
        return;
    case MX_LINEAR:
    case MX_ACTIVATIONS:
    default:
        memmove(y, x, n * sizeof *y);
    }
}

void MX_LEVEL(activate_back)(mx_activation f, const float *x, const float *y, const float *dy, size_t n, float *dx)
{
    switch (f) {
    case MX_RELU:
        map_back(y, dy, n, dx, relu_slope);
        return;
    case MX_TANH:
        map_back(y, dy, n, dx, tanh_slope);
        return;
    case MX_SIGMOID:
        map_back(y, dy, n, dx, sigmoid_slope);
        return;
    case MX_SOFTPLUS:
        map_back(y, dy, n, dx, softplus_slope);
        return;
    case MX_ELU:
        map_back(y, dy, n, dx, elu_slope);
        return;
    case MX_LEAKY_RELU:
        map_back(y, dy, n, dx, leaky_relu_slope);
        return;
    case MX_GELU:
        map_back(x, dy, n, dx, gelu_slope);
        return;
    case MX_SILU:
        map_back(x, dy, n, dx, silu_slope);
        return;
    case MX_HARD_SIGMOID:
        map_back(y, dy, n, dx, hard_sigmoid_slope);
        return;
    case MX_EXPONENTIAL:
        map_back(y, dy, n, dx, exponential_slope);
        return;
    case MX_LINEAR:
    case MX_ACTIVATIONS:
    default:
        memmove(dx, dy, n * sizeof *dx);
    }
}

/* ---- softmax and its loss ---- */

INLINE float top_of(const float *x, size_t u)
{
    vec least = vec_set(-(float)INFINITY), top = least;
    size_t i = 0;
    for (; i + LANES <= u; i += LANES)
        top = vec_max(vec_load(x + i), top); /* passes over NaN */
    if (i < u) {
        part some = part_of(u - i);
        top = vec_max(vec_choose(part_set(some), vec_load_part(x + i, some), least), top);
    }
    return vec_most(top);
}

/* p = e^(x - top); returns their sum. */
INLINE double exponentials(const float *x, size_t u, vec top, float *p)
{
    wide sum = wide_zero();
    size_t i = 0;
    for (; i + LANES <= u; i += LANES) {
        vec e = exp_down(vec_sub(vec_load(x + i), top));
        vec_store(p + i, e);
        sum = wide_add(sum, wide_of(e));
    }
    if (i < u) {
        part some = part_of(u - i);
        vec e = exp_down(vec_sub(vec_load_part(x + i, some), top));
        vec_store_part(p + i, some, e);
        sum = wide_add(sum, wide_of(vec_choose(part_set(some), e, vec_set(0))));
    }
    return wide_sum(sum);
}

/* sum_c t_c x_c, those of t_c = 0 left out; *weight: sum_c t_c. */
INLINE double aimed(const float *x, const float *t, size_t u, double *weight)
{
    wide sum = wide_zero(), all = wide_zero();
    vec zero = vec_set(0);
    EACH_VECTOR(u, {
        vec target = load(t + i, whole, some);
        wide much = wide_of(target), at = wide_of(vec_choose(vec_equal(target, zero), zero, load(x + i, whole, some)));
        sum = wide_fma(much, at, sum);
        all = wide_add(all, much);
    });
    *weight = wide_sum(all);
    return wide_sum(sum);
}

void MX_LEVEL(softmax_loss)(const float *x, size_t m, size_t u, const int32_t *labels, const float *targets,
                            const float *weights, float *p, double *loss, float *dx)
{
    for (size_t r = 0; r < m; r++, x += u, p += u) {
        const float *t = targets != NULL ? targets + r * u : NULL;
        bool named = t == NULL && labels != NULL && (size_t)labels[r] < u;
        size_t label = named ? (size_t)labels[r] : 0;
        float top = top_of(x, u);
        double weight = named ? 1 : 0, reached = named ? (double)x[label] : 0;
        if (t != NULL && loss != NULL)
            reached = aimed(x, t, u, &weight);
        double sum = exponentials(x, u, vec_set(top), p);
        if (loss != NULL) /* a row without a target has none */
            loss[r] = weight == 0 && reached == 0 ? 0 : weight * log(sum) + (weight * (double)top - reached);
        vec share = vec_set((float)(1 / sum));
        if (dx == NULL) {
            EACH_VECTOR(u, store(p + i, whole, some, vec_mul(load(p + i, whole, some), share)));
            continue;
        }
        float *to = dx + r * u, many = weights != NULL ? weights[r] : 1;
        vec times = vec_set(many);
        float of_label = named ? (p[label] * (float)(1 / sum) - 1) * many : 0;
        if (t != NULL)
            EACH_VECTOR(u, {
                vec target = load(t + i, whole, some), q = vec_mul(load(p + i, whole, some), share);
                store(p + i, whole, some, q);
                store(to + i, whole, some, vec_mul(vec_sub(q, target), times));
            });
        else
            EACH_VECTOR(u, {
                vec q = vec_mul(load(p + i, whole, some), share);
                store(p + i, whole, some, q);
                store(to + i, whole, some, vec_mul(q, times));
            });
        if (named)
            to[label] = of_label;
    }
}

/* ---- recurrent steps ---- */

/* Whose slope can't be had from y: their place in the gates keeps x, and back computes y again. */
static bool keeps_input(mx_activation f)
{
    return f == MX_GELU || f == MX_SILU;
}

/* n activated gates of z: in place, or beside it where z keeps the inputs. Returns where they are. */
static const float *open_gates(mx_activation f, float *z, size_t n, float *beside)
{
    float *to = keeps_input(f) ? beside : z;
    MX_LEVEL(activate)(f, z, n, to);
    return to;
}

/* The same of gates that are activated already, where they are. */
static const float *opened_gates(mx_activation f, const float *gates, size_t n, float *beside)
{
    if (!keeps_input(f))
        return gates;
    MX_LEVEL(activate)(f, gates, n, beside);
    return beside;
}

/* z (4 u) to gates, and c. */
INLINE void lstm_gates(float *z, const float *before, size_t u, function f, function g, float *c, bool whole, part some)
{
    vec in = g(load(z, whole, some)), forget = g(load(z + u, whole, some)), candidate = f(load(z + 2 * u, whole, some)),
        out = g(load(z + 3 * u, whole, some));
    store(z, whole, some, in);
    store(z + u, whole, some, forget);
    store(z + 2 * u, whole, some, candidate);
    store(z + 3 * u, whole, some, out);
    store(c, whole, some, vec_fma(forget, load(before, whole, some), vec_mul(in, candidate)));
}

/* In two loops: f(c) waits for c, and the processor looks only some hundred instructions ahead for others. */
INLINE void lstm_row(float *z, const float *before, size_t u, function f, function g, float *c, float *h)
{
    EACH_VECTOR(u, lstm_gates(z + i, before + i, u, f, g, c + i, whole, some));
    const float *out = z + 3 * u;
    EACH_VECTOR(u, store(h + i, whole, some, vec_mul(load(out + i, whole, some), f(load(c + i, whole, some)))));
}

/* A row of any activations. */
static void lstm_row_any(float *z, const float *before, size_t u, mx_activation f, mx_activation g, float *c, float *h)
{
    float beside[4][PIECE], shown[PIECE];
    for (size_t first = 0; first < u; first += PIECE) {
        size_t n = u - first < PIECE ? u - first : PIECE;
        const float *in = open_gates(g, z + first, n, beside[0]), *forget = open_gates(g, z + u + first, n, beside[1]),
                    *candidate = open_gates(f, z + 2 * u + first, n, beside[2]),
                    *out = open_gates(g, z + 3 * u + first, n, beside[3]), *old = before + first;
        float *now = c + first, *to = h + first;
        EACH_VECTOR(n, store(now + i, whole, some,
                             vec_fma(load(forget + i, whole, some), load(old + i, whole, some),
                                     vec_mul(load(in + i, whole, some), load(candidate + i, whole, some)))));
        MX_LEVEL(activate)(f, now, n, shown);
        EACH_VECTOR(n, store(to + i, whole, some, vec_mul(load(out + i, whole, some), load(shown + i, whole, some))));
    }
}

void MX_LEVEL(lstm_step)(float *z, const float *c_before, const float *h_before, size_t m, size_t u, mx_activation f,
                         mx_activation g, const uint8_t *mask, float *c, float *h)
{
    for (size_t r = 0; r < m; r++, z += 4 * u, c_before += u, h_before += u, c += u, h += u) {
        if (mask != NULL && mask[r] == 0) {
            memmove(c, c_before, u * sizeof *c);
            memmove(h, h_before, u * sizeof *h);
        } else if (f == MX_TANH && g == MX_SIGMOID) {
            lstm_row(z, c_before, u, tanh_of, sigmoid_of, c, h);
        } else if (f == MX_RELU && g == MX_SIGMOID) {
            lstm_row(z, c_before, u, relu_of, sigmoid_of, c, h);
        } else {
            lstm_row_any(z, c_before, u, f, g, c, h);
        }
    }
}

INLINE void lstm_cell_back(const float *gates, const float *before, const float *c, const float *dh, float *dc,
                           size_t u, function f, function g_slope, function f_slope, float *dz, bool whole, part some)
{
    vec in = load(gates, whole, some), forget = load(gates + u, whole, some),
        candidate = load(gates + 2 * u, whole, some), out = load(gates + 3 * u, whole, some),
        shown = f(load(c, whole, some)), up = load(dh, whole, some);
    vec d = vec_fma(vec_mul(up, out), f_slope(shown), load(dc, whole, some));
    vec d_forget = vec_mul(d, load(before, whole, some));
    store(dz, whole, some, vec_mul(vec_mul(d, candidate), g_slope(in)));
    store(dz + u, whole, some, vec_mul(d_forget, g_slope(forget)));
    store(dz + 2 * u, whole, some, vec_mul(vec_mul(d, in), f_slope(candidate)));
    store(dz + 3 * u, whole, some, vec_mul(vec_mul(up, shown), g_slope(out)));
    store(dc, whole, some, vec_mul(d, forget));
}

INLINE void lstm_row_back(const float *gates, const float *before, const float *c, const float *dh, float *dc, size_t u,
                          function f, function f_slope, float *dz)
{
    EACH_VECTOR(u, lstm_cell_back(gates + i, before + i, c + i, dh + i, dc + i, u, f, sigmoid_slope, f_slope, dz + i,
                                  whole, some));
}

/* to = a b */
static void multiply(const float *a, const float *b, size_t n, float *to)
{
    EACH_VECTOR(n, store(to + i, whole, some, vec_mul(load(a + i, whole, some), load(b + i, whole, some))));
}

static void lstm_row_back_any(const float *gates, const float *before, const float *c, const float *dh, float *dc,
                              size_t u, mx_activation f, mx_activation g, float *dz)
{
    float beside[4][PIECE], shown[PIECE], d[PIECE], product[4][PIECE];
    for (size_t first = 0; first < u; first += PIECE) {
        size_t n = u - first < PIECE ? u - first : PIECE, bytes = n * sizeof *dz;
        const float *kept[4], *gate[4], *up = dh + first;
        for (size_t k = 0; k < 4; k++) {
            kept[k] = gates + k * u + first;
            gate[k] = opened_gates(k == 2 ? f : g, kept[k], n, beside[k]);
        }
        MX_LEVEL(activate)(f, c + first, n, shown);
        multiply(up, gate[3], n, d);
        MX_LEVEL(activate_back)(f, c + first, shown, d, n, d);
        EACH_VECTOR(n, store(d + i, whole, some, vec_add(load(d + i, whole, some), load(dc + first + i, whole, some))));
        multiply(d, gate[2], n, product[0]);
        multiply(d, before + first, n, product[1]);
        multiply(d, gate[0], n, product[2]);
        multiply(up, shown, n, product[3]);
        multiply(d, gate[1], n, dc + first);
        for (size_t k = 0; k < 4; k++) { /* dz may be the gates */
            MX_LEVEL(activate_back)(k == 2 ? f : g, kept[k], gate[k], product[k], n, product[k]);
            memcpy(dz + k * u + first, product[k], bytes);
        }
    }
}

void MX_LEVEL(lstm_step_back)(const float *gates, const float *c_before, const float *c, const float *dh, float *dc,
                              size_t m, size_t u, mx_activation f, mx_activation g, const uint8_t *mask, float *dz)
{
    for (size_t r = 0; r < m; r++, gates += 4 * u, c_before += u, c += u, dh += u, dc += u, dz += 4 * u)
        if (mask != NULL && mask[r] == 0)
            memset(dz, 0, 4 * u * sizeof *dz);
        else if (f == MX_TANH && g == MX_SIGMOID)
            lstm_row_back(gates, c_before, c, dh, dc, u, tanh_of, tanh_slope, dz);
        else if (f == MX_RELU && g == MX_SIGMOID)
            lstm_row_back(gates, c_before, c, dh, dc, u, relu_of, relu_slope, dz);
        else
            lstm_row_back_any(gates, c_before, c, dh, dc, u, f, g, dz);
}

/* Update and reset, places of zx and of zh. */
INLINE void gru_gates(float *zx, const float *zh, size_t u, bool whole, part some)
{
    vec update = vec_add(load(zx, whole, some), load(zh, whole, some)),
        reset = vec_add(load(zx + u, whole, some), load(zh + u, whole, some));
    store(zx, whole, some, sigmoid_of(update));
    store(zx + u, whole, some, sigmoid_of(reset));
}

INLINE void gru_state(float *zx, const float *zh, const float *before, size_t u, function f, float *h, bool whole,
                      part some)
{
    vec update = load(zx, whole, some), reset = load(zx + u, whole, some), old = load(before, whole, some),
        candidate = f(vec_fma(reset, load(zh + 2 * u, whole, some), load(zx + 2 * u, whole, some)));
    store(zx + 2 * u, whole, some, candidate);
    store(h, whole, some, vec_fma(vec_sub(vec_set(1), update), candidate, vec_mul(update, old)));
}

INLINE void gru_row(float *zx, const float *zh, const float *before, size_t u, function f, float *h)
{
    EACH_VECTOR(u, gru_gates(zx + i, zh + i, u, whole, some));
    EACH_VECTOR(u, gru_state(zx + i, zh + i, before + i, u, f, h + i, whole, some));
}

static void gru_row_any(float *zx, const float *zh, const float *before, size_t u, mx_activation f, mx_activation g,
                        float *h)
{
    float beside[3][PIECE];
    for (size_t first = 0; first < u; first += PIECE) {
        size_t n = u - first < PIECE ? u - first : PIECE;
        float *z[3], *to = h + first;
        const float *other[3], *old = before + first;
        for (size_t k = 0; k < 3; k++) {
            z[k] = zx + k * u + first;
            other[k] = zh + k * u + first;
        }
        for (size_t k = 0; k < 2; k++)
            EACH_VECTOR(
                n, store(z[k] + i, whole, some, vec_add(load(z[k] + i, whole, some), load(other[k] + i, whole, some))));
        const float *update = open_gates(g, z[0], n, beside[0]), *reset = open_gates(g, z[1], n, beside[1]);
        EACH_VECTOR(n, store(z[2] + i, whole, some,
                             vec_fma(load(reset + i, whole, some), load(other[2] + i, whole, some),
                                     load(z[2] + i, whole, some))));
        const float *candidate = open_gates(f, z[2], n, beside[2]);
        EACH_VECTOR(n, {
            vec share = load(update + i, whole, some), rest = vec_sub(vec_set(1), share);
            store(to + i, whole, some,
                  vec_fma(rest, load(candidate + i, whole, some), vec_mul(share, load(old + i, whole, some))));
        });
    }
}

void MX_LEVEL(gru_step)(float *zx, const float *zh, const float *h_before, size_t m, size_t u, mx_activation f,
                        mx_activation g, const uint8_t *mask, float *h)
{
    for (size_t r = 0; r < m; r++, zx += 3 * u, zh += 3 * u, h_before += u, h += u)
        if (mask != NULL && mask[r] == 0)
            memmove(h, h_before, u * sizeof *h);
        else if (f == MX_TANH && g == MX_SIGMOID)
            gru_row(zx, zh, h_before, u, tanh_of, h);
        else if (f == MX_RELU && g == MX_SIGMOID)
            gru_row(zx, zh, h_before, u, relu_of, h);
        else
            gru_row_any(zx, zh, h_before, u, f, g, h);
}

INLINE void gru_cell_back(const float *gates, const float *zh, const float *before, const float *dh, size_t u,
                          function f_slope, float *dzx, float *dzh, float *d_before, bool whole, part some)
{
    vec update = load(gates, whole, some), reset = load(gates + u, whole, some),
        candidate = load(gates + 2 * u, whole, some), d = load(dh, whole, some);
    vec d_candidate = vec_mul(vec_mul(d, vec_sub(vec_set(1), update)), f_slope(candidate)),
        d_update = vec_mul(vec_mul(d, vec_sub(load(before, whole, some), candidate)), sigmoid_slope(update)),
        d_reset = vec_mul(vec_mul(d_candidate, load(zh + 2 * u, whole, some)), sigmoid_slope(reset));
    store(dzx, whole, some, d_update);
    store(dzh, whole, some, d_update);
    store(dzx + u, whole, some, d_reset);
    store(dzh + u, whole, some, d_reset);
    store(dzx + 2 * u, whole, some, d_candidate);
    store(dzh + 2 * u, whole, some, vec_mul(d_candidate, reset));
    store(d_before, whole, some, vec_mul(d, update));
}

INLINE void gru_row_back(const float *gates, const float *zh, const float *before, const float *dh, size_t u,
                         function f_slope, float *dzx, float *dzh, float *d_before)
{
    EACH_VECTOR(u, gru_cell_back(gates + i, zh + i, before + i, dh + i, u, f_slope, dzx + i, dzh + i, d_before + i,
                                 whole, some));
}

static void gru_row_back_any(const float *gates, const float *zh, const float *before, const float *dh, size_t u,
                             mx_activation f, mx_activation g, float *dzx, float *dzh, float *d_before)
{
    float beside[3][PIECE], d_update[PIECE], d_reset[PIECE], d_candidate[PIECE];
    for (size_t first = 0; first < u; first += PIECE) {
        size_t n = u - first < PIECE ? u - first : PIECE, bytes = n * sizeof *dzx;
        const float *kept[3], *gate[3], *up = dh + first, *old = before + first;
        for (size_t k = 0; k < 3; k++) {
            kept[k] = gates + k * u + first;
            gate[k] = opened_gates(k == 2 ? f : g, kept[k], n, beside[k]);
        }
        EACH_VECTOR(n, {
            vec d = load(up + i, whole, some), share = load(gate[0] + i, whole, some);
            vec away = vec_sub(load(old + i, whole, some), load(gate[2] + i, whole, some));
            store(d_candidate + i, whole, some, vec_mul(d, vec_sub(vec_set(1), share)));
            store(d_update + i, whole, some, vec_mul(d, away));
        });
        MX_LEVEL(activate_back)(f, kept[2], gate[2], d_candidate, n, d_candidate);
        MX_LEVEL(activate_back)(g, kept[0], gate[0], d_update, n, d_update);
        multiply(d_candidate, zh + 2 * u + first, n, d_reset);
        MX_LEVEL(activate_back)(g, kept[1], gate[1], d_reset, n, d_reset);
        multiply(up, gate[0], n, d_before + first);
        multiply(d_candidate, gate[1], n, dzh + 2 * u + first);
        memcpy(dzx + first, d_update, bytes); /* dzx may be the gates */
        memcpy(dzh + first, d_update, bytes);
        memcpy(dzx + u + first, d_reset, bytes);
        memcpy(dzh + u + first, d_reset, bytes);
        memcpy(dzx + 2 * u + first, d_candidate, bytes);
    }
}

void MX_LEVEL(gru_step_back)(const float *gates, const float *zh, const float *h_before, const float *dh, size_t m,
                             size_t u, mx_activation f, mx_activation g, const uint8_t *mask, float *dzx, float *dzh,
                             float *dh_before)
{
    for (size_t r = 0; r < m;
         r++, gates += 3 * u, zh += 3 * u, h_before += u, dh += u, dzx += 3 * u, dzh += 3 * u, dh_before += u)
        if (mask != NULL && mask[r] == 0) {
            memset(dzx, 0, 3 * u * sizeof *dzx);
            memset(dzh, 0, 3 * u * sizeof *dzh);
            memmove(dh_before, dh, u * sizeof *dh);
        } else if (f == MX_TANH && g == MX_SIGMOID) {
            gru_row_back(gates, zh, h_before, dh, u, tanh_slope, dzx, dzh, dh_before);
        } else if (f == MX_RELU && g == MX_SIGMOID) {
            gru_row_back(gates, zh, h_before, dh, u, relu_slope, dzx, dzh, dh_before);
        } else {
            gru_row_back_any(gates, zh, h_before, dh, u, f, g, dzx, dzh, dh_before);
        }
}

/* ---- optimisers ---- */

void MX_LEVEL(adam)(const mx_adam *o, size_t n, const float *g, float *m, float *v, float *w)
{
    vec scale = vec_set(o->scale), fresh = vec_set((float)(1 - o->beta1)),
        fresh_square = vec_set((float)(1 - o->beta2)), rate = vec_set(o->rate), epsilon = vec_set(o->epsilon),
        decay = vec_set(o->decay);
    EACH_VECTOR(n, {
        vec d = vec_mul(load(g + i, whole, some), scale), first = load(m + i, whole, some),
            second = load(v + i, whole, some), weight = load(w + i, whole, some);
        first = vec_fma(vec_sub(d, first), fresh, first);
        second = vec_fma(vec_fma(d, d, vec_sub(vec_set(0), second)), fresh_square, second);
        vec step = vec_div(vec_mul(rate, first), vec_add(vec_sqrt(second), epsilon));
        store(m + i, whole, some, first);
        store(v + i, whole, some, second);
        store(w + i, whole, some, vec_sub(vec_fnma(weight, decay, weight), step));
    });
}

INLINE void sgd_moved(float rate, float momentum, bool nesterov, float scale, size_t n, const float *g, float *velocity,
                      float *w)
{
    vec times = vec_set(scale), rates = vec_set(rate), kept = vec_set(momentum);
    EACH_VECTOR(n, {
        vec step = vec_mul(rates, vec_mul(load(g + i, whole, some), times));
        vec moved = vec_sub(vec_mul(kept, load(velocity + i, whole, some)), step);
        store(velocity + i, whole, some, moved);
        vec by = nesterov ? vec_sub(vec_mul(kept, moved), step) : moved;
        store(w + i, whole, some, vec_add(load(w + i, whole, some), by));
    });
}

void MX_LEVEL(sgd)(float rate, float momentum, bool nesterov, float scale, size_t n, const float *g, float *velocity,
                   float *w)
{
    if (momentum == 0 || velocity == NULL) {
        vec times = vec_set(scale), rates = vec_set(rate);
        EACH_VECTOR(n,
                    store(w + i, whole, some,
                          vec_sub(load(w + i, whole, some), vec_mul(rates, vec_mul(load(g + i, whole, some), times)))));
    } else if (nesterov) {
        sgd_moved(rate, momentum, true, scale, n, g, velocity, w);
    } else {
        sgd_moved(rate, momentum, false, scale, n, g, velocity, w);
    }
}

void MX_LEVEL(adagrad)(float rate, float epsilon, float scale, size_t n, const float *g, float *sums, float *w)
{
    vec times = vec_set(scale), rates = vec_set(rate), more = vec_set(epsilon);
    EACH_VECTOR(n, {
        vec d = vec_mul(load(g + i, whole, some), times), sum = load(sums + i, whole, some);
        sum = vec_add(sum, vec_mul(d, d));
        store(sums + i, whole, some, sum);
        vec step = vec_div(vec_mul(rates, d), vec_sqrt(vec_add(sum, more)));
        store(w + i, whole, some, vec_sub(load(w + i, whole, some), step));
    });
}

double MX_LEVEL(sum_squares)(const float *x, size_t n)
{
    wide sums[2] = {wide_zero(), wide_zero()};
    size_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES)
        for (size_t k = 0; k < 2; k++) {
            wide v = wide_of(vec_load(x + i + k * LANES));
            sums[k] = wide_fma(v, v, sums[k]);
        }
    for (; i < n; i += LANES) { /* at most two, in parts */
        wide v = wide_of(vec_load_part(x + i, part_of(n - i < LANES ? n - i : LANES)));
        sums[0] = wide_fma(v, v, sums[0]);
    }
    return wide_sum(wide_add(sums[0], sums[1]));
}
