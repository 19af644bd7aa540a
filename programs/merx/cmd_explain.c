/*
 * merx explain: why one row got its prediction.
 */
#include <errno.h>
#include <stdlib.h>

#include "tables.h"

static void print_explanation(const merx_explanation *explanation, size_t row)
{
    printf("row %zu: %s, score %.6g", row, explanation->output, explanation->score);
    if (explanation->prediction != explanation->score)
        printf(", prediction %.6g", explanation->prediction);
    printf("\n  %12.6g  base\n", explanation->base);
    for (size_t i = 0; i < explanation->count; i++) {
        const merx_contribution *part = &explanation->contributions[i];
        const char *colour = part->contribution > 0 ? cli_green(stdout) : part->contribution < 0 ? cli_red(stdout) : "";
        printf("  %s%+12.6g%s  %s = %s\n", colour, part->contribution, *colour ? cli_plain(stdout) : "", part->name,
               part->value);
    }
}

static json_t *explanation_json(const merx_explanation *explanation, size_t row)
{
    json_t *parts = json_array();
    for (size_t i = 0; i < explanation->count; i++)
        json_array_append_new(parts, json_pack("{s:s, s:s, s:f}", "name", explanation->contributions[i].name, "value",
                                               explanation->contributions[i].value, "contribution",
                                               explanation->contributions[i].contribution));
    return json_pack("{s:I, s:s, s:f, s:f, s:f, s:o}", "row", (json_int_t)row, "output", explanation->output, "score",
                     explanation->score, "prediction", explanation->prediction, "base", explanation->base,
                     "contributions", parts);
}

static int run(cli_arguments *arguments)
{
    size_t row = 1;
    const char *row_text = cli_value(arguments, "row");
    if (row_text) {
        char *end;
        errno = 0;
        row = (size_t)strtoull(row_text, &end, 10);
        if (*row_text < '0' || *row_text > '9' || *end || errno || row == 0)
            return cli_usage_error(arguments->command, "--row is \"%s\": expected a row number from 1", row_text);
    }
    merx_task *task = NULL;
    merx_model *model = NULL;
    merx_dataset *data = NULL;
    merx_explanation explanation = {0};
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
    if (row > merx_dataset_rows(data)) {
        code =
            cli_usage_error(arguments->command, "--row is %zu: the table has %zu rows", row, merx_dataset_rows(data));
        goto out;
    }
    if (merx_model_explain(model, data, row - 1, -1, &explanation, &err) != MERX_OK)
        code = cli_fail(&err);
    else if (cli_has(arguments, "json"))
        code = cli_print_json(explanation_json(&explanation, row));
    else
        print_explanation(&explanation, row);
out:
    merx_explanation_release(&explanation);
    merx_dataset_free(data);
    merx_model_free(model);
    merx_task_free(task);
    return code;
}

static const cli_flag flags[] = {
    {"row", "N", "which row of the table, from 1 (default 1)"},
    {"separator", "CHAR", "of a CSV file (default: found)"},
    {"types", "A=TYPE,…", "declared column types"},
    {"missing", "WORDS", "further words that mean missing, separated by |"},
    {"max-refused", "N", "skip and count up to N bad rows (default 0)"},
    {NULL, NULL, NULL},
};

const cli_command cmd_explain = {
    .name = "explain",
    .usage = "MODEL TABLE [--row N]",
    .summary = "why one row got its prediction: contributions that add up to the score",
    .text = "The score is the base plus the sum of the contributions, exactly as the model computes it.",
    .examples = "merx explain visits.merx new-visits.csv --row 3\n",
    .flags = flags,
    .min_positional = 2,
    .max_positional = 2,
    .run = run,
};
