/*
 * What sources and sinks share: zlib over a merx allocator. Floor 1.
 */
#ifndef MX_IO_COMPRESS_H
#define MX_IO_COMPRESS_H

#include <zlib.h>

#include "merx/alloc.h"

/* Makes the stream allocate from alloc (kept). To be called before inflateInit or deflateInit. */
void mx_zlib_use(z_stream *stream, const merx_allocator *alloc);

#endif
