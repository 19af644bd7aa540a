/*
 * Item-to-item neighbours from co-occurrence: for each item the `keep` most similar others. Floor 4.
 *
 * cosine     n_ij / (sqrt(n_i n_j) + shrink)   (users as sets)
 * jaccard    n_ij / (n_i + n_j - n_ij + shrink)
 * lift       n_ij / (n_i n_j / n + shrink)
 * tf-idf     w_i . w_j / (|w_i| |w_j| + shrink), w_iu = sqrt(r_ui) idf_u,  idf_u = log(d) - log(1 + items of u)
 * bm25       w_i . w_j,  w_iu = idf_u r_ui (k1 + 1) / (r_ui + k1 (1 - b + b s_i / mean s)),  s_i = sum_u r_ui, k1 = 100, b = 0.8
 *
 * The first three count users, exactly, whatever the values; the last two are implicit's, in double. Ties go to the lower item. The score of item t for a
 * history H is sum_{j in H} similarity(j, t): additive, so reasons are its terms.
 */
#ifndef MX_LEARN_NEIGHBOURS_H
#define MX_LEARN_NEIGHBOURS_H

#include "learn/factor/item_lists.h"

typedef enum mx_similarity { MX_COSINE, MX_JACCARD, MX_LIFT, MX_TFIDF, MX_BM25 } mx_similarity;
typedef struct mx_neighbours_options {
    mx_similarity similarity;
    size_t keep; /* per item; 0: 100 */
    double shrink;
} mx_neighbours_options;

/* users x items. Cost: sum over users of their items squared; memory O(items) a worker and, for the last two, O(entries), besides the result. */
merx_status mx_neighbours_fit(const mx_csr *users, const mx_neighbours_options *options, const merx_allocator *alloc,
                              merx_task *task, mx_item_lists *out, merx_error *err) MERX_MUST_CHECK;

#endif
