/*
 * The figures of a shop's past: sums, series, tops, cohorts, movers and anomalies as plain structs. Floor 5. The answer `insight` and the report show them.
 *
 * Words. A line is a purchase or return event. Its amount is quantity * price in minor units (10^-decimals of the currency), negative for what came back.
 * Net revenue is the sum of all lines' amounts: goods, services and fees (postage …), returns. Sales are purchase lines with quantity > 0; everything else of the net is
 * returns (also corrections with quantity <= 0). An order is counted when it has a sale, once, where its first sale of the range lies; sales without an order id are one order per customer
 * and day, and one order each when the customer is unknown too. Customers are the known ones with a sale. New: their first sale of all the shop's data lies here.
 *
 * Invariants
 *  1. Every money sum is exact: int64, checked; MERX_E_RANGE names what overflowed. No floating point between the columns and the sums.
 *  2. Parts sum to their whole: goods + services + unnamed = revenue; sales + returns = revenue; the lines of a series to the range's; movers' changes to the total change.
 *  3. Results live in the arena given; ties are broken by id, so they are a function of the snapshot alone.
 * Ranges are [from_ms, to_ms) in local time, as the events' times are; mx_insight_all gives the whole. Cost: each function is one or two passes over the columns.
 */
#ifndef MX_SHOP_INSIGHT_H
#define MX_SHOP_INSIGHT_H

#include "shop/snapshot.h"

typedef struct mx_insight_range {
    int64_t from_ms, to_ms;
} mx_insight_range;
mx_insight_range
mx_insight_all(const mx_snapshot *snapshot); /* from the first event's day to the end of the last one's */

typedef enum mx_insight_period { MX_PERIOD_DAY, MX_PERIOD_WEEK, MX_PERIOD_MONTH } mx_insight_period;
int64_t mx_insight_period_start(const mx_snapshot *snapshot, mx_insight_period period, int64_t ms);
int64_t mx_insight_period_next(mx_insight_period period, int64_t start_ms);
const char *mx_insight_period_name(mx_insight_period period); /* "day" */
/* "2011-11-30", "2011-11-28" (the week's first day), "2011-11"; out >= 32 bytes. */
void mx_insight_period_label(mx_insight_period period, int64_t start_ms, char *out);

/* Sums over a range or one period of it. */
typedef struct mx_insight_sums {
    int64_t from_ms, to_ms;
    bool complete; /* the data covers every day of it */
    int64_t revenue_minor;
    int64_t goods_minor, services_minor, unnamed_minor; /* unnamed: lines without a product */
    int64_t sales_minor, returns_minor;                 /* returns are <= 0 as a rule */
    int64_t known_minor;                                /* of revenue: lines with a known customer */
    int64_t units;                                      /* of goods sold */
    int64_t returned_units;                             /* of goods that came back, >= 0 */
    uint64_t lines, orders;
    uint64_t customers, new_customers; /* returning: the rest */
    uint64_t repeat_customers;         /* with two orders or more in it */
} mx_insight_sums;

merx_status mx_insight_overview(const mx_snapshot *snapshot, mx_insight_range range, const merx_allocator *alloc,
                                mx_insight_sums *out, merx_error *err) MERX_MUST_CHECK;
/* Periods in time order, none left out, the first and last cut by the range. repeat_customers is per period. */
typedef struct mx_insight_series {
    mx_insight_period period;
    size_t n;
    mx_insight_sums *at;
} mx_insight_series;
merx_status mx_insight_series_build(const mx_snapshot *snapshot, mx_insight_period period, mx_insight_range range,
                                    mx_arena *arena, mx_insight_series *out, merx_error *err) MERX_MUST_CHECK;

/* What lines are grouped by. */
typedef enum mx_insight_by { MX_BY_PRODUCT, MX_BY_COUNTRY, MX_BY_CUSTOMER, MX_BY_CATEGORY } mx_insight_by;
typedef struct mx_insight_row {
    int32_t index; /* of the product, country … in the snapshot; -1: unnamed */
    mx_str id, title;
    int64_t revenue_minor, sales_minor, returns_minor, units, returned_units;
    uint64_t lines, orders, customers; /* of its sales, distinct; a sale without an order id is one order */
} mx_insight_row;
typedef struct mx_insight_top {
    mx_insight_by by;
    size_t n; /* rows by descending revenue */
    mx_insight_row *row;
    size_t groups;         /* with any line */
    mx_insight_row others; /* sums of the groups that are not in row */
    int64_t revenue_minor; /* all rows and others */
    /* Pareto: what the best groups make of the revenue of all named groups; shares in [0, 1], NaN when that revenue is not above 0 */
    size_t named; /* groups with an id */
    int64_t named_minor;
    double share_best_1, share_best_10, share_best_20; /* of the best 1, 10, 20 % of the groups (rounded up) */
    size_t groups_for_80;                              /* so many of the best make 80 % */
} mx_insight_top;
/* goods_only: leaves out services and unnamed lines (products and categories). */
merx_status mx_insight_top_build(const mx_snapshot *snapshot, mx_insight_by by, mx_insight_range range, size_t n,
                                 bool goods_only, mx_arena *arena, mx_insight_top *out,
                                 merx_error *err) MERX_MUST_CHECK;

