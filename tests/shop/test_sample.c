/*
 * The sample shop: deterministic, of the size asked for, with the structure it says it planted.
 */
#include "io/file.h"
#include "merx/shop.h"
#include "support/check.h"

static void write_sample(const char *folder, uint64_t products, uint64_t customers, uint64_t events, uint64_t seed)
{
    merx_error err = {0};
    check_ok(merx_sample_write(folder, &(merx_sample_options){products, customers, events, seed}, NULL, &err), err);
}

static char *read_text(const char *folder, const char *name, size_t *size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    mx_map map;
    merx_error err = {0};
    check_ok(mx_map_open(path, &map, &err), err);
    char *text = malloc(map.size + 1);
    assert_non_null(text);
    memcpy(text, map.data, map.size);
    text[map.size] = '\0';
    *size = map.size;
    mx_map_close(&map);
    return text;
}

static void test_same_seed_same_bytes(void **state)
{
    (void)state;
    char base[256];
    check_make_folder(base);
    char a[300];
    char b[300];
    char c[300];
    snprintf(a, sizeof a, "%s/a", base);
    snprintf(b, sizeof b, "%s/b", base);
    snprintf(c, sizeof c, "%s/c", base);
    write_sample(a, 60, 200, 3000, 5);
    write_sample(b, 60, 200, 3000, 5);
    write_sample(c, 60, 200, 3000, 6);
    static const char *const files[] = {"a/orders.csv", "a/products.csv",          "a/customers.csv",
                                        "a.truth.json", "a/pictures/P0000001.png", "a/pictures/P0000060.png"};
    for (size_t i = 0; i < 6; i++) {
        char other[64];
        snprintf(other, sizeof other, "b%s", files[i] + 1);
        size_t n;
        size_t m;
        char *x = read_text(base, files[i], &n);
        char *y = read_text(base, other, &m);
        assert_int_equal(n, m);
        assert_memory_equal(x, y, n);
        snprintf(other, sizeof other, "c%s", files[i] + 1);
        char *z = read_text(base, other, &m);
        assert_true(n != m || memcmp(x, z, n) != 0);
        free(x);
        free(y);
        free(z);
    }
    check_remove_folder(base);
}

static size_t count_lines(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void test_sizes_and_truth(void **state)
{
    (void)state;
    char base[256];
    check_make_folder(base);
    char folder[300];
    snprintf(folder, sizeof folder, "%s/shop", base);
    write_sample(folder, 300, 800, 20000, 1);
    size_t size;
    char *text = read_text(base, "shop/products.csv", &size);
    assert_int_equal(count_lines(text), 301);
    assert_true(mx_utf8_valid((mx_str){text, size}, NULL));
    free(text);
    text = read_text(base, "shop/customers.csv", &size);
    assert_int_equal(count_lines(text), 801);
    free(text);
    text = read_text(base, "shop/orders.csv", &size);
    size_t lines = count_lines(text) - 1;
    assert_in_range(lines, 17000, 23000);
    check_contains(text, ",-1,"); /* something came back */
    /* Times ascend, as in a real export. */
    char before[32] = "";
    for (char *line = strchr(text, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
        char *comma = strchr(line, ',');
        assert_true(strncmp(comma + 1, before, 19) >= 0);
        memcpy(before, comma + 1, 19);
    }
    free(text);
    text = read_text(base, "shop.truth.json", &size);
    json_t *truth = json_loads(text, 0, NULL);
    assert_non_null(truth);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(truth, "shop"), "lines")), lines);
    json_t *best = json_object_get(truth, "best");
    double ndcg = json_real_value(json_object_get(json_object_get(best, "recommend"), "ndcg@20"));
    double wape = json_real_value(json_object_get(json_object_get(best, "demand"), "wape"));
    double accuracy = json_real_value(json_object_get(json_object_get(best, "segment"), "accuracy"));
    assert_true(ndcg > 0.05 && ndcg < 1);
    assert_true(wape > 0.05 && wape < 1);
    assert_true(accuracy > 0.3 && accuracy < 1); /* the largest planted share */
    /* All but the parcels, and of those one in 24. */
    double pictures = json_real_value(json_object_get(json_object_get(best, "classify"), "accuracy"));
    double parcels = (1 - pictures) * 300 / (1 - 1.0 / 24);
    check_close(parcels, round(parcels), 1e-6);
    assert_true(parcels >= 8 && parcels <= 45);
    json_decref(truth);
    free(text);
    check_remove_folder(base);
}

