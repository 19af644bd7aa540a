/*
 * The contract of records, over every driver and over fault(driver): transactions, erasing, and any call failing.
 */
#include "contract/records_fixture.h"

/* ---- transactions ---- */

static void test_others_see_commits_only(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_event event = event_of("e", "", 0, 1, "c", "p", "o");
    mx_records *reader = open_again(f, true, 50), *writer = open_again(f, false, 50);

    check_ok(mx_records_begin(f->records, &err), err);
    check_ok(mx_records_append(f->records, &event, 1, NULL, &err), err);
    assert_int_equal(count_of(f->records, MX_EVENT), 1);
    assert_int_equal(count_of(reader, MX_EVENT), 0); /* and is not blocked */
    check_fails(mx_records_begin(writer, &err), MERX_E_BUSY, err);
    check_ok(mx_records_commit(f->records, &err), err);
    assert_int_equal(count_of(reader, MX_EVENT), 1);

    /* A reader that began keeps its state. */
    check_ok(mx_records_begin(reader, &err), err);
    assert_int_equal(last_offset_of(reader), 1);
    event.id = MX_STR("f");
    assert_int_equal(append(writer, &event, 1), 1);
    assert_int_equal(count_of(reader, MX_EVENT), 1);
    assert_int_equal(last_offset_of(reader), 1);
    check_ok(mx_records_commit(reader, &err), err);
    assert_int_equal(count_of(reader, MX_EVENT), 2);

    check_ok(mx_records_begin(reader, &err), err);
    check_fails(mx_records_append(reader, &event, 1, NULL, &err), MERX_E_PERMISSION, err);
    mx_records_rollback(reader);
    check_fails(mx_records_compact(reader, &err), MERX_E_PERMISSION, err);
    mx_records_close(reader);
    mx_records_close(writer);
}

/* What a writer remembers must not outlive what another writer erased. */
static void test_two_writers_take_turns(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_records *other = open_again(f, false, 50);
    mx_event event = event_of("", "s", 0, 1, "c1", "p1", "o1");

    assert_int_equal(append(f->records, &event, 1), 1);
    check_ok(mx_records_begin(other, &err), err);
    check_ok(mx_records_erase_customer(other, MX_STR("c1"), NULL, &err), err);
    check_ok(mx_records_commit(other, &err), err);
    event.row = 1;
    event.customer = MX_STR("c2");
    assert_int_equal(append(other, &event, 1), 1);
    event.row = 2;
    event.customer = MX_STR("c1");
    assert_int_equal(append(f->records, &event, 1), 1);
    event.row = 1;
    assert_int_equal(append(f->records, &event, 1), 0);
    char *here = dump_store(f->records, true);
    check_contains(here, "\"c2\"");
    check_contains(here, "\"c1\"");
    same_dump(here, dump_store(other, true));
    mx_records_close(other);
}

static void test_rollback_leaves_nothing(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_event event = event_of("", "s", 0, 9, "c1", "p1", "o1");
    mx_arena arena;

    append(f->records, &event, 1);
    char *before = dump_store(f->records, true);
    mx_arena_init(&arena, NULL);
    check_ok(mx_records_begin(f->records, &err), err);
    event = event_of("", "s", 1, 3, "c2", "p2", "o2");
    check_ok(mx_records_append(f->records, &event, 1, NULL, &err), err);
    for (int kind = MX_PRODUCT; kind < MX_RECORD_KINDS; kind++) {
        mx_record record = full_record((mx_record_kind)kind, 1, &arena);
        check_ok(mx_records_upsert(f->records, &record, 1, &err), err);
    }
    check_ok(mx_records_erase_customer(f->records, MX_STR("c1"), NULL, &err), err);
    mx_records_rollback(f->records);
    same_dump(dump_store(f->records, true), before);

    /* Names made in the transaction are made anew, not remembered. */
    event.time_ms = 10;
    append(f->records, &event, 1);
    char *after = dump_store(f->records, true);
    check_contains(after, "\"c2\"");
    check_contains(after, "#2");
    free(after);
    mx_arena_release(&arena);
}

static merx_status use_again(void *context, const mx_record *record, merx_error *err)
{
    (void)record;
    return mx_records_begin(context, err);
}

