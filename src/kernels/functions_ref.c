/*
 * exp, log and their kin by the C library: what the other levels must give up to rounding.
 */
#include <math.h>

#include "kernels/kernels.h"

void mx_exp_ref(const double *x, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = exp(x[i]);
}

void mx_log_ref(const double *x, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = log(x[i]);
}

static double sigmoid(double x)
{
    double t = exp(-fabs(x));
    return (x < 0 ? t : 1) / (1 + t);
}

static double softplus(double x)
{
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

void mx_sigmoid_ref(const double *x, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = sigmoid(x[i]);
}

void mx_softplus_ref(const double *x, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = softplus(x[i]);
}

void mx_logistic_ref(const double *x, size_t n, double *p, double *out)
{
    for (size_t i = 0; i < n; i++) {
        double v = x[i];
        p[i] = sigmoid(v);
        out[i] = softplus(v);
    }
}

void mx_softmax_ref(const double *x, size_t n, size_t k, double *out, double *log_sums)
{
    for (size_t i = 0; i < n && k > 0; i++) {
        const double *from = x + i * k;
        double *to = out + i * k, top = from[0], sum = 0;
        for (size_t c = 1; c < k; c++)
            top = from[c] > top ? from[c] : top;
        for (size_t c = 0; c < k; c++)
            sum += to[c] = exp(from[c] - top);
        for (size_t c = 0; c < k; c++)
            to[c] *= 1 / sum;
        if (log_sums != NULL)
            log_sums[i] = top + log(sum);
    }
}
