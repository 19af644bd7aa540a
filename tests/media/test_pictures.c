/*
 * Data sets of pictures: folders, tar files, lists, what is left out and what is refused; the grocery pictures where they are.
 */
#include "io/stream.h"
#include "merx/media.h"
#include "support/check.h"
#include "support/tar_writer.h"

static char folder[256];

static char *corpus_file(const char *name, size_t *size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/fuzz/corpus/picture/%s", MERX_TESTS_DIR, name);
    return check_read_file(path, size);
}

static void put(const char *to, const char *from)
{
    char path[600];
    size_t size;
    char *bytes = corpus_file(from, &size);
    snprintf(path, sizeof path, "%s/%s", folder, to);
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(path, 0777);
        *slash = '/';
    }
    check_write_file(path, bytes, size);
    free(bytes);
}

static char *in_folder(const char *name)
{
    static char path[2][600];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static void add_picture(archive *a, const char *name, const char *from)
{
    size_t size;
    char *bytes = corpus_file(from, &size);
    archive_add(a, name, '0', bytes, size);
    free(bytes);
}

static void finish(archive *a, const char *path, mx_compression compression)
{
    merx_error err = {0};
    mx_sink *sink;
    a->data = realloc(a->data, a->size + 1024);
    memset(a->data + a->size, 0, 1024);
    check_ok(mx_sink_open(path, compression, NULL, &sink, &err), err);
    check_ok(mx_sink_write(sink, a->data, a->size + 1024, &err), err);
    check_ok(mx_sink_finish(sink, &err), err);
    free(a->data);
    *a = (archive){0};
}

/* ---- the tests ---- */

static const merx_picture_options small = {.height = 12, .width = 16};

static void check_labels(const merx_pictures *set, size_t n, const char *const *names, const char *const *labels)
{
    assert_int_equal(merx_pictures_count(set), n);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(merx_pictures_name(set, i), names[i]);
        assert_string_equal(merx_pictures_label(set, i, 0), labels[i]);
        assert_string_equal(merx_pictures_level(set, 0, (size_t)merx_pictures_code(set, i, 0)), labels[i]);
    }
}

