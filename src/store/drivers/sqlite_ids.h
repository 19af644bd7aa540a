/*
 * Which event ids are known: an index beside the event log. Private to the SQLite driver.
 *
 * Ids are random, and a b-tree that is touched at random writes a page for nearly every event. So the log stays append-only, and the index is built
 * of pieces that are only ever written whole:
 *
 *   recent    events after meta.indexed: in memory alone, read back from the log by who writes first after opening. At most `max` ids.
 *   runs      a full `recent` is written as a run of level 0; MX_ID_FAN runs of a level are merged into one of the next, a partition at a time, in the
 *             transactions of the events that come meanwhile. Each id is written once per level.
 *   filter    a Bloom filter (blocks of 64 bytes) in memory over all runs: a new id nearly always ends here.
 *
 * A run of level l is divided by the highest bits of the hash into 2^(8 + 3 l) partitions, each a row of the table ids<l>: place = run << 24 | partition,
 * entries = (hash, offset) pairs of 16 bytes, in no order. A merge takes partition p of its sources, writes partitions 8 p ... 8 p + 7 of its target and
 * deletes what it took; whoever looks an id up asks every run, and a row that is not there holds nothing.
 *
 * Invariants
 *  1. Every event with an id and offset <= meta.indexed is in exactly one run, once; there is no entry of an event that was erased or removed.
 *  2. A hash says where to look, never that an id is known: each hit is compared with the id in the log.
 *  3. All of it changes in the transactions of the events themselves, so after kill -9 index and log fit each other.
 *  4. Of each level at most one run is unfinished (done < partitions), the newest; it is the target of the merge of the MX_ID_FAN oldest of the level below.
 */
#ifndef MX_STORE_SQLITE_IDS_H
#define MX_STORE_SQLITE_IDS_H

#include "store/records.h"

struct mx_sqlite;

#define MX_ID_LEVELS 6
#define MX_ID_FAN 8
#define MX_ID_RUNS 32            /* of a level; 13 are met in practice */
#define MX_ID_RECENT_MAX 114688u /* 256 partitions of 448 entries: a page of 8 KiB each */
#define MX_ID_RECENT_MIN 64u

typedef struct mx_id_entry {
    uint64_t hash;
    int64_t offset;
} mx_id_entry; /* as stored, little-endian */

typedef struct mx_id_run {
    int64_t run, done, entries; /* done: partitions written */
} mx_id_run;

/* What a writer remembers of it. */
typedef struct mx_ids {
    int64_t indexed;  /* meta.indexed that all of this belongs to */
    int64_t erasures; /* meta.erasures, likewise */
    int64_t seen;     /* `recent` has every id of offsets up to here */
    bool runs_known, filter_known;

    mx_id_entry *recent; /* in order of offset */
    uint32_t *slots;     /* hash table over recent: index + 1; 0: empty */
    size_t count, capacity, slot_count, max;

    uint64_t *filter;
    size_t filter_words;
    uint64_t filter_count, filter_most;

    mx_id_run runs[MX_ID_LEVELS][MX_ID_RUNS]; /* oldest first */
    size_t run_count[MX_ID_LEVELS];
    uint64_t due; /* of merging, in events since the last step */

    /* Of the transaction. */
    size_t begun_count;
    int64_t begun_seen;
    bool begun_known; /* recent was read before the transaction */
    bool rewritten;   /* runs were changed by it */
} mx_ids;

uint64_t mx_sqlite_id_hash(const struct mx_sqlite *store, mx_str id);

/* sqlite_ids.c; inside a write transaction unless said otherwise. */
void mx_sqlite_ids_begin(struct mx_sqlite *store); /* after meta was read */
void mx_sqlite_ids_rollback(struct mx_sqlite *store);
void mx_sqlite_ids_release(struct mx_sqlite *store);
/* Before the first look-up of a transaction: reads what is not known yet. */
merx_status mx_sqlite_ids_ready(struct mx_sqlite *store, merx_error *err) MERX_MUST_CHECK;
/* A hint that this hash is looked up soon. */
void mx_sqlite_ids_prefetch(const struct mx_sqlite *store, uint64_t hash);
merx_status mx_sqlite_ids_find(struct mx_sqlite *store, uint64_t hash, mx_str id, bool *found,
                               merx_error *err) MERX_MUST_CHECK;
merx_status mx_sqlite_ids_add(struct mx_sqlite *store, uint64_t hash, int64_t offset, merx_error *err) MERX_MUST_CHECK;
/* Before commit: so that what is left to read after the next opening stays small. */
merx_status mx_sqlite_ids_settle(struct mx_sqlite *store, merx_error *err) MERX_MUST_CHECK;
/* Whoever only reads: the offset of the event with that id, 0: none. Cost: a row of each run, and the log after meta.indexed. */
merx_status mx_sqlite_ids_offset(struct mx_sqlite *store, mx_str id, int64_t *offset, merx_error *err) MERX_MUST_CHECK;
void mx_sqlite_ids_filter_add(mx_ids *ids, uint64_t hash);

/* sqlite_runs.c */
/* Reads the list of runs. */
merx_status mx_sqlite_runs_load(struct mx_sqlite *store, merx_error *err) MERX_MUST_CHECK;
/* Writes n recent entries as a run of level 0. */
merx_status mx_sqlite_runs_add(struct mx_sqlite *store, const mx_id_entry *entries, size_t n,
                               merx_error *err) MERX_MUST_CHECK;
/* The share of merging that n more events owe. */
merx_status mx_sqlite_runs_work(struct mx_sqlite *store, uint64_t n, merx_error *err) MERX_MUST_CHECK;
/* Looks in every run for the hash; true from fn ends it. */
typedef merx_status (*mx_id_hit)(struct mx_sqlite *store, void *context, int64_t offset, bool *end, merx_error *err);
merx_status mx_sqlite_runs_find(struct mx_sqlite *store, uint64_t hash, mx_id_hit fn, void *context,
                                merx_error *err) MERX_MUST_CHECK;
/* Every entry of every run into the filter. */
merx_status mx_sqlite_runs_filter(struct mx_sqlite *store, merx_error *err) MERX_MUST_CHECK;
/* Takes out the entries whose offset lies in one of the ranges (first, last), which are in order. */
typedef struct mx_range {
    int64_t first, last; /* offsets */
} mx_range;
bool mx_range_holds(const mx_range *ranges, size_t n, int64_t offset);
merx_status mx_sqlite_runs_erase(struct mx_sqlite *store, const mx_range *ranges, size_t n,
                                 merx_error *err) MERX_MUST_CHECK;
/* The same for all of the index. */
merx_status mx_sqlite_ids_erase(struct mx_sqlite *store, const mx_range *ranges, size_t n,
                                merx_error *err) MERX_MUST_CHECK;

#endif
