/*
 * A shop that is served: handles to read with, one to write with, its counters. Floor 7.
 *
 * A shop's handle is used by one thread at a time, so each request takes one and gives it back; the last given is taken first, since what it has loaded is the newest. Handles
 * to read are read-only: they map the same model files and snapshot, and a question never waits for a writer. Writes come one at a time, through the shop's lane.
 */
#ifndef MX_SERVER_SERVED_SHOP_H
#define MX_SERVER_SERVED_SHOP_H

#include <pthread.h>

#include "server/http_metrics.h"
#include "server/work_queue.h"
#include "shop/live.h"

enum { MX_ANSWERS_MAX = 64 };

typedef struct mx_reader {
    merx_shop *shop;
    uint64_t generation; /* of the writes that it knows of */
    uint64_t taken_at;   /* the shop's when it was taken: what it reads since then knows those writes */
    struct mx_reader *next;
} mx_reader;

typedef struct mx_served_shop {
    char *name, *folder;
    pthread_mutex_t lock; /* of the next two */
    mx_reader *idle;
    merx_task *task;                       /* of an erasure under way; NULL: none */
    pthread_mutex_t refresh;               /* one handle makes a new snapshot, the others wait and map it */
    atomic_uint_fast64_t generation;       /* grows with each write of this process */
    mx_lane writes;                        /* what follows is used in it alone */
    merx_shop *writer;                     /* opened at the first write */
    mx_live live;                          /* of the writer */
    atomic_uint answer_us[MX_ANSWERS_MAX]; /* how long each answer takes, by its number: a running mean */
    mx_metrics metrics;
    struct mx_shop_jobs *jobs;    /* server.c opens and closes them */
    atomic_uint_fast64_t busy_ms; /* when a write last found another writer in its way; 0: never */
} mx_served_shop;

/* name and folder are copied. Opens a first handle. Errors: those of opening a shop. */
merx_status mx_served_shop_open(mx_served_shop *shop, const char *name, const char *folder,
                                merx_error *err) MERX_MUST_CHECK;
/* No request may be under way. */
void mx_served_shop_close(mx_served_shop *shop);

/* Any thread. Owns: mx_served_shop_give. */
merx_status mx_served_shop_take(mx_served_shop *shop, mx_reader **out, merx_error *err) MERX_MUST_CHECK;
void mx_served_shop_give(mx_served_shop *shop, mx_reader *reader);
/* Whether the reader has yet to look at what this process wrote: then its next question takes longer. */
bool mx_served_shop_behind(const mx_served_shop *shop, const mx_reader *reader);
/* The reader's snapshot, up to date. */
merx_status mx_served_shop_snapshot(mx_served_shop *shop, mx_reader *reader, mx_snapshot **out,
                                    merx_error *err) MERX_MUST_CHECK;

/* In the lane. Also finishes what a crash left of forgetting. */
merx_status mx_served_shop_writer(mx_served_shop *shop, merx_error *err) MERX_MUST_CHECK;
/* In the lane, after a write. */
void mx_served_shop_written(mx_served_shop *shop);
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
