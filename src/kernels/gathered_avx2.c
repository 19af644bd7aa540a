/*
 * Rows of floats gathered from where they are scattered, and sums over them, with AVX2 and FMA.
 *
 * The rows lie in memory that is larger than the near caches: those some places ahead are asked for while one is copied. Sums then run over the copies, in groups of eight
 * rows: their eight products with p are eight accumulators, and the sum over them adds eight multiples to each vector of the result before it is stored, 16 products
 * for 18 loads and one store. Rows left over go one by one, in order.
 */
#include <immintrin.h>

#include "kernels/kernels.h"

enum { LANES = 8, GROUP = 8, AHEAD = 12, LINE_BYTES = 64 };

#define INLINE static inline __attribute__((always_inline))

INLINE void ask_for(const void *row, size_t bytes)
{
    for (size_t b = 0; b < bytes; b += LINE_BYTES)
        _mm_prefetch((const char *)row + b, _MM_HINT_T0);
}

void mx_to_bf16_avx2(const float *x, size_t n, uint16_t *out)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        __m256 v = _mm256_loadu_ps(x + i);
        __m256i bits = _mm256_castps_si256(v),
                odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
        __m256i near = _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd), 16);
        __m256i quiet = _mm256_or_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(0x40));
        __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
        __m256i half = _mm256_blendv_epi8(near, quiet, nan);
        half = _mm256_permute4x64_epi64(_mm256_packus_epi32(half, half), 0x08);
        _mm_storeu_si128((__m128i *)(void *)(out + i), _mm256_castsi256_si128(half));
    }
    if (i < n)
        mx_to_bf16_ref(x + i, n - i, out + i);
}

void mx_gather_rows_avx2(const float *v, size_t d, const int32_t *index, size_t m, float *out)
{
    for (size_t j = 0; j < m && j < AHEAD; j++)
        ask_for(v + (size_t)index[j] * d, d * sizeof *v);
    for (size_t j = 0; j < m; j++, out += d) {
        if (j + AHEAD < m)
            ask_for(v + (size_t)index[j + AHEAD] * d, d * sizeof *v);
        const float *row = v + (size_t)index[j] * d;
        for (size_t k = 0; k < d; k += LANES)
            _mm256_storeu_ps(out + k, _mm256_loadu_ps(row + k));
    }
}

void mx_gather_bf16_avx2(const uint16_t *v, size_t d, const int32_t *index, size_t m, float *out)
{
    for (size_t j = 0; j < m && j < AHEAD; j++)
        ask_for(v + (size_t)index[j] * d, d * sizeof *v);
    for (size_t j = 0; j < m; j++, out += d) {
        if (j + AHEAD < m)
            ask_for(v + (size_t)index[j + AHEAD] * d, d * sizeof *v);
        const uint16_t *row = v + (size_t)index[j] * d;
        for (size_t k = 0; k < d; k += LANES) {
            __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)(row + k)));
            _mm256_storeu_ps(out + k, _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16)));
        }
    }
}

INLINE __m256 pair_sums(__m256 a, __m256 b)
{
    return _mm256_hadd_ps(a, b);
}

/* Lane i: the sum of the lanes of s[i]. */
INLINE __m256 lane_sums(const __m256 s[GROUP])
{
    __m256 low = pair_sums(pair_sums(s[0], s[1]), pair_sums(s[2], s[3]));
    __m256 high = pair_sums(pair_sums(s[4], s[5]), pair_sums(s[6], s[7]));
    return _mm256_add_ps(_mm256_permute2f128_ps(low, high, 0x20), _mm256_permute2f128_ps(low, high, 0x31));
}

/* out += sum over the group of t[i] rows[i]: two chains of four. */
INLINE void add_group(const float *rows, const float *t, size_t d, float *out)
{
    __m256 w[GROUP];
    for (int i = 0; i < GROUP; i++)
        w[i] = _mm256_broadcast_ss(t + i);
    for (size_t k = 0; k < d; k += LANES) {
        __m256 a = _mm256_loadu_ps(out + k), b = _mm256_mul_ps(w[4], _mm256_loadu_ps(rows + 4 * d + k));
        for (size_t i = 0; i < 4; i++)
            a = _mm256_fmadd_ps(w[i], _mm256_loadu_ps(rows + i * d + k), a);
        for (size_t i = 5; i < GROUP; i++)
            b = _mm256_fmadd_ps(w[i], _mm256_loadu_ps(rows + i * d + k), b);
        _mm256_storeu_ps(out + k, _mm256_add_ps(a, b));
    }
}

