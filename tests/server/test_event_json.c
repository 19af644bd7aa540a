/*
 * The quick way of reading events against the slow one: whatever it takes, the slow way makes the same of. Texts are the usual ones and their mutations; a failure prints the
 * seed: MERX_SEED=n runs that one again.
 */
#include <inttypes.h>

#include "base/random.h"
#include "server/event_json.h"
#include "server/json_items.h"
#include "support/check.h"

static const mx_shop_settings settings = {.decimals = 2, .zone_ms = 8 * 3600000};

static const char *const usual[] = {
    "{\"id\":\"7c1e\",\"kind\":\"purchase\",\"product\":\"tea3\",\"customer\":\"bob\",\"price\":\"3.50\"}",
    "{ \"id\" : 17850 , \"kind\" : \"return\" , \"product\" : 12 , \"quantity\" : 3 , \"price\" : -12.5 }",
    "{\"kind\":\"view\",\"product\":\"\xe7\xbb\xbf\xe8\x8c\xb6\",\"id\":\"0b1c2d3e-0000-4000-8000-000000000001\","
    "\"time\":\"2024-05-01T12:30:00\",\"session\":\"s\",\"title\":\"Green tea\",\"country\":\"CN\"}",
    "{\"id\":\"e\",\"kind\":\"cart\",\"product\":\"p\",\"time\":1714566600.25,\"order\":\"\",\"price\":7}",
};

static bool slow_way(mx_str text, mx_arena *arena, mx_event *out)
{
    mx_row_errors errors = {0};
    mx_json_reader reader = {&settings, arena, &errors, 0, 777};
    mx_record record = {0};
    bool good = false;

    json_t *json = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    if (!json)
        return false;
    assert_int_equal(mx_record_from_json(&reader, MX_EVENT, json, NULL, &record, &good, NULL), MERX_OK);
    *out = record.event;
    json_decref(errors.list);
    json_decref(json);
    return good;
}

static void same(mx_str text, const mx_event *a, const mx_event *b)
{
    const mx_str texts[][2] = {{a->id, b->id},           {a->product, b->product}, {a->customer, b->customer},
                               {a->order, b->order},     {a->session, b->session}, {a->title, b->title},
                               {a->country, b->country}, {a->source, b->source}};
    bool equal = a->kind == b->kind && a->time_ms == b->time_ms && a->quantity == b->quantity &&
                 a->has_price == b->has_price && a->price_minor == b->price_minor && a->row == b->row;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        equal = equal && mx_str_equal(texts[i][0], texts[i][1]);
    if (!equal)
        check_die(__FILE__, __LINE__, "another event the quick way: %.*s", (int)text.size, text.data);
}

/* Whether the quick way took all of the text. */
static bool compare(mx_str text)
{
    const char *at = text.data;
    mx_event quick = {0}, slow = {0};
    mx_arena arena;

    if (!mx_event_json_read(&at, text.data + text.size, &settings, 777, &quick)) {
        assert_ptr_equal(at, text.data);
        return false;
    }
    mx_str taken = {text.data, (size_t)(at - text.data)};
    mx_arena_init(&arena, NULL);
    if (!slow_way(taken, &arena, &slow))
        check_die(__FILE__, __LINE__, "the slow way refuses %.*s", (int)taken.size, taken.data);
    same(taken, &quick, &slow);
    mx_arena_release(&arena);
    return taken.size == text.size;
}

static void test_usual(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (!compare(mx_str_of(usual[i])))
            check_die(__FILE__, __LINE__, "left to the slow way: %s", usual[i]);
}

