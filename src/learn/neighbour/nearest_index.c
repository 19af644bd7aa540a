/*
 * The index: vectors in slots, ids, and a graph over them where the method asks for one. Making, adding, removing.
 */
#include "learn/neighbour/nearest_index.h"

enum { LEAST_CAPACITY = 64, DEFAULT_LINKS = 16, DEFAULT_CONSTRUCTION = 200, DEFAULT_EF = 64 };

static const char *const similarity_names[] = {"cosine", "inner_product", "euclidean"};
static const char *const method_names[] = {"auto", "exact", "hnsw"};

const char *merx_similarity_name(merx_similarity similarity)
{
    return similarity_names[similarity];
}

const char *merx_nearest_method_name(merx_nearest_method method)
{
    return method_names[method];
}

/* ---- options ---- */

static merx_status take_option(const char *name, size_t value, size_t otherwise, size_t least, size_t most, size_t *out,
                               merx_error *err)
{
    *out = value == 0 ? otherwise : value;
    if (*out < least || *out > most)
        MX_FAIL(err, MERX_E_RANGE, name, "%zu is out of range (expected %zu to %zu)", *out, least, most);
    return MERX_OK;
}

merx_status mx_nearest_settle_options(const merx_nearest_options *options, size_t n, merx_nearest_info *info,
                                      merx_error *err)
{
    merx_nearest_options o = options != NULL ? *options : (merx_nearest_options){0};
    if ((unsigned)o.similarity >= MERX_SIMILARITIES || (unsigned)o.method >= MERX_NEAREST_METHODS)
        MX_FAIL(err, MERX_E_INVALID, "options", "similarity %d, method %d: there is none of that number",
                (int)o.similarity, (int)o.method);
    info->similarity = o.similarity;
    info->method = o.method;
    if (o.method == MERX_NEAREST_AUTO)
        info->method = n < MERX_NEAREST_EXACT_BELOW ? MERX_NEAREST_EXACT : MERX_NEAREST_HNSW;
    info->seed = o.seed;
    MX_TRY(take_option("links", o.links, DEFAULT_LINKS, 2, MERX_NEAREST_MAX_LINKS, &info->links, err));
    MX_TRY(take_option("ef_construction", o.ef_construction, DEFAULT_CONSTRUCTION, 1, MERX_NEAREST_MAX_SEARCH,
                       &info->ef_construction, err));
    MX_TRY(take_option("ef", o.ef, DEFAULT_EF, 1, MERX_NEAREST_MAX_SEARCH, &info->ef, err));
    if (info->method == MERX_NEAREST_EXACT)
        info->links = info->ef_construction = info->ef = 0;
    return MERX_OK;
}

/* ---- ids ---- */

static size_t place_of(const merx_nearest *index, int64_t id)
{
    uint64_t mixed = (uint64_t)id * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(mixed ^ mixed >> 32) & (index->map_size - 1);
}

uint32_t mx_nearest_slot(const merx_nearest *index, int64_t id)
{
    if (id < 0 || index->map_size == 0)
        return MX_NO_SLOT;
    for (size_t at = place_of(index, id);; at = (at + 1) & (index->map_size - 1)) {
        uint32_t slot = index->map[at];
        if (slot == MX_NO_SLOT || index->rows.ids[slot] == id)
            return slot;
    }
}

/* False: it is there. */
static bool map_id(merx_nearest *index, uint32_t slot)
{
    int64_t id = index->rows.ids[slot];
    for (size_t at = place_of(index, id);; at = (at + 1) & (index->map_size - 1)) {
        if (index->map[at] == MX_NO_SLOT) {
            index->map[at] = slot;
            return true;
        }
        if (index->rows.ids[index->map[at]] == id)
            return false;
    }
}

