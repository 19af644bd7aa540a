/*
 * classify: maps and bias sum to logits, what a picture without a region says, who is unsure, clips, files of other models, pictures that can't be read, every allocation failing; and
 * `similar` by picture, whose nearest product is that of the picture itself.
 */
#include "shop/answers/classify.h"
#include "shop/answers/similar.h"
#include "support/tiny_pictures.h"

extern const mx_answer mx_answer_classify, mx_answer_similar;

static const char quick[] = "side=16 filters=8 epochs=12";

typedef struct fixture {
    tiny_shop *shop;
    mx_snapshot *s;
    tiny_pictures *pictures;
    tiny_model model;
    char file[128]; /* a picture of a disc that the shop has not */
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    merx_error err = {0};
    unsigned char pixels[TINY_SIDE * TINY_SIDE * 3];
    char id[8];
    f->shop = tiny_new();
    for (int p = 0; p < 24; p++) {
        snprintf(id, sizeof id, "%c%02d", p % 2 ? 'b' : 'a', p / 2);
        tiny_buy(f->shop, "ann", "o1", id, 1, 100, p);
    }
    tiny_buy(f->shop, "ann", "o1", "POST", 1, 100, 30);
    f->s = tiny_finish(f->shop, NULL);
    f->pictures = tiny_pictures_new(f->s);
    check_ok(tiny_train(&mx_answer_classify, f->s, quick, NULL, 2, NULL, NULL, &f->model, &err), err);
    snprintf(f->file, sizeof f->file, "%s/new.png", f->pictures->folder);
    tiny_draw(false, 12345, 0, pixels);
    check_ok(merx_png_write(f->file, pixels, TINY_SIDE, TINY_SIDE, 3, &err), err);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    tiny_model_free(&f->model);
    tiny_pictures_free(f->pictures);
    tiny_close(f->s);
    tiny_free(f->shop);
    free(f);
    return 0;
}

static void test_maps_sum_to_logits(void **state)
{
    fixture *f = *state;
    const mx_classify *m = f->model.state;
    const mx_picture_classifier *c = &m->network;
    merx_error err = {0};
    merx_picture picture;
    double logits[2], bias;
    assert_int_equal(c->classes, 2);
    assert_true(c->mirrored);
    double *map = calloc(c->map_height * c->map_width, sizeof *map);
    for (int32_t p = 1; p < 7; p++) { /* 0 is POST */
        check_ok(mx_classify_picture(m, NULL, NULL, f->s, p, 1, NULL, &picture, &err), err);
        check_ok(mx_picture_classifier_run(c, picture.pixels, 1, NULL, NULL, logits, &err), err);
        for (size_t k = 0; k < 2; k++) {
            double sum = 0, magnitude = 0;
            check_ok(mx_picture_classifier_map(c, picture.pixels, k, map, &bias, &err), err);
            for (size_t i = 0; i < c->map_height * c->map_width; i++) {
                sum += map[i];
                magnitude += fabs(map[i]);
            }
            assert_true(magnitude > 1e-3);
            check_close(sum + bias, logits[k], 1e-12 * (magnitude + fabs(bias)));
        }
        merx_picture_release(&picture);
    }
    free(map);
}

/* The network's own softmax of the picture (not mirrored) is what the sums give. */
static void test_logits_are_the_networks(void **state)
{
    fixture *f = *state;
    const mx_classify *m = f->model.state;
    mx_picture_classifier once = m->network;
    merx_error err = {0};
    merx_picture picture;
    double logits[2];
    float x[16 * 16 * 3], p[2];
    once.mirrored = false;
    check_ok(mx_classify_picture(m, NULL, f->file, f->s, -1, 1, NULL, &picture, &err), err);
    check_ok(mx_picture_classifier_run(&once, picture.pixels, 1, NULL, NULL, logits, &err), err);
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        x[i] = (float)picture.pixels[i] / 255;
    check_ok(merx_network_predict(once.net, &(merx_examples){.n = 1, .x = x}, NULL, p, &err), err);
    mx_picture_probabilities(logits, 2, logits);
    check_close(logits[0], (double)p[0], 1e-5);
    check_close(logits[1], (double)p[1], 1e-5);
    merx_picture_release(&picture);
}

