/*
 * Files of networks: a fit that goes on from its checkpoint has the bits of one never interrupted; what is damaged is refused whole.
 */
#include "base/random.h"
#include "io/file.h"
#include "io/tensor_file.h"
#include "learn/network/network_state.h"
#include "merx/model.h"
#include "support/check.h"

enum { N = 90, FEATURES = 48 };
static float x[N * FEATURES];
static int32_t labels[N];

static void make_data(void)
{
    mx_random random;
    mx_random_init(&random, 5, 0);
    for (size_t i = 0; i < N * FEATURES; i++)
        x[i] = (float)mx_random_normal(&random);
    for (size_t i = 0; i < N; i++)
        labels[i] = x[i * FEATURES] > 0 ? x[i * FEATURES + 1] > 0 ? 2 : 1 : 0;
}

static merx_network *build(const merx_allocator *alloc)
{
    merx_network *net = merx_network_new(alloc, MERX_INPUT(4, 4, 3));
    merx_network_add(net, MERX_CONV2D(.filters = 5, .kernel = {2, 2}, .activation = MERX_RELU));
    merx_network_add(net, MERX_FLATTEN());
    merx_network_add(net, MERX_DROPOUT(0.1));
    merx_network_add(net, MERX_DENSE(.units = 3, .activation = MERX_SOFTMAX));
    return net;
}

static merx_status stop_after_three(void *context, const merx_epoch *epoch, merx_error *err)
{
    (void)context;
    return epoch->epoch < 3 ? MERX_OK : mx_error_set(err, MERX_E_CANCELLED, "test", "three epochs are done");
}

static void goes_on_to_the_same_bits(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_task *task;
    const merx_examples examples = {.n = N, .x = x, .labels = labels};
    char path[256], file[280];
    const merx_optimizer optimizers[] = {
        MERX_SGD(.learning_rate = 0.1), MERX_SGD(.learning_rate = 0.05, .momentum = 0.9, .schedule = MERX_COSINE_DECAY),
        MERX_ADAM(.weight_decay = 0.01), MERX_ADAGRAD(.learning_rate = 0.1)};
    check_make_folder(path);
    (void)snprintf(file, sizeof file, "%s/net.merx", path);
    check_ok(merx_task_new(NULL, &(merx_task_options){.seed = 7}, &task, &err), err);
    for (size_t o = 0; o < sizeof optimizers / sizeof *optimizers; o++) {
        merx_network *whole = build(NULL), *part = build(NULL), *loaded;
        merx_fit_options options = {.epochs = 5, .batch_size = 16};
        check_ok(merx_network_compile(whole, optimizers[o], MERX_CATEGORICAL_CROSSENTROPY, task, &err), err);
        check_ok(merx_network_compile(part, optimizers[o], MERX_CATEGORICAL_CROSSENTROPY, task, &err), err);
        check_ok(merx_network_fit(whole, &examples, &options, task, NULL, &err), err);
        options.checkpoint = file;
        options.on_epoch = stop_after_three;
        check_fails(merx_network_fit(part, &examples, &options, task, NULL, &err), MERX_E_CANCELLED, err);
        check_ok(merx_network_load(NULL, file, &loaded, &err), err);
        assert_int_equal(loaded->epochs, 3);
        options.checkpoint = NULL;
        options.on_epoch = NULL;
        check_ok(merx_network_fit(loaded, &examples, &options, task, NULL, &err), err);
        assert_int_equal(loaded->epochs, 5);
        assert_int_equal(loaded->steps, whole->steps);
        assert_memory_equal(loaded->weights, whole->weights, whole->size * sizeof(float));
        merx_network_free(whole);
        merx_network_free(part);
        merx_network_free(loaded);
    }
    merx_task_free(task);
    check_remove_folder(path);
}

