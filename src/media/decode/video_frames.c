/*
 * Frames by FFmpeg's libraries (see video_frames.h).
 *
 * A scene begins where the colours change at once: the score of a frame is half the sum of differences between its histogram (4 x 4 x 4 bins of RGB over 64 x 64 points) and that
 * of the frame before, 0 for the same colours, 1 for none in common (Zhang, Kankanhalli, Smoliar 1993, histogram comparison).
 */
#include "media/decode/video_frames.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>

#include "base/confine.h"

enum { IO_BLOCK = 1 << 16, BINS = 64, THUMB = 64 };
#define PROBE_BYTES ((int64_t)32 << 20)
#define DEFAULT_THRESHOLD 0.3

struct mx_frames {
    int fd;
    AVIOContext *io;
    AVFormatContext *format;
    AVCodecContext *codec;
    AVStream *stream;
    AVPacket *packet;
    AVFrame *frame;
    struct SwsContext *to_rgb, *to_thumb;
    mx_decode_limits limits;
    mx_video_open ask;
    int orientation;
    uint64_t decoded; /* frames so far */
    double first_ms, last_ms, due_ms, frame_ms;
    bool draining, cut; /* cut: a packet was not all there */
    uint64_t damaged;   /* packets that could not be decoded, and where the first was */
    uint64_t damaged_after;
    double damaged_ms;
    bool has_histogram;
    float histogram[BINS];
};

/* ---- reading ---- */

static int on_read(void *opaque, uint8_t *out, int size)
{
    const mx_frames *f = opaque;
    const ssize_t got = read(f->fd, out, (size_t)size);
    return got > 0 ? (int)got : got == 0 ? AVERROR_EOF : AVERROR(EIO);
}

static int64_t on_seek(void *opaque, int64_t offset, int whence)
{
    const mx_frames *f = opaque;
    if (whence & AVSEEK_SIZE) {
        const off_t here = lseek(f->fd, 0, SEEK_CUR), size = lseek(f->fd, 0, SEEK_END);
        (void)lseek(f->fd, here, SEEK_SET);
        return size;
    }
    return lseek(f->fd, offset, whence & ~AVSEEK_FORCE);
}

static merx_status failure(int code, const char *what, merx_error *err)
{
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    (void)av_strerror(code, text, sizeof text);
    if (code == AVERROR(ENOMEM))
        MX_FAIL(err, MERX_E_LIMIT, "", "needs more memory than a process that decodes may have");
    MX_FAIL(err, MERX_E_CORRUPT, "", "%s: %s", what, text);
}

/* ---- opening ---- */

static merx_status open_format(mx_frames *f, merx_error *err)
{
    uint8_t *block = av_malloc(IO_BLOCK);
    f->io = block != NULL ? avio_alloc_context(block, IO_BLOCK, 0, f, on_read, NULL, on_seek) : NULL;
    f->format = avformat_alloc_context();
    if (f->io == NULL || f->format == NULL) {
        if (f->io == NULL)
            av_free(block);
        return MERX_E_MEMORY;
    }
    f->format->pb = f->io;
    f->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    f->format->probesize = PROBE_BYTES;
    f->format->format_whitelist = av_strdup("mov,mp4,m4a,3gp,3g2,mj2,matroska,webm");
    f->format->codec_whitelist = av_strdup("h264,hevc,mpeg4,vp8,vp9,libvpx-vp9,libdav1d,libaom-av1,av1,mjpeg,png");
    if (f->format->format_whitelist == NULL || f->format->codec_whitelist == NULL)
        return MERX_E_MEMORY;
    int code = avformat_open_input(&f->format, NULL, NULL, NULL); /* frees f->format when it fails */
    if (code == AVERROR_INVALIDDATA || code == AVERROR(EINVAL))
        MX_FAIL(err, MERX_E_PARSE, "",
                "is no video that can be read (expected MP4 or WebM, with its index: a file cut "
                "short may lack it)");
    if (code < 0)
        return failure(code, "can't be opened", err);
    code = avformat_find_stream_info(f->format, NULL);
    return code < 0 ? failure(code, "can't be looked through", err) : MERX_OK;
}

static int orientation_of(const AVStream *stream)
{
    const uint8_t *matrix = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, NULL);
    if (matrix == NULL)
        return 1;
    int32_t values[9];
    memcpy(values, matrix, sizeof values);
    const double turned = -av_display_rotation_get(values); /* clockwise */
    const int quarter = isfinite(turned) ? (int)lround(turned / 90) : 0;
    static const int orientations[4] = {1, 6, 3, 8};
    return orientations[((quarter % 4) + 4) % 4];
}

