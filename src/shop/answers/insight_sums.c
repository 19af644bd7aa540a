/*
 * Sums of the past: overview, series and tops. The words and invariants are in insight.h.
 *
 * All go through one walk over the lines of a range. An order is counted at its first sale of the range: `seen` marks orders by id; sales without an order id are
 * told apart by customer and day (the last such day of each customer), or counted one by one when the customer is unknown.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "shop/answers/insight_walk.h"

mx_insight_range mx_insight_all(const mx_snapshot *s)
{
    if (s->events == 0)
        return (mx_insight_range){0, 0};
    return (mx_insight_range){mx_floor_day(s->time_ms[0]), mx_floor_day(s->time_ms[s->events - 1]) + MX_DAY_MS};
}

int64_t mx_insight_period_start(const mx_snapshot *s, mx_insight_period period, int64_t ms)
{
    return period == MX_PERIOD_DAY    ? mx_floor_day(ms)
           : period == MX_PERIOD_WEEK ? mx_floor_week(ms, s->week_start)
                                      : mx_floor_month(ms);
}

int64_t mx_insight_period_next(mx_insight_period period, int64_t start_ms)
{
    return period == MX_PERIOD_DAY    ? start_ms + MX_DAY_MS
           : period == MX_PERIOD_WEEK ? start_ms + 7 * MX_DAY_MS
                                      : mx_add_months(start_ms, 1);
}

const char *mx_insight_period_name(mx_insight_period period)
{
    return period == MX_PERIOD_DAY ? "day" : period == MX_PERIOD_WEEK ? "week" : "month";
}

void mx_insight_period_label(mx_insight_period period, int64_t start_ms, char *out)
{
    mx_format_date(start_ms, false, out);
    if (period == MX_PERIOD_MONTH)
        out[strlen(out) - 3] = '\0';
}

/* The events of a range lie together: they are in time order. */
void mx_insight_bounds(const mx_snapshot *s, mx_insight_range range, size_t *from, size_t *to)
{
    size_t bounds[2];
    for (int side = 0; side < 2; side++) {
        int64_t at = side == 0 ? range.from_ms : range.to_ms;
        size_t low = 0;
        size_t high = s->events;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (s->time_ms[middle] < at)
                low = middle + 1;
            else
                high = middle;
        }
        bounds[side] = low;
    }
    *from = bounds[0];
    *to = bounds[1] < bounds[0] ? bounds[0] : bounds[1];
}

merx_status mx_insight_amount(const mx_snapshot *s, size_t i, int64_t *amount, merx_error *err)
{
    if (__builtin_mul_overflow(s->quantity[i], s->price_minor[i], amount))
        MX_FAIL(err, MERX_E_RANGE, "insight", "quantity %lld times price %lld of a line does not fit in 64 bits",
                (long long)s->quantity[i], (long long)s->price_minor[i]);
    return MERX_OK;
}

merx_status mx_insight_sum(int64_t *sum, int64_t value, merx_error *err)
{
    if (__builtin_add_overflow(*sum, value, sum))
        MX_FAIL(err, MERX_E_RANGE, "insight", "the sum of amounts does not fit in 64 bits");
    return MERX_OK;
}

/* ---- counting orders and customers ---- */

merx_status mx_order_count_init(const mx_snapshot *s, const merx_allocator *alloc, mx_order_count *c, merx_error *err)
{
    *c = (mx_order_count){.alloc = alloc, .orders = s->orders, .customers = s->customers};
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, s->orders, &c->seen, "orders seen", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, s->customers, &c->day, "order days", err));
    for (size_t i = 0; i < s->customers; i++)
        c->day[i] = INT64_MIN;
    return MERX_OK;
out:
    mx_order_count_release(c);
    return status;
}

void mx_order_count_release(mx_order_count *c)
{
    MX_FREE_ARRAY(c->alloc, c->seen, c->orders);
    MX_FREE_ARRAY(c->alloc, c->day, c->customers);
    *c = (mx_order_count){0};
}

