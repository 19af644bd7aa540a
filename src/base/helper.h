/*
 * A helper process: a program of ours that does in its own process what may crash or grow without bounds. Floor 0.
 *
 * The program is started with posix_spawn (safe in a process with threads; nothing of this process is copied), an empty environment and four descriptors: 0 and 1 are
 * /dev/null, 2 this process's stderr, MX_HELPER_SOCKET one end of a socket pair that keeps the borders of messages, MX_HELPER_MEMORY a block of memory that both map.
 * The block's size is sealed, so that it can't be cut under this process. The helper limits itself (base/confine.h) before it reads a byte from outside, and
 * ends when its socket closes: also when this process is killed.
 *
 * What comes back is from a process that may have been taken over: take messages into memory of this process first, check every number, then use it.
 */
#ifndef MX_BASE_HELPER_H
#define MX_BASE_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/memory.h"

enum { MX_HELPER_SOCKET = 3, MX_HELPER_MEMORY = 4 };

typedef struct mx_helper {
    pid_t pid;   /* 0: none */
    int process; /* pidfd, -1 */
    int socket;  /* -1 */
    unsigned char *shared;
    size_t shared_bytes;
    bool killed;   /* by mx_helper_kill */
    int signal;    /* that ended it, once mx_helper_stop has seen it; 0: none, or not known */
    char why[128]; /* how it ended, once mx_helper_stop has seen it: "ended by signal 11 (Segmentation fault)" */
} mx_helper;

/* program: absolute path. Errors: MERX_E_NOT_FOUND, MERX_E_PERMISSION, MERX_E_IO; then there is nothing to stop. */
merx_status mx_helper_start(const char *program, size_t shared_bytes, mx_helper *out, merx_error *err) MERX_MUST_CHECK;
/* One message, with a descriptor to be shared (-1: none). false: it has ended. */
bool mx_helper_send(mx_helper *helper, const void *message, size_t size, int descriptor);
/* One message, as far as size goes; waits at most timeout_ms. *got 0: nothing came in time. false: it has ended. */
bool mx_helper_receive(mx_helper *helper, void *message, size_t size, int timeout_ms, size_t *got);
/* Gives back the memory under the shared block; its bytes are 0 afterwards. */
void mx_helper_forget_shared(mx_helper *helper);
void mx_helper_kill(mx_helper *helper);
/* Ends it and frees all but helper->why. A helper that has ended by itself says how. May be called on one that is stopped, or all zero. */
void mx_helper_stop(mx_helper *helper);

/*
 * The path of a program that comes with the library: beside the running program or the file that holds the address `inside`, in ../bin, ../<libexec> or
 * ../../<libexec> from there, or at `installed` (NULL: none). out has room for PATH_MAX bytes. Errors: MERX_E_NOT_FOUND naming them all.
 */
merx_status mx_helper_find(const char *name, const void *inside, const char *libexec, const char *installed, char *out,
                           merx_error *err) MERX_MUST_CHECK;

#endif
