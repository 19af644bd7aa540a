/*
 * Options that name files, in memory (merx_options_set_file).
 */
#include "server/picture_question.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shop/answers/answer.h"

bool mx_picture_take(mx_request *request, merx_options *question)
{
    merx_error err = {0};
    merx_option_file file = {.bytes = request->body.data, .size = request->body.size};
    if (request->body.size == 0) {
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, "", "", "the body is empty (expected a picture)");
        return false;
    }
    if (merx_options_set_file(question, "picture", "the picture", &file, &err) == MERX_OK)
        return true;
    mx_request_failure(request, &err);
    return false;
}

static merx_status keep_heat_map(void *context, const void *bytes, size_t size, merx_error *err)
{
    mx_request *request = context;
    char *copy = mx_arena_strndup(&request->arena, bytes, size, err);
    if (!copy)
        return MERX_E_MEMORY;
    request->heat_map = (mx_str){copy, size};
    return MERX_OK;
}

bool mx_picture_heat_map(mx_request *request, merx_options *question, const char *value)
{
    merx_error err = {0};
    merx_option_file file = {.write = keep_heat_map, .context = request};
    if (strcmp(value, "inline") != 0) {
        mx_request_fail(request, MX_HTTP_BAD_REQUEST, "heat_map", "",
                        "\"%.40s\" can't be set over HTTP (expected inline: the map comes in the reply)", value);
        return false;
    }
    if (merx_options_set_file(question, "heat_map", "heat_map", &file, &err) == MERX_OK)
        return true;
    mx_request_failure(request, &err);
    return false;
}

/* One more member: in place of the last brace. */
static merx_status add_heat_map(mx_str map, mx_text *out, merx_error *err)
{
    char *base64;
    size_t size = sodium_base64_ENCODED_LEN(map.size, sodium_base64_VARIANT_ORIGINAL);
    MX_TRY(mx_text_ok(out, err));
    MX_TRY(mx_alloc_array_raw(NULL, size, 1, "heat map", &base64, err));
    sodium_bin2base64(base64, size, (const unsigned char *)map.data, map.size, sodium_base64_VARIANT_ORIGINAL);
    out->size--;
    mx_text_puts(out, ",\"heat_map\":{\"type\":\"image/png\",\"base64\":\"");
    mx_text_puts(out, base64);
    mx_text_puts(out, "\"}}");
    mx_free_array(NULL, base64, size, 1);
    return mx_text_ok(out, err);
}

merx_status mx_picture_reply(mx_request *request, const merx_reply *reply, mx_text *out, merx_error *err)
{
    mx_str map = request->heat_map;
    request->heat_map = (mx_str){"", 0};
    mx_reply_write_json(reply, out);
    return map.size > 0 ? add_heat_map(map, out, err) : mx_text_ok(out, err);
}

bool mx_picture_failure(mx_request *request, const merx_error *err)
{
    /* Where the program was looked for is the operator's to know. */
    mx_str message = mx_str_of(err->message);
    if (strcmp(err->where, "merx-decode") == 0 || mx_str_ends(message, "the program merx-decode)") ||
        mx_str_ends(message, "path of merx-decode")) {
        char line[1200];
        int length =
            snprintf(line, sizeof line, "merx serve: request %s: %s: %s\n", request->id, err->where, err->message);
        ssize_t written = length > 0 ? write(STDERR_FILENO, line, strlen(line)) : 0;
        (void)written; /* a log that can't be written has nowhere to say so */
        mx_request_fail(request, MX_HTTP_UNAVAILABLE, "picture", "the server's log says where merx-decode was expected",
                        "pictures can't be decoded here");
        return true;
    }
    if (!request->picture || strcmp(err->where, "picture") != 0)
        return false;
    if (err->code == MERX_E_LIMIT)
        mx_request_fail(request, MX_HTTP_TOO_LARGE, "picture", "send a smaller picture", "%s", err->message);
    else if (err->code == MERX_E_CORRUPT || err->code == MERX_E_PARSE || err->code == MERX_E_UNSUPPORTED ||
             err->code == MERX_E_INVALID)
        mx_request_fail(request, MX_HTTP_INVALID_DATA, "picture", "send a whole picture: JPEG, PNG or WebP", "%s",
                        err->message);
    else
        return false;
    return true;
}
