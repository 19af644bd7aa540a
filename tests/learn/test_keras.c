/*
 * What Keras wrote: models and weights of its own making (tests/golden/make_keras_files.py), what is refused and how that is said, damage.
 */
#include <zlib.h>

#include "base/random.h"
#include "io/zip.h"
#include "learn/network/keras_file.h"
#include "support/check.h"

static char folder[256];

static const char *golden_path(const char *name, char path[600])
{
    (void)snprintf(path, 600, "%s/golden/keras_%s", MERX_TESTS_DIR, name);
    return path;
}

/* The network computes what Keras computed. */
static void judge(const merx_network *net, json_t *golden, const char *name)
{
    merx_error err = {0};
    size_t n, m;
    json_t *one = check_member(golden, name);
    double *x = check_doubles(one, "x", &n), *y = check_doubles(one, "y", &m);
    float given[1024], got[64];
    assert_true(n <= 1024 && m <= 64 && n == 3 * mx_input_size(net));
    assert_true(m == 3 * mx_dims_size(merx_network_node(net, (int)merx_network_nodes(net) - 1).output));
    for (size_t k = 0; k < n; k++)
        given[k] = (float)x[k];
    check_ok(merx_network_predict(net, &(merx_examples){.n = 3, .x = given}, NULL, got, &err), err);
    double least = y[0], most = y[0];
    for (size_t k = 0; k < m; k++) {
        check_relative((double)got[k], y[k], 1e-5);
        least = fmin(least, y[k]);
        most = fmax(most, y[k]);
    }
    assert_true(most - least > 1e-2); /* a comparison of zeros would prove nothing */
    free(x);
    free(y);
}

static void reads_models(void **state)
{
    (void)state;
    static const char *const names[] = {"conv", "lstm", "gru", "rnn", "embedding", "depthwise", "residual"};
    json_t *golden = check_golden("keras_files");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        merx_error err = {0};
        merx_network *net;
        char name[60], path[600];
        (void)snprintf(name, sizeof name, "%s.keras", names[i]);
        check_ok(merx_network_import_keras(NULL, golden_path(name, path), &net, &err), err);
        judge(net, golden, names[i]);
        if (i == 0) { /* that one was compiled */
            assert_int_equal(net->loss, MERX_CATEGORICAL_CROSSENTROPY);
            assert_int_equal(net->optimizer.kind, MERX_OPTIMIZER_SGD);
            check_close(net->optimizer.learning_rate, 0.05, 1e-7);
            check_close(net->optimizer.momentum, 0.5, 1e-7);
            assert_true(merx_network_find(net, "eyes") == 1);
        }
        /* Saved, loaded and trained on it is one of merx's own. */
        char own[400];
        merx_network *again;
        (void)snprintf(own, sizeof own, "%s/%s.merx", folder, names[i]);
        check_ok(merx_network_save(net, own, &err), err);
        check_ok(merx_network_load(NULL, own, &again, &err), err);
        judge(again, golden, names[i]);
        merx_network_free(again);
        merx_network_free(net);
    }
    json_decref(golden);
}

/* The network of keras_conv, by merx's words and names. units: of the layer before the last. */
static merx_network *conv_network(int units)
{
    merx_error err = {0};
    merx_network *net = merx_network_new(NULL, MERX_INPUT(9, 8, 2));
    merx_network_add(net, MERX_CONV2D(.filters = 4, .kernel = {3, 3}, .activation = MERX_RELU));
    merx_network_add(net, MERX_BATCH_NORM());
    merx_network_add(net, MERX_MAX_POOL2D());
    merx_network_add(net, MERX_CONV2D(.filters = 3, .kernel = {2, 1}, .strides = {1, 2}, .padding = MERX_SAME,
                                      .activation = MERX_LEAKY_RELU, .no_bias = true));
    merx_network_add(net, MERX_FLATTEN());
    merx_network_add(net, MERX_DENSE(.units = units, .activation = MERX_GELU));
    merx_network_add(net, MERX_DENSE(.units = 3, .activation = MERX_SOFTMAX));
    check_ok(merx_network_compile(net, MERX_ADAM(), MERX_CATEGORICAL_CROSSENTROPY, NULL, &err), err);
    return net;
}

