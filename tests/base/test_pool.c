/*
 * mx_parallel: each block once, the lowest failure, cancel, nesting, same bits for any number of threads.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/run.h"
#include "support/check.h"

static const int thread_counts[] = {1, 2, 3, 8};
enum { THREAD_COUNTS = sizeof thread_counts / sizeof *thread_counts };

static merx_task *new_task(int threads)
{
    merx_error err = {0};
    merx_task *task = NULL;
    check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads}, &task, &err), err);
    assert_int_equal(merx_task_threads(task), threads);
    return task;
}

typedef struct sums {
    double parts[1000];
    int calls[1000];
    int threads;
} sums;

static merx_status sum_block(void *context, size_t block, merx_error *err)
{
    sums *s = context;
    if (mx_worker_index() < 0 || mx_worker_index() >= s->threads)
        MX_FAIL(err, MERX_E_INTERNAL, NULL, "worker %d of %d", mx_worker_index(), s->threads);
    mx_random random;
    mx_random_init(&random, 3, block);
    double sum = 0;
    for (int i = 0; i < 500; i++)
        sum += mx_random_normal(&random);
    s->parts[block] = sum;
    s->calls[block]++;
    return MERX_OK;
}

static void test_same_bits(void **state)
{
    (void)state;
    merx_error err = {0};
    double first = 0;
    for (int t = -1; t < THREAD_COUNTS; t++) {
        merx_task *task = t < 0 ? NULL : new_task(thread_counts[t]);
        for (int repeat = 0; repeat < 3; repeat++) {
            sums s = {.threads = merx_task_threads(task)};
            check_ok(mx_parallel(task, 1000, sum_block, &s, &err), err);
            double sum = 0;
            for (int i = 0; i < 1000; i++) {
                assert_int_equal(s.calls[i], 1);
                sum += s.parts[i];
            }
            if (t < 0 && repeat == 0)
                first = sum;
            check_same_double(sum, first);
        }
        merx_task_free(task);
    }
}

static void test_many_small_calls(void **state)
{
    (void)state;
    merx_error err = {0};
    for (int t = 0; t < THREAD_COUNTS; t++) {
        merx_task *task = new_task(thread_counts[t]);
        for (size_t i = 0; i < 500; i++) {
            sums s = {.threads = thread_counts[t]};
            size_t blocks = i % 5;
            check_ok(mx_parallel(task, blocks, sum_block, &s, &err), err);
            for (size_t b = 0; b < 6; b++)
                assert_int_equal(s.calls[b], b < blocks);
        }
        merx_task_free(task);
    }
}

static merx_status fail_some(void *context, size_t block, merx_error *err)
{
    const size_t *lowest = context;
    if (block >= *lowest && block % 3 == *lowest % 3) {
        if (block % 2 == 0)
            MX_FAIL(err, MERX_E_PARSE, "some.csv", "block %zu is bad", block);
        return MERX_E_NUMERIC; /* forgot to say why */
    }
    return MERX_OK;
}

static void test_lowest_error(void **state)
{
    (void)state;
    for (int t = 0; t < THREAD_COUNTS; t++) {
        merx_task *task = new_task(thread_counts[t]);
        for (size_t i = 0; i < 200; i++) {
            size_t lowest = i;
            merx_error err = {0};
            merx_status status = mx_parallel(task, 400, fail_some, &lowest, &err);
            char want[64];
            snprintf(want, sizeof want, "block %zu is bad", lowest);
            assert_int_equal(status, lowest % 2 == 0 ? MERX_E_PARSE : MERX_E_NUMERIC);
            assert_int_equal(err.code, status);
            assert_string_equal(err.message, lowest % 2 == 0 ? want : merx_status_text(MERX_E_NUMERIC));
            assert_int_equal(mx_parallel(task, 400, fail_some, &lowest, NULL), status);
        }
        merx_task_free(task);
    }
}

/* Until count reaches want, but no longer than some seconds: then the test is weaker, not stuck. */
static void wait_for(const atomic_int *count, int want)
{
    for (double begin = mx_monotonic_s(); atomic_load(count) < want && mx_monotonic_s() - begin < 5;)
        sched_yield();
}

/* Block 1 fails first, block 0 after it. */
static merx_status fail_backwards(void *context, size_t block, merx_error *err)
{
    atomic_int *failed = context;
    if (block == 0) {
        wait_for(failed, 1);
        for (int i = 0; i < 1000; i++)
            sched_yield();
    }
    atomic_fetch_add(failed, 1);
    MX_FAIL(err, MERX_E_PARSE, NULL, "block %zu", block);
}

