/*
 * The settings of a shop that floor 5 keeps in its records. Floor 5.
 *
 * things_version grows whenever something other than the tail of the event log changed (things, settings, an erasure, a replaced file): a stored snapshot of
 * another version is rebuilt. log_version leaves out the times when only records of products, customers, messages or reviews changed: of the same log_version, a snapshot's events are
 * still right; which records those were is noted (shop/changes.h). Both are bookkeeping, not content: no digest reads them.
 */
#ifndef MX_SHOP_SETTINGS_H
#define MX_SHOP_SETTINGS_H

#include "shop/changes.h"

#define MX_SETTING_CURRENCY "currency"
#define MX_SETTING_DECIMALS "decimals"             /* of the amounts in the store */
#define MX_SETTING_DECIMALS_LEAST "decimals_least" /* of the amounts shown: what shop.json declares, else 2 */
#define MX_SETTING_DECIMALS_FIXED "decimals_fixed" /* "1": declared, so finer amounts are refused */
#define MX_SETTING_TIME_ZONE "time_zone"           /* "+08:00" */
#define MX_SETTING_WEEK_START "week_start"         /* "monday" … */
#define MX_SETTING_SERVICES "services"             /* "POST|D|gift_*": products that are not goods */
#define MX_SETTING_THINGS "things_version"
#define MX_SETTING_THINGS_ALONE "things_alone" /* how many of them changed things alone */
#define MX_SETTING_FORGETTING "forgetting"     /* "1": models still know an erased customer */
#define MX_SETTING_ERASED_SALT "erased_salt"
#define MX_SETTING_ERASED "erased/" /* + salted hash of an erased customer's (order's) id */

#define MX_DECIMALS_USUAL 2
#define MX_DECIMALS_MOST 6

typedef struct mx_shop_settings {
    char currency[16];
    int decimals, decimals_least;
    bool decimals_fixed;
    int64_t zone_ms;
    int week_start; /* 0 Monday … 6 Sunday */
    const char *services;
    int64_t things_version, log_version;
    bool forgetting;
} mx_shop_settings;

/* Texts live in the arena. */
merx_status mx_shop_settings_read(mx_records *records, mx_arena *arena, mx_shop_settings *out,
                                  merx_error *err) MERX_MUST_CHECK;
/* Inside a transaction: the next things_version. */
merx_status mx_shop_settings_bump(mx_records *records, merx_error *err) MERX_MUST_CHECK;
/* The same when only these records have changed (n): products, customers, messages, reviews. */
merx_status mx_shop_settings_bump_things(mx_records *records, const mx_change *changes, size_t n,
                                         merx_error *err) MERX_MUST_CHECK;
merx_status mx_shop_settings_set_int(mx_records *records, const char *key, int64_t value,
                                     merx_error *err) MERX_MUST_CHECK;

/* "+08:00", "-05:30", "Z"; false: neither. */
bool mx_parse_zone(const char *text, int64_t *zone_ms);
/* "monday" … "sunday", any case; -1: none. */
int mx_parse_weekday(const char *text);

/* Whether a product's id is one of the patterns ("POST|gift_*"; '*' only at the end). */
bool mx_is_service(const char *patterns, mx_str id);

#endif
