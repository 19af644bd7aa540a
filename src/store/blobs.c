/*
 * The blobs contract: names are checked here, so drivers see valid ones only.
 */
#include "store/blobs.h"

#include <string.h>

#include "store/drivers/drivers.h"

#define NAME_MAX_BYTES 255

struct mx_blobs {
    const mx_blobs_driver *driver;
    void *state;
    const merx_allocator *alloc;
};

static const mx_blobs_driver *const drivers[] = {&mx_blobs_directory};

const mx_blobs_driver *mx_blobs_driver_at(size_t i)
{
    return i < sizeof drivers / sizeof *drivers ? drivers[i] : NULL;
}

static bool allowed(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool mx_blob_name_valid(const char *name)
{
    size_t size = strlen(name), start = 0;

    if (size == 0 || size > NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i <= size; i++) {
        if (name[i] != '/' && name[i] != '\0') {
            if (!allowed(name[i]))
                return false;
            continue;
        }
        mx_str part = {name + start, i - start};
        if (part.size == 0 || *part.data == '.')
            return false;
        start = i + 1;
    }
    return true;
}

static merx_status check_name(const char *name, merx_error *err)
{
    if (name == NULL || !mx_blob_name_valid(name))
        MX_FAIL(
            err, MERX_E_INVALID, name,
            "is no name for a blob; expected 1 to 255 of a-z 0-9 . _ - in parts separated by /, none beginning with .");
    return MERX_OK;
}

merx_status mx_blobs_open(const char *address, bool create, const merx_allocator *alloc, mx_blobs **out,
                          merx_error *err)
{
    const mx_blobs_driver *driver = drivers[0];
    mx_blobs *blobs = NULL;

    *out = NULL;
    if (address == NULL)
        MX_FAIL(err, MERX_E_INVALID, "", "the address of the blobs is missing; expected a folder or driver:address");
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++) {
        size_t n = strlen(drivers[i]->name);
        if (strncmp(address, drivers[i]->name, n) == 0 && address[n] == ':') {
            driver = drivers[i];
            address += n + 1;
            break;
        }
    }
    if (*address == '\0')
        MX_FAIL(err, MERX_E_INVALID, "", "the address of the blobs is empty; expected a folder or driver:address");
    alloc = mx_allocator_or_default(alloc);
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &blobs, "blobs handle", err));
    blobs->driver = driver;
    blobs->alloc = alloc;
    merx_status status = driver->open(address, create, alloc, &blobs->state, err);
    if (status != MERX_OK) {
        MX_FREE_ARRAY(alloc, blobs, 1);
        return status;
    }
    *out = blobs;
    return MERX_OK;
}

void mx_blobs_close(mx_blobs *blobs)
{
    if (blobs == NULL)
        return;
    blobs->driver->close(blobs->state);
    MX_FREE_ARRAY(blobs->alloc, blobs, 1);
}

merx_status mx_blobs_put(mx_blobs *blobs, const char *name, const void *data, size_t size, merx_error *err)
{
    MX_TRY(check_name(name, err));
    return blobs->driver->put(blobs->state, name, data, size, err);
}

static merx_status gather(void *sink, const void *data, size_t size, merx_error *err)
{
    return mx_vec_append(sink, data, size, err);
}

merx_status mx_blobs_put_made(mx_blobs *blobs, const char *name, mx_blob_make_fn make, void *context, merx_error *err)
{
    MX_TRY(check_name(name, err));
    if (blobs->driver->put_made)
        return blobs->driver->put_made(blobs->state, name, make, context, err);
    mx_vec bytes = mx_vec_init(blobs->alloc, 1, SIZE_MAX / 2, "blob");
    merx_status status = make(context, gather, &bytes, err);
    if (status == MERX_OK)
        status = blobs->driver->put(blobs->state, name, bytes.data, bytes.count, err);
    mx_vec_release(&bytes);
    return status;
}

merx_status mx_blobs_map(mx_blobs *blobs, const char *name, mx_blob *blob, merx_error *err)
{
    memset(blob, 0, sizeof *blob);
    MX_TRY(check_name(name, err));
    return blobs->driver->map(blobs->state, name, blob, err);
}

void mx_blobs_unmap(mx_blobs *blobs, mx_blob *blob)
{
    if (blob->handle != NULL || blob->data != NULL)
        blobs->driver->unmap(blobs->state, blob);
    memset(blob, 0, sizeof *blob);
}

static merx_status copy_of_map(mx_blobs *blobs, const char *name, const merx_allocator *alloc, unsigned char **bytes,
                               size_t *size, merx_error *err)
{
    mx_blob blob;
    MX_TRY(mx_blobs_map(blobs, name, &blob, err));
    merx_status status = mx_alloc_array_raw(alloc, blob.size, 1, "a blob", bytes, err);
    if (status == MERX_OK && blob.size > 0)
        memcpy(*bytes, blob.data, blob.size);
    *size = status == MERX_OK ? blob.size : 0;
    mx_blobs_unmap(blobs, &blob);
    return status;
}

merx_status mx_blobs_read(mx_blobs *blobs, const char *name, const merx_allocator *alloc, unsigned char **bytes,
                          size_t *size, merx_error *err)
{
    *bytes = NULL;
    *size = 0;
    MX_TRY(check_name(name, err));
    alloc = mx_allocator_or_default(alloc);
    if (!blobs->driver->read)
        return copy_of_map(blobs, name, alloc, bytes, size, err);
    return blobs->driver->read(blobs->state, name, alloc, bytes, size, err);
}

merx_status mx_blobs_list(mx_blobs *blobs, const char *prefix, mx_blob_fn fn, void *context, merx_error *err)
{
    if (prefix == NULL)
        prefix = "";
    for (const char *c = prefix; *c != '\0'; c++)
        if (*c != '/' && !allowed(*c))
            MX_FAIL(err, MERX_E_INVALID, prefix, "begins no name of a blob");
    return blobs->driver->list(blobs->state, prefix, fn, context, err);
}

merx_status mx_blobs_remove(mx_blobs *blobs, const char *name, merx_error *err)
{
    MX_TRY(check_name(name, err));
    return blobs->driver->remove(blobs->state, name, err);
}

merx_status mx_blobs_fault_wrap(mx_blobs *inner, int64_t fail_at, merx_status code, mx_blobs **out, merx_error *err)
{
    mx_blobs *outer = NULL;
    void *state = NULL;

    *out = NULL;
    MX_TRY(MX_NEW_ARRAY(inner->alloc, 1, &outer, "blobs handle", err));
    merx_status status = mx_blobs_fault_new(inner->driver, inner->state, inner->alloc, fail_at, code, &state, err);
    if (status != MERX_OK) {
        MX_FREE_ARRAY(inner->alloc, outer, 1);
        return status;
    }
    *outer = (mx_blobs){&mx_blobs_fault, state, inner->alloc};
    MX_FREE_ARRAY(inner->alloc, inner, 1);
    *out = outer;
    return MERX_OK;
}

int64_t mx_blobs_fault_calls(const mx_blobs *blobs)
{
    return blobs->driver == &mx_blobs_fault ? mx_blobs_fault_count(blobs->state) : -1;
}
