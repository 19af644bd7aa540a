/*
 * Datasets: the four shapes, reading CSV and JSON lines with inference and declared types, messages, allocation failures.
 */
#include "base/clock.h"
#include "learn/core/table.h"
#include "support/check.h"

static char folder[256], path[300];

static merx_status read_text(const char *name, const char *text, const merx_csv_options *options, merx_dataset **out,
                             merx_error *err)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    check_write_file(path, text, SIZE_MAX);
    return merx_dataset_read(path, options, NULL, out, err);
}

static void check_type(const merx_dataset *t, const char *column, merx_column_type type)
{
    int at = merx_dataset_find_column(t, column);
    assert_true(at >= 0);
    if (merx_dataset_column_type(t, (size_t)at) != type)
        check_die(__FILE__, __LINE__, "column %s is %s, not %s", column,
                  merx_column_type_name(merx_dataset_column_type(t, (size_t)at)), merx_column_type_name(type));
}

static void test_inference(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_dataset *t;
    check_ok(read_text("t.csv",
                       "n,b,iso,mdy,c,01,word,none,yes\n"
                       "1.5,TRUE,2011-12-09,1/2/2011,z,0,inf,NA,yes\n"
                       ",false,2011-12-10T01:02:03Z,12/30/2010 8:26,\"a, b\",1,x,,no\n"
                       "-2e3,NA,,,z,1,y,null,\n",
                       NULL, &t, &err),
             err);
    assert_int_equal(merx_dataset_rows(t), 3);
    assert_int_equal(merx_dataset_columns(t), 9);
    assert_string_equal(merx_dataset_name(t), path);
    check_type(t, "n", MERX_COLUMN_NUMERIC);
    check_type(t, "b", MERX_COLUMN_BOOLEAN);
    check_type(t, "iso", MERX_COLUMN_DATE);
    check_type(t, "mdy", MERX_COLUMN_DATE);
    check_type(t, "c", MERX_COLUMN_CATEGORICAL);
    check_type(t, "01", MERX_COLUMN_NUMERIC);
    check_type(t, "word", MERX_COLUMN_CATEGORICAL);
    check_type(t, "none", MERX_COLUMN_NUMERIC);
    check_type(t, "yes", MERX_COLUMN_BOOLEAN);
    const double *n = merx_dataset_numeric(t, 0);
    check_close(n[0], 1.5, 0);
    assert_true(isnan(n[1]));
    check_close(n[2], -2000, 0);
    assert_int_equal(merx_dataset_missing(t, 0), 1);
    const signed char *b = merx_dataset_boolean(t, 1);
    assert_true(b[0] == 1 && b[1] == 0 && b[2] == -1);
    const int64_t *iso = merx_dataset_date_ms(t, 2), *mdy = merx_dataset_date_ms(t, 3);
    assert_int_equal(iso[0], INT64_C(15317) * MX_DAY_MS);
    assert_int_equal(iso[1], INT64_C(15318) * MX_DAY_MS + 3723000);
    assert_true(iso[2] == INT64_MIN);
    assert_int_equal(mdy[0], INT64_C(14976) * MX_DAY_MS); /* 2 January: the second value settles the format */
    const int32_t *c = merx_dataset_codes(t, 4);
    assert_int_equal(merx_dataset_levels(t, 4), 2);
    assert_string_equal(merx_dataset_level(t, 4, 0), "a, b"); /* sorted */
    assert_true(c[0] == 1 && c[1] == 0 && c[2] == 1);
    assert_string_equal(merx_dataset_text(t, 4, 1), "a, b");
    assert_int_equal(merx_dataset_missing(t, 7), 3);
    assert_null(merx_dataset_numeric(t, 1));
    assert_null(merx_dataset_codes(t, 99));
    assert_int_equal(merx_dataset_find_column(t, "nn"), -1);
    merx_dataset_free(t);

    check_ok(read_text("t.jsonl", "{\"a\": 1, \"b\": \"x\"}\n{\"a\": 2.5, \"c\": true}\n{\"b\": \"y\", \"c\": null}\n",
                       NULL, &t, &err),
             err);
    assert_int_equal(merx_dataset_columns(t), 3);
    check_type(t, "a", MERX_COLUMN_NUMERIC);
    check_type(t, "b", MERX_COLUMN_CATEGORICAL);
    check_type(t, "c", MERX_COLUMN_BOOLEAN);
    assert_int_equal(merx_dataset_missing(t, 2), 2);
    merx_dataset_free(t);
}

