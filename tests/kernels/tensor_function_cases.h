/*
 * Functions, losses, recurrent steps and optimisers of float tensors at one level: errors in units of the last place against double, every length and alignment,
 * arrays of exactly the size that may be touched (AddressSanitizer sees one element more), aliases as tensors.h allows them, masks, NaN and infinities, and slopes
 * of recurrent steps beside central differences of a forward step written here in double.
 */
#ifndef TEST_TENSOR_FUNCTION_CASES_H
#define TEST_TENSOR_FUNCTION_CASES_H

#include <float.h>

#include "base/random.h"
#include "kernels/tensors.h"
#include "support/check.h"

static const mx_tensor_kernels *level, *oracle;
static uint64_t stride_of_floats = 9973; /* which of all floats the errors are measured at */

static const char *const names[MX_ACTIVATIONS] = {"linear",     "relu", "tanh", "sigmoid",      "softplus",   "elu",
                                                  "leaky relu", "gelu", "silu", "hard sigmoid", "exponential"};

static const float strange[] = {0,       (float)NAN, (float)INFINITY, -(float)INFINITY, -0.0F,
                                FLT_MAX, -FLT_MAX,   FLT_TRUE_MIN,    -FLT_TRUE_MIN};
#define STRANGE (sizeof strange / sizeof *strange)

/* n normal floats that end where the block ends and begin `offset` after its start. Freed by its base. */
typedef struct floats {
    float *base, *at;
} floats;

static floats floats_of(size_t n, size_t offset, uint64_t seed)
{
    floats f = {.base = malloc((n + offset) * sizeof(float) + (n + offset == 0))};
    f.at = f.base + offset;
    mx_random random;
    mx_random_init(&random, seed, n);
    for (size_t i = 0; i < n; i++)
        f.at[i] = (float)mx_random_normal(&random);
    return f;
}

static floats floats_copy(floats from, size_t n, size_t offset)
{
    floats f = floats_of(n, offset, 0);
    if (n > 0)
        memcpy(f.at, from.at, n * sizeof(float));
    return f;
}

/* Equal up to rounding, NaN equal to NaN, infinities by sign. */
static void check_like(double got, double want, double tolerance, const char *what, size_t n, size_t at)
{
    bool like = isfinite(want) ? fabs(got - want) <= tolerance : isnan(want) ? isnan(got) : got == want;
    if (!like)
        check_die(__FILE__, __LINE__, "%s of size %zu, element %zu: %.9g, expected %.9g (tolerance %.3g)", what, n, at,
                  got, want, tolerance);
}

static void check_all(const float *got, const float *want, size_t n, double tolerance, const char *what)
{
    for (size_t i = 0; i < n; i++)
        check_like((double)got[i], (double)want[i], tolerance * (1 + fabs((double)want[i])), what, n, i);
}

static void check_same_floats(const float *got, const float *want, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(&got[i], &want[i], sizeof *got) != 0 && !(isnan(got[i]) && isnan(want[i])))
            check_die(__FILE__, __LINE__, "%s: element %zu of %zu is %a, not %a", what, i, n, (double)got[i],
                      (double)want[i]);
}

/* ---- activations in double ---- */

static double sigmoid_at(double x)
{
    return 1 / (1 + exp(-x));
}

static double normal_at(double x)
{
    return 0.5 * erfc(-x * M_SQRT1_2);
}

static double value_at(mx_activation f, double x)
{
    switch (f) {
    case MX_RELU:
        return x > 0 ? x : 0;
    case MX_TANH:
        return tanh(x);
    case MX_SIGMOID:
        return sigmoid_at(x);
    case MX_SOFTPLUS:
        return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
    case MX_ELU:
        return x > 0 ? x : expm1(x);
    case MX_LEAKY_RELU:
        return x > 0 ? x : (double)0.2F * x;
    case MX_GELU:
        return x == -(double)INFINITY ? 0 : x * normal_at(x);
    case MX_SILU:
        return x == -(double)INFINITY ? 0 : x * sigmoid_at(x);
    case MX_HARD_SIGMOID:
        return isnan(x) ? x : fmin(fmax(x + 3, 0), 6) / 6;
    case MX_EXPONENTIAL:
        return exp(x);
    default:
        return x;
    }
}

