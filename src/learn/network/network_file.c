/*
 * Files of networks (network_file.h says what they hold).
 */
#include "learn/network/network_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char kind_text[] = "merx network";
static const char model_text[] = "merx model"; /* learn/core/model_file.c */
static const char format_text[] = "1";

/* ---- writing ---- */

static merx_status write_number(mx_tensor_writer *writer, const char *key, uint64_t value, merx_error *err)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return mx_tensor_writer_meta(writer, key, text, err);
}

static merx_status write_weight(mx_tensor_writer *writer, const char *prefix, const mx_weight *w, const float *block,
                                merx_error *err)
{
    char name[sizeof w->name + 16];
    uint64_t shape[MERX_DIMS];
    for (size_t i = 0; i < w->dims.rank; i++)
        shape[i] = w->dims.dim[i];
    (void)snprintf(name, sizeof name, "%s%s", prefix, w->name);
    return mx_tensor_writer_add(writer, name, MX_F32, (int)w->dims.rank, shape, block + w->offset, err);
}

static merx_status write_block(const merx_network *net, mx_tensor_writer *writer, const char *prefix,
                               const float *block, bool trainable_alone, merx_error *err)
{
    for (size_t i = 0; i < net->nodes; i++)
        for (size_t j = 0; j < net->node[i].n_weights; j++)
            if (net->node[i].weight[j].trainable || !trainable_alone)
                MX_TRY(write_weight(writer, prefix, &net->node[i].weight[j], block, err));
    return MERX_OK;
}

merx_status mx_network_write(const merx_network *net, bool moments, mx_tensor_writer *writer, merx_error *err)
{
    char *json = NULL;
    if (!net->compiled)
        MX_FAIL(err, MERX_E_INVALID, "network", "compile the network before it is saved");
    MX_TRY(merx_network_to_json(net, &json, err));
    merx_status status = mx_tensor_writer_meta(writer, "network", json, err);
    merx_text_free(json);
    MX_TRY(status);
    MX_TRY(write_number(writer, "network_seed", net->seed, err));
    MX_TRY(write_number(writer, "network_steps", moments ? net->steps : 0, err));
    MX_TRY(write_number(writer, "network_epochs", moments ? net->epochs : 0, err));
    MX_TRY(write_block(net, writer, "", net->weights, false, err));
    if (moments && net->moment1 != NULL)
        MX_TRY(write_block(net, writer, "moment1/", net->moment1, true, err));
    if (moments && net->moment2 != NULL)
        MX_TRY(write_block(net, writer, "moment2/", net->moment2, true, err));
    return MERX_OK;
}

static merx_status fill_writer(const merx_network *net, mx_tensor_writer *writer, merx_error *err)
{
    MX_TRY(mx_tensor_writer_meta(writer, "kind", kind_text, err));
    MX_TRY(mx_tensor_writer_meta(writer, "network_format", format_text, err));
    MX_TRY(mx_tensor_writer_meta(writer, "merx_version", merx_version(), err));
    return mx_network_write(net, true, writer, err);
}

merx_status merx_network_save(const merx_network *net, const char *path, merx_error *err)
{
    mx_tensor_writer *writer = NULL;
    merx_status status;
    MX_TRY(mx_tensor_writer_new(net->alloc, &writer, err));
    MX_TRY_GOTO(fill_writer(net, writer, err));
    MX_TRY_GOTO(mx_tensor_writer_save(writer, path, err));
out:
    mx_tensor_writer_free(writer);
    return status;
}

merx_status merx_network_to_bytes(const merx_network *net, void **bytes, size_t *size, merx_error *err)
{
    mx_tensor_writer *writer = NULL;
    unsigned char *data = NULL, *copy = NULL;
    size_t count = 0;
    merx_status status;
    *bytes = NULL;
    *size = 0;
    MX_TRY(mx_tensor_writer_new(net->alloc, &writer, err));
    MX_TRY_GOTO(fill_writer(net, writer, err));
    MX_TRY_GOTO(mx_tensor_writer_bytes(writer, &data, &count, err));
    /* Out of the network's allocator, so that the bytes outlive it. */
    MX_TRY_GOTO(mx_alloc_array_raw(merx_allocator_default(), count, 1, "bytes of the network", &copy, err));
    memcpy(copy, data, count);
    *bytes = copy;
    *size = count;
out:
    mx_free_array(net->alloc, data, count, 1);
    mx_tensor_writer_free(writer);
    return status;
}

/* ---- reading ---- */

static merx_status need_meta(const mx_tensor_file *file, const char *key, const char **out, merx_error *err)
{
    *out = mx_tensor_file_meta(file, key);
    if (*out == NULL)
        MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file),
                "this is no network's file: its metadata have no \"%s\"", key);
    return MERX_OK;
}

static merx_status need_number(const mx_tensor_file *file, const char *key, uint64_t *out, merx_error *err)
{
    const char *text;
    uint64_t value = 0;
    MX_TRY(need_meta(file, key, &text, err));
    for (const char *c = text; c == text || *c != '\0'; c++)
        if (*c < '0' || *c > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
            MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file), "its \"%s\" is \"%.40s\", which is no whole number",
                    key, text);
    *out = value;
    return MERX_OK;
}

