/*
 * Pools of float tensors, and convolution with pooling in one pass, with AVX2 and FMA.
 *
 * conv_pool: the four outputs that one pooled pixel is the largest of are the four rows of a tile (tensor_tiles.h), so they meet in registers and the convolution's output is never
 * stored. Pictures with padding are copied into a frame of zeros first.
 *
 * conv_pool_outer: of the four positions one alone has a gradient, another one for each unit. With one channel and a kernel of 3 x 3 the numbers that the eight units of a
 * vector need are picked from two rows of the picture by a permutation whose index is the place. Otherwise each unit lists the windows that it has a gradient for and
 * sums their multiples, twelve vectors of the window at a time; weights are gathered unit by unit in scratch.
 */
#include "kernels/float_lanes_avx2.h"

#include <math.h>
#include <string.h>

#include "kernels/tensor_tiles.h"

/* Floats of a picture in its frame: what the windows of all outputs see. */
static size_t frame_size(const mx_conv *s)
{
    return (s->out_h + s->kh - 1) * (s->out_w + s->kw - 1) * s->c;
}

/* The picture as a convolution without padding sees it: itself where it has none, else a copy in frame. width: of its rows, in pixels. */
static const float *framed(const mx_conv *s, const float *x, float *frame, size_t *width)
{
    size_t h = s->out_h + s->kh - 1, w = s->out_w + s->kw - 1;
    if (s->pad_top == 0 && s->pad_left == 0 && h <= s->h && w <= s->w) {
        *width = s->w;
        return x;
    }
    *width = w;
    memset(frame, 0, frame_size(s) * sizeof *frame);
    for (size_t y = s->pad_top; y < h && y - s->pad_top < s->h; y++) {
        size_t pixels = w > s->pad_left ? w - s->pad_left : 0;
        memcpy(frame + (y * w + s->pad_left) * s->c, x + (y - s->pad_top) * s->w * s->c,
               (pixels < s->w ? pixels : s->w) * s->c * sizeof *frame);
    }
    return frame;
}

/* The largest of four sums, the first of equals; NaN is none. place: 0, -1, -2 or -3, -4 where what comes out is not above 0. */
INLINE vec largest(vec a, vec b, vec c, vec d, vec bias, bits *place)
{
    const vec least = vec_set(-INFINITY);
    vec first = vec_max(a, least), third = vec_max(c, least);
    lanes_set second_wins = vec_less(first, b), fourth_wins = vec_less(third, d);
    first = vec_max(b, first);
    third = vec_max(d, third);
    lanes_set lower_wins = vec_less(first, third);
    bits lower = _mm256_add_epi32(bits_of(fourth_wins), bits_set(-2));
    vec v = vec_add(vec_max(third, first), bias), at = vec_choose(lower_wins, vec_of(lower), second_wins);
    lanes_set alive = vec_less(vec_set(0), v);
    *place = bits_of(vec_choose(alive, at, vec_of(bits_set(-4))));
    return _mm256_and_ps(v, alive);
}

/* x: of the four windows; runs of w, see tensor_tiles.h. */
INLINE void pool_tile(size_t vectors, const float *const x[4], const walk *w, const float *b, const finish *f, float *y,
                      uint8_t *place)
{
    vec s[4][VECTORS];
    for (size_t i = 0; i < 4; i++)
        for (size_t q = 0; q < VECTORS; q++)
            s[i][q] = vec_set(0);
    for (size_t o = 0; o < w->outer; o++) {
        const float *panel = b + o * w->b_outer;
        size_t at = o * w->a_outer;
#pragma GCC unroll 4
        for (size_t l = 0; l < w->length; l++)
            for (size_t q = 0; q < vectors; q++) {
                vec v = vec_load(panel + l * MX_PANEL + q * LANES);
                for (size_t i = 0; i < 4; i++)
                    s[i][q] = vec_fma(vec_set(x[i][at + l]), v, s[i][q]);
            }
    }
    bits p[VECTORS];
    for (size_t q = 0; q < vectors; q++) {
        bool all = q + 1 < vectors || f->width == vectors * LANES;
        vec bias = f->bias == NULL ? vec_set(0)
                   : all           ? vec_load(f->bias + q * LANES)
                                   : vec_load_part(f->bias + q * LANES, f->last);
        vec v = largest(s[0][q], s[1][q], s[2][q], s[3][q], bias, p + q);
        if (all)
            vec_store(y + q * LANES, v);
        else
            vec_store_part(y + q * LANES, f->last, v);
    }
    __m256i words = _mm256_packs_epi32(p[0], p[vectors - 1]), bytes = _mm256_packs_epi16(words, words);
    __m128i low = _mm256_castsi256_si128(bytes), high = _mm256_extracti128_si256(bytes, 1);
    low = _mm_sub_epi8(_mm_setzero_si128(), _mm_unpacklo_epi32(low, high));
    if (f->width == MX_PANEL) {
        _mm_storeu_si128((__m128i *)(void *)place, low);
    } else {
        uint8_t all[MX_PANEL];
        _mm_storeu_si128((__m128i *)(void *)all, low);
        memcpy(place, all, f->width);
    }
}

