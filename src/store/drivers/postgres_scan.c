/*
 * Reading: scans, single records, counts.
 *
 * A scan goes through a cursor, FETCH_ROWS at a time, and takes each row as it arrives, so its memory does not grow with the rows. Outside
 * a transaction it opens one for itself: everything it reads is one state, whatever others commit meanwhile.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/drivers/postgres_store.h"

#define FETCH_ROWS 4096
#define CLOSE_CURSOR "CLOSE merx_scan"

static void read_fields(mx_record *record, const PGresult *result, int row, int first_column)
{
    const mx_fields *fields = mx_record_fields(record->kind);

    for (size_t i = 0; i < fields->count; i++) {
        const mx_field *field = &fields->fields[i];
        const int column = first_column + (int)i;
        if (field->type == MX_FIELD_TEXT)
            *mx_field_text(field, record) = mx_pg_text(result, row, column);
        else if (field->type == MX_FIELD_REAL)
            mx_field_set_real(field, record, mx_pg_real(result, row, column));
        else
            mx_field_set_int(field, record, !PQgetisnull(result, row, column), mx_pg_int(result, row, column));
    }
}

static merx_status give_row(mx_record_kind kind, const PGresult *result, int row, mx_record_fn fn, void *context,
                            merx_error *err)
{
    mx_record record = {.kind = kind};
    char uid[MX_UUID_TEXT];

    read_fields(&record, result, row, kind == MX_EVENT ? 1 : 0);
    if (kind == MX_EVENT) {
        record.event.offset = mx_pg_int(result, row, 0);
        if (!PQgetisnull(result, row, MX_PG_UID_COLUMN)) {
            mx_uuid_format((const unsigned char *)PQgetvalue(result, row, MX_PG_UID_COLUMN), uid);
            record.event.id = (mx_str){uid, sizeof uid};
        }
    }
    return fn(context, &record, err);
}

/* One FETCH: *rows got how many there were. After a failure the rest is read and dropped, so that the connection can go on. */
static merx_status fetch(mx_pg *pg, mx_record_kind kind, uint64_t *rows, uint64_t *given, mx_record_fn fn,
                         void *context, merx_error *err)
{
    static const char doing[] = "reading records";
    char sql[64];
    merx_status status = MERX_OK;
    PGresult *result;

    *rows = 0;
    snprintf(sql, sizeof sql, "FETCH FORWARD %d FROM merx_scan", FETCH_ROWS);
    if (PQsendQueryParams(pg->conn, sql, 0, NULL, NULL, NULL, NULL, 1) != 1 || PQsetSingleRowMode(pg->conn) != 1)
        return mx_pg_fail(pg, NULL, doing, err);
    while ((result = PQgetResult(pg->conn)) != NULL) {
        ExecStatusType got = PQresultStatus(result);
        if (got == PGRES_SINGLE_TUPLE) {
            ++*rows;
            if (status == MERX_OK) {
                ++*given;
                status = give_row(kind, result, 0, fn, context, err);
            }
        } else if (got != PGRES_TUPLES_OK && status == MERX_OK) {
            status = mx_pg_fail(pg, result, doing, err);
        }
        PQclear(result);
    }
    return status;
}

static merx_status scan_cursor(mx_pg *pg, mx_record_kind kind, const char *select, uint64_t *given, mx_record_fn fn,
                               void *context, merx_error *err)
{
    mx_text sql;
    uint64_t rows = FETCH_ROWS;

    mx_text_init(&sql, pg->alloc, 32768);
    mx_text_printf(&sql, "DECLARE merx_scan NO SCROLL CURSOR FOR %s", select);
    merx_status status = mx_text_ok(&sql, err);
    if (status == MERX_OK)
        status = mx_pg_exec(pg, sql.data, NULL, "beginning to read records", err);
    mx_text_release(&sql);
    if (status != MERX_OK)
        return status;
    while (status == MERX_OK && rows == FETCH_ROWS)
        status = fetch(pg, kind, &rows, given, fn, context, err);
    if (pg->lost)
        return status;
    /* After the server's own failure the transaction takes no command, and there is no cursor any more. */
    if (PQtransactionStatus(pg->conn) == PQTRANS_INTRANS) {
        merx_status closed =
            mx_pg_exec(pg, CLOSE_CURSOR, NULL, "ending to read records", status == MERX_OK ? err : NULL);
        status = status == MERX_OK ? closed : status;
    }
    return status;
}

