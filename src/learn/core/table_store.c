/*
 * The table that the parts of a file become (see dataset_read.c): chunks are committed one after the other, in the order of the file; the values
 * themselves are then copied to their place by the threads that read them, at the same time.
 */
#include "learn/core/table_reader.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "learn/core/table_words.h"

#define PAD MX_FIELDS_PADDING
#define BEGINNING 64e6 /* bytes */

/* ---- columns ---- */

static void free_values(mx_table_reader *r, mx_table_column *column)
{
    mx_free_array(r->alloc, column->values, column->capacity, mx_cell_size(column->plan.kind));
    column->values = NULL;
    column->capacity = 0;
}

/* The column's array for capacity rows of its kind, with the first `kept` rows of the one before. */
static merx_status resize_values(mx_table_reader *r, mx_table_column *column, size_t capacity, size_t kept,
                                 merx_error *err)
{
    const size_t size = mx_cell_size(column->plan.kind);
    void *values;
    MX_TRY(mx_alloc_array_raw(r->alloc, capacity, size, "column of a table", &values, err));
    mx_wish_large_pages(values, capacity * size);
    if (kept > 0)
        memcpy(values, column->values, kept * size);
    free_values(r, column);
    column->values = values;
    column->capacity = capacity;
    return MERX_OK;
}

/* Waits until no thread copies into the columns; then only the one whose turn it is touches them. */
static void alone(mx_table_reader *r)
{
    pthread_mutex_lock(&r->lock);
    while (r->copying > 0)
        pthread_cond_wait(&r->moved, &r->lock);
    pthread_mutex_unlock(&r->lock);
}

/*
 * How many rows the file is likely to have, from those of the bytes so far. Room for the beginning comes first: its rows are often shorter than the rest
 * (numbers that count up), and room for a whole large file by their measure would be too much by megabytes.
 */
static size_t likely_rows(const mx_table_reader *r, size_t rows)
{
    if (r->ended)
        return rows;
    if (r->fd < 0 || r->bytes == 0)
        return rows + rows / 2 + 1024;
    double bytes = (double)(r->size - r->offset);
    if (r->bytes < BEGINNING / 2 && bytes > BEGINNING)
        bytes = BEGINNING;
    double likely = (double)rows * bytes / (double)r->bytes * 1.005 + 1024;
    if (r->rows > 0 && likely < (double)r->capacity * 1.05) /* grow by something */
        likely = (double)r->capacity * 1.05 + 1024;
    return likely < 1e15 && (size_t)likely > rows ? (size_t)likely : rows;
}

/* Room for `rows` rows in every column that holds something. */
static merx_status make_room(mx_table_reader *r, size_t rows, merx_error *err)
{
    if (rows <= r->capacity)
        return MERX_OK;
    const size_t capacity = likely_rows(r, rows);
    size_t row_bytes = 0;
    for (size_t j = 0; j < r->rules->count; j++)
        row_bytes += r->columns[j].plan.kind != MX_CELLS_NONE ? mx_cell_size(r->columns[j].plan.kind) : 8;
    char what[80];
    (void)snprintf(what, sizeof what, "reading %.60s", r->path);
    if (capacity > rows && row_bytes < SIZE_MAX / capacity)
        MX_TRY(mx_task_require_memory(r->task, (capacity - r->rows) * row_bytes, what, err));
    alone(r);
    for (size_t j = 0; j < r->rules->count; j++)
        if (r->columns[j].values != NULL)
            MX_TRY(resize_values(r, &r->columns[j], capacity, r->rows, err));
    r->capacity = capacity;
    return MERX_OK;
}

static merx_status begin_values(mx_table_reader *r, mx_table_column *column, merx_error *err)
{
    MX_TRY(resize_values(r, column, r->capacity > 0 ? r->capacity : 1, 0, err));
    mx_cells_blank(column->plan.kind, column->values, 0, r->rows);
    return MERX_OK;
}

