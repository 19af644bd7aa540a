/*
 * insight against a naive twin (nested loops over all lines), closed forms on a shop of a dozen lines, planted anomalies, and overflow.
 */
#include "base/random.h"
#include "shop/answers/insight.h"
#include "support/tiny_shop.h"

extern const mx_answer mx_answer_insight;

/* Lines of 400 days drawn at random: customers (some unknown), orders (some without id), returns, a service. */
static tiny_shop *random_shop(uint64_t seed)
{
    tiny_shop *shop = tiny_new();
    mx_random r;
    mx_random_init(&r, seed, 1);
    for (int i = 0; i < 900; i++) {
        char customer[24] = "";
        char order[24] = "";
        char product[24] = "";
        uint64_t c = mx_random_below(&r, 30);
        double day = (double)mx_random_below(&r, 400) + mx_random_uniform(&r);
        if (c > 2)
            snprintf(customer, sizeof customer, "c%02d", (int)c);
        if (mx_random_below(&r, 10) > 0)
            snprintf(order, sizeof order, "o%03d", (int)(day / 3) * 10 + (int)(c % 4));
        if (mx_random_below(&r, 30) > 0)
            snprintf(product, sizeof product, mx_random_below(&r, 12) > 0 ? "p%02d" : "POST%d",
                     (int)mx_random_below(&r, 15));
        bool back = mx_random_below(&r, 8) == 0;
        int64_t quantity = 1 + (int64_t)mx_random_below(&r, 20);
        tiny_add(shop, back ? MX_EVENT_RETURN : MX_EVENT_PURCHASE, customer, order, product,
                 back ? -quantity : quantity, (int64_t)mx_random_below(&r, 5000), day);
        if (i % 50 == 0)
            tiny_add(shop, MX_EVENT_VIEW, customer, "", product, 1, 700, day);
    }
    return shop;
}

static bool is_line(const mx_snapshot *s, size_t i)
{
    return s->kind[i] == MX_EVENT_PURCHASE || s->kind[i] == MX_EVENT_RETURN;
}

static bool is_sale(const mx_snapshot *s, size_t i)
{
    return s->kind[i] == MX_EVENT_PURCHASE && s->quantity[i] > 0;
}

/* The same order by definition: same id; without ids the same known customer on the same day. */
static bool same_order(const mx_snapshot *s, size_t i, size_t k)
{
    if (s->order[i] >= 0 || s->order[k] >= 0)
        return s->order[i] == s->order[k];
    return s->customer[i] >= 0 && s->customer[i] == s->customer[k] &&
           mx_floor_day(s->time_ms[i]) == mx_floor_day(s->time_ms[k]);
}

static mx_insight_sums twin(const mx_snapshot *s, int64_t from_ms, int64_t to_ms, int64_t orders_from_ms)
{
    mx_insight_sums w = {0};
    for (size_t i = 0; i < s->events; i++) {
        if (s->time_ms[i] < from_ms || s->time_ms[i] >= to_ms || !is_line(s, i))
            continue;
        int64_t amount = s->quantity[i] * s->price_minor[i];
        int32_t p = s->product[i];
        w.lines++;
        w.revenue_minor += amount;
        w.unnamed_minor += p < 0 ? amount : 0;
        w.services_minor += p >= 0 && s->product_service[p] ? amount : 0;
        w.goods_minor += p >= 0 && !s->product_service[p] ? amount : 0;
        w.known_minor += s->customer[i] >= 0 ? amount : 0;
        if (!is_sale(s, i)) {
            w.returns_minor += amount;
            w.returned_units += p >= 0 && !s->product_service[p] ? -s->quantity[i] : 0;
            continue;
        }
        w.sales_minor += amount;
        w.units += p >= 0 && !s->product_service[p] ? s->quantity[i] : 0;
        bool new_order = true;
        bool new_customer = s->customer[i] >= 0;
        bool before = false;
        for (size_t k = 0; k < i; k++) {
            if (!is_sale(s, k))
                continue;
            if (s->time_ms[k] >= orders_from_ms && same_order(s, i, k))
                new_order = false;
            if (s->customer[i] >= 0 && s->customer[k] == s->customer[i]) {
                if (s->time_ms[k] >= from_ms)
                    new_customer = false;
                else
                    before = true;
            }
        }
        w.orders += new_order;
        w.customers += new_customer;
        w.new_customers += new_customer && !before;
    }
    return w;
}

