/*
 * Forgetting a customer: rows, snapshot, every stored version of every model.
 *
 * The rows and a mark "forgetting" go in one transaction; when the process dies before the models are done, the next training or question finishes it (mx_forget_pending).
 * What is left to tell him by is a salted hash, so that his rows don't come back with the same files.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/run.h"
#include "base/system.h"
#include "io/file.h"
#include "shop/heap_arena.h"
#include "shop/import_parts.h"
#include "shop/jobs/jobs.h"
#include "shop/model_store.h"
#include "shop/pending.h"

/* ---- models ---- */

/* New bytes for the live model of one answer. */
static merx_status recompute(merx_shop *shop, const mx_answer *answer, const mx_snapshot *snapshot,
                             const mx_model_record *live, const merx_options *options, uint64_t seed, merx_task *task,
                             unsigned char **bytes, size_t *size, bool *exact, merx_error *err)
{
    const merx_allocator *alloc = merx_task_allocator(task);
    mx_tensor_writer *writer = NULL;
    mx_tensor_file *old = NULL;
    merx_status status = MERX_OK;
    mx_blob blob = {0};
    mx_arena arena;

    mx_arena_init(&arena, alloc);
    MX_TRY_GOTO(mx_blobs_map(shop->blobs, live->blob.data, &blob, err));
    MX_TRY_GOTO(mx_tensor_file_memory(blob.data, blob.size, live->blob.data, alloc, true, &old, err));
    MX_TRY_GOTO(mx_tensor_writer_new(alloc, &writer, err));
    MX_TRY_GOTO(mx_model_describe(writer, answer, snapshot, options, seed, &arena, err));
    MX_TRY_GOTO(answer->forget(snapshot, old, options, alloc, task, writer, &arena, exact, err));
    MX_TRY_GOTO(mx_tensor_writer_bytes(writer, bytes, size, err));
out:
    mx_tensor_writer_free(writer);
    mx_tensor_file_close(old);
    if (blob.data)
        mx_blobs_unmap(shop->blobs, &blob);
    mx_arena_release(&arena);
    return status;
}

/* What becomes of one answer's models. Until they are put, nothing of the shop has changed. */
typedef struct redo {
    const mx_answer *answer;
    const char *how;
    mx_model_record *list; /* the versions there are */
    size_t n;
    mx_model_record fresh;
    merx_options *options; /* NULL: no new version */
    uint64_t seed;
    unsigned char *bytes; /* NULL: no model is left */
    size_t size;
    bool exact;
} redo;

typedef struct redo_work {
    merx_shop *shop;
    const mx_snapshot *snapshot;
    merx_task *task;
    redo *redo;
    size_t n;
} redo_work;

static merx_status plan_redo(const redo_work *work, redo *r, mx_arena *arena, merx_error *err)
{
    const mx_answer *answer = r->answer;
    char signature[65];

    r->how = "nothing learnt";
    if (!answer->train)
        return MERX_OK;
    MX_TRY(mx_model_list(work->shop->records, answer->info.name, arena, &r->list, &r->n, err));
    if (r->n == 0)
        return MERX_OK;
    const mx_model_record *live = mx_model_live(r->list, r->n);
    r->how = "retrain queued";
    /* A shop that is too small without him has no model; nor has one whose model was never live. */
    if (!live || !answer->forget || (answer->needs && answer->needs(work->snapshot, NULL) != MERX_OK))
        return MERX_OK;
    r->fresh = (mx_model_record){.answer = mx_str_of(answer->info.name),
                                 .data_offset = work->snapshot->offset,
                                 .metrics = live->metrics,
                                 .live = true};
    MX_TRY(merx_options_new(work->shop->alloc, answer->info.training, &r->options, err));
    MX_TRY(mx_model_recipe_read(live->options, r->options, &r->seed, signature, err));
    /* Without a signature the next training evaluates and makes it anew: the figures were measured with him. */
    const char *recipe = mx_model_recipe(r->options, r->seed, "", arena, err);
    if (!recipe)
        return MERX_E_MEMORY;
    r->fresh.options = mx_str_of(recipe);
    return MERX_OK;
}

/* Block 0 writes the store's file anew, which leaves no byte of the erased rows; each other one makes the new bytes of an answer. */
static merx_status redo_block(void *context, size_t block, merx_error *err)
{
    redo_work *work = context;
    if (block == 0)
        return mx_records_compact(work->shop->records, err);
    redo *r = &work->redo[block - 1];
    if (!r->options)
        return MERX_OK;
    double begun = mx_monotonic_s();
    MX_TRY(recompute(work->shop, r->answer, work->snapshot, mx_model_live(r->list, r->n), r->options, r->seed,
                     work->task, &r->bytes, &r->size, &r->exact, err));
    mx_log("shop", "forget: %s took %.3f s", r->answer->info.name, mx_monotonic_s() - begun);
    r->how = r->exact ? "recomputed" : "retrain queued";
    return MERX_OK;
}

