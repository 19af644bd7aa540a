/*
 * The parts of `demand`: units by product and week, the pooled regression, price elasticities. Floor 5.
 *
 * Letters: r rows (goods with a sale), t weeks (complete calendar weeks, 0 the first), o origin (weeks 0 … o - 1 are known), h horizon (week o - 1 + h is
 * forecast), f features.
 *
 * Model. x = b0 + b f(r, o, h) is fitted by ridge on log(1 + units) of the last weeks as targets, pooled over all goods. What x stands for in units is read from a
 * curve measured on the same weeks: by bins of x the median, mean and 2.5 and 97.5 % quantiles of units.
 *     score = ln(expected units) = x + (ln mean(x) - x) + elasticity * ln(price / usual price)
 *     units = (median(x) / 2 + own median of the last 8 weeks / 2) * (price / usual price)^elasticity
 */
#ifndef MX_SHOP_DEMAND_MODEL_H
#define MX_SHOP_DEMAND_MODEL_H

#include "shop/answers/answer.h"

typedef struct mx_demand_cell {
    int32_t week, lines;
    int64_t units;
    int64_t price_minor; /* lower median of the lines' prices; 0 unknown */
} mx_demand_cell;

typedef struct mx_demand_weeks {
    const merx_allocator *alloc;
    int64_t first_ms; /* start of week 0 */
    size_t weeks, rows, products, cells, groups;
    int32_t *row_product; /* (rows) ascending */
    int32_t *row_group;   /* (rows) category; the last group: without one */
    int64_t *starts;      /* (rows + 1) */
    mx_demand_cell *cell; /* (cells: room; starts[rows] are used) by row, then week; weeks with a sale only */
    int64_t *
        usual_minor; /* (rows) lower median of the prices of the last 13 sold weeks; the product's price when there is none; 0 unknown */
    double *group_units; /* (groups, weeks) */
} mx_demand_weeks;

/* From the sales before until_ms; weeks are those that lie wholly between the first event's day and the end of the last one's. */
merx_status mx_demand_weeks_build(const mx_snapshot *snapshot, int64_t until_ms, const merx_allocator *alloc,
                                  mx_demand_weeks *weeks, merx_error *err) MERX_MUST_CHECK;
void mx_demand_weeks_release(mx_demand_weeks *weeks);
/* [first, end) of the complete weeks of the snapshot's events in [from_ms, until_ms); 0 when there is none. */
size_t mx_demand_complete(const mx_snapshot *snapshot, int64_t from_ms, int64_t until_ms, int64_t *first_ms);

/* ---- features ---- */

typedef enum mx_demand_group {
    MX_DEMAND_LEVEL,
    MX_DEMAND_RECENT,
    MX_DEMAND_TREND,
    MX_DEMAND_SEASON,
    MX_DEMAND_GROUPS
} mx_demand_group;
enum { MX_DEMAND_FEATURES = 27, MX_DEMAND_BINS = 40, MX_DEMAND_CURVE = 5 };
extern const mx_demand_group mx_demand_feature_group[MX_DEMAND_FEATURES];

/* A row spread over the weeks, for its features. */
typedef struct mx_demand_row {
    const mx_demand_weeks *weeks;
    size_t row;
    double *units, *logs, *units_before, *logs_before; /* (weeks), (weeks + 1) running sums */
    int32_t *last_sale;                                /* (weeks + 1): last week before t with a sale, -1 */
    int32_t first;                                     /* week of the first sale; weeks when none */
    const merx_allocator *alloc;
} mx_demand_row;
merx_status mx_demand_row_init(const mx_demand_weeks *weeks, const merx_allocator *alloc, mx_demand_row *row,
                               merx_error *err) MERX_MUST_CHECK;
void mx_demand_row_release(mx_demand_row *row);
void mx_demand_row_set(mx_demand_row *row, size_t r);
void mx_demand_features(const mx_demand_row *row, size_t origin, size_t horizon, double f[MX_DEMAND_FEATURES]);
double mx_demand_own_median(const mx_demand_row *row, size_t origin); /* of the last 8 weeks */

/* ---- the regression ---- */

typedef struct mx_demand_model {
    double intercept, coefficient[MX_DEMAND_FEATURES], mean[MX_DEMAND_FEATURES];
    int64_t horizon; /* beyond it the farthest is taken */
    size_t bins;
    double curve[MX_DEMAND_BINS][MX_DEMAND_CURVE]; /* x, log1p of median, mean, low, high */
    size_t samples;
} mx_demand_model;

typedef struct mx_demand_options {
    int64_t horizon, recent;
    double l2;
    bool prices;
} mx_demand_options;

merx_status mx_demand_fit(const mx_snapshot *snapshot, const mx_demand_weeks *weeks, const mx_demand_options *options,
                          const merx_allocator *alloc, merx_task *task, mx_demand_model *out,
                          merx_error *err) MERX_MUST_CHECK;

typedef struct mx_demand_forecast {
    double x, part[MX_DEMAND_GROUPS]; /* x = base + parts */
    double base, log_expected;
    double units, expected, low, high;
} mx_demand_forecast;
/* Of a row after all known weeks, at its usual price. skip: a group whose features stand at their means; MX_DEMAND_GROUPS: none. */
void mx_demand_predict(const mx_demand_model *model, const mx_demand_row *row, size_t horizon, mx_demand_group skip,
                       mx_demand_forecast *out);

/* ---- price ---- */

typedef enum mx_price_source { MX_PRICE_NONE, MX_PRICE_POOLED, MX_PRICE_CATEGORY, MX_PRICE_OWN } mx_price_source;
typedef struct mx_elasticity {
    double value, low, high;
} mx_elasticity;
typedef struct mx_demand_price {
    const merx_allocator *alloc;
    size_t rows, groups;
    mx_elasticity pooled; /* NaN when no price varied */
    mx_elasticity *group; /* (groups) */
    mx_elasticity *row;   /* (rows) */
    uint8_t *source;      /* (rows) mx_price_source */
    size_t goods, cells;  /* whose prices varied */
} mx_demand_price;
/*
 * Weeks without a sale show no price, so the lines of a sold week follow a Poisson law cut at zero:
 *     ln E lines before the cut = product + week + e1 ln price,      ln(units per line) = product + week + e2 ln price,      elasticity = e1 + e2
 * Standard errors are robust, clustered by product; categories and products are drawn towards the whole (DerSimonian & Laird 1986).
 */
merx_status mx_demand_price_fit(const mx_demand_weeks *weeks, const merx_allocator *alloc, merx_task *task,
                                mx_demand_price *out, merx_error *err) MERX_MUST_CHECK;
void mx_demand_price_release(mx_demand_price *price);

merx_status mx_demand_evaluate(const mx_evaluate *evaluate, merx_evaluation *out, merx_error *err) MERX_MUST_CHECK;
mx_demand_options mx_demand_options_of(const merx_options *options);

#endif
