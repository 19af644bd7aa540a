/*
 * Vectors of doubles for the level avx2: the words that *_lanes.h is written in. lanes_avx512.h has the same ones. Included by *_avx2.c alone.
 *
 * vec: LANES doubles. bits: their 64-bit patterns. part: which of the first lanes count, in loads and stores; the others are not touched and read as 0.
 */
#ifndef MX_KERNELS_LANES_H
#define MX_KERNELS_LANES_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>

#define MX_LEVEL(name) mx_##name##_avx2
#define LANES 4
#define INLINE static inline __attribute__((always_inline))

typedef __m256d vec;
typedef __m256i bits;
typedef struct part {
    __m256i mask;
    size_t count;
} part;
typedef __m256d lanes_set; /* the answer of a comparison */

INLINE part part_of(size_t n) /* the first n lanes, n <= LANES */
{
    return (part){_mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)n), _mm256_setr_epi64x(0, 1, 2, 3)), n};
}

INLINE vec vec_set(double v)
{
    return _mm256_set1_pd(v);
}

INLINE vec vec_load(const double *p)
{
    return _mm256_loadu_pd(p);
}

INLINE vec vec_load_part(const double *p, part some)
{
    return _mm256_maskload_pd(p, some.mask);
}

INLINE void vec_store(double *p, vec v)
{
    _mm256_storeu_pd(p, v);
}

INLINE void vec_store_part(double *p, part some, vec v)
{
    /* Not _mm256_maskstore_pd, which some CPUs take tens of cycles for. */
    if (some.count >= LANES) {
        _mm256_storeu_pd(p, v);
        return;
    }
    __m128d half = _mm256_castpd256_pd128(v);
    if (some.count & 2) {
        _mm_storeu_pd(p, half);
        half = _mm256_extractf128_pd(v, 1);
        p += 2;
    }
    if (some.count & 1)
        _mm_store_sd(p, half);
}

INLINE vec vec_widen(const float *p)
{
    return _mm256_cvtps_pd(_mm_loadu_ps(p));
}

INLINE vec vec_widen_part(const float *p, part some)
{
    const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
    return _mm256_cvtps_pd(_mm_maskload_ps(p, _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(some.mask, even))));
}

INLINE vec vec_add(vec a, vec b)
{
    return _mm256_add_pd(a, b);
}

INLINE vec vec_sub(vec a, vec b)
{
    return _mm256_sub_pd(a, b);
}

INLINE vec vec_mul(vec a, vec b)
{
    return _mm256_mul_pd(a, b);
}

INLINE vec vec_div(vec a, vec b)
{
    return _mm256_div_pd(a, b);
}

INLINE vec vec_fma(vec a, vec b, vec c) /* a b + c, rounded once */
{
    return _mm256_fmadd_pd(a, b, c);
}

INLINE vec vec_fnma(vec a, vec b, vec c) /* c - a b, rounded once */
{
    return _mm256_fnmadd_pd(a, b, c);
}

/* The smaller, the larger; the second when either is NaN. */
INLINE vec vec_min(vec a, vec b)
{
    return _mm256_min_pd(a, b);
}

INLINE vec vec_max(vec a, vec b)
{
    return _mm256_max_pd(a, b);
}

INLINE lanes_set vec_less(vec a, vec b) /* false for NaN */
{
    return _mm256_cmp_pd(a, b, _CMP_LT_OQ);
}

INLINE lanes_set vec_equal(vec a, vec b) /* false for NaN */
{
    return _mm256_cmp_pd(a, b, _CMP_EQ_OQ);
}

INLINE vec vec_choose(lanes_set where, vec yes, vec no)
{
    return _mm256_blendv_pd(no, yes, where);
}

/* The sum of the lanes: halves onto each other, until one is left. */
INLINE double vec_sum(vec v)
{
    __m128d half = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
    return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
}

/* Four such sums, in some other order of the lanes. */
INLINE void vec_sums(vec a, vec b, vec c, vec d, double sums[4])
{
    __m256d low = _mm256_hadd_pd(a, b), high = _mm256_hadd_pd(c, d);
    _mm256_storeu_pd(sums,
                     _mm256_add_pd(_mm256_permute2f128_pd(low, high, 0x20), _mm256_permute2f128_pd(low, high, 0x31)));
}

/* rows (LANES, LANES) transposed. */
INLINE void vec_transpose(vec rows[LANES])
{
    __m256d a = _mm256_unpacklo_pd(rows[0], rows[1]), b = _mm256_unpackhi_pd(rows[0], rows[1]),
            c = _mm256_unpacklo_pd(rows[2], rows[3]), d = _mm256_unpackhi_pd(rows[2], rows[3]);
    rows[0] = _mm256_permute2f128_pd(a, c, 0x20);
    rows[1] = _mm256_permute2f128_pd(b, d, 0x20);
    rows[2] = _mm256_permute2f128_pd(a, c, 0x31);
    rows[3] = _mm256_permute2f128_pd(b, d, 0x31);
}

INLINE bits bits_of(vec v)
{
    return _mm256_castpd_si256(v);
}

INLINE vec vec_of(bits b)
{
    return _mm256_castsi256_pd(b);
}

INLINE bits bits_set(long long v)
{
    return _mm256_set1_epi64x(v);
}

INLINE bits bits_add(bits a, bits b)
{
    return _mm256_add_epi64(a, b);
}

INLINE bits bits_and(bits a, bits b)
{
    return _mm256_and_si256(a, b);
}

INLINE bits bits_or(bits a, bits b)
{
    return _mm256_or_si256(a, b);
}

/* From the exponent's place to the lowest bits, and back. */
INLINE bits bits_down_52(bits b)
{
    return _mm256_srli_epi64(b, 52);
}

INLINE bits bits_up_52(bits b)
{
    return _mm256_slli_epi64(b, 52);
}

#endif
