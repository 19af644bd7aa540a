/*
 * The file: what a connection sets, whose database it is, and the schema with its migrations.
 *
 * migrations[v] takes a file from schema v to v + 1; user_version is the schema, application_id says it is merx's. All steps run in
 * one transaction, so a file has one schema or the other. A released step is never edited: a change is a new step.
 */
#include <inttypes.h>
#include <stdio.h>

#include "io/file.h"
#include "store/drivers/sqlite_store.h"

/* order_ only because ORDER is a word of SQL. Texts of events are keys of names; 0 is never a key, NULL is absent. */
static const char *const migrations[MX_SQLITE_SCHEMA] = {
    "CREATE TABLE meta (only INTEGER PRIMARY KEY CHECK (only = 1), next_offset INTEGER NOT NULL,"
    " max_time_ms INTEGER NOT NULL, disordered INTEGER NOT NULL, scrub INTEGER NOT NULL);"
    "INSERT INTO meta VALUES (1, 1, -9223372036854775808, 0, 0);"
    "CREATE TABLE names (key INTEGER PRIMARY KEY, space INTEGER NOT NULL, text TEXT NOT NULL, UNIQUE (space, text));"
    "CREATE TABLE events (offset INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " customer INTEGER, product INTEGER, order_ INTEGER, session INTEGER, quantity INTEGER NOT NULL,"
    " price_minor INTEGER, title INTEGER, country INTEGER, source INTEGER, row INTEGER, id TEXT);"
    "CREATE UNIQUE INDEX events_by_id ON events (id) WHERE id IS NOT NULL;"
    "CREATE TABLE products (id TEXT NOT NULL PRIMARY KEY, title TEXT, category TEXT, brand TEXT, image TEXT, text TEXT,"
    " attributes TEXT, price_minor INTEGER, service INTEGER NOT NULL);"
    "CREATE TABLE customers (id TEXT NOT NULL PRIMARY KEY, country TEXT, attributes TEXT, created_ms INTEGER);"
    "CREATE TABLE orders (id TEXT NOT NULL PRIMARY KEY, customer TEXT, status TEXT, country TEXT,"
    " time_ms INTEGER NOT NULL);"
    "CREATE TABLE messages (id TEXT NOT NULL PRIMARY KEY, customer TEXT, channel TEXT, language TEXT, text TEXT,"
    " intent TEXT, reply TEXT, time_ms INTEGER NOT NULL);"
    "CREATE TABLE reviews (id TEXT NOT NULL PRIMARY KEY, customer TEXT, product TEXT, title TEXT, text TEXT,"
    " time_ms INTEGER NOT NULL, rating REAL);"
    "CREATE TABLE sources (name TEXT NOT NULL PRIMARY KEY, file_sha256 TEXT, file_bytes INTEGER NOT NULL DEFAULT 0,"
    " rows INTEGER NOT NULL DEFAULT 0, accepted INTEGER NOT NULL DEFAULT 0, refused INTEGER NOT NULL DEFAULT 0,"
    " text_bytes INTEGER NOT NULL DEFAULT 0, text_sha256 TEXT);"
    "CREATE TABLE settings (key TEXT NOT NULL PRIMARY KEY, value TEXT);"
    "CREATE TABLE models (answer TEXT NOT NULL, version INTEGER NOT NULL, blob TEXT, sha256 TEXT,"
    " created_ms INTEGER NOT NULL, data_offset INTEGER NOT NULL, live INTEGER NOT NULL, metrics TEXT, options TEXT,"
    " PRIMARY KEY (answer, version));"
    "CREATE UNIQUE INDEX models_live ON models (answer) WHERE live <> 0;"
    "CREATE TABLE model_versions (answer TEXT NOT NULL PRIMARY KEY, last INTEGER NOT NULL);",
    /* 2: the ids of events have an index of their own (sqlite_ids.h); who writes first brings those there are into it. */
    "ALTER TABLE meta ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE meta ADD COLUMN unindexed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE meta ADD COLUMN erasures INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE meta ADD COLUMN id_seed INTEGER NOT NULL DEFAULT 0;"
    "UPDATE meta SET id_seed = random(), unindexed = (SELECT count(*) FROM events WHERE id IS NOT NULL);"
    "DROP INDEX events_by_id;"
    "CREATE TABLE id_runs (level INTEGER NOT NULL, run INTEGER NOT NULL, done INTEGER NOT NULL, entries INTEGER NOT "
    "NULL,"
    " PRIMARY KEY (level, run)) WITHOUT ROWID;"
    "CREATE TABLE ids0 (place INTEGER PRIMARY KEY, entries BLOB NOT NULL);"
    "CREATE TABLE ids1 (place INTEGER PRIMARY KEY, entries BLOB NOT NULL);"
    "CREATE TABLE ids2 (place INTEGER PRIMARY KEY, entries BLOB NOT NULL);"
    "CREATE TABLE ids3 (place INTEGER PRIMARY KEY, entries BLOB NOT NULL);"
    "CREATE TABLE ids4 (place INTEGER PRIMARY KEY, entries BLOB NOT NULL);"
    "CREATE TABLE ids5 (place INTEGER PRIMARY KEY, entries BLOB NOT NULL);",
};

