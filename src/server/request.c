/*
 * Replies, and what failures look like.
 */
#include "server/request.h"

#include "server/pages.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/server_state.h"
#include "server/streams.h"
#include "shop/jobs/uploads.h"

static const struct {
    unsigned status;
    const char *code, *hint;
} errors_table[MX_HTTP_ERRORS] = {
#define MX_HTTP_ERROR_ROW(name, status, code, hint) [MX_HTTP_##name] = {status, code, hint},
    MX_HTTP_ERROR_TABLE(MX_HTTP_ERROR_ROW)
#undef MX_HTTP_ERROR_ROW
};

unsigned mx_http_error_status(mx_http_error error)
{
    return errors_table[error].status;
}

const char *mx_http_error_code(mx_http_error error)
{
    return errors_table[error].code;
}

mx_http_error mx_http_error_of(merx_status status)
{
    switch (status) {
    case MERX_E_INVALID:
    case MERX_E_SHAPE:
    case MERX_E_TYPE:
    case MERX_E_RANGE:
    case MERX_E_PARSE:
    case MERX_E_UNSUPPORTED:
        return MX_HTTP_BAD_REQUEST;
    case MERX_E_NOT_FOUND:
        return MX_HTTP_NOT_FOUND;
    case MERX_E_EXISTS:
    case MERX_E_NOT_FITTED:
    case MERX_E_CHANGED:
    case MERX_E_GATE:
        return MX_HTTP_CONFLICT;
    case MERX_E_LIMIT:
        return MX_HTTP_TOO_LARGE;
    case MERX_E_MEMORY:
    case MERX_E_BUSY:
    case MERX_E_CANCELLED:
        return MX_HTTP_UNAVAILABLE;
    case MERX_E_NO_SPACE:
        return MX_HTTP_NO_SPACE;
    case MERX_OK:
    case MERX_E_VERSION:
    case MERX_E_CORRUPT:
    case MERX_E_NUMERIC:
    case MERX_E_IO:
    case MERX_E_PERMISSION:
    case MERX_E_INTERNAL:
        break;
    }
    return MX_HTTP_INTERNAL;
}

void mx_request_init(mx_request *request, struct merx_server *server, const mx_arena *arena)
{
    memset(request, 0, sizeof *request);
    request->server = server;
    request->path_value = request->attachment = "";
    request->arena = *arena;
    request->memory = mx_arena_allocator(&request->arena);
    mx_text_init(&request->body, NULL, 0);
}

static void clear_reply(mx_request *request)
{
    merx_text_free(request->given);
    request->given = NULL;
    mx_stream_drop(request->stream);
    request->stream = NULL;
    if (request->flow.context)
        request->flow.release(request->flow.context);
    request->flow = (mx_flow){0};
    request->attachment = "";
    request->text = NULL;
    request->size = 0;
    request->status = 0;
    request->etag[0] = '\0';
    request->cache = NULL;
}

mx_arena mx_request_release(mx_request *request)
{
    clear_reply(request);
    mx_upload_abandon(request->upload);
    mx_text_release(&request->body);
    return request->arena;
}

/* What is said when there is no memory to say it with. */
static void reply_fixed(mx_request *request)
{
    static char text[] = "{\"code\":\"unavailable\",\"message\":\"out of memory\",\"where\":\"\",\"hint\":\"try again "
                         "soon\",\"request_id\":\"\"}";
    clear_reply(request);
    request->status = mx_http_error_status(MX_HTTP_UNAVAILABLE);
    request->type = "application/json";
    request->text = text;
    request->size = sizeof text - 1;
}

void mx_request_json(mx_request *request, unsigned status, json_t *value)
{
    char *dump = value ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(value);
    clear_reply(request);
    size_t size = dump ? strlen(dump) : 0;
    request->text = dump ? mx_arena_strndup(&request->arena, dump, size, NULL) : NULL;
    free(dump); /* allocated by jansson */
    request->status = status;
    request->type = "application/json";
    request->size = size;
    if (!request->text)
        reply_fixed(request);
}

