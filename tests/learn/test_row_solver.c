/*
 * A row of implicit ALS solved in the shared basis is the row solved exactly, at every length; equations that are too near singular for the basis are noticed.
 */
#include "base/random.h"
#include "learn/factor/row_solver.h"
#include "support/check.h"

enum { N = 1400, MOST = 160 };
static float y[N * MOST], values[N];
static double gram[MOST * MOST], scratch[MOST * MOST + 129 * MOST];
static int32_t items[N];
static uint16_t halves[N * MOST];

/* y (N, f) random, its gram. */
static mx_row_solver solver_of(size_t f, double l2, double alpha)
{
    for (size_t j = 0; j < f; j++)
        for (size_t k = 0; k < f; k++) {
            gram[j * f + k] = 0;
            for (size_t i = 0; i < N; i++)
                gram[j * f + k] += (double)y[i * f + j] * (double)y[i * f + k];
        }
    return (mx_row_solver){.y = y, .stride = f, .f = f, .gram = gram, .l2 = l2, .alpha = alpha};
}

/* The basis of a solver, and its fixed side turned into it. Freed by the caller. */
static float *enter(const mx_row_solver *s, double tolerance, mx_basis *basis)
{
    merx_error err = {0};
    size_t wide = mx_basis_wide(s->f);
    float *v = calloc(N * wide, sizeof *v), *room = malloc(N * wide * sizeof *room);
    for (size_t i = 0; i < N; i++)
        memcpy(v + i * wide, s->y + i * s->f, s->f * sizeof *v);
    check_ok(mx_basis_init(s->f, mx_allocator_or_default(NULL), basis, &err), err);
    assert_true(mx_basis_set(basis, s->gram, s->l2));
    basis->halves = NULL;
    if (mx_basis_takes_halves(tolerance)) {
        mx_basis_enter(basis, v, N, room, halves);
        basis->halves = halves;
    } else {
        mx_basis_enter(basis, v, N, room, NULL);
    }
    free(room);
    basis->v = v;
    basis->alpha = s->alpha;
    basis->tolerance = tolerance;
    return v;
}

static void test_basis(void **state)
{
    (void)state;
    merx_error err = {0};
    const size_t sizes[] = {1, 2, 3, 5, 8, 13, 31, 64, 128, 160};
    const size_t lengths[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 40, 100, 511, 512, 513, 1100};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int loose = 0; loose < 2; loose++) {
            size_t f = sizes[s], wide = mx_basis_wide(f);
            assert_true(mx_row_solver_scratch(f) <= sizeof scratch / sizeof *scratch);
            mx_row_solver solver = solver_of(f, 0.5, 12);
            mx_basis basis;
            float *v = enter(&solver, loose ? 0.05 : 1e-6, &basis), *room = malloc(mx_basis_scratch(f) * sizeof *room);
            float z[MOST], x[MOST];
            for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
                size_t m = lengths[l];
                mx_rated row = {items, m % 3 ? values : NULL, m};
                double want[MOST], distance = 0, size = 0;
                check_ok(mx_row_solve(&solver, row, scratch, want, &err), err);
                check_ok(mx_basis_solve(&basis, row, room, z, &err), err);
                mx_basis_leave(&basis, z, 1, x);
                for (size_t k = 0; k < f; k++) {
                    distance += ((double)x[k] - want[k]) * ((double)x[k] - want[k]);
                    size += want[k] * want[k];
                }
                assert_true(size > 1e-6);
                if (!(sqrt(distance) <= (loose ? 0.3 : 2e-5) * sqrt(size)))
                    check_die(__FILE__, __LINE__, "f %zu, m %zu: off by %g of %g", f, m, sqrt(distance), sqrt(size));
                for (size_t k = f; k < wide; k++)
                    assert_true(z[k] == 0);
            }
            check_ok(mx_basis_solve(&basis, (mx_rated){0}, room, z, &err), err);
            for (size_t k = 0; k < wide; k++)
                assert_true(z[k] == 0);
            float huge[] = {3e38f, 3e38f};
            check_fails(mx_basis_solve(&basis, (mx_rated){items, huge, 2}, room, z, &err), MERX_E_NUMERIC, err);
            free(room);
            free(v);
            mx_basis_release(&basis);
        }
}

static void test_singular(void **state)
{
    (void)state;
    merx_error err = {0};
    double x[8];
    mx_basis basis;
    check_ok(mx_basis_init(8, mx_allocator_or_default(NULL), &basis, &err), err);
    for (size_t i = 0; i < N; i++) /* the last of 8 factors repeats the first */
        y[i * 8 + 7] = y[i * 8];
    mx_row_solver solver = solver_of(8, 0, 1);
    assert_false(mx_basis_set(&basis, gram, 0));
    assert_true(mx_basis_set(&basis, gram, 1));
    memset(y, 0, sizeof y);
    solver = solver_of(8, 0, 1);
    assert_false(mx_basis_set(&basis, gram, 0));
    check_fails(mx_row_solve(&solver, (mx_rated){items, NULL, 2}, scratch, x, &err), MERX_E_NUMERIC, err);
    gram[0] = NAN;
    assert_false(mx_basis_set(&basis, gram, 1));
    mx_basis_release(&basis);
}

int main(void)
{
    mx_random random;
    mx_random_init(&random, 1, 0);
    for (size_t e = 0; e < (size_t)N * MOST; e++)
        y[e] = (float)mx_random_normal(&random);
    for (size_t i = 0; i < N; i++) {
        items[i] = (int32_t)(i * 11 % N);
        values[i] = (float)(0.01 + 3 * mx_random_uniform(&random));
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_basis), cmocka_unit_test(test_singular)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
