/*
 * insight: what the shop's past shows. Learns nothing: every figure is summed from the events when asked. The words and the sums are in insight.h.
 *
 * Each topic fills items; an item's score is its main figure and its reasons are the parts that sum to it.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "shop/answers/answer.h"
#include "shop/answers/insight_walk.h"

static const merx_option training[] = {{0}};
static const merx_option question[] = {
    {"topic", MERX_OPTION_CHOICE, 0, 0, "overview",
     "overview|revenue|products|countries|cohorts|movers|anomalies|customers", "What to show."},
    {"from", MERX_OPTION_TEXT, 0, 0, NULL, NULL, "First day, e.g. 2011-11-01; without it the first day of the data."},
    {"to", MERX_OPTION_TEXT, 0, 0, NULL, NULL, "Last day, e.g. 2011-11-30; without it the last day of the data."},
    {"period", MERX_OPTION_CHOICE, 0, 0, "month", "day|week|month",
     "Of revenue and movers; anomalies are of days, or of weeks when asked for."},
    {"n", MERX_OPTION_INT, 1, 1000, "12", NULL,
     "How many products, countries, movers, anomalies …; the last n periods of revenue."},
    {0}};

typedef struct view {
    const mx_ask *ask;
    const mx_snapshot *s;
    mx_arena *arena;
    mx_insight_range range;
    mx_insight_period period;
    size_t n;
    merx_reply *reply;
    bool why;    /* add reasons to the reply's items instead of making them */
    double unit; /* 10^-decimals */
} view;

/* ---- small helpers ---- */

static merx_value money(const view *v, int64_t minor)
{
    return mx_value_money(minor, v->s->decimals);
}

static const char *money_text(const view *v, int64_t minor, char *out, size_t size)
{
    mx_format_decimal(minor, v->s->decimals, out, size);
    return out;
}

static merx_status copy_text(const view *v, mx_str text, const char **out, merx_error *err)
{
    *out = mx_arena_strndup(v->arena, text.data ? text.data : "", text.size, err);
    return *out ? MERX_OK : MERX_E_MEMORY;
}

static merx_status name_item(const view *v, merx_item *item, mx_str id, mx_str title, merx_error *err)
{
    MX_TRY(copy_text(v, id, &item->id, err));
    return copy_text(v, title, &item->title, err);
}

static merx_status say(const view *v, merx_error *err, const char *format, ...) MERX_PRINTF(3, 4);
static merx_status say(const view *v, merx_error *err, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    v->reply->sentence = mx_arena_strdup(v->arena, text, err);
    return v->reply->sentence ? MERX_OK : MERX_E_MEMORY;
}

typedef struct part {
    const char *kind, *id, *text;
    double value;
} part;

/* Reasons out of parts that are summed: without one the score is less by it. */
static merx_status add_parts(const view *v, merx_item *item, const part *parts, size_t n, merx_error *err)
{
    MX_TRY(mx_item_reasons(item, n, v->arena, err));
    for (size_t k = 0; k < n; k++)
        item->reason[k] = (merx_reason){.kind = parts[k].kind,
                                        .id = parts[k].id,
                                        .text = parts[k].text,
                                        .contribution = parts[k].value,
                                        .without = item->score - parts[k].value};
    mx_item_sort_reasons(item);
    return MERX_OK;
}

static double share(int64_t part_minor, int64_t whole_minor)
{
    return whole_minor != 0 ? (double)part_minor / (double)whole_minor : NAN;
}

static merx_status sums_reasons(const view *v, const mx_insight_sums *sums, merx_item *item, merx_error *err)
{
    const part parts[] = {{"sales", "sales", "sales, goods and services", (double)sums->sales_minor * v->unit},
                          {"returns", "returns", "returns and corrections", (double)sums->returns_minor * v->unit}};
    return add_parts(v, item, parts, 2, err);
}

/* ---- topics ---- */

