/*
 * The reader of CSV tables beside the slow one (rows in two passes, one thread): random files with everything that can be wrong in them, cut into chunks of any size
 * and read by 1, 2 and 8 threads, give the same table, or the same refusal.
 */
#include "base/random.h"
#include "learn/core/table_reader.h"
#include "support/check.h"

static char folder[256], path[300];

typedef struct text {
    char *data;
    size_t size, room;
} text;

static void put(text *t, const char *data, size_t size)
{
    if (t->size + size >= t->room) {
        t->room = (t->size + size + 8) * 2;
        t->data = realloc(t->data, t->room);
    }
    memcpy(t->data + t->size, data, size);
    t->size += size;
}

static void puts_to(text *t, const char *string)
{
    put(t, string, strlen(string));
}

enum style { INTEGER, FLOAT, ISO, ISO_TIME, DMY, MDY, COMPACT, FLAG, WORD, TEXT, BLANK, MIXED, STYLES };

/* A value without quotes. */
static void put_value(text *t, mx_random *random, int style, bool inf)
{
    static const char *const words[] = {
        "red", "green", "blue", "a longer word than sixteen bytes", "b l", " red", "\xe4\xb8\xad\xe6\x96\x87"};
    static const char *const odd[] = {"1e5",
                                      "-0",
                                      "+7",
                                      ".5",
                                      "5.",
                                      " 12 ",
                                      "1e400x",
                                      "0x10",
                                      "12345678901234567890123",
                                      "0.1234567890123456789",
                                      "-12.5",
                                      "NAN",
                                      "na",
                                      "yes",
                                      "TRUE",
                                      "20111209",
                                      "2011-13-01",
                                      "2011-12-09 25:00",
                                      "9/12/2011 8:26 PM",
                                      "1,5",
                                      "."};
    char buffer[80];
    switch (style) {
    case INTEGER:
        snprintf(buffer, sizeof buffer, "%d", (int)mx_random_below(random, 2000) - 1000);
        break;
    case FLOAT:
        snprintf(buffer, sizeof buffer, "%.*g", 1 + (int)mx_random_below(random, 17),
                 mx_random_uniform(random) * 100 - 50);
        break;
    case ISO:
        snprintf(buffer, sizeof buffer, "20%02d-%02d-%02d", (int)mx_random_below(random, 30),
                 1 + (int)mx_random_below(random, 12), 1 + (int)mx_random_below(random, 28));
        break;
    case ISO_TIME:
        snprintf(buffer, sizeof buffer, "2011-12-%02d%c%02d:%02d:%02d%s", 1 + (int)mx_random_below(random, 28),
                 mx_random_below(random, 2) ? ' ' : 'T', (int)mx_random_below(random, 24),
                 (int)mx_random_below(random, 60), (int)mx_random_below(random, 60),
                 mx_random_below(random, 3)   ? ""
                 : mx_random_below(random, 2) ? "Z"
                                              : ".250+01:00");
        break;
    case DMY:
    case MDY: {
        int big = 1 + (int)mx_random_below(random, mx_random_below(random, 8) ? 12 : 28),
            month = 1 + (int)mx_random_below(random, 12);
        snprintf(buffer, sizeof buffer, "%d/%d/2010", style == DMY ? big : month, style == DMY ? month : big);
        break;
    }
    case COMPACT:
        snprintf(buffer, sizeof buffer, "2010%02d%02d", 1 + (int)mx_random_below(random, 12),
                 1 + (int)mx_random_below(random, 28));
        break;
    case FLAG:
        snprintf(buffer, sizeof buffer, "%s",
                 (const char *[]){"yes", "no", "true", "FALSE", " Yes"}[mx_random_below(random, 5)]);
        break;
    case WORD:
        snprintf(buffer, sizeof buffer, "%s", words[mx_random_below(random, sizeof words / sizeof *words)]);
        break;
    case TEXT:
        snprintf(buffer, sizeof buffer, "%s %d", words[mx_random_below(random, sizeof words / sizeof *words)],
                 (int)mx_random_below(random, 100000));
        break;
    case MIXED:
        snprintf(buffer, sizeof buffer, "%s", odd[mx_random_below(random, sizeof odd / sizeof *odd)]);
        break;
    default:
        buffer[0] = '\0';
    }
    if (inf && (style == INTEGER || style == FLOAT))
        snprintf(buffer, sizeof buffer, "%s", mx_random_below(random, 2) ? "inf" : "-Infinity");
    puts_to(t, buffer);
}

