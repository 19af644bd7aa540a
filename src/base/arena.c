/*
 * An arena: a list of blocks, each four times an ordinary request or larger; the first of the list is the one being filled.
 * A request that is large for the block being filled gets a block of its own behind it.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum { HEADER = 64, STEP = 16, FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20 };

struct mx_arena_block {
    struct mx_arena_block *next;
    size_t size; /* of data, without the header */
    size_t used;
};

static char *block_data(struct mx_arena_block *block)
{
    return (char *)block + HEADER;
}

static void free_block(mx_arena *arena, struct mx_arena_block *block)
{
    arena->alloc->release(arena->alloc->context, block, HEADER + block->size);
}

void mx_arena_init(mx_arena *arena, const merx_allocator *alloc)
{
    *arena = (mx_arena){.alloc = mx_allocator_or_default(alloc)};
}

static struct mx_arena_block *new_block(mx_arena *arena, size_t size, merx_error *err)
{
    struct mx_arena_block *block = NULL;
    size_t whole = 0;
    if (mx_add_size(size, HEADER, &whole))
        block = arena->alloc->alloc(arena->alloc->context, whole);
    if (block == NULL) {
        mx_error_set(err, MERX_E_MEMORY, "arena", "no memory for %zu bytes", size);
        return NULL;
    }
    mx_wish_large_pages(block, whole);
    *block = (struct mx_arena_block){.size = size};
    return block;
}

/* The block of `size` bytes that are asked for next, where the one being filled (NULL: none) has no room. */
static struct mx_arena_block *next_block(mx_arena *arena, size_t size, merx_error *err)
{
    struct mx_arena_block *block = arena->blocks;
    size_t usual = arena->first_size > FIRST_BLOCK ? arena->first_size : FIRST_BLOCK;
    if (block != NULL)
        usual = block->size >= LARGEST_BLOCK / 2 ? LARGEST_BLOCK : block->size * 2;
    bool own = size > (block != NULL ? usual / 4 : usual);
    struct mx_arena_block *fresh = new_block(arena, own ? size : usual, err);
    if (fresh == NULL)
        return NULL;
    if (own && block != NULL) {
        fresh->next = block->next;
        block->next = fresh;
    } else {
        fresh->next = block;
        arena->blocks = fresh;
    }
    return fresh;
}

/* Not zeroed. alignment: STEP or the allocators' own, HEADER. */
static void *take(mx_arena *arena, size_t size, size_t alignment, merx_error *err)
{
    size_t rounded = 0;
    if (!mx_add_size(size > 0 ? size : 1, STEP - 1, &rounded)) {
        mx_error_set(err, MERX_E_MEMORY, "arena", "%zu bytes are more than can be addressed", size);
        return NULL;
    }
    rounded -= rounded % STEP;
    struct mx_arena_block *block = arena->blocks;
    size_t skipped = block != NULL ? -block->used % alignment : 0;
    if (block == NULL || block->size - block->used < skipped || block->size - block->used - skipped < rounded) {
        block = next_block(arena, rounded, err);
        if (block == NULL)
            return NULL;
        skipped = 0;
    }
    void *memory = block_data(block) + block->used + skipped;
    block->used += skipped + rounded;
    arena->used_bytes += skipped + rounded;
    return memory;
}

void *mx_arena_alloc(mx_arena *arena, size_t size, merx_error *err)
{
    void *memory = take(arena, size, STEP, err);
    if (memory != NULL)
        memset(memory, 0, size);
    return memory;
}

/* ---- an allocator ---- */

static void *allocator_alloc(void *context, size_t size)
{
    return take(context, size, HEADER, NULL);
}

static void *allocator_resize(void *context, void *block, size_t old_size, size_t new_size)
{
    void *memory = take(context, new_size, HEADER, NULL);
    if (memory != NULL && block != NULL)
        memcpy(memory, block, old_size < new_size ? old_size : new_size);
    return memory;
}

static void allocator_release(void *context, void *block, size_t size)
{
    (void)context;
    (void)block;
    (void)size;
}

merx_allocator mx_arena_allocator(mx_arena *arena)
{
    return (merx_allocator){
        .alloc = allocator_alloc, .resize = allocator_resize, .release = allocator_release, .context = arena};
}

