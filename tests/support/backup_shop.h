/*
 * A shop with something of everything, and whether two shops hold the same: for tests of backup and restore.
 */
#ifndef TESTS_SUPPORT_BACKUP_SHOP_H
#define TESTS_SUPPORT_BACKUP_SHOP_H

#include <math.h>

#include "contract/records_dump.h"
#include "shop/shop_state.h"

CHECK_UNUSED static merx_shop *open_shop(const char *folder, const char *records, bool create)
{
    merx_error err = {0};
    merx_shop *shop;
    merx_shop_options options = {.create = create, .records = records};
    check_ok(merx_shop_open(NULL, folder, &options, &shop, &err), err);
    return shop;
}

static void put_thing(mx_records *records, mx_record record)
{
    merx_error err = {0};
    check_ok(mx_records_upsert(records, &record, 1, &err), err);
}

/* Events of both sorts, with gaps where a customer was erased and where a model's version was. */
CHECK_UNUSED static void fill_backup_shop(merx_shop *shop, int events)
{
    merx_error err = {0};
    mx_records *r = shop->records;
    char id[64], customer[32];

    check_ok(mx_records_begin(r, &err), err);
    for (int i = 0; i < events; i++) {
        snprintf(id, sizeof id, i % 2 ? "%08x-1234-4000-8000-0123456789ab" : "e \"%d\" \\ \xe8\x8c\xb6\t", i);
        snprintf(customer, sizeof customer, "customer %d", i % 17);
        mx_event event = i % 3 ? event_of(id, "", 0, 1000 * (i % 50), customer, "p1", "o1")
                               : event_of("", "orders.csv", (uint64_t)i, i, customer, "p2", "");
        event.kind = (mx_event_kind)(i % 4);
        event.quantity = i % 4 == 3 ? -2 : 1;
        event.has_price = i % 5 != 0;
        event.price_minor = event.has_price ? -5 + i : 0;
        check_ok(mx_records_append(r, &event, 1, NULL, &err), err);
    }
    put_thing(r, (mx_record){.kind = MX_PRODUCT,
                             .product = {.id = MX_STR("p1"),
                                         .title = MX_STR("Tea, \"green\" \xe7\xbb\xbf\xe8\x8c\xb6"),
                                         .attributes = MX_STR("{\"a\":[1,2.50]}"),
                                         .price_minor = INT64_C(999999999999),
                                         .has_price = true,
                                         .service = true}});
    put_thing(r, (mx_record){.kind = MX_PRODUCT, .product = {.id = MX_STR("p2")}});
    put_thing(r, (mx_record){.kind = MX_CUSTOMER,
                             .customer = {.id = MX_STR("customer 1"), .created_ms = -1, .has_created = true}});
    put_thing(r, (mx_record){.kind = MX_CUSTOMER, .customer = {.id = MX_STR("customer 2")}});
    put_thing(r, (mx_record){.kind = MX_ORDER, .order = {.id = MX_STR("o1"), .time_ms = 5}});
    put_thing(r, (mx_record){.kind = MX_MESSAGE,
                             .message = {.id = MX_STR("m1"), .text = MX_STR("one\ntwo\r\n\"\\ \x01"), .time_ms = 6}});
    put_thing(r, (mx_record){.kind = MX_REVIEW,
                             .review = {.id = MX_STR("r1"), .product = MX_STR("p1"), .time_ms = 7, .rating = 4.1}});
    put_thing(r, (mx_record){.kind = MX_REVIEW, .review = {.id = MX_STR("r2"), .time_ms = 8, .rating = (double)NAN}});
    put_thing(r, (mx_record){.kind = MX_SOURCE,
                             .source = {.name = MX_STR("orders.csv"),
                                        .rows = (uint64_t)events + 100,
                                        .accepted = 3,
                                        .text_sha256 = MX_STR("ab")}});
    check_ok(mx_records_set_setting(r, "currency", "EUR", &err), err);
    for (int version = 1; version <= 3; version++) {
        snprintf(id, sizeof id, "models/recommend/%06d.safetensors", version);
        check_ok(mx_blobs_put(shop->blobs, id, id, (size_t)version * 9, &err), err);
        put_thing(r, (mx_record){.kind = MX_MODEL,
                                 .model = {.answer = MX_STR("recommend"),
                                           .version = version,
                                           .blob = mx_str_of(id),
                                           .created_ms = 99,
                                           .data_offset = 4,
                                           .live = version == 2,
                                           .metrics = MX_STR("{}")}});
    }
    check_ok(mx_records_remove(r, MX_MODEL, MX_STR("recommend/3"), &err), err);
    check_ok(mx_records_erase_customer(r, MX_STR("customer 5"), NULL, &err), err);
    check_ok(mx_records_commit(r, &err), err);
    check_ok(mx_blobs_put(shop->blobs, "pictures/p1.png", "\x89PNG not really", 16, &err), err);
    check_ok(mx_blobs_put(shop->blobs, "pictures/empty.png", "", 0, &err), err);
    check_ok(mx_blobs_put(shop->blobs, "snapshots/current.safetensors", "derived", 7, &err), err);
}

static merx_status list_blob(void *context, const char *name, uint64_t size_bytes, merx_error *err)
{
    mx_text *text = context;
    if (strncmp(name, "snapshots/", 10) != 0 && strcmp(name, "models/recommend/000003.safetensors") != 0)
        mx_text_printf(text, "%s %llu\n", name, (unsigned long long)size_bytes);
    return mx_text_ok(text, err);
}

static char *dump_blobs(merx_shop *shop)
{
    merx_error err = {0};
    mx_text text;
    mx_text_init(&text, NULL, DUMP_MAX);
    check_ok(mx_blobs_list(shop->blobs, "", list_blob, &text, &err), err);
    return dump_take(&text);
}

/* Records with their offsets, what comes next, and blobs. */
CHECK_UNUSED static void same_shops(merx_shop *a, merx_shop *b)
{
    merx_error err = {0};
    int64_t offset[2], version[2];
    merx_shop *shops[] = {a, b};

    same_dump(dump_store(a->records, true), dump_store(b->records, true));
    same_dump(dump_blobs(a), dump_blobs(b));
    for (int i = 0; i < 2; i++) {
        check_ok(mx_records_last_offset(shops[i]->records, &offset[i], &err), err);
        check_ok(mx_records_next_version(shops[i]->records, "recommend", &version[i], &err), err);
    }
    assert_int_equal(offset[0], offset[1]);
    assert_int_equal(version[0], version[1]);
}

#endif