static void put_field(text *t, mx_random *random, int style, int trouble, char separator)
{
    static const char *const missing[] = {"", "NA", " ", "null", "NaN", "\"\"", " N/A "};
    if (mx_random_below(random, 8) == 0) {
        puts_to(t, missing[mx_random_below(random, sizeof missing / sizeof *missing)]);
        return;
    }
    text value = {0};
    put_value(&value, random, style, trouble > 2 && mx_random_below(random, 60) == 0);
    bool quote = mx_random_below(random, 6) == 0;
    if (style == TEXT || style == WORD) {
        for (unsigned extra = (unsigned)mx_random_below(random, 8); extra > 5; extra--) {
            quote = true;
            puts_to(&value, (const char *[]){"\n", "\"", "\r\n", ", ", "\"\"", "\n\n"}[mx_random_below(random, 6)]);
        }
    }
    for (size_t i = 0; i < value.size; i++)
        quote |= value.data[i] == separator;
    if (!quote) {
        put(t, value.data, value.size);
    } else {
        put(t, "\"", 1);
        for (size_t i = 0; i < value.size; i++) {
            put(t, &value.data[i], 1);
            if (value.data[i] == '"')
                put(t, "\"", 1);
        }
        put(t, "\"", 1);
    }
    free(value.data);
    if (trouble > 1 && mx_random_below(random, 150) == 0)
        puts_to(t, (const char *[]){"\"", "5\" disk", "\"a\"b", "\"open", "\xff", "\r", "\"x\" ",
                                    "q\"\"q"}[mx_random_below(random, 8)]);
}

static void make_file(text *t, mx_random *random, size_t columns, int trouble, bool header, char separator)
{
    int styles[8];
    const bool crlf = mx_random_below(random, 4) == 0;
    const size_t rows = mx_random_below(random, mx_random_below(random, 3) ? 30 : 300);
    t->size = 0;
    if (mx_random_below(random, 10) == 0)
        puts_to(t, "\xef\xbb\xbf");
    for (size_t j = 0; j < columns; j++) {
        styles[j] = (int)mx_random_below(random, STYLES);
        if (header) {
            char name[32];
            snprintf(name, sizeof name, "c%zu", j);
            puts_to(t, name);
            if (j + 1 < columns)
                put(t, &separator, 1);
        }
    }
    if (header)
        puts_to(t, crlf ? "\r\n" : "\n");
    const int turn = trouble > 0 && mx_random_below(random, 2) ? (int)mx_random_below(random, rows + 1) : -1;
    for (size_t i = 0; i < rows; i++) {
        size_t fields = columns;
        if ((int)i == turn)
            styles[mx_random_below(random, columns)] = (int)mx_random_below(random, STYLES);
        if (trouble > 1 && mx_random_below(random, 40) == 0)
            fields = mx_random_below(random, columns + 3);
        for (size_t j = 0; j < fields; j++) {
            put_field(t, random, styles[j < columns ? j : 0], trouble, separator);
            if (j + 1 < fields)
                put(t, &separator, 1);
        }
        if (trouble > 1 && mx_random_below(random, 400) == 0)
            put(t, "\0", 1);
        if (i + 1 < rows || mx_random_below(random, 2))
            puts_to(t, crlf || mx_random_below(random, 30) == 0 ? "\r\n" : "\n");
        if (mx_random_below(random, 25) == 0)
            puts_to(t, mx_random_below(random, 2) ? "\n" : "\r\n");
    }
}

static void same_text(const char *a, const char *b, const char *what, size_t j, size_t i)
{
    if ((a == NULL) != (b == NULL) || (a != NULL && strcmp(a, b) != 0))
        check_die(__FILE__, __LINE__, "%s, column %zu, row %zu: \"%s\" and \"%s\"", what, j, i, a ? a : "-",
                  b ? b : "-");
}