bool mx_order_count_new(mx_order_count *c, const mx_snapshot *s, size_t i)
{
    int32_t order = s->order[i];
    if (order >= 0) {
        if (c->seen[order])
            return false;
        c->seen[order] = 1;
        return true;
    }
    if (s->customer[i] < 0)
        return true;
    int64_t day = mx_floor_day(s->time_ms[i]);
    if (c->day[s->customer[i]] == day)
        return false;
    c->day[s->customer[i]] = day;
    return true;
}

merx_status mx_first_sales(const mx_snapshot *s, const merx_allocator *alloc, int64_t **first_ms, merx_error *err)
{
    MX_TRY(MX_NEW_ARRAY(alloc, s->customers, first_ms, "first sales", err));
    for (size_t c = 0; c < s->customers; c++)
        (*first_ms)[c] = INT64_MAX;
    for (size_t i = 0; i < s->events; i++)
        if (mx_insight_is_sale(s, i) && s->customer[i] >= 0 && (*first_ms)[s->customer[i]] == INT64_MAX)
            (*first_ms)[s->customer[i]] = s->time_ms[i];
    return MERX_OK;
}

/* ---- sums of periods ---- */

typedef struct sums_walk {
    mx_order_count count;
    int64_t *first_ms;
    int32_t *stamp;         /* (customers): 1 + the period of the last sale */
    uint32_t *orders_in_it; /* (customers): orders in that period */
} sums_walk;

static void walk_release(sums_walk *w, const mx_snapshot *s, const merx_allocator *alloc)
{
    mx_order_count_release(&w->count);
    MX_FREE_ARRAY(alloc, w->first_ms, s->customers);
    MX_FREE_ARRAY(alloc, w->stamp, s->customers);
    MX_FREE_ARRAY(alloc, w->orders_in_it, s->customers);
}

static merx_status walk_init(sums_walk *w, const mx_snapshot *s, const merx_allocator *alloc, merx_error *err)
{
    *w = (sums_walk){0};
    merx_status status;
    MX_TRY_GOTO(mx_order_count_init(s, alloc, &w->count, err));
    MX_TRY_GOTO(mx_first_sales(s, alloc, &w->first_ms, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, s->customers, &w->stamp, "customers seen", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, s->customers, &w->orders_in_it, "orders of customers", err));
    return MERX_OK;
out:
    walk_release(w, s, alloc);
    return status;
}

static merx_status add_line(sums_walk *w, const mx_snapshot *s, size_t i, int32_t period, mx_insight_sums *sums,
                            merx_error *err)
{
    int64_t amount;
    MX_TRY(mx_insight_amount(s, i, &amount, err));
    int32_t product = s->product[i];
    int32_t customer = s->customer[i];
    bool sale = mx_insight_is_sale(s, i);
    sums->lines++;
    MX_TRY(mx_insight_sum(&sums->revenue_minor, amount, err));
    int64_t *kind = product < 0                        ? &sums->unnamed_minor
                    : s->product_service[product] != 0 ? &sums->services_minor
                                                       : &sums->goods_minor;
    MX_TRY(mx_insight_sum(kind, amount, err));
    MX_TRY(mx_insight_sum(sale ? &sums->sales_minor : &sums->returns_minor, amount, err));
    if (customer >= 0)
        MX_TRY(mx_insight_sum(&sums->known_minor, amount, err));
    if (product >= 0 && !s->product_service[product]) {
        if (sale)
            MX_TRY(mx_insight_sum(&sums->units, s->quantity[i], err));
        else if (s->kind[i] == MX_EVENT_RETURN && s->quantity[i] < 0) {
            if (__builtin_sub_overflow(sums->returned_units, s->quantity[i], &sums->returned_units))
                MX_FAIL(err, MERX_E_RANGE, "insight", "the sum of returned units does not fit in 64 bits");
        }
    }
    if (!sale)
        return MERX_OK;
    bool new_order = mx_order_count_new(&w->count, s, i);
    sums->orders += new_order;
    if (customer < 0)
        return MERX_OK;
    if (w->stamp[customer] != period + 1) {
        w->stamp[customer] = period + 1;
        w->orders_in_it[customer] = 0;
        sums->customers++;
        sums->new_customers += w->first_ms[customer] >= sums->from_ms && w->first_ms[customer] < sums->to_ms;
    }
    w->orders_in_it[customer] += new_order;
    if (new_order && w->orders_in_it[customer] == 2)
        sums->repeat_customers++;
    return MERX_OK;
}

