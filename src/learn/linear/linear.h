/*
 * Linear and ridge regression: y = b0 + b1 x1 + … + e, minimising sum_i w_i (y_i - b0 - b x_i)^2 + l2 sum_j p_j b_j^2. Floor 4.
 *
 * One pass over the rows sums the centred Gram matrix (numeric/gram.h), whatever holds them: an array of the caller's, sparse rows, or a stream larger
 * than memory. It is solved by Cholesky in columns of equal spread where that is safe (1-norm condition at most 1e6, so that nine digits
 * or so are right); else a second pass takes the QR decomposition of the rows themselves, whose error grows with the condition and not with its square. Directions
 * that the data do not determine (below 1e-13 of the largest singular value, or what the rounding of the column means leaves) get the
 * solution of minimum norm in the columns' own units, as LAPACK's gelsd on centred columns and scikit-learn's LinearRegression; a
 * constant column gets 0. Sparse rows with more than MX_LINEAR_MOST_GRAM columns are solved by conjugate gradients.
 *
 * Letters: n rows (of weight above 0), d columns, W the sum of the weights, k = 1 with an intercept, else 0.
 */
#ifndef MX_LEARN_LINEAR_H
#define MX_LEARN_LINEAR_H

#include "learn/core/family.h"

enum { MX_LINEAR_MOST_GRAM = 2048 }; /* columns of sparse rows whose Gram matrix is made */

typedef struct mx_linear_options {
    double l2;
    const double *l2_per_column; /* (d) multiplies l2; NULL: ones; 0 leaves a column free */
    bool no_intercept;
    bool standard_errors;
} mx_linear_options;

typedef enum mx_linear_method {
    MX_LINEAR_CHOLESKY,
    MX_LINEAR_QR,
    MX_LINEAR_SVD, /* of R: not of full rank */
    MX_LINEAR_GRADIENTS,
    MX_LINEAR_METHODS
} mx_linear_method;
const char *mx_linear_method_name(mx_linear_method method);

/* How well it fits; definitions as statsmodels' WLS, with rows of weight 0 left out. NaN where there is no such number. */
typedef struct mx_linear_quality {
    double rows;              /* n */
    double weight;            /* W */
    double free_rows;         /* n - k - tr((G + L)^-1 G): degrees of freedom of the residuals; plain: n - k - rank */
    double residual_sum;      /* sum w e^2 */
    double residual_variance; /* residual_sum / free_rows */
    double total_sum;         /* sum w (y - y_mean)^2; without an intercept sum w y^2 */
    double r2;                /* 1 - residual_sum / total_sum */
    double adjusted_r2;       /* 1 - (1 - r2) (n - k) / free_rows */
    double f, f_p;         /* ((total_sum - residual_sum) / rank) / residual_variance and P(F > f); plain fits only */
    double log_likelihood; /* normal errors of variance s2 / w_i, s2 = residual_sum / n; plain fits only */
    double aic, bic;       /* -2 log_likelihood + (2 or log n) (rank + k); plain fits only */
    double
        condition; /* largest over smallest singular value of the columns at equal spread (Cholesky: an upper bound) */
    double iterations; /* of conjugate gradients; else 0 */
    double digits;     /* conjugate gradients: -log10 of the slope left over the slope at the start; else NaN */
} mx_linear_quality;

typedef struct mx_linear {
    size_t d;
    double intercept, *coefficients; /* (d) */
    double *means;                   /* (d) of the columns, weighted; zeros without an intercept */
    double y_mean;
    double
        *standard_errors; /* (d + 1), intercept last; NaN when not asked for or not identified, and of no intercept */
    double *covariance;   /* (d, d) of the coefficients: s2 (G + L)^-1 G (G + L)^-1; NULL when not asked for */
    double residual_variance, r2, adjusted_r2; /* those of quality */
    int rank;
    mx_linear_method method;
    mx_linear_quality quality;
    const merx_allocator *alloc;
} mx_linear;

/*
 * On failure *out is zeroed. Owns: free with mx_linear_release.
 * Cost: n d^2 / 2 multiply-adds and one pass over dense rows; memory O(d^2). QR: 2 n d^2 and a second pass.
 * Errors: MERX_E_INVALID names the row and the column of what is not finite, or says that the weights are negative or sum to 0; MERX_E_RANGE for options;
 * MERX_E_NUMERIC when squares overflow.
 */
merx_status mx_linear_fit_rows(mx_design_rows *rows, const mx_linear_options *options, const merx_allocator *alloc,
                               merx_task *task, mx_linear *out, merx_error *err) MERX_MUST_CHECK;
/* The same of a whole design, dense or sparse. */
merx_status mx_linear_fit_design(const mx_design *design, const mx_linear_options *options, const merx_allocator *alloc,
                                 merx_task *task, mx_linear *out, merx_error *err) MERX_MUST_CHECK;
/* The same of arrays: x (n, d) row-major, y (n), weights (n) or NULL: borrowed. */
merx_status mx_linear_fit(const double *x, const double *y, const double *weights, size_t n, size_t d,
                          const mx_linear_options *options, const merx_allocator *alloc, merx_task *task,
                          mx_linear *out, merx_error *err) MERX_MUST_CHECK;
/* Bytes of workspace of a fit beside the rows. */
uint64_t mx_linear_memory(size_t d, bool standard_errors);
double mx_linear_predict_row(const mx_linear *model, const double *x);
/* Row of a sparse matrix. */
double mx_linear_predict_sparse(const mx_linear *model, const mx_csr *csr, size_t row);
/* Row of a design: contributions (d) b_j (x_j - mean_j) and the prediction at the mean; of sparse rows b_j x_j and the intercept. */
void mx_linear_explain(const mx_linear *model, const mx_design *rows, size_t row, double *contributions, double *base,
                       double *score);
/* The summary for a person; names (d) or NULL. */
void mx_linear_describe(const mx_linear *model, const char *const *names, mx_text *text);
void mx_linear_release(mx_linear *model);

#endif
