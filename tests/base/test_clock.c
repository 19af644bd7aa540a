/*
 * Dates: every day of the calendar against a counter of its own; each written form, and what is refused.
 */
#include "base/clock.h"
#include "support/check.h"

static int month_days(int year, int month)
{
    if (month == 2)
        return (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)) ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static void test_every_day(void **state)
{
    (void)state;
    int64_t ms = INT64_C(-62135596800000); /* 0001-01-01, a Monday */
    int weekday = 0;
    int64_t month_start = ms;
    for (int year = 1; year <= 9999; year++) {
        for (int month = 1; month <= 12; month++) {
            month_start = ms;
            for (int day = 1; day <= month_days(year, month); day++, ms += MX_DAY_MS, weekday = (weekday + 1) % 7) {
                mx_date date = {.year = year, .month = month, .day = day};
                mx_date back;
                mx_date_from_ms(ms + MX_DAY_MS - 1, &back);
                if (mx_ms_from_date(&date) != ms || back.year != year || back.month != month || back.day != day ||
                    back.hour != 23 || back.millisecond != 999 || mx_weekday(ms + 5) != weekday ||
                    mx_floor_month(ms + 7) != month_start || mx_floor_day(ms + 9) != ms)
                    check_die(__FILE__, __LINE__, "%04d-%02d-%02d is wrong", year, month, day);
            }
        }
    }
    assert_true(ms == INT64_C(253402300800000));
}

static int64_t at(int year, int month, int day, int hour, int minute, int second, int millisecond)
{
    return mx_ms_from_date(&(mx_date){year, month, day, hour, minute, second, millisecond});
}

static void test_floors(void **state)
{
    (void)state;
    int64_t friday = at(2011, 12, 9, 12, 50, 0, 0);
    assert_int_equal(mx_weekday(friday), 4);
    assert_true(mx_floor_week(friday, 0) == at(2011, 12, 5, 0, 0, 0, 0));
    assert_true(mx_floor_week(friday, 6) == at(2011, 12, 4, 0, 0, 0, 0));
    assert_true(mx_floor_week(friday, 4) == at(2011, 12, 9, 0, 0, 0, 0));
    assert_true(mx_floor_week(friday, 5) == at(2011, 12, 3, 0, 0, 0, 0));
    assert_true(mx_floor_week(-1, 0) == at(1969, 12, 29, 0, 0, 0, 0));
    assert_true(mx_floor_day(-1) == -MX_DAY_MS);
    assert_true(mx_add_months(at(2012, 1, 31, 5, 0, 0, 0), 1) == at(2012, 2, 29, 5, 0, 0, 0));
    assert_true(mx_add_months(at(2011, 12, 9, 0, 0, 0, 3), 1) == at(2012, 1, 9, 0, 0, 0, 3));
    assert_true(mx_add_months(at(2011, 1, 9, 0, 0, 0, 0), -13) == at(2009, 12, 9, 0, 0, 0, 0));
    assert_true(mx_now_ms() > at(2020, 1, 1, 0, 0, 0, 0));
    double first = mx_monotonic_s();
    assert_true(mx_monotonic_s() >= first);
}

static void check_date(mx_date_format format, const char *text, int64_t zone_ms, int64_t want)
{
    int64_t ms = 0;
    if (!mx_parse_date(mx_str_of(text), format, zone_ms, &ms))
        check_die(__FILE__, __LINE__, "\"%s\" was not read as %s", text, mx_date_format_name(format));
    if (ms != want)
        check_die(__FILE__, __LINE__, "\"%s\" is %lld, not %lld", text, (long long)ms, (long long)want);
}

