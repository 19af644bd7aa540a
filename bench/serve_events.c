/*
 * The events of a store, one a line, in the order of offsets: what a figure compares with what a server acknowledged, or gives to another server.
 *
 *   bench_serve_events ADDRESS      a path of shop.db, or an address as mx_records_open takes it
 *
 * Columns, separated by tabs: id (empty: named by source and row), customer, product, kind, time in ms since 1970.
 */
#include <inttypes.h>
#include <stdio.h>

#include "store/records.h"

static merx_status print_event(void *context, const mx_record *record, merx_error *err)
{
    const mx_event *e = &record->event;
    (void)context, (void)err;
    printf("%.*s\t%.*s\t%.*s\t%s\t%" PRId64 "\n", (int)e->id.size, e->id.data ? e->id.data : "", (int)e->customer.size,
           e->customer.data ? e->customer.data : "", (int)e->product.size, e->product.data ? e->product.data : "",
           mx_event_kind_name(e->kind), e->time_ms);
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
        status = mx_records_scan_events(records, 0, MX_BY_OFFSET, print_event, NULL, &err);
    if (status != MERX_OK)
        fprintf(stderr, "bench: %s: %s: %s\n", merx_status_name(status), err.where, err.message);
    mx_records_close(records);
    return status == MERX_OK ? 0 : 1;
}
