/*
 * The levels of text_fields.h, and the choice.
 */
#include "kernels/text_fields.h"

#include <pthread.h>

static const mx_field_kernels levels[] = {
    {.isa = MX_ISA_REF, .index = mx_fields_index_ref, .numbers = mx_fields_numbers_ref},
#if defined(__x86_64__)
    {.isa = MX_ISA_AVX2, .index = mx_fields_index_avx2, .numbers = mx_fields_numbers_avx2},
#endif
};

static const mx_field_kernels *chosen = levels;

static void choose(void)
{
    for (size_t l = 0; l < sizeof levels / sizeof *levels; l++)
        if (mx_isa_usable(levels[l].isa))
            chosen = &levels[l];
    mx_log("dispatch", "fields: %s", mx_isa_name(chosen->isa));
}

const mx_field_kernels *mx_field_kernel(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, choose);
    return chosen;
}

const mx_field_kernels *mx_field_kernels_of(mx_isa isa)
{
    for (size_t l = 0; l < sizeof levels / sizeof *levels; l++)
        if (levels[l].isa == isa && mx_isa_available(isa))
            return &levels[l];
    return NULL;
}
