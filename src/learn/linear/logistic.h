/*
 * Logistic regression, binary and multinomial: P(y = c | x) = softmax_c(b0_c + b_c x); binary: 1 / (1 + exp(-(b0 + b x))). Floor 4.
 *
 * Minimises (1/W) sum_i w_i loss_i + (l2 / (2 W)) |b|^2 (intercepts free), i.e. scikit-learn's objective with C = 1 / l2. Perfectly separable classes with l2 = 0 are refused (MERX_E_NUMERIC says so).
 */
#ifndef MX_LEARN_LOGISTIC_H
#define MX_LEARN_LOGISTIC_H

#include "base/run.h"

typedef struct mx_logistic_options {
    double l2;
    int max_iterations;
    double tolerance; /* max norm of the gradient of the mean penalised loss; 0: 1e-6 */
} mx_logistic_options;

typedef struct mx_logistic {
    size_t d, classes, outputs; /* outputs: 1 for two classes (the second's), else classes */
    double *coefficients;       /* (outputs, d) */
    double *intercepts;         /* (outputs) */
    double *means;              /* (d) */
    double *standard_errors;    /* (outputs, d + 1) Wald, binary only (NaN otherwise), intercept last */
    double loss;                /* mean penalised */
    int iterations;
    bool converged;
    const merx_allocator *alloc;
} mx_logistic;

merx_status mx_logistic_fit(const double *x, const int32_t *labels, const double *weights, size_t n, size_t d,
                            size_t classes, const mx_logistic_options *options, const merx_allocator *alloc,
                            merx_task *task, mx_logistic *out, merx_error *err) MERX_MUST_CHECK;
void mx_logistic_probabilities(const mx_logistic *model, const double *x, double *out); /* one row; out (classes) */
/* Log-odds of the class, centred over classes for multinomial; contributions (d): coefficient * (value - mean); returns the score; *base + sum = score. */
double mx_logistic_explain_row(const mx_logistic *model, const double *x, size_t class_index, double *contributions,
                               double *base);
void mx_logistic_release(mx_logistic *model);

#endif
