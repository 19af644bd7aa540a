/*
 * The normal equations of one row of implicit ALS, solved by its factors or by its items. Floor 4; used by als.c alone.
 *
 * Letters and equations: als.c. For a row of m items
 *
 *     x = (B + Y' D Y)^-1 Y' c,   B = G + l2 I = R'R,   D = diag(alpha r),   c = 1 + alpha r
 *
 * by its factors: Cholesky of the (f, f) matrix, O(m f^2 + f^3 / 3);
 * by its items:   x = R^-1 T (I + T'T)^-1 D^-1/2 c with T = (Y R^-1)' D^1/2, (f, m), O(m^2 f + m^3 / 3): Woodbury's identity, less for short rows.
 *                 V = Y R^-1 is shared by the rows. T'T <= D because B holds Y'Y: the inner matrix has condition at most 1 + alpha max r.
 */
#ifndef MX_LEARN_ROW_SOLVER_H
#define MX_LEARN_ROW_SOLVER_H

#include "base/run.h"

typedef struct mx_row_solver {
    const float *y; /* (n, f) the fixed side */
    size_t n, f;
    const double *gram; /* (f, f) G = Y'Y */
    double l2, alpha;
    /* For rows solved by their items; NULL: every row by its factors. */
    double *basis;   /* (n, f) V */
    double *inverse; /* (f, f) R^-1, zeros below the diagonal */
    bool by_items;   /* basis and inverse are right: mx_row_solver_prepare */
} mx_row_solver;

/* One row's items; values NULL: ones. */
typedef struct mx_rated {
    const int32_t *items;
    const float *values;
    size_t m;
} mx_rated;

/* Doubles of scratch for one solve. */
size_t mx_row_solver_scratch(size_t f);
/* Doubles of V for n rows, 0 where it would be too much memory (then rows are solved by their factors): depends on n and f alone. */
size_t mx_row_solver_basis(size_t n, size_t f);

/* Sets basis and inverse for y and gram; by_items is false where B is too near singular. Same bits for any number of threads. scratch: one for each worker. */
merx_status mx_row_solver_prepare(mx_row_solver *solver, double *scratch, merx_task *task,
                                  merx_error *err) MERX_MUST_CHECK;

/* x (f) of a row of one item or more. MERX_E_NUMERIC when the equations have no unique solution. */
merx_status mx_row_solve(const mx_row_solver *solver, mx_rated row, double *scratch, double *x,
                         merx_error *err) MERX_MUST_CHECK;
/* A, factorised, into a (f, f); scratch beyond it. b (f) = Y' c. What a fold-in and its reasons share. */
merx_status mx_row_system(const mx_row_solver *solver, mx_rated row, double *a, double *scratch,
                          merx_error *err) MERX_MUST_CHECK;
void mx_row_right_side(const mx_row_solver *solver, mx_rated row, double *b);

#endif
