/*
 * Inverses by tiles: A A^-1 = I at every number of tiles, the same bits on any number of threads, refusals.
 */
#include "base/random.h"
#include "numeric/tiles.h"
#include "support/check.h"

/* x'x / m + 0.1 I of m = d + 7 random rows: entry (i, j), i <= j. */
static double *positive(size_t d)
{
    size_t m = d + 7;
    double *x = malloc(m * d * sizeof *x), *a = calloc(d * d, sizeof *a);
    mx_random random;
    mx_random_init(&random, 3, d);
    for (size_t e = 0; e < m * d; e++)
        x[e] = mx_random_normal(&random);
    for (size_t r = 0; r < m; r++)
        for (size_t i = 0; i < d; i++)
            for (size_t j = 0; j < d; j++)
                a[i * d + j] += x[r * d + i] * x[r * d + j] / (double)m;
    for (size_t i = 0; i < d; i++)
        a[i * d + i] += 0.1;
    free(x);
    return a;
}

/* The upper triangle into tiles; in tiles on the diagonal what is below it is NaN: nobody may read that. */
static mx_tiles tiles_of(const double *a, size_t d)
{
    merx_error err = {0};
    mx_tiles t;
    check_ok(mx_tiles_init(d, NULL, &t, &err), err);
    for (size_t i = 0; i < d; i++)
        for (size_t j = i / MX_TILE * MX_TILE; j < d; j++)
            mx_tile(&t, i / MX_TILE, j / MX_TILE)[i % MX_TILE * MX_TILE + j % MX_TILE] =
                j >= i ? a[i * d + j] : (double)NAN;
    return t;
}

static void test_inverse(void **state)
{
    (void)state;
    merx_error err = {0};
    const size_t sides[] = {1, 2, 63, 64, 65, 127, 128, 129, 200, 321};
    for (size_t s = 0; s < sizeof sides / sizeof *sides; s++) {
        size_t d = sides[s];
        double *a = positive(d), *inverse = malloc(d * d * sizeof *inverse), *again = malloc(d * sizeof *again);
        mx_tiles t = tiles_of(a, d);
        bool definite = false;
        check_ok(mx_tiles_invert(&t, NULL, &definite, &err), err);
        assert_true(definite);
        for (size_t i = 0; i < d; i++)
            mx_tiles_row(&t, i, inverse + i * d);
        for (size_t i = 0; i < d; i++)
            for (size_t j = 0; j < d; j++) {
                double sum = 0;
                for (size_t k = 0; k < d; k++)
                    sum += a[i * d + k] * inverse[k * d + j];
                check_close(sum, i == j, 1e-11);
            }
        for (int threads = 2; threads <= 8; threads *= 2) {
            merx_task *task;
            check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads}, &task, &err), err);
            mx_tiles other = tiles_of(a, d);
            check_ok(mx_tiles_invert(&other, task, &definite, &err), err);
            for (size_t i = 0; i < d; i++) {
                mx_tiles_row(&other, i, again);
                assert_memory_equal(again, inverse + i * d, d * sizeof *again);
            }
            mx_tiles_release(&other);
            merx_task_free(task);
        }
        mx_tiles_release(&t);
        free(a), free(inverse), free(again);
    }
}

static void test_refused(void **state)
{
    (void)state;
    merx_error err = {0};
    const double bad[] = {-1, 0, (double)NAN, (double)INFINITY};
    for (size_t b = 0; b < 4; b++)
        for (size_t at = 0; at < 130; at += 43) {
            double *a = positive(130);
            a[at * 131] = bad[b];
            mx_tiles t = tiles_of(a, 130);
            bool definite = true;
            check_ok(mx_tiles_invert(&t, NULL, &definite, &err), err);
            assert_false(definite);
            mx_tiles_release(&t);
            free(a);
        }
    mx_tiles t;
    check_fails(mx_tiles_init(SIZE_MAX / 4, NULL, &t, &err), MERX_E_LIMIT, err);
    assert_true(mx_tiles_bytes(SIZE_MAX / 4, 1) == UINT64_MAX);
    assert_true(mx_tiles_bytes(1000, 2) > 16 * 17 / 2 * 32768u && mx_tiles_bytes(1000, 2) < 8000000);
    merx_task *task;
    double *a = positive(200);
    t = tiles_of(a, 200);
    bool definite;
    check_ok(merx_task_new(NULL, &(merx_task_options){.threads = 2}, &task, &err), err);
    merx_task_cancel(task);
    check_fails(mx_tiles_invert(&t, task, &definite, &err), MERX_E_CANCELLED, err);
    merx_task_free(task);
    mx_tiles_release(&t);
    free(a);
}

static merx_status scenario(const merx_allocator *alloc, void *context, merx_error *err)
{
    mx_tiles t;
    merx_task *task = NULL;
    bool definite;
    MX_TRY(merx_task_new(alloc, &(merx_task_options){.threads = 1}, &task, err));
    merx_status status = mx_tiles_init(70, merx_task_allocator(task), &t, err);
    if (status == MERX_OK) {
        for (size_t i = 0; i < 70; i++)
            mx_tile(&t, i / MX_TILE, i / MX_TILE)[i % MX_TILE * (MX_TILE + 1)] = 2;
        status = mx_tiles_invert(&t, task, &definite, err);
    }
    mx_tiles_release(&t);
    merx_task_free(task);
    (void)context;
    return status;
}

static void test_every_allocation(void **state)
{
    (void)state;
    check_every_allocation(scenario, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_inverse), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_every_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
