/*
 * Vectors of doubles for the level avx512: the words of lanes_avx2.h, eight doubles wide. Included by *_avx512.c alone.
 *
 * Needs avx512f, dq, bw, vl. Intrinsics only: tests compile these files a second time against an emulation of them (tests/CMakeLists.txt).
 */
#ifndef MX_KERNELS_LANES_H
#define MX_KERNELS_LANES_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>

#define MX_LEVEL(name) mx_##name##_avx512
#define LANES 8
#define INLINE static inline __attribute__((always_inline))

typedef __m512d vec;
typedef __m512i bits;
typedef __mmask8 part;
typedef __mmask8 lanes_set; /* the answer of a comparison */

INLINE part part_of(size_t n) /* the first n lanes, n <= LANES */
{
    return (__mmask8)((1u << n) - 1);
}

INLINE vec vec_set(double v)
{
    return _mm512_set1_pd(v);
}

INLINE vec vec_load(const double *p)
{
    return _mm512_loadu_pd(p);
}

INLINE vec vec_load_part(const double *p, part some)
{
    return _mm512_maskz_loadu_pd(some, p);
}

INLINE void vec_store(double *p, vec v)
{
    _mm512_storeu_pd(p, v);
}

INLINE void vec_store_part(double *p, part some, vec v)
{
    _mm512_mask_storeu_pd(p, some, v);
}

INLINE vec vec_widen(const float *p)
{
    return _mm512_cvtps_pd(_mm256_loadu_ps(p));
}

INLINE vec vec_widen_part(const float *p, part some)
{
    return _mm512_cvtps_pd(_mm256_maskz_loadu_ps(some, p));
}

INLINE vec vec_add(vec a, vec b)
{
    return _mm512_add_pd(a, b);
}

INLINE vec vec_sub(vec a, vec b)
{
    return _mm512_sub_pd(a, b);
}

INLINE vec vec_mul(vec a, vec b)
{
    return _mm512_mul_pd(a, b);
}

INLINE vec vec_div(vec a, vec b)
{
    return _mm512_div_pd(a, b);
}

INLINE vec vec_fma(vec a, vec b, vec c) /* a b + c, rounded once */
{
    return _mm512_fmadd_pd(a, b, c);
}

INLINE vec vec_fnma(vec a, vec b, vec c) /* c - a b, rounded once */
{
    return _mm512_fnmadd_pd(a, b, c);
}

/* The smaller, the larger; the second when either is NaN. */
INLINE vec vec_min(vec a, vec b)
{
    return _mm512_min_pd(a, b);
}

INLINE vec vec_max(vec a, vec b)
{
    return _mm512_max_pd(a, b);
}

INLINE lanes_set vec_less(vec a, vec b) /* false for NaN */
{
    return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ);
}

INLINE lanes_set vec_equal(vec a, vec b) /* false for NaN */
{
    return _mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ);
}

INLINE vec vec_choose(lanes_set where, vec yes, vec no)
{
    return _mm512_mask_blend_pd(where, no, yes);
}

/* The sum of the lanes: halves onto each other, until one is left. */
INLINE double vec_sum(vec v)
{
    __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(v), _mm512_extractf64x4_pd(v, 1));
    __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

/* Four such sums, in some other order of the lanes. */
INLINE void vec_sums(vec a, vec b, vec c, vec d, double sums[4])
{
    sums[0] = vec_sum(a);
    sums[1] = vec_sum(b);
    sums[2] = vec_sum(c);
    sums[3] = vec_sum(d);
}

/* rows (LANES, LANES) transposed. */
INLINE void vec_transpose(vec rows[LANES])
{
    vec pairs[8], fours[8];
    for (int i = 0; i < 8; i += 2) { /* lanes of two rows side by side */
        pairs[i] = _mm512_unpacklo_pd(rows[i], rows[i + 1]);
        pairs[i + 1] = _mm512_unpackhi_pd(rows[i], rows[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) /* pairs 0, 2 and 1, 3 of four rows */
        for (int j = 0; j < 2; j++) {
            fours[i + j] = _mm512_shuffle_f64x2(pairs[i + j], pairs[i + j + 2], 0x88);
            fours[i + j + 2] = _mm512_shuffle_f64x2(pairs[i + j], pairs[i + j + 2], 0xdd);
        }
    for (int j = 0; j < 4; j++) {
        rows[j] = _mm512_shuffle_f64x2(fours[j], fours[j + 4], 0x88);
        rows[j + 4] = _mm512_shuffle_f64x2(fours[j], fours[j + 4], 0xdd);
    }
}

INLINE bits bits_of(vec v)
{
    return _mm512_castpd_si512(v);
}

INLINE vec vec_of(bits b)
{
    return _mm512_castsi512_pd(b);
}

INLINE bits bits_set(long long v)
{
    return _mm512_set1_epi64(v);
}

INLINE bits bits_add(bits a, bits b)
{
    return _mm512_add_epi64(a, b);
}

INLINE bits bits_and(bits a, bits b)
{
    return _mm512_and_si512(a, b);
}

INLINE bits bits_or(bits a, bits b)
{
    return _mm512_or_si512(a, b);
}

/* From the exponent's place to the lowest bits, and back. */
INLINE bits bits_down_52(bits b)
{
    return _mm512_srli_epi64(b, 52);
}

INLINE bits bits_up_52(bits b)
{
    return _mm512_slli_epi64(b, 52);
}

#endif
