/*
 * The contract of records, over every driver: what is taken, what is refused, and what comes back. Its transactions are in
 * test_records_transactions.c; what a driver does beyond the contract is tested in tests/store.
 */
#include <math.h>

#include "contract/records_fixture.h"

/* ---- events ---- */

static void test_an_event_id_is_taken_once(void **state)
{
    fixture *f = *state;
    const mx_event events[] = {event_of("e1", "", 0, 5, "c", "p", "o"), event_of("e2", "", 0, 6, "c", "p", "o"),
                               event_of("e1", "", 0, 7, "d", "q", "r")};

    assert_int_equal(append(f->records, events, 3), 2);
    assert_int_equal(append(f->records, events, 3), 0);
    assert_int_equal(count_of(f->records, MX_EVENT), 2);
    assert_int_equal(last_offset_of(f->records), 2);
}

static void test_rows_of_a_source_are_taken_once(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    const mx_event events[] = {event_of("", "a.csv", 0, 5, "c", "p", "o"), event_of("", "a.csv", 1, 5, "c", "p", "o"),
                               event_of("", "b.csv", 4, 5, "c", "p", "o"), event_of("", "a.csv", 2, 5, "c", "p", "o"),
                               event_of("", "b.csv", 3, 5, "c", "p", "o")};
    mx_arena arena;
    mx_record source;

    assert_int_equal(append(f->records, events, 5), 4); /* the last is below the watermark of b.csv */
    assert_int_equal(append(f->records, events, 5), 0);
    mx_arena_init(&arena, NULL);
    check_ok(mx_records_get(f->records, MX_SOURCE, MX_STR("b.csv"), &arena, &source, &err), err);
    assert_int_equal(source.source.rows, 5);

    /* Refused rows move the watermark through the source's record; it never goes back. */
    source.source.rows = 9;
    source.source.refused = 4;
    upsert(f->records, source);
    mx_event late = event_of("", "b.csv", 8, 5, "c", "p", "o");
    assert_int_equal(append(f->records, &late, 1), 0);
    late.row = 9;
    assert_int_equal(append(f->records, &late, 1), 1);
    check_ok(mx_records_get(f->records, MX_SOURCE, MX_STR("b.csv"), &arena, &source, &err), err);
    assert_int_equal(source.source.rows, 10);
    assert_int_equal(source.source.refused, 4);
    source.source.rows = 3;
    check_ok(mx_records_begin(f->records, &err), err);
    check_fails(mx_records_upsert(f->records, &source, 1, &err), MERX_E_INVALID, err);
    mx_records_rollback(f->records);

    /* Removing the source takes its events along and lets its file in again. */
    check_ok(mx_records_begin(f->records, &err), err);
    check_ok(mx_records_remove(f->records, MX_SOURCE, MX_STR("b.csv"), &err), err);
    check_ok(mx_records_commit(f->records, &err), err);
    assert_int_equal(count_of(f->records, MX_EVENT), 3);
    check_fails(mx_records_get(f->records, MX_SOURCE, MX_STR("b.csv"), &arena, &source, &err), MERX_E_NOT_FOUND, err);
    late.row = 0;
    assert_int_equal(append(f->records, &late, 1), 1);
    mx_arena_release(&arena);
}

static void test_a_watermark_moves_within_the_transaction(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_event event = event_of("", "a.csv", 0, 5, "c", "p", "o");
    mx_arena arena;
    mx_record source;
    uint64_t appended;

    mx_arena_init(&arena, NULL);
    check_ok(mx_records_begin(f->records, &err), err);
    check_ok(mx_records_append(f->records, &event, 1, &appended, &err), err);
    check_ok(mx_records_get(f->records, MX_SOURCE, MX_STR("a.csv"), &arena, &source, &err), err);
    assert_int_equal(source.source.rows, 1);
    mx_records_rollback(f->records);
    check_fails(mx_records_get(f->records, MX_SOURCE, MX_STR("a.csv"), &arena, &source, &err), MERX_E_NOT_FOUND, err);
    assert_int_equal(append(f->records, &event, 1), 1);
    mx_arena_release(&arena);
}

