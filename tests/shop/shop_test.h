/*
 * What tests of floor 5 share: folders of their own, files written, failures shown. Include after cmocka.h.
 */
#ifndef SHOP_TEST_H
#define SHOP_TEST_H

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "merx/shop.h"

#define check(expression, error)                                                                                       \
    do {                                                                                                               \
        merx_status check_status = (expression);                                                                       \
        if (check_status != MERX_OK)                                                                                   \
            print_error("%s: %s: %s: %s\n", #expression, merx_status_name(check_status), (error)->where,               \
                        (error)->message);                                                                             \
        assert_int_equal(check_status, MERX_OK);                                                                       \
    } while (0)

/* A new empty folder below $TMPDIR. */
__attribute__((unused)) static void test_folder(char *out, size_t size, const char *name)
{
    const char *base = getenv("TMPDIR");
    snprintf(out, size, "%s/merx-%s-XXXXXX", base && *base ? base : "/tmp", name);
    if (!mkdtemp(out)) {
        perror(out);
        abort();
    }
}

__attribute__((unused)) static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

__attribute__((unused)) static void remove_folder(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

__attribute__((unused)) static void write_bytes(const char *folder, const char *name, const void *data, size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        abort();
    }
}

__attribute__((unused)) static void write_text(const char *folder, const char *name, const char *text)
{
    write_bytes(folder, name, text, strlen(text));
}

/* The data folder, or false after saying that the test is skipped; missing data fails where MERX_REQUIRE_DATA=1. */
__attribute__((unused)) static bool data_wanted(const char *name, char *out, size_t size)
{
    const char *base = getenv("MERX_DATA");
    const char *require = getenv("MERX_REQUIRE_DATA");
    struct stat info;
    if (base && *base) {
        snprintf(out, size, "%s/%s", base, name);
        if (stat(out, &info) == 0)
            return true;
    }
    if (require && strcmp(require, "1") == 0) {
        fprintf(stderr, "MERX_DATA has no %s, and MERX_REQUIRE_DATA is 1\n", name);
        exit(1);
    }
    printf("skipped: MERX_DATA is not set\n");
    return false;
}

#endif
