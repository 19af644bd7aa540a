/*
 * merx evaluate: what an answer is worth on later data.
 */
#include <stdlib.h>
#include <string.h>

#include "command.h"

/* "2011-11-01" to ms since 1970; false when it is no such date. */
static bool parse_day(const char *text, int64_t *ms)
{
    int year;
    int month;
    int day;
    char rest;
    if (sscanf(text, "%4d-%2d-%2d%c", &year, &month, &day, &rest) != 3 || year < 1970 || year > 9999 || month < 1 ||
        month > 12 || day < 1 || day > 31)
        return false;
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    *ms = (era * 146097 + day_of_era - 719468) * 86400000;
    return true;
}

static int evaluate_one(const cli_arguments *arguments, merx_shop *shop, const char *answer, int64_t split_ms,
                        merx_task *task, json_t *all)
{
    merx_evaluation evaluation = {0};
    merx_error err = {0};
    if (merx_shop_evaluate(shop, answer, split_ms, cli_value(arguments, "truth"), task, &evaluation, &err) != MERX_OK)
        return cli_fail(&err);
    if (all) {
        json_object_set_new(all, answer, cli_evaluation_json(&evaluation));
        return 0;
    }
    char *text = NULL;
    if (merx_evaluation_table(&evaluation, cli_columns(), cli_colour(stdout), &text, &err) != MERX_OK)
        return cli_fail(&err);
    printf("%s%s%s\n", cli_bold(stdout), answer, cli_plain(stdout));
    cli_print_text(text);
    return 0;
}

static int run(cli_arguments *arguments)
{
    int64_t split_ms = 0;
    const char *from = cli_value(arguments, "test-from");
    if (from && !parse_day(from, &split_ms))
        return cli_usage_error(arguments->command, "--test-from is \"%s\": expected a day like 2011-11-01", from);
    merx_task *task = NULL;
    merx_shop *shop = NULL;
    int code = cli_task(arguments, &task);
    if (code == 0)
        code = cli_open_shop(arguments, CLI_SHOP_READS, &shop);
    if (code == 0 && arguments->n_positional)
        code = cli_check_answer(arguments, arguments->positional[0]);
    json_t *all = cli_has(arguments, "json") ? json_object() : NULL;
    if (code == 0 && arguments->n_positional) {
        code = evaluate_one(arguments, shop, arguments->positional[0], split_ms, task, all);
    } else if (code == 0) {
        for (size_t i = 0; merx_answer_at(i) && code == 0; i++)
            if (merx_answer_at(i)->learns)
                code = evaluate_one(arguments, shop, merx_answer_at(i)->name, split_ms, task, all);
    }
    if (code == 0 && all)
        code = cli_print_json(all);
    else
        json_decref(all);
    merx_shop_close(shop);
    merx_task_free(task);
    return code;
}

static const cli_flag flags[] = {
    {"shop", "DIR", "the shop's folder"},
    {"test-from", "DAY", "learn before this day, test from it on (default: the month that leaves four weeks)"},
    {"truth", "FILE", "a sample shop's truth file: prints the best reachable score beside each"},
    {NULL, NULL, NULL},
};

const cli_command cmd_evaluate = {
    .name = "evaluate",
    .usage = "[ANSWER] [--shop DIR] [--test-from DAY] [--truth FILE]",
    .summary = "measure an answer on later data, beside naive baselines, with 95 % intervals",
    .text =
        "Trains on events before the split and tests on those after it, against the full catalogue. Stores nothing.",
    .examples = "merx evaluate recommend --test-from 2011-11-01\nmerx evaluate --shop my-shop.merx --truth "
                "my-shop.truth.json --json\n",
    .flags = flags,
    .max_positional = 1,
    .run = run,
};
