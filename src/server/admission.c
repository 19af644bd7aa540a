/*
 * Admission, in this order: key, path, method, role, kind of body, size. Without a key nothing is told of what there is.
 */
#include "server/admission.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/handlers.h"
#include "server/open_options.h"

/* The digits of value in hexadecimal, at least so many of them; returns the end. */
static char *put_hex(char *out, uint64_t value, int least)
{
    int digits = least;
    while (digits < 16 && value >> (4 * digits))
        digits++;
    for (int i = digits; i-- > 0;)
        *out++ = "0123456789abcdef"[value >> (4 * i) & 15];
    return out;
}

/* The server's prefix, a count: without printf, which takes longer than the rest of admission. */
static void make_id(merx_server *server, char *out)
{
    out = put_hex(out, server->id_prefix & 0xffffffff, 8);
    *out++ = '-';
    *put_hex(out, atomic_fetch_add(&server->id_count, 1), 6) = '\0';
}

void mx_admit_id(mx_request *request, const char *wanted)
{
    size_t n = 0;
    while (wanted && n <= MX_REQUEST_ID_MAX && wanted[n] &&
           ((wanted[n] >= 'a' && wanted[n] <= 'z') || (wanted[n] >= 'A' && wanted[n] <= 'Z') ||
            (wanted[n] >= '0' && wanted[n] <= '9') || wanted[n] == '-' || wanted[n] == '_' || wanted[n] == '.'))
        n++;
    if (n > 0 && n <= MX_REQUEST_ID_MAX && wanted[n] == '\0')
        memcpy(request->id, wanted, n + 1);
    else
        make_id(request->server, request->id);
}

bool mx_host_is_loopback(const char *host)
{
    if (!host)
        return true; /* HTTP/1.0: no browser */
    size_t n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    mx_str name = {host, n <= strlen(host) ? n : strlen(host)};
    if (mx_str_equal_nocase(name, MX_STR("localhost")) || mx_str_equal(name, MX_STR("[::1]")))
        return true;
    if (!mx_str_starts(name, "127."))
        return false;
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] != '.' && !(name.data[i] >= '0' && name.data[i] <= '9'))
            return false; /* 127.example.com is a stranger's */
    return true;
}

/* ---- without keys ---- */

static bool select_shop(mx_request *request, const char *wanted)
{
    merx_server *server = request->server;
    if (!wanted && server->n_shops == 1) {
        request->shop = &server->shops[0];
        return true;
    }
    for (size_t i = 0; wanted && i < server->n_shops; i++)
        if (strcmp(server->shops[i].name, wanted) == 0) {
            request->shop = &server->shops[i];
            return true;
        }
    mx_request_fail(request, wanted ? MX_HTTP_NOT_FOUND : MX_HTTP_BAD_REQUEST, "Merx-Shop",
                    "send the header \"Merx-Shop: NAME\", or make keys: a key selects its shop", "%s%.64s%s",
                    wanted ? "there is no shop \"" : "which shop? Several are served, and none has a key",
                    wanted ? wanted : "", wanted ? "\"" : "");
    return false;
}

/* While no shop has a key; only on loopback. Once one is seen, keys are asked for as long as the server lives. */
bool mx_admits_anybody(merx_server *server)
{
    if (!atomic_load(&server->asks_keys) && mx_key_ring_any(&server->ring))
        atomic_store(&server->asks_keys, true);
    return !atomic_load(&server->asks_keys);
}

static bool admit_anybody(mx_request *request, const mx_head *head)
{
    if (!mx_host_is_loopback(head->host)) {
        mx_request_fail(request, MX_HTTP_FORBIDDEN, "Host", "make a key with merx key create, or ask 127.0.0.1",
                        "without keys, only requests to this machine by its own name are answered");
        return false;
    }
    request->role = MERX_ROLE_ADMIN;
    return select_shop(request, head->shop);
}

/* ---- with keys ---- */

static bool admit_key(mx_request *request, const mx_head *head)
{
    const char *key = head->authorization;
    double wait_s = 0;
    if (key && strncasecmp(key, "Bearer ", 7) == 0) {
        key += 7;
        while (*key == ' ')
            key++;
    } else {
        mx_request_fail(request, MX_HTTP_UNAUTHORIZED, "Authorization", "", "a key is needed");
        return false;
    }
    switch (mx_key_ring_find(&request->server->ring, key, &request->shop, &request->role, request->key_id, &wait_s)) {
    case MX_KEY_GOOD:
        break;
    case MX_KEY_TOO_MANY:
        request->retry_after_s = (int)fmin(ceil(wait_s), 3600);
        mx_request_fail(request, MX_HTTP_TOO_MANY, "", "", "more than %g requests a second with this key",
                        request->server->limits.rate);
        return false;
    case MX_KEY_UNKNOWN:
        mx_request_fail(request, MX_HTTP_UNAUTHORIZED, "Authorization", "",
                        "this is not a key of a shop that is served here");
        return false;
    }
    if (head->shop && strcmp(head->shop, request->shop->name) != 0) {
        mx_request_fail(request, MX_HTTP_FORBIDDEN, "Merx-Shop", "a key selects its shop: leave the header out",
                        "the key is of another shop");
        return false;
    }
    return true;
}

/* ---- the body ---- */

