/*
 * The tail, brought up to what the records have: events behind its last one, things that changed since its things_version. Floor 5.
 */
#ifndef MX_SHOP_TAIL_FOLLOW_H
#define MX_SHOP_TAIL_FOLLOW_H

#include "shop/tail.h"

/*
 * records      in a transaction; of the base's log_version
 * base         the snapshot that the tail is of
 * settings     those of the records
 * last_offset  the last event's
 * most         rows of the tail
 * *tail        NULL: none yet, and none afterwards where the base has all; released and another one when it had no room
 * *fits        false: what came since can't be said beside this snapshot, or is more than `most`: a new one is needed, and the tail is of no use
 * Cost: O(events and changed things since).
 */
merx_status mx_tail_follow(mx_records *records, mx_snapshot *base, const mx_shop_settings *settings,
                           int64_t last_offset, int64_t most, mx_tail **tail, bool *fits,
                           merx_error *err) MERX_MUST_CHECK;

#endif
