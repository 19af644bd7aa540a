/*
 * Training and running networks: the same bits for any number of threads and after an interruption, examples from a callback, held out, weighted; early ends, files, bad
 * input, cancelling, memory that fails; predicting by several threads at once.
 */
#include <pthread.h>

#include "learn/network_twin.h"

enum { N = 90, SIDE = 8, STEPS = 5 };
static float pictures[N * SIDE * SIDE], weights[N];
static unsigned char bytes[N * SIDE * SIDE];
static int32_t labels[N];
static char folder[256];

/* Three classes of pictures that differ in where they are bright. */
static void make_pictures(void)
{
    random_fill(pictures, N * SIDE * SIDE, 3, 0.3);
    for (size_t i = 0; i < N; i++) {
        labels[i] = (int32_t)(i % 3);
        weights[i] = 0.5F + (float)(i % 2);
        for (size_t j = 0; j < SIDE; j++)
            pictures[i * SIDE * SIDE + (size_t)labels[i] * 2 * SIDE + j] += 1;
        for (size_t j = 0; j < SIDE * SIDE; j++)
            bytes[i * SIDE * SIDE + j] = (unsigned char)(100 + 50 * pictures[i * SIDE * SIDE + j]);
    }
}

static merx_task *new_task(int threads, uint64_t seed)
{
    merx_error err = {0};
    merx_task *task;
    check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads, .seed = seed}, &task, &err), err);
    return task;
}

static merx_network *new_network(const merx_allocator *alloc)
{
    merx_network *net = merx_network_new(alloc, MERX_INPUT(SIDE, SIDE, 1));
    merx_network_add(net, MERX_CONV2D(.filters = 6, .kernel = {3, 3}, .activation = MERX_RELU));
    merx_network_add(net, MERX_MAX_POOL2D());
    merx_network_add(net, MERX_BATCH_NORM(.momentum = 0.8));
    merx_network_add(net, MERX_DROPOUT(0.2));
    merx_network_add(net, MERX_RESHAPE(3, 18));
    merx_network_add(net, MERX_LSTM(.units = 7));
    merx_network_add(net, MERX_DENSE(.units = 3, .activation = MERX_SOFTMAX));
    return net;
}

static const merx_examples examples = {.n = N, .x = pictures, .labels = labels};

static merx_network *fitted(const merx_fit_options *o, const merx_examples *e, int threads, merx_history *history)
{
    merx_error err = {0};
    merx_task *task = new_task(threads, 4);
    merx_network *net = new_network(NULL);
    check_ok(merx_network_compile(net, MERX_ADAM(.learning_rate = 0.01), MERX_CATEGORICAL_CROSSENTROPY, task, &err),
             err);
    check_ok(merx_network_fit(net, e, o, task, history, &err), err);
    merx_task_free(task);
    return net;
}

static bool same_weights(const merx_network *a, const merx_network *b)
{
    return memcmp(a->weights, b->weights, a->size * sizeof *a->weights) == 0;
}

static void test_same_bits(void **state)
{
    (void)state;
    static const merx_augmentation augmentation = {
        .flip = true, .shift = 1, .zoom = 0.2, .brightness = 0.1, .contrast = 0.1, .colour = 0.1, .erase = 0.3};
    for (int augmented = 0; augmented < 2; augmented++) {
        merx_fit_options o = {.epochs = 3, .batch_size = 70, .validation_split = 0.2};
        if (augmented)
            o.augmentation = augmentation;
        merx_network *one = fitted(&o, &examples, 1, NULL);
        float first[N * 3], other[N * 3];
        for (int threads = 2; threads <= 8; threads += 6) {
            merx_error err = {0};
            merx_task *task = new_task(threads, 4);
            merx_network *many = fitted(&o, &examples, threads, NULL);
            assert_true(same_weights(one, many));
            check_ok(merx_network_predict(one, &examples, NULL, first, &err), err);
            check_ok(merx_network_predict(many, &examples, task, other, &err), err);
            assert_memory_equal(first, other, sizeof first);
            merx_network_free(many);
            merx_task_free(task);
        }
        merx_network_free(one);
    }
}

