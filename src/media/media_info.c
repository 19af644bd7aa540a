/*
 * Which programs decode pictures and video here, for merx_build_info.
 */
#include "media/media.h"

#include <stdio.h>

#include "io/file.h"
#include "media/decoder.h"

void mx_media_build_info(mx_text *text)
{
    merx_decoder *decoder = NULL;
    char video[PATH_MAX + 8];
    if (merx_decoder_new(NULL, NULL, &decoder, NULL) != MERX_OK) {
        mx_text_puts(text, "pictures      no (merx-decode is not there)\n");
        return;
    }
    mx_text_printf(text, "pictures      %s\n", decoder->program);
    (void)snprintf(video, sizeof video, "%s-video", decoder->program);
    mx_text_printf(text, "video         %s\n", mx_path_is_file(video) ? video : "no (merx-decode-video is not there)");
    merx_decoder_free(decoder);
}
