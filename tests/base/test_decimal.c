/*
 * Decimal money: exact cases, and random ones against 128-bit arithmetic.
 */
#include "base/random.h"
#include "base/str.h"
#include "support/check.h"

static void check_decimal(const char *text, int64_t want, int want_decimals)
{
    int64_t value = 99;
    int decimals = 99;
    if (!mx_parse_decimal(mx_str_of(text), &value, &decimals))
        check_die(__FILE__, __LINE__, "\"%s\" was not read", text);
    if (value != want || decimals != want_decimals)
        check_die(__FILE__, __LINE__, "\"%s\" is %lld with %d decimals, not %lld with %d", text, (long long)value,
                  decimals, (long long)want, want_decimals);
}

static void test_parse(void **state)
{
    (void)state;
    check_decimal("12.50", 1250, 2);
    check_decimal("12.5", 125, 1);
    check_decimal("12", 12, 0);
    check_decimal("120", 120, 0);
    check_decimal("12.00", 1200, 2);
    check_decimal("12.000000", 1200, 2);
    check_decimal("12.500", 1250, 2);
    check_decimal("12.345", 12345, 3);
    check_decimal("12.345000000000000000", 12345, 3);
    check_decimal("-0.001", -1, 3);
    check_decimal("+.5", 5, 1);
    check_decimal("5.", 5, 0);
    check_decimal("0", 0, 0);
    check_decimal("-0.00", 0, 2);
    check_decimal("0.000000000000000", 0, 2);
    check_decimal("0.000000001", 1, 9);
    check_decimal("000000000000000000000000001.5", 15, 1);
    check_decimal("9223372036854775807", INT64_MAX, 0);
    check_decimal("-9223372036854775808", INT64_MIN, 0);
    check_decimal("92233720368547758.07", INT64_MAX, 2);
    check_decimal("1.5e3", 1500, 0);
    check_decimal("1e-3", 1, 3);
    check_decimal("0.1E+1", 1, 0);
    check_decimal("1.25e1", 125, 1);
    check_decimal("0e99", 0, 0);
    check_decimal("1000000e-6", 100, 2);
    static const char *const bad[] = {"",
                                      "-",
                                      ".",
                                      "1.2.3",
                                      "1,5",
                                      " 1",
                                      "1 ",
                                      "abc",
                                      "1e",
                                      "1e+",
                                      "1ex",
                                      "$5",
                                      "0.0000000001",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999",
                                      "1e19",
                                      "1e-10",
                                      "9223372036854775807.5",
                                      "1e99999999999",
                                      "1e-99999999999",
                                      "nan",
                                      "inf",
                                      "0x5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t value = 0;
        int decimals = 0;
        if (mx_parse_decimal(mx_str_of(bad[i]), &value, &decimals))
            check_die(__FILE__, __LINE__, "\"%s\" was read as %lld with %d", bad[i], (long long)value, decimals);
    }
}

static void test_rescale(void **state)
{
    (void)state;
    int64_t out = 1;
    assert_true(mx_rescale_decimal(1250, 2, 3, &out) && out == 12500);
    assert_true(mx_rescale_decimal(-1250, 2, 1, &out) && out == -125);
    assert_false(mx_rescale_decimal(1250, 2, 0, &out));
    assert_int_equal(out, 0);
    assert_true(mx_rescale_decimal(7, 2, 2, &out) && out == 7);
    assert_true(mx_rescale_decimal(0, 0, 9, &out) && out == 0);
    assert_true(mx_rescale_decimal(INT64_MIN, 0, 0, &out) && out == INT64_MIN);
    assert_false(mx_rescale_decimal(INT64_MAX, 0, 1, &out));
    assert_false(mx_rescale_decimal(INT64_MIN, 0, 1, &out));
    assert_true(mx_rescale_decimal(9, 0, 18, &out) && out == INT64_C(9000000000000000000));
    assert_false(mx_rescale_decimal(10, 0, 18, &out));
}

static void test_format(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        int decimals;
        const char *text;
    } known[] = {{INT64_C(9747747934), 3, "9747747.934"},
                 {5, 2, "0.05"},
                 {-5, 2, "-0.05"},
                 {0, 2, "0.00"},
                 {12, 0, "12"},
                 {INT64_MIN, 3, "-9223372036854775.808"},
                 {INT64_MAX, 9, "9223372036.854775807"},
                 {-1, 0, "-1"}};
    char text[64];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_int_equal(mx_format_decimal(known[i].value, known[i].decimals, text, sizeof text),
                         strlen(known[i].text));
        assert_string_equal(text, known[i].text);
    }
    memset(text, 'x', sizeof text);
    assert_int_equal(mx_format_decimal(123456, 2, text, 4), 7);
    assert_memory_equal(text, "123\0x", 5);
    assert_int_equal(mx_format_decimal(123456, 2, NULL, 0), 7);
}

static void test_round_trip(void **state)
{
    (void)state;
    mx_random random;
    mx_random_init(&random, 31, 0);
    for (int i = 0; i < 100000; i++) {
        int decimals = (int)mx_random_below(&random, 10);
        int64_t value = (int64_t)(mx_random_u64(&random) >> mx_random_below(&random, 64));
        if (i % 2 == 0)
            value = (int64_t)(0 - (uint64_t)value);
        char text[64];
        size_t length = mx_format_decimal(value, decimals, text, sizeof text);
        int64_t back = 0;
        int back_decimals = 0;
        assert_true(mx_parse_decimal((mx_str){text, length}, &back, &back_decimals));
        assert_true(back_decimals <= decimals);
        assert_true(back_decimals >= (decimals < 2 ? decimals : 2));
        int64_t again = 0;
        assert_true(mx_rescale_decimal(back, back_decimals, decimals, &again));
        assert_true(again == value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse), cmocka_unit_test(test_rescale),
                                       cmocka_unit_test(test_format), cmocka_unit_test(test_round_trip)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