static merx_status gather(void *context, const size_t *rows, size_t m, float *x, int32_t *y, float *targets,
                          merx_error *err)
{
    (void)err, (void)targets;
    (*(size_t *)context)++;
    for (size_t i = 0; i < m; i++) {
        if (x != NULL)
            memcpy(x + i * SIDE * SIDE, pictures + rows[i] * SIDE * SIDE, SIDE * SIDE * sizeof *x);
        if (y != NULL)
            y[i] = labels[rows[i]];
    }
    return MERX_OK;
}

static void test_sources(void **state)
{
    (void)state;
    merx_fit_options o = {.epochs = 2, .batch_size = 33};
    size_t calls = 0;
    merx_network *held = fitted(&o, &examples, 1, NULL);
    merx_network *pulled = fitted(&o, &(merx_examples){.n = N, .gather = gather, .context = &calls}, 1, NULL);
    assert_true(calls > 0);
    assert_true(same_weights(held, pulled));
    merx_network_free(pulled);
    /* Bytes: as the same numbers in floats. */
    float *as_floats = calloc(N * SIDE * SIDE, sizeof *as_floats);
    for (size_t i = 0; i < N * SIDE * SIDE; i++)
        as_floats[i] = (float)bytes[i] * 0.5F;
    merx_network *a = fitted(&o, &(merx_examples){.n = N, .bytes = bytes, .scale = 0.5F, .labels = labels}, 1, NULL);
    merx_network *b = fitted(&o, &(merx_examples){.n = N, .x = as_floats, .labels = labels}, 1, NULL);
    assert_true(same_weights(a, b));
    assert_false(same_weights(a, held));
    /* Weights of 1 are none; others, weights of classes and another order are not. */
    const double classes[] = {1, 2, 3};
    float ones[N];
    for (size_t i = 0; i < N; i++)
        ones[i] = 1;
    merx_network *c = fitted(&o, &(merx_examples){.n = N, .x = pictures, .labels = labels, .weights = ones}, 1, NULL);
    assert_true(same_weights(c, held));
    merx_network *d =
        fitted(&o, &(merx_examples){.n = N, .x = pictures, .labels = labels, .weights = weights}, 1, NULL);
    assert_false(same_weights(d, held));
    o.class_weights = classes;
    merx_network *f = fitted(&o, &examples, 1, NULL);
    assert_false(same_weights(f, held));
    o.class_weights = NULL, o.in_order = true;
    merx_network *g = fitted(&o, &examples, 1, NULL);
    assert_false(same_weights(g, held));
    merx_network_free(a), merx_network_free(b), merx_network_free(c), merx_network_free(d), merx_network_free(f),
        merx_network_free(g);
    merx_network_free(held);
    free(as_floats);
}

static merx_status gather_again(void *context, const size_t *rows, size_t m, float *x, int32_t *y, float *targets,
                                merx_error *err)
{
    size_t own[64], calls = 0;
    (void)context;
    assert_true(m <= 64);
    for (size_t i = 0; i < m; i++)
        own[i] = rows[i] % N;
    return gather(&calls, own, m, x, y, targets, err);
}

/* A last batch that is cut into fewer and larger groups than the whole ones: the same as batch after batch by hand. */
static void test_last_batch(void **state)
{
    (void)state;
    static float x[127 * SIDE * SIDE];
    static int32_t y[127];
    merx_error err = {0};
    size_t rows[127];
    for (size_t i = 0; i < 127; i++) {
        rows[i] = i;
        check_ok(gather_again(NULL, rows + i, 1, x + i * SIDE * SIDE, y + i, NULL, &err), err);
    }
    merx_network *whole = fitted(&(merx_fit_options){.batch_size = 64, .in_order = true},
                                 &(merx_examples){.n = 127, .gather = gather_again}, 2, NULL);
    merx_task *task = new_task(2, 4);
    merx_network *parts = new_network(NULL);
    check_ok(merx_network_compile(parts, MERX_ADAM(.learning_rate = 0.01), MERX_CATEGORICAL_CROSSENTROPY, task, &err),
             err);
    for (size_t at = 0; at < 127; at += 64) {
        merx_examples batch = {.n = 127 - at < 64 ? 127 - at : 64, .x = x + at * SIDE * SIDE, .labels = y + at};
        check_ok(merx_network_train_batch(parts, &batch, task, NULL, &err), err);
    }
    assert_true(same_weights(whole, parts));
    merx_network_free(whole);
    merx_network_free(parts);
    merx_task_free(task);
}

