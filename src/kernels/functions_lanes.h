/*
 * exp, log and what logistic models are made of, element by element. Written once in the words of lanes_*.h; included by functions_*.c of each level.
 *
 * exp     x = k ln 2 + r, |r| <= ln 2 / 2 (Cody & Waite: ln 2 in two parts, the first with zeros below, so that k times it is exact); e^r by its series
 *         to r^13 (the next term is below 2^-57); times 2^k in two steps, so that what underflows does so gradually.
 * log     x = 2^k m, m in [sqrt 1/2, sqrt 2); f = m - 1, s = f / (2 + f): log m = 2 atanh s = f - (f^2/2 - s (f^2/2 + R)), R = sum 2 s^2j / (2j + 1) to
 *         s^20 (s^2 < 0.0295), as fdlibm arranges it, so that only small terms are rounded.
 * log1p   of t in [0, 1]: u = 1 + t rounded, log u + (t - (u - 1)) / u.
 *
 * An element's result does not depend on where it stands in the array: a rest is computed in masked vectors.
 */
#include <math.h>

#include "kernels/kernels.h"

#define LN2_HIGH 0x1.62e42feep-1      /* 21 zeros below: k LN2_HIGH is exact for |k| < 2^21 */
#define LN2_LOW 0x1.a39ef35793c76p-33 /* ln 2 - LN2_HIGH */
#define ROUND_TO_WHOLE                                                                                                 \
    0x1.8p52 /* v + it - it rounds v to a whole number, |v| < 2^51; meanwhile its low bits are the number's */

enum { SOFTMAX_CELLS = 1024 }; /* a batch of rows: its cells stay in the first-level cache */

/* 2^k of whole k in -1022 .. 1023. */
INLINE vec power_of_two(vec k)
{
    return vec_of(bits_up_52(bits_of(vec_add(k, vec_set(ROUND_TO_WHOLE + 1023)))));
}

INLINE vec exp_of(vec x)
{
    /* Beyond these bounds the result is infinite or 0 anyway; NaN stays. */
    x = vec_max(vec_set(-1000), vec_min(vec_set(1000), x));
    vec round = vec_set(ROUND_TO_WHOLE);
    vec k = vec_sub(vec_fma(x, vec_set(0x1.71547652b82fep0), round), round);
    vec r = vec_fnma(k, vec_set(LN2_HIGH), x);
    vec low = vec_mul(k, vec_set(LN2_LOW));
    r = vec_sub(r, low);
    vec p = vec_set(1 / 6227020800.0);
    p = vec_fma(p, r, vec_set(1 / 479001600.0));
    p = vec_fma(p, r, vec_set(1 / 39916800.0));
    p = vec_fma(p, r, vec_set(1 / 3628800.0));
    p = vec_fma(p, r, vec_set(1 / 362880.0));
    p = vec_fma(p, r, vec_set(1 / 40320.0));
    p = vec_fma(p, r, vec_set(1 / 5040.0));
    p = vec_fma(p, r, vec_set(1 / 720.0));
    p = vec_fma(p, r, vec_set(1 / 120.0));
    p = vec_fma(p, r, vec_set(1 / 24.0));
    p = vec_fma(p, r, vec_set(1 / 6.0));
    p = vec_fma(p, r, vec_set(0.5));
    p = vec_add(vec_fma(vec_mul(r, r), p, r), vec_set(1));
    vec half = vec_sub(vec_fma(k, vec_set(0.5), round), round);
    return vec_mul(vec_mul(p, power_of_two(half)), power_of_two(vec_sub(k, half)));
}

/* log of x, a normal number above 0, times 2^more. */
INLINE vec log_of_normal(vec x, vec more)
{
    const long long root_half = 0x3fe6a09e667f3bcd; /* sqrt 1/2 */
    bits shifted = bits_add(bits_of(x), bits_set(0x3ff0000000000000 - root_half));
    vec k = vec_sub(vec_of(bits_or(bits_down_52(shifted), bits_set(0x4330000000000000))), vec_set(0x1p52 + 1023));
    k = vec_add(k, more);
    vec m = vec_of(bits_add(bits_and(shifted, bits_set(0x000fffffffffffff)), bits_set(root_half)));
    vec f = vec_sub(m, vec_set(1));
    vec s = vec_div(f, vec_add(f, vec_set(2)));
    vec z = vec_mul(s, s);
    vec p = vec_set(2 / 21.0);
    p = vec_fma(p, z, vec_set(2 / 19.0));
    p = vec_fma(p, z, vec_set(2 / 17.0));
    p = vec_fma(p, z, vec_set(2 / 15.0));
    p = vec_fma(p, z, vec_set(2 / 13.0));
    p = vec_fma(p, z, vec_set(2 / 11.0));
    p = vec_fma(p, z, vec_set(2 / 9.0));
    p = vec_fma(p, z, vec_set(2 / 7.0));
    p = vec_fma(p, z, vec_set(2 / 5.0));
    p = vec_fma(p, z, vec_set(2 / 3.0));
    p = vec_mul(p, z);
    vec square = vec_mul(vec_mul(vec_set(0.5), f), f);
    vec small = vec_fma(s, vec_add(square, p), vec_mul(k, vec_set(LN2_LOW)));
    return vec_fma(k, vec_set(LN2_HIGH), vec_sub(f, vec_sub(square, small)));
}

