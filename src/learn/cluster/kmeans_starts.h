/*
 * Where k-means begins: k-means++ (greedy) or random rows, drawn from the sample of a study. Floor 4.
 *
 * k-means++ (Arthur & Vassilvitskii 2007): the next centre is row i with probability w_i D2(x_i) / sum, D2 the squared distance to the nearest centre so
 * far. Drawn as a race: the row with the least E_i / (w_i D2_i), E_i exponential with mean 1 out of the row's key. That is the same distribution (the
 * minimum of exponentials with rates w_i D2_i), needs no running sum over rows, and does not change when another row is left out
 * unless that row would have won. Greedy: the first `candidates` of the race are tried, and the one that leaves the least sum of w D2 is taken.
 */
#ifndef MX_LEARN_KMEANS_STARTS_H
#define MX_LEARN_KMEANS_STARTS_H

#include "learn/cluster/kmeans_study.h"

/* candidates 0: 2 + floor(ln k), as scikit-learn. start: which of n_init. centroids (k, d) written. */
merx_status mx_kmeans_plus_plus(const mx_kmeans_study *study, uint64_t seed, uint64_t start, size_t candidates,
                                merx_task *task, double *centroids, merx_error *err) MERX_MUST_CHECK;
/* k rows that differ, each drawn with a chance in proportion to its weight. */
merx_status mx_kmeans_random_rows(const mx_kmeans_study *study, uint64_t seed, uint64_t start, merx_task *task,
                                  double *centroids, merx_error *err) MERX_MUST_CHECK;

#endif
