/*
 * The pooled regression of `demand`: features of a product at an origin, the ridge fit, the curve from x to units. The formula is in demand_model.h.
 *
 * Windows are of the weeks known at the origin; early origins have shorter ones. Targets are the last `recent` weeks, with a year and a half of data also every fourth
 * week of the year before them, so that seasons are learnt; horizons 1, 2, 4, 6, 9, 13 up to the one asked for.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/sort.h"
#include "learn/linear/linear.h"
#include "shop/answers/demand_model.h"

#define WEEK_MS (7 * MX_DAY_MS)
#define YEAR_WEEKS 52
#define SEASON_WEEKS 78 /* from so many weeks on the calendar's features are learnt */
#define MOST_SAMPLES 200000

#define L MX_DEMAND_LEVEL
#define R MX_DEMAND_RECENT
#define T MX_DEMAND_TREND
#define S MX_DEMAND_SEASON
const mx_demand_group mx_demand_feature_group[MX_DEMAND_FEATURES] = {
    L, L, L, L, L, L, /* all-time mean of logs, 13 and 26 weeks, log of 13-week mean, median of 13, age */
    R, R, R, R, R, R, R, R,
    R, R, /* last week, means of logs of 2, 4, 8, logs of means of 4, 8, medians of 5, 8, weeks since the last sale, share of sold weeks of 8 */
    T, T, T, T, /* distance, distance * (4 - 13 weeks), distance * 8-week mean, 4 - 13 weeks */
    S, S, S, S, S, S, S, /* category a year ago, own a year ago, year's sine and cosine, weeks to Christmas, Christmas week, the week after */
};

merx_status mx_demand_row_init(const mx_demand_weeks *weeks, const merx_allocator *alloc, mx_demand_row *row,
                               merx_error *err)
{
    *row = (mx_demand_row){.weeks = weeks, .alloc = alloc};
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, weeks->weeks * 4 + 2, &row->units, "weeks", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, weeks->weeks + 1, &row->last_sale, "weeks", err));
    row->logs = row->units + weeks->weeks;
    row->units_before = row->logs + weeks->weeks;
    row->logs_before = row->units_before + weeks->weeks + 1;
    return MERX_OK;
out:
    mx_demand_row_release(row);
    return status;
}

void mx_demand_row_release(mx_demand_row *row)
{
    if (!row->weeks)
        return;
    MX_FREE_ARRAY(row->alloc, row->units, row->weeks->weeks * 4 + 2);
    MX_FREE_ARRAY(row->alloc, row->last_sale, row->weeks->weeks + 1);
    *row = (mx_demand_row){0};
}

void mx_demand_row_set(mx_demand_row *row, size_t r)
{
    const mx_demand_weeks *w = row->weeks;
    row->row = r;
    row->first = (int32_t)w->weeks;
    memset(row->units, 0, w->weeks * sizeof *row->units);
    memset(row->logs, 0, w->weeks * sizeof *row->logs);
    for (int64_t k = w->starts[r]; k < w->starts[r + 1]; k++) {
        row->units[w->cell[k].week] = (double)w->cell[k].units;
        row->logs[w->cell[k].week] = log1p((double)w->cell[k].units);
    }
    if (w->starts[r + 1] > w->starts[r])
        row->first = w->cell[w->starts[r]].week;
    int32_t last = -1;
    row->units_before[0] = row->logs_before[0] = 0;
    row->last_sale[0] = -1;
    for (size_t t = 0; t < w->weeks; t++) {
        row->units_before[t + 1] = row->units_before[t] + row->units[t];
        row->logs_before[t + 1] = row->logs_before[t] + row->logs[t];
        last = row->units[t] > 0 ? (int32_t)t : last;
        row->last_sale[t + 1] = last;
    }
}

/* Mean over the last `window` of the weeks before o, of those that are there. */
static double mean_before(const double *before, size_t o, size_t window)
{
    size_t n = o < window ? o : window;
    return n > 0 ? (before[o] - before[o - n]) / (double)n : 0;
}

