/*
 * Trained versions in the store.
 */
#include "shop/model_store.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "io/file.h"
#include "shop/model_deploy.h"
#include "shop/product_pictures.h"

#define MODELS "models/"

typedef struct listing {
    const char *answer;
    mx_arena *arena;
    mx_vec found;
} listing;

static merx_status copy_text(mx_arena *arena, mx_str *text, merx_error *err)
{
    char *copy = mx_arena_strndup(arena, text->data ? text->data : "", text->size, err);
    text->data = copy;
    return copy ? MERX_OK : MERX_E_MEMORY;
}

static merx_status take_model(void *context, const mx_record *record, merx_error *err)
{
    listing *l = context;
    mx_model_record model = record->model;
    if (l->answer && !mx_str_equal(model.answer, mx_str_of(l->answer)))
        return MERX_OK;
    MX_TRY(copy_text(l->arena, &model.answer, err));
    MX_TRY(copy_text(l->arena, &model.blob, err));
    MX_TRY(copy_text(l->arena, &model.sha256, err));
    MX_TRY(copy_text(l->arena, &model.metrics, err));
    MX_TRY(copy_text(l->arena, &model.options, err));
    return mx_vec_append(&l->found, &model, 1, err);
}

merx_status mx_model_list(mx_records *records, const char *answer, mx_arena *arena, mx_model_record **out, size_t *n,
                          merx_error *err)
{
    listing l = {answer, arena,
                 mx_vec_init(mx_allocator_or_default(arena->alloc), sizeof(mx_model_record), 1u << 20, "models")};
    *out = NULL;
    *n = 0;
    merx_status status = mx_records_scan(records, MX_MODEL, take_model, &l, err);
    if (status == MERX_OK && l.found.count > 0) {
        *out = mx_arena_array(arena, l.found.count, sizeof **out, err);
        if (*out) {
            memcpy(*out, l.found.data, l.found.count * sizeof **out);
            *n = l.found.count;
        } else {
            status = MERX_E_MEMORY;
        }
    }
    mx_vec_release(&l.found);
    return status;
}

const mx_model_record *mx_model_live(const mx_model_record *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].live)
            return &list[i];
    return NULL;
}

/* ---- how a model was made ---- */

static void put_options(mx_text *out, const merx_options *options)
{
    const merx_option *table = merx_options_table(options);
    bool first = true;
    mx_text_puts(out, "{");
    for (size_t i = 0; table[i].name; i++) {
        if (!merx_options_is_set(options, table[i].name))
            continue;
        mx_text_printf(out, "%s\"%s\":\"", first ? "" : ",", table[i].name);
        mx_text_json(out, mx_str_of(merx_options_text(options, table[i].name)));
        mx_text_puts(out, "\"");
        first = false;
    }
    mx_text_puts(out, "}");
}

static char *keep(mx_text *text, mx_arena *arena, merx_error *err)
{
    char *copy = mx_text_ok(text, err) == MERX_OK ? mx_arena_strndup(arena, text->data, text->size, err) : NULL;
    mx_text_release(text);
    return copy;
}

char *mx_model_recipe(const merx_options *options, uint64_t seed, const char *signature, mx_arena *arena,
                      merx_error *err)
{
    mx_text text;
    mx_text_init(&text, arena->alloc, 1u << 20);
    mx_text_printf(&text, "{\"signature\":\"%s\",\"seed\":\"%" PRIu64 "\",\"options\":", signature, seed);
    put_options(&text, options);
    mx_text_puts(&text, "}");
    return keep(&text, arena, err);
}

merx_status mx_model_recipe_read(mx_str recipe, merx_options *options, uint64_t *seed, char *signature, merx_error *err)
{
    json_error_t where;
    json_t *root = json_loadb(recipe.data, recipe.size, 0, &where);
    const char *name;
    json_t *value;

    *seed = 0;
    signature[0] = '\0';
    if (!json_is_object(root)) {
        json_decref(root);
        MX_FAIL(err, MERX_E_CORRUPT, "model", "its options are not readable: %s", where.text);
    }
    const char *text = json_string_value(json_object_get(root, "signature"));
    if (text && strlen(text) == 64)
        memcpy(signature, text, 65);
    text = json_string_value(json_object_get(root, "seed"));
    *seed = text ? strtoull(text, NULL, 10) : 0;
    merx_status status = MERX_OK;
    json_object_foreach(json_object_get(root, "options"), name, value)
    {
        if (options && json_is_string(value))
            status = merx_options_set(options, name, json_string_value(value), NULL);
        if (status == MERX_E_MEMORY)
            break;
    }
    json_decref(root);
    return status == MERX_E_MEMORY ? mx_error_set(err, status, "model", "no memory for its options") : MERX_OK;
}

merx_status mx_model_signature(const mx_answer *answer, const mx_snapshot *snapshot, const merx_options *options,
                               uint64_t seed, char hex[65], merx_error *err)
{
    mx_text text;
    mx_arena arena;
    mx_product_pictures pictures = {0};
    merx_status status = MERX_OK;
    mx_arena_init(&arena, NULL);
    mx_text_init(&text, NULL, 1u << 20);
    if (answer->of_pictures)
        MX_TRY_GOTO(mx_product_pictures_list(snapshot->blobs, snapshot, &arena, &pictures, err));
    mx_text_printf(&text, "%s|%d|%d|%s|%s|%" PRIu64 "|", answer->info.name, answer->code_version, MX_TENSOR_FORMAT,
                   answer->of_pictures ? "" : snapshot->sha256, pictures.sha256, seed);
    put_options(&text, options);
    MX_TRY_GOTO(mx_text_ok(&text, err));
    mx_sha256_hex(text.data, text.size, hex);
out:
    mx_text_release(&text);
    mx_arena_release(&arena);
    return status;
}

