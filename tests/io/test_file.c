/*
 * Files and folders, digests.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "base/str.h"
#include "io/file.h"
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
    static char paths[4][512];
    static int k;
    char *path = paths[k++ % 4];
    snprintf(path, 512, "%s/%s", folder, name);
    return path;
}

static void test_write_and_map(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_map map;
    uint64_t size;
    check_ok(mx_write_file(path_of("a"), "hello", 5, &err), err);
    check_ok(mx_map_open(path_of("a"), &map, &err), err);
    assert_int_equal(map.size, 5);
    assert_memory_equal(map.data, "hello", 5);
    check_ok(mx_write_file(path_of("a"), "", 0, &err), err); /* the mapped bytes stay what they were */
    assert_memory_equal(map.data, "hello", 5);
    mx_map_close(&map);
    mx_map_close(&map);
    check_ok(mx_map_open(path_of("a"), &map, &err), err);
    assert_true(map.data == NULL && map.size == 0);
    mx_map_close(&map);
    check_ok(mx_file_size(path_of("a"), &size, &err), err);
    assert_int_equal(size, 0);
    check_fails(mx_map_open(path_of("absent"), &map, &err), MERX_E_NOT_FOUND, err);
    check_fails(mx_map_open(folder, &map, &err), MERX_E_INVALID, err);
    check_fails(mx_file_size(path_of("absent"), &size, &err), MERX_E_NOT_FOUND, err);
    check_fails(mx_write_file(path_of("a/b"), "", 0, &err), MERX_E_NOT_FOUND, err);
    check_fails(mx_write_file(folder, "", 0, &err), MERX_E_INVALID, err);
}

