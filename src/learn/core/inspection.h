/*
 * What importance, dependence and calibration share: the rows looked at with their truth, metrics by name, and a dataset of which one
 * column is other than in the data it stands on. Floor 3.
 */
#ifndef MX_LEARN_CORE_INSPECTION_H
#define MX_LEARN_CORE_INSPECTION_H

#include "learn/core/model_state.h"
#include "merx/inspect.h"

/* The rows looked at: the data, or a sample of its rows. */
typedef struct mx_inspected {
    const merx_model *model;
    const mx_fitted *fitted;
    const merx_dataset *data; /* those rows */
    merx_dataset *sample;     /* owned; NULL: all rows */
    size_t *rows, n_rows;     /* of the sample in the data; NULL: all */
    const merx_allocator *alloc;
    double *y;       /* the truth; NULL */
    int32_t *labels; /* the truth; NULL */
} mx_inspected;
/* MERX_E_NOT_FITTED, MERX_E_SHAPE, MERX_E_INVALID without rows; max_rows 0: all. Release also after a failure. */
merx_status mx_inspected_init(mx_inspected *s, const merx_model *model, const merx_dataset *data, size_t max_rows,
                              merx_task *task, merx_error *err) MERX_MUST_CHECK;
/* Reads the target's column. MERX_E_UNSUPPORTED for families without a truth to be measured against. */
merx_status mx_inspected_truth(mx_inspected *s, merx_error *err) MERX_MUST_CHECK;
void mx_inspected_release(mx_inspected *s);
/* `count` of n rows, ascending, drawn by key: depends on n, count, seed and purpose. Owned by the caller: MX_FREE_ARRAY of count. */
merx_status mx_draw_rows(size_t n, size_t count, uint64_t seed, uint64_t purpose, const merx_allocator *alloc,
                         size_t **rows, merx_error *err) MERX_MUST_CHECK;

/* Columns the model reads: of the table or the matrix. */
size_t mx_inspected_columns(const mx_inspected *s);
const char *mx_inspected_column(const mx_inspected *s, size_t i);
/* MERX_E_NOT_FOUND with the nearest name the model reads. */
merx_status mx_inspected_find(const mx_inspected *s, const char *name, size_t *i, merx_error *err) MERX_MUST_CHECK;
/* An output by name, or what `options->output == NULL` means: the second of two classes, else the first. */
merx_status mx_inspected_output(const mx_inspected *s, const char *name, size_t *output,
                                merx_error *err) MERX_MUST_CHECK;

/* The inspected data with one column replaced; all else is borrowed. */
typedef struct mx_overlay {
    merx_dataset data;
    const merx_dataset *of;
    const merx_allocator *alloc;
    mx_column *columns; /* of a table */
    size_t at;
    void *values;       /* the column, or the whole matrix */
    size_t value_bytes; /* of values */
} mx_overlay;
merx_status mx_overlay_init(mx_overlay *overlay, const mx_inspected *s, size_t column, merx_error *err) MERX_MUST_CHECK;
void mx_overlay_release(mx_overlay *overlay);
/* Row i gets the value that row order[i] of the data has. */
void mx_overlay_permute(mx_overlay *overlay, const int64_t *order);
/* Every row gets the value: a number, a level's code, 0 or 1, ms since 1970. */
void mx_overlay_set(mx_overlay *overlay, double value);

/* What a result owns: an arena in memory of the model's allocator. */
merx_status mx_inspection_memory(void **memory, const merx_allocator **alloc, const merx_model *model,
                                 merx_error *err) MERX_MUST_CHECK;
void mx_inspection_forget(void *memory, const merx_allocator *alloc);

typedef struct mx_named_metric {
    const char *name;
    mx_target_kind kind;
    bool higher_is_better, two_classes;
    merx_status (*of)(const mx_inspected *truth, const merx_prediction *p, double *out, merx_error *err);
} mx_named_metric;
/* NULL name: the family's usual one. MERX_E_NOT_FOUND names the nearest that fits this model. */
merx_status mx_metric_find(const mx_inspected *s, const char *name, const mx_named_metric **out,
                           merx_error *err) MERX_MUST_CHECK;

#endif
