/*
 * Rows of a dataset taken into a new one, in any order and with repeats.
 */
#include <string.h>

#include "learn/core/table.h"

static merx_status take_lines(const merx_dataset *table, const size_t *rows, size_t n, merx_dataset *out,
                              merx_error *err)
{
    mx_line_run *runs = NULL;
    for (int pass = 0; pass < 2; pass++) { /* counts the runs, then writes them */
        uint64_t expected = 0;
        size_t count = 0;
        for (size_t i = 0; i < n; i++) {
            uint64_t line = mx_dataset_line(table, rows[i]);
            if (i == 0 || line != expected) {
                if (runs != NULL)
                    runs[count] = (mx_line_run){i, line};
                count++;
            }
            expected = line + 1;
        }
        if (pass == 0 && (runs = mx_arena_array(&out->arena, count > 0 ? count : 1, sizeof *runs, err)) == NULL)
            return MERX_E_MEMORY;
        out->n_line_runs = count;
    }
    out->line_runs = runs;
    return MERX_OK;
}

static merx_status take_columns(const merx_dataset *table, const size_t *rows, size_t n, merx_dataset *out,
                                merx_error *err)
{
    if (table->n_line_runs > 0)
        MX_TRY(take_lines(table, rows, n, out, err));
    for (size_t j = 0; j < table->columns.count; j++) {
        const mx_column *from = &MX_VEC_AT(&table->columns, mx_column, j);
        mx_column *to;
        MX_TRY(mx_dataset_add(out, from->name, from->type, &to, err));
        if (from->type == MERX_COLUMN_CATEGORICAL) {
            to->levels = mx_arena_array(&out->arena, from->n_levels > 0 ? from->n_levels : 1, sizeof *to->levels, err);
            if (to->levels == NULL)
                return MERX_E_MEMORY;
            for (size_t k = 0; k < from->n_levels; k++)
                if ((to->levels[k] = mx_arena_strdup(&out->arena, from->levels[k], err)) == NULL)
                    return MERX_E_MEMORY;
            to->n_levels = from->n_levels;
        }
        for (size_t i = 0; i < n; i++)
            switch (from->type) {
            case MERX_COLUMN_NUMERIC:
                to->as.numeric[i] = from->as.numeric[rows[i]];
                break;
            case MERX_COLUMN_CATEGORICAL:
                to->as.codes[i] = from->as.codes[rows[i]];
                break;
            case MERX_COLUMN_BOOLEAN:
                to->as.boolean[i] = from->as.boolean[rows[i]];
                break;
            case MERX_COLUMN_DATE:
                to->as.date_ms[i] = from->as.date_ms[rows[i]];
                break;
            default:
                if (from->as.text[rows[i]] != NULL &&
                    (to->as.text[i] = mx_arena_strdup(&out->arena, from->as.text[rows[i]], err)) == NULL)
                    return MERX_E_MEMORY;
            }
        mx_column_count_missing(to, n);
    }
    return MERX_OK;
}

/* starts of the rows taken, and the entries of each moved with `move`. */
static merx_status take_starts(merx_dataset *out, const int64_t *starts, const size_t *rows, size_t n, int64_t **result,
                               merx_error *err)
{
    int64_t *taken = mx_arena_array(&out->arena, n + 1, sizeof *taken, err);
    if (taken == NULL)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < n; i++)
        if (__builtin_add_overflow(taken[i], starts[rows[i] + 1] - starts[rows[i]], &taken[i + 1]))
            MX_FAIL(err, MERX_E_LIMIT, out->name, "the rows taken have too many entries");
    *result = taken;
    return MERX_OK;
}

static merx_status take_values(merx_dataset *out, const void *values, size_t size, const int64_t *starts,
                               const int64_t *taken, const size_t *rows, size_t n, void *result, merx_error *err)
{
    unsigned char *copy = mx_arena_array(&out->arena, taken[n] > 0 ? (size_t)taken[n] : 1, size, err);
    if (copy == NULL)
        return MERX_E_MEMORY;
    for (size_t i = 0; i < n; i++)
        if (taken[i + 1] > taken[i])
            memcpy(copy + (size_t)taken[i] * size, (const unsigned char *)values + (size_t)starts[rows[i]] * size,
                   (size_t)(taken[i + 1] - taken[i]) * size);
    memcpy(result, &copy, sizeof copy);
    return MERX_OK;
}

