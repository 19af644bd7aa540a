/*
 * Functions of networks on one core: numbers a second of activations and optimisers, microseconds of a recurrent step of 32 sequences and 128 units.
 *
 *     bench_tensor_functions
 *
 * CPU time, the least of 300 runs, arrays in the caches.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/random.h"
#include "kernels/tensors.h"

enum { RUNS = 300, TIMES = 8, COUNT = 4096, ROWS = 32, UNITS = 128, WEIGHTS = 54090, CLASSES = 12000 };

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *numbers(size_t n)
{
    float *x = aligned_alloc(64, (n * sizeof *x + 63) / 64 * 64);
    if (x == NULL)
        abort();
    mx_random random;
    mx_random_init(&random, 1, n);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)mx_random_normal(&random);
    return x;
}

/* Least seconds of `statement`, after `before` each time. */
#define LEAST(least, before, statement)                                                                                \
    do {                                                                                                               \
        (least) = 1e9;                                                                                                 \
        for (int run = 0; run < RUNS; run++) {                                                                         \
            before;                                                                                                    \
            double begin = seconds();                                                                                  \
            statement;                                                                                                 \
            double took = seconds() - begin;                                                                           \
            (least) = took < (least) ? took : (least);                                                                 \
        }                                                                                                              \
    } while (0)

static void activations(const mx_tensor_kernels *level)
{
    static const char *const names[MX_ACTIVATIONS] = {"linear", "relu", "tanh", "sigmoid",      "softplus",   "elu",
                                                      "leaky",  "gelu", "silu", "hard sigmoid", "exponential"};
    float *x = numbers(COUNT), *y = numbers(COUNT), *dy = numbers(COUNT), *dx = numbers(COUNT);
    for (int f = 0; f < MX_ACTIVATIONS; f++) {
        mx_activation a = (mx_activation)f;
        double there, back;
        LEAST(there, , for (int k = 0; k < TIMES; k++) level->activate(a, x, COUNT, y));
        LEAST(back, , for (int k = 0; k < TIMES; k++) level->activate_back(a, x, y, dy, COUNT, dx));
        printf("%-14s %6.2f G/s, slope %6.2f G/s\n", names[f], TIMES * COUNT / there * 1e-9,
               TIMES * COUNT / back * 1e-9);
    }
    free(x), free(y), free(dy), free(dx);
}

static void recurrent(const mx_tensor_kernels *level)
{
    const struct {
        const char *name;
        mx_activation f;
    } cases[] = {{"tanh", MX_TANH}, {"relu", MX_RELU}, {"elu", MX_ELU}};
    size_t n = (size_t)ROWS * UNITS;
    float *from = numbers(4 * n), *z = numbers(4 * n), *zh = numbers(4 * n), *before = numbers(n), *c = numbers(n),
          *h = numbers(n), *dh = numbers(n), *dc = numbers(n), *dz = numbers(4 * n), *dzh = numbers(4 * n);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        mx_activation f = cases[k].f;
        double there, back;
        LEAST(there, memcpy(z, from, 4 * n * sizeof *z),
              level->lstm_step(z, before, h, ROWS, UNITS, f, MX_SIGMOID, NULL, c, h));
        LEAST(back, , level->lstm_step_back(z, before, c, dh, dc, ROWS, UNITS, f, MX_SIGMOID, NULL, dz));
        printf("lstm %-9s %6.2f us, back %6.2f us\n", cases[k].name, there * 1e6, back * 1e6);
        LEAST(there, memcpy(z, from, 3 * n * sizeof *z),
              level->gru_step(z, zh, before, ROWS, UNITS, f, MX_SIGMOID, NULL, h));
        LEAST(back, , level->gru_step_back(z, zh, before, dh, ROWS, UNITS, f, MX_SIGMOID, NULL, dz, dzh, dc));
        printf("gru %-10s %6.2f us, back %6.2f us\n", cases[k].name, there * 1e6, back * 1e6);
    }
    free(from), free(z), free(zh), free(before), free(c), free(h), free(dh), free(dc), free(dz), free(dzh);
}

static void others(const mx_tensor_kernels *level)
{
    float *g = numbers(WEIGHTS), *m = numbers(WEIGHTS), *v = numbers(WEIGHTS), *w = numbers(WEIGHTS),
          *x = numbers((size_t)ROWS * CLASSES), *p = numbers((size_t)ROWS * CLASSES);
    for (size_t i = 0; i < WEIGHTS; i++)
        v[i] *= v[i];
    mx_adam adam = {.rate = 0.001F, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7F, .scale = 1};
    double least, sum = 0, loss[ROWS];
    int32_t labels[ROWS] = {0};
    LEAST(least, , level->adam(&adam, WEIGHTS, g, m, v, w));
    printf("adam           %6.2f G/s\n", WEIGHTS / least * 1e-9);
    LEAST(least, , level->sgd(0.01F, 0.9F, false, 1, WEIGHTS, g, m, w));
    printf("sgd momentum   %6.2f G/s\n", WEIGHTS / least * 1e-9);
    LEAST(least, , level->adagrad(0.01F, 1e-7F, 1, WEIGHTS, g, v, w));
    printf("adagrad        %6.2f G/s\n", WEIGHTS / least * 1e-9);
    LEAST(least, , sum += level->sum_squares(g, WEIGHTS));
    printf("sum of squares %6.2f G/s\n", WEIGHTS / least * 1e-9);
    LEAST(least, , level->softmax_loss(x, ROWS, 10, labels, NULL, NULL, p, loss, p));
    printf("softmax of 32 x 10 %.2f us\n", least * 1e6);
    LEAST(least, , level->softmax_loss(x, ROWS, CLASSES, labels, NULL, NULL, p, loss, p));
    printf("softmax of 32 x %d %.2f G/s\n", CLASSES, ROWS * CLASSES / least * 1e-9);
    free(g), free(m), free(v), free(w), free(x), free(p);
    if (!(sum >= 0))
        abort();
}

int main(void)
{
    const mx_tensor_kernels *level = mx_tensor_kernel();
    printf("level %s\n", mx_isa_name(level->isa));
    activations(level);
    recurrent(level);
    others(level);
    return 0;
}
