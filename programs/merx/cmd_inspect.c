/*
 * merx inspect: which columns matter to a model, how its prediction moves with one, whether its probabilities mean what they say.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "merx/inspect.h"
#include "tables.h"

typedef struct inspecting {
    const cli_arguments *arguments;
    const merx_model *model;
    const merx_dataset *data;
    merx_task *task;
    char *svg, *text; /* made when asked for */
    json_t *json;
} inspecting;

/* A whole number of a flag, 0 when it is absent; exit code or 0. */
static int flag_number(const inspecting *w, const char *flag, size_t *out)
{
    const char *text = cli_value(w->arguments, flag);
    *out = 0;
    if (!text)
        return 0;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (*end || end == text || errno || value < 1 || value > 1000000000)
        return cli_usage_error(w->arguments->command, "--%s is \"%s\": expected a whole number from 1 to 1000000000",
                               flag, text);
    *out = (size_t)value;
    return 0;
}

static int importance(inspecting *w, merx_error *err)
{
    merx_importance_options options = {.metric = cli_value(w->arguments, "metric")};
    merx_importances made = {0};
    const char *list = cli_value(w->arguments, "columns");
    char *copy = list ? malloc(strlen(list) + 1) : NULL;
    const char **names = list ? calloc(strlen(list) + 1, sizeof *names) : NULL;
    int code = flag_number(w, "repeats", &options.repeats);
    if (code == 0)
        code = flag_number(w, "rows", &options.max_rows);
    if (code == 0 && list && (!copy || !names)) {
        fprintf(stderr, "merx: out of memory\n");
        code = 1;
    }
    if (code)
        goto out;
    if (list) {
        memcpy(copy, list, strlen(list) + 1);
        options.n_columns = table_split_names(copy, names);
        options.columns = names;
    }
    if (merx_model_permutation_importance(w->model, w->data, &options, w->task, &made, err) != MERX_OK) {
        code = cli_fail(err);
        goto out;
    }
    if (w->json) {
        json_t *columns = json_array();
        for (size_t i = 0; i < made.count; i++)
            json_array_append_new(columns, json_pack("{s:s, s:f, s:f, s:f, s:f}", "column", made.column[i].name,
                                                     "value", made.column[i].value, "low", made.column[i].low, "high",
                                                     made.column[i].high, "deviation", made.column[i].deviation));
        json_object_update_new(w->json, json_pack("{s:s, s:f, s:I, s:I, s:o}", "metric", made.metric, "score",
                                                  made.score, "rows", (json_int_t)made.rows, "repeats",
                                                  (json_int_t)made.repeats, "importance", columns));
    }
    if (merx_importances_svg(&made, &w->svg, err) != MERX_OK ||
        merx_importances_text(&made, cli_columns(), &w->text, err) != MERX_OK)
        code = cli_fail(err);
out:
    merx_importances_release(&made);
    free(copy);
    free(names);
    return code;
}

static json_t *points_json(const merx_dependence *made)
{
    json_t *points = json_array();
    for (size_t k = 0; k < made->points; k++) {
        bool number = made->type == MERX_COLUMN_NUMERIC;
        json_t *one =
            json_pack("{s:o, s:f, s:f, s:f}", "value", number ? json_real(made->value[k]) : json_string(made->label[k]),
                      "average", made->average[k], "low", made->low[k], "high", made->high[k]);
        if (made->share)
            json_object_set_new(one, "share", json_real(made->share[k]));
        json_array_append_new(points, one);
    }
    return points;
}

static json_t *individuals_json(const merx_dependence *made)
{
    json_t *individuals = json_array();
    for (size_t i = 0; i < made->individuals; i++) {
        json_t *values = json_array();
        for (size_t k = 0; k < made->points; k++)
            json_array_append_new(values, json_real(made->individual[i * made->points + k]));
        json_array_append_new(individuals, json_pack("{s:I, s:o}", "row", (json_int_t)made->row[i], "values", values));
    }
    return individuals;
}

