/*
 * A body of many JSON values, taken one at a time: an array's elements, or lines; a single value is one. Floor 7.
 *
 * Only the outer array is looked through here, without parsing what is in it; each element is then parsed by itself, so that memory is that of one element whatever the
 * body holds. What is wrong inside an element shows when it is parsed.
 */
#ifndef MX_SERVER_JSON_ITEMS_H
#define MX_SERVER_JSON_ITEMS_H

#include <jansson.h>

#include "base/str.h"

typedef struct mx_json_items {
    const char *start, *at, *end;
    bool lines, array, ended, first;
    size_t count; /* given so far */
} mx_json_items;

/* body is kept. lines: JSON lines; empty ones are skipped. Errors: MERX_E_PARSE (nothing in it). */
merx_status mx_json_items_init(mx_json_items *items, mx_str body, bool lines, merx_error *err) MERX_MUST_CHECK;
/* The next element's text; size 0: the end. Errors: MERX_E_PARSE, where "line 3, column 7". */
merx_status mx_json_items_next(mx_json_items *items, mx_str *element, merx_error *err) MERX_MUST_CHECK;
/* Where the next element begins, when it is an object, and what it ends before; else NULL. For readers of their own (event_json.h). */
const char *mx_json_items_peek(mx_json_items *items, const char **end);
/* The element that was peeked at ends at `after`: goes on behind it. False: it does not end there, and nothing has changed. */
bool mx_json_items_took(mx_json_items *items, const char *after);
/* Parses one: strict JSON, no key twice. Errors: MERX_E_PARSE, where in the body. Owns: json_decref. */
merx_status mx_json_items_parse(const mx_json_items *items, mx_str element, json_t **out,
                                merx_error *err) MERX_MUST_CHECK;

#endif
