/*
 * Price elasticities out of the weeks in which goods were sold. The model is in demand_model.h.
 *
 * Newton by turns: each product's level, each week's level, then e1 on the log price freed from products and weeks (weighted by the variance of the law cut at
 * zero). With u = ln price freed, scores s_r = sum (lines - expected) u and information H = sum variance u^2, the estimate's part of product r is
 * s_r / H: the robust variance is the sum of their squares, and a category's or product's own estimate is one Newton step from the whole's.
 */
#include <math.h>
#include <string.h>

#include "base/run.h"
#include "shop/answers/demand_model.h"

#define MOST_TURNS 40
#define LEVEL_CELLS 5             /* cells for each week of a category, so that it has a level of its own */
#define WIDEST 1.3862943611198906 /* ln 4: a price farther from the usual is something else */
#define Z95 1.959963984540054

typedef struct work {
    size_t n, rows, weeks, groups; /* weeks: levels of time, a category's own when there are sales enough */
    bool by_group;
    int32_t *row, *week;       /* (n) */
    double *x, *lines, *size;  /* (n) ln price - its mean; lines; ln units per line */
    double *u, *v, *rate, *e;  /* (n) freed x; variance; ln rate's sum; residuals */
    double *level, *season;    /* (rows), (weeks) */
    double *sum, *weight;      /* (rows + weeks) scratch */
    double *s1, *h1, *s2, *h2; /* (rows) */
    double e1, e2, H1, H2;
    double phi1, phi2; /* dispersions */
} work;

static void truncated(double log_rate, double *mean, double *variance)
{
    double rate = exp(fmin(fmax(log_rate, -20), 20));
    if (rate < 1e-4) {
        *mean = 1 + rate / 2;
        *variance = rate / 2;
        return;
    }
    *mean = rate / -expm1(-rate);
    *variance = fmax(*mean * (1 + rate - *mean), 1e-12);
}

/* Frees values from products and weeks: weighted least squares by turns. */
static void free_from_effects(const work *w, const double *weights, double *values)
{
    for (int turn = 0; turn < 4; turn++)
        for (int side = 0; side < 2; side++) {
            const int32_t *index = side == 0 ? w->week : w->row;
            size_t groups = side == 0 ? w->weeks : w->rows;
            memset(w->sum, 0, groups * sizeof *w->sum);
            memset(w->weight, 0, groups * sizeof *w->weight);
            for (size_t k = 0; k < w->n; k++) {
                w->sum[index[k]] += weights[k] * values[k];
                w->weight[index[k]] += weights[k];
            }
            for (size_t k = 0; k < w->n; k++)
                if (w->weight[index[k]] > 1e-9)
                    values[k] -= w->sum[index[k]] / w->weight[index[k]];
        }
}

/* One Newton step of each level of products or weeks. */
static void step_levels(work *w, const int32_t *index, size_t groups, double *levels)
{
    memset(w->sum, 0, groups * sizeof *w->sum);
    memset(w->weight, 0, groups * sizeof *w->weight);
    for (size_t k = 0; k < w->n; k++) {
        double mean;
        double variance;
        truncated(w->level[w->row[k]] + w->season[w->week[k]] + w->e1 * w->x[k], &mean, &variance);
        w->sum[index[k]] += w->lines[k] - mean;
        w->weight[index[k]] += variance;
    }
    for (size_t g = 0; g < groups; g++) {
        double step = w->weight[g] > 0 ? w->sum[g] / (w->weight[g] + 0.05) : 0;
        levels[g] = fmin(fmax(levels[g] + fmin(fmax(step, -1), 1), -5), 15);
    }
}

