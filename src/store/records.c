/*
 * The records contract: what every driver can rely on, and what callers get whatever the driver.
 *
 * A handle is in one of three states: idle, in a transaction, or in a failed transaction, which only rollback leaves. Every argument
 * is checked here, so drivers see valid kinds, ids and numbers only.
 */
#include "store/records.h"

#include <inttypes.h>
#include <string.h>

#include "store/drivers/drivers.h"
#include "store/fields.h"

struct mx_records {
    const mx_records_driver *driver;
    void *state;
    const merx_allocator *alloc;
    bool read_only, begun, failed, calling;
};

static const mx_records_driver *const drivers[] = {
    &mx_records_sqlite,
#ifdef MERX_POSTGRES
    &mx_records_postgres,
#endif
};

/* Schemes that are a driver's beside its name. */
static const char *const aliases[][2] = {{"postgresql", "postgres"}};

const mx_records_driver *mx_records_driver_at(size_t i)
{
    return i < sizeof drivers / sizeof *drivers ? drivers[i] : NULL;
}

/* The length of "scheme" in "scheme:…"; 0: a path. */
static size_t scheme_size(const char *address)
{
    size_t n = strspn(address, "abcdefghijklmnopqrstuvwxyz");
    return address[n] == ':' ? n : 0;
}

/*
 * The driver whose name is the address's scheme; *rest is what follows. An address without a known scheme is a path, but "scheme://" never
 * is: it names a driver that this build has not.
 */
static merx_status driver_of(const char *address, const mx_records_driver **out, const char **rest, merx_error *err)
{
    mx_str scheme = {address, scheme_size(address)};

    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (mx_str_equal(scheme, mx_str_of(aliases[i][0])))
            scheme = mx_str_of(aliases[i][1]);
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++) {
        if (scheme.size > 0 && mx_str_equal(scheme, mx_str_of(drivers[i]->name))) {
            *rest = address + scheme_size(address) + 1;
            *out = drivers[i];
            return MERX_OK;
        }
    }
    if (scheme.size > 0 && mx_str_starts(mx_str_of(address + scheme_size(address)), "://"))
        MX_FAIL(err, MERX_E_UNSUPPORTED, "",
                "records of the address %.*s://...: this build has no such driver (merx version --verbose lists them)",
                (int)(scheme.size < 40 ? scheme.size : 40), scheme.data);
    *rest = address;
    *out = drivers[0];
    return MERX_OK;
}

merx_status mx_records_open(const char *address, const mx_records_options *options, const merx_allocator *alloc,
                            mx_records **out, merx_error *err)
{
    mx_records_options chosen = {0};
    const mx_records_driver *driver;
    mx_records *records = NULL;

    *out = NULL;
    if (options != NULL)
        chosen = *options;
    if (chosen.busy_timeout_ms == 0)
        chosen.busy_timeout_ms = 5000;
    if (chosen.cache_bytes == 0)
        chosen.cache_bytes = UINT64_C(16) << 20;
    if (address == NULL || *address == '\0')
        MX_FAIL(err, MERX_E_INVALID, "", "the address of the records is empty; expected a path or driver:address");
    if (chosen.busy_timeout_ms < 0)
        MX_FAIL(err, MERX_E_INVALID, "", "busy_timeout_ms is %d; expected 0 or more", chosen.busy_timeout_ms);
    if (chosen.read_only && chosen.create)
        MX_FAIL(err, MERX_E_INVALID, "", "read_only and create exclude each other");
    alloc = mx_allocator_or_default(alloc);
    MX_TRY(driver_of(address, &driver, &address, err));
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &records, "records handle", err));
    records->driver = driver;
    records->alloc = alloc;
    records->read_only = chosen.read_only;
    merx_status status = records->driver->open(address, &chosen, alloc, &records->state, err);
    if (status != MERX_OK) {
        MX_FREE_ARRAY(alloc, records, 1);
        return status;
    }
    *out = records;
    return MERX_OK;
}

void mx_records_close(mx_records *records)
{
    if (records == NULL)
        return;
    mx_records_rollback(records);
    records->driver->close(records->state);
    MX_FREE_ARRAY(records->alloc, records, 1);
}

