/*
 * Data sets of pictures: their pixels, in batches through a decoder (what is in one: pictures_open.c).
 */
#include <limits.h>
#include <string.h>

#include "base/run.h"
#include "io/file.h"
#include "media/decoder.h"
#include "media/picture.h"
#include "media/pictures_state.h"

/* ---- opening ---- */

merx_status merx_pictures_open(const char *path, const merx_pictures_options *options, merx_task *task,
                               merx_pictures **out, merx_error *err)
{
    static const merx_pictures_options defaults = {0};
    const merx_allocator *alloc = merx_task_allocator(task);
    merx_pictures *set = NULL;
    merx_status status;
    *out = NULL;
    if (options == NULL)
        options = &defaults;
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &set, "data set of pictures", err));
    set->alloc = alloc;
    set->task = task;
    set->fd = -1;
    set->picture = options->picture;
    if (options->picture.background != NULL) {
        memcpy(set->background, options->picture.background, 3);
        set->picture.background = set->background;
    }
    set->folder = mx_path_is_folder(path);
    mx_arena_init(&set->arena, alloc);
    mx_arena_init(&set->batch_arena, alloc);
    set->members = mx_vec_init(alloc, sizeof(mx_member), SIZE_MAX / 256, "pictures");
    set->skipped = mx_vec_init(alloc, sizeof(mx_skipped), SIZE_MAX / 4096, "pictures left out");
    if ((set->path = mx_arena_strdup(&set->arena, path, err)) == NULL) {
        status = MERX_E_MEMORY;
        goto out;
    }
    set->decoder = options->decoder;
    if (set->decoder == NULL) {
        const int threads = merx_task_threads(task);
        const merx_decoder_options own = {.processes = threads < MX_DECODER_MOST ? threads : MX_DECODER_MOST};
        MX_TRY_GOTO(merx_decoder_new(alloc, &own, &set->decoder, err));
        set->own_decoder = true;
    }
    MX_TRY_GOTO(mx_pictures_list(set, options, err));
    *out = set;
    return MERX_OK;
out:
    merx_pictures_free(set);
    return status;
}

static void drop_batch(merx_pictures *set)
{
    for (size_t i = 0; i < set->batch_count; i++)
        merx_picture_release(&set->batch[i]);
    set->batch_count = 0;
}

void merx_pictures_free(merx_pictures *set)
{
    if (set == NULL)
        return;
    drop_batch(set);
    if (set->own_decoder)
        merx_decoder_free(set->decoder);
    mx_source_close(set->tar);
    mx_vec_release(&set->members);
    mx_vec_release(&set->skipped);
    mx_arena_release(&set->batch_arena);
    mx_arena_release(&set->arena);
    MX_FREE_ARRAY(set->alloc, set, 1);
}

/* ---- what is in it ---- */

size_t merx_pictures_count(const merx_pictures *set)
{
    return set->members.count;
}

const char *merx_pictures_name(const merx_pictures *set, size_t i)
{
    return MX_VEC_AT(&set->members, const mx_member, i).name;
}

size_t merx_pictures_label_columns(const merx_pictures *set)
{
    return set->n_columns;
}

size_t merx_pictures_levels(const merx_pictures *set, size_t column)
{
    return set->columns[column].n_levels;
}

const char *merx_pictures_level(const merx_pictures *set, size_t column, size_t code)
{
    return set->columns[column].levels[code];
}

int32_t merx_pictures_code(const merx_pictures *set, size_t i, size_t column)
{
    return set->columns[column].codes[i];
}

const char *merx_pictures_label(const merx_pictures *set, size_t i, size_t column)
{
    return set->columns[column].levels[set->columns[column].codes[i]];
}

/* ---- bytes ---- */

static merx_status read_file(merx_pictures *set, const char *name, merx_picture_bytes *out, merx_error *err)
{
    char path[PATH_MAX];
    MX_TRY(mx_pictures_path(set, name, path, err));
    return mx_read_picture(path, set->decoder->options.max_bytes, &set->batch_arena, out, err);
}

static merx_status read_member(merx_pictures *set, const mx_member *member, merx_picture_bytes *out, merx_error *err)
{
    size_t got = 0;
    *out = (merx_picture_bytes){.bytes = member->held, .size = (size_t)member->size};
    if (member->held != NULL || member->size == 0 || member->size > set->decoder->options.max_bytes)
        return MERX_OK;
    unsigned char *bytes = mx_arena_alloc(&set->batch_arena, out->size, err);
    if (bytes == NULL)
        return MERX_E_MEMORY;
    MX_TRY(mx_read_at(set->fd, member->offset, bytes, out->size, &got, set->path, err));
    if (got < out->size)
        MX_FAIL(err, MERX_E_CHANGED, set->path, "was cut short since it was opened");
    out->bytes = bytes;
    return MERX_OK;
}

/* n <= MX_PICTURES_BATCH */
static merx_status read_batch(merx_pictures *set, const size_t *index, size_t n, merx_picture *out, merx_error *err)
{
    merx_picture_bytes in[MX_PICTURES_BATCH];
    merx_error *failed[MX_PICTURES_BATCH] = {NULL};
    mx_arena_clear(&set->batch_arena);
    for (size_t i = 0; i < n; i++) {
        const mx_member *member = &MX_VEC_AT(&set->members, mx_member, index[i]);
        merx_error why = {0};
        const merx_status status =
            set->folder ? read_file(set, member->name, &in[i], &why) : read_member(set, member, &in[i], &why);
        in[i].name = member->name;
        if (status == MERX_E_MEMORY || status == MERX_E_CHANGED)
            return mx_error_set(err, status, why.where, "%s", why.message);
        if (status != MERX_OK) { /* this one can't be read: its own failure */
            failed[i] = mx_arena_alloc(&set->batch_arena, sizeof why, err);
            if (failed[i] == NULL)
                return MERX_E_MEMORY;
            *failed[i] = why;
            in[i] = (merx_picture_bytes){.name = member->name};
        }
    }
    MX_TRY(merx_pictures_decode(set->decoder, in, n, &set->picture, set->task, out, err));
    for (size_t i = 0; i < n; i++)
        if (failed[i] != NULL)
            out[i].error = *failed[i];
    return MERX_OK;
}

