/*
 * The PostgreSQL server killed (kill -9 of all its processes) while events are appended, and writers and readers at the same time. A server
 * of the test's own; skipped where none is installed.
 */
#include <libpq-fe.h>
#include <poll.h>

#include "base/random.h"
#include "contract/records_dump.h"
#include "support/postgres_server.h"

enum { BATCH = 50, KILLS = 8, TURNS = 40, WRITERS = 2 };

/* On whichever of the two servers takes writes. */
static mx_records *open_store(const char *name, bool create, bool read_only)
{
    char address[700];
    merx_error err = {0};
    mx_records *records;
    mx_records_options options = {.create = create, .read_only = read_only, .busy_timeout_ms = 30000};
    snprintf(address, sizeof address,
             "postgresql://merx@/postgres?host=%s,%s&port=5432," POSTGRES_STANDBY_PORT
             "&target_session_attrs=read-write&schema=%s",
             postgres.folder, postgres.folder, name);
    check_ok(mx_records_open(address, &options, NULL, &records, &err), err);
    return records;
}

/* Batch `number` of a writer: half of its events have ids, half are rows of a source. */
static merx_status append_batch(mx_records *records, int writer, uint64_t number, uint64_t *appended, merx_error *err)
{
    mx_event events[BATCH];
    char ids[BATCH][48], source[32];

    snprintf(source, sizeof source, "source-%d", writer);
    for (uint64_t i = 0; i < BATCH; i++) {
        snprintf(ids[i], sizeof ids[i], "%08x-0000-4000-8000-%012llx", writer,
                 (unsigned long long)(number * BATCH + i));
        events[i] = i % 2 == 0 ? event_of(ids[i], "", 0, 5, "c", "p", "o")
                               : event_of("", source, number * BATCH + i, 5, "c", "p", "o");
    }
    MX_TRY(mx_records_begin(records, err));
    merx_status status = mx_records_append(records, events, BATCH, appended, err);
    if (status == MERX_OK)
        return mx_records_commit(records, err);
    mx_records_rollback(records);
    return status;
}

/*
 * Appends batches for ever and tells each that was acknowledged. One that failed is appended again: when the error said that nothing was
 * committed, all of it must be new then.
 */
static void child_writes(const char *name, int acknowledged)
{
    mx_records *records = open_store(name, false, false);
    bool nothing = true;

    for (uint64_t number = 0;; number++) {
        merx_error err = {0};
        uint64_t appended = 0;
        merx_status status = append_batch(records, 1, number, &appended, &err);
        if (status == MERX_OK && nothing && appended != BATCH)
            _exit(3); /* something was there of a batch that was said not to be */
        if (status == MERX_OK && !nothing && appended != BATCH && appended != 0)
            _exit(4); /* half a batch */
        if (status == MERX_OK && write(acknowledged, &number, sizeof number) != sizeof number)
            _exit(5);
        if (status != MERX_OK && status != MERX_E_IO) {
            fprintf(stderr, "%s: %s\n", merx_status_name(status), err.message);
            _exit(6);
        }
        nothing = status == MERX_OK || strstr(err.message, "not known") == NULL;
        if (status != MERX_OK)
            number--;
    }
}

typedef struct tally {
    int64_t last;
    uint64_t rows, ids, gaps;
    unsigned char *seen; /* per event of the writer */
    size_t most;
} tally;

static merx_status count_event(void *context, const mx_record *record, merx_error *err)
{
    tally *t = context;
    const mx_event *event = &record->event;
    uint64_t at = event->row;

    if (event->id.size > 0) {
        char text[16] = {0};
        memcpy(text, event->id.data + 24, 12);
        at = strtoull(text, NULL, 16);
        t->ids++;
    } else {
        t->rows++;
    }
    if (t->seen != NULL) {
        if (at >= t->most || t->seen[at] != 0)
            MX_FAIL(err, MERX_E_CORRUPT, "", "event %llu is there twice, or was never sent", (unsigned long long)at);
        t->seen[at] = 1;
    }
    t->gaps += event->offset != t->last + 1;
    t->last = event->offset;
    return MERX_OK;
}

/* A writer in a process of its own. */
typedef struct writer {
    pid_t child;
    int pipe;
    uint64_t batches; /* acknowledged so far */
} writer;

static writer start_writer(const char *name)
{
    int ends[2];
    mx_records_close(open_store(name, true, false));
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        child_writes(name, ends[1]);
    }
    close(ends[1]);
    return (writer){child, ends[0], 0};
}

/* Takes what was acknowledged so far; waits for at least one batch more when asked to. */
static void hear(writer *w, bool wait)
{
    struct pollfd ready = {.fd = w->pipe, .events = POLLIN};
    uint64_t number;
    int timeout_ms = wait ? 60000 : 0;
    while (poll(&ready, 1, timeout_ms) == 1 && read(w->pipe, &number, sizeof number) == sizeof number) {
        w->batches = number + 1;
        timeout_ms = wait = 0;
    }
    if (wait)
        check_die(__FILE__, __LINE__, "the writer acknowledges nothing more after %llu batches",
                  (unsigned long long)w->batches);
}

static void stop_writer(writer *w)
{
    int how;
    kill(w->child, SIGKILL);
    assert_int_equal(waitpid(w->child, &how, 0), w->child);
    hear(w, false);
    close(w->pipe);
    if (!WIFSIGNALED(how))
        check_die(__FILE__, __LINE__, "the writer ended with %d", WEXITSTATUS(how));
}

