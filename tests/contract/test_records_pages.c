/*
 * Pages of records, and all that is of one customer, over every driver: each page against the whole scan, what is given of a customer against what erasing him removes.
 */
#include "base/random.h"
#include "contract/records_fixture.h"

static const char *const people[] = {"ann", "bob", "it's \\x", "\xc3\xa9va"};
enum { PEOPLE = sizeof people / sizeof *people, EVENTS = 400, THINGS = 60, LIMITS = 4 };

static const char *person(mx_random *dice)
{
    size_t i = mx_random_below(dice, PEOPLE + 1);
    return i < PEOPLE ? people[i] : "";
}

/* A shop in which orders and rows are shared in every way. */
static void fill(mx_records *records, uint64_t seed)
{
    static char ids[EVENTS][16], orders[THINGS][16];
    static mx_event events[EVENTS];
    mx_random dice;

    mx_random_init(&dice, seed, 0);
    for (size_t i = 0; i < THINGS; i++) {
        snprintf(orders[i], sizeof orders[i], "o%zu", i * 7 % THINGS);
        if (mx_random_below(&dice, 2) == 0)
            upsert(records, (mx_record){.kind = MX_ORDER,
                                        .order = {.id = mx_str_of(orders[i]), .customer = mx_str_of(person(&dice))}});
        upsert(records, (mx_record){.kind = MX_MESSAGE,
                                    .message = {.id = mx_str_of(orders[i]),
                                                .customer = mx_str_of(person(&dice)),
                                                .text = MX_STR("hello")}});
        upsert(records,
               (mx_record){
                   .kind = MX_REVIEW,
                   .review = {.id = mx_str_of(orders[i]), .customer = mx_str_of(person(&dice)), .rating = (double)i}});
    }
    for (size_t i = 0; i + 1 < PEOPLE; i++)
        upsert(records, (mx_record){.kind = MX_CUSTOMER, .customer = {.id = mx_str_of(people[i])}});
    for (size_t i = 0; i < EVENTS; i++) {
        snprintf(ids[i], sizeof ids[i], "e%zu", i);
        /* Most orders are one person's, as in life; some events of them name nobody. */
        size_t order = mx_random_below(&dice, THINGS);
        const char *who = mx_random_below(&dice, 3) == 0 ? person(&dice) : people[order % PEOPLE];
        events[i] = event_of(ids[i], "", 0, (int64_t)i, who, "p", order % 5 == 0 ? "" : orders[order]);
    }
    assert_int_equal(append(records, events, EVENTS), EVENTS);
}

typedef struct place {
    dump d;
    int64_t offset;
    char id[64];
    size_t n;
} place;

static merx_status take(void *context, const mx_record *record, merx_error *err)
{
    place *p = context;
    const mx_field *key = &mx_record_fields(record->kind)->fields[0];
    mx_str id = *mx_field_text_of(key, record);
    p->n++;
    p->offset = record->kind == MX_EVENT ? record->event.offset : 0;
    snprintf(p->id, sizeof p->id, "%.*s", (int)id.size, id.data);
    return dump_one(&p->d, record, err);
}

static void check_pages(mx_records *records, mx_record_kind kind, size_t limit)
{
    merx_error err = {0};
    dump whole = {.offsets = true};
    place p = {.d = {.offsets = true}};
    size_t pages = 0;

    mx_text_init(&whole.text, NULL, DUMP_MAX);
    mx_text_init(&p.d.text, NULL, DUMP_MAX);
    check_ok(mx_records_scan(records, kind, dump_one, &whole, &err), err);
    do {
        mx_record_page page = {.after_offset = p.offset, .limit = limit};
        char after[64];
        snprintf(after, sizeof after, "%s", p.id);
        page.after = mx_str_of(after);
        p.n = 0;
        check_ok(mx_records_scan_page(records, kind, &page, take, &p, &err), err);
        assert_true(p.n <= limit);
        pages++;
    } while (p.n == limit);
    assert_true(pages > 1);
    same_dump(dump_take(&p.d.text), dump_take(&whole.text));
}

static void test_pages_are_the_scan(void **state)
{
    fixture *f = *state;
    static const size_t limits[LIMITS] = {1, 7, 20, 59};
    static const mx_record_kind kinds[] = {MX_EVENT, MX_ORDER, MX_MESSAGE, MX_REVIEW};

    fill(f->records, 1);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t i = 0; i < LIMITS; i++)
            if (kinds[k] != MX_ORDER || limits[i] < 20) /* there are about 30 orders */
                check_pages(f->records, kinds[k], limits[i]);
}

