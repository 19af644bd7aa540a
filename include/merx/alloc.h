/*
 * Allocators. One is passed when an object is made (NULL means the default) and serves that object for life; it must
 * outlive the object. All memory returned is aligned to 64 bytes, so that kernels may use whole vectors.
 */
#ifndef MERX_ALLOC_H
#define MERX_ALLOC_H

#include <stddef.h>
#include <stdint.h>

#include "merx/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct merx_allocator {
    /* size > 0. Returns NULL when there is no memory. Thread-safe. */
    void *(*alloc)(void *context, size_t size);
    /* Old and new size > 0; block may be NULL (then as alloc). On NULL the old block is untouched. */
    void *(*resize)(void *context, void *block, size_t old_size, size_t size);
    /* block may be NULL. size is what it was allocated or last resized with. */
    void (*release)(void *context, void *block, size_t size);
    void *context;
} merx_allocator;

/* malloc's heap. Static storage. */
MERX_API const merx_allocator *merx_allocator_default(void);

/*
 * An allocator that refuses to go beyond a budget, counting what it hands out (thread-safe).
 * inner        where memory comes from; NULL means the default; kept
 * max_bytes    0 means no limit (it then only counts)
 * Owns: free the returned object with merx_budget_free, after everything made from it.
 */
typedef struct merx_budget merx_budget;
MERX_API merx_status merx_budget_new(const merx_allocator *inner, uint64_t max_bytes, merx_budget **out,
                                     merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_budget_free(merx_budget *budget);
MERX_API const merx_allocator *merx_budget_allocator(merx_budget *budget);
MERX_API uint64_t merx_budget_max(const merx_budget *budget);
MERX_API uint64_t merx_budget_used(const merx_budget *budget);
MERX_API uint64_t merx_budget_peak(const merx_budget *budget);

/*
 * Reads a size with unit: "256M", "1.5G", "4096", "700MB", "2GiB" (K, M, G, T are powers of 1024).
 * Errors: MERX_E_PARSE, MERX_E_RANGE.
 */
MERX_API merx_status merx_parse_bytes(const char *text, uint64_t *out, merx_error *err) MERX_MUST_CHECK;

/* Frees a text that the library returned (NULL is allowed). */
MERX_API void merx_text_free(char *text);

#ifdef __cplusplus
}
#endif
#endif
