/*
 * The part on disk of the index of event ids: runs, their merging, and looking into them (sqlite_ids.h has the idea).
 */
#include <stdio.h>
#include <string.h>

#include "store/drivers/sqlite_store.h"

enum { STEPS = 64 }; /* of merging a level while a `recent` fills; 32 would just keep up */
#define BASE_BITS 8
#define FAN_BITS 3
#define PLACE_BITS 24
#define ENTRY sizeof(mx_id_entry)

static const char *const id_sqls[MX_ID_SQLS] = {
    [MX_ID_GET] = "SELECT entries FROM ids@ WHERE place = ?1",
    [MX_ID_ADD] = "INSERT INTO ids@ (place, entries) VALUES (?1, ?2)",
    [MX_ID_SET] = "UPDATE ids@ SET entries = ?2 WHERE place = ?1",
    [MX_ID_DROP] = "DELETE FROM ids@ WHERE place = ?1",
    [MX_ID_ALL] = "SELECT place, entries FROM ids@",
};

static int bits_of(int level)
{
    return BASE_BITS + FAN_BITS * level;
}

static int64_t partitions_of(int level)
{
    return INT64_C(1) << bits_of(level);
}

static int64_t place_of(int64_t run, int64_t partition)
{
    return (int64_t)((uint64_t)run << PLACE_BITS) | partition;
}

static merx_status statement_of(mx_sqlite *store, int level, mx_id_sql sql, sqlite3_stmt **out, merx_error *err)
{
    char text[80];

    snprintf(text, sizeof text, "%s", id_sqls[sql]);
    *strchr(text, '@') = (char)('0' + level);
    return mx_sqlite_prepared(store, &store->id_statements[level][sql], text, out, err);
}

/* The entries of a row of the table; their number. */
static merx_status entries_of(mx_sqlite *store, sqlite3_stmt *row, int column, const mx_id_entry **entries, size_t *n,
                              merx_error *err)
{
    size_t size;

    *entries = sqlite3_column_blob(row, column);
    size = (size_t)sqlite3_column_bytes(row, column);
    if (size % ENTRY != 0 || (size > 0 && *entries == NULL))
        MX_FAIL(err, MERX_E_CORRUPT, store->path, "a row of the index of ids has %zu bytes", size);
    *n = size / ENTRY;
    return MERX_OK;
}

/* Entry i; SQLite's blobs have no alignment. */
static mx_id_entry entry_at(const mx_id_entry *entries, size_t i)
{
    mx_id_entry entry;
    memcpy(&entry, (const char *)entries + i * ENTRY, ENTRY);
    return entry;
}

merx_status mx_sqlite_runs_load(mx_sqlite *store, merx_error *err)
{
    mx_ids *ids = &store->ids;
    sqlite3_stmt *rows;
    bool row;

    memset(ids->run_count, 0, sizeof ids->run_count);
    MX_TRY(mx_sqlite_statement(store, MX_SQL_RUNS, &rows, err));
    for (;;) {
        MX_TRY(mx_sqlite_step(store, rows, &row, "reading the index of ids", err));
        if (!row)
            return MERX_OK;
        int64_t level = sqlite3_column_int64(rows, 0);
        if (level < 0 || level >= MX_ID_LEVELS || ids->run_count[level] == MX_ID_RUNS) {
            sqlite3_reset(rows);
            MX_FAIL(err, MERX_E_CORRUPT, store->path, "the index of ids has a run too many of level %lld",
                    (long long)level);
        }
        ids->runs[level][ids->run_count[level]++] =
            (mx_id_run){sqlite3_column_int64(rows, 1), sqlite3_column_int64(rows, 2), sqlite3_column_int64(rows, 3)};
    }
}

/* ---- writing ---- */

static merx_status write_partition(mx_sqlite *store, int level, int64_t place, const mx_id_entry *entries, size_t n,
                                   merx_error *err)
{
    sqlite3_stmt *add;

    if (n == 0)
        return MERX_OK;
    MX_TRY(statement_of(store, level, MX_ID_ADD, &add, err));
    MX_TRY(mx_sqlite_bind_int(store, add, 1, place, err));
    int rc = sqlite3_bind_blob64(add, 2, entries, n * ENTRY, SQLITE_STATIC);
    if (rc != SQLITE_OK)
        return mx_sqlite_fail(store, rc, "binding ids", err);
    merx_status status = mx_sqlite_run(store, add, "writing the index of ids", err);
    sqlite3_clear_bindings(add); /* the entries are the caller's */
    return status;
}

/*
 * Writes entries (n) as the partitions of a run from `first` on, `count` of them, by the bits of the hash that follow the first `skip`.
 * scratch (n) written.
 */
