/*
 * Metrics, as scikit-learn 1.x defines them. Sums are taken in fixed order.
 *
 * Curves (AUC, average precision) sort by descending score, ties together; so they do not depend on the order of rows.
 */
#include "learn/core/metrics.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "kernels/kernels.h"
#include "learn/core/silhouette.h"

#define SILHOUETTE_TAG UINT64_C(0x73696c68) /* "silh" */
#define SILHOUETTE_BLOCK 32

double mx_mean_absolute_error(const double *y, const double *predicted, size_t n)
{
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += fabs(y[i] - predicted[i]);
    return n > 0 ? total / (double)n : NAN;
}

double mx_root_mean_squared_error(const double *y, const double *predicted, size_t n)
{
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += (y[i] - predicted[i]) * (y[i] - predicted[i]);
    return n > 0 ? sqrt(total / (double)n) : NAN;
}

double mx_r2(const double *y, const double *predicted, size_t n)
{
    if (n == 0)
        return NAN;
    double mean = 0, error = 0, spread = 0;
    for (size_t i = 0; i < n; i++)
        mean += y[i];
    mean /= (double)n;
    for (size_t i = 0; i < n; i++) {
        error += (y[i] - predicted[i]) * (y[i] - predicted[i]);
        spread += (y[i] - mean) * (y[i] - mean);
    }
    /* As scikit-learn: a constant target is 1 when predicted exactly, else 0. */
    if (spread == 0)
        return n < 2 ? NAN : error == 0 ? 1 : 0;
    return 1 - error / spread;
}

double mx_wape(const double *y, const double *predicted, size_t n)
{
    double error = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        error += fabs(y[i] - predicted[i]);
        size += fabs(y[i]);
    }
    return error / size;
}

double mx_mape(const double *y, const double *predicted, size_t n)
{
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += fabs(y[i] - predicted[i]) / fmax(fabs(y[i]), DBL_EPSILON);
    return n > 0 ? total / (double)n : NAN;
}

double mx_log_loss(const int32_t *labels, const double *probabilities, size_t n, size_t classes)
{
    double total = 0;
    for (size_t i = 0; i < n; i++) {
        double p = probabilities[i * classes + (size_t)labels[i]];
        total -= log(fmin(fmax(p, DBL_EPSILON), 1 - DBL_EPSILON));
    }
    return n > 0 ? total / (double)n : NAN;
}

double mx_accuracy(const int32_t *labels, const int32_t *predicted, size_t n)
{
    size_t hits = 0;
    for (size_t i = 0; i < n; i++)
        hits += labels[i] == predicted[i];
    return n > 0 ? (double)hits / (double)n : NAN;
}

double mx_f1(const int32_t *labels, const int32_t *predicted, size_t n, size_t classes)
{
    double total = 0;
    size_t present = 0;
    for (size_t c = classes == 2 ? 1 : 0; c < classes; c++) {
        size_t both = 0, either = 0;
        for (size_t i = 0; i < n; i++) {
            bool is = (size_t)labels[i] == c, said = (size_t)predicted[i] == c;
            both += is && said;
            either += (size_t)is + (size_t)said;
        }
        if (either == 0)
            continue;
        total += 2 * (double)both / (double)either;
        present++;
    }
    return present > 0 ? total / (double)present : 0;
}

double mx_brier(const int32_t *labels, const double *probabilities, size_t n, size_t classes)
{
    double total = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t c = classes == 2 ? 1 : 0; c < classes; c++) {
            double e = probabilities[i * classes + c] - ((size_t)labels[i] == c);
            total += e * e;
        }
    return n > 0 ? total / (double)n : NAN;
}

typedef struct scored {
    double score;
    int32_t label;
} scored;

static int compare_scored(const void *a, const void *b)
{
    const scored *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->label > y->label) - (x->label < y->label);
}

static merx_status sort_scores(const int32_t *labels, const double *scores, size_t n, const merx_allocator *alloc,
                               scored **out, merx_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (labels[i] != 0 && labels[i] != 1)
            MX_FAIL(err, MERX_E_RANGE, "metrics", "row %zu: label %d is not 0 or 1", i, (int)labels[i]);
        if (isnan(scores[i]))
            MX_FAIL(err, MERX_E_NUMERIC, "metrics", "row %zu: the score is not a number", i);
    }
    MX_TRY(MX_NEW_ARRAY(alloc, n, out, "sorted scores", err));
    for (size_t i = 0; i < n; i++)
        (*out)[i] = (scored){scores[i], labels[i]};
    if (n > 0)
        qsort(*out, n, sizeof **out, compare_scored);
    return MERX_OK;
}