static int dependence(inspecting *w, merx_error *err)
{
    merx_dependence_options options = {.column = cli_value(w->arguments, "columns"),
                                       .output = cli_value(w->arguments, "output")};
    merx_dependence made = {0};
    const char *spacing = cli_value(w->arguments, "grid");
    int code = flag_number(w, "points", &options.points);
    if (code == 0)
        code = flag_number(w, "rows", &options.max_rows);
    if (code == 0)
        code = flag_number(w, "individuals", &options.individuals);
    if (code == 0 && !options.column)
        code = cli_usage_error(w->arguments->command, "which column? give --columns NAME");
    if (code == 0 && spacing && strcmp(spacing, "quantiles") != 0 && strcmp(spacing, "uniform") != 0)
        code = cli_usage_error(w->arguments->command, "--grid is \"%s\": expected quantiles or uniform", spacing);
    if (code)
        return code;
    options.spacing = spacing && strcmp(spacing, "uniform") == 0 ? MERX_GRID_UNIFORM : MERX_GRID_QUANTILES;
    if (merx_model_partial_dependence(w->model, w->data, &options, w->task, &made, err) != MERX_OK)
        return cli_fail(err);
    if (w->json)
        json_object_update_new(w->json, json_pack("{s:s, s:s, s:I, s:o, s:o}", "column", made.column, "output",
                                                  made.output, "rows", (json_int_t)made.rows, "points",
                                                  points_json(&made), "individuals", individuals_json(&made)));
    if (merx_dependence_svg(&made, &w->svg, err) != MERX_OK ||
        merx_dependence_text(&made, cli_columns(), &w->text, err) != MERX_OK)
        code = cli_fail(err);
    merx_dependence_release(&made);
    return code;
}

static json_t *metric_json(const merx_metric *metric)
{
    return json_pack("{s:f, s:f, s:f}", "value", metric->value, "low", metric->low, "high", metric->high);
}

static int calibration(inspecting *w, merx_error *err)
{
    merx_calibration_options options = {.uniform = cli_has(w->arguments, "uniform"),
                                        .output = cli_value(w->arguments, "output")};
    merx_calibration made = {0};
    int code = flag_number(w, "bins", &options.bins);
    if (code)
        return code;
    if (merx_model_calibration(w->model, w->data, &options, w->task, &made, err) != MERX_OK)
        return cli_fail(err);
    if (w->json) {
        json_t *bins = json_array();
        for (size_t b = 0; b < made.bins; b++) {
            const merx_calibration_bin *one = &made.bin[b];
            json_array_append_new(bins, json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:I}", "from", one->from, "to",
                                                  one->to, "predicted", one->predicted, "observed", one->observed,
                                                  "low", one->low, "high", one->high, "rows", (json_int_t)one->rows));
        }
        json_object_update_new(w->json,
                               json_pack("{s:s, s:I, s:o, s:o, s:o}", "output", made.output, "rows",
                                         (json_int_t)made.rows, "brier", metric_json(&made.brier),
                                         "expected_calibration_error", metric_json(&made.error), "bins", bins));
    }
    if (merx_calibration_svg(&made, &w->svg, err) != MERX_OK ||
        merx_calibration_text(&made, cli_columns(), &w->text, err) != MERX_OK)
        code = cli_fail(err);
    merx_calibration_release(&made);
    return code;
}

static int write_svg(const char *path, const char *svg)
{
    FILE *file = fopen(path, "wb");
    bool written = file && fputs(svg, file) >= 0 && fputc('\n', file) != EOF;
    if (file && fclose(file) != 0)
        written = false;
    if (written)
        return 0;
    fprintf(stderr, "merx: %s: can't be written: %s\n", path, strerror(errno));
    return 1;
}

static const struct {
    const char *name;
    int (*run)(inspecting *w, merx_error *err);
} whats[] = {{"importance", importance}, {"dependence", dependence}, {"calibration", calibration}};

/* Needs no table: the model's own description, and its picture. */
static int shapes(cli_arguments *arguments)
{
    merx_model *model = NULL;
    char *text = NULL;
    char *svg = NULL;
    const char *path = cli_value(arguments, "svg");
    merx_error err = {0};
    int code = 0;
    if (merx_model_load(NULL, arguments->positional[1], &model, &err) != MERX_OK ||
        merx_model_describe(model, &text, &err) != MERX_OK ||
        (path && merx_model_shapes_svg(model, &svg, &err) != MERX_OK))
        code = cli_fail(&err);
    if (code == 0 && path)
        code = write_svg(path, svg);
    if (code == 0 && cli_has(arguments, "json"))
        code = cli_print_json(json_pack("{s:s}", "description", text));
    else if (code == 0)
        fputs(text, stdout);
    merx_text_free(text);
    merx_text_free(svg);
    merx_model_free(model);
    return code;
}