static void test_options(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_dataset *t;
    merx_csv_options o = {
        .types = "zip=categorical, when=date,flag=boolean", .missing = "?|-", .separator = ';', .quote = '\''};
    check_ok(read_text("o.csv", "zip;when;x;flag;q\n01234;1300000000;?;1;'a;b'\n999;1300000001;3;0;-\n", &o, &t, &err),
             err);
    check_type(t, "zip", MERX_COLUMN_CATEGORICAL);
    assert_string_equal(merx_dataset_text(t, 0, 0), "01234");
    check_type(t, "when", MERX_COLUMN_DATE);
    assert_int_equal(merx_dataset_date_ms(t, 1)[0], INT64_C(1300000000000));
    check_type(t, "x", MERX_COLUMN_NUMERIC);
    check_type(t, "flag", MERX_COLUMN_BOOLEAN);
    assert_string_equal(merx_dataset_text(t, 4, 0), "a;b");
    assert_null(merx_dataset_text(t, 4, 1));
    merx_dataset_free(t);
    o = (merx_csv_options){.max_levels = 2, .no_header = true};
    check_ok(read_text("l.csv", "a,p\nb,q\nc,p\n", &o, &t, &err), err);
    check_type(t, "column 1", MERX_COLUMN_TEXT);
    check_type(t, "column 2", MERX_COLUMN_CATEGORICAL);
    assert_string_equal(merx_dataset_text(t, 0, 2), "c");
    merx_dataset_free(t);
    /* Numbers first, a word at the end: not numeric. */
    char *many = malloc(60000);
    size_t at = (size_t)sprintf(many, "x\n");
    for (int i = 0; i < 3000; i++)
        at += (size_t)sprintf(many + at, "%d\n", i);
    check_ok(read_text("many.csv", many, NULL, &t, &err), err);
    check_type(t, "x", MERX_COLUMN_NUMERIC);
    assert_int_equal(merx_dataset_rows(t), 3000);
    merx_dataset_free(t);
    sprintf(many + at, "word\n");
    check_ok(read_text("many.csv", many, NULL, &t, &err), err);
    check_type(t, "x", MERX_COLUMN_TEXT);
    merx_dataset_free(t);
    free(many);
    /* A word first, numbers, dates and truth after it. */
    check_ok(read_text("first.csv", "n,d,b\nx,x,x\n3,2011-12-09,yes\n4,2011-12-10,no\n", NULL, &t, &err), err);
    for (size_t j = 0; j < 3; j++)
        check_type(t, merx_dataset_column_name(t, j), MERX_COLUMN_CATEGORICAL);
    merx_dataset_free(t);
}

static void fails(const char *text, const merx_csv_options *o, merx_status code, const char *where, const char *part)
{
    merx_error err = {0};
    merx_dataset *t = (merx_dataset *)&err;
    merx_status status = read_text("bad.csv", text, o, &t, &err);
    if (status != code)
        check_die(__FILE__, __LINE__, "\"%.40s\" gave %s: %s %s", text, merx_status_name(status), err.where,
                  err.message);
    assert_null(t);
    check_contains(err.where, where);
    check_contains(err.message, part);
}

