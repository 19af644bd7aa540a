/*
 * What the PostgreSQL driver does beyond the contract: addresses and schemas that are not ours, lost connections, commits whose answer
 * is lost, states of readers, and bytes that must be gone. A server of the test's own; skipped where none is installed.
 */
#include <dirent.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "contract/records_dump.h"
#include "support/postgres_server.h"

typedef struct fixture {
    char name[40], address[512];
} fixture;

static int set_up(void **state)
{
    static int count;
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    snprintf(f->name, sizeof f->name, "shop_%d", ++count);
    postgres_address(f->name, f->address, sizeof f->address);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static mx_records *open_store(const fixture *f, mx_records_options options)
{
    merx_error err = {0};
    mx_records *records;
    check_ok(mx_records_open(f->address, &options, NULL, &records, &err), err);
    return records;
}

static mx_records *make_store(const fixture *f)
{
    return open_store(f, (mx_records_options){.create = true, .busy_timeout_ms = 20000});
}

/* SQL of the test's own, as the server's superuser; the first value it gives goes to value (may be NULL). */
static void run_sql(const char *database, const char *sql, char *value, size_t size)
{
    char words[400];
    snprintf(words, sizeof words, "host=%s user=merx dbname=%s", postgres.folder, database);
    PGconn *conn = PQconnectdb(words);
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        check_die(__FILE__, __LINE__, "%s: %s", sql, PQerrorMessage(conn));
    if (value != NULL)
        snprintf(value, size, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    PQfinish(conn);
}

static merx_status add_event(mx_records *records, const char *id, merx_error *err)
{
    mx_event event = event_of(id, "", 0, 5, "c", "p", "o");
    uint64_t appended;

    MX_TRY(mx_records_begin(records, err));
    merx_status status = mx_records_append(records, &event, 1, &appended, err);
    if (status == MERX_OK)
        return mx_records_commit(records, err);
    mx_records_rollback(records);
    return status;
}

static uint64_t count_events(mx_records *records)
{
    merx_error err = {0};
    uint64_t count;
    check_ok(mx_records_count(records, MX_EVENT, &count, &err), err);
    return count;
}

/* ---- addresses, and schemas that are not ours ---- */

static void opening_fails(const char *address, bool create, merx_status code, const char *words)
{
    merx_error err = {0};
    mx_records *records;
    mx_records_options options = {.create = create};
    merx_status status = mx_records_open(address, &options, NULL, &records, &err);
    check_status_at(status, code, &err, address, __FILE__, __LINE__);
    assert_null(records);
    check_contains(err.message, words);
    assert_null(strstr(err.message, "secret"));
    assert_null(strstr(err.where, "secret"));
}

static void test_bad_addresses(void **state)
{
    char address[700];
    (void)state;

    opening_fails("postgres:dbname=x", true, MERX_E_INVALID, "expected postgresql://");
    opening_fails("postgresql://u:secret@h/db?schema=A", true, MERX_E_INVALID, "expected 1 to 63 of a-z");
    opening_fails("postgresql://h/db?schema=", true, MERX_E_INVALID, "expected 1 to 63 of a-z");
    opening_fails("postgresql://h/db?schema=pg_x", true, MERX_E_INVALID, "not with pg_");
    opening_fails("postgresql://h/db?schema=a\"b", true, MERX_E_INVALID, "expected 1 to 63");
    opening_fails("postgresql://h/db?statement_timeout_ms=-1", true, MERX_E_INVALID, "expected 0 to");
    opening_fails("postgresql://u:secret@h/db?colour=red", true, MERX_E_INVALID, "colour");
    opening_fails("postgresql://h:port/db", true, MERX_E_IO, "port");
    opening_fails("postgresql://u:secret@/db?host=/nowhere", true, MERX_E_IO, "can't connect");
    snprintf(address, sizeof address, "postgresql://merx@/none?host=%s", postgres.folder);
    opening_fails(address, true, MERX_E_IO, "database \"none\" does not exist");
}

static void test_other_schemas_are_left_alone(void **state)
{
    fixture *f = *state;
    char sql[200], value[32];

    opening_fails(f->address, false, MERX_E_NOT_FOUND, "is not there");
    snprintf(sql, sizeof sql, "CREATE SCHEMA %s", f->name);
    run_sql("postgres", sql, NULL, 0);
    opening_fails(f->address, false, MERX_E_NOT_FOUND, "is empty");
    snprintf(sql, sizeof sql, "CREATE TABLE %s.theirs AS SELECT 7 AS x", f->name);
    run_sql("postgres", sql, NULL, 0);
    opening_fails(f->address, true, MERX_E_INVALID, "another program");
    snprintf(sql, sizeof sql, "SELECT sum(x) FROM %s.theirs", f->name);
    run_sql("postgres", sql, value, sizeof value);
    assert_string_equal(value, "7");
    snprintf(sql, sizeof sql, "DROP TABLE %s.theirs", f->name);
    run_sql("postgres", sql, NULL, 0);
    mx_records_close(make_store(f)); /* an empty schema may be filled */
    snprintf(sql, sizeof sql, "UPDATE %s.merx SET version = 99", f->name);
    run_sql("postgres", sql, NULL, 0);
    opening_fails(f->address, false, MERX_E_VERSION, "version 99");
}

static void test_a_database_of_another_encoding(void **state)
{
    char address[512];
    (void)state;

    run_sql("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0", NULL, 0);
    snprintf(address, sizeof address, "postgresql://merx@/latin?host=%s", postgres.folder);
    opening_fails(address, true, MERX_E_UNSUPPORTED, "encoding is LATIN1; expected UTF8");
    run_sql("postgres", "DROP DATABASE latin", NULL, 0);
}

static void test_a_role_without_rights(void **state)
{
    fixture *f = *state;
    char address[512], sql[200];
    merx_error err = {0};
    mx_records *records;
    mx_event event = event_of("e", "", 0, 1, "c", "p", "o");

    run_sql("postgres", "CREATE ROLE guest LOGIN", NULL, 0);
    snprintf(address, sizeof address, "postgresql://guest@/postgres?host=%s&schema=%s", postgres.folder, f->name);
    opening_fails(address, true, MERX_E_PERMISSION, "permission denied");
    mx_records_close(make_store(f));
    snprintf(sql, sizeof sql, "GRANT USAGE ON SCHEMA %s TO guest; GRANT SELECT ON ALL TABLES IN SCHEMA %s TO guest",
             f->name, f->name);
    run_sql("postgres", sql, NULL, 0);
    check_ok(mx_records_open(address, NULL, NULL, &records, &err), err);
    assert_int_equal(count_events(records), 0);
    check_ok(mx_records_begin(records, &err), err);
    check_fails(mx_records_append(records, &event, 1, NULL, &err), MERX_E_PERMISSION, err);
    mx_records_close(records);
}

/* Shops share a database and nothing else, not even the lock of writers. */
static void test_shops_are_apart(void **state)
{
    fixture *f = *state, other = *f;
    merx_error err = {0};

    postgres_address("another_shop", other.address, sizeof other.address);
    mx_records *a = make_store(f), *b = make_store(&other);
    check_ok(mx_records_begin(a, &err), err);
    check_ok(add_event(b, "b", &err), err);
    mx_records_rollback(a);
    assert_int_equal(count_events(a), 0);
    assert_int_equal(count_events(b), 1);
    mx_records_close(a);
    mx_records_close(b);
}

/* ---- ids and names ---- */

static void test_ids_are_what_was_written(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_records *records = make_store(f);
    const char *const ids[] = {"0fa1b2c3-d4e5-f607-1829-3a4b5c6d7e8f", "0FA1b2c3-d4e5-f607-1829-3a4b5c6d7e8f",
                               "0fa1b2c3d4e5f60718293a4b5c6d7e8f", "{0fa1b2c3-d4e5-f607-1829-3a4b5c6d7e8f}"};
    mx_event events[5];
    mx_arena arena;
    mx_record back;
    uint64_t appended;

    for (int i = 0; i < 4; i++)
        events[i] = event_of(ids[i], "", 0, i, "c", "p", "o");
    events[4] = events[0];
    check_ok(mx_records_begin(records, &err), err);
    check_ok(mx_records_append(records, events, 5, &appended, &err), err);
    assert_int_equal(appended, 4);
    check_ok(mx_records_append(records, events, 5, &appended, &err), err);
    assert_int_equal(appended, 0);
    check_ok(mx_records_commit(records, &err), err);
    mx_arena_init(&arena, NULL);
    for (int i = 0; i < 4; i++) {
        check_ok(mx_records_get(records, MX_EVENT, mx_str_of(ids[i]), &arena, &back, &err), err);
        assert_string_equal(back.event.id.data, ids[i]);
        assert_int_equal(back.event.offset, i + 1);
    }
    mx_arena_release(&arena);
    mx_records_close(records);
}

/* Batches that are tried before ids are asked about, with ids that are known among them: nothing twice, no offset left out. */
static void test_known_ids_in_large_batches(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_records *records = make_store(f);
    enum { N = 500 };
    mx_event events[N];
    char ids[N][48];
    uint64_t appended;
    int64_t offset, before = 0;

    for (int round = 0; round < 140; round++) { /* every second one has 100 of the round before, and one id twice */
        const int overlap = round % 2 == 1 && round < 10 ? 100 : 0;
        for (int i = 0; i < N; i++) {
            const int number = round * N + i - overlap;
            snprintf(ids[i], sizeof ids[i], number % 2 == 0 ? "%08x-0000-4000-8000-000000000000" : "event %d", number);
            events[i] = event_of(ids[i], "", 0, number, "c", "p", "o");
        }
        if (overlap > 0)
            events[N - 1].id = events[N - 2].id;
        check_ok(mx_records_begin(records, &err), err);
        check_ok(mx_records_append(records, events, N, &appended, &err), err);
        check_ok(mx_records_commit(records, &err), err);
        assert_int_equal(appended, overlap > 0 ? N - overlap - 1 : N);
        check_ok(mx_records_last_offset(records, &offset, &err), err);
        assert_int_equal(offset, before + (int64_t)appended);
        before = offset;
    }
    assert_int_equal(count_events(records), before);
    mx_records_close(records);
}

/* Names at their limits, of bytes that don't compress; and more events in one call than go out together. */
static void test_large_batches_and_names(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_records *records = make_store(f);
    enum { N = 40000 };
    mx_event *events = calloc(N, sizeof *events);
    char(*ids)[48] = calloc(N, sizeof *ids);
    static char name[MX_NAME_MAX + 1], text[MX_TEXT_MAX + 1];
    uint64_t appended;
    mx_arena arena;
    mx_record record = {.kind = MX_SOURCE, .source = {.rows = 9}}, back;

    assert_non_null(events);
    assert_non_null(ids);
    srand(1);
    for (size_t i = 0; i < MX_NAME_MAX; i++)
        name[i] = (char)('!' + rand() % 90);
    for (size_t i = 0; i < MX_TEXT_MAX; i++)
        text[i] = (char)('!' + rand() % 90);
    for (int i = 0; i < N; i++) {
        snprintf(ids[i], sizeof ids[i], "%08x-0000-4000-8000-%012x", i * 40503, i % 39000); /* all distinct */
        events[i] = event_of(i % 3 == 2 ? "" : ids[i], i % 3 == 2 ? name : "", (uint64_t)i, i, "c", "p", "o");
    }
    events[N - 1] = events[0];
    check_ok(mx_records_begin(records, &err), err);
    check_ok(mx_records_append(records, events, N, &appended, &err), err);
    assert_int_equal(appended, N - 1);
    check_ok(mx_records_append(records, events, N, &appended, &err), err);
    assert_int_equal(appended, 0);
    record.source.name = mx_str_of(name);
    record.source.rows = N + 5;
    check_ok(mx_records_upsert(records, &record, 1, &err), err);
    mx_record product = {.kind = MX_PRODUCT,
                         .product = {.id = MX_STR("p"), .text = mx_str_of(text), .attributes = mx_str_of(text)}};
    mx_record products[300];
    for (int i = 0; i < 300; i++) {
        products[i] = product;
        products[i].product.id = mx_str_of(ids[i]);
        if (i % 100 != 0)
            products[i].product.text = products[i].product.attributes = MX_STR("short");
    }
    check_ok(mx_records_upsert(records, products, 300, &err), err);
    check_ok(mx_records_commit(records, &err), err);
    assert_int_equal(count_events(records), N - 1);
    mx_arena_init(&arena, NULL);
    check_ok(mx_records_get(records, MX_SOURCE, mx_str_of(name), &arena, &back, &err), err);
    assert_int_equal(back.source.rows, N + 5);
    check_ok(mx_records_get(records, MX_PRODUCT, mx_str_of(ids[100]), &arena, &back, &err), err);
    assert_string_equal(back.product.text.data, text);
    uint64_t count;
    check_ok(mx_records_count(records, MX_PRODUCT, &count, &err), err);
    assert_int_equal(count, 300);
    mx_arena_release(&arena);
    mx_records_close(records);
    free(events);
    free(ids);
}

/* ---- readers ---- */

typedef struct watch {
    mx_records *writer;
    uint64_t seen;
} watch;

static merx_status add_while_reading(void *context, const mx_record *record, merx_error *err)
{
    watch *w = context;
    char id[32];
    (void)record;
    snprintf(id, sizeof id, "during %llu", (unsigned long long)w->seen++);
    return add_event(w->writer, id, err);
}

static void test_a_scan_sees_one_state(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_records *records = make_store(f), *reader = open_store(f, (mx_records_options){.read_only = true});
    watch w = {records, 0};

    for (int i = 0; i < 5; i++) {
        char id[32];
        snprintf(id, sizeof id, "before %d", i);
        check_ok(add_event(records, id, &err), err);
    }
    check_ok(mx_records_scan_events(reader, 0, MX_BY_OFFSET, add_while_reading, &w, &err), err);
    assert_int_equal(w.seen, 5);
    assert_int_equal(count_events(reader), 10);
    mx_records_close(reader);
    mx_records_close(records);
}

/* ---- lost connections ---- */

static void cut_connections(const fixture *f)
{
    char sql[400], value[32];
    (void)f;
    snprintf(sql, sizeof sql,
             "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "
             "application_name = 'merx'");
    run_sql("postgres", sql, value, sizeof value);
    assert_true(atoi(value) > 0);
}

static merx_status cut_while_reading(void *context, const mx_record *record, merx_error *err)
{
    (void)err;
    (void)record;
    if (++*(int *)context == 1)
        cut_connections(NULL);
    return MERX_OK;
}

static void test_lost_connections(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_records *records = make_store(f);
    mx_event event = event_of("2", "", 0, 5, "c", "p", "o");
    int64_t offset;
    int seen = 0;

    check_ok(add_event(records, "1", &err), err);
    cut_connections(f); /* between calls: nobody notices */
    assert_int_equal(count_events(records), 1);
    cut_connections(f);
    check_ok(mx_records_last_offset(records, &offset, &err), err);
    assert_int_equal(offset, 1);
    cut_connections(f);
    free(dump_store(records, true));
    cut_connections(f);
    check_ok(mx_records_begin(records, &err), err);
    check_ok(mx_records_append(records, &event, 1, NULL, &err), err);

    cut_connections(f); /* in a transaction: it is gone, and says so until rollback */
    event.id = MX_STR("3");
    check_fails(mx_records_append(records, &event, 1, NULL, &err), MERX_E_IO, err);
    check_fails(mx_records_commit(records, &err), MERX_E_INVALID, err);
    assert_int_equal(count_events(records), 1);
    check_ok(mx_records_begin(records, &err), err);
    check_ok(mx_records_append(records, &event, 1, NULL, &err), err);
    cut_connections(f);
    check_fails(mx_records_commit(records, &err), MERX_E_IO, err); /* before COMMIT is sent */
    assert_int_equal(count_events(records), 1);

    for (int i = 0; i < 9000;
         i++) /* more than one FETCH; lost in the middle of a scan: no second try, the caller saw rows */
        event = event_of("", "rows", (uint64_t)i, i, "c", "p", "o");
    check_ok(mx_records_begin(records, &err), err);
    for (uint64_t i = 0; i < 9000; i++) {
        event.row = i;
        if (i % 1000 == 0) {
            mx_event batch[1000];
            for (uint64_t j = 0; j < 1000; j++) {
                batch[j] = event;
                batch[j].row = i + j;
            }
            check_ok(mx_records_append(records, batch, 1000, NULL, &err), err);
        }
    }
    check_ok(mx_records_commit(records, &err), err);
    check_fails(mx_records_scan_events(records, 0, MX_BY_OFFSET, cut_while_reading, &seen, &err), MERX_E_IO, err);
    assert_true(seen < 9001);
    assert_int_equal(count_events(records), 9001); /* and the handle goes on */
    mx_records_close(records);
}

/* ---- the answer to COMMIT is lost ---- */

/* Makes writing events, or only COMMIT after it, take half a second for each. */
static void slow_down(const fixture *f, bool commits)
{
    char sql[700];
    snprintf(
        sql, sizeof sql,
        "CREATE FUNCTION %s.slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.5); RETURN NULL; "
        "END'; CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON %s.events %s FOR EACH ROW EXECUTE FUNCTION %s.slow()",
        f->name, f->name, commits ? "DEFERRABLE INITIALLY DEFERRED" : "", f->name);
    run_sql("postgres", sql, NULL, 0);
}

/* Cuts this process's connections to the server, on its own side: the server works on without knowing. */
static void *cut_own_sockets(void *unused)
{
    (void)unused;
    usleep(200000);
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_un peer = {0};
        socklen_t size = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && peer.sun_family == AF_UNIX &&
            strstr(peer.sun_path, ".s.PGSQL.") != NULL)
            shutdown(fd, SHUT_RDWR);
    }
    return NULL;
}

