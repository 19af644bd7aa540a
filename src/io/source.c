/*
 * Sources of bytes: a file or memory, plain, gzip or zstd (see stream.h).
 *
 * Input lies in s->in[in_begin, in_end): the caller's memory itself, or a block read from the file. What is inside is told by its first
 * bytes. The last read of a decompressor, the one that gives 0, comes only after the checksum of the last member was right.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/memory.h"
#include "base/str.h"
#include "io/compress.h"
#include "io/stream.h"

#define INPUT_BLOCK ((size_t)1 << 18)
#define DECOMPRESSED_MAX ((uint64_t)1 << 40)
#define STEP_MAX ((size_t)1 << 30) /* zlib counts in 32 bits */

struct mx_source {
    const merx_allocator *alloc;
    char *name;
    size_t name_bytes;
    int fd;              /* -1: memory */
    uint64_t input_size; /* 0: unknown */
    uint64_t input_read; /* bytes taken from the file or memory into `in` */
    const unsigned char *in;
    unsigned char *block; /* the file's; NULL for memory */
    size_t in_begin, in_end;
    bool in_ended;
    mx_compression kind;
    uint64_t produced, max_bytes; /* max_bytes UINT64_MAX: none */
    bool member_open;
    bool regular; /* a file, not a pipe or device */
    bool padding; /* gzip: the zero bytes after the last member have begun */
    bool zlib_open;
    z_stream zlib;
    ZSTD_DStream *zstd;
    merx_status failed; /* sticky */
};

/* ---- input ---- */

static merx_status read_some(mx_source *s, void *buffer, size_t size, size_t *got, merx_error *err)
{
    for (;;) {
        ssize_t n = read(s->fd, buffer, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return mx_error_errno(err, errno, s->name, "read");
        *got = (size_t)n;
        s->input_read += (uint64_t)n;
        s->in_ended = n == 0;
        return MERX_OK;
    }
}

/* Adds input behind what is left (which moves to the front). */
static merx_status fill(mx_source *s, merx_error *err)
{
    if (s->fd < 0) {
        s->in_ended = true;
        return MERX_OK;
    }
    size_t left = s->in_end - s->in_begin;
    memmove(s->block, s->block + s->in_begin, left);
    s->in_begin = 0;
    s->in_end = left;
    size_t got = 0;
    MX_TRY(read_some(s, s->block + left, INPUT_BLOCK - left, &got, err));
    s->in_end += got;
    return MERX_OK;
}

static merx_status fill_if_empty(mx_source *s, merx_error *err)
{
    return s->in_begin == s->in_end && !s->in_ended ? fill(s, err) : MERX_OK;
}

/* ---- the three kinds: each gives up to size > 0 bytes, 0 at the end ---- */

static merx_status read_plain(mx_source *s, unsigned char *out, size_t size, size_t *got, merx_error *err)
{
    size_t left = s->in_end - s->in_begin;
    if (left == 0) {
        if (s->fd < 0 || s->in_ended)
            return MERX_OK;
        return read_some(s, out, size, got, err);
    }
    *got = left < size ? left : size;
    memcpy(out, s->in + s->in_begin, *got);
    s->in_begin += *got;
    return MERX_OK;
}

/* Between members: goes to the next one, or to the end. Zero bytes after the last member are padding. */
static merx_status next_member(mx_source *s, bool *ended, merx_error *err)
{
    *ended = false;
    for (;;) {
        MX_TRY(fill_if_empty(s, err));
        if (s->in_begin == s->in_end) {
            *ended = true;
            return MERX_OK;
        }
        unsigned char first = s->in[s->in_begin];
        if (first == 0) {
            s->padding = true;
            s->in_begin++;
            continue;
        }
        if (s->padding || first != 0x1f)
            MX_FAIL(err, MERX_E_CORRUPT, s->name, "has bytes after its gzip data that are not gzip");
        break;
    }
    if (inflateReset(&s->zlib) != Z_OK)
        MX_FAIL(err, MERX_E_INTERNAL, s->name, "zlib can't begin a gzip member");
    s->member_open = true;
    return MERX_OK;
}

static merx_status read_gzip(mx_source *s, unsigned char *out, size_t size, size_t *got, merx_error *err)
{
    for (;;) {
        if (!s->member_open) {
            bool ended;
            MX_TRY(next_member(s, &ended, err));
            if (ended)
                return MERX_OK;
        }
        MX_TRY(fill_if_empty(s, err));
        size_t left = s->in_end - s->in_begin;
        if (left == 0)
            MX_FAIL(err, MERX_E_CORRUPT, s->name, "is cut short: its gzip data has no end");
        unsigned step_in = (unsigned)(left < STEP_MAX ? left : STEP_MAX);
        unsigned step_out = (unsigned)(size < STEP_MAX ? size : STEP_MAX);
        union {
            const unsigned char *kept;
            unsigned char *any;
        } input = {.kept = s->in + s->in_begin}; /* zlib's next_in is not const */
        s->zlib.next_in = input.any;
        s->zlib.avail_in = step_in;
        s->zlib.next_out = out;
        s->zlib.avail_out = step_out;
        int code = inflate(&s->zlib, Z_NO_FLUSH);
        s->in_begin += step_in - s->zlib.avail_in;
        *got = step_out - s->zlib.avail_out;
        if (code == Z_STREAM_END)
            s->member_open = false;
        else if (code == Z_MEM_ERROR)
            MX_FAIL(err, MERX_E_MEMORY, s->name, "no memory to decompress gzip");
        else if (code != Z_OK && code != Z_BUF_ERROR && *got == 0) /* else: what came before the damage first */
            MX_FAIL(err, MERX_E_CORRUPT, s->name, "damaged gzip data (%s)", s->zlib.msg ? s->zlib.msg : "bad stream");
        if (*got > 0)
            return MERX_OK;
    }
}

static merx_status zstd_failure(const mx_source *s, size_t code, merx_error *err)
{
    switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_memory_allocation:
        MX_FAIL(err, MERX_E_MEMORY, s->name, "no memory to decompress zstd");
    case ZSTD_error_frameParameter_windowTooLarge:
        MX_FAIL(err, MERX_E_LIMIT, s->name, "its zstd window is larger than 128 MiB; compress it without --long");
    default:
        MX_FAIL(err, MERX_E_CORRUPT, s->name, "damaged zstd data (%s)", ZSTD_getErrorName(code));
    }
}

