/*
 * Datasets in their shapes (matrices and streams: dataset_view.c). One arena holds everything; a failed call leaves the dataset as it was (at most some bytes of the
 * arena are lost until it is freed).
 */
#include "learn/core/table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

const char *merx_dataset_shape_name(merx_dataset_shape shape)
{
    static const char *const names[MERX_SHAPES] = {"table", "sparse", "sequences", "batches", "matrix", "stream"};
    return (unsigned)shape < MERX_SHAPES ? names[shape] : "unknown";
}

const char *merx_column_type_name(merx_column_type type)
{
    static const char *const names[MERX_COLUMN_TYPES] = {"numeric", "categorical", "boolean", "date", "text"};
    return (unsigned)type < MERX_COLUMN_TYPES ? names[type] : "unknown";
}

merx_status mx_dataset_new(const merx_allocator *alloc, merx_dataset_shape shape, const char *name, size_t rows,
                           merx_dataset **out, merx_error *err)
{
    *out = NULL;
    alloc = mx_allocator_or_default(alloc);
    merx_dataset *dataset = NULL;
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &dataset, "dataset", err));
    dataset->alloc = alloc;
    dataset->shape = shape;
    dataset->rows = rows;
    mx_arena_init(&dataset->arena, alloc);
    dataset->columns = mx_vec_init(alloc, sizeof(mx_column), MX_DATASET_MAX_COLUMNS, "columns");
    dataset->name = mx_arena_strdup(&dataset->arena, name, err);
    if (dataset->name == NULL) {
        merx_dataset_free(dataset);
        return MERX_E_MEMORY;
    }
    *out = dataset;
    return MERX_OK;
}

void merx_dataset_free(merx_dataset *dataset)
{
    if (dataset == NULL)
        return;
    if (dataset->shape == MERX_SHAPE_STREAM && dataset->stream.close != NULL)
        dataset->stream.close(dataset->stream.context);
    mx_vec_release(&dataset->columns);
    mx_arena_release(&dataset->arena);
    mx_map_close(&dataset->map);
    const merx_allocator *alloc = dataset->alloc;
    MX_FREE_ARRAY(alloc, dataset, 1);
}

merx_status merx_dataset_new_table(const merx_allocator *alloc, size_t rows, merx_dataset **out, merx_error *err)
{
    return mx_dataset_new(alloc, MERX_SHAPE_TABLE, "table", rows, out, err);
}

static size_t element_size(merx_column_type type)
{
    switch (type) {
    case MERX_COLUMN_NUMERIC:
        return sizeof(double);
    case MERX_COLUMN_CATEGORICAL:
        return sizeof(int32_t);
    case MERX_COLUMN_BOOLEAN:
        return sizeof(signed char);
    case MERX_COLUMN_DATE:
        return sizeof(int64_t);
    default:
        return sizeof(char *);
    }
}

merx_status mx_dataset_add(merx_dataset *table, const char *name, merx_column_type type, mx_column **out,
                           merx_error *err)
{
    if (table->shape != MERX_SHAPE_TABLE && table->shape != MERX_SHAPE_SPARSE && table->shape != MERX_SHAPE_MATRIX)
        MX_FAIL(err, MERX_E_SHAPE, table->name, "columns can be added to a table, or beside a matrix");
    if (name == NULL || name[0] == '\0')
        MX_FAIL(err, MERX_E_INVALID, table->name, "column %zu has no name", table->columns.count + 1);
    if (merx_dataset_find_column(table, name) >= 0)
        MX_FAIL(err, MERX_E_EXISTS, table->name, "there are two columns named \"%s\"", name);
    mx_column column = {.type = type};
    column.name = mx_arena_strdup(&table->arena, name, err);
    if (column.name == NULL)
        return MERX_E_MEMORY;
    void *values = mx_arena_array(&table->arena, table->rows > 0 ? table->rows : 1, element_size(type), err);
    if (values == NULL)
        return MERX_E_MEMORY;
    switch (type) {
    case MERX_COLUMN_NUMERIC:
        column.as.numeric = values;
        break;
    case MERX_COLUMN_CATEGORICAL:
        column.as.codes = values;
        break;
    case MERX_COLUMN_BOOLEAN:
        column.as.boolean = values;
        break;
    case MERX_COLUMN_DATE:
        column.as.date_ms = values;
        break;
    default:
        column.as.text = values;
        break;
    }
    mx_column *slot;
    MX_TRY(mx_vec_push(&table->columns, 1, &slot, err));
    *slot = column;
    *out = slot;
    return MERX_OK;
}

