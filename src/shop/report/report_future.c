/*
 * The report's sections on what was learnt: segments, recommendations, demand, and how good they are.
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "shop/report/report.h"

/* What fields of replies are called in Chinese; one that is not here keeps its English name. */
static const struct {
    const char *name, *zh;
} field_names[] = {
    {"customers", "人数"},
    {"share", "占比"},
    {"revenue", "收入"},
    {"revenue_share", "收入占比"},
    {"buys_again", "再次购买"},
    {"recency_days", "距上次购买天数"},
    {"orders", "订单数"},
    {"money", "消费额"},
    {"basket_value", "每单金额"},
    {"recent_orders", "近期订单"},
    {"products", "商品种类"},
    {"returns_share", "退货占比"},
    {"tenure_days", "成为顾客天数"},
    {"gap_days", "下单间隔天数"},
    {"week", "周"},
    {"units", "件数（中位）"},
    {"expected units", "预期件数"},
    {"low", "下限"},
    {"high", "上限"},
    {"price", "价格"},
    {"elasticity", "价格弹性"},
    {"elasticity low", "弹性下限"},
    {"elasticity high", "弹性上限"},
    {"elasticity from", "弹性来源"},
};

/* "recency_days" as a person reads it. */
static const char *field_head(report_out *out, const char *name)
{
    char head[64];
    size_t i = 0;
    for (size_t j = 0; out->chinese && j < sizeof field_names / sizeof *field_names; j++)
        if (strcmp(field_names[j].name, name) == 0)
            return field_names[j].zh;
    for (; name[i] && i + 1 < sizeof head; i++)
        head[i] = name[i] == '_' ? ' ' : name[i];
    head[i] = '\0';
    return report_printf(out, "%s", head);
}

static bool is_number(merx_value_type type)
{
    return type != MERX_VALUE_TEXT && type != MERX_VALUE_DATE;
}

static const char *value_text(report_out *out, const merx_value *value)
{
    char text[512];
    if (value->type == MERX_VALUE_MONEY)
        return report_money(out, value->integer, value->decimals);
    if (value->type == MERX_VALUE_INT)
        return report_count(out, value->integer);
    merx_value_format(value, text, sizeof text);
    return report_printf(out, "%s", text);
}

/* A field "name_zh" is the title in Chinese, not a column. */
static bool is_translation(const merx_field *field)
{
    return strncmp(field->name, "name_", 5) == 0;
}

static const char *item_title(report_out *out, const merx_item *item)
{
    for (size_t j = 0; out->chinese && j < item->fields; j++)
        if (strcmp(item->field[j].name, "name_zh") == 0 && item->field[j].value.type == MERX_VALUE_TEXT)
            return report_printf(out, "%s", item->field[j].value.text);
    return report_printf(out, "%s", item->title && *item->title ? item->title : item->id);
}

/* Any reply as a table: title, then its fields. Fields of the first item set the columns. */
static void put_reply(report_out *out, const merx_reply *reply, const char *first_head, size_t most)
{
    enum { MAX_FIELDS = 12 };
    if (reply->sentence && *reply->sentence)
        report_paragraph(out, "%s", reply->sentence);
    size_t rows = reply->items < most ? reply->items : most;
    if (rows == 0)
        return;
    const merx_item *first = &reply->item[0];
    const char *heads[MAX_FIELDS + 1] = {first_head};
    bool right[MAX_FIELDS + 1] = {false};
    size_t shown[MAX_FIELDS];
    size_t fields = 0;
    for (size_t j = 0; j < first->fields && fields < MAX_FIELDS; j++) {
        if (is_translation(&first->field[j]))
            continue;
        heads[fields + 1] = field_head(out, first->field[j].name);
        right[fields + 1] = is_number(first->field[j].value.type);
        shown[fields++] = j;
    }
    const char **cells = mx_arena_array(out->arena, rows * (fields + 1), sizeof *cells, NULL);
    if (!cells) {
        out->text.failed = true;
        return;
    }
    for (size_t i = 0; i < rows; i++) {
        const merx_item *item = &reply->item[i];
        cells[i * (fields + 1)] = item_title(out, item);
        for (size_t j = 0; j < fields; j++)
            cells[i * (fields + 1) + j + 1] =
                shown[j] < item->fields ? value_text(out, &item->field[shown[j]].value) : "";
    }
    report_table(out, fields + 1, heads, right, rows, cells);
}

