/*
 * What the files of the SQLite driver share. Private to src/store/drivers.
 *
 *   records_sqlite.c   open, close, transactions, upsert, the driver's table
 *   sqlite_append.c    appending events
 *   sqlite_schema.c    settings of a connection, the schema and its migrations
 *   sqlite_call.c      prepared statements and the meaning of SQLite's result codes
 *   sqlite_names.c     texts <-> keys, for writing and for scanning
 *   sqlite_scan.c      scan, get, count
 *   sqlite_erase.c     erase a customer, remove a source, compact
 *
 * Texts of events are interned: `names` gives each distinct text of a space a key, `events` holds keys.
 */
#ifndef MX_STORE_SQLITE_STORE_H
#define MX_STORE_SQLITE_STORE_H

#include <sqlite3.h>

#include "store/fields.h"

/* Spaces of names; stored, so never renumbered. */
typedef enum mx_space {
    MX_SPACE_CUSTOMER = 1,
    MX_SPACE_PRODUCT = 2,
    MX_SPACE_ORDER = 3,
    MX_SPACE_SESSION = 4,
    MX_SPACE_TITLE = 5,
    MX_SPACE_COUNTRY = 6,
    MX_SPACE_SOURCE = 7,
    MX_SPACES = 8
} mx_space;

/* Columns of events before id, and how many rows go in with one statement. */
#define MX_EVENT_COLUMNS 13
#define MX_EVENTS_AT_ONCE 8
#define MX_EVENT_ROW "?,?,?,?,?,?,?,?,?,?,?,?,?"

