/*
 * The families `network` and `network_regressor`: a network (merx/network.h) behind the model contract. The network is that of a JSON text (option `spec`), whose input
 * takes the columns in their order under any shape with as many numbers, or dense layers; or it is a file of one that has weights, which the fit goes on from.
 *
 * Rows held out for early stopping are drawn by the task's seed. A number is learnt as (y - mean) / standard deviation.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "base/sort.h"
#include "io/file.h"
#include "io/tensor_file.h"
#include "learn/network/network_family.h"

enum { MOST_SPEC = 16 << 20 };

#define SHARED_OPTIONS                                                                                                   \
    {"spec",                                                                                                             \
     MERX_OPTION_TEXT,                                                                                                   \
     0,                                                                                                                  \
     0,                                                                                                                  \
     "",                                                                                                                 \
     NULL,                                                                                                               \
     "The network: a file of JSON, or the JSON itself (it begins with {), or a file of a network or model whose "        \
     "weights the fit goes on from; empty for dense layers. docs/models/network.md says how it is written."},            \
        {"hidden_layers",                                                                                                \
         MERX_OPTION_INT,                                                                                                \
         0,                                                                                                              \
         64,                                                                                                             \
         "2",                                                                                                            \
         NULL,                                                                                                           \
         "Without spec: dense layers with relu before the last one."},                                                   \
        {"hidden_units", MERX_OPTION_INT, 1, 65536, "64", NULL, "Without spec: outputs of each of them."},               \
        {"dropout", MERX_OPTION_REAL, 0, 0.99, "0", NULL, "Without spec: share of their outputs set to 0 in training."}, \
        {"epochs",                                                                                                       \
         MERX_OPTION_INT,                                                                                                \
         0,                                                                                                              \
         100000,                                                                                                         \
         "20",                                                                                                           \
         NULL,                                                                                                           \
         "Most passes over the rows. 0: the weights of the file that spec names stay as they are."},                     \
        {"batch_size", MERX_OPTION_INT, 1, 65536, "32", NULL, "Rows of a step."},                                        \
        {"optimizer",                                                                                                    \
         MERX_OPTION_CHOICE,                                                                                             \
         0,                                                                                                              \
         0,                                                                                                              \
         NULL,                                                                                                           \
         "adam|adamw|sgd|adagrad",                                                                                       \
         "How weights are moved (unset: the spec's, or adam)."},                                                         \
        {"learning_rate",                                                                                                \
         MERX_OPTION_REAL,                                                                                               \
         1e-9,                                                                                                           \
         1000,                                                                                                           \
         NULL,                                                                                                           \
         NULL,                                                                                                           \
         "Step of the optimizer (unset: the spec's; 0.001; 0.01 of sgd)."},                                              \
        {"schedule",                                                                                                     \
         MERX_OPTION_CHOICE,                                                                                             \
         0,                                                                                                              \
         0,                                                                                                              \
         NULL,                                                                                                           \
         "constant|cosine|steps|exponential_decay",                                                                      \
         "The learning rate's course (unset: the spec's, or constant). steps, exponential_decay: to a tenth per "        \
         "epoch."},                                                                                                      \
        {"validation_share",                                                                                             \
         MERX_OPTION_REAL,                                                                                               \
         0,                                                                                                              \
         0.9,                                                                                                            \
         "0.1",                                                                                                          \
         NULL,                                                                                                           \
         "Share of the rows held out by seed; the weights of the epoch that tells them best are kept. 0: none, the "     \
         "last epoch's."},                                                                                               \
        {"patience",                                                                                                     \
         MERX_OPTION_INT,                                                                                                \
         0,                                                                                                              \
         100000,                                                                                                         \
         "5",                                                                                                            \
         NULL,                                                                                                           \
         "The fit ends when the held-out loss has not fallen for so many epochs; 0: never. Without held-out rows: "      \
         "the training loss."},                                                                                          \
        {"curves_file", MERX_OPTION_TEXT, 0, 0, "", NULL, "Where an SVG of the learning curves goes; empty: nowhere."},  \
    {                                                                                                                    \
        "log_file", MERX_OPTION_TEXT, 0, 0, "", NULL, "Where a CSV of the epochs goes; empty: nowhere."                  \
    }

static const merx_option classifier_options[] = {
    SHARED_OPTIONS,
    {"class_weight", MERX_OPTION_CHOICE, 0, 0, "none", "none|balanced",
     "balanced: rows are weighted so that each class has the same total weight."},
    {0},
};
static const merx_option regressor_options[] = {
    SHARED_OPTIONS,
    {"loss", MERX_OPTION_CHOICE, 0, 0, NULL, "mean_squared_error|mean_absolute_error|huber",
     "What is minimised (unset: the spec's, or mean_squared_error)."},
    {0},
};

/* ---- the network ---- */

