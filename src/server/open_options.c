/*
 * The list of text options that may come over HTTP: ids, lists of ids, days, a price.
 */
#include "server/open_options.h"

#include <stddef.h>
#include <string.h>

static const char *const open_texts[] = {"product", "customer", "session", "items", "basket",
                                         "exclude", "from",     "to",      "price"};

bool mx_option_is_open(const merx_option *option)
{
    if (option->type != MERX_OPTION_TEXT)
        return true;
    for (size_t i = 0; i < sizeof open_texts / sizeof *open_texts; i++)
        if (strcmp(option->name, open_texts[i]) == 0)
            return true;
    return false;
}

const merx_option *mx_option_named(const merx_option *table, const char *name)
{
    for (const merx_option *o = table; o != NULL && o->name != NULL; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}
