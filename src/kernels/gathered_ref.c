/*
 * Rows of floats gathered from where they are scattered, sums over them, and products with a packed square matrix, in plain C: the specification of
 * gathered_avx2.c.
 */
#include <string.h>

#include "kernels/kernels.h"

void mx_to_bf16_ref(const float *x, size_t n, uint16_t *out)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        /* To nearest, ties to even; a NaN keeps its quiet bit. */
        out[i] = (uint16_t)(x[i] == x[i] ? (bits + 0x7fff + (bits >> 16 & 1)) >> 16 : bits >> 16 | 0x40);
    }
}

void mx_gather_rows_ref(const float *v, size_t d, const int32_t *index, size_t m, float *out)
{
    for (size_t j = 0; j < m; j++)
        memcpy(out + j * d, v + (size_t)index[j] * d, d * sizeof *out);
}

void mx_gather_bf16_ref(const uint16_t *v, size_t d, const int32_t *index, size_t m, float *out)
{
    for (size_t j = 0; j < m; j++)
        for (size_t k = 0; k < d; k++) {
            uint32_t bits = (uint32_t)v[(size_t)index[j] * d + k] << 16;
            memcpy(out + j * d + k, &bits, sizeof bits);
        }
}

void mx_sum_rows_ref(const float *rows, size_t d, const float *weight, size_t m, float *out)
{
    for (size_t j = 0; j < m; j++)
        for (size_t k = 0; k < d; k++)
            out[k] += weight[j] * rows[j * d + k];
}

void mx_normal_rows_ref(const float *rows, size_t d, const float *weight, size_t m, const float *p, float *out)
{
    for (size_t j = 0; j < m; j++) {
        const float *row = rows + j * d;
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

uint32_t mx_panel_above_ref(const float *x, const float *panel, size_t d, float least, float *products)
{
    float sum[MX_PANEL] = {0};
    uint32_t above = 0;
    for (size_t k = 0; k < d; k++)
        for (size_t j = 0; j < MX_PANEL; j++)
            sum[j] += x[k] * panel[k * MX_PANEL + j];
    for (size_t j = 0; j < MX_PANEL; j++) {
        products[j] = sum[j];
        above |= (uint32_t)(sum[j] >= least) << j;
    }
    return above;
}

size_t mx_find_few_ref(const mx_few *few, const int32_t *numbers, size_t n, uint32_t *places)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t x = (uint32_t)numbers[i];
        if (few->bits[x / 64] >> x % 64 & 1)
            places[found++] = (uint32_t)i;
    }
    return found;
}
