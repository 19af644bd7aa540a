/*
 * One row of implicit ALS, exactly: Cholesky in double.
 */
#include "learn/factor/row_solver.h"

#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

enum { BLOCK_ROWS = 128 }; /* rows of one product */

size_t mx_row_solver_scratch(size_t f)
{
    return f * f + BLOCK_ROWS * f;
}

static double weight_of(const mx_row_solver *s, mx_rated row, size_t j)
{
    return s->alpha * (row.values ? (double)row.values[j] : 1.0);
}

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
            kernel->scale_float(sqrt(weight_of(s, row, start + r)), s->y + (size_t)row.items[start + r] * s->stride,
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
        mx_kernel()->axpy_float(1.0 + weight_of(s, row, j), s->y + (size_t)row.items[j] * s->stride, b, s->f);
}

merx_status mx_row_solve(const mx_row_solver *s, mx_rated row, double *scratch, double *x, merx_error *err)
{
    MX_TRY(mx_row_system(s, row, scratch, scratch + s->f * s->f, err));
    mx_row_right_side(s, row, x);
    mx_kernel()->cholesky_solve(scratch, s->f, x, 1);
    return MERX_OK;
}
