/*
 * The routes: one table that dispatch, methods, roles, limits, OpenAPI and api/routes.json come from. Floor 7.
 */
#ifndef MX_SERVER_ROUTES_H
#define MX_SERVER_ROUTES_H

#include "base/str.h"
#include "merx/server.h"

struct mx_request;

/* Where a request is answered. */
typedef enum mx_place {
    MX_AT_ONCE, /* on the network thread: takes microseconds */
    MX_ANSWERS, /* there as well, while this answer has been quick; else on a thread for work */
    MX_WRITES,  /* in the shop's line of writes */
    MX_ASIDE,   /* on a thread for work, beside everything else: takes milliseconds at least */
} mx_place;

/* What a request brings, what a reply holds: the schemas of OpenAPI, and the limit on the body. */
typedef enum mx_content {
    MX_NOTHING,
    MX_FILE,      /* bytes, into an upload; or out of a file */
    MX_QUESTION,  /* the options of the answer named in the path */
    MX_QUESTIONS, /* many of the answer named in the path */
    MX_EVENTS,
    MX_ONE_THING, /* of the kind that the path says, as the next two */
    MX_MANY_THINGS,
    MX_PATCH,
    MX_REPLY,
    MX_REPLIES,
    MX_DESCRIPTIONS,
    MX_TAKEN,
    MX_STATE,
    MX_STORED,
    MX_PAGE, /* of a listing, of the path's kind */
    MX_EXPORT,
    MX_PICTURE,
    MX_RECEIPT,
    MX_JOB_ASKED,
    MX_JOB,
    MX_JOBS,
    MX_JOB_EVENTS,
    MX_TEXT_LINES,
    MX_JSON_LINES,
    MX_UPLOAD,
    MX_UPLOADS,
    MX_MODELS,
    MX_MODEL_VERSIONS,
    MX_COMPARISON,
    MX_DEPLOY,
    MX_EMPTY,
    MX_DEPLOYED,
    MX_KEY_ASKED,
    MX_KEY,
    MX_KEYS,
    MX_REVOKED,
    MX_SETTINGS,
    MX_EVENT_STREAM,
    MX_OPENAPI,
    MX_PROMETHEUS,
    MX_CONTENTS
} mx_content;

typedef struct mx_route {
    const char *method;
    const char *path; /* parts in braces stand for any text */
    const char *name; /* operationId */
    const char *text; /* one sentence */
    bool open;        /* without a key */
    merx_role role;   /* the least */
    mx_place place;
    mx_content takes, gives;
    void (*handle)(struct mx_request *request);
} mx_route;

const mx_route *mx_route_at(size_t i); /* NULL past the end */
size_t mx_route_index(const mx_route *route);

#define MX_PATH_VALUE_MAX 1024 /* bytes of a decoded part of a path */

typedef enum mx_match {
    MX_MATCHED,
    MX_NO_PATH,
    MX_NO_METHOD, /* the path is there, for other methods */
    MX_BAD_PATH,  /* not decodable */
} mx_match;
/*
 * The route of a request. HEAD is answered as GET.
 * path    as sent, percent-encoded, without the query
 * value   (MX_PATH_VALUE_MAX + 1) written: the part in braces, decoded; "" if the route has none. Several: from the first to the last, with what is between:
 *         "recommend/versions/3"
 * allow   (64) written for MX_NO_METHOD: "GET, HEAD, PUT"
 */
mx_match mx_route_find(const char *method, const char *path, const mx_route **route, char *value, char *allow);

/*
 * %41 -> A, strictly: two hex digits each, UTF-8, no zero byte. False: it is not so, or longer than size - 1.
 */
bool mx_percent_decode(const char *text, size_t length, char *out, size_t size);

#endif
