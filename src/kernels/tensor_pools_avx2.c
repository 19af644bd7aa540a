/*
 * Pools of float tensors, and convolution with pooling in one pass, with AVX2 and FMA.
 *
 * conv_pool: the four outputs that one pooled pixel is the largest of are the four rows of a tile (tensor_tiles.h), so they meet in registers and the convolution's output is never
 * stored. Pictures with padding are copied into a frame of zeros first.
 *
 * conv_pool_outer: of the four positions one alone has a gradient, another one for each unit. With one channel and a kernel of 3 x 3 the numbers that the eight units of a
 * vector need are picked from a row of the picture by a permutation whose index is the place, left or right; the gradient is split into that of upper and of lower windows. Otherwise each unit lists the windows that it has a gradient for and
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

/*
 * The largest of four sums, + bias, where above 0. place: 0, -1, -2 or -3 of the first of equals, -4 where 0 comes out. The maximum has the bits of that first one (vec_max
 * keeps its second operand of equals; NaN is passed over): whole numbers are compared, beside the products on other units of the CPU.
 */
INLINE vec most_of(const vec s[4])
{
    return vec_max(s[3], vec_max(s[2], vec_max(s[1], vec_max(s[0], vec_set(-INFINITY)))));
}

INLINE vec largest(const vec s[4], vec bias, bool places, bits *place)
{
    vec most = most_of(s);
    vec v = vec_max(vec_add(most, bias), vec_set(0));
    *place = _mm256_setzero_si256();
    if (!places)
        return v;
    bits m = bits_of(most), at = _mm256_sub_epi32(bits_set(-2), _mm256_cmpeq_epi32(bits_of(s[2]), m));
    at = _mm256_add_epi32(_mm256_andnot_si256(_mm256_cmpeq_epi32(bits_of(s[1]), m), at), bits_set(-1));
    at = _mm256_andnot_si256(_mm256_cmpeq_epi32(bits_of(s[0]), m), at);
    bits dead = _mm256_cmpeq_epi32(bits_of(v), _mm256_setzero_si256());
    *place = bits_or(_mm256_andnot_si256(dead, at), _mm256_slli_epi32(dead, 2));
    return v;
}

/* s: the sums of four windows (x), runs of w, see tensor_tiles.h. */
INLINE void pool_sums(size_t vectors, const float *const x[4], const walk *w, const float *b, vec s[VECTORS][4])
{
    for (size_t i = 0; i < 4; i++)
        for (size_t q = 0; q < VECTORS; q++)
            s[q][i] = vec_set(0);
    for (size_t o = 0; o < w->outer; o++) {
        const float *panel = b + o * w->b_outer;
        size_t at = o * w->a_outer;
#pragma GCC unroll 4
        for (size_t l = 0; l < w->length; l++) {
            vec v[VECTORS];
            for (size_t q = 0; q < vectors; q++)
                v[q] = vec_load(panel + l * MX_PANEL + q * LANES);
            for (size_t i = 0; i < 4; i++) {
                vec seen = vec_set(x[i][at + l]);
                for (size_t q = 0; q < vectors; q++)
                    s[q][i] = vec_fma(seen, v[q], s[q][i]);
            }
        }
    }
}

/* Places as bytes, of one vector or of two. */
INLINE __m128i place_bytes(bits first, bits second)
{
    __m256i words = _mm256_packs_epi32(first, second), bytes = _mm256_packs_epi16(words, words);
    __m128i low = _mm256_castsi256_si128(bytes), high = _mm256_extracti128_si256(bytes, 1);
    return _mm_sub_epi8(_mm_setzero_si128(), _mm_unpacklo_epi32(low, high));
}

