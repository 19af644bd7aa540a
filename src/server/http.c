/*
 * HTTP, by libmicrohttpd: connections come in on its threads (epoll), requests are admitted, their bodies gathered, and either answered at once or set aside (suspended) until a
 * thread for work has filled the reply.
 *
 * A request is in one of three states: reading (its body comes), working (suspended; another thread's), done (the reply is there). Who works makes it done, then resumes it and
 * does not touch it again.
 */
#include <microhttpd.h>

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/system.h"
#include "server/admission.h"
#include "server/connections.h"
#include "server/handlers.h"
#include "server/pages.h"
#include "server/streams.h"
#include "shop/jobs/uploads.h"

/* A refused body up to this size is read and dropped, so that the connection can go on. */
enum { DRAINED_BYTES = 65536, REPLY_HEADER_BYTES = 4096 };
/* What is read and sent at once of replies that flow; and how much of an upload must come within the time that other bodies have. */
enum { FLOW_BYTES = 65536, UPLOAD_TURN_BYTES = 65536 };

typedef struct http_request {
    mx_request request; /* first */
    struct MHD_Connection *connection;
    mx_connection *late;
    double begun_s;
    uint64_t dropped;
    enum { READING, WORKING, DONE } state;
    const char *method;
    const mx_page *page; /* of the console; NULL: it is for the API */
    const char *origin;  /* of a page elsewhere that may read the reply; NULL: none */
    bool preflight;
} http_request;

/* ---- the log ---- */

static const char *known_method(const char *method)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(method, names[i]) == 0)
            return names[i];
    return "other";
}

/* No address, no id of the path, no value of the query: a line says what was asked for, not about whom. */
static void log_access(const http_request *h, double seconds)
{
    const mx_request *r = &h->request;
    char line[768];
    char time[40];
    int64_t now = mx_now_ms();
    size_t size = mx_format_date(now, true, time);
    while (size > 0 && (time[size - 1] == 'Z'))
        time[--size] = '\0';
    char *fraction = strchr(time, '.');
    if (fraction)
        *fraction = '\0';
    int length =
        snprintf(line, sizeof line,
                 "{\"time\":\"%s.%03dZ\",\"request_id\":\"%s\",\"shop\":\"%s\",\"key\":\"%s\",\"method\":\"%s\","
                 "\"route\":\"%s\",\"status\":%u,\"ms\":%.3f,\"bytes_in\":%zu,\"bytes_out\":%zu}\n",
                 time, (int)(now % 1000), r->id, r->shop ? r->shop->name : "", r->key_id, h->method,
                 r->route ? r->route->path : "", r->status, seconds * 1e3, (size_t)r->received, r->size);
    if (length > 0 && (size_t)length < sizeof line && write(STDERR_FILENO, line, (size_t)length) < 0)
        return; /* a log that can't be written has nowhere to say so */
}

static void log_library(void *context, const char *format, va_list arguments) MERX_PRINTF(2, 0);
static void log_library(void *context, const char *format, va_list arguments)
{
    char text[512];
    (void)context;
    if (!mx_log_on("server"))
        return;
    vsnprintf(text, sizeof text, format, arguments);
    mx_log("server", "%s", text);
}

/* ---- the reply ---- */

/* A browser keeps a page, but asks each time whether it still is so: who updates merx has the new console at once. */
static void add_page_headers(const mx_page *page, struct MHD_Response *response)
{
    MHD_add_response_header(response, "Cache-Control", "no-cache");
    MHD_add_response_header(response, "ETag", page->etag);
    MHD_add_response_header(response, "Content-Security-Policy", MX_PAGE_POLICY);
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
}

