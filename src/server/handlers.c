/*
 * Reading: health, answers, products, customers, metrics.
 */
#include "server/handlers.h"
#include "server/open_options.h"
#include "server/picture_question.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/jobs_of_shops.h"
#include "server/record_json.h"
#include "server/server_state.h"
#include "shop/asking.h"

/* An answer that takes longer than this, in the mean, leaves the network threads to others. */
enum { SLOW_US = 5000 };

/* ---- health ---- */

void mx_handle_live(mx_request *request)
{
    mx_request_json(request, 200, json_pack("{s:s, s:s}", "status", "live", "version", merx_version()));
}

void mx_handle_ready(mx_request *request)
{
    merx_error err = {0};
    mx_reader *reader;
    int64_t offset = 0;

    if (atomic_load(&request->server->stopping)) {
        mx_request_fail(request, MX_HTTP_UNAVAILABLE, "", "", "the server is stopping");
        return;
    }
    merx_status status = mx_served_shop_take(request->shop, &reader, &err);
    if (status == MERX_OK) {
        status = mx_records_last_offset(reader->shop->records, &offset, &err);
        mx_served_shop_give(request->shop, reader);
    }
    if (status != MERX_OK)
        mx_request_failure(request, &err);
    else
        mx_request_json(
            request, 200,
            json_pack("{s:s, s:s, s:I}", "status", "ready", "shop", request->shop->name, "offset", (json_int_t)offset));
}

/* ---- answers ---- */

void mx_handle_answers(mx_request *request)
{
    mx_request_json(request, 200,
                    json_pack("{s:s, s:o}", "version", merx_version(), "answers", mx_answers_description()));
}

static size_t answer_index(const char *name)
{
    size_t i = 0;
    while (merx_answer_at(i) && strcmp(merx_answer_at(i)->name, name) != 0)
        i++;
    return i;
}

bool mx_request_is_slow(const mx_request *request)
{
    const mx_served_shop *shop = request->shop;
    if (request->route->gives != MX_REPLY)
        return mx_served_shop_behind(shop, false);
    size_t i = answer_index(request->path_value);
    const mx_answer *answer = mx_answer_at(i);
    if (answer && mx_served_shop_behind(shop, !answer->live))
        return true;
    return i < MX_ANSWERS_MAX && atomic_load_explicit(&shop->answer_us[i], memory_order_relaxed) > SLOW_US;
}

/* A mean of the last few; a race loses one of them. */
static void note_time(mx_served_shop *shop, const char *answer, double seconds)
{
    size_t i = answer_index(answer);
    if (i >= MX_ANSWERS_MAX)
        return;
    unsigned us = seconds < 1000 ? (unsigned)(seconds * 1e6) : 1000000000u;
    unsigned mean = atomic_load_explicit(&shop->answer_us[i], memory_order_relaxed);
    atomic_store_explicit(&shop->answer_us[i], mean - mean / 8 + us / 8, memory_order_relaxed);
}

/* Sets one option; false: the reply says what is wrong. why is one beside those of the answer. */
static bool set_option(mx_request *request, merx_options *question, const char *name, const char *value, bool *why)
{
    merx_error err = {0};
    if (strcmp(name, "why") == 0) {
        *why = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
        if (*why || strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
            return true;
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, "why", "", "\"%.40s\" is neither true nor false", value);
        return false;
    }
    const merx_option *option = mx_option_named(merx_options_table(question), name);
    if (option && strcmp(name, "heat_map") == 0)
        return mx_picture_heat_map(request, question, value);
    if (option && !mx_option_is_open(option)) {
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, name, "GET /v1/answers lists the options of each answer",
                        "names a file of the server's machine; it can't be set over HTTP");
        return false;
    }
    if (merx_options_set(question, name, value, &err) == MERX_OK)
        return true;
    if (err.code == MERX_E_MEMORY)
        mx_request_failure(request, &err);
    else
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, name, "GET /v1/answers lists the options of each answer", "%s",
                        err.message);
    return false;
}

static bool set_from_query(mx_request *request, merx_options *question, bool *why)
{
    for (size_t i = 0; i < request->n_query; i++) {
        const mx_query *q = &request->query[i];
        for (size_t k = 0; k < i; k++)
            if (strcmp(request->query[k].name, q->name) == 0) {
                mx_request_fail(request, MX_HTTP_BAD_REQUEST, q->name, "", "is given twice");
                return false;
            }
        if (!set_option(request, question, q->name, q->value, why))
            return false;
    }
    return true;
}

