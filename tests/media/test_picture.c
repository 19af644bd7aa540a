/*
 * Decoding inside merx-decode, called directly, against Pillow's pixels; resizing, floats, heat maps; PNG written and read back.
 */
#include "media/decode/picture_decode.h"
#include "media/picture.h"
#include "support/check.h"

#include "io/file.h"

static json_t *golden;

static const mx_decode_limits limits = {.max_side = 32768, .max_pixels = 1000000};

/* A file of the corpus, decoded at the size asked (0: as it is) into out; the reply. */
static mx_decode_reply decode_bytes(const void *bytes, size_t size, size_t height, size_t width, merx_picture_fit fit,
                                    unsigned char *out, size_t capacity)
{
    mx_decode_wish wish = {
        .height = (uint32_t)height, .width = (uint32_t)width, .fit = (uint32_t)fit, .background = {255, 255, 255, 0}};
    mx_decode_reply reply = {.magic = MX_DECODE_MAGIC};
    /* exactly as large as the file, so that a sanitizer sees each byte beyond */
    unsigned char *copy = malloc(size > 0 ? size : 1);
    memcpy(copy, bytes, size);
    mx_decode_picture(copy, size, &wish, &limits, NULL, out, capacity, &reply);
    free(copy);
    return reply;
}

static char *corpus_file(const char *name, size_t *size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/fuzz/corpus/picture/%s", MERX_TESTS_DIR, name);
    return check_read_file(path, size);
}

static unsigned char pixels[1 << 22];

static mx_decode_reply decode(const char *name, size_t height, size_t width, merx_picture_fit fit)
{
    size_t size;
    char *bytes = corpus_file(name, &size);
    memset(pixels, 7, 4096);
    mx_decode_reply reply = decode_bytes(bytes, size, height, width, fit, pixels, sizeof pixels);
    free(bytes);
    return reply;
}

static void check_shape(const char *name, const mx_decode_reply *reply, json_t *shape)
{
    if (reply->status != MERX_OK)
        check_die(__FILE__, __LINE__, "%s: %s", name, reply->message);
    assert_int_equal(reply->height, json_integer_value(json_array_get(shape, 0)));
    assert_int_equal(reply->width, json_integer_value(json_array_get(shape, 1)));
    assert_int_equal(reply->source_height, reply->height);
    assert_int_equal(reply->source_width, reply->width);
}

/* PNG and lossless WebP: Pillow's pixels to the byte. */
static void test_exact(void **state)
{
    (void)state;
    const char *name;
    json_t *want;
    json_object_foreach(check_member(golden, "exact"), name, want)
    {
        const mx_decode_reply reply = decode(name, 0, 0, MERX_PICTURE_CROP);
        char hex[65];
        check_shape(name, &reply, check_member(want, "shape"));
        mx_sha256_hex(pixels, reply.height * reply.width * 3, hex);
        if (strcmp(hex, json_string_value(check_member(want, "sha256"))) != 0)
            check_die(__FILE__, __LINE__, "%s: other pixels than Pillow's; they begin %d %d %d, not %d", name,
                      pixels[0], pixels[1], pixels[2],
                      (int)json_integer_value(json_array_get(check_member(want, "first"), 0)));
    }
}

/* JPEG and lossy WebP, 16 bits, every orientation: within a step or two (other versions of the libraries round differently). */
static void test_near(void **state)
{
    (void)state;
    const char *name;
    json_t *want;
    json_object_foreach(check_member(golden, "near"), name, want)
    {
        const mx_decode_reply reply = decode(name, 0, 0, MERX_PICTURE_CROP);
        size_t n;
        double *expected = check_doubles(want, "pixels", &n);
        double worst = 0, sum = 0;
        check_shape(name, &reply, check_member(want, "shape"));
        assert_int_equal(n, reply.height * reply.width * 3);
        for (size_t i = 0; i < n; i++) {
            const double off = fabs(expected[i] - pixels[i]);
            worst = off > worst ? off : worst;
            sum += off;
        }
        free(expected);
        if (!(worst <= 4 && sum / (double)n <= 0.5))
            check_die(__FILE__, __LINE__, "%s: off by up to %g, %g on average", name, worst, sum / (double)n);
    }
}

