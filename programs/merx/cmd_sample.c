/*
 * merx sample: a generated shop's export.
 */
#include <errno.h>
#include <stdlib.h>

#include "command.h"

static int count_flag(const cli_arguments *arguments, const char *flag, unsigned long long most, uint64_t *out)
{
    const char *value = cli_value(arguments, flag);
    if (!value)
        return 0;
    char *end;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || errno || number < 1 || number > most)
        return cli_usage_error(arguments->command, "--%s is \"%s\": expected a whole number from 1 to %llu", flag,
                               value, most);
    *out = number;
    return 0;
}

static int run(cli_arguments *arguments)
{
    merx_sample_options options = {0};
    merx_task *task = NULL;
    merx_error err = {0};
    int code = count_flag(arguments, "products", 10000000, &options.products);
    if (code == 0)
        code = count_flag(arguments, "customers", 100000000, &options.customers);
    if (code == 0)
        code = count_flag(arguments, "events", 1000000000, &options.events);
    if (code == 0)
        code = cli_task(arguments, &task);
    if (code == 0) {
        options.seed = merx_task_seed(task);
        if (merx_sample_write(arguments->positional[0], &options, task, &err) != MERX_OK)
            code = cli_fail(&err);
    }
    if (code == 0 && cli_has(arguments, "json"))
        code = cli_print_json(json_pack("{s:s, s:s+}", "folder", arguments->positional[0], "truth",
                                        arguments->positional[0], ".truth.json"));
    else if (code == 0)
        printf("a sample shop is in %s; what is true of it in %s.truth.json\n", arguments->positional[0],
               arguments->positional[0]);
    merx_task_free(task);
    return code;
}

static const cli_flag flags[] = {
    {"products", "N", "products (default 500)"},
    {"customers", "N", "customers (default 2000)"},
    {"events", "N", "order lines, about (default 60000)"},
    {NULL, NULL, NULL},
};

const cli_command cmd_sample = {
    .name = "sample",
    .usage = "FOLDER [--products N] [--customers N] [--events N] [--seed N]",
    .summary = "write a generated shop's export, with planted tastes, seasons, prices, bundles, segments",
    .text = "The same numbers and seed write the same files. Beside the folder, FOLDER.truth.json says what was "
            "planted and the best score each answer can reach; import never reads it.",
    .examples =
        "merx sample my-shop\nmerx sample big-shop --products 100000 --customers 1000000 --events 10000000 --seed 7\n",
    .flags = flags,
    .min_positional = 1,
    .max_positional = 1,
    .run = run,
};
