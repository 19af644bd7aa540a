/*
 * The view of a shop: answers out of the tail are those of a merged snapshot, to the byte; what is committed is seen; threads share it while it changes.
 */
#include "shop/view.h"

#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/random.h"
#include "shop/asking.h"
#include "shop/live.h"
#include "shop/snapshot_parts.h"
#include "support/check.h"

enum { PRODUCTS = 40, CUSTOMERS = 80, EVENTS = 2500 };

typedef struct home {
    char folder[256], shop[300];
    merx_shop *writer;
    mx_live live;
    mx_view_keeper *keeper;
    mx_random random;
    int written;
} home;

static void train(merx_shop *shop, const char *answer)
{
    static const char *const options[] = {"recommend.factors=8", "next.network=0"};
    merx_error err = {0};
    merx_training training;
    merx_task *task;
    check_ok(merx_task_new(NULL, &(merx_task_options){.threads = 1, .seed = 3}, &task, &err), err);
    check_ok(merx_shop_train(shop, answer, &(merx_train_options){.force = true, .options = options, .n_options = 2},
                             task, &training, &err),
             err);
    assert_true(training.trained[0].live);
    merx_training_release(&training);
    merx_task_free(task);
}

static home *home_new(uint64_t seed)
{
    home *h = calloc(1, sizeof *h);
    merx_error err = {0};
    merx_import import;
    check_make_folder(h->folder);
    snprintf(h->shop, sizeof h->shop, "%s/shop", h->folder);
    char export[300];
    snprintf(export, sizeof export, "%s/export", h->folder);
    check_ok(merx_sample_write(export, &(merx_sample_options){PRODUCTS, CUSTOMERS, EVENTS, seed}, NULL, &err), err);
    check_ok(merx_shop_open(NULL, h->shop, &(merx_shop_options){.create = true}, &h->writer, &err), err);
    check_ok(merx_shop_import(h->writer, export, NULL, NULL, &import, &err), err);
    merx_import_release(&import);
    train(h->writer, "recommend");
    train(h->writer, "next");
    mx_live_init(&h->live, h->writer);
    mx_random_init(&h->random, seed, 1);
    check_ok(mx_view_keeper_new(h->shop, NULL, &h->keeper, &err), err);
    return h;
}

static void home_free(home *h)
{
    mx_view_keeper_free(h->keeper);
    mx_live_release(&h->live);
    merx_shop_close(h->writer);
    check_remove_folder(h->folder);
    free(h);
}

static int below(home *h, int n)
{
    return (int)mx_random_below(&h->random, (uint64_t)n);
}

/* ---- events ---- */

typedef struct random_event {
    char id[32], customer[32], product[32], order[32], session[32], title[32], country[8];
    mx_event event;
} random_event;

/* Old and new customers, products and sessions; times before, among and after those of the shop, many of them equal; returns; lines without a customer in an order that has one. */
static void make_event(home *h, random_event *e)
{
    memset(e, 0, sizeof *e);
    snprintf(e->id, sizeof e->id, "live-%d", h->written++);
    int who = below(h, 10);
    if (who < 5)
        snprintf(e->customer, sizeof e->customer, "C%07d", 1 + below(h, CUSTOMERS));
    else if (who < 9)
        snprintf(e->customer, sizeof e->customer, "new%d", below(h, 6));
    int what = below(h, 10);
    if (what < 4)
        snprintf(e->product, sizeof e->product, "P%07d", 1 + below(h, PRODUCTS));
    else if (what < 9)
        snprintf(e->product, sizeof e->product, "n%d", below(h, 7));
    else
        snprintf(e->product, sizeof e->product, "POST%d", below(h, 2));
    if (below(h, 3) > 0)
        snprintf(e->order, sizeof e->order, below(h, 3) ? "o%d" : "owned%d", below(h, 9));
    if (below(h, 3) > 0)
        snprintf(e->session, sizeof e->session, "s%d", below(h, 9));
    if (below(h, 2))
        snprintf(e->title, sizeof e->title, "title %d", below(h, 4));
    if (below(h, 3) == 0)
        snprintf(e->country, sizeof e->country, "%c", 'A' + below(h, 4));
    int kind = below(h, 6);
    e->event = (mx_event){.id = mx_str_of(e->id),
                          .time_ms = INT64_C(1735689600000) + (int64_t)below(h, 30) * 16 * MX_DAY_MS,
                          .kind = kind > 2 ? MX_EVENT_PURCHASE : (mx_event_kind)kind,
                          .customer = mx_str_of(e->customer),
                          .product = mx_str_of(e->product),
                          .order = mx_str_of(e->order),
                          .session = mx_str_of(e->session),
                          .title = mx_str_of(e->title),
                          .country = mx_str_of(e->country),
                          .quantity = 1 + below(h, 3),
                          .price_minor = 100 * below(h, 5),
                          .has_price = true};
    if (kind == 5) {
        e->event.kind = MX_EVENT_RETURN;
        e->event.quantity = -e->event.quantity;
    }
}

