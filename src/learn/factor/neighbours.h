/*
 * Item-to-item neighbours from co-occurrence: for each item the `keep` most similar others. Floor 4.
 *
 * cosine     n_ij / (sqrt(n_i n_j) + shrink)   (users as sets)
 * jaccard    n_ij / (n_i + n_j - n_ij + shrink)
 * lift       n_ij / (n_i n_j / n + shrink)
 * Counts are exact integers. Ties go to the lower item. The score of item t for a history H is sum_{j in H} similarity(j, t): additive, so reasons are its terms.
 */
#ifndef MX_LEARN_NEIGHBOURS_H
#define MX_LEARN_NEIGHBOURS_H

#include "numeric/matrix.h"

typedef enum mx_similarity { MX_COSINE, MX_JACCARD, MX_LIFT } mx_similarity;
typedef struct mx_neighbours_options {
    mx_similarity similarity;
    size_t keep; /* per item; 0: 100 */
    double shrink;
} mx_neighbours_options;
typedef struct mx_neighbours {
    size_t items;
    int64_t *starts;  /* items + 1 */
    int32_t *indices; /* most similar first */
    float *similarities;
    const merx_allocator *alloc;
} mx_neighbours;

/* users x items (values ignored). Cost: sum over users of their items squared; memory O(items) a worker besides the result. */
merx_status mx_neighbours_fit(const mx_csr *users, const mx_neighbours_options *options, const merx_allocator *alloc,
                              merx_task *task, mx_neighbours *out, merx_error *err) MERX_MUST_CHECK;
void mx_neighbours_release(mx_neighbours *model);

#endif