merx_status mx_model_describe(mx_tensor_writer *writer, const mx_answer *answer, const mx_snapshot *snapshot,
                              const merx_options *options, uint64_t seed, mx_arena *arena, merx_error *err)
{
    mx_text text;
    char number[40];

    mx_text_init(&text, arena->alloc, 1u << 20);
    put_options(&text, options);
    char *json = keep(&text, arena, err);
    if (!json)
        return MERX_E_MEMORY;
    MX_TRY(mx_tensor_writer_meta(writer, "kind", "merx model", err));
    MX_TRY(mx_tensor_writer_meta(writer, "answer", answer->info.name, err));
    MX_TRY(mx_tensor_writer_meta(writer, "options", json, err));
    snprintf(number, sizeof number, "%d", answer->code_version);
    MX_TRY(mx_tensor_writer_meta(writer, "code_version", number, err));
    snprintf(number, sizeof number, "%" PRIu64, seed);
    MX_TRY(mx_tensor_writer_meta(writer, "seed", number, err));
    snprintf(number, sizeof number, "%zu", snapshot->events);
    MX_TRY(mx_tensor_writer_meta(writer, "data_events", number, err));
    mx_format_date(snapshot->first_ms, true, number);
    MX_TRY(mx_tensor_writer_meta(writer, "data_first", number, err));
    mx_format_date(snapshot->last_ms, true, number);
    MX_TRY(mx_tensor_writer_meta(writer, "data_last", number, err));
    return mx_tensor_writer_meta(writer, "data_sha256", snapshot->sha256, err);
}

/* ---- versions ---- */

merx_status mx_model_put(merx_shop *shop, mx_model_record *record, const unsigned char *bytes, size_t size,
                         mx_arena *arena, merx_error *err)
{
    char *sha256 = mx_arena_alloc(arena, 65, err);
    char *answer = mx_arena_strndup(arena, record->answer.data, record->answer.size, err);
    if (!sha256 || !answer)
        return MERX_E_MEMORY;
    MX_TRY(mx_records_next_version(shop->records, answer, &record->version, err));
    char *blob = mx_arena_printf(arena, err, MODELS "%s/%06" PRId64 ".safetensors", answer, record->version);
    if (!blob)
        return MERX_E_MEMORY;
    mx_sha256_hex(bytes, size, sha256);
    record->sha256 = mx_str_of(sha256);
    record->blob = mx_str_of(blob);
    record->created_ms = mx_now_ms();
    MX_TRY(mx_blobs_put(shop->blobs, blob, bytes, size, err));
    if (record->live)
        MX_TRY(mx_model_note_live(shop->records, answer, record->version, err));
    mx_record upserted = {.kind = MX_MODEL, .model = *record};
    return mx_records_upsert(shop->records, &upserted, 1, err);
}

merx_status mx_model_remove(merx_shop *shop, const mx_model_record *record, merx_error *err)
{
    char id[MX_ID_MAX + 32];
    int size = snprintf(id, sizeof id, "%.*s/%" PRId64, (int)record->answer.size, record->answer.data, record->version);
    return mx_records_remove(shop->records, MX_MODEL, (mx_str){id, (size_t)size}, err);
}

typedef struct sweep {
    const mx_model_record *models;
    size_t n;
    mx_arena *arena;
    mx_vec orphans; /* const char * */
} sweep;

static merx_status take_blob(void *context, const char *name, uint64_t size_bytes, merx_error *err)
{
    sweep *s = context;
    (void)size_bytes;
    for (size_t i = 0; i < s->n; i++)
        if (mx_str_equal(s->models[i].blob, mx_str_of(name)))
            return MERX_OK;
    const char *copy = mx_arena_strdup(s->arena, name, err);
    return copy ? mx_vec_append(&s->orphans, &copy, 1, err) : MERX_E_MEMORY;
}

merx_status mx_model_sweep(merx_shop *shop, merx_error *err)
{
    merx_status status = MERX_OK;
    mx_arena arena;
    mx_model_record *models;
    sweep s = {.orphans = mx_vec_init(shop->alloc, sizeof(char *), 1u << 20, "blobs")};

    mx_arena_init(&arena, shop->alloc);
    s.arena = &arena;
    /* Nobody is between his blob and his record while the write lock is ours. */
    MX_TRY_GOTO(mx_records_begin(shop->records, err));
    MX_TRY_GOTO(mx_model_list(shop->records, NULL, &arena, &models, &s.n, err));
    s.models = models;
    MX_TRY_GOTO(mx_blobs_list(shop->blobs, MODELS, take_blob, &s, err));
    for (size_t i = 0; i < s.orphans.count; i++)
        MX_TRY_GOTO(mx_blobs_remove(shop->blobs, MX_VEC_AT(&s.orphans, const char *, i), err));
out:
    mx_records_rollback(shop->records);
    mx_vec_release(&s.orphans);
    mx_arena_release(&arena);
    return status;
}
