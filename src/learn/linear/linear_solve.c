/*
 * From sums to coefficients.
 *
 *     (G + L) c = g,     b_j = c_j scale_j
 *
 * The rounding of G and of its Cholesky factor moves c by about u cond(G + L), u = 2^-53 (Higham 2002, section 20.4): up to a condition of 1e6 nine digits are left. Beyond
 * it R of the QR decomposition of the rows [z, y - y_mean] root(w), with the rows root(L) under it, gives c by back substitution with an error of
 * about u cond(R) = u root(cond(G + L)); what large residuals add to it is taken out by steps of refinement from slopes in long double.
 *
 * Not of full rank: R = P S Q'. With the singular values that count, c_p = sum q_i (p_i' r) / s_i; what is left, c = c_p + V t for V the q's that do
 * not count, is chosen so that |b| = |D (c_p + V t)|, D = diag(scale), is least: t solves the least squares (D V) t = -D c_p.
 */
#include "learn/linear/linear_solve.h"

#include <math.h>
#include <string.h>

#include "numeric/dense.h"
#include "numeric/matrix.h"
#include "numeric/tall_qr.h"

static const double MOST_CONDITION = 1e6, LEAST_SINGULAR = 1e-13;

merx_status mx_linear_system_new(const mx_linear_sums *sums, double l2, const double *l2_per_column,
                                 const merx_allocator *alloc, mx_linear_system *s, merx_error *err)
{
    *s = (mx_linear_system){.alloc = alloc, .residual_sum = NAN, .condition = 1};
    for (size_t j = 0; j < sums->d; j++)
        s->m += sums->scales[j] > 0;
    size_t m = s->m, e = sums->e, k = 0;
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, m, &s->active, "columns that vary", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, m, &s->scales, "column scales", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, m, &s->penalty, "penalties", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, m, &s->moments, "normal equations", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, m, &s->solution, "normal equations", err));
    MX_TRY_GOTO(mx_alloc_array(alloc, m * m, sizeof(double), "normal equations", &s->gram, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, m * m, sizeof(double), "normal equations", &s->inverse, err));
    for (size_t j = 0; j < sums->d; j++) {
        if (!(sums->scales[j] > 0))
            continue;
        s->active[k] = j;
        s->scales[k] = sums->scales[j];
        s->penalty[k] = l2 * (l2_per_column != NULL ? l2_per_column[j] : 1.0) * sums->scales[j] * sums->scales[j];
        s->penalised |= s->penalty[k] > 0;
        k++;
    }
    for (size_t j = 0; j < m; j++) {
        const double *row = sums->gram + s->active[j] * e;
        for (k = 0; k < m; k++)
            s->gram[j * m + k] = row[s->active[k]] * s->scales[j] * s->scales[k];
        s->moments[j] = row[sums->d] * s->scales[j];
    }
    return MERX_OK;
out:
    mx_linear_system_release(s);
    return status;
}

void mx_linear_system_release(mx_linear_system *s)
{
    if (s->alloc == NULL)
        return;
    size_t m = s->m;
    mx_free_array(s->alloc, s->inverse, m * m, sizeof(double));
    mx_free_array(s->alloc, s->gram, m * m, sizeof(double));
    MX_FREE_ARRAY(s->alloc, s->solution, m);
    MX_FREE_ARRAY(s->alloc, s->moments, m);
    MX_FREE_ARRAY(s->alloc, s->penalty, m);
    MX_FREE_ARRAY(s->alloc, s->scales, m);
    MX_FREE_ARRAY(s->alloc, s->active, m);
    *s = (mx_linear_system){0};
}

/* The largest sum of absolute values of a row: the 1-norm of a symmetric matrix. */
static double norm_of(const double *a, size_t m)
{
    double norm = 0;
    for (size_t j = 0; j < m; j++) {
        double sum = 0;
        for (size_t k = 0; k < m; k++)
            sum += fabs(a[j * m + k]);
        norm = sum > norm ? sum : norm;
    }
    return norm;
}

void mx_linear_solve_gram(mx_linear_system *s, bool *solved)
{
    size_t m = s->m;
    s->method = MX_LINEAR_CHOLESKY;
    s->rank = m;
    *solved = m == 0;
    if (m == 0)
        return;
    memcpy(s->inverse, s->gram, m * m * sizeof *s->gram);
    for (size_t j = 0; j < m; j++)
        s->inverse[j * m + j] += s->penalty[j];
    double norm = norm_of(s->inverse, m);
    merx_error singular = {0};
    if (mx_invert_spd(s->inverse, m, &singular) != MERX_OK)
        return;
    double condition = norm * norm_of(s->inverse, m);
    if (!(condition <= MOST_CONDITION))
        return;
    s->condition = sqrt(condition);
    for (size_t j = 0; j < m; j++)
        s->solution[j] = mx_dot(s->inverse + j * m, s->moments, m);
    *solved = true;
}

