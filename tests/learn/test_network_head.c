/*
 * The last dense layer together with the loss: full softmax over a large catalogue, sampled softmax, BPR; beside the twin of all logits, gradients by central
 * differences, rows that don't count, weights, more rows than a tile, the same bits for any number of threads; what samples are drawn by.
 */
#include "learn/network/head.h"
#include "learn/network_twin.h"

/* (steps) of items → embedding → gru → the head. */
static merx_network *catalogue_network(size_t steps, int items, bool sequences, merx_loss loss, bool no_bias,
                                       merx_task *task)
{
    merx_network *net = merx_network_new(NULL, MERX_INPUT(steps));
    merx_error err = {0};
    merx_network_add(net, MERX_EMBEDDING(.vocabulary = 30, .units = 3, .mask_zero = true));
    merx_network_add(net, MERX_GRU(.units = 4, .return_sequences = sequences));
    merx_network_add(net, MERX_DENSE(.units = items, .no_bias = no_bias,
                                     .activation = loss == MERX_CATEGORICAL_CROSSENTROPY ? MERX_SOFTMAX : MERX_LINEAR));
    check_ok(merx_network_compile(net, MERX_ADAM(.learning_rate = 0.02), loss, task, &err), err);
    assert_true(net->node[net->nodes - 1].head);
    random_weights(net, 0.4);
    return net;
}

typedef struct data {
    float *x, *weights;
    int32_t *labels;
    merx_examples e;
} data;

/* A third of the rows does not count. */
static data make_data(const merx_network *net, size_t n)
{
    size_t steps = mx_input_size(net), rows = mx_output_rows(net);
    data d = {.x = calloc(n * steps, sizeof(float)),
              .weights = calloc(n, sizeof(float)),
              .labels = calloc(n * rows, sizeof(int32_t))};
    mx_random r;
    mx_random_init(&r, 3, n);
    for (size_t i = 0; i < n * steps; i++)
        d.x[i] = (float)mx_random_below(&r, 30);
    for (size_t i = 0; i < n * rows; i++) {
        double v = mx_random_uniform(&r);
        d.labels[i] = rows > 1 && mx_random_below(&r, 3) == 0 ? -1 : (int32_t)(v * v * (double)mx_output_units(net));
    }
    for (size_t i = 0; i < n; i++)
        d.weights[i] = 0.5F + (float)(i % 3);
    d.e = (merx_examples){.n = n, .x = d.x, .labels = d.labels, .weights = d.weights};
    return d;
}

static void data_free(data *d)
{
    free(d->x), free(d->weights), free(d->labels);
}

/* The loss of all logits, for the samples that the first step draws. */
static double twin_of(twin *t, const merx_examples *e, const mx_popularity *popularity)
{
    const merx_network *net = t->net;
    size_t rows = mx_output_rows(net), counted = 0;
    float *weights = malloc(e->n * rows * sizeof *weights);
    for (size_t i = 0; i < e->n * rows; i++) {
        weights[i] = e->weights[i / rows];
        counted += e->labels[i] >= 0;
    }
    mx_run run = {.net = net, .popularity = popularity};
    mx_loss_rows r = {.m = e->n * rows,
                      .u = mx_output_units(net),
                      .labels = e->labels,
                      .weights = weights,
                      .seed = net->seed,
                      .step = net->steps};
    double sum = mx_head_twin(&run, net->loss, &r, twin_run(t, e->x, true, true));
    free(weights);
    return sum / (double)counted;
}

