/*
 * Which options of a question may come over HTTP. Floor 7.
 *
 * Some options name files of this machine, to be read or written; whoever asks over the network must not reach those. So text options are closed unless they stand in the
 * list here: what is added to an answer is closed until somebody has thought of it. Numbers, choices and truth values are open.
 */
#ifndef MX_SERVER_OPEN_OPTIONS_H
#define MX_SERVER_OPEN_OPTIONS_H

#include <stdbool.h>

#include "merx/option.h"

bool mx_option_is_open(const merx_option *option);
/* The option of that name; NULL: none. */
const merx_option *mx_option_named(const merx_option *table, const char *name);

#endif
