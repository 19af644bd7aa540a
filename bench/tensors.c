/*
 * Inner loops of networks on one core: GFLOP/s and share of the core's peak at the shapes that the networks of bench/figures have.
 *
 *     bench_tensors [-p GFLOPS] [WORD]      the loops whose line holds WORD; -p: the peak of one core, otherwise measured
 *
 * CPU time, the best of several runs. A multiply-add counts two; fused convolution and pooling counts the convolution, its gradient the products that
 * it needs (one of four positions).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/random.h"
#include "kernels/tensors.h"

static const mx_tensor_kernels *level;
static double peak_gflops = 0;
static const char *word = "";

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *numbers(size_t n)
{
    float *x = aligned_alloc(64, (n * sizeof *x + 127) / 64 * 64);
    if (x == NULL)
        abort();
    mx_random random;
    mx_random_init(&random, 1, n);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)mx_random_normal(&random);
    return x;
}

/* Best time of one call. */
static double best(void (*call)(void *), void *with)
{
    double least = 1e30;
    call(with);
    double begin = seconds(), all = 0;
    call(with);
    double once = seconds() - begin;
    size_t repeat = once > 2e-3 ? 1 : (size_t)(2e-3 / (once + 1e-8)) + 1;
    for (int i = 0; i < 40 && (all < 0.3 || i < 5); i++) {
        begin = seconds();
        for (size_t r = 0; r < repeat; r++)
            call(with);
        double took = seconds() - begin;
        all += took;
        least = took / (double)repeat < least ? took / (double)repeat : least;
    }
    return least;
}

static void report(const char *what, double flop, void (*call)(void *), void *with)
{
    if (strstr(what, word) == NULL)
        return;
    double s = best(call, with), gflops = flop / s * 1e-9;
    printf("%-58s %10.2f us %8.1f GFLOP/s %5.0f %%\n", what, s * 1e6, gflops, 100 * gflops / peak_gflops);
    fflush(stdout);
}

typedef struct product {
    mx_gemm g;
    const float *b;
    float *panels;
    bool transposed;
} product;

static void run_gemm(void *with)
{
    level->gemm(&((product *)with)->g);
}

static void run_outer(void *with)
{
    product *p = with;
    level->gemm_outer(p->g.a, p->g.a_stride, p->b, p->g.u, p->g.m, p->g.k, p->g.u, p->g.c, p->g.c_stride);
}

static void run_pack(void *with)
{
    product *p = with;
    if (p->transposed)
        level->pack_transposed(p->b, p->g.k, p->g.k, p->g.u, p->panels);
    else
        level->pack(p->b, p->g.u, p->g.k, p->g.u, p->panels);
}

static void products(const char *name, size_t m, size_t k, size_t u)
{
    char text[128];
    product p = {.g = {.m = m, .k = k, .u = u, .a_stride = k, .c_stride = u}};
    float *a = numbers(m * k), *b = numbers(k * u), *c = numbers(m * u), *w = numbers(k * u), *d = numbers(m * u);
    p.panels = numbers(mx_panels_size(k, u));
    p.g.a = a;
    p.b = b;
    p.g.c = c;
    p.g.panels = p.panels;
    level->pack(b, u, k, u, p.panels);
    double flop = 2.0 * (double)m * (double)k * (double)u;
    snprintf(text, sizeof text, "%s gemm %zu x %zu x %zu", name, m, k, u);
    report(text, flop, run_gemm, &p);
    p.b = d;
    p.g.c = w;
    p.g.c_stride = u;
    snprintf(text, sizeof text, "%s outer %zu x %zu x %zu", name, m, k, u);
    report(text, flop, run_outer, &p);
    p.b = b;
    snprintf(text, sizeof text, "%s pack %zu x %zu", name, k, u);
    report(text, (double)k * (double)u, run_pack, &p);
    p.transposed = true;
    snprintf(text, sizeof text, "%s pack transposed %zu x %zu", name, k, u);
    report(text, (double)k * (double)u, run_pack, &p);
    free(a), free(b), free(c), free(w), free(d), free(p.panels);
}

