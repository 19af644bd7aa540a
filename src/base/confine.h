/*
 * How a helper process limits itself before it reads bytes from outside (base/helper.h). Floor 0; in helper programs alone, since it needs libseccomp.
 */
#ifndef MX_BASE_CONFINE_H
#define MX_BASE_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct mx_confinement {
    uint64_t
        memory_bytes; /* of address space beyond what is in use now; not held in builds with sanitizers, whose shadow needs terabytes */
} mx_confinement;

/*
 * From here on this process can open nothing, connect to nothing, start nothing: reading, writing and messages on what is open, memory (never executable),
 * time, its own signals; every other system call gives EPERM, and those that only an intruder makes (execve, socket, ptrace, …) end the process. It dumps no core, writes no
 * file, and is the first to go when the machine's memory ends. Needs no rights. There must be one thread.
 * MERX_DECODE_SANDBOX=limits leaves the filter out (for kernels without seccomp), and nothing else does.
 */
merx_status mx_confine(const mx_confinement *limits, merx_error *err) MERX_MUST_CHECK;
/* Ends this process (SIGPROF) when it has used so much processor time from now on; 0: no more limit. */
void mx_confine_cpu(uint64_t ms);

#endif
