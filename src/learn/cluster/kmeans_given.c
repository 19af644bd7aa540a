/*
 * Reading given starts.
 */
#include "learn/cluster/kmeans_given.h"

#include <math.h>
#include <string.h>

#include "learn/core/table.h"

static const mx_column *find_column(const merx_dataset *table, const char *name)
{
    for (size_t j = 0; j < merx_dataset_columns(table); j++) {
        const mx_column *column = mx_dataset_column(table, j);
        if (strcmp(column->name, name) == 0)
            return column;
    }
    return NULL;
}

static merx_status fill(const merx_dataset *table, const char *path, const char *const *names, const mx_unit *units,
                        size_t d, double *starts, merx_error *err)
{
    for (size_t j = 0; j < d; j++) {
        const mx_column *column = find_column(table, names[j]);
        if (column == NULL)
            MX_FAIL(err, MERX_E_INVALID, path,
                    "there is no column \"%s\" (starts have one for each column that counts)", names[j]);
        if (column->type != MERX_COLUMN_NUMERIC)
            MX_FAIL(err, MERX_E_TYPE, path, "column \"%s\" is %s; starts are numbers", names[j],
                    merx_column_type_name(column->type));
        for (size_t c = 0; c < merx_dataset_rows(table); c++) {
            double value = column->as.numeric[c];
            if (!isfinite(value))
                MX_FAIL(err, MERX_E_INVALID, path, "row %zu, column \"%s\" is missing", c + 1, names[j]);
            starts[c * d + j] = units != NULL ? (value - units[j].shift) / units[j].scale : value;
        }
    }
    return MERX_OK;
}

merx_status mx_kmeans_read_starts(const char *path, const char *const *names, const mx_unit *units, size_t d,
                                  const merx_allocator *alloc, merx_task *task, double **starts, size_t *k,
                                  merx_error *err)
{
    merx_dataset *table = NULL;
    merx_status status;
    *starts = NULL;
    *k = 0;
    if (names == NULL)
        MX_FAIL(err, MERX_E_UNSUPPORTED, path, "the columns have no names to find starts by");
    MX_TRY_GOTO(merx_dataset_read(path, NULL, task, &table, err));
    *k = merx_dataset_rows(table);
    if (*k == 0)
        MX_FAIL_GOTO(err, MERX_E_INVALID, path, "there are no rows, so there is no start");
    MX_TRY_GOTO(mx_alloc_array(alloc, *k, d * sizeof(double), "starts", starts, err));
    MX_TRY_GOTO(fill(table, path, names, units, d, *starts, err));
out:
    if (status != MERX_OK) {
        mx_free_array(alloc, *starts, *k, d * sizeof(double));
        *starts = NULL;
    }
    merx_dataset_free(table);
    return status;
}
