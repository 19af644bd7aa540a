/*
 * A digest of a shop's logical state: what tests of forgetting and crashes compare.
 *
 * In it: things, the settings that are content, the snapshot (which holds the events in canonical order), the names of products' pictures (which say what is in them), and the live
 * models. Not in it: offsets, times of training,
 * version numbers, sources (they tell of rows that are gone), and merx's own bookkeeping.
 */
#include <math.h>
#include <string.h>

#include "io/file.h"
#include "shop/model_store.h"
#include "shop/product_pictures.h"
#include "shop/settings.h"

typedef struct digesting {
    mx_sha256 sha;
    const mx_snapshot *snapshot;
    int decimals; /* of the store */
} digesting;

/* Length first, so that neighbours can't run together. */
static void add_bytes(digesting *d, const void *data, size_t size)
{
    uint64_t length = size;
    mx_sha256_update(&d->sha, &length, sizeof length);
    if (size > 0)
        mx_sha256_update(&d->sha, data, size);
}

static void add_text(digesting *d, mx_str text)
{
    add_bytes(d, text.data, text.size);
}

static void add_int(digesting *d, int64_t value)
{
    add_bytes(d, &value, sizeof value);
}

/* At the decimals of the snapshot, which depend on the amounts that are there alone. */
static void add_money(digesting *d, bool has, int64_t value)
{
    int64_t scaled = value;
    add_int(d, has);
    if (has && !mx_rescale_decimal(value, d->decimals, d->snapshot->decimals, &scaled))
        scaled = value;
    add_int(d, has ? scaled : 0);
}

static merx_status add_record(void *context, const mx_record *record, merx_error *err)
{
    digesting *d = context;
    (void)err;
    add_int(d, record->kind);
    switch (record->kind) {
    case MX_PRODUCT: {
        const mx_product *p = &record->product;
        const mx_str texts[] = {p->id, p->title, p->category, p->brand, p->image, p->text, p->attributes};
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
            add_text(d, texts[i]);
        add_money(d, p->has_price, p->price_minor);
        add_int(d, p->service);
        break;
    }
    case MX_CUSTOMER:
        add_text(d, record->customer.id);
        add_text(d, record->customer.country);
        add_text(d, record->customer.attributes);
        add_int(d, record->customer.has_created ? record->customer.created_ms : INT64_MIN);
        break;
    case MX_ORDER:
        add_text(d, record->order.id);
        add_text(d, record->order.customer);
        add_text(d, record->order.status);
        add_text(d, record->order.country);
        add_int(d, record->order.time_ms);
        break;
    case MX_MESSAGE: {
        const mx_message *m = &record->message;
        const mx_str texts[] = {m->id, m->customer, m->channel, m->language, m->text, m->intent, m->reply};
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
            add_text(d, texts[i]);
        add_int(d, m->time_ms);
        break;
    }
    case MX_REVIEW: {
        const mx_review *r = &record->review;
        const mx_str texts[] = {r->id, r->customer, r->product, r->title, r->text};
        double rating = isnan(r->rating) ? -1e300 : r->rating;
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
            add_text(d, texts[i]);
        add_int(d, r->time_ms);
        add_bytes(d, &rating, sizeof rating);
        break;
    }
    default:
        break;
    }
    return MERX_OK;
}

static merx_status add_models(digesting *d, merx_shop *shop, mx_arena *arena, merx_error *err)
{
    mx_model_record *list;
    size_t n;
    MX_TRY(mx_model_list(shop->records, NULL, arena, &list, &n, err));
    for (size_t i = 0; i < n; i++)
        if (list[i].live) {
            add_text(d, list[i].answer);
            add_text(d, list[i].sha256);
        }
    return MERX_OK;
}

merx_status merx_shop_digest(merx_shop *shop, bool with_models, char hex[65], merx_error *err)
{
    static const mx_record_kind kinds[] = {MX_PRODUCT, MX_CUSTOMER, MX_ORDER, MX_MESSAGE, MX_REVIEW};
    merx_status status = MERX_OK;
    mx_shop_settings settings;
    mx_product_pictures pictures;
    mx_snapshot *snapshot;
    digesting d = {0};
    mx_arena arena;

    hex[0] = '\0';
    mx_arena_init(&arena, shop->alloc);
    mx_sha256_init(&d.sha);
    MX_TRY_GOTO(mx_shop_snapshot(shop, NULL, &snapshot, err));
    MX_TRY_GOTO(mx_shop_settings_read(shop->records, &arena, &settings, err));
    d.snapshot = snapshot;
    d.decimals = settings.decimals;
    add_bytes(&d, snapshot->sha256, strlen(snapshot->sha256));
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        MX_TRY_GOTO(mx_records_scan(shop->records, kinds[i], add_record, &d, err));
    const char *keys[] = {MX_SETTING_CURRENCY, MX_SETTING_TIME_ZONE, MX_SETTING_WEEK_START, MX_SETTING_SERVICES};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *value;
        MX_TRY_GOTO(mx_records_setting(shop->records, keys[i], &arena, &value, err));
        add_text(&d, mx_str_of(value));
    }
    MX_TRY_GOTO(mx_product_pictures_list(shop->blobs, snapshot, &arena, &pictures, err));
    add_bytes(&d, pictures.sha256, strlen(pictures.sha256));
    if (with_models)
        MX_TRY_GOTO(add_models(&d, shop, &arena, err));
    mx_sha256_hex_so_far(&d.sha, hex);
out:
    mx_arena_release(&arena);
    return status;
}
