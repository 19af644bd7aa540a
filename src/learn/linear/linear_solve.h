/*
 * The linear system behind a linear regression: from sums to coefficients, by Cholesky or, where that is not safe, by QR of the rows. For linear.c. Floor 4.
 *
 * Letters: m columns that are not constant, z their values, centred and scaled by a power of two; e = m + 1 with the target. L the penalties in the scaled columns.
 */
#ifndef MX_LEARN_LINEAR_SOLVE_H
#define MX_LEARN_LINEAR_SOLVE_H

#include "learn/linear/linear_sums.h"

typedef struct mx_linear_system {
    size_t m;
    size_t *active;   /* (m) their columns */
    double *scales;   /* (m) */
    double *penalty;  /* (m) diagonal of L */
    bool penalised;   /* any of it above 0 */
    double *gram;     /* (m, m) G = sum w z z' */
    double *moments;  /* (m) g = sum w z (y - y_mean) */
    double *solution; /* (m) c, in scaled columns */
    double *inverse;  /* (m, m) (G + L)^+ */
    size_t rank;
    double condition;
    double
        mean_residual; /* of refinement: what the rounding of the means and of c leaves of the mean residual; else 0 */
    double residual_sum; /* by QR; NaN: not known */
    mx_linear_method method;
    const merx_allocator *alloc;
} mx_linear_system;

/* l2_per_column as in mx_linear_options. */
merx_status mx_linear_system_new(const mx_linear_sums *sums, double l2, const double *l2_per_column,
                                 const merx_allocator *alloc, mx_linear_system *system,
                                 merx_error *err) MERX_MUST_CHECK;
void mx_linear_system_release(mx_linear_system *system);

/* True when the system is solved: positive definite with a condition of at most 1e6 (1-norm). */
void mx_linear_solve_gram(mx_linear_system *system, bool *solved);
/* By QR of the rows; of minimum norm in the columns' own units when some directions are not determined. */
merx_status mx_linear_solve_rows(mx_linear_system *system, mx_design_rows *rows, const mx_linear_sums *sums,
                                 merx_task *task, merx_error *err) MERX_MUST_CHECK;

#endif
