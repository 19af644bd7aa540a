/*
 * A request, apart from how it came: what was asked, by whom, and the reply. Floor 7.
 *
 * Handlers fill the reply; http.c brings it out. Every failure is JSON {code, message, where, hint, request_id}.
 */
#ifndef MX_SERVER_REQUEST_H
#define MX_SERVER_REQUEST_H

#include <jansson.h>

#include "server/routes.h"
#include "server/work_queue.h"

/* X(NAME, status, "code", "what the client can do") */
#define MX_HTTP_ERROR_TABLE(X)                                                                                         \
    X(BAD_REQUEST, 400, "bad_request", "GET /v1/openapi.json describes every route")                                   \
    X(UNAUTHORIZED, 401, "unauthorized", "send \"Authorization: Bearer KEY\"; merx key create makes a key")            \
    X(FORBIDDEN, 403, "forbidden", "use a key of that role")                                                           \
    X(NOT_FOUND, 404, "not_found", "GET /v1/openapi.json describes every route")                                       \
    X(NO_METHOD, 405, "method_not_allowed", "the header Allow lists the methods")                                      \
    X(CONFLICT, 409, "conflict", "look at the message")                                                                \
    X(TOO_LARGE, 413, "too_large", "send less at once")                                                                \
    X(MEDIA_TYPE, 415, "unsupported_media_type", "say what the body is: Content-Type: application/json")               \
    X(INVALID_DATA, 422, "invalid_data", "correct what \"errors\" names and send all of it again")                     \
    X(TOO_MANY, 429, "too_many_requests", "wait as long as the header Retry-After says")                               \
    X(INTERNAL, 500, "internal", "the server's log has more under this request id")                                    \
    X(UNAVAILABLE, 503, "unavailable", "try again soon")                                                               \
    X(NO_SPACE, 507, "no_space", "nothing was stored; the server's disk is full")
typedef enum mx_http_error {
#define MX_HTTP_ERROR_ENUM(name, status, code, hint) MX_HTTP_##name,
    MX_HTTP_ERROR_TABLE(MX_HTTP_ERROR_ENUM)
#undef MX_HTTP_ERROR_ENUM
        MX_HTTP_ERRORS
} mx_http_error;
unsigned mx_http_error_status(mx_http_error error);
const char *mx_http_error_code(mx_http_error error);
/* What a failure of the library is over HTTP. */
mx_http_error mx_http_error_of(merx_status status);

typedef struct mx_query {
    const char *name, *value;
} mx_query;
#define MX_QUERY_MAX 64
#define MX_REQUEST_ID_MAX 64

struct mx_served_shop;
struct mx_stream;
struct mx_upload;

/* A reply that is read piece by piece while it is sent: a file, a model. */
typedef struct mx_flow {
    /* Up to size bytes from `at` on; what is not `size` bytes before the end is a failure: the connection is cut. */
    size_t (*read)(void *context, uint64_t at, char *out, size_t size);
    void (*release)(void *context);
    void *context; /* NULL: no such reply */
    uint64_t size;
} mx_flow;

typedef struct mx_request {
    mx_work work;
    struct merx_server *server;
    const mx_route *route; /* NULL: none */
    struct mx_served_shop *shop;
    merx_role role;
    char key_id[MERX_KEY_ID_SIZE]; /* "": no key was asked for */
    char id[MX_REQUEST_ID_MAX + 1];
    const char *path_value; /* decoded */
    size_t n_query;
    mx_query *query;           /* decoded */
    bool json_lines;           /* of the body: one value a line */
    bool picture;              /* the body is a picture */
    const char *if_none_match; /* of the head; NULL: not sent */
    mx_str heat_map;           /* a PNG file of arena, for the reply; size 0: none */
    mx_text body;
    struct mx_upload *upload; /* where the body goes instead */
    uint64_t received;        /* bytes of the body */
    mx_arena arena;
    merx_allocator memory; /* the arena as an allocator */
    /* the reply */
    unsigned status; /* 0: none yet */
    const char *type;
    const char *text; /* of arena, `given`, or of a page */
    size_t size;
    char *given;              /* of the library: freed with merx_text_free */
    struct mx_stream *stream; /* in place of a text: events that go on */
    mx_flow flow;             /* in place of a text */
    const char *attachment;   /* the file's name for whom saves it; "": none */
    char allow[64];
    int retry_after_s; /* 0: not said */
    char etag[80];     /* with its quotes; "": none */
    const char *cache; /* Cache-Control; NULL: no-store */
} mx_request;

/*
 * arena: taken over with what is in it, the request itself perhaps; it goes back with mx_request_release, which leaves it as full as it is.
 */
void mx_request_init(mx_request *request, struct merx_server *server, const mx_arena *arena);
mx_arena mx_request_release(mx_request *request);

/* value is released. */
void mx_request_json(mx_request *request, unsigned status, json_t *value);
/* A text of the arena, or static. */
void mx_request_text(mx_request *request, const char *type, const char *text, size_t size);
/* A text made by the library is taken. */
void mx_request_give(mx_request *request, const char *type, char *text);
/* Bytes of the arena, which may be kept by the client under this tag (without quotes). 304 without them when it has them already. */
void mx_request_bytes(mx_request *request, const char *type, const void *bytes, size_t size, const char *etag,
                      const char *cache);
/* Taken: what is streamed, or read while it is sent. type and name: static, or of the arena. */
void mx_request_stream(mx_request *request, struct mx_stream *stream);
void mx_request_flow(mx_request *request, const char *type, const char *name, mx_flow flow);
/* where and hint may be "" (hint: the table's). A reply that is there already is replaced. */
void mx_request_fail(mx_request *request, mx_http_error error, const char *where, const char *hint, const char *format,
                     ...) MERX_PRINTF(5, 6);
/* The same with a list of what is wrong (taken). */
void mx_request_fail_list(mx_request *request, json_t *errors, const char *where, const char *format, ...)
    MERX_PRINTF(4, 5);
/* A failure of the library. What is not the client's business (paths, the system's words) goes to the log alone. */
void mx_request_failure(mx_request *request, const merx_error *err);

#endif
