/*
 * Timing of networks through the public API, driven by bench/figures/network.py: bench_network MODE SPEC FOLDER N [WEIGHTS GRADIENTS]. SPEC is a file of
 * bench/networks; FOLDER holds x (N, input) float32 and labels (N) int32.
 *
 *     train      "go" trains on the N examples once, batch 32, shuffled; the first one builds the network
 *     infer      "go" classifies them in batches of 256
 *     one        "go COUNT" classifies COUNT of them one at a time; "seconds" is the median of a call
 *     step       the same of the next step of a sequence, the state kept
 *     parity     "go" takes the initial weights from WEIGHTS (all tensors after one another, float32), writes the gradients of the first batch of 32 to GRADIENTS alike, and
 *                trains on the batches in order: "losses"; "go RATE": Adam's learning rate
 *     accuracy   SPEC TRAIN_FOLDER N TEST_FOLDER M: "go EPOCHS SEED" trains a new network on N, tells how many of M are "right"
 */
#include <math.h>

#include "bench/worker.h"
#include "merx/alloc.h"
#include "merx/network.h"

enum { BATCH = 32, INFER_BATCH = 256, MOST_LOSSES = 1000, MOST_CALLS = 1 << 20 };

static const double RATE = 0.001;

static void must(merx_status status, const merx_error *err)
{
    if (status != MERX_OK)
        bench_fail(err->message);
}

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = bench_memory((size_t)1 << 20);
    size_t size = file ? fread(text, 1, ((size_t)1 << 20) - 1, file) : 0;
    if (size == 0)
        bench_fail("the network's file can't be read");
    text[size] = '\0';
    fclose(file);
    return text;
}

/* What the command line names: the data, and the network as text. */
typedef struct side {
    const char *mode, *spec;
    size_t n, width; /* floats of an example */
    float *x;
    int32_t *labels;
    merx_task *task;
    merx_network *net;
    merx_error err;
} side;

static merx_network *parse(side *s)
{
    merx_network *net = NULL;
    must(merx_network_from_json(NULL, s->spec, NULL, NULL, &net, &s->err), &s->err);
    return net;
}

/* A new network with its initial weights, of this seed. */
static void build(side *s, uint64_t seed, double rate)
{
    merx_network_free(s->net);
    merx_task_free(s->task);
    s->net = NULL;
    s->task = NULL;
    must(merx_task_new(NULL, &(merx_task_options){.seed = seed}, &s->task, &s->err), &s->err);
    s->net = parse(s);
    must(
        merx_network_compile(s->net, MERX_ADAM(.learning_rate = rate), MERX_CATEGORICAL_CROSSENTROPY, s->task, &s->err),
        &s->err);
}

static void read_examples(const char *folder, size_t n, size_t width, float **x, int32_t **labels)
{
    char path[600];
    snprintf(path, sizeof path, "%s/x", folder);
    *x = bench_read(path, n * width * sizeof **x);
    snprintf(path, sizeof path, "%s/labels", folder);
    *labels = bench_read(path, n * sizeof **labels);
}

static merx_examples part(const side *s, size_t first, size_t n)
{
    size_t left = s->n - first;
    return (merx_examples){.n = n < left ? n : left, .x = s->x + first * s->width, .labels = s->labels + first};
}

static size_t parameters(const merx_network *net)
{
    size_t total = 0;
    for (size_t i = 0; i < merx_network_weights(net); i++)
        total += merx_network_weight(net, i).size;
    return total;
}

static size_t outputs(const merx_network *net)
{
    merx_dims dims = merx_network_node(net, (int)merx_network_nodes(net) - 1).output;
    size_t size = 1;
    for (size_t i = 0; i < dims.rank; i++)
        size *= dims.dim[i];
    return size;
}

