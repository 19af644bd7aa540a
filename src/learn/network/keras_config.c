/*
 * A network out of a config.json of Keras 3 (keras_file.h): each layer becomes one of merx's own JSON (network_json.c), which checks it and adds it.
 *
 * Options that say how weights began, or what is done to them in training only elsewhere (initialisers, regularisers, constraints, seeds), are left out; an option that merx
 * has not must stand where it does nothing (false, null, 0, 1), or it is an error that names layer, option and value. So is a layer that merx has not.
 *
 * A Functional model is a list of layers in an order in which each follows its inputs, with `inbound_nodes`: the calls. Masks stand in it as operators of their own (NotEqual,
 * Any) whose results are given to layers as mask=…; merx's layers pass masks on themselves, so these are left out when they say what the layer before says.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "learn/network/keras_file.h"
#include "learn/network/network_json.h"

enum { MOST_TEXT = 16 << 20, PLACE = 200, MOST_OPTIONS = 8, MOST_NESTED = 16 };
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A class of Keras, merx's layer, and the options that it takes over: "theirs" or "theirs=ours". */
typedef struct layer_class {
    const char *theirs, *ours, *options[MOST_OPTIONS];
} layer_class;
#define RECURRENT_OPTIONS "units", "activation", "use_bias", "return_sequences", "go_backwards", "stateful"
static const layer_class classes[] = {
    {"Dense", "dense", {"units", "activation", "use_bias"}},
    {"Conv2D", "conv2d", {"filters", "kernel_size", "strides", "padding", "groups", "activation", "use_bias"}},
    {"DepthwiseConv2D", "conv2d", {"kernel_size", "strides", "padding", "activation", "use_bias", "depth_multiplier="}},
    {"MaxPooling2D", "max_pool2d", {"pool_size", "strides", "padding"}},
    {"AveragePooling2D", "average_pool2d", {"pool_size", "strides", "padding"}},
    {"GlobalMaxPooling2D", "global_max_pool2d", {NULL}},
    {"GlobalAveragePooling2D", "global_average_pool2d", {NULL}},
    {"Flatten", "flatten", {NULL}},
    {"Reshape", "reshape", {"target_shape="}},
    {"Activation", "activation", {"activation"}},
    {"ReLU", "activation", {NULL}},
    {"LeakyReLU", "activation", {"negative_slope="}},
    {"ELU", "activation", {"alpha="}},
    {"Softmax", "activation", {"axis="}},
    {"Dropout", "dropout", {"rate"}},
    {"BatchNormalization", "batch_norm", {"momentum", "epsilon", "scale", "center", "axis="}},
    {"LayerNormalization", "layer_norm", {"epsilon", "scale", "center", "axis="}},
    {"Embedding", "embedding", {"input_dim=vocabulary", "output_dim=units", "mask_zero"}},
    {"Masking", "masking", {"mask_value=value"}},
    {"SimpleRNN", "simple_rnn", {RECURRENT_OPTIONS}},
    {"LSTM", "lstm", {RECURRENT_OPTIONS, "recurrent_activation"}},
    {"GRU", "gru", {RECURRENT_OPTIONS, "recurrent_activation", "reset_after="}},
    {"Add", "add", {NULL}},
    {"Concatenate", "concatenate", {"axis="}},
};
/* Words of those that are an activation and nothing else. */
static const char *const activations[][2] = {
    {"ReLU", "relu"}, {"LeakyReLU", "leaky_relu"}, {"ELU", "elu"}, {"Softmax", "softmax"}};

/* Options that change nothing of what the layer computes, nor of how it is trained on from its weights. */
static const char *const idle[] = {"name",        "trainable", "dtype",          "seed",         "unit_forget_bias",
                                   "unroll",      "module",    "implementation", "synchronized", "renorm_momentum",
                                   "data_format", "time_major"};
static const char *const idle_ends[] = {"_initializer", "_regularizer", "_constraint"};

/* A mask that an operator of the file makes. */
typedef struct mask {
    const char *name, *from; /* of the operator, of the layer it looks at */
    double value;
} mask;

