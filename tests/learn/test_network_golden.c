/*
 * Networks beside Keras 3 in float64: every layer and option (network_layers.json: what comes out, loss, gradients, moving statistics) and the first twenty
 * steps of small ones under every optimiser (network_small.json).
 */
#include "support/network_golden.h"

static const double TINY_RATE = 1e-12; /* a step that changes nothing */

/* got (count) beside want, relative to the largest of want. */
static void check_tensor(const char *name, const char *what, const float *got, const double *want, size_t count,
                         double tolerance)
{
    double largest = 1e-6;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(want[i]));
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)got[i] - want[i]) <= tolerance * largest))
            check_die(__FILE__, __LINE__, "%s, %s %zu of %zu: %.9g, Keras %.9g (off by %.3g of the largest)", name,
                      what, i, count, (double)got[i], want[i], fabs((double)got[i] - want[i]) / largest);
}

static void check_gradients(const merx_network *net, json_t *gradients, const char *name)
{
    for (size_t i = 0; i < merx_network_weights(net); i++) {
        json_t *want = json_array_get(gradients, i);
        merx_weight w = merx_network_weight(net, i);
        assert_int_equal(w.trainable, !json_is_null(want));
        if (!w.trainable)
            continue;
        double *values = NULL;
        size_t count = 0, capacity = 0;
        check_collect_doubles(want, &values, &count, &capacity);
        assert_int_equal(count, w.size);
        assert_non_null(w.gradient);
        check_tensor(name, w.name, w.gradient, values, count, 2e-5);
        free(values);
    }
}

static bool has_layer(json_t *c, const char *kind)
{
    size_t i;
    json_t *layer;
    json_array_foreach(check_member(check_member(c, "spec"), "layers"), i,
                       layer) if (strcmp(json_string_value(check_member(layer, "layer")), kind) == 0) return true;
    return false;
}

static void check_moving(const merx_network *net, json_t *want, const char *name)
{
    size_t k = 0;
    for (size_t i = 0; i < merx_network_weights(net); i++) {
        merx_weight w = merx_network_weight(net, i);
        if (w.trainable)
            continue;
        double *values = NULL;
        size_t count = 0, capacity = 0;
        check_collect_doubles(json_array_get(want, k++), &values, &count, &capacity);
        assert_int_equal(count, w.size);
        check_tensor(name, w.name, w.values, values, count, 1e-6);
        free(values);
    }
    assert_int_equal(k, json_array_size(want));
}

/* The loss of the second time that a stateful network sees the same examples. */
static double second_loss(json_t *c)
{
    size_t count = 0;
    double sum = 0, *second = check_doubles(check_member(c, "second"), "values", &count),
           *target = check_doubles(c, "target", NULL);
    for (size_t i = 0; i < count; i++)
        sum += (second[i] - target[i]) * (second[i] - target[i]);
    free(second);
    free(target);
    return sum / (double)count;
}

static void check_layers(json_t *c, merx_task *task)
{
    merx_error err = {0};
    const char *name = json_string_value(check_member(c, "name"));
    merx_network *net = golden_network(c, MERX_SGD(.learning_rate = TINY_RATE), MERX_MEAN_SQUARED_ERROR, task);
    size_t n = (size_t)json_integer_value(json_array_get(check_member(check_member(c, "x"), "shape"), 0)), count = 0;
    float *x = golden_member(check_member(c, "x"), "values", NULL), *target = golden_member(c, "target", NULL);
    double *want = check_doubles(check_member(c, "output"), "values", &count);
    merx_examples examples = {.n = n, .x = x, .targets = target};
    bool running = json_object_get(c, "training") != NULL, statistics = has_layer(c, "batch_norm");
    if (running || !statistics) { /* training and running are the same */
        float *out = malloc(count * sizeof *out);
        check_ok(merx_network_predict(net, &examples, task, out, &err), err);
        check_tensor(name, "output", out, want, count, 1e-5);
        free(out);
    }
    if (!running) {
        double loss = 0;
        merx_network_reset(net);
        check_ok(merx_network_gradients(net, &examples, task, &loss, &err), err);
        check_relative(loss, check_number(c, "loss"), 1e-5);
        check_gradients(net, check_member(check_member(c, "gradients"), "weights"), name);
        merx_network_free(net);
        net = golden_network(c, MERX_SGD(.learning_rate = TINY_RATE), MERX_MEAN_SQUARED_ERROR, task);
        for (int step = 0; step < 3; step++) {
            check_ok(merx_network_train_batch(net, &examples, task, &loss, &err), err);
            if (statistics && step != 1)
                check_moving(net, check_member(c, step == 0 ? "moving" : "moving_after_three"), name);
            if (step == 1 && json_object_get(c, "second") != NULL)
                check_relative(loss, second_loss(c), 1e-5);
        }
    }
    merx_network_free(net);
    free(x);
    free(target);
    free(want);
}

