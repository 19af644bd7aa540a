/*
 * Listings, a page at a time, and all that is of one customer.
 *
 * A page costs what is in it, wherever it begins: events by offset, the others by id. Products and customers are two lists in one: those with a record, and those that events
 * alone have shown, which the snapshot knows; both ascend, so they are merged as they are read.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/handlers.h"
#include "server/record_json.h"
#include "server/server_state.h"
#include "server/things.h"
#include "store/fields.h"

/* A page ends early where it has this many bytes, or has looked at so many products for a word. */
enum { LIMIT_MOST = 1000, LIMIT_USUAL = 50, PAGE_BYTES = 8 << 20, LOOKED_MOST = 200000, EXPORT_BYTES = 256 << 20 };

typedef struct page {
    mx_request *request;
    mx_record_kind kind;
    mx_shop_settings settings;
    mx_snapshot *snapshot; /* of products and customers; else NULL */
    size_t limit;
    char after[MX_ID_MAX + 1];
    int64_t after_offset;
    const char *q; /* "": none */
    mx_text out;
    size_t count;
    bool more; /* something comes after this page */
    size_t at; /* of the snapshot: the next that was not given */
    char last[MX_ID_MAX + 1];
    int64_t last_offset;
} page;

/* ---- what was asked ---- */

static bool bad_query(mx_request *request, const mx_query *q, const char *expected)
{
    mx_request_fail(request, MX_HTTP_BAD_REQUEST, q->name, "", "\"%.60s\" is %s", q->value, expected);
    return false;
}

static bool take_parameter(page *p, const mx_query *q)
{
    static const char *const names[] = {"limit", "after", "q"};
    mx_request *request = p->request;
    size_t known = p->kind == MX_PRODUCT ? 3 : 2;
    int64_t number;
    if (strcmp(q->name, "limit") == 0) {
        if (!mx_parse_int64(mx_str_of(q->value), &number) || number < 1 || number > LIMIT_MOST)
            return bad_query(request, q, "not a number from 1 to 1000");
        p->limit = (size_t)number;
        return true;
    }
    if (strcmp(q->name, "after") == 0 && p->kind == MX_EVENT) {
        if (!mx_parse_int64(mx_str_of(q->value), &p->after_offset) || p->after_offset < 0)
            return bad_query(request, q, "no place in this listing (expected what \"next\" was)");
        return true;
    }
    if (strcmp(q->name, "after") == 0) {
        if (!mx_cursor_read(p->kind, q->value, p->after))
            return bad_query(request, q, "no place in this listing (expected what \"next\" was)");
        return true;
    }
    if (known > 2 && strcmp(q->name, "q") == 0) {
        p->q = q->value;
        return true;
    }
    const char *nearest = mx_nearest_word(q->name, names, known);
    mx_request_fail(request, MX_HTTP_BAD_REQUEST, q->name, "",
                    "there is no such parameter%s%s%s (expected limit, after%s)", nearest ? "; did you mean \"" : "",
                    nearest ? nearest : "", nearest ? "\"?" : "", known > 2 ? ", q" : "");
    return false;
}

static bool take_query(page *p)
{
    const mx_request *request = p->request;
    for (size_t i = 0; i < request->n_query; i++) {
        for (size_t k = 0; k < i; k++)
            if (strcmp(request->query[k].name, request->query[i].name) == 0) {
                mx_request_fail(p->request, MX_HTTP_BAD_REQUEST, request->query[i].name, "", "is given twice");
                return false;
            }
        if (!take_parameter(p, &request->query[i]))
            return false;
    }
    return true;
}

/* ---- items ---- */

/* Appends JSON, which is released. */
static merx_status put_json(mx_text *out, bool first, json_t *json, merx_error *err)
{
    char *dump = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(json);
    if (!dump)
        MX_FAIL(err, MERX_E_MEMORY, "", "no memory for a reply");
    mx_text_puts(out, first ? "" : ",");
    mx_text_puts(out, dump);
    free(dump); /* allocated by jansson */
    return mx_text_ok(out, err);
}

