/*
 * Arenas on the heap. The arena knows its allocator, and so how to free itself.
 */
#include "shop/heap_arena.h"

merx_status mx_heap_arena_new(const merx_allocator *alloc, mx_arena **out, merx_error *err)
{
    alloc = mx_allocator_or_default(alloc);
    *out = NULL;
    MX_TRY(MX_NEW_ARRAY(alloc, 1, out, "result", err));
    mx_arena_init(*out, alloc);
    return MERX_OK;
}

void mx_heap_arena_free(void *arena)
{
    mx_arena *a = arena;
    if (!a)
        return;
    const merx_allocator *alloc = mx_allocator_or_default(a->alloc);
    mx_arena_release(a);
    MX_FREE_ARRAY(alloc, a, 1);
}