static merx_status fit_lines(work *w, merx_task *task, merx_error *err)
{
    for (int turn = 0; turn < MOST_TURNS; turn++) {
        MX_TRY(mx_task_step(task, (uint64_t)turn, err));
        step_levels(w, w->row, w->rows, w->level);
        step_levels(w, w->week, w->weeks, w->season);
        w->H1 = 0;
        double score = 0;
        for (size_t k = 0; k < w->n; k++) {
            double mean;
            truncated(w->level[w->row[k]] + w->season[w->week[k]] + w->e1 * w->x[k], &mean, &w->v[k]);
            w->e[k] = w->lines[k] - mean;
            w->u[k] = w->x[k];
        }
        free_from_effects(w, w->v, w->u);
        for (size_t k = 0; k < w->n; k++) {
            score += w->e[k] * w->u[k];
            w->H1 += w->v[k] * w->u[k] * w->u[k];
        }
        double step = w->H1 > 0 ? fmin(fmax(score / w->H1, -1), 1) : 0;
        w->e1 += step;
        if (turn > 8 && fabs(step) < 1e-6)
            break;
    }
    double squares = 0;
    for (size_t k = 0; k < w->n; k++) {
        w->s1[w->row[k]] += w->e[k] * w->u[k];
        w->h1[w->row[k]] += w->v[k] * w->u[k] * w->u[k];
        squares += w->e[k] * w->e[k] / fmax(w->v[k], 0.05);
    }
    w->phi1 = fmax(1, squares / (double)w->n);
    return MERX_OK;
}

static void fit_sizes(work *w)
{
    memcpy(w->u, w->x, w->n * sizeof *w->u);
    memcpy(w->e, w->size, w->n * sizeof *w->e);
    free_from_effects(w, w->lines, w->u);
    free_from_effects(w, w->lines, w->e);
    double score = 0;
    for (size_t k = 0; k < w->n; k++) {
        score += w->lines[k] * w->u[k] * w->e[k];
        w->H2 += w->lines[k] * w->u[k] * w->u[k];
    }
    w->e2 = w->H2 > 0 ? score / w->H2 : 0;
    double squares = 0;
    for (size_t k = 0; k < w->n; k++) {
        double left = w->e[k] - w->e2 * w->u[k];
        w->s2[w->row[k]] += w->lines[k] * w->u[k] * left;
        w->h2[w->row[k]] += w->lines[k] * w->u[k] * w->u[k];
        squares += w->lines[k] * left * left;
    }
    w->phi2 = squares / (double)w->n;
}

/* Variance between estimates beyond their own (DerSimonian & Laird 1986, eq. 8). NaN estimates are left out. */
static double between(const double *value, const double *variance, size_t n)
{
    double sum = 0;
    double squares = 0;
    double total = 0;
    size_t used = 0;
    for (size_t k = 0; k < n; k++)
        if (variance[k] > 0 && isfinite(variance[k])) {
            sum += 1 / variance[k];
            squares += 1 / (variance[k] * variance[k]);
            total += value[k] / variance[k];
            used++;
        }
    if (used < 2)
        return 0;
    double q = 0;
    for (size_t k = 0; k < n; k++)
        if (variance[k] > 0 && isfinite(variance[k]))
            q += (value[k] - total / sum) * (value[k] - total / sum) / variance[k];
    double room = sum - squares / sum;
    return room > 0 ? fmax(0, (q - (double)(used - 1)) / room) : 0;
}

static mx_elasticity interval(double value, double variance)
{
    double reach = Z95 * sqrt(variance);
    return (mx_elasticity){value, value - reach, value + reach};
}

/* Own estimates drawn towards a prior; share is how much is own. */
static double draw(double own, double variance, double prior, double prior_variance, double spread, double *share,
                   double *out_variance)
{
    *share = variance > 0 && isfinite(variance) ? spread / (spread + variance) : 0;
    *out_variance = spread * (1 - *share) + (1 - *share) * (1 - *share) * prior_variance;
    return *share > 0 ? prior + *share * (own - prior) : prior;
}

