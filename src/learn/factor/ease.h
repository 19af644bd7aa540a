/*
 * EASE: a linear item-to-item model in closed form. Floor 4.
 *
 * Minimises |X - X B|^2 + l2 |B|^2 over B (items, items) with zeros on the diagonal, X (users, items):
 *
 *     P = (X'X + l2 I)^-1        B_jt = -P_jt / P_tt for j != t        Steck 2019, "Embarrassingly shallow autoencoders for sparse data", eq. 8
 *
 * The score of item t for a history H with values x is sum_{j in H} x_j B_jt: additive, so reasons are its terms. Weights below zero speak against an item.
 */
#ifndef MX_LEARN_EASE_H
#define MX_LEARN_EASE_H

#include "learn/factor/item_lists.h"

typedef struct mx_ease_options {
    double l2;        /* above 0 */
    size_t keep;      /* weights kept for each item j, largest first; 0: all */
    size_t max_items; /* more are refused; 0: no limit */
} mx_ease_options;

/* Bytes a fit takes at most, beside the result. */
uint64_t mx_ease_bytes(size_t items, size_t keep, size_t threads);
/*
 * users x items, values finite. Row j of the result: the weights B_j. of item j in the scores of others. Items without users have no list.
 * Cost: items^3 products and as many sums; memory 4 items^2 bytes. Same bits for any number of threads.
 * Errors: MERX_E_LIMIT beyond max_items; MERX_E_MEMORY with an estimate beyond the task's budget; MERX_E_NUMERIC when l2 is too small for the values.
 */
merx_status mx_ease_fit(const mx_csr *users, const mx_ease_options *options, const merx_allocator *alloc,
                        merx_task *task, mx_item_lists *out, merx_error *err) MERX_MUST_CHECK;

#endif
