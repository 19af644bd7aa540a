/*
 * Screening for the nearest centre with AVX2 and FMA. The inner product holds 4 centres x 24 rows in twelve accumulators: per coordinate seven loads
 * feed twelve products. The least two of each row follow while the sums are still in registers.
 */
#include <immintrin.h>

#include "kernels/kernels.h"

enum { ROWS = MX_NEAREST_ROWS, STRIP = MX_NEAREST_STRIP };

/* Eight rows of eight become eight columns of eight. */
static inline void transpose(const __m256 r[8], float *to)
{
    __m256 a0 = _mm256_unpacklo_ps(r[0], r[1]), a1 = _mm256_unpackhi_ps(r[0], r[1]),
           a2 = _mm256_unpacklo_ps(r[2], r[3]), a3 = _mm256_unpackhi_ps(r[2], r[3]),
           a4 = _mm256_unpacklo_ps(r[4], r[5]), a5 = _mm256_unpackhi_ps(r[4], r[5]),
           a6 = _mm256_unpacklo_ps(r[6], r[7]), a7 = _mm256_unpackhi_ps(r[6], r[7]);
    __m256 b0 = _mm256_shuffle_ps(a0, a2, 0x44), b1 = _mm256_shuffle_ps(a0, a2, 0xee),
           b2 = _mm256_shuffle_ps(a1, a3, 0x44), b3 = _mm256_shuffle_ps(a1, a3, 0xee),
           b4 = _mm256_shuffle_ps(a4, a6, 0x44), b5 = _mm256_shuffle_ps(a4, a6, 0xee),
           b6 = _mm256_shuffle_ps(a5, a7, 0x44), b7 = _mm256_shuffle_ps(a5, a7, 0xee);
    _mm256_storeu_ps(to, _mm256_permute2f128_ps(b0, b4, 0x20));
    _mm256_storeu_ps(to + ROWS, _mm256_permute2f128_ps(b1, b5, 0x20));
    _mm256_storeu_ps(to + 2 * ROWS, _mm256_permute2f128_ps(b2, b6, 0x20));
    _mm256_storeu_ps(to + 3 * ROWS, _mm256_permute2f128_ps(b3, b7, 0x20));
    _mm256_storeu_ps(to + 4 * ROWS, _mm256_permute2f128_ps(b0, b4, 0x31));
    _mm256_storeu_ps(to + 5 * ROWS, _mm256_permute2f128_ps(b1, b5, 0x31));
    _mm256_storeu_ps(to + 6 * ROWS, _mm256_permute2f128_ps(b2, b6, 0x31));
    _mm256_storeu_ps(to + 7 * ROWS, _mm256_permute2f128_ps(b3, b7, 0x31));
}

void mx_gather_tile_avx2(const double *x, size_t d, const uint32_t *rows, size_t m, const double *shift, double scale,
                         float *restrict tile)
{
    __m256d by = _mm256_set1_pd(scale);
    for (size_t r = 0; r < ROWS; r += 8) {
        const double *row[8];
        for (size_t i = 0; i < 8; i++)
            row[i] = x + (size_t)rows[r + i < m ? r + i : m - 1] * d;
        size_t j = 0;
        for (; j + 8 <= d; j += 8) {
            __m256d low = _mm256_loadu_pd(shift + j), high = _mm256_loadu_pd(shift + j + 4);
            __m256 v[8];
            for (size_t i = 0; i < 8; i++)
                v[i] = _mm256_set_m128(
                    _mm256_cvtpd_ps(_mm256_mul_pd(_mm256_sub_pd(_mm256_loadu_pd(row[i] + j + 4), high), by)),
                    _mm256_cvtpd_ps(_mm256_mul_pd(_mm256_sub_pd(_mm256_loadu_pd(row[i] + j), low), by)));
            transpose(v, tile + j * ROWS + r);
        }
        for (; j < d; j++)
            for (size_t i = 0; i < 8; i++)
                tile[j * ROWS + r + i] = (float)((row[i][j] - shift[j]) * scale);
    }
}

