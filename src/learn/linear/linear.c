/*
 * Linear and ridge regression. Letters: n rows, d columns, w_i weights, W their sum.
 *
 * Columns are centred by their weighted means (with an intercept) and, for the solve alone, scaled by their root mean squares s_j, so that
 * conditioning does not depend on units. With Z = (X - m) / s, G = Z'WZ, g = Z'W(y - y_mean), L = diag(l2 p_j / s_j^2):
 *
 *     (G + L) c = g,     b_j = c_j / s_j,     b0 = y_mean - sum_j b_j m_j
 *
 * Cholesky when 1 / cond(G + L) >= 1e-10 (1-norm). Otherwise the directions that the data do not determine must not be
 * blown up: the eigenvalues of G + L (symmetric, so they are its singular values) below 1e-10 of the largest are taken as zero, which
 * gives the least-squares solution of minimum norm in c; `rank` counts those left. A constant column gets 0.
 *
 * Standard errors: Cov(b) = s2 (X'WX + l2)^-1 X'WX (X'WX + l2)^-1, s2 = sum_i w_i e_i^2 / (n - tr H), tr H = tr((G + L)^-1 G) + 1 with an
 * intercept: for l2 = 0 the textbook's n - rank - 1. Rows of weight zero do not count in n.
 *
 * Invariant: sums run over blocks of fixed size in block order.
 */
#include "learn/linear/linear.h"

#include <math.h>
#include <string.h>

#include "numeric/dense.h"
#include "numeric/matrix.h"

enum { MX_LINEAR_BLOCK = 1024 };
static const double MX_LINEAR_RCOND = 1e-10;

/* What the rows are seen through: borrowed by the blocks. */
typedef struct fit_work {
    const double *x, *y, *w;
    size_t n, d;
    double *partial; /* (blocks, width): per-block sums */
    size_t width;
    const double *means, *scales;
    double y_mean;
    double *z; /* (n, d + 1): scaled columns, then y - y_mean */
    const double *coefficients;
    double intercept;
} fit_work;

static size_t block_end(const fit_work *w, size_t block)
{
    size_t end = (block + 1) * MX_LINEAR_BLOCK;
    return end < w->n ? end : w->n;
}

static double weight_of(const fit_work *w, size_t i)
{
    return w->w ? w->w[i] : 1.0;
}

/* Per block: sum w, rows with w > 0, sum w y, sum w x_j; refuses what is not finite. */
static merx_status sums_block(void *context, size_t block, merx_error *err)
{
    fit_work *f = context;
    double *s = f->partial + block * f->width;
    for (size_t i = block * MX_LINEAR_BLOCK; i < block_end(f, block); i++) {
        const double *x = f->x + i * f->d;
        double w = weight_of(f, i);
        if (!(w >= 0) || !isfinite(w))
            MX_FAIL(err, MERX_E_INVALID, "linear", "the weight of row %zu is %g; expected a finite number of 0 or more",
                    i, w);
        if (!isfinite(f->y[i]))
            MX_FAIL(err, MERX_E_INVALID, "linear", "the target of row %zu is %g; expected a finite number", i, f->y[i]);
        for (size_t j = 0; j < f->d; j++)
            if (!isfinite(x[j]))
                MX_FAIL(err, MERX_E_INVALID, "linear", "row %zu, column %zu is %g; expected a finite number", i, j,
                        x[j]);
        s[0] += w;
        s[1] += w > 0;
        s[2] += w * f->y[i];
        for (size_t j = 0; j < f->d; j++)
            s[3 + j] += w * x[j];
    }
    return MERX_OK;
}

/* Per block: sum w (x_j - m_j)^2. */
static merx_status squares_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    fit_work *f = context;
    double *s = f->partial + block * f->width;
    memset(s, 0, f->width * sizeof *s);
    for (size_t i = block * MX_LINEAR_BLOCK; i < block_end(f, block); i++)
        for (size_t j = 0; j < f->d; j++) {
            double t = f->x[i * f->d + j] - f->means[j];
            s[j] += weight_of(f, i) * t * t;
        }
    return MERX_OK;
}

