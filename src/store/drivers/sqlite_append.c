/*
 * Appending events.
 *
 * Rows wait until MX_EVENTS_AT_ONCE of them go in with one statement: beginning and ending a statement costs SQLite about as much as
 * a row does. They wait within one call only, so whatever is read afterwards sees them.
 */
#include <string.h>

#include "store/drivers/sqlite_store.h"

merx_status mx_sqlite_flush(mx_sqlite *store, merx_error *err)
{
    sqlite3_stmt *statement;

    if (!store->source_changed)
        return MERX_OK;
    MX_TRY(mx_sqlite_statement(store, MX_SQL_SOURCE_SET_ROWS, &statement, err));
    MX_TRY(mx_sqlite_bind_text(store, statement, 1, (mx_str){store->source, store->source_size}, err));
    MX_TRY(mx_sqlite_bind_int(store, statement, 2, store->source_rows, err));
    MX_TRY(mx_sqlite_run(store, statement, "writing a source", err));
    store->source_changed = false;
    return MERX_OK;
}

merx_status mx_sqlite_source_rows(mx_sqlite *store, mx_str name, int64_t *rows, merx_error *err)
{
    sqlite3_stmt *statement;
    bool row;

    MX_TRY(mx_sqlite_statement(store, MX_SQL_SOURCE_ROWS, &statement, err));
    MX_TRY(mx_sqlite_bind_text(store, statement, 1, name, err));
    MX_TRY(mx_sqlite_step(store, statement, &row, "reading a source", err));
    *rows = row ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    return MERX_OK;
}

/* Whether the row of its source was taken before; moves the source's watermark. */
static merx_status row_known(mx_sqlite *store, const mx_event *event, bool *taken, merx_error *err)
{
    if (!mx_str_equal(event->source, (mx_str){store->source, store->source_size})) {
        MX_TRY(mx_sqlite_flush(store, err));
        store->source_size = 0;
        MX_TRY(mx_sqlite_source_rows(store, event->source, &store->source_rows, err));
        memcpy(store->source, event->source.data, event->source.size);
        store->source_size = event->source.size;
    }
    *taken = (int64_t)event->row < store->source_rows;
    if (!*taken) {
        store->source_rows = (int64_t)event->row + 1;
        store->source_changed = true;
    }
    return MERX_OK;
}

/* A UUID goes in as 16 bytes, any other id as its text, none as NULL. uuid: room that lasts until the row is written. */
static merx_status bind_id(mx_sqlite *store, sqlite3_stmt *add, int at, mx_str id, unsigned char uuid[MX_UUID_SIZE],
                           merx_error *err)
{
    if (!mx_uuid_parse(id, uuid))
        return mx_sqlite_bind_text(store, add, at, id, err);
    int rc = sqlite3_bind_blob(add, at, uuid, MX_UUID_SIZE, SQLITE_STATIC);
    return rc == SQLITE_OK ? MERX_OK : mx_sqlite_fail(store, rc, "binding an id", err);
}

/* Writes the rows that wait: all together when they are MX_EVENTS_AT_ONCE, else one by one. */
static merx_status write_waiting(mx_sqlite *store, merx_error *err)
{
    enum { ROW = MX_EVENT_COLUMNS + 1 };
    mx_waiting *waiting = &store->waiting;
    const bool all = waiting->count == MX_EVENTS_AT_ONCE;
    unsigned char uuids[MX_EVENTS_AT_ONCE][MX_UUID_SIZE];
    sqlite3_stmt *add;

    for (size_t i = 0; i < waiting->count; i++) {
        const int base = all ? (int)i * ROW : 0;
        if (i == 0 || !all)
            MX_TRY(mx_sqlite_statement(store, all ? MX_SQL_EVENT_ADD_MANY : MX_SQL_EVENT_ADD, &add, err));
        /* Binding a number to a parameter that exists can't fail. */
        for (int c = 0; c < MX_EVENT_COLUMNS; c++) {
            if ((waiting->absent[i] >> c & 1) != 0)
                sqlite3_bind_null(add, base + c + 1);
            else
                sqlite3_bind_int64(add, base + c + 1, waiting->values[i][c]);
        }
        MX_TRY(bind_id(store, add, base + ROW, waiting->ids[i], uuids[i], err));
        if (!all || i + 1 == waiting->count)
            MX_TRY(mx_sqlite_run(store, add, "writing events", err));
    }
    waiting->count = 0;
    return MERX_OK;
}

