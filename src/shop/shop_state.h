/*
 * What a merx_shop is inside floor 5. Each group of public functions has its file: shop.c (open, close), import.c, training.c, asking.c, forgetting.c, report/.
 */
#ifndef MX_SHOP_STATE_H
#define MX_SHOP_STATE_H

#include "merx/shop.h"
#include "shop/answers/answer.h"

struct merx_shop {
    const merx_allocator *alloc;
    char *folder;
    size_t found; /* bytes of its path that were there; open made the folders after them */
    bool read_only;
    mx_records *records;
    mx_blobs *blobs;
    mx_snapshot *snapshot;       /* NULL until needed; dropped by whatever changes records */
    struct mx_model_set *models; /* loaded at first use; NULL until needed */
};

/* The snapshot, brought up to date. */
merx_status mx_shop_snapshot(merx_shop *shop, merx_task *task, mx_snapshot **out, merx_error *err) MERX_MUST_CHECK;
void mx_shop_drop_snapshot(merx_shop *shop);
void mx_shop_drop_models(merx_shop *shop);

#endif
