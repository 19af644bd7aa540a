/*
 * The report: one document, written once, shown twice: as text for a terminal and as one self-contained HTML page. Floor 5.
 *
 * report_writer.c knows how headings, facts, tables and plots look in either; report_sections.c says what is in the report; report_words.c holds every
 * word in English and Chinese. The report is a function of the shop's state alone: no clock, no paths.
 */
#ifndef MX_SHOP_REPORT_H
#define MX_SHOP_REPORT_H

#include "plot/plot.h"
#include "shop/shop_state.h"

/* X(KEY, "English", "中文") */
#define REPORT_WORDS(X)                                                                                                \
    X(TITLE, "What the shop's data shows", "店铺数据报告")                                                             \
    X(DATA, "%s to %s: %s events, %s customers, %s products, %s orders.",                                              \
      "%s 至 %s：%s 条事件，%s 位顾客，%s 件商品，%s 张订单。")                                                        \
    X(EMPTY, "The shop holds no events yet: import some first.", "店铺里还没有事件：请先导入数据。")                   \
    X(GLANCE, "At a glance", "概览")                                                                                   \
    X(REVENUE, "Revenue (all lines, net)", "收入（全部明细，净额）")                                                   \
    X(GOODS, "Of which goods", "其中商品")                                                                             \
    X(SERVICES, "Of which postage and fees", "其中邮费与杂费")                                                         \
    X(RETURNS, "Returns and corrections", "退货与更正")                                                                \
    X(ORDERS, "Orders", "订单")                                                                                        \
    X(BASKET, "Sales per order", "每单销售额")                                                                         \
    X(CUSTOMERS, "Customers who bought", "购买过的顾客")                                                               \
    X(REPEAT, "Bought more than once", "复购顾客")                                                                     \
    X(UNITS, "Units of goods sold", "售出件数")                                                                        \
    X(BY_MONTH, "Month by month", "逐月")                                                                              \
    X(MONTH, "month", "月份")                                                                                          \
    X(REVENUE_SHORT, "revenue", "收入")                                                                                \
    X(ORDERS_SHORT, "orders", "订单")                                                                                  \
    X(CUSTOMERS_SHORT, "customers", "顾客")                                                                            \
    X(NEW_SHORT, "new", "新客")                                                                                        \
    X(UNITS_SHORT, "units", "件数")                                                                                    \
    X(INCOMPLETE, "(part)", "（部分）")                                                                                \
    X(PLOT_REVENUE, "Net revenue by complete month", "每月净收入（完整月份）")                                         \
    X(PRODUCTS, "Products that earn most", "收入最高的商品")                                                           \
    X(PRODUCT, "product", "商品")                                                                                      \
    X(PARETO_PRODUCTS, "The best 10 %% of %s products make %s of the goods' revenue.",                                 \
      "前 10%% 的商品（共 %s 件）贡献了商品收入的 %s。")                                                               \
    X(COUNTRIES, "Countries", "国家与地区")                                                                            \
    X(COUNTRY, "country", "国家/地区")                                                                                 \
    X(LOYALTY, "Who comes back", "谁会回来")                                                                           \
    X(PARETO_CUSTOMERS, "The best 10 %% of the customers make %s of what known customers spend; %s of %s make 80 %%.", \
      "前 10%% 的顾客贡献了已知顾客消费的 %s；%s 位（共 %s 位）贡献了 80%%。")                                         \
    X(COHORTS, "Of those who first bought in a month (row), so many bought again months later (column)",               \
      "按首购月份（行）看之后各月（列）的复购比例")                                                                    \
    X(FIRST_MONTH, "first bought", "首购月份")                                                                         \
    X(SIZE, "size", "人数")                                                                                            \
    X(CHANGES, "What changed", "变化")                                                                                 \
    X(MOVED, "From %s to %s revenue went from %s to %s (%s). The products that moved it most:",                        \
      "从 %s 到 %s，收入由 %s 变为 %s（%s）。影响最大的商品：")                                                        \
    X(CHANGE, "change", "变化")                                                                                        \
    X(BY_QUANTITY, "by quantity", "数量")                                                                              \
    X(BY_PRICE, "by price", "价格")                                                                                    \
    X(BY_RETURNS, "by returns", "退货")                                                                                \
    X(OTHERS, "all others", "其他合计")                                                                                \
    X(UNUSUAL, "Unusual days", "异常的日子")                                                                           \
    X(UNUSUAL_DAY, "%s: %s, expected about %s", "%s：%s，预期约 %s")                                                   \
    X(MOST_BY, "; most of it: %s", "；主要来自：%s")                                                                   \
    X(NOTHING_UNUSUAL, "No day was far from what its weekday and the weeks around it let expect.",                     \
      "没有明显异常的日子。")                                                                                          \
    X(SEGMENTS, "Who the customers are", "顾客分群")                                                                   \
    X(SEGMENT, "segment", "分群")                                                                                      \
    X(SEGMENT_MAP, "Segments by orders and sales per order; the area is the number of customers",                      \
      "按下单次数与每单销售额的分群图；面积为人数")                                                                    \
    X(ORDERS_EACH, "orders a customer", "每位顾客的订单数")                                                            \
    X(RECOMMEND, "What to recommend", "推荐")                                                                          \
    X(RECOMMEND_TO, "Customer %s", "顾客 %s")                                                                          \
    X(BECAUSE, "because of", "原因")                                                                                   \
    X(DEMAND, "What will sell", "需求预测")                                                                            \
    X(QUALITY, "How good the answers are", "答案有多可靠")                                                             \
    X(QUALITY_TEXT,                                                                                                    \
      "Each answer was learnt on the weeks before the split and tested on those after it, beside naive ways of "       \
      "answering; brackets are 95 % "                                                                                 \
      "intervals. An answer that is not better than its baseline is not used.",                                        \
      "每个答案都用切分日之前的数据学习、用之后的数据检验（classify "                        \
      "用未参与学习的商品的图片检验），并与简单方法对比；括号内为 95% "                   \
      "区间。不优于简单方法的答案不会被使用。")                                                                        \
    X(ANSWER, "answer", "答案")                                                                                        \
    X(FIGURE, "figure", "指标")                                                                                        \
    X(VALUE, "value", "数值")                                                                                          \
    X(INTERVAL, "95 % interval", "95% 区间")                                                                           \
    X(BASELINE, "baseline", "基线")                                                                                    \
    X(DIFFERENCE, "difference", "差值")                                                                                \
    X(USED, "used", "已启用")                                                                                          \
    X(YES, "yes", "是")                                                                                                \
    X(NO, "no", "否")                                                                                                  \
    X(PLOT_QUALITY, "Main figure of each answer (bar, with interval) and its baseline (mark)",                         \
      "各答案主要指标（条，含区间）与基线（竖线）")                                                                    \
    X(NOT_AVAILABLE, "Not available: %s", "暂无：%s")                                                                  \
    X(SPLIT, "Learnt before %s, tested from then to %s.", "用 %s 之前的数据学习，用其后至 %s 的数据检验。")

