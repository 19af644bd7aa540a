/*
 * The radix sort against qsort: keys of few and of many values, rows of one key in their order; the keys of numbers.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "base/sort.h"

enum { MOST = 3000 };

static int compare(const void *a, const void *b)
{
    const mx_keyed *x = a;
    const mx_keyed *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static void test_against_qsort(void **state)
{
    static mx_keyed keys[MOST];
    static mx_keyed spare[MOST];
    static mx_keyed wanted[MOST];
    (void)state;
    for (int bits = 0; bits <= 64; bits += 4)
        for (size_t n = 0; n <= MOST; n = n < 3 ? n + 1 : n * 10) {
            mx_random random;
            mx_random_init(&random, (uint64_t)bits, n);
            for (size_t i = 0; i < n; i++) {
                uint64_t key = mx_random_u64(&random);
                keys[i] = wanted[i] = (mx_keyed){bits == 0 ? 7 : key >> (64 - bits), (uint32_t)i};
            }
            if (n > 1)
                qsort(wanted, n, sizeof *wanted, compare);
            const mx_keyed *sorted = mx_sort_keyed(keys, spare, n);
            assert_true(sorted == keys || sorted == spare);
            for (size_t i = 0; i < n; i++) {
                assert_int_equal(sorted[i].key, wanted[i].key);
                assert_int_equal(sorted[i].row, wanted[i].row);
            }
        }
}

static void test_keys(void **state)
{
    static const double reals[] = {-INFINITY, -1e300, -1, -1e-310, -0.0, 0, 1e-310, 1, 1.5, 1e300, INFINITY};
    static const int64_t wholes[] = {INT64_MIN, -5, -1, 0, 1, 5, INT64_MAX};
    (void)state;
    for (size_t i = 1; i < sizeof reals / sizeof *reals; i++)
        assert_true(mx_key_of_double(reals[i - 1]) < mx_key_of_double(reals[i]));
    for (size_t i = 1; i < sizeof wholes / sizeof *wholes; i++)
        assert_true(mx_key_of_int64(wholes[i - 1]) < mx_key_of_int64(wholes[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_qsort), cmocka_unit_test(test_keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
