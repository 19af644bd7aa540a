/*
 * CSV rows: cases by hand, and random texts against a reader that goes character by character and holds everything, with windows of
 * every small size.
 */
#include "base/random.h"
#include "base/str.h"
#include "io/rows_text.h"

#define HUGE_ROW ((size_t)16 << 20) /* rows.h: a row has at most this and max_field_bytes */

static void check_rows(const char *csv, const mx_rows_options *options, const char *want)
{
    static const size_t blocks[] = {0, 1, 2, 3, 7, 16, 17, 64};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        char *got = rows_text(csv, strlen(csv), options, blocks[i], true);
        if (strcmp(got, want) != 0)
            check_die(__FILE__, __LINE__, "window %zu, input:\n%s\ngave:\n%s\nnot:\n%s", blocks[i], csv, got, want);
        free(got);
    }
}

static void test_plain(void **state)
{
    (void)state;
    const mx_rows_options o = {0};
    check_rows("a,b\n1,2\n3,4\n", &o, ",|a|b\n2 0 8|1|2\n3 1 12|3|4\n");
    check_rows("a,b\n1,2", &o, ",|a|b\n2 0 7|1|2\n");
    check_rows("a,b\r\n1,2\r\n", &o, ",|a|b\n2 0 10|1|2\n");
    check_rows("\xef\xbb\xbf"
               "a,b\n1,2\n",
               &o, ",|a|b\n2 0 11|1|2\n");
    check_rows("a,b\n\n\r\n1,\n\n", &o, ",|a|b\n4 0 10|1|\n");
    check_rows("a\n1\n\r", &o, ",|a\n2 0 4|1\n");
    check_rows("a,b\n", &o, ",|a|b\n");
    check_rows("a,b", &o, ",|a|b\n");
    check_rows("a,b\n,", &o, ",|a|b\n2 0 5||\n");
    check_rows("a,b\n x , y \n", &o, ",|a|b\n2 0 12| x | y \n");
    check_rows("a,b\nx\ry,2\n", &o, ",|a|b\n2 0 10|x\ry|2\n");
}

static void test_quotes(void **state)
{
    (void)state;
    const mx_rows_options o = {0};
    check_rows("a,b\n\"x,\ny\",2\n3,4\n", &o, ",|a|b\n2 0 13|\"x,\ny\"|2\n4 1 17|3|4\n");
    check_rows("a,b\n\"say \"\"hi\"\"\",\"\"\n", &o, ",|a|b\n2 0 20|\"say \"hi\"\"|\"\"\n");
    check_rows("a,b\n\"\"\"\",\"\"\"\"\"\"\n", &o, ",|a|b\n2 0 16|\"\"\"|\"\"\"\"\n");
    check_rows("a,b\n\"1\"\r\n", &o, ",|a|b\n2 0 9!-1\n");
    check_rows("a,b\n\"1\",\"2\"\r\n3,4", &o, ",|a|b\n2 0 13|\"1\"|\"2\"\n3 1 16|3|4\n");
    check_rows("a,b\n5\" pipe,1\"\n", &o, ",|a|b\n2 0 15|5\" pipe|1\"\n");
    check_rows("a,b\n\"1\",\"2\"", &o, ",|a|b\n2 0 11|\"1\"|\"2\"\n");
    check_rows("a,b\n\"1\",\"2\"\r", &o, ",|a|b\n2 0 12|\"1\"|\"2\"\n");
    const mx_rows_options single = {.quote = '\''};
    check_rows("a,b\n'x,y',\"z\n", &single, ",|a|b\n2 0 13|\"x,y\"|\"z\n");
}

