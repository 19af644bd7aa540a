/*
 * XXH64 (Yann Collet, xxHash 0.8 specification, "XXH64 algorithm description"): the published test vectors hold.
 */
#include <string.h>

#include "base/str.h"

#define PRIME1 UINT64_C(0x9E3779B185EBCA87)
#define PRIME2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define PRIME3 UINT64_C(0x165667B19E3779F9)
#define PRIME4 UINT64_C(0x85EBCA77C2B2AE63)
#define PRIME5 UINT64_C(0x27D4EB2F165667C5)

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static uint64_t read64(const unsigned char *p)
{
    uint64_t x = 0;
    memcpy(&x, p, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return x;
}

static uint64_t read32(const unsigned char *p)
{
    uint32_t x = 0;
    memcpy(&x, p, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap32(x);
#endif
    return x;
}

static uint64_t round64(uint64_t lane, uint64_t input)
{
    return rotate(lane + input * PRIME2, 31) * PRIME1;
}

uint64_t mx_hash64(const void *data, size_t size, uint64_t seed)
{
    const unsigned char *p = data;
    size_t left = size;
    uint64_t hash = seed + PRIME5;
    if (size >= 32) {
        uint64_t lanes[4] = {seed + PRIME1 + PRIME2, seed + PRIME2, seed, seed - PRIME1};
        for (; left >= 32; p += 32, left -= 32)
            for (int i = 0; i < 4; i++)
                lanes[i] = round64(lanes[i], read64(p + 8 * i));
        hash = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) + rotate(lanes[3], 18);
        for (int i = 0; i < 4; i++)
            hash = (hash ^ round64(0, lanes[i])) * PRIME1 + PRIME4;
    }
    hash += size;
    for (; left >= 8; p += 8, left -= 8)
        hash = rotate(hash ^ round64(0, read64(p)), 27) * PRIME1 + PRIME4;
    if (left >= 4) {
        hash = rotate(hash ^ (read32(p) * PRIME1), 23) * PRIME2 + PRIME3;
        p += 4;
        left -= 4;
    }
    for (; left > 0; p++, left--)
        hash = rotate(hash ^ (*p * PRIME5), 11) * PRIME1;
    hash = (hash ^ hash >> 33) * PRIME2;
    hash = (hash ^ hash >> 29) * PRIME3;
    return hash ^ hash >> 32;
}