static void test_offsets_are_never_used_again(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    const mx_event events[] = {event_of("e1", "", 0, 5, "c", "p", "o"), event_of("e2", "", 0, 6, "d", "p", "q")};
    mx_event next = event_of("e3", "", 0, 7, "c", "p", "o");
    mx_erasure erased;
    mx_arena arena;
    mx_record record;

    append(f->records, events, 2);
    check_ok(mx_records_begin(f->records, &err), err);
    check_ok(mx_records_erase_customer(f->records, MX_STR("d"), &erased, &err), err);
    check_ok(mx_records_commit(f->records, &err), err);
    assert_int_equal(last_offset_of(f->records), 2);
    mx_records_close(f->records);
    f->records = open_again(f, false, 0);
    assert_int_equal(last_offset_of(f->records), 2);
    append(f->records, &next, 1);
    mx_arena_init(&arena, NULL);
    check_ok(mx_records_get(f->records, MX_EVENT, MX_STR("e3"), &arena, &record, &err), err);
    assert_int_equal(record.event.offset, 3);
    mx_arena_release(&arena);
}

static void test_scans_in_order(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    const int64_t times[] = {50, 20, 20, 90, -7, 20};
    mx_event events[6];
    offsets o = {0};

    for (int i = 0; i < 6; i++)
        events[i] = event_of("", "s", (uint64_t)i, times[i], "c", "p", "o");
    append(f->records, events, 6);
    check_ok(mx_records_scan_events(f->records, 0, MX_BY_TIME, note_offset, &o, &err), err);
    const int64_t by_time[] = {5, 2, 3, 6, 1, 4};
    assert_int_equal(o.count, 6);
    assert_memory_equal(o.seen, by_time, sizeof by_time);

    o = (offsets){0};
    check_ok(mx_records_scan_events(f->records, 2, MX_BY_TIME, note_offset, &o, &err), err);
    const int64_t tail[] = {5, 3, 6, 4};
    assert_int_equal(o.count, 4);
    assert_memory_equal(o.seen, tail, sizeof tail);

    o = (offsets){.stop_at = 2};
    check_fails(mx_records_scan_events(f->records, 3, MX_BY_OFFSET, note_offset, &o, &err), MERX_E_CANCELLED, err);
    assert_int_equal(o.count, 2);
    assert_int_equal(o.seen[0], 4);

    o = (offsets){0}; /* the handle goes on after a scan that was ended */
    check_ok(mx_records_scan_events(f->records, 6, MX_BY_OFFSET, note_offset, &o, &err), err);
    assert_int_equal(o.count, 0);
}

/* ---- the other kinds ---- */

static void same_record(const mx_record *a, const mx_record *b)
{
    mx_text x, y;
    mx_text_init(&x, NULL, DUMP_MAX);
    mx_text_init(&y, NULL, DUMP_MAX);
    dump_record(&x, a, true);
    dump_record(&y, b, true);
    same_dump(dump_take(&x), dump_take(&y));
}

static void test_records_come_back_whole(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_arena arena;

    mx_arena_init(&arena, NULL);
    for (int kind = MX_PRODUCT; kind < MX_SETTING + 1; kind++) {
        mx_record record = full_record((mx_record_kind)kind, 7, &arena), back;
        mx_str id = *mx_field_text(&mx_record_fields((mx_record_kind)kind)->fields[0], &record);
        upsert(f->records, record);
        check_ok(mx_records_get(f->records, (mx_record_kind)kind, id, &arena, &back, &err), err);
        same_record(&back, &record);

        /* An upsert replaces all of it: an absent field is absent afterwards. */
        mx_record bare = {.kind = (mx_record_kind)kind};
        if (kind == MX_REVIEW)
            bare.review.rating = NAN;
        if (kind == MX_SOURCE)
            bare.source.rows = record.source.rows;
        *mx_field_text(&mx_record_fields((mx_record_kind)kind)->fields[0], &bare) = id;
        upsert(f->records, bare);
        check_ok(mx_records_get(f->records, (mx_record_kind)kind, id, &arena, &back, &err), err);
        same_record(&back, &bare);
        assert_int_equal(count_of(f->records, (mx_record_kind)kind), 1);

        check_ok(mx_records_begin(f->records, &err), err);
        check_ok(mx_records_remove(f->records, (mx_record_kind)kind, id, &err), err);
        check_ok(mx_records_remove(f->records, (mx_record_kind)kind, id, &err), err); /* absent is no error */
        check_ok(mx_records_commit(f->records, &err), err);
        check_fails(mx_records_get(f->records, (mx_record_kind)kind, id, &arena, &back, &err), MERX_E_NOT_FOUND, err);
        assert_int_equal(count_of(f->records, (mx_record_kind)kind), 0);
    }
    mx_arena_release(&arena);
}

