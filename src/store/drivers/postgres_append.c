/*
 * Appending events: in chunks, each by COPY in binary.
 *
 * Ids that are known already must be left out of it. A large chunk is tried as it is, behind a savepoint: nearly always all of its ids are
 * new, and the unique indexes say so in the same step that writes them. When they say otherwise, and for CAUTIOUS chunks from then on,
 * the server is asked first which ids it knows; so it is for small chunks, where a savepoint costs more than a question. The lock of
 * writers keeps both ways safe.
 */
#include <string.h>

#include "store/drivers/postgres_store.h"

#define CHUNK 16384             /* events asked about and copied together */
#define COPY_BYTES (256 * 1024) /* sent together */
#define TRY_FIRST 64            /* ids from which on a chunk is tried without a question */
#define CAUTIOUS 64             /* chunks */

/* Columns that COPY fills: what is read (MX_PG_EVENT_COLUMNS). */
#define COPY_SQL "COPY events (" MX_PG_EVENT_COLUMNS ") FROM STDIN (FORMAT binary)"
#define COPY_COLUMNS 15

/* ---- ids ---- */

/* A growing array parameter in binary: a head of five numbers, then size and bytes of each element. */
static void array_begin(mx_text *array, int64_t element_type)
{
    char head[20];
    const int64_t words[5] = {1, 0, element_type, 0, 1}; /* dimensions, no NULLs, type, elements (later), first index */

    mx_text_clear(array);
    for (int i = 0; i < 5; i++)
        mx_pg_encode(head + i * 4, words[i], 4);
    mx_text_append(array, head, sizeof head);
}

static void array_add(mx_text *array, const void *bytes, size_t size)
{
    char head[4];
    mx_pg_encode(head, (int64_t)size, 4);
    mx_text_append(array, head, sizeof head);
    mx_text_append(array, bytes, size);
}

/* Asks which elements are known and adds them, as texts, to the dictionary of ids seen. */
static merx_status ask_known(mx_pg *pg, mx_pg_sql sql, mx_text *array, size_t count, mx_dict *seen, merx_error *err)
{
    mx_pg_params params = {0};
    PGresult *result;
    merx_status status = MERX_OK;

    if (count == 0)
        return MERX_OK;
    MX_TRY(mx_text_ok(array, err));
    mx_pg_encode(array->data + 12, (int64_t)count, 4);
    mx_pg_put_bytes(&params, array->data, array->size);
    MX_TRY(mx_pg_call(pg, sql, &params, &result, "looking events up", err));
    for (int row = 0; row < PQntuples(result) && status == MERX_OK; row++) {
        char text[MX_UUID_TEXT];
        mx_str id = mx_pg_text(result, row, 0);
        int32_t code;
        if (sql == MX_PG_UIDS_KNOWN) {
            mx_uuid_format((const unsigned char *)id.data, text);
            id = (mx_str){text, sizeof text};
        }
        status = mx_dict_add(seen, id, &code, NULL, err);
    }
    PQclear(result);
    return status;
}

enum { TYPE_TEXT = 25, TYPE_UUID = 2950 }; /* oids of types, fixed by PostgreSQL */

/* Adds those ids of events to seen that are known already. */
static merx_status find_known(mx_pg *pg, const mx_event *events, size_t n, mx_dict *seen, merx_error *err)
{
    unsigned char uid[16];
    mx_text uids, ids;
    size_t uid_count = 0, id_count = 0;
    merx_status status;

    mx_text_init(&uids, pg->alloc, CHUNK * 20 + 64);
    mx_text_init(&ids, pg->alloc, (size_t)CHUNK * (MX_ID_MAX + 4) + 64);
    for (size_t i = 0; i < n; i++) {
        mx_str id = events[i].id;
        if (id.size == 0)
            continue;
        if (mx_uuid_parse(id, uid)) {
            if (uid_count++ == 0)
                array_begin(&uids, TYPE_UUID);
            array_add(&uids, uid, sizeof uid);
        } else {
            if (id_count++ == 0)
                array_begin(&ids, TYPE_TEXT);
            array_add(&ids, id.data, id.size);
        }
    }
    status = ask_known(pg, MX_PG_UIDS_KNOWN, &uids, uid_count, seen, err);
    if (status == MERX_OK)
        status = ask_known(pg, MX_PG_IDS_KNOWN, &ids, id_count, seen, err);
    mx_text_release(&uids);
    mx_text_release(&ids);
    return status;
}

