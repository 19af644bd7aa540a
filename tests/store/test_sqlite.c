/*
 * What the SQLite driver does beyond the contract: crashes, full disks, damaged and foreign files, and bytes that must be gone.
 */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/random.h"
#include "contract/records_dump.h"

typedef struct fixture {
    char folder[256], path[300];
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    check_make_folder(f->folder);
    snprintf(f->path, sizeof f->path, "%s/shop.db", f->folder);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    check_remove_folder(f->folder);
    free(f);
    return 0;
}

static mx_records *open_store(const char *path, bool create)
{
    merx_error err = {0};
    mx_records *records;
    mx_records_options options = {.create = create, .cache_bytes = 1 << 18};
    check_ok(mx_records_open(path, &options, NULL, &records, &err), err);
    return records;
}

/* Appends rows first … first + n - 1 of source "s" in a transaction, and notes in settings how many events there must be then. */
static merx_status append_rows(mx_records *records, uint64_t first, uint64_t n, merx_error *err)
{
    char order[32], customer[32], text[32];
    uint64_t count;

    MX_TRY(mx_records_begin(records, err));
    for (uint64_t row = first; row < first + n; row++) {
        snprintf(order, sizeof order, "order-%llu", (unsigned long long)row / 3);
        snprintf(customer, sizeof customer, "customer-%llu", (unsigned long long)row % 97);
        mx_event event = event_of("", "s", row, (int64_t)row, customer, "p", order);
        MX_TRY(mx_records_append(records, &event, 1, NULL, err));
    }
    if (first % 4 == 0)
        MX_TRY(mx_records_erase_customer(records, MX_STR("customer-3"), NULL, err));
    MX_TRY(mx_records_count(records, MX_EVENT, &count, err));
    snprintf(text, sizeof text, "%llu", (unsigned long long)count);
    MX_TRY(mx_records_set_setting(records, "events", text, err));
    snprintf(text, sizeof text, "%llu", (unsigned long long)(first + n));
    MX_TRY(mx_records_set_setting(records, "rows", text, err));
    return mx_records_commit(records, err);
}

static uint64_t setting_of(mx_records *records, const char *key)
{
    merx_error err = {0};
    mx_arena arena;
    const char *value;
    mx_arena_init(&arena, NULL);
    check_ok(mx_records_setting(records, key, &arena, &value, &err), err);
    uint64_t number = strtoull(value, NULL, 10);
    mx_arena_release(&arena);
    return number;
}

static uint64_t rows_of(mx_records *records)
{
    merx_error err = {0};
    mx_arena arena;
    mx_record source = {0};
    mx_arena_init(&arena, NULL);
    merx_status status = mx_records_get(records, MX_SOURCE, MX_STR("s"), &arena, &source, &err);
    uint64_t rows = status == MERX_OK ? source.source.rows : 0;
    mx_arena_release(&arena);
    return rows;
}