/* The slope at x, whose value is y; *terms: of its terms without their signs. */
static double slope_at(mx_activation f, double x, double y, double *terms)
{
    double slope = 1, rising = sigmoid_at(x), falling = sigmoid_at(-x), density = exp(-0.5 * x * x) / sqrt(2 * M_PI);
    switch (f) {
    case MX_RELU:
        slope = y > 0;
        break;
    case MX_TANH:
        *terms = 1 + y * y;
        return 1 - y * y;
    case MX_SIGMOID:
        *terms = fabs(y) + y * y;
        return y - y * y;
    case MX_SOFTPLUS:
        slope = -expm1(-y);
        break;
    case MX_ELU:
        *terms = y > 0 ? 1 : 1 + fabs(y);
        return y > 0 ? 1 : y + 1;
    case MX_LEAKY_RELU:
        slope = y > 0 ? 1 : (double)0.2F;
        break;
    case MX_GELU:
        if (isinf(x))
            return *terms = x > 0;
        *terms = normal_at(x) + fabs(x) * density;
        return normal_at(x) + x * density;
    case MX_SILU:
        if (isinf(x))
            return *terms = x > 0;
        *terms = rising * (1 + fabs(x) * falling);
        return rising * (1 + x * falling);
    case MX_HARD_SIGMOID:
        slope = y > 0 && y < 1 ? (double)(1.0F / 6) : 0;
        break;
    case MX_EXPONENTIAL:
        slope = y;
        break;
    default:
        break;
    }
    *terms = fabs(slope);
    return slope;
}

/* |got - want| in units of the last place of want; 0 where both are NaN, infinite alike or beyond the largest float. */
static double ulps_between(float got, double want)
{
    float rounded = (float)want;
    if (!isfinite(rounded) || !isfinite(got))
        return (isnan(rounded) && isnan(got)) || rounded == got ? 0 : (double)INFINITY;
    int exponent;
    frexp(want, &exponent);
    double unit = fmax(ldexp(1, exponent - 24), (double)FLT_TRUE_MIN);
    return fabs((double)got - want) / unit;
}

/* ---- functions of each element ---- */

static void test_activations_error(void **state)
{
    (void)state;
    enum { COUNT = 4096 };
    float x[COUNT], y[COUNT];
    for (int f = 0; f < MX_ACTIVATIONS; f++) {
        double worst = 0, bound = f == MX_GELU ? 8 : 4;
        for (uint64_t first = 0; first <= UINT32_MAX;) {
            size_t n = 0;
            for (; n < COUNT && first <= UINT32_MAX; n++, first += stride_of_floats) {
                uint32_t pattern = (uint32_t)first;
                memcpy(&x[n], &pattern, sizeof pattern);
            }
            level->activate((mx_activation)f, x, n, y);
            for (size_t i = 0; i < n; i++) {
                double exact = value_at((mx_activation)f, (double)x[i]), ulps;
                if (f == MX_RELU && isnan(x[i]))
                    exact = 0;
                ulps = ulps_between(y[i], exact);
                if (!(ulps <= bound))
                    check_die(__FILE__, __LINE__, "%s of %a = %.9g is %.9g; exact: %.17g, %.3g ulp", names[f],
                              (double)x[i], (double)x[i], (double)y[i], exact, ulps);
                if (ulps > worst)
                    worst = ulps;
            }
        }
        print_message("%s: largest error %.2f ulp\n", names[f], worst);
    }
}

/* Bounded functions stay in their bounds, and grow where they should: what slopes computed from y rely on. */
static void test_activations_bounds(void **state)
{
    (void)state;
    for (int k = -40000; k <= 40000; k++) {
        float x = (float)k * 0.0005F, y;
        level->activate(MX_TANH, &x, 1, &y);
        assert_true(y >= -1 && y <= 1 && (y < 0) == (x < 0));
        level->activate(MX_SIGMOID, &x, 1, &y);
        assert_true(y > 0 && y <= 1);
        level->activate(MX_HARD_SIGMOID, &x, 1, &y);
        assert_true(y >= 0 && y <= 1 && (y == 1) == (x >= 3) && (y == 0) == (x <= -3));
        level->activate(MX_ELU, &x, 1, &y);
        assert_true(y >= -1);
    }
    const float edges[] = {-(float)INFINITY, (float)INFINITY, -0.0F, 0};
    float y[4];
    level->activate(MX_TANH, edges, 4, y);
    assert_true(y[0] == -1 && y[1] == 1 && signbit(y[2]) && y[2] == 0 && y[3] == 0 && !signbit(y[3]));
    level->activate(MX_SIGMOID, edges, 4, y);
    assert_true(y[0] == 0 && y[1] == 1 && y[2] == 0.5F && y[3] == 0.5F);
    level->activate(MX_EXPONENTIAL, edges, 4, y);
    assert_true(y[0] == 0 && y[1] == (float)INFINITY && y[2] == 1 && y[3] == 1);
    level->activate(MX_GELU, edges, 2, y);
    assert_true(y[0] == 0 && y[1] == (float)INFINITY);
    level->activate(MX_SILU, edges, 2, y);
    assert_true(y[0] == 0 && y[1] == (float)INFINITY);
}