merx_status mx_nearest_map_ids(merx_nearest *index, size_t slots, merx_error *err)
{
    size_t size = LEAST_CAPACITY;
    while (size < 2 * slots)
        size *= 2;
    if (size > index->map_size) {
        uint32_t *map;
        MX_TRY(mx_alloc_array_raw(index->alloc, size, sizeof *map, "ids", &map, err));
        mx_free_array(index->alloc, index->map, index->map_size, sizeof *map);
        index->map = map;
        index->map_size = size;
    }
    memset(index->map, 0xff, index->map_size * sizeof *index->map);
    for (size_t i = 0; i < index->rows.n; i++)
        if (index->rows.ids[i] >= 0 && !map_id(index, (uint32_t)i))
            MX_FAIL(err, MERX_E_EXISTS, "ids", "%lld is there twice", (long long)index->rows.ids[i]);
    return MERX_OK;
}

/* ---- life ---- */

merx_status mx_nearest_new(const merx_allocator *alloc, merx_nearest **out, merx_error *err)
{
    merx_nearest *index;
    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    MX_TRY(mx_alloc_array(alloc, 1, sizeof *index, "nearest neighbours", &index, err));
    index->alloc = alloc;
    index->graph.entry = MX_NO_SLOT;
    index->graph.top = -1;
    merx_status status = mx_alloc_array(alloc, 1, sizeof *index->walks, "nearest neighbours", &index->walks, err);
    if (status == MERX_OK && pthread_mutex_init(&index->walks->lock, NULL) != 0) {
        status = mx_error_set(err, MERX_E_MEMORY, "", "out of memory for a lock");
        mx_free_array(alloc, index->walks, 1, sizeof *index->walks);
    }
    if (status == MERX_OK)
        *out = index;
    else
        mx_free_array(alloc, index, 1, sizeof *index);
    return status;
}

void mx_nearest_drop_walks(merx_nearest *index)
{
    for (mx_walk *walk = index->walks->first, *next; walk != NULL; walk = next) {
        next = walk->next;
        mx_walk_free(walk);
    }
    index->walks->first = NULL;
}

static void free_arrays(merx_nearest *index)
{
    const merx_allocator *alloc = index->alloc;
    size_t n = index->capacity;
    mx_graph *g = &index->graph;
    mx_free_array(alloc, g->high_at, n, sizeof *g->high_at);
    if (index->file != NULL)
        return;
    mx_free_array(alloc, index->x, n * sizeof(float), index->rows.width);
    mx_free_array(alloc, index->norms, n, sizeof *index->norms);
    mx_free_array(alloc, index->ids, n, sizeof *index->ids);
    mx_free_array(alloc, g->low, n * sizeof *g->low, 2 * g->links);
    mx_free_array(alloc, g->levels, n, sizeof *g->levels);
    mx_free_array(alloc, g->high, index->high_capacity * sizeof *g->high, g->links);
}

void merx_nearest_free(merx_nearest *index)
{
    if (index == NULL)
        return;
    mx_nearest_drop_walks(index);
    free_arrays(index);
    mx_free_array(index->alloc, index->map, index->map_size, sizeof *index->map);
    mx_tensor_file_close(index->file);
    (void)pthread_mutex_destroy(&index->walks->lock);
    mx_free_array(index->alloc, index->walks, 1, sizeof *index->walks);
    mx_free_array(index->alloc, index, 1, sizeof *index);
}

/* ---- room ---- */

/* An array of new elements with what the old one held; *out is untouched on failure. */
static merx_status grown(const merx_allocator *alloc, const void *old, size_t count, size_t capacity, size_t size,
                         void *out, merx_error *err) /* out is a T ** */
{
    void *array;
    MX_TRY(mx_alloc_array(alloc, capacity, size, "vectors", &array, err));
    if (count > 0)
        memcpy(array, old, count * size);
    *(void **)out = array;
    return MERX_OK;
}

