/*
 * POST /v1/events: batches of events, in the shop's lane.
 *
 * What costs most is waiting for the disk at a commit. So the requests that wait in the lane together are read, checked and written in one transaction, and
 * answered when it is committed: each is all or nothing by itself, and its answer means what it means alone. A request that is wrong is refused before
 * anything of it is written, which leaves the others as they are; when the store itself fails, nothing of any of them is stored.
 */
#include <string.h>

#include "base/clock.h"
#include "server/event_json.h"
#include "server/handlers.h"
#include "server/json_items.h"
#include "server/server_state.h"
#include "server/things.h"

enum { EVENTS_MAX = 100000, EVENT_BYTES = 65536 };

/* One request of a group. */
typedef struct intake {
    mx_request *request;
    mx_live *live;
    int64_t now_ms;
    mx_json_items items;
    mx_row_errors errors;
    mx_vec events; /* mx_event */
    uint64_t count, accepted;
} intake;

/* Notes what is wrong with an event of that customer and order, if he was erased. */
static bool is_of_erased(intake *in, const mx_event *event)
{
    if (!mx_live_erased(in->live, event->customer, event->order))
        return false;
    json_t *customer = event->customer.size > 0 ? json_stringn(event->customer.data, event->customer.size) : NULL;
    mx_row_error(&in->errors, in->items.count - 1, "customer", customer,
                 "an event of a customer who was not erased from this shop");
    json_decref(customer);
    return true;
}

static merx_status keep_event(intake *in, const mx_event *event, merx_error *err)
{
    if (is_of_erased(in, event) || in->errors.count > 0)
        return MERX_OK;
    return mx_vec_append(&in->events, event, 1, err);
}

/* An event that is not written the usual way. What is wrong with it is noted; what is no JSON at all is a failure of the whole. */
static merx_status take_event(intake *in, mx_str element, merx_error *err)
{
    size_t index = in->items.count - 1;
    mx_json_reader reader = {&in->live->settings, &in->request->arena, &in->errors, index, in->now_ms};
    mx_record record;
    json_t *json;
    bool good = false;

    if (element.size > EVENT_BYTES) {
        mx_row_error(&in->errors, index, "", NULL, "an event of at most %d bytes", EVENT_BYTES);
        return MERX_OK;
    }
    MX_TRY(mx_json_items_parse(&in->items, element, &json, err));
    merx_status status = mx_record_from_json(&reader, MX_EVENT, json, NULL, &record, &good, err);
    json_decref(json);
    return status == MERX_OK && good ? keep_event(in, &record.event, err) : status;
}

/* The next event, the quick way when that does. *more false: there was none. */
static merx_status next_event(intake *in, bool *more, merx_error *err)
{
    const char *end, *at = mx_json_items_peek(&in->items, &end);
    mx_event event;
    mx_str element;

    *more = true;
    if (at && mx_event_json_read(&at, end, &in->live->settings, in->now_ms, &event) &&
        mx_json_items_took(&in->items, at))
        return keep_event(in, &event, err);
    MX_TRY(mx_json_items_next(&in->items, &element, err));
    *more = element.size > 0;
    return *more ? take_event(in, element, err) : MERX_OK;
}

/* Reads a request's events and writes them, unless something is wrong with one. */
static merx_status take_events(intake *in, merx_error *err)
{
    const mx_request *request = in->request;
    bool more = true;

    MX_TRY(mx_json_items_init(&in->items, (mx_str){request->body.data, request->body.size}, request->json_lines, err));
    while (more) {
        MX_TRY(next_event(in, &more, err));
        if (in->items.count > EVENTS_MAX)
            MX_FAIL(err, MERX_E_LIMIT, "", "more than %d events in one request", EVENTS_MAX);
    }
    in->count = in->events.count;
    return MERX_OK;
}

static void reply(intake *in, int64_t offset)
{
    uint64_t duplicates = in->count - in->accepted;

    mx_metrics_events(&in->request->shop->metrics, in->accepted, duplicates);
    mx_request_json(in->request, 200,
                    json_pack("{s:I, s:I, s:I}", "accepted", (json_int_t)in->accepted, "duplicates",
                              (json_int_t)duplicates, "offset", (json_int_t)offset));
}

/* One request within the transaction: a failure of its own is its reply; what is returned is the store's, and fails all. */
static merx_status take_request(intake *in, merx_error *err)
{
    merx_error own = {0};
    merx_status status = take_events(in, &own);

    if (status != MERX_OK)
        mx_request_failure(in->request, &own);
    else if (in->errors.count > 0)
        mx_reply_row_errors(in->request, &in->errors, "events", in->items.count);
    status = in->request->status == 0 ? mx_live_append(in->live, in->events.data, in->events.count, &in->accepted, err)
                                      : MERX_OK;
    json_decref(in->errors.list);
    mx_vec_release(&in->events);
    return status;
}

static merx_status take_group(mx_served_shop *shop, intake *group, size_t n, int64_t *offset, merx_error *err)
{
    MX_TRY(mx_served_shop_writer(shop, err));
    MX_TRY(mx_live_begin(&shop->live, err));
    merx_status status = MERX_OK;
    bool any = false;
    for (size_t i = 0; status == MERX_OK && i < n; i++) {
        status = take_request(&group[i], err);
        any = any || group[i].request->status == 0;
    }
    if (status == MERX_OK && any)
        status = mx_live_commit(&shop->live, offset, err);
    mx_live_rollback(&shop->live);
    return status;
}

void mx_handle_event_group(mx_request *const *requests, size_t n)
{
    intake group[MX_EVENT_GROUP_MAX];
    mx_served_shop *shop = requests[0]->shop;
    merx_error err = {0};
    int64_t offset = 0, now_ms = mx_now_ms();
    uint64_t accepted = 0;

    for (size_t i = 0; i < n; i++)
        group[i] = (intake){.request = requests[i],
                            .live = &shop->live,
                            .now_ms = now_ms,
                            .events = mx_vec_init(NULL, sizeof(mx_event), EVENTS_MAX, "events")};
    merx_status status = take_group(shop, group, n, &offset, &err);
    for (size_t i = 0; i < n; i++) {
        if (requests[i]->status != 0)
            continue; /* refused */
        if (status != MERX_OK)
            mx_request_failure(requests[i], &err);
        else
            reply(&group[i], offset);
        accepted += status == MERX_OK ? group[i].accepted : 0;
    }
    if (accepted > 0)
        mx_served_shop_written(shop, accepted);
}

void mx_handle_events(mx_request *request)
{
    mx_request *requests[] = {request};
    mx_handle_event_group(requests, 1);
}