static merx_status open_codec(mx_frames *f, merx_error *err)
{
    const AVCodec *decoder = NULL;
    const int which = av_find_best_stream(f->format, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0);
    if (which == AVERROR_DECODER_NOT_FOUND)
        MX_FAIL(err, MERX_E_UNSUPPORTED, "",
                "is coded in a way that can't be decoded (expected H.264, HEVC, MPEG-4, VP8, VP9 or AV1)");
    if (which < 0 || decoder == NULL)
        MX_FAIL(err, MERX_E_PARSE, "", "holds no video, only sound or text");
    f->stream = f->format->streams[which];
    for (unsigned i = 0; i < f->format->nb_streams; i++)
        if ((int)i != which)
            f->format->streams[i]->discard = AVDISCARD_ALL;
    const int w = f->stream->codecpar->width, h = f->stream->codecpar->height;
    MX_TRY(mx_check_size(h > 0 ? (size_t)h : 0, w > 0 ? (size_t)w : 0, &f->limits, err));
    f->codec = avcodec_alloc_context3(decoder);
    f->packet = av_packet_alloc();
    f->frame = av_frame_alloc();
    if (f->codec == NULL || f->packet == NULL || f->frame == NULL ||
        avcodec_parameters_to_context(f->codec, f->stream->codecpar) < 0)
        return MERX_E_MEMORY;
    f->codec->thread_count = 1;
    f->codec->max_pixels = (int64_t)f->limits.max_pixels;
    f->codec->pkt_timebase = f->stream->time_base;
    const int code = avcodec_open2(f->codec, decoder, NULL);
    return code < 0 ? failure(code, "its decoder does not begin", err) : MERX_OK;
}

static void describe(mx_frames *f, mx_video_opened *out)
{
    const AVRational rate = f->stream->avg_frame_rate;
    const int w = f->codec->width, h = f->codec->height;
    f->orientation = orientation_of(f->stream);
    const bool swap = f->orientation >= 5;
    out->height = (uint64_t)(swap ? w : h);
    out->width = (uint64_t)(swap ? h : w);
    out->frames = f->stream->nb_frames > 0 ? (uint64_t)f->stream->nb_frames : 0;
    out->frames_per_s = rate.num > 0 && rate.den > 0 ? av_q2d(rate) : 0;
    f->frame_ms = out->frames_per_s > 0 ? 1000 / out->frames_per_s : 0;
    if (f->stream->duration > 0)
        out->duration_ms = (double)f->stream->duration * av_q2d(f->stream->time_base) * 1000;
    else if (f->format->duration > 0)
        out->duration_ms = (double)f->format->duration / (AV_TIME_BASE / 1000.0);
    (void)snprintf(out->container, sizeof out->container, "%.31s", f->format->iformat->name);
    (void)snprintf(out->codec, sizeof out->codec, "%.31s", avcodec_get_name(f->codec->codec_id));
}

merx_status mx_frames_open(int fd, const mx_video_open *ask, const mx_decode_limits *limits, mx_frames **out,
                           mx_video_opened *opened, merx_error *err)
{
    mx_frames *f = NULL;
    *out = NULL;
    MX_TRY(MX_NEW_ARRAY(mx_allocator_or_default(NULL), 1, &f, "video", err));
    f->fd = fd;
    f->ask = *ask;
    f->limits = *limits;
    merx_status status = open_format(f, err);
    if (status == MERX_OK)
        status = open_codec(f, err);
    if (status != MERX_OK) {
        mx_frames_close(f);
        return status;
    }
    describe(f, opened);
    *out = f;
    return MERX_OK;
}

void mx_frames_close(mx_frames *f)
{
    if (f == NULL)
        return;
    sws_freeContext(f->to_rgb);
    sws_freeContext(f->to_thumb);
    av_frame_free(&f->frame);
    av_packet_free(&f->packet);
    avcodec_free_context(&f->codec);
    avformat_close_input(&f->format);
    if (f->io != NULL)
        av_freep(&f->io->buffer);
    avio_context_free(&f->io);
    MX_FREE_ARRAY(mx_allocator_or_default(NULL), f, 1);
}

/* ---- pixels ---- */

