/*
 * Which records of products and customers changed at which things_version (shop/settings.h): who holds a snapshot of an older one reads those alone. Floor 5.
 *
 * One setting a version: "changed/" and the version in 19 digits; its value names the things. Only changes of things alone are noted. Any other change removes all that was noted: a
 * snapshot of before is of no use then, and the id of an erased customer stays in none. A version is not noted when it changed too much, and forgotten when it is old: who needs it
 * finds it missing, and makes a new snapshot. Like the versions this is bookkeeping, not content: no digest reads it.
 */
#ifndef MX_SHOP_CHANGES_H
#define MX_SHOP_CHANGES_H

#include "store/records.h"

enum { MX_CHANGES_MOST = 1000 /* things of one version */, MX_CHANGES_KEPT = 4096 /* versions */ };

typedef struct mx_change {
    mx_record_kind kind;
    mx_str id;
} mx_change;

/* Inside the transaction that makes the version. Cost: two writes. */
merx_status mx_changes_note(mx_records *records, int64_t version, const mx_change *changes, size_t n,
                            merx_error *err) MERX_MUST_CHECK;
/* Inside a transaction: all are removed. */
merx_status mx_changes_clear(mx_records *records, merx_error *err) MERX_MUST_CHECK;

/*
 * What the versions behind `after`, up to `until`, have changed, in their order; a thing may be there more than once.
 * *known  false: a version of those is not noted, or more than `most` things changed
 * *out    (*n) in the arena
 */
merx_status mx_changes_since(mx_records *records, int64_t after, int64_t until, size_t most, mx_arena *arena,
                             mx_change **out, size_t *n, bool *known, merx_error *err) MERX_MUST_CHECK;

#endif
