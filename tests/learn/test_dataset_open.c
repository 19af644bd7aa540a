/*
 * Files as streams: the blocks put together are the table that merx_dataset_read makes, in every pass; what is wrong with a file is said with line and
 * column; a file that changes between passes is noticed; a model fitted from it has the bytes of the fit in memory.
 */
#include <stdlib.h>

#include "learn/core/table.h"
#include "merx/model.h"
#include "support/check.h"

enum { ROWS = 40000 }; /* several blocks */

static char folder[256];

static const char *write_table(const char *name, size_t rows, bool json)
{
    static char path[400];
    char *text = malloc(rows * 160 + 200), *at = text;
    if (!json)
        at += sprintf(at, "id,colour,when,flag,amount,note,y\n");
    for (size_t i = 0; i < rows; i++) {
        static const char *const colours[] = {"red", "green", "\"dark, blue\""};
        const char *colour = i % 50 == 3 ? "" : colours[i * i % 3];
        char amount[32] = "";
        if (i % 11 != 4)
            sprintf(amount, "%.3f", (double)(i * 37 % 1000) / 8);
        if (json)
            at += sprintf(at, "{\"id\": %zu, \"amount\": %s, \"y\": %zu}\n", i, amount[0] ? amount : "null", i % 7);
        else
            at += sprintf(at, "%zu,%s,2024-%02zu-%02zu,%s,%s,word %zu,%zu\n", i, colour, 1 + i % 12, 1 + i % 28,
                          i % 3 ? "true" : "false", amount, i, i % 7);
    }
    snprintf(path, sizeof path, "%s/%s", folder, name);
    check_write_file(path, text, (size_t)(at - text));
    free(text);
    return path;
}

/* The rows of block are rows from of whole. */
static void check_rows(const merx_dataset *block, const merx_dataset *whole, size_t from)
{
    assert_int_equal(merx_dataset_columns(block), merx_dataset_columns(whole));
    for (size_t j = 0; j < merx_dataset_columns(whole); j++) {
        assert_string_equal(merx_dataset_column_name(block, j), merx_dataset_column_name(whole, j));
        assert_int_equal(merx_dataset_column_type(block, j), merx_dataset_column_type(whole, j));
        for (size_t i = 0; i < merx_dataset_rows(block); i += 1 + i % 5) {
            char a[40], b[40], p[224], q[224];
            assert_string_equal(mx_dataset_cell(mx_dataset_column(block, j), i, a),
                                mx_dataset_cell(mx_dataset_column(whole, j), from + i, b));
            mx_dataset_where(block, i, p), mx_dataset_where(whole, from + i, q);
            assert_string_equal(p, q);
        }
    }
}

static void test_blocks(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool json;
    } files[] = {{"table.csv", false}, {"table.jsonl", true}};
    for (size_t f = 0; f < 2; f++) {
        merx_error err = {0};
        merx_dataset *whole, *stream, *block;
        const char *path = write_table(files[f].name, ROWS, files[f].json);
        check_ok(merx_dataset_read(path, NULL, NULL, &whole, &err), err);
        check_ok(merx_dataset_open(path, NULL, NULL, &stream, &err), err);
        assert_int_equal(merx_dataset_get_shape(stream), MERX_SHAPE_STREAM);
        for (int pass = 0; pass < 2; pass++) {
            size_t rows = 0, blocks = 0;
            for (;; blocks++) {
                check_ok(merx_dataset_next(stream, &block, &err), err);
                if (block == NULL)
                    break;
                check_rows(block, whole, rows);
                rows += merx_dataset_rows(block);
                merx_dataset_free(block);
            }
            assert_int_equal(rows, ROWS);
            assert_true(blocks >= 2);
            check_ok(merx_dataset_rewind(stream, &err), err);
        }
        merx_dataset_free(stream);
        merx_dataset_free(whole);
    }
}

