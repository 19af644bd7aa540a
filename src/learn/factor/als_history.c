/*
 * A user among his own items. Letters and equations: als_history.h. M = I + w K = S'S.
 */
#include "learn/factor/als_history.h"

#include <string.h>

#include "kernels/kernels.h"

void mx_als_root_release(mx_als_root *root)
{
    if (root->alloc)
        mx_free_array(root->alloc, root->inverse, 2 * root->f * root->f, sizeof *root->inverse);
    *root = (mx_als_root){0};
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

merx_status mx_als_root_init(const mx_als *model, const merx_allocator *alloc, mx_als_root *out, merx_error *err)
{
    size_t f = (size_t)model->factors;
    double *r;
    *out = (mx_als_root){.f = f, .alloc = mx_allocator_or_default(alloc)};
    MX_TRY(mx_alloc_array_raw(out->alloc, 2 * f * f, sizeof *r, "inverse root of the item gram", &r, err));
    memcpy(r, model->item_gram, f * f * sizeof *r);
    for (size_t k = 0; k < f; k++)
        r[k * f + k] += model->l2;
    if (!mx_kernel()->cholesky(r, f) || !invert(r, f)) {
        mx_free_array(out->alloc, r, 2 * f * f, sizeof *r);
        return MERX_OK;
    }
    for (size_t i = 0; i < f; i++)
        for (size_t k = 0; k < f; k++)
            r[f * f + k * f + i] = r[i * f + k];
    out->inverse = r;
    return MERX_OK;
}

bool mx_als_root_takes(const mx_als_root *root, size_t m)
{
    return root->inverse && m > 0 && 2 * m <= root->f;
}

size_t mx_als_history_scratch(const mx_als_root *root, size_t m, size_t n)
{
    return (3 * m + 1) * root->f + 2 * m * m + m + m * n;
}

/* Rows of items (count, f), widened. */
static void widen_rows(const mx_als *model, const int32_t *items, size_t count, double *y)
{
    size_t f = (size_t)model->factors;
    enum { LINE_FLOATS = 16 };
    for (size_t j = 0; j < count; j++) /* they lie all over: asked for before any is waited for */
        for (size_t k = 0; k < f; k += LINE_FLOATS)
            __builtin_prefetch(model->item_factors + (size_t)items[j] * f + k);
    for (size_t j = 0; j < count; j++)
        mx_kernel()->scale_float(1, model->item_factors + (size_t)items[j] * f, y + j * f, f);
}

/* V (m, f) and K, S (m, m) each. y: (m, f) scratch, the items' rows afterwards. */
static bool solve_system(const mx_als *model, const mx_als_root *root, const int32_t *items, size_t m, double *y,
                         double *v, double *k, double *s)
{
    const mx_kernels *kernel = mx_kernel();
    size_t f = root->f;
    widen_rows(model, items, m, y);
    memset(v, 0, m * f * sizeof *v);
    kernel->multiply_add(y, root->inverse, v, m, f, f);
    for (size_t i = 0; i < m; i++)
        kernel->margins(v, i + 1, f, v + i * f, 0, k + i * m);
    for (size_t i = 0; i < m; i++)
        for (size_t j = i; j < m; j++) {
            k[i * m + j] = k[j * m + i];
            s[i * m + j] = model->alpha * k[j * m + i] + (i == j ? 1 : 0);
        }
    return kernel->cholesky(s, m);
}

bool mx_als_history_user(const mx_als *model, const mx_als_root *root, const int32_t *items, size_t m, double *scratch,
                         double *user)
{
    const mx_kernels *kernel = mx_kernel();
    size_t f = root->f;
    double *y = scratch, *v = y + m * f, *k = v + m * f, *s = k + m * m, *q = s + m * m, *z = q + m;
    if (!solve_system(model, root, items, m, y, v, k, s))
        return false;
    for (size_t j = 0; j < m; j++)
        q[j] = 1 + model->alpha;
    kernel->cholesky_solve(s, m, q, 1);
    memset(z, 0, f * sizeof *z);
    kernel->add_rows(v, q, m, f, z);
    kernel->margins(root->inverse, f, f, z, 0, user);
    return true;
}

bool mx_als_history_explain(const mx_als *model, const mx_als_root *root, const int32_t *items, size_t m,
                            const int32_t *targets, size_t n, double *scratch, double *parts, double *own,
                            double *spread)
{
    const mx_kernels *kernel = mx_kernel();
    size_t f = root->f;
    double c = 1 + model->alpha;
    double *y = scratch, *v = y + m * f, *k = v + m * f, *s = k + m * m, *p = s + m * m, *target = p + m * f,
           *row = target + f, *sides = row + m;
    if (!solve_system(model, root, items, m, y, v, k, s))
        return false;
    /* p_j = R^-1 v_j, so that v_j . v_t = p_j . y_t: the right sides (m, n). */
    memset(p, 0, m * f * sizeof *p);
    kernel->multiply_add(v, root->inverse + f * f, p, m, f, f);
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
