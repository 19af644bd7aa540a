/*
 * Jobs: what is taken, in what order they run, how they end (done, failed, cancelled, late, interrupted), what is left on disk; and uploads.
 */
#include <dirent.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "io/file.h"
#include "shop/jobs/jobs.h"
#include "shop/jobs/uploads.h"
#include "support/check.h"

/* An owner whose erasures take until they are let go, or cancelled. */
typedef struct owner {
    pthread_mutex_t lock;
    pthread_cond_t change;
    int erasing, let_go, written;
    bool hold;
} owner;

static merx_status erase(void *context, const char *customer, merx_task *task, merx_receipt *out, merx_error *err)
{
    owner *o = context;
    memset(out, 0, sizeof *out);
    out->customer = customer;
    out->events = 3;
    pthread_mutex_lock(&o->lock);
    o->erasing++;
    pthread_cond_broadcast(&o->change);
    while (o->hold && o->let_go == 0 && !merx_task_cancelled(task)) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 10000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&o->change, &o->lock, &until);
    }
    o->let_go -= o->let_go > 0;
    o->erasing--;
    pthread_mutex_unlock(&o->lock);
    if (merx_task_cancelled(task))
        return mx_error_set(err, MERX_E_CANCELLED, "", "cancelled");
    if (strcmp(customer, "nobody") == 0)
        return mx_error_set(err, MERX_E_NOT_FOUND, "", "there is no such customer");
    if (strcmp(customer, "broken") == 0)
        return mx_error_set(err, MERX_E_IO, "disk", "it broke");
    return MERX_OK;
}

static void written(void *context)
{
    owner *o = context;
    pthread_mutex_lock(&o->lock);
    o->written++;
    pthread_mutex_unlock(&o->lock);
}

static json_t *record_json(const mx_record *record, const mx_shop_settings *settings)
{
    (void)settings;
    mx_str id = record->kind == MX_PRODUCT    ? record->product.id
                : record->kind == MX_CUSTOMER ? record->customer.id
                                              : record->event.id;
    return json_pack("{s:o}", "id", json_stringn(id.data, id.size));
}

typedef struct fixture {
    char folder[256], path[300];
    owner owner;
    mx_jobs *jobs;
    mx_shop_jobs *shop;
} fixture;

static void open_jobs(fixture *f, int at_once, unsigned time_s)
{
    merx_error err = {0};
    mx_jobs_options options = {.at_once = at_once, .threads = 1, .time_s = time_s, .record_json = record_json};
    mx_job_hooks hooks = {.context = &f->owner, .erase = erase, .written = written};
    check_ok(mx_jobs_new(&options, &f->jobs, &err), err);
    check_ok(mx_shop_jobs_open(f->jobs, f->path, &hooks, &f->shop, &err), err);
}

static void close_jobs(fixture *f)
{
    mx_jobs_stop(f->jobs);
    mx_shop_jobs_close(f->shop);
    mx_jobs_free(f->jobs);
    f->shop = NULL;
    f->jobs = NULL;
}

static void make(fixture *f)
{
    merx_error err = {0};
    merx_shop *shop;
    memset(f, 0, sizeof *f);
    check_make_folder(f->folder);
    snprintf(f->path, sizeof f->path, "%s/shop", f->folder);
    check_ok(merx_shop_open(NULL, f->path, &(merx_shop_options){.create = true}, &shop, &err), err);
    mx_record records[] = {{.kind = MX_PRODUCT, .product = {.id = MX_STR("tea")}},
                           {.kind = MX_CUSTOMER, .customer = {.id = MX_STR("ann")}}};
    check_ok(mx_records_begin(shop->records, &err), err);
    check_ok(mx_records_upsert(shop->records, &records[0], 1, &err), err);
    check_ok(mx_records_upsert(shop->records, &records[1], 1, &err), err);
    check_ok(mx_records_commit(shop->records, &err), err);
    merx_shop_close(shop);
    pthread_mutex_init(&f->owner.lock, NULL);
    pthread_cond_init(&f->owner.change, NULL);
}

