/*
 * merx picture: what a picture is, as merx sees it; at another size as PNG.
 */
#include <stdlib.h>
#include <string.h>

#include "media_flags.h"

static json_t *picture_json(const char *path, const merx_picture *picture, const merx_error *err)
{
    if (err->code != MERX_OK)
        return json_pack("{s:s, s:{s:s, s:s}}", "path", path, "error", "status", merx_status_name(err->code), "message",
                         err->message);
    double sum[3] = {0, 0, 0};
    const size_t n = picture->height * picture->width;
    for (size_t i = 0; i < n * 3; i++)
        sum[i % 3] += picture->pixels[i];
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:[f, f, f]}", "path", path, "format",
                     merx_picture_format_name(picture->format), "width", (json_int_t)picture->source_width, "height",
                     (json_int_t)picture->source_height, "given_width", (json_int_t)picture->width, "given_height",
                     (json_int_t)picture->height, "mean_rgb", sum[0] / (double)n, sum[1] / (double)n,
                     sum[2] / (double)n);
}

static int run(cli_arguments *arguments)
{
    merx_picture_options options;
    merx_decoder *decoder = NULL;
    merx_error err = {0};
    const char *out = cli_value(arguments, "out");
    int code = media_picture_options(arguments, &options);
    if (code)
        return code;
    if (out && arguments->n_positional > 1)
        return cli_usage_error(arguments->command, "--out writes one picture: give one FILE");
    if (merx_decoder_new(NULL, &(merx_decoder_options){.processes = 1}, &decoder, &err) != MERX_OK)
        return cli_fail(&err);
    json_t *list = json_array();
    for (int i = 0; i < arguments->n_positional; i++) {
        const char *path = arguments->positional[i];
        merx_picture picture;
        merx_error failed = {0};
        if (merx_picture_read(decoder, path, &options, &picture, &failed) != MERX_OK)
            code = cli_fail(&failed);
        if (cli_has(arguments, "json"))
            json_array_append_new(list, picture_json(path, &picture, &failed));
        else if (failed.code == MERX_OK)
            printf("%s: %s, %zu x %zu pixels\n", path, merx_picture_format_name(picture.format), picture.source_width,
                   picture.source_height);
        if (out && failed.code == MERX_OK &&
            merx_png_write(out, picture.pixels, picture.height, picture.width, 3, &failed) != MERX_OK)
            code = cli_fail(&failed);
        merx_picture_release(&picture);
    }
    merx_decoder_free(decoder);
    if (cli_has(arguments, "json")) {
        const int printed = cli_print_json(list);
        return code ? code : printed;
    }
    json_decref(list);
    return code;
}

static const cli_flag flags[] = {
    {"size", "WxH", "bring it to this size, width x height (default: as it is)"},
    {"fit", "HOW", "crop (default), pad, stretch, or inside"},
    {"out", "PNG", "write what merx sees as a PNG file"},
    {NULL, NULL, NULL},
};

const cli_command cmd_picture = {
    .name = "picture",
    .usage = "FILE…",
    .summary = "look at pictures: format, size; at another size as PNG",
    .text = "Reads JPEG, PNG and WebP as training and answers do: upright, as RGB, decoded in a process of its own. "
            "A picture that can't be read is named with the reason, and the exit code is 1.",
    .examples = "merx picture cup.jpg --json\nmerx picture cup.jpg --size 64x64 --fit pad --out cup-64.png\n",
    .flags = flags,
    .min_positional = 1,
    .max_positional = -1,
    .run = run,
};
