/*
 * Erasing a customer, and giving space back.
 *
 * PostgreSQL keeps the rows that were deleted (dead tuples) until a vacuum, and even then their bytes may stay in pages that are used on.
 * So each transaction that removes rows notes the kinds in meta.scrub, and compact writes those tables anew (VACUUM FULL), which leaves
 * neither. It copies rows that an older state may still be asked for along, so it waits until no one looks at a state from before the
 * last removal. What compact can't reach is the write-ahead log, its archive, replicas behind, and backups: docs/store.md.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/drivers/postgres_store.h"

#define LOCK_TRY_MS 200 /* who waits for a table makes others wait behind him: not long at once */

static merx_status delete_of(mx_pg *pg, mx_pg_sql sql, mx_record_kind kind, mx_str customer, uint64_t *count,
                             merx_error *err)
{
    mx_pg_params params = {0};
    PGresult *result;

    mx_pg_put_text(&params, customer);
    MX_TRY(mx_pg_call(pg, sql, &params, &result, "erasing a customer", err));
    uint64_t changed = mx_pg_changed(result);
    PQclear(result);
    *count += changed;
    if (changed > 0)
        pg->scrubbing |= INT64_C(1) << kind;
    return MERX_OK;
}

static merx_status erase(mx_pg *pg, mx_str customer, mx_erasure *erased, merx_error *err)
{
    MX_TRY(delete_of(pg, MX_PG_LOOSE_ORDERS_ERASE, MX_ORDER, customer, &erased->orders, err));
    MX_TRY(delete_of(pg, MX_PG_EVENTS_ERASE, MX_EVENT, customer, &erased->events, err));
    MX_TRY(delete_of(pg, MX_PG_ORDERS_ERASE, MX_ORDER, customer, &erased->orders, err));
    MX_TRY(delete_of(pg, MX_PG_MESSAGES_ERASE, MX_MESSAGE, customer, &erased->messages, err));
    MX_TRY(delete_of(pg, MX_PG_REVIEWS_ERASE, MX_REVIEW, customer, &erased->reviews, err));
    return delete_of(pg, MX_PG_CUSTOMER_ERASE, MX_CUSTOMER, customer, &erased->customers, err);
}

merx_status mx_pg_erase_customer(void *state, mx_str customer, mx_erasure *erased, merx_error *err)
{
    mx_pg *pg = state;

    pg->wrote = true;
    /* Whole tables are read here, and fastest as they lie. */
    MX_TRY(mx_pg_exec(pg, "SET LOCAL enable_seqscan = on", NULL, "erasing a customer", err));
    MX_TRY(erase(pg, customer, erased, err));
    return mx_pg_exec(pg, "SET LOCAL enable_seqscan = off", NULL, "erasing a customer", err);
}

/* ---- compact ---- */

/* Who can still see what was removed: a session, a prepared transaction, a replica. One row, or none. */
#define HOLDERS                                                                                                        \
    "WITH mark AS (SELECT (scrub_xid & 4294967295)::text::xid AS xid FROM meta) "                                      \
    "SELECT 'session ' || pid FROM pg_stat_activity, mark WHERE pid <> pg_backend_pid() AND "                          \
    "(datname IS NULL OR datname = current_database()) AND (age(backend_xmin) >= age(mark.xid) OR age(backend_xid) "   \
    ">= age(mark.xid)) UNION ALL "                                                                                     \
    "SELECT 'prepared transaction ' || gid FROM pg_prepared_xacts, mark WHERE database = current_database() AND "      \
    "age(transaction) >= age(mark.xid) UNION ALL "                                                                     \
    "SELECT 'replication slot ' || slot_name FROM pg_replication_slots, mark WHERE age(xmin) >= age(mark.xid) LIMIT 1"

static merx_status wait_for_holders(mx_pg *pg, double end, merx_error *err)
{
    PGresult *result;

    for (;;) {
        MX_TRY(mx_pg_exec(pg, HOLDERS, &result, "compacting", err));
        const bool held = PQntuples(result) > 0;
        if (held && mx_monotonic_s() >= end) {
            mx_str holder = mx_pg_text(result, 0, 0);
            merx_status status = mx_error_set(err, MERX_E_BUSY, pg->place,
                                              "%.*s still reads a state from before rows were removed; try again later",
                                              (int)(holder.size < 100 ? holder.size : 100), holder.data);
            PQclear(result);
            return status;
        }
        PQclear(result);
        if (!held)
            return MERX_OK;
        mx_pg_sleep_ms(10);
    }
}

/* VACUUM takes its table for itself: readers of that table wait until it is written anew. */
static merx_status rewrite_table(mx_pg *pg, mx_record_kind kind, double end, merx_error *err)
{
    char sql[64];

    snprintf(sql, sizeof sql, "VACUUM (FULL) %s", mx_pg_table(kind));
    for (;;) {
        merx_error failure = {0};
        merx_status status = mx_pg_exec(pg, sql, NULL, "writing a table anew", &failure);
        if (status == MERX_OK)
            return MERX_OK;
        if (status != MERX_E_BUSY || mx_monotonic_s() >= end)
            return mx_error_set(err, status, failure.where, "%s", failure.message);
        mx_pg_sleep_ms(10);
    }
}

/* With the lock of writers held by the session. */
static merx_status compact_locked(mx_pg *pg, double end, merx_error *err)
{
    PGresult *result;
    char sql[160];

    MX_TRY(mx_pg_exec(pg, MX_PG_META, &result, "compacting", err));
    merx_status status = mx_pg_read_meta(pg, result, err);
    PQclear(result);
    if (status != MERX_OK)
        return status;
    if (pg->meta.scrub == 0)
        return MERX_OK;
    MX_TRY(wait_for_holders(pg, end, err));
    snprintf(sql, sizeof sql, "SET lock_timeout = %d; SET statement_timeout = 0", LOCK_TRY_MS);
    MX_TRY(mx_pg_exec(pg, sql, NULL, "compacting", err));
    for (int kind = 0; kind < MX_RECORD_KINDS; kind++)
        if ((pg->meta.scrub >> kind & 1) != 0)
            MX_TRY(rewrite_table(pg, (mx_record_kind)kind, end, err));
    return mx_pg_exec(pg, "UPDATE meta SET scrub = 0", NULL, "compacting", err);
}

merx_status mx_pg_compact(void *state, merx_error *err)
{
    mx_pg *pg = state;
    const double end = mx_monotonic_s() + pg->busy_timeout_ms / 1000.0;
    char sql[200];

    MX_TRY(mx_pg_reconnect(pg, pg->busy_timeout_ms, err));
    snprintf(sql, sizeof sql, "SET lock_timeout = %d; SELECT pg_advisory_lock(" MX_PG_LOCK_KEY ")",
             pg->busy_timeout_ms);
    merx_status status = mx_pg_exec(pg, sql, NULL, "compacting", err);
    if (status == MERX_OK)
        status = compact_locked(pg, end, err);
    if (pg->lost)
        return status; /* the server gives the lock back */
    snprintf(sql, sizeof sql, "SET lock_timeout = 0; SET statement_timeout = %d; SELECT pg_advisory_unlock_all()",
             pg->statement_timeout_ms);
    merx_status ended = mx_pg_exec(pg, sql, NULL, "ending to compact", status == MERX_OK ? err : NULL);
    return status != MERX_OK ? status : ended;
}