INLINE vec log_of(vec x)
{
    lanes_set tiny = vec_less(x, vec_set(0x1p-1022));
    vec normal = vec_choose(tiny, vec_mul(x, vec_set(0x1p54)), x);
    vec y = log_of_normal(normal, vec_choose(tiny, vec_set(-54), vec_set(0)));
    y = vec_choose(vec_less(x, vec_set((double)INFINITY)), y, x); /* infinity and NaN are their own */
    y = vec_choose(vec_equal(x, vec_set(0)), vec_set(-(double)INFINITY), y);
    return vec_choose(vec_less(x, vec_set(0)), vec_set((double)NAN), y);
}

INLINE vec negative_magnitude(vec x) /* -|x| */
{
    return vec_of(bits_or(bits_of(x), bits_set((long long)0x8000000000000000ull)));
}

/* From t = e^-|x|: 1 / (1 + e^-x). */
INLINE vec sigmoid_of(vec x, vec t)
{
    vec one = vec_set(1);
    return vec_div(vec_choose(vec_less(x, vec_set(0)), t, one), vec_add(one, t));
}

/* From t = e^-|x|: log(1 + e^x) = max(x, 0) + log1p(t). */
INLINE vec softplus_of(vec x, vec t)
{
    vec one = vec_set(1), u = vec_add(one, t);
    vec lost = vec_sub(t, vec_sub(u, one));
    vec y = vec_add(log_of_normal(u, vec_set(0)), vec_div(lost, u));
    return vec_add(vec_max(vec_set(0), x), y); /* NaN stays: the second operand */
}

/* out_i = f(x_i); out may be x. */
INLINE void map(const double *x, size_t n, double *out, vec (*f)(vec))
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        vec_store(out + i, f(vec_load(x + i)));
    if (i < n) {
        part some = part_of(n - i);
        vec_store_part(out + i, some, f(vec_load_part(x + i, some)));
    }
}

INLINE vec sigmoid_alone(vec x)
{
    return sigmoid_of(x, exp_of(negative_magnitude(x)));
}

INLINE vec softplus_alone(vec x)
{
    return softplus_of(x, exp_of(negative_magnitude(x)));
}

void MX_LEVEL(exp)(const double *x, size_t n, double *out)
{
    map(x, n, out, exp_of);
}

void MX_LEVEL(log)(const double *x, size_t n, double *out)
{
    map(x, n, out, log_of);
}

void MX_LEVEL(sigmoid)(const double *x, size_t n, double *out)
{
    map(x, n, out, sigmoid_alone);
}

void MX_LEVEL(softplus)(const double *x, size_t n, double *out)
{
    map(x, n, out, softplus_alone);
}

void MX_LEVEL(logistic)(const double *x, size_t n, double *p, double *softplus)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vec v = vec_load(x + i), t = exp_of(negative_magnitude(v));
        vec_store(p + i, sigmoid_of(v, t));
        vec_store(softplus + i, softplus_of(v, t));
    }
    if (i < n) {
        part some = part_of(n - i);
        vec v = vec_load_part(x + i, some), t = exp_of(negative_magnitude(v));
        vec_store_part(p + i, some, sigmoid_of(v, t));
        vec_store_part(softplus + i, some, softplus_of(v, t));
    }
}

void MX_LEVEL(softmax)(const double *x, size_t n, size_t k, double *out, double *log_sums)
{
    if (k == 0)
        return;
    size_t most = k < SOFTMAX_CELLS ? SOFTMAX_CELLS / k : 1;
    double tops[SOFTMAX_CELLS];
    for (size_t first = 0; first < n; first += most) {
        size_t rows = n - first < most ? n - first : most;
        const double *from = x + first * k;
        double *to = out + first * k;
        for (size_t i = 0; i < rows; i++) {
            double top = from[i * k];
            for (size_t c = 1; c < k; c++)
                top = from[i * k + c] > top ? from[i * k + c] : top;
            tops[i] = top;
            for (size_t c = 0; c < k; c++)
                to[i * k + c] = from[i * k + c] - top;
        }
        map(to, rows * k, to, exp_of);
        for (size_t i = 0; i < rows; i++) {
            double sum = 0;
            for (size_t c = 0; c < k; c++)
                sum += to[i * k + c];
            if (log_sums != NULL)
                log_sums[first + i] = sum;
            double inverse = 1 / sum;
            for (size_t c = 0; c < k; c++)
                to[i * k + c] *= inverse;
        }
        if (log_sums != NULL) {
            map(log_sums + first, rows, log_sums + first, log_of);
            for (size_t i = 0; i < rows; i++)
                log_sums[first + i] += tops[i];
        }
    }
}
