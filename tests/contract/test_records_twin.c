/*
 * Random operations on a store and on arrays in memory that are too simple to be wrong; both must hold the same after each transaction.
 * A failure prints the seed: MERX_SEED=n runs that one again.
 */
#include <inttypes.h>
#include <math.h>

#include "base/random.h"
#include "contract/records_drivers.h"
#include "contract/records_dump.h"

enum { EVENTS = 6000, RECORDS = 600, TRANSACTIONS = 45, NAMES = 12 };

typedef struct twin {
    mx_record events[EVENTS], records[RECORDS];
    size_t event_count, record_count;
    int64_t next_offset, last_version[NAMES];
} twin;

static char names[26][NAMES][32]; /* by first letter */
static mx_random dice;

static mx_str pick(char letter)
{
    return mx_str_of(names[letter - 'a'][mx_random_below(&dice, NAMES)]);
}

/* Absent one time in three. */
static mx_str maybe(char letter)
{
    return mx_random_below(&dice, 3) == 0 ? MX_STR("") : pick(letter);
}

static mx_str key_of(const mx_record *record)
{
    return *mx_field_text_of(&mx_record_fields(record->kind)->fields[0], record);
}

static mx_record *find(twin *t, mx_record_kind kind, mx_str id, int64_t version)
{
    for (size_t i = 0; i < t->record_count; i++)
        if (t->records[i].kind == kind && mx_str_equal(key_of(&t->records[i]), id) &&
            (kind != MX_MODEL || t->records[i].model.version == version))
            return &t->records[i];
    return NULL;
}

static mx_record *find_or_add(twin *t, mx_record_kind kind, mx_str id, int64_t version)
{
    mx_record *found = find(t, kind, id, version);
    if (found == NULL) {
        assert_true(t->record_count < RECORDS);
        found = &t->records[t->record_count++];
        memset(found, 0, sizeof *found);
        found->kind = kind;
        if (kind == MX_MODEL)
            found->model.answer = id, found->model.version = version;
        else
            *mx_field_text(&mx_record_fields(kind)->fields[0], found) = id;
    }
    return found;
}

static void twin_append(twin *t, const mx_event *event)
{
    if (event->id.size > 0) {
        for (size_t i = 0; i < t->event_count; i++)
            if (mx_str_equal(t->events[i].event.id, event->id))
                return;
    } else {
        mx_record *source = find(t, MX_SOURCE, event->source, 0);
        if (source != NULL && event->row < source->source.rows)
            return;
        source = find_or_add(t, MX_SOURCE, event->source, 0);
        source->source.rows = event->row + 1;
    }
    assert_true(t->event_count < EVENTS);
    mx_record *slot = &t->events[t->event_count++];
    *slot = (mx_record){.kind = MX_EVENT, .event = *event};
    if (event->source.size == 0)
        slot->event.row = 0;
    slot->event.offset = t->next_offset++;
}

static void twin_upsert(twin *t, mx_record record)
{
    if (record.kind == MX_MODEL) {
        int64_t *last = &t->last_version[atoi(record.model.answer.data + 1)];
        if (record.model.version == 0)
            record.model.version = *last + 1;
        if (record.model.version > *last)
            *last = record.model.version;
        for (size_t i = 0; i < t->record_count && record.model.live; i++)
            if (t->records[i].kind == MX_MODEL && mx_str_equal(t->records[i].model.answer, record.model.answer))
                t->records[i].model.live = false;
    }
    *find_or_add(t, record.kind, key_of(&record), record.kind == MX_MODEL ? record.model.version : 0) = record;
}

static void drop_record(twin *t, const mx_record *record)
{
    size_t at = (size_t)(record - t->records);
    memmove(&t->records[at], &t->records[at + 1], (t->record_count - at - 1) * sizeof *record);
    t->record_count--;
}

static void drop_event(twin *t, size_t at)
{
    memmove(&t->events[at], &t->events[at + 1], (t->event_count - at - 1) * sizeof *t->events);
    t->event_count--;
}

static bool is_of(const twin *t, const mx_event *event, mx_str customer)
{
    if (event->customer.size > 0)
        return mx_str_equal(event->customer, customer);
    for (size_t i = 0; i < t->record_count && event->order.size > 0; i++)
        if (t->records[i].kind == MX_ORDER && mx_str_equal(t->records[i].order.id, event->order))
            return mx_str_equal(t->records[i].order.customer, customer);
    return false;
}

static bool order_is_loose(const twin *t, mx_str order, mx_str customer)
{
    bool named = false;
    for (size_t i = 0; i < t->event_count; i++) {
        if (!mx_str_equal(t->events[i].event.order, order))
            continue;
        if (!is_of(t, &t->events[i].event, customer))
            return false;
        named = true;
    }
    return named;
}

