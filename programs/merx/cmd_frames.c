/*
 * merx frames: the frames of a video: times, scenes, PNG files.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "media_flags.h"

/* "10" is every tenth frame; "2s" and "500ms" a time. */
static int parse_every(const cli_arguments *arguments, merx_video_options *out)
{
    const char *text = cli_value(arguments, "every");
    if (!text)
        return 0;
    char *end;
    errno = 0;
    const double value = strtod(text, &end);
    const bool seconds = strcmp(end, "s") == 0, ms = strcmp(end, "ms") == 0;
    if (end == text || errno || !(value > 0 && value < 1e9) || (*end && !seconds && !ms) ||
        (!*end && value != (double)(size_t)value))
        return cli_usage_error(arguments->command,
                               "--every is \"%s\": expected a number of frames (10) or a time (1s, 500ms)", text);
    if (*end)
        out->every_ms = seconds ? value * 1000 : value;
    else
        out->every_frames = (size_t)value;
    return 0;
}

static int write_frame(const char *folder, const merx_video_frame *frame)
{
    char path[4096];
    merx_error err = {0};
    const int size = snprintf(path, sizeof path, "%s/frame-%06llu.png", folder, (unsigned long long)frame->index);
    if (size < 0 || (size_t)size >= sizeof path) {
        fprintf(stderr, "merx: %s: is too long a path\n", folder);
        return 1;
    }
    if (merx_png_write(path, frame->picture.pixels, frame->picture.height, frame->picture.width, 3, &err) != MERX_OK)
        return cli_fail(&err);
    return 0;
}

static int walk(const cli_arguments *arguments, merx_video *video, json_t *list)
{
    const char *folder = cli_value(arguments, "out");
    const bool scenes = cli_has(arguments, "scenes"), as_json = cli_has(arguments, "json");
    merx_error err = {0};
    for (int code = 0;;) {
        merx_video_frame frame;
        if (merx_video_next(video, &frame, &err) != MERX_OK)
            return cli_fail(&err);
        if (!frame.picture.pixels)
            return 0;
        if (!scenes || frame.scene_change) {
            if (folder)
                code = write_frame(folder, &frame);
            if (as_json)
                json_array_append_new(list, json_pack("{s:I, s:f, s:f, s:b}", "index", (json_int_t)frame.index,
                                                      "time_ms", frame.time_ms, "scene_score", frame.scene_score,
                                                      "scene_change", (int)frame.scene_change));
            else
                printf("%8llu %12.3f ms  %.3f%s\n", (unsigned long long)frame.index, frame.time_ms, frame.scene_score,
                       frame.scene_change ? "  scene" : "");
        }
        merx_picture_release(&frame.picture);
        if (code)
            return code;
    }
}

static int run(cli_arguments *arguments)
{
    merx_video_options options = {0};
    merx_video_info info;
    merx_decoder *decoder = NULL;
    merx_video *video = NULL;
    merx_error err = {0};
    int code = media_picture_options(arguments, &options.picture);
    if (!code)
        code = parse_every(arguments, &options);
    if (code)
        return code;
    const char *folder = cli_value(arguments, "out");
    if (folder && mkdir(folder, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "merx: %s: can't make the folder: %s\n", folder, strerror(errno));
        return 1;
    }
    if (!folder && options.picture.height == 0)
        options.picture = (merx_picture_options){.height = 16, .width = 16}; /* nobody looks at the pixels */
    if (merx_decoder_new(NULL, &(merx_decoder_options){.processes = 1}, &decoder, &err) != MERX_OK)
        return cli_fail(&err);
    if (merx_video_open(decoder, arguments->positional[0], &options, &video, &err) != MERX_OK) {
        merx_decoder_free(decoder);
        return cli_fail(&err);
    }
    merx_video_describe(video, &info);
    json_t *list = json_array();
    code = walk(arguments, video, list);
    if (cli_has(arguments, "json")) {
        const int printed = cli_print_json(
            json_pack("{s:s, s:s, s:s, s:I, s:I, s:f, s:f, s:I, s:b, s:o}", "path", arguments->positional[0],
                      "container", info.container, "codec", info.codec, "width", (json_int_t)info.width, "height",
                      (json_int_t)info.height, "duration_ms", info.duration_ms, "frames_per_s", info.frames_per_s,
                      "stated_frames", (json_int_t)info.frames, "whole", code == 0, "frames", list));
        code = code ? code : printed;
    } else {
        json_decref(list);
    }
    merx_video_close(video);
    merx_decoder_free(decoder);
    return code;
}

static const cli_flag flags[] = {
    {"every", "N|TIME", "every N-th frame, or the first in each TIME (1s, 500ms)"},
    {"scenes", NULL, "only frames that begin a scene"},
    {"size", "WxH", "bring them to this size, width x height (default: as they are)"},
    {"fit", "HOW", "crop (default), pad, stretch, or inside"},
    {"out", "FOLDER", "write each frame as FOLDER/frame-N.png"},
    {NULL, NULL, NULL},
};

const cli_command cmd_frames = {
    .name = "frames",
    .usage = "VIDEO",
    .summary = "the frames of a video: times, scenes; as PNG files",
    .text = "Reads MP4 and WebM in a process of its own. Each line: number, time, how far its colours are from the "
            "frame before (0 … 1), "
            "and whether it begins a scene. A file that is cut short gives what could be read, then an error that says "
            "where; the exit code is 1.",
    .examples = "merx frames clip.mp4 --every 1s --json\nmerx frames clip.mp4 --scenes --out scenes --size 320x180 "
                "--fit inside\n",
    .flags = flags,
    .min_positional = 1,
    .max_positional = 1,
    .run = run,
};