/* (rows) and (groups) out of the pooled fit. scratch: 2 (rows + groups). */
static void spread_out(const work *w, const mx_demand_weeks *weeks, double *scratch, mx_demand_price *out)
{
    double whole = w->e1 + w->e2;
    double clusters = 0;
    double variance = 0;
    double *value = scratch;
    double *own = scratch + w->rows + w->groups;
    for (size_t r = 0; r < w->rows; r++) {
        double part = (w->H1 > 0 ? w->s1[r] / w->H1 : 0) + (w->H2 > 0 ? w->s2[r] / w->H2 : 0);
        variance += part * part;
        clusters += w->h2[r] > 0;
    }
    variance *= clusters > 1 ? clusters / (clusters - 1) : INFINITY;
    if (!isfinite(variance)) /* one product: its own weeks' variance */
        variance = (w->H1 > 0 ? w->phi1 / w->H1 : 0) + (w->H2 > 0 ? w->phi2 / w->H2 : 0);
    out->pooled = interval(whole, variance);
    /* categories */
    for (size_t g = 0; g < w->groups; g++) {
        double s1 = 0;
        double s2 = 0;
        double h1 = 0;
        double h2 = 0;
        double count = 0;
        for (size_t r = 0; r < w->rows; r++)
            if (weeks->row_group[r] == (int32_t)g && w->h2[r] > 0) {
                s1 += w->s1[r];
                s2 += w->s2[r];
                h1 += w->h1[r];
                h2 += w->h2[r];
                count++;
            }
        value[g] = whole;
        own[g] = INFINITY;
        if (!(h1 > 0 && h2 > 0 && count >= 3))
            continue;
        value[g] += s1 / h1 + s2 / h2;
        own[g] = 0;
        for (size_t r = 0; r < w->rows; r++)
            if (weeks->row_group[r] == (int32_t)g && w->h2[r] > 0) {
                double part = (w->s1[r] - s1 * w->h1[r] / h1) / h1 + (w->s2[r] - s2 * w->h2[r] / h2) / h2;
                own[g] += part * part;
            }
        own[g] = fmax(own[g] * count / (count - 1), w->phi1 / h1 / 4);
    }
    double tau = between(value, own, w->groups);
    for (size_t g = 0; g < w->groups; g++) {
        double share;
        double drawn;
        double v = draw(value[g], own[g], whole, variance, tau, &share, &drawn);
        out->group[g] = interval(v, drawn);
        scratch[w->rows + g] = share;
    }
    /* products around their categories */
    double *deviation = scratch;
    double *row_variance = scratch + w->rows + w->groups;
    for (size_t r = 0; r < w->rows; r++) {
        double from = out->group[weeks->row_group[r]].value - whole;
        deviation[r] = 0;
        row_variance[r] = INFINITY;
        if (w->h1[r] > 0.01 && w->h2[r] > 0.01) {
            deviation[r] = w->s1[r] / w->h1[r] + w->s2[r] / w->h2[r] - from;
            row_variance[r] = w->phi1 / w->h1[r] + w->phi2 / w->h2[r];
        }
    }
    tau = between(deviation, row_variance, w->rows);
    for (size_t r = 0; r < w->rows; r++) {
        const mx_elasticity *group = &out->group[weeks->row_group[r]];
        double share;
        double drawn;
        double prior = (group->high - group->low) / (2 * Z95);
        double v = draw(group->value + deviation[r], row_variance[r], group->value, prior * prior, tau, &share, &drawn);
        out->row[r] = interval(v, drawn);
        out->source[r] = share >= 0.2                                            ? MX_PRICE_OWN
                         : scratch[w->rows + (size_t)weeks->row_group[r]] >= 0.2 ? MX_PRICE_CATEGORY
                                                                                 : MX_PRICE_POOLED;
    }
}