typedef enum report_word {
#define REPORT_ENUM(key, en, zh) W_##key,
    REPORT_WORDS(REPORT_ENUM)
#undef REPORT_ENUM
        W_COUNT
} report_word;

typedef struct report_out {
    mx_text text, html;
    int columns;
    bool colour, chinese;
    mx_arena *arena;
    const char *currency; /* sign before amounts, "" if unknown */
} report_out;

const char *report_say(const report_out *out, report_word word);

/* The parts of a document. Formats are printf's; words come from the table. */
void report_begin(report_out *out, const char *shop);
void report_end(report_out *out);
void report_heading(report_out *out, const char *text);
void report_subheading(report_out *out, const char *text);
void report_paragraph(report_out *out, const char *format, ...);
void report_plot(report_out *out, const mx_text *svg);                                 /* the page only */
void report_spark(report_out *out, const char *label, const double *values, size_t n); /* the text only */
typedef struct report_fact {
    const char *label, *value;
} report_fact;
void report_facts(report_out *out, const report_fact *facts, size_t n);
/* cells (rows, columns) row-major; right: which columns are numbers. Long cells of the first text column are cut on the terminal. */
void report_table(report_out *out, size_t columns, const char *const *heads, const bool *right, size_t rows,
                  const char *const *cells);

/* Text of values, in the arena. */
const char *report_money(report_out *out, int64_t minor, int decimals);
const char *report_count(report_out *out, int64_t value); /* 1,234,567 */
const char *report_share(report_out *out, double share);
const char *report_str(report_out *out, mx_str text);
/* The format may be a word of the table. */
const char *report_printf(report_out *out, const char *format, ...);

/* The sections, in order. */
merx_status report_overview(report_out *out, const mx_snapshot *snapshot, merx_error *err) MERX_MUST_CHECK;
merx_status report_tops(report_out *out, const mx_snapshot *snapshot, merx_error *err) MERX_MUST_CHECK;
merx_status report_loyalty(report_out *out, const mx_snapshot *snapshot, merx_error *err) MERX_MUST_CHECK;
merx_status report_changes(report_out *out, const mx_snapshot *snapshot, merx_error *err) MERX_MUST_CHECK;
merx_status report_answers(report_out *out, merx_shop *shop, const mx_snapshot *snapshot,
                           merx_error *err) MERX_MUST_CHECK;
merx_status report_quality(report_out *out, merx_shop *shop, merx_error *err) MERX_MUST_CHECK;

#endif
