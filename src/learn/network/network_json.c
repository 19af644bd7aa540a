/*
 * Networks as JSON, over the layers' option tables (mx_field): what is written reads back to the same network.
 *
 *     {"input": [28, 28, 1],
 *      "layers": [{"layer": "conv2d", "filters": 32, "kernel_size": 3, "activation": "relu"},
 *                 {"layer": "max_pool2d"}, {"layer": "flatten"},
 *                 {"layer": "dense", "units": 10, "activation": "softmax"}],
 *      "optimizer": {"name": "adam", "learning_rate": 0.001}, "loss": "categorical_crossentropy"}
 *
 * A layer may have a "name", and "inputs": names of layers before it ("input" is the input); without it follows the one before. Keras's own spellings of layers are taken
 * too: "MaxPooling2D", "BatchNormalization". Options that stand at their defaults are not written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "learn/network/network_json.h"

enum { MOST_TEXT = 16 << 20, PLACE = 128 };
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- words ---- */

static const char *const activation_words[] = {
#define WORD(name, word) #word,
    MERX_ACTIVATION_TABLE(WORD)
#undef WORD
};
static const char *const loss_words[] = {
#define WORD(name, word) #word,
    MERX_LOSS_TABLE(WORD)
#undef WORD
};
static const char *const padding_words[] = {"valid", "same"};
static const char *const schedule_words[] = {"constant", "cosine", "steps", "exponential_decay"};
static const char *const optimizer_words[] = {"sgd", "adam", "adagrad", "adamw"};
enum { WORD_ADAMW = 3 };

/* Other spellings of Keras, by the word that is ours. */
static const struct {
    const char *other, *ours;
} aliases[] = {{"sparse_categorical_crossentropy", "categorical_crossentropy"},
               {"mse", "mean_squared_error"},
               {"mae", "mean_absolute_error"},
               {"swish", "silu"}};

/* Members of merx_optimizer. Those that can't be 0 stand at their default when they are. */
typedef struct optimizer_field {
    const char *name, *other;
    size_t offset;
    bool can_be_zero;
} optimizer_field;
#define OPTIMIZER_FIELD(name_, other_, member_, zero_)                                                                 \
    {                                                                                                                  \
        name_, other_, offsetof(merx_optimizer, member_), zero_                                                        \
    }
static const optimizer_field optimizer_fields[] = {
    OPTIMIZER_FIELD("learning_rate", NULL, learning_rate, false),
    OPTIMIZER_FIELD("momentum", NULL, momentum, true),
    OPTIMIZER_FIELD("beta_1", "beta1", beta1, false),
    OPTIMIZER_FIELD("beta_2", "beta2", beta2, false),
    OPTIMIZER_FIELD("epsilon", NULL, epsilon, false),
    OPTIMIZER_FIELD("weight_decay", NULL, weight_decay, true),
    OPTIMIZER_FIELD("clip_norm", "global_clipnorm", clip_norm, true),
    OPTIMIZER_FIELD("warmup_epochs", NULL, warmup_epochs, true),
    OPTIMIZER_FIELD("every", NULL, every, false),
    OPTIMIZER_FIELD("factor", NULL, factor, false),
    OPTIMIZER_FIELD("final", NULL, final, true),
};

static double *optimizer_at(merx_optimizer *o, const optimizer_field *f)
{
    return (double *)(void *)((char *)o + f->offset);
}

static const int *ints_of(const merx_layer *layer, const mx_field *f)
{
    return (const int *)(const void *)((const char *)layer + f->offset);
}

static double real_of(const merx_layer *layer, const mx_field *f)
{
    return *(const double *)(const void *)((const char *)layer + f->offset);
}

static bool bool_of(const merx_layer *layer, const mx_field *f)
{
    return *(const bool *)(const void *)((const char *)layer + f->offset);
}

/* ---- writing ---- */

static void put_real(mx_text *text, double value)
{
    char number[32];
    mx_text_append(text, number, mx_format_double(value, number));
}

static void put_word(mx_text *text, const char *word)
{
    mx_text_puts(text, "\"");
    mx_text_json(text, mx_str_of(word));
    mx_text_puts(text, "\"");
}