/* Room for `slots` slots and `lists` lists above layer 0, in memory of our own. */
static merx_status reserve(merx_nearest *index, size_t slots, size_t lists, merx_error *err)
{
    bool hnsw = index->info.method == MERX_NEAREST_HNSW, ours = index->file == NULL;
    const merx_allocator *alloc = index->alloc;
    size_t n = index->rows.n, row = index->rows.width * sizeof(float), capacity = index->capacity;
    mx_graph *g = &index->graph, new_graph = *g;
    merx_nearest made = {.alloc = alloc, .rows = index->rows};
    merx_status status;
    if (!ours || slots > capacity) {
        capacity = !ours || n == 0 ? slots : capacity + capacity / 2;
        capacity = capacity < slots ? slots : capacity;
    }
    size_t high = index->high_capacity;
    if (!ours || lists > high) {
        high = g->lists + g->lists / 2;
        high = high < lists ? lists : high;
    }
    made.capacity = capacity;
    made.high_capacity = high;
    made.graph.links = g->links;
    if (ours && capacity == index->capacity && high == index->high_capacity)
        return MERX_OK;
    MX_TRY_GOTO(grown(alloc, index->rows.x, n, capacity, row, &made.x, err));
    MX_TRY_GOTO(grown(alloc, index->rows.norms, n, capacity, sizeof *made.norms, &made.norms, err));
    MX_TRY_GOTO(grown(alloc, index->rows.ids, n, capacity, sizeof *made.ids, &made.ids, err));
    if (hnsw) {
        size_t list = g->links * sizeof(uint32_t);
        MX_TRY_GOTO(grown(alloc, g->low, n, capacity, 2 * list, &made.graph.low, err));
        MX_TRY_GOTO(grown(alloc, g->levels, n, capacity, 1, &made.graph.levels, err));
        MX_TRY_GOTO(grown(alloc, g->high_at, n, capacity, sizeof(uint32_t), &made.graph.high_at, err));
        MX_TRY_GOTO(grown(alloc, g->high, g->lists, high, list, &made.graph.high, err));
    }
    free_arrays(index);
    mx_tensor_file_close(index->file);
    index->file = NULL;
    index->x = made.x;
    index->norms = made.norms;
    index->ids = made.ids;
    new_graph.low = made.graph.low;
    new_graph.high = made.graph.high;
    new_graph.high_at = made.graph.high_at;
    new_graph.levels = made.graph.levels;
    *g = new_graph;
    index->capacity = capacity;
    index->high_capacity = high;
    index->rows.x = index->x;
    index->rows.norms = index->norms;
    index->rows.ids = index->ids;
    return MERX_OK;
out:
    free_arrays(&made);
    return status;
}

static mx_graph_plan plan_of(const merx_nearest *index, merx_task *task)
{
    return (mx_graph_plan){.rows = &index->rows,
                           .ef_construction = index->info.ef_construction,
                           .task = task,
                           .work = merx_task_allocator(task)};
}

static void changed(merx_nearest *index)
{
    mx_nearest_drop_walks(index);
    index->info.recall = (merx_recall){0};
    index->info.layers = index->info.method == MERX_NEAREST_HNSW ? (size_t)(index->graph.top + 1) : 0;
}

/* ---- adding ---- */

typedef struct addition {
    merx_nearest *index;
    const float *x;
    const int64_t *ids; /* NULL: from first_id */
    int64_t first_id;
    size_t n;
    uint32_t *slots; /* (n) */
    size_t linked;   /* the first so many are in */
} addition;

static int64_t id_of(const addition *a, size_t i)
{
    return a->ids != NULL ? a->ids[i] : a->first_id + (int64_t)i;
}

enum { VECTORS_AT_ONCE = 512 };

static merx_status check_block(void *context, size_t block, merx_error *err)
{
    const addition *a = context;
    size_t end = (block + 1) * VECTORS_AT_ONCE < a->n ? (block + 1) * VECTORS_AT_ONCE : a->n;
    for (size_t i = block * VECTORS_AT_ONCE; i < end; i++) {
        if (id_of(a, i) < 0)
            MX_FAIL(err, MERX_E_RANGE, "ids", "row %zu has id %lld (expected 0 or more)", i, (long long)id_of(a, i));
        MX_TRY(mx_vector_check(a->x + i * a->index->rows.d, a->index->rows.d, i, "vectors", err));
    }
    return MERX_OK;
}

