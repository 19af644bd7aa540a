/*
 * Reading an ONNX file (onnx_file.h).
 */
#include "learn/network/onnx_file.h"

#include <string.h>

static merx_status damaged(const mx_onnx_file *f, const char *what, merx_error *err)
{
    MX_FAIL(err, MERX_E_CORRUPT, f->path, "this is no ONNX file, or a damaged one: %s", what);
}

static merx_status no_memory(const mx_onnx_file *f, merx_error *err)
{
    MX_FAIL(err, MERX_E_MEMORY, f->path, "no memory to read it");
}

/* Fields with that number in the message; *bad when it is malformed. */
static size_t count_fields(mx_str message, uint32_t number, bool *bad)
{
    mx_wire_field field;
    size_t count = 0;
    while (mx_wire_next(&message, &field, bad))
        count += field.number == number;
    return count;
}

static merx_status name_code(mx_onnx_file *f, mx_str name, int32_t *code, merx_error *err)
{
    *code = -1;
    if (name.size == 0)
        return MERX_OK;
    if (memchr(name.data, '\0', name.size) != NULL || !mx_utf8_valid(name, NULL))
        return damaged(f, "a name is no text", err);
    return mx_dict_add(f->names, name, code, NULL, err);
}

/* ---- tensors ---- */

static merx_status read_dims(const mx_onnx_file *f, mx_wire_field field, mx_onnx_tensor *t, merx_error *err)
{
    mx_str packed = field.bytes;
    uint64_t value = field.value;
    for (bool more = true; more; more = field.type == 2 && packed.size > 0) {
        if (field.type == 2 && (packed.size == 0 || !mx_wire_varint(&packed, &value)))
            return packed.size == 0 ? MERX_OK : damaged(f, "the shape of a tensor", err);
        if (t->rank == MX_ONNX_DIMS || value > INT32_MAX)
            MX_FAIL(err, MERX_E_LIMIT, f->path, "a tensor has more than %d dimensions, or one above %d", MX_ONNX_DIMS,
                    INT32_MAX);
        t->dim[t->rank++] = (size_t)value;
    }
    return MERX_OK;
}

/* Little-endian numbers of `each` bytes; all machines that merx runs on have them so. */
static merx_status copy_numbers(mx_onnx_file *f, mx_onnx_tensor *t, int type, mx_str raw, merx_error *err)
{
    size_t each = type == MX_ONNX_INT64 ? 8 : 4;
    if (raw.size / each != t->count || raw.size % each != 0)
        return damaged(f, "a tensor does not have as many numbers as its shape says", err);
    if (type == MX_ONNX_FLOAT) {
        t->floats = mx_arena_array(&f->arena, t->count + 1, sizeof *t->floats, err);
        if (t->floats == NULL)
            return no_memory(f, err);
        if (raw.size > 0)
            memcpy(t->floats, raw.data, raw.size);
        return MERX_OK;
    }
    t->whole = mx_arena_array(&f->arena, t->count + 1, sizeof *t->whole, err);
    if (t->whole == NULL)
        return no_memory(f, err);
    for (size_t i = 0; i < t->count; i++) {
        int32_t small;
        if (each == 8) {
            memcpy(&t->whole[i], raw.data + 8 * i, 8);
        } else {
            memcpy(&small, raw.data + 4 * i, 4);
            t->whole[i] = small;
        }
    }
    return MERX_OK;
}

static merx_status read_varints(mx_onnx_file *f, mx_onnx_tensor *t, mx_str packed, merx_error *err)
{
    t->whole = mx_arena_array(&f->arena, t->count + 1, sizeof *t->whole, err);
    if (t->whole == NULL)
        return no_memory(f, err);
    for (size_t i = 0; i < t->count; i++) {
        uint64_t value;
        if (!mx_wire_varint(&packed, &value))
            return damaged(f, "a tensor does not have as many numbers as its shape says", err);
        t->whole[i] = (int64_t)value;
    }
    return MERX_OK;
}

