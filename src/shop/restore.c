/*
 * A shop out of a backup.
 *
 * Everything is made in a folder beside the one that was asked for, which gets its name when all is there and checked; records that live elsewhere (PostgreSQL) come in one transaction,
 * committed last. So a backup that is cut short or changed, a full disk or a crash leave no shop.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/run.h"
#include "io/file.h"
#include "io/tar.h"
#include "shop/backup.h"
#include "shop/shop_state.h"
#include "store/record_lines.h"

enum { BATCH = 4096, PIECE = 200000 }; /* records given to the store at once; in a transaction */
#define BLOB_MAX ((uint64_t)1 << 40)
#define SUMS_MAX ((uint64_t)1 << 32)
#define STEP ((size_t)1 << 20)

typedef struct head {
    int64_t format, created_ms, offset;
    uint64_t counts[MX_RECORD_KINDS];
    char versions[2048];
} head;

typedef struct restore {
    merx_shop *shop;
    merx_task *task;
    mx_source *source;
    mx_tar *tar;
    merx_backup *out;
    head head;
    bool head_read, ended;
    bool pieces; /* records are in the folder: committed now and then, since nobody sees it */
    uint64_t counts[MX_RECORD_KINDS], since_commit;
    mx_vec bytes;     /* of the part being read */
    mx_text sums;     /* of the parts so far */
    size_t next_kind; /* of mx_backup_kinds: parts come in their order */
    mx_arena arena;   /* of the texts of batch */
    mx_vec batch;     /* mx_record, of one kind */
    int64_t last;     /* the last event's offset */
} restore;

static merx_status damaged(const restore *r, const char *name, const char *what, merx_error *err)
{
    MX_FAIL(err, MERX_E_CORRUPT, mx_source_name(r->source), "%s: %s; nothing was restored", name, what);
}

/* ---- parts ---- */

static merx_status read_part(restore *r, const mx_tar_entry *entry, uint64_t most, merx_error *err)
{
    mx_vec_clear(&r->bytes);
    if (entry->size > most)
        return damaged(r, entry->name, "is larger than a backup has it", err);
    for (uint64_t left = entry->size; left > 0;) {
        const size_t step = left < STEP ? (size_t)left : STEP;
        size_t got = 0;
        unsigned char *at;
        MX_TRY(mx_vec_push(&r->bytes, step, &at, err));
        for (size_t done = 0; done < step; done += got) {
            MX_TRY(mx_tar_read(r->tar, at + done, step - done, &got, err));
            if (got == 0)
                return damaged(r, entry->name, "is cut short", err);
        }
        left -= step;
    }
    return MERX_OK;
}

static merx_status note_sum(restore *r, const char *name, merx_error *err)
{
    char hex[65];

    mx_sha256_hex(r->bytes.count > 0 ? r->bytes.data : "", r->bytes.count, hex);
    mx_text_printf(&r->sums, "%s  %s\n", hex, name);
    return mx_text_ok(&r->sums, err);
}

/* ---- the head ---- */

static merx_status read_head(restore *r, merx_error *err)
{
    const mx_rows_options options = {.format = MX_ROWS_JSONL};
    struct {
        const char *name;
        int64_t *value;
    } numbers[] = {{"format", &r->head.format}, {"created_ms", &r->head.created_ms}, {"offset", &r->head.offset}};
    const size_t n_numbers = sizeof numbers / sizeof *numbers;
    mx_source *source;
    mx_rows *rows;
    const mx_row *row;

    MX_TRY(mx_source_memory(r->bytes.data, r->bytes.count, MX_BACKUP_HEAD, NULL, 0, &source, err));
    MX_TRY(mx_rows_open(source, &options, NULL, &rows, err));
    merx_status status = mx_rows_next(rows, &row, err);
    if (status == MERX_OK && (row == NULL || row->problem != NULL))
        status = damaged(r, MX_BACKUP_HEAD, row != NULL ? row->problem : "is empty", err);
    size_t found = 0;
    for (size_t c = 0; status == MERX_OK && c < row->count; c++) {
        const char *name = mx_rows_column(rows, c);
        int64_t value = 0;
        if (strcmp(name, "versions") == 0)
            snprintf(r->head.versions, sizeof r->head.versions, "%.*s", (int)row->fields[c].size, row->fields[c].data);
        if (row->fields[c].data == NULL || row->quoted[c] || !mx_parse_int64(row->fields[c], &value) || value < 0)
            continue;
        for (size_t i = 0; i < n_numbers; i++)
            if (strcmp(name, numbers[i].name) == 0) {
                *numbers[i].value = value;
                found++;
            }
        for (int kind = 0; kind < MX_RECORD_KINDS; kind++) {
            const char *word = mx_record_kind_name((mx_record_kind)kind);
            size_t size = strlen(word);
            if (strncmp(name, word, size) == 0 && strcmp(name + size, "s") == 0) {
                r->head.counts[kind] = (uint64_t)value;
                found++;
            }
        }
    }
    mx_rows_close(rows);
    if (status != MERX_OK)
        return status;
    if (r->head.format > MX_BACKUP_FORMAT)
        MX_FAIL(err, MERX_E_VERSION, mx_source_name(r->source),
                "is a backup of format %" PRId64 "; this version of merx knows formats up to %d: use a newer merx",
                r->head.format, MX_BACKUP_FORMAT);
    if (found != n_numbers + MX_RECORD_KINDS || r->head.format < 1)
        return damaged(r, MX_BACKUP_HEAD, "lacks a number", err);
    r->head_read = true;
    return MERX_OK;
}

