/*
 * The real shop: recommend and segment on online-retail. Figures of retail-recommend (train before 2011-11-01, test after), same bits for 1, 2 and 8 threads, forgetting a customer.
 */
#include "shop/shop_state.h"
#include "support/tiny_shop.h"

static char folder[256];
static merx_shop *shop;
static mx_snapshot *s;

static const mx_answer *find(const char *name)
{
    for (size_t i = 0; mx_answer_at(i); i++)
        if (strcmp(mx_answer_at(i)->info.name, name) == 0)
            return mx_answer_at(i);
    fail_msg("no answer %s", name);
    return NULL;
}

static int set_up(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_import import;
    check_make_folder(folder);
    check_ok(merx_shop_open(NULL, folder, &(merx_shop_options){.create = true}, &shop, &err), err);
    char path[4096];
    snprintf(path, sizeof path, "%s", check_need_data("uci-online-retail"));
    check_ok(merx_shop_import(shop, path, NULL, NULL, &import, &err), err);
    merx_import_release(&import);
    check_ok(mx_shop_snapshot(shop, NULL, &s, &err), err);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    merx_shop_close(shop);
    check_remove_folder(folder);
    return 0;
}

static void evaluate(const mx_answer *answer, int threads, merx_evaluation *out)
{
    merx_error err = {0};
    merx_task *task;
    merx_options *options;
    check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads}, &task, &err), err);
    check_ok(merx_options_new(NULL, answer->info.training, &options, &err), err);
    mx_date split = {.year = 2011, .month = 11, .day = 1};
    mx_evaluate what = {s, mx_ms_from_date(&split), options, NULL, task};
    double begun = mx_monotonic_s();
    check_ok(answer->evaluate(&what, out, &err), err);
    printf("%s, %d threads: %.2f s; %s\n", answer->info.name, threads, mx_monotonic_s() - begun, out->gate);
    for (size_t i = 0; i < out->figures; i++)
        printf("  %-30s %.4f [%.4f, %.4f]; %s %.4f; difference %+.4f [%+.4f, %+.4f]\n", out->figure[i].name,
               out->figure[i].value, out->figure[i].low, out->figure[i].high, out->figure[i].baseline_name,
               out->figure[i].baseline, out->figure[i].difference, out->figure[i].difference_low,
               out->figure[i].difference_high);
    merx_options_free(options);
    merx_task_free(task);
}

static void test_recommend(void **state)
{
    (void)state;
    merx_evaluation out, other;
    evaluate(find("recommend"), 2, &out);
    assert_int_equal(out.test_units, 1440);
    assert_string_equal(out.figure[0].name, "ndcg@20");
    assert_true(out.figure[0].value >= 0.095);
    assert_true(out.figure[0].difference_low > 0);
    check_close(out.figure[0].baseline, 0.066,
                0.0005); /* item-kNN, and popularity: as measured by others on these data */
    check_close(out.figure[2].baseline, 0.043, 0.0005);
    assert_true(out.gate_passed);
    evaluate(find("recommend"), 8, &other);
    check_same_double(out.figure[0].value, other.figure[0].value);
    check_same_double(out.figure[0].difference_low, other.figure[0].difference_low);
}

static void test_segment(void **state)
{
    (void)state;
    merx_evaluation out;
    evaluate(find("segment"), 2, &out);
    assert_true(out.gate_passed);
    assert_string_equal(out.figure[0].name, "auc of buying again");
    assert_true(out.figure[0].value > 0.72);
    for (size_t f = 0; f < out.figures; f++) /* money, orders, recency; newcomers; silhouette; stability */
        assert_true(out.figure[f].difference_low > 0);
    assert_string_equal(out.figure[3].name, "accuracy of newcomers");
    assert_string_equal(out.figure[4].name, "silhouette");
    assert_int_equal(out.figures, 6);
}

static void test_same_bits(void **state)
{
    (void)state;
    merx_error err = {0};
    const char *const names[] = {"recommend", "segment"};
    for (int i = 0; i < 2; i++) {
        tiny_model first, other;
        check_ok(tiny_train(find(names[i]), s, "", NULL, 1, NULL, NULL, &first, &err), err);
        for (int threads = 2; threads <= 8; threads *= 4) {
            double begun = mx_monotonic_s();
            check_ok(tiny_train(find(names[i]), s, "", NULL, threads, NULL, NULL, &other, &err), err);
            printf("%s trained with %d threads in %.2f s, %zu bytes\n", names[i], threads, mx_monotonic_s() - begun,
                   other.size);
            assert_true(tiny_same(&first, &other));
            tiny_model_free(&other);
        }
        tiny_model_free(&first);
    }
}

/* The snapshot without one customer, by erasing him from the records; then both answers forget. */
static void test_forget(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_erasure erased;
    mx_snapshot *without;
    tiny_model old[2], never, forgotten;
    const char *const names[] = {"recommend", "segment"};
    for (int i = 0; i < 2; i++)
        check_ok(tiny_train(find(names[i]), s, "", NULL, 2, NULL, NULL, &old[i], &err), err);
    check_ok(mx_records_begin(shop->records, &err), err);
    check_ok(mx_records_erase_customer(shop->records, MX_STR("12748"), &erased, &err), err);
    check_ok(mx_records_commit(shop->records, &err), err);
    check_ok(mx_snapshot_open(shop->records, shop->blobs, true, NULL, NULL, &without, &err), err);
    assert_int_equal(mx_snapshot_find_customer(without, "12748"), -1);
    for (int i = 0; i < 2; i++) {
        bool exact;
        double begun = mx_monotonic_s();
        check_ok(tiny_train(find(names[i]), without, "", NULL, 2, &old[i], &exact, &forgotten, &err), err);
        printf("%s forgot in %.2f s\n", names[i], mx_monotonic_s() - begun);
        assert_int_equal(exact, i == 1);
        check_ok(tiny_train(find(names[i]), without, "", NULL, 2, NULL, NULL, &never, &err), err);
        assert_int_equal(tiny_same(&forgotten, &never), i == 1);
        tiny_model_free(&never);
        tiny_model_free(&forgotten);
        tiny_model_free(&old[i]);
    }
    mx_snapshot_close(without);
}

int main(void)
{
    check_need_data("uci-online-retail/online_retail.csv.gz");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recommend),
        cmocka_unit_test(test_segment),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_forget),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
