/*
 * What each route does: fills the reply of a request whose key, role and body were checked. Floor 7.
 */
#ifndef MX_SERVER_HANDLERS_H
#define MX_SERVER_HANDLERS_H

#include "server/request.h"
#include "shop/view.h"

enum { MX_EVENT_GROUP_MAX = 64 };

void mx_handle_live(mx_request *request);
void mx_handle_ready(mx_request *request);
void mx_handle_answers(mx_request *request);
void mx_handle_ask(mx_request *request);
void mx_handle_events(mx_request *request);
/* Several of these at once, at most MX_EVENT_GROUP_MAX: each taken whole or refused by itself, all with one commit. Every one has its reply afterwards. */
void mx_handle_event_group(mx_request *const *requests, size_t n);
void mx_handle_get_product(mx_request *request);
void mx_handle_get_customer(mx_request *request);
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

/* handlers_things.c: of the kind that the path says. */
void mx_handle_get_thing(mx_request *request);
void mx_handle_put_thing(mx_request *request);
void mx_handle_patch_thing(mx_request *request);
void mx_handle_delete_thing(mx_request *request);
void mx_handle_add_things(mx_request *request);
/* handlers_list.c */
void mx_handle_list(mx_request *request);
void mx_handle_export_customer(mx_request *request);
/* handlers_batch.c */
void mx_handle_ask_many(mx_request *request);
/* handlers_picture.c */
void mx_handle_picture(mx_request *request);

/* ---- questions (handlers.c) ---- */

/* Sets the options that a JSON object has, and why; false: the reply says what is wrong. */
bool mx_question_set(mx_request *request, merx_options *question, json_t *members, bool *why);
/* Asked of a view; NULL: of the shop as it is now. The reply, which lies in the arena meanwhile, is appended as JSON. */
merx_status mx_question_ask(mx_request *request, mx_view *view, const merx_options *question, bool why, mx_arena *arena,
                            mx_text *out, merx_error *err) MERX_MUST_CHECK;
/* The reply of a question that failed so. */
void mx_question_failure(mx_request *request, const merx_error *err);

/* What events alone have shown of a product, as GET /v1/products/{id} gives it. */
json_t *mx_shown_product(mx_seen seen, int32_t product);

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
