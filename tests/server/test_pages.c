/*
 * The console's pages: found by path and method, and what a browser has is not sent again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/pages.h"
#include "server/request.h"

static void test_found(void **state)
{
    (void)state;
    const mx_page *page = mx_page_find("GET", "/");
    assert_non_null(page);
    assert_string_equal(page->type, "text/html; charset=utf-8");
    assert_true(page->size > 100);
    assert_memory_equal(page->data, "<!doctype html>", 15);
    assert_ptr_equal(mx_page_find("HEAD", "/"), page);
    const mx_page *shop = mx_page_find("GET", "/shop");
    assert_non_null(shop);
    assert_string_equal(shop->type, "text/html; charset=utf-8");
    assert_memory_equal(shop->data, "<!doctype html>", 15);
    assert_ptr_not_equal(shop, page);
    for (size_t i = 0; i < mx_page_count; i++) {
        assert_ptr_equal(mx_page_find("GET", mx_page_files[i].path), &mx_page_files[i]);
        assert_true(mx_page_files[i].etag[0] == '"' && strlen(mx_page_files[i].etag) == 34);
    }
    static const char *const none[] = {"",        "/index.html", "/shop.html",      "/shop/",    "//",
                                       "/assets", "/assets/",    "/v1/health/live", "/icon.svg/"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_null(mx_page_find("GET", none[i]));
    assert_null(mx_page_find("POST", "/"));
    assert_null(mx_page_find("get", "/"));
}

static void test_known(void **state)
{
    static const mx_page page = {"/", "text/html", "\"abc\"", NULL, 0};
    static const char *const yes[] = {"\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", " \"x\",W/\"abc\" ", "*", "\"x\" , *"};
    static const char *const no[] = {"", ",", "\"ab\"", "\"abcd\"", "abc", "\"abc", "W/", "W/,", "\"ABC\""};
    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(mx_page_is_known(&page, yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(mx_page_is_known(&page, no[i]));
    assert_false(mx_page_is_known(&page, NULL));
}

static void test_answer(void **state)
{
    const mx_page *page = mx_page_find("GET", "/");
    mx_request request;
    (void)state;
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    mx_request_init(&request, NULL, &arena);
    mx_page_answer(&request, page, NULL);
    assert_int_equal(request.status, 200);
    assert_ptr_equal(request.text, page->data);
    assert_int_equal(request.size, page->size);
    mx_page_answer(&request, page, page->etag);
    assert_int_equal(request.status, 304);
    arena = mx_request_release(&request);
    mx_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
