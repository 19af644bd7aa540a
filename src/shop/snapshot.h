/*
 * The snapshot: a shop's events and things as columns in a mapped tensor file, derived from the records. Floor 5.
 *
 * Canonical: its contents depend on what the records say, not on the order they came in nor on offsets: products, customers, orders, sessions, countries and categories are
 * numbered by their ids in bytewise order; events are sorted by (time, order, product, customer, kind, quantity, price, session). So a snapshot of a shop that forgot a customer equals, byte for
 * byte, that of a shop that never saw him. Opening a stored snapshot replays only the events after its offset (merging them; a change of things or an erasure rebuilds).
 *
 * A prefix of the events is all there was before a time: mx_snapshot_before gives such a view, which trainers and evaluations use.
 */
#ifndef MX_SHOP_SNAPSHOT_H
#define MX_SHOP_SNAPSHOT_H

#include "merx/task.h"
#include "store/blobs.h"
#include "store/records.h"

typedef struct mx_snapshot {
    /* events, canonical order */
    size_t events;
    const int64_t *time_ms;
    const uint8_t *kind;        /* mx_event_kind */
    const int32_t *customer;    /* -1: unknown */
    const int32_t *product;     /* -1: none */
    const int32_t *order;       /* -1 */
    const int32_t *session;     /* -1 */
    const int32_t *country;     /* -1 */
    const int64_t *quantity;    /* negative: came back */
    const int64_t *price_minor; /* 0 where unknown */

    /* things, by ascending id */
    size_t products, customers, orders, sessions, countries, categories;
    const mx_str *product_id,
        *product_title; /* title: the catalogue's, else the most frequent on event lines (ties: bytewise first) */
    const uint8_t *product_service;     /* 1: postage, fees …: not goods */
    const int32_t *product_category;    /* -1 */
    const int64_t *product_price_minor; /* the catalogue's, else the last price seen; 0 unknown */
    const mx_str *customer_id;
    const int32_t *customer_country; /* the record's, else that of most events (ties: lower index); -1 */
    const mx_str *order_id, *session_id, *country_name, *category_name;

    /* the shop */
    int decimals;              /* of money */
    int week_start;            /* 0 Monday … 6 Sunday */
    int64_t zone_ms;           /* event times are already local */
    const char *currency;      /* "GBP"; "" unknown */
    int64_t offset;            /* of the last event in it */
    int64_t first_ms, last_ms; /* of events; 0, 0 when there are none */
    char sha256[65];           /* of all contents but the offset */
    mx_blobs *blobs; /* the store it was opened in, borrowed: where pictures are; NULL: none. Not of its contents */

    struct mx_snapshot_memory *memory;
} mx_snapshot;

/*
 * Brings the stored snapshot up to date with the records (building it when there is none) and maps it. force: rebuild from the records.
 * Cost: O(events log events) to build; O(tail + size) to merge; O(1) when up to date.
 */
merx_status mx_snapshot_open(mx_records *records, mx_blobs *blobs, bool force, const merx_allocator *alloc,
                             merx_task *task, mx_snapshot **out, merx_error *err) MERX_MUST_CHECK;
/*
 * The stored snapshot if the events after its offset, and the things that changed since (shop/changes.h), complete it: its log_version is that of the records; else a new one. Its columns of events are not looked through: mx_snapshot_check comes
 * before reading them as a whole; mx_snapshot_customer_events and mx_snapshot_session_events check their own part, whoever reads those events checks what he takes.
 * Cost: O(names) when stored, no page of the events is touched.
 */
merx_status mx_snapshot_open_stored(mx_records *records, mx_blobs *blobs, const merx_allocator *alloc,
                                    mx_snapshot **out, merx_error *err) MERX_MUST_CHECK;
/*
 * A snapshot with everything the records have. old: what it may be made of, borrowed; NULL: none. A stored one that is current is taken, and not looked through.
 */
