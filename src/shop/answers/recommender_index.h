/*
 * What a loaded recommender keeps beside its model, so that a question costs what it touches and not the catalogue: made out of the model at load, none of it in the file. Floor 5.
 *
 * The best n of all items, exactly. With x the user's vector, z_t = a trend(t) y_t and s(t) what the lists of the history add,
 *
 *     score(t) = z_t . x + trend(t) s(t)      z_t . x <= |z_t| |x|      (Cauchy-Schwarz)
 *
 * s(t) is 0 but for the few items in those lists. Items stand by descending |z_t|, in panels of MX_PANEL. Panels are gone through in order; a first product in float names the
 * items that may reach the n-th best score so far, whose scores are then computed in double as mx_recommender_score does; where |z_t| |x| itself is below that score nothing that
 * follows can reach it, and the search ends. Popular products have long vectors, most have short ones: of 100,000 products some hundred are looked at.
 *
 * The float product of a unit vector with z_t is off by less than EPSILON |z_t|: f + 3 roundings of 2^-24 each (Higham 2002, section 3.1), with some to spare.
 */
#ifndef MX_SHOP_RECOMMENDER_INDEX_H
#define MX_SHOP_RECOMMENDER_INDEX_H

#include "learn/factor/als_history.h"
#include "shop/answers/answer.h"

struct mx_recommender;

/* The length of an id and its first bytes: most are told apart without going to where they lie. */
typedef struct mx_short_id {
    uint32_t size;
    char first[12];
} mx_short_id;

typedef struct mx_item_bound {
    float norm; /* |z| or a little more; 0 where z is 0 */
    float trend;
} mx_item_bound;

typedef struct mx_recommender_index {
    size_t panels;
    int32_t *order;        /* (panels, MX_PANEL) items by descending |z|, ties by item; -1 past the last */
    float *rows;           /* (panels, f, MX_PANEL) z */
    mx_item_bound *bounds; /* (items) */
    int32_t *popular;      /* (items) by descending number of buyers, ties by item */
    int32_t *product;      /* (items) product of the snapshot it was loaded with: a hint for others; -1: none */
    int32_t *item;         /* (products) and back */
    size_t products;
    mx_short_id *ids; /* (items) */
    mx_als_solved solved;
} mx_recommender_index;

typedef struct mx_ranked {
    int32_t item;
    double score;
} mx_ranked;

/* Builds model->index. MERX_E_CORRUPT when factors or trends are no usable numbers. */
merx_status mx_recommender_index_build(struct mx_recommender *model, const mx_snapshot *snapshot,
                                       merx_error *err) MERX_MUST_CHECK;
void mx_recommender_index_release(struct mx_recommender *model);

/*
 * The items of n products of any snapshot (each -1: none), and the products of n items; -1: none. Each costs O(1) for the snapshot the model was loaded with, near that for one with few more
 * products; together they wait for memory once.
 */
void mx_recommender_items(const struct mx_recommender *model, const mx_snapshot *snapshot, const int32_t *products,
                          size_t n, int32_t *items);
void mx_recommender_products(const struct mx_recommender *model, const mx_snapshot *snapshot, const int32_t *items,
                             size_t n, int32_t *products);

/*
 * The n best items by (score descending, item ascending) for a history of m distinct items, without those barred (any order, repeats allowed): the first n of what
 * mx_recommender_score gives, with the same scores. best (n) written; *count of them. Scratch in the arena.
 */
merx_status mx_recommender_top(const struct mx_recommender *model, const int32_t *history, size_t m,
                               const int32_t *barred, size_t n_barred, size_t n, mx_arena *arena, mx_ranked *best,
                               size_t *count, merx_error *err) MERX_MUST_CHECK;

#endif
