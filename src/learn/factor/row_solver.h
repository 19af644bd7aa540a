/*
 * The normal equations of one row of implicit ALS. Floor 4; used by als.c and als_fit.c alone.
 *
 * Letters and equations: als_fit.c. For a row of m items
 *
 *     A x = b,   A = B + Y' D Y,   B = G + l2 I = R'R,   D = diag(alpha r),   b = Y' c,   c = 1 + alpha r
 *
 * exactly: Cholesky of A in double, O(m f^2 + f^3 / 3). What a fold-in and its reasons use.
 *
 * in a shared basis: with V = Y R^-1 and z = R x the same equations read (I + V' D V) z = V' c. As B holds Y'Y, V'V <= I: the condition number is at most
 *     1 + alpha max r for every row, most rows are near the identity, and conjugate gradients (Hestenes & Stiefel 1952) from zero come within a twentieth in one to three steps
 *     of one pass over the row's items each. In float; where the tolerance allows, V is kept as bfloat16, so that half the bytes are gathered: that rounds the fixed side by
 *     a part in 512, and the rows' losses, quadratic in it, by its square. The basis costs f^3 and n f^2 once for all rows. (Takacs, Pilaszy & Tikk 2011 use conjugate gradients without it.)
 */
#ifndef MX_LEARN_ROW_SOLVER_H
#define MX_LEARN_ROW_SOLVER_H

#include "base/run.h"

/* One row's items; values NULL: ones. */
typedef struct mx_rated {
    const int32_t *items;
    const float *values;
    size_t m;
} mx_rated;

/* ---- exactly ---- */

typedef struct mx_row_solver {
    const float *y; /* (n, f) the fixed side, rows `stride` apart */
    size_t stride, f;
    const double *gram; /* (f, f) G = Y'Y */
    double l2, alpha;
} mx_row_solver;

/* Doubles of scratch for one solve. */
size_t mx_row_solver_scratch(size_t f);
/* x (f) of a row of one item or more. MERX_E_NUMERIC when the equations have no unique solution. */
merx_status mx_row_solve(const mx_row_solver *solver, mx_rated row, double *scratch, double *x,
                         merx_error *err) MERX_MUST_CHECK;
/* A, factorised, into a (f, f); scratch beyond it. b (f) = Y' c. What a fold-in and its reasons share. */
merx_status mx_row_system(const mx_row_solver *solver, mx_rated row, double *a, double *scratch,
                          merx_error *err) MERX_MUST_CHECK;
void mx_row_right_side(const mx_row_solver *solver, mx_rated row, double *b);

/* ---- in a shared basis ---- */

typedef struct mx_basis {
    size_t f, wide;          /* wide: f rounded up to whole vectors; columns f … are zeros */
    double *work;            /* (2, f, f) */
    float *forward, *back;   /* R^-1 and its transpose, packed for multiply_panels */
    const float *v;          /* (n, wide) */
    const uint16_t *halves;  /* the same in bfloat16; NULL: v is used */
    double alpha, tolerance; /* of the residual against the right side */
    const merx_allocator *alloc;
} mx_basis;

size_t mx_basis_wide(size_t f);
merx_status mx_basis_init(size_t f, const merx_allocator *alloc, mx_basis *out, merx_error *err) MERX_MUST_CHECK;
void mx_basis_release(mx_basis *basis);
/* R of gram + l2 I. False where that is too near singular for floats: then rows are to be solved exactly. */
bool mx_basis_set(mx_basis *basis, const double *gram, double l2) MERX_MUST_CHECK;
/* Whether V may be kept as bfloat16 at a tolerance. */
bool mx_basis_takes_halves(double tolerance);
/* m rows of Y become rows of V: in place, or as bfloat16 into halves (m, wide) unless that is NULL. scratch (m, wide). */
void mx_basis_enter(const mx_basis *basis, float *rows, size_t m, float *scratch, uint16_t *halves);
/* m rows of z into m rows of x. They do not overlap. */
void mx_basis_leave(const mx_basis *basis, const float *z, size_t m, float *x);
/* Floats of scratch for mx_basis_solve. */
size_t mx_basis_scratch(size_t f);
/* z (wide) of a row; zeros where it has no items. MERX_E_NUMERIC when numbers overflow. */
merx_status mx_basis_solve(const mx_basis *basis, mx_rated row, float *scratch, float *z,
                           merx_error *err) MERX_MUST_CHECK;

#endif