static void test_left_to_the_slow_way(void **state)
{
    static const char *const texts[] = {
        "",
        "{}",
        "[]",
        "{\"id\":\"e\",\"kind\":\"view\"}",
        "{\"id\":\"\",\"kind\":\"view\",\"product\":\"p\"}",
        "{\"id\":\"e\",\"kind\":\"view\",\"product\":\"\"}",
        "{\"id\":\"e\",\"kind\":\"look\",\"product\":\"p\"}",
        "{\"id\":\"e\",\"kind\":\"view\",\"product\":\"p\",}",
        "{\"id\":\"e\",\"kind\":\"view\",\"product\":\"p\"",
        "{\"id\":\"e\",\"kind\":\"view\",\"product\":\"p\",\"id\":\"f\"}",
        "{\"id\":\"e\",\"kind\":\"view\",\"product\":\"p\",\"size\":1}",
        "{\"id\":\"e\\n\",\"kind\":\"view\",\"product\":\"p\"}",
        "{\"id\":\"e\n\",\"kind\":\"view\",\"product\":\"p\"}",
        "{\"id\":\"\xff\",\"kind\":\"view\",\"product\":\"p\"}",
        "{\"id\":01,\"kind\":\"view\",\"product\":\"p\"}",
        "{\"id\":-0,\"kind\":\"view\",\"product\":\"p\"}",
        "{\"id\":1.5,\"kind\":\"view\",\"product\":\"p\"}",
        "{\"id\":1234567890123456,\"kind\":\"view\",\"product\":\"p\"}",
        "{\"id\":\"e\",\"kind\":\"view\",\"product\":\"p\",\"quantity\":0}",
        "{\"id\":\"e\",\"kind\":\"view\",\"product\":\"p\",\"quantity\":-1}",
        "{\"id\":\"e\",\"kind\":\"view\",\"product\":\"p\",\"quantity\":1000000001}",
        "{\"id\":\"e\",\"kind\":\"view\",\"product\":\"p\",\"price\":1e2}",
        "{\"id\":\"e\",\"kind\":\"view\",\"product\":\"p\",\"price\":1.}",
        "{\"id\":\"e\",\"kind\":\"view\",\"product\":\"p\",\"price\":1.234}",
        "{\"id\":\"e\",\"kind\":\"view\",\"product\":\"p\",\"time\":\"soon\"}",
        "{\"id\":\"e\",\"kind\":\"view\",\"product\":\"p\",\"customer\":null}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (compare(mx_str_of(texts[i])))
            check_die(__FILE__, __LINE__, "taken the quick way: %s", texts[i]);
}

/* A text with some bytes changed, left out, doubled or taken from another. */
static mx_str mutate(mx_random *dice, char *out, size_t size)
{
    static const char likely[] = "\"{}:,[]\\ -.0159eE\n\x80\xe7";
    const char *from = usual[mx_random_below(dice, sizeof usual / sizeof *usual)];
    size_t n = strlen(from), changes = 1 + mx_random_below(dice, 3);

    memcpy(out, from, n);
    while (changes-- > 0) {
        size_t at = mx_random_below(dice, n);
        switch (mx_random_below(dice, 4)) {
        case 0:
            out[at] = likely[mx_random_below(dice, sizeof likely - 1)];
            break;
        case 1:
            memmove(out + at, out + at + 1, n - at - 1);
            n -= n > 2;
            break;
        case 2:
            if (n + 1 < size) {
                memmove(out + at + 1, out + at, n - at);
                n++;
            }
            break;
        default: {
            const char *other = usual[mx_random_below(dice, sizeof usual / sizeof *usual)];
            size_t start = mx_random_below(dice, strlen(other)), length = mx_random_below(dice, 12);
            for (size_t i = 0; i < length && at + i < n && other[start + i] != '\0'; i++)
                out[at + i] = other[start + i];
        }
        }
    }
    return (mx_str){out, n};
}

static void test_mutations(void **state)
{
    const char *text = getenv("MERX_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : 1, taken = 0;
    char room[512];
    mx_random dice;
    (void)state;
    printf("seed %" PRIu64 "\n", seed);
    mx_random_init(&dice, seed, 0);
    for (int i = 0; i < 60000; i++) {
        mx_str mutant = mutate(&dice, room, sizeof room);
        /* In a block of its own size, so that reading beyond it shows. */
        char *exact = malloc(mutant.size);
        assert_non_null(exact);
        memcpy(exact, mutant.data, mutant.size);
        taken += compare((mx_str){exact, mutant.size});
        free(exact);
    }
    assert_in_range(taken, 2000, 55000);
}

/* Bodies walked with the quick way where it does have the elements that they have without. */
static void test_bodies(void **state)
{
    static const struct {
        const char *text;
        bool lines;
    } bodies[] = {
        {"[]", false},
        {" [ @ , @ ] ", false},
        {"[@,{\"id\":\"\\u0061\"},@,[1],@]", false},
        {"[@,@", false},
        {"[@,]", false},
        {"[@]x", false},
        {"[@ @]", false},
        {" @ ", false},
        {"@ @", false},
        {"@\n\n @ \r\n@", true},
        {"@ @\n@", true},
        {"[@]\n@\n", true},
        {"{\"id\":\"e\",\n\"kind\":\"view\",\"product\":\"p\"}\n@", true},
    };
    char body[2048];
    (void)state;
    for (size_t b = 0; b < sizeof bodies / sizeof *bodies; b++) {
        size_t n = 0;
        for (const char *c = bodies[b].text; *c != '\0'; c++)
            n += (size_t)snprintf(body + n, sizeof body - n, *c == '@' ? "%s" : "%.1s", *c == '@' ? usual[b % 4] : c);
        mx_json_items quick, slow;
        merx_error err = {0};
        mx_str element = {0}, other = {0};
        check_ok(mx_json_items_init(&quick, (mx_str){body, n}, bodies[b].lines, &err), err);
        slow = quick;
        merx_status status = MERX_OK;
        do {
            const char *end, *at = mx_json_items_peek(&quick, &end), *start = at;
            mx_event event;
            status = mx_json_items_next(&slow, &other, NULL);
            if (at && mx_event_json_read(&at, end, &settings, 0, &event) && mx_json_items_took(&quick, at)) {
                element = (mx_str){start, (size_t)(at - start)};
                assert_int_equal(status, MERX_OK);
            } else {
                assert_int_equal(mx_json_items_next(&quick, &element, NULL), status);
            }
            if (status == MERX_OK)
                assert_true(mx_str_equal(element, other));
            assert_int_equal(quick.count, slow.count);
        } while (status == MERX_OK && other.size > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual),
        cmocka_unit_test(test_left_to_the_slow_way),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