static bool is_missing(const mx_column *column, size_t row)
{
    switch (column->type) {
    case MERX_COLUMN_NUMERIC:
        return isnan(column->as.numeric[row]);
    case MERX_COLUMN_CATEGORICAL:
        return column->as.codes[row] < 0;
    case MERX_COLUMN_BOOLEAN:
        return column->as.boolean[row] < 0;
    case MERX_COLUMN_DATE:
        return column->as.date_ms[row] == INT64_MIN;
    default:
        return column->as.text[row] == NULL;
    }
}

void mx_column_count_missing(mx_column *column, size_t rows)
{
    column->missing = 0;
    for (size_t i = 0; i < rows; i++)
        column->missing += is_missing(column, i);
}

merx_status merx_dataset_add_numeric(merx_dataset *table, const char *name, const double *values, merx_error *err)
{
    for (size_t i = 0; i < table->rows; i++)
        if (isinf(values[i]))
            MX_FAIL(err, MERX_E_NUMERIC, table->name,
                    "column \"%s\", row %zu is infinite (expected a finite number, or NaN for a missing one)",
                    name != NULL ? name : "", i);
    mx_column *column;
    MX_TRY(mx_dataset_add(table, name, MERX_COLUMN_NUMERIC, &column, err));
    if (table->rows > 0)
        memcpy(column->as.numeric, values, table->rows * sizeof *values);
    mx_column_count_missing(column, table->rows);
    return MERX_OK;
}

merx_status merx_dataset_add_categorical(merx_dataset *table, const char *name, const int32_t *codes,
                                         const char *const *levels, size_t n_levels, merx_error *err)
{
    for (size_t i = 0; i < table->rows; i++)
        if (codes[i] < -1 || (codes[i] >= 0 && (size_t)codes[i] >= n_levels))
            MX_FAIL(err, MERX_E_RANGE, table->name,
                    "column \"%s\", row %zu: code %d is not one of %zu levels (or -1 for missing)",
                    name != NULL ? name : "", i, (int)codes[i], n_levels);
    const char **copies = mx_arena_array(&table->arena, n_levels > 0 ? n_levels : 1, sizeof *copies, err);
    if (copies == NULL)
        return MERX_E_MEMORY;
    mx_dict *seen = NULL;
    merx_status status = MERX_OK;
    MX_TRY_GOTO(mx_dict_new(table->alloc, n_levels > 0 ? n_levels : 1, &seen, err));
    for (size_t k = 0; k < n_levels; k++) {
        bool added;
        int32_t code;
        if (levels[k] == NULL)
            MX_FAIL_GOTO(err, MERX_E_INVALID, table->name, "column \"%s\": level %zu has no name",
                         name != NULL ? name : "", k);
        MX_TRY_GOTO(mx_dict_add(seen, mx_str_of(levels[k]), &code, &added, err));
        if (!added)
            MX_FAIL_GOTO(err, MERX_E_EXISTS, table->name, "column \"%s\": level \"%s\" is there twice",
                         name != NULL ? name : "", levels[k]);
        copies[k] = mx_arena_strdup(&table->arena, levels[k], err);
        if (copies[k] == NULL) {
            status = MERX_E_MEMORY;
            goto out;
        }
    }
    mx_column *column;
    MX_TRY_GOTO(mx_dataset_add(table, name, MERX_COLUMN_CATEGORICAL, &column, err));
    if (table->rows > 0)
        memcpy(column->as.codes, codes, table->rows * sizeof *codes);
    column->levels = copies;
    column->n_levels = n_levels;
    mx_column_count_missing(column, table->rows);
out:
    mx_dict_free(seen);
    return status;
}

