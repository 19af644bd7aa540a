/*
 * The end of reading a table: types settled, levels sorted, rows with infinite numbers left out, and everything handed over to the dataset.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/core/table_reader.h"

#define BLOCK_ROWS ((size_t)1 << 18)

typedef struct level {
    mx_str text;
    int32_t code;
} level;

static int by_bytes(const void *a, const void *b)
{
    return mx_str_compare(((const level *)a)->text, ((const level *)b)->text);
}

/* ---- rows left out ---- */

static bool is_infinite(const mx_table_reader *r, size_t row)
{
    for (size_t j = 0; j < r->rules->count; j++)
        if (r->columns[j].infinite > 0 && r->columns[j].plan.kind == MX_CELLS_NUMBERS &&
            isinf(((const double *)r->columns[j].values)[row]))
            return true;
    return false;
}

static void move_row(mx_table_reader *r, size_t from, size_t to)
{
    for (size_t j = 0; j < r->rules->count; j++) {
        const mx_table_column *column = &r->columns[j];
        const size_t size = mx_cell_size(column->plan.kind);
        if (column->values != NULL)
            memcpy((char *)column->values + to * size, (const char *)column->values + from * size, size);
    }
}

/* Refuses the rows with an infinite number in a column of numbers. */
static merx_status refuse_infinite(mx_table_reader *r, merx_error *err)
{
    bool any = false;
    for (size_t j = 0; j < r->rules->count; j++)
        any |= r->columns[j].infinite > 0 && r->columns[j].plan.kind == MX_CELLS_NUMBERS;
    if (!any)
        return MERX_OK;
    qsort(r->infinite.data, r->infinite.count, sizeof(mx_infinite_row), mx_infinite_row_compare);
    uint64_t allowed = r->rules->max_refused - r->refused;
    size_t before = SIZE_MAX;
    for (size_t i = 0; i < r->infinite.count; i++) {
        const mx_infinite_row *row = &MX_VEC_AT(&r->infinite, mx_infinite_row, i);
        if (row->row == before || r->columns[row->column].plan.kind != MX_CELLS_NUMBERS)
            continue;
        before = row->row;
        if (allowed == 0)
            return mx_table_fail_infinite(r, row, err);
        allowed--;
    }
    mx_vec runs = mx_vec_init(r->alloc, sizeof(mx_line_run), SIZE_MAX / 64, "lines of rows");
    size_t kept = 0;
    merx_status status = MERX_OK;
    uint64_t expected = 0;
    for (size_t i = 0, k = 0; i < r->rows && status == MERX_OK; i++) {
        while (k + 1 < r->runs.count && MX_VEC_AT(&r->runs, mx_line_run, k + 1).row <= i)
            k++;
        const mx_line_run *run = &MX_VEC_AT(&r->runs, mx_line_run, k);
        const uint64_t line = run->line + (i - run->row);
        if (is_infinite(r, i)) {
            r->refused++;
            continue;
        }
        if (kept == 0 || line != expected)
            status = mx_vec_append(&runs, &(mx_line_run){kept, line}, 1, err);
        expected = line + 1;
        if (kept < i)
            move_row(r, i, kept);
        kept++;
    }
    mx_vec_release(&r->runs);
    r->runs = runs;
    r->rows = kept;
    return status;
}

/* ---- words ---- */

typedef struct recoding {
    int32_t *codes; /* in place */
    signed char *flags;
    const int32_t *order;       /* sorted code of each, or */
    const signed char *flag_of; /* its truth value */
    size_t rows;
} recoding;

static merx_status recode(void *context, size_t block, merx_error *err)
{
    (void)err;
    const recoding *c = context;
    size_t end = (block + 1) * BLOCK_ROWS < c->rows ? (block + 1) * BLOCK_ROWS : c->rows;
    for (size_t i = block * BLOCK_ROWS; i < end; i++)
        if (c->flags != NULL)
            c->flags[i] = c->codes == NULL || c->codes[i] < 0 ? (signed char)-1 : c->flag_of[c->codes[i]];
        else
            c->codes[i] = c->codes[i] < 0 ? -1 : c->order[c->codes[i]];
    return MERX_OK;
}