static void test_resize(void **state)
{
    (void)state;
    merx_error err = {0};
    size_t n, i;
    json_t *one;
    double *source = check_doubles(check_member(golden, "source"), "pixels", &n);
    unsigned char in[37 * 53 * 3];
    assert_int_equal(n, sizeof in);
    for (size_t k = 0; k < n; k++)
        in[k] = (unsigned char)source[k];
    free(source);
    json_array_foreach(check_member(golden, "resize"), i, one)
    {
        const bool crop = strcmp(json_string_value(check_member(one, "fit")), "crop") == 0;
        const merx_picture_options options = {.height = (size_t)check_number(one, "height"),
                                              .width = (size_t)check_number(one, "width"),
                                              .fit = crop ? MERX_PICTURE_CROP : MERX_PICTURE_STRETCH};
        double *want = check_doubles(one, "pixels", &n);
        merx_picture out;
        check_ok(merx_picture_resize(in, 37, 53, &options, NULL, &out, &err), err);
        assert_int_equal(n, out.height * out.width * 3);
        size_t off = 0;
        for (size_t k = 0; k < n; k++) {
            if (!(fabs(want[k] - out.pixels[k]) <= 1))
                check_die(__FILE__, __LINE__, "%zu x %zu, value %zu: %d, Pillow has %g", out.height, out.width, k,
                          out.pixels[k], want[k]);
            off += want[k] != (double)out.pixels[k];
        }
        assert_true(off * 4 < n); /* it rounds once, Pillow twice */
        free(want);
        merx_picture_release(&out);
    }
}

static void test_fits(void **state)
{
    (void)state;
    merx_error err = {0};
    static unsigned char in[10 * 20 * 3];
    memset(in, 100, sizeof in);
    merx_picture out;
    const unsigned char green[3] = {0, 255, 0};
    merx_picture_options options = {.height = 8, .width = 8, .fit = MERX_PICTURE_PAD, .background = green};
    check_ok(merx_picture_resize(in, 10, 20, &options, NULL, &out, &err), err);
    assert_int_equal(out.height, 8);
    for (size_t y = 0; y < 8; y++) /* 4 rows of picture in the middle */
        for (size_t x = 0; x < 8; x++)
            assert_int_equal(out.pixels[(y * 8 + x) * 3], y >= 2 && y < 6 ? 100 : 0);
    assert_int_equal(out.pixels[1], 255);
    merx_picture_release(&out);
    options.fit = MERX_PICTURE_INSIDE;
    check_ok(merx_picture_resize(in, 10, 20, &options, NULL, &out, &err), err);
    assert_int_equal(out.height, 4);
    assert_int_equal(out.width, 8);
    merx_picture_release(&out);
    options.height = options.width = 100; /* never larger than it is */
    check_ok(merx_picture_resize(in, 10, 20, &options, NULL, &out, &err), err);
    assert_int_equal(out.height, 10);
    assert_int_equal(out.width, 20);
    merx_picture_release(&out);
    options = (merx_picture_options){.height = 1, .width = 32768, .fit = MERX_PICTURE_CROP};
    check_ok(merx_picture_resize(in, 10, 20, &options, NULL, &out, &err), err);
    for (size_t i = 0; i < 32768 * 3; i++)
        assert_int_equal(out.pixels[i], 100);
    merx_picture_release(&out);
    check_fails(merx_picture_resize(in, 0, 20, &options, NULL, &out, &err), MERX_E_RANGE, err);
    options.width = 0;
    check_fails(merx_picture_resize(in, 10, 20, &options, NULL, &out, &err), MERX_E_RANGE, err);
    options = (merx_picture_options){.height = 1, .width = 1, .fit = MERX_PICTURE_FITS};
    check_fails(merx_picture_resize(in, 10, 20, &options, NULL, &out, &err), MERX_E_INVALID, err);
}

/* A JPEG scaled down in the DCT is close to one scaled down from all its pixels. */
static void test_scaled_jpeg(void **state)
{
    (void)state;
    merx_error err = {0};
    static unsigned char small[32 * 32 * 3];
    mx_decode_reply reply = decode("large.jpg", 32, 32, MERX_PICTURE_CROP);
    assert_int_equal(reply.status, MERX_OK);
    assert_int_equal(reply.source_height, 200);
    assert_int_equal(reply.source_width, 300);
    memcpy(small, pixels, sizeof small);
    reply = decode("large.jpg", 0, 0, MERX_PICTURE_CROP);
    assert_int_equal(reply.height, 200);
    merx_picture whole;
    check_ok(
        merx_picture_resize(pixels, 200, 300, &(merx_picture_options){.height = 32, .width = 32}, NULL, &whole, &err),
        err);
    double sum = 0;
    for (size_t i = 0; i < sizeof small; i++)
        sum += abs((int)small[i] - (int)whole.pixels[i]);
    assert_true(sum / (double)sizeof small < 2);
    merx_picture_release(&whole);
}

