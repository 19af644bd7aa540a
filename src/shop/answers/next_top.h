/*
 * What a loaded model of next keeps beside it, so that a question costs what its events lead to and not the catalogue: made out of the model at load, none of it in the file. Floor 5.
 *
 * The best n of all items, exactly. With C(t) what the lists of the history's events give, g(t) = popularity share(t) + n b_t, v_t the vector and b_t the bias of t, and h the network's state,
 *
 *     score(t) = C(t) + g(t) + n h . v_t         h . v_t <= |h| |v_t|      (Cauchy-Schwarz)
 *
 * C is summed over the events' lists, and is 0 for every item that stands in none. What stands first in the last events' lists gives a first n-th best score; after that only items are scored that C and the
 * bound say may reach it. Where C is 0 the bound alone must reach it: items stand by descending key(t) = g(t) + n TYPICAL |v_t|, in blocks that know the longest and the shortest vector from there on, so that
 *
 *     bound(t) = key(t) + n (|h| - TYPICAL) |v_t|
 *
 * ends the search at the first block where it is too small: mostly the first, since what follows what is worth more than the network. An item's score is computed as mx_next_scores does it.
 */
#ifndef MX_SHOP_NEXT_TOP_H
#define MX_SHOP_NEXT_TOP_H

#include "shop/answers/answer.h"

struct mx_next;

typedef struct mx_next_index mx_next_index;

/* Builds model->index. snapshot: for hints; NULL: none. MERX_E_CORRUPT when a vector is no usable number. */
merx_status mx_next_index_build(struct mx_next *model, const mx_snapshot *snapshot, merx_error *err) MERX_MUST_CHECK;
void mx_next_index_release(struct mx_next *model);

/* Where the product of an item stands in a snapshot, by the hint of the one the model was loaded with. -1: no longer there; look for it by its id. */
int32_t mx_next_product_hint(const struct mx_next *model, const mx_snapshot *snapshot, int32_t item);

typedef struct mx_next_place {
    int32_t item;
    double score;
} mx_next_place;

/*
 * The n best items after a history of m events, by (score descending, item ascending), without those barred (any order, repeats allowed): the first n of what mx_next_scores gives, with the same bits.
 * m 0: by the number of sequences. best (n) written; *count of them. Any number of threads; a thread's working memory (8 bytes an item and some) is kept for the next question.
 */
merx_status mx_next_top(const struct mx_next *model, const int32_t *history, size_t m, const int32_t *barred,
                        size_t n_barred, size_t n, mx_next_place *best, size_t *count, merx_error *err) MERX_MUST_CHECK;

#endif
