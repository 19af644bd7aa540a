/*
 * Asking: the live model of an answer, loaded once, and the reply.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shop/heap_arena.h"
#include "shop/loaded_models.h"
#include "shop/model_store.h"
#include "shop/pending.h"

static size_t answer_count(void)
{
    size_t n = 0;
    while (mx_answer_at(n))
        n++;
    return n;
}

static void release_model(const merx_shop *shop, const mx_answer *answer, struct mx_loaded_model *model)
{
    if (model->state && answer->unload)
        answer->unload(model->state);
    mx_tensor_file_close(model->file);
    mx_free_array(shop->alloc, model->bytes, model->size, 1);
    *model = (struct mx_loaded_model){0};
}

static void unload(merx_shop *shop, size_t i)
{
    release_model(shop, mx_answer_at(i), &shop->models[i]);
}

void mx_loaded_models_unload(merx_shop *shop)
{
    for (size_t i = 0; shop->models && i < answer_count(); i++)
        unload(shop, i);
}

void mx_loaded_models_free(merx_shop *shop)
{
    if (!shop->models)
        return;
    mx_loaded_models_unload(shop);
    MX_FREE_ARRAY(shop->alloc, shop->models, answer_count());
    shop->models = NULL;
}

static merx_status find_answer(const char *name, size_t *index, merx_error *err)
{
    const char *names[64];
    size_t n = 0;
    for (; n < 64 && mx_answer_at(n); n++) {
        names[n] = mx_answer_at(n)->info.name;
        if (name && strcmp(names[n], name) == 0) {
            *index = n;
            return MERX_OK;
        }
    }
    const char *nearest = name ? mx_nearest_word(name, names, n) : NULL;
    MX_FAIL(err, MERX_E_NOT_FOUND, "", "there is no answer \"%.60s\"%s%s%s", name ? name : "",
            nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

static merx_status not_fitted(const char *name, const mx_model_record *list, size_t n, merx_error *err)
{
    merx_evaluation evaluation = {0};
    if (n == 0)
        MX_FAIL(err, MERX_E_NOT_FITTED, name, "has no model yet; train it first: merx train %s", name);
    if (merx_evaluation_parse(list[n - 1].metrics.data, &evaluation, NULL) != MERX_OK)
        evaluation.gate[0] = '\0';
    MX_FAIL(err, MERX_E_NOT_FITTED, name,
            "has no live model: version %" PRId64 " did not pass its gate (%.200s); merx train %s --force deploys it",
            list[n - 1].version, evaluation.gate, name);
}

/* For the operator, once a version and handle. */
static void say_refused(const mx_answer *answer, const mx_model_record *live, int64_t version, const merx_error *why)
{
    char line[1200];
    int n = snprintf(line, sizeof line,
                     "merx: the model of %s version %" PRId64 " does not load (%s: %s); version %" PRId64
                     " goes on answering; merx train %s makes it anew\n",
                     answer->info.name, live->version, why->where, why->message, version, answer->info.name);
    ssize_t written = n > 0 ? write(STDERR_FILENO, line, strlen(line)) : 0;
    (void)written; /* a log that can't be written has nowhere to say so */
}

static merx_status load(merx_shop *shop, size_t index, const mx_model_record *live, mx_snapshot *snapshot,
                        merx_error *err)
{
    const mx_answer *answer = mx_answer_at(index);
    struct mx_loaded_model *old = &shop->models[index];
    struct mx_loaded_model fresh = {0};
    merx_error failure = {0};
    merx_status status = MERX_OK;

    MX_TRY_GOTO(mx_blobs_read(shop->blobs, live->blob.data, shop->alloc, &fresh.bytes, &fresh.size, &failure));
    MX_TRY_GOTO(
        mx_tensor_file_memory(fresh.bytes, fresh.size, live->blob.data, shop->alloc, true, &fresh.file, &failure));
    if (answer->load)
        MX_TRY_GOTO(answer->load(fresh.file, snapshot, shop->alloc, &fresh.state, &failure));
    fresh.version = live->version;
out:
    if (status == MERX_OK) {
        release_model(shop, answer, old);
        *old = fresh;
        return MERX_OK;
    }
    release_model(shop, answer, &fresh);
    if (old->version > 0 && status != MERX_E_MEMORY && status != MERX_E_CANCELLED) {
        say_refused(answer, live, old->version, &failure);
        old->refused = live->version;
        return MERX_OK;
    }
    if (status == MERX_E_MEMORY || status == MERX_E_CANCELLED)
        MX_FAIL(err, status, failure.where, "%s", failure.message);
    MX_FAIL(err, status, failure.where, "%s; merx train %s makes it anew", failure.message, answer->info.name);
}

