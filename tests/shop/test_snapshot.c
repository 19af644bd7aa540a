/*
 * The snapshot against a naive twin; the same bytes for any order of arrival, after merging tails, and after forgetting.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/random.h"
#include "shop/settings.h"
#include "shop/shop_state.h"
#include "shop/shop_test.h"

enum { EVENTS = 3000 };

typedef struct plain_event {
    int64_t time_ms, quantity, price;
    int kind;
    char product[8], customer[8], order[8], session[8], country[8], title[16];
} plain_event;

static void make_events(plain_event *events, uint64_t seed)
{
    mx_random random;
    mx_random_init(&random, seed, 1);
    for (int i = 0; i < EVENTS; i++) {
        plain_event *e = &events[i];
        memset(e, 0, sizeof *e);
        /* Few distinct values: ties in every column. */
        e->time_ms = (int64_t)mx_random_below(&random, 40) * 3 * MX_DAY_MS / 2;
        e->quantity = 1 + (int64_t)mx_random_below(&random, 3);
        e->price = (int64_t)mx_random_below(&random, 4) * 50;
        e->kind = (int)mx_random_below(&random, MX_EVENT_KINDS);
        if (e->kind == MX_EVENT_RETURN)
            e->quantity = -e->quantity;
        snprintf(e->product, sizeof e->product, "p%d", (int)mx_random_below(&random, 30));
        if (mx_random_below(&random, 5) > 0)
            snprintf(e->customer, sizeof e->customer, "c%d", (int)mx_random_below(&random, 25));
        if (mx_random_below(&random, 3) > 0)
            snprintf(e->order, sizeof e->order, "o%d", (int)mx_random_below(&random, 60));
        if (mx_random_below(&random, 3) == 0)
            snprintf(e->session, sizeof e->session, "s%d", (int)mx_random_below(&random, 9));
        if (mx_random_below(&random, 2) == 0)
            snprintf(e->country, sizeof e->country, "%c", 'A' + (int)mx_random_below(&random, 4));
        if (mx_random_below(&random, 4) > 0)
            snprintf(e->title, sizeof e->title, "t%d", (int)mx_random_below(&random, 50));
    }
}

static void append(merx_shop *shop, const plain_event *events, const int64_t *order, size_t first, size_t n,
                   const char *without)
{
    merx_error err = {0};
    check(mx_records_begin(shop->records, &err), &err);
    for (size_t i = first; i < first + n; i++) {
        const plain_event *e = &events[order[i]];
        char id[32];
        if (without && strcmp(e->customer, without) == 0)
            continue;
        snprintf(id, sizeof id, "e%d", (int)order[i]);
        mx_event event = {.id = mx_str_of(id),
                          .time_ms = e->time_ms,
                          .kind = (mx_event_kind)e->kind,
                          .customer = mx_str_of(e->customer),
                          .product = mx_str_of(e->product),
                          .order = mx_str_of(e->order),
                          .session = mx_str_of(e->session),
                          .quantity = e->quantity,
                          .price_minor = e->price,
                          .has_price = true,
                          .title = mx_str_of(e->title),
                          .country = mx_str_of(e->country)};
        uint64_t appended;
        check(mx_records_append(shop->records, &event, 1, &appended, &err), &err);
        assert_int_equal(appended, 1);
    }
    check(mx_records_commit(shop->records, &err), &err);
}

typedef struct home {
    char folder[256];
    merx_shop *shop;
} home;

static home new_shop(void)
{
    home h;
    merx_error err = {0};
    test_folder(h.folder, sizeof h.folder, "snapshot");
    check(merx_shop_open(NULL, h.folder, &(merx_shop_options){.create = true}, &h.shop, &err), &err);
    return h;
}

static void drop_shop(home *h)
{
    merx_shop_close(h->shop);
    remove_folder(h->folder);
}

static mx_snapshot *snapshot_of(merx_shop *shop)
{
    merx_error err = {0};
    mx_snapshot *s;
    check(mx_shop_snapshot(shop, NULL, &s, &err), &err);
    return s;
}

static bool is(const mx_str *names, int32_t code, const char *text)
{
    return code < 0 ? text[0] == '\0' : mx_str_equal(names[code], mx_str_of(text));
}