static merx_status write_partitions(mx_sqlite *store, int level, int64_t run, int64_t first, size_t count,
                                    const mx_id_entry *entries, size_t n, mx_id_entry *scratch, merx_error *err)
{
    enum { MOST = 1 << BASE_BITS };
    size_t starts[MOST + 1] = {0}, at[MOST];
    const int shift = 64 - bits_of(level);

    for (size_t i = 0; i < n; i++)
        starts[(entry_at(entries, i).hash >> shift) % count + 1]++;
    for (size_t p = 0; p < count; p++) {
        starts[p + 1] += starts[p];
        at[p] = starts[p];
    }
    for (size_t i = 0; i < n; i++) {
        mx_id_entry entry = entry_at(entries, i);
        scratch[at[(entry.hash >> shift) % count]++] = entry;
    }
    for (size_t p = 0; p < count; p++)
        MX_TRY(write_partition(store, level, place_of(run, first + (int64_t)p), scratch + starts[p],
                               starts[p + 1] - starts[p], err));
    return MERX_OK;
}

static merx_status note_run(mx_sqlite *store, int level, const mx_id_run *run, merx_error *err)
{
    const int64_t values[] = {level, run->run, run->done, run->entries};
    sqlite3_stmt *set;

    store->ids.rewritten = true;
    MX_TRY(mx_sqlite_statement(store, MX_SQL_RUN_SET, &set, err));
    for (int i = 0; i < 4; i++)
        MX_TRY(mx_sqlite_bind_int(store, set, i + 1, values[i], err));
    return mx_sqlite_run(store, set, "writing the index of ids", err);
}

/* A new run, the newest of its level. */
static merx_status new_run(mx_sqlite *store, int level, mx_id_run **out, merx_error *err)
{
    mx_ids *ids = &store->ids;
    size_t n = ids->run_count[level];

    if (n == MX_ID_RUNS)
        MX_FAIL(err, MERX_E_LIMIT, store->path, "the index of ids is full");
    mx_id_run *run = &ids->runs[level][n];
    *run = (mx_id_run){.run = n > 0 ? run[-1].run + 1 : 1};
    ids->run_count[level]++;
    *out = run;
    return MERX_OK;
}

merx_status mx_sqlite_runs_add(mx_sqlite *store, const mx_id_entry *entries, size_t n, merx_error *err)
{
    mx_id_entry *scratch = NULL;
    mx_id_run *run = NULL;

    MX_TRY(new_run(store, 0, &run, err));
    run->done = partitions_of(0);
    run->entries = (int64_t)n;
    MX_TRY(note_run(store, 0, run, err));
    MX_TRY(mx_alloc_array_raw(store->alloc, n, ENTRY, "ids", &scratch, err));
    merx_status status = write_partitions(store, 0, run->run, 0, (size_t)partitions_of(0), entries, n, scratch, err);
    MX_FREE_ARRAY(store->alloc, scratch, n);
    return status;
}

/* ---- merging ---- */

/* Adds what a source has in the partition to gathered, and deletes it there. */
static merx_status take_partition(mx_sqlite *store, int level, int64_t place, mx_vec *gathered, merx_error *err)
{
    sqlite3_stmt *get, *drop;
    const mx_id_entry *entries;
    size_t n;
    bool row;

    MX_TRY(statement_of(store, level, MX_ID_GET, &get, err));
    MX_TRY(mx_sqlite_bind_int(store, get, 1, place, err));
    MX_TRY(mx_sqlite_step(store, get, &row, "reading the index of ids", err));
    if (!row)
        return MERX_OK;
    merx_status status = entries_of(store, get, 0, &entries, &n, err);
    if (status == MERX_OK)
        status = mx_vec_append(gathered, entries, n, err);
    sqlite3_reset(get);
    if (status != MERX_OK)
        return status;
    MX_TRY(statement_of(store, level, MX_ID_DROP, &drop, err));
    MX_TRY(mx_sqlite_bind_int(store, drop, 1, place, err));
    return mx_sqlite_run(store, drop, "writing the index of ids", err);
}

static merx_status drop_sources(mx_sqlite *store, int level, merx_error *err)
{
    mx_ids *ids = &store->ids;
    sqlite3_stmt *drop;

    MX_TRY(mx_sqlite_statement(store, MX_SQL_RUNS_DROP, &drop, err));
    MX_TRY(mx_sqlite_bind_int(store, drop, 1, level, err));
    MX_TRY(mx_sqlite_bind_int(store, drop, 2, ids->runs[level][MX_ID_FAN - 1].run, err));
    MX_TRY(mx_sqlite_run(store, drop, "writing the index of ids", err));
    ids->run_count[level] -= MX_ID_FAN;
    memmove(ids->runs[level], ids->runs[level] + MX_ID_FAN, ids->run_count[level] * sizeof(mx_id_run));
    return MERX_OK;
}

