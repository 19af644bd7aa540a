/*
 * Search among float32 vectors with AVX2 and FMA. Rows of a list go four at a time: four chains hide the latency of the sum. Where bits are promised, products and sums are rounded apart.
 *
 * The screen keeps 6 rows x 16 queries in twelve registers, as mx_multiply_panels does, and compares before anything is stored.
 */
#include <immintrin.h>

#include "kernels/similarity.h"

enum { LANES = MX_SIMILARITY_LANES, GROUP = 4, TILE = 6 };

#define INLINE static inline __attribute__((always_inline))

INLINE double double_sum(__m256d low, __m256d high)
{
    __m256d t = _mm256_add_pd(low, high);
    __m128d half = _mm_add_pd(_mm256_castpd256_pd128(t), _mm256_extractf128_pd(t, 1));
    return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
}

double mx_float_dot_avx2(const float *a, const float *b, size_t d)
{
    __m256d low = _mm256_setzero_pd(), high = low;
    for (size_t j = 0; j < d; j += LANES) {
        /* The product is exact, so fused or not the sum is rounded once. */
        low = _mm256_fmadd_pd(_mm256_cvtps_pd(_mm_loadu_ps(a + j)), _mm256_cvtps_pd(_mm_loadu_ps(b + j)), low);
        high =
            _mm256_fmadd_pd(_mm256_cvtps_pd(_mm_loadu_ps(a + j + 4)), _mm256_cvtps_pd(_mm_loadu_ps(b + j + 4)), high);
    }
    return double_sum(low, high);
}

double mx_float_squared_distance_avx2(const float *a, const float *b, size_t d)
{
    __m256d low = _mm256_setzero_pd(), high = low;
    for (size_t j = 0; j < d; j += LANES) {
        __m256d s = _mm256_sub_pd(_mm256_cvtps_pd(_mm_loadu_ps(a + j)), _mm256_cvtps_pd(_mm_loadu_ps(b + j)));
        __m256d t = _mm256_sub_pd(_mm256_cvtps_pd(_mm_loadu_ps(a + j + 4)), _mm256_cvtps_pd(_mm_loadu_ps(b + j + 4)));
        low = _mm256_add_pd(low, _mm256_mul_pd(s, s));
        high = _mm256_add_pd(high, _mm256_mul_pd(t, t));
    }
    return double_sum(low, high);
}

/* Lane i: ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7)) of s[i]. */
INLINE __m128 lane_sums(const __m256 s[GROUP])
{
    __m256 t = _mm256_hadd_ps(_mm256_hadd_ps(s[0], s[1]), _mm256_hadd_ps(s[2], s[3]));
    return _mm_add_ps(_mm256_castps256_ps128(t), _mm256_extractf128_ps(t, 1));
}

/* count <= GROUP rows; the rest of the group repeats the last. */
INLINE __m128 group_sums(const float *q, const float *const row[GROUP], size_t d, bool distances)
{
    __m256 s[GROUP];
    for (int i = 0; i < GROUP; i++)
        s[i] = _mm256_setzero_ps();
    for (size_t j = 0; j < d; j += LANES) {
        __m256 x = _mm256_loadu_ps(q + j);
        for (int i = 0; i < GROUP; i++) {
            __m256 y = _mm256_loadu_ps(row[i] + j);
            if (distances) {
                y = _mm256_sub_ps(y, x);
                s[i] = _mm256_add_ps(s[i], _mm256_mul_ps(y, y));
            } else {
                s[i] = _mm256_add_ps(s[i], _mm256_mul_ps(x, y));
            }
        }
    }
    return lane_sums(s);
}

INLINE void listed(const float *q, const float *rows, size_t d, const uint32_t *index, size_t m, float *out,
                   bool distances)
{
    const __m128 sign = _mm_set1_ps(distances ? 0.0f : -0.0f);
    for (size_t i = 0; i < m; i += GROUP) {
        const float *row[GROUP];
        for (size_t g = 0; g < GROUP; g++) {
            size_t at = i + g < m ? i + g : m - 1;
            row[g] = rows + (index != NULL ? index[at] : at) * d;
        }
        __m128 sums = _mm_xor_ps(group_sums(q, row, d, distances), sign);
        if (i + GROUP <= m) {
            _mm_storeu_ps(out + i, sums);
        } else {
            float last[GROUP];
            _mm_storeu_ps(last, sums);
            for (size_t g = 0; i + g < m; g++)
                out[i + g] = last[g];
        }
    }
}

void mx_minus_dots_avx2(const float *q, const float *rows, size_t d, const uint32_t *index, size_t m, float *out)
{
    if (d == 64) /* with the length known the loop is unrolled */
        listed(q, rows, 64, index, m, out, false);
    else
        listed(q, rows, d, index, m, out, false);
}

void mx_listed_distances_avx2(const float *q, const float *rows, size_t d, const uint32_t *index, size_t m, float *out)
{
    if (d == 64)
        listed(q, rows, 64, index, m, out, true);
    else
        listed(q, rows, d, index, m, out, true);
}

INLINE void screen_tile(const float *rows, size_t d, const float *bias, const float *queries, __m256 low, __m256 high,
                        uint16_t *masks, int count)
{
    __m256 s[TILE][2];
    for (int i = 0; i < count; i++)
        s[i][0] = s[i][1] = _mm256_setzero_ps();
    for (size_t j = 0; j < d; j++, queries += MX_SCREEN_LANES) {
        __m256 x = _mm256_loadu_ps(queries), y = _mm256_loadu_ps(queries + LANES);
        for (int i = 0; i < count; i++) {
            __m256 w = _mm256_broadcast_ss(rows + (size_t)i * d + j);
            s[i][0] = _mm256_fmadd_ps(w, x, s[i][0]);
            s[i][1] = _mm256_fmadd_ps(w, y, s[i][1]);
        }
    }
    for (int i = 0; i < count; i++) {
        __m256 b = _mm256_broadcast_ss(bias + i);
        int first = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_sub_ps(b, s[i][0]), low, _CMP_LE_OQ));
        int second = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_sub_ps(b, s[i][1]), high, _CMP_LE_OQ));
        masks[i] = (uint16_t)(first | second << LANES);
    }
}

void mx_screen_avx2(const float *rows, size_t n, size_t d, const float *bias, const float *queries, const float *limit,
                    uint16_t *masks)
{
    __m256 low = _mm256_loadu_ps(limit), high = _mm256_loadu_ps(limit + LANES);
    size_t i = 0;
    for (; i + TILE <= n; i += TILE)
        screen_tile(rows + i * d, d, bias + i, queries, low, high, masks + i, TILE);
    for (; i < n; i++)
        screen_tile(rows + i * d, d, bias + i, queries, low, high, masks + i, 1);
}