static bool is_full(page *p)
{
    p->more = p->more || p->count == p->limit || p->out.size > PAGE_BYTES;
    return p->more;
}

/* How many events name a customer. */
static merx_status count_events(const page *p, int32_t customer, json_t *json, merx_error *err)
{
    const int32_t *events;
    size_t n = 0;
    if (customer >= 0)
        MX_TRY(mx_snapshot_customer_events(p->snapshot, customer, &events, &n, err));
    json_object_set_new(json, "events", json_integer((json_int_t)n));
    return MERX_OK;
}

static merx_status give(page *p, mx_str id, int64_t offset, json_t *json, merx_error *err)
{
    MX_TRY(put_json(&p->out, p->count == 0, json, err));
    p->count++;
    snprintf(p->last, sizeof p->last, "%.*s", (int)id.size, id.data);
    p->last_offset = offset;
    return MERX_OK;
}

static mx_str id_of(const mx_record *record)
{
    return *mx_field_text_of(&mx_record_fields(record->kind)->fields[0], record);
}

/* Of the snapshot: how many there are, and their ids. */
static size_t shown_count(const page *p)
{
    return !p->snapshot ? 0 : p->kind == MX_PRODUCT ? p->snapshot->products : p->snapshot->customers;
}

static mx_str shown_id(const page *p, size_t i)
{
    return p->kind == MX_PRODUCT ? p->snapshot->product_id[i] : p->snapshot->customer_id[i];
}

