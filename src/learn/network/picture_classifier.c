#include "learn/network/picture_classifier.h"

#include <math.h>
#include <string.h>

#include "base/run.h"
#include "learn/network/network_file.h"

/* MANY: so many pictures want less to be made of each. */
enum { RUN_BLOCK = 8, LARGEST_STEM = 40, SMALLEST_MAP = 8, MANY = 20000 };

static double or_default(double value, double standard)
{
    return value < 0 ? 0 : value == 0 ? standard : value;
}

static mx_picture_recipe settle(const mx_picture_recipe *recipe, size_t n)
{
    mx_picture_recipe r = *recipe;
    bool many = n >= MANY;
    r.filters = r.filters ? r.filters : 24;
    r.blocks = r.blocks ? r.blocks : 1;
    r.epochs = r.epochs ? r.epochs : 20;
    r.batch_size = r.batch_size ? r.batch_size : 64;
    r.learning_rate = r.learning_rate != 0 ? r.learning_rate : 0.004;
    r.weight_decay = or_default(r.weight_decay, many ? 0.05 : 0.1);
    r.label_smoothing = or_default(r.label_smoothing, 0.1);
    r.augment = or_default(r.augment, 1);
    r.zoom = r.augment * or_default(r.zoom, many ? 0.12 : 0.4);
    r.colour = r.augment * or_default(r.colour, many ? 0.1 : 0.25);
    r.erase = r.augment * or_default(r.erase, many ? 0 : 0.2);
    return r;
}

static merx_status check(const mx_picture_recipe *r, merx_error *err)
{
    if (r->height < 8 || r->height > 512 || r->width < 8 || r->width > 512)
        MX_FAIL(err, MERX_E_RANGE, "pictures", "they are %zu x %zu; expected 8 x 8 to 512 x 512", r->height, r->width);
    if (r->channels != 1 && r->channels != 3)
        MX_FAIL(err, MERX_E_RANGE, "pictures", "they have %zu channels; expected 1 or 3", r->channels);
    if (r->classes < 2 || r->classes > 4096)
        MX_FAIL(err, MERX_E_RANGE, "pictures", "there are %zu classes; expected 2 to 4096", r->classes);
    if (r->filters < 4 || r->filters > 512)
        MX_FAIL(err, MERX_E_RANGE, "filters", "is %d; expected 4 to 512", r->filters);
    if (r->blocks < 1 || r->blocks > 8)
        MX_FAIL(err, MERX_E_RANGE, "blocks", "is %d; expected 1 to 8", r->blocks);
    if (!(r->learning_rate > 0 && r->learning_rate <= 1))
        MX_FAIL(err, MERX_E_RANGE, "learning_rate", "is %g; expected above 0 to 1", r->learning_rate);
    return MERX_OK;
}

/* ---- the network ---- */

/* Convolution and normalisation behind a node; relu: with it behind. Returns the last one's number. */
static int add_convolution(merx_network *net, int from, int filters, int stride, bool relu)
{
    int node = merx_network_connect(net,
                                    MERX_CONV2D(.filters = filters, .kernel = {3, 3}, .strides = {stride, stride},
                                                .padding = MERX_SAME, .no_bias = true),
                                    1, &from);
    node = merx_network_connect(net, MERX_BATCH_NORM(.momentum = 0.9), 1, &node);
    return relu ? merx_network_connect(net, MERX_ACTIVATION(MERX_RELU), 1, &node) : node;
}

static int named(merx_layer layer, const char *name, merx_network *net, int from)
{
    layer.name = name;
    return merx_network_connect(net, layer, 1, &from);
}

static int add_block(merx_network *net, int from, int filters, const char *name)
{
    int inner = add_convolution(net, from, filters, 1, true);
    inner = add_convolution(net, inner, filters, 1, false);
    int sum = merx_network_connect(net, MERX_ADD(), 2, (int[]){from, inner});
    return name ? named(MERX_ACTIVATION(MERX_RELU), name, net, sum)
                : merx_network_connect(net, MERX_ACTIVATION(MERX_RELU), 1, &sum);
}

static size_t halved(size_t side)
{
    return (side + 1) / 2;
}

/* Residual blocks of a stage; the last stage's last one is the map. */
static int add_blocks(merx_network *net, int from, int filters, int blocks, bool last)
{
    for (int b = 0; b < blocks; b++)
        from = add_block(net, from, filters, last && b == blocks - 1 ? "map" : NULL);
    return from;
}

