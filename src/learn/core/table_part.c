/*
 * A part of a CSV file into cells (see table_reader.h).
 *
 * An index of the fields is made of a piece of the text at a time; as long as each row has its number of fields, all rows of the piece are taken in column by column.
 * A row that is not so (empty, of another length, with quotes where none belong) is scanned alone, by the rules of csv_scan.h; then the index
 * begins anew behind it. Both give the same for what both can read, so where pieces end does not matter.
 */
#include <stdio.h>
#include <string.h>

#include "learn/core/table_reader.h"

#define PAD MX_FIELDS_PADDING
#define PIECE MX_TABLE_PIECE /* a power of two */

static merx_status init_part(mx_table_part *part, const mx_cell_rules *rules, const merx_allocator *alloc,
                             merx_error *err)
{
    part->runs = mx_vec_init(alloc, sizeof(mx_line_run), SIZE_MAX / 64, "lines of rows");
    part->refused = mx_vec_init(alloc, sizeof(mx_refusal), SIZE_MAX / 64, "refused rows");
    part->infinite = mx_vec_init(alloc, sizeof(mx_infinite), SIZE_MAX / 128, "infinite numbers");
    return MX_NEW_ARRAY(alloc, rules->count, &part->cells, "columns", err);
}

static void release_part(mx_table_part *part, const mx_cell_rules *rules, const merx_allocator *alloc)
{
    if (part->runs.alloc == NULL)
        return;
    for (size_t j = 0; part->cells != NULL && j < rules->count; j++)
        mx_free_array(alloc, part->cells[j].values, part->capacity, 8);
    MX_FREE_ARRAY(alloc, part->cells, rules->count);
    mx_vec_release(&part->runs);
    mx_vec_release(&part->refused);
    mx_vec_release(&part->infinite);
}

merx_status mx_table_worker_init(mx_table_worker *w, const mx_cell_rules *rules, const mx_csv_format *format,
                                 size_t chunk, const merx_allocator *alloc, merx_error *err)
{
    *w = (mx_table_worker){.alloc = alloc, .rules = rules, .format = *format, .chunk = chunk, .piece = PIECE};
    w->scratch = (mx_cell_scratch){.rules = rules, .kernels = mx_field_kernel()};
    mx_text_store_init(&w->scratch.texts, alloc);
    w->scratch.unquoted = mx_vec_init(alloc, 1, format->row_limit + 2 * PAD, "bytes of a field");
    MX_TRY(init_part(&w->body, rules, alloc, err));
    MX_TRY(init_part(&w->seam, rules, alloc, err));
    MX_TRY(MX_NEW_ARRAY(alloc, rules->count, &w->scratch.words, "columns", err));
    MX_TRY(MX_NEW_ARRAY(alloc, rules->count, &w->plans, "columns", err));
    MX_TRY(MX_NEW_ARRAY(alloc, rules->count, &w->begun, "columns", err));
    MX_TRY(MX_NEW_ARRAY(alloc, rules->count, &w->fields, "columns", err));
    MX_TRY(MX_NEW_ARRAY(alloc, rules->count, &w->quoted, "columns", err));
    MX_TRY(MX_NEW_ARRAY(alloc, rules->count, &w->saved_missing, "columns", err));
    MX_TRY(MX_NEW_ARRAY(alloc, rules->count, &w->saved_dates, "columns", err));
    MX_TRY(MX_NEW_ARRAY(alloc, rules->count + 1, &w->ends, "columns", err));
    MX_TRY(mx_alloc_array_raw(alloc, PIECE + 2 * PAD, sizeof(uint32_t), "index of fields", &w->index.ends, err));
    MX_TRY(mx_alloc_array_raw(alloc, PIECE + 2 * PAD, sizeof(uint32_t), "index of fields", &w->index.rows, err));
    MX_TRY(mx_alloc_array_raw(alloc, PIECE + 2 * PAD, sizeof(uint32_t), "index of fields", &w->index.inner, err));
    MX_TRY(mx_alloc_array_raw(alloc, PIECE + 2 * PAD, sizeof(uint32_t), "index of fields", &w->scratch.others, err));
    return mx_alloc_array_raw(alloc, chunk + 2 * PAD, 1, "block of the file", &w->block, err);
}

