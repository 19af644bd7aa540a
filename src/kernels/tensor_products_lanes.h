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

void MX_LEVEL(pack)(const float *b, size_t stride, size_t k, size_t u, float *panels)
{
    for (size_t j = 0; j < u; j += MX_PANEL) {
        size_t width = u - j < MX_PANEL ? u - j : MX_PANEL;
        for (size_t l = 0; l < k; l++, panels += MX_PANEL) {
            const float *from = b + l * stride + j;
            if (width == MX_PANEL) {
                for (size_t q = 0; q < MX_PANEL; q += LANES)
                    vec_store(panels + q, vec_load(from + q));
                continue;
            }
            for (size_t q = 0; q < MX_PANEL; q++)
                panels[q] = q < width ? from[q] : 0;
        }
    }
}

void MX_LEVEL(pack_transposed)(const float *b, size_t stride, size_t k, size_t u, float *panels)
{
    pack_transposed_to(b, stride, k, u, panels, k * MX_PANEL);
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
    size_t count = g->m == 1 ? WIDE_1 : g->m == 2 ? WIDE_2 : WIDE_3, step = count * MX_PANEL, j = 0,
           b_panel = g->k * MX_PANEL;
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
                finish f = finish_of(bias != NULL ? bias + j : NULL, add, relu,
                                     g->u - j < MX_PANEL ? g->u - j : MX_PANEL);
                gemm_rows(g, begin, end, j, first, length, &f);
            }
            first += length;
        } while (first < g->k);
    }
}

void MX_LEVEL(gemm_outer)(const float *a, size_t a_stride, const float *b, size_t b_stride, size_t m, size_t k,
                          size_t u, float *c, size_t c_stride)
{
    for (size_t i = 0; i < m; i += OUTER_STEPS) {
        stretch all = {a + i * a_stride, b + i * b_stride, m - i < OUTER_STEPS ? m - i : OUTER_STEPS};
        outer_add(&all, 1, a_stride, b_stride, k, u, c, c_stride);
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