/* The cells of goods whose price varied; returns how many. w NULL: only counts. */
static size_t collect(const mx_demand_weeks *weeks, work *w, size_t *goods)
{
    size_t n = 0;
    *goods = 0;
    for (size_t r = 0; r < weeks->rows; r++) {
        double usual = (double)weeks->usual_minor[r];
        double sum = 0;
        double squares = 0;
        size_t count = 0;
        for (int pass = 0; pass < 2; pass++) {
            double mean = count > 0 ? sum / (double)count : 0;
            if (pass == 1 && (count < 4 || !(squares / (double)count - mean * mean > 1e-4)))
                break;
            *goods += pass;
            for (int64_t k = weeks->starts[r]; k < weeks->starts[r + 1]; k++) {
                const mx_demand_cell *cell = &weeks->cell[k];
                double x = cell->price_minor > 0 && usual > 0 ? log((double)cell->price_minor / usual) : INFINITY;
                if (!(fabs(x) <= WIDEST))
                    continue;
                if (pass == 0) {
                    sum += x;
                    squares += x * x;
                    count++;
                    continue;
                }
                if (w) {
                    w->row[n] = (int32_t)r;
                    w->week[n] = w->by_group ? weeks->row_group[r] * (int32_t)weeks->weeks + cell->week : cell->week;
                    w->x[n] = x - mean;
                    w->lines[n] = (double)cell->lines;
                    w->size[n] = log((double)cell->units / (double)cell->lines);
                }
                n++;
            }
        }
    }
    return n;
}

merx_status mx_demand_price_fit(const mx_demand_weeks *weeks, const merx_allocator *alloc, merx_task *task,
                                mx_demand_price *out, merx_error *err)
{
    *out = (mx_demand_price){.alloc = alloc, .rows = weeks->rows, .groups = weeks->groups, .pooled = {NAN, NAN, NAN}};
    work w = {.rows = weeks->rows, .weeks = weeks->weeks, .groups = weeks->groups};
    w.n = collect(weeks, NULL, &out->goods);
    out->cells = w.n;
    w.by_group = weeks->groups > 2 && w.n >= LEVEL_CELLS * weeks->groups * weeks->weeks;
    w.weeks *= w.by_group ? weeks->groups : 1;
    size_t numbers = w.n * 7 + w.rows * 5 + w.weeks + 2 * (w.rows + w.weeks) + 2 * (w.rows + w.groups);
    double *block = NULL;
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, weeks->groups, &out->group, "elasticities", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, weeks->rows, &out->row, "elasticities", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, weeks->rows, &out->source, "elasticities", err));
    for (size_t g = 0; g < weeks->groups; g++)
        out->group[g] = out->pooled;
    for (size_t r = 0; r < weeks->rows; r++)
        out->row[r] = out->pooled;
    if (w.n < 20)
        goto out;
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, numbers, &block, "price regression", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, w.n, &w.row, "price regression", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, w.n, &w.week, "price regression", err));
    double *next = block;
    double **const parts[] = {&w.x, &w.lines, &w.size, &w.u, &w.v, &w.rate, &w.e};
    for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++, next += w.n)
        *parts[k] = next;
    double **const by_row[] = {&w.level, &w.s1, &w.h1, &w.s2, &w.h2};
    for (size_t k = 0; k < sizeof by_row / sizeof by_row[0]; k++, next += w.rows)
        *by_row[k] = next;
    w.season = next;
    w.sum = w.season + w.weeks;
    w.weight = w.sum + w.rows + w.weeks;
    collect(weeks, &w, &out->goods);
    MX_TRY_GOTO(fit_lines(&w, task, err));
    fit_sizes(&w);
    if (w.H1 > 1e-6 && w.H2 > 1e-6)
        spread_out(&w, weeks, w.weight + w.rows + w.weeks, out);
out:
    MX_FREE_ARRAY(alloc, w.week, w.n);
    MX_FREE_ARRAY(alloc, w.row, w.n);
    MX_FREE_ARRAY(alloc, block, numbers);
    if (status != MERX_OK)
        mx_demand_price_release(out);
    return status;
}

void mx_demand_price_release(mx_demand_price *p)
{
    MX_FREE_ARRAY(p->alloc, p->group, p->groups);
    MX_FREE_ARRAY(p->alloc, p->row, p->rows);
    MX_FREE_ARRAY(p->alloc, p->source, p->rows);
    *p = (mx_demand_price){0};
}
