/*
 * Vectors of floats for the level avx512: the words of float_lanes_avx2.h, sixteen floats wide. Included by *_avx512.c alone.
 *
 * Needs avx512f, dq, bw, vl. Intrinsics only: tests compile these files a second time against an emulation of them (tests/CMakeLists.txt).
 */
#ifndef MX_KERNELS_FLOAT_LANES_H
#define MX_KERNELS_FLOAT_LANES_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>

#define MX_LEVEL(name) mx_##name##_avx512
#define LANES 16
#define INLINE static inline __attribute__((always_inline))

typedef __m512 vec;
typedef __m512i bits;
typedef __mmask16 part;
typedef __mmask16 lanes_set; /* the answer of a comparison */
typedef struct wide {
    __m512d low, high;
} wide;

INLINE part part_of(size_t n) /* the first n lanes, n <= LANES */
{
    return (__mmask16)((1u << n) - 1);
}

INLINE vec vec_set(float v)
{
    return _mm512_set1_ps(v);
}

INLINE vec vec_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

INLINE vec vec_load_part(const float *p, part some)
{
    return _mm512_maskz_loadu_ps(some, p);
}

INLINE void vec_store(float *p, vec v)
{
    _mm512_storeu_ps(p, v);
}

INLINE void vec_store_part(float *p, part some, vec v)
{
    _mm512_mask_storeu_ps(p, some, v);
}

INLINE vec vec_add(vec a, vec b)
{
    return _mm512_add_ps(a, b);
}

INLINE vec vec_sub(vec a, vec b)
{
    return _mm512_sub_ps(a, b);
}

INLINE vec vec_mul(vec a, vec b)
{
    return _mm512_mul_ps(a, b);
}

INLINE vec vec_div(vec a, vec b)
{
    return _mm512_div_ps(a, b);
}

INLINE vec vec_sqrt(vec a)
{
    return _mm512_sqrt_ps(a);
}

INLINE vec vec_fma(vec a, vec b, vec c) /* a b + c, rounded once */
{
    return _mm512_fmadd_ps(a, b, c);
}

INLINE vec vec_fnma(vec a, vec b, vec c) /* c - a b, rounded once */
{
    return _mm512_fnmadd_ps(a, b, c);
}

/* The smaller, the larger; the second when either is NaN. */
INLINE vec vec_min(vec a, vec b)
{
    return _mm512_min_ps(a, b);
}

INLINE vec vec_max(vec a, vec b)
{
    return _mm512_max_ps(a, b);
}

INLINE lanes_set vec_less(vec a, vec b) /* false for NaN */
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}

INLINE lanes_set vec_equal(vec a, vec b) /* false for NaN */
{
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}

INLINE vec vec_choose(lanes_set where, vec yes, vec no)
{
    return _mm512_mask_blend_ps(where, no, yes);
}

INLINE lanes_set vec_signs(vec v) /* whose sign is minus, -0 and such NaN too */
{
    return _mm512_movepi32_mask(_mm512_castps_si512(v));
}

INLINE lanes_set part_set(part some)
{
    return some;
}

/* The largest lane; NaN only where all are. */
INLINE float vec_most(vec v)
{
    float all[LANES], most;
    _mm512_storeu_ps(all, v);
    most = all[0];
    for (int i = 1; i < LANES; i++)
        most = all[i] > most ? all[i] : most;
    return most;
}

INLINE bits bits_of(vec v)
{
    return _mm512_castps_si512(v);
}

INLINE vec vec_of(bits b)
{
    return _mm512_castsi512_ps(b);
}

INLINE bits bits_set(int v)
{
    return _mm512_set1_epi32(v);
}

INLINE bits bits_and(bits a, bits b)
{
    return _mm512_and_si512(a, b);
}

INLINE bits bits_or(bits a, bits b)
{
    return _mm512_or_si512(a, b);
}

INLINE bits bits_up_23(bits b) /* to the exponent's place */
{
    return _mm512_slli_epi32(b, 23);
}

INLINE wide wide_zero(void)
{
    return (wide){_mm512_setzero_pd(), _mm512_setzero_pd()};
}

INLINE wide wide_of(vec v)
{
    __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(v), 1));
    return (wide){_mm512_cvtps_pd(_mm512_castps512_ps256(v)), _mm512_cvtps_pd(high)};
}

INLINE wide wide_add(wide a, wide b)
{
    return (wide){_mm512_add_pd(a.low, b.low), _mm512_add_pd(a.high, b.high)};
}

INLINE wide wide_fma(wide a, wide b, wide c) /* a b + c */
{
    return (wide){_mm512_fmadd_pd(a.low, b.low, c.low), _mm512_fmadd_pd(a.high, b.high, c.high)};
}

/* The sum of the lanes: halves onto each other, until one is left. */
INLINE double wide_sum(wide v)
{
    __m512d eight = _mm512_add_pd(v.low, v.high);
    __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(eight), _mm512_extractf64x4_pd(eight, 1));
    __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

#endif
