/*
 * Threads that take lanes and loose work in turn.
 */
#include "server/work_queue.h"

#include <pthread.h>

enum { LOOSE_FACTOR = 16 };

struct mx_work_queue {
    const merx_allocator *alloc;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    mx_lane loose;         /* never in the list below */
    mx_lane *first, *last; /* lanes with work that no thread is in */
    bool loose_next;       /* whose turn it is when both have work */
    bool ending;
    size_t max_waiting;
    int started, threads;
    pthread_t *thread;
};

static void push(mx_lane *lane, mx_work *work)
{
    work->next = NULL;
    if (lane->last)
        lane->last->next = work;
    else
        lane->first = work;
    lane->last = work;
    lane->waiting++;
}

static mx_work *pop(mx_lane *lane)
{
    mx_work *work = lane->first;
    lane->first = work->next;
    if (!lane->first)
        lane->last = NULL;
    lane->waiting--;
    return work;
}

static void make_ready(mx_work_queue *queue, mx_lane *lane)
{
    if (lane->ready || lane->running || !lane->first)
        return;
    lane->ready = true;
    lane->next = NULL;
    if (queue->last)
        queue->last->next = lane;
    else
        queue->first = lane;
    queue->last = lane;
}

/* The next piece; *lane is NULL for loose work. With the lock. */
static mx_work *next_work(mx_work_queue *queue, mx_lane **lane)
{
    *lane = NULL;
    if (queue->loose.first && (queue->loose_next || !queue->first)) {
        queue->loose_next = false;
        return pop(&queue->loose);
    }
    queue->loose_next = true;
    if (!queue->first)
        return NULL;
    *lane = queue->first;
    queue->first = (*lane)->next;
    if (!queue->first)
        queue->last = NULL;
    (*lane)->ready = false;
    (*lane)->running = true;
    return pop(*lane);
}

static void *run_thread(void *context)
{
    mx_work_queue *queue = context;
    pthread_mutex_lock(&queue->lock);
    for (;;) {
        mx_lane *lane;
        mx_work *work = next_work(queue, &lane);
        if (work) {
            pthread_mutex_unlock(&queue->lock);
            work->run(work);
            pthread_mutex_lock(&queue->lock);
            if (lane) {
                lane->running = false;
                make_ready(queue, lane);
            }
        } else if (queue->ending) {
            break;
        } else {
            pthread_cond_wait(&queue->wake, &queue->lock);
        }
    }
    /* Who waits for the end of what another thread runs in a lane. */
    pthread_cond_broadcast(&queue->wake);
    pthread_mutex_unlock(&queue->lock);
    return NULL;
}

merx_status mx_work_queue_new(int threads, size_t max_waiting, const merx_allocator *alloc, mx_work_queue **out,
                              merx_error *err)
{
    mx_work_queue *queue;
    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &queue, "work queue", err));
    queue->alloc = alloc;
    queue->threads = threads;
    queue->max_waiting = max_waiting;
    merx_status status = MX_NEW_ARRAY(alloc, (size_t)threads, &queue->thread, "threads", err);
    if (status != MERX_OK) {
        MX_FREE_ARRAY(alloc, queue, 1);
        return status;
    }
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->wake, NULL);
    for (; queue->started < threads; queue->started++) {
        int failed = pthread_create(&queue->thread[queue->started], NULL, run_thread, queue);
        if (failed) {
            status = mx_error_errno(err, failed, "", "start a thread");
            mx_work_queue_free(queue);
            return status;
        }
    }
    *out = queue;
    return MERX_OK;
}

bool mx_work_queue_put(mx_work_queue *queue, mx_lane *lane, mx_work *work)
{
    pthread_mutex_lock(&queue->lock);
    mx_lane *line = lane ? lane : &queue->loose;
    bool taken = !queue->ending && line->waiting < queue->max_waiting * (lane ? 1 : LOOSE_FACTOR);
    if (taken) {
        push(line, work);
        if (lane)
            make_ready(queue, lane);
        pthread_cond_signal(&queue->wake);
    }
    pthread_mutex_unlock(&queue->lock);
    return taken;
}

mx_work *mx_work_queue_more(mx_work_queue *queue, mx_lane *lane, bool (*fits)(const mx_work *work))
{
    pthread_mutex_lock(&queue->lock);
    mx_work *work = lane->running && lane->first && fits(lane->first) ? pop(lane) : NULL;
    pthread_mutex_unlock(&queue->lock);
    return work;
}

void mx_work_queue_end(mx_work_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->ending = true;
    pthread_cond_broadcast(&queue->wake);
    pthread_mutex_unlock(&queue->lock);
    for (int i = 0; i < queue->started; i++)
        pthread_join(queue->thread[i], NULL);
    queue->started = 0;
}

void mx_work_queue_free(mx_work_queue *queue)
{
    if (!queue)
        return;
    mx_work_queue_end(queue);
    pthread_cond_destroy(&queue->wake);
    pthread_mutex_destroy(&queue->lock);
    MX_FREE_ARRAY(queue->alloc, queue->thread, (size_t)queue->threads);
    MX_FREE_ARRAY(queue->alloc, queue, 1);
}