typedef struct convolution {
    mx_conv s;
    size_t n;
    float *x, *dy, *y, *dx, *dw, *dbias, *panels, *back, *bias, *scratch;
    uint8_t *place;
} convolution;

static void run_conv(void *with)
{
    convolution *c = with;
    level->conv(&c->s, c->n, c->x, c->panels, c->bias, true, c->y, c->scratch);
}

static void run_conv_back(void *with)
{
    convolution *c = with;
    level->conv_back(&c->s, c->n, c->dy, c->back, c->dx, c->scratch);
}

static void run_conv_outer(void *with)
{
    convolution *c = with;
    level->conv_outer(&c->s, c->n, c->x, c->dy, c->dw, c->scratch);
}

static void run_conv_pool(void *with)
{
    convolution *c = with;
    level->conv_pool(&c->s, c->n, c->x, c->panels, c->bias, c->y, c->place, c->scratch);
}

/* As predicting does. */
static void run_conv_pool_only(void *with)
{
    convolution *c = with;
    level->conv_pool(&c->s, c->n, c->x, c->panels, c->bias, c->y, NULL, c->scratch);
}

static void run_conv_pool_outer(void *with)
{
    convolution *c = with;
    level->conv_pool_outer(&c->s, c->n, c->x, c->dy, c->place, c->dw, c->dbias, c->scratch);
}

static void convolutions(const char *name, size_t n, size_t side, size_t c, size_t u, size_t kernel, size_t stride,
                         size_t groups, bool same, bool pool, bool winograd)
{
    size_t out = same ? (side + stride - 1) / stride : (side - kernel) / stride + 1;
    size_t pad = same && (out - 1) * stride + kernel > side ? (out - 1) * stride + kernel - side : 0;
    convolution p = {
        .s = {side, side, c, out, out, u, kernel, kernel, stride, stride, pad / 2, pad / 2, groups, winograd}, .n = n};
    size_t weights = kernel * kernel * c / groups * u;
    p.x = numbers(n * side * side * c);
    p.dx = numbers(n * side * side * c);
    p.y = numbers(n * out * out * u);
    p.dy = numbers(n * out * out * u);
    p.place = malloc(n * out * out * u);
    p.dw = numbers(weights);
    p.dbias = numbers(u);
    p.bias = numbers(u);
    p.panels = numbers(mx_conv_panels_size(&p.s));
    p.back = numbers(mx_conv_back_size(&p.s));
    p.scratch = numbers(mx_conv_scratch(&p.s));
    float *w = numbers(weights);
    level->conv_pack(&p.s, w, p.panels);
    level->conv_pack_back(&p.s, w, p.back);
    double flop = 2.0 * (double)(n * out * out) * (double)weights;
    char text[128];
    if (pool) {
        snprintf(text, sizeof text, "%s conv_pool", name);
        level->conv_pool(&p.s, n, p.x, p.panels, p.bias, p.y, p.place, p.scratch);
        report(text, flop, run_conv_pool, &p);
        snprintf(text, sizeof text, "%s conv_pool without places", name);
        report(text, flop, run_conv_pool_only, &p);
        snprintf(text, sizeof text, "%s conv_pool_outer", name);
        report(text, flop / 4, run_conv_pool_outer, &p);
    } else {
        snprintf(text, sizeof text, "%s conv", name);
        report(text, flop, run_conv, &p);
        snprintf(text, sizeof text, "%s conv_back", name);
        report(text, flop, run_conv_back, &p);
        snprintf(text, sizeof text, "%s conv_outer", name);
        report(text, flop, run_conv_outer, &p);
    }
    free(p.x), free(p.dx), free(p.y), free(p.dy), free(p.place), free(p.dw), free(p.dbias), free(p.bias);
    free(p.panels), free(p.back), free(p.scratch), free(w);
    if (!pool && !winograd && mx_conv_can_winograd(&p.s)) {
        snprintf(text, sizeof text, "%s winograd", name);
        convolutions(text, n, side, c, u, kernel, stride, groups, same, false, true);
    }
}