const char *mx_records_driver_name(const mx_records *records)
{
    return records->driver->name;
}

merx_status mx_records_begin(mx_records *records, merx_error *err)
{
    if (records->calling)
        MX_FAIL(err, MERX_E_INVALID, "", "the store is used from within its own scan");
    if (records->begun)
        MX_FAIL(err, MERX_E_INVALID, "", "a transaction is open already");
    MX_TRY(records->driver->begin(records->state, err));
    records->begun = true;
    records->failed = false;
    return MERX_OK;
}

void mx_records_rollback(mx_records *records)
{
    if (!records->begun || records->calling)
        return;
    records->driver->rollback(records->state);
    records->begun = records->failed = false;
}

merx_status mx_records_commit(mx_records *records, merx_error *err)
{
    if (records->calling)
        MX_FAIL(err, MERX_E_INVALID, "", "the store is used from within its own scan");
    if (!records->begun)
        MX_FAIL(err, MERX_E_INVALID, "", "commit without begin");
    if (records->failed) {
        mx_records_rollback(records);
        MX_FAIL(err, MERX_E_INVALID, "", "a write of this transaction failed; it was rolled back");
    }
    merx_status status = records->driver->commit(records->state, err);
    if (status != MERX_OK) {
        mx_records_rollback(records);
        return status;
    }
    records->begun = false;
    return MERX_OK;
}

/* Whether a write may go to the driver now. */
static merx_status check_write(const mx_records *records, merx_error *err)
{
    if (records->calling)
        MX_FAIL(err, MERX_E_INVALID, "", "the store is used from within its own scan");
    if (records->read_only)
        MX_FAIL(err, MERX_E_PERMISSION, "", "the store was opened read-only");
    if (!records->begun)
        MX_FAIL(err, MERX_E_INVALID, "", "writing needs a transaction: begin first");
    if (records->failed)
        MX_FAIL(err, MERX_E_INVALID, "", "a write of this transaction failed; roll back");
    return MERX_OK;
}

static merx_status check_read(const mx_records *records, merx_error *err)
{
    if (records->calling)
        MX_FAIL(err, MERX_E_INVALID, "", "the store is used from within its own scan");
    if (records->failed)
        MX_FAIL(err, MERX_E_INVALID, "", "a write of this transaction failed; roll back");
    return MERX_OK;
}

static merx_status check_kind(mx_record_kind kind, merx_error *err)
{
    if ((unsigned)kind >= MX_RECORD_KINDS)
        MX_FAIL(err, MERX_E_INVALID, "", "there is no record kind %d", (int)kind);
    return MERX_OK;
}

/* Notes a driver's failed write. */
static merx_status written(mx_records *records, merx_status status)
{
    if (status != MERX_OK)
        records->failed = true;
    return status;
}

merx_status mx_records_append(mx_records *records, const mx_event *events, size_t n, uint64_t *appended,
                              merx_error *err)
{
    uint64_t count = 0;
    mx_record record = {.kind = MX_EVENT};

    if (appended != NULL)
        *appended = 0;
    MX_TRY(check_write(records, err));
    for (size_t i = 0; i < n; i++) {
        record.event = events[i];
        MX_TRY(mx_record_check(&record, i, err));
    }
    if (n > 0)
        MX_TRY(written(records, records->driver->append(records->state, events, n, &count, err)));
    if (appended != NULL)
        *appended = count;
    return MERX_OK;
}

merx_status mx_records_upsert(mx_records *records, const mx_record *batch, size_t n, merx_error *err)
{
    MX_TRY(check_write(records, err));
    for (size_t i = 0; i < n; i++) {
        MX_TRY(mx_record_check(&batch[i], i, err));
        if (batch[i].kind == MX_EVENT)
            MX_FAIL(err, MERX_E_INVALID, "", "record %zu of the batch is an event; events are appended", i);
    }
    return n == 0 ? MERX_OK : written(records, records->driver->upsert(records->state, batch, n, err));
}