/* Smoothed labels are rows of targets that say the same. */
static void test_label_smoothing(void **state)
{
    (void)state;
    enum { EPOCHS = 3 };
    static float targets[N * 3];
    merx_history a = {0}, b = {0};
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < 3; k++)
            targets[i * 3 + k] = ((size_t)labels[i] == k ? 0.7F : 0) + 0.3F / 3;
    merx_network *smooth = fitted(&(merx_fit_options){.epochs = EPOCHS, .label_smoothing = 0.3}, &examples, 2, &a);
    merx_network *rows = fitted(&(merx_fit_options){.epochs = EPOCHS},
                                &(merx_examples){.n = N, .x = pictures, .targets = targets}, 2, &b);
    merx_network *plain = fitted(&(merx_fit_options){.epochs = EPOCHS}, &examples, 2, NULL);
    for (size_t e = 0; e < EPOCHS; e++)
        check_relative(a.epoch[e].loss, b.epoch[e].loss, 1e-4);
    check_relative(a.epoch[0].loss, b.epoch[0].loss, 1e-5);
    for (size_t i = 0; i < smooth->size; i++)
        check_close((double)smooth->weights[i], (double)rows->weights[i], 2e-3);
    assert_false(same_weights(smooth, plain));
    merx_history_release(&a);
    merx_history_release(&b);
    merx_network_free(smooth);
    merx_network_free(rows);
    merx_network_free(plain);
    merx_error err = {0};
    merx_task *task = new_task(1, 4);
    merx_network *net = new_network(NULL);
    check_ok(merx_network_compile(net, MERX_ADAM(), MERX_CATEGORICAL_CROSSENTROPY, task, &err), err);
    check_fails(merx_network_fit(net, &examples, &(merx_fit_options){.label_smoothing = 1}, task, NULL, &err),
                MERX_E_RANGE, err);
    check_fails(merx_network_fit(net, &(merx_examples){.n = N, .x = pictures, .targets = targets},
                                 &(merx_fit_options){.label_smoothing = 0.1}, task, NULL, &err),
                MERX_E_INVALID, err);
    merx_network_free(net);
    merx_task_free(task);
}

static void test_learns(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_history history;
    char csv[300], svg[300];
    snprintf(csv, sizeof csv, "%s/log.csv", folder);
    snprintf(svg, sizeof svg, "%s/curves.svg", folder);
    merx_network *net = fitted(
        &(merx_fit_options){.epochs = 25, .batch_size = 16, .validation_split = 0.3, .csv_log = csv, .curves = svg},
        &examples, 2, &history);
    double loss, metric;
    check_ok(merx_network_evaluate(net, &examples, NULL, &loss, &metric, &err), err);
    assert_true(metric > 0.95);
    assert_int_equal(history.epochs, 25);
    assert_true(history.epoch[24].loss < history.epoch[0].loss / 3);
    assert_true(history.epoch[24].validation_metric > 0.9);
    for (int e = 0; e < 25; e++)
        assert_true(history.epoch[history.best - 1].validation_loss <= history.epoch[e].validation_loss);
    char *text = check_read_file(csv, NULL);
    check_contains(text, "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds\n1,");
    free(text);
    text = check_read_file(svg, NULL);
    check_contains(text, "<svg");
    check_contains(text, "validation");
    free(text);
    merx_history_release(&history);
    merx_network_free(net);
}

