/*
 * Exact search: blocks of queries against segments of vectors, each with its own heap of k; then the heaps of a query are put together. How work is cut can't show
 * in the result: the k nearest are a set, fixed by (far, id).
 */
#include "learn/neighbour/exact_search.h"

#include <string.h>

#include "kernels/nearest.h" /* mx_nearest_kappa */

enum {
    PANELS = 12,                      /* of MX_SCREEN_LANES queries, a block */
    BLOCK = PANELS * MX_SCREEN_LANES, /* queries */
    CHUNK = 96,                       /* vectors screened before limits are taken anew */
    MANY_BLOCKS = 8,                  /* of queries: enough for all threads */
    SEGMENT = 8192                    /* vectors, when they are not */
};
#define SLACK 1e-35 /* what underflow can take off a product, and more */

typedef struct worker {
    float *panels; /* (PANELS, width, MX_SCREEN_LANES) */
    float limit[BLOCK], bias[CHUNK], far[CHUNK];
    double squares[BLOCK]; /* |q|^2 */
    size_t count[BLOCK];
    uint16_t masks[CHUNK];
} worker;

typedef struct search {
    const mx_vector_rows *rows;
    const mx_similarity_kernels *kernel;
    const float *queries;
    size_t m, k, blocks, segments, segment;
    float kappa;
    worker *workers;
    mx_found *heaps; /* (segments, m, k) */
    size_t *counts;  /* (segments, m) */
    mx_found *out;
} search;

static float rounded_up(double v)
{
    float f = (float)v;
    return (double)f < v ? nextafterf(f, INFINITY) : f;
}

/* What a screened number may be at most: panels. */
static float limit_of(const search *s, double squares, double far)
{
    if (s->rows->similarity == MERX_EUCLIDEAN)
        return rounded_up((far - squares) / 2 + (double)s->kappa * squares / 2 + SLACK);
    return rounded_up((squares > 0 ? far / sqrt(squares) : far) + SLACK);
}

static void take(const search *s, const float *q, size_t slot, mx_found *heap, size_t *count)
{
    if (s->rows->ids[slot] < 0)
        return;
    mx_found found = {mx_vector_far(s->kernel, s->rows, q, slot), s->rows->ids[slot], (uint32_t)slot};
    mx_nearest_push(heap, count, s->k, &found);
}

/* One query against vectors begin … end: compared one by one. */
static void search_one(const search *s, worker *w, const float *q, size_t begin, size_t end, mx_found *heap,
                       size_t *count)
{
    const mx_vector_rows *rows = s->rows;
    bool euclidean = rows->similarity == MERX_EUCLIDEAN;
    double length = sqrt(s->kernel->dot(q, q, rows->width));
    float slack = (float)((double)s->kappa * length);
    for (size_t i = begin, n; i < end; i += n) {
        n = end - i < CHUNK ? end - i : CHUNK;
        if (euclidean) {
            s->kernel->squared_distances(q, mx_vector_at(rows, i), rows->width, NULL, n, w->far);
        } else {
            s->kernel->minus_dots(q, mx_vector_at(rows, i), rows->width, NULL, n, w->far);
            for (size_t r = 0; r < n; r++)
                w->far[r] -= slack * rows->norms[i + r];
        }
        for (size_t r = 0; r < n; r++) {
            double top = heap[0].far;
            if (*count < s->k || w->far[r] <= (euclidean ? top * (1 + 2 * (double)s->kappa) : top) + SLACK)
                take(s, q, i + r, heap, count);
        }
    }
}

/* Queries of a block as panels: of unit length for inner products. */
static void pack(const search *s, worker *w, const float *queries, size_t m)
{
    size_t width = s->rows->width;
    memset(w->panels, 0, PANELS * MX_SCREEN_LANES * width * sizeof *w->panels);
    for (size_t i = 0; i < m; i++) {
        const float *q = queries + i * width;
        float *panel = w->panels + i / MX_SCREEN_LANES * width * MX_SCREEN_LANES + i % MX_SCREEN_LANES;
        w->squares[i] = s->kernel->dot(q, q, width);
        double scale = s->rows->similarity == MERX_EUCLIDEAN || !(w->squares[i] > 0) ? 1 : 1 / sqrt(w->squares[i]);
        for (size_t j = 0; j < width; j++)
            panel[j * MX_SCREEN_LANES] = (float)((double)q[j] * scale);
    }
}

static void take_masked(const search *s, worker *w, const float *queries, size_t first, size_t begin, size_t n,
                        mx_found *heaps)
{
    for (size_t r = 0; r < n; r++)
        for (unsigned mask = w->masks[r]; mask != 0; mask &= mask - 1) {
            size_t i = first + (size_t)__builtin_ctz(mask);
            take(s, queries + i * s->rows->width, begin + r, heaps + i * s->k, &w->count[i]);
            if (w->count[i] == s->k)
                w->limit[i] = limit_of(s, w->squares[i], heaps[i * s->k].far);
        }
}