static void compare(const merx_dataset *a, const merx_dataset *b, const char *what)
{
    const size_t rows = merx_dataset_rows(a);
    if (rows != merx_dataset_rows(b) || merx_dataset_refused(a) != merx_dataset_refused(b) ||
        merx_dataset_columns(a) != merx_dataset_columns(b))
        check_die(__FILE__, __LINE__, "%s: %zu rows, %zu refused; slowly %zu and %zu", what, rows,
                  (size_t)merx_dataset_refused(a), merx_dataset_rows(b), (size_t)merx_dataset_refused(b));
    for (size_t j = 0; j < merx_dataset_columns(a); j++) {
        same_text(merx_dataset_column_name(a, j), merx_dataset_column_name(b, j), what, j, 0);
        if (merx_dataset_column_type(a, j) != merx_dataset_column_type(b, j))
            check_die(__FILE__, __LINE__, "%s, column %zu: %s with %zu missing; slowly %s with %zu", what, j,
                      merx_column_type_name(merx_dataset_column_type(a, j)), merx_dataset_missing(a, j),
                      merx_column_type_name(merx_dataset_column_type(b, j)), merx_dataset_missing(b, j));
        for (size_t i = 0; i < rows; i++)
            switch (merx_dataset_column_type(a, j)) {
            case MERX_COLUMN_NUMERIC: {
                double x = merx_dataset_numeric(a, j)[i], y = merx_dataset_numeric(b, j)[i];
                if (!(isnan(x) && isnan(y)) && memcmp(&x, &y, sizeof x) != 0)
                    check_die(__FILE__, __LINE__, "%s, column %zu, row %zu: %a and %a", what, j, i, x, y);
                break;
            }
            case MERX_COLUMN_DATE:
                assert_int_equal(merx_dataset_date_ms(a, j)[i], merx_dataset_date_ms(b, j)[i]);
                break;
            case MERX_COLUMN_BOOLEAN:
                assert_int_equal(merx_dataset_boolean(a, j)[i], merx_dataset_boolean(b, j)[i]);
                break;
            case MERX_COLUMN_CATEGORICAL:
                assert_int_equal(merx_dataset_codes(a, j)[i], merx_dataset_codes(b, j)[i]);
                break;
            default:
                same_text(merx_dataset_text(a, j, i), merx_dataset_text(b, j, i), what, j, i);
            }
        if (merx_dataset_missing(a, j) != merx_dataset_missing(b, j))
            check_die(__FILE__, __LINE__, "%s, column %zu: %zu missing; slowly %zu", what, j,
                      merx_dataset_missing(a, j), merx_dataset_missing(b, j));
        if (merx_dataset_column_type(a, j) == MERX_COLUMN_CATEGORICAL) {
            assert_int_equal(merx_dataset_levels(a, j), merx_dataset_levels(b, j));
            for (size_t k = 0; k < merx_dataset_levels(a, j); k++)
                same_text(merx_dataset_level(a, j, k), merx_dataset_level(b, j, k), what, j, k);
        }
    }
    for (size_t i = 0; i < rows; i++)
        if (mx_dataset_line(a, i) != mx_dataset_line(b, i))
            check_die(__FILE__, __LINE__, "%s, row %zu: line %llu; slowly %llu", what, i,
                      (unsigned long long)mx_dataset_line(a, i), (unsigned long long)mx_dataset_line(b, i));
}

static merx_task *tasks[3];

static void try_file(const text *t, const merx_csv_options *options, mx_random *random, const char *what, size_t least,
                     bool infinite)
{
    check_write_file(path, t->data, t->size);
    merx_dataset *slow = NULL, *fast = NULL;
    merx_error want = {0};
    merx_status expected = mx_dataset_read_rows(path, options, NULL, &slow, &want);
    const size_t sizes[] = {0, least + mx_random_below(random, 16), least + mx_random_below(random, 200),
                            least + mx_random_below(random, 3000)};
    for (size_t k = 0; k < 4; k++) {
        merx_error err = {0};
        char name[200];
        snprintf(name, sizeof name, "%s, chunks of %zu bytes, task %zu", what, sizes[k], k % 3);
        merx_status status = mx_dataset_read_chunks(path, options, sizes[k], tasks[k % 3], &fast, &err);
        if (status != expected)
            check_die(__FILE__, __LINE__, "%s: %s \"%s: %s\", slowly %s \"%s: %s\"", name, merx_status_name(status),
                      err.where, err.message, merx_status_name(expected), want.where, want.message);
        if (status == MERX_OK) {
            compare(fast, slow, name);
            merx_dataset_free(fast);
        } else if (!infinite && (strcmp(err.message, want.message) != 0 || strcmp(err.where, want.where) != 0)) {
            check_die(__FILE__, __LINE__, "%s: \"%s: %s\", slowly \"%s: %s\"", name, err.where, err.message, want.where,
                      want.message);
        }
    }
    merx_dataset_free(slow);
}

