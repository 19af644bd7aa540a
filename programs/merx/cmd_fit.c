/*
 * merx fit: any model on any table.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tables.h"

static json_t *metrics_json(const merx_metrics *metrics)
{
    json_t *object = json_object();
    for (size_t i = 0; i < metrics->count; i++)
        json_object_set_new(object, metrics->metric[i].name,
                            json_pack("{s:f, s:f, s:f}", "value", metrics->metric[i].value, "low",
                                      metrics->metric[i].low, "high", metrics->metric[i].high));
    return object;
}

static void print_metrics(const char *title, const merx_metrics *metrics)
{
    printf("%s (%llu rows, 95 %% intervals)\n", title, (unsigned long long)metrics->rows);
    for (size_t i = 0; i < metrics->count; i++)
        printf("  %-18s %.6g  [%.6g, %.6g]\n", metrics->metric[i].name, metrics->metric[i].value,
               metrics->metric[i].low, metrics->metric[i].high);
}

/* One line for each row: its fold, then its prediction or the probability of each class. */
static int write_held_out(const char *path, const merx_held_out *held)
{
    FILE *out = fopen(path, "w");
    if (!out) {
        fprintf(stderr, "merx: %s: %s\n", path, strerror(errno));
        return 1;
    }
    fputs("fold", out);
    for (size_t k = 0; k < held->outputs; k++) {
        fputc(',', out);
        table_print_field(held->labels ? held->names[k] : "prediction", out);
    }
    fputc('\n', out);
    for (size_t i = 0; i < held->rows; i++) {
        fprintf(out, "%d", (int)held->fold[i]);
        for (size_t k = 0; k < held->outputs; k++)
            fprintf(out, ",%.17g", held->values[i * held->outputs + k]);
        fputc('\n', out);
    }
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        fprintf(stderr, "merx: %s: could not be written\n", path);
        return 1;
    }
    return 0;
}

static int run(cli_arguments *arguments)
{
    const char *family = arguments->positional[0];
    const char *path = arguments->positional[1];
    const char *out_path = cli_value(arguments, "out");
    const char *folds_text = cli_value(arguments, "cv");
    const char *held_path = cli_value(arguments, "held-out");
    merx_folds folds = {.group = cli_value(arguments, "group"), .column = cli_value(arguments, "fold-column")};
    bool json = cli_has(arguments, "json");
    if (folds_text) {
        char *end;
        long count = strtol(folds_text, &end, 10);
        if (*end || count < 2 || count > 100)
            return cli_usage_error(arguments->command, "--cv is \"%s\": expected a number of folds from 2 to 100",
                                   folds_text);
        folds.count = (int)count;
    }
    bool crossing = folds_text || folds.column;
    if (folds_text && folds.column)
        return cli_usage_error(arguments->command, "--cv and --fold-column both say how rows are split: give one");
    if (folds.group && !folds_text)
        return cli_usage_error(arguments->command, "--group is for --cv");
    if (held_path && !crossing)
        return cli_usage_error(arguments->command, "--held-out is for cross-validation: give --cv or --fold-column");
    bool stream = cli_has(arguments, "stream");
    if (stream && crossing)
        return cli_usage_error(
            arguments->command,
            "--cv and --fold-column take rows at will and --stream reads them in order: leave one out");
    merx_task *task = NULL;
    merx_dataset *data = NULL;
    merx_model *model = NULL;
    char *text = NULL;
    merx_error err = {0};
    table_columns columns = {0};
    merx_metrics fitted = {0};
    merx_held_out crossed = {0};
    int code = cli_task(arguments, &task);
    if (code)
        return code;
    if (merx_model_new(merx_task_allocator(task), family, &model, &err) != MERX_OK) {
        code = cli_usage_failure(arguments->command, &err);
        goto out;
    }
    for (int i = 0; i < arguments->n_settings; i++)
        if (merx_model_set(model, arguments->settings[i].name, arguments->settings[i].value, &err) != MERX_OK) {
            code = cli_usage_failure(arguments->command, &err);
            goto out;
        }
    code = table_read(arguments, path, task, &data);
    if (code)
        goto out;
    code = table_columns_of(arguments, merx_model_family(model)->tags, &columns);
    if (code)
        goto out;
    if (crossing &&
        merx_model_cross_validate_folds(model, data, &columns.fit, &folds, task, &crossed, &err) != MERX_OK) {
        code = cli_fail(&err);
        goto out;
    }
    if (held_path) {
        code = write_held_out(held_path, &crossed);
        if (code)
            goto out;
    }
    if (folds.column)
        table_columns_ignore(&columns, folds.column);
    if (merx_model_fit(model, data, &columns.fit, task, &err) != MERX_OK ||
        (!stream && merx_model_evaluate(model, data, task, &fitted, &err) != MERX_OK) ||
        merx_model_describe(model, &text, &err) != MERX_OK ||
        (out_path && merx_model_save(model, out_path, &err) != MERX_OK)) {
        code = cli_fail(&err);
        goto out;
    }
    if (json) {
        code = cli_print_json(json_pack(
            "{s:s, s:I, s:I, s:o, s:o, s:o, s:s}", "family", family, "rows", (json_int_t)merx_dataset_rows(data),
            "refused", (json_int_t)merx_dataset_refused(data), "training", stream ? json_null() : metrics_json(&fitted),
            "cross_validation", crossing ? metrics_json(&crossed.metrics) : json_null(), "model",
            cli_json_or_null(out_path), "description", text));
    } else {
        fputs(text, stdout);
        if (crossing)
            print_metrics("cross-validation", &crossed.metrics);
        if (stream)
            cli_note(arguments, "quality: merx evaluate MODEL TABLE on rows that were kept apart");
        else
            print_metrics("on the training rows", &fitted);
        if (out_path)
            cli_note(arguments, "model: %s", out_path);
        else
            cli_note(arguments, "not saved: give --out FILE to keep the model");
    }
out:
    merx_held_out_release(&crossed);
    merx_text_free(text);
    table_columns_release(&columns);
    merx_model_free(model);
    merx_dataset_free(data);
    merx_task_free(task);
    return code;
}

