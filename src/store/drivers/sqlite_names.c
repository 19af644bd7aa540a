/*
 * Names: texts to keys for a writer, keys to texts for a scan.
 *
 * The writer remembers texts per space, in tables of bounded size, and asks the table of the file for the rest. Customers and products are met at random: when
 * many were asked for, the whole space is read at once, which costs as much as a few thousand single look-ups. A scan reads the table in blocks
 * of neighbouring keys, each once unless memory runs short.
 */
#include <string.h>

#include "store/drivers/sqlite_store.h"

#define BLOCK 1024         /* keys */
#define SINGLES_A_BLOCK 32 /* names one by one cost as much as a block */
#define MAX_BLOCKS (SIZE_MAX / 64)
/* What a scan may keep of names: some ten million. With less, one that meets them in no order would read a block for nearly each of its rows. */
#define SCAN_BYTES (512u << 20)

struct mx_name_block {
    size_t size_bytes;    /* of the whole allocation */
    uint32_t ends[BLOCK]; /* where each text ends in bytes; a text starts where the one before ends */
    unsigned char there[BLOCK / 8];
    char bytes[];
};

/* The share of a space in the memory for names, NAMES_SHARE times cache_bytes, in sixteenths. */
enum { NAMES_SHARE = 6, READ_ALL_AFTER = 4096 };
static const unsigned char shares[MX_SPACES] = {
    [MX_SPACE_CUSTOMER] = 9, [MX_SPACE_PRODUCT] = 2, [MX_SPACE_ORDER] = 1,  [MX_SPACE_SESSION] = 1,
    [MX_SPACE_TITLE] = 1,    [MX_SPACE_COUNTRY] = 1, [MX_SPACE_SOURCE] = 1,
};

static void forget_space(const mx_sqlite *store, mx_interned *interned)
{
    MX_FREE_ARRAY(store->alloc, interned->slots, interned->slot_count);
    mx_vec_release(&interned->bytes);
    memset(interned, 0, sizeof *interned);
}

void mx_sqlite_forget_names(mx_sqlite *store)
{
    for (size_t i = 0; i < MX_SPACES; i++)
        forget_space(store, &store->interned[i]);
}

/* ---- the table of a space: what a look-up touches lies in one place, for most texts one cache line ---- */

enum { KEY_BYTES = sizeof(int64_t), HEAD_BYTES = KEY_BYTES + sizeof(uint16_t) };

static uint64_t hash_of(mx_str text)
{
    return mx_hash64(text.data, text.size, 0);
}

static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32);
}

static size_t size_of(size_t text_size)
{
    return (HEAD_BYTES + text_size + 7) & ~(size_t)7;
}

static mx_str text_at(const char *name)
{
    uint16_t size;
    memcpy(&size, name + KEY_BYTES, sizeof size);
    return (mx_str){name + HEAD_BYTES, size};
}

static const char *name_at(const mx_interned *interned, mx_name_slot slot)
{
    return (const char *)interned->bytes.data + (size_t)(slot.at - 1) * 8;
}

static void slot_in(mx_interned *interned, uint64_t hash, size_t at)
{
    size_t mask = interned->slot_count - 1, slot = (size_t)hash & mask;

    while (interned->slots[slot].at != 0)
        slot = (slot + 1) & mask;
    interned->slots[slot] = (mx_name_slot){tag_of(hash), (uint32_t)(at / 8) + 1};
}

static void slot_all(mx_interned *interned)
{
    const char *bytes = interned->bytes.data;

    if (interned->slot_count > 0)
        memset(interned->slots, 0, interned->slot_count * sizeof *interned->slots);
    interned->count = 0;
    for (size_t at = 0; at < interned->bytes.count; interned->count++) {
        mx_str text = text_at(bytes + at);
        slot_in(interned, hash_of(text), at);
        at += size_of(text.size);
    }
}

/* 0: not remembered. */
static int64_t remembered(const mx_interned *interned, mx_str text, uint64_t hash)
{
    size_t mask = interned->slot_count - 1;
    int64_t key;

    if (interned->slot_count == 0)
        return 0;
    for (size_t i = (size_t)hash & mask; interned->slots[i].at != 0; i = (i + 1) & mask) {
        if (interned->slots[i].tag != tag_of(hash))
            continue;
        const char *name = name_at(interned, interned->slots[i]);
        if (mx_str_equal(text_at(name), text)) {
            memcpy(&key, name, sizeof key);
            return key;
        }
    }
    return 0;
}

