/*
 * Functions of a vector of floats and their slopes, for the levels in lanes: what tensor_functions_lanes.h is made of. Included behind float_lanes_*.h.
 *
 * e^x       x = k ln 2 + r, |r| <= ln 2 / 2 (ln 2 in two parts, fused products); e^r by a polynomial of degree 6 (error 2^-28); times 2^k. Below 2^-126 results are to
 *           lose bits only once: of x <= 0 e^x 2^SHIFT is computed, a normal number down to the smallest subnormal e^x, and scaled when all else is done.
 * expm1     2^k (e^r - 1) + (2^k - 1), e^r - 1 without its one.
 * tanh      of |x|: e / (e + 2), e = expm1(2 |x|); 1 from 9.02 on. What ln 2 lacks in float does not count: it grows with k, and e / (e + 2) turns to 1 faster. (A
 *           ratio of polynomials of degrees 9 and 10 is quicker by a quarter, but wrong by 4.2 ulp at best.)
 * sigmoid   (x < 0 ? t : 1) / (1 + t), t = e^-|x|.
 * softplus  max(x, 0) + log1p t = max(x, 0) + 2 atanh(t / (2 + t)), atanh by a polynomial in the square (at most 1/9) of degree 5, error 2^-33.
 * gelu      x Phi(x); Phi(-a) = e^(-a^2/2) R(a), R(a) (a + 3) a polynomial of degree 10 in (a - 3) / (a + 3), error 2^-30 on 0 <= a <= 14.6, where x Phi(x) is below
 *           the smallest float; a^2 with its rounding error, so that e^(-a^2/2) is right to the end.
 * Coefficients: least squares reweighted towards the largest relative error (Lawson 1961), in 40 digits.
 *
 * NaN stays NaN: vec_min and vec_max give their second operand then.
 */
#ifndef MX_KERNELS_FLOAT_FUNCTIONS_H
#define MX_KERNELS_FLOAT_FUNCTIONS_H

#include "kernels/tensors.h"

#define SHIFT 36
#define UNSHIFT 0x1p-36F
#define EXP_LEAST (-110.0F)  /* e^x 2^SHIFT is normal; e^x, and x e^x, less than half the smallest float */
#define LOG2_E 0x1.715476p0F /* 1 / ln 2 */
#define FLOAT_LN2_HIGH 0x1.62e43p-1F
#define FLOAT_LN2_LOW (-0x1.05c61p-29F) /* ln 2 - FLOAT_LN2_HIGH */
#define FLOAT_TO_WHOLE                                                                                                 \
    0x1.8p23F /* v + it - it rounds v to a whole number, |v| < 2^22; meanwhile its low bits are the number's */

INLINE vec magnitude(vec x)
{
    return vec_of(bits_and(bits_of(x), bits_set(0x7fffffff)));
}

INLINE vec negative_magnitude(vec x) /* -|x| */
{
    return vec_of(bits_or(bits_of(x), bits_set((int)0x80000000u)));
}

/* x = k ln 2 + r; raised: k + FLOAT_TO_WHOLE + bias. */
INLINE vec reduced(vec x, float bias, vec *raised)
{
    vec whole = vec_set(FLOAT_TO_WHOLE + bias);
    *raised = vec_fma(x, vec_set(LOG2_E), whole);
    vec k = vec_sub(*raised, whole);
    return vec_fnma(k, vec_set(FLOAT_LN2_LOW), vec_fnma(k, vec_set(FLOAT_LN2_HIGH), x));
}

INLINE vec exp_series(
    vec r,
    vec square) /* (e^r - 1 - r) / r^2; as a tree, which is quicker than a chain: it is latency that counts here */
{
    vec low = vec_fma(vec_set(0x1.555492p-3F), r, vec_set(0x1.fffffcp-2F)),
        high = vec_fma(vec_set(0x1.1239eap-7F), r, vec_set(0x1.5558f2p-5F));
    return vec_fma(vec_fma(vec_set(0x1.6a23eep-10F), square, high), square, low);
}

INLINE vec exp_of_reduced(vec r) /* e^r */
{
    vec square = vec_mul(r, r);
    return vec_fma(exp_series(r, square), square, vec_add(vec_set(1), r));
}

INLINE vec power_of_two(vec raised) /* 2^k of k + FLOAT_TO_WHOLE + 127, k in -126 .. 127 */
{
    return vec_of(bits_up_23(bits_of(raised)));
}

