/*
 * Transitions: by hand, against a naive twin, with any number of threads, and with every allocation failing once.
 */
#include "learn/factor/transitions.h"

#include "base/random.h"
#include "support/check.h"

static const mx_transitions_options plain = {.reach = 1, .decay = 1, .power = 1};

/* a b c | a c b a | b: what came next, counted. */
static void test_counts(void **state)
{
    (void)state;
    const int64_t starts[] = {0, 3, 7, 7, 8};
    const int32_t items[] = {0, 1, 2, 0, 2, 1, 0, 1};
    mx_sequences s = {4, 4, starts, items};
    mx_item_lists lists;
    merx_error err = {0};
    check_ok(mx_transitions_fit(&s, &plain, NULL, NULL, &lists, &err), err);
    const double expected[4][4] = {{0, 1, 1, 0}, {1, 0, 1, 0}, {0, 1, 0, 0}, {0, 0, 0, 0}};
    for (int i = 0; i < 4; i++)
        for (int t = 0; t < 4; t++)
            check_same_double(mx_item_lists_weight(&lists, i, t), expected[i][t]);
    double scores[4] = {0.5, 0, 0, 0};
    mx_transitions_score(&lists, (const int32_t[]){0, 1}, 2, 0.25, 2, scores);
    const double sums[] = {0.5 + 2, 0.5, 2 + 0.5, 0};
    for (int t = 0; t < 4; t++)
        check_same_double(scores[t], sums[t]);
    mx_item_lists_release(&lists);

    /* Two places, with all that weighs them. */
    mx_transitions_options wide = {
        .reach = 2, .decay = 0.5, .backward = 0.25, .damping = 0.5, .power = 0.5, .spread = 0.5};
    check_ok(mx_transitions_fit(&s, &wide, NULL, NULL, &lists, &err), err);
    double u = 1 / sqrt(3), v = 0.5;                                          /* pairs of the two sequences */
    double from_c[] = {v * 0.5 + u * 0.25 * 0.5 + v * 0.25, v + u * 0.25, 0}; /* a: two after, two before, one before */
    double all = 1 + sqrt(from_c[0]) + sqrt(from_c[1]);
    check_relative(mx_item_lists_weight(&lists, 2, 0), sqrt(from_c[0] / all), 1e-6);
    check_relative(mx_item_lists_weight(&lists, 2, 1), sqrt(from_c[1] / all), 1e-6);
    mx_item_lists_release(&lists);
}

/* ---- a twin too simple to be wrong ---- */

enum { SEQUENCES = 150, ITEMS = 90 };

typedef struct random_sequences {
    int64_t starts[SEQUENCES + 1];
    int32_t items[SEQUENCES * 12];
    mx_sequences view;
} random_sequences;

static void draw(random_sequences *r, uint64_t seed)
{
    mx_random random;
    mx_random_init(&random, seed, 1);
    r->starts[0] = 0;
    for (int u = 0; u < SEQUENCES; u++) {
        int64_t at = r->starts[u], length = (int64_t)(mx_random_uniform(&random) * 12);
        for (int64_t k = 0; k < length; k++)
            r->items[at + k] = (int32_t)(pow(mx_random_uniform(&random), 2) * ITEMS);
        r->starts[u + 1] = at + length;
    }
    r->view = (mx_sequences){SEQUENCES, ITEMS, r->starts, r->items};
}

static void naive(const random_sequences *r, const mx_transitions_options *o, double *weights)
{
    memset(weights, 0, ITEMS * ITEMS * sizeof *weights);
    for (int u = 0; u < SEQUENCES; u++)
        for (int64_t p = r->starts[u]; p < r->starts[u + 1]; p++)
            for (int64_t q = p + 1; q < r->starts[u + 1] && q - p <= o->reach; q++) {
                double amount =
                    pow((double)(r->starts[u + 1] - r->starts[u]), -o->damping) * pow(o->decay, (double)(q - p - 1));
                weights[r->items[p] * ITEMS + r->items[q]] += amount;
                weights[r->items[q] * ITEMS + r->items[p]] += o->backward * amount;
            }
    for (int i = 0; i < ITEMS; i++) {
        double sum = 1;
        for (int t = 0; t < ITEMS; t++)
            sum += weights[i * ITEMS + t] = pow(weights[i * ITEMS + t], o->power);
        for (int t = 0; t < ITEMS; t++)
            weights[i * ITEMS + t] /= pow(sum, o->spread);
    }
}

