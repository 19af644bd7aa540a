/*
 * What a task holds: shared by task.c (progress, budget) and pool.c (threads). Floor 0, for these two files only.
 */
#ifndef MX_BASE_TASK_STATE_H
#define MX_BASE_TASK_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/run.h"

enum { MX_MOST_THREADS = 256 };

/* One call of mx_parallel, on the stack of its caller. */
typedef struct mx_job {
    merx_task *task;
    mx_block_fn body;
    void *context;
    size_t blocks;
    atomic_size_t next;    /* lowest block not yet begun */
    atomic_bool stop;      /* a block failed: begin no other */
    pthread_mutex_t *lock; /* guards the three below; NULL while one thread works alone */
    bool failed;
    size_t failed_block;
    merx_error error;
} mx_job;

typedef struct mx_worker {
    struct merx_task *task;
    int index;
    pthread_t thread;
} mx_worker;

/*
 * Threads of a task: threads - 1 workers, started at the first call that can use them.
 * busy     held by the thread whose job is running; who can't have it works alone
 * posted   the last generation, told after lock was given back: what idle workers look at while they spin
 * lock     guards the rest; active and stop are also looked at without it, to find out when to take it
 */
typedef struct mx_pool {
    pthread_mutex_t busy, lock;
    pthread_cond_t work, idle;
    mx_job *job;
    uint64_t generation; /* of job; a worker takes part in each at most once */
    atomic_uint_fast64_t posted;
    atomic_int active; /* workers inside the job */
    atomic_bool stop;
    bool started;
    double spin_s; /* how long a thread looks out before it sleeps */
    int worker_count;
    mx_worker *workers; /* threads - 1 */
} mx_pool;

struct merx_task {
    const merx_allocator *alloc;
    merx_budget *budget;
    merx_task_options options;
    int threads;
    atomic_bool cancelled;
    mx_pool pool;
    struct {
        bool open;
        char name[128];
        char unit[32];
        uint64_t total, done;
        double begin_s, report_s;
    } stage;
};

void mx_pool_init(merx_task *task);
void mx_pool_release(merx_task *task); /* ends and joins its threads */
/* Whether the calling thread is inside a body that mx_parallel runs. */
bool mx_inside_body(void);

#endif
