/*
 * Newton with borrowed Hessians, secant pairs and a backtracking search (Armijo, 1e-4). Sources: Nocedal & Wright, Numerical Optimization
 * (2nd ed.), 3.1 and algorithm 7.4; Byrd, Chin, Neveitt & Nocedal 2011 on Hessians of samples; Lee, Sun & Saunders 2014 on proximal Newton;
 * Friedman, Hastie & Tibshirani 2010 on coordinate descent.
 *
 * Several classes leave one direction free: the same number added to a column of every class. Its curvature is filled in, so that
 * the step has no part in it: started at sum zero the coefficients of a column keep sum zero over classes.
 */
#include "learn/linear/logistic_newton.h"

#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

#define ROUNDING 1e-12 /* of F: sums over many blocks */

enum { HISTORY = 8, MOST_STALLS = 3, MOST_HALVINGS = 40, MOST_EPOCHS = 1000 };

/* Vectors of p: trial, trial gradient, direction, model gradient, then pairs. */
enum { TRIAL, TRIAL_GRADIENT, DIRECTION, MODEL, PAIRS };

typedef struct solver {
    mx_logistic_newton *s;
    double *trial, *trial_gradient, *direction, *model, *pairs_s, *pairs_y;
    double rho[HISTORY], alpha[HISTORY];
    int stored;
    bool measured; /* means and scales are there */
    bool tiny;     /* the last step promised less than rounding hides */
} solver;

merx_status mx_logistic_newton_new(mx_logistic_newton *s, const merx_allocator *work, merx_error *err)
{
    size_t p = s->p, d = s->pass->d, square, count;
    if (!mx_mul_size(p, p, &square) || !mx_mul_size(p, PAIRS + 2 * HISTORY, &count))
        MX_FAIL(err, MERX_E_LIMIT, "logistic", "%zu parameters are more than this machine can address", p);
    MX_TRY(mx_alloc_array(work, p, sizeof(double), "parameters", &s->parameters, err));
    MX_TRY(mx_alloc_array(work, p, sizeof(double), "gradient", &s->gradient, err));
    MX_TRY(mx_alloc_array(work, p, sizeof(double), "roots", &s->roots, err));
    MX_TRY(mx_alloc_array(work, d, sizeof(double), "column means", &s->means, err));
    MX_TRY(mx_alloc_array(work, d, sizeof(double), "column scales", &s->scales, err));
    MX_TRY(mx_alloc_array(work, square, sizeof(double), "Hessian", &s->hessian, err));
    MX_TRY(mx_alloc_array(work, square, sizeof(double), "Hessian's factor", &s->factor, err));
    return mx_alloc_array(work, count, sizeof(double), "secant pairs", &s->room, err);
}

void mx_logistic_newton_release(mx_logistic_newton *s, const merx_allocator *work)
{
    size_t p = s->p, d = s->pass ? s->pass->d : 0;
    mx_free_array(work, s->room, p * (PAIRS + 2 * HISTORY), sizeof(double));
    mx_free_array(work, s->factor, p * p, sizeof(double));
    mx_free_array(work, s->hessian, p * p, sizeof(double));
    mx_free_array(work, s->scales, d, sizeof(double));
    mx_free_array(work, s->means, d, sizeof(double));
    mx_free_array(work, s->roots, p, sizeof(double));
    mx_free_array(work, s->gradient, p, sizeof(double));
    mx_free_array(work, s->parameters, p, sizeof(double));
}

double mx_logistic_violation(const double *x, const double *g, size_t q, size_t d, const double *scales, double l1)
{
    double most = 0;
    for (size_t c = 0; c < q; c++)
        for (size_t j = 0; j <= d; j++) {
            size_t at = c * (d + 1) + j;
            double v = fabs(g[at]);
            if (j < d && l1 > 0)
                v = x[at] != 0 ? fabs(g[at] + copysign(l1, x[at])) : v > l1 ? v - l1 : isnan(v) ? v : 0;
            if (j < d)
                v = scales[j] > 0 ? v / scales[j] : 0;
            if (!(v <= most))
                most = v;
        }
    return most;
}

/* ---- one point ---- */

static void measure(mx_logistic_newton *s, const mx_logistic_sums *sums)
{
    for (size_t j = 0; j < s->pass->d; j++) {
        double shifted = sums->sums[j] / sums->weight, mean = s->pass->shift[j] + shifted;
        double square = sums->squares[j] / sums->weight;
        /* Without an intercept a constant column is one like any other: columns are measured from 0. */
        double variance = s->pass->no_intercept ? square : square - shifted * shifted;
        if (!isfinite(mean) || !isfinite(variance))
            s->finite = false;
        double scale = variance > 0 ? sqrt(variance) : 0;
        s->means[j] = mean;
        s->scales[j] = scale > 1e-13 * fabs(mean) && variance > 1e-15 * square ? scale : 0;
    }
}

