/*
 * Networks beside Keras 3 in float64: every layer and option (network_layers.json), small networks through 20 steps of every optimizer (network_small.json), and the two
 * networks of the figures cnn-parity and lstm-parity through their first steps (network_parity.json; the CNN on fashion-mnist where MERX_DATA has it).
 */
#include "io/stream.h"
#include "learn/network_golden.h"
#include "learn/network/network_state.h"

static const char *name_of(json_t *c)
{
    return json_string_value(check_member(c, "name"));
}

static void test_layers(void **state)
{
    (void)state;
    json_t *golden = check_golden("network_layers"), *networks = check_member(golden, "networks"), *c;
    size_t i, count, gradients = 0;
    json_array_foreach(networks, i, c) {
        merx_error err = {0};
        merx_network *net = golden_network(c, NULL, MERX_MEAN_SQUARED_ERROR);
        print_message("  %s\n", name_of(c));
        float *x = golden_floats(check_member(check_member(c, "x"), "values"), &count);
        size_t n = count / mx_input_size(net);
        bool training = json_object_get(c, "training") == NULL, statistics = json_object_get(c, "moving") != NULL;
        json_t *output = check_member(check_member(c, "output"), "values");
        if (!statistics) {
            float *y = calloc(n * net->node[net->nodes - 1].out_size, sizeof *y);
            check_ok(merx_network_predict(net, &(merx_examples){.n = n, .x = x}, NULL, y, &err), err);
            golden_close(name_of(c), "output", y, output, 1e-5);
            free(y);
        }
        if (training) {
            float *targets = golden_floats(check_member(c, "target"), &count);
            const merx_examples batch = {.n = n, .x = x, .targets = targets};
            json_t *wanted = check_member(check_member(c, "gradients"), "weights");
            double loss;
            check_ok(merx_network_gradients(net, &batch, NULL, &loss, &err), err);
            check_relative(loss, check_number(c, "loss"), 2e-5);
            for (size_t j = 0; j < merx_network_weights(net); j++) {
                merx_weight w = merx_network_weight(net, j);
                assert_int_equal(w.trainable, !json_is_null(json_array_get(wanted, j)));
                if (w.trainable)
                    golden_close(name_of(c), w.name, w.gradient, json_array_get(wanted, j), 5e-5);
                gradients += w.trainable;
            }
            if (statistics) {
                size_t seen = 0;
                check_ok(merx_network_train_batch(net, &batch, NULL, NULL, &err), err);
                for (size_t j = 0; j < merx_network_weights(net); j++) {
                    merx_weight w = merx_network_weight(net, j);
                    if (!w.trainable)
                        golden_close(name_of(c), w.name, w.values, json_array_get(check_member(c, "moving"), seen++), 1e-5);
                }
                assert_true(seen > 0);
            }
            free(targets);
        }
        free(x);
        merx_network_free(net);
    }
    assert_true(gradients > 20);
    json_decref(golden);
}

static void test_training(void **state)
{
    (void)state;
    json_t *golden = check_golden("network_small"), *networks = check_member(golden, "networks"), *c, *run;
    size_t i, k;
    json_array_foreach(networks, i, c) {
        size_t batch = (size_t)check_number(c, "batch"), n = (size_t)check_number(check_member(c, "examples"), "examples"),
               period = (size_t)check_number(check_member(c, "examples"), "period");
        json_array_foreach(check_member(c, "runs"), k, run) {
            merx_error err = {0};
            char what[128];
            size_t count;
            merx_network *net = golden_network(c, check_member(run, "optimizer"), MERX_CATEGORICAL_CROSSENTROPY);
            size_t d = mx_input_size(net);
            float *x = calloc(n * d, sizeof *x);
            int32_t *labels = calloc(n, sizeof *labels);
            for (size_t r = 0; r < n; r++)
                labels[r] = golden_example(r, d, period, 3, x + r * d);
            snprintf(what, sizeof what, "%s, %s", name_of(c), name_of(run));
            print_message("  %s\n", what);
            double *losses = golden_numbers(check_member(run, "losses"), &count);
            for (size_t s = 0; s < count; s++) {
                size_t at = s * batch % n;
                double loss;
                check_ok(merx_network_train_batch(net, &(merx_examples){.n = batch, .x = x + at * d, .labels = labels + at}, NULL, &loss, &err),
                         err);
                if (!(fabs(loss - losses[s]) <= 5e-5 * fmax(1, losses[s])))
                    check_die(__FILE__, __LINE__, "%s: the loss before step %zu is %.9g, Keras has %.9g", what, s, loss, losses[s]);
            }
            for (size_t j = 0; j < merx_network_weights(net); j++)
                golden_close(what, merx_network_weight(net, j).name, merx_network_weight(net, j).values,
                             json_array_get(check_member(run, "weights"), j), 2e-3);
            free(losses), free(x), free(labels);
            merx_network_free(net);
        }
    }
    json_decref(golden);
}

