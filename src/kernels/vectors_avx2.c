/*
 * Loops over vectors with AVX2 and FMA: four accumulators of four doubles hide the latency of the product.
 */
#include <immintrin.h>

#include "kernels/kernels.h"

static inline __m256d widen(const float *p)
{
    return _mm256_cvtps_pd(_mm_loadu_ps(p));
}

/* ((s0 + s1) + (s2 + s3)), then its four lanes. */
static inline double sum_of(__m256d s0, __m256d s1, __m256d s2, __m256d s3)
{
    __m256d s = _mm256_add_pd(_mm256_add_pd(s0, s1), _mm256_add_pd(s2, s3));
    __m128d half = _mm_add_pd(_mm256_castpd256_pd128(s), _mm256_extractf128_pd(s, 1));
    return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
}

double mx_dot_avx2(const double *a, const double *b, size_t n)
{
    __m256d s0 = _mm256_setzero_pd(), s1 = s0, s2 = s0, s3 = s0;
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        s0 = _mm256_fmadd_pd(_mm256_loadu_pd(a + i), _mm256_loadu_pd(b + i), s0);
        s1 = _mm256_fmadd_pd(_mm256_loadu_pd(a + i + 4), _mm256_loadu_pd(b + i + 4), s1);
        s2 = _mm256_fmadd_pd(_mm256_loadu_pd(a + i + 8), _mm256_loadu_pd(b + i + 8), s2);
        s3 = _mm256_fmadd_pd(_mm256_loadu_pd(a + i + 12), _mm256_loadu_pd(b + i + 12), s3);
    }
    for (; i + 4 <= n; i += 4)
        s0 = _mm256_fmadd_pd(_mm256_loadu_pd(a + i), _mm256_loadu_pd(b + i), s0);
    double sum = sum_of(s0, s1, s2, s3);
    for (; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

double mx_dot_float_avx2(const double *a, const float *b, size_t n)
{
    __m256d s0 = _mm256_setzero_pd(), s1 = s0, s2 = s0, s3 = s0;
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        s0 = _mm256_fmadd_pd(_mm256_loadu_pd(a + i), widen(b + i), s0);
        s1 = _mm256_fmadd_pd(_mm256_loadu_pd(a + i + 4), widen(b + i + 4), s1);
        s2 = _mm256_fmadd_pd(_mm256_loadu_pd(a + i + 8), widen(b + i + 8), s2);
        s3 = _mm256_fmadd_pd(_mm256_loadu_pd(a + i + 12), widen(b + i + 12), s3);
    }
    for (; i + 4 <= n; i += 4)
        s0 = _mm256_fmadd_pd(_mm256_loadu_pd(a + i), widen(b + i), s0);
    double sum = sum_of(s0, s1, s2, s3);
    for (; i < n; i++)
        sum += a[i] * (double)b[i];
    return sum;
}

void mx_axpy_avx2(double v, const double *restrict x, double *restrict y, size_t n)
{
    __m256d factor = _mm256_set1_pd(v);
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        _mm256_storeu_pd(y + i, _mm256_fmadd_pd(factor, _mm256_loadu_pd(x + i), _mm256_loadu_pd(y + i)));
    for (; i < n; i++)
        y[i] += v * x[i];
}

void mx_axpy_float_avx2(double v, const float *restrict x, double *restrict y, size_t n)
{
    __m256d factor = _mm256_set1_pd(v);
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        _mm256_storeu_pd(y + i, _mm256_fmadd_pd(factor, widen(x + i), _mm256_loadu_pd(y + i)));
    for (; i < n; i++)
        y[i] += v * (double)x[i];
}

void mx_scale_float_avx2(double v, const float *restrict x, double *restrict y, size_t n)
{
    __m256d factor = _mm256_set1_pd(v);
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        _mm256_storeu_pd(y + i, _mm256_mul_pd(factor, widen(x + i)));
    for (; i < n; i++)
        y[i] = v * (double)x[i];
}

void mx_gather_transposed_avx2(const double *x, size_t d, const int32_t *index, const double *scale, size_t m,
                               double *restrict out, size_t stride)
{
    size_t j = 0;
    for (; j + 4 <= m; j += 4) {
        const double *x0 = x + (size_t)index[j] * d, *x1 = x + (size_t)index[j + 1] * d,
                     *x2 = x + (size_t)index[j + 2] * d, *x3 = x + (size_t)index[j + 3] * d;
        __m256d v = _mm256_loadu_pd(scale + j);
        double *to = out + j;
        size_t k = 0;
        for (; k + 4 <= d; k += 4, to += 4 * stride) {
            __m256d r0 = _mm256_loadu_pd(x0 + k), r1 = _mm256_loadu_pd(x1 + k), r2 = _mm256_loadu_pd(x2 + k),
                    r3 = _mm256_loadu_pd(x3 + k);
            __m256d a = _mm256_unpacklo_pd(r0, r1), b = _mm256_unpackhi_pd(r0, r1), c = _mm256_unpacklo_pd(r2, r3),
                    e = _mm256_unpackhi_pd(r2, r3);
            _mm256_storeu_pd(to, _mm256_mul_pd(v, _mm256_permute2f128_pd(a, c, 0x20)));
            _mm256_storeu_pd(to + stride, _mm256_mul_pd(v, _mm256_permute2f128_pd(b, e, 0x20)));
            _mm256_storeu_pd(to + 2 * stride, _mm256_mul_pd(v, _mm256_permute2f128_pd(a, c, 0x31)));
            _mm256_storeu_pd(to + 3 * stride, _mm256_mul_pd(v, _mm256_permute2f128_pd(b, e, 0x31)));
        }
        for (; k < d; k++, to += stride)
            _mm256_storeu_pd(to, _mm256_mul_pd(v, _mm256_setr_pd(x0[k], x1[k], x2[k], x3[k])));
    }
    for (; j < m; j++)
        for (size_t k = 0; k < d; k++)
            out[k * stride + j] = scale[j] * x[(size_t)index[j] * d + k];
}

/* s + (x - row)^2, rounded three times as in plain C. */
static inline __m256d add_square(__m256d s, __m256d x, __m256d row)
{
    __m256d difference = _mm256_sub_pd(x, row);
    return _mm256_add_pd(s, _mm256_mul_pd(difference, difference));
}

void mx_squared_distances_avx2(const double *x, const double *centres, size_t d, size_t k, double *restrict out)
{
    size_t c = 0;
    for (; c + 8 <= k; c += 8) {
        __m256d low = _mm256_setzero_pd(), high = low;
        for (size_t j = 0; j < d; j++) {
            __m256d v = _mm256_set1_pd(x[j]);
            low = add_square(low, v, _mm256_loadu_pd(centres + j * k + c));
            high = add_square(high, v, _mm256_loadu_pd(centres + j * k + c + 4));
        }
        _mm256_storeu_pd(out + c, low);
        _mm256_storeu_pd(out + c + 4, high);
    }
    for (; c + 4 <= k; c += 4) {
        __m256d low = _mm256_setzero_pd();
        for (size_t j = 0; j < d; j++)
            low = add_square(low, _mm256_set1_pd(x[j]), _mm256_loadu_pd(centres + j * k + c));
        _mm256_storeu_pd(out + c, low);
    }
    for (; c < k; c++) {
        double sum = 0;
        for (size_t j = 0; j < d; j++)
            sum += (x[j] - centres[j * k + c]) * (x[j] - centres[j * k + c]);
        out[c] = sum;
    }
}
