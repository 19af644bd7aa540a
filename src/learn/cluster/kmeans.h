/*
 * k-means: minimises sum over clusters of d(x, mu)^2, that is sum_i w_i |x_i - mu_c(i)|^2. Lloyd's algorithm (kmeans_lloyd.h) from k-means++
 * (kmeans_starts.h), random or given starts. Floor 4.
 *
 * Starts are drawn with keys of rows when given, so that leaving a row out changes only what it must. Clusters are numbered by descending weight, ties by centroid.
 */
#ifndef MX_LEARN_KMEANS_H
#define MX_LEARN_KMEANS_H

#include "learn/core/family.h"

typedef struct mx_kmeans_options {
    size_t k;
    int n_init;         /* 0: 10 */
    int max_iterations; /* 0: 300 */
    double tolerance;   /* of squared centroid movement over the mean variance, as scikit-learn's tol; 0: 1e-4;
                           negative: until no label changes */
    uint64_t seed;
    const uint64_t *keys; /* (n) or NULL */
    const double *start;  /* (k, d) given starts (n_init 1, order kept); NULL: k-means++ */
    bool random;          /* starts are random rows instead of k-means++ */
    size_t candidates;    /* of greedy k-means++; 0: 2 + floor(ln k), 1: plain */
} mx_kmeans_options;

typedef struct mx_kmeans {
    size_t k, d;
    double *centroids; /* (k, d) */
    double *sizes;     /* (k) weight in each */
    double inertia;
    int iterations;
    int starts, best_start; /* how many were tried; which won, from 0 */
    double worst_inertia;   /* of the starts */
    const merx_allocator *alloc;
} mx_kmeans;

/* labels (n) written unless NULL. MERX_E_INVALID when k is 0 or beyond the number of distinct rows (says both). */
merx_status mx_kmeans_fit(const double *x, const double *weights, size_t n, size_t d, const mx_kmeans_options *options,
                          const merx_allocator *alloc, merx_task *task, mx_kmeans *out, int32_t *labels,
                          merx_error *err) MERX_MUST_CHECK;
/* The same from rows that may not be held (then without keys and labels): the same bits. float32 rows count as the doubles they stand for. */
merx_status mx_kmeans_fit_rows(mx_design_rows *rows, const mx_kmeans_options *options, const merx_allocator *alloc,
                               merx_task *task, mx_kmeans *out, int32_t *labels, merx_error *err) MERX_MUST_CHECK;
/* What every fit refuses before it reads a row. */
merx_status mx_kmeans_check(const mx_kmeans_options *options, const mx_design_rows *rows,
                            merx_error *err) MERX_MUST_CHECK;
/* Numbers the clusters by descending weight, ties by centroid; labels (n, may be NULL) along. */
merx_status mx_kmeans_number(mx_kmeans *model, int32_t *labels, size_t n, const merx_allocator *alloc,
                             merx_error *err) MERX_MUST_CHECK;
/* Nearest centroid of one row; *distance2 (may be NULL) its squared distance. Ties go to the lower number. */
int32_t mx_kmeans_nearest(const mx_kmeans *model, const double *x, double *distance2);
/* Why this cluster and not the next: contributions (d) = (x_j - other_j)^2 - (x_j - own_j)^2, summing to the score; *own, *other written. */
double mx_kmeans_explain_row(const mx_kmeans *model, const double *x, double *contributions, int32_t *own,
                             int32_t *other);
/* The same for a given cluster against the nearest other one; *other may be NULL. */
double mx_kmeans_explain_cluster(const mx_kmeans *model, const double *x, int32_t cluster, double *contributions,
                                 int32_t *other);
void mx_kmeans_release(mx_kmeans *model);

#endif