/* How often a plain event is among the events given. */
static int64_t *in_order(int64_t *order)
{
    for (int64_t i = 0; i < EVENTS; i++)
        order[i] = i;
    return order;
}

/* Every event of the snapshot is one of the plain ones, each used once; order, names and derived columns as the header says. */
static void check_twin(const mx_snapshot *s, const plain_event *events)
{
    static bool used[EVENTS];
    memset(used, 0, sizeof used);
    assert_int_equal(s->events, EVENTS);
    for (size_t i = 0; i < s->events; i++) {
        int found = -1;
        for (int j = 0; j < EVENTS && found < 0; j++) {
            const plain_event *e = &events[j];
            if (!used[j] && e->time_ms == s->time_ms[i] && e->kind == s->kind[i] && e->quantity == s->quantity[i] &&
                e->price == s->price_minor[i] && is(s->product_id, s->product[i], e->product) &&
                is(s->customer_id, s->customer[i], e->customer) && is(s->order_id, s->order[i], e->order) &&
                is(s->session_id, s->session[i], e->session) && is(s->country_name, s->country[i], e->country))
                found = j;
        }
        assert_true(found >= 0);
        used[found] = true;
        if (i == 0)
            continue;
        assert_true(s->time_ms[i - 1] <= s->time_ms[i]);
        if (s->time_ms[i - 1] == s->time_ms[i]) {
            assert_true(s->order[i - 1] <= s->order[i]);
            if (s->order[i - 1] == s->order[i])
                assert_true(s->product[i - 1] <= s->product[i]);
        }
    }
    for (size_t p = 1; p < s->products; p++)
        assert_true(mx_str_compare(s->product_id[p - 1], s->product_id[p]) < 0);
    /* The most frequent title, counted the slow way. */
    for (size_t p = 0; p < s->products; p++) {
        char best[16] = "";
        int most = 0;
        for (int t = 0; t < EVENTS; t++) {
            if (!events[t].title[0] || !is(s->product_id, (int32_t)p, events[t].product))
                continue;
            int count = 0;
            for (int j = 0; j < EVENTS; j++)
                count +=
                    strcmp(events[j].title, events[t].title) == 0 && strcmp(events[j].product, events[t].product) == 0;
            if (count > most || (count == most && strcmp(events[t].title, best) < 0)) {
                most = count;
                strcpy(best, events[t].title);
            }
        }
        assert_true(mx_str_equal(s->product_title[p], mx_str_of(best)));
    }
    for (size_t c = 0; c < s->customers; c++) {
        int counts[4] = {0};
        for (int j = 0; j < EVENTS; j++)
            if (events[j].country[0] && is(s->customer_id, (int32_t)c, events[j].customer))
                counts[events[j].country[0] - 'A']++;
        int best = 0;
        for (int k = 1; k < 4; k++)
            if (counts[k] > counts[best])
                best = k;
        char name[2] = {(char)('A' + best), 0};
        assert_true(is(s->country_name, s->customer_country[c], counts[best] ? name : ""));
    }
}

static void test_twin(void **state)
{
    static plain_event events[EVENTS];
    static int64_t order[EVENTS];
    (void)state;
    make_events(events, 7);
    home h = new_shop();
    append(h.shop, events, in_order(order), 0, EVENTS, NULL);
    check_twin(snapshot_of(h.shop), events);
    drop_shop(&h);
}

static void test_canonical(void **state)
{
    static plain_event events[EVENTS];
    static int64_t order[EVENTS];
    char first[65];
    mx_random random;
    (void)state;
    make_events(events, 8);
    home h = new_shop();
    append(h.shop, events, in_order(order), 0, EVENTS, NULL);
    memcpy(first, snapshot_of(h.shop)->sha256, sizeof first);
    drop_shop(&h);
    for (uint64_t seed = 0; seed < 3; seed++) {
        mx_random_init(&random, seed, 2);
        mx_random_shuffle_i64(&random, order, EVENTS);
        h = new_shop();
        /* The tail is merged into what was there, several times. */
        for (size_t at = 0; at < EVENTS; at += EVENTS / 3) {
            append(h.shop, events, order, at, EVENTS / 3, NULL);
            assert_int_equal(snapshot_of(h.shop)->events, at + EVENTS / 3);
        }
        assert_string_equal(snapshot_of(h.shop)->sha256, first);
        drop_shop(&h);
    }
}

