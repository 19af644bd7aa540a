/*
 * Who is let in: from a request's head alone, its route, shop, role and size are settled before a byte of its body is read. Floor 7.
 */
#ifndef MX_SERVER_ADMISSION_H
#define MX_SERVER_ADMISSION_H

#include "server/server_state.h"

/* What matters of a head; NULL: not sent. */
typedef struct mx_head {
    const char *method, *path; /* the path as sent, without the query */
    const char *authorization, *host, *shop, *content_type, *content_length, *request_id;
    const char *if_none_match, *origin, *preflight_method;
} mx_head;

/* Takes the client's request id, if it is one, else makes one. */
void mx_admit_id(mx_request *request, const char *wanted);
/* Settles route, shop, role and limit of the body; or the reply is a failure. */
void mx_admit(mx_request *request, const mx_head *head);
/* Whether no shop has a key, and so everybody on this machine is let in. */
bool mx_admits_anybody(merx_server *server);
/* The path value and one pair of the query, decoded into the request's arena; or the reply is a failure. value NULL: "". */
bool mx_admit_query(mx_request *request, mx_query *out, const char *name, const char *value);
/* Whether a Host header names this machine: a page of a stranger's site, opened in a browser here, can't ask in the owner's name then. */
bool mx_host_is_loopback(const char *host);

#endif
