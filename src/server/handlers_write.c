/*
 * Writing: events, erasing; each in the shop's lane, one transaction a request.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "server/handlers.h"
#include "server/json_items.h"
#include "server/record_json.h"
#include "server/server_state.h"
#include "server/things.h"

enum { EVENTS_MAX = 100000, EVENT_BYTES = 65536, QUESTION_BYTES = 65536 };

size_t mx_content_limit(mx_content content, uint64_t limit)
{
    uint64_t own = content == MX_EVENTS || content == MX_MANY_THINGS || content == MX_QUESTIONS ? limit
                   : content == MX_ONE_THING || content == MX_PATCH                             ? MX_THING_BYTES
                   : content == MX_QUESTION                                                     ? QUESTION_BYTES
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
        mx_reply_row_errors(request, &in.errors, "events", in.items.count);
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
