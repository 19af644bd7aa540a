/*
 * merx forecast: the next steps of many series, by any regression.
 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "merx/panel.h"
#include "tables.h"

static int parse_number(const cli_arguments *arguments, const char *flag, const char *text, long long low,
                        long long high, long long *out)
{
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (*end || end == text || errno || *out < low || *out > high)
        return cli_usage_error(arguments->command, "--%s is \"%s\": expected a whole number from %lld to %lld", flag,
                               text, low, high);
    return 0;
}

/* "2-3" or "2". */
static int parse_horizons(const cli_arguments *arguments, merx_panel_options *options)
{
    const char *text = cli_value(arguments, "horizons");
    int first;
    int last;
    char rest;
    if (!text)
        return 0;
    int read = sscanf(text, "%4d-%4d%c", &first, &last, &rest);
    if (read == 1 && !strchr(text, '-'))
        last = first;
    else if (read != 2)
        return cli_usage_error(arguments->command,
                               "--horizons is \"%s\": expected a number of steps, or a range like 2-3", text);
    if (first < 1 || last < first)
        return cli_usage_error(arguments->command, "--horizons is \"%s\": expected 1 or more, the larger one last",
                               text);
    options->first = first;
    options->last = last;
    return 0;
}

typedef struct forecast_call {
    const cli_arguments *arguments;
    merx_panel_options options;
    char *series_text, *ignore_text, *features_text;
    const char **series, **ignore, **features;
    merx_task *task;
    merx_dataset *data;
    merx_model *model;
    merx_panel *panel;
    merx_forecast made;
} forecast_call;

static int list_of(const char *value, char **text, const char ***names, size_t *n)
{
    if (!value)
        return 0;
    *text = malloc(strlen(value) + 1);
    *names = calloc(strlen(value) + 1, sizeof **names);
    if (!*text || !*names) {
        fprintf(stderr, "merx: out of memory\n");
        return 1;
    }
    memcpy(*text, value, strlen(value) + 1);
    *n = table_split_names(*text, *names);
    return 0;
}

static int read_options(forecast_call *c)
{
    const cli_arguments *a = c->arguments;
    long long number = 0;
    c->options.time = cli_value(a, "time");
    c->options.target = cli_value(a, "target");
    c->options.by = cli_value(a, "by");
    c->options.logarithm = cli_has(a, "log");
    if (!c->options.time || !c->options.target || !cli_value(a, "series"))
        return cli_usage_error(a->command, "give --series COLUMNS, --time COLUMN and --target COLUMN");
    int code = list_of(cli_value(a, "series"), &c->series_text, &c->series, &c->options.n_series);
    if (code == 0)
        code = list_of(cli_value(a, "ignore"), &c->ignore_text, &c->ignore, &c->options.n_ignore);
    if (code == 0)
        code = list_of(cli_value(a, "features"), &c->features_text, &c->features, &c->options.n_features);
    c->options.features = c->features;
    c->options.series = c->series;
    c->options.ignore = c->ignore;
    if (code == 0)
        code = parse_horizons(a, &c->options);
    if (code == 0 && cli_value(a, "lags")) {
        code = parse_number(a, "lags", cli_value(a, "lags"), 1, 100, &number);
        c->options.lags = (int)number;
    }
    if (code == 0 && cli_value(a, "step-days")) {
        code = parse_number(a, "step-days", cli_value(a, "step-days"), 1, 3660, &number);
        c->options.step_days = (int)number;
    }
    return code;
}

/* A cell of the table as text; buffer >= 40 bytes. */
static const char *cell(const merx_dataset *data, const char *name, size_t row, char *buffer)
{
    int at = merx_dataset_find_column(data, name);
    if (merx_dataset_column_type(data, (size_t)at) == MERX_COLUMN_NUMERIC)
        snprintf(buffer, 40, "%.15g", merx_dataset_numeric(data, (size_t)at)[row]);
    else if (merx_dataset_column_type(data, (size_t)at) == MERX_COLUMN_BOOLEAN)
        snprintf(buffer, 40, "%s", merx_dataset_boolean(data, (size_t)at)[row] ? "true" : "false");
    else {
        const char *text = merx_dataset_text(data, (size_t)at, row);
        return text ? text : "";
    }
    return buffer;
}

static int print_json(const forecast_call *c, long long origin)
{
    const merx_forecast *f = &c->made;
    json_t *rows = json_array();
    char text[40];
    for (size_t i = 0; i < f->rows; i++) {
        json_t *one = json_object();
        for (size_t k = 0; k < c->options.n_series; k++)
            json_object_set_new(one, c->series[k], json_string(cell(c->data, c->series[k], f->row[i], text)));
        merx_panel_step_text(c->panel, f->step[i], text);
        json_object_set_new(one, "time", json_string(text));
        json_object_set_new(one, "forecast", json_real(f->value[i]));
        json_object_set_new(one, "actual", isnan(f->actual[i]) ? json_null() : json_real(f->actual[i]));
        json_array_append_new(rows, one);
    }
    merx_panel_step_text(c->panel, origin, text);
    return cli_print_json(json_pack("{s:s, s:s, s:I, s:I, s:f, s:o, s:o}", "family", c->arguments->positional[0],
                                    "origin", text, "series", (json_int_t)merx_panel_series(c->panel), "learned_rows",
                                    (json_int_t)f->learned, "bias", f->bias, "held_out_wape",
                                    isnan(f->fold_error) ? json_null() : json_real(f->fold_error), "forecasts", rows));
}