/* What can't be is told by compile. */
static void build(merx_network *net, const mx_picture_recipe *r)
{
    size_t side = r->height > r->width ? r->height : r->width;
    int filters = r->filters, node;
    node = named(MERX_BATCH_NORM(.no_scale = true, .no_center = true, .momentum = 0.9), "standard", net, 0);
    if (side > LARGEST_STEM) {
        for (; side > LARGEST_STEM; side = halved(side))
            node = add_convolution(net, node, filters, 2, true);
    } else if (side > SMALLEST_MAP) {
        /* Convolution, bias, relu and pooling go over a small picture in one pass. */
        filters *= 2;
        node = merx_network_connect(
            net, MERX_CONV2D(.filters = filters, .kernel = {3, 3}, .padding = MERX_SAME, .activation = MERX_RELU), 1,
            &node);
        node = merx_network_connect(net, MERX_MAX_POOL2D(.pool = {2, 2}), 1, &node);
        side /= 2;
        node = add_blocks(net, node, filters, r->blocks, side <= SMALLEST_MAP);
    } else {
        node = add_convolution(net, node, filters, 1, true);
        node = add_blocks(net, node, filters, r->blocks, true);
    }
    while (side > SMALLEST_MAP) {
        filters *= 2;
        node = add_convolution(net, node, filters, 2, true);
        side = halved(side);
        node = add_blocks(net, node, filters, r->blocks, side <= SMALLEST_MAP);
    }
    node = named(MERX_GLOBAL_AVERAGE_POOL2D(), "features", net, node);
    named(MERX_DENSE(.units = (int)r->classes, .activation = MERX_SOFTMAX), "classes", net, node);
}

/* The nodes that maps and features are read from, looked for by their names: the network may come from a file. */
static merx_status find_places(mx_picture_classifier *c, const char *where, merx_error *err)
{
    const merx_network *net = c->net;
    int pooled = merx_network_find(net, "features"), last = (int)merx_network_nodes(net) - 1;
    merx_node output = merx_network_node(net, last);
    c->map = merx_network_find(net, "map");
    bool right = c->map > 0 && pooled > 0 && merx_network_find(net, "classes") == last &&
                 output.kind == MERX_LAYER_DENSE && output.inputs == 1 && output.input[0] == pooled;
    if (right) {
        merx_node features = merx_network_node(net, pooled), map = merx_network_node(net, c->map);
        right = features.kind == MERX_LAYER_GLOBAL_AVERAGE_POOL2D && features.input[0] == c->map &&
                map.output.rank == 3 && merx_network_node(net, 0).output.rank == 3;
    }
    if (!right)
        MX_FAIL(err, MERX_E_CORRUPT, where, "its network is not that of a classifier of pictures");
    merx_dims in = merx_network_node(net, 0).output, map = merx_network_node(net, c->map).output;
    c->height = in.dim[0], c->width = in.dim[1], c->channels = in.dim[2];
    c->map_height = map.dim[0], c->map_width = map.dim[1], c->features = map.dim[2];
    c->classes = output.output.dim[0];
    size_t n = merx_network_weights(net);
    for (size_t i = 0; i < n; i++) {
        merx_weight w = merx_network_weight(net, i);
        if (strcmp(w.name, "classes/kernel") == 0)
            c->kernel = w.values;
        else if (strcmp(w.name, "classes/bias") == 0)
            c->bias = w.values;
    }
    if (!c->kernel || !c->bias)
        MX_FAIL(err, MERX_E_CORRUPT, where, "its network's last layer has no bias");
    return MERX_OK;
}

/* ---- training ---- */

