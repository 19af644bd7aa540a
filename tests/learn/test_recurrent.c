/*
 * Recurrent layers, embedding and masking beside their twins: outputs in double, gradients by central differences of the twin's loss for every activation and option,
 * sequences that go on from batch to batch, step by step = whole sequence to the bit, the same bits for 1, 2 and 8 threads, and what must be refused.
 */
#include <stdio.h>

#include "base/random.h"
#include "learn/network/network_state.h"
#include "merx/network.h"
#include "support/check.h"

enum { MOST_NODES = 12 };

/* ---- the twin of a whole network ---- */

typedef struct twin {
    const merx_network *net;
    size_t n;
    double *weights, *y[MOST_NODES], *scratch, *state[MOST_NODES];
    uint8_t *mask[MOST_NODES];
} twin;

static twin twin_new(const merx_network *net, size_t n)
{
    twin t = {.net = net, .n = n, .weights = calloc(net->size, sizeof(double))};
    size_t scratch = 1;
    assert_true(net->nodes <= MOST_NODES);
    for (size_t i = 0; i < net->size; i++)
        t.weights[i] = (double)net->weights[i];
    for (size_t i = 0; i < net->nodes; i++) {
        t.y[i] = calloc(n * net->node[i].out_size, sizeof(double));
        t.mask[i] = calloc(n * net->node[i].out.dim[0], 1);
        t.state[i] = calloc(n * net->node[i].state + 1, sizeof(double));
        scratch = net->node[i].twin_scratch > scratch ? net->node[i].twin_scratch : scratch;
    }
    t.scratch = calloc(scratch, sizeof(double));
    return t;
}

static void twin_free(twin *t)
{
    for (size_t i = 0; i < t->net->nodes; i++)
        free(t->y[i]), free(t->mask[i]), free(t->state[i]);
    free(t->weights), free(t->scratch);
}

/* keep: states are left as the batch leaves them. */
static void twin_run(twin *t, bool logits, bool keep)
{
    for (size_t i = 1; i < t->net->nodes; i++) {
        const mx_node *node = &t->net->node[i];
        size_t states = t->n * node->state;
        double *before = calloc(states + 1, sizeof(double));
        memcpy(before, t->state[i], states * sizeof *before);
        mx_twin_pass pass = {.n = t->n,
                             .training = true,
                             .logits = logits,
                             .weights = t->weights,
                             .y = t->y[i],
                             .mask_out = t->mask[i],
                             .mask = node->mask_node >= 0 ? t->mask[node->mask_node] : NULL,
                             .scratch = t->scratch,
                             .state = node->state > 0 && node->layer.recurrent.stateful ? t->state[i] : NULL};
        for (size_t k = 0; k < node->n_inputs; k++)
            pass.x[k] = t->y[node->inputs[k]];
        node->kind->twin(node, &pass);
        if (!keep)
            memcpy(t->state[i], before, states * sizeof *before);
        free(before);
    }
}

static double twin_loss(twin *t, const merx_examples *e)
{
    const merx_network *net = t->net;
    size_t rows = mx_output_rows(net), counted = 0;
    twin_run(t, true, false);
    mx_loss_rows r = {.m = t->n * rows,
                      .u = mx_output_units(net),
                      .labels = e->labels,
                      .targets = e->targets,
                      .scale = 1,
                      .logits = true};
    for (size_t i = 0; i < r.m; i++)
        counted += e->labels == NULL || e->labels[i] >= 0;
    return mx_loss_twin(net->loss, &r, t->y[net->nodes - 1]) / (double)counted;
}

/* ---- examples ---- */

typedef struct data {
    merx_examples e;
    float *x, *targets;
    int32_t *labels;
} data;