/* Begins a transaction for reading unless one is open; *mine: end it with end_read. */
static merx_status begin_read(mx_pg *pg, bool *mine, merx_error *err)
{
    PGresult *result = NULL;

    *mine = !pg->begun;
    if (pg->begun)
        return MERX_OK;
    MX_TRY(mx_pg_reconnect(pg, pg->busy_timeout_ms, err));
    merx_status status = mx_pg_exec(pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; " MX_PG_META, &result,
                                    "beginning to read", err);
    if (status == MERX_OK)
        status = mx_pg_read_meta(pg, result, err);
    PQclear(result);
    return status;
}

static void end_read(mx_pg *pg, bool mine)
{
    if (mine && !pg->lost) {
        PQclear(PQexec(pg->conn, "ROLLBACK"));
        pg->lost = PQstatus(pg->conn) != CONNECTION_OK;
    }
}

static merx_status scan_events_once(mx_pg *pg, int64_t after_offset, mx_scan_order order, uint64_t *given,
                                    mx_record_fn fn, void *context, merx_error *err)
{
    char select[400];
    bool mine;

    merx_status status = begin_read(pg, &mine, err);
    if (status == MERX_OK) {
        const bool sort = order == MX_BY_TIME && pg->meta.disordered != 0;
        snprintf(select, sizeof select,
                 "SELECT " MX_PG_EVENT_COLUMNS " FROM events WHERE \"offset\" > %" PRId64 " ORDER BY %s", after_offset,
                 sort ? "time_ms, \"offset\"" : "\"offset\"");
        status = scan_cursor(pg, MX_EVENT, select, given, fn, context, err);
    }
    end_read(pg, mine);
    return status;
}

merx_status mx_pg_scan_events(void *state, int64_t after_offset, mx_scan_order order, mx_record_fn fn, void *context,
                              merx_error *err)
{
    mx_pg *pg = state;
    merx_status status;
    int tries = 0;

    for (;;) {
        merx_error failure = {0};
        uint64_t given = 0;
        status = scan_events_once(pg, after_offset, order, &given, fn, context, &failure);
        if (!mx_pg_again(pg, &status, given, &tries, &failure, err))
            return status;
    }
}

static merx_status scan_once(mx_pg *pg, mx_record_kind kind, uint64_t *given, mx_record_fn fn, void *context,
                             merx_error *err)
{
    mx_text select;
    bool mine;

    mx_text_init(&select, pg->alloc, 8000);
    mx_pg_put_kind_sql(&select, kind, MX_PG_KIND_SCAN);
    merx_status status = mx_text_ok(&select, err);
    if (status == MERX_OK) {
        status = begin_read(pg, &mine, err);
        if (status == MERX_OK)
            status = scan_cursor(pg, kind, select.data, given, fn, context, err);
        end_read(pg, mine);
    }
    mx_text_release(&select);
    return status;
}

merx_status mx_pg_scan(void *state, mx_record_kind kind, mx_record_fn fn, void *context, merx_error *err)
{
    mx_pg *pg = state;
    merx_status status;
    int tries = 0;

    for (;;) {
        merx_error failure = {0};
        uint64_t given = 0;
        status = scan_once(pg, kind, &given, fn, context, &failure);
        if (!mx_pg_again(pg, &status, given, &tries, &failure, err))
            return status;
    }
}

/* ---- pages, and what is of one customer ---- */

/* A text in SQL that nothing in it can end: its bytes as hex digits. */
static void put_literal(mx_text *sql, mx_str text)
{
    mx_text_puts(sql, "convert_from('\\x");
    for (size_t i = 0; i < text.size; i++)
        mx_text_printf(sql, "%02x", (unsigned)(unsigned char)text.data[i]);
    mx_text_puts(sql, "'::bytea, 'UTF8')");
}