/* ---- records ---- */

static merx_status commit_piece(restore *r, merx_error *err)
{
    mx_records *records = r->shop->records;

    r->since_commit = 0;
    if (!r->pieces)
        return MERX_OK;
    MX_TRY(mx_records_commit(records, err));
    return mx_records_begin(records, err);
}

/* The batch, events with offsets that follow each other. */
static merx_status put_events(restore *r, const mx_record *batch, size_t n, merx_error *err)
{
    const int64_t first = batch[0].event.offset;
    mx_event *events = mx_arena_array(&r->arena, n, sizeof *events, err);
    uint64_t appended;

    if (events == NULL)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < n; i++)
        events[i] = batch[i].event;
    MX_TRY(mx_records_advance(r->shop->records, first - 1, err));
    MX_TRY(mx_records_append(r->shop->records, events, n, &appended, err));
    return appended == n ? MERX_OK : damaged(r, "an event", "is there twice", err);
}

static merx_status put_batch(restore *r, mx_record_kind kind, merx_error *err)
{
    const mx_record *batch = r->batch.data;
    const size_t n = r->batch.count;

    if (n == 0)
        return MERX_OK;
    if (kind == MX_EVENT)
        MX_TRY(put_events(r, batch, n, err));
    else
        MX_TRY(mx_records_upsert(r->shop->records, batch, n, err));
    mx_vec_clear(&r->batch);
    mx_arena_clear(&r->arena);
    r->counts[kind] += n;
    r->since_commit += n;
    MX_TRY(mx_task_step(r->task, mx_source_consumed(r->source), err));
    return r->since_commit >= PIECE ? commit_piece(r, err) : MERX_OK;
}

static merx_status take_record(restore *r, const mx_record *record, merx_error *err)
{
    mx_record copy;

    if (record->kind == MX_EVENT) {
        const int64_t offset = record->event.offset;
        if (offset <= r->last || offset > r->head.offset)
            return damaged(r, "an event", "has an offset that is out of order", err);
        if (offset > r->last + 1)
            MX_TRY(put_batch(r, MX_EVENT, err));
        r->last = offset;
    }
    MX_TRY(mx_record_copy(record, &r->arena, &copy, err));
    MX_TRY(mx_vec_append(&r->batch, &copy, 1, err));
    return r->batch.count == BATCH ? put_batch(r, record->kind, err) : MERX_OK;
}

static merx_status put_records(restore *r, mx_record_kind kind, const char *name, merx_error *err)
{
    mx_record_lines lines;
    mx_record record;
    bool more = true;

    if (r->bytes.count == 0)
        return damaged(r, name, "is empty", err);
    merx_status status = mx_record_lines_open(&lines, kind, r->bytes.data, r->bytes.count, name, r->shop->alloc, err);
    while (status == MERX_OK) {
        status = mx_record_lines_next(&lines, &record, &more, err);
        if (status != MERX_OK || !more)
            break;
        status = take_record(r, &record, err);
    }
    mx_record_lines_close(&lines);
    return status == MERX_OK ? put_batch(r, kind, err) : status;
}