merx_status merx_dataset_add_boolean(merx_dataset *table, const char *name, const signed char *values, merx_error *err)
{
    for (size_t i = 0; i < table->rows; i++)
        if (values[i] < -1 || values[i] > 1)
            MX_FAIL(err, MERX_E_RANGE, table->name, "column \"%s\", row %zu: %d is not 0, 1 or -1 (missing)",
                    name != NULL ? name : "", i, (int)values[i]);
    mx_column *column;
    MX_TRY(mx_dataset_add(table, name, MERX_COLUMN_BOOLEAN, &column, err));
    if (table->rows > 0)
        memcpy(column->as.boolean, values, table->rows);
    mx_column_count_missing(column, table->rows);
    return MERX_OK;
}

merx_status merx_dataset_add_date(merx_dataset *table, const char *name, const int64_t *values_ms, merx_error *err)
{
    mx_column *column;
    MX_TRY(mx_dataset_add(table, name, MERX_COLUMN_DATE, &column, err));
    if (table->rows > 0)
        memcpy(column->as.date_ms, values_ms, table->rows * sizeof *values_ms);
    mx_column_count_missing(column, table->rows);
    return MERX_OK;
}

merx_status merx_dataset_add_text(merx_dataset *table, const char *name, const char *const *values, merx_error *err)
{
    size_t before = table->columns.count;
    mx_column *column;
    MX_TRY(mx_dataset_add(table, name, MERX_COLUMN_TEXT, &column, err));
    for (size_t i = 0; i < table->rows; i++) {
        column->as.text[i] = values[i] != NULL ? mx_arena_strdup(&table->arena, values[i], err) : NULL;
        if (values[i] != NULL && column->as.text[i] == NULL) {
            table->columns.count = before;
            return MERX_E_MEMORY;
        }
    }
    mx_column_count_missing(column, table->rows);
    return MERX_OK;
}

merx_status merx_dataset_from_matrix(const merx_allocator *alloc, const double *x, size_t n, size_t d,
                                     const char *const *names, merx_dataset **out, merx_error *err)
{
    *out = NULL;
    merx_dataset *table;
    MX_TRY(merx_dataset_new_table(alloc, n, &table, err));
    merx_status status = MERX_OK;
    for (size_t j = 0; j < d; j++) {
        char name[32];
        (void)snprintf(name, sizeof name, "x%zu", j);
        mx_column *column;
        MX_TRY_GOTO(mx_dataset_add(table, names != NULL ? names[j] : name, MERX_COLUMN_NUMERIC, &column, err));
        for (size_t i = 0; i < n; i++) {
            if (isinf(x[i * d + j]))
                MX_FAIL_GOTO(err, MERX_E_NUMERIC, "table",
                             "column \"%s\", row %zu is infinite (expected a finite number, or NaN for a missing one)",
                             column->name, i);
            column->as.numeric[i] = x[i * d + j];
        }
        mx_column_count_missing(column, n);
    }
    *out = table;
    return MERX_OK;
out:
    merx_dataset_free(table);
    return status;
}

/* Offsets that begin at 0 and never fall; *total is the last. */
static merx_status check_starts(const int64_t *starts, size_t n, const char *where, int64_t *total, merx_error *err)
{
    if (starts[0] != 0)
        MX_FAIL(err, MERX_E_INVALID, where, "starts[0] is %lld (expected 0)", (long long)starts[0]);
    for (size_t i = 0; i < n; i++)
        if (starts[i + 1] < starts[i])
            MX_FAIL(err, MERX_E_INVALID, where, "starts[%zu] is %lld, less than the one before (%lld)", i + 1,
                    (long long)starts[i + 1], (long long)starts[i]);
    *total = starts[n];
    return MERX_OK;
}

static merx_status copy_array(merx_dataset *dataset, const void *values, size_t count, size_t size, void *out,
                              merx_error *err)
{
    void *copy = mx_arena_array(&dataset->arena, count > 0 ? count : 1, size, err);
    if (copy == NULL)
        return MERX_E_MEMORY;
    if (count > 0)
        memcpy(copy, values, count * size);
    memcpy(out, &copy, sizeof copy);
    return MERX_OK;
}

