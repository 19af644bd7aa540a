/*
 * Keys: made, listed, compared, revoked; found in the ring of several shops, fresh within a second, limited by rate.
 */
#include "merx/server.h"
#include "server/key_ring.h"
#include "shop/shop_state.h"
#include "support/check.h"

static merx_shop *open_shop(const char *folder, const char *name, char path[300])
{
    merx_shop *shop;
    merx_error err = {0};
    snprintf(path, 300, "%s/%s", folder, name);
    check_ok(merx_shop_open(NULL, path, &(merx_shop_options){.create = true}, &shop, &err), err);
    return shop;
}

static void test_made(void **state)
{
    char folder[256];
    char path[300];
    char text[3][MERX_KEY_TEXT_SIZE];
    char id[MERX_KEY_ID_SIZE];
    unsigned char secret[MX_KEY_SECRET_SIZE];
    merx_error err = {0};
    merx_keys keys;
    (void)state;
    check_make_folder(folder);
    merx_shop *shop = open_shop(folder, "a", path);
    check_ok(merx_key_list(shop, &keys, &err), err);
    assert_int_equal(keys.count, 0);
    merx_keys_release(&keys);
    check_ok(merx_key_create(shop, MERX_ROLE_READER, NULL, text[0], &err), err);
    check_ok(merx_key_create(shop, MERX_ROLE_WRITER, "网站", text[1], &err), err);
    check_ok(merx_key_create(shop, MERX_ROLE_ADMIN, "back office", text[2], &err), err);
    assert_string_not_equal(text[0], text[1]);
    char longer[MERX_KEY_NAME_MAX + 2];
    memset(longer, 'n', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    char unused[MERX_KEY_TEXT_SIZE];
    check_fails(merx_key_create(shop, MERX_ROLE_READER, longer, unused, &err), MERX_E_LIMIT, err);
    check_fails(merx_key_create(shop, MERX_ROLE_READER, "\xff", unused, &err), MERX_E_INVALID, err);
    check_fails(merx_key_create(shop, (merx_role)9, "", unused, &err), MERX_E_INVALID, err);

    mx_vec read = mx_vec_init(NULL, sizeof(mx_api_key), 10, "keys");
    check_ok(mx_api_keys_read(shop->records, &read, &err), err);
    assert_int_equal(read.count, 3);
    size_t fits = 0;
    for (size_t i = 0; i < 3; i++) {
        assert_true(mx_api_key_split(text[i], id, secret));
        for (size_t k = 0; k < 3; k++) {
            const mx_api_key *key = &MX_VEC_AT(&read, mx_api_key, k);
            bool same = mx_api_key_fits(key, secret);
            assert_true(same == (strcmp(key->id, id) == 0));
            fits += same;
        }
        secret[31] ^= 1;
        for (size_t k = 0; k < 3; k++)
            assert_false(mx_api_key_fits(&MX_VEC_AT(&read, mx_api_key, k), secret));
    }
    assert_int_equal(fits, 3);
    mx_vec_release(&read);

    check_ok(merx_key_list(shop, &keys, &err), err);
    assert_int_equal(keys.count, 3);
    assert_true(mx_api_key_split(text[1], id, secret));
    merx_keys_release(&keys);
    check_ok(merx_key_revoke(shop, id, &err), err);
    check_fails(merx_key_revoke(shop, id, &err), MERX_E_NOT_FOUND, err);
    check_fails(merx_key_revoke(shop, "XYZ", &err), MERX_E_INVALID, err);
    check_fails(merx_key_revoke(shop, NULL, &err), MERX_E_INVALID, err);
    check_ok(merx_key_list(shop, &keys, &err), err);
    assert_int_equal(keys.count, 2);
    for (size_t i = 0; i < keys.count; i++)
        assert_string_not_equal(keys.key[i].id, id);
    merx_keys_release(&keys);
    merx_shop_close(shop);
    check_remove_folder(folder);
}

static void test_texts(void **state)
{
    char id[MERX_KEY_ID_SIZE];
    unsigned char secret[MX_KEY_SECRET_SIZE];
    static const char good[] = "merx_0123456789ab_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    char text[80];
    (void)state;
    assert_true(mx_api_key_split(good, id, secret));
    assert_string_equal(id, "0123456789ab");
    /* Another character at any place but within the secret is no key; there it must be base64. */
    for (size_t i = 0; i < strlen(good); i++) {
        snprintf(text, sizeof text, "%s", good);
        text[i] = '*';
        assert_false(mx_api_key_split(text, id, secret));
        text[i] = '\0';
        assert_false(mx_api_key_split(text, id, secret));
    }
    snprintf(text, sizeof text, "%sA", good);
    assert_false(mx_api_key_split(text, id, secret));
    assert_false(mx_api_key_split("", id, secret));
    /* The last character holds two bits that no byte has. */
    snprintf(text, sizeof text, "%s", good);
    text[strlen(text) - 1] = 'B';
    assert_false(mx_api_key_split(text, id, secret));
}

static void test_ring(void **state)
{
    char folder[256];
    char path[2][300];
    char text[2][MERX_KEY_TEXT_SIZE];
    char id[MERX_KEY_ID_SIZE];
    merx_error err = {0};
    mx_served_shop served[2];
    mx_served_shop *found = NULL;
    mx_key_ring ring;
    merx_role role;
    double wait_s = 0;
    (void)state;
    check_make_folder(folder);
    merx_shop *a = open_shop(folder, "a", path[0]);
    merx_shop *b = open_shop(folder, "b", path[1]);
    check_ok(mx_served_shop_open(&served[0], "a", path[0], &err), err);
    check_ok(mx_served_shop_open(&served[1], "b", path[1], &err), err);
    check_ok(mx_key_ring_init(&ring, served, 2, 0, &err), err);
    assert_false(mx_key_ring_any(&ring));
    check_ok(merx_key_create(a, MERX_ROLE_READER, "", text[0], &err), err);
    check_ok(merx_key_create(b, MERX_ROLE_ADMIN, "", text[1], &err), err);
    check_ok(mx_key_ring_check(&ring, &err), err);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mx_key_ring_find(&ring, text[i], &found, &role, id, &wait_s), MX_KEY_GOOD);
        assert_ptr_equal(found, &served[i]);
        assert_int_equal(role, i ? MERX_ROLE_ADMIN : MERX_ROLE_READER);
        assert_int_equal(mx_key_ring_count(&ring, (size_t)i), 1);
    }
    text[0][MERX_KEY_TEXT_SIZE - 3] ^= 1;
    assert_int_equal(mx_key_ring_find(&ring, text[0], &found, &role, id, &wait_s), MX_KEY_UNKNOWN);
    text[0][MERX_KEY_TEXT_SIZE - 3] ^= 1;

    /* One shop's id with the other's secret opens neither. */
    char mixed[MERX_KEY_TEXT_SIZE];
    snprintf(mixed, sizeof mixed, "%.17s%s", text[0], text[1] + 17);
    assert_int_equal(mx_key_ring_find(&ring, mixed, &found, &role, id, &wait_s), MX_KEY_UNKNOWN);

    /* Revoked in the store: refused once the second is over; here it is over at once. */
    snprintf(id, sizeof id, "%.12s", text[0] + 5);
    check_ok(merx_key_revoke(a, id, &err), err);
    ring.shop[0].looked_s = -1e9;
    assert_int_equal(mx_key_ring_find(&ring, text[0], &found, &role, id, &wait_s), MX_KEY_UNKNOWN);
    assert_int_equal(mx_key_ring_find(&ring, text[1], &found, &role, id, &wait_s), MX_KEY_GOOD);

    /* A bucket of five; another key of the shop has its own. */
    ring.rate = 5;
    char third[MERX_KEY_TEXT_SIZE];
    check_ok(merx_key_create(b, MERX_ROLE_READER, "", third, &err), err);
    ring.looked_all_s = -1e9;
    int good = 0;
    for (int i = 0; i < 20; i++)
        good += mx_key_ring_find(&ring, third, &found, &role, id, &wait_s) == MX_KEY_GOOD;
    assert_true(good >= 5 && good < 20);
    assert_true(wait_s > 0 && wait_s <= 0.2);
    mx_key_ring_release(&ring);

    /* A copy of a record makes the same key in two shops: refused at the start, and selecting neither. */
    mx_arena arena;
    mx_record record;
    char setting[64];
    mx_arena_init(&arena, NULL);
    snprintf(setting, sizeof setting, "key/%.12s", text[1] + 5);
    check_ok(mx_records_get(b->records, MX_SETTING, mx_str_of(setting), &arena, &record, &err), err);
    check_ok(mx_records_begin(a->records, &err), err);
    check_ok(mx_records_upsert(a->records, &record, 1, &err), err);
    check_ok(mx_records_commit(a->records, &err), err);
    mx_arena_release(&arena);
    check_ok(mx_key_ring_init(&ring, served, 2, 0, &err), err);
    check_fails(mx_key_ring_check(&ring, &err), MERX_E_EXISTS, err);
    assert_int_equal(mx_key_ring_find(&ring, text[1], &found, &role, id, &wait_s), MX_KEY_UNKNOWN);
    mx_key_ring_release(&ring);
    mx_served_shop_close(&served[0]);
    mx_served_shop_close(&served[1]);
    merx_shop_close(a);
    merx_shop_close(b);
    check_remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_made), cmocka_unit_test(test_texts),
                                       cmocka_unit_test(test_ring)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
