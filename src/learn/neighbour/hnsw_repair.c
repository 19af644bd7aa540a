/*
 * Removing from the graph, reaching what it has lost sight of, and checking one from outside.
 *
 * Removing (Singh et al. 2021, "FreshDiskANN", algorithm 4): whoever had a link to one that goes chooses anew among what it keeps and the neighbours of those that go.
 */
#include <string.h>

#include "learn/neighbour/hnsw.h"

enum { SLOTS_AT_ONCE = 256, MOST_ROUNDS = 8 };

/* ---- removing ---- */

typedef struct removal {
    mx_graph *g;
    const mx_graph_plan *plan;
    const uint8_t *gone;
    mx_listed_fn measure;
    size_t room; /* candidates of one list: 2 M + (2 M)^2 at most */
    struct {
        uint32_t *slots;
        float *far;
        uint64_t *keys;
    } * workers;
} removal;

/* Writes what may replace the links of a list; false when none of them goes. */
static bool list_candidates(const removal *s, uint32_t slot, int layer, uint32_t *out, size_t *count)
{
    const uint32_t *list = mx_graph_links(s->g, slot, layer);
    size_t width = mx_graph_width(s->g, layer), n = 0;
    bool any = false;
    for (size_t i = 0; i < width && list[i] != MX_NO_SLOT; i++) {
        if (!s->gone[list[i]]) {
            out[n++] = list[i];
            continue;
        }
        any = true;
        const uint32_t *further = mx_graph_links(s->g, list[i], layer);
        for (size_t k = 0; k < width && further[k] != MX_NO_SLOT; k++)
            if (!s->gone[further[k]] && further[k] != slot)
                out[n++] = further[k];
    }
    *count = n;
    return any;
}

static merx_status relink(void *context, size_t block, merx_error *err)
{
    (void)err;
    const removal *s = context;
    const mx_vector_rows *rows = s->plan->rows;
    size_t w = (size_t)mx_worker_index();
    uint32_t *slots = s->workers[w].slots;
    size_t end = (block + 1) * SLOTS_AT_ONCE < s->g->n ? (block + 1) * SLOTS_AT_ONCE : s->g->n;
    for (size_t i = block * SLOTS_AT_ONCE; i < end; i++) {
        if (s->g->levels[i] == MX_FREE_LEVEL || s->gone[i])
            continue;
        for (int l = 0; l <= s->g->levels[i]; l++) {
            size_t n, kept = 0;
            if (!list_candidates(s, (uint32_t)i, l, slots, &n))
                continue;
            s->measure(mx_vector_at(rows, i), rows->x, rows->width, slots, n, s->workers[w].far);
            for (size_t k = 0; k < n; k++) {
                uint64_t key = mx_graph_key(s->workers[w].far[k], slots[k]);
                size_t at = mx_graph_insert_key(s->workers[w].keys, &kept, s->room, key);
                if (at + 1 < kept && s->workers[w].keys[at + 1] == key) { /* twice in the list */
                    memmove(s->workers[w].keys + at, s->workers[w].keys + at + 1, (kept - at - 1) * sizeof key);
                    kept--;
                }
            }
            size_t width = mx_graph_width(s->g, l);
            (void)mx_graph_select(rows, s->workers[w].keys, kept, width, mx_graph_links(s->g, (uint32_t)i, l));
        }
    }
    return MERX_OK;
}

static void forget(mx_graph *g, const uint8_t *gone)
{
    g->entry = MX_NO_SLOT;
    g->top = -1;
    for (size_t i = 0; i < g->n; i++) {
        if (g->levels[i] == MX_FREE_LEVEL)
            continue;
        if (gone[i]) {
            for (int l = 0; l <= g->levels[i]; l++)
                memset(mx_graph_links(g, (uint32_t)i, l), 0xff, mx_graph_width(g, l) * sizeof(uint32_t));
            g->levels[i] = MX_FREE_LEVEL;
        } else if (g->levels[i] > g->top) {
            g->top = g->levels[i];
            g->entry = (uint32_t)i;
        }
    }
}

