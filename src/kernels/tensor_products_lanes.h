/*
 * Products of float matrices, in lanes: included by tensor_products_<level>.c after the level's float_lanes_<level>.h.
 *
 * gemm: sums are cut every SUM_BLOCK terms (a panel's block stays in the first-level cache while ROW_BLOCK rows pass by) and added up in memory in order. So a
 * row alone can take its blocks and its panels in any grouping and still have the bits that it has in a batch: few rows take several panels at once,
 * which hides the product's latency.
 */
#ifndef MX_KERNELS_TENSOR_PRODUCTS_LANES_H
#define MX_KERNELS_TENSOR_PRODUCTS_LANES_H

#include <string.h>

#include "kernels/tensor_outer.h"
#include "kernels/tensor_tiles.h"

enum { SUM_BLOCK = 256, ROW_BLOCK = 96, FEW_ROWS = 3, WIDE_SUMS = 12 };

/*
 * Few columns (the last layer of most networks) would leave many lanes of a panel empty: B is kept as its transpose (u, k), vectors run along k, and lanes are summed up at the very end.
 * Between two blocks of k the lanes of all rows at hand wait in memory: a block of B and the two rows that meet it stay in the first-level cache. A row times a column is a sum in the same
 * order whatever stands beside it.
 */
enum { NARROW = 12, NARROW_LENGTH = 64, NARROW_BLOCK = 512, NARROW_COLUMNS = 6, NARROW_ROWS = 32 };

static bool is_narrow(size_t k, size_t u)
{
    return u <= NARROW && k >= NARROW_LENGTH;
}

void MX_LEVEL(pack)(const float *b, size_t stride, size_t k, size_t u, float *panels)
{
    if (is_narrow(k, u))
        transpose(b, stride, k, u, panels, k);
    else
        pack_panels(b, stride, k, u, panels);
}

void MX_LEVEL(pack_transposed)(const float *b, size_t stride, size_t k, size_t u, float *panels)
{
    if (!is_narrow(k, u))
        pack_transposed_to(b, stride, k, u, panels, k * MX_PANEL);
    else
        for (size_t j = 0; j < u; j++)
            memcpy(panels + j * k, b + j * stride, k * sizeof *panels);
}

/* Sums of the lanes of four vectors, each in the same order. */
INLINE __m128 lane_sums(const vec s[4])
{
    __m256 half[4];
    for (size_t i = 0; i < 4; i++)
        half[i] = vec_half(s[i]);
    __m256 fours = _mm256_hadd_ps(_mm256_hadd_ps(half[0], half[1]), _mm256_hadd_ps(half[2], half[3]));
    return _mm_add_ps(_mm256_castps256_ps128(fours), _mm256_extractf128_ps(fours, 1));
}

