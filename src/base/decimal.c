/*
 * Decimal money: an int64 and the number of its decimals. Exact, with overflow refused.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum { MOST_DECIMALS = 9, USUAL_DECIMALS = 2 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool mx_rescale_decimal(int64_t value, int from_decimals, int to_decimals, int64_t *out)
{
    *out = 0;
    if (value == 0)
        return true;
    for (; from_decimals < to_decimals; from_decimals++)
        if (__builtin_mul_overflow(value, (int64_t)10, &value))
            return false;
    for (; from_decimals > to_decimals; from_decimals--) {
        if (value % 10 != 0)
            return false;
        value /= 10;
    }
    *out = value;
    return true;
}

bool mx_parse_decimal(mx_str text, int64_t *value, int *decimals)
{
    *value = 0;
    *decimals = 0;
    const char *p = text.data;
    const char *end = p + text.size;
    bool negative = false;
    if (p < end && (*p == '-' || *p == '+'))
        negative = *p++ == '-';
    int64_t sum = 0;   /* the digits up to the last non-zero one, counted down: the negative range is the larger one */
    int64_t zeros = 0; /* zeros after it, not yet in sum */
    int64_t fraction = 0; /* digits after the point, zeros included */
    bool any = false;
    bool seen_point = false;
    bool overflow = false;
    for (; p < end; p++) {
        if (*p == '.' && !seen_point) {
            seen_point = true;
            continue;
        }
        if (!is_digit(*p))
            break;
        any = true;
        fraction += seen_point;
        if (*p == '0') {
            zeros += sum != 0;
            continue;
        }
        for (; zeros > 0 && !overflow; zeros--)
            overflow = __builtin_mul_overflow(sum, (int64_t)10, &sum);
        overflow = overflow || __builtin_mul_overflow(sum, (int64_t)10, &sum) ||
                   __builtin_sub_overflow(sum, (int64_t)(*p - '0'), &sum);
    }
    int64_t exponent = 0;
    if (any && p < end && (*p == 'e' || *p == 'E')) {
        p++;
        bool negative_exponent = false;
        if (p < end && (*p == '-' || *p == '+'))
            negative_exponent = *p++ == '-';
        if (p == end)
            return false;
        for (; p < end && is_digit(*p); p++)
            if (exponent < 1000000)
                exponent = exponent * 10 + (*p - '0');
        if (negative_exponent)
            exponent = -exponent;
    }
    if (!any || p != end || overflow)
        return false;
    int64_t written = fraction - exponent; /* decimals as written */
    int64_t needed = written - zeros;      /* decimals of sum, which ends in a non-zero digit */
    if (sum == 0)
        needed = 0;
    int64_t wanted = written < USUAL_DECIMALS ? written : USUAL_DECIMALS;
    if (needed > wanted)
        wanted = needed;
    if (wanted < 0)
        wanted = 0;
    if (wanted > MOST_DECIMALS || wanted - needed > 18)
        return false;
    for (int64_t i = needed; i < wanted && sum != 0; i++)
        if (__builtin_mul_overflow(sum, (int64_t)10, &sum))
            return false;
    if (!negative && sum == INT64_MIN)
        return false;
    *value = negative ? sum : -sum;
    *decimals = (int)wanted;
    return true;
}

size_t mx_format_decimal(int64_t value, int decimals, char *out, size_t size)
{
    char buffer[64]; /* written from its end */
    size_t at = sizeof buffer;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (decimals > 32)
        decimals = 32;
    for (int i = 0; i < decimals; i++) {
        buffer[--at] = (char)('0' + rest % 10);
        rest /= 10;
    }
    if (decimals > 0)
        buffer[--at] = '.';
    do {
        buffer[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        buffer[--at] = '-';
    size_t length = sizeof buffer - at;
    if (size > 0) {
        size_t copied = length < size ? length : size - 1;
        memcpy(out, buffer + at, copied);
        out[copied] = '\0';
    }
    return length;
}
