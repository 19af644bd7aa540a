/*
 * A picture's bytes out of a file: read, not mapped, since a mapped file that another program cuts short would end this process.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"
#include "media/picture.h"

merx_status mx_read_picture(const char *path, uint64_t max_bytes, mx_arena *arena, merx_picture_bytes *out,
                            merx_error *err)
{
    struct stat info;
    unsigned char *bytes = NULL;
    size_t got = 0;
    *out = (merx_picture_bytes){.bytes = NULL};
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return mx_error_errno(err, errno, path, "open");
    merx_status status = MERX_OK;
    if (fstat(fd, &info) != 0)
        MX_TRY_GOTO(mx_error_errno(err, errno, path, "look at"));
    if (!S_ISREG(info.st_mode))
        MX_FAIL_GOTO(err, MERX_E_INVALID, path, "is not a regular file");
    out->size = (size_t)info.st_size;
    if (out->size > 0 && out->size <= max_bytes) {
        bytes = mx_arena_alloc(arena, out->size, err);
        status = bytes != NULL ? mx_read_at(fd, 0, bytes, out->size, &got, path, err) : MERX_E_MEMORY;
        out->size = got;
    }
    out->bytes = bytes;
out:
    (void)close(fd);
    return status;
}