/* Every length, alignment and place of something strange: the bits of the element alone; in place. */
static void test_activations_places(void **state)
{
    (void)state;
    for (int f = 0; f < MX_ACTIVATIONS; f++)
        for (size_t n = 0; n <= 53; n++)
            for (size_t place = 0; place <= n; place += 1 + n / 20) {
                mx_activation a = (mx_activation)f;
                floats x = floats_of(n, (n + place) % 8, 1), y = floats_of(n, place % 8, 2), dy = floats_of(n, 3, 3),
                       dx = floats_of(n, n % 8, 4);
                if (place < n) {
                    x.at[place] = strange[(n + place) % STRANGE];
                    dy.at[n - 1 - place] = strange[(n + 2 * place) % STRANGE];
                }
                bool from_x = f == MX_GELU || f == MX_SILU;
                level->activate(a, x.at, n, y.at);
                level->activate_back(a, from_x ? x.at : NULL, y.at, dy.at, n, dx.at);
                for (size_t i = 0; i < n; i++) {
                    float alone, terms_free;
                    level->activate(a, x.at + i, 1, &alone);
                    check_same_floats(&y.at[i], &alone, 1, names[f]);
                    level->activate_back(a, from_x ? x.at + i : NULL, y.at + i, dy.at + i, 1, &terms_free);
                    check_same_floats(&dx.at[i], &terms_free, 1, names[f]);
                    double terms, slope = slope_at(a, (double)x.at[i], (double)y.at[i], &terms);
                    check_like((double)dx.at[i], (double)(float)((double)dy.at[i] * slope),
                               4 * 0x1p-24 * fabs((double)dy.at[i]) * terms * 2 + 0x1p-149, names[f], n, i);
                }
                level->activate_back(a, from_x ? x.at : NULL, y.at, dy.at, n, dy.at);
                check_same_floats(dy.at, dx.at, n, "slopes in place");
                level->activate(a, x.at, n, x.at);
                check_same_floats(x.at, y.at, n, "in place");
                free(x.base);
                free(y.base);
                free(dy.base);
                free(dx.base);
            }
}