static void *cut_backends(void *unused)
{
    (void)unused;
    usleep(200000);
    run_sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'merx'", NULL,
            0);
    return NULL;
}

static void test_a_commit_whose_answer_is_lost(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_records *records = make_store(f);
    mx_event event = event_of("done", "", 0, 5, "c", "p", "o");
    pthread_t thread;
    uint64_t appended;

    slow_down(f, true);
    check_ok(mx_records_begin(records, &err), err);
    check_ok(mx_records_append(records, &event, 1, NULL, &err), err);
    assert_int_equal(pthread_create(&thread, NULL, cut_own_sockets, NULL), 0);
    check_ok(mx_records_commit(records, &err), err); /* the server committed, and was asked */
    pthread_join(thread, NULL);
    assert_int_equal(count_events(records), 1);

    event.id = MX_STR("not done");
    check_ok(mx_records_begin(records, &err), err);
    check_ok(mx_records_append(records, &event, 1, NULL, &err), err);
    assert_int_equal(pthread_create(&thread, NULL, cut_backends, NULL), 0);
    merx_status status = mx_records_commit(records, &err);
    pthread_join(thread, NULL);
    check_status_at(status, MERX_E_IO, &err, "commit", __FILE__, __LINE__);
    check_contains(err.message, "nothing was committed");
    merx_error_clear(&err);
    assert_int_equal(count_events(records), 1);
    check_ok(mx_records_begin(records, &err), err);
    check_ok(mx_records_append(records, &event, 1, &appended, &err), err);
    check_ok(mx_records_commit(records, &err), err);
    assert_int_equal(appended, 1);
    mx_records_close(records);
}

