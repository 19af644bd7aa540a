/*
 * What the contract says of ids and offsets when there are many, and of hearing of others: over every driver. Random operations by two handles against a list that
 * is too simple to be wrong; the seed is printed: MERX_SEED=n runs that one again.
 */
#include <inttypes.h>

#include "base/clock.h"
#include "base/random.h"
#include "contract/records_fixture.h"

enum { IDS = 24000, BATCH = 160, CUSTOMERS = 24, ROUNDS = 260 };

typedef struct known_id {
    char text[48];
    int customer;
    bool present;
} known_id;

typedef struct id_list {
    known_id ids[IDS];
    size_t count, present;
    mx_random dice;
} id_list;

/* A new id: mostly a UUID, else another text, some of them nearly a UUID. */
static known_id *new_id(id_list *list)
{
    known_id *id = &list->ids[list->count++];
    uint64_t a = mx_random_u64(&list->dice), b = mx_random_u64(&list->dice);

    *id = (known_id){.customer = (int)mx_random_below(&list->dice, CUSTOMERS)};
    snprintf(id->text, sizeof id->text, "%08x-%04x-4%03x-a%03x-%012llx", (unsigned)(a >> 32),
             (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff), (unsigned)(b >> 48 & 0xfff),
             (unsigned long long)(b & 0xffffffffffff));
    if (a % 5 == 0)
        id->text[a % 36] = "AF-g"[b % 4];
    if (a % 7 == 0)
        snprintf(id->text, sizeof id->text, "order %zu \xe8\x8c\xb6", list->count);
    return id;
}

/* A batch of new, known and erased ids, some twice; which of them are to be taken. */
static size_t make_batch(id_list *list, mx_event *events, known_id **of, size_t *fresh)
{
    size_t n = 1 + mx_random_below(&list->dice, BATCH);

    *fresh = 0;
    for (size_t i = 0; i < n; i++) {
        bool old = list->count > 0 && (list->count == IDS || mx_random_below(&list->dice, 4) == 0);
        of[i] = old ? &list->ids[mx_random_below(&list->dice, list->count)] : new_id(list);
        static char names[CUSTOMERS][8];
        snprintf(names[of[i]->customer], sizeof names[0], "c%d", of[i]->customer);
        events[i] = event_of(of[i]->text, "", 0, (int64_t)i, names[of[i]->customer], "p", "");
        bool twice = false;
        for (size_t j = 0; j < i && !twice; j++)
            twice = of[j] == of[i];
        *fresh += !of[i]->present && !twice;
    }
    return n;
}

static void note_present(id_list *list, known_id *const *of, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        list->present += !of[i]->present;
        of[i]->present = true;
    }
}

static void do_append(id_list *list, mx_records *records)
{
    merx_error err = {0};
    mx_event events[BATCH];
    known_id *of[BATCH];
    size_t fresh, n = make_batch(list, events, of, &fresh);
    uint64_t appended;

    check_ok(mx_records_begin(records, &err), err);
    check_ok(mx_records_append(records, events, n, &appended, &err), err);
    assert_int_equal(appended, fresh);
    if (mx_random_below(&list->dice, 8) == 0) {
        mx_records_rollback(records);
        return;
    }
    check_ok(mx_records_commit(records, &err), err);
    note_present(list, of, n);
}

static void do_erase(id_list *list, mx_records *records)
{
    merx_error err = {0};
    mx_erasure erased;
    char name[8];
    uint64_t gone = 0;
    int customer = (int)mx_random_below(&list->dice, CUSTOMERS);
    bool keep = mx_random_below(&list->dice, 4) == 0;

    snprintf(name, sizeof name, "c%d", customer);
    check_ok(mx_records_begin(records, &err), err);
    check_ok(mx_records_erase_customer(records, mx_str_of(name), &erased, &err), err);
    for (size_t i = 0; i < list->count; i++)
        if (list->ids[i].customer == customer && list->ids[i].present) {
            gone++;
            list->ids[i].present = keep;
        }
    assert_int_equal(erased.events, gone);
    if (keep) {
        mx_records_rollback(records);
        return;
    }
    list->present -= gone;
    check_ok(mx_records_commit(records, &err), err);
}

