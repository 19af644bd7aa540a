/*
 * What each route does: fills the reply of a request whose key, role and body were checked. Floor 7.
 */
#ifndef MX_SERVER_HANDLERS_H
#define MX_SERVER_HANDLERS_H

#include "server/request.h"

enum { MX_EVENT_GROUP_MAX = 64 };

void mx_handle_live(mx_request *request);
void mx_handle_ready(mx_request *request);
void mx_handle_answers(mx_request *request);
void mx_handle_ask(mx_request *request);
void mx_handle_events(mx_request *request);
/* Several of these at once, at most MX_EVENT_GROUP_MAX: each taken whole or refused by itself, all with one commit. Every one has its reply afterwards. */
void mx_handle_event_group(mx_request *const *requests, size_t n);
void mx_handle_get_product(mx_request *request);
void mx_handle_put_product(mx_request *request);
void mx_handle_delete_product(mx_request *request);
void mx_handle_get_customer(mx_request *request);
void mx_handle_put_customer(mx_request *request);
void mx_handle_erase_customer(mx_request *request);
void mx_handle_openapi(mx_request *request);
void mx_handle_metrics(mx_request *request);

struct mx_row_errors;
/* Refuses a request for what is wrong in its records; the list is taken. rows: how many it had; 0: it was one record. */
void mx_reply_errors(mx_request *request, struct mx_row_errors *errors, const char *what, size_t rows);

/* Whether a request of the place MX_ANSWERS may take long: then it is not answered on a network thread. */
bool mx_request_is_slow(const mx_request *request);

/* ---- descriptions (descriptions.c) ---- */

/* [{name, title, text, needs, learns, question: [options]}]: GET /v1/answers. */
json_t *mx_answers_description(void);
/* OpenAPI 3.1 of every route. */
json_t *mx_openapi_description(void);

/* The most bytes a body of this content may have; limit: what the server allows. */
size_t mx_content_limit(mx_content content, uint64_t limit);

#endif