static merx_status overview(view *v, merx_error *err)
{
    mx_insight_sums sums;
    MX_TRY(mx_insight_overview(v->s, v->range, v->arena->alloc, &sums, err));
    struct figure {
        const char *name;
        merx_value value;
        double score;
        part parts[3];
        size_t n;
    };
    double unit = v->unit;
    double basket = sums.orders > 0 ? (double)sums.sales_minor * unit / (double)sums.orders : 0;
    const struct figure figures[] = {
        {"net revenue",
         money(v, sums.revenue_minor),
         (double)sums.revenue_minor * unit,
         {{"goods", "goods", "goods, returns taken off", (double)sums.goods_minor * unit},
          {"services", "services", "services and fees (postage …)", (double)sums.services_minor * unit},
          {"unnamed", "unnamed", "lines without a product", (double)sums.unnamed_minor * unit}},
         3},
        {"net revenue of goods",
         money(v, sums.goods_minor),
         (double)sums.goods_minor * unit,
         {{"goods", "goods", "goods, returns taken off", (double)sums.goods_minor * unit}},
         1},
        {"sales",
         money(v, sums.sales_minor),
         (double)sums.sales_minor * unit,
         {{"revenue", "revenue", "net revenue", (double)sums.revenue_minor * unit},
          {"returns", "returns", "returns added back", -(double)sums.returns_minor * unit}},
         2},
        {"returns",
         money(v, sums.returns_minor),
         (double)sums.returns_minor * unit,
         {{"returns", "returns", "returns and corrections", (double)sums.returns_minor * unit}},
         1},
        {"returns share of sales",
         mx_value_share(share(-sums.returns_minor, sums.sales_minor)),
         share(-sums.returns_minor, sums.sales_minor),
         {{"returns", "returns", "returns over sales", share(-sums.returns_minor, sums.sales_minor)}},
         1},
        {"orders",
         mx_value_int((int64_t)sums.orders),
         (double)sums.orders,
         {{"orders", "orders", "orders with a sale", (double)sums.orders}},
         1},
        {"mean basket", mx_value_real(basket, 2), basket, {{"basket", "basket", "sales over orders", basket}}, 1},
        {"units",
         mx_value_int(sums.units),
         (double)sums.units,
         {{"units", "units", "units of goods sold", (double)sums.units}},
         1},
        {"customers",
         mx_value_int((int64_t)sums.customers),
         (double)sums.customers,
         {{"new", "new", "first bought in this time", (double)sums.new_customers},
          {"returning", "returning", "had bought before", (double)sums.customers - (double)sums.new_customers}},
         2},
        {"repeat rate",
         mx_value_share(sums.customers > 0 ? (double)sums.repeat_customers / (double)sums.customers : NAN),
         sums.customers > 0 ? (double)sums.repeat_customers / (double)sums.customers : NAN,
         {{"repeat", "repeat", "customers with two orders or more",
           sums.customers > 0 ? (double)sums.repeat_customers / (double)sums.customers : NAN}},
         1},
    };
    char from[32];
    char to[32];
    char total[64];
    size_t count = 0;
    if (!v->why)
        MX_TRY(mx_reply_items(v->reply, sizeof figures / sizeof figures[0], v->arena, err));
    for (size_t k = 0; k < sizeof figures / sizeof figures[0]; k++) {
        if (!isfinite(figures[k].score)) /* nothing to divide by: no such figure */
            continue;
        merx_item *item = &v->reply->item[count++];
        item->id = figures[k].name;
        item->title = figures[k].name;
        item->score = figures[k].score;
        if (v->why) {
            MX_TRY(add_parts(v, item, figures[k].parts, figures[k].n, err));
            continue;
        }
        MX_TRY(mx_item_fields(item, 1, v->arena, err));
        item->field[0] = (merx_field){"value", figures[k].value};
    }
    v->reply->items = count;
    mx_format_date(v->range.from_ms, false, from);
    mx_format_date(v->range.to_ms - 1, false, to);
    return say(v, err, "From %s to %s: net revenue %s%s%s in %llu orders of %llu known customers.", from, to,
               money_text(v, sums.revenue_minor, total, sizeof total), v->s->currency[0] ? " " : "", v->s->currency,
               (unsigned long long)sums.orders, (unsigned long long)sums.customers);
}

