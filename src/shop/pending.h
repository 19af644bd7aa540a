/*
 * Forgetting that a crash cut short: rows are erased, models not yet. Floor 5.
 */
#ifndef MX_SHOP_PENDING_H
#define MX_SHOP_PENDING_H

#include "shop/shop_state.h"

/* Finishes it: no stored model knows an erased customer afterwards. Does nothing when nothing is pending. */
merx_status mx_forget_pending(merx_shop *shop, merx_task *task, merx_error *err) MERX_MUST_CHECK;

#endif
