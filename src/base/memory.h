/*
 * Memory helpers over an allocator: checked array sizes, an arena, growing arrays. Floor 0.
 *
 * Words used everywhere for ownership: borrowed, kept (borrowed until the object dies), taken, returned (free with X), written
 * (caller's buffer).
 */
#ifndef MX_BASE_MEMORY_H
#define MX_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "merx/alloc.h"

/* alloc, or the default when NULL. */
const merx_allocator *mx_allocator_or_default(const merx_allocator *alloc);

/* *out = a * b (or a + b); false, with *out = 0, on overflow. */
bool mx_mul_size(size_t a, size_t b, size_t *out);
bool mx_add_size(size_t a, size_t b, size_t *out);

/*
 * An array of count elements, zeroed (count 0: *out = NULL, OK). Overflow and exhaustion give MERX_E_MEMORY, which names `what`
 * and the size asked for.
 */
merx_status mx_alloc_array(const merx_allocator *alloc, size_t count, size_t element_size, const char *what, void *out,
                           merx_error *err) MERX_MUST_CHECK; /* out is a T ** */
/* Not zeroed. */
merx_status mx_alloc_array_raw(const merx_allocator *alloc, size_t count, size_t element_size, const char *what,
                               void *out, merx_error *err) MERX_MUST_CHECK;
void mx_free_array(const merx_allocator *alloc, void *block, size_t count, size_t element_size);

/*
 * Asks the system to keep a large block in large pages: one look-up finds 2 MiB, and zeroing them when they are first written costs a fraction of zeroing
 * 512 small ones. A wish; nothing depends on it. block may be NULL.
 */
void mx_wish_large_pages(void *block, size_t size);

#define MX_NEW_ARRAY(alloc, count, pointer, what, err)                                                                 \
    mx_alloc_array((alloc), (count), sizeof **(pointer), (what), (pointer), (err))
#define MX_FREE_ARRAY(alloc, pointer, count) mx_free_array((alloc), (pointer), (count), sizeof *(pointer))

/*
 * A growing array of one element type with a maximum given when it is made. Contents move on growth.
 *     mx_vec v = mx_vec_init(alloc, sizeof(double), 1u << 20, "rows");
 *     double *slot; MX_TRY(mx_vec_push(&v, 1, &slot, err)); *slot = 3;
 */
typedef struct mx_vec {
    const merx_allocator *alloc;
    void *data;
    size_t count, capacity, element_size, max_count;
    const char *what;
} mx_vec;

mx_vec mx_vec_init(const merx_allocator *alloc, size_t element_size, size_t max_count, const char *what);
/* Appends n uninitialised elements; *out (a T **, may be NULL) is the first. MERX_E_LIMIT past max_count. */
merx_status mx_vec_push(mx_vec *vec, size_t n, void *out, merx_error *err) MERX_MUST_CHECK;
merx_status mx_vec_append(mx_vec *vec, const void *elements, size_t n, merx_error *err) MERX_MUST_CHECK;
merx_status mx_vec_reserve(mx_vec *vec, size_t count, merx_error *err) MERX_MUST_CHECK;
void mx_vec_clear(mx_vec *vec);
void mx_vec_release(mx_vec *vec);
#define MX_VEC_AT(vec, type, i) (((type *)(vec)->data)[i])

/*
 * An arena: many small allocations, freed together. Never moves what it gave. Not thread-safe.
 * mx_arena_alloc returns zeroed memory aligned to 16, or NULL with MERX_E_MEMORY in err.
 */
typedef struct mx_arena {
    const merx_allocator *alloc;
    struct mx_arena_block *blocks;
    struct mx_arena_adopted *adopted;
    size_t used_bytes;
    size_t first_size; /* of the first block, when what came before did not fit into one; 0: the usual */
} mx_arena;

void mx_arena_init(mx_arena *arena, const merx_allocator *alloc);
void *mx_arena_alloc(mx_arena *arena, size_t size, merx_error *err);
void *mx_arena_array(mx_arena *arena, size_t count, size_t element_size, merx_error *err);
/* A terminated copy of n bytes. */
char *mx_arena_strndup(mx_arena *arena, const char *text, size_t n, merx_error *err);
char *mx_arena_strdup(mx_arena *arena, const char *text, merx_error *err);
char *mx_arena_printf(mx_arena *arena, merx_error *err, const char *format, ...) MERX_PRINTF(3, 4);
/* Takes a block of the same allocator, to be released with the arena's own. */
merx_status mx_arena_adopt(mx_arena *arena, void *block, size_t size, merx_error *err) MERX_MUST_CHECK;
/* Keeps what it has learnt: the same again takes one block at most. */
void mx_arena_clear(mx_arena *arena);
void mx_arena_release(mx_arena *arena);
/*
 * An allocator whose blocks are the arena's: releasing one gives nothing back, growing one leaves the old behind. For what lives as long as the arena and changes little. The arena
 * must stay where it is. Not thread-safe.
 */
merx_allocator mx_arena_allocator(mx_arena *arena);

/*
 * For tests: an allocator over the default one that fails the k-th call to alloc or resize (0-based; -1: never) and every
 * later one when `sticky`. It counts calls and live bytes, so that leaks show.
 */
typedef struct mx_failing_allocator {
    merx_allocator allocator; /* pass &f.allocator */
    int64_t fail_at, calls;
    bool sticky;
    int64_t live_bytes, live_blocks;
} mx_failing_allocator;
void mx_failing_allocator_init(mx_failing_allocator *failing, int64_t fail_at, bool sticky);

#endif
