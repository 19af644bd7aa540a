/*
 * A recurrent network from a C program: learns from the last weeks of customers' visits in which department each of them buys next.
 *
 *     cc lstm.c $(pkg-config --cflags --libs merx) -o lstm
 *     ./lstm
 *
 * The sequences are generated: each day a customer looks at some departments; who came back to one of them after two days buys there. So what counts is when, which
 * sums over the days don't tell.
 */
#include <stdio.h>
#include <stdlib.h>

#include <merx/network.h>

enum { STEPS = 20, DEPARTMENTS = 4, TRAIN = 2000, TEST = 500 };

static merx_status print_epoch(void *context, const merx_epoch *epoch, merx_error *err)
{
    (void)context;
    (void)err;
    printf("epoch %d: loss %.4f, accuracy %.4f (%.1f s)\n", epoch->epoch, epoch->loss, epoch->metric, epoch->seconds);
    fflush(stdout);
    return MERX_OK;
}

/* Numbers in [0, 1): the same on every machine. */
static double drawn(unsigned *state)
{
    *state = *state * 1664525U + 1013904223U;
    return (double)(*state >> 8) / (1 << 24);
}

/* x (STEPS, DEPARTMENTS): minutes spent in each department on each day. Returns where the customer buys. */
static int make_customer(unsigned *state, float *x)
{
    int buys = (int)(drawn(state) * DEPARTMENTS),
        other = (buys + 1 + (int)(drawn(state) * (DEPARTMENTS - 1))) % DEPARTMENTS;
    int first = (int)(drawn(state) * (STEPS - 4)), second = (int)(drawn(state) * (STEPS - 4));
    for (int i = 0; i < STEPS * DEPARTMENTS; i++)
        x[i] = (float)(0.3 * drawn(state));
    x[first * DEPARTMENTS + buys] += 1; /* two days apart: buys */
    x[(first + 2) * DEPARTMENTS + buys] += 1;
    x[second * DEPARTMENTS + other] += 1; /* three days apart: does not */
    x[(second + 3) * DEPARTMENTS + other] += 1;
    return buys;
}

int main(int argc, char **argv)
{
    static float x[(TRAIN + TEST) * STEPS * DEPARTMENTS];
    static int32_t labels[TRAIN + TEST];
    unsigned state = 2024;
    for (size_t i = 0; i < TRAIN + TEST; i++)
        labels[i] = make_customer(&state, x + i * STEPS * DEPARTMENTS);
    const merx_examples train = {.n = TRAIN, .x = x, .labels = labels};
    const merx_examples test = {.n = TEST, .x = x + (size_t)TRAIN * STEPS * DEPARTMENTS, .labels = labels + TRAIN};

    merx_error err = {0};
    merx_task *task = NULL;
    merx_runner *runner = NULL;
    double loss, accuracy;
    int code = 1;

    merx_network *net = merx_network_new(NULL, MERX_INPUT(STEPS, DEPARTMENTS));
    merx_network_add(net, MERX_LSTM(.units = 128, .activation = MERX_RELU));
    merx_network_add(net, MERX_DENSE(.units = DEPARTMENTS, .activation = MERX_SOFTMAX));

    merx_fit_options options = {.epochs = argc > 1 ? atoi(argv[1]) : 10, .batch_size = 32, .on_epoch = print_epoch};
    if (merx_task_new(NULL, &(merx_task_options){.seed = 1}, &task, &err) != MERX_OK ||
        merx_network_compile(net, MERX_ADAM(), MERX_CATEGORICAL_CROSSENTROPY, task, &err) != MERX_OK ||
        merx_network_fit(net, &train, &options, task, NULL, &err) != MERX_OK ||
        merx_network_evaluate(net, &test, task, &loss, &accuracy, &err) != MERX_OK ||
        merx_runner_new_steps(net, &runner, &err) != MERX_OK) {
        fprintf(stderr, "%s%s%s\n", err.where, err.where[0] ? ": " : "", err.message);
        goto out;
    }
    printf("on %d other customers: loss %.4f, accuracy %.4f\n", TEST, loss, accuracy);

    /* One customer, day by day: each new day costs one step. */
    printf("customer 1 buys in department %d; day by day the network thinks so by\n", (int)test.labels[0]);
    for (size_t t = 0; t < STEPS; t++) {
        const float *p = merx_runner_step(runner, test.x + t * DEPARTMENTS);
        printf("%5.1f %%%s", 100 * (double)p[test.labels[0]], t % 10 == 9 ? "\n" : " ");
    }
    code = 0;
out:
    merx_runner_free(runner);
    merx_network_free(net);
    merx_task_free(task);
    return code;
}