void mx_table_worker_release(mx_table_worker *w)
{
    const merx_allocator *alloc = w->alloc;
    if (alloc == NULL)
        return;
    release_part(&w->body, w->rules, alloc);
    release_part(&w->seam, w->rules, alloc);
    for (size_t j = 0; w->scratch.words != NULL && j < w->rules->count; j++)
        if (w->scratch.words[j].alloc != NULL)
            mx_words_release(&w->scratch.words[j]);
    MX_FREE_ARRAY(alloc, w->scratch.words, w->rules->count);
    MX_FREE_ARRAY(alloc, w->plans, w->rules->count);
    MX_FREE_ARRAY(alloc, w->begun, w->rules->count);
    MX_FREE_ARRAY(alloc, w->fields, w->rules->count);
    MX_FREE_ARRAY(alloc, w->quoted, w->rules->count);
    MX_FREE_ARRAY(alloc, w->saved_missing, w->rules->count);
    MX_FREE_ARRAY(alloc, w->saved_dates, w->rules->count);
    MX_FREE_ARRAY(alloc, w->ends, w->rules->count + 1);
    MX_FREE_ARRAY(alloc, w->index.ends, PIECE + 2 * PAD);
    MX_FREE_ARRAY(alloc, w->index.rows, PIECE + 2 * PAD);
    MX_FREE_ARRAY(alloc, w->index.inner, PIECE + 2 * PAD);
    MX_FREE_ARRAY(alloc, w->scratch.others, PIECE + 2 * PAD);
    mx_vec_release(&w->scratch.unquoted);
    mx_text_store_release(&w->scratch.texts);
    mx_free_array(alloc, w->block, w->chunk + 2 * PAD, 1);
    mx_free_array(alloc, w->seam_block, w->seam_capacity + 2 * PAD, 1);
}

/* ---- taking in rows ---- */

static merx_status make_room(mx_table_worker *w, mx_table_part *part, size_t rows, merx_error *err)
{
    size_t need, capacity = part->capacity * 2;
    if (!mx_add_size(part->rows, rows, &need))
        MX_FAIL(err, MERX_E_MEMORY, "rows", "too many rows");
    if (need <= part->capacity)
        return MERX_OK;
    capacity = capacity > need ? capacity : need;
    capacity = capacity > 256 ? capacity : 256;
    for (size_t j = 0; j < w->rules->count; j++) {
        void *bigger;
        merx_status status = mx_alloc_array_raw(w->alloc, capacity, 8, "cells", &bigger, err);
        if (status != MERX_OK) { /* those before are larger than they are said to be: give them up */
            for (size_t i = 0; i < w->rules->count; i++) {
                mx_free_array(w->alloc, part->cells[i].values, i < j ? capacity : part->capacity, 8);
                part->cells[i].values = NULL;
            }
            part->capacity = 0;
            return status;
        }
        if (part->cells[j].values != NULL)
            memcpy(bigger, part->cells[j].values,
                   part->rows *
                       (part->cells[j].plan.kind == MX_CELLS_NONE ? 0 : mx_cell_size(part->cells[j].plan.kind)));
        mx_free_array(w->alloc, part->cells[j].values, part->capacity, 8);
        part->cells[j].values = bigger;
    }
    part->capacity = capacity;
    return MERX_OK;
}

/* Says on which line row `row` of the part is. */
static merx_status put_line(mx_table_part *part, size_t row, uint64_t line, merx_error *err)
{
    if (part->runs.count > 0) {
        const mx_line_run *run = &MX_VEC_AT(&part->runs, mx_line_run, part->runs.count - 1);
        if (run->line + (row - run->row) == line)
            return MERX_OK;
    }
    return mx_vec_append(&part->runs, &(mx_line_run){row, line}, 1, err);
}

static merx_status fill_columns(mx_table_worker *w, mx_table_part *part, const mx_cell_rows *rows, bool checked,
                                size_t *refused, int *column, merx_error *err)
{
    for (size_t k = 0; k < (checked ? w->rules->n_checked : w->rules->count); k++) {
        const size_t j = checked ? w->rules->checked[k] : k;
        const mx_cell_rule *rule = &w->rules->columns[j];
        if (!checked && rule->declared && rule->type != MERX_COLUMN_CATEGORICAL && rule->type != MERX_COLUMN_TEXT)
            continue;
        size_t here = SIZE_MAX;
        MX_TRY(mx_cells_fill(&w->scratch, &part->cells[j], j, rows, part->rows, &part->redo, &here, err));
        if (here < *refused) {
            *refused = here;
            *column = (int)j;
        }
    }
    return MERX_OK;
}