/* records/KIND-NNNNNN.jsonl: the kind, which may not come before the one before. */
static merx_status kind_of(restore *r, const char *name, mx_record_kind *kind, merx_error *err)
{
    const char *word = name + strlen(MX_BACKUP_RECORDS);

    for (size_t i = r->next_kind; i < MX_BACKUP_KINDS; i++) {
        const char *kind_name = mx_record_kind_name(mx_backup_kinds[i]);
        size_t size = strlen(kind_name);
        if (strncmp(word, kind_name, size) == 0 && word[size] == '-') {
            r->next_kind = i;
            *kind = mx_backup_kinds[i];
            return MERX_OK;
        }
    }
    return damaged(r, name, "is no part of a backup, or out of its order", err);
}

/* ---- all of it ---- */

static merx_status take_sums(restore *r, const mx_tar_entry *entry, merx_error *err)
{
    MX_TRY(read_part(r, entry, SUMS_MAX, err));
    const char *want = r->bytes.data, *got = r->sums.data;
    size_t n = r->bytes.count < r->sums.size ? r->bytes.count : r->sums.size, line = 0;

    for (size_t i = 0; i < n && want[i] == got[i]; i++)
        if (got[i] == '\n')
            line = i + 1;
    if (line == n && r->bytes.count == r->sums.size) {
        r->ended = true;
        return MERX_OK;
    }
    /* The part that the first line which differs speaks of. */
    char name[300] = "a part";
    if (line + 66 < r->sums.size)
        snprintf(name, sizeof name, "%.*s", (int)strcspn(got + line + 66, "\n"), got + line + 66);
    return damaged(r, name, "is not what was backed up (its SHA-256 is another)", err);
}

static merx_status take_entry(restore *r, const mx_tar_entry *entry, merx_error *err)
{
    const mx_str name = mx_str_of(entry->name);
    mx_record_kind kind;

    if (r->ended || entry->type != MX_TAR_FILE)
        return damaged(r, entry->name, "does not belong into a backup", err);
    if (strcmp(entry->name, MX_BACKUP_SUMS) == 0)
        return take_sums(r, entry, err);
    if (!r->head_read) {
        if (strcmp(entry->name, MX_BACKUP_HEAD) != 0)
            MX_FAIL(err, MERX_E_INVALID, mx_source_name(r->source), "is no backup of merx: it begins with \"%.100s\"",
                    entry->name);
        MX_TRY(read_part(r, entry, STEP, err));
        MX_TRY(note_sum(r, entry->name, err));
        return read_head(r, err);
    }
    if (mx_str_starts(name, MX_BACKUP_RECORDS)) {
        MX_TRY(kind_of(r, entry->name, &kind, err));
        MX_TRY(read_part(r, entry, MX_BACKUP_RECORDS_MAX, err));
        MX_TRY(note_sum(r, entry->name, err));
        return put_records(r, kind, entry->name, err);
    }
    const char *blob = entry->name + strlen(MX_BACKUP_BLOBS);
    if (!mx_str_starts(name, MX_BACKUP_BLOBS) || !mx_blob_name_valid(blob))
        return damaged(r, entry->name, "does not belong into a backup", err);
    MX_TRY(read_part(r, entry, BLOB_MAX, err));
    MX_TRY(note_sum(r, entry->name, err));
    r->out->files++;
    MX_TRY(mx_blobs_put(r->shop->blobs, blob, r->bytes.count > 0 ? r->bytes.data : "", r->bytes.count, err));
    return mx_task_step(r->task, mx_source_consumed(r->source), err);
}

/* "recommend 7, segment 2": versions that were given, and are never given again. */
static merx_status use_up_versions(restore *r, merx_error *err)
{
    mx_records *records = r->shop->records;
    char answer[256], id[300];
    long long version;
    int used;

    for (const char *at = r->head.versions; *at != '\0'; at += used + (at[used] == ',')) {
        int64_t next;
        if (sscanf(at, " %255[a-z0-9_] %lld%n", answer, &version, &used) != 2 || version < 1)
            return damaged(r, MX_BACKUP_HEAD, "has versions that can't be read", err);
        MX_TRY(mx_records_next_version(records, answer, &next, err));
        if (next > version)
            continue;
        mx_record record = {.kind = MX_MODEL, .model = {.answer = mx_str_of(answer), .version = version}};
        MX_TRY(mx_records_upsert(records, &record, 1, err));
        snprintf(id, sizeof id, "%s/%lld", answer, version);
        MX_TRY(mx_records_remove(records, MX_MODEL, mx_str_of(id), err));
    }
    return MERX_OK;
}

