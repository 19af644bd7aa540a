/*
 * Digests and random bytes, from libsodium (see file.h); whole blocks of SHA-256 by the CPU's own instructions where it has them.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/system.h"
#include "io/file.h"
#include "io/sha256_blocks.h"

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(mx_sha256), "mx_sha256 is too small");
_Static_assert(_Alignof(crypto_hash_sha256_state) <= _Alignof(mx_sha256), "mx_sha256 is not aligned enough");

static void digest_hex(const unsigned char *digest, char hex[65])
{
    (void)sodium_bin2hex(hex, 65, digest, crypto_hash_sha256_BYTES);
}

/* As the other kernels, not under MERX_MAX_ISA=ref. */
static bool blocks_usable(void)
{
    static atomic_int known; /* 0: not asked; threads that ask at once get the same */
    int usable = atomic_load_explicit(&known, memory_order_relaxed);
    if (usable == 0) {
        usable = mx_isa_usable(MX_ISA_AVX2) && mx_sha256_blocks_usable() ? 2 : 1;
        atomic_store_explicit(&known, usable, memory_order_relaxed);
    }
    return usable == 2;
}

void mx_sha256_init(mx_sha256 *state)
{
    crypto_hash_sha256_state inner;
    (void)crypto_hash_sha256_init(&inner);
    memcpy(state, &inner, sizeof inner);
}

void mx_sha256_update(mx_sha256 *state, const void *data, size_t size)
{
    if (size == 0)
        return;
    crypto_hash_sha256_state inner;
    const unsigned char *at = data;
    memcpy(&inner, state, sizeof inner);
    if (blocks_usable() && size >= 64) {
        size_t begun = (size_t)(inner.count >> 3) % 64; /* count: bits */
        size_t lead = begun > 0 ? 64 - begun : 0;
        if (lead > 0)
            (void)crypto_hash_sha256_update(&inner, at, lead);
        size_t blocks = (size - lead) / 64;
        mx_sha256_blocks(inner.state, at + lead, blocks);
        inner.count += (uint64_t)blocks * 512;
        at += lead + blocks * 64;
        size -= lead + blocks * 64;
    }
    if (size > 0)
        (void)crypto_hash_sha256_update(&inner, at, size);
    memcpy(state, &inner, sizeof inner);
}

void mx_sha256_hex_so_far(const mx_sha256 *state, char hex[65])
{
    crypto_hash_sha256_state inner;
    unsigned char digest[crypto_hash_sha256_BYTES];
    memcpy(&inner, state, sizeof inner);
    (void)crypto_hash_sha256_final(&inner, digest);
    digest_hex(digest, hex);
}

void mx_sha256_hex(const void *data, size_t size, char hex[65])
{
    mx_sha256 state;
    mx_sha256_init(&state);
    mx_sha256_update(&state, data, size);
    mx_sha256_hex_so_far(&state, hex);
}

merx_status mx_sha256_file(const char *path, char hex[65], merx_error *err)
{
    unsigned char block[1 << 16];
    mx_sha256 state;
    hex[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return mx_error_errno(err, errno, path, "open");
    mx_sha256_init(&state);
    merx_status status = MERX_OK;
    for (;;) {
        ssize_t got = read(fd, block, sizeof block);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            MX_TRY_GOTO(mx_error_errno(err, errno, path, "read"));
        if (got == 0)
            break;
        mx_sha256_update(&state, block, (size_t)got);
    }
    mx_sha256_hex_so_far(&state, hex);
out:
    (void)close(fd);
    return status;
}

void mx_hash128(const void *data, size_t size, unsigned char out[16])
{
    static const unsigned char key[] = "merx identifiers";
    (void)crypto_generichash(out, 16, data, size, key, sizeof key - 1);
}

void mx_random_bytes(void *out, size_t size)
{
    if (sodium_init() < 0) /* once in effect; any thread. Only a system without any source of randomness fails. */
        abort();
    randombytes_buf(out, size);
}
