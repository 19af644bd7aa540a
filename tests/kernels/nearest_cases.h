/*
 * Screening for the nearest centre, and exact sums: the bounds hold beside long double for every shape, for ties, for data of wild range; a level's tiles
 * and exact sums are the formula's own bits.
 */
#ifndef TEST_NEAREST_CASES_H
#define TEST_NEAREST_CASES_H

#include <float.h>

#include "kernels/kernel_cases.h"

static void test_tiles(void **state)
{
    (void)state;
    for (size_t d = 1; d <= 35; d++)
        for (size_t m = 1; m <= MX_NEAREST_ROWS; m += d % 7 == 0 ? 1 : 13) {
            block x = block_of(60 * d, d % 4, 1), shift = block_of(d, 1, 2);
            uint32_t rows[MX_NEAREST_ROWS];
            for (size_t r = 0; r < m; r++)
                rows[r] = (uint32_t)((r * 37 + d) % 60);
            float *tile = malloc(d * MX_NEAREST_ROWS * sizeof *tile);
            for (int single = 0; single < 2; single++) {
                if (single)
                    level->gather_tile_float(x.float_at, d, rows, m, shift.at, 0.25, tile);
                else
                    level->gather_tile(x.at, d, rows, m, shift.at, 0.25, tile);
                for (size_t r = 0; r < MX_NEAREST_ROWS; r++)
                    for (size_t j = 0; j < d; j++) {
                        size_t at = (size_t)rows[r < m ? r : m - 1] * d + j;
                        float want = single ? (x.float_at[at] - (float)shift.at[j]) * 0.25f
                                            : (float)((x.at[at] - shift.at[j]) * 0.25);
                        check_like((double)tile[j * MX_NEAREST_ROWS + r], (double)want, 0, "tile", d, r);
                    }
            }
            free(tile);
            block_free(x);
            block_free(shift);
        }
}

typedef struct screen {
    size_t d, k;
    double *x, *centres; /* (ROWS, d), (k, d) */
    float *packed, *half;
} screen;

static screen screen_of(size_t d, size_t k)
{
    size_t strips = (k + MX_NEAREST_STRIP - 1) / MX_NEAREST_STRIP;
    return (screen){.d = d,
                    .k = k,
                    .x = malloc(MX_NEAREST_ROWS * d * sizeof(double)),
                    .centres = malloc(k * d * sizeof(double)),
                    .packed = malloc(strips * MX_NEAREST_STRIP * d * sizeof(float)),
                    .half = malloc(strips * MX_NEAREST_STRIP * sizeof(float))};
}

static void screen_free(screen s)
{
    free(s.x), free(s.centres), free(s.packed), free(s.half);
}

/* Checks the bounds of m rows; returns how many are sure. */
static size_t check_bounds(const screen *s, size_t m)
{
    size_t d = s->d, k = s->k, strips = (k + MX_NEAREST_STRIP - 1) / MX_NEAREST_STRIP, sure = 0;
    float kappa = mx_nearest_kappa(d);
    for (size_t c = 0; c < strips * MX_NEAREST_STRIP; c++) {
        double norm = 0;
        for (size_t j = 0; j < d; j++) {
            double value = c < k ? s->centres[c * d + j] : 0;
            norm += value * value;
            s->packed[(c / MX_NEAREST_STRIP * d + j) * MX_NEAREST_STRIP + c % MX_NEAREST_STRIP] = (float)value;
        }
        s->half[c] = c < k ? mx_nearest_half(norm / 2, kappa) : MX_NEAREST_FAR;
    }
    float *tile = malloc(d * MX_NEAREST_ROWS * sizeof *tile), upper[MX_NEAREST_ROWS], lower[MX_NEAREST_ROWS];
    double *shift = calloc(d, sizeof *shift);
    int32_t index[MX_NEAREST_ROWS];
    uint32_t rows[MX_NEAREST_ROWS];
    for (size_t r = 0; r < m; r++)
        rows[r] = (uint32_t)r;
    level->gather_tile(s->x, d, rows, m, shift, 1, tile);
    mx_nearest_centres centres = {d, strips, s->packed, s->half, kappa};
    level->nearest_bounds(&centres, tile, m, upper, lower, index);
    for (size_t r = 0; r < m; r++) {
        if (index[r] < 0 || (size_t)index[r] >= k)
            check_die(__FILE__, __LINE__, "d %zu, k %zu, row %zu: centre %d", d, k, r, index[r]);
        long double own = 0, other = INFINITY;
        for (size_t c = 0; c < k; c++) {
            long double sum = 0;
            for (size_t j = 0; j < d; j++) {
                long double by = (long double)s->x[r * d + j] - (long double)s->centres[c * d + j];
                sum += by * by;
            }
            if (c == (size_t)index[r])
                own = sqrtl(sum);
            else if (sqrtl(sum) < other)
                other = sqrtl(sum);
        }
        if (!((long double)upper[r] >= own) || !((long double)lower[r] <= other))
            check_die(__FILE__, __LINE__, "d %zu, k %zu, row %zu: own %.9Lg above %.9g, or others %.9Lg below %.9g", d,
                      k, r, own, (double)upper[r], other, (double)lower[r]);
        sure += upper[r] < lower[r];
    }
    free(tile);
    free(shift);
    return sure;
}

