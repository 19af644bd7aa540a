/*
 * The decoder's processes: what they can't do, what happens when they crash, spin, grow, lie or hang, and that nothing else is lost then.
 *
 * Started with --serve this test is itself the helper: it limits itself as merx-decode does, and then does what the "picture" says. The real merx-decode is tried
 * with the corpus.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/confine.h"
#include "base/helper.h"
#include "media/decode/serve.h"
#include "media/picture.h"
#include "support/check.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* ---- the helper that misbehaves ---- */

static bool is(const unsigned char *bytes, size_t size, const char *word)
{
    return size == strlen(word) && memcmp(bytes, word, size) == 0;
}

/* What the sandbox must refuse: the names of what was possible. */
static void try_everything(char *message, size_t size)
{
    snprintf(message, size, "refused all but:");
    const struct {
        const char *name;
        bool done;
    } tries[] = {
        {"open", open("/etc/passwd", O_RDONLY) >= 0 || errno != EPERM},
        {"create", open("/tmp/merx-escape", O_WRONLY | O_CREAT, 0600) >= 0 || errno != EPERM},
        {"stat", access("/etc", F_OK) == 0 || errno != EPERM},
        {"socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0}) == 0 || errno != EPERM},
        {"executable memory",
         mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED},
        {"chdir", chdir("/tmp") == 0},
        {"unlink", unlink("/tmp/merx-nothing") == 0 || errno != EPERM},
        {"rename", rename("/tmp/a", "/tmp/b") == 0 || errno != EPERM},
        {"signal others", !SANITIZED ? false : kill(1, 0) == 0},
    };
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
        if (tries[i].done) {
            const size_t used = strlen(message);
            snprintf(message + used, size - used, " %s", tries[i].name);
        }
}

static void misbehave(const mx_served *served, const unsigned char *bytes, size_t size, mx_decode_reply *reply)
{
    reply->height = reply->width = 1;
    if (is(bytes, size, "fine"))
        memcpy(served->shared + reply->offset, "abc", 3);
    else if (is(bytes, size, "try everything")) {
        reply->height = 0;
        reply->status = MERX_E_CORRUPT;
        try_everything(reply->message, sizeof reply->message);
    } else if (is(bytes, size, "grow")) {
        /* 64 MiB are allowed. */
        char *block = mmap(NULL, (size_t)1 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        reply->height = 0;
        reply->status = block == MAP_FAILED ? MERX_E_LIMIT : MERX_E_CORRUPT;
        snprintf(reply->message, sizeof reply->message, "grown");
    } else if (is(bytes, size, "abort")) {
        abort();
    } else if (is(bytes, size, "exit")) {
        _exit(5);
    } else if (is(bytes, size, "spin")) {
        mx_confine_cpu(served->hello.cpu_ms);
        for (volatile unsigned i = 0;; i++)
            ;
    } else if (is(bytes, size, "hang")) {
        char byte;
        (void)!recv(MX_HELPER_SOCKET, &byte, 1, 0);
    } else if (is(bytes, size, "exec")) {
        (void)!execl("/bin/true", "true", (char *)NULL);
        reply->status = MERX_E_CORRUPT;
    } else if (is(bytes, size, "too large")) {
        reply->height = reply->width = 65535;
    } else if (is(bytes, size, "beyond")) {
        reply->offset = served->hello.shared_bytes - 1;
    } else if (is(bytes, size, "overflow")) {
        reply->offset = UINT64_MAX - 1;
    } else if (is(bytes, size, "other")) {
        reply->index += 1;
    } else if (is(bytes, size, "status")) {
        reply->status = 4711;
    } else if (is(bytes, size, "nothing")) {
        reply->height = 0;
    } else if (is(bytes, size, "no end")) {
        reply->status = MERX_E_CORRUPT;
        memset(reply->message, 'x', sizeof reply->message);
    }
}

static int serve(int argc, char **argv)
{
    mx_served served;
    static mx_decode_request request;
    const int code = mx_serve_begin(argc, argv, "what the test says", NULL, &served);
    if (code != 0)
        return code;
    while (mx_serve_hear(&request, sizeof request, NULL))
        for (uint32_t i = 0; i < request.count; i++) {
            mx_decode_reply reply = {.magic = MX_DECODE_MAGIC, .index = i, .offset = request.pixels + i * 64};
            misbehave(&served, served.shared + request.part[i].offset, request.part[i].size, &reply);
            (void)!mx_serve_say(&reply, sizeof reply);
        }
    return 0;
}

/* ---- the tests ---- */

static char self[4096];

static merx_decoder *new_decoder(const char *program, int processes)
{
    merx_error err = {0};
    merx_decoder *decoder;
    const merx_decoder_options options = {
        .program = program, .processes = processes, .max_cpu_ms = 200, .max_memory_bytes = 64 << 20};
    check_ok(merx_decoder_new(NULL, &options, &decoder, &err), err);
    return decoder;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* One bad picture among ten: it alone fails, as told; the others come whole. */
static void test_misbehaviour(void **state)
{
    (void)state;
    const struct {
        const char *word;
        merx_status status;
        const char *says;
        bool dies;
    } cases[] = {
        {"try everything", MERX_E_CORRUPT, "refused all but:", false},
        {"grow", SANITIZED ? MERX_E_CORRUPT : MERX_E_LIMIT, "grown", false},
        {"abort", MERX_E_CORRUPT, "its decoder was ended by signal 6", true},
        {"exit", MERX_E_CORRUPT, "its decoder ended with exit code 5", true},
        {"spin", MERX_E_LIMIT, "more than the 200 ms of processor time", true},
        {"hang", MERX_E_LIMIT, "did not answer", true},
        {"exec", MERX_E_CORRUPT, SANITIZED ? "" : "its decoder was ended by signal 31", !SANITIZED},
        {"too large", MERX_E_CORRUPT, "its decoder", true},
        {"beyond", MERX_E_CORRUPT, "its decoder", true},
        {"overflow", MERX_E_CORRUPT, "its decoder", true},
        {"other", MERX_E_CORRUPT, "its decoder", true},
        {"status", MERX_E_CORRUPT, "its decoder", true},
        {"nothing", MERX_E_CORRUPT, "its decoder", true},
        {"no end", MERX_E_CORRUPT, "xxx", false},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        merx_error err = {0};
        merx_decoder *decoder = new_decoder(self, 1 + (int)(k % 2));
        const merx_picture_options options = {.height = 1, .width = 1};
        for (size_t bad = 0; bad < 10; bad += 3) {
            merx_picture_bytes in[10];
            merx_picture out[10];
            const uint64_t before = merx_decoder_restarts(decoder);
            if (strcmp(cases[k].word, "hang") == 0 && bad > 0)
                break; /* it takes seconds */
            for (size_t i = 0; i < 10; i++)
                in[i] =
                    (merx_picture_bytes){i == bad ? cases[k].word : "fine", i == bad ? strlen(cases[k].word) : 4, NULL};
            check_ok(merx_pictures_decode(decoder, in, 10, &options, NULL, out, &err), err);
            for (size_t i = 0; i < 10; i++) {
                if (i != bad) {
                    if (out[i].error.code != MERX_OK)
                        check_die(__FILE__, __LINE__, "%s: picture %zu: %s", cases[k].word, i, out[i].error.message);
                    assert_memory_equal(out[i].pixels, "abc", 3);
                } else {
                    char name[32];
                    snprintf(name, sizeof name, "picture %zu", bad);
                    if (out[i].error.code != cases[k].status || strstr(out[i].error.message, cases[k].says) == NULL ||
                        strcmp(out[i].error.where, name) != 0)
                        check_die(__FILE__, __LINE__, "%s: %s: %s \"%s\"", cases[k].word, out[i].error.where,
                                  merx_status_name(out[i].error.code), out[i].error.message);
                    if (strcmp(cases[k].word, "try everything") == 0)
                        assert_string_equal(out[i].error.message, "refused all but:");
                }
                merx_picture_release(&out[i]);
            }
            assert_int_equal(merx_decoder_restarts(decoder) - before, cases[k].dies);
        }
        merx_decoder_free(decoder);
    }
}

/* No child is left, whatever the host does with the news of their ends. */
static void test_no_zombies(void **state)
{
    (void)state;
    merx_error err = {0};
    for (int ignored = 0; ignored < 2; ignored++) {
        signal(SIGCHLD, ignored ? SIG_IGN : SIG_DFL);
        merx_decoder *decoder = new_decoder(self, 2);
        merx_picture_bytes in[3] = {{"fine", 4, NULL}, {"abort", 5, "b.jpg"}, {"fine", 4, NULL}};
        merx_picture out[3];
        const merx_picture_options options = {.height = 1, .width = 1};
        check_ok(merx_pictures_decode(decoder, in, 3, &options, NULL, out, &err), err);
        assert_int_equal(out[1].error.code, MERX_E_CORRUPT);
        assert_string_equal(out[1].error.where, "b.jpg");
        for (int i = 0; i < 3; i++)
            merx_picture_release(&out[i]);
        merx_decoder_free(decoder);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
    }
    signal(SIGCHLD, SIG_DFL);
}

/* A program that ends at once, or that is none. */
static void test_no_program(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_decoder *decoder;
    merx_picture out;
    const merx_picture_bytes in = {"fine", 4, NULL};
    check_fails(merx_decoder_new(NULL, &(merx_decoder_options){.program = "/no/such"}, &decoder, &err),
                MERX_E_NOT_FOUND, err);
    check_fails(merx_decoder_new(NULL, &(merx_decoder_options){.program = "merx-decode"}, &decoder, &err),
                MERX_E_INVALID, err);
    check_fails(merx_decoder_new(NULL, &(merx_decoder_options){.processes = 65}, &decoder, &err), MERX_E_RANGE, err);
    check_fails(merx_decoder_new(NULL, &(merx_decoder_options){.max_side = 1 << 20}, &decoder, &err), MERX_E_RANGE,
                err);
    decoder = new_decoder("/bin/true", 1);
    check_fails(merx_pictures_decode(decoder, &in, 1, NULL, NULL, &out, &err), MERX_E_IO, err);
    merx_decoder_free(decoder);
    decoder = new_decoder("/etc/passwd", 1);
    const merx_status status = merx_pictures_decode(decoder, &in, 1, NULL, NULL, &out, &err);
    assert_true(status == MERX_E_PERMISSION || status == MERX_E_IO);
    merx_error_clear(&err);
    merx_decoder_free(decoder);
}

static void test_limits(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_decoder *decoder;
    merx_picture out[3];
    const merx_picture_bytes in[3] = {{"fine", 4, NULL}, {"fine5", 5, "large.jpg"}, {"", 0, "empty.jpg"}};
    check_ok(merx_decoder_new(NULL, &(merx_decoder_options){.program = self, .max_bytes = 4, .max_pixels = 100},
                              &decoder, &err),
             err);
    check_ok(merx_pictures_decode(decoder, in, 3, &(merx_picture_options){.height = 1, .width = 1}, NULL, out, &err),
             err);
    assert_int_equal(out[0].error.code, MERX_OK);
    assert_int_equal(out[1].error.code, MERX_E_LIMIT);
    check_contains(out[1].error.message, "has 5 bytes; 4 are allowed");
    assert_int_equal(out[2].error.code, MERX_E_PARSE);
    merx_picture_release(&out[0]);
    check_ok(merx_pictures_decode(decoder, in, 0, NULL, NULL, out, &err), err);
    check_fails(
        merx_pictures_decode(decoder, in, 1, &(merx_picture_options){.height = 11, .width = 10}, NULL, out, &err),
        MERX_E_LIMIT, err);
    check_fails(merx_pictures_decode(decoder, in, 1, &(merx_picture_options){.height = 11}, NULL, out, &err),
                MERX_E_RANGE, err);
    merx_decoder_free(decoder);
}

static void test_cancel(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_task *task;
    merx_picture out;
    const merx_picture_bytes in = {"hang", 4, NULL};
    check_ok(merx_task_new(NULL, NULL, &task, &err), err);
    merx_decoder *decoder = new_decoder(self, 1);
    merx_task_cancel(task);
    const double begin = now_s();
    check_fails(merx_pictures_decode(decoder, &in, 1, NULL, task, &out, &err), MERX_E_CANCELLED, err);
    assert_true(now_s() - begin < 30);
    /* It works again afterwards. */
    const merx_picture_bytes fine = {"fine", 4, NULL};
    check_ok(merx_pictures_decode(decoder, &fine, 1, NULL, NULL, &out, &err), err);
    assert_memory_equal(out.pixels, "abc", 3);
    merx_picture_release(&out);
    merx_decoder_free(decoder);
    merx_task_free(task);
}

static void *decode_in_thread(void *context)
{
    for (int round = 0; round < 20; round++) {
        merx_error err = {0};
        merx_picture out[3];
        const merx_picture_bytes in[3] = {
            {"fine", 4, NULL}, {round % 5 == 0 ? "abort" : "fine", round % 5 == 0 ? 5 : 4, NULL}, {"fine", 4, NULL}};
        if (merx_pictures_decode(context, in, 3, NULL, NULL, out, &err) != MERX_OK || out[0].error.code != MERX_OK ||
            (out[1].error.code != MERX_OK) != (round % 5 == 0) || memcmp(out[2].pixels, "abc", 3) != 0)
            return context;
        for (int i = 0; i < 3; i++)
            merx_picture_release(&out[i]);
    }
    return NULL;
}

/* One decoder, several threads: one after the other has it. */
static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[3];
    merx_decoder *decoder = new_decoder(self, 2);
    for (int t = 0; t < 3; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, decode_in_thread, decoder), 0);
    for (int t = 0; t < 3; t++) {
        void *failed;
        pthread_join(threads[t], &failed);
        assert_null(failed);
    }
    merx_decoder_free(decoder);
}

static merx_status decode_with(const merx_allocator *alloc, void *context, merx_error *err)
{
    (void)context;
    merx_decoder *decoder = NULL;
    merx_picture out[4] = {{0}};
    const merx_picture_bytes in[4] = {{"fine", 4, NULL}, {"abort", 5, NULL}, {"fine", 4, NULL}, {"fine", 4, NULL}};
    merx_status status;
    MX_TRY_GOTO(merx_decoder_new(alloc, &(merx_decoder_options){.program = self, .processes = 1}, &decoder, err));
    MX_TRY_GOTO(merx_pictures_decode(decoder, in, 4, NULL, NULL, out, err));
    for (int i = 0; i < 4; i++)
        merx_picture_release(&out[i]);
out:
    merx_decoder_free(decoder);
    return status;
}

static void test_memory(void **state)
{
    (void)state;
    check_every_allocation(decode_with, NULL);
}

/* The real merx-decode over the whole corpus, in any number of processes the same; the bomb costs nothing. */
static void test_corpus(void **state)
{
    (void)state;
    enum { MOST = 100 };
    static char *bytes[MOST];
    static merx_picture_bytes in[MOST];
    static merx_picture out[2][MOST];
    static char names[MOST][256];
    char folder[4096], path[5000];
    merx_error err = {0};
    size_t n = 0;
    snprintf(folder, sizeof folder, "%s/fuzz/corpus/picture", MERX_TESTS_DIR);
    DIR *list = opendir(folder);
    assert_non_null(list);
    for (const struct dirent *entry; (entry = readdir(list)) != NULL && n < MOST;)
        if (entry->d_name[0] != '.') {
            snprintf(names[n], sizeof names[n], "%s", entry->d_name);
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            bytes[n] = check_read_file(path, &in[n].size);
            in[n].bytes = bytes[n];
            in[n].name = names[n];
            n++;
        }
    closedir(list);
    assert_true(n > 40);
    for (int sized = 0; sized < 2; sized++) {
        const merx_picture_options options = {
            .height = sized ? 17 : 0, .width = sized ? 19 : 0, .fit = MERX_PICTURE_PAD};
        for (int k = 0; k < 2; k++) {
            merx_decoder *decoder;
            check_ok(merx_decoder_new(NULL, &(merx_decoder_options){.processes = 1 + 2 * k}, &decoder, &err), err);
            check_ok(merx_pictures_decode(decoder, in, n, &options, NULL, out[k], &err), err);
            assert_int_equal(merx_decoder_restarts(decoder), 0);
            merx_decoder_free(decoder);
        }
        size_t whole = 0, refused = 0;
        for (size_t i = 0; i < n; i++) {
            const merx_picture *a = &out[0][i], *b = &out[1][i];
            assert_int_equal(a->error.code, b->error.code);
            assert_string_equal(a->error.message, b->error.message);
            assert_int_equal(a->height, b->height);
            assert_int_equal(a->width, b->width);
            if (a->height > 0)
                assert_memory_equal(a->pixels, b->pixels, a->height * a->width * 3);
            if (a->error.code != MERX_OK)
                assert_string_equal(a->error.where, names[i]);
            if (strcmp(names[i], "bomb.png") == 0)
                assert_int_equal(a->error.code, MERX_E_LIMIT);
            whole += a->error.code == MERX_OK;
            refused += a->error.code != MERX_OK;
            merx_picture_release(&out[0][i]);
            merx_picture_release(&out[1][i]);
        }
        assert_true(whole >= 28 && refused >= 12);
    }
    for (size_t i = 0; i < n; i++)
        free(bytes[i]);
    /* One file by its path. */
    merx_decoder *decoder;
    merx_picture one;
    check_ok(merx_decoder_new(NULL, NULL, &decoder, &err), err);
    snprintf(path, sizeof path, "%s/rgb.png", folder);
    check_ok(merx_picture_read(decoder, path, NULL, &one, &err), err);
    assert_int_equal(one.height, 24);
    assert_int_equal(one.width, 32);
    assert_int_equal(one.format, MERX_PICTURE_PNG);
    merx_picture_release(&one);
    snprintf(path, sizeof path, "%s/large_cut.jpg", folder);
    check_fails(merx_picture_read(decoder, path, NULL, &one, &err), MERX_E_CORRUPT, err);
    assert_null(one.pixels);
    check_fails(merx_picture_read(decoder, "/no/such.jpg", NULL, &one, &err), MERX_E_NOT_FOUND, err);
    merx_decoder_free(decoder);
}

/* The real merx-decode obeys its limits too: a picture of nine million pixels in a millisecond, and in eight megabytes. */
static void test_real_limits(void **state)
{
    (void)state;
    enum { SIDE = 3000 };
    merx_error err = {0};
    merx_bytes png;
    merx_decoder *decoder;
    merx_picture out[3];
    unsigned char *noise = malloc(SIDE * SIDE * 3);
    uint32_t x = 1;
    for (size_t i = 0; i < (size_t)SIDE * SIDE * 3; i++) {
        x = x * 1664525 + 1013904223;
        noise[i] = (unsigned char)(x >> 29);
    }
    check_ok(merx_png_encode(noise, SIDE, SIDE, 3, NULL, &png, &err), err);
    free(noise);
    const merx_picture_options options = {.height = 8, .width = 8};
    const merx_picture_bytes in[3] = {{png.data, png.size, "a"}, {png.data, png.size, "b"}, {"no picture", 10, "c"}};
    check_ok(merx_decoder_new(NULL, &(merx_decoder_options){.processes = 1, .max_cpu_ms = 1}, &decoder, &err), err);
    check_ok(merx_pictures_decode(decoder, in, 3, &options, NULL, out, &err), err);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(out[i].error.code, MERX_E_LIMIT);
        check_contains(out[i].error.message, "takes more than the 1 ms of processor time allowed");
    }
    assert_int_equal(out[2].error.code, MERX_E_PARSE);
    assert_int_equal(merx_decoder_restarts(decoder), 2);
    merx_decoder_free(decoder);
    for (int large = 0; large < 2; large++) {
        const merx_decoder_options limits = {.processes = 1, .max_memory_bytes = (uint64_t)(large ? 256 : 8) << 20};
        check_ok(merx_decoder_new(NULL, &limits, &decoder, &err), err);
        check_ok(merx_pictures_decode(decoder, in, 1, &options, NULL, out, &err), err);
        if (large || SANITIZED) {
            assert_int_equal(out[0].error.code, MERX_OK);
            assert_int_equal(out[0].source_height, SIDE);
        } else {
            assert_int_equal(out[0].error.code, MERX_E_LIMIT);
            check_contains(out[0].error.message, "memory");
        }
        merx_picture_release(&out[0]);
        assert_int_equal(merx_decoder_restarts(decoder), 0);
        merx_decoder_free(decoder);
    }
    merx_bytes_release(&png);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return serve(argc, argv);
    const ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    if (size < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_misbehaviour), cmocka_unit_test(test_no_zombies), cmocka_unit_test(test_no_program),
        cmocka_unit_test(test_limits),       cmocka_unit_test(test_cancel),     cmocka_unit_test(test_threads),
        cmocka_unit_test(test_memory),       cmocka_unit_test(test_corpus),     cmocka_unit_test(test_real_limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