static merx_status recode_rows(mx_table_reader *r, recoding *c, merx_error *err)
{
    c->rows = r->rows;
    return mx_parallel(r->task, (r->rows + BLOCK_ROWS - 1) / BLOCK_ROWS, recode, c, err);
}

static merx_status finish_levels(mx_table_reader *r, mx_table_column *column, merx_dataset *table, mx_column *out,
                                 merx_error *err)
{
    const size_t count = column->words != NULL ? mx_dict_count(column->words) : 0;
    level *sorted = NULL;
    int32_t *order = NULL;
    merx_status status;
    out->levels = mx_arena_array(&table->arena, count > 0 ? count : 1, sizeof *out->levels, err);
    if (out->levels == NULL)
        return MERX_E_MEMORY;
    out->n_levels = count;
    MX_TRY_GOTO(MX_NEW_ARRAY(r->alloc, count, &sorted, "levels", err));
    MX_TRY_GOTO(MX_NEW_ARRAY(r->alloc, count, &order, "levels", err));
    for (size_t k = 0; k < count; k++)
        sorted[k] = (level){mx_dict_get(column->words, (int32_t)k), (int32_t)k};
    if (count > 0)
        qsort(sorted, count, sizeof *sorted, by_bytes);
    for (size_t k = 0; k < count; k++) {
        order[sorted[k].code] = (int32_t)k;
        out->levels[k] = MX_VEC_AT(&column->texts, const char *, sorted[k].code);
    }
    recoding c = {.codes = column->values, .order = order};
    if (column->values != NULL)
        MX_TRY_GOTO(recode_rows(r, &c, err));
out:
    MX_FREE_ARRAY(r->alloc, sorted, count);
    MX_FREE_ARRAY(r->alloc, order, count);
    return status;
}

static merx_status finish_flags(mx_table_reader *r, mx_table_column *column, merx_dataset *table, mx_column *out,
                                merx_error *err)
{
    const size_t count = column->words != NULL ? mx_dict_count(column->words) : 0;
    signed char *flag_of = NULL, *flags = NULL;
    const size_t room = r->rows > 0 ? r->rows : 1;
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(r->alloc, count, &flag_of, "truth values", err));
    for (size_t k = 0; k < count; k++) {
        mx_str text = mx_str_trim(mx_dict_get(column->words, (int32_t)k));
        flag_of[k] = text.data[0] == '1' || text.data[0] == 't' || text.data[0] == 'T' || text.data[0] == 'y' ||
                     text.data[0] == 'Y';
    }
    MX_TRY_GOTO(mx_alloc_array_raw(r->alloc, room, 1, "truth values", &flags, err));
    status = mx_arena_adopt(&table->arena, flags, room, err);
    if (status != MERX_OK) {
        mx_free_array(r->alloc, flags, room, 1);
        goto out;
    }
    out->as.boolean = flags;
    recoding c = {.codes = column->values, .flags = flags, .flag_of = flag_of};
    MX_TRY_GOTO(recode_rows(r, &c, err));
out:
    MX_FREE_ARRAY(r->alloc, flag_of, count);
    return status;
}

/* ---- handing over ---- */

/* The values go to the table; without any, an array of missing ones. */
static merx_status hand_over(mx_table_reader *r, mx_table_column *column, merx_dataset *table, void **values,
                             merx_error *err)
{
    const size_t size = mx_cell_size(column->plan.kind);
    if (column->values == NULL) {
        column->capacity = r->rows > 0 ? r->rows : 1;
        merx_status status =
            mx_alloc_array_raw(r->alloc, column->capacity, size, "column of a table", &column->values, err);
        if (status != MERX_OK) {
            column->capacity = 0;
            return status;
        }
        mx_cells_blank(column->plan.kind, column->values, 0, r->rows);
    }
    MX_TRY(mx_arena_adopt(&table->arena, column->values, column->capacity * size, err));
    *values = column->values;
    column->values = NULL;
    column->capacity = 0;
    return MERX_OK;
}

