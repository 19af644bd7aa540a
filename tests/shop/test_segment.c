/*
 * segment on small shops with planted kinds of customers: loyal ones who buy much and often, one-time buyers of long ago, and new ones.
 */
#include "shop/answers/segment_model.h"
#include "support/tiny_shop.h"

static const mx_answer *const answer = &mx_answer_segment;

/* 20 loyal (12 orders of 200.00 …), 20 gone (one order of 9.90 in the first days), 20 new (two orders of about 50.00 in the last month). */
static tiny_shop *kinds(void)
{
    tiny_shop *shop = tiny_new();
    for (int c = 0; c < 20; c++) {
        char customer[24], order[24], product[24];
        for (int k = 0; k < 12; k++) {
            snprintf(customer, sizeof customer, "loyal%02d", c);
            snprintf(order, sizeof order, "L%02d-%02d", c, k);
            snprintf(product, sizeof product, "p%d", (c + k) % 9);
            tiny_buy(shop, customer, order, product, 10 + c % 3, 2000 + 10 * c, 5 + 30 * k - c % 5);
        }
        snprintf(customer, sizeof customer, "gone%02d", c);
        snprintf(order, sizeof order, "G%02d", c);
        tiny_buy(shop, customer, order, "q0", 1, 990 + c, 3 + c % 7);
        for (int k = 0; k < 2; k++) {
            snprintf(customer, sizeof customer, "new%02d", c);
            snprintf(order, sizeof order, "N%02d-%d", c, k);
            snprintf(product, sizeof product, "p%d", (c + k) % 4);
            tiny_buy(shop, customer, order, product, 3, 1500 + 20 * c, 335 + c % 4 + 8 * k);
        }
    }
    tiny_add(shop, MX_EVENT_RETURN, "loyal03", "R1", "p1", -2, 2000, 90);
    return shop;
}

static void trained(const mx_snapshot *s, const char *set, tiny_model *model)
{
    merx_error err = {0};
    check_ok(tiny_train(answer, s, set, NULL, 1, NULL, NULL, model, &err), err);
}

static const char *segment_of(const tiny_model *model, mx_snapshot *s, mx_arena *arena, const char *question)
{
    merx_reply reply;
    merx_error err = {0};
    check_ok(tiny_ask(model, s, question, arena, &reply, &err), err);
    assert_int_equal(reply.items, 1);
    assert_true(tiny_check_reasons(&reply) >= MX_PRODUCT_FEATURES);
    return reply.item[0].title;
}

static void test_kinds(void **state)
{
    (void)state;
    tiny_shop *shop = kinds();
    mx_snapshot *s = tiny_finish(shop, NULL);
    tiny_model model;
    trained(s, NULL, &model);
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    const char *loyal = segment_of(&model, s, &arena, "customer=loyal00"),
               *gone = segment_of(&model, s, &arena, "customer=gone00"),
               *fresh = segment_of(&model, s, &arena, "customer=new00");
    check_contains(loyal, "loyal");
    check_contains(gone, "one-time");
    check_contains(gone, "lapsed");
    check_contains(fresh, "new");
    for (int c = 1; c < 20; c++) { /* each of a kind lies with its kind */
        char question[64];
        snprintf(question, sizeof question, "customer=loyal%02d", c);
        check_contains(segment_of(&model, s, &arena, question), "loyal");
        snprintf(question, sizeof question, "customer=gone%02d", c);
        check_contains(segment_of(&model, s, &arena, question), "lapsed");
        snprintf(question, sizeof question, "customer=new%02d", c);
        check_contains(segment_of(&model, s, &arena, question), "new");
    }
    mx_arena_release(&arena);
    tiny_model_free(&model);
    tiny_close(s);
    tiny_free(shop);
}

/* Sizes and money of the list are those of the shop, exactly; names are distinct in both tongues. */
static void check_list(const tiny_model *model, mx_snapshot *s, const char *question, int64_t members, mx_arena *arena)
{
    merx_reply reply;
    merx_error err = {0};
    check_ok(tiny_ask(model, s, question, arena, &reply, &err), err);
    int64_t count = 0, money = 0, want = 0;
    double share = 0;
    for (size_t i = 0; i < reply.items; i++) {
        const merx_item *item = &reply.item[i];
        assert_string_equal(item->field[0].name, "name_zh");
        assert_string_equal(item->field[3].name, "revenue");
        count += item->field[1].value.integer;
        money += item->field[3].value.integer;
        share += item->field[4].value.real;
        for (size_t f = 0; f < item->fields; f++)
            for (size_t g = 0; g < f; g++)
                assert_string_not_equal(item->field[f].name, item->field[g].name);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(item->title, reply.item[j].title);
            assert_string_not_equal(item->field[0].value.text, reply.item[j].field[0].value.text);
        }
    }
    for (size_t e = 0; e < s->events; e++)
        if (s->kind[e] == MX_EVENT_PURCHASE)
            want += s->quantity[e] * s->price_minor[e];
    assert_int_equal(count, members);
    assert_int_equal(money, want);
    check_close(share, 1, 1e-12);
    tiny_check_reasons(&reply);
}