/* ---- watermarks ---- */

merx_status mx_pg_source_rows(mx_pg *pg, mx_str name, int64_t *rows, merx_error *err)
{
    mx_pg_params params = {0};
    PGresult *result;

    mx_pg_put_text(&params, name);
    MX_TRY(mx_pg_call(pg, MX_PG_SOURCE_ROWS, &params, &result, "reading a source", err));
    *rows = PQntuples(result) > 0 ? mx_pg_int(result, 0, 0) : 0;
    PQclear(result);
    return MERX_OK;
}

static merx_status write_source(mx_pg *pg, merx_error *err)
{
    mx_pg_params params = {0};

    mx_pg_put_text(&params, (mx_str){pg->source, pg->source_size});
    mx_pg_put_int(&params, pg->source_rows, 8);
    return mx_pg_call(pg, MX_PG_SOURCE_SET_ROWS, &params, NULL, "writing a source", err);
}

static merx_status use_source(mx_pg *pg, mx_str name, merx_error *err)
{
    if (mx_str_equal(name, (mx_str){pg->source, pg->source_size}))
        return MERX_OK;
    pg->source_size = 0;
    MX_TRY(mx_pg_source_rows(pg, name, &pg->source_rows, err));
    memcpy(pg->source, name.data, name.size);
    pg->source_size = name.size;
    return MERX_OK;
}

/* ---- COPY ---- */

/*
 * A copy under way. While it is, the connection takes nothing else, so a source is looked up and its watermark written between two copies.
 */
typedef struct mx_copy {
    mx_pg *pg;
    char *buffer;
    size_t used;
    bool open, moved; /* moved: the source's watermark is to be written */
    bool trying;      /* behind a savepoint */
} mx_copy;

/* The most that one event takes: every column's size, and its bytes. */
#define EVENT_BYTES_MAX (2 + 15 * 4 + 5 * 8 + 2 + 16 + 6 * MX_ID_MAX + 2 * MX_NAME_MAX)
_Static_assert(EVENT_BYTES_MAX + 64 < COPY_BYTES, "an event fits into the buffer");

static merx_status send(mx_copy *copy, merx_error *err)
{
    if (copy->used > 0 && PQputCopyData(copy->pg->conn, copy->buffer, (int)copy->used) != 1)
        return mx_pg_fail(copy->pg, NULL, "writing events", err);
    copy->used = 0;
    return MERX_OK;
}

static merx_status copy_open(mx_copy *copy, merx_error *err)
{
    static const char head[19] = "PGCOPY\n\377\r\n"; /* then flags and the size of an extension: zeros */
    mx_pg *pg = copy->pg;

    if (copy->open)
        return MERX_OK;
    /* What follows COPY is done when it has ended well. */
    PGresult *result =
        PQexec(pg->conn, copy->trying ? "SAVEPOINT merx_chunk; " COPY_SQL "; RELEASE SAVEPOINT merx_chunk" : COPY_SQL);
    merx_status status = MERX_OK;
    if (PQresultStatus(result) != PGRES_COPY_IN)
        status = mx_pg_fail(pg, result, "writing events", err);
    PQclear(result);
    if (status != MERX_OK)
        return status;
    memcpy(copy->buffer, head, sizeof head);
    copy->used = sizeof head;
    copy->open = true;
    return MERX_OK;
}

