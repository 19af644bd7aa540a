/*
 * The best items of next found by a bound, beside the plain scoring of every item: on models of random numbers, where every part of the bound matters in turn.
 */
#include <pthread.h>

#include "base/random.h"
#include "learn/network/sequence_ranker_parts.h"
#include "shop/answers/next.h"
#include "support/check.h"

enum { ITEMS = 777, MOST = ITEMS + 5, EVENTS = 24 };

typedef struct shape {
    const char *name;
    size_t units; /* 0: no network */
    double network, popularity, alike, fade;
    size_t links;     /* most of a list */
    double vectors;   /* size of their numbers */
    bool negative;    /* weights of lists too */
    bool empty_lists; /* most items have none */
} shape;

static const shape shapes[] = {
    {"counts alone", 0, 0, 0.5, 0.7, 0.6, 60, 1, false, false},
    {"counts and popularity", 0, 0, 50, 0.7, 0.6, 20, 1, true, true},
    {"a little network", 16, 0.01, 0.001, 0.5, 0.6, 60, 1, false, false},
    {"much network", 16, 5, 0.1, 0.5, 0.6, 20, 1, true, false},
    {"network alone", 8, 1, 0, 0, 0.6, 0, 1, false, true},
    {"long vectors, few lists", 16, 2, 0.1, 0.5, 0.9, 5, 5, true, true},
    {"other units", 5, 0.5, 0.1, 0.5, 0.6, 30, 1, true, false},
    {"all alike", 8, 0, 0, 0, 0.6, 0, 1, false, true},
};

static void random_lists(const shape *p, mx_random *dice, mx_item_lists *out)
{
    merx_error err = {0};
    check_ok(mx_item_lists_none(ITEMS, NULL, out, &err), err);
    const merx_allocator *alloc = out->alloc;
    MX_FREE_ARRAY(alloc, out->indices, 0);
    MX_FREE_ARRAY(alloc, out->weights, 0);
    for (size_t i = 0; i < ITEMS; i++) {
        bool none = p->links == 0 || (p->empty_lists && i % 4 != 0);
        out->starts[i + 1] = out->starts[i] + (none ? 0 : (int64_t)mx_random_below(dice, p->links));
    }
    size_t links = mx_item_lists_count(out);
    check_ok(mx_alloc_array(alloc, links, sizeof(int32_t), "links", &out->indices, &err), err);
    check_ok(mx_alloc_array(alloc, links, sizeof(float), "links", &out->weights, &err), err);
    for (size_t i = 0; i < ITEMS; i++) {
        float size = INFINITY;
        for (int64_t k = out->starts[i]; k < out->starts[i + 1]; k++) {
            /* Items in a stride, so that none stands twice; weights in falling size, some equal, some 0. */
            int64_t at = k - out->starts[i], length = out->starts[i + 1] - out->starts[i];
            out->indices[k] = (int32_t)((i * 31 + 7 * (size_t)at) % ITEMS);
            size = fminf(size, (1 + floorf(8.0F * (float)mx_random_uniform(dice))) / (4.0F * (float)(1 + at)));
            size = at > 8 && at * 8 > length * 7 ? 0 : size;
            out->weights[k] = p->negative && mx_random_below(dice, 4) == 0 ? -size : size;
        }
    }
}