static void test_lowest_error_comes_last(void **state)
{
    (void)state;
    merx_task *task = new_task(2);
    for (int i = 0; i < 20; i++) {
        merx_error err = {0};
        atomic_int failed = 0;
        assert_int_equal(mx_parallel(task, 2, fail_backwards, &failed, &err), MERX_E_PARSE);
        assert_string_equal(err.message, "block 0");
    }
    merx_task_free(task);
}

typedef struct nest {
    merx_task *task, *other;
    atomic_int entered;
    int counts[8][8];
} nest;

typedef struct nest_row {
    nest *all;
    size_t row;
    int index; /* of the worker of the outer body */
    bool same_task;
} nest_row;

static merx_status inner(void *context, size_t block, merx_error *err)
{
    nest_row *row = context;
    row->all->counts[row->row][block]++;
    int want = row->same_task ? row->index : 0;
    if (mx_worker_index() != want)
        MX_FAIL(err, MERX_E_INTERNAL, NULL, "worker %d, not %d", mx_worker_index(), want);
    return MERX_OK;
}

static merx_status outer(void *context, size_t block, merx_error *err)
{
    nest *n = context;
    nest_row row = {n, block, mx_worker_index(), true};
    atomic_fetch_add(&n->entered, 1);
    wait_for(&n->entered, merx_task_threads(n->task) < 3 ? merx_task_threads(n->task) : 3);
    MX_TRY(mx_parallel(n->task, 8, inner, &row, err));
    row.same_task = false;
    MX_TRY(mx_parallel(n->other, 8, inner, &row, err));
    MX_TRY(mx_parallel(NULL, 8, inner, &row, err));
    return mx_worker_index() == row.index ? MERX_OK : MERX_E_INTERNAL;
}

static void test_nested(void **state)
{
    (void)state;
    for (int t = 0; t < THREAD_COUNTS; t++) {
        merx_error err = {0};
        nest n = {.task = new_task(thread_counts[t]), .other = new_task(2)};
        check_ok(mx_parallel(n.task, 8, outer, &n, &err), err);
        for (int i = 0; i < 64; i++)
            assert_int_equal(n.counts[i / 8][i % 8], 3);
        merx_task_free(n.task);
        merx_task_free(n.other);
    }
}

static merx_status cancel_at_five(void *context, size_t block, merx_error *err)
{
    (void)err;
    if (block == 5)
        merx_task_cancel(context);
    return MERX_OK;
}

static void test_cancel(void **state)
{
    (void)state;
    for (int t = 0; t < THREAD_COUNTS; t++) {
        merx_error err = {0};
        merx_task *task = new_task(thread_counts[t]);
        check_fails(mx_parallel(task, 1000000, cancel_at_five, task, &err), MERX_E_CANCELLED, err);
        assert_true(merx_task_cancelled(task));
        sums s = {.threads = thread_counts[t]};
        check_fails(mx_parallel(task, 3, sum_block, &s, &err), MERX_E_CANCELLED, err);
        assert_int_equal(s.calls[0], 0);
        merx_task_free(task);
    }
}

static merx_task *signalled;

static void on_signal(int number)
{
    (void)number;
    merx_task_cancel(signalled);
}

static merx_status raise_signal(void *context, size_t block, merx_error *err)
{
    (void)context;
    (void)err;
    if (block == 3)
        kill(getpid(), SIGUSR1);
    return MERX_OK;
}

static void test_cancel_from_signal(void **state)
{
    (void)state;
    merx_error err = {0};
    signalled = new_task(2);
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    check_fails(mx_parallel(signalled, 1000000, raise_signal, NULL, &err), MERX_E_CANCELLED, err);
    signal(SIGUSR1, SIG_DFL);
    merx_task_free(signalled);
}

/* Two threads with one task: one has the pool, the other works alone. */
static void *use_task(void *argument)
{
    merx_task *task = argument;
    for (int i = 0; i < 50; i++) {
        sums s = {.threads = merx_task_threads(task)};
        if (mx_parallel(task, 100, sum_block, &s, NULL) != MERX_OK)
            return task;
        for (int b = 0; b < 100; b++)
            if (s.calls[b] != 1)
                return task;
    }
    return NULL;
}

static void test_shared_task(void **state)
{
    (void)state;
    merx_task *task = new_task(3);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_task, task), 0);
    for (int i = 0; i < 3; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    merx_task_free(task);
}

static void test_unused_task(void **state)
{
    (void)state;
    merx_task_free(new_task(8)); /* its threads were never started */
    merx_task_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_many_small_calls),
        cmocka_unit_test(test_lowest_error),
        cmocka_unit_test(test_lowest_error_comes_last),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_cancel_from_signal),
        cmocka_unit_test(test_shared_task),
        cmocka_unit_test(test_unused_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
