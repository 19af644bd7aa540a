/*
 * Fields of delimited text with AVX2.
 *
 * index: 64 bytes at a time become bit masks (Langdale & Lemire 2019, "Parsing Gigabytes of JSON per Second", section 3.1.1): a byte is inside quotes where
 * the number of quotes up to it is odd, which a running exclusive or tells.
 *
 * numbers: the digits are loaded right-aligned, those before the point moved by one over it (a second load, one byte to the left, gives them), and pairs, fours,
 * eights of digits joined by multiply-adds. Neither the length nor the place of the point costs a branch.
 */
#include "kernels/text_fields.h"

#include <immintrin.h>
#include <math.h>

#include "base/decimal_double.h"

#define LAST_BIT (UINT64_C(1) << 63)

static inline uint64_t mask_of(__m256i low, __m256i high)
{
    return (uint64_t)(uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

static inline uint64_t equal_mask(__m256i low, __m256i high, __m256i byte)
{
    return mask_of(_mm256_cmpeq_epi8(low, byte), _mm256_cmpeq_epi8(high, byte));
}

/* Bit i: exclusive or of the bits 0 … i. */
static inline uint64_t running_xor(uint64_t x)
{
    x ^= x << 1;
    x ^= x << 2;
    x ^= x << 4;
    x ^= x << 8;
    x ^= x << 16;
    return x ^ x << 32;
}

void mx_fields_index_avx2(const unsigned char *text, size_t size, char separator, char quote, mx_fields *out)
{
    const __m256i s = _mm256_set1_epi8(separator), q = _mm256_set1_epi8(quote), lf = _mm256_set1_epi8('\n'),
                  cr = _mm256_set1_epi8('\r');
    uint64_t inside = 0;              /* all ones: the block begins inside quotes */
    uint64_t closed = 0, return_ = 0; /* the block before ended in a closing quote; in one and CR */
    uint64_t begin = 1;               /* a field begins with the block */
    uint32_t *ends = out->ends, *rows = out->rows, *inner = out->inner;
    __m256i high = _mm256_setzero_si256(), nul = high;
    const __m256i zero = high;
    *ends++ = UINT32_MAX;
    out->irregular = false;
    out->stop = size;
    for (size_t at = 0; at < size; at += 64) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(text + at)),
                b = _mm256_loadu_si256((const __m256i *)(text + at + 32));
        uint64_t valid = UINT64_MAX;
        if (size - at < 64) {
            valid = (UINT64_C(1) << (size - at)) - 1;
            /* What lies behind the text counts as spaces. */
            unsigned char tail[64];
            for (size_t i = 0; i < 64; i++)
                tail[i] = at + i < size ? text[at + i] : ' ';
            a = _mm256_loadu_si256((const __m256i *)tail);
            b = _mm256_loadu_si256((const __m256i *)(tail + 32));
        }
        const uint64_t quotes = equal_mask(a, b, q) & valid;
        uint64_t newlines = equal_mask(a, b, lf) & valid;
        uint64_t found = (equal_mask(a, b, s) & valid) | newlines;
        if ((quotes | inside | closed | return_) != 0) {
            const uint64_t in = running_xor(quotes) ^ inside;
            const uint64_t opening = quotes & in, closing = quotes & ~in;
            const uint64_t after = closing << 1 | closed;
            const uint64_t outer = found & ~in;
            const uint64_t returns = equal_mask(a, b, cr) & valid;
            const uint64_t after_return = (after & returns) << 1 | return_;
            const uint64_t wrong = (opening & ~(outer << 1 | begin | after)) |
                                   (after & valid & ~(found | quotes | returns)) | (after_return & valid & ~newlines);
            if (wrong != 0) {
                out->irregular = true;
                out->stop = at;
                break;
            }
            for (uint64_t left = newlines & in; left != 0; left &= left - 1)
                *inner++ = (uint32_t)(at + (size_t)__builtin_ctzll(left));
            newlines &= ~in;
            found = outer;
            closed = closing >> 63;
            return_ = (after & returns) >> 63;
            inside = (uint64_t)((int64_t)in >> 63);
        }
        begin = found >> 63;
        high = _mm256_or_si256(high, _mm256_or_si256(a, b));
        nul = _mm256_or_si256(nul, _mm256_cmpeq_epi8(_mm256_min_epu8(a, b), zero));
        const size_t before = (size_t)(ends - out->ends) - 1;
        for (uint64_t left = newlines; left != 0; left &= left - 1)
            *rows++ = (uint32_t)(before + (size_t)__builtin_popcountll(found & (left ^ (left - 1)) >> 1));
        const size_t count = (size_t)__builtin_popcountll(found);
        uint32_t *next = ends + count;
        while (found != 0) { /* by four: the room behind is there */
            for (int i = 0; i < 4; i++) {
                ends[i] = (uint32_t)(at + (size_t)__builtin_ctzll(found | LAST_BIT));
                found &= found - 1;
            }
            ends += 4;
        }
        ends = next;
    }
    out->n_ends = (size_t)(ends - out->ends) - 1;
    out->n_rows = (size_t)(rows - out->rows);
    out->n_inner = (size_t)(inner - out->inner);
    out->high = _mm256_movemask_epi8(high) != 0;
    out->nul = _mm256_movemask_epi8(nul) != 0;
}

