/*
 * Files and folders of the system (see file.h).
 */
#include "io/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/atomic_file.h"

#define MAX_FOLDER_ENTRIES ((size_t)1 << 24)

merx_status mx_map_open(const char *path, mx_map *out, merx_error *err)
{
    *out = (mx_map){NULL, 0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return mx_error_errno(err, errno, path, "open");
    merx_status status = MERX_OK;
    struct stat info;
    if (fstat(fd, &info) != 0)
        MX_TRY_GOTO(mx_error_errno(err, errno, path, "look at"));
    if (!S_ISREG(info.st_mode))
        MX_FAIL_GOTO(err, MERX_E_INVALID, path, "is not a regular file");
    if (info.st_size > 0) {
        void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            MX_TRY_GOTO(mx_error_errno(err, errno, path, "map"));
        *out = (mx_map){data, (size_t)info.st_size};
    }
out:
    (void)close(fd);
    return status;
}

void mx_map_close(mx_map *map)
{
    if (map->data) {
        union {
            const unsigned char *read;
            void *any;
        } address = {.read = map->data}; /* munmap takes no const */
        (void)munmap(address.any, map->size);
    }
    *map = (mx_map){NULL, 0};
}

merx_status mx_read_at(int fd, uint64_t offset, void *buffer, size_t size, size_t *got, const char *name,
                       merx_error *err)
{
    *got = 0;
    while (*got < size) {
        ssize_t n = pread(fd, (char *)buffer + *got, size - *got, (off_t)(offset + *got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return mx_error_errno(err, errno, name, "read");
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return MERX_OK;
}

bool mx_path_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

bool mx_path_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool mx_path_is_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

merx_status mx_file_size(const char *path, uint64_t *size, merx_error *err)
{
    struct stat info;
    *size = 0;
    if (stat(path, &info) != 0)
        return mx_error_errno(err, errno, path, "look at");
    if (!S_ISREG(info.st_mode))
        MX_FAIL(err, MERX_E_INVALID, path, "is not a regular file");
    *size = (uint64_t)info.st_size;
    return MERX_OK;
}

merx_status mx_make_folders(const char *path, merx_error *err)
{
    char part[PATH_MAX];
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof part)
        MX_FAIL(err, MERX_E_INVALID, path, "is not a path (1 to %zu bytes expected)", sizeof part - 1);
    memcpy(part, path, size + 1);
    for (size_t i = 1; i <= size; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        char kept = part[i];
        part[i] = '\0';
        /* What is there already needs no right to make it (a parent may be read-only). */
        if (!mx_path_is_folder(part) && mkdir(part, 0777) != 0) {
            if (errno != EEXIST)
                return mx_error_errno(err, errno, part, "make the folder");
            if (!mx_path_is_folder(part)) /* another process may just have made it */
                MX_FAIL(err, MERX_E_EXISTS, part, "is there already and is no folder");
        }
        part[i] = kept;
    }
    return MERX_OK;
}

merx_status mx_remove_file(const char *path, merx_error *err)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return mx_error_errno(err, errno, path, "remove");
    return MERX_OK;
}

char *mx_path_join(mx_arena *arena, const char *dir, const char *name, merx_error *err)
{
    size_t size = strlen(dir);
    const char *between = size == 0 || dir[size - 1] == '/' ? "" : "/";
    return mx_arena_printf(arena, err, "%s%s%s", dir, between, name);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

merx_status mx_list_folder(const char *path, mx_arena *arena, char ***names, size_t *count, merx_error *err)
{
    *names = NULL;
    *count = 0;
    DIR *dir = opendir(path);
    if (!dir)
        return mx_error_errno(err, errno, path, "list");
    merx_status status = MERX_OK;
    mx_vec found = mx_vec_init(arena->alloc, sizeof(char *), MAX_FOLDER_ENTRIES, "names of a folder");
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry) {
            if (errno != 0)
                MX_TRY_GOTO(mx_error_errno(err, errno, path, "list"));
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *name = mx_arena_strdup(arena, entry->d_name, err);
        if (!name) {
            status = MERX_E_MEMORY;
            goto out;
        }
        MX_TRY_GOTO(mx_vec_append(&found, &name, 1, err));
    }
    if (found.count > 0) {
        char **list = mx_arena_array(arena, found.count, sizeof *list, err);
        if (!list) {
            status = MERX_E_MEMORY;
            goto out;
        }
        memcpy(list, found.data, found.count * sizeof *list);
        qsort(list, found.count, sizeof *list, compare_names);
        *names = list;
        *count = found.count;
    }
out:
    mx_vec_release(&found);
    (void)closedir(dir);
    return status;
}

void mx_remove_tree(const char *path)
{
    mx_arena arena;
    char **names;
    size_t count;
    struct stat info;

    mx_arena_init(&arena, NULL);
    if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode) &&
        mx_list_folder(path, &arena, &names, &count, NULL) == MERX_OK)
        for (size_t i = 0; i < count; i++) {
            const char *below = mx_path_join(&arena, path, names[i], NULL);
            if (below != NULL)
                mx_remove_tree(below);
        }
    (void)remove(path);
    mx_arena_release(&arena);
}

merx_status mx_write_file(const char *path, const void *data, size_t size, merx_error *err)
{
    mx_atomic_file file;
    MX_TRY(mx_atomic_open(&file, path, err));
    MX_TRY(mx_atomic_write(&file, data, size, err));
    return mx_atomic_commit(&file, err);
}
