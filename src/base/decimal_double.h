/*
 * A decimal number w 10^q as the nearest double, ties to even. Floor 0; inline for the inner loops that read tables.
 *
 * Where w and 10^|q| are exact doubles one multiplication or division is correctly rounded (Clinger 1990). Else the 128 leading bits of 5^q decide in
 * nearly all cases (Lemire 2021, "Number Parsing at a Gigabyte per Second", algorithm 1; Mushtak & Lemire 2023).
 */
#ifndef MX_BASE_DECIMAL_DOUBLE_H
#define MX_BASE_DECIMAL_DOUBLE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define MX_FIVE_MIN (-342)
#define MX_FIVE_MAX 308
extern const uint64_t mx_powers_of_five[MX_FIVE_MAX - MX_FIVE_MIN + 1][2];
extern const double mx_powers_of_ten[23]; /* 10^0 … 10^22, all exact */

__extension__ typedef unsigned __int128 mx_uint128;

/* w > 0. False: undecided, and the caller has to take the long way. */
static inline bool mx_decimal_rounded(uint64_t w, int64_t q, double *out)
{
    *out = 0;
    if (q < MX_FIVE_MIN)
        return true;
    uint64_t bits = UINT64_C(0x7FF) << 52;
    if (q > MX_FIVE_MAX) {
        memcpy(out, &bits, sizeof bits);
        return true;
    }
    int zeros = __builtin_clzll(w);
    w <<= zeros;
    const uint64_t *five = mx_powers_of_five[q - MX_FIVE_MIN];
    mx_uint128 product = (mx_uint128)w * five[0];
    uint64_t high = (uint64_t)(product >> 64), low = (uint64_t)product;
    if ((high & 0x1FF) == 0x1FF) { /* the next bits may carry into those that matter */
        uint64_t more = (uint64_t)((mx_uint128)w * five[1] >> 64);
        low += more;
        high += low < more;
    }
    if (low == UINT64_MAX && (q < -27 || q > 55))
        return false;
    int upper = (int)(high >> 63);
    uint64_t mantissa = high >> (upper + 9);
    int64_t power = (((152170 + 65536) * q) >> 16) + 63 + upper - zeros + 1023;
    if (power <= 0) { /* subnormal, or zero */
        if (power <= -63)
            return true;
        mantissa >>= 1 - power;
        mantissa += mantissa & 1;
        mantissa >>= 1;
        memcpy(out, &mantissa, sizeof mantissa); /* 2^52 is the least normal number: its exponent bit is in place */
        return true;
    }
    if (low <= 1 && q >= -4 && q <= 23 && (mantissa & 3) == 1 && mantissa << (upper + 9) == high)
        mantissa &= ~UINT64_C(1); /* exactly halfway: to even */
    mantissa += mantissa & 1;
    mantissa >>= 1;
    if (mantissa >= UINT64_C(1) << 53) {
        mantissa = UINT64_C(1) << 52;
        power++;
    }
    if (power < 0x7FF)
        bits = (mantissa & ~(UINT64_C(1) << 52)) | (uint64_t)power << 52;
    memcpy(out, &bits, sizeof bits);
    return true;
}

static inline bool mx_decimal_double(uint64_t w, int64_t q, double *out)
{
    if (w <= UINT64_C(1) << 53 && q >= -22 && q <= 22) {
        *out = q < 0 ? (double)w / mx_powers_of_ten[-q] : (double)w * mx_powers_of_ten[q];
        return true;
    }
    if (w == 0) {
        *out = 0;
        return true;
    }
    return mx_decimal_rounded(w, q, out);
}

#endif