/* X(NAME, "sql"): statements prepared on first use and kept. */
#define MX_SQL_TABLE(X)                                                                                                \
    X(BEGIN_WRITE, "BEGIN IMMEDIATE")                                                                                  \
    X(BEGIN_READ, "BEGIN")                                                                                             \
    X(COMMIT, "COMMIT")                                                                                                \
    X(DATA_VERSION, "PRAGMA data_version")                                                                             \
    X(META_GET, "SELECT next_offset, max_time_ms, disordered, scrub FROM meta")                                        \
    X(META_SET, "UPDATE meta SET next_offset = ?1, max_time_ms = ?2, disordered = ?3, scrub = ?4")                     \
    X(NAME_FIND, "SELECT key FROM names WHERE space = ?1 AND text = ?2")                                               \
    X(NAME_ADD, "INSERT OR FAIL INTO names (space, text) VALUES (?1, ?2)")                                             \
    X(NAME_MAX, "SELECT max(key) FROM names")                                                                          \
    X(NAME_RANGE, "SELECT key, text FROM names WHERE key BETWEEN ?1 AND ?2 ORDER BY key")                              \
    X(NAME_GET, "SELECT space, text FROM names WHERE key = ?1")                                                        \
    X(NAME_DELETE, "DELETE FROM names WHERE key = ?1")                                                                 \
    X(EVENT_FIND, "SELECT offset FROM events WHERE id = ?1 AND id IS NOT NULL")                                        \
    X(EVENT_ADD, "INSERT OR FAIL INTO events VALUES (" MX_EVENT_ROW ",?)")                                             \
    X(EVENT_ADD_MANY, "INSERT OR FAIL INTO events VALUES (" MX_EVENT_ROW ",NULL),(" MX_EVENT_ROW                       \
                      ",NULL),(" MX_EVENT_ROW ",NULL),(" MX_EVENT_ROW ",NULL),(" MX_EVENT_ROW ",NULL),(" MX_EVENT_ROW  \
                      ",NULL),(" MX_EVENT_ROW ",NULL),(" MX_EVENT_ROW ",NULL)")                                        \
    X(EVENT_SCAN, "SELECT offset, time_ms, kind, customer, product, order_, session, quantity, price_minor, title, "   \
                  "country, source, row, id FROM events WHERE offset > ?1 ORDER BY offset")                            \
    X(EVENT_SCAN_TIME, "SELECT offset, time_ms, kind, customer, product, order_, session, quantity, price_minor, "     \
                       "title, country, source, row, id FROM events WHERE offset > ?1 ORDER BY time_ms, offset")       \
    X(EVENTS_OF,                                                                                                       \
      "SELECT offset, time_ms, kind, customer, product, order_, session, quantity, price_minor, title, "               \
      "country, source, row, id FROM events WHERE customer = ?1 OR (customer IS NULL AND order_ IN (SELECT "           \
      "key FROM names WHERE space = 3 AND text IN (SELECT id FROM orders WHERE customer = ?2))) ORDER BY "             \
      "offset")                                                                                                        \
    X(EVENT_GET, "SELECT offset, time_ms, kind, customer, product, order_, session, quantity, price_minor, title, "    \
                 "country, source, row, id FROM events WHERE id = ?1 AND id IS NOT NULL")                              \
    X(EVENT_KEYS, "SELECT merx_mark(offset, customer, product, order_, session, title, country, source) FROM events")  \
    X(EVENT_DELETE, "DELETE FROM events WHERE offset BETWEEN ?1 AND ?2")                                               \
    X(SOURCE_ROWS, "SELECT rows FROM sources WHERE name = ?1")                                                         \
    X(SOURCE_SET_ROWS, "INSERT INTO sources (name, rows) VALUES (?1, ?2) "                                             \
                       "ON CONFLICT (name) DO UPDATE SET rows = excluded.rows")                                        \
    X(MODEL_LAST, "SELECT last FROM model_versions WHERE answer = ?1")                                                 \
    X(MODEL_SET_LAST, "INSERT INTO model_versions (answer, last) VALUES (?1, ?2) "                                     \
                      "ON CONFLICT (answer) DO UPDATE SET last = max(last, excluded.last)")                            \
    X(MODEL_NOT_LIVE, "UPDATE models SET live = 0 WHERE answer = ?1 AND version <> ?2 AND live <> 0")                  \
    X(MODEL_LIVE, "SELECT version FROM models WHERE answer = ?1 AND live <> 0")                                        \
    X(ORDERS_OF, "SELECT id FROM orders WHERE customer = ?1")                                                          \
    X(ORDER_DELETE_LOOSE, "DELETE FROM orders WHERE id = ?1 AND customer IS NULL")                                     \
    X(ORDERS_DELETE, "DELETE FROM orders WHERE customer = ?1")                                                         \
    X(MESSAGES_DELETE, "DELETE FROM messages WHERE customer = ?1")                                                     \
    X(REVIEWS_DELETE, "DELETE FROM reviews WHERE customer = ?1")                                                       \
    X(CUSTOMER_DELETE, "DELETE FROM customers WHERE id = ?1")                                                          \
    X(PRICE_MAX, "SELECT max(coalesce((SELECT max(abs(price_minor)) FROM events), 0), "                                \
                 "coalesce((SELECT max(abs(price_minor)) FROM products), 0))")                                         \
    X(EVENT_RESCALE, "UPDATE events SET price_minor = price_minor * ?1 WHERE price_minor IS NOT NULL")                 \
    X(PRODUCT_RESCALE, "UPDATE products SET price_minor = price_minor * ?1 WHERE price_minor IS NOT NULL")

typedef enum mx_sql {
#define MX_SQL_ENUM(name, sql) MX_SQL_##name,
    MX_SQL_TABLE(MX_SQL_ENUM)
#undef MX_SQL_ENUM
        MX_SQL_COUNT
} mx_sql;

/* Statements made from the table of fields, one of each per kind. */
typedef enum mx_kind_sql {
    MX_KIND_UPSERT,
    MX_KIND_SCAN,
    MX_KIND_GET,
    MX_KIND_REMOVE,
    MX_KIND_COUNT,
    MX_KIND_PAGE,
    MX_KIND_OF, /* a customer's; orders also as erasing finds them */
    MX_KIND_SQLS
} mx_kind_sql;

