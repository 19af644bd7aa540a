/*
 * next on small shops with planted orders: each customer goes round a ring of eight products, some forwards, some every other one.
 */
#include "shop/answers/next.h"
#include "support/tiny_shop.h"

static const mx_answer *const answer = &mx_answer_next;
static const char small[] = "units=8 epochs=4 learning_rate=0.03";

enum { RING = 8 };

/* 60 customers buy five products each, one a day, the next of the ring after each; every third one starts with "tea". */
static tiny_shop *ring(void)
{
    tiny_shop *shop = tiny_new();
    for (int c = 0; c < 60; c++) {
        char customer[24], order[24], product[24];
        snprintf(customer, sizeof customer, "c%02d", c);
        if (c % 3 == 0)
            tiny_buy(shop, customer, "t", "tea", 1, 100, c);
        for (int k = 0; k < 5; k++) {
            snprintf(order, sizeof order, "o%02d-%d", c, k);
            snprintf(product, sizeof product, "p%d", (c + k) % RING);
            tiny_buy(shop, customer, order, product, 1, 250, c + 1 + k);
        }
    }
    tiny_buy(shop, "c00", "o00-9", "POST", 1, 1500, 70);
    return shop;
}

static void trained(const mx_snapshot *s, const char *set, tiny_model *model)
{
    merx_error err = {0};
    check_ok(tiny_train(answer, s, set, NULL, 1, NULL, NULL, model, &err), err);
}

static double score_of(const merx_reply *reply, const char *id)
{
    for (size_t i = 0; i < reply->items; i++)
        if (strcmp(reply->item[i].id, id) == 0)
            return reply->item[i].score;
    return NAN;
}

static void test_ring(void **state)
{
    (void)state;
    tiny_shop *shop = ring();
    mx_snapshot *s = tiny_finish(shop, NULL);
    tiny_model model;
    trained(s, small, &model);
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    merx_reply reply;
    merx_error err = {0};
    for (int i = 0; i < RING; i++) {
        char question[64], expected[8];
        snprintf(question, sizeof question, "items=p%d,p%d n=3", i, (i + 1) % RING);
        snprintf(expected, sizeof expected, "p%d", (i + 2) % RING);
        check_ok(tiny_ask(&model, s, question, &arena, &reply, &err), err);
        assert_int_equal(reply.items, 3);
        assert_string_equal(reply.item[0].id, expected);
        assert_int_equal(tiny_check_reasons(&reply), 9); /* two events and a base, each */
    }
    /* A customer: after p4 comes p5, which he has not. Reasons are his purchases; services are never ranked. */
    check_ok(tiny_ask(&model, s, "customer=c00 n=1000", &arena, &reply, &err), err);
    assert_string_equal(reply.item[0].id, "p5");
    assert_int_equal(reply.items, RING + 1 - 6);
    assert_int_equal(reply.item[0].reasons, 7);
    assert_string_equal(reply.item[0].reason[0].kind, "purchase");
    assert_true(isnan(score_of(&reply, "POST")) && isnan(score_of(&reply, "p0")) && isnan(score_of(&reply, "tea")));
    check_ok(tiny_ask(&model, s, "customer=c00 n=1000 new_only=false exclude=p5", &arena, &reply, &err), err);
    assert_int_equal(reply.items, RING);
    assert_true(isnan(score_of(&reply, "p5")) && !isnan(score_of(&reply, "p0")));
    tiny_check_reasons(&reply);
    /* Only the last two events are looked at, and the reply says so; what came before is still not new. */
    check_ok(tiny_ask(&model, s, "customer=c00 history=2 n=1000", &arena, &reply, &err), err);
    assert_int_equal(reply.item[0].reasons, 3);
    assert_int_equal(reply.items, RING + 1 - 6);
    check_contains(reply.note[0], "the last 2 of 6 events");
    /* Nothing to go by: what most have. */
    check_ok(tiny_ask(&model, s, "n=2", &arena, &reply, &err), err);
    assert_string_equal(reply.score_unit, "customers");
    check_contains(reply.note[0], "no customer, session or products were given");
    tiny_check_reasons(&reply);
    check_fails(tiny_ask(&model, s, "customer=c99", &arena, &reply, &err), MERX_E_NOT_FOUND, err);
    check_fails(tiny_ask(&model, s, "session=c99", &arena, &reply, &err), MERX_E_NOT_FOUND, err);
    check_fails(tiny_ask(&model, s, "items=p1,p77", &arena, &reply, &err), MERX_E_NOT_FOUND, err);
    mx_arena_release(&arena);
    tiny_model_free(&model);
    tiny_close(s);
    tiny_free(shop);
}

