/*
 * Reading: scans, single records, counts.
 *
 * A scan outside a transaction opens one for itself: everything it reads is one state, whatever others commit meanwhile.
 */
#include <math.h>

#include "store/drivers/sqlite_store.h"

/* Begins a transaction for reading unless one is open; *mine: end it with end_read. */
static merx_status begin_read(mx_sqlite *store, bool *mine, merx_error *err)
{
    sqlite3_stmt *statement;

    *mine = false;
    if (store->begun)
        return store->read_only ? MERX_OK : mx_sqlite_flush(store, err);
    MX_TRY(mx_sqlite_statement(store, MX_SQL_BEGIN_READ, &statement, err));
    MX_TRY(mx_sqlite_run(store, statement, "beginning to read", err));
    *mine = true;
    merx_status status = mx_sqlite_load_meta(store, err);
    if (status != MERX_OK)
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* All statements are reset by now, so ending a transaction that wrote nothing can't fail. */
static void end_read(mx_sqlite *store, bool mine)
{
    if (mine && !sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

static merx_status read_event(mx_name_reader *names, sqlite3_stmt *row, mx_event *event, merx_error *err)
{
    event->offset = sqlite3_column_int64(row, 0);
    event->time_ms = sqlite3_column_int64(row, 1);
    event->kind = (mx_event_kind)sqlite3_column_int(row, 2);
    MX_TRY(mx_name_reader_get(names, sqlite3_column_int64(row, 3), &event->customer, err));
    MX_TRY(mx_name_reader_get(names, sqlite3_column_int64(row, 4), &event->product, err));
    MX_TRY(mx_name_reader_get(names, sqlite3_column_int64(row, 5), &event->order, err));
    MX_TRY(mx_name_reader_get(names, sqlite3_column_int64(row, 6), &event->session, err));
    event->quantity = sqlite3_column_int64(row, 7);
    event->has_price = sqlite3_column_type(row, 8) != SQLITE_NULL;
    event->price_minor = sqlite3_column_int64(row, 8);
    MX_TRY(mx_name_reader_get(names, sqlite3_column_int64(row, 9), &event->title, err));
    MX_TRY(mx_name_reader_get(names, sqlite3_column_int64(row, 10), &event->country, err));
    MX_TRY(mx_name_reader_get(names, sqlite3_column_int64(row, 11), &event->source, err));
    event->row = (uint64_t)sqlite3_column_int64(row, 12);
    event->id = mx_sqlite_text(row, 13);
    return MERX_OK;
}

enum { FEW_EVENTS = 4096 }; /* of up to so many, names are looked up one by one */

/* Gives the rows of a bound statement over events to fn, `limit` at most; *found counts them. */
static merx_status give_events(mx_sqlite *store, sqlite3_stmt *rows, uint64_t limit, uint64_t *found, mx_record_fn fn,
                               void *context, merx_error *err)
{
    mx_record record = {.kind = MX_EVENT};
    mx_name_reader names;
    bool row;

    merx_status status = mx_name_reader_init(&names, store, limit <= FEW_EVENTS, err);
    for (*found = 0; status == MERX_OK && *found < limit; ++*found) {
        status = mx_sqlite_step(store, rows, &row, "reading events", err);
        if (status != MERX_OK || !row)
            break;
        mx_name_reader_trim(&names);
        status = read_event(&names, rows, &record.event, err);
        if (status == MERX_OK)
            status = fn(context, &record, err);
    }
    sqlite3_reset(rows);
    mx_name_reader_release(&names);
    return status;
}

merx_status mx_sqlite_scan_events(void *state, int64_t after_offset, mx_scan_order order, mx_record_fn fn,
                                  void *context, merx_error *err)
{
    mx_sqlite *store = state;
    sqlite3_stmt *rows;
    uint64_t found;
    bool mine;

    MX_TRY(begin_read(store, &mine, err));
    bool sort = order == MX_BY_TIME && store->meta.disordered != 0;
    merx_status status = mx_sqlite_statement(store, sort ? MX_SQL_EVENT_SCAN_TIME : MX_SQL_EVENT_SCAN, &rows, err);
    if (status == MERX_OK)
        status = mx_sqlite_bind_int(store, rows, 1, after_offset, err);
    if (status == MERX_OK)
        status = give_events(store, rows, UINT64_MAX, &found, fn, context, err);
    end_read(store, mine);
    return status;
}

static void read_fields(mx_record *record, sqlite3_stmt *row)
{
    const mx_fields *fields = mx_record_fields(record->kind);

    for (size_t i = 0; i < fields->count; i++) {
        const mx_field *field = &fields->fields[i];
        bool there = sqlite3_column_type(row, (int)i) != SQLITE_NULL;
        if (field->type == MX_FIELD_TEXT)
            *mx_field_text(field, record) = mx_sqlite_text(row, (int)i);
        else if (field->type == MX_FIELD_REAL)
            mx_field_set_real(field, record, there ? sqlite3_column_double(row, (int)i) : (double)NAN);
        else
            mx_field_set_int(field, record, there, sqlite3_column_int64(row, (int)i));
    }
}

/* The same for the other kinds. */
static merx_status give_records(mx_sqlite *store, mx_record_kind kind, sqlite3_stmt *rows, uint64_t *found,
                                mx_record_fn fn, void *context, merx_error *err)
{
    merx_status status = MERX_OK;
    bool row;

    for (*found = 0; status == MERX_OK; ++*found) {
        mx_record record = {.kind = kind};
        status = mx_sqlite_step(store, rows, &row, "reading records", err);
        if (status != MERX_OK || !row)
            break;
        read_fields(&record, rows);
        status = fn(context, &record, err);
    }
    sqlite3_reset(rows);
    return status;
}

merx_status mx_sqlite_scan(void *state, mx_record_kind kind, mx_record_fn fn, void *context, merx_error *err)
{
    mx_sqlite *store = state;
    sqlite3_stmt *rows;
    uint64_t found;
    bool mine;

    MX_TRY(begin_read(store, &mine, err));
    merx_status status = mx_sqlite_kind_statement(store, kind, MX_KIND_SCAN, &rows, err);
    if (status == MERX_OK)
        status = give_records(store, kind, rows, &found, fn, context, err);
    end_read(store, mine);
    return status;
}

/* Inside a transaction. */
static merx_status give_page(mx_sqlite *store, mx_record_kind kind, const mx_record_page *page, mx_record_fn fn,
                             void *context, merx_error *err)
{
    const int64_t limit = page->limit < INT64_MAX ? (int64_t)page->limit : INT64_MAX;
    sqlite3_stmt *rows;
    uint64_t found;

    if (kind == MX_EVENT) {
        MX_TRY(mx_sqlite_statement(store, MX_SQL_EVENT_SCAN, &rows, err));
        MX_TRY(mx_sqlite_bind_int(store, rows, 1, page->after_offset, err));
        return give_events(store, rows, page->limit, &found, fn, context, err);
    }
    MX_TRY(mx_sqlite_kind_statement(store, kind, MX_KIND_PAGE, &rows, err));
    MX_TRY(mx_sqlite_bind_text(store, rows, 1, page->after, err));
    MX_TRY(mx_sqlite_bind_int(store, rows, 2, limit, err));
    return give_records(store, kind, rows, &found, fn, context, err);
}

merx_status mx_sqlite_scan_page(void *state, mx_record_kind kind, const mx_record_page *page, mx_record_fn fn,
                                void *context, merx_error *err)
{
    mx_sqlite *store = state;
    bool mine;

    MX_TRY(begin_read(store, &mine, err));
    merx_status status = give_page(store, kind, page, fn, context, err);
    end_read(store, mine);
    return status;
}

/* Inside a transaction. */
static merx_status give_customer(mx_sqlite *store, mx_str customer, mx_record_fn fn, void *context, merx_error *err)
{
    static const mx_record_kind kinds[] = {MX_CUSTOMER, MX_ORDER, MX_MESSAGE, MX_REVIEW};
    sqlite3_stmt *rows;
    uint64_t found;
    int64_t key; /* 0: no event names him */

    MX_TRY(mx_sqlite_find_name(store, MX_SPACE_CUSTOMER, customer, &key, err));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const mx_kind_sql sql = kinds[i] == MX_CUSTOMER ? MX_KIND_GET : MX_KIND_OF;
        MX_TRY(mx_sqlite_kind_statement(store, kinds[i], sql, &rows, err));
        MX_TRY(mx_sqlite_bind_text(store, rows, 1, customer, err));
        if (kinds[i] == MX_ORDER)
            MX_TRY(mx_sqlite_bind_int(store, rows, 2, key, err));
        MX_TRY(give_records(store, kinds[i], rows, &found, fn, context, err));
        sqlite3_clear_bindings(rows); /* no name stays in memory */
    }
    MX_TRY(mx_sqlite_statement(store, MX_SQL_EVENTS_OF, &rows, err));
    MX_TRY(mx_sqlite_bind_int(store, rows, 1, key, err));
    MX_TRY(mx_sqlite_bind_text(store, rows, 2, customer, err));
    merx_status status = give_events(store, rows, UINT64_MAX, &found, fn, context, err);
    sqlite3_clear_bindings(rows);
    return status;
}

merx_status mx_sqlite_scan_customer(void *state, mx_str customer, mx_record_fn fn, void *context, merx_error *err)
{
    mx_sqlite *store = state;
    bool mine;

    MX_TRY(begin_read(store, &mine, err));
    merx_status status = give_customer(store, customer, fn, context, err);
    end_read(store, mine);
    return status;
}

static merx_status live_version(mx_sqlite *store, mx_str answer, int64_t *version, merx_error *err)
{
    sqlite3_stmt *statement;
    bool row;

    MX_TRY(mx_sqlite_statement(store, MX_SQL_MODEL_LIVE, &statement, err));
    MX_TRY(mx_sqlite_bind_text(store, statement, 1, answer, err));
    MX_TRY(mx_sqlite_step(store, statement, &row, "looking the live model up", err));
    *version = row ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    return MERX_OK;
}

/* Inside a transaction. */
static merx_status get_one(mx_sqlite *store, mx_record_kind kind, mx_str id, uint64_t *found, mx_record_fn fn,
                           void *context, merx_error *err)
{
    sqlite3_stmt *statement;
    mx_str key = id;
    int64_t version = 0;

    if (kind == MX_EVENT) {
        MX_TRY(mx_sqlite_statement(store, MX_SQL_EVENT_GET, &statement, err));
        MX_TRY(mx_sqlite_bind_text(store, statement, 1, id, err));
        return give_events(store, statement, 1, found, fn, context, err); /* ids are unique */
    }
    if (kind == MX_MODEL) {
        if (!mx_model_id_split(id, &key, &version))
            MX_FAIL(err, MERX_E_INVALID, store->path,
                    "a model is asked for by answer/version or answer/live, e.g. recommend/3");
        if (version == 0)
            MX_TRY(live_version(store, key, &version, err));
    }
    MX_TRY(mx_sqlite_kind_statement(store, kind, MX_KIND_GET, &statement, err));
    MX_TRY(mx_sqlite_bind_text(store, statement, 1, key, err));
    if (kind == MX_MODEL)
        MX_TRY(mx_sqlite_bind_int(store, statement, 2, version, err));
    return give_records(store, kind, statement, found, fn, context, err);
}

merx_status mx_sqlite_get(void *state, mx_record_kind kind, mx_str id, mx_record_fn fn, void *context, merx_error *err)
{
    mx_sqlite *store = state;
    uint64_t found = 0;
    bool mine;

    MX_TRY(begin_read(store, &mine, err));
    merx_status status = get_one(store, kind, id, &found, fn, context, err);
    end_read(store, mine);
    if (status == MERX_OK && found == 0)
        MX_FAIL(err, MERX_E_NOT_FOUND, store->path, "there is no %s \"%.*s\"", mx_record_kind_name(kind),
                (int)(id.size < 200 ? id.size : 200), id.data);
    return status;
}

merx_status mx_sqlite_last_offset(void *state, int64_t *offset, merx_error *err)
{
    mx_sqlite *store = state;

    if (!store->begun)
        MX_TRY(mx_sqlite_load_meta(store, err));
    *offset = store->meta.next_offset - 1;
    return MERX_OK;
}

merx_status mx_sqlite_count(void *state, mx_record_kind kind, uint64_t *count, merx_error *err)
{
    mx_sqlite *store = state;
    sqlite3_stmt *statement;
    bool row;

    MX_TRY(mx_sqlite_flush(store, err));
    MX_TRY(mx_sqlite_kind_statement(store, kind, MX_KIND_COUNT, &statement, err));
    MX_TRY(mx_sqlite_step(store, statement, &row, "counting records", err));
    *count = row ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    return MERX_OK;
}

merx_status mx_sqlite_next_version(void *state, mx_str answer, int64_t *version, merx_error *err)
{
    mx_sqlite *store = state;
    sqlite3_stmt *statement;
    bool row;

    MX_TRY(mx_sqlite_statement(store, MX_SQL_MODEL_LAST, &statement, err));
    MX_TRY(mx_sqlite_bind_text(store, statement, 1, answer, err));
    MX_TRY(mx_sqlite_step(store, statement, &row, "reading a model's version", err));
    *version = (row ? sqlite3_column_int64(statement, 0) : 0) + 1;
    sqlite3_reset(statement);
    return MERX_OK;
}
