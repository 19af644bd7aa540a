/*
 * JSON lines: cases by hand, and random lines against jansson.
 */
#include "base/random.h"
#include "base/str.h"
#include "io/rows_text.h"

static const mx_rows_options jsonl = {.format = MX_ROWS_JSONL};

static void check_rows(const char *text, const char *want)
{
    static const size_t blocks[] = {0, 1, 3, 16, 100};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        char *got = rows_text(text, strlen(text), &jsonl, blocks[i], true);
        if (strcmp(got, want) != 0)
            check_die(__FILE__, __LINE__, "window %zu, input:\n%s\ngave:\n%s\nnot:\n%s", blocks[i], text, got, want);
        free(got);
    }
}

static void test_values(void **state)
{
    (void)state;
    check_rows("{\"a\":1,\"b\":\"x\"}\n{\"b\":\"\",\"a\":12.10}\n", "-|a|b\n1 0 16|1|\"x\"\n2 1 35|12.10|\"\"\n");
    check_rows("\xef\xbb\xbf{\"a\":null}\n\n  \n{}\r\n { \"a\" : true } ", "-|a\n1 0 14|~\n4 1 22|~\n5 2 38|true\n");
    check_rows("{\"a\":{\"b\":[1, {\"c\":\"]\"}]},\"d\":-0.5e+10}\n",
               "-|a|d\n1 0 40|{\"b\":[1, {\"c\":\"]\"}]}|-0.5e+10\n");
    check_rows("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\\u65e5\"}\n",
               "-|a\n1 0 49|\"\"\\/\b\f\n\r\té😀日\"\n");
    check_rows("{\"\\u0061\":1}\n{\"a\":2}\n", "-|a\n1 0 13|1\n2 1 21|2\n");
}

/* New keys append columns, also those after the lines looked at on opening. */
static void test_columns(void **state)
{
    (void)state;
    check_rows("{\"a\":1}\n{\"b\":2,\"a\":3}\n{\"c\":4}\n", "-|a|b|c\n1 0 8|1|~|~\n2 1 22|3|2|~\n3 2 30|~|~|4\n");
    FILE *out;
    char *text;
    size_t size;
    out = open_memstream(&text, &size);
    for (int i = 0; i < 200; i++)
        fprintf(out, i == 150 ? "{\"a\":1,\"late\":2}\n" : "{\"a\":1}\n");
    fclose(out);
    merx_error err = {0};
    mx_rows *rows;
    const mx_row *row;
    check_ok(rows_over(text, size, &jsonl, 0, NULL, &rows, &err), err);
    assert_int_equal(mx_rows_columns(rows), 1);
    for (int i = 0; i < 200; i++) {
        check_ok(mx_rows_next(rows, &row, &err), err);
        assert_int_equal(row->count, i < 150 ? 1 : 2);
        assert_int_equal(row->line, i + 1);
    }
    assert_int_equal(mx_rows_find(rows, "LATE"), 1);
    mx_rows_close(rows);
    free(text);
}