static void drop(fixture *f)
{
    if (f->jobs)
        close_jobs(f);
    pthread_mutex_destroy(&f->owner.lock);
    pthread_cond_destroy(&f->owner.change);
    check_remove_folder(f->folder);
}

static void start(fixture *f, const char *asked, char id[MX_JOB_ID_SIZE])
{
    merx_error err = {0};
    json_t *job = NULL;
    json_t *json = json_loads(asked, 0, NULL);
    assert_non_null(json);
    check_ok(mx_job_start(f->shop, json, &job, &err), err);
    snprintf(id, MX_JOB_ID_SIZE, "%s", json_string_value(json_object_get(job, "id")));
    assert_string_equal(json_string_value(json_object_get(job, "state")), "waiting");
    json_decref(job);
    json_decref(json);
}

/* The job once it is in that state; owns: json_decref. */
static json_t *until(fixture *f, const char *id, const char *state)
{
    merx_error err = {0};
    json_t *job = NULL;
    for (int i = 0; i < 2000; i++) {
        check_ok(mx_job_get(f->shop, id, &job, &err), err);
        if (strcmp(json_string_value(json_object_get(job, "state")), state) == 0)
            return job;
        char *dump = i == 1999 ? json_dumps(job, 0) : NULL;
        if (dump)
            check_die(__FILE__, __LINE__, "the job does not come to be %s: %s", state, dump);
        json_decref(job);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return NULL;
}

static void come_to(fixture *f, const char *id, const char *state)
{
    json_decref(until(f, id, state));
}

static void let_go(fixture *f, int n)
{
    pthread_mutex_lock(&f->owner.lock);
    f->owner.let_go += n;
    pthread_cond_broadcast(&f->owner.change);
    pthread_mutex_unlock(&f->owner.lock);
}

static int erasing(fixture *f)
{
    pthread_mutex_lock(&f->owner.lock);
    int n = f->owner.erasing;
    pthread_mutex_unlock(&f->owner.lock);
    return n;
}

static const char *text_of(const json_t *job, const char *object, const char *name)
{
    return json_string_value(json_object_get(json_object_get(job, object), name));
}

/* ---- what can be asked ---- */

static void test_refuses(void **state)
{
    static const struct {
        const char *asked, *part;
        merx_status code;
    } cases[] = {
        {"[]", "object", MERX_E_TYPE},
        {"{}", "is missing", MERX_E_INVALID},
        {"{\"kind\":\"bake\"}", "expected import", MERX_E_INVALID},
        {"{\"kind\":\"train\",\"anwers\":[\"recommend\"]}", "did you mean \"answers\"", MERX_E_NOT_FOUND},
        {"{\"kind\":\"train\",\"answers\":\"recommend\"}", "list of 1 to", MERX_E_INVALID},
        {"{\"kind\":\"train\",\"answers\":[7]}", "not a text", MERX_E_TYPE},
        {"{\"kind\":\"train\",\"answers\":[\"recomend\"]}", "did you mean \"recommend\"", MERX_E_NOT_FOUND},
        {"{\"kind\":\"train\",\"answers\":[\"insight\"]}", "learns nothing", MERX_E_UNSUPPORTED},
        {"{\"kind\":\"train\",\"answers\":[\"next\",\"next\"]}", "twice", MERX_E_EXISTS},
        {"{\"kind\":\"train\",\"options\":{\"factors\":3}}", "of which answer", MERX_E_INVALID},
        {"{\"kind\":\"train\",\"options\":[]}", "object of options", MERX_E_TYPE},
        {"{\"kind\":\"train\",\"options\":{\"recommend.factors\":0}}", "recommend", MERX_E_RANGE},
        {"{\"kind\":\"train\",\"options\":{\"recommend\":{\"factors\":[1]}}}", "list or an object", MERX_E_TYPE},
        {"{\"kind\":\"train\",\"options\":{\"recomend\":{\"factors\":1}}}", "did you mean", MERX_E_NOT_FOUND},
        {"{\"kind\":\"train\",\"again\":\"yes\"}", "neither true nor false", MERX_E_TYPE},
        {"{\"kind\":\"import\"}", "there are no uploads", MERX_E_NOT_FOUND},
        {"{\"kind\":\"import\",\"uploads\":[\"a.csv\"]}", "there is no upload", MERX_E_NOT_FOUND},
        {"{\"kind\":\"import\",\"options\":{\"max_refsed\":1}}", "did you mean", MERX_E_NOT_FOUND},
        {"{\"kind\":\"erase\"}", "is missing", MERX_E_INVALID},
        {"{\"kind\":\"erase\",\"customers\":[\"a\\u0000b\"]}", "not a text", MERX_E_TYPE},
    };
    fixture f;
    merx_error err = {0};
    (void)state;
    make(&f);
    open_jobs(&f, 1, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *job = NULL;
        json_t *asked = json_loads(cases[i].asked, JSON_ALLOW_NUL, NULL);
        merx_status status = mx_job_start(f.shop, asked, &job, &err);
        if (status != cases[i].code || !strstr(err.message, cases[i].part))
            check_die(__FILE__, __LINE__, "%s: %s: %s", cases[i].asked, merx_status_name(status), err.message);
        assert_null(job);
        merx_error_clear(&err);
        json_decref(asked);
    }
    json_t *job;
    check_fails(mx_job_get(f.shop, "000000000000000", &job, &err), MERX_E_NOT_FOUND, err);
    check_fails(mx_job_get(f.shop, "../../shop.db", &job, &err), MERX_E_NOT_FOUND, err);
    check_fails(mx_job_cancel(f.shop, "000000000000000", &job, &err), MERX_E_NOT_FOUND, err);
    drop(&f);
}

/* ---- how they run ---- */

static void test_order(void **state)
{
    fixture f;
    char id[4][MX_JOB_ID_SIZE];
    (void)state;
    make(&f);
    f.owner.hold = true;
    open_jobs(&f, 3, 0);
    start(&f, "{\"kind\":\"erase\",\"customers\":[\"ann\"]}", id[0]);
    start(&f, "{\"kind\":\"erase\",\"customers\":[\"nobody\",\"bob\"]}", id[1]);
    start(&f, "{\"kind\":\"export\"}", id[2]);
    start(&f, "{\"kind\":\"erase\",\"customers\":[\"broken\",\"carl\"]}", id[3]);
    for (int i = 0; i < 3; i++)
        assert_true(strcmp(id[i], id[i + 1]) < 0);
    /* What reads passes what writes; of those that write one runs at a time. */
    come_to(&f, id[2], "done");
    come_to(&f, id[0], "running");
    assert_int_equal(erasing(&f), 1);
    come_to(&f, id[1], "waiting");
    let_go(&f, 1);
    json_t *job = until(&f, id[0], "done");
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(json_object_get(job, "parameters"), "customers"), 0)), "*");
    assert_true(json_number_value(json_object_get(job, "progress")) == 1);
    json_decref(job);
    come_to(&f, id[1], "running");
    come_to(&f, id[3], "waiting");
    let_go(&f, 2);
    job = until(&f, id[1], "done");
    const json_t *receipts = json_object_get(json_object_get(job, "result"), "receipts");
    assert_int_equal(json_array_size(receipts), 2);
    assert_true(json_is_false(json_object_get(json_array_get(receipts, 0), "found")));
    assert_int_equal(json_integer_value(json_object_get(json_array_get(receipts, 1), "events")), 3);
    json_decref(job);
    let_go(&f, 1);
    job = until(&f, id[3], "failed");
    assert_string_equal(text_of(job, "error", "code"), "io");
    assert_string_equal(text_of(job, "error", "message"), "it broke");
    json_decref(job);
    uint64_t counts[MX_JOB_KINDS][MX_JOB_STATES];
    mx_jobs_count(f.shop, counts);
    assert_int_equal(counts[MX_JOB_ERASE][MX_JOB_DONE], 2);
    assert_int_equal(counts[MX_JOB_ERASE][MX_JOB_FAILED], 1);
    assert_int_equal(counts[MX_JOB_EXPORT][MX_JOB_DONE], 1);

    /* Newest first, a page at a time. */
    merx_error err = {0};
    json_t *list;
    bool more;
    check_ok(mx_job_list(f.shop, NULL, 3, &list, &more, &err), err);
    assert_int_equal(json_array_size(list), 3);
    assert_true(more);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "id")), id[3]);
    json_decref(list);
    check_ok(mx_job_list(f.shop, id[1], 3, &list, &more, &err), err);
    assert_int_equal(json_array_size(list), 1);
    assert_false(more);
    json_decref(list);
    drop(&f);
}