static void put_ints(mx_text *text, const int *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mx_text_printf(text, "%s%d", i > 0 ? ", " : "[", v[i]);
    mx_text_puts(text, "]");
}

/* Whether the option stands where leaving it out would put it. */
static bool is_default(const merx_layer *layer, const mx_field *f)
{
    const int *v = ints_of(layer, f);
    switch (f->type) {
    case MX_FIELD_INT:
        return f->value != NULL && *v == (int)mx_field_standard(f);
    case MX_FIELD_PAIR:
        if (f->value == NULL)
            return false;
        if ((int)mx_field_standard(f) != 0)
            return v[0] == (int)mx_field_standard(f) && v[1] == v[0];
        return v[0] == v[-2] && v[1] == v[-1]; /* the member before it (network.c) */
    case MX_FIELD_DIMS:
        return f->value != NULL && *v == 0;
    case MX_FIELD_REAL:
        return f->value != NULL && real_of(layer, f) == strtod(f->value, NULL);
    case MX_FIELD_BOOL:
    case MX_FIELD_NOT:
        return !bool_of(layer, f);
    default: /* activation, padding: the first value stands for the default */
        return *v == 0;
    }
}

static void put_field(mx_text *text, const merx_layer *layer, const mx_field *f)
{
    const int *v = ints_of(layer, f);
    size_t dims = 0;
    mx_text_printf(text, ", \"%s\": ", f->name);
    switch (f->type) {
    case MX_FIELD_INT:
        mx_text_printf(text, "%d", *v);
        break;
    case MX_FIELD_PAIR:
        put_ints(text, v, 2);
        break;
    case MX_FIELD_DIMS:
        while (dims < MERX_DIMS && v[dims] != 0)
            dims++;
        put_ints(text, v, dims);
        break;
    case MX_FIELD_REAL:
        put_real(text, real_of(layer, f));
        break;
    case MX_FIELD_BOOL:
    case MX_FIELD_NOT:
        mx_text_puts(text, f->type == MX_FIELD_BOOL ? "true" : "false");
        break;
    case MX_FIELD_ACTIVATION:
        put_word(text, mx_activation_word((merx_activation)*v));
        break;
    case MX_FIELD_PADDING:
        put_word(text, padding_words[*v == MERX_SAME]);
        break;
    }
}

/* The name that the layer would get without being given one (network.c). */
static void standard_name(const merx_network *net, const mx_node *node, char name[MX_NODE_NAME])
{
    size_t same = 0;
    for (int i = 0; i < node->number; i++)
        same += net->node[i].kind == node->kind;
    if (same == 0)
        (void)snprintf(name, MX_NODE_NAME, "%s", node->kind->word);
    else
        (void)snprintf(name, MX_NODE_NAME, "%s_%zu", node->kind->word, same);
}

static void put_layer(mx_text *text, const merx_network *net, const mx_node *node)
{
    char name[MX_NODE_NAME];
    mx_text_puts(text, "    {\"layer\": ");
    put_word(text, node->kind->word);
    standard_name(net, node, name);
    if (strcmp(name, node->name) != 0) {
        mx_text_puts(text, ", \"name\": ");
        put_word(text, node->name);
    }
    if (node->n_inputs != 1 || node->inputs[0] != node->number - 1) {
        mx_text_puts(text, ", \"inputs\": [");
        for (size_t i = 0; i < node->n_inputs; i++) {
            mx_text_puts(text, i > 0 ? ", " : "");
            put_word(text, net->node[node->inputs[i]].name);
        }
        mx_text_puts(text, "]");
    }
    for (const mx_field *f = node->kind->fields; f->name != NULL; f++)
        if (!is_default(&node->layer, f))
            put_field(text, &node->layer, f);
    mx_text_puts(text, "}");
}

