/*
 * The index of event ids in memory: the ids since the last run, and the filter over the runs (sqlite_ids.h has the idea).
 */
#include "store/drivers/sqlite_ids.h"

#include <string.h>

#include "store/drivers/sqlite_store.h"

/*
 * A filter has at least 8 bits an id when it is full, 16 and more while it grows: 3 to 0.1 % of new ids are looked for in vain. It may take
 * FILTER_SHARE times cache_bytes; beyond that there are fewer bits an id, and more of them are looked for.
 */
enum { FILTER_SHARE = 4, BLOCK_WORDS = 8, BITS_FULL = 8, PROBES = 6 };

uint64_t mx_sqlite_id_hash(const mx_sqlite *store, mx_str id)
{
    return mx_hash64(id.data, id.size, (uint64_t)store->meta.id_seed);
}

/* ---- the filter: blocks of 512 bits; the low bits of the hash choose the block, six times nine others the bits ---- */

static uint64_t *filter_block(const mx_ids *ids, uint64_t hash)
{
    return ids->filter + (hash & (ids->filter_words / BLOCK_WORDS - 1)) * BLOCK_WORDS;
}

void mx_sqlite_ids_filter_add(mx_ids *ids, uint64_t hash)
{
    uint64_t *block = filter_block(ids, hash), bits = hash * UINT64_C(0x9E3779B185EBCA87);

    for (int i = 0; i < PROBES; i++, bits >>= 9)
        block[bits >> 6 & 7] |= UINT64_C(1) << (bits & 63);
    ids->filter_count++;
}

static bool filter_has(const mx_ids *ids, uint64_t hash)
{
    const uint64_t *block = filter_block(ids, hash);
    uint64_t bits = hash * UINT64_C(0x9E3779B185EBCA87), all = 1;

    for (int i = 0; i < PROBES; i++, bits >>= 9)
        all &= block[bits >> 6 & 7] >> (bits & 63);
    return (all & 1) != 0;
}

static void drop_filter(mx_sqlite *store)
{
    mx_ids *ids = &store->ids;

    MX_FREE_ARRAY(store->alloc, ids->filter, ids->filter_words);
    ids->filter = NULL;
    ids->filter_words = 0;
    ids->filter_count = ids->filter_most = 0;
    ids->filter_known = false;
}

/* A filter with room for `count` ids and as many again, filled from the runs. */
static merx_status read_filter(mx_sqlite *store, uint64_t count, merx_error *err)
{
    mx_ids *ids = &store->ids;
    const uint64_t most_words = store->cache_bytes * FILTER_SHARE / sizeof *ids->filter;
    uint64_t words = BLOCK_WORDS;

    drop_filter(store);
    while (words * 64 < count * 2 * BITS_FULL && words * 2 <= most_words)
        words *= 2;
    MX_TRY(MX_NEW_ARRAY(store->alloc, (size_t)words, &ids->filter, "filter of ids", err));
    ids->filter_words = (size_t)words;
    mx_wish_large_pages(ids->filter, (size_t)words * sizeof *ids->filter);
    ids->filter_most = words * 2 > most_words ? UINT64_MAX : words * 64 / BITS_FULL;
    MX_TRY(mx_sqlite_runs_filter(store, err));
    ids->filter_known = true;
    return MERX_OK;
}

static uint64_t indexed_count(const mx_ids *ids)
{
    uint64_t count = 0;

    for (int level = 0; level < MX_ID_LEVELS; level++)
        for (size_t i = 0; i < ids->run_count[level]; i++)
            count += (uint64_t)ids->runs[level][i].entries;
    return count;
}

/* ---- recent ---- */

static void slot_in(mx_ids *ids, size_t index)
{
    size_t mask = ids->slot_count - 1, slot = (size_t)(ids->recent[index].hash >> 20) & mask;

    while (ids->slots[slot] != 0)
        slot = (slot + 1) & mask;
    ids->slots[slot] = (uint32_t)index + 1;
}

