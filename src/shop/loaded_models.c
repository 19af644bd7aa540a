/*
 * Sets of live models.
 */
#include "shop/loaded_models.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shop/model_store.h"

typedef struct loaded_model {
    atomic_uint references;
    const merx_allocator *alloc;
    const mx_answer *answer;
    unsigned char *bytes; /* of the file, in memory of its own: what happens to the file does not happen to the model */
    size_t size;
    mx_tensor_file *file;
    void *state;
    int64_t version;
} loaded_model;

typedef struct model_slot {
    int64_t version;     /* the live one; 0: none */
    const char *blob;    /* of it */
    const char *missing; /* why there is none */
    pthread_mutex_t lock;
    _Atomic(loaded_model *) loaded; /* NULL: not yet */
    loaded_model *older;            /* answers when the live one does not load; NULL: none; under the lock */
} model_slot;

struct mx_model_set {
    atomic_uint references;
    const merx_allocator *alloc;
    mx_blobs *blobs;
    mx_arena arena;
    size_t n;
    model_slot *slot;
};

/* ---- one model ---- */

static loaded_model *take(loaded_model *model)
{
    if (model)
        atomic_fetch_add_explicit(&model->references, 1, memory_order_relaxed);
    return model;
}

static void release(loaded_model *model)
{
    if (!model || atomic_fetch_sub_explicit(&model->references, 1, memory_order_acq_rel) != 1)
        return;
    if (model->state && model->answer->unload)
        model->answer->unload(model->state);
    mx_tensor_file_close(model->file);
    mx_free_array(model->alloc, model->bytes, model->size, 1);
    MX_FREE_ARRAY(model->alloc, model, 1);
}

static merx_status load(const mx_model_set *set, size_t index, mx_snapshot *snapshot, loaded_model **out,
                        merx_error *err)
{
    const mx_answer *answer = mx_answer_at(index);
    const model_slot *slot = &set->slot[index];
    loaded_model *model;
    merx_error failure = {0};
    merx_status status = MERX_OK;

    MX_TRY(MX_NEW_ARRAY(set->alloc, 1, &model, "model", err));
    atomic_init(&model->references, 1);
    model->alloc = set->alloc;
    model->answer = answer;
    model->version = slot->version;
    MX_TRY_GOTO(mx_blobs_read(set->blobs, slot->blob, set->alloc, &model->bytes, &model->size, &failure));
    MX_TRY_GOTO(mx_tensor_file_memory(model->bytes, model->size, slot->blob, set->alloc, true, &model->file, &failure));
    if (answer->load)
        MX_TRY_GOTO(answer->load(model->file, snapshot, set->alloc, &model->state, &failure));
out:
    if (status == MERX_OK) {
        *out = model;
        return MERX_OK;
    }
    release(model);
    if (status == MERX_E_MEMORY || status == MERX_E_CANCELLED)
        MX_FAIL(err, status, failure.where, "%s", failure.message);
    MX_FAIL(err, status, failure.where, "%s; merx train %s makes it anew", failure.message, answer->info.name);
}

/* ---- sets ---- */

static merx_status set_new(mx_blobs *blobs, const merx_allocator *alloc, mx_model_set **out, merx_error *err)
{
    mx_model_set *set;
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &set, "models", err));
    atomic_init(&set->references, 1);
    set->alloc = alloc;
    set->blobs = blobs;
    mx_arena_init(&set->arena, alloc);
    while (mx_answer_at(set->n))
        set->n++;
    merx_status status = MX_NEW_ARRAY(alloc, set->n, &set->slot, "models", err);
    if (status != MERX_OK) {
        mx_arena_release(&set->arena);
        MX_FREE_ARRAY(alloc, set, 1);
        return status;
    }
    for (size_t i = 0; i < set->n; i++)
        pthread_mutex_init(&set->slot[i].lock, NULL);
    *out = set;
    return MERX_OK;
}

mx_model_set *mx_model_set_take(mx_model_set *set)
{
    if (set)
        atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    return set;
}

void mx_model_set_release(mx_model_set *set)
{
    if (!set || atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < set->n; i++) {
        release(atomic_load(&set->slot[i].loaded));
        release(set->slot[i].older);
        pthread_mutex_destroy(&set->slot[i].lock);
    }
    MX_FREE_ARRAY(set->alloc, set->slot, set->n);
    mx_arena_release(&set->arena);
    MX_FREE_ARRAY(set->alloc, set, 1);
}

/* Why an answer has no live model. */
static const char *why_missing(const char *name, const mx_model_record *newest, mx_arena *arena, merx_error *err)
{
    merx_evaluation evaluation = {0};
    if (!newest)
        return mx_arena_printf(arena, err, "has no model yet; train it first: merx train %s", name);
    if (merx_evaluation_parse(newest->metrics.data, &evaluation, NULL) != MERX_OK)
        evaluation.gate[0] = '\0';
    return mx_arena_printf(arena, err,
                           "has no live model: version %" PRId64
                           " did not pass its gate (%.200s); merx train %s --force deploys it",
                           newest->version, evaluation.gate, name);
}