/* The product of a matrix that stays in the first-level cache, the best that these loops can reach: taken for the peak unless -p says it. */
static void find_peak(void)
{
    product p = {.g = {.m = 6, .k = 256, .u = 16, .a_stride = 256, .c_stride = 16}};
    float *a = numbers(6 * 256), *b = numbers(256 * 16), *c = numbers(6 * 16);
    p.g.a = a;
    p.g.panels = b;
    p.g.c = c;
    peak_gflops = 2.0 * 6 * 256 * 16 / best(run_gemm, &p) * 1e-9;
    free(a), free(b), free(c);
}

int main(int argc, char **argv)
{
    level = mx_tensor_kernel();
    int at = 1;
    if (argc > 2 && strcmp(argv[1], "-p") == 0) {
        peak_gflops = strtod(argv[2], NULL);
        at = 3;
    }
    if (at < argc)
        word = argv[at];
    if (!(peak_gflops > 0))
        find_peak();
    printf("level %s, peak of one core %.1f GFLOP/s\n", mx_isa_name(level->isa), peak_gflops);
    convolutions("28x28x1 3x3 u32 valid, 16:", 16, 28, 1, 32, 3, 1, 1, false, true, false);
    convolutions("28x28x1 3x3 u32 valid, 1:", 1, 28, 1, 32, 3, 1, 1, false, true, false);
    products("dense of 16 pictures:", 16, 5408, 10);
    products("dense of 16 pictures, back:", 16, 10, 5408);
    products("dense of 32 pictures:", 32, 5408, 10);
    products("dense of 1 picture:", 1, 5408, 10);
    products("LSTM:", 16, 128, 512);
    products("LSTM:", 32, 128, 512);
    products("LSTM:", 16, 160, 512);
    products("LSTM:", 32, 160, 512);
    products("LSTM back:", 16, 512, 160);
    products("LSTM back:", 32, 512, 160);
    products("LSTM step:", 1, 160, 512);
    products("LSTM weights:", 1600, 160, 512);
    products("large:", 512, 512, 512);
    convolutions("64x64x3 3x3 u16 same, 8:", 8, 64, 3, 16, 3, 1, 1, true, false, false);
    convolutions("64x64x16 3x3 u16 same, 8:", 8, 64, 16, 16, 3, 1, 1, true, false, false);
    convolutions("64x64x16 3x3/2 u32 same, 8:", 8, 64, 16, 32, 3, 2, 1, true, false, false);
    convolutions("64x64x16 1x1/2 u32 same, 8:", 8, 64, 16, 32, 1, 2, 1, true, false, false);
    convolutions("32x32x32 3x3 u32 same, 8:", 8, 32, 32, 32, 3, 1, 1, true, false, false);
    convolutions("16x16x64 3x3 u64 same, 8:", 8, 16, 64, 64, 3, 1, 1, true, false, false);
    convolutions("8x8x128 3x3 u128 same, 8:", 8, 8, 128, 128, 3, 1, 1, true, false, false);
    convolutions("14x14x48 3x3 u48 same, 8:", 8, 14, 48, 48, 3, 1, 1, true, false, false);
    convolutions("7x7x96 3x3 u96 same, 8:", 8, 7, 96, 96, 3, 1, 1, true, false, false);
    convolutions("16x16x32 3x3 u32 same, 8:", 8, 16, 32, 32, 3, 1, 1, true, false, false);
    convolutions("8x8x64 3x3 u64 same, 8:", 8, 8, 64, 64, 3, 1, 1, true, false, false);
    convolutions("8x8x128 1x1 u128 same, 8:", 8, 8, 128, 128, 1, 1, 1, true, false, false);
    convolutions("32x32x64 3x3 depthwise same, 8:", 8, 32, 64, 64, 3, 1, 64, true, false, false);
    convolutions("13x13x32 3x3 u64 valid, 8:", 8, 13, 32, 64, 3, 1, 1, false, true, false);
    return 0;
}
