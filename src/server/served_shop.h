/*
 * A shop that is served: one view for all questions, handles to read records with, one to write with, its counters. Floor 7.
 *
 * Questions are answered from the view (shop/view.h), by any number of threads at once. A handle is used by one thread at a time, so a request that reads records takes one and gives
 * it back; they are read-only, and nobody who reads waits for a writer. Writes come one at a time, through the shop's lane. A shop that nobody asks anything of is let go of: then all
 * it holds is its name.
 */
#ifndef MX_SERVER_SERVED_SHOP_H
#define MX_SERVER_SERVED_SHOP_H

#include <pthread.h>

#include "server/http_metrics.h"
#include "server/work_queue.h"
#include "shop/live.h"
#include "shop/view.h"

enum { MX_ANSWERS_MAX = 64 };

typedef struct mx_reader {
    merx_shop *shop; /* for its records: its snapshot is the view's */
    mx_view *view;   /* what it was given, until it is given back; NULL: none */
    struct mx_reader *next;
} mx_reader;

typedef struct mx_served_shop {
    char *name, *folder;
    pthread_mutex_t lock; /* of the next two */
    mx_reader *idle;
    merx_task *task; /* of an erasure under way; NULL: none */
    mx_view_keeper *keeper;
    atomic_uint_fast64_t generation;       /* grows with each write of this process */
    atomic_uint_fast64_t used_us;          /* when a reader or the writer was wanted */
    mx_lane writes;                        /* what follows is used in it alone */
    merx_shop *writer;                     /* opened at the first write */
    mx_live live;                          /* of the writer */
    atomic_uint answer_us[MX_ANSWERS_MAX]; /* how long each answer takes, by its number: a running mean */
    mx_metrics metrics;
    struct mx_shop_jobs *jobs;    /* server.c opens and closes them */
    atomic_uint_fast64_t busy_ms; /* when a write last found another writer in its way; 0: never */
} mx_served_shop;

/* name and folder are copied. Opens a first handle, which shows that it can be. Errors: those of opening a shop. */
merx_status mx_served_shop_open(mx_served_shop *shop, const char *name, const char *folder,
                                merx_error *err) MERX_MUST_CHECK;
/* No request may be under way. */
void mx_served_shop_close(mx_served_shop *shop);

/* Any thread. Owns: mx_served_shop_give. */
merx_status mx_served_shop_take(mx_served_shop *shop, mx_reader **out, merx_error *err) MERX_MUST_CHECK;
void mx_served_shop_give(mx_served_shop *shop, mx_reader *reader);
/*
 * What the files of the shop's records looked like: two that are equal say that nothing was committed between them. known false: they don't say, since the files changed just now, or
 * the records lie elsewhere. Cost: two system calls, and nothing is opened.
 */
typedef struct mx_file_stamp {
    bool known;
    int64_t time_ns[2], bytes[2];
} mx_file_stamp;
mx_file_stamp mx_served_shop_stamp(const mx_served_shop *shop);
bool mx_file_stamp_equal(const mx_file_stamp *a, const mx_file_stamp *b);
/* Whether a question must wait for a new view; whole: one that needs all events in the snapshot. Then it is not asked on a network thread. */
bool mx_served_shop_behind(const mx_served_shop *shop, bool whole);
/* The view of now, for as long as the reader is taken. */
merx_status mx_served_shop_view(mx_served_shop *shop, mx_reader *reader, bool whole, mx_view **out,
                                merx_error *err) MERX_MUST_CHECK;
/* The snapshot with all events in it, for as long as the reader is taken. */
merx_status mx_served_shop_snapshot(mx_served_shop *shop, mx_reader *reader, mx_snapshot **out,
                                    merx_error *err) MERX_MUST_CHECK;

/* In the lane. Also finishes what a crash left of forgetting. */
merx_status mx_served_shop_writer(mx_served_shop *shop, merx_error *err) MERX_MUST_CHECK;
/*
 * In the lane, after a commit and before it is told. rows: how many events were accepted, or things changed; a few are seen at once, so that no question waits for them. Other writes: 0.
 * The next question sees them in any case.
 */
void mx_served_shop_written(mx_served_shop *shop, uint64_t rows);
/* Now and then: a long tail is merged; a shop that nobody has asked anything of for idle_s seconds is let go of. One thread. */
void mx_served_shop_tend(mx_served_shop *shop, double idle_s);
/* In the lane: erases a customer, in a task that mx_served_shop_cancel ends. What it leaves undone is finished before the next write. */
merx_status mx_served_shop_forget(mx_served_shop *shop, const char *customer, merx_receipt *out,
                                  merx_error *err) MERX_MUST_CHECK;
/*
 * A write waited for the store's lock as long as the store waits, in vain. Those that have come before that have waited as long in the line: they are put off too, instead of waiting one
 * after the other.
 */
void mx_served_shop_was_busy(mx_served_shop *shop);
bool mx_served_shop_busy_since(const mx_served_shop *shop, double begun_s);
void mx_served_shop_cancel(mx_served_shop *shop); /* any thread */

#endif
