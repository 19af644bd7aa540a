/*
 * The networks of bench/networks beside Keras 3 (network_parity.json), from the same weights and batches: gradients of the first step, losses
 * of ten steps to 1e-5 and of a hundred to 1e-3, up to where Keras in float32 itself has left Keras in float64. The convolutional one needs fashion-mnist.
 */
#include <zlib.h>

#include "support/network_golden.h"

enum { PICTURE = 784, ROWS = 60000 };

static void read_fashion(json_t *rows, float *x, int32_t *labels)
{
    static unsigned char pictures[ROWS][PICTURE], kinds[ROWS];
    unsigned char head[16];
    gzFile file = gzopen(check_need_data("fashion-mnist/train-images-idx3-ubyte.gz"), "rb");
    assert_true(file != NULL && gzread(file, head, 16) == 16 &&
                gzread(file, pictures, sizeof pictures) == sizeof pictures);
    gzclose(file);
    file = gzopen(check_need_data("fashion-mnist/train-labels-idx1-ubyte.gz"), "rb");
    assert_true(file != NULL && gzread(file, head, 8) == 8 && gzread(file, kinds, sizeof kinds) == sizeof kinds);
    gzclose(file);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        size_t row = (size_t)json_integer_value(json_array_get(rows, i));
        assert_true(row < ROWS);
        for (size_t j = 0; j < PICTURE; j++)
            x[i * PICTURE + j] = (float)pictures[row][j] / 255.0F;
        labels[i] = kinds[row];
    }
}

static void check_first(merx_network *net, json_t *c, const merx_examples *batch, merx_task *task)
{
    merx_error err = {0};
    double loss = 0;
    check_ok(merx_network_gradients(net, batch, task, &loss, &err), err);
    size_t i;
    json_t *want;
    json_array_foreach(check_member(c, "gradients"), i, want)
    {
        merx_weight w = merx_network_weight(net, i);
        double norm = 0, *values = check_doubles(want, "values", NULL), size = sqrt((double)w.size);
        for (size_t j = 0; j < w.size; j++)
            norm += (double)w.gradient[j] * (double)w.gradient[j];
        check_close(sqrt(norm) / check_number(want, "norm"), 1, 1e-4);
        json_t *places = check_member(want, "places");
        for (size_t j = 0; j < json_array_size(places); j++) {
            float g = w.gradient[json_integer_value(json_array_get(places, j))];
            check_close((double)g, values[j], 1e-4 * check_number(want, "norm") / size);
        }
        free(values);
    }
    float out[10];
    double *p = check_doubles(c, "probabilities", NULL);
    check_ok(merx_network_predict(net, &(merx_examples){.n = 1, .x = batch->x}, task, out, &err), err);
    for (size_t j = 0; j < 10; j++)
        check_close((double)out[j], p[j], 1e-6);
    free(p);
}

static void check_parity(json_t *c, size_t steps)
{
    merx_error err = {0};
    merx_task *task = NULL;
    check_ok(merx_task_new(NULL, NULL, &task, &err), err);
    merx_optimizer optimizer = MERX_ADAM(.learning_rate = check_number(check_member(c, "optimizer"), "learning_rate"));
    merx_network *net = golden_network(c, optimizer, MERX_CATEGORICAL_CROSSENTROPY, task);
    json_t *e = check_member(c, "examples");
    bool fashion = strcmp(json_string_value(check_member(e, "source")), "fashion-mnist") == 0;
    size_t batch = (size_t)check_number(c, "batch"), size = fashion ? PICTURE : 50 * 32;
    size_t n = fashion ? json_array_size(check_member(e, "rows")) : batch * steps;
    float *x = malloc(n * size * sizeof *x);
    int32_t *labels = malloc(n * sizeof *labels);
    if (fashion)
        read_fashion(check_member(e, "rows"), x, labels);
    for (size_t r = 0; r < n && !fashion; r++)
        labels[r] = golden_example(r, size, (size_t)check_number(e, "period"), (size_t)check_number(e, "classes"),
                                   x + r * size);
    check_first(net, c, &(merx_examples){.n = batch, .x = x, .labels = labels}, task);
    double *losses = check_doubles(check_member(c, "losses"), "float64", NULL), loss = 0;
    json_t *apart = check_member(c, "apart_from_step");
    size_t end = json_is_null(apart) ? steps : (size_t)json_integer_value(apart);
    assert_true(end >= 10);
    for (size_t k = 0; k < (end < steps ? end : steps); k++) {
        merx_examples now = {.n = batch, .x = x + k * batch * size, .labels = labels + k * batch};
        check_ok(merx_network_train_batch(net, &now, task, &loss, &err), err);
        if (!(fabs(loss - losses[k]) <= (k < 10 ? 1e-5 : 1e-3) * losses[k]))
            check_die(__FILE__, __LINE__, "%s: loss of step %zu is %.9g, Keras %.9g",
                      json_string_value(check_member(c, "name")), k, loss, losses[k]);
    }
    free(losses);
    free(labels);
    free(x);
    merx_network_free(net);
    merx_task_free(task);
}

/* Of the sanitizers' builds ten steps are enough. */
static size_t steps_here(void)
{
    const char *sanitize = getenv("MERX_SANITIZE");
    return sanitize != NULL && *sanitize != '\0' && strcmp(sanitize, "OFF") != 0 ? 10 : 100;
}

static void test_lstm(void **state)
{
    (void)state;
    json_t *golden = check_golden("network_parity"), *c;
    size_t i, tried = 0;
    json_array_foreach(check_member(golden, "networks"), i,
                       c) if (strncmp(json_string_value(check_member(c, "name")), "lstm", 4) == 0)
    {
        check_parity(c, steps_here());
        tried++;
    }
    assert_true(tried == 3);
    json_decref(golden);
}

static void test_cnn(void **state)
{
    (void)state;
    json_t *golden = check_golden("network_parity");
    check_parity(json_array_get(check_member(golden, "networks"), 0), steps_here());
    json_decref(golden);
}

int main(void)
{
    const struct CMUnitTest always[] = {cmocka_unit_test(test_lstm)}, pictures[] = {cmocka_unit_test(test_cnn)};
    int failed = cmocka_run_group_tests_name("LSTM", always, NULL, NULL);
    if (failed == 0)
        check_need_data("fashion-mnist/train-images-idx3-ubyte.gz");
    return failed != 0 ? failed : cmocka_run_group_tests_name("CNN", pictures, NULL, NULL);
}