static void put_page(mx_text *sql, mx_record_kind kind, const mx_record_page *page)
{
    const char *key = mx_record_fields(kind)->fields[0].name;
    if (kind == MX_EVENT) {
        mx_text_printf(sql, "SELECT " MX_PG_EVENT_COLUMNS " FROM events WHERE \"offset\" > %" PRId64,
                       page->after_offset);
        key = "\"offset\"";
    } else {
        mx_pg_put_kind_sql(sql, kind, MX_PG_KIND_SELECT);
        if (page->after.size > 0) {
            mx_text_printf(sql, " WHERE %s > ", key);
            put_literal(sql, page->after);
        }
    }
    mx_text_printf(sql, " ORDER BY %s LIMIT %" PRIu64, key,
                   (uint64_t)(page->limit < INT64_MAX ? page->limit : INT64_MAX));
}

static void put_customer(mx_text *sql, mx_record_kind kind, mx_str customer)
{
    if (kind == MX_EVENT)
        mx_text_puts(sql, "SELECT " MX_PG_EVENT_COLUMNS " FROM events");
    else
        mx_pg_put_kind_sql(sql, kind, MX_PG_KIND_SELECT);
    mx_text_printf(sql, " WHERE %s = ", kind == MX_CUSTOMER ? "id" : "customer");
    put_literal(sql, customer);
    if (kind == MX_EVENT) {
        mx_text_puts(sql, " OR (customer IS NULL AND \"order\" IN (SELECT id FROM orders WHERE customer = ");
        put_literal(sql, customer);
        mx_text_puts(sql, "))");
    }
    if (kind == MX_ORDER) {
        mx_text_puts(sql, " OR (customer IS NULL AND id IN (SELECT \"order\" FROM events WHERE \"order\" IN (SELECT "
                          "\"order\" FROM events WHERE customer = ");
        put_literal(sql, customer);
        mx_text_puts(sql, ") GROUP BY \"order\" HAVING bool_and(customer IS NOT DISTINCT FROM ");
        put_literal(sql, customer);
        mx_text_puts(sql, ")))");
    }
    mx_text_printf(sql, " ORDER BY %s", kind == MX_EVENT ? "\"offset\"" : "id");
}

/* What is read in one state: a page of one kind, or all kinds of a customer. */
typedef struct selects {
    const mx_record_kind *kinds;
    size_t count;
    const mx_record_page *page; /* NULL: of a customer */
    mx_str customer;
} selects;

static merx_status scan_selects_once(mx_pg *pg, const selects *s, uint64_t *given, mx_record_fn fn, void *context,
                                     merx_error *err)
{
    mx_text sql;
    bool mine;

    mx_text_init(&sql, pg->alloc, 16384);
    merx_status status = begin_read(pg, &mine, err);
    for (size_t i = 0; status == MERX_OK && i < s->count; i++) {
        mx_text_clear(&sql);
        if (s->page)
            put_page(&sql, s->kinds[i], s->page);
        else
            put_customer(&sql, s->kinds[i], s->customer);
        status = mx_text_ok(&sql, err);
        if (status == MERX_OK)
            status = scan_cursor(pg, s->kinds[i], sql.data, given, fn, context, err);
    }
    end_read(pg, mine);
    mx_text_release(&sql);
    return status;
}

static merx_status scan_selects(mx_pg *pg, const selects *s, mx_record_fn fn, void *context, merx_error *err)
{
    merx_status status;
    int tries = 0;

    for (;;) {
        merx_error failure = {0};
        uint64_t given = 0;
        status = scan_selects_once(pg, s, &given, fn, context, &failure);
        if (!mx_pg_again(pg, &status, given, &tries, &failure, err))
            return status;
    }
}

merx_status mx_pg_scan_page(void *state, mx_record_kind kind, const mx_record_page *page, mx_record_fn fn,
                            void *context, merx_error *err)
{
    return scan_selects(state, &(selects){&kind, 1, page, MX_STR("")}, fn, context, err);
}

merx_status mx_pg_scan_customer(void *state, mx_str customer, mx_record_fn fn, void *context, merx_error *err)
{
    static const mx_record_kind kinds[] = {MX_CUSTOMER, MX_ORDER, MX_MESSAGE, MX_REVIEW, MX_EVENT};
    return scan_selects(state, &(selects){kinds, sizeof kinds / sizeof *kinds, NULL, customer}, fn, context, err);
}

/* ---- single answers: one statement each, which is one state ---- */

