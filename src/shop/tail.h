/*
 * The tail: events that a shop accepted behind its snapshot, and things whose records changed since, in memory, so that the next answer knows them without a new snapshot. Floor 5.
 *
 * Events come in the order of their offsets, each a row; a changed thing is a row among them, which names nothing else. One thread adds, any number read at the same time: nothing that was written changes, and a reader looks at the first `rows` rows alone (a
 * number it got by way of a lock). What is not yet published to it may be there already and is passed over.
 *
 * What a row says is found by the name of its customer and its session; of products there is beside it what the rows have made of their title and price. How that equals what a merged
 * snapshot says:
 *   - a row without a customer is its order's, when the order's record names one
 *   - a title that the catalogue does not give is the one on most event lines, of equals the first bytewise; the snapshot keeps how many lines bear each
 *   - a price that the catalogue does not give is that of the last line, in the snapshot's order, that names one; the snapshot keeps which line that is
 *   - a changed record of a product is what the catalogue says from its row on; where it says nothing, or is gone, what events say holds; a product that neither names is gone
 * An amount that needs more decimals than the snapshot shows does not fit: it takes a new snapshot.
 *
 * A tail has room for a number of rows; a larger one is made by adding the rows of the old one.
 */
#ifndef MX_SHOP_TAIL_H
#define MX_SHOP_TAIL_H

#include <stdatomic.h>

#include "shop/settings.h"
#include "shop/snapshot.h"

typedef enum mx_tail_space {
    MX_TAIL_PRODUCT,
    MX_TAIL_CUSTOMER,
    MX_TAIL_SESSION,
    MX_TAIL_ORDER,
    MX_TAIL_TITLE,
    MX_TAIL_SPACES
} mx_tail_space;

/* A name that rows bear. */
typedef struct mx_tail_name {
    mx_str text;
    uint64_t hash;
    int32_t next; /* in its bucket; -1: the last */
    int32_t base; /* of products: in the snapshot; -1: not there */
    int32_t first_row;
    uint8_t space;
    bool service; /* of products: what holds where no mx_tail_thing does */
    atomic_int_least32_t
        last;        /* of customers and sessions: the last row; of products: the last of mx_tail_thing; -1: none */
    int32_t product; /* of products: the mx_tail_product, for who adds alone; -1 */
} mx_tail_name;

/* What is known of a product that rows name: what its record says, and what events do. Who adds alone. */
typedef struct mx_tail_product {
    uint8_t said; /* MX_SAID_*: what the record says */
    mx_str said_title;
    int64_t said_price;
    bool in_row;        /* a row of an event names it */
    int32_t price_row;  /* the event whose price is the last; -1: the snapshot's */
    int32_t titles;     /* the first of mx_tail.titles; -1: none yet */
    int32_t best_count; /* the most lines that bear one title */
    mx_str best_title;  /* that title */
} mx_tail_product;

typedef struct mx_tail_row {
    int64_t time_ms, quantity, price_minor;
    int32_t name[MX_TAIL_SPACES];            /* -1: none */
    int32_t before_customer, before_session; /* the row before it of the same; -1: none */
    uint8_t kind; /* mx_event_kind; MX_TAIL_CHANGE: a changed thing, which quantity numbers */
} mx_tail_row;
enum { MX_TAIL_CHANGE = MX_EVENT_KINDS };

/* A product, from a row on. */
typedef struct mx_tail_thing {
    mx_str title;
    int64_t price_minor;
    int32_t row;
    int32_t before;     /* what held before; -1: the snapshot's */
    bool service, gone; /* gone: no record, no event names it */
} mx_tail_thing;

typedef struct mx_tail {
    atomic_uint references;
    const merx_allocator *alloc;
    mx_snapshot *base;     /* kept */
    int64_t zone_ms, unit; /* unit: what amounts of the store are divided by */
    int decimals_least;    /* of the amounts that are shown */
    const char *services;
    mx_arena arena;
    size_t capacity; /* of rows */
    size_t rows, names, things;
    int64_t offset;         /* of the last event, or of the snapshot */
    int64_t things_version; /* of the records whose changes it has; who adds sets it */
    atomic_bool has_gone,
        has_services;     /* whether a product of the snapshot is gone; whether one is a service now, or no more */
    mx_tail_row *row;     /* (capacity) */
    mx_tail_thing *thing; /* (capacity) */
    mx_tail_name *name;   /* (capacity MX_TAIL_SPACES) */
    atomic_int_least32_t *bucket;
    size_t buckets; /* a power of two */
    /* who adds alone */
    mx_vec products; /* mx_tail_product */
    mx_vec titles;   /* how many lines of a product bear which title */
    mx_vec changed;  /* changes of things, by their rows */
} mx_tail;

/* The most rows of a tail: what comes behind needs a new snapshot. */
enum { MX_TAIL_ROWS_MAX = 1 << 20 };

/*
 * base      kept: it must outlive the tail
 * settings  those of the shop, of the same things_version
 * before    a tail of the same base whose rows are taken over; NULL: none
 * Owns: mx_tail_release.
 */
merx_status mx_tail_new(mx_snapshot *base, const mx_shop_settings *settings, size_t capacity, const mx_tail *before,
                        const merx_allocator *alloc, mx_tail **out, merx_error *err) MERX_MUST_CHECK;
void mx_tail_release(mx_tail *tail); /* NULL is allowed */

/*
 * One more event. owner: the customer of its order's record, for an event that names no customer; empty: none.
 * Errors: MERX_E_LIMIT: the tail is full; MERX_E_RANGE: the amount does not fit the snapshot's decimals. Nothing was added then.
 * Cost: O(1), and a look into the snapshot for a product that is new to the tail. Threads: one.
 */
merx_status mx_tail_add(mx_tail *tail, const mx_event *event, mx_str owner, merx_error *err) MERX_MUST_CHECK;

/*
 * One more changed thing. record: of a product or customer, as it is now, its texts end with a zero byte; there: false: it was removed, and the record has its kind and id alone. Nothing to do for a customer whom the
 * snapshot knows: what else his record says, answers that go by the tail don't ask.
 * Errors: MERX_E_LIMIT: the tail is full; MERX_E_RANGE: the snapshot can't say it (a customer's record is gone, other decimals). Nothing was added then.
 * Cost: as mx_tail_add; a pass over a column of events to see whether any names a product whose record is gone. Threads: one.
 */
merx_status mx_tail_change(mx_tail *tail, const mx_record *record, bool there, merx_error *err) MERX_MUST_CHECK;

/* The name among those that the first `rows` rows bear; -1: none of them does. Any thread. */
int32_t mx_tail_find(const mx_tail *tail, mx_tail_space space, mx_str text, int32_t rows);
/* A product (a name) after the first `rows` rows; NULL: the snapshot's hold. Any thread. */
const mx_tail_thing *mx_tail_thing_of(const mx_tail *tail, int32_t product, int32_t rows);
/* The order of events in a snapshot, as far as answers see it: of two rows; of a row and an event of the snapshot. <0, 0, >0 */
int mx_tail_compare(const mx_tail *tail, const mx_tail_row *a, const mx_tail_row *b);
int mx_tail_compare_base(const mx_tail *tail, const mx_tail_row *row, size_t event);

#endif
