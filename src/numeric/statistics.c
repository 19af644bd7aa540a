/*
 * Statistics: sums, moments, quantiles, distributions, paired tests. The bootstrap lives in bootstrap.c.
 *
 * Student's t goes through the regularised incomplete beta function by its continued fraction (Lentz; DLMF 8.17.22), good to about
 * 1e-14 relative.
 */
#include "numeric/statistics.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

#define SUM_BLOCK 128

double mx_sum(const double *x, size_t n)
{
    if (n <= SUM_BLOCK) {
        double s = 0;
        for (size_t i = 0; i < n; i++)
            s += x[i];
        return s;
    }
    size_t blocks = (n + SUM_BLOCK - 1) / SUM_BLOCK, half = (blocks / 2) * SUM_BLOCK;
    return mx_sum(x, half) + mx_sum(x + half, n - half);
}

double mx_mean(const double *x, size_t n)
{
    return n > 0 ? mx_sum(x, n) / (double)n : NAN;
}

/* Pairwise sum of (x - c)^2. */
static double sum_squares(const double *x, size_t n, double c)
{
    if (n <= SUM_BLOCK) {
        double s = 0;
        for (size_t i = 0; i < n; i++)
            s += (x[i] - c) * (x[i] - c);
        return s;
    }
    size_t blocks = (n + SUM_BLOCK - 1) / SUM_BLOCK, half = (blocks / 2) * SUM_BLOCK;
    return sum_squares(x, half, c) + sum_squares(x + half, n - half, c);
}

double mx_variance(const double *x, size_t n)
{
    return n > 1 ? sum_squares(x, n, mx_mean(x, n)) / (double)(n - 1) : NAN;
}

double mx_quantile_sorted(const double *sorted, size_t n, double p)
{
    if (n == 0 || !(p >= 0 && p <= 1))
        return NAN;
    double at = p * (double)(n - 1);
    size_t below = (size_t)floor(at);
    if (below + 1 >= n)
        return sorted[n - 1];
    double part = at - (double)below;
    return part > 0 ? sorted[below] + part * (sorted[below + 1] - sorted[below]) : sorted[below];
}

double mx_normal_cdf(double z)
{
    return 0.5 * erfc(-z * 0.70710678118654752440);
}

/* lgamma() writes the global signgam; this one does not. */
static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* I_x(a, b) by the continued fraction, where it converges fast: x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x, double y)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m < 10000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 + even * d;
        c = 1 + even / c;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 + odd * d;
        c = 1 + odd / c;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        if (fabs(d * c - 1) < 4 * DBL_EPSILON)
            break;
    }
    return exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log(y)) * h / a;
}

/* I_x(a, b) with y = 1 - x given apart, so that neither end loses digits. */
static double incomplete_beta(double a, double b, double x, double y)
{
    if (x <= 0 || y <= 0)
        return x <= 0 ? 0 : 1;
    return x < (a + 1) / (a + b + 2) ? beta_fraction(a, b, x, y) : 1 - beta_fraction(b, a, y, x);
}

/* P(T > |t|). */
static double student_tail(double t, double degrees)
{
    double t2 = t * t;
    if (isinf(t2))
        return 0;
    return 0.5 * incomplete_beta(0.5 * degrees, 0.5, degrees / (degrees + t2), t2 / (degrees + t2));
}

double mx_student_t_cdf(double t, double degrees)
{
    if (isnan(t) || !(degrees > 0))
        return NAN;
    if (isinf(degrees))
        return mx_normal_cdf(t);
    double tail = student_tail(t, degrees);
    return t > 0 ? 1 - tail : tail;
}

double mx_student_t_two_sided(double t, double degrees)
{
    if (isnan(t) || !(degrees > 0))
        return NAN;
    return isinf(degrees) ? erfc(fabs(t) * 0.70710678118654752440) : 2 * student_tail(t, degrees);
}

double mx_f_tail(double f, double d1, double d2)
{
    if (!(f >= 0) || !(d1 > 0) || !(d2 > 0) || isinf(d1) || isinf(d2))
        return NAN;
    if (isinf(f))
        return 0;
    double sum = d2 + d1 * f;
    return incomplete_beta(0.5 * d2, 0.5 * d1, d2 / sum, d1 * f / sum);
}

