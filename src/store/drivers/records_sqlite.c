/*
 * The records of a shop in one SQLite file.
 *
 * A write-ahead log, synced at each commit: readers see the state before or after a transaction, never between. Writers take the lock
 * when they begin, so a transaction that began can't fail for another writer. What a writer remembers between calls (names, the
 * watermark of the source being read, the next offset) belongs to its transaction: rollback forgets it, and a begin that sees that
 * another process has written forgets it too.
 *
 * Not here: customers' rows are not indexed by customer. Answers read the snapshot; only erasing looks for one customer's rows, and
 * one pass over all events is what it needs anyway to know which names others use (sqlite_erase.c).
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "io/file.h"
#include "store/drivers/drivers.h"
#include "store/drivers/sqlite_store.h"

#define PATH_BYTES 65536

static void sqlite_close(void *state)
{
    mx_sqlite *store = state;

    mx_sqlite_forget_names(store);
    mx_sqlite_ids_release(store);
    mx_vec_release(&store->hashes);
    mx_sqlite_finalize_all(store);
    if (store->db != NULL)
        sqlite3_close_v2(store->db);
    mx_free_array(store->alloc, store->path, store->path_size, 1);
    MX_FREE_ARRAY(store->alloc, store, 1);
}

/* *folder = the folder the file lies in, by its path. */
static merx_status folder_of(const mx_sqlite *store, mx_text *folder, merx_error *err)
{
    const char *slash = strrchr(store->path, '/');

    if (slash == NULL)
        mx_text_puts(folder, ".");
    else
        mx_text_append(folder, store->path, slash == store->path ? 1 : (size_t)(slash - store->path));
    return mx_text_ok(folder, err);
}

/*
 * A reader keeps its place in a shared index beside the file. Where that can't be made (a folder that may only be read) and no log
 * waits to be read, the file is opened as one that nobody changes.
 */
static merx_status choose_name(mx_sqlite *store, mx_text *name, int *flags, merx_error *err)
{
    mx_text scratch;

    mx_text_init(&scratch, store->alloc, PATH_BYTES);
    merx_status status = folder_of(store, &scratch, err);
    bool fixed = status == MERX_OK && store->read_only && access(scratch.data, W_OK) != 0;
    if (fixed) {
        mx_text_clear(&scratch);
        mx_text_printf(&scratch, "%s-wal", store->path);
        status = mx_text_ok(&scratch, err);
        fixed = status == MERX_OK && !mx_path_exists(scratch.data);
    }
    mx_text_release(&scratch);
    if (status != MERX_OK)
        return status;
    if (!fixed) {
        mx_text_puts(name, store->path);
        return mx_text_ok(name, err);
    }
    *flags |= SQLITE_OPEN_URI;
    mx_text_puts(name, "file:");
    for (const char *c = store->path; *c != '\0'; c++) {
        if (strchr("?#%:", *c) != NULL)
            mx_text_printf(name, "%%%02x", (unsigned)(unsigned char)*c);
        else
            mx_text_append(name, c, 1);
    }
    mx_text_puts(name, "?immutable=1");
    return mx_text_ok(name, err);
}

/* SQLite tries again for reading when it may not make a file, and then only says that there is none. */
static merx_status explain_create(mx_sqlite *store, merx_error *err)
{
    mx_text folder;

    mx_text_init(&folder, store->alloc, PATH_BYTES);
    merx_status status = folder_of(store, &folder, err);
    if (status == MERX_OK && !mx_path_is_folder(folder.data))
        status = mx_error_set(err, MERX_E_NOT_FOUND, store->path, "the folder %s is not there", folder.data);
    else if (status == MERX_OK)
        status = mx_error_set(err, MERX_E_PERMISSION, store->path, "can't be made: the folder %s may not be written",
                              folder.data);
    mx_text_release(&folder);
    return status;
}

