/*
 * The one table of levels, and the choice.
 */
#include "kernels/kernels.h"

#include <pthread.h>

/* Ascending: the last usable one runs. */
static const mx_kernels levels[] = {
    MX_KERNEL_LEVEL(ref, MX_ISA_REF, ref),
#if defined(__x86_64__)
    MX_KERNEL_LEVEL(avx2, MX_ISA_AVX2, avx2),
    MX_KERNEL_LEVEL(avx512, MX_ISA_AVX512, avx2),
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
