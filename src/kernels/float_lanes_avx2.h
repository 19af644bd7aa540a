/*
 * Vectors of floats for the level avx2: the words that tensor_*_lanes.h is written in. float_lanes_avx512.h has the same ones. Included by *_avx2.c alone, and
 * not beside lanes_avx2.h, which has such words for doubles.
 *
 * vec: LANES floats. bits: their 32-bit patterns. part: which of the first lanes count, in loads and stores; the others are not touched and read as 0.
 * wide: LANES sums in double.
 */
#ifndef MX_KERNELS_FLOAT_LANES_H
#define MX_KERNELS_FLOAT_LANES_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>

#define MX_LEVEL(name) mx_##name##_avx2
#define LANES 8
#define INLINE static inline __attribute__((always_inline))

typedef __m256 vec;
typedef __m256i bits;
typedef struct part {
    __m256i mask;
    size_t count;
} part;
typedef __m256 lanes_set; /* the answer of a comparison */
typedef struct wide {
    __m256d low, high;
} wide;

INLINE part part_of(size_t n) /* the first n lanes, n <= LANES */
{
    return (part){_mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)), n};
}

INLINE vec vec_set(float v)
{
    return _mm256_set1_ps(v);
}

INLINE vec vec_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

INLINE vec vec_load_part(const float *p, part some)
{
    return _mm256_maskload_ps(p, some.mask);
}

INLINE void vec_store(float *p, vec v)
{
    _mm256_storeu_ps(p, v);
}

INLINE void vec_store_part(float *p, part some, vec v)
{
    /* Not _mm256_maskstore_ps, which some CPUs take tens of cycles for. */
    if (some.count >= LANES) {
        _mm256_storeu_ps(p, v);
        return;
    }
    __m128 half = _mm256_castps256_ps128(v);
    if (some.count & 4) {
        _mm_storeu_ps(p, half);
        half = _mm256_extractf128_ps(v, 1);
        p += 4;
    }
    if (some.count & 2) {
        _mm_storel_pi((__m64 *)(void *)p, half);
        half = _mm_movehl_ps(half, half);
        p += 2;
    }
    if (some.count & 1)
        _mm_store_ss(p, half);
}

INLINE vec vec_add(vec a, vec b)
{
    return _mm256_add_ps(a, b);
}

INLINE vec vec_sub(vec a, vec b)
{
    return _mm256_sub_ps(a, b);
}

INLINE vec vec_mul(vec a, vec b)
{
    return _mm256_mul_ps(a, b);
}

INLINE vec vec_div(vec a, vec b)
{
    return _mm256_div_ps(a, b);
}

INLINE vec vec_sqrt(vec a)
{
    return _mm256_sqrt_ps(a);
}

INLINE vec vec_fma(vec a, vec b, vec c) /* a b + c, rounded once */
{
    return _mm256_fmadd_ps(a, b, c);
}

INLINE vec vec_fnma(vec a, vec b, vec c) /* c - a b, rounded once */
{
    return _mm256_fnmadd_ps(a, b, c);
}

/* The smaller, the larger; the second when either is NaN. */
INLINE vec vec_min(vec a, vec b)
{
    return _mm256_min_ps(a, b);
}

INLINE vec vec_max(vec a, vec b)
{
    return _mm256_max_ps(a, b);
}

INLINE lanes_set vec_less(vec a, vec b) /* false for NaN */
{
    return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}

INLINE lanes_set vec_equal(vec a, vec b) /* false for NaN */
{
    return _mm256_cmp_ps(a, b, _CMP_EQ_OQ);
}

INLINE vec vec_choose(lanes_set where, vec yes, vec no)
{
    return _mm256_blendv_ps(no, yes, where);
}

INLINE lanes_set vec_signs(vec v) /* whose sign is minus, -0 and such NaN too */
{
    return v;
}

INLINE lanes_set part_set(part some)
{
    return _mm256_castsi256_ps(some.mask);
}

/* The largest lane; NaN only where all are. */
INLINE float vec_most(vec v)
{
    float all[LANES], most;
    _mm256_storeu_ps(all, v);
    most = all[0];
    for (int i = 1; i < LANES; i++)
        most = all[i] > most ? all[i] : most;
    return most;
}

INLINE bits bits_of(vec v)
{
    return _mm256_castps_si256(v);
}

INLINE vec vec_of(bits b)
{
    return _mm256_castsi256_ps(b);
}

INLINE bits bits_set(int v)
{
    return _mm256_set1_epi32(v);
}

INLINE bits bits_and(bits a, bits b)
{
    return _mm256_and_si256(a, b);
}

INLINE bits bits_or(bits a, bits b)
{
    return _mm256_or_si256(a, b);
}

INLINE bits bits_up_23(bits b) /* to the exponent's place */
{
    return _mm256_slli_epi32(b, 23);
}

INLINE wide wide_zero(void)
{
    return (wide){_mm256_setzero_pd(), _mm256_setzero_pd()};
}

INLINE wide wide_of(vec v)
{
    return (wide){_mm256_cvtps_pd(_mm256_castps256_ps128(v)), _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1))};
}

INLINE wide wide_add(wide a, wide b)
{
    return (wide){_mm256_add_pd(a.low, b.low), _mm256_add_pd(a.high, b.high)};
}

INLINE wide wide_fma(wide a, wide b, wide c) /* a b + c */
{
    return (wide){_mm256_fmadd_pd(a.low, b.low, c.low), _mm256_fmadd_pd(a.high, b.high, c.high)};
}

/* The sum of the lanes: halves onto each other, until one is left. */
INLINE double wide_sum(wide v)
{
    __m256d four = _mm256_add_pd(v.low, v.high);
    __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

#endif
