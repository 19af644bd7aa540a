/*
 * The model of segment: groups of customers and of products by k-means, and the class of a new customer by multinomial logistic regression. Floor 5.
 *
 * A feature is winsorised at its 1 % and 99 % quantiles after the logarithm (where it has one), standardised, and times its weight: a customer's counts as much as it tells who buys
 * again (segment_weights.c), all of a product's alike. k-means runs on that; k is the number whose mean silhouette on a fixed sample (the rows of lowest key, a hash of the id) is
 * best, unless it is set. Everything is recomputed from the events, so forgetting is training without him.
 *
 * A newcomer's class is the segment in which he will lie once he is `settled_ms` old, learnt from those who are: x the first order alone, y the segment of his numbers as they were at
 * that age.
 */
#ifndef MX_SHOP_SEGMENT_MODEL_H
#define MX_SHOP_SEGMENT_MODEL_H

#include "learn/cluster/kmeans.h"
#include "learn/linear/logistic.h"
#include "shop/answers/answer.h"
#include "shop/answers/segment_features.h"

enum { MX_SEGMENTS_MAX = 12, MX_SEGMENT_NAME = 160 };
#define MX_LEAST_WEIGHT 0.05 /* of a feature: none is quite without */

typedef struct mx_grouping {
    const merx_allocator *alloc;
    bool customers; /* else products */
    size_t d, n;    /* features, members in all */
    double low[MX_SEGMENT_FEATURES_MAX], high[MX_SEGMENT_FEATURES_MAX], mean[MX_SEGMENT_FEATURES_MAX],
        scale[MX_SEGMENT_FEATURES_MAX], weight[MX_SEGMENT_FEATURES_MAX];
    mx_kmeans kmeans; /* k, d, centroids in standardised, weighted features */
    int64_t members[MX_SEGMENTS_MAX], money_minor[MX_SEGMENTS_MAX];
    double means[MX_SEGMENTS_MAX][MX_SEGMENT_FEATURES_MAX]; /* of the features as they are */
    double silhouette[MX_SEGMENTS_MAX + 1];                 /* by k; NaN: not tried */
    double again[MX_SEGMENTS_MAX];                          /* who lay here before the window: share of them who bought
                                                               within it, smoothed; NaN: not known */
    char name[MX_SEGMENTS_MAX][MX_SEGMENT_NAME], name_zh[MX_SEGMENTS_MAX][MX_SEGMENT_NAME];
} mx_grouping;

typedef struct mx_segments {
    const merx_allocator *alloc;
    mx_grouping customers, products;
    mx_logistic early; /* unfitted (classes 0) when those who are old enough are few or all in one segment */
    int32_t early_segment[MX_SEGMENTS_MAX]; /* (early.classes) ascending */
    double early_mean[MX_EARLY_COLUMNS], early_scale[MX_EARLY_COLUMNS];
    mx_dict *countries; /* name -> place in country_share */
    size_t n_countries;
    double *country_share; /* of the buying customers, by country */
    int64_t until_ms;      /* time of the last event it was trained on */
    int64_t settled_ms; /* age at which a newcomer counts as settled: median time to the second order, 14 to 90 days */
    int64_t window_ms;  /* of buying again */
} mx_segments;

extern const merx_option mx_segment_training[];
extern const mx_answer mx_answer_segment;

merx_status mx_segments_fit(const mx_snapshot *snapshot, const merx_options *options, bool with_products,
                            const merx_allocator *alloc, merx_task *task, mx_segments *out,
                            merx_error *err) MERX_MUST_CHECK;
void mx_segments_release(mx_segments *segments);
merx_status mx_segments_write(const mx_segments *segments, mx_tensor_writer *writer, mx_arena *arena,
                              merx_error *err) MERX_MUST_CHECK;
merx_status mx_segments_read(const mx_tensor_file *file, const merx_allocator *alloc, mx_segments *out,
                             merx_error *err) MERX_MUST_CHECK;

/* keys (n) of the rows; profiles (n) with sold false are left out. labels (n) written: -1 where left out. */
/* weight (features) or NULL: all alike. */
merx_status mx_grouping_fit(const mx_profile *profiles, const uint64_t *keys, size_t n, bool customers,
                            const double *weight, const merx_options *options, const merx_allocator *alloc,
                            merx_task *task, mx_grouping *out, int32_t *labels, merx_error *err) MERX_MUST_CHECK;
