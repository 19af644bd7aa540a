/*
 * Inner loops of search among vectors: every level gives the bits of the plain one where bits are promised, and a screen passes what the bound says. Blocks are of exactly
 * the size that may be touched.
 */
#include "base/random.h"
#include "kernels/similarity.h"
#include "support/check.h"

static float *floats(size_t n, uint64_t seed)
{
    float *x = malloc(n * sizeof *x + (n == 0));
    mx_random random;
    mx_random_init(&random, seed, n);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(mx_random_normal(&random) * exp(2 * mx_random_normal(&random)));
    return x;
}

static void check_bits(const void *got, const void *want, size_t size, const char *what, size_t m, size_t d)
{
    if (memcmp(got, want, size) != 0)
        check_die(__FILE__, __LINE__, "%s of %zu rows, d %zu: other bits than the plain level", what, m, d);
}

static void compare_bits(const mx_similarity_kernels *level, const mx_similarity_kernels *plain, size_t m, size_t d)
{
    float *q = floats(d, 1), *rows = floats(m * d, 2), *got = malloc(m * 4 + 1), *want = malloc(m * 4 + 1);
    double bounds[32];
    uint32_t *index = malloc(m * sizeof *index + 1);
    for (size_t i = 0; i < m; i++) {
        index[i] = (uint32_t)((i * 7 + 3) % m);
        double a = level->dot(q, rows + i * d, d), b = plain->dot(q, rows + i * d, d);
        check_same_double(a, b);
        check_same_double(level->squared_distance(q, rows + i * d, d), plain->squared_distance(q, rows + i * d, d));
        double sum = 0, bound = 0, apart = 0;
        for (size_t j = 0; j < d; j++) {
            sum += (double)q[j] * rows[i * d + j];
            bound += fabs((double)q[j] * rows[i * d + j]);
            apart += ((double)q[j] - rows[i * d + j]) * ((double)q[j] - rows[i * d + j]);
        }
        bounds[i] = bound;
        check_close(a, sum, 1e-14 * bound);
        check_close(level->squared_distance(q, rows + i * d, d), apart, 1e-14 * apart);
    }
    for (int listed = 0; listed < 2; listed++) {
        const uint32_t *list = listed ? index : NULL;
        level->minus_dots(q, rows, d, list, m, got);
        plain->minus_dots(q, rows, d, list, m, want);
        check_bits(got, want, m * sizeof *got, "minus_dots", m, d);
        for (size_t i = 0; i < m; i++)
            check_close((double)got[i], -plain->dot(q, rows + (listed ? index[i] : i) * d, d),
                        1e-5 * bounds[listed ? index[i] : i]);
        level->squared_distances(q, rows, d, list, m, got);
        plain->squared_distances(q, rows, d, list, m, want);
        check_bits(got, want, m * sizeof *got, "squared_distances", m, d);
        for (size_t i = 0; i < m; i++)
            check_close((double)got[i] / plain->squared_distance(q, rows + (listed ? index[i] : i) * d, d), 1, 1e-5);
    }
    free(q), free(rows), free(got), free(want), free(index);
}

static void compare_screen(const mx_similarity_kernels *level, size_t n, size_t d)
{
    float *rows = floats(n * d, 3), *queries = floats(d * MX_SCREEN_LANES, 4), *bias = floats(n, 5);
    float limit[MX_SCREEN_LANES];
    uint16_t *masks = malloc(n * sizeof *masks + 1);
    for (size_t l = 0; l < MX_SCREEN_LANES; l++)
        limit[l] = l == 3 ? INFINITY : l == 4 ? -INFINITY : l == 5 ? NAN : (float)l - 8;
    if (n > 2)
        bias[n - 2] = NAN;
    level->screen(rows, n, d, bias, queries, limit, masks);
    size_t passed = 0, sure = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t l = 0; l < MX_SCREEN_LANES; l++) {
            double v = bias[i], bound = fabs(v);
            for (size_t j = 0; j < d; j++) {
                v -= (double)rows[i * d + j] * queries[j * MX_SCREEN_LANES + l];
                bound += fabs((double)rows[i * d + j] * queries[j * MX_SCREEN_LANES + l]);
            }
            bool got = masks[i] >> l & 1, want = v <= limit[l];
            if (fabs(v - limit[l]) <= (double)(d + 2) * 6e-8 * bound)
                continue;
            sure++;
            passed += got;
            if (got != want)
                check_die(__FILE__, __LINE__, "n %zu, d %zu, row %zu, query %zu: %g against %g passes: %d", n, d, i, l,
                          v, (double)limit[l], got);
        }
    assert_true(n < 5 || (passed > 0 && passed < sure));
    free(rows), free(queries), free(bias), free(masks);
}

static void test_levels(void **state)
{
    (void)state;
    const mx_similarity_kernels *plain = mx_similarity_kernels_of(MX_ISA_REF);
    for (int isa = 0; isa < MX_ISA_COUNT; isa++) {
        const mx_similarity_kernels *level = mx_similarity_kernels_of((mx_isa)isa);
        print_message("  %s%s\n", mx_isa_name((mx_isa)isa),
                      level == NULL ? ": skipped, this build or this machine has none" : "");
        for (size_t d = 8; level != NULL && d <= 136; d += d < 72 ? 8 : 64)
            for (size_t m = 0; m <= 21; m += m < 10 ? 1 : 11) {
                compare_bits(level, plain, m, d);
                compare_screen(level, m, d);
            }
    }
}

static void test_ends(void **state)
{
    (void)state;
    for (int isa = 0; isa < MX_ISA_COUNT; isa++) {
        const mx_similarity_kernels *level = mx_similarity_kernels_of((mx_isa)isa);
        float a[8] = {1, NAN}, b[8] = {1, 1}, out[1];
        if (level == NULL)
            continue;
        assert_true(isnan(level->dot(a, b, 8)));
        assert_true(isnan(level->squared_distance(a, b, 8)));
        level->minus_dots(a, b, 8, NULL, 1, out);
        assert_true(isnan(out[0]));
        level->squared_distances(a, b, 8, NULL, 1, out);
        assert_true(isnan(out[0]));
        float large[8] = {1e18F, 1e18F}, small[8] = {-1e18F};
        check_close(level->squared_distance(large, small, 8), 5e36, 1e30);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_levels), cmocka_unit_test(test_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