static void slot_all(mx_ids *ids)
{
    if (ids->slot_count > 0)
        memset(ids->slots, 0, ids->slot_count * sizeof *ids->slots);
    for (size_t i = 0; i < ids->count; i++)
        slot_in(ids, i);
}

static void drop_recent(mx_sqlite *store)
{
    mx_ids *ids = &store->ids;

    MX_FREE_ARRAY(store->alloc, ids->recent, ids->capacity);
    MX_FREE_ARRAY(store->alloc, ids->slots, ids->slot_count);
    ids->recent = NULL;
    ids->slots = NULL;
    ids->count = ids->capacity = ids->slot_count = 0;
}

static merx_status grow_recent(mx_sqlite *store, merx_error *err)
{
    mx_ids *ids = &store->ids;
    size_t capacity = ids->capacity > 0 ? ids->capacity * 2 : MX_ID_RECENT_MIN, slots = 2;
    mx_id_entry *recent;
    uint32_t *table;

    if (capacity > ids->max)
        capacity = ids->max;
    while (slots < 2 * capacity)
        slots *= 2;
    MX_TRY(mx_alloc_array_raw(store->alloc, capacity, sizeof *recent, "recent ids", &recent, err));
    merx_status status = MX_NEW_ARRAY(store->alloc, slots, &table, "recent ids", err);
    if (status != MERX_OK) {
        MX_FREE_ARRAY(store->alloc, recent, capacity);
        return status;
    }
    size_t count = ids->count;
    if (count > 0)
        memcpy(recent, ids->recent, count * sizeof *recent);
    drop_recent(store);
    ids->recent = recent;
    ids->slots = table;
    ids->capacity = capacity;
    ids->slot_count = slots;
    ids->count = count;
    slot_all(ids);
    return MERX_OK;
}

/* Writes what is recent as a run; then nothing is. */
static merx_status write_run(mx_sqlite *store, merx_error *err)
{
    mx_ids *ids = &store->ids;

    if (ids->count > 0) {
        MX_TRY(mx_sqlite_runs_add(store, ids->recent, ids->count, err));
        if (ids->filter_count + ids->count > ids->filter_most)
            MX_TRY(read_filter(store, indexed_count(ids), err));
        else
            for (size_t i = 0; i < ids->count; i++) {
                __builtin_prefetch(filter_block(ids, ids->recent[i + 16 < ids->count ? i + 16 : i].hash));
                mx_sqlite_ids_filter_add(ids, ids->recent[i].hash);
            }
    }
    ids->count = 0;
    slot_all(ids);
    ids->rewritten = true;
    ids->indexed = ids->seen;
    store->meta.indexed = ids->seen;
    store->meta.unindexed = 0;
    store->meta_changed = true;
    return MERX_OK;
}

/* To recent, which is written first when it is full. */
static merx_status put_recent(mx_sqlite *store, uint64_t hash, int64_t offset, merx_error *err)
{
    mx_ids *ids = &store->ids;

    if (ids->count == ids->max) {
        MX_TRY(write_run(store, err));
        MX_TRY(mx_sqlite_runs_work(store, ids->max, err));
    }
    if (ids->count == ids->capacity)
        MX_TRY(grow_recent(store, err));
    ids->recent[ids->count++] = (mx_id_entry){hash, offset};
    slot_in(ids, ids->count - 1);
    ids->seen = offset;
    return MERX_OK;
}

merx_status mx_sqlite_ids_add(mx_sqlite *store, uint64_t hash, int64_t offset, merx_error *err)
{
    MX_TRY(put_recent(store, hash, offset, err));
    store->meta.unindexed++; /* meta is written anyway: the next offset has moved */
    return MERX_OK;
}