/* A bad row costs itself alone. */
static void test_problems(void **state)
{
    (void)state;
    const mx_rows_options o = {0};
    check_rows("a,b\n1\n2,3,4\n5,6\n", &o, ",|a|b\n2 0 6!-1\n3 1 12!-1\n4 2 16|5|6\n");
    check_rows("a,b\n1,\"open\n2,3\n4,5\n", &o, ",|a|b\n2 0 12!1\n3 1 16|2|3\n4 2 20|4|5\n");
    check_rows("a,b\n1,\"open\n2,\"x\"\n4,5\n", &o, ",|a|b\n2 0 12!1\n3 1 18|2|\"x\"\n4 2 22|4|5\n");
    check_rows("a,b\n\"1\"x,2\n3,4\n", &o, ",|a|b\n2 0 11!0\n3 1 15|3|4\n");
    check_rows("a,b\n\"1\"\r,2\n3,4\n", &o, ",|a|b\n2 0 11!0\n3 1 15|3|4\n");
    /* ... even when an earlier field went over several lines */
    check_rows("a,b\n\"x\ny\",\"open\n2,3\n", &o, ",|a|b\n2 0 16!1\n4 1 20|2|3\n");
    check_rows("a,b\n1,\xff\n2,\xc3\xa9\n\xed\xa0\x80,2\n", &o, ",|a|b\n2 0 8!1\n3 1 13|2|\xc3\xa9\n4 2 19!0\n");
    const mx_rows_options small = {.max_field_bytes = 3};
    check_rows("a,b\nabc,1\nabcd,1\n\"abc\",1\n\"abcd\",1\n1,\"abcdefghijk\n2,3\n", &small,
               ",|a|b\n2 0 10|abc|1\n3 1 17!0\n4 2 25|\"abc\"|1\n5 3 34!0\n6 4 49!1\n7 5 53|2|3\n");
}

static void test_problem_texts(void **state)
{
    (void)state;
    static const struct {
        const char *csv, *text;
    } cases[] = {
        {"a,b\n1\n", "has 1 field; expected 2"},
        {"a,b\n1,2,3\n", "has 3 fields; expected 2"},
        {"a,b\n1,\"x\n", "never closed"},
        {"a,b\n\"x\"y,1\n", "follows the closing quote"},
        {"a,b\n1,x\xffz\n", "invalid UTF-8 at byte 2 of the field (0xff)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        merx_error err = {0};
        mx_rows *rows;
        const mx_row *row;
        const mx_rows_options o = {0};
        check_ok(rows_over(cases[i].csv, strlen(cases[i].csv), &o, 0, NULL, &rows, &err), err);
        check_ok(mx_rows_next(rows, &row, &err), err);
        assert_non_null(row);
        assert_non_null(row->problem);
        check_contains(row->problem, cases[i].text);
        mx_rows_close(rows);
    }
    /* A zero byte is no text. */
    static const char nul[] = "a,b\n1,x\0y\n2,3\n";
    const mx_rows_options o = {0};
    char *got = rows_text(nul, sizeof nul - 1, &o, 0, true);
    assert_string_equal(got, ",|a|b\n2 0 10!1\n3 1 14|2|3\n");
    free(got);
}

static void test_separators(void **state)
{
    (void)state;
    const mx_rows_options o = {0};
    check_rows("a;b\n1,5;2,5\n", &o, ";|a|b\n2 0 12|1,5|2,5\n");
    check_rows("a\tb\n1\t2\n", &o, "\t|a|b\n2 0 8|1|2\n");
    check_rows("a|b\n1|2\n", &o, "||a|b\n2 0 8|1|2\n");
    check_rows("a,b;c\n1;2\n3;4\n", &o, ";|a,b|c\n2 0 10|1|2\n3 1 14|3|4\n");
    check_rows("a;\"b,c,d\"\n1;2\n", &o, ";|a|b,c,d\n2 0 14|1|2\n");
    check_rows("only\n1\n", &o, ",|only\n2 0 7|1\n");
    const mx_rows_options given = {.separator = ':'};
    check_rows("a:b\n1:2\n", &given, ":|a|b\n2 0 8|1|2\n");
}

static void test_header(void **state)
{
    (void)state;
    const mx_rows_options o = {0}, bare = {.no_header = true};
    check_rows("a, b ,,a,\"c\"\"d\"\n", &o, ",|a|b|column 3|a (4)|c\"d\n");
    check_rows("a,a (2),a\n", &o, ",|a|a (2)|a (3)\n");
    check_rows("a (3),a,a\n", &o, ",|a (3)|a|a (3) (3)\n");
    check_rows("1,2\n3,4\n", &bare, ",|column 1|column 2\n1 0 4|1|2\n2 1 8|3|4\n");
    check_rows("\n\n\"x\ny\",b\n1,2\n", &o, ",|x\ny|b\n5 0 14|1|2\n");

    static const struct {
        const char *csv;
        merx_status code;
        const char *text;
    } refused[] = {
        {"", MERX_E_PARSE, "is empty"},
        {"\n\r\n\n", MERX_E_PARSE, "is empty"},
        {"\xef\xbb\xbf", MERX_E_PARSE, "is empty"},
        {"\xff\xfe"
         "a",
         MERX_E_PARSE, "UTF-16"},
        {"a,\"b\n1,2\n", MERX_E_PARSE, "never closed"},
        {"a,\xff\n1,2\n", MERX_E_PARSE, "column 2"},
        {"a,b,c,d,e\n", MERX_E_LIMIT, "5 fields"},
    };
    const mx_rows_options four = {.max_columns = 4};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        merx_error err = {0};
        mx_rows *rows;
        assert_int_equal(rows_over(refused[i].csv, strlen(refused[i].csv), &four, 0, NULL, &rows, &err),
                         refused[i].code);
        assert_null(rows);
        assert_string_equal(err.where, "input");
        check_contains(err.message, refused[i].text);
    }
}