/* Pooled row y of one panel; the shape as constants unrolls the sums of the usual first layers. */
INLINE void pool_row(size_t vectors, size_t kh, size_t run, const mx_conv *s, const float *x, size_t width, size_t y,
                     const float *panel, const finish *f, float *to, uint8_t *place)
{
    size_t row = width * s->c;
    const walk w = {.outer = kh, .inner = 1, .length = run, .a_outer = row, .b_outer = run * MX_PANEL};
    x += 2 * y * row;
    for (size_t at = 0; at < s->out_w / 2; at++, x += 2 * s->c, to += s->u, place += s->u) {
        const float *windows[4] = {x, x + s->c, x + row, x + row + s->c};
        pool_tile(vectors, windows, &w, panel, f, to, place);
    }
}

void mx_conv_pool_avx2(const mx_conv *s, size_t n, const float *x, const float *panels, const float *bias, float *y,
                       uint8_t *place, float *scratch)
{
    size_t pooled_h = s->out_h / 2, pooled_row = s->out_w / 2 * s->u, run = s->kw * s->c, k = s->kh * run;
    for (size_t e = 0; e < n;
         e++, x += s->h * s->w * s->c, y += pooled_h * pooled_row, place += pooled_h * pooled_row) {
        size_t width;
        const float *seen = framed(s, x, scratch, &width);
        for (size_t j = 0; j < s->u; j += MX_PANEL) {
            finish f =
                finish_of(bias != NULL ? bias + j : NULL, false, true, s->u - j < MX_PANEL ? s->u - j : MX_PANEL);
            const float *panel = panels + j * k;
            for (size_t r = 0; r < pooled_h; r++) {
                float *to = y + r * pooled_row + j;
                uint8_t *of = place + r * pooled_row + j;
                if (f.width <= LANES)
                    pool_row(1, s->kh, run, s, seen, width, r, panel, &f, to, of);
                else if (s->kh == 3 && run == 3)
                    pool_row(VECTORS, 3, 3, s, seen, width, r, panel, &f, to, of);
                else
                    pool_row(VECTORS, s->kh, run, s, seen, width, r, panel, &f, to, of);
            }
        }
    }
}

/* Eight places as they lie in memory; the part that is not there is 4. */
INLINE bits places_of(const uint8_t *place, size_t width)
{
    if (width >= LANES)
        return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)place));
    uint8_t all[LANES] = {4, 4, 4, 4, 4, 4, 4, 4};
    memcpy(all, place, width);
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)all));
}

INLINE vec alive_part(vec dy, bits place)
{
    return _mm256_and_ps(dy, vec_of(_mm256_cmpgt_epi32(bits_set(4), place)));
}