/* ---- erased bytes ---- */

static const char *needle;
static int needles;

static int look_for_needle(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)walk;
    if (type != FTW_F || info->st_size == 0)
        return 0;
    int fd = open(path, O_RDONLY);
    void *bytes = mmap(NULL, (size_t)info->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    assert_ptr_not_equal(bytes, MAP_FAILED);
    if (memmem(bytes, (size_t)info->st_size, needle, strlen(needle)) != NULL)
        needles++;
    munmap(bytes, (size_t)info->st_size);
    return 0;
}

/* Files of the database (not of the log) that hold the text, once all is on the disk. */
static int files_with(const char *text)
{
    char path[320];
    run_sql("postgres", "CHECKPOINT", NULL, 0);
    snprintf(path, sizeof path, "%s/base", postgres.data);
    needle = text;
    needles = 0;
    nftw(path, look_for_needle, 16, FTW_PHYS);
    return needles;
}

static void test_erased_bytes_are_gone(void **state)
{
    fixture *f = *state;
    merx_error err = {0};
    mx_records *records = make_store(f), *reader = open_store(f, (mx_records_options){.read_only = true});
    mx_records *impatient = open_store(f, (mx_records_options){.busy_timeout_ms = 100});
    char sql[160];

    for (int round = 0; round < 3; round++) {
        check_ok(mx_records_begin(records, &err), err);
        for (int i = 0; i < 300; i++) {
            char id[64];
            snprintf(id, sizeof id, "%d-%d-%s", round, i, i % 3 == 0 ? "anns-name" : "kept-name");
            mx_event event = event_of(id, "", 0, i, i % 3 == 0 ? "anns-name" : "kept-name", "p", id);
            event.session = event.title = event.country = mx_str_of(id);
            check_ok(mx_records_append(records, &event, 1, NULL, &err), err);
            const mx_record others[] = {
                {.kind = MX_CUSTOMER, .customer = {.id = event.customer, .country = mx_str_of(id)}},
                {.kind = MX_ORDER, .order = {.id = event.order, .customer = event.customer}},
                {.kind = MX_REVIEW, .review = {.id = event.id, .customer = event.customer, .rating = 1}},
                {.kind = MX_MESSAGE, .message = {.id = event.id, .customer = event.customer, .text = event.order}},
            };
            check_ok(mx_records_upsert(records, others, 4, &err), err);
        }
        check_ok(mx_records_commit(records, &err), err);
        snprintf(sql, sizeof sql, "ANALYZE %s.events, %s.orders", f->name, f->name); /* as autovacuum does */
        run_sql("postgres", sql, NULL, 0);
    }
    assert_true(files_with("anns-name") > 0); /* else this test could not fail */
    check_ok(mx_records_begin(reader, &err), err);
    check_ok(mx_records_begin(records, &err), err);
    check_ok(mx_records_erase_customer(records, MX_STR("anns-name"), NULL, &err), err);
    check_ok(mx_records_commit(records, &err), err);
    check_fails(mx_records_compact(impatient, &err), MERX_E_BUSY, err); /* a reader sees her still */
    assert_int_equal(count_events(reader), 900);
    check_ok(mx_records_commit(reader, &err), err);
    check_ok(mx_records_begin(records, &err), err);
    check_fails(mx_records_compact(impatient, &err), MERX_E_BUSY, err); /* a writer is at it */
    mx_records_rollback(records);
    check_ok(mx_records_compact(impatient, &err), err);
    assert_int_equal(files_with("anns-name"), 0);
    assert_true(files_with("kept-name") > 0);
    assert_int_equal(count_events(reader), 600);
    check_ok(add_event(records, "after", &err), err); /* compact gave its lock back */

    mx_record review = {.kind = MX_REVIEW, .review = {.id = MX_STR("r"), .text = MX_STR("words-to-go"), .rating = 1}};
    check_ok(mx_records_begin(records, &err), err);
    check_ok(mx_records_upsert(records, &review, 1, &err), err);
    check_ok(mx_records_commit(records, &err), err);
    check_ok(mx_records_begin(records, &err), err);
    check_ok(mx_records_remove(records, MX_REVIEW, MX_STR("r"), &err), err);
    check_ok(mx_records_commit(records, &err), err);
    check_ok(mx_records_compact(records, &err), err);
    assert_int_equal(files_with("words-to-go"), 0);
    mx_records_close(reader);
    mx_records_close(impatient);
    mx_records_close(records);
}