static void test_slopes_error(void **state)
{
    (void)state;
    enum { COUNT = 4096 };
    float x[COUNT], y[COUNT], dx[COUNT], ones[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        ones[i] = 1;
    for (int f = 0; f < MX_ACTIVATIONS; f++) {
        double worst = 0;
        for (size_t round = 0; round < 60; round++) {
            mx_random random;
            mx_random_init(&random, 5, round);
            for (size_t i = 0; i < COUNT; i++)
                x[i] = (float)ldexp(2 * mx_random_uniform(&random) - 1, (int)(round % 20) - 10);
            level->activate((mx_activation)f, x, COUNT, y);
            level->activate_back((mx_activation)f, x, y, ones, COUNT, dx);
            for (size_t i = 0; i < COUNT; i++) {
                double terms, slope = slope_at((mx_activation)f, (double)x[i], (double)y[i], &terms);
                double error = fabs((double)dx[i] - slope) / (0x1p-24 * terms + 0x1p-149);
                if ((double)dx[i] == slope) /* infinite, too */
                    error = 0;
                if (!(error <= 8))
                    check_die(__FILE__, __LINE__, "slope of %s at %a (y = %a) is %.9g; exact: %.17g", names[f],
                              (double)x[i], (double)y[i], (double)dx[i], slope);
                worst = fmax(worst, error / 2);
            }
        }
        print_message("slope of %s: largest error %.2f ulp of its terms\n", names[f], worst);
    }
}

/* ---- softmax ---- */

/* kind: 0 nothing, 1 labels, 2 targets; bit 2 weights; bit 3 no dx; bit 4 dx is p; bit 5 p is x. */
static void compare_softmax(size_t m, size_t u, double scale, int kind, size_t place, float value)
{
    floats x = floats_of(m * u, (m + u) % 8, 11), t = floats_of(m * u, u % 8, 12), weights = floats_of(m, 1, 13),
           p = floats_of(m * u, 2, 14), dx = floats_of(m * u, 5, 15);
    for (size_t e = 0; e < m * u; e++) {
        x.at[e] = (float)((double)x.at[e] * scale);
        t.at[e] = e % 3 == 0 ? 0 : fabsf(t.at[e]);
    }
    if (place < m * u)
        x.at[place] = value;
    int32_t *labels = malloc((m + 1) * sizeof *labels);
    double *loss = malloc((m + 1) * sizeof *loss);
    for (size_t r = 0; r < m; r++)
        labels[r] = r % 5 == 4 ? -1 : (int32_t)((r * 7 + u) % (u + (r % 3 == 2)));
    floats from = floats_copy(x, m * u, 3);
    float *to = kind & 32 ? from.at : p.at, *slopes = kind & 8 ? NULL : kind & 16 ? to : dx.at;
    int aim = kind & 3;
    level->softmax_loss(from.at, m, u, aim == 1 ? labels : NULL, aim == 2 ? t.at : NULL, kind & 4 ? weights.at : NULL,
                        to, u % 4 == 3 ? NULL : loss, slopes);
    double more = log((double)(u + (u == 0)));
    for (size_t r = 0; r < m; r++) {
        const float *row = x.at + r * u;
        double top = -(double)INFINITY, sum = 0, want = 0, all = 0, weight = kind & 4 ? (double)weights.at[r] : 1;
        for (size_t c = 0; c < u; c++)
            top = (double)row[c] > top ? (double)row[c] : top;
        for (size_t c = 0; c < u; c++)
            sum += exp((double)row[c] - top);
        for (size_t c = 0; c < u; c++) {
            double target = aim == 2 ? (double)t.at[r * u + c] : aim == 1 && labels[r] == (int32_t)c ? 1 : 0;
            double q = exp((double)row[c] - top) / sum, away = top - (double)row[c];
            double bound = q == 0 ? 0x1p-149 : (away + more + 12) * 0x1p-24 * q + 0x1p-149;
            if (target != 0)
                want += target * (top + log(sum) - (double)row[c]);
            all += target;
            if (to != slopes)
                check_like((double)to[r * u + c], (double)(float)q, bound, "softmax", u, r * u + c);
            if (slopes != NULL)
                check_like((double)slopes[r * u + c], (q - target) * weight,
                           (bound + 0x1p-23 * (q + target)) * fabs(weight) + 0x1p-149, "slope of softmax", u,
                           r * u + c);
        }
        if (u % 4 != 3)
            check_like(loss[r], want, (more + 4) * 0x1p-23 * all + 1e-15 * fabs(want), "loss", u, r);
    }
    free(x.base);
    free(t.base);
    free(weights.base);
    free(p.base);
    free(dx.base);
    free(from.base);
    free(labels);
    free(loss);
}

static void test_softmax(void **state)
{
    (void)state;
    const double scales[] = {1e-6, 1, 8, 40, 1e4};
    for (size_t u = 1; u <= 40; u++)
        for (size_t m = 0; m <= 6; m += 1 + m / 2)
            for (size_t s = 0; s < sizeof scales / sizeof *scales; s++)
                compare_softmax(m, u, scales[s], (int)((u * 5 + m * 11 + s * 23) % 64) / 3 * 3 % 64, SIZE_MAX, 0);
    for (int kind = 0; kind < 64; kind++) {
        if ((kind & 3) == 3)
            continue;
        compare_softmax(7, 21, 2, kind, SIZE_MAX, 0);
        compare_softmax(3, 8, 2, kind, SIZE_MAX, 0);
        compare_softmax(2, 1, 2, kind, SIZE_MAX, 0);
        compare_softmax(2, 1234, 3, kind, SIZE_MAX, 0);
        for (size_t place = 0; place < 2 * 10; place++)
            for (size_t s = 0; s < 5; s++)
                compare_softmax(2, 10, 1, kind, place, strange[s]);
    }
    float sure[] = {30, 0, 12}, p[3]; /* a small loss keeps its digits */
    int32_t label = 0;
    double loss;
    level->softmax_loss(sure, 1, 3, &label, NULL, NULL, p, &loss, NULL);
    check_like(loss, log1p(exp(-30.0) + exp(-18.0)), 1e-13, "loss of a sure row", 3, 0);
    float none[] = {-(float)INFINITY, -(float)INFINITY};
    level->softmax_loss(none, 1, 2, &label, NULL, NULL, p, &loss, NULL);
    assert_true(isnan(p[0]) && isnan(p[1]) && isnan(loss));
}

/* ---- recurrent steps beside the oracle ---- */

/* Some rows are masked out where masked. */
static uint8_t *mask_of(size_t m, bool masked)
{
    uint8_t *mask = malloc(m + 1);
    for (size_t r = 0; r < m; r++)
        mask[r] = r % 3 != 1;
    if (!masked) {
        free(mask);
        return NULL;
    }
    return mask;
}

/* Rows of width that are not masked out; the others are made equal first. */
static void check_rows(float *got, const float *want, size_t m, size_t width, const uint8_t *mask, double tolerance,
                       const char *what)
{
    for (size_t r = 0; r < m; r++)
        if (mask == NULL || mask[r] != 0)
            check_all(got + r * width, want + r * width, width, tolerance, what);
}

static void compare_lstm(size_t m, size_t u, mx_activation f, mx_activation g, int kind, size_t place, float value)
{
    uint8_t *mask = mask_of(m, kind & 1);
    floats z = floats_of(m * 4 * u, (m + u) % 8, 21), before = floats_of(m * u, u % 8, 22),
           shown = floats_of(m * u, m % 8, 23), c = floats_of(m * u, 1, 24), h = floats_of(m * u, 2, 25),
           want_c = floats_of(m * u, 0, 24), want_h = floats_of(m * u, 0, 25), dh = floats_of(m * u, 3, 26),
           dc = floats_of(m * u, 4, 27), want_dc = floats_of(m * u, 0, 27), dz = floats_of(m * 4 * u, 5, 28),
           want_dz = floats_of(m * 4 * u, 0, 28);
    for (size_t e = 0; e < m * 4 * u; e++)
        z.at[e] *= 0.7F;
    if (place < m * 4 * u)
        z.at[place] = value;
    floats want_z = floats_copy(z, m * 4 * u, 0), alias_z = floats_copy(z, m * 4 * u, 7),
           alias_c = floats_copy(before, m * u, 1), alias_h = floats_copy(shown, m * u, 6);
    oracle->lstm_step(want_z.at, before.at, shown.at, m, u, f, g, mask, want_c.at, want_h.at);
    level->lstm_step(z.at, before.at, shown.at, m, u, f, g, mask, c.at, h.at);
    check_rows(z.at, want_z.at, m, 4 * u, mask, 2e-6, "gates of lstm");
    check_all(c.at, want_c.at, m * u, 4e-6, "c of lstm");
    check_all(h.at, want_h.at, m * u, 2e-5, "h of lstm");
    level->lstm_step(alias_z.at, alias_c.at, alias_h.at, m, u, f, g, mask, alias_c.at, alias_h.at);
    check_same_floats(alias_c.at, c.at, m * u, "c in place");
    check_same_floats(alias_h.at, h.at, m * u, "h in place");
    oracle->lstm_step_back(want_z.at, before.at, want_c.at, dh.at, want_dc.at, m, u, f, g, mask, want_dz.at);
    float *to = kind & 2 ? want_z.at : dz.at;
    level->lstm_step_back(want_z.at, before.at, want_c.at, dh.at, dc.at, m, u, f, g, mask, to);
    check_all(to, want_dz.at, m * 4 * u, 1e-5, "dz of lstm");
    check_all(dc.at, want_dc.at, m * u, 1e-5, "dc of lstm");
    const floats all[] = {z,  before,  shown, c,       h,      want_c,  want_h,  dh,
                          dc, want_dc, dz,    want_dz, want_z, alias_z, alias_c, alias_h};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i].base);
    free(mask);
}