/* e^(x + more) 2^SHIFT for x <= 0 and more next to nothing. */
INLINE vec shifted_exp_of_sum(vec x, vec more)
{
    vec raised, r = vec_add(reduced(vec_max(vec_set(EXP_LEAST), x), 127 + SHIFT, &raised), more);
    return vec_mul(exp_of_reduced(r), power_of_two(raised));
}

INLINE vec shifted_exp(vec x)
{
    vec raised, r = reduced(vec_max(vec_set(EXP_LEAST), x), 127 + SHIFT, &raised);
    return vec_mul(exp_of_reduced(r), power_of_two(raised));
}

INLINE vec exp_down(vec x) /* e^x, x <= 0 */
{
    return vec_mul(shifted_exp(x), vec_set(UNSHIFT));
}

INLINE vec exp_of(vec x)
{
    vec raised, r = reduced(vec_max(vec_set(EXP_LEAST), vec_min(vec_set(100), x)), 0, &raised);
    vec p = exp_of_reduced(r);
    vec whole = vec_set(FLOAT_TO_WHOLE), k = vec_sub(raised, whole); /* 2^k in two steps: k is as much as 144 */
    vec half = vec_fma(k, vec_set(0.5F), whole);
    vec rest = vec_sub(k, vec_sub(half, whole));
    half = vec_add(half, vec_set(127));
    return vec_mul(vec_mul(p, power_of_two(half)), power_of_two(vec_add(rest, vec_set(FLOAT_TO_WHOLE + 127))));
}

INLINE vec expm1_of_reduced(vec r, vec raised) /* 2^k e^r - 1 */
{
    vec power = power_of_two(raised), square = vec_mul(r, r);
    return vec_fma(power, vec_fma(square, exp_series(r, square), r), vec_sub(power, vec_set(1)));
}

INLINE vec expm1_down(vec x) /* e^x - 1, x <= 0 */
{
    vec raised, r = reduced(vec_max(vec_set(-18), x), 127, &raised);
    return expm1_of_reduced(r, raised);
}

/* ---- the functions ---- */

INLINE vec linear_of(vec x)
{
    return x;
}

INLINE vec relu_of(vec x)
{
    return vec_max(x, vec_set(0)); /* 0 of NaN: the second operand */
}

INLINE vec tanh_of(vec x)
{
    vec a = vec_min(vec_set(9.02F), magnitude(x)), whole = vec_set(FLOAT_TO_WHOLE + 127), two = vec_set(2);
    vec raised = vec_fma(a, vec_set(2 * LOG2_E), whole);
    vec half = vec_fnma(vec_sub(raised, whole), vec_set(0.5F * FLOAT_LN2_HIGH), a), r = vec_add(half, half);
    vec e = expm1_of_reduced(r, raised);
    vec y = vec_div(e, vec_add(e, two));
    return vec_of(bits_or(bits_of(y), bits_and(bits_of(x), bits_set((int)0x80000000u))));
}

INLINE vec sigmoid_of(vec x)
{
    vec t = exp_down(negative_magnitude(x)), one = vec_set(1);
    return vec_div(vec_choose(vec_signs(x), t, one), vec_add(one, t));
}

INLINE vec softplus_of(vec x)
{
    vec t = exp_down(negative_magnitude(x));
    vec s = vec_div(t, vec_add(vec_set(2), t)), z = vec_mul(s, s);
    vec p = vec_set(0.1221208461F);
    p = vec_fma(p, z, vec_set(0.1069508322F));
    p = vec_fma(p, z, vec_set(0.1431051102F));
    p = vec_fma(p, z, vec_set(0.199993395F));
    p = vec_fma(p, z, vec_set(0.3333333974F));
    p = vec_fma(p, z, vec_set(1));
    return vec_fma(vec_add(s, s), p, vec_max(vec_set(0), x));
}

INLINE vec elu_of(vec x)
{
    return vec_choose(vec_signs(x), expm1_down(x), x);
}

INLINE vec leaky_relu_of(vec x)
{
    return vec_choose(vec_signs(x), vec_mul(vec_set(0.2F), x), x);
}

INLINE vec hard_sigmoid_of(vec x)
{
    return vec_div(vec_min(vec_set(6), vec_max(vec_set(0), vec_add(x, vec_set(3)))), vec_set(6));
}

INLINE vec silu_of(vec x)
{
    vec shifted = shifted_exp(negative_magnitude(x)), minus = vec_max(vec_set(EXP_LEAST), x), one = vec_set(1);
    lanes_set below = vec_signs(x);
    vec over = vec_choose(below, vec_mul(minus, shifted), x);
    vec y = vec_div(over, vec_fma(shifted, vec_set(UNSHIFT), one));
    return vec_mul(y, vec_choose(below, vec_set(UNSHIFT), one));
}