static int64_t write_events(home *h, int n, bool tell)
{
    merx_error err = {0};
    int64_t offset = 0;
    random_event *events = calloc((size_t)n, sizeof *events);
    mx_event *list = calloc((size_t)n, sizeof *list);
    uint64_t appended;
    for (int i = 0; i < n; i++) {
        make_event(h, &events[i]);
        list[i] = events[i].event;
    }
    check_ok(mx_live_begin(&h->live, &err), err);
    check_ok(mx_live_append(&h->live, list, (size_t)n, &appended, &err), err);
    check_ok(mx_live_commit(&h->live, &offset, &err), err);
    assert_int_equal(appended, n);
    if (tell)
        mx_view_keeper_written(h->keeper, false);
    free(events);
    free(list);
    return offset;
}

static void put_order(home *h, const char *id, const char *customer)
{
    merx_error err = {0};
    int64_t offset;
    mx_record record = {.kind = MX_ORDER, .order = {.id = mx_str_of(id), .customer = mx_str_of(customer)}};
    check_ok(mx_live_begin(&h->live, &err), err);
    check_ok(mx_live_put(&h->live, &record, 1, &err), err);
    check_ok(mx_live_commit(&h->live, &offset, &err), err);
    mx_view_keeper_written(h->keeper, true);
}

static void put_product(home *h, const char *id, const char *title, int64_t price)
{
    merx_error err = {0};
    int64_t offset;
    mx_record record = {.kind = MX_PRODUCT,
                        .product = {.id = mx_str_of(id),
                                    .title = mx_str_of(title),
                                    .price_minor = price,
                                    .has_price = price >= 0,
                                    .category = MX_STR("late")}};
    check_ok(mx_live_begin(&h->live, &err), err);
    if (title)
        check_ok(mx_live_put(&h->live, &record, 1, &err), err);
    else
        check_ok(mx_live_remove(&h->live, MX_PRODUCT, mx_str_of(id), &err), err);
    check_ok(mx_live_commit(&h->live, &offset, &err), err);
    mx_view_keeper_written(h->keeper, true);
}

/* ---- questions ---- */

