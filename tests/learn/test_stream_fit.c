/*
 * Fits of streams: the family sees the same rows, bit by bit, as from memory, however the stream is cut; what differs between blocks or passes is
 * refused. The family here writes down what it is given; the registry's own streaming families are in contract.models_stream.
 */
#include "learn/core/stream_fit.h"

#include "base/random.h"
#include "support/check.h"

enum { N = 3000 };

/* ---- a family that writes down its rows, twice over ---- */

typedef struct record {
    size_t n, d, blocks;
    double *x, *y, *weights;
    int32_t *labels;
} record;

static void record_free(void *state, const merx_allocator *alloc)
{
    (void)alloc;
    record *r = state;
    if (r == NULL)
        return;
    free(r->x), free(r->y), free(r->weights), free(r->labels), free(r);
}

static merx_status record_pass(mx_design_rows *rows, record *r, merx_error *err)
{
    r->n = r->blocks = 0;
    for (;;) {
        mx_design block;
        MX_TRY(mx_design_rows_next(rows, &block, err));
        if (block.n == 0)
            return MERX_OK;
        assert_true(r->n % MX_ROWS_UNIT == 0);
        memcpy(r->x + r->n * r->d, block.x, block.n * r->d * sizeof(double));
        if (block.y != NULL)
            memcpy(r->y + r->n, block.y, block.n * sizeof(double));
        if (block.labels != NULL)
            memcpy(r->labels + r->n, block.labels, block.n * sizeof(int32_t));
        if (block.weights != NULL)
            memcpy(r->weights + r->n, block.weights, block.n * sizeof(double));
        r->n += block.n;
        r->blocks++;
    }
}

static merx_status record_rows(const merx_options *options, mx_design_rows *rows, const merx_allocator *alloc,
                               merx_task *task, void **state, merx_error *err)
{
    (void)options, (void)alloc, (void)task;
    record *r = calloc(1, sizeof *r);
    r->d = rows->d;
    r->x = calloc(rows->n * rows->d, sizeof(double));
    r->y = calloc(rows->n, sizeof(double));
    r->weights = calloc(rows->n, sizeof(double));
    r->labels = calloc(rows->n, sizeof(int32_t));
    merx_status status = record_pass(rows, r, err);
    if (status == MERX_OK)
        status = mx_design_rows_rewind(rows, err);
    if (status == MERX_OK) {
        memset(r->x, 0, rows->n * rows->d * sizeof(double));
        status = record_pass(rows, r, err);
    }
    if (status != MERX_OK)
        record_free(r, alloc);
    else
        *state = r;
    return status;
}

static const mx_family value_family = {
    .info = {.name = "record", .tags = MERX_NEEDS_TARGET | MERX_REGRESSES | MERX_SUPPORTS_WEIGHTS | MERX_TAKES_TABLE},
    .fit_rows = record_rows,
    .free_state = record_free};
static const mx_family class_family = {
    .info = {.name = "record", .tags = MERX_NEEDS_TARGET | MERX_CLASSIFIES | MERX_SUPPORTS_WEIGHTS | MERX_TAKES_TABLE},
    .fit_rows = record_rows,
    .free_state = record_free};

/* ---- a stream cut anyhow ---- */

typedef struct cut {
    const merx_dataset *whole;
    size_t size, at, passes;
    size_t change_at; /* rows after which the columns change; 0: never */
    int change;
    size_t short_pass; /* from this pass on the last row is missing; 0: never */
    bool fail;
} cut;