static void test_wrong_use_is_refused(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_event event = event_of("e", "", 0, 1, "c", "p", "o");
    mx_record record = {.kind = MX_EVENT, .event = event};
    int64_t version;

    check_fails(mx_records_append(f->records, &event, 1, NULL, &err), MERX_E_INVALID, err);
    check_fails(mx_records_commit(f->records, &err), MERX_E_INVALID, err);
    mx_records_rollback(f->records);
    append(f->records, &event, 1);
    check_fails(mx_records_scan(f->records, MX_EVENT, use_again, f->records, &err), MERX_E_INVALID, err);
    check_fails(mx_records_scan(f->records, MX_RECORD_KINDS, note_offset, NULL, &err), MERX_E_INVALID, err);
    check_fails(mx_records_next_version(f->records, "", &version, &err), MERX_E_INVALID, err);
    check_ok(mx_records_begin(f->records, &err), err);
    check_fails(mx_records_begin(f->records, &err), MERX_E_INVALID, err);
    check_fails(mx_records_compact(f->records, &err), MERX_E_INVALID, err);
    check_fails(mx_records_upsert(f->records, &record, 1, &err), MERX_E_INVALID, err);
    check_fails(mx_records_remove(f->records, MX_EVENT, MX_STR("e"), &err), MERX_E_UNSUPPORTED, err);
    check_fails(mx_records_remove(f->records, MX_PRODUCT, MX_STR(""), &err), MERX_E_INVALID, err);
    check_fails(mx_records_rescale_money(f->records, -1, &err), MERX_E_RANGE, err);
    check_fails(mx_records_erase_customer(f->records, MX_STR(""), NULL, &err), MERX_E_INVALID, err);
    check_ok(mx_records_commit(f->records, &err), err);

    mx_records *none;
    mx_records_options options = {.read_only = true, .create = true};
    check_fails(mx_records_open(f->address, &options, NULL, &none, &err), MERX_E_INVALID, err);
    check_fails(mx_records_open("", NULL, NULL, &none, &err), MERX_E_INVALID, err);
    check_fails(mx_records_open("redis://localhost", NULL, NULL, &none, &err), MERX_E_UNSUPPORTED, err);
    char address[512];
    records_address(f->driver, f->folder, "none", address, sizeof address);
    check_fails(mx_records_open(address, NULL, NULL, &none, &err), MERX_E_NOT_FOUND, err);
    assert_null(none);
    mx_records_close(NULL);
}

/* ---- erasing ---- */

/* A small shop, with or without customer "ann" and what is hers alone. */
static void fill_shop(mx_records *records, bool with_ann)
{
    merx_error err = {0};
    /* Rows 2, 4 and 7 name ann; row 8 is in an order whose record is hers; row 9 is in her session but not hers. */
    const char *const rows[][6] = {
        {"bob", "p1", "o1", "s1", "Tea", "France"},      {"", "p2", "o2", "", "Cup", "France"},
        {"ann", "p1", "o3", "s2", "Tea", "Iceland"},     {"bob", "p3", "o4", "", "Pot", "France"},
        {"ann", "p9", "o3", "", "Only ann's", "France"}, {"", "p2", "o5", "s1", "Cup", ""},
        {"cat", "p1", "o6", "", "Tea", "Spain"},         {"ann", "p1", "o7", "s3", "Tea", "France"},
        {"", "p1", "o8", "", "Tea", "France"},           {"", "p1", "", "s3", "Tea", "France"},
    };
    static const bool anns[] = {0, 0, 1, 0, 1, 0, 0, 1, 1, 0};

    check_ok(mx_records_begin(records, &err), err);
    for (uint64_t i = 0; i < 10; i++) {
        if (anns[i] && !with_ann)
            continue;
        mx_event event = event_of("", "shop.csv", i, 1000 - (int64_t)i, rows[i][0], rows[i][1], rows[i][2]);
        event.session = mx_str_of(rows[i][3]);
        event.title = mx_str_of(rows[i][4]);
        event.country = mx_str_of(rows[i][5]);
        check_ok(mx_records_append(records, &event, 1, NULL, &err), err);
    }
    const mx_record shared[] = {
        {.kind = MX_SOURCE, .source = {.name = MX_STR("shop.csv"), .rows = 10}},
        {.kind = MX_CUSTOMER, .customer = {.id = MX_STR("bob")}},
        {.kind = MX_ORDER, .order = {.id = MX_STR("o1"), .customer = MX_STR("bob")}},
        {.kind = MX_ORDER, .order = {.id = MX_STR("o2")}},
        {.kind = MX_ORDER, .order = {.id = MX_STR("unseen")}},
        {.kind = MX_MESSAGE, .message = {.id = MX_STR("m1"), .customer = MX_STR("bob"), .text = MX_STR("hello ann")}},
        {.kind = MX_REVIEW, .review = {.id = MX_STR("r1"), .product = MX_STR("p1"), .rating = 4}},
        {.kind = MX_PRODUCT, .product = {.id = MX_STR("p9")}},
        {.kind = MX_MODEL, .model = {.answer = MX_STR("recommend"), .version = 1, .live = true}},
        {.kind = MX_SETTING, .setting = {.key = MX_STR("ann"), .value = MX_STR("1")}},
    };
    const mx_record hers[] = {
        {.kind = MX_CUSTOMER, .customer = {.id = MX_STR("ann"), .country = MX_STR("Iceland")}},
        {.kind = MX_ORDER, .order = {.id = MX_STR("o3")}}, /* names nobody, but only her rows name it */
        {.kind = MX_ORDER, .order = {.id = MX_STR("o8"), .customer = MX_STR("ann")}},
        {.kind = MX_MESSAGE, .message = {.id = MX_STR("m2"), .customer = MX_STR("ann"), .text = MX_STR("where?")}},
        {.kind = MX_REVIEW, .review = {.id = MX_STR("r2"), .customer = MX_STR("ann"), .rating = 1}},
        {.kind = MX_REVIEW, .review = {.id = MX_STR("r3"), .customer = MX_STR("ann"), .rating = 2}},
    };
    check_ok(mx_records_upsert(records, shared, sizeof shared / sizeof *shared, &err), err);
    if (with_ann)
        check_ok(mx_records_upsert(records, hers, sizeof hers / sizeof *hers, &err), err);
    check_ok(mx_records_commit(records, &err), err);
}

