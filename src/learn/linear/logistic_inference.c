/*
 * After the fit: standard errors, and the search for a separating plane.
 *
 * Standard errors come from the inverse of the penalised Hessian at the solution. With q > 1 classes the logits are over-parametrised; scikit-learn's
 * symmetric solution has coefficients that sum to 0 over classes, and the covariance is that of this subspace: P H^+ P, P = I - 11'/q by columns.
 *
 * Separation: a plane v has v z_i >= 0 towards its own class for all rows, and > 0 for some. Along v the loss falls for ever, by less and less. At a
 * point where the gradient is below the tolerance a Newton step is tiny, unless there is such a v: then the step is about one unit of logit
 * along v, whatever the tolerance, and what else there was in it has converged away. So a large last step is a candidate, and one sweep over
 * the rows decides.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/kernels.h"
#include "learn/linear/logistic_fit.h"

enum { MOST_NAMES = 4 };

/* ---- standard errors ---- */

/* a (p, p) becomes the covariance of the parameters around the shift: the inverse of the Hessian of the sum, projected. */
static void covariance(const mx_logistic_work *f, double *a)
{
    const mx_logistic_newton *s = &f->newton;
    size_t p = f->p, q = f->q, e = f->e;
    memset(a, 0, p * p * sizeof *a);
    for (size_t i = 0; i < p; i++)
        a[i * p + i] = 1 / s->roots[i];
    mx_kernel()->cholesky_solve(s->factor, p, a, p);
    for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j < p; j++)
            a[i * p + j] /= s->roots[i] * f->total;
    for (size_t j = 0; q > 1 && j < e; j++)
        for (size_t k = 0; k < p; k++) {
            double mean = 0;
            for (size_t c = 0; c < q; c++)
                mean += a[(c * e + j) * p + k] / (double)q;
            for (size_t c = 0; c < q; c++)
                a[(c * e + j) * p + k] -= mean;
        }
    for (size_t k = 0; q > 1 && k < p; k++)
        for (size_t j = 0; j < e; j++) {
            double mean = 0;
            for (size_t c = 0; c < q; c++)
                mean += a[k * p + c * e + j] / (double)q;
            for (size_t c = 0; c < q; c++)
                a[k * p + c * e + j] -= mean;
        }
}

merx_status mx_logistic_wald(mx_logistic_work *f, double *errors, merx_error *err)
{
    const mx_logistic_newton *s = &f->newton;
    size_t p = f->p, d = f->d, e = f->e;
    for (size_t i = 0; i < p; i++)
        errors[i] = NAN;
    double *a = NULL, *step = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array(f->work, p, sizeof *step, "Newton step", &step, err));
    MX_TRY_GOTO(mx_alloc_array(f->work, p * p, sizeof *a, "covariance", &a, err));
    if (!mx_logistic_newton_step(&f->newton, step))
        goto out;
    covariance(f, a);
    for (size_t c = 0; c < f->q; c++) {
        const double *block = a + c * e * p + c * e;
        double of_intercept = block[d * p + d];
        for (size_t j = 0; j < d; j++) {
            if (s->scales[j] == 0)
                continue;
            errors[c * e + j] = sqrt(block[j * p + j]);
            of_intercept -= 2 * f->pass.shift[j] * block[j * p + d];
            for (size_t k = 0; k < d; k++)
                if (s->scales[k] > 0)
                    of_intercept += f->pass.shift[j] * f->pass.shift[k] * block[j * p + k];
        }
        errors[c * e + d] = f->options->no_intercept ? NAN : sqrt(of_intercept);
    }
out:
    mx_free_array(f->work, a, p * p, sizeof *a);
    mx_free_array(f->work, step, p, sizeof *step);
    return status;
}

/* ---- separation ---- */

static void name_column(const mx_logistic_work *f, size_t j, char out[80])
{
    if (f->rows->names != NULL && f->rows->names[j] != NULL)
        (void)snprintf(out, 80, "\"%.70s\"", f->rows->names[j]);
    else
        (void)snprintf(out, 80, "%zu", j);
}

static void name_class(const mx_logistic_work *f, size_t c, char out[80])
{
    if (f->rows->outputs != NULL && f->rows->outputs[c] != NULL)
        (void)snprintf(out, 80, "\"%.70s\"", f->rows->outputs[c]);
    else
        (void)snprintf(out, 80, "%zu", c);
}

typedef struct ranges {
    double *low, *high; /* (d, classes) of rows of weight above 0 */
} ranges;

static merx_status find_ranges(mx_logistic_work *f, ranges *r, merx_error *err)
{
    size_t d = f->d, classes = f->classes;
    for (size_t i = 0; i < d * classes; i++) {
        r->low[i] = INFINITY;
        r->high[i] = -INFINITY;
    }
    mx_design window;
    MX_TRY(mx_design_rows_rewind(f->rows, err));
    for (;;) {
        memset(&window, 0, sizeof window);
        MX_TRY(mx_design_rows_next(f->rows, &window, err));
        if (window.n == 0)
            return MERX_OK;
        for (size_t i = 0; i < window.n; i++) {
            if (window.weights && !(window.weights[i] > 0))
                continue;
            for (size_t j = 0; j < d; j++) {
                double v = window.x[i * d + j];
                size_t at = j * classes + (size_t)window.labels[i];
                r->low[at] = v < r->low[at] ? v : r->low[at];
                r->high[at] = v > r->high[at] ? v : r->high[at];
            }
        }
    }
}

