/*
 * Video: every frame with ffprobe's times, sampling, scenes, turned ones, what is cut short; product-video where it is.
 */
#include "merx/media.h"
#include "support/check.h"

static json_t *golden;
static merx_decoder *decoder;

static const char *clip(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/golden/clips/%s", MERX_TESTS_DIR, name);
    return path;
}

typedef struct seen {
    size_t n, scenes;
    uint64_t index[2000];
    double time_ms[2000];
    double most_score; /* of frames that begin no scene */
    merx_status status;
    merx_error error;
} seen;

static seen walk(const char *path, const merx_video_options *options)
{
    static seen s;
    merx_video *video;
    memset(&s, 0, sizeof s);
    s.status = merx_video_open(decoder, path, options, &video, &s.error);
    while (s.status == MERX_OK) {
        merx_video_frame frame;
        s.status = merx_video_next(video, &frame, &s.error);
        if (s.status != MERX_OK || frame.picture.pixels == NULL)
            break;
        assert_true(s.n < 2000);
        s.index[s.n] = frame.index;
        s.time_ms[s.n++] = frame.time_ms;
        s.scenes += frame.scene_change;
        if (!frame.scene_change && frame.scene_score > s.most_score)
            s.most_score = frame.scene_score;
        merx_picture_release(&frame.picture);
    }
    if (s.status == MERX_OK) { /* the end stays the end */
        merx_video_frame frame;
        assert_int_equal(merx_video_next(video, &frame, &s.error), MERX_OK);
        assert_null(frame.picture.pixels);
    }
    merx_video_close(video);
    return s;
}

static const merx_picture_options small = {.height = 24, .width = 32};

static void check_times(const seen *s, const char *name, double within_ms)
{
    size_t n;
    double *want = check_doubles(check_member(golden, "times"), name, &n);
    if (s->status != MERX_OK)
        check_die(__FILE__, __LINE__, "%s: %s", name, s->error.message);
    assert_int_equal(s->n, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(s->index[i], i);
        check_close(s->time_ms[i], want[i] - want[0], within_ms);
    }
    free(want);
}

static void test_times(void **state)
{
    (void)state;
    static const char *const names[] = {"colours.mp4", "pattern.mp4", "pattern.webm", "vp8.webm", "turned.mp4"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const seen s = walk(clip(names[i]), &(merx_video_options){.picture = small});
        check_times(&s, names[i], 0.6); /* the file's own clock ticks in milliseconds or finer */
    }
}

static void test_colours(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_video *video;
    merx_video_info info;
    static const int want[3][3] = {{254, 0, 0}, {0, 128, 0}, {0, 0, 254}};
    check_ok(merx_video_open(decoder, clip("colours.mp4"), NULL, &video, &err), err);
    merx_video_describe(video, &info);
    assert_int_equal(info.height, 48);
    assert_int_equal(info.width, 64);
    assert_int_equal(info.frames, 30);
    check_close(info.duration_ms, 3000, 1);
    check_close(info.frames_per_s, 10, 1e-9);
    assert_string_equal(info.codec, "h264");
    check_contains(info.container, "mp4");
    for (uint64_t i = 0; i < 30; i++) {
        merx_video_frame frame;
        check_ok(merx_video_next(video, &frame, &err), err);
        assert_int_equal(frame.picture.height, 48);
        assert_int_equal(frame.picture.width, 64);
        for (size_t k = 0; k < 48 * 64; k++)
            for (size_t c = 0; c < 3; c++)
                if (abs(frame.picture.pixels[3 * k + c] - want[i / 10][c]) > 6)
                    check_die(__FILE__, __LINE__, "frame %d, pixel %zu, channel %zu: %d, not %d", (int)i, k, c,
                              frame.picture.pixels[3 * k + c], want[i / 10][c]);
        assert_int_equal(frame.scene_change, i % 10 == 0);
        check_close(frame.scene_score, i % 10 == 0 && i > 0 ? 1 : 0, 0.01);
        merx_picture_release(&frame.picture);
    }
    merx_video_close(video);
}

