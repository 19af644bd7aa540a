/*
 * k-means: starts, the best of n_init, the numbering of clusters, and what one row asks of a model.
 */
#include "learn/cluster/kmeans.h"

#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "learn/cluster/kmeans_lloyd.h"
#include "learn/cluster/kmeans_starts.h"

static double squared_distance(const double *a, const double *b, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += (a[j] - b[j]) * (a[j] - b[j]);
    return sum;
}

/* ---- fit ---- */

/* Whether cluster a is numbered before b: heavier, then the smaller centroid. */
static bool stands_before(const mx_kmeans *m, size_t a, size_t b)
{
    if (m->sizes[a] != m->sizes[b])
        return m->sizes[a] > m->sizes[b];
    for (size_t j = 0; j < m->d; j++)
        if (m->centroids[a * m->d + j] != m->centroids[b * m->d + j])
            return m->centroids[a * m->d + j] < m->centroids[b * m->d + j];
    return false;
}

merx_status mx_kmeans_number(mx_kmeans *m, int32_t *labels, size_t n, const merx_allocator *alloc, merx_error *err)
{
    int32_t *number;
    MX_TRY(mx_alloc_array(alloc, 2 * m->k, sizeof *number, "cluster numbers", &number, err));
    for (size_t c = 0; c < m->k; c++)
        number[c] = (int32_t)c;       /* number[place] = old number */
    for (size_t c = 1; c < m->k; c++) /* insertion by swapping neighbours: k is small beside the work of a fit */
        for (size_t p = c; p > 0 && stands_before(m, p, p - 1); p--) {
            for (size_t j = 0; j < m->d; j++) {
                double swap = m->centroids[p * m->d + j];
                m->centroids[p * m->d + j] = m->centroids[(p - 1) * m->d + j];
                m->centroids[(p - 1) * m->d + j] = swap;
            }
            double size = m->sizes[p];
            m->sizes[p] = m->sizes[p - 1];
            m->sizes[p - 1] = size;
            int32_t old = number[p];
            number[p] = number[p - 1];
            number[p - 1] = old;
        }
    int32_t *place = number + m->k;
    for (size_t c = 0; c < m->k; c++)
        place[number[c]] = (int32_t)c;
    for (size_t i = 0; labels && i < n; i++)
        labels[i] = place[labels[i]];
    mx_free_array(alloc, number, 2 * m->k, sizeof *number);
    return MERX_OK;
}

merx_status mx_kmeans_check(const mx_kmeans_options *o, const mx_design_rows *rows, merx_error *err)
{
    size_t d = rows->d;
    if (o->k == 0)
        MX_FAIL(err, MERX_E_INVALID, "kmeans", "k is 0; expected 1 or more");
    if (o->k > rows->n || o->k > INT32_MAX)
        MX_FAIL(err, MERX_E_INVALID, "kmeans", "k is %zu, but there are only %llu rows", o->k,
                (unsigned long long)rows->n);
    if (d == 0)
        MX_FAIL(err, MERX_E_INVALID, "kmeans", "there are no columns to cluster by");
    if (o->n_init < 0 || o->max_iterations < 0)
        MX_FAIL(err, MERX_E_RANGE, "kmeans", "n_init is %d and max_iterations %d; expected 0 or more", o->n_init,
                o->max_iterations);
    if (isnan(o->tolerance))
        MX_FAIL(err, MERX_E_RANGE, "kmeans", "tolerance is not a number");
    for (size_t e = 0; o->start && e < o->k * d; e++)
        if (!isfinite(o->start[e]))
            MX_FAIL(err, MERX_E_INVALID, "kmeans", "start %zu, column %zu is %g; expected a finite number", e / d,
                    e % d, o->start[e]);
    return MERX_OK;
}

static merx_status set_starts(const mx_kmeans_options *o, const mx_kmeans_study *study, uint64_t init, merx_task *task,
                              double *centroids, merx_error *err)
{
    if (o->start) {
        memcpy(centroids, o->start, study->k * study->d * sizeof *centroids);
        return MERX_OK;
    }
    if (o->random)
        return mx_kmeans_random_rows(study, o->seed, init, task, centroids, err);
    return mx_kmeans_plus_plus(study, o->seed, init, o->candidates, task, centroids, err);
}

static void keep_best(const mx_lloyd *l, double inertia, int iterations, mx_kmeans *model)
{
    model->inertia = inertia;
    model->iterations = iterations;
    memcpy(model->centroids, l->centroids, l->k * l->d * sizeof *l->centroids);
    for (size_t c = 0; c < l->k; c++)
        model->sizes[c] = mx_lloyd_weight(l, c);
}