static void test_events_come_back_whole(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_arena arena;
    mx_record back, record;

    mx_arena_init(&arena, NULL);
    record = full_record(MX_EVENT, 3, &arena);
    record.event.kind = MX_EVENT_RETURN;
    record.event.quantity = -4;
    append(f->records, &record.event, 1);
    check_ok(mx_records_get(f->records, MX_EVENT, record.event.id, &arena, &back, &err), err);
    record.event.offset = 1;
    same_record(&back, &record);

    mx_record bare = {.kind = MX_EVENT, .event = {.id = MX_STR("bare"), .product = MX_STR("p")}};
    append(f->records, &bare.event, 1);
    check_ok(mx_records_get(f->records, MX_EVENT, bare.event.id, &arena, &back, &err), err);
    bare.event.offset = 2;
    same_record(&back, &bare);
    assert_false(back.event.has_price);
    mx_arena_release(&arena);
}

static merx_status note_id(void *context, const mx_record *record, merx_error *err)
{
    mx_text *text = context;
    mx_text_append(text, record->product.id.data, record->product.id.size);
    mx_text_puts(text, " ");
    return mx_text_ok(text, err);
}

static void test_scans_are_by_id(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    const char *ids[] = {"b", "a", "B", "\xc3\xa9", "ab", "10", "9"};
    mx_text text;

    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        upsert(f->records, (mx_record){.kind = MX_PRODUCT, .product = {.id = mx_str_of(ids[i])}});
    mx_text_init(&text, NULL, 1000);
    check_ok(mx_records_scan(f->records, MX_PRODUCT, note_id, &text, &err), err);
    assert_string_equal(text.data, "10 9 B a ab b \xc3\xa9 ");
    mx_text_release(&text);
}

static int64_t version_of(mx_records *records, const char *id)
{
    merx_error err = {0};
    mx_arena arena;
    mx_record record = {0};
    mx_arena_init(&arena, NULL);
    merx_status status = mx_records_get(records, MX_MODEL, mx_str_of(id), &arena, &record, &err);
    int64_t version = record.model.version;
    mx_arena_release(&arena);
    if (status == MERX_E_NOT_FOUND)
        return 0;
    check_ok(status, err);
    return version;
}