void mx_sqlite_prefetch_slot(const mx_sqlite *store, mx_space space, mx_str text)
{
    const mx_interned *interned = &store->interned[space];

    if (interned->slot_count > 0)
        __builtin_prefetch(&interned->slots[(size_t)hash_of(text) & (interned->slot_count - 1)]);
}

void mx_sqlite_prefetch_name(const mx_sqlite *store, mx_space space, mx_str text)
{
    const mx_interned *interned = &store->interned[space];
    uint64_t hash = hash_of(text);

    if (interned->slot_count == 0)
        return;
    mx_name_slot slot = interned->slots[(size_t)hash & (interned->slot_count - 1)];
    if (slot.at != 0)
        __builtin_prefetch(name_at(interned, slot));
}

static bool full(const mx_sqlite *store, mx_space space)
{
    const mx_interned *interned = &store->interned[space];
    size_t used = interned->bytes.count + interned->count * 2 * sizeof(mx_name_slot);

    return used > store->cache_bytes * NAMES_SHARE / 16 * shares[space];
}

static merx_status remember(mx_sqlite *store, mx_space space, mx_str text, uint64_t hash, int64_t key, merx_error *err)
{
    mx_interned *interned = &store->interned[space];
    const uint16_t size = (uint16_t)text.size;
    char *name;

    if (interned->slot_count == 0)
        interned->bytes = mx_vec_init(store->alloc, 1, SIZE_MAX / 2, "names");
    if ((interned->count + 1) * 4 > interned->slot_count * 3) {
        size_t count = interned->slot_count > 0 ? interned->slot_count * 2 : 64;
        mx_name_slot *slots;
        MX_TRY(MX_NEW_ARRAY(store->alloc, count, &slots, "names", err));
        mx_wish_large_pages(slots, count * sizeof *slots);
        MX_FREE_ARRAY(store->alloc, interned->slots, interned->slot_count);
        interned->slots = slots;
        interned->slot_count = count;
        slot_all(interned);
    }
    size_t at = interned->bytes.count;
    MX_TRY(mx_vec_push(&interned->bytes, size_of(size), &name, err));
    memcpy(name, &key, KEY_BYTES);
    memcpy(name + KEY_BYTES, &size, sizeof size);
    memcpy(name + HEAD_BYTES, text.data, size);
    slot_in(interned, hash, at);
    interned->count++;
    return MERX_OK;
}

void mx_sqlite_begin_names(mx_sqlite *store)
{
    for (size_t i = 0; i < MX_SPACES; i++)
        store->interned[i].begun_bytes = store->interned[i].bytes.count;
}

void mx_sqlite_rollback_names(mx_sqlite *store)
{
    for (size_t i = 0; i < MX_SPACES; i++) {
        mx_interned *interned = &store->interned[i];
        if (interned->bytes.count == interned->begun_bytes)
            continue;
        interned->bytes.count = interned->begun_bytes;
        interned->read_all = false;
        slot_all(interned);
    }
}

/* ---- the table of the file ---- */

merx_status mx_sqlite_find_name(mx_sqlite *store, mx_space space, mx_str text, int64_t *key, merx_error *err)
{
    sqlite3_stmt *statement;
    bool row;

    *key = 0;
    MX_TRY(mx_sqlite_statement(store, MX_SQL_NAME_FIND, &statement, err));
    MX_TRY(mx_sqlite_bind_int(store, statement, 1, space, err));
    MX_TRY(mx_sqlite_bind_text(store, statement, 2, text, err));
    MX_TRY(mx_sqlite_step(store, statement, &row, "looking a name up", err));
    if (row)
        *key = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return MERX_OK;
}

merx_status mx_sqlite_max_name(mx_sqlite *store, int64_t *key, merx_error *err)
{
    sqlite3_stmt *statement;
    bool row;

    MX_TRY(mx_sqlite_statement(store, MX_SQL_NAME_MAX, &statement, err));
    MX_TRY(mx_sqlite_step(store, statement, &row, "reading names", err));
    *key = row ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    return MERX_OK;
}

static merx_status add_name(mx_sqlite *store, mx_space space, mx_str text, int64_t *key, merx_error *err)
{
    sqlite3_stmt *statement;

    MX_TRY(mx_sqlite_statement(store, MX_SQL_NAME_ADD, &statement, err));
    MX_TRY(mx_sqlite_bind_int(store, statement, 1, space, err));
    MX_TRY(mx_sqlite_bind_text(store, statement, 2, text, err));
    MX_TRY(mx_sqlite_run(store, statement, "writing a name", err));
    *key = sqlite3_last_insert_rowid(store->db);
    return MERX_OK;
}