static merx_status read_tensor(mx_onnx_file *f, mx_str message, mx_str *name, mx_onnx_tensor **out, merx_error *err)
{
    mx_wire_field field;
    mx_str floats = {0}, raw = {0}, packed = {0};
    uint64_t type = 0;
    bool bad = false, apart = false;
    *name = (mx_str){0};
    *out = mx_arena_array(&f->arena, 1, sizeof **out, err);
    if (*out == NULL)
        return no_memory(f, err);
    while (mx_wire_next(&message, &field, &bad)) {
        if (field.number == MX_TENSOR_DIMS)
            MX_TRY(read_dims(f, field, *out, err));
        else if (field.number == MX_TENSOR_TYPE)
            type = field.value;
        else if (field.number == MX_TENSOR_NAME_FIELD)
            *name = field.bytes;
        else if (field.number == MX_TENSOR_RAW)
            raw = field.bytes;
        else if (field.number == MX_TENSOR_FLOATS && field.type == 2)
            floats = field.bytes;
        else if ((field.number == MX_TENSOR_INT64S || field.number == MX_TENSOR_INT32S) && field.type == 2)
            packed = field.bytes;
        else if (field.number == MX_TENSOR_LOCATION)
            apart = field.value != 0;
    }
    if (bad)
        return damaged(f, "a tensor", err);
    if (apart)
        MX_FAIL(err, MERX_E_UNSUPPORTED, f->path, "tensor \"%.*s\" stands in another file; save the model as one file",
                (int)(name->size < 80 ? name->size : 80), name->data);
    (*out)->count = 1;
    for (size_t i = 0; i < (*out)->rank; i++)
        if (!mx_mul_size((*out)->count, (*out)->dim[i], &(*out)->count))
            return damaged(f, "the shape of a tensor", err);
    if (type != MX_ONNX_FLOAT && type != MX_ONNX_INT32 && type != MX_ONNX_INT64)
        return MERX_OK; /* of a type that no layer takes: told by whoever wants it */
    if (packed.size > 0 && raw.size == 0 && type != MX_ONNX_FLOAT)
        return (*out)->count <= packed.size
                   ? read_varints(f, *out, packed, err)
                   : damaged(f, "a tensor does not have as many numbers as its shape says", err);
    return copy_numbers(f, *out, (int)type, floats.size > 0 && type == MX_ONNX_FLOAT ? floats : raw, err);
}

static merx_status add_constant(mx_onnx_file *f, int32_t code, mx_onnx_tensor *t, merx_error *err)
{
    if (code < 0 || (size_t)code >= f->room)
        return damaged(f, "a constant without a name", err);
    f->constants[code] = t;
    return MERX_OK;
}

/* ---- operators ---- */

static merx_status read_attribute(mx_onnx_file *f, mx_str message, mx_onnx_attribute *a, merx_error *err)
{
    mx_wire_field field;
    bool bad = false;
    size_t ints = message.size + 1, strings = count_fields(message, MX_ATTRIBUTE_STRINGS, &bad);
    if (bad || strings > MX_ONNX_MOST_PARTS)
        return damaged(f, "an attribute", err);
    /* A number has a byte at least. */
    a->ints = mx_arena_array(&f->arena, ints < 4096 ? ints : 4096, sizeof *a->ints, err);
    a->strings = mx_arena_array(&f->arena, strings + 1, sizeof *a->strings, err);
    if (a->ints == NULL || a->strings == NULL)
        return no_memory(f, err);
    while (mx_wire_next(&message, &field, &bad)) {
        uint32_t bits = (uint32_t)field.value;
        uint64_t value = field.value;
        switch (field.number) {
        case MX_ATTRIBUTE_NAME:
            a->name = field.bytes;
            break;
        case MX_ATTRIBUTE_F:
            memcpy(&a->f, &bits, sizeof bits);
            break;
        case MX_ATTRIBUTE_I:
            a->i = (int64_t)field.value;
            break;
        case MX_ATTRIBUTE_S:
            a->s = field.bytes;
            break;
        case MX_ATTRIBUTE_T:
            a->tensor = field.bytes;
            break;
        case MX_ATTRIBUTE_INTS:
            do {
                if (field.type == 2 && (field.bytes.size == 0 || !mx_wire_varint(&field.bytes, &value)))
                    break;
                if (a->n_ints < 4095)
                    a->ints[a->n_ints++] = (int64_t)value;
            } while (field.type == 2 && field.bytes.size > 0);
            break;
        case MX_ATTRIBUTE_STRINGS:
            a->strings[a->n_strings++] = field.bytes;
            break;
        default:
            break;
        }
    }
    return bad ? damaged(f, "an attribute", err) : MERX_OK;
}

