/*
 * An arena on the heap: what lies behind the `memory` of a public result. Floor 5.
 */
#ifndef MX_SHOP_HEAP_ARENA_H
#define MX_SHOP_HEAP_ARENA_H

#include "base/memory.h"

merx_status mx_heap_arena_new(const merx_allocator *alloc, mx_arena **out, merx_error *err) MERX_MUST_CHECK;
void mx_heap_arena_free(void *arena); /* NULL is allowed */

#endif