/* Ids of the log that are in no run and not in memory: another process wrote them, or this one just opened. */
static merx_status read_log(mx_sqlite *store, merx_error *err)
{
    mx_ids *ids = &store->ids;
    const int64_t last = store->meta.next_offset - 1;
    char buffer[MX_UUID_TEXT];
    sqlite3_stmt *rows;
    bool row;

    if (store->meta.unindexed > 0 && ids->seen < last) {
        MX_TRY(mx_sqlite_statement(store, MX_SQL_EVENT_IDS, &rows, err));
        MX_TRY(mx_sqlite_bind_int(store, rows, 1, ids->seen, err));
        for (;;) {
            MX_TRY(mx_sqlite_step(store, rows, &row, "reading ids", err));
            if (!row)
                break;
            mx_str id = mx_sqlite_event_id(rows, 1, buffer);
            merx_status status = put_recent(store, mx_sqlite_id_hash(store, id), sqlite3_column_int64(rows, 0), err);
            if (status != MERX_OK) {
                sqlite3_reset(rows);
                return status;
            }
        }
    }
    ids->seen = last;
    store->meta.unindexed = (int64_t)ids->count;
    return MERX_OK;
}

/* ---- the transaction ---- */

static void forget_all(mx_sqlite *store)
{
    drop_recent(store);
    drop_filter(store);
    store->ids.runs_known = false;
    store->ids.seen = -1;
}

void mx_sqlite_ids_begin(mx_sqlite *store)
{
    mx_ids *ids = &store->ids;
    uint64_t max = store->cache_bytes / 128;

    ids->max = max > MX_ID_RECENT_MAX ? MX_ID_RECENT_MAX : max < MX_ID_RECENT_MIN ? MX_ID_RECENT_MIN : (size_t)max;
    if (store->meta.erasures != ids->erasures || store->meta.indexed != ids->indexed || ids->seen < 0) {
        forget_all(store);
        ids->erasures = store->meta.erasures;
        ids->indexed = store->meta.indexed;
        ids->seen = store->meta.indexed;
    }
    ids->rewritten = false;
    ids->begun_count = ids->count;
    ids->begun_seen = ids->seen;
}

void mx_sqlite_ids_rollback(mx_sqlite *store)
{
    mx_ids *ids = &store->ids;

    if (ids->rewritten) {
        forget_all(store);
    } else if (ids->count > ids->begun_count) {
        ids->count = ids->begun_count;
        slot_all(ids);
    }
    if (ids->seen >= 0)
        ids->seen = ids->begun_seen;
    ids->rewritten = false;
}

void mx_sqlite_ids_release(mx_sqlite *store)
{
    forget_all(store);
}

merx_status mx_sqlite_ids_ready(mx_sqlite *store, merx_error *err)
{
    mx_ids *ids = &store->ids;

    if (!ids->runs_known) {
        MX_TRY(mx_sqlite_runs_load(store, err));
        ids->runs_known = true;
    }
    if (!ids->filter_known)
        MX_TRY(read_filter(store, indexed_count(ids), err));
    return ids->seen < store->meta.next_offset - 1 ? read_log(store, err) : MERX_OK;
}

merx_status mx_sqlite_ids_settle(mx_sqlite *store, merx_error *err)
{
    mx_ids *ids = &store->ids;
    const int64_t last = store->meta.next_offset - 1;

    if (store->meta.unindexed == 0) {
        /* No id waits: what follows is read from here. A commit that changed nothing else need not say so. */
        if (store->meta_changed && store->meta.indexed < last) {
            store->meta.indexed = ids->indexed = last;
            ids->seen = last;
        }
        return MERX_OK;
    }
    if (last - store->meta.indexed <= (int64_t)ids->max * MX_ID_FAN)
        return MERX_OK;
    MX_TRY(mx_sqlite_ids_ready(store, err));
    return write_run(store, err);
}

/* ---- looking ---- */

void mx_sqlite_ids_prefetch(const mx_sqlite *store, uint64_t hash)
{
    const mx_ids *ids = &store->ids;

    if (ids->filter_words > 0)
        __builtin_prefetch(filter_block(ids, hash));
    if (ids->slot_count > 0)
        __builtin_prefetch(&ids->slots[(size_t)(hash >> 20) & (ids->slot_count - 1)]);
}

typedef struct wanted {
    mx_str id;
    int64_t offset; /* found; 0: not */
} wanted;

