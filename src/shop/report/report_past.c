/*
 * The report's sections on what was: overview, months, products, countries, who comes back, what changed.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "shop/answers/insight.h"
#include "shop/report/report.h"

/* A double of money for plots only. */
static double amount(int64_t minor, int decimals)
{
    return (double)minor / pow(10, decimals);
}

/* cells[i] of a table being filled: an arena array. NULL when there is no memory. */
static const char **new_cells(report_out *out, size_t n)
{
    const char **cells = mx_arena_array(out->arena, n, sizeof *cells, NULL);
    if (!cells)
        out->text.failed = true;
    return cells;
}

static const char *title_of(report_out *out, mx_str id, mx_str title)
{
    if (title.size > 0)
        return report_str(out, title);
    return id.size > 0 ? report_str(out, id) : "–";
}

/* The svg of one plot, appended to the page. */
static void put_lines(report_out *out, const mx_line_plot *plot)
{
    mx_text svg;
    mx_text_init(&svg, out->text.alloc, 1 << 22);
    mx_plot_lines(&svg, plot);
    report_plot(out, &svg);
    mx_text_release(&svg);
}

static void put_months(report_out *out, const mx_snapshot *snapshot, const mx_insight_series *months)
{
    double *x = mx_arena_array(out->arena, months->n, sizeof *x, NULL);
    double *y = mx_arena_array(out->arena, months->n, sizeof *y, NULL);
    const char **cells = new_cells(out, months->n * 6);
    if (!x || !y || !cells) {
        out->text.failed = true;
        return;
    }
    for (size_t i = 0; i < months->n; i++) {
        const mx_insight_sums *sums = &months->at[i];
        char label[32];
        mx_insight_period_label(MX_PERIOD_MONTH, mx_insight_period_start(snapshot, MX_PERIOD_MONTH, sums->from_ms),
                                label);
        x[i] = (double)mx_insight_period_start(snapshot, MX_PERIOD_MONTH, sums->from_ms);
        /* A month that the data covers in part would look like a fall. */
        y[i] = sums->complete || months->n < 4 ? amount(sums->revenue_minor, snapshot->decimals) : NAN;
        cells[i * 6 + 0] = report_printf(out, "%s%s%s", label, sums->complete ? "" : " ",
                                         sums->complete ? "" : report_say(out, W_INCOMPLETE));
        cells[i * 6 + 1] = report_money(out, sums->revenue_minor, snapshot->decimals);
        cells[i * 6 + 2] = report_count(out, (int64_t)sums->orders);
        cells[i * 6 + 3] = report_count(out, (int64_t)sums->customers);
        cells[i * 6 + 4] = report_count(out, (int64_t)sums->new_customers);
        cells[i * 6 + 5] = report_count(out, sums->units);
    }
    report_spark(out, report_say(out, W_PLOT_REVENUE), y, months->n);
    put_lines(out, &(mx_line_plot){
                       .title = report_say(out, W_PLOT_REVENUE),
                       .text = report_say(out, W_PLOT_REVENUE),
                       .x = {.unit = MX_AXIS_DATE},
                       .y = {.unit = MX_AXIS_MONEY, .prefix = out->currency, .from_zero = true},
                       .series = 1,
                       .one = &(mx_series){.name = report_say(out, W_REVENUE_SHORT), .n = months->n, .x = x, .y = y},
                       .height = 240});
    const char *heads[] = {report_say(out, W_MONTH),        report_say(out, W_REVENUE_SHORT),
                           report_say(out, W_ORDERS_SHORT), report_say(out, W_CUSTOMERS_SHORT),
                           report_say(out, W_NEW_SHORT),    report_say(out, W_UNITS_SHORT)};
    const bool right[] = {false, true, true, true, true, true};
    report_table(out, 6, heads, right, months->n, cells);
}

