/*
 * k-means. Letters: n rows, d features, k clusters, D2(x) squared distance to the nearest centre so far.
 *
 * Starts (k-means++): the next centre is row i with probability w_i D2(x_i) / sum. Drawn as a race: the row with the least
 * E_i / (w_i D2_i), E_i exponential with mean 1 out of the row's key. That is the same distribution (the minimum of exponentials with rates
 * w_i D2_i), needs no running sum over rows, and does not change when another row is left out unless that row would have won.
 * When every D2 is 0 before k centres stand, the centres are all the distinct rows there are: the refusal counts them exactly.
 *
 * Lloyd: assign, give empty clusters the farthest rows, average; until no label changes or the centroids' squared movement is at most
 * tolerance * (mean variance of the features). Then one more assignment, so that labels, inertia and centroids belong together.
 *
 * Distances are sums of (x_j - mu_cj)^2 in order of j, never |x|^2 - 2 x.mu + |mu|^2: no cancellation, and mx_kmeans_nearest gives the
 * bits of the fit. The inner loop runs over clusters (centroids transposed), which vectorises without reordering a sum.
 *
 * Invariants: (1) a block's rows depend on n alone and partial sums are combined in block order; (2) ties go to the lower row and the lower
 * cluster; (3) rows of weight 0 get a label and nothing else.
 *
 * Source: Lloyd 1982; Arthur & Vassilvitskii 2007, "k-means++: the advantages of careful seeding".
 */
#include "learn/cluster/kmeans.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "kernels/kernels.h"
#include "numeric/matrix.h"

enum { MX_KMEANS_BLOCKS = 64, MX_KMEANS_MIN_ROWS = 1024 };

typedef struct fit_work {
    const double *x, *weights;
    const uint64_t *keys;
    size_t n, d, k, block_rows, blocks;
    uint64_t seed, start; /* which of n_init */
    double *centroids;    /* (k, d) */
    double *transposed;   /* (d, k) */
    int32_t *labels;      /* (n) */
    double *distance2;    /* (n) to the nearest centroid */
    double *partial;      /* (blocks, k * (d + 1)): sums of w x, then of w; also (blocks, 2 d) for the variance */
    double *scratch;      /* (workers, k) */
    double *block_value;  /* (blocks) */
    size_t *block_row;    /* (blocks) */
    size_t centre;        /* k-means++: the centre just set */
    merx_task *task;
} fit_work;

static double weight_of(const fit_work *f, size_t i)
{
    return f->weights ? f->weights[i] : 1.0;
}

static size_t block_end(const fit_work *f, size_t block)
{
    size_t end = (block + 1) * f->block_rows;
    return end < f->n ? end : f->n;
}

static double squared_distance(const double *a, const double *b, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += (a[j] - b[j]) * (a[j] - b[j]);
    return sum;
}

/* ---- input ---- */

/* Checks, and per block: sums of w, w x_j. */
static merx_status check_block(void *context, size_t block, merx_error *err)
{
    fit_work *f = context;
    double *sums = f->partial + block * f->k * (f->d + 1), weight = 0;
    memset(sums, 0, f->d * sizeof *sums);
    for (size_t i = block * f->block_rows; i < block_end(f, block); i++) {
        double w = weight_of(f, i);
        if (!(w >= 0) || !isfinite(w))
            MX_FAIL(err, MERX_E_INVALID, "kmeans", "the weight of row %zu is %g; expected a finite number of 0 or more",
                    i, w);
        for (size_t j = 0; j < f->d; j++) {
            double v = f->x[i * f->d + j];
            if (!isfinite(v))
                MX_FAIL(err, MERX_E_INVALID, "kmeans", "row %zu, column %zu is %g; expected a finite number", i, j, v);
            sums[j] += w * v;
        }
        weight += w;
    }
    f->block_value[block] = weight;
    return MERX_OK;
}

/* Per block: sum over rows and columns of w (x - mean)^2; the means stand in transposed (d). */
static merx_status spread_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    fit_work *f = context;
    double sum = 0;
    for (size_t i = block * f->block_rows; i < block_end(f, block); i++)
        sum += weight_of(f, i) * squared_distance(f->x + i * f->d, f->transposed, f->d);
    f->block_value[block] = sum;
    return MERX_OK;
}

static double combine(const fit_work *f)
{
    double sum = 0;
    for (size_t b = 0; b < f->blocks; b++)
        sum += f->block_value[b];
    return sum;
}

