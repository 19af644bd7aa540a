/*
 * Building the graph in batches, the same for any number of threads: algorithm 1 in two steps.
 *
 * 1. Every vector of a batch looks for its candidates: in the graph of before the batch, and among the batch itself, compared one with all, so that vectors that come together
 *    (the colours of one shirt) find each other. It chooses its links (algorithm 4) and writes its own lists, which nobody reads yet.
 * 2. Links back: (whom, layer) <- who, sorted; each list is one piece of work: it takes its new links, and where they are too many chooses among all.
 * A batch is a quarter of what is linked, at most 1,024.
 */
#include <string.h>

#include "base/sort.h"
#include "learn/neighbour/hnsw.h"

enum { LEAST_BATCH = 64, MOST_BATCH = 1024, AT_ONCE = 8, LISTS_AT_ONCE = 64 };

typedef struct worker {
    mx_walk *walk;
    uint64_t *keys; /* (most): candidates to choose from */
    float *far;     /* (MOST_BATCH + 2 M) */
    uint32_t *slots;
} worker;

typedef struct insertion {
    mx_graph *g;
    const mx_graph_plan *plan;
    mx_listed_fn measure;
    size_t most, room; /* of worker's keys and of its far */
    worker *workers;
    const uint32_t *slots; /* of the batch */
    size_t batch;
    mx_keyed *edges, *spare, *sorted;
    size_t *groups; /* where lists begin among the edges */
    size_t n_edges, n_groups, max_edges;
} insertion;

static size_t batch_of(size_t linked, size_t left)
{
    size_t batch = linked / 4;
    batch = batch < LEAST_BATCH ? LEAST_BATCH : batch > MOST_BATCH ? MOST_BATCH : batch;
    return batch < left ? batch : left;
}

/* ---- candidates ---- */

static void choose_layer(const insertion *s, worker *w, uint32_t slot, int layer, bool walked)
{
    size_t count = 0, ef = s->plan->ef_construction;
    if (walked) {
        count = w->walk->count;
        for (size_t i = 0; i < count; i++)
            w->keys[i] = w->walk->keys[i] & ~(uint64_t)1;
    }
    for (size_t j = 0; j < s->batch; j++)
        if (s->slots[j] != slot && s->g->levels[s->slots[j]] >= layer)
            (void)mx_graph_insert_key(w->keys, &count, ef, mx_graph_key(w->far[j], s->slots[j]));
    uint32_t *list = mx_graph_links(s->g, slot, layer);
    size_t chosen = mx_graph_select(s->plan->rows, w->keys, count, s->g->links, list);
    for (size_t i = chosen; i < mx_graph_width(s->g, layer); i++)
        list[i] = MX_NO_SLOT;
}

static merx_status find_candidates(void *context, size_t block, merx_error *err)
{
    (void)err;
    const insertion *s = context;
    const mx_vector_rows *rows = s->plan->rows;
    worker *w = &s->workers[mx_worker_index()];
    size_t end = (block + 1) * AT_ONCE < s->batch ? (block + 1) * AT_ONCE : s->batch;
    for (size_t i = block * AT_ONCE; i < end; i++) {
        uint32_t slot = s->slots[i];
        const float *q = mx_vector_at(rows, slot);
        int level = s->g->levels[slot], top = s->g->top;
        s->measure(q, rows->x, rows->width, s->slots, s->batch, w->far);
        for (int l = level; l > top; l--)
            choose_layer(s, w, slot, l, false);
        if (top < 0)
            continue;
        mx_graph_descend(s->g, rows, q, level < top ? level : top, w->walk);
        for (int l = level < top ? level : top; l >= 0; l--) {
            mx_graph_search_layer(s->g, rows, q, l, s->plan->ef_construction, w->walk);
            choose_layer(s, w, slot, l, true);
        }
    }
    return MERX_OK;
}

/* ---- links back ---- */

static void list_edges(insertion *s)
{
    s->n_edges = s->n_groups = 0;
    for (size_t i = 0; i < s->batch; i++)
        for (int l = 0; l <= s->g->levels[s->slots[i]]; l++) {
            const uint32_t *list = mx_graph_links(s->g, s->slots[i], l);
            for (size_t k = 0; k < s->g->links && list[k] != MX_NO_SLOT; k++)
                s->edges[s->n_edges++] = (mx_keyed){(uint64_t)list[k] << 8 | (uint64_t)l, s->slots[i]};
        }
    s->sorted = mx_sort_keyed(s->edges, s->spare, s->n_edges);
    for (size_t i = 0; i < s->n_edges; i++)
        if (i == 0 || s->sorted[i].key != s->sorted[i - 1].key)
            s->groups[s->n_groups++] = i;
    s->groups[s->n_groups] = s->n_edges;
}

static bool listed(const uint32_t *list, size_t n, uint32_t slot)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == slot)
            return true;
    return false;
}

static void link_back(const insertion *s, worker *w, const mx_keyed *edges, size_t n)
{
    uint32_t slot = (uint32_t)(edges[0].key >> 8);
    int layer = (int)(edges[0].key & 255);
    uint32_t *list = mx_graph_links(s->g, slot, layer);
    size_t width = mx_graph_width(s->g, layer), count = 0, all;
    while (count < width && list[count] != MX_NO_SLOT)
        count++;
    memcpy(w->slots, list, count * sizeof *list);
    all = count;
    for (size_t i = 0; i < n; i++)
        if (!listed(list, count, edges[i].row))
            w->slots[all++] = edges[i].row;
    if (all <= width) {
        memcpy(list + count, w->slots + count, (all - count) * sizeof *list);
        return;
    }
    const mx_vector_rows *rows = s->plan->rows;
    s->measure(mx_vector_at(rows, slot), rows->x, rows->width, w->slots, all, w->far);
    size_t kept = 0;
    for (size_t i = 0; i < all; i++)
        (void)mx_graph_insert_key(w->keys, &kept, s->most, mx_graph_key(w->far[i], w->slots[i]));
    (void)mx_graph_select(rows, w->keys, kept, width, list);
}

