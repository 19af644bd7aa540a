/*
 * Import: roles and presets, shop.json, values, refusals, files that come again, grow or change, and every bad input with its message.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "shop/shop_state.h"
#include "shop/shop_test.h"

typedef struct fixture {
    char data[256], home[256];
    merx_shop *shop;
    merx_import import;
    merx_error err;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    test_folder(f->data, sizeof f->data, "data");
    test_folder(f->home, sizeof f->home, "shop");
    check(merx_shop_open(NULL, f->home, &(merx_shop_options){.create = true}, &f->shop, &f->err), &f->err);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    merx_import_release(&f->import);
    merx_shop_close(f->shop);
    remove_folder(f->data);
    remove_folder(f->home);
    free(f);
    return 0;
}

static merx_status import_with(fixture *f, const merx_import_options *options)
{
    merx_import_release(&f->import);
    merx_error_clear(&f->err);
    return merx_shop_import(f->shop, f->data, options, NULL, &f->import, &f->err);
}

static void import_ok(fixture *f)
{
    check(import_with(f, NULL), &f->err);
}

static void fails(fixture *f, merx_status status, const char *where, const char *message)
{
    merx_status got = import_with(f, NULL);
    if (got != status || !strstr(f->err.where, where) || !strstr(f->err.message, message))
        print_error("got %s: %s: %s\n", merx_status_name(got), f->err.where, f->err.message);
    assert_int_equal(got, status);
    assert_non_null(strstr(f->err.where, where));
    assert_non_null(strstr(f->err.message, message));
}

/* The i-th refusal. */
static void refused(const fixture *f, size_t i, uint64_t line, const char *column, const char *value,
                    const char *message)
{
    assert_in_range(i, 0, f->import.refusals ? f->import.refusals - 1 : 0);
    const merx_refusal *r = &f->import.refusal[i];
    if (r->line != line || strcmp(r->column, column) || strcmp(r->value, value) || !strstr(r->message, message))
        print_error("refusal %zu: line %" PRIu64 ", column %s, value \"%s\": %s\n", i, r->line, r->column, r->value,
                    r->message);
    assert_int_equal(r->line, line);
    assert_string_equal(r->column, column);
    assert_string_equal(r->value, value);
    assert_non_null(strstr(r->message, message));
}

static mx_snapshot *snapshot_of(fixture *f)
{
    mx_snapshot *s;
    check(mx_shop_snapshot(f->shop, NULL, &s, &f->err), &f->err);
    return s;
}

#define EVENTS "customer,product,time,quantity,price\n"

static void test_roles(void **state)
{
    fixture *f = *state;
    write_text(f->data, "products.csv",
               "Product ID,Name,Category,Price,Colour\np1,Lamp,light,12.50,red\np2,Chair,seat,99,\n");
    write_text(f->data, "customers.jsonl",
               "{\"customer_id\":\"c1\",\"country\":\"UK\",\"created_at\":\"2020-01-02\"}\n{\"customer_id\":\"c2\"}\n");
    write_text(f->data, "orders.csv", "order_id,customer_id,order_date,status\no1,c1,2021-03-01,paid\n");
    write_text(f->data, "order_lines.csv", "order_id,sku,qty,unit_price,date\no1,p1,2,12.50,2021-03-01 10:00:00\n");
    write_text(f->data, "messages.csv", "customer,text,intent\nc1,where is it,delivery\n");
    write_text(f->data, "reviews.csv", "product,customer,rating,text\np1,c1,4.5,good\n");
    write_text(f->data, "notes.md", "not data\n");
    import_ok(f);
    assert_int_equal(f->import.files, 7);
    assert_string_equal(f->import.file[0].name, "notes.md");
    assert_string_equal(f->import.file[0].preset, "ignored");
    const char *presets[] = {"ignored", "products", "customers", "orders", "events", "messages", "reviews"};
    for (size_t i = 0; i < 7; i++)
        assert_string_equal(f->import.file[i].preset, presets[i]);
    assert_int_equal(f->import.refused, 0);
    assert_int_equal(f->import.events, 1);
    assert_int_equal(f->import.products, 2);
    assert_int_equal(f->import.customers, 2);
    assert_int_equal(f->import.amount_minor, 2500);
    mx_snapshot *s = snapshot_of(f);
    /* The line names no customer; its order does. */
    assert_int_equal(s->customer[0], mx_snapshot_find_customer(s, "c1"));
    assert_int_equal(s->product_price_minor[1], 9900);
    mx_arena arena;
    mx_record record;
    mx_arena_init(&arena, NULL);
    check(mx_records_get(f->shop->records, MX_PRODUCT, mx_str_of("p1"), &arena, &record, &f->err), &f->err);
    assert_string_equal(record.product.attributes.data, "{\"Colour\":\"red\"}");
    check(mx_records_get(f->shop->records, MX_MESSAGE, mx_str_of("messages.csv#0"), &arena, &record, &f->err), &f->err);
    assert_string_equal(record.message.intent.data, "delivery");
    mx_arena_release(&arena);
}

