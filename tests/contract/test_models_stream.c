/*
 * The model contract on streams: a family that fits streams (MERX_TAKES_STREAM) gives the bytes of the fit in memory, for every size of block and any
 * number of threads; one that does not says so.
 */
#include "contract/model_subjects.h"

enum { ROWS = 2500 };

static merx_dataset *make_rows(const subject *s)
{
    static double a[ROWS], b[ROWS], y[ROWS], weight[ROWS];
    static int32_t colour[ROWS], kind[ROWS];
    static const char *const colours[] = {"blue", "green", "red"}, *const kinds[] = {"high", "low"};
    merx_error err = {0};
    merx_dataset *t;
    for (size_t i = 0; i < ROWS; i++) {
        mx_random r;
        mx_random_init(&r, 12, i);
        a[i] = mx_random_normal(&r) + (double)(i % 4) * 3;
        b[i] = i % 17 == 3 ? NAN : mx_random_uniform(&r);
        colour[i] = (int32_t)mx_random_below(&r, 3);
        y[i] = 2 * a[i] + colour[i] + mx_random_normal(&r);
        kind[i] = y[i] + 2 * mx_random_normal(&r) < 10;
        weight[i] = 0.5 + mx_random_uniform(&r);
    }
    check_ok(merx_dataset_new_table(NULL, ROWS, &t, &err), err);
    check_ok(merx_dataset_add_numeric(t, "a", a, &err), err);
    check_ok(merx_dataset_add_numeric(t, "b", b, &err), err);
    check_ok(merx_dataset_add_categorical(t, "colour", colour, colours, 3, &err), err);
    if (has_tag(s, MERX_SUPPORTS_WEIGHTS))
        check_ok(merx_dataset_add_numeric(t, "weight", weight, &err), err);
    if (has_tag(s, MERX_CLASSIFIES))
        check_ok(merx_dataset_add_categorical(t, "kind", kind, kinds, 2, &err), err);
    else if (has_tag(s, MERX_NEEDS_TARGET))
        check_ok(merx_dataset_add_numeric(t, "y", y, &err), err);
    return t;
}

typedef struct slices {
    const merx_dataset *whole;
    size_t size, at;
} slices;

static merx_status next_slice(void *context, merx_dataset **block, merx_error *err)
{
    slices *c = context;
    size_t rows[ROWS], n = 0;
    *block = NULL;
    while (n < c->size && c->at < ROWS)
        rows[n++] = c->at++;
    return n > 0 ? merx_dataset_take(c->whole, rows, n, block, err) : MERX_OK;
}

static merx_status first_slice(void *context, merx_error *err)
{
    (void)err;
    ((slices *)context)->at = 0;
    return MERX_OK;
}

static void test_streams(const subject *s)
{
    merx_error err = {0};
    merx_fit_columns columns = {.target = target_of(s), .weight = has_tag(s, MERX_SUPPORTS_WEIGHTS) ? "weight" : NULL};
    merx_dataset *whole = make_rows(s), *stream;
    merx_model *held, *streamed;
    slices c = {.whole = whole};
    check_ok(merx_dataset_from_stream(
                 NULL, &(merx_table_source){.next = next_slice, .rewind = first_slice, .context = &c}, &stream, &err),
             err);
    check_ok(new_model(s, NULL, &held, &err), err);
    check_ok(merx_model_fit(held, whole, &columns, NULL, &err), err);
    static const size_t sizes[] = {1, 7, 1000, 1024, 4096};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        merx_task *task;
        check_ok(merx_task_new(NULL, &(merx_task_options){.threads = k % 2 == 0 ? 1 : 8}, &task, &err), err);
        check_ok(new_model(s, NULL, &streamed, &err), err);
        c.size = sizes[k];
        merx_status status = merx_model_fit(streamed, stream, &columns, task, &err);
        if (has_tag(s, MERX_TAKES_STREAM)) {
            check_ok(status, err);
            check_same_bytes(streamed, held, "from a stream");
        } else {
            assert_int_equal(status, MERX_E_SHAPE);
            check_contains(err.message, "does not learn from streams");
            merx_error_clear(&err);
        }
        assert_true(has_tag(s, MERX_TAKES_STREAM) == (s->family->fit_rows != NULL));
        merx_model_free(streamed);
        merx_task_free(task);
    }
    merx_model_free(held);
    merx_dataset_free(stream);
    merx_dataset_free(whole);
}

static void tables_alone(const subject *s)
{
    if (s->shape == MERX_SHAPE_TABLE)
        test_streams(s);
}

EACH(tables_alone)

int main(void)
{
    check_make_folder(folder);
    const struct CMUnitTest tests[] = {cmocka_unit_test(run_tables_alone)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    check_remove_folder(folder);
    return failed;
}