/* How the network learns, and where it comes from. */
typedef struct learning {
    merx_optimizer optimizer;
    merx_loss loss;
    bool loaded;        /* from a file, with weights */
    double mean, scale; /* loaded: what it tells is mean + scale x output */
} learning;

/* A tensor file begins with the length of its header, below 2^56, and the header's brace. */
static bool is_tensor_file(const mx_map *map)
{
    return map->size > 9 && map->data[7] == 0 && map->data[8] == '{';
}

/* A network that was saved or imported, or a model's. */
static merx_status load_spec(const char *path, const merx_allocator *alloc, learning *l, merx_network **out,
                             merx_error *err)
{
    const double *scalars;
    uint64_t count;
    mx_tensor_file *file;
    MX_TRY(merx_network_load(alloc, path, out, err));
    (*out)->resumes = false; /* its epochs are not those of this fit */
    l->optimizer = (*out)->optimizer;
    l->loss = (*out)->loss;
    l->loaded = true;
    MX_TRY(mx_tensor_file_open(path, alloc, false, &file, err));
    if (mx_tensor_file_vector(file, "network.scalars", MX_F64, MX_NETWORK_SCALARS, &scalars, &count, NULL) == MERX_OK &&
        isfinite(scalars[MX_NETWORK_MEAN]) && isfinite(scalars[MX_NETWORK_SCALE]) && scalars[MX_NETWORK_SCALE] != 0) {
        l->mean = scalars[MX_NETWORK_MEAN];
        l->scale = scalars[MX_NETWORK_SCALE];
    }
    mx_tensor_file_close(file);
    return MERX_OK;
}

static merx_status read_spec(const char *spec, const merx_allocator *alloc, learning *l, merx_network **out,
                             merx_error *err)
{
    mx_text text = {0};
    mx_map map;
    merx_error inner = {0};
    merx_status status;
    if (spec[strspn(spec, " \t\r\n")] == '{')
        return merx_network_from_json(alloc, spec, &l->optimizer, &l->loss, out, err);
    MX_TRY(mx_map_open(spec, &map, err));
    if (is_tensor_file(&map)) {
        mx_map_close(&map);
        return load_spec(spec, alloc, l, out, err);
    }
    mx_text_init(&text, alloc, MOST_SPEC);
    mx_text_append(&text, map.data != NULL ? (const char *)map.data : "", map.size);
    mx_map_close(&map);
    MX_TRY_GOTO(mx_text_ok(&text, err));
    if (strlen(text.data) != text.size)
        MX_FAIL_GOTO(err, MERX_E_PARSE, spec, "holds a zero byte; expected JSON, or a network that merx wrote");
    status = merx_network_from_json(alloc, text.data, &l->optimizer, &l->loss, out, &inner);
    if (status != MERX_OK)
        (void)mx_error_set(err, status, spec, "%s: %.380s", inner.where, inner.message);
out:
    mx_text_release(&text);
    return status;
}

