/*
 * Every layer and option: float32 forward beside its plain twin in double, gradients beside central differences, shapes that don't fit.
 */
#include "learn/network_twin.h"

enum { MOST = 40 };
static float x[1 << 16], targets[1 << 12], weights[64];
static int32_t labels[1 << 12];

/* What every case shares: random inputs, weights; learnt by squared errors, or by classes behind a softmax. */
static void check_case(merx_network *net, size_t n, merx_loss loss, const char *what)
{
    merx_error err = {0};
    print_message("  %s\n", what);
    check_ok(merx_network_compile(net, MERX_SGD(), loss, NULL, &err), err);
    random_weights(net, 0.5);
    random_fill(x, n * mx_input_size(net), 1, 1);
    random_fill(targets, n * net->node[net->nodes - 1].out_size, 2, 1);
    for (size_t i = 0; i < n * mx_output_rows(net); i++)
        labels[i] = (int32_t)(i * 7 % mx_output_units(net)), weights[i % 64] = 0.5F + (float)(i % 3);
    merx_examples e = {.n = n, .x = x, .weights = weights};
    if (loss == MERX_CATEGORICAL_CROSSENTROPY)
        e.labels = labels;
    else if (loss == MERX_BINARY_CROSSENTROPY)
        for (size_t i = 0; i < n * net->node[net->nodes - 1].out_size; i++)
            targets[i] = targets[i] > 0;
    if (e.labels == NULL)
        e.targets = targets;
    check_network(net, &e, 2e-5, 2e-4, MOST);
    merx_network_free(net);
}

static void test_dense(void **state)
{
    (void)state;
    static const merx_activation all[] = {MERX_LINEAR,   MERX_RELU,         MERX_TANH,        MERX_SIGMOID,
                                          MERX_SOFTPLUS, MERX_ELU,          MERX_LEAKY_RELU,  MERX_GELU,
                                          MERX_SILU,     MERX_HARD_SIGMOID, MERX_EXPONENTIAL, MERX_SOFTMAX};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        merx_network *net = merx_network_new(NULL, MERX_INPUT(7));
        merx_network_add(net, MERX_DENSE(.units = 5, .activation = all[i]));
        merx_network_add(net, MERX_DENSE(.units = 3));
        check_case(net, 9, MERX_MEAN_SQUARED_ERROR, mx_activation_word(all[i]));
        net = merx_network_new(NULL, MERX_INPUT(7));
        merx_network_add(net, MERX_DENSE(.units = 5, .no_bias = true));
        merx_network_add(net, MERX_ACTIVATION(all[i]));
        check_case(net, 9, MERX_HUBER, "as a layer, at the output, no bias, huber");
    }
    merx_network *net = merx_network_new(NULL, MERX_INPUT(3, 7));
    merx_network_add(net, MERX_DENSE(.units = 5, .activation = MERX_TANH));
    merx_network_add(net, MERX_DENSE(.units = 4, .activation = MERX_SOFTMAX));
    check_case(net, 6, MERX_CATEGORICAL_CROSSENTROPY, "of each step");
    net = merx_network_new(NULL, MERX_INPUT(4));
    merx_network_add(net, MERX_DENSE(.units = 20, .activation = MERX_TANH));
    merx_network_add(net, MERX_DENSE(.units = 3, .activation = MERX_SIGMOID));
    check_case(net, 40, MERX_BINARY_CROSSENTROPY, "sigmoid, binary cross-entropy, more than a block");
    net = merx_network_new(NULL, MERX_INPUT(4));
    merx_network_add(net, MERX_DENSE(.units = 3));
    check_case(net, 5, MERX_MEAN_ABSOLUTE_ERROR, "absolute errors");
}