static void test_erasing_leaves_what_there_was_without(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_erasure erased;
    fixture other = *f;

    records_address(f->driver, f->folder, "other", other.address, sizeof other.address);
    mx_records_options options = {.create = true};
    check_ok(mx_records_open(other.address, &options, NULL, &other.records, &err), err);
    fill_shop(other.records, false);
    fill_shop(f->records, true);
    check_ok(mx_records_begin(f->records, &err), err);
    check_ok(mx_records_erase_customer(f->records, MX_STR("ann"), &erased, &err), err);
    check_ok(mx_records_commit(f->records, &err), err);
    check_ok(mx_records_compact(f->records, &err), err);
    assert_int_equal(erased.events, 4);
    assert_int_equal(erased.orders, 2);
    assert_int_equal(erased.messages, 1);
    assert_int_equal(erased.reviews, 2);
    assert_int_equal(erased.customers, 1);
    same_dump(dump_store(f->records, false), dump_store(other.records, false));

    char *before = dump_store(f->records, true);
    check_ok(mx_records_begin(f->records, &err), err);
    check_ok(mx_records_erase_customer(f->records, MX_STR("nobody"), &erased, &err), err);
    check_ok(mx_records_commit(f->records, &err), err);
    assert_int_equal(erased.events + erased.orders + erased.messages + erased.reviews + erased.customers, 0);
    same_dump(dump_store(f->records, true), before);
    mx_records_close(other.records);
}

/* ---- fault(driver) ---- */

static merx_status count_record(void *context, const mx_record *record, merx_error *err)
{
    (void)record;
    (void)err;
    ++*(uint64_t *)context;
    return MERX_OK;
}

/* Two transactions; ends at the first failure as a careful caller does. */
static merx_status scenario(mx_records *records, merx_error *err)
{
    mx_event events[] = {event_of("", "s", 0, 5, "c1", "p1", "o1"), event_of("", "s", 1, 4, "c2", "p2", "o2"),
                         event_of("x", "", 0, 3, "c1", "p3", "o3")};
    mx_record product = {.kind = MX_PRODUCT, .product = {.id = MX_STR("p1"), .price_minor = 3, .has_price = true}};
    mx_record model = model_of("recommend", 0, true);
    mx_arena arena;
    const char *value;
    int64_t offset, version;
    uint64_t count;
    offsets o = {0};
    merx_status status;

    mx_arena_init(&arena, NULL);
    MX_TRY_GOTO(mx_records_begin(records, err));
    MX_TRY_GOTO(mx_records_append(records, events, 3, NULL, err));
    MX_TRY_GOTO(mx_records_upsert(records, &product, 1, err));
    MX_TRY_GOTO(mx_records_set_setting(records, "decimals", "2", err));
    MX_TRY_GOTO(mx_records_commit(records, err));
    MX_TRY_GOTO(mx_records_setting(records, "decimals", &arena, &value, err));
    MX_TRY_GOTO(mx_records_last_offset(records, &offset, err));
    MX_TRY_GOTO(mx_records_begin(records, err));
    MX_TRY_GOTO(mx_records_rescale_money(records, 1, err));
    MX_TRY_GOTO(mx_records_erase_customer(records, MX_STR("c1"), NULL, err));
    MX_TRY_GOTO(mx_records_next_version(records, "recommend", &version, err));
    MX_TRY_GOTO(mx_records_upsert(records, &model, 1, err));
    MX_TRY_GOTO(mx_records_remove(records, MX_SETTING, MX_STR("decimals"), err));
    MX_TRY_GOTO(mx_records_commit(records, err));
    MX_TRY_GOTO(mx_records_compact(records, err));
    MX_TRY_GOTO(mx_records_count(records, MX_EVENT, &count, err));
    MX_TRY_GOTO(mx_records_scan_events(records, 0, MX_BY_TIME, note_offset, &o, err));
    MX_TRY_GOTO(mx_records_scan(records, MX_MODEL, count_record, &count, err));
out:
    mx_records_rollback(records);
    mx_arena_release(&arena);
    return status;
}

