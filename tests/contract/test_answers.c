/*
 * What every answer must hold: one suite over the registry, on one small shop of a year with tastes, seasons and prices.
 */
#include "support/tiny_pictures.h"

/* 60 customers of two tastes who come every month or so, for a year; prices that move; some come late, some come once. */
static tiny_shop *year(void)
{
    tiny_shop *shop = tiny_new();
    for (int c = 0; c < 60; c++) {
        char customer[24], order[24], product[24];
        int first = c % 3 == 0 ? 0 : c * 5, step = 20 + c % 4 * 15;
        for (int day = first, k = 0; day < 360 && (c % 7 || k < 1); day += step, k++) {
            snprintf(customer, sizeof customer, "shopper%02d", c);
            snprintf(order, sizeof order, "o%02d-%02d", c, k);
            for (int line = 0; line < 3; line++) {
                snprintf(product, sizeof product, "%c%d", c % 2 ? 'b' : 'a', (c / 2 + k + line * (1 + k % 2)) % 8);
                tiny_buy(shop, customer, order, product, 1 + (c + day / 30) % 5,
                         200 + 100 * (c % 2) + 20 * (day / 60) + 5 * line, day + 0.4);
            }
        }
    }
    tiny_add(shop, MX_EVENT_RETURN, "shopper03", "r1", "b1", -1, 300, 200);
    tiny_buy(shop, "shopper04", "o04-00", "POST", 1, 1500, 40);
    return shop;
}

typedef struct fixture {
    tiny_shop *shop;
    mx_snapshot *s;
    tiny_pictures *pictures;
} fixture;

/* Options of training: the defaults, but a small network that is soon trained. */
static const char *set_for(const mx_answer *answer)
{
    return answer->of_pictures ? "side=16 filters=4 epochs=4" : "";
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->shop = year();
    f->s = tiny_finish(f->shop, NULL);
    f->pictures = tiny_pictures_new(f->s);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    tiny_pictures_free(f->pictures);
    tiny_close(f->s);
    tiny_free(f->shop);
    free(f);
    return 0;
}

static void check_train(const mx_answer *answer, const mx_snapshot *s, int threads, tiny_model *model)
{
    merx_error err = {0};
    check_ok(tiny_train(answer, s, set_for(answer), NULL, threads, NULL, NULL, model, &err), err);
}

static void test_described(void **state)
{
    (void)state;
    size_t n = 0;
    for (const mx_answer *answer; (answer = mx_answer_at(n)); n++) {
        assert_ptr_equal(merx_answer_find(answer->info.name), &answer->info);
        assert_int_equal(answer->version, 1);
        assert_true(*answer->info.title && *answer->info.text && *answer->info.needs);
        check_contains(answer->info.examples, answer->info.name);
        assert_non_null(answer->answer);
        assert_non_null(answer->needs);
        if (answer->info.learns)
            assert_true(answer->train && answer->load && answer->unload && answer->evaluate && answer->forget);
        for (int which = 0; which < 2; which++)
            for (const merx_option *o = which ? answer->info.question : answer->info.training; o->name; o++) {
                merx_options *options;
                merx_error err = {0};
                check_ok(merx_options_new(NULL, which ? answer->info.question : answer->info.training, &options, &err),
                         err);
                assert_true(o->text && strlen(o->text) > 5);
                if (o->value)
                    check_ok(merx_options_set(options, o->name, o->value, &err), err);
                if (o->type == MERX_OPTION_INT || o->type == MERX_OPTION_REAL) {
                    char text[32];
                    mx_format_double(o->min, text);
                    check_ok(merx_options_set(options, o->name, text, &err), err);
                    mx_format_double(o->max * 2 + 1, text);
                    check_fails(merx_options_set(options, o->name, text, &err), MERX_E_RANGE, err);
                }
                merx_options_free(options);
            }
    }
    assert_true(n > 0);
}