static void test_chinese(void **state)
{
    fixture *f = *state;
    write_text(f->data, "订单.csv",
               "订单号,商品编号,商品名称,客户,数量,单价,下单时间\n1,A1,白色灯笼,张三,3,¥12.50,2021年3月1日\n");
    import_ok(f);
    assert_string_equal(f->import.file[0].preset, "events");
    assert_int_equal(f->import.amount_minor, 3750);
    mx_snapshot *s = snapshot_of(f);
    assert_true(mx_str_equal(s->product_title[0], MX_STR("白色灯笼")));
    assert_true(mx_snapshot_find_customer(s, "张三") == 0);
}

static void test_retail(void **state)
{
    fixture *f = *state;
    write_text(f->data, "r.csv",
               "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n"
               "1,A1,LAMP,2,12/31/2010 8:26,2.55,17850.0,United Kingdom\n"
               "C2,A1,LAMP,-1,1/2/2011 8:26,2.55,17850.0,United Kingdom\n"
               "3,POST,POSTAGE,1,1/3/2011 8:26,18.125,17851.0,France\n"
               "1,A1,LAMP,2,12/31/2010 8:26,2.55,17850.0,United Kingdom\n");
    import_ok(f);
    assert_string_equal(f->import.file[0].preset, "online-retail");
    assert_int_equal(f->import.events, 4); /* equal rows both count */
    assert_int_equal(f->import.decimals, 3);
    assert_int_equal(f->import.amount_minor, 4 * 2550 - 2550 + 18125);
    mx_snapshot *s = snapshot_of(f);
    assert_int_equal(mx_snapshot_find_customer(s, "17850"), 0);
    assert_int_equal(s->product_service[mx_snapshot_find_product(s, "POST")], 1);
    assert_int_equal(s->product_service[mx_snapshot_find_product(s, "A1")], 0);
    assert_int_equal(s->kind[2], MX_EVENT_RETURN);
    assert_int_equal(s->time_ms[0], INT64_C(1293783960000)); /* 2010-12-31 08:26 */
}

