/*
 * A new snapshot out of an old one and what came since, as a stream: no column of the old one is held in memory. Floor 5.
 *
 * What is written is what snapshot_build.c writes from the records, byte for byte. Cost: O(names + events) moved at the speed of memory, 4 bytes an event and 8 a name held.
 */
#ifndef MX_SHOP_SNAPSHOT_MERGE_H
#define MX_SHOP_SNAPSHOT_MERGE_H

#include "shop/snapshot_rows.h"

typedef struct mx_merging mx_merging;
/*
 * old      of the same log_version (a customer aside); borrowed until mx_merging_free. Its columns need not have been looked through: damage is met on the way
 * without  a customer of the old one whose rows were erased from the records since; -1: none
 * things   records of products and customers have changed: they are read
 * Errors: MERX_E_UNSUPPORTED: the decimals of amounts may change, build it instead; MERX_E_CORRUPT: the old one is damaged.
 */
merx_status mx_merging_new(mx_records *records, const mx_snapshot *old, int32_t without, bool things,
                           const mx_shop_settings *settings, int64_t last_offset, const merx_allocator *alloc,
                           merx_task *task, mx_merging **out, merx_error *err) MERX_MUST_CHECK;
void mx_merging_free(mx_merging *merging); /* NULL is allowed */
/* The file, from its beginning; may be called again. A mx_blob_make_fn. */
merx_status mx_merging_write(void *merging, mx_tensor_put_fn put, void *sink, merx_error *err) MERX_MUST_CHECK;
/* The file in memory: returned, free with mx_free_array(alloc, *data, *size, 1). */
merx_status mx_merging_bytes(mx_merging *merging, unsigned char **data, size_t *size, merx_error *err) MERX_MUST_CHECK;

#endif
