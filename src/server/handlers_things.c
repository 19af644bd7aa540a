/*
 * Products, customers, messages, reviews: one put, patched, removed or read, and many at once. The kind of a request is that of its path. Writing is in the shop's lane, one
 * transaction a request: all of it or nothing.
 *
 * What was erased does not come back by any of these: the customer's record, nor what names him.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "server/handlers.h"
#include "server/json_items.h"
#include "server/record_json.h"
#include "server/server_state.h"
#include "server/things.h"

enum { MANY_MAX = 100000 };

/* ---- one record out of JSON ---- */

static mx_str customer_of(const mx_record *record)
{
    return record->kind == MX_CUSTOMER  ? record->customer.id
           : record->kind == MX_MESSAGE ? record->message.customer
           : record->kind == MX_REVIEW  ? record->review.customer
                                        : MX_STR("");
}

/* Reads and checks one. *good false: what is wrong with it was noted. id: of the path; NULL: in the JSON. */
static merx_status take_record(mx_request *request, const mx_live *live, json_t *json, const char *id, size_t index,
                               mx_row_errors *errors, mx_record *out, bool *good, merx_error *err)
{
    mx_json_reader reader = {&live->settings, &request->arena, errors, index, mx_now_ms()};
    mx_record_kind kind = mx_route_kind(request->route);
    MX_TRY(mx_record_from_json(&reader, kind, json, id, out, good, err));
    if (!*good || !mx_live_erased(live, customer_of(out), MX_STR("")))
        return MERX_OK;
    if (kind == MX_CUSTOMER && id)
        MX_FAIL(err, MERX_E_EXISTS, "", "the customer was erased from this shop, and does not come back under this id");
    const char *field = kind == MX_CUSTOMER ? "id" : "customer";
    mx_row_error(errors, index, field, json_object_get(json, field), "a customer who was not erased from this shop");
    *good = false;
    return MERX_OK;
}

static merx_status parse_body(const mx_request *request, json_t **out, merx_error *err)
{
    mx_str body = {request->body.data, request->body.size};
    mx_json_items items;
    MX_TRY(mx_json_items_init(&items, body, false, err));
    return mx_json_items_parse(&items, body, out, err);
}

/* ---- put and patch ---- */

static merx_status put_record(mx_request *request, mx_live *live, mx_row_errors *errors, int64_t *offset,
                              merx_error *err)
{
    mx_record record;
    json_t *json;
    bool good = false;

    MX_TRY(parse_body(request, &json, err));
    merx_status status = take_record(request, live, json, request->path_value, 0, errors, &record, &good, err);
    json_decref(json);
    if (status != MERX_OK || !good)
        return status;
    MX_TRY(mx_live_put(live, &record, 1, err));
    return mx_live_commit(live, offset, err);
}

/* The stored record as JSON. */
static merx_status stored_json(mx_request *request, const mx_live *live, json_t **out, merx_error *err)
{
    mx_record_kind kind = mx_route_kind(request->route);
    merx_error failure = {0};
    mx_record record;
    merx_status status =
        mx_records_get(live->shop->records, kind, mx_str_of(request->path_value), &request->arena, &record, &failure);
    if (status == MERX_E_NOT_FOUND)
        MX_FAIL(err, MERX_E_NOT_FOUND, "", "there is no record of the %s \"%.100s\"; PUT makes one",
                mx_record_kind_name(kind), request->path_value);
    if (status != MERX_OK)
        MX_FAIL(err, status, failure.where, "%s", failure.message);
    *out = mx_record_to_json(&record, &live->settings);
    if (!*out)
        MX_FAIL(err, MERX_E_MEMORY, "", "no memory for a record");
    return MERX_OK;
}

static merx_status patch_record(mx_request *request, mx_live *live, mx_row_errors *errors, int64_t *offset,
                                merx_error *err)
{
    json_t *patch = NULL;
    json_t *json = NULL;
    mx_record record;
    merx_status status;
    bool good = false;

    MX_TRY(parse_body(request, &patch, err));
    if (!json_is_object(patch)) {
        mx_row_error(errors, 0, "", patch, "a JSON object: a merge patch");
        json_decref(patch);
        return MERX_OK;
    }
    MX_TRY_GOTO(stored_json(request, live, &json, err));
    if (!mx_json_merge(json, patch))
        MX_FAIL_GOTO(err, MERX_E_MEMORY, "", "no memory for a record");
    MX_TRY_GOTO(take_record(request, live, json, request->path_value, 0, errors, &record, &good, err));
    if (good)
        MX_TRY_GOTO(mx_live_put(live, &record, 1, err));
    if (good)
        MX_TRY_GOTO(mx_live_commit(live, offset, err));
out:
    json_decref(patch);
    json_decref(json);
    return status;
}

static merx_status remove_record(mx_request *request, mx_live *live, mx_row_errors *errors, int64_t *offset,
                                 merx_error *err)
{
    (void)errors;
    MX_TRY(mx_live_remove(live, mx_route_kind(request->route), mx_str_of(request->path_value), err));
    return mx_live_commit(live, offset, err);
}

typedef merx_status (*change_fn)(mx_request *request, mx_live *live, mx_row_errors *errors, int64_t *offset,
                                 merx_error *err);