static void random_model(const shape *p, uint64_t seed, mx_next *m)
{
    merx_error err = {0};
    mx_random dice;
    mx_random_init(&dice, seed, 0);
    *m = (mx_next){.alloc = mx_allocator_or_default(NULL),
                   .items = ITEMS,
                   .sequences = 1000,
                   .fade = p->fade,
                   .popularity = p->popularity,
                   .alike_weight = p->alike,
                   .network = p->network};
    check_ok(mx_alloc_array(m->alloc, ITEMS, sizeof(int32_t), "holders", &m->holders, &err), err);
    check_ok(mx_alloc_array(m->alloc, ITEMS, sizeof(int32_t), "counts", &m->count, &err), err);
    check_ok(mx_dict_new(m->alloc, ITEMS, &m->ids, &err), err);
    for (int32_t t = 0; t < ITEMS; t++) {
        char id[16];
        int32_t code;
        bool added;
        snprintf(id, sizeof id, "p%04d", (int)t);
        check_ok(mx_dict_add(m->ids, mx_str_of(id), &code, &added, &err), err);
        m->holders[t] = (int32_t)mx_random_below(&dice, 30);
        m->count[t] = m->holders[t] + 1;
        m->events += m->count[t];
    }
    random_lists(p, &dice, &m->after);
    random_lists(p, &dice, &m->alike);
    if (p->units == 0)
        return;
    check_ok(mx_ranker_make(ITEMS, p->units, NULL, &m->ranker, &err), err);
    for (size_t i = 0; i < ITEMS * p->units; i++)
        m->ranker.vectors[i] = (float)(p->vectors * mx_random_normal(&dice));
    for (size_t i = 0; i < ITEMS; i++)
        m->ranker.bias[i] = (float)mx_random_normal(&dice);
    for (size_t i = 0; i < p->units * 3 * p->units; i++) {
        m->ranker.kernel[i] = (float)(0.4 * mx_random_normal(&dice));
        m->ranker.recurrent[i] = (float)(0.4 * mx_random_normal(&dice));
    }
    mx_ranker_pack(&m->ranker);
}

static const double *sorted_scores;
static int compare(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    if (sorted_scores[x] != sorted_scores[y])
        return sorted_scores[x] < sorted_scores[y] ? 1 : -1;
    return (x > y) - (x < y);
}

/* The same by scoring everything; returns how many. */
static size_t plain_top(const mx_next *m, const int32_t *history, size_t events, const int32_t *barred, size_t n_barred,
                        size_t n, mx_next_place *out)
{
    static double scores[ITEMS];
    static int32_t order[ITEMS];
    uint8_t out_of_it[ITEMS] = {0};
    merx_error err = {0};
    mx_next_state state;
    size_t left = 0;
    check_ok(mx_next_begin(m, EVENTS, NULL, &state, &err), err);
    for (size_t k = 0; k < events; k++)
        mx_next_step(&state, history[k]);
    mx_next_scores(&state, scores);
    mx_next_end(&state);
    for (size_t t = 0; events == 0 && t < ITEMS; t++)
        scores[t] = m->holders[t];
    for (size_t k = 0; k < n_barred; k++)
        out_of_it[barred[k]] = 1;
    for (int32_t t = 0; t < ITEMS; t++)
        if (!out_of_it[t])
            order[left++] = t;
    sorted_scores = scores;
    qsort(order, left, sizeof *order, compare);
    n = n < left ? n : left;
    for (size_t i = 0; i < n; i++)
        out[i] = (mx_next_place){order[i], scores[order[i]]};
    return n;
}

static void test_equals_plain(void **state)
{
    (void)state;
    static mx_next_place best[MOST], plain[MOST];
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        mx_next model;
        merx_error err = {0};
        mx_random dice;
        random_model(&shapes[i], i, &model);
        if (i % 2 && model.ranker.items) { /* what some items put in is not kept */
            int32_t kept[ITEMS / 2];
            for (int32_t t = 0; t < ITEMS / 2; t++)
                kept[t] = 2 * t;
            check_ok(mx_ranker_keep_inputs(&model.ranker, kept, ITEMS / 2, &err), err);
        }
        check_ok(mx_next_index_build(&model, NULL, &err), err);
        mx_random_init(&dice, 99, i);
        const double cut = model.index->cut, cuts[] = {cut, 0, 10 * cut, INFINITY};
        for (size_t round = 0; round < 300; round++) {
            model.index->cut = cuts[round / 8 % 4];
            static const size_t sizes[] = {1, 10, 10, 10, 64, 65, 300, MOST};
            int32_t history[EVENTS], barred[40];
            size_t events = (size_t)mx_random_below(&dice, EVENTS + 1), n_barred = (size_t)mx_random_below(&dice, 41);
            size_t n = sizes[round % 8], count;
            for (size_t k = 0; k < events; k++) /* some more than once */
                history[k] = (int32_t)mx_random_below(&dice, round % 2 ? ITEMS : 40);
            for (size_t k = 0; k < n_barred; k++)
                barred[k] = k < events && round % 3 ? history[k] : (int32_t)mx_random_below(&dice, ITEMS);
            check_ok(mx_next_top(&model, history, events, barred, n_barred, n, best, &count, &err), err);
            size_t wanted = plain_top(&model, history, events, barred, n_barred, n, plain);
            if (count != wanted)
                fail_msg("%s, round %zu: %zu places, expected %zu", shapes[i].name, round, count, wanted);
            for (size_t k = 0; k < count; k++)
                if (best[k].item != plain[k].item || memcmp(&best[k].score, &plain[k].score, sizeof(double)) != 0)
                    fail_msg("%s, round %zu, place %zu: %d with %.17g, expected %d with %.17g", shapes[i].name, round,
                             k, (int)best[k].item, best[k].score, (int)plain[k].item, plain[k].score);
        }
        mx_next_release(&model);
    }
}

