/*
 * The records of shops in one PostgreSQL database, a schema a shop.
 *
 * A writer holds the shop's advisory lock from begin to the end of its transaction, so offsets become visible in their order and no
 * reader sees a gap that is filled later; a lock that is not given within busy_timeout_ms is MERX_E_BUSY. A reader's transaction is
 * REPEATABLE READ READ ONLY: one state.
 *
 * Lost connections. Outside a transaction the next call connects again, and a read that had given nothing yet is done once more. Inside
 * one, what was written is gone: the call fails, and so does every other until rollback. A commit may have happened though its answer
 * was lost; then the driver asks. Each writing transaction writes a random number, its token, into meta.recent with the MX_PG_RECENT
 * before it. On the new connection, once the old one's lock is gone, the token is there or it is not. Only when no connection can be made
 * for MX_PG_COMMIT_PATIENCE_MS, or MX_PG_RECENT others have written since, does the commit fail with "not known".
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "store/drivers/drivers.h"
#include "store/drivers/postgres_store.h"

#ifndef MERX_LIBPQ_VERSION
#error "MERX_LIBPQ_VERSION comes from cmake/library.cmake"
#endif

static void postgres_close(void *state)
{
    mx_pg *pg = state;

    PQfinish(pg->conn);
    mx_free_array(pg->alloc, pg->url, pg->url_size, 1);
    MX_FREE_ARRAY(pg->alloc, pg, 1);
}

static merx_status postgres_open(const char *address, const mx_records_options *options, const merx_allocator *alloc,
                                 void **state, merx_error *err)
{
    mx_pg *pg = NULL;

    MX_TRY(mx_libpq_load(err));
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &pg, "PostgreSQL store", err));
    pg->alloc = alloc;
    pg->read_only = options->read_only;
    pg->busy_timeout_ms = options->busy_timeout_ms;
    merx_status status = mx_pg_read_address(pg, address, err);
    if (status == MERX_OK)
        status = mx_pg_connect(pg, err);
    if (status == MERX_OK)
        status = mx_pg_prepare_schema(pg, options->create, err);
    if (status != MERX_OK) {
        postgres_close(pg);
        return status;
    }
    *state = pg;
    return MERX_OK;
}

merx_status mx_pg_read_meta(mx_pg *pg, const PGresult *result, merx_error *err)
{
    int64_t *const values[] = {&pg->meta.next_offset, &pg->meta.max_time_ms, &pg->meta.disordered, &pg->meta.scrub,
                               &pg->meta.writes};
    bool there = PQntuples(result) == 1 && PQnfields(result) == 5;

    for (int i = 0; i < 5 && there; i++)
        there = mx_parse_int64(mx_pg_text(result, 0, i), values[i]);
    if (!there)
        MX_FAIL(err, MERX_E_CORRUPT, pg->place, "the row of meta is missing; restore a backup");
    return MERX_OK;
}

static void postgres_rollback(void *state)
{
    mx_pg *pg = state;

    /* Nothing to check: a transaction whose ROLLBACK fails has lost its connection, and the server ends it. */
    if (!pg->lost)
        PQclear(PQexec(pg->conn, "ROLLBACK"));
    if (PQstatus(pg->conn) != CONNECTION_OK)
        pg->lost = true;
    pg->begun = pg->wrote = false;
    pg->scrubbing = 0;
    pg->source_size = 0;
}

