/*
 * Asking: the live model of an answer, loaded once, and the reply.
 */
#include "shop/asking.h"

#include <string.h>

#include "shop/heap_arena.h"
#include "shop/loaded_models.h"
#include "shop/pending.h"

merx_status mx_answer_find(const char *name, size_t *answer, merx_error *err)
{
    const char *names[64];
    size_t n = 0;
    for (; n < 64 && mx_answer_at(n); n++) {
        names[n] = mx_answer_at(n)->info.name;
        if (name && strcmp(names[n], name) == 0) {
            *answer = n;
            return MERX_OK;
        }
    }
    const char *nearest = name ? mx_nearest_word(name, names, n) : NULL;
    MX_FAIL(err, MERX_E_NOT_FOUND, "", "there is no answer \"%.60s\"%s%s%s", name ? name : "",
            nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

merx_status mx_question_new(const char *answer, const merx_allocator *alloc, merx_options **out, merx_error *err)
{
    size_t index = 0;
    *out = NULL;
    MX_TRY(mx_answer_find(answer, &index, err));
    return merx_options_new(alloc, mx_answer_at(index)->info.question, out, err);
}

/* ---- whoever asks ---- */

/* What model_of needs. */
typedef struct asker {
    const mx_asking *asking;
    const mx_ask *ask;
} asker;

static merx_status model_of(void *context, const char *name, const void **state, merx_error *err)
{
    const asker *a = context;
    merx_error failure = {0};
    int64_t version;
    size_t index;
    *state = NULL;
    MX_TRY(mx_answer_find(name, &index, err));
    merx_status status = a->asking->model(a->asking->context, index, a->ask, state, &version, &failure);
    if (status == MERX_E_NOT_FITTED)
        return MERX_OK;
    if (status != MERX_OK)
        MX_FAIL(err, status, failure.where, "%s", failure.message);
    return MERX_OK;
}

merx_status mx_answer_asked(const mx_asking *asking, mx_arena *arena, merx_reply *out, merx_error *err)
{
    const mx_answer *answer = mx_answer_at(asking->answer);
    asker a = {.asking = asking};
    mx_ask ask = {.snapshot = asking->seen.snapshot,
                  .tail = asking->seen.tail,
                  .rows = asking->seen.rows,
                  .question = asking->question,
                  .arena = arena,
                  .model_of = model_of,
                  .context = &a};
    void *left = NULL;
    a.ask = &ask;
    ask.left = asking->why ? &left : NULL;
    out->answer = answer->info.name;
    out->sentence = out->score_unit = "";
    out->model_version = 0;
    out->data_offset = asking->offset;
    if (answer->train)
        MX_TRY(asking->model(asking->context, asking->answer, &ask, &ask.state, &out->model_version, err));
    MX_TRY(answer->answer(&ask, out, err));
    return asking->why && answer->explain ? answer->explain(&ask, out, err) : MERX_OK;
}

/* ---- a shop's handle ---- */

static merx_status shop_model(void *context, size_t answer, const mx_ask *ask, const void **state, int64_t *version,
                              merx_error *err)
{
    merx_shop *shop = context;
    mx_model_set *models;
    /* Another version may be live at each question. */
    MX_TRY(mx_model_set_read(shop->records, shop->blobs, shop->models, shop->alloc, &models, err));
    mx_model_set_release(shop->models);
    shop->models = models;
    return mx_model_set_use(models, answer, ask->snapshot, state, version, err);
}

static merx_status ask(merx_shop *shop, mx_asking *asking, mx_arena *arena, merx_reply *out, merx_error *err)
{
    if (!shop->read_only)
        MX_TRY(mx_forget_pending(shop, NULL, err));
    MX_TRY(mx_shop_snapshot(shop, NULL, &asking->seen.snapshot, err));
    asking->offset = asking->seen.snapshot->offset;
    asking->model = shop_model;
    asking->context = shop;
    return mx_answer_asked(asking, arena, out, err);
}

merx_status merx_shop_question(const merx_shop *shop, const char *answer, merx_options **out, merx_error *err)
{
    return mx_question_new(answer, shop->alloc, out, err);
}

merx_status merx_shop_ask(merx_shop *shop, const char *answer, const merx_options *question, bool why, merx_reply *out,
                          merx_error *err)
{
    mx_asking asking = {.question = question, .why = why};
    mx_arena *arena = NULL;
    merx_options *defaults = NULL;
    merx_status status = MERX_OK;

    memset(out, 0, sizeof *out);
    MX_TRY_GOTO(mx_answer_find(answer, &asking.answer, err));
    const merx_option *table = mx_answer_at(asking.answer)->info.question;
    if (!question)
        MX_TRY_GOTO(merx_options_new(shop->alloc, table, &defaults, err));
    else if (merx_options_table(question) != table)
        MX_FAIL_GOTO(err, MERX_E_INVALID, answer, "the question is of another answer; make it with merx_shop_question");
    if (defaults)
        asking.question = defaults;
    MX_TRY_GOTO(mx_heap_arena_new(shop->alloc, &arena, err));
    out->memory = arena;
    MX_TRY_GOTO(ask(shop, &asking, arena, out, err));
out:
    if (status != MERX_OK)
        merx_reply_release(out);
    merx_options_free(defaults);
    return status;
}
