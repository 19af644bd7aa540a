/*
 * The whole of a store of records as one text, for comparing states, and events with few words.
 */
#ifndef TESTS_RECORDS_DUMP_H
#define TESTS_RECORDS_DUMP_H

#include "store/fields.h"
#include "store/records.h"
#include "support/check.h"

#define DUMP_MAX ((size_t)256 << 20)

CHECK_UNUSED static void dump_record(mx_text *text, const mx_record *record, bool offsets)
{
    const mx_fields *fields = mx_record_fields(record->kind);
    int64_t value;

    mx_text_puts(text, mx_record_kind_name(record->kind));
    if (record->kind == MX_EVENT && offsets)
        mx_text_printf(text, " #%lld", (long long)record->event.offset);
    for (size_t i = 0; i < fields->count; i++) {
        const mx_field *field = &fields->fields[i];
        mx_text_printf(text, " %s=", field->name);
        if (field->type == MX_FIELD_TEXT) {
            mx_text_puts(text, "\"");
            mx_text_json(text, *mx_field_text_of(field, record));
            mx_text_puts(text, "\"");
        } else if (field->type == MX_FIELD_REAL)
            mx_text_printf(text, "%.17g", mx_field_real(field, record));
        else if (mx_field_int(field, record, &value))
            mx_text_printf(text, "%lld", (long long)value);
        else
            mx_text_puts(text, "none");
    }
    mx_text_puts(text, "\n");
}

typedef struct dump {
    mx_text text;
    bool offsets;
} dump;

CHECK_UNUSED static merx_status dump_one(void *context, const mx_record *record, merx_error *err)
{
    dump *d = context;
    dump_record(&d->text, record, d->offsets);
    return mx_text_ok(&d->text, err);
}

CHECK_UNUSED static char *dump_take(mx_text *text)
{
    char *out = strdup(text->data);
    assert_non_null(out);
    mx_text_release(text);
    return out;
}

/* Every record of the store: events by offset (with offsets if asked for), the other kinds, and events again by time. free() it. */
CHECK_UNUSED static char *dump_store(mx_records *records, bool offsets)
{
    merx_error err = {0};
    dump d = {.offsets = offsets};

    mx_text_init(&d.text, NULL, DUMP_MAX);
    for (int kind = 0; kind < MX_RECORD_KINDS; kind++)
        check_ok(mx_records_scan(records, (mx_record_kind)kind, dump_one, &d, &err), err);
    mx_text_puts(&d.text, "by time\n");
    check_ok(mx_records_scan_events(records, 0, MX_BY_TIME, dump_one, &d, &err), err);
    return dump_take(&d.text);
}

/* Takes and frees both. */
CHECK_UNUSED static void same_dump(char *got, char *want)
{
    if (strcmp(got, want) != 0)
        check_die(__FILE__, __LINE__, "the store holds\n%.3000s\nnot\n%.3000s", got, want);
    free(got);
    free(want);
}

CHECK_UNUSED static mx_event event_of(const char *id, const char *source, uint64_t row, int64_t time_ms,
                                      const char *customer, const char *product, const char *order)
{
    return (mx_event){.id = mx_str_of(id),
                      .source = mx_str_of(source),
                      .row = row,
                      .time_ms = time_ms,
                      .kind = MX_EVENT_PURCHASE,
                      .customer = mx_str_of(customer),
                      .product = mx_str_of(product),
                      .order = mx_str_of(order),
                      .quantity = 1,
                      .price_minor = 250,
                      .has_price = true,
                      .title = mx_str_of(product),
                      .country = MX_STR("France")};
}

#endif