static merx_status read_op(mx_onnx_file *f, mx_str message, mx_onnx_op *op, merx_error *err)
{
    mx_wire_field field;
    bool bad = false;
    size_t inputs = count_fields(message, MX_NODE_INPUT, &bad), outputs = count_fields(message, MX_NODE_OUTPUT, &bad),
           attributes = count_fields(message, MX_NODE_ATTRIBUTE, &bad);
    if (bad)
        return damaged(f, "an operator", err);
    if (inputs > MX_ONNX_MOST_PARTS || outputs > MX_ONNX_MOST_PARTS || attributes > MX_ONNX_MOST_PARTS)
        MX_FAIL(err, MERX_E_LIMIT, f->path, "an operator has more than %d inputs, outputs or attributes",
                MX_ONNX_MOST_PARTS);
    op->inputs = mx_arena_array(&f->arena, inputs + 1, sizeof *op->inputs, err);
    op->outputs = mx_arena_array(&f->arena, outputs + 1, sizeof *op->outputs, err);
    op->attributes = mx_arena_array(&f->arena, attributes + 1, sizeof *op->attributes, err);
    if (op->inputs == NULL || op->outputs == NULL || op->attributes == NULL)
        return no_memory(f, err);
    while (mx_wire_next(&message, &field, &bad)) {
        if (field.number == MX_NODE_INPUT)
            MX_TRY(name_code(f, field.bytes, &op->inputs[op->n_inputs++], err));
        else if (field.number == MX_NODE_OUTPUT)
            MX_TRY(name_code(f, field.bytes, &op->outputs[op->n_outputs++], err));
        else if (field.number == MX_NODE_ATTRIBUTE)
            MX_TRY(read_attribute(f, field.bytes, &op->attributes[op->n_attributes++], err));
        else if (field.number == MX_NODE_OP)
            op->op = field.bytes;
        else if (field.number == MX_NODE_NAME_FIELD)
            op->name = field.bytes;
    }
    return MERX_OK;
}

/* ---- the input ---- */

/* Descends into the first field with that number. */
static mx_str inside(mx_str message, uint32_t number)
{
    mx_wire_field field;
    bool bad = false;
    while (mx_wire_next(&message, &field, &bad))
        if (field.number == number && field.type == 2)
            return field.bytes;
    return (mx_str){0};
}

static merx_status read_input(mx_onnx_file *f, mx_str value, merx_error *err)
{
    mx_str shape = inside(inside(inside(value, MX_VALUE_TYPE), MX_TYPE_TENSOR), MX_TENSOR_TYPE_SHAPE);
    mx_wire_field field, dim;
    bool bad = false;
    while (mx_wire_next(&shape, &field, &bad)) {
        if (field.number != MX_SHAPE_DIM)
            continue;
        if (f->input_rank == MX_ONNX_DIMS)
            MX_FAIL(err, MERX_E_LIMIT, f->path, "the input has more than %d dimensions", MX_ONNX_DIMS);
        f->input_dim[f->input_rank] = -1;
        mx_str one = field.bytes;
        while (mx_wire_next(&one, &dim, &bad))
            if (dim.number == MX_DIM_VALUE && dim.value > 0 && dim.value <= INT32_MAX)
                f->input_dim[f->input_rank] = (int64_t)dim.value;
        f->input_rank++;
    }
    return bad ? damaged(f, "the shape of the input", err) : MERX_OK;
}