/* One channel, 3 x 3: units j .. j + 8 of one picture. */
INLINE void outer_units_3x3(const mx_conv *s, const float *x, size_t width, const float *dy, const uint8_t *place,
                            size_t units, float *dw, float *dbias)
{
    vec sums[9], of_bias = vec_set(0);
    part some = part_of(units);
    const bits one = bits_set(1);
    for (size_t t = 0; t < 9; t++)
        sums[t] = vec_set(0);
    for (size_t y = 0; y < s->out_h / 2; y++) {
        const float *from = x + 2 * y * width;
        for (size_t at = 0; at < s->out_w / 2; at++, from += 2, dy += s->u, place += s->u) {
            bits p = places_of(place, units);
            vec d = alive_part(units == LANES ? vec_load(dy) : vec_load_part(dy, some), p);
            bits index = _mm256_add_epi32(p, bits_and(p, bits_set(2))); /* of two rows of four: 0, 1, 4, 5 */
            of_bias = vec_add(of_bias, d);
            vec rows[3];
            for (size_t i = 0; i < 3; i++)
                rows[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(from + i * width)),
                                               _mm_loadu_ps(from + (i + 1) * width), 1);
            for (size_t l = 0; l < 3; l++) {
                for (size_t i = 0; i < 3; i++)
                    sums[i * 3 + l] = vec_fma(_mm256_permutevar8x32_ps(rows[i], index), d, sums[i * 3 + l]);
                index = _mm256_add_epi32(index, one);
            }
        }
    }
    for (size_t t = 0; t < 9; t++)
        vec_store_part(dw + t * s->u, some, vec_add(vec_load_part(dw + t * s->u, some), sums[t]));
    vec_store_part(dbias, some, vec_add(vec_load_part(dbias, some), of_bias));
}

enum { WINDOWS = 256, LIST_VECTORS = 12 };

/* to (vectors) += sum of d_i x[offset_i ..]. */
INLINE void add_windows(size_t vectors, const float *x, const uint32_t *offset, const float *d, size_t count, part last,
                        float *to)
{
    vec s[LIST_VECTORS];
    for (size_t q = 0; q < vectors; q++)
        s[q] = vec_set(0);
    for (size_t i = 0; i < count; i++) {
        const float *from = x + offset[i];
        vec v = vec_set(d[i]);
        for (size_t q = 0; q + 1 < vectors; q++)
            s[q] = vec_fma(v, vec_load(from + q * LANES), s[q]);
        s[vectors - 1] = vec_fma(v, vec_load_part(from + (vectors - 1) * LANES, last), s[vectors - 1]);
    }
    for (size_t q = 0; q < vectors; q++) {
        float *c = to + q * LANES;
        if (q + 1 < vectors)
            vec_store(c, vec_add(vec_load(c), s[q]));
        else
            vec_store_part(c, last, vec_add(vec_load_part(c, last), s[q]));
    }
}

static void add_run(const float *x, const uint32_t *offset, const float *d, size_t count, size_t run, float *to)
{
    for (size_t l = 0; l < run; l += LIST_VECTORS * LANES) {
        size_t left = run - l, vectors = left < LIST_VECTORS * LANES ? (left + LANES - 1) / LANES : LIST_VECTORS;
        part last = part_of(left < vectors * LANES ? left - (vectors - 1) * LANES : LANES);
        switch (vectors) {
#define RUN(count_)                                                                                                    \
    case count_:                                                                                                       \
        add_windows(count_, x + l, offset, d, count, last, to + l);                                                    \
        break;
            /* clang-format off */
            RUN(1) RUN(2) RUN(3) RUN(4) RUN(5) RUN(6) RUN(7) RUN(8) RUN(9) RUN(10) RUN(11) RUN(12)
        default:
            break;
            /* clang-format on */
#undef RUN
        }
    }
}

/* One unit of one picture: what it adds to its weights (kh, kw, c) and, returned, to its bias. */
static float outer_unit(const mx_conv *s, const float *x, size_t width, const float *dy, const uint8_t *place,
                        float *weights)
{
    size_t pooled_w = s->out_w / 2, pixels = s->out_h / 2 * pooled_w, run = s->kw * s->c, row = width * s->c;
    float bias = 0;
    for (size_t first = 0; first < pixels; first += WINDOWS) {
        uint32_t offset[WINDOWS + 1];
        float d[WINDOWS + 1];
        size_t end = first + WINDOWS < pixels ? first + WINDOWS : pixels, count = 0, y = first / pooled_w,
               at = first % pooled_w;
        for (size_t p = first; p < end; p++) {
            size_t t = place[p * s->u];
            offset[count] = (uint32_t)((2 * y + (t >> 1 & 1)) * row + (2 * at + (t & 1)) * s->c);
            d[count] = dy[p * s->u];
            count += t < 4;
            if (++at == pooled_w) {
                at = 0;
                y++;
            }
        }
        for (size_t i = 0; i < count; i++)
            bias += d[i];
        for (size_t i = 0; i < s->kh; i++)
            add_run(x + i * row, offset, d, count, run, weights + i * run);
    }
    return bias;
}

