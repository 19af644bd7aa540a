/*
 * Sorting by 64-bit keys. Floor 0.
 */
#ifndef MX_BASE_SORT_H
#define MX_BASE_SORT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A key with the row it belongs to. */
typedef struct mx_keyed {
    uint64_t key;
    uint32_t row;
} mx_keyed;

/*
 * Ascending keys; rows of one key keep their order. spare: as many elements. Returns the one of the two arrays that holds the result.
 * Cost: at most six passes over the elements; digits in which all keys agree cost a count only.
 */
mx_keyed *mx_sort_keyed(mx_keyed *keys, mx_keyed *spare, size_t n);

/* Keys whose order is that of the numbers; -0 comes before 0, NaN at an end. */
static inline uint64_t mx_key_of_int64(int64_t value)
{
    return (uint64_t)value ^ (UINT64_C(1) << 63);
}

static inline uint64_t mx_key_of_double(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

#endif
