/*
 * merx report: the report as text and as one page.
 */
#include <stdio.h>

#include "shop_steps.h"

static int run(cli_arguments *arguments)
{
    merx_task *task = NULL;
    merx_shop *shop = NULL;
    json_t *json = NULL;
    int code = cli_task(arguments, &task);
    if (code == 0)
        code = cli_open_shop(arguments, CLI_SHOP_READS, &shop);
    char html[4096];
    if (code == 0) {
        const char *path = cli_value(arguments, "html");
        int length = path ? snprintf(html, sizeof html, "%s", path)
                          : snprintf(html, sizeof html, "%s/report.html", merx_shop_folder(shop));
        if (length < 0 || (size_t)length >= sizeof html)
            code = cli_usage_error(arguments->command, "the path is too long");
    }
    if (code == 0)
        code = step_report(arguments, shop, html, task, cli_has(arguments, "json") ? &json : NULL);
    if (code == 0 && json)
        code = cli_print_json(json);
    if (code == 0)
        cli_note(arguments, "report: %s", html);
    merx_shop_close(shop);
    merx_task_free(task);
    return code;
}

static const cli_flag flags[] = {
    {"shop", "DIR", "the shop's folder"},
    {"html", "FILE", "where the page goes (default: report.html in the shop's folder)"},
    {"language", "LANG", "en or zh"},
    {NULL, NULL, NULL},
};

const cli_command cmd_report = {
    .name = "report",
    .usage = "[--shop DIR] [--html FILE] [--language en|zh]",
    .summary = "what the shop's data shows: text here, and one self-contained page with plots",
    .text = "The report is a function of the shop's data and live models alone: the same state prints the same report.",
    .examples = "merx report --shop my-shop.merx\nmerx report --html /tmp/report.html --language zh\n",
    .flags = flags,
    .run = run,
};
