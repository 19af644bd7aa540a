/*
 * Kinds of routes, places in listings, words looked for, origins, small pictures that are kept, certificates.
 */
#include <sodium.h>

#include "merx/media.h"
#include "server/cors.h"
#include "server/picture_sizes.h"
#include "server/things.h"
#include "server/tls.h"
#include "support/check.h"

static void test_kinds(void **state)
{
    size_t events = 0, products = 0, others = 0;
    (void)state;
    for (size_t i = 0; mx_route_at(i); i++) {
        const mx_route *r = mx_route_at(i);
        mx_record_kind kind = mx_route_kind(r);
        events += kind == MX_EVENT;
        products += kind == MX_PRODUCT;
        others += kind == MX_RECORD_KINDS;
        /* Handlers by kind are on paths that have one. */
        if (r->takes == MX_ONE_THING || r->takes == MX_MANY_THINGS || r->takes == MX_PATCH || r->gives == MX_PAGE)
            assert_true(kind != MX_RECORD_KINDS && *mx_route_things(r));
    }
    assert_true(events >= 2 && products >= 7 && others >= 6);
}

static void test_cursors(void **state)
{
    static const char *const ids[] = {"a", "P0000001", "tea/new", "绿茶", "with space+&=%"};
    static const char *const bad[] = {"", "x", "####", "cA", "cA=="};
    char text[MX_CURSOR_SIZE];
    char id[MX_ID_MAX + 1];
    char large[MX_ID_MAX + 1];
    (void)state;
    assert_true(sodium_init() >= 0);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        mx_cursor_write(MX_PRODUCT, mx_str_of(ids[i]), text);
        assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
                         strlen(text));
        assert_true(mx_cursor_read(MX_PRODUCT, text, id));
        assert_string_equal(id, ids[i]);
        assert_false(mx_cursor_read(MX_CUSTOMER, text, id)); /* of another listing */
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (mx_cursor_read(MX_PRODUCT, bad[i], id))
            check_die(__FILE__, __LINE__, "\"%s\" is taken", bad[i]);
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    mx_cursor_write(MX_REVIEW, mx_str_of(large), text);
    assert_true(mx_cursor_read(MX_REVIEW, text, id));
    assert_string_equal(id, large);
    /* No UTF-8, a zero byte. */
    sodium_bin2base64(text, sizeof text, (const unsigned char *)"p\xff", 2, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    assert_false(mx_cursor_read(MX_PRODUCT, text, id));
    sodium_bin2base64(text, sizeof text, (const unsigned char *)"pa\0b", 4, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    assert_false(mx_cursor_read(MX_PRODUCT, text, id));
}

static void test_words(void **state)
{
    static const struct {
        const char *id, *title, *q;
        bool found;
    } cases[] = {
        {"P1", "Green Tea 绿茶", "", true},
        {"P1", "Green Tea", "p", true},
        {"P1", "Green Tea", "P1", true},
        {"P1", "Green Tea", "P12", false},
        {"P1", "Green Tea", "tea", true},
        {"P1", "Green Tea", "GR te", true},
        {"P1", "Green Tea", "te gr", true},
        {"P1", "Green Tea", "ea", false},
        {"P1", "Green Tea", "tea pot", false},
        {"P1", "Green-Tea", "tea", true},
        {"P1", "Green Tea", "  tea ", true},
        {"P1", "Green Tea", "   ", true},
        {"P1", "Green Tea 高级绿茶", "绿茶", true},
        {"P1", "Green Tea 高级绿茶", "红茶", false},
        {"P1", "", "tea", false},
        {"P1", "5% off", "%", true},
        {"P1", "5% off", "off", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (mx_product_matches(mx_str_of(cases[i].id), mx_str_of(cases[i].title), cases[i].q) != cases[i].found)
            check_die(__FILE__, __LINE__, "\"%s\" in %s \"%s\": expected %d", cases[i].q, cases[i].id, cases[i].title,
                      (int)cases[i].found);
}

static void test_origins(void **state)
{
    static const char *const bad[] = {"shop.example",          "https://",
                                      "https://shop.example/", "https://shop.example/path",
                                      "HTTPS://shop.example",  "https://Shop.example",
                                      "ftp://shop.example",    "https://a.example;https://b.example",
                                      "*, https://a.example",  "null"};
    static char cors[MX_CORS_BYTES];
    merx_error err = {0};
    (void)state;
    check_ok(mx_cors_read("", cors, &err), err);
    assert_false(mx_cors_allows(cors, "https://shop.example"));
    assert_false(mx_cors_varies(cors));
    check_ok(mx_cors_read(" * ", cors, &err), err);
    assert_true(mx_cors_allows(cors, "https://shop.example"));
    assert_false(mx_cors_allows(cors, NULL));
    assert_false(mx_cors_varies(cors));
    check_ok(mx_cors_read("https://shop.example, http://localhost:5173  https://[::1]:8443", cors, &err), err);
    assert_true(mx_cors_varies(cors));
    assert_true(mx_cors_allows(cors, "https://shop.example"));
    assert_true(mx_cors_allows(cors, "http://localhost:5173"));
    assert_true(mx_cors_allows(cors, "https://[::1]:8443"));
    assert_false(mx_cors_allows(cors, "http://shop.example"));
    assert_false(mx_cors_allows(cors, "https://shop.example.evil"));
    assert_false(mx_cors_allows(cors, "https://shop.exampl"));
    assert_false(mx_cors_allows(cors, "shop.example"));
    assert_false(mx_cors_allows(cors, "http://localhost"));
    assert_false(mx_cors_allows(cors, "null"));
    assert_false(mx_cors_allows(cors, ""));
    assert_false(mx_cors_allows(cors, NULL));
    assert_false(mx_cors_allows(cors, "https://shop.example http://localhost:5173"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check_fails(mx_cors_read(bad[i], cors, &err), MERX_E_INVALID, err);
    /* Every setting fits: texts have at most 4096 bytes. */
    static char most[4097];
    for (size_t used = 0; used + 12 < sizeof most; used += 11)
        memcpy(most + used, "http://a.b ", 12);
    check_ok(mx_cors_read(most, cors, &err), err);
    assert_true(mx_cors_allows(cors, "http://a.b"));
}

/* ---- small pictures ---- */

static merx_bytes striped(size_t side, unsigned char shade)
{
    merx_error err = {0};
    merx_bytes png = {0};
    unsigned char *pixels = malloc(side * side * 3);
    assert_non_null(pixels);
    for (size_t i = 0; i < side * side * 3; i++)
        pixels[i] = (unsigned char)(i % 251 / 2 + shade);
    check_ok(merx_png_encode(pixels, side, side, 3, NULL, &png, &err), err);
    free(pixels);
    return png;
}

static void test_sizes(void **state)
{
    mx_picture_sizes *sizes;
    merx_error err = {0};
    mx_arena arena;
    mx_str first, second;
    merx_bytes png = striped(100, 0), other = striped(100, 90);
    mx_str picture = {(const char *)png.data, png.size};
    (void)state;
    mx_arena_init(&arena, NULL);
    check_ok(mx_picture_sizes_new(60000, &sizes, &err), err);
    merx_status status = mx_picture_sizes_get(sizes, sizes, "a", picture, 32, &arena, &first, &err);
    if (status == MERX_E_NOT_FOUND) {
        printf("skipped: this build has no merx-decode\n");
        skip();
    }
    check_ok(status, err);
    assert_memory_equal(first.data, "\x89PNG", 4);
    size_t kept = mx_picture_sizes_bytes(sizes);
    assert_true(kept >= first.size);
    /* Again: what is kept, byte for byte; the picture is not looked at. */
    check_ok(mx_picture_sizes_get(sizes, sizes, "a", MX_STR("not a picture"), 32, &arena, &second, &err), err);
    assert_int_equal(second.size, first.size);
    assert_memory_equal(second.data, first.data, first.size);
    assert_int_equal(mx_picture_sizes_bytes(sizes), kept);
    /* Another shop's, another size: others. */
    mx_str others = {(const char *)other.data, other.size};
    check_ok(mx_picture_sizes_get(sizes, &arena, "a", others, 32, &arena, &second, &err), err);
    assert_true(second.size != first.size || memcmp(second.data, first.data, first.size) != 0);
    check_ok(mx_picture_sizes_get(sizes, sizes, "a", picture, 100, &arena, &second, &err), err);
    assert_int_equal(second.size, 0); /* no larger: it serves as it is */
    assert_int_equal(mx_picture_sizes_get(sizes, sizes, "broken", MX_STR("not a picture"), 32, &arena, &second, NULL),
                     MERX_E_PARSE);
    /* What is kept stays within its bound, and the last used stays. */
    for (int i = 0; i < 60; i++) {
        char name[16];
        snprintf(name, sizeof name, "b%d", i);
        check_ok(mx_picture_sizes_get(sizes, sizes, name, picture, 64, &arena, &second, &err), err);
        assert_true(mx_picture_sizes_bytes(sizes) <= 60000);
        check_ok(mx_picture_sizes_get(sizes, sizes, "a", MX_STR("not a picture"), 32, &arena, &second, &err), err);
    }
    assert_true(mx_picture_sizes_bytes(sizes) > 20000);
    mx_picture_sizes_free(sizes);
    merx_bytes_release(&png);
    merx_bytes_release(&other);
    mx_arena_release(&arena);
}

static void test_tls_needs_both(void **state)
{
    mx_tls tls;
    merx_error err = {0};
    (void)state;
    check_ok(mx_tls_read("", "", 0, &tls, &err), err);
    assert_null(tls.certificate);
    mx_tls_release(&tls);
    check_fails(mx_tls_read("cert.pem", "", 0, &tls, &err), MERX_E_INVALID, err);
    check_fails(mx_tls_read("", "key.pem", 0, &tls, &err), MERX_E_INVALID, err);
    check_fails(mx_tls_read("/nowhere/cert.pem", "/nowhere/key.pem", 0, &tls, &err), MERX_E_NOT_FOUND, err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kinds), cmocka_unit_test(test_cursors),
                                       cmocka_unit_test(test_words), cmocka_unit_test(test_origins),
                                       cmocka_unit_test(test_sizes), cmocka_unit_test(test_tls_needs_both)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
