/*
 * Deploying and rolling back.
 */
#include "shop/model_deploy.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "shop/model_store.h"

enum { KEPT = 50 };

static void setting_of(const char *answer, char out[128])
{
    snprintf(out, 128, MX_SETTING_WAS_LIVE "%s", answer);
}

/* An empty list when there is none, or what is there is no list. Owns: json_decref. */
static merx_status read_history(mx_records *records, const char *answer, json_t **out, merx_error *err)
{
    char setting[128];
    const char *text = "";
    mx_arena arena;

    setting_of(answer, setting);
    mx_arena_init(&arena, NULL);
    merx_status status = mx_records_setting(records, setting, &arena, &text, err);
    *out = status == MERX_OK && *text ? json_loads(text, 0, NULL) : NULL;
    mx_arena_release(&arena);
    if (status == MERX_OK && !json_is_array(*out)) {
        json_decref(*out);
        *out = json_array();
    }
    return status;
}

static merx_status write_history(mx_records *records, const char *answer, const json_t *list, merx_error *err)
{
    char setting[128];
    setting_of(answer, setting);
    char *text = json_dumps(list, JSON_COMPACT);
    if (!text)
        MX_FAIL(err, MERX_E_MEMORY, "", "no memory for the history of a model");
    merx_status status = mx_records_set_setting(records, setting, text, err);
    free(text); /* allocated by jansson */
    return status;
}

/* The live version of an answer; 0: none. */
static merx_status find_live(mx_records *records, const char *answer, int64_t *version, merx_error *err)
{
    char id[128];
    mx_record record;
    mx_arena arena;
    merx_error failure = {0};

    snprintf(id, sizeof id, "%s/live", answer);
    mx_arena_init(&arena, NULL);
    merx_status status = mx_records_get(records, MX_MODEL, mx_str_of(id), &arena, &record, &failure);
    *version = status == MERX_OK ? record.model.version : 0;
    mx_arena_release(&arena);
    if (status != MERX_OK && status != MERX_E_NOT_FOUND)
        MX_FAIL(err, status, failure.where, "%s", failure.message);
    return MERX_OK;
}

merx_status mx_model_note_live(mx_records *records, const char *answer, int64_t next, merx_error *err)
{
    int64_t live;
    json_t *list = NULL;
    MX_TRY(find_live(records, answer, &live, err));
    if (live == 0 || live == next)
        return MERX_OK;
    MX_TRY(read_history(records, answer, &list, err));
    json_array_append_new(list, json_integer(live));
    while (json_array_size(list) > KEPT)
        json_array_remove(list, 0);
    merx_status status = write_history(records, answer, list, err);
    json_decref(list);
    return status;
}

merx_status mx_model_read(merx_shop *shop, const mx_model_record *record, unsigned char **bytes, size_t *size,
                          merx_error *err)
{
    char sha256[65];
    MX_TRY(mx_blobs_read(shop->blobs, record->blob.data, shop->alloc, bytes, size, err));
    mx_sha256_hex(*bytes, *size, sha256);
    if (mx_str_equal(record->sha256, mx_str_of(sha256)))
        return MERX_OK;
    mx_free_array(shop->alloc, *bytes, *size, 1);
    *bytes = NULL;
    MX_FAIL(err, MERX_E_CORRUPT, record->blob.data,
            "the file of %.*s version %" PRId64
            " is damaged: its SHA-256 is %.12s…, and was %.12s… when it was trained",
            (int)record->answer.size, record->answer.data, record->version, sha256, record->sha256.data);
}

static merx_status check_whole(merx_shop *shop, const mx_model_record *record, merx_error *err)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    MX_TRY(mx_model_read(shop, record, &bytes, &size, err));
    mx_free_array(shop->alloc, bytes, size, 1);
    return MERX_OK;
}

static merx_status make_live(mx_records *records, const mx_model_record *model, merx_error *err)
{
    mx_record record = {.kind = MX_MODEL, .model = *model};
    record.model.live = true;
    return mx_records_upsert(records, &record, 1, err);
}

