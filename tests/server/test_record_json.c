/*
 * Bodies taken apart, and records out of JSON and back into it.
 */
#include <math.h>

#include "server/json_items.h"
#include "server/record_json.h"
#include "store/fields.h"
#include "support/check.h"

/* ---- elements of a body ---- */

/* The elements joined by '|', or "!" and where it failed. */
static const char *elements(const char *body, bool lines)
{
    static char out[512];
    mx_json_items items;
    mx_str element;
    merx_error err = {0};
    out[0] = '\0';
    merx_status status = mx_json_items_init(&items, mx_str_of(body), lines, &err);
    while (status == MERX_OK) {
        status = mx_json_items_next(&items, &element, &err);
        if (status != MERX_OK || element.size == 0)
            break;
        size_t used = strlen(out);
        snprintf(out + used, sizeof out - used, "%.*s|", (int)element.size, element.data);
    }
    if (status != MERX_OK) {
        size_t used = strlen(out);
        snprintf(out + used, sizeof out - used, "!%s", err.where);
    }
    return out;
}

static void test_items(void **state)
{
    (void)state;
    assert_string_equal(elements(" {\"a\": [1, 2]} ", false), "{\"a\": [1, 2]}|");
    assert_string_equal(elements("[]", false), "");
    assert_string_equal(elements(" [ \n ] ", false), "");
    assert_string_equal(elements("[1, {\"a\":[2,3]} ,\"]\\\",\"]", false), "1|{\"a\":[2,3]}|\"]\\\",\"|");
    assert_string_equal(elements("{\"a\":1}\n\n {\"b\":2}\r\n", true), "{\"a\":1}|{\"b\":2}|");
    assert_string_equal(elements("[1]\n[2]", true), "[1]|[2]|");
    assert_string_equal(elements("", false), "!");
    assert_string_equal(elements(" \n", true), "!");
    assert_string_equal(elements("[1", false), "!line 1, column 3");
    assert_string_equal(elements("[1,]", false), "1|!line 1, column 4");
    assert_string_equal(elements("[,1]", false), "!line 1, column 2");
    assert_string_equal(elements("[1]\n x", false), "1|!line 2, column 2");
    assert_string_equal(elements("[1}", false), "!line 1, column 3");
    assert_string_equal(elements("[\"\\", false), "!line 1, column 4");
}

static void test_places(void **state)
{
    mx_json_items items;
    mx_str element;
    merx_error err = {0};
    json_t *json;
    (void)state;
    const char *body = "[{\"a\":1},\n {\"b\" 2}]";
    check_ok(mx_json_items_init(&items, mx_str_of(body), false, &err), err);
    check_ok(mx_json_items_next(&items, &element, &err), err);
    check_ok(mx_json_items_parse(&items, element, &json, &err), err);
    json_decref(json);
    check_ok(mx_json_items_next(&items, &element, &err), err);
    assert_int_equal(mx_json_items_parse(&items, element, &json, &err), MERX_E_PARSE);
    assert_string_equal(err.where, "line 2, column 7");
}

/* ---- records ---- */

typedef struct fixture {
    mx_shop_settings settings;
    mx_arena arena;
    mx_row_errors errors;
    mx_record record;
    bool good;
} fixture;

static void read_record(fixture *f, mx_record_kind kind, const char *text, const char *id)
{
    merx_error err = {0};
    json_error_t error;
    json_t *json = json_loads(text, JSON_DECODE_ANY, &error);
    if (!json)
        check_die(__FILE__, __LINE__, "%s: %s", text, error.text);
    json_decref(f->errors.list);
    f->errors = (mx_row_errors){0};
    mx_json_reader reader = {&f->settings, &f->arena, &f->errors, 5, 1234567};
    check_ok(mx_record_from_json(&reader, kind, json, id, &f->record, &f->good, &err), err);
    json_decref(json);
    assert_true(f->good == (f->errors.count == 0));
}

/* The field that is refused, and nothing else. */
static void refused(fixture *f, mx_record_kind kind, const char *text, const char *field)
{
    read_record(f, kind, text, NULL);
    const json_t *first = json_array_get(f->errors.list, 0);
    const char *got = json_string_value(json_object_get(first, "field"));
    if (f->good || f->errors.count != 1 || strcmp(got ? got : "", field) != 0 ||
        json_integer_value(json_object_get(first, "index")) != 5)
        check_die(__FILE__, __LINE__, "%s: %zu errors, the first in \"%s\", not one in \"%s\"", text, f->errors.count,
                  got ? got : "", field);
}

