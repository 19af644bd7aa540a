/*
 * Flags that the commands for pictures and video share (see media_flags.h).
 */
#include <stdlib.h>
#include <string.h>

#include "media_flags.h"

int media_picture_options(const cli_arguments *arguments, merx_picture_options *out)
{
    static const char *const fits[MERX_PICTURE_FITS] = {"crop", "pad", "stretch", "inside"};
    *out = (merx_picture_options){.height = 0};
    const char *size = cli_value(arguments, "size"), *fit = cli_value(arguments, "fit");
    if (size) {
        char *end = NULL;
        const unsigned long width = *size >= '0' && *size <= '9' ? strtoul(size, &end, 10) : 0;
        const unsigned long height =
            end && *end == 'x' && end[1] >= '0' && end[1] <= '9' ? strtoul(end + 1, &end, 10) : 0;
        if (width == 0 || height == 0 || width > 32768 || height > 32768 || *end)
            return cli_usage_error(arguments->command, "--size is \"%s\": expected WIDTHxHEIGHT, such as 64x64", size);
        out->width = width;
        out->height = height;
    }
    if (!fit)
        return 0;
    for (int f = 0; f < MERX_PICTURE_FITS; f++)
        if (strcmp(fit, fits[f]) == 0) {
            out->fit = (merx_picture_fit)f;
            return 0;
        }
    return cli_usage_error(arguments->command, "--fit is \"%s\": expected crop, pad, stretch or inside", fit);
}
