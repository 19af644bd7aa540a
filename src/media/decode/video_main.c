/*
 * merx-decode-video: gives libmerx the frames of a video file, in a process that can do nothing else (see media/protocol.h, base/confine.h).
 */
#include <stdio.h>
#include <string.h>

#include <libavutil/log.h>

#include "base/confine.h"
#include "media/decode/serve.h"
#include "media/decode/video_frames.h"

/* A leak check would want to stop this process's threads; it ends by being killed. */
MERX_API const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

static void be_quiet(void)
{
    av_log_set_level(AV_LOG_QUIET);
}

static void say_error(char *message, size_t size, merx_status status, const merx_error *err)
{
    (void)snprintf(message, size, "%.*s", (int)size - 1,
                   status == MERX_E_MEMORY ? "needs more memory than a process that decodes may have" : err->message);
}

/* Frames up to the next one that is wanted. */
static mx_video_reply answer(const mx_served *served, const mx_video_open *ask, mx_frames *frames)
{
    mx_video_reply reply = {.magic = MX_DECODE_MAGIC};
    merx_error err = {0};
    merx_status status;
    mx_frame frame;
    do {
        mx_confine_cpu(served->hello.cpu_ms);
        status = mx_frames_next(frames, &frame, &err);
    } while (status == MERX_OK && !frame.end && !frame.wanted);
    reply.what = frame.end ? MX_VIDEO_END : MX_VIDEO_FRAME;
    reply.index = frame.index;
    reply.time_ms = frame.time_ms;
    reply.scene_score = frame.scene_score;
    reply.scene_change = frame.scene_change;
    if (status == MERX_OK && !frame.end)
        status = mx_frames_pixels(frames, &ask->wish, served->shared, served->hello.shared_bytes, &reply, &err);
    mx_confine_cpu(0);
    if (status != MERX_OK) {
        reply.what = MX_VIDEO_FAILED;
        reply.status = (uint32_t)(status == MERX_E_MEMORY ? MERX_E_LIMIT : status);
        say_error(reply.message, sizeof reply.message, status, &err);
    }
    return reply;
}

int main(int argc, char **argv)
{
    mx_served served = {.shared = NULL};
    mx_video_open ask;
    mx_video_ask next;
    mx_frames *frames = NULL;
    merx_error err = {0};
    int fd = -1;
    const int code = mx_serve_begin(argc, argv, "video", be_quiet, &served);
    if (code != 0)
        return code;
    if (!mx_serve_hear(&ask, sizeof ask, &fd) || ask.magic != MX_DECODE_MAGIC || fd < 0)
        return 3;
    const mx_decode_limits limits = {.max_side = served.hello.max_side, .max_pixels = served.hello.max_pixels};
    mx_video_opened opened = {.magic = MX_DECODE_MAGIC};
    mx_confine_cpu(served.hello.cpu_ms);
    const merx_status status = mx_frames_open(fd, &ask, &limits, &frames, &opened, &err);
    mx_confine_cpu(0);
    opened.status = (uint32_t)(status == MERX_E_MEMORY ? MERX_E_LIMIT : status);
    say_error(opened.message, sizeof opened.message, status, &err);
    if (!mx_serve_say(&opened, sizeof opened) || status != MERX_OK)
        return status != MERX_OK ? 0 : 3;
    while (mx_serve_hear(&next, sizeof next, NULL) && next.magic == MX_DECODE_MAGIC) {
        const mx_video_reply reply = answer(&served, &ask, frames);
        if (!mx_serve_say(&reply, sizeof reply))
            break;
    }
    mx_frames_close(frames);
    return 0;
}
