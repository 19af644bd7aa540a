/*
 * Plots: ticks lie where people expect them, SVG is well formed and shows what it was given.
 */
#include "base/clock.h"
#include "plot/plot.h"
#include "support/check.h"

/* Checks that tags nest and close, attributes are quoted, nothing is left open; counts elements of one name. */
static size_t check_svg(const char *svg, const char *counted)
{
    char stack[64][16];
    size_t depth = 0;
    size_t count = 0;
    for (const char *at = svg; *at; at++) {
        if (*at == '&') {
            const char *end = strchr(at, ';');
            assert_non_null(end);
            assert_true(end - at <= 6);
            continue;
        }
        if (*at != '<')
            continue;
        bool closing = at[1] == '/';
        const char *name = at + 1 + closing;
        size_t length = strcspn(name, " />");
        assert_true(length > 0 && length < 16);
        const char *end = strchr(at, '>');
        assert_non_null(end);
        size_t quotes = 0;
        for (const char *c = at; c < end; c++)
            quotes += *c == '"';
        assert_int_equal(quotes % 2, 0);
        if (closing) {
            assert_true(depth > 0);
            depth--;
            if (strncmp(stack[depth], name, length) != 0 || stack[depth][length])
                check_die(__FILE__, __LINE__, "</%.*s> closes <%s>", (int)length, name, stack[depth]);
        } else {
            if (strlen(counted) == length && strncmp(name, counted, length) == 0)
                count++;
            if (end[-1] != '/') {
                assert_true(depth < 64);
                memcpy(stack[depth], name, length);
                stack[depth++][length] = '\0';
            }
        }
        at = end;
    }
    assert_int_equal(depth, 0);
    return count;
}

static void test_ticks(void **state)
{
    (void)state;
    double ticks[16];
    size_t n = mx_plot_ticks(0, 10, 6, ticks);
    assert_int_equal(n, 6);
    check_close(ticks[0], 0, 0);
    check_close(ticks[5], 10, 1e-12);
    /* For many ranges: within the range, evenly spaced, never more than asked for, and not too few. */
    for (int i = 1; i < 2000; i++) {
        double low = -50 + i * 0.37;
        double high = low + pow(10, (i % 13) - 6) * (1 + i % 7);
        size_t most = 3 + (size_t)(i % 9);
        n = mx_plot_ticks(low, high, most, ticks);
        assert_true(n <= most);
        assert_true(n >= (most >= 4 ? 2 : 1));
        for (size_t k = 0; k < n; k++) {
            assert_true(ticks[k] >= low - (high - low) * 1e-6);
            assert_true(ticks[k] <= high + (high - low) * 1e-6);
            if (k >= 2)
                check_close(ticks[k] - ticks[k - 1], ticks[1] - ticks[0], (high - low) * 1e-6);
        }
    }
    assert_int_equal(mx_plot_ticks(NAN, 1, 5, ticks), 0);
    assert_int_equal(mx_plot_ticks(2, 2, 5, ticks), 1);
    assert_int_equal(mx_plot_ticks(3, INFINITY, 5, ticks), 1);
}

static void check_label(double value, mx_axis axis, double step, const char *want)
{
    char out[48];
    mx_plot_label(value, &axis, step, out);
    assert_string_equal(out, want);
}

static void test_labels(void **state)
{
    (void)state;
    check_label(0, (mx_axis){.unit = MX_AXIS_NUMBER}, 10, "0");
    check_label(12000, (mx_axis){.unit = MX_AXIS_NUMBER}, 1000, "12k");
    check_label(1500000, (mx_axis){.unit = MX_AXIS_NUMBER}, 500000, "1.5M");
    check_label(0.25, (mx_axis){.unit = MX_AXIS_NUMBER}, 0.05, "0.25");
    check_label(0.25, (mx_axis){.unit = MX_AXIS_SHARE}, 0.05, "25%");
    check_label(-2000, (mx_axis){.unit = MX_AXIS_MONEY, .prefix = "£"}, 500, "-£2.0k");
    check_label((double)mx_ms_from_date(&(mx_date){.year = 2011, .month = 3, .day = 1}),
                (mx_axis){.unit = MX_AXIS_DATE}, 31.0 * MX_DAY_MS, "2011-03");
}

