/*
 * Erasing: a customer, or a source with its events; and giving space back.
 *
 * One pass over the events' keys marks, in two bit sets indexed by the keys of names, what the rows to go use and what the rows that
 * stay use. A name that only rows to go use goes with them. Cost: O(events + names), 2 bits of memory a name.
 *
 * secure_delete overwrites deleted bytes with zeros, but not everywhere: when SQLite rebuilds a page of a b-tree it leaves copies of
 * cells that moved to other pages in the gap between pointers and cells (rebuildPage in btree.c). So an erasure sets meta.scrub, and
 * compact then writes the whole file anew (VACUUM) before it truncates the log.
 */
#include <string.h>

#include "store/drivers/sqlite_store.h"

typedef struct mx_sweep {
    mx_sqlite *store;
    int64_t customer, source; /* keys whose rows go; 0: none */
    unsigned char *owned;     /* per key: the name of an order whose record names the customer */
    unsigned char *gone, *kept;
    size_t set_bytes;
    mx_vec ranges;
    uint64_t events, loose_orders;
    merx_status status; /* of reading the events */
    merx_error error;
} mx_sweep;

enum { KEY_COLUMNS = 8 }; /* of MX_SQL_EVENT_KEYS */

static void mark(unsigned char *set, int64_t key)
{
    set[key / 8] |= (unsigned char)(1u << key % 8);
}

static bool marked(const unsigned char *set, int64_t key)
{
    return (set[key / 8] >> key % 8 & 1) != 0;
}

static merx_status sweep_init(mx_sweep *sweep, mx_sqlite *store, merx_error *err)
{
    int64_t max_key;

    memset(sweep, 0, sizeof *sweep);
    sweep->store = store;
    sweep->ranges = mx_vec_init(store->alloc, sizeof(mx_range), SIZE_MAX / 64, "ranges of events");
    MX_TRY(mx_sqlite_max_name(store, &max_key, err));
    if (max_key < 0 || (uint64_t)max_key > SIZE_MAX / 16)
        MX_FAIL(err, MERX_E_CORRUPT, store->path, "a name has the key %lld", (long long)max_key);
    sweep->set_bytes = (size_t)max_key / 8 + 1;
    MX_TRY(MX_NEW_ARRAY(store->alloc, sweep->set_bytes, &sweep->owned, "set of names", err));
    MX_TRY(MX_NEW_ARRAY(store->alloc, sweep->set_bytes, &sweep->gone, "set of names", err));
    return MX_NEW_ARRAY(store->alloc, sweep->set_bytes, &sweep->kept, "set of names", err);
}

static void sweep_release(mx_sweep *sweep)
{
    MX_FREE_ARRAY(sweep->store->alloc, sweep->owned, sweep->set_bytes);
    MX_FREE_ARRAY(sweep->store->alloc, sweep->gone, sweep->set_bytes);
    MX_FREE_ARRAY(sweep->store->alloc, sweep->kept, sweep->set_bytes);
    mx_vec_release(&sweep->ranges);
}

static merx_status add_offset(mx_sweep *sweep, int64_t offset, merx_error *err)
{
    mx_range range = {offset, offset};

    sweep->events++;
    if (sweep->ranges.count > 0) {
        mx_range *last = &MX_VEC_AT(&sweep->ranges, mx_range, sweep->ranges.count - 1);
        if (last->last + 1 == offset) {
            last->last = offset;
            return MERX_OK;
        }
    }
    return mx_vec_append(&sweep->ranges, &range, 1, err);
}

static merx_status mark_row(mx_sweep *sweep, sqlite3_value **row, merx_error *err)
{
    enum { CUSTOMER = 1, ORDER = 3, SOURCE = 7 };
    int64_t keys[KEY_COLUMNS] = {0};
    const int64_t most = (int64_t)sweep->set_bytes * 8;

    for (int i = 1; i < KEY_COLUMNS; i++) {
        keys[i] = sqlite3_value_int64(row[i]);
        if (keys[i] < 0 || keys[i] >= most)
            MX_FAIL(err, MERX_E_CORRUPT, sweep->store->path, "an event has the name %lld, which is not there",
                    (long long)keys[i]);
    }
    bool goes = (sweep->customer != 0 && keys[CUSTOMER] == sweep->customer) ||
                (sweep->source != 0 && keys[SOURCE] == sweep->source) ||
                (keys[CUSTOMER] == 0 && marked(sweep->owned, keys[ORDER]));
    unsigned char *set = goes ? sweep->gone : sweep->kept;
    for (int i = 1; i < KEY_COLUMNS; i++)
        mark(set, keys[i]); /* also 0, which is no name */
    return goes ? add_offset(sweep, sqlite3_value_int64(row[0]), err) : MERX_OK;
}

