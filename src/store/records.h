/*
 * The records of a shop: the first of the two storage contracts (the other is store/blobs.h). Floor 3.
 *
 * Records are the only truth: an append-only event log with offsets, and the things it speaks of. A driver is a const mx_records_driver; callers use
 * the mx_records_* functions, which carry the checks (limits, UTF-8, required fields), so that drivers stay small.
 *
 * Invariants
 *  1. Offsets of events grow from 1 and are never reused. An event id is accepted once: appending it again counts as a duplicate and changes nothing.
 *  2. An event without an id has a source and a row (0-based) instead; per source the rows come in ascending order, and a row below the source's
 *     watermark (rows already taken, also refused ones) is a duplicate. The watermark moves in the same transaction.
 *  3. Between begin and commit nothing is visible to others; after commit returns, everything survives kill -9 and loss of power.
 *  4. One writer at a time (a second gets MERX_E_BUSY after busy_timeout_ms); readers are never blocked and see one state per scan, or from
 *     begin to commit on a read-only handle.
 *  5. Upserts replace the whole record with that id. Products named only by events need no record of their own. A source's rows never go down: remove the
 *     source to take its file again.
 *  6. Erasing a customer removes every row that names him, and every name (customer, order, session, product, title, country) that only his rows used, from the files too
 *     (secure delete, truncated log): what is left is what there would be without him, offsets aside. An order is its customer's: events without a
 *     customer in an order whose record names him are his rows too, and so is an order record without a customer that only his rows name.
 *     The bytes are gone from the files once mx_records_compact returned.
 *  7. A batch that fails a check (MERX_E_INVALID, _LIMIT, _RANGE from the checks) changes nothing and the transaction goes on. After any other failed write only rollback is
 *     possible; a failed commit has rolled back.
 *  8. A callback of a scan must not use the handle it was called from (MERX_E_INVALID).
 */
#ifndef MX_STORE_RECORDS_H
#define MX_STORE_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/str.h"
#include "merx/task.h"

/* Limits on what comes from outside, in bytes or units. */
#define MX_ID_MAX 255    /* ids, countries, languages, statuses */
#define MX_NAME_MAX 4096 /* titles, categories, brands, images, sources */
#define MX_TEXT_MAX (1u << 20)
#define MX_QUANTITY_MAX INT64_C(1000000000)    /* absolute value */
#define MX_MONEY_MAX INT64_C(1000000000000000) /* absolute value, in minor units */

typedef enum mx_record_kind {
    MX_EVENT,
    MX_PRODUCT,
    MX_CUSTOMER,
    MX_ORDER,
    MX_MESSAGE,
    MX_REVIEW, /* of the shop */
    MX_SOURCE,
    MX_SETTING,
    MX_MODEL, /* of merx */
    MX_RECORD_KINDS
} mx_record_kind;
const char *mx_record_kind_name(mx_record_kind kind); /* "event", "product" … */

typedef enum mx_event_kind {
    MX_EVENT_VIEW,
    MX_EVENT_CART,
    MX_EVENT_PURCHASE,
    MX_EVENT_RETURN,
    MX_EVENT_KINDS
} mx_event_kind;
const char *mx_event_kind_name(mx_event_kind kind);

/* Strings are borrowed slices; an empty one means absent. Money is in minor units of the shop (10^-decimals). */
typedef struct mx_event {
    int64_t offset; /* read only: given by the store */
    mx_str id;      /* empty: source + row identify it */
    mx_str source;
    uint64_t row;
    int64_t time_ms;
    mx_event_kind kind; /* a purchase or return is one line of an order */
    mx_str customer, product, order, session;
    int64_t quantity;    /* positive; negative for what came back or was cancelled */
    int64_t price_minor; /* of one unit; 0 if unknown */
    bool has_price;
    mx_str title, country; /* as written on this line; "" if not */
} mx_event;

