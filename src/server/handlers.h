/*
 * What each route does: fills the reply of a request whose key, role and body were checked. Floor 7.
 */
#ifndef MX_SERVER_HANDLERS_H
#define MX_SERVER_HANDLERS_H

#include "server/request.h"

void mx_handle_live(mx_request *request);
void mx_handle_ready(mx_request *request);
void mx_handle_answers(mx_request *request);
void mx_handle_ask(mx_request *request);
void mx_handle_events(mx_request *request);
void mx_handle_get_product(mx_request *request);
void mx_handle_put_product(mx_request *request);
void mx_handle_delete_product(mx_request *request);
void mx_handle_get_customer(mx_request *request);
void mx_handle_put_customer(mx_request *request);
void mx_handle_erase_customer(mx_request *request);
/* job_handlers.c */
void mx_handle_put_upload(mx_request *request);
void mx_handle_list_uploads(mx_request *request);
void mx_handle_delete_upload(mx_request *request);
void mx_handle_start_job(mx_request *request);
void mx_handle_list_jobs(mx_request *request);
void mx_handle_get_job(mx_request *request);
void mx_handle_cancel_job(mx_request *request);
void mx_handle_job_log(mx_request *request);
void mx_handle_job_file(mx_request *request);
/* stream_handlers.c */
void mx_handle_job_events(mx_request *request);
void mx_handle_event_stream(mx_request *request);
/* model_handlers.c */
void mx_handle_models(mx_request *request);
void mx_handle_model(mx_request *request);
void mx_handle_compare(mx_request *request);
void mx_handle_deploy(mx_request *request);
void mx_handle_rollback(mx_request *request);
void mx_handle_model_file(mx_request *request);
/* operator_handlers.c */
void mx_handle_list_keys(mx_request *request);
void mx_handle_create_key(mx_request *request);
void mx_handle_revoke_key(mx_request *request);
void mx_handle_settings(mx_request *request);
void mx_handle_openapi(mx_request *request);
void mx_handle_metrics(mx_request *request);

/* Whether a request of the place MX_ANSWERS may take long: then it is not answered on a network thread. */
bool mx_request_is_slow(const mx_request *request);

/* ---- descriptions (descriptions.c) ---- */

/* [{name, title, text, needs, learns, question: [options]}]: GET /v1/answers. */
json_t *mx_answers_description(void);
/* OpenAPI 3.1 of every route. */
json_t *mx_openapi_description(void);

/* Schemas of what jobs, models, keys and settings bring and give, by the name of their content (content_schemas.c). */
void mx_add_content_schemas(json_t *schemas);

/* The most bytes a body of this content may have; limit: what the server allows. */
size_t mx_content_limit(mx_content content, uint64_t limit);

#endif
