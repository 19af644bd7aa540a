/*
 * A user among his own items. Letters and equations: als_history.h. M = I + w K = S'S.
 */
#include "learn/factor/als_history.h"

#include <string.h>

#include "kernels/kernels.h"

void mx_als_root_release(mx_als_root *root)
{
    if (root->alloc)
        mx_free_array(root->alloc, root->inverse, root->f * root->f, sizeof *root->inverse);
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
    MX_TRY(mx_alloc_array_raw(out->alloc, f * f, sizeof *r, "inverse root of the item gram", &r, err));
    memcpy(r, model->item_gram, f * f * sizeof *r);
    for (size_t k = 0; k < f; k++)
        r[k * f + k] += model->l2;
    if (mx_kernel()->cholesky(r, f) && invert(r, f))
        out->inverse = r;
    else
        mx_free_array(out->alloc, r, f * f, sizeof *r);
    return MERX_OK;
}

bool mx_als_root_takes(const mx_als_root *root, size_t m)
{
    return root->inverse && m > 0 && 2 * m <= root->f;
}

size_t mx_als_history_scratch(const mx_als_root *root, size_t m)
{
    return 3 * m * root->f + 2 * m * m + 2 * (root->f + m);
}

/* y (count, f): rows of items. */
static void widen_rows(const mx_als *model, const int32_t *items, size_t count, double *y)
{
    size_t f = (size_t)model->factors;
    for (size_t j = 0; j < count; j++) {
        const float *row = model->item_factors + (size_t)items[j] * f;
        for (size_t k = 0; k < f; k++)
            y[j * f + k] = (double)row[k];
    }
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
        for (size_t j = i; j < m; j++) {
            k[i * m + j] = k[j * m + i] = kernel->dot(v + i * f, v + j * f, f);
            s[i * m + j] = model->alpha * k[i * m + j] + (i == j ? 1 : 0);
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
    for (size_t j = 0; j < m; j++)
        kernel->axpy(q[j], v + j * f, z, f);
    for (size_t i = 0; i < f; i++)
        user[i] = kernel->dot(root->inverse + i * f + i, z + i, f - i);
    return true;
}

bool mx_als_history_explain(const mx_als *model, const mx_als_root *root, const int32_t *items, size_t m,
                            const int32_t *targets, size_t n, double *scratch, double *parts, double *own,
                            double *spread)
{
    const mx_kernels *kernel = mx_kernel();
    size_t f = root->f;
    double c = 1 + model->alpha;
    double *y = scratch, *v = y + m * f, *k = v + m * f, *s = k + m * m, *p = s + m * m, *z = p + m * f;
    if (!solve_system(model, root, items, m, y, v, k, s))
        return false;
    /* p_j = R^-1 v_j, so that v_j . v_t = p_j . y_t. */
    for (size_t j = 0; j < m; j++)
        for (size_t i = 0; i < f; i++)
            p[j * f + i] = kernel->dot(root->inverse + i * f + i, v + j * f + i, f - i);
    for (size_t t = 0; t < n; t++) {
        const float *target = model->item_factors + (size_t)targets[t] * f;
        double *part = parts + t * m;
        for (size_t j = 0; j < m; j++)
            part[j] = c * kernel->dot_float(p + j * f, target, f);
        kernel->cholesky_solve(s, m, part, 1);
    }
    /* K M^-1, row by row, as K and M commute: row j holds y_j' A^-1 y_i. */
    for (size_t j = 0; j < m; j++) {
        memcpy(z, k + j * m, m * sizeof *z);
        kernel->cholesky_solve(s, m, z, 1);
        spread[j] = z[j];
        own[j] = 0;
        for (size_t i = 0; i < m; i++)
            own[j] += c * z[i];
    }
    return true;
}