static void test_forgotten(void **state)
{
    static plain_event events[EVENTS];
    static int64_t order[EVENTS];
    merx_error err = {0};
    merx_receipt receipt;
    char never[65];
    char forgotten[65];
    (void)state;
    make_events(events, 9);
    /* Names and decimals that are his alone. */
    strcpy(events[5].customer, "c7");
    strcpy(events[5].product, "only");
    strcpy(events[5].title, "his");
    strcpy(events[5].country, "D");
    events[5].price = 125;
    home a = new_shop();
    append(a.shop, events, in_order(order), 0, EVENTS, NULL);
    assert_true(mx_snapshot_find_product(snapshot_of(a.shop), "only") >= 0);
    check(merx_shop_forget(a.shop, "c7", NULL, &receipt, &err), &err);
    assert_true(receipt.events > 10);
    merx_receipt_release(&receipt);
    check(merx_shop_digest(a.shop, true, forgotten, &err), &err);
    home b = new_shop();
    append(b.shop, events, in_order(order), 0, EVENTS, "c7");
    check(merx_shop_digest(b.shop, true, never, &err), &err);
    assert_string_equal(forgotten, never);
    assert_string_equal(snapshot_of(a.shop)->sha256, snapshot_of(b.shop)->sha256);
    assert_int_equal(mx_snapshot_find_product(snapshot_of(a.shop), "only"), -1);
    /* What was left of the old snapshot is what the records say. */
    mx_snapshot *rebuilt;
    check(mx_snapshot_open(a.shop->records, a.shop->blobs, true, NULL, NULL, &rebuilt, &err), &err);
    assert_string_equal(rebuilt->sha256, snapshot_of(b.shop)->sha256);
    mx_snapshot_close(rebuilt);
    drop_shop(&a);
    drop_shop(&b);
}

/* Out of the columns of the snapshot before, or of the records where there is none or it is behind: the same file. */
static void test_forgotten_ways(void **state)
{
    static plain_event events[EVENTS];
    static int64_t order[EVENTS];
    enum { WAYS = 4 };
    char sha256[WAYS][65];
    (void)state;
    make_events(events, 11);
    strcpy(events[7].customer, "c3");
    strcpy(events[7].session, "his");
    events[7].price = 125;
    for (int way = 0; way < WAYS; way++) {
        merx_error err = {0};
        merx_receipt receipt;
        home h = new_shop();
        append(h.shop, events, in_order(order), 0, EVENTS - 100, way == 3 ? "c3" : NULL);
        if (way != 1) /* 1: none was stored */
            (void)snapshot_of(h.shop);
        append(h.shop, events, order, EVENTS - 100, 100, way == 3 ? "c3" : NULL);
        if (way == 0) /* 2: the stored one is behind */
            (void)snapshot_of(h.shop);
        /* An order without events, one that names him, a catalogue. */
        check(mx_records_begin(h.shop->records, &err), &err);
        const mx_record things[] = {
            {.kind = MX_PRODUCT, .product = {.id = MX_STR("p1"), .title = MX_STR("one"), .category = MX_STR("k")}},
            {.kind = MX_ORDER, .order = {.id = MX_STR("empty"), .customer = MX_STR("c4")}},
            {.kind = MX_ORDER, .order = {.id = MX_STR("o1"), .customer = MX_STR("c4")}},
            {.kind = MX_ORDER, .order = {.id = MX_STR("o2"), .customer = MX_STR("c3")}}};
        check(mx_records_upsert(h.shop->records, things, way == 3 ? 3 : 4, &err), &err);
        check(mx_shop_settings_bump(h.shop->records, &err), &err);
        check(mx_records_commit(h.shop->records, &err), &err);
        if (way == 0)
            (void)snapshot_of(h.shop);
        if (way == 3) { /* his order's lines without his name go too */
            check(mx_records_begin(h.shop->records, &err), &err);
            const mx_record his = {.kind = MX_ORDER, .order = {.id = MX_STR("o2"), .customer = MX_STR("c3")}};
            check(mx_records_upsert(h.shop->records, &his, 1, &err), &err);
            check(mx_records_commit(h.shop->records, &err), &err);
        }
        check(merx_shop_forget(h.shop, "c3", NULL, &receipt, &err), &err);
        merx_receipt_release(&receipt);
        snprintf(sha256[way], sizeof sha256[way], "%s", snapshot_of(h.shop)->sha256);
        assert_int_equal(mx_snapshot_find_customer(snapshot_of(h.shop), "c3"), -1);
        drop_shop(&h);
        if (way > 0)
            assert_string_equal(sha256[way], sha256[0]);
    }
}

