/*
 * A network out of an ONNX file, shared by onnx_import.c (the way through the file, shapes), onnx_import_layers.c (layers with weights) and onnx_import_functions.c. Floor 4.
 *
 * ONNX has channels, or steps, first; merx has them last. So each value is known by the node that makes it and by how the file lays it out; a Transpose changes what is known and
 * makes nothing. Weights are brought into merx's order; the rows of a dense layer behind a flattened picture too.
 *
 *   PLAIN    (N, …)            as merx has it            STEPS_Y  (T, 1, N, u)  a recurrent operator's Y
 *   FIRST    (N, C, …)         merx: (…, C)              LAST_H   (1, N, u)     its Y_h
 *   STEPS    (T, N, F)         merx: (T, F)              ONES     (N, C, 1, 1)  a global pooling's; merx: (C)
 *   FLAT     (N, C H W)        flattened FIRST; merx: (H W C)
 */
#ifndef MX_LEARN_NETWORK_ONNX_IMPORT_H
#define MX_LEARN_NETWORK_ONNX_IMPORT_H

#include "learn/network/network_state.h"
#include "learn/network/onnx_file.h"

typedef enum mx_onnx_layout {
    MX_ONNX_PLAIN,
    MX_ONNX_FIRST,
    MX_ONNX_STEPS,
    MX_ONNX_STEPS_Y,
    MX_ONNX_LAST_H,
    MX_ONNX_ONES,
    MX_ONNX_FLAT
} mx_onnx_layout;

enum { MX_ONNX_SHAPE = -2, MX_ONNX_ZEROS = -3 };
typedef struct mx_onnx_value {
    int node; /* -1: not made; a shape and zeros are of no node */
    mx_onnx_layout laid;
    size_t uses, user; /* how many operators read it, the last one's number */
    size_t h, w, c;    /* MX_ONNX_FLAT */
} mx_onnx_value;

/* Numbers for a weight, until the network is compiled. */
typedef struct mx_onnx_pending {
    int node;
    const char *word;
    float *numbers;
    size_t size;
} mx_onnx_pending;

typedef struct mx_onnx_importer {
    mx_onnx_file file;
    merx_network *net;
    mx_onnx_value *values; /* by name */
    bool *done;            /* by operator */
    mx_onnx_pending *weights;
    size_t n_weights, room;
    size_t at; /* operator */
} mx_onnx_importer;

#define UNSUPPORTED(m, err, ...)                                                                                       \
    do {                                                                                                               \
        char place_[220];                                                                                              \
        MX_FAIL(err, MERX_E_UNSUPPORTED, mx_onnx_where(m, place_), __VA_ARGS__);                                       \
    } while (0)

/* merx_network_import_onnx of bytes. path: for messages. */
merx_status mx_onnx_import(const merx_allocator *alloc, const void *data, size_t size, const char *path,
                           merx_network **out, merx_error *err) MERX_MUST_CHECK;

/* The operator that is being read; its constants and values. */
const mx_onnx_op *mx_onnx_op_now(const mx_onnx_importer *m);
/* "model.onnx: Conv 3 (conv1)": for messages. */
const char *mx_onnx_where(const mx_onnx_importer *m, char text[220]);
bool mx_onnx_is(const mx_onnx_op *op, const char *word);
/* The constant that is the operator's input i; NULL: none. */
const mx_onnx_tensor *mx_onnx_constant(const mx_onnx_importer *m, const mx_onnx_op *op, size_t i);
merx_status mx_onnx_need_floats(const mx_onnx_importer *m, size_t i, size_t rank, const char *what,
                                const mx_onnx_tensor **out, merx_error *err) MERX_MUST_CHECK;
merx_status mx_onnx_need_value(const mx_onnx_importer *m, size_t i, const mx_onnx_value **out,
                               merx_error *err) MERX_MUST_CHECK;
const merx_dims *mx_onnx_dims(const mx_onnx_importer *m, const mx_onnx_value *v);
void mx_onnx_set_output(mx_onnx_importer *m, int32_t name, int node, mx_onnx_layout laid);
/* Adds the layer and works out its shape. */
merx_status mx_onnx_add_layer(mx_onnx_importer *m, merx_layer layer, size_t n, const int *inputs, int *node,
                              merx_error *err) MERX_MUST_CHECK;
/* Room for a weight of the node, zeroed, until the network is compiled. */
merx_status mx_onnx_new_weight(mx_onnx_importer *m, int node, const char *word, size_t size, float **numbers,
                               merx_error *err) MERX_MUST_CHECK;
merx_status mx_onnx_copy_weight(mx_onnx_importer *m, int node, const char *word, const mx_onnx_tensor *t,
                                merx_error *err) MERX_MUST_CHECK;
/* The operator that alone reads this name, and nothing else does; NULL: none. */
const mx_onnx_op *mx_onnx_only_user(const mx_onnx_importer *m, int32_t name);
/* The function behind *name, if that is all that reads it: *name becomes the function's output. Softmax over the last dimension of what has `rank` with N. */
merx_activation mx_onnx_function_behind(mx_onnx_importer *m, int32_t *name, size_t rank);
/* Output 0 is what v is, laid out so. */
void mx_onnx_same_as(mx_onnx_importer *m, const mx_onnx_value *v, mx_onnx_layout laid);

/* onnx_import_functions.c. */
bool mx_onnx_activation(const mx_onnx_op *op, merx_activation *out);
/* The operator begins gelu (or hard_sigmoid) written as several, all of which are then done; *end: what the last one makes. */
bool mx_onnx_starts_gelu(mx_onnx_importer *m, int32_t *end);
bool mx_onnx_starts_hard_sigmoid(mx_onnx_importer *m, int32_t *end);
/* Mul, Div, Add and Sub of a number a channel; *taken: whether the operator is one. */
merx_status mx_onnx_affine(mx_onnx_importer *m, bool *taken, merx_error *err) MERX_MUST_CHECK;
/* ": …" on an operator that is not read, or "". */
const char *mx_onnx_advice(const mx_onnx_op *op);

/* onnx_import_layers.c. */
merx_status mx_onnx_conv(mx_onnx_importer *m, merx_error *err) MERX_MUST_CHECK;
merx_status mx_onnx_pool(mx_onnx_importer *m, merx_error *err) MERX_MUST_CHECK;
merx_status mx_onnx_global(mx_onnx_importer *m, merx_error *err) MERX_MUST_CHECK;
merx_status mx_onnx_dense(mx_onnx_importer *m, merx_error *err) MERX_MUST_CHECK;
merx_status mx_onnx_recurrent(mx_onnx_importer *m, merx_error *err) MERX_MUST_CHECK;

#endif
