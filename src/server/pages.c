/*
 * Finding a page of the console, and not sending again what the browser has.
 */
#include "server/pages.h"

#include <string.h>

#include "server/request.h"

const mx_page *mx_page_find(const char *method, const char *path)
{
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return NULL;
    for (size_t i = 0; i < mx_page_count; i++)
        if (strcmp(mx_page_files[i].path, path) == 0)
            return &mx_page_files[i];
    return NULL;
}

/* A list of tags, each perhaps W/"…" (a proxy that compresses makes them weak), or *. */
bool mx_etag_is_known(const char *etag, const char *if_none_match)
{
    size_t size = strlen(etag);
    const char *at = if_none_match;
    if (!at)
        return false;
    while (*at) {
        at += strspn(at, " \t,");
        if (at[0] == '*')
            return true;
        if (strncmp(at, "W/", 2) == 0)
            at += 2;
        size_t length = strcspn(at, " \t,");
        if (length == size && memcmp(at, etag, size) == 0)
            return true;
        at += length;
    }
    return false;
}

bool mx_page_is_known(const mx_page *page, const char *if_none_match)
{
    return mx_etag_is_known(page->etag, if_none_match);
}

void mx_page_answer(mx_request *request, const mx_page *page, const char *if_none_match)
{
    bool known = mx_page_is_known(page, if_none_match);
    request->status = known ? 304 : 200;
    request->type = page->type;
    request->text = (const char *)page->data;
    request->size = page->size; /* of 304 too: the length is told, the body left out */
}