/* What a page of another origin is told: that it may read the reply, and with a preflight what it may send. */
static void add_cors_headers(const http_request *h, struct MHD_Response *response)
{
    const char *cors = h->request.server->limits.cors;
    if (mx_cors_varies(cors))
        MHD_add_response_header(response, "Vary", "Origin");
    if (!h->origin)
        return;
    MHD_add_response_header(response, "Access-Control-Allow-Origin", mx_cors_varies(cors) ? h->origin : "*");
    MHD_add_response_header(response, "Access-Control-Expose-Headers", "X-Request-Id, Retry-After, ETag");
    if (!h->preflight)
        return;
    MHD_add_response_header(response, "Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
    MHD_add_response_header(response, "Access-Control-Allow-Headers",
                            "Authorization, Content-Type, If-None-Match, Last-Event-ID, Merx-Shop, X-Request-Id");
    MHD_add_response_header(response, "Access-Control-Max-Age", "600");
}

static void add_headers(const http_request *h, struct MHD_Response *response)
{
    const mx_request *r = &h->request;
    char number[16];
    if (r->type)
        MHD_add_response_header(response, "Content-Type", r->type);
    if (!h->page)
        add_cors_headers(h, response);
    MHD_add_response_header(response, "X-Request-Id", r->id);
    if (h->page)
        add_page_headers(h->page, response);
    else
        MHD_add_response_header(response, "Cache-Control", r->cache ? r->cache : "no-store");
    if (r->etag[0])
        MHD_add_response_header(response, "ETag", r->etag);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (r->attachment[0]) {
        char text[MX_UPLOAD_NAME_MAX + 40];
        snprintf(text, sizeof text, "attachment; filename=\"%.*s\"", MX_UPLOAD_NAME_MAX, r->attachment);
        MHD_add_response_header(response, "Content-Disposition", text);
    }
    if (r->stream)
        MHD_add_response_header(response, "X-Accel-Buffering", "no"); /* nginx in front sends on at once */
    if (r->status == 401)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    if (r->allow[0])
        MHD_add_response_header(response, "Allow", r->allow);
    if (r->retry_after_s > 0) {
        snprintf(number, sizeof number, "%d", r->retry_after_s);
        MHD_add_response_header(response, "Retry-After", number);
    }
    if (atomic_load(&r->server->stopping))
        MHD_add_response_header(response, "Connection", "close");
}

/* ---- replies that flow ---- */

/* On its own: it may outlive the request. */
typedef struct flowing {
    mx_flow flow;
    mx_connection *late;
} flowing;

static ssize_t read_flow(void *context, uint64_t at, char *out, size_t size)
{
    flowing *f = context;
    uint64_t left = f->flow.size - at;
    size_t wanted = left < size ? (size_t)left : size;
    if (wanted == 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    mx_connection_turn(f->late, false); /* what was given before is taken: the client has its time again */
    return f->flow.read(f->flow.context, at, out, wanted) == wanted ? (ssize_t)wanted
                                                                    : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void free_flow(void *context)
{
    flowing *f = context;
    f->flow.release(f->flow.context);
    MX_FREE_ARRAY(NULL, f, 1);
}

static ssize_t read_stream(void *context, uint64_t at, char *out, size_t size)
{
    (void)at;
    ptrdiff_t given = mx_stream_read(context, out, size);
    return given < 0 ? MHD_CONTENT_READER_END_OF_STREAM : given;
}

static void free_stream(void *context)
{
    mx_stream_drop(context);
}

/* The reply's stream or flow becomes the response's; NULL: no memory, and they are still the request's. */
static struct MHD_Response *make_flowing(http_request *h)
{
    mx_request *r = &h->request;
    if (r->stream) {
        struct MHD_Response *response =
            MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, FLOW_BYTES, read_stream, r->stream, free_stream);
        if (response) {
            mx_stream_begin(r->stream, h->connection, h->late);
            r->stream = NULL;
        }
        return response;
    }
    flowing *f;
    if (MX_NEW_ARRAY(NULL, 1, &f, "reply", NULL) != MERX_OK)
        return NULL;
    *f = (flowing){r->flow, h->late};
    struct MHD_Response *response =
        MHD_create_response_from_callback(r->flow.size, FLOW_BYTES, read_flow, f, free_flow);
    if (!response) {
        MX_FREE_ARRAY(NULL, f, 1);
        return NULL;
    }
    r->size = (size_t)r->flow.size;
    r->flow = (mx_flow){0};
    return response;
}

static enum MHD_Result send_reply(http_request *h)
{
    mx_request *r = &h->request;
    if (r->status == 0)
        mx_request_fail(r, MX_HTTP_INTERNAL, "", "", "the route gave no reply");
    /* The text is the request's, which outlives its sending. */
    void *text; /* libmicrohttpd only reads it, whatever its prototype says */
    memcpy(&text, &r->text, sizeof text);
    bool flows = r->flow.context || (r->stream && strcmp(h->method, "HEAD") != 0);
    struct MHD_Response *response =
        flows ? make_flowing(h) : MHD_create_response_from_buffer(r->size, text, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    add_headers(h, response);
    enum MHD_Result result = MHD_queue_response(h->connection, r->status, response);
    MHD_destroy_response(response);
    mx_connection_turn(h->late, false); /* the client's turn to read it */
    return result;
}

/* ---- work ---- */

/* The reply is there. */
static void end_work(mx_request *request)
{
    http_request *h = (http_request *)(void *)request;
    struct MHD_Connection *connection = h->connection;
    h->state = DONE;
    MHD_resume_connection(connection);
}

static bool is_events(const mx_work *work)
{
    return ((const mx_request *)(const void *)work)->route->handle == mx_handle_events;
}

/* Events that wait in the same lane go together, up to a size of which none is kept waiting long. */
static void run_events(mx_request *first)
{
    enum { GROUP_BYTES = 2 << 20 };
    mx_request *group[MX_EVENT_GROUP_MAX] = {first};
    size_t n = 1, bytes = first->body.size;

    while (n < MX_EVENT_GROUP_MAX && bytes < GROUP_BYTES) {
        mx_work *more = mx_work_queue_more(first->server->queue, &first->shop->writes, is_events);
        if (!more)
            break;
        group[n] = (mx_request *)(void *)more;
        bytes += group[n++]->body.size;
    }
    mx_handle_event_group(group, n);
    for (size_t i = 0; i < n; i++)
        end_work(group[i]);
}

static void run_work(mx_work *work)
{
    mx_request *request = (mx_request *)(void *)work;
    const http_request *h = (const http_request *)(void *)work;

    if (request->route->place == MX_WRITES && mx_served_shop_busy_since(request->shop, h->begun_s)) {
        mx_request_fail(request, MX_HTTP_UNAVAILABLE, "", "", "another writer holds the shop, an import perhaps");
    } else if (is_events(work)) {
        run_events(request);
        return;
    } else {
        request->route->handle(request);
    }
    end_work(request);
}

static enum MHD_Result dispatch(http_request *h)
{
    mx_request *r = &h->request;
    bool aside = r->route->place == MX_WRITES || r->route->place == MX_ASIDE || r->picture ||
                 (r->route->place == MX_ANSWERS && mx_request_is_slow(r));

    mx_connection_turn(h->late, true);
    if (!aside) {
        r->route->handle(r);
        h->state = DONE;
        return send_reply(h);
    }
    h->state = WORKING;
    r->work.run = run_work;
    MHD_suspend_connection(h->connection);
    if (mx_work_queue_put(r->server->queue, r->route->place == MX_WRITES ? &r->shop->writes : NULL, &r->work))
        return MHD_YES;
    mx_request_fail(r, MX_HTTP_UNAVAILABLE, "", "", "%s",
                    atomic_load(&r->server->stopping) ? "the server is stopping" : "too many requests wait already");
    h->state = DONE;
    MHD_resume_connection(h->connection);
    return MHD_YES;
}

/* ---- reading ---- */

static enum MHD_Result take_query(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    mx_request *r = context;
    (void)kind;
    if (r->n_query >= MX_QUERY_MAX) {
        mx_request_fail(r, MX_HTTP_BAD_REQUEST, "query", "", "has more than %d parameters", MX_QUERY_MAX);
        return MHD_NO;
    }
    return mx_admit_query(r, &r->query[r->n_query++], name, value) ? MHD_YES : MHD_NO;
}

static void read_query(mx_request *r)
{
    int n = MHD_get_connection_values(((http_request *)(void *)r)->connection, MHD_GET_ARGUMENT_KIND, NULL, NULL);
    if (n <= 0 || r->status)
        return;
    r->query = mx_arena_array(&r->arena, (size_t)n < MX_QUERY_MAX ? (size_t)n : MX_QUERY_MAX, sizeof *r->query, NULL);
    if (!r->query)
        mx_request_fail(r, MX_HTTP_UNAVAILABLE, "", "", "out of memory");
    else
        MHD_get_connection_values(((http_request *)(void *)r)->connection, MHD_GET_ARGUMENT_KIND, take_query, r);
}

static enum MHD_Result take_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    static const struct {
        const char *name;
        size_t place;
    } known[] = {{"Authorization", offsetof(mx_head, authorization)},
                 {"Host", offsetof(mx_head, host)},
                 {"Merx-Shop", offsetof(mx_head, shop)},
                 {"Content-Type", offsetof(mx_head, content_type)},
                 {"Content-Length", offsetof(mx_head, content_length)},
                 {"X-Request-Id", offsetof(mx_head, request_id)},
                 {"If-None-Match", offsetof(mx_head, if_none_match)},
                 {"Origin", offsetof(mx_head, origin)},
                 {"Access-Control-Request-Method", offsetof(mx_head, preflight_method)}};
    (void)kind;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const char **place = (const char **)(void *)((char *)context + known[i].place);
        /* Letters that differ in case alone are equal but for that bit. Of a header that is sent twice the first counts. */
        if (((name[0] ^ known[i].name[0]) & ~0x20) == 0 && !*place && strcasecmp(name, known[i].name) == 0)
            *place = value;
    }
    return MHD_YES;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* While everybody is let in no page of another origin is: see cors.h. A preflight has no key; it tells nothing but which origins there may be. */
static void look_at_origin(http_request *h, const mx_head *head)
{
    merx_server *server = h->request.server;
    if (h->page || !mx_cors_allows(server->limits.cors, head->origin) || mx_admits_anybody(server))
        return;
    h->origin = head->origin;
    h->preflight = strcmp(h->method, "OPTIONS") == 0 && head->preflight_method;
}

/* The body goes to the disk as it comes. */
static void begin_upload(mx_request *r)
{
    merx_error err = {0};
    if (mx_upload_begin(r->shop->folder, r->path_value, r->server->limits.upload_bytes, &r->upload, &err) != MERX_OK)
        mx_request_failure(r, &err);
}

static void take_upload(http_request *h, const char *data, size_t size)
{
    mx_request *r = &h->request;
    merx_error err = {0};
    if (r->received / UPLOAD_TURN_BYTES != (r->received - size) / UPLOAD_TURN_BYTES)
        mx_connection_turn(h->late, false);
    if (mx_upload_write(r->upload, data, size, &err) != MERX_OK)
        mx_request_failure(r, &err);
}

static http_request *begin(merx_server *server, struct MHD_Connection *connection, const char *url, const char *method)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    mx_connection *late = info ? info->socket_context : NULL;
    mx_arena arena = mx_spare_arena_take(&server->spares);
    http_request *h = mx_arena_alloc(&arena, sizeof *h, NULL);
    if (!h) {
        mx_arena_release(&arena);
        return NULL;
    }
    mx_head head = {.method = method, .path = url};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, take_header, &head);
    mx_request_init(&h->request, server, &arena);
    mx_connection_turn(late, false); /* the body has a time of its own */
    h->connection = connection;
    h->late = late;
    h->begun_s = mx_monotonic_s();
    h->method = known_method(method);
    h->request.if_none_match = head.if_none_match; /* lives as long as the request */
    atomic_fetch_add(&server->active, 1);
    mx_admit_id(&h->request, head.request_id);
    h->page = mx_page_find(method, url);
    look_at_origin(h, &head);
    if (h->page)
        mx_page_answer(&h->request, h->page, head.if_none_match);
    else if (h->preflight)
        h->request.status = 204;
    else
        mx_admit(&h->request, &head);
    read_query(&h->request);
    if (!h->request.status && h->request.route && h->request.route->takes == MX_FILE)
        begin_upload(&h->request);
    return h;
}