static void test_folder(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_pictures *set;
    put("set/cups/a.jpg", "rgb.jpg");
    put("set/cups/b.PNG", "alpha.png");
    put("set/cups/cut.jpg", "large_cut.jpg");
    put("set/bowls/deep/c.webp", "lossy.webp");
    put("set/bowls/bomb.png", "bomb.png");
    put("set/top.jpeg", "grey.jpg");
    put("set/notes.txt", "text.txt");
    put("outside.jpg", "rgb.jpg");
    (void)!symlink("a.jpg", in_folder("set/cups/link.jpg")); /* inside: fine */
    (void)!symlink("../cups", in_folder("set/bowls/again")); /* its pictures are found where they are */
    const merx_pictures_options options = {.picture = small};
    check_ok(merx_pictures_open(in_folder("set"), &options, NULL, &set, &err), err);
    static const char *const names[] = {"bowls/bomb.png", "bowls/deep/c.webp", "cups/a.jpg", "cups/b.PNG",
                                        "cups/cut.jpg",   "cups/link.jpg",     "top.jpeg"};
    static const char *const labels[] = {"bowls", "bowls/deep", "cups", "cups", "cups", "cups", ""};
    check_labels(set, 7, names, labels);
    assert_int_equal(merx_pictures_levels(set, 0), 4);
    assert_string_equal(merx_pictures_level(set, 0, 1), "bowls");
    for (int round = 0; round < 2; round++) {
        static const size_t good[] = {1, 2, 3, 5, 6};
        for (size_t k = 0;; k++) {
            merx_pictures_item item;
            check_ok(merx_pictures_next(set, &item, &err), err);
            if (item.picture == NULL) {
                assert_int_equal(k, 5);
                break;
            }
            assert_int_equal(item.index, good[k]);
            assert_string_equal(item.name, names[good[k]]);
            assert_int_equal(item.picture->height, 12);
            assert_int_equal(item.picture->width, 16);
        }
        assert_int_equal(merx_pictures_skipped(set), 2);
        assert_string_equal(merx_pictures_skipped_name(set, 0), "bowls/bomb.png");
        assert_int_equal(merx_pictures_skipped_error(set, 0)->code, MERX_E_LIMIT);
        assert_string_equal(merx_pictures_skipped_name(set, 1), "cups/cut.jpg");
        check_contains(merx_pictures_skipped_error(set, 1)->message, "is cut short");
        merx_pictures_rewind(set);
        assert_int_equal(merx_pictures_skipped(set), 0);
    }
    /* Any of them, and all at once. */
    merx_picture some[3];
    check_ok(merx_pictures_read(set, (const size_t[]){6, 0, 6}, 3, some, &err), err);
    assert_memory_equal(some[0].pixels, some[2].pixels, 12 * 16 * 3);
    assert_int_equal(some[1].error.code, MERX_E_LIMIT);
    merx_picture_tensor tensor;
    check_ok(merx_pictures_load(set, &tensor, &err), err);
    assert_int_equal(tensor.n, 5);
    assert_int_equal(tensor.index[4], 6);
    assert_memory_equal(tensor.pixels + 4 * 12 * 16 * 3, some[0].pixels, 12 * 16 * 3);
    assert_memory_equal(tensor.pixels + 1 * 12 * 16 * 3, tensor.pixels + 3 * 12 * 16 * 3,
                        12 * 16 * 3); /* a link to it */
    assert_int_equal(merx_pictures_skipped(set), 2);
    merx_picture_tensor_release(&tensor);
    for (int i = 0; i < 3; i++)
        merx_picture_release(&some[i]);
    check_fails(merx_pictures_read(set, (const size_t[]){7}, 1, some, &err), MERX_E_RANGE, err);
    /* A file that goes away is that picture's failure. */
    unlink(in_folder("set/cups/b.PNG"));
    check_ok(merx_pictures_read(set, (const size_t[]){2, 3}, 2, some, &err), err);
    assert_int_equal(some[0].error.code, MERX_OK);
    assert_int_equal(some[1].error.code, MERX_E_NOT_FOUND);
    merx_picture_release(&some[0]);
    merx_picture_release(&some[1]);
    merx_pictures_free(set);
    /* Part of it. */
    const merx_pictures_options within = {.picture = small, .within = "bowls"};
    check_ok(merx_pictures_open(in_folder("set"), &within, NULL, &set, &err), err);
    check_labels(set, 2, names, (const char *const[]){"", "deep"});
    merx_pictures_free(set);
    check_fails(merx_pictures_open(in_folder("set"), &(merx_pictures_options){.within = "bowl"}, NULL, &set, &err),
                MERX_E_NOT_FOUND, err);
    check_fails(merx_pictures_open(in_folder("set"), &(merx_pictures_options){.max_members = 3}, NULL, &set, &err),
                MERX_E_LIMIT, err);
    check_fails(merx_pictures_open(in_folder("nothing"), NULL, NULL, &set, &err), MERX_E_NOT_FOUND, err);
    /* A tensor needs a size. */
    check_ok(merx_pictures_open(in_folder("set"), NULL, NULL, &set, &err), err);
    check_fails(merx_pictures_load(set, &tensor, &err), MERX_E_INVALID, err);
    merx_pictures_free(set);
    /* A link that leads out. */
    (void)!symlink("../outside.jpg", in_folder("set/out.jpg"));
    check_fails(merx_pictures_open(in_folder("set"), NULL, NULL, &set, &err), MERX_E_INVALID, err);
    unlink(in_folder("set/out.jpg"));
}

