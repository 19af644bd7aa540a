/*
 * The model of segment: groups of customers and of products by k-means, and the class of a new customer by multinomial logistic regression. Floor 5.
 *
 * A feature is winsorised at its 1 % and 99 % quantiles after the logarithm (where it has one), then standardised. k-means runs on that; k is the number whose mean silhouette on a
 * fixed sample (the rows of lowest key, a hash of the id) is best, unless it is set. Everything is recomputed from the events, so forgetting is training without him.
 */
#ifndef MX_SHOP_SEGMENT_MODEL_H
#define MX_SHOP_SEGMENT_MODEL_H

#include "learn/cluster/kmeans.h"
#include "learn/linear/logistic.h"
#include "shop/answers/answer.h"
#include "shop/answers/segment_features.h"

enum { MX_SEGMENTS_MAX = 12, MX_SEGMENT_NAME = 160 };

typedef struct mx_grouping {
    const merx_allocator *alloc;
    bool customers; /* else products */
    size_t d, n;    /* features, members in all */
    double low[MX_SEGMENT_FEATURES_MAX], high[MX_SEGMENT_FEATURES_MAX], mean[MX_SEGMENT_FEATURES_MAX],
        scale[MX_SEGMENT_FEATURES_MAX];
    mx_kmeans kmeans; /* k, d, centroids in standardised features */
    int64_t members[MX_SEGMENTS_MAX], money_minor[MX_SEGMENTS_MAX];
    double means[MX_SEGMENTS_MAX][MX_SEGMENT_FEATURES_MAX]; /* of the features as they are */
    double silhouette[MX_SEGMENTS_MAX + 1];                 /* by k; NaN: not tried */
    char name[MX_SEGMENTS_MAX][MX_SEGMENT_NAME], name_zh[MX_SEGMENTS_MAX][MX_SEGMENT_NAME];
} mx_grouping;

typedef struct mx_segments {
    const merx_allocator *alloc;
    mx_grouping customers, products;
    mx_logistic early; /* classes = customers.kmeans.k; unfitted (classes 0) when there is one segment */
    double early_mean[MX_EARLY_COLUMNS], early_scale[MX_EARLY_COLUMNS];
    mx_dict *countries; /* name -> place in country_share */
    size_t n_countries;
    double *country_share; /* of the buying customers, by country */
    int64_t until_ms;      /* time of the last event it was trained on */
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
merx_status mx_grouping_fit(const mx_profile *profiles, const uint64_t *keys, size_t n, bool customers,
                            const merx_options *options, const merx_allocator *alloc, merx_task *task, mx_grouping *out,
                            int32_t *labels, merx_error *err) MERX_MUST_CHECK;
void mx_grouping_release(mx_grouping *grouping);
/* Standardised features of a profile: row (d). */
void mx_grouping_row(const mx_grouping *grouping, const double *feature, double *row);
/* English and Chinese names, distinct within a grouping, out of centroids and means. */
void mx_grouping_name(mx_grouping *grouping);

/* Standardises columns of a first order. */
void mx_segments_early_row(const mx_segments *segments, const double *columns, double *row);
/* Share of the training's buying customers who come from the customer's country; 0: unknown. */
double mx_segments_country_share(const mx_segments *segments, const mx_snapshot *snapshot, int32_t customer);

/* Silhouette of each row: distances (n, n). out (n). */
void mx_silhouette_rows(const double *distances, const int32_t *labels, size_t n, size_t k, double *out);
/* Euclidean distances between rows (n, d): out (n, n). */
merx_status mx_row_distances(const double *x, size_t n, size_t d, merx_task *task, double *out,
                             merx_error *err) MERX_MUST_CHECK;

merx_status mx_segment_evaluate(const mx_evaluate *evaluate, merx_evaluation *out, merx_error *err);

#endif