merx_status report_overview(report_out *out, const mx_snapshot *snapshot, merx_error *err)
{
    mx_insight_range all = mx_insight_all(snapshot);
    mx_insight_sums sums;
    MX_TRY(mx_insight_overview(snapshot, all, out->text.alloc, &sums, err));
    char from[32];
    char to[32];
    mx_format_date(snapshot->first_ms, false, from);
    mx_format_date(snapshot->last_ms, false, to);
    report_paragraph(out, report_say(out, W_DATA), from, to, report_count(out, (int64_t)snapshot->events),
                     report_count(out, (int64_t)snapshot->customers), report_count(out, (int64_t)snapshot->products),
                     report_count(out, (int64_t)snapshot->orders));
    report_heading(out, report_say(out, W_GLANCE));
    report_fact facts[] = {
        {report_say(out, W_REVENUE), report_money(out, sums.revenue_minor, snapshot->decimals)},
        {report_say(out, W_GOODS), report_money(out, sums.goods_minor, snapshot->decimals)},
        {report_say(out, W_SERVICES), report_money(out, sums.services_minor, snapshot->decimals)},
        {report_say(out, W_RETURNS), report_money(out, sums.returns_minor, snapshot->decimals)},
        {report_say(out, W_ORDERS), report_count(out, (int64_t)sums.orders)},
        {report_say(out, W_BASKET),
         sums.orders ? report_money(out, sums.sales_minor / (int64_t)sums.orders, snapshot->decimals) : "–"},
        {report_say(out, W_CUSTOMERS), report_count(out, (int64_t)sums.customers)},
        {report_say(out, W_REPEAT),
         report_share(out, sums.customers ? (double)sums.repeat_customers / (double)sums.customers : NAN)},
        {report_say(out, W_UNITS), report_count(out, sums.units)},
    };
    report_facts(out, facts, sizeof facts / sizeof *facts);
    mx_insight_series months;
    MX_TRY(mx_insight_series_build(snapshot, MX_PERIOD_MONTH, all, out->arena, &months, err));
    report_heading(out, report_say(out, W_BY_MONTH));
    put_months(out, snapshot, &months);
    return MERX_OK;
}

static void put_top(report_out *out, const mx_snapshot *snapshot, const mx_insight_top *top, report_word name)
{
    const char **cells = new_cells(out, top->n * 4);
    if (!cells)
        return;
    for (size_t i = 0; i < top->n; i++) {
        const mx_insight_row *row = &top->row[i];
        cells[i * 4 + 0] = title_of(out, row->id, row->title);
        cells[i * 4 + 1] = report_money(out, row->revenue_minor, snapshot->decimals);
        cells[i * 4 + 2] = report_count(out, row->units);
        cells[i * 4 + 3] = report_count(out, (int64_t)row->orders);
    }
    const char *heads[] = {report_say(out, name), report_say(out, W_REVENUE_SHORT), report_say(out, W_UNITS_SHORT),
                           report_say(out, W_ORDERS_SHORT)};
    const bool right[] = {false, true, true, true};
    report_table(out, 4, heads, right, top->n, cells);
}

merx_status report_tops(report_out *out, const mx_snapshot *snapshot, merx_error *err)
{
    enum { PRODUCTS = 10, COUNTRIES = 8 };
    mx_insight_range all = mx_insight_all(snapshot);
    mx_insight_top top;
    MX_TRY(mx_insight_top_build(snapshot, MX_BY_PRODUCT, all, PRODUCTS, true, out->arena, &top, err));
    report_heading(out, report_say(out, W_PRODUCTS));
    report_paragraph(out, report_say(out, W_PARETO_PRODUCTS), report_count(out, (int64_t)top.named),
                     report_share(out, top.share_best_10));
    mx_bar bars[PRODUCTS];
    for (size_t i = 0; i < top.n && i < PRODUCTS; i++)
        bars[i] = (mx_bar){.label = title_of(out, top.row[i].id, top.row[i].title),
                           .value = amount(top.row[i].revenue_minor, snapshot->decimals),
                           .low = NAN,
                           .high = NAN,
                           .reference = NAN};
    mx_text svg;
    mx_text_init(&svg, out->text.alloc, 1 << 22);
    mx_plot_bars(&svg, &(mx_bar_plot){.title = report_say(out, W_PRODUCTS),
                                      .text = report_say(out, W_PRODUCTS),
                                      .axis = {.unit = MX_AXIS_MONEY, .prefix = out->currency},
                                      .bars = top.n < PRODUCTS ? top.n : PRODUCTS,
                                      .bar = bars});
    report_plot(out, &svg);
    mx_text_release(&svg);
    put_top(out, snapshot, &top, W_PRODUCT);
    if (snapshot->countries > 1) {
        MX_TRY(mx_insight_top_build(snapshot, MX_BY_COUNTRY, all, COUNTRIES, false, out->arena, &top, err));
        report_heading(out, report_say(out, W_COUNTRIES));
        put_top(out, snapshot, &top, W_COUNTRY);
    }
    return MERX_OK;
}

