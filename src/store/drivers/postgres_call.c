/*
 * Calling PostgreSQL: the connection and what it sets, prepared statements with their parameters, and what a failed call means.
 *
 * A connection that breaks is noted (lost) and never used again. Who waits for an answer does not wait for ever: TCP's keepalives and
 * the limits on connecting and on a statement end it.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "store/drivers/postgres_store.h"

#define SERVER_OLDEST 130000 /* xid8, pg_current_xact_id */

static const char *const sql_texts[MX_PG_SQL_COUNT] = {
#define MX_PG_SQL_TEXT(name, sql) sql,
    MX_PG_TABLE(MX_PG_SQL_TEXT)
#undef MX_PG_SQL_TEXT
};

void mx_pg_sleep_ms(int64_t ms)
{
    struct timespec wait = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000L};
    nanosleep(&wait, NULL);
}

/* ---- failures ---- */

typedef struct mx_pg_meaning {
    const char *sqlstate; /* a code of five, or a class of two */
    merx_status status;
    bool lost;
    const char *hint; /* NULL: none */
} mx_pg_meaning;

/* The first that fits. https://www.postgresql.org/docs/current/errcodes-appendix.html */
static const mx_pg_meaning meanings[] = {
    {"55P03", MERX_E_BUSY, false, "in use by another; try again later"},
    {"40", MERX_E_BUSY, false, "try again"},
    {"53100", MERX_E_NO_SPACE, false, "the server's disk is full"},
    {"53200", MERX_E_MEMORY, false, "the server is out of memory"},
    {"53", MERX_E_BUSY, false, "the server has no room for more now; try again later"},
    {"54", MERX_E_LIMIT, false, NULL},
    {"57014", MERX_E_LIMIT, false, "took longer than statement_timeout_ms of the address allows"},
    {"57", MERX_E_IO, true, "the server is going down or coming up; try again later"},
    {"25P03", MERX_E_IO, true, "the server ended a transaction that was idle too long"},
    {"08", MERX_E_IO, true, "the connection was lost"},
    {"58", MERX_E_IO, false, NULL},
    {"23505", MERX_E_EXISTS, false, "another program wrote into the shop's tables"},
    {"25006", MERX_E_PERMISSION, false, "the server takes no writes: is it a standby?"},
    {"42501", MERX_E_PERMISSION, false, NULL},
    {"28", MERX_E_PERMISSION, false, NULL},
    {"3D000", MERX_E_NOT_FOUND, false, NULL},
    {"3F000", MERX_E_NOT_FOUND, false, NULL},
    {"42P01", MERX_E_NOT_FOUND, false, "the shop's tables were removed while it was open"},
    {"XX001", MERX_E_CORRUPT, false, "restore a backup"},
    {"XX002", MERX_E_CORRUPT, false, "an index is damaged: REINDEX, or restore a backup"},
};

/* The first line of a message, which libpq ends with a newline. */
static int line_of(const char *text)
{
    size_t size = strcspn(text, "\n");
    return (int)(size < 300 ? size : 300);
}

merx_status(mx_pg_fail)(mx_pg *pg, const PGresult *result, const char *doing, merx_error *err)
{
    const char *state = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *text = result != NULL ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

    if (text == NULL)
        text = pg->conn != NULL ? PQerrorMessage(pg->conn) : "out of memory";
    for (size_t i = 0; state != NULL && i < sizeof meanings / sizeof *meanings; i++) {
        const mx_pg_meaning *m = &meanings[i];
        if (strncmp(state, m->sqlstate, strlen(m->sqlstate)) != 0)
            continue;
        pg->lost = pg->lost || m->lost;
        MX_FAIL(err, m->status, pg->place, "%s failed: %.*s%s%s (SQLSTATE %s)", doing, line_of(text), text,
                m->hint != NULL ? "; " : "", m->hint != NULL ? m->hint : "", state);
    }
    if (pg->conn == NULL || PQstatus(pg->conn) == CONNECTION_BAD) {
        pg->lost = true;
        MX_FAIL(err, MERX_E_IO, pg->place, "the connection was lost while %s: %.*s", doing, line_of(text), text);
    }
    MX_FAIL(err, state != NULL ? MERX_E_INTERNAL : MERX_E_IO, pg->place, "%s failed: %.*s (SQLSTATE %s)", doing,
            line_of(text), text, state != NULL ? state : "none");
}

