/*
 * Units by product and week out of a snapshot's sales, in one pass: a counting sort by product keeps each one's sales in time order, so its weeks come in order.
 */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "shop/answers/demand_model.h"

#define WEEK_MS (7 * MX_DAY_MS)
#define USUAL_WEEKS 13

size_t mx_demand_complete(const mx_snapshot *s, int64_t from_ms, int64_t until_ms, int64_t *first_ms)
{
    *first_ms = 0;
    if (s->events == 0)
        return 0;
    int64_t begin = mx_floor_day(s->time_ms[0]);
    int64_t end = mx_floor_day(s->time_ms[s->events - 1]) + MX_DAY_MS;
    begin = begin > from_ms ? begin : from_ms;
    end = end < until_ms ? end : until_ms;
    int64_t first = mx_floor_week(begin, s->week_start);
    first = first < begin ? first + WEEK_MS : first;
    *first_ms = first;
    return end > first ? (size_t)((end - first) / WEEK_MS) : 0;
}

static int compare_i64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int64_t lower_median(int64_t *values, size_t n)
{
    if (n == 0)
        return 0;
    qsort(values, n, sizeof *values, compare_i64);
    return values[(n - 1) / 2];
}

/* The cells of one product's sales; prices is scratch for as many. */
static merx_status make_cells(const mx_snapshot *s, const int32_t *sales, size_t n, mx_demand_weeks *w, int64_t *prices,
                              merx_error *err)
{
    size_t priced = 0;
    mx_demand_cell *cell = NULL;
    for (size_t k = 0; k < n; k++) {
        size_t i = (size_t)sales[k];
        int64_t after = s->time_ms[i] - w->first_ms;
        if (after < 0 || after / WEEK_MS >= (int64_t)w->weeks)
            continue;
        int32_t week = (int32_t)(after / WEEK_MS);
        if (!cell || cell->week != week) {
            if (cell)
                cell->price_minor = lower_median(prices, priced);
            priced = 0;
            cell = &w->cell[w->cells++];
            *cell = (mx_demand_cell){.week = week};
        }
        cell->lines++;
        if (__builtin_add_overflow(cell->units, s->quantity[i], &cell->units))
            MX_FAIL(err, MERX_E_RANGE, "demand", "the units of a product in one week do not fit in 64 bits");
        if (s->price_minor[i] > 0)
            prices[priced++] = s->price_minor[i];
    }
    if (cell)
        cell->price_minor = lower_median(prices, priced);
    return MERX_OK;
}

static void usual_prices(const mx_snapshot *s, mx_demand_weeks *w)
{
    for (size_t r = 0; r < w->rows; r++) {
        int64_t prices[USUAL_WEEKS];
        size_t n = 0;
        for (int64_t k = w->starts[r + 1]; k-- > w->starts[r] && n < USUAL_WEEKS;)
            if (w->cell[k].price_minor > 0)
                prices[n++] = w->cell[k].price_minor;
        w->usual_minor[r] = n > 0 ? lower_median(prices, n) : s->product_price_minor[w->row_product[r]];
        size_t group = (size_t)w->row_group[r];
        for (int64_t k = w->starts[r]; k < w->starts[r + 1]; k++)
            w->group_units[group * w->weeks + (size_t)w->cell[k].week] += (double)w->cell[k].units;
    }
}

merx_status mx_demand_weeks_build(const mx_snapshot *s, int64_t until_ms, const merx_allocator *alloc,
                                  mx_demand_weeks *weeks, merx_error *err)
{
    mx_demand_weeks *w = weeks;
    *w = (mx_demand_weeks){.alloc = alloc, .products = s->products, .groups = s->categories + 1};
    w->weeks = mx_demand_complete(s, INT64_MIN, until_ms, &w->first_ms);
    int64_t *starts = NULL;
    int64_t *prices = NULL;
    int32_t *sales = NULL;
    size_t n = 0;
    size_t most = 0;
    size_t row = 0;
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, s->products + 1, &starts, "sales by product", err));
    for (size_t i = 0; i < s->events && s->time_ms[i] < until_ms; i++)
        if (mx_snapshot_is_sale(s, i)) {
            starts[s->product[i] + 1]++;
            n++;
        }
    for (size_t p = 0; p < s->products; p++) {
        w->rows += starts[p + 1] > 0;
        most = (size_t)starts[p + 1] > most ? (size_t)starts[p + 1] : most;
        starts[p + 1] += starts[p];
    }
    w->cells = n;
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, n, &sales, "sales by product", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, most, &prices, "prices of a week", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, w->rows, &w->row_product, "products", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, w->rows, &w->row_group, "categories", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, w->rows, &w->usual_minor, "prices", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, w->rows + 1, &w->starts, "products", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, n, &w->cell, "weeks of products", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, w->groups * w->weeks, &w->group_units, "weeks of categories", err));
    for (size_t i = 0; i < s->events && s->time_ms[i] < until_ms; i++)
        if (mx_snapshot_is_sale(s, i))
            sales[starts[s->product[i]]++] = (int32_t)i; /* starts[p] ends as the end of p */
    w->cells = 0;
    for (size_t p = 0; p < s->products; p++) {
        int64_t from = p > 0 ? starts[p - 1] : 0;
        if (starts[p] == from)
            continue;
        w->row_product[row] = (int32_t)p;
        w->row_group[row] = s->product_category[p] >= 0 ? s->product_category[p] : (int32_t)s->categories;
        MX_TRY_GOTO(make_cells(s, sales + from, (size_t)(starts[p] - from), w, prices, err));
        w->starts[++row] = (int64_t)w->cells;
    }
    usual_prices(s, w);
    w->cells = n; /* what the array holds; starts[rows] of them are used */
out:
    MX_FREE_ARRAY(alloc, sales, n);
    MX_FREE_ARRAY(alloc, prices, most);
    MX_FREE_ARRAY(alloc, starts, s->products + 1);
    if (status != MERX_OK) {
        w->cells = n;
        mx_demand_weeks_release(w);
    }
    return status;
}

void mx_demand_weeks_release(mx_demand_weeks *weeks)
{
    mx_demand_weeks *w = weeks;
    MX_FREE_ARRAY(w->alloc, w->row_product, w->rows);
    MX_FREE_ARRAY(w->alloc, w->row_group, w->rows);
    MX_FREE_ARRAY(w->alloc, w->usual_minor, w->rows);
    MX_FREE_ARRAY(w->alloc, w->starts, w->rows + 1);
    MX_FREE_ARRAY(w->alloc, w->cell, w->cells);
    MX_FREE_ARRAY(w->alloc, w->group_units, w->groups * w->weeks);
    *w = (mx_demand_weeks){0};
}
