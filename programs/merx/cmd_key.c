/*
 * merx key: the keys that clients of merx serve send.
 */
#include <string.h>

#include "command.h"

#ifdef MERX_HAVE_SERVER
#include "merx/server.h"

static int create(const cli_arguments *arguments, merx_shop *shop)
{
    merx_error err = {0};
    merx_role role;
    char text[MERX_KEY_TEXT_SIZE];
    const char *name = cli_value(arguments, "name");
    if (merx_role_parse(cli_value(arguments, "role"), &role, &err) != MERX_OK)
        return cli_usage_error(arguments->command, "--role: %s", err.message);
    if (merx_key_create(shop, role, name, text, &err) != MERX_OK)
        return cli_fail(&err);
    if (cli_has(arguments, "json"))
        return cli_print_json(
            json_pack("{s:s, s:s, s:s}", "key", text, "role", merx_role_name(role), "name", name ? name : ""));
    printf("%s\n", text);
    cli_note(arguments, "a %s key; it is shown this once: clients send it as \"Authorization: Bearer KEY\"",
             merx_role_name(role));
    return 0;
}

static int list(const cli_arguments *arguments, merx_shop *shop)
{
    merx_error err = {0};
    merx_keys keys;
    if (merx_key_list(shop, &keys, &err) != MERX_OK)
        return cli_fail(&err);
    int code = 0;
    json_t *json = json_array();
    for (size_t i = 0; i < keys.count; i++) {
        const merx_key *key = &keys.key[i];
        char time[24];
        cli_format_time(key->created_ms, time);
        json_array_append_new(json, json_pack("{s:s, s:s, s:s, s:I}", "id", key->id, "role", merx_role_name(key->role),
                                              "name", key->name, "created_ms", (json_int_t)key->created_ms));
        if (!cli_has(arguments, "json"))
            printf("%s  %-6s  %s  %s\n", key->id, merx_role_name(key->role), time, key->name);
    }
    if (cli_has(arguments, "json"))
        code = cli_print_json(json_incref(json));
    else if (keys.count == 0)
        cli_note(arguments, "the shop has no key; merx key create makes one");
    json_decref(json);
    merx_keys_release(&keys);
    return code;
}

static int revoke(const cli_arguments *arguments, merx_shop *shop)
{
    merx_error err = {0};
    const char *id = arguments->positional[2];
    if (merx_key_revoke(shop, id, &err) != MERX_OK)
        return cli_fail(&err);
    if (cli_has(arguments, "json"))
        return cli_print_json(json_pack("{s:s}", "revoked", id));
    printf("key %s is revoked\n", id);
    return 0;
}

static int run(cli_arguments *arguments)
{
    const char *verb = arguments->positional[0];
    bool creates = strcmp(verb, "create") == 0;
    bool lists = strcmp(verb, "list") == 0;
    bool revokes = strcmp(verb, "revoke") == 0;
    if (!creates && !lists && !revokes)
        return cli_usage_error(arguments->command, "\"%s\" is none of create, list, revoke", verb);
    if (arguments->n_positional != (revokes ? 3 : 2))
        return cli_usage_error(arguments->command, "%s needs %s", verb, revokes ? "a shop and a key's id" : "a shop");
    if (creates && !cli_has(arguments, "role"))
        return cli_usage_error(arguments->command, "create needs --role reader, writer or admin");
    merx_shop *shop = NULL;
    merx_error err = {0};
    if (merx_shop_open(NULL, arguments->positional[1], &(merx_shop_options){.read_only = lists}, &shop, &err) !=
        MERX_OK)
        return cli_fail(&err);
    int code = creates ? create(arguments, shop) : lists ? list(arguments, shop) : revoke(arguments, shop);
    merx_shop_close(shop);
    return code;
}
#else
static int run(cli_arguments *arguments)
{
    (void)arguments;
    return cli_no_server();
}
#endif

static const cli_flag flags[] = {
    {"role", "ROLE", "reader (answers, products), writer (also events, customers, erasing) or admin (also metrics)"},
    {"name", "NAME", "for whom: what list shows beside it"},
    {NULL, NULL, NULL},
};

const cli_command cmd_key = {
    .name = "key",
    .usage = "create SHOP --role ROLE [--name NAME] | list SHOP | revoke SHOP ID",
    .summary = "keys of a shop for merx serve: create, list, revoke",
    .text = "A key belongs to one shop and selects it. The shop keeps a hash of it alone: it is shown once, when it is "
            "made.\n"
            "A running server takes a new key, and refuses a revoked one, within a second.",
    .examples = "merx key create my-shop.merx --role reader --name website\nmerx key list my-shop.merx\nmerx key "
                "revoke my-shop.merx "
                "3f9a01c27be4\n",
    .flags = flags,
    .min_positional = 1,
    .max_positional = 3,
    .run = run,
};