/* Whether a reply to the head alone must not wait for the body. */
static bool refuses_body(const http_request *h)
{
    const char *length = header(h->connection, "Content-Length");
    int64_t bytes = 0;
    if (!h->request.status)
        return false;
    if (header(h->connection, "Expect") || header(h->connection, "Transfer-Encoding"))
        return true;
    return length && (!mx_parse_int64(mx_str_of(length), &bytes) || bytes > DRAINED_BYTES);
}

static void take_body(http_request *h, const char *data, size_t size)
{
    mx_request *r = &h->request;
    merx_server *server = r->server;
    uint64_t all = atomic_fetch_add(&server->body_bytes, size) + size;
    if (all > server->limits.bodies_bytes || size > r->body.max_size - r->body.size) {
        atomic_fetch_sub(&server->body_bytes, size);
        if (all > server->limits.bodies_bytes)
            mx_request_fail(r, MX_HTTP_UNAVAILABLE, "", "", "the server is reading too many bodies already");
        else
            mx_request_fail(r, MX_HTTP_TOO_LARGE, "", "", "the body has more than %zu bytes", r->body.max_size);
        return;
    }
    size_t limit = r->body.max_size;
    r->body.max_size = limit + 1; /* the terminator */
    mx_text_append(&r->body, data, size);
    r->body.max_size = limit;
    if (mx_text_ok(&r->body, NULL) != MERX_OK) {
        atomic_fetch_sub(&server->body_bytes, size);
        mx_request_fail(r, MX_HTTP_UNAVAILABLE, "", "", "out of memory");
    }
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **state)
{
    http_request *h = *state;
    (void)version;
    if (!h) {
        *state = h = begin(context, connection, url, method);
        if (!h)
            return MHD_NO;
        return refuses_body(h) ? send_reply(h) : MHD_YES;
    }
    if (h->state == DONE)
        return send_reply(h);
    if (*size > 0) {
        const mx_limits *limits = &h->request.server->limits;
        h->request.received += *size;
        if (h->request.status)
            h->dropped += *size;
        else if (h->request.upload)
            take_upload(h, data, *size);
        else
            take_body(h, data, *size);
        *size = 0;
        /* Who goes on sending what is not read is not waited for. Who uploads hears why it failed when all is sent. */
        return h->dropped > (h->request.upload ? limits->upload_bytes : limits->body_bytes) ? MHD_NO : MHD_YES;
    }
    return h->request.status ? send_reply(h) : dispatch(h);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    http_request *h = *state;
    merx_server *server = context;
    (void)connection;
    (void)code;
    if (!h)
        return;
    double seconds = mx_monotonic_s() - h->begun_s;
    mx_metrics *metrics = h->request.shop ? &h->request.shop->metrics : &server->metrics;
    if (h->request.status) {
        if (!h->page)
            mx_metrics_request(metrics, mx_route_index(h->request.route), h->request.status, seconds);
        if (server->limits.access_log)
            log_access(h, seconds);
    }
    atomic_fetch_sub(&server->body_bytes, h->request.body.size);
    mx_connection_turn(h->late, false);
    mx_arena arena = mx_request_release(&h->request); /* h lies in it */
    mx_spare_arena_give(&server->spares, &arena);
    *state = NULL;
    atomic_fetch_sub(&server->active, 1);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    merx_server *server = context;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        mx_connection *added = info ? mx_connection_add(server->connections, info->connect_fd) : NULL;
        *socket_context = added;
        info = added ? MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION) : NULL;
        if (info)
            added->pair = mx_tls_take(&server->tls, info->tls_session);
    } else {
        mx_connection *removed = *socket_context;
        mx_tls_pair *pair = removed ? removed->pair : NULL;
        mx_connection_remove(server->connections, removed);
        mx_tls_let_go(&server->tls, pair);
        *socket_context = NULL;
    }
}

