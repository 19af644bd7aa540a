/*
 * Dense and sparse matrices: products and Cholesky by numeric/dense.h, decompositions of whole matrices by LAPACK, under its lock.
 */
#include "numeric/matrix.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "numeric/dense.h"

merx_status mx_csr_transpose(const mx_csr *a, const merx_allocator *alloc, mx_csr_own *out, merx_error *err)
{
    memset(out, 0, sizeof *out);
    alloc = mx_allocator_or_default(alloc);
    size_t count = a->rows > 0 ? (size_t)a->starts[a->rows] : 0;
    if (a->rows > INT32_MAX)
        MX_FAIL(err, MERX_E_LIMIT, "transpose", "%zu rows are more than 2147483647", a->rows);
    /* One block: starts (columns + 1) i64, indices (count) i32, values (count) f32. */
    size_t starts_bytes, bytes, per_entry = sizeof(int32_t) + (a->values != NULL ? sizeof(float) : 0);
    if (!mx_mul_size(a->columns + 1, sizeof(int64_t), &starts_bytes) || !mx_mul_size(count, per_entry, &bytes) ||
        !mx_add_size(bytes, starts_bytes, &bytes))
        MX_FAIL(err, MERX_E_MEMORY, "transpose", "%zu entries are too many", count);
    unsigned char *block = NULL;
    MX_TRY(mx_alloc_array(alloc, bytes, 1, "transposed matrix", &block, err));
    int64_t *starts = (int64_t *)(void *)block;
    int32_t *indices = (int32_t *)(void *)(block + starts_bytes);
    float *values = a->values != NULL ? (float *)(void *)(block + starts_bytes + count * sizeof(int32_t)) : NULL;

    /* Counting sort by column; starts[j] runs ahead while filling and is moved back afterwards. */
    for (size_t p = 0; p < count; p++)
        starts[a->indices[p] + 1]++;
    for (size_t j = 0; j < a->columns; j++)
        starts[j + 1] += starts[j];
    for (size_t i = 0; i < a->rows; i++)
        for (int64_t p = a->starts[i]; p < a->starts[i + 1]; p++) {
            int64_t q = starts[a->indices[p]]++;
            indices[q] = (int32_t)i;
            if (values != NULL)
                values[q] = a->values[p];
        }
    for (size_t j = a->columns; j > 0; j--)
        starts[j] = starts[j - 1];
    starts[0] = 0;
    out->view =
        (mx_csr){.rows = a->columns, .columns = a->rows, .starts = starts, .indices = indices, .values = values};
    out->alloc = alloc;
    out->block = block;
    out->block_bytes = bytes;
    return MERX_OK;
}

void mx_csr_release(mx_csr_own *own)
{
    if (own == NULL || own->block == NULL)
        return;
    mx_free_array(own->alloc, own->block, own->block_bytes, 1);
    memset(own, 0, sizeof *own);
}

merx_status mx_solve_spd(double *a, size_t d, double *b, size_t m, merx_error *err)
{
    if (!mx_cholesky(a, d))
        MX_FAIL(err, MERX_E_NUMERIC, "solve", "the matrix (%zu, %zu) is not positive definite", d, d);
    mx_cholesky_solve(a, d, b, m);
    return MERX_OK;
}

/*
 * A = R'R. S = R^-1 (upper) row by row from the last, then A^-1 = S S'.
 */
merx_status mx_invert_spd(double *a, size_t d, merx_error *err)
{
    if (!mx_cholesky(a, d))
        MX_FAIL(err, MERX_E_NUMERIC, "invert", "the matrix (%zu, %zu) is not positive definite", d, d);
    for (size_t i = d; i-- > 0;) {
        double *restrict row = a + i * d, inverse = 1 / row[i];
        /* s_ij = -(sum_{k = i+1}^{j} r_ik s_kj) / r_ii; the lower part of the row is free to hold r_ik meanwhile. */
        for (size_t k = i + 1; k < d; k++) {
            a[k * d + i] = row[k];
            row[k] = 0;
        }
        for (size_t k = i + 1; k < d; k++) {
            const double *restrict below = a + k * d;
            double v = below[i];
            for (size_t j = k; j < d; j++)
                row[j] -= v * below[j];
        }
        row[i] = 1;
        for (size_t j = i; j < d; j++)
            row[j] *= inverse;
    }
    for (size_t i = 0; i < d; i++)
        for (size_t j = i; j < d; j++) {
            double sum = mx_dot(a + i * d + j, a + j * d + j, d - j);
            a[i * d + j] = sum;
        }
    for (size_t i = 0; i < d; i++)
        for (size_t j = i + 1; j < d; j++)
            a[j * d + i] = a[i * d + j];
    return MERX_OK;
}

merx_status mx_eigen_symmetric(double *a, size_t d, double *values, merx_error *err)
{
    if (d == 0)
        return MERX_OK;
    if (d > INT32_MAX)
        MX_FAIL(err, MERX_E_LIMIT, "eigenvalues", "%zu columns are too many", d);
    /* Column-major 'L' is our upper triangle; the eigenvectors come back as columns there, so as rows here. */
    mx_lapack_lock();
    lapack_int info = LAPACKE_dsyev(LAPACK_COL_MAJOR, 'V', 'L', (lapack_int)d, a, (lapack_int)d, values);
    mx_lapack_unlock();
    if (info == LAPACK_WORK_MEMORY_ERROR)
        MX_FAIL(err, MERX_E_MEMORY, "eigenvalues", "no memory for the decomposition of a (%zu, %zu) matrix", d, d);
    if (info != 0)
        MX_FAIL(err, MERX_E_NUMERIC, "eigenvalues", "the decomposition of a (%zu, %zu) matrix did not converge", d, d);
    return MERX_OK;
}

merx_status mx_least_squares(double *x, size_t n, size_t d, double *b, double rcond, int *rank, double *singular_values,
                             merx_error *err)
{
    *rank = 0;
    if (d == 0)
        return MERX_OK;
    if (n == 0) {
        memset(b, 0, d * sizeof *b);
        memset(singular_values, 0, sizeof *singular_values * (n < d ? n : d));
        return MERX_OK;
    }
    if (n > INT32_MAX || d > INT32_MAX)
        MX_FAIL(err, MERX_E_LIMIT, "least squares", "a (%zu, %zu) matrix is too large", n, d);
    lapack_int found = 0;
    mx_lapack_lock();
    lapack_int info = LAPACKE_dgelsd(LAPACK_ROW_MAJOR, (lapack_int)n, (lapack_int)d, 1, x, (lapack_int)d, b, 1,
                                     singular_values, rcond, &found);
    mx_lapack_unlock();
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
        MX_FAIL(err, MERX_E_MEMORY, "least squares", "no memory for the decomposition of a (%zu, %zu) matrix", n, d);
    if (info < 0)
        MX_FAIL(err, MERX_E_NUMERIC, "least squares", "the input holds a value that is not a finite number");
    if (info > 0)
        MX_FAIL(err, MERX_E_NUMERIC, "least squares", "the singular value decomposition did not converge");
    *rank = (int)found;
    return MERX_OK;
}

double mx_dot(const double *a, const double *b, size_t n)
{
    return mx_kernel()->dot(a, b, n);
}