static merx_status revenue(view *v, merx_error *err)
{
    mx_insight_series series;
    MX_TRY(mx_insight_series_build(v->s, v->period, v->range, v->arena, &series, err));
    size_t n = v->n < series.n ? v->n : series.n;
    const mx_insight_sums *best = NULL;
    if (!v->why)
        MX_TRY(mx_reply_items(v->reply, n, v->arena, err));
    for (size_t k = 0; k < n; k++) {
        const mx_insight_sums *sums = &series.at[series.n - n + k];
        merx_item *item = &v->reply->item[k];
        char label[32];
        if (v->why) {
            MX_TRY(sums_reasons(v, sums, item, err));
            continue;
        }
        best = !best || sums->revenue_minor > best->revenue_minor ? sums : best;
        mx_insight_period_label(v->period, mx_insight_period_start(v->s, v->period, sums->from_ms), label);
        MX_TRY(name_item(v, item, mx_str_of(label), mx_str_of(sums->complete ? label : "not a whole one"), err));
        item->score = (double)sums->revenue_minor * v->unit;
        MX_TRY(mx_item_fields(item, 7, v->arena, err));
        item->field[0] = (merx_field){"revenue", money(v, sums->revenue_minor)};
        item->field[1] = (merx_field){"goods", money(v, sums->goods_minor)};
        item->field[2] = (merx_field){"orders", mx_value_int((int64_t)sums->orders)};
        item->field[3] = (merx_field){"units", mx_value_int(sums->units)};
        item->field[4] = (merx_field){"customers", mx_value_int((int64_t)sums->customers)};
        item->field[5] = (merx_field){"new", mx_value_int((int64_t)sums->new_customers)};
        item->field[6] = (merx_field){"returns", money(v, sums->returns_minor)};
    }
    if (v->why)
        return MERX_OK;
    if (!best)
        return say(v, err, "There are no events in this time.");
    char label[32];
    char total[64];
    mx_insight_period_label(v->period, mx_insight_period_start(v->s, v->period, best->from_ms), label);
    return say(v, err, "The best %s was %s with net revenue %s.", mx_insight_period_name(v->period), label,
               money_text(v, best->revenue_minor, total, sizeof total));
}

static merx_status tops(view *v, mx_insight_by by, merx_error *err)
{
    mx_insight_top top;
    bool goods = by == MX_BY_PRODUCT;
    MX_TRY(mx_insight_top_build(v->s, by, v->range, v->n, goods, v->arena, &top, err));
    if (!v->why)
        MX_TRY(mx_reply_items(v->reply, top.n, v->arena, err));
    for (size_t k = 0; k < top.n; k++) {
        const mx_insight_row *row = &top.row[k];
        merx_item *item = &v->reply->item[k];
        if (v->why) {
            const part parts[] = {
                {"sales", "sales", "sales", (double)row->sales_minor * v->unit},
                {"returns", "returns", "returns and corrections", (double)row->returns_minor * v->unit}};
            MX_TRY(add_parts(v, item, parts, 2, err));
            continue;
        }
        MX_TRY(name_item(v, item, row->id, row->title, err));
        item->score = (double)row->revenue_minor * v->unit;
        MX_TRY(mx_item_fields(item, 6, v->arena, err));
        item->field[0] = (merx_field){"revenue", money(v, row->revenue_minor)};
        item->field[1] = (merx_field){"share", mx_value_share(share(row->revenue_minor, top.revenue_minor))};
        item->field[2] = (merx_field){"units", mx_value_int(row->units)};
        item->field[3] = (merx_field){"orders", mx_value_int((int64_t)row->orders)};
        item->field[4] = (merx_field){"customers", mx_value_int((int64_t)row->customers)};
        item->field[5] = (merx_field){"returns", money(v, row->returns_minor)};
    }
    if (v->why)
        return MERX_OK;
    static const char *const words[] = {"products", "countries", "known customers", "categories"};
    if (!(top.named_minor > 0))
        return say(v, err, "There is no revenue of %s in this time.", words[by]);
    return say(v, err, "Of %zu %s the best 10 %% make %.1f %% of their revenue, and %zu make 80 %%.", top.named,
               words[by], 100 * top.share_best_10, top.groups_for_80);
}

