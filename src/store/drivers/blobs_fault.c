/*
 * A blobs driver that fails the k-th call and otherwise passes everything on: for tests of what callers do then.
 */
#include "store/drivers/drivers.h"

typedef struct mx_fault {
    const mx_blobs_driver *driver;
    void *inner;
    const merx_allocator *alloc;
    int64_t fail_at, calls;
    merx_status code;
} mx_fault;

merx_status mx_blobs_fault_new(const mx_blobs_driver *driver, void *inner, const merx_allocator *alloc, int64_t fail_at,
                               merx_status code, void **state, merx_error *err)
{
    mx_fault *fault = NULL;

    MX_TRY(MX_NEW_ARRAY(alloc, 1, &fault, "fault driver", err));
    *fault = (mx_fault){driver, inner, alloc, fail_at, 0, code};
    *state = fault;
    return MERX_OK;
}

int64_t mx_blobs_fault_count(const void *state)
{
    return ((const mx_fault *)state)->calls;
}

static merx_status turn(mx_fault *fault, const char *function, merx_error *err)
{
    int64_t call = fault->calls++;
    if (call == fault->fail_at)
        MX_FAIL(err, fault->code, function, "failed on purpose (call %lld)", (long long)call);
    return MERX_OK;
}

static void fault_close(void *state)
{
    mx_fault *fault = state;
    fault->driver->close(fault->inner);
    MX_FREE_ARRAY(fault->alloc, fault, 1);
}

static merx_status fault_put(void *state, const char *name, const void *data, size_t size, merx_error *err)
{
    mx_fault *fault = state;
    MX_TRY(turn(fault, "put", err));
    return fault->driver->put(fault->inner, name, data, size, err);
}

static merx_status fault_put_made(void *state, const char *name, mx_blob_make_fn make, void *context, merx_error *err)
{
    mx_fault *fault = state;
    MX_TRY(turn(fault, "put_made", err));
    if (!fault->driver->put_made)
        MX_FAIL(err, MERX_E_UNSUPPORTED, name, "the wrapped driver gathers such blobs in memory");
    return fault->driver->put_made(fault->inner, name, make, context, err);
}

static merx_status fault_map(void *state, const char *name, mx_blob *blob, merx_error *err)
{
    mx_fault *fault = state;
    MX_TRY(turn(fault, "map", err));
    return fault->driver->map(fault->inner, name, blob, err);
}

static merx_status fault_read(void *state, const char *name, const merx_allocator *alloc, unsigned char **bytes,
                              size_t *size, merx_error *err)
{
    mx_fault *fault = state;
    MX_TRY(turn(fault, "read", err));
    return fault->driver->read(fault->inner, name, alloc, bytes, size, err);
}

static void fault_unmap(void *state, mx_blob *blob)
{
    mx_fault *fault = state;
    fault->driver->unmap(fault->inner, blob);
}

static merx_status fault_list(void *state, const char *prefix, mx_blob_fn fn, void *context, merx_error *err)
{
    mx_fault *fault = state;
    MX_TRY(turn(fault, "list", err));
    return fault->driver->list(fault->inner, prefix, fn, context, err);
}

static merx_status fault_remove(void *state, const char *name, merx_error *err)
{
    mx_fault *fault = state;
    MX_TRY(turn(fault, "remove", err));
    return fault->driver->remove(fault->inner, name, err);
}

/* Not in the table of drivers: it has no open of its own. */
const mx_blobs_driver mx_blobs_fault = {
    .version = 1,
    .name = "fault",
    .text = "fails the k-th call, for tests",
    .close = fault_close,
    .put = fault_put,
    .map = fault_map,
    .unmap = fault_unmap,
    .list = fault_list,
    .remove = fault_remove,
    .read = fault_read,
    .put_made = fault_put_made,
};
