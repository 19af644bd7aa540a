/*
 * Import: the files of a folder, each understood, checked and kept in one transaction.
 *
 * A file is known by its name below the folder. Its source record says how far it was taken and what its text was until there: the same bytes on disk are not read again; a longer
 * text that begins with the taken one adds its new rows; anything else is a change, refused unless it may be replaced. Files of things with ids (products, customers, orders) are
 * simply read again: their rows replace what they name.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/run.h"
#include "io/file.h"
#include "io/stream.h"
#include "shop/import_pictures.h"

/* A file that will be looked at. */
typedef struct candidate {
    const char *name; /* below the folder, terminated */
    const char *path;
    mx_layout layout;
    bool ignored;
    const char *note;
} candidate;

typedef struct importer {
    merx_shop *shop;
    const merx_import_options *options;
    merx_task *task;
    const merx_allocator *alloc;
    mx_arena *arena; /* of the report */
    mx_refused refused;
    mx_erased erased;
    mx_shop_settings settings;
    mx_mapping *mapping;
    mx_vec candidates, files;
    const char *folder;                /* that the files lie in */
    const char *tars[MX_PICTURE_TARS]; /* of pictures, in it */
    bool one;                          /* one file was asked for, not the folder */
    bool read;                         /* a file was */
} importer;

/* What lies behind merx_import.memory. */
typedef struct report {
    const merx_allocator *alloc;
    mx_arena arena;
} report;

/* ---- looking at files ---- */

merx_status mx_import_open_rows(const char *path, char separator, const merx_allocator *alloc, mx_rows **out,
                                merx_error *err)
{
    mx_source *source;
    mx_rows_options options = {.separator = separator};

    if (!mx_rows_format_of_name(path, &options.format))
        options.format = MX_ROWS_CSV;
    MX_TRY(mx_source_open(path, alloc, 0, &source, err));
    return mx_rows_open(source, &options, alloc, out, err);
}

static merx_status open_rows(const importer *im, const candidate *c, mx_rows **rows, merx_error *err)
{
    return mx_import_open_rows(c->path, c->layout.separator, im->alloc, rows, err);
}

/* How many values of the time column each format reads. */
typedef struct date_counts {
    uint64_t values, read[MX_DATE_FORMATS];
} date_counts;

static void count_dates(date_counts *counts, mx_str text)
{
    int64_t ms;
    if (text.size == 0)
        return;
    counts->values++;
    for (int f = 0; f < MX_DATE_FORMATS; f++)
        counts->read[f] += mx_parse_date(text, (mx_date_format)f, 0, &ms);
}

static mx_date_format best_format(const date_counts *counts)
{
    int best = MX_DATE_ISO;
    for (int f = 1; f < MX_DATE_FORMATS; f++)
        if (counts->read[f] > counts->read[best])
            best = f;
    return (mx_date_format)best;
}

static bool ambiguous(const date_counts *counts)
{
    mx_date_format best = best_format(counts);
    return (best == MX_DATE_DMY || best == MX_DATE_MDY) && counts->read[MX_DATE_DMY] == counts->read[MX_DATE_MDY] &&
           counts->read[best] > 0;
}

/* The format of the column out of its first 1,000 rows; days and months that could be exchanged there: out of as many as it takes. */
static merx_status find_date_format(const importer *im, candidate *c, merx_error *err)
{
    enum { SAMPLE = 1000 };
    int column = c->layout.column[MX_MEANS_TIME];
    date_counts counts = {0};
    mx_rows *rows = NULL;
    const mx_row *row = NULL;
    merx_status status = MERX_OK;
    char example[64] = "";

    if (column < 0 || c->layout.date_format_given)
        return MERX_OK;
    MX_TRY(open_rows(im, c, &rows, err));
    for (uint64_t seen = 0; seen < SAMPLE || ambiguous(&counts); seen++) {
        MX_TRY_GOTO(mx_rows_next(rows, &row, err));
        if (!row)
            break;
        if (row->problem || (size_t)column >= row->count || !row->fields[column].data)
            continue;
        mx_str text = mx_str_trim(row->fields[column]);
        if (!*example && text.size > 0)
            snprintf(example, sizeof example, "%.*s", (int)(text.size < 60 ? text.size : 60), text.data);
        count_dates(&counts, text);
    }
    if (ambiguous(&counts))
        MX_FAIL_GOTO(
            err, MERX_E_INVALID, c->name,
            "column \"%s\": dates like \"%s\" may be day/month or month/day throughout; say which in shop.json: "
            "{\"files\": {\"%s\": {\"date_format\": \"dmy\"}}} (or \"mdy\")",
            mx_rows_column(rows, (size_t)column), example, c->name);
    c->layout.date_format = best_format(&counts);
out:
    mx_rows_close(rows);
    return status;
}

