/*
 * Pools of float tensors, and convolution and pooling in one pass, every level that this machine runs beside the plain form: odd sizes, padding, widths around a vector's, NaN and
 * infinities, equal numbers; the fused pass beside convolution and pooling one after the other.
 */
#include "kernels/tensor_cases.h"

static mx_conv shape_of(size_t h, size_t w, size_t c, size_t u, size_t kernel, size_t pad, char text[96])
{
    snprintf(text, 96, "%zu x %zu x %zu, u %zu, kernel %zu, padding %zu", h, w, c, u, kernel, pad);
    return (mx_conv){.h = h,
                     .w = w,
                     .c = c,
                     .out_h = h + 2 * pad - kernel + 1,
                     .out_w = w + 2 * pad - kernel + 1,
                     .u = u,
                     .kh = kernel,
                     .kw = kernel,
                     .stride_h = 1,
                     .stride_w = 1,
                     .pad_top = pad,
                     .pad_left = pad,
                     .groups = 1};
}

/* Where places differ, the two sums must be as good as equal; full: what the convolution gives without pooling. */
static void check_places(const mx_conv *s, size_t n, const uint8_t *got, const uint8_t *want, const float *full,
                         const float *size, const char *shape)
{
    size_t row = s->out_w * s->u, pooled_w = s->out_w / 2, pooled = s->out_h / 2 * pooled_w;
    for (size_t i = 0; i < n * pooled * s->u; i++) {
        size_t p = i / s->u % pooled, e = i / s->u / pooled;
        const float *corner =
                        full + e * s->out_h * row + 2 * (p / pooled_w) * row + 2 * (p % pooled_w) * s->u + i % s->u,
                    *sizes = size + (corner - full);
        if (got[i] == want[i])
            continue;
        if (got[i] > 4)
            check_die(__FILE__, __LINE__, "conv_pool (%s): place %d", shape, got[i]);
        double a = got[i] == 4 ? 0 : corner[(size_t)(got[i] / 2) * row + (size_t)(got[i] % 2) * s->u],
               b = want[i] == 4 ? 0 : corner[(size_t)(want[i] / 2) * row + (size_t)(want[i] % 2) * s->u];
        if (!(fabs(a - b) <= 1e-5 * (double)sizes[0]))
            check_die(__FILE__, __LINE__, "conv_pool (%s)[%zu]: place %d of %g, expected %d of %g", shape, i, got[i], a,
                      want[i], b);
    }
}