merx_status mx_picture_classifier_fit(const mx_picture_recipe *recipe, const unsigned char *pixels,
                                      const int32_t *labels, size_t n, const merx_allocator *alloc, merx_task *task,
                                      mx_picture_classifier *out, merx_history *history, merx_error *err)
{
    mx_picture_recipe r = settle(recipe, n);
    merx_status status;
    *out = (mx_picture_classifier){.mirrored = !r.unmirrored};
    MX_TRY(check(&r, err));
    out->net = merx_network_new(alloc, MERX_INPUT(r.height, r.width, r.channels));
    if (!out->net)
        MX_FAIL(err, MERX_E_MEMORY, "pictures", "no memory for the network");
    build(out->net, &r);
    merx_optimizer optimizer = MERX_ADAM(.learning_rate = r.learning_rate, .weight_decay = r.weight_decay,
                                         .schedule = MERX_COSINE_DECAY, .warmup_epochs = r.epochs < 5 ? 0.5 : 1);
    MX_TRY_GOTO(merx_network_compile(out->net, optimizer, MERX_CATEGORICAL_CROSSENTROPY, task, err));
    merx_examples examples = {.n = n, .bytes = pixels, .labels = labels};
    merx_fit_options options = {.epochs = r.epochs,
                                .batch_size = r.batch_size,
                                .label_smoothing = r.label_smoothing,
                                .augmentation = {.flip = !r.unmirrored,
                                                 .zoom = r.zoom,
                                                 .brightness = r.channels == 3 ? r.colour : 0,
                                                 .contrast = r.channels == 3 ? r.colour : 0,
                                                 .colour = r.channels == 3 ? r.colour / 2 : 0,
                                                 .erase = r.erase}};
    MX_TRY_GOTO(merx_network_fit(out->net, &examples, &options, task, history, err));
    MX_TRY_GOTO(find_places(out, "pictures", err));
    return MERX_OK;
out:
    mx_picture_classifier_release(out);
    return status;
}

void mx_picture_classifier_release(mx_picture_classifier *c)
{
    merx_network_free(c->net);
    *c = (mx_picture_classifier){0};
}

/* ---- running ---- */

typedef struct views {
    const mx_picture_classifier *c;
    const unsigned char *pixels;
    size_t n;
    float *features;
    double *logits;
    merx_runner **runner; /* one a thread */
    float *x;             /* (threads, RUN_BLOCK, h w c) */
    double *sums;         /* (threads, d) */
} views;

static void load(const mx_picture_classifier *c, const unsigned char *pixels, bool mirror, float *x)
{
    size_t w = c->width, channels = c->channels;
    for (size_t i = 0; i < c->height; i++)
        for (size_t j = 0; j < w; j++)
            for (size_t l = 0; l < channels; l++)
                x[(i * w + j) * channels + l] =
                    (float)pixels[(i * w + (mirror ? w - 1 - j : j)) * channels + l] * (1.0F / 255);
}

static void logits_of(const mx_picture_classifier *c, const double *features, double *logits)
{
    for (size_t k = 0; k < c->classes; k++)
        logits[k] = (double)c->bias[k];
    for (size_t d = 0; d < c->features; d++)
        for (size_t k = 0; k < c->classes; k++)
            logits[k] += features[d] * (double)c->kernel[d * c->classes + k];
}

static merx_status run_block(void *context, size_t block, merx_error *err)
{
    (void)err;
    const views *v = context;
    const mx_picture_classifier *c = v->c;
    size_t first = block * RUN_BLOCK, n = v->n - first < RUN_BLOCK ? v->n - first : RUN_BLOCK, worker,
           size = c->height * c->width * c->channels, p = c->map_height * c->map_width, d = c->features,
           looks = c->mirrored ? 2 : 1;
    worker = (size_t)mx_worker_index();
    float *x = v->x + worker * RUN_BLOCK * size;
    double *sums = v->sums + worker * RUN_BLOCK * d;
    memset(sums, 0, RUN_BLOCK * d * sizeof *sums);
    for (size_t look = 0; look < looks; look++) {
        for (size_t i = 0; i < n; i++)
            load(c, v->pixels + (first + i) * size, look == 1, x + i * size);
        (void)merx_runner_run(v->runner[worker], x, n);
        const float *map = merx_runner_node(v->runner[worker], c->map);
        for (size_t i = 0; i < n; i++)
            for (size_t q = 0; q < p; q++)
                for (size_t l = 0; l < d; l++)
                    sums[i * d + l] += (double)map[(i * p + q) * d + l] / (double)(p * looks);
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t l = 0; v->features && l < d; l++)
            v->features[(first + i) * d + l] = (float)sums[i * d + l];
        if (v->logits)
            logits_of(c, sums + i * d, v->logits + (first + i) * c->classes);
    }
    return MERX_OK;
}