void mx_conv_pool_outer_avx2(const mx_conv *s, size_t n, const float *x, const float *dy, const uint8_t *place,
                             float *dw, float *dbias, float *scratch)
{
    size_t pooled = s->out_h / 2 * (s->out_w / 2) * s->u, k = s->kh * s->kw * s->c;
    bool small = s->c == 1 && s->kh == 3 && s->kw == 3;
    float *frame = scratch, *by_unit = scratch + frame_size(s);
    if (!small)
        memset(by_unit, 0, k * s->u * sizeof *by_unit);
    for (size_t e = 0; e < n; e++, x += s->h * s->w * s->c, dy += pooled, place += pooled) {
        size_t width;
        const float *seen = framed(s, x, frame, &width);
        if (!small) {
            for (size_t j = 0; j < s->u; j++)
                dbias[j] += outer_unit(s, seen, width, dy + j, place + j, by_unit + j * k);
            continue;
        }
        size_t j = 0;
        for (; j + LANES <= s->u; j += LANES)
            outer_units_3x3(s, seen, width, dy + j, place + j, LANES, dw + j, dbias + j);
        if (j < s->u)
            outer_units_3x3(s, seen, width, dy + j, place + j, s->u - j, dw + j, dbias + j);
    }
    if (!small)
        for (size_t l = 0; l < k; l++)
            for (size_t j = 0; j < s->u; j++)
                dw[l * s->u + j] += by_unit[j * k + l];
}

void mx_conv_pool_spread_avx2(const mx_conv *s, size_t n, const float *dy, const uint8_t *place, float *full)
{
    size_t row = s->out_w * s->u, pooled_w = s->out_w / 2;
    for (size_t e = 0; e < n; e++, full += s->out_h * row) {
        for (size_t y = 0; y < s->out_h / 2; y++) {
            for (size_t at = 0; at < pooled_w; at++, dy += s->u, place += s->u) {
                float *to = full + 2 * y * row + 2 * at * s->u;
                for (size_t j = 0; j < s->u; j += LANES) {
                    size_t units = s->u - j < LANES ? s->u - j : LANES;
                    part some = part_of(units);
                    bits p = places_of(place + j, units);
                    vec d = vec_load_part(dy + j, some);
                    for (int t = 0; t < 4; t++)
                        vec_store_part(to + (size_t)(t / 2) * row + (size_t)(t % 2) * s->u + j, some,
                                       _mm256_and_ps(d, vec_of(_mm256_cmpeq_epi32(p, bits_set(t)))));
                }
            }
            if (s->out_w % 2 != 0)
                for (size_t i = 2 * y; i < 2 * y + 2; i++)
                    memset(full + i * row + 2 * pooled_w * s->u, 0, s->u * sizeof *full);
        }
        if (s->out_h % 2 != 0)
            memset(full + (s->out_h - 1) * row, 0, row * sizeof *full);
    }
}

/* What of a window lies inside: input rows top .. bottom, columns left .. right. */
typedef struct inside {
    size_t top, bottom, left, right;
} inside;

static inside window_of(const mx_pool *s, size_t y, size_t x)
{
    size_t top = y * s->stride_h, left = x * s->stride_w, bottom = top + s->ph, right = left + s->pw;
    inside in = {.top = top > s->pad_top ? top - s->pad_top : 0, .left = left > s->pad_left ? left - s->pad_left : 0};
    in.bottom = bottom > s->pad_top ? bottom - s->pad_top : 0;
    in.right = right > s->pad_left ? right - s->pad_left : 0;
    in.bottom = in.bottom < s->h ? in.bottom : s->h;
    in.right = in.right < s->w ? in.right : s->w;
    return in;
}

