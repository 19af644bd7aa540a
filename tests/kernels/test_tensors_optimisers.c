/*
 * Optimisers of float tensors beside Keras 3 (tests/golden/make_optimisers.py): 20 steps, default and other options, clipping by the norm of a weight, of all, and by
 * value, decoupled weight decay, a schedule; every level that this machine runs. The oracle is Keras in float64; how far Keras in float32 is from it says how far one
 * may be.
 */
#include "kernels/tensors.h"
#include "support/check.h"

enum { TENSORS = 2, MOST = 64 };

typedef struct problem {
    size_t sizes[TENSORS], n, steps;
    double *start, *gradients; /* (n), (steps, n) */
} problem;

static double option(json_t *options, const char *name, double otherwise)
{
    json_t *value = json_object_get(options, name);
    return value == NULL ? otherwise : json_is_boolean(value) ? json_is_true(value) : json_number_value(value);
}

/* The scale that clips the gradient of each tensor. */
static void clip(const mx_tensor_kernels *k, const problem *task, json_t *options, float *g, float scale[TENSORS])
{
    double squares[TENSORS], all = 0, each = option(options, "clipnorm", 0),
                             norm = option(options, "global_clipnorm", 0), value = option(options, "clipvalue", 0);
    for (size_t t = 0, first = 0; t < TENSORS; first += task->sizes[t++])
        all += squares[t] = k->sum_squares(g + first, task->sizes[t]);
    for (size_t t = 0; t < TENSORS; t++) {
        double length = sqrt(norm > 0 ? all : squares[t]), most = norm > 0 ? norm : each;
        scale[t] = most > 0 && length > most ? (float)(most / length) : 1;
    }
    for (size_t i = 0; i < task->n && value > 0; i++)
        g[i] = (float)fmin(fmax((double)g[i], -value), value);
}

static void step(const mx_tensor_kernels *k, const problem *task, const char *name, json_t *options, size_t t, float *w,
                 float *first, float *second)
{
    float g[MOST], scale[TENSORS];
    for (size_t i = 0; i < task->n; i++)
        g[i] = (float)task->gradients[t * task->n + i];
    clip(k, task, options, g, scale);
    double rate = check_number(options, "learning_rate");
    rate *= pow(option(options, "decay_rate", 1), (double)t / option(options, "decay_steps", 1));
    for (size_t r = 0, at = 0; r < TENSORS; at += task->sizes[r++]) {
        size_t n = task->sizes[r];
        if (strcmp(name, "adam") == 0) {
            double beta1 = check_number(options, "beta_1"), beta2 = check_number(options, "beta_2"), s = (double)t + 1;
            mx_adam o = {.rate = (float)(rate * sqrt(1 - pow(beta2, s)) / (1 - pow(beta1, s))),
                         .beta1 = beta1,
                         .beta2 = beta2,
                         .epsilon = (float)check_number(options, "epsilon"),
                         .decay = (float)(rate * option(options, "weight_decay", 0)),
                         .scale = scale[r]};
            k->adam(&o, n, g + at, first + at, second + at, w + at);
        } else if (strcmp(name, "sgd") == 0) {
            float momentum = (float)check_number(options, "momentum");
            k->sgd((float)rate, momentum, option(options, "nesterov", 0) != 0, scale[r], n, g + at,
                   momentum != 0 ? first + at : NULL, w + at);
        } else {
            k->adagrad((float)rate, (float)check_number(options, "epsilon"), scale[r], n, g + at, second + at, w + at);
        }
    }
}

static void run_case(const mx_tensor_kernels *k, const problem *task, json_t *of)
{
    const char *name = json_string_value(check_member(of, "optimiser"));
    json_t *options = check_member(of, "options");
    float w[MOST], first[MOST] = {0}, second[MOST];
    for (size_t i = 0; i < task->n; i++) {
        w[i] = (float)task->start[i];
        second[i] = (float)option(options, "initial_accumulator_value", 0);
    }
    size_t compared = 0;
    for (size_t t = 0; t < task->steps; t++) {
        step(k, task, name, options, t, w, first, second);
        char mark[32];
        snprintf(mark, sizeof mark, "%zu", t + 1);
        if (json_object_get(check_member(of, "float64"), mark) == NULL)
            continue;
        double *exact = check_doubles(check_member(of, "float64"), mark, NULL),
               *single = check_doubles(check_member(of, "float32"), mark, NULL), noise = 0, moved = 0, worst = 0;
        for (size_t i = 0; i < task->n; i++) {
            noise = fmax(noise, fabs(single[i] - exact[i]));
            moved = fmax(moved, fabs(exact[i] - task->start[i]));
        }
        assert_true(moved > 1e-4);
        for (size_t i = 0; i < task->n; i++) {
            double error = fabs((double)w[i] - exact[i]);
            if (!(error <= 2 * noise + 2e-7))
                check_die(__FILE__, __LINE__, "%s, step %zu, weight %zu: %.9g, Keras in float64 %.12g, in float32 %.9g",
                          name, t + 1, i, (double)w[i], exact[i], single[i]);
            worst = fmax(worst, error);
        }
        if (t + 1 == task->steps)
            print_message("  %s: off by %.2g (Keras in float32: %.2g), moved by %.2g\n", name, worst, noise, moved);
        free(exact);
        free(single);
        compared++;
    }
    assert_int_equal(compared, 4);
}

static void test_keras(void **state)
{
    (void)state;
    json_t *golden = check_golden("optimisers"), *of;
    size_t values, i;
    problem task = {0};
    task.start = check_doubles(golden, "start", &task.n);
    task.gradients = check_doubles(golden, "gradients", &values);
    assert_true(task.n > 0 && task.n <= MOST && json_array_size(check_member(golden, "sizes")) == TENSORS);
    task.steps = values / task.n;
    for (size_t t = 0; t < TENSORS; t++)
        task.sizes[t] = (size_t)json_integer_value(json_array_get(check_member(golden, "sizes"), t));
    assert_int_equal(task.sizes[0] + task.sizes[1], task.n);
    for (int isa = 0; isa < MX_ISA_COUNT; isa++) {
        const mx_tensor_kernels *k = mx_tensor_kernels_of((mx_isa)isa);
        print_message("%s%s\n", mx_isa_name((mx_isa)isa),
                      k == NULL ? ": skipped, this build or this machine has none" : "");
        if (k != NULL)
            json_array_foreach(check_member(golden, "cases"), i, of) run_case(k, &task, of);
    }
    free(task.start);
    free(task.gradients);
    json_decref(golden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_keras)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
