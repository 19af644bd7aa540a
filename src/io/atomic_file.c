/*
 * Atomic replacement of a file: temporary file in the same folder, fsync, rename, fsync of the folder.
 *
 * Invariants: 1. the old file is not touched before rename; 2. every failure removes the temporary file; 3. a device or pipe is never
 * renamed over (renaming onto /dev/full would replace the device).
 */
#include "io/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"

/* The folder of path, "." when it names none. */
static void folder_of(const char *path, char folder[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        memcpy(folder, ".", sizeof ".");
        return;
    }
    size_t size = slash == path ? 1 : (size_t)(slash - path);
    memcpy(folder, path, size);
    folder[size] = '\0';
}

static int open_temporary(mx_atomic_file *file)
{
    char folder[PATH_MAX];
    folder_of(file->path, folder);
    for (int attempt = 0; attempt < 100; attempt++) {
        uint64_t tag;
        mx_random_bytes(&tag, sizeof tag);
        int size =
            snprintf(file->temporary, sizeof file->temporary, "%s/.merx-%016llx.tmp", folder, (unsigned long long)tag);
        if (size < 0 || (size_t)size >= sizeof file->temporary) {
            errno = ENAMETOOLONG;
            break;
        }
        int fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0)
            return fd;
        if (errno != EEXIST)
            break;
    }
    file->temporary[0] = '\0';
    return -1;
}

merx_status mx_atomic_open(mx_atomic_file *file, const char *path, merx_error *err)
{
    file->fd = -1;
    file->direct = false;
    file->temporary[0] = '\0';
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof file->path)
        MX_FAIL(err, MERX_E_INVALID, path, "is not a path (1 to %zu bytes expected)", sizeof file->path - 1);
    struct stat info;
    bool there = stat(path, &info) == 0;
    if (there && S_ISDIR(info.st_mode))
        MX_FAIL(err, MERX_E_INVALID, path, "is a folder; a file to write was expected");
    if (!there || !realpath(path, file->path))
        memcpy(file->path, path, size + 1);
    if (there && !S_ISREG(info.st_mode)) {
        file->direct = true;
        file->fd = open(path, O_WRONLY | O_CLOEXEC);
        return file->fd >= 0 ? MERX_OK : mx_error_errno(err, errno, path, "open for writing");
    }
    file->fd = open_temporary(file);
    if (file->fd < 0)
        return mx_error_errno(err, errno, path, "write");
    if (there && fchmod(file->fd, info.st_mode & 0777) != 0) {
        merx_status status = mx_error_errno(err, errno, path, "set the mode");
        mx_atomic_abandon(file);
        return status;
    }
    return MERX_OK;
}

merx_status mx_atomic_write(mx_atomic_file *file, const void *data, size_t size, merx_error *err)
{
    const char *at = data;
    while (size > 0) {
        ssize_t done = write(file->fd, at, size < ((size_t)1 << 30) ? size : (size_t)1 << 30);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            merx_status status = mx_error_errno(err, done < 0 ? errno : ENOSPC, file->path, "write");
            mx_atomic_abandon(file);
            return status;
        }
        at += done;
        size -= (size_t)done;
    }
    return MERX_OK;
}

static merx_status sync_folder(const char *path, merx_error *err)
{
    char folder[PATH_MAX];
    folder_of(path, folder);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return mx_error_errno(err, errno, folder, "open");
    merx_status status = MERX_OK;
    if (fsync(fd) != 0 && errno != EINVAL) /* EINVAL: a file system whose folders can't be synced */
        status = mx_error_errno(err, errno, folder, "sync");
    (void)close(fd);
    return status;
}

merx_status mx_atomic_commit(mx_atomic_file *file, merx_error *err)
{
    merx_status status = MERX_OK;
    if (!file->direct && fsync(file->fd) != 0)
        status = mx_error_errno(err, errno, file->path, "sync");
    int closed = close(file->fd);
    file->fd = -1;
    if (status == MERX_OK && closed != 0)
        status = mx_error_errno(err, errno, file->path, "close");
    if (status == MERX_OK && !file->direct) {
        if (rename(file->temporary, file->path) != 0) {
            status = mx_error_errno(err, errno, file->path, "rename to this name");
        } else {
            file->temporary[0] = '\0';
            status = sync_folder(file->path, err);
        }
    }
    mx_atomic_abandon(file);
    return status;
}

void mx_atomic_abandon(mx_atomic_file *file)
{
    if (file->fd >= 0)
        (void)close(file->fd);
    file->fd = -1;
    if (file->temporary[0])
        (void)unlink(file->temporary);
    file->temporary[0] = '\0';
}
