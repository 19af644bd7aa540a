/*
 * The settings of a shop: reading them out of the records, with their defaults.
 */
#include "shop/settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static merx_status read_int(mx_records *records, mx_arena *arena, const char *key, int64_t otherwise, int64_t *out,
                            merx_error *err)
{
    const char *text;
    MX_TRY(mx_records_setting(records, key, arena, &text, err));
    *out = otherwise;
    if (*text && !mx_parse_int64(mx_str_of(text), out))
        MX_FAIL(err, MERX_E_CORRUPT, key, "the setting \"%s\" is not a whole number", text);
    return MERX_OK;
}

merx_status mx_shop_settings_read(mx_records *records, mx_arena *arena, mx_shop_settings *out, merx_error *err)
{
    const char *text;
    int64_t value;

    memset(out, 0, sizeof *out);
    MX_TRY(mx_records_setting(records, MX_SETTING_CURRENCY, arena, &text, err));
    snprintf(out->currency, sizeof out->currency, "%s", text);
    MX_TRY(read_int(records, arena, MX_SETTING_DECIMALS, MX_DECIMALS_USUAL, &value, err));
    if (value < 0 || value > MX_DECIMALS_MOST)
        MX_FAIL(err, MERX_E_CORRUPT, MX_SETTING_DECIMALS, "%" PRId64 " decimals; expected 0 to %d", value,
                MX_DECIMALS_MOST);
    out->decimals = (int)value;
    MX_TRY(read_int(records, arena, MX_SETTING_DECIMALS_LEAST, MX_DECIMALS_USUAL, &value, err));
    out->decimals_least = value < 0 || value > out->decimals ? out->decimals : (int)value;
    MX_TRY(mx_records_setting(records, MX_SETTING_DECIMALS_FIXED, arena, &text, err));
    out->decimals_fixed = strcmp(text, "1") == 0;
    MX_TRY(mx_records_setting(records, MX_SETTING_TIME_ZONE, arena, &text, err));
    if (*text && !mx_parse_zone(text, &out->zone_ms))
        MX_FAIL(err, MERX_E_CORRUPT, MX_SETTING_TIME_ZONE, "\"%s\" is not a time zone (expected e.g. +08:00)", text);
    MX_TRY(mx_records_setting(records, MX_SETTING_WEEK_START, arena, &text, err));
    out->week_start = *text ? mx_parse_weekday(text) : 0;
    if (out->week_start < 0)
        MX_FAIL(err, MERX_E_CORRUPT, MX_SETTING_WEEK_START, "\"%s\" is not a day of the week", text);
    MX_TRY(mx_records_setting(records, MX_SETTING_SERVICES, arena, &out->services, err));
    MX_TRY(read_int(records, arena, MX_SETTING_THINGS, 0, &out->things_version, err));
    MX_TRY(read_int(records, arena, MX_SETTING_THINGS_ALONE, 0, &value, err));
    out->log_version = out->things_version - value;
    MX_TRY(mx_records_setting(records, MX_SETTING_FORGETTING, arena, &text, err));
    out->forgetting = *text != '\0';
    return MERX_OK;
}

merx_status mx_shop_settings_set_int(mx_records *records, const char *key, int64_t value, merx_error *err)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    return mx_records_set_setting(records, key, text, err);
}

static merx_status add_one(mx_records *records, const char *key, int64_t *version, merx_error *err)
{
    mx_arena arena;

    mx_arena_init(&arena, NULL);
    merx_status status = read_int(records, &arena, key, 0, version, err);
    if (status == MERX_OK)
        status = mx_shop_settings_set_int(records, key, ++*version, err);
    mx_arena_release(&arena);
    return status;
}

merx_status mx_shop_settings_bump(mx_records *records, merx_error *err)
{
    int64_t version = 0;
    MX_TRY(add_one(records, MX_SETTING_THINGS, &version, err));
    return mx_changes_clear(records, err);
}

merx_status mx_shop_settings_bump_things(mx_records *records, const mx_change *changes, size_t n, merx_error *err)
{
    int64_t version = 0;
    MX_TRY(add_one(records, MX_SETTING_THINGS_ALONE, &version, err));
    MX_TRY(add_one(records, MX_SETTING_THINGS, &version, err));
    return mx_changes_note(records, version, changes, n, err);
}

bool mx_parse_zone(const char *text, int64_t *zone_ms)
{
    *zone_ms = 0;
    if (strcmp(text, "Z") == 0 || strcmp(text, "UTC") == 0)
        return true;
    if (strlen(text) != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':')
        return false;
    for (int i = 1; i < 6; i++)
        if (i != 3 && (text[i] < '0' || text[i] > '9'))
            return false;
    int hours = (text[1] - '0') * 10 + text[2] - '0';
    int minutes = (text[4] - '0') * 10 + text[5] - '0';
    if (hours > 18 || minutes > 59)
        return false;
    *zone_ms = (hours * 60 + minutes) * INT64_C(60000) * (text[0] == '-' ? -1 : 1);
    return true;
}

int mx_parse_weekday(const char *text)
{
    static const char *const days[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
    for (int i = 0; i < 7; i++)
        if (mx_str_equal_nocase(mx_str_of(text), mx_str_of(days[i])))
            return i;
    return -1;
}

bool mx_is_service(const char *patterns, mx_str id)
{
    while (patterns && *patterns) {
        size_t size = strcspn(patterns, "|");
        bool prefix = size > 0 && patterns[size - 1] == '*';
        size_t compared = size - (prefix ? 1 : 0);
        if ((prefix ? id.size >= compared : id.size == compared) && id.size > 0 &&
            memcmp(id.data, patterns, compared) == 0)
            return true;
        patterns += size + (patterns[size] == '|');
    }
    return false;
}
