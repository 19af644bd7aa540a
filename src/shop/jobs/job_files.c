/*
 * Jobs on disk: FOLDER/jobs/ID/ with job.json (the record), log, export.jsonl (what an export made), import/ (links to the uploads of an import that runs).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/file.h"
#include "shop/jobs/job_state.h"
#include "shop/jobs/uploads.h"

enum { PATH_BYTES = 4096, RECORD_BYTES = 8 << 20 };

bool mx_job_id_valid(const char *id)
{
    return strlen(id) == MX_JOB_ID_SIZE - 1 && strspn(id, "0123456789abcdef") == MX_JOB_ID_SIZE - 1;
}

bool mx_job_path(const mx_shop_jobs *shop, const char *id, const char *name, char *out, size_t size)
{
    int n = snprintf(out, size, "%s/jobs/%s%s%s", shop->folder, id, *name ? "/" : "", name);
    return n > 0 && (size_t)n < size;
}

static merx_status path_of(const mx_shop_jobs *shop, const char *id, const char *name, char out[PATH_BYTES],
                           merx_error *err)
{
    if (!mx_job_path(shop, id, name, out, PATH_BYTES))
        MX_FAIL(err, MERX_E_LIMIT, shop->folder, "the path of the folder is too long for its jobs");
    return MERX_OK;
}

/* ---- the record ---- */

merx_status mx_job_file_write(const mx_shop_jobs *shop, const char *id, json_t *json, merx_error *err)
{
    char path[PATH_BYTES];
    MX_TRY(path_of(shop, id, "", path, err));
    MX_TRY(mx_make_folders(path, err));
    MX_TRY(path_of(shop, id, "job.json", path, err));
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    if (!text)
        MX_FAIL(err, MERX_E_MEMORY, "", "no memory for the record of a job");
    merx_status status = mx_write_file(path, text, strlen(text), err);
    free(text); /* allocated by jansson */
    return status;
}

merx_status mx_job_file_read(const mx_shop_jobs *shop, const char *id, json_t **json, merx_error *err)
{
    char path[PATH_BYTES];
    uint64_t size = 0;
    json_error_t where;

    *json = NULL;
    MX_TRY(path_of(shop, id, "job.json", path, err));
    if (!mx_path_is_file(path))
        MX_FAIL(err, MERX_E_NOT_FOUND, "", "there is no job \"%s\"", id);
    MX_TRY(mx_file_size(path, &size, err));
    if (size > RECORD_BYTES)
        MX_FAIL(err, MERX_E_CORRUPT, path, "is not the record of a job: it has %llu bytes", (unsigned long long)size);
    *json = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(*json)) {
        json_decref(*json);
        *json = NULL;
        MX_FAIL(err, MERX_E_CORRUPT, path, "is not the record of a job: line %d: %s", where.line, where.text);
    }
    return MERX_OK;
}

/* ---- folders ---- */

/* What a job's folder holds is files and one folder of links. */
static void remove_folder(const char *path, int depth)
{
    mx_arena arena;
    char **names = NULL;
    size_t n = 0;
    mx_arena_init(&arena, NULL);
    if (mx_list_folder(path, &arena, &names, &n, NULL) != MERX_OK)
        n = 0;
    for (size_t i = 0; i < n; i++) {
        const char *inner = mx_path_join(&arena, path, names[i], NULL);
        struct stat info;
        if (!inner || lstat(inner, &info) != 0)
            continue;
        if (S_ISDIR(info.st_mode) && depth > 0)
            remove_folder(inner, depth - 1);
        else
            (void)unlink(inner);
    }
    (void)rmdir(path);
    mx_arena_release(&arena);
}

void mx_job_folder_remove(const mx_shop_jobs *shop, const char *id)
{
    char path[PATH_BYTES];
    if (mx_job_path(shop, id, "", path, sizeof path))
        remove_folder(path, 1);
}

void mx_job_import_remove(const mx_shop_jobs *shop, const char *id)
{
    char path[PATH_BYTES];
    if (mx_job_path(shop, id, MX_JOB_IMPORT_FOLDER, path, sizeof path) && mx_path_is_folder(path))
        remove_folder(path, 0);
}

merx_status mx_job_lock(mx_shop_jobs *shop, bool *taken, merx_error *err)
{
    char path[PATH_BYTES];
    *taken = shop->lock_fd >= 0;
    if (*taken)
        return MERX_OK;
    MX_TRY(path_of(shop, "", "", path, err));
    MX_TRY(mx_make_folders(path, err));
    MX_TRY(path_of(shop, "lock", "", path, err));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return mx_error_errno(err, errno, path, "open");
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int failed = errno;
        (void)close(fd);
        return failed == EWOULDBLOCK ? MERX_OK : mx_error_errno(err, failed, path, "lock");
    }
    shop->lock_fd = fd;
    *taken = true;
    return MERX_OK;
}

merx_status mx_job_ids(const mx_shop_jobs *shop, mx_arena *arena, char ***ids, size_t *n, merx_error *err)
{
    char path[PATH_BYTES];
    size_t count = 0;
    *n = 0;
    *ids = NULL;
    MX_TRY(path_of(shop, "", "", path, err));
    if (!mx_path_is_folder(path))
        return MERX_OK;
    MX_TRY(mx_list_folder(path, arena, ids, &count, err));
    for (size_t i = 0; i < count; i++)
        if (mx_job_id_valid((*ids)[i]))
            (*ids)[(*n)++] = (*ids)[i];
    return MERX_OK;
}