/* Merges the next partition of the oldest runs of a level. */
static merx_status merge_partition(mx_sqlite *store, int level, mx_id_run *target, mx_vec *gathered, merx_error *err)
{
    const int64_t partition = target->done >> FAN_BITS;
    mx_id_entry *scratch;

    mx_vec_clear(gathered);
    for (size_t i = 0; i < MX_ID_FAN; i++)
        MX_TRY(take_partition(store, level, place_of(store->ids.runs[level][i].run, partition), gathered, err));
    size_t n = gathered->count;
    if (n > 0) {
        MX_TRY(mx_vec_push(gathered, n, &scratch, err)); /* may move the rest */
        MX_TRY(
            write_partitions(store, level + 1, target->run, target->done, MX_ID_FAN, gathered->data, n, scratch, err));
    }
    target->done += MX_ID_FAN;
    target->entries += (int64_t)n;
    return MERX_OK;
}

/* Up to `steps` partitions of the merge of a level, if it has one to do. */
static merx_status merge(mx_sqlite *store, int level, uint64_t steps, merx_error *err)
{
    mx_ids *ids = &store->ids;
    mx_id_run *target = NULL;

    if (level + 1 >= MX_ID_LEVELS || ids->run_count[level] < MX_ID_FAN ||
        ids->runs[level][MX_ID_FAN - 1].done < partitions_of(level))
        return MERX_OK;
    size_t above = ids->run_count[level + 1];
    if (above > 0 && ids->runs[level + 1][above - 1].done < partitions_of(level + 1))
        target = &ids->runs[level + 1][above - 1];
    else
        MX_TRY(new_run(store, level + 1, &target, err));
    ids->rewritten = true;
    mx_vec gathered = mx_vec_init(store->alloc, ENTRY, SIZE_MAX / ENTRY / 4, "ids");
    merx_status status = MERX_OK;
    while (status == MERX_OK && steps-- > 0 && target->done < partitions_of(level + 1))
        status = merge_partition(store, level, target, &gathered, err);
    mx_vec_release(&gathered);
    if (status == MERX_OK)
        status = note_run(store, level + 1, target, err);
    if (status == MERX_OK && target->done == partitions_of(level + 1))
        status = drop_sources(store, level, err);
    return status;
}

/* The entries that a merge leaves on free pages are still entries of the file, so they needn't be overwritten; erasing has the whole file written anew. */
static merx_status merge_all(mx_sqlite *store, uint64_t steps, merx_error *err)
{
    bool any = false;

    for (int level = 0; level + 1 < MX_ID_LEVELS; level++)
        any = any || store->ids.run_count[level] >= MX_ID_FAN;
    if (!any)
        return MERX_OK;
    MX_TRY(mx_sqlite_exec(store, "PRAGMA secure_delete = OFF", "writing the index of ids", err));
    merx_status status = MERX_OK;
    for (int level = 0; status == MERX_OK && level + 1 < MX_ID_LEVELS; level++)
        status = merge(store, level, steps, err);
    merx_status again =
        mx_sqlite_exec(store, "PRAGMA secure_delete = ON", "writing the index of ids", status == MERX_OK ? err : NULL);
    return status != MERX_OK ? status : again;
}

merx_status mx_sqlite_runs_work(mx_sqlite *store, uint64_t n, merx_error *err)
{
    mx_ids *ids = &store->ids;

    ids->due += n * STEPS;
    uint64_t steps = ids->due / ids->max;
    if (steps == 0)
        return MERX_OK;
    ids->due %= ids->max;
    return merge_all(store, steps, err);
}

/* ---- reading ---- */

static merx_status find_in(mx_sqlite *store, int level, int64_t run, uint64_t hash, mx_id_hit fn, void *context,
                           bool *end, merx_error *err)
{
    const mx_id_entry *entries;
    sqlite3_stmt *get;
    size_t n = 0;
    bool row;

    MX_TRY(statement_of(store, level, MX_ID_GET, &get, err));
    MX_TRY(mx_sqlite_bind_int(store, get, 1, place_of(run, (int64_t)(hash >> (64 - bits_of(level)))), err));
    MX_TRY(mx_sqlite_step(store, get, &row, "reading the index of ids", err));
    if (!row)
        return MERX_OK;
    merx_status status = entries_of(store, get, 0, &entries, &n, err);
    for (size_t i = 0; status == MERX_OK && i < n && !*end; i++) {
        mx_id_entry entry = entry_at(entries, i);
        if (entry.hash == hash)
            status = fn(store, context, entry.offset, end, err);
    }
    sqlite3_reset(get);
    return status;
}

