/*
 * What the files of the PostgreSQL driver share. Private to src/store/drivers.
 *
 *   records_postgres.c   open, close, transactions, the driver's table
 *   postgres_address.c   the address: a URL of libpq with two words of merx's own
 *   postgres_call.c      the connection, prepared statements, and the meaning of SQLSTATEs
 *   postgres_schema.c    whose schema it is, its tables and their migrations
 *   postgres_append.c    appending events
 *   postgres_upsert.c    the other kinds: upsert, remove, rescale
 *   postgres_scan.c      scan, get, count
 *   postgres_erase.c     erase a customer, compact
 *   postgres_notify.c    hearing of what others commit
 *
 * Numbers and texts travel in binary. Texts of events lie in their rows, so a name that only a customer's rows used goes with them.
 */
#ifndef MX_STORE_POSTGRES_STORE_H
#define MX_STORE_POSTGRES_STORE_H

#include "store/drivers/postgres_library.h"
#include "store/drivers/uuid.h"
#include "store/fields.h"

#define MX_PG_SCHEMA 1      /* version of the tables */
#define MX_PG_NAME_MAX 63   /* bytes of a schema's name */
#define MX_PG_RECENT 16     /* commits that meta remembers */
#define MX_PG_PLACE_MAX 200 /* bytes of the place that messages name */
#define MX_PG_COMMIT_PATIENCE_MS 30000

/* The advisory lock of writers: the first half of its key is "MERX", the second the oid of the shop's meta table. */
#define MX_PG_LOCK_KEY "1296388696, 'meta'::regclass::oid::int"
#define MX_PG_META "SELECT next_offset, max_time_ms, disordered, scrub, writes FROM meta"

/* Columns of an event as they are read: offset, the fields in their order, and the id when it is a UUID. */
#define MX_PG_EVENT_COLUMNS                                                                                            \
    "\"offset\", id, source, \"row\", time_ms, kind, customer, product, \"order\", session, quantity, price_minor, "   \
    "title, country, uid"
#define MX_PG_UID_COLUMN 14

/* X(NAME, "sql"): statements prepared on first use. */
#define MX_PG_TABLE(X)                                                                                                 \
    X(LOCK_HOLDER, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 1296388696 "   \
                   "AND objid = 'meta'::regclass::oid AND objsubid = 2 AND pid = $1::int")                             \
    X(META_RECENT, "SELECT writes, $1::bigint = ANY (recent), pg_is_in_recovery() FROM meta")                          \
    X(NEXT_OFFSET, "SELECT next_offset FROM meta")                                                                     \
    X(UIDS_KNOWN, "SELECT uid FROM events WHERE uid = ANY ($1::uuid[]) AND uid IS NOT NULL")                           \
    X(IDS_KNOWN, "SELECT id FROM events WHERE id = ANY ($1::text[]) AND id IS NOT NULL")                               \
    X(EVENT_BY_UID, "SELECT " MX_PG_EVENT_COLUMNS " FROM events WHERE uid = $1 AND uid IS NOT NULL")                   \
    X(EVENT_BY_ID, "SELECT " MX_PG_EVENT_COLUMNS " FROM events WHERE id = $1 AND id IS NOT NULL")                      \
    X(SOURCE_ROWS, "SELECT \"rows\" FROM sources WHERE md5(name) = md5($1) AND name = $1")                             \
    X(SOURCE_SET_ROWS, "WITH old AS (UPDATE sources SET \"rows\" = $2 WHERE md5(name) = md5($1) AND name = $1 "        \
                       "RETURNING 1) INSERT INTO sources (name, \"rows\") SELECT $1, $2 WHERE NOT EXISTS (SELECT "     \
                       "FROM old)")                                                                                    \
    X(SOURCE_EVENTS_DELETE, "DELETE FROM events WHERE source = $1")                                                    \
    X(MODEL_LAST, "SELECT last FROM model_versions WHERE answer = $1")                                                 \
    X(MODEL_SET_LAST, "INSERT INTO model_versions (answer, last) VALUES ($1, $2) ON CONFLICT (answer) DO UPDATE SET "  \
                      "last = greatest(model_versions.last, excluded.last)")                                           \
    X(MODEL_NOT_LIVE, "UPDATE models SET live = false WHERE answer = $1 AND version <> $2 AND live")                   \
    X(PRICE_MAX, "SELECT greatest(coalesce((SELECT max(abs(price_minor)) FROM events), 0), coalesce((SELECT "          \
                 "max(abs(price_minor)) FROM products), 0))")                                                          \
    X(EVENT_RESCALE, "UPDATE events SET price_minor = price_minor * $1 WHERE price_minor IS NOT NULL")                 \
    X(PRODUCT_RESCALE, "UPDATE products SET price_minor = price_minor * $1 WHERE price_minor IS NOT NULL")             \
    X(LOOSE_ORDERS_ERASE,                                                                                              \
      "DELETE FROM orders WHERE customer IS NULL AND id IN (SELECT \"order\" FROM events WHERE \"order\" IN (SELECT "  \
      "\"order\" FROM events WHERE customer = $1) GROUP BY \"order\" HAVING bool_and(customer IS NOT DISTINCT FROM "   \
      "$1))")                                                                                                          \
    X(EVENTS_ERASE, "DELETE FROM events WHERE customer = $1 OR (customer IS NULL AND \"order\" IN (SELECT id FROM "    \
                    "orders WHERE customer = $1))")                                                                    \
    X(ORDERS_ERASE, "DELETE FROM orders WHERE customer = $1")                                                          \
    X(MESSAGES_ERASE, "DELETE FROM messages WHERE customer = $1")                                                      \
    X(REVIEWS_ERASE, "DELETE FROM reviews WHERE customer = $1")                                                        \
    X(CUSTOMER_ERASE, "DELETE FROM customers WHERE id = $1")