INLINE void add_row(const float *row, float t, size_t d, float *out)
{
    __m256 w = _mm256_set1_ps(t);
    for (size_t k = 0; k < d; k += LANES)
        _mm256_storeu_ps(out + k, _mm256_fmadd_ps(w, _mm256_loadu_ps(row + k), _mm256_loadu_ps(out + k)));
}

INLINE void sum_rows(const float *rows, size_t d, const float *weight, size_t m, float *out)
{
    size_t j = 0;
    for (; j + GROUP <= m; j += GROUP)
        add_group(rows + j * d, weight + j, d, out);
    for (; j < m; j++)
        add_row(rows + j * d, weight[j], d, out);
}

INLINE void normal_rows(const float *rows, size_t d, const float *weight, size_t m, const float *p, float *out)
{
    size_t j = 0;
    for (; j + GROUP <= m; j += GROUP) {
        const float *group = rows + j * d;
        __m256 s[GROUP];
        for (int i = 0; i < GROUP; i++)
            s[i] = _mm256_setzero_ps();
        for (size_t k = 0; k < d; k += LANES) {
            __m256 x = _mm256_loadu_ps(p + k);
            for (size_t i = 0; i < GROUP; i++)
                s[i] = _mm256_fmadd_ps(x, _mm256_loadu_ps(group + i * d + k), s[i]);
        }
        float t[GROUP];
        _mm256_storeu_ps(t, _mm256_mul_ps(lane_sums(s), _mm256_loadu_ps(weight + j)));
        add_group(group, t, d, out);
    }
    for (; j < m; j++) {
        const float *row = rows + j * d;
        __m256 s = _mm256_setzero_ps();
        for (size_t k = 0; k < d; k += LANES)
            s = _mm256_fmadd_ps(_mm256_loadu_ps(p + k), _mm256_loadu_ps(row + k), s);
        __m128 half = _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
        half = _mm_hadd_ps(half, half);
        half = _mm_hadd_ps(half, half);
        add_row(row, weight[j] * _mm_cvtss_f32(half), d, out);
    }
}

/* The usual widths with the length known: their loops are unrolled. */
void mx_sum_rows_avx2(const float *rows, size_t d, const float *weight, size_t m, float *out)
{
    if (d == 64)
        sum_rows(rows, 64, weight, m, out);
    else if (d == 128)
        sum_rows(rows, 128, weight, m, out);
    else
        sum_rows(rows, d, weight, m, out);
}

void mx_normal_rows_avx2(const float *rows, size_t d, const float *weight, size_t m, const float *p, float *out)
{
    if (d == 64)
        normal_rows(rows, 64, weight, m, p, out);
    else if (d == 128)
        normal_rows(rows, 128, weight, m, p, out);
    else
        normal_rows(rows, d, weight, m, p, out);
}

/* c (rows, columns of one panel) = a panel: 6 x 16 cells in twelve registers. */
INLINE void panel_tile(const float *a, const float *panel, float *c, size_t d, int count, bool half)
{
    __m256 s[6][2];
    for (int i = 0; i < count; i++)
        s[i][0] = s[i][1] = _mm256_setzero_ps();
    for (size_t k = 0; k < d; k++, panel += MX_PANEL) {
        __m256 x = _mm256_loadu_ps(panel), y = _mm256_loadu_ps(panel + LANES);
        for (int i = 0; i < count; i++) {
            __m256 w = _mm256_broadcast_ss(a + (size_t)i * d + k);
            s[i][0] = _mm256_fmadd_ps(w, x, s[i][0]);
            s[i][1] = _mm256_fmadd_ps(w, y, s[i][1]);
        }
    }
    for (int i = 0; i < count; i++) {
        _mm256_storeu_ps(c + (size_t)i * d, s[i][0]);
        if (!half)
            _mm256_storeu_ps(c + (size_t)i * d + LANES, s[i][1]);
    }
}

void mx_multiply_panels_avx2(const float *a, const float *panels, float *c, size_t m, size_t d)
{
    for (size_t j = 0; j < d; j += MX_PANEL) {
        const float *panel = panels + j * d;
        bool half = d - j < MX_PANEL;
        size_t i = 0;
        for (; i + 6 <= m; i += 6)
            panel_tile(a + i * d, panel, c + i * d + j, d, 6, half);
        for (; i < m; i++)
            panel_tile(a + i * d, panel, c + i * d + j, d, 1, half);
    }
}

