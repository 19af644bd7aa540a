/*
 * Linear and ridge regression: from sums (linear_sums.c, linear_sparse.c) through a system (linear_solve.c) to a model with its errors and quality.
 *
 * Standard errors: Cov(b) = s2 (X'WX + l2)^-1 X'WX (X'WX + l2)^-1, s2 = sum_i w_i e_i^2 / (n - tr H), tr H = tr((G + L)^-1 G) + 1 with an
 * intercept: for l2 = 0 the textbook's n - rank - 1. The intercept's: y_mean - b m, so Var = s2 / W + m' Cov(b) m (centring makes the two
 * parts independent).
 *
 * The sum of squared residuals comes from the sums, y'y - 2 b'g + b'Gb, where that keeps eight digits, else from another pass over the rows.
 */
#include "learn/linear/linear.h"

#include <math.h>
#include <string.h>

#include "learn/linear/linear_solve.h"
#include "learn/linear/linear_sparse.h"
#include "numeric/dense.h"
#include "numeric/matrix.h"
#include "numeric/statistics.h"
#include "numeric/tall_qr.h"

/* Below this share of the target's own sum of squares, what is left after the fit is summed anew. */
static const double LEAST_SHARE = 1e-7;

const char *mx_linear_method_name(mx_linear_method method)
{
    static const char *const names[MX_LINEAR_METHODS] = {"Cholesky", "QR", "SVD", "conjugate gradients"};
    return method < MX_LINEAR_METHODS ? names[method] : "unknown";
}

static merx_status check_options(const mx_linear_options *o, size_t d, merx_error *err)
{
    if (!(o->l2 >= 0) || !isfinite(o->l2))
        MX_FAIL(err, MERX_E_RANGE, "linear", "l2 is %g; expected a number of 0 or more", o->l2);
    for (size_t j = 0; o->l2_per_column && j < d; j++)
        if (!(o->l2_per_column[j] >= 0) || !isfinite(o->l2_per_column[j]))
            MX_FAIL(err, MERX_E_RANGE, "linear", "l2_per_column %zu is %g; expected a number of 0 or more", j,
                    o->l2_per_column[j]);
    return MERX_OK;
}

static merx_status new_model(size_t d, bool standard_errors, const merx_allocator *alloc, mx_linear *model,
                             merx_error *err)
{
    *model = (mx_linear){.d = d, .alloc = mx_allocator_or_default(alloc)};
    size_t cells;
    if (!mx_mul_size(d, d, &cells))
        MX_FAIL(err, MERX_E_LIMIT, "linear", "%zu columns are too many", d);
    MX_TRY(MX_NEW_ARRAY(model->alloc, d, &model->coefficients, "coefficients", err));
    MX_TRY(MX_NEW_ARRAY(model->alloc, d, &model->means, "column means", err));
    MX_TRY(MX_NEW_ARRAY(model->alloc, d + 1, &model->standard_errors, "standard errors", err));
    for (size_t j = 0; j <= d; j++)
        model->standard_errors[j] = NAN;
    if (standard_errors)
        MX_TRY(MX_NEW_ARRAY(model->alloc, cells, &model->covariance, "covariance", err));
    return MERX_OK;
}

/* Coefficients in the columns' own units, means and intercept. */
static merx_status take_solution(mx_linear *model, const mx_linear_sums *sums, const mx_linear_system *s,
                                 merx_error *err)
{
    for (size_t k = 0; k < s->m; k++)
        model->coefficients[s->active[k]] = s->solution[k] * s->scales[k];
    if (!sums->raw) {
        for (size_t j = 0; j < model->d; j++)
            model->means[j] = sums->means[j];
        model->y_mean = sums->means[model->d];
        model->intercept = model->y_mean - mx_dot(model->coefficients, model->means, model->d) + s->mean_residual;
    }
    if (!isfinite(model->intercept) || !isfinite(mx_dot(model->coefficients, model->coefficients, model->d)))
        MX_FAIL(err, MERX_E_NUMERIC, "linear", "the solution is not finite; rescale the columns or the target");
    model->rank = (int)s->rank;
    model->method = s->method;
    model->quality.condition = s->condition;
    model->quality.digits = NAN;
    return MERX_OK;
}

