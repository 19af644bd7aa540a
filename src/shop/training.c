/*
 * Training: needs, signature, evaluation, fit, gate, blob, record; one answer after the other.
 */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/run.h"
#include "io/file.h"
#include "shop/heap_arena.h"
#include "shop/model_deploy.h"
#include "shop/model_store.h"
#include "shop/pending.h"

typedef struct trainer {
    merx_shop *shop;
    const merx_train_options *options;
    merx_task *task;
    mx_arena *arena; /* of the result */
    mx_snapshot *snapshot;
} trainer;

static const mx_answer *find_answer(const char *name, merx_error *err)
{
    const char *names[64];
    size_t n = 0;
    for (; n < 64 && mx_answer_at(n); n++) {
        names[n] = mx_answer_at(n)->info.name;
        if (strcmp(names[n], name) == 0)
            return mx_answer_at(n);
    }
    const char *nearest = mx_nearest_word(name, names, n);
    mx_error_set(err, MERX_E_NOT_FOUND, "", "there is no answer \"%.60s\"%s%s%s", name,
                 nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    return NULL;
}

/* Options of training: "answer.name=value". Names of answers are checked once, before anything is done. */
static merx_status check_options(const merx_train_options *options, merx_error *err)
{
    for (size_t i = 0; i < options->n_options; i++) {
        const char *text = options->options[i];
        const char *dot = strchr(text, '.');
        char name[64];
        if (!dot || !strchr(dot, '=') || (size_t)(dot - text) >= sizeof name)
            MX_FAIL(err, MERX_E_INVALID, "", "option \"%.100s\" is not of the form answer.name=value", text);
        memcpy(name, text, (size_t)(dot - text));
        name[dot - text] = '\0';
        if (!find_answer(name, err))
            return MERX_E_NOT_FOUND;
    }
    return MERX_OK;
}

static merx_status options_of(const trainer *t, const mx_answer *answer, merx_options **out, merx_error *err)
{
    size_t size = strlen(answer->info.name);
    merx_status status = merx_options_new(t->shop->alloc, answer->info.training, out, err);
    for (size_t i = 0; status == MERX_OK && i < t->options->n_options; i++) {
        const char *text = t->options->options[i];
        if (strncmp(text, answer->info.name, size) == 0 && text[size] == '.')
            status = merx_options_parse(*out, text + size + 1, err);
    }
    if (status != MERX_OK) {
        merx_options_free(*out);
        *out = NULL;
    }
    return status;
}

/* ---- one answer ---- */

static merx_status evaluate(const trainer *t, const mx_answer *answer, const merx_options *options,
                            merx_evaluation *out, merx_error *err)
{
    char stage[64];
    memset(out, 0, sizeof *out);
    if (!answer->evaluate) {
        out->gate_passed = true;
        snprintf(out->gate, sizeof out->gate, "there is nothing to compare it with");
        return MERX_OK;
    }
    int64_t split_ms = mx_snapshot_split_ms(t->snapshot);
    if (split_ms == 0 && !answer->timeless) {
        snprintf(out->gate, sizeof out->gate, "the data spans less than 14 days: too short to learn and test by time");
        return MERX_OK;
    }
    snprintf(stage, sizeof stage, "evaluate %s", answer->info.name);
    mx_task_stage(t->task, stage, 0, "");
    mx_evaluate evaluate = {t->snapshot, split_ms, options, merx_task_allocator(t->task), t->task};
    merx_error failure = {0};
    merx_status status = answer->evaluate(&evaluate, out, &failure);
    mx_task_done(t->task);
    if (status == MERX_E_INVALID) { /* too little on one side of the split */
        memset(out, 0, sizeof *out);
        snprintf(out->gate, sizeof out->gate, "it can't be evaluated: %.160s", failure.message);
        return MERX_OK;
    }
    if (status != MERX_OK)
        MX_FAIL(err, status, failure.where, "%s", failure.message);
    return MERX_OK;
}

/* The bytes of a model trained on everything. Returned: free with mx_free_array(alloc of the task). */
static merx_status fit(const trainer *t, const mx_answer *answer, const merx_options *options, unsigned char **bytes,
                       size_t *size, merx_error *err)
{
    const merx_allocator *alloc = merx_task_allocator(t->task);
    mx_tensor_writer *writer = NULL;
    merx_status status = MERX_OK;
    mx_arena arena;
    char stage[64];

    snprintf(stage, sizeof stage, "train %s", answer->info.name);
    mx_task_stage(t->task, stage, 0, "");
    mx_arena_init(&arena, alloc);
    MX_TRY_GOTO(mx_tensor_writer_new(alloc, &writer, err));
    MX_TRY_GOTO(mx_model_describe(writer, answer, t->snapshot, options, merx_task_seed(t->task), &arena, err));
    MX_TRY_GOTO(answer->train(t->snapshot, options, alloc, t->task, writer, &arena, err));
    MX_TRY_GOTO(mx_tensor_writer_bytes(writer, bytes, size, err));
out:
    mx_tensor_writer_free(writer);
    mx_arena_release(&arena);
    mx_task_done(t->task);
    return status;
}

static merx_status store(const trainer *t, const mx_answer *answer, const merx_options *options, const char *signature,
                         const unsigned char *bytes, size_t size, merx_trained *out, merx_error *err)
{
    mx_records *records = t->shop->records;
    char *metrics = NULL;
    mx_model_record record = {
        .answer = mx_str_of(answer->info.name), .data_offset = t->snapshot->offset, .live = out->live};
    const char *recipe = mx_model_recipe(options, merx_task_seed(t->task), signature, t->arena, err);
    if (!recipe)
        return MERX_E_MEMORY;
    MX_TRY(merx_evaluation_json(&out->evaluation, &metrics, err));
    record.metrics = mx_str_of(metrics);
    record.options = mx_str_of(recipe);
    merx_status status = mx_records_begin(records, err);
    if (status == MERX_OK)
        status = mx_model_put(t->shop, &record, bytes, size, t->arena, err);
    if (status == MERX_OK)
        status = mx_records_commit(records, err);
    if (status != MERX_OK)
        mx_records_rollback(records);
    out->version = record.version;
    merx_text_free(metrics);
    return status;
}

/* Makes a stored version live. */
static merx_status deploy(const trainer *t, const mx_model_record *model, merx_error *err)
{
    mx_records *records = t->shop->records;
    mx_record record = {.kind = MX_MODEL, .model = *model};
    record.model.live = true;
    MX_TRY(mx_records_begin(records, err));
    merx_status status = mx_model_note_live(records, model->answer.data, model->version, err);
    if (status == MERX_OK)
        status = mx_records_upsert(records, &record, 1, err);
    if (status == MERX_OK)
        status = mx_records_commit(records, err);
    if (status != MERX_OK)
        mx_records_rollback(records);
    return status;
}

/* Whether the version's file is there and what was written. */
static bool is_whole(merx_shop *shop, const mx_model_record *model)
{
    mx_blob blob;
    char sha256[65];
    if (mx_blobs_map(shop->blobs, model->blob.data, &blob, NULL) != MERX_OK)
        return false;
    mx_sha256_hex(blob.data, blob.size, sha256);
    mx_blobs_unmap(shop->blobs, &blob);
    return mx_str_equal(model->sha256, mx_str_of(sha256));
}

/* The newest version of the answer, when it was made of the same and is still whole; NULL: none. */
static merx_status find_same(const trainer *t, const mx_answer *answer, const char *signature,
                             const mx_model_record **out, merx_error *err)
{
    mx_model_record *list;
    size_t n;
    uint64_t seed;
    char before[65] = "";

    *out = NULL;
    MX_TRY(mx_model_list(t->shop->records, answer->info.name, t->arena, &list, &n, err));
    if (n == 0)
        return MERX_OK;
    if (mx_model_recipe_read(list[n - 1].options, NULL, &seed, before, NULL) == MERX_OK &&
        strcmp(before, signature) == 0 && is_whole(t->shop, &list[n - 1]))
        *out = &list[n - 1];
    return MERX_OK;
}

static merx_status keep_same(const trainer *t, const mx_model_record *same, merx_trained *out, merx_error *err)
{
    out->version = same->version;
    out->live = same->live;
    char *metrics = mx_arena_strndup(t->arena, same->metrics.data, same->metrics.size, err);
    if (!metrics)
        return MERX_E_MEMORY;
    MX_TRY(merx_evaluation_parse(metrics, &out->evaluation, err));
    if (!same->live && (out->evaluation.gate_passed || t->options->force)) {
        MX_TRY(deploy(t, same, err));
        out->live = true;
    }
    out->outcome = out->live ? MERX_UNCHANGED : MERX_NOT_BETTER;
    return MERX_OK;
}

static merx_status train_anew(const trainer *t, const mx_answer *answer, const merx_options *options,
                              const char *signature, merx_trained *out, merx_error *err)
{
    unsigned char *bytes = NULL;
    size_t size = 0;

    MX_TRY(evaluate(t, answer, options, &out->evaluation, err));
    MX_TRY(fit(t, answer, options, &bytes, &size, err));
    out->live = out->evaluation.gate_passed || t->options->force;
    out->outcome = out->live ? MERX_TRAINED : MERX_NOT_BETTER;
    merx_status status = store(t, answer, options, signature, bytes, size, out, err);
    mx_free_array(merx_task_allocator(t->task), bytes, size, 1);
    return status;
}

static merx_status train_one(const trainer *t, const mx_answer *answer, merx_trained *out, merx_error *err)
{
    merx_options *options = NULL;
    const mx_model_record *same = NULL;
    merx_error failure = {0};
    char signature[65];

    *out = (merx_trained){.answer = answer->info.name, .note = ""};
    if (!answer->train) {
        out->outcome = MERX_NOTHING_TO_LEARN;
        return MERX_OK;
    }
    MX_TRY(options_of(t, answer, &options, err));
    merx_status status = answer->needs ? answer->needs(t->snapshot, &failure) : MERX_OK;
    if (status == MERX_E_INVALID) {
        out->outcome = MERX_NO_DATA;
        out->note = mx_arena_strdup(t->arena, failure.message, err);
        status = out->note ? MERX_OK : MERX_E_MEMORY;
        goto out;
    }
    if (status != MERX_OK)
        MX_FAIL_GOTO(err, status, failure.where, "%s", failure.message);
    MX_TRY_GOTO(mx_model_signature(answer, t->snapshot, options, merx_task_seed(t->task), signature, err));
    MX_TRY_GOTO(find_same(t, answer, signature, &same, err));
    if (same && !t->options->again)
        MX_TRY_GOTO(keep_same(t, same, out, err));
    else
        MX_TRY_GOTO(train_anew(t, answer, options, signature, out, err));
    if (out->outcome == MERX_NOT_BETTER) {
        out->note = mx_arena_strdup(t->arena, out->evaluation.gate, err);
        if (!out->note)
            status = MERX_E_MEMORY;
    }
out:
    merx_options_free(options);
    return status;
}

static merx_status train_all(trainer *t, const char *answer, merx_training *out, merx_error *err)
{
    const mx_answer *only = answer ? find_answer(answer, err) : NULL;
    size_t n = 0;

    if (answer && !only)
        return MERX_E_NOT_FOUND;
    MX_TRY(check_options(t->options, err));
    if (t->shop->read_only)
        MX_FAIL(err, MERX_E_PERMISSION, t->shop->folder, "the shop was opened read-only");
    MX_TRY(mx_forget_pending(t->shop, t->task, err));
    MX_TRY(mx_model_sweep(t->shop, err));
    MX_TRY(mx_shop_snapshot(t->shop, t->task, &t->snapshot, err));
    while (mx_answer_at(n))
        n++;
    out->trained = mx_arena_array(t->arena, n + 1, sizeof *out->trained, err);
    if (!out->trained)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < n; i++)
        if (!only || mx_answer_at(i) == only)
            MX_TRY(train_one(t, mx_answer_at(i), &out->trained[out->count++], err));
    return MERX_OK;
}

