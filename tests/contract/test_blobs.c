/*
 * The contract of blobs, over every driver and over fault(driver).
 */
#include "io/file.h"
#include "store/blobs.h"
#include "support/check.h"

typedef struct fixture {
    char folder[256], address[320];
    mx_blobs *blobs;
} fixture;

static const mx_blobs_driver *driver_under_test;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    merx_error err = {0};

    assert_non_null(f);
    check_make_folder(f->folder);
    snprintf(f->address, sizeof f->address, "%s:%s/blobs", driver_under_test->name, f->folder);
    check_ok(mx_blobs_open(f->address, true, NULL, &f->blobs, &err), err);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    mx_blobs_close(f->blobs);
    check_remove_folder(f->folder);
    free(f);
    return 0;
}

static merx_status note(void *context, const char *name, uint64_t size, merx_error *err)
{
    mx_text *text = context;
    mx_text_printf(text, "%s %llu\n", name, (unsigned long long)size);
    return mx_text_ok(text, err);
}

static void lists(mx_blobs *blobs, const char *prefix, const char *want)
{
    merx_error err = {0};
    mx_text text;
    mx_text_init(&text, NULL, 100000);
    check_ok(mx_blobs_list(blobs, prefix, note, &text, &err), err);
    assert_string_equal(text.data, want);
    mx_text_release(&text);
}

static void holds(mx_blobs *blobs, const char *name, const char *want)
{
    merx_error err = {0};
    mx_blob blob;
    check_ok(mx_blobs_map(blobs, name, &blob, &err), err);
    assert_int_equal(blob.size, strlen(want));
    if (blob.size > 0)
        assert_memory_equal(blob.data, want, blob.size);
    mx_blobs_unmap(blobs, &blob);
    assert_null(blob.data);
    unsigned char *bytes;
    size_t size;
    check_ok(mx_blobs_read(blobs, name, NULL, &bytes, &size, &err), err);
    assert_int_equal(size, strlen(want));
    if (size > 0)
        assert_memory_equal(bytes, want, size);
    mx_free_array(merx_allocator_default(), bytes, size, 1);
}

static void test_put_map_remove(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_blob blob;

    check_fails(mx_blobs_map(f->blobs, "a", &blob, &err), MERX_E_NOT_FOUND, err);
    check_ok(mx_blobs_put(f->blobs, "a", "one", 3, &err), err);
    check_ok(mx_blobs_put(f->blobs, "models/recommend/000001.safetensors", "two!", 4, &err), err);
    check_ok(mx_blobs_put(f->blobs, "empty", NULL, 0, &err), err);
    holds(f->blobs, "a", "one");
    holds(f->blobs, "models/recommend/000001.safetensors", "two!");
    holds(f->blobs, "empty", "");
    check_fails(mx_blobs_map(f->blobs, "models/recommend", &blob, &err), MERX_E_NOT_FOUND, err);
    unsigned char *bytes;
    size_t size;
    check_fails(mx_blobs_read(f->blobs, "models/recommend", NULL, &bytes, &size, &err), MERX_E_NOT_FOUND, err);
    check_fails(mx_blobs_read(f->blobs, "models/other", NULL, &bytes, &size, &err), MERX_E_NOT_FOUND, err);
    check_fails(mx_blobs_read(f->blobs, "../a", NULL, &bytes, &size, &err), MERX_E_INVALID, err);
    check_ok(mx_blobs_remove(f->blobs, "a", &err), err);
    check_ok(mx_blobs_remove(f->blobs, "a", &err), err);
    check_ok(mx_blobs_remove(f->blobs, "models", &err), err); /* not a blob: nothing to remove */
    check_fails(mx_blobs_map(f->blobs, "a", &blob, &err), MERX_E_NOT_FOUND, err);
    lists(f->blobs, NULL, "empty 0\nmodels/recommend/000001.safetensors 4\n");
}

/* "part part … ", and then perhaps a failure. */
static merx_status make_parts(void *context, mx_blob_put_fn put, void *sink, merx_error *err)
{
    const int *parts = context;
    for (int i = 0; i < (*parts < 0 ? 3 : *parts); i++)
        MX_TRY(put(sink, "part ", 5, err));
    if (*parts < 0)
        MX_FAIL(err, MERX_E_CANCELLED, "", "no more parts");
    return MERX_OK;
}

