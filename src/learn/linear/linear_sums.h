/*
 * What a linear model needs to know of the rows: means and the centred Gram matrix of columns and target, in one pass; and a second look at the rows
 * where the first does not do. For linear.c and elastic_net.c. Floor 4.
 */
#ifndef MX_LEARN_LINEAR_SUMS_H
#define MX_LEARN_LINEAR_SUMS_H

#include "learn/linear/linear.h"
#include "numeric/gram.h"

typedef struct mx_linear_sums {
    size_t d, e;    /* e = d + 1: the target is the last */
    bool raw;       /* no intercept: the Gram matrix is not centred */
    double *gram;   /* (e, e), both triangles; see mx_gram_totals */
    double *means;  /* (e) */
    double *scales; /* (d) 1 / spread, a power of two; 0 for a constant column */
    double rows, weight;
    double log_weights; /* sum of log w over rows of weight above 0 */
    bool rough;         /* the Gram matrix has lost more than six digits: of sparse columns far from 0 */
    double noise;       /* the largest rounding error of a column's mean over its spread */
    const merx_allocator *alloc;
} mx_linear_sums;

/* sums is zeroed first; release it on success and on failure. */
merx_status mx_linear_sum(mx_design_rows *rows, const char *where, bool raw, merx_task *task, mx_linear_sums *sums,
                          merx_error *err) MERX_MUST_CHECK;
/* Room for sums of d columns, and their scales out of gram, means and weight; for those that come from elsewhere (sparse rows, folds). */
merx_status mx_linear_sums_new(size_t d, bool raw, const merx_allocator *alloc, mx_linear_sums *sums,
                               merx_error *err) MERX_MUST_CHECK;
merx_status mx_linear_sums_scale(mx_linear_sums *sums, const char *where, const char *const *names,
                                 merx_error *err) MERX_MUST_CHECK;
void mx_linear_sums_release(mx_linear_sums *sums);

/* y_i - b0 - b x_i squared, times w_i, summed over all rows: a pass of its own. */
merx_status mx_linear_residual_sum(mx_design_rows *rows, const double *coefficients, double intercept, merx_task *task,
                                   double *out, merx_error *err) MERX_MUST_CHECK;

/* Sparse rows: one design held in memory. Checks values, target and weights. Cost: the sum over rows of their entries squared, and a transposed copy. */
merx_status mx_linear_sum_sparse(const mx_design *design, const char *where, bool raw, merx_task *task,
                                 mx_linear_sums *sums, merx_error *err) MERX_MUST_CHECK;
/* What is finite, and weights of 0 or more, not all 0: MERX_E_INVALID names the first that is not. */
merx_status mx_linear_check_sparse(const mx_design *design, const char *where, merx_error *err) MERX_MUST_CHECK;
/* *log_sum += sum of log w over the weights above 0; weights NULL: none. *product carries what is not yet taken the logarithm of; start it at 1. */
void mx_linear_log_weights(const double *w, size_t n, double *product, double *log_sum);
/* Fills in model->quality and what the model repeats of it; residual_sum, rank are set. degrees: tr H without the intercept's. */
void mx_linear_judge(mx_linear *model, const mx_linear_sums *sums, double degrees, bool plain);

#endif