/* Takes in rows up to the first that a declared column refuses; *taken without it. *column: which, or -1. */
static merx_status take_rows(mx_table_worker *w, mx_table_part *part, mx_cell_rows rows, size_t *taken, int *column,
                             merx_error *err)
{
    *column = -1;
    MX_TRY(make_room(w, part, rows.rows, err));
    size_t refused = SIZE_MAX;
    const bool redo = part->redo;
    for (size_t k = 0; k < w->rules->n_checked; k++) {
        const mx_cells *cells = &part->cells[w->rules->checked[k]];
        w->saved_missing[k] = cells->missing;
        w->saved_dates[k] = cells->plan.dates;
    }
    MX_TRY(fill_columns(w, part, &rows, true, &refused, column, err));
    if (refused != SIZE_MAX) { /* what came behind it is not to count: once more, without */
        int ignored;
        size_t none = SIZE_MAX;
        for (size_t k = 0; k < w->rules->n_checked; k++) {
            mx_cells *cells = &part->cells[w->rules->checked[k]];
            cells->missing = w->saved_missing[k];
            cells->plan.dates = w->saved_dates[k];
        }
        part->redo = redo;
        rows.rows = refused;
        if (refused > 0)
            MX_TRY(fill_columns(w, part, &rows, true, &none, &ignored, err));
    }
    *taken = rows.rows;
    if (rows.rows == 0)
        return MERX_OK;
    int ignored;
    MX_TRY(fill_columns(w, part, &rows, false, &refused, &ignored, err));
    part->rows += rows.rows;
    return MERX_OK;
}

static merx_status refuse(mx_table_part *part, size_t begin, int column, merx_error *err)
{
    const mx_refusal refusal = {begin, part->rows, part->newlines, column};
    return mx_vec_append(&part->refused, &refusal, 1, err);
}

/* ---- a row alone ---- */

typedef enum row_kind { ROW_GOOD, ROW_EMPTY, ROW_BAD, ROW_MORE } row_kind;

typedef struct lone_row {
    row_kind kind;
    size_t next; /* where the next row begins; for a bad one the line may not have ended */
    bool skipping;
    mx_csv_scan scan;
    mx_csv_result result;
    bool nul, utf8; /* what is wrong with its bytes */
} lone_row;

static lone_row look_at_row(mx_table_worker *w, const mx_table_part *part, size_t begin)
{
    const unsigned char *text = part->text;
    const size_t size = part->size, columns = w->rules->count;
    lone_row row = {.kind = ROW_EMPTY};
    size_t at = begin + (begin < size && text[begin] == '\r');
    if (at < size && text[at] == '\n') {
        row.next = at + 1;
        return row;
    }
    if (at == size) {
        row.kind = part->last ? ROW_EMPTY : ROW_MORE;
        row.next = part->last ? size : begin;
        return row;
    }
    row.result = mx_csv_scan_row(&w->format, text, begin, size, part->last, w->fields, w->quoted, columns, &row.scan);
    row.kind = ROW_BAD;
    size_t from = row.scan.field;
    if (row.result == MX_CSV_MORE) {
        row.kind = ROW_MORE;
        row.next = begin;
        return row;
    }
    if (row.result == MX_CSV_LONG_ROW)
        from = row.scan.field = begin;
    if (row.result == MX_CSV_ROW) {
        row.next = row.scan.row_end;
        if (row.scan.n == columns) {
            const mx_str bytes = {(const char *)text + begin, row.next - begin};
            row.nul = memchr(bytes.data, 0, bytes.size) != NULL;
            row.utf8 = !mx_utf8_valid(bytes, NULL);
            if (!row.nul && !row.utf8)
                row.kind = ROW_GOOD;
        }
        return row;
    }
    const unsigned char *newline = memchr(text + from, '\n', size - from);
    row.next = newline != NULL ? (size_t)(newline - text) + 1 : size;
    row.skipping = newline == NULL && !part->last;
    return row;
}