/* A link is followed, a mode kept. */
static void test_write_in_place(void **state)
{
    (void)state;
    merx_error err = {0};
    struct stat info;
    check_ok(mx_write_file(path_of("target"), "1", 1, &err), err);
    assert_int_equal(chmod(path_of("target"), 0640), 0);
    assert_int_equal(symlink("target", path_of("link")), 0);
    check_ok(mx_write_file(path_of("link"), "22", 2, &err), err);
    assert_int_equal(lstat(path_of("link"), &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(stat(path_of("target"), &info), 0);
    assert_int_equal(info.st_size, 2);
    assert_int_equal(info.st_mode & 0777, 0640);
}

static void test_folders(void **state)
{
    (void)state;
    merx_error err = {0};
    mx_arena arena;
    char **names;
    size_t count;
    mx_arena_init(&arena, mx_allocator_or_default(NULL));
    check_ok(mx_make_folders(path_of("x/y//z/"), &err), err);
    check_ok(mx_make_folders(path_of("x/y/z"), &err), err);
    assert_true(mx_path_is_folder(path_of("x/y/z")));
    check_write_file(path_of("x/file"), "", 0);
    check_write_file(path_of("x/B"), "", 0);
    check_write_file(path_of("x/.hidden"), "", 0);
    check_fails(mx_make_folders(path_of("x/file/below"), &err), MERX_E_EXISTS, err);
    check_fails(mx_make_folders(path_of("x/file"), &err), MERX_E_EXISTS, err);
    check_fails(mx_make_folders("", &err), MERX_E_INVALID, err);
    check_ok(mx_list_folder(path_of("x"), &arena, &names, &count, &err), err);
    assert_int_equal(count, 4);
    assert_string_equal(names[0], ".hidden");
    assert_string_equal(names[1], "B");
    assert_string_equal(names[2], "file");
    assert_string_equal(names[3], "y");
    check_ok(mx_list_folder(path_of("x/y/z"), &arena, &names, &count, &err), err);
    assert_int_equal(count, 0);
    check_fails(mx_list_folder(path_of("none"), &arena, &names, &count, &err), MERX_E_NOT_FOUND, err);
    assert_string_equal(mx_path_join(&arena, "a", "b", &err), "a/b");
    assert_string_equal(mx_path_join(&arena, "a/", "b", &err), "a/b");
    assert_string_equal(mx_path_join(&arena, "", "b", &err), "b");
    check_ok(mx_remove_file(path_of("x/file"), &err), err);
    check_ok(mx_remove_file(path_of("x/file"), &err), err);
    assert_false(mx_path_exists(path_of("x/file")));
    assert_true(mx_path_exists(path_of("x/B")) && !mx_path_is_folder(path_of("x/B")));
    mx_arena_release(&arena);
}

/* A read-only folder, as a user who is not root: the old file stays. */
static void test_read_only(void **state)
{
    (void)state;
    merx_error err = {0};
    check_ok(mx_make_folders(path_of("locked"), &err), err);
    check_write_file(path_of("locked/kept"), "old", SIZE_MAX);
    assert_int_equal(chmod(path_of("locked"), 0555), 0);
    assert_int_equal(chmod(folder, 0755), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
            _exit(3);
        if (mx_write_file(path_of("locked/kept"), "new", 3, &err) != MERX_E_PERMISSION)
            _exit(1);
        _exit(strstr(err.where, "kept") && mx_make_folders(path_of("locked/more"), NULL) == MERX_E_PERMISSION ? 0 : 2);
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), 0);
    chmod(path_of("locked"), 0755);
    char *text = check_read_file(path_of("locked/kept"), NULL);
    assert_string_equal(text, "old");
    free(text);
}

/* FIPS 180-2's examples, and pieces against the whole. */
static void test_sha256(void **state)
{
    (void)state;
    char hex[65], again[65];
    mx_sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    mx_sha256_hex(NULL, 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    mx_sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    char data[1000];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 7);
    for (size_t size = 0; size < 300; size++) {
        mx_sha256 sha;
        mx_sha256_init(&sha);
        mx_sha256_update(&sha, data, size / 3);
        mx_sha256_hex_so_far(&sha, again);
        mx_sha256_hex(data, size / 3, hex);
        assert_string_equal(hex, again);
        mx_sha256_update(&sha, data + size / 3, size - size / 3);
        mx_sha256_hex_so_far(&sha, again);
        mx_sha256_hex(data, size, hex);
        assert_string_equal(hex, again);
    }
    merx_error err = {0};
    check_write_file(path_of("digest"), "abc", 3);
    check_ok(mx_sha256_file(path_of("digest"), hex, &err), err);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check_fails(mx_sha256_file(path_of("none"), hex, &err), MERX_E_NOT_FOUND, err);
}

static void test_hash128(void **state)
{
    (void)state;
    unsigned char a[16], b[16];
    mx_hash128("customer 1", 10, a);
    mx_hash128("customer 2", 10, b);
    assert_memory_not_equal(a, b, 16);
    /* As Python's hashlib.blake2b(digest_size=16, key=b"merx identifiers") gives it: ids made with it are stored, so it may never change. */
    static const unsigned char want[16] = {0x60, 0x8c, 0xcb, 0xd1, 0x44, 0xbf, 0x99, 0x17,
                                           0x64, 0x44, 0x00, 0xda, 0xd2, 0x38, 0x7d, 0x74};
    assert_memory_equal(a, want, 16);
    mx_random_bytes(a, 16);
    mx_random_bytes(b, 16);
    assert_memory_not_equal(a, b, 16);
}

static merx_status scenario(const merx_allocator *alloc, void *context, merx_error *err)
{
    (void)context;
    mx_arena arena;
    char **names;
    size_t count;
    mx_arena_init(&arena, alloc);
    merx_status status = mx_list_folder("/", &arena, &names, &count, err);
    if (status == MERX_OK && !mx_path_join(&arena, "a", "b", err))
        status = MERX_E_MEMORY;
    mx_arena_release(&arena);
    return status;
}

static void test_allocations(void **state)
{
    (void)state;
    check_every_allocation(scenario, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_and_map), cmocka_unit_test(test_write_in_place), cmocka_unit_test(test_folders),
        cmocka_unit_test(test_read_only),     cmocka_unit_test(test_sha256),         cmocka_unit_test(test_hash128),
        cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