/* Dense layers. */
static merx_status standard_network(const merx_options *options, size_t d, size_t classes, const merx_allocator *alloc,
                                    merx_network **out, merx_error *err)
{
    merx_network *net = merx_network_new(alloc, MERX_INPUT(d));
    double dropout = merx_options_real(options, "dropout");
    if (net == NULL)
        MX_FAIL(err, MERX_E_MEMORY, "network", "no memory for it");
    *out = net; /* what can't be is told when it is compiled */
    for (int64_t i = 0; i < merx_options_int(options, "hidden_layers"); i++) {
        (void)merx_network_add(
            net, MERX_DENSE(.units = (int)merx_options_int(options, "hidden_units"), .activation = MERX_RELU));
        if (dropout > 0)
            (void)merx_network_add(net, MERX_DROPOUT(dropout));
    }
    (void)merx_network_add(net, MERX_DENSE(.units = classes > 0 ? (int)classes : 1,
                                           .activation = classes > 0 ? MERX_SOFTMAX : MERX_LINEAR));
    return MERX_OK;
}

static void set_optimizer(const merx_options *options, merx_optimizer *o)
{
    static const char *const schedules[] = {"constant", "cosine", "steps", "exponential_decay"};
    const char *word = merx_options_text(options, "optimizer"), *schedule = merx_options_text(options, "schedule");
    if (*word != '\0') {
        *o = (merx_optimizer){.kind = strcmp(word, "sgd") == 0       ? MERX_OPTIMIZER_SGD
                                      : strcmp(word, "adagrad") == 0 ? MERX_OPTIMIZER_ADAGRAD
                                                                     : MERX_OPTIMIZER_ADAM,
                              .weight_decay = strcmp(word, "adamw") == 0 ? 0.004 : 0};
    }
    if (merx_options_is_set(options, "learning_rate"))
        o->learning_rate = merx_options_real(options, "learning_rate");
    for (size_t i = 0; i < sizeof schedules / sizeof *schedules; i++)
        if (strcmp(schedule, schedules[i]) == 0)
            o->schedule = (merx_schedule_kind)i;
}

static merx_loss loss_of(const merx_options *options, merx_loss given)
{
    const char *word = merx_options_text(options, "loss");
    for (int i = 0; i < MERX_LOSSES; i++)
        if (strcmp(mx_loss_word((merx_loss)i), word) == 0)
            return (merx_loss)i;
    return given;
}

/* The network of the options with its shapes, and how it learns. *net is freed by the caller, also after a failure. */
static merx_status make_network(const merx_options *options, size_t d, size_t classes, const merx_allocator *alloc,
                                learning *l, merx_network **net, merx_error *err)
{
    const char *spec = merx_options_text(options, "spec");
    char text[96];
    *net = NULL;
    *l = (learning){.optimizer = MERX_ADAM(), .loss = MERX_LOSSES, .scale = 1}; /* no loss: not said */
    if (*spec != '\0')
        MX_TRY(read_spec(spec, alloc, l, net, err));
    else
        MX_TRY(standard_network(options, d, classes, alloc, net, err));
    if ((*net)->failure.code != MERX_OK)
        MX_FAIL(err, (*net)->failure.code, (*net)->failure.where, "%s", (*net)->failure.message);
    if (!l->loaded)
        MX_TRY(mx_network_shapes(*net, err));
    if (!l->loaded && merx_options_int(options, "epochs") == 0)
        MX_FAIL(err, MERX_E_INVALID, "epochs", "is 0, which keeps the weights of a network's file; spec names none");
    if (mx_input_size(*net) != d)
        MX_FAIL(err, MERX_E_SHAPE, "input", "the network takes %s, that is %zu numbers; a row has %zu columns",
                mx_dims_text((*net)->input, text), mx_input_size(*net), d);
    MX_TRY(mx_network_model_fits(*net, classes, err));
    merx_loss standard = classes == 0                 ? MERX_MEAN_SQUARED_ERROR
                         : mx_output_units(*net) == 1 ? MERX_BINARY_CROSSENTROPY
                                                      : MERX_CATEGORICAL_CROSSENTROPY;
    if (l->loss == MERX_LOSSES)
        l->loss = standard;
    if (classes == 0)
        l->loss = loss_of(options, l->loss);
    bool regresses = l->loss == MERX_MEAN_SQUARED_ERROR || l->loss == MERX_MEAN_ABSOLUTE_ERROR || l->loss == MERX_HUBER;
    if (classes == 0 ? !regresses : l->loss != standard)
        MX_FAIL(err, MERX_E_UNSUPPORTED, "loss", "%s does not learn %s here; expected %s", mx_loss_word(l->loss),
                classes == 0 ? "a number" : "classes",
                classes == 0 ? "mean_squared_error, mean_absolute_error or huber" : mx_loss_word(standard));
    set_optimizer(options, &l->optimizer);
    return MERX_OK;
}

