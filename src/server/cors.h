/*
 * Which pages of other origins may read what the server replies (CORS). Floor 7.
 *
 * Keys are what lets in, and they are sent by a page's own code, so no credentials of a browser are allowed for: an origin is told that it may read, no more. While no shop has a
 * key nothing is told to anybody: each page opened on this machine could ask in its owner's name.
 */
#ifndef MX_SERVER_CORS_H
#define MX_SERVER_CORS_H

#include <stdbool.h>

#include "merx/status.h"

#define MX_CORS_BYTES 4112

/*
 * text   "" (nobody), "*" (everybody), or origins separated by commas or blanks: "https://shop.example, http://localhost:5173"
 * out    (MX_CORS_BYTES) written: what mx_cors_allows takes
 */
merx_status mx_cors_read(const char *text, char *out, merx_error *err) MERX_MUST_CHECK;
/* Exactly one of them. origin NULL: no. */
bool mx_cors_allows(const char *cors, const char *origin);
/* Whether the reply to an origin depends on which it is. */
bool mx_cors_varies(const char *cors);

#endif