/* What comes after an id, of the snapshot's. */
static size_t shown_after(const page *p, const char *id)
{
    size_t low = 0;
    size_t high = shown_count(p);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mx_str_compare(shown_id(p, middle), mx_str_of(id)) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* One that events alone have shown. */
static merx_status give_shown(page *p, size_t i, merx_error *err)
{
    mx_str id = shown_id(p, i);
    json_t *json = p->kind == MX_PRODUCT ? mx_shown_product((mx_seen){.snapshot = p->snapshot}, (int32_t)i)
                                         : json_pack("{s:s%}", "id", id.data, (int)id.size);
    if (!json)
        MX_FAIL(err, MERX_E_MEMORY, "", "no memory for a reply");
    merx_status status = p->kind == MX_CUSTOMER ? count_events(p, (int32_t)i, json, err) : MERX_OK;
    if (status == MERX_OK)
        return give(p, id, 0, json, err);
    json_decref(json);
    return status;
}

/* Those that events have shown, up to (without) an id; NULL: to the end. */
static merx_status give_shown_before(page *p, const mx_str *id, merx_error *err)
{
    for (; p->at < shown_count(p); p->at++) {
        if (id && mx_str_compare(shown_id(p, p->at), *id) >= 0)
            break;
        if (is_full(p))
            break;
        MX_TRY(give_shown(p, p->at, err));
    }
    return MERX_OK;
}

/* A stored record; ends the scan (MERX_E_CANCELLED) once the page is full. */
static merx_status give_stored(void *context, const mx_record *record, merx_error *err)
{
    page *p = context;
    mx_str id = id_of(record);
    int32_t shown = -1;
    MX_TRY(give_shown_before(p, &id, err));
    if (is_full(p))
        MX_FAIL(err, MERX_E_CANCELLED, "", "the page is full");
    if (p->at < shown_count(p) && mx_str_equal(shown_id(p, p->at), id))
        shown = (int32_t)p->at++;
    json_t *json = mx_record_to_json(record, &p->settings);
    if (!json)
        MX_FAIL(err, MERX_E_MEMORY, "", "no memory for a reply");
    merx_status status = p->kind == MX_CUSTOMER ? count_events(p, shown, json, err) : MERX_OK;
    if (status == MERX_OK)
        return give(p, id, record->kind == MX_EVENT ? record->event.offset : 0, json, err);
    json_decref(json);
    return status;
}

static merx_status list_all(page *p, mx_records *records, merx_error *err)
{
    merx_error failure = {0};
    /* One more than is given tells whether there is more. */
    mx_record_page wanted = {.after_offset = p->after_offset, .after = mx_str_of(p->after), .limit = p->limit + 1};
    p->at = shown_after(p, p->after);
    merx_status status = mx_records_scan_page(records, p->kind, &wanted, give_stored, p, &failure);
    if (status != MERX_OK && !(status == MERX_E_CANCELLED && p->more))
        MX_FAIL(err, status, failure.where, "%s", failure.message);
    return p->more ? MERX_OK : give_shown_before(p, NULL, err);
}

/* A product by its id: its record, else what events have shown. */
static merx_status give_product(page *p, mx_records *records, size_t i, merx_error *err)
{
    merx_error failure = {0};
    mx_record record;
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    mx_str id = shown_id(p, i);
    merx_status status = mx_records_get(records, MX_PRODUCT, id, &arena, &record, &failure);
    if (status == MERX_OK) {
        json_t *json = mx_record_to_json(&record, &p->settings);
        status = give(p, id, 0, json, err);
    } else if (status == MERX_E_NOT_FOUND) {
        status = give_shown(p, i, err);
    } else {
        status = mx_error_set(err, status, failure.where, "%s", failure.message);
    }
    mx_arena_release(&arena);
    return status;
}

static merx_status list_matching(page *p, mx_records *records, merx_error *err)
{
    const mx_snapshot *s = p->snapshot;
    size_t first = shown_after(p, p->after);
    for (size_t i = first; i < s->products; i++) {
        if (i - first >= LOOKED_MOST) {
            mx_str id = s->product_id[i - 1];
            snprintf(p->last, sizeof p->last, "%.*s", (int)id.size, id.data);
            p->more = true;
            return MERX_OK;
        }
        if (!mx_product_matches(s->product_id[i], s->product_title[i], p->q))
            continue;
        if (is_full(p))
            return MERX_OK;
        MX_TRY(give_product(p, records, i, err));
    }
    return MERX_OK;
}

static merx_status list_in_state(void *context, mx_reader *reader, merx_error *err)
{
    page *p = context;
    mx_records *records = reader->shop->records;
    char next[MX_CURSOR_SIZE] = "";

    if (p->kind == MX_PRODUCT || p->kind == MX_CUSTOMER)
        MX_TRY(mx_served_shop_snapshot(p->request->shop, reader, &p->snapshot, err));
    MX_TRY(mx_shop_settings_read(records, &p->request->arena, &p->settings, err));
    mx_text_puts(&p->out, "{\"items\":[");
    MX_TRY(*p->q ? list_matching(p, records, err) : list_all(p, records, err));
    if (p->more && p->kind == MX_EVENT)
        snprintf(next, sizeof next, "%" PRId64, p->last_offset);
    else if (p->more)
        mx_cursor_write(p->kind, mx_str_of(p->last), next);
    mx_text_printf(&p->out, "],\"next\":%s%s%s}", p->more ? "\"" : "", p->more ? next : "null", p->more ? "\"" : "");
    return mx_text_ok(&p->out, err);
}

/* What read does with a reader, within one transaction, and the text it made. */
static void reply_text(mx_request *request, mx_text *out, merx_status (*read)(void *, mx_reader *, merx_error *),
                       void *context)
{
    merx_error err = {0};
    mx_reader *reader = NULL;
    char *text = NULL;

    merx_status status = mx_served_shop_take(request->shop, &reader, &err);
    if (status == MERX_OK)
        status = mx_records_begin(reader->shop->records, &err);
    if (status == MERX_OK) {
        status = read(context, reader, &err);
        mx_records_rollback(reader->shop->records); /* nothing was written */
    }
    if (reader)
        mx_served_shop_give(request->shop, reader);
    if (status == MERX_OK)
        status = mx_text_give(out, &text, &err);
    if (status == MERX_OK)
        mx_request_give(request, "application/json", text);
    else
        mx_request_failure(request, &err);
}

void mx_handle_list(mx_request *request)
{
    page p = {.request = request, .kind = mx_route_kind(request->route), .limit = LIMIT_USUAL, .q = ""};
    if (!take_query(&p))
        return;
    mx_text_init(&p.out, NULL, (size_t)PAGE_BYTES * 4);
    reply_text(request, &p.out, list_in_state, &p);
    mx_text_release(&p.out);
}

/* ---- export ---- */

typedef struct customer_export {
    mx_request *request;
    mx_shop_settings settings;
    mx_text out;
    mx_record_kind open; /* whose list is open; MX_CUSTOMER: none yet */
    bool first, found;
} customer_export;

/* Closes the open list and opens those up to that of a kind, in the order they are given in. */
static void open_list(customer_export *e, mx_record_kind kind)
{
    static const struct {
        mx_record_kind kind;
        const char *name;
    } lists[] = {{MX_CUSTOMER, "customer"},
                 {MX_ORDER, "orders"},
                 {MX_MESSAGE, "messages"},
                 {MX_REVIEW, "reviews"},
                 {MX_EVENT, "events"}};
    size_t i = 0;
    while (lists[i].kind != e->open)
        i++;
    while (e->open != kind) {
        mx_text_printf(&e->out, "%s,\"%s\":[", e->open == MX_CUSTOMER ? "" : "]", lists[++i].name);
        e->open = lists[i].kind;
        e->first = true;
    }
}

static merx_status put_part(customer_export *e, bool first, json_t *json, merx_error *err)
{
    merx_error failure = {0};
    merx_status status = put_json(&e->out, first, json, &failure);
    if (e->out.over_limit)
        MX_FAIL(err, MERX_E_LIMIT, "", "more than %d MB are stored of this customer, which is too much for one reply",
                EXPORT_BYTES >> 20);
    if (status != MERX_OK)
        MX_FAIL(err, status, failure.where, "%s", failure.message);
    return MERX_OK;
}

static merx_status put_customer(customer_export *e, json_t *json, merx_error *err)
{
    mx_text_puts(&e->out, "{\"customer\":");
    return put_part(e, true, json, err);
}

static merx_status export_one(void *context, const mx_record *record, merx_error *err)
{
    customer_export *e = context;
    json_t *json = mx_record_to_json(record, &e->settings);
    bool begins = !e->found;
    e->found = true;
    if (record->kind == MX_CUSTOMER)
        return put_customer(e, json, err);
    merx_status status = begins ? put_customer(e, json_pack("{s:s}", "id", e->request->path_value), err) : MERX_OK;
    if (status != MERX_OK) {
        json_decref(json);
        return status;
    }
    open_list(e, record->kind);
    status = put_part(e, e->first, json, err);
    e->first = false;
    return status;
}

static merx_status export_in_state(void *context, mx_reader *reader, merx_error *err)
{
    customer_export *e = context;
    const mx_request *request = e->request;
    mx_records *records = reader->shop->records;
    MX_TRY(mx_shop_settings_read(records, &e->request->arena, &e->settings, err));
    if (strlen(request->path_value) <= MX_ID_MAX)
        MX_TRY(mx_records_scan_customer(records, mx_str_of(request->path_value), export_one, e, err));
    if (!e->found)
        MX_FAIL(err, MERX_E_NOT_FOUND, "", "there is no customer \"%.100s\"", request->path_value);
    open_list(e, MX_EVENT);
    mx_text_puts(&e->out, "]}");
    return mx_text_ok(&e->out, err);
}

void mx_handle_export_customer(mx_request *request)
{
    customer_export e = {.request = request, .open = MX_CUSTOMER};
    mx_text_init(&e.out, NULL, EXPORT_BYTES);
    reply_text(request, &e.out, export_in_state, &e);
    mx_text_release(&e.out);
}
