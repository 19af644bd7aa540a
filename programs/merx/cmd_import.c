/*
 * merx import: files of a shop into its store.
 */
#include "shop_steps.h"

static int run(cli_arguments *arguments)
{
    merx_task *task = NULL;
    merx_shop *shop = NULL;
    json_t *json = NULL;
    int code = cli_task(arguments, &task);
    if (code == 0)
        code = cli_check_path(arguments->positional[0]);
    if (code == 0)
        code = cli_open_shop(arguments, CLI_SHOP_MAKES, &shop);
    if (code == 0)
        code = step_import(arguments, shop, arguments->positional[0], task, stdout,
                           cli_has(arguments, "json") ? &json : NULL);
    if (code == 0 && json)
        code = cli_print_json(json);
    if (code == 0)
        merx_shop_close(shop);
    else
        merx_shop_abandon(shop); /* nothing half-made stays */
    merx_task_free(task);
    return code;
}

static const cli_flag flags[] = {
    {"shop", "DIR", "the shop's folder (made when absent)"},
    {"records", "ADDRESS",
     "of a new shop: where its records are, such as postgresql://merx@db.example/shops?schema=tea (kept in its folder; "
     "default: shop.db there)"},
    {"mapping", "FILE", "what the columns mean (default: shop.json in the folder, else recognised by their names)"},
    {"replace", NULL, "a file whose imported rows were changed replaces what came from it"},
    {"max-refused", "N", "stop at a file with more than N bad rows (default: list them and go on)"},
    {NULL, NULL, NULL},
};

const cli_command cmd_import = {
    .name = "import",
    .usage = "FOLDER|FILE --shop DIR",
    .summary = "import products, customers, events, orders, messages, reviews, pictures",
    .text = "Reads CSV and JSON-lines files (also .gz, .zst). What a file holds is recognised by its columns, or said "
            "in shop.json. Each file is taken whole or\n"
            "not at all; a row that can't be understood is refused, counted and listed with its line. Importing the "
            "same file again adds nothing; a file that grew adds its new rows. Pictures of products are taken from "
            "pictures/ID.jpg, pictures/ID/NAME.jpg, pictures.tar (.gz, .zst),\n"
            "or from paths in the image column of products.",
    .examples =
        "merx import exports/ --shop my-shop.merx\nmerx import orders.csv.gz --shop my-shop.merx --json\nmerx import "
        "exports/ --shop tea.merx --records 'postgresql://merx@db.example/shops?schema=tea'\n",
    .flags = flags,
    .min_positional = 1,
    .max_positional = 1,
    .run = run,
};
