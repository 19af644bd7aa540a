/*
 * Pictures over HTTP: the body of a question instead of a file of this machine, and a heat map in the reply instead of one. Floor 7.
 */
#ifndef MX_SERVER_PICTURE_QUESTION_H
#define MX_SERVER_PICTURE_QUESTION_H

#include "merx/answer.h"
#include "server/request.h"

/* The body becomes the picture that is asked about. False: the reply says why not. */
bool mx_picture_take(mx_request *request, merx_options *question);
/* The option heat_map, whose one value over HTTP is "inline": the map goes to request->heat_map. False: the reply says what is wrong. */
bool mx_picture_heat_map(mx_request *request, merx_options *question, const char *value);
/* Appends what merx_reply_json gives, with "heat_map": {"type": "image/png", "base64": …} when there is one, which is taken. */
merx_status mx_picture_reply(mx_request *request, const merx_reply *reply, mx_text *out,
                             merx_error *err) MERX_MUST_CHECK;
/* Whether the failure is of a picture that was sent, or of the program that decodes; then the reply says so. */
bool mx_picture_failure(mx_request *request, const merx_error *err);

#endif