static merx_status scale_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    fit_work *f = context;
    for (size_t i = block * MX_LINEAR_BLOCK; i < block_end(f, block); i++) {
        double *z = f->z + i * (f->d + 1);
        for (size_t j = 0; j < f->d; j++)
            z[j] = (f->x[i * f->d + j] - f->means[j]) * f->scales[j];
        z[f->d] = f->y[i] - f->y_mean;
    }
    return MERX_OK;
}

/* Per block: sum w e^2, sum w (y - y_mean)^2. */
static merx_status residual_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    fit_work *f = context;
    double *s = f->partial + block * f->width;
    memset(s, 0, f->width * sizeof *s);
    for (size_t i = block * MX_LINEAR_BLOCK; i < block_end(f, block); i++) {
        double w = weight_of(f, i), t = f->y[i] - f->y_mean;
        double e = f->y[i] - f->intercept - mx_dot(f->coefficients, f->x + i * f->d, f->d);
        s[0] += w * e * e;
        s[1] += w * t * t;
    }
    return MERX_OK;
}

static double combine(const fit_work *f, size_t blocks, size_t slot)
{
    double sum = 0;
    for (size_t b = 0; b < blocks; b++)
        sum += f->partial[b * f->width + slot];
    return sum;
}

/* The largest sum of absolute values of a row: the 1-norm of a symmetric matrix. */
static double norm_of(const double *a, size_t d)
{
    double norm = 0;
    for (size_t j = 0; j < d; j++) {
        double sum = 0;
        for (size_t k = 0; k < d; k++)
            sum += fabs(a[j * d + k]);
        norm = sum > norm ? sum : norm;
    }
    return norm;
}

/* a (d, d) = G + L on entry; on exit its (pseudo-)inverse, both triangles. *rank written. copy (d, d) and values (d) are scratch. */
static merx_status invert(double *a, double *copy, double *values, size_t d, int *rank, merx_error *err)
{
    *rank = (int)d;
    if (d == 0)
        return MERX_OK;
    double norm = norm_of(a, d);
    memcpy(copy, a, d * d * sizeof *a);
    merx_error singular = {0};
    if (mx_invert_spd(a, d, &singular) == MERX_OK && 1 / (norm * norm_of(a, d)) >= MX_LINEAR_RCOND)
        return MERX_OK;
    MX_TRY(mx_eigen_symmetric(copy, d, values, err));
    memset(a, 0, d * d * sizeof *a);
    *rank = 0;
    for (size_t v = 0; v < d; v++) {
        if (!(values[v] > MX_LINEAR_RCOND * values[d - 1]) || !(values[v] > 0))
            continue;
        ++*rank;
        const double *q = copy + v * d;
        for (size_t j = 0; j < d; j++)
            for (size_t k = 0; k < d; k++)
                a[j * d + k] += q[j] * q[k] / values[v];
    }
    return MERX_OK;
}

/* out = a b, all (d, d). */
static void multiply(const double *a, const double *b, double *out, size_t d)
{
    memset(out, 0, d * d * sizeof *out);
    for (size_t j = 0; j < d; j++)
        for (size_t k = 0; k < d; k++)
            for (size_t l = 0; l < d; l++)
                out[j * d + l] += a[j * d + k] * b[k * d + l];
}

/*
 * Cov(b) and standard errors. inverse: (G + L)^+; gram: G; tmp (d, d) scratch; row count n_rows.
 * The intercept's: y_mean - b m, so Var = s2 / W + m' Cov(b) m (centring makes the two parts independent).
 */
static void errors_of(mx_linear *model, const double *inverse, const double *gram, double *tmp, const double *scales,
                      double total_weight, bool intercept)
{
    size_t d = model->d;
    multiply(inverse, gram, tmp, d);
    multiply(tmp, inverse, model->covariance, d);
    for (size_t j = 0; j < d; j++)
        for (size_t k = 0; k < d; k++)
            model->covariance[j * d + k] *= model->residual_variance * scales[j] * scales[k];
    double of_intercept = model->residual_variance / total_weight;
    for (size_t j = 0; j < d; j++) {
        /* Without full rank the split between columns is a convention, not knowledge. */
        model->standard_errors[j] = (size_t)model->rank == d ? sqrt(model->covariance[j * d + j]) : NAN;
        for (size_t k = 0; k < d; k++)
            of_intercept += model->means[j] * model->covariance[j * d + k] * model->means[k];
    }
    model->standard_errors[d] = intercept && (size_t)model->rank == d ? sqrt(of_intercept) : NAN;
}

