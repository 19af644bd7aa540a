/*
 * Dense and sparse matrices, and the few operations that go to LAPACK. Floor 2. Row-major throughout: element (i, j) of an (n, d)
 * matrix is x[i * d + j]. Any number of threads may call these at once (see numeric/dense.h).
 */
#ifndef MX_NUMERIC_MATRIX_H
#define MX_NUMERIC_MATRIX_H

#include "base/run.h"
#include "base/str.h"
#include "numeric/gram.h"

/* Compressed sparse rows; columns ascend within a row. values may be NULL: all ones. Borrowed view. */
typedef struct mx_csr {
    size_t rows, columns;
    const int64_t *starts; /* rows + 1 */
    const int32_t *indices;
    const float *values;
} mx_csr;

/* The transpose of a CSR matrix: arrays allocated together in *arrays (free with mx_csr_free). */
typedef struct mx_csr_own {
    mx_csr view;
    const merx_allocator *alloc;
    void *block;
    size_t block_bytes;
} mx_csr_own;
merx_status mx_csr_transpose(const mx_csr *a, const merx_allocator *alloc, mx_csr_own *out,
                             merx_error *err) MERX_MUST_CHECK;
void mx_csr_release(mx_csr_own *own);

/* Solves A X = B in place (A symmetric positive definite (d, d), B (d, m) row-major). MERX_E_NUMERIC when not positive definite (A is destroyed). */
merx_status mx_solve_spd(double *a, size_t d, double *b, size_t m, merx_error *err) MERX_MUST_CHECK;
merx_status mx_invert_spd(double *a, size_t d, merx_error *err) MERX_MUST_CHECK;
/* Eigenvalues, ascending, into values (d); a (d, d) symmetric becomes the eigenvectors, one a row. LAPACK syev. */
merx_status mx_eigen_symmetric(double *a, size_t d, double *values, merx_error *err) MERX_MUST_CHECK;
/* Minimum-norm least squares by SVD (LAPACK gelsd): x (n, d) is destroyed; b (max(n, d)): in y, out solution in the first d. rank written. */
merx_status mx_least_squares(double *x, size_t n, size_t d, double *b, double rcond, int *rank, double *singular_values,
                             merx_error *err) MERX_MUST_CHECK;

double mx_dot(const double *a, const double *b, size_t n); /* four fixed partial sums: same bits everywhere */

/* Lines about BLAS and LAPACK, for merx_build_info (base/build_info.h). */
void mx_numeric_build_info(mx_text *text);

#endif
