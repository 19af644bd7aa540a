/*
 * The certificate and key of a server that speaks TLS: read, checked against each other, given to libmicrohttpd and GnuTLS, renewed while the server runs. Floor 7.
 *
 * libmicrohttpd starts with one pair and has no way to change it. So each connection is given the pair that is current when it is taken, by its GnuTLS session, and holds it until
 * it is closed: a renewed certificate counts from the next connection on, and those that are there don't notice.
 */
#ifndef MX_SERVER_TLS_H
#define MX_SERVER_TLS_H

#include <pthread.h>
#include <stdint.h>

#include "base/memory.h"

struct gnutls_session_int;

/* A certificate with its key, as GnuTLS takes them; counted. */
typedef struct mx_tls_pair mx_tls_pair;

typedef struct mx_tls {
    mx_arena arena;
    const char *certificate, *key; /* PEM of the start, terminated; NULL: no TLS */
    pthread_mutex_t lock;
    mx_tls_pair *pair; /* of the connections to come */
} mx_tls;

/* TLS 1.2 and 1.3, keys of each connection's own, authenticated ciphers. */
#define MX_TLS_PRIORITIES                                                                                              \
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM:"        \
    "%SERVER_PRECEDENCE"

/*
 * certificate   path of a PEM file: the server's certificate, then those that lead to a known authority
 * key           path of its PEM key, without a password; both "": no TLS
 * now_ms        a certificate that is not valid then is taken, and said on standard error; so is a key that others may read
 * Owns: mx_tls_release.
 * Errors: MERX_E_INVALID (one without the other, what the files hold, a key of another certificate), MERX_E_LIMIT, those of opening a file.
 */
merx_status mx_tls_read(const char *certificate, const char *key, int64_t now_ms, mx_tls *out,
                        merx_error *err) MERX_MUST_CHECK;
/* The files again. Not without TLS. *renewed: they hold another pair than the current one. Errors: as above; the current pair stays. Threads: any. */
merx_status mx_tls_renew(mx_tls *tls, const char *certificate, const char *key, int64_t now_ms, bool *renewed,
                         merx_error *err) MERX_MUST_CHECK;
void mx_tls_release(mx_tls *tls); /* the keys' bytes are overwritten */

/*
 * Before a session's handshake: it gets the current pair, which is held for it. NULL, and the session goes on with what it has: no TLS, or no memory.
 * Owns: mx_tls_let_go, when the session is over (NULL is allowed). Threads: any.
 */
mx_tls_pair *mx_tls_take(mx_tls *tls, struct gnutls_session_int *session);
void mx_tls_let_go(mx_tls *tls, mx_tls_pair *pair);

#endif
