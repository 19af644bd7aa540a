/*
 * Numbers about customers and products. Letters: n events of the one looked at.
 */
#include "shop/answers/segment_features.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"

enum { PROFILES_A_BLOCK = 128, HALF_LIFE_DAYS = 120 };

const mx_segment_feature mx_customer_feature_table[MX_CUSTOMER_FEATURES] = {
    {"recency_days", "days since the last order", 1, false, false, true},
    {"orders", "orders", 1, false, false, true},
    {"money", "money spent", 2, true, false, true},
    {"basket_value", "money per order", 2, true, false, true},
    {"recent_orders", "recent orders (each 120 days of age halve one)", 2, false, false, true},
    {"products", "distinct products", 1, false, false, true},
    {"returns_share", "share of money returned", 3, false, true, false},
    {"tenure_days", "days since the first order", 1, false, false, true},
    {"gap_days", "days between orders", 1, false, false, true},
};

const mx_segment_feature mx_product_feature_table[MX_PRODUCT_FEATURES] = {
    {"units", "units sold", 1, false, false, true},
    {"revenue", "revenue", 2, true, false, true},
    {"price", "price level", 2, true, false, true},
    {"customers", "customers", 1, false, false, true},
    {"repeat_rate", "share of customers who bought it again", 3, false, true, false},
    {"peak_share", "share of units in the best month", 3, false, true, false},
    {"recency_days", "days since the last sale", 1, false, false, true},
    {"age_days", "days since the first sale", 1, false, false, true},
};

const mx_early_feature mx_early_feature_table[MX_EARLY_FEATURES] = {
    {"first_basket_value", "value of the first order", 0, 1},
    {"first_units", "units in the first order", 1, 1},
    {"first_products", "products in the first order", 2, 1},
    {"first_weekday", "weekday of the first order (0 is Monday)", 3, 7},
    {"first_hour", "hour of the first order", 10, 1},
    {"first_month", "month of the first order", 11, 2},
    {"country_share", "share of customers from the same country", 13, 1},
    {"first_returns", "share of the first order returned that day", 14, 1},
};

/* ---- sums ---- */

static bool is_goods(const mx_snapshot *s, size_t e)
{
    return s->product[e] >= 0 && !s->product_service[s->product[e]];
}

/* Goods that came back: a return, or a purchase line of negative quantity. */
static bool is_return(const mx_snapshot *s, size_t e)
{
    return is_goods(s, e) && ((s->kind[e] == MX_EVENT_RETURN && s->quantity[e] != 0) ||
                              (s->kind[e] == MX_EVENT_PURCHASE && s->quantity[e] < 0));
}

/* *sum += |quantity| * price */
static merx_status add_money(const mx_snapshot *s, size_t e, int64_t *sum, merx_error *err)
{
    int64_t quantity = s->quantity[e] < 0 ? -s->quantity[e] : s->quantity[e], amount;
    if (__builtin_mul_overflow(quantity, s->price_minor[e], &amount) || __builtin_add_overflow(*sum, amount, sum))
        MX_FAIL(err, MERX_E_RANGE, "segment",
                "the money of a customer or product does not fit 64 bits (quantity %lld, price %lld in minor units)",
                (long long)s->quantity[e], (long long)s->price_minor[e]);
    return MERX_OK;
}

static double whole_units(const mx_snapshot *s, int64_t minor)
{
    double scale = 1;
    for (int i = 0; i < s->decimals; i++)
        scale *= 10;
    return (double)minor / scale;
}

static double days_between(int64_t from_ms, int64_t to_ms)
{
    return to_ms > from_ms ? (double)(to_ms - from_ms) / (double)MX_DAY_MS : 0;
}

/* What stands for the order of a line: its number, or its day where there is none. */
static int64_t order_key(const mx_snapshot *s, size_t e)
{
    return s->order[e] >= 0 ? s->order[e] : -1 - (mx_floor_day(s->time_ms[e]) / MX_DAY_MS + (INT64_C(1) << 40));
}

static int compare_i64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static size_t count_distinct(int64_t *values, size_t n)
{
    if (n == 0)
        return 0;
    qsort(values, n, sizeof *values, compare_i64);
    size_t distinct = 1;
    for (size_t i = 1; i < n; i++)
        distinct += values[i] != values[i - 1];
    return distinct;
}

/* ---- customers ---- */

