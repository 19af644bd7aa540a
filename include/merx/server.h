/*
 * The server: shops behind HTTP, and the keys that open them. In merx-service, which the program links; not in libmerx.
 *
 *     merx_options_new(NULL, merx_server_settings(), &settings, &err);
 *     merx_server_start(settings, &(merx_served){"tea", "shops/tea.merx"}, 1, &server, &err);
 *     ... merx_server_address(server) ...
 *     merx_server_stop(server);
 *
 * A key belongs to one shop and selects it: nothing of one shop is reachable with another's key. While no served shop has a key, the server listens on loopback
 * alone and answers everybody there as admin; from the first key on every request needs one, liveness aside. docs/guide-service.md is the manual of the routes.
 */
#ifndef MERX_SERVER_H
#define MERX_SERVER_H

#include "merx/shop.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- keys ---- */

/* What a key may do; each role may also do what stands before it. */
typedef enum merx_role {
    MERX_ROLE_READER, /* a shop's pages: answers, products */
    MERX_ROLE_WRITER, /* its back office: events, products, customers, erasing */
    MERX_ROLE_ADMIN,  /* its operator: metrics too */
} merx_role;
#define MERX_ROLES 3
MERX_API const char *merx_role_name(merx_role role); /* "reader" … */
MERX_API merx_status merx_role_parse(const char *name, merx_role *out, merx_error *err) MERX_MUST_CHECK;

#define MERX_KEY_ID_SIZE 13   /* 12 hex digits and the terminator */
#define MERX_KEY_TEXT_SIZE 62 /* "merx_" id "_" 43 characters, and the terminator */
#define MERX_KEY_NAME_MAX 80  /* bytes */
#define MERX_KEYS_MAX 1000    /* of one shop */

/*
 * Makes a key: 32 random bytes, of which the shop keeps a SHA-256 alone.
 * name   for whom; NULL: ""
 * text   (MERX_KEY_TEXT_SIZE) written: what a client sends as "Authorization: Bearer TEXT"; it can't be had again
 * Errors: MERX_E_LIMIT past MERX_KEYS_MAX, MERX_E_INVALID (the name), MERX_E_BUSY.
 */
MERX_API merx_status merx_key_create(merx_shop *shop, merx_role role, const char *name, char *text,
                                     merx_error *err) MERX_MUST_CHECK;

typedef struct merx_key {
    char id[MERX_KEY_ID_SIZE];
    char name[MERX_KEY_NAME_MAX + 1];
    merx_role role;
    int64_t created_ms;
} merx_key;
typedef struct merx_keys {
    size_t count;
    merx_key *key; /* by time of making, then id */
    void *memory;
} merx_keys;
/* Owns: merx_keys_release. */
MERX_API merx_status merx_key_list(merx_shop *shop, merx_keys *out, merx_error *err) MERX_MUST_CHECK;
MERX_API void merx_keys_release(merx_keys *keys);
/* MERX_E_NOT_FOUND: the shop has no key of that id. A running server refuses it within a second. */
MERX_API merx_status merx_key_revoke(merx_shop *shop, const char *id, merx_error *err) MERX_MUST_CHECK;

/* ---- the server ---- */

/* What can be set: the one table that flags, MERX_SERVE_*, the file and the manual come from. Static storage. */
MERX_API const merx_option *merx_server_settings(void);

typedef struct merx_served {
    const char *name;   /* 1 to 64 of A-Z a-z 0-9 . _ - */
    const char *folder; /* of a shop that is there */
} merx_served;
#define MERX_SERVED_MAX 10000

typedef struct merx_server merx_server;
/*
 * Opens the shops and answers from then on, on threads of its own. settings: of merx_server_settings, copied; NULL: all defaults. Finishes what a crash left of forgetting.
 * Owns: merx_server_stop.
 * Errors: MERX_E_PERMISSION (an address beyond loopback, and no shop has a key), MERX_E_EXISTS (a name twice), MERX_E_BUSY (the address is taken), those of opening a shop.
 */
MERX_API merx_status merx_server_start(const merx_options *settings, const merx_served *shops, size_t n,
                                       merx_server **out, merx_error *err) MERX_MUST_CHECK;
/* Says where a setting came from, for GET /v1/settings: "flag", "environment", "file"; "default" when nobody says. Before the address is told to anybody. */
MERX_API void merx_server_origin(merx_server *server, const char *setting, const char *origin);
/* "127.0.0.1:7373": what it listens on; with the port that was found when 0 was asked for. */
MERX_API const char *merx_server_address(const merx_server *server);
/* Whether it speaks HTTPS: "tls_cert" and "tls_key" are set. */
MERX_API bool merx_server_speaks_tls(const merx_server *server);
/*
 * Reads the files of "tls_cert" and "tls_key" again: connections that are taken from then on get what they hold now, those that are there go on as they are. *renewed (may be NULL): they
 * hold something else than before. Without TLS nothing happens. Threads: any.
 * Errors: those of reading them at the start; the certificate stays what it was.
 */
MERX_API merx_status merx_server_renew_certificate(merx_server *server, bool *renewed, merx_error *err) MERX_MUST_CHECK;
/* Whether it asks for keys: false while no shop has one. */
MERX_API bool merx_server_asks_keys(const merx_server *server);
/*
 * Takes no more connections, finishes the requests that have begun (for "stop_timeout" seconds at most), closes the shops. NULL is allowed.
 * Returns false when it had to cut requests off.
 */
MERX_API bool merx_server_stop(merx_server *server);

/* The routes as JSON (api/routes.json): path, methods, role, what goes in and out. Returned: free with merx_text_free. */
MERX_API merx_status merx_server_routes_json(char **text, merx_error *err) MERX_MUST_CHECK;
/* The API as OpenAPI 3.1 (api/openapi.json; GET /v1/openapi.json). Returned: free with merx_text_free. */
MERX_API merx_status merx_server_openapi_json(char **text, merx_error *err) MERX_MUST_CHECK;
/* "libmicrohttpd 0.9.75". Static storage. */
MERX_API const char *merx_server_library(void);

#ifdef __cplusplus
}
#endif
#endif
