/*
 * Evaluations as JSON and back, and as a table. NaN is null in JSON.
 */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "shop/answers/answer.h"
#include "shop/text_table.h"

/* The numbers of a figure, by name. */
static const struct {
    const char *name;
    size_t offset;
} reals[] = {
    {"value", offsetof(merx_figure, value)},
    {"low", offsetof(merx_figure, low)},
    {"high", offsetof(merx_figure, high)},
    {"baseline", offsetof(merx_figure, baseline)},
    {"difference", offsetof(merx_figure, difference)},
    {"difference_low", offsetof(merx_figure, difference_low)},
    {"difference_high", offsetof(merx_figure, difference_high)},
    {"best_reachable", offsetof(merx_figure, best_reachable)},
};
enum { REALS = sizeof reals / sizeof reals[0] };

static double real_of(const merx_figure *figure, int i)
{
    double value;
    memcpy(&value, (const char *)figure + reals[i].offset, sizeof value);
    return value;
}

static void put_text(mx_text *out, const char *key, const char *value)
{
    mx_text_printf(out, "\"%s\":\"", key);
    mx_text_json(out, mx_str_of(value));
    mx_text_puts(out, "\"");
}

static void put_figure(mx_text *out, const merx_figure *figure)
{
    mx_text_puts(out, "{");
    put_text(out, "name", figure->name);
    mx_text_puts(out, ",");
    put_text(out, "baseline_name", figure->baseline_name);
    for (int i = 0; i < REALS; i++) {
        char number[32];
        double value = real_of(figure, i);
        mx_format_double(value, number);
        mx_text_printf(out, ",\"%s\":%s", reals[i].name, isfinite(value) ? number : "null");
    }
    mx_text_printf(out, ",\"higher_is_better\":%s}", figure->higher_is_better ? "true" : "false");
}

merx_status merx_evaluation_json(const merx_evaluation *e, char **text, merx_error *err)
{
    mx_text out;
    *text = NULL;
    mx_text_init(&out, NULL, 1u << 20);
    mx_text_printf(&out,
                   "{\"split_ms\":%" PRId64 ",\"until_ms\":%" PRId64 ",\"train_rows\":%" PRIu64
                   ",\"test_rows\":%" PRIu64 ",\"test_units\":%" PRIu64 ",",
                   e->split_ms, e->until_ms, e->train_rows, e->test_rows, e->test_units);
    put_text(&out, "unit", e->unit);
    mx_text_puts(&out, ",");
    put_text(&out, "protocol", e->protocol);
    mx_text_puts(&out, ",\"figures\":[");
    for (size_t i = 0; i < e->figures && i < MERX_FIGURES_MAX; i++) {
        mx_text_puts(&out, i ? "," : "");
        put_figure(&out, &e->figure[i]);
    }
    mx_text_printf(&out, "],\"gate_passed\":%s,", e->gate_passed ? "true" : "false");
    put_text(&out, "gate", e->gate);
    mx_text_puts(&out, "}");
    merx_status status = mx_text_give(&out, text, err);
    mx_text_release(&out);
    return status;
}

/* ---- parsing ---- */

static bool get_text(const json_t *object, const char *key, char *out, size_t size)
{
    const char *value = json_string_value(json_object_get(object, key));
    if (!value || strlen(value) >= size)
        return false;
    memcpy(out, value, strlen(value) + 1);
    return true;
}

static bool get_int(const json_t *object, const char *key, int64_t *out)
{
    const json_t *value = json_object_get(object, key);
    *out = json_integer_value(value);
    return json_is_integer(value);
}

static bool get_count(const json_t *object, const char *key, uint64_t *out)
{
    int64_t value;
    bool ok = get_int(object, key, &value) && value >= 0;
    *out = ok ? (uint64_t)value : 0;
    return ok;
}

static bool get_figure(const json_t *object, merx_figure *figure)
{
    bool ok = get_text(object, "name", figure->name, sizeof figure->name) &&
              get_text(object, "baseline_name", figure->baseline_name, sizeof figure->baseline_name);
    for (int i = 0; ok && i < REALS; i++) {
        const json_t *value = json_object_get(object, reals[i].name);
        double real = json_is_number(value) ? json_number_value(value) : NAN;
        ok = json_is_number(value) || json_is_null(value);
        memcpy((char *)figure + reals[i].offset, &real, sizeof real);
    }
    const json_t *higher = json_object_get(object, "higher_is_better");
    figure->higher_is_better = json_is_true(higher);
    return ok && json_is_boolean(higher);
}

