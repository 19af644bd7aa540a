/*
 * L-BFGS with a strong Wolfe line search (Nocedal & Wright, Numerical Optimization, 2nd ed.): two-loop recursion 7.4, line search
 * 3.5 with zoom 3.6, trial points by safeguarded cubic interpolation (3.59), c1 = 1e-4, c2 = 0.9.
 *
 * Invariants:
 *   1. x always holds the best point whose value and gradient were finite.
 *   2. A pair (s, y) enters the history only if s'y > eps y'y: the inverse Hessian stays positive definite.
 *   3. When a direction yields no decrease the history is dropped once and steepest descent is tried; then it ends.
 */
#include "numeric/optimise.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "numeric/matrix.h"

#define C1 1e-4
#define C2 0.9
#define MAX_TRIALS 40

typedef struct lbfgs {
    mx_objective_fn objective;
    void *context;
    size_t n;
    int history, stored, newest;
    double *x, *gradient; /* where we are */
    double *direction, *trial, *trial_gradient;
    double *s, *y, *rho, *alpha; /* (history, n), (history) */
    double value;
    int evaluations;
} lbfgs;

typedef struct point {
    double step, value, slope;
} point;

static merx_status evaluate(lbfgs *l, double step, point *out, merx_error *err)
{
    for (size_t i = 0; i < l->n; i++)
        l->trial[i] = l->x[i] + step * l->direction[i];
    l->evaluations++;
    double value = NAN;
    MX_TRY(l->objective(l->context, l->trial, l->n, &value, l->trial_gradient, err));
    double slope = mx_dot(l->trial_gradient, l->direction, l->n);
    /* A trial outside the domain counts as infinitely bad: the search steps back. */
    if (!isfinite(value) || !isfinite(slope)) {
        value = INFINITY;
        slope = INFINITY;
    }
    *out = (point){step, value, slope};
    return MERX_OK;
}

/* Minimiser of the cubic through two points with slopes; the middle where that is useless. */
static double interpolate(point a, point b)
{
    double low = fmin(a.step, b.step), high = fmax(a.step, b.step), width = high - low;
    double middle = low + 0.5 * width;
    if (!isfinite(a.value) || !isfinite(b.value) || !isfinite(a.slope) || !isfinite(b.slope))
        return middle;
    double d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.step - b.step);
    double inner = d1 * d1 - a.slope * b.slope;
    if (!(inner >= 0))
        return middle;
    double d2 = b.step > a.step ? sqrt(inner) : -sqrt(inner);
    double at = b.step - (b.step - a.step) * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2);
    if (!(at >= low + 0.1 * width && at <= high - 0.1 * width))
        return at < low + 0.1 * width && at > low     ? low + 0.1 * width
               : at > high - 0.1 * width && at < high ? high - 0.1 * width
                                                      : middle;
    return at;
}

/* *found: l->trial holds a point that decreases the value enough. */
static merx_status line_search(lbfgs *l, double first, point *accepted, bool *found, merx_error *err)
{
    point start = {0, l->value, mx_dot(l->gradient, l->direction, l->n)};
    *found = false;
    if (!(start.slope < 0))
        return MERX_OK;
    point low = start, high = start, now;
    bool bracketed = false;
    double step = first;
    for (int trial = 0; trial < MAX_TRIALS; trial++) {
        MX_TRY(evaluate(l, step, &now, err));
        bool enough = now.value <= start.value + C1 * step * start.slope;
        if (enough && fabs(now.slope) <= -C2 * start.slope) {
            *accepted = now;
            *found = true;
            return MERX_OK;
        }
        if (!bracketed) {
            if (!enough || (trial > 0 && now.value >= low.value)) {
                high = now;
                bracketed = true;
            } else if (now.slope >= 0) {
                high = low;
                low = now;
                bracketed = true;
            } else {
                low = now;
                step *= 2;
                continue;
            }
        } else if (!enough || now.value >= low.value) {
            high = now;
        } else {
            if (now.slope * (high.step - low.step) >= 0)
                high = low;
            low = now;
        }
        if (!(fabs(high.step - low.step) > 1e-16 * fabs(low.step)))
            break;
        step = interpolate(low, high);
    }
    /* No point met both conditions; one that decreases the value enough will do. */
    if (low.step > 0 && low.value < start.value) {
        if (now.step != low.step)
            MX_TRY(evaluate(l, low.step, &now, err));
        *accepted = now;
        *found = true;
    }
    return MERX_OK;
}

