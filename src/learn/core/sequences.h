/*
 * Sequences of items, in time order: what models of the next item learn from. Floor 3.
 */
#ifndef MX_LEARN_CORE_SEQUENCES_H
#define MX_LEARN_CORE_SEQUENCES_H

#include <stddef.h>
#include <stdint.h>

/* Borrowed: sequence u is items[starts[u] .. starts[u + 1]), each in [0, n_items). */
typedef struct mx_sequences {
    size_t n, n_items;
    const int64_t *starts; /* (n + 1) */
    const int32_t *items;
} mx_sequences;

#endif
