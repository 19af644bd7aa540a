/*
 * JPEG by libjpeg-turbo: baseline and progressive, grey, YCbCr, CMYK and YCCK; scaled down by 2, 4 or 8 in the DCT where that is asked for anyway.
 */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "media/decode/picture_decode.h"

enum { MAX_SCANS = 500 }; /* of a progressive file; each is a pass over the whole picture */

typedef struct decoder {
    struct jpeg_error_mgr errors; /* first: libjpeg gives us its address */
    struct jpeg_progress_mgr progress;
    jmp_buf fail;
    struct jpeg_decompress_struct jpeg;
    char message[JMSG_LENGTH_MAX];
    bool no_memory, too_large, too_many_scans;
    bool ended_early;
    size_t early_row; /* when that was noticed */
    unsigned char *row;
    size_t row_bytes;
} decoder;

static decoder *decoder_of(j_common_ptr jpeg)
{
    return (decoder *)jpeg->client_data;
}

static void on_error(j_common_ptr jpeg)
{
    decoder *d = decoder_of(jpeg);
    (*jpeg->err->format_message)(jpeg, d->message);
    d->no_memory = jpeg->err->msg_code == JERR_OUT_OF_MEMORY;
    d->too_large = jpeg->err->msg_code == JERR_IMAGE_TOO_BIG;
    longjmp(d->fail, 1);
}

static void on_message(j_common_ptr jpeg, int level)
{
    decoder *d = decoder_of(jpeg);
    const int code = jpeg->err->msg_code;
    if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER) && !d->ended_early) {
        d->ended_early = true;
        d->early_row = d->jpeg.output_scanline;
    }
}

static void on_output(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void on_progress(j_common_ptr jpeg)
{
    decoder *d = decoder_of(jpeg);
    if (d->jpeg.input_scan_number > MAX_SCANS) {
        d->too_many_scans = true;
        longjmp(d->fail, 1);
    }
}

static int orientation_of(const struct jpeg_decompress_struct *jpeg)
{
    for (jpeg_saved_marker_ptr marker = jpeg->marker_list; marker != NULL; marker = marker->next)
        if (marker->marker == JPEG_APP0 + 1 && marker->data_length > 6 && memcmp(marker->data, "Exif\0\0", 6) == 0)
            return mx_exif_orientation(marker->data + 6, marker->data_length - 6);
    return 1;
}

/* By how much the DCT may scale down, so that still two pixels or more become one of the result. */
static unsigned scale_of(size_t height, size_t width, bool swap, const merx_picture_options *options)
{
    const mx_fit_plan plan = mx_fit(swap ? width : height, swap ? height : width, options);
    const double by_y = (plan.bottom - plan.top) / (double)plan.rows,
                 by_x = (plan.right - plan.left) / (double)plan.columns;
    const double by = by_y < by_x ? by_y : by_x;
    return by >= 16 ? 8 : by >= 8 ? 4 : by >= 4 ? 2 : 1;
}

/* CMYK as it is stored: Adobe's is inverted. */
static void from_cmyk(const unsigned char *cmyk, size_t n, bool inverted, unsigned char *rgb)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned k = inverted ? cmyk[4 * i + 3] : 255u - cmyk[4 * i + 3];
        for (size_t c = 0; c < 3; c++) {
            const unsigned ink = inverted ? cmyk[4 * i + c] : 255u - cmyk[4 * i + c];
            rgb[3 * i + c] = (unsigned char)((ink * k + 127) / 255);
        }
    }
}

static merx_status read_rows(decoder *d, mx_raw_picture *raw, merx_error *err)
{
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    const bool cmyk = jpeg->out_color_space == JCS_CMYK;
    if (cmyk) {
        d->row_bytes = raw->width * 4;
        MX_TRY(mx_alloc_array_raw(raw->alloc, d->row_bytes, 1, "row of a picture", &d->row, err));
    }
    while (jpeg->output_scanline < jpeg->output_height) {
        unsigned char *to = raw->pixels + (size_t)jpeg->output_scanline * raw->width * 3;
        JSAMPROW rows[1] = {cmyk ? d->row : to};
        if (jpeg_read_scanlines(jpeg, rows, 1) != 1)
            MX_FAIL(err, MERX_E_CORRUPT, "", "ends in the middle of a row");
        if (cmyk)
            from_cmyk(d->row, raw->width, jpeg->saw_Adobe_marker != 0, to);
    }
    return MERX_OK;
}

/* Everything that may jump back to mx_jpeg_decode. */
static merx_status decode(decoder *d, const unsigned char *bytes, size_t size, const merx_picture_options *options,
                          const mx_decode_limits *limits, mx_raw_picture *raw, merx_error *err)
{
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->client_data = d;
    jpeg->progress = &d->progress;
    jpeg_mem_src(jpeg, bytes, size);
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
    (void)jpeg_read_header(jpeg, TRUE);
    raw->full_height = jpeg->image_height;
    raw->full_width = jpeg->image_width;
    MX_TRY(mx_check_size(raw->full_height, raw->full_width, limits, err));
    raw->orientation = orientation_of(jpeg);
    jpeg->out_color_space = jpeg->num_components == 4 ? JCS_CMYK : JCS_RGB;
    jpeg->scale_num = 1;
    jpeg->scale_denom = scale_of(raw->full_height, raw->full_width, raw->orientation >= 5, options);
    (void)jpeg_start_decompress(jpeg);
    MX_TRY(mx_raw_make(raw, jpeg->output_height, jpeg->output_width, limits, err));
    MX_TRY(read_rows(d, raw, err));
    (void)jpeg_finish_decompress(jpeg);
    return MERX_OK;
}

merx_status mx_jpeg_decode(const unsigned char *bytes, size_t size, const merx_picture_options *options,
                           const mx_decode_limits *limits, mx_raw_picture *raw, merx_error *err)
{
    decoder d = {.ended_early = false};
    decoder *volatile kept = &d; /* what changes after setjmp lives in it, not in registers */
    merx_status status;
    d.jpeg.err = jpeg_std_error(&d.errors);
    d.jpeg.client_data = &d;
    d.errors.error_exit = on_error;
    d.errors.emit_message = on_message;
    d.errors.output_message = on_output;
    d.progress.progress_monitor = on_progress;
    if (setjmp(d.fail) == 0)
        status = decode(&d, bytes, size, options, limits, raw, err);
    else if (kept->no_memory)
        status = MERX_E_MEMORY;
    else if (kept->too_large)
        status = mx_error_set(err, MERX_E_LIMIT, "", "is too large (%s)", kept->message);
    else if (kept->too_many_scans)
        status = mx_error_set(err, MERX_E_LIMIT, "", "has more than %d scans", MAX_SCANS);
    else
        status = mx_error_set(err, MERX_E_CORRUPT, "", "is damaged (%s)", kept->message);
    if (status == MERX_OK && kept->ended_early) {
        raw->truncated = true;
        raw->rows_read = kept->early_row;
    }
    if (kept->row != NULL)
        mx_free_array(raw->alloc, kept->row, kept->row_bytes, 1);
    jpeg_destroy_decompress(&kept->jpeg);
    return status;
}