static bool covered(const mx_snapshot *s, int64_t from_ms, int64_t to_ms)
{
    mx_insight_range all = mx_insight_all(s);
    return s->events > 0 && from_ms >= all.from_ms && to_ms <= all.to_ms;
}

merx_status mx_insight_overview(const mx_snapshot *s, mx_insight_range range, const merx_allocator *alloc,
                                mx_insight_sums *out, merx_error *err)
{
    *out = (mx_insight_sums){
        .from_ms = range.from_ms, .to_ms = range.to_ms, .complete = covered(s, range.from_ms, range.to_ms)};
    sums_walk walk;
    MX_TRY(walk_init(&walk, s, alloc, err));
    merx_status status = MERX_OK;
    size_t from;
    size_t to;
    mx_insight_bounds(s, range, &from, &to);
    for (size_t i = from; i < to; i++)
        if (mx_insight_is_line(s, i))
            MX_TRY_GOTO(add_line(&walk, s, i, 0, out, err));
out:
    walk_release(&walk, s, alloc);
    return status;
}

merx_status mx_insight_series_build(const mx_snapshot *s, mx_insight_period period, mx_insight_range range,
                                    mx_arena *arena, mx_insight_series *out, merx_error *err)
{
    *out = (mx_insight_series){.period = period};
    if (range.from_ms >= range.to_ms)
        return MERX_OK;
    size_t n = 0;
    int64_t first = mx_insight_period_start(s, period, range.from_ms);
    for (int64_t at = first; at < range.to_ms; at = mx_insight_period_next(period, at)) {
        n++;
        if (n > 1000000)
            MX_FAIL(err, MERX_E_LIMIT, "insight", "the range has more than 1000000 %ss",
                    mx_insight_period_name(period));
    }
    out->at = mx_arena_array(arena, n, sizeof *out->at, err);
    if (!out->at)
        return MERX_E_MEMORY;
    out->n = n;
    int64_t at = first;
    for (size_t p = 0; p < n; p++) {
        int64_t next = mx_insight_period_next(period, at);
        out->at[p].complete = covered(s, at, next) && at >= range.from_ms && next <= range.to_ms;
        out->at[p].from_ms = at > range.from_ms ? at : range.from_ms;
        out->at[p].to_ms = next < range.to_ms ? next : range.to_ms;
        at = next;
    }
    sums_walk walk;
    MX_TRY(walk_init(&walk, s, arena->alloc, err));
    merx_status status = MERX_OK;
    size_t from;
    size_t to;
    size_t p = 0;
    mx_insight_bounds(s, range, &from, &to);
    for (size_t i = from; i < to; i++) {
        while (s->time_ms[i] >= out->at[p].to_ms)
            p++;
        if (mx_insight_is_line(s, i))
            MX_TRY_GOTO(add_line(&walk, s, i, (int32_t)p, &out->at[p], err));
    }
out:
    walk_release(&walk, s, arena->alloc);
    return status;
}

/* ---- tops ---- */

int32_t mx_insight_group(const mx_snapshot *s, mx_insight_by by, size_t i)
{
    switch (by) {
    case MX_BY_PRODUCT:
        return s->product[i];
    case MX_BY_COUNTRY:
        return s->country[i];
    case MX_BY_CUSTOMER:
        return s->customer[i];
    default:
        return s->product[i] >= 0 ? s->product_category[s->product[i]] : -1;
    }
}

size_t mx_insight_groups(const mx_snapshot *s, mx_insight_by by)
{
    return by == MX_BY_PRODUCT    ? s->products
           : by == MX_BY_COUNTRY  ? s->countries
           : by == MX_BY_CUSTOMER ? s->customers
                                  : s->categories;
}

