/*
 * zlib's allocations through ours; compression by file name.
 */
#include "io/compress.h"

#include <string.h>

#include "base/str.h"
#include "io/stream.h"

/* zlib frees without a size and ours wants one: it is kept before the block. */
#define PREFIX 64

static void *zlib_alloc(void *context, unsigned count, unsigned size)
{
    const merx_allocator *alloc = context;
    size_t bytes;
    if (!mx_mul_size(count, size, &bytes) || !mx_add_size(bytes, PREFIX, &bytes))
        return NULL;
    unsigned char *block = alloc->alloc(alloc->context, bytes);
    if (!block)
        return NULL;
    memcpy(block, &bytes, sizeof bytes);
    return block + PREFIX;
}

static void zlib_release(void *context, void *block)
{
    const merx_allocator *alloc = context;
    if (!block)
        return;
    unsigned char *whole = (unsigned char *)block - PREFIX;
    size_t bytes;
    memcpy(&bytes, whole, sizeof bytes);
    alloc->release(alloc->context, whole, bytes);
}

void mx_zlib_use(z_stream *stream, const merx_allocator *alloc)
{
    union {
        const merx_allocator *kept;
        void *any;
    } context = {.kept = alloc}; /* zlib's context is not const */
    stream->zalloc = zlib_alloc;
    stream->zfree = zlib_release;
    stream->opaque = context.any;
}

mx_compression mx_compression_of_name(const char *path)
{
    mx_str name = mx_str_of(path);
    return mx_str_ends(name, ".gz") ? MX_GZIP : mx_str_ends(name, ".zst") ? MX_ZSTD : MX_PLAIN;
}
