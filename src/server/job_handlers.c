/*
 * Uploads and jobs over HTTP.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/file.h"
#include "server/handlers.h"
#include "server/server_state.h"
#include "shop/jobs/jobs.h"
#include "shop/jobs/uploads.h"

enum { LIST_USUAL = 50, LIST_MAX = 1000, LOG_BYTES = MX_JOB_LOG_BYTES + 4096 };

/* ---- uploads ---- */

static json_t *time_json(int64_t ms)
{
    char text[40];
    mx_format_date(ms, true, text);
    return json_string(text);
}

void mx_handle_put_upload(mx_request *request)
{
    merx_error err = {0};
    char sha256[65];
    uint64_t bytes;
    mx_upload *upload = request->upload;
    request->upload = NULL;
    if (mx_upload_commit(upload, sha256, &bytes, &err) != MERX_OK)
        mx_request_failure(request, &err);
    else
        mx_request_json(
            request, 201,
            json_pack("{s:s, s:I, s:s}", "name", request->path_value, "bytes", (json_int_t)bytes, "sha256", sha256));
}

void mx_handle_list_uploads(mx_request *request)
{
    merx_error err = {0};
    mx_uploaded *list;
    size_t n;
    if (mx_uploads_list(request->shop->folder, &request->arena, &list, &n, &err) != MERX_OK) {
        mx_request_failure(request, &err);
        return;
    }
    json_t *items = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(items, json_pack("{s:s, s:I, s:o}", "name", list[i].name, "bytes",
                                               (json_int_t)list[i].bytes, "created", time_json(list[i].created_ms)));
    mx_request_json(request, 200, json_pack("{s:o, s:n}", "items", items, "next"));
}

void mx_handle_delete_upload(mx_request *request)
{
    merx_error err = {0};
    if (mx_upload_remove(request->shop->folder, request->path_value, &err) != MERX_OK)
        mx_request_failure(request, &err);
    else
        mx_request_json(request, 200, json_pack("{s:s}", "removed", request->path_value));
}

/* ---- jobs ---- */

/* What was asked is wrong in some member: 400, whatever the library calls it. */
static void refuse(mx_request *request, const merx_error *err)
{
    switch (err->code) {
    case MERX_E_INVALID:
    case MERX_E_TYPE:
    case MERX_E_RANGE:
    case MERX_E_NOT_FOUND:
    case MERX_E_EXISTS:
    case MERX_E_UNSUPPORTED:
    case MERX_E_LIMIT:
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, err->where, "docs/jobs.md has every kind of job", "%s",
                        err->message);
        break;
    default:
        mx_request_failure(request, err);
    }
}

void mx_handle_start_job(mx_request *request)
{
    merx_error err = {0};
    json_error_t error;
    json_t *job = NULL;
    json_t *asked = json_loadb(request->body.data, request->body.size, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(asked)) {
        char where[64] = "";
        if (!asked)
            snprintf(where, sizeof where, "line %d, column %d", error.line, error.column);
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, where, "", "the body is not a JSON object%s%s", asked ? "" : ": ",
                        asked ? "" : error.text);
    } else if (mx_job_start(request->shop->jobs, asked, &job, &err) != MERX_OK) {
        refuse(request, &err);
    } else {
        mx_request_json(request, 202, job);
    }
    json_decref(asked);
}

/* limit and after of a listing; false: the reply says what is wrong. */
static bool read_page(mx_request *request, size_t *limit, const char **after)
{
    *limit = LIST_USUAL;
    *after = NULL;
    for (size_t i = 0; i < request->n_query; i++) {
        const mx_query *q = &request->query[i];
        int64_t value = 0;
        if (strcmp(q->name, "limit") == 0) {
            if (!mx_parse_int64(mx_str_of(q->value), &value) || value < 1 || value > LIST_MAX) {
                mx_request_fail(request, MX_HTTP_BAD_REQUEST, "limit", "", "\"%.40s\" is not a number from 1 to %d",
                                q->value, LIST_MAX);
                return false;
            }
            *limit = (size_t)value;
        } else if (strcmp(q->name, "after") == 0) {
            *after = q->value;
        } else {
            mx_request_fail(request, MX_HTTP_BAD_REQUEST, q->name, "",
                            "there is no such parameter here (there are: limit, after)");
            return false;
        }
    }
    return true;
}

void mx_handle_list_jobs(mx_request *request)
{
    merx_error err = {0};
    json_t *list;
    bool more;
    size_t limit;
    const char *after;
    if (!read_page(request, &limit, &after))
        return;
    if (mx_job_list(request->shop->jobs, after, limit, &list, &more, &err) != MERX_OK) {
        mx_request_failure(request, &err);
        return;
    }
    const json_t *last = json_array_get(list, json_array_size(list) - 1);
    json_t *next = more && last ? json_incref(json_object_get(last, "id")) : json_null();
    mx_request_json(request, 200, json_pack("{s:o, s:o}", "items", list, "next", next));
}

void mx_handle_get_job(mx_request *request)
{
    merx_error err = {0};
    json_t *job;
    if (mx_job_get(request->shop->jobs, request->path_value, &job, &err) != MERX_OK)
        mx_request_failure(request, &err);
    else
        mx_request_json(request, 200, job);
}

void mx_handle_cancel_job(mx_request *request)
{
    merx_error err = {0};
    json_t *job;
    if (mx_job_cancel(request->shop->jobs, request->path_value, &job, &err) != MERX_OK)
        mx_request_failure(request, &err);
    else
        mx_request_json(request, 202, job);
}

void mx_handle_job_log(mx_request *request)
{
    merx_error err = {0};
    char *text = NULL;
    mx_text out;
    mx_text_init(&out, NULL, LOG_BYTES + 1);
    merx_status status = mx_job_log(request->shop->jobs, request->path_value, 0, LOG_BYTES, &out, &err);
    if (status == MERX_OK)
        status = mx_text_give(&out, &text, &err);
    mx_text_release(&out);
    if (status != MERX_OK)
        mx_request_failure(request, &err);
    else
        mx_request_give(request, "text/plain; charset=utf-8", text);
}

/* ---- what an export made ---- */

typedef struct file_flow {
    int fd;
} file_flow;

static size_t read_file(void *context, uint64_t at, char *out, size_t size)
{
    const file_flow *f = context;
    size_t got = 0;
    return mx_read_at(f->fd, at, out, size, &got, "", NULL) == MERX_OK ? got : 0;
}

static void close_file(void *context)
{
    file_flow *f = context;
    (void)close(f->fd);
    MX_FREE_ARRAY(NULL, f, 1);
}

void mx_handle_job_file(mx_request *request)
{
    merx_error err = {0};
    uint64_t bytes = 0;
    file_flow *f = NULL;
    int fd = -1;

    merx_status status = mx_job_file(request->shop->jobs, request->path_value, &fd, &bytes, &err);
    const char *name = status == MERX_OK ? mx_arena_printf(&request->arena, &err, "%s-%s.jsonl", request->shop->name,
                                                           request->path_value)
                                         : NULL;
    if (status == MERX_OK)
        status = name ? MX_NEW_ARRAY(NULL, 1, &f, "file", &err) : MERX_E_MEMORY;
    if (status != MERX_OK) {
        if (fd >= 0)
            (void)close(fd);
        mx_request_failure(request, &err);
        return;
    }
    f->fd = fd;
    mx_request_flow(request, "application/x-ndjson", name, (mx_flow){read_file, close_file, f, bytes});
}