/* One known id, read by its name. */
static void do_get(id_list *list, mx_records *records)
{
    merx_error err = {0};
    mx_arena arena;
    mx_record found;
    const known_id *id = &list->ids[mx_random_below(&list->dice, list->count)];

    mx_arena_init(&arena, NULL);
    merx_status status = mx_records_get(records, MX_EVENT, mx_str_of(id->text), &arena, &found, &err);
    if (status != (id->present ? MERX_OK : MERX_E_NOT_FOUND))
        check_die(__FILE__, __LINE__, "\"%s\" is %s: %s", id->text, id->present ? "there" : "not there", err.message);
    if (status == MERX_OK)
        assert_true(mx_str_equal(found.event.id, mx_str_of(id->text)));
    mx_arena_release(&arena);
}

/* Every id once more: those that are there are duplicates, those that are not are taken. */
static void send_all_again(id_list *list, mx_records *records)
{
    for (size_t i = 0; i < list->count; i++) {
        mx_event event = event_of(list->ids[i].text, "", 0, 1, "again", "p", "");
        assert_int_equal(append(records, &event, 1), list->ids[i].present ? 0 : 1);
        i += mx_random_below(&list->dice, 40);
    }
}

static void test_many_ids(void **state)
{
    fixture *f = *state;
    const char *text = getenv("MERX_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : 7;
    id_list *list = calloc(1, sizeof *list);
    merx_error err = {0};
    mx_records *other = open_again(f, false, 0), *reader = open_again(f, true, 0);

    printf("seed %" PRIu64 "\n", seed);
    assert_non_null(list);
    mx_random_init(&list->dice, seed, 0);
    for (int round = 0; round < ROUNDS; round++) {
        mx_records *records = mx_random_below(&list->dice, 4) == 0 ? other : f->records;
        do_append(list, records);
        if (mx_random_below(&list->dice, 25) == 0)
            do_erase(list, records);
        if (mx_random_below(&list->dice, 60) == 0)
            check_ok(mx_records_compact(f->records, &err), err);
        do_get(list, mx_random_below(&list->dice, 2) == 0 ? reader : records);
        assert_int_equal(count_of(reader, MX_EVENT), list->present);
        if (mx_random_below(&list->dice, 60) == 0) {
            mx_records_close(other);
            other = open_again(f, false, 0);
        }
    }
    assert_true(list->present > 8000);
    send_all_again(list, f->records);
    mx_records_close(other);
    mx_records_close(reader);
    free(list);
}

/* An import without ids between ids: the watermark of what is indexed moves on, and nothing is taken twice. */
static void test_ids_among_rows(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    uint64_t row = 0;
    char id[32];

    for (int round = 0; round < 12; round++) {
        snprintf(id, sizeof id, "id %d", round);
        mx_event event = event_of(id, "", 0, 1, "c", "p", "o");
        assert_int_equal(append(f->records, &event, 1), 1);
        check_ok(mx_records_begin(f->records, &err), err);
        for (int i = 0; i < 700; i++) {
            mx_event rows = event_of("", "s", row++, 1, "c", "p", "o");
            check_ok(mx_records_append(f->records, &rows, 1, NULL, &err), err);
        }
        check_ok(mx_records_commit(f->records, &err), err);
    }
    mx_records *other = open_again(f, false, 0);
    for (int round = 0; round < 12; round++) {
        snprintf(id, sizeof id, "id %d", round);
        mx_event event = event_of(id, "", 0, 1, "c", "p", "o");
        assert_int_equal(append(round % 2 == 0 ? other : f->records, &event, 1), 0);
    }
    mx_records_close(other);
    assert_int_equal(count_of(f->records, MX_EVENT), 12 * 701);
}

static void test_advance(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_event event = event_of("a", "", 0, 1, "c", "p", "o");
    offsets seen = {0};

    check_fails(mx_records_advance(f->records, 5, &err), MERX_E_INVALID, err);
    check_ok(mx_records_begin(f->records, &err), err);
    check_ok(mx_records_advance(f->records, 41, &err), err);
    check_ok(mx_records_append(f->records, &event, 1, NULL, &err), err);
    check_ok(mx_records_advance(f->records, 7, &err), err); /* given away already */
    event.id = MX_STR("b");
    check_ok(mx_records_append(f->records, &event, 1, NULL, &err), err);
    check_ok(mx_records_advance(f->records, 50, &err), err);
    check_ok(mx_records_commit(f->records, &err), err);
    assert_int_equal(last_offset_of(f->records), 50);
    check_ok(mx_records_scan_events(f->records, 0, MX_BY_OFFSET, note_offset, &seen, &err), err);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.seen[0], 42);
    assert_int_equal(seen.seen[1], 43);
    check_ok(mx_records_begin(f->records, &err), err);
    check_ok(mx_records_advance(f->records, 90, &err), err);
    mx_records_rollback(f->records);
    assert_int_equal(append(f->records, &event, 1), 0);
    assert_int_equal(last_offset_of(f->records), 50);
    check_ok(mx_records_begin(f->records, &err), err);
    check_fails(mx_records_advance(f->records, -1, &err), MERX_E_RANGE, err);
    mx_records_rollback(f->records);
}

