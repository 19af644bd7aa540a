/*
 * What lies all over memory is asked for some steps before it is needed: else each step would wait for it. Floor 0.
 */
#ifndef MX_BASE_PREFETCH_H
#define MX_BASE_PREFETCH_H

#include <stddef.h>

/* Asks for every line of a block. Nothing depends on it. */
static inline void mx_prefetch(const void *from, size_t bytes)
{
    enum { LINE_BYTES = 64 };
    for (size_t at = 0; at < bytes; at += LINE_BYTES)
        __builtin_prefetch((const char *)from + at);
    if (bytes)
        __builtin_prefetch((const char *)from + bytes - 1);
}

#endif