static void test_list(void **state)
{
    (void)state;
    tiny_shop *shop = kinds();
    mx_snapshot *s = tiny_finish(shop, NULL);
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    for (int k = 1; k <= 10; k += 3) {
        char set[64];
        snprintf(set, sizeof set, "k=%d product_k=%d", k, k < 5 ? k : 5);
        tiny_model model;
        trained(s, set, &model);
        check_list(&model, s, "", 60, &arena);
        check_list(&model, s, "kind=products", 10, &arena);
        tiny_model_free(&model);
    }
    mx_arena_release(&arena);
    tiny_close(s);
    tiny_free(shop);
}

/* Features against numbers worked out by hand. */
static void test_features(void **state)
{
    (void)state;
    tiny_shop *shop = tiny_new();
    tiny_buy(shop, "ann", "o1", "tea", 2, 350, 10);
    tiny_buy(shop, "ann", "o1", "cup", 1, 1000, 10);
    tiny_buy(shop, "ann", "o2", "tea", 4, 300, 40.5);
    tiny_buy(shop, "ann", "o2", "POST", 1, 9999, 40.5);
    tiny_add(shop, MX_EVENT_RETURN, "ann", "r1", "tea", -1, 350, 41);
    tiny_add(shop, MX_EVENT_PURCHASE, "ann", "C1", "cup", -1, 1000, 42);
    tiny_buy(shop, "bob", "o3", "tea", 1, 350, 100);
    mx_snapshot *s = tiny_finish(shop, NULL);
    mx_profile profile;
    merx_error err = {0};
    const int32_t *events;
    size_t n;
    int64_t scratch[32];
    check_ok(mx_snapshot_customer_events(s, 0, &events, &n, &err), err);
    assert_int_equal(n, 6);
    check_ok(mx_customer_profile(s, events, n, s->last_ms, scratch, &profile, &err), err);
    const double want[] = {59.5, 2, 29, 14.5, exp2(-90 / 120.0) + exp2(-59.5 / 120), 2, 13.5 / 29, 90, 30.5};
    for (int j = 0; j < MX_CUSTOMER_FEATURES; j++)
        check_close(profile.feature[j], want[j], 1e-12);
    assert_int_equal(profile.money_minor, 2900);
    double columns[MX_EARLY_COLUMNS], value[MX_EARLY_FEATURES];
    bool sold;
    check_ok(mx_early_columns(s, events, n, 0.5, scratch, columns, value, &sold, &err), err);
    const double first[] = {17, 3, 2, 1, 0, 1, 0.5, 0}; /* 2011-01-11 is a Tuesday */
    assert_true(sold);
    for (int j = 0; j < MX_EARLY_FEATURES; j++)
        check_close(value[j], first[j], 1e-12);
    mx_event_groups groups;
    check_ok(mx_event_groups_build(s, s->product, s->products, NULL, &groups, &err), err);
    int32_t tea = mx_snapshot_find_product(s, "tea");
    check_ok(mx_product_profile(s, groups.events + groups.starts[tea],
                                (size_t)(groups.starts[tea + 1] - groups.starts[tea]), s->last_ms, scratch, &profile,
                                &err),
             err);
    const double product[] = {7, 22.5, 22.5 / 7, 2, 0.5, 4.0 / 7, 0, 90};
    for (int j = 0; j < MX_PRODUCT_FEATURES; j++)
        check_close(profile.feature[j], product[j], 1e-12);
    mx_event_groups_release(&groups);
    tiny_close(s);
    tiny_free(shop);
}

/* Silhouettes of four points on a line in two groups, by hand. */
static void test_silhouette(void **state)
{
    (void)state;
    const double x[] = {0, 1, 10, 12};
    const int32_t labels[] = {0, 0, 1, 1};
    double distances[16], out[4];
    merx_error err = {0};
    check_ok(mx_row_distances(x, 4, 1, NULL, distances, &err), err);
    mx_silhouette_rows(distances, labels, 4, 2, out);
    const double want[] = {10.0 / 11, 9.0 / 10, 7.5 / 9.5, 9.5 / 11.5};
    for (int i = 0; i < 4; i++)
        check_close(out[i], want[i], 1e-12);
}