static merx_status read_zstd(mx_source *s, unsigned char *out, size_t size, size_t *got, merx_error *err)
{
    for (;;) {
        MX_TRY(fill_if_empty(s, err));
        size_t left = s->in_end - s->in_begin;
        if (left == 0 && !s->member_open)
            return MERX_OK;
        ZSTD_inBuffer input = {s->in + s->in_begin, left, 0};
        ZSTD_outBuffer output = {out, size, 0};
        size_t code = ZSTD_decompressStream(s->zstd, &output, &input);
        if (ZSTD_isError(code))
            return zstd_failure(s, code, err);
        s->in_begin += input.pos;
        s->member_open = code != 0;
        *got = output.pos;
        if (*got > 0)
            return MERX_OK;
        if (left == 0 && s->member_open)
            MX_FAIL(err, MERX_E_CORRUPT, s->name, "is cut short: its zstd data has no end");
    }
}

static merx_status read_kind(mx_source *s, void *buffer, size_t size, size_t *got, merx_error *err)
{
    switch (s->kind) {
    case MX_GZIP:
        return read_gzip(s, buffer, size, got, err);
    case MX_ZSTD:
        return read_zstd(s, buffer, size, got, err);
    default:
        return read_plain(s, buffer, size, got, err);
    }
}

/* ---- opening ---- */

static mx_compression kind_of(const unsigned char *head, size_t size)
{
    if (size >= 2 && head[0] == 0x1f && head[1] == 0x8b)
        return MX_GZIP;
    if (size >= 4 && head[0] == 0x28 && head[1] == 0xb5 && head[2] == 0x2f && head[3] == 0xfd)
        return MX_ZSTD;
    if (size >= 4 && (head[0] & 0xf0) == 0x50 && head[1] == 0x2a && head[2] == 0x4d && head[3] == 0x18)
        return MX_ZSTD; /* a skippable frame before the data */
    return MX_PLAIN;
}

static merx_status begin(mx_source *s, uint64_t max_bytes, merx_error *err)
{
    while (s->in_end - s->in_begin < 4 && !s->in_ended)
        MX_TRY(fill(s, err));
    s->kind = kind_of(s->in, s->in_end);
    s->max_bytes = max_bytes ? max_bytes : s->kind == MX_PLAIN ? UINT64_MAX : DECOMPRESSED_MAX;
    if (s->kind == MX_GZIP) {
        mx_zlib_use(&s->zlib, s->alloc);
        if (inflateInit2(&s->zlib, 15 + 16) != Z_OK)
            MX_FAIL(err, MERX_E_MEMORY, s->name, "no memory to decompress gzip");
        s->zlib_open = true;
    } else if (s->kind == MX_ZSTD) {
        s->zstd = ZSTD_createDStream();
        if (!s->zstd)
            MX_FAIL(err, MERX_E_MEMORY, s->name, "no memory to decompress zstd");
    }
    return MERX_OK;
}

