/*
 * Recurrent layers, embedding and masking beside Keras 3 in float64 (tests/golden/make_network_layers.py): outputs, losses, gradients of every weight; of stateful
 * ones what comes next, step by step.
 */
#include "learn/network/network_state.h"
#include "support/check.h"

static bool is_sequence_layer(merx_layer_kind kind)
{
    return kind == MERX_LAYER_EMBEDDING || kind == MERX_LAYER_MASKING || kind == MERX_LAYER_SIMPLE_RNN ||
           kind == MERX_LAYER_LSTM || kind == MERX_LAYER_GRU;
}

/* free() them. */
static double *numbers_of(json_t *numbers, size_t *count)
{
    double *values = NULL;
    size_t room = 0;
    *count = 0;
    check_collect_doubles(numbers, &values, count, &room);
    return values;
}

static float *floats_of(json_t *numbers, size_t *count)
{
    double *values = numbers_of(numbers, count);
    float *out = calloc(*count, sizeof *out);
    for (size_t i = 0; i < *count; i++)
        out[i] = (float)values[i];
    free(values);
    return out;
}

static void check_values(const char *name, const char *what, const float *got, json_t *numbers, double tolerance)
{
    size_t count;
    double *want = numbers_of(numbers, &count), largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(want[i]));
    assert_true(largest > 0);
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)got[i] - want[i]) <= tolerance * largest))
            check_die(__FILE__, __LINE__, "%s: %s %zu is %.9g, Keras has %.9g", name, what, i, (double)got[i], want[i]);
    free(want);
}

/* Loss and gradients of a batch. */
static void check_batch(const char *name, merx_network *net, json_t *from, const float *x, size_t n)
{
    merx_error err = {0};
    size_t count;
    float *targets = floats_of(check_member(from, "target"), &count);
    double loss;
    check_ok(merx_network_gradients(net, &(merx_examples){.n = n, .x = x, .targets = targets}, NULL, &loss, &err), err);
    check_relative(loss, check_number(from, "loss"), 2e-5);
    json_t *gradients = check_member(check_member(from, "gradients"), "weights");
    assert_int_equal(json_array_size(gradients), merx_network_weights(net));
    for (size_t i = 0; i < merx_network_weights(net); i++) {
        merx_weight w = merx_network_weight(net, i);
        check_values(name, w.name, w.gradient, json_array_get(gradients, i), 5e-5);
    }
    free(targets);
}

/* What a stateful network gives of the same batch once more, one step at a time. */
static void check_steps(const char *name, const merx_network *net, const float *x, json_t *output, size_t n)
{
    merx_error err = {0};
    merx_runner *runner;
    size_t t = net->input.dim[0], k = net->input.dim[1], u = net->node[net->nodes - 1].out.dim[1];
    float *y = calloc(n * t * u, sizeof *y);
    check_ok(merx_runner_new_steps(net, &runner, &err), err);
    for (size_t i = 0; i < n; i++) {
        merx_runner_reset(runner);
        for (size_t s = 0; s < t; s++)
            (void)merx_runner_step(runner, x + (i * t + s) * k);
        for (size_t s = 0; s < t; s++)
            memcpy(y + (i * t + s) * u, merx_runner_step(runner, x + (i * t + s) * k), u * sizeof *y);
    }
    check_values(name, "output of the second batch", y, check_member(output, "values"), 1e-5);
    merx_runner_free(runner);
    free(y);
}

static void check_network_case(json_t *c)
{
    const char *name = json_string_value(check_member(c, "name"));
    merx_error err = {0};
    size_t count;
    char *spec = json_dumps(check_member(c, "spec"), 0);
    merx_network *net;
    check_ok(merx_network_from_json(NULL, spec, NULL, NULL, &net, &err), err);
    free(spec);
    check_ok(merx_network_compile(net, MERX_SGD(), MERX_MEAN_SQUARED_ERROR, NULL, &err), err);
    json_t *weights = check_member(c, "weights");
    assert_int_equal(json_array_size(weights), merx_network_weights(net));
    for (size_t i = 0; i < merx_network_weights(net); i++) {
        json_t *w = json_array_get(weights, i);
        float *values = floats_of(check_member(w, "values"), &count);
        check_contains(merx_network_weight(net, i).name, json_string_value(check_member(w, "name")));
        check_ok(merx_network_set_weight(net, i, values, count, &err), err);
        free(values);
    }
    float *x = floats_of(check_member(check_member(c, "x"), "values"), &count);
    size_t n = count / mx_input_size(net);
    float *y = calloc(n * net->node[net->nodes - 1].out_size, sizeof *y);
    check_ok(merx_network_predict(net, &(merx_examples){.n = n, .x = x}, NULL, y, &err), err);
    check_values(name, "output", y, check_member(check_member(c, "output"), "values"), 1e-5);
    check_batch(name, net, c, x, n);
    json_t *second = json_object_get(c, "second");
    if (second != NULL)
        check_steps(name, net, x, second, n);
    free(x), free(y);
    merx_network_free(net);
}

static void test_networks(void **state)
{
    (void)state;
    json_t *golden = check_golden("network_layers"), *networks = check_member(golden, "networks");
    size_t seen = 0;
    for (size_t i = 0; i < json_array_size(networks); i++) {
        json_t *c = json_array_get(networks, i), *layers = check_member(check_member(c, "spec"), "layers");
        bool sequence = false;
        for (size_t l = 0; l < json_array_size(layers); l++) {
            const mx_layer_kind *kind =
                mx_layer_kind_find(json_string_value(check_member(json_array_get(layers, l), "layer")));
            sequence |= kind != NULL && is_sequence_layer(kind->id);
        }
        if (sequence)
            check_network_case(c);
        seen += sequence;
    }
    assert_int_equal(seen, 50);
    json_decref(golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_networks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
