/*
 * What merx_nearest (merx/neighbour.h) is made of. Floor 4, private to src/learn/neighbour.
 */
#ifndef MX_LEARN_NEIGHBOUR_NEAREST_INDEX_H
#define MX_LEARN_NEIGHBOUR_NEAREST_INDEX_H

#include <pthread.h>
#include <string.h>

#include "io/tensor_file.h"
#include "learn/neighbour/hnsw.h"

/* Walks at rest, for searches to come. */
typedef struct mx_walk_pool {
    pthread_mutex_t lock;
    mx_walk *first;
} mx_walk_pool;

struct merx_nearest {
    const merx_allocator *alloc;
    merx_nearest_info info;
    /* Memory of our own, `capacity` slots; of an index out of a file only what the file has not. */
    size_t capacity, high_capacity;
    float *x, *norms;
    int64_t *ids;
    mx_graph graph;       /* arrays of capacity slots, of high_capacity lists; of a file: read-only pages */
    mx_tensor_file *file; /* NULL: x, norms, ids and the graph's low, high and levels are ours */
    mx_vector_rows rows;  /* what searches read */
    /* id -> slot: open addressing, a power of two, MX_NO_SLOT: empty. */
    uint32_t *map;
    size_t map_size;
    int64_t next_id;
    mx_walk_pool *walks;
};

merx_status mx_nearest_new(const merx_allocator *alloc, merx_nearest **out, merx_error *err) MERX_MUST_CHECK;
/* Options checked, with defaults put in; n: vectors, for AUTO. */
merx_status mx_nearest_settle_options(const merx_nearest_options *options, size_t n, merx_nearest_info *info,
                                      merx_error *err) MERX_MUST_CHECK;
/* The map of all ids anew, with room for `slots`. MERX_E_EXISTS for one that is there twice. */
merx_status mx_nearest_map_ids(merx_nearest *index, size_t slots, merx_error *err) MERX_MUST_CHECK;
uint32_t mx_nearest_slot(const merx_nearest *index, int64_t id); /* MX_NO_SLOT: not there */
void mx_nearest_drop_walks(merx_nearest *index);
/* queries (m, d) checked, into (m, width) returned: free with mx_free_array(merx_task_allocator(task), out, m * width, sizeof(float)). */
merx_status mx_nearest_queries(const merx_nearest *index, const float *queries, size_t m, merx_task *task, float **out,
                               merx_error *err) MERX_MUST_CHECK;
/* As merx_nearest_search, of prepared queries (m, width); exact: by comparing with all; ef 0: the index's own. */
merx_status mx_nearest_find(const merx_nearest *index, const float *queries, size_t m, size_t k, bool exact, size_t ef,
                            merx_task *task, mx_found *out, merx_error *err) MERX_MUST_CHECK;

/* What merx_nearest_save writes, in memory: returned, free with mx_free_array(the index's allocator, data, size, 1). */
merx_status mx_nearest_bytes(const merx_nearest *index, unsigned char **data, size_t *size,
                             merx_error *err) MERX_MUST_CHECK;

#endif
