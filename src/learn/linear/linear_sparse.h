/*
 * Linear regression on sparse rows with too many columns for a Gram matrix: conjugate gradients on the least squares themselves. For linear.c. Floor 4.
 */
#ifndef MX_LEARN_LINEAR_SPARSE_H
#define MX_LEARN_LINEAR_SPARSE_H

#include "learn/linear/linear_sums.h"

/*
 * model: made for design->d columns, filled in but for standard errors (NaN). Means are taken out of the products, never out of the matrix. Ends when the slope is 1e-13 of the
 * one at the start or does not fall any more. With l2 = 0 the solution is the one of minimum norm; quality.rows - k - d or more stands for the
 * degrees of freedom there (the rank is not known).
 * Cost: two products with the matrix an iteration; memory: a transposed copy, 12 bytes an entry.
 */
merx_status mx_linear_fit_gradients(const mx_design *design, const mx_linear_options *options, merx_task *task,
                                    mx_linear *model, merx_error *err) MERX_MUST_CHECK;

#endif