static void test_values(void **state)
{
    fixture *f = *state;
    write_text(f->data, "events.csv",
               "id,customer,product,time,quantity,price,kind\n"
               "1,c,p,2021-01-01,1,1.00,view\n"
               "2,c,p,2021-01-01,two,1.00,purchase\n"
               "3,c,p,2021-01-01,1,cheap,purchase\n"
               "4,c,p,2021-13-01,1,1.00,purchase\n"
               "5,c,,2021-01-01,1,1.00,purchase\n"
               "6,c,p,2021-01-01,0,1.00,purchase\n"
               "7,c,p,2021-01-01,1.5,1.00,purchase\n"
               "8,c,p,2021-01-01,2.0,1.00,buy\n"
               "9,c,p,2021-01-01,1,1.0000001,buy\n"
               "10,c,p,2021-01-01,1,1.00,dance\n"
               "11,c,p,,1,1.00,buy\n"
               "12,c,p,2021-01-01,-1,1.00,cart\n"
               "13,c,p,2021-01-01,1,\"1,234.50\",buy\n"
               "14,c,p,2021-01-01,1,\"12,34.50\",buy\n"
               ",c,p,2021-01-01,1,1,buy\n"
               "15,c,p,2021-01-01,1,1,refund\n"
               "16,c,p,2021-01-01\n"
               "17,c,p,2021-01-01,1,9999999999999999,buy\n"
               "18,c,p,2021-01-01,9999999999,1,buy\n"
               "1,c,p,2021-01-01,1,1.00,view\n");
    import_ok(f);
    refused(f, 0, 3, "quantity", "two", "not a whole number");
    refused(f, 1, 4, "price", "cheap", "not an amount");
    refused(f, 2, 5, "time", "2021-13-01", "expected ISO 8601");
    refused(f, 3, 6, "product", "", "empty");
    refused(f, 4, 7, "quantity", "0", "zero");
    refused(f, 5, 8, "quantity", "1.5", "not a whole number");
    refused(f, 6, 10, "price", "1.0000001", "7 decimals (expected at most 6)");
    refused(f, 7, 11, "kind", "dance", "expected view, cart, purchase or return");
    refused(f, 8, 12, "time", "", "empty");
    refused(f, 9, 13, "quantity", "-1", "negative");
    refused(f, 10, 15, "price", "12,34.50", "not an amount");
    refused(f, 11, 16, "id", "", "empty");
    refused(f, 12, 18, "", "", "4");
    refused(f, 13, 19, "price", "9999999999999999", "too large");
    refused(f, 14, 20, "quantity", "9999999999", "out of range");
    assert_int_equal(f->import.refused, 15);
    assert_int_equal(f->import.rows, 20);
    assert_int_equal(f->import.accepted, 4);
    assert_int_equal(f->import.duplicates, 1);
    assert_int_equal(f->import.amount_minor, 200 + 123450 - 100); /* the view costs nothing */

    /* All of them stand in refused.csv. */
    char path[400];
    snprintf(path, sizeof path, "%s/refused.csv", f->home);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char line[600];
    size_t lines = 0;
    while (fgets(line, sizeof line, file))
        lines++;
    fclose(file);
    assert_int_equal(lines, 16);
    /* Nothing is read again, and the list stays. */
    import_ok(f);
    assert_int_equal(f->import.refused, 0);
    assert_true(f->import.file[0].unchanged);
    assert_int_equal(access(path, F_OK), 0);
}

static void one_date(fixture *f, const char *name, const char *date, int64_t expected)
{
    char text[400];
    snprintf(text, sizeof text, EVENTS "c,%s,%s,1,1\n", name, date);
    write_text(f->data, name, text);
    import_ok(f);
    mx_snapshot *s = snapshot_of(f);
    for (size_t i = 0; i < s->events; i++)
        if (s->product[i] == mx_snapshot_find_product(s, name))
            assert_int_equal(s->time_ms[i], expected);
    assert_true(mx_snapshot_find_product(s, name) >= 0);
}

static void test_dates(void **state)
{
    fixture *f = *state;
    one_date(f, "a.csv", "2011-02-14T10:00:00Z", INT64_C(1297677600000));
    one_date(f, "b.csv", "14/02/2011 10:00", INT64_C(1297677600000));
    one_date(f, "c.csv", "02/14/2011 10:00", INT64_C(1297677600000));
    one_date(f, "d.csv", "2011/2/14 10:00", INT64_C(1297677600000));
    one_date(f, "e.csv", "1297677600", INT64_C(1297677600000));
    one_date(f, "f.csv", "1297677600000", INT64_C(1297677600000));
    one_date(f, "g.csv", "20110214", INT64_C(1297641600000));
    write_text(f->data, "h.csv", EVENTS "c,p,01/02/2011,1,1\nc,p,03/02/2011,1,1\n");
    fails(f, MERX_E_INVALID, "h.csv", "\"01/02/2011\" may be day/month or month/day");
    assert_non_null(strstr(f->err.message, "date_format"));
    /* One value above 12 decides, wherever it stands. */
    char *text = malloc(100 + 2000 * 32);
    strcpy(text, EVENTS);
    for (int i = 0; i < 1500; i++)
        strcat(text, "c,h.csv,01/02/2011,1,1\n");
    strcat(text, "c,last,13/02/2011,1,1\n");
    write_text(f->data, "h.csv", text);
    free(text);
    import_ok(f);
    mx_snapshot *s = snapshot_of(f);
    for (size_t i = 0; i < s->events; i++)
        if (s->product[i] == mx_snapshot_find_product(s, "h.csv"))
            assert_int_equal(s->time_ms[i], INT64_C(1296518400000)); /* the first of February */
    write_text(f->data, "i.csv", EVENTS "c,p,01/02/2011,1,1\n");
    write_text(f->data, "shop.json", "{\"files\": {\"i.csv\": {\"date_format\": \"mdy\"}}}");
    import_ok(f);
}

