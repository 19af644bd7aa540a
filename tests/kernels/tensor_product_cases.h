/*
 * Products and convolutions of float tensors, a level beside the plain form. All widths around a panel's and a
 * tile's, strides, paddings, groups, pointers of any alignment, NaN and infinities; rows and examples alone have the bits that they have among others.
 */
#ifndef TEST_TENSOR_PRODUCT_CASES_H
#define TEST_TENSOR_PRODUCT_CASES_H

#include "kernels/tensor_cases.h"

static void compare_pack(size_t k, size_t u, size_t pad)
{
    /* Through a product with the unit matrix: the layout is the level's own. */
    block b = block_of(k * (u + pad) - (k > 0 ? pad : 0), 1), t = block_of(u * (k + pad) - (u > 0 ? pad : 0), 3);
    block panels = block_of(mx_panels_size(k, u), 0), unit = block_of(k * k, 0), c = block_of(k * u, 0);
    char shape[64];
    snprintf(shape, sizeof shape, "k %zu u %zu pad %zu", k, u, pad);
    for (size_t i = 0; i < k * k; i++)
        unit.at[i] = i / k == i % k ? 1 : 0;
    mx_gemm g = {.m = k, .k = k, .u = u, .a = unit.at, .a_stride = k, .panels = panels.at, .c = c.at, .c_stride = u};
    level->pack(b.at, u + pad, k, u, panels.at);
    level->gemm(&g);
    for (size_t l = 0; l < k; l++)
        check_bits("pack", shape, c.at + l * u, b.at + l * (u + pad), u * sizeof(float));
    level->pack_transposed(t.at, k + pad, k, u, panels.at);
    level->gemm(&g);
    for (size_t l = 0; l < k; l++)
        for (size_t j = 0; j < u; j++)
            check_bits("pack_transposed", shape, c.at + l * u + j, t.at + j * (k + pad) + l, sizeof(float));
    release(&b), release(&t), release(&panels), release(&unit), release(&c);
}

/* strange: what one number of A is; NAN among others. */
static void compare_gemm(size_t m, size_t k, size_t u, size_t shift, int options, float strange)
{
    size_t a_stride = k + shift, c_stride = u + 2 * shift;
    bool add = options & 1, relu = options & 2, biased = options & 4;
    char shape[96];
    snprintf(shape, sizeof shape, "m %zu k %zu u %zu shift %zu options %d", m, k, u, shift, options);
    block a = block_of(m * a_stride, shift), b = block_of(k * u, shift), bias = block_of(u, shift),
          panels = block_of(mx_panels_size(k, u), shift), c = block_of(m * c_stride, shift);
    if (strange != 0 && m * k > 0)
        a.at[(m / 2) * a_stride + k / 2] = strange;
    block want = copy_of(c), size = sizes_of(c), alone = copy_of(c), a_sizes = sizes_of(a), b_sizes = sizes_of(b),
          bias_sizes = sizes_of(bias);
    mx_gemm g = {.m = m,
                 .k = k,
                 .u = u,
                 .a = a.at,
                 .a_stride = a_stride,
                 .panels = panels.at,
                 .bias = biased ? bias.at : NULL,
                 .c = c.at,
                 .c_stride = c_stride,
                 .add = add,
                 .relu = relu};
    level->pack(b.at, u, k, u, panels.at);
    level->gemm(&g);
    g.m = 1;
    for (size_t i = 0; i < m; i++) {
        g.a = a.at + i * a_stride;
        g.c = alone.at + i * c_stride;
        level->gemm(&g);
    }
    check_bits("gemm, row by row", shape, alone.at, c.at, c.n * sizeof(float));
    g = (mx_gemm){.m = m,
                  .k = k,
                  .u = u,
                  .a = a.at,
                  .a_stride = a_stride,
                  .panels = panels.at,
                  .bias = biased ? bias.at : NULL,
                  .c = want.at,
                  .c_stride = c_stride,
                  .add = add,
                  .relu = relu};
    plain->pack(b.at, u, k, u, panels.at);
    plain->gemm(&g);
    plain->pack(b_sizes.at, u, k, u, panels.at);
    g.a = a_sizes.at;
    g.bias = biased ? bias_sizes.at : NULL;
    g.c = size.at;
    plain->gemm(&g);
    check_sums("gemm", shape, c.at, want.at, size.at, c.n, k);
    release(&a), release(&b), release(&bias), release(&panels), release(&c), release(&want), release(&size);
    release(&alone), release(&a_sizes), release(&b_sizes), release(&bias_sizes);
}

