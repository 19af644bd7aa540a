/*
 * A records driver that fails the k-th call and otherwise passes everything on: for tests of what callers do then.
 */
#include "store/drivers/drivers.h"

typedef struct mx_fault {
    const mx_records_driver *driver;
    void *inner;
    const merx_allocator *alloc;
    int64_t fail_at, calls;
    merx_status code;
} mx_fault;

merx_status mx_records_fault_new(const mx_records_driver *driver, void *inner, const merx_allocator *alloc,
                                 int64_t fail_at, merx_status code, void **state, merx_error *err)
{
    mx_fault *fault = NULL;

    MX_TRY(MX_NEW_ARRAY(alloc, 1, &fault, "fault driver", err));
    *fault = (mx_fault){driver, inner, alloc, fail_at, 0, code};
    *state = fault;
    return MERX_OK;
}

int64_t mx_records_fault_count(const void *state)
{
    return ((const mx_fault *)state)->calls;
}

/* Counts a call of the named function; fails it when it is its turn. */
static merx_status turn(mx_fault *fault, const char *function, merx_error *err)
{
    int64_t call = fault->calls++;
    if (call == fault->fail_at)
        MX_FAIL(err, fault->code, function, "failed on purpose (call %lld)", (long long)call);
    return MERX_OK;
}

#define PASS(function, ...)                                                                                            \
    mx_fault *fault = state;                                                                                           \
    MX_TRY(turn(fault, #function, err));                                                                               \
    return fault->driver->function(fault->inner, __VA_ARGS__)

static void fault_close(void *state)
{
    mx_fault *fault = state;
    fault->driver->close(fault->inner);
    MX_FREE_ARRAY(fault->alloc, fault, 1);
}

static merx_status fault_begin(void *state, merx_error *err)
{
    PASS(begin, err);
}

static merx_status fault_commit(void *state, merx_error *err)
{
    PASS(commit, err);
}

static void fault_rollback(void *state)
{
    mx_fault *fault = state;
    fault->driver->rollback(fault->inner);
}

static merx_status fault_append(void *state, const mx_event *events, size_t n, uint64_t *appended, merx_error *err)
{
    PASS(append, events, n, appended, err);
}

static merx_status fault_upsert(void *state, const mx_record *records, size_t n, merx_error *err)
{
    PASS(upsert, records, n, err);
}

static merx_status fault_scan_events(void *state, int64_t after_offset, mx_scan_order order, mx_record_fn fn,
                                     void *context, merx_error *err)
{
    PASS(scan_events, after_offset, order, fn, context, err);
}

static merx_status fault_scan(void *state, mx_record_kind kind, mx_record_fn fn, void *context, merx_error *err)
{
    PASS(scan, kind, fn, context, err);
}

static merx_status fault_get(void *state, mx_record_kind kind, mx_str id, mx_record_fn fn, void *context,
                             merx_error *err)
{
    PASS(get, kind, id, fn, context, err);
}

static merx_status fault_remove(void *state, mx_record_kind kind, mx_str id, merx_error *err)
{
    PASS(remove, kind, id, err);
}

static merx_status fault_last_offset(void *state, int64_t *offset, merx_error *err)
{
    PASS(last_offset, offset, err);
}

static merx_status fault_count(void *state, mx_record_kind kind, uint64_t *count, merx_error *err)
{
    PASS(count, kind, count, err);
}

static merx_status fault_rescale_money(void *state, int decimals_added, merx_error *err)
{
    PASS(rescale_money, decimals_added, err);
}

static merx_status fault_erase_customer(void *state, mx_str customer, mx_erasure *erased, merx_error *err)
{
    PASS(erase_customer, customer, erased, err);
}

static merx_status fault_compact(void *state, merx_error *err)
{
    PASS(compact, err);
}

static merx_status fault_next_version(void *state, mx_str answer, int64_t *version, merx_error *err)
{
    PASS(next_version, answer, version, err);
}

static merx_status fault_scan_page(void *state, mx_record_kind kind, const mx_record_page *page, mx_record_fn fn,
                                   void *context, merx_error *err)
{
    PASS(scan_page, kind, page, fn, context, err);
}

static merx_status fault_scan_customer(void *state, mx_str customer, mx_record_fn fn, void *context, merx_error *err)
{
    PASS(scan_customer, customer, fn, context, err);
}

static merx_status fault_advance(void *state, int64_t offset, merx_error *err)
{
    PASS(advance, offset, err);
}

static merx_status fault_changed(void *state, bool *changed, merx_error *err)
{
    PASS(changed, changed, err);
}

/* Not in the table of drivers: it has no open of its own. */
const mx_records_driver mx_records_fault = {
    .version = 1,
    .name = "fault",
    .text = "fails the k-th call, for tests",
    .close = fault_close,
    .begin = fault_begin,
    .commit = fault_commit,
    .rollback = fault_rollback,
    .append = fault_append,
    .upsert = fault_upsert,
    .scan_events = fault_scan_events,
    .scan = fault_scan,
    .get = fault_get,
    .remove = fault_remove,
    .last_offset = fault_last_offset,
    .count = fault_count,
    .rescale_money = fault_rescale_money,
    .erase_customer = fault_erase_customer,
    .compact = fault_compact,
    .next_version = fault_next_version,
    .scan_page = fault_scan_page,
    .scan_customer = fault_scan_customer,
    .advance = fault_advance,
    .changed = fault_changed,
};
