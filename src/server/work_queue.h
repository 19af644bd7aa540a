/*
 * Work that the network threads must not wait for: writes, erasures, slow answers. Floor 7.
 *
 * A lane is a line of work that is done one at a time, in the order it came: the writes of one shop. Work without a lane runs beside everything else. A long piece in one
 * lane holds one thread and its own lane, never another shop's.
 */
#ifndef MX_SERVER_WORK_QUEUE_H
#define MX_SERVER_WORK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/memory.h"

typedef struct mx_work {
    struct mx_work *next;
    void (*run)(struct mx_work *work);
} mx_work;

typedef struct mx_lane {
    mx_work *first, *last;
    size_t waiting;
    bool running, ready;
    struct mx_lane *next;
} mx_lane; /* zero-initialised */

typedef struct mx_work_queue mx_work_queue;
/* Owns: mx_work_queue_free, which does what waits first. max_waiting: of each lane, and 16 times that without one. */
merx_status mx_work_queue_new(int threads, size_t max_waiting, const merx_allocator *alloc, mx_work_queue **out,
                              merx_error *err) MERX_MUST_CHECK;
/* work is kept until its run is called. lane NULL: none. False: too much waits already. */
bool mx_work_queue_put(mx_work_queue *queue, mx_lane *lane, mx_work *work);
/*
 * From within work of that lane: the next piece in its line, when it fits; whoever asked does it. NULL: there is none, or it does not fit. So pieces that cost most
 * together (a sync of the disk) are done at once.
 */
mx_work *mx_work_queue_more(mx_work_queue *queue, mx_lane *lane, bool (*fits)(const mx_work *work));
/* Does what waits, takes nothing more, ends the threads. */
void mx_work_queue_end(mx_work_queue *queue);
void mx_work_queue_free(mx_work_queue *queue);

#endif
