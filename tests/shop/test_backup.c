/*
 * A shop backed up and restored is the shop, offsets included; while it is written; out of a damaged file nothing comes; nothing is written over; who was erased since goes again.
 */
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "support/backup_shop.h"

typedef struct fixture {
    char base[256], shop[300], file[300], copy[300];
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    check_make_folder(f->base);
    snprintf(f->shop, sizeof f->shop, "%s/shop", f->base);
    snprintf(f->file, sizeof f->file, "%s/shop.tar", f->base);
    snprintf(f->copy, sizeof f->copy, "%s/copy", f->base);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    check_remove_folder(f->base);
    free(f);
    return 0;
}

static merx_backup back_up(const char *folder, const char *file)
{
    merx_error err = {0};
    merx_shop *shop;
    merx_backup out;
    check_ok(merx_shop_open(NULL, folder, &(merx_shop_options){.read_only = true}, &shop, &err), err);
    check_ok(merx_shop_backup(shop, file, NULL, &out, &err), err);
    merx_shop_close(shop);
    return out;
}

static void make_shop(const fixture *f, int events)
{
    merx_shop *shop = open_shop(f->shop, NULL, true);
    fill_backup_shop(shop, events);
    merx_shop_close(shop);
}

static void same_folders(const char *a, const char *b)
{
    merx_shop *first = open_shop(a, NULL, false), *second = open_shop(b, NULL, false);
    same_shops(first, second);
    merx_shop_close(first);
    merx_shop_close(second);
}

static void test_round_trip(void **state)
{
    static const char *const names[] = {"plain.tar", "packed.tar.gz", "packed.tar.zst", "packed"};
    static const unsigned char zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
    fixture *f = *state;
    merx_error err = {0};
    struct stat info;

    make_shop(f, 9000);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char file[340], copy[340];
        snprintf(file, sizeof file, "%s/%s", f->base, names[i]);
        snprintf(copy, sizeof copy, "%s/copy%zu", f->base, i);
        merx_backup made = back_up(f->shop, file), restored;
        assert_int_equal(stat(file, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0600);
        assert_int_equal(info.st_size, made.size_bytes);
        assert_true(made.events > 8000 && made.events < 9000);
        assert_int_equal(made.files, 4); /* two of models, two pictures */
        check_ok(merx_shop_restore(NULL, file, copy, NULL, NULL, &restored, &err), err);
        assert_int_equal(restored.events, made.events);
        assert_int_equal(restored.files, made.files);
        assert_int_equal(restored.models, 2);
        assert_int_equal(restored.created_ms, made.created_ms);
        assert_int_equal(restored.offset, made.offset);
        same_folders(f->shop, copy);
        char *bytes = check_read_file(file, NULL);
        assert_int_equal(memcmp(bytes, zstd, 4) == 0, i >= 2);
        free(bytes);
    }
    /* Importing the rows again takes none; the next event gets the next offset. */
    merx_shop *shop = open_shop(f->shop, NULL, false);
    mx_event events[] = {event_of("", "orders.csv", 9099, 0, "c", "p", ""),
                         event_of("00000001-1234-4000-8000-0123456789ab", "", 0, 0, "c", "p", "")};
    uint64_t appended;
    check_ok(mx_records_begin(shop->records, &err), err);
    check_ok(mx_records_append(shop->records, events, 2, &appended, &err), err);
    assert_int_equal(appended, 0);
    mx_records_rollback(shop->records);
    merx_shop_close(shop);
}

