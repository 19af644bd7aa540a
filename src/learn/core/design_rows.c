/*
 * The rows of a fit, from memory (from a stream: stream_fit.c).
 */
#include "learn/core/family.h"

static merx_status held_next(mx_design_rows *rows, mx_design *block, merx_error *err)
{
    (void)err;
    *block = *rows->held;
    if (rows->given)
        block->n = 0;
    rows->given = true;
    return MERX_OK;
}

static merx_status held_rewind(mx_design_rows *rows, merx_error *err)
{
    (void)err;
    rows->given = false;
    return MERX_OK;
}

mx_design_rows mx_design_rows_of(const mx_design *design)
{
    return (mx_design_rows){.d = design->d,
                            .classes = design->classes,
                            .n = design->n,
                            .weighted = design->weights != NULL,
                            .names = design->names,
                            .units = design->units,
                            .outputs = design->outputs,
                            .next = held_next,
                            .rewind = held_rewind,
                            .held = design};
}

merx_status mx_design_rows_next(mx_design_rows *rows, mx_design *block, merx_error *err)
{
    return rows->next(rows, block, err);
}

merx_status mx_design_rows_rewind(mx_design_rows *rows, merx_error *err)
{
    return rows->rewind(rows, err);
}