static void test_ends(void **state)
{
    fixture f;
    char id[4][MX_JOB_ID_SIZE];
    merx_error err = {0};
    json_t *job;
    bool ended;
    (void)state;
    make(&f);
    f.owner.hold = true;
    open_jobs(&f, 1, 0);
    start(&f, "{\"kind\":\"erase\",\"customers\":[\"ann\"]}", id[0]);
    start(&f, "{\"kind\":\"erase\",\"customers\":[\"bob\"]}", id[1]);
    come_to(&f, id[0], "running");
    uint64_t version = mx_job_version(f.shop, id[1], &ended);
    assert_true(version > 0 && !ended);
    check_ok(mx_job_cancel(f.shop, id[1], &job, &err), err);
    assert_string_equal(json_string_value(json_object_get(job, "state")), "cancelled");
    json_decref(job);
    assert_true(mx_job_version(f.shop, id[1], &ended) > version && ended);
    check_ok(mx_job_cancel(f.shop, id[0], &job, &err), err);
    json_decref(job);
    job = until(&f, id[0], "cancelled");
    assert_true(json_is_null(json_object_get(job, "error")));
    json_decref(job);
    check_fails(mx_job_cancel(f.shop, id[0], &job, &err), MERX_E_EXISTS, err);
    check_fails(mx_job_cancel(f.shop, id[1], &job, &err), MERX_E_EXISTS, err);

    /* Stopped: what runs is interrupted and stays so, what waits is there again. */
    start(&f, "{\"kind\":\"erase\",\"customers\":[\"carl\"]}", id[2]);
    start(&f, "{\"kind\":\"erase\",\"customers\":[\"dora\"]}", id[3]);
    come_to(&f, id[2], "running");
    close_jobs(&f);
    open_jobs(&f, 1, 0);
    job = until(&f, id[2], "interrupted");
    assert_string_equal(text_of(job, "error", "code"), "cancelled");
    json_decref(job);
    come_to(&f, id[3], "running");
    let_go(&f, 1);
    come_to(&f, id[3], "done");
    close_jobs(&f);

    /* What takes too long is ended. */
    open_jobs(&f, 1, 1);
    start(&f, "{\"kind\":\"erase\",\"customers\":[\"emil\"]}", id[0]);
    job = until(&f, id[0], "failed");
    assert_string_equal(text_of(job, "error", "code"), "limit");
    check_contains(text_of(job, "error", "hint"), "job_time");
    json_decref(job);
    drop(&f);
}

