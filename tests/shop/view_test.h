/*
 * A shop, written to beside a keeper of its view, and what the keeper must give: to the byte what a merged snapshot does.
 */
#ifndef MX_TESTS_VIEW_TEST_H
#define MX_TESTS_VIEW_TEST_H

#include "shop/view.h"

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

static inline void train(merx_shop *shop, const char *answer)
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

static inline home *home_new(uint64_t seed)
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

static inline void home_free(home *h)
{
    mx_view_keeper_free(h->keeper);
    mx_live_release(&h->live);
    merx_shop_close(h->writer);
    check_remove_folder(h->folder);
    free(h);
}

static inline int below(home *h, int n)
{
    return (int)mx_random_below(&h->random, (uint64_t)n);
}

/* ---- events ---- */

typedef struct random_event {
    char id[32], customer[32], product[32], order[32], session[32], title[32], country[8];
    mx_event event;
} random_event;

/* Old and new customers, products and sessions; times before, among and after those of the shop, many of them equal; returns; lines without a customer in an order that has one. */
static inline void make_event(home *h, random_event *e)
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

static inline int64_t write_events(home *h, int n, bool tell)
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

static inline void put_order(home *h, const char *id, const char *customer)
{
    merx_error err = {0};
    int64_t offset;
    mx_record record = {.kind = MX_ORDER, .order = {.id = mx_str_of(id), .customer = mx_str_of(customer)}};
    check_ok(mx_live_begin(&h->live, &err), err);
    check_ok(mx_live_put(&h->live, &record, 1, &err), err);
    check_ok(mx_live_commit(&h->live, &offset, &err), err);
    mx_view_keeper_written(h->keeper, true);
}

static inline void put_product(home *h, const char *id, const char *title, int64_t price)
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

/* n changes in one transaction: records put and removed of products that are sold, of those that events alone name, of those that nothing else names, and records of customers. */
static inline void change_things(home *h, int n)
{
    merx_error err = {0};
    int64_t offset;
    check_ok(mx_live_begin(&h->live, &err), err);
    for (int i = 0; i < n; i++) {
        static const char *const titles[] = {"", "title 1", "A title of the catalogue", "Another"};
        char id[32];
        int what = below(h, 5), number = below(h, what == 2 ? PRODUCTS : 7);
        snprintf(id, sizeof id, what == 0 ? "n%d" : what == 1 ? "POST%d" : what == 2 ? "P%07d" : "only%d", number);
        mx_record record = {.kind = MX_PRODUCT,
                            .product = {.id = mx_str_of(id),
                                        .title = mx_str_of(titles[below(h, 4)]),
                                        .price_minor = below(h, 2000),
                                        .has_price = below(h, 3) > 0,
                                        .service = below(h, 5) == 0,
                                        .category = MX_STR("late")}};
        merx_error missing = {0};
        if (below(h, 6) == 0) {
            snprintf(id, sizeof id, below(h, 2) ? "C%07d" : "put%d", 1 + number);
            record = (mx_record){.kind = MX_CUSTOMER, .customer = {.id = mx_str_of(id), .country = MX_STR("Peru")}};
        }
        if (record.kind == MX_PRODUCT && below(h, 5) < 2) {
            merx_status status = mx_live_remove(&h->live, MX_PRODUCT, mx_str_of(id), &missing);
            assert_true(status == MERX_OK || status == MERX_E_NOT_FOUND);
        } else {
            check_ok(mx_live_put(&h->live, &record, 1, &err), err);
        }
    }
    check_ok(mx_live_commit(&h->live, &offset, &err), err);
    mx_view_keeper_written(h->keeper, false);
}

/* ---- questions ---- */

/* "name=value name=value" */
static inline merx_options *question_of(const char *answer, const char *set)
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
static inline char *reply_text(merx_status status, merx_reply *reply)
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

static inline char *ask_keeper(home *h, const char *answer, const char *set)
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

static inline char *ask_shop(merx_shop *shop, const char *answer, const char *set)
{
    merx_reply reply;
    merx_options *question = question_of(answer, set);
    char *text = reply_text(merx_shop_ask(shop, answer, question, true, &reply, NULL), &reply);
    merx_options_free(question);
    return text;
}

static inline void check_same(home *h, merx_shop *shop, const char *answer, const char *set, size_t *answered)
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

static inline void check_line(const mx_snapshot *s, size_t e, const mx_line *line, mx_seen seen)
{
    assert_int_equal(line->time_ms, s->time_ms[e]);
    assert_int_equal(line->quantity, s->quantity[e]);
    assert_int_equal(line->price_minor, s->price_minor[e]);
    assert_int_equal(line->kind, s->kind[e]);
    assert_true(mx_str_equal(mx_seen_product_id(seen, line->product), s->product_id[s->product[e]]));
    assert_int_equal(mx_line_is_sale(line), mx_snapshot_is_sale(s, e));
}

/* A product that the merged snapshot has not is known nowhere. */
static inline void check_unknown(mx_seen seen, mx_snapshot *s, mx_str id, mx_arena *arena)
{
    const char *text = mx_arena_strndup(arena, id.data, id.size, NULL);
    if (mx_snapshot_find_product(s, text) < 0)
        assert_int_equal(mx_seen_product(seen, text), -1);
}

/* Everything that seen.h gives, against the merged snapshot. */
static inline void check_seen(mx_seen seen, mx_snapshot *s)
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
    for (size_t p = 0; p < seen.snapshot->products; p++)
        check_unknown(seen, s, seen.snapshot->product_id[p], &arena);
    for (size_t i = 0; seen.tail && i < seen.tail->names; i++)
        if (seen.tail->name[i].space == MX_TAIL_PRODUCT)
            check_unknown(seen, s, seen.tail->name[i].text, &arena);
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

#endif