merx_status merx_dataset_from_csr(const merx_allocator *alloc, size_t n, size_t d, const int64_t *starts,
                                  const int32_t *indices, const float *values, merx_dataset **out, merx_error *err)
{
    *out = NULL;
    int64_t total;
    MX_TRY(check_starts(starts, n, "sparse matrix", &total, err));
    for (size_t i = 0; i < n; i++)
        for (int64_t p = starts[i]; p < starts[i + 1]; p++) {
            if (indices[p] < 0 || (size_t)indices[p] >= d)
                MX_FAIL(err, MERX_E_RANGE, "sparse matrix", "row %zu: column %d is not in [0, %zu)", i, (int)indices[p],
                        d);
            if (p > starts[i] && indices[p] <= indices[p - 1])
                MX_FAIL(err, MERX_E_INVALID, "sparse matrix", "row %zu: column %d follows %d (expected ascending)", i,
                        (int)indices[p], (int)indices[p - 1]);
            if (values != NULL && !isfinite(values[p]))
                MX_FAIL(err, MERX_E_NUMERIC, "sparse matrix", "row %zu, column %d is not a finite number", i,
                        (int)indices[p]);
        }
    merx_dataset *sparse;
    MX_TRY(mx_dataset_new(alloc, MERX_SHAPE_SPARSE, "sparse matrix", n, &sparse, err));
    merx_status status;
    sparse->csr.rows = n;
    sparse->csr.columns = d;
    MX_TRY_GOTO(copy_array(sparse, starts, n + 1, sizeof *starts, &sparse->csr.starts, err));
    MX_TRY_GOTO(copy_array(sparse, indices, (size_t)total, sizeof *indices, &sparse->csr.indices, err));
    if (values != NULL)
        MX_TRY_GOTO(copy_array(sparse, values, (size_t)total, sizeof *values, &sparse->csr.values, err));
    *out = sparse;
    return MERX_OK;
out:
    merx_dataset_free(sparse);
    return status;
}

merx_status merx_dataset_from_sequences(const merx_allocator *alloc, size_t n, const int64_t *starts,
                                        const int32_t *items, const int64_t *times_ms, size_t n_items,
                                        merx_dataset **out, merx_error *err)
{
    *out = NULL;
    int64_t total;
    MX_TRY(check_starts(starts, n, "sequences", &total, err));
    for (size_t i = 0; i < n; i++)
        for (int64_t p = starts[i]; p < starts[i + 1]; p++) {
            if (items[p] < 0 || (size_t)items[p] >= n_items)
                MX_FAIL(err, MERX_E_RANGE, "sequences", "sequence %zu: item %d is not in [0, %zu)", i, (int)items[p],
                        n_items);
            if (times_ms != NULL && p > starts[i] && times_ms[p] < times_ms[p - 1])
                MX_FAIL(err, MERX_E_INVALID, "sequences", "sequence %zu is not in time order at its item %lld", i,
                        (long long)(p - starts[i]));
        }
    merx_dataset *dataset;
    MX_TRY(mx_dataset_new(alloc, MERX_SHAPE_SEQUENCES, "sequences", n, &dataset, err));
    merx_status status;
    dataset->sequences.n = n;
    dataset->sequences.n_items = n_items;
    MX_TRY_GOTO(copy_array(dataset, starts, n + 1, sizeof *starts, &dataset->sequences.starts, err));
    MX_TRY_GOTO(copy_array(dataset, items, (size_t)total, sizeof *items, &dataset->sequences.items, err));
    if (times_ms != NULL)
        MX_TRY_GOTO(copy_array(dataset, times_ms, (size_t)total, sizeof *times_ms, &dataset->sequences.times_ms, err));
    *out = dataset;
    return MERX_OK;
out:
    merx_dataset_free(dataset);
    return status;
}

merx_status merx_dataset_from_batches(const merx_allocator *alloc, const merx_batch_source *source, merx_dataset **out,
                                      merx_error *err)
{
    *out = NULL;
    if (source->pull == NULL || source->rewind == NULL)
        MX_FAIL(err, MERX_E_INVALID, "batches", "a batch source needs pull and rewind");
    if (source->example_dims[0] == 0)
        MX_FAIL(err, MERX_E_SHAPE, "batches", "examples have no dimension (example_dims[0] is 0)");
    MX_TRY(mx_dataset_new(alloc, MERX_SHAPE_BATCHES, "batches", source->examples, out, err));
    (*out)->source = *source;
    return MERX_OK;
}