merx_status mx_picture_classifier_run(const mx_picture_classifier *c, const unsigned char *pixels, size_t n,
                                      merx_task *task, float *features, double *logits, merx_error *err)
{
    const merx_allocator *alloc = merx_task_allocator(task);
    size_t threads = (size_t)merx_task_threads(task), size = c->height * c->width * c->channels;
    views v = {.c = c, .pixels = pixels, .n = n, .features = features, .logits = logits};
    merx_status status;
    threads = n <= RUN_BLOCK ? 1 : threads;
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, threads, &v.runner, "runners", err));
    for (size_t t = 0; t < threads; t++)
        MX_TRY_GOTO(merx_runner_new(c->net, n < RUN_BLOCK ? n : RUN_BLOCK, true, &v.runner[t], err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, threads * RUN_BLOCK * size, &v.x, "pictures", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, threads * RUN_BLOCK * c->features, &v.sums, "features", err));
    MX_TRY_GOTO(mx_parallel(task, (n + RUN_BLOCK - 1) / RUN_BLOCK, run_block, &v, err));
out:
    for (size_t t = 0; v.runner && t < threads; t++)
        merx_runner_free(v.runner[t]);
    MX_FREE_ARRAY(alloc, v.runner, threads);
    MX_FREE_ARRAY(alloc, v.x, threads * RUN_BLOCK * size);
    MX_FREE_ARRAY(alloc, v.sums, threads * RUN_BLOCK * c->features);
    return status;
}

merx_status mx_picture_classifier_map(const mx_picture_classifier *c, const unsigned char *pixels, size_t label,
                                      double *map, double *bias, merx_error *err)
{
    const merx_allocator *alloc = c->net->alloc;
    size_t size = c->height * c->width * c->channels, p = c->map_height * c->map_width, looks = c->mirrored ? 2 : 1;
    merx_runner *runner = NULL;
    float *x = NULL;
    merx_status status;
    MX_TRY_GOTO(merx_runner_new(c->net, 1, true, &runner, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, size, &x, "picture", err));
    memset(map, 0, p * sizeof *map);
    for (size_t look = 0; look < looks; look++) {
        load(c, pixels, look == 1, x);
        (void)merx_runner_run(runner, x, 1);
        const float *m = merx_runner_node(runner, c->map);
        for (size_t i = 0; i < c->map_height; i++)
            for (size_t j = 0; j < c->map_width; j++) {
                const float *at = m + (i * c->map_width + (look == 1 ? c->map_width - 1 - j : j)) * c->features;
                double sum = 0;
                for (size_t l = 0; l < c->features; l++)
                    sum += (double)at[l] * (double)c->kernel[l * c->classes + label];
                map[i * c->map_width + j] += sum / (double)(p * looks);
            }
    }
    *bias = (double)c->bias[label];
out:
    merx_runner_free(runner);
    MX_FREE_ARRAY(alloc, x, size);
    return status;
}

void mx_picture_probabilities(const double *logits, size_t k, double *p)
{
    double most = logits[0], sum = 0;
    for (size_t i = 1; i < k; i++)
        most = logits[i] > most ? logits[i] : most;
    for (size_t i = 0; i < k; i++)
        sum += p[i] = exp(logits[i] - most);
    for (size_t i = 0; i < k; i++)
        p[i] /= sum;
}

/* ---- files ---- */

merx_status mx_picture_classifier_write(const mx_picture_classifier *c, mx_tensor_writer *writer, mx_arena *arena,
                                        merx_error *err)
{
    merx_network copy = *c->net;
    copy.weights = mx_arena_array(arena, copy.size, sizeof *copy.weights, err);
    if (!copy.weights)
        return MERX_E_MEMORY;
    memcpy(copy.weights, c->net->weights, copy.size * sizeof *copy.weights);
    MX_TRY(mx_tensor_writer_meta(writer, "mirrored", c->mirrored ? "true" : "false", err));
    return mx_network_write(&copy, false, writer, err);
}

merx_status mx_picture_classifier_read(const mx_tensor_file *file, const merx_allocator *alloc,
                                       mx_picture_classifier *out, merx_error *err)
{
    const char *mirrored = mx_tensor_file_meta(file, "mirrored"), *where = mx_tensor_file_name(file);
    *out = (mx_picture_classifier){0};
    if (!mirrored || (strcmp(mirrored, "true") != 0 && strcmp(mirrored, "false") != 0))
        MX_FAIL(err, MERX_E_CORRUPT, where, "metadata \"mirrored\" is neither true nor false");
    MX_TRY(mx_network_read(file, alloc, &out->net, err));
    out->mirrored = strcmp(mirrored, "true") == 0;
    merx_status status = find_places(out, where, err);
    if (status != MERX_OK)
        mx_picture_classifier_release(out);
    return status;
}