static void test_list(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_pictures *set;
    char list[600];
    put("listed/a.jpg", "rgb.jpg");
    put("listed/b/c.png", "rgb.png");
    snprintf(list, sizeof list, "%s/list.txt", folder);
    const merx_pictures_options options = {.picture = small, .list = list};
    check_write_file(list, "path,fine,coarse\nb/c.png, 10, x\n\n./a.jpg, 9, y\nb/c.png, 2, x\n", SIZE_MAX);
    check_ok(merx_pictures_open(in_folder("listed"), &options, NULL, &set, &err), err);
    check_labels(set, 3, (const char *const[]){"b/c.png", "a.jpg", "b/c.png"}, (const char *const[]){"10", "9", "2"});
    assert_int_equal(merx_pictures_label_columns(set), 2);
    assert_int_equal(merx_pictures_code(set, 0, 0), 2); /* 2, 9, 10: as numbers */
    assert_int_equal(merx_pictures_levels(set, 1), 2);
    assert_string_equal(merx_pictures_label(set, 1, 1), "y");
    merx_pictures_free(set);
    const struct {
        const char *text;
        merx_status status;
        const char *says;
    } cases[] = {
        {"a.jpg,1\nnone.jpg,2\n", MERX_E_NOT_FOUND, "lists none.jpg"},
        {"a.jpg,1\n../outside.jpg,2\n", MERX_E_INVALID, "relative path"},
        {"/etc/passwd,1\n", MERX_E_INVALID, "relative path"},
        {"a.jpg,1\nb/c.png\n", MERX_E_PARSE, "field"},
        {"path,label\n", MERX_E_PARSE, "lists no picture"},
        {"", MERX_E_PARSE, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_write_file(list, cases[i].text, SIZE_MAX);
        const merx_status status = merx_pictures_open(in_folder("listed"), &options, NULL, &set, &err);
        if (status != cases[i].status || strstr(err.message, cases[i].says) == NULL)
            check_die(__FILE__, __LINE__, "\"%s\" gave %s: %s: %s", cases[i].text, merx_status_name(status), err.where,
                      err.message);
        merx_error_clear(&err);
    }
}

static void make_tar(const char *path, mx_compression compression)
{
    archive a = {0};
    archive_add(&a, "./", '5', "", 0);
    archive_add(&a, "./train/", '5', "", 0);
    add_picture(&a, "./train/x/1.png", "rgb.png");
    archive_add(&a, "./train/x/2.jpg", '0', "no picture", 10);
    add_picture(&a, "./train/y/3.webp", "lossless.webp");
    archive_add(&a, "readme.txt", '0', "hello", 5);
    add_picture(&a, "val/x/4.jpg", "rgb.jpg");
    add_picture(&a, "val/x/4.jpg", "grey.jpg"); /* again: the last counts */
    finish(&a, path, compression);
}

static void test_tar(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_pictures *set;
    static unsigned char first[12 * 16 * 3];
    static const struct {
        const char *name;
        mx_compression compression;
    } files[] = {{"t.tar", MX_PLAIN}, {"t.tar.gz", MX_GZIP}, {"t.tar.zst", MX_ZSTD}};
    for (size_t f = 0; f < 3; f++) {
        char *path = in_folder(files[f].name);
        make_tar(path, files[f].compression);
        check_ok(merx_pictures_open(path, &(merx_pictures_options){.picture = small}, NULL, &set, &err), err);
        check_labels(set, 4, (const char *const[]){"train/x/1.png", "train/x/2.jpg", "train/y/3.webp", "val/x/4.jpg"},
                     (const char *const[]){"train/x", "train/x", "train/y", "val/x"});
        merx_picture_tensor tensor;
        check_ok(merx_pictures_load(set, &tensor, &err), err);
        assert_int_equal(tensor.n, 3);
        assert_int_equal(merx_pictures_skipped(set), 1);
        assert_int_equal(merx_pictures_skipped_error(set, 0)->code, MERX_E_PARSE);
        assert_string_equal(merx_pictures_skipped_error(set, 0)->where, "train/x/2.jpg");
        if (f == 0)
            memcpy(first, tensor.pixels, sizeof first);
        assert_memory_equal(first, tensor.pixels, sizeof first);
        assert_memory_equal(first, tensor.pixels + sizeof first, sizeof first); /* the same picture, losslessly */
        const unsigned char *grey = tensor.pixels + 2 * sizeof first;
        assert_true(grey[0] == grey[1] && grey[1] == grey[2]);
        merx_picture_tensor_release(&tensor);
        merx_pictures_free(set);
        check_ok(
            merx_pictures_open(path, &(merx_pictures_options){.picture = small, .within = "train/"}, NULL, &set, &err),
            err);
        check_labels(set, 3, (const char *const[]){"train/x/1.png", "train/x/2.jpg", "train/y/3.webp"},
                     (const char *const[]){"x", "x", "y"});
        merx_pictures_free(set);
        check_fails(merx_pictures_open(path, &(merx_pictures_options){.max_members = 4}, NULL, &set, &err),
                    MERX_E_LIMIT, err);
    }
    archive a = {0};
    add_picture(&a, "x/../../escape.png", "rgb.png");
    finish(&a, in_folder("bad.tar"), MX_PLAIN);
    check_fails(merx_pictures_open(in_folder("bad.tar"), NULL, NULL, &set, &err), MERX_E_INVALID, err);
    size_t size;
    char *bytes = check_read_file(in_folder("t.tar"), &size);
    check_write_file(in_folder("cut.tar"), bytes, size / 2);
    free(bytes);
    check_fails(merx_pictures_open(in_folder("cut.tar"), NULL, NULL, &set, &err), MERX_E_CORRUPT, err);
    check_write_file(in_folder("text.tar"), "nothing of the kind", SIZE_MAX);
    check_fails(merx_pictures_open(in_folder("text.tar"), NULL, NULL, &set, &err), MERX_E_CORRUPT, err);
}

static merx_status load_with(const merx_allocator *alloc, void *context, merx_error *err)
{
    merx_pictures *set = NULL;
    merx_picture_tensor tensor = {0};
    merx_task *task = NULL;
    merx_status status;
    MX_TRY_GOTO(merx_task_new(alloc, &(merx_task_options){.threads = 1}, &task, err));
    MX_TRY_GOTO(merx_pictures_open(in_folder("t.tar.gz"),
                                   &(merx_pictures_options){.picture = small, .decoder = context}, task, &set, err));
    MX_TRY_GOTO(merx_pictures_load(set, &tensor, err));
out:
    merx_picture_tensor_release(&tensor);
    merx_pictures_free(set);
    merx_task_free(task);
    return status;
}

static void test_memory(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_decoder *decoder; /* one for all, so that a program need not be started each time */
    make_tar(in_folder("t.tar.gz"), MX_GZIP);
    check_ok(merx_decoder_new(NULL, &(merx_decoder_options){.processes = 1}, &decoder, &err), err);
    check_every_allocation(load_with, decoder);
    merx_decoder_free(decoder);
}

/* Three bad ones among ten thousand: counted, named, left out; nothing else is lost. */
static void test_ten_thousand(void **state)
{
    (void)state;
    enum { N = 10000 };
    merx_error err = {0};
    merx_pictures *set;
    merx_task *task;
    size_t good_size, bomb_size, cut_size;
    char *good = corpus_file("one_bit.png", &good_size), *bomb = corpus_file("bomb.png", &bomb_size);
    char *cut = corpus_file("large_cut.jpg", &cut_size);
    archive a = {0};
    for (int i = 0; i < N; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d/%05d.png", i % 7, i);
        if (i == 1234)
            archive_add(&a, name, '0', bomb, bomb_size);
        else if (i == 5000)
            archive_add(&a, name, '0', cut, cut_size);
        else
            archive_add(&a, name, '0', i == 9999 ? "x" : good, i == 9999 ? 1 : good_size);
    }
    finish(&a, in_folder("many.tar"), MX_PLAIN);
    check_ok(merx_task_new(NULL, NULL, &task, &err), err);
    check_ok(merx_pictures_open(in_folder("many.tar"), &(merx_pictures_options){.picture = {.height = 4, .width = 4}},
                                task, &set, &err),
             err);
    merx_picture_tensor tensor;
    check_ok(merx_pictures_load(set, &tensor, &err), err);
    assert_int_equal(tensor.n, N - 3);
    assert_int_equal(merx_pictures_skipped(set), 3);
    static const char *const names[] = {"2/01234.png", "2/05000.png", "3/09999.png"};
    static const merx_status why[] = {MERX_E_LIMIT, MERX_E_CORRUPT, MERX_E_PARSE};
    for (size_t k = 0; k < 3; k++) { /* in the order of names */
        const char *name = merx_pictures_skipped_name(set, k);
        assert_string_equal(name, names[k]);
        assert_int_equal(merx_pictures_skipped_error(set, k)->code, why[k]);
        assert_string_equal(merx_pictures_skipped_error(set, k)->where, name);
    }
    for (size_t i = 0; i < tensor.n; i++)
        assert_memory_equal(tensor.pixels + i * 48, tensor.pixels, 48);
    merx_picture_tensor_release(&tensor);
    merx_pictures_free(set);
    merx_task_free(task);
    free(good);
    free(bomb);
    free(cut);
}

/* The grocery pictures: every listed one is there and whole, with the classes that its page states. */
static void test_grocery(void **state)
{
    (void)state;
    char tar[4200], list[4200];
    const char *root = getenv("MERX_DATA");
    snprintf(tar, sizeof tar, "%s/grocery-store-images/images_trainval_iconic.tar", root != NULL ? root : "");
    if (root == NULL || access(tar, R_OK) != 0) {
        if (getenv("MERX_REQUIRE_DATA") != NULL)
            check_die(__FILE__, __LINE__, "%s is not there", tar);
        print_message("left out: %s is not there\n", tar);
        return;
    }
    static const struct {
        const char *name;
        size_t n, fine, coarse;
    } parts[] = {{"train", 2640, 81, 43}, {"val", 296, 60, 37}};
    for (int p = 0; p < 2; p++) {
        merx_error err = {0};
        merx_task *task;
        merx_pictures *set;
        merx_picture_tensor tensor;
        snprintf(list, sizeof list, "%s/grocery-store-images/%s.txt", root, parts[p].name);
        check_ok(merx_task_new(NULL, NULL, &task, &err), err);
        const merx_pictures_options options = {.picture = {.height = 64, .width = 64}, .list = list};
        check_ok(merx_pictures_open(tar, &options, task, &set, &err), err);
        assert_int_equal(merx_pictures_count(set), parts[p].n);
        assert_int_equal(merx_pictures_levels(set, 0), parts[p].fine);
        assert_int_equal(merx_pictures_levels(set, 1), parts[p].coarse);
        check_ok(merx_pictures_load(set, &tensor, &err), err);
        assert_int_equal(tensor.n, parts[p].n);
        assert_int_equal(merx_pictures_skipped(set), 0);
        merx_picture_tensor_release(&tensor);
        merx_pictures_free(set);
        merx_task_free(task);
    }
}

int main(void)
{
    check_make_folder(folder);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_folder),       cmocka_unit_test(test_list),
                                       cmocka_unit_test(test_tar),          cmocka_unit_test(test_memory),
                                       cmocka_unit_test(test_ten_thousand), cmocka_unit_test(test_grocery)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    check_remove_folder(folder);
    return failed;
}