/* Rows of the whole with only the levels that occur in them. */
static merx_status take_block(const merx_dataset *whole, size_t begin, size_t count, int change, merx_dataset **out,
                              merx_error *err)
{
    static const char *const nothing[N];
    merx_dataset *t;
    MX_TRY(merx_dataset_new_table(NULL, count, &t, err));
    merx_status status = MERX_OK;
    for (size_t j = 0; status == MERX_OK && j < merx_dataset_columns(whole); j++) {
        const char *name = merx_dataset_column_name(whole, j);
        if (change == 1 && strcmp(name, "a") == 0)
            name = "b2";
        if (change == 2 && j + 1 == merx_dataset_columns(whole))
            break;
        switch (merx_dataset_column_type(whole, j)) {
        case MERX_COLUMN_NUMERIC:
            if (change == 3 && strcmp(name, "a") == 0)
                status = merx_dataset_add_text(t, name, nothing, err);
            else
                status = merx_dataset_add_numeric(t, name, merx_dataset_numeric(whole, j) + begin, err);
            break;
        case MERX_COLUMN_CATEGORICAL: {
            int32_t map[64], codes[4096], used = 0;
            const char *levels[64];
            memset(map, -1, sizeof map);
            for (size_t i = 0; i < count; i++) {
                int32_t code = merx_dataset_codes(whole, j)[begin + i];
                if (code >= 0 && map[code] < 0) {
                    levels[used] = merx_dataset_level(whole, j, (size_t)code);
                    map[code] = used++;
                }
                codes[i] = code < 0 ? -1 : map[code];
            }
            status = merx_dataset_add_categorical(t, name, codes, levels, (size_t)used, err);
            break;
        }
        case MERX_COLUMN_BOOLEAN:
            status = merx_dataset_add_boolean(t, name, merx_dataset_boolean(whole, j) + begin, err);
            break;
        default:
            status = merx_dataset_add_date(t, name, merx_dataset_date_ms(whole, j) + begin, err);
        }
    }
    *out = t;
    return status;
}

static merx_status cut_next(void *context, merx_dataset **block, merx_error *err)
{
    cut *c = context;
    size_t n = merx_dataset_rows(c->whole) - (c->short_pass > 0 && c->passes >= c->short_pass);
    *block = NULL;
    if (c->fail && c->at > 0)
        return mx_error_set(err, MERX_E_IO, "disk", "it broke");
    if (c->at >= n)
        return MERX_OK;
    size_t count = c->size < n - c->at ? c->size : n - c->at;
    bool changed = c->change_at > 0 && c->at >= c->change_at;
    merx_status status = take_block(c->whole, c->at, count, changed ? c->change : 0, block, err);
    c->at += count;
    return status;
}

static merx_status cut_rewind(void *context, merx_error *err)
{
    (void)err;
    ((cut *)context)->at = 0;
    ((cut *)context)->passes++;
    return MERX_OK;
}

static merx_dataset *make_whole(void)
{
    static double a[N], b[N], y[N], w[N], grade[N];
    static int32_t colour[N], kind[N];
    static signed char flag[N];
    static int64_t day[N];
    static const char *const colours[] = {"blue", "green", "pink", "red"}, *const kinds[] = {"high", "low", "mid"};
    for (size_t i = 0; i < N; i++) {
        mx_random r;
        mx_random_init(&r, 5, i);
        a[i] = 1e6 + mx_random_normal(&r);
        b[i] = i % 11 == 3 ? NAN : exp(mx_random_normal(&r));
        colour[i] = i % 13 == 5 ? -1 : i < 1500 ? (int32_t)(i % 2) : i == 2000 ? 2 : 3;
        kind[i] = i < 700 ? 1 : i < 1400 ? 2 : 0;
        grade[i] = i < 900 ? 10 : i % 2 == 0 ? 2 : -1;
        flag[i] = mx_random_uniform(&r) < 0.3;
        day[i] = INT64_C(1300000000000) + (int64_t)mx_random_below(&r, 800) * 86400000;
        y[i] = 3 + mx_random_normal(&r);
        w[i] = i < 1024 ? 0 : mx_random_uniform(&r);
    }
    merx_error err = {0};
    merx_dataset *t;
    check_ok(merx_dataset_new_table(NULL, N, &t, &err), err);
    check_ok(merx_dataset_add_numeric(t, "a", a, &err), err);
    check_ok(merx_dataset_add_numeric(t, "b", b, &err), err);
    check_ok(merx_dataset_add_categorical(t, "colour", colour, colours, 4, &err), err);
    check_ok(merx_dataset_add_boolean(t, "flag", flag, &err), err);
    check_ok(merx_dataset_add_date(t, "day", day, &err), err);
    check_ok(merx_dataset_add_categorical(t, "kind", kind, kinds, 3, &err), err);
    check_ok(merx_dataset_add_numeric(t, "grade", grade, &err), err);
    check_ok(merx_dataset_add_numeric(t, "w", w, &err), err);
    check_ok(merx_dataset_add_numeric(t, "y", y, &err), err);
    return t;
}

