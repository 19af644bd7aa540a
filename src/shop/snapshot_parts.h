/*
 * The two halves of the snapshot: building its bytes (snapshot_build.c) and reading them (snapshot.c). Floor 5.
 */
#ifndef MX_SHOP_SNAPSHOT_PARTS_H
#define MX_SHOP_SNAPSHOT_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "io/tensor_file.h"
#include "shop/settings.h"
#include "shop/snapshot.h"
#include "shop/sorted_names.h"

#define MX_SNAPSHOT_BLOB "snapshots/current.safetensors"
#define MX_SNAPSHOT_LAYOUT "2" /* metadata "layout": another one is rebuilt */

/* Events of each customer (session) in the snapshot's order: events[starts[g] .. starts[g + 1]). Events of none (-1) are left out. */
typedef struct mx_event_index {
    const merx_allocator *alloc; /* NULL: of a file */
    size_t groups, listed;
    const int32_t *starts; /* (groups + 1) */
    const int32_t *events; /* (listed) */
} mx_event_index;
/* group_of (n): a column of events. Cost: O(n + groups). Owns: mx_event_index_release. */
merx_status mx_event_index_build(const int32_t *group_of, size_t n, size_t groups, const merx_allocator *alloc,
                                 mx_event_index *out, merx_error *err) MERX_MUST_CHECK;
void mx_event_index_release(mx_event_index *index);

/* How many event lines of a product bear a title. */
typedef struct mx_title_count {
    int32_t product, title, count;
} mx_title_count;
enum { MX_SAID_TITLE = 1, MX_SAID_PRICE = 2 }; /* what the product's record says itself */

/* What a snapshot keeps beside what it shows. */
struct mx_snapshot_memory {
    const merx_allocator *alloc;
    mx_blobs *blobs; /* NULL: bytes are owned */
    mx_blob blob;
    unsigned char *bytes;
    size_t bytes_size;
    mx_tensor_file *file;
    mx_arena arena;
    mx_sorted_names products, customers, sessions; /* their ids */
    int64_t things_version, log_version;
    /* each event's title, -1: none; titles ascend bytewise */
    const int32_t *title;
    const mx_str *titles;
    size_t n_titles;
    size_t events;                          /* of the whole */
    mx_event_index by_customer, by_session; /* starts NULL: not built yet (a snapshot that no file holds) */
    /* of products: where title and price come from */
    const int32_t *price_event;                            /* the last event that names a price, -1: none */
    const uint8_t *said;                                   /* MX_SAID_* */
    const int32_t *said_product, *said_title, *said_count; /* (n_said) mx_title_count, by product, then title */
    size_t n_said;
    const uint8_t *customer_said; /* 1: the customer's record says the country */
    /* Columns of events are looked through before they are read as a whole: once, at the first such use, by mx_snapshot_check. */
    pthread_mutex_t lock;
    atomic_int checked; /* 0: not yet, 1: good, -1: damaged */
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