void mx_insight_names(const mx_snapshot *s, mx_insight_by by, int32_t index, mx_str *id, mx_str *title)
{
    if (index < 0) {
        *id = MX_STR("");
        *title = by == MX_BY_PRODUCT    ? MX_STR("lines without a product")
                 : by == MX_BY_COUNTRY  ? MX_STR("lines without a country")
                 : by == MX_BY_CUSTOMER ? MX_STR("unknown customers")
                                        : MX_STR("products without a category");
        return;
    }
    switch (by) {
    case MX_BY_PRODUCT:
        *id = s->product_id[index];
        *title = s->product_title[index].size > 0 ? s->product_title[index] : *id;
        break;
    case MX_BY_COUNTRY:
        *id = *title = s->country_name[index];
        break;
    case MX_BY_CUSTOMER:
        *id = *title = s->customer_id[index];
        break;
    default:
        *id = *title = s->category_name[index];
        break;
    }
}

static int compare_rows(const void *a, const void *b)
{
    const mx_insight_row *x = a;
    const mx_insight_row *y = b;
    if (x->revenue_minor != y->revenue_minor)
        return x->revenue_minor > y->revenue_minor ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index; /* indexes follow ids */
}

static merx_status add_to_row(mx_insight_row *row, const mx_insight_row *other, merx_error *err)
{
    MX_TRY(mx_insight_sum(&row->revenue_minor, other->revenue_minor, err));
    MX_TRY(mx_insight_sum(&row->sales_minor, other->sales_minor, err));
    MX_TRY(mx_insight_sum(&row->returns_minor, other->returns_minor, err));
    MX_TRY(mx_insight_sum(&row->units, other->units, err));
    MX_TRY(mx_insight_sum(&row->returned_units, other->returned_units, err));
    row->lines += other->lines;
    row->orders += other->orders;
    row->customers += other->customers;
    return MERX_OK;
}

typedef struct group_key {
    int32_t group, value;
} group_key;

/* Distinct values (orders, customers) of each group's sales: a counting sort by group, then a mark per value. A sale without an order id stands for itself. */
static merx_status count_distinct(const mx_snapshot *s, mx_insight_by by, size_t from, size_t to, bool goods_only,
                                  bool orders, mx_insight_row *rows, size_t groups, const merx_allocator *alloc,
                                  merx_error *err)
{
    size_t values = orders ? s->orders : s->customers;
    group_key *keys = NULL;
    group_key *by_group = NULL;
    size_t *starts = NULL;
    int32_t *mark = NULL;
    size_t n = 0;
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, to - from, &keys, "groups", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, to - from, &by_group, "groups", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, groups + 1, &starts, "groups", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, values, &mark, "marks", err));
    for (size_t i = from; i < to; i++) {
        if (!mx_insight_is_sale(s, i) || (goods_only && !mx_snapshot_is_sale(s, i)))
            continue;
        int32_t group = mx_insight_group(s, by, i);
        group = group < 0 ? (int32_t)groups - 1 : group;
        int32_t value = orders ? s->order[i] : s->customer[i];
        if (value < 0) {
            rows[group].orders += orders;
            continue;
        }
        keys[n++] = (group_key){group, value};
        starts[group + 1]++;
    }
    for (size_t g = 0; g < groups; g++)
        starts[g + 1] += starts[g];
    for (size_t k = 0; k < n; k++)
        by_group[starts[keys[k].group]++] = keys[k];
    for (size_t k = 0; k < n; k++) {
        if (mark[by_group[k].value] == by_group[k].group + 1)
            continue;
        mark[by_group[k].value] = by_group[k].group + 1;
        uint64_t *count = orders ? &rows[by_group[k].group].orders : &rows[by_group[k].group].customers;
        (*count)++;
    }
out:
    MX_FREE_ARRAY(alloc, mark, values);
    MX_FREE_ARRAY(alloc, starts, groups + 1);
    MX_FREE_ARRAY(alloc, by_group, to - from);
    MX_FREE_ARRAY(alloc, keys, to - from);
    return status;
}