static merx_status read_all(restore *r, merx_error *err)
{
    mx_tar_entry entry;

    for (;;) {
        MX_TRY(mx_tar_next(r->tar, &entry, err));
        if (entry.name == NULL)
            break;
        MX_TRY(take_entry(r, &entry, err));
    }
    if (!r->ended)
        return damaged(r, MX_BACKUP_SUMS, "is missing: the backup is cut short", err);
    for (int kind = 0; kind < MX_RECORD_KINDS; kind++)
        if (r->counts[kind] != r->head.counts[kind])
            MX_FAIL(err, MERX_E_CORRUPT, mx_source_name(r->source),
                    "has %" PRIu64 " records of kind %s; its head says %" PRIu64 "; nothing was restored",
                    r->counts[kind], mx_record_kind_name((mx_record_kind)kind), r->head.counts[kind]);
    MX_TRY(mx_records_advance(r->shop->records, r->head.offset, err));
    return use_up_versions(r, err);
}

/* Records may go only where there are none. */
static merx_status check_empty(mx_records *records, const char *where, merx_error *err)
{
    for (int kind = 0; kind < MX_RECORD_KINDS; kind++) {
        uint64_t count;
        MX_TRY(mx_records_count(records, (mx_record_kind)kind, &count, err));
        if (count > 0)
            MX_FAIL(err, MERX_E_EXISTS, where, "the store of records holds a shop already");
    }
    return MERX_OK;
}

static merx_status fill(restore *r, const char *path, const char *folder, merx_error *err)
{
    mx_records *records = r->shop->records;

    MX_TRY(mx_source_open(path, r->shop->alloc, 0, &r->source, err));
    MX_TRY(mx_tar_open(r->source, MX_BACKUP_ENTRIES_MAX, r->shop->alloc, &r->tar, err));
    MX_TRY(mx_records_begin(records, err));
    merx_status status = check_empty(records, folder, err);
    mx_task_stage(r->task, "restore", mx_source_size(r->source), "bytes");
    if (status == MERX_OK)
        status = read_all(r, err);
    if (status == MERX_OK)
        status = mx_records_commit(records, err);
    mx_records_rollback(records);
    mx_task_done(r->task);
    return status;
}

static void fill_out(const restore *r, merx_backup *out)
{
    out->events = r->counts[MX_EVENT];
    out->products = r->counts[MX_PRODUCT];
    out->customers = r->counts[MX_CUSTOMER];
    out->orders = r->counts[MX_ORDER];
    out->messages = r->counts[MX_MESSAGE];
    out->reviews = r->counts[MX_REVIEW];
    out->models = r->counts[MX_MODEL];
    out->offset = r->head.offset;
    out->created_ms = r->head.created_ms;
}

/* Who was erased since: as merx_shop_forget does it. */
static merx_status erase_again(merx_shop *shop, const merx_restore_options *options, merx_task *task, merx_backup *out,
                               merx_error *err)
{
    for (size_t i = 0; i < options->n_erase; i++) {
        merx_receipt receipt = {0};
        merx_error failure = {0};
        merx_status status = merx_shop_forget(shop, options->erase[i], task, &receipt, &failure);
        merx_receipt_release(&receipt);
        if (status != MERX_OK && status != MERX_E_NOT_FOUND)
            return mx_error_set(err, status, failure.where, "%s", failure.message);
        out->erased += status == MERX_OK;
    }
    return MERX_OK;
}

/* ---- folders ---- */

/* The folder may be there only when nothing is in it. */
static merx_status check_folder(const char *folder, merx_error *err)
{
    mx_arena arena;
    char **names;
    size_t count = 0;

    if (folder == NULL || *folder == '\0')
        MX_FAIL(err, MERX_E_INVALID, "", "a shop needs a folder");
    if (!mx_path_exists(folder))
        return MERX_OK;
    if (!mx_path_is_folder(folder))
        MX_FAIL(err, MERX_E_EXISTS, folder, "is a file; a folder to be made was expected");
    mx_arena_init(&arena, NULL);
    merx_status status = mx_list_folder(folder, &arena, &names, &count, err);
    mx_arena_release(&arena);
    if (status == MERX_OK && count > 0)
        MX_FAIL(err, MERX_E_EXISTS, folder, "is not empty; a shop is not restored over what is there");
    return status;
}