/* What SQLite itself says of the file, and whether names and events fit each other exactly. */
static void check_file(const char *path)
{
    static const char *const queries[][2] = {
        {"PRAGMA integrity_check", "ok"},
        {"SELECT count(*) FROM names WHERE key NOT IN (SELECT customer FROM events WHERE customer IS NOT NULL UNION "
         "SELECT product FROM events WHERE product IS NOT NULL UNION SELECT order_ FROM events WHERE order_ IS NOT "
         "NULL "
         "UNION SELECT session FROM events WHERE session IS NOT NULL UNION SELECT title FROM events WHERE title IS NOT "
         "NULL UNION SELECT country FROM events WHERE country IS NOT NULL UNION SELECT source FROM events WHERE source "
         "IS NOT NULL)",
         "0"},
    };
    sqlite3 *db;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    for (size_t i = 0; i < 2; i++) {
        sqlite3_stmt *statement;
        assert_int_equal(sqlite3_prepare_v2(db, queries[i][0], -1, &statement, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        assert_string_equal((const char *)sqlite3_column_text(statement, 0), queries[i][1]);
        sqlite3_finalize(statement);
    }
    sqlite3_close(db);
}

/* ---- kill -9 ---- */

static void child_writes(const char *path, int acknowledged)
{
    merx_error err = {0};
    mx_records *records;
    mx_records_options options = {.create = true, .cache_bytes = 1 << 16}; /* spills before commit */

    if (mx_records_open(path, &options, NULL, &records, &err) != MERX_OK)
        _exit(3);
    for (;;) {
        uint64_t first = rows_of(records), after = first + 200 + first % 7;
        if (append_rows(records, first, after - first, &err) != MERX_OK)
            _exit(4);
        if (write(acknowledged, &after, sizeof after) != sizeof after)
            _exit(5);
        if (first % 3 == 0 && mx_records_compact(records, &err) != MERX_OK)
            _exit(6);
    }
}

static void test_killed_at_any_moment(void **state)
{
    fixture *f = *state;
    const char *text = getenv("MERX_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : (uint64_t)getpid(), acknowledged = 0;
    mx_random dice;

    printf("seed %llu\n", (unsigned long long)seed);
    mx_random_init(&dice, seed, 0);
    for (int round = 0; round < 10; round++) {
        int ends[2], outcome;
        uint64_t value;
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(ends[0]);
            child_writes(f->path, ends[1]);
        }
        close(ends[1]);
        usleep((useconds_t)mx_random_below(&dice, 60000) + 500);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &outcome, 0), child);
        assert_true(WIFSIGNALED(outcome) && WTERMSIG(outcome) == SIGKILL);
        while (read(ends[0], &value, sizeof value) == sizeof value)
            acknowledged = value;
        close(ends[0]);

        mx_records *records = open_store(f->path, true); /* killed before it made the file, perhaps */
        merx_error err = {0};
        uint64_t count, rows = rows_of(records);
        check_ok(mx_records_count(records, MX_EVENT, &count, &err), err);
        assert_int_equal(count, setting_of(records, "events"));
        assert_int_equal(rows, setting_of(records, "rows"));
        assert_true(rows >= acknowledged); /* what was acknowledged is there */
        mx_records_close(records);
        check_file(f->path);
    }
    assert_true(acknowledged > 0);
}

/* ---- full disk ---- */