#define EVENT(rest) "{\"id\":\"e\",\"kind\":\"view\",\"product\":\"p\"" rest "}"
#define SALE(rest) "{\"id\":\"e\",\"kind\":\"purchase\",\"product\":\"p\"" rest "}"

static void test_events(void **state)
{
    fixture f = {.settings = {.decimals = 2, .zone_ms = 8 * 3600000}};
    (void)state;
    mx_arena_init(&f.arena, NULL);
    read_record(&f, MX_EVENT, EVENT(""), NULL);
    assert_true(f.good);
    assert_int_equal(f.record.event.time_ms, 1234567);
    assert_int_equal(f.record.event.quantity, 1);
    assert_false(f.record.event.has_price);
    read_record(&f, MX_EVENT,
                "{\"id\":17850,\"kind\":\"purchase\",\"product\":\"p\",\"price\":\"12.5\",\"quantity\":3,\"time\":"
                "\"2024-05-01T12:30:00Z\",\"customer\":null}",
                NULL);
    assert_true(f.good);
    assert_true(mx_str_equal(f.record.event.id, MX_STR("17850")));
    assert_int_equal(f.record.event.price_minor, 1250);
    assert_int_equal(f.record.event.time_ms, INT64_C(1714566600000));
    assert_int_equal(f.record.event.customer.size, 0);
    /* Without a zone a text is of the shop's; a number is of none. */
    read_record(&f, MX_EVENT, EVENT(",\"time\":\"2024-05-01T12:30:00\""), NULL);
    assert_int_equal(f.record.event.time_ms, INT64_C(1714566600000) - 8 * 3600000);
    read_record(&f, MX_EVENT, EVENT(",\"time\":1714566600.5"), NULL);
    assert_int_equal(f.record.event.time_ms, INT64_C(1714566600500));
    read_record(&f, MX_EVENT, SALE(",\"price\":12.1"), NULL);
    assert_int_equal(f.record.event.price_minor, 1210);
    read_record(&f, MX_EVENT, "{\"id\":\"e\",\"kind\":\"return\",\"product\":\"p\",\"quantity\":2}", NULL);
    assert_int_equal(f.record.event.quantity, -2);
    read_record(&f, MX_EVENT, "{\"id\":\"e\",\"kind\":\"return\",\"product\":\"p\",\"quantity\":-2}", NULL);
    assert_int_equal(f.record.event.quantity, -2);

    refused(&f, MX_EVENT, "{\"kind\":\"view\",\"product\":\"p\"}", "id");
    refused(&f, MX_EVENT, "{\"id\":\"\",\"kind\":\"view\",\"product\":\"p\"}", "id");
    refused(&f, MX_EVENT, "{\"id\":\"e\",\"product\":\"p\"}", "kind");
    refused(&f, MX_EVENT, "{\"id\":\"e\",\"kind\":\"view\"}", "product");
    refused(&f, MX_EVENT, "{\"id\":\"e\",\"kind\":\"View\",\"product\":\"p\"}", "kind");
    refused(&f, MX_EVENT, "{\"id\":\"e\",\"kind\":2,\"product\":\"p\"}", "kind");
    read_record(&f, MX_EVENT, EVENT(",\"offset\":1"), NULL); /* as a listing tells it */
    assert_true(f.good);
    assert_int_equal(f.record.event.offset, 0);
    refused(&f, MX_EVENT, EVENT(",\"source\":\"s\""), "source");
    refused(&f, MX_EVENT, EVENT(",\"row\":1"), "row");
    refused(&f, MX_EVENT, EVENT(",\"price_minor\":1"), "price_minor");
    refused(&f, MX_EVENT, EVENT(",\"quantity\":0"), "quantity");
    refused(&f, MX_EVENT, EVENT(",\"quantity\":1.5"), "quantity");
    refused(&f, MX_EVENT, EVENT(",\"quantity\":\"1\""), "quantity");
    refused(&f, MX_EVENT, EVENT(",\"quantity\":1000000001"), "quantity");
    refused(&f, MX_EVENT, SALE(",\"quantity\":-1"), "quantity");
    refused(&f, MX_EVENT, EVENT(",\"price\":1.234"), "price");
    refused(&f, MX_EVENT, EVENT(",\"price\":\"\""), "price");
    refused(&f, MX_EVENT, EVENT(",\"price\":\"1,50\""), "price");
    refused(&f, MX_EVENT, EVENT(",\"price\":true"), "price");
    refused(&f, MX_EVENT, EVENT(",\"price\":1e300"), "price");
    refused(&f, MX_EVENT, EVENT(",\"price\":10000000000000000"), "price");
    refused(&f, MX_EVENT, EVENT(",\"time\":\"01/02/2024\""), "time");
    refused(&f, MX_EVENT, EVENT(",\"time\":1714566600000"), "time");
    refused(&f, MX_EVENT, EVENT(",\"time\":-1e18"), "time");
    refused(&f, MX_EVENT, EVENT(",\"time\":{}"), "time");
    refused(&f, MX_EVENT, EVENT(",\"customer\":{\"id\":1}"), "customer");
    refused(&f, MX_EVENT, EVENT(",\"customer\":1.5"), "customer");
    refused(&f, MX_EVENT, "[]", "");
    refused(&f, MX_EVENT, "\"e\"", "");
    json_decref(f.errors.list);
    mx_arena_release(&f.arena);
}