/* 30 who begin with 500.00 and come back every 20 days, 30 who begin with 5.00 and don't come back. */
static tiny_shop *beginnings(void)
{
    tiny_shop *shop = tiny_new();
    for (int c = 0; c < 30; c++) {
        char customer[24], order[24];
        for (int k = 0; k < 6; k++) {
            snprintf(customer, sizeof customer, "big%02d", c);
            snprintf(order, sizeof order, "B%02d-%d", c, k);
            tiny_buy(shop, customer, order, k % 2 ? "p1" : "p2", 5, 10000 + 37 * c, 7 * c + 20 * k);
        }
        snprintf(customer, sizeof customer, "small%02d", c);
        snprintf(order, sizeof order, "S%02d", c);
        tiny_buy(shop, customer, order, "q0", 1, 500 + 3 * c, 7 * c + 1);
    }
    return shop;
}

/* A newcomer is classed by where those who began like him settled; once he is that old himself, and a customer of before training always, by his numbers. */
static void test_newcomer(void **state)
{
    (void)state;
    merx_error err = {0};
    tiny_shop *shop = beginnings();
    mx_snapshot *s = tiny_finish(shop, NULL);
    tiny_model model;
    trained(s, "k=4", &model);
    const mx_segments *segments = model.state;
    assert_int_equal(segments->settled_ms / MX_DAY_MS, 20); /* the days to the second order */
    tiny_buy(shop, "zoe", "Z1", "p1", 5, 10100, 320);
    tiny_buy(shop, "zed", "Z2", "q0", 1, 510, 320);
    tiny_add(shop, MX_EVENT_VIEW, "yan", "", "p1", 1, 0, 321);
    mx_snapshot *later = tiny_finish(shop, NULL);
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    merx_reply zoe, zed, reply;
    check_ok(tiny_ask(&model, later, "customer=zoe", &arena, &zoe, &err), err);
    check_ok(tiny_ask(&model, later, "customer=zed", &arena, &zed, &err), err);
    assert_string_equal(zoe.score_unit, "log-odds");
    assert_int_equal(zoe.item[0].reasons, MX_EARLY_FEATURES + 1);
    assert_string_equal(zoe.item[0].field[2].name, "probability");
    assert_true(zoe.item[0].field[2].value.real > 0.6);
    assert_true(zed.item[0].field[2].value.real > 0.6);
    tiny_check_reasons(&zoe);
    /* The segments are those of a big and of a small one as they were at 20 days. */
    int64_t scratch[64];
    const struct {
        const char *like;
        const merx_reply *reply;
    } want[] = {{"big05", &zoe}, {"small05", &zed}};
    for (int i = 0; i < 2; i++) {
        const int32_t *events;
        size_t n;
        int32_t segment, customer = mx_snapshot_find_customer(s, want[i].like);
        check_ok(mx_snapshot_customer_events(s, customer, &events, &n, &err), err);
        check_ok(mx_settled_segment(segments, s, events, n, s->time_ms[events[0]], scratch, &segment, &err), err);
        assert_int_equal(want[i].reply->item[0].field[0].value.integer, segment + 1);
    }
    assert_int_not_equal(zoe.item[0].field[0].value.integer, zed.item[0].field[0].value.integer);
    check_ok(tiny_ask(&model, later, "customer=big29", &arena, &reply, &err), err);
    assert_int_equal(reply.item[0].reasons, MX_CUSTOMER_FEATURES);
    for (size_t j = 0; j < reply.item[0].reasons; j++)
        check_close(reply.item[0].reason[j].without, reply.item[0].score - reply.item[0].reason[j].contribution, 1e-9);
    check_ok(tiny_ask(&model, later, "customer=yan", &arena, &reply, &err), err);
    assert_int_equal(reply.items, 0);
    check_contains(reply.sentence, "no segment");
    check_fails(tiny_ask(&model, later, "customer=big0", &arena, &reply, &err), MERX_E_NOT_FOUND, err);
    check_fails(tiny_ask(&model, later, "product=none", &arena, &reply, &err), MERX_E_NOT_FOUND, err);
    check_fails(tiny_ask(&model, later, "product=p1 customer=zoe", &arena, &reply, &err), MERX_E_INVALID, err);
    tiny_buy(shop, "late", "L1", "q0", 1, 510, 341); /* 20 days later zoe has settled */
    mx_snapshot *settled = tiny_finish(shop, NULL);
    check_ok(tiny_ask(&model, settled, "customer=zoe", &arena, &reply, &err), err);
    assert_int_equal(reply.item[0].reasons, MX_CUSTOMER_FEATURES);
    mx_arena_release(&arena);
    tiny_model_free(&model);
    tiny_close(settled);
    tiny_close(later);
    tiny_close(s);
    tiny_free(shop);
}

