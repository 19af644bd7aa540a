/*
 * Reading tables out of CSV or JSON lines row by row, in two passes over the file: the first looks at every value and settles each column's type
 * and levels, the second fills the columns of one table, or of one after the other (a stream). So memory is that of the table alone, never that of its
 * text.
 *
 * Inference, per column, narrows what every value so far could be: boolean, numeric, a date in one of four formats. The distinct words
 * are collected beside it until there are more than max_levels: then, should nothing narrower fit, the column is text.
 * Levels are sorted bytewise, so that they do not depend on the order of rows.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/run.h"
#include "io/rows.h"
#include "learn/core/rows_table.h"
#include "learn/core/table_reader.h"

#define DEFAULT_MAX_LEVELS 1000
#define STEP_ROWS 8192

/* Formats that can't be numbers; unix times stay numeric unless declared. */
static const mx_date_format written_formats[] = {MX_DATE_ISO, MX_DATE_DMY, MX_DATE_MDY, MX_DATE_YMD_SLASH};
#define WRITTEN_FORMATS (sizeof written_formats / sizeof *written_formats)

static const char *date_names = "2011-12-09T12:50:00Z, 9/12/2011, 12/9/2011 or 2011/12/9; one format a column";

static bool is_missing_word(const mx_rows_table *r, mx_str text)
{
    static const char *const words[] = {"NA", "N/A", "NaN", "nan", "null", "NULL"};
    if (text.size == 0 || text.data == NULL)
        return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (mx_str_equal(text, mx_str_of(words[i])))
            return true;
    for (const char *at = r->options->missing; at != NULL && *at != '\0';) {
        const char *end = strchr(at, '|');
        size_t size = end != NULL ? (size_t)(end - at) : strlen(at);
        if (size > 0 && mx_str_equal(text, (mx_str){at, size}))
            return true;
        at = end != NULL ? end + 1 : NULL;
    }
    return false;
}

static bool parse_boolean(mx_str text, signed char *value)
{
    static const char *const words[] = {"false", "true", "no", "yes"};
    for (int i = 0; i < 4; i++)
        if (mx_str_equal_nocase(text, mx_str_of(words[i]))) {
            *value = (signed char)(i & 1);
            return true;
        }
    return false;
}

/* Whether a value fits the type a column was declared with. expected: what would have. */
static bool fits(mx_guess *g, mx_str text, const char **expected)
{
    signed char flag;
    switch (g->type) {
    case MERX_COLUMN_NUMERIC:
        *expected = "a finite number";
        return mx_parse_double(text, &g->number) && !isinf(g->number);
    case MERX_COLUMN_BOOLEAN:
        *expected = "true or false, yes or no, 1 or 0";
        return parse_boolean(text, &flag) || mx_str_equal(text, MX_STR("0")) || mx_str_equal(text, MX_STR("1"));
    case MERX_COLUMN_DATE: {
        *expected = date_names;
        unsigned left = 0;
        for (int f = 0; f < MX_DATE_FORMATS; f++)
            if ((g->dates >> f & 1) != 0 && mx_parse_date(text, (mx_date_format)f, 0, &g->date_ms))
                left |= 1u << f;
        if (left == 0)
            return false;
        g->dates = left;
        return true;
    }
    default:
        return true;
    }
}