static merx_status convert(mx_frames *f, struct SwsContext **context, int w, int h, int how, unsigned char *out,
                           merx_error *err)
{
    const AVFrame *frame = f->frame;
    *context = sws_getCachedContext(*context, frame->width, frame->height, (enum AVPixelFormat)frame->format, w, h,
                                    AV_PIX_FMT_RGB24, how, NULL, NULL, NULL);
    if (*context == NULL)
        MX_FAIL(err, MERX_E_UNSUPPORTED, "", "has frames of a kind that can't be converted");
    const int space = frame->colorspace != AVCOL_SPC_UNSPECIFIED ? (int)frame->colorspace
                      : frame->height >= 720                     ? (int)SWS_CS_ITU709
                                                                 : (int)SWS_CS_ITU601;
    (void)sws_setColorspaceDetails(*context, sws_getCoefficients(space), frame->color_range == AVCOL_RANGE_JPEG,
                                   sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16, 1 << 16);
    uint8_t *planes[4] = {out};
    const int strides[4] = {3 * w};
    if (sws_scale(*context, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height, planes, strides) <
        0)
        MX_FAIL(err, MERX_E_CORRUPT, "", "has a frame that can't be converted");
    return MERX_OK;
}

static merx_status score_scene(mx_frames *f, mx_frame *out, merx_error *err)
{
    unsigned char thumb[THUMB * THUMB * 3 + 64]; /* swscale may write some bytes beyond */
    float histogram[BINS] = {0};
    MX_TRY(convert(f, &f->to_thumb, THUMB, THUMB, SWS_POINT, thumb, err));
    for (size_t i = 0; i < (size_t)THUMB * THUMB; i++)
        histogram[thumb[3 * i] / 64 * 16 + thumb[3 * i + 1] / 64 * 4 + thumb[3 * i + 2] / 64] += 1;
    double difference = 0;
    for (int b = 0; b < BINS; b++)
        difference += fabs((double)histogram[b] - (double)f->histogram[b]);
    const double threshold = f->ask.scene_threshold > 0 ? f->ask.scene_threshold : DEFAULT_THRESHOLD;
    out->scene_score = f->has_histogram ? difference / (2.0 * THUMB * THUMB) : 0;
    out->scene_change = !f->has_histogram || out->scene_score > threshold;
    memcpy(f->histogram, histogram, sizeof histogram);
    f->has_histogram = true;
    return MERX_OK;
}

merx_status mx_frames_pixels(mx_frames *f, const mx_decode_wish *wish, unsigned char *out, size_t capacity,
                             mx_video_reply *reply, merx_error *err)
{
    const merx_picture_options options = {
        .height = wish->height, .width = wish->width, .fit = (merx_picture_fit)wish->fit};
    mx_raw_picture raw = {.alloc = mx_allocator_or_default(NULL), .orientation = f->orientation};
    size_t need;
    merx_status status;
    raw.height = raw.full_height = (size_t)f->frame->height;
    raw.width = raw.full_width = (size_t)f->frame->width;
    MX_TRY(mx_check_size(raw.height, raw.width, &f->limits, err));
    /* Some rows more than the picture has, for the bytes that swscale writes beyond. */
    const size_t h = raw.height;
    raw.height = 0;
    unsigned char *pixels;
    const size_t room = h * raw.width * 3 + 64;
    MX_TRY(mx_alloc_array_raw(raw.alloc, room, 1, "frame", &pixels, err));
    raw.height = h;
    /* Colours between the pixels that have them are not worth interpolating where two pixels or more become one. */
    const mx_fit_plan sketch = mx_fit(raw.height, raw.width, &options);
    const bool shrinks = (sketch.bottom - sketch.top) >= 2 * (double)sketch.rows &&
                         (sketch.right - sketch.left) >= 2 * (double)sketch.columns;
    const int how = SWS_BILINEAR | (shrinks ? 0 : SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT);
    MX_TRY_GOTO(convert(f, &f->to_rgb, (int)raw.width, (int)h, how, pixels, err));
    MX_TRY_GOTO(mx_alloc_array_raw(raw.alloc, h * raw.width, 3, "frame", &raw.pixels, err));
    memcpy(raw.pixels, pixels, h * raw.width * 3);
    MX_TRY_GOTO(mx_raw_upright(&raw, err));
    const mx_fit_plan plan = mx_fit(raw.height, raw.width, &options);
    if (!mx_mul_size(plan.height * plan.width, 3, &need) || need > capacity)
        MX_FAIL_GOTO(err, MERX_E_LIMIT, "", "needs %zu bytes of pixels; there is room for %zu", need, capacity);
    MX_TRY_GOTO(mx_resize(raw.pixels, raw.height, raw.width, &plan, wish->background, raw.alloc, out, err));
    reply->height = plan.height;
    reply->width = plan.width;
    reply->source_height = raw.full_height;
    reply->source_width = raw.full_width;
out:
    mx_free_array(raw.alloc, pixels, room, 1);
    mx_raw_release(&raw);
    return status;
}

/* ---- one after the other ---- */