/* Ends early, and the best epoch's weights are kept. */
static void test_patience(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_history history;
    int32_t noise[N];
    for (size_t i = 0; i < N; i++)
        noise[i] = (int32_t)(i * i * 7 % 11 % 3);
    merx_examples e = {.n = N, .x = pictures, .labels = noise};
    merx_network *net =
        fitted(&(merx_fit_options){.epochs = 200, .validation_split = 0.4, .patience = 5, .restore_best = true}, &e, 1,
               &history);
    assert_true(history.epochs < 200);
    assert_int_equal(history.epochs, history.best + 5);
    double loss;
    size_t held = N - (size_t)(N * 0.6);
    check_ok(merx_network_evaluate(
                 net, &(merx_examples){.n = held, .x = pictures + (N - held) * SIDE * SIDE, .labels = noise + N - held},
                 NULL, &loss, NULL, &err),
             err);
    check_relative(loss, history.epoch[history.best - 1].validation_loss, 1e-12);
    merx_history_release(&history);
    merx_network_free(net);
}

static merx_status stop_after(void *context, const merx_epoch *epoch, merx_error *err)
{
    if (epoch->epoch == *(int *)context)
        return mx_error_set(err, MERX_E_CANCELLED, "test", "enough");
    return MERX_OK;
}

static void test_resume(void **state)
{
    (void)state;
    merx_error err = {0};
    char path[300];
    snprintf(path, sizeof path, "%s/checkpoint.merx", folder);
    int last = 2;
    merx_fit_options o = {.epochs = 5, .batch_size = 20};
    merx_network *whole = fitted(&o, &examples, 2, NULL);
    merx_task *task = new_task(2, 4);
    merx_network *net = new_network(NULL), *loaded;
    check_ok(merx_network_compile(net, MERX_ADAM(.learning_rate = 0.01), MERX_CATEGORICAL_CROSSENTROPY, task, &err),
             err);
    o.checkpoint = path, o.on_epoch = stop_after, o.context = &last;
    check_fails(merx_network_fit(net, &examples, &o, task, NULL, &err), MERX_E_CANCELLED, err);
    check_ok(merx_network_load(NULL, path, &loaded, &err), err);
    o.on_epoch = NULL;
    merx_history history;
    check_ok(merx_network_fit(loaded, &examples, &o, task, &history, &err), err);
    assert_int_equal(history.epochs, 3);
    assert_int_equal(history.epoch[0].epoch, 3);
    assert_true(same_weights(whole, loaded));
    merx_history_release(&history);
    merx_network_free(whole), merx_network_free(net), merx_network_free(loaded);
    merx_task_free(task);
}

static void test_runner(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_runner *runner;
    float all[N * 3];
    merx_network *net = fitted(&(merx_fit_options){.epochs = 1}, &examples, 1, NULL);
    check_ok(merx_network_predict(net, &examples, NULL, all, &err), err);
    check_ok(merx_runner_new(net, 20, true, &runner, &err), err);
    /* An example's bits don't depend on its neighbours. */
    for (size_t i = 0; i < N; i++)
        assert_memory_equal(merx_runner_run(runner, pictures + i * SIDE * SIDE, 1), all + i * 3, 3 * sizeof *all);
    assert_memory_equal(merx_runner_run(runner, pictures, 20), all, 60 * sizeof *all);
    assert_null(merx_runner_node(runner, merx_network_find(net, "conv2d")));
    const float *last = merx_runner_node(runner, merx_network_find(net, "lstm"));
    assert_non_null(last);
    /* The output is a softmax of what the layer before it gave. */
    merx_weight kernel = merx_network_weight(net, merx_network_weights(net) - 2),
                bias = merx_network_weight(net, merx_network_weights(net) - 1);
    double logits[3], sum = 0;
    for (size_t c = 0; c < 3; c++) {
        logits[c] = (double)bias.values[c];
        for (size_t j = 0; j < 7; j++)
            logits[c] += (double)last[19 * 7 + j] * (double)kernel.values[j * 3 + c];
        sum += exp(logits[c]);
    }
    for (size_t c = 0; c < 3; c++)
        check_close((double)all[19 * 3 + c], exp(logits[c]) / sum, 1e-5);
    merx_runner_free(runner);
    check_fails(merx_runner_new(net, 0, false, &runner, &err), MERX_E_RANGE, err);
    check_fails(merx_runner_new_steps(net, &runner, &err), MERX_E_SHAPE, err);
    merx_network_free(net);
}

