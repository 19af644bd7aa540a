/*
 * The one table of levels for float tensors, the choice, and the room that convolutions need.
 */
#include "kernels/tensors.h"

/* One for each level of mx_kernels. */
static const mx_tensor_kernels levels[] = {
    MX_TENSOR_LEVEL(MX_ISA_REF, ref, ref, ref, ref),
#if defined(__x86_64__)
    MX_TENSOR_LEVEL(MX_ISA_AVX2, avx2, avx2, avx2, avx2),
    MX_TENSOR_LEVEL(MX_ISA_AVX512, avx512, avx512, avx2, avx512),
#endif
};

static const mx_tensor_kernels *level_of(mx_isa isa)
{
    for (size_t l = 0; l < sizeof levels / sizeof *levels; l++)
        if (levels[l].isa == isa)
            return &levels[l];
    return NULL;
}

const mx_tensor_kernels *mx_tensor_kernel(void)
{
    return level_of(mx_kernel()->isa);
}

const mx_tensor_kernels *mx_tensor_kernels_of(mx_isa isa)
{
    return mx_isa_available(isa) ? level_of(isa) : NULL;
}

size_t mx_conv_panels_size(const mx_conv *s)
{
    return s->groups * mx_panels_size(s->kh * s->kw * (s->c / s->groups), s->u / s->groups);
}

size_t mx_conv_back_size(const mx_conv *s)
{
    return s->groups * mx_panels_size(s->kh * s->kw * (s->u / s->groups), s->c / s->groups);
}

size_t mx_conv_scratch(const mx_conv *s)
{
    /* conv_pool: a picture in its frame of zeros, and weights unit by unit. */
    return (s->out_h + s->kh) * (s->out_w + s->kw) * s->c + s->kh * s->kw * s->c * s->u;
}
