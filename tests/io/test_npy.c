/*
 * NPY files: every type and order, headers as numpy and others write them, what is refused and why, matrices borrowed from the mapping.
 */
#include "io/npy.h"
#include "learn/core/table.h"
#include "support/check.h"

static char folder[256], path[300];

/* An NPY of version 1, 2 or 3 in memory; returns its size. */
static size_t make(unsigned char *out, int version, const char *header, const void *data, size_t size)
{
    const size_t begin = version == 1 ? 10 : 12, length = strlen(header);
    memcpy(out, "\x93NUMPY", 6);
    out[6] = (unsigned char)version;
    out[7] = 0;
    for (size_t i = 8; i < begin; i++)
        out[i] = (unsigned char)(length >> 8 * (i - 8));
    memcpy(out + begin, header, length);
    if (size > 0)
        memcpy(out + begin + length, data, size);
    return begin + length + size;
}

static void test_types(void **state)
{
    (void)state;
    const struct {
        const char *descr;
        const void *data;
        size_t size;
        double want[2];
    } cases[] = {
        {"<f8", (double[]){1.5, -2e300}, 16, {1.5, -2e300}},
        {"<f4", (float[]){1.5f, -3e30f}, 8, {1.5, (double)-3e30f}},
        {"|i1", (int8_t[]){-128, 7}, 2, {-128, 7}},
        {"<i2", (int16_t[]){-32768, 7}, 4, {-32768, 7}},
        {"<i4", (int32_t[]){INT32_MIN, 7}, 8, {INT32_MIN, 7}},
        {"<i8", (int64_t[]){-(INT64_C(1) << 53), 7}, 16, {-0x1p53, 7}},
        {"|u1", (uint8_t[]){255, 7}, 2, {255, 7}},
        {"<u2", (uint16_t[]){65535, 7}, 4, {65535, 7}},
        {"<u4", (uint32_t[]){UINT32_MAX, 7}, 8, {UINT32_MAX, 7}},
        {"<u8", (uint64_t[]){UINT64_MAX, 7}, 16, {0x1p64, 7}},
        {"|b1", (uint8_t[]){1, 0}, 2, {1, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int version = 1; version <= 3; version++) {
            unsigned char bytes[256];
            char header[128];
            merx_error err = {0};
            mx_npy npy;
            double got[2];
            snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (2,), }\n",
                     cases[i].descr);
            size_t size = make(bytes, version, header, cases[i].data, cases[i].size);
            check_ok(mx_npy_parse(bytes, size, "x", &npy, &err), err);
            assert_int_equal(npy.dims, 1);
            assert_int_equal(npy.rows, 2);
            mx_npy_rows(&npy, 0, 2, got);
            check_same_double(got[0], cases[i].want[0]);
            check_same_double(got[1], cases[i].want[1]);
            check_fails(mx_npy_parse(bytes, size - 1, "x", &npy, &err), MERX_E_CORRUPT, err);
        }
}

static void refuse(const char *header, merx_status code, const char *part)
{
    unsigned char bytes[512];
    mx_npy npy;
    merx_error err = {0};
    const double data[8] = {0};
    size_t size = make(bytes, 1, header, data, sizeof data);
    merx_status status = mx_npy_parse(bytes, size, "x.npy", &npy, &err);
    if (status != code)
        check_die(__FILE__, __LINE__, "%s gave %s: %s", header, merx_status_name(status), err.message);
    check_contains(err.message, part);
}

static void test_refused(void **state)
{
    (void)state;
    refuse("{'descr': '>f8', 'fortran_order': False, 'shape': (2,), }", MERX_E_TYPE, "big-endian");
    refuse("{'descr': '<U5', 'fortran_order': False, 'shape': (2,), }", MERX_E_TYPE, "'<U5'");
    refuse("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", MERX_E_TYPE, "'|O'");
    refuse("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2,), }", MERX_E_TYPE, "records");
    refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (), }", MERX_E_SHAPE, "0 dimensions");
    refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2, 2), }", MERX_E_SHAPE, "3 dimensions");
    refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (9,), }", MERX_E_CORRUPT, "cut short");
    refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", MERX_E_CORRUPT,
           "cut short");
    refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999, 1), }", MERX_E_CORRUPT, "header");
    refuse("{'descr': '<f8', 'fortran_order': False}", MERX_E_CORRUPT, "header");
    refuse("{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", MERX_E_CORRUPT, "header");
    refuse("{'descr': '<f8', 'fortran_order': 1, 'shape': (2,)}", MERX_E_CORRUPT, "header");
    refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (2,)} x", MERX_E_CORRUPT, "header");
    refuse("", MERX_E_CORRUPT, "header");
    mx_npy npy;
    merx_error err = {0};
    assert_int_equal(mx_npy_parse("PK\x03\x04", 4, "x.npz", &npy, &err), MERX_E_PARSE);
    check_contains(err.message, "numpy.save");
    check_fails(mx_npy_parse("", 0, "x", &npy, &err), MERX_E_PARSE, err);
    check_fails(mx_npy_parse("\x93NUMPY\x04\x00\x00\x00", 10, "x", &npy, &err), MERX_E_VERSION, err);
    check_fails(mx_npy_parse("\x93NUMPY\x01\x00\xff\x00", 10, "x", &npy, &err), MERX_E_CORRUPT, err);
    check_fails(mx_npy_open("/no/such.npy", &npy, &err), MERX_E_NOT_FOUND, err);
}