static void compare_fused(const mx_conv *s, size_t n, const char *shape, float strange)
{
    size_t in = s->h * s->w * s->c, out = s->out_h * s->out_w * s->u, pooled = s->out_h / 2 * (s->out_w / 2) * s->u,
           terms = s->kh * s->kw * s->c, shift = s->u % 4;
    block x = block_of(n * in, shift), w = block_of(terms * s->u, shift), bias = block_of(s->u, shift),
          panels = block_of(mx_conv_panels_size(s), shift), scratch = block_of(mx_conv_scratch(s), 0);
    if (strange != 0)
        x.at[in / 2] = strange;
    block y = block_of(n * pooled, shift), want = copy_of(y), full = block_of(n * out, 0), size = copy_of(full),
          x_sizes = sizes_of(x), w_sizes = sizes_of(w), bias_sizes = sizes_of(bias);
    uint8_t *place = malloc(n * pooled + 1), *place_want = malloc(n * pooled + 1);
    level->conv_pack(s, w.at, panels.at);
    level->conv_pool(s, n, x.at, panels.at, bias.at, y.at, place, scratch.at);
    for (size_t e = 0; e < n; e++) {
        block one = block_of(pooled, 0);
        uint8_t *one_place = malloc(pooled + 1);
        level->conv_pool(s, 1, x.at + e * in, panels.at, bias.at, one.at, one_place, scratch.at);
        check_bits("conv_pool, one by one", shape, one.at, y.at + e * pooled, pooled * sizeof(float));
        check_bits("conv_pool's places, one by one", shape, one_place, place + e * pooled, pooled);
        release(&one), free(one_place);
    }
    plain->conv_pack(s, w.at, panels.at);
    plain->conv_pool(s, n, x.at, panels.at, bias.at, want.at, place_want, scratch.at);
    plain->conv(s, n, x.at, panels.at, bias.at, false, full.at, scratch.at);
    plain->conv_pack(s, w_sizes.at, panels.at);
    plain->conv(s, n, x_sizes.at, panels.at, bias_sizes.at, false, size.at, scratch.at);
    block pooled_size = block_of(n * pooled, 0); /* the largest of the four bounds */
    size_t row = s->out_w * s->u, pooled_w = s->out_w / 2;
    for (size_t i = 0; i < n * pooled; i++) {
        size_t p = i / s->u % (pooled / s->u), e = i / pooled;
        const float *corner = size.at + e * out + 2 * (p / pooled_w) * row + 2 * (p % pooled_w) * s->u + i % s->u;
        pooled_size.at[i] = fmaxf(fmaxf(corner[0], corner[s->u]), fmaxf(corner[row], corner[row + s->u]));
    }
    check_sums("conv_pool", shape, y.at, want.at, pooled_size.at, n * pooled, terms);
    if (strange == 0)
        check_places(s, n, place, place_want, full.at, size.at, shape);

    /* Backward, with the same places for both. */
    block dy = block_of(n * pooled, shift), dy_sizes = sizes_of(dy), dw = block_of(w.n, shift), dw_want = copy_of(dw),
          dw_size = sizes_of(dw), dbias = block_of(s->u, shift), dbias_want = copy_of(dbias),
          dbias_size = sizes_of(dbias), spread = block_of(n * out, shift);
    if (strange == 0) {
        level->conv_pool_outer(s, n, x.at, dy.at, place, dw.at, dbias.at, scratch.at);
        plain->conv_pool_outer(s, n, x.at, dy.at, place, dw_want.at, dbias_want.at, scratch.at);
        plain->conv_pool_outer(s, n, x_sizes.at, dy_sizes.at, place, dw_size.at, dbias_size.at, scratch.at);
        check_sums("conv_pool_outer", shape, dw.at, dw_want.at, dw_size.at, dw.n, n * pooled / s->u);
        check_sums("conv_pool_outer's bias", shape, dbias.at, dbias_want.at, dbias_size.at, s->u, n * pooled / s->u);
        level->conv_pool_spread(s, n, dy.at, place, spread.at);
        plain->conv_pool_spread(s, n, dy.at, place, full.at);
        check_sums("conv_pool_spread", shape, spread.at, full.at, full.at, n * out, 0);
        /* The sparse gradient is the dense one of what is spread. */
        release(&dw_want);
        dw_want = block_of(w.n, 0);
        for (size_t i = 0; i < w.n; i++)
            dw_want.at[i] = dw.at[i];
        block zero = block_of(w.n, 0);
        memset(zero.at, 0, w.n * sizeof(float));
        memset(dw.at, 0, w.n * sizeof(float));
        level->conv_pool_outer(s, n, x.at, dy.at, place, dw.at, dbias.at, scratch.at);
        level->conv_outer(s, n, x.at, full.at, zero.at, scratch.at);
        check_sums("conv_pool_outer beside conv_outer", shape, dw.at, zero.at, dw_size.at, w.n, n * out / s->u);
        release(&zero);
    }
    release(&x), release(&w), release(&bias), release(&panels), release(&scratch), release(&y), release(&want);
    release(&full), release(&size), release(&x_sizes), release(&w_sizes), release(&bias_sizes), release(&pooled_size);
    release(&dy), release(&dy_sizes), release(&dw), release(&dw_want), release(&dw_size), release(&dbias);
    release(&dbias_want), release(&dbias_size), release(&spread);
    free(place), free(place_want);
}