merx_status mx_snapshot_renew(mx_records *records, mx_blobs *blobs, const mx_snapshot *old, const merx_allocator *alloc,
                              merx_task *task, mx_snapshot **out, merx_error *err) MERX_MUST_CHECK;
/* Another handle of the same blobs keeps the snapshot's mapping: the one it was made with may be closed. */
void mx_snapshot_move(mx_snapshot *snapshot, mx_blobs *blobs);
int64_t mx_snapshot_things_version(const mx_snapshot *snapshot);
/* Whether events behind it, and changed things, are all that records of that state have beside the snapshot. */
bool mx_snapshot_leads_to(const mx_snapshot *snapshot, int64_t log_version, int64_t last_offset);
/* Looks the columns of events through, once for a snapshot: MERX_E_CORRUPT when they are damaged. Any thread. Cost: O(events) the first time. */
merx_status mx_snapshot_check(const mx_snapshot *snapshot, merx_error *err) MERX_MUST_CHECK;
bool mx_snapshot_is_checked(const mx_snapshot *snapshot); /* whether that was done, and found no damage */
/* Whether damage was met, by mx_snapshot_check or on the way: it must be built anew. */
bool mx_snapshot_is_damaged(const mx_snapshot *snapshot);
void mx_snapshot_close(mx_snapshot *snapshot);
/*
 * The snapshot after a customer was erased from the records, and things_version grew by one, out of the one that was current right before: what mx_snapshot_open would build, in
 * less time.
 * customer   in the old one; -1: he had no events
 */
merx_status mx_snapshot_forget(mx_records *records, mx_blobs *blobs, const mx_snapshot *old, int32_t customer,
                               const merx_allocator *alloc, merx_task *task, mx_snapshot **out,
                               merx_error *err) MERX_MUST_CHECK;
/* Whether the records say nothing that the snapshot does not know. */
bool mx_snapshot_is_current(const mx_snapshot *snapshot, mx_records *records);

/* A view of the events with time < until_ms (things are those of the whole). Shares memory: the whole must outlive it. */
mx_snapshot mx_snapshot_before(const mx_snapshot *whole, int64_t until_ms);

/*
 * The default time split: the start of the calendar month that leaves at least 28 days of data after it; when that leaves less than half of the days for training,
 * the day after 80 % of the days. 0 when the data spans less than 14 days.
 */
int64_t mx_snapshot_split_ms(const mx_snapshot *snapshot);

/* Whether an event is a real sale of goods: a purchase, quantity > 0, product known and not a service. */
static inline bool mx_snapshot_is_sale(const mx_snapshot *s, size_t i)
{
    return s->kind[i] == MX_EVENT_PURCHASE && s->quantity[i] > 0 && s->product[i] >= 0 &&
           !s->product_service[s->product[i]];
}

int32_t mx_snapshot_find_customer(const mx_snapshot *snapshot, const char *id); /* -1 */
int32_t mx_snapshot_find_product(const mx_snapshot *snapshot, const char *id);  /* -1 */
int32_t mx_snapshot_find_product_name(const mx_snapshot *snapshot, mx_str id);  /* -1 */
int32_t mx_snapshot_find_session(const mx_snapshot *snapshot, const char *id);  /* -1 */
/*
 * Events of one customer (session), in time order. Cost: O(1); where no file holds the snapshot, the list of all is built at first use.
 * Threads: any number on a snapshot that was opened.
 */
merx_status mx_snapshot_customer_events(mx_snapshot *snapshot, int32_t customer, const int32_t **events, size_t *n,
                                        merx_error *err) MERX_MUST_CHECK;
merx_status mx_snapshot_session_events(mx_snapshot *snapshot, int32_t session, const int32_t **events, size_t *n,
                                       merx_error *err) MERX_MUST_CHECK;
/* A number that belongs to a customer (product) whatever else is in the shop: hash of the id; for random numbers, folds, samples. */
uint64_t mx_snapshot_customer_key(const mx_snapshot *snapshot, int32_t customer);
uint64_t mx_snapshot_product_key(const mx_snapshot *snapshot, int32_t product);

#endif
