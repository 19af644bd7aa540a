/*
 * Searching an index. A walk through the graph gives ef candidates by distances in float; all of them are measured again in double, as exact search does, so that scores and
 * the order of what was found are those of exact search.
 */
#include "learn/neighbour/exact_search.h"
#include "learn/neighbour/nearest_index.h"

enum { QUERIES_AT_ONCE = 8 };

/* ---- walks ---- */

static merx_status borrow_walk(const merx_nearest *index, size_t most, mx_walk **out, merx_error *err)
{
    mx_walk_pool *pool = index->walks;
    (void)pthread_mutex_lock(&pool->lock);
    mx_walk *walk = pool->first;
    if (walk != NULL)
        pool->first = walk->next;
    (void)pthread_mutex_unlock(&pool->lock);
    if (walk != NULL && walk->most < most) {
        mx_walk_free(walk);
        walk = NULL;
    }
    *out = walk;
    return walk != NULL ? MERX_OK : mx_walk_new(index->alloc, index->rows.n, most, out, err);
}

static void give_back(const merx_nearest *index, mx_walk *walk)
{
    mx_walk_pool *pool = index->walks;
    (void)pthread_mutex_lock(&pool->lock);
    walk->next = pool->first;
    pool->first = walk;
    (void)pthread_mutex_unlock(&pool->lock);
}

/* ---- by the graph ---- */

typedef struct search {
    const merx_nearest *index;
    const mx_similarity_kernels *kernel;
    const float *queries; /* (m, width) */
    size_t m, k, ef;
    mx_found *out;
} search;

static merx_status search_queries(void *context, size_t block, merx_error *err)
{
    const search *s = context;
    const mx_vector_rows *rows = &s->index->rows;
    mx_walk *walk;
    MX_TRY(borrow_walk(s->index, s->ef, &walk, err));
    size_t end = (block + 1) * QUERIES_AT_ONCE < s->m ? (block + 1) * QUERIES_AT_ONCE : s->m;
    merx_status status = MERX_OK;
    for (size_t i = block * QUERIES_AT_ONCE; i < end && status == MERX_OK; i++) {
        const float *q = s->queries + i * rows->width;
        mx_found *out = s->out + i * s->k;
        size_t count = 0;
        mx_graph_descend(&s->index->graph, rows, q, 0, walk);
        mx_graph_search_layer(&s->index->graph, rows, q, 0, s->ef, walk);
        for (size_t c = 0; c < walk->count; c++) {
            uint32_t slot = mx_graph_slot(walk->keys[c]);
            mx_found found = {mx_vector_far(s->kernel, rows, q, slot), rows->ids[slot], slot};
            mx_nearest_push(out, &count, s->k, &found);
        }
        mx_nearest_sort(out, count);
        /* Fewer than there are: the graph does not lead everywhere from where the walk began. */
        if (count < s->k)
            status = mx_exact_search(rows, q, 1, s->k, NULL, out, err);
    }
    give_back(s->index, walk);
    return status;
}

merx_status mx_nearest_find(const merx_nearest *index, const float *queries, size_t m, size_t k, bool exact, size_t ef,
                            merx_task *task, mx_found *out, merx_error *err)
{
    if (k == 0)
        MX_FAIL(err, MERX_E_RANGE, "k", "is 0 (expected at least 1)");
    if (exact || index->info.count == 0)
        return mx_exact_search(&index->rows, queries, m, k, task, out, err);
    ef = ef == 0 ? index->info.ef : ef;
    ef = ef < k ? k : ef;
    if (ef > MERX_NEAREST_MAX_SEARCH)
        MX_FAIL(err, MERX_E_RANGE, "k", "%zu is out of range (expected at most %d in a graph)", ef,
                MERX_NEAREST_MAX_SEARCH);
    search s = {
        .index = index, .kernel = mx_similarity_kernel(), .queries = queries, .m = m, .k = k, .ef = ef, .out = out};
    return mx_parallel(task, (m + QUERIES_AT_ONCE - 1) / QUERIES_AT_ONCE, search_queries, &s, err);
}

/* ---- the calls ---- */

merx_status mx_nearest_queries(const merx_nearest *index, const float *queries, size_t m, merx_task *task, float **out,
                               merx_error *err)
{
    const merx_allocator *work = merx_task_allocator(task);
    size_t d = index->rows.d, width = index->rows.width;
    MX_TRY(mx_alloc_array_raw(work, m, width * sizeof(float), "queries", out, err));
    for (size_t i = 0; i < m; i++) {
        merx_status status =
            mx_vector_prepare(index->rows.similarity, queries + i * d, d, i, "queries", *out + i * width, NULL, err);
        if (status != MERX_OK) {
            mx_free_array(work, *out, m, width * sizeof(float));
            *out = NULL;
            return status;
        }
    }
    return MERX_OK;
}

