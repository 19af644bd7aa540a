/*
 * Sums over gathered rows of floats, and products with a packed square matrix, in plain C: the specification of gathered_avx2.c.
 */
#include "kernels/kernels.h"

void mx_gathered_sum_ref(const float *v, size_t d, const int32_t *index, const float *weight, size_t m, float *out)
{
    for (size_t j = 0; j < m; j++) {
        const float *row = v + (size_t)index[j] * d;
        for (size_t k = 0; k < d; k++)
            out[k] += weight[j] * row[k];
    }
}

void mx_gathered_normal_ref(const float *v, size_t d, const int32_t *index, const float *weight, size_t m,
                            const float *p, float *out)
{
    for (size_t j = 0; j < m; j++) {
        const float *row = v + (size_t)index[j] * d;
        float dot = 0;
        for (size_t k = 0; k < d; k++)
            dot += row[k] * p[k];
        dot *= weight[j];
        for (size_t k = 0; k < d; k++)
            out[k] += dot * row[k];
    }
}

void mx_multiply_panels_ref(const float *a, const float *panels, float *c, size_t m, size_t d)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < d; j++) {
            const float *panel = panels + j / MX_PANEL * d * MX_PANEL + j % MX_PANEL;
            float sum = 0;
            for (size_t k = 0; k < d; k++)
                sum += a[i * d + k] * panel[k * MX_PANEL];
            c[i * d + j] = sum;
        }
}