void mx_grouping_release(mx_grouping *grouping);
/* Standardised, weighted features of a profile: row (d). */
void mx_grouping_row(const mx_grouping *grouping, const double *feature, double *row);
/* The segment of a profile; -1: no sale. */
int32_t mx_grouping_place(const mx_grouping *grouping, const mx_profile *profile);
/* English and Chinese names, distinct within a grouping, out of centroids and means. */
void mx_grouping_name(mx_grouping *grouping);

/* The stretch in which buying again is measured: a tenth of the data's, 7 to 60 days. */
int64_t mx_segment_window_ms(const mx_snapshot *snapshot);
/* bought (customers): 1 who has a sale with from_ms <= time < until_ms. */
void mx_buyers_between(const mx_snapshot *snapshot, int64_t from_ms, int64_t until_ms, uint8_t *bought);
/* Profiles of all customers as they were at a time: out (customers). */
merx_status mx_profiles_at(const mx_snapshot *snapshot, int64_t at_ms, const merx_allocator *alloc, merx_task *task,
                           mx_profile *out, merx_error *err) MERX_MUST_CHECK;
/* weight (MX_CUSTOMER_FEATURES) in (0, 1] from profiles before a window and who bought within it (n). */
merx_status mx_segment_weights(const mx_profile *past, const uint8_t *bought, size_t n, const merx_allocator *alloc,
                               double *weight, merx_error *err) MERX_MUST_CHECK;
/* Share of each segment's customers who bought again: rate (k), smoothed; NaN when there are none at all. */
void mx_return_rates(const mx_grouping *grouping, const mx_profile *past, const uint8_t *bought, size_t n,
                     double *rate);
/* part / of, with ten more of the whole's share. */
double mx_smoothed_rate(size_t part, size_t of, size_t all_part, size_t all);

/* The regression on first orders of customers whose age is settled_ms or more. Sets settled_ms, countries, early. groups, profiles: of the customers of s. */
merx_status mx_newcomers_fit(const mx_snapshot *s, const mx_event_groups *groups, const mx_profile *profiles,
                             const merx_options *options, merx_task *task, mx_segments *out,
                             merx_error *err) MERX_MUST_CHECK;
/* Where a customer first seen at first_ms lies at the age of settled_ms: his events (n) up to then. scratch (2 n). */
merx_status mx_settled_segment(const mx_segments *segments, const mx_snapshot *s, const int32_t *events, size_t n,
                               int64_t first_ms, int64_t *scratch, int32_t *segment, merx_error *err) MERX_MUST_CHECK;
/* Class of a newcomer from his first order: what is needed to say why. */
typedef struct mx_newcomer {
    size_t class_index;
    int32_t segment;
    double probability, row[MX_EARLY_COLUMNS], value[MX_EARLY_FEATURES];
} mx_newcomer;
/* Needs early.classes > 1 and a sale among the events. scratch (n). */
merx_status mx_newcomer_place(const mx_segments *segments, const mx_snapshot *s, int32_t customer,
                              const int32_t *events, size_t n, int64_t *scratch, mx_newcomer *out,
                              merx_error *err) MERX_MUST_CHECK;

/* Standardises columns of a first order. */
void mx_segments_early_row(const mx_segments *segments, const double *columns, double *row);
/* Share of the training's buying customers who come from the customer's country; 0: unknown. */
double mx_segments_country_share(const mx_segments *segments, const mx_snapshot *snapshot, int32_t customer);

/* Silhouette of each row: distances (n, n). out (n). */
void mx_silhouette_rows(const double *distances, const int32_t *labels, size_t n, size_t k, double *out);
/* Euclidean distances between rows (n, d): out (n, n). */
merx_status mx_row_distances(const double *x, size_t n, size_t d, merx_task *task, double *out,
                             merx_error *err) MERX_MUST_CHECK;

enum { MX_AGAIN_FIGURES = 3 };
/* Adds the figures of buying again, the gate's first, MX_AGAIN_FIGURES in all or none; *missing says why there are none, else NULL. */
merx_status mx_buying_again_evaluate(const mx_evaluate *evaluate, merx_evaluation *out, const char **missing,
                                     merx_error *err) MERX_MUST_CHECK;
merx_status mx_segment_evaluate(const mx_evaluate *evaluate, merx_evaluation *out, merx_error *err);

#endif