static merx_status new_guess(mx_rows_table *r, size_t column, merx_error *err)
{
    mx_guess *g;
    char made[32];
    const char *name = mx_rows_column(r->rows, column);
    if (name == NULL || name[0] == '\0') {
        (void)snprintf(made, sizeof made, "column %zu", column + 1);
        name = made;
    }
    for (size_t j = 0; j < r->guesses.count; j++)
        if (strcmp(MX_VEC_AT(&r->guesses, mx_guess, j).name, name) == 0)
            MX_FAIL(err, MERX_E_EXISTS, r->path, "columns %zu and %zu are both named \"%s\" (expected different names)",
                    j + 1, column + 1, name);
    char *copy = NULL;
    size_t size = strlen(name) + 1;
    MX_TRY(mx_alloc_array(r->alloc, size, 1, "column name", &copy, err));
    memcpy(copy, name, size);
    merx_status status = mx_vec_push(&r->guesses, 1, &g, err);
    if (status != MERX_OK) {
        mx_free_array(r->alloc, copy, size, 1);
        return status;
    }
    *g = (mx_guess){.name = copy, .name_size = size, .can_boolean = true, .can_numeric = true};
    for (size_t f = 0; f < WRITTEN_FORMATS; f++)
        g->dates |= 1u << written_formats[f];
    return MERX_OK;
}

/* "price=numeric,zip=categorical" */
static merx_status apply_declared(mx_rows_table *r, merx_error *err)
{
    for (const char *at = r->options->types; at != NULL && *at != '\0';) {
        const char *end = strchr(at, ',');
        mx_str one = {at, end != NULL ? (size_t)(end - at) : strlen(at)};
        at = end != NULL ? end + 1 : NULL;
        one = mx_str_trim(one);
        if (one.size == 0)
            continue;
        const char *equals = memchr(one.data, '=', one.size);
        if (equals == NULL)
            MX_FAIL(err, MERX_E_PARSE, r->path, "\"%.*s\" does not declare a type (expected NAME=TYPE)", (int)one.size,
                    one.data);
        mx_str name = mx_str_trim((mx_str){one.data, (size_t)(equals - one.data)});
        mx_str type = mx_str_trim((mx_str){equals + 1, one.size - (size_t)(equals + 1 - one.data)});
        mx_guess *found = NULL;
        for (size_t j = 0; j < r->guesses.count; j++)
            if (mx_str_equal(name, mx_str_of(MX_VEC_AT(&r->guesses, mx_guess, j).name)))
                found = &MX_VEC_AT(&r->guesses, mx_guess, j);
        if (found == NULL)
            MX_FAIL(err, MERX_E_NOT_FOUND, r->path, "a type is declared for column \"%.*s\", which is not there",
                    (int)name.size, name.data);
        int t = 0;
        while (t < MERX_COLUMN_TYPES && !mx_str_equal(type, mx_str_of(merx_column_type_name((merx_column_type)t))))
            t++;
        if (t == MERX_COLUMN_TYPES)
            MX_FAIL(err, MERX_E_TYPE, r->path,
                    "\"%.*s\" is not a type of column (expected numeric, categorical, boolean, date or text)",
                    (int)type.size, type.data);
        found->declared = true;
        found->type = (merx_column_type)t;
        if (found->type == MERX_COLUMN_DATE)
            found->dates = (1u << MX_DATE_FORMATS) - 1;
    }
    return MERX_OK;
}

static merx_status open_rows(mx_rows_table *r, const char *stage, merx_error *err)
{
    mx_rows_options options = {.format = MX_ROWS_CSV,
                               .separator = r->options->separator,
                               .quote = r->options->quote,
                               .no_header =
                                   r->options->no_header}; /* of CSV: this reader takes it as well, for the tests */
    (void)mx_rows_format_of_name(r->path, &options.format);
    mx_source *source;
    MX_TRY(mx_source_open(r->path, r->alloc, 0, &source, err));
    MX_TRY(mx_rows_open(source, &options, r->alloc, &r->rows, err));
    mx_task_stage(r->task, stage, 0, "rows");
    return mx_task_step(r->task, 0, err);
}

/* Counts a bad row, or fails when there are too many. */
static merx_status refuse(mx_rows_table *r, uint64_t line, const char *column, mx_str value, const char *problem,
                          merx_error *err)
{
    if (r->refused < r->options->max_refused) {
        r->refused++;
        return MERX_OK;
    }
    char where[sizeof err->where];
    (void)snprintf(where, sizeof where, "%.190s:%llu", r->path, (unsigned long long)line);
    if (column == NULL)
        MX_FAIL(err, MERX_E_PARSE, where, "%s", problem);
    MX_FAIL(err, MERX_E_PARSE, where, "column \"%s\": \"%.*s\" %s", column, value.size > 64 ? 64 : (int)value.size,
            value.data != NULL ? value.data : "", problem);
}