static const char *note(const importer *im, merx_error *err, const char *text)
{
    return mx_arena_strdup(im->arena, text, err);
}

static merx_status lacks_column(const candidate *c, const mx_rows *rows, mx_meaning lacks, merx_error *err)
{
    char names[160] = "";
    for (size_t i = 0; i < mx_rows_columns(rows); i++) {
        size_t used = strlen(names);
        const char *name = mx_rows_column(rows, i);
        if (used + strlen(name) + 8 > sizeof names) {
            snprintf(names + used, sizeof names - used, ", …");
            break;
        }
        snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", name);
    }
    MX_FAIL(err, MERX_E_INVALID, c->name,
            "no column for \"%s\", which %s need (it has %s); name it in shop.json: {\"files\": {\"%s\": {\"columns\": "
            "{\"%s\": \"...\"}}}}",
            mx_meaning_name(lacks), mx_role_name(c->layout.role), names, c->name, mx_meaning_name(lacks));
}

/* Role, columns and date format of one file. */
static merx_status understand(importer *im, candidate *c, bool only_one, merx_error *err)
{
    mx_rows *rows = NULL;
    mx_rows_format format;
    merx_error failure = {0};
    merx_status status = MERX_OK;

    c->layout.role = MX_ROLE_NONE;
    bool said = mx_mapping_file(im->mapping, c->name, &c->layout, &c->ignored);
    if (c->ignored) {
        c->note = note(im, err, "as shop.json says");
        return c->note ? MERX_OK : MERX_E_MEMORY;
    }
    if (!said && !only_one && !mx_rows_format_of_name(c->path, &format)) {
        c->ignored = true;
        c->note = note(im, err, "not CSV or JSON lines by its name");
        return c->note ? MERX_OK : MERX_E_MEMORY;
    }
    status = open_rows(im, c, &rows, &failure);
    if (status == MERX_E_PARSE && !said && !only_one && strstr(c->name, ".txt")) {
        c->ignored = true;
        c->note = note(im, err, failure.message);
        return c->note ? MERX_OK : MERX_E_MEMORY;
    }
    if (status != MERX_OK)
        MX_FAIL(err, status, failure.where, "%s", failure.message);
    mx_layout_recognise(rows, c->name, c->layout.role, &c->layout);
    if (c->layout.role == MX_ROLE_NONE)
        mx_layout_suppose(rows, c->name, &c->layout);
    if (c->layout.role == MX_ROLE_NONE) {
        c->ignored = true;
        c->note = note(im, err, "its columns are none that merx knows; name them in shop.json");
        status = c->note ? MERX_OK : MERX_E_MEMORY;
        goto out;
    }
    MX_TRY_GOTO(mx_mapping_columns(im->mapping, c->name, rows, &c->layout, err));
    mx_meaning lacks = mx_layout_lacks(&c->layout);
    if (lacks != MX_MEANINGS)
        status = lacks_column(c, rows, lacks, err);
    if (lacks != MX_MEANINGS)
        goto out;
    mx_rows_close(rows);
    rows = NULL;
    status = find_date_format(im, c, err);
out:
    mx_rows_close(rows);
    return status;
}