static merx_status read_graph(mx_onnx_file *f, mx_str graph, merx_error *err)
{
    mx_wire_field field;
    mx_str message = graph, name;
    mx_onnx_tensor *t;
    bool bad = false;
    int32_t code;
    size_t constants = count_fields(graph, MX_GRAPH_INITIALIZER, &bad), values = 0, outputs = 0;
    f->n_ops = count_fields(graph, MX_GRAPH_NODE, &bad);
    if (bad)
        return damaged(f, "its graph", err);
    if (f->n_ops > MX_ONNX_MOST_OPS || constants > MX_ONNX_MOST_OPS)
        MX_FAIL(err, MERX_E_LIMIT, f->path, "has %zu operators and %zu constants; at most %d are read", f->n_ops,
                constants, MX_ONNX_MOST_OPS);
    f->ops = mx_arena_array(&f->arena, f->n_ops + 1, sizeof *f->ops, err);
    if (f->ops == NULL)
        return no_memory(f, err);
    f->n_ops = 0;
    while (mx_wire_next(&message, &field, &bad)) /* names first, so that there is a place for each */
        if (field.number == MX_GRAPH_NODE)
            MX_TRY(read_op(f, field.bytes, &f->ops[f->n_ops++], err));
        else if (field.number == MX_GRAPH_INITIALIZER)
            MX_TRY(name_code(f, inside(field.bytes, MX_TENSOR_NAME_FIELD), &code, err));
        else if (field.number == MX_GRAPH_INPUT || field.number == MX_GRAPH_OUTPUT)
            MX_TRY(name_code(f, inside(field.bytes, MX_VALUE_NAME), &code, err));
    f->room = mx_dict_count(f->names);
    f->constants = mx_arena_array(&f->arena, f->room + 1, sizeof *f->constants, err);
    if (f->constants == NULL)
        return no_memory(f, err);
    for (message = graph; mx_wire_next(&message, &field, &bad);)
        if (field.number == MX_GRAPH_INITIALIZER) {
            MX_TRY(read_tensor(f, field.bytes, &name, &t, err));
            MX_TRY(add_constant(f, mx_dict_find(f->names, name), t, err));
        }
    for (size_t i = 0; i < f->n_ops; i++)
        if (mx_str_equal(f->ops[i].op, MX_STR("Constant")) && f->ops[i].n_outputs == 1) {
            const mx_onnx_attribute *a = mx_onnx_find(&f->ops[i], "value");
            if (a == NULL)
                continue;
            MX_TRY(read_tensor(f, a->tensor, &name, &t, err));
            MX_TRY(add_constant(f, f->ops[i].outputs[0], t, err));
        }
    for (message = graph; mx_wire_next(&message, &field, &bad);) {
        if (field.number != MX_GRAPH_INPUT && field.number != MX_GRAPH_OUTPUT)
            continue;
        code = mx_dict_find(f->names, inside(field.bytes, MX_VALUE_NAME));
        if (code < 0)
            return damaged(f, "an input or output without a name", err);
        if (field.number == MX_GRAPH_OUTPUT) {
            f->output = code;
            outputs++;
        } else if (f->constants[code] == NULL) { /* old files list their constants among the inputs */
            f->input = code;
            values++;
            MX_TRY(read_input(f, field.bytes, err));
        }
    }
    if (values != 1 || outputs != 1)
        MX_FAIL(err, MERX_E_UNSUPPORTED, f->path, "has %zu inputs and %zu outputs; a network has one of each", values,
                outputs);
    return MERX_OK;
}

merx_status mx_onnx_read(const void *data, size_t size, const char *path, const merx_allocator *alloc,
                         mx_onnx_file *out, merx_error *err)
{
    mx_str model = {data, size}, graph = {0};
    mx_wire_field field;
    bool bad = false;
    *out = (mx_onnx_file){.path = path, .input = -1, .output = -1};
    mx_arena_init(&out->arena, alloc);
    MX_TRY(mx_dict_new(alloc, MX_ONNX_MOST_NAMES, &out->names, err));
    while (mx_wire_next(&model, &field, &bad))
        if (field.number == MX_MODEL_GRAPH && field.type == 2)
            graph = field.bytes;
    if (bad || graph.size == 0)
        return damaged(out, bad ? "its bytes make no message" : "there is no graph in it", err);
    return read_graph(out, graph, err);
}

void mx_onnx_release(mx_onnx_file *file)
{
    mx_dict_free(file->names);
    mx_arena_release(&file->arena);
}

const mx_onnx_attribute *mx_onnx_find(const mx_onnx_op *op, const char *name)
{
    for (size_t i = 0; i < op->n_attributes; i++)
        if (mx_str_equal(op->attributes[i].name, mx_str_of(name)))
            return &op->attributes[i];
    return NULL;
}

int64_t mx_onnx_int(const mx_onnx_op *op, const char *name, int64_t standard)
{
    const mx_onnx_attribute *a = mx_onnx_find(op, name);
    return a != NULL ? a->i : standard;
}

double mx_onnx_real(const mx_onnx_op *op, const char *name, double standard)
{
    const mx_onnx_attribute *a = mx_onnx_find(op, name);
    return a != NULL ? (double)a->f : standard;
}
