/*
 * Lists of items: a heap whose root is the least kept, slabs of blocks, sparse rows.
 */
#include "learn/factor/item_lists.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void mx_item_lists_release(mx_item_lists *lists)
{
    if (!lists->alloc)
        return;
    size_t total = lists->starts ? (size_t)lists->starts[lists->items] : 0;
    mx_free_array(lists->alloc, lists->weights, total, sizeof *lists->weights);
    mx_free_array(lists->alloc, lists->indices, total, sizeof *lists->indices);
    mx_free_array(lists->alloc, lists->starts, lists->items + 1, sizeof *lists->starts);
    *lists = (mx_item_lists){0};
}

merx_status mx_item_lists_none(size_t items, const merx_allocator *alloc, mx_item_lists *out, merx_error *err)
{
    *out = (mx_item_lists){.items = items, .alloc = mx_allocator_or_default(alloc)};
    merx_status status =
        mx_alloc_array(out->alloc, items + 1, sizeof *out->starts, "lists of items", &out->starts, err);
    if (status != MERX_OK)
        *out = (mx_item_lists){0};
    return status;
}

/* ---- files ---- */

enum { NAME_SIZE = 64 };

merx_status mx_item_lists_write(const mx_item_lists *lists, const char *prefix, mx_tensor_writer *writer,
                                merx_error *err)
{
    char name[NAME_SIZE];
    size_t links = mx_item_lists_count(lists);
    snprintf(name, sizeof name, "%s.starts", prefix);
    MX_TRY(mx_tensor_writer_vector(writer, name, MX_I64, lists->items + 1, lists->starts, err));
    snprintf(name, sizeof name, "%s.items", prefix);
    MX_TRY(mx_tensor_writer_vector(writer, name, MX_I32, links, lists->indices, err));
    snprintf(name, sizeof name, "%s.weights", prefix);
    return mx_tensor_writer_vector(writer, name, MX_F32, links, lists->weights, err);
}

static bool sound(const int64_t *starts, const int32_t *indices, const float *weights, size_t items, size_t links)
{
    bool good = starts[0] == 0 && starts[items] == (int64_t)links;
    for (size_t i = 0; good && i < items; i++)
        good = starts[i] <= starts[i + 1] && starts[i + 1] <= (int64_t)links;
    for (size_t k = 0; good && k < links; k++)
        good = indices[k] >= 0 && (size_t)indices[k] < items && isfinite(weights[k]);
    return good;
}

static merx_status duplicate(const merx_allocator *alloc, const void *data, size_t count, size_t size, void *out,
                             merx_error *err)
{
    MX_TRY(mx_alloc_array_raw(alloc, count, size, "lists of items", out, err));
    mx_wish_large_pages(*(void **)out, count * size);
    if (count)
        memcpy(*(void **)out, data, count * size);
    return MERX_OK;
}

merx_status mx_item_lists_read(const mx_tensor_file *file, const char *prefix, const merx_allocator *alloc,
                               mx_item_lists *out, merx_error *err)
{
    char name[NAME_SIZE];
    const int64_t *starts;
    const int32_t *indices;
    const mx_tensor *weights;
    uint64_t ends, links;
    merx_status status;
    *out = (mx_item_lists){0};
    snprintf(name, sizeof name, "%s.starts", prefix);
    MX_TRY(mx_tensor_file_vector(file, name, MX_I64, 0, &starts, &ends, err));
    snprintf(name, sizeof name, "%s.items", prefix);
    MX_TRY(mx_tensor_file_vector(file, name, MX_I32, 0, &indices, &links, err));
    snprintf(name, sizeof name, "%s.weights", prefix);
    MX_TRY(mx_tensor_file_get(file, name, MX_F32, 1, (uint64_t[]){links}, &weights, err));
    if (ends == 0 || ends > INT32_MAX || weights->shape[0] != links ||
        !sound(starts, indices, weights->data, (size_t)ends - 1, (size_t)links))
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "the lists \"%s\" do not fit together", prefix);
    mx_item_lists lists = {.items = (size_t)ends - 1, .alloc = mx_allocator_or_default(alloc)};
    MX_TRY_GOTO(duplicate(lists.alloc, starts, (size_t)ends, sizeof *starts, &lists.starts, err));
    MX_TRY_GOTO(duplicate(lists.alloc, indices, (size_t)links, sizeof *indices, &lists.indices, err));
    MX_TRY_GOTO(duplicate(lists.alloc, weights->data, (size_t)links, sizeof(float), &lists.weights, err));
    *out = lists;
    return MERX_OK;
out:
    mx_item_lists_release(&lists);
    return status;
}

/* ---- scores ---- */

void mx_item_lists_score(const mx_item_lists *lists, const int32_t *history, const float *values, size_t m,
                         double factor, double *scores)
{
    for (size_t j = 0; j < m; j++) {
        double times = factor * (values ? (double)values[j] : 1.0);
        for (int64_t k = lists->starts[history[j]]; k < lists->starts[history[j] + 1]; k++)
            scores[lists->indices[k]] += times * (double)lists->weights[k];
    }
}

