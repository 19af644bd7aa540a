/*
 * A network within a tensor file: one of its own (merx_network_save) or a model's. Floor 4.
 *
 * Metadata: "network" (the JSON of merx_network_to_json), "network_seed", "network_steps", "network_epochs".
 * Tensors (float32): each weight by its name, "conv2d/kernel", in its shape; of what the optimizer keeps, "moment1/conv2d/kernel" and "moment2/conv2d/kernel".
 */
#ifndef MX_LEARN_NETWORK_FILE_H
#define MX_LEARN_NETWORK_FILE_H

#include "io/tensor_file.h"
#include "learn/network/network_state.h"

/* The weights are borrowed until the file is written. moments: what a fit needs to go on. */
merx_status mx_network_write(const merx_network *net, bool moments, mx_tensor_writer *writer,
                             merx_error *err) MERX_MUST_CHECK;
/* Compiled, with the weights of the file. Without moments in the file they begin anew. What is read is checked as if it came from a stranger, sizes before memory is taken. */
merx_status mx_network_read(const mx_tensor_file *file, const merx_allocator *alloc, merx_network **out,
                            merx_error *err) MERX_MUST_CHECK;

#endif