/* Ends the copy: with what it holds, or (abandon) with nothing, so that the connection can be used. */
static merx_status copy_close(mx_copy *copy, bool abandon, merx_error *err)
{
    mx_pg *pg = copy->pg;
    merx_status status = MERX_OK;
    PGresult *result;

    if (!copy->open)
        return MERX_OK;
    copy->open = false;
    if (!abandon) {
        mx_pg_encode(copy->buffer + copy->used, -1, 2);
        copy->used += 2;
        status = send(copy, err);
    }
    if (PQputCopyEnd(pg->conn, abandon ? "abandoned" : NULL) != 1 && status == MERX_OK)
        status = mx_pg_fail(pg, NULL, "writing events", err);
    while ((result = PQgetResult(pg->conn)) != NULL) {
        if (PQresultStatus(result) != PGRES_COMMAND_OK && status == MERX_OK && !abandon)
            status = mx_pg_fail(pg, result, "writing events", err);
        PQclear(result);
        if (PQstatus(pg->conn) != CONNECTION_OK)
            break;
    }
    return status;
}

static void copy_int(mx_copy *copy, bool there, int64_t value, size_t width)
{
    mx_pg_encode(copy->buffer + copy->used, there ? (int64_t)width : -1, 4);
    copy->used += 4;
    if (!there)
        return;
    mx_pg_encode(copy->buffer + copy->used, value, width);
    copy->used += width;
}

static void copy_bytes(mx_copy *copy, const void *bytes, size_t size)
{
    mx_pg_encode(copy->buffer + copy->used, size > 0 ? (int64_t)size : -1, 4);
    copy->used += 4;
    if (size > 0)
        memcpy(copy->buffer + copy->used, bytes, size);
    copy->used += size;
}

static merx_status copy_event(mx_copy *copy, const mx_event *event, merx_error *err)
{
    mx_pg_meta *meta = &copy->pg->meta;
    unsigned char uid[16];
    const bool is_uid = mx_uuid_parse(event->id, uid);

    MX_TRY(copy_open(copy, err));
    if (copy->used + EVENT_BYTES_MAX + 2 > COPY_BYTES)
        MX_TRY(send(copy, err));
    mx_pg_encode(copy->buffer + copy->used, COPY_COLUMNS, 2);
    copy->used += 2;
    copy_int(copy, true, meta->next_offset, 8);
    copy_bytes(copy, event->id.data, is_uid ? 0 : event->id.size);
    copy_bytes(copy, event->source.data, event->source.size);
    copy_int(copy, event->source.size > 0, (int64_t)event->row, 8);
    copy_int(copy, true, event->time_ms, 8);
    copy_int(copy, true, event->kind, 2);
    copy_bytes(copy, event->customer.data, event->customer.size);
    copy_bytes(copy, event->product.data, event->product.size);
    copy_bytes(copy, event->order.data, event->order.size);
    copy_bytes(copy, event->session.data, event->session.size);
    copy_int(copy, true, event->quantity, 4);
    copy_int(copy, event->has_price, event->price_minor, 8);
    copy_bytes(copy, event->title.data, event->title.size);
    copy_bytes(copy, event->country.data, event->country.size);
    copy_bytes(copy, uid, is_uid ? sizeof uid : 0);

    meta->next_offset++;
    if (event->time_ms < meta->max_time_ms)
        meta->disordered = 1;
    else
        meta->max_time_ms = event->time_ms;
    return MERX_OK;
}

/* Whether the event was taken before; moves the source's watermark when it is identified by its row. */
static merx_status known(mx_copy *copy, mx_dict *seen, const mx_event *event, bool *taken, merx_error *err)
{
    mx_pg *pg = copy->pg;
    int32_t code;
    bool added;

    if (event->id.size > 0) {
        MX_TRY(mx_dict_add(seen, event->id, &code, &added, err));
        *taken = !added;
        return MERX_OK;
    }
    if (!mx_str_equal(event->source, (mx_str){pg->source, pg->source_size})) {
        MX_TRY(copy_close(copy, false, err));
        if (copy->moved)
            MX_TRY(write_source(pg, err));
        copy->moved = false;
        MX_TRY(use_source(pg, event->source, err));
    }
    *taken = (int64_t)event->row < pg->source_rows;
    if (!*taken) {
        pg->source_rows = (int64_t)event->row + 1;
        copy->moved = true;
    }
    return MERX_OK;
}

