/*
 * L-BFGS in standardised units: parameters u_j = b_j s_j, so that columns of any unit take tens of steps. With l1: OWL-QN (Andrew & Gao 2007): the
 * step follows the least subgradient, keeps to the orthant it starts in, and a coefficient that would cross 0 stops there.
 */
#include "learn/linear/logistic_large.h"

#include <math.h>
#include <string.h>

#include "learn/linear/logistic_newton.h"
#include "numeric/optimise.h"

enum { HISTORY = 10, MOST_HALVINGS = 40 };

typedef struct orthant {
    mx_logistic_large *l;
    double *x, *u; /* b, u (p) */
    size_t p;
} orthant;

static double unit_of(const mx_logistic_large *l, size_t at)
{
    size_t j = at % (l->pass->d + 1);
    return j == l->pass->d ? 1 : l->scales[j];
}

/* The smooth part at u: value and gradient in u's units. */
static merx_status smooth(void *context, const double *u, size_t p, double *value, double *gradient, merx_error *err)
{
    orthant *o = context;
    mx_logistic_large *l = o->l;
    size_t e = l->pass->d + 1;
    for (size_t i = 0; i < p; i++) {
        double unit = unit_of(l, i);
        o->x[i] = unit > 0 ? u[i] / unit : 0;
    }
    mx_logistic_sums sums = {.gradient = gradient};
    MX_TRY(mx_logistic_pass_run(l->pass, o->x, 0, &sums, err));
    l->weight = sums.weight;
    l->loss = *value = sums.loss / sums.weight;
    for (size_t i = 0; i < p; i++) {
        double unit = unit_of(l, i), l2 = i % e < e - 1 ? l->l2 : 0;
        *value += 0.5 * l2 * o->x[i] * o->x[i];
        gradient[i] = unit > 0 ? (gradient[i] / sums.weight + l2 * o->x[i]) / unit : 0;
    }
    return MERX_OK;
}

/* l1 of u_i: 0 for intercepts and columns left out. */
static double penalty_at(const mx_logistic_large *l, size_t i)
{
    double unit = unit_of(l, i);
    return i % (l->pass->d + 1) == l->pass->d || !(unit > 0) ? 0 : l->l1 / unit;
}

static double absolute(const orthant *o, const double *u)
{
    double sum = 0;
    for (size_t i = 0; i < o->p; i++)
        sum += penalty_at(o->l, i) * fabs(u[i]);
    return sum;
}

/* The least subgradient. Returns its max norm. */
static double least_subgradient(const orthant *o, const double *u, const double *g, double *out)
{
    double most = 0;
    for (size_t i = 0; i < o->p; i++) {
        double l1 = penalty_at(o->l, i);
        out[i] = u[i] != 0     ? g[i] + copysign(l1, u[i])
                 : g[i] > l1   ? g[i] - l1
                 : g[i] < -l1  ? g[i] + l1
                 : isnan(g[i]) ? g[i]
                               : 0;
        if (!(fabs(out[i]) <= most))
            most = fabs(out[i]);
    }
    return most;
}

typedef struct memory {
    double *s, *y, rho[HISTORY], alpha[HISTORY];
    int stored;
} memory;

static void quasi_newton(memory *m, size_t p, const double *g, double *direction)
{
    for (size_t i = 0; i < p; i++)
        direction[i] = -g[i];
    for (int k = m->stored - 1; k >= 0; k--) {
        m->alpha[k] = m->rho[k] * mx_dot(m->s + (size_t)k * p, direction, p);
        for (size_t i = 0; i < p; i++)
            direction[i] -= m->alpha[k] * m->y[(size_t)k * p + i];
    }
    if (m->stored > 0) {
        const double *y = m->y + (size_t)(m->stored - 1) * p;
        double scale = 1 / (m->rho[m->stored - 1] * mx_dot(y, y, p));
        for (size_t i = 0; i < p; i++)
            direction[i] *= scale;
    }
    for (int k = 0; k < m->stored; k++) {
        double b = m->rho[k] * mx_dot(m->y + (size_t)k * p, direction, p);
        for (size_t i = 0; i < p; i++)
            direction[i] += (m->alpha[k] - b) * m->s[(size_t)k * p + i];
    }
}

static void remember(memory *m, size_t p, const double *from, const double *to, const double *g_from,
                     const double *g_to)
{
    if (m->stored == HISTORY) {
        memmove(m->s, m->s + p, (HISTORY - 1) * p * sizeof *m->s);
        memmove(m->y, m->y + p, (HISTORY - 1) * p * sizeof *m->y);
        memmove(m->rho, m->rho + 1, (HISTORY - 1) * sizeof *m->rho);
        m->stored--;
    }
    double *s = m->s + (size_t)m->stored * p, *y = m->y + (size_t)m->stored * p;
    for (size_t i = 0; i < p; i++) {
        s[i] = to[i] - from[i];
        y[i] = g_to[i] - g_from[i];
    }
    double sy = mx_dot(s, y, p);
    if (sy > 1e-16 * mx_dot(y, y, p))
        m->rho[m->stored++] = 1 / sy;
}