static void print_csv(const forecast_call *c, long long origin)
{
    const merx_forecast *f = &c->made;
    double error = 0, actual = 0, value = 0;
    size_t known = 0;
    char text[40];
    for (size_t k = 0; k < c->options.n_series; k++)
        printf("%s,", c->series[k]);
    printf("%s,forecast,actual\n", c->options.time);
    for (size_t i = 0; i < f->rows; i++) {
        for (size_t k = 0; k < c->options.n_series; k++)
            printf("%s,", cell(c->data, c->series[k], f->row[i], text));
        merx_panel_step_text(c->panel, f->step[i], text);
        printf("%s,%.10g,", text, f->value[i]);
        if (isnan(f->actual[i])) {
            putchar('\n');
            continue;
        }
        printf("%.10g\n", f->actual[i]);
        error += fabs(f->value[i] - f->actual[i]);
        actual += fabs(f->actual[i]);
        value += f->value[i];
        known++;
    }
    merx_panel_step_text(c->panel, origin, text);
    cli_note(c->arguments, "%zu series, %zu rows learnt from up to %s; factor %.4f; error of held-out weeks %.1f %%",
             merx_panel_series(c->panel), f->learned, text, f->bias, 100 * f->fold_error);
    if (known && actual > 0)
        cli_note(c->arguments, "of %zu forecasts the truth is in the table: error %.1f %% of it, total %.3f of it",
                 known, 100 * error / actual, value / actual);
}

static int run(cli_arguments *arguments)
{
    forecast_call c = {.arguments = arguments};
    merx_error err = {0};
    long long origin = 0;
    int code = cli_task(arguments, &c.task);
    if (code == 0)
        code = read_options(&c);
    if (code)
        goto out;
    if (merx_model_new(merx_task_allocator(c.task), arguments->positional[0], &c.model, &err) != MERX_OK) {
        code = cli_usage_failure(arguments->command, &err);
        goto out;
    }
    for (int i = 0; i < arguments->n_settings; i++)
        if (merx_model_set(c.model, arguments->settings[i].name, arguments->settings[i].value, &err) != MERX_OK) {
            code = cli_usage_failure(arguments->command, &err);
            goto out;
        }
    code = table_read(arguments, arguments->positional[1], c.task, &c.data);
    if (code)
        goto out;
    if (merx_panel_new(NULL, c.data, &c.options, &c.panel, &err) != MERX_OK) {
        code = cli_fail(&err);
        goto out;
    }
    origin = merx_panel_last_known(c.panel);
    if (cli_value(arguments, "origin"))
        code = parse_number(arguments, "origin", cli_value(arguments, "origin"), -(1LL << 52), 1LL << 52, &origin);
    if (code)
        goto out;
    if (merx_panel_forecast(c.panel, c.model, origin, c.task, &c.made, &err) != MERX_OK)
        code = cli_fail(&err);
    else if (cli_has(arguments, "json"))
        code = print_json(&c, origin);
    else
        print_csv(&c, origin);
out:
    merx_forecast_release(&c.made);
    merx_panel_free(c.panel);
    merx_dataset_free(c.data);
    merx_model_free(c.model);
    merx_task_free(c.task);
    free(c.series_text);
    free(c.ignore_text);
    free(c.features_text);
    free(c.features);
    free(c.series);
    free(c.ignore);
    return code;
}

static const cli_flag flags[] = {
    {"series", "A,B,…", "columns that name a series together, e.g. store,product"},
    {"time", "COLUMN", "whole numbers of a step (weeks), or dates"},
    {"target", "COLUMN", "what is forecast; empty in the rows of the future"},
    {"horizons", "FROM-TO", "steps ahead (default 1)"},
    {"origin", "STEP", "forecast as from the end of this step (default: the last one with a target)"},
    {"log", NULL, "learn the target's logarithm: for sales, whose effects multiply"},
    {"by", "COLUMN", "one model for each value of this column (default: one for all)"},
    {"ignore", "A,B,…", "columns that are not known ahead"},
    {"features", "A,B,…", "columns to learn from, e.g. store,price,\"price rel\",\"units mean 12\" (default: all)"},
    {"lags", "N", "single past values that the model sees (default 4)"},
    {"step-days", "N", "days of a step, where the time is a date (default 7)"},
    {"separator", "CHAR", "of a CSV file (default: found)"},
    {"types", "A=TYPE,…", "declared column types"},
    {"missing", "WORDS", "further words that mean missing, separated by |"},
    {"max-refused", "N", "skip and count up to N bad rows (default 0)"},
    {NULL, NULL, NULL},
};

const cli_command cmd_forecast = {
    .name = "forecast",
    .usage = "FAMILY TABLE --series A,B --time COLUMN --target COLUMN [--horizons 1-4] [--log] [--OPTION VALUE …]",
    .summary = "forecast many series whose prices and promotions are known ahead; CSV on standard output",
    .text = "One row of the table for each series and step. The target is seen up to the origin, all other columns up "
            "to the "
            "step that is forecast: they are known ahead, or are named in --ignore. Rows after the origin are "
            "forecast; where "
            "their target is in the table, the error is said.",
    .examples = "merx forecast ridge sales.csv --series store,product --time week --target units --log --horizons 1-4\n"
                "merx forecast ridge sales.csv --series store,product --time week --target units --log --origin 135 "
                "--horizons 2-3 --json\n",
    .flags = flags,
    .min_positional = 2,
    .max_positional = 2,
    .open = CLI_OPEN_MODEL,
    .run = run,
};
