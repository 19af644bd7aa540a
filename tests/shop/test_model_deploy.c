/*
 * Deploying and rolling back: what is live, what was, what is refused; damaged and missing files.
 */
#include "io/file.h"
#include "shop/model_deploy.h"
#include "shop/model_store.h"
#include "support/check.h"

/* One more version, of bytes that say which it is. */
static void put(merx_shop *shop, bool live, bool passed)
{
    merx_error err = {0};
    mx_arena arena;
    merx_evaluation evaluation = {.gate_passed = passed, .gate = "as the test says"};
    char *metrics;
    unsigned char bytes[8] = {(unsigned char)live, (unsigned char)passed, 7};
    mx_arena_init(&arena, NULL);
    check_ok(merx_evaluation_json(&evaluation, &metrics, &err), err);
    mx_model_record record = {
        .answer = MX_STR("recommend"), .live = live, .metrics = mx_str_of(metrics), .options = MX_STR("{}")};
    check_ok(mx_records_begin(shop->records, &err), err);
    check_ok(mx_model_put(shop, &record, bytes, sizeof bytes, &arena, &err), err);
    check_ok(mx_records_commit(shop->records, &err), err);
    merx_text_free(metrics);
    mx_arena_release(&arena);
}

static int64_t live(merx_shop *shop)
{
    merx_error err = {0};
    mx_arena arena;
    mx_model_record *list;
    size_t n;
    mx_arena_init(&arena, NULL);
    check_ok(mx_model_list(shop->records, "recommend", &arena, &list, &n, &err), err);
    const mx_model_record *record = mx_model_live(list, n);
    int64_t version = record ? record->version : 0;
    mx_arena_release(&arena);
    return version;
}

static void deploy(merx_shop *shop, int64_t version, bool force, int64_t was)
{
    merx_error err = {0};
    int64_t before;
    check_ok(mx_model_deploy(shop, "recommend", version, force, &before, &err), err);
    assert_int_equal(before, was);
    assert_int_equal(live(shop), version);
}

static void roll_back(merx_shop *shop, int64_t to, int64_t from)
{
    merx_error err = {0};
    int64_t now;
    int64_t before;
    check_ok(mx_model_rollback(shop, "recommend", &now, &before, &err), err);
    assert_int_equal(now, to);
    assert_int_equal(before, from);
    assert_int_equal(live(shop), to);
}

static void write_blob(const char *path, int64_t version, const char *text)
{
    merx_error err = {0};
    char name[400];
    snprintf(name, sizeof name, "%s/blobs/models/recommend/%06d.safetensors", path, (int)version);
    if (text)
        check_ok(mx_write_file(name, text, strlen(text), &err), err);
    else
        check_ok(mx_remove_file(name, &err), err);
}

static void test_deploy(void **state)
{
    char folder[256];
    char path[300];
    merx_shop *shop;
    merx_error err = {0};
    int64_t now;
    int64_t was;
    (void)state;
    check_make_folder(folder);
    snprintf(path, sizeof path, "%s/shop", folder);
    check_ok(merx_shop_open(NULL, path, &(merx_shop_options){.create = true}, &shop, &err), err);
    check_fails(mx_model_rollback(shop, "recommend", &now, &was, &err), MERX_E_NOT_FITTED, err);
    check_fails(mx_model_deploy(shop, "recommend", 1, true, &was, &err), MERX_E_NOT_FOUND, err);
    put(shop, true, true);
    check_fails(mx_model_rollback(shop, "recommend", &now, &was, &err), MERX_E_NOT_FITTED, err);
    put(shop, true, true); /* a training that deploys what it made: 2 */
    put(shop, false, false);
    assert_int_equal(live(shop), 2);
    check_fails(mx_model_deploy(shop, "recommend", 3, false, &was, &err), MERX_E_GATE, err);
    assert_int_equal(live(shop), 2);
    deploy(shop, 3, true, 2);
    deploy(shop, 3, true, 3); /* what is live already: nothing is noted */
    roll_back(shop, 2, 3);
    roll_back(shop, 1, 2);
    check_fails(mx_model_rollback(shop, "recommend", &now, &was, &err), MERX_E_NOT_FITTED, err);
    assert_int_equal(live(shop), 1);

    /* Damaged, or gone: not deployed; passed over when rolled back; what is live stays. */
    deploy(shop, 2, false, 1);
    deploy(shop, 3, true, 2);
    write_blob(path, 2, "other bytes");
    check_fails(mx_model_deploy(shop, "recommend", 2, true, &was, &err), MERX_E_CORRUPT, err);
    assert_int_equal(live(shop), 3);
    roll_back(shop, 1, 3);
    deploy(shop, 3, true, 1);
    write_blob(path, 1, NULL);
    check_fails(mx_model_rollback(shop, "recommend", &now, &was, &err), MERX_E_NOT_FOUND, err);
    assert_int_equal(live(shop), 3);
    merx_shop_close(shop);
    check_remove_folder(folder);
}

/* A failure of any call of the store leaves what is live. */
static void test_faults(void **state)
{
    (void)state;
    for (int64_t k = 0; k < 200; k++) {
        char folder[256];
        char path[300];
        merx_shop *shop;
        merx_error err = {0};
        int64_t was;
        check_make_folder(folder);
        snprintf(path, sizeof path, "%s/shop", folder);
        check_ok(merx_shop_open(NULL, path, &(merx_shop_options){.create = true}, &shop, &err), err);
        put(shop, true, true);
        put(shop, false, true);
        mx_records *wrapped;
        check_ok(mx_records_fault_wrap(shop->records, k, MERX_E_IO, &wrapped, &err), err);
        shop->records = wrapped;
        merx_status status = mx_model_deploy(shop, "recommend", 2, false, &was, &err);
        bool reached = mx_records_fault_calls(wrapped) > k;
        assert_int_equal(status, reached ? MERX_E_IO : MERX_OK);
        merx_shop_close(shop);
        merx_error_clear(&err);
        check_ok(merx_shop_open(NULL, path, NULL, &shop, &err), err);
        assert_int_equal(live(shop), reached ? 1 : 2);
        merx_shop_close(shop);
        check_remove_folder(folder);
        if (!reached)
            return;
    }
    check_die(__FILE__, __LINE__, "deploying takes more than 200 calls of the store");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_deploy), cmocka_unit_test(test_faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
