/*
 * Lloyd's algorithm over rows in memory or from a stream, exact and much cheaper than it looks. Floor 4.
 *
 * What it computes: labels are the nearest centroid by squared distances that are sums of (x_j - mu_cj)^2 in double, in order of j (ties to the lower
 * number); centroids are the means of their rows. float32 rows count as the doubles they stand for.
 *
 * How, none of which shows in the result:
 *   screening   nearest_bounds (kernels/nearest.h) finds the nearest centroid in float and proves it by two bounds; where they cross,
 *               the row is measured in double. Data far from 0 or of wide range only make that happen more often.
 *   bounds      of rows in memory: after a row was measured, slack = lower bound to every other centroid - upper bound to its own. Every
 *               move of the centroids takes (own movement + the largest movement of another) off; while slack > 0 the row cannot have changed. Hamerly
 *               2010, "Making k-means even faster", in one number instead of two.
 *   exact sums  (kernels.h, exact_add): a row that changes cluster is taken off one sum and added to another. Nothing drifts, and order, threads and
 *               blocks do not matter: the sums are the same bits as if added up anew.
 */
#ifndef MX_LEARN_KMEANS_LLOYD_H
#define MX_LEARN_KMEANS_LLOYD_H

#include "kernels/kernels.h"
#include "learn/cluster/kmeans_study.h"

typedef struct mx_lloyd {
    size_t d, k, strips, workers;
    uint64_t n;
    const merx_allocator *alloc;
    merx_task *task;
    mx_design_rows *rows;
    double *centroids;     /* (k, d): set, then mx_lloyd_begin */
    double *transposed;    /* (d, k) */
    double *before;        /* (k, d) where they were at the last assignment */
    float *packed, *half;  /* as kernels/nearest.h wants them */
    double *shift, scale;  /* of screening */
    bool screened;         /* no centroid is too far for float */
    double *coarse, *fine; /* (d) and, for weights, one more */
    double *
        sums; /* (1 + workers, k (2 d + 2)): (k, d) high, (k, d) low, (k) and (k) of weights; the first are the totals */
    int32_t *labels; /* (n); NULL: rows are not held */
    float *slack;    /* (n) */
    float *step;     /* (k) what slack of rows of the cluster falls by at the next assignment */
    bool fresh;      /* no labels yet */
    char *scratch;   /* (workers, scratch_bytes) */
    size_t scratch_bytes;
    double *block_inertia; /* (blocks of 1,024 rows of the whole) */
    size_t blocks;
    /* Of the pass that runs. */
    mx_design block;
    uint64_t offset;
    bool measure; /* also inertia */
    uint64_t measured_in_double, looked_at;
} mx_lloyd;

/*
 * held: whether labels and bounds are kept for every row (8 bytes each); otherwise every row is looked at in every pass.
 * Owns: release, also after failures. rows and study are borrowed until then.
 */
merx_status mx_lloyd_init(mx_lloyd *lloyd, mx_design_rows *rows, const mx_kmeans_study *study, bool held,
                          merx_task *task, merx_error *err) MERX_MUST_CHECK;
void mx_lloyd_release(mx_lloyd *lloyd);

/*
 * From lloyd->centroids to the end: at most max_iterations rounds, until no label changes or the centroids' squared movement is at most tolerance.
 * Empty clusters take the farthest rows. Afterwards labels (if held), centroids, weights of clusters (mx_lloyd_weight) and *inertia belong together.
 * step: told to mx_task_step after every round.
 */
merx_status mx_lloyd_run(mx_lloyd *lloyd, int max_iterations, double tolerance, uint64_t step, double *inertia,
                         int *iterations, merx_error *err) MERX_MUST_CHECK;
/* One pass over centroids as they are: weights of clusters and *inertia. */
merx_status mx_lloyd_measure(mx_lloyd *lloyd, double *inertia, merx_error *err) MERX_MUST_CHECK;
/*
 * For mini-batches: rows begin … end - 1 of a design assigned to the centroids as they are and added to the totals, which the caller clears with
 * mx_lloyd_clear. *inertia grows by theirs. Not for held rows.
 */
merx_status mx_lloyd_add_rows(mx_lloyd *lloyd, const mx_design *design, size_t begin, size_t end, double *inertia,
                              merx_error *err) MERX_MUST_CHECK;
void mx_lloyd_clear(mx_lloyd *lloyd);
/* The sum of w x_j of a cluster's rows in the totals. */
double mx_lloyd_sum(const mx_lloyd *lloyd, size_t cluster, size_t j);
double mx_lloyd_weight(const mx_lloyd *lloyd, size_t cluster);

/* For kmeans_empty.c. A row enters (by 1) or leaves (by -1) a cluster of the totals; the nearest centroid of a row, in double. */
void mx_lloyd_move_row(mx_lloyd *lloyd, const double *row, double weight, int by, size_t cluster);
/* Gives every empty cluster the row that is farthest from its centroid (ties: the lower row) among clusters that keep another row. Rare, so plain: one pass for each. */
merx_status mx_lloyd_fill_empty(mx_lloyd *lloyd, bool *moved, merx_error *err) MERX_MUST_CHECK;

#endif