static void test_refused(void **state)
{
    (void)state;
    const struct {
        const char *name;
        merx_status status;
        const char *says;
        bool pixels;
    } cases[] = {
        {"bomb.png", MERX_E_LIMIT, "50000 x 50000", false},
        {"huge.png", MERX_E_LIMIT, "32768", false},
        {"huge.jpg", MERX_E_LIMIT, "65500 pixels", false},
        {"no_pixels.png", MERX_E_CORRUPT, "damaged", false},
        {"text.txt", MERX_E_PARSE, "expected JPEG, PNG or WebP", false},
        {"garbage.jpg", MERX_E_CORRUPT, "damaged", false},
        {"head_only.jpg", MERX_E_CORRUPT, "damaged", false},
        {"empty.png", MERX_E_CORRUPT, "damaged (it ends early)", false},
        {"crc.png", MERX_E_CORRUPT, "damaged", false},
        {"riff.webp", MERX_E_CORRUPT, "", false},
        {"cut.png", MERX_E_CORRUPT, "is cut short", true},
        {"cut_interlaced.png", MERX_E_CORRUPT, "is cut short", true},
        {"cut.webp", MERX_E_CORRUPT, "is cut short", true},
        {"large_cut.jpg", MERX_E_CORRUPT, " of 200 rows could be read", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const mx_decode_reply reply = decode(cases[i].name, 0, 0, MERX_PICTURE_CROP);
        if (reply.status != cases[i].status || strstr(reply.message, cases[i].says) == NULL ||
            (reply.height > 0) != cases[i].pixels || (reply.truncated != 0) != cases[i].pixels)
            check_die(__FILE__, __LINE__, "%s gave %s \"%s\", height %d", cases[i].name,
                      merx_status_name((merx_status)reply.status), reply.message, (int)reply.height);
    }
    /* What could be read of a truncated one is there, the rest grey. */
    (void)decode("large.jpg", 0, 0, MERX_PICTURE_CROP);
    static unsigned char whole[300 * 3];
    memcpy(whole, pixels, sizeof whole);
    (void)decode("large_cut.jpg", 0, 0, MERX_PICTURE_CROP);
    assert_memory_equal(whole, pixels, sizeof whole);
    /* Too small a place for the pixels. */
    size_t size;
    char *bytes = corpus_file("rgb.png", &size);
    const mx_decode_reply reply = decode_bytes(bytes, size, 0, 0, MERX_PICTURE_CROP, pixels, 24 * 32 * 3 - 1);
    assert_int_equal(reply.status, MERX_E_LIMIT);
    free(bytes);
}

static void test_exif(void **state)
{
    (void)state;
    unsigned char block[64] = "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0";
    assert_int_equal(mx_exif_orientation(block, 26), 6);
    for (size_t size = 0; size < 22; size++)
        assert_int_equal(mx_exif_orientation(block, size), 1);
    block[19] = 9; /* no such orientation */
    assert_int_equal(mx_exif_orientation(block, 26), 1);
    block[19] = 6;
    memset(block + 4, 0xff, 4); /* a directory far away */
    assert_int_equal(mx_exif_orientation(block, 26), 1);
    memcpy(block, "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0", 22);
    assert_int_equal(mx_exif_orientation(block, 22), 8);
}

typedef struct encoded {
    const char *name;
    char *bytes;
    size_t size;
    unsigned char *out;
} encoded;

static merx_status decode_with(const merx_allocator *alloc, void *context, merx_error *err)
{
    const encoded *e = context;
    mx_decode_wish wish = {.height = 9, .width = 11};
    mx_decode_reply reply = {.magic = MX_DECODE_MAGIC};
    mx_decode_picture((const unsigned char *)e->bytes, e->size, &wish, &limits, alloc, e->out, 9 * 11 * 3, &reply);
    if (reply.status == MERX_E_LIMIT)
        return mx_error_set(err, MERX_E_MEMORY, "", "%s", reply.message);
    return reply.status == MERX_OK ? MERX_OK : mx_error_set(err, (merx_status)reply.status, "", "%s", reply.message);
}

static void test_memory(void **state)
{
    (void)state;
    static const char *const names[] = {"turned_6.jpg",         "cmyk.jpg",   "alpha.png",
                                        "interlaced_alpha.png", "alpha.webp", "anim.webp"};
    unsigned char out[9 * 11 * 3];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        encoded e = {.name = names[i], .out = out};
        e.bytes = corpus_file(names[i], &e.size);
        check_every_allocation(decode_with, &e);
        free(e.bytes);
    }
}

