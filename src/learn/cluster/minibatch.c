/*
 * Mini-batch k-means. Letters: k clusters, d features, W weight a centroid was given so far.
 */
#include "learn/cluster/minibatch.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "learn/cluster/kmeans_lloyd.h"
#include "learn/cluster/kmeans_starts.h"

enum { REASSIGN_TAG = 0x6d62 };

typedef struct fit_work {
    const mx_minibatch_options *o;
    const mx_kmeans_study *study;
    mx_lloyd *l;
    merx_task *task;
    size_t batch_size;
    double *given;         /* (k) W */
    size_t in_batch;       /* rows of the batch that is gathered */
    double batch_inertia;  /* of those */
    double smoothed, best; /* inertia per weight of batches; the least so far */
    int stale;             /* batches since then */
    double since;          /* weight since centroids were last moved to rows */
    uint64_t batches;
} fit_work;

/* Which start ends best when only the sample is looked at: the one whose sample's inertia is least. */
static merx_status choose_start(fit_work *f, const mx_kmeans_options *o, double *worst, int *chosen, merx_error *err)
{
    const mx_kmeans_study *s = f->study;
    int starts = o->start ? 1 : o->n_init > 0 ? o->n_init : 3;
    size_t cells = s->k * s->d;
    double *best = NULL, least = INFINITY;
    const merx_allocator *alloc = merx_task_allocator(f->task);
    mx_design sample = {.n = s->sample_count, .d = s->d, .x = s->sample, .weights = s->sample_weights};
    merx_status status;
    *worst = -INFINITY;
    MX_TRY_GOTO(mx_alloc_array(alloc, cells, sizeof(double), "centroids", &best, err));
    for (int init = 0; init < starts; init++) {
        double inertia = 0, *centroids = f->l->centroids;
        if (o->start)
            memcpy(centroids, o->start, cells * sizeof *centroids);
        else if (o->random)
            MX_TRY_GOTO(mx_kmeans_random_rows(s, o->seed, (uint64_t)init, f->task, centroids, err));
        else
            MX_TRY_GOTO(mx_kmeans_plus_plus(s, o->seed, (uint64_t)init, o->candidates, f->task, centroids, err));
        if (starts > 1)
            MX_TRY_GOTO(mx_lloyd_add_rows(f->l, &sample, 0, sample.n, &inertia, err));
        mx_lloyd_clear(f->l);
        *worst = inertia > *worst ? inertia : *worst;
        if (init == 0 || inertia < least) {
            least = inertia;
            *chosen = init;
            memcpy(best, centroids, cells * sizeof *best);
        }
        MX_TRY_GOTO(mx_task_step(f->task, 0, err));
    }
    memcpy(f->l->centroids, best, cells * sizeof *best);
out:
    mx_free_array(alloc, best, cells, sizeof(double));
    return status;
}

/* Centroids that were given next to nothing move to random rows of the sample, and weigh as little as the least of the others. */
static void move_idle(fit_work *f)
{
    size_t k = f->l->k, d = f->l->d;
    double most = 0, least = INFINITY;
    for (size_t c = 0; c < k; c++)
        most = most > f->given[c] ? most : f->given[c];
    double bound = f->o->reassignment * most;
    for (size_t c = 0; c < k; c++)
        if (f->given[c] >= bound)
            least = least < f->given[c] ? least : f->given[c];
    /* As in scikit-learn: not before every centroid could have had ten rows. */
    if (!(f->o->reassignment > 0) || f->since < 10 * (double)k * f->study->heaviest)
        return;
    f->since = 0;
    mx_random random;
    mx_random_init(&random, f->o->kmeans.seed, mx_random_key(f->batches, REASSIGN_TAG, 0));
    for (size_t c = 0, moved = 0; c < k && moved < k / 2; c++) {
        if (f->given[c] >= bound)
            continue;
        const double *row = f->study->sample + mx_random_below(&random, f->study->sample_count) * d;
        memcpy(f->l->centroids + c * d, row, d * sizeof *row);
        f->given[c] = least;
        moved++;
    }
}

/* The batch is full: centroids move. *stop when nothing has improved for long. */
static void end_batch(fit_work *f, bool *stop)
{
    mx_lloyd *l = f->l;
    double weight = 0;
    for (size_t c = 0; c < l->k; c++) {
        double w = mx_lloyd_weight(l, c);
        if (!(w > 0))
            continue;
        weight += w;
        f->given[c] += w;
        for (size_t j = 0; j < l->d; j++) {
            double *at = &l->centroids[c * l->d + j];
            *at += (mx_lloyd_sum(l, c, j) - w * *at) / f->given[c];
        }
    }
    mx_lloyd_clear(l);
    f->batches++;
    f->since += weight;
    if (weight > 0) {
        /* Smoothed as scikit-learn does: a batch counts for twice its share of the rows. */
        double inertia = f->batch_inertia / weight, share = 2 * (double)f->in_batch / ((double)f->study->n + 1);
        share = share < 1 ? share : 1;
        f->smoothed = f->batches == 1 ? inertia : f->smoothed * (1 - share) + inertia * share;
        if (f->batches == 1 || f->smoothed < f->best) {
            f->best = f->smoothed;
            f->stale = 0;
        } else {
            f->stale++;
        }
        *stop = f->o->patience > 0 && f->stale >= f->o->patience;
        move_idle(f);
    }
    f->in_batch = 0;
    f->batch_inertia = 0;
}