static void test_layers(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_task *task = NULL;
    check_ok(merx_task_new(NULL, NULL, &task, &err), err);
    json_t *golden = check_golden("network_layers"), *c;
    size_t i;
    json_array_foreach(check_member(golden, "networks"), i, c) check_layers(c, task);
    assert_true(i > 100);
    json_decref(golden);
    merx_task_free(task);
}

static merx_optimizer optimizer_of(json_t *o)
{
    const char *kind = json_string_value(check_member(o, "name"));
    merx_optimizer out = {.kind = strcmp(kind, "adam") == 0  ? MERX_OPTIMIZER_ADAM
                                  : strcmp(kind, "sgd") == 0 ? MERX_OPTIMIZER_SGD
                                                             : MERX_OPTIMIZER_ADAGRAD,
                          .learning_rate = check_number(o, "learning_rate"),
                          .momentum = json_number_value(json_object_get(o, "momentum")),
                          .nesterov = json_is_true(json_object_get(o, "nesterov")),
                          .beta1 = json_number_value(json_object_get(o, "beta1")),
                          .beta2 = json_number_value(json_object_get(o, "beta2")),
                          .epsilon = json_number_value(json_object_get(o, "epsilon")),
                          .weight_decay = json_number_value(json_object_get(o, "weight_decay")),
                          .clip_norm = json_number_value(json_object_get(o, "clip_norm"))};
    return out;
}

/* The examples of a small network, all of them. */
static void make_examples(json_t *c, size_t size, size_t n, float *x, int32_t *labels)
{
    json_t *e = check_member(c, "examples");
    for (size_t r = 0; r < n; r++)
        labels[r] = golden_example(r, size, (size_t)check_number(e, "period"), (size_t)check_number(e, "classes"),
                                   x + r * size);
}

static void check_small(json_t *c, json_t *run, bool first, merx_task *task)
{
    merx_error err = {0};
    const char *name = json_string_value(check_member(c, "name"));
    merx_network *net =
        golden_network(c, optimizer_of(check_member(run, "optimizer")), MERX_CATEGORICAL_CROSSENTROPY, task);
    merx_dims input = merx_network_node(net, 0).output;
    size_t size = 1, n = (size_t)check_number(check_member(c, "examples"), "examples"),
           batch = (size_t)check_number(c, "batch"), steps = 0, count = 0;
    for (size_t i = 0; i < input.rank; i++)
        size *= input.dim[i];
    float *x = malloc(n * size * sizeof *x);
    int32_t *labels = malloc(n * sizeof *labels);
    make_examples(c, size, n, x, labels);
    double *losses = check_doubles(run, "losses", &steps), loss = 0;
    if (first) {
        merx_examples e = {.n = batch, .x = x, .labels = labels};
        check_ok(merx_network_gradients(net, &e, task, &loss, &err), err);
        check_relative(loss, losses[0], 1e-6);
        check_gradients(net, check_member(c, "gradients"), name);
        merx_network_free(net);
        net = golden_network(c, optimizer_of(check_member(run, "optimizer")), MERX_CATEGORICAL_CROSSENTROPY, task);
    }
    for (size_t k = 0; k < steps; k++) {
        size_t at = k * batch % n;
        merx_examples e = {.n = batch, .x = x + at * size, .labels = labels + at};
        check_ok(merx_network_train_batch(net, &e, task, &loss, &err), err);
        if (!(fabs(loss - losses[k]) <= 2e-5 * losses[k]))
            check_die(__FILE__, __LINE__, "%s, %s: loss of step %zu is %.9g, Keras %.9g", name,
                      json_string_value(check_member(run, "name")), k, loss, losses[k]);
    }
    assert_true(steps >= 20);
    for (size_t i = 0; i < merx_network_weights(net); i++) {
        merx_weight w = merx_network_weight(net, i);
        double *want = NULL;
        size_t capacity = 0;
        count = 0;
        check_collect_doubles(json_array_get(check_member(run, "weights"), i), &want, &count, &capacity);
        assert_int_equal(count, w.size);
        check_tensor(name, w.name, w.values, want, count, 1e-3);
        free(want);
    }
    if (json_object_get(run, "probabilities_after") != NULL) {
        double *want = check_doubles(run, "probabilities_after", &count);
        float *out = malloc(count * sizeof *out);
        check_ok(merx_network_predict(net, &(merx_examples){.n = 2, .x = x}, task, out, &err), err);
        check_tensor(name, "probabilities", out, want, count, 1e-4);
        free(want);
        free(out);
    }
    merx_network_free(net);
    free(losses);
    free(labels);
    free(x);
}

static void test_small(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_task *task = NULL;
    check_ok(merx_task_new(NULL, NULL, &task, &err), err);
    json_t *golden = check_golden("network_small"), *c, *run;
    size_t i, k;
    json_array_foreach(check_member(golden, "networks"), i, c)
    {
        json_array_foreach(check_member(c, "runs"), k, run) check_small(c, run, k == 0, task);
    }
    assert_true(i >= 8);
    json_decref(golden);
    merx_task_free(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_layers), cmocka_unit_test(test_small)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