static merx_status words_to_texts(mx_table_reader *r, mx_table_column *column, merx_error *err)
{
    mx_table_column texts = *column;
    texts.plan = (mx_cell_plan){MX_CELLS_TEXTS, 0};
    texts.values = NULL;
    texts.capacity = 0;
    MX_TRY(resize_values(r, &texts, r->capacity > 0 ? r->capacity : 1, 0, err));
    const int32_t *codes = column->values;
    const char **out = texts.values;
    for (size_t i = 0; codes != NULL && i < r->rows; i++)
        out[i] = codes[i] < 0 ? NULL : MX_VEC_AT(&column->texts, const char *, codes[i]);
    free_values(r, column);
    *column = texts;
    return MERX_OK;
}

/* ---- plans ---- */

static bool plan_equal(mx_cell_plan a, mx_cell_plan b)
{
    return a.kind == b.kind && a.dates == b.dates;
}

/* Whether what a worker took the columns for goes with what they are taken for by now; if not, its plans become those to read with again. */
static bool plans_agree(mx_table_reader *r, mx_table_worker *w)
{
    bool agree = true;
    for (size_t j = 0; j < r->rules->count; j++) {
        const mx_cell_plan now = r->columns[j].plan, its = w->plans[j];
        if (its.kind == MX_CELLS_NONE || plan_equal(now, its))
            continue;
        if (now.kind == MX_CELLS_TEXTS && its.kind == MX_CELLS_WORDS)
            continue;
        if (plan_equal(now, w->begun[j]) || now.kind == MX_CELLS_NONE)
            continue; /* it saw something new */
        agree = false;
    }
    if (!agree)
        for (size_t j = 0; j < r->rules->count; j++)
            w->plans[j] = w->begun[j] = r->columns[j].plan;
    return agree;
}

/* The columns become what the worker took them for. */
static merx_status adopt_plans(mx_table_reader *r, mx_table_worker *w, merx_error *err)
{
    for (size_t j = 0; j < r->rules->count; j++) {
        mx_table_column *column = &r->columns[j];
        const mx_cell_plan its = w->plans[j];
        if (its.kind == MX_CELLS_NONE || plan_equal(column->plan, its) ||
            (column->plan.kind == MX_CELLS_TEXTS && its.kind == MX_CELLS_WORDS))
            continue;
        if (mx_cell_plan_same(column->plan, its)) {
            column->plan.dates = its.dates;
            continue;
        }
        alone(r);
        if (column->plan.kind == MX_CELLS_WORDS && its.kind == MX_CELLS_TEXTS) {
            MX_TRY(words_to_texts(r, column, err));
            continue;
        }
        r->stale |=
            column->filled; /* rows before were taken for something else: the file is read again, knowing better */
        free_values(r, column);
        column->plan = its;
        MX_TRY(begin_values(r, column, err));
    }
    return MERX_OK;
}

/* Puts the worker's new words into the dictionary of the file. */
static merx_status share_words(mx_table_reader *r, mx_table_worker *w, size_t j, merx_error *err)
{
    mx_words *words = &w->scratch.words[j];
    mx_table_column *column = &r->columns[j];
    if (column->plan.kind != MX_CELLS_WORDS)
        return MERX_OK;
    if (column->words == NULL) {
        MX_TRY(mx_dict_new(r->alloc, INT32_MAX, &column->words, err));
        column->texts = mx_vec_init(r->alloc, sizeof(const char *), INT32_MAX, "words of a column");
        column->all_flags = true;
    }
    for (; words->resolved < words->words.count; words->resolved++) {
        mx_word *word = &MX_VEC_AT(&words->words, mx_word, words->resolved);
        bool added;
        MX_TRY(mx_dict_add(column->words, (mx_str){word->text, word->size}, &word->shared, &added, err));
        if (added)
            MX_TRY(mx_vec_append(&column->texts, &word->text, 1, err));
        column->all_flags &= word->flag >= 0;
    }
    if (mx_dict_count(column->words) <= r->rules->max_levels)
        return MERX_OK;
    const mx_cell_rule *rule = &r->rules->columns[j];
    if (rule->declared && rule->type == MERX_COLUMN_CATEGORICAL)
        MX_FAIL(err, MERX_E_LIMIT, r->path,
                "column \"%s\" is declared categorical but has more than %zu distinct values (max_levels)", rule->name,
                r->rules->max_levels);
    if (rule->declared || column->all_flags)
        return MERX_OK;
    alone(r);
    return words_to_texts(r, column, err);
}