static void test_nearest_bounds(void **state)
{
    (void)state;
    const double ranges[] = {1, 1e-3, 1e3, 1e-18, 1e8};
    for (size_t d = 1; d <= 40; d += d < 20 ? 1 : 5)
        for (size_t k = 1; k <= 140; k += k < 10 ? 1 : 13)
            for (size_t range = 0; range < 5; range++) {
                screen s = screen_of(d, k);
                mx_random random;
                mx_random_init(&random, d * 1000 + k, range);
                for (size_t e = 0; e < MX_NEAREST_ROWS * d; e++)
                    s.x[e] = mx_random_normal(&random) * (range == 3 ? 1e-18 : 0.3);
                for (size_t e = 0; e < k * d; e++)
                    s.centres[e] = mx_random_normal(&random) * ranges[range];
                size_t m = 1 + (d * 7 + k * 3 + range) % MX_NEAREST_ROWS, sure = check_bounds(&s, m);
                /* Bounds that never prove anything would hold, too. */
                if (range == 0 && d >= 3 && m >= 24 && sure < m - m / 8)
                    check_die(__FILE__, __LINE__, "d %zu, k %zu: sure of %zu rows out of %zu", d, k, sure, m);
                screen_free(s);
            }
}

/* Centres that are the same or nearly so, rows on them: never sure of one of two that tie. */
static void test_nearest_ties(void **state)
{
    (void)state;
    for (size_t d = 1; d <= 20; d++)
        for (size_t k = 2; k <= 70; k += 4) {
            screen s = screen_of(d, k);
            mx_random random;
            mx_random_init(&random, d, k);
            for (size_t e = 0; e < (k / 2) * d; e++)
                s.centres[e] = mx_random_normal(&random);
            memcpy(s.centres + k / 2 * d, s.centres, k / 2 * d * sizeof(double));
            for (size_t r = 0; r < MX_NEAREST_ROWS; r++)
                for (size_t j = 0; j < d; j++)
                    s.x[r * d + j] = s.centres[r % (k / 2) * d + j] + (r % 3 ? 0 : 0.01 * mx_random_normal(&random));
            if (check_bounds(&s, MX_NEAREST_ROWS) != 0)
                check_die(__FILE__, __LINE__, "d %zu, k %zu: sure of one of two centres that are the same", d, k);
            for (size_t j = 0; j < d; j++)
                s.centres[(k / 2) * d + j] += 1e-9; /* less than float can tell */
            check_bounds(&s, MX_NEAREST_ROWS);
            screen_free(s);
        }
}

static void test_nearest_strange(void **state)
{
    (void)state;
    for (size_t d = 1; d <= 18; d++)
        for (size_t k = 1; k <= 9; k++)
            for (size_t kind = 1; kind <= 3; kind++) {
                block centres = block_of((k + 3) / 4 * 4 * d, 1, 3);
                float half[12], upper[MX_NEAREST_ROWS], lower[MX_NEAREST_ROWS],
                    *tile = calloc(d * MX_NEAREST_ROWS, sizeof *tile);
                int32_t index[MX_NEAREST_ROWS];
                for (size_t c = 0; c < 12; c++)
                    half[c] = c < k ? 1 + (float)c : MX_NEAREST_FAR;
                for (size_t r = 0; r < MX_NEAREST_ROWS; r += 5)
                    tile[(d - 1) * MX_NEAREST_ROWS + r] = (float)strange[kind];
                mx_nearest_centres c = {d, (k + 3) / 4, centres.float_at, half, mx_nearest_kappa(d)};
                level->nearest_bounds(&c, tile, MX_NEAREST_ROWS, upper, lower, index);
                for (size_t r = 0; r < MX_NEAREST_ROWS; r += 5)
                    if (upper[r] < lower[r])
                        check_die(__FILE__, __LINE__, "d %zu, k %zu: sure of a row with %g", d, k, strange[kind]);
                free(tile);
                block_free(centres);
            }
}

/* Any order, with detours: the bits of the plain level, and long double's sum. */
static void test_exact_sums(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 19; n++) {
        block x = block_of(50 * n, n % 4, 1);
        double coarse[19], fine[19], got[2][19] = {{0}}, want[2][19] = {{0}};
        for (size_t j = 0; j < n; j++) {
            coarse[j] = ldexp(1.5, 52 + 4 + 9 - 52 + (int)j);
            fine[j] = ldexp(1.5, 52 + 4 + 9 - 52 + (int)j + 9 - 52);
        }
        for (size_t i = 0; i < 50; i++)
            level->exact_add(0.7, x.at + i * n, coarse, fine, got[0], got[1], n);
        for (size_t i = 0; i < 50; i++)
            level->exact_add(-0.3, x.at + i * n, coarse, fine, got[0], got[1], n);
        for (size_t i = 50; i-- > 0;)
            level->exact_add(0.3, x.at + i * n, coarse, fine, got[0], got[1], n);
        for (size_t i = 50; i-- > 0;)
            mx_exact_add_ref(0.7, x.at + i * n, coarse, fine, want[0], want[1], n);
        for (size_t j = 0; j < n; j++) {
            long double sum = 0;
            for (size_t i = 0; i < 50; i++)
                sum += (long double)(0.7 * x.at[i * n + j]);
            check_like(got[0][j], want[0][j], 0, "exact_add", n, j);
            check_like(got[1][j], want[1][j], 0, "exact_add", n, j);
            check_like(got[0][j] + got[1][j], (double)sum, 1e-15, "exact sum", n, j);
        }
        block_free(x);
    }
}

static const struct CMUnitTest nearest_tests[] = {
    cmocka_unit_test(test_tiles),           cmocka_unit_test(test_nearest_bounds), cmocka_unit_test(test_nearest_ties),
    cmocka_unit_test(test_nearest_strange), cmocka_unit_test(test_exact_sums),
};

#endif