static merx_status source_new(const char *name, const merx_allocator *alloc, mx_source **out, merx_error *err)
{
    mx_source *s;
    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *s, "source", &s, err));
    s->alloc = alloc;
    s->fd = -1;
    s->name_bytes = strlen(name) + 1;
    merx_status status = mx_alloc_array_raw(alloc, s->name_bytes, 1, "name of a source", &s->name, err);
    if (status != MERX_OK) {
        mx_free_array(alloc, s, 1, sizeof *s);
        return status;
    }
    memcpy(s->name, name, s->name_bytes);
    *out = s;
    return MERX_OK;
}

merx_status mx_source_open(const char *path, const merx_allocator *alloc, uint64_t max_bytes, mx_source **out,
                           merx_error *err)
{
    mx_source *s;
    *out = NULL;
    MX_TRY(source_new(path, alloc, &s, err));
    merx_status status = MERX_OK;
    struct stat info;
    s->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0)
        MX_TRY_GOTO(mx_error_errno(err, errno, path, "open"));
    if (fstat(s->fd, &info) != 0)
        MX_TRY_GOTO(mx_error_errno(err, errno, path, "look at"));
    if (S_ISDIR(info.st_mode))
        MX_FAIL_GOTO(err, MERX_E_INVALID, path, "is a folder; a file was expected");
    if (S_ISREG(info.st_mode))
        s->input_size = (uint64_t)info.st_size;
    s->regular = S_ISREG(info.st_mode);
    (void)posix_fadvise(s->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    MX_TRY_GOTO(mx_alloc_array_raw(s->alloc, INPUT_BLOCK, 1, "input block", &s->block, err));
    s->in = s->block;
    MX_TRY_GOTO(begin(s, max_bytes, err));
    *out = s;
    return MERX_OK;
out:
    mx_source_close(s);
    return status;
}

merx_status mx_source_memory(const void *data, size_t size, const char *name, const merx_allocator *alloc,
                             uint64_t max_bytes, mx_source **out, merx_error *err)
{
    mx_source *s;
    *out = NULL;
    MX_TRY(source_new(name, alloc, &s, err));
    s->in = data;
    s->in_end = size;
    s->input_size = s->input_read = size;
    merx_status status = begin(s, max_bytes, err);
    if (status != MERX_OK) {
        mx_source_close(s);
        return status;
    }
    *out = s;
    return MERX_OK;
}

void mx_source_close(mx_source *source)
{
    if (!source)
        return;
    if (source->zlib_open)
        (void)inflateEnd(&source->zlib);
    (void)ZSTD_freeDStream(source->zstd);
    if (source->fd >= 0)
        (void)close(source->fd);
    mx_free_array(source->alloc, source->block, INPUT_BLOCK, 1);
    mx_free_array(source->alloc, source->name, source->name_bytes, 1);
    mx_free_array(source->alloc, source, 1, sizeof *source);
}

/* ---- reading ---- */

merx_status mx_source_read(mx_source *source, void *buffer, size_t size, size_t *got, merx_error *err)
{
    *got = 0;
    if (source->failed)
        MX_FAIL(err, source->failed, source->name, "reading failed before");
    if (size == 0)
        return MERX_OK;
    uint64_t allowed = source->max_bytes - source->produced;
    unsigned char beyond;
    merx_status status;
    if (allowed > 0) {
        status = read_kind(source, buffer, size < allowed ? size : (size_t)allowed, got, err);
    } else { /* at the limit: fine if it ends here */
        status = read_kind(source, &beyond, 1, got, err);
        if (status == MERX_OK && *got > 0)
            status = mx_error_set(err, MERX_E_LIMIT, source->name, "holds more than the %llu bytes allowed",
                                  (unsigned long long)source->max_bytes);
    }
    if (status != MERX_OK) {
        *got = 0;
        source->failed = status;
    }
    source->produced += *got;
    return status;
}

const char *mx_source_name(const mx_source *source)
{
    return source->name;
}

uint64_t mx_source_consumed(const mx_source *source)
{
    return source->input_read - (source->in_end - source->in_begin);
}

uint64_t mx_source_size(const mx_source *source)
{
    return source->input_size;
}

bool mx_source_file(const mx_source *source, int *fd, uint64_t *size_bytes)
{
    *fd = source->fd;
    *size_bytes = source->input_size;
    return source->fd >= 0 && source->regular && source->kind == MX_PLAIN && source->max_bytes == UINT64_MAX;
}
