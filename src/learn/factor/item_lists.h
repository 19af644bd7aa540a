/*
 * For each item the best of the others, as sparse rows: what item-to-item models are made of. Floor 4.
 *
 * The lists are built in blocks of items that any thread may work on: within a block items come in order, each block has its own memory, and at the end all
 * are put behind each other. A list is ordered by the size of its weights, ties to the lower item; weights are ranked as the floats they are kept as.
 */
#ifndef MX_LEARN_ITEM_LISTS_H
#define MX_LEARN_ITEM_LISTS_H

#include "io/tensor_file.h"
#include "numeric/matrix.h"

typedef struct mx_item_lists {
    size_t items;
    int64_t *starts;  /* items + 1 */
    int32_t *indices; /* largest weight first */
    float *weights;
    const merx_allocator *alloc;
} mx_item_lists;

void mx_item_lists_release(mx_item_lists *lists);
/* Lists without a link. */
merx_status mx_item_lists_none(size_t items, const merx_allocator *alloc, mx_item_lists *out,
                               merx_error *err) MERX_MUST_CHECK;
/* Tensors PREFIX.starts, .items and .weights; what is written stays borrowed until the writer is done. */
merx_status mx_item_lists_write(const mx_item_lists *lists, const char *prefix, mx_tensor_writer *writer,
                                merx_error *err) MERX_MUST_CHECK;
/* Copies. MERX_E_CORRUPT when lists point outside or a weight is no number. */
merx_status mx_item_lists_read(const mx_tensor_file *file, const char *prefix, const merx_allocator *alloc,
                               mx_item_lists *out, merx_error *err) MERX_MUST_CHECK;
static inline size_t mx_item_lists_count(const mx_item_lists *lists)
{
    return (size_t)lists->starts[lists->items];
}
/* scores (items) += sum_j values_j weight(history_j, .); values NULL: ones. */
void mx_item_lists_score(const mx_item_lists *lists, const int32_t *history, const float *values, size_t m,
                         double factor, double *scores);
/* weight(j, t); 0 where t is not in the list of j. */
double mx_item_lists_weight(const mx_item_lists *lists, int32_t j, int32_t t);

/* ---- building ---- */

typedef struct mx_link {
    float weight;
    int32_t item;
} mx_link;

/* Takes the link among the `keep` largest in size; *kept so far. A heap until mx_links_sort. */
void mx_links_offer(mx_link *heap, size_t *kept, size_t keep, mx_link link);
void mx_links_sort(mx_link *heap, size_t kept);

typedef struct mx_links_slab {
    mx_link *links; /* of the block's items, one after another */
    size_t capacity;
} mx_links_slab;

typedef struct mx_list_builder {
    size_t items, block_items, blocks, keep;
    mx_links_slab *slabs; /* (blocks) */
    int64_t *lengths;     /* (items) */
    const merx_allocator *alloc;
} mx_list_builder;

merx_status mx_list_builder_init(size_t items, size_t block_items, size_t keep, const merx_allocator *alloc,
                                 mx_list_builder *out, merx_error *err) MERX_MUST_CHECK;
void mx_list_builder_release(mx_list_builder *builder);
/* The list of the next item of a block. One thread a block. */
merx_status mx_list_builder_put(mx_list_builder *builder, size_t item, const mx_link *links, size_t count,
                                mx_vec *found, merx_error *err) MERX_MUST_CHECK;
mx_vec mx_list_builder_begin(const mx_list_builder *builder);
void mx_list_builder_end(mx_list_builder *builder, size_t block, mx_vec *found);
merx_status mx_list_builder_finish(const mx_list_builder *builder, const merx_allocator *alloc, mx_item_lists *out,
                                   merx_error *err) MERX_MUST_CHECK;

#endif
