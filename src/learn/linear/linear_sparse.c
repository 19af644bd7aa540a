/*
 * Linear regression on sparse rows: the Gram matrix from the columns' entries, and conjugate gradients where it would be too large.
 *
 * Both work on the transposed copy: column j's sums, and entry j of A'r, are each summed by one thread in the order of the rows, so the bits do not depend on the
 * threads. Zeros are never touched: centring is done on the sums, G_jk - W m_j m_k, and inside the products, (X - 1 m') u = X u - 1 (m'u). Where a column's
 * mean is so large beside its spread that this loses more than six digits, the sums say so (`rough`) and the system is solved by QR of the rows.
 *
 * Conjugate gradients (CGLS; Björck 1996, section 7.4) minimise |A c - b|^2 + sum_j l_j c_j^2, A = root(W) (X - 1 m') S, b = root(W) (y - y_mean):
 * S = 1 without a penalty, where starting from zero then leads to the solution of minimum norm; with one it makes the columns of [A; root(L)] of equal length.
 */
#include "learn/linear/linear_sparse.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "numeric/matrix.h"

enum { COLUMNS_AT_ONCE = 16, ROWS_AT_ONCE = 4096, PATIENCE = 40 };
static const double LEAST_SLOPE = 1e-13;

static double value_of(const mx_csr *a, int64_t q)
{
    return a->values != NULL ? (double)a->values[q] : 1;
}

merx_status mx_linear_check_sparse(const mx_design *design, const char *where, merx_error *err)
{
    double total = 0;
    for (size_t i = 0; i < design->n; i++) {
        double w = design->weights != NULL ? design->weights[i] : 1;
        if (!(w >= 0) || !isfinite(w))
            MX_FAIL(err, MERX_E_INVALID, where, "the weight of row %zu is %g; expected a finite number of 0 or more", i,
                    w);
        if (!isfinite(design->y[i]))
            MX_FAIL(err, MERX_E_INVALID, where, "the target of row %zu is %g; expected a finite number", i,
                    design->y[i]);
        total += w;
        for (int64_t q = design->csr.starts[i]; q < design->csr.starts[i + 1]; q++)
            if (!isfinite(value_of(&design->csr, q)))
                MX_FAIL(err, MERX_E_INVALID, where, "row %zu, column %d is %g; expected a finite number", i,
                        (int)design->csr.indices[q], value_of(&design->csr, q));
    }
    if (!(total > 0) || !isfinite(total))
        MX_FAIL(err, MERX_E_INVALID, where, "the weights sum to %g; expected a finite number above 0", total);
    return MERX_OK;
}

/* What both ways begin with: the transpose, the target's mean, weights and deviations beside it. */
typedef struct sparse_work {
    const mx_design *design;
    mx_csr_own transposed;
    double *deviation; /* (n) y - y_mean, or y */
    mx_linear_sums *sums;
    /* conjugate gradients */
    double *root;     /* (n) of the weights; NULL: ones */
    double *scale;    /* (d) S */
    double *in, *out; /* of the product that is running */
    double shift;
    const merx_allocator *alloc;
} sparse_work;

static void release(sparse_work *w)
{
    mx_free_array(w->alloc, w->deviation, w->design->n, sizeof(double));
    mx_csr_release(&w->transposed);
}

static merx_status begin(sparse_work *w, const char *where, bool raw, double *y_mean, double *total, double *rows,
                         double *log_weights, merx_error *err)
{
    const mx_design *design = w->design;
    double product = 1, y_sum = 0;
    *total = *rows = *log_weights = 0;
    MX_TRY(mx_linear_check_sparse(design, where, err));
    for (size_t i = 0; i < design->n; i++) {
        double weight = design->weights != NULL ? design->weights[i] : 1;
        *total += weight;
        *rows += weight > 0;
        y_sum += weight * design->y[i];
    }
    mx_linear_log_weights(design->weights, design->n, &product, log_weights);
    *log_weights += log(product);
    *y_mean = raw ? 0 : y_sum / *total;
    MX_TRY(mx_csr_transpose(&design->csr, w->alloc, &w->transposed, err));
    MX_TRY(mx_alloc_array_raw(w->alloc, design->n, sizeof(double), "deviations", &w->deviation, err));
    for (size_t i = 0; i < design->n; i++)
        w->deviation[i] = design->y[i] - *y_mean;
    return MERX_OK;
}

