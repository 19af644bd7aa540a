/*
 * Weights that Keras wrote, into a network (keras_file.h).
 *
 * Which layer of the file is which of the network: by name, when the layers with weights have the same names on both sides; else by kind and order, the first conv2d to the first
 * Conv2D. Keras's automatic names depend on what its process made before, so that some alike mean nothing. Each layer with weights must find its other, on both sides; numbers
 * and shapes of tensors must be those of the layer; numbers must be finite.
 */
#include "learn/network/keras_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/hdf5.h"

enum { PLACE = 200 };

/* A layer of the file. */
typedef struct file_layer {
    mx_str group; /* "conv2d_1" */
    size_t kind;  /* bytes of "conv2d" within it */
    uint64_t number;
    mx_str name; /* of the model's layer; may be empty */
    uint64_t vars;
    size_t tensors;
    bool taken;
} file_layer;

typedef struct reader {
    const mx_hdf5 *file;
    const merx_network *net;
    mx_arena arena;
    file_layer *layer;
    size_t layers, room;
    uint64_t group; /* /layers */
} reader;

static const char *where(const reader *r, const file_layer *l, char text[PLACE])
{
    (void)snprintf(text, PLACE, "%.100s: layers/%.*s", r->file->name, l->group.size < 60 ? (int)l->group.size : 60,
                   l->group.data);
    return text;
}

/* ---- the layers of the file ---- */

static merx_status count_link(void *context, mx_str link, uint64_t object, merx_error *err)
{
    (void)link, (void)object, (void)err;
    ++*(size_t *)context;
    return MERX_OK;
}

/* "conv2d_1" is kind "conv2d", number 1; "conv2d" number 0. */
static void split_group(file_layer *l)
{
    size_t at = l->group.size, digits = 0;
    l->kind = l->group.size;
    while (at > 0 && l->group.data[at - 1] >= '0' && l->group.data[at - 1] <= '9' && digits < 9)
        at--, digits++;
    if (digits == 0 || at < 2 || l->group.data[at - 1] != '_')
        return;
    l->kind = at - 1;
    for (; at < l->group.size; at++)
        l->number = 10 * l->number + (uint64_t)(l->group.data[at] - '0');
}

static merx_status take_group(void *context, mx_str link, uint64_t object, merx_error *err)
{
    reader *r = context;
    file_layer *l = &r->layer[r->layers];
    uint64_t vars, cell, nested;
    bool found, inner;
    char place[PLACE];
    if (r->layers == r->room)
        MX_FAIL(err, MERX_E_CORRUPT, r->file->name, "its layers changed while they were read");
    *l = (file_layer){.group = link};
    split_group(l);
    MX_TRY(mx_hdf5_find(r->file, object, "layers", &nested, &found, err));
    if (found)
        MX_FAIL(err, MERX_E_UNSUPPORTED, where(r, l, place), "is a model within the model; merx reads layers");
    MX_TRY(mx_hdf5_find(r->file, object, "vars", &vars, &found, err));
    if (found) {
        MX_TRY(mx_hdf5_text(r->file, vars, "name", &l->name, err));
        l->vars = vars;
        MX_TRY(mx_hdf5_links(r->file, vars, count_link, &l->tensors, err));
    }
    MX_TRY(mx_hdf5_find(r->file, object, "cell/vars", &cell, &inner, err));
    if (inner) {
        l->vars = cell;
        l->tensors = 0;
        MX_TRY(mx_hdf5_links(r->file, cell, count_link, &l->tensors, err));
    }
    r->layers += l->tensors > 0;
    return MERX_OK;
}

static merx_status read_layers(reader *r, merx_error *err)
{
    bool found;
    MX_TRY(mx_hdf5_find(r->file, r->file->root, "layers", &r->group, &found, err));
    if (!found)
        MX_FAIL(err, MERX_E_UNSUPPORTED, r->file->name,
                "has no group \"layers\": it is no file of weights of a Sequential or Functional model of Keras 3 "
                "(model.save_weights(\"x.weights.h5\"))");
    MX_TRY(mx_hdf5_links(r->file, r->group, count_link, &r->room, err));
    r->layer = mx_arena_array(&r->arena, r->room + 1, sizeof *r->layer, err);
    if (r->layer == NULL)
        return MERX_E_MEMORY;
    return mx_hdf5_links(r->file, r->group, take_group, r, err);
}

