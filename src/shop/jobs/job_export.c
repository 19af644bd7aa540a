/*
 * Export: everything a shop holds, or what names some customers, as JSON lines {"kind": "product", "record": {…}}; streamed to a file of the job, of one state of the shop.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/run.h"
#include "io/file.h"
#include "io/stream.h"
#include "shop/import_parts.h"
#include "shop/jobs/job_state.h"

typedef struct export_out {
    mx_job_run *run;
    mx_records *records;
    mx_shop_settings settings;
    mx_dict *customers; /* NULL: everybody's, and what is nobody's */
    mx_sink *sink;
    mx_text line;
    uint64_t seen, rows, bytes;
    uint64_t of_kind[MX_RECORD_KINDS];
} export_out;

/* Things before what speaks of them. */
static const mx_record_kind kinds[] = {MX_PRODUCT, MX_CUSTOMER, MX_ORDER, MX_EVENT, MX_MESSAGE, MX_REVIEW};
enum { KINDS = sizeof kinds / sizeof *kinds, STEP = 1024 };

static mx_str customer_of(const mx_record *record)
{
    switch (record->kind) {
    case MX_EVENT:
        return record->event.customer;
    case MX_CUSTOMER:
        return record->customer.id;
    case MX_ORDER:
        return record->order.customer;
    case MX_MESSAGE:
        return record->message.customer;
    case MX_REVIEW:
        return record->review.customer;
    case MX_PRODUCT:
    case MX_SOURCE:
    case MX_SETTING:
    case MX_MODEL:
    case MX_RECORD_KINDS:
        break;
    }
    return (mx_str){"", 0};
}

static merx_status put_record(void *context, const mx_record *record, merx_error *err)
{
    export_out *out = context;
    if (++out->seen % STEP == 0)
        MX_TRY(mx_task_step(out->run->task, out->seen, err));
    if (out->customers && mx_dict_find(out->customers, customer_of(record)) < 0)
        return MERX_OK;
    json_t *json = mx_jobs_options_of(out->run->shop)->record_json(record, &out->settings);
    char *dump = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(json);
    mx_text_clear(&out->line);
    mx_text_printf(&out->line, "{\"kind\":\"%s\",\"record\":", mx_record_kind_name(record->kind));
    if (dump)
        mx_text_puts(&out->line, dump);
    mx_text_puts(&out->line, "}\n");
    merx_status status =
        dump ? mx_text_ok(&out->line, err) : mx_error_set(err, MERX_E_MEMORY, "", "no memory for a record");
    free(dump); /* allocated by jansson */
    if (status == MERX_OK)
        status = mx_sink_write(out->sink, out->line.data, out->line.size, err);
    out->rows++;
    out->bytes += out->line.size;
    out->of_kind[record->kind]++;
    return status;
}

static merx_status put_all(export_out *out, merx_error *err)
{
    uint64_t total = 0;
    uint64_t n;
    for (int i = 0; i < KINDS; i++) {
        MX_TRY(mx_records_count(out->records, kinds[i], &n, err));
        total += n;
    }
    mx_task_stage(out->run->task, "export", total, "records");
    for (int i = 0; i < KINDS; i++) {
        if (kinds[i] == MX_EVENT)
            MX_TRY(mx_records_scan_events(out->records, 0, MX_BY_OFFSET, put_record, out, err));
        else if (kinds[i] != MX_PRODUCT || !out->customers) /* a product is nobody's */
            MX_TRY(mx_records_scan(out->records, kinds[i], put_record, out, err));
    }
    mx_task_done(out->run->task);
    return MERX_OK;
}

/* In one read transaction: all of it is of one state of the shop. */
static merx_status put_state(export_out *out, merx_error *err)
{
    mx_arena arena;
    MX_TRY(mx_records_begin(out->records, err));
    mx_arena_init(&arena, NULL);
    merx_status status = mx_shop_settings_read(out->records, &arena, &out->settings, err);
    if (status == MERX_OK)
        status = put_all(out, err);
    mx_records_rollback(out->records);
    mx_arena_release(&arena);
    return status;
}

static merx_status take_customers(export_out *out, merx_error *err)
{
    const json_t *list = json_object_get(out->run->parameters, "customers");
    int32_t code;
    if (!list)
        return MERX_OK;
    MX_TRY(mx_dict_new(NULL, MX_JOB_CUSTOMERS_MAX, &out->customers, err));
    for (size_t i = 0; i < json_array_size(list); i++)
        MX_TRY(mx_dict_add(out->customers, mx_str_of(json_string_value(json_array_get(list, i))), &code, NULL, err));
    return MERX_OK;
}

/* How many erasures the shop knows. */
static merx_status count_erased(mx_records *records, size_t *n, merx_error *err)
{
    mx_erased erased = {0};
    MX_TRY(mx_erased_read(records, NULL, &erased, err));
    *n = erased.hashes ? mx_dict_count(erased.hashes) : 0;
    mx_erased_release(&erased);
    return MERX_OK;
}

static merx_status put_file(export_out *out, merx_shop *shop, const char *path, merx_error *err)
{
    size_t before;
    size_t after;
    MX_TRY(count_erased(shop->records, &before, err));
    MX_TRY(take_customers(out, err));
    MX_TRY(mx_sink_open(path, MX_PLAIN, NULL, &out->sink, err));
    out->records = shop->records;
    merx_status status = put_state(out, err);
    if (status != MERX_OK) {
        mx_sink_abandon(out->sink);
        return status;
    }
    MX_TRY(mx_sink_finish(out->sink, err));
    /* Who was erased meanwhile may be in it. Who is erased from here on takes the file with him. */
    status = count_erased(shop->records, &after, err);
    if (status == MERX_OK && after != before)
        status = mx_error_set(err, MERX_E_CHANGED, "", "a customer was erased while the export was written");
    if (status != MERX_OK)
        (void)unlink(path);
    return status;
}

merx_status mx_job_export(mx_job_run *run, merx_error *err)
{
    export_out out = {.run = run};
    merx_shop *shop = NULL;
    char path[4096];

    if (!mx_job_path(run->shop, run->entry->id, MX_JOB_EXPORT_FILE, path, sizeof path))
        MX_FAIL(err, MERX_E_LIMIT, run->shop->folder, "the path of the folder is too long");
    MX_TRY(merx_shop_open(NULL, run->shop->folder, &(merx_shop_options){.read_only = true}, &shop, err));
    mx_text_init(&out.line, NULL, 64u << 20);
    merx_status status = put_file(&out, shop, path, err);
    mx_text_release(&out.line);
    mx_dict_free(out.customers);
    merx_shop_close(shop);
    if (status != MERX_OK)
        return status;
    json_t *counts = json_object();
    for (int i = 0; i < KINDS; i++)
        json_object_set_new(counts, mx_record_kind_name(kinds[i]), json_integer((json_int_t)out.of_kind[kinds[i]]));
    json_object_set_new(run->result, "bytes", json_integer((json_int_t)out.bytes));
    json_object_set_new(run->result, "rows", json_integer((json_int_t)out.rows));
    json_object_set_new(run->result, "kinds", counts);
    mx_job_say(run, "%llu rows, %llu bytes written; the file is there for %d hours", (unsigned long long)out.rows,
               (unsigned long long)out.bytes, MX_JOB_FILE_HOURS);
    return MERX_OK;
}
