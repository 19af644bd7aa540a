/*
 * A whole shop with its records in PostgreSQL is the shop it is in SQLite: the same digest after import, training and forgetting, and the
 * same answers with the same reasons. A server of the test's own; skipped where none is installed.
 */
#include "merx/shop.h"
#include "support/postgres_server.h"

enum { SHOPS = 2 };

typedef struct world {
    char base[256], data[300];
    merx_shop *shop[SHOPS]; /* SQLite, PostgreSQL */
} world;

static world w;

static merx_shop *open_shop(int which, bool create)
{
    char folder[300], address[512];
    merx_error err = {0};
    merx_shop *shop;
    merx_shop_options options = {.create = create};

    snprintf(folder, sizeof folder, "%s/shop%d", w.base, which);
    postgres_address("shop", address, sizeof address);
    if (which == 1)
        options.records = address;
    check_ok(merx_shop_open(NULL, folder, &options, &shop, &err), err);
    return shop;
}

static int set_up(void **state)
{
    merx_error err = {0};
    char pictures[320];
    (void)state;

    check_make_folder(w.base);
    snprintf(w.data, sizeof w.data, "%s/data", w.base);
    check_ok(merx_sample_write(w.data, &(merx_sample_options){150, 400, 9000, 3}, NULL, &err), err);
    snprintf(pictures, sizeof pictures, "%s/pictures", w.data); /* records are the matter here */
    check_remove_folder(pictures);
    for (int i = 0; i < SHOPS; i++) {
        merx_import import;
        w.shop[i] = open_shop(i, true);
        check_ok(merx_shop_import(w.shop[i], w.data, NULL, NULL, &import, &err), err);
        assert_true(import.events > 8000);
        merx_import_release(&import);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < SHOPS; i++)
        merx_shop_close(w.shop[i]);
    check_remove_folder(w.base);
    return 0;
}

static void same_digest(bool with_models)
{
    char hex[SHOPS][65];
    merx_error err = {0};
    for (int i = 0; i < SHOPS; i++)
        check_ok(merx_shop_digest(w.shop[i], with_models, hex[i], &err), err);
    assert_string_equal(hex[0], hex[1]);
}

static void test_import_gives_the_same(void **state)
{
    merx_error err = {0};
    (void)state;

    same_digest(false);
    for (int i = 0; i < SHOPS; i++) { /* again: nothing is taken twice */
        merx_import import;
        merx_shop_close(w.shop[i]);
        w.shop[i] = open_shop(i, false);
        check_ok(merx_shop_import(w.shop[i], w.data, NULL, NULL, &import, &err), err);
        for (size_t k = 0; k < import.files; k++)
            assert_true(import.file[k].unchanged || import.file[k].accepted == 0);
        merx_import_release(&import);
    }
    same_digest(false);
}

/* The files of the shop's folder are beside the database, not in it. */
static void test_blobs_stay_in_the_folder(void **state)
{
    char path[340];
    (void)state;
    snprintf(path, sizeof path, "%s/shop1/blobs", w.base);
    assert_int_equal(access(path, F_OK), 0);
    snprintf(path, sizeof path, "%s/shop1/shop.db", w.base);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void same_reply(const merx_reply *a, const merx_reply *b)
{
    assert_int_equal(a->items, b->items);
    for (size_t i = 0; i < a->items; i++) {
        assert_string_equal(a->item[i].id, b->item[i].id);
        check_same_double(a->item[i].score, b->item[i].score);
        assert_int_equal(a->item[i].reasons, b->item[i].reasons);
        for (size_t k = 0; k < a->item[i].reasons; k++) {
            check_same_double(a->item[i].reason[k].contribution, b->item[i].reason[k].contribution);
            assert_string_equal(a->item[i].reason[k].text, b->item[i].reason[k].text);
        }
    }
}

static void test_answers_are_the_same(void **state)
{
    static const char *const answers[] = {"recommend", "similar"};
    static const char *const about[] = {"customer", "product"};
    merx_error err = {0};
    size_t items = 0;
    (void)state;

    for (int i = 0; i < SHOPS; i++) {
        merx_training training;
        check_ok(merx_shop_train(w.shop[i], "recommend", NULL, NULL, &training, &err), err);
        merx_training_release(&training);
        check_ok(merx_shop_train(w.shop[i], "similar", NULL, NULL, &training, &err), err);
        merx_training_release(&training);
    }
    same_digest(true);
    for (int a = 0; a < 2; a++) {
        for (int who = 1; who <= 20; who++) {
            merx_reply replies[SHOPS] = {0};
            char id[32];
            snprintf(id, sizeof id, a == 0 ? "C%07d" : "P%07d", who);
            for (int i = 0; i < SHOPS; i++) {
                merx_options *question;
                check_ok(merx_shop_question(w.shop[i], answers[a], &question, &err), err);
                check_ok(merx_options_set(question, about[a], id, &err), err);
                check_ok(merx_shop_ask(w.shop[i], answers[a], question, true, &replies[i], &err), err);
                merx_options_free(question);
            }
            same_reply(&replies[0], &replies[1]);
            items += replies[0].items;
            merx_reply_release(&replies[0]);
            merx_reply_release(&replies[1]);
        }
    }
    assert_true(items > 50);
}

static void test_forgetting_gives_the_same(void **state)
{
    merx_error err = {0};
    merx_receipt receipts[SHOPS];
    (void)state;

    for (int i = 0; i < SHOPS; i++)
        check_ok(merx_shop_forget(w.shop[i], "C0000002", NULL, &receipts[i], &err), err);
    assert_int_equal(receipts[0].events, receipts[1].events);
    assert_int_equal(receipts[0].orders, receipts[1].orders);
    assert_int_equal(receipts[0].customers, receipts[1].customers);
    assert_true(receipts[0].events > 0);
    for (int i = 0; i < SHOPS; i++)
        merx_receipt_release(&receipts[i]);
    same_digest(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_import_gives_the_same),
        cmocka_unit_test(test_blobs_stay_in_the_folder),
        cmocka_unit_test(test_answers_are_the_same),
        cmocka_unit_test(test_forgetting_gives_the_same),
    };
    if (postgres_start() == NULL)
        return 77;
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