/* ---- which is which ---- */

static bool is_depthwise(const mx_node *node)
{
    return node->kind->id == MERX_LAYER_CONV2D && node->layer.conv2d.groups > 1 &&
           (size_t)node->layer.conv2d.groups == node->in[0].dim[2];
}

static bool is_kind(const file_layer *l, const char *word)
{
    return mx_str_equal((mx_str){l->group.data, l->kind}, mx_str_of(word));
}

/* What Keras calls the layer; depthwise: the other of the two for a convolution of a group a channel. */
static const char *keras_word(const mx_node *node, bool depthwise)
{
    switch (node->kind->id) {
    case MERX_LAYER_CONV2D:
        return depthwise ? "depthwise_conv2d" : "conv2d";
    case MERX_LAYER_BATCH_NORM:
        return "batch_normalization";
    case MERX_LAYER_LAYER_NORM:
        return "layer_normalization";
    default:
        return node->kind->word;
    }
}

static bool fits_kind(const mx_node *node, const file_layer *l)
{
    return is_kind(l, keras_word(node, false)) || (is_depthwise(node) && is_kind(l, keras_word(node, true)));
}

static file_layer *by_name(const reader *r, const mx_node *node)
{
    for (size_t i = 0; i < r->layers; i++)
        if (mx_str_equal(r->layer[i].name, mx_str_of(node->name)) && fits_kind(node, &r->layer[i]))
            return &r->layer[i];
    return NULL;
}

static bool names_agree(const reader *r)
{
    size_t count = 0;
    for (size_t i = 1; i < r->net->nodes; i++) {
        count += r->net->node[i].n_weights > 0;
        if (r->net->node[i].n_weights > 0 && by_name(r, &r->net->node[i]) == NULL)
            return false;
    }
    return count == r->layers;
}

/* The layer with the lowest number of its kind that is not taken. */
static file_layer *next_of(const reader *r, const mx_node *node)
{
    file_layer *best = NULL;
    for (int depthwise = is_depthwise(node); depthwise >= 0 && best == NULL; depthwise--)
        for (size_t i = 0; i < r->layers; i++) {
            file_layer *l = &r->layer[i];
            if (!l->taken && is_kind(l, keras_word(node, depthwise != 0)) && (best == NULL || l->number < best->number))
                best = l;
        }
    return best;
}

/* ---- tensors ---- */

static const char *shape_text(const mx_hdf5_tensor *t, char text[96])
{
    size_t at = 0;
    (void)snprintf(text, 96, "one number");
    for (size_t i = 0; i < t->rank && at < 95; i++)
        at += (size_t)snprintf(text + at, 96 - at, "%s%zu", i > 0 ? " x " : "", t->dim[i]);
    return text;
}

static bool same_shape(const mx_node *node, const mx_weight *w, const mx_hdf5_tensor *t)
{
    bool same = t->rank == w->dims.rank && t->count == w->size;
    if (same && is_depthwise(node) && t->rank == 4 && w->dims.dim[2] == 1 && t->dim[2] != 1)
        return t->dim[0] == w->dims.dim[0] && t->dim[1] == w->dims.dim[1] &&
               t->dim[2] == (size_t)node->layer.conv2d.groups;
    for (size_t i = 0; same && i < t->rank; i++)
        same = t->dim[i] == w->dims.dim[i];
    return same;
}