/* For each row, called by SQL: an aggregate is given its rows in less time than a caller takes who steps from row to row. */
static void mark_step(sqlite3_context *context, int count, sqlite3_value **row)
{
    mx_sqlite *store = sqlite3_user_data(context);
    mx_sweep *sweep = store->sweep;
    (void)count;
    if (sweep != NULL && sweep->status == MERX_OK)
        sweep->status = mark_row(sweep, row, &sweep->error);
}

static void mark_final(sqlite3_context *context)
{
    sqlite3_result_null(context);
}

int mx_sqlite_add_functions(mx_sqlite *store)
{
    return sqlite3_create_function_v2(store->db, "merx_mark", KEY_COLUMNS, SQLITE_UTF8 | SQLITE_DIRECTONLY, store, NULL,
                                      mark_step, mark_final, NULL);
}

static merx_status mark_events(mx_sweep *sweep, merx_error *err)
{
    mx_sqlite *store = sweep->store;
    sqlite3_stmt *rows;

    MX_TRY(mx_sqlite_statement(store, MX_SQL_EVENT_KEYS, &rows, err));
    store->sweep = sweep;
    merx_status status = mx_sqlite_run(store, rows, "reading events", err);
    store->sweep = NULL;
    if (status == MERX_OK && sweep->status != MERX_OK)
        status = mx_error_set(err, sweep->status, sweep->error.where, "%s", sweep->error.message);
    return status;
}

static merx_status delete_events(mx_sweep *sweep, merx_error *err)
{
    mx_sqlite *store = sweep->store;
    sqlite3_stmt *statement;

    for (size_t i = 0; i < sweep->ranges.count; i++) {
        mx_range range = MX_VEC_AT(&sweep->ranges, mx_range, i);
        MX_TRY(mx_sqlite_statement(store, MX_SQL_EVENT_DELETE, &statement, err));
        MX_TRY(mx_sqlite_bind_int(store, statement, 1, range.first, err));
        MX_TRY(mx_sqlite_bind_int(store, statement, 2, range.last, err));
        MX_TRY(mx_sqlite_run(store, statement, "erasing events", err));
    }
    return MERX_OK;
}

/* An order's record that names no customer goes with the only rows that named the order. */
static merx_status delete_loose_order(mx_sweep *sweep, int64_t key, merx_error *err)
{
    mx_sqlite *store = sweep->store;
    sqlite3_stmt *name, *statement;
    bool row;

    MX_TRY(mx_sqlite_statement(store, MX_SQL_NAME_GET, &name, err));
    MX_TRY(mx_sqlite_bind_int(store, name, 1, key, err));
    MX_TRY(mx_sqlite_step(store, name, &row, "erasing names", err));
    merx_status status = MERX_OK;
    if (row && sqlite3_column_int64(name, 0) == MX_SPACE_ORDER) {
        status = mx_sqlite_statement(store, MX_SQL_ORDER_DELETE_LOOSE, &statement, err);
        if (status == MERX_OK)
            status = mx_sqlite_bind_text(store, statement, 1, mx_sqlite_text(name, 1), err);
        if (status == MERX_OK)
            status = mx_sqlite_run(store, statement, "erasing orders", err);
        if (status == MERX_OK)
            sweep->loose_orders += (uint64_t)sqlite3_changes64(store->db);
    }
    sqlite3_reset(name);
    return status;
}

static merx_status delete_names(mx_sweep *sweep, merx_error *err)
{
    mx_sqlite *store = sweep->store;
    sqlite3_stmt *statement;

    for (size_t byte = 0; byte < sweep->set_bytes; byte++) {
        if ((sweep->gone[byte] & ~sweep->kept[byte]) == 0)
            continue;
        for (int64_t key = (int64_t)byte * 8; key < (int64_t)byte * 8 + 8; key++) {
            if (key == 0 || !marked(sweep->gone, key) || marked(sweep->kept, key))
                continue;
            if (sweep->customer != 0)
                MX_TRY(delete_loose_order(sweep, key, err));
            MX_TRY(mx_sqlite_statement(store, MX_SQL_NAME_DELETE, &statement, err));
            MX_TRY(mx_sqlite_bind_int(store, statement, 1, key, err));
            MX_TRY(mx_sqlite_run(store, statement, "erasing names", err));
        }
    }
    return MERX_OK;
}

static merx_status sweep_run(mx_sweep *sweep, merx_error *err)
{
    MX_TRY(mark_events(sweep, err));
    MX_TRY(delete_events(sweep, err));
    MX_TRY(mx_sqlite_ids_erase(sweep->store, sweep->ranges.data, sweep->ranges.count, err));
    MX_TRY(delete_names(sweep, err));
    mx_sqlite_forget_names(sweep->store);
    sweep->store->meta.erasures++;
    sweep->store->ids.erasures = sweep->store->meta.erasures;
    sweep->store->meta.scrub = 1;
    sweep->store->meta_changed = true;
    return MERX_OK;
}