static const char *const tables[MX_RECORD_KINDS] = {"events",  "products", "customers", "orders", "messages",
                                                    "reviews", "sources",  "settings",  "models"};

const char *mx_sqlite_table(mx_record_kind kind)
{
    return tables[kind];
}

static merx_status query_int(mx_sqlite *store, const char *sql, int64_t *value, merx_error *err)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    merx_status status = MERX_OK;
    if (rc == SQLITE_ROW)
        *value = sqlite3_column_int64(statement, 0);
    else
        status = mx_sqlite_fail(store, rc, "opening", err);
    sqlite3_finalize(statement);
    return status;
}

/* Whose file it is: *version its schema; *fresh: nobody's yet. */
static merx_status identify(mx_sqlite *store, int64_t *version, bool *fresh, merx_error *err)
{
    int64_t application, objects;

    MX_TRY(query_int(store, "PRAGMA application_id", &application, err));
    MX_TRY(query_int(store, "PRAGMA user_version", version, err));
    MX_TRY(query_int(store, "SELECT count(*) FROM sqlite_schema", &objects, err));
    *fresh = application == 0 && *version == 0 && objects == 0;
    if (!*fresh && application != MX_SQLITE_APPLICATION)
        MX_FAIL(err, MERX_E_INVALID, store->path, "is a database of another program, not a store of merx");
    if (*version > MX_SQLITE_SCHEMA)
        MX_FAIL(err, MERX_E_VERSION, store->path,
                "has schema %" PRId64 "; this version of merx knows schemas up to %d: use a newer merx", *version,
                MX_SQLITE_SCHEMA);
    return MERX_OK;
}

/* Runs the steps that are missing. Another process may do the same: the lock comes first, then the look. */
static merx_status migrate(mx_sqlite *store, merx_error *err)
{
    char sql[96];
    int64_t version = 0;
    bool fresh;

    MX_TRY(mx_sqlite_exec(store, "BEGIN IMMEDIATE", "opening", err));
    merx_status status = identify(store, &version, &fresh, err);
    for (int64_t v = version; status == MERX_OK && v < MX_SQLITE_SCHEMA; v++)
        status = mx_sqlite_exec(store, migrations[v], "bringing the schema up to date", err);
    if (status == MERX_OK) {
        snprintf(sql, sizeof sql, "PRAGMA application_id = %d; PRAGMA user_version = %d", MX_SQLITE_APPLICATION,
                 MX_SQLITE_SCHEMA);
        status = mx_sqlite_exec(store, sql, "bringing the schema up to date", err);
    }
    if (status == MERX_OK)
        status = mx_sqlite_exec(store, "COMMIT", "bringing the schema up to date", err);
    if (status != MERX_OK && !sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

static merx_status use_wal(mx_sqlite *store, merx_error *err)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(store->db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
    bool wal = false;

    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        wal = mx_str_equal(mx_sqlite_text(statement, 0), MX_STR("wal"));
    merx_status status = rc == SQLITE_ROW ? MERX_OK : mx_sqlite_fail(store, rc, "opening", err);
    sqlite3_finalize(statement);
    if (status == MERX_OK && !wal)
        MX_FAIL(err, MERX_E_UNSUPPORTED, store->path, "lies where a write-ahead log can't be kept; use a local disk");
    return status;
}

merx_status mx_sqlite_prepare_file(mx_sqlite *store, bool create, merx_error *err)
{
    char sql[320];
    int64_t version;
    bool fresh;

    /*
     * synchronous FULL: a commit is on the disk when it returns. secure_delete: deleted bytes are overwritten. The rest: bounded memory,
     * no code from the file's schema, and damage is noticed early.
     */
    snprintf(sql, sizeof sql,
             "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA cache_size = -%" PRIu64
             "; PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
             " PRAGMA journal_size_limit = 16777216; PRAGMA page_size = 8192",
             store->cache_bytes / 1024 + 1);
    MX_TRY(mx_sqlite_exec(store, sql, "opening", err));
    MX_TRY(identify(store, &version, &fresh, err));
    if (fresh && !create)
        MX_FAIL(err, MERX_E_NOT_FOUND, store->path, "the database is empty; nothing was imported yet");
    if (store->read_only) {
        if (version < MX_SQLITE_SCHEMA)
            MX_FAIL(err, MERX_E_UNSUPPORTED, store->path,
                    "has the older schema %" PRId64 "; open it once for writing to bring it up to date", version);
        return MERX_OK;
    }
    MX_TRY(use_wal(store, err));
    return version < MX_SQLITE_SCHEMA ? migrate(store, err) : MERX_OK;
}