merx_status mx_customer_profile(const mx_snapshot *snapshot, const int32_t *events, size_t n, int64_t end_ms,
                                int64_t *scratch, mx_profile *out, merx_error *err)
{
    *out = (mx_profile){0};
    int64_t *products = scratch, *orders = scratch + n, day = INT64_MIN, returned = 0;
    double recent = 0;
    size_t lines = 0, order_lines = 0;
    for (size_t k = 0; k < n; k++) {
        size_t e = (size_t)events[k];
        if (is_return(snapshot, e))
            MX_TRY(add_money(snapshot, e, &returned, err));
        if (!mx_snapshot_is_sale(snapshot, e))
            continue;
        MX_TRY(add_money(snapshot, e, &out->money_minor, err));
        if (lines == 0)
            out->first_ms = snapshot->time_ms[e];
        out->last_ms = snapshot->time_ms[e];
        if (mx_floor_day(snapshot->time_ms[e]) != day) {
            day = mx_floor_day(snapshot->time_ms[e]);
            recent += exp2(-days_between(snapshot->time_ms[e], end_ms) / HALF_LIFE_DAYS);
        }
        products[lines++] = snapshot->product[e];
        int64_t order = order_key(snapshot, e);
        if (order_lines == 0 || orders[order_lines - 1] != order)
            orders[order_lines++] = order;
    }
    if (lines == 0)
        return MERX_OK;
    out->sold = true;
    double count = (double)count_distinct(orders, order_lines), tenure = days_between(out->first_ms, end_ms);
    double *f = out->feature, money = whole_units(snapshot, out->money_minor);
    f[MX_C_RECENCY] = days_between(out->last_ms, end_ms);
    f[MX_C_ORDERS] = count;
    f[MX_C_MONEY] = money;
    f[MX_C_BASKET] = money / count;
    f[MX_C_RECENT] = recent;
    f[MX_C_PRODUCTS] = (double)count_distinct(products, lines);
    f[MX_C_RETURNS] = out->money_minor > 0 ? fmin(1, (double)returned / (double)out->money_minor) : 0;
    f[MX_C_TENURE] = tenure;
    f[MX_C_GAP] = count > 1 ? days_between(out->first_ms, out->last_ms) / (count - 1) : tenure;
    return MERX_OK;
}

/* ---- products ---- */

/* (customer, order) pairs of known customers as one number each: how many customers, and how many of them in two orders or more. */
static void count_repeats(int64_t *pairs, size_t n, size_t *customers, size_t *again)
{
    *customers = *again = 0;
    if (n > 1)
        qsort(pairs, n, sizeof *pairs, compare_i64);
    for (size_t i = 0; i < n;) {
        size_t orders = 0, j = i;
        for (; j < n && pairs[j] >> 32 == pairs[i] >> 32; j++)
            orders += j == i || pairs[j] != pairs[j - 1];
        ++*customers;
        *again += orders > 1;
        i = j;
    }
}

merx_status mx_product_profile(const mx_snapshot *snapshot, const int32_t *events, size_t n, int64_t end_ms,
                               int64_t *scratch, mx_profile *out, merx_error *err)
{
    *out = (mx_profile){0};
    int64_t units = 0, next_month = INT64_MIN, month_units = 0, peak = 0;
    size_t known = 0, customers, again;
    for (size_t k = 0; k < n; k++) {
        size_t e = (size_t)events[k];
        if (!mx_snapshot_is_sale(snapshot, e))
            continue;
        MX_TRY(add_money(snapshot, e, &out->money_minor, err));
        if (!out->sold)
            out->first_ms = snapshot->time_ms[e];
        out->sold = true;
        out->last_ms = snapshot->time_ms[e];
        units += snapshot->quantity[e];
        if (snapshot->time_ms[e] >= next_month) { /* events ascend; a month's start and 31 days lie in the next one */
            next_month = mx_floor_month(mx_floor_month(snapshot->time_ms[e]) + 31 * MX_DAY_MS);
            month_units = 0;
        }
        month_units += snapshot->quantity[e];
        peak = month_units > peak ? month_units : peak;
        if (snapshot->customer[e] >= 0) {
            /* A day's number fits 32 bits; orders are below 2^31, so days go above them. */
            int64_t order = snapshot->order[e] >= 0
                                ? snapshot->order[e]
                                : (INT64_C(1) << 31) + ((snapshot->time_ms[e] / MX_DAY_MS) & 0x7fffffff);
            scratch[known++] = (int64_t)snapshot->customer[e] * (INT64_C(1) << 32) + order;
        }
    }
    if (!out->sold)
        return MERX_OK;
    count_repeats(scratch, known, &customers, &again);
    double *f = out->feature;
    f[MX_P_UNITS] = (double)units;
    f[MX_P_REVENUE] = whole_units(snapshot, out->money_minor);
    f[MX_P_PRICE] = f[MX_P_REVENUE] / (double)units;
    f[MX_P_CUSTOMERS] = (double)customers;
    f[MX_P_REPEAT] = customers ? (double)again / (double)customers : 0;
    f[MX_P_PEAK] = (double)peak / (double)units;
    f[MX_P_RECENCY] = days_between(out->last_ms, end_ms);
    f[MX_P_AGE] = days_between(out->first_ms, end_ms);
    return MERX_OK;
}