static merx_status one_pass(fit_work *f, mx_design_rows *rows, bool *stop, merx_error *err)
{
    mx_design block;
    MX_TRY(mx_design_rows_rewind(rows, err));
    for (;;) {
        MX_TRY(mx_design_rows_next(rows, &block, err));
        if (block.n == 0)
            break;
        for (size_t at = 0; at < block.n && !*stop;) {
            size_t room = f->batch_size - f->in_batch, end = block.n - at < room ? block.n : at + room;
            MX_TRY(mx_lloyd_add_rows(f->l, &block, at, end, &f->batch_inertia, err));
            f->in_batch += end - at;
            at = end;
            if (f->in_batch == f->batch_size) {
                end_batch(f, stop);
                MX_TRY(mx_task_step(f->task, f->batches, err));
            }
        }
        if (*stop)
            return MERX_OK;
    }
    if (f->in_batch > 0)
        end_batch(f, stop);
    return mx_task_step(f->task, f->batches, err);
}

merx_status mx_minibatch_fit(mx_design_rows *rows, const mx_minibatch_options *options, const merx_allocator *alloc,
                             merx_task *task, mx_kmeans *out, merx_error *err)
{
    const merx_allocator *work = merx_task_allocator(task);
    size_t k = options->kmeans.k, d = rows->d;
    mx_kmeans model = {.k = k, .d = d, .alloc = mx_allocator_or_default(alloc)};
    mx_kmeans_study study = {0};
    mx_lloyd lloyd = {0};
    fit_work f = {.o = options,
                  .study = &study,
                  .l = &lloyd,
                  .task = task,
                  .batch_size = options->batch_size ? options->batch_size : 1024};
    bool stop = false;
    int passes = options->kmeans.max_iterations ? options->kmeans.max_iterations : 100;
    merx_status status;
    MX_TRY(mx_kmeans_check(&options->kmeans, rows, err));
    if (!(options->reassignment >= 0) || options->patience < 0)
        MX_FAIL(err, MERX_E_RANGE, "mini-batch", "reassignment is %g and patience %d; expected 0 or more",
                options->reassignment, options->patience);
    mx_task_stage(task, "mini-batch k-means", 0, "batches");
    MX_TRY_GOTO(mx_kmeans_study_rows(rows, k, NULL, options->kmeans.seed, mx_kmeans_sample_room(k, d), work, task,
                                     &study, err));
    MX_TRY_GOTO(mx_alloc_array(model.alloc, k * d, sizeof(double), "centroids", &model.centroids, err));
    MX_TRY_GOTO(mx_alloc_array(model.alloc, k, sizeof(double), "cluster sizes", &model.sizes, err));
    MX_TRY_GOTO(mx_alloc_array(work, k, sizeof(double), "weights", &f.given, err));
    MX_TRY_GOTO(mx_lloyd_init(&lloyd, rows, &study, false, task, err));
    model.starts = options->kmeans.start ? 1 : options->kmeans.n_init > 0 ? options->kmeans.n_init : 3;
    MX_TRY_GOTO(choose_start(&f, &options->kmeans, &model.worst_inertia, &model.best_start, err));
    for (int pass = 0; pass < passes && !stop; pass++)
        MX_TRY_GOTO(one_pass(&f, rows, &stop, err));
    MX_TRY_GOTO(mx_lloyd_measure(&lloyd, &model.inertia, err));
    model.iterations = f.batches < INT32_MAX ? (int)f.batches : INT32_MAX;
    model.worst_inertia = model.inertia;
    memcpy(model.centroids, lloyd.centroids, k * d * sizeof *model.centroids);
    for (size_t c = 0; c < k; c++)
        model.sizes[c] = mx_lloyd_weight(&lloyd, c);
    if (!options->kmeans.start)
        MX_TRY_GOTO(mx_kmeans_number(&model, NULL, 0, work, err));
    mx_task_done(task);
out:
    mx_lloyd_release(&lloyd);
    mx_free_array(work, f.given, k, sizeof(double));
    mx_kmeans_study_release(&study);
    if (status == MERX_OK)
        *out = model;
    else
        mx_kmeans_release(&model);
    return status;
}