double mx_student_t_quantile(double p, double degrees)
{
    if (!(p >= 0 && p <= 1) || !(degrees > 0))
        return NAN;
    if (isinf(degrees))
        return mx_normal_quantile(p);
    if (p == 0.5)
        return 0;
    if (p == 0 || p == 1)
        return p == 0 ? -INFINITY : INFINITY;
    double tail = p < 0.5 ? p : 1 - p, low = 0, high = 1;
    while (student_tail(high, degrees) > tail && high < 1e300) {
        low = high;
        high *= 2;
    }
    /* Newton inside a shrinking bracket; bisection where it leaves it. */
    double t = 0.5 * (low + high);
    double log_scale =
        log_gamma(0.5 * (degrees + 1)) - log_gamma(0.5 * degrees) - 0.5 * log(degrees * 3.14159265358979323846);
    for (int i = 0; i < 200; i++) {
        double above = student_tail(t, degrees) - tail;
        if (above > 0)
            low = t;
        else
            high = t;
        double density = exp(log_scale - 0.5 * (degrees + 1) * log1p(t * t / degrees));
        double next = t + above / density;
        if (!(next > low && next < high))
            next = 0.5 * (low + high);
        if (!(fabs(next - t) > 1e-16 * t) || !(high > low))
            break;
        t = next;
    }
    return p < 0.5 ? -t : t;
}

double mx_paired_t_test(const double *a, const double *b, size_t n)
{
    if (n < 2)
        return NAN;
    double mean = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        mean += (a[i] - b[i] - mean) / (double)(i + 1);
    for (size_t i = 0; i < n; i++) {
        double d = a[i] - b[i] - mean;
        squares += d * d;
    }
    double error = sqrt(squares / (double)(n - 1) / (double)n);
    if (error == 0)
        return mean == 0 ? 1 : 0;
    return 2 * student_tail(mean / error, (double)(n - 1));
}

typedef struct difference {
    double size;
    int sign;
} difference;

static int compare_size(const void *a, const void *b)
{
    double x = ((const difference *)a)->size, y = ((const difference *)b)->size;
    return (x > y) - (x < y);
}

merx_status mx_wilcoxon_test(const double *a, const double *b, size_t n, const merx_allocator *alloc, double *p,
                             merx_error *err)
{
    *p = NAN;
    alloc = mx_allocator_or_default(alloc);
    difference *d = NULL;
    MX_TRY(MX_NEW_ARRAY(alloc, n, &d, "differences", err));
    size_t m = 0;
    bool bad = false;
    for (size_t i = 0; i < n; i++) {
        double value = a[i] - b[i];
        bad |= isnan(value);
        if (value != 0)
            d[m++] = (difference){fabs(value), value > 0 ? 1 : -1};
    }
    if (bad || m == 0) {
        *p = bad || n == 0 ? NAN : 1;
        MX_FREE_ARRAY(alloc, d, n);
        return MERX_OK;
    }
    qsort(d, m, sizeof *d, compare_size);
    double positive = 0, ties = 0, count = (double)m;
    for (size_t i = 0; i < m;) {
        size_t j = i;
        while (j < m && d[j].size == d[i].size)
            j++;
        double rank = 0.5 * (double)(i + 1 + j), t = (double)(j - i);
        for (size_t k = i; k < j; k++)
            positive += d[k].sign > 0 ? rank : 0;
        ties += t * t * t - t;
        i = j;
    }
    double away = positive - count * (count + 1) / 4;
    double error = sqrt((count * (count + 1) * (2 * count + 1) - 0.5 * ties) / 24);
    /* Continuity correction: half a rank towards the mean. */
    away = away > 0 ? fmax(away - 0.5, 0) : fmin(away + 0.5, 0);
    *p = error > 0 ? erfc(fabs(away) / error * 0.70710678118654752440) : 1;
    MX_FREE_ARRAY(alloc, d, n);
    return MERX_OK;
}