/* The live model, loaded. Another version is live now: that one. */
static merx_status use_model(merx_shop *shop, size_t index, mx_snapshot *snapshot, mx_arena *arena, merx_error *err)
{
    const char *name = mx_answer_at(index)->info.name;
    mx_model_record *list;
    size_t n;

    MX_TRY(mx_model_list(shop->records, name, arena, &list, &n, err));
    const mx_model_record *live = mx_model_live(list, n);
    if (!live)
        return not_fitted(name, list, n, err);
    if (!shop->models)
        MX_TRY(MX_NEW_ARRAY(shop->alloc, answer_count(), &shop->models, "models", err));
    if (shop->models[index].version == live->version || shop->models[index].refused == live->version)
        return MERX_OK;
    return load(shop, index, live, snapshot, err);
}

/* What model_of needs. */
typedef struct asker {
    merx_shop *shop;
    mx_snapshot *snapshot;
    mx_arena *arena;
} asker;

static merx_status model_of(void *context, const char *name, const void **state, merx_error *err)
{
    const asker *a = context;
    merx_error failure = {0};
    size_t index;
    *state = NULL;
    MX_TRY(find_answer(name, &index, err));
    merx_status status = use_model(a->shop, index, a->snapshot, a->arena, &failure);
    if (status == MERX_E_NOT_FITTED)
        return MERX_OK;
    if (status != MERX_OK)
        MX_FAIL(err, status, failure.where, "%s", failure.message);
    *state = a->shop->models[index].state;
    return MERX_OK;
}

static merx_status ask(merx_shop *shop, size_t index, const merx_options *question, bool why, mx_arena *arena,
                       merx_reply *out, merx_error *err)
{
    const mx_answer *answer = mx_answer_at(index);
    mx_snapshot *snapshot;

    if (!shop->read_only)
        MX_TRY(mx_forget_pending(shop, NULL, err));
    MX_TRY(mx_shop_snapshot(shop, NULL, &snapshot, err));
    if (answer->train)
        MX_TRY(use_model(shop, index, snapshot, arena, err));
    mx_ask context = {.snapshot = snapshot,
                      .state = answer->train ? shop->models[index].state : NULL,
                      .question = question,
                      .arena = arena,
                      .model_of = model_of,
                      .context = &(asker){shop, snapshot, arena}};
    out->answer = answer->info.name;
    out->sentence = out->score_unit = "";
    out->model_version = answer->train ? shop->models[index].version : 0;
    out->data_offset = snapshot->offset;
    MX_TRY(answer->answer(&context, out, err));
    return why && answer->explain ? answer->explain(&context, out, err) : MERX_OK;
}

merx_status merx_shop_question(const merx_shop *shop, const char *answer, merx_options **out, merx_error *err)
{
    size_t index = 0;
    *out = NULL;
    MX_TRY(find_answer(answer, &index, err));
    return merx_options_new(shop->alloc, mx_answer_at(index)->info.question, out, err);
}

merx_status merx_shop_ask(merx_shop *shop, const char *answer, const merx_options *question, bool why, merx_reply *out,
                          merx_error *err)
{
    size_t index = 0;
    mx_arena *arena = NULL;
    merx_options *defaults = NULL;
    merx_status status = MERX_OK;

    memset(out, 0, sizeof *out);
    MX_TRY_GOTO(find_answer(answer, &index, err));
    if (!question)
        MX_TRY_GOTO(merx_options_new(shop->alloc, mx_answer_at(index)->info.question, &defaults, err));
    else if (merx_options_table(question) != mx_answer_at(index)->info.question)
        MX_FAIL_GOTO(err, MERX_E_INVALID, answer, "the question is of another answer; make it with merx_shop_question");
    MX_TRY_GOTO(mx_heap_arena_new(shop->alloc, &arena, err));
    out->memory = arena;
    MX_TRY_GOTO(ask(shop, index, question ? question : defaults, why, arena, out, err));
out:
    if (status != MERX_OK)
        merx_reply_release(out);
    merx_options_free(defaults);
    return status;
}