/* "name=value name=value" */
static merx_options *question_of(const char *answer, const char *set)
{
    merx_error err = {0};
    merx_options *question;
    char text[256];
    check_ok(mx_question_new(answer, NULL, &question, &err), err);
    snprintf(text, sizeof text, "%s", set);
    for (char *save = NULL, *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
        check_ok(merx_options_parse(question, word, &err), err);
    return question;
}

/* The reply as JSON, or the failure's code. */
static char *reply_text(merx_status status, merx_reply *reply)
{
    char *text = NULL;
    merx_error err = {0};
    if (status != MERX_OK) {
        char code[64];
        snprintf(code, sizeof code, "failed: %s", merx_status_name(status));
        return strdup(code);
    }
    check_ok(merx_reply_json(reply, &text, &err), err);
    merx_reply_release(reply);
    char *copy = strdup(text);
    merx_text_free(text);
    return copy;
}

static char *ask_keeper(home *h, const char *answer, const char *set)
{
    merx_reply reply;
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    merx_options *question = question_of(answer, set);
    char *text = reply_text(mx_view_keeper_ask(h->keeper, answer, question, true, &arena, &reply, NULL), &reply);
    merx_options_free(question);
    mx_arena_release(&arena);
    return text;
}

static char *ask_shop(merx_shop *shop, const char *answer, const char *set)
{
    merx_reply reply;
    merx_options *question = question_of(answer, set);
    char *text = reply_text(merx_shop_ask(shop, answer, question, true, &reply, NULL), &reply);
    merx_options_free(question);
    return text;
}

static void check_same(home *h, merx_shop *shop, const char *answer, const char *set, size_t *answered)
{
    char *a = ask_keeper(h, answer, set);
    char *b = ask_shop(shop, answer, set);
    if (strcmp(a, b) != 0)
        print_error("%s %s:\ntail:   %s\nmerged: %s\n", answer, set, a, b);
    assert_string_equal(a, b);
    *answered += strncmp(a, "failed", 6) != 0;
    free(a);
    free(b);
}

static void check_line(const mx_snapshot *s, size_t e, const mx_line *line, mx_seen seen)
{
    assert_int_equal(line->time_ms, s->time_ms[e]);
    assert_int_equal(line->quantity, s->quantity[e]);
    assert_int_equal(line->price_minor, s->price_minor[e]);
    assert_int_equal(line->kind, s->kind[e]);
    assert_true(mx_str_equal(mx_seen_product_id(seen, line->product), s->product_id[s->product[e]]));
    assert_int_equal(mx_line_is_sale(line), mx_snapshot_is_sale(s, e));
}

/* Everything that seen.h gives, against the merged snapshot. */
static void check_seen(mx_seen seen, mx_snapshot *s)
{
    merx_error err = {0};
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    for (size_t p = 0; p < s->products; p++) {
        const char *id = mx_arena_strndup(&arena, s->product_id[p].data, s->product_id[p].size, NULL);
        int32_t product = mx_seen_product(seen, id);
        assert_true(product >= 0);
        mx_str title = mx_seen_product_title(seen, product);
        if (!mx_str_equal(title, s->product_title[p]))
            print_error("product %.*s: title \"%.*s\", merged \"%.*s\"\n", (int)s->product_id[p].size,
                        s->product_id[p].data, (int)title.size, title.data, (int)s->product_title[p].size,
                        s->product_title[p].data);
        assert_true(mx_str_equal(title, s->product_title[p]));
        assert_int_equal(mx_seen_product_price_minor(seen, product), s->product_price_minor[p]);
        assert_int_equal(mx_seen_product_service(seen, product), s->product_service[p] != 0);
    }
    for (int sessions = 0; sessions < 2; sessions++)
        for (size_t g = 0; g < (sessions ? s->sessions : s->customers); g++) {
            mx_str id = sessions ? s->session_id[g] : s->customer_id[g];
            const char *name = mx_arena_strndup(&arena, id.data, id.size, NULL);
            mx_known who = sessions ? mx_seen_session(seen, name) : mx_seen_customer(seen, name);
            const int32_t *events;
            mx_line *lines;
            size_t n, m;
            assert_true(mx_is_known(who));
            mx_known customer = sessions ? MX_NOBODY : who, session = sessions ? who : MX_NOBODY;
            check_ok(mx_seen_lines(seen, customer, session, MX_ALL_KINDS, &arena, &lines, &m, &err), err);
            if (sessions)
                check_ok(mx_snapshot_session_events(s, (int32_t)g, &events, &n, &err), err);
            else
                check_ok(mx_snapshot_customer_events(s, (int32_t)g, &events, &n, &err), err);
            assert_int_equal(m, n);
            for (size_t k = 0; k < n; k++)
                check_line(s, (size_t)events[k], &lines[k], seen);
            /* Of two kinds alone: what is left of all. */
            unsigned kinds = 1u << g % MX_EVENT_KINDS | 1u << MX_EVENT_PURCHASE;
            mx_line *some;
            size_t left = 0;
            check_ok(mx_seen_lines(seen, customer, session, kinds, &arena, &some, &n, &err), err);
            for (size_t k = 0; k < m; k++)
                if (kinds >> lines[k].kind & 1) {
                    assert_true(left < n);
                    assert_int_equal(some[left].time_ms, lines[k].time_ms);
                    assert_int_equal(some[left].product, lines[k].product);
                    assert_int_equal(some[left].quantity, lines[k].quantity);
                    assert_int_equal(some[left].kind, lines[k].kind);
                    assert_int_equal(some[left].of_customer, lines[k].of_customer);
                    assert_int_equal(some[left++].of_session, lines[k].of_session);
                }
            assert_int_equal(left, n);
        }
    mx_arena_release(&arena);
}

/* Answers of the tail and of what it would be merged into. */
static void test_tail_is_the_merged(void **state)
{
    home *h = home_new(11);
    merx_error err = {0};
    size_t answered = 0, questions = 0;
    (void)state;
    for (int i = 0; i < 9; i++) {
        char id[16], customer[16];
        snprintf(id, sizeof id, "owned%d", i);
        snprintf(customer, sizeof customer, i % 2 ? "C%07d" : "late%d", 1 + i);
        put_order(h, id, customer);
    }
    mx_view *view;
    check_ok(mx_view_keeper_get(h->keeper, false, &view, &err), err);
    const mx_snapshot *base = view->snapshot;
    mx_view_release(view);
    for (int round = 0; round < 14; round++) {
        int64_t offset = write_events(h, round < 4 ? 1 + round : 20 + below(h, 60), true);
        merx_shop *merged;
        mx_snapshot *s;
        check_ok(merx_shop_open(NULL, h->shop, &(merx_shop_options){.read_only = true}, &merged, &err), err);
        check_ok(mx_shop_snapshot(merged, NULL, &s, &err), err);
        check_ok(mx_view_keeper_get(h->keeper, false, &view, &err), err);
        assert_int_equal(view->offset, offset);
        assert_int_equal(s->offset, offset);
        assert_ptr_equal(view->snapshot, base); /* it is the tail that answers */
        assert_true(view->rows > 0);
        check_seen(mx_view_seen(view), s);
        mx_view_release(view);
        for (int q = 0; q < 25; q++) {
            char set[128];
            char customer[32];
            if (q % 2)
                snprintf(customer, sizeof customer, "C%07d", 1 + below(h, CUSTOMERS));
            else
                snprintf(customer, sizeof customer, "new%d", below(h, 6));
            snprintf(set, sizeof set, "customer=%s n=5", customer);
            check_same(h, merged, "recommend", set, &answered);
            snprintf(set, sizeof set, "customer=%s session=s%d", customer, below(h, 9));
            check_same(h, merged, "next", set, &answered);
            snprintf(set, sizeof set, "session=s%d basket=n%d,P%07d new_only=false", below(h, 9), below(h, 7),
                     1 + below(h, PRODUCTS));
            check_same(h, merged, "recommend", set, &answered);
            snprintf(set, sizeof set, "items=P%07d,n%d session=s%d history=3", 1 + below(h, PRODUCTS), below(h, 7),
                     below(h, 9));
            check_same(h, merged, "next", set, &answered);
            questions += 4;
        }
        merx_shop_close(merged);
    }
    assert_true(answered > questions * 3 / 4);
    home_free(h);
}

/* An answer over everything sees the last event too, and so does what comes after it. */
static void test_whole(void **state)
{
    home *h = home_new(12);
    merx_error err = {0};
    size_t answered = 0;
    (void)state;
    train(h->writer, "segment");
    for (int round = 0; round < 4; round++) {
        int64_t offset = write_events(h, 30, true);
        assert_false(mx_view_keeper_is_ready(h->keeper, true));
        merx_shop *merged;
        mx_view *view;
        check_ok(mx_view_keeper_get(h->keeper, true, &view, &err), err);
        assert_int_equal(view->offset, offset);
        assert_int_equal(view->snapshot->offset, offset);
        mx_view_release(view);
        assert_true(mx_view_keeper_is_ready(h->keeper, true));
        check_ok(merx_shop_open(NULL, h->shop, &(merx_shop_options){.read_only = true}, &merged, &err), err);
        check_same(h, merged, "insight", "", &answered);
        check_same(h, merged, "similar", "product=n1", &answered);
        check_same(h, merged, "segment", "customer=C0000003", &answered);
        check_same(h, merged, "recommend", "customer=C0000003", &answered);
        put_product(h, "n1", round % 2 ? NULL : "A title of the catalogue", 1234);
        put_product(h, "lonely", round % 2 ? NULL : "Never sold", -1);
        check_same(h, merged, "similar", "product=n1", &answered);
        check_same(h, merged, "recommend", "basket=n1,P0000001", &answered);
        check_same(h, merged, "recommend", "basket=lonely", &answered);
        merx_shop_close(merged);
    }
    assert_true(answered >= 20); /* not those of a product that is no longer there */
    home_free(h);
}

/* Another process's events and models come in by themselves; a customer who was erased is unknown at once. */
static void test_others(void **state)
{
    home *h = home_new(13);
    merx_error err = {0};
    merx_receipt receipt;
    mx_view *view;
    (void)state;
    check_ok(mx_view_keeper_get(h->keeper, false, &view, &err), err);
    mx_view_release(view);
    int64_t offset = write_events(h, 5, false);
    double until = mx_monotonic_s() + 20;
    for (int64_t seen = 0; seen < offset && mx_monotonic_s() < until;) {
        check_ok(mx_view_keeper_get(h->keeper, false, &view, &err), err);
        seen = view->offset;
        mx_view_release(view);
        if (seen < offset)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        else
            until = 0;
    }
    assert_true(until == 0);
    train(h->writer, "recommend");
    until = mx_monotonic_s() + 20;
    for (bool found = false; !found;) {
        char *text = ask_keeper(h, "recommend", "customer=C0000002");
        found = strstr(text, "\"model_version\":2") != NULL;
        free(text);
        assert_true(mx_monotonic_s() < until);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    check_ok(merx_shop_forget(h->writer, "C0000002", NULL, &receipt, &err), err);
    merx_receipt_release(&receipt);
    mx_view_keeper_written(h->keeper, true);
    char *text = ask_keeper(h, "recommend", "customer=C0000002");
    assert_string_equal(text, "failed: MERX_E_NOT_FOUND");
    free(text);
    text = ask_keeper(h, "recommend", "customer=C0000003");
    assert_non_null(strstr(text, "\"model_version\":3"));
    free(text);
    home_free(h);
}

/* What nobody asks is let go of, with questions still under way, and comes back. */
static void test_rest(void **state)
{
    home *h = home_new(14);
    merx_error err = {0};
    mx_view *view;
    (void)state;
    char *before = ask_keeper(h, "recommend", "customer=C0000003");
    check_ok(mx_view_keeper_get(h->keeper, false, &view, &err), err);
    assert_true(mx_view_keeper_is_awake(h->keeper));
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    mx_view_keeper_tend(h->keeper, 0.001);
    assert_false(mx_view_keeper_is_awake(h->keeper));
    assert_false(mx_view_keeper_is_ready(h->keeper, false));
    assert_true(mx_seen_product(mx_view_seen(view), "P0000001") >= 0); /* it is still good */
    mx_view_release(view);
    char *after = ask_keeper(h, "recommend", "customer=C0000003");
    assert_string_equal(before, after);
    free(before);
    free(after);
    home_free(h);
}

static void overwrite(const char *path, long from, long bytes, int with)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, from, SEEK_SET);
    for (long i = 0; i < bytes; i++)
        fputc(with, file);
    fclose(file);
}

