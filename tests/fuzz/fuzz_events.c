/* Bodies of the server's requests: events and products out of any bytes. The first byte says how they came: 'l' JSON lines, 'p' a product, else JSON. */
#include "fuzz.h"

#include <string.h>

#include "server/event_json.h"
#include "server/json_items.h"
#include "server/record_json.h"
#include "store/fields.h"

static bool same_text(mx_str a, mx_str b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* What the quick way takes is what the slow way makes of it. */
static void compare_quick(mx_str element, const mx_shop_settings *settings, bool good, const mx_event *slow)
{
    const char *at = element.data, *end = element.data + element.size;
    mx_event e;
    if (!mx_event_json_read(&at, end, settings, 0, &e) || at != end)
        return;
    fuzz_require(good);
    fuzz_require(same_text(e.id, slow->id) && same_text(e.product, slow->product) &&
                 same_text(e.customer, slow->customer) && same_text(e.order, slow->order) &&
                 same_text(e.session, slow->session) && same_text(e.title, slow->title) &&
                 same_text(e.country, slow->country));
    fuzz_require(e.kind == slow->kind && e.time_ms == slow->time_ms && e.quantity == slow->quantity &&
                 e.has_price == slow->has_price && e.price_minor == slow->price_minor);
}

static void read_element(mx_json_items *items, mx_str element, mx_record_kind kind, mx_arena *arena)
{
    mx_shop_settings settings = {.decimals = 2};
    mx_row_errors errors = {0};
    mx_json_reader reader = {&settings, arena, &errors, 0, 0};
    mx_record record;
    json_t *json;
    bool good = false;
    if (mx_json_items_parse(items, element, &json, NULL) != MERX_OK) {
        compare_quick(element, &settings, false, NULL);
        return;
    }
    fuzz_require(mx_record_from_json(&reader, kind, json, NULL, &record, &good, NULL) == MERX_OK);
    fuzz_require(good == (errors.count == 0));
    if (kind == MX_EVENT)
        compare_quick(element, &settings, good, &record.event);
    if (good) {
        /* What is taken, the store takes; what is written reads back. */
        fuzz_require(mx_record_check(&record, 0, NULL) == MERX_OK);
        json_t *written = mx_record_to_json(&record, &settings);
        mx_record again;
        fuzz_require(mx_record_from_json(&reader, kind, written, NULL, &again, &good, NULL) == MERX_OK);
        fuzz_require(good);
        json_decref(written);
    }
    json_decref(errors.list);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mx_json_items items;
    mx_arena arena;
    mx_str element = {"", 0};
    if (size == 0 ||
        mx_json_items_init(&items, (mx_str){(const char *)data + 1, size - 1}, data[0] == 'l', NULL) != MERX_OK)
        return 0;
    mx_arena_init(&arena, NULL);
    while (mx_json_items_next(&items, &element, NULL) == MERX_OK && element.size > 0) {
        fuzz_require(element.data >= (const char *)data && element.data + element.size <= (const char *)data + size);
        read_element(&items, element, data[0] == 'p' ? MX_PRODUCT : MX_EVENT, &arena);
    }
    mx_arena_release(&arena);
    return 0;
}