double mx_item_lists_weight(const mx_item_lists *lists, int32_t j, int32_t t)
{
    for (int64_t k = lists->starts[j]; k < lists->starts[j + 1]; k++)
        if (lists->indices[k] == t)
            return (double)lists->weights[k];
    return 0;
}

/* ---- the heap ---- */

/* Whether a stands before b: larger, ties to the lower item. */
static bool before(mx_link a, mx_link b)
{
    float x = fabsf(a.weight), y = fabsf(b.weight);
    return x > y || (x == y && a.item < b.item);
}

/* Moves the entry at `at` down until no child is worse: heap[0] stands last of all. */
static void sift_down(mx_link *heap, size_t count, size_t at)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            return;
        if (child + 1 < count && before(heap[child], heap[child + 1]))
            child++;
        if (!before(heap[at], heap[child]))
            return;
        mx_link swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
        at = child;
    }
}

static void sift_up(mx_link *heap, size_t at)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (!before(heap[parent], heap[at]))
            return;
        mx_link swap = heap[at];
        heap[at] = heap[parent];
        heap[parent] = swap;
        at = parent;
    }
}

void mx_links_offer(mx_link *heap, size_t *kept, size_t keep, mx_link link)
{
    if (*kept < keep) {
        heap[*kept] = link;
        sift_up(heap, (*kept)++);
    } else if (keep > 0 && before(link, heap[0])) {
        heap[0] = link;
        sift_down(heap, keep, 0);
    }
}

/* Heap sort: takes the last of all off the root and puts it behind the rest. */
void mx_links_sort(mx_link *heap, size_t kept)
{
    while (kept > 1) {
        mx_link last = heap[0];
        heap[0] = heap[--kept];
        sift_down(heap, kept, 0);
        heap[kept] = last;
    }
}

/* ---- building ---- */

merx_status mx_list_builder_init(size_t items, size_t block_items, size_t keep, const merx_allocator *alloc,
                                 mx_list_builder *out, merx_error *err)
{
    mx_list_builder b = {.items = items,
                         .block_items = block_items,
                         .blocks = (items + block_items - 1) / block_items,
                         .keep = keep < items ? keep : items,
                         .alloc = alloc};
    merx_status status;
    *out = (mx_list_builder){0};
    MX_TRY_GOTO(mx_alloc_array(alloc, b.blocks, sizeof *b.slabs, "lists of items", &b.slabs, err));
    MX_TRY_GOTO(mx_alloc_array(alloc, items, sizeof *b.lengths, "lists of items", &b.lengths, err));
    *out = b;
    return MERX_OK;
out:
    mx_list_builder_release(&b);
    return status;
}

void mx_list_builder_release(mx_list_builder *b)
{
    if (!b->alloc)
        return;
    for (size_t block = 0; b->slabs && block < b->blocks; block++)
        mx_free_array(b->alloc, b->slabs[block].links, b->slabs[block].capacity, sizeof(mx_link));
    mx_free_array(b->alloc, b->slabs, b->blocks, sizeof *b->slabs);
    mx_free_array(b->alloc, b->lengths, b->items, sizeof *b->lengths);
    *b = (mx_list_builder){0};
}

mx_vec mx_list_builder_begin(const mx_list_builder *b)
{
    return mx_vec_init(b->alloc, sizeof(mx_link), b->block_items * b->keep, "lists of items");
}

merx_status mx_list_builder_put(mx_list_builder *b, size_t item, const mx_link *links, size_t count, mx_vec *found,
                                merx_error *err)
{
    b->lengths[item] = (int64_t)count;
    return mx_vec_append(found, links, count, err);
}

void mx_list_builder_end(mx_list_builder *b, size_t block, mx_vec *found)
{
    b->slabs[block] = (mx_links_slab){found->data, found->capacity};
}

merx_status mx_list_builder_finish(const mx_list_builder *b, const merx_allocator *alloc, mx_item_lists *out,
                                   merx_error *err)
{
    mx_item_lists lists = {.items = b->items, .alloc = mx_allocator_or_default(alloc)};
    merx_status status;
    *out = (mx_item_lists){0};
    MX_TRY_GOTO(mx_alloc_array(lists.alloc, b->items + 1, sizeof *lists.starts, "lists of items", &lists.starts, err));
    for (size_t i = 0; i < b->items; i++)
        lists.starts[i + 1] = lists.starts[i] + b->lengths[i];
    size_t total = (size_t)lists.starts[b->items];
    MX_TRY_GOTO(mx_alloc_array(lists.alloc, total, sizeof *lists.indices, "lists of items", &lists.indices, err));
    MX_TRY_GOTO(mx_alloc_array(lists.alloc, total, sizeof *lists.weights, "lists of items", &lists.weights, err));
    for (size_t block = 0, at = 0; block < b->blocks; block++) {
        size_t last = (block + 1) * b->block_items < b->items ? (block + 1) * b->block_items : b->items;
        for (size_t e = 0; at < (size_t)lists.starts[last]; e++, at++) {
            lists.indices[at] = b->slabs[block].links[e].item;
            lists.weights[at] = b->slabs[block].links[e].weight;
        }
    }
    *out = lists;
    return MERX_OK;
out:
    mx_item_lists_release(&lists);
    return status;
}
