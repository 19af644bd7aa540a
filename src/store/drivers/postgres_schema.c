/*
 * The schema of a shop: whose it is, its tables and their migrations.
 *
 * One schema of a database is one shop. The table merx (one row: the version) says that it is merx's. migrations[v] takes it from v to
 * v + 1; all steps run in one transaction behind a lock, so a schema has one version or the other. A released step is never edited: a
 * change is a new step.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/drivers/postgres_store.h"

/*
 * Texts compare by their bytes (COLLATE "C"), as everywhere in merx. An event's id is in uid when it is a UUID as usually written (16
 * bytes instead of 37, also in the index), else in id. sources has no unique index: its names are longer than an index takes, and only
 * one writer adds to it. Statistics of texts would keep names of customers in the catalogue after they were erased, and no plan needs
 * them.
 */
#define TEXT "text COLLATE \"C\""
static const char *const migrations[MX_PG_SCHEMA] = {
    "CREATE TABLE merx (version integer NOT NULL);"
    "INSERT INTO merx VALUES (0);"
    "CREATE TABLE meta (one smallint PRIMARY KEY CHECK (one = 1), next_offset bigint NOT NULL, max_time_ms bigint"
    " NOT NULL, disordered bigint NOT NULL, scrub bigint NOT NULL, scrub_xid bigint NOT NULL, writes bigint NOT NULL,"
    " recent bigint[] NOT NULL) WITH (fillfactor = 10);"
    "INSERT INTO meta VALUES (1, 1, -9223372036854775808, 0, 0, 0, 0, '{}');"
    "CREATE TABLE events (\"offset\" bigint NOT NULL PRIMARY KEY, time_ms bigint NOT NULL, \"row\" bigint, price_minor"
    " bigint, quantity integer NOT NULL, kind smallint NOT NULL, uid uuid, id " TEXT ", source " TEXT ", customer " TEXT
    ", product " TEXT " NOT NULL, \"order\" " TEXT ", session " TEXT ", title " TEXT ", country " TEXT ");"
    "CREATE UNIQUE INDEX events_by_uid ON events (uid) WHERE uid IS NOT NULL;"
    "CREATE UNIQUE INDEX events_by_id ON events (id) WHERE id IS NOT NULL;"
    "CREATE TABLE products (id " TEXT " NOT NULL PRIMARY KEY, title " TEXT ", category " TEXT ", brand " TEXT
    ", image " TEXT ", text " TEXT ", attributes " TEXT ", price_minor bigint, service boolean NOT NULL);"
    "CREATE TABLE customers (id " TEXT " NOT NULL PRIMARY KEY, country " TEXT ", attributes " TEXT
    ", created_ms bigint);"
    "CREATE TABLE orders (id " TEXT " NOT NULL PRIMARY KEY, customer " TEXT ", status " TEXT ", country " TEXT
    ", time_ms bigint NOT NULL);"
    "CREATE TABLE messages (id " TEXT " NOT NULL PRIMARY KEY, customer " TEXT ", channel " TEXT ", language " TEXT
    ", text " TEXT ", intent " TEXT ", reply " TEXT ", time_ms bigint NOT NULL);"
    "CREATE TABLE reviews (id " TEXT " NOT NULL PRIMARY KEY, customer " TEXT ", product " TEXT ", title " TEXT
    ", text " TEXT ", time_ms bigint NOT NULL, rating double precision);"
    "CREATE TABLE sources (name " TEXT " NOT NULL, file_sha256 " TEXT ", file_bytes bigint NOT NULL DEFAULT 0,"
    " \"rows\" bigint NOT NULL DEFAULT 0, accepted bigint NOT NULL DEFAULT 0, refused bigint NOT NULL DEFAULT 0,"
    " text_bytes bigint NOT NULL DEFAULT 0, text_sha256 " TEXT ");"
    "CREATE INDEX sources_by_name ON sources (md5(name));"
    "CREATE TABLE settings (key " TEXT " NOT NULL PRIMARY KEY, value " TEXT ");"
    "CREATE TABLE models (answer " TEXT " NOT NULL, version bigint NOT NULL, blob " TEXT ", sha256 " TEXT
    ", created_ms bigint NOT NULL, data_offset bigint NOT NULL, live boolean NOT NULL, metrics " TEXT ", options " TEXT
    ", PRIMARY KEY (answer, version));"
    "CREATE UNIQUE INDEX models_live ON models (answer) WHERE live;"
    "CREATE TABLE model_versions (answer " TEXT " NOT NULL PRIMARY KEY, last bigint NOT NULL);"
    "DO $$ DECLARE c record; BEGIN FOR c IN SELECT a.attrelid::regclass AS of, a.attname AS name FROM pg_attribute a"
    " JOIN pg_class t ON t.oid = a.attrelid WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind = 'r'"
    " AND a.atttypid = 'text'::regtype LOOP"
    " EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 0', c.of, c.name); END LOOP; END $$;",
};