/* Wherever the stored snapshot is damaged: answers are right, and nothing crashes. */
static void test_damaged_snapshot(void **state)
{
    home *h = home_new(15);
    char path[400];
    struct stat info;
    (void)state;
    write_events(h, 60, true);
    char *merged = ask_keeper(h, "insight", "");
    char *right = ask_keeper(h, "recommend", "customer=C0000003 session=s1");
    free(merged);
    snprintf(path, sizeof path, "%s/blobs/snapshots/current.safetensors", h->shop);
    assert_int_equal(stat(path, &info), 0);
    for (long at = 0; at < 40; at++) {
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        mx_view_keeper_tend(h->keeper, 0.001);
        overwrite(path, (long)(info.st_size * at / 40), 300, at % 2 ? 0x7f : 0xff);
        for (int c = 1; c < CUSTOMERS; c += 7) {
            char set[64];
            snprintf(set, sizeof set, "customer=C%07d", c);
            free(ask_keeper(h, "next", set));
        }
        free(ask_keeper(h, "insight", "")); /* looks all of it through */
        char *text = ask_keeper(h, "recommend", "customer=C0000003 session=s1");
        assert_int_equal(strncmp(text, "failed", 6) != 0, 1);
        free(text);
        /* A number that is another, in its range, is not noticed: build it anew before the next. */
        assert_int_equal(remove(path), 0);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        mx_view_keeper_tend(h->keeper, 0.001);
        text = ask_keeper(h, "recommend", "customer=C0000003 session=s1");
        assert_string_equal(text, right);
        free(text);
        assert_int_equal(stat(path, &info), 0);
    }
    free(right);
    home_free(h);
}

