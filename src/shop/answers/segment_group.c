/*
 * Groups by k-means: winsorise, standardise, weigh, choose k, fit. Letters: n rows, d features, k groups.
 *
 * Silhouette (Rousseeuw 1987): of row i, a the mean distance to the others of its group, b the least mean distance to another group; (b - a) / max(a, b); 0 alone in its group.
 * k is the largest whose mean silhouette is within `tolerance` of the best: among partitions that are as clear, the finer tells a merchant more.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "numeric/statistics.h"
#include "shop/answers/segment_model.h"

enum { DISTANCE_ROWS = 32, STARTS_SAMPLE = 3, STARTS_ALL = 5, ITERATIONS = 100 };

static const mx_segment_feature *features_of(const mx_grouping *g)
{
    return g->customers ? mx_customer_feature_table : mx_product_feature_table;
}

static double transform(const mx_segment_feature *feature, double value)
{
    return !feature->log ? value : value < 0 ? -log1p(-value) : log1p(value);
}

void mx_grouping_row(const mx_grouping *grouping, const double *feature, double *row)
{
    const mx_segment_feature *table = features_of(grouping);
    for (size_t j = 0; j < grouping->d; j++) {
        double value = transform(&table[j], feature[j]);
        value = value < grouping->low[j] ? grouping->low[j] : value > grouping->high[j] ? grouping->high[j] : value;
        row[j] = grouping->weight[j] * (value - grouping->mean[j]) / grouping->scale[j];
    }
}

int32_t mx_grouping_place(const mx_grouping *grouping, const mx_profile *profile)
{
    double row[MX_SEGMENT_FEATURES_MAX];
    if (!profile->sold)
        return -1;
    mx_grouping_row(grouping, profile->feature, row);
    return mx_kmeans_nearest(&grouping->kmeans, row, NULL);
}

/* ---- standardising ---- */

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Bounds, means and scales of the features of the rows listed; scratch (m). */
static void learn_scales(mx_grouping *g, const mx_profile *profiles, const size_t *rows, size_t m, double *scratch)
{
    const mx_segment_feature *table = features_of(g);
    for (size_t j = 0; j < g->d; j++) {
        for (size_t i = 0; i < m; i++)
            scratch[i] = transform(&table[j], profiles[rows[i]].feature[j]);
        qsort(scratch, m, sizeof *scratch, compare_double);
        g->low[j] = mx_quantile_sorted(scratch, m, 0.01);
        g->high[j] = mx_quantile_sorted(scratch, m, 0.99);
        for (size_t i = 0; i < m; i++)
            scratch[i] = scratch[i] < g->low[j] ? g->low[j] : scratch[i] > g->high[j] ? g->high[j] : scratch[i];
        g->mean[j] = mx_mean(scratch, m);
        double variance = m > 1 ? mx_variance(scratch, m) : 0;
        g->scale[j] = variance > 1e-12 ? sqrt(variance) : 1;
        if (!(variance > 1e-12)) /* a constant must not leave rounding behind */
            g->low[j] = g->high[j] = g->mean[j];
    }
}

/* ---- silhouettes ---- */

typedef struct distance_work {
    const double *x;
    size_t n, d;
    double *out;
} distance_work;

static merx_status distance_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    const distance_work *w = context;
    size_t end = (block + 1) * DISTANCE_ROWS < w->n ? (block + 1) * DISTANCE_ROWS : w->n;
    for (size_t i = block * DISTANCE_ROWS; i < end; i++)
        for (size_t j = 0; j < w->n; j++) {
            double sum = 0;
            for (size_t f = 0; f < w->d; f++) {
                double difference = w->x[i * w->d + f] - w->x[j * w->d + f];
                sum += difference * difference;
            }
            w->out[i * w->n + j] = sqrt(sum);
        }
    return MERX_OK;
}

merx_status mx_row_distances(const double *x, size_t n, size_t d, merx_task *task, double *out, merx_error *err)
{
    distance_work work = {x, n, d, out};
    return mx_parallel(task, (n + DISTANCE_ROWS - 1) / DISTANCE_ROWS, distance_block, &work, err);
}

void mx_silhouette_rows(const double *distances, const int32_t *labels, size_t n, size_t k, double *out)
{
    size_t counts[MX_SEGMENTS_MAX] = {0};
    for (size_t i = 0; i < n; i++)
        counts[labels[i]]++;
    for (size_t i = 0; i < n; i++) {
        double sums[MX_SEGMENTS_MAX] = {0};
        for (size_t j = 0; j < n; j++)
            sums[labels[j]] += distances[i * n + j];
        size_t own = (size_t)labels[i];
        double b = INFINITY;
        for (size_t c = 0; c < k; c++)
            if (c != own && counts[c] > 0 && sums[c] / (double)counts[c] < b)
                b = sums[c] / (double)counts[c];
        double a = counts[own] > 1 ? sums[own] / (double)(counts[own] - 1) : 0, most = a > b ? a : b;
        out[i] = counts[own] > 1 && isfinite(b) && most > 0 ? (b - a) / most : 0;
    }
}