/* ---- all of them ---- */

typedef struct work {
    const mx_snapshot *snapshot;
    const mx_event_groups *groups;
    bool customers;
    int64_t end_ms;
    merx_task *task;
    mx_profile *out;
} work;

static merx_status profile_block(void *context, size_t block, merx_error *err)
{
    const work *w = context;
    const int64_t *starts = w->groups->starts;
    size_t from = block * PROFILES_A_BLOCK,
           to = from + PROFILES_A_BLOCK < w->groups->groups ? from + PROFILES_A_BLOCK : w->groups->groups;
    size_t most = 0;
    for (size_t g = from; g < to; g++)
        most = (size_t)(starts[g + 1] - starts[g]) > most ? (size_t)(starts[g + 1] - starts[g]) : most;
    int64_t *scratch;
    const merx_allocator *alloc = merx_task_allocator(w->task);
    MX_TRY(mx_alloc_array_raw(alloc, 2 * most, sizeof *scratch, "lines of a customer or product", &scratch, err));
    merx_status status = MERX_OK;
    for (size_t g = from; g < to && status == MERX_OK; g++) {
        const int32_t *events = w->groups->events + starts[g];
        size_t n = (size_t)(starts[g + 1] - starts[g]);
        status = w->customers ? mx_customer_profile(w->snapshot, events, n, w->end_ms, scratch, &w->out[g], err)
                              : mx_product_profile(w->snapshot, events, n, w->end_ms, scratch, &w->out[g], err);
    }
    MX_FREE_ARRAY(alloc, scratch, 2 * most);
    return status;
}

merx_status mx_profiles(const mx_snapshot *snapshot, const mx_event_groups *groups, bool customers, int64_t end_ms,
                        merx_task *task, mx_profile *out, merx_error *err)
{
    work w = {snapshot, groups, customers, end_ms, task, out};
    return mx_parallel(task, (groups->groups + PROFILES_A_BLOCK - 1) / PROFILES_A_BLOCK, profile_block, &w, err);
}

/* ---- the first order ---- */

merx_status mx_early_columns(const mx_snapshot *snapshot, const int32_t *events, size_t n, double country_share,
                             int64_t *scratch, double *columns, double *value, bool *sold, merx_error *err)
{
    int64_t money = 0, returned = 0, units = 0, first_key = 0, first_ms = 0;
    size_t lines = 0;
    *sold = false;
    for (size_t k = 0; k < n; k++) {
        size_t e = (size_t)events[k];
        if (!mx_snapshot_is_sale(snapshot, e))
            continue;
        if (!*sold) {
            *sold = true;
            first_ms = snapshot->time_ms[e];
            first_key = order_key(snapshot, e);
        } else if (order_key(snapshot, e) != first_key) {
            continue;
        }
        MX_TRY(add_money(snapshot, e, &money, err));
        units += snapshot->quantity[e];
        scratch[lines++] = snapshot->product[e];
    }
    for (int j = 0; j < MX_EARLY_COLUMNS; j++)
        columns[j] = 0;
    if (!*sold)
        return MERX_OK;
    for (size_t k = 0; k < n; k++) {
        size_t e = (size_t)events[k];
        if (is_return(snapshot, e) && snapshot->time_ms[e] >= first_ms &&
            mx_floor_day(snapshot->time_ms[e]) == mx_floor_day(first_ms))
            MX_TRY(add_money(snapshot, e, &returned, err));
    }
    mx_date date;
    mx_date_from_ms(first_ms, &date);
    double month = 2 * 3.14159265358979323846 * (double)(date.month - 1) / 12;
    value[0] = whole_units(snapshot, money);
    value[1] = (double)units;
    value[2] = (double)count_distinct(scratch, lines);
    value[3] = mx_weekday(first_ms);
    value[4] = date.hour;
    value[5] = date.month;
    value[6] = country_share;
    value[7] = money > 0 ? fmin(1, (double)returned / (double)money) : 0;
    columns[0] = log1p(fmax(value[0], 0));
    columns[1] = log1p(value[1]);
    columns[2] = log1p(value[2]);
    columns[3 + mx_weekday(first_ms)] = 1;
    columns[10] = value[4];
    columns[11] = sin(month);
    columns[12] = cos(month);
    columns[13] = log(country_share + 1e-3);
    columns[14] = value[7];
    return MERX_OK;
}
