/*
 * Radix sort, least significant digit first (see sort.h).
 */
#include "base/sort.h"

mx_keyed *mx_sort_keyed(mx_keyed *keys, mx_keyed *spare, size_t n)
{
    enum { DIGIT = 11, DIGITS = 1 << DIGIT };
    for (int shift = 0; shift < 64; shift += DIGIT) {
        size_t starts[DIGITS] = {0};
        for (size_t i = 0; i < n; i++)
            starts[keys[i].key >> shift & (DIGITS - 1)]++;
        if (n == 0 || starts[keys[0].key >> shift & (DIGITS - 1)] == n)
            continue;
        size_t sum = 0;
        for (size_t d = 0; d < DIGITS; d++) {
            size_t here = starts[d];
            starts[d] = sum;
            sum += here;
        }
        for (size_t i = 0; i < n; i++)
            spare[starts[keys[i].key >> shift & (DIGITS - 1)]++] = keys[i];
        mx_keyed *swap = keys;
        keys = spare;
        spare = swap;
    }
    return keys;
}
