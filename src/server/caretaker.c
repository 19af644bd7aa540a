/*
 * The caretaker's thread.
 */
#include "server/caretaker.h"

#include <errno.h>
#include <time.h>

/* How often it looks round. */
enum { ROUND_MS = 250 };

struct mx_caretaker {
    mx_served_shop *shops;
    size_t n;
    double idle_s;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool ending; /* under the lock */
};

static bool is_ending(mx_caretaker *caretaker)
{
    pthread_mutex_lock(&caretaker->lock);
    bool ending = caretaker->ending;
    pthread_mutex_unlock(&caretaker->lock);
    return ending;
}

/* False: it is to end. */
static bool pause_between(mx_caretaker *caretaker)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ROUND_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&caretaker->lock);
    for (int waited = 0; !caretaker->ending && waited != ETIMEDOUT;)
        waited = pthread_cond_timedwait(&caretaker->ended, &caretaker->lock, &until);
    bool goes_on = !caretaker->ending;
    pthread_mutex_unlock(&caretaker->lock);
    return goes_on;
}

static void *look_after(void *context)
{
    mx_caretaker *caretaker = context;
    while (pause_between(caretaker))
        for (size_t i = 0; i < caretaker->n && !is_ending(caretaker); i++)
            mx_served_shop_tend(&caretaker->shops[i], caretaker->idle_s);
    return NULL;
}

static void release(mx_caretaker *caretaker)
{
    pthread_mutex_destroy(&caretaker->lock);
    pthread_cond_destroy(&caretaker->ended);
    MX_FREE_ARRAY(NULL, caretaker, 1);
}

merx_status mx_caretaker_start(mx_served_shop *shops, size_t n, double idle_s, mx_caretaker **out, merx_error *err)
{
    mx_caretaker *caretaker;
    pthread_condattr_t attributes;
    *out = NULL;
    MX_TRY(MX_NEW_ARRAY(NULL, 1, &caretaker, "caretaker", err));
    caretaker->shops = shops;
    caretaker->n = n;
    caretaker->idle_s = idle_s;
    pthread_mutex_init(&caretaker->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&caretaker->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    int failed = pthread_create(&caretaker->thread, NULL, look_after, caretaker);
    if (failed) {
        release(caretaker);
        return mx_error_errno(err, failed, "", "start a thread");
    }
    *out = caretaker;
    return MERX_OK;
}

void mx_caretaker_end(mx_caretaker *caretaker)
{
    if (!caretaker)
        return;
    pthread_mutex_lock(&caretaker->lock);
    caretaker->ending = true;
    pthread_cond_signal(&caretaker->ended);
    pthread_mutex_unlock(&caretaker->lock);
    pthread_join(caretaker->thread, NULL);
    release(caretaker);
}