static merx_status sync_folder(const char *path, merx_error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fsync(fd) != 0) {
        merx_status status = mx_error_errno(err, errno, path, "sync the folder");
        if (fd >= 0)
            close(fd);
        return status;
    }
    close(fd);
    return MERX_OK;
}

/* The folder under its name, also after a crash. */
static merx_status give_name(const char *temporary, const char *folder, mx_arena *arena, merx_error *err)
{
    MX_TRY(sync_folder(temporary, err));
    if (rename(temporary, folder) != 0)
        return mx_error_errno(err, errno, folder, "make the folder");
    char *above = mx_arena_strdup(arena, folder, err);
    if (above == NULL)
        return MERX_E_MEMORY;
    for (size_t n = strlen(above); n > 1 && above[n - 1] == '/'; n--)
        above[n - 1] = '\0';
    char *slash = strrchr(above, '/');
    if (slash != NULL)
        slash[slash == above ? 1 : 0] = '\0';
    return sync_folder(slash != NULL ? above : ".", err);
}

static merx_status run(restore *r, const merx_allocator *alloc, const char *path, const char *folder,
                       const char *temporary, const merx_restore_options *options, merx_error *err)
{
    const merx_shop_options made = {
        .create = true, .records = options->records, .keep_records = options->records != NULL};
    MX_TRY(merx_shop_open(alloc, temporary, &made, &r->shop, err));
    r->pieces = options->records == NULL;
    r->bytes = mx_vec_init(r->shop->alloc, 1, SIZE_MAX / 4, "a part of a backup");
    mx_text_init(&r->sums, r->shop->alloc, SIZE_MAX / 4);
    mx_arena_init(&r->arena, r->shop->alloc);
    r->batch = mx_vec_init(r->shop->alloc, sizeof(mx_record), BATCH, "records of a backup");
    merx_status status = fill(r, path, folder, err);
    if (status == MERX_OK) {
        fill_out(r, r->out);
        r->out->size_bytes = mx_source_size(r->source);
    }
    mx_tar_close(r->tar);
    mx_source_close(r->source);
    mx_text_release(&r->sums);
    mx_vec_release(&r->bytes);
    mx_vec_release(&r->batch);
    mx_arena_release(&r->arena);
    if (status == MERX_OK)
        status = erase_again(r->shop, options, r->task, r->out, err);
    if (status == MERX_OK && options->n_erase > 0)
        status = mx_records_compact(r->shop->records, err);
    merx_shop_close(r->shop);
    return status;
}

merx_status merx_shop_restore(const merx_allocator *alloc, const char *path, const char *folder,
                              const merx_restore_options *options, merx_task *task, merx_backup *out, merx_error *err)
{
    static const merx_restore_options none = {0};
    const double begun = mx_monotonic_s();
    restore r = {.task = task, .out = out};
    mx_arena arena;

    memset(out, 0, sizeof *out);
    options = options ? options : &none;
    MX_TRY(check_folder(folder, err));
    mx_arena_init(&arena, alloc);
    size_t size = strlen(folder);
    while (size > 1 && folder[size - 1] == '/')
        size--;
    char *temporary = mx_arena_printf(&arena, err, "%.*s.restoring", (int)size, folder);
    merx_status status = temporary != NULL ? MERX_OK : MERX_E_MEMORY;
    if (status == MERX_OK && mkdir(temporary, 0777) != 0)
        status = errno == EEXIST ? mx_error_set(err, MERX_E_EXISTS, temporary,
                                                "another restore goes on there, or was interrupted: then remove it")
                                 : mx_error_errno(err, errno, temporary, "make the folder");
    if (status == MERX_OK) {
        status = run(&r, alloc, path, folder, temporary, options, err);
        if (status == MERX_OK)
            status = give_name(temporary, folder, &arena, err);
        if (status != MERX_OK)
            mx_remove_tree(temporary);
    }
    mx_arena_release(&arena);
    out->seconds = mx_monotonic_s() - begun;
    return status;
}
