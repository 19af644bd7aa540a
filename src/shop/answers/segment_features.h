/*
 * What segments are made of: a few numbers about each customer and each product, out of their events. Floor 5.
 *
 * Customers (of at least one sale of goods), seen at a moment `end`:
 *     recency     days since the last sale          orders      distinct orders (days, where lines name no order)
 *     money       sum of quantity * price of sales  basket      money / orders
 *     recent      days with a sale, each counting 2^(-age / 120 days)
 *     products    distinct products                 returns     money that came back / money, at most 1
 *     tenure      days since the first sale         gap         days between orders; of a single order: the tenure (at least so long)
 *
 * Products (of at least one sale):
 *     units, revenue, price (revenue / units), customers (distinct), repeat (share of customers who bought it in two orders or more), peak (share of units in
 *     its best month), recency and age (days since the last and the first sale)
 *
 * Money is summed exactly in minor units; features are doubles in whole units of the currency.
 */
#ifndef MX_SHOP_SEGMENT_FEATURES_H
#define MX_SHOP_SEGMENT_FEATURES_H

#include "shop/answers/sales.h"

enum {
    MX_CUSTOMER_FEATURES = 9,
    MX_PRODUCT_FEATURES = 8,
    MX_SEGMENT_FEATURES_MAX = 9,
    MX_EARLY_FEATURES = 8,
    MX_EARLY_COLUMNS = 15
};

typedef enum mx_customer_feature {
    MX_C_RECENCY,
    MX_C_ORDERS,
    MX_C_MONEY,
    MX_C_BASKET,
    MX_C_RECENT,
    MX_C_PRODUCTS,
    MX_C_RETURNS,
    MX_C_TENURE,
    MX_C_GAP
} mx_customer_feature;
typedef enum mx_product_feature {
    MX_P_UNITS,
    MX_P_REVENUE,
    MX_P_PRICE,
    MX_P_CUSTOMERS,
    MX_P_REPEAT,
    MX_P_PEAK,
    MX_P_RECENCY,
    MX_P_AGE
} mx_product_feature;

typedef struct mx_segment_feature {
    const char *name; /* "recency_days": in files and replies */
    const char *text; /* "days since the last order" */
    int decimals;     /* worth showing */
    bool money, share;
    bool log; /* log(1 + value) before standardising */
} mx_segment_feature;
extern const mx_segment_feature mx_customer_feature_table[MX_CUSTOMER_FEATURES],
    mx_product_feature_table[MX_PRODUCT_FEATURES];

/* One customer's or product's numbers. */
typedef struct mx_profile {
    bool sold; /* else nothing below holds */
    double feature[MX_SEGMENT_FEATURES_MAX];
    int64_t money_minor;
    int64_t first_ms, last_ms;
} mx_profile;

/* events: of the one, ascending (n); scratch (2 n). MERX_E_RANGE when sums of money overflow. */
merx_status mx_customer_profile(const mx_snapshot *snapshot, const int32_t *events, size_t n, int64_t end_ms,
                                int64_t *scratch, mx_profile *out, merx_error *err) MERX_MUST_CHECK;
merx_status mx_product_profile(const mx_snapshot *snapshot, const int32_t *events, size_t n, int64_t end_ms,
                               int64_t *scratch, mx_profile *out, merx_error *err) MERX_MUST_CHECK;

/* Profiles of all groups, in parallel over fixed blocks. out (groups->groups) written. */
merx_status mx_profiles(const mx_snapshot *snapshot, const mx_event_groups *groups, bool customers, int64_t end_ms,
                        merx_task *task, mx_profile *out, merx_error *err) MERX_MUST_CHECK;

/*
 * What is known of a customer after the first order, as columns for a linear model: log basket value, log units, log distinct products, weekday (7 columns), hour,
 * month (sine and cosine), log of the share of customers of his country, money back on the same day / money.
 */
typedef struct mx_early_feature {
    const char *name, *text;
    int first, columns;
} mx_early_feature;
extern const mx_early_feature mx_early_feature_table[MX_EARLY_FEATURES];
/* country_share: of the customer's country among customers. sold false: there is no first order. value (MX_EARLY_FEATURES): as a person would say it. */
merx_status mx_early_columns(const mx_snapshot *snapshot, const int32_t *events, size_t n, double country_share,
                             int64_t *scratch, double *columns, double *value, bool *sold,
                             merx_error *err) MERX_MUST_CHECK;

#endif
