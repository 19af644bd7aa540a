/*
 * merx train: learn one answer or all.
 */
#include "shop_steps.h"

static int run(cli_arguments *arguments)
{
    const char *answer = arguments->n_positional ? arguments->positional[0] : NULL;
    merx_task *task = NULL;
    merx_shop *shop = NULL;
    json_t *json = NULL;
    int code = cli_task(arguments, &task);
    if (code == 0)
        code = cli_open_shop(arguments, CLI_SHOP_WRITES, &shop);
    if (code == 0 && answer)
        code = cli_check_answer(arguments, answer);
    if (code == 0)
        code = step_train(arguments, shop, answer, task, stdout, cli_has(arguments, "json") ? &json : NULL);
    if (code == 0 && json)
        code = cli_print_json(json);
    merx_shop_close(shop);
    merx_task_free(task);
    return code;
}

static const cli_flag flags[] = {
    {"shop", "DIR", "the shop's folder"},
    {"force", NULL, "deploy also a model that is not better than its baseline"},
    {"again", NULL, "train also what is up to date"},
    {NULL, NULL, NULL},
};

const cli_command cmd_train = {
    .name = "train",
    .usage = "[ANSWER] [--shop DIR] [--OPTION VALUE …]",
    .summary = "learn an answer (or all), evaluate it by time, deploy it if it is better than its baseline",
    .text = "Trains on everything, after measuring on the last weeks what training on the weeks before would have been "
            "worth. A model that is not better than its naive\n"
            "baseline is kept but not deployed, unless --force. Up-to-date answers are left alone. Options of an "
            "answer are written --ANSWER.OPTION, or --OPTION when one answer is named.",
    .examples = "merx train --shop my-shop.merx\nmerx train recommend --factors 32 --again\n",
    .flags = flags,
    .max_positional = 1,
    .open = CLI_OPEN_TRAINING,
    .run = run,
};