static merx_status add_candidate(importer *im, const char *folder, const char *name, bool only_one, merx_error *err)
{
    candidate c = {.name = mx_arena_strdup(im->arena, name, err)};
    c.path = folder ? mx_path_join(im->arena, folder, name, err) : NULL;
    if (!c.name || !c.path)
        return MERX_E_MEMORY;
    /* Read more than once: to understand it, to take it, and for its sum. */
    if (mx_path_exists(c.path) && !mx_path_is_file(c.path))
        MX_FAIL(err, MERX_E_INVALID, c.path, "is a pipe or a device (expected a file)");
    MX_TRY(understand(im, &c, only_one, err));
    return mx_vec_append(&im->candidates, &c, 1, err);
}

/* A tar file of pictures is taken after the tables. */
static bool note_tar(importer *im, const char *name)
{
    int tar = mx_pictures_tar(name);
    if (tar >= 0)
        im->tars[tar] = name;
    return tar >= 0;
}

/* The files of a folder by name; a path to one file gives that. */
static merx_status look_around(importer *im, const char *path, merx_error *err)
{
    char *folder = mx_arena_strdup(im->arena, path, err);
    char **names = NULL;
    size_t count = 0;

    if (!folder)
        return MERX_E_MEMORY;
    if (!mx_path_exists(path))
        MX_FAIL(err, MERX_E_NOT_FOUND, path, "there is no such file or folder");
    bool one = !mx_path_is_folder(path);
    char *name = folder;
    if (one) {
        char *slash = strrchr(folder, '/');
        name = slash ? slash + 1 : folder;
        if (slash)
            *slash = '\0';
        folder = slash == folder ? mx_arena_strdup(im->arena, "/", err)
                 : slash         ? folder
                                 : mx_arena_strdup(im->arena, ".", err);
        if (!folder)
            return MERX_E_MEMORY;
    } else {
        MX_TRY(mx_list_folder(path, im->arena, &names, &count, err));
    }
    const char *mapping = im->options->mapping;
    if (!mapping) {
        mapping = mx_path_join(im->arena, folder, "shop.json", err);
        if (!mapping)
            return MERX_E_MEMORY;
        if (!mx_path_exists(mapping))
            mapping = NULL;
    }
    if (mapping)
        MX_TRY(mx_mapping_read(mapping, im->alloc, &im->mapping, err));
    im->folder = folder;
    im->one = one;
    if (one)
        return note_tar(im, name) ? MERX_OK : add_candidate(im, folder, name, true, err);
    for (size_t i = 0; i < count; i++) {
        char *full = mx_path_join(im->arena, folder, names[i], err);
        if (!full)
            return MERX_E_MEMORY;
        if (mx_path_is_file(full) && note_tar(im, names[i]))
            continue;
        if (names[i][0] == '.' || strcmp(names[i], "shop.json") == 0 || mx_path_is_folder(full))
            continue;
        MX_TRY(add_candidate(im, folder, names[i], false, err));
    }
    return MERX_OK;
}

/* ---- taking a file ---- */

static bool is_thing_role(mx_role role)
{
    return role == MX_ROLE_PRODUCTS || role == MX_ROLE_CUSTOMERS || role == MX_ROLE_ORDERS;
}

static merx_status changed_file(const importer *im, const candidate *c, const char *how, merx_error *err)
{
    (void)im;
    MX_FAIL(err, MERX_E_CHANGED, c->name,
            "%s since it was imported; --replace takes it anew (what came from it before is removed first)", how);
}

/* Services of the preset, beside those the shop has said. */
static merx_status set_services(importer *im, mx_intake *in, merx_error *err)
{
    if (!in->layout.retail || *im->settings.services)
        return MERX_OK;
    im->settings.services = mx_retail_services;
    in->things_changed = true;
    return mx_records_set_setting(im->shop->records, MX_SETTING_SERVICES, mx_retail_services, err);
}

/* Rows below the watermark must be those that were taken. */
static merx_status skip_taken(const importer *im, const candidate *c, mx_rows *rows, const mx_source_record *before,
                              merx_error *err)
{
    const mx_row *row;
    uint64_t bytes = 0;
    char hex[65] = "";

    for (uint64_t i = 0; i < before->rows; i++) {
        MX_TRY(mx_rows_next(rows, &row, err));
        if (!row)
            return changed_file(im, c, "has fewer rows than", err);
    }
    mx_rows_digest_line(rows, &bytes, hex);
    if (bytes != before->text_bytes || !mx_str_equal(before->text_sha256, mx_str_of(hex)))
        return changed_file(im, c, "its rows have changed", err);
    return MERX_OK;
}