/* A statement of the shared table, or (kind >= 0) one of a kind. */
typedef struct mx_pg_question {
    int sql;
    int kind;
    mx_pg_kind_sql kind_sql;
} mx_pg_question;

static merx_status ask(mx_pg *pg, mx_pg_question question, const mx_pg_params *params, PGresult **out, merx_error *err)
{
    merx_status status;
    int tries = 0;

    *out = NULL;
    for (;;) {
        merx_error failure = {0};
        status = pg->begun ? MERX_OK : mx_pg_reconnect(pg, pg->busy_timeout_ms, &failure);
        if (status == MERX_OK && question.kind >= 0)
            status = mx_pg_call_kind(pg, (mx_record_kind)question.kind, question.kind_sql, params, out,
                                     "reading a record", &failure);
        else if (status == MERX_OK)
            status = mx_pg_call(pg, (mx_pg_sql)question.sql, params, out, "reading a record", &failure);
        if (!mx_pg_again(pg, &status, 0, &tries, &failure, err))
            return status;
    }
}

merx_status mx_pg_get(void *state, mx_record_kind kind, mx_str id, mx_record_fn fn, void *context, merx_error *err)
{
    mx_pg *pg = state;
    mx_pg_params params = {0};
    mx_pg_question question = {.kind = (int)kind, .kind_sql = MX_PG_KIND_GET};
    PGresult *result;
    unsigned char uid[16];
    mx_str key = id;
    int64_t version = 0;

    if (kind == MX_EVENT) {
        bool is_uid = mx_uuid_parse(id, uid);
        question = (mx_pg_question){.sql = is_uid ? MX_PG_EVENT_BY_UID : MX_PG_EVENT_BY_ID, .kind = -1};
        if (is_uid)
            key = (mx_str){(const char *)uid, sizeof uid};
    }
    if (kind == MX_MODEL && !mx_model_id_split(id, &key, &version))
        MX_FAIL(err, MERX_E_INVALID, pg->place,
                "a model is asked for by answer/version or answer/live, e.g. recommend/3");
    mx_pg_put_text(&params, key);
    if (kind == MX_MODEL && version > 0)
        mx_pg_put_int(&params, version, 8);
    else if (kind == MX_MODEL)
        question.kind_sql = MX_PG_KIND_LIVE;
    MX_TRY(ask(pg, question, &params, &result, err));
    bool found = PQntuples(result) > 0;
    merx_status status = found ? give_row(kind, result, 0, fn, context, err) : MERX_OK;
    PQclear(result);
    if (!found)
        MX_FAIL(err, MERX_E_NOT_FOUND, pg->place, "there is no %s \"%.*s\"", mx_record_kind_name(kind),
                (int)(id.size < 200 ? id.size : 200), id.data);
    return status;
}

merx_status mx_pg_last_offset(void *state, int64_t *offset, merx_error *err)
{
    mx_pg *pg = state;
    PGresult *result;

    if (!pg->begun) {
        MX_TRY(ask(pg, (mx_pg_question){.sql = MX_PG_NEXT_OFFSET, .kind = -1}, NULL, &result, err));
        pg->meta.next_offset = mx_pg_int(result, 0, 0);
        PQclear(result);
    }
    *offset = pg->meta.next_offset - 1;
    return MERX_OK;
}

merx_status mx_pg_count(void *state, mx_record_kind kind, uint64_t *count, merx_error *err)
{
    mx_pg *pg = state;
    PGresult *result;

    MX_TRY(ask(pg, (mx_pg_question){.kind = (int)kind, .kind_sql = MX_PG_KIND_COUNT}, NULL, &result, err));
    *count = (uint64_t)mx_pg_int(result, 0, 0);
    PQclear(result);
    return MERX_OK;
}

merx_status mx_pg_next_version(void *state, mx_str answer, int64_t *version, merx_error *err)
{
    mx_pg *pg = state;
    mx_pg_params params = {0};
    PGresult *result;

    mx_pg_put_text(&params, answer);
    MX_TRY(ask(pg, (mx_pg_question){.sql = MX_PG_MODEL_LAST, .kind = -1}, &params, &result, err));
    *version = (PQntuples(result) > 0 ? mx_pg_int(result, 0, 0) : 0) + 1;
    PQclear(result);
    return MERX_OK;
}
