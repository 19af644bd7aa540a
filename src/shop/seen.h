/*
 * What a question sees of customers, sessions and products: the snapshot and the tail of events and changed things behind it, as one. Floor 5.
 *
 * An answer that reads nothing of the shop but by these functions is asked without a new snapshot (mx_answer.live). Each costs O(its own events), and gives what a snapshot with
 * the tail merged in would. Any number of threads.
 */
#ifndef MX_SHOP_SEEN_H
#define MX_SHOP_SEEN_H

#include "shop/tail.h"

typedef struct mx_seen {
    mx_snapshot *snapshot;
    const mx_tail *tail; /* NULL: none */
    int32_t rows;        /* of the tail, that are seen */
} mx_seen;

/* A customer or session: its number in the snapshot and its name in the tail; -1: not there. */
typedef struct mx_known {
    int32_t base, tail;
} mx_known;
#define MX_NOBODY ((mx_known){-1, -1})
static inline bool mx_is_known(mx_known who)
{
    return who.base >= 0 || who.tail >= 0;
}
mx_known mx_seen_customer(mx_seen seen, const char *id);
mx_known mx_seen_session(mx_seen seen, const char *id);

/* Products have one number, those of the tail alone behind the snapshot's. */
int32_t mx_seen_product(mx_seen seen, const char *id); /* -1: not known */
/* Whether a product that the snapshot has was removed since: it is not known any more. */
bool mx_seen_product_gone(mx_seen seen, int32_t product);
mx_str mx_seen_product_id(mx_seen seen, int32_t product);
mx_str mx_seen_product_title(mx_seen seen, int32_t product);
int64_t mx_seen_product_price_minor(mx_seen seen, int32_t product); /* 0: not known */
bool mx_seen_product_service(mx_seen seen, int32_t product);

/* One event. */
typedef struct mx_line {
    int64_t time_ms, quantity, price_minor;
    int32_t product; /* -1: none */
    uint8_t kind;    /* mx_event_kind */
    bool goods;      /* of a product that is no service */
    bool of_customer, of_session;
} mx_line;
/* As mx_snapshot_is_sale. */
static inline bool mx_line_is_sale(const mx_line *line)
{
    return line->kind == MX_EVENT_PURCHASE && line->quantity > 0 && line->goods;
}
/*
 * The events of a customer, of a session, or of both (each event once), in the snapshot's order. MX_NOBODY: not asked for. kinds: those whose bit (1 << mx_event_kind) is set.
 * *lines lies in the arena. Errors: MERX_E_CORRUPT: the snapshot's file is damaged; it is built anew then.
 */
#define MX_ALL_KINDS ((1u << MX_EVENT_KINDS) - 1)
merx_status mx_seen_lines(mx_seen seen, mx_known customer, mx_known session, unsigned kinds, mx_arena *arena,
                          mx_line **lines, size_t *n, merx_error *err) MERX_MUST_CHECK;

#endif