static void test_bad_input(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_dataset *t;
    fails("", NULL, MERX_E_PARSE, "bad.csv", "empty");
    fails("a,b\n1,2\n3\n", NULL, MERX_E_PARSE, "bad.csv:3", "");
    fails("a,b\n1,2\n3,inf\n", NULL, MERX_E_PARSE, "bad.csv:3",
          "column \"b\": \"inf\" is not a usable number (expected a finite number)");
    fails("a,b\n1,2\n3,4\nx,5\n", &(merx_csv_options){.types = "a=numeric"}, MERX_E_PARSE, "bad.csv:4",
          "column \"a\": \"x\"");
    fails("a\n2011-12-01\n2011-13-01\n", &(merx_csv_options){.types = "a=date"}, MERX_E_PARSE, "bad.csv:3", "date");
    fails("a\nmaybe\n", &(merx_csv_options){.types = "a=boolean"}, MERX_E_PARSE, "bad.csv:2", "true or false");
    fails("a\n1\n", &(merx_csv_options){.types = "b=numeric"}, MERX_E_NOT_FOUND, "bad.csv", "\"b\"");
    fails("a\n1\n", &(merx_csv_options){.types = "a=number"}, MERX_E_TYPE, "bad.csv", "numeric, categorical");
    fails("a\n1\n", &(merx_csv_options){.types = "a"}, MERX_E_PARSE, "bad.csv", "NAME=TYPE");
    fails("a\nx\ny\nz\n", &(merx_csv_options){.types = "a=categorical", .max_levels = 2}, MERX_E_LIMIT, "bad.csv",
          "more than 2");
    fails("a,b\n1\n2\n3,4\n", &(merx_csv_options){.max_refused = 1}, MERX_E_PARSE, "bad.csv:3", "");
    check_fails(merx_dataset_read("/no/such.csv", NULL, NULL, &t, &err), MERX_E_NOT_FOUND, err);
    /* Refused rows are counted and left out, in declared and inferred columns alike. */
    check_ok(read_text("bad.csv", "a,b\n1,2\n3\nx,5\n7,inf\n9,10\n",
                       &(merx_csv_options){.types = "a=numeric", .max_refused = 3}, &t, &err),
             err);
    assert_int_equal(merx_dataset_refused(t), 3);
    assert_int_equal(merx_dataset_rows(t), 2);
    check_close(merx_dataset_numeric(t, 1)[1], 10, 0);
    char where[224];
    mx_dataset_where(t, 1, where);
    check_contains(where, "bad.csv:6");
    merx_dataset_free(t);
    /* Names that are there twice, or not at all, are made different. */
    check_ok(read_text("bad.csv", "a,a,\n1,2,3\n", NULL, &t, &err), err);
    assert_string_equal(merx_dataset_column_name(t, 0), "a");
    assert_string_not_equal(merx_dataset_column_name(t, 1), "a");
    assert_string_equal(merx_dataset_column_name(t, 2), "column 3");
    merx_dataset_free(t);
    check_ok(read_text("bad.csv", "a,b\n", NULL, &t, &err), err);
    assert_int_equal(merx_dataset_rows(t), 0);
    merx_dataset_free(t);
    merx_task *task;
    check_ok(merx_task_new(NULL, NULL, &task, &err), err);
    merx_task_cancel(task);
    check_fails(merx_dataset_read(path, NULL, task, &t, &err), MERX_E_CANCELLED, err);
    merx_task_free(task);
}

