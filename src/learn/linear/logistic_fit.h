/*
 * What a fit of logistic regression is made of: shared by logistic.c and logistic_inference.c. Floor 4.
 */
#ifndef MX_LEARN_LOGISTIC_FIT_H
#define MX_LEARN_LOGISTIC_FIT_H

#include "learn/linear/logistic.h"
#include "learn/linear/logistic_newton.h"

typedef struct mx_logistic_work {
    mx_design_rows *rows;
    const mx_logistic_options *options;
    size_t d, classes, q, e, p;
    mx_logistic_pass pass;
    mx_logistic_newton newton;
    double *class_weights, *class_totals; /* (classes); totals with the class weights in them */
    double total, null_loss;              /* W */
    bool sparse, small;                   /* small: the Hessian fits */
    /* A sample: the first LOGISTIC_SAMPLE rows of every block `step` rows apart, copied when the rows are not held. */
    size_t step, sample_rows, least_in_sample, least_in_start; /* least: rows of the rarest class */
    double *sample_x, *sample_weights;
    int32_t *sample_labels;
    merx_task *task;
    const merx_allocator *work;
} mx_logistic_work;

/* Wald standard errors out of the Hessian at the solution (newton.hessian_here) into errors (q, e); all NaN when it is singular. */
merx_status mx_logistic_wald(mx_logistic_work *f, double *errors, merx_error *err) MERX_MUST_CHECK;
/*
 * Without penalty: whether a plane separates classes, so that the loss has no minimum and coefficients would grow without bound: MERX_E_NUMERIC, with the columns it
 * takes. Tested: single columns, the solution itself, and the direction in which the solution still moves (Albert & Anderson 1984).
 */
merx_status mx_logistic_check_separation(mx_logistic_work *f, merx_error *err) MERX_MUST_CHECK;

#endif