static void check_sampled(merx_network *net, const merx_examples *e)
{
    merx_error err = {0};
    twin *t = twin_new(net, e->n);
    mx_popularity p;
    check_ok(mx_popularity_new(net, &p, &err), err);
    mx_popularity_clear(&p);
    mx_popularity_add(&p, e->labels, e->n * mx_output_rows(net));
    mx_popularity_close(&p);
    double loss, want = twin_of(t, e, &p);
    check_ok(merx_network_gradients(net, e, NULL, &loss, &err), err);
    check_relative(loss, want, 2e-5);
    for (size_t i = 0; i < merx_network_weights(net); i++) {
        merx_weight w = merx_network_weight(net, i);
        size_t at = (size_t)(w.values - net->weights), step = w.size > 40 ? w.size / 40 : 1;
        double top = 0;
        for (size_t j = 0; j < w.size; j++)
            top = fmax(top, fabs((double)w.gradient[j]));
        assert_true(top > 0);
        for (size_t j = 0; j < w.size; j += step) {
            double before = t->weights[at + j], h = 1e-5;
            t->weights[at + j] = before + h;
            double up = twin_of(t, e, &p);
            t->weights[at + j] = before - h;
            double down = twin_of(t, e, &p);
            t->weights[at + j] = before;
            check_close((double)w.gradient[j], (up - down) / (2 * h), 2e-4 * top);
        }
    }
    mx_popularity_release(net, &p);
    twin_free(t);
}

static void test_full(void **state)
{
    (void)state;
    for (int sequences = 0; sequences < 2; sequences++) {
        merx_network *net =
            catalogue_network(5, MX_HEAD_UNITS + 37, sequences, MERX_CATEGORICAL_CROSSENTROPY, sequences, NULL);
        data d = make_data(net, 6);
        check_network(net, &d.e, 2e-5, 2e-4, 12);
        data_free(&d);
        merx_network_free(net);
    }
}

/* More rows of a block than a tile has. */
static void test_tiles(void **state)
{
    (void)state;
    merx_network *net = catalogue_network(60, MX_HEAD_UNITS + 1, true, MERX_CATEGORICAL_CROSSENTROPY, false, NULL);
    data d = make_data(net, 40);
    size_t counted = 0;
    for (size_t i = 0; i < (size_t)20 * 60; i++)
        counted += d.labels[i] >= 0;
    assert_true(counted > MX_HEAD_ROWS);
    check_network(net, &d.e, 2e-5, 2e-4, 3);
    /* Judging gives what all logits give. */
    double loss, metric, want = 0, right = 0, all = 0;
    merx_error err = {0};
    size_t u = mx_output_units(net);
    float *p = calloc(40 * 60 * u, sizeof *p);
    check_ok(merx_network_predict(net, &d.e, NULL, p, &err), err);
    for (size_t i = 0; i < (size_t)40 * 60; i++) {
        if (d.labels[i] < 0)
            continue;
        size_t best = 0;
        for (size_t j = 1; j < u; j++)
            best = p[i * u + j] > p[i * u + best] ? j : best;
        right += best == (size_t)d.labels[i];
        want -= (double)d.weights[i / 60] * log((double)p[i * u + (size_t)d.labels[i]]);
        all++;
    }
    check_ok(merx_network_evaluate(net, &d.e, NULL, &loss, &metric, &err), err);
    check_relative(loss, want / all, 1e-5);
    check_close(metric, right / all, 1.5 / all);
    free(p);
    data_free(&d);
    merx_network_free(net);
}

/* Rows of shares instead of labels; some in the last columns, which are few. wide: of the layer in front. */
static void check_targets(int wide)
{
    merx_network *net = merx_network_new(NULL, MERX_INPUT(3));
    merx_error err = {0};
    size_t u = MX_HEAD_UNITS + 3, n = 7;
    merx_network_add(net, MERX_DENSE(.units = wide, .activation = MERX_TANH));
    merx_network_add(net, MERX_DENSE(.units = (int)u, .activation = MERX_SOFTMAX));
    check_ok(merx_network_compile(net, MERX_ADAM(), MERX_CATEGORICAL_CROSSENTROPY, NULL, &err), err);
    random_weights(net, 0.4);
    float *targets = calloc(n * u, sizeof *targets), x[21];
    random_fill(x, 21, 1, 1);
    for (size_t i = 0; i < n; i++) {
        targets[i * u + 17 * i] = 0.75F;
        targets[i * u + (i % 2 == 0 ? 900 : u - 2)] += 0.25F;
    }
    merx_examples e = {.n = n, .x = x, .targets = targets};
    check_network(net, &e, 2e-5, 2e-4, 12);
    free(targets);
    merx_network_free(net);
}

static void test_targets(void **state)
{
    (void)state;
    check_targets(4);
    check_targets(70);
}