/* What the best groups make of the named revenue. rows are sorted. */
static merx_status pareto(const mx_insight_row *rows, size_t n, mx_insight_top *out, merx_error *err)
{
    for (size_t g = 0; g < n; g++)
        if (rows[g].index >= 0) {
            out->named++;
            MX_TRY(mx_insight_sum(&out->named_minor, rows[g].revenue_minor, err));
        }
    double *const shares[3] = {&out->share_best_1, &out->share_best_10, &out->share_best_20};
    const size_t percents[3] = {1, 10, 20};
    for (int k = 0; k < 3; k++)
        *shares[k] = NAN;
    if (!(out->named_minor > 0))
        return MERX_OK;
    int64_t sum = 0;
    size_t best = 0;
    for (size_t g = 0; g < n; g++) {
        if (rows[g].index < 0)
            continue;
        MX_TRY(mx_insight_sum(&sum, rows[g].revenue_minor, err));
        best++;
        for (int k = 0; k < 3; k++)
            if (best == (out->named * percents[k] + 99) / 100)
                *shares[k] = (double)sum / (double)out->named_minor;
        if (out->groups_for_80 == 0 && (mx_wide)sum * 5 >= (mx_wide)out->named_minor * 4)
            out->groups_for_80 = best;
    }
    return MERX_OK;
}

merx_status mx_insight_top_build(const mx_snapshot *s, mx_insight_by by, mx_insight_range range, size_t n,
                                 bool goods_only, mx_arena *arena, mx_insight_top *out, merx_error *err)
{
    *out = (mx_insight_top){.by = by, .others = {.index = -1, .title = MX_STR("all others")}};
    size_t groups = mx_insight_groups(s, by) + 1; /* the last: unnamed */
    mx_insight_row *rows = NULL;
    MX_TRY(MX_NEW_ARRAY(arena->alloc, groups, &rows, "groups", err));
    merx_status status = MERX_OK;
    size_t from;
    size_t to;
    mx_insight_bounds(s, range, &from, &to);
    for (size_t g = 0; g < groups; g++)
        rows[g].index = g + 1 < groups ? (int32_t)g : -1;
    for (size_t i = from; i < to; i++) {
        if (!mx_insight_is_line(s, i) || (goods_only && (s->product[i] < 0 || s->product_service[s->product[i]])))
            continue;
        int64_t amount;
        int32_t group = mx_insight_group(s, by, i);
        mx_insight_row *row = &rows[group < 0 ? groups - 1 : (size_t)group];
        MX_TRY_GOTO(mx_insight_amount(s, i, &amount, err));
        MX_TRY_GOTO(mx_insight_sum(&row->revenue_minor, amount, err));
        MX_TRY_GOTO(mx_insight_sum(&out->revenue_minor, amount, err));
        bool sale = mx_insight_is_sale(s, i);
        MX_TRY_GOTO(mx_insight_sum(sale ? &row->sales_minor : &row->returns_minor, amount, err));
        row->lines++;
        if (s->product[i] < 0 || s->product_service[s->product[i]] || s->quantity[i] == INT64_MIN)
            continue;
        if (sale)
            MX_TRY_GOTO(mx_insight_sum(&row->units, s->quantity[i], err));
        else if (s->kind[i] == MX_EVENT_RETURN && s->quantity[i] < 0)
            MX_TRY_GOTO(mx_insight_sum(&row->returned_units, -s->quantity[i], err));
    }
    MX_TRY_GOTO(count_distinct(s, by, from, to, goods_only, true, rows, groups, arena->alloc, err));
    MX_TRY_GOTO(count_distinct(s, by, from, to, goods_only, false, rows, groups, arena->alloc, err));
    size_t kept = 0;
    for (size_t g = 0; g < groups; g++)
        if (rows[g].lines > 0)
            rows[kept++] = rows[g];
    if (kept > 0)
        qsort(rows, kept, sizeof *rows, compare_rows);
    out->groups = kept;
    out->n = n < kept ? n : kept;
    MX_TRY_GOTO(pareto(rows, kept, out, err));
    out->row = mx_arena_array(arena, out->n, sizeof *out->row, err);
    if (!out->row && out->n > 0) {
        status = MERX_E_MEMORY;
        goto out;
    }
    for (size_t g = 0; g < kept; g++) {
        mx_insight_names(s, by, rows[g].index, &rows[g].id, &rows[g].title);
        if (g < out->n)
            out->row[g] = rows[g];
        else
            MX_TRY_GOTO(add_to_row(&out->others, &rows[g], err));
    }
out:
    MX_FREE_ARRAY(arena->alloc, rows, groups);
    return status;
}
