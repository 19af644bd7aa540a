/*
 * The one table of levels, and the choice.
 */
#include "kernels/kernels.h"

#include <pthread.h>

#define LEVEL(name, set)                                                                                               \
    {                                                                                                                  \
        .isa = set, .dot = mx_dot_##name, .dot_float = mx_dot_float_##name, .axpy = mx_axpy_##name,                    \
        .axpy_float = mx_axpy_float_##name, .scale_float = mx_scale_float_##name,                                      \
        .squared_distances = mx_squared_distances_##name, .syrk_add = mx_syrk_add_##name,                              \
        .gather_transposed = mx_gather_transposed_##name, .multiply_add = mx_multiply_add_##name,                      \
        .transposed_multiply_add = mx_transposed_multiply_add_##name, .cholesky = mx_cholesky_##name,                  \
        .cholesky_solve = mx_cholesky_solve_##name                                                                     \
    }

/* Ascending: the last usable one runs. */
static const mx_kernels levels[] = {
    LEVEL(ref, MX_ISA_REF),
#if defined(__x86_64__)
    LEVEL(avx2, MX_ISA_AVX2),
#endif
};

static const mx_kernels *chosen = levels;

static void choose(void)
{
    for (size_t l = 0; l < sizeof levels / sizeof *levels; l++)
        if (mx_isa_usable(levels[l].isa))
            chosen = &levels[l];
    mx_log("dispatch", "kernels: %s", mx_isa_name(chosen->isa));
}

const mx_kernels *mx_kernel(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, choose);
    return chosen;
}

const mx_kernels *mx_kernels_of(mx_isa isa)
{
    for (size_t l = 0; l < sizeof levels / sizeof *levels; l++)
        if (levels[l].isa == isa && mx_isa_available(isa))
            return &levels[l];
    return NULL;
}