static void test_a_blob_made_as_it_is_written(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    int three = 3, none = 0, fails = -1;

    check_ok(mx_blobs_put_made(f->blobs, "made/a", make_parts, &three, &err), err);
    holds(f->blobs, "made/a", "part part part ");
    check_fails(mx_blobs_put_made(f->blobs, "made/a", make_parts, &fails, &err), MERX_E_CANCELLED, err);
    holds(f->blobs, "made/a", "part part part "); /* as it was */
    check_ok(mx_blobs_put_made(f->blobs, "made/a", make_parts, &none, &err), err);
    holds(f->blobs, "made/a", "");
    check_fails(mx_blobs_put_made(f->blobs, "../a", make_parts, &three, &err), MERX_E_INVALID, err);
    lists(f->blobs, NULL, "made/a 0\n");
}

static void test_a_mapped_blob_outlives_its_replacement(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_blob old;

    check_ok(mx_blobs_put(f->blobs, "m/x", "first", 5, &err), err);
    check_ok(mx_blobs_map(f->blobs, "m/x", &old, &err), err);
    check_ok(mx_blobs_put(f->blobs, "m/x", "second, longer", 14, &err), err);
    holds(f->blobs, "m/x", "second, longer");
    check_ok(mx_blobs_remove(f->blobs, "m/x", &err), err);
    assert_int_equal(old.size, 5);
    assert_memory_equal(old.data, "first", 5);
    mx_blobs_unmap(f->blobs, &old);
}

static void test_lists_in_order_of_whole_names(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    /* '-' and '.' sort before '/', digits and letters after it. */
    const char *names[] = {"a/b", "a.b", "a-b", "a0", "b/c/d", "b/c.d", "ab", "b/c/e/f"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_ok(mx_blobs_put(f->blobs, names[i], "x", i % 2, &err), err);
    lists(f->blobs, "", "a-b 0\na.b 1\na/b 0\na0 1\nab 0\nb/c.d 1\nb/c/d 0\nb/c/e/f 1\n");
    lists(f->blobs, "a", "a-b 0\na.b 1\na/b 0\na0 1\nab 0\n");
    lists(f->blobs, "a/", "a/b 0\n");
    lists(f->blobs, "b/c", "b/c.d 1\nb/c/d 0\nb/c/e/f 1\n");
    lists(f->blobs, "b/c/e/", "b/c/e/f 1\n");
    lists(f->blobs, "zz", "");
    check_fails(mx_blobs_list(f->blobs, "A*", note, NULL, &err), MERX_E_INVALID, err);
}

static merx_status stop(void *context, const char *name, uint64_t size, merx_error *err)
{
    (void)size;
    if (++*(int *)context == 2)
        MX_FAIL(err, MERX_E_CANCELLED, name, "enough");
    return MERX_OK;
}

static void test_a_listing_can_be_ended(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    int count = 0;

    check_ok(mx_blobs_put(f->blobs, "a", "", 0, &err), err);
    check_ok(mx_blobs_put(f->blobs, "b", "", 0, &err), err);
    check_ok(mx_blobs_put(f->blobs, "c", "", 0, &err), err);
    check_fails(mx_blobs_list(f->blobs, "", stop, &count, &err), MERX_E_CANCELLED, err);
    assert_int_equal(count, 2);
}

static void test_bad_names_are_refused(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_blob blob;
    char large[257];
    const char *names[] = {"",     "/a", "a/",  "a//b", ".",   "..",  "../a",     "a/../b", "a/.", ".hidden",
                           "a/.b", "A",  "a b", "a\\b", "a:b", "a\n", "\xc3\xa9", "a*",     large};

    memset(large, 'x', 256);
    large[256] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        check_fails(mx_blobs_put(f->blobs, names[i], "x", 1, &err), MERX_E_INVALID, err);
        check_fails(mx_blobs_map(f->blobs, names[i], &blob, &err), MERX_E_INVALID, err);
        check_fails(mx_blobs_remove(f->blobs, names[i], &err), MERX_E_INVALID, err);
    }
    check_fails(mx_blobs_put(f->blobs, NULL, "x", 1, &err), MERX_E_INVALID, err);
    large[255] = '\0';
    for (size_t i = 64; i < 255; i += 64)
        large[i] = '/';
    check_ok(mx_blobs_put(f->blobs, large, "x", 1, &err), err);
    holds(f->blobs, large, "x");
}

