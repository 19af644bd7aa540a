/*
 * Writing: events, products, customers, erasing; each in the shop's lane, one transaction a request.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "server/handlers.h"
#include "server/json_items.h"
#include "server/record_json.h"
#include "server/server_state.h"

enum { EVENTS_MAX = 100000, EVENT_BYTES = 65536, THING_BYTES = 4 << 20, QUESTION_BYTES = 65536, JOB_BYTES = 1 << 20 };

size_t mx_content_limit(mx_content content, uint64_t limit)
{
    bool asked = content == MX_JOB_ASKED || content == MX_DEPLOY || content == MX_EMPTY || content == MX_KEY_ASKED;
    uint64_t own = content == MX_EVENTS                                      ? limit
                   : content == MX_ONE_PRODUCT || content == MX_ONE_CUSTOMER ? THING_BYTES
                   : content == MX_QUESTION                                  ? QUESTION_BYTES
                   : asked                                                   ? JOB_BYTES
                                                                             : 0;
    return (size_t)(own < limit ? own : limit);
}

/* ---- events ---- */

typedef struct intake {
    mx_request *request;
    mx_live *live;
    mx_json_items items;
    mx_row_errors errors;
    mx_vec events; /* mx_event */
    uint64_t accepted;
    int64_t offset;
} intake;

/* One event. What is wrong with it is noted; what is no JSON at all is a failure of the whole. */
static merx_status take_event(intake *in, mx_str element, merx_error *err)
{
    size_t index = in->items.count - 1;
    mx_json_reader reader = {&in->live->settings, &in->request->arena, &in->errors, index, mx_now_ms()};
    mx_record record;
    json_t *json;
    bool good = false;

    if (element.size > EVENT_BYTES) {
        mx_row_error(&in->errors, index, "", NULL, "an event of at most %d bytes", EVENT_BYTES);
        return MERX_OK;
    }
    MX_TRY(mx_json_items_parse(&in->items, element, &json, err));
    merx_status status = mx_record_from_json(&reader, MX_EVENT, json, NULL, &record, &good, err);
    if (status == MERX_OK && good && mx_live_erased(in->live, record.event.customer, record.event.order)) {
        mx_row_error(&in->errors, index, "customer", json_object_get(json, "customer"),
                     "an event of a customer who was not erased from this shop");
        good = false;
    }
    json_decref(json);
    if (status != MERX_OK || !good || in->errors.count > 0)
        return status;
    return mx_vec_append(&in->events, &record.event, 1, err);
}

static merx_status take_events(intake *in, merx_error *err)
{
    mx_str element;
    for (;;) {
        MX_TRY(mx_json_items_next(&in->items, &element, err));
        if (element.size == 0)
            break;
        if (in->items.count > EVENTS_MAX)
            MX_FAIL(err, MERX_E_LIMIT, "", "more than %d events in one request", EVENTS_MAX);
        MX_TRY(take_event(in, element, err));
    }
    if (in->errors.count > 0)
        return MERX_OK;
    MX_TRY(mx_live_append(in->live, in->events.data, in->events.count, &in->accepted, err));
    return mx_live_commit(in->live, &in->offset, err);
}

/* The place of the first error: events[3].quantity. */
static void reply_errors(mx_request *request, mx_row_errors *errors, const char *what, size_t rows)
{
    char where[120];
    const json_t *first = json_array_get(errors->list, 0);
    const char *field = json_string_value(json_object_get(first, "field"));
    json_int_t index = json_integer_value(json_object_get(first, "index"));
    if (rows > 0)
        snprintf(where, sizeof where, "%s[%" JSON_INTEGER_FORMAT "]%s%s", what, index, field && *field ? "." : "",
                 field ? field : "");
    else
        snprintf(where, sizeof where, "%s", field ? field : "");
    mx_request_fail_list(request, errors->list, where, "%zu error%s in the %s; nothing of the request was stored",
                         errors->count, errors->count == 1 ? "" : "s", what);
    errors->list = NULL;
}

void mx_handle_events(mx_request *request)
{
    mx_served_shop *shop = request->shop;
    merx_error err = {0};
    intake in = {
        .request = request, .live = &shop->live, .events = mx_vec_init(NULL, sizeof(mx_event), EVENTS_MAX, "events")};

    merx_status status = mx_served_shop_writer(shop, &err);
    if (status == MERX_OK)
        status =
            mx_json_items_init(&in.items, (mx_str){request->body.data, request->body.size}, request->json_lines, &err);
    if (status == MERX_OK)
        status = mx_live_begin(in.live, &err);
    if (status == MERX_OK) {
        status = take_events(&in, &err);
        mx_live_rollback(in.live);
    }
    if (status != MERX_OK) {
        mx_request_failure(request, &err);
    } else if (in.errors.count > 0) {
        reply_errors(request, &in.errors, "events", in.items.count);
    } else {
        mx_served_shop_written(shop);
        uint64_t duplicates = in.events.count - in.accepted;
        mx_metrics_events(&shop->metrics, in.accepted, duplicates);
        mx_request_json(request, 200,
                        json_pack("{s:I, s:I, s:I}", "accepted", (json_int_t)in.accepted, "duplicates",
                                  (json_int_t)duplicates, "offset", (json_int_t)in.offset));
    }
    json_decref(in.errors.list);
    mx_vec_release(&in.events);
}

