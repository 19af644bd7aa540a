/*
 * Tasks: options, progress, cancel, memory; status and errors; what the machine says of itself.
 */
#include <errno.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/run.h"
#include "base/system.h"
#include "support/check.h"

static void test_status(void **state)
{
    (void)state;
    assert_string_equal(merx_status_name(MERX_OK), "MERX_OK");
    assert_string_equal(merx_status_name(MERX_E_PARSE), "MERX_E_PARSE");
    assert_string_equal(merx_status_text(MERX_E_PARSE), "malformed input");
    assert_string_equal(merx_status_name((merx_status)999), "MERX_E_UNKNOWN");
    assert_true(strlen(merx_status_text((merx_status)999)) > 0);
    assert_non_null(strchr(merx_version(), '.'));
}

static merx_status forwards(merx_error *err)
{
    MX_TRY(mx_error_set(err, MERX_E_SHAPE, "x", "has %d columns", 3));
    return MERX_OK;
}

static void test_errors(void **state)
{
    (void)state;
    merx_error err = {0};
    assert_int_equal(forwards(&err), MERX_E_SHAPE);
    assert_string_equal(err.where, "x");
    assert_string_equal(err.message, "has 3 columns");
    assert_int_equal(mx_error_set(&err, MERX_E_IO, "y", "later"), MERX_E_IO); /* the first wins */
    assert_int_equal(err.code, MERX_E_SHAPE);
    assert_string_equal(err.where, "x");
    merx_error_clear(&err);
    merx_error_clear(NULL);
    assert_int_equal(err.code, MERX_OK);
    assert_int_equal(mx_error_set(NULL, MERX_E_IO, NULL, "nobody listens"), MERX_E_IO);
    char text[2000];
    for (size_t i = 0; i + 3 < sizeof text; i += 3)
        memcpy(text + i, "茶", 3);
    text[1998] = '\0';
    mx_error_set(&err, MERX_E_PARSE, text, "%s", text);
    assert_int_equal(strlen(err.message), 510); /* 170 whole characters */
    assert_int_equal(strlen(err.where), 222);
    static const struct {
        int number;
        merx_status status;
    } known[] = {{ENOSPC, MERX_E_NO_SPACE},  {EROFS, MERX_E_PERMISSION}, {EACCES, MERX_E_PERMISSION},
                 {ENOENT, MERX_E_NOT_FOUND}, {EEXIST, MERX_E_EXISTS},    {EIO, MERX_E_IO}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        merx_error_clear(&err);
        assert_int_equal(mx_error_errno(&err, known[i].number, "a.csv", "open it"), known[i].status);
        check_contains(err.message, "could not open it: ");
        check_contains(err.message, strerror(known[i].number));
    }
}

static void test_null_task(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_task_cancel(NULL);
    assert_false(merx_task_cancelled(NULL));
    assert_int_equal(merx_task_threads(NULL), 1);
    assert_int_equal(merx_task_seed(NULL), 0);
    assert_int_equal(merx_task_max_memory(NULL), 0);
    assert_int_equal(merx_task_peak_memory(NULL), 0);
    assert_ptr_equal(merx_task_allocator(NULL), merx_allocator_default());
    mx_task_stage(NULL, "x", 1, "rows");
    check_ok(mx_task_step(NULL, 1, &err), err);
    mx_task_done(NULL);
    check_ok(mx_task_require_memory(NULL, UINT64_MAX, "it", &err), err);
}

static void test_options(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_task *task = NULL;
    check_fails(merx_task_new(NULL, &(merx_task_options){.threads = -1}, &task, &err), MERX_E_RANGE, err);
    check_fails(merx_task_new(NULL, &(merx_task_options){.threads = 257}, &task, &err), MERX_E_RANGE, err);
    assert_null(task);
    check_ok(merx_task_new(NULL, NULL, &task, &err), err);
    assert_int_equal(merx_task_threads(task), mx_cores() > 256 ? 256 : mx_cores());
    merx_task_free(task);
    check_ok(merx_task_new(NULL, &(merx_task_options){.threads = 2, .seed = 42}, &task, &err), err);
    assert_int_equal(merx_task_seed(task), 42);
    merx_task_free(task);
}

typedef struct heard {
    int calls, ends;
    double last_done;
    uint64_t last_count;
    char stage[200], unit[64];
} heard;

static void hear(void *context, const merx_progress *progress)
{
    heard *h = context;
    h->calls++;
    h->ends += progress->done == 1;
    h->last_done = progress->done;
    h->last_count = progress->count;
    snprintf(h->stage, sizeof h->stage, "%s", progress->stage);
    snprintf(h->unit, sizeof h->unit, "%s", progress->unit);
    assert_true(progress->elapsed_s >= 0);
}

static void test_progress(void **state)
{
    (void)state;
    merx_error err = {0};
    heard h = {0};
    merx_task *task = NULL;
    merx_task_options options = {.threads = 1, .progress = hear, .progress_context = &h};
    check_ok(merx_task_new(NULL, &options, &task, &err), err);
    char name[200];
    memset(name, 's', sizeof name);
    name[199] = '\0';
    mx_task_stage(task, name, UINT64_C(1000000000000), "rows");
    double begin = mx_monotonic_s();
    uint64_t done = 0;
    while (h.calls < 3)
        check_ok(mx_task_step(task, ++done, &err), err);
    assert_true(mx_monotonic_s() - begin >= 0.19); /* reports are a tenth of a second apart */
    assert_true(h.last_done > 0 && h.last_done < 1);
    assert_int_equal(h.ends, 0);
    assert_int_equal(strlen(h.stage), 127);
    assert_string_equal(h.unit, "rows");
    mx_task_done(task);
    mx_task_done(task);
    assert_int_equal(h.ends, 1);
    assert_true(h.last_count == UINT64_C(1000000000000));
    mx_task_stage(task, "second", 0, "iterations");
    check_ok(mx_task_step(task, 12, &err), err);
    mx_task_stage(task, "third", 5, ""); /* ends the second */
    assert_int_equal(h.ends, 2);
    assert_string_equal(h.stage, "second");
    assert_int_equal(h.last_count, 12);
    merx_task_cancel(task);
    check_fails(mx_task_step(task, 1, &err), MERX_E_CANCELLED, err);
    merx_task_free(task);
}