/* Customers by the month of their first sale: row c, column m: months after it. */
typedef struct mx_insight_cohort {
    int64_t month_ms;
    uint64_t size;          /* customers */
    size_t months;          /* columns there is data for: 0 … months - 1 */
    uint64_t *active;       /* (months) customers with a sale in that month; active[0] == size */
    int64_t *revenue_minor; /* (months) net, their lines of that month */
    int64_t earlier_minor;  /* their lines before their first sale (returns of older purchases) */
} mx_insight_cohort;
typedef struct mx_insight_cohorts {
    size_t n;
    mx_insight_cohort *at;
} mx_insight_cohorts;
/* Customers whose first sale lies in the range; activity up to its end. */
merx_status mx_insight_cohorts_build(const mx_snapshot *snapshot, mx_insight_range range, mx_arena *arena,
                                     mx_insight_cohorts *out, merx_error *err) MERX_MUST_CHECK;

/* Whose revenue changed most between the last complete period of the range and the one before it. */
typedef struct mx_insight_mover {
    int32_t index; /* -1: lines without a product (country) */
    mx_str id, title;
    int64_t before_minor, after_minor, change_minor; /* after - before */
    /* change = quantity + price + returns: more or fewer units at the old mean price, another mean price, other returns and corrections */
    int64_t quantity_minor, price_minor, returns_minor;
    int64_t units_before, units_after; /* sold */
} mx_insight_mover;
typedef struct mx_insight_movers {
    mx_insight_by by;
    mx_insight_period period;
    bool found;                  /* false: there are no two complete periods */
    int64_t before_ms, after_ms; /* starts */
    int64_t before_minor, after_minor, change_minor;
    size_t n; /* by descending |change|, ties by id */
    mx_insight_mover *mover;
    mx_insight_mover others; /* the sum of the rest: the movers' changes and this sum to change_minor exactly */
    size_t groups;           /* with a line in either period */
} mx_insight_movers;
merx_status mx_insight_movers_build(const mx_snapshot *snapshot, mx_insight_by by, mx_insight_period period,
                                    mx_insight_range range, size_t n, mx_arena *arena, mx_insight_movers *out,
                                    merx_error *err) MERX_MUST_CHECK;

/*
 * Days or weeks far from what weekday and level around them let expect: e = (revenue - level * weekday factor) / level, level the running median of the 28 open days
 * (4 weeks) on each side, z = 0.6745 (e - median) / MAD; far is |z| >= 3.5 (Iglewicz & Hoaglin 1993).
 */
typedef struct mx_insight_anomaly_part {
    int32_t index; /* product; -1: lines without one */
    mx_str id, title;
    int64_t actual_minor;
    double expected_minor; /* its usual share of what was expected */
} mx_insight_anomaly_part;
typedef struct mx_insight_anomaly {
    int64_t start_ms, end_ms;
    int64_t revenue_minor;
    double expected_minor, z;
    size_t parts; /* the products that made it, by descending |actual - expected| */
    mx_insight_anomaly_part *part;
    double others_minor; /* deviation of the products not in part: all parts and this sum to revenue - expected */
} mx_insight_anomaly;
typedef struct mx_insight_anomalies {
    mx_insight_period period;  /* day or week */
    size_t tested;             /* open periods looked at; below 14 days (8 weeks) nothing is called far */
    size_t closed;             /* days without any line on weekdays that usually sell */
    int64_t longest_closed_ms; /* where the longest run of closed days begins, and its length */
    size_t longest_closed;
    size_t found, n; /* n: the farthest of the found, by descending |z| */
    mx_insight_anomaly *at;
} mx_insight_anomalies;
merx_status mx_insight_anomalies_build(const mx_snapshot *snapshot, mx_insight_period period, mx_insight_range range,
                                       size_t n, size_t parts, mx_arena *arena, mx_insight_anomalies *out,
                                       merx_error *err) MERX_MUST_CHECK;

#endif
