/*
 * A shop into one file: one transaction of reading, the records of each kind, then the blobs they speak of.
 */
#include "shop/backup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/run.h"
#include "io/file.h"
#include "io/tar.h"
#include "shop/model_store.h"
#include "shop/snapshot_parts.h"
#include "store/record_lines.h"

/* A model's blob may be replaced between reading its record and opening it; then both are read once more. */
enum { TRIES = 20 };

typedef struct backup {
    merx_shop *shop;
    merx_task *task;
    mx_sink *sink;
    merx_backup *out;
    mx_text sums, lines;
    mx_record_kind kind; /* of lines */
    unsigned part;
    uint64_t done; /* records */
    mx_arena arena;
    const mx_model_record *models;
    mx_blob *mapped; /* of each model */
    size_t n_models;
} backup;

/* ---- parts ---- */

static merx_status write_part(backup *b, const char *name, const void *data, size_t size, merx_error *err)
{
    char hex[65];

    mx_sha256_hex(data, size, hex);
    mx_text_printf(&b->sums, "%s  %s\n", hex, name);
    MX_TRY(mx_text_ok(&b->sums, err));
    MX_TRY(mx_tar_write_header(b->sink, name, size, b->out->created_ms / 1000, err));
    MX_TRY(mx_sink_write(b->sink, data, size, err));
    return mx_tar_write_padding(b->sink, size, err);
}

static merx_status write_lines(backup *b, merx_error *err)
{
    char name[64];

    MX_TRY(mx_text_ok(&b->lines, err));
    if (b->lines.size == 0)
        return MERX_OK;
    snprintf(name, sizeof name, MX_BACKUP_RECORDS "%s-%06u.jsonl", mx_record_kind_name(b->kind), ++b->part);
    MX_TRY(write_part(b, name, b->lines.data, b->lines.size, err));
    mx_text_clear(&b->lines);
    return MERX_OK;
}

static merx_status take_record(void *context, const mx_record *record, merx_error *err)
{
    backup *b = context;

    mx_record_line_write(&b->lines, record);
    if ((++b->done & 1023) == 0)
        MX_TRY(mx_task_step(b->task, b->done, err));
    return b->lines.size >= MX_BACKUP_CHUNK ? write_lines(b, err) : MERX_OK;
}

static merx_status write_records(backup *b, merx_error *err)
{
    for (size_t i = 0; i < MX_BACKUP_KINDS; i++) {
        b->kind = mx_backup_kinds[i];
        b->part = 0;
        MX_TRY(mx_records_scan(b->shop->records, b->kind, take_record, b, err));
        MX_TRY(write_lines(b, err));
    }
    return MERX_OK;
}

/* ---- blobs ---- */

static merx_status write_blob(backup *b, const char *blob, const mx_blob *mapped, merx_error *err)
{
    char name[sizeof MX_BACKUP_BLOBS + 256];

    snprintf(name, sizeof name, MX_BACKUP_BLOBS "%s", blob);
    b->out->files++;
    MX_TRY(write_part(b, name, mapped->data != NULL ? (const void *)mapped->data : "", mapped->size, err));
    return mx_task_step(b->task, b->done, err);
}

/* Pictures and whatever else there is; one that was removed meanwhile is not part of the shop any more. */
static merx_status take_blob(void *context, const char *name, uint64_t size_bytes, merx_error *err)
{
    backup *b = context;
    mx_str text = mx_str_of(name);
    mx_blob blob;
    merx_error failure = {0};

    (void)size_bytes;
    if (mx_str_starts(text, "models/") || mx_str_starts(text, "snapshots/"))
        return MERX_OK;
    merx_status status = mx_blobs_map(b->shop->blobs, name, &blob, &failure);
    if (status == MERX_E_NOT_FOUND)
        return MERX_OK;
    if (status != MERX_OK)
        return mx_error_set(err, status, failure.where, "%s", failure.message);
    status = write_blob(b, name, &blob, err);
    mx_blobs_unmap(b->shop->blobs, &blob);
    return status;
}

static void unmap_models(backup *b)
{
    for (size_t i = 0; i < b->n_models && b->mapped != NULL; i++)
        if (b->mapped[i].handle != NULL)
            mx_blobs_unmap(b->shop->blobs, &b->mapped[i]);
    b->n_models = 0;
}

/* Once mapped, a blob stays as it is. */
static merx_status map_models(backup *b, merx_error *err)
{
    mx_model_record *models;

    mx_arena_clear(&b->arena);
    MX_TRY(mx_model_list(b->shop->records, NULL, &b->arena, &models, &b->n_models, err));
    b->models = models;
    b->mapped = mx_arena_array(&b->arena, b->n_models + 1, sizeof *b->mapped, err);
    if (b->mapped == NULL)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < b->n_models; i++)
        MX_TRY(mx_blobs_map(b->shop->blobs, models[i].blob.data, &b->mapped[i], err));
    return MERX_OK;
}

/* Begins to read, with the models' blobs of that state at hand. */
static merx_status begin(backup *b, merx_error *err)
{
    merx_status status = MERX_OK;

    for (int i = 0; i < TRIES; i++) {
        merx_error failure = {0};
        MX_TRY(mx_records_begin(b->shop->records, err));
        status = map_models(b, &failure);
        if (status == MERX_OK)
            return MERX_OK;
        unmap_models(b);
        mx_records_rollback(b->shop->records);
        if (status != MERX_E_NOT_FOUND || i + 1 == TRIES)
            return mx_error_set(err, status, failure.where, "%s", failure.message);
    }
    return status;
}