/* Weights: 1 for the feature that tells most, the least for one that says nothing; all alike where too few came or stayed away. */
static void test_weights(void **state)
{
    (void)state;
    enum { N = 200 };
    static mx_profile past[N];
    static uint8_t bought[N];
    double weight[MX_CUSTOMER_FEATURES];
    merx_error err = {0};
    for (int i = 0; i < N; i++) {
        past[i] = (mx_profile){.sold = i % 10 != 9};
        bought[i] = i % 10 == 9 || i % 2;                                 /* who never bought before does not count */
        past[i].feature[MX_C_RECENCY] = bought[i] ? i : 1000 + i;         /* low: comes; tells all */
        past[i].feature[MX_C_ORDERS] = (i / 2 % 4) + (bought[i] ? 1 : 0); /* tells some */
    }
    check_ok(mx_segment_weights(past, bought, N, NULL, weight, &err), err);
    check_close(weight[MX_C_RECENCY], 1, 1e-12);
    assert_true(weight[MX_C_ORDERS] > MX_LEAST_WEIGHT && weight[MX_C_ORDERS] < 0.9);
    check_close(weight[MX_C_MONEY], MX_LEAST_WEIGHT, 1e-12);
    memset(bought, 0, sizeof bought);
    check_ok(mx_segment_weights(past, bought, N, NULL, weight, &err), err);
    for (int j = 0; j < MX_CUSTOMER_FEATURES; j++)
        check_close(weight[j], 1, 0);
    check_close(mx_smoothed_rate(9, 10, 50, 100), 14.0 / 20, 1e-12);
}

static void test_degenerate(void **state)
{
    (void)state;
    merx_error err = {0};
    tiny_shop *shop = tiny_new();
    mx_snapshot *s = tiny_finish(shop, NULL);
    check_fails(answer->needs(s, &err), MERX_E_INVALID, err);
    tiny_close(s);
    tiny_buy(shop, "one", "o1", "tea", 1, 100, 1);
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    for (int round = 0; round < 2; round++) { /* one customer; then five who are all the same */
        for (int c = 0; round && c < 4; c++)
            tiny_buy(shop, (const char *[]){"u", "v", "w", "x"}[c], "o2", "tea", 1, 100, 1);
        s = tiny_finish(shop, NULL);
        tiny_model model;
        trained(s, NULL, &model);
        assert_string_equal(segment_of(&model, s, &arena, "customer=one"), "all customers");
        check_list(&model, s, "", round ? 5 : 1, &arena);
        tiny_model_free(&model);
        tiny_model refused;
        check_fails(tiny_train(answer, s, "k=3", NULL, 1, NULL, NULL, &refused, &err), MERX_E_INVALID, err);
        check_fails(tiny_train(answer, s, "min_k=5 max_k=3", NULL, 1, NULL, NULL, &refused, &err), MERX_E_INVALID, err);
        tiny_close(s);
    }
    mx_arena_release(&arena);
    tiny_free(shop);
}

static void test_forget(void **state)
{
    (void)state;
    merx_error err = {0};
    tiny_shop *shop = kinds();
    mx_snapshot *s = tiny_finish(shop, NULL), *without = tiny_finish(shop, "loyal03");
    tiny_model model, never, forgotten;
    bool exact = false;
    trained(s, NULL, &model);
    trained(without, NULL, &never);
    check_ok(tiny_train(answer, without, NULL, NULL, 1, &model, &exact, &forgotten, &err), err);
    assert_true(exact);
    assert_true(tiny_same(&forgotten, &never));
    assert_false(tiny_same(&forgotten, &model));
    tiny_model_free(&forgotten);
    tiny_model_free(&never);
    tiny_model_free(&model);
    tiny_close(without);
    tiny_close(s);
    tiny_free(shop);
}

