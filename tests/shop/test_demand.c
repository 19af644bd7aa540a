/*
 * demand on generated shops with planted elasticity, growth and season; replies, prices asked for, little data, forgetting.
 */
#include "base/random.h"
#include "shop/answers/demand_model.h"
#include "support/tiny_shop.h"

extern const mx_answer mx_answer_demand;
static const mx_answer *const answer = &mx_answer_demand;

typedef struct world {
    int products, weeks;
    double lines;      /* a product's mean lines a week */
    double elasticity; /* one week in five is 10 to 30 % off; 0: prices never vary */
    double growth;     /* of ln lines per week */
    double season;     /* amplitude of ln lines over 52 weeks */
    uint64_t seed;
} world;

static double planted(const world *w, int product, int week)
{
    return w->lines * (0.4 + 1.2 * product / fmax(w->products - 1, 1)) *
           exp(w->growth * week + w->season * sin(6.283185307179586 * week / 52.0));
}

/* Weeks begin on Monday 2011-01-03, day 2. Quantities are 1 + Poisson(0.6). */
static tiny_shop *make(const world *w)
{
    tiny_shop *shop = tiny_new();
    for (int p = 0; p < w->products; p++)
        for (int t = 0; t < w->weeks; t++) {
            mx_random r;
            char product[24];
            char customer[24];
            mx_random_init(&r, w->seed, mx_random_key((uint64_t)p, (uint64_t)t, 3));
            int64_t price = 1000 + 50 * p;
            if (w->elasticity != 0 && mx_random_below(&r, 5) == 0)
                price = price * (int64_t)(90 - 10 * mx_random_below(&r, 3)) / 100;
            double mean = planted(w, p, t) * pow((double)price / (1000 + 50 * p), w->elasticity);
            uint64_t lines = mx_random_poisson(&r, mean);
            snprintf(product, sizeof product, "p%02d", p);
            for (uint64_t k = 0; k < lines; k++) {
                snprintf(customer, sizeof customer, "c%02d", (int)mx_random_below(&r, 20));
                tiny_buy(shop, customer, "", product, 1 + (int64_t)mx_random_poisson(&r, 0.6), price,
                         2 + 7 * t + 6.9 * mx_random_uniform(&r));
            }
        }
    tiny_buy(shop, "c00", "", "p00", 1, 1000, 2 + 7 * w->weeks - 0.5); /* the last week is whole */
    tiny_buy(shop, "c00", "", "p00", 1, 1000, 2);
    return shop;
}

static void test_elasticity(void **state)
{
    (void)state;
    const double means[] = {0.7, 4};
    for (int k = 0; k < 2; k++) { /* few sales a week need the law cut at zero */
        world w = {.products = 40, .weeks = 60, .lines = means[k], .elasticity = -1.8, .seed = 11 + (uint64_t)k};
        tiny_shop *shop = make(&w);
        mx_snapshot *s = tiny_finish(shop, NULL);
        mx_demand_weeks weeks;
        mx_demand_price price;
        merx_error err = {0};
        check_ok(mx_demand_weeks_build(s, INT64_MAX, NULL, &weeks, &err), err);
        assert_int_equal(weeks.weeks, 60);
        assert_int_equal(weeks.rows, 40);
        check_ok(mx_demand_price_fit(&weeks, NULL, NULL, &price, &err), err);
        print_message("planted -1.8, found %.3f [%.3f, %.3f]\n", price.pooled.value, price.pooled.low,
                      price.pooled.high);
        assert_true(price.pooled.low < -1.8 && price.pooled.high > -1.8);
        assert_true(price.pooled.high - price.pooled.low < (k == 0 ? 1.2 : 0.6));
        int covered = 0;
        for (size_t r = 0; r < weeks.rows; r++)
            covered += price.row[r].low <= -1.8 && price.row[r].high >= -1.8;
        assert_true(covered >= 34);
        mx_demand_price_release(&price);
        mx_demand_weeks_release(&weeks);
        tiny_close(s);
        tiny_free(shop);
    }
}