/* Every acknowledged event is there, none twice, and of the batch under way all or nothing. */
static void check_events(const char *name, uint64_t batches)
{
    merx_error err = {0};
    mx_records *records = open_store(name, false, false);
    tally t = {.most = (batches + 1) * BATCH};

    t.seen = calloc(t.most, 1);
    assert_non_null(t.seen);
    check_ok(mx_records_scan_events(records, 0, MX_BY_OFFSET, count_event, &t, &err), err);
    printf("%llu batches acknowledged, %llu events there\n", (unsigned long long)batches,
           (unsigned long long)(t.ids + t.rows));
    for (size_t i = 0; i < batches * BATCH; i++)
        assert_int_equal(t.seen[i], 1);
    assert_true(t.ids + t.rows == batches * BATCH || t.ids + t.rows == (batches + 1) * BATCH);
    assert_int_equal(t.gaps, 0);
    free(t.seen);
    mx_records_close(records);
}

static void test_killed_while_appending(void **state)
{
    const char *text = getenv("MERX_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : (uint64_t)getpid();
    mx_random dice;
    (void)state;

    printf("seed %llu\n", (unsigned long long)seed);
    mx_random_init(&dice, seed, 0);
    writer w = start_writer("killed");
    for (int round = 0; round < KILLS; round++) {
        hear(&w, true); /* the kill meets a writer at work */
        usleep((useconds_t)mx_random_below(&dice, 40000));
        postgres_kill();
        hear(&w, false);
        postgres_again();
    }
    hear(&w, true);
    stop_writer(&w);
    assert_true(w.batches > KILLS);
    check_events("killed", w.batches);
}

static void run_sql(const char *sql, char *value, size_t size)
{
    char words[400];
    snprintf(words, sizeof words, "host=%s port=5432 user=merx dbname=postgres", postgres.folder);
    PGconn *conn = PQconnectdb(words);
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        check_die(__FILE__, __LINE__, "%s: %s", sql, PQerrorMessage(conn));
    snprintf(value, size, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    PQfinish(conn);
}

/* The server dies for good and its synchronous standby takes over: what was acknowledged is there, and the writer goes on. */
static void test_a_standby_takes_over(void **state)
{
    char value[32] = "";
    (void)state;

    postgres_standby();
    run_sql("ALTER SYSTEM SET synchronous_standby_names = '*'", value, sizeof value);
    run_sql("SELECT pg_reload_conf()", value, sizeof value);
    for (int i = 0; i < 1000 && strcmp(value, "sync") != 0; i++) {
        usleep(10000);
        run_sql("SELECT sync_state FROM pg_stat_replication", value, sizeof value);
    }
    assert_string_equal(value, "sync");
    writer w = start_writer("moved");
    for (int i = 0; i < 5; i++)
        hear(&w, true);
    postgres_kill();
    hear(&w, false);
    const uint64_t before = w.batches;
    postgres_promote();
    for (int i = 0; i < 5; i++)
        hear(&w, true);
    stop_writer(&w);
    assert_true(w.batches > before);
    check_events("moved", w.batches);
}

/* Two writers take turns while a reader looks: whole batches only, and no offset that comes later than a higher one. */
static void test_two_writers_and_a_reader(void **state)
{
    merx_error err = {0};
    pid_t children[WRITERS];
    uint64_t looks = 0, between = 0;
    (void)state;

    mx_records_close(open_store("shared", true, false));
    fflush(NULL);
    for (int w = 0; w < WRITERS; w++) {
        children[w] = fork();
        if (children[w] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            mx_records *records = open_store("shared", false, false);
            for (uint64_t number = 0; number < TURNS; number++) {
                uint64_t appended = 0;
                if (append_batch(records, w + 10, number, &appended, &err) != MERX_OK || appended != BATCH)
                    _exit(3);
            }
            mx_records_close(records);
            _exit(0);
        }
    }
    mx_records *reader = open_store("shared", false, true);
    int64_t before = 0;
    while (before < WRITERS * TURNS * BATCH) {
        int64_t offset;
        tally t = {0}, again = {0};
        check_ok(mx_records_begin(reader, &err), err);
        check_ok(mx_records_last_offset(reader, &offset, &err), err);
        check_ok(mx_records_scan_events(reader, 0, MX_BY_OFFSET, count_event, &t, &err), err);
        check_ok(mx_records_scan_events(reader, before, MX_BY_OFFSET, count_event, &again, &err), err);
        check_ok(mx_records_commit(reader, &err), err);
        assert_int_equal(t.gaps, 0);
        assert_int_equal(t.last, offset);
        assert_int_equal(t.rows + t.ids, offset);
        assert_int_equal(offset % BATCH, 0);
        assert_int_equal(again.rows + again.ids, offset - before);
        assert_true(offset >= before);
        between += offset > 0 && offset < WRITERS * TURNS * BATCH;
        looks++;
        before = offset;
        for (int w = 0; w < WRITERS; w++) { /* a writer that failed would let this wait for ever */
            int how;
            if (children[w] > 0 && waitpid(children[w], &how, WNOHANG) == children[w]) {
                children[w] = 0;
                assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
            }
        }
    }
    printf("%llu looks, %llu of them while they wrote\n", (unsigned long long)looks, (unsigned long long)between);
    assert_true(between > 0);
    for (int w = 0; w < WRITERS; w++) {
        int how = 0;
        if (children[w] > 0)
            waitpid(children[w], &how, 0);
        assert_int_equal(how, 0);
    }
    mx_records_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two_writers_and_a_reader),
                                       cmocka_unit_test(test_killed_while_appending),
                                       cmocka_unit_test(test_a_standby_takes_over)}; /* the last: one server is gone */
    if (postgres_start() == NULL)
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