static void test_bad_input(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_network *net = new_network(NULL);
    const merx_fit_options o = {.epochs = 1};
    check_fails(merx_network_fit(net, &examples, &o, NULL, NULL, &err), MERX_E_INVALID, err);
    check_ok(merx_network_compile(net, MERX_ADAM(), MERX_CATEGORICAL_CROSSENTROPY, NULL, &err), err);
    assert_int_equal(merx_network_add(net, MERX_DENSE(.units = 3)), -1);
    float *before = calloc(net->size, sizeof *before);
    memcpy(before, net->weights, net->size * sizeof *before);
    int32_t wrong[N];
    memcpy(wrong, labels, sizeof wrong);
    wrong[41] = 3;
    assert_int_equal(
        merx_network_fit(net, &(merx_examples){.n = N, .x = pictures, .labels = wrong}, &o, NULL, NULL, &err),
        MERX_E_RANGE);
    check_contains(err.message, "example 41 has label 3; the network has 3 classes");
    merx_error_clear(&err);
    check_fails(merx_network_fit(net, &(merx_examples){.n = 0, .x = pictures, .labels = labels}, &o, NULL, NULL, &err),
                MERX_E_INVALID, err);
    check_fails(merx_network_fit(net, &(merx_examples){.n = N, .labels = labels}, &o, NULL, NULL, &err), MERX_E_INVALID,
                err);
    check_fails(merx_network_fit(net, &(merx_examples){.n = N, .x = pictures}, &o, NULL, NULL, &err), MERX_E_INVALID,
                err);
    float negative[N] = {-1};
    check_fails(merx_network_fit(net, &(merx_examples){.n = N, .x = pictures, .labels = labels, .weights = negative},
                                 &o, NULL, NULL, &err),
                MERX_E_RANGE, err);
    check_fails(merx_network_fit(net, &examples, &(merx_fit_options){.validation_split = 1}, NULL, NULL, &err),
                MERX_E_RANGE, err);
    check_fails(merx_network_fit(net, &examples, &(merx_fit_options){.epochs = -1}, NULL, NULL, &err), MERX_E_RANGE,
                err);
    check_fails(merx_network_fit(net, &examples, &(merx_fit_options){.augmentation = {.erase = 2}}, NULL, NULL, &err),
                MERX_E_RANGE, err);
    /* A number that is not finite: the step and the layer are named, the weights of before are kept. */
    float *broken = calloc(N * SIDE * SIDE, sizeof *broken);
    memcpy(broken, pictures, N * SIDE * SIDE * sizeof *broken);
    broken[5 * SIDE * SIDE + 30] = INFINITY;
    assert_int_equal(
        merx_network_fit(net, &(merx_examples){.n = N, .x = broken, .labels = labels}, &o, NULL, NULL, &err),
        MERX_E_NUMERIC);
    check_contains(err.message, "step ");
    check_contains(err.message, "learning rate");
    assert_string_equal(err.where, "input");
    merx_error_clear(&err);
    for (size_t i = 0; i < net->trainable; i++)
        check_close((double)net->weights[i], (double)before[i], 0);
    check_fails(merx_network_set_weight(net, 0, before, 3, &err), MERX_E_SHAPE, err);
    check_fails(merx_network_set_weight(net, 99, before, 3, &err), MERX_E_NOT_FOUND, err);
    free(broken), free(before);
    merx_network_free(net);
    merx_network *none = NULL;
    check_fails(merx_network_compile(none, MERX_ADAM(), MERX_HUBER, NULL, &err), MERX_E_MEMORY, err);
    merx_network_free(none);
}

static merx_task *running;
static merx_status cancel_now(void *context, const merx_epoch *epoch, merx_error *err)
{
    (void)context, (void)epoch, (void)err;
    merx_task_cancel(running);
    return MERX_OK;
}