static void test_problems(void **state)
{
    (void)state;
    static const struct {
        const char *line, *text;
    } cases[] = {
        {"[1]", "expected a JSON object"},
        {"17", "expected a JSON object"},
        {"{\"a\":1", "expected \",\" or \"}\""},
        {"{\"a\" 1}", "character 6: expected \":\""},
        {"{\"a\":}", "expected a value"},
        {"{\"a\":1,}", "expected a string in double quotes"},
        {"{a:1}", "character 2: expected a string in double quotes"},
        {"{\"a\":1} x", "expected nothing after the object"},
        {"{\"a\":01}", "expected \",\" or \"}\""},
        {"{\"a\":1.}", "expected a digit"},
        {"{\"a\":-}", "expected a digit"},
        {"{\"a\":1e}", "expected a digit"},
        {"{\"a\":\"x}", "closing quote"},
        {"{\"a\":\"\\x\"}", "expected an escape"},
        {"{\"a\":\"\\u12g4\"}", "four hexadecimal digits"},
        {"{\"a\":\"\\u0000\"}", "without \\u0000"},
        {"{\"a\":\"\\ud800\"}", "second half"},
        {"{\"a\":\"\\ude00\"}", "first half"},
        {"{\"a\":\"\t\"}", "control character"},
        {"{\"a\":\"\xff\"}", "character 7: invalid UTF-8"},
        {"{\"a\":1,\"a\":2}", "key \"a\" appears twice"},
        {"{\"a\":[1 2]}", "expected \",\" or \"]\""},
        {"{\"a\":truth}", "expected a value"},
        {"{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5}", "too many keys"},
        {"{\"b\":2,\"c\":3,\"d\":4,\"e\":5}", "one key more"},
        {"{\"a\":\"0123456789012345678901234567890\"}", "a value longer"},
    };
    const mx_rows_options o = {.format = MX_ROWS_JSONL, .max_columns = 4, .max_field_bytes = 30};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        merx_error err = {0};
        mx_rows *rows;
        const mx_row *row;
        int size = snprintf(text, sizeof text, "{\"a\":0}\n%s\n{\"a\":1}\n", cases[i].line);
        check_ok(rows_over(text, (size_t)size, &o, 0, NULL, &rows, &err), err);
        check_ok(mx_rows_next(rows, &row, &err), err);
        check_ok(mx_rows_next(rows, &row, &err), err);
        assert_non_null(row);
        if (!row->problem)
            check_die(__FILE__, __LINE__, "%s was read", cases[i].line);
        check_contains(row->problem, cases[i].text);
        assert_int_equal(row->line, 2);
        check_ok(mx_rows_next(rows, &row, &err), err);
        assert_null(row->problem);
        assert_memory_equal(row->fields[0].data, "1", 1);
        mx_rows_close(rows);
    }
    /* Nesting has an end. */
    char deep[512];
    memset(deep, 0, sizeof deep);
    strcpy(deep, "{\"a\":");
    memset(deep + 5, '[', 200);
    char *got = rows_text(deep, strlen(deep), &jsonl, 0, true);
    check_contains(got, "1 0 205!-1");
    free(got);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {{"", "is empty"}, {" \n\n", "is empty"}, {"[{\"a\":1}]", "JSON array"}, {"\xfe\xff{}", "UTF-16"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        merx_error err = {0};
        mx_rows *rows;
        assert_int_equal(rows_over(cases[i].text, strlen(cases[i].text), &jsonl, 0, NULL, &rows, &err), MERX_E_PARSE);
        check_contains(err.message, cases[i].message);
    }
}

/* ---- against jansson ---- */

static void put_random(mx_random *random, char *out, size_t *size, int depth)
{
    static const char *const atoms[] = {"1",       "-2.50",   "1e5",  "true", "false",       "null", "\"x\"",
                                        "\"\\n\"", "\"é\"",   "\"\"", "0",    "\"\\u00e9\"", "tru",  "01",
                                        "1.",      "\"\\q\"", "\"",   "-",    "[]",          "{}",   "\"a,b\""};
    char part[64];
    uint64_t kind = mx_random_below(random, 10);
    if (depth < 4 && kind < 2) {
        bool object = kind == 0;
        out[(*size)++] = object ? '{' : '[';
        uint64_t n = mx_random_below(random, 3);
        for (uint64_t i = 0; i < n; i++) {
            if (object)
                *size += (size_t)sprintf(out + *size, "\"k%d\"%s", (int)i, mx_random_below(random, 40) ? ":" : "");
            put_random(random, out, size, depth + 1);
            if (i + 1 < n || mx_random_below(random, 40) == 0)
                out[(*size)++] = ',';
        }
        out[(*size)++] = object || mx_random_below(random, 40) == 0 ? '}' : ']';
        return;
    }
    uint64_t limit = mx_random_below(random, 8) ? 12 : sizeof atoms / sizeof *atoms;
    int written = snprintf(part, sizeof part, "%s%s", atoms[mx_random_below(random, limit)],
                           mx_random_below(random, 5) ? "" : " ");
    memcpy(out + *size, part, (size_t)written);
    *size += (size_t)written;
}