/* ---- refused rows ---- */

static uint64_t line_of(const mx_vec *runs, size_t row)
{
    for (size_t i = runs->count; i-- > 0;) {
        const mx_line_run *run = &MX_VEC_AT(runs, mx_line_run, i);
        if (run->row <= row)
            return run->line + (row - run->row);
    }
    return 0;
}

merx_status mx_table_fail_infinite(const mx_table_reader *r, const mx_infinite_row *row, merx_error *err)
{
    char where[sizeof err->where], problem[160];
    (void)snprintf(where, sizeof where, "%.190s:%llu", r->path, (unsigned long long)row->line);
    mx_cell_describe(&r->rules->columns[row->column], "a finite number", problem, sizeof problem);
    MX_FAIL(err, MERX_E_PARSE, where, "column \"%s\": \"%.*s\" %s", r->rules->columns[row->column].name, (int)row->size,
            row->text, problem);
}

static mx_infinite_row infinite_row(const mx_table_reader *r, const mx_table_part *part, const mx_infinite *note)
{
    mx_infinite_row row = {.row = r->rows + note->row,
                           .column = note->column,
                           .line = r->line + line_of(&part->runs, note->row),
                           .size = note->size};
    memcpy(row.text, note->text, note->size);
    return row;
}

int mx_infinite_row_compare(const void *a, const void *b)
{
    const mx_infinite_row *x = a, *y = b;
    if (x->row != y->row)
        return x->row < y->row ? -1 : 1;
    return (x->column > y->column) - (x->column < y->column);
}

/* Fails with the refused row, or with a row before it that has an infinite number if none may be refused at all. */
static merx_status fail_refused(mx_table_reader *r, mx_table_worker *w, const mx_table_part *part,
                                const mx_refusal *refusal, merx_error *err)
{
    if (r->rules->max_refused == 0) {
        const mx_infinite_row *before = NULL;
        for (size_t i = 0; i < r->infinite.count; i++) {
            const mx_infinite_row *row = &MX_VEC_AT(&r->infinite, mx_infinite_row, i);
            if (r->columns[row->column].plan.kind == MX_CELLS_NUMBERS &&
                (before == NULL || mx_infinite_row_compare(row, before) < 0))
                before = row;
        }
        if (before != NULL)
            return mx_table_fail_infinite(r, before, err);
        mx_infinite_row first = {.row = SIZE_MAX};
        for (size_t i = 0; i < part->infinite.count; i++) {
            const mx_infinite *note = &MX_VEC_AT(&part->infinite, mx_infinite, i);
            const mx_infinite_row row = infinite_row(r, part, note);
            if (r->columns[note->column].plan.kind == MX_CELLS_NUMBERS && note->row < refusal->row &&
                mx_infinite_row_compare(&row, &first) < 0)
                first = row;
        }
        if (first.row != SIZE_MAX)
            return mx_table_fail_infinite(r, &first, err);
    }
    char where[sizeof err->where], problem[400];
    int column;
    mx_str value;
    MX_TRY(mx_table_part_describe(w, part, refusal, &column, &value, problem, sizeof problem, err));
    (void)snprintf(where, sizeof where, "%.190s:%llu", r->path, (unsigned long long)(r->line + refusal->line));
    if (column < 0 || (size_t)column >= r->rules->count)
        MX_FAIL(err, MERX_E_PARSE, where, "%s", problem);
    if (value.data == NULL)
        MX_FAIL(err, MERX_E_PARSE, where, "column \"%s\": %s", r->rules->columns[column].name, problem);
    MX_FAIL(err, MERX_E_PARSE, where, "column \"%s\": \"%.*s\" %s", r->rules->columns[column].name,
            value.size > 64 ? 64 : (int)value.size, value.data, problem);
}