/* Sequences of t steps with f features; some have padding before, some behind; one is all padding. Features of padding: `padding`. */
static data make_data(size_t n, size_t t, size_t f, size_t rows, size_t classes, float padding, bool padded,
                      uint64_t seed)
{
    data d = {.x = calloc(n * t * f, sizeof(float)), .labels = calloc(n * rows, sizeof(int32_t))};
    mx_random random;
    mx_random_init(&random, seed, 7);
    for (size_t i = 0; i < n; i++) {
        size_t before = mx_random_below(&random, t), behind = mx_random_below(&random, t - before);
        for (size_t s = 0; s < t; s++)
            for (size_t j = 0; j < f; j++) {
                bool pad = padded && (i == 1 || (i % 2 == 0 ? s < before : s >= t - behind));
                d.x[(i * t + s) * f + j] = pad ? padding : (float)mx_random_normal(&random);
            }
        for (size_t j = 0; j < rows; j++)
            d.labels[i * rows + j] = (int32_t)mx_random_below(&random, classes) - (j % 3 == 1 && rows > 1);
    }
    d.e = (merx_examples){.n = n, .x = d.x, .labels = d.labels};
    return d;
}

static data make_ids(size_t n, size_t t, int vocabulary, size_t rows, size_t classes, uint64_t seed)
{
    data d = make_data(n, t, 1, rows, classes, 0, true, seed);
    mx_random random;
    mx_random_init(&random, seed, 8);
    for (size_t i = 0; i < n * t; i++)
        d.x[i] = d.x[i] == 0 ? 0 : (float)(1 + mx_random_below(&random, (uint64_t)vocabulary - 1));
    return d;
}

static void data_free(data *d)
{
    free(d->x), free(d->labels), free(d->targets);
}

/* ---- one network held to its twin ---- */

static merx_task *task_of(int threads)
{
    merx_task *task;
    merx_error err = {0};
    check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads, .seed = 11}, &task, &err), err);
    return task;
}

static void shake(merx_network *net, double size)
{
    /* Biases and all: at their initial zeros, mistakes would hide. */
    mx_random random;
    mx_random_init(&random, 5, 9);
    for (size_t i = 0; i < merx_network_weights(net); i++) {
        merx_weight w = merx_network_weight(net, i);
        float *values = calloc(w.size, sizeof *values);
        merx_error err = {0};
        for (size_t j = 0; j < w.size; j++)
            values[j] = (float)(size * mx_random_normal(&random));
        check_ok(merx_network_set_weight(net, i, values, w.size, &err), err);
        free(values);
    }
}

static void check_outputs(const char *what, const merx_network *net, twin *t, const merx_examples *e)
{
    size_t size = net->node[net->nodes - 1].out_size;
    float *out = calloc(e->n * size, sizeof *out);
    merx_error err = {0};
    double largest = 0;
    for (size_t i = 0; i < e->n * net->node[0].out_size; i++)
        t->y[0][i] = (double)e->x[i];
    twin_run(t, false, false);
    check_ok(merx_network_predict(net, e, NULL, out, &err), err);
    for (size_t i = 0; i < e->n * size; i++) {
        double want = t->y[net->nodes - 1][i];
        largest = fmax(largest, fabs(want));
        if (!(fabs((double)out[i] - want) <= 3e-5 * fmax(1, fabs(want))))
            check_die(__FILE__, __LINE__, "%s: output %zu is %.9g, the twin has %.9g", what, i, (double)out[i], want);
    }
    if (!(largest > 0))
        check_die(__FILE__, __LINE__, "%s: all outputs are zeros", what);
    free(out);
}

/* Every `skip`-th weight. */
static void check_gradients(const char *what, merx_network *net, twin *t, const merx_examples *e, size_t skip)
{
    merx_error err = {0};
    double loss, tolerance = 0;
    for (size_t i = 0; i < e->n * net->node[0].out_size; i++)
        t->y[0][i] = (double)e->x[i];
    check_ok(merx_network_gradients(net, e, NULL, &loss, &err), err);
    double want_loss = twin_loss(t, e);
    if (!(fabs(loss - want_loss) <= 2e-5 * fmax(1, fabs(want_loss))))
        check_die(__FILE__, __LINE__, "%s: loss is %.9g, the twin has %.9g", what, loss, want_loss);
    for (size_t i = 0; i < merx_network_weights(net); i++) {
        merx_weight w = merx_network_weight(net, i);
        double largest = 0;
        for (size_t j = 0; j < w.size; j++)
            largest = fmax(largest, fabs((double)w.gradient[j]));
        /* One step from a state of zeros: nothing to learn of U. */
        if (!(largest > 0) && net->node[0].out.dim[0] > 1)
            check_die(__FILE__, __LINE__, "%s: the gradient of %s is all zeros", what, w.name);
        tolerance = 1e-4 * largest + 2e-6;
        for (size_t j = i % skip; j < w.size; j += skip) {
            double *at = t->weights + (w.values - net->weights) + j, value = *at, h = 1e-5;
            *at = value + h;
            double up = twin_loss(t, e);
            *at = value - h;
            double down = twin_loss(t, e);
            *at = value;
            double want = (up - down) / (2 * h);
            if (!(fabs((double)w.gradient[j] - want) <= tolerance))
                check_die(__FILE__, __LINE__, "%s: gradient %zu of %s is %.9g, by differences %.9g (largest %.3g)",
                          what, j, w.name, (double)w.gradient[j], want, largest);
        }
    }
}