/* ---- choosing k ---- */

typedef struct keyed {
    uint64_t key;
    size_t row;
} keyed;

static int compare_keyed(const void *a, const void *b)
{
    const keyed *x = a, *y = b;
    if (x->key != y->key)
        return (x->key > y->key) - (x->key < y->key);
    return (x->row > y->row) - (x->row < y->row);
}

/* Rows (m, d) and keys of the sample: the lowest keys, in that order. */
static merx_status draw_sample(const double *x, const uint64_t *keys, size_t n, size_t d, size_t m,
                               const merx_allocator *alloc, double *sample, uint64_t *sample_keys, merx_error *err)
{
    keyed *order;
    MX_TRY(mx_alloc_array_raw(alloc, n, sizeof *order, "order of the sample", &order, err));
    for (size_t i = 0; i < n; i++)
        order[i] = (keyed){keys[i], i};
    qsort(order, n, sizeof *order, compare_keyed);
    for (size_t i = 0; i < m; i++) {
        memcpy(sample + i * d, x + order[i].row * d, d * sizeof *x);
        sample_keys[i] = order[i].key;
    }
    MX_FREE_ARRAY(alloc, order, n);
    return MERX_OK;
}

/* Whether the rows hold at least `want` distinct ones, at most MX_SEGMENTS_MAX looked for: returns min(distinct, MX_SEGMENTS_MAX). */
static size_t count_distinct_rows(const double *x, size_t n, size_t d)
{
    size_t seen[MX_SEGMENTS_MAX], count = 0;
    for (size_t i = 0; i < n && count < MX_SEGMENTS_MAX; i++) {
        bool known = false;
        for (size_t s = 0; s < count && !known; s++) {
            known = true;
            for (size_t j = 0; j < d && known; j++)
                known = x[i * d + j] == x[seen[s] * d + j];
        }
        if (!known)
            seen[count++] = i;
    }
    return count;
}

/* Mean silhouette of each k on the sample; returns the chosen k. */
static merx_status try_k(mx_grouping *g, const double *sample, const uint64_t *keys, size_t m, size_t low, size_t high,
                         double tolerance, const merx_allocator *alloc, merx_task *task, size_t *chosen,
                         merx_error *err)
{
    double *distances = NULL, *rows = NULL;
    int32_t *labels = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, m * m, sizeof *distances, "distances of the sample", &distances, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, m, sizeof *rows, "silhouettes", &rows, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, m, sizeof *labels, "labels of the sample", &labels, err));
    MX_TRY_GOTO(mx_row_distances(sample, m, g->d, task, distances, err));
    double best = -INFINITY;
    for (size_t k = low; k <= high; k++) {
        mx_kmeans kmeans = {0};
        mx_kmeans_options options = {.k = k,
                                     .n_init = STARTS_SAMPLE,
                                     .max_iterations = ITERATIONS,
                                     .tolerance = 1e-4,
                                     .seed = merx_task_seed(task),
                                     .keys = keys};
        MX_TRY_GOTO(mx_kmeans_fit(sample, NULL, m, g->d, &options, alloc, task, &kmeans, labels, err));
        mx_kmeans_release(&kmeans);
        mx_silhouette_rows(distances, labels, m, k, rows);
        g->silhouette[k] = mx_mean(rows, m);
        best = g->silhouette[k] > best ? g->silhouette[k] : best;
        MX_TRY_GOTO(mx_task_step(task, k, err));
    }
    *chosen = low;
    for (size_t k = low; k <= high; k++)
        if (g->silhouette[k] >= best - tolerance)
            *chosen = k;
out:
    MX_FREE_ARRAY(alloc, distances, m * m);
    MX_FREE_ARRAY(alloc, rows, m);
    MX_FREE_ARRAY(alloc, labels, m);
    return status;
}

static merx_status choose_k(mx_grouping *g, const double *x, const uint64_t *keys, size_t n,
                            const merx_options *options, const merx_allocator *alloc, merx_task *task, size_t *k,
                            merx_error *err)
{
    *k = (size_t)merx_options_int(options, g->customers ? "k" : "product_k");
    if (*k > 0)
        return MERX_OK;
    size_t most = (size_t)merx_options_int(options, "sample"), m = n < most ? n : most, d = g->d;
    size_t low = (size_t)merx_options_int(options, "min_k"), high = (size_t)merx_options_int(options, "max_k");
    double *sample = NULL;
    uint64_t *sample_keys = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, m * d, sizeof *sample, "sample", &sample, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, m, sizeof *sample_keys, "sample", &sample_keys, err));
    MX_TRY_GOTO(draw_sample(x, keys, n, d, m, alloc, sample, sample_keys, err));
    size_t distinct = count_distinct_rows(sample, m, d);
    /* Of m distinct rows, m groups would be no summary: at most half as many. */
    size_t limit = distinct < m ? distinct : m / 2;
    high = high < limit ? high : limit;
    low = low < high ? low : high;
    if (high < 2)
        *k = 1;
    else
        MX_TRY_GOTO(try_k(g, sample, sample_keys, m, low < 2 ? 2 : low, high, merx_options_real(options, "tolerance"),
                          alloc, task, k, err));
