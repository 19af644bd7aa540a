/*
 * Winograd's form of a convolution beside the plain sums, within the bound that tensor_winograd.h states, worked out in double for every single result.
 */
#ifndef TEST_TENSOR_WINOGRAD_CASES_H
#define TEST_TENSOR_WINOGRAD_CASES_H

#include "kernels/tensor_product_cases.h"

enum { SPOT = 4, TAP = 3, PIXEL = 2 };

/* The signs are of no account here. */
static const double input_sizes[SPOT][SPOT] = {{1, 0, 1, 0}, {0, 1, 1, 0}, {0, 1, 1, 0}, {0, 1, 0, 1}},
                    kernel_sizes[SPOT][TAP] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}, {0, 0, 1}},
                    output_sizes[PIXEL][SPOT] = {{1, 1, 1, 0}, {0, 1, 1, 1}};

/* |x| at a pixel that may lie outside. */
static double size_at(const float *x, size_t h, size_t w, size_t c, size_t y, size_t q, size_t l)
{
    return y < h && q < w ? fabs((double)x[(y * w + q) * c + l]) : 0;
}

/* Spot (i, j) of |B'| |d| |B| of the patch whose first output pixel is (y, q). */
static double input_size(const mx_conv *s, const float *x, size_t y, size_t q, size_t l, size_t i, size_t j)
{
    double sum = 0;
    for (size_t a = 0; a < SPOT; a++)
        for (size_t b = 0; b < SPOT; b++)
            if (input_sizes[i][a] != 0 && input_sizes[j][b] != 0)
                sum += size_at(x, s->h, s->w, s->c, y + a - s->pad_top, q + b - s->pad_left, l);
    return sum;
}

static double kernel_size(const mx_conv *s, const float *w, size_t l, size_t o, size_t i, size_t j)
{
    double sum = 0;
    for (size_t a = 0; a < TAP; a++)
        for (size_t b = 0; b < TAP; b++)
            sum += kernel_sizes[i][a] * kernel_sizes[j][b] * fabs((double)w[((a * TAP + b) * s->c + l) * s->u + o]);
    return sum;
}

static double gradient_size(const mx_conv *s, const float *dy, size_t y, size_t q, size_t o, size_t i, size_t j)
{
    double sum = 0;
    for (size_t a = 0; a < PIXEL; a++)
        for (size_t b = 0; b < PIXEL; b++)
            sum += output_sizes[a][i] * output_sizes[b][j] * size_at(dy, s->out_h, s->out_w, s->u, y + a, q + b, o);
    return sum;
}

/* sizes (out_h, out_w, u) of one picture's convolution. */
static void forward_sizes(const mx_conv *s, const float *x, const float *w, float *sizes)
{
    for (size_t y = 0; y < s->out_h; y += PIXEL)
        for (size_t q = 0; q < s->out_w; q += PIXEL)
            for (size_t o = 0; o < s->u; o++) {
                double m[SPOT][SPOT] = {{0}};
                for (size_t i = 0; i < SPOT; i++)
                    for (size_t j = 0; j < SPOT; j++)
                        for (size_t l = 0; l < s->c; l++)
                            m[i][j] += kernel_size(s, w, l, o, i, j) * input_size(s, x, y, q, l, i, j);
                for (size_t a = 0; a < PIXEL && y + a < s->out_h; a++)
                    for (size_t b = 0; b < PIXEL && q + b < s->out_w; b++) {
                        double sum = 0;
                        for (size_t i = 0; i < SPOT; i++)
                            for (size_t j = 0; j < SPOT; j++)
                                sum += output_sizes[a][i] * output_sizes[b][j] * m[i][j];
                        sizes[((y + a) * s->out_w + q + b) * s->u + o] = (float)sum;
                    }
            }
}

