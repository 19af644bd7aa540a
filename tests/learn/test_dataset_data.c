/*
 * Real tables are read with the right types: diamonds, and sessions of an online shop.
 */
#include "merx/dataset.h"
#include "support/check.h"

static char diamonds[4096], sessions[4096];

static void check_types(const merx_dataset *t, const char *const *names, merx_column_type type)
{
    for (; *names != NULL; names++) {
        int at = merx_dataset_find_column(t, *names);
        assert_true(at >= 0);
        if (merx_dataset_column_type(t, (size_t)at) != type)
            check_die(__FILE__, __LINE__, "%s is %s", *names,
                      merx_column_type_name(merx_dataset_column_type(t, (size_t)at)));
        assert_int_equal(merx_dataset_missing(t, (size_t)at), 0);
    }
}

static void test_diamonds(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_dataset *t;
    check_ok(merx_dataset_read(diamonds, NULL, NULL, &t, &err), err);
    assert_int_equal(merx_dataset_rows(t), 53940);
    assert_int_equal(merx_dataset_columns(t), 10);
    check_types(t, (const char *[]){"carat", "depth", "table", "price", "x", "y", "z", NULL}, MERX_COLUMN_NUMERIC);
    check_types(t, (const char *[]){"cut", "color", "clarity", NULL}, MERX_COLUMN_CATEGORICAL);
    assert_int_equal(merx_dataset_levels(t, 1), 5);
    assert_int_equal(merx_dataset_levels(t, 3), 8);
    double sum = 0;
    for (size_t i = 0; i < 53940; i++)
        sum += merx_dataset_numeric(t, 6)[i];
    check_close(sum, 212135217, 0);
    merx_dataset_free(t);
}

static void test_sessions(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_dataset *t;
    check_ok(merx_dataset_read(sessions, NULL, NULL, &t, &err), err);
    assert_int_equal(merx_dataset_rows(t), 12330);
    assert_int_equal(merx_dataset_columns(t), 18);
    check_types(t, (const char *[]){"Month", "VisitorType", NULL}, MERX_COLUMN_CATEGORICAL);
    check_types(t, (const char *[]){"Weekend", "Revenue", NULL}, MERX_COLUMN_BOOLEAN);
    check_types(t, (const char *[]){"Administrative", "BounceRates", "PageValues", "Region", NULL},
                MERX_COLUMN_NUMERIC);
    int revenue = merx_dataset_find_column(t, "Revenue"), bought = 0;
    for (size_t i = 0; i < 12330; i++)
        bought += merx_dataset_boolean(t, (size_t)revenue)[i];
    assert_int_equal(bought, 1908);
    merx_dataset_free(t);
}

int main(void)
{
    snprintf(diamonds, sizeof diamonds, "%s", check_need_data("diamonds/diamonds.csv.gz"));
    snprintf(sessions, sizeof sessions, "%s",
             check_need_data("online-shoppers-intention/online_shoppers_intention.csv.gz"));
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_diamonds), cmocka_unit_test(test_sessions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
