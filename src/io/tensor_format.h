/*
 * What the writer and the reader of tensor files share. Floor 1, private to src/io.
 */
#ifndef MX_IO_TENSOR_FORMAT_H
#define MX_IO_TENSOR_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/tensor_file.h"

#define MX_TENSOR_ALIGN 64
#define MX_HEADER_MAX ((size_t)100000000) /* safetensors' own limit */
#define MX_META_FORMAT "merx_format"
#define MX_META_CHECKSUM "checksum"
#define MX_PAD_PREFIX "_pad."

/* Bytes of a tensor; false when they overflow. */
bool mx_tensor_bytes(mx_dtype dtype, int dims, const uint64_t *shape, size_t *bytes);

#endif