merx_status merx_shop_train(merx_shop *shop, const char *answer, const merx_train_options *options, merx_task *task,
                            merx_training *out, merx_error *err)
{
    static const merx_train_options defaults = {0};
    trainer t = {.shop = shop, .options = options ? options : &defaults, .task = task};

    memset(out, 0, sizeof *out);
    MX_TRY(mx_heap_arena_new(shop->alloc, &t.arena, err));
    out->memory = t.arena;
    merx_status status = train_all(&t, answer, out, err);
    if (status != MERX_OK)
        merx_training_release(out);
    return status;
}

void merx_training_release(merx_training *training)
{
    if (!training)
        return;
    mx_heap_arena_free(training->memory);
    memset(training, 0, sizeof *training);
}

/* ---- evaluation alone ---- */

/* {"best": {"recommend": {"ndcg@20": 0.21}}}: a figure whose name stands there gets its best reachable value. */
static merx_status add_truth(const char *path, const char *answer, merx_evaluation *e, merx_error *err)
{
    mx_map map = {0};
    json_error_t where;

    MX_TRY(mx_map_open(path, &map, err));
    json_t *root = json_loadb(map.data ? (const char *)map.data : "", map.size, 0, &where);
    mx_map_close(&map);
    if (!root)
        MX_FAIL(err, MERX_E_PARSE, path, "line %d: %s", where.line, where.text);
    const json_t *best = json_object_get(json_object_get(root, "best"), answer);
    for (size_t i = 0; i < e->figures; i++) {
        const json_t *value = json_object_get(best, e->figure[i].name);
        e->figure[i].best_reachable = json_is_number(value) ? json_number_value(value) : NAN;
    }
    json_decref(root);
    return MERX_OK;
}