static void compare_gemv(size_t k, size_t u, size_t shift, float strange)
{
    char shape[64];
    snprintf(shape, sizeof shape, "k %zu u %zu shift %zu", k, u, shift);
    block x = block_of(k, shift), b = block_of(k * u, shift), bias = block_of(u, shift), y = block_of(u, shift);
    if (strange != 0 && k > 0)
        x.at[k / 2] = strange;
    block want = copy_of(y), size = copy_of(y), x_sizes = sizes_of(x), b_sizes = sizes_of(b),
          bias_sizes = sizes_of(bias);
    level->gemv(x.at, b.at, k, u, bias.at, y.at);
    plain->gemv(x.at, b.at, k, u, bias.at, want.at);
    plain->gemv(x_sizes.at, b_sizes.at, k, u, bias_sizes.at, size.at);
    check_sums("gemv", shape, y.at, want.at, size.at, u, k);
    release(&x), release(&b), release(&bias), release(&y), release(&want), release(&size);
    release(&x_sizes), release(&b_sizes), release(&bias_sizes);
}

static void compare_outer(size_t m, size_t k, size_t u, size_t shift, float strange)
{
    size_t a_stride = k + shift, b_stride = u + shift, c_stride = u + 2 * shift;
    char shape[96];
    snprintf(shape, sizeof shape, "m %zu k %zu u %zu shift %zu", m, k, u, shift);
    block a = block_of(m * a_stride, shift), b = block_of(m * b_stride, shift), c = block_of(k * c_stride, shift);
    if (m > 0) { /* nothing beyond the last row's numbers may be read */
        release(&a), release(&b);
        a = block_of((m - 1) * a_stride + k, shift);
        b = block_of((m - 1) * b_stride + u, shift);
    }
    if (strange != 0 && m * k > 0)
        a.at[(m / 2) * a_stride + k / 2] = strange;
    block want = copy_of(c), size = sizes_of(c), a_sizes = sizes_of(a), b_sizes = sizes_of(b);
    level->gemm_outer(a.at, a_stride, b.at, b_stride, m, k, u, c.at, c_stride);
    plain->gemm_outer(a.at, a_stride, b.at, b_stride, m, k, u, want.at, c_stride);
    plain->gemm_outer(a_sizes.at, a_stride, b_sizes.at, b_stride, m, k, u, size.at, c_stride);
    check_sums("gemm_outer", shape, c.at, want.at, size.at, c.n, m);
    block sums = block_of(u, shift), wanted = copy_of(sums), sum_sizes = sizes_of(sums);
    level->add_columns(b.at, b_stride, m, u, sums.at);
    plain->add_columns(b.at, b_stride, m, u, wanted.at);
    plain->add_columns(b_sizes.at, b_stride, m, u, sum_sizes.at);
    check_sums("add_columns", shape, sums.at, wanted.at, sum_sizes.at, u, m);
    release(&a), release(&b), release(&c), release(&want), release(&size), release(&a_sizes), release(&b_sizes);
    release(&sums), release(&wanted), release(&sum_sizes);
}

static void compare_products(void)
{
    const size_t rows[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 16, 17, 32, 97, 200},
                 lengths[] = {0, 1, 2, 3, 8, 9, 31, 64, 255, 256, 257, 600},
                 columns[] = {1, 2, 7, 8, 9, 10, 12, 13, 15, 16, 17, 24, 31, 33, 48, 96, 100, 113, 192, 207};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
            for (size_t j = 0; j < sizeof columns / sizeof *columns; j++) {
                size_t m = rows[i], k = lengths[l], u = columns[j], shift = (i + l + j) % 4;
                if (m * k * u > 500000)
                    continue;
                compare_gemm(m, k, u, shift, (int)((i * 5 + l * 3 + j) % 8), 0);
                compare_outer(k, m, u, shift, 0);
                if (i == 0)
                    compare_gemv(k, u, shift, 0);
                compare_pack(k < 40 ? k : 40 + k % 7, u, shift);
            }
    const float strange[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++)
        for (int options = 0; options < 8; options++) {
            compare_gemm(1, 40, 20, 1, options, strange[i]);
            compare_gemm(13, 300, 10, 1, options, strange[i]);
            compare_gemm(13, 300, 40, 1, options, strange[i]);
            compare_outer(19, 23, 20, 1, strange[i]);
            compare_gemv(40, 100 + (size_t)options, 1, strange[i]);
        }
}

