/*
 * Streams of bytes: file, memory, gzip, zstd, behind one small struct. Floor 1.
 *
 * mx_source_open looks at the first bytes, not at the name, to find gzip and zstd (also several members in a row). A source never gives out more than max_bytes
 * in all (0: 1 TiB out of a decompressor, no limit for plain bytes): one byte more is MERX_E_LIMIT. A member cut short is MERX_E_CORRUPT, not an end.
 * After a failure every later read fails likewise.
 */
#ifndef MX_IO_STREAM_H
#define MX_IO_STREAM_H

#include "base/memory.h"
#include "base/str.h"

typedef struct mx_source mx_source;

merx_status mx_source_open(const char *path, const merx_allocator *alloc, uint64_t max_bytes, mx_source **out,
                           merx_error *err) MERX_MUST_CHECK;
/* data is kept. name is what messages call it; copied. */
merx_status mx_source_memory(const void *data, size_t size, const char *name, const merx_allocator *alloc,
                             uint64_t max_bytes, mx_source **out, merx_error *err) MERX_MUST_CHECK;
/* Reads up to size bytes; *got 0 means the end. */
merx_status mx_source_read(mx_source *source, void *buffer, size_t size, size_t *got, merx_error *err) MERX_MUST_CHECK;
const char *mx_source_name(const mx_source *source);
uint64_t mx_source_consumed(const mx_source *source); /* bytes of the (compressed) input read so far, for progress */
uint64_t mx_source_size(const mx_source *source);     /* of the (compressed) input; 0 if unknown */
/* Whether the bytes are those of a regular file as it lies on disk; then its descriptor (the source's) and size when it was opened. */
bool mx_source_file(const mx_source *source, int *fd, uint64_t *size_bytes);
void mx_source_close(mx_source *source);

typedef enum mx_compression { MX_PLAIN, MX_GZIP, MX_ZSTD } mx_compression;
/* By file name: .gz, .zst, else plain. */
mx_compression mx_compression_of_name(const char *path);

typedef struct mx_sink mx_sink;
/* Writes beside the path and renames at mx_sink_finish; mx_sink_abandon (also after a failure) leaves nothing. */
merx_status mx_sink_open(const char *path, mx_compression compression, const merx_allocator *alloc, mx_sink **out,
                         merx_error *err) MERX_MUST_CHECK;
/* Nobody else may read the file: mode 0600. Before anything is written. */
merx_status mx_sink_private(mx_sink *sink, merx_error *err) MERX_MUST_CHECK;
merx_status mx_sink_write(mx_sink *sink, const void *data, size_t size, merx_error *err) MERX_MUST_CHECK;
merx_status mx_sink_finish(mx_sink *sink, merx_error *err) MERX_MUST_CHECK; /* frees the sink, whatever it returns */
void mx_sink_abandon(mx_sink *sink);

/* Lines about the libraries of this floor, for merx_build_info (base/build_info.h). */
void mx_io_build_info(mx_text *text);

#endif