typedef struct mx_product {
    mx_str id, title, category, brand, image, text, attributes; /* attributes: JSON object */
    int64_t price_minor;
    bool has_price, service; /* service: postage, fees: not goods */
} mx_product;
typedef struct mx_customer {
    mx_str id, country, attributes;
    int64_t created_ms;
    bool has_created;
} mx_customer;
typedef struct mx_order {
    mx_str id, customer, status, country;
    int64_t time_ms;
} mx_order;
typedef struct mx_message {
    mx_str id, customer, channel, language, text, intent, reply;
    int64_t time_ms;
} mx_message;
typedef struct mx_review {
    mx_str id, customer, product, title, text;
    int64_t time_ms;
    double rating; /* NaN: none */
} mx_review;

/* A file that was imported: its watermark and what is needed to see whether it changed. */
typedef struct mx_source_record {
    mx_str name;
    mx_str file_sha256;
    uint64_t file_bytes;
    uint64_t rows;
    uint64_t accepted, refused;
    uint64_t text_bytes;
    mx_str text_sha256; /* of the first text_bytes, decompressed */
} mx_source_record;
typedef struct mx_setting {
    mx_str key, value;
} mx_setting;
/* A trained version of an answer's model. Exactly one version of an answer is live, or none. */
typedef struct mx_model_record {
    mx_str answer;
    int64_t version; /* 1, 2, … per answer; 0 when appending: next */
    mx_str blob, sha256;
    int64_t created_ms, data_offset;
    bool live;
    mx_str metrics; /* JSON */
    mx_str options; /* JSON */
} mx_model_record;

typedef struct mx_record {
    mx_record_kind kind;
    union {
        mx_event event;
        mx_product product;
        mx_customer customer;
        mx_order order;
        mx_message message;
        mx_review review;
        mx_source_record source;
        mx_setting setting;
        mx_model_record model;
    };
} mx_record;

typedef struct mx_erasure {
    uint64_t events, orders, messages, reviews, customers;
} mx_erasure; /* rows removed */

/* Return other than MERX_OK to end the scan with it. Slices are valid during the call. */
typedef merx_status (*mx_record_fn)(void *context, const mx_record *record, merx_error *err);

typedef enum mx_scan_order { MX_BY_OFFSET, MX_BY_TIME } mx_scan_order; /* by time: ties by offset; events only */

/* Where a page of records begins, and how long it is. */
typedef struct mx_record_page {
    int64_t after_offset; /* events: those of higher offsets */
    mx_str after;         /* the other kinds: higher ids, bytewise; empty: from the first */
    size_t limit;         /* at most so many */
} mx_record_page;

typedef struct mx_records mx_records;

typedef struct mx_records_options {
    bool read_only;
    bool create;          /* make it when absent; else absent is MERX_E_NOT_FOUND */
    int busy_timeout_ms;  /* 0: 5000 */
    uint64_t cache_bytes; /* 0: 16 MiB */
} mx_records_options;