static void test_empty_shop(void **state)
{
    (void)state;
    tiny_shop *shop = tiny_new();
    mx_snapshot *s = tiny_finish(shop, NULL);
    merx_error err = {0};
    for (size_t i = 0; mx_answer_at(i); i++)
        check_fails(mx_answer_at(i)->needs(s, &err), MERX_E_INVALID, err);
    tiny_close(s);
    tiny_free(shop);
}

static void test_same_bits(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; mx_answer_at(i); i++) {
        const mx_answer *answer = mx_answer_at(i);
        if (!answer->info.learns)
            continue;
        tiny_model first, other;
        check_train(answer, f->s, 1, &first);
        for (int threads = 1; threads <= 8; threads *= 2) {
            check_train(answer, f->s, threads, &other);
            if (!tiny_same(&first, &other))
                fail_msg("%s: other bytes with %d threads", answer->info.name, threads);
            tiny_model_free(&other);
        }
        tiny_model_free(&first);
    }
}

static void test_reasons(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; mx_answer_at(i); i++) {
        const mx_answer *answer = mx_answer_at(i);
        tiny_model model = {.answer = answer};
        if (answer->info.learns)
            check_train(answer, f->s, 1, &model);
        mx_arena arena;
        mx_arena_init(&arena, NULL);
        bool has_customer = false, has_product = false;
        for (const merx_option *o = answer->info.question; o->name; o++) {
            has_customer |= strcmp(o->name, "customer") == 0;
            has_product |= strcmp(o->name, "product") == 0;
        }
        const char *const questions[] = {"", has_customer ? "customer=shopper05" : "", has_product ? "product=a3" : ""};
        for (int q = 0; q < 3; q++) {
            merx_reply reply;
            merx_error err = {0};
            check_ok(tiny_ask(&model, f->s, questions[q], &arena, &reply, &err), err);
            assert_true(reply.sentence && *reply.sentence);
            assert_true(reply.items > 0);
            assert_non_null(reply.score_unit);
            size_t reasons = tiny_check_reasons(&reply);
            if (answer->explain)
                assert_true(reasons > 0);
            for (size_t k = 0; k < reply.items; k++) {
                assert_true(reply.item[k].id && reply.item[k].title);
                for (size_t j = 1; j < reply.item[k].reasons; j++)
                    assert_true(fabs(reply.item[k].reason[j].contribution) <=
                                fabs(reply.item[k].reason[j - 1].contribution));
            }
        }
        mx_arena_release(&arena);
        tiny_model_free(&model);
    }
}

static void test_evaluation(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; mx_answer_at(i); i++) {
        const mx_answer *answer = mx_answer_at(i);
        if (!answer->info.learns)
            continue;
        merx_options *options;
        merx_error err = {0};
        check_ok(tiny_options(NULL, answer->info.training, set_for(answer), &options, &err), err);
        merx_evaluation first, out;
        for (int threads = 1; threads <= 8; threads *= 8) {
            merx_task *task;
            check_ok(merx_task_new(NULL, &(merx_task_options){.threads = threads, .seed = 3}, &task, &err), err);
            mx_evaluate evaluate = {f->s, mx_snapshot_split_ms(f->s), options, NULL, task};
            memset(&out, 0, sizeof out);
            check_ok(answer->evaluate(&evaluate, &out, &err), err);
            merx_task_free(task);
            if (threads == 1)
                first = out;
        }
        merx_options_free(options);
        assert_true(out.figures > 0 && out.figures <= MERX_FIGURES_MAX);
        assert_true(*out.gate && *out.protocol && *out.unit);
        for (size_t k = 0; k < out.figures; k++) {
            const merx_figure *g = &out.figure[k];
            assert_true(*g->name);
            assert_true(g->low <= g->value + 1e-12 && g->value <= g->high + 1e-12);
            check_same_double(g->value, first.figure[k].value);
            check_same_double(g->low, first.figure[k].low);
            if (*g->baseline_name)
                assert_true(g->difference_low <= g->difference + 1e-12 && g->difference <= g->difference_high + 1e-12);
        }
    }
}

