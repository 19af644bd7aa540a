/*
 * Starts. Letters: m rows of the sample, d features, k centres, l candidates.
 *
 * A block's rows depend on m alone, partial sums are combined in block order, ties go to the lower row.
 */
#include "learn/cluster/kmeans_starts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "kernels/kernels.h"

enum { BLOCK = 1024, CANDIDATES_MAX = 32 };

typedef struct runner {
    double time;
    size_t row; /* SIZE_MAX: none */
} runner;

typedef struct race {
    const mx_kmeans_study *s;
    uint64_t seed, start, round;
    size_t m, d, l, blocks;
    const double *centre; /* the one set last, whose distance is not in distance2 yet; NULL: none */
    double *distance2;    /* (m) to the nearest centre; all 1 before there is one */
    runner *winners;      /* (blocks, l) ascending */
    double *columns;      /* (d, l) candidates */
    double *left;         /* (blocks, l): sum of w D2 if this candidate is taken */
    double *scratch;      /* (workers, l) */
} race;

static bool before(runner a, runner b)
{
    return a.row != SIZE_MAX && (b.row == SIZE_MAX || a.time < b.time || (a.time == b.time && a.row < b.row));
}

/* Puts one into l ascending ones. */
static void enter(runner *first, size_t l, runner one)
{
    if (!before(one, first[l - 1]))
        return;
    size_t at = l - 1;
    for (; at > 0 && before(one, first[at - 1]); at--)
        first[at] = first[at - 1];
    first[at] = one;
}

static size_t end_of(size_t m, size_t block)
{
    return (block + 1) * BLOCK < m ? (block + 1) * BLOCK : m;
}

static merx_status race_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    race *r = context;
    runner *winners = r->winners + block * r->l;
    for (size_t c = 0; c < r->l; c++)
        winners[c] = (runner){INFINITY, SIZE_MAX};
    for (size_t i = block * BLOCK; i < end_of(r->m, block); i++) {
        if (r->centre != NULL) {
            double d2 = 0;
            mx_kernel()->squared_distances(r->s->sample + i * r->d, r->centre, r->d, 1, &d2);
            r->distance2[i] = d2 < r->distance2[i] ? d2 : r->distance2[i];
        }
        double rate = r->s->sample_weights[i] * r->distance2[i];
        if (!(rate > 0))
            continue;
        mx_random random;
        mx_random_init(&random, r->seed, mx_random_key(r->s->sample_keys[i], r->start, r->round));
        enter(winners, r->l, (runner){mx_random_exponential(&random) / rate, i});
    }
    return MERX_OK;
}

static merx_status weigh_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    race *r = context;
    double *left = r->left + block * r->l, *distances = r->scratch + (size_t)mx_worker_index() * r->l;
    memset(left, 0, r->l * sizeof *left);
    for (size_t i = block * BLOCK; i < end_of(r->m, block); i++) {
        mx_kernel()->squared_distances(r->s->sample + i * r->d, r->columns, r->d, r->l, distances);
        for (size_t c = 0; c < r->l; c++)
            left[c] += r->s->sample_weights[i] * (distances[c] < r->distance2[i] ? distances[c] : r->distance2[i]);
    }
    return MERX_OK;
}

/* The first l of the race, ascending. */
static merx_status run_race(race *r, merx_task *task, runner *first, merx_error *err)
{
    MX_TRY(mx_parallel(task, r->blocks, race_block, r, err));
    for (size_t c = 0; c < r->l; c++)
        first[c] = (runner){INFINITY, SIZE_MAX};
    for (size_t b = 0; b < r->blocks; b++)
        for (size_t c = 0; c < r->l; c++)
            enter(first, r->l, r->winners[b * r->l + c]);
    return MERX_OK;
}

/* The candidate that leaves the least; with as few as one no sums are taken. */
static merx_status best_candidate(race *r, const runner *first, merx_task *task, size_t *best, merx_error *err)
{
    *best = 0;
    if (r->l == 1 || first[1].row == SIZE_MAX)
        return MERX_OK;
    for (size_t c = 0; c < r->l; c++) {
        const double *row = r->s->sample + (first[c].row == SIZE_MAX ? first[0].row : first[c].row) * r->d;
        for (size_t j = 0; j < r->d; j++)
            r->columns[j * r->l + c] = row[j];
    }
    MX_TRY(mx_parallel(task, r->blocks, weigh_block, r, err));
    double sums[CANDIDATES_MAX] = {0};
    for (size_t b = 0; b < r->blocks; b++)
        for (size_t c = 0; c < r->l; c++)
            sums[c] += r->left[b * r->l + c];
    for (size_t c = 1; c < r->l; c++)
        if (sums[c] < sums[*best])
            *best = c;
    return MERX_OK;
}

