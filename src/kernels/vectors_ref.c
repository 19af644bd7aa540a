/*
 * Loops over vectors in plain C: what the other levels must give up to rounding.
 */
#include "kernels/kernels.h"

double mx_dot_ref(const double *a, const double *b, size_t n)
{
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        s0 += a[i] * b[i];
        s1 += a[i + 1] * b[i + 1];
        s2 += a[i + 2] * b[i + 2];
        s3 += a[i + 3] * b[i + 3];
    }
    for (; i < n; i++)
        s0 += a[i] * b[i];
    return (s0 + s1) + (s2 + s3);
}

double mx_dot_float_ref(const double *a, const float *b, size_t n)
{
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        s0 += a[i] * (double)b[i];
        s1 += a[i + 1] * (double)b[i + 1];
        s2 += a[i + 2] * (double)b[i + 2];
        s3 += a[i + 3] * (double)b[i + 3];
    }
    for (; i < n; i++)
        s0 += a[i] * (double)b[i];
    return (s0 + s1) + (s2 + s3);
}

void mx_axpy_ref(double v, const double *restrict x, double *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += v * x[i];
}

void mx_axpy_float_ref(double v, const float *restrict x, double *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += v * (double)x[i];
}

void mx_scale_float_ref(double v, const float *restrict x, double *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = v * (double)x[i];
}

void mx_squared_distances_ref(const double *x, const double *centres, size_t d, size_t k, double *restrict out)
{
    for (size_t c = 0; c < k; c++)
        out[c] = 0;
    for (size_t j = 0; j < d; j++) {
        const double *restrict row = centres + j * k;
        for (size_t c = 0; c < k; c++)
            out[c] += (x[j] - row[c]) * (x[j] - row[c]);
    }
}

void mx_gather_transposed_ref(const double *x, size_t d, const int32_t *index, const double *scale, size_t m,
                              double *restrict out, size_t stride)
{
    for (size_t j = 0; j < m; j++)
        for (size_t k = 0; k < d; k++)
            out[k * stride + j] = scale[j] * x[(size_t)index[j] * d + k];
}
