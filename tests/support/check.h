/*
 * What all tests use: cmocka with the headers it wants, checks that print both values, the folder of real data, temporary folders,
 * golden files, and the loop that fails each allocation in turn.
 *
 *     int main(void)
 *     {
 *         check_need_data("uci-online-retail/online_retail.csv.gz");   exits 77 (skipped) when it is not there
 *         const struct CMUnitTest tests[] = {cmocka_unit_test(test_reads), ...};
 *         return cmocka_run_group_tests(tests, NULL, NULL);
 *     }
 */
#ifndef TESTS_SUPPORT_CHECK_H
#define TESTS_SUPPORT_CHECK_H

#include <dirent.h>
#include <ftw.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/memory.h"
#include "merx/status.h"

#define CHECK_UNUSED __attribute__((unused))

/* |got - want| <= tolerance, or both the same NaN or infinity. Prints both. */
#define check_close(got, want, tolerance) check_close_at((got), (want), (tolerance), #got, __FILE__, __LINE__)
/* |got - want| <= tolerance * max(1, |want|). */
#define check_relative(got, want, tolerance)                                                                           \
    check_close_at((got), (want), (tolerance)*fmax(1.0, fabs((double)(want))), #got, __FILE__, __LINE__)
/* The same bits (so -0 differs from 0 and a NaN equals itself). */
#define check_same_double(got, want) check_same_at((got), (want), #got, __FILE__, __LINE__)
/* expression (a merx_status) is MERX_OK; otherwise prints err. err is the name of a merx_error. */
#define check_ok(expression, err) check_status_at((expression), MERX_OK, &(err), #expression, __FILE__, __LINE__)
/* expression fails with code; err is cleared afterwards. */
#define check_fails(expression, code, err)                                                                             \
    do {                                                                                                               \
        check_status_at((expression), (code), &(err), #expression, __FILE__, __LINE__);                                \
        if ((err).message[0] == '\0')                                                                                  \
            check_die(__FILE__, __LINE__, "%s failed without a message", #expression);                                 \
        merx_error_clear(&(err));                                                                                      \
    } while (0)
/* text contains part; prints both. */
#define check_contains(text, part) check_contains_at((text), (part), __FILE__, __LINE__)

CHECK_UNUSED static void check_die(const char *file, int line, const char *format, ...) MERX_PRINTF(3, 4);
static void check_die(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char text[1024];
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    print_error("%s:%d: %s\n", file, line, text);
    _fail(file, line);
}

CHECK_UNUSED static void check_close_at(double got, double want, double tolerance, const char *what, const char *file,
                                        int line)
{
    bool same = got == want || (isnan(got) && isnan(want));
    if (!same && !(fabs(got - want) <= tolerance))
        check_die(file, line, "%s is %.17g, not %.17g (off by %.3g, tolerance %.3g)", what, got, want, got - want,
                  tolerance);
}

CHECK_UNUSED static void check_same_at(double got, double want, const char *what, const char *file, int line)
{
    if (memcmp(&got, &want, sizeof got) != 0)
        check_die(file, line, "%s is %a (%.17g), not %a (%.17g)", what, got, got, want, want);
}

CHECK_UNUSED static void check_status_at(merx_status got, merx_status want, const merx_error *err, const char *what,
                                         const char *file, int line)
{
    if (got != want)
        check_die(file, line, "%s gave %s, not %s; error: %s \"%s\" \"%s\"", what, merx_status_name(got),
                  merx_status_name(want), merx_status_name(err->code), err->where, err->message);
    if (err->code != want)
        check_die(file, line, "%s gave %s, but err holds %s \"%s\" \"%s\"", what, merx_status_name(got),
                  merx_status_name(err->code), err->where, err->message);
}

CHECK_UNUSED static void check_contains_at(const char *text, const char *part, const char *file, int line)
{
    if (strstr(text, part) == NULL)
        check_die(file, line, "\"%s\" does not contain \"%s\"", text, part);
}

/*
 * Path of a file or folder of real data below $MERX_DATA. When it is not there the whole program ends: skipped (77), or failed
 * with MERX_REQUIRE_DATA=1. Static storage, valid until the next call. Call it from main, before the tests.
 */
CHECK_UNUSED static const char *check_need_data(const char *name)
{
    static char path[4096];
    const char *folder = getenv("MERX_DATA");
    const char *require = getenv("MERX_REQUIRE_DATA");
    if (folder != NULL && *folder != '\0') {
        snprintf(path, sizeof path, "%s/%s", folder, name);
        if (access(path, R_OK) == 0)
            return path;
        printf("skipped: %s is not there\n", path);
    } else {
        printf("skipped: MERX_DATA is not set\n");
    }
    fflush(stdout);
    exit(require != NULL && strcmp(require, "1") == 0 ? 1 : 77);
}

/* A new empty folder below $TMPDIR or /tmp; path has >= 256 bytes. Remove it with check_remove_folder. */
CHECK_UNUSED static void check_make_folder(char *path)
{
    const char *base = getenv("TMPDIR");
    snprintf(path, 256, "%s/merx-test-XXXXXX", base != NULL && *base != '\0' ? base : "/tmp");
    if (mkdtemp(path) == NULL)
        check_die(__FILE__, __LINE__, "could not make the folder %s", path);
}

CHECK_UNUSED static int check_remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

/* Removes a folder and all in it. */
CHECK_UNUSED static void check_remove_folder(const char *path)
{
    nftw(path, check_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Writes a file (size SIZE_MAX: text is terminated). */
CHECK_UNUSED static void check_write_file(const char *path, const void *data, size_t size)
{
    if (size == SIZE_MAX)
        size = strlen(data);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0)
        check_die(__FILE__, __LINE__, "could not write %s", path);
}

/* A whole file, terminated; free() it. *size may be NULL. */
CHECK_UNUSED static char *check_read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        check_die(__FILE__, __LINE__, "could not open %s", path);
    char *data = NULL;
    size_t used = 0;
    size_t got = 0;
    do {
        data = realloc(data, used + 65536 + 1);
        got = fread(data + used, 1, 65536, file);
        used += got;
    } while (got > 0);
    fclose(file);
    data[used] = '\0';
    if (size != NULL)
        *size = used;
    return data;
}

/* tests/golden/NAME.json, parsed; json_decref it. */
CHECK_UNUSED static json_t *check_golden(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/golden/%s.json", MERX_TESTS_DIR, name);
    json_error_t error;
    json_t *golden = json_load_file(path, 0, &error);
    if (golden == NULL)
        check_die(__FILE__, __LINE__, "%s:%d: %s", path, error.line, error.text);
    return golden;
}

/* The member KEY of a JSON object, which must be there. Borrowed. */
CHECK_UNUSED static json_t *check_member(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    if (value == NULL)
        check_die(__FILE__, __LINE__, "the golden file has no \"%s\"", key);
    return value;
}

CHECK_UNUSED static double check_number(json_t *object, const char *key)
{
    return json_number_value(check_member(object, key));
}

/* The numbers of a JSON array (nested arrays flattened row by row) as doubles; free() them. *count may be NULL. null is NaN. */
CHECK_UNUSED static void check_collect_doubles(json_t *value, double **data, size_t *count, size_t *capacity)
{
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++)
            check_collect_doubles(json_array_get(value, i), data, count, capacity);
        return;
    }
    if (*count == *capacity) {
        *capacity = *capacity * 2 + 64;
        *data = realloc(*data, *capacity * sizeof **data);
    }
    (*data)[(*count)++] = json_is_null(value) ? (double)NAN : json_number_value(value);
}

CHECK_UNUSED static double *check_doubles(json_t *object, const char *key, size_t *count)
{
    double *data = NULL;
    size_t n = 0;
    size_t capacity = 0;
    check_collect_doubles(check_member(object, key), &data, &n, &capacity);
    if (count != NULL)
        *count = n;
    return data;
}

/*
 * Runs a scenario with the first allocation failing, then the second, … until it succeeds; each failure must give MERX_E_MEMORY and
 * leave nothing allocated. The scenario makes, uses and frees everything through alloc and returns the first failure.
 */
typedef merx_status (*check_scenario)(const merx_allocator *alloc, void *context, merx_error *err);

CHECK_UNUSED static void check_every_allocation(check_scenario scenario, void *context)
{
    for (int sticky = 0; sticky < 2; sticky++) {
        for (int64_t k = 0;; k++) {
            mx_failing_allocator failing;
            mx_failing_allocator_init(&failing, k, sticky != 0);
            merx_error err = {0};
            merx_status status = scenario(&failing.allocator, context, &err);
            if (failing.live_blocks != 0 || failing.live_bytes != 0)
                check_die(__FILE__, __LINE__, "allocation %lld failed: %lld blocks, %lld bytes were not freed",
                          (long long)k, (long long)failing.live_blocks, (long long)failing.live_bytes);
            if (status == MERX_OK && failing.calls <= k)
                break;
            if (status != MERX_OK && status != MERX_E_MEMORY)
                check_die(__FILE__, __LINE__, "allocation %lld failed: the scenario gave %s \"%s\"", (long long)k,
                          merx_status_name(status), err.message);
            if (status != MERX_OK && err.code != status)
                check_die(__FILE__, __LINE__, "allocation %lld failed: err holds %s, the scenario gave %s",
                          (long long)k, merx_status_name(err.code), merx_status_name(status));
            if (k > 100000)
                check_die(__FILE__, __LINE__, "the scenario makes more than 100000 allocations");
        }
    }
}

#endif
