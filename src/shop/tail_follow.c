/*
 * Events and changed things, on their way from the records into the tail.
 */
#include "shop/tail_follow.h"

typedef struct following {
    mx_records *records;
    mx_snapshot *base;
    const mx_shop_settings *settings;
    mx_tail **tail;
    mx_arena arena; /* a scan's callback can't ask for the order's record: texts of events are copied */
    mx_vec events;
    bool fits;
} following;

static merx_status make_room(following *f, size_t more, merx_error *err)
{
    mx_tail *larger, *tail = *f->tail;
    size_t rows = tail ? tail->rows : 0;
    if (tail && rows + more <= tail->capacity)
        return MERX_OK;
    MX_TRY(mx_tail_new(f->base, f->settings, 2 * (rows + more), tail, NULL, &larger, err));
    mx_tail_release(tail);
    *f->tail = larger;
    return MERX_OK;
}

/* What adding to the tail came to. */
static merx_status added(following *f, merx_status status, const merx_error *failure, merx_error *err)
{
    f->fits = status != MERX_E_RANGE;
    if (status == MERX_OK || !f->fits)
        return MERX_OK;
    mx_tail_release(*f->tail); /* it may hold a part of the row */
    *f->tail = NULL;
    MX_FAIL(err, status, failure->where, "%s", failure->message);
}

/* ---- events ---- */

static merx_status keep_text(mx_arena *arena, mx_str *text, merx_error *err)
{
    if (text->size == 0)
        return MERX_OK;
    char *copy = mx_arena_strndup(arena, text->data, text->size, err);
    text->data = copy;
    return copy ? MERX_OK : MERX_E_MEMORY;
}

static merx_status gather_event(void *context, const mx_record *record, merx_error *err)
{
    following *f = context;
    mx_event event = record->event;
    mx_str *const texts[] = {&event.customer, &event.product, &event.order, &event.session, &event.title};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        MX_TRY(keep_text(&f->arena, texts[i], err));
    return mx_vec_append(&f->events, &event, 1, err);
}

/* The customer whom the record of an order names; empty: none. */
static merx_status owner_of(following *f, mx_str order, mx_str *out, merx_error *err)
{
    mx_record record;
    merx_error failure = {0};
    *out = MX_STR("");
    merx_status status = mx_records_get(f->records, MX_ORDER, order, &f->arena, &record, &failure);
    if (status == MERX_OK)
        *out = record.order.customer;
    if (status == MERX_OK || status == MERX_E_NOT_FOUND)
        return MERX_OK;
    MX_FAIL(err, status, failure.where, "%s", failure.message);
}

static merx_status add_events(following *f, int64_t after, merx_error *err)
{
    MX_TRY(mx_records_scan_events(f->records, after, MX_BY_OFFSET, gather_event, f, err));
    if (f->events.count > 0)
        MX_TRY(make_room(f, f->events.count, err));
    for (size_t i = 0; f->fits && i < f->events.count; i++) {
        const mx_event *event = &MX_VEC_AT(&f->events, mx_event, i);
        merx_error failure = {0};
        mx_str owner = MX_STR("");
        if (event->customer.size == 0 && event->order.size > 0)
            MX_TRY(owner_of(f, event->order, &owner, err));
        MX_TRY(added(f, mx_tail_add(*f->tail, event, owner, &failure), &failure, err));
    }
    return MERX_OK;
}

/* ---- changed things ---- */

static merx_status add_change(following *f, const mx_change *change, merx_error *err)
{
    mx_record record;
    merx_error failure = {0};
    merx_status status = mx_records_get(f->records, change->kind, change->id, &f->arena, &record, &failure);
    bool there = status == MERX_OK;
    if (status != MERX_OK && status != MERX_E_NOT_FOUND)
        MX_FAIL(err, status, failure.where, "%s", failure.message);
    if (!there) {
        record = (mx_record){.kind = change->kind};
        *(change->kind == MX_PRODUCT ? &record.product.id : &record.customer.id) = change->id;
    }
    failure = (merx_error){0};
    return added(f, mx_tail_change(*f->tail, &record, there, &failure), &failure, err);
}

static merx_status add_changes(following *f, int64_t after, size_t most, merx_error *err)
{
    mx_change *changes;
    size_t n;
    MX_TRY(
        mx_changes_since(f->records, after, f->settings->things_version, most, &f->arena, &changes, &n, &f->fits, err));
    if (f->fits)
        MX_TRY(make_room(f, n, err));
    for (size_t i = 0; f->fits && i < n; i++)
        MX_TRY(add_change(f, &changes[i], err));
    return MERX_OK;
}

/* ---- both ---- */

static size_t rows_of(const following *f)
{
    return *f->tail ? (*f->tail)->rows : 0;
}

static merx_status follow(following *f, int64_t last_offset, size_t most, merx_error *err)
{
    int64_t offset = *f->tail ? (*f->tail)->offset : f->base->offset;
    int64_t things = *f->tail ? (*f->tail)->things_version : mx_snapshot_things_version(f->base);
    uint64_t events = (uint64_t)(last_offset - offset);
    f->fits = events <= most && rows_of(f) <= most - events;
    if (f->fits && things != f->settings->things_version)
        MX_TRY(add_changes(f, things, most - events - rows_of(f), err));
    if (f->fits && events > 0)
        MX_TRY(add_events(f, offset, err));
    if (f->fits && *f->tail) {
        (*f->tail)->offset = last_offset; /* the last events may be erased already */
        (*f->tail)->things_version = f->settings->things_version;
    }
    return MERX_OK;
}

merx_status mx_tail_follow(mx_records *records, mx_snapshot *base, const mx_shop_settings *settings,
                           int64_t last_offset, int64_t most, mx_tail **tail, bool *fits, merx_error *err)
{
    following f = {.records = records,
                   .base = base,
                   .settings = settings,
                   .tail = tail,
                   .events = mx_vec_init(NULL, sizeof(mx_event), MX_TAIL_ROWS_MAX / 2, "events")};
    mx_arena_init(&f.arena, NULL);
    merx_status status =
        follow(&f, last_offset, (size_t)(most < MX_TAIL_ROWS_MAX / 2 ? most : MX_TAIL_ROWS_MAX / 2), err);
    *fits = f.fits;
    mx_vec_release(&f.events);
    mx_arena_release(&f.arena);
    return status;
}