void mx_max_pool_avx2(const mx_pool *s, size_t n, const float *x, float *y, uint32_t *place)
{
    for (size_t e = 0; e < n; e++, x += s->h * s->w * s->c)
        for (size_t p = 0; p < s->out_h * s->out_w; p++, y += s->c, place += place != NULL ? s->c : 0) {
            inside in = window_of(s, p / s->out_w, p % s->out_w);
            for (size_t j = 0; j < s->c; j += LANES) {
                part some = part_of(s->c - j < LANES ? s->c - j : LANES);
                vec best = vec_set(-INFINITY), at = vec_of(bits_set((int)(in.top * s->w + in.left)));
                for (size_t i = in.top; i < in.bottom; i++)
                    for (size_t l = in.left; l < in.right; l++) {
                        vec v = vec_load_part(x + (i * s->w + l) * s->c + j, some);
                        at = vec_choose(vec_less(best, v), vec_of(bits_set((int)(i * s->w + l))), at);
                        best = vec_max(v, best);
                    }
                vec_store_part(y + j, some, best);
                if (place != NULL) {
                    uint32_t all[LANES];
                    _mm256_storeu_si256((__m256i *)(void *)all, bits_of(at));
                    memcpy(place + j, all, some.count * sizeof *all);
                }
            }
        }
}

void mx_max_pool_back_avx2(const mx_pool *s, size_t n, const float *dy, const uint32_t *place, float *dx)
{
    for (size_t e = 0; e < n; e++, dx += s->h * s->w * s->c)
        for (size_t p = 0; p < s->out_h * s->out_w; p++, dy += s->c, place += s->c)
            for (size_t j = 0; j < s->c; j++)
                dx[place[j] * s->c + j] += dy[j];
}

void mx_average_pool_avx2(const mx_pool *s, size_t n, const float *x, float *y)
{
    enum { WIDTH = 4 };
    for (size_t e = 0; e < n; e++, x += s->h * s->w * s->c)
        for (size_t p = 0; p < s->out_h * s->out_w; p++, y += s->c) {
            inside in = window_of(s, p / s->out_w, p % s->out_w);
            vec count = vec_set((float)((in.bottom - in.top) * (in.right - in.left)));
            size_t j = 0;
            for (; j + WIDTH * LANES <= s->c; j += WIDTH * LANES) {
                vec sum[WIDTH];
                for (size_t q = 0; q < WIDTH; q++)
                    sum[q] = vec_set(0);
                for (size_t i = in.top; i < in.bottom; i++)
                    for (size_t l = in.left; l < in.right; l++)
                        for (size_t q = 0; q < WIDTH; q++)
                            sum[q] = vec_add(sum[q], vec_load(x + (i * s->w + l) * s->c + j + q * LANES));
                for (size_t q = 0; q < WIDTH; q++)
                    vec_store(y + j + q * LANES, vec_div(sum[q], count));
            }
            for (; j < s->c; j += LANES) {
                part some = part_of(s->c - j < LANES ? s->c - j : LANES);
                vec sum = vec_set(0);
                for (size_t i = in.top; i < in.bottom; i++)
                    for (size_t l = in.left; l < in.right; l++)
                        sum = vec_add(sum, vec_load_part(x + (i * s->w + l) * s->c + j, some));
                vec_store_part(y + j, some, vec_div(sum, count));
            }
        }
}

void mx_average_pool_back_avx2(const mx_pool *s, size_t n, const float *dy, float *dx)
{
    for (size_t e = 0; e < n; e++, dx += s->h * s->w * s->c)
        for (size_t p = 0; p < s->out_h * s->out_w; p++, dy += s->c) {
            inside in = window_of(s, p / s->out_w, p % s->out_w);
            vec count = vec_set((float)((in.bottom - in.top) * (in.right - in.left)));
            for (size_t j = 0; j < s->c; j += LANES) {
                part some = part_of(s->c - j < LANES ? s->c - j : LANES);
                vec v = vec_div(vec_load_part(dy + j, some), count);
                for (size_t i = in.top; i < in.bottom; i++)
                    for (size_t l = in.left; l < in.right; l++) {
                        float *to = dx + (i * s->w + l) * s->c + j;
                        vec_store_part(to, some, vec_add(vec_load_part(to, some), v));
                    }
            }
        }
}