/* Asks; when the answer has no live model the section says why, and that is no failure of the report. */
static merx_status ask(report_out *out, merx_shop *shop, const char *answer, const char *option, const char *value,
                       bool why, merx_reply *reply, bool *answered, merx_error *err)
{
    merx_status status = MERX_OK;
    merx_options *question = NULL;
    merx_error local = {0};
    *answered = false;
    MX_TRY_GOTO(merx_shop_question(shop, answer, &question, &local));
    if (option)
        MX_TRY_GOTO(merx_options_set(question, option, value, &local));
    MX_TRY_GOTO(merx_shop_ask(shop, answer, question, why, reply, &local));
    *answered = true;
out:
    merx_options_free(question);
    if (status == MERX_E_NOT_FITTED || status == MERX_E_INVALID || status == MERX_E_NOT_FOUND) {
        report_paragraph(out, report_say(out, W_NOT_AVAILABLE), local.message);
        return MERX_OK;
    }
    if (status != MERX_OK)
        return mx_error_set(err, local.code, local.where, "%s", local.message);
    return MERX_OK;
}

static double field_value(const merx_item *item, const char *name)
{
    for (size_t j = 0; j < item->fields; j++)
        if (strcmp(item->field[j].name, name) == 0) {
            const merx_value *value = &item->field[j].value;
            return value->type == MERX_VALUE_INT || value->type == MERX_VALUE_MONEY ? (double)value->integer
                                                                                    : value->real;
        }
    return NAN;
}

/* The segments as a map: how often they order, how much each time, how many they are. */
static void put_segment_map(report_out *out, const merx_reply *reply)
{
    enum { MOST = 16 };
    mx_point points[MOST];
    size_t n = reply->items < MOST ? reply->items : MOST;
    for (size_t i = 0; i < n; i++)
        points[i] = (mx_point){.x = field_value(&reply->item[i], "orders"),
                               .y = field_value(&reply->item[i], "basket_value"),
                               .size = field_value(&reply->item[i], "customers"),
                               .group = (int)i,
                               .label = item_title(out, &reply->item[i])};
    mx_text svg;
    mx_text_init(&svg, out->text.alloc, 1 << 22);
    mx_plot_points(&svg, &(mx_scatter_plot){.title = report_say(out, W_SEGMENT_MAP),
                                            .text = report_say(out, W_SEGMENT_MAP),
                                            .x = {.label = report_say(out, W_ORDERS_EACH), .from_zero = true},
                                            .y = {.label = report_say(out, W_BASKET), .from_zero = true},
                                            .points = n,
                                            .point = points});
    report_plot(out, &svg);
    mx_text_release(&svg);
}

/* A section that is one reply: a plot of it (NULL: none) and its table. */
static merx_status put_answer(report_out *out, merx_shop *shop, const char *answer, report_word title,
                              const char *first_head, size_t most, void (*draw)(report_out *, const merx_reply *),
                              merx_error *err)
{
    merx_reply reply = {0};
    bool answered;
    report_heading(out, report_say(out, title));
    merx_status status = ask(out, shop, answer, NULL, NULL, false, &reply, &answered, err);
    if (status == MERX_OK && answered) {
        if (draw)
            draw(out, &reply);
        put_reply(out, &reply, first_head, most);
    }
    merx_reply_release(&reply);
    return status;
}

/* What is recommended to one customer, each with the reason that weighs most. */
static merx_status put_recommendation(report_out *out, merx_shop *shop, const char *customer, bool *answered,
                                      merx_error *err)
{
    enum { SHOWN = 5 };
    merx_reply reply = {0};
    merx_status status = ask(out, shop, "recommend", "customer", customer, true, &reply, answered, err);
    if (status == MERX_OK && *answered) {
        const char *cells[SHOWN * 2];
        size_t rows = reply.items < SHOWN ? reply.items : SHOWN;
        for (size_t i = 0; i < rows; i++) {
            const merx_item *item = &reply.item[i];
            cells[i * 2] = report_printf(out, "%s", item->title && *item->title ? item->title : item->id);
            cells[i * 2 + 1] = item->reasons > 0 ? report_printf(out, "%s", item->reason[0].text) : "";
        }
        report_subheading(out, report_printf(out, report_say(out, W_RECOMMEND_TO), customer));
        const char *heads[] = {report_say(out, W_PRODUCT), report_say(out, W_BECAUSE)};
        const bool right[] = {false, false};
        report_table(out, 2, heads, right, rows, cells);
    }
    merx_reply_release(&reply);
    return status;
}

/* The last customers to buy, as examples: the newest events decide, so it is the same for the same state. */
static merx_status put_recommendations(report_out *out, merx_shop *shop, const mx_snapshot *snapshot, merx_error *err)
{
    enum { EXAMPLES = 3 };
    int32_t chosen[EXAMPLES];
    size_t n = 0;
    report_heading(out, report_say(out, W_RECOMMEND));
    for (size_t i = snapshot->events; i-- > 0 && n < EXAMPLES;) {
        if (!mx_snapshot_is_sale(snapshot, i) || snapshot->customer[i] < 0)
            continue;
        bool seen = false;
        for (size_t j = 0; j < n; j++)
            seen = seen || chosen[j] == snapshot->customer[i];
        if (!seen)
            chosen[n++] = snapshot->customer[i];
    }
    for (size_t i = 0; i < n; i++) {
        bool answered;
        MX_TRY(put_recommendation(out, shop, report_str(out, snapshot->customer_id[chosen[i]]), &answered, err));
        if (!answered)
            break;
    }
    return MERX_OK;
}