/* One product goes and another comes, so that there are as many as before, and those between have moved. */
static void test_one_for_another(void **state)
{
    static plain_event events[EVENTS];
    static int64_t order[EVENTS];
    static const char *const turns[][2] = {{"o-before", "zz"}, {"zz", "o-before"}, {"p1x", "p3x"}, {"p3x", "p1x"}};
    merx_error err = {0};
    (void)state;
    make_events(events, 13);
    home h = new_shop();
    append(h.shop, events, in_order(order), 0, EVENTS, NULL);
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
        for (int added = 0; added < 2; added++) {
            mx_str id = mx_str_of(turns[i][added]);
            mx_record record = {.kind = MX_PRODUCT, .product = {.id = id, .title = MX_STR("one")}};
            const mx_change changes[] = {{MX_PRODUCT, mx_str_of(turns[i][0])}, {MX_PRODUCT, id}};
            check(mx_records_begin(h.shop->records, &err), &err);
            check(mx_records_upsert(h.shop->records, &record, 1, &err), &err);
            if (added)
                check(mx_records_remove(h.shop->records, MX_PRODUCT, changes[0].id, &err), &err);
            check(mx_shop_settings_bump_things(h.shop->records, changes, 2, &err), &err);
            check(mx_records_commit(h.shop->records, &err), &err);
            assert_true(mx_snapshot_find_product(snapshot_of(h.shop), turns[i][added]) >= 0);
        }
        mx_snapshot *rebuilt;
        check(mx_snapshot_open(h.shop->records, h.shop->blobs, true, NULL, NULL, &rebuilt, &err), &err);
        assert_string_equal(rebuilt->sha256, snapshot_of(h.shop)->sha256);
        mx_snapshot_close(rebuilt);
    }
    drop_shop(&h);
}

static void test_views(void **state)
{
    static plain_event events[EVENTS];
    static int64_t order[EVENTS];
    merx_error err = {0};
    (void)state;
    make_events(events, 10);
    home h = new_shop();
    append(h.shop, events, in_order(order), 0, EVENTS, NULL);
    mx_snapshot *s = snapshot_of(h.shop);
    int64_t middle = s->time_ms[s->events / 2];
    mx_snapshot view = mx_snapshot_before(s, middle);
    assert_true(view.events > 0 && view.events < s->events);
    assert_true(s->time_ms[view.events] >= middle && s->time_ms[view.events - 1] < middle);
    assert_int_equal(mx_snapshot_before(s, INT64_MIN).events, 0);
    assert_int_equal(mx_snapshot_before(s, INT64_MAX).events, EVENTS);
    size_t all = 0;
    size_t before = 0;
    for (size_t c = 0; c < s->customers; c++) {
        const int32_t *list;
        size_t n;
        check(mx_snapshot_customer_events(s, (int32_t)c, &list, &n, &err), &err);
        all += n;
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(s->customer[list[i]], c);
            assert_true(i == 0 || list[i - 1] < list[i]);
        }
        check(mx_snapshot_customer_events(&view, (int32_t)c, &list, &n, &err), &err);
        before += n;
        assert_true(n == 0 || (size_t)list[n - 1] < view.events);
    }
    size_t known = 0;
    size_t known_before = 0;
    for (size_t i = 0; i < s->events; i++) {
        known += s->customer[i] >= 0;
        known_before += i < view.events && s->customer[i] >= 0;
    }
    assert_int_equal(all, known);
    assert_int_equal(before, known_before);
    const int32_t *list;
    size_t n;
    assert_int_equal(mx_snapshot_customer_events(s, (int32_t)s->customers, &list, &n, NULL), MERX_E_RANGE);
    assert_int_equal(mx_snapshot_find_customer(s, "nobody"), -1);
    drop_shop(&h);
}