/* Whether a field is what jansson read. */
static void check_value(const mx_row *row, size_t i, json_t *value, const char *line)
{
    mx_str field = row->fields[i];
    if (json_is_null(value)) {
        assert_null(field.data);
        return;
    }
    assert_non_null(field.data);
    if (row->quoted[i] != json_is_string(value))
        check_die(__FILE__, __LINE__, "%s: column %zu: string or not", line, i);
    if (json_is_string(value)) {
        if (field.size != json_string_length(value) || memcmp(field.data, json_string_value(value), field.size) != 0)
            check_die(__FILE__, __LINE__, "%s: column %zu is %.*s", line, i, (int)field.size, field.data);
        return;
    }
    json_t *again = json_loadb(field.data, field.size, JSON_DECODE_ANY, NULL);
    if (!json_equal(again, value))
        check_die(__FILE__, __LINE__, "%s: column %zu is %.*s", line, i, (int)field.size, field.data);
    json_decref(again);
}

static void test_random(void **state)
{
    (void)state;
    int accepted = 0, refused = 0;
    for (uint64_t seed = 0; seed < 6000; seed++) {
        mx_random random;
        mx_random_init(&random, seed, 3);
        char line[4096] = "{";
        size_t size = 1;
        uint64_t n = mx_random_below(&random, 5);
        for (uint64_t i = 0; i < n; i++) {
            size += (size_t)sprintf(line + size, "%s\"%c\":", i ? "," : "", (char)('a' + mx_random_below(&random, 12)));
            put_random(&random, line, &size, 0);
        }
        line[size++] = '}';
        if (mx_random_below(&random, 10) == 0)
            size -= 1 + mx_random_below(&random, size - 1);
        line[size] = '\0';
        json_t *want = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
        merx_error err = {0};
        mx_rows *rows;
        const mx_row *row;
        check_ok(rows_over(line, size, &jsonl, 512, NULL, &rows, &err), err);
        check_ok(mx_rows_next(rows, &row, &err), err);
        assert_non_null(row);
        if (!row->problem != (want != NULL))
            check_die(__FILE__, __LINE__, "seed %d: %s: %s", (int)seed, line, row->problem ? row->problem : "read");
        if (want) {
            accepted++;
            assert_int_equal(json_object_size(want), row->count);
            for (size_t i = 0; i < row->count; i++)
                check_value(row, i, json_object_get(want, mx_rows_column(rows, i)), line);
        } else {
            refused++;
        }
        json_decref(want);
        mx_rows_close(rows);
    }
    if (!(accepted > 1000 && refused > 1000))
        check_die(__FILE__, __LINE__, "%d accepted, %d refused: too few to tell", accepted, refused);
}

static merx_status scenario(const merx_allocator *alloc, void *context, merx_error *err)
{
    const mx_str *text = context;
    mx_rows *rows;
    MX_TRY(rows_over(text->data, text->size, &jsonl, 4, alloc, &rows, err));
    const mx_row *row;
    merx_status status;
    do
        status = mx_rows_next(rows, &row, err);
    while (status == MERX_OK && row);
    mx_rows_close(rows);
    return status;
}

static void test_allocations(void **state)
{
    (void)state;
    mx_str text =
        MX_STR("{\"a\":1,\"b\":\"x\\ny\"}\n{\"a\":\n{\"a\":\"a long value that grows the window\",\"c\":[]}\n");
    check_every_allocation(scenario, &text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),  cmocka_unit_test(test_columns), cmocka_unit_test(test_problems),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_random),  cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
