/*
 * Mini-batch k-means: the objective of k-means, approached in small steps. Sculley 2010, "Web-scale k-means clustering". Floor 4.
 *
 * The rows are read in their order, in batches of `batch_size`. A batch is assigned to the centroids as they stand; then each centroid becomes the mean of
 * all rows it was given so far: c += (sum of w x - w c) / W. A centroid with less than `reassignment` of the greatest weight moves to a random
 * row now and then. Ends after max_passes, or when the smoothed inertia of batches has not fallen for `patience` batches.
 */
#ifndef MX_LEARN_MINIBATCH_H
#define MX_LEARN_MINIBATCH_H

#include "learn/cluster/kmeans.h"

typedef struct mx_minibatch_options {
    mx_kmeans_options
        kmeans; /* n_init: starts that are compared on the sample; max_iterations: passes over the rows; tolerance is not used */
    size_t batch_size;   /* rows; 0: 1024 */
    int patience;        /* batches without improvement; 0: never mind */
    double reassignment; /* share, 0: never */
} mx_minibatch_options;

/* As mx_kmeans_fit_rows, labels apart; iterations of the model counts batches. The same bits from memory and from a stream. */
merx_status mx_minibatch_fit(mx_design_rows *rows, const mx_minibatch_options *options, const merx_allocator *alloc,
                             merx_task *task, mx_kmeans *out, merx_error *err) MERX_MUST_CHECK;

#endif