static void test_a_full_disk_harms_nothing(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    struct rlimit old, small;
    uint64_t rows = 0, count;
    merx_status status;

    mx_records *records = open_store(f->path, true);
    check_ok(append_rows(records, 0, 1000, &err), err);
    char *before = dump_store(records, true);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    small = old;
    small.rlim_cur = 600000; /* bytes a file may have */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    status = append_rows(records, 1000, 50000, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    check_status_at(status, MERX_E_NO_SPACE, &err, "append", __FILE__, __LINE__);
    check_contains(err.where, "shop.db");
    merx_error_clear(&err);
    mx_records_rollback(records);
    same_dump(dump_store(records, true), before);
    rows = rows_of(records);
    assert_int_equal(rows, 1000);
    check_ok(append_rows(records, rows, 50000, &err), err); /* with space again, the same handle goes on */
    check_ok(mx_records_count(records, MX_EVENT, &count, &err), err);
    assert_int_equal(count, setting_of(records, "events"));
    mx_records_close(records);
    check_file(f->path);
}

/* ---- files that are not ours, or not whole ---- */

static void opening_fails(const char *path, bool create, merx_status code, const char *words)
{
    merx_error err = {0};
    mx_records *records;
    mx_records_options options = {.create = create};
    merx_status status = mx_records_open(path, &options, NULL, &records, &err);
    check_status_at(status, code, &err, path, __FILE__, __LINE__);
    assert_null(records);
    check_contains(err.message, words);
    check_contains(err.where, path);
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_other_files_are_left_alone(void **state)
{
    fixture *f = *state;
    char *bytes, *after;
    size_t size, after_size;

    check_write_file(f->path,
                     "InvoiceNo,StockCode\n1,2\n3,4 and so on, long enough for a header of a hundred bytes and more "
                     "......................",
                     SIZE_MAX);
    opening_fails(f->path, true, MERX_E_CORRUPT, "no SQLite database");
    assert_int_equal(remove(f->path), 0);

    run_sql(f->path, "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1);");
    bytes = check_read_file(f->path, &size);
    opening_fails(f->path, true, MERX_E_INVALID, "another program");
    after = check_read_file(f->path, &after_size);
    assert_int_equal(after_size, size);
    assert_memory_equal(after, bytes, size);
    free(bytes);
    free(after);
    assert_int_equal(remove(f->path), 0);

    check_write_file(f->path, "", 0);
    opening_fails(f->path, false, MERX_E_NOT_FOUND, "empty");
    mx_records_close(open_store(f->path, true));
    run_sql(f->path, "PRAGMA user_version = 99");
    opening_fails(f->path, false, MERX_E_VERSION, "schema 99");
    opening_fails(f->folder, true, MERX_E_INVALID, "is a folder");

    char below[400];
    snprintf(below, sizeof below, "%s/shop.db", f->path);
    mx_records *records;
    merx_error err = {0};
    mx_records_options options = {.create = true};
    assert_int_not_equal(mx_records_open(below, &options, NULL, &records, &err), MERX_OK);
    assert_null(records);
}

static merx_status read_on(void *context, const mx_record *record, merx_error *err)
{
    (void)err;
    *(uint64_t *)context += (uint64_t)record->kind + 1;
    return MERX_OK;
}

/* Reading all of a damaged file ends with a status, never with a crash; damage to the events is noticed. */
static void test_damage_is_noticed(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    uint64_t sum = 0;
    size_t size;
    int noticed = 0;

    mx_records *records = open_store(f->path, true);
    check_ok(append_rows(records, 1, 5000, &err), err);
    check_ok(mx_records_compact(records, &err), err);
    mx_records_close(records);
    char *bytes = check_read_file(f->path, &size);
    char copy[320];
    snprintf(copy, sizeof copy, "%s/copy.db", f->folder);
    for (size_t page = 0; page < size / 8192; page++) {
        char *damaged = malloc(size);
        assert_non_null(damaged);
        memcpy(damaged, bytes, size);
        memset(damaged + page * 8192, 0xa5, 8192);
        check_write_file(copy, damaged, size);
        free(damaged);
        merx_error_clear(&err);
        merx_status status = mx_records_open(copy, NULL, NULL, &records, &err);
        if (status == MERX_OK) {
            status = mx_records_scan_events(records, 0, MX_BY_OFFSET, read_on, &sum, &err);
            mx_records_close(records);
        }
        if (status != MERX_OK) {
            noticed++;
            assert_int_equal(status, MERX_E_CORRUPT);
            check_contains(err.where, "copy.db");
        }
    }
    printf("%d of %zu damaged pages noticed by a scan\n", noticed, size / 8192);
    assert_true(noticed > 10);

    check_write_file(copy, bytes, size / 2); /* cut short */
    merx_error_clear(&err);
    merx_status status = mx_records_open(copy, NULL, NULL, &records, &err);
    if (status == MERX_OK) {
        status = mx_records_scan_events(records, 0, MX_BY_OFFSET, read_on, &sum, &err);
        mx_records_close(records);
    }
    check_status_at(status, MERX_E_CORRUPT, &err, "a file cut short", __FILE__, __LINE__);
    free(bytes);
}

/* Root may write anything, so a child gives its rights up first. */
static void test_a_read_only_file(void **state)
{
    fixture *f = *state;
    mx_records *records = open_store(f->path, true);
    merx_error err = {0};
    int outcome;

    check_ok(append_rows(records, 1, 100, &err), err);
    mx_records_close(records);
    assert_int_equal(chmod(f->path, 0444), 0);
    assert_int_equal(chmod(f->folder, 0555), 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        mx_records_options reading = {.read_only = true};
        uint64_t count = 0;
        char other[320];
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(1);
        if (mx_records_open(f->path, NULL, NULL, &records, &err) != MERX_E_PERMISSION)
            _exit(2);
        merx_error_clear(&err);
        snprintf(other, sizeof other, "%s/other.db", f->folder);
        if (mx_records_open(other, &(mx_records_options){.create = true}, NULL, &records, &err) != MERX_E_PERMISSION) {
            fprintf(stderr, "%s %s\n", err.where, err.message);
            _exit(3);
        }
        merx_error_clear(&err);
        if (mx_records_open(f->path, &reading, NULL, &records, &err) != MERX_OK ||
            mx_records_count(records, MX_EVENT, &count, &err) != MERX_OK || count != 100) {
            fprintf(stderr, "%s: %s\n", err.where, err.message);
            _exit(4);
        }
        mx_records_close(records);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &outcome, 0), child);
    assert_int_equal(chmod(f->folder, 0755), 0);
    assert_true(WIFEXITED(outcome));
    assert_int_equal(WEXITSTATUS(outcome), 0);
}

/* ---- erased bytes ---- */

static int found_in(const char *path, const char *needle)
{
    size_t size;
    if (access(path, R_OK) != 0)
        return 0;
    char *bytes = check_read_file(path, &size);
    int found = memmem(bytes, size, needle, strlen(needle)) != NULL;
    free(bytes);
    return found;
}

/* Customers come and go in a store that is kept busy, so that pages split and merge; then no byte of those erased is in any file. */
static void test_erased_bytes_are_gone(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_random dice;
    mx_records *records = open_store(f->path, true);
    char log[320];

    mx_random_init(&dice, 5, 0);
    snprintf(log, sizeof log, "%s-wal", f->path);
    for (int round = 0; round < 12; round++) {
        check_ok(mx_records_begin(records, &err), err);
        for (int i = 0; i < 400; i++) {
            char id[64], customer[64], order[64];
            uint64_t who = mx_random_below(&dice, 300), salt = mx_random_u64(&dice);
            snprintf(customer, sizeof customer, "%016llx-%s-%llu", (unsigned long long)mx_random_key(who, 1, 2),
                     who % 3 == 0 ? "erased" : "kept", (unsigned long long)who);
            snprintf(order, sizeof order, "%016llx-order-%s", (unsigned long long)salt,
                     who % 3 == 0 ? "erased" : "kept");
            snprintf(id, sizeof id, "%016llx-event-%s", (unsigned long long)mx_random_key(salt, 3, 4),
                     who % 3 == 0 ? "erased" : "kept");
            mx_event event = event_of(id, "", 0, i, customer, "p", order);
            event.session = event.title = event.order; /* names of other spaces */
            event.country = event.customer;
            check_ok(mx_records_append(records, &event, 1, NULL, &err), err);
            const mx_record others[] = {
                {.kind = MX_CUSTOMER, .customer = {.id = event.customer}},
                {.kind = MX_ORDER, .order = {.id = event.order, .customer = event.customer}},
                {.kind = MX_REVIEW, .review = {.id = event.id, .customer = event.customer, .rating = 1}},
                {.kind = MX_MESSAGE, .message = {.id = event.id, .customer = event.customer, .text = event.order}},
            };
            check_ok(mx_records_upsert(records, others, 4, &err), err);
        }
        check_ok(mx_records_commit(records, &err), err);
        check_ok(mx_records_begin(records, &err), err);
        for (uint64_t who = (uint64_t)round % 2 * 150; who < 150 + (uint64_t)round % 2 * 150; who += 3) {
            char customer[64];
            snprintf(customer, sizeof customer, "%016llx-erased-%llu", (unsigned long long)mx_random_key(who, 1, 2),
                     (unsigned long long)who);
            check_ok(mx_records_erase_customer(records, mx_str_of(customer), NULL, &err), err);
        }
        check_ok(mx_records_commit(records, &err), err);
    }
    check_ok(mx_records_begin(records, &err), err);
    for (uint64_t who = 0; who < 300; who += 3) {
        char customer[64];
        snprintf(customer, sizeof customer, "%016llx-erased-%llu", (unsigned long long)mx_random_key(who, 1, 2),
                 (unsigned long long)who);
        check_ok(mx_records_erase_customer(records, mx_str_of(customer), NULL, &err), err);
    }
    check_ok(mx_records_commit(records, &err), err);
    assert_true(found_in(log, "erased") || found_in(f->path, "erased")); /* else this test could not fail */
    check_ok(mx_records_compact(records, &err), err);
    assert_false(found_in(f->path, "erased"));
    assert_false(found_in(log, "erased"));
    assert_true(found_in(f->path, "kept"));
    mx_records_close(records);
    assert_false(found_in(f->path, "erased"));
    check_file(f->path);
}

/* A record that was removed is overwritten at once, without the file being written anew. */
static void test_removed_bytes_are_gone(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_records *records = open_store(f->path, true);
    const mx_record both[] = {
        {.kind = MX_REVIEW, .review = {.id = MX_STR("1"), .text = MX_STR("kept words"), .rating = 1}},
        {.kind = MX_REVIEW, .review = {.id = MX_STR("2"), .text = MX_STR("removed words"), .rating = 1}},
    };

    check_ok(mx_records_begin(records, &err), err);
    check_ok(mx_records_upsert(records, both, 2, &err), err);
    check_ok(mx_records_commit(records, &err), err);
    check_ok(mx_records_compact(records, &err), err);
    assert_true(found_in(f->path, "removed words"));
    check_ok(mx_records_begin(records, &err), err);
    check_ok(mx_records_remove(records, MX_REVIEW, MX_STR("2"), &err), err);
    check_ok(mx_records_commit(records, &err), err);
    check_ok(mx_records_compact(records, &err), err);
    assert_false(found_in(f->path, "removed words"));
    assert_true(found_in(f->path, "kept words"));
    mx_records_close(records);
}

/* ---- memory ---- */

static merx_status note(void *context, const mx_record *record, merx_error *err)
{
    mx_arena *arena = context;
    mx_record copy;
    return mx_record_copy(record, arena, &copy, err);
}

static merx_status whole_life(const merx_allocator *alloc, void *context, merx_error *err)
{
    const fixture *f = context;
    mx_records_options options = {.create = true};
    mx_records *records;
    mx_arena arena;
    mx_record product = {.kind = MX_PRODUCT, .product = {.id = MX_STR("p"), .title = MX_STR("t")}};
    mx_event event = event_of("", "s", 0, 9, "c", "p", "o");
    merx_status status;

    remove(f->path); /* each run begins with nothing */
    MX_TRY(mx_records_open(f->path, &options, alloc, &records, err));
    mx_arena_init(&arena, alloc);
    MX_TRY_GOTO(mx_records_begin(records, err));
    MX_TRY_GOTO(mx_records_append(records, &event, 1, NULL, err));
    event.row = 1, event.time_ms = 3, event.customer = MX_STR("d");
    MX_TRY_GOTO(mx_records_append(records, &event, 1, NULL, err));
    MX_TRY_GOTO(mx_records_upsert(records, &product, 1, err));
    MX_TRY_GOTO(mx_records_commit(records, err));
    MX_TRY_GOTO(mx_records_scan_events(records, 0, MX_BY_TIME, note, &arena, err));
    MX_TRY_GOTO(mx_records_get(records, MX_PRODUCT, MX_STR("p"), &arena, &product, err));
    MX_TRY_GOTO(mx_records_begin(records, err));
    MX_TRY_GOTO(mx_records_erase_customer(records, MX_STR("d"), NULL, err));
    MX_TRY_GOTO(mx_records_commit(records, err));
    MX_TRY_GOTO(mx_records_compact(records, err));
out:
    mx_records_close(records);
    mx_arena_release(&arena);
    return status;
}

static void test_every_allocation_failing(void **state)
{
    check_every_allocation(whole_life, *state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(test_killed_at_any_moment),   T(test_a_full_disk_harms_nothing), T(test_other_files_are_left_alone),
        T(test_damage_is_noticed),      T(test_a_read_only_file),          T(test_erased_bytes_are_gone),
        T(test_removed_bytes_are_gone), T(test_every_allocation_failing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
