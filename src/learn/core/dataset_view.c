/*
 * Datasets over what the caller holds: matrices of his, and streams of tables.
 */
#include <stdio.h>

#include "learn/core/table.h"

static merx_status view(const merx_allocator *alloc, const double *x, const float *x_float, size_t n, size_t d,
                        const char *const *names, merx_dataset **out, merx_error *err)
{
    *out = NULL;
    size_t cells;
    if (d == 0)
        MX_FAIL(err, MERX_E_SHAPE, "matrix", "the matrix has no columns");
    if (!mx_mul_size(n, d, &cells) || cells > PTRDIFF_MAX / sizeof(double) || d > MX_DATASET_MAX_COLUMNS)
        MX_FAIL(err, MERX_E_LIMIT, "matrix", "%zu rows of %zu columns are too many", n, d);
    if (n > 0 && x == NULL && x_float == NULL)
        MX_FAIL(err, MERX_E_INVALID, "matrix", "there are no numbers (x is NULL)");
    merx_dataset *matrix;
    MX_TRY(mx_dataset_new(alloc, MERX_SHAPE_MATRIX, "matrix", n, &matrix, err));
    merx_status status = MERX_E_MEMORY;
    const char **copies = mx_arena_array(&matrix->arena, d, sizeof *copies, err);
    if (copies == NULL)
        goto out;
    for (size_t j = 0; j < d; j++) {
        copies[j] = names != NULL ? mx_arena_strdup(&matrix->arena, names[j], err)
                                  : mx_arena_printf(&matrix->arena, err, "x%zu", j);
        if (copies[j] == NULL)
            goto out;
    }
    matrix->dense = (mx_dense){.d = d, .x = x, .x_float = x_float, .names = copies};
    *out = matrix;
    return MERX_OK;
out:
    merx_dataset_free(matrix);
    return status;
}

merx_status merx_dataset_view_matrix(const merx_allocator *alloc, const double *x, size_t n, size_t d,
                                     const char *const *names, merx_dataset **out, merx_error *err)
{
    return view(alloc, x, NULL, n, d, names, out, err);
}

merx_status merx_dataset_view_matrix_float(const merx_allocator *alloc, const float *x, size_t n, size_t d,
                                           const char *const *names, merx_dataset **out, merx_error *err)
{
    return view(alloc, NULL, x, n, d, names, out, err);
}

merx_status merx_dataset_from_stream(const merx_allocator *alloc, const merx_table_source *source, merx_dataset **out,
                                     merx_error *err)
{
    *out = NULL;
    if (source->next == NULL || source->rewind == NULL)
        MX_FAIL(err, MERX_E_INVALID, "stream", "a table source needs next and rewind");
    MX_TRY(mx_dataset_new(alloc, MERX_SHAPE_STREAM, "stream", 0, out, err));
    (*out)->stream = *source;
    return MERX_OK;
}

merx_status merx_dataset_next(merx_dataset *stream, merx_dataset **block, merx_error *err)
{
    *block = NULL;
    if (stream->shape != MERX_SHAPE_STREAM)
        MX_FAIL(err, MERX_E_SHAPE, stream->name, "only a stream has blocks");
    return stream->stream.next(stream->stream.context, block, err);
}
