/*
 * Item neighbours. Letters: i, j items; u users; n_i users of item i; n_ij users of both.
 *
 * For item i every user of i adds one to the count of each of his items: a dense count array per worker, and the list of the items it
 * touched, so that clearing costs what filling did. The best `keep` of the touched items go through a heap whose root is the worst kept.
 *
 * Similarities are computed in double, rounded to float, and ranked as rounded: order and values agree in the file. Each item is worked
 * on alone, so the bits do not depend on threads.
 *
 * Source: Linden, Smith & York 2003, "Amazon.com recommendations: item-to-item collaborative filtering"; Sarwar et al. 2001;
 * shrinkage as Koren 2008, section 2.2.
 */
#include "learn/factor/neighbours.h"

#include <math.h>
#include <string.h>

enum { MX_NEIGHBOURS_BLOCK = 64 /* items of one parallel block */ };

typedef struct neighbour {
    float similarity;
    int32_t item;
} neighbour;

typedef struct slab {
    neighbour *neighbours; /* of the block's items, one after another */
    size_t capacity;
} slab;

typedef struct fit_work {
    mx_csr users, items; /* items: the transpose */
    mx_similarity similarity;
    size_t keep;
    double shrink;
    const merx_allocator *alloc;
    int32_t *counts;  /* (workers, items), all zero between items */
    int32_t *touched; /* (workers, items) */
    neighbour *heaps; /* (workers, keep) */
    slab *slabs;      /* (blocks) */
    int64_t *lengths; /* (items) */
} fit_work;

/* Whether a stands before b: more similar, ties to the lower item. */
static bool before(neighbour a, neighbour b)
{
    return a.similarity > b.similarity || (a.similarity == b.similarity && a.item < b.item);
}

/* Moves the entry at the root down until no child is worse: heap[0] stands last of all. */
static void sift_down(neighbour *heap, size_t count, size_t at)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            return;
        if (child + 1 < count && before(heap[child], heap[child + 1]))
            child++;
        if (!before(heap[at], heap[child]))
            return;
        neighbour swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
        at = child;
    }
}

static void sift_up(neighbour *heap, size_t at)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (!before(heap[parent], heap[at]))
            return;
        neighbour swap = heap[at];
        heap[at] = heap[parent];
        heap[parent] = swap;
        at = parent;
    }
}

/* Heap sort: takes the last of all off the root and puts it behind the rest. */
static void sort_heap(neighbour *heap, size_t count)
{
    while (count > 1) {
        neighbour last = heap[0];
        heap[0] = heap[--count];
        sift_down(heap, count, 0);
        heap[count] = last;
    }
}

static float similarity_of(const fit_work *w, double n_i, double n_j, double n_ij)
{
    switch (w->similarity) {
    case MX_COSINE:
        return (float)(n_ij / (sqrt(n_i * n_j) + w->shrink));
    case MX_JACCARD:
        return (float)(n_ij / (n_i + n_j - n_ij + w->shrink));
    case MX_LIFT:
        return (float)(n_ij / (n_i * n_j / (double)w->users.rows + w->shrink));
    }
    return 0;
}

static double users_of(const fit_work *w, size_t item)
{
    return (double)(w->items.starts[item + 1] - w->items.starts[item]);
}

/* The best neighbours of an item into heap, sorted; returns how many. */
static size_t neighbours_of(const fit_work *w, size_t item, int32_t *counts, int32_t *touched, neighbour *heap)
{
    size_t n_touched = 0, kept = 0;
    for (int64_t e = w->items.starts[item]; e < w->items.starts[item + 1]; e++) {
        size_t user = (size_t)w->items.indices[e];
        for (int64_t b = w->users.starts[user]; b < w->users.starts[user + 1]; b++) {
            int32_t other = w->users.indices[b];
            if (counts[other]++ == 0)
                touched[n_touched++] = other;
        }
    }
    double n_i = users_of(w, item);
    for (size_t t = 0; t < n_touched; t++) {
        int32_t other = touched[t];
        neighbour candidate = {0, other};
        if ((size_t)other != item)
            candidate.similarity = similarity_of(w, n_i, users_of(w, (size_t)other), counts[other]);
        counts[other] = 0;
        if ((size_t)other == item)
            continue;
        if (kept < w->keep) {
            heap[kept] = candidate;
            sift_up(heap, kept++);
        } else if (before(candidate, heap[0])) {
            heap[0] = candidate;
            sift_down(heap, kept, 0);
        }
    }
    sort_heap(heap, kept);
    return kept;
}