static void check_sums(const mx_insight_sums *got, const mx_insight_sums *want)
{
    assert_int_equal(got->revenue_minor, want->revenue_minor);
    assert_int_equal(got->goods_minor, want->goods_minor);
    assert_int_equal(got->services_minor, want->services_minor);
    assert_int_equal(got->unnamed_minor, want->unnamed_minor);
    assert_int_equal(got->sales_minor, want->sales_minor);
    assert_int_equal(got->returns_minor, want->returns_minor);
    assert_int_equal(got->known_minor, want->known_minor);
    assert_int_equal(got->units, want->units);
    assert_int_equal(got->returned_units, want->returned_units);
    assert_int_equal(got->lines, want->lines);
    assert_int_equal(got->orders, want->orders);
    assert_int_equal(got->customers, want->customers);
    assert_int_equal(got->new_customers, want->new_customers);
}

static void test_twin(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        print_message("seed %d\n", (int)seed);
        tiny_shop *shop = random_shop(seed);
        mx_snapshot *s = tiny_finish(shop, NULL);
        mx_arena arena;
        merx_error err = {0};
        mx_arena_init(&arena, NULL);
        mx_insight_range all = mx_insight_all(s);
        mx_insight_range ranges[] = {all, {all.from_ms + 45 * MX_DAY_MS, all.from_ms + 230 * MX_DAY_MS}};
        for (int k = 0; k < 2; k++) {
            mx_insight_sums got;
            mx_insight_sums want = twin(s, ranges[k].from_ms, ranges[k].to_ms, ranges[k].from_ms);
            assert_true(want.lines > 100 && want.orders > 50 && want.returns_minor < 0 && want.services_minor != 0);
            check_ok(mx_insight_overview(s, ranges[k], NULL, &got, &err), err);
            check_sums(&got, &want);
            for (mx_insight_period period = MX_PERIOD_DAY; period <= MX_PERIOD_MONTH; period++) {
                mx_insight_series series;
                int64_t at = ranges[k].from_ms;
                int64_t sum = 0;
                check_ok(mx_insight_series_build(s, period, ranges[k], &arena, &series, &err), err);
                for (size_t p = 0; p < series.n; p++) {
                    assert_int_equal(series.at[p].from_ms, at);
                    at = series.at[p].to_ms;
                    want = twin(s, series.at[p].from_ms, series.at[p].to_ms, ranges[k].from_ms);
                    check_sums(&series.at[p], &want);
                    sum += series.at[p].revenue_minor;
                }
                assert_int_equal(at, ranges[k].to_ms);
                assert_int_equal(sum, got.revenue_minor);
            }
            mx_insight_top top;
            check_ok(mx_insight_top_build(s, MX_BY_PRODUCT, ranges[k], 5, false, &arena, &top, &err), err);
            int64_t sum = top.others.revenue_minor;
            for (size_t r = 0; r < top.n; r++) {
                int64_t own = 0;
                for (size_t i = 0; i < s->events; i++)
                    if (is_line(s, i) && s->product[i] == top.row[r].index && s->time_ms[i] >= ranges[k].from_ms &&
                        s->time_ms[i] < ranges[k].to_ms)
                        own += s->quantity[i] * s->price_minor[i];
                assert_int_equal(top.row[r].revenue_minor, own);
                assert_true(r == 0 || top.row[r - 1].revenue_minor >= own);
                sum += own;
            }
            assert_int_equal(sum, got.revenue_minor);
            mx_insight_cohorts cohorts;
            check_ok(mx_insight_cohorts_build(s, ranges[k], &arena, &cohorts, &err), err);
            uint64_t customers = 0;
            for (size_t c = 0; c < cohorts.n; c++) {
                customers += cohorts.at[c].size;
                assert_int_equal(cohorts.at[c].active[0], cohorts.at[c].size);
                for (size_t m = 0; m < cohorts.at[c].months; m++)
                    assert_true(cohorts.at[c].active[m] <= cohorts.at[c].size);
            }
            assert_int_equal(customers, got.new_customers);
            mx_insight_movers movers;
            check_ok(mx_insight_movers_build(s, MX_BY_PRODUCT, MX_PERIOD_MONTH, ranges[k], 3, &arena, &movers, &err),
                     err);
            assert_true(movers.found);
            int64_t change = movers.others.change_minor;
            for (size_t m = 0; m < movers.n; m++) {
                const mx_insight_mover *mover = &movers.mover[m];
                change += mover->change_minor;
                assert_int_equal(mover->change_minor, mover->after_minor - mover->before_minor);
                assert_int_equal(mover->change_minor,
                                 mover->quantity_minor + mover->price_minor + mover->returns_minor);
            }
            assert_int_equal(change, movers.change_minor);
            int64_t next = mx_insight_period_next(MX_PERIOD_MONTH, movers.after_ms);
            assert_int_equal(movers.change_minor, twin(s, movers.after_ms, next, 0).revenue_minor -
                                                      twin(s, movers.before_ms, movers.after_ms, 0).revenue_minor);
            assert_true(next <= ranges[k].to_ms && movers.before_ms >= ranges[k].from_ms);
        }
        mx_arena_release(&arena);
        tiny_close(s);
        tiny_free(shop);
    }
}

