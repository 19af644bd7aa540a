/*
 * One row of implicit ALS, by its factors or by its items. Everything is accumulated in double.
 */
#include "learn/factor/row_solver.h"

#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

enum {
    BLOCK_ROWS = 128,    /* rows of one product */
    MOST_ITEMS = 128,    /* of a row solved by its items: T must fit the block */
    BASIS_MOST = 4 << 20 /* doubles of V */
};

/* B's pivots may differ by this factor: V then has eight digits at least, more than the floats that are kept. */
static const double worst_pivots = 1e8;

size_t mx_row_solver_scratch(size_t f)
{
    size_t side = f > MOST_ITEMS ? f : MOST_ITEMS;
    return f * f + BLOCK_ROWS * f + 2 * side;
}

size_t mx_row_solver_basis(size_t n, size_t f)
{
    return n <= BASIS_MOST / f ? n * f : 0;
}

static double weight_of(const mx_row_solver *s, mx_rated row, size_t j)
{
    return s->alpha * (row.values ? (double)row.values[j] : 1.0);
}

/* ---- by its factors ---- */

merx_status mx_row_system(const mx_row_solver *s, mx_rated row, double *a, double *scratch, merx_error *err)
{
    const mx_kernels *kernel = mx_kernel();
    size_t f = s->f;
    memcpy(a, s->gram, f * f * sizeof *a);
    for (size_t j = 0; j < f; j++)
        a[j * f + j] += s->l2;
    for (size_t start = 0; start < row.m; start += BLOCK_ROWS) {
        size_t count = row.m - start < BLOCK_ROWS ? row.m - start : BLOCK_ROWS;
        for (size_t r = 0; r < count; r++)
            kernel->scale_float(sqrt(weight_of(s, row, start + r)), s->y + (size_t)row.items[start + r] * f,
                                scratch + r * f, f);
        kernel->syrk_add(scratch, count, f, a);
    }
    if (!kernel->cholesky(a, f))
        MX_FAIL(err, MERX_E_NUMERIC, "als",
                "the equations of a row have no unique solution with %zu factors; set l2 above 0 or use fewer factors",
                f);
    return MERX_OK;
}

void mx_row_right_side(const mx_row_solver *s, mx_rated row, double *b)
{
    memset(b, 0, s->f * sizeof *b);
    for (size_t j = 0; j < row.m; j++)
        mx_kernel()->axpy_float(1.0 + weight_of(s, row, j), s->y + (size_t)row.items[j] * s->f, b, s->f);
}

/* ---- by its items ---- */

/* upper (f, f) = R^-1 from the last row up; below the diagonal 0. */
static void invert_triangle(const double *r, size_t f, double *upper)
{
    memset(upper, 0, f * f * sizeof *upper);
    for (size_t i = f; i-- > 0;) {
        double *row = upper + i * f, scale = 1 / r[i * f + i];
        for (size_t k = i + 1; k < f; k++)
            mx_kernel()->axpy(-scale * r[i * f + k], upper + k * f + k, row + k, f - k);
        row[i] = scale;
    }
}

typedef struct basis_work {
    mx_row_solver *solver;
    double *scratch; /* (workers, mx_row_solver_scratch) */
} basis_work;

static merx_status basis_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    const basis_work *w = context;
    const mx_row_solver *s = w->solver;
    size_t f = s->f, first = block * BLOCK_ROWS, count = s->n - first < BLOCK_ROWS ? s->n - first : BLOCK_ROWS;
    double *rows = w->scratch + (size_t)mx_worker_index() * mx_row_solver_scratch(f), *out = s->basis + first * f;
    mx_kernel()->scale_float(1, s->y + first * f, rows, count * f);
    memset(out, 0, count * f * sizeof *out);
    mx_kernel()->multiply_add(rows, s->inverse, out, count, f, f);
    return MERX_OK;
}

merx_status mx_row_solver_prepare(mx_row_solver *s, double *scratch, merx_task *task, merx_error *err)
{
    size_t f = s->f;
    s->by_items = false;
    if (s->basis == NULL || mx_row_solver_basis(s->n, f) == 0)
        return MERX_OK;
    memcpy(scratch, s->gram, f * f * sizeof *scratch);
    for (size_t j = 0; j < f; j++)
        scratch[j * f + j] += s->l2;
    if (!mx_kernel()->cholesky(scratch, f))
        return MERX_OK; /* a row's own items may still make its system regular */
    double least = INFINITY, most = 0;
    for (size_t j = 0; j < f; j++) {
        double pivot = scratch[j * f + j] * scratch[j * f + j];
        least = pivot < least ? pivot : least;
        most = pivot > most ? pivot : most;
    }
    if (!(most <= worst_pivots * least))
        return MERX_OK;
    invert_triangle(scratch, f, s->inverse);
    basis_work work = {s, scratch};
    MX_TRY(mx_parallel(task, (s->n + BLOCK_ROWS - 1) / BLOCK_ROWS, basis_block, &work, err));
    s->by_items = true;
    return MERX_OK;
}

/* Columns of T are padded with zeros to whole vectors, the inner matrix with the identity: q is 0 there. */
static merx_status solve_by_items(const mx_row_solver *s, mx_rated row, double *scratch, double *x, merx_error *err)
{
    const mx_kernels *kernel = mx_kernel();
    size_t f = s->f, m = row.m, wide = (m + 3) / 4 * 4;
    double *inner = scratch, *t = inner + f * f, *q = t + BLOCK_ROWS * f, *scale = q + wide;
    for (size_t j = 0; j < m; j++) {
        double weight = weight_of(s, row, j);
        scale[j] = sqrt(weight);
        q[j] = (1.0 + weight) / scale[j];
    }
    for (size_t j = m; j < wide; j++) {
        q[j] = 0;
        for (size_t k = 0; k < f; k++)
            t[k * wide + j] = 0;
    }
    kernel->gather_transposed(s->basis, f, row.items, scale, m, t, wide);
    memset(inner, 0, wide * wide * sizeof *inner);
    for (size_t j = 0; j < wide; j++)
        inner[j * wide + j] = 1;
    kernel->syrk_add(t, f, wide, inner);
    if (!kernel->cholesky(inner, wide))
        MX_FAIL(err, MERX_E_NUMERIC, "als", "the equations of a row overflow; rescale the values or lower alpha");
    kernel->cholesky_solve(inner, wide, q, 1);
    /* x = R^-1 (T q) */
    double *v = inner;
    for (size_t k = 0; k < f; k++)
        v[k] = kernel->dot(t + k * wide, q, wide);
    for (size_t k = 0; k < f; k++)
        x[k] = kernel->dot(s->inverse + k * f + k, v + k, f - k);
    return MERX_OK;
}

merx_status mx_row_solve(const mx_row_solver *s, mx_rated row, double *scratch, double *x, merx_error *err)
{
    /* Measured: the two cost the same at about m = f. The inner matrix, in whole vectors, must fit that of the factors. */
    if (s->by_items && row.m <= MOST_ITEMS && 8 * row.m <= 7 * s->f && (row.m + 3) / 4 * 4 <= s->f)
        return solve_by_items(s, row, scratch, x, err);
    MX_TRY(mx_row_system(s, row, scratch, scratch + s->f * s->f, err));
    mx_row_right_side(s, row, x);
    mx_kernel()->cholesky_solve(scratch, s->f, x, 1);
    return MERX_OK;
}