/* sum w e^2 by the sums alone; *safe: eight digits of it are right. */
static double residual_sum_of(const mx_linear_sums *sums, const mx_linear_system *s, bool *safe)
{
    size_t m = s->m;
    double total = sums->gram[sums->e * sums->e - 1], sum = total;
    for (size_t j = 0; j < m; j++)
        sum += s->solution[j] * (mx_dot(s->gram + j * m, s->solution, m) - 2 * s->moments[j]);
    *safe = sum > LEAST_SHARE * total;
    return sum;
}

void mx_linear_judge(mx_linear *model, const mx_linear_sums *sums, double degrees, bool plain)
{
    mx_linear_quality *q = &model->quality;
    double constant = sums->raw ? 0 : 1, n = sums->rows;
    q->rows = n;
    q->weight = sums->weight;
    q->total_sum = sums->gram[sums->e * sums->e - 1];
    double free_rows = n - degrees - constant;
    q->free_rows = free_rows > 1e-9 ? free_rows : 0;
    q->residual_variance = free_rows > 1e-9 ? q->residual_sum / free_rows : NAN;
    /* A target that is constant up to rounding has no spread to explain. */
    double rounding = sums->raw ? 0 : 1e-26 * sums->weight * sums->means[sums->d] * sums->means[sums->d];
    q->r2 = q->total_sum > rounding ? 1 - q->residual_sum / q->total_sum : NAN;
    q->adjusted_r2 = free_rows > 1e-9 ? 1 - (1 - q->r2) * (n - constant) / free_rows : NAN;
    q->f = q->f_p = q->log_likelihood = q->aic = q->bic = NAN;
    if (plain) {
        q->f = (q->total_sum - q->residual_sum) / model->rank / q->residual_variance;
        q->f_p = mx_f_tail(q->f, model->rank, q->free_rows);
        if (!isfinite(q->f_p))
            q->f = q->f_p = NAN;
        if (q->residual_sum > 0)
            q->log_likelihood =
                -0.5 * n * (log(2 * 3.14159265358979323846 * q->residual_sum / n) + 1) + 0.5 * sums->log_weights;
        else
            q->log_likelihood = NAN;
        q->aic = -2 * q->log_likelihood + 2 * (model->rank + constant);
        q->bic = -2 * q->log_likelihood + log(n) * (model->rank + constant);
    }
    model->residual_variance = q->residual_variance;
    model->r2 = q->r2;
    model->adjusted_r2 = q->adjusted_r2;
}

/* Cov(b) and standard errors. tmp (m, m) scratch. */
static void errors_of(mx_linear *model, const mx_linear_system *s, const mx_linear_sums *sums, double *tmp)
{
    size_t d = model->d, m = s->m;
    const double *cov = s->inverse;
    if (s->penalised || s->rank < m) { /* (G + L)^+ G (G + L)^+ */
        double *first = tmp, *second = tmp + m * m;
        memset(tmp, 0, 2 * m * m * sizeof *tmp);
        mx_multiply_add(s->inverse, s->gram, first, m, m, m);
        mx_multiply_add(first, s->inverse, second, m, m, m);
        cov = second;
    }
    for (size_t j = 0; j < m; j++)
        for (size_t k = 0; k < m; k++)
            model->covariance[s->active[j] * d + s->active[k]] =
                0.5 * (cov[j * m + k] + cov[k * m + j]) * model->residual_variance * s->scales[j] * s->scales[k];
    /* Without full rank the split between columns is a convention, not knowledge. */
    if (s->rank < d)
        return;
    double of_intercept = model->residual_variance / sums->weight;
    for (size_t j = 0; j < d; j++) {
        model->standard_errors[j] = sqrt(model->covariance[j * d + j]);
        of_intercept += model->means[j] * mx_dot(model->covariance + j * d, model->means, d);
    }
    if (!sums->raw)
        model->standard_errors[d] = sqrt(of_intercept);
}

