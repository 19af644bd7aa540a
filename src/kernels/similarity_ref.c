/*
 * Search among float32 vectors in plain C, and the table of its levels.
 *
 * Sums run in eight partial sums, one for each j mod 8, added up as vectors of eight lanes add up: that order is the specification.
 */
#include "kernels/similarity.h"

enum { LANES = MX_SIMILARITY_LANES };

static double double_sum(const double s[LANES])
{
    double t[4];
    for (int l = 0; l < 4; l++)
        t[l] = s[l] + s[l + 4];
    return (t[0] + t[2]) + (t[1] + t[3]);
}

static float float_sum(const float s[LANES])
{
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

double mx_float_dot_ref(const float *a, const float *b, size_t d)
{
    double s[LANES] = {0};
    for (size_t j = 0; j < d; j += LANES)
        for (size_t l = 0; l < LANES; l++)
            s[l] += (double)a[j + l] * (double)b[j + l];
    return double_sum(s);
}

double mx_float_squared_distance_ref(const float *a, const float *b, size_t d)
{
    double s[LANES] = {0};
    for (size_t j = 0; j < d; j += LANES)
        for (size_t l = 0; l < LANES; l++) {
            double t = (double)a[j + l] - (double)b[j + l];
            s[l] += t * t;
        }
    return double_sum(s);
}

void mx_minus_dots_ref(const float *q, const float *rows, size_t d, const uint32_t *index, size_t m, float *out)
{
    for (size_t i = 0; i < m; i++) {
        const float *row = rows + (index != NULL ? index[i] : i) * d;
        float s[LANES] = {0};
        for (size_t j = 0; j < d; j += LANES)
            for (size_t l = 0; l < LANES; l++)
                s[l] += q[j + l] * row[j + l];
        out[i] = -float_sum(s);
    }
}

void mx_listed_distances_ref(const float *q, const float *rows, size_t d, const uint32_t *index, size_t m, float *out)
{
    for (size_t i = 0; i < m; i++) {
        const float *row = rows + (index != NULL ? index[i] : i) * d;
        float s[LANES] = {0};
        for (size_t j = 0; j < d; j += LANES)
            for (size_t l = 0; l < LANES; l++) {
                float t = row[j + l] - q[j + l];
                s[l] += t * t;
            }
        out[i] = float_sum(s);
    }
}

void mx_screen_ref(const float *rows, size_t n, size_t d, const float *bias, const float *queries, const float *limit,
                   uint16_t *restrict masks)
{
    for (size_t i = 0; i < n; i++) {
        float s[MX_SCREEN_LANES] = {0};
        for (size_t j = 0; j < d; j++)
            for (size_t l = 0; l < MX_SCREEN_LANES; l++)
                s[l] += rows[i * d + j] * queries[j * MX_SCREEN_LANES + l];
        unsigned mask = 0;
        for (unsigned l = 0; l < MX_SCREEN_LANES; l++)
            mask |= (unsigned)(bias[i] - s[l] <= limit[l]) << l;
        masks[i] = (uint16_t)mask;
    }
}

#define LEVEL(level)                                                                                                   \
    {                                                                                                                  \
        .dot = mx_float_dot_##level, .squared_distance = mx_float_squared_distance_##level,                            \
        .minus_dots = mx_minus_dots_##level, .squared_distances = mx_listed_distances_##level,                         \
        .screen = mx_screen_##level                                                                                    \
    }

static const mx_similarity_kernels plain = LEVEL(ref);
#if defined(__x86_64__)
static const mx_similarity_kernels avx2 = LEVEL(avx2);
#endif

static const mx_similarity_kernels *level_of(mx_isa isa)
{
#if defined(__x86_64__)
    if (isa >= MX_ISA_AVX2)
        return &avx2;
#endif
    (void)isa;
    return &plain;
}

const mx_similarity_kernels *mx_similarity_kernel(void)
{
    return level_of(mx_kernel()->isa);
}

const mx_similarity_kernels *mx_similarity_kernels_of(mx_isa isa)
{
    return mx_kernels_of(isa) != NULL ? level_of(isa) : NULL;
}
