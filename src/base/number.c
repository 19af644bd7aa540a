/*
 * Numbers to and from text, whatever the locale.
 *
 * Reading a double: the first 19 significant digits and a power of ten, rounded as decimal_double.h says; with more digits than that
 * both neighbours are, and agree nearly always. What stays undecided goes to strtod in the C locale, on a copy of at most 770
 * significant digits: a halfway point between doubles has at most 767, so cutting the rest and marking it with one more non-zero
 * digit does not change the rounding.
 *
 * Writing a double: 15, 16, then 17 digits, the first that reads back the same (double_decimal.h; what it leaves undecided by printf); subnormals try from 1 digit.
 */
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal_double.h"
#include "base/double_decimal.h"
#include "base/str.h"

const double mx_powers_of_ten[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                     1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static locale_t c_locale;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static locale_t get_c_locale(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_c_locale);
    return c_locale;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool mx_parse_int64(mx_str text, int64_t *out)
{
    *out = 0;
    size_t i = 0;
    bool negative = false;
    if (text.size > 0 && (text.data[0] == '-' || text.data[0] == '+')) {
        negative = text.data[0] == '-';
        i = 1;
    }
    if (i == text.size)
        return false;
    int64_t value = 0; /* counted down: the negative range is the larger one */
    for (; i < text.size; i++) {
        if (!is_digit(text.data[i]) || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, text.data[i] - '0', &value))
            return false;
    }
    if (!negative && value == INT64_MIN)
        return false;
    *out = negative ? value : -value;
    return true;
}

static bool parse_special(mx_str text, double *out)
{
    bool negative = false;
    if (text.size > 0 && (text.data[0] == '-' || text.data[0] == '+')) {
        negative = text.data[0] == '-';
        text.data++;
        text.size--;
    }
    double value = 0;
    if (mx_str_equal_nocase(text, MX_STR("nan")))
        value = (double)NAN;
    else if (mx_str_equal_nocase(text, MX_STR("inf")) || mx_str_equal_nocase(text, MX_STR("infinity")))
        value = (double)INFINITY;
    else
        return false;
    *out = negative ? -value : value;
    return true;
}

enum { MOST_DIGITS = 770, EXPONENT_CAP = 100000000 };

/* Digits without the point; the value is 0.digits * 10^exponent10. */
typedef struct digit_run {
    char digits[MOST_DIGITS + 1];
    int count;
    int64_t exponent10;
    bool negative;
} digit_run;

static bool slow_double(const digit_run *run, double *out)
{
    char buffer[MOST_DIGITS + 32];
    int length = snprintf(buffer, sizeof buffer, "%s0.%.*se%lld", run->negative ? "-" : "", run->count, run->digits,
                          (long long)run->exponent10);
    if (length < 0 || (size_t)length >= sizeof buffer)
        return false;
    locale_t locale = get_c_locale();
    if (locale == (locale_t)0)
        return false;
    *out = strtod_l(buffer, NULL, locale);
    return true;
}

/* The long way, for a text known to be a number: all its digits through strtod. */
static bool long_double(mx_str text, double *out)
{
    const char *p = text.data;
    const char *end = p + text.size;
    digit_run run = {.count = 0};
    if (*p == '-' || *p == '+')
        run.negative = *p++ == '-';
    int64_t point = 0; /* digits before the point, from the first significant one; negative for zeros after it */
    bool seen_point = false;
    bool lost = false; /* non-zero digits past MOST_DIGITS */
    for (; p < end && (is_digit(*p) || *p == '.'); p++) {
        if (*p == '.') {
            seen_point = true;
            continue;
        }
        if (run.count == 0 && *p == '0') {
            point -= seen_point;
            continue;
        }
        point += !seen_point;
        if (run.count < MOST_DIGITS)
            run.digits[run.count++] = *p;
        else
            lost = lost || *p != '0';
    }
    int64_t exponent = 0;
    if (p < end) {
        bool negative = *++p == '-';
        for (p += *p == '-' || *p == '+'; p < end; p++)
            if (exponent < EXPONENT_CAP)
                exponent = exponent * 10 + (*p - '0');
        exponent = negative ? -exponent : exponent;
    }
    run.exponent10 = point + exponent;
    if (lost)
        run.digits[MOST_DIGITS - 1] = '1' > run.digits[MOST_DIGITS - 1] ? '1' : run.digits[MOST_DIGITS - 1];
    return slow_double(&run, out);
}

