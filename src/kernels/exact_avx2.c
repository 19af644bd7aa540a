/*
 * Exact sums with AVX2: no product is fused, so that the bits are those of plain C.
 */
#include <immintrin.h>

#include "kernels/kernels.h"

void mx_exact_add_avx2(double v, const double *restrict x, const double *restrict coarse, const double *restrict fine,
                       double *restrict high, double *restrict low, size_t n)
{
    __m256d factor = _mm256_set1_pd(v);
    size_t j = 0;
    for (; j + 4 <= n; j += 4) {
        __m256d c = _mm256_loadu_pd(coarse + j), f = _mm256_loadu_pd(fine + j);
        __m256d value = _mm256_mul_pd(factor, _mm256_loadu_pd(x + j));
        __m256d top = _mm256_sub_pd(_mm256_add_pd(value, c), c);
        __m256d rest = _mm256_sub_pd(_mm256_add_pd(_mm256_sub_pd(value, top), f), f);
        _mm256_storeu_pd(high + j, _mm256_add_pd(_mm256_loadu_pd(high + j), top));
        _mm256_storeu_pd(low + j, _mm256_add_pd(_mm256_loadu_pd(low + j), rest));
    }
    for (; j < n; j++) {
        double value = v * x[j], top = (value + coarse[j]) - coarse[j], rest = value - top;
        high[j] += top;
        low[j] += (rest + fine[j]) - fine[j];
    }
}