/* Loaded: the same file again, the same answers. */
static void loads_what_was_saved(void **state)
{
    (void)state;
    merx_error err = {0};
    char path[256], file[280], second[280];
    float before[N * 3], after[N * 3];
    const merx_examples examples = {.n = N, .x = x, .labels = labels};
    check_make_folder(path);
    (void)snprintf(file, sizeof file, "%s/net.merx", path);
    (void)snprintf(second, sizeof second, "%s/second.merx", path);
    merx_network *net = build(NULL), *loaded;
    check_fails(merx_network_save(net, file, &err), MERX_E_INVALID, err);
    check_ok(merx_network_compile(net, MERX_ADAM(), MERX_CATEGORICAL_CROSSENTROPY, NULL, &err), err);
    check_ok(merx_network_fit(net, &examples, NULL, NULL, NULL, &err), err);
    check_ok(merx_network_save(net, file, &err), err);
    check_ok(merx_network_load(NULL, file, &loaded, &err), err);
    check_ok(merx_network_save(loaded, second, &err), err);
    size_t sizes[2];
    char *bytes[2] = {check_read_file(file, &sizes[0]), check_read_file(second, &sizes[1])};
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(bytes[0], bytes[1], sizes[0]);
    void *held;
    size_t held_size;
    check_ok(merx_network_to_bytes(net, &held, &held_size, &err), err);
    assert_int_equal(held_size, sizes[0]);
    assert_memory_equal(held, bytes[0], held_size);
    merx_network_free(loaded);
    check_ok(merx_network_from_bytes(NULL, held, held_size, &loaded, &err), err);
    merx_network *none;
    check_fails(merx_network_from_bytes(NULL, held, held_size - 1, &none, &err), MERX_E_CORRUPT, err);
    assert_null(none);
    merx_bytes_free(held, held_size);
    free(bytes[0]), free(bytes[1]);
    check_ok(merx_network_predict(net, &examples, NULL, before, &err), err);
    check_ok(merx_network_predict(loaded, &examples, NULL, after, &err), err);
    assert_memory_equal(before, after, sizeof before);
    merx_network_free(net);
    merx_network_free(loaded);
    check_remove_folder(path);
}

/* The rates of all steps in place of the optimizer's: the same as a schedule that gives them, step by step. */
static void takes_the_rates_of_each_step(void **state)
{
    (void)state;
    enum { BATCH = 32, EPOCHS = 3, STEPS = (N + BATCH - 1) / BATCH };
    merx_error err = {0};
    double rates[EPOCHS * STEPS];
    const merx_examples examples = {.n = N, .x = x, .labels = labels};
    merx_network *by_epoch = build(NULL), *by_step = build(NULL);
    check_ok(merx_network_compile(by_epoch, MERX_ADAM(.schedule = MERX_STEPS, .factor = 0.5),
                                  MERX_CATEGORICAL_CROSSENTROPY, NULL, &err),
             err);
    check_ok(merx_network_compile(by_step, MERX_ADAM(.learning_rate = 1), MERX_CATEGORICAL_CROSSENTROPY, NULL, &err),
             err);
    for (size_t i = 0; i < EPOCHS * STEPS; i++)
        rates[i] = mx_optimizer_rate(&by_epoch->optimizer, (double)(i / STEPS), EPOCHS);
    merx_fit_options options = {.epochs = EPOCHS, .batch_size = BATCH};
    check_ok(merx_network_fit(by_epoch, &examples, &options, NULL, NULL, &err), err);
    options.learning_rates = rates;
    check_ok(merx_network_fit(by_step, &examples, &options, NULL, NULL, &err), err);
    assert_memory_equal(by_step->weights, by_epoch->weights, by_step->size * sizeof(float));
    rates[STEPS + 1] = NAN;
    assert_int_equal(merx_network_fit(by_step, &examples, &options, NULL, NULL, &err), MERX_E_RANGE);
    check_contains(err.message, "step 5 is nan");
    merx_network_free(by_epoch);
    merx_network_free(by_step);
}