/* Contributions and `without` against questions asked again: the shorter history's score is what a reason's step added to, and a history without the product scores `without`. */
static void test_without(void **state)
{
    (void)state;
    tiny_shop *shop = ring();
    mx_snapshot *s = tiny_finish(shop, NULL);
    tiny_model model;
    trained(s, small, &model);
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    merx_reply reply, other;
    merx_error err = {0};
    static const char *const lists[] = {"items=p1,tea,p3 n=20 new_only=false", "items=tea,p3 n=20 new_only=false",
                                        "items=p1,p3 n=20 new_only=false", "items=p1,tea n=20 new_only=false"};
    static const char *const gone[] = {"", "p1", "tea", "p3"};
    check_ok(tiny_ask(&model, s, lists[0], &arena, &reply, &err), err);
    assert_int_equal(reply.items, RING + 1);
    size_t checked = 0, moved = 0;
    for (int b = 1; b < 4; b++) {
        check_ok(tiny_ask(&model, s, lists[b], &arena, &other, &err), err);
        for (size_t i = 0; i < reply.items; i++)
            for (size_t r = 0; r < reply.item[i].reasons; r++) {
                const merx_reason *reason = &reply.item[i].reason[r];
                if (strcmp(reason->kind, "item") != 0 || strcmp(reason->id, gone[b]) != 0)
                    continue;
                check_close(reason->without, score_of(&other, reply.item[i].id), 1e-9);
                moved += fabs(reason->without - (reply.item[i].score - reason->contribution)) > 1e-4;
                checked++;
            }
    }
    assert_int_equal(checked, 3 * (RING + 1));
    assert_true(moved > 5); /* the two numbers are not the same thing */
    mx_arena_release(&arena);
    tiny_model_free(&model);
    tiny_close(s);
    tiny_free(shop);
}

/* One more event on a state is the history with that event, to the bit. */
static void test_state(void **state)
{
    (void)state;
    tiny_shop *shop = ring();
    mx_snapshot *s = tiny_finish(shop, NULL);
    tiny_model model;
    trained(s, small, &model);
    const mx_next *next = model.state;
    merx_error err = {0};
    mx_next_state going, anew;
    double *a = malloc(next->items * sizeof *a), *b = malloc(next->items * sizeof *b);
    check_ok(mx_next_begin(next, 6, NULL, &going, &err), err);
    check_ok(mx_next_begin(next, 6, NULL, &anew, &err), err);
    const int32_t history[] = {0, 3, 3, 5, 1, 0};
    for (size_t m = 1; m <= 6; m++) {
        mx_next_step(&going, history[m - 1]);
        mx_next_scores(&going, a);
        mx_next_reset(&anew);
        for (size_t k = 0; k < m; k++)
            mx_next_step(&anew, history[k]);
        mx_next_scores(&anew, b);
        assert_memory_equal(a, b, next->items * sizeof *a);
    }
    free(a);
    free(b);
    mx_next_end(&going);
    mx_next_end(&anew);
    tiny_model_free(&model);
    tiny_close(s);
    tiny_free(shop);
}

