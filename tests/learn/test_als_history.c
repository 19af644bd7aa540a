/*
 * A user solved among his own items is the user of the fold-in, and so are the terms of his scores; a gram that has no root leaves it to the fold-in.
 */
#include "base/random.h"
#include "learn/factor/als_history.h"
#include "support/check.h"

enum { ITEMS = 300, MOST = 96, TARGETS = 5 };

static float y[ITEMS * MOST];
static double gram[MOST * MOST], users[2][MOST], scratch[1 << 16];

static mx_als model_of(size_t f, double l2, double alpha, double scale)
{
    mx_random random;
    mx_random_init(&random, 11, f);
    for (size_t i = 0; i < ITEMS * f; i++)
        y[i] = (float)(scale * mx_random_normal(&random));
    for (size_t j = 0; j < f; j++)
        for (size_t k = 0; k < f; k++) {
            gram[j * f + k] = 0;
            for (size_t i = 0; i < ITEMS; i++)
                gram[j * f + k] += (double)y[i * f + j] * (double)y[i * f + k];
        }
    return (mx_als){.items = ITEMS,
                    .factors = (int)f,
                    .l2 = l2,
                    .alpha = alpha,
                    .item_factors = y,
                    .item_gram = gram,
                    .alloc = mx_allocator_or_default(NULL)};
}

static void compare(const mx_als *model, size_t m)
{
    merx_error err = {0};
    size_t f = (size_t)model->factors;
    mx_als_solved solved;
    check_ok(mx_als_solved_init(model, NULL, &solved, &err), err);
    assert_non_null(solved.rows);
    int32_t items[MOST], targets[TARGETS];
    for (size_t j = 0; j < m; j++)
        items[j] = (int32_t)((j * 37 + 5) % ITEMS);
    for (size_t t = 0; t < TARGETS; t++) /* one of them bought already */
        targets[t] = t ? (int32_t)((t * 101 + 2) % ITEMS) : items[m - 1];
    assert_true(mx_als_history_scratch(&solved, m, TARGETS) <= sizeof scratch / sizeof *scratch);
    check_ok(mx_als_fold_in(model, items, NULL, m, users[0], &err), err);
    assert_true(mx_als_history_user(model, &solved, items, m, scratch, users[1]));
    double largest = 0;
    for (size_t k = 0; k < f; k++)
        largest = fmax(largest, fabs(users[0][k]));
    for (size_t k = 0; k < f; k++)
        check_close(users[1][k], users[0][k], 1e-9 * largest);
    double parts[2][TARGETS * MOST], scores[TARGETS], own[2][MOST], spread[MOST],
        *of_items = malloc(m * m * sizeof *of_items);
    check_ok(mx_als_explain_many(model, items, NULL, m, targets, TARGETS, parts[0], scores, &err), err);
    check_ok(mx_als_explain_many(model, items, NULL, m, items, m, of_items, own[0], &err), err);
    assert_true(mx_als_history_explain(model, &solved, items, m, targets, TARGETS, scratch, parts[1], own[1], spread));
    for (size_t t = 0; t < TARGETS; t++) {
        double sum = 0;
        for (size_t j = 0; j < m; j++) {
            check_close(parts[1][t * m + j], parts[0][t * m + j], 1e-9);
            sum += parts[1][t * m + j];
        }
        check_close(sum, scores[t], 1e-9);
    }
    for (size_t j = 0; j < m; j++) {
        check_close(own[1][j], own[0][j], 1e-9);
        check_close(spread[j], of_items[j * m + j] / (1 + model->alpha), 1e-9);
    }
    free(of_items);
    mx_als_solved_release(&solved);
}

static void test_same(void **state)
{
    (void)state;
    const size_t factors[] = {1, 2, 7, 16, 33, 64, 96}, lengths[] = {1, 2, 3, 8, 17, 40};
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++)
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
            mx_als model = model_of(factors[i], l % 2 ? 20 : 0.01, l % 3 ? 1 : 40, i % 2 ? 0.05 : 2);
            compare(&model, lengths[l]);
        }
}

static void test_no_root(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_als model = model_of(8, 0, 1, 1);
    mx_als_solved solved;
    memset(gram, 0, sizeof gram);
    check_ok(mx_als_solved_init(&model, NULL, &solved, &err), err);
    assert_null(solved.rows);
    assert_false(mx_als_solved_takes(&solved, 1));
    mx_als_solved_release(&solved);
    model = model_of(8, 1, 1, 1);
    check_ok(mx_als_solved_init(&model, NULL, &solved, &err), err);
    assert_false(mx_als_solved_takes(&solved, 0));
    assert_true(mx_als_solved_takes(&solved, 1));
    assert_false(mx_als_solved_takes(&solved, 9));
    mx_als_solved_release(&solved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same), cmocka_unit_test(test_no_root)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
