/*
 * merx predict: a saved model on a table; CSV or JSON out.
 */
#include <string.h>

#include "tables.h"

static void print_header(const merx_prediction *prediction, unsigned tags, FILE *out)
{
    if (tags & MERX_CLUSTERS)
        fputs("cluster", out);
    else
        fputs(prediction->labels ? "class" : "prediction", out);
    if (prediction->labels)
        for (size_t j = 0; j < prediction->outputs; j++) {
            fputc(',', out);
            table_print_field(prediction->names[j], out);
        }
    fputc('\n', out);
}

static void print_rows(const merx_prediction *prediction, FILE *out)
{
    for (size_t i = 0; i < prediction->rows; i++) {
        const double *row = prediction->values + i * prediction->outputs;
        if (!prediction->labels) {
            fprintf(out, "%.17g\n", row[0]);
            continue;
        }
        table_print_field(prediction->names[prediction->labels[i]], out);
        for (size_t j = 0; j < prediction->outputs; j++)
            fprintf(out, ",%.9g", row[j]);
        fputc('\n', out);
    }
}

static json_t *prediction_json(const merx_prediction *prediction)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < prediction->rows; i++) {
        const double *row = prediction->values + i * prediction->outputs;
        if (!prediction->labels) {
            json_array_append_new(rows, json_real(row[0]));
            continue;
        }
        json_t *values = json_object();
        for (size_t j = 0; j < prediction->outputs; j++)
            json_object_set_new(values, prediction->names[j], json_real(row[j]));
        json_array_append_new(
            rows, json_pack("{s:s, s:o}", "label", prediction->names[prediction->labels[i]], "outputs", values));
    }
    return rows;
}

/* Block by block: the rows of each are printed before the next is read. */
static int predict_stream(const merx_model *model, merx_dataset *stream, merx_task *task)
{
    merx_error err = {0};
    merx_dataset *block = NULL;
    for (bool first = true;; first = false) {
        merx_prediction prediction = {0};
        if (merx_dataset_next(stream, &block, &err) != MERX_OK)
            return cli_fail(&err);
        if (!block)
            return 0;
        if (merx_model_predict(model, block, task, &prediction, &err) != MERX_OK) {
            merx_dataset_free(block);
            return cli_fail(&err);
        }
        if (first)
            print_header(&prediction, merx_model_family(model)->tags, stdout);
        print_rows(&prediction, stdout);
        merx_prediction_release(&prediction);
        merx_dataset_free(block);
    }
}

static int run(cli_arguments *arguments)
{
    bool stream = cli_has(arguments, "stream");
    if (stream && cli_has(arguments, "json"))
        return cli_usage_error(arguments->command, "--json holds the whole answer: leave --stream out, or --json");
    merx_task *task = NULL;
    merx_model *model = NULL;
    merx_dataset *data = NULL;
    merx_prediction prediction = {0};
    merx_error err = {0};
    int code = cli_task(arguments, &task);
    if (code)
        return code;
    if (merx_model_load(NULL, arguments->positional[0], &model, &err) != MERX_OK) {
        code = cli_fail(&err);
        goto out;
    }
    code = table_read(arguments, arguments->positional[1], task, &data);
    if (code)
        goto out;
    if (stream) {
        code = predict_stream(model, data, task);
    } else if (merx_model_predict(model, data, task, &prediction, &err) != MERX_OK) {
        code = cli_fail(&err);
    } else if (cli_has(arguments, "json")) {
        code = cli_print_json(prediction_json(&prediction));
    } else {
        print_header(&prediction, merx_model_family(model)->tags, stdout);
        print_rows(&prediction, stdout);
    }
out:
    merx_prediction_release(&prediction);
    merx_dataset_free(data);
    merx_model_free(model);
    merx_task_free(task);
    return code;
}

static const cli_flag flags[] = {
    {"separator", "CHAR", "of a CSV file (default: found)"},
    {"types", "A=TYPE,…", "declared column types"},
    {"missing", "WORDS", "further words that mean missing, separated by |"},
    {"max-refused", "N", "skip and count up to N bad rows (default 0)"},
    {"stream", NULL, "read the table block by block and never hold it"},
    {NULL, NULL, NULL},
};

const cli_command cmd_predict = {
    .name = "predict",
    .usage = "MODEL TABLE",
    .summary = "predict with a saved model; CSV on standard output",
    .text = "One row out for each row in. Regression: the value. Classes: the most probable one and every probability. "
            "Clusters: the nearest and the distance to each.",
    .examples =
        "merx predict visits.merx new-visits.csv > scored.csv\nmerx predict visits.merx new-visits.csv --json\n",
    .flags = flags,
    .min_positional = 2,
    .max_positional = 2,
    .run = run,
};
