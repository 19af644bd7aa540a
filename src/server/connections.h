/*
 * Connections, and the end of those that take too long: libmicrohttpd ends what is silent; who sends a byte now and then is ended here. Floor 7.
 */
#ifndef MX_SERVER_CONNECTIONS_H
#define MX_SERVER_CONNECTIONS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/memory.h"

typedef struct mx_connection {
    int fd;
    atomic_bool ours;              /* the server is at work: the client is not late */
    atomic_uint_fast64_t since_ms; /* the client's turn began */
    struct mx_connection *next, *previous;
    struct mx_tls_pair *pair; /* held for its TLS; its owner's */
} mx_connection;

typedef struct mx_connections mx_connections;
merx_status mx_connections_new(unsigned timeout_s, mx_connections **out, merx_error *err) MERX_MUST_CHECK;
void mx_connections_free(mx_connections *connections);

/* NULL: no memory; the connection is then ended by libmicrohttpd alone. */
mx_connection *mx_connection_add(mx_connections *connections, int fd);
/* Before the descriptor is closed. NULL is allowed. */
void mx_connection_remove(mx_connections *connections, mx_connection *connection);
/* From now on it is the client's turn, or the server's. NULL is allowed. */
void mx_connection_turn(mx_connection *connection, bool ours);

#endif
