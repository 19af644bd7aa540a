/*
 * Import of products' pictures: whose they are by name and by row, what is refused and why, the same folder again, tar files, no decoder, limits, failures of memory and store, and kill -9.
 */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/random.h"
#include "io/file.h"
#include "io/stream.h"
#include "merx/media.h"
#include "shop/import_pictures.h"
#include "shop/product_pictures.h"
#include "support/check.h"
#include "support/tar_writer.h"

typedef struct fixture {
    char data[256], home[256];
    merx_shop *shop;
    merx_import import;
    merx_error err;
} fixture;

static char *in(const char *folder, const char *name)
{
    static char path[4][800];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static void make_folders_of(char *path)
{
    for (char *slash = path + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(path, 0777);
        *slash = '/';
    }
}

static void write_bytes(const fixture *f, const char *name, const void *data, size_t size)
{
    char *path = in(f->data, name);
    make_folders_of(path);
    check_write_file(path, data, size);
}

static void write_text(const fixture *f, const char *name, const char *text)
{
    write_bytes(f, name, text, strlen(text));
}

static char *corpus_file(const char *name, size_t *size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/fuzz/corpus/picture/%s", MERX_TESTS_DIR, name);
    return check_read_file(path, size);
}

static void put(const fixture *f, const char *name, const char *from)
{
    size_t size;
    char *bytes = corpus_file(from, &size);
    write_bytes(f, name, bytes, size);
    free(bytes);
}

/* A small PNG of one colour: as many different pictures as are wanted. */
static merx_bytes dot(unsigned colour)
{
    unsigned char pixels[4 * 4 * 3];
    merx_bytes png;
    merx_error err = {0};
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (unsigned char)(colour >> (8 * (i % 3)));
    check_ok(merx_png_encode(pixels, 4, 4, 3, NULL, &png, &err), err);
    return png;
}

static void put_dot(const fixture *f, const char *name, unsigned colour)
{
    merx_bytes png = dot(colour);
    write_bytes(f, name, png.data, png.size);
    merx_bytes_release(&png);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    check_make_folder(f->data);
    check_make_folder(f->home);
    check_ok(merx_shop_open(NULL, f->home, &(merx_shop_options){.create = true}, &f->shop, &f->err), f->err);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    merx_import_release(&f->import);
    merx_shop_close(f->shop);
    check_remove_folder(f->data);
    check_remove_folder(f->home);
    free(f);
    return 0;
}

static merx_status import_from(fixture *f, const char *path, const merx_import_options *options, merx_task *task)
{
    merx_import_release(&f->import);
    merx_error_clear(&f->err);
    return merx_shop_import(f->shop, path, options, task, &f->import, &f->err);
}

static void import_ok(fixture *f)
{
    check_ok(import_from(f, f->data, NULL, NULL), f->err);
}

/* The report's entry of pictures; NULL: none. */
static const merx_import_file *entry(const fixture *f)
{
    const merx_import_file *found = NULL;
    for (size_t i = 0; i < f->import.files; i++)
        if (strcmp(f->import.file[i].name, "pictures/") == 0) {
            assert_null(found);
            found = &f->import.file[i];
            assert_string_equal(found->preset, "pictures");
        }
    return found;
}

static const char *note_of(const fixture *f)
{
    return entry(f) != NULL && entry(f)->note != NULL ? entry(f)->note : "(no note)";
}

static void counts_are(const fixture *f, uint64_t rows, uint64_t fresh, uint64_t again, uint64_t refused)
{
    const merx_import_file *e = entry(f);
    assert_non_null(e);
    if (e->rows != rows || e->accepted != fresh || e->duplicates != again || e->refused != refused)
        print_error("%llu pictures: %llu new, %llu there, %llu refused\n", (unsigned long long)e->rows,
                    (unsigned long long)e->accepted, (unsigned long long)e->duplicates, (unsigned long long)e->refused);
    for (size_t i = 0; i < f->import.refusals; i++)
        if (f->import.refusal[i].line == 0 && e->refused != refused)
            print_error("  %s: %s\n", f->import.refusal[i].file, f->import.refusal[i].message);
    assert_int_equal(e->rows, rows);
    assert_int_equal(e->accepted, fresh);
    assert_int_equal(e->duplicates, again);
    assert_int_equal(e->refused, refused);
    assert_false(e->unchanged);
}

static void refused(const fixture *f, const char *file, uint64_t line, const char *value, const char *message)
{
    for (size_t i = 0; i < f->import.refusals; i++) {
        const merx_refusal *r = &f->import.refusal[i];
        if (strcmp(r->file, file) == 0 && r->line == line && strcmp(r->value, value) == 0) {
            check_contains(r->message, message);
            return;
        }
    }
    for (size_t i = 0; i < f->import.refusals; i++)
        print_error("%s:%llu \"%s\": %s\n", f->import.refusal[i].file, (unsigned long long)f->import.refusal[i].line,
                    f->import.refusal[i].value, f->import.refusal[i].message);
    check_die(__FILE__, __LINE__, "%s:%llu \"%s\" was not refused", file, (unsigned long long)line, value);
}

/* How many pictures a product has; each can be read, and its name says what is in it. */
static size_t pictures_of(fixture *f, const char *product)
{
    mx_arena arena;
    mx_snapshot *s;
    mx_product_pictures pictures;
    size_t n = 0;
    merx_error_clear(&f->err);
    mx_arena_init(&arena, NULL);
    check_ok(mx_shop_snapshot(f->shop, NULL, &s, &f->err), f->err);
    check_ok(mx_product_pictures_list(s->blobs, s, &arena, &pictures, &f->err), f->err);
    for (size_t i = 0; i < pictures.n; i++) {
        const mx_product_picture *p = &pictures.picture[i];
        char name[256];
        mx_blob blob;
        if (*product && p->product != mx_snapshot_find_product(s, product))
            continue;
        n++;
        check_ok(mx_blobs_map(f->shop->blobs, p->blob, &blob, &f->err), f->err);
        assert_int_equal(blob.size, p->size_bytes);
        check_ok(mx_product_picture_blob(s->product_id[p->product], blob.data, blob.size, strrchr(p->blob, '.') + 1,
                                         name, &f->err),
                 f->err);
        assert_string_equal(name, p->blob);
        mx_blobs_unmap(f->shop->blobs, &blob);
    }
    mx_arena_release(&arena);
    return n;
}

static void digest(fixture *f, char hex[65])
{
    merx_error_clear(&f->err);
    check_ok(merx_shop_digest(f->shop, true, hex, &f->err), f->err);
}

#define PRODUCTS "id,title,price\np1,One,1\np2,Two,2\nP 3,Three,3\n"

static void test_by_name(void **state)
{
    fixture *f = *state;
    char before[65], after[65];
    write_text(f, "products.csv", PRODUCTS);
    import_ok(f);
    assert_null(entry(f));
    digest(f, before);
    put(f, "pictures/p1.jpg", "rgb.jpg");
    put(f, "pictures/p2/front.PNG", "rgb.png");
    put(f, "pictures/p2/side/deep.webp", "lossy.webp");
    put(f, "pictures/P 3.jpeg", "grey.jpg");
    put(f, "pictures/misnamed.png", "rgb.jpg");
    put(f, "pictures/p1/cut.jpg", "large_cut.jpg");
    put(f, "pictures/p1/bomb.png", "bomb.png");
    put(f, "pictures/p1/riff.webp", "riff.webp");
    put(f, "pictures/p1/text.png", "text.txt");
    put(f, "pictures/p1/notes.txt", "text.txt");
    write_text(f, "pictures/p1/none.jpg", "");
    write_text(f, "pictures/.hidden.jpg", "x");
    import_ok(f);
    counts_are(f, 10, 4, 0, 6);
    check_contains(note_of(f), "1 files are none by their names");
    refused(f, "pictures/misnamed.png", 0, "", "there is no product \"misnamed\"");
    refused(f, "pictures/p1/cut.jpg", 0, "", "is cut short");
    refused(f, "pictures/p1/bomb.png", 0, "", "");
    refused(f, "pictures/p1/riff.webp", 0, "", "");
    refused(f, "pictures/p1/text.png", 0, "", "no JPEG, PNG or WebP by its first bytes");
    refused(f, "pictures/p1/none.jpg", 0, "", "is empty");
    assert_int_equal(pictures_of(f, "p1"), 1);
    assert_int_equal(pictures_of(f, "p2"), 2);
    assert_int_equal(pictures_of(f, "P 3"), 1);
    assert_true(f->import.changed);
    assert_int_equal(f->import.refused, 6);
    digest(f, after);
    assert_string_not_equal(before, after);
    /* Each stands in refused.csv. */
    char *text = check_read_file(in(f->home, "refused.csv"), NULL);
    check_contains(text, "\"pictures/p1/cut.jpg\",0,\"\",\"\",\"");
    check_contains(text, "\"pictures/misnamed.png\",0,");
    free(text);
}

static void test_again(void **state)
{
    fixture *f = *state;
    char first[65], now[65];
    write_text(f, "products.csv", PRODUCTS);
    put_dot(f, "pictures/p1.png", 1);
    put_dot(f, "pictures/p2.png", 2);
    put(f, "pictures/p1/cut.jpg", "large_cut.jpg");
    import_ok(f);
    counts_are(f, 3, 2, 0, 1);
    digest(f, first);
    for (int round = 0; round < 2; round++) {
        import_ok(f);
        assert_true(entry(f)->unchanged);
        assert_false(f->import.changed);
        assert_int_equal(access(in(f->home, "refused.csv"), F_OK), 0);
    }
    /* Touched, not changed. */
    put_dot(f, "pictures/p1.png", 1);
    import_ok(f);
    assert_true(entry(f)->unchanged);
    /* One more, one changed, one gone. */
    put_dot(f, "pictures/p1/more.png", 3);
    import_ok(f);
    counts_are(f, 4, 1, 2, 1);
    assert_int_equal(pictures_of(f, "p1"), 2);
    put_dot(f, "pictures/p2.png", 4);
    unlink(in(f->data, "pictures/p1/more.png"));
    import_ok(f);
    counts_are(f, 3, 1, 1, 1);
    check_contains(note_of(f), "2 removed");
    assert_true(f->import.changed);
    assert_int_equal(pictures_of(f, ""), 2);
    digest(f, now);
    assert_string_not_equal(first, now);
    /* As it was: the same state. */
    put_dot(f, "pictures/p2.png", 2);
    import_ok(f);
    digest(f, now);
    assert_string_equal(first, now);
    /* A blob lost from the store is seen, though the folder is as it was. */
    char name[256];
    merx_bytes png = dot(2);
    check_ok(mx_product_picture_blob(MX_STR("p2"), png.data, png.size, "png", name, &f->err), f->err);
    merx_bytes_release(&png);
    check_ok(mx_blobs_remove(f->shop->blobs, name, &f->err), f->err);
    assert_int_equal(pictures_of(f, "p2"), 0);
    import_ok(f);
    counts_are(f, 3, 1, 1, 1);
    digest(f, now);
    assert_string_equal(first, now);
    /* A product that comes later takes the picture that waited for it. */
    put_dot(f, "pictures/p4.png", 5);
    import_ok(f);
    refused(f, "pictures/p4.png", 0, "", "there is no product \"p4\"");
    write_text(f, "products.csv", PRODUCTS "p4,Four,4\n");
    import_ok(f);
    assert_int_equal(pictures_of(f, "p4"), 1);
    /* A folder that says nothing of pictures leaves them; an empty folder of pictures has none. */
    check_remove_folder(in(f->data, "pictures"));
    import_ok(f);
    assert_null(entry(f));
    assert_int_equal(pictures_of(f, ""), 3);
    mkdir(in(f->data, "pictures"), 0777);
    import_ok(f);
    counts_are(f, 0, 0, 0, 0);
    check_contains(note_of(f), "3 removed");
    assert_int_equal(pictures_of(f, ""), 0);
}

static void test_same_bytes(void **state)
{
    fixture *f = *state;
    write_text(f, "products.csv", PRODUCTS);
    put_dot(f, "pictures/p1.png", 7);
    put_dot(f, "pictures/p1/again.png", 7);
    put_dot(f, "pictures/p2.png", 7);
    import_ok(f);
    counts_are(f, 3, 2, 1, 0);
    assert_int_equal(pictures_of(f, "p1"), 1);
    assert_int_equal(pictures_of(f, "p2"), 1);
}

static void test_column(void **state)
{
    fixture *f = *state;
    char outside[300];
    check_make_folder(outside);
    check_write_file(in(outside, "secret.png"), "x", 1);
    put_dot(f, "pictures/p2.png", 1); /* named by the row of p1: it is p1's whatever its name */
    put_dot(f, "pictures/a.png", 2);
    put_dot(f, "b.png", 3);
    put_dot(f, "photos/c.png", 4);
    put_dot(f, "pictures/p3.png", 5);
    assert_int_equal(symlink(in(outside, "secret.png"), in(f->data, "out.png")), 0);
    assert_int_equal(symlink("pictures/a.png", in(f->data, "inside.png")), 0);
    write_text(f, "products.csv",
               "id,title,image\n"
               "p1,One,pictures/p2.png | ./photos/c.png\n"
               "p2,Two,a.png|b.png|https://shop.example/p2.png\n"
               "p3,Three,\n"
               "p4,Four,../secret.png\n"
               "p5,Five,/etc/passwd.png\n"
               "p6,Six,out.png\n"
               "p7,Seven,pictures/gone.png\n"
               "p8,Eight,pictures/a.gif\n"
               "p9,Nine,http://a.example/1.jpg|//cdn.example/2.jpg\n"
               "p10,Ten,inside.png\n"
               "p11,Eleven,pictures/../../secret.png\n"
               "p12,Twelve,b.png\n"
               "p12,Twelve again,\n");
    import_ok(f);
    counts_are(f, 12, 6, 0, 6);
    refused(f, "products.csv", 5, "../secret.png", "leads out of the folder");
    refused(f, "products.csv", 6, "/etc/passwd.png", "leads out of the folder");
    refused(f, "products.csv", 7, "out.png", "by a link");
    refused(f, "products.csv", 8, "pictures/gone.png", "there is no such file");
    refused(f, "products.csv", 9, "pictures/a.gif", "expected .jpg, .jpeg, .png or .webp");
    refused(f, "products.csv", 12, "pictures/../../secret.png", "leads out of the folder");
    check_contains(note_of(f), "3 pictures named by address are not fetched");
    assert_string_equal(f->import.refusal[0].column, "image");
    static const struct {
        const char *product;
        size_t n;
    } want[] = {{"p1", 2}, {"p2", 2}, {"p3", 1}, {"p4", 0}, {"p10", 1}, {"p12", 0}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        assert_int_equal(pictures_of(f, want[i].product), want[i].n);
    /* The products themselves are in, with their text. */
    assert_int_equal(f->import.products, 12);
    mx_arena arena;
    mx_record record;
    mx_arena_init(&arena, NULL);
    check_ok(mx_records_get(f->shop->records, MX_PRODUCT, MX_STR("p9"), &arena, &record, &f->err), f->err);
    assert_string_equal(record.product.image.data, "http://a.example/1.jpg|//cdn.example/2.jpg");
    mx_arena_release(&arena);
    import_ok(f);
    assert_true(entry(f)->unchanged);
    check_contains(note_of(f), "not fetched");
    check_remove_folder(outside);
}

/* The same files named by the same rows, of other products. */
static void test_swapped(void **state)
{
    fixture *f = *state;
    char first[65], now[65];
    put_dot(f, "a.png", 1);
    put_dot(f, "b.png", 2);
    write_text(f, "products.csv", "id,title,image\np1,One,a.png\np2,Two,b.png\n");
    import_ok(f);
    counts_are(f, 2, 2, 0, 0);
    digest(f, first);
    write_text(f, "products.csv", "id,title,image\np2,Two,a.png\np1,One,b.png\n");
    import_ok(f);
    counts_are(f, 2, 2, 0, 0);
    check_contains(note_of(f), "2 removed");
    digest(f, now);
    assert_string_not_equal(first, now);
}

static void test_addresses_alone(void **state)
{
    fixture *f = *state;
    write_text(f, "products.csv", "id,title,图片\np1,One,https://a.example/1.jpg\n");
    import_ok(f);
    counts_are(f, 0, 0, 0, 0);
    check_contains(note_of(f), "1 pictures named by address are not fetched");
    /* They say nothing of the pictures that are there. */
    put_dot(f, "pictures/p1.png", 1);
    import_ok(f);
    assert_int_equal(pictures_of(f, "p1"), 1);
    check_remove_folder(in(f->data, "pictures"));
    import_ok(f);
    assert_int_equal(pictures_of(f, "p1"), 1);
}

static void test_links(void **state)
{
    fixture *f = *state;
    char outside[300];
    check_make_folder(outside);
    merx_bytes png = dot(1);
    check_write_file(in(outside, "p1.png"), png.data, png.size);
    merx_bytes_release(&png);
    write_text(f, "products.csv", PRODUCTS);
    put_dot(f, "pictures/p2.png", 2);
    assert_int_equal(symlink(in(outside, "p1.png"), in(f->data, "pictures/p1.png")), 0);
    assert_int_equal(symlink(outside, in(f->data, "pictures/folder")), 0);
    assert_int_equal(symlink("nowhere.png", in(f->data, "pictures/P 3.png")), 0);
    assert_int_equal(mkfifo(in(f->data, "pictures/pipe.png"), 0600), 0);
    import_ok(f);
    counts_are(f, 5, 1, 0, 4);
    refused(f, "pictures/p1.png", 0, "", "leads out of the folder");
    refused(f, "pictures/folder", 0, "", "leads out of the folder");
    refused(f, "pictures/P 3.png", 0, "", "leads nowhere");
    refused(f, "pictures/pipe.png", 0, "", "not a regular file");
    check_remove_folder(in(f->data, "pictures"));
    assert_int_equal(symlink(outside, in(f->data, "pictures")), 0);
    import_ok(f);
    counts_are(f, 1, 0, 0, 1);
    refused(f, "pictures", 0, "", "leads out of the folder");
    check_remove_folder(outside);
}

/* ---- tar files ---- */

static void add_dot(archive *a, const char *name, unsigned colour)
{
    merx_bytes png = dot(colour);
    archive_add(a, name, '0', png.data, png.size);
    merx_bytes_release(&png);
}

static void finish(archive *a, const char *path, mx_compression compression, size_t cut)
{
    merx_error err = {0};
    mx_sink *sink;
    a->data = realloc(a->data, a->size + 1024);
    memset(a->data + a->size, 0, 1024);
    check_ok(mx_sink_open(path, compression, NULL, &sink, &err), err);
    check_ok(mx_sink_write(sink, a->data, a->size + 1024 - cut, &err), err);
    check_ok(mx_sink_finish(sink, &err), err);
    free(a->data);
    *a = (archive){0};
}

static void test_tar(void **state)
{
    static const struct {
        const char *name;
        mx_compression compression;
    } kinds[] = {{"pictures.tar", MX_PLAIN}, {"pictures.tar.gz", MX_GZIP}, {"pictures.tar.zst", MX_ZSTD}};
    fixture *f = *state;
    char first[65], now[65];
    write_text(f, "products.csv", "id,title,image\np1,One,\np2,Two,\nP 3,Three,pictures/x.png\n");
    for (size_t i = 0; i < 3; i++) {
        archive a = {0};
        archive_add(&a, "pictures/", '5', NULL, 0);
        add_dot(&a, "pictures/p1.png", 99);
        add_dot(&a, "./p1/more.png", 2);
        add_dot(&a, "pictures/p2.png", 3);
        add_dot(&a, "pictures/ghost.png", 4);
        add_dot(&a, "x.png", 5);
        add_dot(&a, "../out.png", 6);
        archive_add(&a, "pictures/link.png", '2', NULL, 0);
        archive_add(&a, "pictures/readme.txt", '0', "hello", 5);
        add_dot(&a, "pictures/p1.png", 1); /* the last of a name counts */
        finish(&a, in(f->data, kinds[i].name), kinds[i].compression, 0);
        import_ok(f);
        if (i == 0) {
            counts_are(f, 7, 4, 0, 3);
            refused(f, kinds[i].name, 0, "pictures/ghost.png", "there is no product \"ghost\"");
            refused(f, kinds[i].name, 0, "../out.png", "leads out of the folder");
            refused(f, kinds[i].name, 0, "pictures/link.png", "is a link");
            digest(f, first);
        } else { /* the same pictures, packed in another way */
            counts_are(f, 7, 0, 4, 3);
        }
        digest(f, now);
        assert_string_equal(first, now);
        assert_int_equal(pictures_of(f, "p1"), 2);
        assert_int_equal(pictures_of(f, "p2"), 1);
        assert_int_equal(pictures_of(f, "P 3"), 1);
        import_ok(f);
        assert_true(entry(f)->unchanged);
        if (i < 2)
            unlink(in(f->data, kinds[i].name));
    }
    /* A file of the folder counts before one of the tar file. */
    put_dot(f, "pictures/p2.png", 30);
    import_ok(f);
    counts_are(f, 7, 1, 3, 3);
    assert_int_equal(pictures_of(f, "p2"), 1);
    check_remove_folder(in(f->data, "pictures"));
    /* One tar file alone; a table alone leaves pictures as they are. */
    check_ok(import_from(f, in(f->data, "pictures.tar.zst"), NULL, NULL), f->err);
    assert_int_equal(pictures_of(f, "P 3"), 0);
    assert_int_equal(pictures_of(f, "p1"), 2);
    check_ok(import_from(f, in(f->data, "products.csv"), NULL, NULL), f->err);
    assert_null(entry(f));
    assert_int_equal(pictures_of(f, "p1"), 2);
    /* One that is cut short ends the import, and harms nothing. */
    digest(f, first);
    archive a = {0};
    add_dot(&a, "p1.png", 50);
    add_dot(&a, "p2.png", 51);
    finish(&a, in(f->data, "pictures.tar.zst"), MX_ZSTD, 1024 + 300);
    assert_int_equal(import_from(f, f->data, NULL, NULL), MERX_E_CORRUPT);
    check_contains(f->err.message, "cut short");
    digest(f, now);
    assert_string_equal(first, now);
}

/* ---- no decoder, limits, failures ---- */

static void test_no_decoder(void **state)
{
    fixture *f = *state;
    char *old = getenv("MERX_DECODE") != NULL ? strdup(getenv("MERX_DECODE")) : NULL;
    write_text(f, "products.csv", PRODUCTS);
    put_dot(f, "pictures/p1.png", 1);
    import_ok(f);
    put_dot(f, "pictures/p1.png", 2);
    put_dot(f, "pictures/p2.png", 3);
    write_text(f, "more.csv", "customer,product,time,quantity,price\nc,p1,2021-01-01,1,1\n");
    /* Absent, and another program of that name. */
    static const char *const programs[] = {"/nonexistent/merx-decode", "/bin/false"};
    for (int round = 0; round < 2; round++) {
        setenv("MERX_DECODE", programs[round], 1);
        import_ok(f);
        assert_int_equal(f->import.events, 1); /* tables go in */
        counts_are(f, 2, 0, 0, 2);
        check_contains(note_of(f), "can't be checked, since");
        check_contains(note_of(f), programs[round]);
        check_contains(note_of(f), round == 0 ? "merx-media" : "did not begin");
        refused(f, "pictures/p1.png", 0, "", "can't be checked");
        assert_int_equal(pictures_of(f, "p1"), 1); /* as they were */
        assert_int_equal(pictures_of(f, "p2"), 0);
    }
    if (old != NULL)
        setenv("MERX_DECODE", old, 1);
    else
        unsetenv("MERX_DECODE");
    free(old);
    import_ok(f);
    counts_are(f, 2, 2, 0, 0);
    check_contains(note_of(f), "1 removed");
}

static void test_limits(void **state)
{
    fixture *f = *state;
    char name[64], before[65], after[65];
    write_text(f, "products.csv", PRODUCTS);
    for (unsigned i = 0; i < MX_PICTURES_OF_PRODUCT + 2; i++) {
        snprintf(name, sizeof name, "pictures/p1/%03u.png", i);
        put_dot(f, name, 1000 + i);
    }
    put_dot(f, "pictures/p2/large.png", 1);
    assert_int_equal(truncate(in(f->data, "pictures/p2/large.png"), (off_t)MX_PICTURE_BYTES_MOST + 1), 0);
    put_dot(f, "pictures/p2/fine.png", 2);
    digest(f, before);
    /* Too many refused: nothing of them is kept. */
    assert_int_equal(import_from(f, f->data, &(merx_import_options){.max_refused = 2}, NULL), MERX_E_LIMIT);
    check_contains(f->err.message, "more than 2 pictures are refused");
    assert_int_equal(pictures_of(f, ""), 0);
    check_ok(import_from(f, f->data, &(merx_import_options){.max_refused = 3}, NULL), f->err);
    counts_are(f, MX_PICTURES_OF_PRODUCT + 4, MX_PICTURES_OF_PRODUCT + 1, 0, 3);
    refused(f, "pictures/p1/128.png", 0, "", "128 pictures already");
    refused(f, "pictures/p1/129.png", 0, "", "128 pictures already");
    refused(f, "pictures/p2/large.png", 0, "", "expected at most 33554432");
    assert_int_equal(pictures_of(f, "p1"), MX_PICTURES_OF_PRODUCT);
    digest(f, after);
    assert_string_not_equal(before, after);
}

static void test_cancel(void **state)
{
    fixture *f = *state;
    merx_task *task;
    write_text(f, "products.csv", PRODUCTS);
    import_ok(f);
    put_dot(f, "pictures/p1.png", 1);
    check_ok(merx_task_new(NULL, NULL, &task, &f->err), f->err);
    merx_task_cancel(task);
    assert_int_equal(import_from(f, f->data, NULL, task), MERX_E_CANCELLED);
    merx_task_free(task);
    assert_int_equal(pictures_of(f, ""), 0);
    import_ok(f);
    assert_int_equal(pictures_of(f, ""), 1);
}

static void test_forgetting_leaves_them(void **state)
{
    fixture *f = *state;
    merx_receipt receipt;
    write_text(f, "products.csv", PRODUCTS);
    write_text(f, "e.csv", "customer,product,time,quantity,price\nc1,p1,2021-01-01,1,1\nc2,p2,2021-01-02,1,1\n");
    put_dot(f, "pictures/p1.png", 1);
    put_dot(f, "pictures/p2.png", 2);
    import_ok(f);
    check_ok(merx_shop_forget(f->shop, "c2", NULL, &receipt, &f->err), f->err);
    merx_receipt_release(&receipt);
    assert_int_equal(pictures_of(f, "p1"), 1);
    assert_int_equal(pictures_of(f, "p2"), 1);
}

/* Each allocation fails in turn: an error each time, nothing leaks, no half picture, and the next import makes it whole. */
static void test_allocations(void **state)
{
    fixture *f = *state;
    size_t failures = 0;
    write_text(f, "products.csv", "id,title,image\np1,One,a.png|https://x.example/1.png\n");
    put_dot(f, "pictures/a.png", 1);
    put_dot(f, "pictures/none.png", 2);
    archive a = {0};
    add_dot(&a, "p1.png", 3);
    finish(&a, in(f->data, "pictures.tar.gz"), MX_GZIP, 0);
    for (int64_t k = 0;; k++) {
        mx_failing_allocator failing;
        char home[256];
        merx_shop *shop;
        merx_import import;
        merx_error err = {0};
        check_make_folder(home);
        mx_failing_allocator_init(&failing, k, true);
        merx_status status =
            merx_shop_open(&failing.allocator, home, &(merx_shop_options){.create = true}, &shop, &err);
        if (status == MERX_OK) {
            /* The work is done with the task's allocator. */
            merx_task *task = NULL;
            status = merx_task_new(&failing.allocator, &(merx_task_options){.threads = 1}, &task, &err);
            if (status == MERX_OK)
                status = merx_shop_import(shop, f->data, NULL, task, &import, &err);
            if (status == MERX_OK)
                merx_import_release(&import);
            merx_task_free(task);
            merx_shop_close(shop);
        }
        check_remove_folder(home);
        assert_int_equal(failing.live_blocks, 0);
        if (failing.calls <= k) {
            check_ok(status, err);
            break;
        }
        failures += status != MERX_OK;
        if (status != MERX_OK)
            assert_int_equal(status, MERX_E_MEMORY);
    }
    assert_true(failures > 100);
}

/* Each call to the blob store fails in turn. Afterwards every picture is whole, and an undisturbed import gives the state it always gives. */
static void test_store_fails(void **state)
{
    fixture *f = *state;
    char want[65], got[65];
    int64_t calls = 0;
    size_t failures = 0;
    write_text(f, "products.csv", PRODUCTS);
    put_dot(f, "pictures/p1.png", 1);
    put_dot(f, "pictures/p1/b.png", 2);
    put_dot(f, "pictures/p2.png", 3);
    import_ok(f);
    put_dot(f, "pictures/p1/b.png", 4);
    unlink(in(f->data, "pictures/p2.png"));
    import_ok(f);
    digest(f, want);
    for (int64_t k = 0; k <= calls; k++) {
        char home[256];
        merx_shop *shop;
        merx_import import = {0};
        check_make_folder(home);
        check_ok(merx_shop_open(NULL, home, &(merx_shop_options){.create = true}, &shop, &f->err), f->err);
        put_dot(f, "pictures/p1/b.png", 2);
        put_dot(f, "pictures/p2.png", 3);
        check_ok(merx_shop_import(shop, f->data, NULL, NULL, &import, &f->err), f->err);
        merx_import_release(&import);
        merx_shop_close(shop);
        put_dot(f, "pictures/p1/b.png", 4);
        unlink(in(f->data, "pictures/p2.png"));
        check_ok(merx_shop_open(NULL, home, NULL, &shop, &f->err), f->err);
        check_ok(mx_blobs_fault_wrap(shop->blobs, k, MERX_E_IO, &shop->blobs, &f->err), f->err);
        const merx_status status = merx_shop_import(shop, f->data, NULL, NULL, &import, &f->err);
        calls = mx_blobs_fault_calls(shop->blobs);
        failures += status != MERX_OK;
        if (status != MERX_OK)
            assert_int_equal(status, MERX_E_IO);
        merx_error_clear(&f->err);
        merx_import_release(&import);
        merx_shop_close(shop);
        /* Whole, every one. */
        merx_shop *own = f->shop;
        check_ok(merx_shop_open(NULL, home, NULL, &f->shop, &f->err), f->err);
        assert_true(pictures_of(f, "") >= 1);
        import_ok(f);
        digest(f, got);
        assert_string_equal(got, want);
        assert_int_equal(pictures_of(f, ""), 2);
        merx_import_release(&f->import);
        merx_shop_close(f->shop);
        f->shop = own;
        check_remove_folder(home);
    }
    assert_true(failures >= 4); /* list, put, remove, list again */
}

/* kill -9 at random moments: every picture that is there is whole, and going on gives the state of one undisturbed run. */
static void test_killed(void **state)
{
    enum { PRODUCTS_N = 60, KILLS = 12 };
    fixture *f = *state;
    char want[65], got[65], name[64];
    mx_random random;
    int interrupted = 0;
    mx_text text;
    mx_text_init(&text, NULL, 1 << 20);
    mx_text_puts(&text, "id,title\n");
    for (unsigned i = 0; i < PRODUCTS_N; i++) {
        mx_text_printf(&text, "p%u,Thing %u\n", i, i);
        for (unsigned j = 0; j < 3; j++) {
            snprintf(name, sizeof name, "pictures/p%u/%u.png", i, j);
            put_dot(f, name, 1 + i * 7 + j * 10007);
        }
    }
    write_text(f, "products.csv", text.data);
    mx_text_release(&text);
    const double begun = mx_monotonic_s();
    import_ok(f);
    const double seconds = mx_monotonic_s() - begun;
    assert_int_equal(pictures_of(f, ""), PRODUCTS_N * 3);
    digest(f, want);
    mx_random_init(&random, 2026, 1);
    for (int k = 0; k < KILLS; k++) {
        const double after = mx_random_uniform(&random) * seconds;
        char home[256];
        check_make_folder(home);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            merx_shop *shop;
            merx_import import;
            merx_status status = merx_shop_open(NULL, home, &(merx_shop_options){.create = true}, &shop, NULL);
            if (status == MERX_OK)
                status = merx_shop_import(shop, f->data, NULL, NULL, &import, NULL);
            _exit(status != MERX_OK);
        }
        const struct timespec wait = {(time_t)after, (long)((after - (double)(time_t)after) * 1e9)};
        nanosleep(&wait, NULL);
        kill(child, SIGKILL);
        int how = 0;
        waitpid(child, &how, 0);
        interrupted += WIFSIGNALED(how);
        merx_shop *own = f->shop;
        check_ok(merx_shop_open(NULL, home, &(merx_shop_options){.create = true}, &f->shop, &f->err), f->err);
        (void)pictures_of(f, ""); /* reads and checks each */
        import_ok(f);
        digest(f, got);
        assert_string_equal(got, want);
        merx_import_release(&f->import);
        merx_shop_close(f->shop);
        f->shop = own;
        check_remove_folder(home);
    }
    printf("%d of %d were cut short\n", interrupted, KILLS);
    assert_true(interrupted > KILLS / 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_by_name),     TEST(test_again),           TEST(test_same_bytes), TEST(test_swapped),
        TEST(test_column),      TEST(test_addresses_alone), TEST(test_links),      TEST(test_tar),
        TEST(test_no_decoder),  TEST(test_limits),          TEST(test_cancel),     TEST(test_forgetting_leaves_them),
        TEST(test_allocations), TEST(test_store_fails),     TEST(test_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
