/*
 * Blobs as files below one folder: a blob's name is its path. Floor 3.
 *
 * Files whose names are no blob names (a temporary file left by a crash, a desktop's own files) are not listed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/atomic_file.h"
#include "io/file.h"
#include "store/drivers/drivers.h"

#define DEPTH_MAX 128 /* of folders: a name has at most 255 bytes */

typedef struct mx_directory {
    const merx_allocator *alloc;
    char *root;
    size_t root_size;
} mx_directory;

typedef struct mx_listing {
    mx_arena arena;
    mx_vec names; /* char * */
    const char *root, *prefix;
} mx_listing;

static void directory_close(void *state)
{
    mx_directory *directory = state;
    mx_free_array(directory->alloc, directory->root, directory->root_size, 1);
    MX_FREE_ARRAY(directory->alloc, directory, 1);
}

static merx_status directory_open(const char *address, bool create, const merx_allocator *alloc, void **state,
                                  merx_error *err)
{
    mx_directory *directory = NULL;
    size_t size = strlen(address) + 1;

    if (mx_path_exists(address) && !mx_path_is_folder(address))
        MX_FAIL(err, MERX_E_INVALID, address, "is a file; expected a folder");
    if (!create && !mx_path_exists(address))
        MX_FAIL(err, MERX_E_NOT_FOUND, address, "there is no such folder");
    if (create)
        MX_TRY(mx_make_folders(address, err));
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &directory, "blobs folder", err));
    directory->alloc = alloc;
    merx_status status = mx_alloc_array_raw(alloc, size, 1, "path", &directory->root, err);
    if (status != MERX_OK) {
        directory_close(directory);
        return status;
    }
    directory->root_size = size;
    memcpy(directory->root, address, size);
    *state = directory;
    return MERX_OK;
}

static merx_status directory_put(void *state, const char *name, const void *data, size_t size, merx_error *err)
{
    mx_directory *directory = state;
    mx_arena arena;
    merx_status status = MERX_OK;

    mx_arena_init(&arena, directory->alloc);
    char *path = mx_path_join(&arena, directory->root, name, err);
    if (path == NULL) {
        status = MERX_E_MEMORY;
        goto out;
    }
    char *slash = strrchr(path, '/');
    *slash = '\0'; /* there is one: path is root/name */
    MX_TRY_GOTO(mx_make_folders(path, err));
    *slash = '/';
    MX_TRY_GOTO(mx_write_file(path, data, size, err));
out:
    mx_arena_release(&arena);
    return status;
}

static merx_status write_part(void *sink, const void *data, size_t size, merx_error *err)
{
    return mx_atomic_write(sink, data, size, err);
}

static merx_status directory_put_made(void *state, const char *name, mx_blob_make_fn make, void *context,
                                      merx_error *err)
{
    mx_directory *directory = state;
    mx_arena arena;
    mx_atomic_file file;
    merx_status status = MERX_OK;

    mx_arena_init(&arena, directory->alloc);
    char *path = mx_path_join(&arena, directory->root, name, err);
    if (path == NULL) {
        status = MERX_E_MEMORY;
        goto out;
    }
    char *slash = strrchr(path, '/');
    *slash = '\0'; /* there is one: path is root/name */
    MX_TRY_GOTO(mx_make_folders(path, err));
    *slash = '/';
    MX_TRY_GOTO(mx_atomic_open(&file, path, err));
    status = make(context, write_part, &file, err);
    if (status == MERX_OK)
        status = mx_atomic_commit(&file, err);
    else
        mx_atomic_abandon(&file);
out:
    mx_arena_release(&arena);
    return status;
}

static merx_status directory_map(void *state, const char *name, mx_blob *blob, merx_error *err)
{
    mx_directory *directory = state;
    mx_arena arena;
    mx_map map = {0};
    merx_status status = MERX_OK;

    mx_arena_init(&arena, directory->alloc);
    char *path = mx_path_join(&arena, directory->root, name, err);
    if (path == NULL) {
        status = MERX_E_MEMORY;
        goto out;
    }
    if (mx_path_is_folder(path))
        MX_FAIL_GOTO(err, MERX_E_NOT_FOUND, path, "there is no such blob");
    MX_TRY_GOTO(mx_map_open(path, &map, err));
    *blob = (mx_blob){.data = map.data, .size = map.size};
out:
    mx_arena_release(&arena);
    return status;
}

static merx_status read_whole(int fd, const char *path, const merx_allocator *alloc, unsigned char **bytes,
                              size_t *size, merx_error *err)
{
    struct stat info;
    size_t got;
    if (fstat(fd, &info) != 0)
        return mx_error_errno(err, errno, path, "look at");
    if (!S_ISREG(info.st_mode))
        MX_FAIL(err, MERX_E_NOT_FOUND, path, "there is no such blob");
    *size = (size_t)info.st_size;
    MX_TRY(mx_alloc_array_raw(alloc, *size, 1, "a blob", bytes, err));
    merx_status status = mx_read_at(fd, 0, *bytes, *size, &got, path, err);
    if (status == MERX_OK && got < *size)
        status = mx_error_set(err, MERX_E_IO, path, "was cut short while it was read");
    if (status != MERX_OK) {
        mx_free_array(alloc, *bytes, *size, 1);
        *bytes = NULL;
        *size = 0;
    }
    return status;
}

