/*
 * Blobs of a shop: whole files by name: pictures, snapshots, every trained model version. The second storage contract. Floor 3.
 *
 * Names are 1 … 255 bytes of [a-z0-9._-] parts separated by '/', no part beginning with ".", e.g. "models/recommend/000003.safetensors".
 * "a" and "a/b" can't both be blobs. A put is atomic: a reader sees the old or the new blob, whole. A mapped blob stays valid after a put or remove until it is unmapped.
 */
#ifndef MX_STORE_BLOBS_H
#define MX_STORE_BLOBS_H

#include "base/memory.h"
#include "base/str.h"

typedef struct mx_blob {
    const unsigned char *data;
    size_t size;
    void *handle;
} mx_blob;
/* Return other than MERX_OK to end the listing with it. May use the store. */
typedef merx_status (*mx_blob_fn)(void *context, const char *name, uint64_t size_bytes, merx_error *err);

/* Makes a blob's bytes: puts them in order into the sink. */
typedef merx_status (*mx_blob_put_fn)(void *sink, const void *data, size_t size, merx_error *err);
typedef merx_status (*mx_blob_make_fn)(void *context, mx_blob_put_fn put, void *sink, merx_error *err);

typedef struct mx_blobs_driver {
    uint32_t version; /* 1 */
    const char *name; /* "directory" */
    const char *text;
    merx_status (*open)(const char *address, bool create, const merx_allocator *alloc, void **state, merx_error *err);
    void (*close)(void *state);
    merx_status (*put)(void *state, const char *name, const void *data, size_t size, merx_error *err);
    merx_status (*map)(void *state, const char *name, mx_blob *blob, merx_error *err); /* MERX_E_NOT_FOUND */
    void (*unmap)(void *state, mx_blob *blob);
    merx_status (*list)(void *state, const char *prefix, mx_blob_fn fn, void *context,
                        merx_error *err);                                  /* ascending names */
    merx_status (*remove)(void *state, const char *name, merx_error *err); /* absent is no error */
    /* optional: the bytes by reading, in memory of alloc; NULL: copied from a map */
    merx_status (*read)(void *state, const char *name, const merx_allocator *alloc, unsigned char **bytes, size_t *size,
                        merx_error *err);
    /* put, with bytes that are made as they are written. NULL: they are gathered in memory, and put. */
    merx_status (*put_made)(void *state, const char *name, mx_blob_make_fn make, void *context, merx_error *err);
} mx_blobs_driver;

typedef struct mx_blobs mx_blobs;
/* address: "directory:/path" or a path. */
merx_status mx_blobs_open(const char *address, bool create, const merx_allocator *alloc, mx_blobs **out,
                          merx_error *err) MERX_MUST_CHECK;
void mx_blobs_close(mx_blobs *blobs);
merx_status mx_blobs_put(mx_blobs *blobs, const char *name, const void *data, size_t size,
                         merx_error *err) MERX_MUST_CHECK;
/* A blob that need not fit into memory. A failure of make leaves what was there. */
merx_status mx_blobs_put_made(mx_blobs *blobs, const char *name, mx_blob_make_fn make, void *context,
                              merx_error *err) MERX_MUST_CHECK;
merx_status mx_blobs_map(mx_blobs *blobs, const char *name, mx_blob *blob, merx_error *err) MERX_MUST_CHECK;
void mx_blobs_unmap(mx_blobs *blobs, mx_blob *blob);
/*
 * The bytes of a blob in memory of its own: whatever happens to the file afterwards (cut short, overwritten, a bad disk), they stay as they were. A mapped one would change with it, or
 * end the process with SIGBUS.
 * *bytes   returned: mx_free_array(alloc, *bytes, *size, 1)
 */
merx_status mx_blobs_read(mx_blobs *blobs, const char *name, const merx_allocator *alloc, unsigned char **bytes,
                          size_t *size, merx_error *err) MERX_MUST_CHECK;
/* The blobs whose names begin with prefix ("" or NULL: all), ascending bytewise. */
merx_status mx_blobs_list(mx_blobs *blobs, const char *prefix, mx_blob_fn fn, void *context,
                          merx_error *err) MERX_MUST_CHECK;
merx_status mx_blobs_remove(mx_blobs *blobs, const char *name, merx_error *err) MERX_MUST_CHECK;
/* The drivers of this build; index out of range: NULL. */
const mx_blobs_driver *mx_blobs_driver_at(size_t i);
bool mx_blob_name_valid(const char *name);

/*
 * For tests: wraps an open store (taken on success) so that the k-th driver call (0-based; close and unmap don't count) fails with
 * `code` before anything is done (k < 0: never). Calls are counted; -1 for a store that is not wrapped.
 */
merx_status mx_blobs_fault_wrap(mx_blobs *inner, int64_t fail_at, merx_status code, mx_blobs **out,
                                merx_error *err) MERX_MUST_CHECK;
int64_t mx_blobs_fault_calls(const mx_blobs *blobs);

#endif
