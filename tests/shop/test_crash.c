/*
 * kill -9 at random moments of import: what is there afterwards is whole files or nothing, and going on gives the state of one undisturbed run.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/random.h"
#include "shop/shop_test.h"

enum { FILES = 4, ROWS = 6000, KILLS = 20 };

static char data[256];

static int write_data(void **state)
{
    (void)state;
    test_folder(data, sizeof data, "crash-data");
    char *text = malloc(ROWS * 48 + 100);
    for (int k = 0; k < FILES; k++) {
        char name[32];
        size_t n = (size_t)sprintf(text, "customer,product,time,quantity,price\n");
        for (int i = 0; i < ROWS; i++)
            n += (size_t)sprintf(text + n, "c%d,p%d,2021-%02d-%02d,%d,%d.%0*d\n", i * 31 % 503, (i + k) * 17 % 211,
                                 1 + i % 12, 1 + i % 28, 1 + i % 4, i % 30, 2 + k / 2, i % 100);
        snprintf(name, sizeof name, "part%d.csv", k);
        write_bytes(data, name, text, n);
    }
    free(text);
    write_text(data, "products.csv", "id,title\np1,One\np2,Two\n");
    return 0;
}

static int remove_data(void **state)
{
    (void)state;
    remove_folder(data);
    return 0;
}

static merx_status run(const char *folder, merx_import *import, char hex[65], merx_error *err)
{
    merx_shop *shop;
    merx_status status = merx_shop_open(NULL, folder, &(merx_shop_options){.create = true}, &shop, err);
    if (status != MERX_OK)
        return status;
    status = merx_shop_import(shop, data, NULL, NULL, import, err);
    if (status == MERX_OK)
        status = merx_shop_digest(shop, true, hex, err);
    merx_shop_close(shop);
    return status;
}

static void test_killed(void **state)
{
    merx_error err = {0};
    merx_import import;
    char expected[65];
    char folder[256];
    mx_random random;
    int interrupted = 0;
    (void)state;

    test_folder(folder, sizeof folder, "crash");
    double begun = mx_monotonic_s();
    check(run(folder, &import, expected, &err), &err);
    double seconds = mx_monotonic_s() - begun;
    assert_int_equal(import.events, FILES * ROWS);
    merx_import_release(&import);
    remove_folder(folder);

    mx_random_init(&random, 2024, 1);
    for (int k = 0; k < KILLS; k++) {
        double after = mx_random_uniform(&random) * seconds * 0.9;
        test_folder(folder, sizeof folder, "crash");
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            char hex[65];
            _exit(run(folder, &import, hex, &err) == MERX_OK ? 0 : 1);
        }
        struct timespec wait = {(time_t)after, (long)((after - (double)(time_t)after) * 1e9)};
        nanosleep(&wait, NULL);
        kill(child, SIGKILL);
        int how = 0;
        waitpid(child, &how, 0);
        interrupted += WIFSIGNALED(how);

        /* Whole files or nothing. */
        merx_shop *shop;
        merx_status opened = merx_shop_open(NULL, folder, &(merx_shop_options){.create = true}, &shop, &err);
        check(opened, &err);
        merx_shop_close(shop);
        char hex[65];
        check(run(folder, &import, hex, &err), &err);
        for (size_t i = 0; i < import.files; i++)
            assert_true(import.file[i].unchanged ||
                        import.file[i].rows == (strncmp(import.file[i].name, "part", 4) ? 2 : ROWS));
        assert_int_equal(import.events, FILES * ROWS);
        assert_string_equal(hex, expected);
        merx_import_release(&import);
        remove_folder(folder);
    }
    printf("%d of %d were cut short\n", interrupted, KILLS);
    assert_true(interrupted > KILLS / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed)};
    return cmocka_run_group_tests(tests, write_data, remove_data);
}
