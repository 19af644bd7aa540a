/*
 * The library's side of video: one merx-decode-video for each file that is open. The file is opened here and given over as a descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "io/file.h"
#include "media/decoder.h"
#include "media/picture.h"

struct merx_video {
    merx_decoder *decoder;
    mx_helper helper;
    bool running;
    size_t shared_bytes;
    merx_picture_options picture; /* background NULL: only sizes matter here */
    merx_video_info info;
    char *path; /* for messages */
    size_t path_bytes;
    uint64_t next;    /* frames must come in order */
    merx_status done; /* of an end or failure that was told */
    bool ended;
};

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* One message of exactly size bytes. */
static merx_status hear(merx_video *v, void *message, size_t size, merx_error *err)
{
    const double begin = now_s();
    size_t got = 0;
    while (got == 0) {
        if (!mx_helper_receive(&v->helper, message, size, 1000, &got))
            break;
        if (got == 0 && now_s() - begin > 3600) { /* each frame has its own limit of processor time */
            mx_helper_kill(&v->helper);
            break;
        }
    }
    if (got == size)
        return MERX_OK;
    v->running = false;
    return mx_decoder_death(v->decoder, &v->helper, v->path, err);
}

static merx_status check_options(const merx_video_options *o, const merx_decoder *decoder, merx_error *err)
{
    MX_TRY(mx_picture_check_options(&o->picture, decoder->options.max_side, err));
    if (!(o->every_ms >= 0 && o->every_ms < 1e12))
        MX_FAIL(err, MERX_E_RANGE, "video", "every_ms is %g (expected 0 or more)", o->every_ms);
    if (!(o->scene_threshold >= 0 && o->scene_threshold <= 1))
        MX_FAIL(err, MERX_E_RANGE, "video", "scene_threshold is %g (expected 0 to 1)", o->scene_threshold);
    if ((uint64_t)o->picture.height * o->picture.width > decoder->options.max_pixels)
        MX_FAIL(err, MERX_E_LIMIT, "video", "%zu x %zu pixels are asked; the decoder's limit is %llu",
                o->picture.height, o->picture.width, (unsigned long long)decoder->options.max_pixels);
    return MERX_OK;
}

static merx_status open_file(const char *path, int *fd, merx_error *err)
{
    struct stat info;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0)
        return mx_error_errno(err, errno, path, "open");
    if (fstat(*fd, &info) != 0)
        return mx_error_errno(err, errno, path, "look at");
    if (!S_ISREG(info.st_mode))
        MX_FAIL(err, MERX_E_INVALID, path, "is not a regular file");
    if (info.st_size == 0)
        MX_FAIL(err, MERX_E_PARSE, path, "is empty (expected MP4 or WebM)");
    return MERX_OK;
}

static merx_status begin(merx_video *v, const merx_video_options *o, int fd, merx_error *err)
{
    char program[PATH_MAX + 8];
    mx_video_opened opened;
    const merx_decoder_options *limits = &v->decoder->options;
    (void)snprintf(program, sizeof program, "%s-video", v->decoder->program);
    if (!mx_path_is_file(program))
        MX_FAIL(err, MERX_E_UNSUPPORTED, v->path,
                "can't be decoded: this installation has no %s (it is built where FFmpeg's libraries are)", program);
    v->shared_bytes = (size_t)(limits->max_pixels * 3 + 4096) / 4096 * 4096;
    MX_TRY(mx_decoder_start(v->decoder, program, v->shared_bytes, &v->helper, err));
    v->running = true;
    const mx_video_open ask = {.magic = MX_DECODE_MAGIC,
                               .wish = mx_decoder_wish(&o->picture),
                               .every_frames = o->every_frames,
                               .max_frames = o->max_frames > 0 ? o->max_frames : 10000000,
                               .every_ms = o->every_ms,
                               .scene_threshold = o->scene_threshold};
    (void)mx_helper_send(&v->helper, &ask, sizeof ask, fd);
    MX_TRY(hear(v, &opened, sizeof opened, err));
    opened.message[sizeof opened.message - 1] = '\0';
    opened.container[sizeof opened.container - 1] = opened.codec[sizeof opened.codec - 1] = '\0';
    if (opened.status != MERX_OK)
        MX_FAIL(err, opened.status <= MERX_E_INTERNAL ? (merx_status)opened.status : MERX_E_CORRUPT, v->path, "%s",
                opened.message);
    v->info = (merx_video_info){.height = opened.height,
                                .width = opened.width,
                                .duration_ms = isfinite(opened.duration_ms) ? opened.duration_ms : 0,
                                .frames_per_s = isfinite(opened.frames_per_s) ? opened.frames_per_s : 0,
                                .frames = opened.frames};
    memcpy(v->info.container, opened.container, sizeof v->info.container);
    memcpy(v->info.codec, opened.codec, sizeof v->info.codec);
    return MERX_OK;
}