/* ---- the Gram matrix ---- */

/* Rows j of the upper triangle, X'Wy and the means, for a few columns j. */
static merx_status sum_columns(void *context, size_t block, merx_error *err)
{
    (void)err;
    sparse_work *w = context;
    const mx_csr *a = &w->design->csr, *t = &w->transposed.view;
    size_t d = w->design->d, e = d + 1, end = (block + 1) * COLUMNS_AT_ONCE < d ? (block + 1) * COLUMNS_AT_ONCE : d;
    for (size_t j = block * COLUMNS_AT_ONCE; j < end; j++) {
        double *row = w->sums->gram + j * e, mean = 0, moment = 0;
        for (int64_t p = t->starts[j]; p < t->starts[j + 1]; p++) {
            size_t i = (size_t)t->indices[p];
            double v = value_of(t, p) * (w->design->weights != NULL ? w->design->weights[i] : 1);
            mean += v;
            moment += v * w->deviation[i];
            for (int64_t q = a->starts[i + 1]; q-- > a->starts[i] && (size_t)a->indices[q] >= j;)
                row[a->indices[q]] += v * value_of(a, q);
        }
        w->sums->means[j] = mean / w->sums->weight;
        row[d] = moment;
    }
    return MERX_OK;
}

merx_status mx_linear_sum_sparse(const mx_design *design, const char *where, bool raw, merx_task *task,
                                 mx_linear_sums *sums, merx_error *err)
{
    const merx_allocator *alloc = merx_task_allocator(task);
    sparse_work w = {.design = design, .sums = sums, .alloc = alloc};
    size_t d = design->d, e = d + 1;
    merx_status status;
    *sums = (mx_linear_sums){0};
    MX_TRY_GOTO(mx_linear_sums_new(d, raw, alloc, sums, err));
    MX_TRY_GOTO(begin(&w, where, raw, &sums->means[d], &sums->weight, &sums->rows, &sums->log_weights, err));
    MX_TRY_GOTO(mx_parallel(task, (d + COLUMNS_AT_ONCE - 1) / COLUMNS_AT_ONCE, sum_columns, &w, err));
    for (size_t i = 0; i < design->n; i++)
        sums->gram[e * e - 1] += (design->weights != NULL ? design->weights[i] : 1) * w.deviation[i] * w.deviation[i];
    for (size_t j = 0; j < d; j++)
        for (size_t k = j; k < d; k++) {
            double cell = sums->gram[j * e + k];
            if (!raw)
                cell -= sums->weight * sums->means[j] * sums->means[k];
            if (j == k) {
                double square = sums->gram[j * e + j];
                bool constant = cell < 1e-14 * square;
                sums->rough |= !constant && cell < 1e-6 * square;
                cell = constant ? 0 : cell;
            }
            sums->gram[j * e + k] = sums->gram[k * e + j] = cell;
        }
    for (size_t j = 0; j < d; j++)
        sums->gram[d * e + j] = sums->gram[j * e + d];
    MX_TRY_GOTO(mx_linear_sums_scale(sums, where, design->names, err));
out:
    release(&w);
    return status;
}

/* ---- conjugate gradients ---- */

/* out_i = root(w_i) (x_i in - shift) */
static merx_status multiply_rows(void *context, size_t block, merx_error *err)
{
    (void)err;
    sparse_work *w = context;
    const mx_csr *a = &w->design->csr;
    size_t n = w->design->n, end = (block + 1) * ROWS_AT_ONCE < n ? (block + 1) * ROWS_AT_ONCE : n;
    for (size_t i = block * ROWS_AT_ONCE; i < end; i++) {
        double sum = 0;
        for (int64_t q = a->starts[i]; q < a->starts[i + 1]; q++)
            sum += value_of(a, q) * w->in[a->indices[q]];
        w->out[i] = (w->root != NULL ? w->root[i] : 1) * (sum - w->shift);
    }
    return MERX_OK;
}