/* The digest of a file's first rows, read again. */
static merx_status digest_again(const importer *im, const candidate *c, uint64_t taken, uint64_t *bytes, char hex[65],
                                merx_error *err)
{
    mx_rows *rows = NULL;
    const mx_row *row;
    MX_TRY(open_rows(im, c, &rows, err));
    mx_rows_digest(rows);
    merx_status status = MERX_OK;
    for (uint64_t i = 0; status == MERX_OK && i < taken; i++)
        status = mx_rows_next(rows, &row, err);
    if (status == MERX_OK)
        mx_rows_digest_line(rows, bytes, hex);
    mx_rows_close(rows);
    return status;
}

static merx_status take_rows(importer *im, const candidate *c, mx_intake *in, mx_rows *rows, mx_source_record *source,
                             merx_error *err)
{
    const mx_row *row;
    char stage[128];
    uint64_t bytes = 0;
    char hex[65] = "";
    uint64_t taken = source->rows;
    uint64_t digested = 0; /* rows that the digest covers */

    snprintf(stage, sizeof stage, "import %.100s", in->source);
    mx_task_stage(im->task, stage, 0, "rows");
    for (;; taken++) {
        /* The end shows itself with the next row, and the digest must be asked before: so for each row of the last block. */
        double progress = mx_rows_progress(rows);
        if (taken > 0 && (progress < 0 || progress >= 1)) {
            mx_rows_digest_line(rows, &bytes, hex);
            digested = taken;
        }
        MX_TRY(mx_rows_next(rows, &row, err));
        if (!row)
            break;
        MX_TRY(mx_intake_row(in, row, err));
        if (in->read % 8192 == 0)
            MX_TRY(mx_task_step(im->task, in->read, err));
    }
    MX_TRY(mx_intake_flush(in, err));
    if (digested != taken)
        MX_TRY(digest_again(im, c, taken, &bytes, hex, err));
    source->rows = taken;
    source->text_bytes = bytes;
    char *kept = mx_arena_strdup(im->arena, hex, err);
    if (!kept)
        return MERX_E_MEMORY;
    source->text_sha256 = mx_str_of(kept);
    return MERX_OK;
}

/* Inside the transaction. */
static merx_status take_file(importer *im, const candidate *c, const mx_source_record *before, mx_source_record *source,
                             mx_intake *in, merx_error *err)
{
    mx_records *records = im->shop->records;
    mx_rows *rows = NULL;
    merx_status status = MERX_OK;
    bool anew = before && is_thing_role(c->layout.role);

    MX_TRY_GOTO(open_rows(im, c, &rows, err));
    mx_rows_digest(rows);
    in->rows = rows;
    if (before && !anew) {
        merx_error failure = {0};
        status = skip_taken(im, c, rows, before, &failure);
        if (status == MERX_E_CHANGED && im->options->replace) {
            anew = true;
            mx_rows_close(rows);
            rows = NULL;
            MX_TRY_GOTO(open_rows(im, c, &rows, err));
            mx_rows_digest(rows);
            in->rows = rows;
        } else if (status != MERX_OK) {
            MX_FAIL_GOTO(err, status, failure.where, "%s", failure.message);
        } else {
            source->rows = before->rows;
            source->accepted = before->accepted;
            source->refused = before->refused;
            source->text_bytes = before->text_bytes;
        }
    }
    if (anew) {
        MX_TRY_GOTO(mx_records_remove(records, MX_SOURCE, source->name, err));
        in->things_changed = true;
    }
    MX_TRY_GOTO(set_services(im, in, err));
    MX_TRY_GOTO(take_rows(im, c, in, rows, source, err));
    source->accepted += in->accepted;
    source->refused += in->refusals;
    mx_record record = {.kind = MX_SOURCE, .source = *source};
    MX_TRY_GOTO(mx_records_upsert(records, &record, 1, err));
    if (in->things_changed)
        MX_TRY_GOTO(mx_shop_settings_bump(records, err));
out:
    mx_rows_close(rows);
    return status;
}

