/* Parts of a network's JSON, for files that have their own form around them (network_json.c). Floor 4. */
#ifndef MX_LEARN_NETWORK_JSON_H
#define MX_LEARN_NETWORK_JSON_H

#include <jansson.h>

#include "learn/network/network_state.h"

/* Adds the layer {"layer": "dense", …} to the network. place: said in errors, with the option behind a dot. */
merx_status mx_network_read_layer(const char *place, json_t *one, merx_network *net, merx_error *err) MERX_MUST_CHECK;
/* {"name": "adam", …}, or its name. */
merx_status mx_network_read_optimizer(json_t *root, merx_optimizer *out, merx_error *err) MERX_MUST_CHECK;

#endif