merx_status mx_auc(const int32_t *labels, const double *scores, size_t n, const merx_allocator *alloc, double *out,
                   merx_error *err)
{
    *out = NAN;
    alloc = mx_allocator_or_default(alloc);
    scored *sorted = NULL;
    MX_TRY(sort_scores(labels, scores, n, alloc, &sorted, err));
    double positives = 0, negatives = 0, pairs = 0;
    for (size_t i = 0; i < n;) {
        double tied_positives = 0, tied_negatives = 0;
        size_t j = i;
        for (; j < n && sorted[j].score == sorted[i].score; j++) {
            tied_positives += sorted[j].label;
            tied_negatives += 1 - sorted[j].label;
        }
        /* Each negative here is beaten by every positive before it, and ties with those beside it. */
        pairs += tied_negatives * (positives + 0.5 * tied_positives);
        positives += tied_positives;
        negatives += tied_negatives;
        i = j;
    }
    if (positives > 0 && negatives > 0)
        *out = pairs / (positives * negatives);
    MX_FREE_ARRAY(alloc, sorted, n);
    return MERX_OK;
}

merx_status mx_average_precision(const int32_t *labels, const double *scores, size_t n, const merx_allocator *alloc,
                                 double *out, merx_error *err)
{
    *out = NAN;
    alloc = mx_allocator_or_default(alloc);
    scored *sorted = NULL;
    MX_TRY(sort_scores(labels, scores, n, alloc, &sorted, err));
    double positives = 0, total = 0;
    for (size_t i = 0; i < n;) {
        double tied = 0;
        size_t j = i;
        for (; j < n && sorted[j].score == sorted[i].score; j++)
            tied += sorted[j].label;
        positives += tied;
        total += tied * positives / (double)j;
        i = j;
    }
    if (positives > 0)
        *out = total / positives;
    MX_FREE_ARRAY(alloc, sorted, n);
    return MERX_OK;
}

typedef struct silhouette_work {
    const double *x;
    const int32_t *labels;
    const size_t *rows;
    size_t count, d, clusters;
    double *widths;
    const double *sizes, *columns; /* columns (d, count): the rows of the sample, transposed */
    const merx_allocator *alloc;
} silhouette_work;

static merx_status silhouette_block(void *context, size_t block, merx_error *err)
{
    const silhouette_work *w = context;
    double *sums = NULL, *distances = NULL;
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(w->alloc, w->clusters, &sums, "distances to clusters", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(w->alloc, w->count, &distances, "distances", err));
    size_t begin = block * SILHOUETTE_BLOCK,
           end = begin + SILHOUETTE_BLOCK < w->count ? begin + SILHOUETTE_BLOCK : w->count;
    for (size_t i = begin; i < end; i++) {
        memset(sums, 0, w->clusters * sizeof *sums);
        mx_kernel()->squared_distances(w->x + w->rows[i] * w->d, w->columns, w->d, w->count, distances);
        for (size_t j = 0; j < w->count; j++)
            distances[j] = sqrt(distances[j]);
        for (size_t j = 0; j < w->count; j++)
            sums[w->labels[w->rows[j]]] += distances[j];
        size_t own = (size_t)w->labels[w->rows[i]];
        double within = sums[own] / (w->sizes[own] - 1), nearest = INFINITY;
        for (size_t c = 0; c < w->clusters; c++)
            if (c != own && w->sizes[c] > 0)
                nearest = fmin(nearest, sums[c] / w->sizes[c]);
        double width = (nearest - within) / fmax(nearest, within);
        w->widths[i] = w->sizes[own] > 1 && !isnan(width) ? width : 0;
    }
out:
    MX_FREE_ARRAY(w->alloc, distances, w->count);
    MX_FREE_ARRAY(w->alloc, sums, w->clusters);
    return status;
}

typedef struct drawn {
    uint64_t rank;
    size_t row;
} drawn;

static int compare_drawn(const void *a, const void *b)
{
    const drawn *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static int compare_size_t(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

merx_status mx_silhouette_widths(const double *x, const int32_t *labels, size_t n, size_t d, size_t clusters,
                                 size_t sample, uint64_t seed, merx_task *task, double *widths, size_t *count,
                                 merx_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (labels[i] < 0 || (size_t)labels[i] >= clusters)
            MX_FAIL(err, MERX_E_RANGE, "silhouette", "row %zu: cluster %d is not in [0, %zu)", i, (int)labels[i],
                    clusters);
    const merx_allocator *alloc = merx_task_allocator(task);
    drawn *order = NULL;
    size_t *rows = NULL, m = sample > 0 && sample < n ? sample : n, present = 0;
    double *sizes = NULL, *columns = NULL;
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, n, &order, "silhouette sample", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, m, &rows, "silhouette sample", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, clusters, &sizes, "cluster sizes", err));
    for (size_t i = 0; i < n; i++)
        order[i] = (drawn){m < n ? mx_random_key(seed, SILHOUETTE_TAG, i) : 0, i};
    if (n > 0)
        qsort(order, n, sizeof *order, compare_drawn);
    for (size_t i = 0; i < m; i++)
        rows[i] = order[i].row;
    if (m > 0)
        qsort(rows, m, sizeof *rows, compare_size_t);
    for (size_t i = 0; i < m; i++)
        present += sizes[labels[rows[i]]]++ == 0;
    *count = 0;
    if (present >= 2) {
        MX_TRY_GOTO(mx_alloc_array_raw(alloc, m, d * sizeof *columns, "silhouette sample", &columns, err));
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < d; j++)
                columns[j * m + i] = x[rows[i] * d + j];
        silhouette_work work = {x, labels, rows, m, d, clusters, widths, sizes, columns, alloc};
        MX_TRY_GOTO(mx_parallel(task, (m + SILHOUETTE_BLOCK - 1) / SILHOUETTE_BLOCK, silhouette_block, &work, err));
        *count = m;
    }