bool mx_parse_double(mx_str text, double *out)
{
    *out = 0;
    const char *p = text.data;
    const char *end = p + text.size;
    bool negative = false;
    if (p < end && (*p == '-' || *p == '+'))
        negative = *p++ == '-';
    uint64_t mantissa = 0; /* of the first 19 significant digits */
    int64_t power = 0;     /* value = mantissa 10^power, but for digits left out */
    int count = 0;         /* of significant digits, up to 20 */
    bool any = false;
    bool seen_point = false;
    for (; p < end; p++) {
        unsigned digit = (unsigned)(unsigned char)*p - '0';
        if (digit > 9) {
            if (*p != '.' || seen_point)
                break;
            seen_point = true;
            continue;
        }
        any = true;
        if (count < 19) {
            mantissa = mantissa * 10 + digit;
            count += mantissa != 0;
            power -= seen_point;
        } else {
            count = 20;
            power += !seen_point;
        }
    }
    if (!any)
        return parse_special(text, out);
    if (p < end && (*p == 'e' || *p == 'E')) {
        int64_t exponent = 0;
        p++;
        bool negative_exponent = false;
        if (p < end && (*p == '-' || *p == '+'))
            negative_exponent = *p++ == '-';
        if (p == end)
            return false;
        for (; p < end && is_digit(*p); p++)
            if (exponent < EXPONENT_CAP)
                exponent = exponent * 10 + (*p - '0');
        power += negative_exponent ? -exponent : exponent;
    }
    if (p != end)
        return false;
    double value = 0;
    if (count < 20) {
        if (!mx_decimal_double(mantissa, power, &value))
            return long_double(text, out);
    } else { /* between the mantissa and the one after: decided where both round alike */
        double next = 0;
        if (!mx_decimal_rounded(mantissa, power, &value) || !mx_decimal_rounded(mantissa + 1, power, &next) ||
            value != next)
            return long_double(text, out);
    }
    *out = negative ? -value : value;
    return true;
}

static bool reads_back(const char *text, double value, locale_t locale)
{
    return strtod_l(text, NULL, locale) == value;
}

/* The long way. */
static size_t print_double(double value, char *out, size_t size)
{
    locale_t locale = get_c_locale();
    locale_t previous = locale != (locale_t)0 ? uselocale(locale) : (locale_t)0;
    int length = 0;
    for (int digits = fabs(value) < 0x1p-1022 ? 1 : 15; digits <= 17; digits++) {
        length = snprintf(out, size, "%.*g", digits, value);
        if (locale != (locale_t)0 && reads_back(out, value, locale))
            break;
    }
    if (previous != (locale_t)0)
        uselocale(previous);
    return (size_t)length;
}

size_t mx_format_int64(int64_t value, char *out)
{
    size_t length = mx_write_whole(value, out);
    out[length] = '\0';
    return length;
}

size_t mx_format_double(double value, char *out)
{
    enum { OUT_SIZE = 32 };
    if (isnan(value))
        return (size_t)snprintf(out, OUT_SIZE, "nan");
    if (isinf(value))
        return (size_t)snprintf(out, OUT_SIZE, value < 0 ? "-inf" : "inf");
    size_t length;
    if (fabs(value) < 1e15 && value == trunc(value) && !(value == 0 && signbit(value)))
        length = mx_write_whole((long long)value, out);
    else
        length = mx_write_double(value, out);
    if (length == 0)
        return print_double(value, out, OUT_SIZE);
    out[length] = '\0';
    return length;
}
