/*
 * A backup does not depend on where the records were: out of SQLite into PostgreSQL and back the shop is the same, offsets included. And the program with a shop whose records are in
 * PostgreSQL: made by merx import --records, found by every command afterwards. A server of the test's own; skipped where none is installed.
 */
#include <sys/stat.h>

#include "support/backup_shop.h"
#include "support/postgres_server.h"

typedef struct world {
    char base[256];
} world;

static world w;

static const char *in_base(const char *name)
{
    static char paths[8][320];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", w.base, name);
    return path;
}

static void test_between_drivers(void **state)
{
    merx_error err = {0};
    merx_backup out;
    char address[512];
    (void)state;

    postgres_address("backup", address, sizeof address);
    merx_shop *shop = open_shop(in_base("sqlite"), NULL, true);
    fill_backup_shop(shop, 9000);
    check_ok(merx_shop_backup(shop, in_base("1.tar.zst"), NULL, &out, &err), err);
    merx_restore_options options = {.records = address};
    check_ok(merx_shop_restore(NULL, in_base("1.tar.zst"), in_base("postgres"), &options, NULL, &out, &err), err);
    merx_shop *other = open_shop(in_base("postgres"), NULL, false);
    assert_string_equal(mx_records_driver_name(other->records), "postgres");
    same_shops(shop, other);
    merx_shop_close(other);
    /* Not over what is there; what failed leaves nothing in the database. */
    check_fails(merx_shop_restore(NULL, in_base("1.tar.zst"), in_base("twice"), &options, NULL, &out, &err),
                MERX_E_EXISTS, err);
    size_t size;
    char *bytes = check_read_file(in_base("1.tar.zst"), &size);
    check_write_file(in_base("cut.tar.zst"), bytes, size - 9);
    free(bytes);
    postgres_address("backup-cut", address, sizeof address);
    check_fails(merx_shop_restore(NULL, in_base("cut.tar.zst"), in_base("cut"), &options, NULL, &out, &err),
                MERX_E_CORRUPT, err);
    mx_records *records;
    uint64_t events;
    check_ok(mx_records_open(address, NULL, NULL, &records, &err), err);
    check_ok(mx_records_count(records, MX_EVENT, &events, &err), err);
    assert_int_equal(events, 0);
    mx_records_close(records);
    /* Back again. */
    other = open_shop(in_base("postgres"), NULL, false);
    check_ok(merx_shop_backup(other, in_base("2.tar.zst"), NULL, &out, &err), err);
    merx_shop_close(other);
    check_ok(merx_shop_restore(NULL, in_base("2.tar.zst"), in_base("back"), NULL, NULL, &out, &err), err);
    other = open_shop(in_base("back"), NULL, false);
    assert_string_equal(mx_records_driver_name(other->records), "sqlite");
    same_shops(shop, other);
    merx_shop_close(other);
    merx_shop_close(shop);
}