static merx_status link_lists(void *context, size_t block, merx_error *err)
{
    (void)err;
    const insertion *s = context;
    worker *w = &s->workers[mx_worker_index()];
    size_t end = (block + 1) * LISTS_AT_ONCE < s->n_groups ? (block + 1) * LISTS_AT_ONCE : s->n_groups;
    for (size_t i = block * LISTS_AT_ONCE; i < end; i++)
        link_back(s, w, s->sorted + s->groups[i], s->groups[i + 1] - s->groups[i]);
    return MERX_OK;
}

/* ---- all of it ---- */

static merx_status make_room(insertion *s, const uint32_t *slots, size_t n, size_t linked, merx_error *err)
{
    const merx_allocator *work = s->plan->work;
    size_t threads = (size_t)merx_task_threads(s->plan->task), batch;
    for (size_t done = 0; done < n; done += batch) {
        size_t edges = 0;
        batch = batch_of(linked + done, n - done);
        for (size_t i = 0; i < batch; i++)
            edges += ((size_t)s->g->levels[slots[done + i]] + 1) * s->g->links;
        s->max_edges = edges > s->max_edges ? edges : s->max_edges;
    }
    s->room = MOST_BATCH + 2 * s->g->links;
    s->most = s->plan->ef_construction > s->room ? s->plan->ef_construction : s->room;
    MX_TRY(mx_alloc_array_raw(work, s->max_edges, sizeof *s->edges, "links back", &s->edges, err));
    MX_TRY(mx_alloc_array_raw(work, s->max_edges, sizeof *s->spare, "links back", &s->spare, err));
    MX_TRY(mx_alloc_array_raw(work, s->max_edges + 1, sizeof *s->groups, "links back", &s->groups, err));
    MX_TRY(mx_alloc_array(work, threads, sizeof *s->workers, "workers", &s->workers, err));
    for (size_t t = 0; t < threads; t++) {
        worker *w = &s->workers[t];
        MX_TRY(mx_walk_new(work, s->g->n, s->plan->ef_construction, &w->walk, err));
        MX_TRY(mx_alloc_array_raw(work, s->most + 1, sizeof *w->keys, "candidates", &w->keys, err));
        MX_TRY(mx_alloc_array_raw(work, s->room, sizeof *w->far, "candidates", &w->far, err));
        MX_TRY(mx_alloc_array_raw(work, s->room, sizeof *w->slots, "candidates", &w->slots, err));
    }
    return MERX_OK;
}

static void free_room(insertion *s)
{
    const merx_allocator *work = s->plan->work;
    size_t threads = (size_t)merx_task_threads(s->plan->task);
    for (size_t t = 0; s->workers != NULL && t < threads; t++) {
        worker *w = &s->workers[t];
        mx_walk_free(w->walk);
        mx_free_array(work, w->keys, s->most + 1, sizeof *w->keys);
        mx_free_array(work, w->far, s->room, sizeof *w->far);
        mx_free_array(work, w->slots, s->room, sizeof *w->slots);
    }
    mx_free_array(work, s->workers, threads, sizeof *s->workers);
    mx_free_array(work, s->groups, s->max_edges + 1, sizeof *s->groups);
    mx_free_array(work, s->spare, s->max_edges, sizeof *s->spare);
    mx_free_array(work, s->edges, s->max_edges, sizeof *s->edges);
}

/*
 * All lists or none: a graph half linked would not be whole. A cancel that comes meanwhile is heard before the next batch; lists that were done then take no harm from
 * being done again.
 */
static merx_status link_batch(insertion *s, merx_error *err)
{
    size_t blocks = (s->n_groups + LISTS_AT_ONCE - 1) / LISTS_AT_ONCE;
    merx_error unheard = {0};
    if (mx_parallel(s->plan->task, blocks, link_lists, s, &unheard) == MERX_OK)
        return MERX_OK;
    return mx_parallel(NULL, blocks, link_lists, s, err);
}

merx_status mx_graph_add(mx_graph *g, const mx_graph_plan *plan, const uint32_t *slots, size_t n, size_t *linked,
                         merx_error *err)
{
    insertion s = {.g = g, .plan = plan, .measure = mx_graph_measure(plan->rows)};
    size_t before = *linked, done = 0;
    merx_status status = MERX_OK;
    *linked = 0;
    if (n == 0)
        return MERX_OK;
    mx_task_stage(plan->task, "linking vectors", n, "vectors");
    MX_TRY_GOTO(make_room(&s, slots, n, before, err));
    for (; done < n; done += s.batch) {
        MX_TRY_GOTO(mx_task_step(plan->task, done, err));
        s.slots = slots + done;
        s.batch = batch_of(before + done, n - done);
        MX_TRY_GOTO(mx_parallel(plan->task, (s.batch + AT_ONCE - 1) / AT_ONCE, find_candidates, &s, err));
        list_edges(&s);
        MX_TRY_GOTO(link_batch(&s, err));
        for (size_t i = 0; i < s.batch; i++)
            if (g->levels[s.slots[i]] > g->top) {
                g->top = g->levels[s.slots[i]];
                g->entry = s.slots[i];
            }
        *linked = done + s.batch;
    }
out:
    mx_task_done(plan->task);
    free_room(&s);
    return status;
}
