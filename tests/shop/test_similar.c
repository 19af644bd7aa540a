/*
 * similar against a naive twin (nested loops, words split by hand), words in English and Chinese, pictures, and every allocation failing.
 */
#include <ctype.h>

#include "base/random.h"
#include "shop/answers/similar.h"
#include "support/tiny_shop.h"

extern const mx_answer mx_answer_similar;

enum { PRODUCTS = 14 };

/* In order of id: p00 …; POST last would be a service. */
static const char *const titles[PRODUCTS] = {"RED Paper lantern",
                                             "white paper lantern",
                                             "White metal lantern, large",
                                             "tea cup, white",
                                             "Tea pot",
                                             "red tea pot",
                                             "\xe7\xba\xa2\xe8\x89\xb2\xe8\x8c\xb6\xe6\x9d\xaf", /* red tea cup */
                                             "\xe7\x99\xbd\xe8\x89\xb2\xe8\x8c\xb6\xe6\x9d\xaf", /* white tea cup */
                                             "",
                                             "a b c",
                                             "lantern lantern",
                                             "caf\xc3\xa9 cup",
                                             "CUP caf\xc3\xa9",
                                             "\xff\xfe broken"};

typedef struct fixture {
    tiny_shop *shop;
    mx_snapshot *s;
    mx_str title[PRODUCTS];
    int32_t category[PRODUCTS];
    mx_str names[3];
} fixture;

static void make(fixture *f)
{
    f->shop = tiny_new();
    mx_random r;
    mx_random_init(&r, 5, 5);
    for (int o = 0; o < 120; o++) {
        char order[24], customer[24], product[24];
        snprintf(order, sizeof order, "o%03d", o);
        snprintf(customer, sizeof customer, "c%02d", (int)mx_random_below(&r, 20));
        int first = (int)mx_random_below(&r, PRODUCTS - 1);
        for (int line = 0; line < 1 + o % 4; line++) {
            snprintf(product, sizeof product, "p%02d", (first + line * (o % 3)) % (PRODUCTS - 1));
            /* Orders without an id are the customer's; every line of an order at its own place in time. */
            tiny_buy(f->shop, o % 9 == 0 && o % 2 ? "" : customer, o % 5 == 0 ? "" : order, product, 1,
                     100 + 50 * (first % 6), o + 0.01 * line);
        }
    }
    tiny_add(f->shop, MX_EVENT_RETURN, "c01", "r", "p13", -1, 0, 300);
    tiny_buy(f->shop, "c01", "o001", "POST", 1, 999, 301);
    f->s = tiny_finish(f->shop, NULL);
    assert_int_equal(f->s->products, PRODUCTS + 1);
    static mx_str all[PRODUCTS + 1], names[3];
    static int32_t category[PRODUCTS + 1];
    for (int p = 0; p < PRODUCTS; p++) {
        all[p + 1] = mx_str_of(titles[p]);
        category[p + 1] = p % 4 - 1;
    }
    all[0] = mx_str_of("white paper lantern");
    category[0] = 1;
    names[0] = mx_str_of("light"), names[1] = mx_str_of("table"), names[2] = mx_str_of("rest");
    f->s->product_title = all;
    f->s->product_category = category;
    f->s->category_name = names;
    f->s->categories = 3;
}

static void unmake(fixture *f)
{
    tiny_close(f->s);
    tiny_free(f->shop);
}

/* ---- the twin ---- */

typedef struct bag {
    char word[32][80];
    int n;
} bag;

static void put(bag *b, const char *data, size_t n)
{
    char text[80];
    for (size_t i = 0; i < n; i++)
        text[i] = (char)(data[i] >= 'A' && data[i] <= 'Z' ? data[i] + 32 : data[i]);
    text[n] = '\0';
    for (int i = 0; i < b->n; i++)
        if (strcmp(b->word[i], text) == 0)
            return;
    strcpy(b->word[b->n++], text);
}

/* Words as these titles have them: latin runs, or runs of three-byte characters in pairs. */
static bag split(mx_str title)
{
    bag b = {.n = 0};
    for (size_t i = 0; i < title.size;) {
        unsigned char c = (unsigned char)title.data[i];
        size_t k = i;
        if (c >= 0xe2 && c < 0xf0) {
            for (; k + 5 < title.size; k += 3)
                put(&b, title.data + k, 6);
            i = title.size;
            continue;
        }
        while (k < title.size && (isalnum((unsigned char)title.data[k]) || (unsigned char)title.data[k] >= 0x80))
            k++;
        if (k - i >= 2)
            put(&b, title.data + i, k - i);
        i = k + 1;
    }
    return b;
}

static bool has(const bag *b, const char *word)
{
    for (int i = 0; i < b->n; i++)
        if (strcmp(b->word[i], word) == 0)
            return true;
    return false;
}

static double idf(const mx_snapshot *s, const char *word)
{
    double goods = 0, with = 0;
    for (size_t p = 0; p < s->products; p++)
        if (!s->product_service[p]) {
            bag b = split(s->product_title[p]);
            goods++;
            with += has(&b, word);
        }
    return log(1 + goods / with);
}