/* Sum over products of the forecast h weeks on, against what is planted (1.6 units a line). */
static void forecast(const world *w, int h, double *expected, double *truth, double *mean8)
{
    tiny_shop *shop = make(w);
    mx_snapshot *s = tiny_finish(shop, NULL);
    mx_demand_weeks weeks;
    mx_demand_row row;
    mx_demand_model model;
    merx_error err = {0};
    mx_demand_options options = mx_demand_options_of(NULL);
    check_ok(mx_demand_weeks_build(s, INT64_MAX, NULL, &weeks, &err), err);
    check_ok(mx_demand_fit(s, &weeks, &options, NULL, NULL, &model, &err), err);
    check_ok(mx_demand_row_init(&weeks, NULL, &row, &err), err);
    *expected = *truth = *mean8 = 0;
    for (size_t r = 0; r < weeks.rows; r++) {
        mx_demand_forecast f;
        mx_demand_row_set(&row, r);
        mx_demand_predict(&model, &row, (size_t)h, MX_DEMAND_GROUPS, &f);
        assert_true(f.low <= f.units && f.units <= f.high);
        double sum = f.base;
        for (int g = 0; g < MX_DEMAND_GROUPS; g++)
            sum += f.part[g];
        check_close(sum, f.x, 1e-9);
        *expected += f.expected;
        *mean8 += (row.units_before[weeks.weeks] - row.units_before[weeks.weeks - 8]) / 8;
        *truth += 1.6 * planted(w, (int)r, w->weeks - 1 + h);
    }
    print_message("expected %.1f, planted %.1f, mean of 8 weeks %.1f\n", *expected, *truth, *mean8);
    mx_demand_row_release(&row);
    mx_demand_weeks_release(&weeks);
    tiny_close(s);
    tiny_free(shop);
}

static void test_growth(void **state)
{
    (void)state;
    double got;
    double want;
    double naive;
    forecast(&(world){.products = 30, .weeks = 40, .lines = 4, .growth = 0.04, .seed = 5}, 2, &got, &want, &naive);
    assert_true(fabs(got - want) < 0.12 * want);
    assert_true(fabs(got - want) < fabs(naive - want));
    forecast(&(world){.products = 30, .weeks = 40, .lines = 4, .seed = 6}, 2, &got, &want, &naive);
    assert_true(fabs(got - want) < 0.08 * want); /* nothing planted, nothing found */
}

static void test_season(void **state)
{
    (void)state;
    double got;
    double want;
    double naive;
    /* week 114 is the 10th of the year's wave: up since the 8 weeks before */
    forecast(&(world){.products = 25, .weeks = 109, .lines = 4, .season = 0.8, .seed = 8}, 5, &got, &want, &naive);
    assert_true(fabs(got - want) < 0.2 * want);
    assert_true(fabs(got - want) < 0.6 * fabs(naive - want));
}

static const world usual = {.products = 12, .weeks = 20, .lines = 4, .elasticity = -1.5, .seed = 21};

static double field(const merx_item *item, const char *name)
{
    for (size_t k = 0; k < item->fields; k++)
        if (strcmp(item->field[k].name, name) == 0)
            return item->field[k].value.type == MERX_VALUE_REAL ? item->field[k].value.real
                                                                : (double)item->field[k].value.integer;
    return NAN;
}

static void test_reply(void **state)
{
    (void)state;
    tiny_shop *shop = make(&usual);
    mx_snapshot *s = tiny_finish(shop, NULL);
    tiny_model model;
    mx_arena arena;
    merx_reply reply;
    merx_reply cheap;
    merx_error err = {0};
    mx_arena_init(&arena, NULL);
    check_ok(tiny_train(answer, s, NULL, NULL, 1, NULL, NULL, &model, &err), err);
    check_ok(tiny_ask(&model, s, "n=5", &arena, &reply, &err), err);
    assert_int_equal(reply.items, 5);
    assert_true(tiny_check_reasons(&reply) >= 5 * 7);
    for (size_t k = 1; k < 5; k++)
        assert_true(field(&reply.item[k - 1], "expected units") >= field(&reply.item[k], "expected units"));
    check_ok(tiny_ask(&model, s, "product=p07 weeks=3", &arena, &reply, &err), err);
    check_ok(tiny_ask(&model, s, "product=p07 weeks=3 price=5.40", &arena, &cheap, &err), err);
    assert_int_equal(reply.items, 3);
    assert_true(tiny_check_reasons(&cheap) >= 3 * 7);
    for (size_t k = 0; k < 3; k++) {
        double elasticity = field(&reply.item[k], "elasticity");
        double shift = elasticity * log(540 / field(&reply.item[k], "price"));
        assert_true(elasticity < -0.5 && shift > 0.2);
        check_close(log(field(&reply.item[k], "expected units")), reply.item[k].score, 1e-9);
        check_close(cheap.item[k].score - reply.item[k].score, shift, 1e-9);
        check_close(log(field(&cheap.item[k], "units") / field(&reply.item[k], "units")), shift, 1e-9);
    }
    check_fails(tiny_ask(&model, s, "product=zzz", &arena, &reply, &err), MERX_E_NOT_FOUND, err);
    check_fails(tiny_ask(&model, s, "product=p07 price=cheap", &arena, &reply, &err), MERX_E_PARSE, err);
    check_fails(tiny_ask(&model, s, "price=2.00", &arena, &reply, &err), MERX_E_INVALID, err);
    mx_arena_release(&arena);
    tiny_model_free(&model);
    tiny_close(s);
    tiny_free(shop);
}