out:
    mx_free_array(alloc, columns, m, d * sizeof *columns);
    MX_FREE_ARRAY(alloc, order, n);
    MX_FREE_ARRAY(alloc, rows, m);
    MX_FREE_ARRAY(alloc, sizes, clusters);
    return status;
}

merx_status mx_silhouette(const double *x, const int32_t *labels, size_t n, size_t d, size_t clusters, size_t sample,
                          uint64_t seed, merx_task *task, double *out, merx_error *err)
{
    *out = NAN;
    const merx_allocator *alloc = merx_task_allocator(task);
    size_t room = sample > 0 && sample < n ? sample : n, count = 0;
    double *widths = NULL, total = 0;
    MX_TRY(MX_NEW_ARRAY(alloc, room, &widths, "silhouette widths", err));
    merx_status status = mx_silhouette_widths(x, labels, n, d, clusters, sample, seed, task, widths, &count, err);
    for (size_t i = 0; i < count; i++)
        total += widths[i];
    if (status == MERX_OK && count > 0)
        *out = total / (double)count;
    MX_FREE_ARRAY(alloc, widths, room);
    return status;
}

typedef struct label_pair {
    int32_t a, b;
} label_pair;

static int compare_pairs(const void *p, const void *q)
{
    const label_pair *x = p, *y = q;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    return (x->b > y->b) - (x->b < y->b);
}

/* sum over runs of equal values of C(size, 2); by_b: runs of b alone (then sorted by b first). */
static double pairs_in_runs(const label_pair *pairs, size_t n, bool whole)
{
    double total = 0;
    for (size_t i = 0; i < n;) {
        size_t j = i;
        while (j < n && pairs[j].a == pairs[i].a && (!whole || pairs[j].b == pairs[i].b))
            j++;
        double size = (double)(j - i);
        total += size * (size - 1) / 2;
        i = j;
    }
    return total;
}

merx_status mx_adjusted_rand(const int32_t *a, const int32_t *b, size_t n, const merx_allocator *alloc, double *out,
                             merx_error *err)
{
    *out = NAN;
    alloc = mx_allocator_or_default(alloc);
    label_pair *pairs = NULL;
    MX_TRY(MX_NEW_ARRAY(alloc, n, &pairs, "pairs of labels", err));
    for (size_t i = 0; i < n; i++)
        pairs[i] = (label_pair){a[i], b[i]};
    if (n > 1) {
        qsort(pairs, n, sizeof *pairs, compare_pairs);
        double both = pairs_in_runs(pairs, n, true), in_a = pairs_in_runs(pairs, n, false);
        for (size_t i = 0; i < n; i++)
            pairs[i] = (label_pair){b[i], 0};
        qsort(pairs, n, sizeof *pairs, compare_pairs);
        double in_b = pairs_in_runs(pairs, n, false), all = (double)n * ((double)n - 1) / 2;
        double expected = in_a * in_b / all, most = 0.5 * (in_a + in_b);
        *out = most == expected ? 1 : (both - expected) / (most - expected);
    } else if (n == 1) {
        *out = 1;
    }
    MX_FREE_ARRAY(alloc, pairs, n);
    return MERX_OK;
}

static bool is_relevant(int32_t item, const int32_t *relevant, size_t m)
{
    size_t low = 0, high = m;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (relevant[middle] < item)
            low = middle + 1;
        else
            high = middle;
    }
    return low < m && relevant[low] == item;
}

double mx_ndcg_at_k(const int32_t *ranked, size_t k, const int32_t *relevant, size_t m)
{
    double gain = 0, ideal = 0;
    for (size_t i = 0; i < k; i++) {
        double discount = 1 / log2((double)i + 2);
        if (is_relevant(ranked[i], relevant, m))
            gain += discount;
        if (i < m)
            ideal += discount;
    }
    return gain / ideal;
}

static size_t hits(const int32_t *ranked, size_t k, const int32_t *relevant, size_t m)
{
    size_t count = 0;
    for (size_t i = 0; i < k; i++)
        count += is_relevant(ranked[i], relevant, m);
    return count;
}

double mx_recall_at_k(const int32_t *ranked, size_t k, const int32_t *relevant, size_t m)
{
    return m > 0 ? (double)hits(ranked, k, relevant, m) / (double)m : NAN;
}

double mx_hit_at_k(const int32_t *ranked, size_t k, const int32_t *relevant, size_t m)
{
    return m > 0 ? (hits(ranked, k, relevant, m) > 0 ? 1 : 0) : NAN;
}

double mx_reciprocal_rank(const int32_t *ranked, size_t k, const int32_t *relevant, size_t m)
{
    if (m == 0)
        return NAN;
    for (size_t i = 0; i < k; i++)
        if (is_relevant(ranked[i], relevant, m))
            return 1 / (double)(i + 1);
    return 0;
}
