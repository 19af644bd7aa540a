/*
 * Calling SQLite: kept statements, binding, stepping, and what a failed call means to the caller.
 */
#include <errno.h>
#include <string.h>

#include "store/drivers/sqlite_store.h"

static const char *const sql_texts[MX_SQL_COUNT] = {
#define MX_SQL_TEXT(name, sql) sql,
    MX_SQL_TABLE(MX_SQL_TEXT)
#undef MX_SQL_TEXT
};

static bool no_space(int errno_value)
{
    return errno_value == ENOSPC || errno_value == EFBIG || errno_value == EDQUOT;
}

merx_status(mx_sqlite_fail)(mx_sqlite *store, int rc, const char *doing, merx_error *err)
{
    const char *text = store->db != NULL ? sqlite3_errmsg(store->db) : sqlite3_errstr(rc);
    int system = store->db != NULL ? sqlite3_system_errno(store->db) : 0;

    switch (rc & 0xff) {
    case SQLITE_FULL:
        MX_FAIL(err, MERX_E_NO_SPACE, store->path, "no space left while %s", doing);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        MX_FAIL(err, MERX_E_BUSY, store->path, "in use by another process while %s (waited %d ms); try again later",
                doing, store->busy_timeout_ms);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        MX_FAIL(err, MERX_E_PERMISSION, store->path, "may not be written, while %s: %s", doing, text);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        MX_FAIL(err, MERX_E_CORRUPT, store->path,
                "the file is damaged or no SQLite database (%s), found while %s; restore a copy, or remove it and "
                "import again",
                text, doing);
    case SQLITE_NOMEM:
        MX_FAIL(err, MERX_E_MEMORY, store->path, "out of memory while %s", doing);
    case SQLITE_TOOBIG:
        MX_FAIL(err, MERX_E_LIMIT, store->path, "too large for the database, while %s", doing);
    case SQLITE_CANTOPEN:
        if (system != 0)
            return mx_error_errno(err, system, store->path, "open it");
        MX_FAIL(err, MERX_E_IO, store->path, "can't be opened while %s: %s", doing, text);
    case SQLITE_IOERR:
        if (rc == SQLITE_IOERR_NOMEM)
            MX_FAIL(err, MERX_E_MEMORY, store->path, "out of memory while %s", doing);
        if (no_space(system))
            MX_FAIL(err, MERX_E_NO_SPACE, store->path, "no space left while %s", doing);
        if (rc == SQLITE_IOERR_SHORT_READ || rc == SQLITE_IOERR_CORRUPTFS)
            MX_FAIL(err, MERX_E_CORRUPT, store->path, "the file is cut short, found while %s", doing);
        if (system != 0)
            return mx_error_errno(err, system, store->path, "read or write it");
        MX_FAIL(err, MERX_E_IO, store->path, "%s failed: %s", doing, text);
    default:
        MX_FAIL(err, MERX_E_INTERNAL, store->path, "%s failed: %s (SQLite code %d)", doing, text, rc);
    }
}

merx_status mx_sqlite_exec(mx_sqlite *store, const char *sql, const char *doing, merx_error *err)
{
    int rc = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? MERX_OK : mx_sqlite_fail(store, rc, doing, err);
}

static merx_status prepare(mx_sqlite *store, const char *sql, sqlite3_stmt **out, merx_error *err)
{
    int rc = sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    return rc == SQLITE_OK ? MERX_OK : mx_sqlite_fail(store, rc, "preparing a statement", err);
}

merx_status mx_sqlite_prepared(mx_sqlite *store, sqlite3_stmt **kept, const char *text, sqlite3_stmt **out,
                               merx_error *err)
{
    if (*kept == NULL)
        MX_TRY(prepare(store, text, kept, err));
    *out = *kept;
    sqlite3_reset(*out);
    return MERX_OK;
}

merx_status mx_sqlite_statement(mx_sqlite *store, mx_sql sql, sqlite3_stmt **out, merx_error *err)
{
    return mx_sqlite_prepared(store, &store->statements[sql], sql_texts[sql], out, err);
}

static void put_columns(mx_text *text, const mx_fields *fields, size_t from, size_t to, const char *format,
                        const char *between)
{
    for (size_t i = from; i < to; i++) {
        const char *name = fields->fields[i].name;
        if (i > from)
            mx_text_puts(text, between);
        for (const char *c = format; *c != '\0'; c++) { /* '@' is the name, '#' the number of the parameter */
            if (*c == '@')
                mx_text_puts(text, name);
            else if (*c == '#')
                mx_text_printf(text, "%zu", i + 1);
            else
                mx_text_append(text, c, 1);
        }
    }
}

