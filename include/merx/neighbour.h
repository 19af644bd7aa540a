/*
 * Nearest neighbours among float32 vectors: products alike by picture, by embedding, by anything that is a vector.
 *
 *     merx_nearest *index = NULL;
 *     merx_nearest_build(NULL, &(merx_nearest_options){.similarity = MERX_COSINE}, x, NULL, n, d, task, &index, &err);
 *     merx_neighbour ten[10];
 *     merx_nearest_search(index, query, 1, 10, task, ten, &err);
 *
 * Two methods behind one object. EXACT compares with every vector. HNSW (Malkov & Yashunin 2018, "Efficient and robust approximate nearest neighbor search
 * using hierarchical navigable small world graphs") walks a graph and misses some; how many is measured against EXACT, stated with an interval, and kept in the file.
 *
 * Scores are sums in double over the float32 vectors: the same bits for both methods, every instruction set, any number of threads, and one query alone or among
 * many. Neighbours of equal score come by ascending id. Cosine: vectors are brought to unit length when they are added, and rounded to float once; a
 * zero vector stays one, and its cosine with anything is 0.
 *
 * Letters: n vectors, d their length, m queries, k neighbours. Matrices are row-major.
 * Threads: any number may search; adding, removing, tuning and freeing need exclusive access.
 */
#ifndef MERX_NEIGHBOUR_H
#define MERX_NEIGHBOUR_H

#include "merx/task.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum merx_similarity {
    MERX_COSINE,        /* x.y / (|x| |y|); larger is nearer */
    MERX_INNER_PRODUCT, /* x.y; larger is nearer */
    MERX_EUCLIDEAN,     /* |x - y|; smaller is nearer */
    MERX_SIMILARITIES
} merx_similarity;
MERX_API const char *merx_similarity_name(merx_similarity similarity); /* "cosine", "inner_product", "euclidean" */

typedef enum merx_nearest_method {
    MERX_NEAREST_AUTO, /* EXACT below MERX_NEAREST_EXACT_BELOW vectors, else HNSW */
    MERX_NEAREST_EXACT,
    MERX_NEAREST_HNSW,
    MERX_NEAREST_METHODS
} merx_nearest_method;
MERX_API const char *merx_nearest_method_name(merx_nearest_method method); /* "auto", "exact", "hnsw" */

/* Limits. */
#define MERX_NEAREST_EXACT_BELOW 20000
#define MERX_NEAREST_MAX_VECTORS 2000000000u
#define MERX_NEAREST_MAX_WIDTH 65536  /* d */
#define MERX_NEAREST_MAX_LINKS 128    /* links */
#define MERX_NEAREST_MAX_SEARCH 65536 /* ef, ef_construction, and k of HNSW */
#define MERX_NEAREST_MAX_NORM 1e18    /* of a vector: its square fits a float */

/* 0 means the default. HNSW's words are the paper's. */
typedef struct merx_nearest_options {
    merx_similarity similarity;
    merx_nearest_method method;
    size_t
        links; /* M: links a vector makes on each layer, 2 … MERX_NEAREST_MAX_LINKS; it keeps up to 2 M on the lowest; default 16 */
    size_t ef_construction; /* candidates kept while linking; default 200 */
    size_t ef;              /* candidates kept while searching, at least k; default 64. See merx_nearest_tune. */
    uint64_t seed;          /* of the layers, which are drawn by id */
} merx_nearest_options;

typedef struct merx_neighbour {
    int64_t id;   /* -1: there are fewer than k vectors */
    double score; /* cosine, inner product or distance; NaN with id -1 */
} merx_neighbour;

typedef struct merx_nearest merx_nearest;

/*
 * An index of n vectors (n 0: empty, to be added to).
 *
 * options  NULL: all defaults (cosine)
 * x        (n, d) borrowed
 * ids      (n) what neighbours are called: 0 or more, all different; NULL: 0, 1, … n - 1
 * Cost: EXACT O(n d). HNSW about n log n (links + ef_construction) d; its graph takes 8 links + 8 bytes a vector beside 4 d.
 * The same graph for any number of threads: vectors are added in batches whose sizes depend on n alone; a batch is searched for in parallel in the graph of before,
 * compared with itself, and then linked in order.
 * Errors: MERX_E_NUMERIC names the row and column of a value that is not finite, MERX_E_RANGE a vector longer than MERX_NEAREST_MAX_NORM, MERX_E_EXISTS an id that
 * is there twice, MERX_E_LIMIT, MERX_E_CANCELLED.
 * Owns: free with merx_nearest_free.
 */