merx_status merx_video_open(merx_decoder *decoder, const char *path, const merx_video_options *options,
                            merx_video **out, merx_error *err)
{
    static const merx_video_options defaults = {0};
    merx_video *v = NULL;
    int fd = -1;
    *out = NULL;
    if (options == NULL)
        options = &defaults;
    MX_TRY(check_options(options, decoder, err));
    MX_TRY(MX_NEW_ARRAY(decoder->alloc, 1, &v, "video", err));
    v->decoder = decoder;
    v->picture = options->picture;
    v->path_bytes = strlen(path) + 1;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array_raw(decoder->alloc, v->path_bytes, 1, "path of a video", &v->path, err));
    memcpy(v->path, path, v->path_bytes);
    MX_TRY_GOTO(open_file(path, &fd, err));
    MX_TRY_GOTO(begin(v, options, fd, err));
    *out = v;
out:
    if (fd >= 0)
        (void)close(fd);
    if (status != MERX_OK)
        merx_video_close(v);
    return status;
}

void merx_video_close(merx_video *v)
{
    if (v == NULL)
        return;
    if (v->running)
        mx_helper_stop(&v->helper);
    const merx_allocator *alloc = v->decoder->alloc;
    if (v->path != NULL)
        mx_free_array(alloc, v->path, v->path_bytes, 1);
    MX_FREE_ARRAY(alloc, v, 1);
}

void merx_video_describe(const merx_video *video, merx_video_info *out)
{
    *out = video->info;
}

/* A reply is of a process that may lie: every number is checked before it is used. */
static bool is_sound(const merx_video *v, const mx_video_reply *r)
{
    const merx_decoder_options *o = &v->decoder->options;
    const merx_picture_options *p = &v->picture;
    if (r->magic != MX_DECODE_MAGIC || r->status > MERX_E_INTERNAL)
        return false;
    if (r->what == MX_VIDEO_FAILED)
        return r->status != MERX_OK;
    if (r->what == MX_VIDEO_END)
        return true;
    const bool exact = p->height > 0 && p->fit != MERX_PICTURE_INSIDE;
    return r->what == MX_VIDEO_FRAME && r->index >= v->next && isfinite(r->time_ms) && r->scene_score >= 0 &&
           r->scene_score <= 1 && r->height > 0 && r->width > 0 && r->height <= o->max_side &&
           r->width <= o->max_side && r->source_height <= o->max_side && r->source_width <= o->max_side &&
           r->height * r->width * 3 <= v->shared_bytes &&
           (!exact || (r->height == p->height && r->width == p->width)) &&
           (p->height == 0 || (r->height <= p->height && r->width <= p->width));
}

merx_status merx_video_next(merx_video *v, merx_video_frame *frame, merx_error *err)
{
    const mx_video_ask ask = {.magic = MX_DECODE_MAGIC};
    mx_video_reply r;
    *frame = (merx_video_frame){.index = 0};
    if (v->ended)
        return MERX_OK;
    if (v->done != MERX_OK)
        MX_FAIL(err, v->done, v->path, "reading failed before");
    (void)mx_helper_send(&v->helper, &ask, sizeof ask, -1); /* if it has ended, receiving says so */
    merx_status status = hear(v, &r, sizeof r, err);
    if (status == MERX_OK && !is_sound(v, &r)) {
        mx_helper_stop(&v->helper);
        v->running = false;
        status = mx_error_set(err, MERX_E_CORRUPT, v->path, "its decoder gave an answer that can't be");
    }
    if (status != MERX_OK) {
        v->done = status;
        return status;
    }
    if (r.what == MX_VIDEO_END) {
        v->ended = true;
        return MERX_OK;
    }
    if (r.what == MX_VIDEO_FAILED) {
        r.message[sizeof r.message - 1] = '\0';
        v->done = (merx_status)r.status;
        MX_FAIL(err, v->done, v->path, "%s", r.message);
    }
    MX_TRY(mx_picture_make(r.height, r.width, v->decoder->alloc, &frame->picture, err));
    memcpy(frame->picture.pixels, v->helper.shared, r.height * r.width * 3);
    frame->picture.source_height = r.source_height;
    frame->picture.source_width = r.source_width;
    frame->index = r.index;
    frame->time_ms = r.time_ms;
    frame->scene_score = r.scene_score;
    frame->scene_change = r.scene_change != 0;
    v->next = r.index + 1;
    return MERX_OK;
}