/* What is read is compared in every build; ThreadSanitizer, ten times as slow, is for how threads meet, which each file shows it anew. */
#ifdef __SANITIZE_THREAD__
enum { ROUNDS = 400 };
#else
enum { ROUNDS = 1500 };
#endif

static void test_random_files(void **state)
{
    (void)state;
    text t = {0};
    const char *count = getenv("MERX_TEST_ROUNDS");
    const int rounds = count != NULL ? atoi(count) : ROUNDS;
    const char *first = getenv("MERX_TEST_SEED");
    for (int round = first != NULL ? atoi(first) : 0, done = 0; done < rounds; round++, done++) {
        mx_random random;
        mx_random_init(&random, 77, (uint64_t)round);
        const size_t columns = 1 + mx_random_below(&random, 5);
        const int trouble = (int)mx_random_below(&random, 4);
        const bool header = mx_random_below(&random, 5) != 0;
        const char separator = mx_random_below(&random, 4) ? ',' : ';';
        make_file(&t, &random, columns, trouble, header, separator);
        static const size_t refusals[] = {0, 2, 1000000}, levels[] = {0, 1, 3, 20};
        merx_csv_options options = {.separator = mx_random_below(&random, 2) ? separator : '\0',
                                    .no_header = !header,
                                    .max_levels = levels[mx_random_below(&random, 4)],
                                    .max_refused = refusals[mx_random_below(&random, 3)],
                                    .missing = mx_random_below(&random, 3) ? NULL : "red|-7|2010-01-01"};
        char types[200] = "";
        if (header && mx_random_below(&random, 3) == 0)
            for (size_t j = 0; j < columns; j++)
                if (mx_random_below(&random, 2))
                    snprintf(types + strlen(types), sizeof types - strlen(types), "c%zu=%s,", j,
                             (const char *[]){"numeric", "boolean", "date", "text"}[mx_random_below(&random, 4)]);
        if (types[0] != '\0')
            options.types = types;
        char what[128];
        snprintf(what, sizeof what, "round %d types %.40s", round, types);
        try_file(&t, &options, &random, what, 1, trouble > 2);
    }
    free(t.data);
}

/* Rows longer than pieces and chunks, quotes never closed, lines without end. */
static void test_long_rows(void **state)
{
    (void)state;
    text t = {0};
    mx_random random;
    mx_random_init(&random, 5, 0);
    for (int kind = 0; kind < 8; kind++) {
        t.size = 0;
        puts_to(&t, "a,b\n1,x\n");
        size_t before = t.size;
        const size_t long_size = kind < 4 ? 100000 : 1100000;
        if (kind % 4 == 0)
            puts_to(&t, "2,\"");
        else
            puts_to(&t, kind % 4 == 1 ? "2," : kind % 4 == 2 ? "\"open,2\n" : "2,3,");
        for (size_t i = 0; t.size - before < long_size; i++)
            puts_to(&t, i % 40 != 39    ? "some text "
                        : kind % 4 == 0 ? "and \"\"more\"\",\n"
                        : kind % 4 == 2 ? "5,y\n"
                                        : "and more ");
        if (kind % 4 == 0)
            puts_to(&t, "\"");
        puts_to(&t, "\n3,z\n4,w\n");
        const merx_csv_options options = {.max_refused = 1000000};
        char what[128];
        snprintf(what, sizeof what, "long rows %d", kind);
        /* Some twenty chunks a row: what is carried from one to the next is looked at again each time. */
        try_file(&t, &options, &random, what, long_size / 20, false);
    }
    free(t.data);
}