static merx_status append_event(mx_sqlite *store, const mx_event *event, merx_error *err)
{
    enum { OFFSET, TIME, KIND, CUSTOMER, PRODUCT, ORDER, SESSION, QUANTITY, PRICE, TITLE, COUNTRY, SOURCE, ROW };
    mx_waiting *waiting = &store->waiting;
    mx_meta *meta = &store->meta;
    int64_t *values = waiting->values[waiting->count];

    MX_TRY(mx_sqlite_intern(store, MX_SPACE_CUSTOMER, event->customer, &values[CUSTOMER], err));
    MX_TRY(mx_sqlite_intern(store, MX_SPACE_PRODUCT, event->product, &values[PRODUCT], err));
    MX_TRY(mx_sqlite_intern(store, MX_SPACE_ORDER, event->order, &values[ORDER], err));
    MX_TRY(mx_sqlite_intern(store, MX_SPACE_SESSION, event->session, &values[SESSION], err));
    MX_TRY(mx_sqlite_intern(store, MX_SPACE_TITLE, event->title, &values[TITLE], err));
    MX_TRY(mx_sqlite_intern(store, MX_SPACE_COUNTRY, event->country, &values[COUNTRY], err));
    MX_TRY(mx_sqlite_intern(store, MX_SPACE_SOURCE, event->source, &values[SOURCE], err));
    values[OFFSET] = meta->next_offset;
    values[TIME] = event->time_ms;
    values[KIND] = event->kind;
    values[QUANTITY] = event->quantity;
    values[PRICE] = event->price_minor;
    values[ROW] = (int64_t)event->row;

    unsigned absent = 0;
    static const int keys[] = {CUSTOMER, PRODUCT, ORDER, SESSION, TITLE, COUNTRY, SOURCE};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        absent |= (unsigned)(values[keys[i]] == 0) << keys[i];
    absent |= (unsigned)!event->has_price << PRICE | (unsigned)(event->source.size == 0) << ROW;
    waiting->absent[waiting->count] = absent;
    waiting->ids[waiting->count] = event->id;
    waiting->count++;

    meta->next_offset++;
    if (event->time_ms < meta->max_time_ms)
        meta->disordered = 1;
    else
        meta->max_time_ms = event->time_ms;
    store->meta_changed = true;
    return MERX_OK;
}

/* The hashes of the ids of a batch; *ids: how many have one. */
static merx_status hash_ids(mx_sqlite *store, const mx_event *events, size_t n, size_t *ids, merx_error *err)
{
    uint64_t *hashes;

    *ids = 0;
    mx_vec_clear(&store->hashes);
    MX_TRY(mx_vec_push(&store->hashes, n, &hashes, err));
    for (size_t i = 0; i < n; i++) {
        hashes[i] = events[i].id.size > 0 ? mx_sqlite_id_hash(store, events[i].id) : 0;
        *ids += events[i].id.size > 0;
    }
    return MERX_OK;
}

/* What event i of the batch will touch at random is asked for while the ones before it are worked on. */
static void prefetch(const mx_sqlite *store, const mx_event *events, size_t i, size_t n)
{
    enum { NEAR = 6, FAR = 12 };
    const uint64_t *hashes = store->hashes.data;

    if (i + FAR < n) {
        mx_sqlite_ids_prefetch(store, hashes[i + FAR]);
        mx_sqlite_prefetch_slot(store, MX_SPACE_CUSTOMER, events[i + FAR].customer);
        mx_sqlite_prefetch_slot(store, MX_SPACE_PRODUCT, events[i + FAR].product);
    }
    if (i + NEAR < n) {
        mx_sqlite_prefetch_name(store, MX_SPACE_CUSTOMER, events[i + NEAR].customer);
        mx_sqlite_prefetch_name(store, MX_SPACE_PRODUCT, events[i + NEAR].product);
    }
}

merx_status mx_sqlite_append(void *state, const mx_event *events, size_t n, uint64_t *appended, merx_error *err)
{
    mx_sqlite *store = state;
    size_t ids;

    store->waiting.count = 0;
    MX_TRY(hash_ids(store, events, n, &ids, err));
    if (ids > 0)
        MX_TRY(mx_sqlite_ids_ready(store, err));
    const uint64_t *hashes = store->hashes.data;
    for (size_t i = 0; i < n; i++) {
        bool taken = false;
        prefetch(store, events, i, n);
        if (events[i].id.size > 0)
            MX_TRY(mx_sqlite_ids_find(store, hashes[i], events[i].id, &taken, err));
        else
            MX_TRY(row_known(store, &events[i], &taken, err));
        if (taken)
            continue;
        if (events[i].id.size > 0)
            MX_TRY(mx_sqlite_ids_add(store, hashes[i], store->meta.next_offset, err));
        MX_TRY(append_event(store, &events[i], err));
        if (store->waiting.count == MX_EVENTS_AT_ONCE)
            MX_TRY(write_waiting(store, err));
        ++*appended;
    }
    MX_TRY(write_waiting(store, err));
    return ids > 0 ? mx_sqlite_runs_work(store, *appended, err) : MERX_OK;
}