/* ---- what is on disk ---- */

/* A record as a process leaves it that is killed. */
static void leave(fixture *f, const char *id, const char *kind, const char *state)
{
    merx_error err = {0};
    char path[400];
    char text[400];
    snprintf(path, sizeof path, "%s/jobs/%s", f->path, id);
    check_ok(mx_make_folders(path, &err), err);
    snprintf(path, sizeof path, "%s/jobs/%s/job.json", f->path, id);
    snprintf(text, sizeof text,
             "{\"id\":\"%s\",\"kind\":\"%s\",\"state\":\"%s\",\"created\":\"2026-01-02T03:04:05Z\",\"started\":null,"
             "\"ended\":null,\"progress\":0.5,\"stage\":\"x\",\"left_s\":null,\"parameters\":{\"customers\":[\"ann\"]},"
             "\"result\":null,\"error\":null}",
             id, kind, state);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static size_t folders(const fixture *f)
{
    char path[400];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/jobs", f->path);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir))
        n += e->d_name[0] != '.' && strcmp(e->d_name, "lock") != 0;
    closedir(dir);
    return n;
}

static void test_killed(void **state)
{
    fixture f;
    char id[MX_JOB_ID_SIZE];
    char path[400];
    merx_error err = {0};
    (void)state;
    make(&f);
    for (int i = 0; i < MX_JOBS_KEPT + 20; i++) {
        snprintf(id, sizeof id, "00000000000%04x", (unsigned)i);
        leave(&f, id, "export", "done");
    }
    leave(&f, "100000000000001", "erase", "running");
    leave(&f, "100000000000002", "erase", "waiting");
    leave(&f, "100000000000003", "nonsense", "done");
    /* A crash between a folder and its record; a folder that is none of ours. */
    snprintf(path, sizeof path, "%s/jobs/100000000000004", f.path);
    check_ok(mx_make_folders(path, &err), err);
    open_jobs(&f, 1, 0);
    assert_false(mx_path_exists(path));
    json_t *job = until(&f, "100000000000001", "interrupted");
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(json_object_get(job, "parameters"), "customers"), 0)), "*");
    json_decref(job);
    come_to(&f, "100000000000002", "done");
    check_fails(mx_job_get(f.shop, "100000000000003", &job, &err), MERX_E_NOT_FOUND, err);
    /* The history is bounded; the oldest go. */
    start(&f, "{\"kind\":\"export\"}", id);
    come_to(&f, id, "done");
    start(&f, "{\"kind\":\"export\"}", id);
    come_to(&f, id, "done");
    assert_true(folders(&f) <= MX_JOBS_KEPT + 3);
    check_fails(mx_job_get(f.shop, "000000000000000", &job, &err), MERX_E_NOT_FOUND, err);

    /* A second process of this folder shows the jobs and runs none. */
    fixture second = f;
    open_jobs(&second, 1, 0);
    json_t *asked = json_pack("{s:s}", "kind", "export");
    check_fails(mx_job_start(second.shop, asked, &job, &err), MERX_E_BUSY, err);
    check_ok(mx_job_get(second.shop, id, &job, &err), err);
    json_decref(job);
    close_jobs(&second);
    json_decref(asked);
    drop(&f);
}

