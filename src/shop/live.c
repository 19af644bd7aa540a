/*
 * Live data, one transaction a request.
 */
#include "shop/live.h"

#include <string.h>

void mx_live_init(mx_live *live, merx_shop *shop)
{
    memset(live, 0, sizeof *live);
    live->shop = shop;
    mx_arena_init(&live->arena, shop->alloc);
    live->changes = mx_vec_init(shop->alloc, sizeof(mx_change), INT32_MAX, "changed things");
}

void mx_live_release(mx_live *live)
{
    mx_live_rollback(live);
    mx_erased_release(&live->erased);
    mx_vec_release(&live->changes);
    mx_arena_release(&live->arena);
}

/* Who was erased is read again only when more than things has changed: an erasure is such a change. */
static merx_status look(mx_live *live, merx_error *err)
{
    mx_records *records = live->shop->records;
    mx_arena_clear(&live->arena);
    MX_TRY(mx_shop_settings_read(records, &live->arena, &live->settings, err));
    if (live->erased_read && live->erased_version == live->settings.log_version)
        return MERX_OK;
    mx_erased_release(&live->erased);
    live->erased_read = false;
    MX_TRY(mx_erased_read(records, live->shop->alloc, &live->erased, err));
    live->erased_read = true;
    live->erased_version = live->settings.log_version;
    return MERX_OK;
}

merx_status mx_live_begin(mx_live *live, merx_error *err)
{
    live->things_changed = live->orders_changed = false;
    mx_vec_clear(&live->changes);
    MX_TRY(mx_records_begin(live->shop->records, err));
    merx_status status = look(live, err);
    if (status != MERX_OK)
        mx_live_rollback(live);
    return status;
}

bool mx_live_erased(const mx_live *live, mx_str customer, mx_str order)
{
    return mx_erased_has(&live->erased, 'c', customer) ||
           (customer.size == 0 && mx_erased_has(&live->erased, 'o', order));
}

merx_status mx_live_append(mx_live *live, const mx_event *events, size_t n, uint64_t *appended, merx_error *err)
{
    return mx_records_append(live->shop->records, events, n, appended, err);
}

/* What a snapshot holds. */
static bool is_of_snapshot(mx_record_kind kind)
{
    return kind != MX_MESSAGE && kind != MX_REVIEW;
}

static merx_status note_change(mx_live *live, mx_record_kind kind, mx_str id, merx_error *err)
{
    live->orders_changed = live->orders_changed || kind == MX_ORDER;
    if (!is_of_snapshot(kind))
        return MERX_OK;
    live->things_changed = true;
    mx_change change = {kind, {mx_arena_strndup(&live->arena, id.data, id.size, err), id.size}};
    return change.id.data ? mx_vec_append(&live->changes, &change, 1, err) : MERX_E_MEMORY;
}

/* Products, customers and orders, the kinds that a snapshot holds, by their ids. */
static mx_str id_of(const mx_record *record)
{
    return record->kind == MX_PRODUCT    ? record->product.id
           : record->kind == MX_CUSTOMER ? record->customer.id
           : record->kind == MX_ORDER    ? record->order.id
                                         : MX_STR("");
}

merx_status mx_live_put(mx_live *live, const mx_record *records, size_t n, merx_error *err)
{
    for (size_t i = 0; i < n; i++)
        MX_TRY(note_change(live, records[i].kind, id_of(&records[i]), err));
    return mx_records_upsert(live->shop->records, records, n, err);
}

merx_status mx_live_remove(mx_live *live, mx_record_kind kind, mx_str id, merx_error *err)
{
    mx_record record;
    merx_error failure = {0};
    mx_arena arena;

    mx_arena_init(&arena, live->shop->alloc);
    merx_status status = mx_records_get(live->shop->records, kind, id, &arena, &record, &failure);
    mx_arena_release(&arena);
    if (status == MERX_E_NOT_FOUND)
        MX_FAIL(err, MERX_E_NOT_FOUND, "", "there is no record of the %s \"%.*s\"", mx_record_kind_name(kind),
                (int)id.size, id.data);
    if (status != MERX_OK)
        MX_FAIL(err, status, failure.where, "%s", failure.message);
    MX_TRY(note_change(live, kind, id, err));
    return mx_records_remove(live->shop->records, kind, id, err);
}

merx_status mx_live_commit(mx_live *live, int64_t *offset, merx_error *err)
{
    mx_records *records = live->shop->records;
    merx_status status = !live->things_changed ? MERX_OK
                         : live->orders_changed
                             ? mx_shop_settings_bump(records, err)
                             : mx_shop_settings_bump_things(records, live->changes.data, live->changes.count, err);
    if (status == MERX_OK)
        status = mx_records_last_offset(records, offset, err);
    if (status == MERX_OK)
        status = mx_records_commit(records, err);
    if (status != MERX_OK)
        mx_live_rollback(live);
    return status;
}

void mx_live_rollback(mx_live *live)
{
    mx_records_rollback(live->shop->records);
}