static void test_little(void **state)
{
    (void)state;
    merx_error err = {0};
    tiny_model model;
    merx_reply reply;
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    tiny_shop *shop = make(&(world){.products = 3, .weeks = 4, .lines = 4, .seed = 2});
    mx_snapshot *s = tiny_finish(shop, NULL);
    check_fails(tiny_train(answer, s, NULL, NULL, 1, NULL, NULL, &model, &err), MERX_E_INVALID, err);
    tiny_close(s);
    tiny_free(shop);
    shop = make(&(world){.products = 1, .weeks = 12, .lines = 12, .seed = 3}); /* one product, one price */
    s = tiny_finish(shop, NULL);
    check_ok(tiny_train(answer, s, NULL, NULL, 1, NULL, NULL, &model, &err), err);
    check_ok(tiny_ask(&model, s, "product=p00 price=5.00", &arena, &reply, &err), err);
    assert_true(isnan(field(&reply.item[0], "elasticity")));
    assert_true(reply.notes > 0);
    check_contains(reply.note[0], "No price varied");
    double expected = field(&reply.item[0], "expected units");
    assert_true(expected > 0.3 && expected < 30);
    tiny_model_free(&model);
    tiny_close(s);
    tiny_free(shop);
    mx_arena_release(&arena);
}

static void test_forget(void **state)
{
    (void)state;
    tiny_shop *shop = make(&usual);
    mx_snapshot *whole = tiny_finish(shop, NULL);
    mx_snapshot *without = tiny_finish(shop, "c03");
    tiny_model old;
    tiny_model never;
    tiny_model forgot;
    tiny_model threads;
    merx_error err = {0};
    bool exact = false;
    check_ok(tiny_train(answer, whole, NULL, NULL, 1, NULL, NULL, &old, &err), err);
    check_ok(tiny_train(answer, whole, NULL, NULL, 8, NULL, NULL, &threads, &err), err);
    check_ok(tiny_train(answer, without, NULL, NULL, 1, NULL, NULL, &never, &err), err);
    check_ok(tiny_train(answer, without, NULL, NULL, 2, &old, &exact, &forgot, &err), err);
    assert_true(exact);
    assert_true(tiny_same(&never, &forgot));
    assert_true(tiny_same(&old, &threads));
    assert_false(tiny_same(&old, &never));
    tiny_model_free(&old);
    tiny_model_free(&never);
    tiny_model_free(&forgot);
    tiny_model_free(&threads);
    tiny_close(whole);
    tiny_close(without);
    tiny_free(shop);
}

static void test_evaluate(void **state)
{
    (void)state;
    tiny_shop *shop = make(&(world){.products = 40, .weeks = 30, .lines = 1.5, .seed = 31});
    mx_snapshot *s = tiny_finish(shop, NULL);
    merx_options *options;
    merx_evaluation out;
    merx_error err = {0};
    check_ok(merx_options_new(NULL, answer->info.training, &options, &err), err);
    mx_evaluate evaluate = {.snapshot = s, .split_ms = TINY_START + (2 + 7 * 25 + 3) * MX_DAY_MS, .options = options};
    check_ok(answer->evaluate(&evaluate, &out, &err), err);
    assert_string_equal(out.figure[0].name, "wape");
    assert_int_equal(out.test_rows, 40 * 4); /* the week cut by the split counts on neither side */
    assert_true(out.figure[0].value > 0.2 && out.figure[0].value < 1.1);
    assert_true(out.figure[0].value < out.figure[0].baseline + 0.05);
    check_close(out.figure[0].difference, out.figure[0].value - out.figure[0].baseline, 1e-9);
    evaluate.split_ms = s->last_ms;
    check_fails(answer->evaluate(&evaluate, &out, &err), MERX_E_INVALID, err);
    merx_options_free(options);
    tiny_close(s);
    tiny_free(shop);
}

static merx_status train_and_ask(const merx_allocator *alloc, void *context, merx_error *err)
{
    tiny_model model;
    mx_arena arena;
    merx_reply reply;
    MX_TRY(tiny_train(answer, context, NULL, alloc, 1, NULL, NULL, &model, err));
    mx_arena_init(&arena, alloc);
    merx_status status = tiny_ask(&model, context, "product=p01", &arena, &reply, err);
    mx_arena_release(&arena);
    tiny_model_free(&model);
    return status;
}

static void test_memory(void **state)
{
    (void)state;
    tiny_shop *shop = make(&(world){.products = 4, .weeks = 8, .lines = 3, .elasticity = -1, .seed = 4});
    mx_snapshot *s = tiny_finish(shop, NULL);
    check_every_allocation(train_and_ask, s);
    tiny_close(s);
    tiny_free(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elasticity), cmocka_unit_test(test_growth), cmocka_unit_test(test_season),
        cmocka_unit_test(test_reply),      cmocka_unit_test(test_little), cmocka_unit_test(test_forget),
        cmocka_unit_test(test_evaluate),   cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