/* ---- the rows ---- */

typedef struct rows_of {
    const mx_design *design;
    const size_t *order; /* the examples' rows */
    double mean, scale;
} rows_of;

static merx_status gather(void *context, const size_t *rows, size_t m, float *x, int32_t *labels, float *targets,
                          merx_error *err)
{
    (void)err;
    const rows_of *r = context;
    const mx_design *d = r->design;
    for (size_t i = 0; i < m; i++) {
        size_t row = r->order[rows[i]];
        if (x != NULL)
            mx_network_model_row(d, row, x + i * d->d);
        if (labels != NULL)
            labels[i] = d->labels[row];
        if (targets != NULL)
            targets[i] = d->labels != NULL ? (float)d->labels[row] : (float)((d->y[row] - r->mean) / r->scale);
    }
    return MERX_OK;
}

static bool reads_whole_numbers(const merx_network *net)
{
    for (size_t k = 1; k < net->nodes; k++)
        if (net->node[k].kind->id == MERX_LAYER_EMBEDDING && net->node[k].n_inputs > 0 &&
            mx_node_source(&net->node[k], 0) == 0)
            return true;
    return false;
}

/* Every number finite and one that the network can take; the reference: means, 0 for an embedding. */
static merx_status look_at_rows(const mx_design *design, mx_network_model *s, merx_task *task, merx_error *err)
{
    size_t d = design->d;
    float *row;
    double *sums = NULL;
    merx_status status;
    mx_task_stage(task, "look at the rows", design->n, "rows");
    MX_TRY(mx_alloc_array_raw(s->net->alloc, d, sizeof *row, "row", &row, err));
    MX_TRY_GOTO(MX_NEW_ARRAY(s->net->alloc, d, &sums, "means", err));
    for (size_t i = 0; i < design->n; i++) {
        mx_network_model_row(design, i, row);
        for (size_t j = 0; j < d; j++) {
            if (!isfinite(row[j])) {
                char name[80];
                (void)snprintf(name, sizeof name, design->names != NULL ? "\"%.60s\"" : "%.0s%zu",
                               design->names != NULL ? design->names[j] : "", j);
                MX_FAIL_GOTO(err, MERX_E_INVALID, "network", "row %zu, column %s is %g; expected a finite float", i,
                             name, design->x != NULL ? design->x[i * d + j] : (double)row[j]);
            }
            sums[j] += (double)row[j];
        }
        MX_TRY_GOTO(mx_inputs_check(s->net, &(merx_examples){.n = 1, .x = row}, err));
        if (i % 1024 == 0)
            MX_TRY_GOTO(mx_task_step(task, i, err));
    }
    for (size_t j = 0; j < d; j++)
        s->reference[j] = reads_whole_numbers(s->net) ? 0 : (float)(sums[j] / (double)design->n);
    mx_task_done(task);
out:
    MX_FREE_ARRAY(s->net->alloc, row, d);
    MX_FREE_ARRAY(s->net->alloc, sums, d);
    return status;
}

/* Mean and standard deviation of the target; 0 and 1 where it is always the same. */
static void target_scale(const mx_design *design, double *mean, double *scale)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < design->n; i++)
        sum += design->y[i];
    *mean = sum / (double)design->n;
    for (size_t i = 0; i < design->n; i++)
        squares += (design->y[i] - *mean) * (design->y[i] - *mean);
    *scale = sqrt(squares / (double)design->n);
    if (!(*scale > 0) || !isfinite(*scale))
        *scale = 1;
}