/* Each row of the catalogue names a picture that is there: a PNG of 64 x 64, small, and no two the same. */
static void test_pictures(void **state)
{
    enum { N = 80 };
    (void)state;
    char base[256];
    char *png[N];
    size_t size[N];
    check_make_folder(base);
    char folder[300];
    snprintf(folder, sizeof folder, "%s/shop", base);
    write_sample(folder, N, 50, 500, 9);
    size_t length;
    char *text = read_text(base, "shop/products.csv", &length);
    char *line = strchr(text, '\n') + 1;
    for (int p = 0; p < N; p++) {
        static const unsigned char header[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13,
                                               'I',  'H', 'D', 'R', 0,    0,    0,    64,   0, 0, 0, 64};
        char name[64];
        *strchr(line, '\n') = '\0';
        snprintf(name, sizeof name, "shop/%s", strrchr(line, ',') + 1);
        png[p] = read_text(base, name, &size[p]);
        assert_true(size[p] > 200 && size[p] < 12000);
        assert_memory_equal(png[p], header, sizeof header);
        for (int q = 0; q < p; q++)
            assert_true(size[p] != size[q] || memcmp(png[p], png[q], size[p]) != 0);
        line += strlen(line) + 1;
    }
    assert_int_equal(*line, '\0');
    for (int p = 0; p < N; p++)
        free(png[p]);
    free(text);
    check_remove_folder(base);
}

static void test_refuses(void **state)
{
    (void)state;
    char base[256];
    check_make_folder(base);
    merx_error err = {0};
    char file[300];
    snprintf(file, sizeof file, "%s/keep.txt", base);
    check_ok(mx_write_file(file, "mine", 4, &err), err);
    check_fails(merx_sample_write(base, NULL, NULL, &err), MERX_E_EXISTS, err);
    check_fails(merx_sample_write("", NULL, NULL, &err), MERX_E_INVALID, err);
    char below[300];
    snprintf(below, sizeof below, "%s/keep.txt/shop", base);
    merx_status status = merx_sample_write(below, NULL, NULL, &err);
    assert_true(status == MERX_E_IO || status == MERX_E_EXISTS || status == MERX_E_NOT_FOUND ||
                status == MERX_E_PERMISSION || status == MERX_E_INVALID);
    merx_error_clear(&err);
    snprintf(below, sizeof below, "%s/big", base);
    check_fails(merx_sample_write(below, &(merx_sample_options){.products = 20000000}, NULL, &err), MERX_E_RANGE, err);
    check_remove_folder(base);
}

static void test_cancel(void **state)
{
    (void)state;
    char base[256];
    check_make_folder(base);
    char folder[300];
    snprintf(folder, sizeof folder, "%s/shop", base);
    merx_error err = {0};
    merx_task *task;
    check_ok(merx_task_new(NULL, NULL, &task, &err), err);
    merx_task_cancel(task);
    check_fails(merx_sample_write(folder, NULL, task, &err), MERX_E_CANCELLED, err);
    merx_task_free(task);
    check_remove_folder(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_seed_same_bytes),
                                       cmocka_unit_test(test_sizes_and_truth), cmocka_unit_test(test_pictures),
                                       cmocka_unit_test(test_refuses), cmocka_unit_test(test_cancel)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
