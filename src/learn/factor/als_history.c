/*
 * A user among his own items. Letters and equations: als_history.h. M = I + w K = S'S.
 */
#include "learn/factor/als_history.h"

#include <string.h>

#include "base/prefetch.h"
#include "kernels/kernels.h"

enum { BLOCK = 256 };

void mx_als_solved_release(mx_als_solved *solved)
{
    if (solved->alloc)
        mx_free_array(solved->alloc, solved->rows, solved->items * solved->f, sizeof *solved->rows);
    *solved = (mx_als_solved){0};
}

/* R (f, f) upper triangular into its inverse, in place, column by column. */
static bool invert(double *r, size_t f)
{
    for (size_t k = 0; k < f; k++) {
        double diagonal = 1 / r[k * f + k];
        if (!(diagonal > 0 && diagonal < 1e300))
            return false;
        for (size_t i = 0; i < k; i++) { /* rows above are inverted up to column k - 1 */
            double sum = 0;
            for (size_t j = i; j < k; j++)
                sum += r[i * f + j] * r[j * f + k];
            r[i * f + k] = -sum * diagonal;
        }
        r[k * f + k] = diagonal;
        for (size_t j = 0; j < k; j++)
            r[k * f + j] = 0;
    }
    return true;
}

/* B^-1 (f, f) of B = Y'Y + l2 I, in work (2, f, f), at its end. */
static double *invert_gram(const mx_als *model, double *work)
{
    size_t f = (size_t)model->factors;
    double *r = work, *inverse = work + f * f;
    memcpy(r, model->item_gram, f * f * sizeof *r);
    for (size_t k = 0; k < f; k++)
        r[k * f + k] += model->l2;
    if (!mx_kernel()->cholesky(r, f) || !invert(r, f))
        return NULL;
    for (size_t i = 0; i < f; i++) /* R^-1 R^-T */
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t k = i; k < f; k++)
                sum += r[i * f + k] * r[j * f + k];
            inverse[i * f + j] = inverse[j * f + i] = sum;
        }
    return inverse;
}

/* Rows of items from .. end, widened, in blocks that stay in the cache. */
static void solve_rows(const mx_als *model, const double *inverse, size_t items, double *block, double *rows)
{
    const mx_kernels *kernel = mx_kernel();
    size_t f = (size_t)model->factors;
    memset(rows, 0, items * f * sizeof *rows);
    for (size_t from = 0; from < items; from += BLOCK) {
        size_t n = items - from < BLOCK ? items - from : BLOCK;
        kernel->scale_float(1, model->item_factors + from * f, block, n * f);
        kernel->multiply_add(block, inverse, rows + from * f, n, f, f);
    }
}

merx_status mx_als_solved_init(const mx_als *model, const merx_allocator *alloc, mx_als_solved *out, merx_error *err)
{
    size_t f = (size_t)model->factors, need = 2 * f * f + BLOCK * f;
    double *work;
    merx_status status = MERX_OK;
    *out = (mx_als_solved){.items = model->items, .f = f, .alloc = mx_allocator_or_default(alloc)};
    MX_TRY(mx_alloc_array_raw(out->alloc, need, sizeof *work, "inverse of the item gram", &work, err));
    const double *inverse = invert_gram(model, work);
    if (inverse)
        status = mx_alloc_array_raw(out->alloc, out->items * f, sizeof *out->rows, "solved items", &out->rows, err);
    if (out->rows) {
        mx_wish_large_pages(out->rows, out->items * f * sizeof *out->rows);
        solve_rows(model, inverse, out->items, work + 2 * f * f, out->rows);
    }
    mx_free_array(out->alloc, work, need, sizeof *work);
    return status;
}

bool mx_als_solved_takes(const mx_als_solved *solved, size_t m)
{
    return solved->rows && m > 0 && 2 * m <= solved->f;
}

size_t mx_als_history_scratch(const mx_als_solved *solved, size_t m, size_t n)
{
    return (2 * m + 1) * solved->f + 2 * m * m + m + m * n;
}