static void put_optimizer(mx_text *text, merx_optimizer o)
{
    merx_optimizer standard = mx_optimizer_defaults((merx_optimizer){.kind = o.kind});
    mx_text_puts(text, "{\"name\": ");
    put_word(text, optimizer_words[o.kind]);
    for (size_t i = 0; i < COUNT(optimizer_fields); i++) {
        const optimizer_field *f = &optimizer_fields[i];
        double v = *optimizer_at(&o, f);
        if (v != *optimizer_at(&standard, f) || i == 0) {
            mx_text_printf(text, ", \"%s\": ", f->name);
            put_real(text, v);
        }
    }
    if (o.nesterov)
        mx_text_puts(text, ", \"nesterov\": true");
    if (o.schedule != MERX_CONSTANT) {
        mx_text_puts(text, ", \"schedule\": ");
        put_word(text, schedule_words[o.schedule]);
    }
    mx_text_puts(text, "}");
}

merx_status merx_network_to_json(const merx_network *net, char **out, merx_error *err)
{
    mx_text text;
    *out = NULL;
    if (net->failure.code != MERX_OK)
        MX_FAIL(err, net->failure.code, net->failure.where, "%s", net->failure.message);
    mx_text_init(&text, net->alloc, MOST_TEXT);
    mx_text_puts(&text, "{\n  \"input\": [");
    for (size_t i = 0; i < net->input.rank; i++)
        mx_text_printf(&text, "%s%zu", i > 0 ? ", " : "", net->input.dim[i]);
    mx_text_puts(&text, "],\n  \"layers\": [");
    for (size_t i = 1; i < net->nodes; i++) {
        mx_text_puts(&text, i > 1 ? ",\n" : "\n");
        put_layer(&text, net, &net->node[i]);
    }
    mx_text_puts(&text, "\n  ]");
    if (net->compiled) {
        mx_text_puts(&text, ",\n  \"optimizer\": ");
        put_optimizer(&text, net->optimizer);
        mx_text_puts(&text, ",\n  \"loss\": ");
        put_word(&text, mx_loss_word(net->loss));
    }
    mx_text_puts(&text, "\n}\n");
    merx_status status = mx_text_ok(&text, err);
    if (status == MERX_OK)
        status = mx_text_give(&text, out, err);
    mx_text_release(&text);
    return status;
}

/* ---- reading ---- */

static const char *type_name(const json_t *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list", [JSON_STRING] = "a text", [JSON_INTEGER] = "a number",
        [JSON_REAL] = "a number",    [JSON_TRUE] = "true",    [JSON_FALSE] = "false",   [JSON_NULL] = "null"};
    return names[json_typeof(value)];
}

static merx_status unknown_word(const char *place, const char *what, const char *word, const char *const *known,
                                size_t count, merx_error *err)
{
    const char *nearest = mx_nearest_word(word, known, count);
    if (nearest != NULL)
        MX_FAIL(err, MERX_E_NOT_FOUND, place, "there is no %s \"%.60s\"; did you mean \"%s\"?", what, word, nearest);
    char list[400];
    size_t at = 0;
    for (size_t i = 0; i < count && at + 1 < sizeof list; i++)
        at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i > 0 ? ", " : "", known[i]);
    MX_FAIL(err, MERX_E_NOT_FOUND, place, "there is no %s \"%.60s\"; there are %s", what, word, list);
}

/* One of the words, by number. */
static merx_status read_word(const char *place, const char *what, const json_t *value, const char *const *words,
                             size_t count, int *out, merx_error *err)
{
    const char *word = json_string_value(value);
    if (word == NULL)
        MX_FAIL(err, MERX_E_TYPE, place, "is %s; expected the name of a%s %s", type_name(value),
                strchr("aeiou", *what) ? "n" : "", what);
    for (size_t i = 0; i < COUNT(aliases); i++)
        if (strcmp(word, aliases[i].other) == 0)
            word = aliases[i].ours;
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0) {
            *out = (int)i;
            return MERX_OK;
        }
    return unknown_word(place, what, word, words, count, err);
}

static merx_status read_whole(const char *place, const json_t *value, double min, double max, int *out, merx_error *err)
{
    if (!json_is_integer(value))
        MX_FAIL(err, MERX_E_TYPE, place, "is %s; expected a whole number",
                json_is_real(value) ? "a number with a fraction" : type_name(value));
    json_int_t v = json_integer_value(value);
    if (!((double)v >= min && (double)v <= max))
        MX_FAIL(err, MERX_E_RANGE, place, "is %lld; expected %.0f to %.0f", (long long)v, min, max);
    *out = (int)v;
    return MERX_OK;
}

