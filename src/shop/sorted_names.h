/*
 * Look-up in a long sorted list of names: a short list of every sixteenth name's first bytes says which few to compare. Floor 5.
 *
 * Halving a list of a million names waits for memory twenty times; the short list stays in the processor's cache.
 */
#ifndef MX_SHOP_SORTED_NAMES_H
#define MX_SHOP_SORTED_NAMES_H

#include "base/str.h"

typedef struct mx_name_marks {
    uint64_t *mark; /* (n) */
    size_t n;
} mx_name_marks;

typedef struct mx_sorted_names {
    const mx_str *name; /* (n) kept, ascending bytewise, distinct */
    size_t n, common;   /* common: bytes that all of them begin with */
    size_t levels;      /* 0: the list is short */
    mx_name_marks level
        [16]; /* [0]: the eight bytes behind those, as a number, of every sixteenth name; [l + 1]: every sixteenth of [l] */
} mx_sorted_names;

/* Cost: O(n / 16). The marks lie in the arena. */
merx_status mx_sorted_names_init(const mx_str *names, size_t n, mx_arena *arena, mx_sorted_names *out,
                                 merx_error *err) MERX_MUST_CHECK;
/* -1: it is not there. Cost: O(log n). Any thread. */
int32_t mx_sorted_names_find(const mx_sorted_names *names, mx_str name);

#endif