static bool is_type(const char *type, const char *wanted)
{
    size_t n = strcspn(type, "; ");
    return n == strlen(wanted) && strncasecmp(type, wanted, n) == 0;
}

/* Whether the answer of the path can be asked about a picture: then the body may be one. */
static bool takes_picture(const mx_request *request)
{
    const merx_answer_info *info = request->route->takes == MX_QUESTION ? merx_answer_find(request->path_value) : NULL;
    return info && mx_option_named(info->question, "picture");
}

static bool admit_type(mx_request *request, const char *type)
{
    mx_content takes = request->route->takes;
    bool many = takes == MX_EVENTS || takes == MX_MANY_THINGS;
    request->json_lines = many && (is_type(type, "application/x-ndjson") || is_type(type, "application/jsonl") ||
                                   is_type(type, "application/x-jsonlines"));
    if (request->picture || request->json_lines || is_type(type, "application/json") ||
        (takes == MX_PATCH && is_type(type, "application/merge-patch+json")))
        return true;
    const char *others = many                     ? ", or application/x-ndjson for JSON lines"
                         : takes == MX_PATCH      ? ", or application/merge-patch+json"
                         : takes_picture(request) ? ", or image/jpeg, image/png or image/webp for a picture"
                                                  : "";
    mx_request_fail(request, MX_HTTP_MEDIA_TYPE, "Content-Type", "",
                    "\"%.60s\" is not taken here (expected application/json%s)", type, others);
    return false;
}

static bool admit_body(mx_request *request, const mx_head *head)
{
    mx_content takes = request->route->takes;
    const char *type = head->content_type ? head->content_type : "";
    uint64_t most = request->server->limits.body_bytes;
    int64_t length = 0;

    request->picture = takes_picture(request) &&
                       (is_type(type, "image/jpeg") || is_type(type, "image/png") || is_type(type, "image/webp"));
    size_t limit = takes == MX_FILE   ? (size_t)request->server->limits.upload_bytes
                   : request->picture ? (size_t)most
                                      : mx_content_limit(takes, most);

    request->body.max_size = limit;
    if (head->content_length && (!mx_parse_int64(mx_str_of(head->content_length), &length) || length < 0)) {
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, "Content-Length", "", "is not a number of bytes");
        return false;
    }
    if (takes == MX_NOTHING && length > 0) {
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, "", "", "%s %s takes no body", request->route->method,
                        request->route->path);
        return false;
    }
    if ((uint64_t)length > limit) {
        mx_request_fail(request, MX_HTTP_TOO_LARGE, "Content-Length", "",
                        "the body has %" PRId64 " bytes; at most %zu are taken", length, limit);
        return false;
    }
    return takes == MX_NOTHING || takes == MX_FILE || admit_type(request, type); /* a file is what its name says */
}

/* ---- all ---- */

void mx_admit(mx_request *request, const mx_head *head)
{
    merx_server *server = request->server;
    const mx_route *route;
    char *value = mx_arena_alloc(&request->arena, MX_PATH_VALUE_MAX + 1, NULL);

    if (!value) {
        mx_request_fail(request, MX_HTTP_UNAVAILABLE, "", "", "out of memory");
        return;
    }
    mx_match match = mx_route_find(head->method, head->path, &route, value, request->allow);
    if (match == MX_MATCHED && route->open) {
        request->route = route;
        return;
    }
    bool in = mx_admits_anybody(server) ? admit_anybody(request, head) : admit_key(request, head);
    if (!in)
        return;
    if (match == MX_NO_PATH) {
        mx_request_fail(request, MX_HTTP_NOT_FOUND, "", "", "there is no such path");
        return;
    }
    if (match == MX_NO_METHOD) {
        mx_request_fail(request, MX_HTTP_NO_METHOD, "", "", "this path does not take that method (it takes %s)",
                        request->allow);
        return;
    }
    request->route = route;
    if (match == MX_BAD_PATH) {
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, "path", "",
                        "is not percent-encoded UTF-8 of at most %d bytes a part", MX_PATH_VALUE_MAX);
        return;
    }
    request->path_value = value;
    if (request->role < route->role) {
        mx_request_fail(request, MX_HTTP_FORBIDDEN, "", "", "this needs a key of role %s; this one's is %s",
                        merx_role_name(route->role), merx_role_name(request->role));
        return;
    }
    (void)admit_body(request, head);
}

bool mx_admit_query(mx_request *request, mx_query *out, const char *name, const char *value)
{
    value = value ? value : "";
    size_t sizes[2] = {strlen(name), strlen(value)};
    char *texts[2] = {mx_arena_alloc(&request->arena, sizes[0] + 1, NULL),
                      mx_arena_alloc(&request->arena, sizes[1] + 1, NULL)};
    if (!texts[0] || !texts[1]) {
        mx_request_fail(request, MX_HTTP_UNAVAILABLE, "", "", "out of memory");
        return false;
    }
    if (!mx_percent_decode(name, sizes[0], texts[0], sizes[0] + 1) ||
        !mx_percent_decode(value, sizes[1], texts[1], sizes[1] + 1)) {
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, "query", "", "is not percent-encoded UTF-8");
        return false;
    }
    *out = (mx_query){texts[0], texts[1]};
    return true;
}
