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

bool mx_conv_can_winograd(const mx_conv *s)
{
    return s->kh == 3 && s->kw == 3 && s->stride_h == 1 && s->stride_w == 1 && s->groups == 1 && s->pad_top <= 2 &&
           s->pad_left <= 2 && s->c <= MX_WINOGRAD_MOST && s->u <= MX_WINOGRAD_MOST;
}

bool mx_conv_winograd_pays(const mx_conv *s)
{
    /* The transforms cost as much a channel as a few filters do; and odd rows leave half a patch empty. */
    enum { CHANNELS = 24, SIDE = 4 };
    return mx_conv_can_winograd(s) && s->c >= CHANNELS && s->u >= CHANNELS && s->out_h >= SIDE && s->out_w >= SIDE;
}

size_t mx_winograd_patches(size_t c, size_t u)
{
    /* What they become is read once more soon: about a second-level cache, in whole tiles. */
    enum { FLOATS = 1 << 17, LEAST = 48, MOST = 120, TILE = 12 };
    size_t count = FLOATS / (MX_WINOGRAD_SPOTS * (c + u)) / TILE * TILE;
    return count < LEAST ? LEAST : count > MOST ? MOST : count;
}

/* Of one of the two packed forms. */
static size_t packed_size(const mx_conv *s, size_t c, size_t u)
{
    return s->winograd ? MX_WINOGRAD_SPOTS * mx_panels_size(c, u)
                       : s->groups * mx_panels_size(s->kh * s->kw * (c / s->groups), u / s->groups);
}

size_t mx_conv_panels_size(const mx_conv *s)
{
    return packed_size(s, s->c, s->u);
}

size_t mx_conv_back_size(const mx_conv *s)
{
    return packed_size(s, s->u, s->c);
}

size_t mx_conv_scratch(const mx_conv *s)
{
    if (s->winograd)
        return MX_WINOGRAD_SPOTS * (mx_winograd_patches(s->c, s->u) * (s->c + s->u) + s->c * s->u);
    /* conv_pool: a picture in its frame of zeros, and weights unit by unit. */
    return (s->out_h + s->kh) * (s->out_w + s->kw) * s->c + s->kh * s->kw * s->c * s->u;
}
