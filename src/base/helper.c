/*
 * A helper process (see helper.h).
 */
#include "base/helper.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"

/* What the helper's environment holds: enough for the dynamic linker and the sanitizers. */
static const char *const passed[] = {"LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS",
                                     "MERX_DECODE_SANDBOX"};
enum { PASSED = sizeof passed / sizeof *passed, VARIABLE_BYTES = 4096 };

static void close_descriptor(int *descriptor)
{
    if (*descriptor >= 0)
        (void)close(*descriptor);
    *descriptor = -1;
}

/* A copy above the numbers that the helper's descriptors get. */
static int above(int descriptor)
{
    int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 16);
    int kept = errno;
    (void)close(descriptor);
    errno = kept;
    return copy;
}

static merx_status share_memory(const char *program, size_t size, mx_helper *out, int *memory, merx_error *err)
{
    *memory = memfd_create("merx-helper", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (*memory >= 0)
        *memory = above(*memory);
    if (*memory < 0 || ftruncate(*memory, (off_t)size) != 0 ||
        fcntl(*memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return mx_error_errno(err, errno, program, "make shared memory for");
    void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, *memory, 0);
    if (map == MAP_FAILED)
        return mx_error_errno(err, errno, program, "map shared memory for");
    out->shared = map;
    out->shared_bytes = size;
    return MERX_OK;
}

/* NULL-ended, into variables. */
static void make_environment(char variables[PASSED + 1][VARIABLE_BYTES], char *environment[PASSED + 2])
{
    size_t n = 0;
    (void)snprintf(variables[0], VARIABLE_BYTES, "LC_ALL=C");
    environment[n++] = variables[0];
    for (size_t i = 0; i < PASSED; i++) {
        const char *value = secure_getenv(passed[i]);
        const size_t name = strlen(passed[i]), size = value != NULL ? strlen(value) : 0;
        if (value == NULL || name + size + 2 > VARIABLE_BYTES)
            continue;
        memcpy(variables[i + 1], passed[i], name);
        variables[i + 1][name] = '=';
        memcpy(variables[i + 1] + name + 1, value, size + 1);
        environment[n++] = variables[i + 1];
    }
    environment[n] = NULL;
}

static int spawn(const char *program, int socket, int memory, pid_t *pid)
{
    char name[] = "merx-helper", serve[] = "--serve";
    char *arguments[] = {name, serve, NULL};
    char variables[PASSED + 1][VARIABLE_BYTES];
    char *environment[PASSED + 2];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    make_environment(variables, environment);
    sigemptyset(&none);
    sigfillset(&all);
    int failure = posix_spawn_file_actions_init(&actions);
    if (failure != 0)
        return failure;
    failure = posix_spawnattr_init(&attributes);
    if (failure != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return failure;
    }
    const int steps[] = {
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0),
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0),
        posix_spawn_file_actions_adddup2(&actions, socket, MX_HELPER_SOCKET),
        posix_spawn_file_actions_adddup2(&actions, memory, MX_HELPER_MEMORY),
        posix_spawn_file_actions_addclosefrom_np(&actions, MX_HELPER_MEMORY + 1),
        posix_spawnattr_setsigmask(&attributes, &none),
        posix_spawnattr_setsigdefault(&attributes, &all),
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF),
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        failure = failure != 0 ? failure : steps[i];
    if (failure == 0)
        failure = posix_spawn(pid, program, &actions, &attributes, arguments, environment);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return failure;
}

merx_status mx_helper_start(const char *program, size_t shared_bytes, mx_helper *out, merx_error *err)
{
    int pair[2] = {-1, -1}, memory = -1;
    merx_status status = MERX_OK;
    *out = (mx_helper){.process = -1, .socket = -1};
    MX_TRY_GOTO(share_memory(program, shared_bytes, out, &memory, err));
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        MX_TRY_GOTO(mx_error_errno(err, errno, program, "make a socket for"));
    if ((pair[1] = above(pair[1])) < 0)
        MX_TRY_GOTO(mx_error_errno(err, errno, program, "make a socket for"));
    const int failure = spawn(program, pair[1], memory, &out->pid);
    if (failure != 0) {
        out->pid = 0;
        MX_TRY_GOTO(mx_error_errno(err, failure, program, "start"));
    }
    out->process = (int)syscall(SYS_pidfd_open, out->pid, 0); /* -1 on old kernels: the number then does */
    out->socket = pair[0];
    pair[0] = -1;
out:
    close_descriptor(&pair[0]);
    close_descriptor(&pair[1]);
    close_descriptor(&memory);
    if (status != MERX_OK)
        mx_helper_stop(out);
    return status;
}

bool mx_helper_send(mx_helper *helper, const void *message, size_t size, int descriptor)
{
    union {
        const void *kept;
        void *any;
    } bytes = {.kept = message}; /* iovec takes no const */
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {.space = {0}};
    struct iovec part = {bytes.any, size};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptor >= 0) {
        header.msg_control = control.space;
        header.msg_controllen = sizeof control.space;
        struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
    }
    ssize_t sent;
    do
        sent = sendmsg(helper->socket, &header, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)size;
}