static void test_parse_good(void **state)
{
    (void)state;
    int64_t day = at(2011, 12, 9, 0, 0, 0, 0);
    int64_t minute = at(2011, 12, 9, 12, 50, 0, 0);
    int64_t second = at(2011, 12, 9, 12, 50, 7, 0);
    int64_t hour = INT64_C(3600000);
    check_date(MX_DATE_ISO, "2011-12-09", 0, day);
    check_date(MX_DATE_ISO, "2011-12-09", hour, day - hour);
    check_date(MX_DATE_ISO, "2011-12-09T12:50", 0, minute);
    check_date(MX_DATE_ISO, "2011-12-09 12:50:07", 0, second);
    check_date(MX_DATE_ISO, "2011-12-09T12:50:07.123", 0, second + 123);
    check_date(MX_DATE_ISO, "2011-12-09T12:50:07.123456789Z", hour, second + 123);
    check_date(MX_DATE_ISO, "2011-12-09T12:50:07.5Z", 0, second + 500);
    check_date(MX_DATE_ISO, "2011-12-09T12:50:07+01:00", 5 * hour, second - hour);
    check_date(MX_DATE_ISO, "2011-12-09T12:50:07-0530", 0, second + 11 * hour / 2);
    check_date(MX_DATE_ISO, "2011-12-09 12:50:07+08", 0, second - 8 * hour);
    check_date(MX_DATE_ISO, "2011-12-09 12:50:07 UTC", hour, second);
    check_date(MX_DATE_ISO, "2012-02-29", 0, at(2012, 2, 29, 0, 0, 0, 0));
    check_date(MX_DATE_ISO, "0001-01-01", 0, at(1, 1, 1, 0, 0, 0, 0));
    check_date(MX_DATE_ISO, "9999-12-31T23:59:59.999Z", 0, at(9999, 12, 31, 23, 59, 59, 999));
    check_date(MX_DATE_DMY, "9/12/2011", 0, day);
    check_date(MX_DATE_DMY, "09.12.2011 12:50", 0, minute);
    check_date(MX_DATE_DMY, "9-12-2011 12:50:07", hour, second - hour);
    check_date(MX_DATE_MDY, "12/9/2011 12:50", 0, minute);
    check_date(MX_DATE_MDY, "12/9/2011 8:26", 0, at(2011, 12, 9, 8, 26, 0, 0));
    check_date(MX_DATE_MDY, "12/09/2011 12:50 PM", 0, minute);
    check_date(MX_DATE_MDY, "12/09/2011 12:50:07 AM", 0, second - 12 * hour);
    check_date(MX_DATE_MDY, "12/09/2011 1:50pm", 0, minute + hour);
    check_date(MX_DATE_YMD_SLASH, "2011/12/9", 0, day);
    check_date(MX_DATE_YMD_SLASH, "2011/12/09 12:50:07", 0, second);
    check_date(MX_DATE_YMD_SLASH, "2011-12-9 12:50", 0, minute);
    check_date(MX_DATE_YMD_SLASH, "2011年12月9日", 0, day);
    check_date(MX_DATE_YMD_SLASH, "2011年12月09日 12:50", 8 * hour, minute - 8 * hour);
    check_date(MX_DATE_YMD_SLASH, "20111209", 0, day);
    check_date(MX_DATE_YMD_SLASH, "20111209 12:50", 0, minute);
    check_date(MX_DATE_UNIX_S, "1323435007", hour, second);
    check_date(MX_DATE_UNIX_S, "1323435007.25", 0, second + 250);
    check_date(MX_DATE_UNIX_S, "1323435007.0", 0, second);
    check_date(MX_DATE_UNIX_MS, "1323435007123", 0, second + 123);
    check_date(MX_DATE_UNIX_MS, "1323435007123.9", 0, second + 123);
}

