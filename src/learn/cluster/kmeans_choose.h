/*
 * How many clusters: fits of k = least … most on a sample, judged by silhouette or by the gap statistic. Floor 4.
 *
 *   silhouette  the mean width (Rousseeuw 1987) of the sample's rows; the k of the greatest
 *   gap         E*[log W_k] - log W_k, W the inertia, E* over ten sets of rows spread evenly over the range of every column; the least k with
 *               gap(k) >= gap(k + 1) - s(k + 1) (Tibshirani, Walther & Hastie 2001), the greatest gap's where there is none
 */
#ifndef MX_LEARN_KMEANS_CHOOSE_H
#define MX_LEARN_KMEANS_CHOOSE_H

#include "learn/cluster/kmeans.h"

typedef struct mx_kmeans_curve {
    size_t count, chosen; /* rows of points; the k */
    double *points;       /* (count, 3): k, silhouette or gap, standard error (0 for silhouettes) */
    const merx_allocator *alloc;
} mx_kmeans_curve;

/*
 * x (m, d), weights (m). Ends early where the sample has no more distinct rows. Chosen is 1 when not even `least` clusters can be told apart.
 * Owns: release. Cost: a fit for each k; with gap eleven.
 */
merx_status mx_kmeans_choose(const double *x, const double *weights, size_t m, size_t d, size_t least, size_t most,
                             bool gap, uint64_t seed, const merx_allocator *alloc, merx_task *task,
                             mx_kmeans_curve *out, merx_error *err) MERX_MUST_CHECK;
void mx_kmeans_curve_release(mx_kmeans_curve *curve);

#endif