/* Without places the same bits come out. */
static void compare_without_places(const mx_conv *s, size_t n, const char *shape)
{
    size_t pooled = n * (s->out_h / 2) * (s->out_w / 2) * s->u, shift = s->u % 4;
    block x = block_of(n * s->h * s->w * s->c, shift), w = block_of(s->kh * s->kw * s->c * s->u, shift),
          bias = block_of(s->u, shift), panels = block_of(mx_conv_panels_size(s), shift),
          scratch = block_of(mx_conv_scratch(s), 0), y = block_of(pooled, shift), only = block_of(pooled, shift);
    uint8_t *place = malloc(pooled + 1);
    level->conv_pack(s, w.at, panels.at);
    level->conv_pool(s, n, x.at, panels.at, bias.at, y.at, place, scratch.at);
    level->conv_pool(s, n, x.at, panels.at, bias.at, only.at, NULL, scratch.at);
    check_bits("conv_pool without places", shape, only.at, y.at, pooled * sizeof(float));
    release(&x), release(&w), release(&bias), release(&panels), release(&scratch), release(&y), release(&only);
    free(place);
}

static void compare_all_fused(void)
{
    const size_t sides[][4] = {/* h, w, kernel, padding */
                               {8, 8, 3, 0}, {9, 10, 3, 0}, {7, 8, 3, 1}, {10, 9, 5, 2}, {9, 9, 5, 0},
                               {5, 6, 1, 0}, {4, 4, 3, 0},  {2, 3, 3, 1}, {3, 40, 2, 0}, {38, 40, 3, 0}};
    const size_t channels[][2] = {{1, 32}, {1, 8}, {1, 1},   {1, 13},  {1, 23}, {1, 48},
                                  {3, 16}, {3, 9}, {32, 20}, {17, 33}, {40, 16}};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
        for (size_t j = 0; j < sizeof channels / sizeof *channels; j++) {
            char text[96];
            mx_conv s =
                shape_of(sides[i][0], sides[i][1], channels[j][0], channels[j][1], sides[i][2], sides[i][3], text);
            compare_fused(&s, 1 + (i + j) % 3, text, 0);
            compare_without_places(&s, 1 + (i + j) % 3, text);
            if (i == 0 && j % 3 == 0) {
                compare_fused(&s, 2, text, NAN);
                compare_fused(&s, 2, text, INFINITY);
                compare_fused(&s, 2, text, -INFINITY);
            }
        }
}

/* Numbers of four values only: many are equal, and the first of them counts. */
static void make_equal(block *x)
{
    for (size_t i = 0; i < x->n; i++)
        x->at[i] = roundf(x->at[i]);
}

static void compare_equal_sums(void)
{
    char text[96];
    mx_conv s = shape_of(9, 8, 1, 20, 3, 1, text);
    size_t pooled = s.out_h / 2 * (s.out_w / 2) * s.u;
    block x = block_of(72, 0), w = block_of(9 * s.u, 0), panels = block_of(mx_conv_panels_size(&s), 0),
          y = block_of(pooled, 0), scratch = block_of(mx_conv_scratch(&s), 0);
    uint8_t *place = malloc(pooled), *want = malloc(pooled);
    make_equal(&x);
    make_equal(&w);
    level->conv_pack(&s, w.at, panels.at);
    level->conv_pool(&s, 1, x.at, panels.at, NULL, y.at, place, scratch.at);
    plain->conv_pack(&s, w.at, panels.at);
    plain->conv_pool(&s, 1, x.at, panels.at, NULL, y.at, want, scratch.at);
    check_bits("places of equal sums", text, place, want, pooled);
    release(&x), release(&w), release(&panels), release(&y), release(&scratch);
    free(place), free(want);
}