/* Paths and queries are decoded strictly, part by part, in admission.c. */
static size_t leave_encoded(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

/* ---- listening ---- */

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return (ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24) == 127;
    return address->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

static merx_status listen_at(const struct addrinfo *info, const char *name, int *out, merx_error *err)
{
    int on = 1;
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, info->ai_protocol);
    if (fd < 0)
        return mx_error_errno(err, errno, name, "make a socket");
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, 1024) != 0) {
        int failed = errno;
        close(fd);
        if (failed == EADDRINUSE)
            MX_FAIL(err, MERX_E_BUSY, name,
                    "another program listens there already; --listen takes another port (0: a free one)");
        return mx_error_errno(err, failed, name, "listen there");
    }
    *out = fd;
    return MERX_OK;
}

/* What it came to listen on, as text. */
static merx_status note_address(merx_server *server, int fd, merx_error *err)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char host[64];
    char port[8];
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return mx_error_errno(err, errno, "", "ask for the address");
    if (getnameinfo((struct sockaddr *)&address, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        MX_FAIL(err, MERX_E_IO, "", "the address can't be written");
    snprintf(server->address, sizeof server->address, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
    return MERX_OK;
}

static merx_status open_socket(merx_server *server, int *fd, merx_error *err)
{
    const mx_limits *limits = &server->limits;
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int failed = getaddrinfo(limits->host[0] ? limits->host : NULL, limits->port, &hints, &found);
    if (failed)
        MX_FAIL(err, MERX_E_INVALID, "listen", "\"%s\" is not an address of this machine: %s", limits->host,
                gai_strerror(failed));
    merx_status status = MERX_OK;
    if (!is_loopback(found->ai_addr) && !atomic_load(&server->asks_keys))
        status =
            mx_error_set(err, MERX_E_PERMISSION, "listen",
                         "\"%s\" can be reached from elsewhere, and no shop has a key: make one first (merx key create "
                         "SHOP --role reader), or listen on 127.0.0.1",
                         limits->host);
    if (status == MERX_OK)
        status = listen_at(found, limits->host, fd, err);
    freeaddrinfo(found);
    if (status == MERX_OK)
        status = note_address(server, *fd, err);
    return status;
}

merx_status mx_http_start(merx_server *server, merx_error *err)
{
    const mx_limits *limits = &server->limits;
    int fd = -1;
    MX_TRY(open_socket(server, &fd, err));
    merx_status status = mx_connections_new(limits->timeout_s, &server->connections, err);
    if (status != MERX_OK) {
        close(fd);
        return status;
    }
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    char *pem[2]; /* libmicrohttpd only reads them, whatever its types say */
    memcpy(&pem[0], &server->tls.certificate, sizeof pem[0]);
    memcpy(&pem[1], &server->tls.key, sizeof pem[1]);
    char priorities[] = MX_TLS_PRIORITIES;
    struct MHD_OptionItem options[] = {{MHD_OPTION_THREAD_POOL_SIZE, limits->workers > 1 ? limits->workers : 0, NULL},
                                       {pem[0] ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, pem[0]},
                                       {MHD_OPTION_HTTPS_MEM_KEY, 0, pem[1]},
                                       {MHD_OPTION_HTTPS_PRIORITIES, 0, priorities},
                                       {MHD_OPTION_END, 0, NULL}};
    flags |= pem[0] ? MHD_USE_TLS : 0;
    unsigned connections =
        limits->connections < (unsigned)limits->workers ? (unsigned)limits->workers : limits->connections;
    server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, log_library,
                                      NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
                                      server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
                                      MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, NULL, MHD_OPTION_CONNECTION_LIMIT,
                                      connections, MHD_OPTION_CONNECTION_TIMEOUT, limits->timeout_s,
                                      MHD_OPTION_CONNECTION_MEMORY_LIMIT, limits->header_bytes + REPLY_HEADER_BYTES,
                                      MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (!server->daemon) {
        close(fd);
        MX_FAIL(err, MERX_E_IO, server->address, "libmicrohttpd does not start; MERX_VERBOSE=server says why");
    }
    return MERX_OK;
}

void mx_http_quiet(merx_server *server)
{
    if (!server->daemon)
        return;
    int fd = MHD_quiesce_daemon(server->daemon);
    if (fd >= 0)
        close(fd);
}

void mx_http_stop(merx_server *server)
{
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    server->daemon = NULL;
    mx_connections_free(server->connections);
    server->connections = NULL;
}

const char *merx_server_library(void)
{
    static char text[64];
    if (!text[0])
        snprintf(text, sizeof text, "libmicrohttpd %s", MHD_get_version());
    return text;
}
