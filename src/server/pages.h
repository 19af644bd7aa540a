/*
 * The console's pages, which are part of the program. Floor 7.
 *
 * They hold no data of a shop, so they need no key; what they ask of the API does. They are not in the table of routes: they
 * are no part of the API, its description or its metrics.
 */
#ifndef MX_SERVER_PAGES_H
#define MX_SERVER_PAGES_H

#include <stdbool.h>
#include <stddef.h>

struct mx_request;

typedef struct mx_page {
    const char *path; /* "/" is index.html, "/shop" is shop.html */
    const char *type;
    const char *etag;    /* with its quotes */
    unsigned char *data; /* never written to; libmicrohttpd takes no const */
    size_t size;
} mx_page;

/* Written by the build (cmake/embed_pages.cmake), sorted by the file's name. */
extern const mx_page mx_page_files[];
extern const size_t mx_page_count;

/* NULL: the path is none of a page, or the method is neither GET nor HEAD. */
const mx_page *mx_page_find(const char *method, const char *path);

/* Whether a list of tags, as clients send it, has this one (with its quotes). if_none_match may be NULL. */
bool mx_etag_is_known(const char *etag, const char *if_none_match);
/* Whether what the client has is this page as it is. if_none_match may be NULL. */
bool mx_page_is_known(const mx_page *page, const char *if_none_match);

/* The reply: the page, or 304 without it. */
void mx_page_answer(struct mx_request *request, const mx_page *page, const char *if_none_match);

/*
 * What a browser may do with a page: nothing from elsewhere is loaded, asked or shown around it, and no script or style is
 * taken but from the program's own files.
 */
#define MX_PAGE_POLICY                                                                                                 \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "   \
    "form-action 'none'; frame-ancestors 'none'"

#endif