static merx_status cohorts(view *v, merx_error *err)
{
    mx_insight_cohorts all;
    MX_TRY(mx_insight_cohorts_build(v->s, v->range, v->arena, &all, err));
    size_t n = v->n < all.n ? v->n : all.n;
    uint64_t size = 0;
    uint64_t back = 0;
    if (!v->why)
        MX_TRY(mx_reply_items(v->reply, n, v->arena, err));
    for (size_t k = 0; k < n; k++) {
        const mx_insight_cohort *c = &all.at[all.n - n + k];
        merx_item *item = &v->reply->item[k];
        char label[32];
        if (v->why) {
            part *parts = mx_arena_array(v->arena, c->months + 1, sizeof *parts, err);
            if (!parts)
                return MERX_E_MEMORY;
            for (size_t m = 0; m < c->months; m++) {
                const char *name = mx_arena_printf(v->arena, err, "month %zu", m);
                if (!name)
                    return MERX_E_MEMORY;
                parts[m] = (part){"month", name, "revenue of that month after the first sale",
                                  (double)c->revenue_minor[m] * v->unit};
            }
            parts[c->months] =
                (part){"month", "earlier", "lines before the first sale", (double)c->earlier_minor * v->unit};
            MX_TRY(add_parts(v, item, parts, c->months + 1, err));
            continue;
        }
        mx_insight_period_label(MX_PERIOD_MONTH, c->month_ms, label);
        MX_TRY(name_item(v, item, mx_str_of(label), MX_STR("customers who came then"), err));
        int64_t sum = c->earlier_minor;
        for (size_t m = 0; m < c->months; m++)
            MX_TRY(mx_insight_sum(&sum, c->revenue_minor[m], err));
        item->score = (double)sum * v->unit;
        MX_TRY(mx_item_fields(item, c->months + 2, v->arena, err));
        item->field[0] = (merx_field){"customers", mx_value_int((int64_t)c->size)};
        item->field[1] = (merx_field){"revenue", money(v, sum)};
        for (size_t m = 0; m < c->months; m++) {
            const char *name = mx_arena_printf(v->arena, err, "month %zu", m);
            if (!name)
                return MERX_E_MEMORY;
            item->field[m + 2] =
                (merx_field){name, mx_value_share(c->size > 0 ? (double)c->active[m] / (double)c->size : 0)};
        }
        size += c->months > 1 ? c->size : 0;
        back += c->months > 1 ? c->active[1] : 0;
    }
    if (v->why)
        return MERX_OK;
    if (size == 0)
        return say(v, err, "No customers are known for longer than a month in this time.");
    return say(v, err, "Of the customers who came, %.1f %% bought again in the month after their first.",
               100 * (double)back / (double)size);
}

static merx_status mover_reasons(const view *v, const mx_insight_mover *m, merx_item *item, merx_error *err)
{
    const part parts[] = {
        {"quantity", "quantity", "more or fewer units, at the price before", (double)m->quantity_minor * v->unit},
        {"price", "price", "another mean price", (double)m->price_minor * v->unit},
        {"returns", "returns", "other returns and corrections", (double)m->returns_minor * v->unit}};
    return add_parts(v, item, parts, 3, err);
}

/* The total, whose reasons are the movers and the rest. */
static merx_status total_reasons(const view *v, const mx_insight_movers *movers, merx_item *item, merx_error *err)
{
    const char *kind = movers->by == MX_BY_PRODUCT ? "product" : "country";
    part *parts = mx_arena_array(v->arena, movers->n + 1, sizeof *parts, err);
    if (!parts)
        return MERX_E_MEMORY;
    for (size_t k = 0; k < movers->n; k++) {
        parts[k] = (part){.kind = kind, .value = (double)movers->mover[k].change_minor * v->unit};
        MX_TRY(copy_text(v, movers->mover[k].id, &parts[k].id, err));
        MX_TRY(copy_text(v, movers->mover[k].title, &parts[k].text, err));
    }
    parts[movers->n] = (part){kind, "others", "all others", (double)movers->others.change_minor * v->unit};
    return add_parts(v, item, parts, movers->n + 1, err);
}

static merx_status mover_item(const view *v, const mx_insight_mover *m, merx_item *item, merx_error *err)
{
    item->score = (double)m->change_minor * v->unit;
    MX_TRY(mx_item_fields(item, 5, v->arena, err));
    item->field[0] = (merx_field){"change", money(v, m->change_minor)};
    item->field[1] = (merx_field){"before", money(v, m->before_minor)};
    item->field[2] = (merx_field){"after", money(v, m->after_minor)};
    item->field[3] = (merx_field){"units before", mx_value_int(m->units_before)};
    item->field[4] = (merx_field){"units after", mx_value_int(m->units_after)};
    return MERX_OK;
}