static merx_status open_file(mx_sqlite *store, bool create, merx_error *err)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    mx_text name;

    if (mx_path_is_folder(store->path))
        MX_FAIL(err, MERX_E_INVALID, store->path, "is a folder; expected a database file");
    if (!create && access(store->path, F_OK) != 0 && errno == EACCES)
        MX_FAIL(err, MERX_E_PERMISSION, store->path, "its folder may not be entered");
    if (!create && !mx_path_exists(store->path))
        MX_FAIL(err, MERX_E_NOT_FOUND, store->path, "there is no such database");
    if (store->read_only)
        flags |= SQLITE_OPEN_READONLY;
    else
        flags |= SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
    mx_text_init(&name, store->alloc, PATH_BYTES);
    merx_status status = choose_name(store, &name, &flags, err);
    int rc = status == MERX_OK ? sqlite3_open_v2(name.data, &store->db, flags, NULL) : SQLITE_OK;
    mx_text_release(&name);
    if (status != MERX_OK)
        return status;
    if ((rc & 0xff) == SQLITE_CANTOPEN && create && !mx_path_exists(store->path))
        return explain_create(store, err);
    if (rc != SQLITE_OK)
        return mx_sqlite_fail(store, rc, "opening", err);
    rc = mx_sqlite_add_functions(store);
    if (rc != SQLITE_OK)
        return mx_sqlite_fail(store, rc, "opening", err);
    sqlite3_busy_timeout(store->db, store->busy_timeout_ms);
    if (!store->read_only && sqlite3_db_readonly(store->db, "main") == 1)
        MX_FAIL(err, MERX_E_PERMISSION, store->path, "may only be read, and writing was asked for");
    return mx_sqlite_prepare_file(store, create, err);
}

static merx_status sqlite_open(const char *address, const mx_records_options *options, const merx_allocator *alloc,
                               void **state, merx_error *err)
{
    mx_sqlite *store = NULL;
    size_t size = strlen(address);

    if (size == 0)
        MX_FAIL(err, MERX_E_INVALID, "sqlite:", "names no file");
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &store, "SQLite store", err));
    store->alloc = alloc;
    store->read_only = options->read_only;
    store->told_version = -1;
    store->busy_timeout_ms = options->busy_timeout_ms;
    store->cache_bytes = options->cache_bytes;
    store->hashes = mx_vec_init(alloc, sizeof(uint64_t), SIZE_MAX / sizeof(uint64_t), "hashes of ids");
    merx_status status = mx_alloc_array_raw(alloc, size + 1, 1, "path", &store->path, err);
    if (status == MERX_OK) {
        store->path_size = size + 1;
        memcpy(store->path, address, size + 1);
        status = open_file(store, options->create, err);
    }
    if (status != MERX_OK) {
        sqlite_close(store);
        return status;
    }
    *state = store;
    return MERX_OK;
}

merx_status mx_sqlite_load_meta(mx_sqlite *store, merx_error *err)
{
    sqlite3_stmt *statement;
    bool row;

    MX_TRY(mx_sqlite_statement(store, MX_SQL_META_GET, &statement, err));
    MX_TRY(mx_sqlite_step(store, statement, &row, "reading the state", err));
    if (!row)
        MX_FAIL(err, MERX_E_CORRUPT, store->path, "the row of meta is missing");
    store->meta = (mx_meta){sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1),
                            sqlite3_column_int64(statement, 2), sqlite3_column_int64(statement, 3),
                            sqlite3_column_int64(statement, 4), sqlite3_column_int64(statement, 5),
                            sqlite3_column_int64(statement, 6), sqlite3_column_int64(statement, 7)};
    store->meta_changed = false;
    sqlite3_reset(statement);
    return MERX_OK;
}