/* What a record becomes in JSON, read again, is the record. */
static void test_round_trip(void **state)
{
    fixture f = {.settings = {.decimals = 3}};
    merx_error err = {0};
    (void)state;
    mx_arena_init(&f.arena, NULL);
    static const struct {
        mx_record_kind kind;
        const char *text;
    } cases[] = {
        {MX_PRODUCT, "{\"id\":\"p\"}"},
        {MX_PRODUCT, "{\"id\":\"p\",\"title\":\"绿茶\",\"category\":\"tea\",\"brand\":\"b\",\"image\":\"i\",\"text\":"
                     "\"t\",\"price\":4.125,\"service\":true,\"attributes\":{\"a\":[1,2],\"b\":{\"c\":null}}}"},
        {MX_CUSTOMER, "{\"id\":\"c\",\"country\":\"UK\",\"created\":\"2024-01-02T03:04:05Z\",\"attributes\":{}}"},
        {MX_CUSTOMER, "{\"id\":\"c\",\"events\":3,\"first_event\":\"2024-01-02\",\"last_event\":null}"}, /* as told */
        {MX_MESSAGE, "{\"id\":\"m\",\"text\":\"hello\"}"},
        {MX_MESSAGE, "{\"id\":\"m\",\"text\":\"hello\",\"customer\":\"c\",\"channel\":\"mail\",\"language\":\"en\","
                     "\"intent\":\"i\","
                     "\"reply\":\"r\",\"time\":\"2024-01-02T03:04:05Z\"}"},
        {MX_REVIEW, "{\"id\":\"r\"}"},
        {MX_REVIEW,
         "{\"id\":\"r\",\"customer\":\"c\",\"product\":\"p\",\"title\":\"t\",\"text\":\"x\",\"rating\":4.5,\"time\":"
         "\"2024-01-02T03:04:05Z\"}"},
        {MX_REVIEW, "{\"id\":\"r\",\"rating\":0}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        read_record(&f, cases[i].kind, cases[i].text, NULL);
        assert_true(f.good);
        json_t *first = mx_record_to_json(&f.record, &f.settings);
        char *text = json_dumps(first, 0);
        read_record(&f, cases[i].kind, text, json_string_value(json_object_get(first, "id")));
        assert_true(f.good);
        json_t *second = mx_record_to_json(&f.record, &f.settings);
        if (!json_equal(first, second))
            check_die(__FILE__, __LINE__, "%s comes back as another", text);
        check_ok(mx_record_check(&f.record, 0, &err), err);
        free(text);
        json_decref(first);
        json_decref(second);
    }
    read_record(&f, MX_PRODUCT, "{\"title\":\"t\"}", "from/path");
    assert_true(f.good && mx_str_equal(f.record.product.id, MX_STR("from/path")));
    read_record(&f, MX_PRODUCT, "{\"id\":\"other\"}", "from/path");
    assert_false(f.good);
    refused(&f, MX_PRODUCT, "{\"id\":\"p\",\"attributes\":\"{}\"}", "attributes");
    refused(&f, MX_PRODUCT, "{\"id\":\"p\",\"service\":1}", "service");
    refused(&f, MX_PRODUCT, "{\"id\":\"p\",\"titel\":\"t\"}", "titel");
    refused(&f, MX_CUSTOMER, "{\"id\":\"c\",\"created\":\"soon\"}", "created");
    refused(&f, MX_MESSAGE, "{\"id\":\"m\"}", "text");
    refused(&f, MX_MESSAGE, "{\"id\":\"m\",\"text\":\"\"}", "text");
    refused(&f, MX_MESSAGE, "{\"id\":\"m\",\"text\":\"x\",\"events\":1}", "events");
    refused(&f, MX_REVIEW, "{\"id\":\"r\",\"rating\":\"5\"}", "rating");
    refused(&f, MX_REVIEW, "{\"id\":\"r\",\"rating\":true}", "rating");
    read_record(&f, MX_REVIEW, "{\"id\":\"r\",\"rating\":null}", NULL);
    assert_true(f.good && isnan(f.record.review.rating));
    assert_int_equal(f.record.review.time_ms, 1234567);
    read_record(&f, MX_MESSAGE, "{\"id\":\"m\",\"text\":\"x\",\"time\":1714566600}", NULL);
    assert_true(f.good);
    assert_int_equal(f.record.message.time_ms, INT64_C(1714566600000));
    json_decref(f.errors.list);
    mx_arena_release(&f.arena);
}

/* The examples of RFC 7396, appendix A, whose target and patch are objects. */
static void test_merge(void **state)
{
    static const struct {
        const char *target, *patch, *result;
    } cases[] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
        {"{\"a\":\"text\"}", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *target = json_loads(cases[i].target, 0, NULL);
        json_t *patch = json_loads(cases[i].patch, 0, NULL);
        json_t *result = json_loads(cases[i].result, 0, NULL);
        assert_true(mx_json_merge(target, patch));
        if (!json_equal(target, result))
            check_die(__FILE__, __LINE__, "%s patched by %s is not %s", cases[i].target, cases[i].patch,
                      cases[i].result);
        json_decref(target);
        json_decref(patch);
        json_decref(result);
    }
}

/* However many are wrong, the list stays short and the count is right. */
static void test_many_errors(void **state)
{
    mx_row_errors errors = {0};
    json_t *value = json_string("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                                "xxxxxxxxxxxx\xe7\xbb\xbf");
    (void)state;
    for (size_t i = 0; i < 1000; i++)
        mx_row_error(&errors, i, "field", value, "something else");
    assert_int_equal(errors.count, 1000);
    assert_int_equal(json_array_size(errors.list), MX_ROW_ERRORS_SHOWN);
    const char *shown = json_string_value(json_object_get(json_array_get(errors.list, 0), "value"));
    assert_non_null(shown);
    assert_true(strlen(shown) <= 100);
    json_decref(errors.list);
    json_decref(value);
}

static merx_status read_one(const merx_allocator *alloc, void *context, merx_error *err)
{
    mx_shop_settings settings = {.decimals = 2};
    mx_row_errors errors = {0};
    mx_arena arena;
    mx_record record;
    bool good = false;
    mx_arena_init(&arena, alloc);
    mx_json_reader reader = {&settings, &arena, &errors, 0, 0};
    merx_status status = mx_record_from_json(&reader, MX_PRODUCT, context, "p", &record, &good, err);
    assert_int_equal(errors.count, 0);
    mx_arena_release(&arena);
    return status;
}

static void test_memory(void **state)
{
    json_t *json = json_pack("{s:s, s:s, s:{s:s}}", "title", "a title", "category", "tea", "attributes", "a", "b");
    (void)state;
    check_every_allocation(read_one, json);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_items),       cmocka_unit_test(test_places),
                                       cmocka_unit_test(test_events),      cmocka_unit_test(test_round_trip),
                                       cmocka_unit_test(test_many_errors), cmocka_unit_test(test_memory),
                                       cmocka_unit_test(test_merge)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