/* Each option is heard, and a model without the network says so. */
static void test_parts(void **state)
{
    (void)state;
    tiny_shop *shop = ring();
    mx_snapshot *s = tiny_finish(shop, NULL);
    static const char *const options[] = {
        "",         "reach=3",    "decay=0.5",        "backward=0.5", "damping=0.9",
        "power=1",  "spread=0.9", "keep=2",           "fade=0.9",     "popularity=1",
        "ease=0.5", "ease=0",     "ease=0 alike=0.7", "ease_l2=9",    "network=0.5",
        "units=5",  "epochs=2",   "negatives=3",      "dropout=0.1",  "learning_rate=0.02",
        "network=0"};
    enum { OPTIONS = sizeof options / sizeof options[0] };
    double scores[OPTIONS];
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    merx_error err = {0};
    for (size_t i = 0; i < OPTIONS; i++) {
        tiny_model model;
        merx_reply reply;
        char set[128];
        snprintf(set, sizeof set, "%s%s%s", i > 14 && i < 20 ? "" : "units=8 epochs=4 learning_rate=0.03 ",
                 i > 14 && i < 20 ? "network=0.3 " : "", options[i]);
        trained(s, set, &model);
        check_ok(tiny_ask(&model, s, "items=p0,p3,tea n=13 new_only=false", &arena, &reply, &err), err);
        tiny_check_reasons(&reply);
        scores[i] = 0;
        for (size_t k = 0; k < reply.items; k++)
            scores[i] += (double)(k + 1) * reply.item[k].score;
        for (size_t j = 0; j < i; j++)
            if (scores[i] == scores[j])
                fail_msg("\"%s\" and \"%s\": the same scores", options[i], options[j]);
        assert_int_equal(reply.notes, i == OPTIONS - 1);
        if (i == OPTIONS - 1)
            check_contains(reply.note[0], "without the recurrent network");
        tiny_model_free(&model);
    }
    mx_arena_release(&arena);
    tiny_close(s);
    tiny_free(shop);
}

/* Sessions without customers are learnt from where no customer comes back; a product of a session that is looked at, carted and bought is one event. */
static void test_sessions(void **state)
{
    (void)state;
    tiny_shop *shop = tiny_new();
    for (int k = 0; k < 40; k++) {
        char session[24], product[24];
        snprintf(session, sizeof session, "s%02d", k);
        for (int j = 0; j < 3; j++) {
            snprintf(product, sizeof product, "p%d", (k + j) % 5);
            tiny_line *line = tiny_add(shop, MX_EVENT_VIEW, "", "", product, 1, 100, k + 0.01 * j);
            snprintf(line->session, sizeof line->session, "%s", session);
            line = tiny_add(shop, MX_EVENT_PURCHASE, "", "x", product, 1, 100, k + 0.01 * j + 0.001);
            snprintf(line->session, sizeof line->session, "%s", session);
        }
    }
    mx_snapshot *s = tiny_finish(shop, NULL);
    tiny_model model;
    trained(s, small, &model);
    const mx_next *next = model.state;
    assert_int_equal(next->source, MX_NEXT_SESSIONS);
    assert_int_equal(next->sequences, 40);
    assert_true(next->events == 120);
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    merx_reply reply;
    merx_error err = {0};
    check_ok(tiny_ask(&model, s, "session=s01 n=2", &arena, &reply, &err), err);
    assert_string_equal(reply.item[0].id, "p4");
    assert_int_equal(reply.item[0].reasons, 4);
    tiny_check_reasons(&reply);
    tiny_model none;
    check_fails(tiny_train(answer, s, "learn_from=customers", NULL, 1, NULL, NULL, &none, &err), MERX_E_INVALID, err);
    mx_arena_release(&arena);
    tiny_model_free(&model);
    tiny_close(s);
    tiny_free(shop);
}

static bool same_tensor(const tiny_model *a, const tiny_model *b, const char *name)
{
    for (size_t i = 0; i < mx_tensor_file_count(a->file); i++)
        for (size_t j = 0; j < mx_tensor_file_count(b->file); j++) {
            const mx_tensor *x = mx_tensor_file_at(a->file, i), *y = mx_tensor_file_at(b->file, j);
            if (strcmp(x->name, name) == 0 && strcmp(y->name, name) == 0)
                return x->size_bytes == y->size_bytes && memcmp(x->data, y->data, x->size_bytes) == 0;
        }
    fail_msg("no tensor %s", name);
    return false;
}