/* Narrows what a column can be by one value. */
static merx_status look_at(mx_rows_table *r, mx_guess *g, mx_str raw, mx_str text, merx_error *err)
{
    signed char flag;
    double number;
    int64_t ms;
    g->seen++;
    if (!g->declared) {
        g->can_boolean = g->can_boolean && parse_boolean(text, &flag);
        g->can_numeric = g->can_numeric && mx_parse_double(text, &number);
        for (size_t f = 0; f < WRITTEN_FORMATS && g->dates != 0; f++)
            if ((g->dates >> written_formats[f] & 1) != 0 && !mx_parse_date(text, written_formats[f], 0, &ms))
                g->dates &= ~(1u << written_formats[f]);
    }
    bool wanted = !g->declared || g->type == MERX_COLUMN_CATEGORICAL;
    if (g->too_many || !wanted)
        return MERX_OK;
    if (g->words == NULL)
        MX_TRY(mx_dict_new(r->alloc, r->max_levels + 1, &g->words, err));
    if (mx_dict_find(g->words, raw) >= 0)
        return MERX_OK;
    if (mx_dict_count(g->words) >= r->max_levels) {
        if (g->declared)
            MX_FAIL(err, MERX_E_LIMIT, r->path,
                    "column \"%s\" is declared categorical but has more than %zu distinct values (max_levels)", g->name,
                    r->max_levels);
        g->too_many = true;
        mx_dict_free(g->words);
        g->words = NULL;
        return MERX_OK;
    }
    int32_t code;
    return mx_dict_add(g->words, raw, &code, NULL, err);
}

/* Whether the row is good; if not it is counted. expected to be called in both passes: the same rows are refused. */
static merx_status check_row(mx_rows_table *r, const mx_row *row, bool settled, bool *good, merx_error *err)
{
    *good = false;
    if (row->problem != NULL) {
        const char *column = row->problem_column >= 0 && (size_t)row->problem_column < r->guesses.count
                                 ? MX_VEC_AT(&r->guesses, mx_guess, row->problem_column).name
                                 : NULL;
        char where[sizeof err->where];
        if (r->refused < r->options->max_refused) {
            r->refused++;
            return MERX_OK;
        }
        (void)snprintf(where, sizeof where, "%.190s:%llu", r->path, (unsigned long long)row->line);
        if (column != NULL)
            MX_FAIL(err, MERX_E_PARSE, where, "column \"%s\": %s", column, row->problem);
        MX_FAIL(err, MERX_E_PARSE, where, "%s", row->problem);
    }
    for (size_t j = 0; j < row->count && j < r->guesses.count; j++) {
        mx_guess *g = &MX_VEC_AT(&r->guesses, mx_guess, j);
        if (!g->declared && !settled)
            continue;
        mx_str text = mx_str_trim(row->fields[j]);
        const char *expected = "";
        g->dates_before = g->dates;
        if (is_missing_word(r, text) || fits(g, text, &expected))
            continue;
        for (size_t i = 0; i < j; i++) { /* the row does not count */
            mx_guess *before = &MX_VEC_AT(&r->guesses, mx_guess, i);
            if (before->declared || settled)
                before->dates = before->dates_before;
        }
        char problem[160];
        (void)snprintf(problem, sizeof problem, "is not %s (expected %s)",
                       g->type == MERX_COLUMN_NUMERIC ? "a usable number"
                       : g->type == MERX_COLUMN_DATE  ? "such a date"
                                                      : "a truth value",
                       expected);
        return refuse(r, row->line, g->name, row->fields[j], problem, err);
    }
    *good = true;
    return MERX_OK;
}

