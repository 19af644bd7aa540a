/*
 * Zip files that Python wrote (tests/golden/make_containers.py): stored, deflated, with large sizes; what is refused; damage.
 */
#include "base/random.h"
#include "io/zip.h"
#include "support/check.h"

static char *bytes;
static size_t size;

static size_t expected(char *out)
{
    size_t at = 0;
    for (int i = 0; i < 2000; i++)
        at += (size_t)sprintf(out + at, "%d, ", i);
    return at;
}

static void reads_members(void **state)
{
    (void)state;
    static const char *const names[] = {"stored", "deflated", "large"};
    static char text[1 << 15];
    size_t length = expected(text);
    merx_error err = {0};
    mx_zip zip;
    mx_zip_member member;
    bool found;
    check_ok(mx_zip_open(bytes, size, "members.zip", NULL, &zip, &err), err);
    for (size_t i = 0; i < 3; i++) {
        check_ok(mx_zip_read(&zip, names[i], length, &member, &found, &err), err);
        assert_true(found && member.size == length && memcmp(member.data, text, length) == 0);
        assert_true((member.owned != NULL) == (i == 1));
        mx_zip_member_release(&zip, &member);
        assert_int_equal(mx_zip_read(&zip, names[i], length - 1, &member, &found, &err), MERX_E_LIMIT);
        check_contains(err.message, names[i]);
        memset(&err, 0, sizeof err);
    }
    check_ok(mx_zip_read(&zip, "empty", 0, &member, &found, &err), err);
    assert_true(found && member.size == 0);
    check_ok(mx_zip_read(&zip, "absent", 100, &member, &found, &err), err);
    assert_false(found);
    assert_int_equal(mx_zip_read(&zip, "lzma", length, &member, &found, &err), MERX_E_UNSUPPORTED);
    check_contains(err.message, "compressed by another method");
    memset(&err, 0, sizeof err);
    check_fails(mx_zip_open("PK", 2, "short", NULL, &zip, &err), MERX_E_CORRUPT, err);
}

/* One byte of a member changed: its checksum tells. */
static void notices_changes(void **state)
{
    (void)state;
    static const char *const names[] = {"stored", "large"};
    for (size_t i = 0; i < 2; i++) {
        merx_error err = {0};
        mx_zip zip;
        mx_zip_member member;
        bool found;
        check_ok(mx_zip_open(bytes, size, "members.zip", NULL, &zip, &err), err);
        check_ok(mx_zip_read(&zip, names[i], 1 << 20, &member, &found, &err), err);
        size_t at = (size_t)(member.data - (const unsigned char *)bytes) + 1000;
        bytes[at] ^= 1;
        assert_int_equal(mx_zip_read(&zip, names[i], 1 << 20, &member, &found, &err), MERX_E_CORRUPT);
        check_contains(err.message, "its checksum is another");
        bytes[at] ^= 1;
    }
}

static merx_status read_deflated(const merx_allocator *alloc, void *context, merx_error *err)
{
    mx_zip zip;
    mx_zip_member member;
    bool found;
    (void)context;
    merx_status status = mx_zip_open(bytes, size, "members.zip", alloc, &zip, err);
    if (status == MERX_OK)
        status = mx_zip_read(&zip, "deflated", 1 << 20, &member, &found, err);
    if (status == MERX_OK)
        mx_zip_member_release(&zip, &member);
    return status;
}

static void survives_damage(void **state)
{
    (void)state;
    static const char *const names[] = {"stored", "deflated", "large", "empty", "lzma"};
    mx_random random;
    size_t wrong = 0;
    mx_random_init(&random, 3, 0);
    for (size_t k = 0; k < 6000; k++) {
        merx_error err = {0};
        mx_zip zip;
        bool found;
        size_t at = (size_t)mx_random_below(&random, size), length = k % 4 == 0 ? at : size;
        if (k % 2 == 1)
            at = size - 1 - (size_t)mx_random_below(&random, 400);
        char *copy = malloc(length > 0 ? length : 1); /* exactly, so that a sanitizer sees what is read beyond */
        memcpy(copy, bytes, length);
        if (at < length)
            copy[at] = (char)(k % 5 == 0 ? 0xff : mx_random_below(&random, 256));
        merx_status status = mx_zip_open(copy, length, "cut", NULL, &zip, &err);
        for (size_t i = 0; status == MERX_OK && i < 5; i++) {
            mx_zip_member member;
            merx_error one = {0};
            merx_status got = mx_zip_read(&zip, names[i], 1 << 20, &member, &found, &one);
            assert_true(got == MERX_OK || one.message[0] != '\0');
            wrong += got != MERX_OK;
            if (got == MERX_OK)
                mx_zip_member_release(&zip, &member);
        }
        assert_true(status == MERX_OK || err.message[0] != '\0');
        free(copy);
    }
    assert_true(wrong > 1000);
    check_every_allocation(read_deflated, NULL);
}

int main(void)
{
    char path[600];
    (void)snprintf(path, sizeof path, "%s/golden/members.zip", MERX_TESTS_DIR);
    bytes = check_read_file(path, &size);
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_members), cmocka_unit_test(notices_changes),
                                       cmocka_unit_test(survives_damage)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(bytes);
    return failed;
}
