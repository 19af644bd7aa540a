/*
 * Changed things and the view: what was put or removed is in the next answer without a new snapshot, and where a tail can't say it, by one.
 */
#include "shop/view_test.h"

enum { FEW = 256 }; /* changed things that are merged in the background when there are more */

static mx_view *view_of(home *h)
{
    mx_view *view;
    merx_error err = {0};
    check_ok(mx_view_keeper_get(h->keeper, false, &view, &err), err);
    return view;
}

/* The keeper's view, whether it still rests on that snapshot, and is right. */
static void check_view(home *h, const mx_snapshot *base, bool same)
{
    merx_error err = {0};
    merx_shop *merged;
    mx_snapshot *s;
    size_t answered = 0;
    mx_view *view = view_of(h);
    assert_int_equal(view->snapshot == base, same);
    check_ok(merx_shop_open(NULL, h->shop, &(merx_shop_options){.read_only = true}, &merged, &err), err);
    check_ok(mx_shop_snapshot(merged, NULL, &s, &err), err);
    assert_int_equal(s->decimals, view->snapshot->decimals);
    check_seen(mx_view_seen(view), s);
    mx_view_release(view);
    for (int i = 1; i < 12; i++) {
        char set[64];
        snprintf(set, sizeof set, "customer=C%07d n=40", i);
        check_same(h, merged, "recommend", set, &answered);
        check_same(h, merged, "next", set, &answered);
        check_same(h, merged, "recommend", "basket=solo,P0000001", &answered);
        check_same(h, merged, "next", "items=solo,P0000001", &answered);
    }
    assert_true(answered > 10);
    merx_shop_close(merged);
}

static void test_next_answer(void **state)
{
    home *h = home_new(31);
    (void)state;
    mx_view *view = view_of(h);
    const mx_snapshot *base = view->snapshot;
    put_product(h, "P0000001", "Its new name", 4321);
    char *text = ask_keeper(h, "next", "items=P0000002 n=40");
    assert_non_null(strstr(text, "\"title\":\"Its new name\""));
    assert_non_null(strstr(text, "43.21"));
    free(text);
    text = ask_keeper(h, "recommend", "basket=fresh");
    assert_string_equal(text, "failed: MERX_E_NOT_FOUND");
    free(text);
    put_product(h, "fresh", "Never sold", -1);
    text = ask_keeper(h, "recommend", "basket=fresh");
    assert_int_equal(strncmp(text, "failed", 6) != 0, 1);
    free(text);
    put_product(h, "fresh", NULL, 0);
    text = ask_keeper(h, "recommend", "basket=fresh");
    assert_string_equal(text, "failed: MERX_E_NOT_FOUND");
    free(text);
    put_product(h, "P0000001", NULL, 0);
    check_view(h, base, true);
    /* What was asked before sees what was before. */
    mx_seen seen = mx_view_seen(view);
    assert_int_equal(mx_seen_product(seen, "fresh"), -1);
    assert_true(mx_str_equal(mx_seen_product_title(seen, 0), base->product_title[0]));
    mx_view_release(view);
    home_free(h);
}

/* Orders say whose events are, and an order is nobody's change alone. */
static void test_what_a_tail_cannot_say(void **state)
{
    home *h = home_new(32);
    merx_error err = {0};
    int64_t offset;
    (void)state;
    write_events(h, 20, true);
    mx_view *view = view_of(h);
    put_order(h, "o1", "C0000001");
    check_view(h, view->snapshot, false);
    mx_view_release(view);
    /* Too many at once. */
    view = view_of(h);
    check_ok(mx_live_begin(&h->live, &err), err);
    for (int i = 0; i <= MX_CHANGES_MOST; i++) {
        char id[32];
        snprintf(id, sizeof id, "many%d", i);
        mx_record record = {.kind = MX_PRODUCT, .product = {.id = mx_str_of(id), .title = MX_STR("One of many")}};
        check_ok(mx_live_put(&h->live, &record, 1, &err), err);
    }
    check_ok(mx_live_commit(&h->live, &offset, &err), err);
    mx_view_keeper_written(h->keeper, false);
    check_view(h, view->snapshot, false);
    mx_view_release(view);
    /* A version that another program made, and did not note. */
    view = view_of(h);
    put_product(h, "many1", "Another", 5);
    check_view(h, view->snapshot, true);
    check_ok(mx_records_begin(h->writer->records, &err), err);
    check_ok(mx_shop_settings_bump_things(h->writer->records, NULL, 0, &err), err);
    check_ok(mx_changes_clear(h->writer->records, &err), err);
    check_ok(mx_records_commit(h->writer->records, &err), err);
    mx_view_keeper_written(h->keeper, false);
    check_view(h, view->snapshot, false);
    mx_view_release(view);
    home_free(h);
}

