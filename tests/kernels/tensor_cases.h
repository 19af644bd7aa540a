/*
 * What the tests of float tensors share: numbers in blocks of exactly the size that may be touched, comparison with the plain form within the bound of a sum of so many terms.
 */
#ifndef TEST_TENSOR_CASES_H
#define TEST_TENSOR_CASES_H

#include "base/random.h"
#include "kernels/tensors.h"
#include "support/check.h"

static const mx_tensor_kernels *level, *plain;
static uint64_t seed = 1;

/* n numbers that end where the block ends and begin `shift` floats after an aligned place; release it. */
typedef struct block {
    float *at;
    void *memory;
    size_t n;
} block;

static block block_of(size_t n, size_t shift)
{
    block b = {.n = n};
    b.memory =
        calloc(n + shift + (n + shift == 0), sizeof(float)); /* as malloc, but for what a compiler says about n = 0 */
    b.at = (float *)b.memory + shift;
    mx_random random;
    mx_random_init(&random, seed++, n);
    for (size_t i = 0; i < n; i++)
        b.at[i] = (float)mx_random_normal(&random);
    return b;
}

static block copy_of(block from)
{
    block b = {.n = from.n, .memory = malloc(from.n * sizeof(float) + (from.n == 0))};
    b.at = b.memory;
    if (from.n > 0)
        memcpy(b.at, from.at, from.n * sizeof(float));
    return b;
}

static block sizes_of(block from) /* absolute values */
{
    block b = copy_of(from);
    for (size_t i = 0; i < b.n; i++)
        b.at[i] = fabsf(b.at[i]);
    return b;
}

CHECK_UNUSED static void release(block *b)
{
    free(b->memory);
    *b = (block){0};
}

/* got like want, a sum of so many terms whose sizes add up to size. */
static void check_sums(const char *what, const char *shape, const float *got, const float *want, const float *size,
                       size_t n, size_t terms)
{
    for (size_t i = 0; i < n; i++) {
        double bound = 2 * (double)(terms + 3) * 0x1p-24 * fabs((double)size[i]) + 1e-37;
        bool like = isnan(want[i])   ? isnan(got[i])
                    : isinf(want[i]) ? got[i] == want[i]
                                     : fabs((double)got[i] - (double)want[i]) <= bound;
        if (!like)
            check_die(__FILE__, __LINE__, "%s (%s)[%zu]: %.9g, expected %.9g (bound %.3g)", what, shape, i,
                      (double)got[i], (double)want[i], bound);
    }
}

static void check_bits(const char *what, const char *shape, const void *got, const void *want, size_t size)
{
    const unsigned char *a = got, *b = want;
    for (size_t i = 0; i < size; i++)
        if (a[i] != b[i])
            check_die(__FILE__, __LINE__, "%s (%s): byte %zu of %zu differs", what, shape, i, size);
}

/* A zero compared with a zero proves nothing: most of what is compared has to be something else. */
CHECK_UNUSED static void check_something(const char *what, const float *x, size_t n)
{
    size_t zeros = 0;
    for (size_t i = 0; i < n; i++)
        zeros += x[i] == 0;
    if (n >= 64 && zeros > n - n / 8)
        check_die(__FILE__, __LINE__, "%s: %zu of %zu numbers of the reference are 0", what, zeros, n);
}

CHECK_UNUSED static void each_level(void (*compare)(void))
{
    plain = mx_tensor_kernels_of(MX_ISA_REF);
    for (int isa = 0; isa < MX_ISA_COUNT; isa++) {
        level = mx_tensor_kernels_of((mx_isa)isa);
        print_message("  %s%s\n", mx_isa_name((mx_isa)isa),
                      level == NULL ? ": skipped, this build or this machine has none" : "");
        if (level != NULL)
            compare();
    }
}

#endif
