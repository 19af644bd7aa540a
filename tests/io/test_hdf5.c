/*
 * HDF5 files that h5py wrote (tests/golden/make_containers.py): numbers of every type, groups of both forms, names; what is not read is said.
 */
#include "base/random.h"
#include "io/hdf5.h"
#include "support/check.h"

static char *read_golden(const char *name, size_t *size)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/golden/%s", MERX_TESTS_DIR, name);
    return check_read_file(path, size);
}

static uint64_t object_at(const mx_hdf5 *file, const char *path)
{
    merx_error err = {0};
    uint64_t object;
    bool found;
    check_ok(mx_hdf5_find(file, file->root, path, &object, &found, &err), err);
    if (!found)
        check_die(__FILE__, __LINE__, "%s is not in %s", path, file->name);
    return object;
}

static void check_tensor(const mx_hdf5 *file, const char *path, mx_hdf5_type type, size_t rank, size_t count,
                         const double *values)
{
    merx_error err = {0};
    mx_hdf5_tensor t;
    check_ok(mx_hdf5_tensor_of(file, object_at(file, path), path, &t, &err), err);
    assert_int_equal(t.type, type);
    assert_int_equal(t.rank, rank);
    assert_int_equal(t.count, count);
    for (size_t i = 0; i < count; i++)
        check_same_double(mx_hdf5_number(&t, i), values[i]);
}

static merx_status count_one(void *context, mx_str link, uint64_t object, merx_error *err)
{
    (void)link, (void)object, (void)err;
    ++*(size_t *)context;
    return MERX_OK;
}

static void reads(const char *name, size_t many)
{
    merx_error err = {0};
    mx_hdf5 file;
    mx_hdf5_tensor t;
    mx_str text;
    size_t size, count = 0;
    uint64_t object;
    bool found;
    char *bytes = read_golden(name, &size);
    check_ok(mx_hdf5_open(bytes, size, name, &file, &err), err);
    check_tensor(&file, "numbers/single", MX_HDF5_FLOAT, 2, 12,
                 (double[]){-1, -.75, -.5, -.25, 0, .25, .5, .75, 1, 1.25, 1.5, 1.75});
    check_tensor(&file, "numbers/double", MX_HDF5_FLOAT, 1, 5, (double[]){0, 1.0 / 3, 2.0 / 3, 1, 4.0 / 3});
    check_tensor(&file, "numbers/half", MX_HDF5_FLOAT, 1, 5,
                 (double[]){0, -1.5, 65504, 5.9604644775390625e-08, (double)INFINITY});
    check_tensor(&file, "numbers/signed", MX_HDF5_SIGNED, 1, 3, (double[]){-3, 127, -128});
    check_tensor(&file, "numbers/unsigned", MX_HDF5_UNSIGNED, 1, 2, (double[]){0, 65535});
    check_tensor(&file, "others/long", MX_HDF5_SIGNED, 1, 1, (double[]){-1099511627776.0});
    check_tensor(&file, "numbers/scalar", MX_HDF5_FLOAT, 0, 1, (double[]){2.5});
    check_tensor(&file, "numbers/empty", MX_HDF5_FLOAT, 2, 0, NULL);
    check_tensor(&file, "a/b/c/deep", MX_HDF5_FLOAT, 0, 1, (double[]){7});
    check_ok(mx_hdf5_tensor_of(&file, object_at(&file, "others/big_endian"), "x", &t, &err), err);
    assert_int_equal(t.type, MX_HDF5_OTHER);
    check_ok(mx_hdf5_tensor_of(&file, object_at(&file, "others/words"), "x", &t, &err), err);
    assert_int_equal(t.type, MX_HDF5_OTHER);
    assert_int_equal(mx_hdf5_tensor_of(&file, object_at(&file, "a"), "the group a", &t, &err), MERX_E_TYPE);
    check_contains(err.message, "the group a is no tensor");
    memset(&err, 0, sizeof err);
    check_ok(mx_hdf5_links(&file, object_at(&file, "many"), count_one, &count, &err), err);
    assert_int_equal(count, many);
    for (size_t i = 0; i < many; i++) {
        char path[40];
        (void)snprintf(path, sizeof path, "many/v%zu", i);
        check_tensor(&file, path, MX_HDF5_FLOAT, 1, 2, (double[]){(double)i, (double)i});
    }
    check_ok(mx_hdf5_find(&file, file.root, "many/none", &object, &found, &err), err);
    assert_false(found);
    check_ok(mx_hdf5_text(&file, object_at(&file, "named"), "name", &text, &err), err);
    assert_true(mx_str_equal(text, MX_STR("第一层 conv")));
    check_ok(mx_hdf5_text(&file, object_at(&file, "named"), "fixed", &text, &err), err);
    assert_true(mx_str_equal(text, MX_STR("fixed text")));
    check_ok(mx_hdf5_text(&file, object_at(&file, "named"), "other", &text, &err), err);
    assert_int_equal(text.size, 0);
    free(bytes);
}

