/*
 * Elastic net and lasso: linear regression whose penalty sets coefficients to zero. Floor 4.
 *
 *     minimise  1/(2W) sum_i w_i (y_i - b0 - b x_i)^2 + alpha l1_ratio |b|_1 + alpha (1 - l1_ratio)/2 |b|^2        W = sum w_i
 *
 * scikit-learn's objective. Coordinate descent (numeric/coordinate_descent.h) on the Gram matrix of one pass over the rows, up to
 * MX_LINEAR_MOST_GRAM columns; wider designs in memory go column by column. alpha may be chosen by cross-validation over a path of alphas, each fold's
 * Gram matrix being summed in the same pass: no fold reads its rows again.
 */
#ifndef MX_LEARN_ELASTIC_NET_H
#define MX_LEARN_ELASTIC_NET_H

#include "learn/linear/linear.h"

typedef struct mx_elastic_net_options {
    double alpha;    /* NaN: chosen by cross-validation */
    double l1_ratio; /* 1: the lasso; 0: ridge with l2 = alpha W */
    bool no_intercept;
    bool positive;    /* coefficients of 0 or more */
    double tolerance; /* of the duality gap, times sum w (y - y_mean)^2 */
    size_t most_sweeps;
    size_t alphas;   /* of the path: from the least alpha with all coefficients 0 … */
    double path_end; /* … to this share of it, in equal ratios */
    int folds;
    uint64_t seed; /* of the folds */
} mx_elastic_net_options;

typedef struct mx_elastic_net {
    mx_linear linear; /* coefficients, means, quality; no standard errors; rank: coefficients that are not 0 */
    double alpha, l1_ratio, gap, sweeps, converged;
    size_t path;     /* alphas tried; 0: alpha was given */
    double *alphas;  /* (path) descending */
    double *errors;  /* (path) mean squared error of rows held out, weighted */
    double *spreads; /* (path) its standard error over the folds */
} mx_elastic_net;

/*
 * Rows of a design in memory, dense or sparse; or of a stream (design NULL), the same bits from both up to MX_LINEAR_MOST_GRAM columns.
 * Row i's fold: within each run of `folds` rows, from the first, a random order keyed by (seed, run).
 * Errors: as mx_linear_fit_rows; MERX_E_INVALID for fewer rows than folds.
 */
merx_status mx_elastic_net_fit(const mx_design *design, mx_design_rows *rows, const mx_elastic_net_options *options,
                               const merx_allocator *alloc, merx_task *task, mx_elastic_net *out,
                               merx_error *err) MERX_MUST_CHECK;
uint64_t mx_elastic_net_memory(size_t n, size_t d, int folds, bool choose);
void mx_elastic_net_release(mx_elastic_net *net);

/* folds (n) of rows first … first + n - 1. */
void mx_elastic_net_folds(uint64_t seed, int folds, uint64_t first, size_t n, int32_t *out);

#endif
