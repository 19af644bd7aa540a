/*
 * What the handlers of things share: products, customers, messages, reviews, and the events that name them. Floor 7.
 */
#ifndef MX_SERVER_THINGS_H
#define MX_SERVER_THINGS_H

#include "server/record_json.h"
#include "server/request.h"

/* The most bytes of JSON of one thing. */
enum { MX_THING_BYTES = 4 << 20 };

/* What a path is about: "/v1/products/{id}" is MX_PRODUCT, "products". MX_RECORD_KINDS, "": none. */
mx_record_kind mx_route_kind(const mx_route *route);
const char *mx_route_things(const mx_route *route);

/*
 * Replies 422 with what was refused; the list is taken.
 * what   "events": a request of many; "product": of one, then rows is 0
 */
void mx_reply_row_errors(mx_request *request, mx_row_errors *errors, const char *what, size_t rows);

/* ---- listings ---- */

/* Opaque places in a listing, as text: what `next` was. size of out: MX_CURSOR_SIZE. */
#define MX_CURSOR_SIZE 512
void mx_cursor_write(mx_record_kind kind, mx_str id, char *out);
/* The id, terminated, in out (MX_ID_MAX + 1); false: it is no place in a listing of that kind. */
bool mx_cursor_read(mx_record_kind kind, const char *text, char *out);

/*
 * Whether a product is what somebody looks for: q begins its id, or each word of q begins a word of its title; without regard to the case of ASCII letters. Words of other
 * scripts are found anywhere in it, since not all put spaces between words. q "": every product.
 */
bool mx_product_matches(mx_str id, mx_str title, const char *q);

#endif