static void test_nothing_is_written_over(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    merx_backup out;

    make_shop(f, 50);
    back_up(f->shop, f->file);
    merx_shop *shop = open_shop(f->shop, NULL, false);
    check_fails(merx_shop_backup(shop, f->file, NULL, &out, &err), MERX_E_EXISTS, err);
    check_fails(merx_shop_backup(shop, "", NULL, &out, &err), MERX_E_INVALID, err);
    check_fails(merx_shop_backup(shop, "/nonexistent/folder/file", NULL, &out, &err), MERX_E_NOT_FOUND, err);
    /* Others can write afterwards: no transaction was left open. */
    check_ok(mx_records_begin(shop->records, &err), err);
    mx_records_rollback(shop->records);
    merx_shop_close(shop);
    check_fails(merx_shop_restore(NULL, f->file, f->shop, NULL, NULL, &out, &err), MERX_E_EXISTS, err);
    check_fails(merx_shop_restore(NULL, f->file, f->file, NULL, NULL, &out, &err), MERX_E_EXISTS, err);
    check_fails(merx_shop_restore(NULL, f->file, "", NULL, NULL, &out, &err), MERX_E_INVALID, err);
    check_fails(merx_shop_restore(NULL, "/nonexistent", f->copy, NULL, NULL, &out, &err), MERX_E_NOT_FOUND, err);
    assert_int_equal(access(f->copy, F_OK), -1);
    /* An empty folder will do, with a slash behind it too. */
    char slashed[310];
    snprintf(slashed, sizeof slashed, "%s//", f->copy);
    assert_int_equal(mkdir(f->copy, 0700), 0);
    check_ok(merx_shop_restore(NULL, f->file, slashed, NULL, NULL, &out, &err), err);
    same_folders(f->shop, f->copy);
    /* What an interrupted restore left is named. */
    char left[340];
    snprintf(left, sizeof left, "%s/other.restoring", f->base);
    assert_int_equal(mkdir(left, 0700), 0);
    snprintf(left, sizeof left, "%s/other", f->base);
    merx_error_clear(&err);
    assert_int_equal(merx_shop_restore(NULL, f->file, left, NULL, NULL, &out, &err), MERX_E_EXISTS);
    check_contains(err.where, "other.restoring");
}

/* Nothing of the copy is there, nor what it was made in. */
static void no_copy(const fixture *f)
{
    char path[320];
    assert_int_equal(access(f->copy, F_OK), -1);
    snprintf(path, sizeof path, "%s.restoring", f->copy);
    assert_int_equal(access(path, F_OK), -1);
}

/* Bytes changed anywhere: refused, or they were between the parts and the shop is the same. Cut short anywhere: refused. */
static void test_damage(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    merx_backup out;
    char bad[320];
    size_t size, refused = 0;

    make_shop(f, 40);
    back_up(f->shop, f->file);
    snprintf(bad, sizeof bad, "%s/bad.tar", f->base);
    char *bytes = check_read_file(f->file, &size);
    for (size_t at = 0; at < size; at += 367) {
        bytes[at] ^= 0x10;
        check_write_file(bad, bytes, size);
        bytes[at] ^= 0x10;
        merx_error_clear(&err);
        merx_status status = merx_shop_restore(NULL, bad, f->copy, NULL, NULL, &out, &err);
        if (status == MERX_OK) {
            same_folders(f->shop, f->copy);
            check_remove_folder(f->copy);
        } else {
            refused++;
            assert_true(err.message[0] != '\0');
        }
        no_copy(f);
    }
    assert_true(refused > size / 367 / 3);
    for (size_t cut = 0; cut + 512 < size; cut += 997) {
        check_write_file(bad, bytes, cut);
        merx_error_clear(&err);
        if (merx_shop_restore(NULL, bad, f->copy, NULL, NULL, &out, &err) == MERX_OK)
            check_die(__FILE__, __LINE__, "%zu of %zu bytes were restored", cut, size);
        no_copy(f);
    }
    free(bytes);
}