static merx_status read_real(const char *place, const json_t *value, double *out, merx_error *err)
{
    if (!json_is_number(value))
        MX_FAIL(err, MERX_E_TYPE, place, "is %s; expected a number", type_name(value));
    *out = json_number_value(value);
    return MERX_OK;
}

static merx_status read_bool(const char *place, const json_t *value, bool *out, merx_error *err)
{
    if (!json_is_boolean(value))
        MX_FAIL(err, MERX_E_TYPE, place, "is %s; expected true or false", type_name(value));
    *out = json_is_true(value);
    return MERX_OK;
}

static merx_status read_list(const char *place, const json_t *value, const mx_field *f, size_t most, int *v,
                             merx_error *err)
{
    size_t n = json_array_size(value);
    if (!json_is_array(value) || n == 0 || n > most)
        MX_FAIL(err, MERX_E_TYPE, place, "is %s%s; expected %s whole numbers",
                json_is_array(value) && n > most ? "too long " : "",
                json_is_array(value) && n == 0 ? "empty" : type_name(value),
                f->type == MX_FIELD_PAIR ? "one or two" : "1 to 4");
    for (size_t i = 0; i < n; i++)
        MX_TRY(read_whole(place, json_array_get(value, i), f->min, f->max, &v[i], err));
    return MERX_OK;
}

static merx_status read_field(const char *place, const json_t *value, const mx_field *f, merx_layer *layer,
                              merx_error *err)
{
    void *at = (char *)layer + f->offset;
    int *v = at, word = 0;
    double *r = at;
    bool flag = false;
    switch (f->type) {
    case MX_FIELD_INT:
        MX_TRY(read_whole(place, value, f->min, f->max, v, err));
        if (*v == 0 && f->value != NULL && (int)mx_field_standard(f) != 0)
            MX_FAIL(err, MERX_E_RANGE, place, "is 0; expected 1 to %.0f", f->max);
        return MERX_OK;
    case MX_FIELD_PAIR:
        if (!json_is_array(value)) {
            MX_TRY(read_whole(place, value, f->min, f->max, v, err));
            v[1] = v[0];
            return MERX_OK;
        }
        MX_TRY(read_list(place, value, f, 2, v, err));
        v[1] = json_array_size(value) == 1 ? v[0] : v[1];
        return MERX_OK;
    case MX_FIELD_DIMS:
        return read_list(place, value, f, MERX_DIMS, v, err);
    case MX_FIELD_REAL:
        MX_TRY(read_real(place, value, r, err));
        if (!(*r >= f->min && *r <= f->max))
            MX_FAIL(err, MERX_E_RANGE, place, "is %g; expected %g to %g", *r, f->min, f->max);
        if (*r == 0 && f->value != NULL && strtod(f->value, NULL) != 0)
            MX_FAIL(err, MERX_E_RANGE, place, "is 0; expected a number other than 0 (left out, it is %s)", f->value);
        return MERX_OK;
    case MX_FIELD_BOOL:
    case MX_FIELD_NOT:
        MX_TRY(read_bool(place, value, &flag, err));
        *(bool *)at = f->type == MX_FIELD_NOT ? !flag : flag;
        return MERX_OK;
    case MX_FIELD_ACTIVATION:
        MX_TRY(read_word(place, "activation", value, activation_words, COUNT(activation_words), &word, err));
        *v = word + 1; /* behind MERX_ACTIVATION_DEFAULT */
        return MERX_OK;
    case MX_FIELD_PADDING:
        MX_TRY(read_word(place, "padding", value, padding_words, COUNT(padding_words), &word, err));
        *v = word;
        return MERX_OK;
    }
    return MERX_OK;
}