static merx_status commit_refused(mx_table_reader *r, mx_table_worker *w, const mx_table_part *part, merx_error *err)
{
    const size_t count = part->refused.count;
    if (count > r->rules->max_refused - r->refused)
        return fail_refused(r, w, part,
                            &MX_VEC_AT(&part->refused, mx_refusal, (size_t)(r->rules->max_refused - r->refused)), err);
    r->refused += count;
    for (size_t i = 0; i < part->infinite.count; i++) {
        const mx_infinite *note = &MX_VEC_AT(&part->infinite, mx_infinite, i);
        mx_table_column *column = &r->columns[note->column];
        /* What is beyond one more than may be refused is never told of. */
        if (column->plan.kind != MX_CELLS_NUMBERS || column->infinite > r->rules->max_refused)
            continue;
        const mx_infinite_row row = infinite_row(r, part, note);
        column->infinite++;
        MX_TRY(mx_vec_append(&r->infinite, &row, 1, err));
    }
    return MERX_OK;
}

/* ---- the part's rows ---- */

static merx_status commit_part(mx_table_reader *r, mx_table_worker *w, mx_table_part *part, merx_error *err)
{
    MX_TRY(commit_refused(r, w, part, err));
    MX_TRY(make_room(r, r->rows + part->rows, err));
    for (size_t j = 0; j < r->rules->count; j++) {
        mx_table_column *column = &r->columns[j];
        if (column->plan.kind != MX_CELLS_NONE && column->values == NULL) {
            alone(r);
            MX_TRY(begin_values(r, column, err));
        }
        column->missing += part->cells[j].plan.kind == MX_CELLS_NONE ? part->rows : part->cells[j].missing;
        column->filled |= part->cells[j].plan.kind != MX_CELLS_NONE && part->rows > 0;
    }
    for (size_t i = 0; i < part->runs.count; i++) {
        mx_line_run run = MX_VEC_AT(&part->runs, mx_line_run, i);
        run.row += r->rows;
        run.line += r->line;
        if (r->runs.count > 0) {
            const mx_line_run *last = &MX_VEC_AT(&r->runs, mx_line_run, r->runs.count - 1);
            if (last->line + (run.row - last->row) == run.line)
                continue;
        }
        MX_TRY(mx_vec_append(&r->runs, &run, 1, err));
    }
    r->rows += part->rows;
    r->line += part->newlines;
    return MERX_OK;
}

static void copy_words(const mx_words *words, const int32_t *codes, size_t n, int32_t *out)
{
    const mx_word *list = words->words.data;
    for (size_t i = 0; i < n; i++)
        out[i] = codes[i] < 0 ? -1 : list[codes[i]].shared;
}

static void copy_part(mx_table_reader *r, mx_table_worker *w, const mx_table_part *part, size_t row)
{
    for (size_t j = 0; j < r->rules->count; j++) {
        const mx_table_column *column = &r->columns[j];
        const mx_cell_kind kind = column->plan.kind, its = part->cells[j].plan.kind;
        if (kind == MX_CELLS_NONE)
            continue;
        char *to = (char *)column->values + row * mx_cell_size(kind);
        if (its == MX_CELLS_NONE)
            mx_cells_blank(kind, to, 0, part->rows);
        else if (kind == MX_CELLS_WORDS)
            copy_words(&w->scratch.words[j], part->cells[j].values, part->rows, (int32_t *)(void *)to);
        else if (kind == MX_CELLS_TEXTS && its == MX_CELLS_WORDS)
            for (size_t i = 0; i < part->rows; i++) {
                const int32_t code = ((const int32_t *)part->cells[j].values)[i];
                ((const char **)(void *)to)[i] =
                    code < 0 ? NULL : MX_VEC_AT(&w->scratch.words[j].words, mx_word, code).text;
            }
        else if (kind == its && part->rows > 0)
            memcpy(to, part->cells[j].values, part->rows * mx_cell_size(kind));
    }
}

/* ---- a chunk ---- */

static void clear_words(mx_table_worker *w)
{
    for (size_t j = 0; j < w->rules->count; j++)
        if (w->scratch.words[j].n_slots > 0)
            mx_words_clear(&w->scratch.words[j]);
}

