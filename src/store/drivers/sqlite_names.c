/*
 * Names: texts to keys for a writer, keys to texts for a scan.
 *
 * The writer remembers texts per space in a dictionary of bounded size and asks the table for the rest; export files repeat an order
 * or a customer on neighbouring lines, so the text looked up last is tried first. A scan reads the table in blocks of neighbouring
 * keys, each once unless memory runs short.
 */
#include <string.h>

#include "store/drivers/sqlite_store.h"

#define BLOCK 1024 /* keys */
#define MAX_BLOCKS (SIZE_MAX / 64)

struct mx_name_block {
    size_t size_bytes;    /* of the whole allocation */
    uint32_t ends[BLOCK]; /* where each text ends in bytes; a text starts where the one before ends */
    unsigned char there[BLOCK / 8];
    char bytes[];
};

static void forget_space(mx_interned *interned)
{
    mx_dict_free(interned->dict);
    mx_vec_release(&interned->keys);
    memset(interned, 0, sizeof *interned);
}

void mx_sqlite_forget_names(mx_sqlite *store)
{
    for (size_t i = 0; i < MX_SPACES; i++)
        forget_space(&store->interned[i]);
}

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

merx_status mx_sqlite_intern(mx_sqlite *store, mx_space space, mx_str text, int64_t *key, merx_error *err)
{
    mx_interned *interned = &store->interned[space];
    /* A remembered text costs its bytes and about as much again in tables. */
    size_t max_bytes = (size_t)(store->cache_bytes / MX_SPACES);
    int32_t code;
    bool added;

    *key = 0;
    if (text.size == 0)
        return MERX_OK;
    if (interned->last.size > 0 && mx_str_equal(interned->last, text)) {
        *key = interned->last_key;
        return MERX_OK;
    }
    if (interned->text_bytes > max_bytes)
        forget_space(interned);
    if (interned->dict == NULL) {
        interned->keys = mx_vec_init(store->alloc, sizeof(int64_t), INT32_MAX, "name keys");
        MX_TRY(mx_dict_new(store->alloc, INT32_MAX, &interned->dict, err));
    }
    code = mx_dict_find(interned->dict, text);
    if (code < 0) {
        MX_TRY(mx_sqlite_find_name(store, space, text, key, err));
        if (*key == 0)
            MX_TRY(add_name(store, space, text, key, err));
        MX_TRY(mx_vec_append(&interned->keys, key, 1, err));
        /* On failure the transaction is rolled back, and that forgets the dictionary and its keys. */
        MX_TRY(mx_dict_add(interned->dict, text, &code, &added, err));
        interned->text_bytes += text.size + 48;
    }
    *key = MX_VEC_AT(&interned->keys, int64_t, code);
    interned->last = mx_dict_get(interned->dict, code);
    interned->last_key = *key;
    return MERX_OK;
}

merx_status mx_name_reader_init(mx_name_reader *reader, mx_sqlite *store, bool few, merx_error *err)
{
    int64_t max_key;

    memset(reader, 0, sizeof *reader);
    reader->store = store;
    reader->few = few;
    mx_arena_init(&reader->arena, store->alloc);
    if (few)
        return MERX_OK;
    reader->max_bytes = (size_t)store->cache_bytes;
    reader->bytes = mx_vec_init(store->alloc, 1, UINT32_MAX, "names");
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

static merx_status look_up(mx_name_reader *reader, int64_t key, mx_str *text, merx_error *err)
{
    mx_sqlite *store = reader->store;
    sqlite3_stmt *statement;
    bool row;

    MX_TRY(mx_sqlite_statement(store, MX_SQL_NAME_GET, &statement, err));
    MX_TRY(mx_sqlite_bind_int(store, statement, 1, key, err));
    MX_TRY(mx_sqlite_step(store, statement, &row, "reading names", err));
    mx_str found = row ? mx_sqlite_text(statement, 1) : MX_STR("");
    char *copy = mx_arena_strndup(&reader->arena, found.data, found.size, err);
    sqlite3_reset(statement);
    if (!row)
        MX_FAIL(err, MERX_E_CORRUPT, store->path, "an event has the name %lld, which is not there", (long long)key);
    *text = (mx_str){copy, found.size};
    return copy ? MERX_OK : MERX_E_MEMORY;
}

merx_status mx_name_reader_get(mx_name_reader *reader, int64_t key, mx_str *text, merx_error *err)
{
    if (key == 0) {
        *text = (mx_str){"", 0};
        return MERX_OK;
    }
    if (reader->few)
        return look_up(reader, key, text, err);
    size_t index = (size_t)(key / BLOCK), slot = (size_t)(key % BLOCK);
    if (key < 0 || index >= reader->block_count)
        MX_FAIL(err, MERX_E_CORRUPT, reader->store->path, "an event has the name %lld, which is not there",
                (long long)key);
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
    mx_arena_clear(&reader->arena);
    if (reader->used_bytes > reader->max_bytes)
        drop_blocks(reader);
}

void mx_name_reader_release(mx_name_reader *reader)
{
    drop_blocks(reader);
    MX_FREE_ARRAY(reader->store->alloc, reader->blocks, reader->block_count);
    mx_vec_release(&reader->bytes);
    mx_arena_release(&reader->arena);
    reader->blocks = NULL;
}
