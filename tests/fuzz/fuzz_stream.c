/* Sources over any bytes: they end within the limit, and the size of the reads does not matter. */
#include <string.h>

#include "fuzz.h"
#include "io/file.h"
#include "io/stream.h"

#define LIMIT ((uint64_t)1 << 20)

static merx_status read_all(const uint8_t *data, size_t size, size_t step, uint64_t *total, char hex[65])
{
    static unsigned char buffer[1 << 16];
    mx_source *source;
    merx_error err = {0};
    merx_status status = mx_source_memory(data, size, "fuzz", NULL, LIMIT, &source, &err);
    mx_sha256 sha;
    mx_sha256_init(&sha);
    *total = 0;
    fuzz_require(status == MERX_OK);
    for (;;) {
        size_t got;
        status = mx_source_read(source, buffer, step, &got, &err);
        fuzz_require(got <= step && (status == MERX_OK || (got == 0 && err.message[0])));
        fuzz_require(mx_source_consumed(source) <= size);
        if (got == 0)
            break;
        mx_sha256_update(&sha, buffer, got);
        *total += got;
        fuzz_require(*total <= LIMIT);
    }
    mx_sha256_hex_so_far(&sha, hex);
    mx_source_close(source);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char a[65], b[65];
    uint64_t n, m;
    if (size < 1)
        return 0;
    merx_status status = read_all(data + 1, size - 1, 1 << 16, &n, a);
    merx_status again = read_all(data + 1, size - 1, (size_t)data[0] * 16 + 1, &m, b);
    fuzz_require((status == MERX_OK) == (again == MERX_OK));
    fuzz_require(status != MERX_OK || (n == m && strcmp(a, b) == 0));
    return 0;
}