static void train(side *s)
{
    bench_run run;
    while (bench_next(&run)) {
        if (s->net == NULL)
            build(s, 1, RATE);
        merx_examples all = part(s, 0, s->n);
        merx_history history = {0};
        bench_start(&run);
        must(merx_network_fit(s->net, &all, &(merx_fit_options){.epochs = 1, .batch_size = BATCH}, s->task, &history,
                              &s->err),
             &s->err);
        bench_stop(&run);
        bench_report(&run, "\"loss\": %.9g, \"weights\": %zu", history.epoch[history.epochs - 1].loss,
                     parameters(s->net));
        merx_history_release(&history);
    }
}

static void infer(side *s)
{
    build(s, 1, RATE);
    size_t u = outputs(s->net);
    float *out = bench_memory(s->n * u * sizeof *out);
    bench_run run;
    while (bench_next(&run)) {
        bench_start(&run);
        for (size_t first = 0; first < s->n; first += INFER_BATCH) {
            merx_examples batch = part(s, first, INFER_BATCH);
            must(merx_network_predict(s->net, &batch, s->task, out + first * u, &s->err), &s->err);
        }
        bench_stop(&run);
        double mass = 0;
        for (size_t i = 0; i < s->n * u; i++)
            mass += (double)out[i];
        bench_report(&run, "\"mass\": %.9g", mass);
    }
    free(out);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Single calls: whole examples, or one step after another through the network's state. */
static void single(side *s, bool steps)
{
    build(s, 1, RATE);
    merx_dims input = merx_network_node(s->net, 0).output;
    size_t width = steps ? input.dim[input.rank - 1] : s->width, rows = s->n * s->width / width, u = outputs(s->net);
    rows = rows < 1000 ? rows : 1000; /* as many as the peers go through */
    merx_runner *runner = NULL;
    must(steps ? merx_runner_new_steps(s->net, &runner, &s->err) : merx_runner_new(s->net, 1, false, &runner, &s->err),
         &s->err);
    double *times = bench_memory(MOST_CALLS * sizeof *times);
    bench_run run;
    while (bench_next(&run)) {
        size_t calls = (size_t)strtoull(run.words, NULL, 10);
        if (calls < 1 || calls > MOST_CALLS)
            bench_fail("go COUNT");
        double mass = 0;
        bench_start(&run);
        for (size_t i = 0, row = 0; i < calls; i++, row = row + 1 < rows ? row + 1 : 0) {
            double began = bench_now_s();
            const float *p =
                steps ? merx_runner_step(runner, s->x + row * width) : merx_runner_run(runner, s->x + row * width, 1);
            times[i] = bench_now_s() - began;
            for (size_t j = 0; j < u; j++)
                mass += (double)p[j];
        }
        bench_stop(&run);
        qsort(times, calls, sizeof *times, ascending);
        run.seconds = times[calls / 2];
        bench_report(&run, "\"calls\": %zu, \"mass\": %.9g", calls, mass);
    }
    free(times);
    merx_runner_free(runner);
}

static void set_weights(side *s, const float *values)
{
    for (size_t i = 0; i < merx_network_weights(s->net); i++) {
        size_t size = merx_network_weight(s->net, i).size;
        must(merx_network_set_weight(s->net, i, values, size, &s->err), &s->err);
        values += size;
    }
}

static void write_gradients(side *s, const char *path)
{
    merx_examples first = part(s, 0, BATCH);
    must(merx_network_gradients(s->net, &first, s->task, NULL, &s->err), &s->err);
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        bench_fail("the gradients can't be written");
    for (size_t i = 0; i < merx_network_weights(s->net); i++) {
        merx_weight w = merx_network_weight(s->net, i);
        if (w.trainable && fwrite(w.gradient, sizeof *w.gradient, w.size, file) != w.size)
            bench_fail("the gradients can't be written");
    }
    if (fclose(file) != 0)
        bench_fail("the gradients can't be written");
}

static void parity(side *s, const char *weights, const char *gradients)
{
    build(s, 1, RATE);
    float *values = bench_read(weights, parameters(s->net) * sizeof *values);
    static char text[MOST_LOSSES * 32];
    bench_run run;
    while (bench_next(&run)) {
        double rate = strtod(run.words, NULL);
        if (!(rate > 0))
            bench_fail("go RATE");
        build(s, 1, rate);
        set_weights(s, values);
        write_gradients(s, gradients);
        size_t used = 0, steps = s->n / BATCH;
        if (steps > MOST_LOSSES)
            bench_fail("too many batches");
        bench_start(&run);
        for (size_t k = 0; k < steps; k++) {
            merx_examples batch = part(s, k * BATCH, BATCH);
            double loss = 0;
            must(merx_network_train_batch(s->net, &batch, s->task, &loss, &s->err), &s->err);
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%.12g", k > 0 ? ", " : "", loss);
        }
        bench_stop(&run);
        bench_report(&run, "\"losses\": [%s]", text);
    }
    free(values);
}

static void accuracy(side *s, const char *folder, size_t m)
{
    side test = {.n = m, .width = s->width};
    read_examples(folder, m, s->width, &test.x, &test.labels);
    bench_run run;
    while (bench_next(&run)) {
        int epochs = 0;
        unsigned long long seed = 0;
        if (sscanf(run.words, "%d %llu", &epochs, &seed) != 2)
            bench_fail("go EPOCHS SEED");
        build(s, seed, RATE);
        size_t u = outputs(s->net), right = 0;
        merx_examples all = part(s, 0, s->n), held = part(&test, 0, m);
        merx_history history = {0};
        float *out = bench_memory(m * u * sizeof *out);
        bench_start(&run);
        must(merx_network_fit(s->net, &all, &(merx_fit_options){.epochs = epochs, .batch_size = BATCH}, s->task,
                              &history, &s->err),
             &s->err);
        bench_stop(&run);
        must(merx_network_predict(s->net, &held, s->task, out, &s->err), &s->err);
        for (size_t i = 0; i < m; i++) {
            size_t best = 0;
            for (size_t j = 1; j < u; j++)
                best = out[i * u + j] > out[i * u + best] ? j : best;
            right += (int32_t)best == test.labels[i];
        }
        bench_report(&run, "\"right\": %zu, \"rows\": %zu, \"loss\": %.9g", right, m,
                     history.epoch[history.epochs - 1].loss);
        merx_history_release(&history);
        free(out);
    }
    free(test.x);
    free(test.labels);
}

int main(int count, char **words)
{
    static const char usage[] = "usage: bench_network train|infer|one|step SPEC FOLDER N, parity SPEC FOLDER N WEIGHTS "
                                "GRADIENTS, accuracy SPEC FOLDER N TEST_FOLDER M";
    bool more = count > 1 && (strcmp(words[1], "parity") == 0 || strcmp(words[1], "accuracy") == 0);
    if (count != (more ? 7 : 5))
        bench_fail(usage);
    char *spec = read_text(words[2]);
    side s = {.mode = words[1], .spec = spec, .n = (size_t)strtoull(words[4], NULL, 10), .width = 1};
    merx_network *net = parse(&s);
    merx_dims input = merx_network_node(net, 0).output;
    for (size_t i = 0; i < input.rank; i++)
        s.width *= input.dim[i];
    merx_network_free(net);
    read_examples(words[3], s.n, s.width, &s.x, &s.labels);
    bench_ready("\"rows\": %zu", s.n);
    if (strcmp(s.mode, "train") == 0)
        train(&s);
    else if (strcmp(s.mode, "infer") == 0)
        infer(&s);
    else if (strcmp(s.mode, "one") == 0)
        single(&s, false);
    else if (strcmp(s.mode, "step") == 0)
        single(&s, true);
    else if (strcmp(s.mode, "parity") == 0)
        parity(&s, words[5], words[6]);
    else if (strcmp(s.mode, "accuracy") == 0)
        accuracy(&s, words[5], (size_t)strtoull(words[6], NULL, 10));
    else
        bench_fail(usage);
    merx_network_free(s.net);
    merx_task_free(s.task);
    free(s.labels);
    free(s.x);
    free(spec);
    return 0;
}