static merx_status stop(void *context, const mx_record *record, merx_error *err)
{
    (void)record;
    ++*(int *)context;
    MX_FAIL(err, MERX_E_CANCELLED, "", "enough");
}

static void test_pages_at_the_edges(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    int calls = 0;
    mx_record_page page = {.limit = 10};

    check_ok(mx_records_scan_page(f->records, MX_EVENT, &page, stop, &calls, &err), err); /* nothing is there */
    fill(f->records, 2);
    page.after_offset = EVENTS;
    check_ok(mx_records_scan_page(f->records, MX_EVENT, &page, stop, &calls, &err), err);
    page.after = MX_STR("zzz");
    check_ok(mx_records_scan_page(f->records, MX_MESSAGE, &page, stop, &calls, &err), err);
    page = (mx_record_page){.limit = 0};
    check_ok(mx_records_scan_page(f->records, MX_MESSAGE, &page, stop, &calls, &err), err);
    assert_int_equal(calls, 0);
    page.limit = SIZE_MAX;
    check_fails(mx_records_scan_page(f->records, MX_MESSAGE, &page, stop, &calls, &err), MERX_E_CANCELLED, err);
    check_fails(mx_records_scan_page(f->records, MX_EVENT, &page, stop, &calls, &err), MERX_E_CANCELLED, err);
    assert_int_equal(calls, 2);
    check_fails(mx_records_scan_page(f->records, MX_MODEL, &page, stop, &calls, &err), MERX_E_UNSUPPORTED, err);
    check_fails(mx_records_scan_page(f->records, MX_RECORD_KINDS, &page, stop, &calls, &err), MERX_E_INVALID, err);
    page.after = (mx_str){"\xff", 1};
    check_fails(mx_records_scan_page(f->records, MX_MESSAGE, &page, stop, &calls, &err), MERX_E_INVALID, err);
    check_ok(mx_records_begin(f->records, &err), err);
    page.after = MX_STR("");
    check_fails(mx_records_scan_page(f->records, MX_MESSAGE, &page, stop, &calls, &err), MERX_E_CANCELLED, err);
    mx_records_rollback(f->records);
}

/* ---- a customer ---- */

static size_t lines(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

/* How often a line (with its end) is in a text. */
static size_t count_line(const char *text, const char *line, size_t size)
{
    size_t n = 0;
    for (const char *at = text; *at; at = strchr(at, '\n') + 1)
        n += strncmp(at, line, size) == 0;
    return n;
}

static void check_customer(mx_records *records, const char *who)
{
    merx_error err = {0};
    mx_erasure erased;
    dump d = {.offsets = true};

    mx_text_init(&d.text, NULL, DUMP_MAX);
    check_ok(mx_records_scan_customer(records, mx_str_of(who), dump_one, &d, &err), err);
    char *given = dump_take(&d.text);
    char *before = dump_store(records, true);
    check_ok(mx_records_begin(records, &err), err);
    check_ok(mx_records_erase_customer(records, mx_str_of(who), &erased, &err), err);
    check_ok(mx_records_commit(records, &err), err);
    char *after = dump_store(records, true);
    assert_int_equal(lines(given), erased.events + erased.orders + erased.messages + erased.reviews + erased.customers);
    assert_true(erased.events > 10 && erased.orders > 2 && erased.messages > 2 && erased.reviews > 2);
    for (const char *at = given; *at; at = strchr(at, '\n') + 1) {
        size_t size = (size_t)(strchr(at, '\n') - at) + 1;
        assert_int_equal(count_line(after, at, size), 0);
        /* Events are in a dump twice: by offset and by time. */
        assert_int_equal(count_line(before, at, size), strncmp(at, "event ", 6) == 0 ? 2 : 1);
    }
    assert_int_equal(lines(before), lines(after) + lines(given) + erased.events);
    free(given);
    free(before);
    free(after);
}

static void test_what_is_of_a_customer_is_what_erasing_removes(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    int calls = 0;

    fill(f->records, 3);
    check_ok(mx_records_scan_customer(f->records, MX_STR("nobody"), stop, &calls, &err), err);
    assert_int_equal(calls, 0);
    check_fails(mx_records_scan_customer(f->records, MX_STR("ann"), stop, &calls, &err), MERX_E_CANCELLED, err);
    check_fails(mx_records_scan_customer(f->records, MX_STR(""), stop, &calls, &err), MERX_E_INVALID, err);
    for (size_t i = 0; i < PEOPLE; i++)
        check_customer(f->records, people[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECORDS_TEST(test_pages_are_the_scan),
        RECORDS_TEST(test_pages_at_the_edges),
        RECORDS_TEST(test_what_is_of_a_customer_is_what_erasing_removes),
    };
    RECORDS_RUN(tests);
}
