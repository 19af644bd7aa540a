/*
 * A shop: its folder, its stores, opened and closed.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "io/file.h"
#include "shop/loaded_models.h"
#include "shop/shop_address.h"
#include "shop/shop_state.h"

/*
 * Opens the records. A file of an older schema can't be read as it is: who may write brings it up to date once, also when it was to be read alone, so that a newer merx reads an older
 * shop without a step between.
 */
static merx_status open_records(merx_shop *shop, const char *address, const mx_records_options *options,
                                merx_error *err)
{
    merx_error failure = {0};
    mx_records *once;

    merx_status status = mx_records_open(address, options, shop->alloc, &shop->records, &failure);
    if (status == MERX_E_UNSUPPORTED && options->read_only &&
        mx_records_open(address, &(mx_records_options){0}, shop->alloc, &once, NULL) == MERX_OK) {
        mx_records_close(once);
        return mx_records_open(address, options, shop->alloc, &shop->records, err);
    }
    return status == MERX_OK ? MERX_OK : mx_error_set(err, status, failure.where, "%s", failure.message);
}

static merx_status open_stores(merx_shop *shop, const merx_shop_options *options, merx_error *err)
{
    merx_status status = MERX_OK;
    mx_arena arena;
    mx_records_options records = {.read_only = options->read_only, .create = options->create && !options->read_only};

    mx_arena_init(&arena, shop->alloc);
    const char *db = NULL;
    const char *blobs = options->blobs ? options->blobs : mx_path_join(&arena, shop->folder, "blobs", err);
    if (!blobs) {
        status = MERX_E_MEMORY;
        goto out;
    }
    MX_TRY_GOTO(mx_shop_address(shop->folder, options, &arena, &db, err));
    MX_TRY_GOTO(open_records(shop, db, &records, err));
    MX_TRY_GOTO(mx_shop_address_keep(shop->folder, options, err));
    MX_TRY_GOTO(mx_blobs_open(blobs, !options->read_only, shop->alloc, &shop->blobs, err));
out:
    mx_arena_release(&arena);
    return status;
}

/* Bytes of the path that name a folder which is there already. */
static size_t bytes_there(const char *path)
{
    char part[PATH_MAX];
    size_t size = strlen(path);
    size_t there = 0;

    for (size_t i = 1; i <= size && size < sizeof part; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (!mx_path_is_folder(part))
            break;
        there = i;
    }
    return there;
}

/* Takes back what opening made (a path of less than PATH_MAX bytes): what a shop's folder holds, then the folders from the lowest up, which stay when something else has come into them. */
static void remove_made(const char *path, size_t there)
{
    static const char *const files[] = {MX_SHOP_DATABASE, MX_SHOP_ADDRESS, "refused.csv"};
    char part[PATH_MAX];
    size_t size = strlen(path);
    mx_arena arena;

    mx_arena_init(&arena, NULL);
    const char *log = mx_path_join(&arena, path, MX_SHOP_DATABASE "-wal", NULL);
    const char *blobs = mx_path_join(&arena, path, "blobs", NULL);
    /* The last who closes the database removes its log: another process has it open. */
    bool alone = log && blobs && !mx_path_exists(log);
    for (size_t i = 0; alone && i < sizeof files / sizeof *files; i++) {
        const char *file = mx_path_join(&arena, path, files[i], NULL);
        if (file)
            (void)unlink(file);
    }
    if (alone)
        mx_remove_tree(blobs);
    mx_arena_release(&arena);
    memcpy(part, path, size + 1);
    for (size_t i = size; alone && i > there; i--) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        part[i] = '\0';
        if (rmdir(part) != 0 && errno != ENOENT) /* "shop/" was there, "shop" is no more */
            break;
    }
}

merx_status merx_shop_open(const merx_allocator *alloc, const char *folder, const merx_shop_options *options,
                           merx_shop **out, merx_error *err)
{
    static const merx_shop_options defaults = {0};
    merx_shop *shop;
    merx_status status = MERX_OK;

    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    options = options ? options : &defaults;
    bool makes = options->create && !options->read_only;
    if (!folder || !*folder)
        MX_FAIL(err, MERX_E_INVALID, "", "a shop needs a folder");
    if (!makes && !mx_path_is_folder(folder))
        MX_FAIL(err, MERX_E_NOT_FOUND, folder, "there is no shop here");
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &shop, "shop", err));
    shop->alloc = alloc;
    shop->read_only = options->read_only;
    size_t size = strlen(folder) + 1;
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, size, 1, "shop", &shop->folder, err));
    memcpy(shop->folder, folder, size);
    shop->found = bytes_there(folder);
    if (makes)
        MX_TRY_GOTO(mx_make_folders(folder, err));
    MX_TRY_GOTO(open_stores(shop, options, err));
out:
    if (status == MERX_OK)
        *out = shop;
    else
        merx_shop_abandon(shop);
    return status;
}

void merx_shop_close(merx_shop *shop)
{
    if (!shop)
        return;
    const merx_allocator *alloc = shop->alloc;
    mx_shop_drop_snapshot(shop);
    mx_shop_drop_models(shop);
    mx_blobs_close(shop->blobs);
    mx_records_close(shop->records);
    if (shop->folder)
        MX_FREE_ARRAY(alloc, shop->folder, strlen(shop->folder) + 1);
    MX_FREE_ARRAY(alloc, shop, 1);
}

/* Whether something is known to be stored, or can't be told. */
static bool holds_something(merx_shop *shop)
{
    int64_t offset = 0;
    uint64_t count = 0;

    if (!shop->records)
        return false;
    if (mx_records_last_offset(shop->records, &offset, NULL) != MERX_OK || offset > 0)
        return true;
    for (int kind = 0; kind < MX_RECORD_KINDS; kind++)
        if (kind != MX_SETTING &&
            (mx_records_count(shop->records, (mx_record_kind)kind, &count, NULL) != MERX_OK || count > 0))
            return true;
    return false;
}

void merx_shop_abandon(merx_shop *shop)
{
    char folder[PATH_MAX];

    if (!shop)
        return;
    size_t size = shop->folder ? strlen(shop->folder) : 0;
    size_t found = shop->found;
    bool made = found < size && size < sizeof folder && !holds_something(shop);
    if (made)
        memcpy(folder, shop->folder, size + 1);
    merx_shop_close(shop);
    if (made)
        remove_made(folder, found);
}

const char *merx_shop_folder(const merx_shop *shop)
{
    return shop->folder;
}

merx_status mx_shop_snapshot(merx_shop *shop, merx_task *task, mx_snapshot **out, merx_error *err)
{
    *out = NULL;
    if (shop->snapshot && !mx_snapshot_is_current(shop->snapshot, shop->records))
        mx_shop_drop_snapshot(shop);
    if (!shop->snapshot)
        MX_TRY(mx_snapshot_open(shop->records, shop->blobs, false, shop->alloc, task, &shop->snapshot, err));
    *out = shop->snapshot;
    return MERX_OK;
}

void mx_shop_drop_snapshot(merx_shop *shop)
{
    mx_snapshot_close(shop->snapshot);
    shop->snapshot = NULL;
}

void mx_shop_drop_models(merx_shop *shop)
{
    mx_model_set_release(shop->models);
    shop->models = NULL;
}