static const char *file_note(const importer *im, const mx_intake *in, merx_error *err)
{
    return mx_arena_printf(im->arena, err,
                           in->layout.role == MX_ROLE_EVENTS ? "%" PRIu64 " events with ids already taken"
                                                             : "%" PRIu64
                                                               " rows with an id seen before: the last counts",
                           in->duplicates);
}

/* Another writer may have been here before the lock was ours: what rows are read by, and how far the file was taken. */
static merx_status look_again(importer *im, mx_source_record *source, mx_record *before, bool *known, merx_error *err)
{
    MX_TRY(mx_shop_settings_read(im->shop->records, im->arena, &im->settings, err));
    mx_erased_release(&im->erased);
    MX_TRY(mx_erased_read(im->shop->records, im->alloc, &im->erased, err));
    merx_error failure = {0};
    merx_status status = mx_records_get(im->shop->records, MX_SOURCE, source->name, im->arena, before, &failure);
    *known = status == MERX_OK;
    if (!*known && status != MERX_E_NOT_FOUND)
        MX_FAIL(err, status, failure.where, "%s", failure.message);
    return MERX_OK;
}

static merx_status import_file(importer *im, const candidate *c, merx_import *out, merx_error *err)
{
    mx_records *records = im->shop->records;
    merx_status status = MERX_OK;
    mx_record before;
    char sha256[65];
    merx_import_file *file;
    mx_source_record source = {.name = mx_str_of(c->name)};
    mx_shop_settings settings = im->settings;
    mx_intake in = {.shop = im->shop,
                    .task = im->task,
                    .alloc = im->alloc,
                    .refused = &im->refused,
                    .erased = &im->erased,
                    .settings = &im->settings,
                    .layout = c->layout,
                    .source = c->name,
                    .max_refused = im->options->max_refused};

    MX_TRY(mx_vec_push(&im->files, 1, &file, err));
    *file = (merx_import_file){
        .name = c->name, .preset = c->ignored ? "ignored" : mx_layout_preset(&c->layout), .note = c->note};
    if (c->ignored)
        return MERX_OK;
    MX_TRY(mx_file_size(c->path, &source.file_bytes, err));
    MX_TRY(mx_sha256_file(c->path, sha256, err));
    source.file_sha256 = mx_str_of(sha256);
    bool known;
    MX_TRY(look_again(im, &source, &before, &known, err));
    if (known && before.source.file_bytes == source.file_bytes &&
        mx_str_equal(before.source.file_sha256, source.file_sha256)) {
        file->unchanged = true;
        return MERX_OK;
    }
    im->read = true;
    size_t kept = im->refused.kept.count;
    MX_TRY(mx_intake_init(&in, err));
    status = mx_records_begin(records, err);
    if (status == MERX_OK)
        status = look_again(im, &source, &before, &known, err);
    if (status == MERX_OK)
        status = take_file(im, c, known ? &before.source : NULL, &source, &in, err);
    if (status == MERX_OK)
        status = mx_records_commit(records, err);
    if (status != MERX_OK) {
        mx_records_rollback(records);
        im->settings = settings;
        (void)kept;
    } else {
        file->rows = in.read;
        file->accepted = in.accepted;
        file->duplicates = in.duplicates;
        file->refused = in.refusals;
        if (in.duplicates > 0) {
            file->note = file_note(im, &in, err);
            status = file->note ? MERX_OK : MERX_E_MEMORY;
        }
        out->rows += in.read;
        out->accepted += in.accepted;
        out->duplicates += in.duplicates;
        out->refused += in.refusals;
        out->changed = out->changed || in.accepted > 0 || in.things_changed;
    }
    mx_intake_release(&in);
    return status;
}

/* ---- pictures ---- */

/* Whether there is a folder or a tar file of pictures. */
static merx_status has_pictures(const importer *im, bool *has, merx_error *err)
{
    *has = false;
    for (int i = 0; i < MX_PICTURE_TARS; i++)
        *has = *has || im->tars[i];
    if (im->one)
        return MERX_OK;
    const char *folder = mx_path_join(im->arena, im->folder, "pictures", err);
    if (!folder)
        return MERX_E_MEMORY;
    *has = *has || mx_path_is_folder(folder);
    return MERX_OK;
}

