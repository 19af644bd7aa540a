/*
 * Change in the past: cohorts of customers, movers between two periods, anomalies. The words are in insight.h.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "shop/answers/insight_walk.h"

#define FAR_Z 3.5
#define NEAR_DAYS 28
#define NEAR_WEEKS 4

/* ---- cohorts ---- */

static size_t month_index(int64_t ms)
{
    mx_date date;
    mx_date_from_ms(ms, &date);
    return (size_t)date.year * 12 + (size_t)date.month - 1;
}

merx_status mx_insight_cohorts_build(const mx_snapshot *s, mx_insight_range range, mx_arena *arena,
                                     mx_insight_cohorts *out, merx_error *err)
{
    *out = (mx_insight_cohorts){0};
    if (range.from_ms >= range.to_ms)
        return MERX_OK;
    size_t origin = month_index(range.from_ms);
    size_t n = month_index(range.to_ms - 1) - origin + 1;
    int64_t *first_ms = NULL;
    int32_t *cohort = NULL; /* (customers): -1 none */
    int32_t *stamp = NULL;  /* (customers): 1 + last active month */
    merx_status status;
    out->at = mx_arena_array(arena, n, sizeof *out->at, err);
    if (!out->at)
        return MERX_E_MEMORY;
    out->n = n;
    MX_TRY_GOTO(mx_first_sales(s, arena->alloc, &first_ms, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(arena->alloc, s->customers, &cohort, "cohorts", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(arena->alloc, s->customers, &stamp, "months of customers", err));
    int64_t month_ms = mx_floor_month(range.from_ms);
    for (size_t c = 0; c < n; c++) {
        mx_insight_cohort *at = &out->at[c];
        at->month_ms = month_ms;
        at->months = n - c;
        at->active = mx_arena_array(arena, n - c, sizeof *at->active, err);
        at->revenue_minor = mx_arena_array(arena, n - c, sizeof *at->revenue_minor, err);
        if (!at->active || !at->revenue_minor) {
            status = MERX_E_MEMORY;
            goto out;
        }
        month_ms = mx_add_months(month_ms, 1);
    }
    for (size_t c = 0; c < s->customers; c++) {
        cohort[c] = first_ms[c] >= range.from_ms && first_ms[c] < range.to_ms
                        ? (int32_t)(month_index(first_ms[c]) - origin)
                        : -1;
        if (cohort[c] >= 0)
            out->at[cohort[c]].size++;
    }
    size_t from;
    size_t to;
    mx_insight_bounds(s, range, &from, &to);
    size_t month = 0;
    int64_t next_ms = mx_add_months(mx_floor_month(range.from_ms), 1);
    for (size_t i = from; i < to; i++) {
        while (s->time_ms[i] >= next_ms) {
            next_ms = mx_add_months(next_ms, 1);
            month++;
        }
        int32_t customer = s->customer[i];
        if (customer < 0 || cohort[customer] < 0 || !mx_insight_is_line(s, i))
            continue;
        mx_insight_cohort *at = &out->at[cohort[customer]];
        int64_t amount;
        MX_TRY_GOTO(mx_insight_amount(s, i, &amount, err));
        if (month < (size_t)cohort[customer]) {
            MX_TRY_GOTO(mx_insight_sum(&at->earlier_minor, amount, err));
            continue;
        }
        size_t age = month - (size_t)cohort[customer];
        MX_TRY_GOTO(mx_insight_sum(&at->revenue_minor[age], amount, err));
        if (mx_insight_is_sale(s, i) && stamp[customer] != (int32_t)month + 1) {
            stamp[customer] = (int32_t)month + 1;
            at->active[age]++;
        }
    }
out:
    MX_FREE_ARRAY(arena->alloc, stamp, s->customers);
    MX_FREE_ARRAY(arena->alloc, cohort, s->customers);
    MX_FREE_ARRAY(arena->alloc, first_ms, s->customers);
    return status;
}

/* ---- movers ---- */

static int64_t magnitude(int64_t v)
{
    return v == INT64_MIN ? INT64_MAX : v < 0 ? -v : v;
}

static int compare_movers(const void *a, const void *b)
{
    const mx_insight_mover *x = a;
    const mx_insight_mover *y = b;
    int64_t p = magnitude(x->change_minor);
    int64_t q = magnitude(y->change_minor);
    if (p != q)
        return p > q ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

typedef struct mover_sums {
    int64_t revenue[2], sales[2], units[2];
    bool any;
} mover_sums;

static merx_status collect(const mx_snapshot *s, mx_insight_by by, mx_insight_range range, int side, mover_sums *sums,
                           size_t groups, merx_error *err)
{
    size_t from;
    size_t to;
    mx_insight_bounds(s, range, &from, &to);
    for (size_t i = from; i < to; i++) {
        if (!mx_insight_is_line(s, i))
            continue;
        int64_t amount;
        int32_t group = mx_insight_group(s, by, i);
        mover_sums *sum = &sums[group < 0 ? groups - 1 : (size_t)group];
        sum->any = true;
        MX_TRY(mx_insight_amount(s, i, &amount, err));
        MX_TRY(mx_insight_sum(&sum->revenue[side], amount, err));
        if (!mx_insight_is_sale(s, i))
            continue;
        MX_TRY(mx_insight_sum(&sum->sales[side], amount, err));
        MX_TRY(mx_insight_sum(&sum->units[side], s->quantity[i], err));
    }
    return MERX_OK;
}

/* change = quantity + price + returns, each a whole number of minor units; the price part takes what rounding leaves. */
static merx_status decompose(const mover_sums *sum, mx_insight_mover *m, merx_error *err)
{
    int64_t sales_change;
    m->before_minor = sum->revenue[0];
    m->after_minor = sum->revenue[1];
    m->units_before = sum->units[0];
    m->units_after = sum->units[1];
    if (__builtin_sub_overflow(m->after_minor, m->before_minor, &m->change_minor) ||
        __builtin_sub_overflow(sum->sales[1], sum->sales[0], &sales_change) ||
        __builtin_sub_overflow(m->change_minor, sales_change, &m->returns_minor))
        MX_FAIL(err, MERX_E_RANGE, "insight", "the change of revenue does not fit in 64 bits");
    m->quantity_minor = sales_change;
    m->price_minor = 0;
    if (sum->units[0] > 0 && sum->units[1] > 0) {
        mx_wide wide = (mx_wide)sum->sales[0] * ((mx_wide)sum->units[1] - sum->units[0]) / sum->units[0];
        if (wide > INT64_MAX || wide < INT64_MIN ||
            __builtin_sub_overflow(sales_change, (int64_t)wide, &m->price_minor))
            m->price_minor = 0; /* beyond 64 bits: all of it counts as quantity */
        else
            m->quantity_minor = (int64_t)wide;
    }
    return MERX_OK;
}

static merx_status add_mover(mx_insight_mover *sum, const mx_insight_mover *m, merx_error *err)
{
    MX_TRY(mx_insight_sum(&sum->before_minor, m->before_minor, err));
    MX_TRY(mx_insight_sum(&sum->after_minor, m->after_minor, err));
    MX_TRY(mx_insight_sum(&sum->change_minor, m->change_minor, err));
    MX_TRY(mx_insight_sum(&sum->quantity_minor, m->quantity_minor, err));
    MX_TRY(mx_insight_sum(&sum->price_minor, m->price_minor, err));
    MX_TRY(mx_insight_sum(&sum->returns_minor, m->returns_minor, err));
    MX_TRY(mx_insight_sum(&sum->units_before, m->units_before, err));
    return mx_insight_sum(&sum->units_after, m->units_after, err);
}

/* The last two neighbouring periods that lie wholly in the range and in the data. */
static bool last_two(const mx_snapshot *s, mx_insight_period period, mx_insight_range range, int64_t starts[3])
{
    mx_insight_range all = mx_insight_all(s);
    int64_t low = range.from_ms > all.from_ms ? range.from_ms : all.from_ms;
    int64_t high = range.to_ms < all.to_ms ? range.to_ms : all.to_ms;
    if (low >= high)
        return false;
    int64_t end = mx_insight_period_start(s, period, high);
    int64_t middle = mx_insight_period_start(s, period, end - 1);
    int64_t begin = mx_insight_period_start(s, period, middle - 1);
    starts[0] = begin;
    starts[1] = middle;
    starts[2] = end;
    return begin >= low;
}

merx_status mx_insight_movers_build(const mx_snapshot *s, mx_insight_by by, mx_insight_period period,
                                    mx_insight_range range, size_t n, mx_arena *arena, mx_insight_movers *out,
                                    merx_error *err)
{
    *out = (mx_insight_movers){.by = by, .period = period, .others = {.index = -1, .title = MX_STR("all others")}};
    int64_t starts[3];
    if (!last_two(s, period, range, starts))
        return MERX_OK;
    out->found = true;
    out->before_ms = starts[0];
    out->after_ms = starts[1];
    size_t groups = mx_insight_groups(s, by) + 1;
    size_t kept = 0;
    mover_sums *sums = NULL;
    mx_insight_mover *movers = NULL;
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(arena->alloc, groups, &sums, "groups", err));
    for (int side = 0; side < 2; side++)
        MX_TRY_GOTO(collect(s, by, (mx_insight_range){starts[side], starts[side + 1]}, side, sums, groups, err));
    for (size_t g = 0; g < groups; g++)
        out->groups += sums[g].any;
    MX_TRY_GOTO(MX_NEW_ARRAY(arena->alloc, out->groups, &movers, "movers", err));
    mx_insight_mover total = {0};
    for (size_t g = 0; g < groups; g++) {
        if (!sums[g].any)
            continue;
        mx_insight_mover *m = &movers[kept++];
        m->index = g + 1 < groups ? (int32_t)g : -1;
        mx_insight_names(s, by, m->index, &m->id, &m->title);
        MX_TRY_GOTO(decompose(&sums[g], m, err));
        MX_TRY_GOTO(add_mover(&total, m, err));
    }
    out->before_minor = total.before_minor;
    out->after_minor = total.after_minor;
    out->change_minor = total.change_minor;
    if (kept > 0)
        qsort(movers, kept, sizeof *movers, compare_movers);
    out->n = n < kept ? n : kept;
    out->mover = mx_arena_array(arena, out->n, sizeof *out->mover, err);
    if (!out->mover && out->n > 0) {
        status = MERX_E_MEMORY;
        goto out;
    }
    for (size_t g = 0; g < kept; g++)
        if (g < out->n)
            out->mover[g] = movers[g];
        else
            MX_TRY_GOTO(add_mover(&out->others, &movers[g], err));
out:
    MX_FREE_ARRAY(arena->alloc, movers, out->groups);
    MX_FREE_ARRAY(arena->alloc, sums, groups);
    return status;
}

/* ---- anomalies ---- */

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Sorts values. */
static double median_of(double *values, size_t n)
{
    if (n == 0)
        return NAN;
    qsort(values, n, sizeof *values, compare_double);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

typedef struct far_work {
    size_t n; /* periods */
    const mx_insight_sums *at;
    double *level, *expected, *error, *sorted, *z;
    double factor[7];
    bool days;
} far_work;

static int weekday_of(const far_work *w, size_t t)
{
    return w->days ? mx_weekday(w->at[t].from_ms) : 0;
}

static bool is_open(const far_work *w, size_t t)
{
    return w->at[t].lines > 0 && w->factor[weekday_of(w, t)] > 0.05;
}

/* factor of a weekday: its median revenue over the mean of the weekdays' medians; a weekday with a median of 0 is a closed one. */
static void find_factors(far_work *w)
{
    double sum = 0;
    int kinds = w->days ? 7 : 1;
    int open = 0;
    for (int k = 0; k < kinds; k++) {
        size_t n = 0;
        for (size_t t = 0; t < w->n; t++)
            if (weekday_of(w, t) == k)
                w->sorted[n++] = w->at[t].lines > 0 ? (double)w->at[t].revenue_minor : 0;
        double middle = median_of(w->sorted, n);
        w->factor[k] = middle > 0 ? middle : 0;
        sum += w->factor[k];
        open += w->factor[k] > 0;
    }
    for (int k = 0; k < kinds; k++)
        w->factor[k] = sum > 0 ? w->factor[k] * open / sum : 0;
}

static void find_expected(far_work *w)
{
    size_t reach = w->days ? NEAR_DAYS : NEAR_WEEKS;
    for (size_t t = 0; t < w->n; t++) {
        size_t n = 0;
        for (size_t u = t > reach ? t - reach : 0; u <= t + reach && u < w->n; u++)
            if (u != t && is_open(w, u))
                w->sorted[n++] = (double)w->at[u].revenue_minor / w->factor[weekday_of(w, u)];
        w->level[t] = median_of(w->sorted, n);
        w->expected[t] = w->level[t] * w->factor[weekday_of(w, t)];
        w->error[t] = ((double)w->at[t].revenue_minor - w->expected[t]) / w->level[t];
    }
}

/* z of every period that can be judged; NaN elsewhere. Returns how many are open. */
static size_t find_z(far_work *w)
{
    size_t n = 0;
    for (size_t t = 0; t < w->n; t++)
        if (is_open(w, t) && w->level[t] > 0)
            w->sorted[n++] = w->error[t];
    size_t tested = n;
    double middle = median_of(w->sorted, n);
    for (size_t k = 0; k < n; k++)
        w->sorted[k] = fabs(w->sorted[k] - middle);
    double spread = median_of(w->sorted, n);
    for (size_t t = 0; t < w->n; t++) {
        bool judged = w->at[t].lines > 0 && w->level[t] > 0 && spread > 0;
        w->z[t] = judged ? 0.6745 * (w->error[t] - middle) / spread : NAN;
    }
    return tested;
}

static void find_closed(const far_work *w, mx_insight_anomalies *out)
{
    size_t run = 0;
    int64_t start_ms = 0;
    for (size_t t = 0; t < w->n; t++) {
        if (w->at[t].lines > 0) {
            run = 0;
            continue;
        }
        if (w->factor[weekday_of(w, t)] <= 0.05)
            continue; /* closed as ever: neither begins nor ends a run */
        out->closed++;
        start_ms = run == 0 ? w->at[t].from_ms : start_ms;
        run++;
        if (run > out->longest_closed) {
            out->longest_closed = run;
            out->longest_closed_ms = start_ms;
        }
    }
}

static int compare_anomalies(const void *a, const void *b)
{
    const mx_insight_anomaly *x = a;
    const mx_insight_anomaly *y = b;
    if (fabs(x->z) != fabs(y->z))
        return fabs(x->z) > fabs(y->z) ? -1 : 1;
    return x->start_ms < y->start_ms ? -1 : x->start_ms > y->start_ms;
}

typedef struct part_rank {
    double deviation;
    int32_t index;
} part_rank;

static int compare_parts(const void *a, const void *b)
{
    const part_rank *x = a;
    const part_rank *y = b;
    if (fabs(x->deviation) != fabs(y->deviation))
        return fabs(x->deviation) > fabs(y->deviation) ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Revenue by product over a range into sums (products + 1, zeroed here). */
static merx_status by_product(const mx_snapshot *s, mx_insight_range range, int64_t *sums, merx_error *err)
{
    memset(sums, 0, (s->products + 1) * sizeof *sums);
    size_t from;
    size_t to;
    mx_insight_bounds(s, range, &from, &to);
    for (size_t i = from; i < to; i++) {
        int64_t amount;
        if (!mx_insight_is_line(s, i))
            continue;
        MX_TRY(mx_insight_amount(s, i, &amount, err));
        MX_TRY(mx_insight_sum(&sums[s->product[i] < 0 ? s->products : (size_t)s->product[i]], amount, err));
    }
    return MERX_OK;
}

/* A product is expected to have its share of the revenue of the weeks around. */
static merx_status find_parts(const mx_snapshot *s, mx_insight_range range, size_t parts, int64_t *actual,
                              int64_t *around, part_rank *ranks, mx_arena *arena, mx_insight_anomaly *at,
                              merx_error *err)
{
    int64_t reach = NEAR_DAYS * MX_DAY_MS;
    mx_insight_range near = {at->start_ms - reach > range.from_ms ? at->start_ms - reach : range.from_ms,
                             at->end_ms + reach < range.to_ms ? at->end_ms + reach : range.to_ms};
    MX_TRY(by_product(s, (mx_insight_range){at->start_ms, at->end_ms}, actual, err));
    MX_TRY(by_product(s, near, around, err));
    double whole = 0;
    for (size_t p = 0; p <= s->products; p++) {
        if (__builtin_sub_overflow(around[p], actual[p], &around[p]))
            around[p] = 0; /* only at the edge of 64 bits */
        whole += (double)around[p];
    }
    double scale = whole > 0 ? at->expected_minor / whole : 0;
    for (size_t p = 0; p <= s->products; p++)
        ranks[p] = (part_rank){(double)actual[p] - scale * (double)around[p], p < s->products ? (int32_t)p : -1};
    qsort(ranks, s->products + 1, sizeof *ranks, compare_parts);
    size_t n = parts < s->products + 1 ? parts : s->products + 1;
    while (n > 0 && !(fabs(ranks[n - 1].deviation) > 0))
        n--;
    at->part = mx_arena_array(arena, n, sizeof *at->part, err);
    if (!at->part && n > 0)
        return MERX_E_MEMORY;
    at->parts = n;
    double rest = (double)at->revenue_minor - at->expected_minor;
    for (size_t k = 0; k < n; k++) {
        mx_insight_anomaly_part *part = &at->part[k];
        size_t p = ranks[k].index < 0 ? s->products : (size_t)ranks[k].index;
        part->index = ranks[k].index;
        mx_insight_names(s, MX_BY_PRODUCT, part->index, &part->id, &part->title);
        part->actual_minor = actual[p];
        part->expected_minor = scale * (double)around[p];
        rest -= ranks[k].deviation;
    }
    at->others_minor = rest;
    return MERX_OK;
}

merx_status mx_insight_anomalies_build(const mx_snapshot *s, mx_insight_period period, mx_insight_range range, size_t n,
                                       size_t parts, mx_arena *arena, mx_insight_anomalies *out, merx_error *err)
{
    period = period == MX_PERIOD_MONTH ? MX_PERIOD_WEEK : period;
    *out = (mx_insight_anomalies){.period = period};
    mx_insight_series series;
    MX_TRY(mx_insight_series_build(s, period, range, arena, &series, err));
    /* only whole periods */
    size_t skip = series.n > 0 && !series.at[0].complete ? 1 : 0;
    size_t count = series.n - skip;
    if (count > 0 && !series.at[skip + count - 1].complete)
        count--;
    const merx_allocator *alloc = arena->alloc;
    size_t products = s->products + 1;
    double *numbers = NULL;
    mx_insight_anomaly *all = NULL;
    int64_t *actual = NULL;
    int64_t *around = NULL;
    part_rank *ranks = NULL;
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, count * 5, &numbers, "days", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, count, &all, "anomalies", err));
    far_work w = {.n = count, .at = count > 0 ? series.at + skip : NULL, .days = period == MX_PERIOD_DAY};
    if (count > 0) {
        w.level = numbers;
        w.expected = numbers + count;
        w.error = numbers + 2 * count;
        w.sorted = numbers + 3 * count;
        w.z = numbers + 4 * count;
        find_factors(&w);
        find_expected(&w);
        find_closed(&w, out);
        out->tested = find_z(&w);
    }
    if (out->tested >= (w.days ? 14U : 8U))
        for (size_t t = 0; t < count; t++)
            if (fabs(w.z[t]) >= FAR_Z)
                all[out->found++] = (mx_insight_anomaly){.start_ms = w.at[t].from_ms,
                                                         .end_ms = w.at[t].to_ms,
                                                         .revenue_minor = w.at[t].revenue_minor,
                                                         .expected_minor = w.expected[t],
                                                         .z = w.z[t]};
    if (out->found > 0)
        qsort(all, out->found, sizeof *all, compare_anomalies);
    out->n = n < out->found ? n : out->found;
    out->at = mx_arena_array(arena, out->n, sizeof *out->at, err);
    if (!out->at && out->n > 0) {
        status = MERX_E_MEMORY;
        goto out;
    }
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, products, &actual, "products", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, products, &around, "products", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, products, &ranks, "products", err));
    for (size_t k = 0; k < out->n; k++) {
        out->at[k] = all[k];
        MX_TRY_GOTO(find_parts(s, range, parts, actual, around, ranks, arena, &out->at[k], err));
    }
out:
    MX_FREE_ARRAY(alloc, ranks, products);
    MX_FREE_ARRAY(alloc, around, products);
    MX_FREE_ARRAY(alloc, actual, products);
    MX_FREE_ARRAY(alloc, all, count);
    MX_FREE_ARRAY(alloc, numbers, count * 5);
    return status;
}
