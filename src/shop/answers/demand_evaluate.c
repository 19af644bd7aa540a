/*
 * How good the forecasts are: learn from what was before the split, forecast every complete week after it at once, compare with units sold (zero weeks too) of all
 * goods that had a sale before. WAPE = sum |sold - forecast| / sum sold, beside the last week, the mean of 8 weeks and the same week a year ago. Intervals resample goods.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/run.h"
#include "numeric/statistics.h"
#include "shop/answers/demand_model.h"

#define WEEK_MS (7 * MX_DAY_MS)
enum { REPLICATES = 1000 };
enum { MINE, LAST, MEAN8, YEAR, METHODS };
static const char *const method_names[METHODS] = {"demand", "last week", "mean of 8 weeks", "same week last year"};

typedef struct trial {
    size_t rows, tested;      /* weeks */
    double *sold;             /* (rows, tested) */
    double *error[METHODS];   /* (rows) sums of |sold - forecast| */
    double *total, *forecast; /* (rows) */
    double *difference;       /* (rows) scratch */
    size_t inside;            /* product weeks within the interval */
    double *inside_share, *ones;
} trial;

static void count_sold(const mx_snapshot *s, const mx_demand_weeks *weeks, const int32_t *row_of, int64_t first_ms,
                       trial *t)
{
    (void)weeks;
    for (size_t i = 0; i < s->events; i++) {
        int64_t after = s->time_ms[i] - first_ms;
        if (after < 0 || after / WEEK_MS >= (int64_t)t->tested || !mx_snapshot_is_sale(s, i))
            continue;
        int32_t row = row_of[s->product[i]];
        if (row >= 0)
            t->sold[(size_t)row * t->tested + (size_t)(after / WEEK_MS)] += (double)s->quantity[i];
    }
}

/* horizon of test week 0 */
static void compare(trial *t, const mx_demand_model *model, mx_demand_row *row, size_t first_horizon)
{
    size_t weeks = row->weeks->weeks;
    for (size_t r = 0; r < t->rows; r++) {
        mx_demand_row_set(row, r);
        size_t window = weeks < 8 ? weeks : 8;
        double mean = (row->units_before[weeks] - row->units_before[weeks - window]) / (double)window;
        for (size_t k = 0; k < t->tested; k++) {
            mx_demand_forecast f;
            double sold = t->sold[r * t->tested + k];
            size_t week = weeks - 1 + first_horizon + k;
            mx_demand_predict(model, row, first_horizon + k, MX_DEMAND_GROUPS, &f);
            t->total[r] += sold;
            t->forecast[r] += f.units;
            t->error[MINE][r] += fabs(sold - f.units);
            t->error[LAST][r] += fabs(sold - row->units[weeks - 1]);
            t->error[MEAN8][r] += fabs(sold - mean);
            t->error[YEAR][r] += week >= 52 && week - 52 < weeks ? fabs(sold - row->units[week - 52]) : NAN;
            t->inside_share[r] += (sold >= floor(f.low) && sold <= ceil(f.high)) / (double)t->tested;
        }
    }
}

static merx_status add_wape(trial *t, int baseline, const char *name, uint64_t seed, merx_task *task,
                            merx_evaluation *out, merx_error *err)
{
    merx_figure *f = &out->figure[out->figures++];
    mx_interval interval;
    *f = (merx_figure){.baseline = NAN, .best_reachable = NAN};
    snprintf(f->name, sizeof f->name, "%s", name);
    snprintf(f->baseline_name, sizeof f->baseline_name, "%s", method_names[baseline]);
    MX_TRY(mx_bootstrap_ratio(t->error[MINE], t->total, t->rows, REPLICATES, seed, task, &interval, err));
    f->value = interval.value;
    f->low = interval.low;
    f->high = interval.high;
    f->baseline = mx_sum(t->error[baseline], t->rows) / mx_sum(t->total, t->rows);
    for (size_t r = 0; r < t->rows; r++)
        t->difference[r] = t->error[MINE][r] - t->error[baseline][r];
    MX_TRY(mx_bootstrap_ratio(t->difference, t->total, t->rows, REPLICATES, seed, task, &interval, err));
    f->difference = interval.value;
    f->difference_low = interval.low;
    f->difference_high = interval.high;
    return MERX_OK;
}

static merx_status add_ratio(const char *name, const double *top, const double *bottom, bool higher, trial *t,
                             uint64_t seed, merx_task *task, merx_evaluation *out, merx_error *err)
{
    merx_figure *f = &out->figure[out->figures++];
    mx_interval interval;
    *f = (merx_figure){.baseline = NAN,
                       .difference = NAN,
                       .difference_low = NAN,
                       .difference_high = NAN,
                       .best_reachable = NAN,
                       .higher_is_better = higher};
    snprintf(f->name, sizeof f->name, "%s", name);
    MX_TRY(mx_bootstrap_ratio(top, bottom, t->rows, REPLICATES, seed, task, &interval, err));
    f->value = interval.value;
    f->low = interval.low;
    f->high = interval.high;
    return MERX_OK;
}