/* Parts taken out of a good backup, put in, or of another kind of file. */
static void test_other_files(void **state)
{
    static const char *const commands[] = {
        "rm SHA256SUMS",
        "rm records/event-000001.jsonl",
        "rm records/event-000001.jsonl; sed -i /event/d SHA256SUMS",
        "echo '{\"id\":\"p9\",\"service\":false}' >> records/product-000001.jsonl; sha256sum $(cat ../order) > "
        "SHA256SUMS",
        "sed -i 's/\"format\":1/\"format\":2/' merx-backup.json; sha256sum $(cat ../order) > SHA256SUMS",
        "sed -i 's/\"offset\":2,/\"offset\":1,/' records/event-000001.jsonl; sha256sum $(cat ../order) > SHA256SUMS",
        "sed -i 's/\"kind\":\"cart\"/\"kind\":\"look\"/' records/event-000001.jsonl; sha256sum $(cat ../order) > "
        "SHA256SUMS",
        "sed -i 's/\"currency\"/\"currency\",\"weight\":\"1\"/' records/setting-000001.jsonl; sha256sum $(cat "
        "../order) > SHA256SUMS",
        "mkdir ../extra; mv blobs ../extra; mkdir blobs; cp -r ../extra/blobs/* blobs; ln -s /etc/passwd blobs/link; "
        "echo blobs/link >> ../order",
    };
    fixture *f = *state;
    merx_error err = {0};
    merx_backup out;
    char command[1600], bad[320];

    make_shop(f, 40);
    back_up(f->shop, f->file);
    snprintf(bad, sizeof bad, "%s/bad.tar", f->base);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        snprintf(command, sizeof command,
                 "cd '%s' && rm -rf x order extra bad.tar && mkdir x && tar -tf shop.tar | grep -v SHA256SUMS > order "
                 "&& cd x && "
                 "tar -xf ../shop.tar && { %s; } && tar -cf ../bad.tar $(for p in $(cat ../order) SHA256SUMS; do [ -e "
                 "$p ] && "
                 "echo $p; done)",
                 f->base, commands[i]);
        assert_int_equal(system(command), 0);
        merx_error_clear(&err);
        if (merx_shop_restore(NULL, bad, f->copy, NULL, NULL, &out, &err) == MERX_OK)
            check_die(__FILE__, __LINE__, "restored after: %s", commands[i]);
        no_copy(f);
    }
    check_write_file(bad, "id,title\n1,tea\n", 15);
    check_fails(merx_shop_restore(NULL, bad, f->copy, NULL, NULL, &out, &err), MERX_E_CORRUPT, err);
    snprintf(command, sizeof command, "cd '%s' && tar -cf bad.tar order", f->base);
    assert_int_equal(system(command), 0);
    merx_error_clear(&err);
    assert_int_equal(merx_shop_restore(NULL, bad, f->copy, NULL, NULL, &out, &err), MERX_E_INVALID);
    check_contains(err.message, "no backup of merx");
    no_copy(f);
}

/* ---- while it is written ---- */

/* Each transaction appends some events and notes how many there are then. */
static void write_on(const char *folder)
{
    merx_error err = {0};
    merx_shop *shop = open_shop(folder, NULL, false);
    char text[32], id[32];
    for (int n = 0;; n++) {
        uint64_t count;
        check_ok(mx_records_begin(shop->records, &err), err);
        for (int i = 0; i < 20; i++) {
            snprintf(id, sizeof id, "%d-%d", n, i);
            mx_event event = event_of(id, "", 0, n, "c", "p", "");
            check_ok(mx_records_append(shop->records, &event, 1, NULL, &err), err);
        }
        check_ok(mx_records_count(shop->records, MX_EVENT, &count, &err), err);
        snprintf(text, sizeof text, "%llu", (unsigned long long)count);
        check_ok(mx_records_set_setting(shop->records, "count", text, &err), err);
        check_ok(mx_records_commit(shop->records, &err), err);
    }
}

static void test_one_state_while_it_is_written(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    uint64_t before = 0;

    make_shop(f, 3000);
    fflush(NULL);
    pid_t writer = fork();
    if (writer == 0) {
        write_on(f->shop);
        _exit(0);
    }
    for (int i = 0; i < 4; i++) {
        char file[340], copy[340];
        merx_backup restored;
        snprintf(file, sizeof file, "%s/%d.tar", f->base, i);
        snprintf(copy, sizeof copy, "%s/%d", f->base, i);
        merx_backup made = back_up(f->shop, file);
        check_ok(merx_shop_restore(NULL, file, copy, NULL, NULL, &restored, &err), err);
        merx_shop *shop = open_shop(copy, NULL, false);
        mx_arena arena;
        const char *count;
        mx_arena_init(&arena, NULL);
        check_ok(mx_records_setting(shop->records, "count", &arena, &count, &err), err);
        if (*count != '\0')
            assert_int_equal(strtoull(count, NULL, 10), restored.events);
        assert_int_equal(made.events, restored.events);
        assert_true(restored.events >= before);
        before = restored.events;
        mx_arena_release(&arena);
        merx_shop_close(shop);
    }
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
}