static void test_memory(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_task *task = NULL;
    const uint64_t max = UINT64_C(256) << 20;
    check_ok(merx_task_new(NULL, &(merx_task_options){.threads = 1, .max_memory_bytes = max}, &task, &err), err);
    assert_int_equal(merx_task_max_memory(task), max);
    const merx_allocator *alloc = merx_task_allocator(task);
    check_ok(mx_task_require_memory(task, max, "training", &err), err);
    assert_int_equal(mx_task_require_memory(task, UINT64_C(310) << 20, "training recommend", &err), MERX_E_LIMIT);
    assert_string_equal(err.message, "training recommend needs about 310 MB; --max-memory is 256 MB");
    merx_error_clear(&err);
    void *block = alloc->alloc(alloc->context, 10 << 20);
    assert_non_null(block);
    check_fails(mx_task_require_memory(task, max, "training", &err), MERX_E_LIMIT, err);
    check_fails(mx_task_require_memory(task, UINT64_MAX, "training", &err), MERX_E_LIMIT, err);
    double *large = NULL;
    check_fails(mx_alloc_array(alloc, max, 1, "large", &large, &err), MERX_E_MEMORY, err);
    alloc->release(alloc->context, block, 10 << 20);
    assert_int_equal(merx_task_peak_memory(task), 10 << 20);
    merx_task_free(task);
}

static merx_status make_task(const merx_allocator *alloc, void *context, merx_error *err)
{
    (void)context;
    merx_task *task = NULL;
    MX_TRY(merx_task_new(alloc, &(merx_task_options){.threads = 4}, &task, err));
    merx_task_free(task);
    return MERX_OK;
}

static void test_every_allocation(void **state)
{
    (void)state;
    check_every_allocation(make_task, NULL);
}

static void test_machine(void **state)
{
    (void)state;
    assert_true(mx_cores() >= 1);
    assert_true(mx_isa_available(MX_ISA_REF) && mx_isa_usable(MX_ISA_REF));
    for (int isa = 1; isa < MX_ISA_COUNT; isa++)
        if (mx_isa_usable((mx_isa)isa))
            assert_true(mx_isa_available((mx_isa)isa) && mx_isa_available((mx_isa)(isa - 1)));
    assert_false(mx_isa_available(MX_ISA_COUNT));
    assert_string_equal(mx_isa_name(MX_ISA_AVX512BF16), "avx512bf16");
    assert_true(strlen(mx_cpu_model()) > 0);
    assert_true(mx_peak_rss_bytes() > 1 << 20);
    char text[4096];
    size_t length = merx_build_info(text, sizeof text);
    assert_int_equal(length, strlen(text));
    check_contains(text, merx_version());
    check_contains(text, "ref");
    char small[8];
    assert_int_equal(merx_build_info(small, sizeof small), length);
    assert_int_equal(strlen(small), 7);
    assert_int_equal(merx_build_info(NULL, 0), length);
}

/* The environment is read once, so each case is a process of its own: exit status is a mask of usable sets, stderr goes to a file. */
static int run_child(const char *name, const char *value, const char *log_path)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (freopen(log_path, "w", stderr) == NULL)
            _exit(99);
        setenv(name, value, 1);
        mx_log("dispatch", "%d is %s", 7, "seven");
        mx_log("other", "not asked for");
        int mask = 0;
        for (int isa = 0; isa < MX_ISA_COUNT; isa++)
            mask |= mx_isa_usable((mx_isa)isa) << isa;
        fflush(stderr);
        _exit(mask);
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_environment(void **state)
{
    (void)state;
    char folder[256];
    char path[300];
    check_make_folder(folder);
    snprintf(path, sizeof path, "%s/log", folder);
    assert_int_equal(run_child("MERX_MAX_ISA", "ref", path), 1);
    assert_int_equal(run_child("MERX_MAX_ISA", "AVX2", path) & ~3, 0);
    assert_int_equal(run_child("MERX_MAX_ISA", "avx2", path) & 1, 1);
    run_child("MERX_VERBOSE", "store, dispatch", path);
    char *log = check_read_file(path, NULL);
    assert_string_equal(log, "merx dispatch: 7 is seven\n");
    free(log);
    run_child("MERX_VERBOSE", "all", path);
    log = check_read_file(path, NULL);
    check_contains(log, "not asked for\n");
    free(log);
    run_child("MERX_VERBOSE", "dispatcher", path);
    log = check_read_file(path, NULL);
    assert_string_equal(log, "");
    free(log);
    check_remove_folder(folder);
    assert_int_not_equal(access(folder, F_OK), 0);
}

int main(void)
{
    unsetenv("MERX_VERBOSE");
    unsetenv("MERX_MAX_ISA");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment), /* first: reads the environment in children */
        cmocka_unit_test(test_status),      cmocka_unit_test(test_errors),           cmocka_unit_test(test_null_task),
        cmocka_unit_test(test_options),     cmocka_unit_test(test_progress),         cmocka_unit_test(test_memory),
        cmocka_unit_test(test_machine),     cmocka_unit_test(test_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
