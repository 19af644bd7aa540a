/*
 * Uploads: a temporary file that is hashed while it is written, then renamed.
 */
#include "shop/jobs/uploads.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "io/atomic_file.h"
#include "io/file.h"

#define FOLDER "uploads"
/* The disk begins to write when so much has come, so that the end has little left to wait for. */
enum { WRITE_BACK_BYTES = 8 << 20 };

struct mx_upload {
    mx_atomic_file file;
    mx_sha256 sha256;
    uint64_t bytes, limit, begun_writing;
    merx_error failed; /* code MERX_OK: not yet */
};

bool mx_upload_name_valid(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return n >= 1 && n <= MX_UPLOAD_NAME_MAX && name[n] == '\0' && name[0] != '.';
}

static merx_status check_name(const char *name, merx_error *err)
{
    if (!mx_upload_name_valid(name))
        MX_FAIL(err, MERX_E_INVALID, "name",
                "\"%.80s\" can't be the name of an upload (expected 1 to %d of A-Z a-z 0-9 . _ -, no dot first)", name,
                MX_UPLOAD_NAME_MAX);
    return MERX_OK;
}

/* "FOLDER/uploads" or "FOLDER/uploads/NAME" in the arena. */
static char *path_of(const char *folder, const char *name, mx_arena *arena, merx_error *err)
{
    char *uploads = mx_path_join(arena, folder, FOLDER, err);
    return uploads && name ? mx_path_join(arena, uploads, name, err) : uploads;
}

static merx_status check_count(const char *uploads, const char *path, mx_arena *arena, merx_error *err)
{
    char **names;
    size_t n;
    if (mx_path_exists(path))
        return MERX_OK;
    MX_TRY(mx_list_folder(uploads, arena, &names, &n, err));
    if (n >= MX_UPLOADS_MAX)
        MX_FAIL(err, MERX_E_LIMIT, "", "%d uploads are there already; remove some, or send them as one tar file",
                MX_UPLOADS_MAX);
    return MERX_OK;
}

