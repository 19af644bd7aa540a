/*
 * QR of a tall matrix row by row. The buffer is row-major (e + block, e): first R, then the rows that wait. Seen column by column it is A', so that
 * A' = L Q' of LAPACK gives R = L' in its place, without a transposition.
 */
#include "numeric/tall_qr.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

#include "numeric/dense.h"

struct mx_tall_qr {
    const merx_allocator *alloc;
    size_t e, block, filled;        /* filled: rows that wait */
    double *buffer, *tau, *work;    /* (e + block, e), (e), (work_size) */
    size_t work_size, buffer_cells; /* doubles */
};

static size_t block_of(size_t e)
{
    size_t block = 2 * e < 1024 ? 1024 : 2 * e;
    return (block + 1023) / 1024 * 1024;
}

uint64_t mx_tall_qr_memory(size_t e)
{
    return 8 * ((uint64_t)e * (e + block_of(e)) + 66 * (uint64_t)e);
}

merx_status mx_tall_qr_new(size_t e, const merx_allocator *alloc, mx_tall_qr **out, merx_error *err)
{
    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    if (e > (size_t)1 << 20)
        MX_FAIL(err, MERX_E_LIMIT, "QR", "%zu columns are too many", e);
    mx_tall_qr *qr = NULL;
    merx_status status;
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &qr, "QR", err));
    qr->alloc = alloc;
    qr->e = e;
    qr->block = block_of(e);
    qr->work_size = 64 * e + 1;
    if (!mx_mul_size(e, e + qr->block, &qr->buffer_cells))
        MX_FAIL_GOTO(err, MERX_E_MEMORY, "QR", "%zu columns are too many", e);
    MX_TRY_GOTO(mx_alloc_array(alloc, qr->buffer_cells, sizeof(double), "QR", &qr->buffer, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, e, sizeof(double), "QR", &qr->tau, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, qr->work_size, sizeof(double), "QR", &qr->work, err));
    *out = qr;
    return MERX_OK;
out:
    mx_tall_qr_free(qr);
    return status;
}

void mx_tall_qr_free(mx_tall_qr *qr)
{
    if (qr == NULL)
        return;
    const merx_allocator *alloc = qr->alloc;
    mx_free_array(alloc, qr->work, qr->work_size, sizeof(double));
    mx_free_array(alloc, qr->tau, qr->e, sizeof(double));
    mx_free_array(alloc, qr->buffer, qr->buffer_cells, sizeof(double));
    MX_FREE_ARRAY(alloc, qr, 1);
}

/* R of R over the rows that wait. */
static merx_status fold(mx_tall_qr *qr, merx_error *err)
{
    size_t e = qr->e, rows = e + qr->filled;
    if (qr->filled == 0 || e == 0)
        return MERX_OK;
    qr->filled = 0;
    mx_lapack_lock();
    lapack_int info = LAPACKE_dgelqf_work(LAPACK_COL_MAJOR, (lapack_int)e, (lapack_int)rows, qr->buffer, (lapack_int)e,
                                          qr->tau, qr->work, (lapack_int)qr->work_size);
    mx_lapack_unlock();
    if (info != 0)
        MX_FAIL(err, MERX_E_NUMERIC, "QR", "the input holds a value that is not a finite number");
    for (size_t i = 1; i < e; i++)
        memset(qr->buffer + i * e, 0, i * sizeof(double));
    return MERX_OK;
}

merx_status mx_tall_qr_next(mx_tall_qr *qr, double **row, merx_error *err)
{
    if (qr->filled == qr->block)
        MX_TRY(fold(qr, err));
    *row = qr->buffer + (qr->e + qr->filled++) * qr->e;
    return MERX_OK;
}

merx_status mx_tall_qr_finish(mx_tall_qr *qr, double *r, merx_error *err)
{
    MX_TRY(fold(qr, err));
    for (size_t i = 0; i < qr->e; i++)
        for (size_t j = 0; j < qr->e; j++) {
            double value = qr->buffer[i * qr->e + j];
            if (!isfinite(value))
                MX_FAIL(err, MERX_E_NUMERIC, "QR", "the input holds a value that is not a finite number");
            r[i * qr->e + j] = value;
        }
    return MERX_OK;
}

merx_status mx_svd_square(double *a, size_t d, double *s, double *q, const merx_allocator *alloc, merx_error *err)
{
    if (d == 0)
        return MERX_OK;
    if (d > 1 << 15)
        MX_FAIL(err, MERX_E_LIMIT, "singular values", "%zu columns are too many", d);
    for (size_t i = 0; i < d * d; i++)
        if (!isfinite(a[i]))
            MX_FAIL(err, MERX_E_NUMERIC, "singular values", "the matrix holds a value that is not a finite number");
    alloc = mx_allocator_or_default(alloc);
    size_t work_size = 5 * d + 64 * 2 * d + 64;
    double *work = NULL, *left = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array(alloc, work_size, sizeof(double), "singular values", &work, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, d * d, sizeof(double), "singular values", &left, err));
    /* LAPACK sees A' = Q diag(s) P': its U are the q's, a column (our row) each; its V' read row by row is P. */
    mx_lapack_lock();
    lapack_int n = (lapack_int)d;
    lapack_int info =
        LAPACKE_dgesvd_work(LAPACK_COL_MAJOR, 'A', 'A', n, n, a, n, s, q, n, left, n, work, (lapack_int)work_size);
    mx_lapack_unlock();
    if (info != 0)
        MX_FAIL_GOTO(err, MERX_E_NUMERIC, "singular values",
                     "the decomposition of a (%zu, %zu) matrix did not converge", d, d);
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++)
            a[j * d + i] = left[i * d + j];
out:
    mx_free_array(alloc, left, d * d, sizeof(double));
    mx_free_array(alloc, work, work_size, sizeof(double));
    return status;
}
