/*
 * Time: int64 milliseconds since 1970-01-01T00:00:00Z everywhere ("_ms"). Proleptic Gregorian calendar. Floor 0.
 */
#ifndef MX_BASE_CLOCK_H
#define MX_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define MX_DAY_MS INT64_C(86400000)

typedef struct mx_date {
    int year;       /* 1 … 9999 */
    int month, day; /* 1 … 12, 1 … 31 */
    int hour, minute, second, millisecond;
} mx_date;

int64_t mx_now_ms(void);     /* wall clock */
double mx_monotonic_s(void); /* for durations */

int64_t mx_ms_from_date(const mx_date *date);
void mx_date_from_ms(int64_t ms, mx_date *date);
int mx_weekday(int64_t ms); /* 0 Monday … 6 Sunday */
/* Start of the day, of the week (week_start 0 Monday … 6 Sunday), of the month. */
int64_t mx_floor_day(int64_t ms);
int64_t mx_floor_week(int64_t ms, int week_start);
int64_t mx_floor_month(int64_t ms);
int64_t mx_add_months(int64_t ms, int months);

/* How dates in a column are written. Found once for a column, then applied: 01/02/2011 alone does not say which. */
typedef enum mx_date_format {
    MX_DATE_ISO,       /* 2011-12-09[T ]12:50[:00[.123]][Z|+01:00], 2011-12-09 */
    MX_DATE_DMY,       /* 9/12/2011 [12:50[:00]], also with . or - */
    MX_DATE_MDY,       /* 12/9/2011 [12:50[:00]] */
    MX_DATE_YMD_SLASH, /* 2011/12/9 [12:50[:00]], 2011年12月9日, 20111209 */
    MX_DATE_UNIX_S,    /* 1323435000, also with decimals */
    MX_DATE_UNIX_MS,   /* 1323435000000 */
    MX_DATE_FORMATS
} mx_date_format;
const char *mx_date_format_name(mx_date_format format); /* for messages: "ISO 8601", "day/month/year" … */
/* zone_ms is added to UTC to get local time; it applies to texts that name no zone of their own. False: not such a date. */
bool mx_parse_date(mx_str text, mx_date_format format, int64_t zone_ms, int64_t *ms);
/* "2011-12-09T12:50:00Z" (with_time) or "2011-12-09". out >= 32 bytes. Returns its length. */
size_t mx_format_date(int64_t ms, bool with_time, char *out);

#endif