static double words(const mx_snapshot *s, size_t q, size_t p)
{
    bag a = split(s->product_title[q]), b = split(s->product_title[p]);
    double x = 0, y = 0, z = 0;
    for (int i = 0; i < a.n; i++)
        x += pow(idf(s, a.word[i]), 2);
    for (int i = 0; i < b.n; i++) {
        y += pow(idf(s, b.word[i]), 2);
        z += has(&a, b.word[i]) ? pow(idf(s, b.word[i]), 2) : 0;
    }
    return z > 0 ? z / sqrt(x * y) : 0;
}

static bool in_basket(const mx_snapshot *s, size_t e, size_t i)
{
    if (s->order[e] >= 0 || s->order[i] >= 0)
        return s->order[e] == s->order[i];
    return s->customer[e] >= 0 && s->customer[e] == s->customer[i];
}

/* Lines of p, those right after a line of p in the same order left out; of them those in an order with q. */
static double bought(const mx_snapshot *s, size_t q, size_t p)
{
    double with[2] = {0, 0}, together = 0;
    for (int which = 0; which < 2; which++) {
        size_t of = which ? q : p, last = SIZE_MAX;
        for (size_t e = 0; e < s->events; e++) {
            if (!mx_snapshot_is_sale(s, e) || (size_t)s->product[e] != of || (s->order[e] < 0 && s->customer[e] < 0))
                continue;
            bool again = last != SIZE_MAX && in_basket(s, e, last), beside = false;
            last = e;
            if (again)
                continue;
            with[which]++;
            for (size_t i = 0; i < s->events && !beside; i++)
                beside = mx_snapshot_is_sale(s, i) && (size_t)s->product[i] == q && in_basket(s, e, i);
            together += !which && beside;
        }
    }
    return together > 0 ? fmin(together / sqrt(with[0] * with[1]), 1) : 0;
}

static void test_twin(void **state)
{
    (void)state;
    fixture f;
    make(&f);
    const mx_snapshot *s = f.s;
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    merx_error err = {0};
    size_t with_words = 0, with_orders = 0;
    for (size_t q = 1; q < s->products; q++) {
        mx_similar_ask ask = {.snapshot = s, .product = (int32_t)q, .weight = {1, 0.7, 0.3, 0.1, 0}, .n = 100};
        mx_similar_found *found;
        size_t count;
        uint32_t orders;
        check_ok(mx_similar_find(&ask, &arena, &found, &count, &orders, &err), err);
        assert_true(count > 0 && count < s->products);
        for (size_t k = 0; k < count; k++) {
            size_t p = (size_t)found[k].product;
            assert_true(p != q && !s->product_service[p]);
            double low = (double)s->product_price_minor[q], high = (double)s->product_price_minor[p];
            double want[] = {bought(s, q, p), 0.7 * words(s, q, p),
                             0.3 * (s->product_category[p] >= 0 && s->product_category[p] == s->product_category[q]),
                             low > 0 && high > 0 ? 0.1 * fmin(low, high) / fmax(low, high) : 0};
            double sum = 0;
            for (int part = 0; part < 4; part++) {
                if (!(fabs(found[k].part[part] - want[part]) <= 1e-12))
                    check_die(__FILE__, __LINE__, "part %d of \"%.*s\" for \"%.*s\": %.17g, not %.17g", part,
                              (int)s->product_title[p].size, s->product_title[p].data, (int)s->product_title[q].size,
                              s->product_title[q].data, found[k].part[part], want[part]);
                sum += want[part];
            }
            with_orders += want[0] > 0;
            with_words += want[1] > 0;
            check_close(found[k].score, sum, 1e-12);
            assert_true(k == 0 || found[k].score < found[k - 1].score ||
                        (found[k].score == found[k - 1].score && found[k].product > found[k - 1].product));
        }
        /* What is asked for less is the same beginning. */
        mx_similar_found *some;
        size_t fewer;
        ask.n = 3;
        check_ok(mx_similar_find(&ask, &arena, &some, &fewer, &orders, &err), err);
        assert_true(fewer <= 3);
        assert_memory_equal(some, found, fewer * sizeof *some);
    }
    print_message("  %zu pairs with words in common, %zu with orders\n", with_words, with_orders);
    assert_true(with_words > 20 && with_orders > 40);
    mx_arena_release(&arena);
    unmake(&f);
}

static const char *shared(const char *a, const char *b, mx_arena *arena)
{
    merx_error err = {0};
    const char *out;
    check_ok(mx_similar_shared_words(mx_str_of(a), mx_str_of(b), arena, &out, &err), err);
    return out;
}