merx_status mx_graph_remove(mx_graph *g, const mx_graph_plan *plan, const uint8_t *gone, merx_error *err)
{
    removal s = {.g = g, .plan = plan, .gone = gone, .measure = mx_graph_measure(plan->rows)};
    size_t threads = (size_t)merx_task_threads(plan->task);
    const merx_allocator *work = plan->work;
    merx_status status;
    s.room = 2 * g->links * (2 * g->links + 1);
    MX_TRY_GOTO(mx_alloc_array(work, threads, sizeof *s.workers, "relinking", &s.workers, err));
    for (size_t t = 0; t < threads; t++) {
        MX_TRY_GOTO(mx_alloc_array_raw(work, s.room, sizeof(uint32_t), "relinking", &s.workers[t].slots, err));
        MX_TRY_GOTO(mx_alloc_array_raw(work, s.room, sizeof(float), "relinking", &s.workers[t].far, err));
        MX_TRY_GOTO(mx_alloc_array_raw(work, s.room + 1, sizeof(uint64_t), "relinking", &s.workers[t].keys, err));
    }
    size_t blocks = (g->n + SLOTS_AT_ONCE - 1) / SLOTS_AT_ONCE;
    merx_error unheard = {0};
    /* All or nothing, as in building: what was done before a cancel is done again without harm. */
    if (mx_parallel(plan->task, blocks, relink, &s, &unheard) != MERX_OK)
        MX_TRY_GOTO(mx_parallel(NULL, blocks, relink, &s, err));
    forget(g, gone);
out:
    for (size_t t = 0; s.workers != NULL && t < threads; t++) {
        mx_free_array(work, s.workers[t].slots, s.room, sizeof(uint32_t));
        mx_free_array(work, s.workers[t].far, s.room, sizeof(float));
        mx_free_array(work, s.workers[t].keys, s.room + 1, sizeof(uint64_t));
    }
    mx_free_array(work, s.workers, threads, sizeof *s.workers);
    return status;
}

/* ---- reaching ---- */

struct mx_reach {
    const merx_allocator *alloc;
    size_t slots;
    mx_walk *walk;
    uint8_t *reached;
    uint32_t *queue;
};

typedef struct reach {
    mx_graph *g;
    const mx_graph_plan *plan;
    mx_walk *walk;
    uint8_t *reached;
    uint32_t *queue;
} reach;

static size_t spread(const reach *s, uint32_t from)
{
    size_t begin = 0, end = 0;
    s->reached[from] = 1;
    s->queue[end++] = from;
    while (begin < end) {
        const uint32_t *list = mx_graph_links(s->g, s->queue[begin++], 0);
        for (size_t i = 0; i < 2 * s->g->links && list[i] != MX_NO_SLOT; i++)
            if (!s->reached[list[i]]) {
                s->reached[list[i]] = 1;
                s->queue[end++] = list[i];
            }
    }
    return end;
}

/* The nearest that is reached and has room for a link takes it; when none has, the nearest gives up its farthest. */
static void link_to(const reach *s, uint32_t slot)
{
    const mx_vector_rows *rows = s->plan->rows;
    const float *q = mx_vector_at(rows, slot);
    size_t width = 2 * s->g->links;
    uint32_t giver = MX_NO_SLOT;
    mx_graph_descend(s->g, rows, q, 0, s->walk);
    mx_graph_search_layer(s->g, rows, q, 0, s->plan->ef_construction, s->walk);
    for (size_t i = 0; i < s->walk->count; i++) {
        uint32_t other = mx_graph_slot(s->walk->keys[i]), *list = mx_graph_links(s->g, other, 0);
        if (!s->reached[other])
            continue;
        giver = giver == MX_NO_SLOT ? other : giver;
        if (list[width - 1] == MX_NO_SLOT) {
            while (width > 1 && list[width - 2] == MX_NO_SLOT)
                width--;
            list[width - 1] = slot;
            return;
        }
    }
    giver = giver == MX_NO_SLOT ? s->g->entry : giver;
    uint32_t *list = mx_graph_links(s->g, giver, 0);
    size_t n = 0, farthest = 0;
    while (n < width && list[n] != MX_NO_SLOT)
        n++;
    if (n < width) {
        list[n] = slot;
        return;
    }
    mx_graph_measure(rows)(mx_vector_at(rows, giver), rows->x, rows->width, list, width, s->walk->far);
    for (size_t i = 1; i < width; i++)
        if (mx_graph_key(s->walk->far[i], list[i]) > mx_graph_key(s->walk->far[farthest], list[farthest]))
            farthest = i;
    list[farthest] = slot;
}

