/*
 * merx_sample_write: a generated shop's export, and the truth about it beside the folder.
 */
#include "shop/sample/sample.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/file.h"

/* Rows of text into a file, flushed now and then. */
typedef struct row_writer {
    mx_sink *sink;
    mx_text text;
} row_writer;

static merx_status writer_open(row_writer *writer, mx_arena *arena, const char *folder, const char *name,
                               const char *header, const merx_allocator *alloc, merx_error *err)
{
    *writer = (row_writer){0};
    mx_text_init(&writer->text, alloc, 1 << 22);
    const char *path = mx_path_join(arena, folder, name, err);
    if (!path)
        return MERX_E_MEMORY;
    MX_TRY(mx_sink_open(path, mx_compression_of_name(path), alloc, &writer->sink, err));
    mx_text_puts(&writer->text, header);
    return MERX_OK;
}

static merx_status writer_flush(row_writer *writer, size_t keep, merx_error *err)
{
    if (writer->text.size <= keep)
        return MERX_OK;
    MX_TRY(mx_text_ok(&writer->text, err));
    MX_TRY(mx_sink_write(writer->sink, writer->text.data, writer->text.size, err));
    mx_text_clear(&writer->text);
    return MERX_OK;
}

static merx_status writer_finish(row_writer *writer, merx_error *err)
{
    MX_TRY(writer_flush(writer, 0, err));
    mx_sink *sink = writer->sink;
    writer->sink = NULL;
    return mx_sink_finish(sink, err);
}

static void writer_release(row_writer *writer)
{
    if (writer->sink)
        mx_sink_abandon(writer->sink);
    mx_text_release(&writer->text);
}

static merx_status write_products(const sample_plan *plan, mx_arena *arena, const char *folder, merx_task *task,
                                  merx_error *err)
{
    merx_status status = MERX_OK;
    row_writer writer;
    mx_task_stage(task, "products", plan->n_products, "products");
    MX_TRY_GOTO(writer_open(&writer, arena, folder, "products.csv", "product_id,title,category,brand,price,image\n",
                            plan->alloc, err));
    for (size_t p = 0; p < plan->n_products; p++) {
        char title[160];
        sample_product_title(plan, p, title);
        int64_t price = plan->product[p].price_minor;
        mx_text_printf(&writer.text, "P%07zu,%s,%s,%s,%" PRId64 ".%02" PRId64 ",pictures/P%07zu.png\n", p + 1, title,
                       sample_category_name(plan->product[p].category), sample_brand(plan, p), price / 100, price % 100,
                       p + 1);
        MX_TRY_GOTO(writer_flush(&writer, 1 << 16, err));
        if (p % 4096 == 0)
            MX_TRY_GOTO(mx_task_step(task, p, err));
    }
    status = writer_finish(&writer, err);
    mx_task_done(task);
out:
    writer_release(&writer);
    return status;
}

static merx_status write_customers(const sample_plan *plan, mx_arena *arena, const char *folder, merx_task *task,
                                   merx_error *err)
{
    merx_status status = MERX_OK;
    row_writer writer;
    mx_task_stage(task, "customers", plan->n_customers, "customers");
    MX_TRY_GOTO(
        writer_open(&writer, arena, folder, "customers.csv", "customer_id,name,country,created\n", plan->alloc, err));
    for (size_t c = 0; c < plan->n_customers; c++) {
        char name[160];
        char created[32];
        sample_customer_name(plan, c, name);
        mx_format_date(plan->start_ms + plan->customer[c].first_week * SAMPLE_WEEK_MS, false, created);
        mx_text_printf(&writer.text, "C%07zu,%s,%s,%s\n", c + 1, name, sample_country(plan->customer[c].country),
                       created);
        MX_TRY_GOTO(writer_flush(&writer, 1 << 16, err));
        if (c % 4096 == 0)
            MX_TRY_GOTO(mx_task_step(task, c, err));
    }
    status = writer_finish(&writer, err);
    mx_task_done(task);
out:
    writer_release(&writer);
    return status;
}

static const char mapping[] =
    "{\n  \"currency\": \"GBP\",\n  \"time_zone\": \"+00:00\",\n  \"week_start\": \"monday\"\n}\n";

merx_status merx_sample_write(const char *folder, const merx_sample_options *options, merx_task *task, merx_error *err)
{
    merx_status status = MERX_OK;
    const merx_sample_options none = {0};
    const merx_allocator *alloc = merx_task_allocator(task);
    sample_plan plan = {0};
    sample_record record = {0};
    mx_arena arena;
    mx_arena_init(&arena, alloc);
    if (!folder || !*folder)
        MX_FAIL_GOTO(err, MERX_E_INVALID, "sample", "no folder given");
    if (mx_path_exists(folder)) {
        char **names;
        size_t count;
        MX_TRY_GOTO(mx_list_folder(folder, &arena, &names, &count, err));
        if (count > 0)
            MX_FAIL_GOTO(err, MERX_E_EXISTS, folder, "the folder is not empty (it holds \"%s\"): give a new one",
                         names[0]);
    }
    MX_TRY_GOTO(sample_plan_make(options ? options : &none, alloc, &plan, err));
    MX_TRY_GOTO(sample_record_init(&plan, &record, err));
    MX_TRY_GOTO(mx_make_folders(folder, err));
    MX_TRY_GOTO(write_products(&plan, &arena, folder, task, err));
    MX_TRY_GOTO(write_customers(&plan, &arena, folder, task, err));
    char *pictures = mx_path_join(&arena, folder, "pictures", err);
    char *orders = mx_path_join(&arena, folder, plan.events > 1000000 ? "orders.csv.gz" : "orders.csv", err);
    char *settings = mx_path_join(&arena, folder, "shop.json", err);
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/')
        length--;
    char *truth = mx_arena_printf(&arena, err, "%.*s.truth.json", (int)length, folder);
    if (!pictures || !orders || !settings || !truth) {
        status = MERX_E_MEMORY;
        goto out;
    }
    MX_TRY_GOTO(sample_pictures_write(&plan, pictures, task, err));
    MX_TRY_GOTO(sample_orders_write(&plan, orders, task, &record, err));
    MX_TRY_GOTO(sample_truth_write(&plan, &record, truth, task, err));
    MX_TRY_GOTO(mx_write_file(settings, mapping, sizeof mapping - 1, err));
out:
    sample_record_release(&record);
    if (plan.alloc)
        sample_plan_release(&plan);
    mx_arena_release(&arena);
    return status;
}