/* Weights of the examples in their order: the rows', times the class's. */
static merx_status example_weights(const merx_options *options, const mx_design *design, const size_t *order,
                                   const merx_allocator *alloc, float **out, merx_error *err)
{
    bool balanced = design->labels != NULL && strcmp(merx_options_text(options, "class_weight"), "balanced") == 0;
    double *totals = NULL, all = 0, kinds = 0;
    merx_status status = MERX_OK;
    *out = NULL;
    if (!balanced && design->weights == NULL)
        return MERX_OK;
    if (balanced)
        MX_TRY_GOTO(MX_NEW_ARRAY(alloc, design->classes, &totals, "class weights", err));
    MX_TRY_GOTO(mx_alloc_array_raw(alloc, design->n, sizeof **out, "weights", out, err));
    for (size_t i = 0; balanced && i < design->n; i++)
        totals[design->labels[i]] += design->weights != NULL ? design->weights[i] : 1;
    for (size_t c = 0; balanced && c < design->classes; c++) {
        all += totals[c];
        kinds += totals[c] > 0;
    }
    for (size_t i = 0; i < design->n; i++) {
        size_t row = order[i];
        double weight = design->weights != NULL ? design->weights[row] : 1;
        if (balanced && weight > 0)
            weight *= all / (kinds * totals[design->labels[row]]);
        (*out)[i] = (float)weight;
    }
out:
    MX_FREE_ARRAY(alloc, totals, design->classes);
    return status;
}

/* The rows in an order drawn by the seed: those behind the first `n - held` are held out. Ones of the same weight keep the order of the rows in both parts. */
static merx_status draw_order(const mx_design *design, size_t held, uint64_t seed, const merx_allocator *alloc,
                              size_t *order, merx_error *err)
{
    int64_t *drawn;
    size_t n = design->n, first = 0, last = n - held;
    merx_status status = MERX_OK;
    if (held == 0) {
        for (size_t i = 0; i < n; i++)
            order[i] = i;
        return MERX_OK;
    }
    MX_TRY(mx_alloc_array_raw(alloc, n, sizeof *drawn, "held-out rows", &drawn, err));
    for (size_t i = 0; i < n; i++)
        drawn[i] = (int64_t)i;
    mx_random random;
    mx_random_init(&random, seed, 0x68656c64);
    mx_random_shuffle_i64(&random, drawn, n);
    for (size_t i = 0; i < n; i++)
        order[i] = 0;
    for (size_t i = n - held; i < n; i++)
        order[drawn[i]] = 1; /* marks */
    for (size_t i = 0; i < n; i++)
        drawn[order[i] == 0 ? first++ : last++] = (int64_t)i;
    for (size_t i = 0; i < n; i++)
        order[i] = (size_t)drawn[i];
    MX_FREE_ARRAY(alloc, drawn, n);
    return status;
}

/* ---- fit ---- */

static void keep_history(mx_network_model *s, const merx_history *h, size_t held, bool best)
{
    size_t at = best && h->best > 0 ? (size_t)h->best - 1 : h->epochs - 1;
    const merx_epoch *e = &h->epoch[at];
    s->scalars[MX_NETWORK_EPOCHS] = (double)h->epochs;
    s->scalars[MX_NETWORK_BEST] = (double)at + 1;
    s->scalars[MX_NETWORK_LOSS] = e->loss;
    s->scalars[MX_NETWORK_METRIC] = e->metric;
    s->scalars[MX_NETWORK_HELD_LOSS] = e->validation_loss;
    s->scalars[MX_NETWORK_HELD_METRIC] = e->validation_metric;
    s->scalars[MX_NETWORK_HELD_ROWS] = (double)held;
}

static const char *file_of(const merx_options *options, const char *name)
{
    const char *path = merx_options_text(options, name);
    return *path != '\0' ? path : NULL;
}