/* From sums to the model; rows for the second looks. */
static merx_status finish(const mx_linear_sums *sums, mx_design_rows *rows, const mx_linear_options *options,
                          const merx_allocator *alloc, merx_task *task, mx_linear *model, merx_error *err)
{
    const merx_allocator *work = merx_task_allocator(task);
    mx_linear_system s = {0};
    double *tmp = NULL;
    size_t tmp_cells = 0;
    merx_status status;
    bool solved = false, safe = true;
    MX_TRY_GOTO(new_model(sums->d, options->standard_errors, alloc, model, err));
    MX_TRY_GOTO(mx_linear_system_new(sums, options->l2, options->l2_per_column, work, &s, err));
    if (!sums->rough || s.m == 0)
        mx_linear_solve_gram(&s, &solved);
    if (!solved)
        MX_TRY_GOTO(mx_linear_solve_rows(&s, rows, sums, task, err));
    MX_TRY_GOTO(mx_task_step(task, 2, err));
    MX_TRY_GOTO(take_solution(model, sums, &s, err));
    double residual = s.residual_sum;
    if (isnan(residual))
        residual = residual_sum_of(sums, &s, &safe);
    if (!safe || sums->rough || !(residual >= 0))
        MX_TRY_GOTO(mx_linear_residual_sum(rows, model->coefficients, model->intercept, task, &residual, err));
    model->quality.residual_sum = residual;
    double degrees = (double)s.rank; /* tr((G + L)^-1 G) */
    if (s.penalised) {
        degrees = 0;
        for (size_t j = 0; j < s.m; j++)
            degrees += mx_dot(s.inverse + j * s.m, s.gram + j * s.m, s.m);
    }
    mx_linear_judge(model, sums, degrees, !s.penalised);
    if (options->standard_errors) {
        tmp_cells = 2 * s.m * s.m;
        MX_TRY_GOTO(mx_alloc_array_raw(work, tmp_cells, sizeof(double), "covariance", &tmp, err));
        errors_of(model, &s, sums, tmp);
    }
out:
    mx_free_array(work, tmp, tmp_cells, sizeof(double));
    mx_linear_system_release(&s);
    return status;
}

merx_status mx_linear_fit_rows(mx_design_rows *rows, const mx_linear_options *options, const merx_allocator *alloc,
                               merx_task *task, mx_linear *out, merx_error *err)
{
    memset(out, 0, sizeof *out);
    MX_TRY(check_options(options, rows->d, err));
    if (rows->n == 0)
        MX_FAIL(err, MERX_E_INVALID, "linear", "there are no rows to learn from");
    mx_linear model = {0};
    mx_linear_sums sums = {0};
    merx_status status;
    mx_task_stage(task, "linear regression", 3, "passes");
    MX_TRY_GOTO(mx_linear_sum(rows, "linear", options->no_intercept, task, &sums, err));
    MX_TRY_GOTO(mx_task_step(task, 1, err));
    MX_TRY_GOTO(finish(&sums, rows, options, alloc, task, &model, err));
    mx_task_done(task);
out:
    mx_linear_sums_release(&sums);
    if (status == MERX_OK)
        *out = model;
    else
        mx_linear_release(&model);
    return status;
}

