/*
 * The least squares of an elastic net, in the form that suits its size: a Gram matrix, dense columns, sparse columns. For elastic_net.c. Floor 4.
 *
 * A problem is made once for each training part (all rows, or all but a fold) and solved for many alphas with warm starts.
 */
#ifndef MX_LEARN_ELASTIC_NET_PROBLEM_H
#define MX_LEARN_ELASTIC_NET_PROBLEM_H

#include "learn/linear/elastic_net.h"
#include "learn/linear/linear_sums.h"
#include "numeric/coordinate_descent.h"

typedef struct mx_net_problem {
    size_t d;
    double weight, rows, *means; /* (d + 1), the target's last; zeros without an intercept */
    double target;               /* sum w (y - y_mean)^2 */
    double *b;                   /* (d) where the last solution is, and the next starts */
    double *start;               /* (d) slopes at b = 0 */
    mx_descent_matrix matrix;
    mx_descent_gram gram;
    mx_descent_columns columns;
    mx_descent_sparse sparse;
    double *room, *scratch, *dense; /* residual or slope, squares; (2 d); (d, rows) columns */
    size_t room_cells, dense_cells;
    const merx_allocator *alloc;
} mx_net_problem;

/* Of sums that outlive the problem. */
merx_status mx_net_problem_of_sums(const mx_linear_sums *sums, const merx_allocator *alloc, mx_net_problem *problem,
                                   merx_error *err) MERX_MUST_CHECK;
/*
 * Of a design in memory; weights (n) instead of the design's: 0 leaves a row out. transposed: of design->csr; NULL for a dense design. Both and the weights
 * outlive the problem.
 */
merx_status mx_net_problem_of_design(const mx_design *design, const mx_csr *transposed, const double *weights, bool raw,
                                     const merx_allocator *alloc, mx_net_problem *problem,
                                     merx_error *err) MERX_MUST_CHECK;
void mx_net_problem_release(mx_net_problem *problem);

/* The solution for alpha, from the last one. */
merx_status mx_net_problem_solve(mx_net_problem *problem, const mx_elastic_net_options *options, double alpha,
                                 merx_task *task, mx_descent_result *result, merx_error *err) MERX_MUST_CHECK;
/* The least alpha at which every coefficient is 0 (l1_ratio below 0.001 counts as 0.001). */
double mx_net_problem_top(const mx_net_problem *problem, const mx_elastic_net_options *options);
double mx_net_problem_intercept(const mx_net_problem *problem, bool raw);

#endif
