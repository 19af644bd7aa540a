/*
 * A matrix out of an NPY file: float64 and float32 in C order are taken where the file is mapped, everything else is made into float64.
 */
#include "base/run.h"
#include "io/npy.h"
#include "learn/core/table.h"

#define BLOCK_ROWS ((size_t)4096)

typedef struct widening {
    const mx_npy *npy;
    double *out;
} widening;

static merx_status widen(void *context, size_t block, merx_error *err)
{
    (void)err;
    const widening *w = context;
    const size_t first = block * BLOCK_ROWS, left = w->npy->rows - first;
    mx_npy_rows(w->npy, first, left < BLOCK_ROWS ? left : BLOCK_ROWS, w->out + first * w->npy->columns);
    return MERX_OK;
}

static merx_status widen_all(const mx_npy *npy, merx_task *task, merx_dataset **out, merx_error *err)
{
    const merx_allocator *alloc = merx_task_allocator(task);
    const size_t cells = npy->rows * npy->columns;
    size_t bytes;
    double *x = NULL;
    if (!mx_mul_size(cells, sizeof *x, &bytes))
        MX_FAIL(err, MERX_E_LIMIT, "matrix", "%zu rows of %zu columns are too many", npy->rows, npy->columns);
    MX_TRY(mx_task_require_memory(task, bytes, "reading the matrix", err));
    MX_TRY(mx_alloc_array_raw(alloc, cells > 0 ? cells : 1, sizeof *x, "matrix", &x, err));
    merx_status status =
        mx_parallel(task, (npy->rows + BLOCK_ROWS - 1) / BLOCK_ROWS, widen, &(widening){.npy = npy, .out = x}, err);
    if (status == MERX_OK)
        status = merx_dataset_view_matrix(alloc, x, npy->rows, npy->columns, NULL, out, err);
    if (status == MERX_OK) {
        status = mx_arena_adopt(&(*out)->arena, x, (cells > 0 ? cells : 1) * sizeof *x, err);
        if (status == MERX_OK)
            return MERX_OK;
    }
    mx_free_array(alloc, x, cells > 0 ? cells : 1, sizeof *x);
    return status;
}

merx_status mx_dataset_read_npy(const char *path, merx_task *task, merx_dataset **out, merx_error *err)
{
    mx_npy npy;
    *out = NULL;
    MX_TRY(mx_npy_open(path, &npy, err));
    const merx_allocator *alloc = merx_task_allocator(task);
    const uintptr_t place = (uintptr_t)npy.data;
    merx_status status;
    const bool plain = !npy.fortran || npy.columns == 1;
    bool mapped = true;
    if (npy.type == MX_NPY_FLOAT64 && plain && place % sizeof(double) == 0) {
        MX_TRY_GOTO(merx_dataset_view_matrix(alloc, (const double *)(const void *)npy.data, npy.rows, npy.columns, NULL,
                                             out, err));
    } else if (npy.type == MX_NPY_FLOAT32 && plain && place % sizeof(float) == 0) {
        MX_TRY_GOTO(merx_dataset_view_matrix_float(alloc, (const float *)(const void *)npy.data, npy.rows, npy.columns,
                                                   NULL, out, err));
    } else {
        mapped = false;
        MX_TRY_GOTO(widen_all(&npy, task, out, err));
    }
    const char *name = mx_arena_strdup(&(*out)->arena, path, err);
    if (name == NULL) {
        status = MERX_E_MEMORY;
        goto out;
    }
    (*out)->name = name;
    if (mapped)
        (*out)->map = npy.map; /* the dataset's from here on */
    else
        mx_npy_close(&npy);
    return MERX_OK;
out:
    merx_dataset_free(*out);
    *out = NULL;
    mx_npy_close(&npy);
    return status;
}