/* The weights of conv_network as numbers, to see that a failure changes none. */
static double sum_of(const merx_network *net)
{
    double sum = 0;
    for (size_t i = 0; i < merx_network_weights(net); i++)
        for (size_t k = 0; k < merx_network_weight(net, i).size; k++)
            sum += (double)merx_network_weight(net, i).values[k] * (double)(1 + k % 7);
    return sum;
}

static void loads_weights(void **state)
{
    (void)state;
    merx_error err = {0};
    char path[600];
    json_t *golden = check_golden("keras_files");
    for (int archive = 0; archive < 2; archive++) {
        merx_network *net = conv_network(5);
        check_ok(merx_network_load_keras(net, golden_path(archive ? "conv.keras" : "conv.weights.h5", path), &err),
                 err);
        judge(net, golden, "conv");
        merx_network_free(net);
    }
    merx_network *net = merx_network_new(NULL, MERX_INPUT(5, 3));
    merx_network_add(net, MERX_MASKING(.value = 0));
    merx_network_add(net, MERX_LSTM(.units = 4, .return_sequences = true));
    merx_network_add(net, MERX_LAYER_NORM(.epsilon = 0.01));
    merx_network_add(net, MERX_LSTM(.units = 3, .activation = MERX_RELU));
    merx_network_add(net, MERX_DENSE(.units = 2));
    check_fails(merx_network_load_keras(net, golden_path("lstm.weights.h5", path), &err), MERX_E_INVALID, err);
    check_ok(merx_network_compile(net, MERX_ADAM(), MERX_MEAN_SQUARED_ERROR, NULL, &err), err);
    check_ok(merx_network_load_keras(net, golden_path("lstm.weights.h5", path), &err), err);
    judge(net, golden, "lstm");
    merx_network_free(net);
    for (int named = 0; named < 2; named++) { /* by kind and order, by name: the same */
        net = merx_network_new(NULL, MERX_INPUT(2));
        for (size_t i = 0; i < 12; i++) {
            merx_layer layer = MERX_DENSE(.units = 2, .activation = MERX_TANH);
            layer.name = named == 0 && i == 0 ? "first" : NULL;
            merx_network_add(net, layer);
        }
        check_ok(merx_network_compile(net, MERX_ADAM(), MERX_MEAN_SQUARED_ERROR, NULL, &err), err);
        check_ok(merx_network_load_keras(net, golden_path("deep.weights.h5", path), &err), err);
        judge(net, golden, "deep");
        merx_network_free(net);
    }
    json_decref(golden);
}