/* After the tables, which say what products there are and may name pictures. One file of a folder leaves pictures as they are, unless it is one of pictures. */
static merx_status import_pictures(importer *im, merx_import *out, merx_error *err)
{
    bool said = false;
    bool changed = false;
    bool has = false;
    merx_import_file file;
    mx_picture_intake in = {.shop = im->shop,
                            .task = im->task,
                            .alloc = im->alloc,
                            .arena = im->arena,
                            .refused = &im->refused,
                            .max_refused = im->options->max_refused,
                            .folder = im->folder,
                            .files = !im->one};

    MX_TRY(has_pictures(im, &has, err));
    if (im->one && !has)
        return MERX_OK;
    memcpy(in.tars, im->tars, sizeof in.tars);
    mx_picture_table *tables = mx_arena_array(im->arena, im->candidates.count + 1, sizeof *tables, err);
    if (!tables)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < im->candidates.count; i++) {
        const candidate *c = &MX_VEC_AT(&im->candidates, candidate, i);
        if (!c->ignored && c->layout.role == MX_ROLE_PRODUCTS)
            tables[in.n_tables++] = (mx_picture_table){c->name, c->path, &c->layout};
    }
    in.tables = tables;
    MX_TRY(mx_pictures_import(&in, &file, &said, &changed, err));
    if (!said)
        return MERX_OK;
    im->read = im->read || file.rows > 0;
    out->rows += file.rows;
    out->accepted += file.accepted;
    out->duplicates += file.duplicates;
    out->refused += file.refused;
    out->changed = out->changed || changed;
    return mx_vec_append(&im->files, &file, 1, err);
}

/* ---- the whole ---- */

static merx_status check_some(const importer *im, const char *path, merx_error *err)
{
    char looked[300] = "";
    bool pictures = false;
    MX_TRY(has_pictures(im, &pictures, err));
    if (pictures)
        return MERX_OK;
    for (size_t i = 0; i < im->candidates.count; i++) {
        const candidate *c = &MX_VEC_AT(&im->candidates, candidate, i);
        if (!c->ignored)
            return MERX_OK;
        size_t used = strlen(looked);
        if (used + strlen(c->name) + 3 < sizeof looked)
            snprintf(looked + used, sizeof looked - used, "%s%s", used ? ", " : "", c->name);
    }
    if (!*looked)
        MX_FAIL(err, MERX_E_NOT_FOUND, path,
                "there is no file in it (expected CSV or JSON lines: products, customers, orders, events, messages, "
                "reviews; or a folder \"pictures\")");
    MX_FAIL(err, MERX_E_NOT_FOUND, path,
            "no file that merx understands; it looked at %s. Name their columns in shop.json", looked);
}

static merx_status apply_mapping(importer *im, merx_import *out, merx_error *err)
{
    mx_records *records = im->shop->records;
    bool changed = false;
    if (!im->mapping)
        return MERX_OK;
    MX_TRY(mx_records_begin(records, err));
    merx_status status = mx_mapping_apply(im->mapping, records, &im->settings, &changed, err);
    if (status == MERX_OK && changed)
        status = mx_shop_settings_bump(records, err);
    if (status == MERX_OK && changed)
        status = mx_records_commit(records, err);
    else
        mx_records_rollback(records);
    out->changed = out->changed || changed;
    return status == MERX_OK && changed ? mx_shop_settings_read(records, im->arena, &im->settings, err) : status;
}

/* What the shop holds now. */
static merx_status sum_up(importer *im, merx_import *out, merx_error *err)
{
    mx_snapshot *s;
    int64_t line;
    MX_TRY(mx_shop_snapshot(im->shop, im->task, &s, err));
    out->events = s->events;
    out->customers = s->customers;
    out->products = s->products;
    out->orders = s->orders;
    out->decimals = s->decimals;
    for (size_t i = 0; i < s->events; i++)
        if ((s->kind[i] == MX_EVENT_PURCHASE || s->kind[i] == MX_EVENT_RETURN) &&
            (__builtin_mul_overflow(s->quantity[i], s->price_minor[i], &line) ||
             __builtin_add_overflow(out->amount_minor, line, &out->amount_minor)))
            MX_FAIL(err, MERX_E_RANGE, "", "the sum of all amounts does not fit into 63 bits");
    return MERX_OK;
}