static void test_words(void **state)
{
    (void)state;
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    assert_string_equal(shared("RED Paper-lantern x", "a lantern, of paper; X", &arena), "Paper, lantern");
    assert_string_equal(shared("lantern", "lanterns", &arena), "");
    assert_string_equal(shared("", "tea", &arena), "");
    assert_string_equal(shared("set of 12 cups", "12 plates", &arena), "12");
    /* Pairs of characters; one that stands alone; punctuation parts words. */
    assert_string_equal(shared("\xe7\xba\xa2\xe8\x89\xb2\xe8\x8c\xb6\xe6\x9d\xaf",
                               "\xe7\x99\xbd\xe8\x89\xb2\xe8\x8c\xb6\xe6\x9d\xaf", &arena),
                        "\xe8\x89\xb2\xe8\x8c\xb6, \xe8\x8c\xb6\xe6\x9d\xaf");
    assert_string_equal(shared("\xe8\x8c\xb6", "tea \xe8\x8c\xb6", &arena), "\xe8\x8c\xb6");
    assert_string_equal(shared("\xe8\x8c\xb6\xe3\x80\x81\xe6\x9d\xaf", "\xe8\x8c\xb6\xe6\x9d\xaf", &arena), "");
    assert_string_equal(shared("caf\xc3\xa9", "CAF\xc3\xa9", &arena), "caf\xc3\xa9");
    /* Cut in the middle of a character, at every length. */
    char text[] = "tea \xe8\x8c\xb6\xf0\xa0\x80\x80\xc3\xa9";
    for (size_t n = 0; n < sizeof text; n++) {
        char *cut = malloc(n + 1);
        memcpy(cut, text, n);
        const char *out;
        merx_error err = {0};
        check_ok(mx_similar_shared_words((mx_str){cut, n}, (mx_str){cut, n}, &arena, &out, &err), err);
        free(cut);
    }
    mx_arena_release(&arena);
}

static void test_pictures(void **state)
{
    (void)state;
    fixture f;
    make(&f);
    float x[(PRODUCTS + 1) * 2] = {0};
    for (int p = 0; p < PRODUCTS; p++) {
        x[p * 2] = (float)cos(p * 0.5) * 3;
        x[p * 2 + 1] = (float)sin(p * 0.5) * 3;
    }
    mx_similar_vectors pictures = {x, 2};
    mx_similar_ask ask = {.snapshot = f.s, .product = 4, .weight = {0, 0, 0, 0, 2}, .pictures = &pictures, .n = 4};
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    mx_similar_found *found;
    size_t count;
    uint32_t orders;
    merx_error err = {0};
    check_ok(mx_similar_find(&ask, &arena, &found, &count, &orders, &err), err);
    assert_int_equal(count, 4);
    for (size_t k = 0; k < 4; k++) {
        assert_int_equal(abs(found[k].product - 4), k / 2 + 1);
        check_close(found[k].score, 2 * cos(0.5 * (double)(k / 2 + 1)), 1e-6);
    }
    mx_arena_release(&arena);
    unmake(&f);
}

static merx_status ask_all(const merx_allocator *alloc, void *context, merx_error *err)
{
    fixture *f = context;
    mx_arena arena;
    mx_arena_init(&arena, alloc);
    tiny_model model = {.answer = &mx_answer_similar};
    merx_reply reply;
    merx_status status = tiny_ask(&model, f->s, "product=p03 exclude=p00,p01 n=5", &arena, &reply, err);
    mx_arena_release(&arena);
    return status;
}

static void test_answer(void **state)
{
    (void)state;
    fixture f;
    make(&f);
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    tiny_model model = {.answer = &mx_answer_similar};
    merx_reply reply;
    merx_error err = {0};
    check_ok(tiny_ask(&model, f.s, "product=p00 n=3 bought=0", &arena, &reply, &err), err);
    assert_int_equal(reply.items, 3);
    assert_string_equal(reply.item[0].id, "p01"); /* white paper lantern: two words in common */
    check_contains(reply.sentence, "RED Paper lantern (p00)");
    assert_true(tiny_check_reasons(&reply) >= 3);
    bool words_told = false;
    for (size_t j = 0; j < reply.item[0].reasons; j++) {
        const merx_reason *reason = &reply.item[0].reason[j];
        words_told |= strcmp(reason->text, "shares the words Paper, lantern") == 0;
        check_close(reason->without, reply.item[0].score - reason->contribution, 1e-12);
    }
    assert_true(words_told);
    check_ok(tiny_ask(&model, f.s, "product=p13", &arena, &reply, &err), err);
    check_contains(reply.note[0], "in no order yet");
    check_ok(tiny_ask(&model, f.s, "product=p00 n=3 bought=0 exclude=p01", &arena, &reply, &err), err);
    for (size_t i = 0; i < reply.items; i++)
        assert_string_not_equal(reply.item[i].id, "p01");
    check_fails(tiny_ask(&model, f.s, "product=p0", &arena, &reply, &err), MERX_E_NOT_FOUND, err);
    check_fails(tiny_ask(&model, f.s, "product=p00 exclude=nothing", &arena, &reply, &err), MERX_E_NOT_FOUND, err);
    mx_arena_release(&arena);
    check_every_allocation(ask_all, &f);
    unmake(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twin),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