static void test_export(void **state)
{
    fixture f;
    char id[MX_JOB_ID_SIZE];
    char text[200];
    merx_error err = {0};
    int fd;
    uint64_t bytes;
    (void)state;
    make(&f);
    open_jobs(&f, 1, 0);
    start(&f, "{\"kind\":\"export\"}", id);
    json_t *job = until(&f, id, "done");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(job, "result"), "rows")), 2);
    json_decref(job);
    check_ok(mx_job_file(f.shop, id, &fd, &bytes, &err), err);
    assert_int_equal(read(fd, text, sizeof text - 1), bytes);
    text[bytes] = '\0';
    close(fd);
    assert_string_equal(text,
                        "{\"kind\":\"product\",\"record\":{\"id\":\"tea\"}}\n{\"kind\":\"customer\",\"record\":{\"id\":"
                        "\"ann\"}}\n");
    mx_text log;
    mx_text_init(&log, NULL, 10000);
    check_ok(mx_job_log(f.shop, id, 0, 9000, &log, &err), err);
    check_contains(log.data, "2 rows");
    size_t whole = log.size;
    mx_text_clear(&log);
    check_ok(mx_job_log(f.shop, id, whole, 9000, &log, &err), err);
    assert_int_equal(log.size, 0);
    mx_text_release(&log);
    /* An erasure takes the file with it. */
    check_ok(mx_job_files_forget(f.path, &err), err);
    check_fails(mx_job_file(f.shop, id, &fd, &bytes, &err), MERX_E_NOT_FOUND, err);
    drop(&f);
}