/* Pooled row y of one panel; place NULL: not kept. */
INLINE void pool_row(size_t vectors, const mx_conv *s, const float *x, size_t width, size_t y, const float *panel,
                     const finish *f, float *to, uint8_t *place)
{
    size_t row = width * s->c, run = s->kw * s->c, last = (vectors - 1) * LANES;
    bool places = place != NULL;
    const walk w = {.outer = s->kh, .inner = 1, .length = run, .a_outer = row, .b_outer = run * MX_PANEL};
    vec bias[VECTORS], sums[VECTORS][4];
    for (size_t q = 0; q < vectors; q++)
        bias[q] = f->bias == NULL   ? vec_set(0)
                  : q + 1 < vectors ? vec_load(f->bias + q * LANES)
                                    : vec_load_part(f->bias + q * LANES, f->last);
    x += 2 * y * row;
    for (size_t at = 0; at < s->out_w / 2; at++, x += 2 * s->c, to += s->u) {
        const float *windows[4] = {x, x + s->c, x + row, x + row + s->c};
        pool_sums(vectors, windows, &w, panel, sums);
        bits p[VECTORS];
        for (size_t q = 0; q + 1 < vectors; q++)
            vec_store(to + q * LANES, largest(sums[q], bias[q], places, p + q));
        vec_store_part(to + last, f->last, largest(sums[vectors - 1], bias[vectors - 1], places, p + vectors - 1));
        if (!places)
            continue;
        uint8_t all[MX_PANEL];
        _mm_storeu_si128((__m128i *)(void *)all, place_bytes(p[0], p[vectors - 1]));
        if (f->width == MX_PANEL)
            memcpy(place, all, MX_PANEL);
        else
            memcpy(place, all, f->width);
        place += s->u;
    }
}

/* The usual first layer: one channel, 3 x 3, a whole panel. Its own functions, with all lengths known, so that the sums are one straight line. */
INLINE void sums_3x3(const float *x, size_t width, const float *panel, vec sums[VECTORS][4])
{
    const walk w = {.outer = 3, .inner = 1, .length = 3, .a_outer = width, .b_outer = 3 * MX_PANEL};
    const float *windows[4] = {x, x + 1, x + width, x + width + 1};
    pool_sums(VECTORS, windows, &w, panel, sums);
}

__attribute__((noinline)) static void pool_row_3x3_only(size_t pixels, size_t u, const float *x, size_t width,
                                                        const float *panel, const vec bias[VECTORS], float *to)
{
    vec of_bias[VECTORS] = {bias[0], bias[1]}, sums[VECTORS][4];
    for (size_t at = 0; at < pixels; at++, x += 2, to += u) {
        bits none;
        sums_3x3(x, width, panel, sums);
        for (size_t q = 0; q < VECTORS; q++)
            vec_store(to + q * LANES, largest(sums[q], of_bias[q], false, &none));
    }
}

/* What places are found from later: behind each pixel's sums it would hold up those of the next. */
enum { KEPT_PIXELS = 16 };
typedef struct kept {
    _Alignas(32) float sum[VECTORS][3][LANES], most[VECTORS][LANES];
} kept;

/* -1 in 16 bits where the two are the same. */
INLINE bits same(const kept *k, size_t i)
{
    bits is[VECTORS];
    for (size_t q = 0; q < VECTORS; q++)
        is[q] = _mm256_cmpeq_epi32(bits_of(vec_load(k->sum[q][i])), bits_of(vec_load(k->most[q])));
    return _mm256_packs_epi32(is[0], is[1]);
}

INLINE void keep_places(const kept *k, const float *y, uint8_t *place)
{
    const bits none = _mm256_setzero_si256(), one = _mm256_set1_epi16(1);
    bits dead = _mm256_packs_epi32(_mm256_cmpeq_epi32(bits_of(vec_load(y)), none),
                                   _mm256_cmpeq_epi32(bits_of(vec_load(y + LANES)), none)),
         at = _mm256_add_epi16(same(k, 2), _mm256_set1_epi16(2)); /* of the last three: 1 or 2, less 1 */
    at = _mm256_andnot_si256(same(k, 0), _mm256_add_epi16(_mm256_andnot_si256(same(k, 1), at), one));
    at = bits_or(_mm256_andnot_si256(dead, at), bits_and(dead, _mm256_set1_epi16(4)));
    bits bytes = _mm256_packs_epi16(at, at);
    _mm_storeu_si128((__m128i *)(void *)place,
                     _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1)));
}