/* Whether the part was read as what the worker takes the columns for by now. */
static bool holds(const mx_table_worker *w, const mx_table_part *part)
{
    for (size_t j = 0; j < w->rules->count; j++) {
        const mx_cell_plan its = part->cells[j].plan;
        if (its.kind != MX_CELLS_NONE && !mx_cell_plan_same(its, w->plans[j]))
            return false;
    }
    return !part->redo;
}

/* Reads both parts, until neither finds something new. */
static merx_status read_again(mx_table_worker *w, merx_error *err)
{
    do {
        clear_words(w);
        if (w->has_seam)
            MX_TRY(mx_table_part_read(w, &w->seam, err));
        MX_TRY(mx_table_part_read(w, &w->body, err));
    } while (!holds(w, &w->body) || (w->has_seam && !holds(w, &w->seam)));
    return MERX_OK;
}

/* The bytes left behind by the chunks before and the first `size` of this one, as the text of the seam. */
static merx_status make_seam(mx_table_reader *r, mx_table_worker *w, size_t size, merx_error *err)
{
    const size_t tail = r->tail.count, whole = tail + size;
    if (w->seam_capacity < whole) {
        mx_free_array(w->alloc, w->seam_block, w->seam_capacity + 2 * PAD, 1);
        w->seam_block = NULL;
        w->seam_capacity = 0;
        MX_TRY(mx_alloc_array_raw(w->alloc, whole + 2 * PAD, 1, "row across blocks of the file", &w->seam_block, err));
        w->seam_capacity = whole;
    }
    memset(w->seam_block, 0, PAD);
    memcpy(w->seam_block + PAD, r->tail.data, tail);
    memcpy(w->seam_block + PAD + tail, w->block + PAD, size);
    memset(w->seam_block + PAD + whole, 0, PAD);
    w->seam.text = w->seam_block + PAD;
    w->seam.begin = 0;
    w->seam.size = whole;
    w->seam.limit = tail;
    w->seam.last = w->last && size == w->size;
    return mx_table_part_read(w, &w->seam, err);
}

/* Finds where the chunk's first row really begins, and reads what was read wrongly. */
static merx_status join(mx_table_reader *r, mx_table_worker *w, merx_error *err)
{
    const unsigned char *text = w->block + PAD;
    const size_t tail = r->tail.count;
    size_t begin = 0;
    w->has_seam = false;
    if (r->skipping) {
        const unsigned char *newline = w->size > 0 ? memchr(text, '\n', w->size) : NULL;
        begin = newline != NULL ? (size_t)(newline - text) + 1 : w->size;
        r->line += newline != NULL;
        r->skipping = newline == NULL && !w->last;
    } else if (tail > 0) {
        w->has_seam = true;
        MX_TRY(make_seam(r, w, w->guess, err));
        begin = w->guess;
        if (w->seam.stop != tail + w->guess || w->seam.skipping) {
            if (w->guess < w->size && w->seam.stop < tail)
                MX_TRY(make_seam(r, w, w->size, err));
            begin = w->seam.stop >= tail && !w->seam.skipping ? w->seam.stop - tail : w->size;
        }
    }
    if (begin != w->guess || begin != w->body.begin) {
        w->body.begin = begin;
        memcpy(w->plans, w->begun, r->rules->count * sizeof *w->plans);
        return read_again(w, err);
    }
    return w->has_seam && (!holds(w, &w->seam) || !holds(w, &w->body)) ? read_again(w, err) : MERX_OK;
}

/* Keeps what follows the last row. */
static merx_status keep_tail(mx_table_reader *r, mx_table_worker *w, merx_error *err)
{
    const mx_table_part *part = &w->body;
    if (w->has_seam && w->seam.stop < r->tail.count) /* the seam's row goes on beyond the chunk */
        part = &w->seam;
    mx_vec tail =
        mx_vec_init(r->alloc, 1, r->format.row_limit * 2 + r->chunk * 2 + PAD, "row across blocks of the file");
    const size_t left = part->size - part->stop;
    if (left > 0 && part != &w->seam) {
        mx_vec_clear(&r->tail);
        return mx_vec_append(&r->tail, part->text + part->stop, left, err);
    }
    merx_status status = left > 0 ? mx_vec_append(&tail, part->text + part->stop, left, err) : MERX_OK;
    if (status != MERX_OK) {
        mx_vec_release(&tail);
        return status;
    }
    mx_vec_release(&r->tail);
    r->tail = tail;
    return MERX_OK;
}

