/*
 * Networks as JSON: what is written reads back the same; Keras's spellings; errors that name the place.
 */
#include "merx/network.h"
#include "support/check.h"

static const char cnn[] =
    "{\n  \"input\": [28, 28, 1],\n  \"layers\": [\n"
    "    {\"layer\": \"conv2d\", \"filters\": 32, \"kernel_size\": [3, 3], \"activation\": \"relu\"},\n"
    "    {\"layer\": \"max_pool2d\"},\n"
    "    {\"layer\": \"flatten\"},\n"
    "    {\"layer\": \"dropout\", \"name\": \"drop\", \"rate\": 0.25},\n"
    "    {\"layer\": \"dense\", \"units\": 10, \"activation\": \"softmax\"}\n"
    "  ]";

static merx_network *read_ok(const char *text, merx_optimizer *optimizer, merx_loss *loss)
{
    merx_network *net;
    merx_error err = {0};
    if (merx_network_from_json(NULL, text, optimizer, loss, &net, &err) != MERX_OK)
        fail_msg("%s: %s", err.where, err.message);
    return net;
}

static void writes_what_it_read(void **state)
{
    (void)state;
    char text[2048], *out;
    merx_error err = {0};
    (void)snprintf(text, sizeof text, "%s\n}\n", cnn);
    merx_network *net = read_ok(text, NULL, NULL);
    assert_int_equal(merx_network_to_json(net, &out, &err), MERX_OK);
    assert_string_equal(out, text);
    merx_text_free(out);
    merx_network_free(net);
}

/* Every option of every kind survives a round, compiled with an optimizer of which every member is set. */
static void keeps_the_optimizer(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_optimizer o;
    merx_loss loss = MERX_LOSSES;
    char *out, text[2048];
    merx_network *net = merx_network_new(NULL, MERX_INPUT(6));
    merx_network_add(net, MERX_DENSE(.units = 4, .activation = MERX_TANH, .no_bias = true));
    merx_network_add(net, MERX_DENSE(.units = 2));
    assert_int_equal(merx_network_compile(net,
                                          MERX_SGD(.learning_rate = 0.1, .momentum = 0.9, .nesterov = true,
                                                   .beta1 = 0.8, .beta2 = 0.98, .epsilon = 1e-5, .weight_decay = 0.02,
                                                   .clip_norm = 3, .schedule = MERX_STEPS, .warmup_epochs = 2,
                                                   .every = 3, .factor = 0.3, .final = 0.01),
                                          MERX_HUBER, NULL, &err),
                     MERX_OK);
    assert_int_equal(merx_network_to_json(net, &out, &err), MERX_OK);
    merx_network *again = read_ok(out, &o, &loss);
    assert_int_equal(loss, MERX_HUBER);
    assert_int_equal(merx_network_compile(again, o, loss, NULL, &err), MERX_OK);
    char *second;
    assert_int_equal(merx_network_to_json(again, &second, &err), MERX_OK);
    assert_string_equal(out, second);
    (void)snprintf(text, sizeof text, "%s", out);
    const char *const parts[] = {
        "\"use_bias\": false",    "\"name\": \"sgd\"", "\"learning_rate\": 0.1",  "\"momentum\": 0.9",
        "\"nesterov\": true",     "\"beta_1\": 0.8",   "\"beta_2\": 0.98",        "\"epsilon\": 1e-05",
        "\"weight_decay\": 0.02", "\"clip_norm\": 3",  "\"schedule\": \"steps\"", "\"warmup_epochs\": 2",
        "\"every\": 3",           "\"factor\": 0.3",   "\"final\": 0.01",         "\"loss\": \"huber\""};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(text, parts[i]) == NULL)
            fail_msg("%s is not in %s", parts[i], text);
    merx_text_free(out);
    merx_text_free(second);
    merx_network_free(net);
    merx_network_free(again);
}

