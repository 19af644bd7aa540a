/*
 * Choosing the number of clusters on a sample.
 */
#include "learn/cluster/kmeans_choose.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "learn/cluster/kmeans_study.h"
#include "learn/core/metrics.h"

enum { REFERENCES = 10, STARTS = 3, ITERATIONS = 100, GAP_TAG = 0x676170 };

typedef struct choice {
    const double *x, *weights;
    size_t m, d;
    uint64_t seed;
    const merx_allocator *work;
    merx_task *task;
    int32_t *labels;     /* (m) */
    double *reference;   /* (m, d) */
    double *low, *range; /* (d) */
} choice;

static merx_status fit(const choice *c, const double *x, size_t k, double *inertia, merx_error *err)
{
    mx_kmeans model = {0};
    mx_kmeans_options o = {.k = k, .n_init = STARTS, .max_iterations = ITERATIONS, .seed = c->seed};
    MX_TRY(mx_kmeans_fit(x, c->weights, c->m, c->d, &o, c->work, c->task, &model, c->labels, err));
    *inertia = model.inertia;
    mx_kmeans_release(&model);
    return MERX_OK;
}

static double log_inertia(double inertia)
{
    return log(inertia > DBL_MIN ? inertia : DBL_MIN);
}

static void learn_box(choice *c)
{
    for (size_t j = 0; j < c->d; j++) {
        double low = c->x[j], high = low;
        for (size_t i = 1; i < c->m; i++) {
            double value = c->x[i * c->d + j];
            low = value < low ? value : low;
            high = value > high ? value : high;
        }
        c->low[j] = low;
        c->range[j] = high - low;
    }
}

/* The same rows for every k. */
static void spread_evenly(choice *c, size_t set)
{
    mx_random random;
    mx_random_init(&random, c->seed, mx_random_key(set, GAP_TAG, 0));
    for (size_t i = 0; i < c->m; i++)
        for (size_t j = 0; j < c->d; j++)
            c->reference[i * c->d + j] = c->low[j] + c->range[j] * mx_random_uniform(&random);
}

static merx_status point_of_gap(choice *c, size_t k, double *point, merx_error *err)
{
    double inertia, logs[REFERENCES], mean = 0, square = 0;
    MX_TRY(fit(c, c->x, k, &inertia, err));
    double own = log_inertia(inertia);
    for (size_t b = 0; b < REFERENCES; b++) {
        spread_evenly(c, b);
        MX_TRY(fit(c, c->reference, k, &inertia, err));
        logs[b] = log_inertia(inertia);
        mean += logs[b] / REFERENCES;
    }
    for (size_t b = 0; b < REFERENCES; b++)
        square += (logs[b] - mean) * (logs[b] - mean) / REFERENCES;
    point[1] = mean - own;
    point[2] = sqrt(square * (1 + 1.0 / REFERENCES));
    return MERX_OK;
}

static merx_status point_of_silhouette(choice *c, size_t k, double *point, merx_error *err)
{
    double inertia;
    MX_TRY(fit(c, c->x, k, &inertia, err));
    return mx_silhouette(c->x, c->labels, c->m, c->d, k, 0, c->seed, c->task, &point[1], err);
}

static size_t greatest(const mx_kmeans_curve *curve)
{
    size_t best = 0;
    for (size_t p = 1; p < curve->count; p++)
        if (curve->points[3 * p + 1] > curve->points[3 * best + 1])
            best = p;
    return (size_t)curve->points[3 * best];
}

static size_t first_gap(const mx_kmeans_curve *curve)
{
    for (size_t p = 0; p + 1 < curve->count; p++)
        if (curve->points[3 * p + 1] >= curve->points[3 * p + 4] - curve->points[3 * p + 5])
            return (size_t)curve->points[3 * p];
    return greatest(curve);
}

merx_status mx_kmeans_choose(const double *x, const double *weights, size_t m, size_t d, size_t least, size_t most,
                             bool gap, uint64_t seed, const merx_allocator *alloc, merx_task *task,
                             mx_kmeans_curve *out, merx_error *err)
{
    *out = (mx_kmeans_curve){.alloc = mx_allocator_or_default(alloc), .chosen = 1};
    if (least > most)
        MX_FAIL(err, MERX_E_RANGE, "kmeans", "the number of clusters is to lie between %zu and %zu", least, most);
    choice c = {
        .x = x, .weights = weights, .m = m, .d = d, .seed = seed, .work = merx_task_allocator(task), .task = task};
    size_t distinct, first = gap || least > 1 ? least : 2; /* a silhouette needs two */
    merx_status status;
    MX_TRY(mx_kmeans_count_distinct(x, m, d, most + 1, c.work, &distinct, err));
    /* As many clusters as rows would be no summary. */
    size_t last = most < distinct ? most : distinct > 1 ? distinct - (distinct == m) : 1;
    if (first > last)
        return MERX_OK;
    MX_TRY_GOTO(mx_alloc_array(out->alloc, 3 * (last - first + 1), sizeof(double), "curve", &out->points, err));
    out->count = last - first + 1;
    MX_TRY_GOTO(mx_alloc_array(c.work, m, sizeof(int32_t), "labels", &c.labels, err));
    if (gap) {
        MX_TRY_GOTO(mx_alloc_array(c.work, m, d * sizeof(double), "reference", &c.reference, err));
        MX_TRY_GOTO(mx_alloc_array(c.work, d, sizeof(double), "ranges", &c.low, err));
        MX_TRY_GOTO(mx_alloc_array(c.work, d, sizeof(double), "ranges", &c.range, err));
        learn_box(&c);
    }
    for (size_t p = 0; p < out->count; p++) {
        double *point = out->points + 3 * p;
        point[0] = (double)(first + p);
        MX_TRY_GOTO(gap ? point_of_gap(&c, first + p, point, err) : point_of_silhouette(&c, first + p, point, err));
    }
    out->chosen = gap ? first_gap(out) : greatest(out);
out:
    mx_free_array(c.work, c.range, d, sizeof(double));
    mx_free_array(c.work, c.low, d, sizeof(double));
    mx_free_array(c.work, c.reference, m, d * sizeof(double));
    mx_free_array(c.work, c.labels, m, sizeof(int32_t));
    if (status != MERX_OK)
        mx_kmeans_curve_release(out);
    return status;
}

void mx_kmeans_curve_release(mx_kmeans_curve *curve)
{
    if (curve->alloc != NULL)
        mx_free_array(curve->alloc, curve->points, 3 * curve->count, sizeof(double));
    memset(curve, 0, sizeof *curve);
}