merx_status merx_pictures_read(merx_pictures *set, const size_t *index, size_t n, merx_picture *out, merx_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (index[i] >= set->members.count)
            MX_FAIL(err, MERX_E_RANGE, set->path, "picture %zu is asked of %zu", index[i], set->members.count);
    for (size_t i = 0; i < n; i += MX_PICTURES_BATCH) {
        const size_t m = n - i < MX_PICTURES_BATCH ? n - i : MX_PICTURES_BATCH;
        const merx_status status = read_batch(set, index + i, m, out + i, err);
        if (status != MERX_OK) {
            for (size_t k = 0; k < i; k++)
                merx_picture_release(&out[k]);
            return status;
        }
    }
    return MERX_OK;
}

/* ---- one after the other ---- */

static merx_status skip(merx_pictures *set, size_t i, const merx_error *why, merx_error *err)
{
    const mx_skipped skipped = {.name = merx_pictures_name(set, i), .error = *why};
    return mx_vec_append(&set->skipped, &skipped, 1, err);
}

merx_status merx_pictures_next(merx_pictures *set, merx_pictures_item *item, merx_error *err)
{
    *item = (merx_pictures_item){.picture = NULL};
    for (;;) {
        while (set->cursor < set->batch_first + set->batch_count) {
            const size_t i = set->cursor;
            const merx_picture *picture = &set->batch[i - set->batch_first];
            if (picture->error.code != MERX_OK) {
                MX_TRY(skip(set, i, &picture->error, err));
                set->cursor++;
                continue;
            }
            set->cursor++;
            *item = (merx_pictures_item){.index = i, .name = merx_pictures_name(set, i), .picture = picture};
            return MERX_OK;
        }
        drop_batch(set);
        if (set->cursor >= set->members.count)
            return MERX_OK;
        size_t index[MX_PICTURES_BATCH], n = 0;
        while (n < MX_PICTURES_BATCH && set->cursor + n < set->members.count) {
            index[n] = set->cursor + n;
            n++;
        }
        MX_TRY(read_batch(set, index, n, set->batch, err));
        set->batch_first = set->cursor;
        set->batch_count = n;
    }
}

void merx_pictures_rewind(merx_pictures *set)
{
    drop_batch(set);
    mx_vec_clear(&set->skipped);
    set->cursor = 0;
}

size_t merx_pictures_skipped(const merx_pictures *set)
{
    return set->skipped.count;
}

const char *merx_pictures_skipped_name(const merx_pictures *set, size_t i)
{
    return MX_VEC_AT(&set->skipped, const mx_skipped, i).name;
}

const merx_error *merx_pictures_skipped_error(const merx_pictures *set, size_t i)
{
    return &MX_VEC_AT(&set->skipped, const mx_skipped, i).error;
}

/* ---- all at once ---- */

void merx_picture_tensor_release(merx_picture_tensor *tensor)
{
    const size_t size = tensor->height * tensor->width * 3;
    if (tensor->pixels != NULL)
        mx_free_array(tensor->alloc, tensor->pixels, tensor->capacity, size);
    if (tensor->index != NULL)
        MX_FREE_ARRAY(tensor->alloc, tensor->index, tensor->capacity);
    *tensor = (merx_picture_tensor){.n = 0};
}

merx_status merx_pictures_load(merx_pictures *set, merx_picture_tensor *out, merx_error *err)
{
    const size_t count = set->members.count;
    *out = (merx_picture_tensor){
        .height = set->picture.height, .width = set->picture.width, .capacity = count, .alloc = set->alloc};
    const size_t size = out->height * out->width * 3;
    size_t bytes;
    if (size == 0 || set->picture.fit == MERX_PICTURE_INSIDE)
        MX_FAIL(err, MERX_E_INVALID, set->path,
                "a tensor needs one size for all: height, width, and a fit that fills them");
    if (!mx_mul_size(count, size, &bytes))
        MX_FAIL(err, MERX_E_LIMIT, set->path, "%zu pictures of %zu bytes can't be held", count, size);
    merx_status status;
    MX_TRY(mx_task_require_memory(set->task, bytes, "loading the pictures", err));
    MX_TRY_GOTO(mx_alloc_array_raw(set->alloc, count, size, "pixels", &out->pixels, err));
    MX_TRY_GOTO(mx_alloc_array_raw(set->alloc, count, sizeof *out->index, "places of pictures", &out->index, err));
    merx_pictures_rewind(set);
    mx_task_stage(set->task, "decode pictures", count, "pictures");
    for (;;) {
        merx_pictures_item item;
        MX_TRY_GOTO(merx_pictures_next(set, &item, err));
        if (item.picture == NULL)
            break;
        memcpy(out->pixels + out->n * size, item.picture->pixels, size);
        out->index[out->n++] = item.index;
        MX_TRY_GOTO(mx_task_step(set->task, item.index + 1, err));
    }
    mx_task_done(set->task);
    return MERX_OK;
out:
    merx_picture_tensor_release(out);
    return status;
}