static void twin_erase(twin *t, mx_str customer)
{
    bool goes[RECORDS] = {false};
    static bool gone[EVENTS];

    for (size_t i = 0; i < t->record_count; i++) {
        const mx_record *r = &t->records[i];
        goes[i] = (r->kind == MX_CUSTOMER && mx_str_equal(r->customer.id, customer)) ||
                  (r->kind == MX_MESSAGE && mx_str_equal(r->message.customer, customer)) ||
                  (r->kind == MX_REVIEW && mx_str_equal(r->review.customer, customer)) ||
                  (r->kind == MX_ORDER && (mx_str_equal(r->order.customer, customer) ||
                                           (r->order.customer.size == 0 && order_is_loose(t, r->order.id, customer))));
    }
    for (size_t i = 0; i < t->event_count; i++)
        gone[i] = is_of(t, &t->events[i].event, customer);
    for (size_t i = t->event_count; i-- > 0;)
        if (gone[i])
            drop_event(t, i);
    for (size_t i = t->record_count; i-- > 0;)
        if (goes[i])
            drop_record(t, &t->records[i]);
}

static void twin_remove(twin *t, mx_record_kind kind, mx_str id, int64_t version)
{
    mx_record *found = find(t, kind, id, version);
    if (kind == MX_SOURCE)
        for (size_t i = t->event_count; i-- > 0;)
            if (mx_str_equal(t->events[i].event.source, id))
                drop_event(t, i);
    if (found != NULL)
        drop_record(t, found);
}

static void twin_rescale(twin *t)
{
    for (size_t i = 0; i < t->event_count; i++)
        t->events[i].event.price_minor *= 10;
    for (size_t i = 0; i < t->record_count; i++)
        if (t->records[i].kind == MX_PRODUCT)
            t->records[i].product.price_minor *= 10;
}

static int by_id(const void *a, const void *b)
{
    const mx_record *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    int order = mx_str_compare(key_of(x), key_of(y));
    if (order == 0 && x->kind == MX_MODEL)
        order = x->model.version < y->model.version ? -1 : 1;
    return order;
}

static int by_time(const void *a, const void *b)
{
    const mx_event *x = &((const mx_record *)a)->event, *y = &((const mx_record *)b)->event;
    if (x->time_ms != y->time_ms)
        return x->time_ms < y->time_ms ? -1 : 1;
    return x->offset < y->offset ? -1 : 1;
}

static char *dump_twin(const twin *t)
{
    twin *sorted = malloc(sizeof *sorted);
    mx_text text;

    assert_non_null(sorted);
    *sorted = *t;
    mx_text_init(&text, NULL, DUMP_MAX);
    for (size_t i = 0; i < sorted->event_count; i++)
        dump_record(&text, &sorted->events[i], true);
    qsort(sorted->records, sorted->record_count, sizeof *sorted->records, by_id);
    for (size_t i = 0; i < sorted->record_count; i++)
        dump_record(&text, &sorted->records[i], true);
    mx_text_puts(&text, "by time\n");
    qsort(sorted->events, sorted->event_count, sizeof *sorted->events, by_time);
    for (size_t i = 0; i < sorted->event_count; i++)
        dump_record(&text, &sorted->events[i], true);
    free(sorted);
    return dump_take(&text);
}

static mx_event random_event(twin *t)
{
    mx_event event = {.time_ms = (int64_t)mx_random_below(&dice, 400) - 20 + 3 * t->next_offset,
                      .kind = (mx_event_kind)mx_random_below(&dice, MX_EVENT_KINDS),
                      .customer = maybe('c'),
                      .product = pick('p'),
                      .order = maybe('o'),
                      .session = maybe('s'),
                      .quantity = (int64_t)mx_random_below(&dice, 9) - 4,
                      .title = maybe('t'),
                      .country = maybe('l')};
    if (mx_random_below(&dice, 4) > 0) {
        event.has_price = true;
        event.price_minor = (int64_t)mx_random_below(&dice, 1000);
    }
    event.source = maybe('f');
    event.row = mx_random_below(&dice, 4);
    if (event.source.size > 0) {
        const mx_record *source = find(t, MX_SOURCE, event.source, 0);
        if (source != NULL)
            event.row += source->source.rows - (source->source.rows > 0);
    }
    if (event.source.size == 0 || mx_random_below(&dice, 4) == 0) {
        static char ids[EVENTS][32]; /* ids come again */
        uint64_t i = mx_random_below(&dice, EVENTS / 10);
        snprintf(ids[i], sizeof ids[i], "event %" PRIu64, i);
        event.id = mx_str_of(ids[i]);
    }
    return event;
}