static void compare_gru(size_t m, size_t u, mx_activation f, mx_activation g, int kind, size_t place, float value)
{
    uint8_t *mask = mask_of(m, kind & 1);
    floats zx = floats_of(m * 3 * u, (m + u) % 8, 31), zh = floats_of(m * 3 * u, u % 8, 32),
           before = floats_of(m * u, m % 8, 33), h = floats_of(m * u, 1, 34), want_h = floats_of(m * u, 0, 34),
           dh = floats_of(m * u, 2, 35), dzx = floats_of(m * 3 * u, 3, 36), dzh = floats_of(m * 3 * u, 4, 37),
           d_before = floats_of(m * u, 5, 38), want_dzx = floats_of(m * 3 * u, 0, 36),
           want_dzh = floats_of(m * 3 * u, 0, 37), want_d = floats_of(m * u, 0, 38);
    for (size_t e = 0; e < m * 3 * u; e++)
        zx.at[e] *= 0.7F;
    if (place < m * 3 * u)
        zx.at[place] = value;
    floats want_zx = floats_copy(zx, m * 3 * u, 0), alias_zx = floats_copy(zx, m * 3 * u, 7),
           alias_h = floats_copy(before, m * u, 6);
    oracle->gru_step(want_zx.at, zh.at, before.at, m, u, f, g, mask, want_h.at);
    level->gru_step(zx.at, zh.at, before.at, m, u, f, g, mask, h.at);
    check_rows(zx.at, want_zx.at, m, 3 * u, mask, 4e-6, "gates of gru");
    check_all(h.at, want_h.at, m * u, 1e-5, "h of gru");
    level->gru_step(alias_zx.at, zh.at, alias_h.at, m, u, f, g, mask, alias_h.at);
    check_same_floats(alias_h.at, h.at, m * u, "h in place");
    oracle->gru_step_back(want_zx.at, zh.at, before.at, dh.at, m, u, f, g, mask, want_dzx.at, want_dzh.at, want_d.at);
    float *to = kind & 2 ? want_zx.at : dzx.at;
    level->gru_step_back(want_zx.at, zh.at, before.at, dh.at, m, u, f, g, mask, to, dzh.at, d_before.at);
    check_all(to, want_dzx.at, m * 3 * u, 1e-5, "dzx of gru");
    check_all(dzh.at, want_dzh.at, m * 3 * u, 1e-5, "dzh of gru");
    check_all(d_before.at, want_d.at, m * u, 4e-6, "dh_before of gru");
    const floats all[] = {zx,       zh,       before,   h,      want_h,  dh,       dzx,    dzh,
                          d_before, want_dzx, want_dzh, want_d, want_zx, alias_zx, alias_h};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i].base);
    free(mask);
}