/* sizes like the weights: of the gradient by them, of n pictures. */
static void outer_sizes(const mx_conv *s, size_t n, const float *x, const float *dy, float *sizes)
{
    for (size_t l = 0; l < s->c; l++)
        for (size_t o = 0; o < s->u; o++) {
            double m[SPOT][SPOT] = {{0}};
            for (size_t e = 0; e < n; e++)
                for (size_t y = 0; y < s->out_h; y += PIXEL)
                    for (size_t q = 0; q < s->out_w; q += PIXEL)
                        for (size_t i = 0; i < SPOT; i++)
                            for (size_t j = 0; j < SPOT; j++)
                                m[i][j] += input_size(s, x + e * s->h * s->w * s->c, y, q, l, i, j) *
                                           gradient_size(s, dy + e * s->out_h * s->out_w * s->u, y, q, o, i, j);
            for (size_t a = 0; a < TAP; a++)
                for (size_t b = 0; b < TAP; b++) {
                    double sum = 0;
                    for (size_t i = 0; i < SPOT; i++)
                        for (size_t j = 0; j < SPOT; j++)
                            sum += kernel_sizes[i][a] * kernel_sizes[j][b] * m[i][j];
                    sizes[((a * TAP + b) * s->c + l) * s->u + o] += (float)sum;
                }
        }
}

/* The convolution that gives dx, and its weights: the kernel turned round, channels and filters changed. */
static mx_conv turned_round(const mx_conv *s, const float *w, float *back)
{
    for (size_t t = 0; t < TAP * TAP; t++)
        for (size_t l = 0; l < s->c; l++)
            for (size_t o = 0; o < s->u; o++)
                back[((TAP * TAP - 1 - t) * s->u + o) * s->c + l] = w[(t * s->c + l) * s->u + o];
    mx_conv b = *s;
    b.h = s->out_h, b.w = s->out_w, b.c = s->u, b.out_h = s->h, b.out_w = s->w, b.u = s->c;
    b.pad_top = 2 - s->pad_top, b.pad_left = 2 - s->pad_left;
    return b;
}

static void compare_winograd_at(const pictures *p)
{
    mx_conv s = p->s, direct = p->s;
    s.winograd = true;
    assert_true(mx_conv_can_winograd(&s));
    size_t n = p->n, in = s.h * s.w * s.c, out = s.out_h * s.out_w * s.u, taps = TAP * TAP, shift = p->shift;
    block x = block_of(n * in, shift), dy = block_of(n * out, shift), w = block_of(taps * s.c * s.u, shift),
          bias = block_of(s.u, shift), scratch = block_of(mx_conv_scratch(&s), shift),
          panels = block_of(mx_conv_panels_size(&s), shift), back = block_of(mx_conv_back_size(&s), shift);
    block y = block_of(n * out, shift), y_want = copy_of(y), y_size = copy_of(y);
    block dx = block_of(n * in, shift), dx_want = copy_of(dx), dx_size = sizes_of(dx), dx_alone = copy_of(dx);
    block dw = block_of(w.n, shift), dw_want = copy_of(dw), dw_size = sizes_of(dw);
    bool relu = n % 2;
    level->conv_pack(&s, w.at, panels.at);
    level->conv_pack_back(&s, w.at, back.at);
    level->conv(&s, n, x.at, panels.at, bias.at, relu, y.at, scratch.at);
    for (size_t e = 0; e < n; e++) {
        block one = block_of(out, 0);
        level->conv(&s, 1, x.at + e * in, panels.at, bias.at, relu, one.at, scratch.at);
        check_bits("winograd, one by one", p->shape, one.at, y.at + e * out, out * sizeof(float));
        release(&one);
        level->conv_back(&s, 1, dy.at + e * out, back.at, dx_alone.at + e * in, scratch.at);
    }
    level->conv_back(&s, n, dy.at, back.at, dx.at, scratch.at);
    check_bits("winograd back, one by one", p->shape, dx_alone.at, dx.at, dx.n * sizeof(float));
    level->conv_outer(&s, n, x.at, dy.at, dw.at, scratch.at);

    block flat = block_of(mx_conv_panels_size(&direct), 0), flat_back = block_of(mx_conv_back_size(&direct), 0),
          turned = block_of(w.n, 0);
    plain->conv_pack(&direct, w.at, flat.at);
    plain->conv_pack_back(&direct, w.at, flat_back.at);
    plain->conv(&direct, n, x.at, flat.at, bias.at, relu, y_want.at, NULL);
    plain->conv_back(&direct, n, dy.at, flat_back.at, dx_want.at, NULL);
    plain->conv_outer(&direct, n, x.at, dy.at, dw_want.at, NULL);
    mx_conv round = turned_round(&s, w.at, turned.at);
    block more = block_of(in, 0);
    for (size_t e = 0; e < n; e++) {
        forward_sizes(&s, x.at + e * in, w.at, y_size.at + e * out);
        forward_sizes(&round, dy.at + e * out, turned.at, more.at);
        for (size_t i = 0; i < in; i++)
            dx_size.at[e * in + i] += more.at[i];
    }
    for (size_t i = 0; i < y.n; i++)
        y_size.at[i] += fabsf(bias.at[i % s.u]);
    outer_sizes(&s, n, x.at, dy.at, dw_size.at);
    check_something("winograd", y_want.at, y.n);
    check_sums("winograd", p->shape, y.at, y_want.at, y_size.at, y.n, s.c + 16);
    check_sums("winograd back", p->shape, dx.at, dx_want.at, dx_size.at, dx.n, s.u + 16);
    check_sums("winograd outer", p->shape, dw.at, dw_want.at, dw_size.at, dw.n, n * s.out_h * s.out_w / 4 + 16);
    release(&x), release(&dy), release(&w), release(&bias), release(&scratch), release(&panels), release(&back);
    release(&y), release(&y_want), release(&y_size), release(&dx), release(&dx_want), release(&dx_size);
    release(&dx_alone), release(&dw), release(&dw_want), release(&dw_size), release(&flat), release(&flat_back);
    release(&turned), release(&more);
}