/* No step is done: what the weights are worth is told. */
static merx_status judge(mx_network_model *s, const merx_examples examples[2], size_t held, merx_task *task,
                         merx_error *err)
{
    double *v = s->scalars;
    v[MX_NETWORK_EPOCHS] = v[MX_NETWORK_BEST] = 0;
    v[MX_NETWORK_HELD_LOSS] = v[MX_NETWORK_HELD_METRIC] = (double)NAN;
    v[MX_NETWORK_HELD_ROWS] = (double)held;
    if (held > 0)
        MX_TRY(merx_network_evaluate(s->net, &examples[1], task, &v[MX_NETWORK_HELD_LOSS], &v[MX_NETWORK_HELD_METRIC],
                                     err));
    return merx_network_evaluate(s->net, &examples[0], task, &v[MX_NETWORK_LOSS], &v[MX_NETWORK_METRIC], err);
}

static merx_status train(const merx_options *options, const mx_design *design, mx_network_model *s,
                         const merx_allocator *alloc, merx_task *task, merx_error *err)
{
    size_t n = design->n, held = (size_t)((double)n * merx_options_real(options, "validation_share")), *order = NULL;
    float *weights = NULL;
    merx_history history = {0};
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, n, &order, "order of the rows", err));
    MX_TRY_GOTO(draw_order(design, held, merx_task_seed(task), alloc, order, err));
    MX_TRY_GOTO(example_weights(options, design, order, alloc, &weights, err));
    rows_of rows[2] = {{design, order, s->scalars[MX_NETWORK_MEAN], s->scalars[MX_NETWORK_SCALE]},
                       {design, order + (n - held), s->scalars[MX_NETWORK_MEAN], s->scalars[MX_NETWORK_SCALE]}};
    const merx_examples examples[2] = {
        {.n = n - held, .gather = gather, .context = &rows[0], .weights = weights},
        {.n = held, .gather = gather, .context = &rows[1], .weights = weights != NULL ? weights + (n - held) : NULL}};
    merx_fit_options fit = {.epochs = (int)merx_options_int(options, "epochs"),
                            .batch_size = (int)merx_options_int(options, "batch_size"),
                            .patience = (int)merx_options_int(options, "patience"),
                            .validation = held > 0 ? &examples[1] : NULL,
                            .restore_best = held > 0,
                            .curves = file_of(options, "curves_file"),
                            .csv_log = file_of(options, "log_file")};
    if (fit.epochs == 0) {
        status = judge(s, examples, held, task, err);
        goto out;
    }
    MX_TRY_GOTO(merx_network_fit(s->net, &examples[0], &fit, task, &history, err));
    keep_history(s, &history, held, held > 0);
out:
    merx_history_release(&history);
    MX_FREE_ARRAY(alloc, order, n);
    MX_FREE_ARRAY(alloc, weights, n);
    return status;
}

static merx_status fit(const merx_options *options, const mx_design *design, const merx_allocator *alloc,
                       merx_task *task, void **state, merx_error *err)
{
    mx_network_model *s = NULL;
    learning l;
    merx_status status;
    size_t classes = design->labels != NULL ? design->classes : 0;
    *state = NULL;
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &s, "network", err));
    MX_TRY_GOTO(make_network(options, design->d, classes, alloc, &l, &s->net, err));
    s->inputs = design->d;
    MX_TRY_GOTO(MX_NEW_ARRAY(alloc, s->inputs, &s->reference, "reference", err));
    MX_TRY_GOTO(look_at_rows(design, s, task, err));
    s->scalars[MX_NETWORK_OUTPUTS] = (double)classes;
    s->scalars[MX_NETWORK_MEAN] = l.mean;
    s->scalars[MX_NETWORK_SCALE] = l.scale;
    if (classes == 0 && !l.loaded)
        target_scale(design, &s->scalars[MX_NETWORK_MEAN], &s->scalars[MX_NETWORK_SCALE]);
    MX_TRY_GOTO(merx_network_compile(s->net, l.optimizer, l.loss, task, err));
    MX_TRY_GOTO(train(options, design, s, alloc, task, err));
    *state = s;
    return MERX_OK;