/* A new version whose file is damaged leaves the one before it answering. */
static void test_damaged_model(void **state)
{
    home *h = home_new(16);
    char path[400];
    (void)state;
    char *before = ask_keeper(h, "recommend", "customer=C0000003");
    assert_non_null(strstr(before, "\"model_version\":1"));
    write_events(h, 40, true);
    train(h->writer, "recommend");
    snprintf(path, sizeof path, "%s/blobs/models/recommend/000002.safetensors", h->shop);
    overwrite(path, 3000, 200, 0x55);
    mx_view_keeper_written(h->keeper, true);
    char *after = ask_keeper(h, "recommend", "customer=C0000003");
    assert_non_null(strstr(after, "\"model_version\":1"));
    free(after);
    /* Who has nothing else says what is wrong. */
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    mx_view_keeper_tend(h->keeper, 0.001);
    after = ask_keeper(h, "recommend", "customer=C0000003");
    assert_string_equal(after, "failed: MERX_E_CORRUPT");
    free(after);
    free(before);
    home_free(h);
}

/* ---- threads ---- */

typedef struct crowd {
    home *h;
    atomic_bool ends;
    atomic_int_fast64_t accepted; /* the last offset that was told */
    atomic_int asked, failed;
} crowd;

static void *ask_on(void *context)
{
    static const char *const sets[] = {"customer=C0000003", "session=s1", "basket=P0000002", "customer=new1"};
    crowd *c = context;
    for (unsigned k = 0; !atomic_load(&c->ends); k++) {
        const char *answer = k % 7 == 6 ? "insight" : k % 2 ? "recommend" : "next";
        const char *set = k % 7 == 6 ? "" : k % 2 ? sets[k / 2 % 4] : k % 3 ? "session=s1" : "customer=C0000003";
        int64_t accepted = atomic_load(&c->accepted);
        merx_reply reply;
        mx_arena arena;
        mx_arena_init(&arena, NULL);
        merx_options *question = question_of(answer, set);
        merx_status status = mx_view_keeper_ask(c->h->keeper, answer, question, k % 5 == 0, &arena, &reply, NULL);
        if (status == MERX_OK && reply.data_offset < accepted)
            atomic_fetch_add(&c->failed, 1);
        if (status != MERX_OK && status != MERX_E_NOT_FOUND)
            atomic_fetch_add(&c->failed, 1);
        mx_arena_release(&arena);
        merx_options_free(question);
        atomic_fetch_add(&c->asked, 1);
    }
    return NULL;
}