static void says_what_does_not_fit(void **state)
{
    (void)state;
    merx_error err = {0};
    char path[600];
    golden_path("conv.weights.h5", path);
    merx_network *net = conv_network(6);
    double before = sum_of(net);
    assert_int_equal(merx_network_load_keras(net, path, &err), MERX_E_SHAPE);
    check_contains(err.where, "layers/dense");
    check_contains(err.message, "vars/0 is 18 x 5; the kernel of layer \"dense\" needs 18 x 6");
    assert_true(before == sum_of(net));
    memset(&err, 0, sizeof err);
    check_fails(merx_network_load_keras(net, "/nowhere/x.keras", &err), MERX_E_NOT_FOUND, err);
    merx_network_free(net);

    net = merx_network_new(NULL, MERX_INPUT(9, 8, 2)); /* a layer less */
    merx_network_add(net, MERX_CONV2D(.filters = 4, .kernel = {3, 3}));
    merx_network_add(net, MERX_CONV2D(.filters = 3, .kernel = {2, 1}, .no_bias = true));
    merx_network_add(net, MERX_FLATTEN());
    merx_network_add(net, MERX_DENSE(.units = 2));
    check_ok(merx_network_compile(net, MERX_ADAM(), MERX_MEAN_SQUARED_ERROR, NULL, &err), err);
    assert_int_equal(merx_network_load_keras(net, path, &err), MERX_E_SHAPE);
    check_contains(err.message, "needs 108 x 2");
    memset(&err, 0, sizeof err);
    merx_network_free(net);

    net = merx_network_new(NULL, MERX_INPUT(9, 8, 2)); /* another kind */
    merx_network_add(net, MERX_FLATTEN());
    merx_network_add(net, MERX_RESHAPE(9, 16));
    merx_network_add(net, MERX_GRU(.units = 2));
    check_ok(merx_network_compile(net, MERX_ADAM(), MERX_MEAN_SQUARED_ERROR, NULL, &err), err);
    assert_int_equal(merx_network_load_keras(net, path, &err), MERX_E_SHAPE);
    check_contains(err.message, "has no gru with weights for layer \"gru\"");
    memset(&err, 0, sizeof err);
    merx_network_free(net);

    net = merx_network_new(NULL, MERX_INPUT(9, 8, 2)); /* all that is there fits, but the file has more */
    merx_network_add(net, MERX_CONV2D(.filters = 4, .kernel = {3, 3}, .activation = MERX_RELU));
    check_ok(merx_network_compile(net, MERX_ADAM(), MERX_MEAN_SQUARED_ERROR, NULL, &err), err);
    before = sum_of(net);
    assert_int_equal(merx_network_load_keras(net, path, &err), MERX_E_SHAPE);
    check_contains(err.message, "has weights; the network has no layer for it");
    assert_true(before == sum_of(net));
    memset(&err, 0, sizeof err);
    merx_network_free(net);

    merx_network *none;
    check_fails(merx_network_import_keras(NULL, path, &none, &err), MERX_E_UNSUPPORTED, err);
}

/* ---- archives made here ---- */

typedef struct zip_writer {
    unsigned char bytes[1 << 17], directory[4096];
    size_t size, directory_size, members;
} zip_writer;

