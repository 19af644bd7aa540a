/*
 * The address of a shop's records, kept as one line of a file that its owner alone may read.
 */
#include "shop/shop_address.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "io/atomic_file.h"
#include "io/file.h"

enum { ADDRESS_BYTES = 4096 };

/* *kept = what the folder keeps; NULL: nothing. */
static merx_status read_kept(const char *folder, mx_arena *arena, const char **kept, merx_error *err)
{
    const char *path = mx_path_join(arena, folder, MX_SHOP_ADDRESS, err);
    mx_map map;

    *kept = NULL;
    if (path == NULL)
        return MERX_E_MEMORY;
    if (!mx_path_exists(path))
        return MERX_OK;
    MX_TRY(mx_map_open(path, &map, err));
    mx_str text = mx_str_trim((mx_str){(const char *)map.data, map.size});
    bool good = text.size > 0 && text.size <= ADDRESS_BYTES;
    for (size_t i = 0; i < text.size && good; i++)
        good = (unsigned char)text.data[i] > ' ';
    if (good)
        *kept = mx_arena_strndup(arena, text.data, text.size, err);
    mx_map_close(&map);
    if (!good)
        MX_FAIL(err, MERX_E_CORRUPT, path,
                "holds no address of records: expected one line, such as "
                "postgresql://merx@db.example/shops?schema=tea");
    return *kept != NULL ? MERX_OK : MERX_E_MEMORY;
}

/* USER:PASSWORD@ before the host, or password=... in the query. */
static bool has_password(const char *address)
{
    const char *host = strstr(address, "://");
    if (host != NULL) {
        host += 3;
        size_t authority = strcspn(host, "/?#");
        const char *at = memchr(host, '@', authority);
        if (at != NULL && memchr(host, ':', (size_t)(at - host)) != NULL)
            return true;
    }
    for (const char *query = strchr(address, '?'); query != NULL; query = strchr(query + 1, '&'))
        if (strncmp(query + 1, "password=", strlen("password=")) == 0)
            return true;
    return false;
}

merx_status mx_shop_address(const char *folder, const merx_shop_options *options, mx_arena *arena, const char **address,
                            merx_error *err)
{
    const char *kept, *database = mx_path_join(arena, folder, MX_SHOP_DATABASE, err);

    if (database == NULL)
        return MERX_E_MEMORY;
    if (options->records != NULL && !options->keep_records) {
        *address = options->records;
        return MERX_OK;
    }
    MX_TRY(read_kept(folder, arena, &kept, err));
    *address = kept != NULL ? kept : database;
    if (options->records == NULL)
        return MERX_OK;
    if (strlen(options->records) > ADDRESS_BYTES)
        MX_FAIL(err, MERX_E_LIMIT, folder, "an address of records has at most %d bytes", ADDRESS_BYTES);
    if (has_password(options->records))
        MX_FAIL(err, MERX_E_INVALID, folder,
                "a password is not kept with the address of the records: leave it out, and give it in ~/.pgpass, "
                "PGPASSWORD or a service");
    if (kept != NULL && strcmp(kept, options->records) != 0)
        MX_FAIL(err, MERX_E_EXISTS, folder,
                "has its records at another address already (" MX_SHOP_ADDRESS
                "); merx backup and merx restore move a shop");
    if (kept == NULL && mx_path_exists(database))
        MX_FAIL(err, MERX_E_EXISTS, database,
                "holds the shop's records already; merx backup and merx restore --records move them");
    *address = options->records;
    return MERX_OK;
}

static merx_status write_private(const char *path, const char *address, merx_error *err)
{
    mx_atomic_file file;

    MX_TRY(mx_atomic_open(&file, path, err));
    if (fchmod(file.fd, 0600) != 0) {
        merx_status status = mx_error_errno(err, errno, path, "set the mode");
        mx_atomic_abandon(&file);
        return status;
    }
    MX_TRY(mx_atomic_write(&file, address, strlen(address), err));
    MX_TRY(mx_atomic_write(&file, "\n", 1, err));
    return mx_atomic_commit(&file, err);
}

merx_status mx_shop_address_keep(const char *folder, const merx_shop_options *options, merx_error *err)
{
    const char *kept;
    mx_arena arena;

    if (!options->keep_records || options->records == NULL)
        return MERX_OK;
    mx_arena_init(&arena, NULL);
    merx_status status = read_kept(folder, &arena, &kept, err);
    if (status == MERX_OK && kept == NULL) {
        const char *path = mx_path_join(&arena, folder, MX_SHOP_ADDRESS, err);
        status = path != NULL ? write_private(path, options->records, err) : MERX_E_MEMORY;
    }
    mx_arena_release(&arena);
    return status;
}