/* The index of a good row that was scanned alone. */
static mx_cell_rows rows_of(mx_table_worker *w, const mx_table_part *part, size_t begin)
{
    const size_t columns = w->rules->count;
    size_t end = 0;
    w->ends[0] = UINT32_MAX;
    for (size_t c = 0; c < columns; c++) {
        end = (size_t)((const unsigned char *)w->fields[c].data - part->text) + w->fields[c].size + w->quoted[c];
        w->ends[c + 1] = (uint32_t)(end - begin);
    }
    w->ends[columns] += end < part->size && part->text[end] == '\r';
    return (mx_cell_rows){part->text + begin, w->ends, columns, 1};
}

static uint64_t newlines_in(const unsigned char *text, size_t begin, size_t end)
{
    uint64_t count = 0;
    for (size_t i = begin; i < end; i++)
        count += text[i] == '\n';
    return count;
}

/* One row at *at, which moves behind it; *more: it does not end in the text. */
static merx_status read_lone_row(mx_table_worker *w, mx_table_part *part, size_t *at, bool *more, merx_error *err)
{
    const size_t begin = *at;
    lone_row row = look_at_row(w, part, begin);
    *more = row.kind == ROW_MORE;
    if (*more)
        return MERX_OK;
    *at = row.next;
    if (row.kind == ROW_GOOD) {
        size_t taken;
        int column;
        MX_TRY(put_line(part, part->rows, part->newlines, err));
        const mx_cell_rows rows = rows_of(w, part, begin);
        MX_TRY(take_rows(w, part, rows, &taken, &column, err));
        if (taken == 0)
            MX_TRY(refuse(part, begin, column, err));
    } else if (row.kind == ROW_BAD) {
        MX_TRY(refuse(part, begin, -1, err));
        part->skipping = row.skipping;
    }
    part->newlines += newlines_in(part->text, begin, row.next);
    return MERX_OK;
}

merx_status mx_table_part_describe(mx_table_worker *w, const mx_table_part *part, const mx_refusal *refusal,
                                   int *column, mx_str *value, char *out, size_t size, merx_error *err)
{
    lone_row row = look_at_row(w, part, refusal->begin);
    *value = (mx_str){NULL, 0};
    if (row.kind == ROW_GOOD && refusal->column >= 0) {
        *column = refusal->column;
        const mx_cell_rule *rule = &w->rules->columns[*column];
        const mx_cell_rows rows = rows_of(w, part, refusal->begin);
        MX_TRY(mx_cell_text(&w->scratch, &rows, 0, (size_t)*column, value, err));
        const char *expected = "";
        mx_cell_plan plan = w->plans[*column];
        (void)mx_cell_fits(rule, &plan, mx_str_trim(*value), &expected);
        mx_cell_describe(rule, expected, out, size);
        return MERX_OK;
    }
    *column = -1;
    if (row.result != MX_CSV_ROW)
        *column = mx_csv_describe(&w->format, part->text, &row.scan, row.result, out, size);
    else if (row.scan.n != w->rules->count)
        mx_csv_describe_count(row.scan.n, w->rules->count, out, size);
    else
        *column = mx_csv_describe_bytes(w->fields, row.scan.n, row.nul, out, size);
    return MERX_OK;
}

/* ---- many rows ---- */

/* How many rows of the index, from the first, are as they should be: all their fields, and nothing in a column of one that an empty line could be. */
static size_t regular_rows(const mx_table_worker *w, const unsigned char *text, bool bytes)
{
    const mx_fields *x = &w->index;
    const size_t columns = w->rules->count;
    size_t n = 0;
    while (n < x->n_rows && x->rows[n] == n * columns + columns - 1 && x->ends[(n + 1) * columns] < x->stop)
        n++;
    if (columns == 1 || bytes)
        for (size_t r = 0; r < n; r++) {
            const size_t begin = (size_t)(uint32_t)(x->ends[r * columns] + 1), end = x->ends[(r + 1) * columns];
            if (columns == 1 && (begin == end || (begin + 1 == end && text[begin] == '\r')))
                return r;
            if (bytes && (memchr(text + begin, 0, end - begin) != NULL ||
                          !mx_utf8_valid((mx_str){(const char *)text + begin, end - begin}, NULL)))
                return r;
        }
    return n;
}