/* A file like a network's, with one thing wrong with it. */
typedef struct damage {
    const char *key, *value; /* metadata in place of the right one; value NULL: left out */
    const char *tensor;      /* left out, or with `extra` of another shape, or with `number` in it */
    float number;
    bool extra;
    merx_status status;
    const char *part;
} damage;

static const char spec[] =
    "{\"input\": [2], \"layers\": [{\"layer\": \"dense\", \"units\": 3}], \"optimizer\": \"adam\", \"loss\": \"mse\"}";
static const damage damages[] = {
    {.status = MERX_OK},
    {.key = "kind", .status = MERX_E_CORRUPT, .part = "kind"},
    {.key = "kind", .value = "merx index", .status = MERX_E_TYPE, .part = "merx index"},
    {.key = "kind", .value = "merx model", .status = MERX_OK}, /* of a family that is a network */
    {.key = "network_format", .value = "2", .status = MERX_E_VERSION, .part = "2"},
    {.key = "network", .status = MERX_E_CORRUPT, .part = "network"},
    {.key = "network", .value = "{", .status = MERX_E_CORRUPT, .part = "line 1"},
    {.key = "network",
     .value = "{\"input\": [2], \"layers\": [{\"layer\": \"dense\", \"units\": 16777216}]}",
     .status = MERX_E_CORRUPT,
     .part = "dense/kernel"},
    {.key = "network",
     .value = "{\"input\": [2], \"layers\": [{\"layer\": \"conv2d\", \"filters\": 1, \"kernel_size\": 1}]}",
     .status = MERX_E_CORRUPT,
     .part = "conv2d"},
    {.key = "network_seed", .value = "-1", .status = MERX_E_CORRUPT, .part = "network_seed"},
    {.key = "network_steps", .value = "99999999999999999999", .status = MERX_E_CORRUPT, .part = "network_steps"},
    {.key = "network_epochs", .value = "", .status = MERX_E_CORRUPT, .part = "network_epochs"},
    {.tensor = "dense/kernel", .status = MERX_E_CORRUPT, .part = "dense/kernel"},
    {.tensor = "dense/bias", .status = MERX_E_CORRUPT, .part = "dense/bias"},
    {.tensor = "moment1/dense/bias", .status = MERX_E_CORRUPT, .part = "moment1/dense/bias"},
    {.tensor = "moment2/dense/kernel", .status = MERX_E_CORRUPT, .part = "moment2/dense/kernel"},
    {.tensor = "dense/kernel", .number = NAN, .status = MERX_E_CORRUPT, .part = "not finite"},
    {.tensor = "moment2/dense/kernel", .number = INFINITY, .status = MERX_E_CORRUPT, .part = "not finite"},
    {.tensor = "dense/bias", .extra = true, .status = MERX_E_CORRUPT, .part = "dense/bias"},
};

static void write_damaged(const damage *d, const char *file)
{
    merx_error err = {0};
    mx_tensor_writer *w;
    static const char *const meta[][2] = {{"kind", "merx network"}, {"network_format", "1"}, {"network", spec},
                                          {"network_seed", "3"},    {"network_steps", "4"},  {"network_epochs", "5"}};
    static const char *const tensors[] = {"dense/kernel",       "dense/bias",           "moment1/dense/kernel",
                                          "moment1/dense/bias", "moment2/dense/kernel", "moment2/dense/bias"};
    const float numbers[7] = {1, 2, 3, 4, 5, 6, 7}, bad[7] = {1, d->number, 3, 4, 5, 6, 7};
    check_ok(mx_tensor_writer_new(NULL, &w, &err), err);
    for (size_t i = 0; i < sizeof meta / sizeof *meta; i++) {
        bool it = d->key != NULL && strcmp(d->key, meta[i][0]) == 0;
        if (!it || d->value != NULL)
            check_ok(mx_tensor_writer_meta(w, meta[i][0], it ? d->value : meta[i][1], &err), err);
    }
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        bool it = d->tensor != NULL && strcmp(d->tensor, tensors[i]) == 0;
        if (it && d->number == 0 && !d->extra)
            continue;
        const float *values = it && d->number != 0 ? bad : numbers;
        if (i % 2 == 0)
            check_ok(mx_tensor_writer_matrix(w, tensors[i], MX_F32, 2, 3, values, &err), err);
        else
            check_ok(mx_tensor_writer_vector(w, tensors[i], MX_F32, it && d->extra ? 4 : 3, values, &err), err);
    }
    check_ok(mx_tensor_writer_save(w, file, &err), err);
    mx_tensor_writer_free(w);
}