static void test_mapping(void **state)
{
    fixture *f = *state;
    write_text(f->data, "verkauf_2024.csv",
               "wann;wer;was;wieviel;preis\n01.02.2024;k1;x;2;1.234,50\n15.02.2024;k2;y;1;0,5\n");
    write_text(f->data, "junk.csv", "a,b\n1,2\n");
    write_text(
        f->data, "shop.json",
        "{\"currency\": \"EUR\", \"time_zone\": \"+01:00\", \"week_start\": \"sunday\", \"services\": [\"y\"],"
        " \"files\": {\"verkauf_*.csv\": {\"role\": \"events\", \"separator\": \";\", \"decimal_comma\": true,"
        " \"columns\": {\"time\": \"wann\", \"customer\": \"wer\", \"product\": \"was\", \"quantity\": \"wieviel\","
        " \"price\": \"preis\"}}, \"junk.csv\": {\"role\": \"ignore\"}}}");
    import_ok(f);
    assert_string_equal(f->import.file[1].preset, "mapping");
    assert_int_equal(f->import.amount_minor, 246950);
    mx_snapshot *s = snapshot_of(f);
    assert_string_equal(s->currency, "EUR");
    assert_int_equal(s->week_start, 6);
    assert_int_equal(s->zone_ms, 3600000);
    assert_int_equal(s->time_ms[0], INT64_C(1706745600000)); /* local midnight of 2024-02-01 */
    assert_int_equal(s->product_service[mx_snapshot_find_product(s, "y")], 1);
    /* A setting that would move what is stored. */
    write_text(f->data, "shop.json",
               "{\"time_zone\": \"+02:00\", \"files\": {\"verkauf_*.csv\": {\"role\": \"ignore\"}}}");
    write_text(f->data, "e.csv", EVENTS "c,p,2021-01-01,1,1\n");
    fails(f, MERX_E_CHANGED, "shop.json", "time_zone");
}

static void test_mapping_errors(void **state)
{
    static const struct {
        const char *json, *message;
        merx_status status;
    } cases[] = {
        {"{\"curency\": \"GBP\"}", "did you mean \"currency\"", MERX_E_NOT_FOUND},
        {"{\"files\": {\"e.csv\": {\"colums\": {}}}}", "did you mean \"columns\"", MERX_E_NOT_FOUND},
        {"{\"files\": {\"e.csv\": {\"role\": \"event\"}}}", "did you mean \"events\"", MERX_E_NOT_FOUND},
        {"{\"files\": {\"e.csv\": {\"role\": \"events\", \"columns\": {\"custumer\": \"x\"}}}}",
         "did you mean \"customer\"", MERX_E_NOT_FOUND},
        {"{\"files\": {\"e.csv\": {\"role\": \"events\", \"columns\": {\"customer\": \"nobody\"}}}}",
         "column \"nobody\"", MERX_E_INVALID},
        {"{\"files\": {\"e.csv\": {\"role\": \"events\", \"columns\": {\"customer\": 3}}}}", "not given by its name",
         MERX_E_TYPE},
        {"{\"files\": {\"e.csv\": {\"date_format\": \"dym\"}}}", "did you mean \"dmy\"", MERX_E_NOT_FOUND},
        {"{\"files\": {\"e.csv\": {\"separator\": \";;\"}}}", "one character", MERX_E_TYPE},
        {"{\"files\": {\"e.csv\": {\"role\": \"reviews\"}}}", "no column for \"", MERX_E_INVALID},
        {"{\"decimals\": 9}", "from 0 to 6", MERX_E_RANGE},
        {"{\"time_zone\": \"Berlin\"}", "+08:00", MERX_E_TYPE},
        {"{\"week_start\": \"someday\"}", "monday", MERX_E_TYPE},
        {"{\"currency\": }", "line 1", MERX_E_PARSE},
        {"[]", "no JSON object", MERX_E_TYPE},
        {"", "line", MERX_E_PARSE},
    };
    fixture *f = *state;
    write_text(f->data, "e.csv", EVENTS "c,p,2021-01-01,1,1\n");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_text(f->data, "shop.json", cases[i].json);
        fails(f, cases[i].status, "shop.json" + (strstr(cases[i].message, "no column") ? 9 : 0), cases[i].message);
    }
}