/* out_j = S_j (x_j' in - m_j shift), in being weighted already */
static merx_status multiply_columns(void *context, size_t block, merx_error *err)
{
    (void)err;
    sparse_work *w = context;
    const mx_csr *t = &w->transposed.view;
    size_t d = w->design->d, end = (block + 1) * COLUMNS_AT_ONCE < d ? (block + 1) * COLUMNS_AT_ONCE : d;
    for (size_t j = block * COLUMNS_AT_ONCE; j < end; j++) {
        double sum = 0;
        for (int64_t p = t->starts[j]; p < t->starts[j + 1]; p++)
            sum += value_of(t, p) * w->in[t->indices[p]];
        w->out[j] = w->scale[j] * (sum - w->sums->means[j] * w->shift);
    }
    return MERX_OK;
}

/* q (n) = A p (d); u (d) scratch */
static merx_status product(sparse_work *w, const double *p, double *q, double *u, merx_task *task, merx_error *err)
{
    size_t d = w->design->d;
    for (size_t j = 0; j < d; j++)
        u[j] = w->scale[j] * p[j];
    w->shift = mx_dot(w->sums->means, u, d);
    w->in = u;
    w->out = q;
    return mx_parallel(task, (w->design->n + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE, multiply_rows, w, err);
}

/* s (d) = A' r (n); u (n) scratch */
static merx_status slope(sparse_work *w, const double *r, double *s, double *u, merx_task *task, merx_error *err)
{
    size_t n = w->design->n;
    assert(r != NULL || n == 0);
    w->shift = 0;
    for (size_t i = 0; i < n; i++)
        u[i] = w->root != NULL ? w->root[i] * r[i] : r[i];
    for (size_t i = 0; !w->sums->raw && i < n; i++)
        w->shift += u[i];
    w->in = u;
    w->out = s;
    return mx_parallel(task, (w->design->d + COLUMNS_AT_ONCE - 1) / COLUMNS_AT_ONCE, multiply_columns, w, err);
}

/* Means of the columns, S, and the penalties in it (penalty (d)). */
static void weigh_columns(sparse_work *w, const mx_linear_options *o, double *penalty)
{
    const mx_csr *t = &w->transposed.view;
    const double *weights = w->design->weights;
    for (size_t j = 0; j < w->design->d; j++) {
        double mean = 0, square = 0, l2 = o->l2 * (o->l2_per_column != NULL ? o->l2_per_column[j] : 1);
        for (int64_t p = t->starts[j]; p < t->starts[j + 1]; p++) {
            double v = value_of(t, p), one = weights != NULL ? weights[t->indices[p]] : 1;
            mean += one * v;
            square += one * v * v;
        }
        mean /= w->sums->weight;
        w->sums->means[j] = w->sums->raw ? 0 : mean;
        double spread = w->sums->raw ? square : square - w->sums->weight * mean * mean;
        bool constant = !(spread > 1e-14 * square);
        w->scale[j] = constant ? 0 : o->l2 > 0 ? 1 / sqrt(spread + l2) : 1;
        penalty[j] = l2 * w->scale[j] * w->scale[j];
    }
}

merx_status mx_linear_fit_gradients(const mx_design *design, const mx_linear_options *o, merx_task *task,
                                    mx_linear *model, merx_error *err)
{
    const merx_allocator *alloc = merx_task_allocator(task);
    mx_linear_sums sums = {.d = design->d, .e = design->d + 1, .raw = o->no_intercept};
    sparse_work w = {.design = design, .sums = &sums, .alloc = alloc};
    size_t n = design->n, d = design->d;
    double *room = NULL, *tall = NULL, y_mean = 0, total_sum = 0;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array(alloc, d, 6 * sizeof(double), "conjugate gradients", &room, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, n, 4 * sizeof(double), "conjugate gradients", &tall, err));
    MX_TRY_GOTO(begin(&w, "linear", sums.raw, &y_mean, &sums.weight, &sums.rows, &sums.log_weights, err));
    double *c = room, *s = c + d, *p = s + d, *u = p + d, *penalty = u + d;
    double *r = tall, *q = r + n, *v = q + n, *means = model->means;
    w.scale = penalty + d;
    sums.means = means; /* all but the target's */
    weigh_columns(&w, o, penalty);
    if (design->weights != NULL) {
        w.root = v + n;
        for (size_t i = 0; i < n; i++)
            w.root[i] = sqrt(design->weights[i]);
    }
    size_t active = 0;
    for (size_t j = 0; j < d; j++)
        active += w.scale[j] > 0;
    for (size_t i = 0; i < n; i++)
        r[i] = w.deviation[i] * (w.root != NULL ? w.root[i] : 1);
    total_sum = mx_dot(r, r, n);
    MX_TRY_GOTO(slope(&w, r, s, v, task, err));
    memcpy(p, s, d * sizeof *p);
    double gamma = mx_dot(s, s, d), start = gamma, best = gamma;
    size_t most = 10 * d + 100, rounds = 0, since = 0;
    if (!isfinite(gamma))
        MX_FAIL_GOTO(err, MERX_E_NUMERIC, "linear", "the squares of the columns or the target overflow; rescale them");
    while (gamma > LEAST_SLOPE * LEAST_SLOPE * start && rounds < most && since < PATIENCE) {
        MX_TRY_GOTO(mx_task_step(task, 1, err));
        MX_TRY_GOTO(product(&w, p, q, u, task, err));
        double curvature = mx_dot(q, q, n);
        for (size_t j = 0; j < d; j++)
            curvature += penalty[j] * p[j] * p[j];
        if (!(curvature > 0))
            break;
        double step = gamma / curvature;
        for (size_t j = 0; j < d; j++)
            c[j] += step * p[j];
        for (size_t i = 0; i < n; i++)
            r[i] -= step * q[i];
        MX_TRY_GOTO(slope(&w, r, s, v, task, err));
        for (size_t j = 0; j < d; j++)
            s[j] -= penalty[j] * c[j];
        double now = mx_dot(s, s, d), ratio = now / gamma;
        for (size_t j = 0; j < d; j++)
            p[j] = s[j] + ratio * p[j];
        gamma = now;
        rounds++;
        since = gamma < best ? 0 : since + 1;
        best = gamma < best ? gamma : best;
    }
    for (size_t j = 0; j < d; j++)
        model->coefficients[j] = w.scale[j] * c[j];
    model->y_mean = y_mean;
    model->intercept = sums.raw ? 0 : y_mean - mx_dot(model->coefficients, means, d);
    if (!isfinite(model->intercept) || !isfinite(mx_dot(model->coefficients, model->coefficients, d)))
        MX_FAIL_GOTO(err, MERX_E_NUMERIC, "linear", "the solution is not finite; rescale the columns or the target");
    double most_rank = sums.rows - (sums.raw ? 0 : 1);
    model->rank = (int)((double)active < most_rank ? (double)active : most_rank);
    model->method = MX_LINEAR_GRADIENTS;
    model->quality = (mx_linear_quality){.residual_sum = mx_dot(r, r, n),
                                         .condition = NAN,
                                         .iterations = (double)rounds,
                                         .digits = start > 0 ? -0.5 * log10(fmax(best / start, 1e-32)) : INFINITY};
    double corner[1] = {total_sum};
    mx_linear_sums few = {.d = 0,
                          .e = 1,
                          .raw = sums.raw,
                          .gram = corner,
                          .means = &y_mean,
                          .rows = sums.rows,
                          .weight = sums.weight,
                          .log_weights = sums.log_weights};
    mx_linear_judge(model, &few, o->l2 > 0 ? NAN : model->rank, !(o->l2 > 0));
out:
    release(&w);
    mx_free_array(alloc, tall, n, 4 * sizeof(double));
    mx_free_array(alloc, room, d, 6 * sizeof(double));
    return status;
}