merx_status report_answers(report_out *out, merx_shop *shop, const mx_snapshot *snapshot, merx_error *err)
{
    MX_TRY(put_answer(out, shop, "segment", W_SEGMENTS, report_say(out, W_SEGMENT), 12, put_segment_map, err));
    MX_TRY(put_recommendations(out, shop, snapshot, err));
    return put_answer(out, shop, "demand", W_DEMAND, report_say(out, W_PRODUCT), 10, NULL, err);
}

static void put_quality_plot(report_out *out, const merx_model_versions *versions)
{
    enum { MOST = 16 };
    mx_bar bars[MOST];
    size_t n = 0;
    for (size_t i = 0; i < versions->count && n < MOST; i++) {
        const merx_model_version *version = &versions->version[i];
        if (!version->live || version->evaluation.figures == 0)
            continue;
        const merx_figure *figure = &version->evaluation.figure[0];
        bars[n++] = (mx_bar){.label = report_printf(out, "%s: %s", version->answer, figure->name),
                             .value = figure->value,
                             .low = figure->low,
                             .high = figure->high,
                             .reference = figure->baseline_name[0] ? figure->baseline : NAN,
                             .shown = report_printf(out, "%.3f", figure->value)};
    }
    if (n == 0)
        return;
    mx_text svg;
    mx_text_init(&svg, out->text.alloc, 1 << 22);
    mx_plot_bars(&svg, &(mx_bar_plot){.title = report_say(out, W_PLOT_QUALITY),
                                      .text = report_say(out, W_PLOT_QUALITY),
                                      .bars = n,
                                      .bar = bars});
    report_plot(out, &svg);
    mx_text_release(&svg);
    report_paragraph(out, "%s", report_say(out, W_PLOT_QUALITY));
}

merx_status report_quality(report_out *out, merx_shop *shop, merx_error *err)
{
    enum { COLUMNS = 7 };
    merx_model_versions versions = {0};
    MX_TRY(merx_shop_versions(shop, &versions, err));
    report_heading(out, report_say(out, W_QUALITY));
    report_paragraph(out, "%s", report_say(out, W_QUALITY_TEXT));
    size_t rows = 0;
    for (size_t i = 0; i < versions.count; i++)
        rows += versions.version[i].evaluation.figures;
    const char **cells = mx_arena_array(out->arena, rows * COLUMNS + 1, sizeof *cells, err);
    size_t row = 0;
    const merx_evaluation *dated = NULL;
    for (size_t i = 0; cells && i < versions.count; i++) {
        const merx_model_version *version = &versions.version[i];
        bool newest = i + 1 == versions.count || strcmp(versions.version[i + 1].answer, version->answer) != 0;
        if (!version->live && !newest)
            continue;
        if (version->evaluation.split_ms != 0)
            dated = &version->evaluation;
        for (size_t j = 0; j < version->evaluation.figures; j++) {
            const merx_figure *figure = &version->evaluation.figure[j];
            bool compared = figure->baseline_name[0] != '\0';
            const char **cell = &cells[row++ * COLUMNS];
            cell[0] = j == 0 ? report_printf(out, "%s", version->answer) : "";
            cell[1] = report_printf(out, "%s", figure->name);
            cell[2] = report_printf(out, "%.4g", figure->value);
            cell[3] = report_printf(out, "[%.4g, %.4g]", figure->low, figure->high);
            cell[4] = compared ? report_printf(out, "%s %.4g", figure->baseline_name, figure->baseline) : "";
            cell[5] = compared && isfinite(figure->difference)
                          ? report_printf(out, "%+.4g [%+.4g, %+.4g]", figure->difference, figure->difference_low,
                                          figure->difference_high)
                          : "";
            cell[6] = j == 0 ? report_say(out, version->live ? W_YES : W_NO) : "";
        }
    }
    if (cells && dated) {
        char split[32];
        char until[32];
        mx_format_date(dated->split_ms, false, split);
        mx_format_date(dated->until_ms, false, until);
        report_paragraph(out, report_say(out, W_SPLIT), split, until);
    }
    if (cells)
        put_quality_plot(out, &versions);
    const char *heads[] = {report_say(out, W_ANSWER),   report_say(out, W_FIGURE),   report_say(out, W_VALUE),
                           report_say(out, W_INTERVAL), report_say(out, W_BASELINE), report_say(out, W_DIFFERENCE),
                           report_say(out, W_USED)};
    const bool right[] = {false, false, true, true, false, true, false};
    if (cells)
        report_table(out, COLUMNS, heads, right, row, cells);
    merx_model_versions_release(&versions);
    return cells ? MERX_OK : MERX_E_MEMORY;
}
