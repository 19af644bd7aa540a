/*
 * What answers share about purchases: who bought what as a sparse matrix, events grouped by customer or product, and errors for ids that are not there. Floor 5.
 */
#ifndef MX_SHOP_SALES_H
#define MX_SHOP_SALES_H

#include "numeric/matrix.h"
#include "shop/snapshot.h"

/*
 * Sales of goods to known customers as a customers x items matrix of ones. Rows are the customers with at least one such sale, columns the products
 * with at least one, both in the snapshot's order: by id.
 */
typedef struct mx_sales {
    const merx_allocator *alloc;
    mx_csr matrix; /* rows x items, values NULL */
    int64_t *starts;
    int32_t *indices;
    int32_t *row_customer;             /* (rows): index in the snapshot */
    int32_t *item_product;             /* (items): index in the snapshot */
    int32_t *product_item;             /* (products of the snapshot): -1 never sold */
    int32_t *customer_row;             /* (customers of the snapshot): -1 never bought */
    int32_t *buyers;                   /* (items): distinct customers */
    size_t products, customers, sales; /* sales: event lines */
} mx_sales;

/* Cost: O(events + pairs log pairs of one customer). Owns: mx_sales_release. On failure *out is zeroed. */
merx_status mx_sales_build(const mx_snapshot *snapshot, const merx_allocator *alloc, mx_sales *out,
                           merx_error *err) MERX_MUST_CHECK;
void mx_sales_release(mx_sales *sales);
/* Whether the row holds the item; binary search. */
/* The entry of the item in the row's; -1: not there. */
int64_t mx_sales_find(const mx_sales *sales, size_t row, int32_t item);
bool mx_sales_has(const mx_sales *sales, size_t row, int32_t item);

/* Events of each group (customer or product), in the snapshot's order: events[starts[g] .. starts[g + 1]). Events of group -1 are left out. */
typedef struct mx_event_groups {
    const merx_allocator *alloc;
    size_t groups, count;
    int64_t *starts;
    int32_t *events;
} mx_event_groups;
/* group_of (snapshot->events): e.g. snapshot->customer. */
merx_status mx_event_groups_build(const mx_snapshot *snapshot, const int32_t *group_of, size_t groups,
                                  const merx_allocator *alloc, mx_event_groups *out, merx_error *err) MERX_MUST_CHECK;
void mx_event_groups_release(mx_event_groups *groups);

/* MERX_E_NOT_FOUND for an id that the snapshot does not have, with the nearest one as a hint: `customer "1234" is not known; the nearest id is "12346"`. */
merx_status mx_unknown_id(const mx_str *ids, size_t n, const char *what, const char *id,
                          merx_error *err); /* ids ascend; what: "session" */
merx_status mx_unknown_customer(const mx_snapshot *snapshot, const char *id, merx_error *err);
merx_status mx_unknown_product(const mx_snapshot *snapshot, const char *id, merx_error *err);

/* Place of an id among ascending ids; -1: absent. */
int32_t mx_find_id(const mx_str *ids, size_t n, const char *id);

/* The names of a comma-separated list, spaces around them dropped, empty ones left out; in the arena, terminated. */
merx_status mx_split_ids(const char *list, mx_arena *arena, const char ***ids, size_t *n,
                         merx_error *err) MERX_MUST_CHECK;

#endif
