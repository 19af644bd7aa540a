/*
 * Recommendations from a C program: opens a shop that `merx up` made, asks what a customer will buy next, prints each answer with its strongest reason.
 *
 *     cc recommend.c $(pkg-config --cflags --libs merx) -o recommend
 *     ./recommend merx-data/sample-shop C0000001
 */
#include <stdio.h>

#include <merx/shop.h>

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s SHOP_FOLDER CUSTOMER\n", argv[0]);
        return 2;
    }
    merx_error err = {0};
    merx_shop *shop = NULL;
    merx_options *question = NULL;
    merx_reply reply = {0};
    int code = 1;
    if (merx_shop_open(NULL, argv[1], &(merx_shop_options){.read_only = true}, &shop, &err) != MERX_OK ||
        merx_shop_question(shop, "recommend", &question, &err) != MERX_OK ||
        merx_options_set(question, "customer", argv[2], &err) != MERX_OK ||
        merx_options_set(question, "n", "5", &err) != MERX_OK ||
        merx_shop_ask(shop, "recommend", question, true, &reply, &err) != MERX_OK) {
        fprintf(stderr, "%s%s%s\n", err.where, err.where[0] ? ": " : "", err.message);
        goto out;
    }
    for (size_t i = 0; i < reply.items; i++) {
        const merx_item *item = &reply.item[i];
        printf("%-12s %-40s %.4f", item->id, item->title, item->score);
        if (item->reasons > 0)
            printf("  because %s (%+.4f)", item->reason[0].text, item->reason[0].contribution);
        putchar('\n');
    }
    code = 0;
out:
    merx_reply_release(&reply);
    merx_options_free(question);
    merx_shop_close(shop);
    return code;
}
