/*
 * Recall measured: what a walk through the graph finds of what comparing with all finds.
 */
#include "base/random.h"
#include "base/sort.h"
#include "learn/neighbour/nearest_index.h"
#include "numeric/statistics.h"

enum { REPLICATES = 1000, SAMPLE_STREAM = 0x73616d70 };

typedef struct trial {
    const merx_nearest *index;
    merx_task *task;
    size_t m, k, asked; /* queries, neighbours, and one more where the query is of the index */
    float *queries;     /* (m, width) */
    int64_t *own;       /* (m) ids left out; -1: none */
    mx_found *exact;    /* (m, asked), of which k count */
    mx_found *found;    /* (m, asked) */
    double *shares;     /* (m) */
} trial;

/* The m vectors whose random numbers, drawn by id, are least. */
static merx_status draw_queries(trial *t, merx_error *err)
{
    const merx_nearest *index = t->index;
    const merx_allocator *work = merx_task_allocator(t->task);
    size_t n = index->info.count, width = index->rows.width, at = 0;
    mx_keyed *keys = NULL, *spare = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array_raw(work, n, sizeof *keys, "sample", &keys, err));
    MX_TRY_GOTO(mx_alloc_array_raw(work, n, sizeof *spare, "sample", &spare, err));
    for (size_t i = 0; i < index->rows.n; i++)
        if (index->rows.ids[i] >= 0)
            keys[at++] = (mx_keyed){mx_random_key(merx_task_seed(t->task), SAMPLE_STREAM, (uint64_t)index->rows.ids[i]),
                                    (uint32_t)i};
    const mx_keyed *sorted = mx_sort_keyed(keys, spare, n);
    for (size_t i = 0; i < t->m; i++) {
        memcpy(t->queries + i * width, mx_vector_at(&index->rows, sorted[i].row), width * sizeof *t->queries);
        t->own[i] = index->rows.ids[sorted[i].row];
    }
out:
    mx_free_array(work, spare, n, sizeof *spare);
    mx_free_array(work, keys, n, sizeof *keys);
    return status;
}

static void trial_release(trial *t)
{
    const merx_allocator *work = merx_task_allocator(t->task);
    mx_free_array(work, t->queries, t->m, t->index->rows.width * sizeof(float));
    mx_free_array(work, t->own, t->m, sizeof *t->own);
    mx_free_array(work, t->exact, t->m * t->asked, sizeof *t->exact);
    mx_free_array(work, t->found, t->m * t->asked, sizeof *t->found);
    mx_free_array(work, t->shares, t->m, sizeof *t->shares);
}

static merx_status trial_begin(trial *t, const merx_nearest *index, const float *queries, size_t m, size_t k,
                               merx_task *task, merx_error *err)
{
    const merx_allocator *work = merx_task_allocator(task);
    size_t n = index->info.count, all;
    *t = (trial){.index = index, .task = task, .m = queries == NULL && m > n ? n : m, .k = k};
    t->asked = k + (queries == NULL);
    if (t->m == 0 || k == 0 || n == 0)
        MX_FAIL(err, MERX_E_RANGE, "queries", "recall of %zu neighbours, %zu queries and %zu vectors can't be measured",
                k, m, n);
    if (t->asked < k || !mx_mul_size(t->m, t->asked, &all))
        MX_FAIL(err, MERX_E_LIMIT, "k", "%zu neighbours of %zu queries are too many", k, m);
    if (queries != NULL)
        MX_TRY(mx_nearest_queries(index, queries, m, task, &t->queries, err));
    else
        MX_TRY(mx_alloc_array_raw(work, t->m, index->rows.width * sizeof(float), "queries", &t->queries, err));
    MX_TRY(mx_alloc_array_raw(work, t->m, sizeof *t->own, "queries", &t->own, err));
    memset(t->own, 0xff, t->m * sizeof *t->own);
    if (queries == NULL)
        MX_TRY(draw_queries(t, err));
    MX_TRY(mx_alloc_array_raw(work, all, sizeof *t->exact, "neighbours", &t->exact, err));
    MX_TRY(mx_alloc_array_raw(work, all, sizeof *t->found, "neighbours", &t->found, err));
    MX_TRY(mx_alloc_array_raw(work, t->m, sizeof *t->shares, "recall", &t->shares, err));
    return mx_nearest_find(index, t->queries, t->m, t->asked, true, 0, task, t->exact, err);
}

/* How many of `found` are as near as the k-th of `exact`, over how many there are: the query itself is left out of both. */
static double share_of(const trial *t, size_t i)
{
    const mx_found *exact = t->exact + i * t->asked, *found = t->found + i * t->asked;
    size_t there = 0, hits = 0;
    double limit = 0;
    for (size_t j = 0; j < t->asked && there < t->k && exact[j].id >= 0; j++)
        if (exact[j].id != t->own[i]) {
            limit = exact[j].far;
            there++;
        }
    for (size_t j = 0; j < t->asked && hits < there && found[j].id >= 0; j++)
        hits += found[j].id != t->own[i] && found[j].far <= limit;
    return there > 0 ? (double)hits / (double)there : 1;
}

static merx_status measure(trial *t, size_t ef, merx_recall *out, merx_error *err)
{
    mx_interval interval;
    bool exact = t->index->info.method == MERX_NEAREST_EXACT;
    MX_TRY(mx_nearest_find(t->index, t->queries, t->m, t->asked, exact, ef, t->task, t->found, err));
    for (size_t i = 0; i < t->m; i++)
        t->shares[i] = share_of(t, i);
    MX_TRY(mx_bootstrap_mean(t->shares, t->m, REPLICATES, merx_task_seed(t->task), t->task, &interval, err));
    *out = (merx_recall){interval.value, interval.low, interval.high, t->k, exact ? 0 : ef, t->m};
    return MERX_OK;
}

merx_status merx_nearest_measure(const merx_nearest *index, const float *queries, size_t m, size_t k, size_t ef,
                                 merx_task *task, merx_recall *out, merx_error *err)
{
    trial t;
    merx_status status = trial_begin(&t, index, queries, m, k, task, err);
    if (status == MERX_OK)
        status = measure(&t, ef == 0 ? index->info.ef : ef, out, err);
    trial_release(&t);
    return status;
}

merx_status merx_nearest_tune(merx_nearest *index, const float *queries, size_t m, size_t k, double recall,
                              merx_task *task, merx_recall *out, merx_error *err)
{
    trial t;
    merx_recall measured = {0};
    if (!(recall > 0 && recall <= 1))
        MX_FAIL(err, MERX_E_RANGE, "recall", "%g is out of range (expected above 0, at most 1)", recall);
    merx_status status = trial_begin(&t, index, queries, m, k, task, err);
    size_t most = index->info.count > k ? index->info.count : k, ef = k;
    most = most < MERX_NEAREST_MAX_SEARCH ? most : MERX_NEAREST_MAX_SEARCH;
    while (status == MERX_OK) {
        status = measure(&t, ef, &measured, err);
        if (status != MERX_OK || measured.value >= recall)
            break;
        if (ef >= most) {
            status = mx_error_set(err, MERX_E_NUMERIC, "recall",
                                  "is %.4f at ef %zu, the largest there is (expected %.4f): build with more links or a "
                                  "larger ef_construction",
                                  measured.value, ef, recall);
            break;
        }
        ef = ef + ef / 4 + 1 < most ? ef + ef / 4 + 1 : most;
    }
    if (status == MERX_OK) {
        index->info.ef = measured.ef;
        index->info.recall = measured;
        *out = measured;
    }
    trial_release(&t);
    return status;
}