__attribute__((noinline)) static void pool_row_3x3(size_t pixels, size_t u, const float *x, size_t width,
                                                   const float *panel, const vec bias[VECTORS], float *to,
                                                   uint8_t *place)
{
    kept all[KEPT_PIXELS];
    vec of_bias[VECTORS] = {bias[0], bias[1]}, sums[VECTORS][4];
    for (size_t first = 0; first < pixels; first += KEPT_PIXELS) {
        size_t count = pixels - first < KEPT_PIXELS ? pixels - first : KEPT_PIXELS;
        for (size_t at = 0; at < count; at++, x += 2) {
            sums_3x3(x, width, panel, sums);
            for (size_t q = 0; q < VECTORS; q++) {
                vec most = most_of(sums[q]);
                vec_store(to + at * u + q * LANES, vec_max(vec_add(most, of_bias[q]), vec_set(0)));
                vec_store(all[at].most[q], most);
                for (size_t i = 0; i < 3; i++)
                    vec_store(all[at].sum[q][i], sums[q][i]);
            }
        }
        for (size_t at = 0; at < count; at++, to += u, place += u)
            keep_places(&all[at], to, place);
    }
}

static void pool_any_row(const mx_conv *s, const float *x, size_t width, size_t y, const float *panel, const finish *f,
                         float *to, uint8_t *place)
{
    if (s->kh == 3 && s->kw == 3 && s->c == 1 && f->width == MX_PANEL) {
        vec bias[VECTORS];
        for (size_t q = 0; q < VECTORS; q++)
            bias[q] = f->bias != NULL ? vec_load(f->bias + q * LANES) : vec_set(0);
        if (place != NULL)
            pool_row_3x3(s->out_w / 2, s->u, x + 2 * y * width, width, panel, bias, to, place);
        else
            pool_row_3x3_only(s->out_w / 2, s->u, x + 2 * y * width, width, panel, bias, to);
    } else if (f->width <= LANES && place != NULL) {
        pool_row(1, s, x, width, y, panel, f, to, place);
    } else if (f->width <= LANES) {
        pool_row(1, s, x, width, y, panel, f, to, NULL);
    } else if (place != NULL) {
        pool_row(VECTORS, s, x, width, y, panel, f, to, place);
    } else {
        pool_row(VECTORS, s, x, width, y, panel, f, to, NULL);
    }
}