static const cli_flag flags[] = {
    {"target", "COLUMN", "column to learn"},
    {"weight", "COLUMN", "column of sample weights"},
    {"features", "A,B,…", "columns to learn from (default: all others)"},
    {"ignore", "A,B,…", "columns left out"},
    {"out", "FILE", "save the model (safetensors layout)"},
    {"cv", "K", "also cross-validate over K folds"},
    {"group", "COLUMN", "with --cv: rows of one value stay in one fold"},
    {"fold-column", "COLUMN", "also cross-validate: every value of this column is a fold; it is no feature"},
    {"held-out", "FILE", "write every row's fold and prediction by the model that did not see it (CSV)"},
    {"separator", "CHAR", "of a CSV file (default: found)"},
    {"types", "A=TYPE,…", "declared column types: numeric, categorical, boolean, date, text"},
    {"missing", "WORDS", "further words that mean missing, separated by |"},
    {"max-refused", "N", "skip and count up to N bad rows (default 0)"},
    {"stream", NULL, "read the table block by block and never hold it (linear models, k-means)"},
    {NULL, NULL, NULL},
};

const cli_command cmd_fit = {
    .name = "fit",
    .usage = "FAMILY TABLE [--target COLUMN] [--out MODEL] [--OPTION VALUE …]",
    .summary = "fit any model on any table (CSV or JSON lines, also .gz, .zst)",
    .text = "Learns a preprocessing pipeline (missing values, one-hot, standardising) and the model together, prints "
            "what was learnt and its quality.",
    .examples = "merx fit logistic visits.csv --target bought --cv 5 --out visits.merx\nmerx fit linear "
                "diamonds.csv.gz --target price --log_columns carat\n"
                "merx fit kmeans customers.csv --k 5 --out groups.merx\n"
                "merx fit linear clicks.csv.zst --target spent --stream --out spent.merx\n",
    .flags = flags,
    .min_positional = 2,
    .max_positional = 2,
    .open = CLI_OPEN_MODEL,
    .run = run,
};