/* The table of cohorts: at most 13 months across, empty cells where there is no data. */
static merx_status put_cohorts(report_out *out, const mx_insight_cohorts *cohorts, merx_error *err)
{
    enum { ACROSS = 13, DOWN = 24 };
    size_t first = cohorts->n > DOWN ? cohorts->n - DOWN : 0;
    size_t rows = cohorts->n - first;
    size_t columns = 0;
    for (size_t i = first; i < cohorts->n; i++)
        columns = cohorts->at[i].months > columns ? cohorts->at[i].months : columns;
    columns = columns > ACROSS ? ACROSS : columns;
    if (rows == 0 || columns < 2)
        return MERX_OK;
    double *values = mx_arena_array(out->arena, rows * columns, sizeof *values, err);
    const char **names = new_cells(out, rows);
    const char **heads = new_cells(out, columns + 1);
    const char **cells = new_cells(out, rows * (columns + 1));
    bool *right = mx_arena_array(out->arena, columns + 1, sizeof *right, err);
    if (!values || !names || !heads || !cells || !right)
        return mx_error_set(err, MERX_E_MEMORY, "report", "no memory for the cohorts");
    heads[0] = report_say(out, W_FIRST_MONTH);
    heads[1] = report_say(out, W_SIZE);
    for (size_t j = 0; j < columns; j++) {
        right[j + 1] = true;
        if (j > 0)
            heads[j + 1] = report_printf(out, "+%zu", j);
    }
    for (size_t i = 0; i < rows; i++) {
        const mx_insight_cohort *cohort = &cohorts->at[first + i];
        char label[32];
        mx_insight_period_label(MX_PERIOD_MONTH, cohort->month_ms, label);
        names[i] = report_printf(out, "%s", label);
        cells[i * (columns + 1)] = names[i];
        cells[i * (columns + 1) + 1] = report_count(out, (int64_t)cohort->size);
        for (size_t j = 0; j < columns; j++) {
            bool known = j > 0 && j < cohort->months && cohort->size > 0;
            double share = known ? (double)cohort->active[j] / (double)cohort->size : NAN;
            values[i * columns + j] = share;
            if (j > 0)
                cells[i * (columns + 1) + j + 1] = known ? report_printf(out, "%.0f%%", share * 100) : "";
        }
    }
    report_paragraph(out, "%s", report_say(out, W_COHORTS));
    mx_text svg;
    mx_text_init(&svg, out->text.alloc, 1 << 22);
    const char **plot_heads = new_cells(out, columns);
    if (!plot_heads)
        return mx_error_set(err, MERX_E_MEMORY, "report", "no memory for the cohorts");
    for (size_t j = 1; j < columns; j++)
        plot_heads[j - 1] = heads[j + 1];
    double *later = mx_arena_array(out->arena, rows * columns, sizeof *later, err);
    if (!later)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < rows; i++)
        memcpy(later + i * (columns - 1), values + i * columns + 1, (columns - 1) * sizeof *later);
    mx_plot_heat(&svg, &(mx_heat_plot){.title = report_say(out, W_LOYALTY),
                                       .text = report_say(out, W_COHORTS),
                                       .rows = rows,
                                       .columns = columns - 1,
                                       .row_names = names,
                                       .column_names = plot_heads,
                                       .values = later,
                                       .unit = MX_AXIS_SHARE});
    report_plot(out, &svg);
    mx_text_release(&svg);
    report_table(out, columns + 1, heads, right, rows, cells);
    return MERX_OK;
}

merx_status report_loyalty(report_out *out, const mx_snapshot *snapshot, merx_error *err)
{
    if (snapshot->customers == 0)
        return MERX_OK;
    mx_insight_range all = mx_insight_all(snapshot);
    mx_insight_top top;
    mx_insight_cohorts cohorts;
    MX_TRY(mx_insight_top_build(snapshot, MX_BY_CUSTOMER, all, 1, false, out->arena, &top, err));
    MX_TRY(mx_insight_cohorts_build(snapshot, all, out->arena, &cohorts, err));
    report_heading(out, report_say(out, W_LOYALTY));
    report_paragraph(out, report_say(out, W_PARETO_CUSTOMERS), report_share(out, top.share_best_10),
                     report_count(out, (int64_t)top.groups_for_80), report_count(out, (int64_t)top.named));
    return put_cohorts(out, &cohorts, err);
}