typedef struct mx_records_driver {
    uint32_t version; /* of this struct: 1 */
    const char *name; /* "sqlite": the scheme of its addresses */
    const char *text;
    merx_status (*open)(const char *address, const mx_records_options *options, const merx_allocator *alloc,
                        void **state, merx_error *err);
    void (*close)(void *state);
    merx_status (*begin)(void *state, merx_error *err);
    merx_status (*commit)(void *state, merx_error *err);
    void (*rollback)(void *state);
    merx_status (*append)(void *state, const mx_event *events, size_t n, uint64_t *appended, merx_error *err);
    merx_status (*upsert)(void *state, const mx_record *records, size_t n, merx_error *err); /* every kind but events */
    merx_status (*scan_events)(void *state, int64_t after_offset, mx_scan_order order, mx_record_fn fn, void *context,
                               merx_error *err);
    merx_status (*scan)(void *state, mx_record_kind kind, mx_record_fn fn, void *context,
                        merx_error *err); /* ascending id (models: answer, version) */
    merx_status (*get)(void *state, mx_record_kind kind, mx_str id, mx_record_fn fn, void *context,
                       merx_error *err); /* MERX_E_NOT_FOUND */
    merx_status (*remove)(
        void *state, mx_record_kind kind, mx_str id,
        merx_error *err); /* absent is no error; models "answer/version"; sources: the source and all its events */
    merx_status (*last_offset)(void *state, int64_t *offset, merx_error *err); /* 0: no events yet */
    merx_status (*count)(void *state, mx_record_kind kind, uint64_t *count, merx_error *err);
    merx_status (*rescale_money)(void *state, int decimals_added,
                                 merx_error *err); /* multiplies every amount by 10^n */
    merx_status (*erase_customer)(void *state, mx_str customer, mx_erasure *erased, merx_error *err);
    merx_status (*compact)(void *state, merx_error *err); /* after big changes: gives space back, truncates logs */
    merx_status (*next_version)(void *state, mx_str answer, int64_t *version,
                                merx_error *err); /* what version 0 would become */
    /* Ascending; reads no more than the page. Every kind whose id is one text, and events. */
    merx_status (*scan_page)(void *state, mx_record_kind kind, const mx_record_page *page, mx_record_fn fn,
                             void *context, merx_error *err);
    /* What erase_customer would remove: his record, orders, messages, reviews (ascending ids), then events (ascending offsets). */
    merx_status (*scan_customer)(void *state, mx_str customer, mx_record_fn fn, void *context, merx_error *err);
    merx_status (*advance)(void *state, int64_t offset, merx_error *err);
    /* NULL: the driver can't tell, and every call says yes */
    merx_status (*changed)(void *state, bool *changed, merx_error *err);
} mx_records_driver;

/*
 * address   "sqlite:/path/shop.db", or a path (then sqlite); "postgres://user@host/database?schema=shop" (also "postgresql:") in builds with
 *           PostgreSQL (docs/store.md). "fault:…" is made by mx_records_fault_wrap only.
 * Owns: close with mx_records_close. Threads: one at a time.
 */
merx_status mx_records_open(const char *address, const mx_records_options *options, const merx_allocator *alloc,
                            mx_records **out, merx_error *err) MERX_MUST_CHECK;
void mx_records_close(mx_records *records);
const char *mx_records_driver_name(const mx_records *records);

/* On a read-only handle: all reads until commit or rollback see one state. */
merx_status mx_records_begin(mx_records *records, merx_error *err) MERX_MUST_CHECK;
merx_status mx_records_commit(mx_records *records, merx_error *err) MERX_MUST_CHECK;
void mx_records_rollback(mx_records *records); /* does nothing outside a transaction */

/* Inside a transaction. *appended (may be NULL): how many were new. */
merx_status mx_records_append(mx_records *records, const mx_event *events, size_t n, uint64_t *appended,
                              merx_error *err) MERX_MUST_CHECK;
merx_status mx_records_upsert(mx_records *records, const mx_record *batch, size_t n, merx_error *err) MERX_MUST_CHECK;
merx_status mx_records_remove(mx_records *records, mx_record_kind kind, mx_str id, merx_error *err) MERX_MUST_CHECK;
merx_status mx_records_rescale_money(mx_records *records, int decimals_added, merx_error *err) MERX_MUST_CHECK;
merx_status mx_records_erase_customer(mx_records *records, mx_str customer, mx_erasure *erased,
                                      merx_error *err) MERX_MUST_CHECK;

/*
 * Inside a transaction: no event gets an offset up to `offset` any more. For who brings a shop back, so that its events keep their offsets; nothing happens
 * when they were given already.
 */
merx_status mx_records_advance(mx_records *records, int64_t offset, merx_error *err) MERX_MUST_CHECK;

