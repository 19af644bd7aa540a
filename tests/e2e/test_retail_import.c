/*
 * The real shop: online-retail imported whole, its sums exact.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/system.h"
#include "shop/shop_state.h"
#include "shop/shop_test.h"

static const char *data_folder;

static void test_import(void **state)
{
    merx_error err = {0};
    merx_shop *shop;
    merx_import import;
    char folder[256];
    char sum[32];
    (void)state;

    test_folder(folder, sizeof folder, "retail");
    check(merx_shop_open(NULL, folder, &(merx_shop_options){.create = true}, &shop, &err), &err);
    double begun = mx_monotonic_s();
    check(merx_shop_import(shop, data_folder, NULL, NULL, &import, &err), &err);
    double seconds = mx_monotonic_s() - begun;
    mx_format_decimal(import.amount_minor, import.decimals, sum, sizeof sum);
    printf("rows %" PRIu64 ", refused %" PRIu64 ", sum %s, customers %" PRIu64 ", products %" PRIu64 ", orders %" PRIu64
           ", %.2f s, peak %.0f MB\n",
           import.rows, import.refused, sum, import.customers, import.products, import.orders, seconds,
           (double)mx_peak_rss_bytes() / 1e6);
    assert_int_equal(import.rows, 541909);
    assert_int_equal(import.accepted, 541909);
    assert_int_equal(import.refused, 0);
    assert_int_equal(import.events, 541909);
    assert_int_equal(import.customers, 4372);
    assert_int_equal(import.products, 4070);
    assert_int_equal(import.orders, 25900);
    assert_string_equal(sum, "9747747.934");
    merx_import_release(&import);

    begun = mx_monotonic_s();
    mx_snapshot *snapshot;
    check(mx_snapshot_open(shop->records, shop->blobs, true, NULL, NULL, &snapshot, &err), &err);
    double built = mx_monotonic_s() - begun;
    char sha256[65];
    memcpy(sha256, snapshot->sha256, sizeof sha256);
    mx_snapshot_close(snapshot);
    begun = mx_monotonic_s();
    check(mx_snapshot_open(shop->records, shop->blobs, false, NULL, NULL, &snapshot, &err), &err);
    printf("snapshot built in %.2f s, opened in %.3f s\n", built, mx_monotonic_s() - begun);
    assert_string_equal(sha256, snapshot->sha256);
    assert_int_equal(mx_snapshot_split_ms(snapshot), INT64_C(1320105600000)); /* 2011-11-01 */
    assert_int_equal(snapshot->product_service[mx_snapshot_find_product(snapshot, "POST")], 1);
    assert_int_equal(snapshot->product_service[mx_snapshot_find_product(snapshot, "85123A")], 0);
    int32_t lantern = mx_snapshot_find_product(snapshot, "71053");
    assert_int_equal(snapshot->product_title[lantern].size, strlen("WHITE METAL LANTERN"));
    mx_snapshot_close(snapshot);

    /* Again: nothing is read, nothing is new. */
    begun = mx_monotonic_s();
    check(merx_shop_import(shop, data_folder, NULL, NULL, &import, &err), &err);
    printf("again in %.3f s\n", mx_monotonic_s() - begun);
    assert_false(import.changed);
    assert_int_equal(import.rows, 0);
    assert_int_equal(import.events, 541909);
    merx_import_release(&import);
    merx_shop_close(shop);
    remove_folder(folder);
}

int main(void)
{
    static char folder[512];
    if (!data_wanted("uci-online-retail", folder, sizeof folder))
        return 77;
    data_folder = folder;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_import)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