/* Rows of items (count, f), widened. */
static void widen_rows(const mx_als *model, const int32_t *items, size_t count, double *y)
{
    size_t f = (size_t)model->factors;
    for (size_t j = 0; j < count; j++)
        mx_kernel()->scale_float(1, model->item_factors + (size_t)items[j] * f, y + j * f, f);
}

/* P (m, f) and K, S (m, m) each. y: (m, f) scratch, the items' rows afterwards. */
static bool solve_system(const mx_als *model, const mx_als_solved *solved, const int32_t *items, size_t m, double *y,
                         double *p, double *k, double *s)
{
    const mx_kernels *kernel = mx_kernel();
    size_t f = solved->f;
    for (size_t j = 0; j < m; j++) { /* they lie all over: asked for before any is waited for */
        mx_prefetch(model->item_factors + (size_t)items[j] * f, f * sizeof *model->item_factors);
        mx_prefetch(solved->rows + (size_t)items[j] * f, f * sizeof *solved->rows);
    }
    widen_rows(model, items, m, y);
    for (size_t j = 0; j < m; j++)
        memcpy(p + j * f, solved->rows + (size_t)items[j] * f, f * sizeof *p);
    for (size_t i = 0; i < m; i++)
        kernel->margins(p, i + 1, f, y + i * f, 0, k + i * m);
    for (size_t i = 0; i < m; i++)
        for (size_t j = i; j < m; j++) {
            k[i * m + j] = k[j * m + i];
            s[i * m + j] = model->alpha * k[j * m + i] + (i == j ? 1 : 0);
        }
    return kernel->cholesky(s, m);
}

bool mx_als_history_user(const mx_als *model, const mx_als_solved *solved, const int32_t *items, size_t m,
                         double *scratch, double *user)
{
    const mx_kernels *kernel = mx_kernel();
    size_t f = solved->f;
    double *y = scratch, *p = y + m * f, *k = p + m * f, *s = k + m * m, *q = s + m * m;
    if (!solve_system(model, solved, items, m, y, p, k, s))
        return false;
    for (size_t j = 0; j < m; j++)
        q[j] = 1 + model->alpha;
    kernel->cholesky_solve(s, m, q, 1);
    memset(user, 0, f * sizeof *user);
    kernel->add_rows(p, q, m, f, user);
    return true;
}

bool mx_als_history_explain(const mx_als *model, const mx_als_solved *solved, const int32_t *items, size_t m,
                            const int32_t *targets, size_t n, double *scratch, double *parts, double *own,
                            double *spread)
{
    const mx_kernels *kernel = mx_kernel();
    size_t f = solved->f;
    double c = 1 + model->alpha;
    double *y = scratch, *p = y + m * f, *k = p + m * f, *s = k + m * m, *target = s + m * m, *row = target + f,
           *sides = row + m;
    for (size_t t = 0; t < n; t++)
        mx_prefetch(model->item_factors + (size_t)targets[t] * f, f * sizeof *model->item_factors);
    if (!solve_system(model, solved, items, m, y, p, k, s))
        return false;
    for (size_t t = 0; t < n; t++) {
        widen_rows(model, targets + t, 1, target);
        kernel->margins(p, m, f, target, 0, row);
        for (size_t j = 0; j < m; j++)
            sides[j * n + t] = c * row[j];
    }
    kernel->cholesky_solve(s, m, sides, n);
    for (size_t t = 0; t < n; t++)
        for (size_t j = 0; j < m; j++)
            parts[t * m + j] = sides[j * n + t];
    /* M^-1 K, symmetric as the two commute: place (i, j) holds y_i' A^-1 y_j. */
    kernel->cholesky_solve(s, m, k, m);
    for (size_t j = 0; j < m; j++) {
        spread[j] = k[j * m + j];
        own[j] = 0;
        for (size_t i = 0; i < m; i++)
            own[j] += c * k[i * m + j];
    }
    return true;
}