/* Eight chains: two vectors of columns, each over every fourth k. */
uint32_t mx_panel_above_avx2(const float *x, const float *panel, size_t d, float least, float *products)
{
    __m256 s[4][2];
    size_t k = 0;
    for (int i = 0; i < 4; i++)
        s[i][0] = s[i][1] = _mm256_setzero_ps();
    for (; k + 4 <= d; k += 4, panel += (size_t)4 * MX_PANEL)
        for (size_t i = 0; i < 4; i++) {
            __m256 w = _mm256_broadcast_ss(x + k + i);
            s[i][0] = _mm256_fmadd_ps(w, _mm256_loadu_ps(panel + i * MX_PANEL), s[i][0]);
            s[i][1] = _mm256_fmadd_ps(w, _mm256_loadu_ps(panel + i * MX_PANEL + LANES), s[i][1]);
        }
    for (; k < d; k++, panel += MX_PANEL) {
        __m256 w = _mm256_broadcast_ss(x + k);
        s[0][0] = _mm256_fmadd_ps(w, _mm256_loadu_ps(panel), s[0][0]);
        s[0][1] = _mm256_fmadd_ps(w, _mm256_loadu_ps(panel + LANES), s[0][1]);
    }
    __m256 low = _mm256_add_ps(_mm256_add_ps(s[0][0], s[1][0]), _mm256_add_ps(s[2][0], s[3][0]));
    __m256 high = _mm256_add_ps(_mm256_add_ps(s[0][1], s[1][1]), _mm256_add_ps(s[2][1], s[3][1]));
    __m256 bound = _mm256_set1_ps(least);
    _mm256_storeu_ps(products, low);
    _mm256_storeu_ps(products + LANES, high);
    return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(low, bound, _CMP_GE_OQ)) |
           (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(high, bound, _CMP_GE_OQ)) << LANES;
}

/* Bytes of 32 numbers, each the `shift`-th bits on of one, in the order that packing leaves: within each half of a vector. */
INLINE __m256i bytes_of(const __m256i v[4], int shift)
{
    __m256i b[4], low = _mm256_set1_epi32(0xff);
    for (int i = 0; i < 4; i++)
        b[i] = _mm256_and_si256(_mm256_srli_epi32(v[i], shift), low);
    return _mm256_packus_epi16(_mm256_packus_epi32(b[0], b[1]), _mm256_packus_epi32(b[2], b[3]));
}

/* Groups that have both digits of each byte. */
INLINE __m256i groups_of(__m256i bytes, __m256i last, __m256i first)
{
    __m256i low = _mm256_set1_epi8(15);
    return _mm256_and_si256(_mm256_shuffle_epi8(last, _mm256_and_si256(bytes, low)),
                            _mm256_shuffle_epi8(first, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), low)));
}

/* 32 at a time through the sieve; what passes is looked up. */
size_t mx_find_few_avx2(const mx_few *few, const int32_t *numbers, size_t n, uint32_t *places)
{
    enum { AT_ONCE = 32 };
    size_t found = 0, i = 0;
    __m256i table[4], order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    for (int k = 0; k < 4; k++)
        table[k] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)few->digits[k]));
    for (; i + AT_ONCE <= n; i += AT_ONCE) {
        __m256i v[4];
        for (size_t k = 0; k < 4; k++)
            v[k] = _mm256_loadu_si256((const __m256i *)(const void *)(numbers + i + k * LANES));
        __m256i both = _mm256_and_si256(groups_of(bytes_of(v, 0), table[0], table[1]),
                                        groups_of(bytes_of(v, 8), table[2], table[3]));
        both = _mm256_permutevar8x32_epi32(_mm256_cmpeq_epi8(both, _mm256_setzero_si256()), order);
        for (uint32_t pass = ~(uint32_t)_mm256_movemask_epi8(both); pass; pass &= pass - 1) {
            size_t at = i + (size_t)__builtin_ctz(pass);
            uint32_t x = (uint32_t)numbers[at];
            places[found] = (uint32_t)at;
            found += few->bits[x / 64] >> x % 64 & 1;
        }
    }
    size_t rest = mx_find_few_ref(few, numbers + i, n - i, places + found);
    for (size_t k = 0; k < rest; k++)
        places[found + k] += (uint32_t)i;
    return found + rest;
}
