/*
 * Memory of requests that have ended, for those that begin: what was given last is taken first, for it is still in the processor's cache. Floor 7. Any thread.
 */
#ifndef MX_SERVER_SPARE_ARENAS_H
#define MX_SERVER_SPARE_ARENAS_H

#include <pthread.h>

#include "base/memory.h"

enum { MX_SPARE_ARENAS = 32, MX_SPARE_ARENA_BYTES = 64 << 10 }; /* at most so many, of so many bytes each */

typedef struct mx_spare_arenas {
    pthread_mutex_t lock;
    size_t n;
    mx_arena arena[MX_SPARE_ARENAS];
} mx_spare_arenas;

void mx_spare_arenas_init(mx_spare_arenas *spares);
void mx_spare_arenas_release(mx_spare_arenas *spares);
mx_arena mx_spare_arena_take(mx_spare_arenas *spares); /* empty */
void mx_spare_arena_give(mx_spare_arenas *spares, mx_arena *arena);

#endif