merx_status merx_dataset_pull(merx_dataset *batches, size_t max_examples, float *examples, float *targets, size_t *got,
                              merx_error *err)
{
    *got = 0;
    if (batches->shape != MERX_SHAPE_BATCHES)
        MX_FAIL(err, MERX_E_SHAPE, batches->name, "only batches can be pulled");
    if (max_examples == 0)
        return MERX_OK;
    MX_TRY(batches->source.pull(batches->source.context, max_examples, examples, targets, got, err));
    if (*got > max_examples)
        MX_FAIL(err, MERX_E_INVALID, batches->name, "the source gave %zu examples where %zu were asked for", *got,
                max_examples);
    return MERX_OK;
}

merx_status merx_dataset_rewind(merx_dataset *batches, merx_error *err)
{
    if (batches->shape == MERX_SHAPE_STREAM)
        return batches->stream.rewind(batches->stream.context, err);
    if (batches->shape != MERX_SHAPE_BATCHES)
        MX_FAIL(err, MERX_E_SHAPE, batches->name, "only batches and streams can be rewound");
    return batches->source.rewind(batches->source.context, err);
}

merx_dataset_shape merx_dataset_get_shape(const merx_dataset *dataset)
{
    return dataset->shape;
}

size_t merx_dataset_rows(const merx_dataset *dataset)
{
    return dataset->rows;
}

size_t merx_dataset_columns(const merx_dataset *dataset)
{
    switch (dataset->shape) {
    case MERX_SHAPE_TABLE:
        return dataset->columns.count;
    case MERX_SHAPE_SPARSE:
        return dataset->csr.columns;
    case MERX_SHAPE_SEQUENCES:
        return dataset->sequences.n_items;
    case MERX_SHAPE_MATRIX:
        return dataset->dense.d;
    case MERX_SHAPE_STREAM:
        return 0;
    default: {
        size_t size = 1;
        for (int i = 0; i < 4 && dataset->source.example_dims[i] > 0; i++)
            if (!mx_mul_size(size, dataset->source.example_dims[i], &size))
                return 0;
        return size;
    }
    }
}

const float *merx_dataset_floats(const merx_dataset *matrix)
{
    return matrix->shape == MERX_SHAPE_MATRIX ? matrix->dense.x_float : NULL;
}

const char *merx_dataset_name(const merx_dataset *dataset)
{
    return dataset->name;
}

uint64_t merx_dataset_refused(const merx_dataset *dataset)
{
    return dataset->refused;
}

const mx_column *mx_dataset_column(const merx_dataset *table, size_t column)
{
    if (column >= table->columns.count)
        return NULL;
    return &MX_VEC_AT(&table->columns, mx_column, column);
}

mx_csr mx_dataset_csr(const merx_dataset *sparse)
{
    return sparse->csr;
}

const mx_sequences *mx_dataset_sequences(const merx_dataset *sequences)
{
    return sequences->shape == MERX_SHAPE_SEQUENCES ? &sequences->sequences : NULL;
}

static const mx_column *typed(const merx_dataset *table, size_t column, merx_column_type type)
{
    const mx_column *found = mx_dataset_column(table, column);
    return found != NULL && found->type == type ? found : NULL;
}

const char *merx_dataset_column_name(const merx_dataset *table, size_t column)
{
    const mx_column *found = mx_dataset_column(table, column);
    return found != NULL ? found->name : NULL;
}

merx_column_type merx_dataset_column_type(const merx_dataset *table, size_t column)
{
    const mx_column *found = mx_dataset_column(table, column);
    return found != NULL ? found->type : MERX_COLUMN_TYPES;
}

int merx_dataset_find_column(const merx_dataset *table, const char *name)
{
    for (size_t j = 0; j < table->columns.count; j++)
        if (strcmp(MX_VEC_AT(&table->columns, mx_column, j).name, name) == 0)
            return (int)j;
    return -1;
}

const double *merx_dataset_numeric(const merx_dataset *table, size_t column)
{
    const mx_column *found = typed(table, column, MERX_COLUMN_NUMERIC);
    return found != NULL ? found->as.numeric : NULL;
}

const int32_t *merx_dataset_codes(const merx_dataset *table, size_t column)
{
    const mx_column *found = typed(table, column, MERX_COLUMN_CATEGORICAL);
    return found != NULL ? found->as.codes : NULL;
}

