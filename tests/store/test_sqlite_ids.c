/*
 * The index of event ids in the SQLite file: it holds each id once, in few runs; a file of schema 1 is brought into it; erased entries are gone; damage is told.
 */
#include <sqlite3.h>

#include "contract/records_dump.h"
#include "store/drivers/sqlite_ids.h"

typedef struct fixture {
    char folder[256], path[300];
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    check_make_folder(f->folder);
    snprintf(f->path, sizeof f->path, "%s/shop.db", f->folder);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    check_remove_folder(f->folder);
    free(f);
    return 0;
}

static mx_records *open_store(const char *path)
{
    merx_error err = {0};
    mx_records *records;
    mx_records_options options = {.create = true, .cache_bytes = 1 << 16}; /* a run is 512 ids */
    check_ok(mx_records_open(path, &options, NULL, &records, &err), err);
    return records;
}

/* Events with the ids first ... first + n - 1, customers by turns; how many were new. */
static uint64_t append_ids(mx_records *records, int first, int n)
{
    merx_error err = {0};
    uint64_t all = 0, appended;
    char id[40], customer[16];

    check_ok(mx_records_begin(records, &err), err);
    for (int i = first; i < first + n; i++) {
        snprintf(id, sizeof id, "%08x-0000-4000-8000-%012x", (unsigned)i * 2654435761u, (unsigned)i);
        snprintf(customer, sizeof customer, "c%d", i % 10);
        mx_event event = event_of(id, "", 0, 1, customer, "p", "");
        check_ok(mx_records_append(records, &event, 1, &appended, &err), err);
        all += appended;
    }
    check_ok(mx_records_commit(records, &err), err);
    return all;
}

static int64_t query(const char *path, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        check_die(__FILE__, __LINE__, "%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}

#define ENTRIES_ALL                                                                                                    \
    "(SELECT entries FROM ids0 UNION ALL SELECT entries FROM ids1 UNION ALL SELECT entries FROM ids2 UNION ALL "       \
    "SELECT entries FROM ids3 UNION ALL SELECT entries FROM ids4 UNION ALL SELECT entries FROM ids5)"

/* Every indexed event has one entry, in the place that its hash says; nothing else has one. */
static void check_index(const char *path, size_t events)
{
    unsigned char *seen = calloc(events + 1, 1);
    int64_t indexed = query(path, "SELECT indexed FROM meta");
    uint64_t entries = 0;
    sqlite3 *db;

    assert_non_null(seen);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    for (int level = 0; level < MX_ID_LEVELS; level++) {
        char sql[80];
        sqlite3_stmt *rows;
        snprintf(sql, sizeof sql, "SELECT place, entries FROM ids%d", level);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &rows, NULL), SQLITE_OK);
        while (sqlite3_step(rows) == SQLITE_ROW) {
            int64_t partition = sqlite3_column_int64(rows, 0) & 0xffffff;
            size_t n = (size_t)sqlite3_column_bytes(rows, 1) / sizeof(mx_id_entry);
            assert_true(n > 0);
            for (size_t i = 0; i < n; i++, entries++) {
                mx_id_entry entry;
                memcpy(&entry, (const char *)sqlite3_column_blob(rows, 1) + i * sizeof entry, sizeof entry);
                assert_int_equal(entry.hash >> (64 - 8 - 3 * level), partition);
                assert_in_range(entry.offset, 1, indexed);
                assert_int_equal(seen[entry.offset]++, 0);
            }
        }
        sqlite3_finalize(rows);
    }
    sqlite3_close(db);
    assert_int_equal(entries,
                     query(path, "SELECT count(*) FROM events, meta WHERE offset <= indexed AND id IS NOT NULL"));
    assert_true(query(path, "SELECT count(*) FROM events, meta WHERE offset > indexed AND id IS NOT NULL") <=
                query(path, "SELECT unindexed FROM meta"));
    assert_true(query(path, "SELECT count(*) FROM id_runs") <= 3 * 16);
    free(seen);
}

static void test_runs_are_merged(void **state)
{
    fixture *f = *state;
    mx_records *records = open_store(f->path);

    for (int i = 0; i < 60; i++)
        assert_int_equal(append_ids(records, i * 1000, 1000), 1000);
    check_index(f->path, 60000);
    assert_true(query(f->path, "SELECT max(level) FROM id_runs") >= 2);
    assert_true(query(f->path, "SELECT count(*) FROM id_runs") < 60000 / 512);
    assert_int_equal(query(f->path, "SELECT sum(typeof(id) = 'blob' AND length(id) = 16) FROM events"), 60000);
    mx_records_close(records);
    records = open_store(f->path);
    assert_int_equal(append_ids(records, 0, 60000), 0);
    mx_records_close(records);
}

static void test_erased_entries_are_gone(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_records *records = open_store(f->path);

    append_ids(records, 0, 20000);
    check_ok(mx_records_begin(records, &err), err);
    check_ok(mx_records_erase_customer(records, MX_STR("c3"), NULL, &err), err);
    check_ok(mx_records_commit(records, &err), err);
    check_index(f->path, 20000);
    assert_int_equal(query(f->path, "SELECT sum(length(entries)) / 16 FROM " ENTRIES_ALL),
                     query(f->path, "SELECT count(*) FROM events, meta WHERE offset <= indexed"));
    check_ok(mx_records_compact(records, &err), err);
    assert_int_equal(append_ids(records, 0, 20000), 2000);
    check_index(f->path, 22000);
    mx_records_close(records);
}