static void test_sampling(void **state)
{
    (void)state;
    seen s = walk(clip("pattern.mp4"), &(merx_video_options){.picture = small, .every_frames = 5});
    assert_int_equal(s.status, MERX_OK);
    assert_int_equal(s.n, 5); /* 0, 5, 10, 15, 20 of 24 */
    for (size_t i = 0; i < s.n; i++)
        assert_int_equal(s.index[i], 5 * i);
    s = walk(clip("colours.mp4"), &(merx_video_options){.picture = small, .every_ms = 1000});
    assert_int_equal(s.n, 3);
    assert_int_equal(s.index[2], 20);
    assert_int_equal(s.scenes, 3);
    s = walk(clip("colours.mp4"), &(merx_video_options){.picture = small, .every_ms = 250});
    assert_int_equal(s.n, 12);
    assert_int_equal(s.index[1], 3); /* 300 ms: the first at or after 250 */
    assert_int_equal(s.index[2], 5);
    s = walk(clip("pattern.mp4"), &(merx_video_options){.picture = small, .max_frames = 10});
    assert_int_equal(s.status, MERX_E_LIMIT);
    assert_int_equal(s.n, 10);
    /* A scene is a scene by the threshold: a moving pattern is none, unless anything is. */
    s = walk(clip("pattern.mp4"), &(merx_video_options){.picture = small});
    assert_int_equal(s.scenes, 1);
    assert_true(s.most_score > 0.001 && s.most_score < 0.3);
    s = walk(clip("pattern.mp4"), &(merx_video_options){.picture = small, .scene_threshold = 1e-6});
    assert_true(s.scenes > 15);
}

/* A clip marked as turned comes upright: its pixels are those of the other, turned. */
static void test_turned(void **state)
{
    (void)state;
    merx_error err = {0};
    merx_video *video[2];
    merx_video_frame frame[2];
    merx_video_info info;
    check_ok(merx_video_open(decoder, clip("pattern.mp4"), NULL, &video[0], &err), err);
    check_ok(merx_video_open(decoder, clip("turned.mp4"), NULL, &video[1], &err), err);
    merx_video_describe(video[1], &info);
    assert_int_equal(info.height, 96);
    assert_int_equal(info.width, 64);
    for (int k = 0; k < 2; k++)
        check_ok(merx_video_next(video[k], &frame[k], &err), err);
    assert_int_equal(frame[1].picture.height, 96);
    assert_int_equal(frame[1].picture.width, 64);
    assert_int_equal(frame[1].picture.source_height, 96);
    for (size_t y = 0; y < 96; y++) /* a quarter clockwise: row y is column y, from the bottom up */
        for (size_t x = 0; x < 64; x++)
            assert_memory_equal(frame[1].picture.pixels + (y * 64 + x) * 3,
                                frame[0].picture.pixels + ((63 - x) * 96 + y) * 3, 3);
    for (int k = 0; k < 2; k++) {
        merx_picture_release(&frame[k].picture);
        merx_video_close(video[k]);
    }
}