typedef struct reader {
    const char *path;
    const merx_allocator *alloc;
    merx_network *net;             /* NULL: its input was not met yet */
    const char *input_name;        /* of the InputLayer */
    const char *name, *class_name; /* of the layer that is read */
    merx_dims given;               /* to that layer */
    mask *masks;
    size_t n_masks;
} reader;

static const char *where(const reader *r, char text[PLACE])
{
    if (r->name != NULL)
        (void)snprintf(text, PLACE, "%.100s: %.40s \"%.50s\"", r->path, r->class_name, r->name);
    else
        (void)snprintf(text, PLACE, "%.100s: config.json", r->path);
    return text;
}

static merx_status malformed(const reader *r, const char *what, merx_error *err)
{
    char place[PLACE];
    MX_FAIL(err, MERX_E_CORRUPT, where(r, place), "%s", what);
}

static merx_status no_memory(const reader *r, merx_error *err)
{
    MX_FAIL(err, MERX_E_MEMORY, r->path, "no memory to read its config.json");
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* A value as it stands in the file, cut to what a message can hold. */
static const char *value_text(const json_t *value, char text[80])
{
    size_t size = json_dumpb(value, text, 76, JSON_ENCODE_ANY | JSON_COMPACT);
    if (size > 76)
        (void)snprintf(text, 80, "%s", json_is_object(value) ? "an object" : "a long value");
    else
        text[size] = '\0';
    return text;
}

/* ---- options ---- */

static const layer_class *class_of(const char *word)
{
    for (size_t i = 0; i < COUNT(classes); i++)
        if (strcmp(classes[i].theirs, word) == 0)
            return &classes[i];
    return NULL;
}

/* What merx calls the option; NULL: not in the class's list. "": it is in it, and seen to by hand. */
static const char *ours_of(const layer_class *c, const char *key)
{
    size_t size = strlen(key);
    for (size_t i = 0; i < MOST_OPTIONS && c->options[i] != NULL; i++)
        if (strncmp(c->options[i], key, size) == 0 && (c->options[i][size] == '\0' || c->options[i][size] == '='))
            return c->options[i][size] == '=' ? c->options[i] + size + 1 : c->options[i];
    return NULL;
}

static bool is_idle(const char *key)
{
    for (size_t i = 0; i < COUNT(idle); i++)
        if (strcmp(key, idle[i]) == 0)
            return true;
    for (size_t i = 0; i < COUNT(idle_ends); i++)
        if (mx_str_ends(mx_str_of(key), idle_ends[i]))
            return true;
    return false;
}

/* Whether an option that merx has not stands where it does nothing: off, none, no dilation. */
static bool does_nothing(const char *key, const json_t *value)
{
    if (json_is_null(value) || json_is_false(value) || (json_is_number(value) && json_number_value(value) == 0))
        return true;
    if (strcmp(key, "dilation_rate") != 0)
        return false;
    for (size_t i = 0; i < json_array_size(value); i++)
        if (json_number_value(json_array_get(value, i)) != 1)
            return false;
    return json_is_array(value) || json_number_value(value) == 1;
}

static merx_status has_not(const reader *r, const char *key, const json_t *value, const char *what, merx_error *err)
{
    char place[PLACE], text[80];
    MX_FAIL(err, MERX_E_UNSUPPORTED, where(r, place), "its %.60s is %s; merx has %s", key, value_text(value, text),
            what);
}

static merx_status take_option(const reader *r, const layer_class *c, const char *key, json_t *value, json_t *out,
                               merx_error *err)
{
    const char *ours = ours_of(c, key);
    if (strcmp(key, "data_format") == 0 && json_is_string(value) &&
        strcmp(json_string_value(value), "channels_last") != 0)
        return has_not(r, key, value, "channels_last alone", err);
    if (ours == NULL)
        return is_idle(key) || does_nothing(key, value) ? MERX_OK : has_not(r, key, value, "no such option", err);
    if (*ours == '\0')
        return MERX_OK;
    if (strstr(key, "activation") != NULL && !json_is_string(value))
        return has_not(r, key, value, "those that Keras names by a word", err);
    return json_object_set(out, ours, value) == 0 ? MERX_OK : no_memory(r, err);
}

/* Over the last dimension alone. */
static merx_status check_axis(const reader *r, const json_t *config, merx_error *err)
{
    const json_t *axis = json_object_get(config, "axis");
    if (json_array_size(axis) == 1)
        axis = json_array_get(axis, 0);
    if (axis == NULL || (json_is_integer(axis) &&
                         (json_integer_value(axis) == -1 || json_integer_value(axis) == (json_int_t)r->given.rank)))
        return MERX_OK;
    return has_not(r, "axis", axis, "the last one alone", err);
}

/* filters and groups of a convolution of a group a channel. */
static merx_status take_depthwise(const reader *r, const json_t *config, json_t *out, merx_error *err)
{
    const json_t *times = json_object_get(config, "depth_multiplier");
    json_int_t c = r->given.rank == 3 && r->given.dim[2] <= 1 << 20 ? (json_int_t)r->given.dim[2] : 0,
               m = times != NULL ? json_integer_value(times) : 1;
    if (c < 1)
        return malformed(r, "is given no pictures", err);
    if (m < 1 || m > 1 << 10)
        return has_not(r, "depth_multiplier", times, "1 to 1024", err);
    if (json_object_set_new(out, "filters", json_integer(c * m)) != 0 ||
        json_object_set_new(out, "groups", json_integer(c)) != 0)
        return no_memory(r, err);
    return MERX_OK;
}

/* A -1 in target_shape is what is left. */
static merx_status take_target_shape(const reader *r, const json_t *config, json_t *out, merx_error *err)
{
    const json_t *target = json_object_get(config, "target_shape");
    json_t *dims = json_array(), *one;
    double size = (double)mx_dims_size(r->given), known = 1;
    size_t i;
    if (dims == NULL || json_object_set_new(out, "target_shape", dims) != 0)
        return no_memory(r, err);
    json_array_foreach(target, i, one)
    {
        known *= json_integer_value(one) > 0 ? (double)json_integer_value(one) : 1;
    }
    json_array_foreach(target, i, one)
    {
        json_int_t v = json_integer_value(one);
        if (v == -1 && size >= known && size / known <= 1e9)
            v = (json_int_t)(size / known);
        if (json_array_append_new(dims, json_integer(v)) != 0)
            return no_memory(r, err);
    }
    return MERX_OK;
}

/* Options of one class that take more than a new name. */
static merx_status take_special(const reader *r, const layer_class *c, const json_t *config, json_t *out,
                                merx_error *err)
{
    const json_t *slope = json_object_get(config, "negative_slope"), *alpha = json_object_get(config, "alpha"),
                 *reset = json_object_get(config, "reset_after");
    if (ours_of(c, "axis") != NULL)
        MX_TRY(check_axis(r, config, err));
    if (ours_of(c, "depth_multiplier") != NULL)
        return take_depthwise(r, config, out, err);
    if (ours_of(c, "target_shape") != NULL)
        return take_target_shape(r, config, out, err);
    if (ours_of(c, "reset_after") != NULL && reset != NULL && !json_is_true(reset))
        return has_not(r, "reset_after", reset, "GRUs that reset after the product", err);
    if (ours_of(c, "negative_slope") != NULL && fabs(json_number_value(slope) - 0.2) > 1e-7)
        return has_not(r, "negative_slope", slope, "0.2", err);
    if (ours_of(c, "alpha") != NULL && alpha != NULL && json_number_value(alpha) != 1)
        return has_not(r, "alpha", alpha, "1", err);
    for (size_t i = 0; i < COUNT(activations); i++)
        if (strcmp(c->theirs, activations[i][0]) == 0 &&
            json_object_set_new(out, "activation", json_string(activations[i][1])) != 0)
            return no_memory(r, err);
    return MERX_OK;
}

/* ---- calls ---- */

/* Whose output a value of a call is; NULL: it is no tensor. */
static const char *tensor_from(const json_t *value, bool *first)
{
    const json_t *history = json_object_get(json_object_get(value, "config"), "keras_history");
    if (strcmp(text_of(value, "class_name"), "__keras_tensor__") != 0)
        return NULL;
    *first = json_integer_value(json_array_get(history, 1)) == 0 && json_integer_value(json_array_get(history, 2)) == 0;
    return json_string_value(json_array_get(history, 0));
}

/* Every tensor in the arguments, in order; other_number: a number that stands among them (NaN: none), which operators of masks have. */
static merx_status take_tensors(const reader *r, const json_t *value, int depth, json_t *names, double *other_number,
                                merx_error *err)
{
    bool first = true;
    const char *from = tensor_from(value, &first);
    char place[PLACE];
    if (from != NULL) {
        if (!first)
            MX_FAIL(err, MERX_E_UNSUPPORTED, where(r, place),
                    "is given another than the first output of \"%.60s\": a layer that is used twice, or a state",
                    from);
        const char *ours = strcmp(from, r->input_name) == 0 ? "input" : from;
        return json_array_append_new(names, json_string(ours)) == 0 ? MERX_OK : no_memory(r, err);
    }
    if (json_is_array(value) && depth < MOST_NESTED) {
        for (size_t i = 0; i < json_array_size(value); i++)
            MX_TRY(take_tensors(r, json_array_get(value, i), depth + 1, names, other_number, err));
        return MERX_OK;
    }
    if (json_is_number(value) && other_number != NULL && isnan(*other_number)) {
        *other_number = json_number_value(value);
        return MERX_OK;
    }
    if (json_is_null(value) || json_is_false(value))
        return MERX_OK;
    return has_not(r, "argument", value, "layers that are given the outputs of layers alone", err);
}

/* mask=…: one that the layer before makes in merx too. */
static merx_status check_mask(const reader *r, const json_t *value, merx_error *err)
{
    bool first;
    const char *from = tensor_from(value, &first);
    if (json_is_null(value))
        return MERX_OK;
    for (size_t i = 0; from != NULL && i < r->n_masks; i++)
        if (strcmp(r->masks[i].name, from) == 0)
            return MERX_OK;
    return has_not(r, "mask", value, "those of Embedding and Masking", err);
}

static merx_status take_call(const reader *r, const json_t *layer, json_t *names, double *number, merx_error *err)
{
    const json_t *calls = json_object_get(layer, "inbound_nodes"), *call = json_array_get(calls, 0);
    json_t *kwargs = json_object_get(call, "kwargs"), *value;
    const char *key;
    char place[PLACE];
    if (json_array_size(calls) != 1)
        MX_FAIL(err, MERX_E_UNSUPPORTED, where(r, place), "is used %zu times; merx's layers are used once",
                json_array_size(calls));
    MX_TRY(take_tensors(r, json_object_get(call, "args"), 0, names, number, err));
    json_object_foreach(kwargs, key, value)
    {
        if (strcmp(key, "mask") == 0)
            MX_TRY(check_mask(r, value, err));
        else if (!json_is_null(value) && !json_is_false(value) && number == NULL)
            return has_not(r, key, value, "no such argument", err);
    }
    return json_array_size(names) > 0 ? MERX_OK : malformed(r, "is given no layer's output", err);
}

/* ---- masks ---- */

/* NotEqual(x, value), and Any of it over the features. */
static merx_status take_mask(reader *r, const json_t *layer, merx_error *err)
{
    double number = (double)NAN;
    json_t *names = json_array();
    if (names == NULL)
        return no_memory(r, err);
    merx_status status = take_call(r, layer, names, &number, err);
    const char *from = json_string_value(json_array_get(names, 0));
    mask *m = &r->masks[r->n_masks];
    *m = (mask){.name = r->name, .value = number};
    for (size_t i = 0; status == MERX_OK && i < r->n_masks; i++)
        if (strcmp(r->masks[i].name, from) == 0) {
            m->from = r->masks[i].from;
            m->value = r->masks[i].value;
        }
    if (status == MERX_OK && m->from == NULL) {
        const json_t *args = json_object_get(json_array_get(json_object_get(layer, "inbound_nodes"), 0), "args");
        bool first;
        m->from = tensor_from(json_array_get(args, 0), &first);
    }
    json_decref(names);
    if (status == MERX_OK && m->from == NULL)
        status = malformed(r, "is given no layer's output", err);
    r->n_masks += status == MERX_OK;
    return status;
}

/* That a layer of merx makes each mask: an embedding or a masking of the same numbers. */
static merx_status check_masks(reader *r, merx_error *err)
{
    char place[PLACE];
    r->name = NULL;
    for (size_t i = 0; i < r->n_masks; i++) {
        const mask *m = &r->masks[i];
        int from = merx_network_find(r->net, strcmp(m->from, r->input_name) == 0 ? "input" : m->from);
        bool made = false;
        for (size_t k = 1; k < r->net->nodes; k++) {
            const mx_node *node = &r->net->node[k];
            bool embeds = node->kind->id == MERX_LAYER_EMBEDDING && node->layer.embedding.mask_zero && m->value == 0,
                 masks = node->kind->id == MERX_LAYER_MASKING && node->layer.masking.value == m->value;
            made |= (embeds || masks) && node->inputs[0] == from;
        }
        if (!made)
            MX_FAIL(err, MERX_E_UNSUPPORTED, where(r, place),
                    "mask \"%.60s\" is made of the output of \"%.60s\", but by no Embedding or Masking; merx has no "
                    "other masks",
                    m->name, m->from);
    }
    return MERX_OK;
}

/* ---- layers ---- */

static merx_status take_input(reader *r, const json_t *config, merx_error *err)
{
    const json_t *shape = json_object_get(config, "batch_shape");
    size_t n = json_array_size(shape);
    merx_dims dims = {.rank = n - 1};
    char place[PLACE];
    if (r->net != NULL)
        MX_FAIL(err, MERX_E_UNSUPPORTED, where(r, place), "is a second input; a network has one");
    if (n < 2 || n > MERX_DIMS + 1)
        MX_FAIL(err, MERX_E_UNSUPPORTED, where(r, place), "its batch_shape has %zu dimensions; expected 2 to %d", n,
                MERX_DIMS + 1);
    for (size_t i = 1; i < n; i++) {
        const json_t *one = json_array_get(shape, i);
        if (!json_is_integer(one) || json_integer_value(one) < 1 || json_integer_value(one) > INT32_MAX)
            MX_FAIL(err, MERX_E_UNSUPPORTED, where(r, place),
                    "dimension %zu of its shape is not fixed; a network has the shape of its examples (build the "
                    "network, then load the weights)",
                    i);
        dims.dim[i - 1] = (size_t)json_integer_value(one);
    }
    r->net = merx_network_new(r->alloc, dims);
    if (r->net == NULL)
        return no_memory(r, err);
    if (r->net->failure.code != MERX_OK)
        MX_FAIL(err, r->net->failure.code, where(r, place), "%s", r->net->failure.message);
    r->input_name = r->name;
    return MERX_OK;
}

/* Fills in the layer of merx, an object that is to be added. */
static merx_status translate(reader *r, const layer_class *c, const json_t *layer, bool graph, json_t *out,
                             merx_error *err)
{
    json_t *config = json_object_get(layer, "config"), *value, *names;
    const char *key;
    int before = (int)r->net->nodes - 1;
    if (json_object_set_new(out, "layer", json_string(c->ours)) != 0 ||
        json_object_set_new(out, "name", json_string(r->name)) != 0)
        return no_memory(r, err);
    if (graph) {
        names = json_array();
        if (names == NULL || json_object_set_new(out, "inputs", names) != 0)
            return no_memory(r, err);
        MX_TRY(take_call(r, layer, names, NULL, err));
        before = merx_network_find(r->net, json_string_value(json_array_get(names, 0)));
    }
    r->given = before >= 0 ? r->net->node[before].out : (merx_dims){0};
    json_object_foreach(config, key, value)
    {
        MX_TRY(take_option(r, c, key, value, out, err));
    }
    return take_special(r, c, config, out, err);
}

static merx_status take_layer(reader *r, const json_t *layer, bool graph, merx_error *err)
{
    json_t *config = json_object_get(layer, "config");
    merx_error inner = {0};
    char place[PLACE];
    r->class_name = text_of(layer, "class_name");
    r->name = json_string_value(json_object_get(config, "name"));
    if (*r->class_name == '\0' || r->name == NULL)
        return malformed(r, "a layer has no class_name, or no name", err);
    if (strcmp(r->class_name, "InputLayer") == 0)
        return take_input(r, config, err);
    if (r->net == NULL)
        return malformed(r, "stands before the InputLayer: the model was saved before it knew its input's shape", err);
    if (graph && (strcmp(r->class_name, "NotEqual") == 0 || strcmp(r->class_name, "Any") == 0))
        return take_mask(r, layer, err);
    const layer_class *c = class_of(r->class_name);
    if (c == NULL)
        MX_FAIL(err, MERX_E_UNSUPPORTED, where(r, place), "merx has no layer for this class");
    json_t *out = json_object();
    if (out == NULL)
        return no_memory(r, err);
    merx_status status = translate(r, c, layer, graph, out, err);
    if (status == MERX_OK)
        status = mx_network_read_layer(where(r, place), out, r->net, err);
    json_decref(out);
    MX_TRY(status);
    status = mx_network_shape_last(r->net, &inner);
    if (status != MERX_OK)
        MX_FAIL(err, status, where(r, place), "%s", inner.message);
    return MERX_OK;
}

/* One output, which is the last layer. */
static merx_status check_output(reader *r, const json_t *config, merx_error *err)
{
    const json_t *outputs = json_object_get(config, "output_layers");
    const char *last = r->net->node[r->net->nodes - 1].name;
    while (json_is_array(json_array_get(outputs, 0)) && json_array_size(outputs) == 1)
        outputs = json_array_get(outputs, 0);
    char place[PLACE];
    r->name = NULL;
    if (!json_is_string(json_array_get(outputs, 0)) || strcmp(json_string_value(json_array_get(outputs, 0)), last) != 0)
        MX_FAIL(
            err, MERX_E_UNSUPPORTED, where(r, place),
            "the model's output is not what its last layer (\"%.60s\") makes, or there are several; a network has one",
            last);
    return MERX_OK;
}

/* ---- how it learns ---- */

/* Taken where merx has it all; a network that is only run needs neither. */
static merx_status take_optimizer(const reader *r, const json_t *compiled, merx_optimizer *optimizer, merx_error *err)
{
    static const char *const taken[][2] = {{"learning_rate", "learning_rate"},
                                           {"momentum", "momentum"},
                                           {"nesterov", "nesterov"},
                                           {"beta_1", "beta_1"},
                                           {"beta_2", "beta_2"},
                                           {"epsilon", "epsilon"},
                                           {"weight_decay", "weight_decay"},
                                           {"global_clipnorm", "clip_norm"}};
    static const char *const known[][2] = {
        {"SGD", "sgd"}, {"Adam", "adam"}, {"AdamW", "adamw"}, {"Adagrad", "adagrad"}};
    const json_t *given = json_object_get(compiled, "optimizer"), *config = json_object_get(given, "config");
    const char *word = NULL;
    for (size_t i = 0; i < COUNT(known); i++)
        if (strcmp(text_of(given, "class_name"), known[i][0]) == 0)
            word = known[i][1];
    if (word == NULL)
        return MERX_OK;
    json_t *out = json_object();
    bool has = true, full = out == NULL || json_object_set_new(out, "name", json_string(word)) != 0;
    for (size_t i = 0; i < COUNT(taken) && !full; i++) {
        json_t *value = json_object_get(config, taken[i][0]);
        bool sgds = strcmp(taken[i][0], "momentum") == 0 || json_is_boolean(value);
        if (value == NULL || json_is_null(value) || json_is_false(value) || (sgds && strcmp(word, "sgd") != 0))
            continue;
        has &= json_is_number(value) || json_is_boolean(value); /* else a schedule of Keras's */
        full = json_object_set(out, taken[i][1], value) != 0;
    }
    merx_optimizer read;
    if (!full && has && mx_network_read_optimizer(out, &read, NULL) == MERX_OK)
        *optimizer = read;
    json_decref(out);
    return full ? no_memory(r, err) : MERX_OK;
}

static void take_loss(const json_t *compiled, merx_loss *loss)
{
    static const struct {
        const char *word, *class_name;
        merx_loss is;
    } known[] = {{"categorical_crossentropy", "CategoricalCrossentropy", MERX_CATEGORICAL_CROSSENTROPY},
                 {"sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", MERX_CATEGORICAL_CROSSENTROPY},
                 {"binary_crossentropy", "BinaryCrossentropy", MERX_BINARY_CROSSENTROPY},
                 {"mean_squared_error", "MeanSquaredError", MERX_MEAN_SQUARED_ERROR},
                 {"mse", "", MERX_MEAN_SQUARED_ERROR},
                 {"mean_absolute_error", "MeanAbsoluteError", MERX_MEAN_ABSOLUTE_ERROR},
                 {"mae", "", MERX_MEAN_ABSOLUTE_ERROR}};
    const json_t *given = json_object_get(compiled, "loss");
    const char *word = json_is_string(given) ? json_string_value(given) : text_of(given, "class_name");
    if (json_is_true(json_object_get(json_object_get(given, "config"), "from_logits")))
        return;
    for (size_t i = 0; i < COUNT(known); i++)
        if (strcmp(word, known[i].word) == 0 || (*word != '\0' && strcmp(word, known[i].class_name) == 0))
            *loss = known[i].is;
}

/* ---- the whole ---- */

static merx_status read_model(reader *r, const json_t *model, merx_optimizer *optimizer, merx_error *err)
{
    const char *kind = text_of(model, "class_name");
    const json_t *config = json_object_get(model, "config"), *layers = json_object_get(config, "layers");
    bool graph = strcmp(kind, "Functional") == 0;
    char place[PLACE];
    if (!graph && strcmp(kind, "Sequential") != 0)
        MX_FAIL(err, MERX_E_UNSUPPORTED, where(r, place),
                "the model is a %.60s; merx reads Sequential and Functional ones (build the network, then load the "
                "weights)",
                *kind != '\0' ? kind : "model without a class_name");
    size_t n = json_array_size(layers);
    if (n == 0 || n > MX_MOST_NODES)
        MX_FAIL(err, MERX_E_LIMIT, where(r, place), "has %zu layers; expected 1 to %d", n, MX_MOST_NODES);
    MX_TRY(MX_NEW_ARRAY(r->alloc, MX_MOST_NODES, &r->masks, "masks", err));
    for (size_t i = 0; i < n; i++)
        MX_TRY(take_layer(r, json_array_get(layers, i), graph, err));
    r->name = NULL;
    if (r->net == NULL)
        return malformed(r, "the model has no InputLayer: it was saved before it knew its input's shape", err);
    if (graph) {
        MX_TRY(check_output(r, config, err));
        MX_TRY(check_masks(r, err));
    }
    return take_optimizer(r, json_object_get(model, "compile_config"), optimizer, err);
}

merx_status mx_keras_network(const merx_allocator *alloc, const char *config, size_t size, const char *path,
                             merx_optimizer *optimizer, merx_loss *loss, merx_network **out, merx_error *err)
{
    reader r = {.path = path, .alloc = mx_allocator_or_default(alloc)};
    json_error_t problem;
    char place[PLACE];
    *out = NULL;
    if (size > MOST_TEXT)
        MX_FAIL(err, MERX_E_LIMIT, where(&r, place), "has more than %d bytes", MOST_TEXT);
    json_t *model = json_loadb(config, size, JSON_REJECT_DUPLICATES, &problem);
    if (model == NULL && json_error_code(&problem) == json_error_out_of_memory)
        return no_memory(&r, err);
    if (model == NULL)
        MX_FAIL(err, MERX_E_CORRUPT, where(&r, place), "line %d, column %d: %s", problem.line, problem.column,
                problem.text);
    merx_status status = read_model(&r, model, optimizer, err);
    if (status == MERX_OK) {
        take_loss(json_object_get(model, "compile_config"), loss);
        *out = r.net;
        r.net = NULL;
    }
    merx_network_free(r.net);
    MX_FREE_ARRAY(r.alloc, r.masks, MX_MOST_NODES);
    json_decref(model);
    return status;
}