/* A file as the first release made it. */
static void make_schema_1(const char *path, int events)
{
    static const char schema[] =
        "CREATE TABLE meta (only INTEGER PRIMARY KEY CHECK (only = 1), next_offset INTEGER NOT NULL,"
        " max_time_ms INTEGER NOT NULL, disordered INTEGER NOT NULL, scrub INTEGER NOT NULL);"
        "INSERT INTO meta VALUES (1, 1, -9223372036854775808, 0, 0);"
        "CREATE TABLE names (key INTEGER PRIMARY KEY, space INTEGER NOT NULL, text TEXT NOT NULL, UNIQUE (space, "
        "text));"
        "CREATE TABLE events (offset INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, kind INTEGER NOT NULL,"
        " customer INTEGER, product INTEGER, order_ INTEGER, session INTEGER, quantity INTEGER NOT NULL,"
        " price_minor INTEGER, title INTEGER, country INTEGER, source INTEGER, row INTEGER, id TEXT);"
        "CREATE UNIQUE INDEX events_by_id ON events (id) WHERE id IS NOT NULL;"
        "CREATE TABLE products (id TEXT NOT NULL PRIMARY KEY, title TEXT, category TEXT, brand TEXT, image TEXT, text "
        "TEXT, attributes TEXT, price_minor INTEGER, service INTEGER NOT NULL);"
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
        "CREATE TABLE model_versions (answer TEXT NOT NULL PRIMARY KEY, last INTEGER NOT NULL);"
        "PRAGMA application_id = 1296388696; PRAGMA user_version = 1; INSERT INTO names VALUES (1, 2, 'p');";
    char sql[512];
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, schema, NULL, NULL, NULL), SQLITE_OK);
    /* Every third has none: it is known by its source. */
    snprintf(
        sql, sizeof sql,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO events (offset, "
        "time_ms, kind, product, quantity, id) SELECT i, i, 0, 1, 1, CASE i %% 3 WHEN 0 THEN NULL WHEN 1 THEN "
        "printf('%%08x-0000-4000-8000-%%012x', (i * 2654435761) & 4294967295, i) ELSE 'old ' || i END FROM n; UPDATE "
        "meta SET next_offset = %d, max_time_ms = %d",
        events, events + 1, events);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        check_die(__FILE__, __LINE__, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static merx_status count_event(void *context, const mx_record *record, merx_error *err)
{
    (void)err;
    *(uint64_t *)context += record->event.id.size > 0;
    return MERX_OK;
}

static void test_migration(void **state)
{
    enum { EVENTS = 5000 };
    fixture *f = *state;
    merx_error err = {0};
    mx_records *reader;
    uint64_t before = 0, after = 0, appended;
    char id[40];

    make_schema_1(f->path, EVENTS);
    check_fails(mx_records_open(f->path, &(mx_records_options){.read_only = true}, NULL, &reader, &err),
                MERX_E_UNSUPPORTED, err);
    mx_records *records = open_store(f->path);
    check_ok(mx_records_scan_events(records, 0, MX_BY_OFFSET, count_event, &before, &err), err);
    assert_int_equal(before, EVENTS - EVENTS / 3);
    mx_arena arena;
    mx_record found;
    mx_arena_init(&arena, NULL);
    check_ok(mx_records_get(records, MX_EVENT, MX_STR("old 2"), &arena, &found, &err), err);
    assert_int_equal(found.event.offset, 2);
    mx_arena_release(&arena);
    /* Nothing that was there is taken again, and what is new is. */
    check_ok(mx_records_begin(records, &err), err);
    for (int i = 1; i <= EVENTS + 30; i++) {
        snprintf(id, sizeof id, "%08x-0000-4000-8000-%012x", (unsigned)i * 2654435761u, (unsigned)i);
        if (i % 3 == 2)
            snprintf(id, sizeof id, "old %d", i);
        mx_event event = event_of(id, "", 0, 1, "c", "p", "");
        check_ok(mx_records_append(records, &event, 1, &appended, &err), err);
        assert_int_equal(appended, i > EVENTS || i % 3 == 0);
    }
    check_ok(mx_records_commit(records, &err), err);
    check_index(f->path, 2 * EVENTS);
    check_ok(mx_records_scan_events(records, 0, MX_BY_OFFSET, count_event, &after, &err), err);
    assert_int_equal(after, EVENTS + 30);
    mx_records_close(records);
}

/* A row of the index with a size that no entries have, and a level with too many runs. */
static void test_damage(void **state)
{
    static const char *const damages[] = {
        "UPDATE ids0 SET entries = x'00'",
        "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 140) INSERT INTO id_runs SELECT 0, "
        "i, 256, 1 FROM n",
        "INSERT INTO id_runs VALUES (9, 1, 0, 0)",
    };
    fixture *f = *state;
    merx_error err = {0};

    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        sqlite3 *db;
        mx_records *records = open_store(f->path);
        append_ids(records, 0, 2000);
        mx_records_close(records);
        assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, damages[i], NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        records = open_store(f->path);
        mx_event event = event_of("new", "", 0, 1, "c", "p", "");
        check_ok(mx_records_begin(records, &err), err);
        check_fails(mx_records_append(records, &event, 1, NULL, &err), MERX_E_CORRUPT, err);
        mx_records_rollback(records);
        mx_records_close(records);
        remove(f->path);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {T(test_runs_are_merged), T(test_erased_entries_are_gone), T(test_migration),
                                       T(test_damage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