static merx_status put_lines(mx_table_worker *w, mx_table_part *part, size_t rows, merx_error *err)
{
    const mx_fields *x = &w->index;
    const size_t columns = w->rules->count, end = x->ends[rows * columns];
    uint64_t line = part->newlines;
    MX_TRY(put_line(part, part->rows, line, err));
    size_t r = 0, last = SIZE_MAX;
    for (size_t i = 0; i < x->n_inner && x->inner[i] < end; i++) {
        while (x->ends[(r + 1) * columns] < x->inner[i])
            r++;
        line++;
        if (r + 1 < rows) {
            if (r == last) { /* a second one in the same row */
                MX_VEC_AT(&part->runs, mx_line_run, part->runs.count - 1).line++;
                continue;
            }
            MX_TRY(mx_vec_append(&part->runs, &(mx_line_run){part->rows + r + 1, line + r + 1}, 1, err));
            last = r;
        }
    }
    part->newlines = line + rows;
    return MERX_OK;
}

/* Rows by the index from *at on, which moves behind the last one taken. *none: there was no whole regular row. */
static merx_status read_regular_rows(mx_table_worker *w, mx_table_part *part, size_t *at, bool *none, merx_error *err)
{
    mx_fields *x = &w->index;
    const unsigned char *text = part->text + *at;
    const size_t size = part->size - *at < w->piece ? part->size - *at : w->piece;
    w->scratch.kernels->index(text, size, w->format.separator, w->format.quote, x);
    const bool bytes = x->nul || (x->high && !mx_utf8_valid((mx_str){(const char *)text, size}, NULL));
    const size_t rows = regular_rows(w, text, bytes);
    if (x->irregular || rows < x->n_rows)
        w->piece = w->piece > 2048 ? w->piece / 4 : 512;
    else
        w->piece = w->piece < PIECE / 2 ? w->piece * 2 : PIECE;
    *none = rows == 0;
    if (rows == 0)
        return MERX_OK;
    size_t taken;
    int column;
    const size_t row = part->rows;
    const mx_cell_rows all = {text, x->ends, w->rules->count, rows};
    MX_TRY(take_rows(w, part, all, &taken, &column, err));
    part->rows = row;
    if (taken > 0)
        MX_TRY(put_lines(w, part, taken, err));
    part->rows = row + taken;
    const size_t begin = *at + (size_t)(uint32_t)(x->ends[taken * w->rules->count] + 1);
    *at = begin;
    if (taken < rows) {
        MX_TRY(refuse(part, begin, column, err));
        *at += x->ends[(taken + 1) * w->rules->count] - (uint32_t)x->ends[taken * w->rules->count];
        part->newlines += newlines_in(part->text, begin, *at);
    }
    return MERX_OK;
}

merx_status mx_table_part_read(mx_table_worker *w, mx_table_part *part, merx_error *err)
{
    part->skipping = part->redo = false;
    part->newlines = 0;
    part->rows = 0;
    mx_vec_clear(&part->runs);
    mx_vec_clear(&part->refused);
    mx_vec_clear(&part->infinite);
    w->scratch.infinite = &part->infinite;
    for (size_t j = 0; j < w->rules->count; j++)
        part->cells[j] = (mx_cells){.begin = w->plans[j], .plan = w->plans[j], .values = part->cells[j].values};
    size_t at = part->begin;
    bool more = false;
    while (at < part->size && at < part->limit && !more && !part->skipping) {
        bool alone = part->limit < part->size;
        if (!alone)
            MX_TRY(read_regular_rows(w, part, &at, &alone, err));
        if (alone)
            MX_TRY(read_lone_row(w, part, &at, &more, err));
    }
    part->stop = at;
    for (size_t j = 0; j < w->rules->count; j++)
        w->plans[j] = part->cells[j].plan;
    return MERX_OK;
}

/* ---- where to begin ---- */

size_t mx_table_guess(mx_table_worker *w, const unsigned char *text, size_t size)
{
    enum { TRIES = 8, LOOK = 4096, ROWS = 2 };
    size_t first = SIZE_MAX, at = 0;
    for (int t = 0; t < TRIES; t++) {
        const unsigned char *newline = at < size ? memchr(text + at, '\n', size - at) : NULL;
        if (newline == NULL)
            break;
        at = (size_t)(newline - text) + 1;
        if (first == SIZE_MAX)
            first = at;
        w->scratch.kernels->index(text + at, size - at < LOOK ? size - at : LOOK, w->format.separator, w->format.quote,
                                  &w->index);
        size_t rows = regular_rows(w, text + at, false);
        if (rows >= ROWS || (rows > 0 && rows == w->index.n_rows && !w->index.irregular))
            return at;
    }
    return first != SIZE_MAX ? first : size;
}