/* ---- uploads ---- */

static void put(const char *path, const char *name, const char *data)
{
    merx_error err = {0};
    mx_upload *upload;
    char sha256[65];
    char want[65];
    uint64_t bytes;
    check_ok(mx_upload_begin(path, name, 1000, &upload, &err), err);
    for (const char *c = data; *c; c++)
        check_ok(mx_upload_write(upload, c, 1, &err), err);
    check_ok(mx_upload_commit(upload, sha256, &bytes, &err), err);
    assert_int_equal(bytes, strlen(data));
    mx_sha256_hex(data, strlen(data), want);
    assert_string_equal(sha256, want);
}

static size_t count_uploads(const char *path)
{
    merx_error err = {0};
    mx_arena arena;
    mx_uploaded *list;
    size_t n;
    mx_arena_init(&arena, NULL);
    check_ok(mx_uploads_list(path, &arena, &list, &n, &err), err);
    mx_arena_release(&arena);
    return n;
}

static void test_uploads(void **state)
{
    static const char *const bad[] = {"", ".", "..", ".a", "a/b", "a b", "a\n", "\xc3\xa4", "a\\b"};
    fixture f;
    merx_error err = {0};
    mx_upload *upload;
    char sha256[65];
    uint64_t bytes;
    char name[MX_UPLOAD_NAME_MAX + 2];
    (void)state;
    make(&f);
    assert_int_equal(count_uploads(f.path), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check_fails(mx_upload_begin(f.path, bad[i], 10, &upload, &err), MERX_E_INVALID, err);
    memset(name, 'a', sizeof name);
    name[MX_UPLOAD_NAME_MAX + 1] = '\0';
    check_fails(mx_upload_begin(f.path, name, 10, &upload, &err), MERX_E_INVALID, err);
    name[MX_UPLOAD_NAME_MAX] = '\0';
    put(f.path, name, "long name");
    put(f.path, "a.csv", "one");
    put(f.path, "a.csv", "another");
    put(f.path, "empty", "");
    assert_int_equal(count_uploads(f.path), 3);
    /* Beyond the limit, and abandoned: nothing stays, and what was there before does. */
    check_ok(mx_upload_begin(f.path, "a.csv", 5, &upload, &err), err);
    check_ok(mx_upload_write(upload, "12345", 5, &err), err);
    check_fails(mx_upload_write(upload, "6", 1, &err), MERX_E_LIMIT, err);
    check_fails(mx_upload_write(upload, "7", 1, &err), MERX_E_LIMIT, err);
    check_fails(mx_upload_commit(upload, sha256, &bytes, &err), MERX_E_LIMIT, err);
    check_ok(mx_upload_begin(f.path, "b.csv", 5, &upload, &err), err);
    mx_upload_abandon(upload);
    assert_int_equal(count_uploads(f.path), 3);
    /* What a crash left of one goes when the jobs are opened. */
    check_ok(mx_upload_begin(f.path, "c.csv", 5, &upload, &err), err);
    check_ok(mx_uploads_sweep(f.path, INT64_MIN, true, &err), err);
    check_fails(mx_upload_commit(upload, sha256, &bytes, &err), MERX_E_NOT_FOUND, err);
    /* By age. */
    check_ok(mx_uploads_sweep(f.path, mx_now_ms() - 60000, false, &err), err);
    assert_int_equal(count_uploads(f.path), 3);
    check_ok(mx_uploads_sweep(f.path, mx_now_ms() + 60000, false, &err), err);
    assert_int_equal(count_uploads(f.path), 0);
    check_fails(mx_upload_remove(f.path, "a.csv", &err), MERX_E_NOT_FOUND, err);
    check_fails(mx_upload_remove(f.path, "../shop.db", &err), MERX_E_INVALID, err);
    drop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refuses), cmocka_unit_test(test_order),
                                       cmocka_unit_test(test_ends),    cmocka_unit_test(test_killed),
                                       cmocka_unit_test(test_export),  cmocka_unit_test(test_uploads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