static void test_recurrent(void **state)
{
    (void)state;
    const mx_activation usual[] = {MX_TANH, MX_RELU, MX_HARD_SIGMOID};
    for (size_t u = 0; u <= 37; u++)
        for (size_t m = 0; m <= 4; m += 1 + m / 2)
            for (int kind = 0; kind < 4; kind++) {
                compare_lstm(m, u, usual[(u + m) % 3], MX_SIGMOID, kind, SIZE_MAX, 0);
                compare_lstm(m, u, usual[(u + m + 1) % 3], MX_SIGMOID, kind, SIZE_MAX, 0);
                compare_gru(m, u, usual[(u + m) % 3], MX_SIGMOID, kind, SIZE_MAX, 0);
                compare_gru(m, u, usual[(u + m + 1) % 3], MX_SIGMOID, kind, SIZE_MAX, 0);
            }
    const size_t wide[] = {63, 64, 65, 130}; /* more than one piece */
    for (int f = 0; f < MX_ACTIVATIONS; f++)
        for (int g = 0; g < MX_ACTIVATIONS; g++)
            for (int kind = 0; kind < 4; kind++) {
                size_t u = kind == 3 ? wide[(f + g) % 4] : 1 + (size_t)(f * 5 + g * 7) % 19;
                compare_lstm(3, u, (mx_activation)f, (mx_activation)g, kind, SIZE_MAX, 0);
                compare_gru(3, u, (mx_activation)f, (mx_activation)g, kind, SIZE_MAX, 0);
            }
    for (int f = 0; f < MX_ACTIVATIONS; f++)
        for (size_t s = 0; s < 5; s++)
            for (size_t place = 0; place < 4 * 9; place++) {
                compare_lstm(1, 9, (mx_activation)f, MX_SIGMOID, 0, place, strange[s]);
                compare_gru(1, 9, (mx_activation)f, MX_SIGMOID, 0, place, strange[s]);
            }
}

/* ---- recurrent steps beside central differences ---- */

enum { UNITS = 5 };

/* One sequence's step in double: sum weight_h h + weight_c c. */
static double lstm_total(const double *z, const double *before, mx_activation f, mx_activation g, const float *weight_h,
                         const float *weight_c)
{
    double total = 0;
    for (size_t j = 0; j < UNITS; j++) {
        double in = value_at(g, z[j]), forget = value_at(g, z[UNITS + j]), candidate = value_at(f, z[2 * UNITS + j]),
               out = value_at(g, z[3 * UNITS + j]), c = forget * before[j] + in * candidate;
        total += (double)weight_h[j] * out * value_at(f, c) + (double)weight_c[j] * c;
    }
    return total;
}

static double gru_total(const double *zx, const double *zh, const double *before, mx_activation f, mx_activation g,
                        const float *weight)
{
    double total = 0;
    for (size_t j = 0; j < UNITS; j++) {
        double update = value_at(g, zx[j] + zh[j]), reset = value_at(g, zx[UNITS + j] + zh[UNITS + j]),
               candidate = value_at(f, zx[2 * UNITS + j] + reset * zh[2 * UNITS + j]);
        total += (double)weight[j] * (update * before[j] + (1 - update) * candidate);
    }
    return total;
}

static void widen(const float *from, size_t n, double *to)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (double)from[i];
}

/* Whether the slope jumps within `near` of x: no central difference there. */
static bool jumps(mx_activation f, double x, double near)
{
    if (f == MX_HARD_SIGMOID)
        return fabs(fabs(x) - 3) < near;
    return (f == MX_RELU || f == MX_LEAKY_RELU || f == MX_ELU) && fabs(x) < near;
}

#define STEP 1e-5