/* Many are merged in the background; a keeper that begins anew takes the stored snapshot and what was noted. */
static void test_background(void **state)
{
    home *h = home_new(33);
    merx_error err = {0};
    (void)state;
    mx_view *before = view_of(h);
    for (int i = 0; i < 3; i++)
        change_things(h, FEW / 4);
    mx_view *view = view_of(h);
    assert_ptr_equal(view->snapshot, before->snapshot);
    mx_view_keeper_tend(h->keeper, 60);
    mx_view_release(view);
    view = view_of(h);
    assert_ptr_equal(view->snapshot, before->snapshot);
    mx_view_release(view);
    for (int i = 0; i < 12; i++)
        change_things(h, FEW / 4);
    view = view_of(h);
    assert_ptr_equal(view->snapshot, before->snapshot);
    mx_view_release(view);
    mx_view_keeper_tend(h->keeper, 60);
    view = view_of(h);
    assert_ptr_not_equal(view->snapshot, before->snapshot);
    assert_int_equal(view->rows, 0);
    assert_int_equal(view->things_version, mx_snapshot_things_version(view->snapshot));
    mx_view_release(before);
    change_things(h, 20);
    mx_view_keeper_free(h->keeper);
    mx_view_release(view);
    check_ok(mx_view_keeper_new(h->shop, NULL, &h->keeper, &err), err);
    view = view_of(h);
    assert_true(view->things_version > mx_snapshot_things_version(view->snapshot));
    check_view(h, view->snapshot, true);
    /* An answer over everything waits for what it needs. */
    mx_view *whole;
    check_ok(mx_view_keeper_get(h->keeper, true, &whole, &err), err);
    assert_int_equal(whole->things_version, view->things_version);
    assert_int_equal(mx_snapshot_things_version(whole->snapshot), view->things_version);
    mx_view_release(whole);
    mx_view_release(view);
    home_free(h);
}

/* A product that models know, whose events went with their file: gone with its record. */
static void test_gone_product(void **state)
{
    home *h = home_new(34);
    merx_error err = {0};
    uint64_t appended;
    int64_t offset;
    (void)state;
    check_ok(mx_live_begin(&h->live, &err), err);
    for (uint64_t i = 0; i < 30; i++) {
        char customer[32];
        snprintf(customer, sizeof customer, "C%07d", 1 + (int)i);
        mx_event event = {.source = MX_STR("extra.csv"),
                          .row = i,
                          .time_ms = INT64_C(1735689600000) + (int64_t)i * MX_DAY_MS,
                          .kind = MX_EVENT_PURCHASE,
                          .customer = mx_str_of(customer),
                          .product = MX_STR("solo"),
                          .quantity = 1};
        check_ok(mx_live_append(&h->live, &event, 1, &appended, &err), err);
    }
    check_ok(mx_live_commit(&h->live, &offset, &err), err);
    put_product(h, "solo", "Solo", 100);
    train(h->writer, "recommend");
    train(h->writer, "next");
    check_ok(mx_records_begin(h->writer->records, &err), err);
    check_ok(mx_records_remove(h->writer->records, MX_SOURCE, MX_STR("extra.csv"), &err), err);
    check_ok(mx_shop_settings_bump(h->writer->records, &err), err);
    check_ok(mx_records_commit(h->writer->records, &err), err);
    mx_view_keeper_written(h->keeper, true);
    char *text = ask_keeper(h, "recommend", "basket=P0000001 n=40");
    assert_non_null(strstr(text, "\"Solo\""));
    free(text);
    mx_view *view = view_of(h);
    put_product(h, "solo", NULL, 0);
    check_view(h, view->snapshot, true);
    text = ask_keeper(h, "recommend", "basket=P0000001 n=40");
    assert_null(strstr(text, "\"Solo\""));
    assert_non_null(strstr(text, "\"solo\""));
    free(text);
    put_product(h, "solo", "Again", 7);
    check_view(h, view->snapshot, true);
    mx_view_release(view);
    home_free(h);
}

