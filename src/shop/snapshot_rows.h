/*
 * What a snapshot is built of: rows whose names are numbered in the order of sight. snapshot_build.c makes all of a snapshot from them, snapshot_merge.c what is new in it. Floor 5.
 */
#ifndef MX_SHOP_SNAPSHOT_ROWS_H
#define MX_SHOP_SNAPSHOT_ROWS_H

#include "shop/snapshot_parts.h"

/* The numberings; the first five are columns of an event. */
enum { PRODUCT, CUSTOMER, ORDER, SESSION, COUNTRY, TITLE, EVENT_NAMES, CATEGORY = EVENT_NAMES, NAMES };

typedef struct mx_event_row {
    int64_t time_ms, quantity, price;
    int32_t name[EVENT_NAMES];
    uint8_t kind;
} mx_event_row;

/* What the catalogue says of a product, what the records say of customers and orders. */
typedef struct mx_product_row {
    int64_t price;
    int32_t code, category;
    int32_t title; /* code among titles of the catalogue */
    bool has_price, service;
} mx_product_row;
typedef struct mx_pair_row {
    int32_t code, other;
} mx_pair_row;

typedef struct mx_builder {
    const merx_allocator *alloc;
    merx_task *task;
    const mx_shop_settings *settings;
    mx_dict *names[NAMES];
    mx_dict *catalogue_titles;
    mx_str
        last[EVENT_NAMES]; /* the dictionary's own copy of the last name of each column: equal rows follow each other */
    int32_t last_code[EVENT_NAMES];
    mx_vec rows, products, customers, orders;
    int64_t offset;
    /* when finished */
    int32_t *rank[NAMES];  /* code -> place */
    mx_str *sorted[NAMES]; /* place -> name */
    size_t count[NAMES];
    size_t events;
    uint32_t *order; /* (events) place -> row */
    mx_vec said;     /* mx_title_count, by product, then title */
} mx_builder;

/* The tensors of the lists of names, by numbering. */
extern const char *const mx_snapshot_names[NAMES];

/* settings: kept. Owns: mx_builder_release, also after a failure. */
merx_status mx_builder_init(mx_builder *b, const mx_shop_settings *settings, const merx_allocator *alloc,
                            merx_task *task, merx_error *err) MERX_MUST_CHECK;
void mx_builder_release(mx_builder *b);
/* Events after an offset; the records of products, customers and orders. */
merx_status mx_builder_take_events(mx_builder *b, mx_records *records, int64_t after, merx_error *err) MERX_MUST_CHECK;
merx_status mx_builder_take_things(mx_builder *b, mx_records *records, merx_error *err) MERX_MUST_CHECK;
/* Names of one numbering in their order: sorted, rank, count. */
merx_status mx_builder_rank(mx_builder *b, int which, merx_error *err) MERX_MUST_CHECK;
/* Everything that a snapshot's metadata says. decimals: of the amounts shown. */
merx_status mx_snapshot_write_meta(const mx_builder *b, mx_tensor_writer *writer, int decimals,
                                   merx_error *err) MERX_MUST_CHECK;

#endif