static mx_record random_record(twin *t)
{
    mx_record record = {.kind = (mx_record_kind)(MX_PRODUCT + mx_random_below(&dice, MX_RECORD_KINDS - MX_PRODUCT))};
    int64_t number = (int64_t)mx_random_below(&dice, 1000);

    switch (record.kind) {
    case MX_PRODUCT:
        record.product = (mx_product){.id = pick('p'), .title = maybe('t'), .price_minor = number, .has_price = true};
        break;
    case MX_CUSTOMER:
        record.customer = (mx_customer){.id = pick('c'), .country = maybe('l')};
        break;
    case MX_ORDER:
        record.order = (mx_order){.id = pick('o'), .customer = maybe('c'), .time_ms = number};
        break;
    case MX_MESSAGE:
        record.message = (mx_message){.id = pick('m'), .customer = maybe('c'), .text = maybe('t')};
        break;
    case MX_REVIEW:
        record.review = (mx_review){.id = pick('r'), .customer = maybe('c'), .rating = number % 2 ? NAN : 3.5};
        break;
    case MX_SOURCE:
        record.source = (mx_source_record){.name = pick('f'), .refused = (uint64_t)number};
        const mx_record *old = find(t, MX_SOURCE, record.source.name, 0);
        record.source.rows = (old != NULL ? old->source.rows : 0) + (uint64_t)(number % 3);
        break;
    case MX_SETTING:
        record.setting = (mx_setting){.key = pick('k'), .value = maybe('t')};
        break;
    case MX_MODEL:
        record.model = (mx_model_record){.answer = pick('a'), .version = number % 4, .live = number % 3 == 0};
        break;
    case MX_EVENT:
    case MX_RECORD_KINDS:
        break;
    }
    return record;
}

static void random_operation(mx_records *records, twin *t)
{
    merx_error err = {0};
    uint64_t choice = mx_random_below(&dice, 100);

    if (choice < 55) {
        mx_event events[20];
        size_t n = 1 + mx_random_below(&dice, 20);
        for (size_t i = 0; i < n; i++) { /* one by one in the twin, so that rows follow on */
            events[i] = random_event(t);
            twin_append(t, &events[i]);
        }
        check_ok(mx_records_append(records, events, n, NULL, &err), err);
    } else if (choice < 85) {
        mx_record record = random_record(t);
        twin_upsert(t, record);
        check_ok(mx_records_upsert(records, &record, 1, &err), err);
    } else if (choice < 92) {
        mx_str customer = pick('c');
        twin_erase(t, customer);
        check_ok(mx_records_erase_customer(records, customer, NULL, &err), err);
    } else if (choice < 99) {
        mx_record record = random_record(t);
        char id[64];
        int64_t version = record.kind == MX_MODEL ? record.model.version + 1 : 0;
        snprintf(id, sizeof id, version > 0 ? "%s/%d" : "%s", key_of(&record).data, (int)version);
        twin_remove(t, record.kind, key_of(&record), version);
        check_ok(mx_records_remove(records, record.kind, mx_str_of(id), &err), err);
    } else {
        twin_rescale(t);
        check_ok(mx_records_rescale_money(records, 1, &err), err);
    }
}

static void run(const mx_records_driver *driver, uint64_t seed)
{
    char folder[256], address[512];
    merx_error err = {0};
    mx_records *records;
    mx_records_options options = {.create = true,
                                  .cache_bytes = 4096}; /* so small that memory is given up all the time */
    twin *t = calloc(1, sizeof *t), *before = calloc(1, sizeof *before);

    assert_non_null(t);
    assert_non_null(before);
    printf("seed %" PRIu64 "\n", seed);
    mx_random_init(&dice, seed, 1);
    t->next_offset = 1;
    check_make_folder(folder);
    records_address(driver, folder, "shop", address, sizeof address);
    check_ok(mx_records_open(address, &options, NULL, &records, &err), err);
    for (int i = 0; i < TRANSACTIONS; i++) {
        *before = *t;
        check_ok(mx_records_begin(records, &err), err);
        for (uint64_t n = 1 + mx_random_below(&dice, 8); n > 0; n--)
            random_operation(records, t);
        if (mx_random_below(&dice, 4) == 0)
            same_dump(dump_store(records, true), dump_twin(t)); /* a transaction sees itself */
        if (mx_random_below(&dice, 5) == 0) {
            mx_records_rollback(records);
            *t = *before;
        } else {
            check_ok(mx_records_commit(records, &err), err);
        }
        if (mx_random_below(&dice, 10) == 0)
            check_ok(mx_records_compact(records, &err), err);
        if (mx_random_below(&dice, 10) == 0) {
            mx_records_close(records);
            check_ok(mx_records_open(address, NULL, NULL, &records, &err), err);
        }
        same_dump(dump_store(records, true), dump_twin(t));
    }
    assert_true(t->event_count > 20); /* comparing nothing proves nothing */
    mx_records_close(records);
    check_remove_folder(folder);
    free(before);
    free(t);
}

static void test_store_and_twin_hold_the_same(void **state)
{
    const char *seed = getenv("MERX_SEED");
    const mx_records_driver *driver;

    (void)state;
    for (char c = 'a'; c <= 'z'; c++)
        for (int i = 0; i < NAMES; i++)
            snprintf(names[c - 'a'][i], sizeof names[0][0], c == 'a' ? "%c%d" : "%c%d \xe8\x8c\xb6", c, i);
    for (size_t d = 0; (driver = mx_records_driver_at(d)) != NULL; d++)
        for (uint64_t s = 1; s <= 3 && records_driver_usable(driver); s++)
            run(driver, seed != NULL ? strtoull(seed, NULL, 10) : s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_store_and_twin_hold_the_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
