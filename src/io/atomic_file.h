/*
 * A file being written that appears under its name only when it is whole. Floor 1; used by mx_write_file, sinks and tensor files.
 */
#ifndef MX_IO_ATOMIC_FILE_H
#define MX_IO_ATOMIC_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef struct mx_atomic_file {
    int fd;                   /* -1: closed */
    bool direct;              /* a device or pipe: written to as it is, never renamed over */
    char path[PATH_MAX];      /* with a symbolic link resolved */
    char temporary[PATH_MAX]; /* beside it; "" once renamed or removed */
} mx_atomic_file;

/* After a failure of any of these nothing is left to free and no temporary file is left. */
merx_status mx_atomic_open(mx_atomic_file *file, const char *path, merx_error *err) MERX_MUST_CHECK;
merx_status mx_atomic_write(mx_atomic_file *file, const void *data, size_t size, merx_error *err) MERX_MUST_CHECK;
/* fsync, rename, fsync of the folder. */
merx_status mx_atomic_commit(mx_atomic_file *file, merx_error *err) MERX_MUST_CHECK;
void mx_atomic_abandon(mx_atomic_file *file); /* may be called after any of the above */

#endif
