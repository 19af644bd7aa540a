/* Bodies of the server's requests: events and products out of any bytes. The first byte says how they came: 'l' JSON lines, 'p' a product, else JSON. */
#include "fuzz.h"

#include "server/json_items.h"
#include "server/record_json.h"
#include "store/fields.h"

static void read_element(mx_json_items *items, mx_str element, mx_record_kind kind, mx_arena *arena)
{
    mx_shop_settings settings = {.decimals = 2};
    mx_row_errors errors = {0};
    mx_json_reader reader = {&settings, arena, &errors, 0, 0};
    mx_record record;
    json_t *json;
    bool good = false;
    if (mx_json_items_parse(items, element, &json, NULL) != MERX_OK)
        return;
    fuzz_require(mx_record_from_json(&reader, kind, json, NULL, &record, &good, NULL) == MERX_OK);
    fuzz_require(good == (errors.count == 0));
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