static merx_status begin_once(mx_pg *pg, merx_error *err)
{
    PGresult *result = NULL;
    char sql[400];

    MX_TRY(mx_pg_reconnect(pg, pg->busy_timeout_ms, err));
    if (pg->read_only)
        snprintf(sql, sizeof sql, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; " MX_PG_META);
    else
        snprintf(sql, sizeof sql,
                 "BEGIN; SET LOCAL lock_timeout = %d; SELECT pg_advisory_xact_lock(" MX_PG_LOCK_KEY "); " MX_PG_META,
                 pg->busy_timeout_ms);
    merx_status status = mx_pg_exec(pg, sql, &result, pg->read_only ? "beginning to read" : "beginning to write", err);
    if (status == MERX_OK)
        status = mx_pg_read_meta(pg, result, err);
    PQclear(result);
    return status;
}

static merx_status postgres_begin(void *state, merx_error *err)
{
    mx_pg *pg = state;
    merx_status status;
    int tries = 0;

    for (;;) {
        merx_error failure = {0};
        status = begin_once(pg, &failure);
        if (status != MERX_OK)
            postgres_rollback(pg);
        if (!mx_pg_again(pg, &status, 0, &tries, &failure, err))
            break;
    }
    pg->begun = status == MERX_OK;
    return status;
}

/* Whether the backend that was asked to commit still holds the lock: then its transaction has not ended. */
static merx_status still_committing(mx_pg *pg, int pid, bool *still, merx_error *err)
{
    mx_pg_params params = {0};
    PGresult *result;

    mx_pg_put_int(&params, pid, 4);
    MX_TRY(mx_pg_call(pg, MX_PG_LOCK_HOLDER, &params, &result, "asking about a commit", err));
    *still = mx_pg_int(result, 0, 0) > 0;
    PQclear(result);
    return MERX_OK;
}

/* One look: *known says whether the answer is final. */
static merx_status ask_commit(mx_pg *pg, int pid, int64_t token, int64_t writes, bool *known, bool *committed,
                              merx_error *err)
{
    mx_pg_params params = {0};
    PGresult *result;
    bool still;

    MX_TRY(still_committing(pg, pid, &still, err));
    mx_pg_put_int(&params, token, 8);
    MX_TRY(mx_pg_call(pg, MX_PG_META_RECENT, &params, &result, "asking about a commit", err));
    *committed = mx_pg_int(result, 0, 1) != 0;
    /* A standby may not have heard of it yet. */
    *known = *committed || (!still && mx_pg_int(result, 0, 2) == 0 && mx_pg_int(result, 0, 0) < writes + MX_PG_RECENT);
    PQclear(result);
    return MERX_OK;
}

/* The connection was lost while committing: was it done? */
static merx_status resolve_commit(mx_pg *pg, int pid, int64_t token, const merx_error *failure, merx_error *err)
{
    const int patience_ms =
        pg->busy_timeout_ms > MX_PG_COMMIT_PATIENCE_MS ? pg->busy_timeout_ms : MX_PG_COMMIT_PATIENCE_MS;
    const double end = mx_monotonic_s() + patience_ms / 1000.0;
    const int64_t writes = pg->meta.writes + 1;
    bool known = false, committed = false;

    pg->begun = false;
    while (!known && mx_monotonic_s() < end) {
        merx_error ignored = {0};
        if (mx_pg_reconnect(pg, (int)((end - mx_monotonic_s()) * 1000) + 1, &ignored) != MERX_OK)
            continue;
        merx_status status = ask_commit(pg, pid, token, writes, &known, &committed, &ignored);
        if (status != MERX_OK && !pg->lost)
            break;
        if (!known)
            mx_pg_sleep_ms(20);
    }
    if (committed)
        return MERX_OK;
    if (known)
        MX_FAIL(err, failure->code, pg->place, "nothing was committed: %s", failure->message);
    MX_FAIL(err, MERX_E_IO, pg->place,
            "whether the transaction was committed is not known; read what is there before writing it again: %s",
            failure->message);
}

/*
 * One message to the server and one wait: the state, then COMMIT, which is not done when the first fails. COMMIT of a transaction that has
 * failed is answered by ROLLBACK, not by an error.
 */
static merx_status send_commit(mx_pg *pg, int64_t token, merx_error *err)
{
    char sql[600] = "COMMIT";
    PGresult *result;
    const mx_pg_meta *meta = &pg->meta;

    if (pg->wrote)
        snprintf(sql, sizeof sql,
                 "UPDATE meta SET next_offset = %" PRId64 ", max_time_ms = %" PRId64 ", disordered = %" PRId64
                 ", scrub = %" PRId64 "%s, writes = %" PRId64 ", recent = ('%" PRId64
                 "'::bigint || recent)[1:%d]; NOTIFY %s; COMMIT",
                 meta->next_offset, meta->max_time_ms, meta->disordered, meta->scrub | pg->scrubbing,
                 pg->scrubbing != 0 ? ", scrub_xid = pg_current_xact_id()::text::bigint" : "", meta->writes + 1, token,
                 MX_PG_RECENT, pg->channel);
    MX_TRY(mx_pg_exec(pg, sql, &result, "committing", err));
    bool done = strcmp(PQcmdStatus(result), "COMMIT") == 0;
    PQclear(result);
    if (!done)
        MX_FAIL(err, MERX_E_INTERNAL, pg->place, "the server rolled back a transaction that was to be committed");
    return MERX_OK;
}

static merx_status postgres_commit(void *state, merx_error *err)
{
    mx_pg *pg = state;
    merx_error failure = {0};
    int64_t token = 0;

    if (pg->wrote && getrandom(&token, sizeof token, 0) != (ssize_t)sizeof token)
        MX_FAIL(err, MERX_E_IO, pg->place, "the system gives no random numbers");
    const bool sent = !pg->lost;
    int pid = PQbackendPID(pg->conn);
    merx_status status = send_commit(pg, token, &failure);
    if (status != MERX_OK && sent && pg->lost && pg->wrote)
        status = resolve_commit(pg, pid, token, &failure, err);
    else if (status != MERX_OK)
        status = mx_error_set(err, status, failure.where, "%s", failure.message);
    if (status == MERX_OK) {
        pg->begun = pg->wrote = false;
        pg->scrubbing = 0;
        pg->source_size = 0;
    }
    return status;
}

static merx_status postgres_advance(void *state, int64_t offset, merx_error *err)
{
    mx_pg *pg = state;

    if (pg->lost)
        MX_FAIL(err, MERX_E_IO, pg->place, "the connection was lost; the transaction is gone");
    if (pg->meta.next_offset <= offset) {
        pg->meta.next_offset = offset + 1;
        pg->wrote = true;
    }
    return MERX_OK;
}

const mx_records_driver mx_records_postgres = {
    .version = 1,
    .name = "postgres",
    .text = "a schema of a PostgreSQL database (libpq " MERX_LIBPQ_VERSION ")",
    .open = postgres_open,
    .close = postgres_close,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .append = mx_pg_append,
    .upsert = mx_pg_upsert,
    .scan_events = mx_pg_scan_events,
    .scan = mx_pg_scan,
    .get = mx_pg_get,
    .remove = mx_pg_remove,
    .last_offset = mx_pg_last_offset,
    .count = mx_pg_count,
    .rescale_money = mx_pg_rescale_money,
    .erase_customer = mx_pg_erase_customer,
    .compact = mx_pg_compact,
    .next_version = mx_pg_next_version,
    .scan_page = mx_pg_scan_page,
    .scan_customer = mx_pg_scan_customer,
    .advance = postgres_advance,
    .changed = mx_pg_changed_since,
};