merx_status mx_reach_new(const mx_graph_plan *plan, size_t slots, mx_reach **out, merx_error *err)
{
    mx_reach *room;
    *out = NULL;
    MX_TRY(mx_alloc_array(plan->work, 1, sizeof *room, "reachable vectors", &room, err));
    *room = (mx_reach){.alloc = plan->work, .slots = slots};
    merx_status status;
    MX_TRY_GOTO(mx_walk_new(plan->work, slots, plan->ef_construction, &room->walk, err));
    MX_TRY_GOTO(mx_alloc_array(plan->work, slots, sizeof *room->reached, "reachable vectors", &room->reached, err));
    MX_TRY_GOTO(mx_alloc_array_raw(plan->work, slots, sizeof *room->queue, "reachable vectors", &room->queue, err));
    *out = room;
    room = NULL;
out:
    mx_reach_free(room);
    return status;
}

void mx_reach_free(mx_reach *room)
{
    if (room == NULL)
        return;
    mx_free_array(room->alloc, room->queue, room->slots, sizeof *room->queue);
    mx_free_array(room->alloc, room->reached, room->slots, sizeof *room->reached);
    mx_walk_free(room->walk);
    mx_free_array(room->alloc, room, 1, sizeof *room);
}

void mx_graph_reach(mx_graph *g, const mx_graph_plan *plan, mx_reach *room)
{
    reach s = {.g = g, .plan = plan, .walk = room->walk, .reached = room->reached, .queue = room->queue};
    if (g->entry == MX_NO_SLOT)
        return;
    /* A link given up may have been the only one to somebody: again, until nothing is found. */
    bool found = true;
    for (int round = 0; round < MOST_ROUNDS && found; round++) {
        memset(s.reached, 0, g->n);
        (void)spread(&s, g->entry);
        found = false;
        for (size_t i = 0; i < g->n; i++)
            if (g->levels[i] != MX_FREE_LEVEL && !s.reached[i]) {
                link_to(&s, (uint32_t)i);
                (void)spread(&s, (uint32_t)i);
                found = true;
            }
    }
}

/* ---- checking ---- */

static merx_status check_list(const mx_graph *g, size_t slot, int layer, const char *name, merx_error *err)
{
    const uint32_t *list = mx_graph_links(g, (uint32_t)slot, layer);
    size_t width = mx_graph_width(g, layer);
    bool ended = false;
    for (size_t i = 0; i < width; i++) {
        if (list[i] == MX_NO_SLOT) {
            ended = true;
            continue;
        }
        if (ended || list[i] >= g->n || list[i] == slot || g->levels[list[i]] == MX_FREE_LEVEL ||
            g->levels[list[i]] < layer)
            MX_FAIL(err, MERX_E_CORRUPT, name, "link %zu of vector %zu on layer %d leads to %lld, which is none of it",
                    i, slot, layer, (long long)(int32_t)list[i]);
    }
    return MERX_OK;
}

merx_status mx_graph_check(const mx_graph *g, const int64_t *ids, const char *name, merx_error *err)
{
    int top = -1;
    for (size_t i = 0; i < g->n; i++) {
        if ((g->levels[i] == MX_FREE_LEVEL) != (ids[i] < 0) ||
            (g->levels[i] != MX_FREE_LEVEL && g->levels[i] > MX_TOP_LAYER))
            MX_FAIL(err, MERX_E_CORRUPT, name, "vector %zu has layer %d", i, g->levels[i]);
        if (g->levels[i] != MX_FREE_LEVEL && g->levels[i] > top)
            top = g->levels[i];
    }
    if (top != g->top || (top < 0) != (g->entry == MX_NO_SLOT) ||
        (top >= 0 && (g->entry >= g->n || g->levels[g->entry] != top)))
        MX_FAIL(err, MERX_E_CORRUPT, name, "the entry %lld is not on the highest layer %d",
                (long long)(int32_t)g->entry, top);
    for (size_t i = 0; i < g->n; i++)
        if (g->levels[i] != MX_FREE_LEVEL) {
            for (int l = 0; l <= g->levels[i]; l++)
                MX_TRY(check_list(g, i, l, name, err));
        } else {
            const uint32_t *list = mx_graph_links(g, (uint32_t)i, 0);
            for (size_t k = 0; k < 2 * g->links; k++)
                if (list[k] != MX_NO_SLOT)
                    MX_FAIL(err, MERX_E_CORRUPT, name, "vector %zu is not there but has links", i);
        }
    return MERX_OK;
}