/* "MaxPooling2D" and "max_pool2d" become the same. */
static void fold(const char *word, char out[64])
{
    static const struct {
        const char *from, *to;
    } shorter[] = {{"pooling", "pool"}, {"normalization", "norm"}};
    size_t n = 0;
    for (; *word != '\0' && n + 1 < 64; word++)
        if (*word != '_')
            out[n++] = (char)(*word >= 'A' && *word <= 'Z' ? *word + 32 : *word);
    out[n] = '\0';
    for (size_t i = 0; i < COUNT(shorter); i++) {
        char *found = strstr(out, shorter[i].from);
        if (found == NULL)
            continue;
        size_t from = strlen(shorter[i].from), to = strlen(shorter[i].to);
        memcpy(found, shorter[i].to, to);
        memmove(found + to, found + from, strlen(found + from) + 1);
    }
}

static const mx_layer_kind *find_kind(const char *word)
{
    char folded[64], one[64];
    fold(word, folded);
    for (size_t i = 0; mx_layer_kind_at(i) != NULL; i++) {
        fold(mx_layer_kind_at(i)->word, one);
        if (strcmp(folded, one) == 0)
            return mx_layer_kind_at(i);
    }
    return NULL;
}

static merx_status read_kind(const char *place, const json_t *value, const mx_layer_kind **out, merx_error *err)
{
    const char *word = json_string_value(value), *words[MERX_LAYERS];
    size_t count = 0;
    if (word == NULL)
        MX_FAIL(err, MERX_E_TYPE, place, "%s; expected {\"layer\": \"dense\", …}",
                value == NULL ? "names no layer" : "has no text as its \"layer\"");
    *out = find_kind(word);
    if (*out != NULL)
        return MERX_OK;
    for (size_t i = 0; mx_layer_kind_at(i) != NULL && count < MERX_LAYERS; i++)
        words[count++] = mx_layer_kind_at(i)->word;
    return unknown_word(place, "layer", word, words, count, err);
}

static merx_status unknown_option(const char *place, const char *key, const mx_layer_kind *kind, merx_error *err)
{
    const char *words[32] = {"layer", "name", "inputs"};
    size_t count = 3;
    for (const mx_field *f = kind->fields; f->name != NULL && count < COUNT(words); f++)
        words[count++] = f->name;
    char what[80];
    (void)snprintf(what, sizeof what, "option of %s", kind->word);
    return unknown_word(place, what, key, words, count, err);
}

static merx_status read_inputs(const char *place, const json_t *value, const merx_network *net,
                               int inputs[MX_NODE_INPUTS], size_t *n, merx_error *err)
{
    size_t count = json_is_string(value) ? 1 : json_array_size(value);
    const char *names[MX_MOST_NODES];
    if (count == 0 || count > MX_NODE_INPUTS)
        MX_FAIL(err, MERX_E_TYPE, place, "is %s; expected the names of 1 to %d layers",
                json_is_array(value) ? count == 0 ? "empty" : "too long a list" : type_name(value), MX_NODE_INPUTS);
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_is_string(value) ? value : json_array_get(value, i);
        const char *name = json_string_value(one);
        if (name == NULL)
            MX_FAIL(err, MERX_E_TYPE, place, "holds %s; expected names of layers", type_name(one));
        inputs[i] = merx_network_find(net, name);
        if (inputs[i] >= 0)
            continue;
        for (size_t k = 0; k < net->nodes; k++)
            names[k] = net->node[k].name;
        return unknown_word(place, "layer before it with the name", name, names, net->nodes < 12 ? net->nodes : 12,
                            err);
    }
    *n = count;
    return MERX_OK;
}