static void test_again_and_grown(void **state)
{
    fixture *f = *state;
    write_text(f->data, "e.csv", EVENTS "c1,p,2021-01-01,1,1\nc2,p,2021-01-02,1,1"); /* no newline at the end */
    import_ok(f);
    assert_true(f->import.changed);
    import_ok(f);
    assert_false(f->import.changed);
    assert_true(f->import.file[0].unchanged);
    write_text(f->data, "e.csv", EVENTS "c1,p,2021-01-01,1,1\nc2,p,2021-01-02,1,1\nc3,p,2021-01-03,1,1\n");
    import_ok(f);
    assert_int_equal(f->import.rows, 1);
    assert_int_equal(f->import.events, 3);
    write_text(f->data, "e.csv",
               EVENTS "c1,p,2021-01-01,1,1\nc2,p,2021-01-02,1,1\nc3,p,2021-01-03,1,1\nc4,p,2021-01-03,1,1\n");
    import_ok(f);
    assert_int_equal(f->import.rows, 1);
    assert_int_equal(f->import.events, 4);
    char before[65];
    check(merx_shop_digest(f->shop, true, before, &f->err), &f->err);
    /* A changed row, a shorter file: refused, nothing harmed. */
    write_text(f->data, "e.csv",
               EVENTS "c1,p,2021-01-01,7,1\nc2,p,2021-01-02,1,1\nc3,p,2021-01-03,1,1\nc4,p,2021-01-03,1,1\n");
    fails(f, MERX_E_CHANGED, "e.csv", "--replace");
    write_text(f->data, "e.csv", EVENTS "c1,p,2021-01-01,1,1\n");
    fails(f, MERX_E_CHANGED, "e.csv", "--replace");
    char after[65];
    check(merx_shop_digest(f->shop, true, after, &f->err), &f->err);
    assert_string_equal(before, after);
    check(import_with(f, &(merx_import_options){.replace = true}), &f->err);
    assert_int_equal(f->import.events, 1);
    assert_int_equal(f->import.customers, 1);
}

static void test_things_again(void **state)
{
    fixture *f = *state;
    write_text(f->data, "products.csv", "id,title,price\na,One,1\nb,Two,2\na,Three,3\n");
    import_ok(f);
    assert_int_equal(f->import.duplicates, 1);
    assert_int_equal(f->import.accepted, 2);
    assert_non_null(strstr(f->import.file[0].note, "the last counts"));
    mx_snapshot *s = snapshot_of(f);
    assert_true(mx_str_equal(s->product_title[0], MX_STR("Three")));
    /* An export of the catalogue may change at any row. */
    write_text(f->data, "products.csv", "id,title,price\na,Four,1\nb,Two,2\n");
    import_ok(f);
    s = snapshot_of(f);
    assert_true(mx_str_equal(s->product_title[0], MX_STR("Four")));
}

