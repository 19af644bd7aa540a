/*
 * merx network: networks as files: looked at, given to others, taken from others.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "merx/network.h"

enum { MOST_SPEC = 16 << 20 };

static bool ends(const char *path, const char *end)
{
    size_t size = strlen(path), tail = strlen(end);
    return size >= tail && strcmp(path + size - tail, end) == 0;
}

/* The whole file, terminated; NULL after a message. */
static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "merx: %s: %s\n", path, strerror(errno));
        return NULL;
    }
    char *text = malloc(MOST_SPEC + 1);
    const char *problem = "no memory to read it";
    if (text) {
        size_t size = fread(text, 1, MOST_SPEC + 1, file);
        problem = ferror(file)                    ? "can't be read"
                  : size > MOST_SPEC              ? "is larger than 16 MiB; expected JSON"
                  : memchr(text, 0, size) != NULL ? "holds a zero byte; expected JSON"
                                                  : NULL;
        text[size <= MOST_SPEC ? size : 0] = '\0';
    }
    fclose(file);
    if (!problem)
        return text;
    fprintf(stderr, "merx: %s: %s\n", path, problem);
    free(text);
    return NULL;
}

/* A network of JSON, its weights drawn by the seed. */
static int from_json(const char *path, merx_task *task, merx_network **net)
{
    merx_error err = {0}, inner = {0};
    merx_optimizer optimizer = MERX_ADAM();
    merx_loss loss = MERX_LOSSES;
    char *text = read_text(path);
    if (!text)
        return 1;
    merx_status status = merx_network_from_json(merx_task_allocator(task), text, &optimizer, &loss, net, &inner);
    free(text);
    static const merx_loss tried[] = {MERX_CATEGORICAL_CROSSENTROPY, MERX_BINARY_CROSSENTROPY, MERX_MEAN_SQUARED_ERROR};
    if (status == MERX_OK && loss != MERX_LOSSES)
        status = merx_network_compile(*net, optimizer, loss, task, &inner);
    else if (status == MERX_OK) /* none was said: the one that fits the output */
        for (size_t i = 0; i < 3; i++) {
            memset(&inner, 0, sizeof inner);
            status = merx_network_compile(*net, optimizer, tried[i], task, &inner);
            if (status == MERX_OK)
                break;
        }
    if (status == MERX_OK)
        return 0;
    snprintf(err.where, sizeof err.where, "%.100s: %.100s", path, inner.where);
    memcpy(err.message, inner.message, sizeof err.message);
    err.code = status;
    return cli_fail(&err);
}

/* Whatever the file is: its name says it. */
static int open_network(const cli_arguments *arguments, const char *path, merx_task *task, merx_network **net)
{
    merx_error err = {0};
    const char *spec = cli_value(arguments, "spec");
    merx_status status;
    if (ends(path, ".h5") && !spec)
        return cli_usage_error(arguments->command,
                               "%s holds weights alone: give --spec FILE, the network that they are for, as JSON",
                               path);
    if (spec && !ends(path, ".h5") && !ends(path, ".keras"))
        return cli_usage_error(arguments->command, "--spec is for weights of Keras (.weights.h5, .keras)");
    if (spec) {
        int code = from_json(spec, task, net);
        if (code)
            return code;
        status = merx_network_load_keras(*net, path, &err);
    } else if (ends(path, ".json")) {
        return from_json(path, task, net);
    } else if (ends(path, ".onnx")) {
        status = merx_network_import_onnx(merx_task_allocator(task), path, net, &err);
    } else if (ends(path, ".keras")) {
        status = merx_network_import_keras(merx_task_allocator(task), path, net, &err);
    } else {
        status = merx_network_load(merx_task_allocator(task), path, net, &err);
        if (status == MERX_E_CORRUPT)
            fprintf(stderr,
                    "merx: %s: taken for a file of merx, as its name ends in none of .json, .onnx, .keras and "
                    ".weights.h5\n",
                    path);
    }
    return status == MERX_OK ? 0 : cli_fail(&err);
}

/* ---- what is said of it ---- */

static json_t *dims_json(merx_dims dims)
{
    json_t *list = json_array();
    for (size_t i = 0; i < dims.rank; i++)
        json_array_append_new(list, json_integer((json_int_t)dims.dim[i]));
    return list;
}

static const char *kind_word(merx_layer_kind kind)
{
    static const char *const words[] = {"input",
#define WORD(name, word, member, type) #word,
                                        MERX_LAYER_TABLE(WORD)
#undef WORD
    };
    return words[kind];
}

static json_t *network_json(const merx_network *net, const char *path)
{
    json_t *layers = json_array();
    size_t nodes = merx_network_nodes(net), weights = 0;
    for (size_t i = 0; i < nodes; i++) {
        merx_node node = merx_network_node(net, (int)i);
        weights += node.weights;
        json_array_append_new(layers,
                              json_pack("{s:s, s:s, s:o, s:I}", "name", node.name, "layer", kind_word(node.kind),
                                        "output", dims_json(node.output), "weights", (json_int_t)node.weights));
    }
    return json_pack("{s:o, s:o, s:o, s:I, s:o}", "file", cli_json_or_null(path), "input",
                     dims_json(merx_network_node(net, 0).output), "output",
                     dims_json(merx_network_node(net, (int)nodes - 1).output), "weights", (json_int_t)weights, "layers",
                     layers);
}