out:
    mx_network_model_free(s, alloc);
    return status;
}

/* Weights, moments, best ones, packed ones and the gradients of each group; the memory of the groups; order and weights of the rows. */
static uint64_t memory(const merx_options *options, size_t n, size_t d, size_t classes)
{
    learning l;
    merx_network *net = NULL;
    mx_plan plan = {0};
    uint64_t bytes = (uint64_t)n * 24 + (uint64_t)d * 16;
    if (options != NULL && make_network(options, d, classes, NULL, &l, &net, NULL) == MERX_OK) {
        uint64_t weights = 0, packed = 0;
        for (size_t i = 0; i < net->nodes; i++) {
            for (size_t j = 0; j < net->node[i].n_weights; j++)
                weights += net->node[i].weight[j].size;
            packed += net->node[i].packed + net->node[i].packed_back;
        }
        bytes += 4 * (weights * (5 + MX_MOST_GROUPS) + packed);
        if (mx_plan_make(net, MX_BLOCK, MX_PLAN_TRAIN, &plan, NULL) == MERX_OK)
            bytes += MX_MOST_GROUPS * (4 * (uint64_t)plan.floats + plan.bytes);
        mx_plan_release(net, &plan);
    }
    merx_network_free(net);
    return bytes;
}

static merx_status load_classifier(const mx_tensor_file *file, const merx_allocator *alloc, void **state,
                                   merx_error *err)
{
    return mx_network_model_load(file, true, alloc, state, err);
}

static merx_status load_regressor(const mx_tensor_file *file, const merx_allocator *alloc, void **state,
                                  merx_error *err)
{
    return mx_network_model_load(file, false, alloc, state, err);
}

const mx_family mx_family_network = {
    .version = 1,
    .info =
        {.name = "network",
         .title = "Neural network",
         .text = "Predicts the probability of each class by a network of layers: dense ones, or those of a JSON text "
                 "(convolutions over pictures, recurrent layers over "
                 "sequences, …).",
         .formula =
             "P(y = c) = softmax(layers(x))_c;  minimise the mean weighted cross-entropy by steps over batches of rows",
         .tags = MERX_TAKES_TABLE | MERX_TAKES_FLOAT | MERX_NEEDS_TARGET | MERX_CLASSIFIES | MERX_SUPPORTS_WEIGHTS,
         .options = classifier_options},
    .fit = fit,
    .free_state = mx_network_model_free,
    .outputs = mx_network_model_outputs,
    .predict = mx_network_model_predict,
    .explain = mx_network_model_explain,
    .describe = mx_network_model_describe,
    .save = mx_network_model_save,
    .load = load_classifier,
    .memory = memory,
    .inputs = mx_network_model_inputs,
};

const mx_family mx_family_network_regressor = {
    .version = 1,
    .info = {.name = "network_regressor",
             .title = "Neural network, for numbers",
             .text = "Predicts a number by a network of layers: dense ones, or those of a JSON text (convolutions over "
                     "pictures, recurrent layers over sequences, …).",
             .formula = "y = mean + sd layers(x);  minimise the mean weighted loss of (y - mean) / sd by steps over "
                        "batches of rows",
             .tags = MERX_TAKES_TABLE | MERX_TAKES_FLOAT | MERX_NEEDS_TARGET | MERX_REGRESSES | MERX_SUPPORTS_WEIGHTS,
             .options = regressor_options},
    .fit = fit,
    .free_state = mx_network_model_free,
    .outputs = mx_network_model_outputs,
    .predict = mx_network_model_predict,
    .explain = mx_network_model_explain,
    .describe = mx_network_model_describe,
    .save = mx_network_model_save,
    .load = load_regressor,
    .memory = memory,
    .inputs = mx_network_model_inputs,
};