bool mx_helper_receive(mx_helper *helper, void *message, size_t size, int timeout_ms, size_t *got)
{
    struct pollfd wait = {.fd = helper->socket, .events = POLLIN};
    *got = 0;
    const int ready = poll(&wait, 1, timeout_ms);
    if (ready == 0 || (ready < 0 && errno == EINTR))
        return true;
    ssize_t received;
    do
        received = recv(helper->socket, message, size, MSG_DONTWAIT);
    while (received < 0 && errno == EINTR);
    if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return true;
    if (received <= 0)
        return false;
    *got = (size_t)received;
    return true;
}

void mx_helper_forget_shared(mx_helper *helper)
{
    (void)madvise(helper->shared, helper->shared_bytes, MADV_REMOVE);
}

void mx_helper_kill(mx_helper *helper)
{
    if (helper->pid <= 0)
        return;
    helper->killed = true;
    if (helper->process < 0 || syscall(SYS_pidfd_send_signal, helper->process, SIGKILL, NULL, 0) != 0)
        if (helper->process < 0)
            (void)kill(helper->pid, SIGKILL);
}

/* Waits for its end, and says how that was. The host may have taken the news (SIGCHLD ignored): then it is not known. */
static void await_end(mx_helper *helper)
{
    siginfo_t info = {.si_pid = 0};
    int result;
    do
        result = helper->process >= 0 ? waitid((idtype_t)P_PIDFD, (id_t)helper->process, &info, WEXITED)
                                      : waitid(P_PID, (id_t)helper->pid, &info, WEXITED);
    while (result != 0 && errno == EINTR);
    if (result != 0)
        (void)snprintf(helper->why, sizeof helper->why, "ended");
    else if (info.si_code == CLD_EXITED)
        (void)snprintf(helper->why, sizeof helper->why, "ended with exit code %d", info.si_status);
    else if ((helper->signal = info.si_status) != 0)
        (void)snprintf(helper->why, sizeof helper->why, "was ended by signal %d (%s)", info.si_status,
                       sigdescr_np(info.si_status) != NULL ? sigdescr_np(info.si_status) : "unknown");
}

void mx_helper_stop(mx_helper *helper)
{
    if (helper->pid > 0) {
        /* Its socket closes at its end, or just before; a moment to see which. One that lives is killed. */
        struct pollfd end = {.fd = helper->process, .events = POLLIN};
        struct pollfd closed = {.fd = helper->socket, .events = POLLIN};
        if (!helper->killed && (helper->process < 0 || poll(&closed, 1, 0) <= 0 || !(closed.revents & POLLHUP) ||
                                poll(&end, 1, 1000) <= 0))
            mx_helper_kill(helper);
        await_end(helper);
        close_descriptor(&helper->process);
        close_descriptor(&helper->socket);
    }
    if (helper->shared != NULL)
        (void)munmap(helper->shared, helper->shared_bytes);
    helper->shared = NULL;
    helper->pid = 0;
    helper->process = helper->socket = -1;
}

/* ---- finding it ---- */

/* The folder of a file, without the last slash. */
static bool folder_of(const char *file, char *out)
{
    char whole[PATH_MAX];
    if (realpath(file, whole) == NULL)
        return false;
    char *slash = strrchr(whole, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    memcpy(out, whole, strlen(whole) + 1);
    return true;
}

static bool is_program(const char *path)
{
    return path[0] == '/' && access(path, X_OK) == 0;
}

merx_status mx_helper_find(const char *name, const void *inside, const char *libexec, const char *installed, char *out,
                           merx_error *err)
{
    const char *const places[] = {"", "/../bin", "/../", "/../../"};
    char bases[2][PATH_MAX];
    int n_bases = 0;
    Dl_info info;
    if (dladdr(inside, &info) != 0 && info.dli_fname != NULL && folder_of(info.dli_fname, bases[n_bases]))
        n_bases++;
    if (folder_of("/proc/self/exe", bases[n_bases]) && (n_bases == 0 || strcmp(bases[0], bases[1]) != 0))
        n_bases++;
    for (int b = 0; b < n_bases; b++)
        for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
            const int size = snprintf(out, PATH_MAX, "%s%s%s/%s", bases[b], places[p], p >= 2 ? libexec : "", name);
            if (size > 0 && size < PATH_MAX && is_program(out))
                return MERX_OK;
        }
    if (installed != NULL && strlen(installed) < PATH_MAX) {
        memcpy(out, installed, strlen(installed) + 1);
        if (is_program(out))
            return MERX_OK;
    }
    *out = '\0';
    MX_FAIL(err, MERX_E_NOT_FOUND, name, "is not there: neither in %s%s%s, nor in ../bin and ../%s from there%s%s",
            n_bases > 0 ? bases[0] : "", n_bases > 1 ? " and " : "", n_bases > 1 ? bases[1] : "", libexec,
            installed != NULL ? ", nor is " : "", installed != NULL ? installed : "");
}