static void test_pictures(void **state)
{
    (void)state;
    static const struct {
        merx_conv2d conv;
        const char *what;
    } cases[] = {
        {{.filters = 5, .kernel = {3, 3}}, "3 x 3"},
        {{.filters = 6, .kernel = {3, 2}, .strides = {2, 1}, .activation = MERX_TANH}, "3 x 2, strides 2 1, tanh"},
        {{.filters = 4, .kernel = {3, 3}, .padding = MERX_SAME, .activation = MERX_RELU}, "same, relu"},
        {{.filters = 4, .kernel = {4, 4}, .strides = {2, 2}, .padding = MERX_SAME, .no_bias = true},
         "4 x 4 same, stride 2, no bias"},
        {{.filters = 8, .kernel = {3, 3}, .groups = 2, .activation = MERX_GELU}, "groups 2, gelu"},
        {{.filters = 4, .kernel = {3, 3}, .groups = 4, .padding = MERX_SAME}, "depthwise"},
        {{.filters = 8, .kernel = {3, 3}, .groups = 4, .strides = {2, 2}, .padding = MERX_SAME},
         "depthwise, two filters a channel, stride 2"},
        {{.filters = 17, .kernel = {1, 1}, .activation = MERX_SOFTMAX}, "1 x 1, softmax"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        merx_network *net = merx_network_new(NULL, MERX_INPUT(7, 9, 4));
        /* A layer in front, so that the gradient by the convolution's input is seen. */
        merx_network_add(net, MERX_DENSE(.units = 4, .activation = MERX_TANH));
        merx_network_add(net, (merx_layer){.kind = MERX_LAYER_CONV2D, .conv2d = cases[i].conv});
        merx_network_add(net, MERX_FLATTEN());
        merx_network_add(net, MERX_DENSE(.units = 3, .activation = MERX_SOFTMAX));
        check_case(net, 5, MERX_CATEGORICAL_CROSSENTROPY, cases[i].what);
    }
    /* Wide enough for Winograd's form, which pooling is not done along with. */
    for (int same = 0; same < 2; same++) {
        merx_network *net = merx_network_new(NULL, MERX_INPUT(6, 7, 3));
        merx_network_add(net, MERX_DENSE(.units = 24, .activation = MERX_TANH));
        int conv = merx_network_add(net, MERX_CONV2D(.filters = 28, .kernel = {3, 3}, .activation = MERX_RELU,
                                                     .padding = same ? MERX_SAME : MERX_VALID));
        merx_network_add(net, MERX_MAX_POOL2D(.pool = {2, 2}));
        merx_network_add(net, MERX_FLATTEN());
        merx_network_add(net, MERX_DENSE(.units = 3, .activation = MERX_SOFTMAX));
        merx_error err = {0};
        check_ok(merx_network_compile(net, MERX_SGD(), MERX_CATEGORICAL_CROSSENTROPY, NULL, &err), err);
        assert_true(net->node[conv].conv.winograd && !net->node[conv].absorbed);
        check_case(net, 5, MERX_CATEGORICAL_CROSSENTROPY, same ? "24 channels, same" : "24 channels, valid");
    }
    static const struct {
        merx_pool2d pool;
        bool fused;
        const char *what;
    } pools[] = {
        {{.pool = {2, 2}}, true, "convolution and pooling in one"},
        {{.pool = {2, 2}, .strides = {1, 1}}, false, "2 x 2 max, stride 1"},
        {{.pool = {3, 2}, .padding = MERX_SAME}, false, "3 x 2 max, same"},
    };
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++)
        for (int first = 0; first < 2; first++) {
            merx_network *net = merx_network_new(NULL, MERX_INPUT(9, 8, first ? 1 : 3));
            if (!first)
                merx_network_add(net, MERX_DENSE(.units = 3, .activation = MERX_TANH));
            int conv = merx_network_add(
                net, MERX_CONV2D(.filters = first ? 32 : 5, .kernel = {3, 3}, .activation = MERX_RELU));
            merx_network_add(net, (merx_layer){.kind = MERX_LAYER_MAX_POOL2D, .pool2d = pools[i].pool});
            merx_network_add(net, MERX_FLATTEN());
            merx_network_add(net, MERX_DENSE(.units = 3, .activation = MERX_SOFTMAX));
            merx_error err = {0};
            check_ok(merx_network_compile(net, MERX_SGD(), MERX_CATEGORICAL_CROSSENTROPY, NULL, &err), err);
            assert_int_equal(net->node[conv].absorbed, pools[i].fused);
            check_case(net, 5, MERX_CATEGORICAL_CROSSENTROPY, pools[i].what);
        }
}

static void test_averages(void **state)
{
    (void)state;
    static const merx_layer layers[] = {
        {.kind = MERX_LAYER_AVERAGE_POOL2D},
        {.kind = MERX_LAYER_AVERAGE_POOL2D, .pool2d = {.pool = {3, 3}, .strides = {2, 2}, .padding = MERX_SAME}},
        {.kind = MERX_LAYER_GLOBAL_AVERAGE_POOL2D},
        {.kind = MERX_LAYER_GLOBAL_MAX_POOL2D},
    };
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        merx_network *net = merx_network_new(NULL, MERX_INPUT(7, 6, 2));
        merx_network_add(net, MERX_CONV2D(.filters = 4, .kernel = {2, 2}, .activation = MERX_TANH));
        merx_network_add(net, layers[i]);
        merx_network_add(net, MERX_FLATTEN());
        merx_network_add(net, MERX_DENSE(.units = 3, .activation = MERX_SOFTMAX));
        check_case(net, 5, MERX_CATEGORICAL_CROSSENTROPY, "averages and largest");
    }
}