static void test_options(void **state)
{
    (void)state;
    static const mx_rows_options bad[] = {
        {.separator = '\n'},       {.separator = '"'},        {.quote = '\r'}, {.separator = ';', .quote = ';'},
        {.separator = (char)0xe9}, {.max_columns = SIZE_MAX},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        merx_error err = {0};
        mx_rows *rows;
        check_fails(rows_over("a\n", 2, &bad[i], 0, NULL, &rows, &err), MERX_E_INVALID, err);
    }
}

static void test_find(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_rows *rows;
    const mx_rows_options o = {0};
    static const char csv[] = "InvoiceNo, Unit Price \n1,2\n";
    check_ok(rows_over(csv, sizeof csv - 1, &o, 0, NULL, &rows, &err), err);
    assert_int_equal(mx_rows_find(rows, "invoiceno"), 0);
    assert_int_equal(mx_rows_find(rows, " UNIT PRICE"), 1);
    assert_int_equal(mx_rows_find(rows, "Invoice"), -1);
    assert_string_equal(mx_rows_name(rows), "input");
    mx_rows_close(rows);

    mx_rows_format format;
    assert_true(mx_rows_format_of_name("a/b.CSV.gz", &format) && format == MX_ROWS_CSV);
    assert_true(mx_rows_format_of_name("b.tsv", &format) && format == MX_ROWS_CSV);
    assert_true(mx_rows_format_of_name("b.jsonl.zst", &format) && format == MX_ROWS_JSONL);
    assert_true(mx_rows_format_of_name("b.ndjson", &format) && format == MX_ROWS_JSONL);
    assert_false(mx_rows_format_of_name("b.parquet", &format));
    assert_false(mx_rows_format_of_name("csv", &format));
}

/* What fits into no window is skipped, not kept: a quote never closed before much text, a row without end. */
static void test_endless(void **state)
{
    (void)state;
    const size_t size = HUGE_ROW + ((size_t)4 << 20);
    char *csv = malloc(size + 64);
    memset(csv, 'x', size + 64);
    static const char head[] = "a,b\n1,\"";
    memcpy(csv, head, sizeof head - 1);
    memcpy(csv + 100, "\n3,4\n", 5);
    memcpy(csv + size, "\n5,6\n", 5);
    const mx_rows_options o = {0};
    char *got = rows_text(csv, size + 5, &o, 0, true);
    char want[200];
    snprintf(want, sizeof want, ",|a|b\n2 0 101!1\n3 1 105|3|4\n4 2 %zu!0\n5 3 %zu|5|6\n", size + 1, size + 5);
    assert_string_equal(got, want);
    free(got);

    /* Many short fields: only the row's limit stops it. */
    memset(csv, 'x', size);
    memcpy(csv, "a,b\n", 4);
    for (size_t i = 8; i < size; i += 8)
        csv[i] = ',';
    got = rows_text(csv, size + 5, &o, 0, false);
    snprintf(want, sizeof want, ",|a|b\n2 0 %zu!-1\n3 1 %zu|5|6\n", size + 1, size + 5);
    assert_string_equal(got, want);
    free(got);
    free(csv);
}

/* ---- the naive twin ---- */

typedef struct twin {
    const char *text;
    size_t size, at, line;
    char separator, quote;
    size_t max_field, columns;
} twin;