static merx_status fit_sparse(const mx_design *design, const mx_linear_options *options, const merx_allocator *alloc,
                              merx_task *task, mx_linear *out, merx_error *err)
{
    memset(out, 0, sizeof *out);
    MX_TRY(check_options(options, design->d, err));
    if (design->n == 0)
        MX_FAIL(err, MERX_E_INVALID, "linear", "there are no rows to learn from");
    mx_linear model = {0};
    mx_linear_sums sums = {0};
    mx_design_rows rows = mx_design_rows_of(design);
    merx_status status;
    mx_task_stage(task, "linear regression", 3, "passes");
    if (design->d > MX_LINEAR_MOST_GRAM) {
        MX_TRY_GOTO(new_model(design->d, false, alloc, &model, err));
        MX_TRY_GOTO(mx_linear_fit_gradients(design, options, task, &model, err));
    } else {
        MX_TRY_GOTO(mx_linear_sum_sparse(design, "linear", options->no_intercept, task, &sums, err));
        MX_TRY_GOTO(mx_task_step(task, 1, err));
        MX_TRY_GOTO(finish(&sums, &rows, options, alloc, task, &model, err));
    }
    mx_task_done(task);
out:
    mx_linear_sums_release(&sums);
    if (status == MERX_OK)
        *out = model;
    else
        mx_linear_release(&model);
    return status;
}

merx_status mx_linear_fit_design(const mx_design *design, const mx_linear_options *options, const merx_allocator *alloc,
                                 merx_task *task, mx_linear *out, merx_error *err)
{
    if (design->x == NULL && design->csr.starts != NULL)
        return fit_sparse(design, options, alloc, task, out, err);
    mx_design_rows rows = mx_design_rows_of(design);
    return mx_linear_fit_rows(&rows, options, alloc, task, out, err);
}

merx_status mx_linear_fit(const double *x, const double *y, const double *weights, size_t n, size_t d,
                          const mx_linear_options *options, const merx_allocator *alloc, merx_task *task,
                          mx_linear *out, merx_error *err)
{
    mx_design design = {.x = x, .y = y, .weights = weights, .n = n, .d = d};
    return mx_linear_fit_design(&design, options, alloc, task, out, err);
}

uint64_t mx_linear_memory(size_t d, bool standard_errors)
{
    uint64_t e = (uint64_t)d + 1, square = 8 * e * e;
    /* The sums of rows, a wave of blocks of them, the system; then the decomposition or the covariance. */
    return square * (5 + (standard_errors ? 3 : 0)) + ((uint64_t)16 << 20) + mx_tall_qr_memory((size_t)e);
}

double mx_linear_predict_row(const mx_linear *model, const double *x)
{
    return model->intercept + mx_dot(model->coefficients, x, model->d);
}

double mx_linear_predict_sparse(const mx_linear *model, const mx_csr *csr, size_t row)
{
    double sum = 0;
    for (int64_t q = csr->starts[row]; q < csr->starts[row + 1]; q++)
        sum += model->coefficients[csr->indices[q]] * (csr->values != NULL ? (double)csr->values[q] : 1);
    return model->intercept + sum;
}

void mx_linear_explain(const mx_linear *m, const mx_design *rows, size_t row, double *contributions, double *base,
                       double *score)
{
    if (rows->x != NULL) {
        const double *x = rows->x + row * m->d;
        *base = m->intercept + mx_dot(m->coefficients, m->means, m->d);
        for (size_t j = 0; j < m->d; j++)
            contributions[j] = m->coefficients[j] * (x[j] - m->means[j]);
        *score = mx_linear_predict_row(m, x);
        return;
    }
    /* What is not in a sparse row is 0 and says nothing. */
    memset(contributions, 0, m->d * sizeof *contributions);
    for (int64_t q = rows->csr.starts[row]; q < rows->csr.starts[row + 1]; q++)
        contributions[rows->csr.indices[q]] =
            m->coefficients[rows->csr.indices[q]] * (rows->csr.values != NULL ? (double)rows->csr.values[q] : 1);
    *base = m->intercept;
    *score = mx_linear_predict_sparse(m, &rows->csr, row);
}

void mx_linear_release(mx_linear *model)
{
    if (!model->alloc)
        return;
    size_t d = model->d;
    mx_free_array(model->alloc, model->covariance, d * d, sizeof(double));
    mx_free_array(model->alloc, model->standard_errors, d + 1, sizeof(double));
    mx_free_array(model->alloc, model->means, d, sizeof(double));
    mx_free_array(model->alloc, model->coefficients, d, sizeof(double));
    memset(model, 0, sizeof *model);
}