static void put(unsigned char *at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

static void add_member(zip_writer *w, const char *name, const void *data, size_t size, bool deflated)
{
    unsigned char packed[1 << 16], *local = w->bytes + w->size, *entry = w->directory + w->directory_size;
    size_t length = strlen(name), packed_size = size;
    const void *from = data;
    if (deflated) {
        z_stream s = {0};
        assert_int_equal(deflateInit2(&s, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
        s.next_in = (unsigned char *)(uintptr_t)data;
        s.avail_in = (unsigned)size;
        s.next_out = packed;
        s.avail_out = sizeof packed;
        assert_int_equal(deflate(&s, Z_FINISH), Z_STREAM_END);
        packed_size = s.total_out;
        deflateEnd(&s);
        from = packed;
    }
    assert_true(w->size + 30 + length + packed_size < sizeof w->bytes - 4096);
    memset(local, 0, 30);
    memset(entry, 0, 46);
    put(local, 0x04034b50, 4);
    put(local + 26, length, 2);
    put(entry, 0x02014b50, 4);
    put(entry + 10, deflated ? 8 : 0, 2);
    put(entry + 16, crc32(0, data, (unsigned)size), 4);
    put(entry + 20, packed_size, 4);
    put(entry + 24, size, 4);
    put(entry + 28, length, 2);
    put(entry + 42, w->size, 4);
    memcpy(local + 30, name, length);
    memcpy(entry + 46, name, length);
    memcpy(local + 30 + length, from, packed_size);
    w->size += 30 + length + packed_size;
    w->directory_size += 46 + length;
    w->members++;
}

static void write_zip(zip_writer *w, const char *path)
{
    unsigned char *end = w->bytes + w->size + w->directory_size;
    memcpy(w->bytes + w->size, w->directory, w->directory_size);
    memset(end, 0, 22);
    put(end, 0x06054b50, 4);
    put(end + 10, w->members, 2);
    put(end + 12, w->directory_size, 4);
    put(end + 16, w->size, 4);
    check_write_file(path, w->bytes, w->size + w->directory_size + 22);
}

/* The archive with `from` in its config.json replaced by `to`, which must be there; deflated. */
static void write_changed(const char *name, const char *from, const char *to, const char *out)
{
    merx_error err = {0};
    char path[600];
    size_t size;
    char *bytes = check_read_file(golden_path(name, path), &size), changed[1 << 15] = "";
    mx_zip zip;
    mx_zip_member config, weights;
    bool found;
    static zip_writer w;
    memset(&w, 0, sizeof w);
    check_ok(mx_zip_open(bytes, size, path, NULL, &zip, &err), err);
    check_ok(mx_zip_read(&zip, "config.json", 1 << 14, &config, &found, &err), err);
    assert_true(found && config.size < 1 << 14);
    check_ok(mx_zip_read(&zip, "model.weights.h5", 1 << 20, &weights, &found, &err), err);
    assert_true(found);
    memcpy(changed, config.data, config.size);
    char *at = strstr(changed, from);
    if (at == NULL)
        check_die(__FILE__, __LINE__, "%s has no %s in it:\n%s", name, from, changed);
    memmove(at + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
    memcpy(at, to, strlen(to));
    add_member(&w, "config.json", changed, strlen(changed), true);
    add_member(&w, "model.weights.h5", weights.data, weights.size, true);
    write_zip(&w, out);
    mx_zip_member_release(&zip, &config);
    mx_zip_member_release(&zip, &weights);
    free(bytes);
}

static void names_what_merx_has_not(void **state)
{
    (void)state;
    static const struct {
        const char *file, *from, *to, *where, *message;
    } cases[] = {
        {"conv.keras", "\"LeakyReLU\"", "\"PReLU\"", "PReLU \"leaky_re_lu\"", "no layer for this class"},
        {"conv.keras", "\"negative_slope\": 0.2", "\"negative_slope\": 0.3", "LeakyReLU",
         "its negative_slope is 0.29999999999999999; merx has 0.2"},
        {"conv.keras", "\"activation\": \"gelu\"", "\"activation\": \"selu\"", "dense",
         "there is no activation \"selu\""},
        {"conv.keras", "\"dilation_rate\": [1, 1]", "\"dilation_rate\": [2, 2]", "Conv2D \"eyes\"",
         "dilation_rate is [2,2]"},
        {"conv.keras", "\"data_format\": \"channels_last\"", "\"data_format\": \"channels_first\"", "Conv2D \"eyes\"",
         "channels_last alone"},
        {"conv.keras", "\"filters\": 4", "\"filters\": 0", "Conv2D \"eyes\".filters", "is 0"},
        {"conv.keras", "\"filters\": 4", "\"filters\": 70000", "keras", "weights; its model.weights.h5 has"},
        {"conv.keras", "\"filters\": 4", "\"philters\": 4", "Conv2D \"eyes\"",
         "its philters is 4; merx has no such option"},
        {"conv.keras", "\"batch_shape\": [null, 9, 8, 2]", "\"batch_shape\": [null, null, 8, 2]", "InputLayer",
         "dimension 1 of its shape is not fixed"},
        {"conv.keras", "\"Sequential\"", "\"Twins\"", "config.json", "the model is a Twins"},
        {"gru.keras", "\"reset_after\": true", "\"reset_after\": false", "GRU \"gru\"", "reset_after is false"},
        {"gru.keras", "\"recurrent_dropout\": 0.0", "\"recurrent_dropout\": 0.5", "GRU \"gru\"",
         "recurrent_dropout is 0.5"},
        {"lstm.keras", "\"axis\": [-1]", "\"axis\": [1]", "LayerNormalization",
         "axis is 1; merx has the last one alone"},
        {"residual.keras", "\"output_layers\": [\"dense\"", "\"output_layers\": [\"add\"", "config.json",
         "the model's output is not what its last layer"},
        {"embedding.keras", "\"mask_zero\": true", "\"mask_zero\": false", "config.json", "merx has no other masks"},
        {"embedding.keras", "\"NotEqual\", \"config\"", "\"Equal\", \"config\"", "Equal \"not_equal\"",
         "no layer for this class"},
        {"residual.keras", "\"keras_history\": [\"add\", 0, 0]", "\"keras_history\": [\"add\", 1, 0]", "Activation",
         "another than the first output of \"add\""},
        {"conv.keras", "{", "[", "config.json", "line 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        merx_error err = {0};
        merx_network *net;
        char path[400];
        (void)snprintf(path, sizeof path, "%s/changed.keras", folder);
        write_changed(cases[i].file, cases[i].from, cases[i].to, path);
        merx_status status = merx_network_import_keras(NULL, path, &net, &err);
        if (status == MERX_OK)
            check_die(__FILE__, __LINE__, "%s with %s was read", cases[i].file, cases[i].to);
        assert_null(net);
        check_contains(err.where, cases[i].where);
        check_contains(err.message, cases[i].message);
    }
}

/* ---- damage ---- */

static merx_status import_one(const merx_allocator *alloc, void *context, merx_error *err)
{
    merx_network *net;
    merx_status status = merx_network_import_keras(alloc, context, &net, err);
    merx_network_free(net);
    return status;
}

static void survives_damage(void **state)
{
    (void)state;
    merx_error err = {0};
    char path[600], cut[400];
    size_t size, read = 0, refused = 0;
    mx_random random;
    mx_random_init(&random, 23, 0);
    /* Weights: bytes changed, anywhere and where the first structures are; the end cut off. */
    char *bytes = check_read_file(golden_path("conv.weights.h5", path), &size);
    merx_network *net = conv_network(5);
    for (size_t k = 0; k < 3000; k++) {
        char was[4], *copy;
        size_t at = (size_t)mx_random_below(&random, k % 3 == 0 ? 2048 : size - 4), length = k % 4 == 0 ? at : size;
        memcpy(was, bytes + at, 4);
        for (size_t j = 0; j < 1 + k % 4; j++)
            bytes[at + j] = (char)(k % 5 == 0 ? 0xff : mx_random_below(&random, 256));
        copy = malloc(length + 1); /* exactly as long, so that a sanitizer sees what is read beyond */
        memcpy(copy, bytes, length);
        copy = realloc(copy, length > 0 ? length : 1);
        memset(&err, 0, sizeof err);
        merx_status status = mx_keras_weights(net, copy, length, "cut", &err);
        assert_true(status == MERX_OK || err.message[0] != '\0');
        read += status == MERX_OK;
        refused += status != MERX_OK;
        free(copy);
        memcpy(bytes + at, was, 4);
    }
    assert_true(read > 100 && refused > 300);
    memset(&err, 0, sizeof err);
    check_ok(mx_keras_weights(net, bytes, size, path, &err), err);
    free(bytes);
    merx_network_free(net);
    /* Archives. */
    (void)snprintf(cut, sizeof cut, "%s/cut.keras", folder);
    bytes = check_read_file(golden_path("residual.keras", path), &size);
    for (size_t k = 0; k < 600; k++) {
        merx_network *one;
        size_t at = (size_t)mx_random_below(&random, size - 1);
        if (k % 3 == 0) /* the directory is at the end */
            at = size - 1 - (size_t)mx_random_below(&random, 300);
        char was = bytes[at];
        bytes[at] = (char)mx_random_below(&random, 256);
        check_write_file(cut, bytes, k % 4 == 0 ? at : size);
        bytes[at] = was;
        memset(&err, 0, sizeof err);
        merx_status status = merx_network_import_keras(NULL, cut, &one, &err);
        assert_true((status == MERX_OK) == (one != NULL));
        assert_true(status == MERX_OK || err.message[0] != '\0');
        merx_network_free(one);
    }
    free(bytes);
    check_every_allocation(import_one, path);
    /* A small file that asks for much: refused before memory is taken. */
    check_write_file(cut, "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
    merx_network *one;
    memset(&err, 0, sizeof err);
    check_fails(merx_network_import_keras(NULL, cut, &one, &err), MERX_E_CORRUPT, err);
}

int main(void)
{
    check_make_folder(folder);
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_models), cmocka_unit_test(loads_weights),
                                       cmocka_unit_test(says_what_does_not_fit),
                                       cmocka_unit_test(names_what_merx_has_not), cmocka_unit_test(survives_damage)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    check_remove_folder(folder);
    return failed;
}