/* The options of the live model, else of the newest, else the defaults. */
static merx_status options_in_use(const trainer *t, const mx_answer *answer, merx_options *options, merx_error *err)
{
    mx_model_record *list;
    size_t n;
    uint64_t seed;
    char signature[65];

    MX_TRY(mx_model_list(t->shop->records, answer->info.name, t->arena, &list, &n, err));
    const mx_model_record *model = n > 0 ? mx_model_live(list, n) : NULL;
    if (!model && n > 0)
        model = &list[n - 1];
    return model ? mx_model_recipe_read(model->options, options, &seed, signature, err) : MERX_OK;
}

static merx_status evaluate_alone(trainer *t, const char *name, int64_t split_ms, const char *truth,
                                  merx_evaluation *out, merx_error *err)
{
    const mx_answer *answer = find_answer(name, err);
    merx_options *options = NULL;

    if (!answer)
        return MERX_E_NOT_FOUND;
    if (!answer->evaluate)
        MX_FAIL(err, MERX_E_UNSUPPORTED, name, "learns nothing, so there is nothing to evaluate");
    MX_TRY(mx_shop_snapshot(t->shop, t->task, &t->snapshot, err));
    if (answer->needs)
        MX_TRY(answer->needs(t->snapshot, err));
    if (split_ms == 0)
        split_ms = mx_snapshot_split_ms(t->snapshot);
    if (split_ms == 0 && !answer->timeless)
        MX_FAIL(err, MERX_E_INVALID, name, "the data spans less than 14 days: too short to learn and test by time");
    if (!answer->timeless && (split_ms <= t->snapshot->first_ms || split_ms > t->snapshot->last_ms))
        MX_FAIL(err, MERX_E_RANGE, name, "the split lies outside the data");
    MX_TRY(merx_options_new(t->shop->alloc, answer->info.training, &options, err));
    merx_status status = options_in_use(t, answer, options, err);
    if (status == MERX_OK) {
        mx_evaluate evaluate_at = {t->snapshot, split_ms, options, merx_task_allocator(t->task), t->task};
        status = answer->evaluate(&evaluate_at, out, err);
    }
    if (status == MERX_OK && truth)
        status = add_truth(truth, name, out, err);
    merx_options_free(options);
    return status;
}