static merx_status fill_block(void *context, size_t block, merx_error *err)
{
    const addition *a = context;
    merx_nearest *index = a->index;
    size_t d = index->rows.d, end = (block + 1) * VECTORS_AT_ONCE < a->n ? (block + 1) * VECTORS_AT_ONCE : a->n;
    for (size_t i = block * VECTORS_AT_ONCE; i < end; i++)
        MX_TRY(mx_vector_prepare(index->rows.similarity, a->x + i * d, d, i, "vectors",
                                 index->x + (size_t)a->slots[i] * index->rows.width, &index->norms[a->slots[i]], err));
    return MERX_OK;
}

/* Free slots first, from the lowest up; then new ones. */
static void choose_slots(addition *a)
{
    merx_nearest *index = a->index;
    size_t at = 0, n = index->rows.n;
    for (size_t i = 0; i < n && at < a->n && index->info.count < n; i++)
        if (index->ids[i] < 0)
            a->slots[at++] = (uint32_t)i;
    for (; at < a->n; at++)
        a->slots[at] = (uint32_t)n++;
    for (size_t i = index->rows.n; i < n; i++)
        index->ids[i] = -1;
    index->rows.n = index->graph.n = n;
}

static void empty_slot(merx_nearest *index, size_t slot)
{
    memset(index->x + slot * index->rows.width, 0, index->rows.width * sizeof *index->x);
    index->norms[slot] = 0;
    index->ids[slot] = -1;
    if (index->info.method == MERX_NEAREST_HNSW) {
        index->graph.levels[slot] = MX_FREE_LEVEL;
        memset(mx_graph_links(&index->graph, (uint32_t)slot, 0), 0xff, 2 * index->graph.links * sizeof(uint32_t));
    }
}

static void give_levels(addition *a)
{
    mx_graph *g = &a->index->graph;
    for (size_t i = 0; i < a->n; i++) {
        uint32_t slot = a->slots[i];
        g->levels[slot] = mx_graph_level(a->index->info.seed, id_of(a, i), g->links);
        memset(g->low + (size_t)slot * 2 * g->links, 0xff, 2 * g->links * sizeof *g->low);
        g->high_at[slot] = (uint32_t)g->lists;
        if (g->levels[slot] > 0)
            memset(g->high + g->lists * g->links, 0xff, (size_t)g->levels[slot] * g->links * sizeof *g->high);
        g->lists += g->levels[slot];
    }
}

/* Those from `kept` on are not in: their slots are free again, new ones at the end are given back. */
static void take_back(addition *a, size_t kept)
{
    merx_nearest *index = a->index;
    for (size_t i = kept; i < a->n; i++)
        empty_slot(index, a->slots[i]);
    while (index->rows.n > 0 && index->ids[index->rows.n - 1] < 0)
        index->rows.n--;
    index->graph.n = index->rows.n;
    merx_error unheard = {0};
    (void)!mx_nearest_map_ids(index, 0, &unheard); /* needs no memory: it was as large before */
}

static merx_status link_new(addition *a, merx_task *task, merx_error *err)
{
    merx_nearest *index = a->index;
    a->linked = index->info.count;
    if (index->info.method != MERX_NEAREST_HNSW) {
        a->linked = a->n;
        return MERX_OK;
    }
    mx_graph_plan plan = plan_of(index, task);
    mx_reach *room = NULL;
    merx_status status = mx_reach_new(&plan, index->rows.n, &room, err);
    if (status == MERX_OK) {
        give_levels(a);
        status = mx_graph_add(&index->graph, &plan, a->slots, a->n, &a->linked, err);
        for (size_t i = a->linked; i < a->n; i++)
            empty_slot(index, a->slots[i]);
        mx_graph_reach(&index->graph, &plan, room);
    } else {
        a->linked = 0;
    }
    mx_reach_free(room);
    return status;
}

static merx_status fill_slots(addition *a, merx_task *task, merx_error *err)
{
    merx_nearest *index = a->index;
    for (size_t i = 0; i < a->n; i++) {
        index->ids[a->slots[i]] = id_of(a, i);
        if (!map_id(index, a->slots[i]))
            MX_FAIL(err, MERX_E_EXISTS, "ids", "row %zu: %lld is there already", i, (long long)id_of(a, i));
    }
    MX_TRY(mx_parallel(task, (a->n + VECTORS_AT_ONCE - 1) / VECTORS_AT_ONCE, fill_block, a, err));
    return link_new(a, task, err);
}