merx_status mx_records_remove(mx_records *records, mx_record_kind kind, mx_str id, merx_error *err)
{
    MX_TRY(check_write(records, err));
    MX_TRY(check_kind(kind, err));
    if (kind == MX_EVENT)
        MX_FAIL(err, MERX_E_UNSUPPORTED, "",
                "single events can't be removed; remove their source or erase the customer");
    MX_TRY(mx_text_check(id, MX_NAME_MAX, true, mx_record_kind_name(kind), "id", err));
    return written(records, records->driver->remove(records->state, kind, id, err));
}

merx_status mx_records_rescale_money(mx_records *records, int decimals_added, merx_error *err)
{
    MX_TRY(check_write(records, err));
    if (decimals_added < 0 || decimals_added > 9)
        MX_FAIL(err, MERX_E_RANGE, "", "%d decimals can't be added; expected 0 to 9", decimals_added);
    if (decimals_added == 0)
        return MERX_OK;
    return written(records, records->driver->rescale_money(records->state, decimals_added, err));
}

merx_status mx_records_erase_customer(mx_records *records, mx_str customer, mx_erasure *erased, merx_error *err)
{
    mx_erasure counts = {0};

    if (erased != NULL)
        *erased = counts;
    MX_TRY(check_write(records, err));
    MX_TRY(mx_text_check(customer, MX_ID_MAX, true, "erase", "customer", err));
    MX_TRY(written(records, records->driver->erase_customer(records->state, customer, &counts, err)));
    if (erased != NULL)
        *erased = counts;
    return MERX_OK;
}

merx_status mx_records_scan_events(mx_records *records, int64_t after_offset, mx_scan_order order, mx_record_fn fn,
                                   void *context, merx_error *err)
{
    MX_TRY(check_read(records, err));
    if (order != MX_BY_OFFSET && order != MX_BY_TIME)
        MX_FAIL(err, MERX_E_INVALID, "", "there is no scan order %d", (int)order);
    records->calling = true;
    merx_status status = records->driver->scan_events(records->state, after_offset, order, fn, context, err);
    records->calling = false;
    return status;
}

merx_status mx_records_scan(mx_records *records, mx_record_kind kind, mx_record_fn fn, void *context, merx_error *err)
{
    MX_TRY(check_kind(kind, err));
    if (kind == MX_EVENT)
        return mx_records_scan_events(records, 0, MX_BY_OFFSET, fn, context, err);
    MX_TRY(check_read(records, err));
    records->calling = true;
    merx_status status = records->driver->scan(records->state, kind, fn, context, err);
    records->calling = false;
    return status;
}

merx_status mx_records_scan_page(mx_records *records, mx_record_kind kind, const mx_record_page *page, mx_record_fn fn,
                                 void *context, merx_error *err)
{
    MX_TRY(check_kind(kind, err));
    MX_TRY(check_read(records, err));
    if (mx_record_fields(kind)->keys != 1)
        MX_FAIL(err, MERX_E_UNSUPPORTED, "", "%ss have no pages: their ids have two parts", mx_record_kind_name(kind));
    if (kind != MX_EVENT)
        MX_TRY(mx_text_check(page->after, MX_NAME_MAX, false, mx_record_kind_name(kind), "id", err));
    if (page->limit == 0)
        return MERX_OK;
    records->calling = true;
    merx_status status = records->driver->scan_page(records->state, kind, page, fn, context, err);
    records->calling = false;
    return status;
}

merx_status mx_records_scan_customer(mx_records *records, mx_str customer, mx_record_fn fn, void *context,
                                     merx_error *err)
{
    MX_TRY(check_read(records, err));
    MX_TRY(mx_text_check(customer, MX_ID_MAX, true, "customer", "id", err));
    records->calling = true;
    merx_status status = records->driver->scan_customer(records->state, customer, fn, context, err);
    records->calling = false;
    return status;
}

typedef struct mx_copy_target {
    mx_arena *arena;
    mx_record *out;
} mx_copy_target;

static merx_status copy_found(void *context, const mx_record *record, merx_error *err)
{
    mx_copy_target *target = context;
    return mx_record_copy(record, target->arena, target->out, err);
}

merx_status mx_records_get(mx_records *records, mx_record_kind kind, mx_str id, mx_arena *arena, mx_record *out,
                           merx_error *err)
{
    mx_copy_target target = {arena, out};

    MX_TRY(check_kind(kind, err));
    MX_TRY(check_read(records, err));
    MX_TRY(mx_text_check(id, MX_NAME_MAX, true, mx_record_kind_name(kind), "id", err));
    records->calling = true;
    merx_status status = records->driver->get(records->state, kind, id, copy_found, &target, err);
    records->calling = false;
    return status;
}