/* seen: ids not to be taken; those taken are added. */
static merx_status copy_chunk(mx_copy *copy, const mx_event *events, size_t n, mx_dict *seen, uint64_t *appended,
                              merx_error *err)
{
    merx_status status = MERX_OK;
    bool taken = false;

    for (size_t i = 0; i < n && status == MERX_OK; i++) {
        status = known(copy, seen, &events[i], &taken, err);
        if (status == MERX_OK && !taken) {
            status = copy_event(copy, &events[i], err);
            ++*appended;
        }
    }
    merx_status closed = copy_close(copy, status != MERX_OK, err);
    if (status == MERX_OK)
        status = closed;
    if (status == MERX_OK && copy->moved)
        status = write_source(copy->pg, err);
    copy->moved = false;
    return status;
}

/* Whether the chunk may be tried without a question: all of its events have ids, so that it is one COPY. */
static bool may_try(const mx_pg *pg, const mx_event *events, size_t n)
{
    if (pg->cautious > 0 || n < TRY_FIRST)
        return false;
    for (size_t i = 0; i < n; i++)
        if (events[i].id.size == 0)
            return false;
    return true;
}

/* *tried false: an id was known, and nothing has changed. */
static merx_status try_chunk(mx_copy *copy, const mx_event *events, size_t n, uint64_t *appended, bool *tried,
                             merx_error *err)
{
    mx_pg *pg = copy->pg;
    const mx_pg_meta meta = pg->meta;
    const uint64_t before = *appended;
    merx_error failure = {0};
    mx_dict *seen;

    *tried = true;
    MX_TRY(mx_dict_new(pg->alloc, INT32_MAX, &seen, err));
    copy->trying = true;
    merx_status status = copy_chunk(copy, events, n, seen, appended, &failure);
    copy->trying = false;
    mx_dict_free(seen);
    if (status == MERX_OK)
        return MERX_OK;
    if (status != MERX_E_EXISTS)
        return mx_error_set(err, status, failure.where, "%s", failure.message);
    *tried = false;
    pg->cautious = CAUTIOUS;
    pg->meta = meta;
    *appended = before;
    return mx_pg_exec(pg, "ROLLBACK TO SAVEPOINT merx_chunk; RELEASE SAVEPOINT merx_chunk", NULL, "writing events",
                      err);
}

static merx_status append_chunk(mx_copy *copy, const mx_event *events, size_t n, uint64_t *appended, merx_error *err)
{
    mx_pg *pg = copy->pg;
    bool tried = false;
    mx_dict *seen;

    if (may_try(pg, events, n)) {
        MX_TRY(try_chunk(copy, events, n, appended, &tried, err));
        if (tried)
            return MERX_OK;
    }
    if (pg->cautious > 0)
        pg->cautious--;
    MX_TRY(mx_dict_new(pg->alloc, INT32_MAX, &seen, err));
    merx_status status = find_known(pg, events, n, seen, err);
    if (status == MERX_OK)
        status = copy_chunk(copy, events, n, seen, appended, err);
    mx_dict_free(seen);
    return status;
}

merx_status mx_pg_append(void *state, const mx_event *events, size_t n, uint64_t *appended, merx_error *err)
{
    mx_pg *pg = state;
    mx_copy copy = {.pg = pg};
    merx_status status = MERX_OK;

    if (pg->lost)
        MX_FAIL(err, MERX_E_IO, pg->place, "the connection was lost; the transaction is gone");
    pg->wrote = true;
    MX_TRY(mx_alloc_array_raw(pg->alloc, COPY_BYTES, 1, "events on their way", &copy.buffer, err));
    for (size_t i = 0; i < n && status == MERX_OK; i += CHUNK)
        status = append_chunk(&copy, events + i, n - i < CHUNK ? n - i : CHUNK, appended, err);
    mx_free_array(pg->alloc, copy.buffer, COPY_BYTES, 1);
    return status;
}