/* ---- QR of the rows ---- */

/* A sparse row as d numbers. */
static void expand(const mx_design *block, size_t i, double *wide)
{
    memset(wide, 0, block->d * sizeof *wide);
    for (int64_t q = block->csr.starts[i]; q < block->csr.starts[i + 1]; q++)
        wide[block->csr.indices[q]] = block->csr.values != NULL ? (double)block->csr.values[q] : 1;
}

/* Rows root(w) [z, y - y_mean] into the decomposition. */
static merx_status feed(mx_tall_qr *qr, mx_linear_system *s, mx_design_rows *rows, const mx_linear_sums *sums,
                        merx_task *task, merx_error *err)
{
    size_t m = s->m, columns = sums->d;
    const merx_allocator *alloc = merx_task_allocator(task);
    double *wide = NULL;
    merx_status status;
    uint64_t done = 0;
    MX_TRY_GOTO(mx_design_rows_rewind(rows, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, columns, &wide, "a row", err));
    for (;;) {
        mx_design block = {0};
        MX_TRY_GOTO(mx_design_rows_next(rows, &block, err));
        if (block.n == 0)
            break;
        for (size_t i = 0; i < block.n; i++, done++) {
            if (done % 65536 == 0)
                MX_TRY_GOTO(mx_task_step(task, 1, err));
            double root = block.weights != NULL ? sqrt(block.weights[i]) : 1, *row;
            if (root == 0)
                continue;
            const double *x = block.x != NULL ? block.x + i * columns : wide;
            if (block.x == NULL)
                expand(&block, i, wide);
            MX_TRY_GOTO(mx_tall_qr_next(qr, &row, err));
            for (size_t k = 0; k < m; k++) {
                size_t j = s->active[k];
                row[k] = root * s->scales[k] * (x[j] - (sums->raw ? 0 : sums->means[j]));
            }
            row[m] = root * (block.y[i] - (sums->raw ? 0 : sums->means[columns]));
        }
    }
out:
    MX_FREE_ARRAY(alloc, wide, columns);
    return status;
}

/* inverse = S S' of S = R^-1, R (m, m) upper with leading size e. */
static void invert_upper(const double *r, size_t e, double *inverse, double *s, size_t m)
{
    memset(s, 0, m * m * sizeof *s);
    for (size_t i = m; i-- > 0;) {
        s[i * m + i] = 1 / r[i * e + i];
        for (size_t k = i + 1; k < m; k++)
            for (size_t j = k; j < m; j++)
                s[i * m + j] -= r[i * e + k] * s[k * m + j];
        for (size_t j = i + 1; j < m; j++)
            s[i * m + j] /= r[i * e + i];
    }
    for (size_t i = 0; i < m; i++)
        for (size_t j = i; j < m; j++)
            inverse[i * m + j] = inverse[j * m + i] = mx_dot(s + i * m + j, s + j * m + j, m - j);
}