static void test_bad_files(void **state)
{
    fixture *f = *state;
    fails(f, MERX_E_NOT_FOUND, f->data, "there is no file in it");
    write_text(f->data, "x.csv", "a,b\n1,2\n");
    fails(f, MERX_E_NOT_FOUND, f->data, "it looked at x.csv");
    write_text(f->data, "x.csv", "");
    fails(f, MERX_E_PARSE, "x.csv", "empty");
    /* A header alone is a file without rows. */
    write_text(f->data, "x.csv", EVENTS);
    import_ok(f);
    assert_int_equal(f->import.rows, 0);
    /* A quote left open, bytes that are no UTF-8, a field of 10 MB: that row is refused, the others stay. */
    size_t big = 10u << 20;
    char *text = malloc(big + 400);
    int n = snprintf(text, 400, EVENTS "c,p1,2021-01-01,1,1\nc,\"p2,2021-01-01,1,1\nc,p3\xff,2021-01-01,1,1\nc,");
    memset(text + n, 'x', big);
    strcpy(text + n + big, ",2021-01-01,1,1\nc,p4,2021-01-01,1,1\n");
    write_text(f->data, "y.csv", text);
    free(text);
    import_ok(f);
    assert_int_equal(f->import.events, 2);
    assert_int_equal(f->import.refused, 3);
    refused(f, 0, 3, "product", "", "quote");
    refused(f, 1, 4, "product", "", "UTF-8");
    assert_int_equal(f->import.refusal[2].line, 5);
    assert_int_equal(f->import.refusal[0].line, 3);
    assert_string_equal(f->import.refusal[0].file, "y.csv");
}

static void test_gzip_cut_short(void **state)
{
    fixture *f = *state;
    char command[800];
    char *text = malloc(4u << 20);
    size_t n = (size_t)sprintf(text, EVENTS);
    for (int i = 0; i < 60000; i++)
        n += (size_t)sprintf(text + n, "c%d,p%d,2021-01-01,%d,1.%02d\n", i * 7919 % 10007, i * 31 % 503, 1 + i % 9,
                             i % 100);
    write_bytes(f->data, "e.csv", text, n);
    free(text);
    snprintf(command, sizeof command, "cd '%s' && gzip e.csv && head -c 100000 e.csv.gz > cut && mv cut e.csv.gz",
             f->data);
    assert_int_equal(system(command), 0);
    fails(f, MERX_E_CORRUPT, "e.csv.gz", "line");
    mx_snapshot *s = snapshot_of(f);
    assert_int_equal(s->events, 0);
}

static void test_limits(void **state)
{
    fixture *f = *state;
    write_text(f->data, "e.csv", EVENTS "c,p,2021-01-01,1,1\nc,p,x,1,1\nc,p,y,1,1\nc,p,2021-01-02,1,1\n");
    merx_status status = import_with(f, &(merx_import_options){.max_refused = 1});
    assert_int_equal(status, MERX_E_LIMIT);
    assert_non_null(strstr(f->err.message, "line 4"));
    assert_int_equal(snapshot_of(f)->events, 0);
    check(import_with(f, &(merx_import_options){.max_refused = 2}), &f->err);
    assert_int_equal(f->import.events, 2);
}

static void test_decimals(void **state)
{
    fixture *f = *state;
    write_text(f->data, "a.csv", EVENTS "c,p,2021-01-01,1,1.25\nc,p,2021-01-01,3,0.0001\nc,p,2021-01-01,1,2.5\n");
    import_ok(f);
    assert_int_equal(f->import.decimals, 4);
    assert_int_equal(f->import.amount_minor, 37503);
    write_text(f->data, "shop.json", "{\"decimals\": 4}");
    write_text(f->data, "b.csv", EVENTS "c,p,2021-01-01,1,1.00005\n");
    import_ok(f);
    refused(f, 0, 2, "price", "1.00005", "5 decimals (expected at most 4)");
}

/* One file of the folder fails: those before it stay whole, it leaves nothing. */
static void test_one_of_many(void **state)
{
    fixture *f = *state;
    write_text(f->data, "a.csv", EVENTS "c,p,2021-01-01,1,1\n");
    import_ok(f);
    write_text(f->data, "a.csv", EVENTS "c,p,2021-01-02,1,1\n");
    write_text(f->data, "A.csv", EVENTS "c,p,2021-01-01,5,1\n");
    fails(f, MERX_E_CHANGED, "a.csv", "--replace");
    assert_int_equal(snapshot_of(f)->events, 2);
    check(import_with(f, &(merx_import_options){.replace = true}), &f->err);
    assert_int_equal(f->import.events, 2);
}

