/*
 * Hearing of commits: a writer notifies the shop's channel in each transaction that wrote, whoever asks mx_records_changed listens to it.
 *
 * Notifications are kept by the server until a session takes them, so nothing is missed between two looks; a connection that was lost may have missed some, and
 * says so once.
 */
#include <inttypes.h>
#include <stdio.h>

#include "store/drivers/postgres_store.h"

/* Channels belong to a database, shops to its schemas. */
void mx_pg_name_channel(mx_pg *pg)
{
    mx_str schema = mx_str_of(pg->schema);
    snprintf(pg->channel, sizeof pg->channel, "merx_%016" PRIx64, mx_hash64(schema.data, schema.size, 0));
}

static merx_status listen(mx_pg *pg, merx_error *err)
{
    char sql[48];

    snprintf(sql, sizeof sql, "LISTEN %s", pg->channel);
    return mx_pg_exec(pg, sql, NULL, "listening", err);
}

merx_status mx_pg_changed_since(void *state, bool *changed, merx_error *err)
{
    mx_pg *pg = state;
    PGnotify *notify;

    (void)err;
    *changed = true;
    if (pg->lost || pg->deaf)
        return MERX_OK;
    if (!pg->listening) {
        /* A standby takes no LISTEN; anything else that is wrong shows when the caller reads. */
        pg->listening = listen(pg, NULL) == MERX_OK;
        pg->deaf = !pg->listening && !pg->lost;
        return MERX_OK;
    }
    if (PQconsumeInput(pg->conn) != 1) {
        pg->lost = true;
        return MERX_OK;
    }
    *changed = false;
    while ((notify = PQnotifies(pg->conn)) != NULL) {
        *changed = *changed || notify->be_pid != PQbackendPID(pg->conn);
        PQfreemem(notify);
    }
    return MERX_OK;
}