static merx_status first_pass(mx_rows_table *r, merx_error *err)
{
    MX_TRY(open_rows(r, "look at the table", err));
    for (size_t j = 0; j < mx_rows_columns(r->rows); j++)
        MX_TRY(new_guess(r, j, err));
    bool declared = false;
    for (uint64_t seen = 0;; seen++) {
        const mx_row *row;
        MX_TRY(mx_rows_next(r->rows, &row, err));
        for (size_t j = r->guesses.count; j < mx_rows_columns(r->rows); j++)
            MX_TRY(new_guess(r, j, err));
        /* The columns of JSON lines are known with the first row. */
        if (!declared) {
            declared = true;
            MX_TRY(apply_declared(r, err));
        }
        if (row == NULL)
            break;
        if (seen % STEP_ROWS == 0)
            MX_TRY(mx_task_step(r->task, seen, err));
        bool good;
        MX_TRY(check_row(r, row, false, &good, err));
        if (!good)
            continue;
        r->kept++;
        for (size_t j = 0; j < row->count; j++) {
            mx_str text = mx_str_trim(row->fields[j]);
            if (!is_missing_word(r, text))
                MX_TRY(look_at(r, &MX_VEC_AT(&r->guesses, mx_guess, j), row->fields[j], text, err));
        }
    }
    mx_task_done(r->task);
    mx_rows_close(r->rows);
    r->rows = NULL;
    if (r->guesses.count == 0)
        MX_FAIL(err, MERX_E_PARSE, r->path, "the file is empty (expected a header line and rows)");
    return MERX_OK;
}

typedef struct word {
    mx_str text;
    int32_t code;
} word;

static int compare_words(const void *a, const void *b)
{
    return mx_str_compare(((const word *)a)->text, ((const word *)b)->text);
}

/* Settles the type and the order of the levels. */
static merx_status settle(mx_rows_table *r, mx_guess *g, merx_error *err)
{
    if (!g->declared)
        g->type = g->seen == 0     ? MERX_COLUMN_NUMERIC
                  : g->can_boolean ? MERX_COLUMN_BOOLEAN
                  : g->can_numeric ? MERX_COLUMN_NUMERIC
                  : g->dates != 0  ? MERX_COLUMN_DATE
                  : !g->too_many   ? MERX_COLUMN_CATEGORICAL
                                   : MERX_COLUMN_TEXT;
    g->format = MX_DATE_ISO;
    for (int f = 0; f < MX_DATE_FORMATS; f++)
        if ((g->dates >> f & 1) != 0) {
            g->format = (mx_date_format)f;
            break;
        }
    g->dates = 1u << g->format;
    size_t count = g->type == MERX_COLUMN_CATEGORICAL && g->words != NULL ? mx_dict_count(g->words) : 0;
    if (count == 0)
        return MERX_OK;
    word *sorted = NULL;
    MX_TRY(MX_NEW_ARRAY(r->alloc, count, &sorted, "levels", err));
    merx_status status = MX_NEW_ARRAY(r->alloc, count, &g->order, "levels", err);
    if (status == MERX_OK) {
        g->order_count = count;
        for (size_t k = 0; k < count; k++)
            sorted[k] = (word){mx_dict_get(g->words, (int32_t)k), (int32_t)k};
        qsort(sorted, count, sizeof *sorted, compare_words);
        for (size_t k = 0; k < count; k++)
            g->order[sorted[k].code] = (int32_t)k;
    }
    MX_FREE_ARRAY(r->alloc, sorted, count);
    return status;
}