/* A column that alone has one class on one side of all others, touching allowed. */
static merx_status check_columns(mx_logistic_work *f, merx_error *err)
{
    size_t d = f->d, classes = f->classes, count;
    ranges r = {0};
    merx_status status = MERX_OK;
    if (!mx_mul_size(d, classes, &count))
        return MERX_OK;
    MX_TRY_GOTO(mx_alloc_array_raw(f->work, count, sizeof(double), "class ranges", &r.low, err));
    MX_TRY_GOTO(mx_alloc_array_raw(f->work, count, sizeof(double), "class ranges", &r.high, err));
    MX_TRY_GOTO(find_ranges(f, &r, err));
    for (size_t j = 0; j < d; j++) {
        const double *low = r.low + j * classes, *high = r.high + j * classes;
        if (f->small && f->newton.scales[j] == 0)
            continue;
        for (size_t c = 0; c < classes; c++) {
            double rest_low = INFINITY, rest_high = -INFINITY;
            for (size_t o = 0; o < classes; o++)
                if (o != c) {
                    rest_low = low[o] < rest_low ? low[o] : rest_low;
                    rest_high = high[o] > rest_high ? high[o] : rest_high;
                }
            if (low[c] >= rest_high || high[c] <= rest_low) {
                char column[80], name[80];
                name_column(f, j, column);
                name_class(f, c, name);
                MX_FAIL_GOTO(
                    err, MERX_E_NUMERIC, "logistic",
                    "column %s alone separates class %s from the others, so its coefficient would grow without "
                    "bound; set l2 above 0 or leave it out",
                    column, name);
            }
        }
    }
out:
    mx_free_array(f->work, r.low, count, sizeof(double));
    mx_free_array(f->work, r.high, count, sizeof(double));
    return status;
}

/* The columns that carry the direction: at least a tenth of the largest share, the first few by size. */
static void list_columns(const mx_logistic_work *f, const double *direction, char *out, size_t room)
{
    size_t d = f->d, used = 0;
    double above = INFINITY, largest = 0;
    size_t taken[MOST_NAMES], count = 0;
    for (;;) {
        double most = 0;
        size_t best = 0;
        for (size_t j = 0; j < d; j++) {
            double share = 0;
            for (size_t c = 0; c < f->q; c++)
                share = fmax(share, fabs(direction[c * f->e + j]) * f->newton.scales[j]);
            bool seen = false;
            for (size_t k = 0; k < count; k++)
                seen |= taken[k] == j;
            if (!seen && share <= above && share > most) {
                most = share;
                best = j;
            }
        }
        largest = count == 0 ? most : largest;
        if (!(most > 0.1 * largest))
            break;
        if (count == MOST_NAMES) {
            (void)snprintf(out + used, room - used, " …");
            break;
        }
        char name[80];
        name_column(f, best, name);
        used += (size_t)snprintf(out + used, room - used, "%s%s", count > 0 ? ", " : "", name);
        taken[count++] = best;
        above = most;
    }
}

static merx_status fail_separated(const mx_logistic_work *f, const double *direction, bool all, merx_error *err)
{
    char columns[400] = "";
    list_columns(f, direction, columns, sizeof columns);
    MX_FAIL(
        err, MERX_E_NUMERIC, "logistic",
        "the columns separate %s perfectly (most of it: %s), so coefficients would grow without bound; set l2 above 0",
        all ? "the classes" : "some rows of a class from the others", columns);
}

merx_status mx_logistic_check_separation(mx_logistic_work *f, merx_error *err)
{
    mx_logistic_newton *s = &f->newton;
    double *step = NULL, least, size, largest = 0;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array(f->work, f->p, sizeof *step, "Newton step", &step, err));
    bool moves = f->small && mx_logistic_newton_step(s, step);
    for (size_t i = 0; moves && i < f->p; i++)
        largest = fmax(largest, fabs(step[i]) * (i % f->e < f->d ? s->scales[i % f->e] : 1));
    if (largest < 0.02 && s->loss > 0.05 * f->null_loss && s->converged)
        goto out;
    if (!f->sparse && f->rows->d > 0 && (f->rows->held == NULL || f->rows->held->x != NULL))
        MX_TRY_GOTO(check_columns(f, err));
    MX_TRY_GOTO(mx_logistic_pass_margins(&f->pass, s->parameters, &least, &size, err));
    if (least > 0) {
        status = fail_separated(f, s->parameters, true, err);
        goto out;
    }
    if (!moves)
        goto out;
    MX_TRY_GOTO(mx_logistic_pass_margins(&f->pass, step, &least, &size, err));
    if (size > 0.02 && least > -1e-4 * size)
        status = fail_separated(f, step, false, err);
out:
    mx_free_array(f->work, step, f->p, sizeof *step);
    return status;
}
