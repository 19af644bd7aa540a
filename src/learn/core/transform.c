/*
 * Applying a pipeline: binding a table to it, and filling rows of the design.
 *
 * A table read from another file may have inferred another type for a column. What carries the same values is accepted: a column
 * without any value fits every source; 0/1 numbers fit a boolean; numbers and booleans fit a categorical source by their text.
 */
#include "learn/core/transform.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

bool mx_column_value(const mx_column *column, size_t row, double *value)
{
    switch (column->type) {
    case MERX_COLUMN_NUMERIC:
        *value = column->as.numeric[row];
        return !isnan(*value);
    case MERX_COLUMN_BOOLEAN:
        *value = column->as.boolean[row];
        return column->as.boolean[row] >= 0;
    case MERX_COLUMN_DATE:
        *value = (double)column->as.date_ms[row];
        return column->as.date_ms[row] != INT64_MIN;
    default:
        return false;
    }
}

static bool type_fits(const mx_source_column *source, const mx_column *column, size_t rows)
{
    if (source->type == column->type || column->missing == rows)
        return true;
    switch (source->type) {
    case MERX_COLUMN_NUMERIC:
        return column->type == MERX_COLUMN_BOOLEAN;
    case MERX_COLUMN_BOOLEAN:
        if (column->type != MERX_COLUMN_NUMERIC)
            return false;
        for (size_t i = 0; i < rows; i++)
            if (!isnan(column->as.numeric[i]) && column->as.numeric[i] != 0 && column->as.numeric[i] != 1)
                return false;
        return true;
    case MERX_COLUMN_CATEGORICAL:
        return true;
    default:
        return false;
    }
}

static int32_t slot_of_level(const mx_source_column *source, const char *text)
{
    int32_t level = mx_dict_find(source->levels, mx_str_of(text));
    int32_t slot = level >= 0 ? source->slot_of[level] : MX_LEVEL_UNKNOWN;
    return slot == MX_LEVEL_UNKNOWN && source->other >= 0 ? source->other : slot;
}

merx_status mx_pipeline_bind(const mx_pipeline *pipeline, const merx_dataset *table, const merx_allocator *alloc,
                             mx_binding *out, merx_error *err)
{
    memset(out, 0, sizeof *out);
    alloc = mx_allocator_or_default(alloc);
    if (table->shape != MERX_SHAPE_TABLE)
        MX_FAIL(err, MERX_E_SHAPE, table->name, "the model was fitted on a table; this is none");
    MX_TRY(MX_NEW_ARRAY(alloc, pipeline->n_sources, &out->columns, "bound columns", err));
    out->alloc = alloc;
    out->n = pipeline->n_sources;
    out->table = table;
    merx_status status = MERX_OK;
    for (size_t s = 0; s < pipeline->n_sources; s++) {
        const mx_source_column *source = &pipeline->sources[s];
        size_t at;
        MX_TRY_GOTO(mx_dataset_need_column(table, source->name, "feature", &at, err));
        const mx_column *column = mx_dataset_column(table, at);
        mx_bound_column *bound = &out->columns[s];
        bound->column = column;
        if (!type_fits(source, column, table->rows))
            MX_FAIL_GOTO(err, MERX_E_TYPE, table->name, "column \"%s\" is %s; the model was fitted with a %s one",
                         source->name, merx_column_type_name(column->type), merx_column_type_name(source->type));
        if (source->type != MERX_COLUMN_CATEGORICAL || column->type != MERX_COLUMN_CATEGORICAL)
            continue;
        MX_TRY_GOTO(MX_NEW_ARRAY(alloc, column->n_levels, &bound->map, "levels", err));
        bound->n_map = column->n_levels;
        for (size_t k = 0; k < column->n_levels; k++)
            bound->map[k] = slot_of_level(source, column->levels[k]);
    }
out:
    if (status != MERX_OK)
        mx_binding_release(out);
    return status;
}

void mx_binding_release(mx_binding *binding)
{
    for (size_t s = 0; s < binding->n; s++)
        MX_FREE_ARRAY(binding->alloc, binding->columns[s].map, binding->columns[s].n_map);
    if (binding->alloc != NULL)
        MX_FREE_ARRAY(binding->alloc, binding->columns, binding->n);
    memset(binding, 0, sizeof *binding);
}