static merx_status run(importer *im, const char *path, merx_import *out, merx_error *err)
{
    mx_records *records = im->shop->records;

    if (im->shop->read_only)
        MX_FAIL(err, MERX_E_PERMISSION, im->shop->folder, "the shop was opened read-only");
    MX_TRY(mx_shop_settings_read(records, im->arena, &im->settings, err));
    MX_TRY(mx_erased_read(records, im->alloc, &im->erased, err));
    MX_TRY(look_around(im, path, err));
    MX_TRY(check_some(im, path, err));
    MX_TRY(apply_mapping(im, out, err));
    for (int role = MX_ROLE_NONE; role < MX_ROLES; role++)
        for (size_t i = 0; i < im->candidates.count; i++) {
            const candidate *c = &MX_VEC_AT(&im->candidates, candidate, i);
            if ((c->ignored ? MX_ROLE_NONE : (int)c->layout.role) == role)
                MX_TRY(import_file(im, c, out, err));
        }
    MX_TRY(import_pictures(im, out, err));
    return sum_up(im, out, err);
}

/* Lists move into the report. */
static merx_status keep_lists(importer *im, merx_import *out, merx_error *err)
{
    out->files = im->files.count;
    out->refusals = im->refused.kept.count;
    void *files = mx_arena_array(im->arena, out->files + 1, sizeof *out->file, err);
    void *refusals = mx_arena_array(im->arena, out->refusals + 1, sizeof *out->refusal, err);
    if (!files || !refusals)
        return MERX_E_MEMORY;
    if (out->files)
        memcpy(files, im->files.data, out->files * sizeof *out->file);
    if (out->refusals)
        memcpy(refusals, im->refused.kept.data, out->refusals * sizeof *out->refusal);
    out->file = files;
    out->refusal = refusals;
    return MERX_OK;
}

merx_status merx_shop_import(merx_shop *shop, const char *path, const merx_import_options *options, merx_task *task,
                             merx_import *out, merx_error *err)
{
    static const merx_import_options defaults = {0};
    const merx_allocator *alloc = shop->alloc;
    report *held;
    importer im = {
        .shop = shop, .options = options ? options : &defaults, .task = task, .alloc = merx_task_allocator(task)};

    memset(out, 0, sizeof *out);
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &held, "import report", err));
    held->alloc = alloc;
    mx_arena_init(&held->arena, alloc);
    im.arena = &held->arena;
    im.candidates = mx_vec_init(im.alloc, sizeof(candidate), 1u << 20, "files");
    im.files = mx_vec_init(im.alloc, sizeof(merx_import_file), 1u << 20, "files");
    char *refused = mx_path_join(im.arena, shop->folder, "refused.csv", err);
    mx_refused_init(&im.refused, refused, im.arena, im.alloc);
    merx_status status = refused ? run(&im, path, out, err) : MERX_E_MEMORY;
    merx_status listed = refused ? mx_refused_finish(&im.refused, im.read, status == MERX_OK ? err : NULL) : MERX_OK;
    if (status == MERX_OK)
        status = listed;
    if (status == MERX_OK)
        status = keep_lists(&im, out, err);
    mx_task_done(task);
    mx_refused_release(&im.refused);
    mx_erased_release(&im.erased);
    mx_mapping_free(im.mapping);
    mx_vec_release(&im.candidates);
    mx_vec_release(&im.files);
    out->memory = held;
    if (status != MERX_OK)
        merx_import_release(out);
    return status;
}

void merx_import_release(merx_import *import)
{
    if (!import || !import->memory)
        return;
    report *held = import->memory;
    mx_arena_release(&held->arena);
    const merx_allocator *alloc = held->alloc;
    MX_FREE_ARRAY(alloc, held, 1);
    memset(import, 0, sizeof *import);
}