static merx_status add_all(addition *a, merx_task *task, merx_error *err)
{
    merx_nearest *index = a->index;
    size_t before = index->graph.lists, lists = before, slots = index->info.count + a->n;
    slots = slots > index->rows.n ? slots : index->rows.n;
    MX_TRY(mx_parallel(task, (a->n + VECTORS_AT_ONCE - 1) / VECTORS_AT_ONCE, check_block, a, err));
    for (size_t i = 0; index->info.method == MERX_NEAREST_HNSW && i < a->n; i++)
        lists += mx_graph_level(index->info.seed, id_of(a, i), index->graph.links);
    if (lists >= MX_NO_SLOT)
        MX_FAIL(err, MERX_E_LIMIT, "", "more than %u lists of links above the lowest layer", MX_NO_SLOT);
    MX_TRY(reserve(index, slots, lists, err));
    MX_TRY(mx_nearest_map_ids(index, index->capacity, err));
    mx_nearest_drop_walks(index);
    choose_slots(a);
    merx_status status = fill_slots(a, task, err);
    index->info.count += a->linked;
    for (size_t i = 0; i < a->linked; i++)
        if (id_of(a, i) >= index->next_id)
            index->next_id = id_of(a, i) < INT64_MAX ? id_of(a, i) + 1 : INT64_MAX;
    if (a->linked < a->n)
        take_back(a, a->linked);
    if (a->linked == 0)
        index->graph.lists = before;
    else
        changed(index);
    return status;
}

merx_status merx_nearest_add(merx_nearest *index, const float *x, const int64_t *ids, size_t n, merx_task *task,
                             merx_error *err)
{
    const merx_allocator *work = merx_task_allocator(task);
    addition a = {.index = index, .x = x, .ids = ids, .first_id = index->next_id, .n = n};
    if (n == 0)
        return MERX_OK;
    if (n > MERX_NEAREST_MAX_VECTORS - index->info.count)
        MX_FAIL(err, MERX_E_LIMIT, "", "%zu vectors and %zu more (expected at most %u)", index->info.count, n,
                MERX_NEAREST_MAX_VECTORS);
    if (ids == NULL && (uint64_t)index->next_id + n > INT64_MAX)
        MX_FAIL(err, MERX_E_LIMIT, "ids", "there are no %zu numbers after %lld", n, (long long)index->next_id - 1);
    MX_TRY(mx_alloc_array_raw(work, n, sizeof *a.slots, "new vectors", &a.slots, err));
    merx_status status = add_all(&a, task, err);
    mx_free_array(work, a.slots, n, sizeof *a.slots);
    return status;
}

merx_status merx_nearest_build(const merx_allocator *alloc, const merx_nearest_options *options, const float *x,
                               const int64_t *ids, size_t n, size_t d, merx_task *task, merx_nearest **out,
                               merx_error *err)
{
    merx_nearest *index = NULL;
    merx_status status;
    *out = NULL;
    if (d == 0 || d > MERX_NEAREST_MAX_WIDTH)
        MX_FAIL(err, MERX_E_SHAPE, "vectors", "have %zu numbers each (expected 1 to %d)", d, MERX_NEAREST_MAX_WIDTH);
    MX_TRY(mx_nearest_new(alloc, &index, err));
    MX_TRY_GOTO(mx_nearest_settle_options(options, n, &index->info, err));
    index->info.width = d;
    index->graph.links = index->info.links;
    index->rows = (mx_vector_rows){.similarity = index->info.similarity, .d = d, .width = mx_vector_width(d)};
    MX_TRY_GOTO(merx_nearest_add(index, x, ids, n, task, err));
    *out = index;
    index = NULL;
out:
    merx_nearest_free(index);
    return status;
}

/* ---- removing ---- */