static double median_before(const double *values, size_t o, size_t window)
{
    double sorted[13];
    size_t n = o < window ? o : window;
    for (size_t k = 0; k < n; k++) { /* insertion: at most 13 */
        double v = values[o - n + k];
        size_t at = k;
        while (at > 0 && sorted[at - 1] > v) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = v;
    }
    return n == 0 ? 0 : n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

double mx_demand_own_median(const mx_demand_row *row, size_t origin)
{
    return median_before(row->units, origin, 8);
}

/* How units went, a year before, from the eight weeks before the origin to the three around the target; 0 where no such weeks are. */
static double year_ago(const double *units, size_t weeks, size_t o, size_t target, double prior)
{
    if (target < YEAR_WEEKS + 1 || o < YEAR_WEEKS + 8 || target + 2 > weeks + YEAR_WEEKS)
        return 0;
    double then = 0;
    double before = 0;
    for (size_t t = target - YEAR_WEEKS - 1; t <= target - YEAR_WEEKS + 1; t++)
        then += units[t] / 3;
    for (size_t t = o - YEAR_WEEKS - 8; t < o - YEAR_WEEKS; t++)
        before += units[t] / 8;
    return log((then + prior) / (before + prior));
}

static void season_features(const mx_demand_row *row, size_t o, size_t target, double *f)
{
    const mx_demand_weeks *w = row->weeks;
    f[0] = year_ago(w->group_units + (size_t)w->row_group[row->row] * w->weeks, w->weeks, o, target, 4);
    f[1] = year_ago(row->units, w->weeks, o, target, 4);
    memset(f + 2, 0, 5 * sizeof *f);
    if (w->weeks < SEASON_WEEKS)
        return;
    int64_t start_ms = w->first_ms + (int64_t)target * WEEK_MS;
    mx_date date;
    mx_date_from_ms(start_ms + 3 * MX_DAY_MS, &date);
    mx_date new_year = {.year = date.year, .month = 1, .day = 1};
    mx_date christmas = {.year = date.year, .month = 12, .day = 25};
    double turn = (double)(start_ms + 3 * MX_DAY_MS - mx_ms_from_date(&new_year)) / (365.25 * (double)MX_DAY_MS);
    double left = (double)(mx_ms_from_date(&christmas) - start_ms) / (double)WEEK_MS; /* in [0, 1): this week */
    f[2] = sin(6.283185307179586 * turn);
    f[3] = cos(6.283185307179586 * turn);
    f[4] = left >= 1 && left < 8 ? (8 - left) / 7 : 0;
    f[5] = left >= 0 && left < 1 ? 1 : 0;
    f[6] = left >= -1 && left < 0 ? 1 : 0;
}

void mx_demand_features(const mx_demand_row *row, size_t o, size_t h, double f[MX_DEMAND_FEATURES])
{
    size_t age = o > (size_t)row->first ? o - (size_t)row->first : 0;
    double m4 = mean_before(row->logs_before, o, 4);
    double m8 = mean_before(row->logs_before, o, 8);
    double m13 = mean_before(row->logs_before, o, 13);
    double far = (double)h / 4;
    size_t sold = 0;
    size_t window = o < 8 ? o : 8;
    for (size_t t = o - window; t < o; t++)
        sold += row->units[t] > 0;
    f[0] = row->logs_before[o] / ((double)age + 2);
    f[1] = m13;
    f[2] = mean_before(row->logs_before, o, 26);
    f[3] = log1p(mean_before(row->units_before, o, 13));
    f[4] = median_before(row->logs, o, 13);
    f[5] = log1p((double)age);
    f[6] = o > 0 ? row->logs[o - 1] : 0;
    f[7] = mean_before(row->logs_before, o, 2);
    f[8] = m4;
    f[9] = m8;
    f[10] = log1p(mean_before(row->units_before, o, 4));
    f[11] = log1p(mean_before(row->units_before, o, 8));
    f[12] = median_before(row->logs, o, 5);
    f[13] = median_before(row->logs, o, 8);
    f[14] = log1p((double)((int32_t)o - 1 - row->last_sale[o]));
    f[15] = window > 0 ? (double)sold / (double)window : 0;
    f[16] = far;
    f[17] = far * (m4 - m13);
    f[18] = far * m8;
    f[19] = m4 - m13;
    season_features(row, o, o - 1 + h, f + 20);
}

/* ---- fitting ---- */

typedef struct sample {
    double x, units;
} sample;

static double quantile_of(const sample *samples, const mx_keyed *sorted, size_t n, double p)
{
    double at = p * (double)(n - 1);
    size_t below = (size_t)at;
    double low = samples[sorted[below].row].units;
    if (below + 1 >= n)
        return low;
    return low + (at - (double)below) * (samples[sorted[below + 1].row].units - low);
}

/* keys, spare: workspace for n each. Samples of one x keep their order. */
static void make_curve(const sample *samples, size_t n, mx_keyed *keys, mx_keyed *spare, mx_demand_model *out)
{
    for (size_t k = 0; k < n; k++)
        keys[k] = (mx_keyed){mx_key_of_double(samples[k].x), (uint32_t)k};
    mx_keyed *by_x = mx_sort_keyed(keys, spare, n);
    spare = by_x == keys ? spare : keys;
    out->bins = n / 50 < 1 ? 1 : n / 50 > MX_DEMAND_BINS ? MX_DEMAND_BINS : n / 50;
    for (size_t b = 0; b < out->bins; b++) {
        size_t from = n * b / out->bins;
        size_t to = n * (b + 1) / out->bins;
        size_t count = to - from;
        double x = 0;
        double units = 0;
        for (size_t k = from; k < to; k++) {
            const sample *s = &samples[by_x[k].row];
            x += s->x;
            units += s->units;
            by_x[k].key = mx_key_of_int64((int64_t)s->units); /* whole numbers */
        }
        const mx_keyed *sorted = mx_sort_keyed(by_x + from, spare + from, count);
        double *curve = out->curve[b];
        units /= (double)count;
        curve[0] = x / (double)count;
        curve[1] = log1p(quantile_of(samples, sorted, count, 0.5));
        curve[2] = log(units > 0.001 ? units : 0.001);
        curve[3] = log1p(quantile_of(samples, sorted, count, 0.025));
        curve[4] = log1p(quantile_of(samples, sorted, count, 0.975));
        for (int c = 1; b > 0 && c < MX_DEMAND_CURVE; c++) /* more expected is never less */
            if (curve[c] < out->curve[b - 1][c])
                curve[c] = out->curve[b - 1][c];
    }
}

typedef struct target_plan {
    size_t pairs;
    struct {
        uint32_t origin, horizon;
    } pair[600];
} target_plan;

static void plan_target(target_plan *p, size_t target, const mx_demand_options *options)
{
    static const size_t horizons[] = {1, 2, 4, 6, 9, 13};
    for (size_t k = 0; k < sizeof horizons / sizeof horizons[0]; k++) {
        size_t h = horizons[k];
        if ((int64_t)h > options->horizon || target + 1 < h + 2 || p->pairs >= sizeof p->pair / sizeof p->pair[0])
            continue;
        p->pair[p->pairs].origin = (uint32_t)(target + 1 - h);
        p->pair[p->pairs++].horizon = (uint32_t)h;
    }
}

static void make_plan(size_t weeks, const mx_demand_options *options, target_plan *p)
{
    p->pairs = 0;
    size_t recent = (size_t)options->recent < weeks ? (size_t)options->recent : weeks;
    for (size_t k = 0; k < recent; k++)
        plan_target(p, weeks - 1 - k, options);
    if (weeks >= SEASON_WEEKS)
        for (size_t k = recent; k < recent + YEAR_WEEKS && k + 13 < weeks; k += 4)
            plan_target(p, weeks - 1 - k, options);
}

typedef struct fill {
    const mx_snapshot *snapshot;
    const mx_demand_weeks *weeks;
    const target_plan *plan;
    uint64_t keep_below; /* of the product's key: goods that are looked at */
    size_t n;
    double *x, *y, *w;
    sample *samples;
} fill;

static merx_status fill_samples(fill *f, const merx_allocator *alloc, merx_task *task, merx_error *err)
{
    mx_demand_row row;
    MX_TRY(mx_demand_row_init(f->weeks, alloc, &row, err));
    merx_status status = MERX_OK;
    for (size_t r = 0; r < f->weeks->rows; r++) {
        if (mx_snapshot_product_key(f->snapshot, f->weeks->row_product[r]) > f->keep_below)
            continue;
        if (r % 1024 == 0)
            MX_TRY_GOTO(mx_task_step(task, r, err));
        mx_demand_row_set(&row, r);
        for (size_t k = 0; k < f->plan->pairs; k++) {
            size_t o = f->plan->pair[k].origin;
            size_t h = f->plan->pair[k].horizon;
            if ((size_t)row.first >= o)
                continue;
            if (f->x) {
                double *x = f->x + f->n * MX_DEMAND_FEATURES;
                mx_demand_features(&row, o, h, x);
                f->y[f->n] = row.logs[o - 1 + h];
                f->w[f->n] = sqrt(expm1((x[11] + x[3]) / 2) + 0.2); /* errors count in units */
                f->samples[f->n].units = row.units[o - 1 + h];
            }
            f->n++;
        }
    }
out:
    mx_demand_row_release(&row);
    return status;
}

merx_status mx_demand_fit(const mx_snapshot *s, const mx_demand_weeks *weeks, const mx_demand_options *options,
                          const merx_allocator *alloc, merx_task *task, mx_demand_model *out, merx_error *err)
{
    *out = (mx_demand_model){.horizon = options->horizon};
    target_plan plan;
    make_plan(weeks->weeks, options, &plan);
    fill f = {.snapshot = s, .weeks = weeks, .plan = &plan, .keep_below = UINT64_MAX};
    double most = (double)weeks->rows * (double)plan.pairs;
    if (most > MOST_SAMPLES)
        f.keep_below = (uint64_t)(18446744073709549568.0 * (MOST_SAMPLES / most));
    mx_linear linear = {0};
    mx_keyed *keys = NULL;
    size_t n = 0;
    merx_status status;
    MX_TRY_GOTO(fill_samples(&f, alloc, task, err));
    n = f.n;
    if (n < 20)
        MX_FAIL_GOTO(err, MERX_E_INVALID, "demand", "there are %zu product weeks to learn from; 20 are needed", n);
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, MX_DEMAND_FEATURES * sizeof *f.x, "features", &f.x, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, n, &f.y, "targets", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, n, &f.w, "weights", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, n, &f.samples, "samples", err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, 2 * sizeof *keys, "order of samples", &keys, err));
    f.n = 0;
    MX_TRY_GOTO(fill_samples(&f, alloc, task, err));
    MX_TRY_GOTO(mx_linear_fit(f.x, f.y, f.w, n, MX_DEMAND_FEATURES, &(mx_linear_options){.l2 = options->l2}, alloc,
                              task, &linear, err));
    out->intercept = linear.intercept;
    memcpy(out->coefficient, linear.coefficients, sizeof out->coefficient);
    memcpy(out->mean, linear.means, sizeof out->mean);
    out->samples = n;
    for (size_t i = 0; i < n; i++)
        f.samples[i].x = mx_linear_predict_row(&linear, f.x + i * MX_DEMAND_FEATURES);
    make_curve(f.samples, n, keys, keys + n, out);
