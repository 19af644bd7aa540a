/*
 * Running a task: progress, cancellation and work spread over its threads. Floor 0.
 *
 * mx_parallel calls body(context, block) for block = 0 … blocks - 1, each exactly once, on any thread, in any order. A reduction is:
 * one result slot per block, combined afterwards in block order. How work is cut into blocks must depend on the data only, never on
 * the number of threads: then the bits are the same for any number.
 */
#ifndef MX_BASE_RUN_H
#define MX_BASE_RUN_H

#include "base/memory.h"
#include "merx/task.h"

typedef merx_status (*mx_block_fn)(void *context, size_t block, merx_error *err);

/*
 * Cost: a few microseconds a call beyond the work; runs on the calling thread when blocks or threads is 1.
 * Errors: of the blocks that failed, the lowest one's; MERX_E_CANCELLED when the task was cancelled. Blocks already begun are finished first.
 * Threads: a nested call (from inside a body) runs serially.
 */
merx_status mx_parallel(merx_task *task, size_t blocks, mx_block_fn body, void *context,
                        merx_error *err) MERX_MUST_CHECK;

/*
 * Index of the calling worker in [0, merx_task_threads(task)): for per-thread scratch memory inside a body. Results must not depend on it.
 */
int mx_worker_index(void);

/*
 * Begins a stage; total 0 means unknown. unit is "rows", "iterations" … The text is copied (at most 127 bytes).
 * mx_task_step says how many units are done in all; it reports now and then, and returns MERX_E_CANCELLED after a cancel.
 * mx_task_rename gives the open stage another text (a loss so far beside it). mx_task_done ends the stage. All take a NULL task.
 */
void mx_task_stage(merx_task *task, const char *stage, uint64_t total, const char *unit);
merx_status mx_task_step(merx_task *task, uint64_t done, merx_error *err) MERX_MUST_CHECK;
void mx_task_rename(merx_task *task, const char *stage);
void mx_task_done(merx_task *task);

/*
 * Refuses, before any work, what can't fit in the task's budget:
 * "training recommend needs about 310 MB; --max-memory is 256 MB". OK when there is no budget.
 */
merx_status mx_task_require_memory(const merx_task *task, uint64_t bytes, const char *what,
                                   merx_error *err) MERX_MUST_CHECK;

#endif