static void test_sampled(void **state)
{
    (void)state;
    static const merx_loss losses[] = {MERX_SAMPLED_SOFTMAX, MERX_BPR};
    for (size_t l = 0; l < 2; l++)
        for (int bits = 0; bits < 4; bits++) {
            merx_network *net = catalogue_network(5, 70, bits & 1, losses[l], bits & 2, NULL);
            data d = make_data(net, 23);
            check_sampled(net, &d.e);
            data_free(&d);
            merx_network_free(net);
        }
}

/* Sampled softmax is judged over all of the catalogue; BPR by pairs. */
static void test_judged(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_network *net = catalogue_network(5, 70, true, MERX_SAMPLED_SOFTMAX, false, NULL);
    data d = make_data(net, 23);
    double loss, metric, want = 0, all = 0;
    float *y = calloc((size_t)23 * 5 * 70, sizeof *y);
    check_ok(merx_network_predict(net, &d.e, NULL, y, &err), err);
    for (size_t i = 0; i < (size_t)23 * 5; i++) {
        if (d.labels[i] < 0)
            continue;
        double sum = 0;
        for (size_t j = 0; j < 70; j++)
            sum += exp((double)y[i * 70 + j]);
        want += (double)d.weights[i / 5] * (log(sum) - (double)y[i * 70 + (size_t)d.labels[i]]);
        all++;
    }
    check_ok(merx_network_evaluate(net, &d.e, NULL, &loss, &metric, &err), err);
    check_relative(loss, want / all, 1e-5);
    merx_network_free(net);
    net = catalogue_network(5, 70, true, MERX_BPR, false, NULL);
    check_ok(merx_network_evaluate(net, &d.e, NULL, &loss, &metric, &err), err);
    assert_true(metric > 0.2 && metric < 0.8 && loss > 0.3 && loss < 1.5);
    merx_network_free(net);
    free(y);
    data_free(&d);
}

static void test_popularity(void **state)
{
    (void)state;
    merx_network *net = catalogue_network(5, 50, true, MERX_SAMPLED_SOFTMAX, false, NULL);
    merx_error err = {0};
    mx_popularity p;
    int32_t labels[] = {3, 3, -1, 3, 49, 0, 3, 49, -2};
    size_t seen[50] = {0}, draws = 40000;
    check_ok(mx_popularity_new(net, &p, &err), err);
    mx_popularity_clear(&p);
    mx_popularity_add(&p, labels, sizeof labels / sizeof *labels);
    mx_popularity_close(&p);
    for (size_t i = 0; i < draws; i++)
        seen[mx_popularity_sample(&p, 5, 6, i)]++;
    double total = 0;
    for (size_t j = 0; j < 50; j++) {
        double q = (j == 3 ? 5 : j == 49 ? 3 : j == 0 ? 2 : 1) / 57.0;
        check_close(mx_popularity_log_q(&p, j), log(q), 1e-12);
        check_close((double)seen[j], q * (double)draws, 5 * sqrt(q * (double)draws));
        total += exp(mx_popularity_log_q(&p, j));
    }
    check_close(total, 1, 1e-12);
    /* Another step, other samples; the same step, the same. */
    size_t same = 0;
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(mx_popularity_sample(&p, 5, 6, i), mx_popularity_sample(&p, 5, 6, i));
        same += mx_popularity_sample(&p, 5, 6, i) == mx_popularity_sample(&p, 5, 7, i);
        assert_true(mx_head_other(50, 7, 5, 6, i) != 7 && mx_head_other(50, 7, 5, 6, i) < 50);
        assert_true(mx_head_other(2, i % 2, 5, 6, i) == 1 - i % 2);
    }
    assert_true(same < 100);
    mx_popularity_release(net, &p);
    merx_network_free(net);
}

