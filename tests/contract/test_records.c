/*
 * The contract of records, over every driver and over fault(driver). What a driver does beyond it is tested in tests/store.
 */
#include <math.h>

#include "contract/records_dump.h"

typedef struct fixture {
    const mx_records_driver *driver;
    char folder[256];
    char address[320];
    mx_records *records;
} fixture;

static const mx_records_driver *driver_under_test;

static mx_records *open_again(const fixture *f, bool read_only, int busy_timeout_ms)
{
    merx_error err = {0};
    mx_records *records;
    mx_records_options options = {.read_only = read_only, .busy_timeout_ms = busy_timeout_ms};
    check_ok(mx_records_open(f->address, &options, NULL, &records, &err), err);
    return records;
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    merx_error err = {0};
    mx_records_options options = {.create = true, .cache_bytes = 1 << 16}; /* small, so that its bounds are met */

    assert_non_null(f);
    f->driver = driver_under_test;
    check_make_folder(f->folder);
    snprintf(f->address, sizeof f->address, "%s:%s/shop.db", f->driver->name, f->folder);
    check_ok(mx_records_open(f->address, &options, NULL, &f->records, &err), err);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    mx_records_close(f->records);
    check_remove_folder(f->folder);
    free(f);
    return 0;
}

static uint64_t append(mx_records *records, const mx_event *events, size_t n)
{
    merx_error err = {0};
    uint64_t appended;
    check_ok(mx_records_begin(records, &err), err);
    check_ok(mx_records_append(records, events, n, &appended, &err), err);
    check_ok(mx_records_commit(records, &err), err);
    return appended;
}

static void upsert(mx_records *records, mx_record record)
{
    merx_error err = {0};
    check_ok(mx_records_begin(records, &err), err);
    check_ok(mx_records_upsert(records, &record, 1, &err), err);
    check_ok(mx_records_commit(records, &err), err);
}

static uint64_t count_of(mx_records *records, mx_record_kind kind)
{
    merx_error err = {0};
    uint64_t count;
    check_ok(mx_records_count(records, kind, &count, &err), err);
    return count;
}

static int64_t last_offset_of(mx_records *records)
{
    merx_error err = {0};
    int64_t offset;
    check_ok(mx_records_last_offset(records, &offset, &err), err);
    return offset;
}

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

typedef struct offsets {
    int64_t seen[16];
    size_t count, stop_at;
} offsets;

static merx_status note_offset(void *context, const mx_record *record, merx_error *err)
{
    offsets *o = context;
    assert_true(o->count < 16);
    o->seen[o->count++] = record->event.offset;
    if (o->count == o->stop_at)
        MX_FAIL(err, MERX_E_CANCELLED, "", "enough");
    return MERX_OK;
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

/* A record of a kind with every field set, distinct by `salt`; texts live in the arena. */
static mx_record full_record(mx_record_kind kind, int salt, mx_arena *arena)
{
    const mx_fields *fields = mx_record_fields(kind);
    mx_record record = {.kind = kind};

    for (size_t i = 0; i < fields->count; i++) {
        const mx_field *field = &fields->fields[i];
        if (field->type == MX_FIELD_TEXT)
            *mx_field_text(field, &record) =
                mx_str_of(mx_arena_printf(arena, NULL, "%s %d \xe4\xb8\xad\xe6\x96\x87", field->name, salt));
        else if (field->type == MX_FIELD_REAL)
            mx_field_set_real(field, &record, salt + 0.1);
        else if (field->type == MX_FIELD_BOOL)
            mx_field_set_int(field, &record, true, salt & 1);
        else if (field->type == MX_FIELD_INT)
            mx_field_set_int(field, &record, true, salt * 1000 + (int64_t)i);
    }
    return record;
}

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

static mx_record model_of(const char *answer, int64_t version, bool live)
{
    return (mx_record){
        .kind = MX_MODEL,
        .model = {.answer = mx_str_of(answer), .version = version, .blob = MX_STR("models/x"), .live = live}};
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
    char address[400];
    snprintf(address, sizeof address, "%s/none.db", f->folder);
    check_fails(mx_records_open(address, NULL, NULL, &none, &err), MERX_E_NOT_FOUND, err);
    assert_null(none);
    mx_records_close(NULL);
}

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

    snprintf(other.address, sizeof other.address, "%s:%s/other.db", f->driver->name, f->folder);
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
    char address[400];
    snprintf(address, sizeof address, "%s:%s/plain.db", f->driver->name, f->folder);
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
        snprintf(address, sizeof address, "%s:%s/fault%lld.db", f->driver->name, f->folder, (long long)k);
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
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(test_an_event_id_is_taken_once),
        T(test_rows_of_a_source_are_taken_once),
        T(test_a_watermark_moves_within_the_transaction),
        T(test_offsets_are_never_used_again),
        T(test_scans_in_order),
        T(test_records_come_back_whole),
        T(test_events_come_back_whole),
        T(test_scans_are_by_id),
        T(test_models_have_versions_and_one_is_live),
        T(test_settings),
        T(test_money_gets_more_decimals),
        T(test_others_see_commits_only),
        T(test_two_writers_take_turns),
        T(test_rollback_leaves_nothing),
        T(test_wrong_use_is_refused),
        T(test_bad_records_are_refused),
        T(test_erasing_leaves_what_there_was_without),
        T(test_a_transaction_with_a_failed_write_cannot_be_committed),
        T(test_every_call_failing_leaves_a_state_before_or_after),
    };
    int failed = 0;

    for (size_t i = 0; (driver_under_test = mx_records_driver_at(i)) != NULL; i++) {
        printf("driver %s\n", driver_under_test->name);
        assert_int_equal(driver_under_test->version, 1);
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed;
}