merx_status mx_upload_begin(const char *folder, const char *name, uint64_t limit, mx_upload **out, merx_error *err)
{
    mx_upload *upload = NULL;
    merx_status status = MERX_OK;
    mx_arena arena;

    *out = NULL;
    MX_TRY(check_name(name, err));
    mx_arena_init(&arena, NULL);
    char *uploads = path_of(folder, NULL, &arena, err);
    char *path = path_of(folder, name, &arena, err);
    if (!uploads || !path) {
        status = MERX_E_MEMORY;
        goto out;
    }
    MX_TRY_GOTO(mx_make_folders(uploads, err));
    MX_TRY_GOTO(check_count(uploads, path, &arena, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(NULL, 1, &upload, "upload", err));
    status = mx_atomic_open(&upload->file, path, err);
    if (status != MERX_OK) {
        MX_FREE_ARRAY(NULL, upload, 1);
        goto out;
    }
    mx_sha256_init(&upload->sha256);
    upload->limit = limit;
    *out = upload;
out:
    mx_arena_release(&arena);
    return status;
}

static merx_status fail_again(const mx_upload *upload, merx_error *err)
{
    MX_FAIL(err, upload->failed.code, upload->failed.where, "%s", upload->failed.message);
}

merx_status mx_upload_write(mx_upload *upload, const void *data, size_t size, merx_error *err)
{
    if (upload->failed.code != MERX_OK)
        return fail_again(upload, err);
    merx_status status;
    if (size > upload->limit - upload->bytes) {
        mx_atomic_abandon(&upload->file);
        status = mx_error_set(&upload->failed, MERX_E_LIMIT, "", "the file has more than %llu bytes",
                              (unsigned long long)upload->limit);
    } else {
        status = mx_atomic_write(&upload->file, data, size, &upload->failed);
    }
    if (status != MERX_OK)
        return fail_again(upload, err);
    mx_sha256_update(&upload->sha256, data, size);
    upload->bytes += size;
    if (upload->bytes - upload->begun_writing >= WRITE_BACK_BYTES) {
        (void)sync_file_range(upload->file.fd, (off_t)upload->begun_writing,
                              (off_t)(upload->bytes - upload->begun_writing), SYNC_FILE_RANGE_WRITE);
        upload->begun_writing = upload->bytes;
    }
    return MERX_OK;
}

merx_status mx_upload_commit(mx_upload *upload, char sha256[65], uint64_t *bytes, merx_error *err)
{
    merx_status status =
        upload->failed.code != MERX_OK ? fail_again(upload, err) : mx_atomic_commit(&upload->file, err);
    mx_sha256_hex_so_far(&upload->sha256, sha256);
    *bytes = upload->bytes;
    MX_FREE_ARRAY(NULL, upload, 1);
    return status;
}

void mx_upload_abandon(mx_upload *upload)
{
    if (!upload)
        return;
    mx_atomic_abandon(&upload->file);
    MX_FREE_ARRAY(NULL, upload, 1);
}

/* ---- what is there ---- */

static merx_status list_names(const char *folder, mx_arena *arena, char **uploads, char ***names, size_t *n,
                              merx_error *err)
{
    *n = 0;
    *uploads = path_of(folder, NULL, arena, err);
    if (!*uploads)
        return MERX_E_MEMORY;
    return mx_path_is_folder(*uploads) ? mx_list_folder(*uploads, arena, names, n, err) : MERX_OK;
}

static int64_t changed_ms(const struct stat *info)
{
    return (int64_t)info->st_mtim.tv_sec * 1000 + info->st_mtim.tv_nsec / 1000000;
}

merx_status mx_uploads_list(const char *folder, mx_arena *arena, mx_uploaded **out, size_t *n, merx_error *err)
{
    char *uploads;
    char **names = NULL;
    size_t count;
    struct stat info;

    *n = 0;
    MX_TRY(list_names(folder, arena, &uploads, &names, &count, err));
    *out = mx_arena_array(arena, count + 1, sizeof **out, err);
    if (!*out)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const char *path = mx_path_join(arena, uploads, names[i], err);
        if (!path)
            return MERX_E_MEMORY;
        /* One that is gone meanwhile is none. */
        if (mx_upload_name_valid(names[i]) && stat(path, &info) == 0 && S_ISREG(info.st_mode))
            (*out)[(*n)++] = (mx_uploaded){names[i], (uint64_t)info.st_size, changed_ms(&info)};
    }
    return MERX_OK;
}

merx_status mx_upload_remove(const char *folder, const char *name, merx_error *err)
{
    mx_arena arena;
    MX_TRY(check_name(name, err));
    mx_arena_init(&arena, NULL);
    char *path = path_of(folder, name, &arena, err);
    merx_status status = path ? MERX_OK : MERX_E_MEMORY;
    if (path && !mx_path_is_file(path))
        status = mx_error_set(err, MERX_E_NOT_FOUND, "", "there is no upload \"%s\"", name);
    if (status == MERX_OK)
        status = mx_remove_file(path, err);
    mx_arena_release(&arena);
    return status;
}

merx_status mx_uploads_sweep(const char *folder, int64_t before_ms, bool unfinished, merx_error *err)
{
    char *uploads;
    char **names = NULL;
    size_t n;
    struct stat info;
    mx_arena arena;

    mx_arena_init(&arena, NULL);
    merx_status status = list_names(folder, &arena, &uploads, &names, &n, err);
    for (size_t i = 0; status == MERX_OK && i < n; i++) {
        const char *path = mx_path_join(&arena, uploads, names[i], err);
        if (!path)
            status = MERX_E_MEMORY;
        else if (mx_upload_name_valid(names[i])
                     ? before_ms == INT64_MAX || (stat(path, &info) == 0 && changed_ms(&info) < before_ms)
                     : unfinished)
            status = mx_remove_file(path, err);
    }
    mx_arena_release(&arena);
    return status;
}
