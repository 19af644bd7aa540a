/*
 * Models over HTTP: what versions there are and how good they are, which is live, their files.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "io/tensor_file.h"
#include "server/handlers.h"
#include "server/server_state.h"
#include "shop/model_deploy.h"
#include "shop/model_store.h"

/* The answer of the path that learns; NULL: the reply says so. rest: what follows "ANSWER/". */
static const mx_answer *answer_of(mx_request *request, const char *name)
{
    for (size_t i = 0; mx_answer_at(i); i++)
        if (strcmp(mx_answer_at(i)->info.name, name) == 0 && mx_answer_at(i)->train)
            return mx_answer_at(i);
    mx_request_fail(request, MX_HTTP_NOT_FOUND, "", "GET /v1/models lists the answers that learn",
                    "there is no answer \"%.60s\" that learns", name);
    return NULL;
}

/* The versions of an answer (NULL: of all), with a reader taken; the reply is a failure when false. */
static bool take_list(mx_request *request, const char *answer, mx_reader **reader, mx_model_record **list, size_t *n)
{
    merx_error err = {0};
    merx_status status = mx_served_shop_take(request->shop, reader, &err);
    if (status == MERX_OK) {
        status = mx_model_list((*reader)->shop->records, answer, &request->arena, list, n, &err);
        if (status != MERX_OK)
            mx_served_shop_give(request->shop, *reader);
    }
    if (status != MERX_OK)
        mx_request_failure(request, &err);
    return status == MERX_OK;
}

static json_t *version_or_null(int64_t version)
{
    return version > 0 ? json_integer((json_int_t)version) : json_null();
}

/* ---- listing ---- */

void mx_handle_models(mx_request *request)
{
    mx_reader *reader;
    mx_model_record *list;
    size_t n;
    if (!take_list(request, NULL, &reader, &list, &n))
        return;
    mx_served_shop_give(request->shop, reader);
    json_t *items = json_array();
    for (size_t i = 0; mx_answer_at(i); i++) {
        const mx_answer *answer = mx_answer_at(i);
        int64_t live = 0;
        int64_t newest = 0;
        json_int_t versions = 0;
        for (size_t k = 0; k < n; k++) {
            if (!mx_str_equal(list[k].answer, mx_str_of(answer->info.name)))
                continue;
            versions++;
            newest = list[k].version;
            live = list[k].live ? list[k].version : live;
        }
        if (answer->train)
            json_array_append_new(items, json_pack("{s:s, s:s, s:o, s:I, s:o}", "answer", answer->info.name, "title",
                                                   answer->info.title, "live", version_or_null(live), "versions",
                                                   versions, "newest", version_or_null(newest)));
    }
    mx_request_json(request, 200, json_pack("{s:o}", "items", items));
}

/* {"name": value} of what was set when it was trained. */
static json_t *options_json(const mx_model_record *record)
{
    json_t *recipe = json_loadb(record->options.data, record->options.size, 0, NULL);
    json_t *options = json_incref(json_object_get(recipe, "options"));
    json_decref(recipe);
    return options ? options : json_object();
}

static json_t *evaluation_json(const mx_model_record *record)
{
    json_t *json = record->metrics.size > 0 ? json_loadb(record->metrics.data, record->metrics.size, 0, NULL) : NULL;
    return json ? json : json_null();
}

/* Curves of training that a model's file keeps: tensors "curve.NAME" of (x, y). */
static json_t *curves_json(const mx_blob *blob, const char *name)
{
    json_t *curves = json_array();
    mx_tensor_file *file = NULL;
    if (mx_tensor_file_memory(blob->data, blob->size, name, NULL, false, &file, NULL) != MERX_OK)
        return curves;
    for (size_t i = 0; i < mx_tensor_file_count(file); i++) {
        const mx_tensor *t = mx_tensor_file_at(file, i);
        if (strncmp(t->name, MX_CURVE_PREFIX, strlen(MX_CURVE_PREFIX)) != 0 || t->dtype != MX_F64 || t->dims != 2 ||
            t->shape[1] != 2)
            continue;
        json_t *points = json_array();
        const double *xy = t->data;
        for (uint64_t k = 0; k < t->shape[0]; k++)
            if (isfinite(xy[2 * k]) && isfinite(xy[2 * k + 1]))
                json_array_append_new(points, json_pack("[f, f]", xy[2 * k], xy[2 * k + 1]));
        json_array_append_new(curves,
                              json_pack("{s:s, s:o}", "name", t->name + strlen(MX_CURVE_PREFIX), "points", points));
    }
    mx_tensor_file_close(file);
    return curves;
}

