/*
 * Tar files, read from front to back: ustar (POSIX 1003.1-1988), pax (2001: path and size), GNU's long names and large sizes, and the old form without magic. Floor 1.
 *
 * A reader of what may be hostile: every header's checksum is verified, names are bounded and are checked by who uses them (mx_tar_safe_name), nothing is written to disk.
 * Links, devices and sparse files are passed on as MX_TAR_OTHER, without bytes. A file that ends before its end mark (two blocks of zeros) is MERX_E_CORRUPT.
 */
#ifndef MX_IO_TAR_H
#define MX_IO_TAR_H

#include "io/stream.h"

#define MX_TAR_NAME_BYTES ((size_t)4096)

typedef enum mx_tar_type { MX_TAR_FILE, MX_TAR_FOLDER, MX_TAR_OTHER } mx_tar_type;

typedef struct mx_tar_entry {
    const char *name; /* borrowed until the next call; NULL: the end */
    mx_tar_type type;
    uint64_t size;   /* of its bytes */
    uint64_t offset; /* of the first of them, in the decompressed stream */
} mx_tar_entry;

typedef struct mx_tar mx_tar;

/* source: kept, at its beginning. max_entries: one more is MERX_E_LIMIT. */
merx_status mx_tar_open(mx_source *source, size_t max_entries, const merx_allocator *alloc, mx_tar **out,
                        merx_error *err) MERX_MUST_CHECK;
/* The next entry; what was not read of the one before is skipped. */
merx_status mx_tar_next(mx_tar *tar, mx_tar_entry *out, merx_error *err) MERX_MUST_CHECK;
/* Bytes of the current entry; *got 0 at its end. */
merx_status mx_tar_read(mx_tar *tar, void *buffer, size_t size, size_t *got, merx_error *err) MERX_MUST_CHECK;
void mx_tar_close(mx_tar *tar);

/*
 * Writing: for each entry a header, then exactly its bytes, then the end of the entry; mx_tar_write_end after the last. Names of at most MX_TAR_NAME_BYTES - 1 bytes (longer ones
 * than ustar has room for get a pax header); mode 0600, no owner.
 */
merx_status mx_tar_write_header(mx_sink *sink, const char *name, uint64_t size, int64_t time_s,
                                merx_error *err) MERX_MUST_CHECK;
merx_status mx_tar_write_padding(mx_sink *sink, uint64_t size, merx_error *err) MERX_MUST_CHECK; /* size: the entry's */
merx_status mx_tar_write_end(mx_sink *sink, merx_error *err) MERX_MUST_CHECK;

/* Whether a name stays below the folder it is joined to: not empty, not absolute, no part "..", no control characters. */
bool mx_tar_safe_name(const char *name);

#endif