/* Sixteen digits (as 0 … 9, the first one first) as two numbers of eight. */
static inline void join_16(__m128i digits, uint64_t out[2])
{
    __m128i pairs = _mm_maddubs_epi16(digits, _mm_set1_epi16(0x010A));                           /* 10, 1 */
    __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00010064));                           /* 100, 1 */
    __m128i eights = _mm_madd_epi16(_mm_packus_epi32(fours, fours), _mm_set1_epi32(0x00012710)); /* 10000, 1 */
    uint64_t both = (uint64_t)_mm_cvtsi128_si64(eights);
    out[0] = both & UINT32_MAX;
    out[1] = both >> 32;
}

size_t mx_fields_numbers_avx2(const unsigned char *text, const uint32_t *ends, size_t stride, size_t rows, char quote,
                              double *out, uint32_t *others, size_t *empty)
{
    const __m256i iota = _mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                          22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
    const __m128i iota_16 = _mm256_castsi256_si128(iota);
    size_t listed = 0, nothing = 0;
    for (size_t r = 0; r < rows; r++) {
        const unsigned char *p = text + (size_t)(uint32_t)(ends[r * stride] + 1), *end = text + ends[r * stride + 1];
        end -= (end > p) & (end[-1] == '\r');
        const size_t quoted = (end - p >= 2) & (*p == (unsigned char)quote) & (end[-1] == (unsigned char)quote);
        p += quoted;
        end -= quoted;
        if (p == end) {
            out[r] = (double)NAN;
            nothing++;
            continue;
        }
        const bool negative = *p == '-';
        p += negative;
        const size_t size = (size_t)(end - p);
        uint64_t mantissa;
        int decimals;
        if (size - 1 < 16) { /* 1 … 16 */
            const __m128i here = _mm_loadu_si128((const __m128i *)(end - 16)),
                          left = _mm_loadu_si128((const __m128i *)(end - 17));
            const unsigned valid = 0xFFFFu << (16 - size);
            const __m128i value = _mm_sub_epi8(here, _mm_set1_epi8('0'));
            const unsigned digit =
                (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(value, _mm_set1_epi8(9)), value));
            const unsigned point = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(here, _mm_set1_epi8('.'))) & valid;
            if ((~digit & valid & 0xFFFFu) != point || (point & (point - 1)) != 0 || (point != 0 && size == 1)) {
                others[listed++] = (uint32_t)r;
                continue;
            }
            const int place = point != 0 ? __builtin_ctz(point) : -1;
            decimals = point != 0 ? 15 - place : 0;
            const __m128i moved = _mm_sub_epi8(left, _mm_set1_epi8('0'));
            __m128i digits = _mm_blendv_epi8(value, moved, _mm_cmpgt_epi8(_mm_set1_epi8((char)(place + 1)), iota_16));
            const int count = (int)size - (point != 0);
            digits = _mm_and_si128(digits, _mm_cmpgt_epi8(iota_16, _mm_set1_epi8((char)(15 - count))));
            uint64_t eights[2];
            join_16(digits, eights);
            mantissa = eights[0] * 100000000 + eights[1];
        } else if (size - 1 < MX_FIELDS_DIGITS_MAX) {
            const __m256i here = _mm256_loadu_si256((const __m256i *)(end - 32)),
                          left = _mm256_loadu_si256((const __m256i *)(end - 33));
            const uint32_t valid = UINT32_MAX << (32 - size);
            const __m256i value = _mm256_sub_epi8(here, _mm256_set1_epi8('0'));
            const uint32_t digit =
                (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(value, _mm256_set1_epi8(9)), value));
            const uint32_t point =
                (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(here, _mm256_set1_epi8('.'))) & valid;
            if ((~digit & valid) != point || (point & (point - 1)) != 0) {
                others[listed++] = (uint32_t)r;
                continue;
            }
            const int place = point != 0 ? __builtin_ctz(point) : -1;
            decimals = point != 0 ? 31 - place : 0;
            const __m256i moved = _mm256_sub_epi8(left, _mm256_set1_epi8('0'));
            __m256i digits =
                _mm256_blendv_epi8(value, moved, _mm256_cmpgt_epi8(_mm256_set1_epi8((char)(place + 1)), iota));
            const int count = (int)size - (point != 0);
            digits = _mm256_and_si256(digits, _mm256_cmpgt_epi8(iota, _mm256_set1_epi8((char)(31 - count))));
            uint64_t first[2], last[2];
            join_16(_mm256_castsi256_si128(digits), first);
            join_16(_mm256_extracti128_si256(digits, 1), last);
            if (first[0] != 0 || first[1] >= 1000) { /* 20 digits or more */
                others[listed++] = (uint32_t)r;
                continue;
            }
            mantissa = first[1] * UINT64_C(10000000000000000) + last[0] * 100000000 + last[1];
        } else {
            others[listed++] = (uint32_t)r;
            continue;
        }
        double number;
        if (!mx_decimal_double(mantissa, -decimals, &number)) {
            others[listed++] = (uint32_t)r;
            continue;
        }
        out[r] = negative ? -number : number;
    }
    *empty = nothing;
    return listed;
}
