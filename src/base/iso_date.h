/*
 * The usual forms of ISO 8601 by eight bytes at a time: the quick way into mx_parse_date(…, MX_DATE_ISO, …). Floor 0.
 */
#ifndef MX_BASE_ISO_DATE_H
#define MX_BASE_ISO_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Days since 1970-01-01; year 1 … 9999, month 1 … 12 (Hinnant's days_from_civil, for years that are not negative). */
static inline int32_t mx_days_of_date(uint32_t year, uint32_t month, uint32_t day)
{
    static const uint16_t before[13] = {0, 306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275}; /* from March 1st */
    year -= month <= 2;
    return (int32_t)(365 * year + year / 4 - year / 100 + year / 400 + before[month] + day - 1) - 719468;
}

static inline bool mx_day_exists(uint32_t year, uint32_t month, uint32_t day)
{
    static const unsigned char days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year - 1 >= 9999 || month - 1 >= 12)
        return false;
    bool leap = month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day - 1 < (uint32_t)days[month] + leap;
}

static inline uint64_t mx_eight_bytes(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/*
 * YYYY-MM-DD, and behind it T, t or a space and hh:mm or hh:mm:ss[.fff], and Z: in UTC less zone_ms where there is no Z. False: another form, or no date.
 */
static inline bool mx_iso_date(const char *text, size_t size, int64_t zone_ms, int64_t *ms)
{
    const uint64_t high = UINT64_C(0x8080808080808080);
    if (size < 10)
        return false;
    /* "0000-00-": digits become 0 … 9, what should be a hyphen 0; adding 0x76 to a digit, 0x7F to a hyphen, sets the high bit of what is more. */
    const uint64_t d = mx_eight_bytes(text) ^ UINT64_C(0x2D30302D30303030);
    if ((((d & ~high) + UINT64_C(0x7F76767F76767676)) | d) & high)
        return false;
    const uint32_t day_1 = (uint32_t)(unsigned char)text[8] - '0', day_2 = (uint32_t)(unsigned char)text[9] - '0';
    if (day_1 > 9 || day_2 > 9)
        return false;
    const uint32_t year = (uint32_t)(d & 15) * 1000 + (uint32_t)(d >> 8 & 15) * 100 + (uint32_t)(d >> 16 & 15) * 10 +
                          (uint32_t)(d >> 24 & 15);
    const uint32_t month = (uint32_t)(d >> 40 & 15) * 10 + (uint32_t)(d >> 48 & 15), day = day_1 * 10 + day_2;
    if (!mx_day_exists(year, month, day))
        return false;
    int64_t time = 0;
    if (size > 10) {
        if ((text[10] != ' ' && text[10] != 'T' && text[10] != 't') || (size != 16 && size < 19))
            return false;
        char clock[8] = "00:00:00"; /* hh:mm:ss */
        memcpy(clock, text + 11, 5);
        if (size != 16)
            memcpy(clock + 5, text + 16, 3);
        const uint64_t c = mx_eight_bytes(clock) ^ UINT64_C(0x30303A30303A3030);
        if ((((c & ~high) + UINT64_C(0x76767F76767F7676)) | c) & high)
            return false;
        const uint32_t hour = (uint32_t)(c & 15) * 10 + (uint32_t)(c >> 8 & 15),
                       minute = (uint32_t)(c >> 24 & 15) * 10 + (uint32_t)(c >> 32 & 15),
                       second = (uint32_t)(c >> 48 & 15) * 10 + (uint32_t)(c >> 56);
        if (hour > 23 || minute > 59 || second > 59)
            return false;
        time = ((int64_t)hour * 60 + minute) * 60 + second;
        time *= 1000;
        size_t at = size == 16 ? 16 : 19;
        if (size - at >= 4 && text[at] == '.') {
            const uint32_t a = (uint32_t)(unsigned char)text[at + 1] - '0',
                           b = (uint32_t)(unsigned char)text[at + 2] - '0',
                           e = (uint32_t)(unsigned char)text[at + 3] - '0';
            if (a > 9 || b > 9 || e > 9)
                return false;
            time += a * 100 + b * 10 + e;
            at += 4;
        }
        if (size - at == 1 && text[at] == 'Z')
            zone_ms = 0;
        else if (size != at)
            return false;
    }
    const int64_t result = (int64_t)mx_days_of_date(year, month, day) * 86400000 + time - zone_ms;
    if (zone_ms != 0 && (result < INT64_C(-62135596800000) || result >= INT64_C(253402300800000)))
        return false;
    *ms = result;
    return true;
}

#endif