/* A table of `room` rows with the columns settled. */
static merx_status begin_table(mx_rows_table *r, size_t room, merx_error *err)
{
    MX_TRY(mx_dataset_new(r->alloc, MERX_SHAPE_TABLE, r->path, room, &r->table, err));
    for (size_t j = 0; j < r->guesses.count; j++) {
        const mx_guess *g = &MX_VEC_AT(&r->guesses, mx_guess, j);
        mx_column *column;
        MX_TRY(mx_dataset_add(r->table, g->name, g->type, &column, err));
        if (g->type != MERX_COLUMN_CATEGORICAL)
            continue;
        column->levels = mx_arena_array(&r->table->arena, g->order_count + 1, sizeof *column->levels, err);
        if (column->levels == NULL)
            return MERX_E_MEMORY;
        column->n_levels = g->order_count;
        for (size_t k = 0; k < g->order_count; k++) {
            mx_str text = mx_dict_get(g->words, (int32_t)k);
            if ((column->levels[g->order[k]] = mx_arena_strndup(&r->table->arena, text.data, text.size, err)) == NULL)
                return MERX_E_MEMORY;
        }
    }
    mx_line_run *runs = mx_arena_array(&r->table->arena, room > 0 ? room : 1, sizeof *runs, err);
    r->table->line_runs = r->runs = runs;
    return runs != NULL ? MERX_OK : MERX_E_MEMORY;
}

static merx_status set_missing(mx_column *column, size_t row)
{
    switch (column->type) {
    case MERX_COLUMN_NUMERIC:
        column->as.numeric[row] = NAN;
        break;
    case MERX_COLUMN_CATEGORICAL:
        column->as.codes[row] = -1;
        break;
    case MERX_COLUMN_BOOLEAN:
        column->as.boolean[row] = -1;
        break;
    case MERX_COLUMN_DATE:
        column->as.date_ms[row] = INT64_MIN;
        break;
    default:
        column->as.text[row] = NULL;
    }
    return MERX_OK;
}

static merx_status set_value(mx_rows_table *r, const mx_guess *g, mx_column *column, size_t row, mx_str raw,
                             merx_error *err)
{
    mx_str text = mx_str_trim(raw);
    if (is_missing_word(r, text))
        return set_missing(column, row);
    bool known = true;
    switch (column->type) {
    case MERX_COLUMN_NUMERIC:
        column->as.numeric[row] = g->number; /* read when the row was checked */
        break;
    case MERX_COLUMN_CATEGORICAL: {
        int32_t code = g->words != NULL ? mx_dict_find(g->words, raw) : -1;
        known = code >= 0;
        column->as.codes[row] = known ? g->order[code] : -1;
        break;
    }
    case MERX_COLUMN_BOOLEAN:
        if (!parse_boolean(text, &column->as.boolean[row]))
            column->as.boolean[row] = mx_str_equal(text, MX_STR("1"));
        break;
    case MERX_COLUMN_DATE:
        column->as.date_ms[row] = g->date_ms;
        break;
    default:
        column->as.text[row] = mx_arena_strndup(&r->table->arena, raw.data, raw.size, err);
        if (column->as.text[row] == NULL)
            return MERX_E_MEMORY;
    }
    if (!known)
        MX_FAIL(err, MERX_E_CHANGED, r->path, "the file changed while it was read");
    return MERX_OK;
}

static merx_status put_row(mx_rows_table *r, const mx_row *row, size_t at, mx_line_run *runs, merx_error *err)
{
    if (at == 0 || mx_dataset_line(r->table, at - 1) + 1 != row->line)
        runs[r->table->n_line_runs++] = (mx_line_run){at, row->line};
    for (size_t j = 0; j < r->guesses.count; j++) {
        mx_column *column = &MX_VEC_AT(&r->table->columns, mx_column, j);
        if (j < row->count)
            MX_TRY(set_value(r, &MX_VEC_AT(&r->guesses, mx_guess, j), column, at, row->fields[j], err));
        else
            (void)set_missing(column, at);
    }
    return MERX_OK;
}