/* ---- the head ---- */

static merx_status write_head(backup *b, uint64_t *records, merx_error *err)
{
    mx_text *text = &b->lines;
    uint64_t counts[MX_RECORD_KINDS];
    bool first = true;

    *records = 0;
    for (int kind = 0; kind < MX_RECORD_KINDS; kind++) {
        MX_TRY(mx_records_count(b->shop->records, (mx_record_kind)kind, &counts[kind], err));
        *records += counts[kind];
    }
    MX_TRY(mx_records_last_offset(b->shop->records, &b->out->offset, err));
    mx_text_printf(text,
                   "{\"format\":%d,\"merx\":\"%s\",\"created_ms\":%" PRId64 ",\"offset\":%" PRId64 ",\"versions\":\"",
                   MX_BACKUP_FORMAT, merx_version(), b->out->created_ms, b->out->offset);
    for (size_t i = 0; merx_answer_at(i) != NULL; i++) {
        int64_t next;
        MX_TRY(mx_records_next_version(b->shop->records, merx_answer_at(i)->name, &next, err));
        if (next > 1)
            mx_text_printf(text, "%s%s %" PRId64, first ? "" : ", ", merx_answer_at(i)->name, next - 1);
        first = first && next <= 1;
    }
    mx_text_puts(text, "\"");
    for (int kind = 0; kind < MX_RECORD_KINDS; kind++)
        mx_text_printf(text, ",\"%ss\":%" PRIu64, mx_record_kind_name((mx_record_kind)kind), counts[kind]);
    mx_text_puts(text, "}\n");
    MX_TRY(mx_text_ok(text, err));
    b->out->events = counts[MX_EVENT];
    b->out->products = counts[MX_PRODUCT];
    b->out->customers = counts[MX_CUSTOMER];
    b->out->orders = counts[MX_ORDER];
    b->out->messages = counts[MX_MESSAGE];
    b->out->reviews = counts[MX_REVIEW];
    b->out->models = counts[MX_MODEL];
    MX_TRY(write_part(b, MX_BACKUP_HEAD, text->data, text->size, err));
    mx_text_clear(text);
    return MERX_OK;
}

static merx_status write_sums(backup *b, merx_error *err)
{
    MX_TRY(mx_tar_write_header(b->sink, MX_BACKUP_SUMS, b->sums.size, b->out->created_ms / 1000, err));
    MX_TRY(mx_sink_write(b->sink, b->sums.data, b->sums.size, err));
    MX_TRY(mx_tar_write_padding(b->sink, b->sums.size, err));
    return mx_tar_write_end(b->sink, err);
}

static merx_status write_all(backup *b, merx_error *err)
{
    uint64_t records;

    MX_TRY(mx_sink_private(b->sink, err));
    MX_TRY(write_head(b, &records, err));
    mx_task_stage(b->task, "back up", records, "records");
    MX_TRY(write_records(b, err));
    for (size_t i = 0; i < b->n_models; i++)
        MX_TRY(write_blob(b, b->models[i].blob.data, &b->mapped[i], err));
    MX_TRY(mx_blobs_list(b->shop->blobs, "", take_blob, b, err));
    MX_TRY(write_sums(b, err));
    mx_task_done(b->task);
    return MERX_OK;
}

/* A name says how it is to be packed; what says nothing is packed by zstd. */
static mx_compression packing(const char *path)
{
    mx_compression said = mx_compression_of_name(path);
    return said == MX_PLAIN && !mx_str_ends(mx_str_of(path), ".tar") ? MX_ZSTD : said;
}

static merx_status run(backup *b, const char *path, merx_error *err)
{
    if (path == NULL || *path == '\0')
        MX_FAIL(err, MERX_E_INVALID, "", "a backup needs the path of a file");
    if (mx_path_exists(path))
        MX_FAIL(err, MERX_E_EXISTS, path, "is there already; a backup is not written over");
    MX_TRY(begin(b, err));
    merx_status status = mx_sink_open(path, packing(path), b->shop->alloc, &b->sink, err);
    if (status == MERX_OK) {
        status = write_all(b, err);
        if (status == MERX_OK)
            status = mx_sink_finish(b->sink, err);
        else
            mx_sink_abandon(b->sink);
    }
    unmap_models(b);
    mx_records_rollback(b->shop->records);
    return status == MERX_OK ? mx_file_size(path, &b->out->size_bytes, err) : status;
}

merx_status merx_shop_backup(merx_shop *shop, const char *path, merx_task *task, merx_backup *out, merx_error *err)
{
    const double begun = mx_monotonic_s();
    backup b = {.shop = shop, .task = task, .out = out};

    memset(out, 0, sizeof *out);
    out->created_ms = mx_now_ms();
    mx_arena_init(&b.arena, shop->alloc);
    mx_text_init(&b.sums, shop->alloc, SIZE_MAX / 4);
    mx_text_init(&b.lines, shop->alloc, MX_BACKUP_RECORDS_MAX);
    merx_status status = run(&b, path, err);
    mx_text_release(&b.lines);
    mx_text_release(&b.sums);
    mx_arena_release(&b.arena);
    out->seconds = mx_monotonic_s() - begun;
    return status;
}