/* ---- arrays and texts ---- */

void *mx_arena_array(mx_arena *arena, size_t count, size_t element_size, merx_error *err)
{
    size_t size = 0;
    if (!mx_mul_size(count, element_size, &size)) {
        mx_error_set(err, MERX_E_MEMORY, "arena", "%zu elements of %zu bytes are more than can be addressed", count,
                     element_size);
        return NULL;
    }
    return mx_arena_alloc(arena, size, err);
}

char *mx_arena_strndup(mx_arena *arena, const char *text, size_t n, merx_error *err)
{
    size_t size = 0;
    if (!mx_add_size(n, 1, &size)) {
        mx_error_set(err, MERX_E_MEMORY, "arena", "%zu bytes are more than can be addressed", n);
        return NULL;
    }
    char *copy = mx_arena_alloc(arena, size, err);
    if (copy != NULL && n > 0)
        memcpy(copy, text, n);
    return copy;
}

char *mx_arena_strdup(mx_arena *arena, const char *text, merx_error *err)
{
    return mx_arena_strndup(arena, text, strlen(text), err);
}

char *mx_arena_join(mx_arena *arena, const mx_str *parts, size_t n, merx_error *err)
{
    size_t size = 1;
    for (size_t i = 0; i < n; i++)
        size += parts[i].size;
    char *text = take(arena, size, STEP, err), *at = text;
    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (parts[i].size > 0)
            memcpy(at, parts[i].data, parts[i].size);
        at += parts[i].size;
    }
    *at = '\0';
    return text;
}

char *mx_arena_printf(mx_arena *arena, merx_error *err, const char *format, ...)
{
    char small[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(small, sizeof small, format, arguments);
    va_end(arguments);
    if (length < 0) {
        mx_error_set(err, MERX_E_INTERNAL, "arena", "a text could not be formatted");
        return NULL;
    }
    if ((size_t)length < sizeof small)
        return mx_arena_strndup(arena, small, (size_t)length, err);
    char *text = mx_arena_alloc(arena, (size_t)length + 1, err);
    if (text != NULL) {
        va_start(arguments, format);
        vsnprintf(text, (size_t)length + 1, format, arguments);
        va_end(arguments);
    }
    return text;
}

struct mx_arena_adopted {
    struct mx_arena_adopted *next;
    void *block;
    size_t size;
};

merx_status mx_arena_adopt(mx_arena *arena, void *block, size_t size, merx_error *err)
{
    struct mx_arena_adopted *entry = mx_arena_alloc(arena, sizeof *entry, err);
    if (entry == NULL)
        return MERX_E_MEMORY;
    *entry = (struct mx_arena_adopted){arena->adopted, block, size};
    arena->adopted = entry;
    return MERX_OK;
}

void mx_arena_clear(mx_arena *arena)
{
    for (struct mx_arena_adopted *entry = arena->adopted; entry != NULL; entry = entry->next)
        if (entry->block != NULL)
            arena->alloc->release(arena->alloc->context, entry->block, entry->size);
    arena->adopted = NULL;
    /* Of several small blocks none is kept: the first of the next round holds what all of them did. */
    bool several = arena->blocks != NULL && arena->blocks->next != NULL && arena->used_bytes <= LARGEST_BLOCK / 2;
    struct mx_arena_block *kept = NULL;
    for (struct mx_arena_block *block = arena->blocks, *next = NULL; block != NULL; block = next) {
        next = block->next;
        if (!several && (kept == NULL || block->size > kept->size)) {
            if (kept != NULL)
                free_block(arena, kept);
            kept = block;
        } else {
            free_block(arena, block);
        }
    }
    if (several)
        for (arena->first_size = FIRST_BLOCK; arena->first_size < arena->used_bytes;)
            arena->first_size *= 2;
    if (kept != NULL) {
        kept->next = NULL;
        kept->used = 0;
    }
    arena->blocks = kept;
    arena->used_bytes = 0;
}

void mx_arena_release(mx_arena *arena)
{
    mx_arena_clear(arena);
    if (arena->blocks != NULL)
        free_block(arena, arena->blocks);
    arena->blocks = NULL;
}