/* Whether the event of that offset has that id. */
static merx_status compare(mx_sqlite *store, void *context, int64_t offset, bool *end, merx_error *err)
{
    wanted *w = context;
    const mx_waiting *waiting = &store->waiting;
    char buffer[MX_UUID_TEXT];
    sqlite3_stmt *statement;
    bool row;

    for (size_t i = 0; i < waiting->count; i++)
        if (waiting->values[i][0] == offset) {
            *end = mx_str_equal(waiting->ids[i], w->id);
            w->offset = *end ? offset : w->offset;
            return MERX_OK;
        }
    MX_TRY(mx_sqlite_statement(store, MX_SQL_EVENT_ID, &statement, err));
    MX_TRY(mx_sqlite_bind_int(store, statement, 1, offset, err));
    MX_TRY(mx_sqlite_step(store, statement, &row, "looking an event up", err));
    if (row && mx_str_equal(mx_sqlite_event_id(statement, 0, buffer), w->id)) {
        *end = true;
        w->offset = offset;
    }
    sqlite3_reset(statement);
    return MERX_OK;
}

merx_status mx_sqlite_ids_find(mx_sqlite *store, uint64_t hash, mx_str id, bool *found, merx_error *err)
{
    const mx_ids *ids = &store->ids;
    wanted w = {.id = id};
    bool end = false;

    if (ids->slot_count > 0) {
        size_t mask = ids->slot_count - 1, slot = (size_t)(hash >> 20) & mask;
        for (; ids->slots[slot] != 0 && !end; slot = (slot + 1) & mask) {
            mx_id_entry entry = ids->recent[ids->slots[slot] - 1];
            if (entry.hash == hash)
                MX_TRY(compare(store, &w, entry.offset, &end, err));
        }
    }
    if (!end && filter_has(ids, hash))
        MX_TRY(mx_sqlite_runs_find(store, hash, compare, &w, err));
    *found = w.offset > 0;
    return MERX_OK;
}

merx_status mx_sqlite_ids_offset(mx_sqlite *store, mx_str id, int64_t *offset, merx_error *err)
{
    wanted w = {.id = id};
    unsigned char uuid[16];
    sqlite3_stmt *log;
    bool row;

    *offset = 0;
    if (!store->begun || !store->ids.runs_known) {
        MX_TRY(mx_sqlite_runs_load(store, err));
        store->ids.runs_known = store->begun && !store->read_only;
    }
    MX_TRY(mx_sqlite_runs_find(store, mx_sqlite_id_hash(store, id), compare, &w, err));
    if (w.offset == 0 && store->meta.unindexed > 0) {
        MX_TRY(mx_sqlite_statement(store, MX_SQL_EVENT_FIND, &log, err));
        MX_TRY(mx_sqlite_bind_int(store, log, 1, store->meta.indexed, err));
        MX_TRY(mx_sqlite_bind_text(store, log, 2, id, err));
        if (mx_uuid_parse(id, uuid))
            sqlite3_bind_blob(log, 3, uuid, sizeof uuid, SQLITE_STATIC);
        else
            sqlite3_bind_null(log, 3);
        merx_status status = mx_sqlite_step(store, log, &row, "looking an event up", err);
        if (status == MERX_OK && row)
            w.offset = sqlite3_column_int64(log, 0);
        sqlite3_reset(log);
        sqlite3_clear_bindings(log); /* they are the caller's and this frame's */
        if (status != MERX_OK)
            return status;
    }
    *offset = w.offset;
    return MERX_OK;
}

/* ---- erasing ---- */

merx_status mx_sqlite_ids_erase(mx_sqlite *store, const mx_range *ranges, size_t n, merx_error *err)
{
    mx_ids *ids = &store->ids;
    size_t kept = 0;

    if (n == 0)
        return MERX_OK;
    ids->rewritten = true;
    if (!ids->runs_known) {
        MX_TRY(mx_sqlite_runs_load(store, err));
        ids->runs_known = true;
    }
    for (size_t i = 0; i < ids->count; i++)
        if (!mx_range_holds(ranges, n, ids->recent[i].offset))
            ids->recent[kept++] = ids->recent[i];
    ids->count = kept;
    slot_all(ids);
    return mx_sqlite_runs_erase(store, ranges, n, err);
}
