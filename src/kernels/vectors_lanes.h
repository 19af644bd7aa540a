/*
 * Loops over vectors: four accumulators hide the latency of the product. Written once in the words of lanes_*.h; included by vectors_*.c of each level.
 */
#include "kernels/kernels.h"

double MX_LEVEL(dot)(const double *a, const double *b, size_t n)
{
    vec s0 = vec_set(0), s1 = s0, s2 = s0, s3 = s0;
    size_t i = 0;
    for (; i + (size_t)4 * LANES <= n; i += (size_t)4 * LANES) {
        s0 = vec_fma(vec_load(a + i), vec_load(b + i), s0);
        s1 = vec_fma(vec_load(a + i + LANES), vec_load(b + i + LANES), s1);
        s2 = vec_fma(vec_load(a + i + 2 * LANES), vec_load(b + i + 2 * LANES), s2);
        s3 = vec_fma(vec_load(a + i + 3 * LANES), vec_load(b + i + 3 * LANES), s3);
    }
    for (; i + LANES <= n; i += LANES)
        s0 = vec_fma(vec_load(a + i), vec_load(b + i), s0);
    if (i < n) {
        part rest = part_of(n - i);
        s1 = vec_fma(vec_load_part(a + i, rest), vec_load_part(b + i, rest), s1);
    }
    return vec_sum(vec_add(vec_add(s0, s1), vec_add(s2, s3)));
}

double MX_LEVEL(dot_float)(const double *a, const float *b, size_t n)
{
    vec s0 = vec_set(0), s1 = s0, s2 = s0, s3 = s0;
    size_t i = 0;
    for (; i + (size_t)4 * LANES <= n; i += (size_t)4 * LANES) {
        s0 = vec_fma(vec_load(a + i), vec_widen(b + i), s0);
        s1 = vec_fma(vec_load(a + i + LANES), vec_widen(b + i + LANES), s1);
        s2 = vec_fma(vec_load(a + i + 2 * LANES), vec_widen(b + i + 2 * LANES), s2);
        s3 = vec_fma(vec_load(a + i + 3 * LANES), vec_widen(b + i + 3 * LANES), s3);
    }
    for (; i + LANES <= n; i += LANES)
        s0 = vec_fma(vec_load(a + i), vec_widen(b + i), s0);
    if (i < n) {
        part rest = part_of(n - i);
        s1 = vec_fma(vec_load_part(a + i, rest), vec_widen_part(b + i, rest), s1);
    }
    return vec_sum(vec_add(vec_add(s0, s1), vec_add(s2, s3)));
}

void MX_LEVEL(axpy)(double v, const double *restrict x, double *restrict y, size_t n)
{
    vec factor = vec_set(v);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        vec_store(y + i, vec_fma(factor, vec_load(x + i), vec_load(y + i)));
    if (i < n) {
        part rest = part_of(n - i);
        vec_store_part(y + i, rest, vec_fma(factor, vec_load_part(x + i, rest), vec_load_part(y + i, rest)));
    }
}

void MX_LEVEL(axpy_float)(double v, const float *restrict x, double *restrict y, size_t n)
{
    vec factor = vec_set(v);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        vec_store(y + i, vec_fma(factor, vec_widen(x + i), vec_load(y + i)));
    if (i < n) {
        part rest = part_of(n - i);
        vec_store_part(y + i, rest, vec_fma(factor, vec_widen_part(x + i, rest), vec_load_part(y + i, rest)));
    }
}

void MX_LEVEL(scale_float)(double v, const float *restrict x, double *restrict y, size_t n)
{
    vec factor = vec_set(v);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        vec_store(y + i, vec_mul(factor, vec_widen(x + i)));
    if (i < n) {
        part rest = part_of(n - i);
        vec_store_part(y + i, rest, vec_mul(factor, vec_widen_part(x + i, rest)));
    }
}

void MX_LEVEL(gather_transposed)(const double *x, size_t d, const int32_t *index, const double *scale, size_t m,
                                 double *restrict out, size_t stride)
{
    size_t j = 0;
    for (; j + LANES <= m; j += LANES) {
        const double *from[LANES];
        for (size_t l = 0; l < LANES; l++)
            from[l] = x + (size_t)index[j + l] * d;
        vec v = vec_load(scale + j);
        double *to = out + j;
        size_t k = 0;
        for (; k + LANES <= d; k += LANES) {
            vec rows[LANES];
            for (size_t l = 0; l < LANES; l++)
                rows[l] = vec_load(from[l] + k);
            vec_transpose(rows);
            for (size_t l = 0; l < LANES; l++, to += stride)
                vec_store(to, vec_mul(v, rows[l]));
        }
        for (; k < d; k++, to += stride) {
            double column[LANES];
            for (size_t l = 0; l < LANES; l++)
                column[l] = from[l][k];
            vec_store(to, vec_mul(v, vec_load(column)));
        }
    }
    for (; j < m; j++)
        for (size_t k = 0; k < d; k++)
            out[k * stride + j] = scale[j] * x[(size_t)index[j] * d + k];
}

/* s + (x - row)^2, rounded three times as in plain C. */
INLINE vec add_square(vec s, vec x, vec row)
{
    vec difference = vec_sub(x, row);
    return vec_add(s, vec_mul(difference, difference));
}

void MX_LEVEL(squared_distances)(const double *x, const double *centres, size_t d, size_t k, double *restrict out)
{
    size_t c = 0;
    for (; c + (size_t)2 * LANES <= k; c += (size_t)2 * LANES) {
        vec low = vec_set(0), high = low;
        for (size_t j = 0; j < d; j++) {
            vec v = vec_set(x[j]);
            low = add_square(low, v, vec_load(centres + j * k + c));
            high = add_square(high, v, vec_load(centres + j * k + c + LANES));
        }
        vec_store(out + c, low);
        vec_store(out + c + LANES, high);
    }
    for (; c < k; c += LANES) {
        vec sum = vec_set(0);
        part some = part_of(k - c < LANES ? k - c : LANES);
        for (size_t j = 0; j < d; j++)
            sum = add_square(sum, vec_set(x[j]), vec_load_part(centres + j * k + c, some));
        vec_store_part(out + c, some, sum);
    }
}
