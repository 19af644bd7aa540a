/*
 * merx up: the whole job: import, train with evaluation, report.
 */
#include <string.h>

#include "shop_steps.h"

static int run(cli_arguments *arguments)
{
    merx_task *task = NULL;
    merx_shop *shop = NULL;
    int code = cli_task(arguments, &task);
    if (code == 0)
        code = cli_check_path(arguments->positional[0]);
    if (code == 0)
        code = cli_open_shop(arguments, CLI_SHOP_MAKES, &shop);
    json_t *import = NULL;
    json_t *training = NULL;
    json_t *report = NULL;
    bool json = cli_has(arguments, "json");
    /* Progress lines go to stderr: a second call on unchanged data prints the same report. */
    if (code == 0) {
        cli_note(arguments, "import: reading %s", arguments->positional[0]);
        code = step_import(arguments, shop, arguments->positional[0], task, stderr,
                           json || cli_has(arguments, "quiet") ? &import : NULL);
    }
    if (code == 0) {
        cli_note(arguments, "train: learning what the data shows, tested on the last weeks");
        code = step_train(arguments, shop, NULL, task, stderr, json || cli_has(arguments, "quiet") ? &training : NULL);
    }
    if (code == 0) {
        char html[4096];
        int length = snprintf(html, sizeof html, "%s/report.html", merx_shop_folder(shop));
        if (length < 0 || (size_t)length >= sizeof html)
            code = cli_usage_error(arguments->command, "the shop's path is too long");
        else
            code = step_report(arguments, shop, html, task, json ? &report : NULL);
        if (code == 0)
            cli_note(arguments, "report: %s", html);
    }
    if (code == 0 && json) {
        code = cli_print_json(json_pack("{s:O, s:O, s:O}", "import", import, "training", training, "report", report));
    }
    json_decref(import);
    json_decref(training);
    json_decref(report);
    if (code == 0)
        merx_shop_close(shop);
    else
        merx_shop_abandon(shop); /* nothing half-made stays */
    merx_task_free(task);
    return code;
}

static const cli_flag flags[] = {
    {"shop", "DIR", "the shop's folder: database, models, report (made when absent)"},
    {"records", "ADDRESS",
     "of a new shop: where its records are, such as postgresql://merx@db.example/shops?schema=tea (kept in its folder; "
     "default: shop.db there)"},
    {"mapping", "FILE", "what the columns mean (default: shop.json in the folder, else recognised by their names)"},
    {"replace", NULL, "a file whose imported rows were changed replaces what came from it"},
    {"max-refused", "N", "stop at a file with more than N bad rows (default: list them and go on)"},
    {"force", NULL, "deploy also models that are not better than their baselines"},
    {"again", NULL, "train also what is up to date"},
    {"language", "LANG", "of the report: en or zh"},
    {NULL, NULL, NULL},
};

const cli_command cmd_up = {
    .name = "up",
    .usage = "FOLDER --shop DIR",
    .summary = "the whole job: import a shop's export, train, evaluate, report",
    .text = "Imports what is new in FOLDER, trains and evaluates every answer whose data, options or code changed, and "
            "writes the report\n"
            "(text on standard output, report.html in the shop's folder). On unchanged input nothing is done twice and "
            "the same report is printed.",
    .examples = "merx up exports/ --shop my-shop.merx\nmerx up exports/ --shop my-shop.merx --max-memory 256M --json\n",
    .flags = flags,
    .min_positional = 1,
    .max_positional = 1,
    .open = CLI_OPEN_TRAINING,
    .run = run,
};