static void test_norms(void **state)
{
    (void)state;
    static const merx_layer layers[] = {
        {.kind = MERX_LAYER_BATCH_NORM},
        {.kind = MERX_LAYER_BATCH_NORM, .batch_norm = {.epsilon = 0.1, .no_scale = true}},
        {.kind = MERX_LAYER_BATCH_NORM, .batch_norm = {.no_center = true}},
        {.kind = MERX_LAYER_LAYER_NORM},
        {.kind = MERX_LAYER_LAYER_NORM, .layer_norm = {.epsilon = 0.1, .no_scale = true}},
        {.kind = MERX_LAYER_LAYER_NORM, .layer_norm = {.no_center = true}},
    };
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        /* Twice, so that batch statistics follow one another; in pictures; in more than one group of a batch. */
        merx_network *net = merx_network_new(NULL, MERX_INPUT(5, 4, 3));
        merx_network_add(net, MERX_CONV2D(.filters = 5, .kernel = {2, 2}, .no_bias = true));
        merx_network_add(net, layers[i]);
        merx_network_add(net, MERX_ACTIVATION(MERX_TANH));
        merx_network_add(net, MERX_CONV2D(.filters = 4, .kernel = {2, 2}, .no_bias = true));
        merx_network_add(net, layers[i]);
        merx_network_add(net, MERX_FLATTEN());
        merx_network_add(net, MERX_DENSE(.units = 3, .activation = MERX_SOFTMAX));
        check_case(net, 11, MERX_CATEGORICAL_CROSSENTROPY, "normalisation");
    }
}

/* Moving statistics after two steps: Keras's rule. */
static void test_moving(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_network *net = merx_network_new(NULL, MERX_INPUT(2));
    merx_network_add(net, MERX_BATCH_NORM(.momentum = 0.9));
    merx_network_add(net, MERX_DENSE(.units = 1));
    check_ok(merx_network_compile(net, MERX_SGD(), MERX_MEAN_SQUARED_ERROR, NULL, &err), err);
    const float rows[] = {1, 10, 3, 14, 5, 12, 7, 20}, y[] = {1, 2, 3, 4};
    const double mean[] = {4, 14}, variance[] = {5, 14};
    merx_examples e = {.n = 4, .x = rows, .targets = y};
    for (int step = 1; step <= 2; step++) {
        check_ok(merx_network_train_batch(net, &e, NULL, NULL, &err), err);
        double kept = pow(0.9, step);
        for (size_t j = 0; j < 2; j++) {
            check_relative((double)merx_network_weight(net, 2).values[j], (1 - kept) * mean[j], 1e-6);
            check_relative((double)merx_network_weight(net, 3).values[j], kept + (1 - kept) * variance[j], 1e-6);
        }
    }
    merx_network_free(net);
}

static void test_graphs(void **state)
{
    (void)state;
    /* One output read three times, a join of joins, the same input twice. */
    merx_network *net = merx_network_new(NULL, MERX_INPUT(6, 6, 2));
    int a = merx_network_add(
        net, MERX_CONV2D(.filters = 4, .kernel = {3, 3}, .padding = MERX_SAME, .activation = MERX_TANH));
    int b = merx_network_connect(net, MERX_CONV2D(.filters = 4, .kernel = {1, 1}), 1, (int[]){a});
    int c = merx_network_connect(net, MERX_ADD(), 3, (int[]){a, b, a});
    int d = merx_network_connect(net, MERX_CONCATENATE(), 3, (int[]){a, c, b});
    merx_network_connect(net, MERX_GLOBAL_AVERAGE_POOL2D(), 1, (int[]){d});
    merx_network_add(net, MERX_DENSE(.units = 3, .activation = MERX_SOFTMAX));
    check_case(net, 7, MERX_CATEGORICAL_CROSSENTROPY, "a graph");
    net = merx_network_new(NULL, MERX_INPUT(8));
    a = merx_network_add(net, MERX_DENSE(.units = 6, .activation = MERX_TANH));
    b = merx_network_connect(net, MERX_RESHAPE(2, 3), 1, (int[]){a});
    c = merx_network_connect(net, MERX_RESHAPE(6), 1, (int[]){b});
    merx_network_connect(net, MERX_ADD(), 2, (int[]){a, c});
    merx_network_add(net, MERX_DENSE(.units = 2));
    check_case(net, 7, MERX_MEAN_SQUARED_ERROR, "one memory under two shapes, read twice");
}