static const mx_model_record *find_version(const mx_model_record *list, size_t n, int64_t version)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].version == version)
            return &list[i];
    return NULL;
}

/* ---- deploying ---- */

static merx_status deploy(merx_shop *shop, const char *answer, int64_t version, bool force, mx_arena *arena,
                          int64_t *was, merx_error *err)
{
    mx_model_record *list;
    size_t n;
    merx_evaluation evaluation = {0};

    MX_TRY(mx_model_list(shop->records, answer, arena, &list, &n, err));
    const mx_model_record *live = mx_model_live(list, n);
    const mx_model_record *model = find_version(list, n, version);
    *was = live ? live->version : 0;
    if (!model)
        MX_FAIL(err, MERX_E_NOT_FOUND, "", "%s has no version %" PRId64, answer, version);
    if (model->metrics.size > 0)
        MX_TRY(merx_evaluation_parse(model->metrics.data, &evaluation, err));
    if (!evaluation.gate_passed && !force)
        MX_FAIL(err, MERX_E_GATE, "", "%s version %" PRId64 " did not pass its gate (%.200s)", answer, version,
                evaluation.gate);
    MX_TRY(check_whole(shop, model, err));
    MX_TRY(mx_model_note_live(shop->records, answer, version, err));
    return make_live(shop->records, model, err);
}

static merx_status end(mx_records *records, merx_status status, merx_error *err)
{
    if (status == MERX_OK)
        status = mx_records_commit(records, err);
    if (status != MERX_OK)
        mx_records_rollback(records);
    return status;
}

merx_status mx_model_deploy(merx_shop *shop, const char *answer, int64_t version, bool force, int64_t *was,
                            merx_error *err)
{
    mx_arena arena;
    *was = 0;
    MX_TRY(mx_records_begin(shop->records, err));
    mx_arena_init(&arena, shop->alloc);
    merx_status status = deploy(shop, answer, version, force, &arena, was, err);
    mx_arena_release(&arena);
    return end(shop->records, status, err);
}

/* ---- rolling back ---- */

static merx_status roll_back(merx_shop *shop, const char *answer, mx_arena *arena, json_t *history, int64_t *live,
                             int64_t *was, merx_error *err)
{
    mx_model_record *list;
    size_t n;
    merx_error damage = {0};

    MX_TRY(mx_model_list(shop->records, answer, arena, &list, &n, err));
    const mx_model_record *now = mx_model_live(list, n);
    *was = now ? now->version : 0;
    while (json_array_size(history) > 0) {
        size_t last = json_array_size(history) - 1;
        const mx_model_record *model = find_version(list, n, json_integer_value(json_array_get(history, last)));
        json_array_remove(history, last);
        if (!model || model == now)
            continue;
        merx_error failure = {0};
        merx_status status = check_whole(shop, model, &failure);
        if (status == MERX_E_CORRUPT || status == MERX_E_NOT_FOUND) {
            damage = failure;
            continue;
        }
        if (status != MERX_OK)
            MX_FAIL(err, status, failure.where, "%s", failure.message);
        MX_TRY(write_history(shop->records, answer, history, err));
        *live = model->version;
        return make_live(shop->records, model, err);
    }
    if (damage.code != MERX_OK)
        MX_FAIL(err, damage.code, damage.where, "%s", damage.message);
    MX_FAIL(err, MERX_E_NOT_FITTED, "", "no other version of %s was live before", answer);
}

merx_status mx_model_rollback(merx_shop *shop, const char *answer, int64_t *live, int64_t *was, merx_error *err)
{
    mx_arena arena;
    json_t *history = NULL;
    *live = *was = 0;
    MX_TRY(mx_records_begin(shop->records, err));
    mx_arena_init(&arena, shop->alloc);
    merx_status status = read_history(shop->records, answer, &history, err);
    if (status == MERX_OK)
        status = roll_back(shop, answer, &arena, history, live, was, err);
    json_decref(history);
    mx_arena_release(&arena);
    return end(shop->records, status, err);
}