/* Remembers every name of a space, unless that is too much; what is remembered already stays. */
static merx_status read_all(mx_sqlite *store, mx_space space, merx_error *err)
{
    sqlite3_stmt *rows;
    bool row;

    store->interned[space].read_all = true;
    MX_TRY(mx_sqlite_statement(store, MX_SQL_NAME_SPACE, &rows, err));
    MX_TRY(mx_sqlite_bind_int(store, rows, 1, space, err));
    merx_status status = MERX_OK;
    while (status == MERX_OK && !full(store, space)) {
        MX_TRY(mx_sqlite_step(store, rows, &row, "reading names", err));
        if (!row)
            return MERX_OK;
        mx_str text = mx_sqlite_text(rows, 1);
        uint64_t hash = hash_of(text);
        if (text.size <= MX_NAME_MAX && remembered(&store->interned[space], text, hash) == 0)
            status = remember(store, space, text, hash, sqlite3_column_int64(rows, 0), err);
    }
    sqlite3_reset(rows);
    return status;
}

/* Asks the file; a name that is not there is made. */
static merx_status find_or_add(mx_sqlite *store, mx_space space, mx_str text, uint64_t hash, int64_t *key,
                               merx_error *err)
{
    mx_interned *interned = &store->interned[space];

    if (full(store, space)) {
        forget_space(store, interned);
        interned->read_all = true; /* it would not fit */
    }
    MX_TRY(mx_sqlite_find_name(store, space, text, key, err));
    if (*key == 0) {
        MX_TRY(add_name(store, space, text, key, err));
    } else if (!interned->read_all && ++interned->misses == READ_ALL_AFTER &&
               (space == MX_SPACE_CUSTOMER || space == MX_SPACE_PRODUCT)) {
        MX_TRY(read_all(store, space, err));
        if (remembered(interned, text, hash) != 0)
            return MERX_OK;
    }
    return remember(store, space, text, hash, *key, err);
}

merx_status mx_sqlite_intern(mx_sqlite *store, mx_space space, mx_str text, int64_t *key, merx_error *err)
{
    *key = 0;
    if (text.size == 0)
        return MERX_OK;
    uint64_t hash = hash_of(text);
    *key = remembered(&store->interned[space], text, hash);
    return *key != 0 ? MERX_OK : find_or_add(store, space, text, hash, key, err);
}

merx_status mx_name_reader_init(mx_name_reader *reader, mx_sqlite *store, merx_error *err)
{
    int64_t max_key;

    memset(reader, 0, sizeof *reader);
    reader->store = store;
    reader->max_bytes = store->cache_bytes > SCAN_BYTES ? (size_t)store->cache_bytes : SCAN_BYTES;
    reader->bytes = mx_vec_init(store->alloc, 1, UINT32_MAX, "names");
    mx_arena_init(&reader->row, store->alloc);
    MX_TRY(mx_sqlite_max_name(store, &max_key, err));
    if (max_key < 0 || (uint64_t)max_key / BLOCK >= MAX_BLOCKS)
        MX_FAIL(err, MERX_E_CORRUPT, store->path, "a name has the key %lld", (long long)max_key);
    reader->block_count = (size_t)(max_key / BLOCK) + 1;
    return MX_NEW_ARRAY(store->alloc, reader->block_count, &reader->blocks, "name blocks", err);
}