static void test_opening(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_blobs *blobs;
    char path[400];

    snprintf(path, sizeof path, "%s/none", f->folder);
    check_fails(mx_blobs_open(path, false, NULL, &blobs, &err), MERX_E_NOT_FOUND, err);
    assert_null(blobs);
    check_fails(mx_blobs_open("", true, NULL, &blobs, &err), MERX_E_INVALID, err);
    snprintf(path, sizeof path, "%s/file", f->folder);
    check_write_file(path, "x", 1);
    check_fails(mx_blobs_open(path, true, NULL, &blobs, &err), MERX_E_INVALID, err);
    check_ok(mx_blobs_put(f->blobs, "kept", "x", 1, &err), err);
    check_ok(mx_blobs_open(f->address, false, NULL, &blobs, &err), err);
    holds(blobs, "kept", "x");
    mx_blobs_close(blobs);
    mx_blobs_close(NULL);
}

/* put, replace, map, list, remove; stops at the first failure. */
static merx_status scenario(mx_blobs *blobs, merx_error *err)
{
    mx_blob blob;
    uint64_t n = 0;
    mx_text text;

    MX_TRY(mx_blobs_put(blobs, "m/a", "one", 3, err));
    MX_TRY(mx_blobs_put(blobs, "m/a", "two", 3, err));
    MX_TRY(mx_blobs_put(blobs, "m/b", "b", 1, err));
    MX_TRY(mx_blobs_map(blobs, "m/a", &blob, err));
    n += blob.size;
    mx_blobs_unmap(blobs, &blob);
    mx_text_init(&text, NULL, 1000);
    merx_status status = mx_blobs_list(blobs, "m/", note, &text, err);
    mx_text_release(&text);
    MX_TRY(status);
    return n == 3 ? mx_blobs_remove(blobs, "m/a", err) : MERX_E_INTERNAL;
}

static void test_every_call_failing_leaves_whole_blobs(void **state)
{
    static const char *const states[] = {
        "", "m/a 3\n", "m/a 3\n", "m/a 3\nm/b 1\n", "m/a 3\nm/b 1\n", "m/a 3\nm/b 1\n", "m/b 1\n"};
    fixture *f = *state;
    merx_error err = {0};

    assert_int_equal(mx_blobs_fault_calls(f->blobs), -1);
    for (int64_t k = 0; k <= 6; k++) {
        mx_blobs *blobs;
        char address[400];
        snprintf(address, sizeof address, "%s/fault%lld", f->folder, (long long)k);
        check_ok(mx_blobs_open(address, true, NULL, &blobs, &err), err);
        check_ok(mx_blobs_fault_wrap(blobs, k < 6 ? k : -1, MERX_E_NO_SPACE, &blobs, &err), err);
        check_status_at(scenario(blobs, &err), k < 6 ? MERX_E_NO_SPACE : MERX_OK, &err, "scenario", __FILE__, __LINE__);
        merx_error_clear(&err);
        assert_int_equal(mx_blobs_fault_calls(blobs), k < 6 ? k + 1 : 6);
        lists(blobs, "", states[k]);
        mx_blobs_close(blobs);
    }
}

static merx_status whole_life(const merx_allocator *alloc, void *context, merx_error *err)
{
    mx_blobs *blobs;
    MX_TRY(mx_blobs_open(context, true, alloc, &blobs, err));
    merx_status status = scenario(blobs, err);
    mx_blobs_close(blobs);
    return status;
}

static void test_every_allocation_failing(void **state)
{
    fixture *f = *state;
    check_every_allocation(whole_life, f->address);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(test_put_map_remove),
        T(test_a_blob_made_as_it_is_written),
        T(test_a_mapped_blob_outlives_its_replacement),
        T(test_lists_in_order_of_whole_names),
        T(test_a_listing_can_be_ended),
        T(test_bad_names_are_refused),
        T(test_opening),
        T(test_every_call_failing_leaves_whole_blobs),
        T(test_every_allocation_failing),
    };
    int failed = 0;

    for (size_t i = 0; (driver_under_test = mx_blobs_driver_at(i)) != NULL; i++) {
        printf("driver %s\n", driver_under_test->name);
        assert_int_equal(driver_under_test->version, 1);
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed;
}