merx_status mx_records_last_offset(mx_records *records, int64_t *offset, merx_error *err)
{
    *offset = 0;
    MX_TRY(check_read(records, err));
    return records->driver->last_offset(records->state, offset, err);
}

merx_status mx_records_count(mx_records *records, mx_record_kind kind, uint64_t *count, merx_error *err)
{
    *count = 0;
    MX_TRY(check_kind(kind, err));
    MX_TRY(check_read(records, err));
    return records->driver->count(records->state, kind, count, err);
}

merx_status mx_records_compact(mx_records *records, merx_error *err)
{
    if (records->calling || records->begun)
        MX_FAIL(err, MERX_E_INVALID, "", "compact within a transaction: commit first");
    if (records->read_only)
        MX_FAIL(err, MERX_E_PERMISSION, "", "the store was opened read-only");
    return records->driver->compact(records->state, err);
}

merx_status mx_records_next_version(mx_records *records, const char *answer, int64_t *version, merx_error *err)
{
    *version = 0;
    MX_TRY(check_read(records, err));
    MX_TRY(mx_text_check(mx_str_of(answer), MX_ID_MAX, true, "model", "answer", err));
    return records->driver->next_version(records->state, mx_str_of(answer), version, err);
}

merx_status mx_records_advance(mx_records *records, int64_t offset, merx_error *err)
{
    MX_TRY(check_write(records, err));
    if (offset < 0 || offset > INT64_MAX / 2)
        MX_FAIL(err, MERX_E_RANGE, "", "the offset %" PRId64 " can't be given away", offset);
    return written(records, records->driver->advance(records->state, offset, err));
}

merx_status mx_records_changed(mx_records *records, bool *changed, merx_error *err)
{
    *changed = true;
    MX_TRY(check_read(records, err));
    if (records->begun)
        MX_FAIL(err, MERX_E_INVALID, "", "whether something has changed can't be seen within a transaction");
    return records->driver->changed ? records->driver->changed(records->state, changed, err) : MERX_OK;
}

merx_status mx_records_setting(mx_records *records, const char *key, mx_arena *arena, const char **value,
                               merx_error *err)
{
    mx_record record;
    merx_error missing = {0};

    *value = "";
    merx_status status = mx_records_get(records, MX_SETTING, mx_str_of(key), arena, &record, &missing);
    if (status == MERX_E_NOT_FOUND)
        return MERX_OK;
    if (status != MERX_OK)
        return mx_error_set(err, status, missing.where, "%s", missing.message);
    *value = record.setting.value.data;
    return MERX_OK;
}

merx_status mx_records_set_setting(mx_records *records, const char *key, const char *value, merx_error *err)
{
    mx_record record = {.kind = MX_SETTING, .setting = {mx_str_of(key), mx_str_of(value)}};
    return mx_records_upsert(records, &record, 1, err);
}

merx_status mx_records_fault_wrap(mx_records *inner, int64_t fail_at, merx_status code, mx_records **out,
                                  merx_error *err)
{
    mx_records *outer = NULL;
    void *state = NULL;

    *out = NULL;
    if (inner->begun || inner->calling)
        MX_FAIL(err, MERX_E_INVALID, "", "a store can't be wrapped within a transaction");
    MX_TRY(MX_NEW_ARRAY(inner->alloc, 1, &outer, "records handle", err));
    merx_status status = mx_records_fault_new(inner->driver, inner->state, inner->alloc, fail_at, code, &state, err);
    if (status != MERX_OK) {
        MX_FREE_ARRAY(inner->alloc, outer, 1);
        return status;
    }
    *outer = *inner;
    outer->driver = &mx_records_fault;
    outer->state = state;
    MX_FREE_ARRAY(inner->alloc, inner, 1);
    *out = outer;
    return MERX_OK;
}

int64_t mx_records_fault_calls(const mx_records *records)
{
    return records->driver == &mx_records_fault ? mx_records_fault_count(records->state) : -1;
}
