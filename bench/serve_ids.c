/*
 * The ids of a store's events, one a line, in the order of offsets: what a figure compares with what a server acknowledged.
 *
 *   bench_serve_ids ADDRESS      a path of shop.db or an address as mx_records_open takes it
 */
#include <stdio.h>

#include "store/records.h"

static merx_status print_id(void *context, const mx_record *record, merx_error *err)
{
    (void)context, (void)err;
    if (record->event.id.size > 0)
        printf("%.*s\n", (int)record->event.id.size, record->event.id.data);
    return MERX_OK;
}

int main(int argc, char **argv)
{
    merx_error err = {0};
    mx_records *records = NULL;
    if (argc != 2) {
        fprintf(stderr, "usage: %s ADDRESS\n", argv[0]);
        return 2;
    }
    merx_status status = mx_records_open(argv[1], &(mx_records_options){0}, NULL, &records, &err);
    if (status == MERX_OK)
        status = mx_records_scan_events(records, 0, MX_BY_OFFSET, print_id, NULL, &err);
    if (status != MERX_OK)
        fprintf(stderr, "bench: %s: %s: %s\n", merx_status_name(status), err.where, err.message);
    mx_records_close(records);
    return status == MERX_OK ? 0 : 1;
}
