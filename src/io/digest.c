/*
 * Digests and random bytes, from libsodium (see file.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/file.h"

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(mx_sha256), "mx_sha256 is too small");
_Static_assert(_Alignof(crypto_hash_sha256_state) <= _Alignof(mx_sha256), "mx_sha256 is not aligned enough");

static void digest_hex(const unsigned char *digest, char hex[65])
{
    (void)sodium_bin2hex(hex, 65, digest, crypto_hash_sha256_BYTES);
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
    memcpy(&inner, state, sizeof inner);
    (void)crypto_hash_sha256_update(&inner, data, size);
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