typedef struct pictures {
    mx_conv s;
    size_t n, shift;
    char shape[160];
} pictures;

static void compare_conv(const pictures *p, float strange)
{
    const mx_conv *s = &p->s;
    size_t in = s->h * s->w * s->c, out = s->out_h * s->out_w * s->u, shift = p->shift,
           terms = s->kh * s->kw * s->c / s->groups;
    block x = block_of(p->n * in, shift), dy = block_of(p->n * out, shift), w = block_of(terms * s->u, shift),
          bias = block_of(s->u, shift), scratch = block_of(mx_conv_scratch(s), 0),
          panels = block_of(mx_conv_panels_size(s), shift), back = block_of(mx_conv_back_size(s), shift);
    if (strange != 0)
        x.at[in / 2] = dy.at[out / 2] = strange;
    block x_sizes = sizes_of(x), dy_sizes = sizes_of(dy), w_sizes = sizes_of(w), bias_sizes = sizes_of(bias);
    block y = block_of(p->n * out, shift), y_want = copy_of(y), y_size = copy_of(y);
    block dx = block_of(p->n * in, shift), dx_want = copy_of(dx), dx_size = sizes_of(dx), dx_alone = copy_of(dx);
    block dw = block_of(w.n, shift), dw_want = copy_of(dw), dw_size = sizes_of(dw);
    bool relu = p->n % 2;

    level->conv_pack(s, w.at, panels.at);
    level->conv_pack_back(s, w.at, back.at);
    level->conv(s, p->n, x.at, panels.at, bias.at, relu, y.at, scratch.at);
    for (size_t e = 0; e < p->n; e++) {
        block one = block_of(out, 0);
        level->conv(s, 1, x.at + e * in, panels.at, bias.at, relu, one.at, scratch.at);
        check_bits("conv, one by one", p->shape, one.at, y.at + e * out, out * sizeof(float));
        release(&one);
        level->conv_back(s, 1, dy.at + e * out, back.at, dx_alone.at + e * in, scratch.at);
    }
    level->conv_back(s, p->n, dy.at, back.at, dx.at, scratch.at);
    check_bits("conv_back, one by one", p->shape, dx_alone.at, dx.at, dx.n * sizeof(float));
    level->conv_outer(s, p->n, x.at, dy.at, dw.at, scratch.at);

    plain->conv_pack(s, w.at, panels.at);
    plain->conv_pack_back(s, w.at, back.at);
    plain->conv(s, p->n, x.at, panels.at, bias.at, relu, y_want.at, scratch.at);
    plain->conv_back(s, p->n, dy.at, back.at, dx_want.at, scratch.at);
    plain->conv_outer(s, p->n, x.at, dy.at, dw_want.at, scratch.at);
    plain->conv_pack(s, w_sizes.at, panels.at);
    plain->conv_pack_back(s, w_sizes.at, back.at);
    plain->conv(s, p->n, x_sizes.at, panels.at, bias_sizes.at, false, y_size.at, scratch.at);
    plain->conv_back(s, p->n, dy_sizes.at, back.at, dx_size.at, scratch.at);
    plain->conv_outer(s, p->n, x_sizes.at, dy_sizes.at, dw_size.at, scratch.at);
    check_something("conv", y_want.at, y.n);
    check_sums("conv", p->shape, y.at, y_want.at, y_size.at, y.n, terms);
    check_sums("conv_back", p->shape, dx.at, dx_want.at, dx_size.at, dx.n, s->kh * s->kw * s->u / s->groups);
    check_sums("conv_outer", p->shape, dw.at, dw_want.at, dw_size.at, dw.n, p->n * s->out_h * s->out_w);
    release(&x), release(&dy), release(&w), release(&bias), release(&scratch), release(&panels), release(&back);
    release(&x_sizes), release(&dy_sizes), release(&w_sizes), release(&bias_sizes), release(&y), release(&y_want);
    release(&y_size), release(&dx), release(&dx_want), release(&dx_size), release(&dx_alone), release(&dw);
    release(&dw_want), release(&dw_size);
}