static void test_tables(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_dataset *t, *part;
    const char *levels[] = {"x", "y"}, *twice[] = {"x", "x"}, *words[] = {"one", NULL, "three"};
    check_ok(merx_dataset_new_table(NULL, 3, &t, &err), err);
    check_ok(merx_dataset_add_numeric(t, "n", (double[]){1, NAN, 3}, &err), err);
    check_ok(merx_dataset_add_categorical(t, "c", (int32_t[]){1, -1, 0}, levels, 2, &err), err);
    check_ok(merx_dataset_add_boolean(t, "b", (signed char[]){1, 0, -1}, &err), err);
    check_ok(merx_dataset_add_date(t, "d", (int64_t[]){0, INT64_MIN, 86400000}, &err), err);
    check_ok(merx_dataset_add_text(t, "t", words, &err), err);
    check_fails(merx_dataset_add_numeric(t, "n", (double[]){1, 2, 3}, &err), MERX_E_EXISTS, err);
    check_fails(merx_dataset_add_numeric(t, "", (double[]){1, 2, 3}, &err), MERX_E_INVALID, err);
    check_fails(merx_dataset_add_numeric(t, "i", (double[]){1, 2, -INFINITY}, &err), MERX_E_NUMERIC, err);
    check_fails(merx_dataset_add_categorical(t, "e", (int32_t[]){1, 2, 0}, levels, 2, &err), MERX_E_RANGE, err);
    check_fails(merx_dataset_add_categorical(t, "e", (int32_t[]){1, 1, 0}, twice, 2, &err), MERX_E_EXISTS, err);
    check_fails(merx_dataset_add_boolean(t, "e", (signed char[]){1, 2, 0}, &err), MERX_E_RANGE, err);
    assert_int_equal(merx_dataset_columns(t), 5);
    for (size_t j = 0; j < 5; j++)
        assert_int_equal(merx_dataset_missing(t, j), 1);
    char buffer[40];
    assert_string_equal(mx_dataset_cell(mx_dataset_column(t, 3), 2, buffer), "1970-01-02");
    assert_string_equal(mx_dataset_cell(mx_dataset_column(t, 0), 2, buffer), "3");
    assert_string_equal(mx_dataset_cell(mx_dataset_column(t, 2), 0, buffer), "true");
    assert_string_equal(mx_dataset_cell(mx_dataset_column(t, 1), 1, buffer), "");
    check_ok(merx_dataset_take(t, (size_t[]){2, 0, 2, 1}, 4, &part, &err), err);
    merx_dataset_free(t);
    assert_string_equal(merx_dataset_text(part, 4, 0), "three");
    assert_null(merx_dataset_text(part, 4, 3));
    assert_string_equal(merx_dataset_text(part, 1, 1), "y");
    check_close(merx_dataset_numeric(part, 0)[2], 3, 0);
    assert_int_equal(merx_dataset_missing(part, 0), 1);
    check_fails(merx_dataset_take(part, (size_t[]){4}, 1, &t, &err), MERX_E_RANGE, err);
    merx_dataset_free(part);
    check_ok(merx_dataset_from_matrix(NULL, (double[]){1, 2, 3, 4}, 2, 2, NULL, &t, &err), err);
    assert_string_equal(merx_dataset_column_name(t, 1), "x1");
    check_close(merx_dataset_numeric(t, 1)[0], 2, 0);
    merx_dataset_free(t);
    check_fails(merx_dataset_from_matrix(NULL, (double[]){1, INFINITY}, 1, 2, NULL, &t, &err), MERX_E_NUMERIC, err);
    merx_dataset_free(NULL);
}

static void test_sparse_and_sequences(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_dataset *s, *part;
    const int64_t starts[] = {0, 2, 2, 3};
    check_ok(merx_dataset_from_csr(NULL, 3, 5, starts, (int32_t[]){1, 4, 0}, (float[]){1, 2, 3}, &s, &err), err);
    check_ok(merx_dataset_take(s, (size_t[]){2, 0, 0}, 3, &part, &err), err);
    mx_csr csr = mx_dataset_csr(part);
    assert_int_equal(csr.starts[3], 5);
    assert_int_equal(csr.indices[0], 0);
    assert_int_equal(csr.indices[4], 4);
    check_close(csr.values[4], 2, 0);
    assert_int_equal(merx_dataset_columns(part), 5);
    merx_dataset_free(part), merx_dataset_free(s);
    check_fails(merx_dataset_from_csr(NULL, 3, 5, starts, (int32_t[]){1, 5, 0}, NULL, &s, &err), MERX_E_RANGE, err);
    check_fails(merx_dataset_from_csr(NULL, 3, 5, starts, (int32_t[]){4, 1, 0}, NULL, &s, &err), MERX_E_INVALID, err);
    check_fails(merx_dataset_from_csr(NULL, 3, 5, starts, (int32_t[]){1, 4, 0}, (float[]){1, NAN, 0}, &s, &err),
                MERX_E_NUMERIC, err);
    check_fails(merx_dataset_from_csr(NULL, 2, 5, (int64_t[]){0, 2, 1}, (int32_t[]){1, 4}, NULL, &s, &err),
                MERX_E_INVALID, err);
    check_fails(merx_dataset_from_csr(NULL, 1, 5, (int64_t[]){1, 2}, (int32_t[]){1, 4}, NULL, &s, &err), MERX_E_INVALID,
                err);
    check_ok(merx_dataset_from_sequences(NULL, 3, starts, (int32_t[]){7, 7, 2}, (int64_t[]){10, 20, 5}, 8, &s, &err),
             err);
    check_ok(merx_dataset_take(s, (size_t[]){2, 0}, 2, &part, &err), err);
    assert_int_equal(mx_dataset_sequences(part)->items[0], 2);
    assert_int_equal(mx_dataset_sequences(part)->times_ms[2], 20);
    merx_dataset_free(part), merx_dataset_free(s);
    check_fails(merx_dataset_from_sequences(NULL, 3, starts, (int32_t[]){7, 8, 2}, NULL, 8, &s, &err), MERX_E_RANGE,
                err);
    check_fails(merx_dataset_from_sequences(NULL, 3, starts, (int32_t[]){7, 7, 2}, (int64_t[]){20, 10, 5}, 8, &s, &err),
                MERX_E_INVALID, err);
}