/* What change does, in a transaction, and the reply. */
static void change(mx_request *request, change_fn change_one)
{
    mx_served_shop *shop = request->shop;
    mx_row_errors errors = {0};
    merx_error err = {0};
    int64_t offset = 0;

    merx_status status = mx_served_shop_writer(shop, &err);
    if (status == MERX_OK)
        status = mx_live_begin(&shop->live, &err);
    if (status == MERX_OK) {
        status = change_one(request, &shop->live, &errors, &offset, &err);
        mx_live_rollback(&shop->live);
    }
    if (status != MERX_OK) {
        mx_request_failure(request, &err);
    } else if (errors.count > 0) {
        mx_reply_row_errors(request, &errors, mx_record_kind_name(mx_route_kind(request->route)), 0);
    } else {
        if (shop->live.things_changed)
            mx_served_shop_written(shop, shop->live.changes.count);
        mx_request_json(request, 200, json_pack("{s:s, s:I}", "id", request->path_value, "offset", (json_int_t)offset));
    }
    json_decref(errors.list);
}

void mx_handle_put_thing(mx_request *request)
{
    change(request, put_record);
}

void mx_handle_patch_thing(mx_request *request)
{
    change(request, patch_record);
}

void mx_handle_delete_thing(mx_request *request)
{
    change(request, remove_record);
}

/* ---- many ---- */

typedef struct intake {
    mx_request *request;
    mx_live *live;
    mx_json_items items;
    mx_row_errors errors;
    mx_vec records; /* mx_record */
    int64_t offset;
} intake;

static merx_status take_one(intake *in, mx_str element, merx_error *err)
{
    size_t index = in->items.count - 1;
    mx_record record;
    json_t *json;
    bool good = false;

    if (element.size > MX_THING_BYTES) {
        mx_row_error(&in->errors, index, "", NULL, "a %s of at most %d bytes",
                     mx_record_kind_name(mx_route_kind(in->request->route)), MX_THING_BYTES);
        return MERX_OK;
    }
    MX_TRY(mx_json_items_parse(&in->items, element, &json, err));
    merx_status status = take_record(in->request, in->live, json, NULL, index, &in->errors, &record, &good, err);
    json_decref(json);
    if (status != MERX_OK || !good || in->errors.count > 0)
        return status;
    return mx_vec_append(&in->records, &record, 1, err);
}

static merx_status take_many(intake *in, merx_error *err)
{
    mx_str element;
    for (;;) {
        MX_TRY(mx_json_items_next(&in->items, &element, err));
        if (element.size == 0)
            break;
        if (in->items.count > MANY_MAX)
            MX_FAIL(err, MERX_E_LIMIT, "", "more than %d in one request", MANY_MAX);
        MX_TRY(take_one(in, element, err));
    }
    if (in->errors.count > 0)
        return MERX_OK;
    MX_TRY(mx_live_put(in->live, in->records.data, in->records.count, err));
    return mx_live_commit(in->live, &in->offset, err);
}

void mx_handle_add_things(mx_request *request)
{
    mx_served_shop *shop = request->shop;
    merx_error err = {0};
    intake in = {
        .request = request, .live = &shop->live, .records = mx_vec_init(NULL, sizeof(mx_record), MANY_MAX, "records")};

    merx_status status = mx_served_shop_writer(shop, &err);
    if (status == MERX_OK)
        status =
            mx_json_items_init(&in.items, (mx_str){request->body.data, request->body.size}, request->json_lines, &err);
    if (status == MERX_OK)
        status = mx_live_begin(in.live, &err);
    if (status == MERX_OK) {
        status = take_many(&in, &err);
        mx_live_rollback(in.live);
    }
    if (status != MERX_OK) {
        mx_request_failure(request, &err);
    } else if (in.errors.count > 0) {
        mx_reply_row_errors(request, &in.errors, mx_route_things(request->route), in.items.count);
    } else {
        if (shop->live.things_changed)
            mx_served_shop_written(shop, shop->live.changes.count);
        mx_request_json(
            request, 200,
            json_pack("{s:I, s:I}", "stored", (json_int_t)in.records.count, "offset", (json_int_t)in.offset));
    }
    json_decref(in.errors.list);
    mx_vec_release(&in.records);
}

/* ---- one read ---- */

static merx_status read_stored(mx_request *request, mx_reader *reader, json_t **json, merx_error *err)
{
    mx_shop_settings settings;
    mx_record record;
    mx_record_kind kind = mx_route_kind(request->route);
    mx_records *records = reader->shop->records;
    MX_TRY(mx_shop_settings_read(records, &request->arena, &settings, err));
    MX_TRY(mx_records_get(records, kind, mx_str_of(request->path_value), &request->arena, &record, err));
    *json = mx_record_to_json(&record, &settings);
    return MERX_OK;
}

void mx_handle_get_thing(mx_request *request)
{
    merx_error err = {0};
    mx_reader *reader = NULL;
    json_t *json = NULL;

    merx_status status = mx_served_shop_take(request->shop, &reader, &err);
    if (status == MERX_OK)
        status = read_stored(request, reader, &json, &err);
    if (reader)
        mx_served_shop_give(request->shop, reader);
    if (status == MERX_OK)
        mx_request_json(request, 200, json);
    else if (status == MERX_E_NOT_FOUND)
        mx_request_fail(request, MX_HTTP_NOT_FOUND, "", "", "there is no %s \"%.100s\"",
                        mx_record_kind_name(mx_route_kind(request->route)), request->path_value);
    else
        mx_request_failure(request, &err);
}