static void test_refused(void **state)
{
    (void)state;
    char folder[256], path[600];
    merx_error err = {0};
    merx_video *video;
    check_make_folder(folder);
    snprintf(path, sizeof path, "%s/cut", folder);
    static const struct {
        const char *name;
        double part;
        size_t least;
        const char *says;
    } cuts[] = {{"pattern.mp4", 0.7, 5, "of its 24 frames could be read"},
                {"pattern.webm", 0.4, 2, "is cut short"},
                {"colours.mp4", 0.995, 25, "of its 30 frames could be read"}};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        size_t size;
        char *bytes = check_read_file(clip(cuts[i].name), &size);
        check_write_file(path, bytes, (size_t)((double)size * cuts[i].part));
        free(bytes);
        const seen s = walk(path, &(merx_video_options){.picture = small});
        if (s.status != MERX_E_CORRUPT || s.n < cuts[i].least || strstr(s.error.message, cuts[i].says) == NULL ||
            strcmp(s.error.where, path) != 0)
            check_die(__FILE__, __LINE__, "%s: %zu frames, %s: %s", cuts[i].name, s.n, merx_status_name(s.status),
                      s.error.message);
    }
    /* Damage in the middle: what can be decoded comes, and the damage is told. */
    size_t size;
    char *bytes = check_read_file(clip("pattern.mp4"), &size);
    memset(bytes + size * 6 / 10, 0xff, size / 10);
    check_write_file(path, bytes, size);
    free(bytes);
    seen s = walk(path, &(merx_video_options){.picture = small});
    assert_int_equal(s.status, MERX_E_CORRUPT);
    assert_true(s.n > 5);
    check_write_file(path, "this is no video, whatever its name", SIZE_MAX);
    check_fails(merx_video_open(decoder, path, NULL, &video, &err), MERX_E_PARSE, err);
    check_write_file(path, "", 0);
    check_fails(merx_video_open(decoder, path, NULL, &video, &err), MERX_E_PARSE, err);
    check_fails(merx_video_open(decoder, folder, NULL, &video, &err), MERX_E_INVALID, err);
    check_fails(merx_video_open(decoder, "/no/such.mp4", NULL, &video, &err), MERX_E_NOT_FOUND, err);
    check_fails(merx_video_open(decoder, clip("sound.mp4"), NULL, &video, &err), MERX_E_PARSE, err);
    check_fails(
        merx_video_open(decoder, clip("pattern.mp4"), &(merx_video_options){.every_ms = (double)NAN}, &video, &err),
        MERX_E_RANGE, err);
    check_fails(
        merx_video_open(decoder, clip("pattern.mp4"), &(merx_video_options){.scene_threshold = 2}, &video, &err),
        MERX_E_RANGE, err);
    /* A picture larger than the limit is refused before it is decoded. */
    merx_decoder *strict;
    check_ok(merx_decoder_new(NULL, &(merx_decoder_options){.max_pixels = 96 * 64 - 1}, &strict, &err), err);
    check_fails(merx_video_open(strict, clip("pattern.mp4"), &(merx_video_options){.picture = small}, &video, &err),
                MERX_E_LIMIT, err);
    merx_decoder_free(strict);
    /* Closed in the middle. */
    merx_video_frame frame;
    check_ok(merx_video_open(decoder, clip("pattern.mp4"), NULL, &video, &err), err);
    check_ok(merx_video_next(video, &frame, &err), err);
    merx_picture_release(&frame.picture);
    merx_video_close(video);
    check_remove_folder(folder);
}

static merx_status walk_with(const merx_allocator *alloc, void *context, merx_error *err)
{
    (void)context;
    merx_decoder *own = NULL;
    merx_video *video = NULL;
    merx_video_frame frame;
    merx_status status;
    MX_TRY_GOTO(merx_decoder_new(alloc, NULL, &own, err));
    MX_TRY_GOTO(merx_video_open(own, clip("colours.mp4"), &(merx_video_options){.picture = small, .every_frames = 20},
                                &video, err));
    do {
        MX_TRY_GOTO(merx_video_next(video, &frame, err));
        merx_picture_release(&frame.picture);
    } while (frame.index > 0 || frame.scene_change);
out:
    merx_video_close(video);
    merx_decoder_free(own);
    return status;
}

static void test_memory(void **state)
{
    (void)state;
    check_every_allocation(walk_with, NULL);
}

static void test_product_video(void **state)
{
    (void)state;
    char path[4200];
    const char *root = getenv("MERX_DATA");
    snprintf(path, sizeof path, "%s/product-video/bottle-detection.mp4", root != NULL ? root : "");
    if (root == NULL || access(path, R_OK) != 0) {
        if (getenv("MERX_REQUIRE_DATA") != NULL)
            check_die(__FILE__, __LINE__, "%s is not there", path);
        print_message("left out: %s is not there\n", path);
        return;
    }
    const seen s = walk(path, &(merx_video_options){.picture = small});
    assert_int_equal(s.n, 1189);
    check_times(&s, "product-video", 0.6);
    print_message("product-video: %zu scenes, the largest score within one is %.3f\n", s.scenes, s.most_score);
}

int main(void)
{
    merx_error err = {0};
    golden = check_golden("clips");
    if (merx_decoder_new(NULL, NULL, &decoder, &err) != MERX_OK) {
        printf("%s\n", err.message);
        return 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_times),        cmocka_unit_test(test_colours),
                                       cmocka_unit_test(test_sampling),     cmocka_unit_test(test_turned),
                                       cmocka_unit_test(test_refused),      cmocka_unit_test(test_memory),
                                       cmocka_unit_test(test_product_video)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    merx_decoder_free(decoder);
    json_decref(golden);
    return failed;
}
