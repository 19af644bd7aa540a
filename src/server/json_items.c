/*
 * Elements of an array found by depth and quotes alone.
 */
#include "server/json_items.h"

#include <stdio.h>
#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* "line 3, column 7" of a place in the body: columns are bytes. */
static void place_of(const mx_json_items *items, const char *at, char *out, size_t size)
{
    size_t line = 1;
    const char *begin = items->start;
    for (const char *c = items->start; c < at; c++)
        if (*c == '\n') {
            line++;
            begin = c + 1;
        }
    snprintf(out, size, "line %zu, column %zu", line, (size_t)(at - begin) + 1);
}

static merx_status malformed(const mx_json_items *items, const char *at, merx_error *err, const char *what)
{
    char place[64];
    place_of(items, at, place, sizeof place);
    MX_FAIL(err, MERX_E_PARSE, place, "the body is not JSON: %s", what);
}

static void skip_space(mx_json_items *items)
{
    while (items->at < items->end && is_space(*items->at))
        items->at++;
}

merx_status mx_json_items_init(mx_json_items *items, mx_str body, bool lines, merx_error *err)
{
    *items = (mx_json_items){
        .start = body.data, .at = body.data, .end = body.data + body.size, .lines = lines, .first = true};
    skip_space(items);
    if (items->at == items->end)
        MX_FAIL(err, MERX_E_PARSE, "", "the body is empty");
    if (!lines && *items->at == '[') {
        items->array = true;
        items->at++;
    }
    return MERX_OK;
}

/* The end of an element: a comma or bracket of the outer array, or the body's end. */
static merx_status find_end(const mx_json_items *items, const char **end, merx_error *err)
{
    size_t depth = 0;
    bool quoted = false;
    const char *c = items->at;
    for (; c < items->end; c++) {
        if (quoted) {
            if (*c == '\\')
                c++;
            else if (*c == '"')
                quoted = false;
        } else if (*c == '"') {
            quoted = true;
        } else if (*c == '{' || *c == '[') {
            depth++;
        } else if (*c == '}' || *c == ']') {
            if (depth == 0)
                break;
            depth--;
        } else if (*c == ',' && depth == 0) {
            break;
        }
    }
    if (c >= items->end)
        return malformed(items, items->end, err, "it ends within an array");
    *end = c;
    return MERX_OK;
}

static merx_status next_of_array(mx_json_items *items, mx_str *element, merx_error *err)
{
    const char *end = items->at;
    skip_space(items);
    if (items->first && items->at < items->end && *items->at == ']') {
        items->at++;
        items->ended = true;
    }
    if (items->ended) {
        skip_space(items);
        return items->at == items->end ? MERX_OK : malformed(items, items->at, err, "something follows the array");
    }
    MX_TRY(find_end(items, &end, err));
    element->data = items->at;
    element->size = (size_t)(end - items->at);
    while (element->size > 0 && is_space(element->data[element->size - 1]))
        element->size--;
    if (element->size == 0)
        return malformed(items, end, err, "a value is missing");
    if (*end == '}')
        return malformed(items, end, err, "'}' without '{'");
    items->ended = *end == ']';
    items->at = end + 1;
    return MERX_OK;
}

static void next_line(mx_json_items *items, mx_str *element)
{
    while (items->at < items->end) {
        const char *end = memchr(items->at, '\n', (size_t)(items->end - items->at));
        if (!end)
            end = items->end;
        *element = mx_str_trim((mx_str){items->at, (size_t)(end - items->at)});
        items->at = end < items->end ? end + 1 : end;
        if (element->size > 0)
            return;
    }
    *element = (mx_str){"", 0};
}

merx_status mx_json_items_next(mx_json_items *items, mx_str *element, merx_error *err)
{
    *element = (mx_str){"", 0};
    if (items->array) {
        MX_TRY(next_of_array(items, element, err));
    } else if (items->lines) {
        next_line(items, element);
    } else if (items->first) {
        *element = mx_str_trim((mx_str){items->at, (size_t)(items->end - items->at)});
    }
    items->first = false;
    items->count += element->size > 0;
    return MERX_OK;
}

const char *mx_json_items_peek(mx_json_items *items, const char **end)
{
    const char *line = NULL;

    if (items->ended || (!items->array && !items->lines && !items->first))
        return NULL;
    skip_space(items);
    if (items->at == items->end || *items->at != '{')
        return NULL;
    if (items->lines)
        line = memchr(items->at, '\n', (size_t)(items->end - items->at));
    *end = line ? line : items->end;
    return items->at;
}

bool mx_json_items_took(mx_json_items *items, const char *after)
{
    const char *at = after;

    while (at < items->end && is_space(*at) && !(items->lines && *at == '\n'))
        at++;
    if (items->array) {
        if (at == items->end || (*at != ',' && *at != ']'))
            return false;
        items->ended = *at == ']';
        at++;
    } else if (at < items->end && !(items->lines && *at == '\n')) {
        return false;
    }
    items->at = at;
    items->first = false;
    items->count++;
    return true;
}

merx_status mx_json_items_parse(const mx_json_items *items, mx_str element, json_t **out, merx_error *err)
{
    json_error_t error;
    char place[64];
    *out = json_loadb(element.data, element.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (*out)
        return MERX_OK;
    size_t at = error.position > 0 ? (size_t)error.position - 1 : 0;
    place_of(items, element.data + (at < element.size ? at : element.size), place, sizeof place);
    MX_FAIL(err, MERX_E_PARSE, place, "the body is not JSON: %s", error.text);
}
