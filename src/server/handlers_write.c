/*
 * Writing: how much a request may bring, and erasing, in the shop's lane (events: event_intake.c; things: handlers_things.c).
 */
#include "server/handlers.h"
#include "server/server_state.h"
#include "server/things.h"

enum { QUESTION_BYTES = 65536, JOB_BYTES = 1 << 20 };

size_t mx_content_limit(mx_content content, uint64_t limit)
{
    bool asked = content == MX_JOB_ASKED || content == MX_DEPLOY || content == MX_EMPTY || content == MX_KEY_ASKED;
    uint64_t own = content == MX_EVENTS || content == MX_MANY_THINGS || content == MX_QUESTIONS ? limit
                   : content == MX_ONE_THING || content == MX_PATCH                             ? MX_THING_BYTES
                   : content == MX_QUESTION                                                     ? QUESTION_BYTES
                   : asked                                                                      ? JOB_BYTES
                                                                                                : 0;
    return (size_t)(own < limit ? own : limit);
}

static json_t *receipt_json(const merx_receipt *receipt)
{
    json_t *answers = json_object();
    for (size_t i = 0; i < receipt->answers; i++)
        json_object_set_new(answers, receipt->answer[i].answer, json_string(receipt->answer[i].how));
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:f}", "customer", receipt->customer, "events",
                     (json_int_t)receipt->events, "orders", (json_int_t)receipt->orders, "messages",
                     (json_int_t)receipt->messages, "reviews", (json_int_t)receipt->reviews, "customers",
                     (json_int_t)receipt->customers, "answers", answers, "seconds", receipt->seconds);
}

void mx_handle_erase_customer(mx_request *request)
{
    merx_receipt receipt = {0};
    merx_error err = {0};
    merx_status status = mx_served_shop_writer(request->shop, &err);
    if (status == MERX_OK)
        status = mx_served_shop_forget(request->shop, request->path_value, &receipt, &err);
    if (status != MERX_OK)
        mx_request_failure(request, &err);
    else
        mx_request_json(request, 200, receipt_json(&receipt));
    merx_receipt_release(&receipt);
}
