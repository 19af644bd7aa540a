/*
 * What a loaded model of next keeps beside it, so that a question costs what its events lead to and not the catalogue: made out of the model at load, none of it in the file. Floor 5.
 *
 * The best n of all items, exactly. With C(t) what the lists of the history's events give, g(t) = popularity share(t) + n b_t, v_t the vector and b_t the bias of t, and h the network's state,
 *
 *     score(t) = C(t) + g(t) + n h . v_t         h . v_t <= |h| |v_t|      (Cauchy-Schwarz)
 *
 * In two passes over the lists. They fall, and an event far back is worth little: the first pass takes of each list only the links worth CUT or more, in float. What it leaves out and its rounding give an item
 * `rest` more or less at most, the sum over lists of the first link left out. Three steps of bounds follow, each for the few that the one before could not rule out:
 *
 *     what the first pass gave, and the bound of the network above; its logit itself; the second pass, over the whole lists, which sums for those few alone, in double, as mx_next_scores does.
 *
 * What is to be reached is the n-th best of the lower bounds so far. It begins high, as the items that the first pass gave most come first. Items that it did not touch stand by descending
 * key(t) = g(t) + n TYPICAL |v_t|, in blocks that know the longest and the shortest vector from there on, so that
 *
 *     bound(t) = key(t) + n (|h| - TYPICAL) |v_t|
 *
 * ends the search at the first block where it is too small: mostly the first, since what follows what is worth more than the network.
 */
#ifndef MX_SHOP_NEXT_TOP_H
#define MX_SHOP_NEXT_TOP_H

#include "shop/answers/answer.h"

struct mx_next;
struct mx_next_desk;

enum { MX_NEXT_BLOCK = 64 };
/* Length of states: a first guess that orders the items; any gives the same answers. */
#define MX_NEXT_TYPICAL 2.0

typedef struct mx_next_bound {
    float key;  /* a little more, never less */
    float norm; /* |v| or a little more; 0 without a network */
} mx_next_bound;

/* Items alike in g and in |v|: a byte an item tells nearly as much as the two numbers, and stays in the near caches. */
enum { MX_NEXT_GRADES = 16, MX_NEXT_CLASSES = MX_NEXT_GRADES * MX_NEXT_GRADES };

typedef struct mx_next_index {
    size_t blocks;
    int32_t *order;                         /* (items) by descending key, ties by item */
    mx_next_bound *bounds;                  /* (items) of order's items */
    uint8_t *class;                         /* (items) of an item */
    mx_next_bound classes[MX_NEXT_CLASSES]; /* the largest of its items each; an empty one: -1e30, 0 */
    float *longest, *shortest;              /* (blocks) of norms from there on */
    int32_t *popular;                       /* (items) by descending number of sequences, ties by item */
    int32_t *product;                       /* (items) of the snapshot it was loaded with; -1: none */
    double cut;                             /* what a link must be worth in the first pass */
    bool negative;                          /* some weight is below 0 */
    struct mx_next_desk *spare; /* working memory that nobody uses; NULL: none. Taken and given back atomically. */
} mx_next_index;

/*
 * Builds model->index. snapshot: for hints; NULL: none. What the most common items put into the network is computed ahead, as far as 64 MiB go.
 * MERX_E_CORRUPT when a number is too large to be used, or a list does not fall or names an item twice.
 */
merx_status mx_next_index_build(struct mx_next *model, const mx_snapshot *snapshot, merx_error *err) MERX_MUST_CHECK;
void mx_next_index_release(struct mx_next *model);

/* products (n): where the products of n items stand in a snapshot, by the hints of the one the model was loaded with. -1: no longer there; look for it by its id. Together they wait for memory once. */
void mx_next_products(const struct mx_next *model, const mx_snapshot *snapshot, const int32_t *items, size_t n,
                      int32_t *products);

typedef struct mx_next_place {
    int32_t item;
    double score;
} mx_next_place;

/*
 * The n best items after a history of m events, by (score descending, item ascending), without those barred (any order, repeats allowed): the first n of what mx_next_scores gives, with the same bits.
 * m 0: by the number of sequences. best (n) written; *count of them. Any number of threads; a thread's working memory (50 bytes an item and some, of which a question uses little) is kept for the next question.
 */
merx_status mx_next_top(const struct mx_next *model, const int32_t *history, size_t m, const int32_t *barred,
                        size_t n_barred, size_t n, mx_next_place *best, size_t *count, merx_error *err) MERX_MUST_CHECK;
/* Frees what a thread kept. */
void mx_next_desk_free(const struct mx_next *model, struct mx_next_desk *desk);

#endif