/* A block of k: rows of A by rows of the transposed B, `length` numbers of each. sums (rows, columns, LANES), from row to row `pitch` floats, go on or (begin) begin at 0. */
INLINE void dot_tile(size_t rows, size_t columns, const float *a, size_t a_stride, const float *b, size_t b_stride,
                     size_t length, bool begin, float *sums, size_t pitch)
{
    vec s[2 * NARROW_COLUMNS];
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            s[i * columns + j] = begin ? vec_set(0) : vec_load(sums + i * pitch + j * LANES);
    size_t l = 0;
    for (; l + LANES <= length; l += LANES) {
        vec v[4];
        for (size_t i = 0; i < rows; i++)
            v[i] = vec_load(a + i * a_stride + l);
        for (size_t j = 0; j < columns; j++) {
            vec x = vec_load(b + j * b_stride + l);
            for (size_t i = 0; i < rows; i++)
                s[i * columns + j] = vec_fma(v[i], x, s[i * columns + j]);
        }
    }
    if (l < length) {
        part some = part_of(length - l);
        for (size_t j = 0; j < columns; j++) {
            vec x = vec_load_part(b + j * b_stride + l, some);
            for (size_t i = 0; i < rows; i++)
                s[i * columns + j] = vec_fma(vec_load_part(a + i * a_stride + l, some), x, s[i * columns + j]);
        }
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            vec_store(sums + i * pitch + j * LANES, s[i * columns + j]);
}

/* As dot_tile, any number of columns from 1 to NARROW: a row alone takes them at once, as otherwise too few sums would be on their way. */
INLINE void dot_rows(size_t rows, size_t u, const float *a, size_t a_stride, const float *b, size_t b_stride,
                     size_t length, bool begin, float *sums)
{
    size_t left = rows == 1 || u <= NARROW_COLUMNS ? u : u / 2, pitch = u * LANES;
    dot_tile(rows, left, a, a_stride, b, b_stride, length, begin, sums, pitch);
    if (left < u)
        dot_tile(rows, u - left, a, a_stride, b + left * b_stride, b_stride, length, begin, sums + left * LANES, pitch);
}

/* Rows begin .. begin + count of the product; sums: room for them. */
INLINE void narrow_rows(size_t u, const mx_gemm *g, size_t begin, size_t count, float *sums)
{
    enum { PAIR = 2, FEW = 3, MANY = 4 };
    size_t step = u <= FEW ? MANY : PAIR, pitch = u * LANES;
    for (size_t first = 0; first < g->k; first += NARROW_BLOCK) {
        size_t length = g->k - first < NARROW_BLOCK ? g->k - first : NARROW_BLOCK, i = 0;
        const float *a = g->a + begin * g->a_stride + first, *b = g->panels + first;
        for (; i + step <= count; i += step)
            if (u <= FEW)
                dot_rows(MANY, u, a + i * g->a_stride, g->a_stride, b, g->k, length, first == 0, sums + i * pitch);
            else
                dot_rows(PAIR, u, a + i * g->a_stride, g->a_stride, b, g->k, length, first == 0, sums + i * pitch);
        for (; i < count; i++)
            dot_rows(1, u, a + i * g->a_stride, g->a_stride, b, g->k, length, first == 0, sums + i * pitch);
    }
    for (size_t i = 0; i < count; i++) {
        float *c = g->c + (begin + i) * g->c_stride;
        for (size_t j = 0; j < u; j += 4) {
            float all[4];
            vec s[4];
            for (size_t q = 0; q < 4; q++)
                s[q] = j + q < u ? vec_load(sums + i * pitch + (j + q) * LANES) : vec_set(0);
            _mm_storeu_ps(all, lane_sums(s));
            for (size_t q = 0; q < 4 && j + q < u; q++) {
                float sum = all[q];
                if (g->add)
                    sum += c[j + q];
                if (g->bias != NULL)
                    sum += g->bias[j + q];
                c[j + q] = g->relu && !(sum > 0) ? 0 : sum;
            }
        }
    }
}

static void narrow_gemm(const mx_gemm *g)
{
    _Alignas(64) float sums[NARROW_ROWS * NARROW * LANES];
    for (size_t begin = 0, count; begin < g->m; begin += count) {
        count = g->m - begin < NARROW_ROWS ? g->m - begin : NARROW_ROWS;
        switch (g->u) {
#define NARROW_CASE(u)                                                                                                 \
    case u:                                                                                                            \
        narrow_rows(u, g, begin, count, sums);                                                                         \
        break;
            /* clang-format off */
            NARROW_CASE(1) NARROW_CASE(2) NARROW_CASE(3) NARROW_CASE(4) NARROW_CASE(5) NARROW_CASE(6)
            NARROW_CASE(7) NARROW_CASE(8) NARROW_CASE(9) NARROW_CASE(10) NARROW_CASE(11) NARROW_CASE(12)
        default:
            break;
            /* clang-format on */
#undef NARROW_CASE
        }
    }
}

/* One to three rows by as many panels as fill the registers. */
INLINE void wide_tile(size_t rows, size_t panels, const float *a, size_t a_stride, const float *b, size_t b_panel,
                      size_t length, float *c, size_t c_stride, const finish *f)
{
    vec s[WIDE_SUMS];
    for (size_t i = 0; i < rows * panels * VECTORS; i++)
        s[i] = vec_set(0);
    for (size_t l = 0; l < length; l++) {
        vec v[FEW_ROWS];
        for (size_t i = 0; i < rows; i++)
            v[i] = vec_set(a[i * a_stride + l]);
        for (size_t j = 0; j < panels; j++)
            for (size_t q = 0; q < VECTORS; q++) {
                vec x = vec_load(b + j * b_panel + l * MX_PANEL + q * LANES);
                for (size_t i = 0; i < rows; i++) {
                    vec *sum = s + (i * panels + j) * VECTORS + q;
                    *sum = vec_fma(v[i], x, *sum);
                }
            }
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < panels; j++)
            for (size_t q = 0; q < VECTORS; q++) {
                size_t at = j * MX_PANEL + q * LANES;
                vec v = s[(i * panels + j) * VECTORS + q];
                float *to = c + i * c_stride + at;
                if (f->add)
                    v = vec_add(v, vec_load(to));
                if (f->bias != NULL)
                    v = vec_add(v, vec_load(f->bias + at));
                if (f->relu)
                    v = vec_max(v, vec_set(0));
                vec_store(to, v);
            }
}

enum { WIDE_1 = WIDE_SUMS / VECTORS, WIDE_2 = WIDE_1 / 2, WIDE_3 = WIDE_1 / 3 };

/* Whole panels from column j on, a few rows; the column where it stopped. */
static size_t few_rows(const mx_gemm *g, size_t first, size_t length, const finish *f)
{
    size_t count = g->m == 1   ? WIDE_1
                   : g->m == 2 ? WIDE_2
                               : WIDE_3,
           step = count * MX_PANEL, j = 0, b_panel = g->k * MX_PANEL;
    for (; j + step <= g->u; j += step) {
        const float *a = g->a + first, *b = g->panels + j * g->k + first * MX_PANEL;
        finish here = *f;
        here.bias = f->bias != NULL ? f->bias + j : NULL;
        float *c = g->c + j;
        if (g->m == 1)
            wide_tile(1, WIDE_1, a, g->a_stride, b, b_panel, length, c, g->c_stride, &here);
        else if (g->m == 2)
            wide_tile(2, WIDE_2, a, g->a_stride, b, b_panel, length, c, g->c_stride, &here);
        else
            wide_tile(3, WIDE_3, a, g->a_stride, b, b_panel, length, c, g->c_stride, &here);
    }
    return j;
}

static void gemm_rows(const mx_gemm *g, size_t begin, size_t end, size_t j, size_t first, size_t length,
                      const finish *f)
{
    const walk w = {.outer = 1, .inner = 1, .length = length};
    const float *b = g->panels + j * g->k + first * MX_PANEL, *a[TILE_ROWS];
    float *c[TILE_ROWS];
    for (size_t i = begin; i < end;) {
        size_t rows = tile_rows(end - i);
        for (size_t r = 0; r < rows; r++) {
            a[r] = g->a + (i + r) * g->a_stride + first;
            c[r] = g->c + (i + r) * g->c_stride + j;
        }
        any_tile(rows, a, &w, b, c, f);
        i += rows;
    }
}

void MX_LEVEL(gemm)(const mx_gemm *g)
{
    if (is_narrow(g->k, g->u)) {
        narrow_gemm(g);
        return;
    }
    for (size_t begin = 0; begin < g->m; begin += ROW_BLOCK) {
        size_t end = g->m - begin < ROW_BLOCK ? g->m : begin + ROW_BLOCK, first = 0;
        do {
            size_t length = g->k - first < SUM_BLOCK ? g->k - first : SUM_BLOCK, j = 0;
            const float *bias = first == 0 ? g->bias : NULL;
            bool add = g->add || first > 0, relu = g->relu && first + length == g->k;
            if (g->m <= FEW_ROWS) {
                finish f = finish_of(bias, add, relu, MX_PANEL);
                j = few_rows(g, first, length, &f);
            }
            for (; j < g->u; j += MX_PANEL) {
                finish f =
                    finish_of(bias != NULL ? bias + j : NULL, add, relu, g->u - j < MX_PANEL ? g->u - j : MX_PANEL);
                gemm_rows(g, begin, end, j, first, length, &f);
            }
            first += length;
        } while (first < g->k);
    }
}

/* As many columns as fill the registers with sums. */
INLINE void gemv_tile(size_t vectors, const float *x, const float *b, size_t k, size_t u, const float *bias, float *y)
{
    vec s[WIDE_SUMS];
    for (size_t q = 0; q < vectors; q++)
        s[q] = vec_set(0);
    for (size_t l = 0; l < k; l++, b += u) {
        vec v = vec_set(x[l]);
        for (size_t q = 0; q < vectors; q++)
            s[q] = vec_fma(v, vec_load(b + q * LANES), s[q]);
    }
    for (size_t q = 0; q < vectors; q++)
        vec_store(y + q * LANES, vec_add(s[q], vec_load(bias + q * LANES)));
}

void MX_LEVEL(gemv)(const float *x, const float *b, size_t k, size_t u, const float *bias, float *y)
{
    enum { HALF = WIDE_SUMS / 2 };
    size_t j = 0;
    for (; j + WIDE_SUMS * LANES <= u; j += WIDE_SUMS * LANES)
        gemv_tile(WIDE_SUMS, x, b + j, k, u, bias + j, y + j);
    for (; j + HALF * LANES <= u; j += HALF * LANES)
        gemv_tile(HALF, x, b + j, k, u, bias + j, y + j);
    for (; j + LANES <= u; j += LANES)
        gemv_tile(1, x, b + j, k, u, bias + j, y + j);
    if (j == u)
        return;
    part some = part_of(u - j);
    vec s = vec_set(0);
    for (size_t l = 0; l < k; l++)
        s = vec_fma(vec_set(x[l]), vec_load_part(b + l * u + j, some), s);
    vec_store_part(y + j, some, vec_add(s, vec_load_part(bias + j, some)));
}

enum { OUTER_VECTORS = 2, OUTER_WIDTH = OUTER_VECTORS * LANES };

/* to (columns, OUTER_WIDTH) = the transposed product of columns of B by OUTER_WIDTH of A. */
INLINE void narrow_outer_tile(size_t columns, const float *a, size_t a_stride, const float *b, size_t b_stride,
                              size_t m, float *to)
{
    vec s[NARROW_COLUMNS][OUTER_VECTORS];
    for (size_t j = 0; j < columns; j++)
        for (size_t q = 0; q < OUTER_VECTORS; q++)
            s[j][q] = vec_set(0);
    for (size_t i = 0; i < m; i++, a += a_stride, b += b_stride) {
        vec v[OUTER_VECTORS];
        for (size_t q = 0; q < OUTER_VECTORS; q++)
            v[q] = vec_load(a + q * LANES);
        for (size_t j = 0; j < columns; j++) {
            vec x = vec_set(b[j]);
            for (size_t q = 0; q < OUTER_VECTORS; q++)
                s[j][q] = vec_fma(x, v[q], s[j][q]);
        }
    }
    for (size_t j = 0; j < columns; j++)
        for (size_t q = 0; q < OUTER_VECTORS; q++)
            vec_store(to + j * OUTER_WIDTH + q * LANES, s[j][q]);
}

/* C (OUTER_WIDTH, u), few columns: its transpose is summed up, then turned. */
static void narrow_outer(const float *a, size_t a_stride, const float *b, size_t b_stride, size_t m, size_t u, float *c,
                         size_t c_stride)
{
    _Alignas(64) float turned[NARROW * OUTER_WIDTH], sums[NARROW * OUTER_WIDTH];
    size_t groups = (u + NARROW_COLUMNS - 1) / NARROW_COLUMNS;
    for (size_t group = 0, j = 0; group < groups; group++) {
        size_t columns = (u - j) / (groups - group);
        switch (columns) {
#define NARROW_OUTER(count)                                                                                            \
    case count:                                                                                                        \
        narrow_outer_tile(count, a, a_stride, b + j, b_stride, m, turned + j * OUTER_WIDTH);                           \
        break;
            NARROW_OUTER(1)
            NARROW_OUTER(2)
            NARROW_OUTER(3)
            NARROW_OUTER(4)
            NARROW_OUTER(5)
            NARROW_OUTER(6)
#undef NARROW_OUTER
        default:
            break;
        }
        j += columns;
    }
    transpose(turned, OUTER_WIDTH, u, OUTER_WIDTH, sums, u);
    if (c_stride == u)
        for (size_t i = 0; i < OUTER_WIDTH * u; i += LANES) /* OUTER_WIDTH u is a multiple of LANES */
            vec_store(c + i, vec_add(vec_load(c + i), vec_load(sums + i)));
    else
        for (size_t i = 0; i < OUTER_WIDTH; i++)
            for (size_t j = 0; j < u; j++)
                c[i * c_stride + j] += sums[i * u + j];
}

void MX_LEVEL(gemm_outer)(const float *a, size_t a_stride, const float *b, size_t b_stride, size_t m, size_t k,
                          size_t u, float *c, size_t c_stride)
{
    size_t turned = u <= NARROW ? k / OUTER_WIDTH * OUTER_WIDTH : 0;
    for (size_t i = 0; i < m; i += OUTER_STEPS, a += OUTER_STEPS * a_stride, b += OUTER_STEPS * b_stride) {
        size_t steps = m - i < OUTER_STEPS ? m - i : OUTER_STEPS;
        for (size_t l = 0; l < turned; l += OUTER_WIDTH)
            narrow_outer(a + l, a_stride, b, b_stride, steps, u, c + l * c_stride, c_stride);
        if (turned < k) {
            stretch all = {a + turned, b, steps};
            outer_add(&all, 1, a_stride, b_stride, k - turned, u, c + turned * c_stride, c_stride);
        }
    }
}

void MX_LEVEL(add_columns)(const float *x, size_t stride, size_t m, size_t u, float *sums)
{
    enum { WIDTH = 8 * LANES };
    size_t j = 0;
    for (; j + WIDTH <= u; j += WIDTH) {
        vec s[WIDTH / LANES];
        for (size_t q = 0; q < WIDTH / LANES; q++)
            s[q] = vec_set(0);
        for (size_t i = 0; i < m; i++)
            for (size_t q = 0; q < WIDTH / LANES; q++)
                s[q] = vec_add(s[q], vec_load(x + i * stride + j + q * LANES));
        for (size_t q = 0; q < WIDTH / LANES; q++)
            vec_store(sums + j + q * LANES, vec_add(vec_load(sums + j + q * LANES), s[q]));
    }
    for (; j < u; j += LANES) {
        part some = part_of(u - j < LANES ? u - j : LANES);
        vec s = vec_set(0);
        for (size_t i = 0; i < m; i++)
            s = vec_add(s, vec_load_part(x + i * stride + j, some));
        vec_store_part(sums + j, some, vec_add(vec_load_part(sums + j, some), s));
    }
}

void MX_LEVEL(add)(const float *a, const float *b, size_t n, float *dst)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        vec_store(dst + i, vec_add(vec_load(a + i), vec_load(b + i)));
    for (; i < n; i++)
        dst[i] = a[i] + b[i];
}

void MX_LEVEL(add_to)(const float *a, size_t n, float *dst)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        vec_store(dst + i, vec_add(vec_load(dst + i), vec_load(a + i)));
    for (; i < n; i++)
        dst[i] += a[i];
}

#endif
