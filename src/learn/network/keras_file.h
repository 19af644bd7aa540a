/*
 * What Keras 3 wrote: weights (`model.save_weights`, HDF5) and whole models (`model.save`, a zip file of config.json, metadata.json and model.weights.h5). Floor 4.
 *
 *   /layers/NAME/vars/0, 1, …        NAME is the layer's class in snake case with a number, "conv2d", "conv2d_1", in the model's order; vars has an attribute "name": the layer's own
 *   /layers/NAME/cell/vars/0, 1, …   of recurrent layers
 *   /optimizer/…                     not read
 *
 * Weights are in the order of get_weights(), which is merx's too, in the same shapes; but a DepthwiseConv2D's kernel (h, w, channels, multiplier) is merx's (h, w, 1, channels x multiplier).
 */
#ifndef MX_LEARN_NETWORK_KERAS_FILE_H
#define MX_LEARN_NETWORK_KERAS_FILE_H

#include "learn/network/network_state.h"

/* Weights of HDF5 bytes into a compiled network: all or none (keras_weights.c). */
merx_status mx_keras_weights(merx_network *net, const void *data, size_t size, const char *path,
                             merx_error *err) MERX_MUST_CHECK;
/*
 * The network of a config.json, not compiled (keras_config.c). *loss stays as it is where the model was not compiled, or with one that merx has not; *optimizer likewise.
 */
merx_status mx_keras_network(const merx_allocator *alloc, const char *config, size_t size, const char *path,
                             merx_optimizer *optimizer, merx_loss *loss, merx_network **out,
                             merx_error *err) MERX_MUST_CHECK;

#endif