/* What a writer remembers of one space: texts met so far and their keys. */
typedef struct mx_interned {
    mx_dict *dict;
    mx_vec keys; /* int64_t per code */
    size_t text_bytes;
    mx_str last; /* in dict; the text looked up last, most often the next one too */
    int64_t last_key;
} mx_interned;

typedef struct mx_meta {
    int64_t next_offset; /* of the next event */
    int64_t max_time_ms; /* of all events ever */
    int64_t disordered;  /* 1: the order of offsets is not the order of time */
    int64_t scrub;       /* 1: something was erased since the file was last rewritten */
} mx_meta;

/* Rows of events on their way into the table, within one call of append. */
typedef struct mx_waiting {
    size_t count;
    int64_t values[MX_EVENTS_AT_ONCE][MX_EVENT_COLUMNS];
    unsigned absent[MX_EVENTS_AT_ONCE]; /* bit per column: NULL */
    mx_str ids[MX_EVENTS_AT_ONCE];
} mx_waiting;

typedef struct mx_sqlite {
    const merx_allocator *alloc;
    sqlite3 *db;
    char *path;
    size_t path_size;
    int busy_timeout_ms;
    uint64_t cache_bytes;
    bool read_only, begun;

    sqlite3_stmt *statements[MX_SQL_COUNT];
    sqlite3_stmt *kind_statements[MX_RECORD_KINDS][MX_KIND_SQLS];

    /* Of the transaction under way. */
    mx_meta meta;
    bool meta_changed;

    /* Of the writer; dropped when another process has written since, and on rollback. */
    int64_t data_version;
    mx_interned interned[MX_SPACES];
    char source[MX_NAME_MAX]; /* whose watermark is in source_rows */
    size_t source_size;       /* 0: none */
    int64_t source_rows;
    bool source_changed;
    mx_waiting waiting;
    struct mx_sweep *sweep; /* of the erasure under way, for its SQL function; NULL: none */
} mx_sqlite;

/* sqlite_call.c: a failed result code becomes a status. doing: "writing events". */
merx_status mx_sqlite_fail(mx_sqlite *store, int rc, const char *doing, merx_error *err);
#define mx_sqlite_fail(...) mx_failure(mx_sqlite_fail(__VA_ARGS__))
merx_status mx_sqlite_exec(mx_sqlite *store, const char *sql, const char *doing, merx_error *err) MERX_MUST_CHECK;
/* A kept statement, reset and ready to be bound. */
merx_status mx_sqlite_statement(mx_sqlite *store, mx_sql sql, sqlite3_stmt **out, merx_error *err) MERX_MUST_CHECK;
merx_status mx_sqlite_kind_statement(mx_sqlite *store, mx_record_kind kind, mx_kind_sql sql, sqlite3_stmt **out,
                                     merx_error *err) MERX_MUST_CHECK;
void mx_sqlite_finalize_all(mx_sqlite *store);
/* Binds; the text must outlive the step. An empty text is NULL. */
merx_status mx_sqlite_bind_text(mx_sqlite *store, sqlite3_stmt *statement, int at, mx_str text,
                                merx_error *err) MERX_MUST_CHECK;
merx_status mx_sqlite_bind_int(mx_sqlite *store, sqlite3_stmt *statement, int at, int64_t value,
                               merx_error *err) MERX_MUST_CHECK;
/* Runs a statement that gives no rows, and resets it. */
merx_status mx_sqlite_run(mx_sqlite *store, sqlite3_stmt *statement, const char *doing,
                          merx_error *err) MERX_MUST_CHECK;
/* Next row: *row false at the end (then it is reset). */
merx_status mx_sqlite_step(mx_sqlite *store, sqlite3_stmt *statement, bool *row, const char *doing,
                           merx_error *err) MERX_MUST_CHECK;
mx_str mx_sqlite_text(sqlite3_stmt *statement, int column);

/* sqlite_schema.c */
#define MX_SQLITE_SCHEMA 1
#define MX_SQLITE_APPLICATION 0x4d455258 /* "MERX" */
const char *mx_sqlite_table(mx_record_kind kind);
merx_status mx_sqlite_prepare_file(mx_sqlite *store, bool create, merx_error *err) MERX_MUST_CHECK;