/* Inside a transaction: the new versions in, all others out. */
static merx_status replace_versions(const redo_work *work, mx_arena *arena, merx_error *err)
{
    for (size_t i = 0; i < work->n; i++) {
        redo *r = &work->redo[i];
        if (r->bytes)
            MX_TRY(mx_model_put(work->shop, &r->fresh, r->bytes, r->size, arena, err));
        for (size_t k = 0; k < r->n; k++)
            MX_TRY(mx_model_remove(work->shop, &r->list[k], err));
    }
    return mx_records_remove(work->shop->records, MX_SETTING, mx_str_of(MX_SETTING_FORGETTING), err);
}

/*
 * Files of the shop's folder that may quote his rows or name him: refusals and the page of the last report, which are written anew; what was uploaded to be imported, and what exports
 * made.
 */
static merx_status remove_quoting_files(merx_shop *shop, merx_error *err)
{
    static const char *const names[] = {"refused.csv", "report.html"};
    mx_arena arena;
    merx_status status = MERX_OK;

    mx_arena_init(&arena, shop->alloc);
    for (size_t i = 0; status == MERX_OK && i < sizeof names / sizeof *names; i++) {
        char *path = mx_path_join(&arena, shop->folder, names[i], err);
        status = path ? mx_remove_file(path, err) : MERX_E_MEMORY;
    }
    mx_arena_release(&arena);
    return status == MERX_OK ? mx_job_files_forget(shop->folder, err) : status;
}

/*
 * Every answer at once, each on a thread while the store is written anew on another; then, in one transaction, the new versions come, the others go and so does the mark;
 * then the blobs that no record names.
 */
static merx_status redo_models(redo_work *work, mx_arena *arena, merx_error *err)
{
    mx_records *records = work->shop->records;

    for (size_t i = 0; i < work->n; i++) {
        work->redo[i].answer = mx_answer_at(i);
        MX_TRY(plan_redo(work, &work->redo[i], arena, err));
    }
    mx_task_stage(work->task, "forget in models", 0, "");
    if (merx_task_max_memory(work->task) > 0) /* side by side they need more */
        for (size_t i = 0; i <= work->n; i++)
            MX_TRY(redo_block(work, i, err));
    else
        MX_TRY(mx_parallel(work->task, work->n + 1, redo_block, work, err));
    MX_TRY(mx_records_begin(records, err));
    merx_status status = replace_versions(work, arena, err);
    if (status == MERX_OK)
        status = mx_records_commit(records, err);
    if (status != MERX_OK) {
        mx_records_rollback(records);
        return status;
    }
    MX_TRY(mx_model_sweep(work->shop, err));
    return mx_records_compact(records, err);
}

static merx_status forget_in_models(merx_shop *shop, merx_task *task, merx_forgotten *receipts, merx_error *err)
{
    redo_work work = {.shop = shop, .task = task};
    mx_snapshot *snapshot;
    merx_status status = MERX_OK;
    mx_arena arena;

    MX_TRY(remove_quoting_files(shop, err));
    MX_TRY(mx_shop_snapshot(shop, task, &snapshot, err));
    mx_shop_drop_models(shop);
    work.snapshot = snapshot;
    while (mx_answer_at(work.n))
        work.n++;
    mx_arena_init(&arena, shop->alloc);
    work.redo = mx_arena_array(&arena, work.n, sizeof *work.redo, err);
    status = work.redo ? redo_models(&work, &arena, err) : MERX_E_MEMORY;
    mx_task_done(task);
    for (size_t i = 0; work.redo && i < work.n; i++) {
        const redo *r = &work.redo[i];
        if (receipts && status == MERX_OK)
            receipts[i] = (merx_forgotten){r->answer->info.name, r->how};
        mx_free_array(merx_task_allocator(task), r->bytes, r->size, 1);
        merx_options_free(r->options);
    }
    mx_arena_release(&arena);
    return status;
}

merx_status mx_forget_pending(merx_shop *shop, merx_task *task, merx_error *err)
{
    mx_arena arena;
    const char *pending = "";
    mx_arena_init(&arena, shop->alloc);
    merx_status status = mx_records_setting(shop->records, MX_SETTING_FORGETTING, &arena, &pending, err);
    bool is_pending = status == MERX_OK && *pending;
    mx_arena_release(&arena);
    if (status != MERX_OK || !is_pending)
        return status;
    mx_shop_drop_snapshot(shop);
    return forget_in_models(shop, task, NULL, err);
}

/* ---- rows ---- */

typedef struct order_scan {
    mx_str customer;
    mx_arena *arena;
    mx_vec ids; /* mx_str */
} order_scan;