static merx_status fit_checked(mx_design_rows *rows, const mx_kmeans_options *options, const merx_allocator *alloc,
                               merx_task *task, mx_kmeans *out, int32_t *labels, merx_error *err)
{
    const merx_allocator *work = merx_task_allocator(task);
    size_t k = options->k, d = rows->d;
    bool held = rows->held != NULL;
    int n_init = options->start ? 1 : options->n_init ? options->n_init : 10;
    int max_iterations = options->max_iterations ? options->max_iterations : 300;
    mx_kmeans model = {.k = k, .d = d, .inertia = INFINITY, .starts = n_init, .alloc = mx_allocator_or_default(alloc)};
    mx_kmeans_study study = {0};
    mx_lloyd lloyd = {0};
    merx_status status;
    mx_task_stage(task, "k-means", (uint64_t)n_init, "starts");
    MX_TRY_GOTO(mx_kmeans_study_rows(rows, k, options->keys, options->seed,
                                     options->start ? 0 : mx_kmeans_sample_room(k, d), work, task, &study, err));
    MX_TRY_GOTO(mx_alloc_array(model.alloc, k * d, sizeof(double), "centroids", &model.centroids, err));
    MX_TRY_GOTO(mx_alloc_array(model.alloc, k, sizeof(double), "cluster sizes", &model.sizes, err));
    MX_TRY_GOTO(mx_lloyd_init(&lloyd, rows, &study, held, task, err));
    double tolerance = options->tolerance < 0 ? 0 : (options->tolerance > 0 ? options->tolerance : 1e-4) * study.spread;
    for (int init = 0; init < n_init; init++) {
        double inertia;
        int iterations;
        MX_TRY_GOTO(set_starts(options, &study, (uint64_t)init, task, lloyd.centroids, err));
        MX_TRY_GOTO(mx_lloyd_run(&lloyd, max_iterations, tolerance, (uint64_t)init, &inertia, &iterations, err));
        model.worst_inertia = init == 0 || inertia > model.worst_inertia ? inertia : model.worst_inertia;
        if (init == 0 || inertia < model.inertia) {
            model.best_start = init;
            keep_best(&lloyd, inertia, iterations, &model);
            if (labels && held)
                memcpy(labels, lloyd.labels, (size_t)lloyd.n * sizeof *labels);
        }
        MX_TRY_GOTO(mx_task_step(task, (uint64_t)init + 1, err));
    }
    if (!isfinite(model.inertia))
        MX_FAIL_GOTO(err, MERX_E_NUMERIC, "kmeans", "squared distances overflow; rescale the columns");
    if (!options->start)
        MX_TRY_GOTO(mx_kmeans_number(&model, labels, labels ? (size_t)lloyd.n : 0, work, err));
    mx_task_done(task);
out:
    mx_lloyd_release(&lloyd);
    mx_kmeans_study_release(&study);
    if (status == MERX_OK)
        *out = model;
    else
        mx_kmeans_release(&model);
    return status;
}

merx_status mx_kmeans_fit_rows(mx_design_rows *rows, const mx_kmeans_options *options, const merx_allocator *alloc,
                               merx_task *task, mx_kmeans *out, int32_t *labels, merx_error *err)
{
    MX_TRY(mx_kmeans_check(options, rows, err));
    return fit_checked(rows, options, alloc, task, out, rows->held ? labels : NULL, err);
}

merx_status mx_kmeans_fit(const double *x, const double *weights, size_t n, size_t d, const mx_kmeans_options *options,
                          const merx_allocator *alloc, merx_task *task, mx_kmeans *out, int32_t *labels,
                          merx_error *err)
{
    mx_design design = {.n = n, .d = d, .x = x, .weights = weights};
    mx_design_rows rows = mx_design_rows_of(&design);
    return mx_kmeans_fit_rows(&rows, options, alloc, task, out, labels, err);
}

void mx_kmeans_release(mx_kmeans *model)
{
    if (!model->alloc)
        return;
    mx_free_array(model->alloc, model->sizes, model->k, sizeof(double));
    mx_free_array(model->alloc, model->centroids, model->k * model->d, sizeof(double));
    memset(model, 0, sizeof *model);
}

/* ---- one row ---- */

int32_t mx_kmeans_nearest(const mx_kmeans *model, const double *x, double *distance2)
{
    int32_t nearest = 0;
    double least = squared_distance(x, model->centroids, model->d);
    for (size_t c = 1; c < model->k; c++) {
        double d2 = squared_distance(x, model->centroids + c * model->d, model->d);
        if (d2 < least) {
            least = d2;
            nearest = (int32_t)c;
        }
    }
    if (distance2)
        *distance2 = least;
    return nearest;
}

double mx_kmeans_explain_cluster(const mx_kmeans *model, const double *x, int32_t cluster, double *contributions,
                                 int32_t *other)
{
    size_t d = model->d;
    int32_t next = cluster; /* k 1: no other cluster, all parts 0 */
    double least = INFINITY, score = 0;
    for (size_t c = 0; c < model->k; c++) {
        double d2 = squared_distance(x, model->centroids + c * d, d);
        if ((int32_t)c != cluster && (next == cluster || d2 < least)) {
            least = d2;
            next = (int32_t)c;
        }
    }
    const double *a = model->centroids + (size_t)cluster * d, *b = model->centroids + (size_t)next * d;
    for (size_t j = 0; j < d; j++) {
        contributions[j] = (x[j] - b[j]) * (x[j] - b[j]) - (x[j] - a[j]) * (x[j] - a[j]);
        score += contributions[j];
    }
    if (other != NULL)
        *other = next;
    return score;
}

double mx_kmeans_explain_row(const mx_kmeans *model, const double *x, double *contributions, int32_t *own,
                             int32_t *other)
{
    *own = mx_kmeans_nearest(model, x, NULL);
    return mx_kmeans_explain_cluster(model, x, *own, contributions, other);
}
