/*
 * The certificate and key of a server that speaks TLS: read, checked against each other, given to libmicrohttpd (GnuTLS). Floor 7.
 */
#ifndef MX_SERVER_TLS_H
#define MX_SERVER_TLS_H

#include <stdint.h>

#include "base/memory.h"

typedef struct mx_tls {
    mx_arena arena;
    const char *certificate, *key; /* PEM, terminated; NULL: no TLS */
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
void mx_tls_release(mx_tls *tls); /* the key's bytes are overwritten */

#endif