static merx_options *default_options(void)
{
    merx_error err = {0};
    merx_options *options;
    check_ok(merx_options_new(NULL, mx_pipeline_option_table, &options, &err), err);
    return options;
}

static merx_status run(cut *c, const mx_family *family, const merx_fit_columns *columns, int threads,
                       mx_fitted **fitted, merx_error *err)
{
    merx_dataset *stream;
    merx_task *task;
    merx_options *options = default_options();
    check_ok(merx_dataset_from_stream(NULL, &(merx_table_source){.next = cut_next, .rewind = cut_rewind, .context = c},
                                      &stream, err),
             *err);
    check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads}, &task, err), *err);
    check_ok(mx_fitted_new(NULL, family, fitted, err), *err);
    merx_status status = mx_stream_fit(stream, options, columns, task, *fitted, err);
    if (status != MERX_OK) {
        mx_fitted_free(*fitted);
        *fitted = NULL;
    }
    merx_task_free(task);
    merx_options_free(options);
    merx_dataset_free(stream);
    return status;
}

static const char *const features[] = {"a", "b", "colour", "flag", "day"};

static void test_same_rows(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_dataset *whole = make_whole();
    merx_options *options = default_options();
    mx_pipeline *pipeline;
    mx_binding binding;
    check_ok(mx_pipeline_fit(whole, (size_t[]){0, 1, 2, 3, 4}, 5, options, true, NULL, NULL, &pipeline, &err), err);
    check_ok(mx_pipeline_bind(pipeline, whole, NULL, &binding, &err), err);
    double *x = calloc(N * pipeline->width, sizeof *x);
    check_ok(mx_pipeline_transform(pipeline, &binding, 0, N, x, &err), err);
    static const size_t sizes[] = {1, 7, 1000, 1024, 1025, N};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        for (int threads = 1; threads <= 8; threads *= 8) {
            cut c = {.whole = whole, .size = sizes[k]};
            mx_fitted *f;
            check_ok(run(&c, &value_family,
                         &(merx_fit_columns){.target = "y", .weight = "w", .features = features, .n_features = 5},
                         threads, &f, &err),
                     err);
            const record *r = f->state;
            assert_int_equal(f->rows, N);
            assert_int_equal(f->shape, MERX_SHAPE_TABLE);
            assert_int_equal(r->n, N);
            assert_int_equal(r->d, pipeline->width);
            for (size_t j = 0; j < r->d; j++)
                assert_string_equal(f->pipeline->names[j], pipeline->names[j]);
            assert_memory_equal(r->x, x, N * r->d * sizeof *x);
            assert_memory_equal(r->y, merx_dataset_numeric(whole, 8), N * sizeof(double));
            assert_memory_equal(r->weights, merx_dataset_numeric(whole, 7), N * sizeof(double));
            assert_true(f->target_min < 1 && f->target_max > 5);
            mx_fitted_free(f);
            check_ok(run(&c, &class_family,
                         &(merx_fit_columns){.target = "kind", .features = features, .n_features = 5}, threads, &f,
                         &err),
                     err);
            r = f->state;
            assert_int_equal(f->classes, 3);
            assert_string_equal(f->class_names[0], "high");
            assert_string_equal(f->class_names[2], "mid");
            assert_memory_equal(r->labels, merx_dataset_codes(whole, 5), N * sizeof(int32_t));
            mx_fitted_free(f);
            check_ok(run(&c, &class_family,
                         &(merx_fit_columns){.target = "grade", .features = features, .n_features = 5}, threads, &f,
                         &err),
                     err);
            assert_int_equal(f->classes, 3);
            assert_string_equal(f->class_names[0], "-1");
            assert_string_equal(f->class_names[1], "2");
            assert_string_equal(f->class_names[2], "10");
            mx_fitted_free(f);
        }
    free(x);
    mx_binding_release(&binding);
    mx_pipeline_free(pipeline);
    merx_options_free(options);
    merx_dataset_free(whole);
}