static const merx_layer_kind kinds[] = {MERX_LAYER_SIMPLE_RNN, MERX_LAYER_LSTM, MERX_LAYER_GRU};
static const char *const words[] = {"simple_rnn", "lstm", "gru"};

typedef struct shape_of {
    size_t n, t, f;
    int u, classes;
} shape_of;

/* (masking) → dense tanh → the layer → dense softmax. */
static merx_network *make_network(merx_layer_kind kind, merx_recurrent o, shape_of s, bool masked, double size)
{
    merx_network *net = merx_network_new(NULL, MERX_INPUT(s.t, s.f));
    merx_error err = {0};
    merx_task *task = task_of(1);
    if (masked)
        merx_network_add(net, MERX_MASKING(.value = 0.25));
    merx_network_add(net, MERX_DENSE(.units = 3, .activation = MERX_TANH));
    merx_network_add(net, (merx_layer){.kind = kind, .recurrent = o});
    merx_network_add(net, MERX_DENSE(.units = s.classes, .activation = MERX_SOFTMAX));
    check_ok(merx_network_compile(net, MERX_ADAM(), MERX_CATEGORICAL_CROSSENTROPY, task, &err), err);
    shake(net, size);
    merx_task_free(task);
    return net;
}

static void check_case(size_t k, merx_recurrent o, shape_of s, bool masked, double size, size_t skip)
{
    char what[160];
    (void)snprintf(
        what, sizeof what,
        "%s activation %d recurrent %d sequences %d backwards %d no_bias %d stateful %d masked %d n %zu u %d", words[k],
        o.activation, o.recurrent_activation, o.return_sequences, o.go_backwards, o.no_bias, o.stateful, masked, s.n,
        s.u);
    o.units = s.u;
    merx_network *net = make_network(kinds[k], o, s, masked, size);
    data d = make_data(s.n, s.t, s.f, mx_output_rows(net), (size_t)s.classes, 0.25F, masked, 3 + k);
    twin t = twin_new(net, s.n);
    if (!o.stateful)
        check_outputs(what, net, &t, &d.e);
    check_gradients(what, net, &t, &d.e, skip);
    if (o.stateful) {
        /* Goes on where the first batch ended; other inputs. */
        twin_run(&t, true, true);
        data more = make_data(s.n, s.t, s.f, mx_output_rows(net), (size_t)s.classes, 0.25F, masked, 30 + k);
        check_gradients(what, net, &t, &more.e, skip);
        /* Anew: as at first. */
        merx_network_reset(net);
        twin again = twin_new(net, s.n);
        check_gradients(what, net, &again, &d.e, skip);
        twin_free(&again);
        data_free(&more);
    }
    twin_free(&t);
    data_free(&d);
    merx_network_free(net);
}

static void test_activations(void **state)
{
    (void)state;
    shape_of s = {4, 4, 3, 5, 3};
    for (size_t k = 0; k < 3; k++)
        for (int f = MERX_LINEAR; f <= MERX_EXPONENTIAL; f++) {
            for (int masked = 0; masked < 2; masked++)
                check_case(k, (merx_recurrent){.activation = (merx_activation)f, .return_sequences = f % 2 == 0}, s,
                           masked, 0.35, 1);
            if (kinds[k] != MERX_LAYER_SIMPLE_RNN)
                check_case(k, (merx_recurrent){.recurrent_activation = (merx_activation)f}, s, f % 2, 0.35, 1);
        }
}

