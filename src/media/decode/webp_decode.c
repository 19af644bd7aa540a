/*
 * WebP by libwebp: lossy, lossless, with alpha over the background; of an animation the first frame.
 */
#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include "media/decode/picture_decode.h"

static uint32_t little_endian(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Chunks of the RIFF file: a name of four letters, a length, data padded to an even number. */
static int orientation_of(const unsigned char *bytes, size_t size)
{
    for (size_t at = 12; at + 8 <= size;) {
        const size_t length = little_endian(bytes + at + 4), left = size - at - 8;
        if (length > left)
            return 1;
        if (memcmp(bytes + at, "EXIF", 4) == 0) {
            const unsigned char *exif = bytes + at + 8;
            const size_t skip = length >= 6 && memcmp(exif, "Exif\0\0", 6) == 0 ? 6 : 0;
            return mx_exif_orientation(exif + skip, length - skip);
        }
        at += 8 + length + (length & 1);
    }
    return 1;
}

static merx_status failure(VP8StatusCode code, merx_error *err)
{
    switch (code) {
    case VP8_STATUS_OUT_OF_MEMORY:
        return MERX_E_MEMORY;
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        MX_FAIL(err, MERX_E_UNSUPPORTED, "", "uses a feature of WebP that can't be read");
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA:
        MX_FAIL(err, MERX_E_CORRUPT, "", "is cut short");
    default:
        MX_FAIL(err, MERX_E_CORRUPT, "", "is damaged (status %d of libwebp)", (int)code);
    }
}

static merx_status decode_still(const unsigned char *bytes, size_t size, WebPDecoderConfig *config, unsigned char *out,
                                size_t out_bytes, mx_raw_picture *raw, merx_error *err)
{
    const bool alpha = config->input.has_alpha != 0;
    int last = 0;
    config->output.colorspace = alpha ? MODE_RGBA : MODE_RGB;
    config->output.is_external_memory = 1;
    config->output.u.RGBA.rgba = out;
    config->output.u.RGBA.stride = (int)(raw->width * (alpha ? 4 : 3));
    config->output.u.RGBA.size = out_bytes;
    WebPIDecoder *decoder = WebPIDecode(NULL, 0, config);
    if (decoder == NULL)
        return MERX_E_MEMORY;
    const VP8StatusCode code = WebPIUpdate(decoder, bytes, size);
    if (code == VP8_STATUS_SUSPENDED)
        (void)WebPIDecGetRGB(decoder, &last, NULL, NULL, NULL);
    WebPIDelete(decoder);
    if (code == VP8_STATUS_SUSPENDED) {
        raw->truncated = true;
        raw->rows_read = last > 0 ? (size_t)last : 0;
    } else if (code != VP8_STATUS_OK) {
        return failure(code, err);
    }
    return MERX_OK;
}

/* The whole canvas as it is shown first. */
static merx_status decode_animation(const unsigned char *bytes, size_t size, unsigned char *out, mx_raw_picture *raw,
                                    merx_error *err)
{
    const WebPData data = {bytes, size};
    WebPAnimDecoderOptions options;
    WebPAnimInfo info;
    uint8_t *canvas = NULL;
    int time_ms = 0;
    merx_status status = MERX_OK;
    if (!WebPAnimDecoderOptionsInit(&options))
        MX_FAIL(err, MERX_E_INTERNAL, "", "libwebp is of another version than its headers");
    options.color_mode = MODE_RGBA;
    options.use_threads = 0;
    WebPAnimDecoder *decoder = WebPAnimDecoderNew(&data, &options);
    if (decoder == NULL)
        MX_FAIL(err, MERX_E_CORRUPT, "", "is a damaged animation");
    if (!WebPAnimDecoderGetInfo(decoder, &info) || info.canvas_height != raw->height || info.canvas_width != raw->width)
        MX_FAIL_GOTO(err, MERX_E_CORRUPT, "", "is an animation that contradicts itself about its size");
    if (!WebPAnimDecoderGetNext(decoder, &canvas, &time_ms) || canvas == NULL)
        MX_FAIL_GOTO(err, MERX_E_CORRUPT, "", "is an animation whose first frame can't be read");
    memcpy(out, canvas, raw->height * raw->width * 4);
out:
    WebPAnimDecoderDelete(decoder);
    return status;
}

merx_status mx_webp_decode(const unsigned char *bytes, size_t size, const merx_picture_options *options,
                           const mx_decode_limits *limits, mx_raw_picture *raw, merx_error *err)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config))
        MX_FAIL(err, MERX_E_INTERNAL, "", "libwebp is of another version than its headers");
    const VP8StatusCode code = WebPGetFeatures(bytes, size, &config.input);
    if (code != VP8_STATUS_OK)
        return failure(code, err);
    raw->full_height = config.input.height > 0 ? (size_t)config.input.height : 0;
    raw->full_width = config.input.width > 0 ? (size_t)config.input.width : 0;
    MX_TRY(mx_raw_make(raw, raw->full_height, raw->full_width, limits, err));
    raw->orientation = orientation_of(bytes, size);
    const bool animation = config.input.has_animation != 0, alpha = animation || config.input.has_alpha != 0;
    const size_t n = raw->height * raw->width;
    if (!alpha)
        return decode_still(bytes, size, &config, raw->pixels, n * 3, raw, err);
    unsigned char *rgba = NULL;
    MX_TRY(mx_alloc_array_raw(raw->alloc, n, 4, "pixels with alpha", &rgba, err));
    for (size_t i = 0; i < n; i++)
        memcpy(rgba + 4 * i, "\x80\x80\x80\xff", 4);
    const merx_status status = animation ? decode_animation(bytes, size, rgba, raw, err)
                                         : decode_still(bytes, size, &config, rgba, n * 4, raw, err);
    if (status == MERX_OK)
        mx_over_background(rgba, n, options->background, raw->pixels);
    mx_free_array(raw->alloc, rgba, n, 4);
    return status;
}