static void refused(cut c, merx_fit_columns columns, merx_status code, const char *part)
{
    merx_error err = {0};
    mx_fitted *f;
    assert_int_equal(run(&c, &value_family, &columns, 2, &f, &err), code);
    check_contains(err.message, part);
}

static void test_bad_streams(void **state)
{
    (void)state;
    merx_dataset *whole = make_whole(), *part;
    merx_error err = {0};
    merx_fit_columns good = {.target = "y", .weight = "w"};
    refused((cut){.whole = whole, .size = 100, .change_at = 1500, .change = 1}, good, MERX_E_SHAPE,
            "is \"b2\" (expected \"a\"");
    refused((cut){.whole = whole, .size = 100, .change_at = 1500, .change = 2}, good, MERX_E_SHAPE,
            "is \"missing\" (expected \"y\"");
    refused((cut){.whole = whole, .size = 100, .change_at = 1500, .change = 3}, good, MERX_E_SHAPE,
            "\"a\" is text; in the first block it is numeric");
    refused((cut){.whole = whole, .size = 100, .short_pass = 2}, good, MERX_E_INVALID, "3000 rows in its first pass");
    refused((cut){.whole = whole, .size = 100, .fail = true}, good, MERX_E_IO, "it broke");
    refused((cut){.whole = whole, .size = 100}, (merx_fit_columns){.target = "why"}, MERX_E_NOT_FOUND, "\"why\"");
    refused((cut){.whole = whole, .size = 100}, (merx_fit_columns){.target = "b"}, MERX_E_INVALID, "missing");
    refused((cut){.whole = whole, .size = 100}, (merx_fit_columns){.target = "kind"}, MERX_E_TYPE, "categorical");
    refused((cut){.whole = whole, .size = 100}, (merx_fit_columns){.target = "y", .weight = "grade"}, MERX_E_RANGE,
            "-1");
    size_t rows[1024];
    for (size_t i = 0; i < 1024; i++)
        rows[i] = i;
    check_ok(merx_dataset_take(whole, rows, 1024, &part, &err), err);
    refused((cut){.whole = part, .size = 100}, good, MERX_E_INVALID, "0 in every row");
    merx_dataset_free(part);
    check_ok(merx_dataset_take(whole, rows, 0, &part, &err), err);
    refused((cut){.whole = part, .size = 100}, good, MERX_E_INVALID, "no rows");
    merx_dataset_free(part);
    merx_dataset_free(whole);
}

static merx_status scenario(const merx_allocator *alloc, void *context, merx_error *err)
{
    cut c = {.whole = context, .size = 1024};
    merx_dataset *stream = NULL;
    merx_options *options = NULL;
    merx_task *task = NULL;
    mx_fitted *f = NULL;
    merx_status status;
    MX_TRY_GOTO(merx_options_new(alloc, mx_pipeline_option_table, &options, err));
    MX_TRY_GOTO(merx_task_new(alloc, &(merx_task_options){.threads = 1}, &task, err));
    MX_TRY_GOTO(merx_dataset_from_stream(
        alloc, &(merx_table_source){.next = cut_next, .rewind = cut_rewind, .context = &c}, &stream, err));
    MX_TRY_GOTO(mx_fitted_new(alloc, &class_family, &f, err));
    MX_TRY_GOTO(mx_stream_fit(stream, options, &(merx_fit_columns){.target = "kind", .weight = "w"}, task, f, err));
out:
    mx_fitted_free(f);
    merx_options_free(options);
    merx_dataset_free(stream);
    merx_task_free(task);
    return status;
}

static void test_allocations(void **state)
{
    (void)state;
    merx_dataset *whole = make_whole();
    check_every_allocation(scenario, whole);
    merx_dataset_free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_rows), cmocka_unit_test(test_bad_streams),
                                       cmocka_unit_test(test_allocations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