static double penalty_of(const mx_logistic_newton *s, const double *x)
{
    double sum = 0;
    size_t d = s->pass->d;
    for (size_t c = 0; c < s->pass->q; c++)
        for (size_t j = 0; j < d; j++) {
            double b = x[c * (d + 1) + j];
            sum += 0.5 * (s->l2 + s->ridge * s->scales[j] * s->scales[j]) * b * b + s->l1 * fabs(b);
        }
    return sum;
}

/* F at x; gradient (p) written, and s->hessian when asked for. */
static merx_status evaluate(solver *v, const double *x, bool hessian, double *gradient, double *value, merx_error *err)
{
    mx_logistic_newton *s = v->s;
    size_t d = s->pass->d, q = s->pass->q, p = s->p;
    unsigned wants = (hessian ? MX_LOGISTIC_HESSIAN : 0) | (v->measured ? 0 : MX_LOGISTIC_MOMENTS);
    /* At the first sweep there are no pairs yet: their room holds the moments. */
    mx_logistic_sums sums = {.gradient = gradient, .hessian = s->hessian, .sums = v->pairs_s, .squares = v->pairs_y};
    MX_TRY(mx_logistic_pass_run(s->pass, x, wants, &sums, err));
    if (!v->measured) {
        s->finite = true;
        measure(s, &sums);
        v->measured = true;
    }
    s->weight = sums.weight;
    s->loss = sums.loss / sums.weight;
    *value = s->loss + penalty_of(s, x);
    for (size_t c = 0; c < q; c++)
        for (size_t j = 0; j <= d; j++) {
            size_t at = c * (d + 1) + j;
            double l2 = j < d ? s->l2 + s->ridge * s->scales[j] * s->scales[j] : 0;
            gradient[at] = gradient[at] / sums.weight + l2 * x[at];
            if (j < d && s->scales[j] == 0)
                gradient[at] = 0;
        }
    if (!hessian)
        return MERX_OK;
    for (size_t i = 0; i < p * p; i++)
        s->hessian[i] /= sums.weight;
    for (size_t c = 0; c < q; c++)
        for (size_t j = 0; j < d; j++) {
            size_t at = c * (d + 1) + j;
            s->hessian[at * p + at] += s->l2 + s->ridge * s->scales[j] * s->scales[j];
            if (s->scales[j] == 0) { /* a constant column stands for itself */
                for (size_t k = 0; k < p; k++)
                    s->hessian[at * p + k] = s->hessian[k * p + at] = 0;
                s->hessian[at * p + at] = 1;
            }
        }
    return MERX_OK;
}

/* ---- the Hessian's factor ---- */

/* factor = Cholesky of D^-1 H D^-1 + ridge, D = roots. False when it is singular even so. */
static bool factorise_with(mx_logistic_newton *s, double ridge)
{
    size_t p = s->p, d = s->pass->d, q = s->pass->q, e = d + 1;
    for (size_t i = 0; i < p; i++) {
        double h = s->hessian[i * p + i];
        s->roots[i] = h > 0 ? sqrt(h) : 1;
    }
    for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j < p; j++)
            s->factor[i * p + j] = s->hessian[i * p + j] / (s->roots[i] * s->roots[j]) + (i == j ? ridge : 0);
    for (size_t j = 0; q > 1 && j < e; j++) { /* the free direction: the same in every class */
        double mean = 0;
        for (size_t c = 0; c < q; c++)
            mean += s->roots[c * e + j] * s->roots[c * e + j] / (double)q;
        for (size_t c = 0; c < q; c++)
            for (size_t k = 0; k < q; k++)
                s->factor[(c * e + j) * p + k * e + j] +=
                    mean / (double)q / (s->roots[c * e + j] * s->roots[k * e + j]);
    }
    if (!mx_kernel()->cholesky(s->factor, p))
        return false;
    for (size_t i = 0; i < p; i++)
        if (!(s->factor[i * p + i] * s->factor[i * p + i] > 1e-13))
            return false;
    return true;
}

static bool factorise(mx_logistic_newton *s)
{
    s->has_factor = true;
    static const double ridges[] = {0, 1e-10, 1e-7, 1e-4, 0.1};
    for (size_t i = 0; i < sizeof ridges / sizeof *ridges; i++)
        if (factorise_with(s, ridges[i]))
            return true;
    return s->has_factor = false;
}

