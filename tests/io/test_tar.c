/*
 * Tar files: the archives of the fuzz corpus (tests/fuzz/make_tar.py), what is in them and what is refused.
 */
#include "io/tar.h"
#include "support/check.h"

typedef struct walked {
    merx_status status;
    merx_error error;
    size_t n;
    char text[2048]; /* "type:name:size:first byte;" of each */
} walked;

static walked walk(const char *name, size_t max_entries)
{
    walked w = {.n = 0};
    char path[4096];
    mx_source *source;
    mx_tar *tar;
    snprintf(path, sizeof path, "%s/fuzz/corpus/tar/%s", MERX_TESTS_DIR, name);
    w.status = mx_source_open(path, NULL, 0, &source, &w.error);
    assert_int_equal(w.status, MERX_OK);
    w.status = mx_tar_open(source, max_entries, NULL, &tar, &w.error);
    assert_int_equal(w.status, MERX_OK);
    for (;;) {
        mx_tar_entry entry;
        char first = '-';
        size_t got;
        w.status = mx_tar_next(tar, &entry, &w.error);
        if (w.status != MERX_OK || entry.name == NULL)
            break;
        w.status = mx_tar_read(tar, &first, 1, &got, &w.error);
        if (w.status != MERX_OK)
            break;
        const size_t used = strlen(w.text);
        snprintf(w.text + used, sizeof w.text - used, "%c:%s:%llu:%c;", "fdo"[entry.type], entry.name,
                 (unsigned long long)entry.size, first);
        w.n++;
    }
    mx_tar_close(tar);
    mx_source_close(source);
    return w;
}

static void test_forms(void **state)
{
    (void)state;
    static const char *const forms[] = {"ustar", "gnu", "pax"};
    char d[91], e[91], f[91], split[400], long_name[600];
    memset(d, 'd', 90);
    memset(e, 'e', 90);
    memset(f, 'f', 90);
    d[90] = e[90] = f[90] = '\0';
    snprintf(split, sizeof split, "f:%s/%s:5:s;", d, e);
    snprintf(long_name, sizeof long_name, "f:%s/%s/%s.txt:4:l;f:short:1:s;", d, e, f);
    for (size_t i = 0; i < 3; i++) {
        char name[32];
        walked w = walk(forms[i], 1000);
        if (w.status != MERX_OK)
            check_die(__FILE__, __LINE__, "%s: %s", forms[i], w.error.message);
        assert_int_equal(w.n, 7);
        check_contains(w.text, "f:a/one.txt:1:1;f:a/two.txt:512:2;f:a/three.txt:1300:3;o:link:0:-;f:empty:0:-;");
        assert_true(strncmp(w.text, "d:a", 3) == 0);
        check_contains(w.text, split);
        if (i > 0) {
            snprintf(name, sizeof name, "%s_long", forms[i]);
            w = walk(name, 1000);
            assert_int_equal(w.status, MERX_OK);
            assert_string_equal(w.text, long_name);
        }
    }
    const struct {
        const char *name, *want;
    } cases[] = {
        {"size_base_256", "f:a:3:a;"},
        {"old_form", "d:a/:0:-;f:a/b:1:x;"},
        {"pax_size", "f:y:2:z;"},
        {"global", "f:y:1:z;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const walked w = walk(cases[i].name, 1000);
        assert_int_equal(w.status, MERX_OK);
        assert_string_equal(w.text, cases[i].want);
    }
    assert_int_equal(walk("gz", 1000).n, 6);
}

static void test_refused(void **state)
{
    (void)state;
    const struct {
        const char *name;
        merx_status status;
        const char *says;
        size_t before;
    } cases[] = {
        {"cut_in_data", MERX_E_CORRUPT, "is cut short, in or after a/two.txt", 3},
        {"cut_in_header", MERX_E_CORRUPT, "is cut short", 1},
        {"no_end", MERX_E_CORRUPT, "is cut short, in or after a/three.txt", 4},
        {"checksum", MERX_E_CORRUPT, "the header at byte 512 is wrong", 1},
        {"text", MERX_E_PARSE, "is no tar file", 0},
        {"empty", MERX_E_CORRUPT, "is cut short (byte 0)", 0},
        {"size_huge", MERX_E_CORRUPT, "is no number", 0},
        {"size_largest", MERX_E_CORRUPT, "bytes", 0},
        {"size_negative", MERX_E_CORRUPT, "is no number", 0},
        {"size_text", MERX_E_CORRUPT, "is no number", 0},
        {"no_name", MERX_E_CORRUPT, "without a name", 0},
        {"pax_bad_length", MERX_E_CORRUPT, "damaged extended header", 0},
        {"pax_no_equals", MERX_E_CORRUPT, "damaged extended header", 0},
        {"pax_zero", MERX_E_CORRUPT, "damaged extended header", 0},
        {"pax_nul", MERX_E_CORRUPT, "damaged extended header", 0},
        {"pax_size_bad", MERX_E_CORRUPT, "damaged extended header", 0},
        {"long_name_huge", MERX_E_LIMIT, "extended header", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const walked w = walk(cases[i].name, 1000);
        if (w.status != cases[i].status || strstr(w.error.message, cases[i].says) == NULL || w.n != cases[i].before)
            check_die(__FILE__, __LINE__, "%s gave %s \"%s\" after %zu entries", cases[i].name,
                      merx_status_name(w.status), w.error.message, w.n);
    }
    walked w = walk("ustar", 3);
    assert_int_equal(w.status, MERX_E_LIMIT);
    assert_int_equal(w.n, 3);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const safe[] = {"a", "a/b", "a..b/..c", ".hidden", "./a", "\xe5\x9b\xbe.jpg", "a b"};
    static const char *const unsafe[] = {"", "/a", "..", "../a", "a/..", "a/../b", "a/b/..", "a\nb", "a\x7f"};
    for (size_t i = 0; i < sizeof safe / sizeof *safe; i++)
        if (!mx_tar_safe_name(safe[i]))
            check_die(__FILE__, __LINE__, "\"%s\" is safe", safe[i]);
    for (size_t i = 0; i < sizeof unsafe / sizeof *unsafe; i++)
        if (mx_tar_safe_name(unsafe[i]))
            check_die(__FILE__, __LINE__, "\"%s\" is not safe", unsafe[i]);
}

static merx_status walk_with(const merx_allocator *alloc, void *context, merx_error *err)
{
    const char *path = context;
    mx_source *source = NULL;
    mx_tar *tar = NULL;
    mx_tar_entry entry;
    merx_status status;
    MX_TRY_GOTO(mx_source_open(path, alloc, 0, &source, err));
    MX_TRY_GOTO(mx_tar_open(source, 100, alloc, &tar, err));
    do
        MX_TRY_GOTO(mx_tar_next(tar, &entry, err));
    while (entry.name != NULL);
out:
    mx_tar_close(tar);
    mx_source_close(source);
    return status;
}

static void test_memory(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s/fuzz/corpus/tar/gnu_long", MERX_TESTS_DIR);
    check_every_allocation(walk_with, path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_names), cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