static bool changed(mx_records *records)
{
    merx_error err = {0};
    bool yes;
    check_ok(mx_records_changed(records, &yes, &err), err);
    return yes;
}

/* A notification may come a moment after its commit. */
static void wait_for_change(mx_records *records)
{
    double end = mx_monotonic_s() + 20;
    while (!changed(records))
        if (mx_monotonic_s() > end)
            check_die(__FILE__, __LINE__, "nothing is heard of a commit");
}

static void test_hearing_of_others(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_records *reader = open_again(f, true, 0), *other = open_again(f, false, 0);
    mx_event event = event_of("a", "", 0, 1, "c", "p", "o");

    assert_true(changed(reader)); /* the first time */
    assert_false(changed(reader));
    append(other, &event, 1);
    wait_for_change(reader);
    assert_false(changed(reader));
    /* What was rolled back, and what changed nothing, is not heard of; things and settings are. */
    check_ok(mx_records_begin(other, &err), err);
    check_ok(mx_records_set_setting(other, "k", "v", &err), err);
    mx_records_rollback(other);
    assert_false(changed(reader));
    check_ok(mx_records_begin(other, &err), err);
    check_ok(mx_records_set_setting(other, "k", "v", &err), err);
    check_ok(mx_records_commit(other, &err), err);
    wait_for_change(reader);
    /* One's own commits are not. */
    wait_for_change(other);
    while (changed(other))
        continue;
    event.id = MX_STR("b");
    append(other, &event, 1);
    assert_false(changed(other));
    append(f->records, &(mx_event){.id = MX_STR("c"), .product = MX_STR("p")}, 1);
    wait_for_change(other);
    /* A reader's state is one until its transaction ends. */
    check_ok(mx_records_begin(reader, &err), err);
    bool yes;
    check_fails(mx_records_changed(reader, &yes, &err), MERX_E_INVALID, err);
    check_ok(mx_records_commit(reader, &err), err);
    mx_records_close(other);
    mx_records_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECORDS_TEST(test_many_ids),
        RECORDS_TEST(test_ids_among_rows),
        RECORDS_TEST(test_advance),
        RECORDS_TEST(test_hearing_of_others),
    };
    RECORDS_RUN(tests);
}