static merx_status fit_block(void *context, size_t block, merx_error *err)
{
    fit_work *w = context;
    size_t worker = (size_t)mx_worker_index(), items = w->users.columns, end = (block + 1) * MX_NEIGHBOURS_BLOCK;
    int32_t *counts = w->counts + worker * items, *touched = w->touched + worker * items;
    neighbour *heap = w->heaps + worker * w->keep;
    slab *s = &w->slabs[block];
    mx_vec found = mx_vec_init(w->alloc, sizeof(neighbour), (size_t)MX_NEIGHBOURS_BLOCK * w->keep, "item neighbours");
    for (size_t item = block * MX_NEIGHBOURS_BLOCK; item < end && item < items; item++) {
        size_t kept = neighbours_of(w, item, counts, touched, heap);
        w->lengths[item] = (int64_t)kept;
        merx_status status = mx_vec_append(&found, heap, kept, err);
        if (status != MERX_OK) {
            mx_vec_release(&found);
            return status;
        }
    }
    s->neighbours = found.data;
    s->capacity = found.capacity;
    return MERX_OK;
}

merx_status mx_neighbours_fit(const mx_csr *users, const mx_neighbours_options *options, const merx_allocator *alloc,
                              merx_task *task, mx_neighbours *out, merx_error *err)
{
    memset(out, 0, sizeof *out);
    if (!(options->shrink >= 0) || !isfinite(options->shrink))
        MX_FAIL(err, MERX_E_RANGE, "neighbours", "shrink is %g; expected a number of 0 or more", options->shrink);
    merx_status status = MERX_OK;
    const merx_allocator *work = merx_task_allocator(task);
    size_t items = users->columns, workers = (size_t)merx_task_threads(task);
    size_t blocks = (items + MX_NEIGHBOURS_BLOCK - 1) / MX_NEIGHBOURS_BLOCK, keep = options->keep ? options->keep : 100;
    if (keep > items)
        keep = items;
    fit_work w = {
        .users = *users, .similarity = options->similarity, .keep = keep, .shrink = options->shrink, .alloc = work};
    mx_neighbours model = {.items = items, .alloc = mx_allocator_or_default(alloc)};
    mx_csr_own transposed = {0};
    MX_TRY_GOTO(mx_alloc_array(model.alloc, items + 1, sizeof *model.starts, "item neighbours", &model.starts, err));
    MX_TRY_GOTO(mx_alloc_array(work, workers * items, sizeof *w.counts, "co-occurrence counts", &w.counts, err));
    MX_TRY_GOTO(mx_alloc_array(work, workers * items, sizeof *w.touched, "co-occurring items", &w.touched, err));
    MX_TRY_GOTO(mx_alloc_array(work, workers * keep, sizeof *w.heaps, "item neighbours", &w.heaps, err));
    MX_TRY_GOTO(mx_alloc_array(work, blocks, sizeof *w.slabs, "item neighbours", &w.slabs, err));
    MX_TRY_GOTO(mx_alloc_array(work, items, sizeof *w.lengths, "item neighbours", &w.lengths, err));
    MX_TRY_GOTO(mx_csr_transpose(users, work, &transposed, err));
    w.items = transposed.view;

    mx_task_stage(task, "item neighbours", items, "items");
    MX_TRY_GOTO(mx_parallel(task, blocks, fit_block, &w, err));
    for (size_t i = 0; i < items; i++)
        model.starts[i + 1] = model.starts[i] + w.lengths[i];
    size_t total = (size_t)model.starts[items];
    MX_TRY_GOTO(mx_alloc_array(model.alloc, total, sizeof *model.indices, "item neighbours", &model.indices, err));
    MX_TRY_GOTO(
        mx_alloc_array(model.alloc, total, sizeof *model.similarities, "item neighbours", &model.similarities, err));
    for (size_t b = 0, at = 0; b < blocks; b++) {
        size_t last = (b + 1) * MX_NEIGHBOURS_BLOCK < items ? (b + 1) * MX_NEIGHBOURS_BLOCK : items;
        for (size_t e = 0; at < (size_t)model.starts[last]; e++, at++) {
            model.indices[at] = w.slabs[b].neighbours[e].item;
            model.similarities[at] = w.slabs[b].neighbours[e].similarity;
        }
    }
    mx_task_done(task);
out:
    mx_csr_release(&transposed);
    mx_free_array(work, w.lengths, items, sizeof *w.lengths);
    for (size_t b = 0; w.slabs && b < blocks; b++)
        mx_free_array(work, w.slabs[b].neighbours, w.slabs[b].capacity, sizeof(neighbour));
    mx_free_array(work, w.slabs, blocks, sizeof *w.slabs);
    mx_free_array(work, w.heaps, workers * keep, sizeof *w.heaps);
    mx_free_array(work, w.touched, workers * items, sizeof *w.touched);
    mx_free_array(work, w.counts, workers * items, sizeof *w.counts);
    if (status == MERX_OK)
        *out = model;
    else
        mx_neighbours_release(&model);
    return status;
}

void mx_neighbours_release(mx_neighbours *model)
{
    if (!model->alloc)
        return;
    size_t total = model->starts ? (size_t)model->starts[model->items] : 0;
    mx_free_array(model->alloc, model->similarities, total, sizeof *model->similarities);
    mx_free_array(model->alloc, model->indices, total, sizeof *model->indices);
    mx_free_array(model->alloc, model->starts, model->items + 1, sizeof *model->starts);
    memset(model, 0, sizeof *model);
}
