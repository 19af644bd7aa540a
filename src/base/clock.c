/*
 * Time and dates. Civil dates to days and back: Howard Hinnant, "chrono-compatible low-level date algorithms" (days_from_civil,
 * civil_from_days), eras of 400 years that begin on March 1st.
 */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/iso_date.h"

int64_t mx_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

double mx_monotonic_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Rounds towards minus infinity; b > 0. */
static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t floor_mod(int64_t a, int64_t b)
{
    return a % b < 0 ? a % b + b : a % b;
}

static int64_t days_from_civil(int64_t year, int month, int day)
{
    if (year >= 1 && year <= 9999)
        return mx_days_of_date((uint32_t)year, (uint32_t)month, (uint32_t)day);
    year -= month <= 2;
    int64_t era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, mx_date *date)
{
    days += 719468;
    int64_t era = floor_div(days, 146097);
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    date->day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    date->month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    date->year = (int)(year_of_era + era * 400 + (date->month <= 2));
}

static int days_in_month(int year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

int64_t mx_ms_from_date(const mx_date *date)
{
    return days_from_civil(date->year, date->month, date->day) * MX_DAY_MS +
           ((date->hour * 60 + date->minute) * 60 + date->second) * INT64_C(1000) + date->millisecond;
}

void mx_date_from_ms(int64_t ms, mx_date *date)
{
    civil_from_days(floor_div(ms, MX_DAY_MS), date);
    int64_t rest = floor_mod(ms, MX_DAY_MS);
    date->millisecond = (int)(rest % 1000);
    date->second = (int)(rest / 1000 % 60);
    date->minute = (int)(rest / 60000 % 60);
    date->hour = (int)(rest / 3600000);
}

int mx_weekday(int64_t ms)
{
    return (int)floor_mod(floor_div(ms, MX_DAY_MS) + 3, 7); /* 1970-01-01 was a Thursday */
}

int64_t mx_floor_day(int64_t ms)
{
    return ms - floor_mod(ms, MX_DAY_MS);
}

int64_t mx_floor_week(int64_t ms, int week_start)
{
    return mx_floor_day(ms) - floor_mod(mx_weekday(ms) - week_start, 7) * MX_DAY_MS;
}

int64_t mx_floor_month(int64_t ms)
{
    mx_date date;
    mx_date_from_ms(ms, &date);
    return mx_floor_day(ms) - (date.day - 1) * MX_DAY_MS;
}

int64_t mx_add_months(int64_t ms, int months)
{
    mx_date date;
    mx_date_from_ms(ms, &date);
    int64_t month = (int64_t)date.year * 12 + date.month - 1 + months;
    date.year = (int)floor_div(month, 12);
    date.month = (int)floor_mod(month, 12) + 1;
    int last = days_in_month(date.year, date.month);
    if (date.day > last)
        date.day = last;
    return mx_ms_from_date(&date);
}

const char *mx_date_format_name(mx_date_format format)
{
    static const char *const names[MX_DATE_FORMATS] = {
        [MX_DATE_ISO] = "ISO 8601",        [MX_DATE_DMY] = "day/month/year",
        [MX_DATE_MDY] = "month/day/year",  [MX_DATE_YMD_SLASH] = "year/month/day",
        [MX_DATE_UNIX_S] = "Unix seconds", [MX_DATE_UNIX_MS] = "Unix milliseconds",
    };
    return (unsigned)format < MX_DATE_FORMATS ? names[format] : "unknown";
}

/* What is left to read. Every take_* moves it on only when it succeeds. */
typedef struct cursor {
    const char *at, *end;
} cursor;

static bool take_char(cursor *c, char wanted)
{
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

/* Between least and most digits, as many as there are. */
static bool take_number(cursor *c, int least, int most, int *out)
{
    int value = 0;
    int n = 0;
    while (n < most && c->at + n < c->end && c->at[n] >= '0' && c->at[n] <= '9')
        value = value * 10 + (c->at[n++] - '0');
    if (n < least)
        return false;
    c->at += n;
    *out = value;
    return true;
}

static bool take_text(cursor *c, const char *text)
{
    size_t size = strlen(text);
    if ((size_t)(c->end - c->at) < size || memcmp(c->at, text, size) != 0)
        return false;
    c->at += size;
    return true;
}

static bool is_day(const mx_date *date)
{
    return date->year >= 1 && date->year <= 9999 && date->month >= 1 && date->month <= 12 && date->day >= 1 &&
           date->day <= days_in_month(date->year, date->month);
}

/* h:mm[:ss[.f…]] */
static bool take_time(cursor *c, int least_hour_digits, mx_date *date)
{
    if (!take_number(c, least_hour_digits, 2, &date->hour) || !take_char(c, ':') ||
        !take_number(c, 2, 2, &date->minute))
        return false;
    if (take_char(c, ':')) {
        if (!take_number(c, 2, 2, &date->second))
            return false;
        if (take_char(c, '.') || take_char(c, ',')) {
            int scale = 100;
            const char *first = c->at;
            for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++, scale /= 10)
                date->millisecond += (*c->at - '0') * scale;
            if (c->at == first || c->at - first > 9)
                return false;
        }
    }
    return date->hour < 24 && date->minute < 60 && date->second < 60;
}

/* [ AM| PM] on a twelve-hour clock. */
static bool take_half_day(cursor *c, mx_date *date)
{
    cursor start = *c;
    take_char(c, ' ');
    bool morning = take_text(c, "AM") || take_text(c, "am");
    bool evening = !morning && (take_text(c, "PM") || take_text(c, "pm"));
    if (!morning && !evening) {
        *c = start;
        return true;
    }
    if (date->hour < 1 || date->hour > 12)
        return false;
    date->hour = date->hour % 12 + (evening ? 12 : 0);
    return true;
}

/* Z, UTC, +01:00, +0100, +01; *named says whether there was one. */
static bool take_zone(cursor *c, int64_t *zone_ms, bool *named)
{
    *named = true;
    cursor start = *c;
    bool spaced = take_char(c, ' ');
    if ((!spaced && take_char(c, 'Z')) || (spaced && (take_text(c, "UTC") || take_text(c, "GMT")))) {
        *zone_ms = 0;
        return true;
    }
    bool west = c->at < c->end && *c->at == '-';
    if (!west && (c->at == c->end || *c->at != '+')) {
        *c = start;
        *named = false;
        return true;
    }
    c->at++;
    int hours = 0;
    int minutes = 0;
    if (!take_number(c, 2, 2, &hours))
        return false;
    if (c->at < c->end) {
        take_char(c, ':');
        if (!take_number(c, 2, 2, &minutes))
            return false;
    }
    if (hours > 18 || minutes > 59)
        return false;
    *zone_ms = (hours * 60 + minutes) * INT64_C(60000);
    if (west)
        *zone_ms = -*zone_ms;
    return true;
}

static bool take_iso(cursor *c, mx_date *date, int64_t *zone_ms)
{
    if (!take_number(c, 4, 4, &date->year) || !take_char(c, '-') || !take_number(c, 2, 2, &date->month) ||
        !take_char(c, '-') || !take_number(c, 2, 2, &date->day))
        return false;
    if (c->at == c->end)
        return true;
    if (!take_char(c, 'T') && !take_char(c, 't') && !take_char(c, ' '))
        return false;
    bool named = false;
    int64_t zone = 0;
    if (!take_time(c, 2, date) || !take_zone(c, &zone, &named))
        return false;
    if (named)
        *zone_ms = zone;
    return true;
}

static bool take_optional_time(cursor *c, mx_date *date)
{
    if (c->at == c->end)
        return true;
    return (take_char(c, ' ') || take_char(c, 'T')) && take_time(c, 1, date) && take_half_day(c, date);
}

/* Two small numbers and a year, with the same separator twice. */
static bool take_year_last(cursor *c, mx_date *date, bool day_first)
{
    int first = 0;
    int second = 0;
    if (!take_number(c, 1, 2, &first) || c->at == c->end)
        return false;
    char separator = *c->at;
    if (separator != '/' && separator != '.' && separator != '-')
        return false;
    if (!take_char(c, separator) || !take_number(c, 1, 2, &second) || !take_char(c, separator) ||
        !take_number(c, 4, 4, &date->year))
        return false;
    date->day = day_first ? first : second;
    date->month = day_first ? second : first;
    return take_optional_time(c, date);
}

static bool take_year_first(cursor *c, mx_date *date)
{
    if (!take_number(c, 4, 4, &date->year))
        return false;
    if (take_text(c, "年")) {
        if (!take_number(c, 1, 2, &date->month) || !take_text(c, "月") || !take_number(c, 1, 2, &date->day) ||
            !take_text(c, "日"))
            return false;
        if (c->at == c->end)
            return true;
        take_char(c, ' ');
        return take_time(c, 1, date);
    }
    if (c->at < c->end && (*c->at == '/' || *c->at == '.' || *c->at == '-')) {
        char separator = *c->at;
        if (!take_char(c, separator) || !take_number(c, 1, 2, &date->month) || !take_char(c, separator) ||
            !take_number(c, 1, 2, &date->day))
            return false;
    } else if (!take_number(c, 2, 2, &date->month) || !take_number(c, 2, 2, &date->day)) {
        return false;
    }
    return take_optional_time(c, date);
}

/*
 * Unix time. A plausible one has 9 to 11 digits in seconds (1973 to 5138), 12 to 14 in milliseconds: fewer are more likely ids,
 * counts or 20111209.
 */
static bool parse_unix(cursor c, bool seconds, int64_t *ms)
{
    int64_t value = 0;
    int digits = 0;
    for (; c.at < c.end && *c.at >= '0' && *c.at <= '9' && digits < 15; c.at++, digits++)
        value = value * 10 + (*c.at - '0');
    if (seconds ? digits < 9 || digits > 11 : digits < 12 || digits > 14)
        return false;
    if (seconds)
        value *= 1000;
    if (c.at < c.end) {
        if (!take_char(&c, '.') || c.at == c.end)
            return false;
        for (int scale = 100; c.at < c.end && *c.at >= '0' && *c.at <= '9'; c.at++, scale /= 10)
            if (seconds)
                value += (*c.at - '0') * scale;
    }
    *ms = value;
    return c.at == c.end;
}

static const int64_t first_ms = INT64_C(-62135596800000); /* 0001-01-01 */
static const int64_t end_ms = INT64_C(253402300800000);   /* 10000-01-01 */

bool mx_parse_date(mx_str text, mx_date_format format, int64_t zone_ms, int64_t *ms)
{
    *ms = 0;
    cursor c = {text.data, text.data + text.size};
    mx_date date = {0};
    bool ok = false;
    int64_t result = 0;
    if (format == MX_DATE_ISO && mx_iso_date(text.data, text.size, zone_ms, ms))
        return true;
    switch (format) {
    case MX_DATE_ISO:
        ok = take_iso(&c, &date, &zone_ms);
        break;
    case MX_DATE_DMY:
        ok = take_year_last(&c, &date, true);
        break;
    case MX_DATE_MDY:
        ok = take_year_last(&c, &date, false);
        break;
    case MX_DATE_YMD_SLASH:
        ok = take_year_first(&c, &date);
        break;
    case MX_DATE_UNIX_S:
    case MX_DATE_UNIX_MS:
        if (!parse_unix(c, format == MX_DATE_UNIX_S, &result) || result >= end_ms)
            return false;
        *ms = result;
        return true;
    case MX_DATE_FORMATS:
        break;
    }
    if (!ok || c.at != c.end || !is_day(&date))
        return false;
    result = mx_ms_from_date(&date) - zone_ms;
    if (result < first_ms || result >= end_ms)
        return false;
    *ms = result;
    return true;
}

static char *put_digits(char *out, int value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        out[i] = (char)('0' + value % 10);
    return out + digits;
}

size_t mx_format_date(int64_t ms, bool with_time, char *out)
{
    /* Years outside 1 to 9999 do not come from mx_parse_date; they are shown as the nearest end. */
    if (ms < first_ms)
        ms = first_ms;
    if (ms >= end_ms)
        ms = end_ms - 1;
    mx_date date;
    mx_date_from_ms(ms, &date);
    char *p = put_digits(out, date.year, 4);
    *p++ = '-';
    p = put_digits(p, date.month, 2);
    *p++ = '-';
    p = put_digits(p, date.day, 2);
    if (with_time) {
        *p++ = 'T';
        p = put_digits(p, date.hour, 2);
        *p++ = ':';
        p = put_digits(p, date.minute, 2);
        *p++ = ':';
        p = put_digits(p, date.second, 2);
        *p++ = 'Z';
    }
    *p = '\0';
    return (size_t)(p - out);
}
