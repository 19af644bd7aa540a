/*
 * Logistic regression with more parameters than a Hessian allows: L-BFGS, with l1 its orthant-wise form. Floor 4, for logistic*.c.
 */
#ifndef MX_LEARN_LOGISTIC_LARGE_H
#define MX_LEARN_LOGISTIC_LARGE_H

#include "learn/linear/logistic_pass.h"

typedef struct mx_logistic_large {
    mx_logistic_pass *pass;
    double l1, l2; /* of the mean loss */
    double tolerance;
    int max_iterations;
    double *parameters;     /* (p) start in, solution out */
    double *means, *scales; /* (d) in: the units of the minimiser; scale 0 leaves a column out */
    /* out */
    double loss, value, weight, violation;
    int iterations;
    bool converged;
} mx_logistic_large;

/* MERX_E_NUMERIC when the loss is not a number at the start. */
merx_status mx_logistic_large_run(mx_logistic_large *large, merx_error *err) MERX_MUST_CHECK;

#endif