static bool stands(const double *centroids, size_t count, const double *row, size_t d)
{
    for (size_t c = 0; c < count; c++) {
        bool same = true;
        for (size_t j = 0; j < d && same; j++)
            same = centroids[c * d + j] == row[j];
        if (same)
            return true;
    }
    return false;
}

/* Where the sample holds fewer than k distinct rows, the first distinct rows of the whole stand in. */
static void fill_up(const mx_kmeans_study *s, double *centroids, size_t count)
{
    for (size_t i = 0; i < s->distinct_count && count < s->k; i++)
        if (!stands(centroids, count, s->distinct + i * s->d, s->d))
            memcpy(centroids + count++ * s->d, s->distinct + i * s->d, s->d * sizeof *centroids);
}

static merx_status plus_plus(race *r, merx_task *task, double *centroids, merx_error *err)
{
    size_t k = r->s->k, d = r->d, wanted = r->l;
    for (size_t i = 0; i < r->m; i++)
        r->distance2[i] = 1; /* the first centre: by weight alone */
    for (size_t c = 0; c < k; c++) {
        runner first[CANDIDATES_MAX] = {{0}};
        size_t best;
        r->round = c;
        r->l = c == 0 ? 1 : wanted;
        MX_TRY(run_race(r, task, first, err));
        if (first[0].row == SIZE_MAX) {
            fill_up(r->s, centroids, c);
            return MERX_OK;
        }
        MX_TRY(best_candidate(r, first, task, &best, err));
        memcpy(centroids + c * d, r->s->sample + first[best].row * d, d * sizeof *centroids);
        if (c == 0)
            for (size_t i = 0; i < r->m; i++)
                r->distance2[i] = INFINITY;
        r->centre = centroids + c * d;
    }
    return MERX_OK;
}

static merx_status with_race(const mx_kmeans_study *study, uint64_t seed, uint64_t start, size_t l, merx_task *task,
                             double *centroids, merx_status (*run)(race *, merx_task *, double *, merx_error *),
                             merx_error *err)
{
    const merx_allocator *alloc = merx_task_allocator(task);
    size_t m = study->sample_count, d = study->d, workers = (size_t)merx_task_threads(task);
    race r = {.s = study, .seed = seed, .start = start, .m = m, .d = d, .l = l, .blocks = (m + BLOCK - 1) / BLOCK};
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, m, sizeof(double), "distances", &r.distance2, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, r.blocks * l, sizeof(runner), "candidates", &r.winners, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, d * l, sizeof(double), "candidates", &r.columns, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, r.blocks * l, sizeof(double), "candidates", &r.left, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, workers * l, sizeof(double), "candidates", &r.scratch, err));
    MX_TRY_GOTO(run(&r, task, centroids, err));
out:
    mx_free_array(alloc, r.scratch, workers * l, sizeof(double));
    mx_free_array(alloc, r.left, r.blocks * l, sizeof(double));
    mx_free_array(alloc, r.columns, d * l, sizeof(double));
    mx_free_array(alloc, r.winners, r.blocks * l, sizeof(runner));
    mx_free_array(alloc, r.distance2, m, sizeof(double));
    return status;
}

merx_status mx_kmeans_plus_plus(const mx_kmeans_study *study, uint64_t seed, uint64_t start, size_t candidates,
                                merx_task *task, double *centroids, merx_error *err)
{
    size_t l = candidates ? candidates : 2 + (size_t)log((double)study->k);
    return with_race(study, seed, start, l < CANDIDATES_MAX ? l : CANDIDATES_MAX, task, centroids, plus_plus, err);
}

/* One race by weight alone; its order is the order of draws without replacement. */
static int compare_runners(const void *a, const void *b)
{
    const runner *x = a, *y = b;
    return before(*x, *y) ? -1 : before(*y, *x) ? 1 : 0;
}

merx_status mx_kmeans_random_rows(const mx_kmeans_study *study, uint64_t seed, uint64_t start, merx_task *task,
                                  double *centroids, merx_error *err)
{
    const merx_allocator *alloc = merx_task_allocator(task);
    size_t m = study->sample_count, d = study->d, count = 0;
    runner *order;
    MX_TRY(mx_alloc_array_raw(alloc, m, sizeof *order, "order of the sample", &order, err));
    for (size_t i = 0; i < m; i++) {
        mx_random random;
        mx_random_init(&random, seed, mx_random_key(study->sample_keys[i], start, 0));
        order[i] = (runner){mx_random_exponential(&random) / study->sample_weights[i], i};
    }
    qsort(order, m, sizeof *order, compare_runners);
    for (size_t i = 0; i < m && count < study->k; i++) {
        const double *row = study->sample + order[i].row * d;
        if (!stands(centroids, count, row, d))
            memcpy(centroids + count++ * d, row, d * sizeof *row);
    }
    fill_up(study, centroids, count);
    MX_FREE_ARRAY(alloc, order, m);
    return MERX_OK;
}
