/*
 * Targets and weights out of a table's columns. Classes come from categorical, boolean or numeric columns: those that occur, in the order
 * of the levels, false before true, ascending. Numbers from numeric or boolean columns.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/core/model_state.h"
#include "learn/core/transform.h"

#define MAX_NUMERIC_CLASSES 256

static merx_status missing_target(const merx_dataset *data, const mx_column *column, size_t row, merx_error *err)
{
    char where[224];
    mx_dataset_where(data, row, where);
    MX_FAIL(err, MERX_E_INVALID, where, "the target \"%s\" is missing (rows to learn from need one; %zu have none)",
            column->name, column->missing);
}

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static merx_status numeric_classes(const merx_dataset *data, const mx_column *column, mx_arena *arena,
                                   const char ***names, size_t *count, merx_error *err)
{
    double found[MAX_NUMERIC_CLASSES + 1];
    size_t n = 0;
    for (size_t i = 0; i < data->rows; i++) {
        double value = column->as.numeric[i] + 0.0;
        if (isnan(value) || (n > 0 && bsearch(&value, found, n, sizeof value, compare_double) != NULL))
            continue;
        if (n == MAX_NUMERIC_CLASSES)
            MX_FAIL(err, MERX_E_TYPE, data->name,
                    "the target \"%s\" is numeric with more than %d distinct values (expected classes; a regression "
                    "family learns numbers)",
                    column->name, MAX_NUMERIC_CLASSES);
        found[n++] = value;
        qsort(found, n, sizeof *found, compare_double);
    }
    *names = mx_arena_array(arena, n + 1, sizeof **names, err);
    if (*names == NULL)
        return MERX_E_MEMORY;
    for (size_t k = 0; k < n; k++) {
        char text[32];
        (void)mx_format_double(found[k], text);
        if (((*names)[k] = mx_arena_strdup(arena, text, err)) == NULL)
            return MERX_E_MEMORY;
    }
    *count = n;
    return MERX_OK;
}

merx_status mx_target_seen(const merx_dataset *data, size_t at, mx_arena *arena, const char ***names, size_t *count,
                           merx_error *err)
{
    const mx_column *column = mx_dataset_column(data, at);
    *count = 0;
    if (column->type == MERX_COLUMN_NUMERIC) {
        MX_TRY(numeric_classes(data, column, arena, names, count, err));
    } else if (column->type == MERX_COLUMN_CATEGORICAL || column->type == MERX_COLUMN_BOOLEAN) {
        static const char *const truth[] = {"false", "true"};
        bool boolean = column->type == MERX_COLUMN_BOOLEAN;
        size_t n = boolean ? 2 : column->n_levels;
        *names = mx_arena_array(arena, n + 1, sizeof **names, err);
        bool *seen = mx_arena_array(arena, n + 1, sizeof *seen, err);
        if (*names == NULL || seen == NULL)
            return MERX_E_MEMORY;
        for (size_t i = 0; i < data->rows; i++) {
            int32_t code = boolean ? column->as.boolean[i] : column->as.codes[i];
            if (code >= 0)
                seen[code] = true;
        }
        for (size_t k = 0; k < n; k++)
            if (seen[k] &&
                ((*names)[(*count)++] = mx_arena_strdup(arena, boolean ? truth[k] : column->levels[k], err)) == NULL)
                return MERX_E_MEMORY;
    } else {
        MX_FAIL(err, MERX_E_TYPE, data->name,
                "the target \"%s\" is %s (expected a categorical, boolean or numeric column of classes)", column->name,
                merx_column_type_name(column->type));
    }
    return MERX_OK;
}

merx_status mx_target_classes(const merx_dataset *data, size_t at, mx_arena *arena, const char ***names, size_t *count,
                              merx_error *err)
{
    MX_TRY(mx_target_seen(data, at, arena, names, count, err));
    return mx_target_enough(data, mx_dataset_column(data, at)->name, *count, err);
}

merx_status mx_target_enough(const merx_dataset *data, const char *target, size_t count, merx_error *err)
{
    if (count < 2)
        MX_FAIL(err, MERX_E_INVALID, data->name, "the target \"%s\" has %zu class%s (expected at least two)", target,
                count, count == 1 ? "" : "es");
    return MERX_OK;
}

/* Class of each level (or of false and true); -1: one the model has not learnt. */
static merx_status match_levels(const mx_column *column, const char *const *names, size_t count,
                                const merx_allocator *alloc, int32_t *map, merx_error *err)
{
    static const char *const truth[] = {"false", "true"};
    bool boolean = column->type == MERX_COLUMN_BOOLEAN;
    mx_dict *dict = NULL;
    merx_status status;
    MX_TRY_GOTO(mx_dict_new(alloc, count > 0 ? count : 1, &dict, err));
    for (size_t k = 0; k < count; k++) {
        int32_t code;
        MX_TRY_GOTO(mx_dict_add(dict, mx_str_of(names[k]), &code, NULL, err));
    }
    for (size_t k = 0; k < (boolean ? 2 : column->n_levels); k++)
        map[k] = mx_dict_find(dict, mx_str_of(boolean ? truth[k] : column->levels[k]));
out:
    mx_dict_free(dict);
    return status;
}

/* Numeric classes and dates are matched by what they look like; a value like the last one is not written out again. */
typedef struct text_matcher {
    mx_dict *dict;
    double last[2];
    int32_t last_label[2];
} text_matcher;