static void reads_what_h5py_wrote(void **state)
{
    (void)state;
    reads("hdf5_old.h5", 60);
    reads("hdf5_latest.h5", 6);
}

static void says_what_it_does_not_read(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_hdf5 file;
    mx_hdf5_tensor t;
    size_t size, count = 0;
    char *bytes = read_golden("hdf5_old.h5", &size);
    check_ok(mx_hdf5_open(bytes, size, "old", &file, &err), err);
    assert_int_equal(mx_hdf5_tensor_of(&file, object_at(&file, "stored/zipped"), "zipped", &t, &err),
                     MERX_E_UNSUPPORTED);
    check_contains(err.message, "zipped is ");
    memset(&err, 0, sizeof err);
    assert_int_equal(mx_hdf5_links(&file, object_at(&file, "soft"), count_one, &count, &err), MERX_E_UNSUPPORTED);
    check_contains(err.message, "leads elsewhere");
    free(bytes);
    memset(&err, 0, sizeof err);
    bytes = read_golden("hdf5_latest.h5", &size);
    check_ok(mx_hdf5_open(bytes, size, "latest", &file, &err), err);
    assert_int_equal(mx_hdf5_links(&file, object_at(&file, "heap"), count_one, &count, &err), MERX_E_UNSUPPORTED);
    check_contains(err.message, "in a heap");
    free(bytes);
    memset(&err, 0, sizeof err);
    check_fails(mx_hdf5_open("no such thing", 13, "text", &file, &err), MERX_E_CORRUPT, err);
    check_fails(mx_hdf5_open("", 0, "nothing", &file, &err), MERX_E_CORRUPT, err);
}

/* Everything that can be reached, read. */
typedef struct visit {
    const mx_hdf5 *file;
    size_t seen, failed;
    int depth;
} visit;

static merx_status look(void *context, mx_str link, uint64_t object, merx_error *err)
{
    visit *v = context;
    mx_hdf5_tensor t;
    mx_str text;
    (void)link;
    if (++v->seen > 500)
        return mx_error_set(err, MERX_E_LIMIT, "", "enough");
    if (mx_hdf5_tensor_of(v->file, object, "x", &t, NULL) == MERX_OK)
        for (size_t i = 0; i < t.count && i < 5000; i++)
            (void)mx_hdf5_number(&t, i);
    v->failed += mx_hdf5_text(v->file, object, "name", &text, NULL) != MERX_OK;
    if (v->depth < 5) {
        v->depth++;
        v->failed += mx_hdf5_links(v->file, object, look, v, NULL) != MERX_OK;
        v->depth--;
    }
    return MERX_OK;
}

static void survives_damage(void **state)
{
    (void)state;
    static const char *const names[] = {"hdf5_old.h5", "hdf5_latest.h5"};
    for (size_t f = 0; f < 2; f++) {
        size_t size, failed = 0;
        mx_random random;
        char *bytes = read_golden(names[f], &size);
        mx_random_init(&random, 5, f);
        for (size_t k = 0; k < 4000; k++) {
            merx_error err = {0};
            mx_hdf5 file;
            visit v = {.file = &file};
            char was[4];
            size_t at = (size_t)mx_random_below(&random, size - 4), length = k % 4 == 0 ? at : size;
            memcpy(was, bytes + at, 4);
            for (size_t j = 0; j < 1 + k % 4; j++)
                bytes[at + j] = (char)(k % 5 == 0 ? 0xff : mx_random_below(&random, 256));
            char *copy = malloc(length > 0 ? length : 1); /* exactly, so that a sanitizer sees what is read beyond */
            memcpy(copy, bytes, length);
            memcpy(bytes + at, was, 4);
            merx_status status = mx_hdf5_open(copy, length, "cut", &file, &err);
            if (status == MERX_OK)
                status = mx_hdf5_links(&file, file.root, look, &v, &err);
            assert_true(status == MERX_OK || err.message[0] != '\0');
            failed += status != MERX_OK || v.failed > 0;
            free(copy);
        }
        assert_true(failed > 1000);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_what_h5py_wrote),
                                       cmocka_unit_test(says_what_it_does_not_read), cmocka_unit_test(survives_damage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