MERX_API merx_status merx_nearest_build(const merx_allocator *alloc, const merx_nearest_options *options,
                                        const float *x, const int64_t *ids, size_t n, size_t d, merx_task *task,
                                        merx_nearest **out, merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_nearest_free(merx_nearest *index);

/*
 * Adds n more. ids NULL: the numbers after the largest id so far. An index out of a file is copied into memory first.
 * After a failure the index is whole: a cancelled call leaves the batches already linked in it, any other failure leaves it as it was.
 */
MERX_API merx_status merx_nearest_add(merx_nearest *index, const float *x, const int64_t *ids, size_t n,
                                      merx_task *task, merx_error *err) MERX_MUST_CHECK;
/*
 * Removes those with these ids: vectors are wiped, and who was linked to them is linked anew among their neighbours (Singh et al. 2021, "FreshDiskANN",
 * algorithm 4). Cost: one pass over the links, whatever n; remove many at a time.
 * Errors: MERX_E_NOT_FOUND names an id that is not there or is there twice in the list; nothing is removed then.
 */
MERX_API merx_status merx_nearest_remove(merx_nearest *index, const int64_t *ids, size_t n, merx_task *task,
                                         merx_error *err) MERX_MUST_CHECK;

/*
 * The k nearest of each of m queries, nearest first.
 *
 * queries  (m, d) borrowed
 * out      (m, k) written
 * Errors: MERX_E_RANGE for k = 0, or k above MERX_NEAREST_MAX_SEARCH with HNSW; MERX_E_NUMERIC for a query that is not finite.
 */
MERX_API merx_status merx_nearest_search(const merx_nearest *index, const float *queries, size_t m, size_t k,
                                         merx_task *task, merx_neighbour *out, merx_error *err) MERX_MUST_CHECK;
/* The same whatever the method: by comparing with every vector; or by the graph with ef candidates (0: the index's own). MERX_E_UNSUPPORTED without a graph. */
MERX_API merx_status merx_nearest_search_exact(const merx_nearest *index, const float *queries, size_t m, size_t k,
                                               merx_task *task, merx_neighbour *out, merx_error *err) MERX_MUST_CHECK;
MERX_API merx_status merx_nearest_search_graph(const merx_nearest *index, const float *queries, size_t m, size_t k,
                                               size_t ef, merx_task *task, merx_neighbour *out,
                                               merx_error *err) MERX_MUST_CHECK;
/* The k nearest of vectors of the index, themselves left out: out (m, k). MERX_E_NOT_FOUND for an id that is not there. */
MERX_API merx_status merx_nearest_search_ids(const merx_nearest *index, const int64_t *ids, size_t m, size_t k,
                                             merx_task *task, merx_neighbour *out, merx_error *err) MERX_MUST_CHECK;

/* What recall@k was measured: the share of the k nearest that a search finds, mean over queries with its 95 % interval (bootstrap over queries). Equal scores count as found. */
typedef struct merx_recall {
    double value, low, high;
    size_t k, ef, queries;
} merx_recall;

/*
 * Measures recall@k against exact search.
 *
 * queries  (m, d) borrowed; NULL: m vectors of the index drawn by the task's seed, each left out of its own neighbours (all of them when m is n or more)
 * ef       0: the index's own
 * Cost: one exact search of m queries.
 */
MERX_API merx_status merx_nearest_measure(const merx_nearest *index, const float *queries, size_t m, size_t k,
                                          size_t ef, merx_task *task, merx_recall *out,
                                          merx_error *err) MERX_MUST_CHECK;
/*
 * Sets ef to the least of k, 1.25 k … for which the recall@k so measured is at least `recall` (its estimate; the interval stands beside it), and keeps what was measured
 * with the index and its file. recall in (0, 1]. For EXACT it measures 1.
 * Errors: MERX_E_NUMERIC when even the largest ef does not reach it: more links or ef_construction are needed; the index is left as it was.
 */
MERX_API merx_status merx_nearest_tune(merx_nearest *index, const float *queries, size_t m, size_t k, double recall,
                                       merx_task *task, merx_recall *out, merx_error *err) MERX_MUST_CHECK;

typedef struct merx_nearest_info {
    merx_similarity similarity;
    merx_nearest_method method;                /* EXACT or HNSW */
    size_t count, width;                       /* vectors, d */
    size_t links, ef_construction, ef, layers; /* HNSW; 0 otherwise */
    uint64_t seed;
    merx_recall recall; /* of the last merx_nearest_tune since vectors were added or removed; k 0: not measured */
} merx_nearest_info;
MERX_API merx_nearest_info merx_nearest_describe(const merx_nearest *index);
MERX_API bool merx_nearest_has(const merx_nearest *index, int64_t id);
/* The vector kept under an id, (d) borrowed until the index changes: at unit length for cosine. NULL: none. */
MERX_API const float *merx_nearest_vector(const merx_nearest *index, int64_t id);

/*
 * A file in the tensor layout (safetensors): bytes depend on what was added and removed, options and seed alone. merx_nearest_load maps it read-only and checks the
 * graph, every link of it; verify also reads every byte against the checksum.
 * Errors: MERX_E_CORRUPT, MERX_E_VERSION; no half object.
 */
MERX_API merx_status merx_nearest_save(const merx_nearest *index, const char *path, merx_error *err) MERX_MUST_CHECK;
MERX_API merx_status merx_nearest_load(const merx_allocator *alloc, const char *path, bool verify, merx_nearest **out,
                                       merx_error *err) MERX_MUST_CHECK;
/* The same of bytes in memory, which are kept: they must outlive the index and be aligned to 64. name: for messages. */
MERX_API merx_status merx_nearest_load_memory(const merx_allocator *alloc, const void *data, size_t size,
                                              const char *name, bool verify, merx_nearest **out,
                                              merx_error *err) MERX_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