/* The versions of one answer, the live one, and what the set before has loaded of it. */
static merx_status fill_slot(mx_model_set *set, size_t index, const mx_model_record *list, size_t n,
                             mx_model_set *before, merx_error *err)
{
    const char *name = mx_answer_at(index)->info.name;
    model_slot *slot = &set->slot[index];
    const mx_model_record *live = NULL, *newest = NULL;
    for (size_t i = 0; i < n; i++)
        if (mx_str_equal(list[i].answer, mx_str_of(name))) {
            newest = &list[i];
            live = list[i].live ? &list[i] : live;
        }
    if (!live) {
        slot->missing = why_missing(name, newest, &set->arena, err);
        return slot->missing ? MERX_OK : MERX_E_MEMORY;
    }
    slot->version = live->version;
    slot->blob = mx_arena_strndup(&set->arena, live->blob.data, live->blob.size, err);
    if (!slot->blob)
        return MERX_E_MEMORY;
    if (!before)
        return MERX_OK;
    model_slot *old = &before->slot[index];
    pthread_mutex_lock(&old->lock);
    loaded_model *had = atomic_load(&old->loaded);
    if (had && had->version == live->version)
        atomic_store(&slot->loaded, take(had));
    for (size_t i = 0; had && had->version != live->version && i < n; i++)
        if (list[i].version == had->version && mx_str_equal(list[i].answer, mx_str_of(name)))
            slot->older = take(had);
    pthread_mutex_unlock(&old->lock);
    return MERX_OK;
}

static bool same_versions(const mx_model_set *a, const mx_model_set *b)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->slot[i].version != b->slot[i].version ||
            (a->slot[i].missing && strcmp(a->slot[i].missing, b->slot[i].missing) != 0))
            return false;
    return true;
}

merx_status mx_model_set_read(mx_records *records, mx_blobs *blobs, mx_model_set *before, const merx_allocator *alloc,
                              mx_model_set **out, merx_error *err)
{
    merx_status status = MERX_OK;
    mx_model_record *list;
    mx_model_set *set = NULL;
    mx_arena arena;
    size_t n;

    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    mx_arena_init(&arena, alloc);
    MX_TRY_GOTO(mx_model_list(records, NULL, &arena, &list, &n, err));
    MX_TRY_GOTO(set_new(blobs, alloc, &set, err));
    for (size_t i = 0; i < set->n; i++)
        MX_TRY_GOTO(fill_slot(set, i, list, n, before, err));
    if (before && same_versions(set, before)) {
        *out = mx_model_set_take(before);
    } else {
        *out = set;
        set = NULL;
    }
out:
    mx_model_set_release(set);
    mx_arena_release(&arena);
    return status;
}

/* For the operator, once. */
static void say_refused(const char *answer, const model_slot *slot, const merx_error *why)
{
    char line[1200];
    int n = snprintf(line, sizeof line,
                     "merx: the model of %s version %" PRId64 " does not load (%s: %s); version %" PRId64
                     " goes on answering; merx train %s makes it anew\n",
                     answer, slot->version, why->where, why->message, slot->older->version, answer);
    ssize_t written = n > 0 ? write(STDERR_FILENO, line, strlen(line)) : 0;
    (void)written; /* a log that can't be written has nowhere to say so */
}

/* Under the slot's lock. */
static merx_status load_slot(mx_model_set *set, size_t index, mx_snapshot *snapshot, loaded_model **out,
                             merx_error *err)
{
    model_slot *slot = &set->slot[index];
    merx_error failure = {0};
    merx_status status = load(set, index, snapshot, out, &failure);
    if (status == MERX_OK) {
        release(slot->older);
        slot->older = NULL;
    } else if (slot->older && status != MERX_E_MEMORY && status != MERX_E_CANCELLED) {
        say_refused(mx_answer_at(index)->info.name, slot, &failure);
        *out = slot->older;
        slot->older = NULL;
        status = MERX_OK;
    }
    if (status != MERX_OK)
        MX_FAIL(err, status, failure.where, "%s", failure.message);
    atomic_store_explicit(&slot->loaded, *out, memory_order_release);
    return MERX_OK;
}

merx_status mx_model_set_use(mx_model_set *set, size_t answer, mx_snapshot *snapshot, const void **state,
                             int64_t *version, merx_error *err)
{
    model_slot *slot = &set->slot[answer];
    merx_status status = MERX_OK;
    *state = NULL;
    *version = 0;
    if (slot->version == 0)
        MX_FAIL(err, MERX_E_NOT_FITTED, mx_answer_at(answer)->info.name, "%s", slot->missing);
    loaded_model *model = atomic_load_explicit(&slot->loaded, memory_order_acquire);
    if (!model) {
        pthread_mutex_lock(&slot->lock);
        model = atomic_load(&slot->loaded);
        if (!model)
            status = load_slot(set, answer, snapshot, &model, err);
        pthread_mutex_unlock(&slot->lock);
        MX_TRY(status);
    }
    *state = model->state;
    *version = model->version;
    return MERX_OK;
}