static int run(cli_arguments *arguments)
{
    if (strcmp(arguments->positional[0], "shapes") == 0)
        return arguments->n_positional == 2
                   ? shapes(arguments)
                   : cli_usage_error(arguments->command, "shapes needs the model alone, no table");
    if (arguments->n_positional < 3)
        return cli_usage_error(arguments->command, "too few arguments");
    size_t what = 0;
    while (what < 3 && strcmp(whats[what].name, arguments->positional[0]) != 0)
        what++;
    if (what == 3)
        return cli_usage_error(arguments->command,
                               "\"%s\" can't be inspected: expected importance, dependence, calibration or shapes",
                               arguments->positional[0]);
    merx_model *model = NULL;
    merx_dataset *data = NULL;
    merx_error err = {0};
    inspecting w = {.arguments = arguments};
    int code = cli_task(arguments, &w.task);
    if (code)
        return code;
    if (merx_model_load(NULL, arguments->positional[1], &model, &err) != MERX_OK) {
        code = cli_fail(&err);
        goto out;
    }
    code = table_read(arguments, arguments->positional[2], w.task, &data);
    if (code)
        goto out;
    w.model = model;
    w.data = data;
    w.json = cli_has(arguments, "json") ? json_object() : NULL;
    code = whats[what].run(&w, &err);
    if (code == 0 && cli_value(arguments, "svg"))
        code = write_svg(cli_value(arguments, "svg"), w.svg);
    if (code == 0 && w.json) {
        code = cli_print_json(w.json);
        w.json = NULL;
    } else if (code == 0)
        fputs(w.text, stdout);
out:
    json_decref(w.json);
    merx_text_free(w.svg);
    merx_text_free(w.text);
    merx_dataset_free(data);
    merx_model_free(model);
    merx_task_free(w.task);
    return code;
}

static const cli_flag flags[] = {
    {"columns", "A,B,…", "importance: those columns (default: all); dependence: the one column"},
    {"metric", "NAME",
     "importance: r2, mae, rmse, mape, wape, auc, accuracy, average_precision, log_loss, f1, brier, inertia"},
    {"repeats", "N", "importance: shuffles of each column (default 5)"},
    {"points", "N", "dependence: values of the grid (default 40)"},
    {"grid", "KIND", "dependence: quantiles (default) or uniform"},
    {"individuals", "N", "dependence: also the curves of N single rows"},
    {"output", "CLASS", "dependence and calibration: the class (default: the second of two)"},
    {"bins", "N", "calibration: bins (default 10)"},
    {"uniform", NULL, "calibration: bins of equal width instead of equal numbers of rows"},
    {"rows", "N", "importance and dependence: a sample of the rows, drawn by --seed (default: all)"},
    {"svg", "FILE", "also write the picture"},
    {"separator", "CHAR", "of a CSV file (default: found)"},
    {"types", "A=TYPE,…", "declared column types"},
    {"missing", "WORDS", "further words that mean missing, separated by |"},
    {"max-refused", "N", "skip and count up to N bad rows (default 0)"},
    {NULL, NULL, NULL},
};

const cli_command cmd_inspect = {
    .name = "inspect",
    .usage = "importance|dependence|calibration|shapes MODEL [TABLE] [--svg FILE]",
    .summary = "look into a saved model: which columns matter, how it moves with one, whether probabilities hold",
    .text = "importance: how much worse a metric gets when one column's values are shuffled. dependence: the average "
            "prediction "
            "when one column is set to each value of a grid. calibration: predicted probabilities beside what "
            "happened. shapes: what the model says of itself, without a table; the picture is for additive models. The "
            "table is best one that the model has not learnt from, with the target in it.",
    .examples = "merx inspect shapes diamonds.merx --svg shapes.svg\n"
                "merx inspect importance visits.merx visits-of-may.csv --metric auc\n"
                "merx inspect dependence diamonds.merx diamonds.csv --columns carat --individuals 20 --svg carat.svg\n"
                "merx inspect calibration visits.merx visits-of-may.csv --json\n",
    .flags = flags,
    .min_positional = 2,
    .max_positional = 3,
    .run = run,
};
