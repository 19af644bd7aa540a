/*
 * Walking the graph: algorithms 2, 4 and 5.
 *
 * A vector whose links are followed is some hundred nanoseconds of memory latency away; so all of its neighbours that were not seen are listed and asked for first, then
 * measured together, and the links of the next candidate are asked for meanwhile.
 */
#include <string.h>

#include "base/prefetch.h"
#include "base/random.h"
#include "learn/neighbour/hnsw.h"

enum { MOST_BYTES = 512, CHOSEN_AT_ONCE = 4, FOLLOWED = 1 };

merx_status mx_walk_new(const merx_allocator *alloc, size_t slots, size_t most, mx_walk **out, merx_error *err)
{
    mx_walk *walk;
    *out = NULL;
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *walk, "search", &walk, err));
    *walk = (mx_walk){.alloc = alloc, .slots = slots, .most = most};
    merx_status status;
    MX_TRY_GOTO(mx_alloc_array(alloc, slots, sizeof *walk->visited, "search", &walk->visited, err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, most + 1, sizeof *walk->keys, "search", &walk->keys, err));
    *out = walk;
    walk = NULL;
out:
    mx_walk_free(walk);
    return status;
}

void mx_walk_free(mx_walk *walk)
{
    if (walk == NULL)
        return;
    mx_free_array(walk->alloc, walk->keys, walk->most + 1, sizeof *walk->keys);
    mx_free_array(walk->alloc, walk->visited, walk->slots, sizeof *walk->visited);
    mx_free_array(walk->alloc, walk, 1, sizeof *walk);
}

mx_listed_fn mx_graph_measure(const mx_vector_rows *rows)
{
    const mx_similarity_kernels *kernel = mx_similarity_kernel();
    return rows->similarity == MERX_EUCLIDEAN ? kernel->squared_distances : kernel->minus_dots;
}

static void ask_for_vector(const mx_vector_rows *rows, uint32_t slot)
{
    size_t bytes = rows->width * sizeof(float);
    mx_prefetch(mx_vector_at(rows, slot), bytes < MOST_BYTES ? bytes : MOST_BYTES);
}

static void ask_for_links(const mx_graph *g, uint32_t slot)
{
    mx_prefetch(g->low + (size_t)slot * 2 * g->links, 2 * g->links * sizeof(uint32_t));
}

void mx_graph_descend(const mx_graph *g, const mx_vector_rows *rows, const float *q, int layer, mx_walk *walk)
{
    mx_listed_fn measure = mx_graph_measure(rows);
    uint32_t at = g->entry;
    measure(q, rows->x, rows->width, &at, 1, walk->far);
    uint64_t best = mx_graph_key(walk->far[0], at);
    for (int l = g->top; l > layer; l--)
        for (bool nearer = true; nearer;) {
            const uint32_t *list = mx_graph_links(g, mx_graph_slot(best), l);
            size_t n = 0;
            for (; n < mx_graph_width(g, l) && list[n] != MX_NO_SLOT; n++)
                ask_for_vector(rows, list[n]);
            measure(q, rows->x, rows->width, list, n, walk->far);
            nearer = false;
            for (size_t i = 0; i < n; i++) {
                uint64_t key = mx_graph_key(walk->far[i], list[i]);
                if (key < best) {
                    best = key;
                    nearer = true;
                }
            }
        }
    walk->keys[0] = best;
    walk->count = 1;
}

/* Neighbours of a slot that this search has not seen, asked for and listed. */
static size_t list_unseen(const mx_graph *g, const mx_vector_rows *rows, uint32_t slot, int layer, mx_walk *walk)
{
    const uint32_t *list = mx_graph_links(g, slot, layer);
    size_t width = mx_graph_width(g, layer), n = 0;
    for (size_t i = 0; i < width && list[i] != MX_NO_SLOT; i++) {
        walk->listed[n] = list[i];
        if (walk->visited[list[i]] != walk->tag) {
            walk->visited[list[i]] = walk->tag;
            ask_for_vector(rows, list[i]);
            n++;
        }
    }
    return n;
}

void mx_graph_search_layer(const mx_graph *g, const mx_vector_rows *rows, const float *q, int layer, size_t ef,
                           mx_walk *walk)
{
    mx_listed_fn measure = mx_graph_measure(rows);
    uint64_t *keys = walk->keys;
    if (++walk->tag == 0) {
        memset(walk->visited, 0, walk->slots);
        walk->tag = 1;
    }
    walk->count = walk->count < ef ? walk->count : ef;
    for (size_t i = 0; i < walk->count; i++) {
        keys[i] &= ~(uint64_t)FOLLOWED;
        walk->visited[mx_graph_slot(keys[i])] = walk->tag;
    }
    for (size_t at = 0; at < walk->count;) {
        if (keys[at] & FOLLOWED) {
            at++;
            continue;
        }
        uint32_t slot = mx_graph_slot(keys[at]);
        keys[at] |= FOLLOWED;
        size_t n = list_unseen(g, rows, slot, layer, walk);
        if (layer == 0 && at + 1 < walk->count)
            ask_for_links(g, mx_graph_slot(keys[at + 1]));
        measure(q, rows->x, rows->width, walk->listed, n, walk->far);
        at++;
        for (size_t i = 0; i < n; i++) {
            size_t where = mx_graph_insert_key(keys, &walk->count, ef, mx_graph_key(walk->far[i], walk->listed[i]));
            at = where < at ? where : at;
        }
    }
}

size_t mx_graph_select(const mx_vector_rows *rows, const uint64_t *candidates, size_t count, size_t most,
                       uint32_t *list)
{
    mx_listed_fn measure = mx_graph_measure(rows);
    size_t chosen = 0;
    for (size_t i = 0; i < count && chosen < most; i++) {
        uint32_t slot = mx_graph_slot(candidates[i]);
        float far = mx_graph_far(candidates[i]), from_chosen[CHOSEN_AT_ONCE];
        bool nearer = false;
        for (size_t c = 0; c < chosen && !nearer; c += CHOSEN_AT_ONCE) {
            size_t n = chosen - c < CHOSEN_AT_ONCE ? chosen - c : CHOSEN_AT_ONCE;
            measure(mx_vector_at(rows, slot), rows->x, rows->width, list + c, n, from_chosen);
            for (size_t k = 0; k < n; k++)
                nearer = nearer || from_chosen[k] < far;
        }
        if (!nearer)
            list[chosen++] = slot;
    }
    for (size_t i = chosen; i < most; i++)
        list[i] = MX_NO_SLOT;
    return chosen;
}

uint8_t mx_graph_level(uint64_t seed, int64_t id, size_t links)
{
    mx_random random;
    mx_random_init(&random, seed, mx_random_key(0x686e7377, (uint64_t)id, 0));
    double level = mx_random_exponential(&random) / log((double)links);
    return level < MX_TOP_LAYER ? (uint8_t)level : MX_TOP_LAYER;
}