/* The next rows, at most as many as the table has room for; what it has more is cut off. */
static merx_status fill_table(mx_rows_table *r, merx_error *err)
{
    size_t room = r->table->rows, kept = 0;
    mx_line_run *runs = r->runs;
    while (kept < room) {
        const mx_row *row;
        MX_TRY(mx_rows_next(r->rows, &row, err));
        if (row == NULL && r->given + (r->refused - r->refused_first) < r->kept)
            MX_FAIL(err, MERX_E_CHANGED, r->path, "the file changed while it was read");
        if (row == NULL)
            break;
        if (r->seen++ % STEP_ROWS == 0)
            MX_TRY(mx_task_step(r->task, r->seen - 1, err));
        bool good;
        MX_TRY(check_row(r, row, true, &good, err));
        if (!good)
            continue;
        if (r->given++ == r->kept || row->count > r->guesses.count)
            MX_FAIL(err, MERX_E_CHANGED, r->path, "the file changed while it was read");
        MX_TRY(put_row(r, row, kept++, runs, err));
    }
    /* Rows with an infinite number are refused in this pass alone. */
    r->table->rows = kept;
    r->table->refused = r->refused;
    for (size_t j = 0; j < r->table->columns.count; j++)
        mx_column_count_missing(&MX_VEC_AT(&r->table->columns, mx_column, j), kept);
    return MERX_OK;
}

merx_status mx_rows_table_learn(mx_rows_table *r, merx_error *err)
{
    r->max_levels = r->options->max_levels > 0 ? r->options->max_levels : DEFAULT_MAX_LEVELS;
    if (r->max_levels > INT32_MAX - 1)
        MX_FAIL(err, MERX_E_RANGE, r->path, "max_levels %zu is too large", r->max_levels);
    r->guesses = mx_vec_init(r->alloc, sizeof(mx_guess), MX_DATASET_MAX_COLUMNS, "columns");
    MX_TRY(first_pass(r, err));
    r->refused_first = r->refused;
    for (size_t j = 0; j < r->guesses.count; j++)
        MX_TRY(settle(r, &MX_VEC_AT(&r->guesses, mx_guess, j), err));
    return MERX_OK;
}

merx_status mx_rows_table_rewind(mx_rows_table *r, merx_error *err)
{
    mx_rows_close(r->rows);
    r->rows = NULL;
    r->refused = r->given = r->seen = 0;
    return open_rows(r, "read the table", err);
}

merx_status mx_rows_table_next(mx_rows_table *r, size_t most, merx_dataset **out, merx_error *err)
{
    *out = NULL;
    if (r->rows == NULL)
        MX_TRY(mx_rows_table_rewind(r, err));
    merx_status status = begin_table(r, most, err);
    if (status == MERX_OK)
        status = fill_table(r, err);
    if (status != MERX_OK)
        merx_dataset_free(r->table);
    else
        *out = r->table;
    r->table = NULL;
    return status;
}

void mx_rows_table_release(mx_rows_table *r)
{
    mx_rows_close(r->rows);
    for (size_t j = 0; j < r->guesses.count; j++) {
        mx_guess *g = &MX_VEC_AT(&r->guesses, mx_guess, j);
        mx_free_array(r->alloc, g->name, g->name_size, 1);
        mx_dict_free(g->words);
        MX_FREE_ARRAY(r->alloc, g->order, g->order_count);
    }
    if (r->alloc != NULL)
        mx_vec_release(&r->guesses);
    memset(r, 0, sizeof *r);
}

merx_status mx_dataset_read_rows(const char *path, const merx_csv_options *options, merx_task *task, merx_dataset **out,
                                 merx_error *err)
{
    *out = NULL;
    mx_rows_table r = {.path = path, .options = options, .alloc = merx_task_allocator(task), .task = task};
    merx_status status = mx_rows_table_learn(&r, err);
    if (status == MERX_OK)
        status = mx_rows_table_next(&r, (size_t)r.kept + 1, out, err); /* so that it reads to the end */
    mx_task_done(task);
    mx_rows_table_release(&r);
    return status;
}
