/*
 * A stack under a lock. An arena that was cleared has one block at most, of twice what it held.
 */
#include "server/spare_arenas.h"

void mx_spare_arenas_init(mx_spare_arenas *spares)
{
    pthread_mutex_init(&spares->lock, NULL);
    spares->n = 0;
}

void mx_spare_arenas_release(mx_spare_arenas *spares)
{
    while (spares->n > 0)
        mx_arena_release(&spares->arena[--spares->n]);
    pthread_mutex_destroy(&spares->lock);
}

mx_arena mx_spare_arena_take(mx_spare_arenas *spares)
{
    mx_arena arena;
    pthread_mutex_lock(&spares->lock);
    bool found = spares->n > 0;
    if (found)
        arena = spares->arena[--spares->n];
    pthread_mutex_unlock(&spares->lock);
    if (!found)
        mx_arena_init(&arena, NULL);
    return arena;
}

void mx_spare_arena_give(mx_spare_arenas *spares, mx_arena *arena)
{
    bool kept = arena->used_bytes <= MX_SPARE_ARENA_BYTES / 2;
    mx_arena_clear(arena);
    pthread_mutex_lock(&spares->lock);
    kept = kept && spares->n < MX_SPARE_ARENAS;
    if (kept)
        spares->arena[spares->n++] = *arena;
    pthread_mutex_unlock(&spares->lock);
    if (!kept)
        mx_arena_release(arena);
}
