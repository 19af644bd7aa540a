/*
 * merx forget: erase a customer, with a receipt.
 */
#include "command.h"

static int run(cli_arguments *arguments)
{
    merx_task *task = NULL;
    merx_shop *shop = NULL;
    merx_receipt receipt = {0};
    merx_error err = {0};
    int code = cli_task(arguments, &task);
    if (code == 0)
        code = cli_open_shop(arguments, CLI_SHOP_WRITES, &shop);
    if (code == 0 && merx_shop_forget(shop, arguments->positional[0], task, &receipt, &err) != MERX_OK)
        code = cli_fail(&err);
    if (code == 0 && cli_has(arguments, "json")) {
        json_t *answers = json_object();
        for (size_t i = 0; i < receipt.answers; i++)
            json_object_set_new(answers, receipt.answer[i].answer, json_string(receipt.answer[i].how));
        code =
            cli_print_json(json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:f}", "customer", receipt.customer, "events",
                                     (json_int_t)receipt.events, "orders", (json_int_t)receipt.orders, "messages",
                                     (json_int_t)receipt.messages, "reviews", (json_int_t)receipt.reviews, "customers",
                                     (json_int_t)receipt.customers, "answers", answers, "seconds", receipt.seconds));
    } else if (code == 0) {
        printf("customer %s is forgotten (%.2f s)\n  erased: %llu events, %llu orders, %llu messages, %llu reviews, "
               "%llu customer records\n",
               receipt.customer, receipt.seconds, (unsigned long long)receipt.events,
               (unsigned long long)receipt.orders, (unsigned long long)receipt.messages,
               (unsigned long long)receipt.reviews, (unsigned long long)receipt.customers);
        for (size_t i = 0; i < receipt.answers; i++)
            printf("  %-10s %s\n", receipt.answer[i].answer, receipt.answer[i].how);
    }
    merx_receipt_release(&receipt);
    merx_shop_close(shop);
    merx_task_free(task);
    return code;
}

static const cli_flag flags[] = {{"shop", "DIR", "the shop's folder"}, {NULL, NULL, NULL}};

const cli_command cmd_forget = {
    .name = "forget",
    .usage = "CUSTOMER [--shop DIR]",
    .summary = "erase a customer from rows, files and models, with a receipt",
    .text = "What was learnt exactly is recomputed to the bytes of never having seen the customer; where that can't "
            "be, a retrain is queued (the next merx train does it) and the\n"
            "receipt says so. The same files imported again do not bring the customer back.",
    .examples = "merx forget 12347 --shop my-shop.merx\nmerx forget 12347 --json\n",
    .flags = flags,
    .min_positional = 1,
    .max_positional = 1,
    .run = run,
};