static merx_status take_sparse(const merx_dataset *from, const size_t *rows, size_t n, merx_dataset *out,
                               merx_error *err)
{
    const mx_csr *csr = &from->csr;
    int64_t *taken;
    MX_TRY(take_starts(out, csr->starts, rows, n, &taken, err));
    out->csr = (mx_csr){.rows = n, .columns = csr->columns, .starts = taken};
    MX_TRY(take_values(out, csr->indices, sizeof *csr->indices, csr->starts, taken, rows, n, &out->csr.indices, err));
    if (csr->values != NULL)
        MX_TRY(take_values(out, csr->values, sizeof *csr->values, csr->starts, taken, rows, n, &out->csr.values, err));
    return MERX_OK;
}

static merx_status take_matrix(const merx_dataset *from, const size_t *rows, size_t n, merx_dataset *out,
                               merx_error *err)
{
    const mx_dense *dense = &from->dense;
    bool wide = dense->x != NULL;
    const unsigned char *values = wide ? (const void *)dense->x : (const void *)dense->x_float;
    size_t cells, row_bytes = dense->d * (wide ? sizeof(double) : sizeof(float));
    if (!mx_mul_size(n, dense->d, &cells))
        MX_FAIL(err, MERX_E_LIMIT, out->name, "%zu rows of %zu columns are too many", n, dense->d);
    unsigned char *copy =
        mx_arena_array(&out->arena, cells > 0 ? cells : 1, wide ? sizeof(double) : sizeof(float), err);
    const char **names = mx_arena_array(&out->arena, dense->d, sizeof *names, err);
    if (copy == NULL || names == NULL)
        return MERX_E_MEMORY;
    for (size_t j = 0; j < dense->d; j++)
        if ((names[j] = mx_arena_strdup(&out->arena, dense->names[j], err)) == NULL)
            return MERX_E_MEMORY;
    for (size_t i = 0; i < n; i++)
        memcpy(copy + i * row_bytes, values + rows[i] * row_bytes, row_bytes);
    out->dense = (mx_dense){.d = dense->d, .names = names};
    if (wide)
        out->dense.x = (const void *)copy;
    else
        out->dense.x_float = (const void *)copy;
    return MERX_OK;
}

static merx_status take_sequences(const merx_dataset *from, const size_t *rows, size_t n, merx_dataset *out,
                                  merx_error *err)
{
    const mx_sequences *s = &from->sequences;
    int64_t *taken;
    MX_TRY(take_starts(out, s->starts, rows, n, &taken, err));
    out->sequences = (mx_sequences){.n = n, .n_items = s->n_items, .starts = taken};
    MX_TRY(take_values(out, s->items, sizeof *s->items, s->starts, taken, rows, n, &out->sequences.items, err));
    if (s->times_ms != NULL)
        MX_TRY(take_values(out, s->times_ms, sizeof *s->times_ms, s->starts, taken, rows, n, &out->sequences.times_ms,
                           err));
    return MERX_OK;
}

merx_status merx_dataset_take(const merx_dataset *dataset, const size_t *rows, size_t n, merx_dataset **out,
                              merx_error *err)
{
    *out = NULL;
    if (dataset->shape == MERX_SHAPE_BATCHES || dataset->shape == MERX_SHAPE_STREAM)
        MX_FAIL(err, MERX_E_SHAPE, dataset->name, "rows can't be taken from %s, which are pulled in order",
                dataset->shape == MERX_SHAPE_BATCHES ? "batches" : "streams");
    for (size_t i = 0; i < n; i++)
        if (rows[i] >= dataset->rows)
            MX_FAIL(err, MERX_E_RANGE, dataset->name, "row %zu is not in [0, %zu)", rows[i], dataset->rows);
    merx_dataset *taken;
    MX_TRY(mx_dataset_new(dataset->alloc, dataset->shape, dataset->name, n, &taken, err));
    merx_status status = take_columns(dataset, rows, n, taken, err);
    if (status == MERX_OK && dataset->shape == MERX_SHAPE_SPARSE)
        status = take_sparse(dataset, rows, n, taken, err);
    else if (status == MERX_OK && dataset->shape == MERX_SHAPE_SEQUENCES)
        status = take_sequences(dataset, rows, n, taken, err);
    else if (status == MERX_OK && dataset->shape == MERX_SHAPE_MATRIX)
        status = take_matrix(dataset, rows, n, taken, err);
    if (status != MERX_OK) {
        merx_dataset_free(taken);
        return status;
    }
    *out = taken;
    return MERX_OK;
}