static void test_address_is_kept(void **state)
{
    merx_error err = {0};
    merx_shop *shop;
    struct stat info;
    char address[512], wrong[600];
    (void)state;

    postgres_address("kept", address, sizeof address);
    merx_shop_options options = {.create = true, .records = address, .keep_records = true};
    check_ok(merx_shop_open(NULL, in_base("kept"), &options, &shop, &err), err);
    merx_shop_close(shop);
    assert_int_equal(stat(in_base("kept/records.address"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(access(in_base("kept/shop.db"), F_OK), -1);
    /* The same again is no error; another place is, and so is a shop in SQLite. */
    check_ok(merx_shop_open(NULL, in_base("kept"), &options, &shop, &err), err);
    merx_shop_close(shop);
    postgres_address("elsewhere", address, sizeof address);
    check_fails(merx_shop_open(NULL, in_base("kept"), &options, &shop, &err), MERX_E_EXISTS, err);
    merx_shop_close(open_shop(in_base("plain"), NULL, true));
    check_fails(merx_shop_open(NULL, in_base("plain"), &options, &shop, &err), MERX_E_EXISTS, err);
    /* A password is not kept. */
    const char *host = strstr(address, "://") + 3;
    snprintf(wrong, sizeof wrong, "%s%spassword=secret", address, strchr(host, '?') ? "&" : "?");
    options.records = wrong;
    check_fails(merx_shop_open(NULL, in_base("secret"), &options, &shop, &err), MERX_E_INVALID, err);
    assert_int_equal(access(in_base("secret/records.address"), F_OK), -1);
    options.records = "postgresql://merx:secret@localhost/shops";
    check_fails(merx_shop_open(NULL, in_base("secret"), &options, &shop, &err), MERX_E_INVALID, err);
    check_write_file(in_base("kept/records.address"), "two words\n", 10);
    check_fails(merx_shop_open(NULL, in_base("kept"), &(merx_shop_options){0}, &shop, &err), MERX_E_CORRUPT, err);
}

/* The program, as an operator uses it. */
static void test_from_the_command_line(void **state)
{
    static const char script[] = "set -e; cd \"$BASE\"; \"$MERX\" sample export --products 60 --customers 150 --events "
                                 "3000 --seed 5 --quiet; rm -rf "
                                 "export/pictures\n"
                                 "\"$MERX\" import export --shop pg.merx --records \"$ADDRESS\" --quiet >/dev/null\n"
                                 "\"$MERX\" import export --shop db.merx --quiet >/dev/null\n"
                                 "test ! -e pg.merx/shop.db; test -e pg.merx/records.address\n"
                                 "for s in pg db; do \"$MERX\" train recommend --shop $s.merx --force --quiet "
                                 ">/dev/null; \"$MERX\" forget C0000007 --shop "
                                 "$s.merx --json | grep -v seconds > $s.receipt; \"$MERX\" ask recommend --shop "
                                 "$s.merx --customer C0000009 --why > $s.answer; "
                                 "done\n"
                                 "cmp pg.answer db.answer; cmp pg.receipt db.receipt; test -s pg.answer\n"
                                 "\"$MERX\" import export --shop pg.merx --records \"$ADDRESS\" | grep -q unchanged\n"
                                 "(cd pg.merx && \"$MERX\" ask recommend --customer C0000009 --n 1 >/dev/null)\n"
                                 "\"$MERX\" backup pg.merx pg.tar.zst --quiet >/dev/null; \"$MERX\" restore pg.tar.zst "
                                 "moved.merx --quiet >/dev/null\n"
                                 "test -e moved.merx/shop.db; \"$MERX\" ask recommend --shop moved.merx --customer "
                                 "C0000009 --why > moved.answer; cmp "
                                 "moved.answer db.answer\n"
                                 "echo C0000009 > erased; \"$MERX\" restore pg.tar.zst less.merx --erase-file erased "
                                 "--json | grep -q '\"erased\": 1'\n"
                                 "! \"$MERX\" ask recommend --shop less.merx --customer C0000009 2>/dev/null\n"
                                 "! \"$MERX\" backup pg.merx pg.tar.zst 2> said; grep -q 'there already' said\n"
                                 "! \"$MERX\" restore pg.tar.zst pg.merx 2> said; grep -q 'not empty' said\n"
                                 "! \"$MERX\" import export --shop new.merx --records "
                                 "'postgresql://merx:hunter2@localhost/x' 2> said; ! grep -q hunter2 said\n";
    char address[512];
    (void)state;

    if (getenv("MERX") == NULL || access(getenv("MERX"), X_OK) != 0)
        skip();
    postgres_address("line", address, sizeof address);
    setenv("BASE", w.base, 1);
    setenv("ADDRESS", address, 1);
    assert_int_equal(system(script), 0);
}

static int set_up(void **state)
{
    (void)state;
    check_make_folder(w.base);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    check_remove_folder(w.base);
    return 0;
}

int main(void)
{
    if (postgres_start() == NULL)
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_between_drivers),
        cmocka_unit_test(test_address_is_kept),
        cmocka_unit_test(test_from_the_command_line),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
