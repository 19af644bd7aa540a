/*
 * merx models: the families of this build; with a shop, its trained versions.
 */
#include <string.h>

#include "command.h"

static int print_families(bool json)
{
    json_t *list = json ? json_array() : NULL;
    for (size_t i = 0; merx_family_at(i); i++) {
        const merx_family_info *info = merx_family_at(i);
        if (json) {
            json_t *options = json_array();
            for (const merx_option *option = info->options; option && option->name; option++)
                json_array_append_new(options, json_pack("{s:s, s:o, s:s}", "name", option->name, "default",
                                                         cli_json_or_null(option->value), "text", option->text));
            json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", info->name, "title", info->title,
                                                  "text", info->text, "formula", info->formula, "options", options));
            continue;
        }
        printf("%s%-10s%s %s\n           %s\n", cli_bold(stdout), info->name, cli_plain(stdout), info->title,
               info->formula);
    }
    return json ? cli_print_json(list) : 0;
}

static void print_version(const merx_model_version *version)
{
    char when[24];
    cli_format_time(version->created_ms, when);
    printf("%-10s %4lld  %s  %8.1f kB  %s%s%s", version->answer, (long long)version->version, when,
           (double)version->size_bytes / 1e3, version->live ? cli_green(stdout) : "", version->live ? "live" : "    ",
           version->live ? cli_plain(stdout) : "");
    if (version->evaluation.figures) {
        const merx_figure *figure = &version->evaluation.figure[0];
        printf("  %s %.4g [%.4g, %.4g]", figure->name, figure->value, figure->low, figure->high);
        if (figure->baseline_name[0])
            printf(", %s %.4g", figure->baseline_name, figure->baseline);
    }
    putchar('\n');
}

static json_t *version_json(const merx_model_version *version)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:b, s:I, s:s, s:o}", "answer", version->answer, "version",
                     (json_int_t)version->version, "created_ms", (json_int_t)version->created_ms, "data_offset",
                     (json_int_t)version->data_offset, "live", (int)version->live, "size_bytes",
                     (json_int_t)version->size_bytes, "sha256", version->sha256, "evaluation",
                     cli_evaluation_json(&version->evaluation));
}

/* What comparisons of two shops look at: SHA-256 of the records and the snapshot, and of these with the live models. */
static int print_digest(merx_shop *shop, bool json)
{
    merx_error err = {0};
    char records[65];
    char all[65];
    if (merx_shop_digest(shop, false, records, &err) != MERX_OK || merx_shop_digest(shop, true, all, &err) != MERX_OK)
        return cli_fail(&err);
    if (json)
        return cli_print_json(json_pack("{s:s, s:s}", "records", records, "all", all));
    printf("records %s\nall     %s\n", records, all);
    return 0;
}

static int run(cli_arguments *arguments)
{
    bool json = cli_has(arguments, "json");
    if (!cli_has(arguments, "shop"))
        return print_families(json);
    merx_shop *shop = NULL;
    merx_model_versions versions = {0};
    merx_error err = {0};
    int code = cli_open_shop(arguments, CLI_SHOP_ONLY_READS, &shop);
    if (code)
        return code;
    if (cli_has(arguments, "digest")) {
        code = print_digest(shop, json);
    } else if (merx_shop_versions(shop, &versions, &err) != MERX_OK) {
        code = cli_fail(&err);
    } else if (json) {
        json_t *list = json_array();
        for (size_t i = 0; i < versions.count; i++)
            json_array_append_new(list, version_json(&versions.version[i]));
        code = cli_print_json(list);
    } else {
        if (versions.count == 0)
            puts("no trained versions yet: merx train");
        for (size_t i = 0; i < versions.count; i++)
            print_version(&versions.version[i]);
    }
    merx_model_versions_release(&versions);
    merx_shop_close(shop);
    return code;
}

static const cli_flag flags[] = {
    {"shop", "DIR", "list this shop's trained versions"},
    {"digest", NULL, "print SHA-256 sums of the shop's records and of its whole state, to compare two shops"},
    {NULL, NULL, NULL},
};

const cli_command cmd_models = {
    .name = "models",
    .usage = "[--shop DIR]",
    .summary = "families of models; with a shop, its trained versions, figures, which is live",
    .text = "Without --shop: what merx fit can fit. With --shop: every trained version with its measured quality "
            "beside the baseline.",
    .examples = "merx models\nmerx models --shop my-shop.merx --json\n",
    .flags = flags,
    .run = run,
};