static void test_full_disk(void **state)
{
    fixture *f = *state;
    int how;

    make_shop(f, 9000);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        merx_error err = {0};
        merx_backup out;
        signal(SIGXFSZ, SIG_IGN);
        struct rlimit limit = {500000, 500000};
        merx_shop *shop = open_shop(f->shop, NULL, false);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
            _exit(2);
        _exit(merx_shop_backup(shop, f->file, NULL, &out, &err) == MERX_E_NO_SPACE ? 0 : 3);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(WEXITSTATUS(how), 0);
    assert_int_equal(access(f->file, F_OK), -1);
    /* And of the copy. */
    back_up(f->shop, f->file);
    child = fork();
    if (child == 0) {
        merx_error err = {0};
        merx_backup out;
        signal(SIGXFSZ, SIG_IGN);
        struct rlimit limit = {500000, 500000};
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
            _exit(2);
        merx_status status = merx_shop_restore(NULL, f->file, f->copy, NULL, NULL, &out, &err);
        /* SQLite does not always say what the system said of a limit on the size of files. */
        _exit(status == MERX_E_NO_SPACE || status == MERX_E_IO ? 0 : 3);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(WEXITSTATUS(how), 0);
    no_copy(f);
}

static void test_erased_since(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    merx_backup out;
    mx_arena arena;
    mx_record found;
    const char *const gone[] = {"customer 3", "nobody", "customer 8"};

    make_shop(f, 500);
    merx_shop *shop = open_shop(f->shop, NULL, false);
    check_ok(mx_records_begin(shop->records, &err), err);
    check_ok(mx_records_remove(shop->records, MX_MODEL, MX_STR("recommend/1"), &err), err); /* no real ones */
    check_ok(mx_records_remove(shop->records, MX_MODEL, MX_STR("recommend/2"), &err), err);
    check_ok(mx_records_commit(shop->records, &err), err);
    merx_shop_close(shop);
    back_up(f->shop, f->file);
    merx_restore_options options = {.erase = gone, .n_erase = 3};
    check_ok(merx_shop_restore(NULL, f->file, f->copy, &options, NULL, &out, &err), err);
    assert_int_equal(out.erased, 2);
    shop = open_shop(f->copy, NULL, false);
    char *all = dump_store(shop->records, false);
    assert_null(strstr(all, "customer=\"customer 3\""));
    assert_null(strstr(all, "customer=\"customer 8\""));
    assert_non_null(strstr(all, "customer=\"customer 4\""));
    free(all);
    mx_arena_init(&arena, NULL);
    check_fails(mx_records_get(shop->records, MX_CUSTOMER, MX_STR("customer 3"), &arena, &found, &err),
                MERX_E_NOT_FOUND, err);
    mx_arena_release(&arena);
    merx_shop_close(shop);
}

/* ---- memory ---- */

static merx_status restore_once(const merx_allocator *alloc, void *context, merx_error *err)
{
    const fixture *f = context;
    merx_backup out;
    merx_status status = merx_shop_restore(alloc, f->file, f->copy, NULL, NULL, &out, err);
    if (status == MERX_OK)
        check_remove_folder(f->copy);
    no_copy(f);
    return status;
}

static merx_status back_up_once(const merx_allocator *alloc, void *context, merx_error *err)
{
    const fixture *f = context;
    char file[320];
    merx_shop *shop;
    merx_backup out;

    snprintf(file, sizeof file, "%s/again.tar", f->base);
    MX_TRY(merx_shop_open(alloc, f->shop, &(merx_shop_options){.read_only = true}, &shop, err));
    merx_status status = merx_shop_backup(shop, file, NULL, &out, err);
    merx_shop_close(shop);
    assert_int_equal(access(file, F_OK) == 0, status == MERX_OK);
    remove(file);
    return status;
}

static void test_memory(void **state)
{
    fixture *f = *state;
    make_shop(f, 12);
    back_up(f->shop, f->file);
    check_every_allocation(back_up_once, f);
    check_every_allocation(restore_once, f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_round_trip),
        T(test_nothing_is_written_over),
        T(test_damage),
        T(test_other_files),
        T(test_one_state_while_it_is_written),
        T(test_full_disk),
        T(test_erased_since),
        T(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