void mx_gather_tile_float_avx2(const float *x, size_t d, const uint32_t *rows, size_t m, const double *shift,
                               double scale, float *restrict tile)
{
    __m256 by = _mm256_set1_ps((float)scale);
    for (size_t r = 0; r < ROWS; r += 8) {
        const float *row[8];
        for (size_t i = 0; i < 8; i++)
            row[i] = x + (size_t)rows[r + i < m ? r + i : m - 1] * d;
        size_t j = 0;
        for (; j + 8 <= d; j += 8) {
            __m256 at = _mm256_set_m128(_mm256_cvtpd_ps(_mm256_loadu_pd(shift + j + 4)),
                                        _mm256_cvtpd_ps(_mm256_loadu_pd(shift + j)));
            __m256 v[8];
            for (size_t i = 0; i < 8; i++)
                v[i] = _mm256_mul_ps(_mm256_sub_ps(_mm256_loadu_ps(row[i] + j), at), by);
            transpose(v, tile + j * ROWS + r);
        }
        for (; j < d; j++)
            for (size_t i = 0; i < 8; i++)
                tile[j * ROWS + r + i] = (row[i][j] - (float)shift[j]) * (float)scale;
    }
}

static inline __m256 marked(__m256 score, __m256 keep, __m256 place)
{
    return _mm256_or_ps(_mm256_and_ps(score, keep), place);
}

/* The least two of each lane with one more. */
#define FOLLOW(v, score)                                                                                               \
    do {                                                                                                               \
        __m256 value = marked(score, keep, place);                                                                     \
        next##v = _mm256_min_ps(next##v, _mm256_max_ps(least##v, value));                                              \
        least##v = _mm256_min_ps(least##v, value);                                                                     \
    } while (0)

typedef struct found {
    __m256 least[3], next[3];
    __m256i index[3];
} found;

/* One panel of at most 16 strips over 24 rows; what it finds is folded into f. */
static inline void panel_24(const mx_nearest_centres *c, const float *tile, size_t first, size_t last, found *f)
{
    const __m256 keep = _mm256_castsi256_ps(_mm256_set1_epi32(~63));
    __m256 least0 = _mm256_set1_ps(3e38f), least1 = least0, least2 = least0, next0 = least0, next1 = least0,
           next2 = least0;
    size_t d = c->d;
    for (size_t s = first; s < last; s++) {
        const float *centre = c->centres + s * d * STRIP, *half = c->half + s * STRIP, *x = tile;
        __m256 a00 = _mm256_broadcast_ss(half), a01 = a00, a02 = a00;
        __m256 a10 = _mm256_broadcast_ss(half + 1), a11 = a10, a12 = a10;
        __m256 a20 = _mm256_broadcast_ss(half + 2), a21 = a20, a22 = a20;
        __m256 a30 = _mm256_broadcast_ss(half + 3), a31 = a30, a32 = a30;
        for (size_t j = 0; j < d; j++, x += ROWS, centre += STRIP) {
            __m256 x0 = _mm256_loadu_ps(x), x1 = _mm256_loadu_ps(x + 8), x2 = _mm256_loadu_ps(x + 16);
            __m256 b = _mm256_broadcast_ss(centre);
            a00 = _mm256_fnmadd_ps(b, x0, a00);
            a01 = _mm256_fnmadd_ps(b, x1, a01);
            a02 = _mm256_fnmadd_ps(b, x2, a02);
            b = _mm256_broadcast_ss(centre + 1);
            a10 = _mm256_fnmadd_ps(b, x0, a10);
            a11 = _mm256_fnmadd_ps(b, x1, a11);
            a12 = _mm256_fnmadd_ps(b, x2, a12);
            b = _mm256_broadcast_ss(centre + 2);
            a20 = _mm256_fnmadd_ps(b, x0, a20);
            a21 = _mm256_fnmadd_ps(b, x1, a21);
            a22 = _mm256_fnmadd_ps(b, x2, a22);
            b = _mm256_broadcast_ss(centre + 3);
            a30 = _mm256_fnmadd_ps(b, x0, a30);
            a31 = _mm256_fnmadd_ps(b, x1, a31);
            a32 = _mm256_fnmadd_ps(b, x2, a32);
        }
        int at = (int)((s - first) * STRIP);
        __m256 place = _mm256_castsi256_ps(_mm256_set1_epi32(at));
        FOLLOW(0, a00);
        FOLLOW(1, a01);
        FOLLOW(2, a02);
        place = _mm256_castsi256_ps(_mm256_set1_epi32(at + 1));
        FOLLOW(0, a10);
        FOLLOW(1, a11);
        FOLLOW(2, a12);
        place = _mm256_castsi256_ps(_mm256_set1_epi32(at + 2));
        FOLLOW(0, a20);
        FOLLOW(1, a21);
        FOLLOW(2, a22);
        place = _mm256_castsi256_ps(_mm256_set1_epi32(at + 3));
        FOLLOW(0, a30);
        FOLLOW(1, a31);
        FOLLOW(2, a32);
    }
    __m256 least[3] = {least0, least1, least2}, next[3] = {next0, next1, next2};
    __m256i base = _mm256_set1_epi32((int)(first * STRIP)), bits = _mm256_set1_epi32(63);
    for (int v = 0; v < 3; v++) {
        __m256i index = _mm256_add_epi32(base, _mm256_and_si256(_mm256_castps_si256(least[v]), bits));
        __m256 better = _mm256_cmp_ps(least[v], f->least[v], _CMP_LT_OQ);
        f->next[v] = _mm256_min_ps(_mm256_min_ps(f->next[v], next[v]), _mm256_max_ps(f->least[v], least[v]));
        f->least[v] = _mm256_min_ps(f->least[v], least[v]);
        f->index[v] =
            _mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(f->index[v]), _mm256_castsi256_ps(index), better));
    }
}

