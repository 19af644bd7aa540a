/*
 * The picture of a product, as it was imported or at a smaller size.
 */
#include <stdio.h>
#include <string.h>

#include "server/handlers.h"
#include "server/picture_question.h"
#include "server/picture_sizes.h"
#include "server/server_state.h"
#include "shop/product_pictures.h"

enum { SIDE_LEAST = 16, SIDE_MOST = 2048 };

/* A shop's pictures change with an import; who has one need not ask again for some minutes. */
#define CACHE "private, max-age=300"

static const char *type_of(const char *blob)
{
    const char *dot = strrchr(blob, '.');
    return dot && strcmp(dot, ".png") == 0    ? "image/png"
           : dot && strcmp(dot, ".webp") == 0 ? "image/webp"
                                              : "image/jpeg";
}

/* Pixels a side; 0: as it is. False: the reply says what is wrong. */
static bool take_size(mx_request *request, size_t *side)
{
    *side = 0;
    for (size_t i = 0; i < request->n_query; i++) {
        const mx_query *q = &request->query[i];
        int64_t number = 0;
        if (strcmp(q->name, "size") != 0) {
            mx_request_fail(request, MX_HTTP_BAD_REQUEST, q->name, "", "there is no such parameter (expected size)");
            return false;
        }
        if (*side > 0 || !mx_parse_int64(mx_str_of(q->value), &number) || number < SIDE_LEAST || number > SIDE_MOST) {
            mx_request_fail(request, MX_HTTP_BAD_REQUEST, "size", "", "\"%.40s\" is not one number from %d to %d",
                            q->value, SIDE_LEAST, SIDE_MOST);
            return false;
        }
        *side = (size_t)number;
    }
    return true;
}

static merx_status reply_picture(mx_request *request, const char *blob, mx_str picture, size_t side, merx_error *err)
{
    mx_str small = {"", 0};
    char etag[64];
    /* The digits of the name say what is in the picture. */
    const char *name = strrchr(blob, '/') + 1;
    int digits = (int)strcspn(name, ".");
    if (side > 0)
        MX_TRY(mx_picture_sizes_get(request->server->pictures, request->shop, blob, picture, side, &request->arena,
                                    &small, err));
    if (small.size > 0) {
        snprintf(etag, sizeof etag, "%.*s-%zu", digits, name, side);
        mx_request_bytes(request, "image/png", small.data, small.size, etag, CACHE);
        return MERX_OK;
    }
    char *copy = mx_arena_strndup(&request->arena, picture.data, picture.size, err);
    if (!copy)
        return MERX_E_MEMORY;
    snprintf(etag, sizeof etag, "%.*s", digits, name);
    mx_request_bytes(request, type_of(blob), copy, picture.size, etag, CACHE);
    return MERX_OK;
}

static merx_status find_and_reply(mx_request *request, mx_blobs *blobs, size_t side, merx_error *err)
{
    char name[256];
    mx_blob blob;
    MX_TRY(mx_product_picture_first(blobs, mx_str_of(request->path_value), name, err));
    MX_TRY(mx_blobs_map(blobs, name, &blob, err));
    merx_status status = reply_picture(request, name, (mx_str){(const char *)blob.data, blob.size}, side, err);
    mx_blobs_unmap(blobs, &blob);
    return status;
}

void mx_handle_picture(mx_request *request)
{
    merx_error err = {0};
    mx_reader *reader = NULL;
    size_t side;

    if (!take_size(request, &side))
        return;
    merx_status status = mx_served_shop_take(request->shop, &reader, &err);
    if (status == MERX_OK)
        status = find_and_reply(request, reader->shop->blobs, side, &err);
    if (reader)
        mx_served_shop_give(request->shop, reader);
    if (status == MERX_OK || mx_picture_failure(request, &err))
        return;
    if (status == MERX_E_NOT_FOUND) /* also a blob that was removed just now */
        mx_request_fail(request, MX_HTTP_NOT_FOUND, "", "", "there is no picture of the product \"%.100s\"",
                        request->path_value);
    else
        mx_request_failure(request, &err);
}