static void test_options(void **state)
{
    (void)state;
    shape_of s = {5, 5, 2, 6, 3};
    for (size_t k = 0; k < 3; k++)
        for (int bits = 0; bits < 32; bits++)
            check_case(
                k,
                (merx_recurrent){
                    .return_sequences = bits & 1, .go_backwards = bits & 2, .no_bias = bits & 4, .stateful = bits & 8},
                s, bits & 16, 0.5, 1);
}

static void test_blocks(void **state)
{
    (void)state;
    /* Two groups of two blocks each; more steps than a chunk; units that no panel divides; one step; one example. */
    for (size_t k = 0; k < 3; k++) {
        check_case(k, (merx_recurrent){.return_sequences = true}, (shape_of){37, 19, 2, 19, 3}, true, 0.3, 97);
        check_case(k, (merx_recurrent){.go_backwards = true}, (shape_of){37, 19, 2, 33, 3}, false, 0.3, 197);
        check_case(k, (merx_recurrent){.stateful = true}, (shape_of){37, 1, 2, 7, 3}, false, 0.3, 7);
        check_case(k, (merx_recurrent){.stateful = true, .return_sequences = true}, (shape_of){1, 9, 2, 7, 3}, false,
                   0.3, 7);
        check_case(k, (merx_recurrent){.go_backwards = true}, (shape_of){1, 9, 2, 7, 3}, false, 0.3, 7);
    }
}

/* Embedding with padding, three recurrent layers over one another. */
static merx_network *deep_network(merx_task *task)
{
    merx_network *net = merx_network_new(NULL, MERX_INPUT(12));
    merx_error err = {0};
    merx_network_add(net, MERX_EMBEDDING(.vocabulary = 20, .units = 6, .mask_zero = true));
    merx_network_add(net, MERX_GRU(.units = 9, .return_sequences = true));
    merx_network_add(net, MERX_SIMPLE_RNN(.units = 5, .return_sequences = true, .activation = MERX_SILU));
    merx_network_add(net, MERX_LSTM(.units = 17, .return_sequences = true));
    merx_network_add(net, MERX_DENSE(.units = 4, .activation = MERX_SOFTMAX));
    check_ok(merx_network_compile(net, MERX_ADAM(), MERX_CATEGORICAL_CROSSENTROPY, task, &err), err);
    shake(net, 0.5);
    return net;
}

static void test_embedding(void **state)
{
    (void)state;
    merx_task *task = task_of(1);
    merx_network *net = deep_network(task);
    data d = make_ids(37, 12, 20, 12, 4, 1);
    twin t = twin_new(net, 37);
    check_outputs("embedding", net, &t, &d.e);
    check_gradients("embedding", net, &t, &d.e, 31);
    twin_free(&t);
    data_free(&d);
    merx_network_free(net);
    merx_task_free(task);
}

/* Two readers of one sequence: a layer's dx is added to what the other wrote. */
static void test_graph(void **state)
{
    (void)state;
    merx_error err = {0};
    for (size_t k = 0; k < 3; k++) {
        merx_network *net = merx_network_new(NULL, MERX_INPUT(6, 2));
        int dense = merx_network_add(net, MERX_DENSE(.units = 4, .activation = MERX_TANH));
        int forth =
            merx_network_connect(net, (merx_layer){.kind = kinds[k], .recurrent = {.units = 4}}, 1, (int[]){dense});
        int back = merx_network_connect(
            net, (merx_layer){.kind = kinds[k], .recurrent = {.units = 4, .go_backwards = true}}, 1, (int[]){dense});
        if (mx_layer_kind_of(MERX_LAYER_ADD) == NULL) {
            merx_network_free(net);
            skip();
        }
        merx_network_connect(net, MERX_ADD(), 2, (int[]){forth, back});
        merx_network_add(net, MERX_DENSE(.units = 3, .activation = MERX_SOFTMAX));
        check_ok(merx_network_compile(net, MERX_ADAM(), MERX_CATEGORICAL_CROSSENTROPY, NULL, &err), err);
        shake(net, 0.5);
        data d = make_data(5, 6, 2, 1, 3, 0, false, 2);
        twin t = twin_new(net, 5);
        check_gradients("two directions", net, &t, &d.e, 1);
        twin_free(&t);
        data_free(&d);
        merx_network_free(net);
    }
}

