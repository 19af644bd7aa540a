/*
 * recommend on small shops with two planted bundles: a0 … a5 are bought together, and b0 … b5.
 */
#include "shop/answers/recommender.h"
#include "support/tiny_shop.h"

static const mx_answer *const answer = &mx_answer_recommend;

/* 40 customers: even ones buy four of the a's, odd ones four of the b's; all buy "milk" now and then. */
static tiny_shop *bundles(void)
{
    tiny_shop *shop = tiny_new();
    for (int c = 0; c < 40; c++) {
        char customer[24], order[24], product[24];
        snprintf(customer, sizeof customer, "c%02d", c);
        for (int k = 0; k < 4; k++) {
            snprintf(order, sizeof order, "o%02d-%d", c, k / 2);
            snprintf(product, sizeof product, "%c%d", c % 2 ? 'b' : 'a', (c / 2 + k) % 6);
            tiny_buy(shop, customer, order, product, 1 + k, 250, c + 100.0 * (k / 2));
        }
        if (c % 5 == 0)
            tiny_buy(shop, customer, order, "milk", 1, 100, c + 100.0);
    }
    tiny_buy(shop, "c00", "o00-9", "POST", 1, 1500, 100);
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

static void test_bundle(void **state)
{
    (void)state;
    tiny_shop *shop = bundles();
    mx_snapshot *s = tiny_finish(shop, NULL);
    tiny_model model;
    trained(s, "factors=8 recent_days=0", &model);
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    merx_reply reply;
    merx_error err = {0};
    check_ok(tiny_ask(&model, s, "basket=a0,a1 n=4", &arena, &reply, &err), err);
    assert_int_equal(reply.items, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(reply.item[i].id[0], 'a');
    assert_int_equal(tiny_check_reasons(&reply), 8);
    check_ok(tiny_ask(&model, s, "customer=c01 n=2", &arena, &reply, &err), err);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(reply.item[i].id[0], 'b');
        assert_int_equal(reply.item[i].reasons, 4); /* one for each purchase */
        assert_string_equal(reply.item[i].reason[0].kind, "purchase");
    }
    tiny_check_reasons(&reply);
    /* Nothing he has; services are never ranked. */
    check_ok(tiny_ask(&model, s, "customer=c00 n=1000", &arena, &reply, &err), err);
    assert_int_equal(reply.items, 13 - 5);
    assert_true(isnan(score_of(&reply, "POST")) && isnan(score_of(&reply, "a0")) && isnan(score_of(&reply, "milk")));
    check_ok(tiny_ask(&model, s, "customer=c00 n=1000 new_only=false exclude=b0,b1", &arena, &reply, &err), err);
    assert_int_equal(reply.items, 11);
    assert_true(isnan(score_of(&reply, "b0")) && !isnan(score_of(&reply, "a0")));
    for (size_t i = 1; i < reply.items; i++)
        assert_true(reply.item[i].score <= reply.item[i - 1].score);
    mx_arena_release(&arena);
    tiny_model_free(&model);
    tiny_close(s);
    tiny_free(shop);
}

/* What is bought now stands before what was bought once: each score is that without the trend, times the trend. */
static void test_trend(void **state)
{
    (void)state;
    tiny_shop *shop = tiny_new();
    for (int c = 0; c < 30; c++) {
        char customer[24], order[24];
        snprintf(customer, sizeof customer, "c%02d", c);
        snprintf(order, sizeof order, "o%02d", c);
        tiny_buy(shop, customer, order, "seed", 1, 100, c);
        tiny_buy(shop, customer, order, c % 3 ? "old" : "other", 1, 100, c);
        if (c % 2)
            tiny_buy(shop, customer, "x", "new", 1, 100, 190 + c % 9);
    }
    mx_snapshot *s = tiny_finish(shop, NULL);
    tiny_model plain, model;
    trained(s, "factors=4 recent_days=0", &plain);
    trained(s, "factors=4 recent_days=30", &model);
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    merx_reply with, without;
    merx_error err = {0};
    check_ok(tiny_ask(&plain, s, "basket=seed n=9", &arena, &without, &err), err);
    check_ok(tiny_ask(&model, s, "basket=seed n=9", &arena, &with, &err), err);
    assert_string_equal(without.item[0].id, "old");
    assert_string_equal(with.item[0].id, "new");
    /* 15 of the 75 pairs of customer and product are recent, all of them of "new". */
    const double buyers[] = {15, 20, 30, 10}, recent[] = {15, 0, 0, 0};
    const char *const names[] = {"new", "old", "seed", "other"};
    double beyond = 0, squares = 0;
    for (int i = 0; i < 4; i++) {
        double expected = buyers[i] / 5;
        beyond += (recent[i] - expected) * (recent[i] - expected) - expected * 0.8;
        squares += expected * expected;
    }
    for (int i = 0; i < 4; i++)
        if (i != 2)
            check_close(score_of(&with, names[i]) / score_of(&without, names[i]),
                        (recent[i] + squares / beyond) / (buyers[i] / 5 + squares / beyond), 1e-6);
    tiny_check_reasons(&with);
    mx_arena_release(&arena);
    tiny_model_free(&model);
    tiny_model_free(&plain);
    tiny_close(s);
    tiny_free(shop);
}

/* Each of the three parts is heard, and a shop that is too large for EASE says so. */
static void test_parts(void **state)
{
    (void)state;
    tiny_shop *shop = bundles();
    mx_snapshot *s = tiny_finish(shop, NULL);
    const char *const options[] = {"factors=4",
                                   "factors=4 als_weight=0",
                                   "factors=4 ease_weight=0.5",
                                   "factors=4 co_purchase=0",
                                   "factors=4 ease_l2=50",
                                   "factors=4 ease_keep=2",
                                   "factors=4 ease_max_items=12"};
    double scores[7];
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    merx_error err = {0};
    for (size_t i = 0; i < 7; i++) {
        tiny_model model;
        merx_reply reply;
        trained(s, options[i], &model);
        check_ok(tiny_ask(&model, s, "basket=a0,a1 n=13 new_only=false", &arena, &reply, &err), err);
        tiny_check_reasons(&reply);
        scores[i] = score_of(&reply, "a3") + score_of(&reply, "b1");
        for (size_t j = 0; j < i; j++)
            if (scores[i] == scores[j])
                fail_msg("%s and %s: the same scores", options[i], options[j]);
        assert_int_equal(reply.notes, i == 6);
        if (i == 6)
            check_contains(reply.note[0], "without EASE");
        tiny_model_free(&model);
    }
    mx_arena_release(&arena);
    tiny_close(s);
    tiny_free(shop);
}

/* `without` is what a question without that product gives: another history, solved from the start. */
static void test_without(void **state)
{
    (void)state;
    tiny_shop *shop = bundles();
    mx_snapshot *s = tiny_finish(shop, NULL);
    tiny_model model;
    trained(s, "factors=6 alpha=3 l2=2 co_purchase=0.2 similarity=cosine", &model);
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    merx_reply reply, other;
    merx_error err = {0};
    const char *const baskets[] = {"basket=a1,a2,b3 n=20 new_only=false", "basket=a2,b3 n=20 new_only=false",
                                   "basket=a1,b3 n=20 new_only=false", "basket=a1,a2 n=20 new_only=false"};
    const char *const gone[] = {"", "a1", "a2", "b3"};
    check_ok(tiny_ask(&model, s, baskets[0], &arena, &reply, &err), err);
    assert_int_equal(reply.items, 13);
    size_t checked = 0, moved = 0;
    for (int b = 1; b < 4; b++) {
        check_ok(tiny_ask(&model, s, baskets[b], &arena, &other, &err), err);
        for (size_t i = 0; i < reply.items; i++)
            for (size_t r = 0; r < reply.item[i].reasons; r++) {
                const merx_reason *reason = &reply.item[i].reason[r];
                if (strcmp(reason->id, gone[b]) != 0)
                    continue;
                check_close(reason->without, score_of(&other, reply.item[i].id), 1e-9);
                moved += fabs(reason->without - (reply.item[i].score - reason->contribution)) > 1e-4;
                checked++;
            }
    }
    assert_int_equal(checked, 39);
    assert_true(moved > 5); /* the two numbers are not the same thing */
    mx_arena_release(&arena);
    tiny_model_free(&model);
    tiny_close(s);
    tiny_free(shop);
}

static void test_unknown(void **state)
{
    (void)state;
    tiny_shop *shop = bundles();
    tiny_add(shop, MX_EVENT_VIEW, "visitor", "", "a3", 1, 0, 150);
    snprintf(tiny_add(shop, MX_EVENT_VIEW, "", "", "b2", 1, 0, 150)->session, 24, "s-1");
    mx_snapshot *s = tiny_finish(shop, NULL);
    tiny_model model;
    trained(s, "factors=8", &model);
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    merx_reply reply;
    merx_error err = {0};
    assert_int_equal(tiny_ask(&model, s, "customer=c0x", &arena, &reply, &err), MERX_E_NOT_FOUND);
    check_contains(err.message, "c0");
    err = (merx_error){0};
    check_fails(tiny_ask(&model, s, "basket=a0,nonsense", &arena, &reply, &err), MERX_E_NOT_FOUND, err);
    check_fails(tiny_ask(&model, s, "basket=a0 exclude=zzzzzzz", &arena, &reply, &err), MERX_E_NOT_FOUND, err);
    check_fails(tiny_ask(&model, s, "session=none", &arena, &reply, &err), MERX_E_NOT_FOUND, err);
    check_ok(tiny_ask(&model, s, "session=s-1 n=2", &arena, &reply, &err), err);
    assert_int_equal(reply.item[0].id[0], 'b');
    assert_string_equal(reply.item[0].reason[0].kind, "session");
    /* Known, but without purchases: the most bought, and it says so. */
    check_ok(tiny_ask(&model, s, "customer=visitor n=3", &arena, &reply, &err), err);
    assert_int_equal(reply.items, 3);
    assert_int_equal(reply.notes, 1);
    assert_string_equal(reply.item[0].reason[0].kind, "popularity");
    assert_true(reply.item[0].score >= reply.item[2].score);
    tiny_check_reasons(&reply);
    mx_arena_release(&arena);
    tiny_model_free(&model);
    tiny_close(s);
    tiny_free(shop);
}

/* A purchase after training changes the next answer; a product that is new only gets a note. */
static void test_fresh(void **state)
{
    (void)state;
    tiny_shop *shop = bundles();
    mx_snapshot *s = tiny_finish(shop, NULL);
    tiny_model model;
    trained(s, "factors=8", &model);
    tiny_buy(shop, "newman", "o99", "b1", 1, 250, 220);
    tiny_buy(shop, "newman", "o99", "novelty", 1, 250, 220);
    mx_snapshot *later = tiny_finish(shop, NULL);
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    merx_reply reply;
    merx_error err = {0};
    check_fails(tiny_ask(&model, s, "customer=newman", &arena, &reply, &err), MERX_E_NOT_FOUND, err);
    check_ok(tiny_ask(&model, later, "customer=newman n=3", &arena, &reply, &err), err);
    assert_int_equal(reply.item[0].id[0], 'b');
    assert_int_equal(reply.item[0].reasons, 1);
    assert_int_equal(reply.notes, 1);
    check_contains(reply.note[0], "new after training");
    mx_arena_release(&arena);
    tiny_model_free(&model);
    tiny_close(later);
    tiny_close(s);
    tiny_free(shop);
}

static void test_degenerate(void **state)
{
    (void)state;
    merx_error err = {0};
    tiny_shop *shop = tiny_new();
    mx_snapshot *s = tiny_finish(shop, NULL);
    check_fails(answer->needs(s, &err), MERX_E_INVALID, err);
    tiny_close(s);
    tiny_buy(shop, "one", "o1", "tea", 1, 100, 1); /* one customer, one product */
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    for (int customers = 1; customers < 6; customers += 4) { /* then five who buy all the same */
        for (int c = 1; c < customers; c++)
            tiny_buy(shop, (const char *[]){"", "u", "v", "w", "x"}[c], "o2", "tea", 1, 100, 2);
        s = tiny_finish(shop, NULL);
        tiny_model model;
        trained(s, NULL, &model);
        merx_reply reply;
        check_ok(tiny_ask(&model, s, "customer=one", &arena, &reply, &err), err);
        assert_int_equal(reply.items, 0);
        check_ok(tiny_ask(&model, s, "customer=one new_only=false", &arena, &reply, &err), err);
        assert_int_equal(reply.items, 1);
        tiny_check_reasons(&reply);
        tiny_model_free(&model);
        tiny_close(s);
    }
    mx_arena_release(&arena);
    tiny_free(shop);
}

static void same_tensor(const tiny_model *a, const tiny_model *b, const char *name)
{
    const mx_tensor *x, *y;
    merx_error err = {0};
    for (size_t i = 0; i < mx_tensor_file_count(a->file); i++) {
        x = mx_tensor_file_at(a->file, i);
        if (strcmp(x->name, name) != 0)
            continue;
        check_ok(mx_tensor_file_get(b->file, name, x->dtype, -1, NULL, &y, &err), err);
        assert_int_equal(x->size_bytes, y->size_bytes);
        assert_memory_equal(x->data, y->data, x->size_bytes);
        return;
    }
    fail_msg("no tensor %s", name);
}

/* What can be exact is that of never having seen him; the factors are kept and a retrain is asked for. */
static void test_forget(void **state)
{
    (void)state;
    merx_error err = {0};
    tiny_shop *shop = bundles();
    tiny_buy(shop, "c04", "o04-9", "only-his", 1, 100, 120);
    tiny_add(shop, MX_EVENT_VIEW, "looker", "", "a3", 1, 0, 150);
    mx_snapshot *s = tiny_finish(shop, NULL), *without = tiny_finish(shop, "c04"),
                *no_looker = tiny_finish(shop, "looker");
    tiny_model model, never, forgotten, again;
    bool exact = true;
    trained(s, "factors=8", &model);
    trained(without, "factors=8", &never);
    check_ok(tiny_train(answer, without, "factors=8", NULL, 1, &model, &exact, &forgotten, &err), err);
    assert_false(exact);
    const char *const tensors[] = {"items.offsets",    "items.bytes",       "buyers", "trend", "neighbours.starts",
                                   "neighbours.items", "neighbours.weights"};
    for (size_t i = 0; i < 7; i++)
        same_tensor(&forgotten, &never, tensors[i]);
    assert_false(tiny_same(&forgotten, &model));
    /* Kept factors are never taken for exact ones. */
    check_ok(tiny_train(answer, without, "factors=8", NULL, 1, &forgotten, &exact, &again, &err), err);
    assert_false(exact);
    tiny_model_free(&again);
    /* Who bought nothing left no trace. */
    check_ok(tiny_train(answer, no_looker, "factors=8", NULL, 1, &model, &exact, &again, &err), err);
    assert_true(exact);
    tiny_model_free(&never);
    trained(no_looker, "factors=8", &never);
    assert_true(tiny_same(&again, &never));
    tiny_model_free(&again);
    tiny_model_free(&forgotten);
    tiny_model_free(&never);
    tiny_model_free(&model);
    tiny_close(no_looker);
    tiny_close(without);
    tiny_close(s);
    tiny_free(shop);
}

static merx_status scenario(const merx_allocator *alloc, void *context, merx_error *err)
{
    mx_snapshot *s = context;
    tiny_model model;
    MX_TRY(tiny_train(answer, s, "factors=4 iterations=1", alloc, 1, NULL, NULL, &model, err));
    mx_arena arena;
    mx_arena_init(&arena, alloc);
    merx_reply reply;
    merx_status status = tiny_ask(&model, s, "customer=c01 n=2 exclude=milk", &arena, &reply, err);
    mx_arena_release(&arena);
    tiny_model_free(&model);
    return status;
}

static void test_memory(void **state)
{
    (void)state;
    tiny_shop *shop = bundles();
    mx_snapshot *s = tiny_finish(shop, NULL);
    check_every_allocation(scenario, s);
    tiny_close(s);
    tiny_free(shop);
}

/* Customers who come back for the rest of their bundle: better than chance, and the figures hang together. */
static void test_evaluate(void **state)
{
    (void)state;
    merx_error err = {0};
    tiny_shop *shop = bundles();
    mx_snapshot *s = tiny_finish(shop, NULL);
    merx_options *options;
    check_ok(tiny_options(NULL, answer->info.training, "factors=8", &options, &err), err);
    merx_evaluation out;
    mx_evaluate evaluate = {s, TINY_START + 90 * MX_DAY_MS, options, NULL, NULL};
    check_ok(answer->evaluate(&evaluate, &out, &err), err);
    assert_int_equal(out.test_units, 40);
    assert_int_equal(out.train_rows, 80);
    assert_true(out.figures >= 2);
    assert_true(out.figure[0].value > 0.2 && out.figure[0].value <= 1);
    evaluate.split_ms = TINY_START + 1000 * MX_DAY_MS; /* nothing after it */
    check_ok(answer->evaluate(&evaluate, &out, &err), err);
    assert_false(out.gate_passed);
    check_contains(out.gate, "nothing to measure");
    evaluate.split_ms = TINY_START - MX_DAY_MS; /* nothing before it */
    check_ok(answer->evaluate(&evaluate, &out, &err), err);
    assert_false(out.gate_passed);
    merx_options_free(options);
    tiny_close(s);
    tiny_free(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bundle),     cmocka_unit_test(test_trend),   cmocka_unit_test(test_parts),
        cmocka_unit_test(test_without),    cmocka_unit_test(test_unknown), cmocka_unit_test(test_fresh),
        cmocka_unit_test(test_degenerate), cmocka_unit_test(test_forget),  cmocka_unit_test(test_evaluate),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
