/*
 * The libraries of the io floor, for merx_build_info.
 */
#include <jansson.h>
#include <sodium.h>
#include <zlib.h>
#include <zstd.h>

#include "io/stream.h"

void mx_io_build_info(mx_text *text)
{
    mx_text_printf(text, "zlib          %s\n", zlibVersion());
    mx_text_printf(text, "zstd          %s\n", ZSTD_versionString());
    mx_text_printf(text, "jansson       %s\n", jansson_version_str());
    mx_text_printf(text, "libsodium     %s\n", sodium_version_string());
}