merx_status mx_job_files_forget(const char *folder, merx_error *err)
{
    mx_shop_jobs shop = {.lock_fd = -1};
    mx_arena arena;
    char **ids;
    size_t n;
    char path[PATH_BYTES];

    mx_arena_init(&arena, NULL);
    shop.folder = mx_arena_strdup(&arena, folder, err);
    merx_status status = shop.folder ? mx_uploads_sweep(folder, INT64_MAX, false, err) : MERX_E_MEMORY;
    if (status == MERX_OK)
        status = mx_job_ids(&shop, &arena, &ids, &n, err);
    for (size_t i = 0; status == MERX_OK && i < n; i++) {
        status = path_of(&shop, ids[i], MX_JOB_EXPORT_FILE, path, err);
        if (status == MERX_OK)
            status = mx_remove_file(path, err);
    }
    mx_arena_release(&arena);
    return status;
}

/* ---- the log ---- */

void mx_job_log_open(mx_job_run *run)
{
    char path[PATH_BYTES];
    run->log_fd = -1;
    run->log_bytes = 0;
    if (mx_job_path(run->shop, run->entry->id, "log", path, sizeof path))
        run->log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

void mx_job_log_close(mx_job_run *run)
{
    if (run->log_fd >= 0)
        (void)close(run->log_fd);
    run->log_fd = -1;
}

void mx_job_say(mx_job_run *run, const char *format, ...)
{
    static const char full[] = "the log is full: what follows is left out\n";
    char line[1200];
    va_list arguments;
    int64_t now = mx_now_ms();
    if (run->log_fd < 0 || run->log_bytes >= MX_JOB_LOG_BYTES)
        return;
    size_t size = mx_format_date(now, true, line);
    line[size++] = ' ';
    va_start(arguments, format);
    int length = vsnprintf(line + size, sizeof line - size - 1, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    size_t end = strlen(line);
    /* One line, whatever a name in it holds; and whole characters where it was cut. */
    for (size_t i = size; i < end; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = ' ';
    while (end > size && !mx_utf8_valid((mx_str){line, end}, NULL))
        end--;
    line[end++] = '\n';
    if (run->log_bytes + end + sizeof full > MX_JOB_LOG_BYTES) {
        memcpy(line + size, full, sizeof full - 1);
        end = size + sizeof full - 1;
        run->log_bytes = MX_JOB_LOG_BYTES;
    }
    if (write(run->log_fd, line, end) != (ssize_t)end)
        run->log_bytes = MX_JOB_LOG_BYTES; /* the disk is full: half a line is enough */
    else if (run->log_bytes < MX_JOB_LOG_BYTES)
        run->log_bytes += end;
}

merx_status mx_job_log(mx_shop_jobs *shop, const char *id, uint64_t from, size_t n, mx_text *out, merx_error *err)
{
    char path[PATH_BYTES];
    char block[8192];
    merx_status status = MERX_OK;

    if (!mx_job_id_valid(id) || mx_job_version(shop, id, NULL) == 0)
        MX_FAIL(err, MERX_E_NOT_FOUND, "", "there is no job \"%.40s\"", id);
    MX_TRY(path_of(shop, id, "log", path, err));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return MERX_OK; /* it has not begun */
    if (fd < 0)
        return mx_error_errno(err, errno, path, "open");
    size_t begin = out->size;
    while (out->size - begin < n) {
        size_t left = n - (out->size - begin);
        size_t got;
        MX_TRY_GOTO(mx_read_at(fd, from + (out->size - begin), block, left < sizeof block ? left : sizeof block, &got,
                               path, err));
        if (got == 0)
            break;
        mx_text_append(out, block, got);
    }
    MX_TRY_GOTO(mx_text_ok(out, err));
    /* A line that is being written is the next call's. */
    while (out->size > begin && out->data[out->size - 1] != '\n')
        out->data[--out->size] = '\0';
out:
    (void)close(fd);
    return status;
}

merx_status mx_job_file(mx_shop_jobs *shop, const char *id, int *fd, uint64_t *bytes, merx_error *err)
{
    char path[PATH_BYTES];
    struct stat info;

    if (!mx_job_id_valid(id) || mx_job_version(shop, id, NULL) == 0)
        MX_FAIL(err, MERX_E_NOT_FOUND, "", "there is no job \"%.40s\"", id);
    MX_TRY(path_of(shop, id, MX_JOB_EXPORT_FILE, path, err));
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0 && errno == ENOENT)
        MX_FAIL(err, MERX_E_NOT_FOUND, "",
                "the job has no file: exports make one, which is removed after %d hours and when a customer is erased",
                MX_JOB_FILE_HOURS);
    if (*fd < 0)
        return mx_error_errno(err, errno, path, "open");
    if (fstat(*fd, &info) != 0) {
        int failed = errno;
        (void)close(*fd);
        return mx_error_errno(err, failed, path, "look at");
    }
    *bytes = (uint64_t)info.st_size;
    return MERX_OK;
}