typedef enum mx_pg_sql {
#define MX_PG_ENUM(name, sql) MX_PG_##name,
    MX_PG_TABLE(MX_PG_ENUM)
#undef MX_PG_ENUM
        MX_PG_SQL_COUNT
} mx_pg_sql;

/* Statements made from the table of fields, one of each per kind. SCAN and SELECT are declared as cursors, the others are prepared. */
typedef enum mx_pg_kind_sql {
    MX_PG_KIND_UPSERT,
    MX_PG_KIND_GET,
    MX_PG_KIND_LIVE, /* models: the live one of an answer */
    MX_PG_KIND_REMOVE,
    MX_PG_KIND_COUNT,
    MX_PG_KIND_SCAN,
    MX_PG_KIND_SELECT, /* the columns, what follows is the caller's */
    MX_PG_KIND_SQLS
} mx_pg_kind_sql;

typedef struct mx_pg_meta {
    int64_t next_offset; /* of the next event */
    int64_t max_time_ms; /* of all events ever */
    int64_t disordered;  /* 1: the order of offsets is not the order of time */
    int64_t scrub;       /* bit per kind: rows were removed since its table was last rewritten */
    int64_t writes;      /* transactions that wrote */
} mx_pg_meta;

typedef struct mx_pg {
    const merx_allocator *alloc;
    PGconn *conn;
    char *url; /* libpq's part of the address */
    size_t url_size;
    char schema[MX_PG_NAME_MAX + 1];
    char place[MX_PG_PLACE_MAX]; /* the address as messages name it: no user, no password */
    int busy_timeout_ms, statement_timeout_ms;
    bool read_only, begun;
    bool lost;            /* the connection broke: nothing more can be asked of it */
    char channel[24];     /* of notifications of this shop */
    bool listening, deaf; /* to it, on this connection; deaf: it can't be */

    bool prepared[MX_PG_SQL_COUNT];
    bool kind_prepared[MX_RECORD_KINDS][MX_PG_KIND_SQLS];

    /* Of the transaction under way. */
    mx_pg_meta meta;
    bool wrote;
    int64_t scrubbing;        /* kinds that this transaction removed rows of, as meta.scrub */
    char source[MX_NAME_MAX]; /* whose watermark is in source_rows */
    size_t source_size;       /* 0: none */
    int64_t source_rows;
    int cautious; /* chunks of events whose ids are asked about before they are written */
} mx_pg;

/* Parameters of a statement, in binary. Texts are borrowed until the call. */
#define MX_PG_PARAMS_MAX 16
typedef struct mx_pg_params {
    int count;
    const char *values[MX_PG_PARAMS_MAX];
    int sizes[MX_PG_PARAMS_MAX], formats[MX_PG_PARAMS_MAX];
    char numbers[MX_PG_PARAMS_MAX][8];
} mx_pg_params;
void mx_pg_put_text(mx_pg_params *params, mx_str text); /* empty: NULL */
void mx_pg_put_bytes(mx_pg_params *params, const void *bytes, size_t size);
void mx_pg_put_int(mx_pg_params *params, int64_t value, size_t width); /* width in bytes: 1 (boolean), 2, 4, 8 */
void mx_pg_put_field(mx_pg_params *params, const mx_field *field, const mx_record *record);
size_t mx_pg_width(const mx_field *field);                      /* of its column */
void mx_pg_encode(char *out, int64_t value, size_t width);      /* big-endian */
int64_t mx_pg_int(const PGresult *result, int row, int column); /* 0 for NULL */
mx_str mx_pg_text(const PGresult *result, int row, int column); /* valid until PQclear */
double mx_pg_real(const PGresult *result, int row, int column); /* NaN for NULL */
uint64_t mx_pg_changed(PGresult *result);                       /* rows that a statement wrote */