/* Phi(-|x|) 2^SHIFT, and the e^(-x^2/2) 2^SHIFT in it; a: |x|, at most 14.6. */
INLINE vec shifted_normal_tail(vec a, vec *bell)
{
    vec square = vec_mul(a, a), lost = vec_fnma(a, a, square); /* a^2 = square - lost */
    *bell = shifted_exp_of_sum(vec_mul(vec_set(-0.5F), square), vec_mul(vec_set(0.5F), lost));
    vec three = vec_set(3), more = vec_add(a, three), v = vec_div(vec_sub(a, three), more);
    vec p = vec_set(5.44682777034e-5F);
    p = vec_fma(p, v, vec_set(1.31281072172e-4F));
    p = vec_fma(p, v, vec_set(-2.44750614382e-4F));
    p = vec_fma(p, v, vec_set(-1.03254530812e-3F));
    p = vec_fma(p, v, vec_set(1.02477551893e-3F));
    p = vec_fma(p, v, vec_set(6.96930780552e-3F));
    p = vec_fma(p, v, vec_set(-1.04625178938e-2F));
    p = vec_fma(p, v, vec_set(-4.72626881712e-2F));
    p = vec_fma(p, v, vec_set(0.230017699753F));
    p = vec_fma(p, v, vec_set(-0.509331991387F));
    p = vec_fma(p, v, vec_set(0.729083690373F));
    return vec_mul(*bell, vec_div(p, more));
}

INLINE vec gelu_of(vec x)
{
    vec bell, a = vec_min(vec_set(14.6F), magnitude(x)), tail = shifted_normal_tail(a, &bell);
    vec unshift = vec_set(UNSHIFT), below = vec_mul(vec_mul(vec_sub(vec_set(0), a), tail), unshift);
    return vec_choose(vec_signs(x), below, vec_fnma(a, vec_mul(tail, unshift), x));
}

/* ---- their slopes, from y = f(x); of gelu and silu from x ---- */

INLINE vec linear_slope(vec y)
{
    (void)y;
    return vec_set(1);
}

INLINE vec relu_slope(vec y)
{
    return vec_choose(vec_less(vec_set(0), y), vec_set(1), vec_set(0));
}

INLINE vec tanh_slope(vec y)
{
    return vec_fnma(y, y, vec_set(1));
}

INLINE vec sigmoid_slope(vec y)
{
    return vec_fnma(y, y, y);
}

INLINE vec softplus_slope(vec y)
{
    return vec_sub(vec_set(0), expm1_down(vec_sub(vec_set(0), y)));
}

INLINE vec elu_slope(vec y)
{
    return vec_choose(vec_less(vec_set(0), y), vec_set(1), vec_add(y, vec_set(1)));
}

INLINE vec leaky_relu_slope(vec y)
{
    return vec_choose(vec_less(vec_set(0), y), vec_set(1), vec_set(0.2F));
}

INLINE vec hard_sigmoid_slope(vec y)
{
    vec zero = vec_set(0), inside = vec_choose(vec_less(zero, y), vec_set(1.0F / 6), zero);
    return vec_choose(vec_less(y, vec_set(1)), inside, zero);
}

INLINE vec exponential_slope(vec y)
{
    return y;
}

INLINE vec silu_slope(vec x)
{
    vec shifted = shifted_exp(negative_magnitude(x)), one = vec_set(1), unshift = vec_set(UNSHIFT);
    vec t = vec_mul(shifted, unshift), under = vec_add(one, t);
    lanes_set below = vec_signs(x);
    vec rising = vec_div(vec_choose(below, shifted, one), under), falling = vec_div(vec_choose(below, one, t), under);
    vec near = vec_max(vec_set(EXP_LEAST), vec_min(vec_set(-EXP_LEAST), x)); /* infinity x 0 is not meant */
    return vec_mul(vec_mul(rising, vec_fma(near, falling, one)), vec_choose(below, unshift, one));
}

INLINE vec gelu_slope(vec x)
{
    vec bell, a = vec_min(vec_set(14.6F), magnitude(x)), tail = shifted_normal_tail(a, &bell);
    vec unshift = vec_set(UNSHIFT), density = vec_mul(bell, vec_set(0.398942280401F)); /* 1 / sqrt(2 pi) */
    vec product = vec_mul(a, density);
    vec below = vec_mul(vec_sub(tail, product), unshift), above = vec_fma(vec_sub(product, tail), unshift, vec_set(1));
    return vec_choose(vec_signs(x), below, above);
}

#endif