static void *tend_on(void *context)
{
    crowd *c = context;
    while (!atomic_load(&c->ends)) {
        mx_view_keeper_tend(c->h->keeper, 0.003);
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    return NULL;
}

/* Readers beside a writer, merges, changes of things, models that are replaced, and a keeper that rests whenever it can. */
static void test_crowd(void **state)
{
    home *h = home_new(17);
    crowd c = {.h = h};
    pthread_t readers[4], tender;
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, ask_on, &c), 0);
    assert_int_equal(pthread_create(&tender, NULL, tend_on, &c), 0);
    for (int round = 0; round < 150; round++) {
        atomic_store(&c.accepted, write_events(h, 1 + below(h, 9), true));
        if (round % 25 == 24)
            put_product(h, "n3", round % 50 == 24 ? "Catalogue" : NULL, 777);
        if (round == 70)
            train(h->writer, "recommend");
        while (atomic_load(&c.asked) < round * 3)
            nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    atomic_store(&c.ends, true);
    for (int i = 0; i < 4; i++)
        pthread_join(readers[i], NULL);
    pthread_join(tender, NULL);
    assert_int_equal(atomic_load(&c.failed), 0);
    assert_true(atomic_load(&c.asked) >= 400);
    size_t answered = 0;
    merx_shop *merged;
    merx_error err = {0};
    check_ok(merx_shop_open(NULL, h->shop, &(merx_shop_options){.read_only = true}, &merged, &err), err);
    check_same(h, merged, "recommend", "customer=new1", &answered);
    check_same(h, merged, "insight", "", &answered);
    assert_int_equal(answered, 2);
    merx_shop_close(merged);
    home_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tail_is_the_merged),
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_rest),
        cmocka_unit_test(test_damaged_snapshot),
        cmocka_unit_test(test_damaged_model),
        cmocka_unit_test(test_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