static void test_models_have_versions_and_one_is_live(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    int64_t next;

    upsert(f->records, model_of("recommend", 0, true));
    upsert(f->records, model_of("recommend", 0, false));
    upsert(f->records, model_of("demand", 0, false));
    assert_int_equal(version_of(f->records, "recommend/live"), 1);
    assert_int_equal(version_of(f->records, "recommend/2"), 2);
    assert_int_equal(version_of(f->records, "demand/1"), 1);
    assert_int_equal(version_of(f->records, "demand/live"), 0);
    upsert(f->records, model_of("recommend", 2, true));
    assert_int_equal(version_of(f->records, "recommend/live"), 2);
    upsert(f->records, model_of("recommend", 2, false));
    assert_int_equal(version_of(f->records, "recommend/live"), 0);

    check_ok(mx_records_begin(f->records, &err), err);
    check_ok(mx_records_remove(f->records, MX_MODEL, MX_STR("recommend/2"), &err), err);
    check_fails(mx_records_remove(f->records, MX_MODEL, MX_STR("recommend/live"), &err), MERX_E_INVALID, err);
    mx_records_rollback(f->records);
    check_ok(mx_records_begin(f->records, &err), err);
    check_ok(mx_records_remove(f->records, MX_MODEL, MX_STR("recommend/2"), &err), err);
    check_ok(mx_records_next_version(f->records, "recommend", &next, &err), err);
    check_ok(mx_records_commit(f->records, &err), err);
    assert_int_equal(next, 3); /* a version is not given twice */
    upsert(f->records, model_of("recommend", 0, false));
    assert_int_equal(version_of(f->records, "recommend/3"), 3);
    assert_int_equal(version_of(f->records, "recommend/2"), 0);
    mx_arena arena;
    mx_record record;
    mx_arena_init(&arena, NULL);
    check_fails(mx_records_get(f->records, MX_MODEL, MX_STR("recommend"), &arena, &record, &err), MERX_E_INVALID, err);
    mx_arena_release(&arena);
}

static void test_settings(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_arena arena;
    const char *value;

    mx_arena_init(&arena, NULL);
    check_ok(mx_records_setting(f->records, "decimals", &arena, &value, &err), err);
    assert_string_equal(value, "");
    check_ok(mx_records_begin(f->records, &err), err);
    check_ok(mx_records_set_setting(f->records, "decimals", "3", &err), err);
    check_ok(mx_records_setting(f->records, "decimals", &arena, &value, &err), err);
    assert_string_equal(value, "3");
    check_ok(mx_records_set_setting(f->records, "decimals", "", &err), err);
    check_ok(mx_records_commit(f->records, &err), err);
    check_ok(mx_records_setting(f->records, "decimals", &arena, &value, &err), err);
    assert_string_equal(value, "");
    mx_arena_release(&arena);
}

static void test_money_gets_more_decimals(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_event events[] = {event_of("a", "", 0, 1, "c", "p", "o"), event_of("b", "", 0, 1, "c", "p", "o")};
    mx_arena arena;
    mx_record back;

    events[1].has_price = false;
    events[1].price_minor = 0;
    append(f->records, events, 2);
    upsert(f->records,
           (mx_record){.kind = MX_PRODUCT, .product = {.id = MX_STR("p"), .price_minor = -7, .has_price = true}});
    check_ok(mx_records_begin(f->records, &err), err);
    check_ok(mx_records_rescale_money(f->records, 3, &err), err);
    check_ok(mx_records_commit(f->records, &err), err);
    mx_arena_init(&arena, NULL);
    check_ok(mx_records_get(f->records, MX_EVENT, MX_STR("a"), &arena, &back, &err), err);
    assert_int_equal(back.event.price_minor, 250000);
    check_ok(mx_records_get(f->records, MX_EVENT, MX_STR("b"), &arena, &back, &err), err);
    assert_false(back.event.has_price);
    check_ok(mx_records_get(f->records, MX_PRODUCT, MX_STR("p"), &arena, &back, &err), err);
    assert_int_equal(back.product.price_minor, -7000);

    events[0].id = MX_STR("large");
    events[0].price_minor = MX_MONEY_MAX / 5;
    append(f->records, events, 1);
    char *before = dump_store(f->records, true);
    check_ok(mx_records_begin(f->records, &err), err);
    check_fails(mx_records_rescale_money(f->records, 1, &err), MERX_E_RANGE, err);
    mx_records_rollback(f->records);
    same_dump(dump_store(f->records, true), before);
    mx_arena_release(&arena);
}

/* ---- refusals ---- */

static void refused_event(mx_records *records, mx_event event, merx_status code, const char *words)
{
    merx_error err = {0};
    const mx_event batch[] = {event_of("fine", "", 0, 1, "c", "p", "o"), event};
    merx_status status = mx_records_append(records, batch, 2, NULL, &err);
    if (status != code)
        check_die(__FILE__, __LINE__, "%s gave %s, expected %s", words, merx_status_name(status),
                  merx_status_name(code));
    check_contains(err.message, words);
    check_contains(err.where, "event 1");
}