/* ---- limits of time ---- */

static void test_a_statement_has_a_limit(void **state)
{
    fixture *f = *state, limited = *f;
    merx_error err = {0};
    mx_records *records = make_store(f), *late;

    slow_down(f, false);
    snprintf(limited.address + strlen(limited.address), 40, "&statement_timeout_ms=100");
    check_ok(mx_records_open(limited.address, NULL, NULL, &late, &err), err);
    merx_status status = add_event(late, "e", &err);
    check_status_at(status, MERX_E_LIMIT, &err, "append", __FILE__, __LINE__);
    check_contains(err.message, "statement_timeout_ms");
    assert_int_equal(count_events(late), 0);
    mx_records_close(late);
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
    mx_record products[] = {{.kind = MX_PRODUCT, .product = {.id = MX_STR("p"), .title = MX_STR("t")}},
                            {.kind = MX_PRODUCT, .product = {.id = MX_STR("q")}}};
    mx_event event = event_of("", "s", 0, 9, "c", "p", "o");
    merx_status status;

    MX_TRY(mx_records_open(f->address, &options, alloc, &records, err));
    mx_arena_init(&arena, alloc);
    MX_TRY_GOTO(mx_records_begin(records, err));
    MX_TRY_GOTO(mx_records_append(records, &event, 1, NULL, err));
    event.id = MX_STR("x"), event.time_ms = 3, event.customer = MX_STR("d");
    MX_TRY_GOTO(mx_records_append(records, &event, 1, NULL, err));
    MX_TRY_GOTO(mx_records_upsert(records, products, 2, err));
    MX_TRY_GOTO(mx_records_commit(records, err));
    MX_TRY_GOTO(mx_records_scan_events(records, 0, MX_BY_TIME, note, &arena, err));
    MX_TRY_GOTO(mx_records_get(records, MX_PRODUCT, MX_STR("p"), &arena, &products[0], err));
    MX_TRY_GOTO(mx_records_begin(records, err));
    MX_TRY_GOTO(mx_records_erase_customer(records, MX_STR("d"), NULL, err));
    MX_TRY_GOTO(mx_records_commit(records, err));
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
        T(test_bad_addresses),
        T(test_other_schemas_are_left_alone),
        T(test_a_database_of_another_encoding),
        T(test_a_role_without_rights),
        T(test_shops_are_apart),
        T(test_ids_are_what_was_written),
        T(test_known_ids_in_large_batches),
        T(test_large_batches_and_names),
        T(test_a_scan_sees_one_state),
        T(test_lost_connections),
        T(test_a_commit_whose_answer_is_lost),
        T(test_erased_bytes_are_gone),
        T(test_a_statement_has_a_limit),
        T(test_every_allocation_failing),
    };
    if (postgres_start() == NULL)
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