static merx_status directory_read(void *state, const char *name, const merx_allocator *alloc, unsigned char **bytes,
                                  size_t *size, merx_error *err)
{
    const mx_directory *directory = state;
    mx_arena arena;
    mx_arena_init(&arena, directory->alloc);
    const char *path = mx_path_join(&arena, directory->root, name, err);
    merx_status status = path ? MERX_OK : MERX_E_MEMORY;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (path && fd < 0)
        status = mx_error_errno(err, errno, path, "open");
    if (fd >= 0) {
        status = read_whole(fd, path, alloc, bytes, size, err);
        (void)close(fd);
    }
    mx_arena_release(&arena);
    return status;
}

static void directory_unmap(void *state, mx_blob *blob)
{
    mx_map map = {blob->data, blob->size};
    (void)state;
    mx_map_close(&map);
}

static merx_status directory_remove(void *state, const char *name, merx_error *err)
{
    mx_directory *directory = state;
    mx_arena arena;
    merx_status status = MERX_OK;

    mx_arena_init(&arena, directory->alloc);
    char *path = mx_path_join(&arena, directory->root, name, err);
    if (path == NULL)
        status = MERX_E_MEMORY;
    else if (mx_path_exists(path) && !mx_path_is_folder(path))
        status = mx_remove_file(path, err);
    mx_arena_release(&arena);
    return status;
}

/* Whether names below (or equal to) `name` can begin with the prefix. */
static bool near_prefix(const char *name, const char *prefix)
{
    size_t a = strlen(name), b = strlen(prefix);
    return strncmp(name, prefix, a < b ? a : b) == 0;
}

/* Adds the blobs in the folder `below` ("" or "a/b") to the listing. */
static merx_status collect(mx_listing *listing, const char *below, int depth, merx_error *err)
{
    mx_arena *arena = &listing->arena;
    char **entries = NULL;
    size_t count = 0;

    if (depth > DEPTH_MAX)
        return MERX_OK;
    char *folder =
        *below == '\0' ? mx_arena_strdup(arena, listing->root, err) : mx_path_join(arena, listing->root, below, err);
    if (folder == NULL)
        return MERX_E_MEMORY;
    MX_TRY(mx_list_folder(folder, arena, &entries, &count, err));
    for (size_t i = 0; i < count; i++) {
        char *name = *below == '\0' ? entries[i] : mx_path_join(arena, below, entries[i], err);
        if (name == NULL)
            return MERX_E_MEMORY;
        if (!mx_blob_name_valid(name) || !near_prefix(name, listing->prefix))
            continue;
        char *path = mx_path_join(arena, listing->root, name, err);
        if (path == NULL)
            return MERX_E_MEMORY;
        if (mx_path_is_folder(path))
            MX_TRY(collect(listing, name, depth + 1, err));
        else if (mx_str_starts(mx_str_of(name), listing->prefix))
            MX_TRY(mx_vec_append(&listing->names, &name, 1, err));
    }
    return MERX_OK;
}

/* Begins in the folder that the prefix names, so that its neighbours cost nothing. */
static merx_status collect_near(mx_listing *listing, const char *prefix, merx_error *err)
{
    const char *slash = strrchr(prefix, '/');
    char *below = mx_arena_strndup(&listing->arena, prefix, slash ? (size_t)(slash - prefix) : 0, err);
    if (below == NULL)
        return MERX_E_MEMORY;
    if (*below == '\0')
        return slash ? MERX_OK : collect(listing, "", 0, err); /* no name begins with a slash */
    if (!mx_blob_name_valid(below))
        return MERX_OK; /* nor goes through such a folder */
    char *path = mx_path_join(&listing->arena, listing->root, below, err);
    if (path == NULL)
        return MERX_E_MEMORY;
    return mx_path_is_folder(path) ? collect(listing, below, 0, err) : MERX_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static merx_status directory_list(void *state, const char *prefix, mx_blob_fn fn, void *context, merx_error *err)
{
    mx_directory *directory = state;
    mx_listing listing = {.root = directory->root, .prefix = prefix};
    merx_status status;

    mx_arena_init(&listing.arena, directory->alloc);
    listing.names = mx_vec_init(directory->alloc, sizeof(char *), SIZE_MAX / 64, "names of blobs");
    MX_TRY_GOTO(collect_near(&listing, prefix, err));
    if (listing.names.count > 1)
        qsort(listing.names.data, listing.names.count, sizeof(char *), compare_names);
    for (size_t i = 0; i < listing.names.count; i++) {
        const char *name = MX_VEC_AT(&listing.names, char *, i);
        uint64_t size;
        char *path = mx_path_join(&listing.arena, directory->root, name, err);
        if (path == NULL) {
            status = MERX_E_MEMORY;
            goto out;
        }
        if (!mx_path_exists(path)) /* removed since */
            continue;
        MX_TRY_GOTO(mx_file_size(path, &size, err));
        MX_TRY_GOTO(fn(context, name, size, err));
    }
out:
    mx_vec_release(&listing.names);
    mx_arena_release(&listing.arena);
    return status;
}

const mx_blobs_driver mx_blobs_directory = {
    .version = 1,
    .name = "directory",
    .text = "files below one folder of a local disk",
    .open = directory_open,
    .close = directory_close,
    .put = directory_put,
    .map = directory_map,
    .unmap = directory_unmap,
    .list = directory_list,
    .remove = directory_remove,
    .read = directory_read,
    .put_made = directory_put_made,
};