/* Forgetting, and then the retrain it asks for: the bytes of never having seen him. */
static void test_forget(void **state)
{
    fixture *f = *state;
    mx_snapshot *without = tiny_finish(f->shop, "shopper05");
    tiny_pictures_hang(f->pictures, without);
    for (size_t i = 0; mx_answer_at(i); i++) {
        const mx_answer *answer = mx_answer_at(i);
        if (!answer->info.learns)
            continue;
        merx_error err = {0};
        tiny_model model, never, forgotten;
        bool exact = false;
        check_train(answer, f->s, 1, &model);
        check_train(answer, without, 1, &never);
        check_ok(tiny_train(answer, without, set_for(answer), NULL, 2, &model, &exact, &forgotten, &err), err);
        if (exact && !tiny_same(&forgotten, &never))
            fail_msg("%s: says exact, but the bytes are not those of never having seen him", answer->info.name);
        /* What is no longer in the shop is nowhere in the file either. */
        assert_null(memmem(forgotten.bytes, forgotten.size, "shopper05", 9));
        mx_arena arena;
        mx_arena_init(&arena, NULL);
        merx_reply reply;
        check_ok(tiny_ask(&forgotten, without, "", &arena, &reply, &err), err);
        mx_arena_release(&arena);
        tiny_model_free(&forgotten);
        tiny_model_free(&never);
        tiny_model_free(&model);
    }
    tiny_close(without);
}

static void test_cancel(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; mx_answer_at(i); i++) {
        const mx_answer *answer = mx_answer_at(i);
        if (!answer->info.learns)
            continue;
        merx_task *task;
        merx_options *options;
        mx_tensor_writer *writer;
        mx_arena arena;
        mx_arena_init(&arena, NULL);
        merx_error err = {0};
        check_ok(merx_task_new(NULL, &(merx_task_options){.threads = 2}, &task, &err), err);
        check_ok(tiny_options(NULL, answer->info.training, set_for(answer), &options, &err), err);
        check_ok(mx_tensor_writer_new(NULL, &writer, &err), err);
        merx_task_cancel(task);
        merx_status status = answer->train(f->s, options, NULL, task, writer, &arena, &err);
        if (status != MERX_E_CANCELLED)
            fail_msg("%s: a cancelled training gave %s", answer->info.name, merx_status_name(status));
        mx_tensor_writer_free(writer);
        merx_options_free(options);
        merx_task_free(task);
        mx_arena_release(&arena);
    }
}

/* A file cut short anywhere is refused. */
static void test_damaged(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; mx_answer_at(i); i++) {
        const mx_answer *answer = mx_answer_at(i);
        if (!answer->info.learns)
            continue;
        tiny_model model;
        check_train(answer, f->s, 1, &model);
        for (size_t cut = 0; cut < 40; cut++) {
            size_t size = model.size * cut / 40;
            unsigned char *part = malloc(size + 1);
            memcpy(part, model.bytes, size);
            mx_tensor_file *file = NULL;
            void *loaded = NULL;
            merx_error err = {0};
            if (mx_tensor_file_memory(part, size, "cut", NULL, false, &file, &err) == MERX_OK) {
                assert_int_not_equal(answer->load(file, f->s, NULL, &loaded, &err), MERX_OK);
                mx_tensor_file_close(file);
            }
            assert_true(*err.message);
            free(part);
        }
        /* Another answer's model is none of ours. */
        for (size_t k = 0; mx_answer_at(k); k++) {
            void *loaded = NULL;
            merx_error err = {0};
            if (k != i && mx_answer_at(k)->info.learns)
                check_fails(mx_answer_at(k)->load(model.file, f->s, NULL, &loaded, &err), MERX_E_CORRUPT, err);
        }
        tiny_model_free(&model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_described), cmocka_unit_test(test_empty_shop), cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_reasons),   cmocka_unit_test(test_evaluation), cmocka_unit_test(test_forget),
        cmocka_unit_test(test_cancel),    cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