/* *variance: the mean over columns of the weighted variance. */
static merx_status check_rows(fit_work *f, double *variance, merx_error *err)
{
    MX_TRY(mx_parallel(f->task, f->blocks, check_block, f, err));
    double total = combine(f);
    if (!(total > 0) || !isfinite(total))
        MX_FAIL(err, MERX_E_INVALID, "kmeans", "the weights sum to %g; expected a finite number above 0", total);
    for (size_t j = 0; j < f->d; j++) {
        double sum = 0;
        for (size_t b = 0; b < f->blocks; b++)
            sum += f->partial[b * f->k * (f->d + 1) + j];
        f->transposed[j] = sum / total;
    }
    MX_TRY(mx_parallel(f->task, f->blocks, spread_block, f, err));
    *variance = combine(f) / total / (double)f->d;
    if (!isfinite(*variance))
        MX_FAIL(err, MERX_E_NUMERIC, "kmeans", "squared distances overflow; rescale the columns");
    return MERX_OK;
}

/* ---- k-means++ ---- */

/* Lowers D2 by the centre just set (none at first) and finds the block's winner of the race for the next one. */
static merx_status race_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    fit_work *f = context;
    double best = INFINITY;
    size_t winner = SIZE_MAX;
    for (size_t i = block * f->block_rows; i < block_end(f, block); i++) {
        if (f->centre == SIZE_MAX) {
            f->distance2[i] = 1; /* the first centre: by weight alone */
        } else {
            double d2 = squared_distance(f->x + i * f->d, f->centroids + f->centre * f->d, f->d);
            if (f->centre == 0 || d2 < f->distance2[i])
                f->distance2[i] = d2;
        }
        double rate = weight_of(f, i) * f->distance2[i];
        if (!(rate > 0))
            continue;
        mx_random random;
        mx_random_init(&random, f->seed, mx_random_key(f->keys ? f->keys[i] : i, f->start, f->centre + 1));
        double time = mx_random_exponential(&random) / rate;
        if (winner == SIZE_MAX || time < best) {
            best = time;
            winner = i;
        }
    }
    f->block_value[block] = best;
    f->block_row[block] = winner;
    return MERX_OK;
}

static merx_status plus_plus(fit_work *f, merx_error *err)
{
    f->centre = SIZE_MAX;
    for (size_t c = 0; c < f->k; c++) {
        MX_TRY(mx_parallel(f->task, f->blocks, race_block, f, err));
        size_t winner = SIZE_MAX;
        double best = INFINITY;
        for (size_t b = 0; b < f->blocks; b++)
            if (f->block_row[b] != SIZE_MAX && (winner == SIZE_MAX || f->block_value[b] < best)) {
                best = f->block_value[b];
                winner = f->block_row[b];
            }
        if (winner == SIZE_MAX)
            MX_FAIL(err, MERX_E_INVALID, "kmeans", "k is %zu, but there are only %zu distinct rows", f->k, c);
        memcpy(f->centroids + c * f->d, f->x + winner * f->d, f->d * sizeof *f->centroids);
        f->centre = c;
    }
    return MERX_OK;
}

/* ---- Lloyd ---- */

static void transpose_centroids(fit_work *f)
{
    for (size_t c = 0; c < f->k; c++)
        for (size_t j = 0; j < f->d; j++)
            f->transposed[j * f->k + c] = f->centroids[c * f->d + j];
}

/* Nearest centroid of each row; block_row counts the labels that changed, block_value sums w D2. */
static merx_status assign_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    fit_work *f = context;
    size_t k = f->k, changed = 0;
    double *distances = f->scratch + (size_t)mx_worker_index() * k, inertia = 0;
    for (size_t i = block * f->block_rows; i < block_end(f, block); i++) {
        mx_kernel()->squared_distances(f->x + i * f->d, f->transposed, f->d, k, distances);
        size_t nearest = 0;
        for (size_t c = 1; c < k; c++)
            if (distances[c] < distances[nearest])
                nearest = c;
        changed += f->labels[i] != (int32_t)nearest;
        f->labels[i] = (int32_t)nearest;
        f->distance2[i] = distances[nearest];
        inertia += weight_of(f, i) * distances[nearest];
    }
    f->block_value[block] = inertia;
    f->block_row[block] = changed;
    return MERX_OK;
}

static merx_status assign(fit_work *f, double *inertia, size_t *changed, merx_error *err)
{
    transpose_centroids(f);
    MX_TRY(mx_parallel(f->task, f->blocks, assign_block, f, err));
    *inertia = combine(f);
    *changed = 0;
    for (size_t b = 0; b < f->blocks; b++)
        *changed += f->block_row[b];
    return MERX_OK;
}

static merx_status sums_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    fit_work *f = context;
    size_t d = f->d, k = f->k;
    double *sums = f->partial + block * k * (d + 1), *sizes = sums + k * d;
    memset(sums, 0, k * (d + 1) * sizeof *sums);
    for (size_t i = block * f->block_rows; i < block_end(f, block); i++) {
        double w = weight_of(f, i), *sum = sums + (size_t)f->labels[i] * d;
        for (size_t j = 0; j < d; j++)
            sum[j] += w * f->x[i * d + j];
        sizes[f->labels[i]] += w;
    }
    return MERX_OK;
}