static bool get_evaluation(const json_t *root, merx_evaluation *e)
{
    const json_t *figures = json_object_get(root, "figures");
    const json_t *passed = json_object_get(root, "gate_passed");
    bool ok = get_int(root, "split_ms", &e->split_ms) && get_int(root, "until_ms", &e->until_ms) &&
              get_count(root, "train_rows", &e->train_rows) && get_count(root, "test_rows", &e->test_rows) &&
              get_count(root, "test_units", &e->test_units) && get_text(root, "unit", e->unit, sizeof e->unit) &&
              get_text(root, "protocol", e->protocol, sizeof e->protocol) &&
              get_text(root, "gate", e->gate, sizeof e->gate) && json_is_boolean(passed) && json_is_array(figures) &&
              json_array_size(figures) <= MERX_FIGURES_MAX;
    if (!ok)
        return false;
    e->gate_passed = json_is_true(passed);
    e->figures = json_array_size(figures);
    for (size_t i = 0; i < e->figures; i++)
        if (!get_figure(json_array_get(figures, i), &e->figure[i]))
            return false;
    return true;
}

merx_status merx_evaluation_parse(const char *json, merx_evaluation *out, merx_error *err)
{
    json_error_t where;
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, &where);

    memset(out, 0, sizeof *out);
    if (!root)
        MX_FAIL(err, MERX_E_PARSE, "evaluation", "line %d: %s", where.line, where.text);
    bool ok = get_evaluation(root, out);
    json_decref(root);
    if (!ok) {
        memset(out, 0, sizeof *out);
        MX_FAIL(err, MERX_E_PARSE, "evaluation",
                "a member is missing or of another type than merx_evaluation_json writes");
    }
    return MERX_OK;
}

/* ---- a table ---- */

static const char *number(double value, char *out)
{
    if (!isfinite(value))
        return "";
    double magnitude = fabs(value);
    int decimals = magnitude >= 1000 ? 1 : magnitude >= 10 ? 2 : 4;
    merx_value_format(&(merx_value){.type = MERX_VALUE_REAL, .decimals = decimals, .real = value}, out, 64);
    return out;
}

static void put_interval(mx_table *table, double low, double high)
{
    char a[64];
    char b[64];
    if (isfinite(low) && isfinite(high))
        mx_table_printf(table, "%s to %s", number(low, a), number(high, b));
    else
        mx_table_cell(table, "");
}

static merx_status put_figures(const merx_evaluation *e, int columns, bool colour, mx_text *out, merx_error *err)
{
    const char *header[8] = {"figure", "value", "95 % interval", "baseline", "", "difference", "95 % interval", "best"};
    bool best = false;
    mx_table table;
    char text[64];

    for (size_t i = 0; i < e->figures; i++)
        best = best || isfinite(e->figure[i].best_reachable);
    mx_table_init(&table, NULL, best ? 8 : 7, header, "lrrrlrrr");
    for (size_t i = 0; i < e->figures; i++) {
        const merx_figure *f = &e->figure[i];
        bool against = f->baseline_name[0] != '\0';
        mx_table_printf(&table, "%s%s", f->name, f->higher_is_better ? "" : " (less is better)");
        mx_table_cell(&table, number(f->value, text));
        put_interval(&table, f->low, f->high);
        mx_table_cell(&table, against ? number(f->baseline, text) : "");
        mx_table_cell(&table, f->baseline_name);
        mx_table_cell(&table, against ? number(f->difference, text) : "");
        put_interval(&table, against ? f->difference_low : NAN, against ? f->difference_high : NAN);
        if (best)
            mx_table_cell(&table, number(f->best_reachable, text));
    }
    merx_status status = mx_table_print(&table, columns, colour, out, err);
    mx_table_release(&table);
    return status;
}

merx_status merx_evaluation_table(const merx_evaluation *e, int columns, bool colour, char **text, merx_error *err)
{
    merx_status status = MERX_OK;
    mx_text out;
    char split[32];
    char until[32];

    *text = NULL;
    mx_text_init(&out, NULL, 1u << 20);
    if (e->figures == 0) {
        mx_text_printf(&out, "not evaluated%s%s\n", e->gate[0] ? ": " : "", e->gate);
    } else {
        const char *unit = e->unit[0] ? e->unit : "units";
        mx_format_date(e->split_ms, e->split_ms % MX_DAY_MS != 0, split);
        mx_format_date(e->until_ms, false, until);
        if (e->split_ms != 0)
            mx_text_printf(&out, "learnt before %s, tested from there to %s: %" PRIu64 " %s\n", split, until,
                           e->test_units, unit);
        else
            mx_text_printf(&out, "tested on %" PRIu64 " %s\n", e->test_units, unit);
        if (e->protocol[0])
            mx_text_printf(&out, "%s\n", e->protocol);
        MX_TRY_GOTO(put_figures(e, columns, colour, &out, err));
        mx_text_printf(&out, "gate %s: %s\n", e->gate_passed ? "passed" : "not passed", e->gate);
    }
    MX_TRY_GOTO(mx_text_give(&out, text, err));
out:
    mx_text_release(&out);
    return status;
}