static void test_evaluate(void **state)
{
    (void)state;
    merx_error err = {0};
    tiny_shop *shop = kinds();
    mx_snapshot *s = tiny_finish(shop, NULL);
    merx_options *options;
    check_ok(tiny_options(NULL, answer->info.training, "", &options, &err), err);
    merx_evaluation out;
    mx_evaluate evaluate = {s, TINY_START + 300 * MX_DAY_MS, options, NULL, NULL};
    check_ok(answer->evaluate(&evaluate, &out, &err), err);
    assert_int_equal(out.test_units, 40); /* the loyal and the gone: who bought before */
    const char *const names[] = {"auc of buying again", "auc beside orders", "auc beside recency"};
    const char *const beside[] = {"quantiles of money", "quantiles of orders", "quantiles of recency"};
    for (int f = 0; f < 3; f++) {
        assert_string_equal(out.figure[f].name, names[f]);
        assert_string_equal(out.figure[f].baseline_name, beside[f]);
        check_close(out.figure[f].value, 1, 1e-12); /* the loyal come back and nobody else; money tells it too */
        check_close(out.figure[f].difference, out.figure[f].value - out.figure[f].baseline, 1e-12);
    }
    assert_false(out.gate_passed); /* so there is nothing that segments add */
    check_contains(out.gate, "not surely above zero");
    for (int day = 0; day <= 1000; day += 1000) { /* nothing before; nothing after */
        evaluate.split_ms = TINY_START + day * MX_DAY_MS;
        check_ok(answer->evaluate(&evaluate, &out, &err), err);
        assert_false(out.gate_passed);
        check_contains(out.gate, "nothing to measure");
    }
    assert_true(out.figures == 2 && out.test_units == 0);
    assert_string_equal(out.figure[0].name, "silhouette");
    assert_true(out.figure[0].value > 0.5);
    merx_options_free(options);
    tiny_close(s);
    tiny_free(shop);
}

/* Who comes back depends on the day of the last order, not on money: the segments see it and money does not. */
static void test_gate(void **state)
{
    (void)state;
    merx_error err = {0};
    tiny_shop *shop = tiny_new();
    for (int c = 0; c < 300;
         c++) { /* each fifth goes on for the whole year, the others stop early; all spend 10.00 to 90.00 */
        char customer[24], order[24];
        int last = c % 5 ? 40 + c % 60 : 360;
        for (int day = c % 13, k = 0; day < last; day += 17, k++) {
            snprintf(customer, sizeof customer, "c%03d", c);
            snprintf(order, sizeof order, "o%03d-%d", c, k);
            tiny_buy(shop, customer, order, k % 2 ? "p1" : "p2", 1, (c % 5 ? 5 : 1) * (1000 + 97 * (c % 11)), day);
        }
    }
    mx_snapshot *s = tiny_finish(shop, NULL);
    merx_options *options;
    check_ok(tiny_options(NULL, answer->info.training, "", &options, &err), err);
    merx_evaluation out;
    mx_evaluate evaluate = {s, TINY_START + 300 * MX_DAY_MS, options, NULL, NULL};
    check_ok(answer->evaluate(&evaluate, &out, &err), err);
    assert_int_equal(out.test_units, 300);
    assert_true(out.figure[0].value > 0.95);
    assert_true(out.gate_passed);
    check_contains(out.gate, "above zero");
    merx_options_free(options);
    tiny_close(s);
    tiny_free(shop);
}

static merx_status scenario(const merx_allocator *alloc, void *context, merx_error *err)
{
    mx_snapshot *s = context;
    tiny_model model;
    MX_TRY(tiny_train(answer, s, "k=2 min_k=2 max_k=2 product_k=2", alloc, 1, NULL, NULL, &model, err));
    mx_arena arena;
    mx_arena_init(&arena, alloc);
    merx_reply reply;
    merx_status status = tiny_ask(&model, s, "customer=new01", &arena, &reply, err);
    if (status == MERX_OK)
        status = tiny_ask(&model, s, "kind=products", &arena, &reply, err);
    mx_arena_release(&arena);
    tiny_model_free(&model);
    return status;
}

static void test_memory(void **state)
{
    (void)state;
    tiny_shop *shop = kinds();
    mx_snapshot *s = tiny_finish(shop, NULL);
    check_every_allocation(scenario, s);
    tiny_close(s);
    tiny_free(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_features), cmocka_unit_test(test_silhouette), cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_list),     cmocka_unit_test(test_newcomer),   cmocka_unit_test(test_degenerate),
        cmocka_unit_test(test_forget),   cmocka_unit_test(test_evaluate),   cmocka_unit_test(test_memory),
        cmocka_unit_test(test_weights),  cmocka_unit_test(test_gate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