static void test_read_only(void **state)
{
    fixture *f = *state;
    write_text(f->data, "a.csv", EVENTS "c,p,2021-01-01,1,1\n");
    import_ok(f);
    merx_shop *shop;
    check(merx_shop_open(NULL, f->home, &(merx_shop_options){.read_only = true}, &shop, &f->err), &f->err);
    mx_snapshot *s;
    check(mx_shop_snapshot(shop, NULL, &s, &f->err), &f->err);
    assert_int_equal(s->events, 1);
    merx_import import;
    assert_int_equal(merx_shop_import(shop, f->data, NULL, NULL, &import, &f->err), MERX_E_PERMISSION);
    merx_shop_close(shop);
    merx_error_clear(&f->err);
    assert_int_equal(merx_shop_open(NULL, "/nonexistent/shop", NULL, &shop, &f->err), MERX_E_NOT_FOUND);
    assert_null(shop);
}

static void test_forgotten_stay_away(void **state)
{
    fixture *f = *state;
    merx_receipt receipt;
    write_text(f->data, "e.csv", EVENTS "c1,p,2021-01-01,1,1\nc2,q,2021-01-02,1,1.005\n");
    write_text(f->data, "customers.csv", "id,country\nc1,UK\nc2,FR\n");
    import_ok(f);
    check(merx_shop_forget(f->shop, "c2", NULL, &receipt, &f->err), &f->err);
    assert_int_equal(receipt.events, 1);
    assert_int_equal(receipt.customers, 1);
    merx_receipt_release(&receipt);
    assert_int_equal(merx_shop_forget(f->shop, "c2", NULL, &receipt, &f->err), MERX_E_NOT_FOUND);
    write_text(f->data, "e.csv",
               EVENTS "c1,p,2021-01-01,1,1\nc2,q,2021-01-02,1,1.005\nc2,q,2021-01-02,1,1\nc3,q,2021-01-03,1,1\n");
    write_text(f->data, "customers.csv", "id,country\nc1,UK\nc2,DE\n");
    import_ok(f);
    assert_int_equal(f->import.refused, 2);
    refused(f, 0, 3, "", "", "erased");
    assert_int_equal(f->import.events, 2);
    assert_int_equal(mx_snapshot_find_customer(snapshot_of(f), "c2"), -1);
    assert_int_equal(snapshot_of(f)->decimals, 2);
}

/* Every allocation of an import fails in turn: an error each time, nothing harmed, nothing leaks. */
static void test_allocations(void **state)
{
    fixture *f = *state;
    write_text(f->data, "e.csv", EVENTS "c1,p,2021-01-01,1,1.125\nc2,q,2021-01-02,x,1\n");
    write_text(f->data, "products.csv", "id,title,price,colour\np,Lamp,1,red\n");
    write_text(f->data, "shop.json", "{\"currency\": \"GBP\"}");
    for (int64_t k = 0;; k++) {
        mx_failing_allocator failing;
        char home[256];
        merx_shop *shop;
        merx_import import;
        merx_error err = {0};
        test_folder(home, sizeof home, "fail");
        mx_failing_allocator_init(&failing, k, true);
        merx_status status =
            merx_shop_open(&failing.allocator, home, &(merx_shop_options){.create = true}, &shop, &err);
        if (status == MERX_OK) {
            status = merx_shop_import(shop, f->data, NULL, NULL, &import, &err);
            if (status == MERX_OK)
                merx_import_release(&import);
            merx_shop_close(shop);
        }
        remove_folder(home);
        assert_int_equal(failing.live_blocks, 0);
        if (failing.calls <= k)
            break;
        if (status != MERX_OK)
            assert_int_equal(status, MERX_E_MEMORY);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_roles),        TEST(test_chinese),     TEST(test_retail),         TEST(test_values),
        TEST(test_dates),        TEST(test_mapping),     TEST(test_mapping_errors), TEST(test_again_and_grown),
        TEST(test_things_again), TEST(test_bad_files),   TEST(test_gzip_cut_short), TEST(test_limits),
        TEST(test_decimals),     TEST(test_one_of_many), TEST(test_read_only),      TEST(test_forgotten_stay_away),
        TEST(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
