/*
 * An ONNX file, read: operators, constants and the one input, by name. Floor 4. Everything is checked: lengths against the bytes that are there, counts against limits.
 */
#ifndef MX_LEARN_NETWORK_ONNX_FILE_H
#define MX_LEARN_NETWORK_ONNX_FILE_H

#include "io/file.h"
#include "learn/network/onnx_wire.h"
#include "merx/network.h"

enum { MX_ONNX_DIMS = 8, MX_ONNX_MOST_OPS = 1 << 15, MX_ONNX_MOST_PARTS = 64, MX_ONNX_MOST_NAMES = 1 << 18 };

typedef struct mx_onnx_tensor {
    size_t rank, dim[MX_ONNX_DIMS], count;
    float *floats;  /* (count); NULL: whole numbers */
    int64_t *whole; /* (count) */
} mx_onnx_tensor;

typedef struct mx_onnx_attribute {
    mx_str name, s, tensor;
    int64_t i, *ints;
    float f;
    size_t n_ints, n_strings;
    mx_str *strings;
} mx_onnx_attribute;

/* Inputs and outputs by the code of their name; -1: left out. */
typedef struct mx_onnx_op {
    mx_str op, name;
    size_t n_inputs, n_outputs, n_attributes;
    int32_t *inputs, *outputs;
    mx_onnx_attribute *attributes;
} mx_onnx_op;

typedef struct mx_onnx_file {
    const char *path;
    mx_arena arena;
    mx_dict *names;
    size_t n_ops;
    mx_onnx_op *ops;
    mx_onnx_tensor **constants; /* (MX_ONNX_MOST_NAMES' used codes, see names) NULL: none of that name */
    size_t room;
    int32_t input, output;
    size_t input_rank;
    int64_t input_dim[MX_ONNX_DIMS]; /* -1: not fixed */
} mx_onnx_file;

/* data: of the file, kept. Release also after a failure. */
merx_status mx_onnx_read(const void *data, size_t size, const char *path, const merx_allocator *alloc,
                         mx_onnx_file *out, merx_error *err) MERX_MUST_CHECK;
void mx_onnx_release(mx_onnx_file *file);
const mx_onnx_attribute *mx_onnx_find(const mx_onnx_op *op, const char *name); /* NULL: not given */
int64_t mx_onnx_int(const mx_onnx_op *op, const char *name, int64_t standard);
double mx_onnx_real(const mx_onnx_op *op, const char *name, double standard);

#endif
