/*
 * QR of a tall matrix that is seen row by row, and the singular value decomposition of its R. Floor 2.
 *
 * For least squares that normal equations can't do: their error grows with the square of the condition, this one's with the condition itself. Rows are taken in
 * blocks whose size depends on the number of columns alone, each stacked under the R so far and decomposed by Householder reflections (LAPACK gelqf
 * of the transpose, under its lock): R is the same bits however the rows were handed over. Backward error about e u |A|, u = 2^-53 (Demmel, Grigori,
 * Hoemmen & Langou 2012, "Communication-optimal parallel and sequential QR and LU factorizations", section 8).
 *
 * Letters: e columns, A (n, e) = Q R, R (e, e) upper.
 */
#ifndef MX_NUMERIC_TALL_QR_H
#define MX_NUMERIC_TALL_QR_H

#include "base/run.h"

typedef struct mx_tall_qr mx_tall_qr;

/* Memory: about 8 e (e + max(1024, 2 e)) bytes, whatever n. Returned: free with mx_tall_qr_free (which takes NULL). */
merx_status mx_tall_qr_new(size_t e, const merx_allocator *alloc, mx_tall_qr **out, merx_error *err) MERX_MUST_CHECK;
void mx_tall_qr_free(mx_tall_qr *qr);
uint64_t mx_tall_qr_memory(size_t e); /* bytes of the above */

/* Where the next row of A is to be written (e). Valid until the next call. */
merx_status mx_tall_qr_next(mx_tall_qr *qr, double **row, merx_error *err) MERX_MUST_CHECK;
/* r (e, e) row-major written: upper triangle, zeros below. The signs of its rows are Householder's. More rows may follow. Cost in all 2 n e^2. */
merx_status mx_tall_qr_finish(mx_tall_qr *qr, double *r, merx_error *err) MERX_MUST_CHECK;

/*
 * A = P diag(s) Q' of a square matrix: a (d, d) row-major becomes P' (left singular vector i in row i); q (d, d): right singular vector i in row i; s (d)
 * descending. LAPACK gesvd under its lock. alloc: of the workspace.
 * Errors: MERX_E_NUMERIC when it does not converge or a is not finite.
 */
merx_status mx_svd_square(double *a, size_t d, double *s, double *q, const merx_allocator *alloc,
                          merx_error *err) MERX_MUST_CHECK;

#endif