/* Two months by hand: tea 10 at 2.00, then 15 at 3.00: quantity 5 * 2.00, price 15 * 1.00. */
static void test_mover_by_hand(void **state)
{
    (void)state;
    tiny_shop *shop = tiny_new();
    tiny_buy(shop, "ann", "o0", "cup", 1, 100, 0);
    tiny_buy(shop, "ann", "o1", "tea", 10, 200, 3);
    tiny_buy(shop, "bob", "o2", "tea", 15, 300, 33);
    tiny_add(shop, MX_EVENT_RETURN, "bob", "o3", "tea", -1, 300, 40);
    tiny_buy(shop, "bob", "o4", "cup", 1, 100, 60); /* 2011-03-02: not whole */
    mx_snapshot *s = tiny_finish(shop, NULL);
    mx_arena arena;
    merx_error err = {0};
    mx_insight_movers movers;
    mx_arena_init(&arena, NULL);
    check_ok(mx_insight_movers_build(s, MX_BY_PRODUCT, MX_PERIOD_MONTH, mx_insight_all(s), 1, &arena, &movers, &err),
             err);
    assert_true(movers.found);
    assert_int_equal(movers.n, 1);
    assert_int_equal(movers.mover[0].quantity_minor, 1000);
    assert_int_equal(movers.mover[0].price_minor, 1500);
    assert_int_equal(movers.mover[0].returns_minor, -300);
    assert_int_equal(movers.change_minor, 2200 - 100);
    assert_int_equal(movers.others.change_minor, -100);
    mx_insight_sums sums;
    check_ok(mx_insight_overview(s, mx_insight_all(s), NULL, &sums, &err), err);
    assert_int_equal(sums.orders, 4);
    assert_int_equal(sums.customers, 2);
    assert_int_equal(sums.repeat_customers, 2);
    mx_insight_cohorts cohorts;
    check_ok(mx_insight_cohorts_build(s, mx_insight_all(s), &arena, &cohorts, &err), err);
    assert_int_equal(cohorts.n, 3);
    assert_int_equal(cohorts.at[1].size, 1);
    assert_int_equal(cohorts.at[1].active[1], 1);
    assert_int_equal(cohorts.at[1].revenue_minor[0], 4200);
    mx_arena_release(&arena);
    tiny_close(s);
    tiny_free(shop);
}

static void test_anomaly(void **state)
{
    (void)state;
    tiny_shop *shop = tiny_new();
    mx_random r;
    mx_random_init(&r, 7, 0);
    for (int day = 0; day < 120; day++) {
        char order[24];
        if (mx_weekday(TINY_START + day * MX_DAY_MS) == 6 || day == 40 || day == 41)
            continue; /* Sundays closed as ever; two days closed for once */
        snprintf(order, sizeof order, "o%d", day);
        tiny_buy(shop, "ann", order, "tea", 100 + (int64_t)mx_random_below(&r, 11), 100, day);
        tiny_buy(shop, "bob", order, "cup", 50, 100, day);
        if (day == 75)
            tiny_buy(shop, "bob", "big", "cup", 500, 100, day);
    }
    mx_snapshot *s = tiny_finish(shop, NULL);
    mx_arena arena;
    merx_error err = {0};
    mx_insight_anomalies far;
    mx_arena_init(&arena, NULL);
    check_ok(mx_insight_anomalies_build(s, MX_PERIOD_DAY, mx_insight_all(s), 5, 2, &arena, &far, &err), err);
    assert_int_equal(far.found, 1);
    assert_int_equal(far.at[0].start_ms, TINY_START + 75 * MX_DAY_MS);
    assert_true(far.at[0].z > 20);
    check_close(far.at[0].expected_minor, 15500, 400);
    assert_true(mx_str_equal(far.at[0].part[0].id, MX_STR("cup")));
    double sum = far.at[0].others_minor;
    for (size_t k = 0; k < far.at[0].parts; k++)
        sum += (double)far.at[0].part[k].actual_minor - far.at[0].part[k].expected_minor;
    check_close(sum, (double)far.at[0].revenue_minor - far.at[0].expected_minor, 1e-6);
    assert_int_equal(far.closed, 2);
    assert_int_equal(far.longest_closed, 2);
    mx_arena_release(&arena);
    tiny_close(s);
    tiny_free(shop);
}

