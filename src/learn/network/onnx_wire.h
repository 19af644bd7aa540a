/*
 * Protocol buffers' wire format, as far as ONNX files need it: reading a message field by field out of the file's bytes, without a copy, and writing one.
 * Floor 4.
 *
 * A message is a sequence of (key, value); key = field number << 3 | type; type 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes. developers.google.com/protocol-buffers/docs/encoding
 *
 * ONNX is twelve kinds of messages of which a handful of fields count; weights of hundreds of megabytes stay where the file is mapped. So there is no generated code.
 */
#ifndef MX_LEARN_NETWORK_ONNX_WIRE_H
#define MX_LEARN_NETWORK_ONNX_WIRE_H

#include "base/str.h"

/* A field of a message. */
typedef struct mx_wire_field {
    uint32_t number;
    int type;
    uint64_t value; /* types 0, 1, 5 */
    mx_str bytes;   /* type 2: within the file */
} mx_wire_field;
/* The next field of the message, which is cut off the front; false at its end or when it is malformed (*bad). */
bool mx_wire_next(mx_str *message, mx_wire_field *field, bool *bad);
/* The next varint of a packed list. */
bool mx_wire_varint(mx_str *bytes, uint64_t *value);

/* Writing: messages within messages are made from the inside out. */
void mx_wire_put_varint(mx_text *out, uint32_t number, uint64_t value);
void mx_wire_put_float(mx_text *out, uint32_t number, float value);
void mx_wire_put_bytes(mx_text *out, uint32_t number, const void *data, size_t size);
void mx_wire_put_word(mx_text *out, uint32_t number, const char *word);

/* Fields of ONNX messages (onnx.proto of ONNX 1.12, opset 17). */
enum {
    MX_MODEL_IR_VERSION = 1,
    MX_MODEL_PRODUCER = 2,
    MX_MODEL_PRODUCER_VERSION = 3,
    MX_MODEL_GRAPH = 7,
    MX_MODEL_OPSET = 8,
    MX_OPSET_DOMAIN = 1,
    MX_OPSET_VERSION = 2,
    MX_GRAPH_NODE = 1,
    MX_GRAPH_NAME = 2,
    MX_GRAPH_INITIALIZER = 5,
    MX_GRAPH_INPUT = 11,
    MX_GRAPH_OUTPUT = 12,
    MX_NODE_INPUT = 1,
    MX_NODE_OUTPUT = 2,
    MX_NODE_NAME_FIELD = 3,
    MX_NODE_OP = 4,
    MX_NODE_ATTRIBUTE = 5,
    MX_NODE_DOMAIN = 7,
    MX_ATTRIBUTE_NAME = 1,
    MX_ATTRIBUTE_F = 2,
    MX_ATTRIBUTE_I = 3,
    MX_ATTRIBUTE_S = 4,
    MX_ATTRIBUTE_T = 5,
    MX_ATTRIBUTE_INTS = 8,
    MX_ATTRIBUTE_STRINGS = 9,
    MX_ATTRIBUTE_TYPE = 20,
    MX_TENSOR_DIMS = 1,
    MX_TENSOR_TYPE = 2,
    MX_TENSOR_FLOATS = 4,
    MX_TENSOR_INT32S = 5,
    MX_TENSOR_INT64S = 7,
    MX_TENSOR_NAME_FIELD = 8,
    MX_TENSOR_RAW = 9,
    MX_TENSOR_LOCATION = 14,
    MX_VALUE_NAME = 1,
    MX_VALUE_TYPE = 2,
    MX_TYPE_TENSOR = 1,
    MX_TENSOR_TYPE_ELEMENT = 1,
    MX_TENSOR_TYPE_SHAPE = 2,
    MX_SHAPE_DIM = 1,
    MX_DIM_VALUE = 1,
    MX_DIM_NAME = 2,
};
enum { MX_ONNX_FLOAT = 1, MX_ONNX_INT32 = 6, MX_ONNX_INT64 = 7 };
enum {
    MX_ONNX_KIND_FLOAT = 1,
    MX_ONNX_KIND_INT = 2,
    MX_ONNX_KIND_STRING = 3,
    MX_ONNX_KIND_INTS = 7,
    MX_ONNX_KIND_STRINGS = 8
};

#endif