/* One row; false at the end. Writes what rows_put writes. */
static bool twin_next(twin *t, uint64_t number, FILE *out)
{
    for (;;) { /* empty lines */
        size_t k = t->at;
        if (k < t->size && t->text[k] == '\r')
            k++;
        if (k < t->size && t->text[k] == '\n') {
            t->at = k + 1;
            t->line++;
        } else {
            if (k == t->size)
                return false;
            break;
        }
    }
    char *row = NULL;
    size_t row_size = 0;
    FILE *fields = open_memstream(&row, &row_size);
    size_t begin = t->at, line = t->line, n = 0, i = begin, problem_at = 0;
    int problem = -2, bad_text = -1;
    for (bool more = true; more && problem == -2; n++) {
        char *value = NULL;
        size_t value_size = 0, written = 0, field = i;
        FILE *chars = open_memstream(&value, &value_size);
        bool quoted = i < t->size && t->text[i] == t->quote;
        if (quoted) {
            i++;
            for (;;) {
                if (i >= t->size || written > t->max_field) {
                    problem = (int)n;
                    break;
                }
                if (t->text[i] == t->quote) {
                    if (i + 1 < t->size && t->text[i + 1] == t->quote) {
                        fputc(t->quote, chars);
                        written += 2;
                        i += 2;
                        continue;
                    }
                    i++;
                    break;
                }
                fputc(t->text[i++], chars);
                written++;
            }
            if (problem == -2) {
                size_t left = t->size - i;
                if (left == 0)
                    more = false;
                else if (t->text[i] == '\n') {
                    more = false;
                    i++;
                } else if (t->text[i] == '\r' && (left == 1 || t->text[i + 1] == '\n')) {
                    more = false;
                    i += left == 1 ? 1 : 2;
                } else if (t->text[i] == t->separator)
                    i++;
                else
                    problem = (int)n;
            }
        } else {
            while (i < t->size && t->text[i] != t->separator && t->text[i] != '\n')
                i++;
            if (i - field > t->max_field)
                problem = (int)n;
            size_t end = i;
            if ((i == t->size || t->text[i] == '\n') && end > field && t->text[end - 1] == '\r')
                end--;
            fwrite(t->text + field, 1, end - field, chars);
            more = i < t->size && t->text[i] == t->separator;
            if (i < t->size)
                i++;
        }
        if (problem >= 0)
            problem_at = field;
        fclose(chars);
        if (bad_text < 0 && !mx_utf8_valid((mx_str){value, value_size}, NULL))
            bad_text = (int)n;
        fprintf(fields, quoted ? "|\"" : "|");
        fwrite(value, 1, value_size, fields);
        fprintf(fields, quoted ? "\"" : "");
        free(value);
    }
    fclose(fields);
    if (problem >= 0) { /* on with the line after the one the field began on */
        for (i = problem_at; i < t->size && t->text[i] != '\n'; i++)
            ;
        i += i < t->size;
    } else if (n != t->columns) {
        problem = -1;
    } else if (bad_text >= 0) {
        problem = bad_text;
    }
    for (size_t k = begin; k < i; k++)
        t->line += t->text[k] == '\n';
    t->at = i;
    fprintf(out, "%zu %llu %zu", line, (unsigned long long)number, i);
    if (problem != -2)
        fprintf(out, "!%d", problem);
    else
        fwrite(row, 1, row_size, out);
    fputc('\n', out);
    free(row);
    return true;
}

static char *twin_text(const char *csv, size_t size, size_t begin, size_t columns, const mx_rows_options *o)
{
    char *text = NULL;
    size_t text_size = 0;
    FILE *out = open_memstream(&text, &text_size);
    twin t = {csv, size, begin, 1, ',', '"', o->max_field_bytes, columns};
    for (size_t i = 0; i < begin; i++)
        t.line += csv[i] == '\n';
    for (uint64_t number = 0; twin_next(&t, number, out); number++)
        ;
    fclose(out);
    return text;
}