static void test_same_model(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_dataset *whole, *stream;
    merx_model *held, *streamed;
    char a[400], b[400];
    const char *path = write_table("fit.csv", ROWS, false);
    merx_fit_columns columns = {.target = "y"};
    check_ok(merx_dataset_read(path, NULL, NULL, &whole, &err), err);
    check_ok(merx_dataset_open(path, NULL, NULL, &stream, &err), err);
    check_ok(merx_model_new(NULL, "linear", &held, &err), err);
    check_ok(merx_model_new(NULL, "linear", &streamed, &err), err);
    check_ok(merx_model_fit(held, whole, &columns, NULL, &err), err);
    check_ok(merx_model_fit(streamed, stream, &columns, NULL, &err), err);
    snprintf(a, sizeof a, "%s/a.merx", folder);
    snprintf(b, sizeof b, "%s/b.merx", folder);
    check_ok(merx_model_save(held, a, &err), err);
    check_ok(merx_model_save(streamed, b, &err), err);
    size_t n, m;
    char *x = check_read_file(a, &n), *y = check_read_file(b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    free(x), free(y);
    /* A file that changes: later passes say so, and the model stays. */
    write_table("fit.csv", ROWS / 2, false);
    assert_int_equal(merx_model_fit(streamed, stream, &columns, NULL, &err), MERX_E_CHANGED);
    merx_error_clear(&err);
    assert_true(merx_model_is_fitted(streamed));
    write_table("fit.csv", ROWS + 1, false);
    assert_int_equal(merx_model_fit(streamed, stream, &columns, NULL, &err), MERX_E_CHANGED);
    merx_error_clear(&err);
    check_ok(merx_model_save(streamed, a, &err), err);
    x = check_read_file(a, &m);
    assert_int_equal(n, m);
    free(x);
    merx_model_free(held), merx_model_free(streamed);
    merx_dataset_free(stream), merx_dataset_free(whole);
}

static void test_bad_files(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_dataset *stream, *block, *none;
    char path[400];
    check_fails(merx_dataset_open("/no/such/file.csv", NULL, NULL, &stream, &err), MERX_E_NOT_FOUND, err);
    snprintf(path, sizeof path, "%s/bad.csv", folder);
    check_write_file(path, "", 0);
    check_fails(merx_dataset_open(path, NULL, NULL, &stream, &err), MERX_E_PARSE, err);
    check_write_file(path, "a,b\n1,2\n3\n4,5\n", 14);
    assert_int_equal(merx_dataset_open(path, NULL, NULL, &stream, &err), MERX_E_PARSE);
    check_contains(err.where, "bad.csv:3");
    merx_error_clear(&err);
    assert_null(stream);
    check_ok(merx_dataset_open(path, &(merx_csv_options){.max_refused = 1}, NULL, &stream, &err), err);
    check_ok(merx_dataset_next(stream, &block, &err), err);
    assert_int_equal(merx_dataset_rows(block), 2);
    assert_int_equal(merx_dataset_refused(block), 1);
    check_fails(merx_dataset_next(block, &none, &err), MERX_E_SHAPE, err);
    merx_dataset_free(block);
    merx_dataset_free(stream);
}

static merx_status scenario(const merx_allocator *alloc, void *context, merx_error *err)
{
    merx_dataset *stream = NULL, *block = NULL;
    merx_task *task = NULL;
    merx_status status;
    MX_TRY_GOTO(merx_task_new(alloc, &(merx_task_options){.threads = 1}, &task, err));
    MX_TRY_GOTO(merx_dataset_open(context, &(merx_csv_options){.types = "y=numeric"}, task, &stream, err));
    do {
        merx_dataset_free(block);
        MX_TRY_GOTO(merx_dataset_next(stream, &block, err));
    } while (block != NULL);
    MX_TRY_GOTO(merx_dataset_rewind(stream, err));
out:
    merx_dataset_free(block);
    merx_dataset_free(stream);
    merx_task_free(task);
    return status;
}

static void test_allocations(void **state)
{
    (void)state;
    char path[400];
    snprintf(path, sizeof path, "%s", write_table("small.csv", 9, false));
    check_every_allocation(scenario, path);
}

int main(void)
{
    check_make_folder(folder);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_blocks), cmocka_unit_test(test_same_model),
                                       cmocka_unit_test(test_bad_files), cmocka_unit_test(test_allocations)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    check_remove_folder(folder);
    return failed;
}