static void test_write_and_read(void **state)
{
    (void)state;
    merx_error err = {0};
    double x[300];
    for (size_t i = 0; i < 300; i++)
        x[i] = (double)i / 7;
    check_ok(mx_npy_write(path, x, 100, 3, 2, NULL, &err), err);
    size_t size;
    char *bytes = check_read_file(path, &size);
    assert_int_equal(size, 128 + sizeof x);
    assert_memory_equal(bytes, "\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (100, 3), }",
                        64);
    free(bytes);
    merx_dataset *m;
    check_ok(merx_dataset_read(path, NULL, NULL, &m, &err), err);
    assert_int_equal(merx_dataset_get_shape(m), MERX_SHAPE_MATRIX);
    assert_int_equal(merx_dataset_rows(m), 100);
    assert_int_equal(m->dense.d, 3);
    assert_string_equal(m->dense.names[2], "x2");
    assert_string_equal(merx_dataset_name(m), path);
    assert_non_null(m->map.data); /* where it lies */
    assert_memory_equal(m->dense.x, x, sizeof x);
    merx_dataset_free(m);
    check_ok(mx_npy_write(path, x, 300, 1, 1, NULL, &err), err);
    check_ok(merx_dataset_read(path, NULL, NULL, &m, &err), err);
    assert_int_equal(m->dense.d, 1);
    merx_dataset_free(m);
    check_ok(mx_npy_write(path, x, 0, 3, 2, NULL, &err), err);
    check_ok(merx_dataset_read(path, NULL, NULL, &m, &err), err);
    assert_int_equal(merx_dataset_rows(m), 0);
    merx_dataset_free(m);
    check_fails(mx_npy_write(path, x, 3, 2, 1, NULL, &err), MERX_E_INVALID, err);
    check_fails(mx_npy_write("/no/such/x.npy", x, 3, 1, 1, NULL, &err), MERX_E_NOT_FOUND, err);
}

static merx_status read_matrix(const merx_allocator *alloc, void *context, merx_error *err)
{
    (void)context;
    merx_dataset *m = NULL;
    merx_task *task = NULL;
    merx_status status;
    MX_TRY_GOTO(merx_task_new(alloc, NULL, &task, err));
    MX_TRY_GOTO(merx_dataset_read(path, NULL, task, &m, err));
out:
    merx_dataset_free(m);
    merx_task_free(task);
    return status;
}

/* Fortran order, float32 where it lies, and every allocation failing on both ways. */
static void test_orders(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_dataset *m;
    static unsigned char bytes[1 << 16];
    static float columns[70 * 45];
    for (size_t j = 0; j < 45; j++)
        for (size_t i = 0; i < 70; i++)
            columns[j * 70 + i] = (float)(i * 100 + j);
    size_t size = make(bytes, 1, "{'fortran_order': True, 'shape': (70, 45), 'descr': '<f4'}", columns, sizeof columns);
    check_write_file(path, bytes, size);
    check_ok(merx_dataset_read(path, NULL, NULL, &m, &err), err);
    assert_null(m->map.data);
    for (size_t i = 0; i < 70; i++)
        for (size_t j = 0; j < 45; j++)
            check_same_double(m->dense.x[i * 45 + j], (double)(i * 100 + j));
    merx_dataset_free(m);
    check_every_allocation(read_matrix, NULL);
    size = make(bytes, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (70, 45)}\n  ", columns, sizeof columns);
    check_write_file(path, bytes, size);
    check_ok(merx_dataset_read(path, NULL, NULL, &m, &err), err);
    assert_true((m->dense.x_float != NULL) == (((size - sizeof columns) % 4) == 0));
    merx_dataset_free(m);
    check_every_allocation(read_matrix, NULL);
}

int main(void)
{
    check_make_folder(folder);
    snprintf(path, sizeof path, "%s/x.npy", folder);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_types), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_write_and_read), cmocka_unit_test(test_orders)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    check_remove_folder(folder);
    return failed;
}
