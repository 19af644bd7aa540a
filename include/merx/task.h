/*
 * A task: what every long call takes. It carries the number of threads, progress, cancellation and the memory budget.
 *
 * NULL is a valid task everywhere: one thread, no progress, no budget, never cancelled.
 * Results never depend on the number of threads.
 */
#ifndef MERX_TASK_H
#define MERX_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "merx/alloc.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct merx_task merx_task;

typedef struct merx_progress {
    const char *stage; /* what is being done, e.g. "import online_retail.csv.gz"; borrowed for the call */
    double done;       /* in [0, 1] of this stage; negative when the total is unknown */
    uint64_t count;    /* units done so far (rows, iterations), for stages without a known total */
    const char *unit;  /* "rows", "iterations"; "" if none */
    double elapsed_s;  /* since the stage began */
    double left_s;     /* estimate; negative when unknown */
} merx_progress;

/* Called from the thread that runs the task, at most about ten times a second, and once at the end of each stage (done = 1). */
typedef void (*merx_progress_fn)(void *context, const merx_progress *progress);

typedef struct merx_task_options {
    int threads;               /* 0: all cores the process may use; else 1..256 */
    uint64_t max_memory_bytes; /* 0: no limit. Long calls refuse at once, with an estimate, what can't fit. */
    merx_progress_fn progress; /* NULL: none */
    void *progress_context;
    uint64_t seed; /* of every random number drawn; 0 is a seed like any other */
} merx_task_options;

/*
 * alloc     NULL: default; kept. The task's budget (max_memory_bytes) is enforced on what is allocated through merx_task_allocator.
 * options   NULL: all defaults; copied
 * Owns: free with merx_task_free.
 */
MERX_API merx_status merx_task_new(const merx_allocator *alloc, const merx_task_options *options, merx_task **out,
                                   merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_task_free(merx_task *task);

/* Asks the task to end soon with MERX_E_CANCELLED. Any thread, also a signal handler. */
MERX_API void merx_task_cancel(merx_task *task);
MERX_API bool merx_task_cancelled(const merx_task *task);

MERX_API int merx_task_threads(const merx_task *task);          /* >= 1 */
MERX_API uint64_t merx_task_seed(const merx_task *task);        /* NULL: 0 */
MERX_API uint64_t merx_task_max_memory(const merx_task *task);  /* NULL: 0 = no limit */
MERX_API uint64_t merx_task_peak_memory(const merx_task *task); /* most allocated through the task at once */
/* What long calls allocate with: counts, and refuses beyond the budget. NULL: the default allocator. */
MERX_API const merx_allocator *merx_task_allocator(const merx_task *task);

#ifdef __cplusplus
}
#endif
#endif