static void test_bad_records_are_refused(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    const mx_event good = event_of("e", "", 0, 1, "c", "p", "o");
    static char large[5000];
    mx_event bad;

    memset(large, 'x', sizeof large);
    char *before = dump_store(f->records, true);
    check_ok(mx_records_begin(f->records, &err), err);
    bad = good, bad.id = MX_STR("");
    refused_event(f->records, bad, MERX_E_INVALID, "needs an id, or a source");
    bad = good, bad.product = MX_STR("");
    refused_event(f->records, bad, MERX_E_INVALID, "product is missing");
    bad = good, bad.customer = (mx_str){large, MX_ID_MAX + 1};
    refused_event(f->records, bad, MERX_E_LIMIT, "customer is 256 bytes long");
    bad = good, bad.title = (mx_str){large, MX_NAME_MAX + 1};
    refused_event(f->records, bad, MERX_E_LIMIT, "title is 4097 bytes long");
    bad = good, bad.order = MX_STR("a\xff");
    refused_event(f->records, bad, MERX_E_INVALID, "order is not valid UTF-8 (byte 1)");
    bad = good, bad.session = MX_STR("a\0b");
    refused_event(f->records, bad, MERX_E_INVALID, "session holds a zero byte");
    bad = good, bad.quantity = MX_QUANTITY_MAX + 1;
    refused_event(f->records, bad, MERX_E_RANGE, "quantity is 1000000001");
    bad = good, bad.price_minor = -MX_MONEY_MAX - 1;
    refused_event(f->records, bad, MERX_E_RANGE, "price_minor");
    bad = good, bad.time_ms = INT64_MAX;
    refused_event(f->records, bad, MERX_E_RANGE, "time_ms");
    bad = good, bad.kind = MX_EVENT_KINDS;
    refused_event(f->records, bad, MERX_E_RANGE, "kind");
    bad = good, bad.row = UINT64_MAX;
    refused_event(f->records, bad, MERX_E_RANGE, "row");
    mx_record product = {.kind = MX_PRODUCT};
    check_fails(mx_records_upsert(f->records, &product, 1, &err), MERX_E_INVALID, err);
    product.kind = MX_RECORD_KINDS;
    check_fails(mx_records_upsert(f->records, &product, 1, &err), MERX_E_INVALID, err);
    mx_record review = {.kind = MX_REVIEW, .review = {.id = MX_STR("r"), .rating = INFINITY}};
    check_fails(mx_records_upsert(f->records, &review, 1, &err), MERX_E_RANGE, err);
    mx_record model = model_of("a/b", 0, false);
    check_fails(mx_records_upsert(f->records, &model, 1, &err), MERX_E_INVALID, err);
    check_ok(mx_records_commit(f->records, &err), err); /* checks change nothing: the transaction went on */
    same_dump(dump_store(f->records, true), before);

    bad = good; /* and at the limits all is taken */
    bad.title = (mx_str){large, MX_NAME_MAX};
    bad.customer = (mx_str){large, MX_ID_MAX};
    bad.quantity = -MX_QUANTITY_MAX;
    bad.price_minor = MX_MONEY_MAX;
    assert_int_equal(append(f->records, &bad, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECORDS_TEST(test_an_event_id_is_taken_once),
        RECORDS_TEST(test_rows_of_a_source_are_taken_once),
        RECORDS_TEST(test_a_watermark_moves_within_the_transaction),
        RECORDS_TEST(test_offsets_are_never_used_again),
        RECORDS_TEST(test_scans_in_order),
        RECORDS_TEST(test_records_come_back_whole),
        RECORDS_TEST(test_events_come_back_whole),
        RECORDS_TEST(test_scans_are_by_id),
        RECORDS_TEST(test_models_have_versions_and_one_is_live),
        RECORDS_TEST(test_settings),
        RECORDS_TEST(test_money_gets_more_decimals),
        RECORDS_TEST(test_bad_records_are_refused),
    };
    RECORDS_RUN(tests);
}