merx_status mx_sqlite_runs_find(mx_sqlite *store, uint64_t hash, mx_id_hit fn, void *context, merx_error *err)
{
    const mx_ids *ids = &store->ids;
    bool end = false;

    for (int level = 0; level < MX_ID_LEVELS; level++)
        for (size_t i = ids->run_count[level]; i-- > 0 && !end;)
            MX_TRY(find_in(store, level, ids->runs[level][i].run, hash, fn, context, &end, err));
    return MERX_OK;
}

merx_status mx_sqlite_runs_filter(mx_sqlite *store, merx_error *err)
{
    const mx_id_entry *entries;
    sqlite3_stmt *rows;
    bool row;
    size_t n;

    for (int level = 0; level < MX_ID_LEVELS; level++) {
        if (store->ids.run_count[level] == 0)
            continue;
        MX_TRY(statement_of(store, level, MX_ID_ALL, &rows, err));
        for (;;) {
            MX_TRY(mx_sqlite_step(store, rows, &row, "reading the index of ids", err));
            if (!row)
                break;
            merx_status status = entries_of(store, rows, 1, &entries, &n, err);
            if (status != MERX_OK) {
                sqlite3_reset(rows);
                return status;
            }
            for (size_t i = 0; i < n; i++) {
                mx_sqlite_ids_prefetch(store, entry_at(entries, i + 16 < n ? i + 16 : i).hash);
                mx_sqlite_ids_filter_add(&store->ids, entry_at(entries, i).hash);
            }
        }
    }
    return MERX_OK;
}

/* ---- erasing ---- */

bool mx_range_holds(const mx_range *ranges, size_t n, int64_t offset)
{
    size_t low = 0, high = n; /* the first range whose last is >= offset */

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges[middle].last < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && ranges[low].first <= offset;
}

static merx_status put_back(mx_sqlite *store, int level, int64_t place, const mx_vec *kept, merx_error *err)
{
    const bool none = kept->count == 0;
    sqlite3_stmt *set;

    MX_TRY(statement_of(store, level, none ? MX_ID_DROP : MX_ID_SET, &set, err));
    MX_TRY(mx_sqlite_bind_int(store, set, 1, place, err));
    if (!none) {
        int rc = sqlite3_bind_blob64(set, 2, kept->data, kept->count * ENTRY, SQLITE_STATIC);
        if (rc != SQLITE_OK)
            return mx_sqlite_fail(store, rc, "binding ids", err);
    }
    merx_status status = mx_sqlite_run(store, set, "erasing ids", err);
    if (!none)
        sqlite3_clear_bindings(set);
    return status;
}

/* The rows of a level; a row may be changed while the statement stands on it. */
static merx_status erase_level(mx_sqlite *store, int level, const mx_range *ranges, size_t n, mx_vec *kept,
                               merx_error *err)
{
    const mx_id_entry *entries;
    sqlite3_stmt *rows;
    size_t count;
    bool row;

    MX_TRY(statement_of(store, level, MX_ID_ALL, &rows, err));
    for (;;) {
        MX_TRY(mx_sqlite_step(store, rows, &row, "erasing ids", err));
        if (!row)
            return MERX_OK;
        merx_status status = entries_of(store, rows, 1, &entries, &count, err);
        mx_vec_clear(kept);
        for (size_t i = 0; status == MERX_OK && i < count; i++) {
            mx_id_entry entry = entry_at(entries, i);
            if (!mx_range_holds(ranges, n, entry.offset))
                status = mx_vec_append(kept, &entry, 1, err);
        }
        if (status == MERX_OK && kept->count < count)
            status = put_back(store, level, sqlite3_column_int64(rows, 0), kept, err);
        if (status != MERX_OK) {
            sqlite3_reset(rows);
            return status;
        }
    }
}

merx_status mx_sqlite_runs_erase(mx_sqlite *store, const mx_range *ranges, size_t n, merx_error *err)
{
    mx_vec kept = mx_vec_init(store->alloc, ENTRY, SIZE_MAX / ENTRY / 4, "ids");
    merx_status status = MERX_OK;

    for (int level = 0; status == MERX_OK && level < MX_ID_LEVELS; level++)
        if (store->ids.run_count[level] > 0)
            status = erase_level(store, level, ranges, n, &kept, err);
    mx_vec_release(&kept);
    return status;
}