/* ---- products and customers ---- */

static merx_status put_record(mx_request *request, mx_live *live, mx_record_kind kind, mx_row_errors *errors,
                              int64_t *offset, merx_error *err)
{
    mx_json_reader reader = {&live->settings, &request->arena, errors, 0, mx_now_ms()};
    mx_json_items items;
    mx_record record;
    json_t *json;
    bool good = false;

    MX_TRY(mx_json_items_init(&items, (mx_str){request->body.data, request->body.size}, false, err));
    MX_TRY(mx_json_items_parse(&items, (mx_str){request->body.data, request->body.size}, &json, err));
    merx_status status = mx_record_from_json(&reader, kind, json, request->path_value, &record, &good, err);
    json_decref(json);
    if (status != MERX_OK || !good)
        return status;
    if (kind == MX_CUSTOMER && mx_live_erased(live, record.customer.id, MX_STR("")))
        MX_FAIL(err, MERX_E_EXISTS, "", "the customer was erased from this shop, and does not come back under this id");
    MX_TRY(mx_live_put(live, &record, err));
    return mx_live_commit(live, offset, err);
}

static void reply_written(mx_request *request, int64_t offset)
{
    mx_served_shop_written(request->shop);
    mx_request_json(request, 200, json_pack("{s:s, s:I}", "id", request->path_value, "offset", (json_int_t)offset));
}

static void put(mx_request *request, mx_record_kind kind)
{
    mx_served_shop *shop = request->shop;
    mx_row_errors errors = {0};
    merx_error err = {0};
    int64_t offset = 0;

    merx_status status = mx_served_shop_writer(shop, &err);
    if (status == MERX_OK)
        status = mx_live_begin(&shop->live, &err);
    if (status == MERX_OK) {
        status = put_record(request, &shop->live, kind, &errors, &offset, &err);
        mx_live_rollback(&shop->live);
    }
    if (status != MERX_OK)
        mx_request_failure(request, &err);
    else if (errors.count > 0)
        reply_errors(request, &errors, mx_record_kind_name(kind), 0);
    else
        reply_written(request, offset);
    json_decref(errors.list);
}

void mx_handle_put_product(mx_request *request)
{
    put(request, MX_PRODUCT);
}

void mx_handle_put_customer(mx_request *request)
{
    put(request, MX_CUSTOMER);
}

void mx_handle_delete_product(mx_request *request)
{
    mx_served_shop *shop = request->shop;
    merx_error err = {0};
    int64_t offset = 0;

    merx_status status = mx_served_shop_writer(shop, &err);
    if (status == MERX_OK)
        status = mx_live_begin(&shop->live, &err);
    if (status == MERX_OK) {
        status = mx_live_remove(&shop->live, MX_PRODUCT, mx_str_of(request->path_value), &err);
        if (status == MERX_OK)
            status = mx_live_commit(&shop->live, &offset, &err);
        mx_live_rollback(&shop->live);
    }
    if (status != MERX_OK)
        mx_request_failure(request, &err);
    else
        reply_written(request, offset);
}

/* ---- erasing ---- */

static json_t *receipt_json(const merx_receipt *receipt)
{
    json_t *answers = json_object();
    for (size_t i = 0; i < receipt->answers; i++)
        json_object_set_new(answers, receipt->answer[i].answer, json_string(receipt->answer[i].how));
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:f}", "customer", receipt->customer, "events",
                     (json_int_t)receipt->events, "orders", (json_int_t)receipt->orders, "messages",
                     (json_int_t)receipt->messages, "reviews", (json_int_t)receipt->reviews, "customers",
                     (json_int_t)receipt->customers, "answers", answers, "seconds", receipt->seconds);
}

void mx_handle_erase_customer(mx_request *request)
{
    merx_receipt receipt = {0};
    merx_error err = {0};
    merx_status status = mx_served_shop_writer(request->shop, &err);
    if (status == MERX_OK)
        status = mx_served_shop_forget(request->shop, request->path_value, &receipt, &err);
    if (status != MERX_OK)
        mx_request_failure(request, &err);
    else
        mx_request_json(request, 200, receipt_json(&receipt));
    merx_receipt_release(&receipt);
}