static void test_cancel(void **state)
{
    (void)state;
    merx_error err = {0};
    running = new_task(2, 4);
    merx_network *net = new_network(NULL);
    check_ok(merx_network_compile(net, MERX_ADAM(.learning_rate = 0.01), MERX_CATEGORICAL_CROSSENTROPY, running, &err),
             err);
    check_fails(
        merx_network_fit(net, &examples, &(merx_fit_options){.epochs = 5, .on_epoch = cancel_now}, running, NULL, &err),
        MERX_E_CANCELLED, err);
    /* The first epoch, whole. */
    merx_network *one = fitted(&(merx_fit_options){.epochs = 1}, &examples, 1, NULL);
    assert_true(same_weights(net, one));
    merx_network_free(net), merx_network_free(one);
    merx_task_free(running);
}

static merx_status scenario(const merx_allocator *alloc, void *context, merx_error *err)
{
    (void)context;
    merx_runner *runner = NULL;
    merx_status status;
    merx_history history = {0};
    float out[3];
    merx_network *net = new_network(alloc);
    if (net == NULL)
        return mx_error_set(err, MERX_E_MEMORY, "network", "no memory");
    MX_TRY_GOTO(merx_network_compile(net, MERX_ADAM(), MERX_CATEGORICAL_CROSSENTROPY, NULL, err));
    MX_TRY_GOTO(merx_network_fit(net, &(merx_examples){.n = 20, .x = pictures, .labels = labels},
                                 &(merx_fit_options){.epochs = 1, .restore_best = true}, NULL, &history, err));
    MX_TRY_GOTO(merx_network_predict(net, &(merx_examples){.n = 1, .x = pictures}, NULL, out, err));
    MX_TRY_GOTO(merx_runner_new(net, 1, true, &runner, err));
out:
    merx_runner_free(runner);
    merx_history_release(&history);
    merx_network_free(net);
    return status;
}

static void test_memory_fails(void **state)
{
    (void)state;
    check_every_allocation(scenario, NULL);
}

/* What one call leaves for the next, under calls from several threads at once: with tasks of different sizes, alone and after one another. */
typedef struct caller {
    const merx_network *net;
    const float *want;
    int threads;
    size_t differ;
    merx_status status;
} caller;

static void *call_often(void *argument)
{
    caller *c = argument;
    merx_task *task = c->threads > 0 ? new_task(c->threads, 1) : NULL;
    for (size_t i = 0; i < 60 && c->status == MERX_OK; i++) {
        float out[N * 3];
        merx_examples part = {.n = 1 + (i * 7) % N, .x = pictures};
        c->status = merx_network_predict(c->net, &part, task, out, NULL);
        c->differ += memcmp(out, c->want, part.n * 3 * sizeof *out) != 0;
    }
    merx_task_free(task);
    return NULL;
}

static void test_predicted_at_once(void **state)
{
    (void)state;
    enum { CALLERS = 4 };
    merx_error err = {0};
    merx_network *net = fitted(&(merx_fit_options){.epochs = 1, .batch_size = 16}, &examples, 1, NULL);
    float want[N * 3];
    check_ok(merx_network_predict(net, &examples, NULL, want, &err), err);
    assert_non_null(atomic_load(&net->shelf->workshop));
    caller callers[CALLERS];
    pthread_t threads[CALLERS];
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (caller){.net = net, .want = want, .threads = i};
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].status, MERX_OK);
        assert_int_equal(callers[i].differ, 0);
    }
    /* A network compiled anew begins with nothing. */
    check_ok(merx_network_compile(net, MERX_SGD(), MERX_CATEGORICAL_CROSSENTROPY, NULL, &err), err);
    assert_null(atomic_load(&net->shelf->workshop));
    merx_network_free(net);
}

int main(void)
{
    make_pictures();
    check_make_folder(folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),    cmocka_unit_test(test_sources),
        cmocka_unit_test(test_last_batch),   cmocka_unit_test(test_label_smoothing),
        cmocka_unit_test(test_learns),       cmocka_unit_test(test_patience),
        cmocka_unit_test(test_resume),       cmocka_unit_test(test_runner),
        cmocka_unit_test(test_bad_input),    cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_memory_fails), cmocka_unit_test(test_predicted_at_once),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    check_remove_folder(folder);
    return failed;
}
