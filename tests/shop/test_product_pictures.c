/*
 * Pictures of products: their blobs' names, and the listing of them.
 */
#include "io/file.h"
#include "shop/product_pictures.h"
#include "shop/shop_state.h"
#include "support/check.h"
#include "support/tiny_shop.h"

typedef struct fixture {
    char folder[256];
    mx_blobs *blobs;
    mx_snapshot *s;
    mx_arena arena;
    merx_error err;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    char path[300];
    check_make_folder(f->folder);
    snprintf(path, sizeof path, "%s/blobs", f->folder);
    check_ok(mx_blobs_open(path, true, NULL, &f->blobs, &f->err), f->err);
    tiny_shop *shop = tiny_new();
    tiny_buy(shop, "c", "o", "b", 1, 1, 1);
    tiny_buy(shop, "c", "o", "B 2", 1, 1, 1);
    tiny_buy(shop, "c", "o", "a-1", 1, 1, 1);
    f->s = tiny_finish(shop, NULL);
    tiny_free(shop);
    mx_arena_init(&f->arena, NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    mx_arena_release(&f->arena);
    tiny_close(f->s);
    mx_blobs_close(f->blobs);
    check_remove_folder(f->folder);
    free(f);
    return 0;
}

static void put(fixture *f, const char *product, const char *bytes, const char *extension)
{
    char name[256];
    check_ok(mx_product_picture_blob(mx_str_of(product), bytes, strlen(bytes), extension, name, &f->err), f->err);
    check_ok(mx_blobs_put(f->blobs, name, bytes, strlen(bytes), &f->err), f->err);
}

static mx_product_pictures list(fixture *f)
{
    mx_product_pictures pictures;
    check_ok(mx_product_pictures_list(f->blobs, f->s, &f->arena, &pictures, &f->err), f->err);
    return pictures;
}

static void name_is(const char *product, const char *want)
{
    char name[256];
    merx_error err = {0};
    check_ok(mx_product_picture_blob(mx_str_of(product), "abc", 3, "png", name, &err), err);
    assert_string_equal(name, want);
    assert_true(mx_blob_name_valid(name));
}

static void test_names(void **state)
{
    char id[300], name[256], want[400];
    merx_error err = {0};
    (void)state;
    /* SHA-256 of "abc": ba7816bf 8f01cfea 414140de … */
    name_is("a-1", "pictures/a-1/ba7816bf8f01cfea414140de.png");
    name_is("P 1/ü", "pictures/_50_201_2f_c3_bc/ba7816bf8f01cfea414140de.png");
    name_is(".x_y", "pictures/_2ex_5fy/ba7816bf8f01cfea414140de.png");
    memset(id, 'a', sizeof id);
    id[120] = '\0';
    snprintf(want, sizeof want, "pictures/%s/ba7816bf8f01cfea414140de.png", id);
    name_is(id, want);
    id[120] = 'a';
    id[121] = '\0';
    char hex[65];
    mx_sha256_hex(id, 121, hex);
    snprintf(want, sizeof want, "pictures/__%.40s/ba7816bf8f01cfea414140de.png", hex);
    name_is(id, want);
    /* 40 bytes of 3 are 120; one more byte is too many. */
    memset(id, 'A', 40);
    id[40] = '\0';
    check_ok(mx_product_picture_blob(mx_str_of(id), "abc", 3, "webp", name, &err), err);
    assert_int_equal(strlen(name), 9 + 120 + 1 + 24 + 5);
    id[40] = 'b';
    id[41] = '\0';
    check_ok(mx_product_picture_blob(mx_str_of(id), "abc", 3, "jpg", name, &err), err);
    assert_int_equal(strlen(name), 9 + 42 + 1 + 24 + 4);
    check_fails(mx_product_picture_blob(mx_str_of(""), "abc", 3, "jpg", name, &err), MERX_E_INVALID, err);
    check_fails(mx_product_picture_blob(mx_str_of("a"), "abc", 3, "jpeg", name, &err), MERX_E_INVALID, err);
    check_fails(mx_product_picture_blob(mx_str_of("a"), "abc", 3, "gif", name, &err), MERX_E_INVALID, err);
}

static void test_listing(void **state)
{
    fixture *f = *state;
    char name[256];
    mx_product_pictures none = list(f);
    assert_int_equal(none.n, 0);
    put(f, "b", "one", "png");
    put(f, "b", "two", "jpg");
    put(f, "B 2", "one", "webp");
    put(f, "a-1", "three!", "png");
    put(f, "unknown", "four", "png");
    /* Not pictures by their names. */
    check_ok(mx_blobs_put(f->blobs, "pictures/b/notes.txt", "x", 1, &f->err), f->err);
    check_ok(mx_blobs_put(f->blobs, "pictures/b/0123456789abcdef0123456.png", "x", 1, &f->err), f->err);
    check_ok(mx_blobs_put(f->blobs, "pictures/b/0123456789abcdef01234567.gif", "x", 1, &f->err), f->err);
    check_ok(mx_blobs_put(f->blobs, "pictures/b/0123456789abcdef012345678.png", "x", 1, &f->err), f->err);
    check_ok(mx_blobs_put(f->blobs, "picturesque", "x", 1, &f->err), f->err);
    mx_product_pictures all = list(f);
    assert_int_equal(all.n, 4);
    static const char *const order[] = {"B 2", "a-1", "b", "b"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(all.picture[i].product, mx_snapshot_find_product(f->s, order[i]));
        assert_true(i == 0 || strcmp(all.picture[i - 1].blob, all.picture[i].blob) < 0 ||
                    all.picture[i - 1].product < all.picture[i].product);
    }
    assert_int_equal(all.picture[1].size_bytes, 6);
    assert_true(strcmp(all.picture[2].blob, all.picture[3].blob) < 0);
    /* The digest: another with any picture, the same for the same ones; pictures of unknown products are not in it. */
    assert_string_not_equal(all.sha256, none.sha256);
    put(f, "unknown", "five", "png");
    assert_string_equal(list(f).sha256, all.sha256);
    put(f, "b", "three!", "png");
    assert_string_not_equal(list(f).sha256, all.sha256);
    check_ok(mx_product_picture_blob(mx_str_of("b"), "three!", 6, "png", name, &f->err), f->err);
    check_ok(mx_blobs_remove(f->blobs, name, &f->err), f->err);
    assert_string_equal(list(f).sha256, all.sha256);
    /* A snapshot of no store has none. */
    mx_product_pictures pictures;
    assert_null(f->s->blobs);
    check_ok(mx_product_pictures_list(NULL, f->s, &f->arena, &pictures, &f->err), f->err);
    assert_int_equal(pictures.n, 0);
    assert_string_equal(pictures.sha256, none.sha256);
}

static void test_many_of_one(void **state)
{
    fixture *f = *state;
    char text[16];
    for (int i = 0; i < MX_PICTURES_OF_PRODUCT + 6; i++) {
        snprintf(text, sizeof text, "%d", i);
        put(f, "b", text, "png");
    }
    put(f, "a-1", "1", "png");
    assert_int_equal(list(f).n, MX_PICTURES_OF_PRODUCT + 1);
}

static void test_failures(void **state)
{
    fixture *f = *state;
    put(f, "b", "one", "png");
    put(f, "a-1", "two", "jpg");
    for (int64_t k = 0;; k++) {
        mx_failing_allocator failing;
        mx_arena arena;
        mx_product_pictures pictures;
        merx_error err = {0};
        mx_failing_allocator_init(&failing, k, true);
        mx_arena_init(&arena, &failing.allocator);
        const merx_status status = mx_product_pictures_list(f->blobs, f->s, &arena, &pictures, &err);
        mx_arena_release(&arena);
        assert_int_equal(failing.live_blocks, 0);
        if (failing.calls <= k) {
            check_ok(status, err);
            break;
        }
        assert_int_equal(status, MERX_E_MEMORY);
    }
    mx_product_pictures pictures;
    check_ok(mx_blobs_fault_wrap(f->blobs, 0, MERX_E_IO, &f->blobs, &f->err), f->err);
    check_fails(mx_product_pictures_list(f->blobs, f->s, &f->arena, &pictures, &f->err), MERX_E_IO, f->err);
    assert_int_equal(pictures.n, 0);
}

/* A snapshot says where its shop's blobs are, its views too. */
static void test_store_of_snapshot(void **state)
{
    fixture *f = *state;
    char home[300];
    merx_shop *shop;
    mx_snapshot *s;
    snprintf(home, sizeof home, "%s/shop", f->folder);
    check_ok(merx_shop_open(NULL, home, &(merx_shop_options){.create = true}, &shop, &f->err), f->err);
    for (int round = 0; round < 2; round++) { /* built, then mapped */
        check_ok(mx_shop_snapshot(shop, NULL, &s, &f->err), f->err);
        assert_ptr_equal(s->blobs, shop->blobs);
        const mx_snapshot view = mx_snapshot_before(s, 0);
        assert_ptr_equal(view.blobs, shop->blobs);
        mx_shop_drop_snapshot(shop);
    }
    merx_shop_close(shop);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(test_names), TEST(test_listing), TEST(test_many_of_one),
                                       TEST(test_failures), TEST(test_store_of_snapshot)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