static void test_threads(void **state)
{
    (void)state;
    data d = make_ids(75, 12, 20, 12, 4, 4);
    float *first = NULL;
    merx_error err = {0};
    for (int threads = 1; threads <= 8; threads *= threads == 1 ? 2 : 4) {
        merx_task *task = task_of(threads);
        merx_network *net = deep_network(task);
        check_ok(merx_network_fit(net, &d.e, &(merx_fit_options){.epochs = 2, .batch_size = 40}, task, NULL, &err),
                 err);
        if (first == NULL) {
            first = calloc(net->size, sizeof *first);
            memcpy(first, net->weights, net->size * sizeof *first);
        } else {
            for (size_t i = 0; i < net->size; i++)
                check_same_double((double)net->weights[i], (double)first[i]);
        }
        merx_network_free(net);
        merx_task_free(task);
    }
    free(first);
    data_free(&d);
}

static void test_steps(void **state)
{
    (void)state;
    merx_task *task = task_of(2);
    merx_network *net = deep_network(task);
    data d = make_ids(5, 12, 20, 12, 4, 6);
    float *whole = calloc(5 * 12 * 4, sizeof *whole);
    merx_error err = {0};
    merx_runner *runner;
    check_ok(merx_network_predict(net, &d.e, task, whole, &err), err);
    check_ok(merx_runner_new_steps(net, &runner, &err), err);
    assert_int_equal(merx_runner_state_size(runner), net->state_size);
    float *kept = calloc(net->state_size, sizeof *kept), *now = calloc(net->state_size, sizeof *now);
    for (size_t i = 0; i < 5; i++) {
        merx_runner_reset(runner);
        for (size_t s = 0; s < 12; s++) {
            const float *y = merx_runner_step(runner, d.x + i * 12 + s);
            for (size_t j = 0; j < 4; j++)
                check_same_double((double)y[j], (double)whole[(i * 12 + s) * 4 + j]);
            if (s == 5)
                merx_runner_get_state(runner, kept);
        }
        /* Back to after step 5. */
        merx_runner_set_state(runner, kept);
        merx_runner_get_state(runner, now);
        assert_memory_equal(now, kept, net->state_size * sizeof *kept);
        for (size_t s = 6; s < 12; s++) {
            const float *y = merx_runner_step(runner, d.x + i * 12 + s);
            for (size_t j = 0; j < 4; j++)
                check_same_double((double)y[j], (double)whole[(i * 12 + s) * 4 + j]);
        }
    }
    free(kept), free(now), free(whole);
    merx_runner_free(runner);
    data_free(&d);
    merx_network_free(net);
    merx_task_free(task);
}

static merx_status compile_with(merx_dims input, merx_layer layer, merx_layer next, merx_error *err)
{
    merx_network *net = merx_network_new(NULL, input);
    merx_network_add(net, layer);
    merx_network_add(net, next);
    merx_status status = merx_network_compile(net, MERX_ADAM(), MERX_CATEGORICAL_CROSSENTROPY, NULL, err);
    merx_network_free(net);
    return status;
}

