/*
 * The list is kept as " origin origin ", so that looking one up is looking for " origin ".
 */
#include "server/cors.h"

#include <string.h>

#include "base/error.h"
#include "base/str.h"

enum { ORIGIN_MAX = 255 };

static bool is_host_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':' || c == '[' ||
           c == ']' || c == '_';
}

/* As browsers write it: scheme://host or scheme://host:port, in lower case, without a path. */
static bool is_origin(mx_str text)
{
    size_t scheme = 0;
    while (scheme < text.size && text.data[scheme] != ':')
        scheme++;
    mx_str name = {text.data, scheme};
    if (!mx_str_equal(name, MX_STR("http")) && !mx_str_equal(name, MX_STR("https")))
        return false;
    mx_str rest = {text.data + scheme, text.size - scheme};
    if (!mx_str_starts(rest, "://") || rest.size == 3 || text.size > ORIGIN_MAX)
        return false;
    for (size_t i = 3; i < rest.size; i++)
        if (!is_host_byte(rest.data[i]))
            return false;
    return true;
}

merx_status mx_cors_read(const char *text, char *out, merx_error *err)
{
    static const char separators[] = " ,\t";
    mx_str whole = mx_str_trim(mx_str_of(text));
    size_t used = 0;

    *out = '\0';
    if (whole.size == 0)
        return MERX_OK;
    if (mx_str_equal(whole, MX_STR("*"))) {
        memcpy(out, "*", 2);
        return MERX_OK;
    }
    out[used++] = ' ';
    for (const char *at = text + strspn(text, separators); *at; at += strspn(at, separators)) {
        mx_str origin = {at, strcspn(at, separators)};
        if (!is_origin(origin))
            MX_FAIL(err, MERX_E_INVALID, "cors",
                    "\"%.*s\" is no origin (expected e.g. https://shop.example or http://localhost:5173, in lower case "
                    "and without a path; or * for all)",
                    (int)(origin.size < 80 ? origin.size : 80), origin.data);
        if (used + origin.size + 2 > MX_CORS_BYTES)
            MX_FAIL(err, MERX_E_LIMIT, "cors", "has more than %d bytes", MX_CORS_BYTES - 16);
        memcpy(out + used, origin.data, origin.size);
        used += origin.size;
        out[used++] = ' ';
        at += origin.size;
    }
    out[used] = '\0';
    return MERX_OK;
}

bool mx_cors_allows(const char *cors, const char *origin)
{
    size_t size = origin ? strlen(origin) : 0;
    if (size == 0 || size > ORIGIN_MAX || memchr(origin, ' ', size))
        return false;
    if (strcmp(cors, "*") == 0)
        return true;
    for (const char *at = cors; (at = strstr(at, origin)) != NULL; at++)
        if (at[-1] == ' ' && at[size] == ' ')
            return true;
    return false;
}

bool mx_cors_varies(const char *cors)
{
    return *cors == ' ';
}