void mx_request_text(mx_request *request, const char *type, const char *text, size_t size)
{
    clear_reply(request);
    request->status = 200;
    request->type = type;
    request->text = text;
    request->size = size;
}

void mx_request_give(mx_request *request, const char *type, char *text)
{
    clear_reply(request);
    request->status = 200;
    request->type = type;
    request->text = request->given = text;
    request->size = strlen(text);
}

void mx_request_bytes(mx_request *request, const char *type, const void *bytes, size_t size, const char *etag,
                      const char *cache)
{
    clear_reply(request);
    snprintf(request->etag, sizeof request->etag, "\"%s\"", etag);
    request->cache = cache;
    request->status = mx_etag_is_known(request->etag, request->if_none_match) ? 304 : 200;
    request->type = type;
    request->text = bytes;
    request->size = size; /* of 304 too: the length is told, the body left out */
}

void mx_request_stream(mx_request *request, struct mx_stream *stream)
{
    clear_reply(request);
    request->status = 200;
    request->type = "text/event-stream";
    request->text = "";
    request->stream = stream;
}

void mx_request_flow(mx_request *request, const char *type, const char *name, mx_flow flow)
{
    clear_reply(request);
    request->status = 200;
    request->type = type;
    request->text = "";
    request->attachment = name;
    request->flow = flow;
}

static void fail(mx_request *request, mx_http_error error, json_t *list, const char *where, const char *hint,
                 const char *format, va_list arguments) MERX_PRINTF(6, 0);
static void fail(mx_request *request, mx_http_error error, json_t *list, const char *where, const char *hint,
                 const char *format, va_list arguments)
{
    char message[512];
    vsnprintf(message, sizeof message, format, arguments);
    /* A message quotes what came in, and was perhaps cut within a character. */
    for (size_t size = strlen(message); size > 0 && !mx_utf8_valid((mx_str){message, size}, NULL);)
        message[--size] = '\0';
    bool good = mx_utf8_valid(mx_str_of(where), NULL);
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "code", errors_table[error].code, "message", message, "where",
                  good ? where : "", "hint", *hint ? hint : errors_table[error].hint, "request_id", request->id);
    if (list)
        json_object_set_new(json, "errors", list);
    mx_request_json(request, errors_table[error].status, json);
    if (error == MX_HTTP_UNAVAILABLE && request->retry_after_s == 0)
        request->retry_after_s = 1;
}

void mx_request_fail(mx_request *request, mx_http_error error, const char *where, const char *hint, const char *format,
                     ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail(request, error, NULL, where, hint, format, arguments);
    va_end(arguments);
}

void mx_request_fail_list(mx_request *request, json_t *errors, const char *where, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail(request, MX_HTTP_INVALID_DATA, errors, where, "", format, arguments);
    va_end(arguments);
}

void mx_request_failure(mx_request *request, const merx_error *err)
{
    mx_http_error error = mx_http_error_of(err->code);
    if (err->code == MERX_E_BUSY && request->shop && request->route && request->route->place == MX_WRITES)
        mx_served_shop_was_busy(request->shop);
    if (error != MX_HTTP_INTERNAL && error != MX_HTTP_NO_SPACE && err->code != MERX_E_MEMORY) {
        mx_request_fail(request, error, err->where, "", "%s",
                        err->message[0] ? err->message : merx_status_text(err->code));
        return;
    }
    /* One write a line, so that lines of several threads don't mix. */
    char line[1200];
    int length = snprintf(line, sizeof line, "merx serve: request %s: %s: %s%s%s\n", request->id,
                          merx_status_name(err->code), err->where, err->where[0] ? ": " : "", err->message);
    ssize_t written = length > 0 ? write(STDERR_FILENO, line, strlen(line)) : 0;
    (void)written; /* a log that can't be written has nowhere to say so */
    mx_request_fail(request, error, "", "", "%s", merx_status_text(err->code));
}