/* ---- many threads on one model ---- */

typedef struct asker {
    const mx_next *model;
    int wrong;
} asker;

static void *ask_often(void *context)
{
    asker *a = context;
    mx_next_place best[10], first[10];
    merx_error err = {0};
    size_t count, count_first = 0;
    for (int round = 0; round < 300; round++) {
        int32_t history[8];
        for (int k = 0; k < 8; k++)
            history[k] = (round % 7 * 31 + k * k) % ITEMS;
        a->wrong += mx_next_top(a->model, history, 8, history, 8, 10, best, &count, &err) != MERX_OK;
        if (round % 7 == 0 && round == 0) {
            memcpy(first, best, sizeof first);
            count_first = count;
        } else if (round % 7 == 0) {
            a->wrong += count != count_first || memcmp(best, first, sizeof first) != 0;
        }
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    mx_next model;
    merx_error err = {0};
    pthread_t threads[THREADS];
    asker askers[THREADS];
    random_model(&shapes[3], 5, &model);
    check_ok(mx_next_index_build(&model, NULL, &err), err);
    for (int i = 0; i < THREADS; i++) {
        askers[i] = (asker){&model, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &askers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(askers[i].wrong, 0);
    }
    mx_next_release(&model);
}

/* ---- what can fail ---- */

static void test_memory(void **state)
{
    (void)state;
    mx_next model;
    random_model(&shapes[2], 7, &model);
    const merx_allocator *own = model.alloc;
    const int32_t history[] = {1, 2, 3};
    bool done = false;
    for (int64_t fail = 0; !done; fail++) {
        mx_failing_allocator failing;
        merx_error err = {0};
        mx_next_place best[10];
        size_t count;
        mx_failing_allocator_init(&failing, fail, false);
        model.alloc = &failing.allocator;
        merx_status status = mx_next_index_build(&model, NULL, &err);
        if (status == MERX_OK)
            status = mx_next_top(&model, history, 3, NULL, 0, 10, best, &count, &err);
        done = status == MERX_OK;
        if (!done)
            assert_int_equal(status, MERX_E_MEMORY);
        mx_next_index_release(&model);
        assert_int_equal(failing.live_bytes, 0);
        assert_true(fail < 100);
    }
    model.alloc = own;
    mx_next_release(&model);
}

static void test_damage(void **state)
{
    (void)state;
    mx_next model;
    merx_error err = {0};
    random_model(&shapes[2], 8, &model);
    model.ranker.vectors[5 * model.ranker.units] = 3e38F;
    model.network = 1e15;
    assert_int_equal(mx_next_index_build(&model, NULL, &err), MERX_E_CORRUPT);
    check_contains(err.message, "product 5 ");
    assert_null(model.index);
    mx_next_release(&model);
    for (int kind = 0; kind < 3; kind++) {
        random_model(&shapes[0], 9, &model);
        mx_item_lists *lists = kind ? &model.after : &model.alike;
        int64_t from = lists->starts[6] - 2; /* the last two of product 5's list */
        assert_true(from >= lists->starts[5]);
        if (kind == 2)
            lists->indices[from + 1] = lists->indices[from];
        else
            lists->weights[from + 1] = kind ? 100 : 3e38F;
        assert_int_equal(mx_next_index_build(&model, NULL, &err), MERX_E_CORRUPT);
        check_contains(err.message, "product 5 ");
        assert_null(model.index);
        mx_next_release(&model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_plain),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