static int32_t match_number(text_matcher *m, double value)
{
    for (int k = 0; k < 2; k++)
        if (m->last_label[k] >= 0 && m->last[k] == value)
            return m->last_label[k];
    char text[32];
    (void)mx_format_double(value + 0.0, text);
    m->last[1] = m->last[0];
    m->last_label[1] = m->last_label[0];
    m->last[0] = value;
    return m->last_label[0] = mx_dict_find(m->dict, mx_str_of(value == 0 ? "0" : text));
}

merx_status mx_target_labels(const merx_dataset *data, size_t at, const char *const *names, size_t count,
                             int32_t *labels, merx_error *err)
{
    const mx_column *column = mx_dataset_column(data, at);
    bool levels = column->type == MERX_COLUMN_CATEGORICAL || column->type == MERX_COLUMN_BOOLEAN;
    size_t n_map = column->type == MERX_COLUMN_CATEGORICAL ? column->n_levels : 2;
    text_matcher matcher = {.last_label = {-1, -1}};
    int32_t *map = NULL;
    merx_status status;
    MX_TRY_GOTO(MX_NEW_ARRAY(data->alloc, n_map, &map, "classes of levels", err));
    if (levels)
        MX_TRY_GOTO(match_levels(column, names, count, data->alloc, map, err));
    MX_TRY_GOTO(mx_dict_new(data->alloc, count > 0 ? count : 1, &matcher.dict, err));
    for (size_t k = 0; k < count; k++) {
        int32_t code;
        MX_TRY_GOTO(mx_dict_add(matcher.dict, mx_str_of(names[k]), &code, NULL, err));
    }
    for (size_t i = 0; i < data->rows; i++) {
        char buffer[40];
        int32_t code = column->type == MERX_COLUMN_CATEGORICAL ? column->as.codes[i]
                       : column->type == MERX_COLUMN_BOOLEAN   ? column->as.boolean[i]
                                                               : -1;
        if (levels && code >= 0)
            labels[i] = map[code];
        else if (column->type == MERX_COLUMN_NUMERIC && !isnan(column->as.numeric[i]))
            labels[i] = match_number(&matcher, column->as.numeric[i]);
        else if (mx_dataset_cell(column, i, buffer)[0] == '\0')
            MX_TRY_GOTO(missing_target(data, column, i, err));
        else
            labels[i] = mx_dict_find(matcher.dict, mx_str_of(mx_dataset_cell(column, i, buffer)));
        if (labels[i] < 0) {
            char where[224];
            mx_dataset_where(data, i, where);
            MX_FAIL_GOTO(err, MERX_E_NOT_FOUND, where, "the target \"%s\" is \"%s\", a class the model has not learnt",
                         column->name, mx_dataset_cell(column, i, buffer));
        }
    }
out:
    MX_FREE_ARRAY(data->alloc, map, n_map);
    mx_dict_free(matcher.dict);
    return status;
}

merx_status mx_target_values(const merx_dataset *data, size_t at, bool logarithm, double *y, merx_error *err)
{
    const mx_column *column = mx_dataset_column(data, at);
    if (column->type != MERX_COLUMN_NUMERIC && column->type != MERX_COLUMN_BOOLEAN)
        MX_FAIL(err, MERX_E_TYPE, data->name, "the target \"%s\" is %s (expected a numeric or boolean column)",
                column->name, merx_column_type_name(column->type));
    for (size_t i = 0; i < data->rows; i++) {
        if (!mx_column_value(column, i, &y[i]))
            return missing_target(data, column, i, err);
        if (logarithm && !(y[i] > 0)) {
            char where[224], text[32];
            mx_dataset_where(data, i, where);
            (void)mx_format_double(y[i], text);
            MX_FAIL(err, MERX_E_NUMERIC, where,
                    "the target \"%s\": %s has no logarithm (log_columns needs numbers above 0)", column->name, text);
        }
        if (logarithm)
            y[i] = log(y[i]);
    }
    return MERX_OK;
}

merx_status mx_weight_read(const merx_dataset *data, size_t at, double *weights, bool *any, merx_error *err)
{
    const mx_column *column = mx_dataset_column(data, at);
    if (column->type != MERX_COLUMN_NUMERIC)
        MX_FAIL(err, MERX_E_TYPE, data->name, "the weight \"%s\" is %s (expected a numeric column)", column->name,
                merx_column_type_name(column->type));
    for (size_t i = 0; i < data->rows; i++) {
        weights[i] = column->as.numeric[i];
        *any |= weights[i] > 0;
        if (!(weights[i] >= 0)) {
            char where[224], text[40];
            mx_dataset_where(data, i, where);
            const char *cell = mx_dataset_cell(column, i, text);
            MX_FAIL(err, MERX_E_RANGE, where, "the weight \"%s\" is %s (expected a number of 0 or more)", column->name,
                    cell[0] != '\0' ? cell : "missing");
        }
    }
    return MERX_OK;
}

merx_status mx_weight_values(const merx_dataset *data, size_t at, double *weights, merx_error *err)
{
    const mx_column *column = mx_dataset_column(data, at);
    bool any = false;
    MX_TRY(mx_weight_read(data, at, weights, &any, err));
    return any || data->rows == 0 ? MERX_OK : mx_weight_none(data, column->name, err);
}

merx_status mx_weight_none(const merx_dataset *data, const char *weight, merx_error *err)
{
    MX_FAIL(err, MERX_E_INVALID, data->name, "the weight \"%s\" is 0 in every row", weight);
}
