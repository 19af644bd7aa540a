/*
 * Dense and sparse matrices: products and Cholesky by numeric/dense.h, decompositions of whole matrices by LAPACK, under its lock.
 */
#include "numeric/matrix.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "numeric/dense.h"

#define BLOCK_ROWS 1024
/* Partial Gram matrices held at once: at most this many, and this many bytes. Sums do not depend on it. */
#define WAVE_BLOCKS 64
#define WAVE_BYTES ((size_t)32 << 20)

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

typedef struct gram_work {
    const double *x, *w;
    size_t n, d, first_block;
    double *partial; /* (wave, d, d); upper triangles */
    const merx_allocator *alloc;
} gram_work;

static merx_status gram_block(void *context, size_t block, merx_error *err)
{
    gram_work *work = context;
    size_t d = work->d, begin = (work->first_block + block) * BLOCK_ROWS;
    size_t rows = work->n - begin < BLOCK_ROWS ? work->n - begin : BLOCK_ROWS;
    const double *x = work->x + begin * d;
    double *scaled = NULL;
    if (work->w != NULL) {
        MX_TRY(mx_alloc_array_raw(work->alloc, rows * d, sizeof(double), "weighted rows", &scaled, err));
        for (size_t i = 0; i < rows; i++) {
            double root = sqrt(work->w[begin + i]);
            for (size_t j = 0; j < d; j++)
                scaled[i * d + j] = root * x[i * d + j];
        }
        x = scaled;
    }
    double *partial = work->partial + block * d * d;
    memset(partial, 0, d * d * sizeof *partial);
    mx_syrk_add(x, rows, d, partial);
    mx_free_array(work->alloc, scaled, rows * d, sizeof(double));
    return MERX_OK;
}

merx_status mx_gram(const double *x, const double *w, size_t n, size_t d, double *gram, merx_task *task,
                    merx_error *err)
{
    size_t square;
    if (d > 1u << 20 || !mx_mul_size(d, d, &square))
        MX_FAIL(err, MERX_E_LIMIT, "gram matrix", "%zu columns are too many", d);
    memset(gram, 0, square * sizeof(double));
    if (n == 0 || d == 0)
        return MERX_OK;
    const merx_allocator *alloc = merx_task_allocator(task);
    size_t blocks = (n + BLOCK_ROWS - 1) / BLOCK_ROWS, wave = WAVE_BYTES / (square * sizeof(double));
    wave = wave < 1 ? 1 : wave > WAVE_BLOCKS ? WAVE_BLOCKS : wave;
    wave = wave > blocks ? blocks : wave;
    gram_work work = {.x = x, .w = w, .n = n, .d = d, .alloc = alloc};
    MX_TRY(mx_alloc_array_raw(alloc, wave * square, sizeof(double), "partial Gram matrices", &work.partial, err));
    merx_status status = MERX_OK;
    for (size_t first = 0; first < blocks && status == MERX_OK; first += wave) {
        size_t now = blocks - first < wave ? blocks - first : wave;
        work.first_block = first;
        status = mx_parallel(task, now, gram_block, &work, err);
        for (size_t b = 0; b < now && status == MERX_OK; b++)
            for (size_t i = 0; i < d; i++)
                for (size_t j = i; j < d; j++)
                    gram[i * d + j] += work.partial[b * square + i * d + j];
    }
    for (size_t i = 0; i < d; i++)
        for (size_t j = i + 1; j < d; j++)
            gram[j * d + i] = gram[i * d + j];
    mx_free_array(alloc, work.partial, wave * square, sizeof(double));
    return status;
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