bool mx_question_set(mx_request *request, merx_options *question, json_t *members, bool *why)
{
    const char *key;
    json_t *value;
    json_object_foreach(members, key, value)
    {
        char number[40];
        const char *text = json_string_value(value);
        if (json_is_boolean(value))
            text = json_is_true(value) ? "true" : "false";
        else if (json_is_integer(value) || json_is_real(value))
            text = number;
        if (json_is_integer(value))
            snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        else if (json_is_real(value))
            mx_format_double(json_real_value(value), number);
        if (json_is_null(value))
            continue;
        if (!text)
            mx_request_fail(request, MX_HTTP_BAD_REQUEST, key, "",
                            "is a list or an object (expected text, a number, true or false)");
        if (!text || !set_option(request, question, key, text, why))
            return false;
    }
    return true;
}

static bool set_from_body(mx_request *request, merx_options *question, bool *why)
{
    json_error_t error;
    json_t *body = json_loadb(request->body.data, request->body.size, JSON_REJECT_DUPLICATES, &error);

    if (!json_is_object(body)) {
        char where[64] = "";
        if (!body)
            snprintf(where, sizeof where, "line %d, column %d", error.line, error.column);
        json_decref(body);
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, where, "", "the body is not a JSON object%s%s", body ? "" : ": ",
                        body ? "" : error.text);
        return false;
    }
    bool good = mx_question_set(request, question, body, why);
    json_decref(body);
    return good;
}

merx_status mx_question_ask(mx_request *request, mx_view *view, const merx_options *question, bool why, mx_arena *arena,
                            mx_text *out, merx_error *err)
{
    merx_reply reply;
    double begun = mx_monotonic_s();
    MX_TRY(view ? mx_view_ask(view, request->path_value, question, why, arena, &reply, err)
                : mx_view_keeper_ask(request->shop->keeper, request->path_value, question, why, arena, &reply, err));
    note_time(request->shop, request->path_value, mx_monotonic_s() - begun);
    return mx_picture_reply(request, &reply, out, err);
}

void mx_question_failure(mx_request *request, const merx_error *err)
{
    if (mx_picture_failure(request, err))
        return;
    if (err->code == MERX_E_NOT_FOUND)
        mx_request_fail(request, MX_HTTP_NOT_FOUND, err->where, "GET /v1/answers lists the answers and their options",
                        "%s", err->message);
    else if (err->code == MERX_E_NOT_FITTED)
        mx_request_fail(request, MX_HTTP_CONFLICT, err->where,
                        "merx train makes a model; the server takes it up by itself", "%s", err->message);
    else
        mx_request_failure(request, err);
}

/* The options of a question: from the query, and from the body, which may be a picture. */
static bool set_question(mx_request *request, merx_options *question, bool *why)
{
    if (!set_from_query(request, question, why))
        return false;
    if (request->picture)
        return mx_picture_take(request, question);
    return request->route->takes != MX_QUESTION || set_from_body(request, question, why);
}

void mx_handle_ask(mx_request *request)
{
    merx_error err = {0};
    merx_options *question = NULL;
    mx_text text;
    bool why = false;

    mx_text_init(&text, &request->memory, MX_REPLY_TEXT_MAX);
    merx_status status = mx_question_new(request->path_value, &request->memory, &question, &err);
    if (status == MERX_OK && set_question(request, question, &why)) {
        status = mx_question_ask(request, NULL, question, why, &request->arena, &text, &err);
        if (status == MERX_OK)
            mx_request_text(request, "application/json", text.data, text.size);
    }
    if (status != MERX_OK)
        mx_question_failure(request, &err);
    merx_options_free(question);
}

/* ---- products and customers ---- */

/* The record of an id; *found false: none. */
static merx_status find_record(mx_reader *reader, mx_record_kind kind, const char *id, mx_arena *arena, mx_record *out,
                               bool *found, merx_error *err)
{
    merx_error failure = {0};
    merx_status status = mx_records_get(reader->shop->records, kind, mx_str_of(id), arena, out, &failure);
    *found = status == MERX_OK;
    if (status == MERX_OK || status == MERX_E_NOT_FOUND)
        return MERX_OK;
    MX_FAIL(err, status, failure.where, "%s", failure.message);
}

static void set_text(json_t *json, const char *name, mx_str value)
{
    if (value.size > 0)
        json_object_set_new(json, name, json_stringn(value.data, value.size));
}

/* What events alone have shown of a product. */
json_t *mx_shown_product(mx_seen seen, int32_t p)
{
    char price[40];
    json_t *json = json_object();
    set_text(json, "id", mx_seen_product_id(seen, p));
    set_text(json, "title", mx_seen_product_title(seen, p));
    if (mx_seen_product_price_minor(seen, p) != 0) {
        mx_format_decimal(mx_seen_product_price_minor(seen, p), seen.snapshot->decimals, price, sizeof price);
        json_object_set_new(json, "price", json_string(price));
    }
    return json;
}

