/*
 * L-BFGS: limited-memory quasi-Newton minimiser of a smooth function. Floor 2.
 * Source: Nocedal & Wright, Numerical Optimization (2nd ed.), algorithms 7.4 and 7.5, strong Wolfe line search 3.5-3.6.
 */
#ifndef MX_NUMERIC_OPTIMISE_H
#define MX_NUMERIC_OPTIMISE_H

#include "base/run.h"

/* Writes the gradient (n) and the value at x. */
typedef merx_status (*mx_objective_fn)(void *context, const double *x, size_t n, double *value, double *gradient,
                                       merx_error *err);

typedef struct mx_lbfgs_options {
    int history;
    int max_iterations;
    double gradient_tolerance; /* max norm */
    double value_tolerance;    /* relative */
} mx_lbfgs_options;            /* zeros: 10, 1000, 1e-6, 0 */
typedef struct mx_lbfgs_result {
    int iterations, evaluations;
    double value, gradient_max;
    bool converged;
} mx_lbfgs_result;

/* x: start in, minimum out. MERX_E_NUMERIC when the objective is not finite at the start; otherwise the best point found is left in x. */
merx_status mx_lbfgs(mx_objective_fn objective, void *context, double *x, size_t n, const mx_lbfgs_options *options,
                     merx_task *task, mx_lbfgs_result *result, merx_error *err) MERX_MUST_CHECK;

#endif