static merx_status movers(view *v, merx_error *err)
{
    static const mx_insight_by kinds[] = {MX_BY_PRODUCT, MX_BY_COUNTRY};
    static const char *const totals[] = {"all products", "all countries"};
    mx_insight_movers all[2];
    size_t count = 0;
    for (int k = 0; k < 2; k++) {
        MX_TRY(mx_insight_movers_build(v->s, kinds[k], v->period, v->range, v->n, v->arena, &all[k], err));
        count += all[k].found ? all[k].n + 1 : 0;
    }
    if (!v->why)
        MX_TRY(mx_reply_items(v->reply, count, v->arena, err));
    merx_item *item = v->reply->item;
    for (int k = 0; k < 2 && all[k].found; k++) {
        if (v->why) {
            MX_TRY(total_reasons(v, &all[k], item++, err));
        } else {
            mx_insight_mover sum = all[k].others;
            sum.before_minor = all[k].before_minor;
            sum.after_minor = all[k].after_minor;
            sum.change_minor = all[k].change_minor;
            for (size_t m = 0; m < all[k].n; m++) {
                sum.units_before += all[k].mover[m].units_before;
                sum.units_after += all[k].mover[m].units_after;
            }
            item->id = totals[k];
            item->title = "the total change";
            MX_TRY(mover_item(v, &sum, item++, err));
        }
        for (size_t m = 0; m < all[k].n; m++, item++) {
            if (v->why) {
                MX_TRY(mover_reasons(v, &all[k].mover[m], item, err));
                continue;
            }
            MX_TRY(name_item(v, item, all[k].mover[m].id, all[k].mover[m].title, err));
            MX_TRY(mover_item(v, &all[k].mover[m], item, err));
        }
    }
    if (v->why)
        return MERX_OK;
    const char *period = mx_insight_period_name(v->period);
    if (!all[0].found)
        return say(v, err, "There are no two complete %ss one after the other in this time.", period);
    char before[32];
    char after[32];
    char change[64];
    mx_insight_period_label(v->period, all[0].before_ms, before);
    mx_insight_period_label(v->period, all[0].after_ms, after);
    return say(v, err, "From the %s %s to %s net revenue changed by %s.", period, before, after,
               money_text(v, all[0].change_minor, change, sizeof change));
}

static merx_status anomaly_reasons(const view *v, const mx_insight_anomaly *a, merx_item *item, merx_error *err)
{
    part *parts = mx_arena_array(v->arena, a->parts + 1, sizeof *parts, err);
    if (!parts)
        return MERX_E_MEMORY;
    for (size_t k = 0; k < a->parts; k++) {
        const mx_insight_anomaly_part *p = &a->part[k];
        parts[k] = (part){.kind = "product", .value = ((double)p->actual_minor - p->expected_minor) * v->unit};
        MX_TRY(copy_text(v, p->id, &parts[k].id, err));
        MX_TRY(copy_text(v, p->title, &parts[k].text, err));
    }
    parts[a->parts] = (part){"product", "others", "all others", a->others_minor * v->unit};
    return add_parts(v, item, parts, a->parts + 1, err);
}

static merx_status anomalies(view *v, merx_error *err)
{
    mx_insight_anomalies all;
    mx_insight_period period = v->period == MX_PERIOD_WEEK ? MX_PERIOD_WEEK : MX_PERIOD_DAY;
    MX_TRY(mx_insight_anomalies_build(v->s, period, v->range, v->n, 5, v->arena, &all, err));
    if (!v->why)
        MX_TRY(mx_reply_items(v->reply, all.n, v->arena, err));
    for (size_t k = 0; k < all.n; k++) {
        const mx_insight_anomaly *a = &all.at[k];
        merx_item *item = &v->reply->item[k];
        char label[32];
        if (v->why) {
            MX_TRY(anomaly_reasons(v, a, item, err));
            continue;
        }
        mx_insight_period_label(period, a->start_ms, label);
        MX_TRY(name_item(v, item, mx_str_of(label), mx_str_of(a->z > 0 ? "more than expected" : "less than expected"),
                         err));
        item->score = ((double)a->revenue_minor - a->expected_minor) * v->unit;
        MX_TRY(mx_item_fields(item, 3, v->arena, err));
        item->field[0] = (merx_field){"revenue", money(v, a->revenue_minor)};
        item->field[1] = (merx_field){"expected", mx_value_real(a->expected_minor * v->unit, 2)};
        item->field[2] = (merx_field){"z", mx_value_real(a->z, 1)};
    }
    if (v->why)
        return MERX_OK;
    if (all.closed > 0) {
        char start[32];
        mx_format_date(all.longest_closed_ms, false, start);
        MX_TRY(mx_reply_note(
            v->reply, v->arena, err,
            "%zu %ss without any line on days that usually sell were left out; the longest run is %zu from %s.",
            all.closed, mx_insight_period_name(period), all.longest_closed, start));
    }
    return say(v, err, "%zu of %zu %ss are far from what was to be expected (|z| >= 3.5).", all.found, all.tested,
               mx_insight_period_name(period));
}