static void test_dropout(void **state)
{
    (void)state;
    merx_network *net = merx_network_new(NULL, MERX_INPUT(50));
    merx_network_add(net, MERX_DENSE(.units = 60, .activation = MERX_TANH));
    merx_network_add(net, MERX_DROPOUT(0.4));
    merx_network_add(net, MERX_DENSE(.units = 3));
    check_case(net, 20, MERX_MEAN_SQUARED_ERROR, "dropout in front of a dense layer");
}

static void expect(merx_network *net, merx_loss loss, merx_status code, const char *part)
{
    merx_error err = {0};
    assert_int_equal(merx_network_compile(net, MERX_ADAM(), loss, NULL, &err), code);
    char all[sizeof err.where + sizeof err.message + 4];
    snprintf(all, sizeof all, "%s: %s", err.where, err.message);
    check_contains(all, part);
    merx_network_free(net);
}

static void test_bad_shapes(void **state)
{
    (void)state;
    merx_network *net = merx_network_new(NULL, MERX_INPUT(10));
    merx_network_add(net, MERX_CONV2D(.filters = 3, .kernel = {3, 3}));
    expect(net, MERX_MEAN_SQUARED_ERROR, MERX_E_SHAPE,
           "conv2d: conv2d is given 10; it needs pictures (height, width, channels)");
    net = merx_network_new(NULL, MERX_INPUT(2, 10, 1));
    merx_network_add(net, MERX_CONV2D(.filters = 3, .kernel = {3, 3}));
    expect(net, MERX_MEAN_SQUARED_ERROR, MERX_E_SHAPE, "pictures 2 high, but its window is 3 high");
    net = merx_network_new(NULL, MERX_INPUT(10));
    merx_network_add(net, MERX_DENSE(.units = 0));
    expect(net, MERX_MEAN_SQUARED_ERROR, MERX_E_INVALID, "dense needs units");
    net = merx_network_new(NULL, MERX_INPUT(10));
    merx_network_add(net, MERX_DENSE(.units = -4));
    expect(net, MERX_MEAN_SQUARED_ERROR, MERX_E_RANGE, "units is -4; expected 1 to");
    net = merx_network_new(NULL, MERX_INPUT(10));
    merx_network_add(net, MERX_DENSE(.units = 4));
    expect(net, MERX_CATEGORICAL_CROSSENTROPY, MERX_E_SHAPE, "categorical_crossentropy needs softmax");
    net = merx_network_new(NULL, MERX_INPUT(8, 8, 3));
    merx_network_add(net, MERX_CONV2D(.filters = 4, .kernel = {3, 3}, .groups = 2));
    expect(net, MERX_MEAN_SQUARED_ERROR, MERX_E_SHAPE, "3 channels and 4 filters can't be cut into 2 groups");
    net = merx_network_new(NULL, MERX_INPUT(8, 8, 3));
    merx_network_add(net, MERX_RESHAPE(8, 9));
    expect(net, MERX_MEAN_SQUARED_ERROR, MERX_E_SHAPE, "reshape is given 8 x 8 x 3; that can't become 8 x 9");
    net = merx_network_new(NULL, MERX_INPUT(8));
    expect(net, MERX_MEAN_SQUARED_ERROR, MERX_E_INVALID, "there is no layer");
    net = merx_network_new(NULL, MERX_INPUT(8));
    merx_network_connect(net, MERX_DENSE(.units = 3), 1, (int[]){4});
    expect(net, MERX_MEAN_SQUARED_ERROR, MERX_E_NOT_FOUND, "input 0 is node 4; there are nodes 0 to 0");
    net = merx_network_new(NULL, MERX_INPUT(8));
    merx_network_add(net, MERX_DENSE(.units = 3));
    merx_network_connect(net, MERX_ADD(), 2, (int[]){0, 1});
    expect(net, MERX_MEAN_SQUARED_ERROR, MERX_E_SHAPE, "add is given 8 and 3; it needs inputs of one shape");
    net = merx_network_new(NULL, (merx_dims){0});
    merx_network_add(net, MERX_DENSE(.units = 3));
    expect(net, MERX_MEAN_SQUARED_ERROR, MERX_E_SHAPE, "an input has 1 to 4 dimensions");
    net = merx_network_new(NULL, MERX_INPUT(8));
    merx_network_add(net, MERX_DROPOUT(1));
    expect(net, MERX_MEAN_SQUARED_ERROR, MERX_E_RANGE, "rate is 1; expected 0 to 0.999");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense),   cmocka_unit_test(test_pictures),   cmocka_unit_test(test_averages),
        cmocka_unit_test(test_norms),   cmocka_unit_test(test_moving),     cmocka_unit_test(test_graphs),
        cmocka_unit_test(test_dropout), cmocka_unit_test(test_bad_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