static merx_status check_options(const mx_linear_options *o, size_t n, size_t d, merx_error *err)
{
    if (!(o->l2 >= 0) || !isfinite(o->l2))
        MX_FAIL(err, MERX_E_RANGE, "linear", "l2 is %g; expected a number of 0 or more", o->l2);
    for (size_t j = 0; o->l2_per_column && j < d; j++)
        if (!(o->l2_per_column[j] >= 0) || !isfinite(o->l2_per_column[j]))
            MX_FAIL(err, MERX_E_RANGE, "linear", "l2_per_column %zu is %g; expected a number of 0 or more", j,
                    o->l2_per_column[j]);
    if (n == 0)
        MX_FAIL(err, MERX_E_INVALID, "linear", "there are no rows to learn from");
    return MERX_OK;
}

merx_status mx_linear_fit(const double *x, const double *y, const double *weights, size_t n, size_t d,
                          const mx_linear_options *options, const merx_allocator *alloc, merx_task *task,
                          mx_linear *out, merx_error *err)
{
    memset(out, 0, sizeof *out);
    MX_TRY(check_options(options, n, d, err));
    merx_status status = MERX_OK;
    const merx_allocator *work = merx_task_allocator(task);
    size_t blocks = (n + MX_LINEAR_BLOCK - 1) / MX_LINEAR_BLOCK, width = d + 3, e = d + 1;
    fit_work f = {.x = x, .y = y, .w = weights, .n = n, .d = d, .width = width};
    mx_linear model = {.d = d, .alloc = mx_allocator_or_default(alloc)};
    double *scales = NULL, *gram = NULL, *penalised = NULL, *copy = NULL, *tmp = NULL;
    size_t z_cells = 0, partial_cells = 0;
    if (!mx_mul_size(n, e, &z_cells) || !mx_mul_size(blocks, width, &partial_cells))
        MX_FAIL_GOTO(err, MERX_E_LIMIT, "linear", "%zu rows x %zu columns are more than this machine can address", n,
                     d);
    MX_TRY_GOTO(mx_alloc_array(model.alloc, d, sizeof(double), "coefficients", &model.coefficients, err));
    MX_TRY_GOTO(mx_alloc_array(model.alloc, d, sizeof(double), "column means", &model.means, err));
    MX_TRY_GOTO(mx_alloc_array(model.alloc, e, sizeof(double), "standard errors", &model.standard_errors, err));
    if (options->standard_errors)
        MX_TRY_GOTO(mx_alloc_array(model.alloc, d * d, sizeof(double), "covariance", &model.covariance, err));
    MX_TRY_GOTO(mx_alloc_array(work, partial_cells, sizeof(double), "block sums", &f.partial, err));
    MX_TRY_GOTO(mx_alloc_array_raw(work, z_cells, sizeof(double), "centred columns", &f.z, err));
    MX_TRY_GOTO(mx_alloc_array(work, d, sizeof(double), "column scales", &scales, err));
    MX_TRY_GOTO(mx_alloc_array(work, e * e, sizeof(double), "gram matrix", &gram, err));
    MX_TRY_GOTO(mx_alloc_array(work, d * d, sizeof(double), "normal equations", &penalised, err));
    MX_TRY_GOTO(mx_alloc_array(work, d * d, sizeof(double), "normal equations", &copy, err));
    MX_TRY_GOTO(mx_alloc_array(work, d * d + d, sizeof(double), "normal equations", &tmp, err));
    mx_task_stage(task, "linear regression", 3, "passes");

    MX_TRY_GOTO(mx_parallel(task, blocks, sums_block, &f, err));
    double total = combine(&f, blocks, 0), rows = combine(&f, blocks, 1);
    if (!(total > 0) || !isfinite(total))
        MX_FAIL_GOTO(err, MERX_E_INVALID, "linear", "the weights sum to %g; expected a finite number above 0", total);
    if (!options->no_intercept) {
        model.y_mean = combine(&f, blocks, 2) / total;
        for (size_t j = 0; j < d; j++)
            model.means[j] = combine(&f, blocks, 3 + j) / total;
    }
    f.means = model.means;
    f.y_mean = model.y_mean;
    MX_TRY_GOTO(mx_parallel(task, blocks, squares_block, &f, err));
    for (size_t j = 0; j < d; j++) {
        /* scales[j] = 1 / s_j; a column that is constant up to rounding becomes 0 */
        double s = sqrt(combine(&f, blocks, j) / total);
        if (!isfinite(s))
            MX_FAIL_GOTO(err, MERX_E_NUMERIC, "linear", "the squares of column %zu overflow; rescale it", j);
        scales[j] = s > 1e-13 * fabs(model.means[j]) ? 1 / s : 0;
    }
    f.scales = scales;
    MX_TRY_GOTO(mx_parallel(task, blocks, scale_block, &f, err));
    MX_TRY_GOTO(mx_task_step(task, 1, err));
    MX_TRY_GOTO(mx_gram(f.z, weights, n, e, gram, task, err));
    MX_TRY_GOTO(mx_task_step(task, 2, err));

    for (size_t j = 0; j < d; j++)
        for (size_t k = 0; k < d; k++)
            penalised[j * d + k] = gram[j * e + k];
    for (size_t j = 0; j < d; j++)
        penalised[j * d + j] +=
            options->l2 * (options->l2_per_column ? options->l2_per_column[j] : 1.0) * scales[j] * scales[j];
    MX_TRY_GOTO(invert(penalised, copy, tmp + d * d, d, &model.rank, err));
    double degrees = 0; /* tr((G + L)^-1 G) */
    for (size_t j = 0; j < d; j++) {
        double c = 0;
        for (size_t k = 0; k < d; k++) {
            c += penalised[j * d + k] * gram[k * e + d];
            degrees += penalised[j * d + k] * gram[k * e + j];
        }
        model.coefficients[j] = c * scales[j];
    }
    model.intercept = options->no_intercept ? 0 : model.y_mean - mx_dot(model.coefficients, model.means, d);
    if (!isfinite(model.intercept) || !isfinite(mx_dot(model.coefficients, model.coefficients, d)))
        MX_FAIL_GOTO(err, MERX_E_NUMERIC, "linear", "the solution is not finite; rescale the columns or the target");

    f.coefficients = model.coefficients;
    f.intercept = model.intercept;
    MX_TRY_GOTO(mx_parallel(task, blocks, residual_block, &f, err));
    double residual = combine(&f, blocks, 0), spread = combine(&f, blocks, 1);
    double free_rows = rows - degrees - (options->no_intercept ? 0 : 1);
    model.residual_variance = free_rows > 1e-9 ? residual / free_rows : NAN;
    model.r2 = spread > 0 ? 1 - residual / spread : NAN;
    model.adjusted_r2 =
        free_rows > 1e-9 ? 1 - (1 - model.r2) * (rows - (options->no_intercept ? 0 : 1)) / free_rows : NAN;
    for (size_t j = 0; j < e; j++)
        model.standard_errors[j] = NAN;
    if (options->standard_errors) {
        for (size_t j = 0; j < d; j++)
            for (size_t k = 0; k < d; k++)
                copy[j * d + k] = gram[j * e + k];
        errors_of(&model, penalised, copy, tmp, scales, total, !options->no_intercept);
    }
    mx_task_done(task);
out:
    mx_free_array(work, tmp, d * d + d, sizeof(double));
    mx_free_array(work, copy, d * d, sizeof(double));
    mx_free_array(work, penalised, d * d, sizeof(double));
    mx_free_array(work, gram, e * e, sizeof(double));
    mx_free_array(work, scales, d, sizeof(double));
    mx_free_array(work, f.z, z_cells, sizeof(double));
    mx_free_array(work, f.partial, partial_cells, sizeof(double));
    if (status == MERX_OK)
        *out = model;
    else
        mx_linear_release(&model);
    return status;
}

double mx_linear_predict_row(const mx_linear *model, const double *x)
{
    return model->intercept + mx_dot(model->coefficients, x, model->d);
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