/* postgres_address.c: fills url, schema, place and statement_timeout_ms from what follows "postgres:". */
merx_status mx_pg_read_address(mx_pg *pg, const char *address, merx_error *err) MERX_MUST_CHECK;

/* postgres_call.c: a failed call becomes a status, and pg->lost when the connection broke. doing: "writing events". */
merx_status mx_pg_fail(mx_pg *pg, const PGresult *result, const char *doing, merx_error *err);
#define mx_pg_fail(...) mx_failure(mx_pg_fail(__VA_ARGS__))
merx_status mx_pg_connect(mx_pg *pg, merx_error *err) MERX_MUST_CHECK;
/* Connects again, trying for patience_ms. Nothing to do when the connection stands. */
merx_status mx_pg_reconnect(mx_pg *pg, int patience_ms, merx_error *err) MERX_MUST_CHECK;
/* One or several statements without parameters. *out (may be NULL): the last one's rows, as text; PQclear it. */
merx_status mx_pg_exec(mx_pg *pg, const char *sql, PGresult **out, const char *doing, merx_error *err) MERX_MUST_CHECK;
/* A prepared one. *out (may be NULL): its rows, in binary; PQclear it. */
merx_status mx_pg_call(mx_pg *pg, mx_pg_sql sql, const mx_pg_params *params, PGresult **out, const char *doing,
                       merx_error *err) MERX_MUST_CHECK;
merx_status mx_pg_prepare_kind(mx_pg *pg, mx_record_kind kind, mx_pg_kind_sql sql, char name[32],
                               merx_error *err) MERX_MUST_CHECK;
merx_status mx_pg_call_kind(mx_pg *pg, mx_record_kind kind, mx_pg_kind_sql sql, const mx_pg_params *params,
                            PGresult **out, const char *doing, merx_error *err) MERX_MUST_CHECK;
void mx_pg_put_kind_sql(mx_text *text, mx_record_kind kind, mx_pg_kind_sql sql);
void mx_pg_sleep_ms(int64_t ms);

/*
 * Reading outside a transaction survives a lost connection: a read that failed so before it gave anything is done once more on a new one.
 * failure is the read's own error; it goes to err when there is no second try.
 */
bool mx_pg_again(mx_pg *pg, merx_status *status, uint64_t given, int *tries, merx_error *failure, merx_error *err);

/* postgres_schema.c: the tables are there, of this version; made or brought up to date when they may be. */
merx_status mx_pg_prepare_schema(mx_pg *pg, bool create, merx_error *err) MERX_MUST_CHECK;
const char *mx_pg_table(mx_record_kind kind);

/* records_postgres.c */
merx_status mx_pg_read_meta(mx_pg *pg, const PGresult *result, merx_error *err) MERX_MUST_CHECK;
/* postgres_notify.c: which channel the shop's commits are told on; whether something came. */
void mx_pg_name_channel(mx_pg *pg);
merx_status mx_pg_changed_since(void *state, bool *changed, merx_error *err);

/* postgres_append.c */
merx_status mx_pg_append(void *state, const mx_event *events, size_t n, uint64_t *appended, merx_error *err);
/* Rows a source has taken. */
merx_status mx_pg_source_rows(mx_pg *pg, mx_str name, int64_t *rows, merx_error *err) MERX_MUST_CHECK;

/* postgres_upsert.c */
merx_status mx_pg_upsert(void *state, const mx_record *records, size_t n, merx_error *err);
merx_status mx_pg_remove(void *state, mx_record_kind kind, mx_str id, merx_error *err);
merx_status mx_pg_rescale_money(void *state, int decimals_added, merx_error *err);

/* postgres_scan.c */
merx_status mx_pg_scan_events(void *state, int64_t after_offset, mx_scan_order order, mx_record_fn fn, void *context,
                              merx_error *err);
merx_status mx_pg_scan(void *state, mx_record_kind kind, mx_record_fn fn, void *context, merx_error *err);
merx_status mx_pg_scan_page(void *state, mx_record_kind kind, const mx_record_page *page, mx_record_fn fn,
                            void *context, merx_error *err);
merx_status mx_pg_scan_customer(void *state, mx_str customer, mx_record_fn fn, void *context, merx_error *err);
merx_status mx_pg_get(void *state, mx_record_kind kind, mx_str id, mx_record_fn fn, void *context, merx_error *err);
merx_status mx_pg_last_offset(void *state, int64_t *offset, merx_error *err);
merx_status mx_pg_count(void *state, mx_record_kind kind, uint64_t *count, merx_error *err);
merx_status mx_pg_next_version(void *state, mx_str answer, int64_t *version, merx_error *err);

/* postgres_erase.c */
merx_status mx_pg_erase_customer(void *state, mx_str customer, mx_erasure *erased, merx_error *err);
merx_status mx_pg_compact(void *state, merx_error *err);

#endif