/* v = H^-1 v */
static void solve(const mx_logistic_newton *s, double *v)
{
    for (size_t i = 0; i < s->p; i++)
        v[i] /= s->roots[i];
    mx_kernel()->cholesky_solve(s->factor, s->p, v, 1);
    for (size_t i = 0; i < s->p; i++)
        v[i] /= s->roots[i];
}

bool mx_logistic_newton_step(mx_logistic_newton *s, double *step)
{
    if (!s->hessian_here || !factorise_with(s, 0))
        return false;
    for (size_t i = 0; i < s->p; i++)
        step[i] = -s->gradient[i];
    solve(s, step);
    return true;
}

/* ---- directions ---- */

static void smooth_direction(solver *v)
{
    const mx_logistic_newton *s = v->s;
    size_t p = s->p;
    for (size_t i = 0; i < p; i++)
        v->direction[i] = -s->gradient[i];
    for (int k = v->stored - 1; k >= 0; k--) {
        const double *ds = v->pairs_s + (size_t)k * p, *y = v->pairs_y + (size_t)k * p;
        v->alpha[k] = v->rho[k] * mx_dot(ds, v->direction, p);
        for (size_t i = 0; i < p; i++)
            v->direction[i] -= v->alpha[k] * y[i];
    }
    solve(s, v->direction);
    for (int k = 0; k < v->stored; k++) {
        const double *ds = v->pairs_s + (size_t)k * p, *y = v->pairs_y + (size_t)k * p;
        double b = v->rho[k] * mx_dot(y, v->direction, p);
        for (size_t i = 0; i < p; i++)
            v->direction[i] += (v->alpha[k] - b) * ds[i];
    }
}

/* Minimises g'u + u'Hu/2 + l1 |b + u|_1 over u by coordinate descent; model = g + H u. */
static void sparse_direction(solver *v)
{
    const mx_logistic_newton *s = v->s;
    size_t p = s->p, e = s->pass->d + 1;
    double *u = v->direction, *model = v->model, first = 0;
    memset(u, 0, p * sizeof *u);
    memcpy(model, s->gradient, p * sizeof *model);
    for (int epoch = 0; epoch < MOST_EPOCHS; epoch++) {
        double most = 0;
        for (size_t i = 0; i < p; i++) {
            const double *row = s->hessian + i * p;
            double h = row[i];
            if (!(h > 0) || (i % e < e - 1 && s->scales[i % e] == 0))
                continue;
            double at = s->parameters[i] + u[i], to = at - model[i] / h;
            if (i % e < e - 1)
                to = to > s->l1 / h ? to - s->l1 / h : to < -s->l1 / h ? to + s->l1 / h : 0;
            double step = to - at;
            if (step == 0)
                continue;
            u[i] = i % e < e - 1 && to == 0 ? -s->parameters[i] : u[i] + step;
            mx_kernel()->axpy(step, row, model, p);
            most = fabs(step) * sqrt(h) > most ? fabs(step) * sqrt(h) : most;
        }
        first = epoch == 0 ? most : first;
        if (!(most > 1e-9 * first))
            break;
    }
}

/* The slope of F along the direction: exact for the smooth part, the bound of the proximal step for l1. */
static double slope_of(const solver *v)
{
    const mx_logistic_newton *s = v->s;
    size_t e = s->pass->d + 1;
    double slope = mx_dot(s->gradient, v->direction, s->p);
    for (size_t i = 0; s->l1 > 0 && i < s->p; i++)
        if (i % e < e - 1)
            slope += s->l1 * (fabs(s->parameters[i] + v->direction[i]) - fabs(s->parameters[i]));
    return slope;
}

static void remember(solver *v)
{
    const mx_logistic_newton *s = v->s;
    size_t p = s->p;
    if (v->stored == HISTORY) {
        memmove(v->pairs_s, v->pairs_s + p, (HISTORY - 1) * p * sizeof(double));
        memmove(v->pairs_y, v->pairs_y + p, (HISTORY - 1) * p * sizeof(double));
        memmove(v->rho, v->rho + 1, (HISTORY - 1) * sizeof(double));
        v->stored--;
    }
    double *ds = v->pairs_s + (size_t)v->stored * p, *y = v->pairs_y + (size_t)v->stored * p;
    for (size_t i = 0; i < p; i++) {
        ds[i] = v->trial[i] - s->parameters[i];
        y[i] = v->trial_gradient[i] - s->gradient[i];
    }
    double sy = mx_dot(ds, y, p);
    if (sy > 1e-16 * mx_dot(y, y, p))
        v->rho[v->stored++] = 1 / sy;
}