static void test_every_call_failing_leaves_a_state_before_or_after(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    char *states[3];
    int64_t calls = 0;
    bool failed = true;

    /* The states that may be seen: none, after the first transaction, after the second. */
    mx_records_options options = {.create = true};
    char address[512], name[32];
    records_address(f->driver, f->folder, "plain", address, sizeof address);
    mx_records *plain;
    check_ok(mx_records_open(address, &options, NULL, &plain, &err), err);
    states[0] = dump_store(plain, true);
    check_ok(mx_records_fault_wrap(plain, 7, MERX_E_IO, &plain, &err), err); /* the second begin */
    check_fails(scenario(plain, &err), MERX_E_IO, err);
    assert_int_equal(mx_records_fault_calls(plain), 8);
    states[1] = dump_store(plain, true);
    mx_records_close(plain);
    check_ok(scenario(f->records, &err), err);
    states[2] = dump_store(f->records, true);
    assert_int_equal(mx_records_fault_calls(f->records), -1);
    assert_true(strcmp(states[0], states[1]) != 0 && strcmp(states[1], states[2]) != 0);

    for (int64_t k = 0; failed; k++) {
        mx_records *faulty;
        snprintf(name, sizeof name, "fault%lld", (long long)k);
        records_address(f->driver, f->folder, name, address, sizeof address);
        check_ok(mx_records_open(address, &options, NULL, &faulty, &err), err);
        check_ok(mx_records_fault_wrap(faulty, k, MERX_E_NO_SPACE, &faulty, &err), err);
        assert_string_equal(mx_records_driver_name(faulty), "fault");
        merx_status status = scenario(faulty, &err);
        calls = mx_records_fault_calls(faulty);
        failed = calls > k;
        if (failed)
            check_status_at(status, MERX_E_NO_SPACE, &err, "the scenario", __FILE__, __LINE__);
        merx_error_clear(&err);
        mx_records_close(faulty);
        mx_records *again;
        check_ok(mx_records_open(address, NULL, NULL, &again, &err), err);
        char *now = dump_store(again, true);
        /* The first commit is call 4, the second call 13. */
        const char *want = !failed || k > 13 ? states[2] : k > 4 ? states[1] : states[0];
        if (strcmp(now, want) != 0)
            check_die(__FILE__, __LINE__, "after call %lld failed the store holds\n%s\nnot\n%s", (long long)k, now,
                      want);
        free(now);
        check_ok(status == MERX_OK ? MERX_OK : mx_records_begin(again, &err), err); /* and it can be written again */
        mx_records_close(again);
    }
    assert_true(calls > 15);
    for (int i = 0; i < 3; i++)
        free(states[i]);
}

static void test_a_transaction_with_a_failed_write_cannot_be_committed(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_event event = event_of("e", "", 0, 1, "c", "p", "o");
    uint64_t count;

    check_ok(mx_records_fault_wrap(f->records, 2, MERX_E_IO, &f->records, &err), err);
    check_ok(mx_records_begin(f->records, &err), err);
    check_ok(mx_records_append(f->records, &event, 1, NULL, &err), err);
    event.id = MX_STR("f");
    check_fails(mx_records_append(f->records, &event, 1, NULL, &err), MERX_E_IO, err);
    check_fails(mx_records_append(f->records, &event, 1, NULL, &err), MERX_E_INVALID, err);
    check_fails(mx_records_count(f->records, MX_EVENT, &count, &err), MERX_E_INVALID, err);
    check_fails(mx_records_commit(f->records, &err), MERX_E_INVALID, err);
    assert_int_equal(count_of(f->records, MX_EVENT), 0); /* it was rolled back, and the handle goes on */
    assert_int_equal(append(f->records, &event, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECORDS_TEST(test_others_see_commits_only),
        RECORDS_TEST(test_two_writers_take_turns),
        RECORDS_TEST(test_rollback_leaves_nothing),
        RECORDS_TEST(test_wrong_use_is_refused),
        RECORDS_TEST(test_erasing_leaves_what_there_was_without),
        RECORDS_TEST(test_a_transaction_with_a_failed_write_cannot_be_committed),
        RECORDS_TEST(test_every_call_failing_leaves_a_state_before_or_after),
    };
    RECORDS_RUN(tests);
}