out:
    MX_FREE_ARRAY(alloc, sample, m * d);
    MX_FREE_ARRAY(alloc, sample_keys, m);
    return status;
}

/* ---- fit ---- */

static void summarise(mx_grouping *g, const mx_profile *profiles, const size_t *rows, const int32_t *labels, size_t m)
{
    for (size_t i = 0; i < m; i++) {
        const mx_profile *p = &profiles[rows[i]];
        g->members[labels[i]]++;
        for (size_t j = 0; j < g->d; j++)
            g->means[labels[i]][j] += p->feature[j];
    }
    for (size_t c = 0; c < g->kmeans.k; c++)
        for (size_t j = 0; j < g->d; j++)
            g->means[c][j] /= g->members[c] > 0 ? (double)g->members[c] : 1;
}

static merx_status sum_money(mx_grouping *g, const mx_profile *profiles, const size_t *rows, const int32_t *labels,
                             size_t m, merx_error *err)
{
    for (size_t i = 0; i < m; i++)
        if (__builtin_add_overflow(g->money_minor[labels[i]], profiles[rows[i]].money_minor,
                                   &g->money_minor[labels[i]]))
            MX_FAIL(err, MERX_E_RANGE, "segment", "the money of a segment does not fit 64 bits");
    return MERX_OK;
}

merx_status mx_grouping_fit(const mx_profile *profiles, const uint64_t *keys, size_t n, bool customers,
                            const double *weight, const merx_options *options, const merx_allocator *alloc,
                            merx_task *task, mx_grouping *out, int32_t *labels, merx_error *err)
{
    alloc = mx_allocator_or_default(alloc);
    *out = (mx_grouping){
        .alloc = alloc, .customers = customers, .d = customers ? MX_CUSTOMER_FEATURES : MX_PRODUCT_FEATURES};
    for (size_t k = 0; k <= MX_SEGMENTS_MAX; k++)
        out->silhouette[k] = NAN;
    for (size_t j = 0; j < out->d; j++)
        out->weight[j] = weight ? weight[j] : 1;
    for (size_t c = 0; c < MX_SEGMENTS_MAX; c++)
        out->again[c] = NAN;
    size_t m = 0, k = 1, d = out->d;
    size_t *rows = NULL;
    double *x = NULL;
    uint64_t *row_keys = NULL;
    int32_t *own = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, n, sizeof *rows, "rows", &rows, err));
    for (size_t i = 0; i < n; i++) {
        labels[i] = -1;
        if (profiles[i].sold)
            rows[m++] = i;
    }
    if (m == 0)
        MX_FAIL_GOTO(err, MERX_E_INVALID, "segment", "there are no sales of goods to group %s by",
                     customers ? "customers" : "products");
    out->n = m;
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, m * (d + 1), sizeof *x, "features", &x, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, m, sizeof *row_keys, "keys", &row_keys, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, m, sizeof *own, "labels", &own, err));
    learn_scales(out, profiles, rows, m, x + m * d);
    for (size_t i = 0; i < m; i++) {
        mx_grouping_row(out, profiles[rows[i]].feature, x + i * d);
        row_keys[i] = keys[rows[i]];
    }
    MX_TRY_GOTO(choose_k(out, x, row_keys, m, options, alloc, task, &k, err));
    mx_kmeans_options kmeans = {.k = k,
                                .n_init = STARTS_ALL,
                                .max_iterations = ITERATIONS,
                                .tolerance = 1e-4,
                                .seed = merx_task_seed(task),
                                .keys = row_keys};
    MX_TRY_GOTO(mx_kmeans_fit(x, NULL, m, d, &kmeans, alloc, task, &out->kmeans, own, err));
    summarise(out, profiles, rows, own, m);
    MX_TRY_GOTO(sum_money(out, profiles, rows, own, m, err));
    mx_grouping_name(out);
    for (size_t i = 0; i < m; i++)
        labels[rows[i]] = own[i];
out:
    MX_FREE_ARRAY(alloc, rows, n);
    MX_FREE_ARRAY(alloc, x, m * (d + 1));
    MX_FREE_ARRAY(alloc, row_keys, m);
    MX_FREE_ARRAY(alloc, own, m);
    if (status != MERX_OK)
        mx_grouping_release(out);
    return status;
}

void mx_grouping_release(mx_grouping *grouping)
{
    if (!grouping->alloc)
        return;
    mx_kmeans_release(&grouping->kmeans);
    *grouping = (mx_grouping){0};
}
