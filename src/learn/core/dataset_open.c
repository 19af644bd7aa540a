/*
 * merx_dataset_open: a file as a stream of tables.
 */
#include <string.h>

#include "learn/core/rows_table.h"

#define BLOCK_ROWS ((size_t)1 << 14)

typedef struct opened {
    mx_rows_table rows;
    merx_csv_options options;
    mx_arena arena; /* path and words */
} opened;

static merx_status next(void *context, merx_dataset **block, merx_error *err)
{
    opened *o = context;
    MX_TRY(mx_rows_table_next(&o->rows, BLOCK_ROWS, block, err));
    if (merx_dataset_rows(*block) == 0) {
        merx_dataset_free(*block);
        *block = NULL;
    }
    return MERX_OK;
}

static merx_status rewind_file(void *context, merx_error *err)
{
    opened *o = context;
    return mx_rows_table_rewind(&o->rows, err);
}

static void close_file(void *context)
{
    opened *o = context;
    const merx_allocator *alloc = o->rows.alloc;
    mx_rows_table_release(&o->rows);
    mx_arena_release(&o->arena);
    MX_FREE_ARRAY(alloc, o, 1);
}

static merx_status keep_word(opened *o, const char **word, merx_error *err)
{
    if (*word != NULL && (*word = mx_arena_strdup(&o->arena, *word, err)) == NULL)
        return MERX_E_MEMORY;
    return MERX_OK;
}

merx_status merx_dataset_open(const char *path, const merx_csv_options *options, merx_task *task, merx_dataset **out,
                              merx_error *err)
{
    *out = NULL;
    const merx_allocator *alloc = merx_task_allocator(task);
    opened *o = NULL;
    merx_status status;
    MX_TRY(MX_NEW_ARRAY(alloc, 1, &o, "stream", err));
    mx_arena_init(&o->arena, alloc);
    if (options != NULL)
        o->options = *options;
    o->rows = (mx_rows_table){.path = path, .options = &o->options, .alloc = alloc, .task = task};
    MX_TRY_GOTO(keep_word(o, &o->rows.path, err));
    MX_TRY_GOTO(keep_word(o, &o->options.missing, err));
    MX_TRY_GOTO(keep_word(o, &o->options.types, err));
    MX_TRY_GOTO(mx_rows_table_learn(&o->rows, err));
    o->rows.task = NULL; /* who reads the blocks reports */
    MX_TRY_GOTO(mx_dataset_new(alloc, MERX_SHAPE_STREAM, path, 0, out, err));
    (*out)->stream = (merx_table_source){next, rewind_file, close_file, o};
    return MERX_OK;
out:
    close_file(o);
    return status;
}