/* One product has three decimals: what may be the last amount that needs them, or would need more, takes a new snapshot. */
static void test_decimals(void **state)
{
    home *h = home_new(35);
    merx_error err = {0};
    (void)state;
    check_ok(mx_records_begin(h->writer->records, &err), err);
    check_ok(mx_records_rescale_money(h->writer->records, 1, &err), err);
    check_ok(mx_shop_settings_set_int(h->writer->records, MX_SETTING_DECIMALS, 3, &err), err);
    check_ok(mx_shop_settings_bump(h->writer->records, &err), err);
    check_ok(mx_records_commit(h->writer->records, &err), err);
    mx_view_keeper_written(h->keeper, true);
    mx_view *view = view_of(h);
    assert_int_equal(view->snapshot->decimals, 2);
    put_product(h, "P0000001", "Tenths", 5550);
    check_view(h, view->snapshot, true);
    put_product(h, "P0000001", "Finer", 5555);
    check_view(h, view->snapshot, false);
    mx_view_release(view);
    view = view_of(h);
    assert_int_equal(view->snapshot->decimals, 3);
    put_product(h, "P0000002", "Fine too", 1111);
    put_product(h, "P0000003", "Not", 1110);
    put_product(h, "P0000003", "Not at all", 2220);
    put_product(h, "P0000001", "Its name alone", 5555);
    check_view(h, view->snapshot, true);
    put_product(h, "P0000001", "Coarse", 5550);
    check_view(h, view->snapshot, false);
    mx_view_release(view);
    view = view_of(h);
    put_product(h, "P0000002", NULL, 0);
    check_view(h, view->snapshot, false);
    mx_view_release(view);
    home_free(h);
}

/* ---- the notes ---- */

static int64_t things_version(home *h, mx_arena *arena)
{
    merx_error err = {0};
    mx_shop_settings settings;
    check_ok(mx_shop_settings_read(h->writer->records, arena, &settings, &err), err);
    return settings.things_version;
}

static size_t changes_since(home *h, int64_t after, size_t most, mx_arena *arena, mx_change **list, bool *known)
{
    merx_error err = {0};
    size_t n;
    check_ok(mx_changes_since(h->writer->records, after, things_version(h, arena), most, arena, list, &n, known, &err),
             err);
    return n;
}

static void test_notes(void **state)
{
    home *h = home_new(36);
    merx_error err = {0};
    merx_receipt receipt;
    mx_change *list;
    mx_arena arena;
    bool known;
    (void)state;
    mx_arena_init(&arena, NULL);
    int64_t first = things_version(h, &arena);
    assert_int_equal(changes_since(h, first, 10, &arena, &list, &known), 0);
    assert_true(known);
    put_product(h, "a:1", "", 1);
    put_product(h, "5:p", "", 1);
    put_product(h, "a:1", NULL, 1);
    assert_int_equal(changes_since(h, first, 10, &arena, &list, &known), 3);
    assert_true(known);
    assert_true(mx_str_equal(list[0].id, MX_STR("a:1")) && mx_str_equal(list[1].id, MX_STR("5:p")));
    assert_true(list[2].kind == MX_PRODUCT && mx_str_equal(list[2].id, MX_STR("a:1")));
    assert_int_equal(changes_since(h, first + 2, 10, &arena, &list, &known), 1);
    changes_since(h, first, 2, &arena, &list, &known);
    assert_false(known);
    changes_since(h, first - 1, 10, &arena, &list, &known);
    assert_false(known);
    changes_since(h, first + 4, 10, &arena, &list, &known);
    assert_false(known);
    /* Old ones are forgotten. */
    check_ok(mx_records_begin(h->writer->records, &err), err);
    for (int i = 0; i < MX_CHANGES_KEPT; i++) {
        mx_change change = {MX_CUSTOMER, MX_STR("C0000001")};
        check_ok(mx_shop_settings_bump_things(h->writer->records, &change, 1, &err), err);
    }
    check_ok(mx_records_commit(h->writer->records, &err), err);
    changes_since(h, first + 2, INT32_MAX, &arena, &list, &known);
    assert_false(known);
    assert_int_equal(changes_since(h, first + 3, INT32_MAX, &arena, &list, &known), MX_CHANGES_KEPT);
    assert_true(known && list[9].kind == MX_CUSTOMER);
    /* A note that is not ours is no note. */
    char key[64];
    snprintf(key, sizeof key, "changed/%019lld", (long long)things_version(h, &arena));
    check_ok(mx_records_begin(h->writer->records, &err), err);
    check_ok(mx_records_set_setting(h->writer->records, key, "p99:short", &err), err);
    check_ok(mx_records_commit(h->writer->records, &err), err);
    changes_since(h, first + 3, INT32_MAX, &arena, &list, &known);
    assert_false(known);
    /* An erased customer is in none. */
    uint64_t before, after;
    check_ok(mx_records_count(h->writer->records, MX_SETTING, &before, &err), err);
    check_ok(merx_shop_forget(h->writer, "C0000001", NULL, &receipt, &err), err);
    merx_receipt_release(&receipt);
    check_ok(mx_records_count(h->writer->records, MX_SETTING, &after, &err), err);
    assert_true(after + MX_CHANGES_KEPT <= before + 30);
    changes_since(h, things_version(h, &arena), 1, &arena, &list, &known);
    assert_true(known);
    mx_arena_release(&arena);
    home_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next_answer), cmocka_unit_test(test_what_a_tail_cannot_say),
        cmocka_unit_test(test_background),  cmocka_unit_test(test_gone_product),
        cmocka_unit_test(test_decimals),    cmocka_unit_test(test_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