static json_t *version_json(mx_reader *reader, const mx_model_record *record)
{
    char time[40];
    mx_blob blob = {0};
    json_t *curves = NULL;
    json_t *bytes = json_null(); /* the file is gone */
    if (mx_blobs_map(reader->shop->blobs, record->blob.data, &blob, NULL) == MERX_OK) {
        bytes = json_integer((json_int_t)blob.size);
        curves = curves_json(&blob, record->blob.data);
        mx_blobs_unmap(reader->shop->blobs, &blob);
    }
    mx_format_date(record->created_ms, true, time);
    return json_pack("{s:I, s:b, s:s, s:I, s:o, s:s, s:o, s:o, s:o}", "version", (json_int_t)record->version, "live",
                     (int)record->live, "created", time, "data_offset", (json_int_t)record->data_offset, "bytes", bytes,
                     "sha256", record->sha256.data, "options", options_json(record), "evaluation",
                     evaluation_json(record), "curves", curves ? curves : json_array());
}

void mx_handle_model(mx_request *request)
{
    mx_reader *reader;
    mx_model_record *list;
    size_t n;
    const mx_answer *answer = answer_of(request, request->path_value);
    if (!answer || !take_list(request, answer->info.name, &reader, &list, &n))
        return;
    json_t *versions = json_array();
    for (size_t i = n; i-- > 0;)
        json_array_append_new(versions, version_json(reader, &list[i]));
    mx_served_shop_give(request->shop, reader);
    mx_request_json(request, 200, json_pack("{s:s, s:o}", "answer", answer->info.name, "versions", versions));
}

/* ---- comparing ---- */

/* The version a query parameter names; NULL: the reply says what is wrong. */
static const mx_model_record *version_of_query(mx_request *request, const char *name, const mx_model_record *list,
                                               size_t n)
{
    const char *text = NULL;
    int64_t version = 0;
    for (size_t i = 0; i < request->n_query; i++)
        if (strcmp(request->query[i].name, name) == 0)
            text = request->query[i].value;
    if (!text || !mx_parse_int64(mx_str_of(text), &version)) {
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, name, "two versions are compared: ?a=1&b=2",
                        text ? "\"%.40s\" is not the number of a version" : "is missing%s", text ? text : "");
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        if (list[i].version == version)
            return &list[i];
    mx_request_fail(request, MX_HTTP_NOT_FOUND, name, "GET /v1/models/{answer} lists the versions",
                    "there is no version %" PRId64, version);
    return NULL;
}

static json_t *figure_json(const json_t *figure)
{
    if (!figure)
        return json_null();
    return json_pack("{s:O, s:O, s:O}", "value", json_object_get(figure, "value"), "low",
                     json_object_get(figure, "low"), "high", json_object_get(figure, "high"));
}

static const json_t *figure_named(const json_t *evaluation, const char *name)
{
    const json_t *figures = json_object_get(evaluation, "figures");
    for (size_t i = 0; i < json_array_size(figures); i++) {
        const json_t *figure = json_array_get(figures, i);
        const char *own = json_string_value(json_object_get(figure, "name"));
        if (own && strcmp(own, name) == 0)
            return figure;
    }
    return NULL;
}

static void put_compared(json_t *list, const char *name, const json_t *a, const json_t *b)
{
    const json_t *value_a = json_object_get(a, "value");
    const json_t *value_b = json_object_get(b, "value");
    bool both = json_is_number(value_a) && json_is_number(value_b);
    json_array_append_new(
        list,
        json_pack("{s:s, s:o, s:o, s:o, s:O?}", "name", name, "a", figure_json(a), "b", figure_json(b), "difference",
                  both ? json_real(json_number_value(value_b) - json_number_value(value_a)) : json_null(),
                  "higher_is_better", json_object_get(a ? a : b, "higher_is_better")));
}