void mx_conv_pool_avx2(const mx_conv *s, size_t n, const float *x, const float *panels, const float *bias, float *y,
                       uint8_t *place, float *scratch)
{
    size_t pooled_h = s->out_h / 2, pooled_row = s->out_w / 2 * s->u, run = s->kw * s->c, k = s->kh * run;
    for (size_t e = 0; e < n; e++, x += s->h * s->w * s->c, y += pooled_h * pooled_row) {
        size_t width;
        const float *seen = framed(s, x, scratch, &width);
        for (size_t j = 0; j < s->u; j += MX_PANEL) {
            finish f =
                finish_of(bias != NULL ? bias + j : NULL, false, true, s->u - j < MX_PANEL ? s->u - j : MX_PANEL);
            for (size_t r = 0; r < pooled_h; r++)
                pool_any_row(s, seen, width, r, panels + j * k, &f, y + r * pooled_row + j,
                             place != NULL ? place + r * pooled_row + j : NULL);
        }
        if (place != NULL)
            place += pooled_h * pooled_row;
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

/* One channel, 3 x 3: units j .. j + 8 of one picture. Nine sums, three indexes and what is at hand are all the registers: row by row. */
INLINE void outer_units_3x3(const mx_conv *s, const float *x, size_t width, const float *dy, const uint8_t *place,
                            size_t units, float *dw)
{
    vec sums[9];
    part some = part_of(units);
    for (size_t t = 0; t < 9; t++)
        sums[t] = vec_set(0);
    for (size_t y = 0; y < s->out_h / 2; y++) {
        const float *from = x + 2 * y * width;
        for (size_t at = 0; at < s->out_w / 2; at++, from += 2, dy += s->u, place += s->u) {
            bits p = places_of(place, units), index[3];
            vec d = units == LANES ? vec_load(dy) : vec_load_part(dy, some);
            vec upper = _mm256_and_ps(d, vec_of(_mm256_cmpgt_epi32(bits_set(2), p))),
                lower = _mm256_and_ps(d, vec_of(_mm256_cmpeq_epi32(_mm256_srli_epi32(p, 1), bits_set(1))));
            index[0] = bits_and(p, bits_set(1)); /* of a row of four */
            index[1] = _mm256_add_epi32(index[0], bits_set(1));
            index[2] = _mm256_add_epi32(index[0], bits_set(2));
            for (size_t i = 0; i < 4; i++) {
                vec row = _mm256_broadcast_ps((const __m128 *)(const void *)(from + i * width));
                for (size_t l = 0; l < 3; l++) {
                    vec seen = _mm256_permutevar_ps(row, index[l]);
                    if (i < 3)
                        sums[i * 3 + l] = vec_fma(seen, upper, sums[i * 3 + l]);
                    if (i > 0)
                        sums[i * 3 - 3 + l] = vec_fma(seen, lower, sums[i * 3 - 3 + l]);
                }
            }
        }
    }
    for (size_t t = 0; t < 9; t++)
        vec_store_part(dw + t * s->u, some, vec_add(vec_load_part(dw + t * s->u, some), sums[t]));
}

INLINE vec alive_part(const float *dy, const uint8_t *place, size_t units, part some)
{
    vec d = units == LANES ? vec_load(dy) : vec_load_part(dy, some);
    return _mm256_and_ps(d, vec_of(_mm256_cmpgt_epi32(bits_set(4), places_of(place, units))));
}

static void outer_bias(size_t pixels, size_t u, const float *dy, const uint8_t *place, float *dbias)
{
    enum { WIDTH = 4 };
    size_t j = 0;
    for (; j + WIDTH * LANES <= u; j += WIDTH * LANES) {
        vec sum[WIDTH];
        for (size_t q = 0; q < WIDTH; q++)
            sum[q] = vec_set(0);
        for (size_t p = 0; p < pixels; p++)
            for (size_t q = 0; q < WIDTH; q++)
                sum[q] = vec_add(sum[q], alive_part(dy + p * u + j + q * LANES, place + p * u + j + q * LANES, LANES,
                                                    part_of(LANES)));
        for (size_t q = 0; q < WIDTH; q++)
            vec_store(dbias + j + q * LANES, vec_add(vec_load(dbias + j + q * LANES), sum[q]));
    }
    for (; j < u; j += LANES) {
        size_t units = u - j < LANES ? u - j : LANES;
        part some = part_of(units);
        vec sum = vec_set(0);
        for (size_t p = 0; p < pixels; p++)
            sum = vec_add(sum, alive_part(dy + p * u + j, place + p * u + j, units, some));
        vec_store_part(dbias + j, some, vec_add(vec_load_part(dbias + j, some), sum));
    }
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
        outer_bias(s->out_h / 2 * (s->out_w / 2), s->u, dy, place, dbias);
        for (; j + LANES <= s->u; j += LANES)
            outer_units_3x3(s, seen, width, dy + j, place + j, LANES, dw + j);
        if (j < s->u)
            outer_units_3x3(s, seen, width, dy + j, place + j, s->u - j, dw + j);
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
        for (size_t p = 0; p < s->out_h * s->out_w; p++, y += s->c, place = place != NULL ? place + s->c : NULL) {
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
