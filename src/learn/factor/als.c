/*
 * What a fitted ALS answers: fold-in and reasons, exactly, in double. Letters and equations: als_fit.c.
 */
#include "learn/factor/als.h"

#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "learn/factor/row_solver.h"
#include "numeric/dense.h"

void mx_als_release(mx_als *model)
{
    if (!model->alloc)
        return;
    size_t f = (size_t)model->factors;
    mx_free_array(model->alloc, model->user_factors, model->users * f, sizeof(float));
    mx_free_array(model->alloc, model->item_factors, model->items * f, sizeof(float));
    mx_free_array(model->alloc, model->item_gram, f * f, sizeof(double));
    memset(model, 0, sizeof *model);
}

/* Doubles of scratch for a solve and one vector beside it. */
static size_t solve_scratch(size_t f)
{
    return mx_row_solver_scratch(f) + f;
}

/* ---- a new user ---- */

static merx_status check_history(const mx_als *model, const int32_t *items, const float *values, size_t m,
                                 merx_error *err)
{
    for (size_t j = 0; j < m; j++) {
        if (items[j] < 0 || (size_t)items[j] >= model->items)
            MX_FAIL(err, MERX_E_RANGE, "als", "item %d is not one of the %zu items of the model", (int)items[j],
                    model->items);
        if (values && (!(values[j] > 0) || !isfinite(values[j])))
            MX_FAIL(err, MERX_E_INVALID, "als", "item %d has value %g; expected a finite number above 0", (int)items[j],
                    (double)values[j]);
    }
    return MERX_OK;
}

static mx_row_solver solver_of(const mx_als *model)
{
    return (mx_row_solver){.y = model->item_factors,
                           .stride = (size_t)model->factors,
                           .f = (size_t)model->factors,
                           .gram = model->item_gram,
                           .l2 = model->l2,
                           .alpha = model->alpha};
}

merx_status mx_als_fold_in(const mx_als *model, const int32_t *items, const float *values, size_t m, double *user,
                           merx_error *err)
{
    size_t f = (size_t)model->factors;
    MX_TRY(check_history(model, items, values, m, err));
    mx_row_solver solver = solver_of(model);
    mx_rated row = {items, values, m};
    double *a = NULL;
    MX_TRY(mx_alloc_array_raw(model->alloc, solve_scratch(f), sizeof *a, "normal equations of a user", &a, err));
    merx_status status = mx_row_system(&solver, row, a, a + f * f, err);
    if (status == MERX_OK) {
        mx_row_right_side(&solver, row, user);
        mx_cholesky_solve(a, f, user, 1);
    }
    mx_free_array(model->alloc, a, solve_scratch(f), sizeof *a);
    return status;
}

merx_status mx_als_explain_many(const mx_als *model, const int32_t *items, const float *values, size_t m,
                                const int32_t *targets, size_t n, double *parts, double *scores, merx_error *err)
{
    size_t f = (size_t)model->factors;
    MX_TRY(check_history(model, items, values, m, err));
    MX_TRY(check_history(model, targets, NULL, n, err));
    mx_row_solver solver = solver_of(model);
    mx_rated row = {items, values, m};
    double *a = NULL;
    MX_TRY(mx_alloc_array_raw(model->alloc, solve_scratch(f), sizeof *a, "normal equations of a user", &a, err));
    double *z = a + mx_row_solver_scratch(f);
    merx_status status = MERX_OK;
    MX_TRY_GOTO(mx_row_system(&solver, row, a, a + f * f, err));
    for (size_t t = 0; t < n; t++) {
        /* z = A^-1 y_t, so that x_u . y_t = z . b_u = sum_j c_j z . y_j */
        const float *target = model->item_factors + (size_t)targets[t] * f;
        for (size_t k = 0; k < f; k++)
            z[k] = (double)target[k];
        mx_cholesky_solve(a, f, z, 1);
        double score = 0;
        for (size_t j = 0; j < m; j++) {
            double dot = mx_kernel()->dot_float(z, model->item_factors + (size_t)items[j] * f, f);
            parts[t * m + j] = (1.0 + model->alpha * (values ? (double)values[j] : 1.0)) * dot;
            score += parts[t * m + j];
        }
        scores[t] = score;
    }
out:
    mx_free_array(model->alloc, a, solve_scratch(f), sizeof *a);
    return status;
}

merx_status mx_als_explain(const mx_als *model, const int32_t *items, const float *values, size_t m, int32_t target,
                           double *parts, double *score, merx_error *err)
{
    return mx_als_explain_many(model, items, values, m, &target, 1, parts, score, err);
}