/* vectors: 6 p, then pairs. */
static merx_status owl_qn(orthant *o, double *vectors, double tolerance, merx_error *err)
{
    mx_logistic_large *l = o->l;
    size_t p = o->p;
    double *g = vectors, *sub = g + p, *direction = sub + p, *trial = direction + p, *trial_g = trial + p, value;
    memory m = {.s = trial_g + p, .y = trial_g + p + HISTORY * p};
    MX_TRY(smooth(o, o->u, p, &value, g, err));
    value += absolute(o, o->u);
    for (l->iterations = 0;; l->iterations++) {
        l->value = value;
        l->violation = least_subgradient(o, o->u, g, sub);
        if (!isfinite(value) || !isfinite(l->violation))
            MX_FAIL(err, MERX_E_NUMERIC, "logistic", "the loss is not a number");
        l->converged = l->violation <= tolerance;
        if (l->converged || l->iterations >= l->max_iterations)
            return MERX_OK;
        MX_TRY(mx_task_step(l->pass->task, (uint64_t)l->iterations, err));
        quasi_newton(&m, p, sub, direction);
        double length = sqrt(mx_dot(direction, direction, p)), step = m.stored > 0 ? 1 : fmin(1, 1 / length);
        bool moved = false;
        for (size_t i = 0; i < p; i++)
            if (!(direction[i] * sub[i] < 0) && penalty_at(l, i) > 0)
                direction[i] = 0;
        for (int halvings = 0; halvings < MOST_HALVINGS && !moved; halvings++) {
            if (halvings > 0)
                step /= 2;
            double expected = 0, next;
            for (size_t i = 0; i < p; i++) {
                double side = o->u[i] != 0 ? o->u[i] : -sub[i];
                trial[i] = o->u[i] + step * direction[i];
                if (penalty_at(l, i) > 0 && !(trial[i] * side > 0))
                    trial[i] = 0;
                expected += sub[i] * (trial[i] - o->u[i]);
            }
            if (!(expected < 0))
                break;
            MX_TRY(smooth(o, trial, p, &next, trial_g, err));
            next += absolute(o, trial);
            if (next <= value + 1e-4 * expected) {
                remember(&m, p, o->u, trial, g, trial_g);
                memcpy(o->u, trial, p * sizeof *trial);
                memcpy(g, trial_g, p * sizeof *g);
                value = next;
                moved = true;
            }
        }
        if (!moved && m.stored == 0)
            return MERX_OK;
        if (!moved)
            m.stored = 0;
    }
}

merx_status mx_logistic_large_run(mx_logistic_large *l, merx_error *err)
{
    size_t p = l->pass->q * (l->pass->d + 1), vectors = l->l1 > 0 ? 7 + 2 * HISTORY : 2, count;
    const merx_allocator *work = l->pass->work;
    double *block = NULL;
    merx_status status;
    if (!mx_mul_size(p, vectors, &count))
        MX_FAIL(err, MERX_E_LIMIT, "logistic", "%zu parameters are more than this machine can address", p);
    MX_TRY(mx_alloc_array(work, count, sizeof *block, "vectors of the minimiser", &block, err));
    orthant o = {.l = l, .x = block, .u = block + p, .p = p};
    for (size_t i = 0; i < p; i++)
        o.u[i] = l->parameters[i] * unit_of(l, i);
    if (l->l1 > 0) {
        MX_TRY_GOTO(owl_qn(&o, block + 2 * p, l->tolerance, err));
    } else {
        mx_lbfgs_options options = {.max_iterations = l->max_iterations, .gradient_tolerance = l->tolerance};
        mx_lbfgs_result result;
        MX_TRY_GOTO(mx_lbfgs(smooth, &o, o.u, p, &options, l->pass->task, &result, err));
        l->value = result.value;
        l->violation = result.gradient_max;
        l->iterations = result.iterations;
        l->converged = result.converged;
    }
    for (size_t i = 0; i < p; i++) {
        double unit = unit_of(l, i);
        l->parameters[i] = unit > 0 ? o.u[i] / unit : 0;
    }
    double penalty = 0;
    for (size_t i = 0; i < p; i++)
        if (i % (l->pass->d + 1) < l->pass->d)
            penalty += 0.5 * l->l2 * l->parameters[i] * l->parameters[i] + l->l1 * fabs(l->parameters[i]);
    l->loss = l->value - penalty; /* the last point evaluated need not be the best */
out:
    mx_free_array(work, block, count, sizeof *block);
    return status;
}
