/*
 * IDX files: every type, names, what is refused and why; matrices with the labels found beside them; fashion-mnist where it is.
 */
#include "io/idx.h"
#include "learn/core/table.h"
#include "support/check.h"

static char folder[256], path[300], labels[300];

static size_t make(unsigned char *out, int type, int dims, const uint32_t *shape, const void *data, size_t size)
{
    out[0] = out[1] = 0;
    out[2] = (unsigned char)type;
    out[3] = (unsigned char)dims;
    for (int i = 0; i < dims; i++)
        for (int b = 0; b < 4; b++)
            out[4 + 4 * i + b] = (unsigned char)(shape[i] >> (24 - 8 * b));
    if (size > 0)
        memcpy(out + 4 + 4 * dims, data, size);
    return 4 + 4 * (size_t)dims + size;
}

static merx_status read_bytes(const void *bytes, size_t size, uint64_t max_bytes, mx_idx *out, merx_error *err)
{
    mx_source *source;
    MX_TRY(mx_source_memory(bytes, size, "x", NULL, 0, &source, err));
    merx_status status = mx_idx_read(source, NULL, max_bytes, out, err);
    mx_source_close(source);
    return status;
}

static void test_types(void **state)
{
    (void)state;
    const struct {
        int type;
        const char *data;
        size_t size;
        double want[2];
    } cases[] = {
        {0x08, "\xff\x07", 2, {255, 7}},
        {0x09, "\x80\x07", 2, {-128, 7}},
        {0x0B, "\x80\x00\x01\x02", 4, {-32768, 258}},
        {0x0C, "\x80\x00\x00\x00\x01\x02\x03\x04", 8, {-2147483648.0, 16909060}},
        {0x0D, "\x3f\xc0\x00\x00\xbe\x00\x00\x00", 8, {1.5, -0.125}},
        {0x0E, "\x3f\xf8\x00\x00\x00\x00\x00\x00\xbf\xb9\x99\x99\x99\x99\x99\x9a", 16, {1.5, -0.1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char bytes[64];
        merx_error err = {0};
        mx_idx idx;
        double doubles[2];
        float floats[2];
        const size_t size = make(bytes, cases[i].type, 1, (uint32_t[]){2}, cases[i].data, cases[i].size);
        check_ok(read_bytes(bytes, size, 0, &idx, &err), err);
        assert_int_equal(idx.rows, 2);
        assert_int_equal(idx.columns, 1);
        mx_idx_doubles(&idx, 0, 2, 1, doubles);
        mx_idx_floats(&idx, 0, 2, 2, floats);
        for (int k = 0; k < 2; k++) {
            check_same_double(doubles[k], cases[i].want[k]);
            check_same_double((double)floats[k], (double)((float)cases[i].want[k] * 2));
        }
        mx_idx_doubles(&idx, 1, 1, 0.5, doubles);
        check_same_double(doubles[0], cases[i].want[1] / 2);
        mx_idx_close(&idx);
        check_fails(read_bytes(bytes, size - 1, 0, &idx, &err), MERX_E_CORRUPT, err);
        bytes[size] = 0;
        check_fails(read_bytes(bytes, size + 1, 0, &idx, &err), MERX_E_CORRUPT, err);
        check_fails(read_bytes(bytes, size, cases[i].size - 1, &idx, &err), MERX_E_LIMIT, err);
    }
}

static void test_refused(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_idx idx;
    check_fails(read_bytes("", 0, 0, &idx, &err), MERX_E_PARSE, err);
    check_fails(read_bytes("\0\1\x08\1\0\0\0\0", 8, 0, &idx, &err), MERX_E_PARSE, err);
    check_fails(read_bytes("\0\0\x0A\1\0\0\0\0", 8, 0, &idx, &err), MERX_E_TYPE, err);
    check_fails(read_bytes("\0\0\x08\0", 4, 0, &idx, &err), MERX_E_SHAPE, err);
    check_fails(read_bytes("\0\0\x08\x09", 4, 0, &idx, &err), MERX_E_SHAPE, err);
    check_fails(read_bytes("\0\0\x08\2\0\0\0\1", 8, 0, &idx, &err), MERX_E_CORRUPT, err);
    check_fails(read_bytes("\0\0\x08\2\0\0\0\1\0\0\0\0", 12, 0, &idx, &err), MERX_E_SHAPE, err);
    /* A header that claims what can't be: an overflow, and 4 GiB that are not there (read in steps, so little memory is taken). */
    check_fails(read_bytes("\0\0\x0E\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16, 0, &idx, &err),
                MERX_E_LIMIT, err);
    check_fails(read_bytes("\0\0\x08\1\xff\xff\xff\xff\0", 9, 0, &idx, &err), MERX_E_CORRUPT, err);
    check_contains(read_bytes("\0\0\x08\1\0\0\0\3\0", 9, 0, &idx, &err) == MERX_OK ? "" : err.message,
                   "3 rows of 1 values of 1 bytes are 3 bytes, and 1 are there");
    merx_error_clear(&err);
    check_fails(mx_idx_open("/no/such.idx", NULL, 0, &idx, &err), MERX_E_NOT_FOUND, err);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const yes[] = {"train-images-idx3-ubyte",
                                      "a/t10k-labels-idx1-ubyte.gz",
                                      "x.idx",
                                      "x.idx.zst",
                                      "train-images.idx3-ubyte",
                                      "y-idx2"};
    static const char *const no[] = {
        "idx3", "train.csv", "a-idx3-ubyte/x.csv", "train-idx9-ubyte", "a-idx3-ubyte.csv", "x.idx.csv", ""};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!mx_idx_name(yes[i]))
            check_die(__FILE__, __LINE__, "%s should be an IDX file", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (mx_idx_name(no[i]))
            check_die(__FILE__, __LINE__, "%s should be no IDX file", no[i]);
}

static void write_pictures(size_t rows)
{
    static unsigned char bytes[1 << 16], values[1 << 15];
    for (size_t i = 0; i < sizeof values; i++)
        values[i] = (unsigned char)(i * 7);
    check_write_file(path, bytes, make(bytes, 8, 3, (uint32_t[]){(uint32_t)rows, 3, 4}, values, rows * 12));
}

static void write_labels(const char *name, const unsigned char *values, size_t n)
{
    unsigned char bytes[64];
    check_write_file(name, bytes, make(bytes, 8, 1, (uint32_t[]){(uint32_t)n}, values, n));
}

static void test_dataset(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_dataset *data;
    write_pictures(5);
    write_labels(labels, (const unsigned char[]){10, 2, 2, 0, 10}, 5);
    check_ok(merx_dataset_read(path, NULL, NULL, &data, &err), err);
    assert_int_equal(merx_dataset_get_shape(data), MERX_SHAPE_MATRIX);
    assert_int_equal(merx_dataset_rows(data), 5);
    assert_int_equal(data->dense.d, 12);
    for (size_t i = 0; i < 60; i++)
        check_same_double((double)data->dense.x_float[i], (double)((float)(unsigned char)(i * 7) * (float)(1.0 / 255)));
    const mx_column *label = &MX_VEC_AT(&data->columns, mx_column, 0);
    assert_string_equal(label->name, "label");
    assert_int_equal(label->n_levels, 3);
    assert_string_equal(label->levels[0], "0");
    assert_string_equal(label->levels[1], "2");
    assert_string_equal(label->levels[2], "10");
    assert_memory_equal(label->as.codes, ((const int32_t[]){2, 1, 1, 0, 2}), 5 * sizeof(int32_t));
    merx_dataset_free(data);

    const merx_idx_options raw = {.scale = 1, .labels = ""};
    check_ok(merx_dataset_read_idx(path, &raw, NULL, &data, &err), err);
    check_same_double((double)data->dense.x_float[3], 21);
    assert_int_equal(data->columns.count, 0);
    merx_dataset_free(data);
    check_fails(merx_dataset_read_idx(path, &(merx_idx_options){.scale = -1}, NULL, &data, &err), MERX_E_RANGE, err);
    check_fails(merx_dataset_read_idx(path, &(merx_idx_options){.scale = (double)NAN}, NULL, &data, &err), MERX_E_RANGE,
                err);
    check_fails(merx_dataset_read_idx(path, &(merx_idx_options){.labels = "/no/such"}, NULL, &data, &err),
                MERX_E_NOT_FOUND, err);
    check_fails(merx_dataset_read_idx(path, &(merx_idx_options){.labels = path}, NULL, &data, &err), MERX_E_TYPE, err);
    write_labels(labels, (const unsigned char[]){1, 2}, 2);
    check_fails(merx_dataset_read(path, NULL, NULL, &data, &err), MERX_E_SHAPE, err);
    unlink(labels);
    check_ok(merx_dataset_read(path, NULL, NULL, &data, &err), err);
    assert_int_equal(data->columns.count, 0);
    merx_dataset_free(data);
    write_pictures(0);
    check_ok(merx_dataset_read(path, NULL, NULL, &data, &err), err);
    assert_int_equal(merx_dataset_rows(data), 0);
    merx_dataset_free(data);
    /* int32 does not fit float: a matrix of doubles. */
    unsigned char bytes[64];
    check_write_file(path, bytes, make(bytes, 0x0C, 2, (uint32_t[]){1, 2}, "\x7f\xff\xff\xff\0\0\0\1", 8));
    check_ok(merx_dataset_read(path, NULL, NULL, &data, &err), err);
    assert_null(data->dense.x_float);
    check_same_double(data->dense.x[0], 2147483647);
    merx_dataset_free(data);
}

static merx_status read_all(const merx_allocator *alloc, void *context, merx_error *err)
{
    (void)context;
    merx_dataset *data = NULL;
    merx_task *task = NULL;
    merx_status status;
    MX_TRY_GOTO(merx_task_new(alloc, &(merx_task_options){.threads = 1}, &task, err));
    MX_TRY_GOTO(merx_dataset_read(path, NULL, task, &data, err));
out:
    merx_dataset_free(data);
    merx_task_free(task);
    return status;
}

static void test_memory(void **state)
{
    (void)state;
    write_pictures(600);
    check_every_allocation(read_all, NULL);
    write_pictures(5);
    write_labels(labels, (const unsigned char[]){1, 2, 3, 4, 5}, 5);
    check_every_allocation(read_all, NULL);
    unlink(labels);
}

static void test_fashion(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_dataset *data;
    char name[4200];
    const char *root = getenv("MERX_DATA");
    static const struct {
        const char *name;
        size_t rows;
    } files[] = {{"train", 60000}, {"t10k", 10000}};
    for (int f = 0; f < 2; f++) {
        snprintf(name, sizeof name, "%s/fashion-mnist/%s-images-idx3-ubyte.gz", root != NULL ? root : "",
                 files[f].name);
        if (root == NULL || access(name, R_OK) != 0) {
            if (getenv("MERX_REQUIRE_DATA") != NULL)
                check_die(__FILE__, __LINE__, "%s is not there", name);
            print_message("left out: %s is not there\n", name);
            return;
        }
        check_ok(merx_dataset_read(name, NULL, NULL, &data, &err), err);
        assert_int_equal(merx_dataset_rows(data), files[f].rows);
        assert_int_equal(data->dense.d, 784);
        const mx_column *label = &MX_VEC_AT(&data->columns, mx_column, 0);
        assert_int_equal(label->n_levels, 10);
        size_t counts[10] = {0};
        double sum = 0;
        for (size_t i = 0; i < files[f].rows; i++)
            counts[label->as.codes[i]]++;
        for (int c = 0; c < 10; c++)
            assert_int_equal(counts[c], files[f].rows / 10);
        for (size_t i = 0; i < files[f].rows * 784; i++)
            sum += (double)data->dense.x_float[i];
        if (f == 0) /* 72.9404: the mean that the data's own page states */
            check_close(sum * 255 / 784 / 60000, 72.9404, 5e-5);
        merx_dataset_free(data);
    }
}

int main(void)
{
    check_make_folder(folder);
    snprintf(path, sizeof path, "%s/t-images-idx3-ubyte", folder);
    snprintf(labels, sizeof labels, "%s/t-labels-idx1-ubyte", folder);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_types),  cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_names),  cmocka_unit_test(test_dataset),
                                       cmocka_unit_test(test_memory), cmocka_unit_test(test_fashion)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    check_remove_folder(folder);
    return failed;
}
