/*
 * Philox 4x32-10 and the distributions drawn from it. The key is the seed; the 128-bit counter is (counter, stream).
 *
 * A normal uses exactly one 64-bit number (inverse of the normal distribution function), so that what follows it does not depend
 * on what it was.
 */
#include <math.h>

#include "base/random.h"

void mx_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t x[4] = {counter[0], counter[1], counter[2], counter[3]};
    uint32_t k0 = key[0];
    uint32_t k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * x[0];
        uint64_t b = (uint64_t)0xCD9E8D57u * x[2];
        uint32_t y0 = (uint32_t)(b >> 32) ^ x[1] ^ k0;
        uint32_t y2 = (uint32_t)(a >> 32) ^ x[3] ^ k1;
        x[0] = y0;
        x[1] = (uint32_t)b;
        x[2] = y2;
        x[3] = (uint32_t)a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < 4; i++)
        out[i] = x[i];
}

void mx_random_init(mx_random *random, uint64_t seed, uint64_t stream)
{
    *random = (mx_random){.seed = seed, .stream = stream};
}

uint32_t mx_random_u32(mx_random *random)
{
    if (random->left == 0) {
        uint32_t counter[4] = {(uint32_t)random->counter, (uint32_t)(random->counter >> 32), (uint32_t)random->stream,
                               (uint32_t)(random->stream >> 32)};
        uint32_t key[2] = {(uint32_t)random->seed, (uint32_t)(random->seed >> 32)};
        mx_philox4x32(counter, key, random->block);
        random->counter++;
        random->left = 4;
    }
    return random->block[4 - random->left--];
}

uint64_t mx_random_u64(mx_random *random)
{
    uint64_t high = mx_random_u32(random);
    return high << 32 | mx_random_u32(random);
}

double mx_random_uniform(mx_random *random)
{
    return (double)(mx_random_u64(random) >> 11) * 0x1p-53;
}

/* (0, 1): the middles of 2^52 equal cells. */
static double open_uniform(mx_random *random)
{
    return ((double)(mx_random_u64(random) >> 12) + 0.5) * 0x1p-52;
}

/* Lemire 2019, "Fast random integer generation in an interval", algorithm 5. */
uint64_t mx_random_below(mx_random *random, uint64_t bound)
{
    __extension__ typedef unsigned __int128 u128;
    u128 product = (u128)mx_random_u64(random) * bound;
    if ((uint64_t)product < bound) {
        uint64_t threshold = (0 - bound) % bound;
        while ((uint64_t)product < threshold)
            product = (u128)mx_random_u64(random) * bound;
    }
    return (uint64_t)(product >> 64);
}

static double ratio(const double p[8], const double q[8], double x)
{
    double above = p[7];
    double below = q[7];
    for (int i = 6; i >= 0; i--) {
        above = above * x + p[i];
        below = below * x + q[i];
    }
    return above / below;
}

/* Wichura 1988, "The percentage points of the normal distribution", algorithm AS 241 (PPND16): about 1 part in 10^16. */
double mx_normal_quantile(double p)
{
    static const double a[8] = {3.3871328727963666080e0,  1.3314166789178437745e+2, 1.9715909503065514427e+3,
                                1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                3.3430575583588128105e+4, 2.5090809287301226727e+3};
    static const double b[8] = {1.0,
                                4.2313330701600911252e+1,
                                6.8718700749205790830e+2,
                                5.3941960214247511077e+3,
                                2.1213794301586595867e+4,
                                3.9307895800092710610e+4,
                                2.8729085735721942674e+4,
                                5.2264952788528545610e+3};
    static const double c[8] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                                3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                                2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[8] = {1.0,
                                2.05319162663775882187e0,
                                1.67638483018380384940e0,
                                6.89767334985100004550e-1,
                                1.48103976427480074590e-1,
                                1.51986665636164571966e-2,
                                5.47593808499534494600e-4,
                                1.05075007164441684324e-9};
    static const double e[8] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                                2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[8] = {1.0,
                                5.99832206555887937690e-1,
                                1.36929880922735805310e-1,
                                1.48753612908506148525e-2,
                                7.86869131145613259100e-4,
                                1.84631831751005468180e-5,
                                1.42151175831644588870e-7,
                                2.04426310338993978564e-15};
    if (!(p > 0 && p < 1))
        return p == 0 ? -INFINITY : p == 1 ? INFINITY : NAN;
    double q = p - 0.5;
    if (fabs(q) <= 0.425)
        return q * ratio(a, b, 0.180625 - q * q);
    double r = sqrt(-log(q < 0 ? p : 1 - p));
    double x = r <= 5 ? ratio(c, d, r - 1.6) : ratio(e, f, r - 5);
    return q < 0 ? -x : x;
}

double mx_random_normal(mx_random *random)
{
    return mx_normal_quantile(open_uniform(random));
}

double mx_random_exponential(mx_random *random)
{
    return -log(open_uniform(random));
}

static double log_gamma(double x)
{
    int sign = 0; /* lgamma writes a global */
    return lgamma_r(x, &sign);
}

/* Hormann 1993, "The transformed rejection method for generating Poisson random variables", algorithm PTRS; mean >= 10. */
static uint64_t poisson_large(mx_random *random, double mean)
{
    double log_mean = log(mean);
    double b = 0.931 + 2.53 * sqrt(mean);
    double a = -0.059 + 0.02483 * b;
    double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    double v_r = 0.9277 - 3.6224 / (b - 2);
    for (;;) {
        double u = mx_random_uniform(random) - 0.5;
        double v = open_uniform(random);
        double us = 0.5 - fabs(u);
        double k = floor((2 * a / us + b) * u + mean + 0.43);
        if (us >= 0.07 && v <= v_r)
            return (uint64_t)k;
        if (!(k >= 0) || (us < 0.013 && v > us))
            continue;
        if (log(v) + log(inverse_alpha) - log(a / (us * us) + b) <= -mean + k * log_mean - log_gamma(k + 1))
            return (uint64_t)k;
    }
}

uint64_t mx_random_poisson(mx_random *random, double mean)
{
    if (!(mean > 0))
        return 0;
    if (mean > 0x1p52)
        mean = 0x1p52;
    if (mean >= 10)
        return poisson_large(random, mean);
    /* Knuth: how many uniforms until their product falls below exp(-mean). */
    double limit = exp(-mean);
    double product = open_uniform(random);
    uint64_t count = 0;
    while (product > limit) {
        product *= open_uniform(random);
        count++;
    }
    return count;
}

double mx_random_gamma(mx_random *random, double shape)
{
    if (!(shape > 0))
        return 0;
    if (shape < 1) {
        double u = open_uniform(random);
        return mx_random_gamma(random, shape + 1) * pow(u, 1 / shape);
    }
    double d = shape - 1.0 / 3;
    double c = 1 / sqrt(9 * d);
    for (;;) {
        double x = mx_random_normal(random);
        double v = 1 + c * x;
        double u = open_uniform(random);
        if (!(v > 0))
            continue;
        v = v * v * v;
        if (log(u) < 0.5 * x * x + d - d * v + d * log(v))
            return d * v;
    }
}

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection that mixes all bits. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

uint64_t mx_random_key(uint64_t a, uint64_t b, uint64_t c)
{
    return mix(mix(mix(a) + b) + c);
}

void mx_random_shuffle_i64(mx_random *random, int64_t *values, uint64_t count)
{
    for (uint64_t i = count; i > 1; i--) {
        uint64_t j = mx_random_below(random, i);
        int64_t other = values[j];
        values[j] = values[i - 1];
        values[i - 1] = other;
    }
}