static void sqlite_rollback(void *state)
{
    mx_sqlite *store = state;

    /* SQLite may have rolled back by itself (full disk, I/O failure). */
    if (!sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    if (store->begun && !store->read_only) {
        mx_sqlite_rollback_names(store);
        mx_sqlite_ids_rollback(store);
    }
    store->waiting.count = 0;
    store->source_size = 0;
    store->source_changed = store->meta_changed = store->begun = false;
}

/* A number that changes when another connection has committed. */
static merx_status read_data_version(mx_sqlite *store, int64_t *version, merx_error *err)
{
    sqlite3_stmt *statement;
    bool row;

    MX_TRY(mx_sqlite_statement(store, MX_SQL_DATA_VERSION, &statement, err));
    MX_TRY(mx_sqlite_step(store, statement, &row, "looking for changes", err));
    *version = row ? sqlite3_column_int64(statement, 0) : -1;
    sqlite3_reset(statement);
    return MERX_OK;
}

static merx_status sqlite_changed(void *state, bool *changed, merx_error *err)
{
    mx_sqlite *store = state;
    int64_t version;

    MX_TRY(read_data_version(store, &version, err));
    *changed = version != store->told_version;
    store->told_version = version;
    return MERX_OK;
}

static merx_status sqlite_advance(void *state, int64_t offset, merx_error *err)
{
    mx_sqlite *store = state;

    (void)err;
    if (store->meta.next_offset <= offset) {
        store->meta.next_offset = offset + 1;
        store->meta_changed = true;
    }
    return MERX_OK;
}

/* Looks whether another connection has committed since, and forgets what it may have changed. */
static merx_status look_for_others(mx_sqlite *store, merx_error *err)
{
    int64_t version;

    MX_TRY(read_data_version(store, &version, err));
    if (version != store->data_version)
        store->ids.runs_known = false;
    store->data_version = version;
    if (store->meta.erasures != store->ids.erasures)
        mx_sqlite_forget_names(store);
    mx_sqlite_begin_names(store);
    mx_sqlite_ids_begin(store);
    return MERX_OK;
}

static merx_status sqlite_begin(void *state, merx_error *err)
{
    mx_sqlite *store = state;
    sqlite3_stmt *statement;

    MX_TRY(mx_sqlite_statement(store, store->read_only ? MX_SQL_BEGIN_READ : MX_SQL_BEGIN_WRITE, &statement, err));
    MX_TRY(mx_sqlite_run(store, statement, "beginning to write", err));
    store->source_size = 0;
    store->source_changed = false;
    merx_status status = mx_sqlite_load_meta(store, err);
    if (status == MERX_OK && !store->read_only)
        status = look_for_others(store, err);
    if (status != MERX_OK)
        sqlite_rollback(store);
    store->begun = status == MERX_OK;
    return status;
}

static merx_status sqlite_commit(void *state, merx_error *err)
{
    mx_sqlite *store = state;
    sqlite3_stmt *statement;

    MX_TRY(mx_sqlite_flush(store, err));
    if (!store->read_only)
        MX_TRY(mx_sqlite_ids_settle(store, err));
    if (store->meta_changed) {
        const mx_meta *meta = &store->meta;
        const int64_t values[] = {meta->next_offset, meta->max_time_ms, meta->disordered, meta->scrub,
                                  meta->indexed,     meta->unindexed,   meta->erasures};
        MX_TRY(mx_sqlite_statement(store, MX_SQL_META_SET, &statement, err));
        for (int i = 0; i < (int)(sizeof values / sizeof *values); i++)
            MX_TRY(mx_sqlite_bind_int(store, statement, i + 1, values[i], err));
        MX_TRY(mx_sqlite_run(store, statement, "writing the state", err));
    }
    MX_TRY(mx_sqlite_statement(store, MX_SQL_COMMIT, &statement, err));
    MX_TRY(mx_sqlite_run(store, statement, "committing", err));
    store->meta_changed = store->begun = false;
    store->source_size = 0;
    return MERX_OK;
}

/* What an upsert of these kinds must keep true beyond the row itself; may change the record (a model's version). */
static merx_status prepare_source(mx_sqlite *store, const mx_source_record *source, merx_error *err)
{
    int64_t rows;

    MX_TRY(mx_sqlite_flush(store, err));
    store->source_size = 0;
    MX_TRY(mx_sqlite_source_rows(store, source->name, &rows, err));
    if ((int64_t)source->rows < rows)
        MX_FAIL(err, MERX_E_INVALID, store->path,
                "source %.*s has taken %" PRId64 " rows; %" PRIu64
                " would take some of them twice: remove the source first",
                (int)(source->name.size < 200 ? source->name.size : 200), source->name.data, rows, source->rows);
    return MERX_OK;
}

static merx_status prepare_model(mx_sqlite *store, mx_model_record *model, merx_error *err)
{
    sqlite3_stmt *statement;

    if (model->version == 0)
        MX_TRY(mx_sqlite_next_version(store, model->answer, &model->version, err));
    MX_TRY(mx_sqlite_statement(store, MX_SQL_MODEL_SET_LAST, &statement, err));
    MX_TRY(mx_sqlite_bind_text(store, statement, 1, model->answer, err));
    MX_TRY(mx_sqlite_bind_int(store, statement, 2, model->version, err));
    MX_TRY(mx_sqlite_run(store, statement, "writing a model's version", err));
    if (!model->live)
        return MERX_OK;
    MX_TRY(mx_sqlite_statement(store, MX_SQL_MODEL_NOT_LIVE, &statement, err));
    MX_TRY(mx_sqlite_bind_text(store, statement, 1, model->answer, err));
    MX_TRY(mx_sqlite_bind_int(store, statement, 2, model->version, err));
    return mx_sqlite_run(store, statement, "replacing the live model", err);
}

static merx_status bind_field(mx_sqlite *store, sqlite3_stmt *statement, int at, const mx_field *field,
                              const mx_record *record, merx_error *err)
{
    int64_t value;
    double real;

    if (field->type == MX_FIELD_TEXT)
        return mx_sqlite_bind_text(store, statement, at, *mx_field_text_of(field, record), err);
    if (field->type == MX_FIELD_REAL) {
        real = mx_field_real(field, record);
        if (isnan(real))
            sqlite3_bind_null(statement, at);
        else
            sqlite3_bind_double(statement, at, real);
    } else if (mx_field_int(field, record, &value)) {
        sqlite3_bind_int64(statement, at, value);
    } else {
        sqlite3_bind_null(statement, at);
    }
    return MERX_OK;
}

static merx_status upsert_one(mx_sqlite *store, mx_record *record, merx_error *err)
{
    const mx_fields *fields = mx_record_fields(record->kind);
    sqlite3_stmt *statement;

    if (record->kind == MX_SOURCE)
        MX_TRY(prepare_source(store, &record->source, err));
    if (record->kind == MX_MODEL)
        MX_TRY(prepare_model(store, &record->model, err));
    MX_TRY(mx_sqlite_kind_statement(store, record->kind, MX_KIND_UPSERT, &statement, err));
    for (size_t i = 0; i < fields->count; i++)
        MX_TRY(bind_field(store, statement, (int)i + 1, &fields->fields[i], record, err));
    merx_status status = mx_sqlite_run(store, statement, "writing a record", err);
    sqlite3_clear_bindings(statement); /* the texts are the caller's */
    return status;
}

static merx_status sqlite_upsert(void *state, const mx_record *records, size_t n, merx_error *err)
{
    for (size_t i = 0; i < n; i++) {
        mx_record record = records[i];
        MX_TRY(upsert_one(state, &record, err));
    }
    return MERX_OK;
}

static merx_status sqlite_remove(void *state, mx_record_kind kind, mx_str id, merx_error *err)
{
    mx_sqlite *store = state;
    sqlite3_stmt *statement;
    mx_str answer = id;
    int64_t version = 0;

    if (kind == MX_SOURCE)
        MX_TRY(mx_sqlite_remove_source(store, id, err));
    if (kind == MX_MODEL && (!mx_model_id_split(id, &answer, &version) || version == 0))
        MX_FAIL(err, MERX_E_INVALID, store->path, "a model is removed by answer/version, e.g. recommend/3");
    MX_TRY(mx_sqlite_kind_statement(store, kind, MX_KIND_REMOVE, &statement, err));
    MX_TRY(mx_sqlite_bind_text(store, statement, 1, answer, err));
    if (kind == MX_MODEL)
        MX_TRY(mx_sqlite_bind_int(store, statement, 2, version, err));
    return mx_sqlite_run(store, statement, "removing a record", err);
}

static merx_status sqlite_rescale_money(void *state, int decimals_added, merx_error *err)
{
    static const mx_sql updates[] = {MX_SQL_EVENT_RESCALE, MX_SQL_PRODUCT_RESCALE};
    mx_sqlite *store = state;
    sqlite3_stmt *statement;
    int64_t factor = 1;
    bool row;

    for (int i = 0; i < decimals_added; i++)
        factor *= 10;
    MX_TRY(mx_sqlite_statement(store, MX_SQL_PRICE_MAX, &statement, err));
    MX_TRY(mx_sqlite_step(store, statement, &row, "reading prices", err));
    int64_t largest = row ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    if (largest > MX_MONEY_MAX / factor)
        MX_FAIL(err, MERX_E_RANGE, store->path, "a price of %" PRId64 " has no room for %d more decimals", largest,
                decimals_added);
    for (size_t i = 0; i < sizeof updates / sizeof *updates; i++) {
        MX_TRY(mx_sqlite_statement(store, updates[i], &statement, err));
        MX_TRY(mx_sqlite_bind_int(store, statement, 1, factor, err));
        MX_TRY(mx_sqlite_run(store, statement, "rescaling prices", err));
    }
    return MERX_OK;
}

const mx_records_driver mx_records_sqlite = {
    .version = 1,
    .name = "sqlite",
    .text = "one SQLite " SQLITE_VERSION " file on a local disk",
    .open = sqlite_open,
    .close = sqlite_close,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .append = mx_sqlite_append,
    .upsert = sqlite_upsert,
    .scan_events = mx_sqlite_scan_events,
    .scan = mx_sqlite_scan,
    .get = mx_sqlite_get,
    .remove = sqlite_remove,
    .last_offset = mx_sqlite_last_offset,
    .count = mx_sqlite_count,
    .rescale_money = sqlite_rescale_money,
    .erase_customer = mx_sqlite_erase_customer,
    .compact = mx_sqlite_compact,
    .next_version = mx_sqlite_next_version,
    .scan_page = mx_sqlite_scan_page,
    .scan_customer = mx_sqlite_scan_customer,
    .advance = sqlite_advance,
    .changed = sqlite_changed,
};