static void test_lines(void **state)
{
    (void)state;
    double x[] = {0, 1, 2, 3, 4};
    double y[] = {1, 4, NAN, 2, 3};
    double low[] = {0, 3, NAN, 1, 2};
    double high[] = {2, 5, NAN, 3, 4};
    mx_series series[] = {{.name = "units <sold> & \"more\"", .n = 5, .x = x, .y = y, .low = low, .high = high},
                          {.name = "预测", .n = 5, .x = x, .y = low, .dashed = true}};
    mx_text svg;
    mx_text_init(&svg, NULL, 1 << 20);
    mx_plot_lines(&svg, &(mx_line_plot){.title = "a < b",
                                        .text = "两条线",
                                        .y = {.label = "units", .from_zero = true},
                                        .series = 2,
                                        .one = series});
    assert_int_equal(mx_text_ok(&svg, NULL), MERX_OK);
    assert_int_equal(check_svg(svg.data, "svg"), 1);
    check_contains(svg.data, "a &lt; b");
    check_contains(svg.data, "预测");
    check_contains(svg.data, "stroke-dasharray");
    assert_null(strstr(svg.data, "nan"));
    /* The gap lifts the pen: the first line has two strokes besides the one that starts it. */
    const char *line = strstr(svg.data, "M-9 -9");
    assert_non_null(line);
    size_t strokes = 0;
    for (const char *c = line; *c != '"'; c++)
        strokes += *c == 'M';
    assert_int_equal(strokes, 3);
    mx_text_release(&svg);
}

static void test_no_data(void **state)
{
    (void)state;
    mx_text svg;
    mx_text_init(&svg, NULL, 1 << 20);
    mx_plot_lines(&svg, &(mx_line_plot){.title = "nothing", .text = ""});
    mx_plot_bars(&svg, &(mx_bar_plot){.title = "nothing", .text = ""});
    mx_plot_heat(&svg, &(mx_heat_plot){.title = "nothing", .text = ""});
    mx_plot_points(&svg, &(mx_scatter_plot){.title = "nothing", .text = ""});
    assert_int_equal(mx_text_ok(&svg, NULL), MERX_OK);
    assert_int_equal(check_svg(svg.data, "svg"), 4);
    assert_null(strstr(svg.data, "nan"));
    assert_null(strstr(svg.data, "inf"));
    mx_text_release(&svg);
}

static void test_bars_heat_points(void **state)
{
    (void)state;
    mx_bar bars[] = {{.label = "recommend", .value = 0.097, .low = 0.09, .high = 0.104, .reference = 0.066},
                     {.label = "没有", .value = -2, .low = NAN, .high = NAN, .reference = NAN, .shown = "minus two"}};
    double values[] = {1, 0.5, NAN, 0.25};
    const char *names[] = {"a", "b"};
    mx_point points[] = {{.x = 1, .y = 2, .size = 4, .group = 7, .label = "one"},
                         {.x = 3, .y = NAN, .size = 1},
                         {.x = 2, .y = 1, .size = 1}};
    mx_text svg;
    mx_text_init(&svg, NULL, 1 << 20);
    mx_plot_bars(&svg, &(mx_bar_plot){.title = "b", .text = "", .bars = 2, .bar = bars});
    assert_int_equal(check_svg(svg.data, "rect"), 2);
    check_contains(svg.data, "minus two");
    mx_text_clear(&svg);
    mx_plot_heat(&svg, &(mx_heat_plot){.title = "h",
                                       .text = "",
                                       .rows = 2,
                                       .columns = 2,
                                       .row_names = names,
                                       .column_names = names,
                                       .values = values,
                                       .unit = MX_AXIS_SHARE});
    assert_int_equal(check_svg(svg.data, "rect"), 3); /* the NaN is no cell */
    check_contains(svg.data, "25%");
    mx_text_clear(&svg);
    mx_plot_points(&svg, &(mx_scatter_plot){.title = "p", .text = "", .points = 3, .point = points});
    assert_int_equal(check_svg(svg.data, "circle"), 2);
    mx_text_release(&svg);
}

static void test_terminal(void **state)
{
    (void)state;
    double values[] = {0, 1, NAN, 4, 8};
    mx_text text;
    mx_text_init(&text, NULL, 1 << 16);
    mx_plot_spark(&text, values, 5);
    assert_string_equal(text.data, "▁▁ ▄█");
    mx_text_clear(&text);
    mx_plot_meter(&text, 5, 10, 4);
    assert_string_equal(text.data, "██  ");
    mx_text_clear(&text);
    mx_plot_meter(&text, 1000, 10, 3);
    assert_string_equal(text.data, "███");
    mx_text_clear(&text);
    mx_plot_meter(&text, NAN, 10, 3);
    assert_string_equal(text.data, "   ");
    mx_text_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ticks),   cmocka_unit_test(test_labels),           cmocka_unit_test(test_lines),
        cmocka_unit_test(test_no_data), cmocka_unit_test(test_bars_heat_points), cmocka_unit_test(test_terminal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