/* The end: was all there that the file promised? */
static merx_status end(const mx_frames *f, mx_frame *out, merx_error *err)
{
    const double duration = f->stream->duration > 0 ? (double)f->stream->duration * av_q2d(f->stream->time_base) * 1000
                                                    : (double)f->format->duration / (AV_TIME_BASE / 1000.0);
    const double shown = f->decoded > 0 ? f->last_ms + f->frame_ms : 0;
    out->end = true;
    const uint64_t promised = f->stream->nb_frames > 0 ? (uint64_t)f->stream->nb_frames : 0;
    if (f->decoded + (f->cut ? 0 : f->damaged) < promised)
        MX_FAIL(err, MERX_E_CORRUPT, "", "is cut short: %llu of its %llu frames could be read, up to %.0f ms of %.0f",
                (unsigned long long)f->decoded, (unsigned long long)promised, shown, duration);
    if (promised == 0 && duration > 0 && (f->cut || shown + 1000 < duration))
        MX_FAIL(err, MERX_E_CORRUPT, "", "is cut short: %llu frames could be read, up to %.0f ms of %.0f",
                (unsigned long long)f->decoded, shown, duration);
    if (f->damaged > 0)
        MX_FAIL(err, MERX_E_CORRUPT, "",
                "is damaged: %llu frames could not be decoded, the first after frame %llu (%.0f ms)",
                (unsigned long long)f->damaged, (unsigned long long)f->damaged_after, f->damaged_ms);
    if (f->decoded == 0)
        MX_FAIL(err, MERX_E_CORRUPT, "", "holds no frame that can be decoded");
    return MERX_OK;
}

static void note_damage(mx_frames *f)
{
    if (f->damaged++ == 0) {
        f->damaged_after = f->decoded;
        f->damaged_ms = f->last_ms;
    }
}

/* The next packet of the video into the decoder, or the word that there is none. */
static merx_status feed(mx_frames *f, merx_error *err)
{
    if (f->draining)
        return MERX_OK;
    for (;;) {
        const int code = av_read_frame(f->format, f->packet);
        if (code == AVERROR(ENOMEM))
            return failure(code, "", err);
        if (code < 0) { /* the end, or as far as it can be read: end() tells which */
            f->draining = true;
            (void)avcodec_send_packet(f->codec, NULL);
            return MERX_OK;
        }
        if (f->packet->stream_index == f->stream->index)
            break;
        av_packet_unref(f->packet);
    }
    f->cut = f->cut || (f->packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
    const int code = avcodec_send_packet(f->codec, f->packet);
    av_packet_unref(f->packet);
    if (code == AVERROR(ENOMEM))
        return failure(code, "", err);
    if (code < 0 && code != AVERROR(EAGAIN) && code != AVERROR_EOF)
        note_damage(f);
    return MERX_OK;
}

static merx_status take_frame(mx_frames *f, mx_frame *out, merx_error *err)
{
    if (f->decoded >= f->ask.max_frames)
        MX_FAIL(err, MERX_E_LIMIT, "", "has more than the %llu frames allowed", (unsigned long long)f->ask.max_frames);
    MX_TRY(mx_check_size(f->frame->height > 0 ? (size_t)f->frame->height : 0,
                         f->frame->width > 0 ? (size_t)f->frame->width : 0, &f->limits, err));
    const int64_t stamp = f->frame->best_effort_timestamp;
    double at = stamp != AV_NOPTS_VALUE ? (double)stamp * av_q2d(f->stream->time_base) * 1000
                                        : f->first_ms + f->last_ms + f->frame_ms;
    if (f->decoded == 0)
        f->first_ms = at;
    out->index = f->decoded++;
    out->time_ms = f->last_ms = at - f->first_ms;
    MX_TRY(score_scene(f, out, err));
    const uint64_t every = f->ask.every_frames > 0 ? f->ask.every_frames : 1;
    out->wanted = out->index % every == 0 && out->time_ms >= f->due_ms - 1e-6;
    if (out->wanted && f->ask.every_ms > 0)
        f->due_ms = (floor(out->time_ms / f->ask.every_ms + 1e-9) + 1) * f->ask.every_ms;
    return MERX_OK;
}

merx_status mx_frames_next(mx_frames *f, mx_frame *out, merx_error *err)
{
    *out = (mx_frame){.index = f->decoded};
    for (;;) {
        const int code = avcodec_receive_frame(f->codec, f->frame);
        if (code == 0)
            return take_frame(f, out, err);
        if (code == AVERROR_EOF)
            return end(f, out, err);
        if (code == AVERROR(ENOMEM))
            return failure(code, "", err);
        if (code != AVERROR(EAGAIN)) {
            note_damage(f);
            if (f->draining && f->damaged > f->decoded + 1000)
                return end(f, out, err);
        }
        MX_TRY(feed(f, err));
    }
}