static merx_status make_figures(const mx_evaluate *e, trial *t, merx_evaluation *out, merx_error *err)
{
    uint64_t seed = merx_task_seed(e->task);
    int best = LAST;
    for (int m = LAST; m < METHODS; m++)
        if (mx_sum(t->error[m], t->rows) < mx_sum(t->error[best], t->rows))
            best = m;
    MX_TRY(add_wape(t, best, "wape", seed, e->task, out, err));
    MX_TRY(add_ratio("bias", t->forecast, t->total, true, t, seed, e->task, out, err));
    for (size_t r = 0; r < t->rows; r++)
        t->difference[r] = t->error[MINE][r] / (double)t->tested;
    MX_TRY(add_ratio("mae", t->difference, t->ones, false, t, seed, e->task, out, err));
    MX_TRY(add_ratio("coverage", t->inside_share, t->ones, true, t, seed, e->task, out, err));
    static const char *const names[METHODS] = {"", "wape vs last week", "wape vs mean of 8", "wape vs last year"};
    for (int m = LAST; m < METHODS; m++)
        if (m != best && isfinite(mx_sum(t->error[m], t->rows)))
            MX_TRY(add_wape(t, m, names[m], seed, e->task, out, err));
    const merx_figure *f = &out->figure[0];
    out->gate_passed = f->difference_high < 0;
    snprintf(out->gate, sizeof out->gate,
             "wape %.4f against %.4f of %s: the 95 %% interval of the difference [%.4f, %.4f] %s", f->value,
             f->baseline, f->baseline_name, f->difference_low, f->difference_high,
             out->gate_passed ? "is below 0" : "reaches 0");
    return MERX_OK;
}

merx_status mx_demand_evaluate(const mx_evaluate *e, merx_evaluation *out, merx_error *err)
{
    const mx_snapshot *s = e->snapshot;
    const merx_allocator *alloc = e->alloc;
    *out = (merx_evaluation){.split_ms = e->split_ms};
    mx_snapshot before = mx_snapshot_before(s, e->split_ms);
    mx_demand_options options = mx_demand_options_of(e->options);
    mx_demand_weeks weeks = {0};
    mx_demand_row row = {0};
    mx_demand_model *model = NULL;
    trial t = {0};
    int32_t *row_of = NULL;
    double *block = NULL;
    size_t numbers = 0;
    int64_t first_ms;
    merx_status status;
    t.tested = mx_demand_complete(s, e->split_ms, INT64_MAX, &first_ms);
    MX_TRY_GOTO(mx_demand_weeks_build(&before, e->split_ms, alloc, &weeks, err));
    if (t.tested == 0 || weeks.weeks < 6 || weeks.rows == 0)
        MX_FAIL_GOTO(err, MERX_E_INVALID, "demand",
                     "there are %zu complete weeks before the split and %zu after it; 6 and 1 are needed", weeks.weeks,
                     t.tested);
    t.rows = weeks.rows;
    numbers = t.rows * (t.tested + METHODS + 5);
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, 1, &model, "the model", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, numbers, &block, "the comparison", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, s->products, &row_of, "products", err));
    MX_TRY_GOTO(mx_demand_row_init(&weeks, alloc, &row, err));
    t.sold = block;
    double *next = block + t.rows * t.tested;
    double **const parts[] = {&t.error[MINE], &t.error[LAST], &t.error[MEAN8], &t.error[YEAR], &t.total,
                              &t.forecast,    &t.difference,  &t.inside_share, &t.ones};
    for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++, next += t.rows)
        *parts[k] = next;
    for (size_t p = 0; p < s->products; p++)
        row_of[p] = -1;
    for (size_t r = 0; r < t.rows; r++) {
        row_of[weeks.row_product[r]] = (int32_t)r;
        t.ones[r] = 1;
    }
    count_sold(s, &weeks, row_of, first_ms, &t);
    mx_task_stage(e->task, "evaluate demand", weeks.rows, "products");
    MX_TRY_GOTO(mx_demand_fit(&before, &weeks, &options, alloc, e->task, model, err));
    int64_t known_until = weeks.first_ms + (int64_t)weeks.weeks * WEEK_MS;
    compare(&t, model, &row, (size_t)((first_ms - known_until) / WEEK_MS) + 1);
    if (!(mx_sum(t.total, t.rows) > 0))
        MX_FAIL_GOTO(err, MERX_E_INVALID, "demand", "nothing was sold in the %zu weeks after the split", t.tested);
    out->until_ms = first_ms + (int64_t)t.tested * WEEK_MS;
    out->train_rows = (uint64_t)weeks.starts[weeks.rows];
    out->test_rows = t.rows * t.tested;
    out->test_units = t.rows;
    snprintf(out->unit, sizeof out->unit, "products");
    snprintf(out->protocol, sizeof out->protocol,
             "%zu complete weeks after the split forecast from what was before it, %zu goods sold before, weeks "
             "without a sale included; "
             "wape = sum |error| / sum units",
             t.tested, t.rows);
    MX_TRY_GOTO(make_figures(e, &t, out, err));
    mx_task_done(e->task);
out:
    mx_demand_row_release(&row);
    MX_FREE_ARRAY(alloc, row_of, s->products);
    MX_FREE_ARRAY(alloc, block, numbers);
    MX_FREE_ARRAY(alloc, model, 1);
    mx_demand_weeks_release(&weeks);
    return status;
}
