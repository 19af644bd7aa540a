/*
 * The limits of a helper process (see confine.h): resource limits, then a seccomp filter.
 */
#include "base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static const int allowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendto),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(setitimer),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getrandom),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(restart_syscall),
};
/* Nothing that decodes makes these. */
static const int fatal[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(socket),
    SCMP_SYS(connect),
    SCMP_SYS(bind),
    SCMP_SYS(ptrace),
    SCMP_SYS(kill),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(bpf),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(mount),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(io_uring_setup),
};

static merx_status set_limit(int resource, rlim_t most, const char *what, merx_error *err)
{
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) != 0)
        return mx_error_errno(err, errno, what, "ask for the limit of");
    if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > most)
        limit.rlim_max = most;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit((__rlimit_resource_t)resource, &limit) != 0)
        return mx_error_errno(err, errno, what, "set the limit of");
    return MERX_OK;
}

/* Bytes of address space in use. */
static uint64_t address_space(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        char line[128];
        if (fgets(line, sizeof line, file) != NULL)
            pages = strtoull(line, NULL, 10);
        (void)fclose(file);
    }
    return pages * (unsigned long long)sysconf(_SC_PAGESIZE);
}

static void go_first(void)
{
    int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file >= 0) {
        const ssize_t ignored = write(file, "1000", 4);
        (void)ignored; /* a wish */
        (void)close(file);
    }
}

static int add_rules(scmp_filter_ctx filter)
{
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        const int code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
        if (code != 0)
            return code;
    }
    if (!SANITIZED) /* which ask for their symbolizer and stop their threads in ways that look like an intruder's; they get EPERM */
        for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) {
            const int code = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, fatal[i], 0);
            if (code != 0)
                return code;
        }
    /* Memory is never executable; signals go to this process alone. */
    int code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (code == 0)
        code =
            seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (code == 0)
        code = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    return code;
}

merx_status mx_confine(const mx_confinement *limits, merx_error *err)
{
    const char *sandbox = getenv("MERX_DECODE_SANDBOX");
    const bool filtered = sandbox == NULL || strcmp(sandbox, "limits") != 0;
    go_first();
    if (chdir("/") != 0)
        return mx_error_errno(err, errno, "/", "change to");
    MX_TRY(set_limit(RLIMIT_CORE, 0, "core files", err));
    if (!SANITIZED) { /* whose reports go to stderr, perhaps a file, and whose shadow needs terabytes of address space */
        MX_TRY(set_limit(RLIMIT_FSIZE, 0, "files", err));
        const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (null < 0 || dup2(null, 2) < 0)
            return mx_error_errno(err, errno, "/dev/null", "open");
        (void)close(null);
        if (limits->memory_bytes > 0)
            MX_TRY(set_limit(RLIMIT_AS, address_space() + limits->memory_bytes, "memory", err));
    }
    MX_TRY(set_limit(RLIMIT_NOFILE, 16, "open files", err));
    if (!filtered)
        return MERX_OK;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL)
        MX_FAIL(err, MERX_E_MEMORY, "seccomp", "no memory for the filter");
    int code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1); /* a sanitizer may have threads */
    if (code == 0)
        code = add_rules(filter);
    if (code == 0)
        code = seccomp_load(filter);
    seccomp_release(filter);
    if (code != 0)
        MX_FAIL(err, MERX_E_UNSUPPORTED, "seccomp",
                "the system takes no filter of system calls (%s); MERX_DECODE_SANDBOX=limits decodes without it",
                strerror(-code));
    return MERX_OK;
}

void mx_confine_cpu(uint64_t ms)
{
    const struct itimerval timer = {.it_value = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)}};
    (void)setitimer(ITIMER_PROF, &timer, NULL);
}