static void test_overflow(void **state)
{
    (void)state;
    tiny_shop *shop = tiny_new();
    tiny_buy(shop, "ann", "o1", "tea", INT64_MAX / 100, 99, 1);
    tiny_buy(shop, "ann", "o2", "tea", INT64_MAX / 100, 99, 2);
    mx_snapshot *s = tiny_finish(shop, NULL);
    merx_error err = {0};
    mx_insight_sums sums;
    check_fails(mx_insight_overview(s, mx_insight_all(s), NULL, &sums, &err), MERX_E_RANGE, err);
    tiny_close(s);
    tiny_free(shop);
}

static const char *const questions[] = {"topic=overview",     "topic=revenue period=week",
                                        "topic=products n=3", "topic=countries",
                                        "topic=cohorts",      "topic=movers n=4",
                                        "topic=anomalies",    "topic=anomalies period=week",
                                        "topic=customers",    "from=2011-02-01 to=2011-02-28"};

static void test_reply(void **state)
{
    (void)state;
    tiny_shop *shop = random_shop(5);
    mx_snapshot *s = tiny_finish(shop, NULL);
    tiny_model model = {.answer = &mx_answer_insight};
    for (size_t q = 0; q < sizeof questions / sizeof questions[0]; q++) {
        mx_arena arena;
        merx_reply reply;
        merx_error err = {0};
        mx_arena_init(&arena, NULL);
        check_ok(tiny_ask(&model, s, questions[q], &arena, &reply, &err), err);
        assert_true(reply.sentence && reply.sentence[0]);
        if (!strstr(questions[q], "anomalies"))
            assert_true(tiny_check_reasons(&reply) > 0);
        mx_arena_release(&arena);
    }
    mx_arena arena;
    merx_reply reply;
    merx_error err = {0};
    mx_arena_init(&arena, NULL);
    check_fails(tiny_ask(&model, s, "from=yesterday", &arena, &reply, &err), MERX_E_PARSE, err);
    check_fails(tiny_ask(&model, s, "from=2011-03-01 to=2011-02-01", &arena, &reply, &err), MERX_E_RANGE, err);
    mx_arena_release(&arena);
    tiny_close(s);
    tiny_free(shop);
}

static merx_status ask_all(const merx_allocator *alloc, void *context, merx_error *err)
{
    mx_snapshot *s = context;
    mx_arena arena;
    mx_insight_movers movers;
    mx_insight_anomalies far;
    mx_insight_top top;
    mx_insight_cohorts cohorts;
    mx_insight_range all = mx_insight_all(s);
    mx_arena_init(&arena, alloc);
    merx_status status;
    MX_TRY_GOTO(mx_insight_movers_build(s, MX_BY_COUNTRY, MX_PERIOD_WEEK, all, 3, &arena, &movers, err));
    MX_TRY_GOTO(mx_insight_anomalies_build(s, MX_PERIOD_DAY, all, 3, 2, &arena, &far, err));
    MX_TRY_GOTO(mx_insight_top_build(s, MX_BY_CUSTOMER, all, 3, false, &arena, &top, err));
    MX_TRY_GOTO(mx_insight_cohorts_build(s, all, &arena, &cohorts, err));
out:
    mx_arena_release(&arena);
    return status;
}

static void test_memory(void **state)
{
    (void)state;
    tiny_shop *shop = random_shop(9);
    mx_snapshot *s = tiny_finish(shop, NULL);
    check_every_allocation(ask_all, s);
    tiny_close(s);
    tiny_free(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twin),     cmocka_unit_test(test_mover_by_hand), cmocka_unit_test(test_anomaly),
        cmocka_unit_test(test_overflow), cmocka_unit_test(test_reply),         cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