static bool succeeded(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

/* Judges a result: hands it on, or frees it. */
static merx_status take_result(mx_pg *pg, PGresult *result, PGresult **out, const char *doing, merx_error *err)
{
    merx_status status = succeeded(result) ? MERX_OK : mx_pg_fail(pg, result, doing, err);

    if (status == MERX_OK && out != NULL)
        *out = result;
    else
        PQclear(result);
    return status;
}

/* ---- the connection ---- */

static merx_status check_server(mx_pg *pg, merx_error *err)
{
    const char *encoding = PQparameterStatus(pg->conn, "server_encoding");

    if (PQserverVersion(pg->conn) < SERVER_OLDEST)
        MX_FAIL(err, MERX_E_UNSUPPORTED, pg->place, "the server is PostgreSQL %d; expected %d or newer",
                PQserverVersion(pg->conn) / 10000, SERVER_OLDEST / 10000);
    if (encoding == NULL || strcmp(encoding, "UTF8") != 0)
        MX_FAIL(err, MERX_E_UNSUPPORTED, pg->place,
                "the database's encoding is %s; expected UTF8: CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0",
                encoding != NULL ? encoding : "not known");
    return MERX_OK;
}

/*
 * synchronous_commit: a server that is set to acknowledge before the disk has it is overruled; stricter settings (a standby has it too)
 * stay. enable_seqscan: plans are kept, and one made while a table was small would read a large one from end to end. jit: costs more
 * than it saves here.
 */
static merx_status set_session(mx_pg *pg, merx_error *err)
{
    char sql[1024];

    snprintf(sql, sizeof sql,
             "SET search_path = \"%s\", pg_temp; SET statement_timeout = %d; SET lock_timeout = 0; "
             "SET default_transaction_isolation = 'read committed'; SET default_transaction_read_only = %s; "
             "SET enable_seqscan = off; SET jit = off; SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; "
             "SET tcp_keepalives_count = 3; "
             "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
             pg->schema, pg->statement_timeout_ms, pg->read_only ? "on" : "off");
    return mx_pg_exec(pg, sql, NULL, "opening", err);
}

static void ignore_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

merx_status mx_pg_connect(mx_pg *pg, merx_error *err)
{
    /* What stands before dbname can be said otherwise in the URL, what stands after can't. */
    static const char *const words[] = {"connect_timeout",  "keepalives_idle",  "keepalives_interval",
                                        "keepalives_count", "tcp_user_timeout", "fallback_application_name",
                                        "dbname",           "client_encoding",  NULL};
    const char *const values[] = {"10", "30", "10", "3", "60000", "merx", pg->url, "UTF8", NULL};

    PQfinish(pg->conn);
    memset(pg->prepared, 0, sizeof pg->prepared);
    memset(pg->kind_prepared, 0, sizeof pg->kind_prepared);
    pg->lost = pg->listening = pg->deaf = false;
    pg->conn = PQconnectdbParams(words, values, 1);
    if (pg->conn == NULL)
        MX_FAIL(err, MERX_E_MEMORY, pg->place, "out of memory while connecting");
    PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
    if (PQstatus(pg->conn) != CONNECTION_OK) {
        const char *text = PQerrorMessage(pg->conn);
        pg->lost = true;
        MX_FAIL(err, PQconnectionNeedsPassword(pg->conn) ? MERX_E_PERMISSION : MERX_E_IO, pg->place,
                "can't connect: %.*s", line_of(text), text);
    }
    merx_status status = check_server(pg, err);
    return status != MERX_OK ? status : set_session(pg, err);
}

merx_status mx_pg_reconnect(mx_pg *pg, int patience_ms, merx_error *err)
{
    const double end = mx_monotonic_s() + patience_ms / 1000.0;

    for (int64_t wait_ms = 20; pg->lost; wait_ms = wait_ms < 500 ? wait_ms * 2 : 500) {
        merx_error failure = {0};
        merx_status status = mx_pg_connect(pg, &failure);
        if (status == MERX_OK)
            return MERX_OK;
        if (!pg->lost || mx_monotonic_s() >= end) {
            pg->lost = true;
            return mx_error_set(err, status, failure.where, "%s", failure.message);
        }
        mx_pg_sleep_ms(wait_ms);
    }
    return MERX_OK;
}

bool mx_pg_again(mx_pg *pg, merx_status *status, uint64_t given, int *tries, merx_error *failure, merx_error *err)
{
    if (*status == MERX_OK)
        return false;
    if (pg->lost && !pg->begun && given == 0 && ++*tries < 2) {
        merx_error_clear(failure);
        *status = mx_pg_reconnect(pg, pg->busy_timeout_ms, failure);
        if (*status == MERX_OK)
            return true;
    }
    *status = mx_error_set(err, *status, failure->where, "%s", failure->message);
    return false;
}

/* ---- statements ---- */

/* Whether anything can be asked: inside a transaction a lost connection can't be replaced. */
static merx_status check_connection(mx_pg *pg, const char *doing, merx_error *err)
{
    if (pg->lost)
        MX_FAIL(err, MERX_E_IO, pg->place, "the connection was lost before %s%s", doing,
                pg->begun ? "; the transaction is gone" : "");
    return MERX_OK;
}

merx_status mx_pg_exec(mx_pg *pg, const char *sql, PGresult **out, const char *doing, merx_error *err)
{
    MX_TRY(check_connection(pg, doing, err));
    return take_result(pg, PQexec(pg->conn, sql), out, doing, err);
}

static merx_status prepare(mx_pg *pg, const char *name, const char *sql, merx_error *err)
{
    MX_TRY(check_connection(pg, "preparing a statement", err));
    return take_result(pg, PQprepare(pg->conn, name, sql, 0, NULL), NULL, "preparing a statement", err);
}

static merx_status execute(mx_pg *pg, const char *name, const mx_pg_params *params, PGresult **out, const char *doing,
                           merx_error *err)
{
    static const mx_pg_params none = {0};

    params = params != NULL ? params : &none;
    PGresult *result = PQexecPrepared(pg->conn, name, params->count, params->values, params->sizes, params->formats, 1);
    return take_result(pg, result, out, doing, err);
}

merx_status mx_pg_call(mx_pg *pg, mx_pg_sql sql, const mx_pg_params *params, PGresult **out, const char *doing,
                       merx_error *err)
{
    char name[16];

    MX_TRY(check_connection(pg, doing, err));
    snprintf(name, sizeof name, "s%d", (int)sql);
    if (!pg->prepared[sql])
        MX_TRY(prepare(pg, name, sql_texts[sql], err));
    pg->prepared[sql] = true;
    return execute(pg, name, params, out, doing, err);
}

static void put_columns(mx_text *text, const mx_fields *fields, size_t from, size_t to, const char *format,
                        const char *between)
{
    for (size_t i = from; i < to; i++) {
        if (i > from)
            mx_text_puts(text, between);
        for (const char *c = format; *c != '\0'; c++) { /* '@' is the name, '#' the number of the parameter */
            if (*c == '@')
                mx_text_printf(text, "\"%s\"", fields->fields[i].name);
            else if (*c == '#')
                mx_text_printf(text, "$%zu", i + 1);
            else
                mx_text_append(text, c, 1);
        }
    }
}

/* Names of sources are too long for an index: it holds their MD5, and the comparison the names. */
static void put_key(mx_text *text, mx_record_kind kind, const mx_fields *fields)
{
    if (kind == MX_SOURCE)
        mx_text_puts(text, "md5(name) = md5($1) AND ");
    put_columns(text, fields, 0, fields->keys, "@ = #", " AND ");
}

static void put_upsert(mx_text *text, mx_record_kind kind, const mx_fields *fields)
{
    const char *table = mx_pg_table(kind);

    if (kind == MX_SOURCE) {
        mx_text_printf(text, "WITH old AS (UPDATE %s SET ", table);
        put_columns(text, fields, fields->keys, fields->count, "@ = #", ", ");
        mx_text_puts(text, " WHERE ");
        put_key(text, kind, fields);
        mx_text_puts(text, " RETURNING 1) ");
    }
    mx_text_printf(text, "INSERT INTO %s (", table);
    put_columns(text, fields, 0, fields->count, "@", ", ");
    mx_text_puts(text, kind == MX_SOURCE ? ") SELECT " : ") VALUES (");
    put_columns(text, fields, 0, fields->count, "#", ", ");
    if (kind == MX_SOURCE) {
        mx_text_puts(text, " WHERE NOT EXISTS (SELECT FROM old)");
        return;
    }
    mx_text_puts(text, ") ON CONFLICT (");
    put_columns(text, fields, 0, fields->keys, "@", ", ");
    mx_text_puts(text, ") DO UPDATE SET ");
    put_columns(text, fields, fields->keys, fields->count, "@ = excluded.@", ", ");
}

void mx_pg_put_kind_sql(mx_text *text, mx_record_kind kind, mx_pg_kind_sql sql)
{
    const mx_fields *fields = mx_record_fields(kind);
    const char *table = mx_pg_table(kind);

    switch (sql) {
    case MX_PG_KIND_UPSERT:
        put_upsert(text, kind, fields);
        return;
    case MX_PG_KIND_SCAN:
    case MX_PG_KIND_GET:
    case MX_PG_KIND_LIVE:
    case MX_PG_KIND_SELECT:
        mx_text_puts(text, "SELECT ");
        put_columns(text, fields, 0, fields->count, "@", ", ");
        mx_text_printf(text, " FROM %s", table);
        if (sql == MX_PG_KIND_SCAN) {
            mx_text_puts(text, " ORDER BY ");
            put_columns(text, fields, 0, fields->keys, "@", ", ");
        } else if (sql == MX_PG_KIND_GET) {
            mx_text_puts(text, " WHERE ");
            put_key(text, kind, fields);
        } else if (sql == MX_PG_KIND_LIVE) {
            mx_text_puts(text, " WHERE answer = $1 AND live");
        }
        return;
    case MX_PG_KIND_REMOVE:
        mx_text_printf(text, "DELETE FROM %s WHERE ", table);
        put_key(text, kind, fields);
        return;
    case MX_PG_KIND_COUNT:
        mx_text_printf(text, "SELECT count(*) FROM %s", table);
        return;
    case MX_PG_KIND_SQLS:
        return;
    }
}

merx_status mx_pg_prepare_kind(mx_pg *pg, mx_record_kind kind, mx_pg_kind_sql sql, char name[32], merx_error *err)
{
    mx_text text;

    snprintf(name, 32, "k%d_%d", (int)kind, (int)sql);
    if (pg->kind_prepared[kind][sql])
        return check_connection(pg, "a statement", err);
    mx_text_init(&text, pg->alloc, 8192);
    mx_pg_put_kind_sql(&text, kind, sql);
    merx_status status = mx_text_ok(&text, err);
    if (status == MERX_OK)
        status = prepare(pg, name, text.data, err);
    mx_text_release(&text);
    pg->kind_prepared[kind][sql] = status == MERX_OK;
    return status;
}

merx_status mx_pg_call_kind(mx_pg *pg, mx_record_kind kind, mx_pg_kind_sql sql, const mx_pg_params *params,
                            PGresult **out, const char *doing, merx_error *err)
{
    char name[32];

    MX_TRY(mx_pg_prepare_kind(pg, kind, sql, name, err));
    return execute(pg, name, params, out, doing, err);
}

/* ---- values ---- */

void mx_pg_encode(char *out, int64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++)
        out[i] = (char)(unsigned char)((uint64_t)value >> (8 * (width - 1 - i)));
}

