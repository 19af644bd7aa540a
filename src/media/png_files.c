/*
 * PNG out of pixels: into memory and into a file.
 */
#include "io/file.h"
#include "io/png_writer.h"
#include "merx/media.h"

#define MAX_PNG_BYTES ((size_t)1 << 40)

void merx_bytes_release(merx_bytes *bytes)
{
    if (bytes->data != NULL)
        mx_free_array(bytes->alloc, bytes->data, bytes->capacity, 1);
    *bytes = (merx_bytes){.data = NULL};
}

merx_status merx_png_encode(const unsigned char *pixels, size_t height, size_t width, int channels,
                            const merx_allocator *alloc, merx_bytes *out, merx_error *err)
{
    *out = (merx_bytes){.data = NULL};
    alloc = mx_allocator_or_default(alloc);
    mx_vec bytes = mx_vec_init(alloc, 1, MAX_PNG_BYTES, "a PNG file");
    const merx_status status = mx_png_write(pixels, height, width, channels, &bytes, err);
    if (status != MERX_OK) {
        mx_vec_release(&bytes);
        return status;
    }
    *out = (merx_bytes){.data = bytes.data, .size = bytes.count, .capacity = bytes.capacity, .alloc = alloc};
    return MERX_OK;
}

merx_status merx_png_write(const char *path, const unsigned char *pixels, size_t height, size_t width, int channels,
                           merx_error *err)
{
    merx_bytes bytes;
    MX_TRY(merx_png_encode(pixels, height, width, channels, NULL, &bytes, err));
    const merx_status status = mx_write_file(path, bytes.data, bytes.size, err);
    merx_bytes_release(&bytes);
    return status;
}
