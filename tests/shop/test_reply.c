/*
 * A reply's JSON is, byte for byte, what a plain writer puts together, whatever is in its texts and numbers; and it is JSON.
 */
#include "base/clock.h"
#include "shop/answers/answer.h"
#include "support/check.h"

/* ---- the twin ---- */

static void twin_text(mx_text *out, const char *value)
{
    mx_text_puts(out, "\"");
    mx_text_json(out, mx_str_of(value));
    mx_text_puts(out, "\"");
}

static void twin_real(mx_text *out, double value)
{
    char text[32];
    mx_format_double(value, text);
    mx_text_puts(out, isfinite(value) ? text : "null");
}

static void twin_value(mx_text *out, const merx_value *value)
{
    char text[512];
    if (value->type == MERX_VALUE_TEXT)
        twin_text(out, value->text);
    else if (value->type == MERX_VALUE_INT)
        mx_text_printf(out, "%lld", (long long)value->integer);
    else if (value->type == MERX_VALUE_REAL || value->type == MERX_VALUE_SHARE)
        twin_real(out, value->real);
    else {
        merx_value_format(value, text, sizeof text);
        twin_text(out, text);
    }
}

/* ---- types: of the first field of each name; of an item's own where they are others ---- */

static const char *const type_names[] = {
    [MERX_VALUE_TEXT] = "text",   [MERX_VALUE_INT] = "int",     [MERX_VALUE_REAL] = "real",
    [MERX_VALUE_SHARE] = "share", [MERX_VALUE_MONEY] = "money", [MERX_VALUE_DATE] = "date"};

static const merx_field *first_named(const merx_reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->items; i++)
        for (size_t f = 0; f < reply->item[i].fields; f++)
            if (strcmp(reply->item[i].field[f].name, name) == 0)
                return &reply->item[i].field[f];
    return NULL;
}

static void twin_type(mx_text *out, const merx_field *field, bool first)
{
    mx_text_puts(out, first ? "" : ",");
    twin_text(out, field->name);
    mx_text_printf(out, ":\"%s\"", type_names[field->value.type]);
}

static void twin_types(mx_text *out, const merx_reply *reply)
{
    bool first = true;
    mx_text_puts(out, "\"types\":{");
    for (size_t i = 0; i < reply->items; i++)
        for (size_t f = 0; f < reply->item[i].fields; f++)
            if (first_named(reply, reply->item[i].field[f].name) == &reply->item[i].field[f]) {
                twin_type(out, &reply->item[i].field[f], first);
                first = false;
            }
    mx_text_puts(out, "},");
}

static void twin_own_types(mx_text *out, const merx_reply *reply, const merx_item *item)
{
    bool first = true;
    for (size_t f = 0; f < item->fields; f++)
        if (first_named(reply, item->field[f].name)->value.type != item->field[f].value.type) {
            mx_text_puts(out, first ? ",\"types\":{" : "");
            twin_type(out, &item->field[f], first);
            first = false;
        }
    mx_text_puts(out, first ? "" : "}");
}

static void twin_item(mx_text *out, const merx_reply *reply, const merx_item *item)
{
    mx_text_puts(out, "{\"id\":");
    twin_text(out, item->id);
    mx_text_puts(out, ",\"title\":");
    twin_text(out, item->title);
    mx_text_puts(out, ",\"score\":");
    twin_real(out, item->score);
    mx_text_puts(out, ",\"fields\":{");
    for (size_t i = 0; i < item->fields; i++) {
        mx_text_puts(out, i ? "," : "");
        twin_text(out, item->field[i].name);
        mx_text_puts(out, ":");
        twin_value(out, &item->field[i].value);
    }
    mx_text_puts(out, "}");
    twin_own_types(out, reply, item);
    mx_text_puts(out, item->reason ? ",\"reasons\":[" : "");
    for (size_t i = 0; i < item->reasons; i++) {
        const merx_reason *reason = &item->reason[i];
        mx_text_puts(out, i ? ",{\"kind\":" : "{\"kind\":");
        twin_text(out, reason->kind);
        mx_text_puts(out, ",\"id\":");
        twin_text(out, reason->id);
        mx_text_puts(out, ",\"text\":");
        twin_text(out, reason->text);
        mx_text_puts(out, ",\"contribution\":");
        twin_real(out, reason->contribution);
        mx_text_puts(out, ",\"without\":");
        twin_real(out, reason->without);
        mx_text_puts(out, "}");
    }
    mx_text_puts(out, item->reason ? "]}" : "}");
}

static void check_reply(const merx_reply *reply)
{
    merx_error err = {0};
    mx_text out;
    char *text;
    mx_text_init(&out, NULL, (size_t)1 << 24);
    mx_text_puts(&out, "{\"answer\":");
    twin_text(&out, reply->answer);
    mx_text_puts(&out, ",\"sentence\":");
    twin_text(&out, reply->sentence);
    mx_text_puts(&out, ",\"score_unit\":");
    twin_text(&out, reply->score_unit);
    mx_text_printf(&out, ",\"model_version\":%lld,\"data_offset\":%lld,", (long long)reply->model_version,
                   (long long)reply->data_offset);
    twin_types(&out, reply);
    mx_text_puts(&out, "\"items\":[");
    for (size_t i = 0; i < reply->items; i++) {
        mx_text_puts(&out, i ? "," : "");
        twin_item(&out, reply, &reply->item[i]);
    }
    mx_text_puts(&out, "],\"notes\":[");
    for (size_t i = 0; i < reply->notes; i++) {
        mx_text_puts(&out, i ? "," : "");
        twin_text(&out, reply->note[i]);
    }
    mx_text_puts(&out, "]}");
    check_ok(merx_reply_json(reply, &text, &err), err);
    assert_string_equal(text, out.data);
    json_error_t error;
    json_t *parsed = json_loads(text, 0, &error);
    assert_non_null(parsed);
    assert_int_equal(json_array_size(json_object_get(parsed, "items")), reply->items);
    json_decref(parsed);
    merx_text_free(text);
    mx_text_release(&out);
}

