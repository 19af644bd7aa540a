/*
 * A list, the last used first, under a lock; decoding is outside of it.
 */
#include "server/picture_sizes.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "merx/media.h"

enum { KEY_BYTES = 320, ENTRY_BYTES = 512 /* what an entry costs beside its picture */ };

typedef struct entry {
    char key[KEY_BYTES]; /* owner, side, blob */
    merx_bytes png;      /* size 0: the picture itself serves */
    struct entry *next;
} entry;

struct mx_picture_sizes {
    pthread_mutex_t lock; /* of all that follows */
    merx_decoder *decoder;
    size_t most_bytes, bytes;
    entry *first;
};

merx_status mx_picture_sizes_new(size_t most_bytes, mx_picture_sizes **out, merx_error *err)
{
    *out = NULL;
    MX_TRY(MX_NEW_ARRAY(NULL, 1, out, "small pictures", err));
    pthread_mutex_init(&(*out)->lock, NULL);
    (*out)->most_bytes = most_bytes;
    return MERX_OK;
}

static size_t cost(const entry *e)
{
    return e->png.size + ENTRY_BYTES;
}

static void free_entry(entry *e)
{
    merx_bytes_release(&e->png);
    MX_FREE_ARRAY(NULL, e, 1);
}

void mx_picture_sizes_free(mx_picture_sizes *sizes)
{
    if (!sizes)
        return;
    while (sizes->first) {
        entry *e = sizes->first;
        sizes->first = e->next;
        free_entry(e);
    }
    merx_decoder_free(sizes->decoder);
    pthread_mutex_destroy(&sizes->lock);
    MX_FREE_ARRAY(NULL, sizes, 1);
}

static merx_status copy_out(const entry *e, mx_arena *arena, mx_str *out, merx_error *err)
{
    *out = (mx_str){"", 0};
    if (e->png.size == 0)
        return MERX_OK;
    char *copy = mx_arena_strndup(arena, (const char *)e->png.data, e->png.size, err);
    if (!copy)
        return MERX_E_MEMORY;
    *out = (mx_str){copy, e->png.size};
    return MERX_OK;
}

/* Under the lock: taken out of the list; NULL: it is not there. */
static entry *take(mx_picture_sizes *sizes, const char *key)
{
    for (entry **at = &sizes->first; *at; at = &(*at)->next)
        if (strcmp((*at)->key, key) == 0) {
            entry *e = *at;
            *at = e->next;
            sizes->bytes -= cost(e);
            return e;
        }
    return NULL;
}

/* Under the lock: to the front; the last are dropped until there is room. e is taken. */
static void put(mx_picture_sizes *sizes, entry *e)
{
    e->next = sizes->first;
    sizes->first = e;
    sizes->bytes += cost(e);
    while (sizes->bytes > sizes->most_bytes && sizes->first) {
        entry **last = &sizes->first;
        while ((*last)->next)
            last = &(*last)->next;
        entry *dropped = *last;
        *last = NULL;
        sizes->bytes -= cost(dropped);
        free_entry(dropped);
    }
}

static merx_status decoder_of(mx_picture_sizes *sizes, merx_decoder **out, merx_error *err)
{
    merx_status status = MERX_OK;
    pthread_mutex_lock(&sizes->lock);
    if (!sizes->decoder)
        status = merx_decoder_new(NULL, &(merx_decoder_options){.processes = 1}, &sizes->decoder, err);
    *out = sizes->decoder;
    pthread_mutex_unlock(&sizes->lock);
    return status;
}

static merx_status make(mx_picture_sizes *sizes, const char *blob, mx_str picture, size_t side, merx_bytes *out,
                        merx_error *err)
{
    merx_picture_options options = {.height = side, .width = side, .fit = MERX_PICTURE_INSIDE};
    merx_picture_bytes in = {picture.data, picture.size, blob};
    merx_decoder *decoder;
    merx_picture small;

    MX_TRY(decoder_of(sizes, &decoder, err));
    MX_TRY(merx_pictures_decode(decoder, &in, 1, &options, NULL, &small, err));
    merx_status status = MERX_OK;
    if (!small.pixels)
        status = mx_error_set(err, small.error.code, blob, "%s", small.error.message);
    else if (small.source_height > side || small.source_width > side)
        status = merx_png_encode(small.pixels, small.height, small.width, 3, NULL, out, err);
    merx_picture_release(&small);
    return status;
}

merx_status mx_picture_sizes_get(mx_picture_sizes *sizes, const void *owner, const char *blob, mx_str picture,
                                 size_t side, mx_arena *arena, mx_str *out, merx_error *err)
{
    char key[KEY_BYTES];
    entry *e;

    snprintf(key, sizeof key, "%p %zu %s", owner, side, blob);
    pthread_mutex_lock(&sizes->lock);
    e = take(sizes, key);
    merx_status status = e ? copy_out(e, arena, out, err) : MERX_OK;
    if (e)
        put(sizes, e);
    pthread_mutex_unlock(&sizes->lock);
    if (e)
        return status;

    MX_TRY(MX_NEW_ARRAY(NULL, 1, &e, "small picture", err));
    memcpy(e->key, key, sizeof key);
    status = make(sizes, blob, picture, side, &e->png, err);
    if (status == MERX_OK)
        status = copy_out(e, arena, out, err);
    if (status != MERX_OK) {
        free_entry(e);
        return status;
    }
    pthread_mutex_lock(&sizes->lock);
    entry *twin = take(sizes, key); /* another request's, of the same moment */
    if (twin)
        free_entry(twin);
    put(sizes, e);
    pthread_mutex_unlock(&sizes->lock);
    return MERX_OK;
}

size_t mx_picture_sizes_bytes(mx_picture_sizes *sizes)
{
    pthread_mutex_lock(&sizes->lock);
    size_t bytes = sizes->bytes;
    pthread_mutex_unlock(&sizes->lock);
    return bytes;
}