static void put_movers(report_out *out, const mx_snapshot *snapshot, const mx_insight_movers *movers)
{
    enum { COLUMNS = 5 };
    size_t rows = movers->n + 1;
    const char **cells = new_cells(out, rows * COLUMNS);
    if (!cells)
        return;
    for (size_t i = 0; i < rows; i++) {
        const mx_insight_mover *mover = i < movers->n ? &movers->mover[i] : &movers->others;
        cells[i * COLUMNS + 0] = i < movers->n ? title_of(out, mover->id, mover->title) : report_say(out, W_OTHERS);
        cells[i * COLUMNS + 1] = report_money(out, mover->change_minor, snapshot->decimals);
        cells[i * COLUMNS + 2] = report_money(out, mover->quantity_minor, snapshot->decimals);
        cells[i * COLUMNS + 3] = report_money(out, mover->price_minor, snapshot->decimals);
        cells[i * COLUMNS + 4] = report_money(out, mover->returns_minor, snapshot->decimals);
    }
    const char *heads[] = {report_say(out, W_PRODUCT), report_say(out, W_CHANGE), report_say(out, W_BY_QUANTITY),
                           report_say(out, W_BY_PRICE), report_say(out, W_BY_RETURNS)};
    const bool right[] = {false, true, true, true, true};
    report_table(out, COLUMNS, heads, right, rows, cells);
}

static void put_anomalies(report_out *out, const mx_snapshot *snapshot, const mx_insight_anomalies *anomalies)
{
    report_subheading(out, report_say(out, W_UNUSUAL));
    if (anomalies->n == 0) {
        report_paragraph(out, "%s", report_say(out, W_NOTHING_UNUSUAL));
        return;
    }
    for (size_t i = 0; i < anomalies->n; i++) {
        const mx_insight_anomaly *anomaly = &anomalies->at[i];
        char day[32];
        mx_format_date(anomaly->start_ms, false, day);
        int64_t expected = (int64_t)llround(anomaly->expected_minor);
        /* What was expected is an estimate: whole units are plenty. */
        char rounded[48];
        snprintf(rounded, sizeof rounded, "%s", report_money(out, expected, snapshot->decimals));
        char *point = strrchr(rounded, '.');
        if (point)
            *point = '\0';
        const char *why = "";
        if (anomaly->parts > 0)
            why = report_printf(out, report_say(out, W_MOST_BY),
                                title_of(out, anomaly->part[0].id, anomaly->part[0].title));
        report_paragraph(out, report_say(out, W_UNUSUAL_DAY), day,
                         report_money(out, anomaly->revenue_minor, snapshot->decimals),
                         report_printf(out, "%s%s", rounded, why));
    }
}

merx_status report_changes(report_out *out, const mx_snapshot *snapshot, merx_error *err)
{
    enum { MOVERS = 8, ANOMALIES = 5 };
    mx_insight_range all = mx_insight_all(snapshot);
    mx_insight_movers movers;
    mx_insight_anomalies anomalies;
    MX_TRY(mx_insight_movers_build(snapshot, MX_BY_PRODUCT, MX_PERIOD_MONTH, all, MOVERS, out->arena, &movers, err));
    MX_TRY(mx_insight_anomalies_build(snapshot, MX_PERIOD_DAY, all, ANOMALIES, 3, out->arena, &anomalies, err));
    report_heading(out, report_say(out, W_CHANGES));
    if (movers.found) {
        char before[32];
        char after[32];
        mx_insight_period_label(MX_PERIOD_MONTH, movers.before_ms, before);
        mx_insight_period_label(MX_PERIOD_MONTH, movers.after_ms, after);
        report_paragraph(
            out, report_say(out, W_MOVED), before, after, report_money(out, movers.before_minor, snapshot->decimals),
            report_money(out, movers.after_minor, snapshot->decimals),
            report_printf(out, "%+.1f %%",
                          movers.before_minor != 0 ? 100.0 * (double)movers.change_minor / (double)movers.before_minor
                                                   : 0.0));
        put_movers(out, snapshot, &movers);
    }
    put_anomalies(out, snapshot, &anomalies);
    return MERX_OK;
}