size_t merx_dataset_levels(const merx_dataset *table, size_t column)
{
    const mx_column *found = typed(table, column, MERX_COLUMN_CATEGORICAL);
    return found != NULL ? found->n_levels : 0;
}

const char *merx_dataset_level(const merx_dataset *table, size_t column, size_t code)
{
    const mx_column *found = typed(table, column, MERX_COLUMN_CATEGORICAL);
    return found != NULL && code < found->n_levels ? found->levels[code] : NULL;
}

const signed char *merx_dataset_boolean(const merx_dataset *table, size_t column)
{
    const mx_column *found = typed(table, column, MERX_COLUMN_BOOLEAN);
    return found != NULL ? found->as.boolean : NULL;
}

const int64_t *merx_dataset_date_ms(const merx_dataset *table, size_t column)
{
    const mx_column *found = typed(table, column, MERX_COLUMN_DATE);
    return found != NULL ? found->as.date_ms : NULL;
}

const char *merx_dataset_text(const merx_dataset *table, size_t column, size_t row)
{
    const mx_column *found = mx_dataset_column(table, column);
    if (found == NULL || row >= table->rows)
        return NULL;
    if (found->type == MERX_COLUMN_TEXT)
        return found->as.text[row];
    if (found->type == MERX_COLUMN_CATEGORICAL && found->as.codes[row] >= 0)
        return found->levels[found->as.codes[row]];
    return NULL;
}

size_t merx_dataset_missing(const merx_dataset *table, size_t column)
{
    const mx_column *found = mx_dataset_column(table, column);
    return found != NULL ? found->missing : 0;
}

uint64_t mx_dataset_line(const merx_dataset *dataset, size_t row)
{
    size_t low = 0, high = dataset->n_line_runs; /* the last run that begins at or before the row */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (dataset->line_runs[middle].row <= row)
            low = middle;
        else
            high = middle;
    }
    return high == 0 ? 0 : dataset->line_runs[low].line + (row - dataset->line_runs[low].row);
}

void mx_dataset_where(const merx_dataset *dataset, size_t row, char out[224])
{
    if (dataset->n_line_runs > 0)
        (void)snprintf(out, 224, "%s:%llu", dataset->name, (unsigned long long)mx_dataset_line(dataset, row));
    else
        (void)snprintf(out, 224, "%s, row %zu", dataset->name, row);
}

merx_status mx_dataset_need_column(const merx_dataset *table, const char *name, const char *what, size_t *column,
                                   merx_error *err)
{
    int found = merx_dataset_find_column(table, name);
    if (found >= 0) {
        *column = (size_t)found;
        return MERX_OK;
    }
    const char *nearest = NULL;
    size_t count = table->columns.count;
    const char **names = NULL;
    if (count > 0 && mx_alloc_array(table->alloc, count, sizeof *names, "column names", &names, NULL) == MERX_OK) {
        for (size_t j = 0; j < count; j++)
            names[j] = MX_VEC_AT(&table->columns, mx_column, j).name;
        nearest = mx_nearest_word(name, names, count);
        mx_free_array(table->alloc, names, count, sizeof *names);
    }
    if (nearest != NULL)
        MX_FAIL(err, MERX_E_NOT_FOUND, table->name, "there is no %s column \"%s\" (did you mean \"%s\"?)", what, name,
                nearest);
    MX_FAIL(err, MERX_E_NOT_FOUND, table->name, "there is no %s column \"%s\"", what, name);
}

const char *mx_dataset_cell(const mx_column *column, size_t row, char *out)
{
    if (is_missing(column, row))
        return "";
    switch (column->type) {
    case MERX_COLUMN_NUMERIC:
        (void)mx_format_double(column->as.numeric[row], out);
        return out;
    case MERX_COLUMN_CATEGORICAL:
        return column->levels[column->as.codes[row]];
    case MERX_COLUMN_BOOLEAN:
        return column->as.boolean[row] ? "true" : "false";
    case MERX_COLUMN_DATE:
        (void)mx_format_date(column->as.date_ms[row], column->as.date_ms[row] % MX_DAY_MS != 0, out);
        return out;
    default:
        return column->as.text[row];
    }
}