/* before, after: padding at the top and left, at the bottom and right. */
static pictures pictures_of(size_t n, size_t h, size_t w, size_t c, size_t u, size_t kh, size_t kw, size_t stride_h,
                            size_t stride_w, size_t before, size_t after, size_t groups)
{
    pictures p = {.n = n, .shift = (h + w + c + u) % 4};
    size_t all_h = h + before + after, all_w = w + before + after;
    p.s = (mx_conv){.h = h,
                    .w = w,
                    .c = c,
                    .u = u,
                    .kh = kh,
                    .kw = kw,
                    .stride_h = stride_h,
                    .stride_w = stride_w,
                    .pad_top = before,
                    .pad_left = before,
                    .groups = groups};
    p.s.out_h = (all_h - kh) / stride_h + 1;
    p.s.out_w = (all_w - kw) / stride_w + 1;
    snprintf(p.shape, sizeof p.shape,
             "n %zu, %zu x %zu x %zu, u %zu, kernel %zu x %zu, stride %zu x %zu, padding %zu and %zu, groups %zu", n, h,
             w, c, u, kh, kw, stride_h, stride_w, before, after, groups);
    return p;
}

static void compare_convolutions(void)
{
    const size_t channels[][3] = {/* c, u, groups */
                                  {1, 32, 1},  {3, 16, 1},   {16, 16, 1},  {5, 7, 1}, {8, 24, 1},
                                  {17, 33, 1}, {32, 8, 1},   {40, 72, 1},  {4, 8, 4}, {12, 6, 3},
                                  {40, 40, 2}, {16, 16, 16}, {21, 21, 21}, {6, 12, 6}};
    const size_t windows[][7] = {/* h, w, kernel, stride, before, after */
                                 {8, 8, 3, 3, 1, 1, 1},  {9, 7, 3, 3, 1, 0, 0}, {8, 11, 3, 3, 2, 0, 1},
                                 {9, 9, 1, 1, 1, 0, 0},  {8, 9, 1, 1, 2, 0, 0}, {10, 6, 2, 5, 1, 2, 2},
                                 {11, 9, 5, 3, 3, 2, 2}, {2, 2, 3, 3, 1, 1, 1}, {1, 1, 3, 3, 1, 1, 1},
                                 {4, 5, 1, 1, 3, 1, 1},  {7, 7, 7, 7, 2, 3, 3}, {3, 4, 3, 4, 1, 0, 0},
                                 {6, 6, 3, 3, 1, 3, 3}};
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        for (size_t j = 0; j < sizeof windows / sizeof *windows; j++)
            for (size_t n = 1; n <= 4; n += 1 + n % 2) {
                const size_t *c = channels[i], *w = windows[j];
                pictures p = pictures_of(n, w[0], w[1], c[0], c[1], w[2], w[3], w[4], w[4], w[5], w[6], c[2]);
                compare_conv(&p, 0);
            }
    pictures p = pictures_of(2, 9, 8, 6, 10, 3, 2, 3, 2, 1, 1, 2); /* strides that differ */
    compare_conv(&p, 0);
    p = pictures_of(2, 40, 50, 16, 16, 3, 3, 1, 1, 1, 1, 1); /* more than one chunk, rows longer than a tile */
    compare_conv(&p, 0);
    const float strange[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        p = pictures_of(2, 8, 7, 5, 9, 3, 3, 1, 1, 1, 1, 1);
        compare_conv(&p, strange[i]);
        p = pictures_of(2, 8, 7, 9, 9, 3, 3, 2, 2, 1, 1, 9);
        compare_conv(&p, strange[i]);
    }
}

static void compare_adds(void)
{
    for (size_t n = 0; n < 100; n++) {
        block a = block_of(n, n % 3), b = block_of(n, n % 5), to = block_of(n, 1), sum = copy_of(b);
        level->add(a.at, b.at, n, to.at);
        level->add_to(a.at, n, sum.at);
        for (size_t i = 0; i < n; i++) {
            check_same_double(to.at[i], (double)(a.at[i] + b.at[i]));
            check_same_double(sum.at[i], (double)(a.at[i] + b.at[i]));
        }
        check_relative(level->sum_squares(a.at, n), plain->sum_squares(a.at, n), 1e-14 * (double)(n + 1));
        release(&a), release(&b), release(&to), release(&sum);
    }
}

#endif