/* What is not finite is not finite in every pixel that sees it. */
static void spread_winograd(float strange)
{
    pictures p = pictures_of(1, 7, 8, 9, 5, 3, 3, 1, 1, 1, 1, 1);
    p.s.winograd = true;
    block x = block_of(7 * 8 * 9, 0), w = block_of(9 * 9 * 5, 0), scratch = block_of(mx_conv_scratch(&p.s), 0),
          panels = block_of(mx_conv_panels_size(&p.s), 0), y = block_of(7 * 8 * 5, 0);
    x.at[(3 * 8 + 4) * 9 + 2] = strange;
    level->conv_pack(&p.s, w.at, panels.at);
    level->conv(&p.s, 1, x.at, panels.at, NULL, false, y.at, scratch.at);
    for (size_t row = 2; row <= 4; row++)
        for (size_t column = 3; column <= 5; column++)
            for (size_t o = 0; o < 5; o++)
                assert_false(isfinite(y.at[(row * 8 + column) * 5 + o]));
    assert_true(isfinite(y.at[0]));
    release(&x), release(&w), release(&scratch), release(&panels), release(&y);
}

static void compare_winograd(void)
{
    const size_t channels[][2] = {{1, 1}, {8, 16}, {16, 8}, {5, 7}, {17, 33}, {24, 24}, {40, 20}};
    const size_t windows[][4] = {/* h, w, before, after */
                                 {8, 8, 1, 1}, {7, 9, 1, 1}, {9, 6, 0, 0}, {6, 7, 0, 1},
                                 {1, 1, 1, 1}, {2, 3, 1, 1}, {5, 4, 2, 2}, {3, 3, 0, 0}};
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        for (size_t j = 0; j < sizeof windows / sizeof *windows; j++)
            for (size_t n = 1; n <= 3; n += 2) {
                const size_t *c = channels[i], *w = windows[j];
                pictures p = pictures_of(n, w[0], w[1], c[0], c[1], 3, 3, 1, 1, w[2], w[3], 1);
                compare_winograd_at(&p);
            }
    pictures p = pictures_of(2, 23, 18, 3, 4, 3, 3, 1, 1, 1, 1, 1); /* more patches than are at work together */
    compare_winograd_at(&p);
    const float strange[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++)
        spread_winograd(strange[i]);
    /* What it can't do. */
    p = pictures_of(1, 8, 8, 4, 4, 3, 3, 2, 2, 1, 1, 1);
    assert_false(mx_conv_can_winograd(&p.s));
    p = pictures_of(1, 8, 8, 4, 4, 3, 3, 1, 1, 3, 3, 1);
    assert_false(mx_conv_can_winograd(&p.s));
    p = pictures_of(1, 8, 8, 4, 4, 3, 3, 1, 1, 1, 1, 2);
    assert_false(mx_conv_can_winograd(&p.s));
    p = pictures_of(1, 8, 8, MX_WINOGRAD_MOST + 1, 4, 3, 3, 1, 1, 1, 1, 1);
    assert_false(mx_conv_can_winograd(&p.s));
}

#endif
