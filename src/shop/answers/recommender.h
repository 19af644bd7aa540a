/*
 * The model of recommend: what goes with what, out of who bought what. Floor 5.
 *
 * The score of item t for a history H of distinct items is a plain sum over H, so reasons are its terms:
 *
 *     score(t) = trend(t) * sum_{j in H} e * ease(j, t) + a * als_j(t) + w * similarity(j, t)
 *
 * trend(t) = (c_t + k) / (e_t + k): c_t customers bought t in the last `recent_days` days of the sales learnt from, e_t is what its buyers n_t of all times would give
 * (n_t times the share of recent ones among all products). Above 1 for what is bought now, towards 0 for what is no longer sold or out of season. 1 / k is the variance of
 * the true trends, what the counts vary beyond chance: where nothing but chance is seen every trend is 1.
 *
 * ease(j, t) = B_jt, the weight of j in EASE's linear model (learn/factor/ease.h), where it is among the largest of j, else 0; als_j(t) = y_t' A^-1 y_j c, with A of
 * the whole history: the part of item j in the score of implicit ALS (learn/factor/als.h); similarity(j, t) is that of co-purchase where t is among the nearest
 * neighbours of j, else 0 (learn/factor/neighbours.h). There are no factors of customers: they are solved from the history at question time by the same equations as
 * in training, so a new purchase changes the next answer.
 *
 * A catalogue too large for EASE goes without; its weight e goes to the factors, whose scores have the same scale: both estimate 1 for bought and 0 for not.
 */
#ifndef MX_SHOP_RECOMMENDER_H
#define MX_SHOP_RECOMMENDER_H

#include "learn/factor/als.h"
#include "learn/factor/ease.h"
#include "learn/factor/neighbours.h"
#include "shop/answers/recommender_index.h"
#include "shop/answers/sales.h"

typedef struct mx_recommender {
    const merx_allocator *alloc;
    size_t items, customers;                     /* learnt from */
    double ease_weight, als_weight, co_purchase; /* e, a, w; e is 0 where there is no EASE */
    int32_t *buyers;                             /* (items) distinct customers */
    float *trend;                                /* (items) */
    mx_als als;                                  /* item factors and gram alone */
    mx_item_lists ease, neighbours;
    mx_dict *ids;                /* item -> id of the product; NULL while training */
    mx_recommender_index *index; /* of a model that answers; else NULL */
} mx_recommender;

/* The training options' table. */
extern const merx_option mx_recommend_training[];

/* Learns from the sales. counts_only: leaves the factors and their gram zero, the lists of EASE empty. Same bits for any number of threads. */
merx_status mx_recommender_fit(const mx_snapshot *snapshot, const mx_sales *sales, const merx_options *options,
                               bool counts_only, const merx_allocator *alloc, merx_task *task, mx_recommender *out,
                               merx_error *err) MERX_MUST_CHECK;
void mx_recommender_release(mx_recommender *model);
/* Tensors and metadata. Everything handed to the writer lives in the arena. fingerprint: of what the factors were learnt from, or "kept". */
merx_status mx_recommender_write(const mx_recommender *model, const mx_snapshot *snapshot, const mx_sales *sales,
                                 const char *fingerprint, mx_tensor_writer *writer, mx_arena *arena,
                                 merx_error *err) MERX_MUST_CHECK;
/* Copies what it needs out of the file. */
merx_status mx_recommender_read(const mx_tensor_file *file, const merx_allocator *alloc, mx_recommender *out,
                                merx_error *err) MERX_MUST_CHECK;
/* Sixteen hex digits over who bought what, the options of the factors and the seed: when they are equal, so are the factors. */
void mx_recommender_fingerprint(const mx_snapshot *snapshot, const mx_sales *sales, const merx_options *options,
                                uint64_t seed, char out[17]);

/*
 * The user's vector (factors) of a history of m distinct items, and the score of an item with it; lists: what EASE and the neighbours of the history say of the item, each times its
 * weight, summed in the order of the history, EASE first.
 */
merx_status mx_recommender_user(const mx_recommender *model, const int32_t *history, size_t m, double *user,
                                merx_error *err) MERX_MUST_CHECK;
double mx_recommender_score_of(const mx_recommender *model, const double *user, int32_t item, double lists);
/* Scores of all items for a history (m distinct items): scores (items) written; user (factors) scratch. What mx_recommender_top is measured by. */
merx_status mx_recommender_score(const mx_recommender *model, const int32_t *history, size_t m, double *user,
                                 double *scores, merx_error *err) MERX_MUST_CHECK;
/*
 * The same for n targets with every term: parts (n, m), scores (n), and without (n, m): the score solved again for the history without j.
 * Taking j away is a rank-one change of A (Sherman & Morrison 1950), so all of them cost one solve more for each j instead of one factorisation.
 */
merx_status mx_recommender_explain(const mx_recommender *model, const int32_t *history, size_t m,
                                   const int32_t *targets, size_t n, double *parts, double *without, double *scores,
                                   const merx_allocator *alloc, merx_error *err) MERX_MUST_CHECK;

/* The n best items by (score descending, item ascending) among those with barred 0; returns how many. best (n) written, n <= 1024 or so: insertion. */
size_t mx_recommender_best(const double *scores, const uint8_t *barred, size_t items, size_t n, int32_t *best);

extern const mx_answer mx_answer_recommend;
merx_status mx_recommend_evaluate(const mx_evaluate *evaluate, merx_evaluation *out, merx_error *err);

#endif
