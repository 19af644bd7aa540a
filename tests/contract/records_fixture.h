/*
 * What the contract tests of records share: a store of the driver under test in a folder of its own, calls in a transaction of their
 * own, and the run over every driver.
 */
#ifndef TESTS_RECORDS_FIXTURE_H
#define TESTS_RECORDS_FIXTURE_H

#include "contract/records_drivers.h"
#include "contract/records_dump.h"

typedef struct fixture {
    const mx_records_driver *driver;
    char folder[256];
    char address[512];
    mx_records *records;
} fixture;

static const mx_records_driver *driver_under_test;

CHECK_UNUSED static mx_records *open_again(const fixture *f, bool read_only, int busy_timeout_ms)
{
    merx_error err = {0};
    mx_records *records;
    mx_records_options options = {.read_only = read_only, .busy_timeout_ms = busy_timeout_ms};
    check_ok(mx_records_open(f->address, &options, NULL, &records, &err), err);
    return records;
}

CHECK_UNUSED static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    merx_error err = {0};
    mx_records_options options = {.create = true, .cache_bytes = 1 << 16}; /* small, so that its bounds are met */

    assert_non_null(f);
    f->driver = driver_under_test;
    check_make_folder(f->folder);
    records_address(f->driver, f->folder, "shop", f->address, sizeof f->address);
    check_ok(mx_records_open(f->address, &options, NULL, &f->records, &err), err);
    *state = f;
    return 0;
}

CHECK_UNUSED static int tear_down(void **state)
{
    fixture *f = *state;
    mx_records_close(f->records);
    check_remove_folder(f->folder);
    free(f);
    return 0;
}

CHECK_UNUSED static uint64_t append(mx_records *records, const mx_event *events, size_t n)
{
    merx_error err = {0};
    uint64_t appended;
    check_ok(mx_records_begin(records, &err), err);
    check_ok(mx_records_append(records, events, n, &appended, &err), err);
    check_ok(mx_records_commit(records, &err), err);
    return appended;
}

CHECK_UNUSED static void upsert(mx_records *records, mx_record record)
{
    merx_error err = {0};
    check_ok(mx_records_begin(records, &err), err);
    check_ok(mx_records_upsert(records, &record, 1, &err), err);
    check_ok(mx_records_commit(records, &err), err);
}

CHECK_UNUSED static uint64_t count_of(mx_records *records, mx_record_kind kind)
{
    merx_error err = {0};
    uint64_t count;
    check_ok(mx_records_count(records, kind, &count, &err), err);
    return count;
}

CHECK_UNUSED static int64_t last_offset_of(mx_records *records)
{
    merx_error err = {0};
    int64_t offset;
    check_ok(mx_records_last_offset(records, &offset, &err), err);
    return offset;
}

typedef struct offsets {
    int64_t seen[16];
    size_t count, stop_at;
} offsets;

CHECK_UNUSED static merx_status note_offset(void *context, const mx_record *record, merx_error *err)
{
    offsets *o = context;
    assert_true(o->count < 16);
    o->seen[o->count++] = record->event.offset;
    if (o->count == o->stop_at)
        MX_FAIL(err, MERX_E_CANCELLED, "", "enough");
    return MERX_OK;
}

/* A record of a kind with every field set, distinct by `salt`; texts live in the arena. */
CHECK_UNUSED static mx_record full_record(mx_record_kind kind, int salt, mx_arena *arena)
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

CHECK_UNUSED static mx_record model_of(const char *answer, int64_t version, bool live)
{
    return (mx_record){
        .kind = MX_MODEL,
        .model = {.answer = mx_str_of(answer), .version = version, .blob = MX_STR("models/x"), .live = live}};
}

/* In place of main: the tests over every driver. */
#define RECORDS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define RECORDS_RUN(tests)                                                                                             \
    int failed = 0;                                                                                                    \
    for (size_t i = 0; (driver_under_test = mx_records_driver_at(i)) != NULL; i++) {                                   \
        printf("driver %s\n", driver_under_test->name);                                                                \
        assert_int_equal(driver_under_test->version, 1);                                                               \
        if (!records_driver_usable(driver_under_test))                                                                 \
            continue;                                                                                                  \
        failed += cmocka_run_group_tests(tests, NULL, NULL);                                                           \
    }                                                                                                                  \
    return failed

#endif