static void test_split(void **state)
{
    int64_t times[2] = {0};
    mx_snapshot s = {.events = 2, .time_ms = times};
    (void)state;
    struct {
        const char *first, *last, *split;
    } cases[] = {
        {"2010-12-01", "2011-12-09", "2011-11-01"}, {"2021-01-01", "2021-01-13", ""},
        {"2021-01-01", "2021-01-14", "2021-01-12"}, /* 14 days: 80 % of them */
        {"2021-01-01", "2021-03-31", "2021-03-01"}, {"2021-01-01", "2021-02-28", "2021-02-01"},
        {"2021-01-20", "2021-03-20", "2021-03-09"}, /* February leaves too little to learn from */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t expected = 0;
        assert_true(mx_parse_date(mx_str_of(cases[i].first), MX_DATE_ISO, 0, &times[0]));
        assert_true(mx_parse_date(mx_str_of(cases[i].last), MX_DATE_ISO, 0, &times[1]));
        times[1] += 5 * 3600000;
        s.first_ms = times[0];
        s.last_ms = times[1];
        if (cases[i].split[0])
            assert_true(mx_parse_date(mx_str_of(cases[i].split), MX_DATE_ISO, 0, &expected));
        if (mx_snapshot_split_ms(&s) != expected)
            print_error("case %zu: %" PRId64 "\n", i, mx_snapshot_split_ms(&s));
        assert_int_equal(mx_snapshot_split_ms(&s), expected);
    }
    s.events = 0;
    assert_int_equal(mx_snapshot_split_ms(&s), 0);
}

/* A stored snapshot that is damaged is built anew. */
static void test_damaged(void **state)
{
    static plain_event events[EVENTS];
    static int64_t order[EVENTS];
    merx_error err = {0};
    char path[400];
    (void)state;
    make_events(events, 11);
    home h = new_shop();
    append(h.shop, events, in_order(order), 0, EVENTS, NULL);
    char sha256[65];
    memcpy(sha256, snapshot_of(h.shop)->sha256, sizeof sha256);
    snprintf(path, sizeof path, "%s/blobs/snapshots/current.safetensors", h.folder);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    for (int cut = 0; cut < 4; cut++) {
        mx_shop_drop_snapshot(h.shop);
        assert_int_equal(truncate(path, cut == 3 ? 0 : info.st_size * cut / 4), 0);
        assert_string_equal(snapshot_of(h.shop)->sha256, sha256);
    }
    /* Codes that point outside their names. */
    mx_shop_drop_snapshot(h.shop);
    unsigned char *bytes = malloc((size_t)info.st_size);
    FILE *file = fopen(path, "rb");
    assert_int_equal(fread(bytes, 1, (size_t)info.st_size, file), info.st_size);
    fclose(file);
    memset(bytes + info.st_size / 3, 0x7f, 200);
    file = fopen(path, "wb");
    fwrite(bytes, 1, (size_t)info.st_size, file);
    fclose(file);
    free(bytes);
    mx_snapshot *s;
    check(mx_snapshot_open(h.shop->records, h.shop->blobs, false, NULL, NULL, &s, &err), &err);
    for (size_t i = 0; i < s->events; i++)
        assert_true(s->product[i] >= 0 && (size_t)s->product[i] < s->products);
    mx_snapshot_close(s);
    drop_shop(&h);
}

static void test_allocations(void **state)
{
    static plain_event events[EVENTS];
    static int64_t order[EVENTS];
    (void)state;
    make_events(events, 12);
    home h = new_shop();
    append(h.shop, events, in_order(order), 0, 50, NULL);
    for (int64_t k = 0;; k++) {
        mx_failing_allocator failing;
        mx_snapshot *s = NULL;
        mx_failing_allocator_init(&failing, k, true);
        /* Without a task the workspace is the default allocator's: fail what is kept. */
        merx_status status =
            mx_snapshot_open(h.shop->records, h.shop->blobs, k % 2 == 0, &failing.allocator, NULL, &s, NULL);
        assert_true(status == MERX_OK || status == MERX_E_MEMORY);
        if (status == MERX_OK)
            assert_int_equal(s->events, 50);
        mx_snapshot_close(s);
        assert_int_equal(failing.live_blocks, 0);
        if (failing.calls <= k && k > 2)
            break;
    }
    drop_shop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twin),
        cmocka_unit_test(test_canonical),
        cmocka_unit_test(test_forgotten),
        cmocka_unit_test(test_forgotten_ways),
        cmocka_unit_test(test_one_for_another),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