/* The weight's numbers in the file, with its type and shape. */
static merx_status find_weight(const mx_tensor_file *file, const char *prefix, const mx_weight *w,
                               const mx_tensor **out, merx_error *err)
{
    char name[sizeof w->name + 16];
    uint64_t shape[MERX_DIMS] = {0};
    for (size_t i = 0; i < w->dims.rank; i++)
        shape[i] = w->dims.dim[i];
    (void)snprintf(name, sizeof name, "%s%s", prefix, w->name);
    return mx_tensor_file_get(file, name, MX_F32, (int)w->dims.rank, shape, out, err);
}

static bool has_moments(const mx_tensor_file *file)
{
    for (size_t i = 0; i < mx_tensor_file_count(file); i++)
        if (strncmp(mx_tensor_file_at(file, i)->name, "moment1/", 8) == 0)
            return true;
    return false;
}

/* Reads all weights into the block; block NULL: only looks whether they are there. */
static merx_status read_block(const merx_network *net, const mx_tensor_file *file, const char *prefix, float *block,
                              bool trainable_alone, merx_error *err)
{
    for (size_t i = 0; i < net->nodes; i++)
        for (size_t j = 0; j < net->node[i].n_weights; j++) {
            const mx_weight *w = &net->node[i].weight[j];
            const mx_tensor *t;
            if (trainable_alone && !w->trainable)
                continue;
            MX_TRY(find_weight(file, prefix, w, &t, err));
            if (block == NULL)
                continue;
            memcpy(block + w->offset, t->data, w->size * sizeof *block);
            for (size_t k = 0; k < w->size; k++)
                if (!isfinite(block[w->offset + k]))
                    MX_FAIL(err, MERX_E_CORRUPT, mx_tensor_file_name(file),
                            "tensor \"%s\" holds a number that is not finite at %zu", t->name, k);
        }
    return MERX_OK;
}

merx_status mx_network_read(const mx_tensor_file *file, const merx_allocator *alloc, merx_network **out,
                            merx_error *err)
{
    const char *json;
    merx_network *net = NULL;
    merx_optimizer optimizer = MERX_ADAM();
    merx_loss loss = MERX_CATEGORICAL_CROSSENTROPY;
    uint64_t seed, steps, epochs;
    merx_error inner = {0};
    *out = NULL;
    MX_TRY(need_meta(file, "network", &json, err));
    MX_TRY(need_number(file, "network_seed", &seed, err));
    MX_TRY(need_number(file, "network_steps", &steps, err));
    MX_TRY(need_number(file, "network_epochs", &epochs, err));
    merx_status status = merx_network_from_json(alloc, json, &optimizer, &loss, &net, &inner);
    /* Shapes, and with them the tensors, before memory for weights is taken. */
    if (status == MERX_OK)
        status = mx_network_shapes(net, &inner);
    if (status == MERX_OK)
        MX_TRY_GOTO(read_block(net, file, "", NULL, false, err));
    if (status == MERX_OK) {
        net->resumes = true;
        status = merx_network_compile(net, optimizer, loss, NULL, &inner);
    }
    if (status != MERX_OK) {
        if (status != MERX_E_MEMORY)
            status = MERX_E_CORRUPT;
        MX_FAIL_GOTO(err, status, mx_tensor_file_name(file), "the network in it: %s: %.380s", inner.where,
                     inner.message);
    }
    MX_TRY_GOTO(read_block(net, file, "", net->weights, false, err));
    net->seed = seed;
    if (has_moments(file) || net->moment1 == NULL) {
        if (net->moment1 != NULL)
            MX_TRY_GOTO(read_block(net, file, "moment1/", net->moment1, true, err));
        if (net->moment2 != NULL)
            MX_TRY_GOTO(read_block(net, file, "moment2/", net->moment2, true, err));
        net->steps = steps;
    }
    net->epochs = epochs;
    MX_TRY_GOTO(mx_network_pack(net, false, NULL, err));
    *out = net;
    return MERX_OK;
out:
    merx_network_free(net);
    return status;
}

static merx_status load_network(const mx_tensor_file *file, const merx_allocator *alloc, merx_network **out,
                                merx_error *err)
{
    const char *kind, *format;
    MX_TRY(need_meta(file, "kind", &kind, err));
    bool model = strcmp(kind, model_text) == 0 && mx_tensor_file_meta(file, "network") != NULL;
    if (strcmp(kind, kind_text) != 0 && !model)
        MX_FAIL(err, MERX_E_TYPE, mx_tensor_file_name(file),
                "holds a %.60s; expected a network that merx_network_save wrote, or a model of one", kind);
    if (!model) {
        MX_TRY(need_meta(file, "network_format", &format, err));
        if (strcmp(format, format_text) != 0)
            MX_FAIL(err, MERX_E_VERSION, mx_tensor_file_name(file),
                    "its format is %.20s; this version of merx reads %s", format, format_text);
    }
    return mx_network_read(file, alloc, out, err);
}

merx_status merx_network_load(const merx_allocator *alloc, const char *path, merx_network **out, merx_error *err)
{
    mx_tensor_file *file = NULL;
    *out = NULL;
    MX_TRY(mx_tensor_file_open(path, alloc, true, &file, err));
    merx_status status = load_network(file, alloc, out, err);
    mx_tensor_file_close(file);
    return status;
}

merx_status merx_network_from_bytes(const merx_allocator *alloc, const void *bytes, size_t size, merx_network **out,
                                    merx_error *err)
{
    mx_tensor_file *file = NULL;
    *out = NULL;
    MX_TRY(mx_tensor_file_memory(bytes, size, "bytes of a network", alloc, true, &file, err));
    merx_status status = load_network(file, alloc, out, err);
    mx_tensor_file_close(file);
    return status;
}
