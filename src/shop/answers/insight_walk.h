/*
 * What the files of insight share: lines and sales, the events of a range, checked sums, counting orders, names of groups. Floor 5.
 */
#ifndef MX_SHOP_INSIGHT_WALK_H
#define MX_SHOP_INSIGHT_WALK_H

#include <math.h>

#include "shop/answers/insight.h"

__extension__ typedef __int128 mx_wide; /* products of two int64; gcc and clang have it */

static inline bool mx_insight_is_line(const mx_snapshot *s, size_t i)
{
    return s->kind[i] == MX_EVENT_PURCHASE || s->kind[i] == MX_EVENT_RETURN;
}
/* A sale of anything, services too. */
static inline bool mx_insight_is_sale(const mx_snapshot *s, size_t i)
{
    return s->kind[i] == MX_EVENT_PURCHASE && s->quantity[i] > 0;
}

/* Events [*from, *to) are those of the range. */
void mx_insight_bounds(const mx_snapshot *s, mx_insight_range range, size_t *from, size_t *to);
/* quantity * price of a line; a sum; MERX_E_RANGE on overflow. */
merx_status mx_insight_amount(const mx_snapshot *s, size_t i, int64_t *amount, merx_error *err) MERX_MUST_CHECK;
merx_status mx_insight_sum(int64_t *sum, int64_t value, merx_error *err) MERX_MUST_CHECK;

/* Whether a sale begins a new order; sales must come in time order. */
typedef struct mx_order_count {
    const merx_allocator *alloc;
    size_t orders, customers;
    uint8_t *seen;
    int64_t *day;
} mx_order_count;
merx_status mx_order_count_init(const mx_snapshot *s, const merx_allocator *alloc, mx_order_count *c,
                                merx_error *err) MERX_MUST_CHECK;
void mx_order_count_release(mx_order_count *c);
bool mx_order_count_new(mx_order_count *c, const mx_snapshot *s, size_t i);

/* (customers) time of the first sale, INT64_MAX without one. Free with MX_FREE_ARRAY(alloc, first, s->customers). */
merx_status mx_first_sales(const mx_snapshot *s, const merx_allocator *alloc, int64_t **first_ms,
                           merx_error *err) MERX_MUST_CHECK;

/* The group of an event (-1: unnamed), how many there are, what one is called. */
int32_t mx_insight_group(const mx_snapshot *s, mx_insight_by by, size_t i);
size_t mx_insight_groups(const mx_snapshot *s, mx_insight_by by);
void mx_insight_names(const mx_snapshot *s, mx_insight_by by, int32_t index, mx_str *id, mx_str *title);

#endif