static void test_twin(void **state)
{
    (void)state;
    const mx_transitions_options options[] = {
        plain,
        {.reach = 12, .decay = 0.8, .backward = 0.2, .damping = 0.25, .power = 0.7, .spread = 0.2},
        {.reach = 3, .decay = 1, .backward = 1, .power = 1},
        {.reach = 5, .decay = 0.3, .power = 0.5, .spread = 1, .keep = 7},
    };
    double *weights = malloc(ITEMS * ITEMS * sizeof *weights);
    for (uint64_t seed = 1; seed <= 4; seed++)
        for (size_t k = 0; k < 4; k++) {
            random_sequences r;
            draw(&r, seed);
            mx_item_lists lists;
            merx_error err = {0};
            check_ok(mx_transitions_fit(&r.view, &options[k], NULL, NULL, &lists, &err), err);
            naive(&r, &options[k], weights);
            size_t compared = 0;
            for (int i = 0; i < ITEMS; i++) {
                size_t links = 0, kept = (size_t)(lists.starts[i + 1] - lists.starts[i]);
                double least = kept ? (double)lists.weights[lists.starts[i + 1] - 1] : 0;
                for (int t = 0; t < ITEMS; t++) {
                    double weight = mx_item_lists_weight(&lists, i, t), expected = weights[i * ITEMS + t];
                    links += expected > 0;
                    if (weight > 0)
                        check_relative(weight, expected, 1e-6);
                    else
                        assert_true(expected <= least * (1 + 1e-6));
                    compared += weight > 0;
                }
                size_t most = options[k].keep ? options[k].keep : 1000;
                assert_int_equal(kept, links < most ? links : most);
            }
            assert_true(compared > ITEMS * 3);
            mx_item_lists_release(&lists);
        }
    free(weights);
}

static void test_threads(void **state)
{
    (void)state;
    random_sequences r;
    draw(&r, 9);
    mx_transitions_options o = {
        .reach = 12, .decay = 0.8, .backward = 0.2, .damping = 0.25, .power = 0.7, .spread = 0.2};
    mx_item_lists first, other;
    merx_error err = {0};
    check_ok(mx_transitions_fit(&r.view, &o, NULL, NULL, &first, &err), err);
    for (int threads = 2; threads <= 8; threads *= 2) {
        merx_task *task;
        check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads}, &task, &err), err);
        check_ok(mx_transitions_fit(&r.view, &o, NULL, task, &other, &err), err);
        size_t links = mx_item_lists_count(&first);
        assert_int_equal(links, mx_item_lists_count(&other));
        assert_memory_equal(first.indices, other.indices, links * sizeof *first.indices);
        assert_memory_equal(first.weights, other.weights, links * sizeof *first.weights);
        mx_item_lists_release(&other);
        merx_task_free(task);
    }
    mx_item_lists_release(&first);
}

static void test_refused(void **state)
{
    (void)state;
    const int64_t starts[] = {0, 2};
    const int32_t items[] = {0, 3};
    mx_item_lists lists;
    merx_error err = {0};
    mx_sequences s = {1, 3, starts, items};
    assert_int_equal(mx_transitions_fit(&s, &plain, NULL, NULL, &lists, &err), MERX_E_INVALID);
    check_contains(err.message, "event 1 is item 3; expected 0 to 2");
    s.n_items = 4;
    mx_transitions_options bad[] = {plain, plain, plain, plain, plain, plain, plain};
    bad[0].reach = 0;
    bad[1].decay = 0;
    bad[2].decay = NAN;
    bad[3].backward = 1.5;
    bad[4].damping = -1;
    bad[5].power = 0;
    bad[6].spread = NAN;
    const char *const said[] = {"reach is 0",    "decay is 0", "decay is nan", "backward is 1.5",
                                "damping is -1", "power is 0", "spread is nan"};
    for (size_t k = 0; k < 7; k++) {
        err = (merx_error){0};
        assert_int_equal(mx_transitions_fit(&s, &bad[k], NULL, NULL, &lists, &err), MERX_E_RANGE);
        check_contains(err.message, said[k]);
    }
    /* Nothing to learn from is nothing learnt. */
    err = (merx_error){0};
    check_ok(mx_transitions_fit(&(mx_sequences){0, 0, starts, items}, &plain, NULL, NULL, &lists, &err), err);
    assert_int_equal(mx_item_lists_count(&lists), 0);
    mx_item_lists_release(&lists);
}

static void test_allocations(void **state)
{
    (void)state;
    random_sequences r;
    draw(&r, 3);
    for (int64_t fail = 0;; fail++) {
        mx_failing_allocator failing;
        mx_failing_allocator_init(&failing, fail, false);
        merx_task *task;
        merx_error err = {0};
        mx_item_lists lists = {0};
        merx_status status = merx_task_new(&failing.allocator, &(merx_task_options){.threads = 1}, &task, &err);
        if (status == MERX_OK) {
            status = mx_transitions_fit(&r.view, &plain, &failing.allocator, task, &lists, &err);
            mx_item_lists_release(&lists);
            merx_task_free(task);
        }
        assert_int_equal(failing.live_bytes, 0);
        if (status == MERX_OK) {
            assert_true(fail > 10);
            break;
        }
        assert_int_equal(status, MERX_E_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),  cmocka_unit_test(test_twin),        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