size_t mx_pg_width(const mx_field *field)
{
    if (field->type == MX_FIELD_BOOL)
        return 1;
    if (field->type == MX_FIELD_KIND)
        return 2;
    return field->type == MX_FIELD_INT && field->minimum >= INT32_MIN && field->maximum <= INT32_MAX ? 4 : 8;
}

static void put(mx_pg_params *params, const char *value, size_t size)
{
    params->values[params->count] = value;
    params->sizes[params->count] = (int)size; /* checked: texts are at most MX_TEXT_MAX, arrays a batch */
    params->formats[params->count] = 1;
    params->count++;
}

void mx_pg_put_text(mx_pg_params *params, mx_str text)
{
    put(params, text.size > 0 ? text.data : NULL, text.size);
}

void mx_pg_put_bytes(mx_pg_params *params, const void *bytes, size_t size)
{
    put(params, bytes, size);
}

void mx_pg_put_int(mx_pg_params *params, int64_t value, size_t width)
{
    char *number = params->numbers[params->count];
    mx_pg_encode(number, value, width);
    put(params, number, width);
}

void mx_pg_put_field(mx_pg_params *params, const mx_field *field, const mx_record *record)
{
    int64_t value;
    double real;

    if (field->type == MX_FIELD_TEXT) {
        mx_pg_put_text(params, *mx_field_text_of(field, record));
    } else if (field->type == MX_FIELD_REAL) {
        real = mx_field_real(field, record);
        memcpy(&value, &real, sizeof value);
        if (isnan(real))
            put(params, NULL, 0);
        else
            mx_pg_put_int(params, value, 8);
    } else if (mx_field_int(field, record, &value)) {
        mx_pg_put_int(params, value, mx_pg_width(field));
    } else {
        put(params, NULL, 0);
    }
}

int64_t mx_pg_int(const PGresult *result, int row, int column)
{
    const unsigned char *bytes = (const unsigned char *)PQgetvalue(result, row, column);
    int size = PQgetisnull(result, row, column) ? 0 : PQgetlength(result, row, column);
    uint64_t value = size > 1 && bytes[0] >> 7 != 0 ? UINT64_MAX : 0; /* the sign */

    for (int i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return (int64_t)value;
}

mx_str mx_pg_text(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column))
        return (mx_str){"", 0};
    return (mx_str){PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}

double mx_pg_real(const PGresult *result, int row, int column)
{
    int64_t bits = mx_pg_int(result, row, column);
    double value = (double)NAN;

    if (!PQgetisnull(result, row, column))
        memcpy(&value, &bits, sizeof value);
    return value;
}

uint64_t mx_pg_changed(PGresult *result)
{
    int64_t count = 0;
    return mx_parse_int64(mx_str_of(PQcmdTuples(result)), &count) && count > 0 ? (uint64_t)count : 0;
}