static void check_slope(float got, double above, double below, const char *what, mx_activation f, mx_activation g,
                        size_t at)
{
    double want = (above - below) / (2 * STEP);
    if (!(fabs((double)got - want) <= 2e-5 * (1 + fabs(want))))
        check_die(__FILE__, __LINE__, "%s (%s, %s), element %zu: slope %.9g, central difference %.9g", what, names[f],
                  names[g], at, (double)got, want);
}

static size_t difference_lstm(mx_activation f, mx_activation g, uint64_t seed)
{
    floats z = floats_of(4 * UNITS, 0, seed), before = floats_of(UNITS, 0, seed + 1),
           weight_h = floats_of(UNITS, 0, seed + 2), dc = floats_of(UNITS, 0, seed + 3);
    float kept[4 * UNITS], c[UNITS], h[UNITS], dz[4 * UNITS], weight_c[UNITS];
    double wide_z[4 * UNITS], wide_before[UNITS];
    widen(z.at, 4 * UNITS, wide_z);
    widen(before.at, UNITS, wide_before);
    memcpy(kept, z.at, sizeof kept);
    memcpy(weight_c, dc.at, sizeof weight_c);
    level->lstm_step(kept, before.at, before.at, 1, UNITS, f, g, NULL, c, h);
    level->lstm_step_back(kept, before.at, c, weight_h.at, dc.at, 1, UNITS, f, g, NULL, dz);
    size_t checked = 0;
    for (size_t j = 0; j < UNITS; j++) {
        bool apart = !jumps(f, (double)c[j], 1e-2);
        for (size_t k = 0; k < 4; k++)
            apart = apart && !jumps(k == 2 ? f : g, wide_z[k * UNITS + j], 1e-3);
        for (size_t k = 0; k < 5 && apart; k++) {
            double *at = k < 4 ? &wide_z[k * UNITS + j] : &wide_before[j], was = *at;
            *at = was + STEP;
            double above = lstm_total(wide_z, wide_before, f, g, weight_h.at, weight_c);
            *at = was - STEP;
            double below = lstm_total(wide_z, wide_before, f, g, weight_h.at, weight_c);
            *at = was;
            check_slope(k < 4 ? dz[k * UNITS + j] : dc.at[j], above, below, "lstm", f, g, k * UNITS + j);
            checked++;
        }
    }
    const floats all[] = {z, before, weight_h, dc};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i].base);
    return checked;
}

static size_t difference_gru(mx_activation f, mx_activation g, uint64_t seed)
{
    floats zx = floats_of(3 * UNITS, 0, seed), zh = floats_of(3 * UNITS, 0, seed + 1),
           before = floats_of(UNITS, 0, seed + 2), weight = floats_of(UNITS, 0, seed + 3);
    float kept[3 * UNITS], h[UNITS], dzx[3 * UNITS], dzh[3 * UNITS], d_before[UNITS];
    double wide_zx[3 * UNITS], wide_zh[3 * UNITS], wide_before[UNITS];
    widen(zx.at, 3 * UNITS, wide_zx);
    widen(zh.at, 3 * UNITS, wide_zh);
    widen(before.at, UNITS, wide_before);
    memcpy(kept, zx.at, sizeof kept);
    level->gru_step(kept, zh.at, before.at, 1, UNITS, f, g, NULL, h);
    level->gru_step_back(kept, zh.at, before.at, weight.at, 1, UNITS, f, g, NULL, dzx, dzh, d_before);
    size_t checked = 0;
    for (size_t j = 0; j < UNITS; j++) {
        double reset = value_at(g, wide_zx[UNITS + j] + wide_zh[UNITS + j]);
        if (jumps(g, wide_zx[j] + wide_zh[j], 1e-3) || jumps(g, wide_zx[UNITS + j] + wide_zh[UNITS + j], 1e-3) ||
            jumps(f, wide_zx[2 * UNITS + j] + reset * wide_zh[2 * UNITS + j], 1e-2))
            continue;
        for (size_t k = 0; k < 7; k++) {
            double *at = k < 3   ? &wide_zx[k * UNITS + j]
                         : k < 6 ? &wide_zh[(k - 3) * UNITS + j]
                                 : &wide_before[j],
                   was = *at;
            *at = was + STEP;
            double above = gru_total(wide_zx, wide_zh, wide_before, f, g, weight.at);
            *at = was - STEP;
            double below = gru_total(wide_zx, wide_zh, wide_before, f, g, weight.at);
            *at = was;
            check_slope(k < 3   ? dzx[k * UNITS + j]
                        : k < 6 ? dzh[(k - 3) * UNITS + j]
                                : d_before[j],
                        above, below, "gru", f, g, k * UNITS + j);
            checked++;
        }
    }
    const floats all[] = {zx, zh, before, weight};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i].base);
    return checked;
}

