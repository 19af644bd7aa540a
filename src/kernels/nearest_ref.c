/*
 * Screening for the nearest centre in plain C: what the other levels must give up to rounding.
 */
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

static float marked(float value, uint32_t place)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = (bits & ~63u) | place;
    memcpy(&value, &bits, sizeof bits);
    return value;
}

static uint32_t place_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & 63u;
}

void mx_gather_tile_ref(const double *x, size_t d, const uint32_t *rows, size_t m, const double *shift, double scale,
                        float *restrict tile)
{
    for (size_t r = 0; r < MX_NEAREST_ROWS; r++) {
        const double *row = x + (size_t)rows[r < m ? r : m - 1] * d;
        for (size_t j = 0; j < d; j++)
            tile[j * MX_NEAREST_ROWS + r] = (float)((row[j] - shift[j]) * scale);
    }
}

void mx_gather_tile_float_ref(const float *x, size_t d, const uint32_t *rows, size_t m, const double *shift,
                              double scale, float *restrict tile)
{
    float by = (float)scale;
    for (size_t r = 0; r < MX_NEAREST_ROWS; r++) {
        const float *row = x + (size_t)rows[r < m ? r : m - 1] * d;
        for (size_t j = 0; j < d; j++)
            tile[j * MX_NEAREST_ROWS + r] = (row[j] - (float)shift[j]) * by;
    }
}

void mx_nearest_bounds_ref(const mx_nearest_centres *c, const float *tile, size_t m, float *restrict upper,
                           float *restrict lower, int32_t *restrict index)
{
    for (size_t r = 0; r < m; r++) {
        float least = INFINITY, next = INFINITY, norm = 0;
        int32_t at = 0;
        for (size_t j = 0; j < c->d; j++)
            norm += tile[j * MX_NEAREST_ROWS + r] * tile[j * MX_NEAREST_ROWS + r];
        for (size_t s = 0; s < c->strips * MX_NEAREST_STRIP; s++) {
            float score = c->half[s];
            const float *centre = c->centres + s / MX_NEAREST_STRIP * c->d * MX_NEAREST_STRIP + s % MX_NEAREST_STRIP;
            for (size_t j = 0; j < c->d; j++)
                score -= tile[j * MX_NEAREST_ROWS + r] * centre[j * MX_NEAREST_STRIP];
            score = marked(score, s % 64);
            if (score < least) {
                next = least;
                least = score;
                at = (int32_t)(s - s % 64 + place_of(score));
            } else if (!(score >= next)) {
                next = score;
            }
        }
        float own = c->half[at], slack = 3 * c->kappa * norm + 1e-35f, p = 1.6e-5f;
        float above = norm + 2 * least + (slack + 10 * c->kappa * own + p * fabsf(least));
        float below = norm + 2 * next - (slack + p * fabsf(next));
        index[r] = at;
        upper[r] = sqrtf(above > 0 ? above : 0) * 1.000001f;
        lower[r] = sqrtf(below > 0 ? below : 0) * 0.999999f;
    }
}
