/*
 * The helper programs' side of the socket (see serve.h, media/protocol.h).
 */
#include "media/decode/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/helper.h"

bool mx_serve_hear(void *message, size_t size, int *descriptor)
{
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec part = {message, size};
    struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    ssize_t got;
    if (descriptor != NULL)
        *descriptor = -1;
    do
        got = recvmsg(MX_HELPER_SOCKET, &header, 0);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)size)
        return false;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c != NULL && descriptor != NULL; c = CMSG_NXTHDR(&header, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
            memcpy(descriptor, CMSG_DATA(c), sizeof(int));
    return true;
}

bool mx_serve_say(const void *message, size_t size)
{
    ssize_t sent;
    do
        sent = send(MX_HELPER_SOCKET, message, size, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)size;
}

int mx_serve_begin(int argc, char **argv, const char *what, void (*before_limits)(void), mx_served *out)
{
    struct stat info;
    if (argc != 2 || strcmp(argv[1], "--serve") != 0 || fstat(MX_HELPER_SOCKET, &info) != 0 ||
        !S_ISSOCK(info.st_mode)) {
        (void)fprintf(stderr, "%s is started by libmerx, which has it decode %s; it is of no use by hand.\n", argv[0],
                      what);
        return 2;
    }
    if (!mx_serve_hear(&out->hello, sizeof out->hello, NULL) || out->hello.magic != MX_DECODE_MAGIC)
        return 3;
    mx_decode_welcome welcome = {.magic = MX_DECODE_MAGIC, .version = MX_DECODE_VERSION};
    merx_error err = {0};
    if (out->hello.version != MX_DECODE_VERSION) {
        (void)mx_serve_say(&welcome, sizeof welcome);
        return 3;
    }
    void *map =
        mmap(NULL, out->hello.shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, MX_HELPER_MEMORY, 0);
    if (map == MAP_FAILED) {
        welcome.status = (uint32_t)mx_error_errno(&err, errno, "shared memory", "map");
    } else {
        out->shared = map;
        if (before_limits != NULL)
            before_limits();
        welcome.status = (uint32_t)mx_confine(&(mx_confinement){.memory_bytes = out->hello.memory_bytes}, &err);
    }
    (void)snprintf(welcome.message, sizeof welcome.message, "%.239s", err.message);
    if (!mx_serve_say(&welcome, sizeof welcome) || welcome.status != MERX_OK)
        return 3;
    return 0;
}
