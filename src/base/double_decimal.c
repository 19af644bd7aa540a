/*
 * A double as a decimal number: the first of 15, 16 and 17 significant digits that read back the same, each correctly rounded; as printf("%.*g") has them.
 *
 * v = m 2^e, m of 53 bits, is scaled by the power of ten that makes it a number x of 17 digits before the point, out of m times the 128 leading bits of 5^q (decimal_double.h);
 * 64 bits after the point are kept. A decimal with digits dropped reads back as v where it is nearer than half a place of v, which is the same 128 bits shifted, at most 11.2. What is
 * within ERROR units of the last bit of turning a comparison is left undecided: ties, and numbers within 2^-60 or so of one. (Compare Loitsch 2010, "Printing floating-point
 * numbers quickly and accurately with integers": Grisu3.)
 */
#include "base/double_decimal.h"

#include "base/decimal_double.h"

/* ERROR: the product is cut, and so is the table (the reciprocals in it are rounded up): each less than one unit. */
enum { DIGITS = 17, ERROR = 4 };

typedef struct scaled {
    mx_uint128 x;    /* v 10^q, 64 bits after the point */
    mx_uint128 half; /* half a place of v, in the same units */
    int exponent10;  /* v is 10^exponent10 times a number in [1, 10) */
} scaled;

static const uint64_t ten_to_17 = UINT64_C(100000000000000000);

/* False: there is no power of five for it. */
static bool scale(uint64_t m, int e, scaled *out)
{
    /* floor(log10 2^(e + 52)): v is that or one more digit longer. */
    int power = (int)(((int64_t)(e + 52) * 315653) >> 20);
    for (int more = 1; more >= 0; more--) {
        int q = DIGITS - 1 - power - more;
        if (q < MX_FIVE_MIN || q > MX_FIVE_MAX)
            return false;
        const uint64_t *five = mx_powers_of_five[q - MX_FIVE_MIN];
        uint64_t wide = m << 11;
        mx_uint128 low = (mx_uint128)wide * five[1], x = (mx_uint128)wide * five[0] + (uint64_t)(low >> 64);
        /* 5^q = (five) 2^(floor(log2 5^q) - 127): bits to drop so that 64 stay after the point. */
        int drop = -(64 + e - 11 + (int)(((int64_t)152170 * q) >> 16) - 127 + q) - 64;
        if (drop < 0 || drop > 26)
            return false;
        x >>= drop;
        uint64_t whole = (uint64_t)(x >> 64);
        if (whole < ten_to_17 / 10 && more)
            continue;
        *out =
            (scaled){.x = x, .half = ((mx_uint128)five[0] << 64 | five[1]) >> (54 + drop), .exponent10 = power + more};
        return whole >= ten_to_17 / 10 && whole < ten_to_17;
    }
    return false;
}

typedef enum verdict { NO, YES, UNDECIDED } verdict;

/* x rounded to a multiple of `unit`: how often, and whether that reads back. Inline: a division by a constant is a product. */
static inline __attribute__((always_inline)) verdict rounded(const scaled *s, uint64_t unit, bool lopsided,
                                                             uint64_t *times)
{
    enum { HALF_MOST = 12 };
    uint64_t whole = (uint64_t)(s->x >> 64), over = whole % unit;
    if (over >= HALF_MOST && over + 1 + HALF_MOST <= unit)
        return NO;
    mx_uint128 rest = (mx_uint128)over << 64 | (uint64_t)s->x, step = (mx_uint128)unit << 64, middle = step >> 1;
    bool up = rest > middle;
    if (rest + ERROR >= middle && rest <= middle + ERROR)
        return UNDECIDED;
    *times = whole / unit + up;
    mx_uint128 distance = up ? step - rest : rest, half = lopsided ? s->half >> 1 : s->half;
    if (distance + ERROR < half)
        return YES;
    return !lopsided && distance > half + ERROR ? NO : UNDECIDED;
}

static const char pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748"
    "49505152535455565758596061626364656667686970717273747576777879808182838485868788899091929394959697"
    "9899";

static char *put_digits(uint32_t value, int count, char *out)
{
    int i = count;
    for (; i >= 2; value /= 100)
        memcpy(out + (i -= 2), pairs + (size_t)2 * (value % 100), 2);
    if (i > 0)
        out[0] = (char)('0' + value % 10);
    return out + count;
}

/* 15 to 17 digits, in two runs that do not wait for each other. */
static void put_long(uint64_t value, int count, char *out)
{
    uint64_t high = value / 100000000;
    put_digits((uint32_t)(value % 100000000), 8, out + count - 8);
    put_digits((uint32_t)high, count - 8, out);
}

/* As %.*g of `precision` writes 0.DIGITS: digits without zeros at the end, count of them. */
static size_t write_general(const char *digits, int count, int exponent10, int precision, char *out)
{
    char *p = out;
    if (exponent10 < -4 || exponent10 >= precision) {
        *p++ = digits[0];
        if (count > 1) {
            *p++ = '.';
            memcpy(p, digits + 1, (size_t)count - 1);
            p += count - 1;
        }
        *p++ = 'e';
        *p++ = exponent10 < 0 ? '-' : '+';
        unsigned size = (unsigned)(exponent10 < 0 ? -exponent10 : exponent10);
        return (size_t)(put_digits(size, size < 100 ? 2 : 3, p) - out);
    }
    if (exponent10 < 0) {
        *p++ = '0';
        *p++ = '.';
        for (int i = -1; i > exponent10; i--)
            *p++ = '0';
        memcpy(p, digits, (size_t)count);
        return (size_t)(p - out) + (size_t)count;
    }
    for (int i = 0; i <= exponent10 || i < count; i++) {
        if (i == exponent10 + 1)
            *p++ = '.';
        *p++ = i < count ? digits[i] : '0';
    }
    return (size_t)(p - out);
}

size_t mx_write_double(double value, char *out)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7FF);
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1), times = 0;
    scaled s;
    if (exponent == 0 || exponent == 0x7FF || !scale(fraction | UINT64_C(1) << 52, exponent - 1023 - 52, &s))
        return 0;
    /* A power of two has neighbours at unequal distances. */
    int precision = 15;
    verdict reads_back = rounded(&s, 100, fraction == 0, &times);
    if (reads_back == NO) {
        precision = 16;
        reads_back = rounded(&s, 10, fraction == 0, &times);
    }
    if (reads_back == NO) {
        precision = 17; /* so many always read back */
        reads_back = rounded(&s, 1, fraction == 0, &times) == UNDECIDED ? UNDECIDED : YES;
    }
    if (reads_back == UNDECIDED)
        return 0;
    char digits[DIGITS + 1];
    if (times == (precision == 15 ? ten_to_17 / 100 : precision == 16 ? ten_to_17 / 10 : ten_to_17)) {
        times /= 10; /* 9.99… became 10 */
        s.exponent10++;
    }
    put_long(times, precision, digits);
    int count = precision;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    size_t sign = bits >> 63;
    if (sign)
        out[0] = '-';
    return sign + write_general(digits, count, s.exponent10, precision, out + sign);
}

size_t mx_write_whole(long long value, char *out)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    for (; size >= 100; size /= 100)
        memcpy(digits + (at -= 2), pairs + 2 * (size % 100), 2);
    if (size >= 10)
        memcpy(digits + (at -= 2), pairs + 2 * size, 2);
    else
        digits[--at] = (char)('0' + size);
    if (value < 0)
        *out++ = '-';
    memcpy(out, digits + at, sizeof digits - at);
    return sizeof digits - at + (value < 0);
}