/* m queries against vectors begin … end. */
static void search_block(const search *s, worker *w, const float *queries, size_t m, size_t begin, size_t end,
                         mx_found *heaps)
{
    const mx_vector_rows *rows = s->rows;
    bool euclidean = rows->similarity == MERX_EUCLIDEAN;
    pack(s, w, queries, m);
    for (size_t i = 0; i < BLOCK; i++)
        w->limit[i] = i < m ? INFINITY : -INFINITY;
    for (size_t i = begin, n; i < end; i += n) {
        n = end - i < CHUNK ? end - i : CHUNK;
        for (size_t r = 0; r < n; r++)
            w->bias[r] = euclidean ? rows->norms[i + r] * (1 - 2 * s->kappa) : -s->kappa * rows->norms[i + r];
        for (size_t first = 0; first < m; first += MX_SCREEN_LANES) {
            s->kernel->screen(mx_vector_at(rows, i), n, rows->width, w->bias, w->panels + first * rows->width,
                              w->limit + first, w->masks);
            take_masked(s, w, queries, first, i, n, heaps);
        }
    }
}

static merx_status run_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    const search *s = context;
    worker *w = &s->workers[mx_worker_index()];
    size_t segment = block / s->blocks, first = block % s->blocks * BLOCK;
    size_t m = s->m - first < BLOCK ? s->m - first : BLOCK;
    size_t begin = segment * s->segment, end = s->rows->n - begin < s->segment ? s->rows->n : begin + s->segment;
    const float *queries = s->queries + first * s->rows->width;
    mx_found *heaps = s->heaps + (segment * s->m + first) * s->k;
    memset(w->count, 0, sizeof w->count);
    if (m < MX_FEW_QUERIES)
        for (size_t i = 0; i < m; i++)
            search_one(s, w, queries + i * s->rows->width, begin, end, heaps + i * s->k, &w->count[i]);
    else
        search_block(s, w, queries, m, begin, end, heaps);
    memcpy(s->counts + segment * s->m + first, w->count, m * sizeof *w->count);
    return MERX_OK;
}

static merx_status merge_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    const search *s = context;
    size_t end = (block + 1) * BLOCK < s->m ? (block + 1) * BLOCK : s->m;
    for (size_t i = block * BLOCK; i < end; i++) {
        mx_found *out = s->out + i * s->k;
        size_t count = 0;
        for (size_t g = 0; g < s->segments; g++)
            for (size_t j = 0; j < s->counts[g * s->m + i]; j++)
                mx_nearest_push(out, &count, s->k, &s->heaps[(g * s->m + i) * s->k + j]);
        mx_nearest_sort(out, count);
        for (; count < s->k; count++)
            out[count] = (mx_found){NAN, -1, MX_NO_SLOT};
    }
    return MERX_OK;
}

merx_status mx_exact_search(const mx_vector_rows *rows, const float *queries, size_t m, size_t k, merx_task *task,
                            mx_found *out, merx_error *err)
{
    search s = {.rows = rows, .kernel = mx_similarity_kernel(), .queries = queries, .m = m, .k = k, .out = out};
    const merx_allocator *work = merx_task_allocator(task);
    size_t threads = (size_t)merx_task_threads(task), heaps = 0;
    merx_status status = MERX_OK;
    if (m == 0)
        return MERX_OK;
    s.kappa = mx_nearest_kappa(rows->width);
    s.blocks = (m + BLOCK - 1) / BLOCK;
    s.segment = s.blocks >= MANY_BLOCKS || rows->n == 0 ? rows->n : SEGMENT;
    s.segments = rows->n == 0 ? 0 : (rows->n + s.segment - 1) / s.segment;
    if (s.segments > 0 && !mx_mul_size(m * s.segments, k, &heaps))
        MX_FAIL(err, MERX_E_LIMIT, "", "%zu neighbours of %zu queries are too many", k, m);
    MX_TRY_GOTO(MX_NEW_ARRAY(work, threads, &s.workers, "exact search", err));
    for (size_t t = 0; t < threads; t++)
        MX_TRY_GOTO(mx_alloc_array(work, (size_t)BLOCK * sizeof(float), rows->width, "queries in panels",
                                   &s.workers[t].panels, err));
    MX_TRY_GOTO(mx_alloc_array(work, heaps, sizeof *s.heaps, "the nearest so far", &s.heaps, err));
    MX_TRY_GOTO(mx_alloc_array(work, m * s.segments, sizeof *s.counts, "the nearest so far", &s.counts, err));
    MX_TRY_GOTO(mx_parallel(task, s.blocks * s.segments, run_block, &s, err));
    MX_TRY_GOTO(mx_parallel(task, s.blocks, merge_block, &s, err));
out:
    mx_free_array(work, s.counts, m * s.segments, sizeof *s.counts);
    mx_free_array(work, s.heaps, heaps, sizeof *s.heaps);
    for (size_t t = 0; s.workers != NULL && t < threads; t++)
        mx_free_array(work, s.workers[t].panels, (size_t)BLOCK * sizeof(float), rows->width);
    mx_free_array(work, s.workers, threads, sizeof *s.workers);
    return status;
}
