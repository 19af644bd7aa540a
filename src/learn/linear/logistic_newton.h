/*
 * Newton's method for a penalised logistic loss of p parameters, p^2 of which fit in memory. Floor 4, for logistic*.c.
 *
 *     minimise  F(x) = (1/W) sum_i w_i loss_i + (l2/2) |b|^2 + l1 |b|_1       (l1, l2 of the mean loss; the intercepts are free)
 *
 * The Hessian costs many times the gradient, so it is not taken at each step: a Hessian of a sample, or of an earlier point, is mended by the
 * secant pairs seen since (L-BFGS with that Hessian as its start). It is taken anew when a step gains less than a factor of four, and
 * with the last gradient, when the solution's is wanted. With l1 the step minimises the quadratic model plus the penalty by coordinate descent.
 */
#ifndef MX_LEARN_LOGISTIC_NEWTON_H
#define MX_LEARN_LOGISTIC_NEWTON_H

#include "learn/linear/logistic_pass.h"

typedef struct mx_logistic_newton {
    mx_logistic_pass *pass;
    size_t p;
    double l1, l2;
    double ridge;     /* of samples: l2 for each coefficient in standardised units */
    double tolerance; /* max norm of the gradient (with l1: of the least subgradient), columns standardised */
    int max_iterations;
    bool always;        /* the Hessian with each gradient: it is cheap */
    bool last_hessian;  /* the one at the solution is wanted */
    double *parameters; /* (p) start in, solution out */
    double *means,
        *scales; /* (d) written by the first sweep: weighted mean and standard deviation; scale 0: a constant column, left out */
    bool has_factor; /* in, out: factor and roots hold a Hessian near the solution */
    double *factor;  /* (p, p) Cholesky factor of the Hessian between the roots of its diagonal */
    double *roots;   /* (p) */
    double *hessian; /* (p, p) of F's smooth part */
    /* out */
    double *gradient;           /* (p) of F's smooth part */
    double loss, value, weight; /* mean loss; F; W */
    double violation;
    int iterations;
    bool converged, hessian_here, finite;
    void *room; /* p * (2 + MX_LOGISTIC_ROOM) doubles, see mx_logistic_newton_new */
} mx_logistic_newton;

merx_status mx_logistic_newton_new(mx_logistic_newton *s, const merx_allocator *work,
                                   merx_error *err) MERX_MUST_CHECK; /* pass and p are set: allocates the arrays */
void mx_logistic_newton_release(mx_logistic_newton *s, const merx_allocator *work);
/* `finite` is false, and the parameters are of no use, when the sums of the first sweep are not numbers. */
merx_status mx_logistic_newton_run(mx_logistic_newton *s, merx_error *err) MERX_MUST_CHECK;
/* The Newton step at the solution, by the Hessian there (hessian_here): step (p). False when the Hessian is singular. */
bool mx_logistic_newton_step(mx_logistic_newton *s, double *step);
/* What a gradient leaves undone: see tolerance. */
double mx_logistic_violation(const double *x, const double *gradient, size_t q, size_t d, const double *scales,
                             double l1);

#endif