/*
 * Whether another handle, of this process or any other, may have committed since the last call on this one; the first call says yes. Outside a transaction. Ask
 * first, read then: what is committed after the reading makes the next call say yes.
 *
 *     MX_TRY(mx_records_changed(records, &changed, err));
 *     if (changed) ... mx_records_last_offset, settings ...
 *
 * Cost: SQLite: two microseconds, a look into the shared index of the log. PostgreSQL: a look at what the server has sent (one system call, no round trip); the first call, and the first
 * after a lost connection, listens (one round trip). A notification comes a moment after its commit (a millisecond or so when the server is near), so a yes
 * may be that late. A lost connection is a yes, not an error: the reading that follows connects again. A standby, which can't be listened to, always says yes.
 */
merx_status mx_records_changed(mx_records *records, bool *changed, merx_error *err) MERX_MUST_CHECK;

/*
 * Anywhere, also between begin and commit (which then sees its own changes).
 * last_offset: the highest ever given, also if that event is gone; 0: none yet.
 */
merx_status mx_records_scan_events(mx_records *records, int64_t after_offset, mx_scan_order order, mx_record_fn fn,
                                   void *context, merx_error *err) MERX_MUST_CHECK;
merx_status mx_records_scan(mx_records *records, mx_record_kind kind, mx_record_fn fn, void *context,
                            merx_error *err) MERX_MUST_CHECK;
/*
 * One page of a kind, ascending by id (events: by offset). Cost: of the page alone, wherever it begins.
 * Errors: MERX_E_UNSUPPORTED for models, whose ids have two parts.
 */
merx_status mx_records_scan_page(mx_records *records, mx_record_kind kind, const mx_record_page *page, mx_record_fn fn,
                                 void *context, merx_error *err) MERX_MUST_CHECK;
/*
 * All that is of a customer, which is what erasing him would remove (invariant 6), names aside: his record, his orders, messages and reviews by ascending id, then his
 * events by ascending offset. Of an unknown customer: nothing. Cost: a pass over events, orders, messages and reviews.
 */
merx_status mx_records_scan_customer(mx_records *records, mx_str customer, mx_record_fn fn, void *context,
                                     merx_error *err) MERX_MUST_CHECK;
/* The record is copied into the arena. */
merx_status mx_records_get(mx_records *records, mx_record_kind kind, mx_str id, mx_arena *arena, mx_record *out,
                           merx_error *err) MERX_MUST_CHECK;
merx_status mx_records_last_offset(mx_records *records, int64_t *offset, merx_error *err) MERX_MUST_CHECK;
merx_status mx_records_count(mx_records *records, mx_record_kind kind, uint64_t *count,
                             merx_error *err) MERX_MUST_CHECK;
/* Outside a transaction. MERX_E_BUSY while another handle writes or reads an old state: try again. */
merx_status mx_records_compact(mx_records *records, merx_error *err) MERX_MUST_CHECK;
/* The version the next model of an answer gets: the highest ever given, plus one. Ask inside the transaction that uses it. */
merx_status mx_records_next_version(mx_records *records, const char *answer, int64_t *version,
                                    merx_error *err) MERX_MUST_CHECK;
/* Settings by key; *value is "" when absent; lives in the arena. */
merx_status mx_records_setting(mx_records *records, const char *key, mx_arena *arena, const char **value,
                               merx_error *err) MERX_MUST_CHECK;
merx_status mx_records_set_setting(mx_records *records, const char *key, const char *value,
                                   merx_error *err) MERX_MUST_CHECK; /* inside a transaction */

/* The drivers of this build; index out of range: NULL. */
const mx_records_driver *mx_records_driver_at(size_t i);

/*
 * For tests: wraps an open store (taken on success) so that the k-th driver call (0-based; close and rollback don't count) fails with `code`
 * before anything is done; a commit also rolls back (k < 0: never). Calls are counted; -1 for a store that is not wrapped.
 */
merx_status mx_records_fault_wrap(mx_records *inner, int64_t fail_at, merx_status code, mx_records **out,
                                  merx_error *err) MERX_MUST_CHECK;
int64_t mx_records_fault_calls(const mx_records *records);

/* Lines about the drivers of this build, for merx_build_info (base/build_info.h). */
void mx_store_build_info(mx_text *text);

#endif
