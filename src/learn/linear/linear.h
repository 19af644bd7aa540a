/*
 * Linear and ridge regression on plain arrays: y = b0 + b1 x1 + … + e, minimising sum_i w_i (y_i - b0 - b x_i)^2 + l2 |b|^2. Floor 4.
 *
 * Solved through the centred Gram matrix and Cholesky; when that is not positive definite or ill-conditioned (rcond < 1e-10), by its
 * eigenvectors (= singular vectors): minimum norm in the columns scaled to equal spread. A constant column gets coefficient 0.
 */
#ifndef MX_LEARN_LINEAR_H
#define MX_LEARN_LINEAR_H

#include "base/run.h"

typedef struct mx_linear_options {
    double l2;
    const double *l2_per_column; /* (d) multiplies l2; NULL: ones; 0 leaves a column free */
    bool no_intercept;
    bool standard_errors;
} mx_linear_options;

typedef struct mx_linear {
    size_t d;
    double intercept, *coefficients; /* (d) */
    double *means;                   /* (d) of the columns, weighted; zeros without an intercept */
    double y_mean;
    double *
        standard_errors; /* (d + 1), intercept last; NaN when not asked for, of a column not identified, of the intercept when there is none */
    double *
        covariance; /* (d, d) of the coefficients (residual variance * (X'X + l2)^-1 X'X (X'X + l2)^-1); NULL when not asked for */
    double residual_variance, r2, adjusted_r2;
    int rank;
    const merx_allocator *alloc;
} mx_linear;

/* x (n, d) row-major, y (n), weights (n) or NULL: borrowed. On failure *out is zeroed. */
merx_status mx_linear_fit(const double *x, const double *y, const double *weights, size_t n, size_t d,
                          const mx_linear_options *options, const merx_allocator *alloc, merx_task *task,
                          mx_linear *out, merx_error *err) MERX_MUST_CHECK;
double mx_linear_predict_row(const mx_linear *model, const double *x);
void mx_linear_release(mx_linear *model);

#endif