static void test_answer(void **state)
{
    fixture *f = *state;
    merx_reply reply;
    merx_error err = {0};
    mx_arena arena;
    char question[256];
    mx_arena_init(&arena, NULL);
    snprintf(question, sizeof question, "picture=%s heat_map=%s/heat.png", f->file, f->pictures->folder);
    check_ok(tiny_ask(&f->model, f->s, question, &arena, &reply, &err), err);
    assert_int_equal(reply.items, 2);
    assert_string_equal(reply.item[0].id, "discs");
    check_contains(reply.sentence, "shows discs");
    assert_true(reply.item[0].field[0].value.real > 0.5);
    check_close(reply.item[0].field[0].value.real + reply.item[1].field[0].value.real, 1, 1e-12);
    assert_int_equal(reply.item[0].field[1].value.integer, 36);
    /* 16 regions at most, and the bias. */
    assert_true(tiny_check_reasons(&reply) >= 2 * 5);
    size_t other = 0;
    for (size_t j = 0; j < reply.item[0].reasons; j++)
        other += isfinite(reply.item[0].reason[j].without) && reply.item[0].reason[j].without != reply.item[0].score;
    assert_true(other > 0);
    snprintf(question, sizeof question, "%s/heat.png", f->pictures->folder);
    assert_int_equal(access(question, R_OK), 0);

    snprintf(question, sizeof question, "picture=%s sure=1 n=1", f->file);
    check_ok(tiny_ask(&f->model, f->s, question, &arena, &reply, &err), err);
    check_contains(reply.sentence, "Not sure");
    check_ok(tiny_ask(&f->model, f->s, "product=b01", &arena, &reply, &err), err);
    assert_string_equal(reply.item[0].id, "bars");

    snprintf(question, sizeof question, "picture=%s product=b01", f->file);
    check_fails(tiny_ask(&f->model, f->s, question, &arena, &reply, &err), MERX_E_INVALID, err);
    check_fails(tiny_ask(&f->model, f->s, "product=b99", &arena, &reply, &err), MERX_E_NOT_FOUND, err);
    check_fails(tiny_ask(&f->model, f->s, "product=POST", &arena, &reply, &err), MERX_E_NOT_FOUND, err);
    check_fails(tiny_ask(&f->model, f->s, "picture=/nowhere.jpg", &arena, &reply, &err), MERX_E_NOT_FOUND, err);
    check_fails(tiny_ask(&f->model, f->s, "picture=/etc/hostname", &arena, &reply, &err), MERX_E_PARSE, err);
    check_fails(tiny_ask(&f->model, f->s, "clip=/etc/hostname", &arena, &reply, &err), MERX_E_PARSE, err);
    mx_arena_release(&arena);
}

static void test_products_as_classes(void **state)
{
    fixture *f = *state;
    tiny_model model;
    merx_error err = {0};
    merx_reply reply;
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    check_ok(tiny_train(&mx_answer_classify, f->s, "target=product side=16 filters=8 epochs=3 mirror=no", NULL, 1, NULL,
                        NULL, &model, &err),
             err);
    assert_int_equal(((const mx_classify *)model.state)->network.classes, 24);
    assert_false(((const mx_classify *)model.state)->network.mirrored);
    check_ok(tiny_ask(&model, f->s, "product=a03 n=24", &arena, &reply, &err), err);
    assert_int_equal(reply.items, 24);
    assert_true(tiny_check_reasons(&reply) > 24);
    tiny_model_free(&model);
    mx_arena_release(&arena);
}

/* Without categories, products are the classes by themselves; when categories are asked for, that is an error. */
static void test_without_categories(void **state)
{
    fixture *f = *state;
    tiny_model model;
    merx_error err = {0};
    mx_snapshot *s = tiny_finish(f->shop, NULL);
    s->blobs = f->pictures->blobs;
    check_ok(mx_answer_classify.needs(s, &err), err);
    check_ok(tiny_train(&mx_answer_classify, s, "side=16 filters=4 epochs=1", NULL, 1, NULL, NULL, &model, &err), err);
    assert_true(((const mx_classify *)model.state)->of_products);
    tiny_model_free(&model);
    check_fails(tiny_train(&mx_answer_classify, s, "target=category", NULL, 1, NULL, NULL, &model, &err),
                MERX_E_INVALID, err);
    assert_false(((const mx_classify *)f->model.state)->of_products);
    tiny_close(s);
}

/* A picture that is no picture is left out; too few that can be read is an error that says why. */
static void test_broken_pictures(void **state)
{
    (void)state;
    tiny_shop *shop = tiny_new();
    merx_error err = {0};
    tiny_model model;
    tiny_buy(shop, "ann", "o1", "a1", 1, 100, 1);
    tiny_buy(shop, "ann", "o1", "b1", 1, 100, 1);
    for (int p = 0; p < 8; p++) {
        char id[8];
        snprintf(id, sizeof id, "%c%d", p % 2 ? 'b' : 'a', p / 2 + 2);
        tiny_buy(shop, "ann", "o1", id, 1, 100, 2);
    }
    mx_snapshot *s = tiny_finish(shop, NULL);
    tiny_pictures *pictures = tiny_pictures_new(s);
    tiny_put_picture(pictures, mx_str_of("a1"), "\x89PNG\r\n\x1a\nno", 10);
    check_ok(tiny_train(&mx_answer_classify, s, quick, NULL, 1, NULL, NULL, &model, &err), err);
    assert_int_equal(((const mx_classify *)model.state)->pictures, 30);
    tiny_model_free(&model);
    tiny_pictures_free(pictures);
    /* Nothing but broken ones. */
    pictures = calloc(1, sizeof *pictures);
    mx_arena_init(&pictures->arena, NULL);
    snprintf(pictures->folder, sizeof pictures->folder, "/tmp/merx-tiny-XXXXXX");
    assert_non_null(mkdtemp(pictures->folder));
    check_ok(mx_blobs_open(pictures->folder, true, merx_allocator_default(), &pictures->blobs, &err), err);
    for (size_t i = 0; i < s->products; i++)
        tiny_put_picture(pictures, s->product_id[i], "\x89PNG\r\n\x1a\nno", 10);
    tiny_pictures_hang(pictures, s);
    assert_int_equal(tiny_train(&mx_answer_classify, s, quick, NULL, 1, NULL, NULL, &model, &err), MERX_E_INVALID);
    check_contains(err.message, "can't be decoded");
    tiny_pictures_free(pictures);
    tiny_close(s);
    tiny_free(shop);
}