static void test_refused(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_layer dense = MERX_DENSE(.units = 3, .activation = MERX_SOFTMAX);
    check_fails(compile_with(MERX_INPUT(5), MERX_LSTM(.units = 3), dense, &err), MERX_E_SHAPE, err);
    check_fails(compile_with(MERX_INPUT(5, 4, 3), MERX_GRU(.units = 3), dense, &err), MERX_E_SHAPE, err);
    check_fails(compile_with(MERX_INPUT(5, 4), MERX_GRU(), dense, &err), MERX_E_INVALID, err);
    check_fails(compile_with(MERX_INPUT(5, 4), MERX_SIMPLE_RNN(.units = -2), dense, &err), MERX_E_RANGE, err);
    check_fails(compile_with(MERX_INPUT(5, 4), MERX_LSTM(.units = 3, .activation = MERX_SOFTMAX), dense, &err),
                MERX_E_UNSUPPORTED, err);
    check_fails(
        compile_with(MERX_INPUT(5, 4), MERX_LSTM(.units = 3, .recurrent_activation = MERX_SOFTMAX), dense, &err),
        MERX_E_UNSUPPORTED, err);
    check_fails(compile_with(MERX_INPUT(5), MERX_MASKING(), dense, &err), MERX_E_SHAPE, err);
    check_fails(
        compile_with(MERX_INPUT(5, 4), MERX_EMBEDDING(.vocabulary = 9, .units = 2, .mask_zero = true), dense, &err),
        MERX_E_SHAPE, err);
    check_fails(compile_with(MERX_INPUT(5, 2, 2, 2), MERX_EMBEDDING(.vocabulary = 9, .units = 2), dense, &err),
                MERX_E_SHAPE, err);
    check_fails(compile_with(MERX_INPUT(5), MERX_EMBEDDING(.units = 2), dense, &err), MERX_E_INVALID, err);

    merx_network *net = merx_network_new(NULL, MERX_INPUT(2));
    merx_network_add(net, MERX_EMBEDDING(.vocabulary = 9, .units = 2));
    merx_network_add(net, MERX_LSTM(.units = 3, .go_backwards = true));
    merx_network_add(net, dense);
    check_ok(merx_network_compile(net, MERX_ADAM(), MERX_CATEGORICAL_CROSSENTROPY, NULL, &err), err);
    float x[] = {3, 1, 8, 9}, out[6];
    int32_t labels[] = {0, 1};
    merx_examples e = {.n = 2, .x = x, .labels = labels};
    merx_runner *runner = NULL;
    assert_int_equal(merx_network_train_batch(net, &e, NULL, NULL, &err), MERX_E_RANGE);
    check_contains(err.message, "example 1 has 9 at step 1");
    merx_error_clear(&err);
    x[3] = 0.5F;
    check_fails(merx_network_predict(net, &e, NULL, out, &err), MERX_E_RANGE, err);
    x[3] = NAN;
    check_fails(merx_network_evaluate(net, &e, NULL, NULL, NULL, &err), MERX_E_RANGE, err);
    x[3] = 8;
    check_ok(merx_network_predict(net, &e, NULL, out, &err), err);
    check_fails(merx_runner_new_steps(net, &runner, &err), MERX_E_UNSUPPORTED, err);
    merx_network_free(net);
}

static void test_initial(void **state)
{
    (void)state;
    merx_network *net = merx_network_new(NULL, MERX_INPUT(5, 4));
    merx_error err = {0};
    merx_network_add(net, MERX_LSTM(.units = 6, .return_sequences = true));
    merx_network_add(net, MERX_GRU(.units = 3));
    merx_network_add(net, MERX_DENSE(.units = 2, .activation = MERX_SOFTMAX));
    check_ok(merx_network_compile(net, MERX_ADAM(), MERX_CATEGORICAL_CROSSENTROPY, NULL, &err), err);
    merx_weight kernel = merx_network_weight(net, 0), recurrent = merx_network_weight(net, 1),
                bias = merx_network_weight(net, 2);
    assert_string_equal(recurrent.name, "lstm/recurrent_kernel");
    for (size_t i = 0; i < kernel.size; i++)
        assert_true(fabs((double)kernel.values[i]) <= sqrt(6.0 / (4 + 24)));
    /* Rows of U are orthonormal. */
    for (size_t i = 0; i < 6; i++)
        for (size_t j = 0; j < 6; j++) {
            double along = 0;
            for (size_t l = 0; l < 24; l++)
                along += (double)recurrent.values[i * 24 + l] * (double)recurrent.values[j * 24 + l];
            check_close(along, i == j, 1e-6);
        }
    for (size_t i = 0; i < 24; i++)
        check_close((double)bias.values[i], i >= 6 && i < 12, 0);
    merx_weight both = merx_network_weight(net, 5);
    assert_string_equal(both.name, "gru/bias");
    assert_int_equal(both.dims.rank, 2);
    assert_int_equal(both.dims.dim[0], 2);
    assert_int_equal(both.dims.dim[1], 9);
    merx_network_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activations), cmocka_unit_test(test_options), cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_embedding),   cmocka_unit_test(test_graph),   cmocka_unit_test(test_threads),
        cmocka_unit_test(test_steps),       cmocka_unit_test(test_refused), cmocka_unit_test(test_initial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