/* Figures of the first in its order, then those the second has alone. */
static json_t *compare(const json_t *a, const json_t *b)
{
    json_t *list = json_array();
    const json_t *figures = json_object_get(a, "figures");
    for (size_t i = 0; i < json_array_size(figures); i++) {
        const char *name = json_string_value(json_object_get(json_array_get(figures, i), "name"));
        if (name)
            put_compared(list, name, json_array_get(figures, i), figure_named(b, name));
    }
    figures = json_object_get(b, "figures");
    for (size_t i = 0; i < json_array_size(figures); i++) {
        const char *name = json_string_value(json_object_get(json_array_get(figures, i), "name"));
        if (name && !figure_named(a, name))
            put_compared(list, name, NULL, json_array_get(figures, i));
    }
    return list;
}

void mx_handle_compare(mx_request *request)
{
    mx_reader *reader;
    mx_model_record *list;
    size_t n;
    const mx_answer *answer = answer_of(request, request->path_value);
    if (!answer || !take_list(request, answer->info.name, &reader, &list, &n))
        return;
    mx_served_shop_give(request->shop, reader);
    const mx_model_record *a = version_of_query(request, "a", list, n);
    const mx_model_record *b = a ? version_of_query(request, "b", list, n) : NULL;
    if (!b)
        return;
    json_t *of_a = evaluation_json(a);
    json_t *of_b = evaluation_json(b);
    mx_request_json(request, 200,
                    json_pack("{s:s, s:I, s:I, s:o}", "answer", answer->info.name, "a", (json_int_t)a->version, "b",
                              (json_int_t)b->version, "figures", compare(of_a, of_b)));
    json_decref(of_a);
    json_decref(of_b);
}

/* ---- deploying ---- */

static void reply_failure(mx_request *request, const merx_error *err)
{
    if (err->code == MERX_E_CORRUPT || (err->code == MERX_E_NOT_FOUND && strncmp(err->where, "/", 1) == 0))
        mx_request_fail(request, MX_HTTP_CONFLICT, "", "what is live stays; train the answer again", "%s",
                        err->code == MERX_E_CORRUPT ? err->message : "the version's file is gone");
    else if (err->code == MERX_E_GATE)
        mx_request_fail(request, MX_HTTP_CONFLICT, "", "{\"force\": true} deploys it all the same", "%s", err->message);
    else if (err->code == MERX_E_NOT_FOUND)
        mx_request_fail(request, MX_HTTP_NOT_FOUND, "version", "GET /v1/models/{answer} lists the versions", "%s",
                        err->message);
    else if (err->code == MERX_E_NOT_FITTED)
        mx_request_fail(request, MX_HTTP_CONFLICT, "", "POST /v1/models/{answer}/deploy makes any version live", "%s",
                        err->message);
    else
        mx_request_failure(request, err);
}

static void reply_deployed(mx_request *request, const mx_answer *answer, int64_t live, int64_t was)
{
    mx_served_shop_written(request->shop, 0);
    mx_request_json(request, 200,
                    json_pack("{s:s, s:I, s:o}", "answer", answer->info.name, "live", (json_int_t)live, "was",
                              version_or_null(was)));
}

/* The body as an object that has these members alone; NULL: the reply says what is wrong. Owns: json_decref. */
static json_t *read_body(mx_request *request, const char *first, const char *second)
{
    json_error_t error;
    const char *key;
    json_t *value;
    json_t *body = json_loadb(request->body.data, request->body.size, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(body)) {
        json_decref(body);
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, "", "", "the body is not a JSON object");
        return NULL;
    }
    json_object_foreach(body, key, value) if (strcmp(key, first) != 0 && strcmp(key, second) != 0)
    {
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, key, "", "there is no such member here%s%s%s%s",
                        *first ? " (there are: " : "", first, *first ? ", force" : "", *first ? ")" : "");
        json_decref(body);
        return NULL;
    }
    return body;
}

/* False: the reply says what is wrong. */
static bool read_deploy(mx_request *request, const json_t *body, int64_t *version, bool *force)
{
    const json_t *number = json_object_get(body, "version");
    const json_t *forced = json_object_get(body, "force");
    *version = json_integer_value(number);
    *force = json_is_true(forced);
    if (!json_is_integer(number) || *version < 1) {
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, "version", "GET /v1/models/{answer} lists the versions",
                        "is %s: expected the number of a version", number ? "not a whole number above 0" : "missing");
        return false;
    }
    if (forced && !json_is_boolean(forced)) {
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, "force", "", "is neither true nor false");
        return false;
    }
    return true;
}