static merx_status take_order(void *context, const mx_record *record, merx_error *err)
{
    order_scan *scan = context;
    if (!mx_str_equal(record->order.customer, scan->customer))
        return MERX_OK;
    mx_str id = {mx_arena_strndup(scan->arena, record->order.id.data, record->order.id.size, err),
                 record->order.id.size};
    return id.data ? mx_vec_append(&scan->ids, &id, 1, err) : MERX_E_MEMORY;
}

/* Inside the transaction. His orders are remembered too: their lines may come again without his name. */
static merx_status erase_rows(merx_shop *shop, mx_str customer, mx_erasure *erased, merx_error *err)
{
    mx_records *records = shop->records;
    mx_arena arena;
    order_scan scan = {customer, &arena, mx_vec_init(shop->alloc, sizeof(mx_str), 1u << 28, "orders")};

    mx_arena_init(&arena, shop->alloc);
    merx_status status = mx_records_scan(records, MX_ORDER, take_order, &scan, err);
    for (size_t i = 0; status == MERX_OK && i < scan.ids.count; i++)
        status = mx_erased_add(records, 'o', MX_VEC_AT(&scan.ids, mx_str, i), err);
    if (status == MERX_OK)
        status = mx_records_erase_customer(records, customer, erased, err);
    if (status == MERX_OK)
        status = mx_erased_add(records, 'c', customer, err);
    if (status == MERX_OK)
        status = mx_records_set_setting(records, MX_SETTING_FORGETTING, "1", err);
    if (status == MERX_OK)
        status = mx_shop_settings_bump(records, err);
    mx_vec_release(&scan.ids);
    mx_arena_release(&arena);
    return status;
}

/* Rows and the mark in one transaction, then the snapshot without him. */
static merx_status erase(merx_shop *shop, const char *customer, merx_task *task, mx_erasure *erased, merx_error *err)
{
    mx_snapshot *old = NULL;
    mx_snapshot *fresh = NULL;

    MX_TRY(mx_records_begin(shop->records, err));
    /* Inside the transaction nobody can add to the records: the snapshot is what they are. */
    merx_status status = mx_shop_snapshot(shop, task, &old, err);
    if (status == MERX_OK)
        status = erase_rows(shop, mx_str_of(customer), erased, err);
    if (status == MERX_OK &&
        erased->events + erased->orders + erased->messages + erased->reviews + erased->customers == 0)
        status = mx_error_set(err, MERX_E_NOT_FOUND, "", "there is no customer \"%.100s\"", customer);
    if (status == MERX_OK)
        status = mx_records_commit(shop->records, err);
    if (status != MERX_OK) {
        mx_records_rollback(shop->records);
        return status;
    }
    int32_t number = mx_snapshot_find_customer(old, customer);
    status = mx_snapshot_forget(shop->records, shop->blobs, old, number, shop->alloc, task, &fresh, err);
    mx_shop_drop_snapshot(shop);
    shop->snapshot = fresh;
    return status;
}

static merx_status forget(merx_shop *shop, const char *customer, merx_task *task, mx_arena *arena, merx_receipt *out,
                          merx_error *err)
{
    mx_erasure erased = {0};
    size_t answers = 0;

    if (shop->read_only)
        MX_FAIL(err, MERX_E_PERMISSION, shop->folder, "the shop was opened read-only");
    if (!*customer || strlen(customer) > MX_ID_MAX)
        MX_FAIL(err, MERX_E_INVALID, "", "a customer's id has 1 to %d bytes", MX_ID_MAX);
    MX_TRY(mx_forget_pending(shop, task, err));
    while (mx_answer_at(answers))
        answers++;
    merx_forgotten *receipts = mx_arena_array(arena, answers + 1, sizeof *receipts, err);
    out->customer = mx_arena_strdup(arena, customer, err);
    if (!receipts || !out->customer)
        return MERX_E_MEMORY;
    MX_TRY(erase(shop, customer, task, &erased, err));
    MX_TRY(forget_in_models(shop, task, receipts, err));
    out->events = erased.events;
    out->orders = erased.orders;
    out->messages = erased.messages;
    out->reviews = erased.reviews;
    out->customers = erased.customers;
    out->answers = answers;
    out->answer = receipts;
    return MERX_OK;
}

merx_status merx_shop_forget(merx_shop *shop, const char *customer, merx_task *task, merx_receipt *out, merx_error *err)
{
    double begun = mx_monotonic_s();
    mx_arena *arena;

    memset(out, 0, sizeof *out);
    MX_TRY(mx_heap_arena_new(shop->alloc, &arena, err));
    out->memory = arena;
    merx_status status = forget(shop, customer ? customer : "", task, arena, out, err);
    if (status != MERX_OK)
        merx_receipt_release(out);
    else
        out->seconds = mx_monotonic_s() - begun;
    return status;
}

void merx_receipt_release(merx_receipt *receipt)
{
    if (!receipt)
        return;
    mx_heap_arena_free(receipt->memory);
    memset(receipt, 0, sizeof *receipt);
}