static merx_status pull(void *context, size_t most, float *examples, float *targets, size_t *got, merx_error *err)
{
    (void)targets, (void)err;
    int *at = context;
    for (*got = 0; *got < most && *at < 5; ++*got)
        examples[*got] = (float)(*at)++;
    return MERX_OK;
}

static merx_status restart(void *context, merx_error *err)
{
    (void)err;
    *(int *)context = 0;
    return MERX_OK;
}

static void test_batches(void **state)
{
    (void)state;
    merx_error err = {0};
    int at = 0;
    merx_batch_source source = {.example_dims = {1}, .examples = 5, .pull = pull, .rewind = restart, .context = &at};
    merx_dataset *b;
    check_ok(merx_dataset_from_batches(NULL, &source, &b, &err), err);
    float x[3];
    size_t got, total = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (total = 0;; total += got) {
            check_ok(merx_dataset_pull(b, 3, x, NULL, &got, &err), err);
            if (got == 0)
                break;
            check_close(x[0], (double)total, 0);
        }
        assert_int_equal(total, 5);
        check_ok(merx_dataset_rewind(b, &err), err);
    }
    check_fails(merx_dataset_take(b, (size_t[]){0}, 1, &(merx_dataset *){NULL}, &err), MERX_E_SHAPE, err);
    merx_dataset_free(b);
    source.pull = NULL;
    check_fails(merx_dataset_from_batches(NULL, &source, &b, &err), MERX_E_INVALID, err);
}

static merx_status read_and_take(const merx_allocator *alloc, void *context, merx_error *err)
{
    (void)context;
    merx_dataset *t = NULL, *part = NULL, *csr = NULL;
    merx_task *task = NULL;
    merx_status status;
    MX_TRY_GOTO(merx_task_new(alloc, NULL, &task, err));
    MX_TRY_GOTO(merx_dataset_read(path, &(merx_csv_options){.max_levels = 3}, task, &t, err));
    MX_TRY_GOTO(merx_dataset_take(t, (size_t[]){1, 0, 3}, 3, &part, err));
    MX_TRY_GOTO(merx_dataset_from_csr(alloc, 1, 2, (int64_t[]){0, 1}, (int32_t[]){0}, NULL, &csr, err));
out:
    merx_dataset_free(t), merx_dataset_free(part), merx_dataset_free(csr);
    merx_task_free(task);
    return status;
}

static void test_allocations(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/alloc.csv", folder);
    check_write_file(
        path, "n,c,b,d,t\n1,x,yes,2011-01-01,a\n2,y,no,2011-01-02,b\n3,x,yes,2011-01-01,c\n4,y,no,2011-01-03,d\n",
        SIZE_MAX);
    check_every_allocation(read_and_take, NULL);
}

int main(void)
{
    check_make_folder(folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inference),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_sparse_and_sequences),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_allocations),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    check_remove_folder(folder);
    return failed;
}
