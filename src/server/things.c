/*
 * Kinds of routes, places in listings, words looked for.
 */
#include "server/things.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *things;
    mx_record_kind kind;
    char mark; /* begins its cursors */
} kinds[] = {{"events", MX_EVENT, 'e'},
             {"products", MX_PRODUCT, 'p'},
             {"customers", MX_CUSTOMER, 'c'},
             {"messages", MX_MESSAGE, 'm'},
             {"reviews", MX_REVIEW, 'r'}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static size_t row_of(const mx_route *route)
{
    static const char prefix[] = "/v1/";
    size_t i = 0;
    if (strncmp(route->path, prefix, sizeof prefix - 1) != 0)
        return KINDS;
    const char *part = route->path + sizeof prefix - 1;
    size_t size = strcspn(part, "/");
    while (i < KINDS && !mx_str_equal((mx_str){part, size}, mx_str_of(kinds[i].things)))
        i++;
    return i;
}

mx_record_kind mx_route_kind(const mx_route *route)
{
    size_t i = row_of(route);
    return i < KINDS ? kinds[i].kind : MX_RECORD_KINDS;
}

const char *mx_route_things(const mx_route *route)
{
    size_t i = row_of(route);
    return i < KINDS ? kinds[i].things : "";
}

void mx_reply_row_errors(mx_request *request, mx_row_errors *errors, const char *what, size_t rows)
{
    char where[120];
    const json_t *first = json_array_get(errors->list, 0);
    const char *field = json_string_value(json_object_get(first, "field"));
    json_int_t index = json_integer_value(json_object_get(first, "index"));
    if (rows > 0)
        snprintf(where, sizeof where, "%s[%" JSON_INTEGER_FORMAT "]%s%s", what, index, field && *field ? "." : "",
                 field ? field : "");
    else
        snprintf(where, sizeof where, "%s", field ? field : "");
    mx_request_fail_list(request, errors->list, where, "%zu error%s in the %s; nothing of the request was stored",
                         errors->count, errors->count == 1 ? "" : "s", what);
    errors->list = NULL;
}

/* ---- cursors ---- */

_Static_assert(MX_CURSOR_SIZE >= sodium_base64_ENCODED_LEN(MX_ID_MAX + 1, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
               "every id has a cursor");

static char mark_of(mx_record_kind kind)
{
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].kind == kind)
            return kinds[i].mark;
    return '\0';
}

void mx_cursor_write(mx_record_kind kind, mx_str id, char *out)
{
    unsigned char bytes[MX_ID_MAX + 1];
    size_t size = id.size < MX_ID_MAX ? id.size : MX_ID_MAX;
    bytes[0] = (unsigned char)mark_of(kind);
    memcpy(bytes + 1, id.data, size);
    sodium_bin2base64(out, MX_CURSOR_SIZE, bytes, size + 1, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool mx_cursor_read(mx_record_kind kind, const char *text, char *out)
{
    unsigned char bytes[MX_ID_MAX + 1];
    size_t size = 0;
    if (sodium_base642bin(bytes, sizeof bytes, text, strlen(text), NULL, &size, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        size < 2 || bytes[0] != (unsigned char)mark_of(kind) || memchr(bytes, '\0', size) ||
        !mx_utf8_valid((mx_str){(const char *)bytes + 1, size - 1}, NULL))
        return false;
    memcpy(out, bytes + 1, size - 1);
    out[size - 1] = '\0';
    return true;
}

/* ---- words ---- */

static char folded(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool begins(mx_str text, mx_str start)
{
    if (start.size > text.size)
        return false;
    for (size_t i = 0; i < start.size; i++)
        if (folded(text.data[i]) != folded(start.data[i]))
            return false;
    return true;
}

static bool in_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || ((unsigned char)c & 0x80) != 0;
}

static bool has_word(mx_str title, mx_str word)
{
    const char first = folded(word.data[0]);
    bool anywhere = ((unsigned char)first & 0x80) != 0;
    for (size_t i = 0; i + word.size <= title.size; i++)
        if (folded(title.data[i]) == first &&
            (anywhere || i == 0 || !in_word(title.data[i - 1]) || !in_word(word.data[0])) &&
            begins((mx_str){title.data + i, title.size - i}, word))
            return true;
    return false;
}

bool mx_product_matches(mx_str id, mx_str title, const char *q)
{
    if (begins(id, mx_str_of(q)))
        return true;
    while (*q) {
        q += strspn(q, " ");
        size_t size = strcspn(q, " ");
        if (size > 0 && !has_word(title, (mx_str){q, size}))
            return false;
        q += size;
    }
    return true;
}