/* sqlite_names.c */
/* The key of a text, made when it has none; 0 for an empty text. Inside a write transaction. */
merx_status mx_sqlite_intern(mx_sqlite *store, mx_space space, mx_str text, int64_t *key,
                             merx_error *err) MERX_MUST_CHECK;
/* 0: not there. */
merx_status mx_sqlite_find_name(mx_sqlite *store, mx_space space, mx_str text, int64_t *key,
                                merx_error *err) MERX_MUST_CHECK;
merx_status mx_sqlite_max_name(mx_sqlite *store, int64_t *key, merx_error *err) MERX_MUST_CHECK;
void mx_sqlite_forget_names(mx_sqlite *store);

/* Keys to texts during one scan: blocks of neighbouring keys, read when first met. */
typedef struct mx_name_block mx_name_block;
typedef struct mx_name_reader {
    mx_sqlite *store;
    mx_name_block **blocks;
    size_t block_count, used_bytes, max_bytes;
    mx_vec bytes;
    bool few;       /* names are looked up one by one, into the arena */
    mx_arena arena; /* of the names of a row */
} mx_name_reader;
/* few: for some rows, not for the whole table. */
merx_status mx_name_reader_init(mx_name_reader *reader, mx_sqlite *store, bool few, merx_error *err) MERX_MUST_CHECK;
/* Valid until the next mx_name_reader_trim. Key 0 is the empty text. */
merx_status mx_name_reader_get(mx_name_reader *reader, int64_t key, mx_str *text, merx_error *err) MERX_MUST_CHECK;
/* Between rows: drops all blocks when they take more than max_bytes. */
void mx_name_reader_trim(mx_name_reader *reader);
void mx_name_reader_release(mx_name_reader *reader);

/* records_sqlite.c */
merx_status mx_sqlite_load_meta(mx_sqlite *store, merx_error *err) MERX_MUST_CHECK;
/* sqlite_append.c */
merx_status mx_sqlite_append(void *state, const mx_event *events, size_t n, uint64_t *appended, merx_error *err);
/* Rows a source has taken. Flush first. */
merx_status mx_sqlite_source_rows(mx_sqlite *store, mx_str name, int64_t *rows, merx_error *err) MERX_MUST_CHECK;
/* Writes what the transaction holds in memory (a source's watermark), so that statements see it. */
merx_status mx_sqlite_flush(mx_sqlite *store, merx_error *err) MERX_MUST_CHECK;

/* sqlite_scan.c */
merx_status mx_sqlite_scan_events(void *state, int64_t after_offset, mx_scan_order order, mx_record_fn fn,
                                  void *context, merx_error *err);
merx_status mx_sqlite_scan_page(void *state, mx_record_kind kind, const mx_record_page *page, mx_record_fn fn,
                                void *context, merx_error *err);
merx_status mx_sqlite_scan_customer(void *state, mx_str customer, mx_record_fn fn, void *context, merx_error *err);
merx_status mx_sqlite_scan(void *state, mx_record_kind kind, mx_record_fn fn, void *context, merx_error *err);
merx_status mx_sqlite_get(void *state, mx_record_kind kind, mx_str id, mx_record_fn fn, void *context, merx_error *err);
merx_status mx_sqlite_last_offset(void *state, int64_t *offset, merx_error *err);
merx_status mx_sqlite_count(void *state, mx_record_kind kind, uint64_t *count, merx_error *err);
merx_status mx_sqlite_next_version(void *state, mx_str answer, int64_t *version, merx_error *err);

/* sqlite_erase.c */
merx_status mx_sqlite_erase_customer(void *state, mx_str customer, mx_erasure *erased, merx_error *err);
int mx_sqlite_add_functions(mx_sqlite *store); /* SQL functions that statements call; an SQLite code */
merx_status mx_sqlite_remove_source(mx_sqlite *store, mx_str name, merx_error *err) MERX_MUST_CHECK;
merx_status mx_sqlite_compact(void *state, merx_error *err);

#endif
