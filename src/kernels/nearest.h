/*
 * The nearest of k centres for many rows, in float, with proven bounds: what k-means screens with before it measures in double. Floor 1.
 *
 * Letters: x row, c centre, both shifted by a point near the rows' mean and scaled by a power of two so that no coordinate of a row is above 1;
 * s_c = |c|^2 / 2 - x.c, so that |x - c|^2 = |x|^2 + 2 s_c. Rows come in tiles of MX_NEAREST_ROWS, coordinate by coordinate; centres in strips of 4.
 *
 * The least s carries its strip and place in the low bits of its significand (6 bits: 64 centres a panel), so that one minimum finds value and
 * place. What that and rounding in float can do is bounded, with u = 2^-24, kappa = (d + 8) u and p = 2^-17, by
 *     |s as computed - s| <= kappa (|c|^2 + |x|^2 / 2) + p |s|           (|x||c| <= (|x|^2 + |c|^2) / 2)
 * The part with |c|^2 is taken off the half norms beforehand (mx_nearest_half), so that the least computed s of all other centres bounds
 * every one of them from below.
 */
#ifndef MX_KERNELS_NEAREST_H
#define MX_KERNELS_NEAREST_H

#include <stddef.h>
#include <stdint.h>

enum { MX_NEAREST_ROWS = 48, MX_NEAREST_STRIP = 4, MX_NEAREST_PANEL = 16 /* strips */ };
#define MX_NEAREST_FAR 1e30f /* half norm of the centres that fill the last strip */

typedef struct mx_nearest_centres {
    size_t d, strips;
    const float *centres; /* (strips, d, 4) */
    const float *half;    /* (strips, 4): mx_nearest_half of |c|^2 / 2; MX_NEAREST_FAR for those that fill up */
    float kappa;          /* mx_nearest_kappa(d) */
} mx_nearest_centres;

static inline float mx_nearest_kappa(size_t d)
{
    return (float)(d + 8) * 6e-8f; /* a little above 2^-24 */
}

/* |c|^2 / 2 less what rounding may add to any s of this centre. */
static inline float mx_nearest_half(double half_norm, float kappa)
{
    return (float)(half_norm * (1 - 4 * (double)kappa));
}

#endif