/* ---- similar ---- */

static merx_status model_of(void *context, const char *answer, const void **state, merx_error *err)
{
    (void)err;
    assert_string_equal(answer, "classify");
    *state = ((tiny_model *)context)->state;
    return MERX_OK;
}

static merx_status ask_similar(tiny_model *classify, mx_snapshot *s, const char *set, mx_arena *arena,
                               merx_reply *reply, merx_error *err)
{
    merx_options *question;
    *reply = (merx_reply){0};
    MX_TRY(tiny_options(arena->alloc, mx_answer_similar.info.question, set, &question, err));
    mx_ask ask = {.snapshot = s, .question = question, .arena = arena, .model_of = model_of, .context = classify};
    merx_status status = mx_answer_similar.answer(&ask, reply, err);
    if (status == MERX_OK)
        status = mx_answer_similar.explain(&ask, reply, err);
    merx_options_free(question);
    return status;
}

static void test_similar_by_picture(void **state)
{
    fixture *f = *state;
    unsigned char pixels[TINY_SIDE * TINY_SIDE * 3];
    merx_reply reply;
    merx_error err = {0};
    mx_arena arena;
    char question[256];
    mx_arena_init(&arena, NULL);
    /* A picture that the shop has: its product comes first, with a cosine of 1. */
    int32_t product = mx_snapshot_find_product(f->s, "a05");
    tiny_draw(false, mx_snapshot_product_key(f->s, product), 1, pixels);
    snprintf(question, sizeof question, "%s/known.png", f->pictures->folder);
    check_ok(merx_png_write(question, pixels, TINY_SIDE, TINY_SIDE, 3, &err), err);
    snprintf(question, sizeof question, "picture=%s/known.png looks=1 n=24", f->pictures->folder);
    check_ok(ask_similar(&f->model, f->s, question, &arena, &reply, &err), err);
    assert_true(reply.items > 1);
    assert_string_equal(reply.item[0].id, "a05");
    check_close(reply.item[0].score, 1, 1e-6);
    for (size_t i = 1; i < reply.items; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(reply.item[i].id, reply.item[j].id);
    assert_int_equal(tiny_check_reasons(&reply), reply.items);

    snprintf(question, sizeof question, "picture=%s/known.png exclude=a05", f->pictures->folder);
    check_ok(ask_similar(&f->model, f->s, question, &arena, &reply, &err), err);
    assert_string_not_equal(reply.item[0].id, "a05");
    /* Of a product: one part more; without a model, or a weight of 0: none. */
    check_ok(ask_similar(&f->model, f->s, "product=a05 bought=0 words=0 category=0 price=0", &arena, &reply, &err),
             err);
    assert_true(reply.items > 0);
    assert_string_equal(reply.item[0].reason[0].kind, "picture");
    check_ok(
        ask_similar(&f->model, f->s, "product=a05 bought=0 words=0 category=0 price=0 looks=0", &arena, &reply, &err),
        err);
    assert_int_equal(reply.items, 0);
    tiny_model none = {0};
    check_ok(ask_similar(&none, f->s, "product=a05 bought=0 words=0 category=0 price=0", &arena, &reply, &err), err);
    assert_int_equal(reply.items, 0);
    snprintf(question, sizeof question, "picture=%s", f->file);
    check_fails(ask_similar(&none, f->s, question, &arena, &reply, &err), MERX_E_NOT_FITTED, err);
    mx_arena_release(&arena);
}

/* ---- memory ---- */

static merx_status train_and_ask(const merx_allocator *alloc, void *context, merx_error *err)
{
    const fixture *f = context;
    char question[256];
    tiny_model model;
    merx_reply reply;
    mx_arena arena;
    snprintf(question, sizeof question, "picture=%s", f->file);
    MX_TRY(tiny_train(&mx_answer_classify, f->s, "side=16 filters=4 epochs=1", alloc, 1, NULL, NULL, &model, err));
    mx_arena_init(&arena, alloc);
    merx_status status = tiny_ask(&model, f->s, question, &arena, &reply, err);
    mx_arena_release(&arena);
    tiny_model_free(&model);
    return status;
}

static void test_allocations_fail(void **state)
{
    check_every_allocation(train_and_ask, *state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_maps_sum_to_logits),
        cmocka_unit_test(test_logits_are_the_networks),
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_products_as_classes),
        cmocka_unit_test(test_without_categories),
        cmocka_unit_test(test_broken_pictures),
        cmocka_unit_test(test_similar_by_picture),
        cmocka_unit_test(test_allocations_fail),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