static merx_status commit(mx_table_reader *r, mx_table_worker *w, size_t rows[2], merx_error *err)
{
    r->ended = w->last;
    MX_TRY(join(r, w, err));
    while (!plans_agree(r, w))
        MX_TRY(read_again(w, err));
    MX_TRY(adopt_plans(r, w, err));
    r->bytes += w->size;
    for (size_t j = 0; j < r->rules->count; j++)
        if (w->plans[j].kind == MX_CELLS_WORDS)
            MX_TRY(share_words(r, w, j, err));
    rows[0] = r->rows;
    if (w->has_seam)
        MX_TRY(commit_part(r, w, &w->seam, err));
    rows[1] = r->rows;
    MX_TRY(commit_part(r, w, &w->body, err));
    r->skipping |= w->body.skipping || (w->has_seam && w->seam.skipping);
    return keep_tail(r, w, err);
}

merx_status mx_table_commit(mx_table_reader *r, mx_table_worker *w, size_t chunk, merx_status status, merx_error *err)
{
    pthread_mutex_lock(&r->lock);
    while (r->turn != chunk)
        pthread_cond_wait(&r->moved, &r->lock);
    bool go = !r->failed;
    pthread_mutex_unlock(&r->lock);
    size_t rows[2];
    if (go && status == MERX_OK)
        status = commit(r, w, rows, err);
    go = go && status == MERX_OK;
    pthread_mutex_lock(&r->lock);
    for (size_t j = 0; go && j < r->rules->count; j++)
        r->plans[j] = r->columns[j].plan;
    r->failed |= status != MERX_OK;
    r->copying += go;
    r->turn++;
    pthread_cond_broadcast(&r->moved);
    pthread_mutex_unlock(&r->lock);
    if (!go)
        return status;
    if (w->has_seam)
        copy_part(r, w, &w->seam, rows[0]);
    copy_part(r, w, &w->body, rows[1]);
    pthread_mutex_lock(&r->lock);
    r->copying--;
    pthread_cond_broadcast(&r->moved);
    pthread_mutex_unlock(&r->lock);
    return MERX_OK;
}

void mx_table_restart(mx_table_reader *r)
{
    for (int i = 0; i < r->threads; i++) {
        clear_words(&r->workers[i]);
        mx_text_store_release(&r->workers[i].scratch.texts);
        mx_text_store_init(&r->workers[i].scratch.texts, r->alloc);
    }
    for (size_t j = 0; j < r->rules->count; j++) {
        mx_table_column *column = &r->columns[j];
        mx_dict_free(column->words);
        if (column->texts.alloc != NULL)
            mx_vec_release(&column->texts);
        column->words = NULL;
        column->missing = 0;
        column->filled = false;
        column->infinite = 0;
    }
    mx_vec_clear(&r->tail);
    mx_vec_clear(&r->runs);
    mx_vec_clear(&r->infinite);
    r->skipping = r->ended = r->stale = r->input_ended = false;
    r->rows = 0;
    r->bytes = 0;
    r->refused = 0;
    r->line = r->first_line;
    r->reading = r->turn = r->base = 0;
}

void mx_table_columns_release(mx_table_reader *r)
{
    for (size_t j = 0; r->columns != NULL && j < r->rules->count; j++) {
        mx_table_column *column = &r->columns[j];
        free_values(r, column);
        mx_dict_free(column->words);
        if (column->texts.alloc != NULL)
            mx_vec_release(&column->texts);
    }
    MX_FREE_ARRAY(r->alloc, r->columns, r->rules->count);
    mx_vec_release(&r->tail);
    mx_vec_release(&r->runs);
    mx_vec_release(&r->infinite);
}