static merx_status finish_column(mx_table_reader *r, size_t j, merx_dataset *table, merx_error *err)
{
    mx_table_column *column = &r->columns[j];
    const mx_cell_rule *rule = &r->rules->columns[j];
    mx_column *out;
    const char *name = mx_arena_strdup(&table->arena, rule->name, err);
    if (name == NULL)
        return MERX_E_MEMORY;
    MX_TRY(mx_vec_push(&table->columns, 1, &out, err));
    *out = (mx_column){.name = name, .missing = column->missing, .type = MERX_COLUMN_NUMERIC};
    if (column->plan.kind == MX_CELLS_NONE) { /* nothing was there: numbers, all missing */
        column->plan.kind = MX_CELLS_NUMBERS;
        out->missing = r->rows;
    }
    void *values = NULL;
    const bool has_words = column->words != NULL && mx_dict_count(column->words) > 0;
    switch (column->plan.kind) {
    case MX_CELLS_WORDS:
        out->type = rule->declared ? rule->type : MERX_COLUMN_CATEGORICAL;
        if (!rule->declared && has_words && column->all_flags)
            out->type = MERX_COLUMN_BOOLEAN;
        if (out->type == MERX_COLUMN_BOOLEAN)
            return finish_flags(r, column, table, out, err);
        MX_TRY(finish_levels(r, column, table, out, err));
        MX_TRY(hand_over(r, column, table, &values, err));
        out->as.codes = values;
        return MERX_OK;
    case MX_CELLS_DATES:
        out->type = MERX_COLUMN_DATE;
        MX_TRY(hand_over(r, column, table, &values, err));
        out->as.date_ms = values;
        return MERX_OK;
    case MX_CELLS_TEXTS:
        out->type = MERX_COLUMN_TEXT;
        MX_TRY(hand_over(r, column, table, &values, err));
        out->as.text = values;
        return MERX_OK;
    default:
        MX_TRY(hand_over(r, column, table, &values, err));
        out->as.numeric = values;
        return MERX_OK;
    }
}

static merx_status hand_over_texts(mx_table_reader *r, merx_dataset *table, merx_error *err)
{
    for (int i = 0; i < r->threads; i++) {
        mx_vec *blocks = &r->workers[i].scratch.texts.blocks;
        for (; blocks->count > 0; blocks->count--) {
            const mx_text_block *block = &MX_VEC_AT(blocks, mx_text_block, blocks->count - 1);
            MX_TRY(mx_arena_adopt(&table->arena, block->data, block->size, err));
        }
    }
    return MERX_OK;
}

merx_status mx_table_finish(mx_table_reader *r, merx_dataset **out, merx_error *err)
{
    *out = NULL;
    merx_dataset *table = NULL;
    merx_status status;
    const size_t rows = r->rows;
    MX_TRY(refuse_infinite(r, err));
    MX_TRY(mx_dataset_new(r->alloc, MERX_SHAPE_TABLE, r->path, r->rows, &table, err));
    table->refused = r->refused;
    for (size_t j = 0; j < r->rules->count; j++)
        MX_TRY_GOTO(finish_column(r, j, table, err));
    if (rows != r->rows)
        for (size_t j = 0; j < r->rules->count; j++)
            mx_column_count_missing(&MX_VEC_AT(&table->columns, mx_column, j), r->rows);
    if (r->runs.count > 0) {
        mx_line_run *runs = mx_arena_array(&table->arena, r->runs.count, sizeof *runs, err);
        if (runs == NULL) {
            status = MERX_E_MEMORY;
            goto out;
        }
        memcpy(runs, r->runs.data, r->runs.count * sizeof *runs);
        table->line_runs = runs;
        table->n_line_runs = r->runs.count;
    }
    MX_TRY_GOTO(hand_over_texts(r, table, err));
    *out = table;
    return MERX_OK;
out:
    merx_dataset_free(table);
    return status;
}
