/*
 * The real shop: insight's sums exact in the data's own decimals, demand better than the naive forecasts, the same bits for 1, 2 and 8 threads, in time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "shop/answers/insight.h"
#include "shop/shop_state.h"
#include "shop/shop_test.h"

extern const mx_answer mx_answer_demand;
static const char *data_folder;

static void check_insight(const mx_snapshot *s)
{
    merx_error err = {0};
    mx_insight_sums sums;
    mx_insight_series series;
    mx_insight_top top;
    mx_insight_cohorts cohorts;
    mx_insight_movers movers;
    mx_insight_anomalies far;
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    mx_insight_range all = mx_insight_all(s);
    double begun = mx_monotonic_s();
    check(mx_insight_overview(s, all, NULL, &sums, &err), &err);
    check(mx_insight_series_build(s, MX_PERIOD_WEEK, all, &arena, &series, &err), &err);
    check(mx_insight_top_build(s, MX_BY_COUNTRY, all, 50, false, &arena, &top, &err), &err);
    check(mx_insight_cohorts_build(s, all, &arena, &cohorts, &err), &err);
    check(mx_insight_movers_build(s, MX_BY_PRODUCT, MX_PERIOD_MONTH, all, 10, &arena, &movers, &err), &err);
    check(mx_insight_anomalies_build(s, MX_PERIOD_DAY, all, 10, 5, &arena, &far, &err), &err);
    printf("insight, all topics: %.3f s\n", mx_monotonic_s() - begun);
    assert_int_equal(s->decimals, 3);
    assert_int_equal(sums.revenue_minor, INT64_C(9747747934));
    assert_int_equal(sums.lines, 541909);
    assert_int_equal(sums.goods_minor + sums.services_minor + sums.unnamed_minor, sums.revenue_minor);
    int64_t sum = 0;
    for (size_t k = 0; k < series.n; k++)
        sum += series.at[k].revenue_minor;
    assert_int_equal(sum, sums.revenue_minor);
    assert_int_equal(top.groups, 38);
    assert_int_equal(top.revenue_minor, sums.revenue_minor);
    assert_int_equal(movers.change_minor, INT64_C(391051580)); /* November against October */
    assert_int_equal(cohorts.n, 13);
    mx_arena_release(&arena);
}

static void check_demand(mx_snapshot *s)
{
    merx_error err = {0};
    merx_options *options;
    merx_evaluation first = {0};
    check(merx_options_new(NULL, mx_answer_demand.info.training, &options, &err), &err);
    for (int threads = 1; threads <= 8; threads = threads == 2 ? 8 : threads + 1) {
        merx_task *task;
        merx_evaluation got;
        check(merx_task_new(NULL, &(merx_task_options){.threads = threads, .seed = 1}, &task, &err), &err);
        mx_evaluate evaluate = {.snapshot = s, .split_ms = INT64_C(1320105600000), .options = options, .task = task};
        double begun = mx_monotonic_s();
        check(mx_answer_demand.evaluate(&evaluate, &got, &err), &err);
        printf("demand, %d threads: wape %.4f [%.4f, %.4f], %s %.4f, %.2f s\n", threads, got.figure[0].value,
               got.figure[0].low, got.figure[0].high, got.figure[0].baseline_name, got.figure[0].baseline,
               mx_monotonic_s() - begun);
        assert_true(got.gate_passed);
        assert_true(got.figure[0].value < 0.63);
        assert_int_equal(got.test_rows, got.test_units * 4);
        if (threads > 1)
            assert_memory_equal(&got.figure[0].value, &first.figure[0].value, sizeof(double));
        first = got;
        merx_task_free(task);
    }
    merx_options_free(options);
}

static void test_answers(void **state)
{
    merx_error err = {0};
    merx_shop *shop;
    merx_import import;
    mx_snapshot *snapshot;
    char folder[256];
    (void)state;
    test_folder(folder, sizeof folder, "forecast");
    check(merx_shop_open(NULL, folder, &(merx_shop_options){.create = true}, &shop, &err), &err);
    check(merx_shop_import(shop, data_folder, NULL, NULL, &import, &err), &err);
    merx_import_release(&import);
    check(mx_shop_snapshot(shop, NULL, &snapshot, &err), &err);
    check_insight(snapshot);
    check_demand(snapshot);
    merx_shop_close(shop);
    remove_folder(folder);
}

int main(void)
{
    static char folder[512];
    if (!data_wanted("uci-online-retail", folder, sizeof folder))
        return 77;
    data_folder = folder;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
