/*
 * Coordinate descent for the elastic net. Floor 2.
 *
 *     minimise  1/2 |t - A b|^2 + l1 |b|_1 + l2/2 |b|^2          (b >= 0 when positive)
 *
 * A (rows, d) and t are known through what the solver needs of them: as the Gram matrix A'A with A't and t't ("covariance updates": a step costs d), or
 * column by column with the residual kept (a step costs a column). One sweep moves each coordinate to its minimum in turn; sweeps run over the coordinates that
 * are not 0 until these rest, then over all. Coordinates that provably are 0 at the minimum are left out (gap safe screening). The end is
 * a duality gap of at most tolerance t't, as scikit-learn's.
 *
 * Source: Friedman, Hastie & Tibshirani 2010, "Regularization paths for generalized linear models via coordinate descent"; the gap: Kim et al. 2007; screening:
 * Ndiaye, Fercoq, Gramfort & Salmon 2017, equation 11.
 */
#ifndef MX_NUMERIC_COORDINATE_DESCENT_H
#define MX_NUMERIC_COORDINATE_DESCENT_H

#include "numeric/matrix.h"

/* How A is known. r = t - A b. */
typedef struct mx_descent_matrix {
    size_t d;
    const double *squares;                              /* (d) |a_j|^2; a column of 0 keeps b_j = 0 */
    double target;                                      /* t't */
    double (*slope)(void *context, size_t j);           /* a_j'r */
    void (*move)(void *context, size_t j, double step); /* b_j += step: r -= step a_j */
    void (*slopes)(void *context, double *out);         /* all of them */
    void (*residual)(void *context, const double *b, double *rr, double *rt); /* r'r, r't */
    void *context;
} mx_descent_matrix;

typedef struct mx_descent_options {
    double l1, l2;
    bool positive;
    double tolerance;
    size_t most_sweeps;
} mx_descent_options;

typedef struct mx_descent_result {
    size_t sweeps;
    double gap; /* over t't */
    bool converged;
} mx_descent_result;

/*
 * b (d): a start in, with r belonging to it; the minimum out. scratch (2 d) written.
 * Errors: MERX_E_CANCELLED. Not to converge is no error: result says so.
 */
merx_status mx_coordinate_descent(const mx_descent_matrix *a, const mx_descent_options *options, double *b,
                                  double *scratch, merx_task *task, mx_descent_result *result,
                                  merx_error *err) MERX_MUST_CHECK;

/* A by its Gram matrix: rows of `stride` doubles, moments A't (d). slope (d) is the caller's; mx_descent_gram_start fills it for a b. */
typedef struct mx_descent_gram {
    size_t d, stride;
    const double *gram, *moments;
    double target;
    double *slope;   /* (d) */
    double *squares; /* (d) */
} mx_descent_gram;
mx_descent_matrix mx_descent_gram_start(mx_descent_gram *gram, const double *b);

/* A by its columns, one after the other: columns (d, rows). residual (rows) is the caller's. */
typedef struct mx_descent_columns {
    size_t d, rows;
    const double *columns, *t;
    double target;
    double *residual; /* (rows) */
    double *squares;  /* (d) */
} mx_descent_columns;
mx_descent_matrix mx_descent_columns_start(mx_descent_columns *columns, const double *b);

/*
 * A by sparse columns, centred without touching zeros: a_j = root(W) (x_j - m_j), t = root(W) (y - y_mean). columns: the transpose, a row a column. r is kept as rest_i + offset
 * for all rows, unweighted; sum w r = 0 gives the offset.
 */
typedef struct mx_descent_sparse {
    const mx_csr *columns;
    const double *weights; /* (rows) or NULL: ones */
    const double *means;   /* (d); NULL: not centred */
    const double *t;       /* (rows) y - y_mean */
    double weight, target; /* sum of the weights */
    double *residual;      /* (rows) the caller's */
    double *squares;       /* (d) the caller's */
    double sum;            /* sum w rest */
} mx_descent_sparse;
mx_descent_matrix mx_descent_sparse_start(mx_descent_sparse *sparse, const double *b);

#endif