/* Prepared queries; own (m) or NULL: ids left out, found (m, k) of k + 1 asked for. */
static merx_status search_any(const merx_nearest *index, const float *queries, const int64_t *own, size_t m, size_t k,
                              bool exact, size_t ef, merx_task *task, merx_neighbour *out, merx_error *err)
{
    const merx_allocator *work = merx_task_allocator(task);
    size_t asked = k + (own != NULL), all;
    mx_found *found;
    if (!mx_mul_size(m, asked, &all) || asked < k)
        MX_FAIL(err, MERX_E_LIMIT, "k", "%zu neighbours of %zu queries are too many", k, m);
    MX_TRY(mx_alloc_array_raw(work, all, sizeof *found, "neighbours", &found, err));
    merx_status status = k == 0 ? mx_nearest_find(index, queries, 0, 0, exact, ef, task, found, err)
                                : mx_nearest_find(index, queries, m, asked, exact, ef, task, found, err);
    for (size_t i = 0; i < m && status == MERX_OK; i++)
        for (size_t j = 0, kept = 0; kept < k; j++) {
            const mx_found *f = &found[i * asked + j];
            if (own != NULL && f->id == own[i] && f->id >= 0)
                continue;
            double score = f->id < 0 ? NAN : mx_vector_score(index->info.similarity, f->far);
            out[i * k + kept++] = (merx_neighbour){f->id, score};
        }
    mx_free_array(work, found, all, sizeof *found);
    return status;
}

static merx_status search_raw(const merx_nearest *index, const float *queries, size_t m, size_t k, bool exact,
                              size_t ef, merx_task *task, merx_neighbour *out, merx_error *err)
{
    float *prepared;
    MX_TRY(mx_nearest_queries(index, queries, m, task, &prepared, err));
    merx_status status = search_any(index, prepared, NULL, m, k, exact, ef, task, out, err);
    mx_free_array(merx_task_allocator(task), prepared, m, index->rows.width * sizeof(float));
    return status;
}

merx_status merx_nearest_search(const merx_nearest *index, const float *queries, size_t m, size_t k, merx_task *task,
                                merx_neighbour *out, merx_error *err)
{
    return search_raw(index, queries, m, k, index->info.method == MERX_NEAREST_EXACT, 0, task, out, err);
}

merx_status merx_nearest_search_exact(const merx_nearest *index, const float *queries, size_t m, size_t k,
                                      merx_task *task, merx_neighbour *out, merx_error *err)
{
    return search_raw(index, queries, m, k, true, 0, task, out, err);
}

merx_status merx_nearest_search_graph(const merx_nearest *index, const float *queries, size_t m, size_t k, size_t ef,
                                      merx_task *task, merx_neighbour *out, merx_error *err)
{
    if (index->info.method != MERX_NEAREST_HNSW)
        MX_FAIL(err, MERX_E_UNSUPPORTED, "", "this index has no graph (method %s)",
                merx_nearest_method_name(index->info.method));
    return search_raw(index, queries, m, k, false, ef, task, out, err);
}

merx_status merx_nearest_search_ids(const merx_nearest *index, const int64_t *ids, size_t m, size_t k, merx_task *task,
                                    merx_neighbour *out, merx_error *err)
{
    const merx_allocator *work = merx_task_allocator(task);
    size_t width = index->rows.width;
    float *queries;
    MX_TRY(mx_alloc_array_raw(work, m, width * sizeof(float), "queries", &queries, err));
    merx_status status = MERX_OK;
    for (size_t i = 0; i < m && status == MERX_OK; i++) {
        uint32_t slot = mx_nearest_slot(index, ids[i]);
        if (slot == MX_NO_SLOT)
            status = mx_error_set(err, MERX_E_NOT_FOUND, "ids", "%lld is not in the index", (long long)ids[i]);
        else
            memcpy(queries + i * width, mx_vector_at(&index->rows, slot), width * sizeof *queries);
    }
    if (status == MERX_OK)
        status = search_any(index, queries, ids, m, k, index->info.method == MERX_NEAREST_EXACT, 0, task, out, err);
    mx_free_array(work, queries, m, width * sizeof(float));
    return status;
}