merx_status mx_network_read_layer(const char *place, json_t *one, merx_network *net, merx_error *err)
{
    const mx_layer_kind *kind;
    int inputs[MX_NODE_INPUTS] = {(int)net->nodes - 1};
    size_t n = 1;
    const char *key;
    json_t *value;
    char at[PLACE + 96];
    if (!json_is_object(one))
        MX_FAIL(err, MERX_E_TYPE, place, "is %s; expected {\"layer\": \"dense\", …}", type_name(one));
    MX_TRY(read_kind(place, json_object_get(one, "layer"), &kind, err));
    merx_layer layer = {.kind = kind->id};
    json_object_foreach(one, key, value)
    {
        (void)snprintf(at, sizeof at, "%s.%.80s", place, key);
        if (strcmp(key, "layer") == 0)
            continue;
        if (strcmp(key, "name") == 0) {
            layer.name = json_string_value(value);
            if (layer.name == NULL || *layer.name == '\0')
                MX_FAIL(err, MERX_E_TYPE, at, "is %s; expected a name",
                        layer.name != NULL ? "empty" : type_name(value));
            continue;
        }
        if (strcmp(key, "inputs") == 0) {
            MX_TRY(read_inputs(at, value, net, inputs, &n, err));
            continue;
        }
        const mx_field *f = kind->fields;
        while (f->name != NULL && strcmp(f->name, key) != 0)
            f++;
        if (f->name == NULL)
            return unknown_option(at, key, kind, err);
        MX_TRY(read_field(at, value, f, &layer, err));
    }
    for (const mx_field *f = kind->fields; f->name != NULL; f++)
        if (f->value == NULL && json_object_get(one, f->name) == NULL)
            MX_FAIL(err, MERX_E_INVALID, place, "%s needs \"%s\": %s", kind->word, f->name, f->text);
    if (merx_network_connect(net, layer, n, inputs) < 0)
        MX_FAIL(err, net->failure.code, place, "%.120s: %s", net->failure.where, net->failure.message);
    return MERX_OK;
}

static merx_status read_input(const json_t *value, merx_dims *out, merx_error *err)
{
    static const mx_field input = {.type = MX_FIELD_DIMS, .min = 1, .max = INT32_MAX};
    int v[MERX_DIMS] = {0};
    if (value == NULL)
        MX_FAIL(err, MERX_E_INVALID, "input", "is missing: the shape of one example, e.g. \"input\": [28, 28, 1]");
    MX_TRY(read_list("input", value, &input, MERX_DIMS, v, err));
    *out = (merx_dims){.rank = json_array_size(value)};
    for (size_t i = 0; i < out->rank; i++)
        out->dim[i] = (size_t)v[i];
    return MERX_OK;
}

merx_status mx_network_read_optimizer(json_t *root, merx_optimizer *out, merx_error *err)
{
    merx_optimizer o = {0};
    json_t *value, *name = json_is_object(root) ? json_object_get(root, "name") : root;
    const char *key, *words[COUNT(optimizer_fields) + 3] = {"name", "nesterov", "schedule"};
    char at[PLACE];
    int word;
    if (name == NULL)
        MX_FAIL(err, MERX_E_INVALID, "optimizer", "has no \"name\"; expected {\"name\": \"adam\", …}");
    MX_TRY(read_word(json_is_object(root) ? "optimizer.name" : "optimizer", "optimizer", name, optimizer_words,
                     COUNT(optimizer_words), &word, err));
    o.kind = word == WORD_ADAMW ? MERX_OPTIMIZER_ADAM : (merx_optimizer_kind)word;
    o.weight_decay = word == WORD_ADAMW ? 0.004 : 0; /* Keras's */
    for (size_t i = 0; i < COUNT(optimizer_fields); i++)
        words[3 + i] = optimizer_fields[i].name;
    if (json_is_object(root))
        json_object_foreach(root, key, value)
        {
            const optimizer_field *f = NULL;
            (void)snprintf(at, sizeof at, "optimizer.%.80s", key);
            for (size_t i = 0; i < COUNT(optimizer_fields); i++)
                if (strcmp(key, optimizer_fields[i].name) == 0 ||
                    (optimizer_fields[i].other != NULL && strcmp(key, optimizer_fields[i].other) == 0))
                    f = &optimizer_fields[i];
            if (f != NULL) {
                MX_TRY(read_real(at, value, optimizer_at(&o, f), err));
                if (*optimizer_at(&o, f) == 0 && !f->can_be_zero)
                    MX_FAIL(err, MERX_E_RANGE, at, "is 0; expected a number above 0");
            } else if (strcmp(key, "nesterov") == 0) {
                MX_TRY(read_bool(at, value, &o.nesterov, err));
            } else if (strcmp(key, "schedule") == 0) {
                MX_TRY(read_word(at, "schedule", value, schedule_words, COUNT(schedule_words), &word, err));
                o.schedule = (merx_schedule_kind)word;
            } else if (strcmp(key, "name") != 0) {
                return unknown_word(at, "option of an optimizer", key, words, COUNT(words), err);
            }
        }
    merx_optimizer settled = mx_optimizer_defaults(o);
    MX_TRY(mx_optimizer_check(&settled, err));
    if (out != NULL)
        *out = settled;
    return MERX_OK;
}