merx_status merx_shop_evaluate(merx_shop *shop, const char *answer, int64_t split_ms, const char *truth,
                               merx_task *task, merx_evaluation *out, merx_error *err)
{
    trainer t = {.shop = shop, .task = task};
    memset(out, 0, sizeof *out);
    MX_TRY(mx_heap_arena_new(shop->alloc, &t.arena, err));
    merx_status status = evaluate_alone(&t, answer ? answer : "", split_ms, truth, out, err);
    mx_heap_arena_free(t.arena);
    return status;
}

/* ---- versions ---- */

static merx_status list_versions(merx_shop *shop, mx_arena *arena, merx_model_versions *out, merx_error *err)
{
    mx_model_record *list;
    size_t n;

    MX_TRY(mx_model_list(shop->records, NULL, arena, &list, &n, err));
    out->version = mx_arena_array(arena, n + 1, sizeof *out->version, err);
    if (!out->version)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        merx_model_version *v = &out->version[i];
        mx_blob blob;
        /* Texts of the list are terminated copies. */
        *v = (merx_model_version){.answer = list[i].answer.data,
                                  .version = list[i].version,
                                  .created_ms = list[i].created_ms,
                                  .data_offset = list[i].data_offset,
                                  .live = list[i].live,
                                  .sha256 = list[i].sha256.data};
        if (list[i].metrics.size > 0)
            MX_TRY(merx_evaluation_parse(list[i].metrics.data, &v->evaluation, err));
        if (mx_blobs_map(shop->blobs, list[i].blob.data, &blob, NULL) == MERX_OK) {
            v->size_bytes = blob.size;
            mx_blobs_unmap(shop->blobs, &blob);
        }
    }
    out->count = n;
    return MERX_OK;
}

merx_status merx_shop_versions(merx_shop *shop, merx_model_versions *out, merx_error *err)
{
    mx_arena *arena;
    memset(out, 0, sizeof *out);
    MX_TRY(mx_heap_arena_new(shop->alloc, &arena, err));
    out->memory = arena;
    merx_status status = list_versions(shop, arena, out, err);
    if (status != MERX_OK)
        merx_model_versions_release(out);
    return status;
}

void merx_model_versions_release(merx_model_versions *versions)
{
    if (!versions)
        return;
    mx_heap_arena_free(versions->memory);
    memset(versions, 0, sizeof *versions);
}
