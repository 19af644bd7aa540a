/*
 * AVX-512's intrinsics in terms of AVX2's, by SIMDe: for tests on machines without AVX-512. Every src/..._avx512.c is compiled a second time with this
 * header before it (tests/CMakeLists.txt). What is tested so is the code and its arithmetic, not the CPU's instructions.
 */
#ifndef TEST_AVX512_EMULATED_H
#define TEST_AVX512_EMULATED_H

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx2.h>
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>

/* What SIMDe lacks. Loads and stores touch the chosen elements alone, as the instructions do: sanitizers see one more. */
static inline __m512d emulated_maskz_loadu_pd(unsigned mask, const double *p)
{
    double all[8] = {0};
    for (int i = 0; i < 8; i++)
        if (mask >> i & 1)
            all[i] = p[i];
    return simde_mm512_loadu_pd(all);
}

static inline __m512 emulated_maskz_loadu_ps(unsigned mask, const float *p)
{
    float all[16] = {0};
    for (int i = 0; i < 16; i++)
        if (mask >> i & 1)
            all[i] = p[i];
    return simde_mm512_loadu_ps(all);
}

static inline __m256 emulated_maskz_loadu_ps_256(unsigned mask, const float *p)
{
    float all[8] = {0};
    for (int i = 0; i < 8; i++)
        if (mask >> i & 1)
            all[i] = p[i];
    return simde_mm256_loadu_ps(all);
}

static inline void emulated_mask_storeu_pd(double *p, unsigned mask, __m512d v)
{
    double all[8];
    simde_mm512_storeu_pd(all, v);
    for (int i = 0; i < 8; i++)
        if (mask >> i & 1)
            p[i] = all[i];
}

static inline void emulated_mask_storeu_ps(float *p, unsigned mask, __m512 v)
{
    float all[16];
    simde_mm512_storeu_ps(all, v);
    for (int i = 0; i < 16; i++)
        if (mask >> i & 1)
            p[i] = all[i];
}

static inline __m512d emulated_cvtps_pd(__m256 v)
{
    float from[8];
    double all[8];
    simde_mm256_storeu_ps(from, v);
    for (int i = 0; i < 8; i++)
        all[i] = (double)from[i];
    return simde_mm512_loadu_pd(all);
}

/* Pairs of doubles: two of a, two of b, as the fields of two bits in `which` say. */
static inline __m512d emulated_shuffle_f64x2(__m512d a, __m512d b, int which)
{
    double from[2][8], all[8];
    simde_mm512_storeu_pd(from[0], a);
    simde_mm512_storeu_pd(from[1], b);
    for (int i = 0; i < 8; i++)
        all[i] = from[i / 4][2 * (which >> (i / 2 * 2) & 3) + i % 2];
    return simde_mm512_loadu_pd(all);
}

#undef _mm512_cvtps_pd
#undef _mm512_shuffle_f64x2
#define _mm512_cvtps_pd(v) emulated_cvtps_pd(v)
#define _mm512_shuffle_f64x2(a, b, which) emulated_shuffle_f64x2(a, b, which)
#undef _mm512_maskz_loadu_pd
#undef _mm512_maskz_loadu_ps
#undef _mm256_maskz_loadu_ps
#undef _mm512_mask_storeu_pd
#undef _mm512_mask_storeu_ps
#define _mm512_maskz_loadu_pd(mask, p) emulated_maskz_loadu_pd(mask, p)
#define _mm512_maskz_loadu_ps(mask, p) emulated_maskz_loadu_ps(mask, p)
#define _mm256_maskz_loadu_ps(mask, p) emulated_maskz_loadu_ps_256(mask, p)
#define _mm512_mask_storeu_pd(p, mask, v) emulated_mask_storeu_pd(p, mask, v)
#define _mm512_mask_storeu_ps(p, mask, v) emulated_mask_storeu_ps(p, mask, v)

#endif
