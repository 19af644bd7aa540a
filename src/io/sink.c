/*
 * Sinks of bytes: a file that appears when it is whole, plain, gzip or zstd (see stream.h). The bytes written depend on the data alone
 * (gzip's time stamp is 0).
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include "base/memory.h"
#include "io/atomic_file.h"
#include "io/compress.h"
#include "io/stream.h"

#define OUTPUT_BLOCK ((size_t)1 << 17)
#define STEP_MAX ((size_t)1 << 30) /* zlib counts in 32 bits */

struct mx_sink {
    const merx_allocator *alloc;
    mx_atomic_file file;
    mx_compression kind;
    unsigned char *block;
    size_t used; /* of block, not yet written */
    bool zlib_open;
    z_stream zlib;
    ZSTD_CStream *zstd;
    merx_status failed; /* sticky: finish then keeps the old file */
};

static merx_status flush(mx_sink *k, merx_error *err)
{
    size_t used = k->used;
    k->used = 0;
    return used > 0 ? mx_atomic_write(&k->file, k->block, used, err) : MERX_OK;
}

static merx_status write_plain(mx_sink *k, const unsigned char *data, size_t size, merx_error *err)
{
    if (size >= OUTPUT_BLOCK - k->used) {
        MX_TRY(flush(k, err));
        if (size >= OUTPUT_BLOCK)
            return mx_atomic_write(&k->file, data, size, err);
    }
    memcpy(k->block + k->used, data, size);
    k->used += size;
    return MERX_OK;
}

static merx_status write_gzip(mx_sink *k, const unsigned char *data, size_t size, bool finish, merx_error *err)
{
    do {
        unsigned step = (unsigned)(size < STEP_MAX ? size : STEP_MAX);
        union {
            const unsigned char *kept;
            unsigned char *any;
        } input = {.kept = data}; /* zlib's next_in is not const */
        k->zlib.next_in = input.any;
        k->zlib.avail_in = step;
        int code;
        do {
            k->zlib.next_out = k->block + k->used;
            k->zlib.avail_out = (unsigned)(OUTPUT_BLOCK - k->used);
            code = deflate(&k->zlib, finish && step == size ? Z_FINISH : Z_NO_FLUSH);
            if (code == Z_STREAM_ERROR)
                MX_FAIL(err, MERX_E_INTERNAL, k->file.path, "zlib failed to compress");
            k->used = OUTPUT_BLOCK - k->zlib.avail_out;
            if (k->used == OUTPUT_BLOCK)
                MX_TRY(flush(k, err));
        } while (k->zlib.avail_in > 0 || (finish && step == size && code != Z_STREAM_END));
        data += step;
        size -= step;
    } while (size > 0);
    return MERX_OK;
}

static merx_status write_zstd(mx_sink *k, const unsigned char *data, size_t size, bool finish, merx_error *err)
{
    ZSTD_inBuffer input = {data, size, 0};
    size_t left;
    do {
        ZSTD_outBuffer output = {k->block, OUTPUT_BLOCK, k->used};
        left = ZSTD_compressStream2(k->zstd, &output, &input, finish ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            MX_FAIL(err, MERX_E_MEMORY, k->file.path, "zstd failed to compress (%s)", ZSTD_getErrorName(left));
        k->used = output.pos;
        if (k->used == OUTPUT_BLOCK)
            MX_TRY(flush(k, err));
    } while (input.pos < size || (finish && left != 0));
    return MERX_OK;
}

static merx_status begin(mx_sink *k, merx_error *err)
{
    if (k->kind == MX_GZIP) {
        mx_zlib_use(&k->zlib, k->alloc);
        if (deflateInit2(&k->zlib, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
            MX_FAIL(err, MERX_E_MEMORY, k->file.path, "no memory to compress gzip");
        k->zlib_open = true;
    } else if (k->kind == MX_ZSTD) {
        k->zstd = ZSTD_createCStream();
        if (!k->zstd || ZSTD_isError(ZSTD_CCtx_setParameter(k->zstd, ZSTD_c_checksumFlag, 1)))
            MX_FAIL(err, MERX_E_MEMORY, k->file.path, "no memory to compress zstd");
    }
    return MERX_OK;
}

merx_status mx_sink_open(const char *path, mx_compression compression, const merx_allocator *alloc, mx_sink **out,
                         merx_error *err)
{
    mx_sink *k;
    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *k, "sink", &k, err));
    k->alloc = alloc;
    k->kind = compression;
    k->file.fd = -1;
    merx_status status = MERX_OK;
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, OUTPUT_BLOCK, 1, "output block", &k->block, err));
    MX_TRY_GOTO(mx_atomic_open(&k->file, path, err));
    MX_TRY_GOTO(begin(k, err));
    *out = k;
    return MERX_OK;
out:
    mx_sink_abandon(k);
    return status;
}

merx_status mx_sink_private(mx_sink *sink, merx_error *err)
{
    if (!sink->file.direct && fchmod(sink->file.fd, 0600) != 0)
        return mx_error_errno(err, errno, sink->file.path, "set the mode");
    return MERX_OK;
}

merx_status mx_sink_write(mx_sink *sink, const void *data, size_t size, merx_error *err)
{
    if (sink->failed)
        MX_FAIL(err, sink->failed, sink->file.path, "writing failed before");
    if (size == 0)
        return MERX_OK;
    switch (sink->kind) {
    case MX_GZIP:
        sink->failed = write_gzip(sink, data, size, false, err);
        break;
    case MX_ZSTD:
        sink->failed = write_zstd(sink, data, size, false, err);
        break;
    default:
        sink->failed = write_plain(sink, data, size, err);
    }
    return sink->failed;
}

merx_status mx_sink_finish(mx_sink *sink, merx_error *err)
{
    merx_status status = sink->failed;
    if (status != MERX_OK)
        MX_FAIL_GOTO(err, status, sink->file.path, "writing failed before");
    if (sink->kind == MX_GZIP)
        MX_TRY_GOTO(write_gzip(sink, NULL, 0, true, err));
    if (sink->kind == MX_ZSTD)
        MX_TRY_GOTO(write_zstd(sink, NULL, 0, true, err));
    MX_TRY_GOTO(flush(sink, err));
    MX_TRY_GOTO(mx_atomic_commit(&sink->file, err));
out:
    mx_sink_abandon(sink);
    return status;
}

void mx_sink_abandon(mx_sink *sink)
{
    if (!sink)
        return;
    if (sink->zlib_open)
        (void)deflateEnd(&sink->zlib);
    (void)ZSTD_freeCStream(sink->zstd);
    mx_atomic_abandon(&sink->file);
    mx_free_array(sink->alloc, sink->block, OUTPUT_BLOCK, 1);
    mx_free_array(sink->alloc, sink, 1, sizeof *sink);
}
