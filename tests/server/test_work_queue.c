/*
 * The line of work: a lane is in order and one at a time, lanes go on beside each other, what waits too long is refused, the end does what waits.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "server/work_queue.h"
#include "support/check.h"

enum { LANES = 5, EACH = 400 };

typedef struct piece {
    mx_work work; /* first */
    int lane, number;
} piece;

static atomic_int inside[LANES], next_of[LANES], done;

static void run_piece(mx_work *work)
{
    const piece *p = (const piece *)(const void *)work;
    if (atomic_fetch_add(&inside[p->lane], 1) != 0)
        check_die(__FILE__, __LINE__, "two pieces of lane %d at once", p->lane);
    if (atomic_fetch_add(&next_of[p->lane], 1) != p->number)
        check_die(__FILE__, __LINE__, "piece %d of lane %d out of turn", p->number, p->lane);
    atomic_fetch_sub(&inside[p->lane], 1);
    atomic_fetch_add(&done, 1);
}

static void test_lanes(void **state)
{
    mx_work_queue *queue;
    merx_error err = {0};
    static mx_lane lanes[LANES];
    static piece pieces[LANES][EACH];
    (void)state;
    check_ok(mx_work_queue_new(4, EACH, NULL, &queue, &err), err);
    for (int n = 0; n < EACH; n++)
        for (int l = 0; l < LANES; l++) {
            pieces[l][n] = (piece){{NULL, run_piece}, l, n};
            assert_true(mx_work_queue_put(queue, &lanes[l], &pieces[l][n].work));
        }
    mx_work_queue_end(queue);
    assert_int_equal(atomic_load(&done), LANES * EACH);
    assert_false(mx_work_queue_put(queue, &lanes[0], &pieces[0][0].work));
    mx_work_queue_free(queue);
}

/* A gate that a piece of work waits at. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static int arrived;
static bool gate_open;

static void wait_at_gate(mx_work *work)
{
    (void)work;
    pthread_mutex_lock(&gate);
    arrived++;
    pthread_cond_broadcast(&gate_moved);
    while (!gate_open)
        pthread_cond_wait(&gate_moved, &gate);
    pthread_mutex_unlock(&gate);
}

static void arrive(mx_work *work)
{
    (void)work;
    pthread_mutex_lock(&gate);
    arrived++;
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate);
}

static void wait_for(int n)
{
    pthread_mutex_lock(&gate);
    while (arrived < n)
        pthread_cond_wait(&gate_moved, &gate);
    pthread_mutex_unlock(&gate);
}

static void test_waiting(void **state)
{
    mx_work_queue *queue;
    merx_error err = {0};
    mx_lane held = {0};
    mx_lane other = {0};
    mx_work holds = {NULL, wait_at_gate};
    mx_work waits[3] = {{NULL, arrive}, {NULL, arrive}, {NULL, arrive}};
    mx_work beside = {NULL, arrive};
    mx_work loose = {NULL, arrive};
    (void)state;
    check_ok(mx_work_queue_new(2, 2, NULL, &queue, &err), err);
    assert_true(mx_work_queue_put(queue, &held, &holds));
    wait_for(1);
    /* Two may wait behind it; one thread is in it, the other serves everybody else. */
    assert_true(mx_work_queue_put(queue, &held, &waits[0]));
    assert_true(mx_work_queue_put(queue, &held, &waits[1]));
    assert_false(mx_work_queue_put(queue, &held, &waits[2]));
    assert_true(mx_work_queue_put(queue, &other, &beside));
    assert_true(mx_work_queue_put(queue, NULL, &loose));
    wait_for(3);
    pthread_mutex_lock(&gate);
    gate_open = true;
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate);
    wait_for(5);
    mx_work_queue_free(queue);
    assert_int_equal(arrived, 5);
}

/* ---- taking more from within the lane ---- */

static mx_work_queue *more_queue;
static mx_lane more_lane;
static int taken_along;

static void take_along(mx_work *work)
{
    (void)work;
    check_die(__FILE__, __LINE__, "a piece was run that another should have taken along");
}

static bool fits(const mx_work *work)
{
    return work->run == take_along;
}

static void take_more(mx_work *work)
{
    wait_at_gate(work);
    while (mx_work_queue_more(more_queue, &more_lane, fits))
        taken_along++;
}

static void test_more(void **state)
{
    merx_error err = {0};
    mx_work first = {NULL, take_more}, along[2] = {{NULL, take_along}, {NULL, take_along}}, last = {NULL, arrive};
    (void)state;
    arrived = 0;
    gate_open = false;
    check_ok(mx_work_queue_new(1, 10, NULL, &more_queue, &err), err);
    /* Nothing is taken out of a lane that no thread is in. */
    assert_null(mx_work_queue_more(more_queue, &more_lane, fits));
    assert_true(mx_work_queue_put(more_queue, &more_lane, &first));
    wait_for(1);
    for (int i = 0; i < 2; i++)
        assert_true(mx_work_queue_put(more_queue, &more_lane, &along[i]));
    assert_true(mx_work_queue_put(more_queue, &more_lane, &last));
    pthread_mutex_lock(&gate);
    gate_open = true;
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate);
    wait_for(2);
    mx_work_queue_free(more_queue);
    assert_int_equal(taken_along, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lanes), cmocka_unit_test(test_waiting),
                                       cmocka_unit_test(test_more)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