void mx_handle_deploy(mx_request *request)
{
    merx_error err = {0};
    int64_t was = 0;
    const mx_answer *answer = answer_of(request, request->path_value);
    json_t *body = answer ? read_body(request, "version", "force") : NULL;
    if (!body)
        return;
    int64_t wanted = 0;
    bool forced = false;
    bool good = read_deploy(request, body, &wanted, &forced);
    json_decref(body);
    if (!good)
        return;
    merx_status status = mx_served_shop_writer(request->shop, &err);
    if (status == MERX_OK)
        status = mx_model_deploy(request->shop->writer, answer->info.name, wanted, forced, &was, &err);
    if (status != MERX_OK)
        reply_failure(request, &err);
    else
        reply_deployed(request, answer, wanted, was);
}

void mx_handle_rollback(mx_request *request)
{
    merx_error err = {0};
    int64_t live = 0;
    int64_t was = 0;
    const mx_answer *answer = answer_of(request, request->path_value);
    json_t *body = answer ? read_body(request, "", "") : NULL;
    if (!body)
        return;
    json_decref(body);
    merx_status status = mx_served_shop_writer(request->shop, &err);
    if (status == MERX_OK)
        status = mx_model_rollback(request->shop->writer, answer->info.name, &live, &was, &err);
    if (status != MERX_OK)
        reply_failure(request, &err);
    else
        reply_deployed(request, answer, live, was);
}

/* ---- files ---- */

typedef struct bytes_flow {
    const merx_allocator *alloc;
    unsigned char *bytes;
    size_t size;
} bytes_flow;

static size_t read_bytes(void *context, uint64_t at, char *out, size_t size)
{
    const bytes_flow *f = context;
    memcpy(out, f->bytes + at, size);
    return size;
}

static void release_bytes(void *context)
{
    bytes_flow *f = context;
    mx_free_array(f->alloc, f->bytes, f->size, 1);
    MX_FREE_ARRAY(NULL, f, 1);
}

/* Whole and compared before the first byte is sent: a damaged file is no reply. */
static void send_version(mx_request *request, mx_reader *reader, const mx_model_record *record)
{
    merx_error err = {0};
    bytes_flow *f = NULL;
    merx_status status = MX_NEW_ARRAY(NULL, 1, &f, "file", &err);
    const char *name = status == MERX_OK ? mx_arena_printf(&request->arena, &err, "%s-%" PRId64 ".safetensors",
                                                           record->answer.data, record->version)
                                         : NULL;
    if (status == MERX_OK && !name)
        status = MERX_E_MEMORY;
    if (status == MERX_OK) {
        f->alloc = reader->shop->alloc;
        status = mx_model_read(reader->shop, record, &f->bytes, &f->size, &err);
    }
    if (status == MERX_OK)
        mx_request_flow(request, "application/octet-stream", name,
                        (mx_flow){read_bytes, release_bytes, f, (uint64_t)f->size});
    else
        reply_failure(request, &err);
    if (status != MERX_OK && f)
        MX_FREE_ARRAY(NULL, f, 1);
}

void mx_handle_model_file(mx_request *request)
{
    static const char between[] = "/versions/";
    mx_reader *reader;
    mx_model_record *list;
    size_t n;
    int64_t version = 0;
    char name[64] = "";
    const char *at = strstr(request->path_value, between);
    if (at && (size_t)(at - request->path_value) < sizeof name) {
        memcpy(name, request->path_value, (size_t)(at - request->path_value));
        name[at - request->path_value] = '\0';
    }
    const mx_answer *answer = answer_of(request, name);
    if (!answer || !take_list(request, answer->info.name, &reader, &list, &n))
        return;
    const mx_model_record *record = NULL;
    if (mx_parse_int64(mx_str_of(at + strlen(between)), &version))
        for (size_t i = 0; i < n; i++)
            if (list[i].version == version)
                record = &list[i];
    if (record)
        send_version(request, reader, record);
    else
        mx_request_fail(request, MX_HTTP_NOT_FOUND, "version", "GET /v1/models/{answer} lists the versions",
                        "%s has no version \"%.40s\"", name, at + strlen(between));
    mx_served_shop_give(request->shop, reader);
}