static const char *const tables[MX_RECORD_KINDS] = {"events",  "products", "customers", "orders", "messages",
                                                    "reviews", "sources",  "settings",  "models"};

const char *mx_pg_table(mx_record_kind kind)
{
    return tables[kind];
}

/* What there is. *version: of merx's tables; 0 with *there: a schema without tables. */
static merx_status identify(mx_pg *pg, bool *there, int64_t *version, merx_error *err)
{
    PGresult *result = NULL;
    char sql[400];
    int64_t relations = 0, ours = 0;

    *there = false;
    *version = 0;
    snprintf(sql, sizeof sql,
             "SELECT count(c.oid), count(c.oid) FILTER (WHERE c.relname IN ('merx', 'meta') AND c.relkind = 'r') FROM "
             "pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid WHERE n.nspname = '%s' GROUP BY n.oid",
             pg->schema);
    MX_TRY(mx_pg_exec(pg, sql, &result, "opening", err));
    *there = PQntuples(result) > 0;
    bool parsed = !*there || (mx_parse_int64(mx_pg_text(result, 0, 0), &relations) &&
                              mx_parse_int64(mx_pg_text(result, 0, 1), &ours));
    PQclear(result);
    if (!parsed || (relations > 0 && ours < 2))
        MX_FAIL(err, MERX_E_INVALID, pg->place, "the schema holds tables of another program, not a shop of merx");
    if (relations == 0)
        return MERX_OK;
    snprintf(sql, sizeof sql, "SELECT max(version) FROM \"%s\".merx", pg->schema);
    MX_TRY(mx_pg_exec(pg, sql, &result, "opening", err));
    parsed = mx_parse_int64(mx_pg_text(result, 0, 0), version) && *version > 0;
    PQclear(result);
    if (!parsed)
        MX_FAIL(err, MERX_E_CORRUPT, pg->place, "the version of the shop's tables is missing; restore a backup");
    if (*version > MX_PG_SCHEMA)
        MX_FAIL(err, MERX_E_VERSION, pg->place,
                "the shop's tables have version %" PRId64 "; this merx knows versions up to %d: use a newer merx",
                *version, MX_PG_SCHEMA);
    return MERX_OK;
}

/* In a transaction. Another process may do the same: the lock comes first, then the look. */
static merx_status migrate(mx_pg *pg, bool create, merx_error *err)
{
    bool there;
    int64_t version;
    char sql[300];

    snprintf(sql, sizeof sql, "SELECT pg_advisory_xact_lock(hashtextextended('merx schema %s', 0))", pg->schema);
    MX_TRY(mx_pg_exec(pg, sql, NULL, "opening", err));
    MX_TRY(identify(pg, &there, &version, err));
    if (!there && create) {
        snprintf(sql, sizeof sql, "CREATE SCHEMA \"%s\"", pg->schema);
        MX_TRY(mx_pg_exec(pg, sql, NULL, "making the schema", err));
    }
    for (int64_t v = version; v < MX_PG_SCHEMA; v++)
        MX_TRY(mx_pg_exec(pg, migrations[v], NULL, "bringing the shop's tables up to date", err));
    snprintf(sql, sizeof sql, "UPDATE merx SET version = %d", MX_PG_SCHEMA);
    return mx_pg_exec(pg, sql, NULL, "bringing the shop's tables up to date", err);
}

merx_status mx_pg_prepare_schema(mx_pg *pg, bool create, merx_error *err)
{
    bool there;
    int64_t version;
    char sql[64];

    MX_TRY(identify(pg, &there, &version, err));
    if (version == MX_PG_SCHEMA)
        return MERX_OK;
    if (version == 0 && !create)
        MX_FAIL(err, MERX_E_NOT_FOUND, pg->place, "the schema %s; nothing was imported yet",
                there ? "is empty" : "is not there");
    if (pg->read_only)
        MX_FAIL(err, MERX_E_UNSUPPORTED, pg->place,
                "the shop's tables have the older version %" PRId64
                "; open it once for writing to bring them up to date",
                version);
    snprintf(sql, sizeof sql, "BEGIN; SET LOCAL lock_timeout = %d", pg->busy_timeout_ms);
    MX_TRY(mx_pg_exec(pg, sql, NULL, "opening", err));
    merx_status status = migrate(pg, create, err);
    if (status == MERX_OK)
        return mx_pg_exec(pg, "COMMIT", NULL, "bringing the shop's tables up to date", err);
    if (!pg->lost)
        PQclear(PQexec(pg->conn, "ROLLBACK"));
    return status;
}