/* Sums of w x and of w by cluster, left in the first block's slot. */
static merx_status sum_clusters(fit_work *f, merx_error *err)
{
    MX_TRY(mx_parallel(f->task, f->blocks, sums_block, f, err));
    size_t width = f->k * (f->d + 1);
    for (size_t b = 1; b < f->blocks; b++)
        for (size_t e = 0; e < width; e++)
            f->partial[e] += f->partial[b * width + e];
    return MERX_OK;
}

/*
 * Gives each empty cluster the row farthest from its centroid (ties: the lower row) among clusters that keep another row. Rare, so plain:
 * one pass over the rows for each.
 */
static merx_status fill_empty(fit_work *f, bool *moved, merx_error *err)
{
    *moved = false;
    MX_TRY(sum_clusters(f, err));
    const double *sizes = f->partial + f->k * f->d;
    for (size_t c = 0; c < f->k; c++) {
        if (sizes[c] > 0)
            continue;
        size_t farthest = SIZE_MAX;
        for (size_t i = 0; i < f->n; i++) {
            double w = weight_of(f, i);
            if (w > 0 && f->distance2[i] > 0 && sizes[f->labels[i]] > w &&
                (farthest == SIZE_MAX || f->distance2[i] > f->distance2[farthest]))
                farthest = i;
        }
        if (farthest == SIZE_MAX)
            continue;
        f->labels[farthest] = (int32_t)c;
        f->distance2[farthest] = 0;
        *moved = true;
        MX_TRY(sum_clusters(f, err));
    }
    return MERX_OK;
}

/* New centroids out of the sums; returns their squared movement. A cluster that stayed empty keeps its place. */
static double move_centroids(fit_work *f)
{
    double movement = 0;
    const double *sizes = f->partial + f->k * f->d;
    for (size_t c = 0; c < f->k; c++)
        for (size_t j = 0; sizes[c] > 0 && j < f->d; j++) {
            double *at = &f->centroids[c * f->d + j], next = f->partial[c * f->d + j] / sizes[c];
            movement += (next - *at) * (next - *at);
            *at = next;
        }
    return movement;
}