static void rows_24(const mx_nearest_centres *c, const float *tile, float *upper, float *lower, int32_t *index)
{
    found f;
    for (int v = 0; v < 3; v++) {
        f.least[v] = f.next[v] = _mm256_set1_ps(3e38f);
        f.index[v] = _mm256_setzero_si256();
    }
    for (size_t s = 0; s < c->strips; s += MX_NEAREST_PANEL)
        panel_24(c, tile, s, s + MX_NEAREST_PANEL < c->strips ? s + MX_NEAREST_PANEL : c->strips, &f);
    const __m256 two = _mm256_set1_ps(2), p = _mm256_set1_ps(1.6e-5f), zero = _mm256_setzero_ps(),
                 sign = _mm256_set1_ps(-0.0f), tiny = _mm256_set1_ps(1e-35f), k3 = _mm256_set1_ps(3 * c->kappa),
                 k10 = _mm256_set1_ps(10 * c->kappa);
    for (int v = 0; v < 3; v++) {
        __m256 n0 = zero, n1 = zero;
        const float *x = tile + 8 * v;
        size_t j = 0;
        for (; j + 2 <= c->d; j += 2, x += 2 * ROWS) {
            __m256 a = _mm256_loadu_ps(x), b = _mm256_loadu_ps(x + ROWS);
            n0 = _mm256_fmadd_ps(a, a, n0);
            n1 = _mm256_fmadd_ps(b, b, n1);
        }
        if (j < c->d) {
            __m256 a = _mm256_loadu_ps(x);
            n0 = _mm256_fmadd_ps(a, a, n0);
        }
        __m256 norm = _mm256_add_ps(n0, n1), own = _mm256_i32gather_ps(c->half, f.index[v], 4);
        __m256 slack = _mm256_fmadd_ps(k3, norm, tiny);
        __m256 above = _mm256_fmadd_ps(p, _mm256_andnot_ps(sign, f.least[v]), _mm256_fmadd_ps(k10, own, slack));
        __m256 below = _mm256_fmadd_ps(p, _mm256_andnot_ps(sign, f.next[v]), slack);
        above = _mm256_add_ps(_mm256_fmadd_ps(two, f.least[v], norm), above);
        below = _mm256_sub_ps(_mm256_fmadd_ps(two, f.next[v], norm), below);
        /* The operand that is returned for NaN is the first: a NaN row is sure of nothing. */
        above = _mm256_sqrt_ps(_mm256_max_ps(zero, above));
        below = _mm256_sqrt_ps(_mm256_max_ps(zero, below));
        _mm256_storeu_ps(upper + 8 * v, _mm256_mul_ps(above, _mm256_set1_ps(1.000001f)));
        _mm256_storeu_ps(lower + 8 * v, _mm256_mul_ps(below, _mm256_set1_ps(0.999999f)));
        _mm256_storeu_si256((__m256i *)(void *)(index + 8 * v), f.index[v]);
    }
}

void mx_nearest_bounds_avx2(const mx_nearest_centres *c, const float *tile, size_t m, float *restrict upper,
                            float *restrict lower, int32_t *restrict index)
{
    rows_24(c, tile, upper, lower, index);
    if (m > 24)
        rows_24(c, tile + 24, upper + 24, lower + 24, index + 24);
}