/* A column that turns after the first chunks: read once more, and right. */
static void test_late_turn(void **state)
{
    (void)state;
    text t = {0};
    mx_random random;
    mx_random_init(&random, 6, 0);
    static const char *const last[] = {"word", "2011/12/09", "20111301x", "12", "1e5", "yes", "13/12/2010"};
    for (int kind = 0; kind < 5; kind++)
        for (size_t l = 0; l < sizeof last / sizeof *last; l++) {
            t.size = 0;
            puts_to(&t, "a,b\n");
            for (int i = 0; i < 4000; i++) {
                const int month = 1 + i % 12, day = 1 + i % 11;
                char line[64];
                switch (kind) {
                case 0:
                    snprintf(line, sizeof line, "%d,%d\n", month, day);
                    break;
                case 1:
                    snprintf(line, sizeof line, "2010%02d%02d,1\n", month, day);
                    break;
                case 2:
                    snprintf(line, sizeof line, "%02d/%02d/2010,1\n", month, day);
                    break;
                case 3:
                    snprintf(line, sizeof line, "w%d,%d\n", month, day);
                    break;
                default:
                    snprintf(line, sizeof line, "2010-%02d-%02d,1\n", month, day);
                }
                puts_to(&t, line);
            }
            puts_to(&t, last[l]);
            puts_to(&t, ",2\n");
            char what[128];
            snprintf(what, sizeof what, "turn %d to %s", kind, last[l]);
            try_file(&t, &(merx_csv_options){0}, &random, what, 1, false);
        }
    free(t.data);
}

static merx_status read_chunks(const merx_allocator *alloc, void *context, merx_error *err)
{
    (void)context;
    merx_dataset *t = NULL;
    merx_task *task = NULL;
    merx_status status;
    MX_TRY_GOTO(merx_task_new(alloc, &(merx_task_options){.threads = 1}, &task, err));
    MX_TRY_GOTO(
        mx_dataset_read_chunks(path, &(merx_csv_options){.max_levels = 2, .max_refused = 9}, 40, task, &t, err));
out:
    merx_dataset_free(t);
    merx_task_free(task);
    return status;
}

static void test_allocations(void **state)
{
    (void)state;
    static const char file[] = "n,c,b,d,t,late\n1,x,yes,2011-01-01,a,1\n2,y,no,2011-01-02,b,2\n3,x\n3,x,yes,2011-01-01,"
                               "c,3\ninf,x,yes,2011-01-01,\"long\n"
                               "text, that goes on beyond a chunk or two of the file\",3\n4,y,no,2011-01-03,d,five\n";
    check_write_file(path, file, sizeof file - 1);
    check_every_allocation(read_chunks, NULL);
}

static void test_first_bad_row(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_dataset *t;
    check_write_file(path, "a,b\n1,2\ninf,3\n4\n", SIZE_MAX);
    check_fails(merx_dataset_read(path, NULL, NULL, &t, &err), MERX_E_PARSE, err);
    err = (merx_error){0};
    assert_int_equal(merx_dataset_read(path, NULL, NULL, &t, &err), MERX_E_PARSE);
    check_contains(err.where, ":3");
    /* ... unless the column is none of numbers by then. */
    check_write_file(path, "a,b\nx,2\ninf,3\n4\n", SIZE_MAX);
    err = (merx_error){0};
    assert_int_equal(merx_dataset_read(path, NULL, NULL, &t, &err), MERX_E_PARSE);
    check_contains(err.where, ":4");
}

int main(void)
{
    check_make_folder(folder);
    snprintf(path, sizeof path, "%s/t.csv", folder);
    for (int i = 0; i < 3; i++) {
        merx_error err = {0};
        check_ok(merx_task_new(NULL, &(merx_task_options){.threads = (int[]){2, 1, 8}[i]}, &tasks[i], &err), err);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_files), cmocka_unit_test(test_long_rows),     cmocka_unit_test(test_late_turn),
        cmocka_unit_test(test_allocations),  cmocka_unit_test(test_first_bad_row),
    };
    cmocka_set_test_filter(getenv("MERX_TEST_ONLY"));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (int i = 0; i < 3; i++)
        merx_task_free(tasks[i]);
    if (failed == 0)
        check_remove_folder(folder);
    else
        printf("the file: %s\n", path);
    return failed;
}
