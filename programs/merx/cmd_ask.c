/*
 * merx ask: a question to an answer.
 */
#include <string.h>

#include "command.h"

static int run(cli_arguments *arguments)
{
    const char *answer = arguments->positional[0];
    bool json = cli_has(arguments, "json");
    merx_shop *shop = NULL;
    merx_options *question = NULL;
    merx_reply reply = {0};
    merx_error err = {0};
    char *text = NULL;
    int code = cli_open_shop(arguments, CLI_SHOP_READS, &shop);
    if (code)
        return code;
    code = cli_check_answer(arguments, answer);
    if (code)
        goto out;
    if (merx_shop_question(shop, answer, &question, &err) != MERX_OK) {
        code = cli_fail(&err);
        goto out;
    }
    for (int i = 0; i < arguments->n_settings; i++)
        if (merx_options_set(question, arguments->settings[i].name, arguments->settings[i].value, &err) != MERX_OK) {
            code = cli_usage_failure(arguments->command, &err);
            goto out;
        }
    if (merx_shop_ask(shop, answer, question, cli_has(arguments, "why"), &reply, &err) != MERX_OK ||
        (json ? merx_reply_json(&reply, &text, &err)
              : merx_reply_table(&reply, cli_columns(), cli_colour(stdout), &text, &err)) != MERX_OK) {
        code = cli_fail(&err);
        goto out;
    }
    if (json)
        code = cli_print_json(cli_json_parse(text));
    else
        fputs(text, stdout);
out:
    merx_text_free(text);
    merx_reply_release(&reply);
    merx_options_free(question);
    merx_shop_close(shop);
    return code;
}

static const cli_flag flags[] = {
    {"shop", "DIR", "the shop's folder"},
    {"why", NULL, "with the reasons: contributions that add up to each score"},
    {NULL, NULL, NULL},
};

const cli_command cmd_ask = {
    .name = "ask",
    .usage = "ANSWER [--shop DIR] [--why] [--OPTION VALUE …]",
    .summary = "ask: recommend, next, segment, demand, insight, similar, classify",
    .text =
        "Answers from the live model and the newest events. Each reply says which model and which event it has seen.",
    .examples = "merx ask recommend --customer 12347 --why\nmerx ask segment\nmerx ask demand --product 85123A "
                "--json\nmerx ask insight\n",
    .flags = flags,
    .min_positional = 1,
    .max_positional = 1,
    .open = CLI_OPEN_QUESTION,
    .run = run,
};