static void test_recurrent_slopes(void **state)
{
    (void)state;
    for (int f = 0; f < MX_ACTIVATIONS; f++)
        for (int g = 0; g < MX_ACTIVATIONS; g++) {
            size_t lstm = 0, gru = 0;
            for (uint64_t seed = 100; seed < 140; seed += 10) {
                lstm += difference_lstm((mx_activation)f, (mx_activation)g, seed);
                gru += difference_gru((mx_activation)f, (mx_activation)g, seed);
            }
            assert_true(lstm >= 50 && gru >= 70); /* of 100 and 140 */
        }
}

/* ---- optimisers ---- */

static void compare_optimisers(size_t n, size_t offset, size_t place, float value)
{
    floats g = floats_of(n, offset, 41), m = floats_of(n, (offset + 1) % 8, 42), v = floats_of(n, (offset + 2) % 8, 43),
           w = floats_of(n, (offset + 3) % 8, 44);
    for (size_t i = 0; i < n; i++)
        v.at[i] = fabsf(v.at[i]);
    if (place < n)
        g.at[place] = value;
    floats m2 = floats_copy(m, n, 0), v2 = floats_copy(v, n, 0), w2 = floats_copy(w, n, 0);
    mx_adam adam = {.rate = 0.01F, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7F, .decay = 0.004F, .scale = 0.7F};
    level->adam(&adam, n, g.at, m.at, v.at, w.at);
    oracle->adam(&adam, n, g.at, m2.at, v2.at, w2.at);
    check_all(m.at, m2.at, n, 2e-7, "adam m");
    check_all(v.at, v2.at, n, 2e-7, "adam v");
    check_all(w.at, w2.at, n, 4e-7, "adam w");
    for (int nesterov = 0; nesterov < 2; nesterov++) {
        level->sgd(0.03F, 0.8F, nesterov != 0, 0.9F, n, g.at, m.at, w.at);
        oracle->sgd(0.03F, 0.8F, nesterov != 0, 0.9F, n, g.at, m2.at, w2.at);
        check_all(m.at, m2.at, n, 1e-6, "sgd velocity");
        check_all(w.at, w2.at, n, 2e-6, "sgd w");
    }
    level->sgd(0.03F, 0, false, 0.9F, n, g.at, NULL, w.at);
    oracle->sgd(0.03F, 0, false, 0.9F, n, g.at, NULL, w2.at);
    check_all(w.at, w2.at, n, 3e-6, "sgd w without momentum");
    level->adagrad(0.05F, 1e-7F, 1.1F, n, g.at, v.at, w.at);
    oracle->adagrad(0.05F, 1e-7F, 1.1F, n, g.at, v2.at, w2.at);
    check_all(v.at, v2.at, n, 1e-6, "adagrad sums");
    check_all(w.at, w2.at, n, 4e-6, "adagrad w");
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)g.at[i] * (double)g.at[i];
    check_like(level->sum_squares(g.at, n), sum, 1e-13 * sum, "sum of squares", n, 0);
    const floats all[] = {g, m, v, w, m2, v2, w2};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i].base);
}

static void test_optimisers(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 53; n++)
        for (size_t offset = 0; offset < 8; offset++)
            compare_optimisers(n, offset, n, 0);
    for (size_t n = 1; n <= 37; n++)
        for (size_t place = 0; place < n; place++)
            for (size_t s = 0; s < STRANGE; s++)
                compare_optimisers(n, n % 8, place, strange[s]);
    compare_optimisers(10007, 1, SIZE_MAX, 0);
    mx_adam adam = {.rate = 0.1F, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7F, .scale = 2};
    float g = 0.37F, m = 0, v = 0, w = 1;
    level->adam(&adam, 1, &g, &m, &v, &w);
    check_like((double)m, 0.1 * (double)(2 * g), 1e-8, "first m", 1, 0); /* 1 - beta is not that of a float 0.999 */
    check_like((double)v, 0.001 * (double)(2 * g) * (double)(2 * g), 1e-10, "first v", 1, 0);
    check_like((double)w, 1 - 0.1 * (double)m / (sqrt((double)v) + 1e-7), 1e-7, "first w", 1, 0);
}

static int run_tensor_function_cases(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activations_error),
        cmocka_unit_test(test_activations_bounds),
        cmocka_unit_test(test_activations_places),
        cmocka_unit_test(test_slopes_error),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_recurrent),
        cmocka_unit_test(test_recurrent_slopes),
        cmocka_unit_test(test_optimisers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