static merx_status load_block(mx_name_reader *reader, size_t index, merx_error *err)
{
    mx_sqlite *store = reader->store;
    int64_t first = (int64_t)index * BLOCK;
    uint32_t ends[BLOCK];
    unsigned char there[BLOCK / 8] = {0};
    sqlite3_stmt *statement;
    size_t filled = 0;
    bool row;

    mx_vec_clear(&reader->bytes);
    MX_TRY(mx_sqlite_statement(store, MX_SQL_NAME_RANGE, &statement, err));
    MX_TRY(mx_sqlite_bind_int(store, statement, 1, first, err));
    MX_TRY(mx_sqlite_bind_int(store, statement, 2, first + BLOCK - 1, err));
    for (;;) {
        MX_TRY(mx_sqlite_step(store, statement, &row, "reading names", err));
        if (!row)
            break;
        size_t slot = (size_t)(sqlite3_column_int64(statement, 0) - first);
        mx_str text = mx_sqlite_text(statement, 1);
        for (; filled < slot; filled++)
            ends[filled] = (uint32_t)reader->bytes.count;
        merx_status status = mx_vec_append(&reader->bytes, text.data, text.size, err);
        if (status != MERX_OK) {
            sqlite3_reset(statement);
            return status;
        }
        ends[filled++] = (uint32_t)reader->bytes.count;
        there[slot / 8] |= (unsigned char)(1u << slot % 8);
    }
    for (; filled < BLOCK; filled++)
        ends[filled] = (uint32_t)reader->bytes.count;

    mx_name_block *block = NULL;
    size_t size = sizeof *block + reader->bytes.count;
    MX_TRY(mx_alloc_array_raw(store->alloc, size, 1, "a block of names", &block, err));
    block->size_bytes = size;
    memcpy(block->ends, ends, sizeof ends);
    memcpy(block->there, there, sizeof there);
    if (reader->bytes.count > 0)
        memcpy(block->bytes, reader->bytes.data, reader->bytes.count);
    reader->blocks[index] = block;
    reader->used_bytes += size;
    return MERX_OK;
}

/* One name. A scan of a few rows would read a block for each of their names; one that has read as many single ones as all blocks would cost goes over to blocks. */
static merx_status get_single(mx_name_reader *reader, int64_t key, mx_str *text, merx_error *err)
{
    mx_sqlite *store = reader->store;
    sqlite3_stmt *statement;
    bool row;
    MX_TRY(mx_sqlite_statement(store, MX_SQL_NAME_GET, &statement, err));
    MX_TRY(mx_sqlite_bind_int(store, statement, 1, key, err));
    MX_TRY(mx_sqlite_step(store, statement, &row, "reading a name", err));
    if (!row)
        MX_FAIL(err, MERX_E_CORRUPT, store->path, "an event has the name %lld, which is not there", (long long)key);
    mx_str found = mx_sqlite_text(statement, 1);
    char *copy = mx_arena_strndup(&reader->row, found.data, found.size, err);
    *text = (mx_str){copy, found.size};
    sqlite3_reset(statement);
    reader->singles++;
    return copy ? MERX_OK : MERX_E_MEMORY;
}

merx_status mx_name_reader_get(mx_name_reader *reader, int64_t key, mx_str *text, merx_error *err)
{
    if (key == 0) {
        *text = (mx_str){"", 0};
        return MERX_OK;
    }
    size_t index = (size_t)(key / BLOCK), slot = (size_t)(key % BLOCK);
    if (key < 0 || index >= reader->block_count)
        MX_FAIL(err, MERX_E_CORRUPT, reader->store->path, "an event has the name %lld, which is not there",
                (long long)key);
    if (reader->blocks[index] == NULL && reader->singles < reader->block_count * SINGLES_A_BLOCK)
        return get_single(reader, key, text, err);
    if (reader->blocks[index] == NULL)
        MX_TRY(load_block(reader, index, err));
    const mx_name_block *block = reader->blocks[index];
    if ((block->there[slot / 8] >> slot % 8 & 1) == 0)
        MX_FAIL(err, MERX_E_CORRUPT, reader->store->path, "an event has the name %lld, which is not there",
                (long long)key);
    size_t start = slot > 0 ? block->ends[slot - 1] : 0;
    *text = (mx_str){block->bytes + start, block->ends[slot] - start};
    return MERX_OK;
}

static void drop_blocks(mx_name_reader *reader)
{
    for (size_t i = 0; i < reader->block_count && reader->blocks != NULL; i++) {
        if (reader->blocks[i] != NULL)
            mx_free_array(reader->store->alloc, reader->blocks[i], reader->blocks[i]->size_bytes, 1);
        reader->blocks[i] = NULL;
    }
    reader->used_bytes = 0;
}

void mx_name_reader_trim(mx_name_reader *reader)
{
    mx_arena_clear(&reader->row);
    if (reader->used_bytes > reader->max_bytes)
        drop_blocks(reader);
}

void mx_name_reader_release(mx_name_reader *reader)
{
    drop_blocks(reader);
    mx_arena_release(&reader->row);
    MX_FREE_ARRAY(reader->store->alloc, reader->blocks, reader->block_count);
    mx_vec_release(&reader->bytes);
    reader->blocks = NULL;
}
