/*
 * Logistic regression, binary and multinomial: P(y = c | x) = softmax_c(b0_c + b_c x); binary: 1 / (1 + exp(-(b0 + b x))). Floor 4.
 *
 * Minimises (1/W) sum_i w_i loss_i + (l2 / (2 W)) |b|^2 + (l1 / W) |b|_1 (intercepts free), W the sum of the weights: scikit-learn's objective with
 * l2 = (1 - l1_ratio) / C, l1 = l1_ratio / C. Without a penalty, classes that a plane separates are refused (MERX_E_NUMERIC says so and names columns).
 */
#ifndef MX_LEARN_LOGISTIC_H
#define MX_LEARN_LOGISTIC_H

#include "learn/core/family.h"

typedef struct mx_logistic_options {
    double l2;
    int max_iterations; /* 0: 1000 */
    double tolerance;   /* max norm of the gradient of the mean penalised loss, columns standardised; 0: 1e-6 */
    double l1;
    const double *class_weights; /* (classes) > 0, multiplied into the weights of the rows; NULL: ones */
    bool balanced;               /* class weights W / (classes W_c) instead */
    bool no_errors;              /* standard errors are not wanted */
    bool no_intercept;           /* logits are b x alone */
    const double *start;         /* (outputs, d + 1) to begin at, the intercept last; NULL: the class shares */
} mx_logistic_options;

typedef struct mx_logistic {
    size_t d, classes, outputs; /* outputs: 1 for two classes (the second's), else classes */
    double *coefficients;       /* (outputs, d) */
    double *intercepts;         /* (outputs) */
    double *means;              /* (d); 0 for sparse rows */
    double *standard_errors;    /* (outputs, d + 1) Wald, intercept last; NaN where there is none */
    double loss;                /* mean penalised */
    double log_loss, null_loss; /* mean, without penalty; of the class shares alone */
    double weight;              /* W, class weights in it */
    int iterations;             /* steps on all rows */
    bool converged;
    const merx_allocator *alloc;
} mx_logistic;

/*
 * Cost: a few sweeps over the rows (each reads them once), started from a fixed sample of the rows; a Hessian of (outputs (d + 1))^2 where that is at most
 * 640^2, else L-BFGS. Memory beyond the rows: a few MB and the Hessian, whatever n.
 * Errors: MERX_E_RANGE, MERX_E_INVALID for options, weights, classes without weight, values that are not finite; MERX_E_NUMERIC for separation and overflow.
 */
merx_status mx_logistic_fit(const double *x, const int32_t *labels, const double *weights, size_t n, size_t d,
                            size_t classes, const mx_logistic_options *options, const merx_allocator *alloc,
                            merx_task *task, mx_logistic *out, merx_error *err) MERX_MUST_CHECK;
/* The same of a design, dense or sparse (x NULL, csr.rows = n); its names, where given, stand in messages. */
merx_status mx_logistic_fit_design(const mx_design *design, const mx_logistic_options *options,
                                   const merx_allocator *alloc, merx_task *task, mx_logistic *out,
                                   merx_error *err) MERX_MUST_CHECK;
/* The same of rows that come in blocks, as often as the fit likes. The bits are those of the rows in memory. */
merx_status mx_logistic_fit_rows(mx_design_rows *rows, const mx_logistic_options *options, const merx_allocator *alloc,
                                 merx_task *task, mx_logistic *out, merx_error *err) MERX_MUST_CHECK;
void mx_logistic_probabilities(const mx_logistic *model, const double *x, double *out); /* one row; out (classes) */
/* Logits (outputs) of a row of a dense or sparse design. */
void mx_logistic_logits(const mx_logistic *model, const mx_design *rows, size_t row, double *out);
/* Logits (outputs) in out (classes) to probabilities, in place. */
void mx_logistic_of_logits(const mx_logistic *model, double *out);
/* Log-odds of the class, centred over classes for multinomial; contributions (d): coefficient * (value - mean); returns the score; *base + sum = score. */
double mx_logistic_explain_row(const mx_logistic *model, const double *x, size_t class_index, double *contributions,
                               double *base);
/* The same of a row of a dense or sparse design. */
double mx_logistic_explain(const mx_logistic *model, const mx_design *rows, size_t row, size_t class_index,
                           double *contributions, double *base);
void mx_logistic_release(mx_logistic *model);

#endif