/* Counts are those of never having seen him, the network is kept until the retrain, and EASE gives way to cosines until then; without both all is exact. */
static void test_forget(void **state)
{
    (void)state;
    tiny_shop *shop = ring();
    for (int k = 0; k < 3; k++)
        tiny_buy(shop, "gone", "g", k == 1 ? "only" : k ? "p5" : "p2", 1, 100, 30 + k);
    tiny_buy(shop, "looked", "l", "POST", 1, 100, 30);
    mx_snapshot *s = tiny_finish(shop, NULL);
    static const char *const names[] = {"gone", "looked"};
    for (int who = 0; who < 2; who++)
        for (int with = 0; with < 3; with++) {
            const char *set = with == 1 ? small : with ? "network=0" : "network=0 ease=0";
            mx_snapshot *without = tiny_finish(shop, names[who]);
            tiny_model model, never, forgotten;
            bool exact = false;
            merx_error err = {0};
            trained(s, set, &model);
            trained(without, set, &never);
            check_ok(tiny_train(answer, without, set, NULL, 2, &model, &exact, &forgotten, &err), err);
            assert_int_equal(exact, who == 1 || !with);
            assert_int_equal(tiny_same(&forgotten, &never), exact);
            static const char *const tensors[] = {"holders", "count", "after.starts", "after.items", "after.weights"};
            for (size_t k = 0; k < 5; k++)
                assert_true(same_tensor(&forgotten, &never, tensors[k]));
            if (who == 0) /* what he alone had is nowhere in the file */
                assert_null(memmem(forgotten.bytes, forgotten.size, "only", 4));
            mx_arena arena;
            mx_arena_init(&arena, NULL);
            merx_reply reply;
            check_ok(tiny_ask(&forgotten, without, "items=p0,p1 n=3", &arena, &reply, &err), err);
            tiny_check_reasons(&reply);
            /* What was kept is never taken for what was learnt. */
            tiny_model again;
            bool still = true;
            check_ok(tiny_train(answer, without, set, NULL, 1, &forgotten, &still, &again, &err), err);
            assert_int_equal(still, exact);
            tiny_model_free(&again);
            mx_arena_release(&arena);
            tiny_model_free(&forgotten);
            tiny_model_free(&never);
            tiny_model_free(&model);
            tiny_close(without);
        }
    tiny_close(s);
    tiny_free(shop);
}

/* The first new products from the split on, of one order together, from what came before. */
static void test_evaluation(void **state)
{
    (void)state;
    tiny_shop *shop = tiny_new();
    for (int c = 0; c < 200; c++) {
        char customer[24], order[24], product[24];
        snprintf(customer, sizeof customer, "c%03d", c);
        for (int k = 0; k < 4; k++) {
            snprintf(order, sizeof order, "o%03d-%d", c, k);
            snprintf(product, sizeof product, "p%02d", (c * 7 + k * (1 + c % 2)) % 40);
            tiny_buy(shop, customer, order, product, 1, 250, c % 50 + 20 * k);
        }
    }
    mx_snapshot *s = tiny_finish(shop, NULL);
    merx_options *options;
    merx_task *task;
    merx_error err = {0};
    check_ok(tiny_options(NULL, answer->info.training, small, &options, &err), err);
    check_ok(merx_task_new(NULL, &(merx_task_options){.threads = 2, .seed = 3}, &task, &err), err);
    merx_evaluation out;
    mx_evaluate evaluate = {s, TINY_START + 60 * MX_DAY_MS, options, NULL, task};
    check_ok(answer->evaluate(&evaluate, &out, &err), err);
    assert_int_equal(out.figures, 6);
    assert_int_equal(out.test_units, 200);
    assert_int_equal(out.test_rows, 200);
    assert_string_equal(out.unit, "customers");
    for (size_t k = 0; k < 6; k++) {
        print_message("%s %.3f beside %.3f of %s: %+.3f [%+.3f, %+.3f]\n", out.figure[k].name, out.figure[k].value,
                      out.figure[k].baseline, out.figure[k].baseline_name, out.figure[k].difference,
                      out.figure[k].difference_low, out.figure[k].difference_high);
        assert_true(out.figure[k].value > 0.2 && out.figure[k].baseline > 0);
    }
    assert_true(out.figure[4].difference_low > 0); /* what follows what is planted: popularity knows nothing of it */
    assert_int_equal(out.gate_passed, out.figure[0].difference_low > 0 && out.figure[2].difference_low > 0);
    /* Nobody comes after the last day. */
    evaluate.split_ms = TINY_START + 900 * MX_DAY_MS;
    check_ok(answer->evaluate(&evaluate, &out, &err), err);
    assert_int_equal(out.test_units, 0);
    assert_false(out.gate_passed);
    check_contains(out.gate, "nothing to measure");
    merx_options_free(options);
    merx_task_free(task);
    tiny_close(s);
    tiny_free(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ring),       cmocka_unit_test(test_without),  cmocka_unit_test(test_state),
        cmocka_unit_test(test_parts),      cmocka_unit_test(test_sessions), cmocka_unit_test(test_forget),
        cmocka_unit_test(test_evaluation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