/* ---- the answer ---- */

static merx_status read_day(const merx_options *asked, const char *name, int64_t missing, int64_t add, int64_t *out,
                            merx_error *err)
{
    const char *text = merx_options_text(asked, name);
    *out = missing;
    if (!text[0])
        return MERX_OK;
    if (!mx_parse_date(mx_str_of(text), MX_DATE_ISO, 0, out))
        MX_FAIL(err, MERX_E_PARSE, name, "\"%s\" is no date; 2011-11-30 would be right", text);
    *out = mx_floor_day(*out) + add;
    return MERX_OK;
}

static merx_status show(const mx_ask *ask, merx_reply *reply, bool why, merx_error *err)
{
    view v = {.ask = ask, .s = ask->snapshot, .arena = ask->arena, .reply = reply, .why = why, .unit = 1};
    for (int k = 0; k < ask->snapshot->decimals; k++)
        v.unit /= 10;
    mx_insight_range all = mx_insight_all(ask->snapshot);
    MX_TRY(read_day(ask->question, "from", all.from_ms, 0, &v.range.from_ms, err));
    MX_TRY(read_day(ask->question, "to", all.to_ms, MX_DAY_MS, &v.range.to_ms, err));
    if (v.range.from_ms > v.range.to_ms)
        MX_FAIL(err, MERX_E_RANGE, "from", "\"%s\" lies after the last day asked for",
                merx_options_text(ask->question, "from"));
    const char *period = merx_options_text(ask->question, "period");
    const char *topic = merx_options_text(ask->question, "topic");
    v.period = strcmp(period, "day") == 0    ? MX_PERIOD_DAY
               : strcmp(period, "week") == 0 ? MX_PERIOD_WEEK
                                             : MX_PERIOD_MONTH;
    v.n = (size_t)merx_options_int(ask->question, "n");
    if (strcmp(topic, "revenue") == 0)
        return revenue(&v, err);
    if (strcmp(topic, "products") == 0)
        return tops(&v, MX_BY_PRODUCT, err);
    if (strcmp(topic, "countries") == 0)
        return tops(&v, MX_BY_COUNTRY, err);
    if (strcmp(topic, "customers") == 0)
        return tops(&v, MX_BY_CUSTOMER, err);
    if (strcmp(topic, "cohorts") == 0)
        return cohorts(&v, err);
    if (strcmp(topic, "movers") == 0)
        return movers(&v, err);
    if (strcmp(topic, "anomalies") == 0)
        return anomalies(&v, err);
    return overview(&v, err);
}

static merx_status answer(const mx_ask *ask, merx_reply *reply, merx_error *err)
{
    reply->score_unit = "";
    return show(ask, reply, false, err);
}

static merx_status explain(const mx_ask *ask, merx_reply *reply, merx_error *err)
{
    return show(ask, reply, true, err);
}

static merx_status needs(const mx_snapshot *s, merx_error *err)
{
    for (size_t i = 0; i < s->events; i++)
        if (mx_insight_is_line(s, i))
            return MERX_OK;
    MX_FAIL(err, MERX_E_INVALID, "insight", "needs purchases or returns; there are none");
}

const mx_answer mx_answer_insight = {
    .version = 1,
    .info = {.name = "insight",
             .title = "Insight",
             .text = "What the shop's past shows: revenue, orders, baskets, customers new and returning, cohorts, best "
                     "products, countries and customers, what moved "
                     "revenue, and days far from what was to be expected. Every sum of money is exact.",
             .needs = "purchases with times, quantities and prices",
             .examples =
                 "merx ask insight --shop SHOP\nmerx ask insight --shop SHOP --topic movers --period week --why\n"
                 "merx ask insight --shop SHOP --topic revenue --from 2011-09-01 --to 2011-11-30",
             .training = training,
             .question = question,
             .learns = false},
    .code_version = 1,
    .needs = needs,
    .answer = answer,
    .explain = explain,
};