/* The solution of minimum norm, given the decomposition: left, right (m, m), values (m). */
static merx_status least_norm(mx_linear_system *s, const double *left, const double *right, const double *values,
                              const double *target, merx_error *err)
{
    size_t m = s->m, rank = s->rank, free_directions = m - rank;
    memset(s->solution, 0, m * sizeof *s->solution);
    memset(s->inverse, 0, m * m * sizeof *s->inverse);
    for (size_t i = 0; i < rank; i++) {
        double part = mx_dot(left + i * m, target, m) / values[i];
        const double *q = right + i * m;
        for (size_t j = 0; j < m; j++) {
            s->solution[j] += part * q[j];
            for (size_t k = 0; k < m; k++)
                s->inverse[j * m + k] += q[j] * q[k] / (values[i] * values[i]);
        }
    }
    if (free_directions == 0)
        return MERX_OK;
    merx_status status;
    double *n = NULL, *b = NULL, *found = NULL;
    int ignored;
    MX_TRY_GOTO(mx_alloc_array(s->alloc, m * free_directions, sizeof(double), "free directions", &n, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(s->alloc, m, &b, "free directions", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(s->alloc, m, &found, "free directions", err));
    for (size_t j = 0; j < m; j++) {
        b[j] = -s->scales[j] * s->solution[j];
        for (size_t t = 0; t < free_directions; t++)
            n[j * free_directions + t] = s->scales[j] * right[(rank + t) * m + j];
    }
    MX_TRY_GOTO(mx_least_squares(n, m, free_directions, b, 1e-15, &ignored, found, err));
    for (size_t t = 0; t < free_directions; t++)
        for (size_t j = 0; j < m; j++)
            s->solution[j] += b[t] * right[(rank + t) * m + j];
out:
    MX_FREE_ARRAY(s->alloc, found, m);
    MX_FREE_ARRAY(s->alloc, b, m);
    mx_free_array(s->alloc, n, m * free_directions, sizeof(double));
    return status;
}

/* r (e, e): of the rows alone, then with the penalty under it. */
static merx_status solve_triangle(mx_linear_system *s, double *r, double noise, merx_task *task, merx_error *err)
{
    size_t m = s->m, e = m + 1;
    mx_tall_qr *qr = NULL;
    double *left = NULL, *right = NULL, *values = NULL, *target = NULL;
    const merx_allocator *alloc = s->alloc;
    merx_status status;
    (void)task;
    MX_TRY_GOTO(mx_alloc_array(alloc, m * m, sizeof(double), "singular vectors", &left, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, m * m, sizeof(double), "singular vectors", &right, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, m, &values, "singular values", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, m, &target, "singular values", err));
    /* G anew, from R: the sums' has lost what the condition squared takes. */
    for (size_t j = 0; j < m; j++)
        for (size_t k = j; k < m; k++) {
            double sum = 0;
            for (size_t i = 0; i <= j; i++)
                sum += r[i * e + j] * r[i * e + k];
            s->gram[j * m + k] = s->gram[k * m + j] = sum;
        }
    if (!s->penalised)
        s->residual_sum = r[m * e + m] * r[m * e + m];
    if (s->penalised) {
        MX_TRY_GOTO(mx_tall_qr_new(e, alloc, &qr, err));
        double *row;
        for (size_t i = 0; i < e + m; i++) {
            if (i >= e && s->penalty[i - e] == 0)
                continue;
            MX_TRY_GOTO(mx_tall_qr_next(qr, &row, err));
            if (i < e)
                memcpy(row, r + i * e, e * sizeof *row);
            else
                memset(row, 0, e * sizeof *row), row[i - e] = sqrt(s->penalty[i - e]);
        }
        MX_TRY_GOTO(mx_tall_qr_finish(qr, r, err));
    }
    for (size_t i = 0; i < m; i++) {
        memcpy(left + i * m, r + i * e, m * sizeof *left);
        target[i] = r[i * e + m];
    }
    MX_TRY_GOTO(mx_svd_square(left, m, values, right, alloc, err));
    double least = fmax(LEAST_SINGULAR, 4 * noise) * values[0];
    s->rank = 0;
    while (s->rank < m && values[s->rank] > least)
        s->rank++;
    s->condition = s->rank > 0 ? values[0] / values[s->rank - 1] : 1;
    s->method = s->rank < m ? MX_LINEAR_SVD : MX_LINEAR_QR;
    if (s->rank < m) {
        s->residual_sum = NAN;
        MX_TRY_GOTO(least_norm(s, left, right, values, target, err));
        goto out;
    }
    for (size_t i = m; i-- > 0;) {
        double sum = target[i];
        for (size_t k = i + 1; k < m; k++)
            sum -= r[i * e + k] * s->solution[k];
        s->solution[i] = sum / r[i * e + i];
    }
    invert_upper(r, e, s->inverse, left, m);
out:
    mx_tall_qr_free(qr);
    MX_FREE_ARRAY(alloc, target, m);
    MX_FREE_ARRAY(alloc, values, m);
    mx_free_array(alloc, right, m * m, sizeof(double));
    mx_free_array(alloc, left, m * m, sizeof(double));
    return status;
}

/* ---- refinement ---- */

/*
 * The slope that is left at the solution, from the rows in long double (64 bits and more): slope_j = sum w (z_j - mean) r - l_j c_j. Its rounding is what limits QR when residuals
 * are large (their part of the error grows with the condition's square). sums: (m + 1) of w z and w r.
 */
static merx_status slope_of(const mx_linear_system *s, mx_design_rows *rows, const mx_linear_sums *sums,
                            long double *slope, long double *totals, long double *z, double *wide, merx_task *task,
                            merx_error *err)
{
    size_t m = s->m;
    uint64_t done = 0;
    memset(slope, 0, m * sizeof *slope);
    memset(totals, 0, (m + 1) * sizeof *totals);
    MX_TRY(mx_design_rows_rewind(rows, err));
    for (;;) {
        mx_design block = {0};
        MX_TRY(mx_design_rows_next(rows, &block, err));
        if (block.n == 0)
            break;
        for (size_t i = 0; i < block.n; i++, done++) {
            if (done % 65536 == 0)
                MX_TRY(mx_task_step(task, 1, err));
            long double w = block.weights != NULL ? block.weights[i] : 1;
            long double r = (long double)block.y[i] - (sums->raw ? 0 : (long double)sums->means[sums->d]);
            if (w == 0)
                continue;
            if (block.x == NULL)
                expand(&block, i, wide);
            const double *x = block.x != NULL ? block.x + i * sums->d : wide;
            for (size_t k = 0; k < m; k++) {
                size_t j = s->active[k];
                z[k] = ((long double)x[j] - (sums->raw ? 0 : (long double)sums->means[j])) * (long double)s->scales[k];
                r -= z[k] * (long double)s->solution[k];
            }
            r *= w;
            for (size_t k = 0; k < m; k++) {
                slope[k] += z[k] * r;
                totals[k] += w * z[k];
            }
            totals[m] += r;
        }
    }
    for (size_t k = 0; k < m; k++) {
        /* The means are rounded, so the columns are centred but for that. */
        slope[k] -= sums->raw ? 0 : totals[k] * totals[m] / (long double)sums->weight;
        slope[k] -= (long double)s->penalty[k] * (long double)s->solution[k];
    }
    return MERX_OK;
}

/* Up to three steps c += (G + L)^-1 slope; each leaves a fixed share of the error of the one before. */
static merx_status refine(mx_linear_system *s, mx_design_rows *rows, const mx_linear_sums *sums, merx_task *task,
                          merx_error *err)
{
    size_t m = s->m, cells = 3 * m + 1;
    long double *room = NULL;
    double *step = NULL, *wide = NULL, before = INFINITY;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array(s->alloc, cells, sizeof *room, "refinement", &room, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(s->alloc, sums->d, &wide, "a row", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(s->alloc, m, &step, "refinement", err));
    for (int round = 0; round < 3; round++) {
        MX_TRY_GOTO(slope_of(s, rows, sums, room, room + m, room + 2 * m + 1, wide, task, err));
        double size = 0, all = 0;
        for (size_t k = 0; k < m; k++)
            step[k] = (double)room[k];
        for (size_t k = 0; k < m; k++) {
            double move = mx_dot(s->inverse + k * m, step, m);
            size += move * move;
            all += s->solution[k] * s->solution[k];
        }
        if (!(size < before)) /* no gain any more: the last step was rounding */
            break;
        for (size_t k = 0; k < m; k++)
            s->solution[k] += mx_dot(s->inverse + k * m, step, m);
        s->mean_residual = sums->raw ? 0 : (double)(room[2 * m] / (long double)sums->weight);
        before = 0.25 * size;
        if (size <= 0x1p-104 * all)
            break;
    }
out:
    MX_FREE_ARRAY(s->alloc, step, m);
    MX_FREE_ARRAY(s->alloc, wide, sums->d);
    mx_free_array(s->alloc, room, cells, sizeof *room);
    return status;
}

merx_status mx_linear_solve_rows(mx_linear_system *s, mx_design_rows *rows, const mx_linear_sums *sums, merx_task *task,
                                 merx_error *err)
{
    size_t e = s->m + 1;
    mx_tall_qr *qr = NULL;
    double *r = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array(s->alloc, e * e, sizeof(double), "QR", &r, err));
    MX_TRY_GOTO(mx_tall_qr_new(e, s->alloc, &qr, err));
    MX_TRY_GOTO(feed(qr, s, rows, sums, task, err));
    MX_TRY_GOTO(mx_tall_qr_finish(qr, r, err));
    mx_tall_qr_free(qr);
    qr = NULL;
    MX_TRY_GOTO(solve_triangle(s, r, sums->noise, task, err));
    if (s->method == MX_LINEAR_QR)
        MX_TRY_GOTO(refine(s, rows, sums, task, err));
out:
    mx_tall_qr_free(qr);
    mx_free_array(s->alloc, r, e * e, sizeof(double));
    return status;
}