out:
    mx_linear_release(&linear);
    mx_free_array(alloc, keys, n, 2 * sizeof *keys);
    MX_FREE_ARRAY(alloc, f.samples, n);
    MX_FREE_ARRAY(alloc, f.w, n);
    MX_FREE_ARRAY(alloc, f.y, n);
    mx_free_array(alloc, f.x, n, MX_DEMAND_FEATURES * sizeof *f.x);
    return status;
}

/* ---- forecasting ---- */

/* The curve at x: straight between the bins' middles, level before the first, rising with x after the last. */
static double read_curve(const mx_demand_model *m, int column, double x)
{
    size_t b = 0;
    while (b < m->bins && m->curve[b][0] <= x)
        b++;
    if (b == 0)
        return m->curve[0][column];
    if (b == m->bins)
        return m->curve[b - 1][column] + (x - m->curve[b - 1][0]);
    const double *low = m->curve[b - 1];
    const double *high = m->curve[b];
    return low[column] + (x - low[0]) / (high[0] - low[0]) * (high[column] - low[column]);
}

void mx_demand_predict(const mx_demand_model *m, const mx_demand_row *row, size_t horizon, mx_demand_group skip,
                       mx_demand_forecast *out)
{
    double f[MX_DEMAND_FEATURES];
    size_t origin = row->weeks->weeks;
    size_t h = (int64_t)horizon > m->horizon ? (size_t)m->horizon : horizon;
    mx_demand_features(row, origin, h, f);
    *out = (mx_demand_forecast){.base = m->intercept};
    for (int k = 0; k < MX_DEMAND_FEATURES; k++) {
        out->base += m->coefficient[k] * m->mean[k];
        if (mx_demand_feature_group[k] != skip)
            out->part[mx_demand_feature_group[k]] += m->coefficient[k] * (f[k] - m->mean[k]);
    }
    out->x = out->base;
    for (int g = 0; g < MX_DEMAND_GROUPS; g++)
        out->x += out->part[g];
    out->log_expected = read_curve(m, 2, out->x);
    out->expected = exp(out->log_expected);
    out->low = fmax(0, expm1(read_curve(m, 3, out->x)));
    out->high = expm1(read_curve(m, 4, out->x));
    double middle = expm1(read_curve(m, 1, out->x));
    out->units = fmin(fmax((middle + mx_demand_own_median(row, origin)) / 2, out->low), out->high);
}