static void set_direction(lbfgs *l)
{
    size_t n = l->n;
    for (size_t i = 0; i < n; i++)
        l->direction[i] = -l->gradient[i];
    for (int k = 0; k < l->stored; k++) {
        int at = (l->newest - k + l->history) % l->history;
        const double *s = l->s + (size_t)at * n, *y = l->y + (size_t)at * n;
        double a = l->rho[at] * mx_dot(s, l->direction, n);
        l->alpha[at] = a;
        for (size_t i = 0; i < n; i++)
            l->direction[i] -= a * y[i];
    }
    if (l->stored > 0) {
        const double *y = l->y + (size_t)l->newest * n;
        double scale = 1 / (l->rho[l->newest] * mx_dot(y, y, n));
        for (size_t i = 0; i < n; i++)
            l->direction[i] *= scale;
    }
    for (int k = l->stored - 1; k >= 0; k--) {
        int at = (l->newest - k + l->history) % l->history;
        const double *s = l->s + (size_t)at * n, *y = l->y + (size_t)at * n;
        double b = l->rho[at] * mx_dot(y, l->direction, n);
        for (size_t i = 0; i < n; i++)
            l->direction[i] += (l->alpha[at] - b) * s[i];
    }
}

static void accept(lbfgs *l, point accepted)
{
    size_t n = l->n;
    int at = (l->newest + 1) % l->history;
    double *s = l->s + (size_t)at * n, *y = l->y + (size_t)at * n;
    for (size_t i = 0; i < n; i++) {
        s[i] = l->trial[i] - l->x[i];
        y[i] = l->trial_gradient[i] - l->gradient[i];
    }
    double sy = mx_dot(s, y, n);
    if (sy > DBL_EPSILON * mx_dot(y, y, n)) {
        l->rho[at] = 1 / sy;
        l->newest = at;
        l->stored += l->stored < l->history;
    }
    memcpy(l->x, l->trial, n * sizeof *l->x);
    memcpy(l->gradient, l->trial_gradient, n * sizeof *l->gradient);
    l->value = accepted.value;
}

static double max_norm(const double *v, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        if (!(fabs(v[i]) <= most))
            most = fabs(v[i]);
    return most;
}

merx_status mx_lbfgs(mx_objective_fn objective, void *context, double *x, size_t n, const mx_lbfgs_options *options,
                     merx_task *task, mx_lbfgs_result *result, merx_error *err)
{
    mx_lbfgs_options o = options != NULL ? *options : (mx_lbfgs_options){0};
    o.history = o.history > 0 ? o.history : 10;
    o.max_iterations = o.max_iterations > 0 ? o.max_iterations : 1000;
    o.gradient_tolerance = o.gradient_tolerance > 0 ? o.gradient_tolerance : 1e-6;
    memset(result, 0, sizeof *result);
    const merx_allocator *alloc = merx_task_allocator(task);
    size_t history = (size_t)o.history, vectors = 4 + 2 * history, count;
    if (!mx_mul_size(n, vectors, &count) || !mx_add_size(count, 2 * history, &count))
        MX_FAIL(err, MERX_E_MEMORY, "L-BFGS", "%zu parameters are too many", n);
    double *block = NULL;
    MX_TRY(mx_alloc_array(alloc, count, sizeof(double), "L-BFGS history", &block, err));
    lbfgs l = {
        .objective = objective, .context = context, .n = n, .history = o.history, .x = x, .newest = o.history - 1};
    l.gradient = block;
    l.direction = block + n;
    l.trial = block + 2 * n;
    l.trial_gradient = block + 3 * n;
    l.s = block + 4 * n;
    l.y = l.s + history * n;
    l.rho = l.y + history * n;
    l.alpha = l.rho + history;

    l.evaluations = 1;
    l.value = NAN;
    merx_status status = objective(context, x, n, &l.value, l.gradient, err);
    if (status == MERX_OK && (!isfinite(l.value) || !isfinite(max_norm(l.gradient, n))))
        status = mx_error_set(err, MERX_E_NUMERIC, "L-BFGS", "the objective is not finite at the start");
    while (status == MERX_OK) {
        result->gradient_max = max_norm(l.gradient, n);
        if (result->gradient_max <= o.gradient_tolerance) {
            result->converged = true;
            break;
        }
        if (result->iterations >= o.max_iterations)
            break;
        status = mx_task_step(task, (uint64_t)result->iterations, err);
        if (status != MERX_OK)
            break;
        set_direction(&l);
        /* The first step has no scale of its own: move by at most one unit. */
        double length = sqrt(mx_dot(l.direction, l.direction, n)), before = l.value;
        point accepted = {0};
        bool found = false;
        status = line_search(&l, l.stored > 0 ? 1 : fmin(1, 1 / length), &accepted, &found, err);
        if (status != MERX_OK)
            break;
        if (!found) {
            if (l.stored == 0)
                break;
            l.stored = 0;
            continue;
        }
        accept(&l, accepted);
        result->iterations++;
        if (o.value_tolerance > 0 &&
            before - l.value <= o.value_tolerance * fmax(fabs(before), fmax(fabs(l.value), 1))) {
            result->gradient_max = max_norm(l.gradient, n);
            result->converged = true;
            break;
        }
    }
    result->value = l.value;
    result->evaluations = l.evaluations;
    mx_free_array(alloc, block, count, sizeof(double));
    return status;
}
