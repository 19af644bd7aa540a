/*
 * Work spread over a task's threads.
 *
 * 1. Blocks are begun in ascending order, so when a block fails all lower ones have been begun, and are waited for: the lowest
 *    failure is the same for any number of threads.
 * 2. The caller works too, as worker 0; a worker that wakes after the last block was begun does not take part, and is not waited for.
 * 3. A thread that waits looks out for a moment before it sleeps: waking it takes some 50 us, as long as a small job. Only where every thread can have a core.
 * 4. A thread inside a body runs further calls alone. It keeps its worker index for calls with the same task (scratch memory of an
 *    outer body stays its own) and is worker 0 in calls with another task.
 */
#include <signal.h>

#include "base/clock.h"
#include "base/system.h"
#include "base/task_state.h"

static const double SPIN_S = 5e-5;

static _Thread_local struct {
    int depth; /* bodies this thread is inside of */
    const merx_task *task;
    int index;
} self;

bool mx_inside_body(void)
{
    return self.depth > 0;
}

int mx_worker_index(void)
{
    return self.index;
}

static void keep_failure(mx_job *job, size_t block, merx_status status, const merx_error *error)
{
    if (job->lock != NULL)
        pthread_mutex_lock(job->lock);
    if (!job->failed || block < job->failed_block) {
        job->failed = true;
        job->failed_block = block;
        job->error = *error;
        if (job->error.code == MERX_OK)
            mx_error_set(&job->error, status, "", "%s", merx_status_text(status));
        job->error.code = status;
    }
    if (job->lock != NULL)
        pthread_mutex_unlock(job->lock);
    atomic_store(&job->stop, true);
}

/* Takes blocks until there are no more. */
static void take_part(mx_job *job)
{
    self.depth++;
    merx_error error = {0};
    while (!atomic_load(&job->stop) && !merx_task_cancelled(job->task)) {
        size_t block = atomic_fetch_add(&job->next, 1);
        if (block >= job->blocks)
            break;
        merx_status status = job->body(job->context, block, &error);
        if (status != MERX_OK)
            keep_failure(job, block, status, &error);
        if (error.code != MERX_OK)
            merx_error_clear(&error);
    }
    self.depth--;
}

/* Whether to look again: until the time is over. The clock is read at every 16th look. */
static bool look_again(double until_s, unsigned *looks)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
    return ++*looks % 16 != 0 || mx_monotonic_s() < until_s;
}

/* Until there may be a job after `seen`, or the time is over. */
static void look_out(const mx_pool *pool, uint64_t seen)
{
    unsigned looks = 0;
    double until_s = mx_monotonic_s() + pool->spin_s;
    while (atomic_load(&pool->posted) <= seen && !atomic_load(&pool->stop) && look_again(until_s, &looks)) {
    }
}

/* Until no worker is inside the job, or the time is over. */
static void look_for_end(const mx_pool *pool)
{
    unsigned looks = 0;
    double until_s = mx_monotonic_s() + pool->spin_s;
    while (atomic_load(&pool->active) > 0 && look_again(until_s, &looks)) {
    }
}

static void *worker_main(void *argument)
{
    mx_worker *worker = argument;
    mx_pool *pool = &worker->task->pool;
    self.task = worker->task;
    self.index = worker->index;
    uint64_t seen = 0;
    for (;;) {
        if (pool->spin_s > 0)
            look_out(pool, seen);
        pthread_mutex_lock(&pool->lock);
        while (!pool->stop && (pool->job == NULL || pool->generation == seen))
            pthread_cond_wait(&pool->work, &pool->lock);
        if (pool->stop)
            break;
        mx_job *job = pool->job;
        seen = pool->generation;
        pool->active++;
        pthread_mutex_unlock(&pool->lock);
        take_part(job);
        pthread_mutex_lock(&pool->lock);
        if (--pool->active == 0)
            pthread_cond_signal(&pool->idle);
        pthread_mutex_unlock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

void mx_pool_init(merx_task *task)
{
    pthread_mutex_init(&task->pool.busy, NULL);
    pthread_mutex_init(&task->pool.lock, NULL);
    pthread_cond_init(&task->pool.work, NULL);
    pthread_cond_init(&task->pool.idle, NULL);
}

/* Threads that can't be started are done without: the results are the same. Signals are left to the host's threads. */
static void start_workers(merx_task *task)
{
    mx_pool *pool = &task->pool;
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pool->spin_s = task->threads <= mx_cores() ? SPIN_S : 0;
    for (int i = 0; i < task->threads - 1; i++) {
        mx_worker *worker = &pool->workers[pool->worker_count];
        *worker = (mx_worker){.task = task, .index = pool->worker_count + 1};
        if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0)
            break;
        pool->worker_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pool->started = true;
}

void mx_pool_release(merx_task *task)
{
    mx_pool *pool = &task->pool;
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->worker_count; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->idle);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    pthread_mutex_destroy(&pool->busy);
}

/* The calling thread holds pool->busy. */
static void run_on_pool(merx_task *task, mx_job *job)
{
    mx_pool *pool = &task->pool;
    if (!pool->started)
        start_workers(task);
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    job->lock = &lock;
    pthread_mutex_lock(&pool->lock);
    pool->job = job;
    uint64_t generation = ++pool->generation;
    if (job->blocks - 1 >= (size_t)pool->worker_count)
        pthread_cond_broadcast(&pool->work);
    else
        for (size_t i = 0; i + 1 < job->blocks; i++)
            pthread_cond_signal(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    atomic_store(&pool->posted, generation);

    take_part(job);

    if (pool->spin_s > 0)
        look_for_end(pool);
    pthread_mutex_lock(&pool->lock);
    pool->job = NULL;
    while (pool->active > 0)
        pthread_cond_wait(&pool->idle, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    pthread_mutex_destroy(&lock);
}

merx_status mx_parallel(merx_task *task, size_t blocks, mx_block_fn body, void *context, merx_error *err)
{
    mx_job job = {.task = task, .body = body, .context = context, .blocks = blocks};
    const merx_task *outer_task = self.task;
    int outer_index = self.index;
    if (outer_task != task || self.depth == 0) {
        self.task = task;
        self.index = 0;
    }
    bool alone = task == NULL || task->threads == 1 || blocks <= 1 || self.depth > 0 ||
                 pthread_mutex_trylock(&task->pool.busy) != 0;
    if (alone) {
        take_part(&job);
    } else {
        run_on_pool(task, &job);
        pthread_mutex_unlock(&task->pool.busy);
    }
    self.task = outer_task;
    self.index = outer_index;
    if (job.failed)
        return mx_error_set(err, job.error.code, job.error.where, "%s", job.error.message);
    if (merx_task_cancelled(task))
        MX_FAIL(err, MERX_E_CANCELLED, NULL, "cancelled");
    return MERX_OK;
}
