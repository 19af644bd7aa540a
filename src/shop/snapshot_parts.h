/*
 * The two halves of the snapshot: building its bytes (snapshot_build.c) and reading them (snapshot.c). Floor 5.
 */
#ifndef MX_SHOP_SNAPSHOT_PARTS_H
#define MX_SHOP_SNAPSHOT_PARTS_H

#include "io/tensor_file.h"
#include "shop/settings.h"
#include "shop/snapshot.h"

#define MX_SNAPSHOT_BLOB "snapshots/current.safetensors"
#define MX_SNAPSHOT_LAYOUT "1" /* metadata "layout": another one is rebuilt */

/* What a snapshot keeps beside what it shows. */
struct mx_snapshot_memory {
    const merx_allocator *alloc;
    mx_blobs *blobs; /* NULL: bytes are owned */
    mx_blob blob;
    unsigned char *bytes;
    size_t bytes_size;
    mx_tensor_file *file;
    mx_arena arena;
    int64_t things_version;
    /* each event's title, -1: none; titles ascend bytewise */
    const int32_t *title;
    const mx_str *titles;
    size_t n_titles;
    size_t events; /* of the whole */
    /* events by customer: starts (customers + 1), list; NULL until asked for */
    int32_t *list;
    size_t *starts;
    size_t listed;
};

/*
 * The bytes of a snapshot: from the records alone (old NULL), or from an older snapshot of the same things_version and the events after its offset.
 * without: a customer of the old one whose rows were erased from the records since; -1: none.
 * Returned: free with mx_free_array(alloc, bytes, size, 1).
 */
merx_status mx_snapshot_build(mx_records *records, const mx_snapshot *old, int32_t without,
                              const mx_shop_settings *settings, int64_t last_offset, const merx_allocator *alloc,
                              merx_task *task, unsigned char **bytes, size_t *size, merx_error *err) MERX_MUST_CHECK;

#endif