static void takes_keras_spellings(void **state)
{
    (void)state;
    merx_optimizer o;
    merx_loss loss;
    merx_network *net = read_ok("{\"input\": [8, 8, 3], \"layers\": [{\"layer\": \"Conv2D\", \"filters\": 2, "
                                "\"kernel_size\": 3, \"padding\": \"same\"},"
                                "{\"layer\": \"MaxPooling2D\", \"pool_size\": [2, 1]}, {\"layer\": \"Flatten\"}, "
                                "{\"layer\": \"Dense\", \"units\": 3, \"activation\": \"swish\"}],"
                                "\"optimizer\": \"adamw\", \"loss\": \"mse\"}",
                                &o, &loss);
    assert_int_equal(merx_network_nodes(net), 5);
    assert_int_equal(merx_network_node(net, 1).kind, MERX_LAYER_CONV2D);
    assert_int_equal(merx_network_node(net, 2).kind, MERX_LAYER_MAX_POOL2D);
    assert_int_equal(o.kind, MERX_OPTIMIZER_ADAM);
    assert_true(o.weight_decay == 0.004);
    assert_int_equal(loss, MERX_MEAN_SQUARED_ERROR);
    merx_network_free(net);
}

static void names_the_place(void **state)
{
    (void)state;
#define DENSE "{\"layer\": \"dense\", \"units\": 3}"
#define WITH(layer) "{\"input\": [4], \"layers\": [" DENSE ", " layer "]}"
#define OPT(text) "{\"input\": [4], \"layers\": [" DENSE "], \"optimizer\": " text "}"
    static const struct {
        const char *text;
        merx_status status;
        const char *where, *part;
    } cases[] = {
        {"", MERX_E_PARSE, "network", "line 1"},
        {"{\"input\": [4],\n \"layers\": [}", MERX_E_PARSE, "network", "line 2"},
        {"[]", MERX_E_TYPE, "network", "a list"},
        {"{\"layers\": []}", MERX_E_INVALID, "input", "[28, 28, 1]"},
        {"{\"input\": 4, \"layers\": []}", MERX_E_TYPE, "input", "a number"},
        {"{\"input\": [], \"layers\": []}", MERX_E_TYPE, "input", "empty"},
        {"{\"input\": [1,2,3,4,5], \"layers\": []}", MERX_E_TYPE, "input", "too long"},
        {"{\"input\": [0], \"layers\": []}", MERX_E_RANGE, "input", "is 0"},
        {"{\"input\": [2147483647, 2147483647], \"layers\": [1]}", MERX_E_SHAPE, "input", "2^31"},
        {"{\"input\": [4]}", MERX_E_TYPE, "layers", "missing"},
        {"{\"input\": [4], \"layers\": []}", MERX_E_TYPE, "layers", "empty"},
        {"{\"input\": [4], \"layer\": []}", MERX_E_NOT_FOUND, "network", "\"layers\""},
        {WITH("3"), MERX_E_TYPE, "layers[1]", "a number"},
        {WITH("{}"), MERX_E_TYPE, "layers[1]", "names no layer"},
        {WITH("{\"layer\": \"dence\"}"), MERX_E_NOT_FOUND, "layers[1]", "did you mean \"dense\""},
        {WITH("{\"layer\": \"transformer\"}"), MERX_E_NOT_FOUND, "layers[1]", "there are dense"},
        {WITH("{\"layer\": \"dense\"}"), MERX_E_INVALID, "layers[1]", "needs \"units\""},
        {WITH("{\"layer\": \"dense\", \"unit\": 3}"), MERX_E_NOT_FOUND, "layers[1].unit", "\"units\""},
        {WITH("{\"layer\": \"dense\", \"units\": 0}"), MERX_E_RANGE, "layers[1].units", "is 0; expected 1"},
        {WITH("{\"layer\": \"dense\", \"units\": 1e3}"), MERX_E_TYPE, "layers[1].units", "fraction"},
        {WITH("{\"layer\": \"dense\", \"units\": 99999999999999}"), MERX_E_RANGE, "layers[1].units", "99999999999999"},
        {WITH("{\"layer\": \"dense\", \"units\": 3, \"activation\": \"rellu\"}"), MERX_E_NOT_FOUND,
         "layers[1].activation", "\"relu\""},
        {WITH("{\"layer\": \"dense\", \"units\": 3, \"use_bias\": 1}"), MERX_E_TYPE, "layers[1].use_bias",
         "true or false"},
        {WITH("{\"layer\": \"dropout\", \"rate\": 1.5}"), MERX_E_RANGE, "layers[1].rate", "1.5"},
        {WITH("{\"layer\": \"dense\", \"units\": 3, \"name\": \"dense\"}"), MERX_E_EXISTS, "layers[1]", "two layers"},
        {WITH("{\"layer\": \"dense\", \"units\": 3, \"name\": \"a/b\"}"), MERX_E_INVALID, "layers[1]", "\"/\""},
        {WITH("{\"layer\": \"dense\", \"units\": 3, \"inputs\": [\"denss\"]}"), MERX_E_NOT_FOUND, "layers[1].inputs",
         "\"dense\""},
        {WITH("{\"layer\": \"dense\", \"units\": 3, \"inputs\": [\"dense\", \"input\"]}"), MERX_E_SHAPE, "layers[1]",
         "2 inputs"},
        {OPT("{}"), MERX_E_INVALID, "optimizer", "\"name\""},
        {OPT("\"adma\""), MERX_E_NOT_FOUND, "optimizer", "\"adam\""},
        {OPT("{\"name\": \"adam\", \"learning_rate\": 0}"), MERX_E_RANGE, "optimizer.learning_rate", "above 0"},
        {OPT("{\"name\": \"adam\", \"learning_rate\": -1}"), MERX_E_RANGE, "optimizer", "learning_rate is -1"},
        {OPT("{\"name\": \"adam\", \"lerning_rate\": 1}"), MERX_E_NOT_FOUND, "optimizer.lerning_rate", "learning_rate"},
        {"{\"input\": [4], \"layers\": [" DENSE "], \"loss\": \"crossentropy\"}", MERX_E_NOT_FOUND, "loss", "entropy"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        merx_error err = {0};
        merx_network *net = (merx_network *)8;
        merx_status status = merx_network_from_json(NULL, cases[i].text, NULL, NULL, &net, &err);
        if (status != cases[i].status || strcmp(err.where, cases[i].where) != 0 ||
            strstr(err.message, cases[i].part) == NULL || net != NULL)
            fail_msg(
                "%s: status %d (expected %d), where \"%s\" (expected \"%s\"), message \"%s\" (expected \"%s\" in it)",
                cases[i].text, (int)status, (int)cases[i].status, err.where, cases[i].where, err.message,
                cases[i].part);
    }
}

static merx_status round_of(const merx_allocator *alloc, void *context, merx_error *err)
{
    merx_network *net;
    char *out = NULL;
    merx_status status = merx_network_from_json(alloc, context, NULL, NULL, &net, err);
    if (status == MERX_OK)
        status = merx_network_to_json(net, &out, err);
    merx_text_free(out);
    merx_network_free(net);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    char text[2048];
    (void)snprintf(text, sizeof text, "%s}", cnn);
    check_every_allocation(round_of, text);
}

static void summary_counts_weights(void **state)
{
    (void)state;
    char text[2048], *out;
    merx_error err = {0};
    (void)snprintf(text, sizeof text, "%s}", cnn);
    merx_network *net = read_ok(text, NULL, NULL);
    assert_int_equal(merx_network_summary(net, &out, &err), MERX_E_INVALID);
    merx_error_clear(&err);
    assert_int_equal(merx_network_compile(net, MERX_ADAM(), MERX_CATEGORICAL_CROSSENTROPY, NULL, &err), MERX_OK);
    assert_int_equal(merx_network_summary(net, &out, &err), MERX_OK);
    assert_string_equal(out, "Layer           Output        Weights\n"
                             "input           28 x 28 x 1         0\n"
                             "conv2d          26 x 26 x 32      320\n"
                             "max_pool2d      13 x 13 x 32        0\n"
                             "flatten         5408                0\n"
                             "drop (dropout)  5408                0\n"
                             "dense           10             54,090\n"
                             "54,410 trainable weights\n");
    merx_text_free(out);
    merx_network_free(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_it_read),       cmocka_unit_test(keeps_the_optimizer),
        cmocka_unit_test(takes_keras_spellings),     cmocka_unit_test(names_the_place),
        cmocka_unit_test(every_allocation_may_fail), cmocka_unit_test(summary_counts_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