/* ---- replies ---- */

static const char *const texts[] = {"",
                                    NULL,
                                    "plain",
                                    "exactly8",
                                    "one \"quoted\" word, longer than eight",
                                    "\"",
                                    "a tab\t, a line\n and a \\ with \x01 and \x1f",
                                    "T-Shirt f\xC3\xBCr M\xC3\xA4nner, gr\xC3\xB6\xC3\x9F"
                                    "er als acht",
                                    "\xE8\x8C\xB6\xE5\x8F\xB6",
                                    "\xF0\x9F\x8D\xB5 tea",
                                    "no UTF-8: \xFF\xC3 and \xE8\x8C",
                                    "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"};
static const double reals[] = {0,      -0.0,        1,
                               -1,     0.1,         1.0 / 3,
                               1e-7,   -123456.789, 1e300,
                               5e-324, 1e15,        123456789012345678.0,
                               0.5,    (double)NAN, (double)INFINITY};
enum { TEXTS = sizeof texts / sizeof *texts, REALS = sizeof reals / sizeof *reals };

static void test_json(void **state)
{
    (void)state;
    mx_arena arena;
    mx_arena_init(&arena, NULL);
    merx_error err = {0};
    merx_reply reply = {.answer = "recommend", .sentence = texts[4], .score_unit = NULL, .model_version = -3};
    check_reply(&reply);
    reply.data_offset = INT64_MAX;
    check_ok(mx_reply_items(&reply, 40, &arena, &err), err);
    for (size_t i = 0; i < reply.items; i++) {
        merx_item *item = &reply.item[i];
        const merx_value values[] = {mx_value_text(texts[i % TEXTS]),
                                     mx_value_int(i % 2 ? INT64_MIN : (int64_t)i * 1000),
                                     mx_value_real(reals[i % REALS], (int)i % 4),
                                     mx_value_share(reals[(i + 1) % REALS]),
                                     mx_value_money(i % 3 ? INT64_MIN : -5, (int)(i % 5)),
                                     mx_value_date((int64_t)i * 40000000000),
                                     mx_value_date((int64_t)i * MX_DAY_MS)};
        item->id = texts[(i + 3) % TEXTS];
        item->title = texts[(i + 5) % TEXTS];
        item->score = reals[(i + 2) % REALS];
        check_ok(mx_item_fields(item, i % 8, &arena, &err), err);
        for (size_t k = 0; k < item->fields; k++)
            item->field[k] = (merx_field){k ? "a field" : "\"", values[k]};
        check_ok(mx_item_reasons(item, i % 4 ? i * 3 : 0, &arena, &err), err);
        for (size_t k = 0; k < item->reasons; k++)
            item->reason[k] = (merx_reason){.kind = texts[k % TEXTS],
                                            .id = texts[(k + i) % TEXTS],
                                            .text = texts[(k * 5 + i) % TEXTS],
                                            .contribution = reals[(k * 7) % REALS],
                                            .without = reals[(k + i) % REALS]};
    }
    check_ok(mx_reply_note(&reply, &arena, &err, "a \"note\""), err);
    check_ok(mx_reply_note(&reply, &arena, &err, "%s", "another"), err);
    check_reply(&reply);
    mx_arena_release(&arena);
}

/* Reasons stand by the size of their contribution, ties by id and kind: few and many. */
static void test_order(void **state)
{
    (void)state;
    for (size_t n = 0; n < 80; n += n < 4 ? 1 : 19) {
        mx_arena arena;
        mx_arena_init(&arena, NULL);
        merx_error err = {0};
        merx_item item = {0};
        check_ok(mx_item_reasons(&item, n, &arena, &err), err);
        for (size_t k = 0; k < n; k++)
            item.reason[k] = (merx_reason){.kind = k % 2 ? "b" : "a",
                                           .id = k % 3 ? "x" : "y",
                                           .contribution = (double)(k * 7 % 5) - 2,
                                           .without = (double)k};
        mx_item_sort_reasons(&item);
        double sum = 0;
        for (size_t k = 0; k < n; k++) {
            const merx_reason *one = &item.reason[k], *before = k ? one - 1 : NULL;
            sum += one->without;
            if (!before)
                continue;
            double size = fabs(one->contribution), larger = fabs(before->contribution);
            int ids = strcmp(before->id, one->id);
            assert_true(larger > size ||
                        (larger == size && (ids < 0 || (ids == 0 && strcmp(before->kind, one->kind) <= 0))));
        }
        assert_true(sum == (double)(n * (n ? n - 1 : 0) / 2)); /* each is still there */
        mx_arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_json), cmocka_unit_test(test_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
