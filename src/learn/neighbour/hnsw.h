/*
 * Hierarchical navigable small world graphs: Malkov & Yashunin 2018 (arXiv:1603.09320). Floor 4, private to src/learn/neighbour.
 *
 * Letters: M links, ef candidates. A vector's highest layer is floor(-ln U / ln M), U a random number keyed by (seed, id). On layer 0 it keeps up to 2 M links, on each
 * layer above up to M. A list is filled from the front; MX_NO_SLOT fills the rest.
 *
 * Invariants: 1. a link on layer l leads to another slot whose highest layer is >= l. 2. entry has the highest layer of all. 3. free slots have no links and nothing links to
 * them. 4. distances are float, of a fixed order of summation: the graph is the same on every machine and for any number of threads.
 *
 * The search keeps its candidates in one sorted array of ef (the paper's heaps C and W in one: what is farther than the ef-th would end the search anyway), as a key of
 * 64 bits each: the float made monotone, the slot, and whether its links were followed. So ties go to the lower slot.
 */
#ifndef MX_LEARN_NEIGHBOUR_HNSW_H
#define MX_LEARN_NEIGHBOUR_HNSW_H

#include <string.h>

#include "learn/neighbour/vector_rows.h"

enum { MX_TOP_LAYER = 30, MX_FREE_LEVEL = 255 };

typedef struct mx_graph {
    size_t links;      /* M */
    size_t n, lists;   /* slots, lists above layer 0 */
    uint32_t *low;     /* (n, 2 M): layer 0 */
    uint32_t *high;    /* (lists, M): layers 1 and up, those of a slot one after the other */
    uint32_t *high_at; /* (n): a slot's list of layer 1 */
    uint8_t *levels;   /* (n): highest layer; MX_FREE_LEVEL */
    uint32_t entry;    /* MX_NO_SLOT: empty */
    int top;           /* layer of entry; -1: empty */
} mx_graph;

static inline size_t mx_graph_width(const mx_graph *g, int layer)
{
    return layer == 0 ? 2 * g->links : g->links;
}

static inline uint32_t *mx_graph_links(const mx_graph *g, uint32_t slot, int layer)
{
    return layer == 0 ? g->low + (size_t)slot * 2 * g->links
                      : g->high + ((size_t)g->high_at[slot] + (size_t)layer - 1) * g->links;
}

static inline uint64_t mx_graph_key(float far, uint32_t slot)
{
    uint32_t bits;
    memcpy(&bits, &far, sizeof bits);
    bits = bits >> 31 ? ~bits : bits | UINT32_C(1) << 31;
    return (uint64_t)bits << 32 | (uint64_t)slot << 1;
}

static inline uint32_t mx_graph_slot(uint64_t key)
{
    return (uint32_t)key >> 1;
}

static inline float mx_graph_far(uint64_t key)
{
    uint32_t bits = (uint32_t)(key >> 32);
    float far;
    bits = bits >> 31 ? bits & ~(UINT32_C(1) << 31) : ~bits;
    memcpy(&far, &bits, sizeof far);
    return far;
}

/* Inserts into ascending keys, at most `most` of them; returns where, or `most` when it is not among them. */
static inline size_t mx_graph_insert_key(uint64_t *keys, size_t *count, size_t most, uint64_t key)
{
    if (*count == most && key > keys[most - 1])
        return most;
    size_t low = 0, high = *count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (keys[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    size_t moved = (*count < most ? *count : most - 1) - low;
    memmove(keys + low + 1, keys + low, moved * sizeof *keys);
    keys[low] = key;
    *count += *count < most;
    return low;
}

/* What one search at a time works with. */
typedef struct mx_walk {
    const merx_allocator *alloc;
    struct mx_walk *next; /* of a pool */
    size_t slots, most;
    uint8_t *visited; /* (slots): == tag: seen in this search */
    uint8_t tag;
    uint64_t *keys; /* (most + 1) candidates, ascending */
    size_t count;
    uint32_t listed[2 * MERX_NEAREST_MAX_LINKS];
    float far[2 * MERX_NEAREST_MAX_LINKS];
} mx_walk;
merx_status mx_walk_new(const merx_allocator *alloc, size_t slots, size_t most, mx_walk **out,
                        merx_error *err) MERX_MUST_CHECK;
void mx_walk_free(mx_walk *walk);

typedef void (*mx_listed_fn)(const float *q, const float *rows, size_t d, const uint32_t *index, size_t m, float *out);
mx_listed_fn mx_graph_measure(const mx_vector_rows *rows); /* the kernel that gives far in float */

/* From the entry down to the layer above `layer`, greedily; walk->keys then holds one candidate. Algorithm 5, lines 3-5. The graph is not empty. */
void mx_graph_descend(const mx_graph *g, const mx_vector_rows *rows, const float *q, int layer, mx_walk *walk);
/* From the candidates in walk->keys to the ef nearest on this layer. Algorithm 2. ef <= walk->most. */
void mx_graph_search_layer(const mx_graph *g, const mx_vector_rows *rows, const float *q, int layer, size_t ef,
                           mx_walk *walk);
/*
 * Of candidates (ascending keys, by distance from whom they are for) at most `most` that are nearer to it than to any chosen before: written to list (most), filled up.
 * Algorithm 4 without extension and without keeping the pruned. Returns how many.
 */
size_t mx_graph_select(const mx_vector_rows *rows, const uint64_t *candidates, size_t count, size_t most,
                       uint32_t *list);

/* The highest layer of an id. */
uint8_t mx_graph_level(uint64_t seed, int64_t id, size_t links);

typedef struct mx_graph_plan {
    const mx_vector_rows *rows;
    size_t ef_construction;
    merx_task *task;
    const merx_allocator *work; /* of the call */
} mx_graph_plan;

/*
 * Links new slots in: their vectors are there, their levels are set, their lists are given and filled with MX_NO_SLOT.
 *
 * linked   in: vectors in the graph before; written: how many of the new ones are in it; those are the first of slots
 * Errors: MERX_E_MEMORY before anything is changed; MERX_E_CANCELLED between two batches.
 */
merx_status mx_graph_add(mx_graph *g, const mx_graph_plan *plan, const uint32_t *slots, size_t n, size_t *linked,
                         merx_error *err) MERX_MUST_CHECK;
/* Takes slots (gone[slot] not 0) out of the lists of all others, which are linked anew, and empties theirs. Errors: MERX_E_MEMORY before anything is changed. */
merx_status mx_graph_remove(mx_graph *g, const mx_graph_plan *plan, const uint8_t *gone,
                            merx_error *err) MERX_MUST_CHECK;
/*
 * Links to every vector that no path from the entry reaches on layer 0 (many equal vectors can close among themselves). Room for it is taken beforehand, of so many slots, so that it
 * can't fail.
 */
typedef struct mx_reach mx_reach;
merx_status mx_reach_new(const mx_graph_plan *plan, size_t slots, mx_reach **out, merx_error *err) MERX_MUST_CHECK;
void mx_reach_free(mx_reach *room);
void mx_graph_reach(mx_graph *g, const mx_graph_plan *plan, mx_reach *room);
/* The invariants, of a graph from outside: lists have the lengths that levels ask for. name: of the file. */
merx_status mx_graph_check(const mx_graph *g, const int64_t *ids, const char *name, merx_error *err) MERX_MUST_CHECK;

#endif
