/*
 * The view of a shop: answers out of the tail are those of a merged snapshot, to the byte; what is committed is seen; threads share it while it changes.
 */
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

#include "shop/view_test.h"

/* Answers of the tail and of what it would be merged into. */
static void test_tail_is_the_merged(void **state)
{
    home *h = home_new(11);
    merx_error err = {0};
    size_t answered = 0, questions = 0, known = 0;
    (void)state;
    for (int i = 0; i < 9; i++) {
        char id[16], customer[16];
        snprintf(id, sizeof id, "owned%d", i);
        snprintf(customer, sizeof customer, i % 2 ? "C%07d" : "late%d", 1 + i);
        put_order(h, id, customer);
    }
    change_things(h, 40); /* some are in the snapshot, which no event names */
    mx_view *view;
    check_ok(mx_view_keeper_get(h->keeper, false, &view, &err), err);
    const mx_snapshot *base = view->snapshot;
    mx_view_release(view);
    for (int round = 0; round < 14; round++) {
        if (round % 2)
            change_things(h, 1 + below(h, 12));
        int64_t offset = write_events(h, round < 4 ? 1 + round : 20 + below(h, 60), true);
        if (round % 3)
            change_things(h, 1 + below(h, 12));
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
            snprintf(set, sizeof set, q % 2 ? "basket=only%d" : "customer=put%d", below(h, 8));
            check_same(h, merged, "recommend", set, &known);
        }
        merx_shop_close(merged);
    }
    assert_true(answered > questions * 3 / 4);
    assert_true(known > 50 && known < 300);
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
        if (round % 4 == 1)
            change_things(h, 1 + below(h, 3));
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
