/*
 * Many questions to one answer: {"why": false, "questions": [{…}, …]}. All are asked of one view, so they are answered from one state of the shop. A question that fails has
 * its error where its reply would be; what the batch's limits leave over has one too.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "server/handlers.h"
#include "server/server_state.h"
#include "shop/asking.h"

enum { QUESTIONS_MAX = 1000, BATCH_SECONDS = 30, BATCH_BYTES = 64 << 20 };

typedef struct batch {
    mx_request *request;
    mx_view *view;
    json_t *questions;
    bool why;
    double end_s;
    mx_text out;
    mx_arena arena; /* of the question that is being answered */
} batch;

/* The failure that the request's reply holds, as this question's. */
static void move_failure(batch *b)
{
    mx_request *request = b->request;
    mx_text_puts(&b->out, "{\"error\":");
    mx_text_append(&b->out, request->text, request->size);
    mx_text_puts(&b->out, "}");
    request->status = 0;
    request->retry_after_s = 0;
}

/* *answered false: the request's reply says why not. */
static merx_status set_and_ask(batch *b, json_t *members, bool *answered, merx_error *err)
{
    merx_options *question = NULL;
    bool why = b->why;
    size_t before = b->out.size;
    MX_TRY(mx_question_new(b->request->path_value, NULL, &question, err));
    *answered = mx_question_set(b->request, question, members, &why);
    merx_status status = MERX_OK;
    if (*answered)
        status = mx_question_ask(b->request, b->view, question, why, &b->arena, &b->out, err);
    if (status != MERX_OK) /* nothing of a reply that broke off */
        b->out.size = before;
    mx_arena_clear(&b->arena);
    merx_options_free(question);
    return status;
}

static void answer_one(batch *b, json_t *members)
{
    merx_error err = {0};
    bool answered = false;
    mx_request *request = b->request;
    if (!json_is_object(members))
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, "", "", "the question is not a JSON object");
    else if (b->out.size > BATCH_BYTES)
        mx_request_fail(request, MX_HTTP_TOO_LARGE, "", "ask the rest in another batch",
                        "the replies of this batch have more than %d MB already", BATCH_BYTES >> 20);
    else if (mx_monotonic_s() > b->end_s || atomic_load(&request->server->stopping))
        mx_request_fail(request, MX_HTTP_UNAVAILABLE, "", "ask the rest in another batch",
                        "the batch has taken %d seconds already, or the server is stopping", BATCH_SECONDS);
    else if (set_and_ask(b, members, &answered, &err) != MERX_OK) {
        answered = false;
        mx_question_failure(request, &err);
    }
    if (!answered)
        move_failure(b);
}

static merx_status answer_all(batch *b, merx_error *err)
{
    size_t n = json_array_size(b->questions);
    MX_TRY(mx_view_keeper_for(b->request->shop->keeper, b->request->path_value, &b->view, err));
    mx_text_puts(&b->out, "{\"replies\":[");
    for (size_t i = 0; i < n; i++) {
        mx_text_puts(&b->out, i ? "," : "");
        answer_one(b, json_array_get(b->questions, i));
    }
    mx_text_puts(&b->out, "]}");
    return mx_text_ok(&b->out, err);
}

/* The parts of the body; false: the reply says what is wrong. */
static bool take_body(batch *b, json_t *body)
{
    mx_request *request = b->request;
    const char *key;
    json_t *value;
    if (!json_is_object(body)) {
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, "", "", "the body is not a JSON object {\"questions\": [...]}");
        return false;
    }
    json_object_foreach(body, key, value)
    {
        if (strcmp(key, "questions") == 0 && json_is_array(value)) {
            b->questions = value;
        } else if (strcmp(key, "why") == 0 && json_is_boolean(value)) {
            b->why = json_is_true(value);
        } else {
            bool known = strcmp(key, "questions") == 0 || strcmp(key, "why") == 0;
            mx_request_fail(request, MX_HTTP_BAD_REQUEST, key, "", "%s",
                            !known                    ? "there is no such member (expected questions, why)"
                            : strcmp(key, "why") == 0 ? "is neither true nor false"
                                                      : "is not a list of questions");
            return false;
        }
    }
    if (b->questions && json_array_size(b->questions) <= QUESTIONS_MAX)
        return true;
    if (b->questions)
        mx_request_fail(request, MX_HTTP_TOO_LARGE, "questions", "", "has %zu questions; at most %d are taken at once",
                        json_array_size(b->questions), QUESTIONS_MAX);
    else
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, "questions", "", "is missing (expected a list of questions)");
    return false;
}

/* No such answer, or a query: of the whole batch. */
static merx_status check_path(const batch *b, merx_error *err)
{
    merx_options *question = NULL;
    MX_TRY(mx_question_new(b->request->path_value, NULL, &question, err));
    merx_options_free(question);
    if (b->request->n_query > 0)
        MX_FAIL(err, MERX_E_INVALID, b->request->query[0].name, "a batch takes no query: options are in its questions");
    return MERX_OK;
}

void mx_handle_ask_many(mx_request *request)
{
    merx_error err = {0};
    json_error_t error;
    char *text = NULL;
    batch b = {.request = request, .end_s = mx_monotonic_s() + BATCH_SECONDS};
    json_t *body = json_loadb(request->body.data, request->body.size, JSON_REJECT_DUPLICATES, &error);

    if (!body) {
        char where[64];
        snprintf(where, sizeof where, "line %d, column %d", error.line, error.column);
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, where, "", "the body is not a JSON object: %s", error.text);
        return;
    }
    mx_text_init(&b.out, NULL, (size_t)4 * BATCH_BYTES);
    mx_arena_init(&b.arena, NULL);
    merx_status status = check_path(&b, &err);
    if (status == MERX_OK && take_body(&b, body)) {
        status = answer_all(&b, &err);
        if (status == MERX_OK)
            status = mx_text_give(&b.out, &text, &err);
    }
    if (status != MERX_OK)
        mx_question_failure(request, &err);
    else if (text)
        mx_request_give(request, "application/json", text);
    mx_view_release(b.view);
    mx_text_release(&b.out);
    mx_arena_release(&b.arena);
    json_decref(body);
}
