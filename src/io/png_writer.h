/*
 * PNG files out (ISO/IEC 15948): 8 bits a channel, not interlaced, each row filtered by the one of five filters with the least sum of magnitudes, zlib level 6. Floor 1.
 */
#ifndef MX_IO_PNG_WRITER_H
#define MX_IO_PNG_WRITER_H

#include "base/memory.h"

/* pixels (height, width, channels), channels 1, 3 or 4; appended to out (bytes). Errors: MERX_E_SHAPE, MERX_E_LIMIT. */
merx_status mx_png_write(const unsigned char *pixels, size_t height, size_t width, int channels, mx_vec *out,
                         merx_error *err) MERX_MUST_CHECK;

#endif
