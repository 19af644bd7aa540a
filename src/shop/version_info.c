/*
 * merx_build_info: what this build has, floor by floor.
 */
#include <string.h>

#include "base/build_info.h"
#include "io/stream.h"
#include "media/media.h"
#include "merx/answer.h"
#include "merx/model.h"
#include "numeric/matrix.h"
#include "store/records.h"

static void registries(mx_text *text)
{
    mx_text_puts(text, "models       ");
    for (size_t i = 0; merx_family_at(i); i++)
        mx_text_printf(text, " %s", merx_family_at(i)->name);
    mx_text_puts(text, "\nanswers      ");
    for (size_t i = 0; merx_answer_at(i); i++)
        mx_text_printf(text, " %s", merx_answer_at(i)->name);
    mx_text_puts(text, "\n");
}

static const mx_build_part parts[] = {mx_build_info_base,  mx_io_build_info,    mx_numeric_build_info,
                                      mx_store_build_info, mx_media_build_info, registries};

size_t merx_build_info(char *text, size_t size)
{
    mx_text all;
    mx_text_init(&all, NULL, 1 << 16);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        parts[i](&all);
    size_t length = all.size;
    if (size > 0) {
        size_t copied = length < size ? length : size - 1;
        if (copied > 0)
            memcpy(text, all.data, copied);
        text[copied] = '\0';
    }
    mx_text_release(&all);
    return length;
}