static void refuses_what_is_damaged(void **state)
{
    (void)state;
    char path[256], file[280];
    check_make_folder(path);
    (void)snprintf(file, sizeof file, "%s/net.merx", path);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        const damage *d = &damages[i];
        merx_error err = {0};
        merx_network *net = (merx_network *)8;
        write_damaged(d, file);
        merx_status status = merx_network_load(NULL, file, &net, &err);
        if (status != d->status || (d->part != NULL && strstr(err.message, d->part) == NULL) ||
            (status != MERX_OK && net != NULL))
            fail_msg("damage %zu: %s (expected %s): \"%s\" (expected \"%s\" in it)", i, merx_status_name(status),
                     merx_status_name(d->status), err.message, d->part != NULL ? d->part : "");
        if (status == MERX_OK) {
            assert_int_equal(net->seed, 3);
            assert_int_equal(net->steps, 4);
            assert_int_equal(net->epochs, 5);
            assert_true(net->moment2[net->node[1].weight[0].offset + 5] == 6);
            merx_network_free(net);
        }
    }
    /* A byte of a weight: the checksum notices. */
    write_damaged(&damages[0], file);
    size_t size;
    merx_error err = {0};
    merx_network *net;
    char *bytes = check_read_file(file, &size);
    for (size_t cut = 0; cut < size; cut += 37) {
        check_write_file(file, bytes, cut);
        assert_int_not_equal(merx_network_load(NULL, file, &net, &err), MERX_OK);
        assert_null(net);
    }
    assert_true(size > 0);
    bytes[size - 1] ^= 1;
    check_write_file(file, bytes, size);
    merx_error_clear(&err);
    check_fails(merx_network_load(NULL, file, &net, &err), MERX_E_CORRUPT, err);
    free(bytes);
    check_remove_folder(path);
}

static merx_status save_and_load(const merx_allocator *alloc, void *context, merx_error *err)
{
    merx_network *net = build(alloc), *loaded = NULL;
    void *bytes = NULL;
    size_t size = 0;
    merx_status status;
    MX_TRY_GOTO(merx_network_compile(net, MERX_ADAM(), MERX_CATEGORICAL_CROSSENTROPY, NULL, err));
    MX_TRY_GOTO(merx_network_save(net, context, err));
    MX_TRY_GOTO(merx_network_load(alloc, context, &loaded, err));
    merx_network_free(loaded);
    loaded = NULL;
    MX_TRY_GOTO(merx_network_to_bytes(net, &bytes, &size, err));
    MX_TRY_GOTO(merx_network_from_bytes(alloc, bytes, size, &loaded, err));
out:
    merx_bytes_free(bytes, size);
    merx_network_free(net);
    merx_network_free(loaded);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    char path[256], file[280];
    check_make_folder(path);
    (void)snprintf(file, sizeof file, "%s/net.merx", path);
    check_every_allocation(save_and_load, file);
    check_remove_folder(path);
}

int main(void)
{
    make_data();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_to_the_same_bits),     cmocka_unit_test(loads_what_was_saved),
        cmocka_unit_test(takes_the_rates_of_each_step), cmocka_unit_test(refuses_what_is_damaged),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