static merx_status write_png(const merx_allocator *alloc, void *context, merx_error *err)
{
    merx_bytes bytes;
    MX_TRY(merx_png_encode(context, 20, 30, 3, alloc, &bytes, err));
    merx_bytes_release(&bytes);
    return MERX_OK;
}

/* What is written as PNG reads back the same, also as grey and with alpha, also when larger than the blocks. */
static void test_png(void **state)
{
    (void)state;
    merx_error err = {0};
    static unsigned char in[300 * 257 * 4];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof in; i++) {
        x = x * 1664525 + 1013904223;
        in[i] = (unsigned char)(i % 7 == 0 ? x >> 24 : i / 300);
    }
    for (int channels = 1; channels <= 4; channels++) {
        merx_bytes bytes;
        if (channels == 2) {
            check_fails(merx_png_encode(in, 2, 2, 2, NULL, &bytes, &err), MERX_E_SHAPE, err);
            continue;
        }
        check_ok(merx_png_encode(in, 300, 257, channels, NULL, &bytes, &err), err);
        const mx_decode_reply reply =
            decode_bytes(bytes.data, bytes.size, 0, 0, MERX_PICTURE_CROP, pixels, sizeof pixels);
        if (reply.status != MERX_OK)
            check_die(__FILE__, __LINE__, "%s", reply.message);
        for (size_t i = 0; i < 300 * 257; i++)
            for (size_t c = 0; c < 3; c++) {
                unsigned want = in[i * (size_t)channels + (channels == 1 ? 0 : c)];
                if (channels == 4)
                    want = (want * in[i * 4 + 3] + 255u * (255u - in[i * 4 + 3]) + 127) / 255;
                assert_int_equal(pixels[3 * i + c], want);
            }
        merx_bytes_release(&bytes);
    }
    merx_bytes bytes;
    check_fails(merx_png_encode(in, 0, 2, 3, NULL, &bytes, &err), MERX_E_SHAPE, err);
    check_every_allocation(write_png, in);
}

static void test_floats_and_heat(void **state)
{
    (void)state;
    merx_error err = {0};
    const unsigned char in[6] = {0, 51, 255, 255, 0, 102};
    float out[6];
    merx_picture_floats(in, 2, NULL, NULL, out);
    check_close((double)out[1], 0.2, 1e-7);
    check_close((double)out[3], 1, 1e-7);
    merx_picture_floats(in, 2, (const float[]){0.5f, 0.2f, 0}, (const float[]){0.5f, 0.25f, 2}, out);
    check_close((double)out[0], -1, 1e-6);
    check_close((double)out[1], 0, 1e-6);
    check_close((double)out[2], 0.5, 1e-6);
    check_close((double)out[3], 1, 1e-6);

    merx_picture grey = {.height = 40, .width = 60}, heat;
    static unsigned char below[40 * 60 * 3];
    memset(below, 100, sizeof below);
    grey.pixels = below;
    const float values[4] = {4, 0, 0, -2};
    check_ok(merx_heat_map(values, 2, 2, &grey, 0, 0, NULL, &heat, &err), err);
    assert_int_equal(heat.height, 40);
    const unsigned char *first = heat.pixels, *last = heat.pixels + (40 * 60 - 1) * 3, *right = heat.pixels + 59 * 3;
    assert_true(first[0] > 180 && first[2] < 60);               /* red where it speaks for */
    assert_true(last[2] > 110 && last[0] < 90 && last[0] > 60); /* blue, half as strong, where against */
    assert_memory_equal(right, "ddd", 3);                       /* as it was where nothing is said */
    merx_picture_release(&heat);
    check_ok(merx_heat_map((const float[]){0}, 1, 1, NULL, 3, 5, NULL, &heat, &err), err);
    assert_int_equal(heat.width, 5);
    assert_int_equal(heat.pixels[44], 235);
    merx_picture_release(&heat);
    check_fails(merx_heat_map((const float[]){NAN}, 1, 1, NULL, 3, 5, NULL, &heat, &err), MERX_E_NUMERIC, err);
    check_fails(merx_heat_map(values, 2, 2, NULL, 0, 5, NULL, &heat, &err), MERX_E_SHAPE, err);
}

int main(void)
{
    golden = check_golden("pictures");
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exact),       cmocka_unit_test(test_near),
                                       cmocka_unit_test(test_resize),      cmocka_unit_test(test_fits),
                                       cmocka_unit_test(test_scaled_jpeg), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_exif),        cmocka_unit_test(test_memory),
                                       cmocka_unit_test(test_png),         cmocka_unit_test(test_floats_and_heat)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(golden);
    return failed;
}