static merx_status read_network(json_t *root, const merx_allocator *alloc, merx_optimizer *optimizer, merx_loss *loss,
                                merx_network **out, merx_error *err)
{
    static const char *const keys[] = {"input", "layers", "optimizer", "loss"};
    const char *key;
    json_t *value;
    merx_dims input;
    merx_optimizer new_optimizer;
    int new_loss = 0;
    merx_status status;
    if (!json_is_object(root))
        MX_FAIL(err, MERX_E_TYPE, "network", "is %s; expected {\"input\": […], \"layers\": […]}", type_name(root));
    json_object_foreach(root, key, value)
    {
        bool known = false;
        for (size_t i = 0; i < COUNT(keys); i++)
            known |= strcmp(key, keys[i]) == 0;
        if (!known)
            return unknown_word("network", "part of a network", key, keys, COUNT(keys), err);
    }
    MX_TRY(read_input(json_object_get(root, "input"), &input, err));
    const json_t *layers = json_object_get(root, "layers"), *given;
    size_t n = json_array_size(layers);
    if (!json_is_array(layers) || n == 0)
        MX_FAIL(err, MERX_E_TYPE, "layers", "%s; expected a list of layers",
                layers == NULL                    ? "is missing"
                : n == 0 && json_is_array(layers) ? "is empty"
                                                  : "is no list");
    if (n >= MX_MOST_NODES)
        MX_FAIL(err, MERX_E_LIMIT, "layers", "has %zu layers; a network has at most %d", n, MX_MOST_NODES - 1);
    merx_network *net = merx_network_new(alloc, input);
    if (net == NULL)
        MX_FAIL(err, MERX_E_MEMORY, "network", "no memory for it");
    if (net->failure.code != MERX_OK)
        MX_FAIL_GOTO(err, net->failure.code, net->failure.where, "%s", net->failure.message);
    for (size_t i = 0; i < n; i++) {
        char place[PLACE];
        (void)snprintf(place, sizeof place, "layers[%zu]", i);
        MX_TRY_GOTO(mx_network_read_layer(place, json_array_get(layers, i), net, err));
    }
    given = json_object_get(root, "loss");
    if (given != NULL)
        MX_TRY_GOTO(read_word("loss", "loss", given, loss_words, COUNT(loss_words), &new_loss, err));
    if (json_object_get(root, "optimizer") != NULL) {
        MX_TRY_GOTO(mx_network_read_optimizer(json_object_get(root, "optimizer"), &new_optimizer, err));
        if (optimizer != NULL)
            *optimizer = new_optimizer;
    }
    if (given != NULL && loss != NULL)
        *loss = (merx_loss)new_loss;
    *out = net;
    return MERX_OK;
out:
    merx_network_free(net);
    return status;
}

merx_status merx_network_from_json(const merx_allocator *alloc, const char *text, merx_optimizer *optimizer,
                                   merx_loss *loss, merx_network **out, merx_error *err)
{
    json_error_t where;
    *out = NULL;
    size_t size = strnlen(text, MOST_TEXT + 1);
    if (size > MOST_TEXT)
        MX_FAIL(err, MERX_E_LIMIT, "network", "its text has more than %d bytes", MOST_TEXT);
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
    if (root == NULL && json_error_code(&where) == json_error_out_of_memory)
        MX_FAIL(err, MERX_E_MEMORY, "network", "no memory for its text");
    if (root == NULL)
        MX_FAIL(err, MERX_E_PARSE, "network", "line %d, column %d: %s", where.line, where.column, where.text);
    merx_status status = read_network(root, alloc, optimizer, loss, out, err);
    json_decref(root);
    return status;
}