/* The rows of fashion-mnist that a network of network_parity.json learns from; false: no data. */
static bool fashion(json_t *rows, float *x, int32_t *labels)
{
    const char *folder = getenv("MERX_DATA");
    char path[2][512];
    merx_error err = {0};
    unsigned char *bytes[2] = {NULL};
    size_t size[2];
    if (folder == NULL)
        return false;
    snprintf(path[0], sizeof path[0], "%s/fashion-mnist/train-images-idx3-ubyte.gz", folder);
    snprintf(path[1], sizeof path[1], "%s/fashion-mnist/train-labels-idx1-ubyte.gz", folder);
    if (access(path[0], R_OK) != 0)
        return false;
    for (int f = 0; f < 2; f++) {
        mx_source *source;
        size_t got, room = f == 0 ? 16 + 60000 * 784 : 8 + 60000;
        bytes[f] = malloc(room);
        size[f] = 0;
        check_ok(mx_source_open(path[f], NULL, 0, &source, &err), err);
        while (size[f] < room) {
            check_ok(mx_source_read(source, bytes[f] + size[f], room - size[f], &got, &err), err);
            assert_true(got > 0);
            size[f] += got;
        }
        mx_source_close(source);
    }
    json_t *row;
    size_t i;
    json_array_foreach(rows, i, row) {
        size_t at = (size_t)json_integer_value(row);
        for (size_t j = 0; j < 784; j++)
            x[i * 784 + j] = (float)bytes[0][16 + at * 784 + j] / 255;
        labels[i] = bytes[1][8 + at];
    }
    free(bytes[0]), free(bytes[1]);
    return true;
}

static void check_parity(json_t *c, size_t steps)
{
    merx_error err = {0};
    size_t batch = (size_t)check_number(c, "batch"), count, i;
    json_t *examples = check_member(c, "examples"), *g;
    merx_network *net = golden_network(c, check_member(c, "optimizer"), MERX_CATEGORICAL_CROSSENTROPY);
    size_t d = mx_input_size(net), n = steps * batch;
    json_t *rows = json_object_get(examples, "rows");
    n = rows != NULL ? json_array_size(rows) : n;
    float *x = calloc(n * d, sizeof *x);
    int32_t *labels = calloc(n, sizeof *labels);
    if (rows == NULL)
        for (size_t r = 0; r < n; r++)
            labels[r] = golden_example(r, d, (size_t)check_number(examples, "period"), 10, x + r * d);
    else if (!fashion(rows, x, labels)) {
        print_message("  %s: skipped, there is no fashion-mnist in MERX_DATA\n", name_of(c));
        if (getenv("MERX_REQUIRE_DATA") != NULL)
            check_die(__FILE__, __LINE__, "fashion-mnist is required");
        free(x), free(labels);
        merx_network_free(net);
        return;
    }
    print_message("  %s\n", name_of(c));
    float *y = calloc(mx_output_units(net), sizeof *y);
    check_ok(merx_network_predict(net, &(merx_examples){.n = 1, .x = x}, NULL, y, &err), err);
    golden_close(name_of(c), "probabilities", y, check_member(c, "probabilities"), 1e-5);
    free(y);
    double loss;
    check_ok(merx_network_gradients(net, &(merx_examples){.n = batch, .x = x, .labels = labels}, NULL, &loss, &err), err);
    json_array_foreach(check_member(c, "gradients"), i, g) {
        merx_weight w = merx_network_weight(net, i);
        double norm = check_number(g, "norm"), square = 0;
        for (size_t j = 0; j < w.size; j++)
            square += (double)w.gradient[j] * (double)w.gradient[j];
        check_close(sqrt(square), norm, 1e-4 * norm);
        double *places = golden_numbers(check_member(g, "places"), &count), *values = golden_numbers(check_member(g, "values"), &count);
        for (size_t j = 0; j < count; j++)
            check_close((double)w.gradient[(size_t)places[j]], values[j], 1e-4 * norm);
        free(places), free(values);
    }
    double *wide = golden_numbers(check_member(check_member(c, "losses"), "float64"), &count),
           *narrow = golden_numbers(check_member(check_member(c, "losses"), "float32"), &count);
    json_t *apart = json_object_get(c, "apart_from_step");
    size_t until = json_is_integer(apart) ? (size_t)json_integer_value(apart) : count;
    double gap = 0;
    for (size_t s = 0; s < steps && s < until; s++) {
        check_ok(merx_network_train_batch(net, &(merx_examples){.n = batch, .x = x + s * batch * d, .labels = labels + s * batch}, NULL, &loss,
                                          &err),
                 err);
        gap = fmax(gap, fabs(narrow[s] - wide[s]) / wide[s]);
        double bound = fmax(s < 10 ? 1e-5 : 1e-3, 3 * gap);
        if (!(fabs(loss - wide[s]) <= bound * wide[s]))
            check_die(__FILE__, __LINE__, "%s: the loss before step %zu is %.9g, Keras has %.9g", name_of(c), s, loss, wide[s]);
    }
    free(wide), free(narrow), free(x), free(labels);
    merx_network_free(net);
}

static void test_parity(void **state)
{
    (void)state;
    json_t *golden = check_golden("network_parity"), *c;
    size_t i;
    /* Sanitizers make the hundred steps long: the figures cnn-parity and lstm-parity run them all. */
    json_array_foreach(check_member(golden, "networks"), i, c)
        check_parity(c, 12);
    json_decref(golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_layers), cmocka_unit_test(test_training), cmocka_unit_test(test_parity)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