static void test_random(void **state)
{
    (void)state;
    static const char *const parts[] = {
        ",",   ",",   "\n", "\n",   "\r\n", "\"",  "\"", "\"\"", "a",  "bc",   "\r",   " ",
        "\"x", "y\"", "é",  "\xff", ",\"",  "\",", "0",  "1.50", "日", "\"\n", "\n\"", "xxxxxxxxxxxxxxxxxxxxxxxxx"};
    static const char head[] = "a,b,c\n";
    uint64_t rows_seen = 0, problems = 0;
    for (uint64_t seed = 0; seed < 1200; seed++) {
        mx_random random;
        mx_random_init(&random, seed, 7);
        char csv[1024];
        strcpy(csv, head);
        size_t size = strlen(head), n = mx_random_below(&random, 60);
        size_t kinds = 1 + mx_random_below(&random, sizeof parts / sizeof *parts);
        for (size_t i = 0; i < n && size < 900; i++) {
            /* whole good rows among the noise */
            const char *part =
                mx_random_below(&random, 6) == 0 ? "1,\"two\",3\n" : parts[mx_random_below(&random, kinds)];
            memcpy(csv + size, part, strlen(part));
            size += strlen(part);
        }
        const mx_rows_options o = {.separator = ',', .max_field_bytes = 1 + mx_random_below(&random, 40)};
        char *want = twin_text(csv, size, strlen(head), 3, &o);
        for (const char *p = want; *p; p++) {
            rows_seen += *p == '\n';
            problems += *p == '!';
        }
        static const size_t blocks[] = {0, 1, 2, 3, 7, 13, 32, 100};
        for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
            char *got = rows_text(csv, size, &o, blocks[i], i % 2 == 0);
            const char *after = strchr(got, '\n');
            if (!after || strcmp(after + 1, want) != 0)
                check_die(__FILE__, __LINE__, "seed %llu, window %zu, input:\n%.*s\ngave:\n%s\nnot:\n%s",
                          (unsigned long long)seed, blocks[i], (int)size, csv, got, want);
            free(got);
        }
        free(want);
    }
    assert_true(rows_seen > 4000 && problems > 1000 && rows_seen > problems + 1000);
}

/* ---- failures ---- */

static merx_status scenario(const merx_allocator *alloc, void *context, merx_error *err)
{
    const mx_str *csv = context;
    const mx_rows_options o = {0};
    mx_rows *rows;
    MX_TRY(rows_over(csv->data, csv->size, &o, 4, alloc, &rows, err));
    mx_rows_digest(rows);
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
    mx_str csv = MX_STR("a,,a,\"d\"\"e\"\n1,2,3,\"x\"\"y\"\n1,2\n\"a long field that makes the window grow\",2,3,4\n");
    check_every_allocation(scenario, &csv);
}

/* The rows before the damage come; then the failure, again and again. */
static void test_source_fails(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_source *source;
    mx_rows *rows;
    const mx_row *row;
    const mx_rows_options o = {0};
    static const char csv[] = "a,b\n1,2\n3,4\n5,6\n";
    check_ok(mx_source_memory(csv, sizeof csv - 1, "input", NULL, 10, &source, &err), err);
    check_ok(mx_rows_open(source, &o, NULL, &rows, &err), err);
    check_ok(mx_rows_next(rows, &row, &err), err);
    assert_int_equal(row->line, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mx_rows_next(rows, &row, &err), MERX_E_LIMIT);
        assert_null(row);
        assert_string_equal(err.where, "input");
        check_contains(err.message, "after line 2");
        merx_error_clear(&err);
    }
    mx_rows_close(rows);
}

static void test_progress(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_rows *rows;
    const mx_row *row;
    const mx_rows_options o = {0};
    static const char csv[] = "a,b\n1,2\n3,4";
    check_ok(rows_over(csv, sizeof csv - 1, &o, 4, NULL, &rows, &err), err);
    check_ok(mx_rows_next(rows, &row, &err), err);
    assert_true(mx_rows_line_ended(rows));
    assert_true(mx_rows_progress(rows) >= 0 && mx_rows_progress(rows) <= 1);
    check_ok(mx_rows_next(rows, &row, &err), err);
    assert_false(mx_rows_line_ended(rows));
    check_ok(mx_rows_next(rows, &row, &err), err);
    assert_null(row);
    check_close(mx_rows_progress(rows), 1, 0);
    mx_rows_close(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),         cmocka_unit_test(test_quotes),      cmocka_unit_test(test_problems),
        cmocka_unit_test(test_problem_texts), cmocka_unit_test(test_separators),  cmocka_unit_test(test_header),
        cmocka_unit_test(test_options),       cmocka_unit_test(test_find),        cmocka_unit_test(test_endless),
        cmocka_unit_test(test_random),        cmocka_unit_test(test_allocations), cmocka_unit_test(test_source_fails),
        cmocka_unit_test(test_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