static int say(const cli_arguments *arguments, const merx_network *net, const char *path)
{
    merx_error err = {0};
    char *text;
    if (cli_has(arguments, "json"))
        return cli_print_json(network_json(net, path));
    if (merx_network_summary(net, &text, &err) != MERX_OK)
        return cli_fail(&err);
    cli_print_text(text);
    return 0;
}

/* ---- export ---- */

static int write_json(const merx_network *net, const char *out)
{
    merx_error err = {0};
    char *text;
    if (merx_network_to_json(net, &text, &err) != MERX_OK)
        return cli_fail(&err);
    FILE *file = out ? fopen(out, "wb") : stdout;
    bool written = file && fputs(text, file) >= 0;
    if (out && file && fclose(file) != 0)
        written = false;
    merx_text_free(text);
    if (written)
        return 0;
    fprintf(stderr, "merx: %s: can't be written: %s\n", out ? out : "standard output", strerror(errno));
    return 1;
}

static int export_network(const cli_arguments *arguments, const merx_network *net, const char *out)
{
    merx_error err = {0};
    int code = 0;
    if (!out)
        return write_json(net, NULL);
    if (ends(out, ".json"))
        code = write_json(net, out);
    else if (merx_network_export_onnx(net, out, &err) != MERX_OK)
        code = cli_fail(&err);
    if (code == 0 && cli_has(arguments, "json"))
        return cli_print_json(network_json(net, out));
    if (code == 0)
        cli_note(arguments, "%s: %s", out,
                 ends(out, ".json")
                     ? "the layers, without their weights"
                     : "ONNX, opset 17; what a model does to the columns before its network is not in it");
    return code;
}

/* ---- import ---- */

static int import_network(const cli_arguments *arguments, const merx_network *net, const char *out)
{
    merx_error err = {0};
    if (merx_network_save(net, out, &err) != MERX_OK)
        return cli_fail(&err);
    int code = say(arguments, net, out);
    if (code == 0)
        cli_note(arguments,
                 "network: %s (merx fit network TABLE --target COLUMN --spec %s --epochs 0 --out MODEL: a model that "
                 "predicts with it)",
                 out, out);
    return code;
}

static int run(cli_arguments *arguments)
{
    const char *what = arguments->positional[0], *path = arguments->positional[1], *out = cli_value(arguments, "out");
    bool exports = strcmp(what, "export") == 0, imports = strcmp(what, "import") == 0,
         sums = strcmp(what, "summary") == 0;
    merx_task *task = NULL;
    merx_network *net = NULL;
    if (!exports && !imports && !sums)
        return cli_usage_error(arguments->command, "\"%s\" is none of summary, export, import", what);
    if (sums && out)
        return cli_usage_error(arguments->command, "--out is for export and import");
    if (imports && !out)
        return cli_usage_error(arguments->command, "where to? give --out FILE");
    if (imports && ends(path, ".json"))
        return cli_usage_error(arguments->command, "%s holds no weights: give it to merx fit network as --spec", path);
    if (exports && out && !ends(out, ".onnx") && !ends(out, ".json"))
        return cli_usage_error(arguments->command, "--out is \"%s\": expected a name that ends in .onnx or .json", out);
    int code = cli_task(arguments, &task);
    if (code == 0)
        code = open_network(arguments, path, task, &net);
    if (code == 0)
        code = sums      ? say(arguments, net, path)
               : exports ? export_network(arguments, net, out)
                         : import_network(arguments, net, out);
    merx_network_free(net);
    merx_task_free(task);
    return code;
}

static const cli_flag flags[] = {
    {"out", "FILE",
     "export: a name that ends in .onnx or .json (without it, JSON is printed); import: merx's own file"},
    {"spec", "FILE", "import: the network of a .weights.h5, as JSON (docs/models/network.md)"},
    {NULL, NULL, NULL},
};

const cli_command cmd_network = {
    .name = "network",
    .usage = "summary|export|import FILE [--out FILE] [--spec FILE]",
    .summary = "networks as files: look at one, write ONNX, read ONNX and Keras",
    .text = "FILE is a network or a model that merx wrote, .json (the layers), .onnx, .keras, or .weights.h5 with the "
            "layers in --spec. summary prints its layers. export writes ONNX, or the layers as JSON. import writes "
            "merx's own file, which merx fit network takes as --spec: its weights are kept with --epochs 0, and "
            "trained on with more.",
    .examples = "merx network summary clothes.merx\n"
                "merx network export clothes.merx --out clothes.onnx\n"
                "merx network import clothes.keras --out net.merx\n"
                "merx network import clothes.weights.h5 --spec clothes.json --out net.merx\n"
                "merx fit network images.gz --target label --spec net.merx --epochs 0 --out clothes.merx\n",
    .flags = flags,
    .min_positional = 2,
    .max_positional = 2,
    .run = run,
};