static merx_status read_tensor(const reader *r, const mx_node *node, const file_layer *l, size_t j, float *out,
                               merx_error *err)
{
    const mx_weight *w = &node->weight[j];
    mx_hdf5_tensor t;
    uint64_t object;
    bool found;
    char name[24], what[PLACE], place[PLACE], got[96], need[96];
    (void)snprintf(name, sizeof name, "%zu", j);
    (void)snprintf(what, sizeof what, "%.*s/vars/%zu", l->group.size < 100 ? (int)l->group.size : 100, l->group.data,
                   j);
    MX_TRY(mx_hdf5_find(r->file, l->vars, name, &object, &found, err));
    if (!found)
        MX_FAIL(err, MERX_E_SHAPE, where(r, l, place), "has no vars/%zu: the %s of layer \"%s\"", j, w->word,
                node->name);
    MX_TRY(mx_hdf5_tensor_of(r->file, object, what, &t, err));
    if (!same_shape(node, w, &t))
        MX_FAIL(err, MERX_E_SHAPE, where(r, l, place), "vars/%zu is %s; the %s of layer \"%s\" needs %s", j,
                shape_text(&t, got), w->word, node->name, mx_dims_text(w->dims, need));
    if (t.type != MX_HDF5_FLOAT)
        MX_FAIL(err, MERX_E_TYPE, where(r, l, place),
                "vars/%zu is not of float16, float32 or float64 numbers: the %s of layer \"%s\"", j, w->word,
                node->name);
    out += w->offset;
    if (t.bytes == sizeof *out && t.count > 0)
        memcpy(out, t.data, t.count * sizeof *out);
    for (size_t i = 0; t.bytes != sizeof *out && i < t.count; i++)
        out[i] = (float)mx_hdf5_number(&t, i);
    for (size_t i = 0; i < t.count; i++)
        if (!isfinite(out[i]))
            MX_FAIL(err, MERX_E_NUMERIC, where(r, l, place),
                    "vars/%zu holds a number that is not finite at %zu: the %s of layer \"%s\"", j, i, w->word,
                    node->name);
    return MERX_OK;
}

static merx_status read_node(const reader *r, const mx_node *node, bool named, float *out, merx_error *err)
{
    file_layer *l = named ? by_name(r, node) : next_of(r, node);
    char place[PLACE];
    if (l == NULL)
        MX_FAIL(err, MERX_E_SHAPE, r->file->name,
                "has no %s with weights for layer \"%s\": the network has more of them than the file",
                keras_word(node, is_depthwise(node)), node->name);
    if (l->tensors != node->n_weights)
        MX_FAIL(err, MERX_E_SHAPE, where(r, l, place), "has %zu tensors; layer \"%s\" (%s) needs %zu", l->tensors,
                node->name, node->kind->word, node->n_weights);
    l->taken = true;
    for (size_t j = 0; j < node->n_weights; j++)
        MX_TRY(read_tensor(r, node, l, j, out, err));
    return MERX_OK;
}

merx_status mx_keras_weights(merx_network *net, const void *data, size_t size, const char *path, merx_error *err)
{
    mx_hdf5 file;
    reader r = {.file = &file, .net = net};
    float *block = NULL;
    char place[PLACE];
    merx_status status;
    if (net->failure.code != MERX_OK)
        MX_FAIL(err, net->failure.code, net->failure.where, "%s", net->failure.message);
    if (!net->compiled)
        MX_FAIL(err, MERX_E_INVALID, "network", "weights are loaded after the network is compiled");
    mx_arena_init(&r.arena, net->alloc);
    MX_TRY_GOTO(mx_hdf5_open(data, size, path, &file, err));
    MX_TRY_GOTO(read_layers(&r, err));
    MX_TRY_GOTO(mx_alloc_array(net->alloc, net->size, sizeof *block, "weights", &block, err));
    bool named = names_agree(&r);
    for (size_t i = 1; i < net->nodes; i++)
        if (net->node[i].n_weights > 0)
            MX_TRY_GOTO(read_node(&r, &net->node[i], named, block, err));
    for (size_t i = 0; i < r.layers; i++)
        if (!r.layer[i].taken)
            MX_FAIL_GOTO(err, MERX_E_SHAPE, where(&r, &r.layer[i], place),
                         "(\"%.*s\") has weights; the network has no layer for it",
                         r.layer[i].name.size < 100 ? (int)r.layer[i].name.size : 100,
                         r.layer[i].name.size > 0 ? r.layer[i].name.data : "");
    if (net->size > 0)
        memcpy(net->weights, block, net->size * sizeof *block);
    status = mx_network_pack(net, false, NULL, err);
out:
    MX_FREE_ARRAY(net->alloc, block, net->size);
    mx_arena_release(&r.arena);
    return status;
}
