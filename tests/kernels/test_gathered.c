/*
 * Gathered rows, sums over them, bfloat16 and packed products: every level beside plain C, at all widths and lengths around those of the vectors.
 */
#include "base/random.h"
#include "kernels/kernels.h"
#include "support/check.h"

enum { POOL = 40, MOST = 136 };

static float *floats(size_t n, uint64_t seed)
{
    float *x = malloc(n * sizeof *x);
    mx_random random;
    mx_random_init(&random, seed, n);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)mx_random_normal(&random);
    return x;
}

static void check_near(const float *got, const float *want, size_t n, double scale, const char *what)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= 1e-6 * scale * (1 + fabs((double)want[i]))))
            check_die(__FILE__, __LINE__, "%s, element %zu: %g, not %g", what, i, (double)got[i], (double)want[i]);
}

static void compare(const mx_kernels *level, const mx_kernels *oracle, size_t d, size_t m)
{
    float *v = floats(POOL * d, 1), *weight = floats(m, 2), *p = floats(d, 3), *rows = malloc(m * d * sizeof *rows + 1),
          *other = malloc(m * d * sizeof *other + 1), *a = floats(d, 4), *b = floats(d, 4);
    uint16_t *halves = malloc(POOL * d * sizeof *halves), *same = malloc(POOL * d * sizeof *same);
    int32_t index[MOST];
    for (size_t j = 0; j < m; j++)
        index[j] = (int32_t)((j * 17 + d) % POOL);
    v[3] = NAN, v[4] = INFINITY, v[5] = -0.0f, v[6] = 1.00390625f, v[7] = 3.4e38f;
    level->to_bf16(v, POOL * d, halves);
    oracle->to_bf16(v, POOL * d, same);
    assert_memory_equal(halves, same, POOL * d * sizeof *same);
    assert_int_equal(halves[6], 0x3f80); /* halfway: to even */
    level->gather_bf16(halves, d, index, m, rows);
    oracle->gather_bf16(halves, d, index, m, other);
    assert_memory_equal(rows, other, m * d * sizeof *rows);
    v[3] = v[4] = v[7] = 1;
    level->gather_rows(v, d, index, m, rows);
    oracle->gather_rows(v, d, index, m, other);
    assert_memory_equal(rows, other, m * d * sizeof *rows);
    level->sum_rows(rows, d, weight, m, a);
    oracle->sum_rows(rows, d, weight, m, b);
    check_near(a, b, d, 20, "sum_rows");
    level->normal_rows(rows, d, weight, m, p, a);
    oracle->normal_rows(rows, d, weight, m, p, b);
    check_near(a, b, d, 20 * (double)(m + d), "normal_rows");
    size_t cells = (d + MX_PANEL - 1) / MX_PANEL * MX_PANEL * d;
    float *panels = floats(cells, 5);
    level->multiply_panels(rows, panels, other, m, d);
    float *want = malloc(m * d * sizeof *want + 1);
    oracle->multiply_panels(rows, panels, want, m, d);
    check_near(other, want, m * d, 2 * (double)d, "multiply_panels");
    free(v), free(weight), free(p), free(rows), free(other), free(a), free(b), free(halves), free(same), free(panels);
    free(want);
}

/* Columns near the bound may go either way. */
static void compare_above(const mx_kernels *level, size_t d)
{
    float *x = floats(d + 1, 6), *panel = floats((d + 1) * MX_PANEL, 7);
    float products[MX_PANEL], got[MX_PANEL];
    for (size_t j = 0; j < MX_PANEL; j++) {
        double sum = 0;
        for (size_t k = 0; k < d; k++)
            sum += (double)x[k] * (double)panel[k * MX_PANEL + j];
        products[j] = (float)sum;
    }
    for (size_t at = 0; at < MX_PANEL; at++)
        for (int side = -1; side <= 1; side += 2) {
            float least = products[at] + (float)side * 1e-5f * (float)(d + 1);
            uint32_t above = level->panel_above(x, panel, d, least, got);
            for (size_t j = 0; j < MX_PANEL; j++)
                assert_true(fabsf(got[j] - products[j]) <= 5e-6f * (float)(d + 1));
            for (size_t j = 0; j < MX_PANEL; j++)
                assert_int_equal(above >> j & 1, got[j] >= least);
            for (size_t j = 0; j < MX_PANEL; j++)
                if (fabsf(products[j] - least) > 5e-6f * (float)(d + 1))
                    assert_int_equal(above >> j & 1, products[j] >= least);
            assert_int_equal(above >> MX_PANEL, 0);
        }
    if (d > 0) {
        panel[5] = NAN;
        assert_int_equal(level->panel_above(x, panel, d, -INFINITY, got), 0xffff & ~(1u << 5));
    }
    free(x), free(panel);
}

/* many: how many are looked for; most: the numbers are below it. */
static void compare_few(const mx_kernels *level, size_t n, size_t many, uint32_t most)
{
    mx_random dice;
    mx_random_init(&dice, n * 1000 + many, most);
    mx_few few = {.bits = calloc(most / 64 + 1, sizeof(uint64_t))};
    int32_t *numbers = malloc(n * sizeof *numbers + 1);
    uint32_t *places = malloc(n * sizeof *places + 1), *want = malloc(n * sizeof *want + 1);
    size_t count = 0;
    for (size_t i = 0; i < many; i++)
        mx_few_put(&few, (uint32_t)mx_random_below(&dice, most));
    for (size_t i = 0; i < n; i++) {
        numbers[i] = (int32_t)mx_random_below(&dice, most);
        if (few.bits[numbers[i] / 64] >> numbers[i] % 64 & 1)
            want[count++] = (uint32_t)i;
    }
    assert_int_equal(level->find_few(&few, numbers, n, places), count);
    assert_memory_equal(places, want, count * sizeof *want);
    free(few.bits), free(numbers), free(places), free(want);
}

static void test_levels(void **state)
{
    (void)state;
    const mx_isa sets[] = {MX_ISA_REF, MX_ISA_AVX2, MX_ISA_AVX512};
    const size_t lengths[] = {0, 1, 5, 6, 7, 8, 9, 12, 13, 16, 17, 31, 136};
    for (size_t s = 0; s < 3; s++) {
        const mx_kernels *level = mx_kernels_of(sets[s]);
        if (level == NULL) {
            print_message("  skipped: this machine or this build has no %s\n", mx_isa_name(sets[s]));
            continue;
        }
        for (size_t d = 0; d <= 70; d++) {
            compare_above(level, d);
            for (size_t many = 0; many <= 300; many = many * 3 + 1) {
                compare_few(level, d, many, 50);
                compare_few(level, 20 * d, many, 200000);
            }
        }
        for (size_t d = 8; d <= 136; d += d < 32 ? 8 : 32)
            for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
                compare(level, mx_kernels_of(MX_ISA_REF), d, lengths[l]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_levels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