static void test_threads(void **state)
{
    (void)state;
    static const merx_loss losses[] = {MERX_CATEGORICAL_CROSSENTROPY, MERX_SAMPLED_SOFTMAX, MERX_BPR};
    merx_error err = {0};
    for (size_t l = 0; l < 3; l++) {
        float *first = NULL;
        for (int threads = 1; threads <= 8; threads *= threads == 1 ? 2 : 4) {
            merx_task *task;
            check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads, .seed = 4}, &task, &err), err);
            merx_network *net = catalogue_network(5, MX_HEAD_UNITS + 10, l != 1, losses[l], false, task);
            data d = make_data(net, 70);
            merx_history history;
            check_ok(
                merx_network_fit(net, &d.e, &(merx_fit_options){.epochs = 5, .batch_size = 33}, task, &history, &err),
                err);
            assert_true(history.epoch[4].loss < history.epoch[0].loss);
            merx_history_release(&history);
            if (first == NULL) {
                first = calloc(net->size, sizeof *first);
                memcpy(first, net->weights, net->size * sizeof *first);
            }
            for (size_t i = 0; i < net->size; i++)
                check_same_double((double)net->weights[i], (double)first[i]);
            data_free(&d);
            merx_network_free(net);
            merx_task_free(task);
        }
        free(first);
    }
}

static void test_refused(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_network *net = merx_network_new(NULL, MERX_INPUT(3));
    merx_network_add(net, MERX_DENSE(.units = 5, .activation = MERX_SOFTMAX));
    check_fails(merx_network_compile(net, MERX_ADAM(), MERX_SAMPLED_SOFTMAX, NULL, &err), MERX_E_SHAPE, err);
    check_fails(merx_network_compile(net, MERX_ADAM(), MERX_BPR, NULL, &err), MERX_E_SHAPE, err);
    check_ok(merx_network_compile(net, MERX_ADAM(), MERX_CATEGORICAL_CROSSENTROPY, NULL, &err), err);
    assert_false(net->node[1].head);
    merx_network_free(net);
    net = merx_network_new(NULL, MERX_INPUT(3));
    merx_network_add(net, MERX_DENSE(.units = 5));
    check_ok(merx_network_compile(net, MERX_ADAM(), MERX_BPR, NULL, &err), err);
    float x[3] = {1, 2, 3}, targets[5] = {0};
    int32_t label = 5;
    check_fails(merx_network_train_batch(net, &(merx_examples){.n = 1, .x = x, .targets = targets}, NULL, NULL, &err),
                MERX_E_INVALID, err);
    check_fails(merx_network_train_batch(net, &(merx_examples){.n = 1, .x = x, .labels = &label}, NULL, NULL, &err),
                MERX_E_RANGE, err);
    merx_network_free(net);
}

/* Everything that is made for a head, sampled or not, and for states. */
static merx_status train_and_judge(const merx_allocator *alloc, void *context, merx_error *err)
{
    const merx_loss *loss = context;
    float x[] = {1, 2, 0, 3, 4, 5};
    int32_t labels[] = {1, 2, -1, 3, 0, 4};
    merx_examples e = {.n = 2, .x = x, .labels = labels};
    merx_runner *runner = NULL;
    merx_network *net = merx_network_new(alloc, MERX_INPUT(3));
    merx_network_add(net, MERX_EMBEDDING(.vocabulary = 6, .units = 2, .mask_zero = true));
    merx_network_add(net, MERX_LSTM(.units = 3, .return_sequences = true, .stateful = true));
    merx_network_add(net, MERX_DENSE(.units = 5));
    merx_status status = merx_network_compile(net, MERX_ADAM(), *loss, NULL, err);
    if (status == MERX_OK)
        status = merx_network_fit(net, &e, &(merx_fit_options){.epochs = 2, .batch_size = 2}, NULL, NULL, err);
    if (status == MERX_OK)
        status = merx_network_evaluate(net, &e, NULL, NULL, NULL, err);
    if (status == MERX_OK)
        status = merx_runner_new_steps(net, &runner, err);
    merx_runner_free(runner);
    merx_network_free(net);
    return status;
}

static void test_memory(void **state)
{
    (void)state;
    merx_loss losses[] = {MERX_SAMPLED_SOFTMAX, MERX_BPR};
    for (size_t l = 0; l < 2; l++)
        check_every_allocation(train_and_judge, &losses[l]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full),    cmocka_unit_test(test_tiles),   cmocka_unit_test(test_targets),
        cmocka_unit_test(test_sampled), cmocka_unit_test(test_judged),  cmocka_unit_test(test_popularity),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_refused), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