static void put_kind_sql(mx_text *text, mx_record_kind kind, mx_kind_sql sql)
{
    const mx_fields *fields = mx_record_fields(kind);
    const char *table = mx_sqlite_table(kind);

    switch (sql) {
    case MX_KIND_UPSERT:
        mx_text_printf(text, "INSERT INTO %s (", table);
        put_columns(text, fields, 0, fields->count, "@", ", ");
        mx_text_puts(text, ") VALUES (");
        put_columns(text, fields, 0, fields->count, "?#", ", ");
        mx_text_puts(text, ") ON CONFLICT (");
        put_columns(text, fields, 0, fields->keys, "@", ", ");
        mx_text_puts(text, ") DO UPDATE SET ");
        put_columns(text, fields, fields->keys, fields->count, "@ = excluded.@", ", ");
        return;
    case MX_KIND_SCAN:
    case MX_KIND_GET:
    case MX_KIND_PAGE:
    case MX_KIND_OF:
        mx_text_puts(text, "SELECT ");
        put_columns(text, fields, 0, fields->count, "@", ", ");
        mx_text_printf(text, " FROM %s", table);
        if (sql == MX_KIND_GET) {
            mx_text_puts(text, " WHERE ");
            put_columns(text, fields, 0, fields->keys, "@ = ?#", " AND ");
            return;
        }
        if (sql == MX_KIND_PAGE)
            put_columns(text, fields, 0, 1, " WHERE @ > coalesce(?1, '')", "");
        if (sql == MX_KIND_OF)
            mx_text_puts(text, " WHERE customer = ?1");
        /* And orders without a customer that only his events name: space 3 of names are orders. */
        if (sql == MX_KIND_OF && kind == MX_ORDER)
            mx_text_puts(text, " OR (customer IS NULL AND id IN (SELECT text FROM names WHERE space = 3 AND key IN "
                               "(SELECT order_ FROM events WHERE order_ IN (SELECT order_ FROM events WHERE customer = "
                               "?2) GROUP BY order_ HAVING min(customer IS ?2))))");
        mx_text_puts(text, " ORDER BY ");
        put_columns(text, fields, 0, fields->keys, "@", ", ");
        if (sql == MX_KIND_PAGE)
            mx_text_puts(text, " LIMIT ?2");
        return;
    case MX_KIND_REMOVE:
        mx_text_printf(text, "DELETE FROM %s WHERE ", table);
        put_columns(text, fields, 0, fields->keys, "@ = ?#", " AND ");
        return;
    case MX_KIND_COUNT:
        mx_text_printf(text, "SELECT count(*) FROM %s", table);
        return;
    case MX_KIND_SQLS:
        return;
    }
}

merx_status mx_sqlite_kind_statement(mx_sqlite *store, mx_record_kind kind, mx_kind_sql sql, sqlite3_stmt **out,
                                     merx_error *err)
{
    sqlite3_stmt **kept = &store->kind_statements[kind][sql];

    if (*kept == NULL) {
        mx_text text;
        mx_text_init(&text, store->alloc, 4096);
        put_kind_sql(&text, kind, sql);
        merx_status status = mx_text_ok(&text, err);
        if (status == MERX_OK)
            status = prepare(store, text.data, kept, err);
        mx_text_release(&text);
        if (status != MERX_OK)
            return status;
    }
    *out = *kept;
    sqlite3_reset(*out);
    return MERX_OK;
}

void mx_sqlite_finalize_all(mx_sqlite *store)
{
    for (size_t i = 0; i < MX_SQL_COUNT; i++)
        sqlite3_finalize(store->statements[i]);
    memset(store->statements, 0, sizeof store->statements);
    for (size_t k = 0; k < MX_RECORD_KINDS; k++)
        for (size_t i = 0; i < MX_KIND_SQLS; i++)
            sqlite3_finalize(store->kind_statements[k][i]);
    memset(store->kind_statements, 0, sizeof store->kind_statements);
    for (size_t level = 0; level < MX_ID_LEVELS; level++)
        for (size_t i = 0; i < MX_ID_SQLS; i++)
            sqlite3_finalize(store->id_statements[level][i]);
    memset(store->id_statements, 0, sizeof store->id_statements);
}

merx_status mx_sqlite_bind_text(mx_sqlite *store, sqlite3_stmt *statement, int at, mx_str text, merx_error *err)
{
    int rc = text.size == 0 ? sqlite3_bind_null(statement, at)
                            : sqlite3_bind_text64(statement, at, text.data, text.size, SQLITE_STATIC, SQLITE_UTF8);
    return rc == SQLITE_OK ? MERX_OK : mx_sqlite_fail(store, rc, "binding a text", err);
}

merx_status mx_sqlite_bind_int(mx_sqlite *store, sqlite3_stmt *statement, int at, int64_t value, merx_error *err)
{
    int rc = sqlite3_bind_int64(statement, at, value);
    return rc == SQLITE_OK ? MERX_OK : mx_sqlite_fail(store, rc, "binding a number", err);
}

merx_status mx_sqlite_run(mx_sqlite *store, sqlite3_stmt *statement, const char *doing, merx_error *err)
{
    int rc = sqlite3_step(statement);
    merx_status status = MERX_OK;

    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        status = mx_sqlite_fail(store, rc, doing, err);
    sqlite3_reset(statement);
    return status;
}

merx_status mx_sqlite_step(mx_sqlite *store, sqlite3_stmt *statement, bool *row, const char *doing, merx_error *err)
{
    int rc = sqlite3_step(statement);

    *row = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW)
        return MERX_OK;
    merx_status status = rc == SQLITE_DONE ? MERX_OK : mx_sqlite_fail(store, rc, doing, err);
    sqlite3_reset(statement);
    return status;
}

mx_str mx_sqlite_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    if (text == NULL)
        return (mx_str){"", 0};
    return (mx_str){text, (size_t)sqlite3_column_bytes(statement, column)};
}