static void fill_neutral(const mx_pipeline *p, const mx_source_column *source, double *x)
{
    for (size_t j = source->first; j < source->first + source->count; j++)
        x[j] = p->slots[j].neutral;
}

static void fill_category(const mx_pipeline *p, const mx_source_column *source, const mx_bound_column *bound,
                          size_t row, double *x)
{
    const mx_column *column = bound->column;
    int32_t slot;
    char buffer[40];
    const char *text = bound->map == NULL ? mx_dataset_cell(column, row, buffer) : NULL;
    if (bound->map != NULL ? column->as.codes[row] < 0 : text[0] == '\0')
        slot = source->absent >= 0 ? source->absent : MX_LEVEL_UNKNOWN;
    else
        slot = bound->map != NULL ? bound->map[column->as.codes[row]] : slot_of_level(source, text);
    if (p->slots[source->first].kind == MX_SLOT_CODE) {
        bool missing = bound->map != NULL ? column->as.codes[row] < 0 : text[0] == '\0';
        x[source->first] = missing ? NAN : slot >= 0 ? slot : -1;
        return;
    }
    if (slot == MX_LEVEL_UNKNOWN) {
        fill_neutral(p, source, x);
        return;
    }
    for (size_t j = source->first; j < source->first + source->count; j++)
        x[j] = (int32_t)j == slot;
}

static merx_status fill_value(const mx_pipeline *p, const mx_source_column *source, const mx_binding *binding,
                              const mx_column *column, size_t row, double *x, merx_error *err)
{
    double raw, value;
    bool present = mx_column_value(column, row, &raw);
    bool as_is = p->slots[source->first].kind >= MX_SLOT_PLAIN;
    if (!present && as_is) {
        for (size_t j = source->first; j < source->first + source->count; j++)
            x[j] = NAN;
        return MERX_OK;
    }
    if (!present && source->absent < 0 && source->type == MERX_COLUMN_DATE) {
        fill_neutral(p, source, x);
        return MERX_OK;
    }
    mx_date date = {0};
    int weekday = -1;
    if (!present) {
        value = source->fill;
    } else if (source->type == MERX_COLUMN_DATE) {
        value = raw / MX_YEAR_MS;
        mx_date_from_ms((int64_t)raw, &date);
        weekday = mx_weekday((int64_t)raw);
    } else if (source->log) {
        if (!(raw > 0)) {
            char where[224], text[32];
            mx_dataset_where(binding->table, row, where);
            (void)mx_format_double(raw, text);
            MX_FAIL(err, MERX_E_NUMERIC, where,
                    "column \"%s\": %s has no logarithm (the model uses that of this column)", source->name, text);
        }
        value = log(raw);
    } else {
        value = raw;
    }
    for (size_t j = source->first; j < source->first + source->count; j++) {
        const mx_slot *slot = &p->slots[j];
        switch (slot->kind) {
        case MX_SLOT_VALUE:
            x[j] = (value - slot->center) / slot->scale;
            break;
        case MX_SLOT_PLAIN:
            x[j] = value;
            break;
        case MX_SLOT_MONTH_CODE:
            x[j] = date.month - 1;
            break;
        case MX_SLOT_WEEKDAY_CODE:
            x[j] = weekday;
            break;
        case MX_SLOT_MISSING:
            x[j] = !present;
            break;
        case MX_SLOT_MONTH:
            x[j] = present ? date.month == slot->argument : slot->neutral;
            break;
        default:
            x[j] = present ? weekday == slot->argument : slot->neutral;
        }
    }
    return MERX_OK;
}

merx_status mx_pipeline_transform(const mx_pipeline *pipeline, const mx_binding *binding, size_t begin, size_t count,
                                  double *x, merx_error *err)
{
    for (size_t s = 0; s < pipeline->n_sources; s++) {
        const mx_source_column *source = &pipeline->sources[s];
        const mx_bound_column *bound = &binding->columns[s];
        for (size_t i = 0; i < count; i++) {
            double *row = x + i * pipeline->width;
            if (source->type == MERX_COLUMN_CATEGORICAL)
                fill_category(pipeline, source, bound, begin + i, row);
            else
                MX_TRY(fill_value(pipeline, source, binding, bound->column, begin + i, row, err));
        }
    }
    return MERX_OK;
}
