/*
 * Live data: events and things that come one request at a time, into a shop that answers meanwhile. Floor 5.
 *
 *     mx_live_begin(&live, err);  look at live.settings, mx_live_erased;  mx_live_append or mx_live_put;  mx_live_commit(&live, err)
 *
 * Beside import (import_parts.h), which takes files. What was erased does not come back by either.
 */
#ifndef MX_SHOP_LIVE_H
#define MX_SHOP_LIVE_H

#include "shop/import_parts.h"

typedef struct mx_live {
    merx_shop *shop; /* kept; open for writing */
    mx_shop_settings settings;
    mx_arena arena; /* of the settings */
    mx_erased erased;
    bool erased_read;
    int64_t erased_version;              /* the log_version that `erased` was read at */
    bool things_changed, orders_changed; /* orders say whose events are */
    mx_vec changes;                      /* mx_change: what a snapshot holds; ids in the arena */
} mx_live;

void mx_live_init(mx_live *live, merx_shop *shop);
void mx_live_release(mx_live *live);

/* Takes the write lock and looks at the shop as it is now. Errors: MERX_E_BUSY: another process writes, for longer than the store waits. */
merx_status mx_live_begin(mx_live *live, merx_error *err) MERX_MUST_CHECK;
/* Whether an event or thing is of a customer who was erased: his own, or one of an order of his without a customer. */
bool mx_live_erased(const mx_live *live, mx_str customer, mx_str order);
merx_status mx_live_append(mx_live *live, const mx_event *events, size_t n, uint64_t *appended,
                           merx_error *err) MERX_MUST_CHECK;
/* n products, customers, orders, messages or reviews: made or replaced whole; of equal ids the last stays. */
merx_status mx_live_put(mx_live *live, const mx_record *records, size_t n, merx_error *err) MERX_MUST_CHECK;
/* MERX_E_NOT_FOUND: there is no such record. */
merx_status mx_live_remove(mx_live *live, mx_record_kind kind, mx_str id, merx_error *err) MERX_MUST_CHECK;
/* Afterwards everything is durable; *offset: of the last event of the shop. */
merx_status mx_live_commit(mx_live *live, int64_t *offset, merx_error *err) MERX_MUST_CHECK;
void mx_live_rollback(mx_live *live); /* does nothing outside a transaction */

#endif