/* ---- the loop ---- */

/* Takes the step if it, or a part of it, lowers F. */
static merx_status search(solver *v, bool hessian, bool *moved, merx_error *err)
{
    mx_logistic_newton *s = v->s;
    double slope = slope_of(v), step = 1, value = NAN;
    *moved = false;
    if (!(slope < 0))
        return MERX_OK;
    for (int halvings = 0; halvings < MOST_HALVINGS; halvings++) {
        if (halvings > 0)
            step /= 2;
        for (size_t i = 0; i < s->p; i++)
            v->trial[i] = s->parameters[i] + step * v->direction[i];
        s->hessian_here = false;
        bool with = hessian && halvings == 0;
        MX_TRY(evaluate(v, v->trial, with, v->trial_gradient, &value, err));
        if (!(value <= s->value + 1e-4 * step * slope + ROUNDING * fabs(s->value)))
            continue;
        v->tiny = !(-slope > ROUNDING * fabs(s->value));
        if (s->l1 == 0)
            remember(v);
        memcpy(s->parameters, v->trial, s->p * sizeof(double));
        memcpy(s->gradient, v->trial_gradient, s->p * sizeof(double));
        s->value = value;
        s->hessian_here = with;
        *moved = true;
        return MERX_OK;
    }
    return MERX_OK;
}

static merx_status at_start(solver *v, bool hessian, merx_error *err)
{
    mx_logistic_newton *s = v->s;
    MX_TRY(evaluate(v, s->parameters, hessian, s->gradient, &s->value, err));
    s->hessian_here = hessian;
    return MERX_OK;
}

static size_t columns_in(const mx_logistic_newton *s)
{
    size_t count = 0;
    for (size_t j = 0; j < s->pass->d; j++)
        count += s->scales[j] > 0;
    return count;
}

merx_status mx_logistic_newton_run(mx_logistic_newton *s, merx_error *err)
{
    size_t p = s->p;
    double *room = s->room;
    solver v = {.s = s,
                .trial = room + TRIAL * p,
                .trial_gradient = room + TRIAL_GRADIENT * p,
                .direction = room + DIRECTION * p,
                .model = room + MODEL * p,
                .pairs_s = room + PAIRS * p,
                .pairs_y = room + (PAIRS + HISTORY) * p};
    double before = INFINITY, gain = 0.05;
    bool anew = false;
    int stalls = 0;
    size_t seen = s->has_factor ? columns_in(s) : 0;
    s->converged = false;
    s->iterations = 0;
    MX_TRY(at_start(&v, s->always || !s->has_factor, err));
    if (s->has_factor && s->finite && columns_in(s) != seen) /* a column that was constant in the sample is not */
        MX_TRY(at_start(&v, true, err));
    for (;;) {
        s->violation = mx_logistic_violation(s->parameters, s->gradient, s->pass->q, s->pass->d, s->scales, s->l1);
        s->finite = s->finite && isfinite(s->value) && isfinite(s->violation);
        if (!s->finite)
            return MERX_OK;
        if (s->violation <= s->tolerance) {
            s->converged = true;
            break;
        }
        if (s->iterations >= s->max_iterations)
            break;
        MX_TRY(mx_task_step(s->pass->task, (uint64_t)s->iterations, err));
        if (s->iterations > 0)
            gain = s->violation / before;
        stalls = v.tiny && gain > 0.5 ? stalls + 1 : 0;
        if (stalls == MOST_STALLS)
            break; /* the tolerance is below what rounding leaves */
        if (s->hessian_here) {
            v.stored = 0;
            if (s->l1 == 0 && !factorise(s))
                break;
            s->has_factor = true;
        }
        if (s->l1 > 0)
            sparse_direction(&v);
        else
            smooth_direction(&v);
        anew = s->always || gain > 0.25;
        bool last = s->last_hessian && s->violation * gain <= s->tolerance, moved, here = s->hessian_here;
        before = s->violation;
        MX_TRY(search(&v, anew || last, &moved, err));
        if (moved) {
            s->iterations++;
            continue;
        }
        if (here)
            break; /* no part of a true Newton step lowers F: what is left is rounding */
        MX_TRY(at_start(&v, true, err));
        gain = 1;
    }
    if (s->last_hessian && !s->hessian_here)
        MX_TRY(at_start(&v, true, err));
    return MERX_OK;
}