static void test_parse_bad(void **state)
{
    (void)state;
    static const struct {
        mx_date_format format;
        const char *text;
    } bad[] = {
        {MX_DATE_ISO, ""},
        {MX_DATE_ISO, "2011"},
        {MX_DATE_ISO, "2011-13-01"},
        {MX_DATE_ISO, "2011-00-01"},
        {MX_DATE_ISO, "2011-02-29"},
        {MX_DATE_ISO, "1900-02-29"},
        {MX_DATE_ISO, "2011-02-30"},
        {MX_DATE_ISO, "2011-04-31"},
        {MX_DATE_ISO, "2011-12-00"},
        {MX_DATE_ISO, "0000-12-01"},
        {MX_DATE_ISO, "2011-1-9"},
        {MX_DATE_ISO, "2011-12-09T"},
        {MX_DATE_ISO, "2011-12-09T12"},
        {MX_DATE_ISO, "2011-12-09T24:00"},
        {MX_DATE_ISO, "2011-12-09T12:60"},
        {MX_DATE_ISO, "2011-12-09T12:50:60"},
        {MX_DATE_ISO, "2011-12-09T12:50:07."},
        {MX_DATE_ISO, "2011-12-09T12:50:07.1234567890"},
        {MX_DATE_ISO, "2011-12-09T12:50:07+1"},
        {MX_DATE_ISO, "2011-12-09T12:50:07+19:00"},
        {MX_DATE_ISO, "2011-12-09T12:50:07+01:60"},
        {MX_DATE_ISO, "2011-12-09T12:50:07ZZ"},
        {MX_DATE_ISO, "2011-12-09Z"},
        {MX_DATE_ISO, "2011-12-09 "},
        {MX_DATE_ISO, " 2011-12-09"},
        {MX_DATE_ISO, "2011/12/09"},
        {MX_DATE_ISO, "12011-12-09"},
        {MX_DATE_ISO, "0001-01-01T00:00:00+01:00"},
        {MX_DATE_ISO, "9999-12-31T23:59:59-01:00"},
        {MX_DATE_DMY, "12/13/2011"},
        {MX_DATE_DMY, "9/12/11"},
        {MX_DATE_DMY, "9/12-2011"},
        {MX_DATE_DMY, "009/12/2011"},
        {MX_DATE_DMY, "9/12/2011 "},
        {MX_DATE_DMY, "9/12/2011 12"},
        {MX_DATE_MDY, "13/12/2011"},
        {MX_DATE_MDY, "12/9/2011 13:50 PM"},
        {MX_DATE_MDY, "12/9/2011 0:50 AM"},
        {MX_DATE_MDY, "12/9/20111"},
        {MX_DATE_YMD_SLASH, "2011/13/9"},
        {MX_DATE_YMD_SLASH, "2011/12"},
        {MX_DATE_YMD_SLASH, "2011年12月"},
        {MX_DATE_YMD_SLASH, "2011年12月9"},
        {MX_DATE_YMD_SLASH, "20111309"},
        {MX_DATE_YMD_SLASH, "201112091"},
        {MX_DATE_UNIX_S, "20111209"},
        {MX_DATE_UNIX_S, "-1323435007"},
        {MX_DATE_UNIX_S, "1323435007."},
        {MX_DATE_UNIX_S, "1323435007123"},
        {MX_DATE_UNIX_S, "1e9"},
        {MX_DATE_UNIX_MS, "1323435007"},
        {MX_DATE_UNIX_MS, "132343500712345"},
        {MX_DATE_FORMATS, "2011-12-09"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t ms = 1;
        if (mx_parse_date(mx_str_of(bad[i].text), bad[i].format, 0, &ms))
            check_die(__FILE__, __LINE__, "\"%s\" was read as %s: %lld", bad[i].text,
                      mx_date_format_name(bad[i].format), (long long)ms);
        assert_int_equal(ms, 0);
    }
}

static void test_format(void **state)
{
    (void)state;
    char text[32];
    assert_int_equal(mx_format_date(at(2011, 12, 9, 12, 50, 7, 999), true, text), 20);
    assert_string_equal(text, "2011-12-09T12:50:07Z");
    assert_int_equal(mx_format_date(at(2011, 12, 9, 12, 50, 7, 999), false, text), 10);
    assert_string_equal(text, "2011-12-09");
    mx_format_date(-1, true, text);
    assert_string_equal(text, "1969-12-31T23:59:59Z");
    mx_format_date(INT64_MAX, true, text);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
    mx_format_date(INT64_MIN, false, text);
    assert_string_equal(text, "0001-01-01");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_day), cmocka_unit_test(test_floors),
                                       cmocka_unit_test(test_parse_good), cmocka_unit_test(test_parse_bad),
                                       cmocka_unit_test(test_format)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