static merx_status customer_events(mx_request *request, mx_seen seen, json_t *json, bool *found, merx_error *err)
{
    mx_line *lines;
    size_t n;
    char time[40];
    MX_TRY(mx_seen_lines(seen, mx_seen_customer(seen, request->path_value), MX_NOBODY, MX_ALL_KINDS, &request->arena,
                         &lines, &n, err));
    *found = *found || n > 0;
    json_object_set_new(json, "events", json_integer((json_int_t)n));
    if (n == 0)
        return MERX_OK;
    mx_format_date(lines[0].time_ms, true, time);
    json_object_set_new(json, "first_event", json_string(time));
    mx_format_date(lines[n - 1].time_ms, true, time);
    json_object_set_new(json, "last_event", json_string(time));
    return MERX_OK;
}

static merx_status look_up(mx_request *request, mx_reader *reader, mx_record_kind kind, json_t **json, bool *found,
                           merx_error *err)
{
    const char *id = request->path_value;
    mx_view *view;
    mx_record record;
    mx_shop_settings settings;

    MX_TRY(mx_served_shop_view(request->shop, reader, false, &view, err));
    mx_seen seen = mx_view_seen(view);
    MX_TRY(mx_shop_settings_read(reader->shop->records, &request->arena, &settings, err));
    MX_TRY(find_record(reader, kind, id, &request->arena, &record, found, err));
    if (*found)
        *json = mx_record_to_json(&record, &settings);
    if (kind == MX_CUSTOMER) {
        if (!*json)
            *json = json_pack("{s:s}", "id", id);
        return customer_events(request, seen, *json, found, err);
    }
    int32_t product = mx_seen_product(seen, id);
    if (!*found && product >= 0)
        *json = mx_shown_product(seen, product);
    *found = *found || product >= 0;
    return MERX_OK;
}

static void get_record(mx_request *request, mx_record_kind kind)
{
    merx_error err = {0};
    mx_reader *reader = NULL;
    json_t *json = NULL;
    bool found = false;

    merx_status status = mx_served_shop_take(request->shop, &reader, &err);
    if (status == MERX_OK)
        status = look_up(request, reader, kind, &json, &found, &err);
    if (reader)
        mx_served_shop_give(request->shop, reader);
    if (status == MERX_OK && found) {
        mx_request_json(request, 200, json);
        return;
    }
    json_decref(json);
    if (status != MERX_OK)
        mx_request_failure(request, &err);
    else
        mx_request_fail(request, MX_HTTP_NOT_FOUND, "", "", "there is no %s \"%.100s\"", mx_record_kind_name(kind),
                        request->path_value);
}

void mx_handle_get_product(mx_request *request)
{
    get_record(request, MX_PRODUCT);
}

void mx_handle_get_customer(mx_request *request)
{
    get_record(request, MX_CUSTOMER);
}

/* ---- descriptions, metrics ---- */

void mx_handle_openapi(mx_request *request)
{
    mx_request_json(request, 200, mx_openapi_description());
}

static uint64_t resident_bytes(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%*u %llu", &pages) != 1) /* NOLINT(cert-err34-c): the kernel's own number */
        pages = 0;
    if (file)
        fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

void mx_handle_metrics(mx_request *request)
{
    const merx_server *server = request->server;
    char *text = NULL;
    merx_error err = {0};
    mx_text out;
    /* Without keys everybody on this machine is the operator. */
    bool all = request->key_id[0] == '\0';

    mx_text_init(&out, NULL, 64u << 20);
    for (int kind = 0; kind < MX_METRIC_KINDS; kind++) {
        mx_metric_head(&out, (mx_metric)kind);
        for (size_t i = 0; i < server->n_shops; i++)
            if (all || &server->shops[i] == request->shop)
                mx_metric_samples(&out, (mx_metric)kind, &server->shops[i].metrics, server->shops[i].name);
        mx_metric_samples(&out, (mx_metric)kind, &server->metrics, "");
    }
    bool heads = true;
    for (size_t i = 0; i < server->n_shops; i++)
        if (all || &server->shops[i] == request->shop) {
            mx_job_metrics(&out, &server->shops[i], heads);
            heads = false;
        }
    mx_text_printf(&out,
                   "# HELP merx_shops Shops that are served.\n# TYPE merx_shops gauge\nmerx_shops %zu\n"
                   "# HELP process_resident_memory_bytes Resident memory.\n# TYPE process_resident_memory_bytes "
                   "gauge\nprocess_resident_memory_bytes %" PRIu64 "\n"
                   "# HELP merx_uptime_seconds Since the server started.\n# TYPE merx_uptime_seconds gauge\n"
                   "merx_uptime_seconds %.0f\n",
                   server->n_shops, resident_bytes(), mx_monotonic_s() - server->started_s);
    if (mx_text_give(&out, &text, &err) == MERX_OK)
        mx_request_give(request, "text/plain; version=0.0.4", text);
    else
        mx_request_failure(request, &err);
    mx_text_release(&out);
}