static merx_status lloyd(fit_work *f, int max_iterations, double tolerance, double *inertia, int *iterations,
                         merx_error *err)
{
    for (size_t i = 0; i < f->n; i++)
        f->labels[i] = -1;
    size_t changed;
    bool moved;
    for (*iterations = 1;; ++*iterations) {
        MX_TRY(assign(f, inertia, &changed, err));
        MX_TRY(fill_empty(f, &moved, err));
        if (changed == 0 && !moved)
            return MERX_OK; /* the centroids are already the means of these labels */
        double movement = move_centroids(f);
        if (movement <= tolerance || *iterations >= max_iterations)
            break;
        MX_TRY(mx_task_step(f->task, f->start, err));
    }
    MX_TRY(assign(f, inertia, &changed, err));
    return sum_clusters(f, err);
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

/* Numbers the clusters by descending weight (insertion sort by swapping neighbours; k is small), labels along. */
static void number_clusters(mx_kmeans *m, int32_t *labels, size_t n, int32_t *number)
{
    for (size_t c = 0; c < m->k; c++)
        number[c] = (int32_t)c; /* number[place] = old number */
    for (size_t c = 1; c < m->k; c++)
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
}

static merx_status check_options(const mx_kmeans_options *o, size_t n, size_t d, merx_error *err)
{
    if (o->k == 0)
        MX_FAIL(err, MERX_E_INVALID, "kmeans", "k is 0; expected 1 or more");
    if (o->k > n || o->k > INT32_MAX)
        MX_FAIL(err, MERX_E_INVALID, "kmeans", "k is %zu, but there are only %zu rows", o->k, n);
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

merx_status mx_kmeans_fit(const double *x, const double *weights, size_t n, size_t d, const mx_kmeans_options *options,
                          const merx_allocator *alloc, merx_task *task, mx_kmeans *out, int32_t *labels,
                          merx_error *err)
{
    memset(out, 0, sizeof *out);
    MX_TRY(check_options(options, n, d, err));
    merx_status status = MERX_OK;
    const merx_allocator *work = merx_task_allocator(task);
    size_t k = options->k, workers = (size_t)merx_task_threads(task), cells = 0, width = 0;
    int n_init = options->start ? 1 : options->n_init ? options->n_init : 10;
    int max_iterations = options->max_iterations ? options->max_iterations : 300;
    fit_work f = {
        .x = x, .weights = weights, .keys = options->keys, .n = n, .d = d, .k = k, .seed = options->seed, .task = task};
    f.block_rows = (n + MX_KMEANS_BLOCKS - 1) / MX_KMEANS_BLOCKS;
    if (f.block_rows < MX_KMEANS_MIN_ROWS)
        f.block_rows = MX_KMEANS_MIN_ROWS;
    f.blocks = (n + f.block_rows - 1) / f.block_rows;
    mx_kmeans model = {.k = k, .d = d, .inertia = INFINITY, .alloc = mx_allocator_or_default(alloc)};
    int32_t *best_labels = NULL, *number = NULL;
    if (!mx_mul_size(k, d + 1, &cells) || !mx_mul_size(cells, f.blocks, &width))
        MX_FAIL_GOTO(err, MERX_E_LIMIT, "kmeans", "%zu clusters of %zu columns are more than this machine can address",
                     k, d);
    MX_TRY_GOTO(mx_alloc_array(model.alloc, k * d, sizeof(double), "centroids", &model.centroids, err));
    MX_TRY_GOTO(mx_alloc_array(model.alloc, k, sizeof(double), "cluster sizes", &model.sizes, err));
    MX_TRY_GOTO(mx_alloc_array(work, k * d, sizeof(double), "centroids", &f.centroids, err));
    MX_TRY_GOTO(mx_alloc_array(work, k * d, sizeof(double), "centroids", &f.transposed, err));
    MX_TRY_GOTO(mx_alloc_array(work, n, sizeof(int32_t), "labels", &f.labels, err));
    MX_TRY_GOTO(mx_alloc_array(work, n, sizeof(int32_t), "labels", &best_labels, err));
    MX_TRY_GOTO(mx_alloc_array(work, n, sizeof(double), "distances", &f.distance2, err));
    MX_TRY_GOTO(mx_alloc_array(work, width, sizeof(double), "cluster sums", &f.partial, err));
    MX_TRY_GOTO(mx_alloc_array(work, workers * k, sizeof(double), "distances", &f.scratch, err));
    MX_TRY_GOTO(mx_alloc_array(work, f.blocks, sizeof(double), "block sums", &f.block_value, err));
    MX_TRY_GOTO(mx_alloc_array(work, f.blocks, sizeof(size_t), "block rows", &f.block_row, err));
    MX_TRY_GOTO(mx_alloc_array(work, 2 * k, sizeof(int32_t), "cluster numbers", &number, err));

    mx_task_stage(task, "k-means", (uint64_t)n_init, "starts");
    double variance;
    MX_TRY_GOTO(check_rows(&f, &variance, err));
    double tolerance = options->tolerance < 0 ? 0 : (options->tolerance > 0 ? options->tolerance : 1e-4) * variance;
    for (int init = 0; init < n_init; init++) {
        f.start = (uint64_t)init;
        MX_TRY_GOTO(plus_plus(&f, err)); /* with given starts: only to count the distinct rows */
        if (options->start)
            memcpy(f.centroids, options->start, k * d * sizeof *f.centroids);
        double inertia;
        int iterations;
        MX_TRY_GOTO(lloyd(&f, max_iterations, tolerance, &inertia, &iterations, err));
        if (init == 0 || inertia < model.inertia) {
            model.inertia = inertia;
            model.iterations = iterations;
            memcpy(model.centroids, f.centroids, k * d * sizeof *f.centroids);
            memcpy(model.sizes, f.partial + k * d, k * sizeof *model.sizes);
            memcpy(best_labels, f.labels, n * sizeof *best_labels);
        }
        MX_TRY_GOTO(mx_task_step(task, (uint64_t)init + 1, err));
    }
    if (!isfinite(model.inertia))
        MX_FAIL_GOTO(err, MERX_E_NUMERIC, "kmeans", "squared distances overflow; rescale the columns");
    if (!options->start)
        number_clusters(&model, best_labels, n, number);
    if (labels)
        memcpy(labels, best_labels, n * sizeof *labels);
    mx_task_done(task);
out:
    mx_free_array(work, number, 2 * k, sizeof(int32_t));
    mx_free_array(work, f.block_row, f.blocks, sizeof(size_t));
    mx_free_array(work, f.block_value, f.blocks, sizeof(double));
    mx_free_array(work, f.scratch, workers * k, sizeof(double));
    mx_free_array(work, f.partial, width, sizeof(double));
    mx_free_array(work, f.distance2, n, sizeof(double));
    mx_free_array(work, best_labels, n, sizeof(int32_t));
    mx_free_array(work, f.labels, n, sizeof(int32_t));
    mx_free_array(work, f.transposed, k * d, sizeof(double));
    mx_free_array(work, f.centroids, k * d, sizeof(double));
    if (status == MERX_OK)
        *out = model;
    else
        mx_kmeans_release(&model);
    return status;
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