typedef struct removal {
    uint8_t *gone;  /* (slots) */
    uint32_t *high; /* the lists above layer 0 that stay, in order of slots */
    size_t lists;
    mx_reach *room;
} removal;

static merx_status mark_gone(const merx_nearest *index, const int64_t *ids, size_t n, uint8_t *gone, merx_error *err)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t slot = mx_nearest_slot(index, ids[i]);
        if (slot == MX_NO_SLOT || gone[slot])
            MX_FAIL(err, MERX_E_NOT_FOUND, "ids", "%lld (number %zu of the list) is not there%s", (long long)ids[i], i,
                    slot == MX_NO_SLOT ? "" : " any more: it is twice in the list");
        gone[slot] = 1;
    }
    return MERX_OK;
}

/* Lists of slots that went are given up: those that stay move together. */
static void move_lists(merx_nearest *index, removal *r)
{
    mx_graph *g = &index->graph;
    size_t at = 0;
    for (size_t i = 0; i < index->rows.n; i++) {
        if (g->levels[i] == MX_FREE_LEVEL || g->levels[i] == 0)
            continue;
        memcpy(r->high + at * g->links, mx_graph_links(g, (uint32_t)i, 1), g->levels[i] * g->links * sizeof *g->high);
        g->high_at[i] = (uint32_t)at;
        at += g->levels[i];
    }
    mx_free_array(index->alloc, g->high, index->high_capacity * sizeof *g->high, g->links);
    g->high = r->high;
    g->lists = index->high_capacity = r->lists;
    r->high = NULL;
}

static merx_status unlink_gone(merx_nearest *index, removal *r, merx_task *task, merx_error *err)
{
    mx_graph *g = &index->graph;
    mx_graph_plan plan = plan_of(index, task);
    for (size_t i = 0; i < index->rows.n; i++)
        r->lists += r->gone[i] || g->levels[i] == MX_FREE_LEVEL ? 0 : g->levels[i];
    MX_TRY(mx_alloc_array(index->alloc, r->lists * sizeof *r->high, g->links, "links", &r->high, err));
    MX_TRY(mx_reach_new(&plan, index->rows.n, &r->room, err));
    MX_TRY(mx_graph_remove(g, &plan, r->gone, err));
    move_lists(index, r);
    mx_graph_reach(g, &plan, r->room);
    return MERX_OK;
}

merx_status merx_nearest_remove(merx_nearest *index, const int64_t *ids, size_t n, merx_task *task, merx_error *err)
{
    const merx_allocator *work = merx_task_allocator(task);
    size_t slots = index->rows.n;
    removal r = {0};
    merx_status status;
    if (n == 0)
        return MERX_OK;
    MX_TRY_GOTO(mx_alloc_array(work, slots, 1, "vectors removed", &r.gone, err));
    MX_TRY_GOTO(mark_gone(index, ids, n, r.gone, err));
    MX_TRY_GOTO(reserve(index, slots, index->graph.lists, err));
    if (index->info.method == MERX_NEAREST_HNSW)
        MX_TRY_GOTO(unlink_gone(index, &r, task, err));
    for (size_t i = 0; i < slots; i++)
        if (r.gone[i])
            empty_slot(index, i);
    index->info.count -= n;
    MX_TRY_GOTO(mx_nearest_map_ids(index, 0, err)); /* needs no memory: the map is large enough */
    changed(index);
out:
    mx_reach_free(r.room);
    mx_free_array(index->alloc, r.high, r.lists * sizeof *r.high, index->graph.links);
    mx_free_array(work, r.gone, slots, 1);
    return status;
}

/* ---- looking ---- */

merx_nearest_info merx_nearest_describe(const merx_nearest *index)
{
    return index->info;
}

bool merx_nearest_has(const merx_nearest *index, int64_t id)
{
    return mx_nearest_slot(index, id) != MX_NO_SLOT;
}

const float *merx_nearest_vector(const merx_nearest *index, int64_t id)
{
    uint32_t slot = mx_nearest_slot(index, id);
    return slot != MX_NO_SLOT ? mx_vector_at(&index->rows, slot) : NULL;
}