/* Marks the names of the orders whose records name the customer. */
static merx_status mark_orders(mx_sweep *sweep, mx_str customer, merx_error *err)
{
    mx_sqlite *store = sweep->store;
    sqlite3_stmt *rows;
    int64_t key;
    bool row;

    MX_TRY(mx_sqlite_statement(store, MX_SQL_ORDERS_OF, &rows, err));
    MX_TRY(mx_sqlite_bind_text(store, rows, 1, customer, err));
    for (;;) {
        MX_TRY(mx_sqlite_step(store, rows, &row, "reading orders", err));
        if (!row)
            return MERX_OK;
        merx_status status = mx_sqlite_find_name(store, MX_SPACE_ORDER, mx_sqlite_text(rows, 0), &key, err);
        if (status != MERX_OK) {
            sqlite3_reset(rows);
            return status;
        }
        if (key > 0)
            mark(sweep->owned, key);
    }
}

static merx_status delete_of(mx_sqlite *store, mx_sql sql, mx_str customer, uint64_t *count, merx_error *err)
{
    sqlite3_stmt *statement;

    MX_TRY(mx_sqlite_statement(store, sql, &statement, err));
    MX_TRY(mx_sqlite_bind_text(store, statement, 1, customer, err));
    MX_TRY(mx_sqlite_run(store, statement, "erasing a customer", err));
    *count = (uint64_t)sqlite3_changes64(store->db);
    sqlite3_clear_bindings(statement);
    return MERX_OK;
}

merx_status mx_sqlite_erase_customer(void *state, mx_str customer, mx_erasure *erased, merx_error *err)
{
    mx_sqlite *store = state;
    mx_sweep sweep;

    MX_TRY(mx_sqlite_flush(store, err));
    merx_status status = sweep_init(&sweep, store, err);
    if (status == MERX_OK)
        status = mx_sqlite_find_name(store, MX_SPACE_CUSTOMER, customer, &sweep.customer, err);
    if (status == MERX_OK)
        status = mark_orders(&sweep, customer, err);
    if (status == MERX_OK)
        status = sweep_run(&sweep, err);
    if (status == MERX_OK)
        status = delete_of(store, MX_SQL_ORDERS_DELETE, customer, &erased->orders, err);
    if (status == MERX_OK)
        status = delete_of(store, MX_SQL_MESSAGES_DELETE, customer, &erased->messages, err);
    if (status == MERX_OK)
        status = delete_of(store, MX_SQL_REVIEWS_DELETE, customer, &erased->reviews, err);
    if (status == MERX_OK)
        status = delete_of(store, MX_SQL_CUSTOMER_DELETE, customer, &erased->customers, err);
    erased->events = sweep.events;
    erased->orders += sweep.loose_orders;
    sweep_release(&sweep);
    return status;
}

merx_status mx_sqlite_remove_source(mx_sqlite *store, mx_str name, merx_error *err)
{
    mx_sweep sweep;

    MX_TRY(mx_sqlite_flush(store, err));
    store->source_size = 0;
    merx_status status = sweep_init(&sweep, store, err);
    if (status == MERX_OK)
        status = mx_sqlite_find_name(store, MX_SPACE_SOURCE, name, &sweep.source, err);
    if (status == MERX_OK && sweep.source != 0)
        status = sweep_run(&sweep, err);
    sweep_release(&sweep);
    return status;
}

static merx_status pragma_int(mx_sqlite *store, const char *sql, int64_t *value, merx_error *err)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    merx_status status = MERX_OK;

    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        *value = sqlite3_column_int64(statement, 0);
    else
        status = mx_sqlite_fail(store, rc, "compacting", err);
    sqlite3_finalize(statement);
    return status;
}

merx_status mx_sqlite_compact(void *state, merx_error *err)
{
    mx_sqlite *store = state;
    int64_t pages, unused;

    MX_TRY(mx_sqlite_load_meta(store, err));
    MX_TRY(pragma_int(store, "PRAGMA page_count", &pages, err));
    MX_TRY(pragma_int(store, "PRAGMA freelist_count", &unused, err));
    if (store->meta.scrub != 0 || unused > pages / 4) {
        MX_TRY(mx_sqlite_exec(store, "VACUUM", "writing the file anew", err));
        MX_TRY(mx_sqlite_exec(store, "UPDATE meta SET scrub = 0 WHERE scrub <> 0", "compacting", err));
    }
    int rc = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return rc == SQLITE_OK ? MERX_OK : mx_sqlite_fail(store, rc, "truncating the log", err);
}
