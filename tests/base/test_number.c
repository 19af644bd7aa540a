/*
 * Numbers from and to text, against strtod and 128-bit arithmetic.
 */
#include <locale.h>

#include "base/random.h"
#include "base/str.h"
#include "support/check.h"

static void test_int64(void **state)
{
    (void)state;
    int64_t value = 0;
    static const char *const bad[] = {
        "", "-", "+", "1.0", " 1", "1 ", "0x1", "9223372036854775808", "-9223372036854775809", "1e3", "--1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (mx_parse_int64(mx_str_of(bad[i]), &value))
            check_die(__FILE__, __LINE__, "\"%s\" was read as %lld", bad[i], (long long)value);
    assert_true(mx_parse_int64(MX_STR("9223372036854775807"), &value) && value == INT64_MAX);
    assert_true(mx_parse_int64(MX_STR("-9223372036854775808"), &value) && value == INT64_MIN);
    assert_true(mx_parse_int64(MX_STR("+0042"), &value) && value == 42);
    assert_true(mx_parse_int64(MX_STR("-0"), &value) && value == 0);
}

static void check_double(const char *text)
{
    double got = 0;
    double want = strtod(text, NULL);
    if (!mx_parse_double(mx_str_of(text), &got))
        check_die(__FILE__, __LINE__, "\"%s\" was not read", text);
    if (memcmp(&got, &want, sizeof got) != 0)
        check_die(__FILE__, __LINE__, "\"%s\" was read as %a, not %a", text, got, want);
}

static void test_double_cases(void **state)
{
    (void)state;
    static const char *const good[] = {"0",
                                       "-0",
                                       "1",
                                       "-1.5",
                                       ".5",
                                       "5.",
                                       "0.1",
                                       "1e22",
                                       "1e23",
                                       "9007199254740993",
                                       "9007199254740992.5",
                                       "2.2250738585072011e-308",
                                       "4.9406564584124654e-324",
                                       "2.4703282292062327e-324",
                                       "2.4703282292062328e-324",
                                       "1.7976931348623157e308",
                                       "1.7976931348623159e308",
                                       "1e400",
                                       "1e-400",
                                       "0e999999999999",
                                       "123456789012345678901234567890",
                                       "0.000000000000000000000000000000000000000000000000001",
                                       "1E5",
                                       "1e+5",
                                       "6929495644600919.5",
                                       "8.41e21",
                                       "3.14159265358979323846",
                                       "1e1000000000000000000000",
                                       "1e-1000000000000000000000",
                                       "12345678901234567890e-20",
                                       "00000000000000000000000000001.5"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        check_double(good[i]);
    static const char *const bad[] = {"",   "-",  ".",   "+.",   "e5",      "1e", "1e+", "1.2.3", "0x10",
                                      " 1", "1 ", "1,5", "nano", "infinit", "1f", "--1", "1e5.5"};
    double value = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (mx_parse_double(mx_str_of(bad[i]), &value))
            check_die(__FILE__, __LINE__, "\"%s\" was read as %g", bad[i], value);
    assert_true(mx_parse_double(MX_STR("NaN"), &value) && isnan(value));
    assert_true(mx_parse_double(MX_STR("-Infinity"), &value) && isinf(value) && value < 0);
    assert_true(mx_parse_double(MX_STR("iNF"), &value) && isinf(value) && value > 0);
}

/* A halfway point between doubles decided by its 1500th digit. */
static void test_double_long(void **state)
{
    (void)state;
    enum { SIZE = 1500 };
    char text[SIZE + 2];
    snprintf(text, sizeof text, "9007199254740993.");
    size_t start = strlen(text);
    memset(text + start, '0', SIZE - start);
    text[SIZE] = '\0';
    check_double(text);
    double even = 0;
    assert_true(mx_parse_double(mx_str_of(text), &even));
    text[SIZE - 1] = '1';
    check_double(text);
    double up = 0;
    assert_true(mx_parse_double(mx_str_of(text), &up));
    check_same_double(even, 9007199254740992.0);
    check_same_double(up, 9007199254740994.0);
    memset(text, '7', SIZE);
    check_double(text);
}

static void test_double_random(void **state)
{
    (void)state;
    mx_random random;
    mx_random_init(&random, 1, 0);
    for (int i = 0; i < 200000; i++) {
        char text[64];
        if (i % 2 == 0) {
            uint64_t bits = mx_random_u64(&random);
            double value = 0;
            memcpy(&value, &bits, sizeof value);
            if (!isfinite(value))
                continue;
            snprintf(text, sizeof text, "%.*g", (int)(1 + mx_random_below(&random, 20)), value);
        } else {
            snprintf(text, sizeof text, "%s%llu.%0*llue%d", i % 3 == 0 ? "-" : "",
                     (unsigned long long)(mx_random_u64(&random) >> mx_random_below(&random, 64)),
                     (int)(1 + mx_random_below(&random, 6)), (unsigned long long)mx_random_below(&random, 10),
                     (int)mx_random_below(&random, 60) - 30);
        }
        check_double(text);
    }
}

static void check_format(double value, const char *want)
{
    char text[32];
    size_t length = mx_format_double(value, text);
    assert_string_equal(text, want);
    assert_int_equal(length, strlen(want));
}

static void test_format_double(void **state)
{
    (void)state;
    check_format(0.1, "0.1");
    check_format(0, "0");
    check_format(-0.0, "-0");
    check_format(1e300, "1e+300");
    check_format(5e-324, "5e-324");
    check_format(123456789, "123456789");
    check_format(1e15, "1e+15");
    check_format(999999999999999, "999999999999999");
    check_format(-2.5, "-2.5");
    check_format(1.0 / 3, "0.3333333333333333");
    check_format(0.1 + 0.2, "0.30000000000000004");
    check_format((double)NAN, "nan");
    check_format(-(double)INFINITY, "-inf");
    mx_random random;
    mx_random_init(&random, 2, 0);
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = mx_random_u64(&random);
        double value = 0;
        double back = 0;
        char text[32];
        memcpy(&value, &bits, sizeof value);
        if (i % 4 == 0)
            value = (double)mx_random_below(&random, 1000000) / 1000;
        if (isnan(value))
            continue;
        size_t length = mx_format_double(value, text);
        assert_true(mx_parse_double((mx_str){text, length}, &back));
        check_same_double(back, value);
    }
}

/* The first of 15, 16 and 17 digits of printf that reads back. */
static void check_as_printed(double value)
{
    char text[32], want[32];
    for (int digits = fabs(value) < 0x1p-1022 ? 1 : 15; digits <= 17; digits++) {
        snprintf(want, sizeof want, "%.*g", digits, value);
        if (strtod(want, NULL) == value)
            break;
    }
    if (fabs(value) < 1e15 && value == trunc(value) && !(value == 0 && signbit(value)))
        snprintf(want, sizeof want, "%lld", (long long)value);
    size_t length = mx_format_double(value, text);
    assert_int_equal(length, strlen(text));
    if (strcmp(text, want) != 0)
        fail_msg("%a is written %s, expected %s", value, text, want);
}

static void test_format_as_printed(void **state)
{
    (void)state;
    mx_random random;
    mx_random_init(&random, 3, 0);
    for (int i = 0; i < 400000; i++) {
        uint64_t bits = mx_random_u64(&random);
        double value = 0;
        switch (i % 8) {
        case 0: /* any bits */
            memcpy(&value, &bits, sizeof value);
            break;
        case 1: /* few digits, and their neighbours */
            value = (double)(bits >> 44) * pow(10, (double)(bits % 41) - 20);
            break;
        case 2:
            value = nextafter((double)(bits >> 50) * pow(10, (double)(bits % 31) - 15), bits & 64 ? -1e300 : 1e300);
            break;
        case 3: /* few bits: halves, quarters, and what is halfway between decimals */
            value = ldexp((double)(bits >> (12 + bits % 50)), (int)(bits >> 8 & 127) - 64);
            break;
        case 4: /* powers of two and of ten, and their neighbours */
            value = bits & 1 ? ldexp(1, (int)(bits >> 8 & 2047) - 1023) : pow(10, (double)(bits >> 8 & 511) - 256);
            for (uint64_t step = bits >> 32 & 3; step > 0; step--)
                value = nextafter(value, bits & 2 ? 1e308 : 0);
            break;
        case 5: /* around the ends of the notations */
            value = (1 + (double)(bits >> 12) * 0x1p-52) * (bits & 1 ? 1e-5 : 1e15);
            break;
        default: /* scores */
            value = mx_random_normal(&random) * 0.01;
            break;
        }
        if (isfinite(value))
            check_as_printed(i & 512 ? -value : value);
    }
}

static void test_locale(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8"};
    bool found = false;
    for (size_t i = 0; i < sizeof names / sizeof *names && !found; i++)
        found = setlocale(LC_ALL, names[i]) != NULL;
    if (!found)
        print_message("no locale with a decimal comma here: only the C locale was tried\n");
    double value = 0;
    assert_true(mx_parse_double(MX_STR("1234567890123456789012.5"), &value));
    check_same_double(value, 1234567890123456789012.5);
    assert_false(mx_parse_double(MX_STR("1,5"), &value));
    check_format(2.5, "2.5");
    setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_int64),         cmocka_unit_test(test_double_cases),
        cmocka_unit_test(test_double_long),   cmocka_unit_test(test_double_random),
        cmocka_unit_test(test_format_double), cmocka_unit_test(test_format_as_printed),
        cmocka_unit_test(test_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