static void compare_pool(const mx_pool *s, size_t n, float strange)
{
    size_t in = s->h * s->w * s->c, out = s->out_h * s->out_w * s->c, shift = s->c % 4;
    char shape[160];
    snprintf(shape, sizeof shape, "n %zu, %zu x %zu x %zu, window %zu x %zu, stride %zu x %zu, padding %zu", n, s->h,
             s->w, s->c, s->ph, s->pw, s->stride_h, s->stride_w, s->pad_top);
    block x = block_of(n * in, shift), y = block_of(n * out, shift), want = copy_of(y), dx = block_of(n * in, shift),
          dx_want = copy_of(dx), dy = block_of(n * out, shift), x_sizes = sizes_of(x), size = copy_of(y);
    uint32_t *place = malloc(n * out * sizeof *place), *place_want = malloc(n * out * sizeof *place);
    make_equal(&x);
    if (strange != 0)
        for (size_t i = 0; i < x.n; i += 1 + i % 3)
            x.at[i] = strange;
    level->max_pool(s, n, x.at, y.at, place);
    plain->max_pool(s, n, x.at, want.at, place_want);
    check_sums("max_pool", shape, y.at, want.at, want.at, n * out, 0);
    check_bits("max_pool's places", shape, place, place_want, n * out * sizeof *place);
    level->max_pool(s, n, x.at, y.at, NULL);
    check_sums("max_pool without places", shape, y.at, want.at, want.at, n * out, 0);
    level->max_pool_back(s, n, dy.at, place, dx.at);
    plain->max_pool_back(s, n, dy.at, place, dx_want.at);
    check_bits("max_pool_back", shape, dx.at, dx_want.at, n * in * sizeof(float));
    if (strange == 0) {
        level->average_pool(s, n, x.at, y.at);
        plain->average_pool(s, n, x.at, want.at);
        plain->average_pool(s, n, x_sizes.at, size.at);
        for (size_t i = 0; i < n * out; i++)
            size.at[i] += 1;
        check_sums("average_pool", shape, y.at, want.at, size.at, n * out, s->ph * s->pw);
        level->average_pool_back(s, n, dy.at, dx.at);
        plain->average_pool_back(s, n, dy.at, dx_want.at);
        check_bits("average_pool_back", shape, dx.at, dx_want.at, n * in * sizeof(float));
    }
    release(&x), release(&y), release(&want), release(&dx), release(&dx_want), release(&dy), release(&x_sizes),
        release(&size);
    free(place), free(place_want);
}

static void compare_pools(void)
{
    const size_t channels[] = {1, 3, 7, 8, 9, 16, 31, 32, 33, 72};
    const size_t windows[][6] = {/* h, w, window, stride, padding */
                                 {8, 8, 2, 2, 0}, {9, 7, 2, 2, 0}, {8, 9, 3, 2, 1},
                                 {7, 7, 7, 1, 0}, {5, 6, 3, 1, 1}, {4, 4, 1, 2, 0}};
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        for (size_t j = 0; j < sizeof windows / sizeof *windows; j++) {
            const size_t *w = windows[j];
            mx_pool s = {.h = w[0],
                         .w = w[1],
                         .c = channels[i],
                         .ph = w[2],
                         .pw = w[2],
                         .stride_h = w[3],
                         .stride_w = w[3],
                         .pad_top = w[4],
                         .pad_left = w[4],
                         .out_h = (w[0] + 2 * w[4] - w[2]) / w[3] + 1,
                         .out_w = (w[1] + 2 * w[4] - w[2]) / w[3] + 1};
            compare_pool(&s, 1 + i % 3, 0);
            compare_pool(&s, 1, NAN);
            compare_pool(&s, 1, INFINITY);
            compare_pool(&s, 1, -INFINITY);
        }
}

static void test_fused(void **state)
{
    (void)state;
    each_level(compare_all_fused);
    each_level(compare_equal_sums);
}

static void test_pools(void **state)
{
    (void)state;
    each_level(compare_pools);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fused), cmocka_unit_test(test_pools)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
