/*
 * The sample shop: a generated export with planted structure. Floor 5.
 *
 * Planted
 *   categories    24, each with a season (amplitude, phase), a price level and a price elasticity
 *   products      belong to a category; popularity within it falls as rank^-0.8; promotions by week lower the price and raise demand by (1 - discount)^-elasticity
 *   bundles       one product in six has a companion in its category: who takes the first takes the second with probability 0.3
 *   tastes        8; each is a distribution over categories; a customer mixes two of them with a uniform rest
 *   segments      5; each sets how often, how much and how long a customer buys
 *   pictures      one of each product, drawn by its category and the colour of its title; 0.08 of them show a parcel, which tells nothing
 *   repeats       0.12 of the lines are bought again from the customer's own last purchases
 *
 * Every number drawn is keyed by what it is for (product, customer, week), so the files are a function of the options alone, and memory is O(products + customers).
 * The chance of product p in a line of customer c in week w is
 *     share(c, p, w) = sum_k A(c, k, w) * B(p, w)   for p in category k,
 * A: taste times season, B: popularity times promotion, plus the companions' part. The best reachable scores come from these.
 */
#ifndef MX_SHOP_SAMPLE_H
#define MX_SHOP_SAMPLE_H

#include "base/clock.h"
#include "base/random.h"
#include "base/run.h"
#include "io/stream.h"
#include "merx/shop.h"

enum {
    SAMPLE_CATEGORIES = 24,
    SAMPLE_TASTES = 8,
    SAMPLE_SEGMENTS = 5,
    SAMPLE_WEEKS = 61,
    SAMPLE_RING = 8,
    SAMPLE_COUNTRIES = 8,
    SAMPLE_COLOURS = 10
};
#define SAMPLE_REPEAT 0.12
#define SAMPLE_COMPANION 0.30
#define SAMPLE_RETURN 0.02
#define SAMPLE_GUEST 0.05
#define SAMPLE_MAX_DISCOUNT 0.30
#define SAMPLE_PARCEL 0.08 /* of the pictures show a parcel */
#define SAMPLE_WEEK_MS (7 * MX_DAY_MS)

typedef struct sample_category {
    double season_amplitude, season_phase; /* weeks */
    double price_level, elasticity;
    size_t first, count; /* its products, in `by_category` */
} sample_category;

typedef struct sample_segment {
    const char *name;
    double share, orders_per_week, lines_per_order, active_weeks;
} sample_segment;

typedef struct sample_product {
    uint16_t category;
    int32_t companion;   /* product index or -1 */
    double weight;       /* popularity within the category; sums to 1 */
    int64_t price_minor; /* list price, 2 decimals */
} sample_product;

typedef struct sample_customer {
    uint8_t segment, taste, second_taste, country;
    uint8_t ring_size, ring_next;
    int16_t first_week, last_week; /* active [first, last] */
    float rate;                    /* orders a week */
    int32_t ring[SAMPLE_RING];     /* last products */
} sample_customer;

typedef struct sample_plan {
    uint64_t seed, events;
    size_t n_products, n_customers;
    int64_t start_ms; /* Monday of week 0 */
    int64_t split_ms; /* what evaluation's default split will be */
    sample_category category[SAMPLE_CATEGORIES];
    double taste[SAMPLE_TASTES][SAMPLE_CATEGORIES];
    sample_product *product;
    sample_customer *customer;
    int32_t *by_category; /* products sorted by category, then by descending weight */
    double *cumulative;   /* of weight within the category, along by_category */
    double rate_scale;
    const merx_allocator *alloc;
} sample_plan;

extern const sample_segment sample_segments[SAMPLE_SEGMENTS];

merx_status sample_plan_make(const merx_sample_options *options, const merx_allocator *alloc, sample_plan *plan,
                             merx_error *err) MERX_MUST_CHECK;
void sample_plan_release(sample_plan *plan);

/* The chance that a line of the customer in that week falls into each category (sums to 1). */
void sample_category_shares(const sample_plan *plan, const sample_customer *customer, int week,
                            double shares[SAMPLE_CATEGORIES]);
double sample_week_volume(int week);                                        /* of all orders, mean near 1 */
double sample_discount(const sample_plan *plan, size_t product, int week);  /* 0 or 0.1 … 0.3 */
double sample_promotion(const sample_plan *plan, size_t product, int week); /* factor on demand, >= 1 */
double sample_orders_expected(const sample_plan *plan, const sample_customer *customer, int week);

/* What happened that the truth needs, filled while orders are written: of about 2,000 customers (by hash) all lines; of each product its units. */
enum { SAMPLE_TEST_WEEKS = 5 }; /* the complete weeks after the split: the last ones */
typedef struct sample_line {
    int32_t customer, product;
    uint32_t order;
    bool test;
} sample_line;
typedef struct sample_record {
    const merx_allocator *alloc;
    size_t n_products;
    uint8_t *sold_before; /* (products): sold before the split */
    uint32_t *test_units; /* (products, SAMPLE_TEST_WEEKS) */
    mx_vec lines;         /* sample_line of followed customers, in time order */
    uint64_t lines_written, orders_written;
} sample_record;
merx_status sample_record_init(const sample_plan *plan, sample_record *record, merx_error *err) MERX_MUST_CHECK;
void sample_record_release(sample_record *record);

merx_status sample_orders_write(sample_plan *plan, const char *path, merx_task *task, sample_record *record,
                                merx_error *err) MERX_MUST_CHECK;
merx_status sample_truth_write(const sample_plan *plan, sample_record *record, const char *path, merx_task *task,
                               merx_error *err) MERX_MUST_CHECK;
bool sample_followed(const sample_plan *plan, size_t customer);

/* A picture of each product, "P0000001.png" …, into a folder (made when absent). */
merx_status sample_pictures_write(const sample_plan *plan, const char *folder, merx_task *task,
                                  merx_error *err) MERX_MUST_CHECK;
void sample_picture_draw(const sample_plan *plan, size_t product, unsigned char *pixels); /* (64, 64, 3) */
bool sample_is_parcel(const sample_plan *plan, size_t product);
double sample_best_classify(const sample_plan *plan); /* accuracy of naming the category by the picture */

/* Names. out has >= 160 bytes. */
size_t sample_product_colour(const sample_plan *plan, size_t product); /* the word in its title; the last: striped */
void sample_product_title(const sample_plan *plan, size_t product, char *out);
void sample_customer_name(const sample_plan *plan, size_t customer, char *out);
const char *sample_category_name(size_t category);
const char *sample_brand(const sample_plan *plan, size_t product);
const char *sample_country(size_t country);

#endif
