/*
 * What is written of a fit's course: a CSV of its epochs, an SVG of its curves. Floor 4.
 */
#ifndef MX_LEARN_NETWORK_HISTORY_H
#define MX_LEARN_NETWORK_HISTORY_H

#include "learn/network/network_state.h"

/* Each whole, atomically; NULL: not wanted. */
merx_status mx_history_write(const merx_history *history, const merx_network *net, const char *csv, const char *svg,
                             merx_error *err) MERX_MUST_CHECK;

#endif
