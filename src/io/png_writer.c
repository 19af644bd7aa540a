/*
 * PNG files out (see png_writer.h).
 */
#include "io/png_writer.h"

#include <stdlib.h>
#include <string.h>

#include "io/compress.h"

enum { FILTERS = 5, OUT_BLOCK = 1 << 16 };
#define MAX_SIDE ((size_t)1 << 20)

static void put32(unsigned char *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (unsigned char)(value >> (24 - 8 * i));
}

/* A chunk: length, type, data, CRC over type and data. */
static merx_status add_chunk(mx_vec *out, const char type[4], const unsigned char *data, size_t size, merx_error *err)
{
    unsigned char *at;
    MX_TRY(mx_vec_push(out, size + 12, &at, err));
    put32(at, (uint32_t)size);
    memcpy(at + 4, type, 4);
    if (size > 0)
        memcpy(at + 8, data, size);
    put32(at + 8 + size, (uint32_t)crc32(0, at + 4, (unsigned)size + 4));
    return MERX_OK;
}

static unsigned char paeth(int a, int b, int c)
{
    const int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
    return (unsigned char)(pa <= pb && pa <= pc ? a : pb <= pc ? b : c);
}

/* Row with filter f: out (n); above NULL: zeros. Returns the sum of magnitudes, bytes taken as signed. */
static uint64_t filter_row(int f, const unsigned char *row, const unsigned char *above, size_t n, size_t step,
                           unsigned char *out)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        const int left = i >= step ? row[i - step] : 0, up = above != NULL ? above[i] : 0;
        const int corner = above != NULL && i >= step ? above[i - step] : 0;
        const int guess = f == 0 ? 0 : f == 1 ? left : f == 2 ? up : f == 3 ? (left + up) / 2 : paeth(left, up, corner);
        out[i] = (unsigned char)(row[i] - guess);
        sum += (uint64_t)abs((signed char)out[i]);
    }
    return sum;
}

typedef struct writer {
    z_stream zlib;
    mx_vec *out;
    unsigned char *block; /* OUT_BLOCK */
} writer;

static merx_status compress_bytes(writer *w, unsigned char *data, size_t size, int flush, merx_error *err)
{
    w->zlib.next_in = data;
    w->zlib.avail_in = (unsigned)size;
    int code;
    do {
        code = deflate(&w->zlib, flush);
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
            MX_FAIL(err, MERX_E_MEMORY, "png", "no memory to compress");
        if (w->zlib.avail_out == 0 || (flush == Z_FINISH && w->zlib.avail_out < OUT_BLOCK)) {
            MX_TRY(add_chunk(w->out, "IDAT", w->block, OUT_BLOCK - w->zlib.avail_out, err));
            w->zlib.next_out = w->block;
            w->zlib.avail_out = OUT_BLOCK;
        }
    } while (w->zlib.avail_in > 0 || (flush == Z_FINISH && code != Z_STREAM_END));
    return MERX_OK;
}

static merx_status add_rows(writer *w, const unsigned char *pixels, size_t height, size_t n, size_t step,
                            unsigned char *rows, merx_error *err)
{
    for (size_t y = 0; y < height; y++) {
        const unsigned char *row = pixels + y * n, *above = y > 0 ? row - n : NULL;
        uint64_t least = UINT64_MAX;
        int best = 0;
        for (int f = 0; f < FILTERS; f++) {
            unsigned char *out = rows + (size_t)f * (n + 1);
            const uint64_t sum = filter_row(f, row, above, n, step, out + 1);
            out[0] = (unsigned char)f;
            if (sum < least) {
                least = sum;
                best = f;
            }
        }
        MX_TRY(compress_bytes(w, rows + (size_t)best * (n + 1), n + 1, Z_NO_FLUSH, err));
    }
    return compress_bytes(w, NULL, 0, Z_FINISH, err);
}

merx_status mx_png_write(const unsigned char *pixels, size_t height, size_t width, int channels, mx_vec *out,
                         merx_error *err)
{
    static const unsigned char colours[5] = {0, 0, 0, 2, 6};
    static const unsigned char signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    if (height == 0 || width == 0 || height > MAX_SIDE || width > MAX_SIDE ||
        (channels != 1 && channels != 3 && channels != 4))
        MX_FAIL(err, MERX_E_SHAPE, "png",
                "%zu x %zu pixels of %d channels can't be written (expected 1 to %zu a side; 1, 3 or 4)", height, width,
                channels, MAX_SIDE);
    const size_t step = (size_t)channels, n = width * step;
    unsigned char header[13] = {[8] = 8, [9] = colours[channels]};
    put32(header, (uint32_t)width);
    put32(header + 4, (uint32_t)height);
    writer w = {.out = out};
    unsigned char *rows = NULL;
    bool open = false;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array_raw(out->alloc, FILTERS, n + 1, "rows of a picture", &rows, err));
    MX_TRY_GOTO(mx_alloc_array_raw(out->alloc, OUT_BLOCK, 1, "output block", &w.block, err));
    MX_TRY_GOTO(mx_vec_append(out, signature, sizeof signature, err));
    MX_TRY_GOTO(add_chunk(out, "IHDR", header, sizeof header, err));
    mx_zlib_use(&w.zlib, out->alloc);
    w.zlib.next_out = w.block;
    w.zlib.avail_out = OUT_BLOCK;
    if (deflateInit(&w.zlib, 6) != Z_OK)
        MX_FAIL_GOTO(err, MERX_E_MEMORY, "png", "no memory to compress");
    open = true;
    MX_TRY_GOTO(add_rows(&w, pixels, height, n, step, rows, err));
    status = add_chunk(out, "IEND", NULL, 0, err);
out:
    if (open)
        (void)deflateEnd(&w.zlib);
    mx_free_array(out->alloc, w.block, OUT_BLOCK, 1);
    mx_free_array(out->alloc, rows, FILTERS, n + 1);
    return status;
}
