/*
 * Sources and sinks: what one writes the other reads, damage and limits are told, a failed write leaves the old file.
 */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <zlib.h>
#include <zstd.h>

#include "base/random.h"
#include "io/file.h"
#include "io/stream.h"
#include "support/check.h"

static char folder[256];

static int make_folder(void **state)
{
    (void)state;
    check_make_folder(folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    check_remove_folder(folder);
    return 0;
}

static const char *path_of(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static size_t files_in_folder(void)
{
    mx_arena arena;
    mx_arena_init(&arena, mx_allocator_or_default(NULL));
    char **names;
    size_t count;
    merx_error err = {0};
    check_ok(mx_list_folder(folder, &arena, &names, &count, &err), err);
    mx_arena_release(&arena);
    return count;
}

/* Data that compresses, but not to nothing. */
static unsigned char *make_data(size_t size)
{
    unsigned char *data = malloc(size + 1);
    mx_random random;
    mx_random_init(&random, 1, 1);
    for (size_t i = 0; i < size; i++)
        data[i] = (unsigned char)mx_random_below(&random, 12);
    return data;
}

static merx_status write_all(const char *path, mx_compression kind, const unsigned char *data, size_t size, size_t step,
                             const merx_allocator *alloc, merx_error *err)
{
    mx_sink *sink;
    MX_TRY(mx_sink_open(path, kind, alloc, &sink, err));
    for (size_t at = 0; at < size; at += step) {
        merx_status status = mx_sink_write(sink, data + at, size - at < step ? size - at : step, err);
        if (status != MERX_OK) {
            mx_sink_abandon(sink);
            return status;
        }
    }
    return mx_sink_finish(sink, err);
}

/* Reads to the end by `step` bytes into buffer (room enough), closes. */
static merx_status read_all(mx_source *source, unsigned char *buffer, size_t step, size_t *size, merx_error *err)
{
    merx_status status;
    size_t got;
    *size = 0;
    do {
        status = mx_source_read(source, buffer + *size, step, &got, err);
        *size += got;
    } while (status == MERX_OK && got > 0);
    mx_source_close(source);
    return status;
}

static void test_round_trip(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 1000, 1 << 17, (1 << 17) + 1, 1000003}, steps[] = {1 << 30, 1000, 131072};
    unsigned char *data = make_data(1000003), *buffer = malloc(2100000);
    merx_error err = {0};
    for (int kind = MX_PLAIN; kind <= MX_ZSTD; kind++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
                size_t size;
                mx_source *source;
                check_ok(write_all(path_of("a"), (mx_compression)kind, data, sizes[i], steps[k], NULL, &err), err);
                check_ok(mx_source_open(path_of("a"), NULL, 0, &source, &err), err);
                check_ok(read_all(source, buffer, k ? 777 : 1 << 20, &size, &err), err);
                assert_int_equal(size, sizes[i]);
                assert_memory_equal(buffer, data, size);
                if (sizes[i] >= 1000 && kind != MX_PLAIN) {
                    uint64_t on_disk;
                    check_ok(mx_file_size(path_of("a"), &on_disk, &err), err);
                    assert_in_range(on_disk, 1, sizes[i] * 2 / 3);
                }
            }
    assert_int_equal(files_in_folder(), 1);
    free(data);
    free(buffer);
}

/* Compressed data, its size in *size. */
static unsigned char *compressed(mx_compression kind, const unsigned char *data, size_t data_size, size_t *size)
{
    merx_error err = {0};
    check_ok(write_all(path_of("c"), kind, data, data_size, 1000, NULL, &err), err);
    return (unsigned char *)check_read_file(path_of("c"), size);
}

static void test_members(void **state)
{
    (void)state;
    unsigned char *data = make_data(3000), buffer[8192];
    merx_error err = {0};
    for (int kind = MX_GZIP; kind <= MX_ZSTD; kind++) {
        size_t one, size;
        unsigned char *member = compressed((mx_compression)kind, data, 3000, &one), *two = calloc(1, 2 * one + 100);
        memcpy(two, member, one);
        memcpy(two + one, member, one);
        mx_source *source;
        check_ok(mx_source_memory(two, 2 * one, "two", NULL, 0, &source, &err), err);
        assert_int_equal(mx_source_size(source), 2 * one);
        check_ok(read_all(source, buffer, 100, &size, &err), err);
        assert_int_equal(size, 6000);
        assert_memory_equal(buffer + 3000, data, 3000);
        if (kind == MX_GZIP) { /* zero bytes at the end are padding, other bytes are not */
            check_ok(mx_source_memory(two, 2 * one + 100, "two", NULL, 0, &source, &err), err);
            check_ok(read_all(source, buffer, 100, &size, &err), err);
            assert_int_equal(size, 6000);
        }
        two[2 * one] = 'x';
        check_ok(mx_source_memory(two, 2 * one + 1, "two", NULL, 0, &source, &err), err);
        check_fails(read_all(source, buffer, 100, &size, &err), MERX_E_CORRUPT, err);
        free(two);
        free(member);
    }
    free(data);
}

/* Cut anywhere: never an end, always an error (or, cut within the first bytes, not seen as compressed). */
static void test_cut(void **state)
{
    (void)state;
    unsigned char *data = make_data(300), buffer[8192];
    for (int kind = MX_GZIP; kind <= MX_ZSTD; kind++) {
        size_t whole, size;
        unsigned char *bytes = compressed((mx_compression)kind, data, 300, &whole);
        for (size_t cut = 4; cut < whole; cut++) {
            merx_error err = {0};
            mx_source *source;
            check_ok(mx_source_memory(bytes, cut, "cut", NULL, 0, &source, &err), err);
            check_fails(read_all(source, buffer, 100, &size, &err), MERX_E_CORRUPT, err);
        }
        for (size_t i = 4; i < whole; i++) { /* a changed byte: an error, or the same data (a byte of the header) */
            merx_error err = {0};
            mx_source *source;
            bytes[i] ^= 0x10;
            check_ok(mx_source_memory(bytes, whole, "flipped", NULL, 1000, &source, &err), err);
            if (read_all(source, buffer, 100, &size, &err) == MERX_OK) {
                assert_int_equal(size, 300);
                assert_memory_equal(buffer, data, 300);
            }
            bytes[i] ^= 0x10;
        }
        free(bytes);
    }
    free(data);
}

static void test_limit(void **state)
{
    (void)state;
    unsigned char *data = make_data(3000), buffer[8192];
    for (int kind = MX_PLAIN; kind <= MX_ZSTD; kind++) {
        size_t packed, size;
        unsigned char *bytes = compressed((mx_compression)kind, data, 3000, &packed);
        merx_error err = {0};
        mx_source *source;
        check_ok(mx_source_memory(bytes, packed, "bomb", NULL, 3000, &source, &err), err);
        check_ok(read_all(source, buffer, 1000, &size, &err), err);
        assert_int_equal(size, 3000);
        check_ok(mx_source_memory(bytes, packed, "bomb", NULL, 2999, &source, &err), err);
        assert_int_equal(read_all(source, buffer, 1000, &size, &err), MERX_E_LIMIT);
        assert_int_equal(size, 2999);
        assert_string_equal(err.where, "bomb");
        check_contains(err.message, "2999");
        free(bytes);
    }
    free(data);
}

static void test_sticky(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_source *source;
    char buffer[10];
    size_t got;
    check_ok(mx_source_memory("abcd", 4, "x", NULL, 2, &source, &err), err);
    check_ok(mx_source_read(source, buffer, 10, &got, &err), err);
    assert_int_equal(got, 2);
    check_fails(mx_source_read(source, buffer, 10, &got, &err), MERX_E_LIMIT, err);
    check_fails(mx_source_read(source, buffer, 10, &got, &err), MERX_E_LIMIT, err);
    mx_source_close(source);
}

static void test_open_failures(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_source *source;
    mx_sink *sink;
    check_fails(mx_source_open(path_of("absent"), NULL, 0, &source, &err), MERX_E_NOT_FOUND, err);
    check_fails(mx_source_open(folder, NULL, 0, &source, &err), MERX_E_INVALID, err);
    assert_null(source);
    check_fails(mx_sink_open(folder, MX_PLAIN, NULL, &sink, &err), MERX_E_INVALID, err);
    check_fails(mx_sink_open(path_of("no/such"), MX_PLAIN, NULL, &sink, &err), MERX_E_NOT_FOUND, err);
    check_fails(mx_sink_open("", MX_PLAIN, NULL, &sink, &err), MERX_E_INVALID, err);
    assert_null(sink);
    mx_sink_abandon(NULL);
    mx_source_close(NULL);
    assert_int_equal(mx_compression_of_name("a.csv.gz"), MX_GZIP);
    assert_int_equal(mx_compression_of_name("a.zst"), MX_ZSTD);
    assert_int_equal(mx_compression_of_name("gz"), MX_PLAIN);
}

/* A full disk, played by a limit on the size of files: the old file stays, nothing else is left. */
static void test_full_disk(void **state)
{
    (void)state;
    unsigned char *data = make_data(2000000);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before, small = {100000, RLIM_INFINITY};
    getrlimit(RLIMIT_FSIZE, &before);
    small.rlim_max = before.rlim_max;
    for (int kind = MX_PLAIN; kind <= MX_ZSTD; kind++) {
        merx_error err = {0};
        check_write_file(path_of("kept"), "old", SIZE_MAX);
        size_t count = files_in_folder();
        setrlimit(RLIMIT_FSIZE, &small);
        merx_status status = write_all(path_of("kept"), (mx_compression)kind, data, 2000000, 1000, NULL, &err);
        merx_error err2 = {0};
        merx_status status2 = mx_write_file(path_of("kept"), data, 2000000, &err2);
        setrlimit(RLIMIT_FSIZE, &before);
        assert_int_equal(status, MERX_E_NO_SPACE);
        assert_int_equal(status2, MERX_E_NO_SPACE);
        check_contains(err.where, "kept");
        assert_int_equal(files_in_folder(), count);
        char *text = check_read_file(path_of("kept"), NULL);
        assert_string_equal(text, "old");
        free(text);
    }
    free(data);
    if (access("/dev/full", W_OK) == 0) { /* the device is written to and stays one */
        merx_error err = {0};
        struct stat info;
        check_fails(mx_write_file("/dev/full", "x", 1, &err), MERX_E_NO_SPACE, err);
        check_fails(write_all("/dev/full", MX_GZIP, (const unsigned char *)"x", 1, 1, NULL, &err), MERX_E_NO_SPACE,
                    err);
        assert_int_equal(stat("/dev/full", &info), 0);
        assert_true(S_ISCHR(info.st_mode));
    }
}

static void test_abandon(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_sink *sink;
    check_write_file(path_of("kept"), "old", SIZE_MAX);
    size_t count = files_in_folder();
    check_ok(mx_sink_open(path_of("kept"), MX_GZIP, NULL, &sink, &err), err);
    check_ok(mx_sink_write(sink, "new", 3, &err), err);
    mx_sink_abandon(sink);
    assert_int_equal(files_in_folder(), count);
    char *text = check_read_file(path_of("kept"), NULL);
    assert_string_equal(text, "old");
    free(text);
}

static merx_status scenario(const merx_allocator *alloc, void *context, merx_error *err)
{
    mx_compression kind = *(mx_compression *)context;
    unsigned char data[300], back[1000];
    memset(data, 'x', sizeof data);
    MX_TRY(write_all(path_of("alloc"), kind, data, sizeof data, 100, alloc, err));
    mx_source *source;
    size_t size;
    MX_TRY(mx_source_open(path_of("alloc"), alloc, 0, &source, err));
    return read_all(source, back, 100, &size, err);
}

static void test_allocations(void **state)
{
    (void)state;
    for (mx_compression kind = MX_PLAIN; kind <= MX_ZSTD; kind++)
        check_every_allocation(scenario, &kind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_members), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_limit),      cmocka_unit_test(test_sticky),  cmocka_unit_test(test_open_failures),
        cmocka_unit_test(test_full_disk),  cmocka_unit_test(test_abandon), cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
